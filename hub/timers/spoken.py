"""Times as people say them: 'every weekday at half past six', 'an hour before sunset, tomorrow'.

`read` makes a `When` of such words, `splits` finds them in a sentence. Durations, days and times
are `hub.language.moments`; what is said around them is in `hub/language/times.toml`. A language
that is not there has no such times.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import groupby
from typing import Any, Literal

from hub.language import FOLDER, moments
from hub.timers.appointment import WEEKDAYS, SpokenTime, When

Use = Literal["alarm", "reminder", "command"]
"""What the time is for: 'at seven' is a morning for an alarm, and the next seven o'clock else."""

LONGEST = 12
"""Words of a time."""
DAY = 86_400
USUAL = time(9)
"""Where a day was said and no time, and that is enough."""
NAP = timedelta(hours=3)
"""An alarm that is set by day is for the same day, if it is this near."""
AFTERNOON = 7
"""'Tomorrow at five' is to remind of something in the afternoon: hours below this."""
_BEFORE_UHR = re.compile(r"\b(\d{1,2})[:.](\d{2}) ?uhr\b", re.IGNORECASE)
"""'6:30 Uhr' is said '6 Uhr 30'."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a time is made of."""

    rule: str = ""
    day: date | None = None
    hour: int | None = None
    """Of a part of the day."""
    half: str = ""
    clock: time | None = None
    open: bool = False
    sun: str = ""
    offset: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Words:
    language: str
    opening: frozenset[str]
    vocabulary: frozenset[str]
    within: re.Pattern[str]
    around: re.Pattern[str]
    before: frozenset[str]
    weekdays: tuple[str, ...]
    part_of_day: re.Pattern[str]
    """What is written behind a weekday, in one word."""
    repeat_days: re.Pattern[str]
    rules: tuple[tuple[re.Pattern[str], str], ...]
    numbers: Mapping[str, int]
    parts: tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...]
    days: tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...]
    sun: tuple[tuple[re.Pattern[str], str], ...]


def read(text: str, language: str, now: datetime, use: Use = "reminder") -> SpokenTime | None:
    """The time that words mean, `now` (without a zone) being what the clock on the wall shows;
    None if they mean none."""
    words = _words(language.split("-")[0].lower())
    if words is None:
        return None
    said = _plain(text, words)
    tokens = tuple(said.split())
    if not tokens or len(tokens) > LONGEST:
        return None
    for parts in _readings(tokens, words, now.date(), _Parts()):
        if (found := _when(parts, now, use)) is not None:
            return found
    return None


def instead(text: str, language: str, now: datetime, use: Use, old: When) -> SpokenTime | None:
    """The time that words mean where they correct another one: a time of the day alone leaves the
    day and the repetition as they are, and is the nearer one of the two that a clock shows."""
    found = read(text, language, now, use)
    words = _words(language.split("-")[0].lower())
    if found is None or words is None or old.wall is None or old.sun:
        return found
    tokens = tuple(_plain(text, words).split())
    for parts in _readings(tokens, words, now.date(), _Parts()):
        if parts.clock is None or parts != _Parts(clock=parts.clock, open=parts.open):
            continue
        clocks = [parts.clock]
        if parts.open:
            clocks.append(parts.clock.replace(hour=(parts.clock.hour + 12) % 24))
        walls = [datetime.combine(old.wall.date(), clock) for clock in clocks]
        walls = [wall for wall in walls if wall > now or old.repeated]
        if walls:
            before = old.wall
            return SpokenTime(replace(old, wall=min(walls, key=lambda wall: abs(wall - before))))
    return found


def splits(
    text: str, language: str, now: datetime, use: Use = "reminder"
) -> list[tuple[str, str, SpokenTime]]:
    """All ways to take a time out of a sentence: what is left, the words of the time, and what they
    mean; those first that have more of it."""
    words = _words(language.split("-")[0].lower())
    if words is None:
        return []
    tokens = text.split()
    found = []
    for start, stop in _runs(tokens, words):
        for begin in range(start, stop):
            if not _opens(tokens[begin:stop], words):
                continue
            for end in range(begin + 1, min(stop, begin + LONGEST) + 1):
                part = " ".join(tokens[begin:end])
                said = read(part, language, now, use)
                if said is not None and not _bare(part, words):
                    rest = " ".join([*tokens[:begin], *tokens[end:]])
                    found.append((end - begin, -begin, rest, part, said))
    found.sort(key=lambda each: (-each[0], each[1]))
    return [(rest, part, said) for _, _, rest, part, said in found]


def might(text: str, language: str) -> bool:
    """Whether there may be a time in a sentence: it costs nearly nothing to know."""
    words = _words(language.split("-")[0].lower())
    if words is None:
        return False
    said = _plain(text, words).split()
    return any(token in words.opening or token.isdecimal() for token in said)


def _opens(tokens: list[str], words: _Words) -> bool:
    """Whether a time may begin here: not with a bare number, which may be anything."""
    first = _plain(tokens[0], words).split()
    if first and first[0] in words.opening:
        return True
    told = _plain(" ".join(tokens[:3]), words)
    return bool(re.match(r"\d{1,2}( \d{2})? ?(am|pm|uhr|o clock)\b|\d{1,2} \d{2}\b", told)) or (
        words.language == "de" and "uhr" in told.split()[1:3]
    )


def _bare(part: str, words: _Words) -> bool:
    """Whether it is a number and nothing else: of 'twenty two' the two is no time."""
    tokens = _plain(part, words).split()
    numeral = all(
        token.isdecimal() or token in moments.numerals(words.language) for token in tokens
    )
    return numeral and not re.search(r"\d[:.]\d", part)


def _runs(tokens: list[str], words: _Words) -> Iterator[tuple[int, int]]:
    """Stretches of words that all may stand in a time."""
    fitting = [
        bool(parts := _plain(token, words).split())
        and all(part.isdecimal() or part in words.vocabulary for part in parts)
        for token in tokens
    ]
    for fits, group in groupby(range(len(tokens)), key=fitting.__getitem__):
        if fits:
            places = list(group)
            yield places[0], places[-1] + 1


# --- the parts ------------------------------------------------------------------------------------


def _readings(
    tokens: tuple[str, ...], words: _Words, today: date, so_far: _Parts
) -> Iterator[_Parts]:
    """The ways to make a time of words, each of which is used."""
    if not tokens:
        yield so_far
        return
    for end in range(len(tokens), 0, -1):
        for part in _kinds(" ".join(tokens[:end]), words.language, today):
            joined = _joined(so_far, part)
            if joined is not None:
                yield from _readings(tokens[end:], words, today, joined)


def _joined(one: _Parts, other: _Parts) -> _Parts | None:
    """Both together; None if both say the same thing."""
    given: dict[str, Any] = {}
    for name in ("rule", "day", "hour", "clock", "sun", "seconds"):
        mine, its = getattr(one, name), getattr(other, name)
        if mine and its:
            return None
        given[name] = mine or its
    given["half"] = one.half or other.half
    given["open"] = one.open or other.open
    given["offset"] = one.offset or other.offset
    if given["seconds"] and (given["clock"] or given["sun"] or given["rule"] or given["day"]):
        return None
    if given["sun"] and (given["clock"] or given["hour"]):
        return None
    return _Parts(**given)


@lru_cache(8192)
def _kinds(text: str, language: str, today: date) -> tuple[_Parts, ...]:
    """What one stretch of words may be."""
    words = _words(language)
    assert words is not None
    noon = datetime.combine(today, time(12))
    found = []
    for pattern, rule in words.rules:
        if matched := pattern.fullmatch(text):
            count = matched.groupdict().get("n") or ""
            number = words.numbers.get(count, count)
            found.append(_Parts(rule=rule.replace("{n}", str(number))))
    if matched := words.repeat_days.fullmatch(text):
        named = str(matched["days"] or matched["more"])
        days = [n for n, name in enumerate(words.weekdays) if re.search(rf"\b{name}s?\b", named)]
        numbers = sorted({_number(n, language) for n in days})
        found.append(_Parts(rule=f"FREQ=WEEKLY;BYDAY={','.join(WEEKDAYS[n] for n in numbers)}"))
    for pattern, whole in words.days:
        if pattern.fullmatch(text):
            on = today + timedelta(days=whole["ahead"]) if "ahead" in whole else None
            repeated = str(whole.get("rule", ""))
            found.append(_Parts(rule=repeated, day=on, hour=whole["hour"], half=whole["half"]))
    day = moments.read(text, "date", language, noon)
    if day is not None and not text.split()[0].isdecimal():
        found.append(_Parts(day=day))
    for pattern, part in words.parts:
        if pattern.fullmatch(text):
            found.append(_Parts(hour=part["hour"], half=part["half"]))
    for pattern, event in words.sun:
        if pattern.fullmatch(text):
            found.append(_Parts(sun=event))
    if (matched := words.around.fullmatch(text)) and (
        rises := next((e for p, e in words.sun if p.fullmatch(matched["sun"])), None)
    ):
        length = moments.read(matched["d"], "duration", language, noon)
        if length is not None:
            sign = -1 if matched["s"] in words.before else 1
            found.append(_Parts(sun=rises, offset=sign * length.total_seconds()))
    clock = moments.clock(text, language)
    if clock is not None:
        found.append(_Parts(clock=clock[0], open=clock[1]))
    if matched := words.within.fullmatch(text):
        length = moments.read(next(filter(None, matched.groups())), "duration", language, noon)
        if length is not None and length.total_seconds() < DAY:
            found.append(_Parts(seconds=length.total_seconds()))
    return tuple(found)


def _number(place: int, language: str) -> int:
    """The weekday (0: Monday) of a place in the list of names: German has two for Saturday."""
    return place - (place > 5) if language == "de" else place


# --- what they mean -------------------------------------------------------------------------------


def _when(parts: _Parts, now: datetime, use: Use) -> SpokenTime | None:
    if parts.seconds:
        return SpokenTime(When(seconds=parts.seconds)) if not parts.hour else None
    rule = parts.rule
    if parts.sun:
        day = datetime.combine(parts.day or now.date(), time())
        return SpokenTime(When(wall=day, rule=rule, sun=parts.sun, offset=parts.offset))
    if rule.startswith("FREQ=HOURLY") and parts.clock is None:
        if parts.day or parts.hour:
            return None
        hours = int(rule.rpartition("=")[2]) if "INTERVAL" in rule else 1
        begin = (now + timedelta(hours=hours)).replace(second=0, microsecond=0)
        return SpokenTime(When(wall=begin, rule=rule))
    if parts.clock is None and parts.hour is None and parts.day is None and not rule:
        return None
    clock, vague = _clock(parts, now, use)
    if rule:
        return SpokenTime(_repeated(rule, parts.day, clock, now), vague)
    if parts.day is not None:
        wall = datetime.combine(parts.day, clock)
        if wall <= now and parts.day <= now.date():
            later = wall + timedelta(hours=12)
            if parts.day < now.date() or not parts.open or parts.half or later <= now:
                return None  # gone by
            wall = later
        return SpokenTime(When(wall=wall), vague)
    wall = datetime.combine(now.date(), clock)
    if parts.clock is not None and parts.open and not parts.half:
        return SpokenTime(When(wall=_next_of_both(clock, now, use)), vague)
    return SpokenTime(When(wall=wall if wall > now else wall + timedelta(days=1)), vague)


def _clock(parts: _Parts, now: datetime, use: Use) -> tuple[time, bool]:
    """The time of the day, and whether it is only the usual one."""
    clock = parts.clock
    if clock is None:
        return (USUAL, True) if parts.hour is None else (time(parts.hour), True)
    if not parts.open:
        return clock, False
    if parts.half == "pm" and clock.hour < 12:
        # 'At night at two' is not in the afternoon.
        night = parts.hour == 22 and clock.hour < 6
        return (clock if night else clock.replace(hour=clock.hour + 12)), False
    if parts.half == "am" and clock.hour == 12:
        return clock.replace(hour=0), False
    another = parts.day is not None and parts.day > now.date()
    afternoon = clock.hour < AFTERNOON - bool(parts.rule) and bool(another or parts.rule)
    if not parts.half and use == "reminder" and afternoon:
        return clock.replace(hour=clock.hour + 12), False
    return clock, False


def _next_of_both(clock: time, now: datetime, use: Use) -> datetime:
    """The next time that a clock of twelve hours shows this; for an alarm in the morning, unless
    it is for a nap."""

    def after(at: time) -> datetime:
        wall = datetime.combine(now.date(), at)
        return wall if wall > now else wall + timedelta(days=1)

    early = clock.replace(hour=clock.hour % 12)
    first, second = after(early), after(early.replace(hour=early.hour + 12))
    if use != "alarm":
        return min(first, second)
    by_day = 10 <= now.hour < 18
    return second if by_day and second - now <= NAP else first


def _repeated(rule: str, day: date | None, clock: time, now: datetime) -> When:
    """The first time of a repeated one is that of its rule from a day on, or from now on."""
    from dateutil.rrule import rrulestr

    start = datetime.combine(day or now.date(), clock)
    if day is None and start <= now and "BYDAY" not in rule:
        start += timedelta(days=1)
    first: datetime | None = rrulestr(rule, dtstart=start).after(now)
    return When(wall=first or start, rule=rule)


# --- the words of a language ----------------------------------------------------------------------


def _plain(text: str, words: _Words) -> str:
    """As `moments.plain`, with 'dienstagabend' in two words."""
    return words.part_of_day.sub(r"\1 \2", moments.plain(_BEFORE_UHR.sub(r"\1 uhr \2", text)))


@cache
def _words(language: str) -> _Words | None:
    tables = tomllib.loads((FOLDER / "times.toml").read_text(encoding="utf-8"))
    if language not in tables:
        return None
    table = tables[language]
    names = table["weekday"]
    plural = "|".join(f"{name}s" for name in names.split("|"))
    repeated = table["repeat_days"].replace("DAYs", plural).replace("DAY", f"(?:{names})")

    def compiled(name: str) -> tuple[tuple[re.Pattern[str], Any], ...]:
        return tuple((re.compile(pattern), value) for pattern, value in table[name].items())

    return _Words(
        language,
        frozenset(table["opening"]),
        moments.vocabulary(language) | frozenset(table["also"].split()),
        re.compile(table["within"]),
        re.compile(table["around"]),
        frozenset(table["before"]),
        tuple(names.split("|")),
        re.compile(rf"\b({names})(morgen|früh|vormittag|mittag|nachmittag|abend|nacht)\b"),
        re.compile(repeated),
        compiled("rules"),
        table["numbers"],
        compiled("parts"),
        compiled("days"),
        compiled("sun"),
    )
