"""What may have been said in the place of words that make no command: 'set kitchen nice to green'.

Stretches of what was recognised are replaced by what they sound like: names of this home, words
for kinds of things, and verbs. That is loose on purpose. What becomes of it counts only if the
rules then understand all of it, and if the recognizer, asked to weigh it against the sound, finds
it nearly as likely as what it wrote by itself (`hub/pipeline.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from hub.home.model import normal
from hub.router.words import Words

LONGEST = 6
"""Words of a stretch that is replaced: 'he up to or humidity', for the outdoor humidity."""
ALIKE = 0.4
"""0-1: likeness of sounds from which a stretch may be something else."""
SHORTEST = 3
"""Sounds of a stretch that is worth comparing."""
SHORT = 3
"""Words of an utterance that may have been a single verb: 'I can't pause', for 'pause'."""
KNOWN = 0.6
"""What it adds to how unlike a replacement is that all it replaces are words of commands, which
are heard well: 'what is' is no 'light'."""
LEAST_LEFT = 0.7
"""Share of the sounds that must be left: what is not said is weighed too lightly."""
MOST_SWAPS = 120
"""Replacements of one stretch that are looked at."""
MOST_PAIRED, MOST_VERBS = 12, 4
"""Of those, the likeliest that are also tried two at a time; and the likeliest verbs."""
MOST = 40
"""Sentences that are made of one utterance: each is then matched with the rules."""

_ENGLISH = (
    (r"tion\b|sion\b", "XN"),
    (r"ough\b|oa|ow\b|o(?=[bcdfgklmnprstvz]e\b)", "O"),
    (r"igh|eye|i(?=[bcdfgklmnprstvz]e)|\bi\b|y\b(?<=\b.y)", "Y"),
    (r"eigh|ai|ay|ey|a(?=[bcdfgklmnprstvz]e)", "A"),
    (r"ee|ea|ie", "i"),
    (r"oo|ew|ue|u(?=[bcdfgklmnprstvz]es?\b)", "u"),
    (r"ou|ow", "W"),
    (r"oi|oy", "J"),
    (r"au|aw|al(?=l|k)", "o"),
    (r"\bkn|\bgn|ng", "N"),
    (r"\bwr", "R"),
    (r"wh", "w"),
    (r"ph", "F"),
    (r"tch|ch", "C"),
    (r"sh", "X"),
    (r"th", "0"),
    (r"dge?\b|j", "Q"),
    (r"qu", "Kw"),
    (r"x", "KS"),
    (r"c(?=[eiy])", "S"),
    (r"ck|c|q", "K"),
    (r"(?<=[a-zA-Z0]{2})e\b", ""),
    (r"(?<=[a-z])y\b", "i"),
)
"""How English is spelt, roughly: what is said alike is to be written alike."""
_CLASSES = ("PB", "TD", "KG", "SZFVXCQ0", "NMLRw", "eaiAYy", "oOuUWJ")
_COARSE = {ord(c): group[0] for group in _CLASSES for c in group}
"""Sounds that noise makes equal: with and without voice, the sonorants, vowels of front and of
back."""


@dataclass(frozen=True, slots=True)
class Swap:
    """A stretch of words, and what it may have been."""

    start: int
    end: int
    phrase: str
    unlike: float
    """Sounds that must have been other ones, by the root of how many there are: more than their
    share, since three of twelve are misheard sooner than one of three is."""


@lru_cache(maxsize=4096)
def sound(text: str, language: str) -> str:
    """How a text sounds, roughly: a letter a sound."""
    plain = normal(text)
    if language.split("-")[0] == "en":
        for pattern, code in _ENGLISH:
            plain = re.sub(pattern, code, plain)
    plain = "".join(c if c.isupper() or c in "aeiouy0w" else c.upper() for c in plain)
    return re.sub(r"(.)\1+", r"\1", plain).replace(" ", "")


def coarse(code: str) -> str:
    """A sound as it is left in noise."""
    return code.translate(_COARSE)


class Mishearing:
    """The words of one home and language, by their sounds."""

    def __init__(
        self,
        names: Iterable[str],
        words: Words,
        verbs: Sequence[str],
        known: Collection[str] = frozenset(),
    ) -> None:
        """`names` of things and rooms; `verbs` with which commands begin; `known` words of
        commands, in normal form."""
        self._language = words.language
        self._known = known
        self._verbs = frozenset(normal(verb) for verb in verbs)
        spoken = dict.fromkeys(normal(name) for name in (*names, *verbs))
        found = {phrase: sound(phrase, self._language) for phrase in spoken}
        self._phrases = [phrase for phrase, code in found.items() if len(code) >= SHORTEST]
        self._fine = [found[phrase] for phrase in self._phrases]
        self._coarse = [code.translate(_COARSE) for code in self._fine]

    def readings(self, text: str) -> list[tuple[float, str]]:
        """Other ways to read a text, with how unlike it they sound; the likeliest first."""
        tokens = text.split()
        swaps = self._swaps(tokens)
        unchanged = " ".join(tokens)
        made = self._single(text) if len(tokens) <= SHORT else {}
        for swap in swaps:
            made.setdefault(_swapped(tokens, (swap,)), swap.unlike)
        verbs = [swap for swap in swaps if swap.phrase in self._verbs]
        best = [*verbs[:MOST_VERBS], *[s for s in swaps if s not in verbs][:MOST_PAIRED]]
        for index, one in enumerate(best):
            for other in best[index + 1 :]:
                if one.end <= other.start or other.end <= one.start:
                    both = one.unlike + other.unlike
                    made.setdefault(_swapped(tokens, (one, other)), both)
        whole = len(sound(text, self._language))
        kept = [
            (unlike, way)
            for way, unlike in made.items()
            if way != unchanged
            and (way in self._verbs or len(sound(way, self._language)) >= LEAST_LEFT * whole)
        ]
        return sorted(kept)[:MOST]

    def _single(self, text: str) -> dict[str, float]:
        """Each verb alone, with how unlike the whole text it sounds."""
        found = {}
        whole = sound(text, self._language)
        for verb in self._verbs:
            code = sound(verb, self._language)
            changed = Levenshtein.distance(whole, code)
            changed += Levenshtein.distance(whole.translate(_COARSE), code.translate(_COARSE))
            found[verb] = changed / 2 / max(1, len(whole), len(code)) ** 0.5
        return found

    def _swaps(self, tokens: Sequence[str]) -> list[Swap]:
        spans = [
            (start, end)
            for start in range(len(tokens))
            for end in range(start + 1, min(len(tokens), start + LONGEST) + 1)
        ]
        said = [" ".join(tokens[start:end]) for start, end in spans]
        fine = [sound(text, self._language) for text in said]
        if not self._phrases or not fine:
            return []
        coarser = [coarse(code) for code in fine]
        changed = (_changed(fine, self._fine) + _changed(coarser, self._coarse)) / 2
        lengths = np.maximum.outer([len(code) for code in fine], [len(c) for c in self._fine])
        found = []
        for row, column in zip(*np.nonzero(changed <= (1 - ALIKE) * lengths), strict=True):
            (start, end), phrase = spans[row], self._phrases[column]
            if len(fine[row]) < SHORTEST or normal(said[row]) == phrase:
                continue
            if phrase in self._verbs and start:
                continue  # a verb stands at the beginning
            unlike = changed[row, column] / lengths[row, column] ** 0.5
            if all(normal(token) in self._known for token in tokens[start:end]):
                unlike += KNOWN
            found.append(Swap(start, end, phrase, float(unlike)))
        return sorted(found, key=lambda swap: swap.unlike)[:MOST_SWAPS]


def _changed(said: Sequence[str], known: Sequence[str]) -> NDArray[np.float32]:
    """How many sounds must have been other ones for each of the first to be each of the second."""
    return process.cdist(said, known, scorer=Levenshtein.distance, dtype=np.float32)


def _swapped(tokens: Sequence[str], swaps: Sequence[Swap]) -> str:
    made = list(tokens)
    for swap in sorted(swaps, key=lambda swap: -swap.start):
        made[swap.start : swap.end] = swap.phrase.split()
    return " ".join(made)
