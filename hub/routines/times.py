"""When a routine runs by the clock or the sun: the next moment after another.

Times of the day are those on the wall: what is wanted for seven is done at seven in summer and
winter. What falls into the hour that the clock skips in spring is done at its end; what falls into
the hour that comes twice in autumn is done once, the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo

from hub.routines.routine import DAILY, Clock, Sun
from hub.timers.sun import Place, sun
from hub.timers.wall import moment

__all__ = ["Place", "minute_of_sun", "next_clock", "next_sun"]

FARTHEST = 370
"""Days that are looked ahead for a sunset: beyond the polar circle there may be none for long."""


def next_clock(trigger: Clock, after: datetime, zone: tzinfo) -> datetime | None:
    """The next such time after a moment (UTC), in UTC; None if there is none any more."""
    wall = after.astimezone(zone).replace(tzinfo=None)
    # A moment in the repeated hour may be behind one that has the same reading before it.
    begin = wall - timedelta(days=1)
    for reading in _readings(trigger, begin):
        found = moment(reading, zone)
        if found > after:
            return found
    return None


def _readings(trigger: Clock, begin: datetime) -> Iterator[datetime]:
    """What the clock shows when it is such a time, some of them from the day of `begin` on."""
    from dateutil.rrule import DAILY as EVERY_DAY
    from dateutil.rrule import WEEKLY, rrule, rrulestr

    start = datetime.combine(begin.date(), trigger.at)
    if trigger.rule:
        # A rule counts from its beginning ('every other week'): one that stays the same.
        first = datetime.combine(datetime(2024, 1, 1).date(), trigger.at)
        rule = rrulestr(trigger.rule, dtstart=first)
        yield from rule.xafter(begin, count=10)
        return
    if trigger.days == DAILY:
        yield from rrule(EVERY_DAY, dtstart=start, count=10)
        return
    yield from rrule(WEEKLY, dtstart=start, byweekday=trigger.days, count=10)


def next_sun(trigger: Sun, after: datetime, zone: tzinfo, place: Place | None) -> datetime | None:
    """The next sunset or sunrise after a moment (UTC), in UTC; None without a place, or where the
    sun does not set within a year."""
    if place is None:
        return None
    day = after.astimezone(zone).date() - timedelta(days=1)
    offset = timedelta(seconds=trigger.offset)
    for _ in range(FARTHEST):
        found = sun(trigger.event, day, place)
        if found is not None:
            when = found.replace(microsecond=0) + offset
            same_day = found.astimezone(zone).weekday() in trigger.days
            if when > after and same_day:
                return when
        day += timedelta(days=1)
    return None


def minute_of_sun(event: str, day: date, zone: tzinfo, place: Place) -> int | None:
    """Sunset or sunrise on a day, as a minute of the day on the clock of the wall."""
    found = sun(event, day, place)
    if found is None:
        return None
    shown = found.astimezone(zone)
    return shown.hour * 60 + shown.minute
