"""`hearth doctor`: every part tried for real, and for each that fails the way to mend it."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from hub import board, control, egress, terminal
from hub import config as settings
from hub.app import (
    LOST,
    Hub,
    load_skills,
    loudspeaker_name,
    microphone_name,
    open_home,
    open_hub,
    reply_sink,
)
from hub.audio.pcm import frames, resampled
from hub.config import Config
from hub.crashes import SAFE
from hub.engines.openai_server import OpenAIServer
from hub.engines.wyoming_link import is_address
from hub.errors import HearthError, reason
from hub.evaluate.resources import total_pss, usage
from hub.home.model import Home
from hub.home.wire import from_json
from hub.messages import SAMPLE_RATE
from hub.models.catalogue import default_set
from hub.models.store import ModelStore
from hub.privacy.sound import warning
from hub.terminal import escape

Health = Literal["good", "weak", "bad"]
"""weak: something is missing that the hub can do without."""

SPACE = 500_000_000
"""Bytes of free disk below which models cannot be fetched safely."""
SENTENCE = "Turn on the kitchen light."
MARKS = {"good": "[green]✓[/]", "weak": "[yellow]![/]", "bad": "[red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part."""

    part: str
    health: Health
    detail: str
    remedy: str = ""


async def examine(as_json: bool) -> bool:
    """Check all parts and print what was found; whether nothing is bad. Raises ConfigError."""
    healthy = True
    async for finding in _findings(settings.load()):
        healthy = healthy and finding.health != "bad"
        if as_json:
            terminal.row(dataclasses.asdict(finding))
        else:
            mark = MARKS[finding.health]
            terminal.out.print(f"{mark} [bold]{finding.part:14}[/] {escape(finding.detail)}")
            if finding.remedy:
                terminal.out.print(f"  {'':14} [yellow]→ {escape(finding.remedy)}[/]")
    return healthy


async def _findings(config: Config) -> AsyncIterator[Finding]:
    yield _settings()
    yield Finding("board", "good", board.told(config))
    yield _disk(config)
    yield _privacy(config)
    for finding in _models(config):
        yield finding
    async for finding in _home(config):
        yield finding
    yield _skills(config)
    for finding in _packs(config):
        yield finding
    yield _microphone(config)
    yield _loudspeaker(config)
    async for finding in _engines(config):
        yield finding
    yield await running(config)
    yield await page(config)


def _settings() -> Finding:
    path = settings.default_path()
    if path.exists():
        return Finding("settings", "good", str(path))
    return Finding("settings", "good", f"the defaults ({path} does not exist)")


def _disk(config: Config) -> Finding:
    folder = config.hub.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".doctor"
        try:
            probe.write_bytes(b"x")
        finally:
            probe.unlink(missing_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(
            "data folder", "bad", f"{folder}: {reason(error)}", "or name another in [hub] data"
        )
    if (folder / LOST).exists():
        return Finding(
            "data folder",
            "bad",
            f"{folder}: what was set about the devices is lost; voice opens nothing",
            "hearth trust, then hearth trust reviewed",
        )
    if free < SPACE:
        return Finding(
            "data folder", "weak", f"{folder}: {free // 2**20} MB free", "make room on this disk"
        )
    return Finding("data folder", "good", f"{folder}, {free / 2**30:.0f} GB free")


def _privacy(config: Config) -> Finding:
    """Sound that is kept is the one thing that nobody must overlook."""
    from hub.history.database import damaged

    if kept := warning(config, datetime.now(UTC)):
        return Finding("privacy", "weak", kept, "take debug_audio_until out of [privacy]")
    aside = [
        path
        for name in ("history.db", "memory.db", "past.db")
        for path in damaged(config.hub.data / name)
    ]
    if aside:
        detail = f"{aside[-1]} was set aside as damaged"
        return Finding("privacy", "weak", detail, "look at it, and delete it")
    words = config.privacy.words_hours
    detail = f"words are kept for {words:g} hours" if words else "words are never kept"
    if away := egress.outside(egress.named_in(config.model_dump())):
        detail += f", the settings name hosts outside of the house ({', '.join(away)})"
    return Finding("privacy", "good", f"sound is never kept, {detail}: 'hearth privacy show'")


def _models(config: Config) -> list[Finding]:
    store = ModelStore(config.models)
    found = []
    for model in default_set(config, store.catalogue):
        state = store.state(model)
        optional = model.role in ("verifier", "language-model")
        if state == "installed":
            found.append(Finding("model", "good", f"{model}, {model.licence}"))
        else:
            found.append(
                Finding(
                    "model",
                    "weak" if optional else "bad",
                    f"{model} is {state}",
                    f"hearth models fetch {store.catalogue.reference(model)}",
                )
            )
    return found


async def _home(config: Config) -> AsyncIterator[Finding]:
    """The home, where its devices come from, and which of these cannot be reached.

    A running hub is asked: a second connection under its name would throw it off its broker."""
    answer = await control.ask(config.hub.runtime, {"devices": True})
    if answer is not None:
        yield _counted(from_json(answer["home"]))  # `running` tells what is lost
    else:
        try:
            async with open_home(config) as home:
                yield _counted(home)
                for name, trouble in home.troubles.items():
                    if trouble is not None and name != "homeassistant":
                        yield Finding(name, "bad", trouble.reason)
        except HearthError as error:
            yield Finding("home", "bad", str(error), "correct the settings of [home] or [mqtt]")
    if config.homeassistant.url:
        from hub.devices.homeassistant import check

        try:
            report = await check(config.homeassistant)
            yield Finding("homeassistant", "good", str(report))
            if report.administrator:
                yield Finding(
                    "homeassistant token",
                    "weak",
                    "it is an administrator's: whoever got hold of it could do everything there",
                    "a user of its own who is none is enough for most: docs/with-home-assistant.md",
                )
        except HearthError as error:
            yield Finding("homeassistant", "bad", str(error))


def _counted(home: Home) -> Finding:
    """How many devices there are, by source; none at all is told as well."""
    sources = Counter(entity.source for entity in home.entities.values())
    told = ", ".join(f"{count} {name}" for name, count in sources.items()) or "none"
    barred = sum(entity.barred for entity in home.entities.values())
    more = f"; {barred} of them not by voice ('hearth devices allow')" if barred else ""
    hidden = f"; {len(home.hidden)} hidden ('hearth devices --all')" if home.hidden else ""
    return Finding(
        "home",
        "good" if home.entities else "weak",
        f"{len(home.entities)} devices ({told}), {len(home.areas)} rooms, "
        f"{len(home.floors)} floors{more}{hidden}",
        "" if home.entities else "see that devices announce themselves, or are exposed to voice",
    )


def _skills(config: Config) -> Finding:
    skillset = load_skills(config)
    skills = {spec.skill for spec in skillset.specs()}
    if skillset.problems:
        return Finding(
            "skills",
            "bad",
            "; ".join(str(problem) for problem in skillset.problems),
            "mend the skill, or name it in [skills] disabled",
        )
    return Finding("skills", "good", f"{len(skills)} skills, {len(skillset.specs())} tools")


def _packs(config: Config) -> list[Finding]:
    """What keeps skills of others apart from the rest, and which of them cannot be used."""
    from hub.packs import sandbox, units
    from hub.packs.shelf import Shelf

    there = (folder := config.hub.data / "packs").is_dir()
    layers = sandbox.layers()
    active = ", ".join(layer.name for layer in layers if layer.active)
    lacking = "; ".join(f"{layer.name}: {layer.text}" for layer in layers if not layer.active)
    wall = sandbox.wall() is not None
    found = [
        Finding(
            "packs apart",
            "good" if wall else "bad" if there else "weak",
            f"{active} ({lacking})" if lacking else active,
            "" if wall else "install bubblewrap: without it no skill of others is started",
        )
    ]
    if not there:
        return found
    shelf = Shelf(folder)
    wrong = [str(problem) for problem in shelf.problems()]
    installed = shelf.installed()
    for one in installed:
        if one.refused:
            wrong.append(f"{one.pack.id}: {one.refused}")
            continue
        try:
            shelf.verify(one)
        except HearthError as error:
            wrong.append(str(error))
        if units.outdated(one.pack, one.folder, one.granted.memory_mb):
            wrong.append(
                f"{one.pack.id}: its unit is not of this version: 'hearth skill unit {one.pack.id}'"
            )
    found.append(
        Finding(
            "packs",
            "bad" if wrong else "good",
            "; ".join(wrong) or f"{len(installed)} installed",
            "see 'hearth skill list'; update or remove what is wrong" if wrong else "",
        )
    )
    return found


def _microphone(config: Config) -> Finding:
    try:
        return Finding("microphone", "good", microphone_name(config))
    except HearthError as error:
        return Finding(
            "microphone",
            "weak",
            str(error),
            "plug one in, or name it in [audio] microphone; typed and recorded commands work",
        )


def _loudspeaker(config: Config) -> Finding:
    try:
        return Finding("loudspeaker", "good", loudspeaker_name(config))
    except HearthError as error:
        return Finding(
            "loudspeaker", "weak", str(error), "plug one in, or name it in [audio] loudspeaker"
        )


async def _engines(config: Config) -> AsyncIterator[Finding]:
    """Let the hub speak to itself: voice, voice activity, wake word, recognition, understanding."""
    try:
        async with open_hub(
            config, ears=True, recognise=True, sink=reply_sink(None), remember=False
        ) as hub:
            async for finding in _conversation(hub):
                yield finding
    except HearthError as error:
        yield Finding("engines", "bad", str(error), "see the lines above")


async def _conversation(hub: Hub) -> AsyncIterator[Finding]:
    assert hub.synthesizer and hub.vad
    try:
        spoken = resampled(await hub.synthesizer.synthesize(SENTENCE), SAMPLE_RATE)
        yield Finding("voice", "good", f"spoke for {spoken.seconds:.1f} s")
    except HearthError as error:
        yield Finding("voice", "bad", str(error), _remedy(hub.config.voice.model))
        return
    try:
        probabilities = [p for frame in frames(spoken.pcm) for p in await hub.vad.process(frame)]
        yield Finding("ears", "good", f"speech is heard with certainty {max(probabilities):.2f}")
    except HearthError as error:
        yield Finding("ears", "bad", str(error), "hearth models verify")
    try:
        understood = await hub.assistant.understand(spoken)
        alike = understood.command.lower().rstrip(".") == SENTENCE.lower().rstrip(".")
        yield Finding(
            "recognizer",
            "good" if alike else "weak",
            f"heard “{understood.utterance.text}” in {understood.milliseconds:.0f} ms",
            "" if alike else "a larger model hears better: [recognizer] model",
        )
    except HearthError as error:
        yield Finding("recognizer", "bad", str(error), _remedy(hub.config.recognizer.model))
    yield await _language_model(hub)
    used = usage({worker.name: worker.pid for worker in hub.workers})
    parts = ", ".join(f"{use.name} {use.pss:.0f}" for use in used)
    yield Finding("memory", "good", f"{total_pss(used):.0f} MB: {parts}")


def _remedy(model: str) -> str:
    """What helps where an engine fails: a model of one's own, or a server elsewhere."""
    if is_address(model):
        return "see that this server runs and can be reached, or name another"
    return f"hearth models verify; hearth models fetch {model}"


async def _language_model(hub: Hub) -> Finding:
    if hub.language_model is None:
        name = hub.config.router.model
        if not name:
            return Finding("language model", "good", "none is wanted: rules alone understand")
        return Finding(
            "language model",
            "weak",
            f"{name} is not there: rules alone understand",
            f"hearth models fetch {name}",
        )
    if isinstance(hub.language_model, OpenAIServer):
        try:
            await hub.language_model.start()
        except HearthError as error:
            return Finding("language model", "bad", str(error), "start it, or see [model] url")
        return Finding("language model", "good", f"{hub.language_model} answers")
    try:
        completion = await hub.language_model.complete("The light is", max_tokens=1)
    except HearthError as error:
        return Finding(
            "language model", "weak", str(error), "another one: [router] model; or '' for none"
        )
    variant = hub.language_model.worker.variant
    how = " (without the code that this processor cannot run)" if variant else ""
    return Finding("language model", "good", f"answers, {completion.prompt_tokens} tokens{how}")


async def running(config: Config) -> Finding:
    """Whether a hub runs here, and whether it reaches all its devices."""
    answer = await control.ask(config.hub.runtime, {"health": True})
    if answer is None:
        return Finding("running hub", "good", "none; 'hearth run' starts it")
    if lost := {name: found for name, found in answer.get("sources", {}).items() if found}:
        told = (f"{n} for {lost[n]['seconds']} s: {lost[n]['reason']}" for n in lost)
        return Finding(
            "running hub",
            "bad",
            f"has lost {'; '.join(told)}",
            "see that it runs and can be reached; the hub tries again by itself, at least once a "
            "minute",
        )
    status = (await control.ask(config.hub.runtime, {"status": {}}) or {}).get("status", {})
    for trouble in status.get("troubles", ()):
        if trouble["what"] == SAFE:
            return Finding(
                "running hub",
                "weak",
                f"is in {SAFE}: {trouble['why']}",
                "see its log for what made it crash; a restart tries everything again",
            )
    return Finding("running hub", "good", f"answers at {config.hub.runtime / control.SOCKET}")


async def page(config: Config) -> Finding:
    """Whether there is a page for browsers, and where."""
    from hub.bridges.web.access import FILE, Password

    if not Password(config.hub.data / FILE).there:
        return Finding("page", "good", "none; 'hearth web password' makes one")
    answer = await control.ask(config.hub.runtime, {"web": {}})
    if answer is None:
        return Finding("page", "good", "is there while a hub runs")
    if answer.get("url"):
        return Finding("page", "good", str(answer["url"]))
    told = answer.get("trouble") or "the hub that runs has none"
    return Finding("page", "weak", str(told), "see [web] in the settings, and start the hub anew")
