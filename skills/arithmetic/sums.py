"""Sums in words: 'seventeen percent of 240', 'twelve times seven plus a half'.

Read by a small grammar of its own and reckoned with fractions: nothing that is said is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

LARGEST = Fraction(10) ** 15
"""Beyond it nobody says numbers."""
LONGEST = 60
"""Words of a sum."""
MOST_POWER = 64


class NoSum(Exception):
    """It is not understood as a sum."""


class TooLarge(Exception):
    """The result is no number that can be said."""


@dataclass(frozen=True, slots=True)
class Words:
    """How sums are said in a language."""

    operators: Mapping[str, str]
    """Words, the longest first -> sign."""
    fillers: frozenset[str]
    point: tuple[str, ...]
    one: tuple[str, ...]
    half: tuple[str, ...]
    larger: Mapping[str, int]


LANGUAGES: Mapping[str, Words] = {
    "en": Words(
        {
            "to the power of": "^",
            "raised to": "^",
            "multiplied by": "*",
            "divided by": "/",
            "the square root of": "r",
            "square root of": "r",
            "root of": "r",
            "per cent of": "%",
            "percent of": "%",
            "per cent": "p",
            "percent": "p",
            "squared": "²",
            "cubed": "³",
            "half of": "h",
            "times": "*",
            "plus": "+",
            "minus": "-",
            "over": "/",
            "x": "*",
        },
        frozenset(("the", "is", "and", "equals")),
        ("point", "dot"),
        ("a", "an"),
        ("half", "a half"),
        {"thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000},
    ),
    "de": Words(
        {
            "multipliziert mit": "*",
            "geteilt durch": "/",
            "dividiert durch": "/",
            "die wurzel aus": "r",
            "wurzel aus": "r",
            "wurzel von": "r",
            "prozent von": "%",
            "prozent": "p",
            "zum quadrat": "²",
            "im quadrat": "²",
            "die hälfte von": "h",
            "hälfte von": "h",
            "hoch": "^",
            "mal": "*",
            "plus": "+",
            "minus": "-",
            "durch": "/",
            "x": "*",
        },
        frozenset(("die", "das", "ist", "und", "gleich")),
        ("komma", "punkt"),
        ("ein", "eine", "einem", "einen", "einer"),
        ("halb", "halbe", "halber", "halben", "ein halb", "einhalb"),
        {"tausend": 1000, "million": 1_000_000, "millionen": 1_000_000, "milliarden": 10**9},
    ),
}
SIGNS = {"+": "+", "-": "-", "−": "-", "–": "-", "*": "*", "×": "*", "·": "*", "/": "/", "÷": "/"}
SIGNS |= {":": "/", "^": "^", "(": "(", ")": ")", "%": "p", "²": "²", "³": "³", "√": "r"}
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[+\-−–*×·/÷:^()%²³√]")

Token = Fraction | str


def reckon(text: str, language: str) -> Fraction:
    """The value of a sum. Raises NoSum, TooLarge, ZeroDivisionError."""
    tokens = _tokens(text, language)
    if not tokens or len(tokens) > LONGEST:
        raise NoSum
    value, rest = _sum(tokens)
    if rest:
        raise NoSum
    return value


def number(text: str, language: str) -> Fraction:
    """The value of one number in words or digits, 'a' is one. Raises NoSum."""
    words = _known(language)
    said = " ".join(text.casefold().split())
    if said in words.one:
        return Fraction(1)
    tokens = _tokens(text, language)
    if len(tokens) == 2 and tokens[0] == "-" and isinstance(tokens[1], Fraction):
        return -tokens[1]
    if len(tokens) != 1 or not isinstance(tokens[0], Fraction):
        raise NoSum
    return tokens[0]


# --- words ----------------------------------------------------------------------------------------


def _known(language: str) -> Words:
    return LANGUAGES.get(language.split("-")[0].lower(), LANGUAGES["en"])


def _tokens(text: str, language: str) -> list[Token]:
    words = _known(language)
    said = text.casefold().replace("\xad", "").replace("-", " - " if " - " in text else " ")
    parts = [match[0] for match in _TOKEN.finditer(said)]
    found: list[Token] = []
    place = 0
    while place < len(parts):
        part = parts[place]
        if (read := _operator(parts, place, words)) is not None:
            sign, place = read
            found.append(sign)
        elif part in SIGNS:
            found.append(SIGNS[part])
            place += 1
        elif (counted := _number(parts, place, words, language)) is not None:
            value, place = counted
            found.append(value)
        elif part in words.fillers:
            place += 1
        elif part in ("of", "von") and found[-1:] == ["p"]:
            found[-1] = "%"
            place += 1
        else:
            raise NoSum
    return found


def _operator(parts: Sequence[str], place: int, words: Words) -> tuple[str, int] | None:
    for said, sign in words.operators.items():
        length = len(said.split())
        if list(parts[place : place + length]) == said.split():
            return sign, place + length
    return None


def _number(
    parts: Sequence[str], place: int, words: Words, language: str
) -> tuple[Fraction, int] | None:
    """A number that begins here, and where it ends."""
    start, total = place, Fraction(0)
    while True:
        piece = _below_thousand(parts, place, language)
        if piece is None:
            break
        value, place = piece
        if place < len(parts) and parts[place] in words.larger:
            value *= words.larger[parts[place]]
            place += 1
            total += value
            place += (
                place < len(parts)
                and parts[place] in words.fillers
                and _counts(parts, place + 1, language)
            )
            continue
        total += value
        break
    if place == start:
        for half in sorted(words.half, key=len, reverse=True):
            length = len(half.split())
            if list(parts[place : place + length]) == half.split():
                return Fraction(1, 2), place + length
        return None
    if place < len(parts) and parts[place] in words.point:
        digits, place = _digits(parts, place + 1, language)
        if not digits:
            return None
        total += Fraction(int(digits), 10 ** len(digits))
    after = " ".join(parts[place : place + 3])
    for half in ("and a half", "einhalb", "und ein halb"):
        if after.startswith(half):
            return total + Fraction(1, 2), place + len(half.split())
    return total, place


def _counts(parts: Sequence[str], place: int, language: str) -> bool:
    return _below_thousand(parts, place, language) is not None


def _below_thousand(parts: Sequence[str], place: int, language: str) -> tuple[Fraction, int] | None:
    if place >= len(parts):
        return None
    if parts[place][0].isdigit():
        return _in_digits(parts[place], language), place + 1
    table, longest = _table(language.split("-")[0].lower())
    many, thousand, few = parts[place].partition("tausend")
    if thousand and (not many or many in table) and (not few or few in table):
        return Fraction(table.get(many, 1) * 1000 + table.get(few, 0)), place + 1
    for length in range(min(longest, len(parts) - place), 0, -1):
        said = " ".join(parts[place : place + length])
        if said in table:
            return Fraction(table[said]), place + length
    return None


def _digits(parts: Sequence[str], place: int, language: str) -> tuple[str, int]:
    """What is said behind the point: 'two five'."""
    found = ""
    while (piece := _below_thousand(parts, place, language)) is not None and piece[0] < 100:
        found += str(int(piece[0]))
        place = piece[1]
    return found, place


def _in_digits(text: str, language: str) -> Fraction:
    """'1,000.5', in German '1.000,5'; one point or comma with other than three digits behind it
    is a fraction whatever the language."""
    point = "," if language.startswith("de") else "."
    signs = [letter for letter in text if letter in ".,"]
    if len(signs) == 1 and len(re.split(r"[.,]", text)[1]) != 3:
        point = signs[0]
    other = "." if point == "," else ","
    return Fraction(text.replace(other, "").replace(point, "."))


@cache
def _table(language: str) -> tuple[Mapping[str, int], int]:
    """Words of the numbers below a thousand, and how many words the longest has."""
    from unicode_rbnf import RbnfEngine

    base = language if language in LANGUAGES else "en"
    engine = RbnfEngine.for_language(base)
    found: dict[str, int] = {}
    for value in range(1000):
        for text in engine.format_number(value).text_by_ruleset.values():
            said = " ".join(text.casefold().replace("\xad", "").replace("-", " ").split())
            found.setdefault(said, value)
            if base == "en" and " hundred " in said and " and " not in said:
                found.setdefault(said.replace(" hundred ", " hundred and "), value)
    if base == "en":
        found |= {"a hundred": 100, "hundred": 100, "a dozen": 12, "dozen": 12}
    else:
        found |= {"hundert": 100, "tausend": 1000, "zwo": 2, "ein": 1}
    words = {said: value for said, value in found.items() if not any(c.isdigit() for c in said)}
    return words, max(len(said.split()) for said in words)


# --- values ---------------------------------------------------------------------------------------

Rest = Sequence[Token]


def _sum(tokens: Rest) -> tuple[Fraction, Rest]:
    value, rest = _product(tokens)
    while rest and rest[0] in ("+", "-"):
        sign, (other, rest) = rest[0], _product(rest[1:])
        value = _checked(value + other if sign == "+" else value - other)
    return value, rest


def _product(tokens: Rest) -> tuple[Fraction, Rest]:
    value, rest = _signed(tokens)
    while rest and rest[0] in ("*", "/", "%"):
        sign, (other, rest) = rest[0], _signed(rest[1:])
        value = _checked(
            value * other if sign == "*" else value / other if sign == "/" else value * other / 100
        )
    return value, rest


def _signed(tokens: Rest) -> tuple[Fraction, Rest]:
    if tokens and tokens[0] == "-":
        value, rest = _signed(tokens[1:])
        return -value, rest
    return _power(tokens)


def _power(tokens: Rest) -> tuple[Fraction, Rest]:
    value, rest = _atom(tokens)
    while rest and rest[0] in ("²", "³", "p"):
        power = {"²": 2, "³": 3}.get(str(rest[0]), 1)
        value = _checked(value**power if rest[0] != "p" else value / 100)
        rest = rest[1:]
    if rest and rest[0] == "^":
        exponent, rest = _signed(rest[1:])
        if exponent.denominator != 1 or abs(exponent) > MOST_POWER or abs(value) > 10**6:
            raise TooLarge
        value = _checked(value ** int(exponent))
    return value, rest


def _atom(tokens: Rest) -> tuple[Fraction, Rest]:
    if not tokens:
        raise NoSum
    first = tokens[0]
    if isinstance(first, Fraction):
        return first, tokens[1:]
    if first == "(":
        value, rest = _sum(tokens[1:])
        if not rest or rest[0] != ")":
            raise NoSum
        return value, rest[1:]
    if first == "r":
        value, rest = _power(tokens[1:])
        if value < 0:
            raise NoSum
        return Fraction(float(value) ** 0.5).limit_denominator(10**9), rest
    if first == "h":
        value, rest = _power(tokens[1:])
        return value / 2, rest
    raise NoSum


def _checked(value: Fraction) -> Fraction:
    if abs(value) > LARGEST:
        raise TooLarge
    return value
