"""`hearth eval`: how well the hub hears and understands, where the answers are known.

What a folder is, is seen from its layout; what is measured is what a person would notice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hub import config as settings
from hub import terminal
from hub.app import open_hub
from hub.config import Config
from hub.errors import HearthError
from hub.evaluate import speech, wake
from hub.evaluate.text import evaluate_assist
from hub.models.store import ModelStore
from hub.terminal import escape

Result = dict[str, Any]


async def evaluate(folders: Sequence[Path], as_json: bool, failures: bool) -> None:
    """Measure each folder and print. Raises HearthError for a folder that is no known set."""
    config = settings.load()
    for folder in folders:
        with terminal.err.status(f"measuring: {folder} …"):
            results = [result async for result in _measured(config, folder)]
        for result in results:
            missed = result.pop("failures")
            if as_json:
                extra = {"failures": missed} if failures else {}
                terminal.row(result | extra)
                continue
            figures = ", ".join(
                f"{name} {value}" for name, value in result.items() if name not in ("set", "kind")
            )
            terminal.out.print(f"[bold]{escape(result['set'])}[/] {escape(figures)}")
            for line in missed if failures else ():
                terminal.out.print(f"  [red]✗[/] {escape(line)}")


async def _measured(config: Config, folder: Path) -> AsyncIterator[Result]:
    match _kind(folder):
        case "speech":
            yield await _spoken(config, folder)
        case "homes":
            yield await _homes(config, folder)
        case "wake":
            for name in _wake_words(config, folder):
                yield await _woken(config, folder, name)


def _kind(folder: Path) -> str:
    if (folder / "transcripts.tsv").is_file():
        return "speech"
    if any(folder.glob("*/_fixtures.yaml")):
        return "homes"
    if folder.is_dir() and wake.clips(folder):
        return "wake"
    raise HearthError(
        f"{folder}: not a set that is known: it has neither transcripts.tsv, nor "
        "HOME/_fixtures.yaml, nor recordings"
    )


async def _spoken(config: Config, folder: Path) -> Result:
    """Recorded commands: word error rate, and how many are a command for the hub's home."""
    pairs, missed, understood = [], [], 0
    clips = speech.load(folder)
    async with open_hub(
        config.without_wake_word(), ears=True, recognise=True, remember=False
    ) as hub:
        for clip in clips:
            heard = await hub.assistant.understand(clip.audio)
            pairs.append((clip.text, heard.utterance.text if clip.text else ""))
            understood += heard.intent is not None
            if speech.normalised(clip.text) != speech.normalised(heard.utterance.text):
                missed.append(f"{clip.name}: “{clip.text}” heard as “{heard.utterance.text}”")
    return {
        "set": folder.name,
        "kind": "speech",
        "recordings": len(clips),
        "word_error": round(speech.word_error_rate(pairs), 4),
        "understood": understood,
        "failures": missed,
    }


async def _homes(config: Config, folder: Path) -> Result:
    """Sentences with expected changes: right is that these happen and nothing else changes."""
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(open_hub(config, remember=False))
        score = await evaluate_assist(folder, model=hub.language_model, settings=config)
    missed = [
        f"{one.case.home}: “{one.case.sentence}” {one.verdict}: {'; '.join(one.differences)}"
        for one in score.judged
        if one.verdict != "right"
    ]
    return {
        "set": folder.name,
        "kind": "homes",
        "sentences": score.total,
        "right": score.count("right"),
        "wrong_action": score.count("wrong"),
        "no_action": score.count("none"),
        "failures": missed,
    }


def _wake_words(config: Config, folder: Path) -> Iterator[str]:
    """The configured wake word, and those in the set for which there is a model here."""
    said = {clip.said.casefold().replace(" ", "_") for clip in wake.clips(folder)}
    installed = {model.name for model in ModelStore(config.models).installed()}
    own = config.wake.micro or config.wake.verifier
    if own:
        yield own
    yield from sorted((said & installed) - {own})


async def _woken(config: Config, folder: Path, name: str) -> Result:
    chosen = config.wake.model_copy(update={"micro": name, "verifier": name})
    async with open_hub(
        config.model_copy(update={"wake": chosen}), ears=True, remember=False
    ) as hub:
        assert hub.wake is not None
        score = await wake.evaluate_wake(hub.wake, name, [folder])
    found = score.to_json()
    missed = [f"missed: {path}" for path in found.pop("missed_files")]
    missed += [f"false: {path}" for path in found.pop("false_files")]
    return {"set": folder.name, "kind": "wake", **found, "failures": missed}
