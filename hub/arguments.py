"""Arguments of a call, brought into the types that a tool's JSON schema asks for.

What comes from speech or a language model is text as often as not: "40" is 40 where a number is
wanted. What cannot be meant is refused with the reason, as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from hub.home.model import Entity, Home, normal
from hub.home.targets import resolve
from hub.language import moments
from hub.router.numbers import numbers
from hub.skill.kinds import MOMENTS, UNITS


@dataclass(frozen=True, slots=True)
class Unfit:
    """An argument that cannot be."""

    parameter: str
    value: Any = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    """What it could have been."""
    absent: bool = False
    """It is needed and was not given."""
    unknown: bool = False
    """The tool has no such parameter."""


def fit(
    schema: Mapping[str, Any],
    given: Mapping[str, Any],
    home: Home,
    *,
    language: str = "en",
    now: datetime | None = None,
) -> tuple[dict[str, Any], Unfit | None]:
    """The arguments in their types (an area becomes an `Area`, 'ten minutes' a `timedelta`), or
    the first that is unfit. `language` is the one of the words among them, `now` what 'tomorrow'
    is counted from."""
    now = now or datetime.now().astimezone()
    properties: Mapping[str, Any] = schema.get("properties", {})
    fitted: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in properties:
            return {}, Unfit(name, value, unknown=True)
        fitting, unfit = _fit_one(name, properties[name], value, home, language, now)
        if unfit is not None:
            return {}, unfit
        fitted[name] = fitting
    for name in schema.get("required", ()):
        if name not in fitted:
            return {}, _unfit(name, properties[name], None, absent=True)
    return fitted, None


def _fit_one(
    name: str, schema: Mapping[str, Any], value: Any, home: Home, language: str, now: datetime
) -> tuple[Any, Unfit | None]:
    if schema.get("format") in MOMENTS:
        return _moment(name, schema, value, language, now)
    if schema.get("format") == "entity":
        entity = value if isinstance(value, Entity) else _entity(schema, str(value), home)
        return entity, None if entity else _unfit(name, schema, value)
    if schema.get("format") == "area":
        area = home.find_area(str(value))
        choices = tuple(a.name for a in home.areas.values())
        return area, None if area else Unfit(name, value, choices=choices)
    if "enum" in schema:
        said = normal(str(value))
        found = [choice for choice in schema["enum"] if said in _said(choice)]
        return (found[0], None) if found else (None, _unfit(name, schema, value))
    if isinstance(value, str) and schema["type"] in ("integer", "number"):
        value = value.strip().removesuffix("%").removesuffix(str(schema.get("unit", ""))).strip()
        if len(told := numbers(value, language)) == 1:
            value = told[0]  # 'three', 'about three eggs'
    try:
        return _adapter(
            schema["type"], schema.get("minimum"), schema.get("maximum")
        ).validate_python(value), None
    except ValidationError:
        return None, _unfit(name, schema, value)


def _said(choice: Any) -> tuple[str, str]:
    return normal(str(choice)), normal(str(choice).replace("_", " "))


def _moment(
    name: str, schema: Mapping[str, Any], value: Any, language: str, now: datetime
) -> tuple[Any, Unfit | None]:
    """A duration, a day or a time, of words or ISO 8601."""
    if isinstance(value, int | float) and schema["format"] == "duration":
        value = f"PT{value}S"
    found = moments.read(str(value), schema["format"], language, now)
    if found is None:
        return None, _unfit(name, schema, value)
    if isinstance(found, timedelta) and "minimum" in schema:
        unit = UNITS[schema["unit"]]
        if not schema["minimum"] <= found.total_seconds() / unit <= schema["maximum"]:
            return None, _unfit(name, schema, value)
    return found, None


def _entity(schema: Mapping[str, Any], said: str, home: Home) -> Entity | None:
    """The one device of the wanted kind that is called so."""
    domains, classes = schema.get("domains", ()), schema.get("classes", ())
    found = resolve(home, {"name": said}, domains=domains)
    several = found.entities or (found.missing.candidates if found.missing else ())
    fitting = [each for each in several if not classes or each.device_class in classes]
    exact = [each for each in fitting if normal(said) in map(normal, each.names)]
    return (exact or fitting)[0] if len(exact or fitting) == 1 else None


def _unfit(name: str, schema: Mapping[str, Any], value: Any, *, absent: bool = False) -> Unfit:
    return Unfit(
        name,
        value,
        schema.get("minimum"),
        schema.get("maximum"),
        schema.get("unit", ""),
        tuple(str(choice) for choice in schema.get("enum", ())),
        absent,
    )


@lru_cache(maxsize=256)
def _adapter(kind: str, low: float | None, high: float | None) -> TypeAdapter[Any]:
    plain: Any = {"integer": int, "number": float, "boolean": bool}.get(kind, str)
    bounded: Any = plain if low is None else Annotated[plain, Field(ge=low, le=high)]
    return TypeAdapter(bounded, config=ConfigDict(coerce_numbers_to_str=True))
