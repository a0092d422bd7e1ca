"""What it costs that a pack runs apart: its start, its memory when idle, each call.

A pack of three lines, run as the hub runs packs: behind the walls that this machine has.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hub.home.model import Home
from hub.packs import sandbox
from hub.packs.description import parse
from hub.packs.remote import Packs, describe
from hub.packs.shelf import Installed
from hub.skill import Where

STARTS = 10
CALLS = 200

PACK = b"""\
id = "bench"
name = "Bench"
version = "1.0"
sdk = ">=1,<2"
licence = "Apache-2.0"
description = "Does nothing, to be measured."
risk = "R1"
[tools.nothing]
risk = "R0"
[tools.look]
risk = "R1"
[permissions.home]
domains = ["light"]
"""

SKILL = '''\
from hub.skill import Home, tool


@tool(phrases=["do nothing"])
async def nothing() -> str:
    """Do nothing."""
    return "Done."


@tool(phrases=["look"])
async def look(home: Home) -> str:
    """Ask the hub for something."""
    home.find(domains=["light"])
    return "Done."
'''


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds, but for the memory."""

    start: list[float]
    """From a pack that does not run to the answer of its tool."""
    call: list[float]
    """Of a tool that does nothing, in a pack that runs."""
    service: list[float]
    """Of a tool that asks the hub for something once, besides."""
    idle_kb: int
    """Memory (PSS) of all processes of a pack that waits; 0 where it cannot be read."""
    wall: str
    """`bubblewrap` or `systemd`."""


class _Shelf:
    def __init__(self, installed: Installed) -> None:
        self._installed = installed

    def installed(self) -> list[Installed]:
        return [self._installed]

    def verify(self, installed: Installed) -> None:
        pass


async def measure(starts: int = STARTS, calls: int = CALLS) -> Timed:
    """Raises NoSandbox where nothing keeps packs apart."""
    wall = sandbox.require("bench")
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as place:
        folder = Path(place)
        (folder / "skill.py").write_text(SKILL)
        installed = _installed(folder)
        packs = Packs(_Shelf(installed), Home())
        process = packs.process("bench")
        try:
            begun = []
            for _ in range(starts):
                begun.append(await _timed(packs, "nothing"))
                await process.stop()
            await _timed(packs, "nothing")
            took = [await _timed(packs, "nothing") for _ in range(calls)]
            asked = [await _timed(packs, "look") for _ in range(calls)]
            return Timed(begun, took, asked, _memory(process.pid), wall)
        finally:
            await packs.close()


def _installed(folder: Path) -> Installed:
    pack = parse(PACK)
    bare = Installed(pack, folder, "0" * 64, pack.permissions, {}, True, False, None)
    rows = describe(bare, lambda _: None)
    return Installed(pack, folder, "0" * 64, pack.permissions, {}, True, False, None, tools=rows)


class _Nobody:
    """Nothing is said in a measurement."""

    last_reply = None
    lacking = None


class _NoHome:
    def find(self, **wanted: Any) -> list[Any]:
        return []


async def _timed(packs: Packs, tool: str) -> float:
    handler = next(one for one in packs.handlers() if one.tool.called == tool)
    known = {"home": _NoHome(), "where": Where(), "conversation": _Nobody()}
    given = {name: known[service] for name, service in handler.tool.services.items()}
    begun = time.perf_counter()
    await handler.tool.function(**given)
    return (time.perf_counter() - begun) * 1000


def _memory(pid: int | None) -> int:
    if pid is None:
        return 0
    try:
        inner = psutil.Process(pid)
        walls = [one for one in inner.parents() if one.name() == "bwrap"]
        return sum(int(one.memory_full_info().pss) for one in (inner, *walls)) // 1024
    except (psutil.Error, OSError):
        return 0


if __name__ == "__main__":
    print(asyncio.run(measure()))
