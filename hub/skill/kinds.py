"""What a person can say a value of: the types of a tool's parameters, and their JSON schema.

    str                                   free text
    int, float, Annotated[int, Range(1, 12)]
    bool
    Literal["small", "large"], an Enum
    timedelta                             'ten minutes', 'an hour and a half'
    date, time, datetime                  'next friday', 'half past seven', 'tomorrow at nine'
    Area                                  'the kitchen'
    Annotated[Entity, Domain("light")]    'the desk lamp'

Values travel as JSON: a duration as ISO 8601 (`PT10M`), a device as an object. `plain` and `value`
are the two directions.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hub.errors import SkillError
from hub.home.things import Area, Entity


@dataclass(frozen=True, slots=True)
class Range:
    """Limits of a whole or broken number: `Annotated[int, Range(1, 12)]`. Of a duration in the
    unit `s`, `min`, `h` or `d`: `Annotated[timedelta, Range(1, 90, "min")]`."""

    low: float
    high: float
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """How the choices of a `Literal` or `Enum` are said: language -> what is said (hassil's
    notation) -> choice. In other languages they are said as they are written."""

    words: Mapping[str, Mapping[str, Any]]


class Domain:
    """Of which domains a device may be: `Annotated[Entity, Domain("light", "switch")]`."""

    def __init__(self, *domains: str, device_class: str | Sequence[str] = ()) -> None:
        self.domains = domains
        self.classes = (device_class,) if isinstance(device_class, str) else tuple(device_class)


class AnyTime:
    """`Annotated[str, AnyTime()]`: words for any time that `Agenda.read` understands, also 'every
    weekday at seven'. A sentence without one is not meant for the tool."""


Percent = Annotated[int, Range(0, 100, "%")]
Kelvin = Annotated[int, Range(1000, 12000, "K")]
Minutes = Annotated[int, Range(1, 1440, "min")]

UNITS: Mapping[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 86400}
"""Units of a `Range` of durations -> seconds."""

PLAIN: Mapping[Any, Mapping[str, str]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    timedelta: {"type": "string", "format": "duration"},
    date: {"type": "string", "format": "date"},
    time: {"type": "string", "format": "time"},
    datetime: {"type": "string", "format": "date-time"},
    Area: {"type": "string", "format": "area"},
    Entity: {"type": "string", "format": "entity"},
}

MOMENTS = ("duration", "date", "time", "date-time")
"""Formats of what is told of time. Arguments hold the words that were said, or ISO 8601."""

ANY_TIME = "any-time"
"""Format of free text that must be words for a time."""


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


def schema(hint: Any, place: str) -> dict[str, Any]:
    """JSON schema of a type that a person can say a value of. `place` begins the SkillError that
    is raised for another one."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _annotated(hint, place)
    if origin in (Union, types.UnionType):
        kinds = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(kinds) == 1:
            return schema(kinds[0], place)
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [choice_of(member) for member in hint]}
    if hint in PLAIN:
        return dict(PLAIN[hint])
    raise SkillError(
        f"{place} has the type {hint!r}, which cannot be said; use str, int, float, bool, "
        "Literal, an Enum, timedelta, date, time, datetime, Annotated[..., Range(...)], Area, "
        "Entity, Entities or a service"
    )


def _annotated(hint: Any, place: str) -> dict[str, Any]:
    base, *extras = get_args(hint)
    found = schema(base, place)
    for extra in extras:
        if isinstance(extra, Range):
            if found.get("format") == "duration" and extra.unit not in UNITS:
                raise SkillError(
                    f"{place}: the range of a duration needs a unit, one of {', '.join(UNITS)}"
                )
            found |= {"minimum": extra.low, "maximum": extra.high}
            if extra.unit:
                found["unit"] = extra.unit
        elif isinstance(extra, Said):
            found["said"] = extra.words
        elif isinstance(extra, AnyTime):
            found["format"] = ANY_TIME
        elif isinstance(extra, Domain):
            found["domains"] = list(extra.domains)
            if extra.classes:
                found["classes"] = list(extra.classes)
    return found


def bare(hint: Any) -> Any:
    """A type without `Annotated` and without `| None`."""
    origin = get_origin(hint)
    if origin is Annotated:
        return bare(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        kinds = [arg for arg in get_args(hint) if arg is not type(None)]
        return bare(kinds[0]) if len(kinds) == 1 else hint
    return hint


def choice_of(member: Enum) -> Any:
    """How a member of an Enum is said and sent: its value, or its name if that is no plain one."""
    if isinstance(member.value, str | int) and not isinstance(member.value, bool):
        return member.value
    return member.name.lower()


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Enum):
        return choice_of(value)
    if isinstance(value, timedelta):
        return f"PT{value.total_seconds():g}S"
    if isinstance(value, date | time):  # a datetime is a date, too
        return value.isoformat()
    if isinstance(value, Entity | Area):
        return asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | Entities):
        return [plain(each) for each in value]
    return value


def value(hint: Any, given: Any) -> Any:
    """What a function wants of JSON; what it is already stays. Raises ValueError for text that is
    no such value."""
    kind = bare(hint)
    if given is None or not isinstance(kind, type) or isinstance(given, kind):
        return given
    if issubclass(kind, Enum):
        return next((member for member in kind if choice_of(member) == given), given)
    if kind is timedelta:
        return duration(given)
    if kind in (date, time, datetime) and isinstance(given, str):
        return kind.fromisoformat(given)
    if kind in (Entity, Area) and isinstance(given, Mapping):
        return _thing(kind, given)
    return given


def _thing(kind: Any, given: Mapping[str, Any]) -> Any:
    """An entity or area of a JSON object; what that has besides is left out."""
    known = {field.name for field in fields(kind)} & given.keys()
    return kind(**{k: tuple(given[k]) if isinstance(given[k], list) else given[k] for k in known})


_ISO = re.compile(
    r"(?P<sign>-)?P(?:(?P<weeks>[\d.]+)W)?(?:(?P<days>[\d.]+)D)?"
    r"(?:T(?:(?P<hours>[\d.]+)H)?(?:(?P<minutes>[\d.]+)M)?(?:(?P<seconds>[\d.]+)S)?)?"
)


def duration(given: Any) -> timedelta:
    """A duration of ISO 8601 text (`PT1H30M`) or a number of seconds. Raises ValueError."""
    if isinstance(given, int | float):
        return timedelta(seconds=given)
    found = _ISO.fullmatch(str(given).strip())
    if found is None or len(str(given).strip()) < 3:
        raise ValueError(f"{given!r} is no duration of ISO 8601, such as PT10M")
    parts = {
        name: float(text) for name, text in found.groupdict().items() if name != "sign" and text
    }
    length = timedelta(**parts)
    return -length if found["sign"] else length
