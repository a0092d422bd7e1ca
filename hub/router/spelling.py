"""What a misspelt or misheard sentence may have been, word by word, in any language.

Words that no sentence and no name has are replaced by the one that is most like them; compounds of
a room and a kind of thing ('Küchenlicht') are taken apart where no device is called so. Nothing is
replaced where the opposite is as near: 'abschließen' must not become 'aufschließen'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from hub.home.model import normal
from hub.router.hints import hints, spelled
from hub.router.lexicon import lexicon
from hub.router.likeness import COMPOUNDING, LINKS, SHORTEST_PART
from hub.router.numbers import numbers
from hub.router.places import Places, spellings
from hub.router.words import Words

ALIKE = 78.0
"""0-100: likeness from which a word is replaced."""
MARGIN = 8.0
"""0-100: by how much the best replacement must be more like it than one that means something
else in a command."""
SHORTEST = 4
"""Letters of a word that may be misspelt: 'an' and 'ab' are too near each other."""
SWAPPED = 3
"""Letters of a word in which two may stand the wrong way round: 'teh'."""
MOST_WRONG = 3
"""Words that may be replaced in one sentence."""


@dataclass(frozen=True, slots=True)
class Respelt:
    """Another way to write a sentence."""

    text: str
    guesses: tuple[str, ...]
    """`'küchenlihct'→küchenlicht`."""
    distance: float
    """How far the spelling had to stretch, 0-1."""


class Spelling:
    """The words of one language and one home."""

    def __init__(self, places: Places, words: Words) -> None:
        self._words = words
        names = [entity.names for entity in places.entities.values()]
        names += [area.names for area in places.areas.values()]
        names += [floor.names for floor in places.floors.values()]
        written = {w for each in names for name in spellings(each) for w in name.split()}
        named = {normal(word) for word in written}
        self._spelled = {**spelled(words.language), **words.spelled}
        self._spelled |= {normal(word): word for word in written}
        kinds = {w for said in words.kinds.values() for phrase in said for w in phrase.split()}
        self._rooms = _by_compact(a.names for a in places.areas.values())
        self._kinds = frozenset(kinds)
        small = (words.before, words.after, words.fillers, words.conjunctions, words.all)
        around = {w for phrases in small for phrase in phrases for w in phrase.split()}
        around |= {w for phrase in (*words.dangling, *words.negations) for w in phrase.split()}
        self._directed = {
            word: direction
            for direction, said in words.actions.items()
            for phrase in said
            for word in phrase.split()
        }
        self._known = named | kinds | around | set(hints(places, words)) | set(self._directed)
        lexical = lexicon(words.language)
        # 'Sollen' and 'keiner' are words, and no misspelt 'sollten' and 'einer'.
        self._meaning = {w for said in (lexical.phrases if lexical else ()) for w in said.split()}
        self._meaning |= words.none | words.unmistakable
        self._meaning |= {w for phrase in (*words.no_text, *words.no_music) for w in phrase.split()}
        self._listed = tuple(sorted(word for word in self._known if len(word) >= SHORTEST))
        self._short = tuple(sorted(word for word in self._known if len(word) >= SWAPPED))
        self._compounding = words.language.split("-")[0] in COMPOUNDING

    def variants(self, text: str) -> list[Respelt]:
        """Other ways to write a text; none if all its words are known, or too many are not."""
        tokens = text.split()
        strange = [i for i, token in enumerate(tokens) if self._strange(normal(token))]
        if not strange or len(strange) > MOST_WRONG:
            return []
        if len(strange) == len(tokens) and not self._compounding:
            return []  # 'reply': no word of it tells that it was meant for a home.
        found = [Respelt("", (), 0.0)]
        for place, token in enumerate(tokens):
            ways = self._ways(normal(token)) if place in strange else [(token, 0.0)]
            if not ways:
                return []
            found = [
                Respelt(
                    f"{before.text} {way}".strip(),
                    (*before.guesses, f"{token!r}→{way}") if place in strange else before.guesses,
                    max(before.distance, distance),
                )
                for before in found
                for way, distance in ways
            ]
        return found

    def _strange(self, token: str) -> bool:
        if len(token) < SWAPPED or " " in token or token in self._known or token in self._meaning:
            return False
        return not any(c.isdigit() for c in token) and not numbers(token, self._words.language)

    def _ways(self, token: str) -> list[tuple[str, float]]:
        """What a strange word may be, with how far that is."""
        found = [*self._compounds(token)] if self._compounding else []
        if replaced := self._replaced(token):
            found.append(replaced)
        return found

    def _replaced(self, token: str) -> tuple[str, float] | None:
        if slip := self._slip(token):
            return self._spelled.get(slip, slip), 1 - ALIKE / 100
        if len(token) < SHORTEST:
            return None
        close = process.extract(
            token, self._listed, scorer=fuzz.ratio, score_cutoff=ALIKE - MARGIN, limit=8
        )
        if not close or close[0][1] < ALIKE:
            return None
        best, score, _ = close[0]
        meant = self._directed.get(best)
        for other, likeness, _ in close[1:]:
            if likeness > score - MARGIN and self._directed.get(other) != meant:
                return None
        return self._spelled.get(best, best), 1 - score / 100

    def _slip(self, token: str) -> str | None:
        """The word that a slip of the fingers makes of it: two letters the wrong way round, or, if
        it is long enough, one letter wrong, missing or too many behind the first; none if there are
        two such words."""
        near = [word for word in self._short if OSA.distance(token, word, score_cutoff=1) == 1]
        turned = [word for word in near if sorted(word) == sorted(token)]
        wrong = [w for w in near if w[0] == token[0] and min(len(w), len(token)) >= SHORTEST]
        found = turned or wrong
        return found[0] if len(found) == 1 and not self._opposite(token, found[0]) else None

    def _opposite(self, token: str, word: str) -> bool:
        """Whether it may as well be a word for another direction than this one."""
        meant = self._directed.get(word)
        others = [o for o, way in self._directed.items() if way != meant and len(o) >= SHORTEST]
        return bool(meant) and any(OSA.distance(token, o, score_cutoff=2) <= 2 for o in others)

    def _compounds(self, token: str) -> list[tuple[str, float]]:
        """'küchenlihct' as 'licht in der küche', and the same in other words."""
        for cut in range(SHORTEST - 1, len(token) - SHORTEST_PART + 2):
            head, tail = token[:cut], token[cut:]
            room = next(
                (
                    self._rooms[head[: len(head) - len(link)]]
                    for link in LINKS
                    if head.endswith(link) and head[: len(head) - len(link)] in self._rooms
                ),
                None,
            )
            kind = process.extractOne(tail, self._kinds, scorer=fuzz.ratio, score_cutoff=ALIKE)
            if room is not None and kind is not None:
                thing = self._spelled.get(kind[0], kind[0])
                inside = [f"{thing} {phrase} {room}" for phrase in self._words.inside]
                return [(way, 1 - kind[1] / 100) for way in (f"{head}{thing}", *inside)]
        return []


def _by_compact(names: Iterable[Sequence[str]]) -> dict[str, str]:
    """Names of rooms by the form they have in compounds."""
    return {normal(name).replace(" ", ""): name for several in names for name in spellings(several)}
