"""The two clocks that a timer needs.

While the machine is up, the steady clock counts: ten minutes are ten minutes, even if the time is
set meanwhile, as it is on a board without a battery as soon as it reaches the network. It begins
anew at every boot; over one only the clock on the wall knows how long that took.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol

LONGEST_SLEEP = 30.0
"""Seconds by which a timer may be late on a machine that slept meanwhile."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Time(Protocol):
    """What timers know of time."""

    @property
    def boot(self) -> str:
        """Which run of the machine the steady clock counts; empty if nobody knows."""
        ...

    def now(self) -> datetime:
        """UTC."""
        ...

    def steady(self) -> float:
        """Seconds since some moment, whatever becomes of the clock on the wall."""
        ...

    async def sleep(self, seconds: float) -> None:
        """So long, or less where that is long: then the steady clock is to be looked at again."""
        ...


class SystemTime:
    """The clocks of the machine."""

    @property
    def boot(self) -> str:
        return _boot()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        # CLOCK_BOOTTIME goes on while a laptop sleeps, and is the same for every process.
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    async def sleep(self, seconds: float) -> None:
        # asyncio's clock stands still while a laptop sleeps; the steady one does not.
        await asyncio.sleep(min(seconds, LONGEST_SLEEP))


@cache
def _boot() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
