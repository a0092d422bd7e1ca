"""`hearth eval`: how well the hub hears and understands, where the answers are known.

What a folder is, is seen from its layout; what is measured is what a person would notice.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hub import config as settings
from hub import terminal
from hub.app import Hub, open_hub, reply_sink
from hub.config import Config
from hub.errors import ConfigError, HearthError
from hub.evaluate import aloud, scorecard, speech, wake
from hub.evaluate.formats import dialogues, homes, intents, orders, slurp, voice_bench
from hub.evaluate.formats import speech as recorded
from hub.evaluate.judging import VERDICTS, Ground, TextSet
from hub.evaluate.run import Score, Subject, built, limited, run, subjects
from hub.models.store import ModelStore
from hub.terminal import escape

TEXTS = (intents, voice_bench, slurp, homes, dialogues)
"""Formats of sentences; each has `matches(folder)` and `read(folder)`."""

ORDER_NOISE = (24.0, 18.0, 12.0, 6.0)
"""Decibels by which noise is softer than spoken orders."""

DEEPEST = 3
"""Folders in folders that are looked into for sets."""

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    tiers: tuple[str, ...] = ("all",)
    peer: bool = False
    as_json: bool = False
    failures: bool = False
    scorecard: Path | None = None
    spoken: int = 0
    noise: Path | None = None
    limit: int | None = None


async def evaluate(folders: Sequence[Path], options: Options) -> None:
    """Measure each folder and print. Raises HearthError for a folder in which there is no set."""
    config = settings.load()
    logging.getLogger("hub").setLevel(logging.CRITICAL)  # what fails is counted
    found = [one for folder in folders for one in sets(folder)]
    results: list[Result] = []
    with _progress() as progress:
        async for result in _measured(config, found, options, progress):
            results.append(result)
            _show(result, options)
    if options.scorecard is not None:
        scorecard.write(options.scorecard, results, config, options.tiers)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=terminal.err,
        transient=True,
    )


def sets(folder: Path) -> list[tuple[str, Path]]:
    """Kind and folder of every set in a folder, or of the folder itself.

    Raises HearthError if there is none."""
    if not folder.is_dir():
        raise HearthError(f"{folder}: there is no such folder")
    found = list(_sets(folder, DEEPEST))
    if not found:
        raise HearthError(f"{folder}: no set that is known; see `hearth eval --help` for layouts")
    return found


def _sets(folder: Path, depth: int) -> Iterator[tuple[str, Path]]:
    if kind := _kind(folder):
        yield kind, folder
        return
    inner = sorted(path for path in folder.iterdir() if path.is_dir()) if depth else []
    found = [one for path in inner for one in _sets(path, depth - 1)]
    # Folders of sounds and nothing else, one for each phrase, are one set.
    if found and all(kind == "wake" and path in inner for kind, path in found):
        yield "wake", folder
    else:
        yield from found


def _kind(folder: Path) -> str | None:
    if (folder / "transcripts.tsv").is_file():
        return "speech"
    if (folder / "labels.jsonl").is_file():
        return "orders"
    if any(format.matches(folder) for format in TEXTS):
        return "text"
    sounds = any(path.suffix.lower() in wake.SOUNDS for path in folder.iterdir())
    listed = any(folder.glob("*.csv")) and bool(wake.clips(folder))
    return "wake" if sounds or listed else None


def texts(folder: Path) -> Iterator[TextSet]:
    """The sets of sentences in a folder. Raises ConfigError for a file that makes no sense."""
    for format in TEXTS:
        if format.matches(folder):
            try:
                yield from format.read(folder)
            except (KeyError, TypeError, AttributeError) as error:
                raise ConfigError(f"{folder}: not as expected: {error!r}") from error
            return


async def _measured(
    config: Config, found: Sequence[tuple[str, Path]], options: Options, progress: Progress
) -> AsyncIterator[Result]:
    heard = options.spoken > 0 or any(k in ("speech", "orders") for k, _ in found)
    sink = reply_sink(None) if options.spoken else None
    async with open_hub(config, remember=False, recognise=heard, sink=sink) as hub:
        for kind, folder in found:
            if kind == "text":
                for chosen in texts(folder):
                    async for result in _texts(hub, chosen, options, progress):
                        yield result
                    if options.spoken:
                        async for result in _aloud(hub, folder, chosen, options, progress):
                            yield result
            elif kind == "speech":
                async for result in _recorded(hub, folder, options, progress):
                    yield result
            elif kind == "orders":
                async for result in _ordered(hub, folder, options, progress):
                    yield result
            elif kind == "wake":
                for name in _wake_words(config, folder):
                    yield await _woken(config, folder, name)


def _subjects(hub: Hub, options: Options, *, templates: bool) -> Iterator[Subject]:
    """Raises ConfigError if a language model is needed and there is none."""
    for subject in subjects(options.tiers, peer=options.peer, templates=templates):
        if subject.needs_model and hub.language_model is None:
            raise ConfigError(
                "no language model is installed or set; `hearth models fetch`, or --tiers rules"
            )
        yield subject


async def _run(
    hub: Hub,
    chosen: TextSet,
    subject: Subject,
    progress: Progress,
    *,
    heard: bool = False,
    config: Config | None = None,
) -> Score:
    task = progress.add_task(escape(f"{chosen.name}: {subject.label}"), total=chosen.total)
    recognizer = hub.recognizer if heard else None
    try:
        return await run(
            chosen,
            subject,
            config or hub.config,
            hub.language_model,
            partial(progress.advance, task),
            recognizer=recognizer,
        )
    finally:
        progress.remove_task(task)


async def _texts(
    hub: Hub, chosen: TextSet, options: Options, progress: Progress
) -> AsyncIterator[Result]:
    chosen = limited(chosen, options.limit)
    for subject in _subjects(hub, options, templates=chosen.templates):
        yield _result(await _run(hub, chosen, subject, progress))


async def _aloud(
    hub: Hub, folder: Path, chosen: TextSet, options: Options, progress: Progress
) -> AsyncIterator[Result]:
    """Some sentences of a set, typed and spoken by the hub's voice in noise."""
    assert hub.synthesizer is not None
    # Of other languages the voice speaks none, and the recognizer is not set up for them.
    grounds = [g for g in chosen.grounds if g.language == hub.config.hub.languages[0]]
    if not grounds:
        return
    chosen = replace(chosen, grounds=grounds)
    name, noise = await aloud.noise(options.noise, folder)
    some = limited(chosen, options.spoken)
    sound = await aloud.spoken(some, hub.synthesizer, noise)
    for subject in _subjects(hub, options, templates=False):
        typed = await _run(hub, some, subject, progress)
        score = await _run(hub, sound, subject, progress, heard=True)
        words = [(each.case.request.text, each.answer.heard) for each in score.scored]
        yield {
            "set": chosen.name,
            "kind": "spoken",
            "tiers": subject.label,
            "sentences": score.total,
            "noise": f"{name}, {aloud.SNR:g} dB",
            "word_error": round(speech.word_error_rate(words), 3),
            **aloud.kept(typed, score),
            "wrong_action": score.count("wrong_action"),
            "failures": score.failures(),
        }


async def _recorded(
    hub: Hub, folder: Path, options: Options, progress: Progress
) -> AsyncIterator[Result]:
    """Recorded commands, clean and in noise, each language by itself."""
    languages = speech.languages(folder)
    for language in languages:
        name = folder.name if len(languages) == 1 else f"{folder.name} {language}"
        async for result in _recorded_in(language, hub, folder, options, progress):
            yield {"set": name, **result}


async def _recorded_in(
    language: str, hub: Hub, folder: Path, options: Options, progress: Progress
) -> AsyncIterator[Result]:
    name, noise = await aloud.noise(options.noise, folder)
    ground = Ground("", recorded.home(folder), (), language)
    clips = speech.load(folder, language)
    for subject in _subjects(hub, options, templates=False):
        stage = await built(ground, subject, hub.config, hub.language_model)
        try:
            for disturbed in (None, noise):
                chosen = await recorded.read(folder, clips, stage, disturbed, aloud.SNR)
                score = await _run(hub, chosen, subject, progress, heard=True)
                words = [
                    (each.case.request.text, each.answer.heard if each.case.request.text else "")
                    for each in score.scored
                ]
                yield {
                    "kind": "speech",
                    "tiers": subject.label,
                    "recordings": score.total,
                    "noise": f"{name}, {aloud.SNR:g} dB" if disturbed else "none",
                    "word_error": round(speech.word_error_rate(words), 4),
                    "action_percent": round(score.share, 1),
                    **{verdict: score.count(verdict) for verdict in VERDICTS},
                    "judged": score.judged,
                    "failures": score.failures(),
                }
        finally:
            await stage.close()


async def _ordered(
    hub: Hub, folder: Path, options: Options, progress: Progress
) -> AsyncIterator[Result]:
    """Spoken orders for a machine that is a skill, clean and in more and more noise."""
    name, noise = await aloud.noise(options.noise, folder)
    with tempfile.TemporaryDirectory(prefix="hearth-eval-") as made:
        skills = hub.config.skills
        machine = orders.machine(folder, skills.folders, Path(made))
        folders = (*skills.folders, *((machine.folder,) if machine.folder else ()))
        config = hub.config.model_copy(
            update={"skills": skills.model_copy(update={"folders": folders})}
        )
        for subject in _subjects(hub, replace(options, peer=False), templates=False):
            for snr in (None, *ORDER_NOISE):
                chosen = await asyncio.to_thread(
                    orders.read, folder, noise if snr is not None else None, snr or 0.0, machine
                )
                chosen = limited(chosen, options.limit)
                score = await _run(hub, chosen, subject, progress, heard=True, config=config)
                yield {
                    "set": folder.name,
                    "kind": "orders",
                    "tiers": subject.label,
                    "orders": score.total,
                    "noise": "none" if snr is None else f"{name}, {snr:g} dB",
                    "right_percent_of_orders": round(score.share, 1),
                    **{verdict: score.count(verdict) for verdict in VERDICTS},
                    "judged": score.judged,
                    "failures": score.failures(),
                }


def _result(score: Score) -> Result:
    return {**score.to_json(), "judged": score.judged, "failures": score.failures()}


def _show(result: Result, options: Options) -> None:
    missed = result["failures"]
    shown = {key: value for key, value in result.items() if key != "failures"}
    if options.as_json:
        extra = {"failures": missed} if options.failures else {}
        terminal.row(shown | extra)
        return
    figures = ", ".join(
        f"{name} {value}"
        for name, value in shown.items()
        if name not in ("set", "kind", "judged", "tiers", "by_tier") and value not in (None, {})
    )
    tiers = f" ({result['tiers']})" if "tiers" in result else ""
    terminal.out.print(
        f"[bold]{escape(result['set'])}[/]{escape(tiers)} {escape(figures)}", soft_wrap=True
    )
    for line in missed if options.failures else ():
        terminal.out.print(f"  [red]✗[/] {escape(line)}", soft_wrap=True)


def _wake_words(config: Config, folder: Path) -> Iterator[str]:
    """The configured wake word, and those in the set for which there is a model here."""
    said = {clip.said.casefold().replace(" ", "_") for clip in wake.clips(folder)}
    installed = _detectors(config, "wake") | _detectors(config, "verifier")
    own = config.wake.micro or config.wake.verifier
    if own:
        yield own
    yield from sorted((said & installed) - {own})


def _detectors(config: Config, role: str) -> set[str]:
    """Names of the wake words for which a model of this role is on this machine."""
    return {model.name for model in ModelStore(config.models).installed() if model.role == role}


async def _woken(config: Config, folder: Path, name: str) -> Result:
    micro, verifier = config.wake.micro, config.wake.verifier
    if name not in (micro, verifier):
        micro, verifier = (
            name if name in _detectors(config, role) else "" for role in ("wake", "verifier")
        )
    chosen = config.wake.model_copy(update={"micro": micro, "verifier": verifier})
    async with open_hub(
        config.model_copy(update={"wake": chosen}), ears=True, remember=False
    ) as hub:
        assert hub.wake is not None
        score = await wake.evaluate_wake(hub.wake, name, [folder])
    found = score.to_json()
    missed = [f"missed: {path}" for path in found.pop("missed_files")]
    missed += [f"false: {path}" for path in found.pop("false_files")]
    found["models"] = "both" if micro and verifier else "one" if micro or verifier else "none"
    return {"set": folder.name, "kind": "wake", **found, "failures": missed}
