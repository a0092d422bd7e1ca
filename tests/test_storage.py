"""What is kept is at every moment the old content or the new, whole, whatever goes wrong."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.errors import StorageError
from hub.storage import AtomicStorage, Documents
from hub.storage import documents as documents_module

OLD = {"states": {"1": {"key": "lamp", "state": "off"}}}
NEW = {"states": {"1": {"key": "lamp", "state": "on"}}}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    AtomicStorage(tmp_path / "home.json").write(NEW)
    assert AtomicStorage(tmp_path / "home.json").read() == NEW


def test_nothing_written_is_nothing_read(tmp_path: Path) -> None:
    assert AtomicStorage(tmp_path / "home.json").read() is None


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "home.json"
    AtomicStorage(path).write(OLD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_content_of_before_is_kept(tmp_path: Path) -> None:
    storage = AtomicStorage(tmp_path / "home.json")
    storage.write(OLD)
    storage.write(NEW)
    assert AtomicStorage(tmp_path / "home.json.1").read() == OLD
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home.json", "home.json.1"]


@pytest.mark.parametrize("damage", [b"", b'{"states": {"1"', b"\0" * 64, b"[]", b"\xff\xfe"])
def test_a_damaged_file_is_set_aside_and_the_one_of_before_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    path = tmp_path / "home.json"
    storage = AtomicStorage(path)
    storage.write(OLD)
    storage.write(NEW)
    path.write_bytes(damage)
    with caplog.at_level(logging.ERROR):
        assert storage.read() == OLD
    [aside] = tmp_path.glob("home.json.damaged-*")
    assert aside.read_bytes() == damage
    assert aside.name in caplog.text
    storage.write(NEW)
    assert storage.read() == NEW


@pytest.mark.parametrize(
    "content", [NEW, {}, {"states": {"1": {"key": 'x"_check":{}}', "n": 1e9}}}]
)
def test_whatever_bit_turns_over_nothing_is_read_that_was_not_written(
    tmp_path: Path, content: Any
) -> None:
    """Within a text it leaves JSON as valid as before."""
    path = tmp_path / "home.json"
    storage = AtomicStorage(path)
    storage.write(OLD)
    storage.write(content)
    whole = path.read_bytes()
    json.loads(whole)  # for other programs
    for at in range(len(whole)):
        altered = bytearray(whole)
        altered[at] ^= 1 << at % 8
        path.write_bytes(altered)
        found = AtomicStorage(path).read()
        assert found is not None
        if found != OLD:  # what tells of the checksum is altered; it may be one table more then
            assert found.items() >= content.items() and len(found) <= len(content) + 1, altered
        for each in tmp_path.glob("*.damaged-*"):
            each.unlink()


def test_a_file_without_a_checksum_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "home.json"
    path.write_text(json.dumps(NEW, indent=2))
    assert AtomicStorage(path).read() == NEW


@pytest.mark.parametrize("form", [{"separators": (",", ":")}, {"indent": 2}])
def test_what_an_older_hub_or_a_formatter_has_written_anew_is_no_damage(
    tmp_path: Path, form: Any
) -> None:
    """A hub that is taken back to the release of before writes what it read, checksum included."""
    path = tmp_path / "home.json"
    AtomicStorage(path).write(OLD)
    rewritten = json.loads(path.read_bytes()) | NEW
    path.write_text(json.dumps(rewritten, ensure_ascii=False, **form))
    found = AtomicStorage(path).read()
    assert found == NEW
    AtomicStorage(path).write(found)
    assert path.read_bytes().count(b"_check") == 1
    assert AtomicStorage(path).read() == NEW


def test_who_edits_a_file_by_hand_is_told_what_to_do_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "home.json"
    AtomicStorage(path).write(OLD)
    AtomicStorage(path).write(OLD)
    edited = path.read_bytes().replace(b"{", b"{ ", 1)
    path.write_bytes(edited)
    assert AtomicStorage(path).read() == OLD
    [aside] = tmp_path.glob("home.json.damaged-*")
    assert aside.read_bytes() == edited
    assert 'take the table "_check" out' in caplog.text
    data = json.loads(edited) | NEW
    del data["_check"]
    path.write_text(json.dumps(data))
    assert AtomicStorage(path).read() == NEW


def test_with_nothing_older_the_damage_is_reported_and_nothing_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "home.json"
    path.write_bytes(b"{damaged")
    with pytest.raises(StorageError, match=r"home\.json\.damaged-"):
        AtomicStorage(path).read()
    [aside] = tmp_path.glob("home.json.damaged-*")
    assert aside.read_bytes() == b"{damaged"
    assert AtomicStorage(path).read() is None


def test_what_json_cannot_hold_is_refused_and_the_old_stays(tmp_path: Path) -> None:
    storage = AtomicStorage(tmp_path / "home.json")
    storage.write(OLD)
    with pytest.raises(StorageError, match="cannot be kept"):
        storage.write({"states": {"1": {"when": object()}}})
    assert storage.read() == OLD


class Fault:
    """Lets the n-th call of the file functions of `os` fail."""

    FUNCTIONS = ("open", "fdopen", "fsync", "link", "replace", "rename", "unlink")

    def __init__(self, at: int, number: int) -> None:
        self.at = at
        self.number = number
        self.calls = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in self.FUNCTIONS:
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                raise OSError(self.number, os.strerror(self.number))
            return function(*args, **kwargs)

        return wrapped


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("at", range(1, 12))
def test_whatever_fails_the_content_is_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, number: int
) -> None:
    path = tmp_path / "home.json"
    storage = AtomicStorage(path)
    storage.write({"states": {}})
    storage.write(OLD)
    fault = Fault(at, number)
    with monkeypatch.context() as patched:
        fault.install(patched)
        try:
            storage.write(NEW)
            written = True
        except StorageError as error:
            written = False
            assert str(path) in str(error)
    content = AtomicStorage(path).read()
    assert content in (OLD, NEW)
    assert content == NEW or not written
    storage.write(NEW)  # and it goes on afterwards
    assert AtomicStorage(path).read() == NEW


def test_enough_points_of_failure_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = AtomicStorage(tmp_path / "home.json")
    storage.write(OLD)
    fault = Fault(at=0, number=0)
    with monkeypatch.context() as patched:
        fault.install(patched)
        storage.write(NEW)
    assert 5 <= fault.calls < 12


WRITER = """
import sys
from hub.storage import AtomicStorage
storage = AtomicStorage(sys.argv[1])
content = storage.read() or {"states": {"1": {"n": 0}}}
number = content["states"]["1"]["n"]
while True:
    number += 1
    storage.write({"states": {"1": {"n": number, "padding": "x" * 40_000}}})
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "home.json"
    rng = random.Random(7)
    killed_while_writing = 0
    for _ in range(50):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        time.sleep(rng.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        acknowledged = int(rest[-1]) if rest else acknowledged
        killed_while_writing += (tmp_path / "home.json.tmp").exists()
        content = AtomicStorage(path).read()
        assert content is not None
        assert acknowledged <= content["states"]["1"]["n"] <= acknowledged + 1
    assert not list(tmp_path.glob("*.damaged-*"))


# --- documents -------------------------------------------------------------------------------


async def test_documents_survive_a_restart(tmp_path: Path) -> None:
    first = Documents(tmp_path / "home.json")
    first.put("light.lamp", {"state": "on", "attributes": {"brightness": 128}})
    await first.close()
    second = Documents(tmp_path / "home.json")
    assert await second.load() == {"light.lamp": {"state": "on", "attributes": {"brightness": 128}}}
    second.put("light.lamp", {"state": "off"})
    second.put("fan.one", {"state": "on"})
    await second.close()
    third = Documents(tmp_path / "home.json")
    assert await third.load() == {"light.lamp": {"state": "off"}, "fan.one": {"state": "on"}}
    await third.close()


class CountingStorage(AtomicStorage):
    writes = 0
    fails = False

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        CountingStorage.writes += 1
        if CountingStorage.fails:
            raise StorageError("the disk is full")
        super().write(data)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[CountingStorage]:
    monkeypatch.setattr(documents_module, "AtomicStorage", CountingStorage)
    CountingStorage.writes = 0
    CountingStorage.fails = False
    return CountingStorage


async def test_a_burst_of_changes_is_one_write(
    tmp_path: Path, counting: type[CountingStorage]
) -> None:
    documents = Documents(tmp_path / "home.json")
    for number in range(200):
        documents.put(f"light.lamp_{number % 20}", {"state": str(number)})
    await documents.flush()
    assert counting.writes == 1
    assert (await documents.load())["light.lamp_19"] == {"state": "199"}
    await documents.close()


async def test_changes_are_written_soon_without_being_asked(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "home.json")
    documents.put("light.lamp", {"state": "on"})
    deadline = time.monotonic() + 5
    while not (tmp_path / "home.json").exists():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await documents.close()


async def test_what_could_not_be_written_is_written_later(
    tmp_path: Path, counting: type[CountingStorage]
) -> None:
    documents = Documents(tmp_path / "home.json")
    counting.fails = True
    documents.put("light.lamp", {"state": "on"})
    with pytest.raises(StorageError, match="disk is full"):
        await documents.flush()
    counting.fails = False
    documents.put("light.other", {"state": "off"})
    await documents.close()
    again = Documents(tmp_path / "home.json")
    assert set(await again.load()) == {"light.lamp", "light.other"}
    await again.close()


async def test_of_two_changes_at_once_the_later_one_counts_though_the_first_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = Documents(tmp_path / "states.json")
    await documents.load()
    begun, go_on = threading.Event(), threading.Event()

    def fails(file: int) -> None:
        monkeypatch.undo()
        begun.set()
        go_on.wait(10)
        raise OSError(errno.ENOSPC, "the disk is full")

    monkeypatch.setattr(os, "fsync", fails)
    documents.put("light.sofa", {"state": "on"})
    first = asyncio.create_task(documents.flush())
    assert await asyncio.to_thread(begun.wait, 10)
    documents.put("light.sofa", {"state": "off"})
    second = asyncio.create_task(documents.flush())
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(StorageError):
        await first
    await second
    await documents.flush()
    await documents.close()
    again = Documents(tmp_path / "states.json")
    assert await again.load() == {"light.sofa": {"state": "off"}}
    await again.close()


async def test_a_damaged_file_is_reported_when_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text("{damaged")
    documents = Documents(tmp_path / "home.json")
    with pytest.raises(StorageError, match="damaged"):
        await documents.load()
    await documents.close()
