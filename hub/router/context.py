"""What the router knows besides the words: the room, and what was spoken of before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub.messages import Call


@dataclass(frozen=True, slots=True)
class Target:
    """What a call was about, by ids, so that 'it' and 'them' can mean it again."""

    entity: str | None = None
    area: str | None = None
    floor: str | None = None
    domain: str | None = None
    device_class: str | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """What the calls of one turn were about, in the order they were said."""

    things: tuple[Target, ...] = ()
    said: str = field(default="", compare=False)
    """The words of that turn."""
    calls: tuple[Call, ...] = field(default=(), compare=False)
    """What was understood, with names as in all calls."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where the person is, and what was understood before."""

    area: str | None = None
    """Name of the room the person is in."""
    targets: Any = None
    """`Intent.targets` of the previous understood turn."""
    about: str = ""
    """What was spoken of last, where that is no device (`ToolSpec.about`)."""
    wake: str | None = None
    """The wake phrase, which may still stand at the beginning of what was recognised."""
