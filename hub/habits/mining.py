"""Finds habits in a history of deeds: the same at a similar time, or after the same thing.

What is called a habit has to pass three gates. It must be regular: on three of four days of its
kind, and lately. It must be no accident: compared with what the same device does within an hour
and a half around that time, and with as many tests as were made, there is a chance of one in ten
thousand that any habit at all is found where there is none. And what explains it best is told: a
time on the clock, sunset, or something that happens just before.

Days on which nobody did anything (the household was away) are no evidence for or against.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Literal, Protocol

from hub.habits.chance import at_least_once, tail

DAY = 1440
"""Minutes"""
RECENT = 56
"""Days that are looked at..."""
LONG = 182
"""... and for what happens once a week, or with the sun."""
WIDTHS = (20, 30, 45, 60)
"""Minutes in which a habit happens."""
AROUND = 90
"""Minutes around, in which as much of it may be chance."""
SHARE = 0.75
"""Of the days on which it happens at least."""
LEAST = 0.6
"""Of weekdays and of weekends, for what is said to happen daily."""
LAST = 10
"""Days (or occasions) that are told as evidence..."""
LATELY = 7
"""... of which it must have happened on so many."""
FEWEST = 12
"""Days or occasions from which there is something to find."""
ALPHA = 0.0001
"""Chance to find anything at all where there is nothing."""
FOLLOWS = 5
"""Minutes within which something follows."""
BURST = 10
"""Minutes within which doing it again is the same deed."""
MOST_A_DAY = 30
"""What happens more often is no occasion for anything."""
BUSIEST = 4000
"""Pairs of occasion and deed that are looked at."""

PEOPLE = ("voice", "phone", "outside")
"""Sources of what people do."""
BEGINNINGS = ("on", "open", "home", "playing", "unlocked")
"""States that begin something: of two that come together these are told."""
GROUPS: Mapping[str, frozenset[int]] = {
    "daily": frozenset(range(7)),
    "weekdays": frozenset(range(5)),
    "weekends": frozenset({5, 6}),
    **{str(day): frozenset({day}) for day in range(7)},
}
"""Kinds of days, the widest first."""


class Deed(Protocol):
    """What is read of the history: see `hub.history.Deed`."""

    @property
    def at(self) -> datetime: ...

    @property
    def entity_id(self) -> str: ...

    @property
    def service(self) -> str: ...

    @property
    def data(self) -> Mapping[str, Any]: ...

    @property
    def before(self) -> str | None: ...

    @property
    def after(self) -> str | None: ...

    @property
    def source(self) -> str: ...


Kind = Literal["time", "sunset", "sunrise", "after"]


@dataclass(frozen=True, slots=True)
class Habit:
    """Something that is done again and again, with what speaks for it."""

    entity_id: str
    service: str
    kind: Kind
    days: str = "daily"
    """One of GROUPS."""
    begin: int = 0
    end: int = 0
    """Between which minutes of the day it happens, or minutes after sunset or sunrise."""
    middle: int = 0
    """When in the middle."""
    occasion: tuple[str, str] = ("", "")
    """Entity and state of what it follows."""
    hits: int = 0
    of: int = 0
    """On so many of the last days of its kind, or occasions."""
    all_hits: int = 0
    all_of: int = 0
    """The same of all that was looked at."""
    chance: float = 1.0
    """Of as many hits by accident, with all tests that were made."""
    data: tuple[tuple[str, Any], ...] = ()
    """Data of the service that it mostly has."""

    @property
    def key(self) -> str:
        """The same for the same habit, also when its times have changed a little."""
        return f"{self.service} {self.entity_id} {self.kind} {'/'.join(self.occasion)}"


@dataclass(slots=True)
class _Series:
    """All times of one deed, in minutes since the first day, ascending."""

    times: list[int]
    data: list[Mapping[str, Any]]


@dataclass(slots=True)
class _Diary:
    """A history as minutes on the clock of the wall."""

    first: date
    last: int
    """Number of the last day."""
    deeds: dict[tuple[str, str], _Series]
    """By entity and service."""
    events: dict[tuple[str, str], list[tuple[int, bool]]]
    """Entity with its state -> minutes, and whether people did it themselves."""
    active: set[int]
    """Days on which somebody did something."""


def habits(
    history: Iterable[Deed],
    now: datetime,
    zone: tzinfo,
    sun: Callable[[str, date], int | None] | None = None,
) -> list[Habit]:
    """The habits of a household, the surest first. `sun`: the minute of the day of `sunset` or
    `sunrise` on a day, on the clock of the wall."""
    diary = _read(history, now, zone)
    if diary is None:
        return []
    numbers = sum(len(series.times) >= FEWEST for series in diary.deeds.values())
    pairs = _pairs(diary)
    # Each time at which a window may begin is a test, and so is each pair.
    tests = max(1, numbers * len(GROUPS) * (DAY // WIDTHS[0]) * len(WIDTHS) * 2 + len(pairs))
    found: list[Habit] = []
    for (entity_id, service), series in diary.deeds.items():
        if len(series.times) < FEWEST:
            continue
        best = _at_times(entity_id, service, series, diary, tests, sun)
        after = _after(entity_id, service, series, diary, pairs, tests)
        chosen = _better(best, after)
        if chosen is not None:
            found.append(chosen)
    return sorted(found, key=lambda habit: (habit.chance, -habit.hits / max(1, habit.of)))


def _read(history: Iterable[Deed], now: datetime, zone: tzinfo) -> _Diary | None:
    today = now.astimezone(zone).date()
    first = today - timedelta(days=LONG)
    deeds: dict[tuple[str, str], _Series] = {}
    events: dict[tuple[str, str], list[tuple[int, bool]]] = {}
    recent = (LONG - RECENT) * DAY
    active: set[int] = set()
    begin = now - timedelta(days=LONG + 1)
    offsets: dict[int, int] = {}
    origin = first.toordinal()
    for deed in history:
        if deed.at < begin or deed.at > now:
            continue
        # The offset of a zone changes at full hours only: it is looked up once for each.
        stamp = deed.at.timestamp()
        hour = int(stamp // 900)
        if hour not in offsets:
            shown = deed.at.astimezone(zone).utcoffset() or timedelta()
            offsets[hour] = int(shown.total_seconds() // 60)
        minute = int(stamp // 60) + offsets[hour] - (origin - _EPOCH) * DAY
        if minute < 0 or deed.source not in PEOPLE:
            continue
        own = bool(deed.service)
        if minute >= recent and deed.after not in (None, deed.before):
            happened = (deed.entity_id, str(deed.after))
            if not _is_number(happened[1]):
                events.setdefault(happened, []).append((minute, own))
        if not own:
            continue
        active.add(minute // DAY)
        series = deeds.get((deed.entity_id, deed.service))
        if series is None:
            series = deeds[deed.entity_id, deed.service] = _Series([], [])
        series.times.append(minute)
        series.data.append(deed.data)
    if not active:
        return None
    for series in deeds.values():
        _settle(series)
    for several in events.values():
        several.sort()
    # Today is not over: it is no evidence that something was not done.
    last = (today - first).days - 1
    return _Diary(first, last, deeds, events, active)


def _is_number(state: str) -> bool:
    return state[:1].isdigit() or state[:2].lstrip("-").isdigit()


_EPOCH = date(1970, 1, 1).toordinal()


def _settle(series: _Series) -> None:
    """In order, and what was done again at once is one deed."""
    order = sorted(range(len(series.times)), key=series.times.__getitem__)
    times: list[int] = []
    data: list[Mapping[str, Any]] = []
    for place in order:
        minute = series.times[place]
        if times and minute - times[-1] < BURST:
            continue
        times.append(minute)
        data.append(series.data[place])
    series.times, series.data = times, data


# --- at a time ------------------------------------------------------------------------------------


def _at_times(
    entity_id: str,
    service: str,
    series: _Series,
    diary: _Diary,
    tests: int,
    sun: Callable[[str, date], int | None] | None,
) -> Habit | None:
    """The best habit at a time of the day, or of the sun."""
    best: Habit | None = None
    for name, weekdays in GROUPS.items():
        length = RECENT if len(weekdays) > 2 else LONG
        days = [
            day
            for day in range(max(0, diary.last - length + 1), diary.last + 1)
            if day in diary.active and (diary.first + timedelta(days=day)).weekday() in weekdays
        ]
        if len(days) < FEWEST:
            continue
        found = _window(series, days, {}, tests)
        habit = _habit(entity_id, service, "time", name, found, days, series)
        if habit is not None and (name != "daily" or _every_day(series, found, diary, days)):
            best = habit
            break  # the widest kind of days says it all
    if sun is None:
        return best
    for event in ("sunset", "sunrise"):
        days = [day for day in range(diary.last + 1) if day in diary.active]
        shifts = {}
        for day in days:
            minute = sun(event, diary.first + timedelta(days=day))
            if minute is not None:
                shifts[day] = minute
        days = [day for day in days if day in shifts]
        if len({minute // DAY for minute in series.times} & set(days)) < SHARE * len(days):
            continue
        if len(days) < 3 * FEWEST or max(shifts.values()) - min(shifts.values()) < 60:
            continue  # the sun has not moved: it cannot be told from the clock
        found = _window(series, days, shifts, tests)
        habit = _habit(entity_id, service, event, "daily", found, days, series)
        if habit is None or abs(habit.middle) > 180:
            continue
        # The sun explains it only if the clock does so clearly less well over the same days.
        by_clock = _window(series, days, {}, tests)
        if by_clock is None or found is None or found[0] > by_clock[0] * 1.15:
            best = habit
    return best


def _every_day(series: _Series, found: Window | None, diary: _Diary, days: Sequence[int]) -> bool:
    """Whether it happens on weekdays and at weekends alike."""
    done = {day for _, day in found[2]} if found is not None else set()
    for weekdays in (GROUPS["weekdays"], GROUPS["weekends"]):
        some = [d for d in days if (diary.first + timedelta(days=d)).weekday() in weekdays]
        if some and sum(day in done for day in some) < LEAST * len(some):
            return False
    return True


Window = tuple[int, float, list[tuple[int, int]]]
"""Hits, the chance of as many by accident, and the minutes and days of the hits."""


def _window(
    series: _Series, days: Sequence[int], shifts: Mapping[int, int], tests: int
) -> Window | None:
    """The window of the day that has something on the most days, and would hardly have by chance.
    `shifts`: what is taken from the minute of the day on each day, for what goes with the sun."""
    wanted = set(days)
    points: list[tuple[int, int]] = []  # minute of the day, day
    for minute in series.times:
        day = minute // DAY
        if day in wanted:
            points.append(((minute - shifts.get(day, 0)) % DAY, day))
    least = SHARE * len(days)
    if len(points) < FEWEST or not _may_be(points, least):
        return None
    points.sort()
    minutes = [minute for minute, _ in points]
    unrolled = minutes + [minute + DAY for minute in minutes]
    on = [day for _, day in points] * 2
    best: Window | None = None
    for width in WIDTHS:
        wide = _widest(unrolled, on, len(points), width, least)
        if wide is None:
            continue
        hits, begin, inside = wide
        chance = at_least_once(_expected(unrolled, begin, width) / len(days))
        unlikely = tail(hits, len(days), chance) * tests
        if unlikely <= ALPHA and (best is None or hits > best[0]):
            best = hits, unlikely, inside
    return best


def _widest(
    unrolled: Sequence[int], on: Sequence[int], number: int, width: int, least: float
) -> tuple[int, int, list[tuple[int, int]]] | None:
    """The window of a width that has something on the most days."""
    count: dict[int, int] = defaultdict(int)
    end = 0
    most: tuple[int, int, int] | None = None
    for start in range(number):
        while end < len(unrolled) and unrolled[end] <= unrolled[start] + width:
            count[on[end]] += 1
            end += 1
        if len(count) >= least and (most is None or len(count) > most[0]):
            most = len(count), start, end
        count[on[start]] -= 1
        if not count[on[start]]:
            del count[on[start]]
    if most is None:
        return None
    hits, start, end = most
    return hits, unrolled[start], list(zip(unrolled[start:end], on[start:end], strict=True))


def _may_be(points: Sequence[tuple[int, int]], least: float) -> bool:
    """Whether any window can have so many days: quickly, by tenths of an hour."""
    bins: list[set[int]] = [set() for _ in range(DAY // 10)]
    for minute, day in points:
        bins[minute // 10].add(day)
    sizes = [len(each) for each in bins]
    span = WIDTHS[-1] // 10 + 1
    sums = sum(sizes[:span])
    for start in range(len(sizes)):
        if sums >= least:
            return True
        sums += sizes[(start + span) % len(sizes)] - sizes[start]
    return False


def _expected(unrolled: Sequence[int], begin: int, width: int) -> float:
    """How much would be in a window if what is around it were spread evenly."""
    wide = width + 2 * AROUND
    low = begin - AROUND
    shift = DAY if low < 0 else 0
    inside = bisect_right(unrolled, low + shift + wide) - bisect_left(unrolled, low + shift)
    return inside * width / wide


def _habit(
    entity_id: str,
    service: str,
    kind: Kind,
    group: str,
    found: Window | None,
    days: Sequence[int],
    series: _Series,
) -> Habit | None:
    if found is None:
        return None
    hits, unlikely, inside = found
    minutes = sorted(minute for minute, _ in inside)
    middle = minutes[len(minutes) // 2]
    low = minutes[len(minutes) // 20]
    high = minutes[len(minutes) - 1 - len(minutes) // 20]
    if kind != "time":
        low, middle, high = (_after_or_before(minute) for minute in (low, middle, high))
    recent = days[-LAST:]
    done = {day for _, day in inside}
    lately = sum(day in done for day in recent)
    if lately < LATELY * len(recent) / LAST or sum(day in done for day in days[-4:]) < 2:
        return None  # it was a habit
    return Habit(
        entity_id,
        service,
        kind,
        group,
        low % DAY if kind == "time" else low,
        high % DAY if kind == "time" else high,
        middle % DAY if kind == "time" else middle,
        hits=lately,
        of=len(recent),
        all_hits=hits,
        all_of=len(days),
        chance=unlikely,
        data=_data(series),
    )


def _after_or_before(minute: int) -> int:
    """Minutes after something; negative: before it."""
    minute %= DAY
    return minute - DAY if minute > DAY // 2 else minute


def _data(series: _Series) -> tuple[tuple[str, Any], ...]:
    """The data of the service that two of three have, if they are plain values."""
    counts: dict[tuple[tuple[str, Any], ...], int] = defaultdict(int)
    recent = series.data[-40:]
    for data in recent:
        plain = {k: v for k, v in data.items() if isinstance(v, str | int | float)}
        counts[tuple(sorted(plain.items()))] += 1
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] * 3 >= len(recent) * 2 else ()


# --- after something ------------------------------------------------------------------------------


def _pairs(diary: _Diary) -> dict[tuple[tuple[str, str], tuple[str, str]], int]:
    """How often each deed follows each event within minutes."""
    begin = max(0, diary.last - RECENT + 1) * DAY
    deeds = sorted(
        (minute, key)
        for key, series in diary.deeds.items()
        if len(series.times) >= FEWEST
        for minute in series.times
        if minute >= begin
    )
    minutes = [minute for minute, _ in deeds]
    found: dict[tuple[tuple[str, str], tuple[str, str]], int] = defaultdict(int)
    for event, occasions in diary.events.items():
        if not FEWEST <= len(occasions) <= MOST_A_DAY * RECENT:
            continue
        for minute, _ in occasions:
            place = bisect_left(minutes, minute)
            seen = set()
            while place < len(deeds) and minutes[place] <= minute + FOLLOWS:
                key = deeds[place][1]
                if key[0] != event[0] and key not in seen:
                    seen.add(key)
                    found[event, key] += 1
                place += 1
    kept = {
        pair: number
        for pair, number in found.items()
        if number >= FEWEST * SHARE and number * 2 >= len(diary.events[pair[0]])
    }
    if len(kept) > BUSIEST:
        most = sorted(kept, key=kept.__getitem__, reverse=True)[:BUSIEST]
        kept = {pair: kept[pair] for pair in most}
    return kept


def _after(
    entity_id: str,
    service: str,
    series: _Series,
    diary: _Diary,
    pairs: Mapping[tuple[tuple[str, str], tuple[str, str]], int],
    tests: int,
) -> Habit | None:
    """The event that it follows best."""
    best: tuple[tuple[bool, float], Habit] | None = None
    mine = (entity_id, service)
    begin = max(0, diary.last - RECENT + 1) * DAY
    times = [minute for minute in series.times if minute >= begin]
    for event, key in pairs:
        if key != mine:
            continue
        occasions = _occasions(diary, event, begin)
        if len(occasions) < FEWEST:
            continue
        followed = [_next_within(times, minute, FOLLOWS) for minute, _ in occasions]
        hits = sum(followed)
        if hits < SHARE * len(occasions):
            continue
        chance = sum(_around(times, minute) for minute, _ in occasions) / len(occasions)
        unlikely = tail(hits, len(occasions), chance) * tests
        recent = followed[-LAST:]
        given_up = sum(recent) < LATELY * len(recent) / LAST or sum(recent[-4:]) < 2
        if unlikely > ALPHA or given_up:
            continue
        habit = Habit(
            entity_id,
            service,
            "after",
            occasion=event,
            hits=sum(recent),
            of=len(recent),
            all_hits=hits,
            all_of=len(occasions),
            chance=unlikely,
            data=_data(series),
        )
        own = any(by_people for _, by_people in occasions)
        rank = (not own, round(hits / len(occasions), 1) + 0.01 * (event[1] in BEGINNINGS))
        if best is None or rank > best[0]:
            best = rank, habit
    return best[1] if best else None


def _occasions(diary: _Diary, event: tuple[str, str], begin: int) -> list[tuple[int, bool]]:
    """When it happened; what happens again at once is one occasion."""
    found: list[tuple[int, bool]] = []
    for minute, own in diary.events.get(event, ()):
        if minute < begin or minute // DAY > diary.last:
            continue
        if not found or minute - found[-1][0] >= BURST:
            found.append((minute, own))
    return found


def _next_within(times: Sequence[int], minute: int, length: int) -> bool:
    place = bisect_left(times, minute)
    return place < len(times) and times[place] <= minute + length


def _around(times: Sequence[int], minute: int) -> float:
    """The chance that it is done within minutes at that time of the day, whatever happens: from
    how often it is done within half an hour around it on all days."""
    wide = 30
    if not times:
        return 0.0
    days = max(1, (times[-1] - times[0]) // DAY + 1)
    near = sum(1 for each in times if abs((each - minute + DAY // 2) % DAY - DAY // 2) <= wide)
    return at_least_once(near / days * FOLLOWS / (2 * wide + 1))


def _better(at: Habit | None, after: Habit | None) -> Habit | None:
    """What explains it best: a tight time, or else what happens before it."""
    if at is None or after is None:
        return at or after
    width = (at.end - at.begin) % DAY
    regular = at.all_hits / at.all_of >= after.all_hits / after.all_of + 0.1
    return at if (at.kind == "time" and width <= 20 and regular) or regular else after
