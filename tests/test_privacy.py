"""What is kept about people is listed, comes out as one file, and can be erased without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub import control, past, privacy_cli, service
from hub.app import open_hub
from hub.audio.cache import SoundFolder
from hub.cli import app
from hub.config import Config, parse
from hub.errors import HearthError
from hub.history.database import Database
from hub.messages import Audio
from hub.packs.audit import Audit
from hub.privacy.files import size_of
from hub.privacy.places import everything, unclaimed
from hub.privacy.sound import FOLDER, DebugSound
from tests.fakes import FakeTime
from tests.test_history import trace

CANARY = "zorgblat"
"""A word that is in nothing else."""
SAID = [
    f"remember that {CANARY} sings on Friday",
    f"I put the {CANARY} in the garage",
    f"call me {CANARY}",
    f"add {CANARY} to the shopping list",
    f"set a {CANARY} timer for 50 minutes",
    f"remind me to call {CANARY} tomorrow at five",
    f"create a list called {CANARY}",
    f"take a note {CANARY} is yellow",
    f"what is {CANARY}",
    f"when I say {CANARY}, turn on the desk lamp",
    "yes",
    f"in 20 minutes turn on the {CANARY}",
    f"wake me at seven for {CANARY}",
]
PATIENCE = 60


def settings(folder: Path, more: str = "") -> Config:
    return parse(
        f'[hub]\ndata = "{folder}/data"\ncache = "{folder}/cache"\nruntime = "{folder}/run"\n'
        f'[router]\nmodel = ""\n{more}'
    )


def found(config: Config) -> list[Path]:
    """Files in both folders that have the word in any case."""
    every = [*config.hub.data.rglob("*"), *config.hub.cache.rglob("*")]
    return [
        path for path in every if path.is_file() and CANARY.encode() in path.read_bytes().lower()
    ]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def databases(paths: list[Path]) -> set[str]:
    """Their names, without those of the files that SQLite has beside them."""
    return {path.name.removesuffix("-wal").removesuffix("-shm") for path in paths}


async def plant(config: Config, say: Callable[[str], Awaitable[Any]]) -> None:
    """The word, by all ways by which words get into the hub."""
    for text in SAID:
        await say(text)
    sounds = SoundFolder(config.hub.cache / "replies")
    await sounds.put("voice", CANARY, Audio(CANARY.encode() * 10))
    Audit(config.hub.data / "packs" / "state" / "audit").note(
        "coffee", "home.find", allowed=True, target=CANARY
    )
    folder = config.hub.data / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / "1.wav").write_bytes(CANARY.encode())
    (config.hub.data / "lists.json.damaged-20261127-100000-1").write_text(CANARY)


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[asyncio.Task[None]]:
    hub = asyncio.create_task(service.serve(config, ears=False))
    try:
        for _ in range(PATIENCE * 20):
            if hub.done():
                hub.result()
            if await control.ask(config.hub.runtime, {"health": True}):
                break
            await asyncio.sleep(0.05)
        yield hub
    finally:
        if not hub.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait({hub}, timeout=PATIENCE)


async def edited(config: Config) -> None:
    edit = {"edit": "alias", "device": "light.desk_lamp", "words": [f"{CANARY} lamp"]}
    assert "device" in (await control.ask(config.hub.runtime, edit) or {})


async def export(config: Config, file: Path) -> dict[str, Any]:
    await privacy_cli._export(config, file)
    content: dict[str, Any] = json.loads(text_of(file))
    return content


async def test_nothing_is_left_after_erasing_in_a_running_hub(tmp_path: Path) -> None:
    config = settings(tmp_path)
    async with running(config) as hub:

        async def say(text: str) -> dict[str, Any] | None:
            return await control.ask(config.hub.runtime, {"say": text})

        await plant(config, say)
        await edited(config)
        exported = await export(config, tmp_path / "mine.json")
        before = found(config)
        assert databases(before) >= {
            "history.db",
            "memory.db",
            "skills.json",
            "timers.journal",
            "devices.json",
            "coffee.jsonl",
        }, before
        for kind in ("turns", "facts", "timers", "devices", "skills", "packs"):
            assert CANARY in json.dumps(exported[kind]).lower(), kind
        assert unclaimed(config) == []

        erased = await privacy_cli._erase(config, None)

        assert erased["facts"] >= 3
        assert erased["turns"] >= len(SAID)
        assert not hub.done()
        assert found(config) == []
        assert files(config.hub.cache / "replies") == []
        # And it does not only look so: what was in the hub's memory comes back no more.
        for question in ("what do you know about me", "what did you hear", "what timers are set"):
            answer = await say(question)
            assert answer is not None and CANARY not in json.dumps(answer).lower()
        await asyncio.sleep(1.0)
        assert found(config) == []


async def test_nothing_is_left_after_erasing_without_a_hub(tmp_path: Path) -> None:
    config = settings(tmp_path)
    async with open_hub(config) as hub:
        hub.begin_timers()

        async def say(text: str) -> None:
            hub.assistant.finished(await hub.assistant.say(text, area="Office"))

        await plant(config, say)
    before = found(config)
    assert databases(before) >= {"history.db", "memory.db", "timers.journal"}, before
    assert unclaimed(config) == []
    exported = await export(config, tmp_path / "mine.json")
    assert CANARY in json.dumps(exported["facts"])
    await privacy_cli._erase(config, None)
    assert found(config) == []
    async with open_hub(config) as hub:
        assert (await hub.assistant.say("what do you know about me")).reply.text == (
            "Nobody has told me anything."
        )


async def test_what_is_of_one_person_is_erased_alone(tmp_path: Path) -> None:
    from hub.cause import caused

    config = settings(tmp_path)
    async with open_hub(config) as hub:
        for person, word in (("Sam", CANARY), ("Kim", "quuxtor")):
            with caused("phone", person=person):
                for text in (f"remember that my {word} sings", f"the {word} is mine"):
                    hub.assistant.finished(await hub.assistant.say(text))
    assert found(config)
    erased = await privacy_cli._erase(config, "sam")
    assert erased["facts"] == 1
    assert erased["turns"] == 2
    assert found(config) == []
    exported = await export(config, tmp_path / "mine.json")
    assert "quuxtor" in json.dumps(exported["facts"])
    assert len(exported["turns"]) == 2


async def test_what_one_person_did_is_counted_among_what_is_erased(tmp_path: Path) -> None:
    from hub.cause import caused

    config = settings(tmp_path)
    async with open_hub(config) as hub:
        for person, switch in (("Sam", "on"), ("Kim", "off")):
            with caused("phone", person=person):
                await hub.assistant.say(f"turn {switch} the desk lamp")
    erased = await privacy_cli._erase(config, "sam")
    assert erased["deeds"] == 1
    exported = await export(config, tmp_path / "mine.json")
    assert [deed["person"] for deed in exported["deeds"]] == ["Kim"]


async def test_forget_everything_by_voice_leaves_nothing_of_the_memory(tmp_path: Path) -> None:
    config = settings(tmp_path)
    async with open_hub(config) as hub:

        async def say(text: str) -> str:
            told = await hub.assistant.say(text, area="Office")
            hub.assistant.finished(told)
            return told.reply.text

        for text in SAID[:3]:
            await say(text)
        assert hub.history is not None
        await hub.history.flush()
        assert databases(found(config)) >= {"memory.db", "history.db"}
        assert (await say("forget everything")).startswith("Shall I forget everything")
        assert await say("yes") == "I have forgotten everything."
        await hub.history.flush()
        assert not databases(found(config)) & {"memory.db", "history.db"}


async def test_what_was_forgotten_is_not_kept_by_the_words_that_forgot_it(tmp_path: Path) -> None:
    config = settings(tmp_path)
    async with open_hub(config) as hub:
        for text in (SAID[1], f"forget about the {CANARY}"):
            trace = await hub.assistant.say(text, area="Office")
            hub.assistant.finished(trace)
        assert trace.reply.text == "I have forgotten it."
    assert found(config) == []


async def test_the_export_is_for_its_owner_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    config = settings(tmp_path)
    async with open_hub(config):
        pass
    old = os.umask(0)
    try:
        await export(config, tmp_path / "mine.json")
    finally:
        os.umask(old)
    assert (tmp_path / "mine.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(HearthError, match="cannot be written"):
        await export(config, tmp_path / "mine.json")


def test_it_shows_what_is_kept_and_asks_before_it_erases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text('[hub]\ndata = "d"\ncache = "c"\nruntime = "r"\n[router]\nmodel = ""\n')
    monkeypatch.setenv("HEARTH_CONFIG", str(file))
    runner = CliRunner()
    assert "Nothing is kept." in runner.invoke(app, ["privacy", "show"]).output
    assert runner.invoke(app, ["say", "turn on the desk lamp"]).exit_code == 0
    rows = [
        json.loads(line)
        for line in runner.invoke(app, ["privacy", "show", "--json"]).output.splitlines()
        if line.startswith("{")
    ]
    counts = {row["kind"]: row["entries"] for row in rows}
    assert counts["turns"] == counts["deeds"] == 1
    assert {row["kind"]: row["kept_for"] for row in rows}["turns"] == "24 hours"
    assert runner.invoke(app, ["privacy", "erase"], input="n\n").exit_code == 1
    assert (tmp_path / "d" / "history.db").exists()
    assert runner.invoke(app, ["privacy", "erase", "--yes"]).exit_code == 0
    assert not (tmp_path / "d" / "history.db").exists()


def test_words_do_not_go_to_systemd_s_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = os.fstat(1)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert not service._kept_for_long()
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")  # of the terminal's own service
    assert not service._kept_for_long()
    monkeypatch.setenv("JOURNAL_STREAM", f"{printed.st_dev}:{printed.st_ino}")
    assert service._kept_for_long()


# --- sound ---------------------------------------------------------------------------------------


async def test_sound_is_kept_only_until_its_time(tmp_path: Path) -> None:
    time = FakeTime(datetime(2026, 11, 27, 12, tzinfo=UTC))
    until = time.now() + timedelta(hours=1)
    debug = DebugSound(tmp_path, until, time)
    await debug.begin()
    debug.keep(Audio(b"\1\0" * 1600), trace("hello"))
    await debug.close()
    (recording,) = files(tmp_path / FOLDER)
    assert recording.stat().st_mode & 0o777 == 0o600
    with wave.open(str(recording)) as opened:
        assert opened.getnframes() == 1600
    time.set_clock(hours=2)
    debug = DebugSound(tmp_path, until, time)
    await debug.begin()
    debug.keep(Audio(b"\1\0" * 1600), trace("hello"))
    await debug.close()
    assert not (tmp_path / FOLDER).exists()


async def test_sound_of_before_goes_when_the_setting_is_taken_out(tmp_path: Path) -> None:
    config = settings(tmp_path)
    (config.hub.data / FOLDER).mkdir(parents=True)
    (config.hub.data / FOLDER / "1.wav").write_bytes(b"RIFF")
    async with open_hub(config) as hub:
        assert hub.assistant.on_sound is None
    assert not (config.hub.data / FOLDER).exists()


def test_that_sound_is_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    until = (datetime.now() + timedelta(days=1)).isoformat(timespec="seconds")
    file = tmp_path / "hearth.toml"
    file.write_text(
        f'[hub]\ndata = "d"\ncache = "c"\nruntime = "r"\n[privacy]\ndebug_audio_until = {until}\n'
    )
    monkeypatch.setenv("HEARTH_CONFIG", str(file))
    shown = CliRunner().invoke(app, ["privacy", "show"])
    assert "kept as sound" in shown.output
    config = parse(f"[privacy]\ndebug_audio_until = {until}\n")
    from hub.doctor import _privacy

    assert _privacy(config).health == "weak"
    assert _privacy(parse("")).health == "good"


@pytest.mark.parametrize("name", ["history.db", "memory.db", "past.db"])
def test_the_doctor_tells_of_a_file_that_was_set_aside(tmp_path: Path, name: str) -> None:
    from hub.doctor import _privacy

    config = settings(tmp_path)
    assert _privacy(config).health == "good"
    config.hub.data.mkdir()
    (config.hub.data / f"{name}.damaged-20261127-100000-1").touch()
    assert _privacy(config).health == "weak"


def test_every_kind_tells_what_it_is_and_for_how_long(tmp_path: Path) -> None:
    kinds = everything(settings(tmp_path))
    assert len({kept.name for kept in kinds}) == len(kinds)
    assert all(kept.about and kept.how_long for kept in kinds)


async def test_what_sensors_told_comes_out_hour_by_hour(tmp_path: Path) -> None:
    config = settings(tmp_path)
    config.hub.data.mkdir()
    database = Database(config.hub.data / "past.db", past.SCHEMA, name="past")
    row = ("sensor.cellar", 490_000, 1.0, 2.0, 3.0, 2.5, 3600.0)
    await database.run(lambda c: c.execute("INSERT INTO hours VALUES (?,?,?,?,?,?,?)", row))
    exported = await export(config, tmp_path / "mine.json")  # while it is open elsewhere
    (hour,) = exported["sensors"]
    assert (hour["entity_id"], hour["low"], hour["mean"], hour["high"]) == (
        "sensor.cellar",
        1,
        2,
        3,
    )
    assert datetime.fromisoformat(hour["hour"]).tzinfo is not None
    await database.close()
    assert (await privacy_cli._erase(config, None))["sensors"] == 1
    assert not list(config.hub.data.glob("past.db*"))


async def test_files_that_a_hub_takes_away_meanwhile_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(tmp_path)
    replies = config.hub.cache / "replies"
    replies.mkdir(parents=True)
    (replies / "hello.pcm").write_bytes(bytes(1000))
    [kept] = [each for each in everything(config) if each.name == "replies"]
    found = [*kept.files(), replies / "gone.pcm"]
    monkeypatch.setattr(type(kept), "files", lambda self: found if self.name == "replies" else [])
    assert (await kept.extent()).count == 1
    assert size_of(kept.files()) == 1000
    assert [row["bytes"] for row in await kept.export()] == [1000]


async def test_with_one_person_goes_what_nobody_can_read(tmp_path: Path) -> None:
    """Of a file that was set aside as damaged nobody can tell whose words are in it."""
    config = settings(tmp_path)
    config.hub.data.mkdir()
    aside = config.hub.data / "memory.db.damaged-20261127-100000-1"
    aside.write_bytes(f"... {CANARY} of Sam ...".encode())
    kept = config.hub.data / "lists.json"
    kept.write_text('{"_default": {"1": {"name": "shopping"}}}')
    await privacy_cli._erase(config, "Sam")
    assert not aside.exists() and kept.exists()


def test_the_record_of_a_pack_goes_with_it(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit")
    audit.note("coffee", "home.find", allowed=True, target=CANARY)
    audit.note("other", "home.find", allowed=True)
    audit.forget("coffee")
    assert [path.name for path in (tmp_path / "audit").iterdir()] == ["other.jsonl"]
