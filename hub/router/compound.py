"""Several commands in one sentence: 'turn off the light and then close the blinds'."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from hub.home.model import normal
from hub.router.clean import COMMA
from hub.router.context import Targets
from hub.router.reading import Reading
from hub.router.words import Words

MOST_PARTS = 3
MOST_CONJUNCTIONS = 4
"""A sentence with more 'and's than this is a story."""
COMPOUND_QUALITY = 0.95
"""Relative to its worst part: there is no template for the whole."""


def split(text: str, words: Words) -> Iterator[list[str]]:
    """The ways to cut a sentence at its conjunctions, few parts first: 'salt and pepper' may be
    one thing."""
    tokens = list(_apart(text.split(), words))
    cuts = list(_cuts(tokens, words.conjunctions))[:MOST_CONJUNCTIONS]
    for count in range(1, MOST_PARTS):
        for chosen in combinations(cuts, count):
            parts = list(_parts(tokens, chosen))
            if all(parts):
                yield parts


def _apart(tokens: Sequence[str], words: Words) -> Iterator[str]:
    """The words, with conjunctions as words of their own where they are not written so."""
    for token in tokens:
        if words.attached:
            joined = next((c for c in words.conjunctions if token.startswith(c) and token != c), "")
            yield from (joined, token.removeprefix(joined)) if joined else (token,)
        elif words.unspaced and words.conjunctions:
            apart = re.split(f"({'|'.join(map(re.escape, words.conjunctions))})", token)
            yield from filter(None, apart)
        else:
            yield token


def repairs(text: str, words: Words) -> Iterator[tuple[str, str]]:
    """What stands before and behind words that take something back: 'no', 'I mean'. Only what was
    said last counts."""
    tokens = text.split()
    cuts: list[tuple[int, int]] = []
    for start, end in _cuts(tokens, words.repairs):
        joined = bool(cuts) and cuts[-1][1] == start  # 'sorry, I meant'
        cuts = [*cuts[:-1], (cuts[-1][0], end)] if joined else [*cuts, (start, end)]
    for start, end in reversed(cuts):
        before, after = " ".join(tokens[:start]), " ".join(tokens[end:])
        if before and after:
            yield before, after


def _cuts(tokens: Sequence[str], conjunctions: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where conjunctions begin and end; the longest at each place."""
    plain = [normal(token) for token in tokens]
    position = 0
    while position < len(tokens):
        if tokens[position] == COMMA:
            end = position + 1
            # ', and then' is one cut.
            after = next(_cuts(tokens[end:], conjunctions), None) if conjunctions else None
            if after is not None and after[0] == 0:
                end += after[1]
            yield position, end
            position = end
            continue
        for phrase in conjunctions:
            if not phrase.startswith(plain[position]):
                continue
            end = position + len(phrase.split())
            if " ".join(filter(None, plain[position:end])) == phrase:
                yield position, end
                position = end - 1
                break
        position += 1


def _parts(tokens: Sequence[str], cuts: Sequence[tuple[int, int]]) -> Iterator[str]:
    begin = 0
    for start, end in (*cuts, (len(tokens), len(tokens))):
        yield " ".join(tokens[begin:start])
        begin = end


def together(readings: Sequence[Reading]) -> Reading:
    """One reading of all parts, in the order they were said."""
    things = [t for reading in readings if reading.targets for t in reading.targets.things]
    return Reading(
        calls=tuple(call for reading in readings for call in reading.calls),
        tier=readings[0].tier,
        quality=COMPOUND_QUALITY * min(reading.quality for reading in readings),
        why=" + ".join(reading.why for reading in readings),
        open=readings[-1].open,
        targets=Targets(tuple(dict.fromkeys(things))) if things else None,
    )
