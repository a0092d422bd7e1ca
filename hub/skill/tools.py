"""What makes a function a tool: the decorators, and what is known of a function that has them."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from typing import Any, TypeVar

from hub.errors import SkillError
from hub.skill.kinds import Entities, schema, value
from hub.skill.services import ACTING, SERVICES

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

RISKS = ("R0", "R1", "R2", "R3")
"""What a tool may do: tell things; act, and be undone; what is asked for first; what lets somebody
in or takes protection away."""
WEEKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
SHORTEST_INTERVAL = 10.0
"""Seconds between two runs of a tool that runs by itself."""

ATTRIBUTE = "__hearth_tool__"


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
    risk: str = "R0"
    """One of RISKS."""
    undo: str = ""
    """Function of the skill that undoes it, called with the same arguments. Without one the hub
    puts back what the tool did to devices."""
    takes: float = 0.0
    """Seconds it may take; 0: as long as any tool."""
    spoken: bool = True
    """Whether people can ask for it. If not, it runs at events, by a schedule, or to undo."""
    events: tuple[Mapping[str, Any], ...] = ()
    """Changes at which it runs: `entities`, `domains`, `classes`, `areas`, `to`, `before` (lists,
    left out for any) and `lasting` (seconds)."""
    schedule: tuple[Mapping[str, Any], ...] = ()
    """When it runs: `{"every": seconds}` or `{"daily": "07:00:00", "days": [0, 6]}`."""
    kinds: Mapping[str, Any] = field(default_factory=dict)
    """Parameter -> its type, for arguments that come as JSON."""
    final: Mapping[str, str] = field(default_factory=dict)
    """Language -> why it cannot be undone, as it is said; empty if it can."""

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments as the function wants them, from JSON or as they are already."""
        return {name: value(self.kinds.get(name), each) for name, each in given.items()}

    @property
    def called(self) -> str:
        """Name of the function."""
        return self.function.__name__


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
    risk: str = "",
    undo: Function | str = "",
    final: str | Mapping[str, str] = "",
    takes: timedelta | float = 0.0,
    spoken: bool = True,
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

    `risk` is one of R0 (tells), R1 (acts), R2 (is asked for first), R3 (lets somebody in, or takes
    protection away); left out, R2 with a `confirm`, R1 for a tool that has devices or a service
    that acts, else R0. `undo` is a function that takes the same arguments and undoes it; what is
    done by `Home.call` the hub can undo itself, and so what is done to timers, the volume, the
    store and the schedule. `final` is the sentence (or a mapping from language to it) for what
    cannot be undone: 'What was sent cannot be taken back.' `takes` is the time (seconds, or a
    timedelta) that it may need where that is longer than the usual few seconds. Without `spoken`
    nobody can ask for it: it is for `Schedule` to run.

    Raises SkillError when it is defined wrongly: no docstring, or a parameter without a type that
    Hearth knows."""

    def decorate(function: F) -> F:
        by_language = phrases if isinstance(phrases, Mapping) else {"en": phrases}
        made = _made(function)
        asked = _by_language(confirm)
        made = replace(
            made,
            name=name,
            domains=tuple(domains),
            phrases={code: tuple(given) for code, given in by_language.items() if given},
            examples=tuple(examples),
            confirm=asked,
            classes=tuple(classes),
            named=named or bool(asked),
            single=single,
            anywhere=anywhere,
            about=about,
            risk=_risk(function, risk) or ("R2" if asked else made.risk),
            undo=undo if isinstance(undo, str) else undo.__name__,
            final=_by_language(final),
            takes=takes.total_seconds() if isinstance(takes, timedelta) else float(takes),
            spoken=spoken,
        )
        _keep(function, made)
        if callable(undo):
            _keep(undo, replace(_made(undo), spoken=False))
        return function

    return decorate


def on(
    *entities: str,
    domain: str | Sequence[str] = (),
    device_class: str | Sequence[str] = (),
    area: str | Sequence[str] = (),
    to: str | Sequence[str] = (),
    before: str | Sequence[str] = (),
    lasting: timedelta = timedelta(0),
) -> Callable[[F], F]:
    """Run a function when a device changes: `@on("binary_sensor.front_door", to="on")`, or any of
    a kind: `@on(domain="binary_sensor", device_class="door", to="on")`.

    `to` and `before` are states, `area` is a room's name; what is left out may be anything.
    `lasting`: only if it stays so for this long. The function may have a `Change` among its
    services; a string that it returns is announced. Raises SkillError without any device."""
    event: dict[str, Any] = {
        "entities": list(entities),
        "domains": _listed(domain),
        "classes": _listed(device_class),
        "areas": _listed(area),
        "to": _listed(to),
        "before": _listed(before),
        "lasting": lasting.total_seconds(),
    }
    event = {key: given for key, given in event.items() if given}

    def decorate(function: F) -> F:
        if not event.keys() & {"entities", "domains", "classes", "areas"}:
            raise SkillError(
                f"{_where(function)}: @on needs a device, a domain, a class or an area"
            )
        _keep(function, replace(_made(function), spoken=False, events=(event,)))
        return function

    return decorate


def every(
    *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
) -> Callable[[F], F]:
    """Run a function again and again: `@every(hours=1)`. A string that it returns is announced."""
    interval = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()

    def decorate(function: F) -> F:
        if interval < SHORTEST_INTERVAL:
            raise SkillError(f"{_where(function)}: @every needs {SHORTEST_INTERVAL:g} s or more")
        when = ({"every": interval},)
        _keep(function, replace(_made(function), spoken=False, schedule=when))
        return function

    return decorate


def daily(at: time, *, days: Iterable[int] = ()) -> Callable[[F], F]:
    """Run a function every day at a time, or on some days: `@daily(time(7), days=WEEKDAYS)`, with
    0 for Monday. A string that it returns is announced."""
    when: dict[str, Any] = {"daily": at.isoformat()}
    if chosen := sorted(set(days)):
        when["days"] = chosen

    def decorate(function: F) -> F:
        if not set(chosen) <= set(range(7)):
            raise SkillError(f"{_where(function)}: @daily knows the days 0 (Monday) to 6")
        _keep(function, replace(_made(function), spoken=False, schedule=(when,)))
        return function

    return decorate


def as_tool(function: Function) -> Tool:
    """A function that nobody can ask for, as the hub runs it. Raises SkillError for one without a
    docstring, or with a parameter without a type that Hearth knows."""
    made: Sequence[Tool] = function.__dict__.get(ATTRIBUTE, ())
    return replace(made[0] if made else _made(function), spoken=False)


def collect(module: Any) -> list[Tool]:
    """All tools of a module, in the order in which they are defined there. What runs a function at
    events or by a schedule is with the tool that people can ask for, if it is one."""
    found: list[Tool] = []
    for function in dict.fromkeys(
        each
        for each in vars(module).values()
        if inspect.isfunction(each) and each.__module__ == module.__name__
    ):
        found += _together(function.__dict__.get(ATTRIBUTE, ()))
    for each in found:
        if each.undo and each.undo not in {other.called for other in found}:
            undoing = getattr(module, each.undo, None)
            if not inspect.isfunction(undoing):
                raise SkillError(
                    f"{_where(each.function)}: there is no function {each.undo} to undo it"
                )
            found.append(replace(_made(undoing), spoken=False))
    return found


def _together(tools: Sequence[Tool]) -> list[Tool]:
    """The tools of one function, with what runs it by itself in the first of them."""
    spoken = [each for each in tools if each.spoken]
    # Decorators are applied from the last line to the first.
    events = tuple(event for each in reversed(tools) for event in each.events)
    schedule = tuple(when for each in reversed(tools) for when in each.schedule)
    first, *more = spoken or tools[:1] or (None,)
    if first is None:
        return []
    return [replace(first, events=events, schedule=schedule), *(more if spoken else ())]


def _made(function: Function) -> Tool:
    """What a function tells of itself."""
    parameters, services, targets, kinds = _signature(function)
    description = inspect.getdoc(function)
    if not description:
        raise SkillError(f"{_where(function)}: a tool needs a docstring that says what it does")
    acts = targets is not None or bool(set(services.values()) & ACTING)
    return Tool(
        function,
        None,
        (),
        {},
        (),
        {},
        parameters,
        services,
        targets,
        description.splitlines()[0],
        risk="R1" if acts else "R0",
        kinds=kinds,
    )


def _keep(function: Function, made: Tool) -> None:
    function.__dict__.setdefault(ATTRIBUTE, []).append(made)


def _risk(function: Function, risk: str) -> str:
    if risk and risk not in RISKS:
        raise SkillError(f"{_where(function)}: the risk is one of {', '.join(RISKS)}, not {risk!r}")
    return risk


def _listed(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _by_language(text: str | Mapping[str, str]) -> dict[str, str]:
    return {"en": text} if text and isinstance(text, str) else dict(text or {})


def _where(function: Function) -> str:
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}: {function.__name__}"


def _signature(
    function: Function,
) -> tuple[dict[str, Any], dict[str, str], str | None, dict[str, Any]]:
    """JSON schema of the arguments, the services asked for, the parameter for the devices, and the
    types of the arguments."""
    hints = typing.get_type_hints(function, include_extras=True)
    properties: dict[str, Any] = {}
    required: list[str] = []
    services: dict[str, str] = {}
    kinds: dict[str, Any] = {}
    targets = None
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints:
            raise SkillError(f"{_where(function)}: the parameter '{name}' needs a type")
        hint = hints[name]
        if service := _service(hint):
            services[name] = service
        elif hint is Entities:
            targets = name
        else:
            properties[name] = schema(hint, f"{_where(function)}: the parameter '{name}'")
            kinds[name] = hint
            if parameter.default is inspect.Parameter.empty:
                required.append(name)
    found = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return found, services, targets, kinds


def _service(hint: Any) -> str | None:
    try:
        return SERVICES.get(hint)
    except TypeError:  # a type that cannot be a key, such as one annotated with a list
        return None
