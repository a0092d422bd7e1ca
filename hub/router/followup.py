"""'And the bedroom', 'what about the kitchen?', 'no, twenty': what leans on the sentence before.

What was said before is said again, with the new words in the place of its last ones. Whether that
makes sense is for the caller to find out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from hub.home.model import normal
from hub.router.numbers import numbers
from hub.router.words import Words

LONGEST = 16
"""Words of a sentence that another may lean on."""
LONGEST_ROOM, LONGEST_NUMBER = 4, 4
"""Words of the name of a room, and of a number."""
LONGEST_VERB, LONGEST_END = 3, 2
"""Words at the beginning and at the end that stay where the middle is said anew: 'turn - off'."""


def added(text: str, words: Words) -> str | None:
    """The new words of a sentence that begins or ends as one that adds to another; None if it
    does not."""
    return _without(text, words.adding, words.too)


def corrected(text: str, words: Words) -> str | None:
    """The new words of a sentence that begins by taking something back; None if it does not."""
    return _without(text, words.repairs, ())


def variants(part: str, before: str, words: Words, rooms: Collection[str]) -> Iterator[str]:
    """What was said before, with the new words in it: a room or a number in the place of the one
    that was said, or else as much of the old words as may be first. `rooms`: in normal form."""
    tokens = before.split()
    if not part or not 1 < len(tokens) <= LONGEST:
        return
    yield from _elsewhere(part, tokens, words, rooms)
    yield from _another_number(part, tokens, words)
    # 'Put milk on the list - and butter': what follows the thing stays, from its preposition on.
    for start in range(len(tokens) - 2, 1, -1):
        if normal(tokens[start]) in words.linking:
            yield " ".join([tokens[0], part, *tokens[start:]])
    joins = words.articles | set(words.inside) | words.dangling
    first = normal(part.split()[0])
    last = range(len(tokens) - 1, 0, -1)
    # After 'turn off the lamp and lock the door' it may be another thing to turn off.
    for kept in dict.fromkeys((*last[:LONGEST_END], *last[-LONGEST_VERB:], *last)):
        if normal(tokens[kept - 1]) in joins and first in joins:
            continue  # 'turn on the in the bedroom'
        yield " ".join([*tokens[:kept], part])
    for end in range(1, LONGEST_END + 1):
        for kept in range(1, min(LONGEST_VERB, len(tokens) - end - 1) + 1):
            yield " ".join([*tokens[:kept], part, *tokens[-end:]])


def _elsewhere(
    part: str, tokens: Sequence[str], words: Words, rooms: Collection[str]
) -> Iterator[str]:
    """The same in another room, if a room is all that was said: 'in the bedroom'."""
    plain = normal(part)
    inside = next((p for p in words.inside if plain.startswith(f"{p} ")), "")
    room = plain.removeprefix(inside).strip()
    if room not in rooms:
        return
    said = [normal(token) for token in tokens]
    for length in range(min(LONGEST_ROOM, len(said)), 0, -1):
        for start in range(len(said) - length + 1):
            if " ".join(said[start : start + length]) in rooms:
                yield " ".join([*tokens[:start], room, *tokens[start + length :]])
                return
    if inside:
        yield " ".join([*tokens, part])


def _another_number(part: str, tokens: Sequence[str], words: Words) -> Iterator[str]:
    """The same with another number, where each has one."""
    new, old = numbers(part, words.language), numbers(" ".join(tokens), words.language)
    if len(new) != 1 or len(old) != 1:
        return
    for length in range(min(LONGEST_NUMBER, len(tokens)), 0, -1):
        for start in range(len(tokens) - length + 1):
            ends = tokens[start], tokens[start + length - 1]
            found = numbers(" ".join(tokens[start : start + length]), words.language)
            if found == old and all(numbers(end, words.language) for end in ends):
                yield " ".join([*tokens[:start], new[0], *tokens[start + length :]])
                return


def _without(text: str, first: Sequence[str], last: Sequence[str]) -> str | None:
    tokens = text.split()
    begun = len(tokens)
    tokens = tokens[_length(tokens, first) :]
    behind = _length([*reversed(tokens)], [_turned(phrase) for phrase in last])
    tokens = tokens[: len(tokens) - behind]
    return " ".join(tokens) if tokens and len(tokens) < begun else None


def _length(tokens: Sequence[str], phrases: Sequence[str]) -> int:
    """How many tokens the longest of the phrases takes up at the beginning."""
    plain = [normal(token) for token in tokens]
    fitting = [
        len(phrase.split()) for phrase in phrases if plain[: len(phrase.split())] == phrase.split()
    ]
    return max(fitting, default=0)


def _turned(phrase: str) -> str:
    return " ".join(reversed(phrase.split()))
