"""A disk that is full, can only be read, or gives back nonsense: the hub goes on and says so."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from hub import app
from hub.app import Hub, open_hub
from hub.config import Config
from hub.errors import HearthError, StorageError
from hub.history.database import Database
from hub.home.edit import edit
from hub.policy import Action, Policy
from hub.storage import AtomicStorage, Documents, Journal
from hub.trust_cli import reviewed
from tests.kits.disk import read_only, tiny_disk

UNKEPT = "But I could not write it down: a power cut would undo it."
UNGESCHRIEBEN = "Aber ich konnte es nicht aufschreiben"


def settings(folder: Path) -> Config:
    return Config.model_validate(
        {"hub": {"data": folder, "runtime": folder, "languages": ("en", "de")}}
    )


@asynccontextmanager
async def hub_in(folder: Path) -> AsyncIterator[Hub]:
    async with open_hub(settings(folder)) as hub:
        yield hub


async def soon(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until the disk has something: there is no event for that."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_on_a_full_disk_all_goes_on_and_whoever_wants_something_kept_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hub.storage.documents.FIRST_PAUSE", 0.05)
    with tiny_disk(tmp_path / "disk") as disk:
        folder = disk.folder
        async with hub_in(folder) as hub:
            said = hub.assistant.say

            async def reply(text: str) -> str:
                return (await said(text)).reply.text

            await reply("create a list called party")
            assert UNKEPT not in await reply("add eggs to the party list")
            disk.fill()
            # What nobody wants kept goes on without a word of it.
            assert (await reply("turn on the hallway light")).endswith("Hallway Light.")
            # What somebody wants kept holds, and it is said once what it is worth.
            for wanted in (
                "take a note the drill is in the attic",
                "add milk to the party list",
                "be quiet until 8",
            ):
                assert (await reply(wanted)).count(UNKEPT) == 1, wanted
            told = await reply("setze Butter auf die Party Liste")
            assert told.count(UNGESCHRIEBEN) == 1, told
            assert "milk" in await reply("what is on the party list")
            assert "drill" in await reply("read my notes")
            logged = [r for r in caplog.records if "home.json" in r.getMessage()]
            assert len(logged) <= 1  # once, however much changes

            disk.free()
            # By itself, though nobody changes anything any more.
            await soon(lambda: "drill" in (folder / "skills.json").read_text())
            await soon(lambda: "milk" in (folder / "lists.json").read_text())
            assert UNKEPT not in await reply("take a note the saw is in the cellar")
        assert not list(folder.glob("*.tmp"))
        notes = str(await kept_in(folder / "skills.json"))
        assert "drill" in notes and "saw" in notes
        listed = str(await kept_in(folder / "lists.json"))
        assert all(item in listed for item in ("eggs", "milk", "Butter"))


async def kept_in(path: Path) -> dict[str, dict[str, object]]:
    """What the next hub finds."""
    documents = Documents(path)
    try:
        return await documents.load()
    finally:
        await documents.close()


@pytest.mark.parametrize("kind", ["documents", "journal"])
async def test_a_disk_that_can_only_be_read_is_told_and_tried_again_in_peace(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"hub.storage.{kind}.FIRST_PAUSE", 0.02)
    with tiny_disk(tmp_path / "disk") as disk:
        path = disk.folder / "kept"
        kept = Documents(path) if kind == "documents" else Journal(path)
        kept.put("a", {"n": 1})
        await kept.flush()
        before = path.read_bytes()
        if not read_only(disk.folder, True):
            pytest.skip("this user may not mount a disk")
        kept.put("a", {"n": 2})
        with pytest.raises(StorageError, match="can only be read: make it writable"):
            await kept.flush()
        writes = 0
        real = os.open

        def counted(name: object, flags: int, *more: object, **named: object) -> int:
            nonlocal writes
            writes += bool(flags & (os.O_WRONLY | os.O_RDWR))
            return real(name, flags, *more, **named)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(os, "open", counted)
            caplog.clear()
            # Twice as long each time: 0.04, 0.08, 0.16, 0.32 seconds.
            await asyncio.sleep(0.7)
        assert writes <= 6
        assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) <= 1
        assert path.read_bytes() == before
        assert read_only(disk.folder, False)
        await soon(lambda: b'"n":2' in path.read_bytes())  # by itself
        await kept.close()


@pytest.mark.parametrize("kind", ["documents", "journal"])
async def test_once_closed_nothing_is_tried_again(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def full(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"hub.storage.{kind}.FIRST_PAUSE", 0.0 if kind == "journal" else 100.0)
    monkeypatch.setattr("hub.storage.journal.write_new", full)
    monkeypatch.setattr("hub.storage.atomic.write_new", full)
    kept = Documents(tmp_path / "kept") if kind == "documents" else Journal(tmp_path / "kept")
    kept.put("a", {"n": 1})
    with pytest.raises(StorageError):
        await kept.flush()
    kept.put("a", {"n": 2})  # while it waits to try again
    await soon(lambda: tries > 1)
    await kept.close()
    waiting: Any = asyncio.get_running_loop()
    assert not [
        handle
        for handle in waiting._scheduled
        if not handle.cancelled() and getattr(handle._callback, "__self__", None) is kept
    ]


OLD = {"t": {"1": {"n": 1, "more": "x" * 400}}}
NEW = {"t": {"1": {"n": 2, "more": "y" * 400}}}


def damaged(whole: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(whole))
    match rng.randrange(5):
        case 0:
            return whole[:at]
        case 1:
            return whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :]
        case 2:
            return whole[:at] + bytes(min(512, len(whole) - at)) + whole[at + 512 :]
        case 3:
            return b""
        case _:
            return whole + whole[at:]


def test_a_thousand_damaged_files_cost_the_last_change_at_most(tmp_path: Path) -> None:
    rng = random.Random(9)
    seen = 0
    with tiny_disk(tmp_path / "disk") as disk:  # in memory: a thousand times takes no time there
        for number in range(1000):
            path = disk.folder / str(number)
            storage = AtomicStorage(path)
            storage.write(OLD)
            storage.write(NEW)
            path.write_bytes(damaged(path.read_bytes(), rng))
            found = AtomicStorage(path).read()
            assert found is not None and found["t"] in (OLD["t"], NEW["t"])
            if len(list(disk.folder.glob(f"{number}.damaged-*"))) == 1:
                seen += 1
                # The hub is killed now, before it has written anything: it is all there again.
                assert AtomicStorage(path).read() == OLD
                assert len(list(disk.folder.glob(f"{number}.damaged-*"))) == 1
                AtomicStorage(path).write(NEW)
                assert AtomicStorage(path).read() == NEW
            for each in disk.folder.iterdir():
                each.unlink()
    assert seen > 950  # else a bit of the checksum's own name


def test_a_damaged_file_on_a_full_disk_costs_neither_of_them(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk") as disk:
        path = disk.folder / "kept"
        storage = AtomicStorage(path)
        storage.write(OLD)
        storage.write(NEW)
        path.write_bytes(b"{")
        disk.fill()
        recovered = AtomicStorage(path)
        assert recovered.read() == OLD
        with pytest.raises(StorageError):
            recovered.write(NEW)
        assert AtomicStorage(path).read() == OLD
        disk.free()
        recovered.write(NEW)
        assert AtomicStorage(path).read() == NEW


# --- a newer hub ---------------------------------------------------------------------------------


def test_tables_of_a_newer_hub_are_neither_read_nor_written(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    newer = json.dumps({"_form": {"1": {"form": 2}}, "t": {"1": {"n": 1}}}).encode()
    path.write_bytes(newer)
    with pytest.raises(StorageError, match="a newer Hearth wrote it"):
        AtomicStorage(path).read()
    with pytest.raises(StorageError, match="a newer Hearth wrote it"):
        AtomicStorage(path).write(NEW)  # without having read it
    assert path.read_bytes() == newer
    assert sorted(tmp_path.iterdir()) == [path]


async def test_a_journal_of_a_newer_hub_is_neither_read_nor_written(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    former = Journal(path)
    former.put("_form", {"form": 2})
    former.put("a", {"n": 1})
    await former.close()
    newer = path.read_bytes()
    kept = Journal(path)
    with pytest.raises(StorageError, match="a newer Hearth wrote it"):
        await kept.load()
    kept.put("a", {"n": 2})
    with pytest.raises(StorageError, match="a newer Hearth wrote it"):
        await kept.flush()
    await kept.close()
    assert path.read_bytes() == newer


async def test_a_database_of_a_newer_hub_is_neither_read_nor_written(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other(n INTEGER)")
        connection.execute("PRAGMA user_version = 9")
        connection.commit()
    newer = path.read_bytes()
    database = Database(path, "CREATE TABLE IF NOT EXISTS kept(n INTEGER);")
    with pytest.raises(StorageError, match="a newer Hearth wrote it"):
        await database.run(lambda connection: connection.execute("INSERT INTO kept VALUES (1)"))
    await database.close()
    assert path.read_bytes() == newer


# --- all of it is lost ---------------------------------------------------------------------------


async def test_what_was_set_about_doors_is_lost_and_voice_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(hub: Hub, text: str) -> str:
        return (await hub.assistant.say(text)).reply.text

    async with hub_in(tmp_path) as hub:
        found = next(e for e in hub.home.entities.values() if e.domain == "switch")
        opener, name = found.entity_id, found.name
        # The control: with what is set it is R3, and with nothing it is just done.
        assert hub.skillset.policy.harm(found, "turn_on").risk == "R1"
        edit(hub.home, opener, "trust", ["pin"])
        assert hub.skillset.policy.harm(hub.home.entities[opener], "turn_on").risk == "R3"
    for path in sorted(tmp_path.glob("devices.json*")):  # noqa: ASYNC240
        path.write_bytes(b"\0" * 100)

    for _ in range(2):  # also when it is started once more
        async with hub_in(tmp_path) as hub:
            policy: Policy = hub.skillset.policy
            entity = hub.home.entities[opener]
            assert policy.harm(entity, "turn_on").risk == "R2"
            lock = next(e for e in hub.home.entities.values() if e.domain == "lock")
            action = Action(entities=(lock,), service="unlock", permit="R3")
            assert policy.judge(action, policy.harm(lock, "unlock")).kind == "refuse"
            assert "lost" in await asked(hub, f"unlock the {lock.name}")
            assert "?" in await asked(hub, f"turn on the {name}")
            assert hub.home.state(opener).state != "on"
            assert "Hallway Light" in await asked(hub, "turn on the hallway light")
    assert len(list(tmp_path.glob("devices.json.damaged-*"))) == 1  # noqa: ASYNC240
    monkeypatch.setattr("hub.trust_cli.config.load", lambda: settings(tmp_path))
    reviewed()  # `hearth trust reviewed`
    with pytest.raises(HearthError, match="nothing was lost"):
        reviewed()
    assert not app.trusted(settings(tmp_path)).closed()
