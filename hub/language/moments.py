"""Durations, days and times in words: 'an hour and a half', 'next friday', 'half past seven'.

`read` turns such words, or ISO 8601, into a value; `within` finds the words for one in a sentence.
How they are said in a language is in `moments.toml`; in one that is not there only digits with ISO
8601 are understood.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any, Literal

from hassil import Sentence, SlotList, TextSlotList, is_match, parse_sentence
from hassil.expression import Expression, Group, ListReference, TextChunk
from hassil.intents import RangeSlotList
from unicode_rbnf import FormatPurpose, RbnfEngine

from hub.language import FOLDER
from hub.language.spellout import spellout
from hub.skill.kinds import duration as iso_duration

Kind = Literal["duration", "date", "time", "date-time"]

LONGEST = 9
"""Words of a moment: 'tomorrow at half past seven in the evening'."""
MOST_WORDS = 16
"""Words that may all stand in a moment: more of them in a row are somebody who counts."""
MOST_NUMBERS = 3
"""Words of a time or a day that are all numbers: 'seven thirty five'."""
LARGEST = 1000
"""Of a number of minutes, and the like."""

UNITS: Mapping[str, int] = {
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}
_DIGITAL = re.compile(r"(?<!\d)(\d{1,2})[:.](\d{2})(?!\d)")
_JOINED = re.compile(r"(?<=\d)(?=(?:am|pm|uhr|h|min|sec|s)\b)")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")


def read(text: str, kind: Kind, language: str, now: datetime) -> Any:
    """The value of words, or of ISO 8601; None if they are none.

    A time of twelve hours without 'in the evening' is the next one for a `date-time` of today, and
    as it is said for a `time`. A weekday is the next one that is to come."""
    text = text.strip()
    if (exact := _iso(text, kind, now)) is not None:
        return exact
    known = _grammar(language.split("-")[0].lower())
    if known is None:
        return None
    said = plain(text)
    if kind == "duration":
        return _length(known.slots("duration", said))
    if kind == "time":
        found = _time(known.slots("time", said))
        return found[0] if found else None
    if kind == "date":
        return _day(known.slots("date", said), now)
    return _moment(said, known, now)


def clock(text: str, language: str) -> tuple[time, bool] | None:
    """A time of the day, and whether it may as well be twelve hours later; None if it is none."""
    known = _grammar(language.split("-")[0].lower())
    return _time(known.slots("time", plain(text))) if known else None


def vocabulary(language: str) -> frozenset[str]:
    """All words that may stand in a duration, a day or a time, besides digits."""
    known = _grammar(language.split("-")[0].lower())
    return known.vocabulary if known else frozenset()


def numerals(language: str) -> frozenset[str]:
    """All words of which numbers are made."""
    known = _grammar(language.split("-")[0].lower())
    return known.numerals if known else frozenset()


def within(text: str, kind: Kind, language: str) -> list[str]:
    """All stretches of a sentence that are words for such a value, as they stand in it."""
    known = _grammar(language.split("-")[0].lower())
    if known is None:
        return []
    tokens = text.split()
    found = []
    for start, stop in _runs(tokens, known):
        for begin in range(start, stop):
            for end in range(begin + 1, min(stop, begin + LONGEST) + 1):
                words = " ".join(tokens[begin:end]).strip(".,!?;")
                if known.tells(words, kind) and _readable(words, kind, language):
                    found.append(words)
    return list(dict.fromkeys(found))


def plain(text: str) -> str:
    """Lower case, '7:30pm' as '7 30 pm', and nothing but words and numbers."""
    text = _DIGITAL.sub(r"\1 \2", text.casefold())
    text = _ORDINAL.sub("", _JOINED.sub(" ", text))
    return " ".join(re.sub(r"[^\w\s]", " ", text).split())


@lru_cache(4096)
def _readable(words: str, kind: Kind, language: str) -> bool:
    return read(words, kind, language, datetime(2000, 1, 1)) is not None


def _runs(tokens: list[str], known: _Grammar) -> Iterator[tuple[int, int]]:
    """Stretches of words that all may stand in a moment."""
    fitting = [
        all(part.isdecimal() or part in known.vocabulary for part in plain(token).split())
        for token in tokens
    ]
    for fits, group in itertools.groupby(range(len(tokens)), key=fitting.__getitem__):
        places = list(group)
        if fits and len(places) <= MOST_WORDS:
            yield places[0], places[-1] + 1


# --- the words of a language -------------------------------------------------------------------


class _Grammar:
    """The templates of one language."""

    def __init__(self, language: str, table: Mapping[str, Any]) -> None:
        self.language = language
        numbers = spellout(language)
        ordinals = _ordinals(numbers)
        self._lists: dict[str, SlotList] = {
            name: TextSlotList.from_tuples(values.items(), name=name)
            for name, values in table["lists"].items()
        }
        whole = {"hour": (0, 24), "minute": (0, 59), "number": (0, 100)}
        whole |= dict.fromkeys(UNITS, (1, LARGEST))
        for name, (low, high) in whole.items():
            self._lists[f"{name}.n"] = RangeSlotList(name=name, start=low, stop=high)
            ones = [(word, 1) for word in table["one"]]
            self._lists[f"{name}.1"] = TextSlotList.from_tuples(ones, name=name)
        self._lists["day"] = TextSlotList.from_tuples(
            [(word, n) for n, words in ordinals.items() for word in (str(n), *words)], name="day"
        )
        self._templates = {
            kind: [parse_sentence(_with_ones(text, whole)) for text in table[kind]]
            for kind in ("duration", "time", "date")
        }
        self.both = [text.split() for text in table["both"]]
        texts = [text for kind in self._templates.values() for t in kind for text in _texts(t)]
        texts += [text for each in self._lists.values() for text in _texts_of(each)]
        spelt = [
            text.replace("-", " ").replace("\xad", "")
            for number in (*range(101), *range(200, LARGEST + 1, 100))
            for text in numbers.format_number(number).text_by_ruleset.values()
        ]
        self.numerals = frozenset(word for text in spelt for word in plain(text).split())
        words = frozenset(word for text in texts for word in plain(text).split())
        self.vocabulary = words | self.numerals
        self.telling = self.vocabulary - set(table["idle"])
        """Words of which a moment has at least one, if it has no digits."""

    def tells(self, words: str, kind: Kind) -> bool:
        """Whether there is more in it than 'in the', or than somebody who counts."""
        parts = plain(words).split()
        if not any(part.isdecimal() or part in self.telling for part in parts):
            return False
        most = 0 if kind == "duration" else MOST_NUMBERS
        return len(parts) <= most or not all(p.isdecimal() or p in self.numerals for p in parts)

    def slots(self, kind: str, said: str) -> list[dict[str, Any]]:
        """What the templates that fit have in their slots."""
        return _slots(self, kind, said)

    def fitting(self, kind: str, said: str) -> list[dict[str, Any]]:
        found = []
        for sentence in self._templates[kind]:
            matched = is_match(said, sentence, slot_lists=self._lists, language=self.language)
            if matched is not None:
                found.append({entity.name: entity.value for entity in matched.entities})
        return found


@lru_cache(8192)
def _slots(known: _Grammar, kind: str, said: str) -> list[dict[str, Any]]:
    """Pieces of one sentence are looked at again and again."""
    return known.fitting(kind, said)


@cache
def _grammar(language: str) -> _Grammar | None:
    table = tomllib.loads((FOLDER / "moments.toml").read_text(encoding="utf-8"))
    return _Grammar(language, table[language]) if language in table else None


def _with_ones(template: str, numbers: Mapping[str, Any]) -> str:
    """`{hours}` -> a number of hours, or 'an' hour; digits alone for what 'a' cannot be."""

    def either(match: re.Match[str]) -> str:
        name = match[1]
        slot = match[2] or name
        if name not in numbers:
            return match[0]
        if name not in UNITS:
            return f"{{{name}.n:{slot}}}"
        return f"({{{name}.n:{slot}}}|{{{name}.1:{slot}}})"

    return re.sub(r"\{(\w+)(?::(\w+))?\}", either, template)


def _ordinals(numbers: RbnfEngine) -> dict[int, list[str]]:
    return {
        n: [
            text.replace("-", " ").replace("\xad", "")
            for text in numbers.format_number(n, FormatPurpose.ORDINAL).text_by_ruleset.values()
        ]
        for n in range(1, 32)
    }


def _texts(sentence: Sentence) -> Iterator[str]:
    yield from _literal(sentence.expression)


def _literal(expression: Expression) -> Iterator[str]:
    if isinstance(expression, TextChunk):
        yield expression.text
    elif isinstance(expression, Group):
        for item in expression.items:
            if not isinstance(item, ListReference):
                yield from _literal(item)


def _texts_of(values: SlotList) -> Iterator[str]:
    if isinstance(values, TextSlotList):
        for value in values.values:
            text = value.text_in
            yield from _literal(text.expression if isinstance(text, Sentence) else text)


# --- values -------------------------------------------------------------------------------------


def _iso(text: str, kind: Kind, now: datetime) -> Any:
    try:
        match kind:
            case "duration":
                return iso_duration(text)
            case "date":
                return date.fromisoformat(text)
            case "time":
                return time.fromisoformat(text) if ":" in text else None
            case "date-time":
                found = datetime.fromisoformat(text) if "-" in text and ":" in text else None
                return found.replace(tzinfo=now.tzinfo) if found and not found.tzinfo else found
    except ValueError:
        return None


def _length(readings: list[dict[str, Any]]) -> timedelta | None:
    for slots in readings:
        seconds = float(slots.get("fixed", 0))
        seconds += sum(slots.get(unit, 0) * size for unit, size in UNITS.items())
        for unit, size in UNITS.items():
            if f"half_{unit}" in slots:
                seconds += (slots.get("number", 0) + 0.5) * size
        if seconds > 0:
            return timedelta(seconds=seconds)
    return None


def _time(readings: list[dict[str, Any]]) -> tuple[time, bool] | None:
    """The time, and whether it may as well be twelve hours later."""
    for slots in readings:
        if "named" in slots:
            return time.fromisoformat(slots["named"]), False
        hour, part = int(slots.get("hour", 0)), slots.get("part")
        if part and not 1 <= hour <= 12 and part == "am":
            continue
        minutes = hour * 60 + int(slots.get("minute", 0))
        minutes += int(slots.get("past", 0)) - int(slots.get("before", 0))
        if part == "pm" and 1 <= hour < 12:
            minutes += 720
        if part == "am" and hour == 12:
            minutes -= 720
        open_ = part is None and 1 <= hour <= 12
        return time(minutes // 60 % 24, minutes % 60), open_
    return None


def _day(readings: list[dict[str, Any]], now: datetime) -> date | None:
    today = now.date()
    for slots in readings:
        if "ahead" in slots:
            return today + timedelta(days=int(slots["ahead"]))
        if "in_weeks" in slots:
            return today + timedelta(weeks=int(slots["in_weeks"]))
        if "weekday" in slots:
            days = (int(slots["weekday"]) - today.weekday()) % 7 or 7
            return today + timedelta(days=days)
        if "day" in slots and (found := _dated(slots, today)):
            return found
    return None


def _dated(slots: Mapping[str, Any], today: date) -> date | None:
    """The next day of that number, and of that month if one was said."""
    for months in range(49):
        year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
        try:
            found = date(year, month + 1, int(slots["day"]))
        except ValueError:
            continue
        if found >= today and slots.get("month", found.month) == found.month:
            return found
    return None


def _moment(said: str, known: _Grammar, now: datetime) -> datetime | None:
    """A day and a time, or one of them, or a while from now."""
    if said.startswith("in ") and (length := _length(known.slots("duration", said[3:]))):
        return now + length
    if found := _time(known.slots("time", said)):
        return _at(now.date(), *found, now, today=True)
    words = said.split()
    for cut in range(1, len(words)):
        for first, _ in known.both:
            parts = {"date": " ".join(words[:cut]), "time": " ".join(words[cut:])}
            if first == "{time}":
                parts = {"time": parts["date"], "date": parts["time"]}
            day = _day(known.slots("date", parts["date"]), now)
            clock = _time(known.slots("time", parts["time"])) if day else None
            if day and clock:
                return _at(day, *clock, now, today=day == now.date())
    return None


def _at(day: date, clock: time, open_: bool, now: datetime, *, today: bool) -> datetime:
    """That time of a day. If it has gone by: in the evening of it, or tomorrow."""
    moment = datetime.combine(day, clock, now.tzinfo)
    if today and moment <= now and open_:
        moment += timedelta(hours=12)
    return moment + timedelta(days=1) if today and moment <= now else moment
