"""Which words of the home a word may be that was said: by spelling, by sound, and in compounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from jellyfish import metaphone
from rapidfuzz import fuzz, process

ALIKE = 76.0
"""0-100: from which likeness two words may be the same one, misheard."""
SOUNDS_ALIKE = 0.85
"""Likeness of two words of the same sound: 'lite' and 'light'."""
HALF_ALIKE = 60.0
"""0-100: likeness that words of one sound need, since a sound has no vowels: 'like', 'lock'."""
SHORTEST_SOUND = 3
"""Letters of a word from which its sound says something."""

COMPOUNDING = frozenset(["da", "de", "fi", "hu", "is", "lb", "nb", "nl", "nn", "no", "sv"])
"""Languages that write 'kitchen light' as one word."""
SHORTEST_PART = 4
"""Letters of a part of a compound."""
LINKS = ("", "n", "s", "en", "es", "er", "e")
"""What stands between the parts of a compound."""
PART = 0.95
"""Likeness of a word and a compound that has it as its part."""
KNOWN = 0.75
"""What the likeness of two words counts for where the one that was said has a meaning of its own:
'make' is hardly a misheard 'maker', and '5' rather a volume than a room."""


class Likeness:
    """The words of one home, to be recognised in what was said."""

    def __init__(
        self, vocabulary: Collection[str], language: str, spoken: Collection[str] = ()
    ) -> None:
        """`spoken`: words of commands, which need no likeness to mean something."""
        self._known = frozenset(vocabulary)
        self._spoken = frozenset(spoken)
        self._vocabulary = tuple(sorted(vocabulary))
        self._compounds = language.split("-")[0] in COMPOUNDING
        self._sounds: dict[str, list[str]] = defaultdict(list)
        for word in self._vocabulary:
            if len(word) >= SHORTEST_SOUND and (sound := metaphone(word)):
                self._sounds[sound].append(word)
        self._inside: dict[str, list[str]] = defaultdict(list)
        if self._compounds:
            for word in self._vocabulary:
                for part in self._parts(word):
                    self._inside[part].append(word)
        self._of = lru_cache(maxsize=1024)(self._compared)

    def of(self, said: Iterable[str]) -> dict[str, float]:
        """Each word of the home that is like one that was said -> how alike, 0-1."""
        best: dict[str, float] = {}
        for token in said:
            for word, likeness in self._of(token):
                best[word] = max(best.get(word, 0.0), likeness)
        return best

    def _compared(self, token: str) -> tuple[tuple[str, float], ...]:
        found = dict(self._alike(token))
        if self._compounds:
            for part in self._parts(token):
                found[part] = max(found.get(part, 0.0), PART)
            for word in self._inside.get(token, ()):
                found[word] = max(found.get(word, 0.0), PART / 2)
        return tuple(found.items())

    def _alike(self, token: str) -> Iterator[tuple[str, float]]:
        if len(token) < SHORTEST_SOUND:
            if token in self._known:
                yield token, KNOWN if token.isdigit() else 1.0
            return
        close = {
            word: score / 100
            for word, score, _ in process.extract(
                token, self._vocabulary, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=None
            )
        }
        for word in self._sounds.get(metaphone(token), ()):
            if fuzz.ratio(token, word) >= HALF_ALIKE:
                close[word] = max(close.get(word, 0.0), SOUNDS_ALIKE)
        trust = KNOWN if token in self._spoken else 1.0
        for word, likeness in close.items():
            yield word, likeness if word == token else likeness * trust

    def _parts(self, token: str) -> list[str]:
        """The words of the home that a compound is made of; the second one may be misspelt."""
        for cut in range(SHORTEST_PART, len(token) - SHORTEST_PART + 1):
            head, tail = token[:cut], token[cut:]
            heads = [head[: len(head) - len(link)] for link in LINKS if head.endswith(link)]
            first = next((each for each in heads if each in self._known), None)
            if first is None:
                continue
            if tail in self._known:
                return [first, tail]
            close = process.extractOne(
                tail, self._vocabulary, scorer=fuzz.ratio, score_cutoff=ALIKE
            )
            if close is not None:
                return [first, close[0]]
        return []
