"""A tool with its skill, the turn that a call is part of, and what became of the call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from hub.arguments import Unfit
from hub.errors import HearthError
from hub.home.hands import Held
from hub.home.model import Entity
from hub.home.targets import Missing
from hub.messages import Call, Outcome, ToolSpec
from hub.skill import Answer, Ask, Change, Tool, Where
from hub.skills.languages import Language
from hub.skills.talk import Memory
from hub.skills.undo import Deed

if TYPE_CHECKING:
    from collections.abc import Sequence


class Loudspeaker(Protocol):
    """The hub's own loudspeaker, of which each run of a tool is given a `Speaker`."""

    @property
    def volume(self) -> float: ...

    @property
    def muted(self) -> bool: ...

    async def set_volume(self, volume: float) -> None: ...

    async def set_muted(self, muted: bool) -> None: ...

    async def stop(self) -> None: ...


@runtime_checkable
class OfRooms(Protocol):
    """A service that is another one in another room."""

    def in_room(self, room: str | None) -> Any:
        """That of a room, by its name; None: where the hub is."""
        ...


class Waiting(Protocol):
    """A tool that has asked, and waits for the answer."""

    question: str
    free: bool
    """Any words may be the answer."""

    @property
    def over(self) -> bool:
        """Whether it waits no more."""
        ...

    def read(self, readings: Sequence[str], language: str) -> tuple[str, Any] | None:
        """The first reading of what was said that is an answer, and its value; None if none is."""
        ...

    async def answer(self, value: Any) -> Performed:
        """Let the tool go on with the answer; what comes of it."""
        ...

    def drop(self) -> None:
        """There will be no answer."""
        ...


@dataclass(frozen=True, slots=True)
class Performed:
    """What became of one call."""

    outcomes: tuple[Outcome, ...] = ()
    said: str | None = None
    """What the skill wants said."""
    ask: Ask | None = None
    """A question to ask; what it is about has not been done."""
    answer: Answer | None = None
    """Facts that are to be worded."""
    missing: Missing | None = None
    """Nothing was done, because no device was found, or more than one."""
    unfit: Unfit | None = None
    """Nothing was done, because an argument cannot be."""
    error: HearthError | None = None
    """Something went wrong; `outcomes` has what was done before."""
    waiting: Waiting | None = None
    """The tool that waits for the answer to `ask`."""
    deeds: tuple[Deed, ...] = ()
    """What can be undone."""
    refused: bool = False
    """It is not allowed, and `said` tells why."""
    held: tuple[Held, ...] = ()
    """What was not done, because something has to come first."""
    unkept: bool = False
    """It was done, but the disk did not take what was to be kept of it."""


Later = Callable[[Call, Performed], Awaitable[None]]
"""Tells what a tool says after its turn was over."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A tool and the skill it is of."""

    skill: str
    tool: Tool
    languages: Mapping[str, Language] = field(default_factory=dict)
    """What the skill says in each language."""
    foreign: bool = False
    """Of a pack."""

    @property
    def name(self) -> str:
        return self.tool.name or f"{self.skill}.{self.tool.called}"

    def serves(self, entity: Entity) -> bool:
        tool = self.tool
        return (not tool.domains or entity.domain in tool.domains) and (
            not tool.classes or entity.device_class in tool.classes
        )

    def spec(self) -> ToolSpec:
        tool = self.tool
        parameters = dict(tool.parameters)
        if tool.targets:
            where = {slot: {"type": "string"} for slot in ("name", "area", "floor")}
            parameters["properties"] = {**where, **parameters["properties"]}
        return ToolSpec(
            self.name,
            tool.description,
            parameters,
            self.skill,
            tool.domains,
            tool.examples,
            tool.phrases,
            tool.anywhere,
            tool.about,
            self.foreign,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """What a call is part of."""

    call: Call
    where: Where
    confirmed: bool
    memory: Memory
    unplaced: bool = False
    """Nothing was said of what is meant, and the tool finds out by itself."""
    later: Later | None = None
    change: Change | None = None
    """What made the tool run by itself."""
    permit: str = "R1"
    """The class of what it may do (`hub.policy`)."""
    alone: bool = False
    """Nobody asked for it just now."""
