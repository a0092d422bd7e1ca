"""Why a command is not done: for another time, forbidden, only by a bit, or for a room that does
not exist.

Each is found by taking out what stands in the way and asking whether the rest is a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hub.home.model import normal
from hub.router.numbers import numbers
from hub.router.words import Words

LONGEST_ROOM = 3
"""Words of the name of a room."""
MOST_TRIES = 8
"""Places at which the rest of a sentence may begin that starts with 'when ...'."""


def refusal(text: str, words: Words, command: Callable[[str], bool]) -> str | None:
    """The sentence for a command that was forbidden, put off, or can only be done all the way;
    None if it was neither."""
    tokens = text.split()
    if any(command(rest) for rest in _without(tokens, words.nots)):
        return words.refusals.get("nothing")
    if any(command(rest) for rest in _at_once(tokens, words)):
        return words.refusals.get("later")
    if any(command(rest) for rest in _without(tokens, words.partly)):
        return words.refusals.get("partly")
    return None


def tells(text: str, words: Words) -> bool:
    """Whether a sentence as a whole tells of something: 'what a stormy night that was'. What was
    yesterday is only told where somebody did it: 'what did we use yesterday' is a question."""
    plain = f" {normal(text)} "

    def begins(phrases: Sequence[str]) -> bool:
        return any(plain.startswith(f" {normal(phrase)} ") for phrase in phrases)

    def ends(phrases: Sequence[str]) -> bool:
        return any(plain.endswith(f" {normal(phrase)} ") for phrase in phrases)

    own = ends(words.own_doing) or (begins(words.subjects) and ends(words.past))
    return own or begins(words.tales)


def _without(tokens: Sequence[str], phrases: Sequence[str]) -> Iterator[str]:
    for phrase in phrases:
        # "don't" is one token, but two words in normal form.
        for length in range(1, len(phrase.split()) + 1):
            for start in range(len(tokens)):
                if normal(" ".join(tokens[start : start + length])) == phrase:
                    yield " ".join([*tokens[:start], *tokens[start + length :]])


def _at_once(tokens: Sequence[str], words: Words) -> Iterator[str]:
    """The rests of a sentence without a time or condition at either end."""
    for start in range(len(tokens)):
        if not _puts_off(tokens, start, words):
            continue
        if start:
            yield " ".join(tokens[:start])
            continue
        for begin in range(2, min(len(tokens), 2 + MOST_TRIES)):
            yield " ".join(tokens[begin:])


def _puts_off(tokens: Sequence[str], start: int, words: Words) -> bool:
    rest = f"{normal(' '.join(tokens[start:]))} "
    if any(rest.startswith(f"{phrase} ") for phrase in words.later):
        return True
    following = tokens[start + 1 : start + 2]
    numbered = normal(tokens[start]) in words.later_numbers and following
    return bool(numbered and numbers(following[0].replace(":", " "), words.language))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A sentence about a room that is not known."""

    before: str
    room: str
    after: str
    inside: bool
    """It says 'in the attic' rather than 'the attic lights'."""
    thing: str
    """What was named: 'attic lights'."""

    def in_room(self, name: str) -> str:
        return " ".join(f"{self.before} {name} {self.after}".split())


def elsewhere(text: str, words: Words) -> Iterator[Elsewhere]:
    """The ways in which a sentence may be about a room that the home does not have."""
    tokens = text.split()
    plain = [normal(token) for token in tokens]
    last = len(tokens) - (len(tokens) > 1 and plain[-1] in words.acting)
    for phrase in words.inside:
        length = len(phrase.split())
        for start in range(1, last - length):
            name = tokens[start + length : last]
            if " ".join(plain[start : start + length]) == phrase and _room(name, words):
                yield _cut(tokens, start + length, last, True, " ".join(name))
    kinds = {kind for said in words.kinds.values() for kind in said}
    for start in range(1, len(tokens)):
        if plain[start - 1] not in words.articles:
            continue
        for end in range(start + 1, min(start + LONGEST_ROOM, len(tokens))):
            if plain[end] in kinds and _room(tokens[start:end], words):
                yield _cut(tokens, start, end, False, " ".join(tokens[start : end + 1]))


def _cut(tokens: Sequence[str], start: int, end: int, inside: bool, thing: str) -> Elsewhere:
    before, after = " ".join(tokens[:start]), " ".join(tokens[end:])
    return Elsewhere(before, " ".join(tokens[start:end]), after, inside, thing)


def _room(tokens: Sequence[str], words: Words) -> bool:
    """Whether words may be the name of a room."""
    plain = {normal(token) for token in tokens}
    others = words.dangling | words.negations | words.articles | words.here
    alphabetic = all(token.replace("'", "").isalpha() for token in tokens)
    return 0 < len(tokens) <= LONGEST_ROOM and alphabetic and not plain & others
