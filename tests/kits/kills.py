"""K5: programs that write and acknowledge, killed (SIGKILL) at random moments, again and again.

    python -m tests.kits.kills KIND FILE RUNS

A child writes one number after the other and says each on a pipe when it is on the disk. Its parent
kills it in the middle, reads the file as the hub would after a start, and checks that it holds what
was said last, or the one after that. Then the next child goes on with the same file. The children
are forked from one process that has everything imported, so that a thousand take under a minute.
Ends with the counts as JSON on the standard output.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from hub.errors import StorageError
from hub.history.database import Database
from hub.storage import AtomicStorage, Documents, Journal, journal

PADDING = "x" * 40_000
"""Makes a write long enough to be killed in its middle."""

SCHEMA = "CREATE TABLE IF NOT EXISTS kept(n INTEGER, more TEXT);"


def tables(path: Path, began: int) -> Iterator[int]:
    storage = AtomicStorage(path)
    storage.read()
    while True:
        began += 1
        storage.write({"t": {"1": {"n": began, "more": PADDING}}})
        yield began


async def documents(path: Path, began: int) -> AsyncIterator[int]:
    kept = Documents(path)
    await kept.load()
    while True:
        began += 1
        kept.put("a", {"n": began, "more": PADDING})
        await kept.flush()
        yield began


async def lines(path: Path, began: int) -> AsyncIterator[int]:
    journal.FEW = 5  # it is tidied up again and again
    kept = Journal(path)
    await kept.load()
    while True:
        began += 1
        kept.put("a", {"n": began, "more": PADDING})
        await kept.flush()
        yield began


async def rows(path: Path, began: int) -> AsyncIterator[int]:
    kept = Database(path, SCHEMA, durable=True)
    while True:
        began += 1

        def insert(connection: sqlite3.Connection, number: int = began) -> None:
            connection.execute("DELETE FROM kept")
            connection.execute("INSERT INTO kept VALUES (?, ?)", (number, PADDING))

        await kept.run(insert)
        yield began


def in_tables(path: Path) -> int:
    content = AtomicStorage(path).read()
    return int(content["t"]["1"]["n"]) if content else 0


def in_documents(path: Path) -> int:
    content = AtomicStorage(path).read()
    return int(next(iter(content["states"].values()))["n"]) if content else 0


def in_lines(path: Path) -> int:
    found = journal.parse(path.read_bytes())
    if found.damaged:
        raise StorageError(f"damaged: {found.damaged}")
    return int(found.documents["a"]["n"])


def in_rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise StorageError("damaged")
        return int(connection.execute("SELECT n FROM kept").fetchone()[0])


def in_place(path: Path, began: int) -> Iterator[int]:
    """As it should not be done: what the kit must find."""
    while True:
        began += 1
        with path.open("r+" if path.exists() else "w") as file:
            file.write(json.dumps({"n": began, "more": PADDING}))
            file.flush()
            file.truncate()
        yield began
        path.write_text("")  # and it is empty for a moment


Kind = tuple[Callable[[Path, int], Any], Callable[[Path], int]]

KINDS: dict[str, Kind] = {
    "tables": (tables, in_tables),
    "documents": (documents, in_documents),
    "journal": (lines, in_lines),
    "facts": (rows, in_rows),
    "in-place": (in_place, lambda path: int(json.loads(path.read_bytes())["n"])),
}


def child(kind: str, path: Path, began: int, pipe: int) -> None:
    """Write and acknowledge until it is killed."""
    written = KINDS[kind][0](path, began)

    async def all_of_them() -> None:
        async for number in written:
            os.write(pipe, b"%d\n" % number)

    if hasattr(written, "__anext__"):
        work: Coroutine[Any, Any, None] = all_of_them()
        asyncio.run(work)
    else:
        for number in written:
            os.write(pipe, b"%d\n" % number)


def loop(kind: str, path: Path, runs: int, seed: int = 7) -> dict[str, int]:
    """Counts: kills, files that could not be read, acknowledged writes that were lost, and kills
    that met a write in its middle (the file is one further than was acknowledged, or something
    unfinished lies beside it)."""
    rng = random.Random(seed)
    counts = {"kills": 0, "unreadable": 0, "lost": 0, "in_the_middle": 0, "acknowledged": 0}
    last = 0
    for _ in range(runs):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            try:
                child(kind, path, last, writing)
            finally:
                os._exit(1)
        os.close(writing)
        said = os.read(reading, 4096)  # the first is acknowledged
        time.sleep(rng.uniform(0, 0.02))  # no event to wait for: any moment will do
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        while more := os.read(reading, 65536):
            said += more
        os.close(reading)
        told = int(said.rsplit(b"\n", 2)[-2])
        counts["kills"] += 1
        counts["acknowledged"] += told - last
        unfinished = path.with_name(f"{path.name}.tmp").exists()
        try:
            found = KINDS[kind][1](path)
        except Exception:
            counts["unreadable"] += 1
            path.unlink(missing_ok=True)
            last = 0
            continue
        counts["lost"] += not told <= found <= told + 1
        counts["in_the_middle"] += found == told + 1 or unfinished
        last = found
    counts["set_aside"] = len(list(path.parent.glob(f"{path.name}.damaged-*")))
    return counts


if __name__ == "__main__":
    print(json.dumps(loop(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
