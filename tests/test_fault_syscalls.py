"""Each system call that keeps something fails, or is the last one: what is kept is the old or the
new, and what was acknowledged is the new."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.storage import AtomicStorage
from hub.storage.journal import parse
from tests.kits import strace

ATOMIC = """
import sys
from hub.errors import StorageError
from hub.storage.atomic import AtomicStorage
storage = AtomicStorage(sys.argv[1])
number = (storage.read() or {"t": {"1": {"n": 0}}})["t"]["1"]["n"]
try:
    storage.write({"t": {"1": {"n": number + 1, "more": "x" * 5000}}})
    print("kept", flush=True)
except StorageError:
    print("refused", flush=True)
"""

JOURNAL = """
import asyncio, sys
from pathlib import Path
from hub.errors import StorageError
from hub.storage import journal
from hub.storage.journal import Journal
if sys.argv[2] == "tidy":
    journal.FEW = journal.OUTDATED = 0
async def main():
    kept = Journal(Path(sys.argv[1]))
    try:
        number = (await kept.load()).get("a", {"n": 0})["n"]
        kept.put("a", {"n": number + 1, "more": "x" * 5000})
        await kept.flush()
        print("kept", flush=True)
    except StorageError:
        print("refused", flush=True)
asyncio.run(main())
"""

PIN = """
import sys
from pathlib import Path
from hub.errors import StorageError
from hub.policy.pin import Pin, _Kept
from hub.timers.clock import SystemTime
pin = Pin(Path(sys.argv[1]), SystemTime())
try:
    pin._write(_Kept("hash", pin._read().failed + 1))
    print("kept", flush=True)
except StorageError:
    print("refused", flush=True)
"""


def in_tables(path: Path) -> int:
    content = AtomicStorage(path).read()
    assert content is not None
    return int(content["t"]["1"]["n"])


def in_journal(path: Path) -> int:
    found = parse(path.read_bytes())
    assert not found.damaged
    return int(found.documents["a"]["n"])


@dataclass(frozen=True)
class Subject:
    """Something that is kept: a program that makes a number one more, and how it is read."""

    name: str
    code: str
    read: Callable[[Path], int]
    least: int
    """Calls that can fail."""
    options: tuple[str, ...] = ()


SUBJECTS = [
    Subject("tables", ATOMIC, in_tables, 8),
    Subject("journal, a line more", JOURNAL, in_journal, 3, ("add",)),
    Subject("journal, tidied up", JOURNAL, in_journal, 6, ("tidy",)),
    Subject("pin", PIN, lambda path: int(json.loads(path.read_bytes())["failed"]), 6),
]


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_at_every_system_call_the_old_or_the_new_is_kept(subject: Subject, tmp_path: Path) -> None:
    strace.required()
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "kept"
    files = [folder, *(path.with_name(f"kept{end}") for end in ("", ".1", ".tmp", ".part"))]
    arguments = [str(path), *subject.options]

    def go(fault: str = "") -> strace.Run:
        return strace.run(subject.code, arguments, tmp_path / "log", files=files, fault=fault)

    for _ in range(3):  # something to lose
        subprocess.run(
            [sys.executable, "-c", subject.code, *arguments],
            check=True,
            cwd=Path(__file__).parents[1],
            capture_output=True,
        )
    points = strace.points(go().log)
    assert len(points) >= subject.least
    hit = 0
    for call, which in points:
        for fault in strace.FAULTS:
            before = subject.read(path)
            tried = go(f"{call}:{fault}:when={which}")
            after = subject.read(path)
            where = f"{call} {which}, {fault}: {tried.out.strip() or 'killed'}"
            assert after in (before, before + 1), where
            assert after == before + 1 or "kept" not in tried.out, where
            hit += tried.injected
    assert hit >= 0.9 * len(points) * len(strace.FAULTS)  # the faults were there
    assert not list(folder.glob("*.damaged-*"))
    left = subject.read(path)
    assert "kept" in go().out  # and nothing that was left behind is in the way
    assert subject.read(path) == left + 1
