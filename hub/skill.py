"""The author's side of a skill. A skill imports this module and nothing else of Hearth.

A skill is a folder with a `skill.py`; a tool is a typed function in it:

    from hub.skill import Minutes, tool

    @tool(phrases=["flip a coin", "(toss|throw) a coin"])
    def flip() -> str:
        \"\"\"Flip a coin.\"\"\"
        return random.choice(["Heads.", "Tails."])

The docstring tells people and the language model what it is for; the phrases (hassil's notation,
`{parameter}` for an argument) are understood at once; the annotations are the schema of the
arguments. A parameter annotated with a service (`Home`, `Conversation`, `Speaker`, `Clock`,
`Timers`, `Tools`, `Where`) is given that service and is no argument.

A tool that acts on devices names a Home Assistant intent and the domains it serves, and gets the
devices that were meant as `Entities`:

    @tool("HassTurnOn", domains=["fan"], examples=["turn on the bedroom fan"])
    async def turn_on(fans: Entities, home: Home) -> None:
        \"\"\"Turn fans on.\"\"\"
        await home.call("fan.turn_on", fans)

Returning nothing lets the hub say what happened, from what the devices report. Returning a string
says that; returning `Ask` asks, and keeps listening for the answer; returning `Answer` lets the
hub word what was found.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, TypeVar, Union, get_args, get_origin

from hub.errors import SkillError
from hub.home.model import Area, Entity, Floor, State
from hub.messages import Call, Outcome, ToolSpec
from hub.timers.timer import Timer

__all__ = [
    "Answer",
    "Area",
    "Ask",
    "Call",
    "Clock",
    "Conversation",
    "Entities",
    "Entity",
    "Floor",
    "Home",
    "Kelvin",
    "Minutes",
    "Outcome",
    "Percent",
    "Range",
    "Said",
    "Speaker",
    "State",
    "Timer",
    "Timers",
    "Tools",
    "Where",
    "by_a_bit",
    "tool",
]


@dataclass(frozen=True, slots=True)
class Range:
    """Limits of a whole or broken number: `Annotated[int, Range(1, 12)]`."""

    low: float
    high: float
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """How the choices of a `Literal` are said: language -> what is said (hassil's notation) ->
    choice. In other languages they are said as they are written."""

    words: Mapping[str, Mapping[str, Any]]


def by_a_bit(phrases: Sequence[str]) -> list[str]:
    """English phrases of a tool that goes a step ('brighter'): each may end in 'a bit', and holds
    such words where `<bit>` stands. Of any other tool they would ask for what it does not do."""
    bit = "(a (bit|tad|little [bit])|slightly)"
    return [f"{phrase} [<bit>]".replace("<bit>", bit) for phrase in phrases]


Percent = Annotated[int, Range(0, 100, "%")]
Kelvin = Annotated[int, Range(1000, 12000, "K")]
Minutes = Annotated[int, Range(1, 1440, "min")]


class Entities(Sequence[Entity]):
    """The devices that were meant, already found by name, area, floor, domain and class.

    `said` is False if no name, kind or place was said: then a tool that is `anywhere` has all it
    serves here, and finds out by itself what is meant."""

    def __init__(self, entities: Sequence[Entity], *, said: bool = True) -> None:
        self._entities = tuple(entities)
        self.said = said

    def __len__(self) -> int:
        return len(self._entities)

    def __getitem__(self, index: Any) -> Any:
        return self._entities[index]

    def __iter__(self) -> Iterator[Entity]:
        return iter(self._entities)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question back; the microphone stays open for the answer.

    `yes` is run when the answer is yes, one of `choices` when the answer names it; any other
    answer drops the question."""

    question: str
    yes: tuple[Call, ...] = ()
    choices: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    """Answer -> what is then done."""
    lacking: Call | None = None
    """The call that something was missing from: whoever takes what is said next for that finds it
    in `Conversation.lacking`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Facts that answer a question; the hub words them in the language that was spoken."""

    matched: Sequence[Entity] = ()
    """Devices of which it is true, or the one that was asked about."""
    unmatched: Sequence[Entity] = ()
    """Devices that were looked at and of which it is not true."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else the sentence needs, such as `{"time": datetime.time}`."""
    about: str = ""
    """What this has spoken of, where that is no device: until something else is spoken of, the
    phrases of tools that are `about` the same are tried, and first."""


class Home(Protocol):
    """The home, as far as a skill may see and act on it."""

    async def call(self, service: str, entities: Sequence[Entity], /, **data: Any) -> list[Outcome]:
        """Call a Home Assistant service such as `light.turn_on` and wait (bounded) until each
        device reports what was asked for. What they report is also kept as the tool's outcome."""
        ...

    def state(self, entity: Entity) -> State: ...

    def find(
        self,
        *,
        name: str | None = None,
        area: str | None = None,
        floor: str | None = None,
        domains: Sequence[str] = (),
        device_class: str | None = None,
    ) -> Entities:
        """Entities that fit all that is given."""
        ...

    def lets_in(self, entity: Entity) -> bool:
        """Whether it may open a way into the house, and is not to be switched among others."""
        ...

    def area(self, entity: Entity) -> Area | None: ...


class Speaker(Protocol):
    """The hub's own loudspeaker."""

    @property
    def volume(self) -> float:
        """0-1"""
        ...

    @property
    def muted(self) -> bool: ...

    async def set_volume(self, volume: float) -> None:
        """0-1; outside of it is brought to the nearest limit."""
        ...

    async def set_muted(self, muted: bool) -> None: ...

    async def stop(self) -> None:
        """Be silent now."""
        ...


class Conversation(Protocol):
    """What was said before, in this room."""

    @property
    def last_reply(self) -> str | None: ...

    @property
    def lacking(self) -> Call | None:
        """What it was asked about (`Ask.lacking`) just before what is said now."""
        ...

    def forget(self) -> None:
        """Drop a pending question and what 'it' and 'them' refer to."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Local time, aware of its zone."""
        ...


class Timers(Protocol):
    """The hub's timers. They outlive the hub, and ring in the room."""

    @property
    def rings(self) -> bool:
        """Whether anybody will be told when one runs out: only a running hub can."""
        ...

    @property
    def full(self) -> bool:
        """Whether there are as many as there may be."""
        ...

    @property
    def kept(self) -> bool:
        """Whether the last change is on the disk. A timer runs all the same."""
        ...

    def all(self) -> Sequence[Timer]:
        """The one that runs out next first."""
        ...

    def left(self, timer: Timer) -> float:
        """Seconds until it rings."""
        ...

    def find(
        self,
        *,
        name: str | None = None,
        seconds: float | None = None,
        area: str | None = None,
        here: str | None = None,
    ) -> Sequence[Timer]:
        """Timers that fit all that is given: name or id, what it was set to, the room. Of several
        the only one in the room `here`, if there is one."""
        ...

    def speak_of(self, timer: Timer, area: str | None) -> None:
        """In this room 'it' now means this timer, for a while."""
        ...

    def it(self, area: str | None) -> Timer | None:
        """The timer that was spoken of last in this room."""
        ...

    async def obstacle(self, command: str, area: str | None, language: str) -> str | None:
        """Why a command would not be done later, out of all context, when nobody attends: a key
        for `trouble`. None if it would."""
        ...

    async def start(
        self,
        seconds: float,
        *,
        name: str | None = None,
        command: str | None = None,
        area: str | None = None,
        language: str = "en",
    ) -> Timer:
        """A new one; with a `command`, that is run as if it had been said in the room."""
        ...

    async def change(self, timer: Timer, seconds: float) -> Timer:
        """More time, or less."""
        ...

    async def pause(self, timer: Timer) -> Timer: ...

    async def resume(self, timer: Timer) -> Timer: ...

    async def cancel(self, *timers: Timer) -> None: ...

    def facts(self, timer: Timer, language: str) -> dict[str, Any]:
        """A timer for the templates of replies: `label`, `left`, and what the field uses."""
        ...

    def duration(self, seconds: float, language: str) -> str:
        """`1 hour and 30 minutes`"""
        ...

    def trouble(self, key: str, language: str) -> str:
        """Why nothing is done: `none`, `not_found`, `full`, `how_long`, `how_much`, `silent`,
        `do_what`, `would_ask`."""
        ...

    def which(self, timers: Sequence[Timer], language: str) -> str:
        """A question which of them is meant."""
        ...


class Tools(Protocol):
    """What can be said."""

    def specs(self) -> Sequence[ToolSpec]: ...


@dataclass(frozen=True, slots=True)
class Where:
    """Where and how the person spoke."""

    area: str | None = None
    """Name of the room, if known."""
    language: str = "en"

    def say(self, en: str, **other: str) -> str:
        """The sentence in the language of the person: `where.say("Heads.", de="Kopf.")`."""
        return other.get(self.language.split("-")[0], en)


SERVICES: Mapping[Any, str] = {
    Home: "home",
    Speaker: "speaker",
    Conversation: "conversation",
    Clock: "clock",
    Timers: "timers",
    Tools: "tools",
    Where: "where",
}
"""Parameter annotations that are filled by the hub."""

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function with all that is known about it."""

    function: Function
    name: str | None
    """Home Assistant's intent, or None for a tool of the skill's own."""
    domains: tuple[str, ...]
    phrases: Mapping[str, tuple[str, ...]]
    examples: tuple[str, ...]
    confirm: Mapping[str, str]
    """Language -> question that is asked before it may run; empty if it just runs."""
    parameters: Mapping[str, Any]
    """JSON schema of the arguments."""
    services: Mapping[str, str]
    """Parameter -> service it is given."""
    targets: str | None
    """Parameter that gets the Entities, if there is one."""
    description: str = field(default="")
    classes: tuple[str, ...] = ()
    """Device classes it is for; empty for all."""
    named: bool = False
    """Only for devices whose name or kind was said."""
    single: bool = False
    """For one device at a time."""
    anywhere: bool = False
    """It finds out by itself what is meant where nothing was said of that."""
    about: str = ""
    """Its phrases are only for when this was spoken of last (`Answer.about`)."""


ATTRIBUTE = "__hearth_tool__"


def tool(
    name: str | None = None,
    *,
    domains: Sequence[str] = (),
    classes: Sequence[str] = (),
    phrases: Sequence[str] | Mapping[str, Sequence[str]] = (),
    examples: Sequence[str] = (),
    confirm: str | Mapping[str, str] = "",
    named: bool = False,
    single: bool = False,
    anywhere: bool = False,
    about: str = "",
) -> Callable[[F], F]:
    """Make a function a tool.

    `name` is a Home Assistant intent, for tools that the shared sentences can call; without it the
    tool is named `skill.function`. Among several tools of one name each device goes to the one
    that serves its domain, first of all to one that names its device class in `classes`.
    `phrases` are English sentence templates, or a mapping from language to them. A function may
    carry the decorator several times.

    `confirm` is a question that is asked before the tool may run, with `{names}` for the devices:
    'Unlock the {names}?'; or a mapping from language to it. Such a tool acts on one device at a
    time, and never on one that was only swept along ('open everything').
    `named` keeps devices out unless their name or kind was said: 'turn everything on' opens no
    blinds. `single` is for what is meant for one device: where nothing else was said, the one in
    the speaker's room, or the only one. `anywhere` is for what may be meant wherever it is
    ('louder'): where nothing was said, the tool gets all it serves, maybe none, and decides.
    `about` keeps phrases such as 'cancel it' for when such a thing was spoken of last.

    Raises SkillError when it is defined wrongly: no docstring, or a parameter without a type that
    Hearth knows."""

    def decorate(function: F) -> F:
        by_language = phrases if isinstance(phrases, Mapping) else {"en": phrases}
        schema, services, targets = _signature(function)
        description = inspect.getdoc(function)
        if not description:
            raise SkillError(f"{_where(function)}: a tool needs a docstring that says what it does")
        made = Tool(
            function,
            name,
            tuple(domains),
            {language: tuple(given) for language, given in by_language.items() if given},
            tuple(examples),
            _by_language(confirm),
            schema,
            services,
            targets,
            description.splitlines()[0],
            tuple(classes),
            named or bool(confirm),
            single,
            anywhere,
            about,
        )
        function.__dict__.setdefault(ATTRIBUTE, []).append(made)
        return function

    return decorate


def _by_language(text: str | Mapping[str, str]) -> dict[str, str]:
    return {"en": text} if text and isinstance(text, str) else dict(text or {})


def _where(function: Function) -> str:
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}: {function.__name__}"


def _signature(function: Function) -> tuple[dict[str, Any], dict[str, str], str | None]:
    """JSON schema of the arguments, the services asked for, and the parameter for the devices."""
    hints = typing.get_type_hints(function, include_extras=True)
    properties: dict[str, Any] = {}
    required: list[str] = []
    services: dict[str, str] = {}
    targets = None
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints:
            raise SkillError(f"{_where(function)}: the parameter '{name}' needs a type")
        hint = hints[name]
        if hint in SERVICES:
            services[name] = SERVICES[hint]
        elif hint is Entities:
            targets = name
        else:
            properties[name] = _schema(hint, f"{_where(function)}: the parameter '{name}'")
            if parameter.default is inspect.Parameter.empty:
                required.append(name)
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return schema, services, targets


def _schema(hint: Any, place: str) -> dict[str, Any]:
    """JSON schema of a type that a person can say a value of."""
    origin = get_origin(hint)
    if origin is Annotated:
        base, *extras = get_args(hint)
        schema = _schema(base, place)
        for extra in extras:
            if isinstance(extra, Range):
                schema |= {"minimum": extra.low, "maximum": extra.high}
                if extra.unit:
                    schema["unit"] = extra.unit
            elif isinstance(extra, Said):
                schema["said"] = extra.words
        return schema
    if origin in (Union, types.UnionType):
        kinds = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(kinds) == 1:
            return _schema(kinds[0], place)
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    plain = {str: "string", int: "integer", float: "number", bool: "boolean"}
    if hint in plain:
        return {"type": plain[hint]}
    if hint is Area:
        return {"type": "string", "format": "area"}
    raise SkillError(
        f"{place} has the type {hint!r}, which cannot be said; use str, int, float, bool, "
        "Literal, Annotated[..., Range(...)], Area, Entities or a service"
    )


Result = None | str | Ask | Answer
Runner = Callable[..., Awaitable[Result]]
