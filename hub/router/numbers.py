"""The numbers in a text: what the language model may use as a value, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from hassil import is_match, parse_sentence
from hassil.intents import RangeSlotList

LONGEST = 4
"""Words of a number: 'two hundred and fifty'."""
LARGEST = 1000
_WORDS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"(?<![\w.])-?\d+(?:[.,]\d+)?")


def numbers(text: str, language: str) -> tuple[str, ...]:
    """The numbers in a text, in digits, in the order in which they were said, whether they were
    written in digits or in words."""
    found = [(match.start(), match[0].replace(",", ".")) for match in _DIGITS.finditer(text)]
    words = [(match.start(), match[0]) for match in _WORDS.finditer(text.lower())]
    position = 0
    while position < len(words):
        for count in range(min(LONGEST, len(words) - position), 0, -1):
            said = words[position : position + count]
            value = _value(" ".join(word for _, word in said), language)
            if value is not None:
                found.append((said[0][0], value))
                position += count - 1
                break
        position += 1
    return tuple(dict.fromkeys(value for _, value in sorted(found)))


def with_halves(text: str, language: str, half: str, durations: Collection[str] = ()) -> str:
    """'twenty two and a half degrees' as '22.5 degrees': a phrase for a half, behind a number.

    Not in front of `durations`: the shared sentences themselves know 'two and a half hours'."""
    head, found, tail = text.partition(f" {half}")
    if tail.split()[:1] and tail.split()[0].lower() in durations:
        return text
    words = head.split()
    for count in range(min(LONGEST, len(words)), 0, -1) if found else ():
        said = " ".join(words[-count:])
        value = said if said.isdecimal() else _value(said.lower(), language)
        if value is not None:
            return " ".join([*words[:-count], f"{value}.5"]) + tail
    return text


def with_hundreds(text: str, language: str, phrase: str) -> str:
    """'a hundred and fifty percent' as '150 percent'. `phrase` has the three words: 'a', 'hundred',
    'and'; without this, 'and' would join two commands."""
    one, hundred, joint = phrase.split()
    words = text.split()
    for place, word in enumerate(words):
        if word.lower() != hundred:
            continue
        first = words[place - 1].lower() if place else ""
        count = 1 if first == one else _small(first, language)
        if count is None:
            continue
        joined = place + 1 < len(words) and words[place + 1].lower() == joint
        behind = place + 1 + joined
        for more in (3, 2, 1, 0):
            rest = " ".join(words[behind : behind + more]).replace("-", " ").lower()
            amount = _small(rest, language) if more else 0
            if amount is not None and len(words) >= behind + more:
                end = behind + more if more else place + 1
                number = str(100 * count + amount)
                return " ".join([*words[: place - 1], number, *words[end:]])
    return text


def _small(words: str, language: str) -> int | None:
    """A number below 100, in words or digits; None if it is none."""
    value = words if words.isdecimal() else _value(words, language) if words else None
    return int(value) if value is not None and int(value) < 100 else None


@cache
def _list(language: str) -> RangeSlotList:
    return RangeSlotList(name="n", start=0, stop=LARGEST, digits=False, words_language=language)


_SENTENCE = parse_sentence("{n}")


def _value(words: str, language: str) -> str | None:
    matched = is_match(words, _SENTENCE, slot_lists={"n": _list(language)}, language=language)
    if matched is None or not matched.entities:
        return None
    return str(int(matched.entities[0].value))
