"""The two clocks that a timer needs.

While the machine is up, the steady clock counts: ten minutes are ten minutes, even if the time is
set meanwhile, as it is on a board without a battery as soon as it reaches the network. It begins
anew at every boot; over one only the clock on the wall knows how long that took.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Protocol

LONGEST_SLEEP = 10.0
"""Seconds by which something may be late when the machine slept, or its clock was set."""
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that was ever set is before this."""
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

    @property
    def zone(self) -> tzinfo:
        """Of the clock on the wall."""
        ...

    @property
    def kept_right(self) -> bool:
        """Whether something, such as a time server, keeps the clock on the wall right."""
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

    @property
    def zone(self) -> tzinfo:
        from hub.timers.wall import local_zone

        return local_zone()

    @property
    def kept_right(self) -> bool:
        from hub.timers.wall import kept_right

        return kept_right()

    async def sleep(self, seconds: float) -> None:
        # Loaded here, since the small process of each pack loads this module, and does not sleep.
        import asyncio

        # asyncio's clock stands still while a laptop sleeps; the steady one does not.
        await asyncio.sleep(min(seconds, LONGEST_SLEEP))


def stamp(time: Time, now: datetime | None = None) -> dict[str, Any]:
    """What both clocks show, to be kept with what is counted on the steady one. `now`: the time,
    where it is not what the clock on the wall shows."""
    return {"at": (now or time.now()).isoformat(), "boot": time.boot, "steady": time.steady()}


def elapsed(kept: Mapping[str, Any], time: Time) -> float:
    """Seconds since a stamp. A clock that went backwards says nothing: then no time has passed,
    since something had better be late than never.

    Raises KeyError, TypeError or ValueError for what is no stamp."""
    if time.boot and kept.get("boot") == time.boot:
        return max(0.0, time.steady() - float(kept["steady"]))
    at = datetime.fromisoformat(str(kept["at"]))
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at < EARLIEST:
        return 0.0
    return max(0.0, (time.now() - at).total_seconds())


@cache
def _boot() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
