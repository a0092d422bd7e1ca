"""A command whose first word was misheard: 'block the front door', 'at milk to the list'.

The first word is what a recognizer hears worst: it has nothing before it to go by, and speech sets
in softly. It is also the one that can be guessed best: few verbs are said to a home. So what sounds
like one of them is read as it, too, and counts only if all the rest then makes a command.
"""

from __future__ import annotations

from collections.abc import Sequence

import jellyfish
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from hub.home.model import normal

LANGUAGE = "en"
"""Whose sounds Metaphone knows."""
ALIKE = 40.0
"""Likeness in letters (`fuzz.ratio`, 0-100) that words need whose sounds are not all the same."""
MOST = 3
"""Readings of one sentence."""
SOFT = str.maketrans("BDGVZ", "PTKFS")
"""Sounds that differ by voice alone are the same in a noise."""


def readings(text: str, verbs: Sequence[str]) -> tuple[str, ...]:
    """The sentence with other verbs at its beginning, the likeliest first; `verbs` are in LANGUAGE.
    Empty if it begins with one already."""
    said = text.split()
    if len(said) < 3 or normal(said[0]) in verbs:
        return ()
    return tuple(f"{verb} {' '.join(said[1:])}" for verb in _verbs(said[0], verbs)[:MOST])


def _verbs(word: str, verbs: Sequence[str]) -> list[str]:
    """Verbs that a word may have been."""
    head = normal(word)
    apart = [(*_apart(head, verb), verb) for verb in verbs]
    return [
        verb
        for distance, unlikeness, verb in sorted(apart)
        if distance == 0 or (distance == 1 and unlikeness <= 100 - ALIKE)
    ]


def _apart(head: str, verb: str) -> tuple[int, float]:
    """By how many sounds they differ, and how unlike they are written (0-100)."""
    return Levenshtein.distance(_sound(head), _sound(verb)), 100 - fuzz.ratio(head, verb)


def _sound(word: str) -> str:
    return jellyfish.metaphone(word).translate(SOFT)
