"""The journal: what is promised is on the disk, and damage costs as little as can be."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import stat
import threading
from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.storage import Documents, Journal
from hub.storage.journal import FEW, parse


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


async def kept(path: Path) -> dict[str, dict[str, object]]:
    journal = Journal(path)
    try:
        return await journal.load()
    finally:
        await journal.close()


async def filled(path: Path, count: int = 5) -> list[bytes]:
    """A journal with documents a0, a1, …; its lines."""
    journal = Journal(path)
    for number in range(count):
        journal.put(f"a{number}", {"number": number})
        await journal.flush()
    await journal.close()
    return lines_of(path)


async def test_what_was_flushed_is_there_and_what_was_removed_is_not(tmp_path: Path) -> None:
    path = tmp_path / "new" / "time.journal"
    journal = Journal(path)
    journal.put("a", {"n": 1})
    journal.put("b", {"text": "Tür"})
    await journal.flush()
    journal.put("a", {"n": 2})
    journal.remove("b")
    journal.put("c", {})
    await journal.flush()
    assert await kept(path) == {"a": {"n": 2}, "c": {}}
    await journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_change_costs_one_line_whatever_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "j"
    await filled(path, 100)
    before, inode = path.stat().st_size, path.stat().st_ino
    journal = Journal(path)
    journal.put("a7", {"number": 70})
    await journal.flush()
    await journal.close()
    assert path.stat().st_size - before < 60
    assert path.stat().st_ino == inode


async def test_it_is_tidied_up_and_then_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    for number in range(3 * FEW):
        journal.put("a", {"n": number})
        await journal.flush()
    await journal.close()
    assert len(path.read_bytes().splitlines()) <= FEW
    assert await kept(path) == {"a": {"n": 3 * FEW - 1}}
    assert names(tmp_path) == ["j"]


async def test_a_torn_end_is_left_out_and_what_comes_after_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "j"
    lines = await filled(path)
    whole = b"".join(lines)
    for cut in range(len(whole) - len(lines[-1]) + 1, len(whole)):
        path.write_bytes(whole[:cut])
        journal = Journal(path)
        assert set(await journal.load()) == {"a0", "a1", "a2", "a3"}
        assert journal.damage == ""
        journal.put("new", {})
        await journal.flush()
        await journal.close()
        assert set(await kept(path)) == {"a0", "a1", "a2", "a3", "new"}
    assert names(tmp_path) == ["j"]


async def test_damage_in_the_middle_costs_that_line_and_is_set_aside_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "j"
    lines = await filled(path)
    broken = b"".join([*lines[:2], lines[2].replace(b"number", b"nunber"), *lines[3:]])
    path.write_bytes(broken)
    journal = Journal(path)
    assert set(await journal.load()) == {"a0", "a1", "a3", "a4"}
    assert "line 3" in journal.damage and journal.damage in caplog.text
    await journal.close()
    (aside,) = [name for name in names(tmp_path) if "damaged" in name]
    assert b"".join(lines_of(tmp_path / aside)) == broken
    again = Journal(path)
    assert set(await again.load()) == {"a0", "a1", "a3", "a4"}
    assert again.damage == ""
    await again.close()


async def test_a_line_that_is_missing_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "j"
    lines = await filled(path)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    journal = Journal(path)
    assert set(await journal.load()) == {"a0", "a1", "a3", "a4"}
    assert "line 3" in journal.damage
    await journal.close()


async def test_whatever_happens_to_a_file_it_can_be_opened_and_written(tmp_path: Path) -> None:
    path = tmp_path / "j"
    whole = b"".join(await filled(path, 20))
    chance = random.Random(7)
    for _ in range(150):
        raw = bytearray(whole)
        match chance.randrange(4):
            case 0:
                raw = raw[: chance.randrange(len(raw))]
            case 1:
                raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
            case 2:
                start = chance.randrange(len(raw))
                raw[start : start + 64] = bytes(64)
            case 3:
                raw += bytes(chance.randrange(1, 4096))
        path.write_bytes(raw)
        journal = Journal(path)
        before = await journal.load()
        assert all(before[key] == {"number": int(key[1:])} for key in before)
        journal.put("new", {"n": 1})
        await journal.flush()
        await journal.close()
        assert await kept(path) == {**before, "new": {"n": 1}}


async def test_a_full_disk_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j"
    await filled(path)
    journal = Journal(path)
    journal.put("new", {})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageError):
            await journal.flush()
    await journal.flush()
    await journal.close()
    assert len(await kept(path)) == 6
    assert not parse(path.read_bytes()).damaged


async def test_a_folder_that_is_not_forced_to_the_disk_costs_nothing_that_is_kept_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path) -> None:
        raise OSError("the disk is broken")

    await filled(tmp_path / "j")
    journal = Journal(tmp_path / "j")
    await journal.load()
    with monkeypatch.context() as patch:
        patch.setattr("hub.storage.journal.sync_folder", fails)
        with pytest.raises(StorageError):
            await journal.tidy()  # the file is the new one all the same
    journal.put("a0", {"number": 7})
    await journal.flush()
    await journal.close()
    assert (await kept(tmp_path / "j"))["a0"] == {"number": 7}
    assert names(tmp_path) == ["j"]


async def test_of_two_changes_at_once_the_later_one_counts_though_the_first_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(tmp_path / "j")
    journal = Journal(tmp_path / "j")
    await journal.load()
    begun, go_on = threading.Event(), threading.Event()

    def fails(file: int) -> None:
        monkeypatch.undo()
        begun.set()
        go_on.wait(10)
        raise OSError(errno.ENOSPC, "the disk is full")

    monkeypatch.setattr(os, "fsync", fails)
    journal.put("a0", {"number": 1})
    first = asyncio.create_task(journal.flush())
    assert await asyncio.to_thread(begun.wait, 10)
    journal.put("a0", {"number": 2})
    second = asyncio.create_task(journal.flush())
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(StorageError):
        await first
    await second
    await journal.flush()
    await journal.close()
    assert (await kept(tmp_path / "j"))["a0"] == {"number": 2}


async def test_what_was_kept_in_the_old_form_is_moved_and_the_old_file_goes(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "timers.json", tmp_path / "timers.journal"
    documents = Documents(old)
    for number in (1, 2):
        documents.put("timers", {"timers": [{"id": f"timer-{number}"}]})
        await documents.flush()
    await documents.close()
    journal = Journal(new, former=old)
    assert await journal.load() == {"timers": {"timers": [{"id": "timer-2"}]}}
    assert names(tmp_path) == ["timers.journal"]
    await journal.close()
    assert await kept(new) == {"timers": {"timers": [{"id": "timer-2"}]}}


async def test_the_old_file_stays_until_the_new_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "timers.json", tmp_path / "timers.journal"
    documents = Documents(old)
    documents.put("timers", {"timers": []})
    await documents.close()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        journal = Journal(new, former=old)
        assert await journal.load() == {"timers": {"timers": []}}
        assert names(tmp_path) == ["timers.json"]
    journal.put("other", {})
    await journal.close()
    assert await kept(new) == {"timers": {"timers": []}, "other": {}}


async def test_of_what_was_removed_nothing_stays_once_it_is_tidied(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    journal.put("a", {"text": "call my sister"})
    await journal.flush()
    journal.put("a", {"text": "call my brother"})
    journal.put("b", {})
    await journal.flush()
    assert b"sister" in path.read_bytes()
    journal.remove("a")
    await journal.tidy()
    await journal.close()
    assert b"call" not in path.read_bytes()
    assert await kept(path) == {"b": {}}
