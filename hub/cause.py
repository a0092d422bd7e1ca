"""Who or what caused what is being done: kept beside the work, not handed through every function.

    with caused("timer", area="Kitchen"):
        await assistant.say(command)

A turn sets its own; what runs inside it has it, too. What a tool does later, when its turn is over,
it does with the cause that it was begun with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Source = Literal["voice", "phone", "timer", "routine", "skill", "outside"]
"""`voice` is said in a room, or typed; `phone` came from a program elsewhere; `skill` was done by a
skill itself; `outside` is what nobody here caused."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is done."""

    source: Source
    area: str | None = None
    """Name of the room it was wanted in."""
    person: str | None = None
    """Who wanted it, if that is known."""
    turn: str = ""
    """`Trace.token` of the turn it was said in."""


_cause: ContextVar[Cause | None] = ContextVar("cause", default=None)


def cause() -> Cause | None:
    """Why what runs here is done; None if nobody has said."""
    return _cause.get()


def same_person(one: str | None, other: str | None) -> bool:
    """Whether two names are of one person, however they are written."""
    if one is None or other is None:
        return one is other
    return one.casefold() == other.casefold()


@contextmanager
def because(why: Cause | None) -> Iterator[None]:
    """What is done within has this cause."""
    before = _cause.set(why)
    try:
        yield
    finally:
        _cause.reset(before)


@contextmanager
def caused(
    source: Source, *, area: str | None = None, person: str | None = None, turn: str = ""
) -> Iterator[None]:
    """What is done within is done by this source."""
    with because(Cause(source, area, person, turn)):
        yield
