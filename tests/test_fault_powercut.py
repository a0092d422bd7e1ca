"""Power cuts at every moment of random histories: what was acknowledged is there afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from hub.storage import AtomicStorage
from hub.storage.journal import parse
from tests.kits import strace
from tests.kits.powercut import Disk, calls

HISTORIES = int(os.environ.get("HEARTH_HISTORIES", "40"))
"""Random histories of each kind of file; each is cut at every system call."""

MUTANT = """
import os, stat, sys
real = os.fsync
def forgetful(number):
    kind = stat.S_ISDIR(os.fstat(number).st_mode)
    if not (sys.argv[3] == ("folder" if kind else "file")):
        real(number)
os.fsync = forgetful
"""

TABLES = """
import random, sys
from hub.storage.atomic import AtomicStorage
random.seed(5)
for history in range(int(sys.argv[2])):
    path = f"{sys.argv[1]}/{history}"
    storage = AtomicStorage(path)
    for number in range(1, random.randint(2, 4)):
        os.write(1, b"begin %d %d\\n" % (history, number))
        content = {"t": {"1": {"n": number, "more": "x" * random.choice((0, 600, 3000))}}}
        storage.write(content)
        os.write(1, b"kept %d %d\\n" % (history, number))
"""

JOURNAL = """
import asyncio, random, sys
from pathlib import Path
from hub.storage import journal
random.seed(6)
journal.FEW = 3
async def main():
    for history in range(int(sys.argv[2])):
        kept = journal.Journal(Path(f"{sys.argv[1]}/{history}"))
        for number in range(1, random.randint(3, 8)):
            os.write(1, b"begin %d %d\\n" % (history, number))
            kept.put("a", {"n": number, "more": "x" * random.choice((0, 600, 3000))})
            if random.random() < 0.3:
                kept.put("b", {"n": number})
            await kept.flush()
            os.write(1, b"kept %d %d\\n" % (history, number))
        await kept.close()
asyncio.run(main())
"""

PIN = """
import sys
from pathlib import Path
from hub.policy.pin import Pin, _Kept
from hub.timers.clock import SystemTime
for history in range(int(sys.argv[2])):
    pin = Pin(Path(f"{sys.argv[1]}/{history}"), SystemTime())
    for number in range(1, 4):
        os.write(1, b"begin %d %d\\n" % (history, number))
        pin._write(_Kept("hash", number))
        os.write(1, b"kept %d %d\\n" % (history, number))
"""

BROKER = """
import sys
from pathlib import Path
from hub.disk import replace
for history in range(int(sys.argv[2])):
    for number in range(1, 4):
        os.write(1, b"begin %d %d\\n" % (history, number))
        replace(Path(f"{sys.argv[1]}/{history}"), b'{"failed": %d}' % number)
        os.write(1, b"kept %d %d\\n" % (history, number))
"""


def in_tables(path: Path) -> int:
    content = AtomicStorage(path).read()
    return int(content["t"]["1"]["n"]) if content else 0


def in_journal(path: Path) -> int:
    found = parse(path.read_bytes()) if path.exists() else parse(b"")
    assert not found.damaged
    return int(found.documents["a"]["n"]) if found.documents else 0


def in_json(path: Path) -> int:
    import json

    return int(json.loads(path.read_bytes())["failed"]) if path.exists() else 0


Read = Callable[[Path], int]

KINDS: dict[str, tuple[str, Read, int]] = {
    "tables": (TABLES, in_tables, HISTORIES),
    "journal": (JOURNAL, in_journal, HISTORIES),
    "pin": (PIN, in_json, 3),
    "accounts of the broker": (BROKER, in_json, 3),
}


def lost(code: str, read: Read, histories: int, tmp_path: Path, mutant: str) -> tuple[int, str]:
    """How many states after power cuts were tried, and the first in which something is lost."""
    folder = tmp_path / "data"
    folder.mkdir()
    run = strace.run(MUTANT + code, [str(folder), str(histories), mutant], tmp_path / "log")
    assert run.status == 0, run.err
    disk = Disk(PurePosixPath(folder))
    after = tmp_path / "after"
    after.mkdir()
    history, begun, kept, tried = "0", 0, 0, 0
    seen: set[object] = set()
    for call, arguments, result in calls(run.log):
        told = len(disk.said)
        if not disk.do(call, arguments, result):
            continue
        for said in disk.said[told:]:
            what, which, number = said.split()
            if which.decode() != history:
                history, begun, kept = which.decode(), 0, 0
            begun, kept = (int(number), kept) if what == b"begin" else (begun, int(number))
        for state in disk.states():
            # Only the files of this history are looked at: the others are done with.
            own = {name: state[name] for name in state if name.split(".")[0] == history}
            key = (history, begun, kept, *sorted(own.items()))
            if key in seen:
                continue
            seen.add(key)
            tried += 1
            for each in after.iterdir():
                each.unlink()
            for name, content in own.items():
                (after / name).write_bytes(content)
            try:
                found = read(after / history)
            except Exception as error:
                return tried, f"after {call}: {kept} was acknowledged, and now: {error!r}"
            if not kept <= found <= begun:
                return tried, f"after {call}: {kept} was acknowledged, {found} is there"
            if any("damaged" in each.name for each in after.iterdir()):
                return tried, f"after {call}: a damaged file"
    return tried, ""


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_moment_the_power_fails_what_was_acknowledged_is_there(
    kind: str, tmp_path: Path
) -> None:
    strace.required()
    code, read, histories = KINDS[kind]
    tried, wrong = lost(code, read, histories, tmp_path, "none")
    assert not wrong
    assert tried > 8 * histories


@pytest.mark.parametrize("mutant", ["file", "folder"])
@pytest.mark.parametrize("kind", KINDS)
def test_without_forcing_it_to_the_disk_it_would_not(
    kind: str, mutant: str, tmp_path: Path
) -> None:
    strace.required()
    code, read, _ = KINDS[kind]
    _, wrong = lost(code, read, 2, tmp_path, mutant)
    assert wrong
