"""When a routine runs by the clock or the sun: the next moment after another.

Times of the day are those on the wall: what is wanted for seven is done at seven in summer and
winter. What falls into the hour that the clock skips in spring is done at its end; what falls into
the hour that comes twice in autumn is done once, the first time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from hub.routines.routine import DAILY, Clock, Sun

FARTHEST = 370
"""Days that are looked ahead for a sunset: beyond the polar circle there may be none for long."""
Place = tuple[float, float]
"""Latitude and longitude, in degrees."""


def local(zone: tzinfo | None) -> tzinfo:
    """The zone, or the one of the machine."""
    if zone is not None:
        return zone
    from dateutil import tz

    found = tz.gettz()
    return found or UTC


def next_clock(trigger: Clock, after: datetime, zone: tzinfo | None) -> datetime | None:
    """The next such time after a moment (UTC), in UTC; None if there is none any more."""
    here = local(zone)
    wall = after.astimezone(here).replace(tzinfo=None)
    # A moment in the repeated hour may be behind one that has the same reading before it.
    begin = wall - timedelta(days=1)
    for reading in _readings(trigger, begin):
        moment = on_wall(reading, here)
        if moment > after:
            return moment
    return None


def _readings(trigger: Clock, begin: datetime):  # type: ignore[no-untyped-def]
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


def on_wall(reading: datetime, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the clock on the wall reads so, or would, and first does."""
    from dateutil import tz

    reading = reading.replace(tzinfo=zone, fold=0)
    while not tz.datetime_exists(reading):
        reading = (reading + timedelta(minutes=1)).replace(second=0)
    return reading.astimezone(UTC)


def next_sun(
    trigger: Sun, after: datetime, zone: tzinfo | None, place: Place | None
) -> datetime | None:
    """The next sunset or sunrise after a moment (UTC), in UTC; None without a place, or where the
    sun does not set within a year."""
    if place is None:
        return None
    here = local(zone)
    day = after.astimezone(here).date() - timedelta(days=1)
    offset = timedelta(seconds=trigger.offset)
    for _ in range(FARTHEST):
        found = sun_on(trigger.event, day.toordinal(), place)
        if found is not None:
            moment = found + offset
            same_day = found.astimezone(here).weekday() in trigger.days
            if moment > after and same_day:
                return moment
        day += timedelta(days=1)
    return None


@lru_cache(1024)
def sun_on(event: str, ordinal: int, place: Place) -> datetime | None:
    """Sunset or sunrise of a day, in UTC; None where there is none."""
    from datetime import date

    from astral import Observer
    from astral.sun import sunrise, sunset

    work = sunset if event == "sunset" else sunrise
    try:
        found = work(Observer(*place), date.fromordinal(ordinal), tzinfo=UTC)
    except ValueError:
        return None
    return found.replace(microsecond=0)
