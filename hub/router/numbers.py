"""The numbers in a text: what the language model may use as a value, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache

from hassil import is_match, parse_sentence
from hassil.intents import RangeSlotList

from hub.language.spellout import spellout
from hub.router.reach import beginnings
from hub.router.slots import compact

LONGEST = 4
"""Words of a number: 'two hundred and fifty'."""
LARGEST = 1000
LARGEST_NAMED = 20
"""Numbers in names up to which they are also written as words."""
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


def said_numbers(name: str, language: str) -> tuple[str, ...]:
    """A name with its small numbers in words, and in digits: 'Fan 1' is said 'fan one'. None that
    is the name itself."""
    words = name.split()
    in_words = [(_words(word, language) if word.isdecimal() else None) or word for word in words]
    in_digits = [
        word if word.isdecimal() else _small_word(word.lower(), language) or word for word in words
    ]
    ways = (" ".join(in_words), " ".join(in_digits))
    return tuple(way for way in dict.fromkeys(ways) if way != name)


@cache
def _words(digits: str, language: str) -> str | None:
    """A number up to LARGEST_NAMED in words; None for a larger one, or a language without."""
    if int(digits) > LARGEST_NAMED:
        return None
    try:
        return str(spellout(language).format_number(int(digits)).text)
    except ValueError:
        return None


@cache
def _small_word(word: str, language: str) -> str | None:
    small = map(str, range(LARGEST_NAMED + 1))
    return next((number for number in small if _words(number, language) == word), None)


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


def with_fractions(
    text: str, fractions: Mapping[str, int], before: Collection[str], behind: Collection[str]
) -> str:
    """'To a third' as 'to 33%': behind one of the words `before`, and only where the clause ends,
    or goes on with one of the phrases `behind`; those that begin with 'of' say nothing more."""
    if not fractions or not before:
        return text
    return _fraction(tuple(fractions), tuple(before), tuple(behind)).sub(
        lambda found: f"{found[1]} {fractions[found[2].lower()]}%", text
    )


@cache
def _fraction(
    said: tuple[str, ...], before: tuple[str, ...], behind: tuple[str, ...]
) -> re.Pattern[str]:
    def any_of(phrases: tuple[str, ...]) -> str:
        return "|".join(sorted(map(re.escape, phrases), key=len, reverse=True))

    of = tuple(phrase for phrase in behind if phrase.startswith("of "))
    idle = rf"(?: (?:{any_of(of)}))?" if of else ""
    end = rf"{idle}(?=\s*$|[,;]|\s+(?:{any_of(behind)})\b)"
    return re.compile(rf"\b({any_of(before)}) ({any_of(said)})\b{end}", re.IGNORECASE)


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


@cache
def _begin(language: str) -> tuple[str, ...]:
    """How numbers in words begin: most words are none, and hassil, to find that out, would write a
    thousand numbers first. All are written only where those behind a hundred begin otherwise than
    it does: 'cem', 'cento e um'."""
    few = tuple(beginnings(language, 0, 100, 1) | beginnings(language, 0, LARGEST, 100))
    more = beginnings(language, 101, LARGEST, 100)
    if all(way.startswith(few) for way in more):
        return few
    return tuple(beginnings(language, 0, LARGEST, 1))


_SENTENCE = parse_sentence("{n}")


def _value(words: str, language: str) -> str | None:
    if not compact(words).startswith(_begin(language)):
        return None
    matched = is_match(words, _SENTENCE, slot_lists={"n": _list(language)}, language=language)
    if matched is None or not matched.entities:
        return None
    return str(int(matched.entities[0].value))
