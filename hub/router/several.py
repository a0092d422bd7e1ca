"""Questions about several things in one sentence: 'are the front door and the side door locked'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hub.home.model import normal
from hub.router.compound import split, together
from hub.router.reading import Reading
from hub.router.words import Words

LONGEST_STATE = 2
"""Words for a state at the end of such a question: 'switched on'."""
STATE = "HassGetState"
"""The intent that asks for the state of a thing."""


def singly(text: str, words: Words, spoken_of: Sequence[str]) -> Iterator[list[str]]:
    """The questions for each of the things, if it may be one about several.

    `spoken_of`: names of the things that 'they' means."""
    tokens = text.split()
    opener = words.of_several.get(normal(tokens[0])) if tokens else None
    if opener is None:
        return
    for count in range(1, min(LONGEST_STATE, len(tokens) - 2) + 1):
        about, state = tokens[1:-count], tokens[-count:]
        pronoun = normal(" ".join(about)) in words.plural
        named = [list(spoken_of)] if pronoun else split(" ".join(about), words)
        for things in named:
            if len(things) > 1:
                yield [" ".join([opener, thing, *state]) for thing in things]


def of_them(text: str, words: Words) -> bool:
    """Whether it is a question about what was spoken of: 'are they locked', 'sind sie zu', where
    the pronoun alone may mean one thing, too."""
    tokens = normal(text).split()
    return len(tokens) > 2 and tokens[0] in words.of_several and tokens[1] in words.plural


def states(readings: Sequence[Reading]) -> Reading | None:
    """One reading that asks for the state of each thing, which says more than 'yes' and 'no' in a
    row; None if one of them asks for anything else."""
    told = []
    for reading in readings:
        call = reading.calls[0]
        if len(reading.calls) > 1 or call.tool != STATE or "name" not in call.arguments:
            return None
        name = {"name": call.arguments["name"]}
        told.append(replace(reading, calls=(replace(call, arguments=name, response="one"),)))
    return together(told)
