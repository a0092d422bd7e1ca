"""A clock that is moved by hand."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta, tzinfo

from hub.timers.clock import Time
from hub.timers.wall import local_zone

TOOL_THREAD = "tool"
"""Name of the threads in which plain functions run as tools."""

LONGEST = 5.0
"""Seconds that such a tool is waited for."""


class MovedTime:
    """The clocks of a hub on which nobody waits: `advance` lets time pass."""

    boot = "on-stage"
    kept_right = False

    def __init__(self, now: datetime, *, steady: float = 0.0) -> None:
        self.zone: tzinfo = local_zone()
        """Of the clock on the wall; may be set."""
        self._now = now.astimezone(UTC)
        self._steady = steady
        self._sleeping: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def steady(self) -> float:
        return self._steady

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.append((self._steady + seconds, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let time pass, from one awakening to the next, and let what wakes up act."""
        end = self._steady + seconds
        await settle()
        while due := [at for at, future in self._sleeping if at <= end and not future.done()]:
            self._to(max(self._steady, min(due)))
            for at, future in self._sleeping:
                if at <= self._steady and not future.done():
                    future.set_result(None)
            self._sleeping = [each for each in self._sleeping if not each[1].done()]
            await settle()
        self._to(end)
        await settle()

    def _to(self, steady: float) -> None:
        self._now += timedelta(seconds=steady - self._steady)
        self._steady = steady


class LocalClock:
    """The `Clock` of tools, on such a time."""

    def __init__(self, time: Time) -> None:
        self._time = time

    def now(self) -> datetime:
        return self._time.now().astimezone(self._time.zone)


async def settle() -> None:
    """Let every task that can go on do so, and every tool that is a plain function end."""
    for _ in range(30):
        await asyncio.sleep(0)
    for thread in [each for each in threading.enumerate() if each.name == TOOL_THREAD]:
        await asyncio.to_thread(thread.join, LONGEST)
    for _ in range(30):
        await asyncio.sleep(0)
