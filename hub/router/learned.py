"""What a recognizer makes of the names of this home, learned from what was said twice.

Somebody says 'turn on the lamp of Lisbeth', and 'lamp of Lisa bad' is not understood; they say it
again, and this time it is. If that happens twice with the same wrong words, these become another
name of the device, as if somebody had given it: `hearth devices` shows it, keeps it, and takes it
away.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from hub.home.model import Entity, normal
from hub.router.misheard import sound

SOON = 20.0
"""Seconds within which somebody says a command again that was not understood."""
TIMES = 2
"""Times that this must have happened with the same words."""
ALIKE = 0.4
"""0-1: likeness of the sounds of a name and of what was made of it."""
SHORTEST = 4
"""Sounds of words that may become a name."""
LONGEST = 5
"""Words of them."""
MOST_WAITING = 64
"""Words that have happened once and are remembered; only until the hub ends."""
MOST_NAMES = 6
"""Names that a device may have for more to be learned."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A command that was not understood."""

    text: str
    at: float


class Corrections:
    """What is about to be learned. Seconds are those of a monotonic clock."""

    def __init__(self) -> None:
        self._missed: dict[str | None, Missed] = {}
        self._times: OrderedDict[tuple[str, str], int] = OrderedDict()

    def missed(self, room: str | None, text: str, at: float) -> None:
        """A command was said in a room and not understood, or named nothing that there is."""
        self._missed[room] = Missed(text, at)

    def done(
        self,
        room: str | None,
        text: str,
        entity: Entity,
        at: float,
        language: str,
        taken: Collection[str] = (),
    ) -> str | None:
        """A command was done with one device that it named. The words that are a name of it from
        now on, if they are to become one; `taken` are names, in normal form, that mean something.
        """
        before = self._missed.pop(room, None)
        if before is None or at - before.at > SOON or len(entity.names) >= MOST_NAMES:
            return None
        words = _instead(before.text, text, entity, language)
        if words is None or words in taken:
            return None
        key = words, entity.entity_id
        self._times[key] = self._times.pop(key, 0) + 1
        if self._times[key] >= TIMES:
            del self._times[key]
            return words
        if len(self._times) > MOST_WAITING:
            self._times.popitem(last=False)
        return None


def _instead(missed: str, done: str, entity: Entity, language: str) -> str | None:
    """The words that stood in the place of the device's name, in normal form; None if the two
    sentences are not otherwise the same, or the words do not sound like the name."""
    wrong, right = normal(missed), normal(done)
    for name in sorted(map(normal, entity.names), key=len, reverse=True):
        before, found, after = f" {right} ".partition(f" {name} ")
        whole = f" {wrong} "
        head, tail = f"{before} ", f" {after}"
        if not found or not whole.startswith(head) or not whole.endswith(tail):
            continue
        words = whole[len(head) : len(whole) - len(tail)].strip()
        if words and len(words.split()) <= LONGEST and _alike(words, name, language):
            return words
    return None


def _alike(words: str, name: str, language: str) -> bool:
    one, other = sound(words, language), sound(name, language)
    return len(one) >= SHORTEST and Levenshtein.normalized_similarity(one, other) >= ALIKE
