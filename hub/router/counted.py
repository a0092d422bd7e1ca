"""'Studios 2 and 3', 'rooms one, two and four': what is told apart by numbers, named together.

Brought into the form in which each has its whole name: 'studio 2 and studio 3'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.home.model import normal
from hub.router.numbers import numbers
from hub.router.places import Places
from hub.router.words import Words

LONGEST = 3
"""Words of a name before its number."""
MOST = 4
"""Things that are named together."""


class Counted:
    """The rooms and things of one home that are told apart by a number at the end."""

    def __init__(self, places: Places, words: Words) -> None:
        self._words = words
        self._stems: dict[str, set[str]] = {}
        for called in (places.areas, places.floors, places.entities):
            for thing in called.values():
                for name in thing.names:
                    stem, _, number = normal(name).rpartition(" ")
                    if stem and number.isdecimal():
                        self._stems.setdefault(stem, set()).add(number)

    def apart(self, text: str) -> str:
        """The text with the whole name of each."""
        tokens = text.replace(",", " , ").split() if self._stems else []
        if sum(bool(numbers(each, self._words.language)) for each in tokens) < 2:
            return text
        made = " ".join(self._made(tokens)).replace(" ,", ",")
        return text if normal(made) == normal(text) else made

    def _made(self, tokens: Sequence[str]) -> Iterator[str]:
        place = 0
        while place < len(tokens):
            length, stem = self._stem(tokens, place)
            counted, end = self._numbers(tokens, place + length, stem) if stem else ([], place)
            if len(counted) < 2:
                yield tokens[place]
                place += 1
                continue
            joint = min(self._words.conjunctions, key=len)
            yield f" {joint} ".join(f"{stem} {number}" for number in counted)
            place = end

    def _stem(self, tokens: Sequence[str], place: int) -> tuple[int, str]:
        """A name without its number, in the singular or plural, and how many words it has."""
        for length in range(min(LONGEST, len(tokens) - place), 0, -1):
            said = " ".join(map(normal, tokens[place : place + length]))
            ending = self._words.plural_ending
            for stem in (said, said.removesuffix(ending) if ending else said):
                if stem in self._stems:
                    return length, stem
        return 0, ""

    def _numbers(self, tokens: Sequence[str], place: int, stem: str) -> tuple[list[str], int]:
        """The numbers of things of one name that follow each other, and where they end."""
        found: list[str] = []
        end = place
        while place < len(tokens) and len(found) < MOST:
            said = numbers(tokens[place], self._words.language)
            if len(said) != 1 or said[0] not in self._stems[stem]:
                break
            found.append(said[0])
            place = end = place + 1
            while place < len(tokens) and self._joins(tokens[place]):
                place += 1
        return found, end

    def _joins(self, token: str) -> bool:
        return token == "," or normal(token) in self._words.conjunctions
