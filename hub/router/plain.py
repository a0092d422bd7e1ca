"""The plainest commands to this home, found as wholes by their sound: 'I'll set it time off at 30
seconds' was 'set a timer for 30 seconds'.

Where half of the words are misheard there is no stretch left that could be put right by itself
(`misheard`). But a home can be told a few thousand plain things only, and the one that was said
still sounds like what was recognised as a whole. As there, what is found counts only if the rules
understand it and the recognizer, asked to weigh it, finds it nearly as likely as what it wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from hub.home.guarded import lets_in
from hub.home.model import normal
from hub.router.compound import split
from hub.router.misheard import coarse, sound
from hub.router.numbers import numbers
from hub.router.places import Places
from hub.router.words import Words

ALIKE = 0.45
"""0-1: likeness of sounds from which a sentence may be another one as a whole."""
MOST_VALUES = 60
"""Names and kinds of things with which sentences are made: those that sound most like a part of
what was said, so that a home of thousands of devices takes no longer."""
MOST_NUMBERS = 4
MOST = 12
"""Commands that are found for one sentence."""
MOST_OF_PART = 3
"""Commands that are found for each part of a sentence with an 'and'."""
ANY = "any"
"""Key of the forms that are about no device."""

_OPTIONAL = re.compile(r"\[([^\]]*)\] ?")
_SLOT = re.compile(r"(\{\w+\})")
_TWICE = re.compile(r"(.)\1+")


@dataclass(frozen=True, slots=True)
class Form:
    """A way to say a command: pieces of text and slots in turn, each text with its sound."""

    pieces: tuple[tuple[str, str], ...]
    slots: frozenset[str]


class Plain:
    """The plain commands of one home in one language."""

    def __init__(
        self,
        places: Places,
        words: Words,
        forms: Mapping[str, Sequence[str]],
        *,
        joined: str = "and",
        colors: Sequence[str] = (),
    ) -> None:
        """`forms`: domain -> ways to command such things, with `{x}` for the thing, `{n}` for a
        number and `{color}`; what stands in brackets may be left out. `joined`: what stands
        between two commands."""
        self._words = words
        self._joined = joined
        self._forms = {
            domain: [
                self._form(text)
                for each in dict.fromkeys(way for one in said for way in _ways(one))
                for text in (each,)
            ]
            for domain, said in forms.items()
        }
        self._colors = [(each, self._sound(each)) for each in colors]
        self._values = [
            (domain, value, self._sound(value))
            for domain in self._forms
            if domain != ANY
            for value in sorted(_values(places, words, domain))
        ]

    def readings(self, texts: Sequence[str]) -> list[list[tuple[float, str]]]:
        """For each text the commands that it may have been, with how unlike they sound, in the
        measure of `misheard.Swap.unlike`; the likeliest first."""
        if not texts or not self._forms:
            return [[] for _ in texts]
        parts = [self._parts(text) for text in texts]
        asked = list(dict.fromkeys([*texts, *(part for each in parts for part in each)]))
        said = dict.fromkeys(n for text in texts for n in numbers(text, self._words.language))
        found = dict(zip(asked, self._found(asked, list(said)[:MOST_NUMBERS]), strict=True))
        return [
            sorted([*found[text][:MOST], *self._joint(each, found)])
            for text, each in zip(texts, parts, strict=True)
        ]

    def _found(self, texts: Sequence[str], said: Sequence[str]) -> list[list[tuple[float, str]]]:
        heard = [self._sound(text) for text in texts]
        made = self._sentences(heard, said)
        if not made:
            return [[] for _ in texts]
        ways, codes = [*made], [*made.values()]
        changed = process.cdist(heard, codes, scorer=Levenshtein.distance, dtype=np.float32)
        rough = process.cdist(
            [coarse(code) for code in heard],
            [coarse(code) for code in codes],
            scorer=Levenshtein.distance,
            dtype=np.float32,
        )
        changed = (changed + rough) / 2
        lengths = np.maximum.outer([len(c) for c in heard], [len(c) for c in codes])
        unlike = np.where(
            changed <= (1 - ALIKE) * lengths, changed / np.maximum(1, lengths) ** 0.5, np.inf
        )
        found = []
        for row, text in zip(unlike, texts, strict=True):
            best = np.argsort(row, kind="stable")[: MOST + 1]
            found.append(
                [
                    (float(row[place]), ways[place])
                    for place in best
                    if np.isfinite(row[place]) and normal(ways[place]) != normal(text)
                ]
            )
        return found

    def _joint(
        self, parts: Sequence[str], found: Mapping[str, list[tuple[float, str]]]
    ) -> Iterator[tuple[float, str]]:
        """Two commands in one sentence, of which at least one was misheard."""
        if not parts:
            return
        ways = [[(0.0, part), *found[part][:MOST_OF_PART]] for part in parts]
        for chosen in product(*ways):
            unlike = sum(each for each, _ in chosen)
            if unlike:
                yield unlike, f" {self._joined} ".join(text for _, text in chosen)

    def _parts(self, text: str) -> list[str]:
        return next((each for each in split(text, self._words) if len(each) == 2), [])

    def sentences(self, texts: Sequence[str]) -> list[str]:
        """The commands with which texts are compared: those with the things and numbers that they
        may speak of."""
        said = dict.fromkeys(n for text in texts for n in numbers(text, self._words.language))
        heard = [self._sound(text) for text in texts]
        return [*self._sentences(heard, list(said)[:MOST_NUMBERS])]

    def _sentences(self, heard: Sequence[str], said: Sequence[str]) -> dict[str, str]:
        """Texts and their sounds, with the numbers that were heard."""
        made = {}
        fitting = self._likely(heard)
        spoken = [(number, self._sound(number)) for number in said]
        for domain, forms in self._forms.items():
            for form in forms:
                filled = (
                    fitting.get(domain, []) if "{x}" in form.slots else [("", "")],
                    spoken if "{n}" in form.slots else [("", "")],
                    self._colors if "{color}" in form.slots else [("", "")],
                )
                for thing, number, color in product(*filled):
                    slots = {"{x}": thing, "{n}": number, "{color}": color}
                    pieces = [slots.get(text, (text, code)) for text, code in form.pieces]
                    code = _TWICE.sub(r"\1", "".join(code for _, code in pieces))
                    made["".join(text for text, _ in pieces)] = code
        return made

    def _likely(self, heard: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """The values that sound most like a part of what was said, by domain."""
        values = self._values
        if len(values) > MOST_VALUES:
            codes = [coarse(code) for _, _, code in values]
            alike = process.cdist([coarse(h) for h in heard], codes, scorer=fuzz.partial_ratio)
            best = np.argsort(-alike.max(axis=0), kind="stable")[:MOST_VALUES]
            values = [values[place] for place in sorted(best)]
        found: dict[str, list[tuple[str, str]]] = {}
        for domain, value, code in values:
            found.setdefault(domain, []).append((value, code))
        return found

    def _form(self, text: str) -> Form:
        pieces = [piece for piece in _SLOT.split(text) if piece]
        slots = frozenset(piece for piece in pieces if piece.startswith("{"))
        return Form(
            tuple((p, "" if p in slots else self._sound(p)) for p in pieces),
            slots,
        )

    def _sound(self, text: str) -> str:
        return sound(text, self._words.language)


def _ways(form: str) -> Iterator[str]:
    """The form with and without what may be left out."""
    match = _OPTIONAL.search(form)
    if match is None:
        yield form
        return
    before, after = form[: match.start()], form[match.end() :]
    for inside in ("", *(f"{word} " for word in match[1].split("|"))):
        yield from _ways(before + inside + after)


def _values(places: Places, words: Words, domain: str) -> set[str]:
    """What things of a domain are called, and words for them with and without their room."""
    found: set[str] = set()
    for entity in places.entities.values():
        # What lets somebody in must have been said, whatever its domain.
        entrance = lets_in(entity.domain, entity.device_class, entity.names)
        if entity.domain != domain or (entrance and domain != "lock"):
            continue
        found |= {name.lower() for name in entity.names}
        kinds = words.kinds_of(domain, entity.device_class, entity.name)
        room = places.areas.get(entity.area_id or "")
        found |= set(kinds)
        found |= {
            f"{name.lower()} {kind}" for name in (room.names if room else ()) for kind in kinds
        }
    return found
