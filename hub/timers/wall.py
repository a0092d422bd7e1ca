"""The clock on the wall: its zone, what its times mean, and whether it can be believed.

People set an alarm for seven on the clock they see. What moment that is, is worked out anew
whenever it is needed, so that summer time and another zone change nothing about it: what falls
into the hour that is left out comes at its end, what falls into the one that is twice comes once.

A machine without a clock of its own starts in 1970, or where it was last. Until the time was set
it is taken to be no earlier than the last moment that is known, and goes on from there.
"""

from __future__ import annotations

import ctypes
import logging
import os
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub.timers.clock import EARLIEST, Time

log = logging.getLogger(__name__)

LOCALTIME = Path("/etc/localtime")
FOLDER = "zoneinfo/"
"""Behind it, in the path of a file, is the name of a zone."""
SET = 2.0
"""Seconds by which the clocks must part for one to have been set."""
DOUBT = 900.0
"""Seconds after which a clock that nothing has set is believed all the same."""
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
_UNKNOWN = 5
"""What `adjtimex` returns while nothing keeps the clock right."""


def local_zone() -> tzinfo:
    """The zone of this machine, as it is set now."""
    if name := os.environ.get("TZ", "").removeprefix(":"):
        return _named(name) or UTC
    try:
        status = LOCALTIME.stat()
    except OSError:
        return UTC
    return _of_file(LOCALTIME, (status.st_dev, status.st_ino, status.st_mtime))


@lru_cache(maxsize=8)
def _of_file(path: Path, version: tuple[int, int, float]) -> tzinfo:
    """`version` only makes another entry of the cache where another zone was put there."""
    try:
        target = path.resolve(strict=True)
        name = str(target).rpartition(FOLDER)[2] if FOLDER in str(target) else ""
        if name and (known := _named(name)):
            return known
        with target.open("rb") as file:
            return ZoneInfo.from_file(file, key="local")
    except (OSError, ValueError):
        return UTC


@lru_cache(maxsize=8)
def _named(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def moment(wall: datetime, zone: tzinfo, *, after: datetime | None = None) -> datetime:
    """When the clock on the wall shows a time (without a zone), in UTC.

    A time that is left out in spring comes when it would have: at the end of the gap. Of one that
    comes twice in autumn it is the first, or the first that is later than `after`."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first > second:
        return _end_of_gap(second, first, zone)
    return second if after is not None and first <= after < second else first


def _end_of_gap(before: datetime, behind: datetime, zone: tzinfo) -> datetime:
    """The moment, to the second, at which the clocks are set between two moments."""
    offset = before.astimezone(zone).utcoffset()
    seconds = int((behind - before).total_seconds())
    low, high = 0, seconds
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle + 1
        else:
            high = middle
    return before + timedelta(seconds=low)


class Wall:
    """The clock on the wall, as far as it can be believed."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._floor: datetime | None = None
        self._since = time.steady()
        self._apart = self._difference()
        self._doubted = False

    def not_before(self, known: datetime) -> None:
        """It has been as late as this already."""
        self._floor = max(known, self._floor or known)
        self._since = self._time.steady()
        self._apart = self._difference()
        self._doubted = self._time.now() < self._floor - timedelta(seconds=SET)
        if self._doubted:
            log.warning(
                "the clock shows %s, but it was %s already; that is taken until it is set",
                self._time.now(),
                self._floor,
            )

    @property
    def believed(self) -> bool:
        """Whether the time is that of the clock, and no guess."""
        if self._doubted and self._floor is not None:
            now = self._time.now()
            was_set = abs(self._difference() - self._apart) > SET
            long = self._time.steady() - self._since > DOUBT and now >= EARLIEST
            if now >= self._floor or was_set or long or self._time.kept_right:
                self._doubted = False
        return not self._doubted

    def now(self) -> datetime:
        """UTC"""
        if self.believed or self._floor is None:
            return self._time.now()
        return self._floor + timedelta(seconds=self._time.steady() - self._since)

    def local(self) -> datetime:
        """What it shows: without a zone."""
        return self.now().astimezone(self.zone).replace(tzinfo=None)

    @property
    def zone(self) -> tzinfo:
        return self._time.zone

    def shows(self, at: datetime) -> datetime:
        """What it shows at a moment: without a zone."""
        return at.astimezone(self.zone).replace(tzinfo=None)

    def _difference(self) -> float:
        return self._time.now().timestamp() - self._time.steady()


def kept_right() -> bool:
    """Whether something (a time server) keeps the machine's clock right."""
    if SYNCHRONISED.exists():
        return True
    try:
        buffer = ctypes.create_string_buffer(512)  # struct timex; all zero only asks
        return 0 <= int(ctypes.CDLL(None).adjtimex(buffer)) < _UNKNOWN
    except (OSError, AttributeError):
        return False
