"""Arguments of a call, brought into the types that a tool's JSON schema asks for.

What comes from speech or a language model is text as often as not: "40" is 40 where a number is
wanted. What cannot be meant is refused with the reason, as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from hub.home.model import Home, normal


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
    schema: Mapping[str, Any], given: Mapping[str, Any], home: Home
) -> tuple[dict[str, Any], Unfit | None]:
    """The arguments in their types (an area becomes an `Area`), or the first that is unfit."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    fitted: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in properties:
            return {}, Unfit(name, value, unknown=True)
        fitting, unfit = _fit_one(name, properties[name], value, home)
        if unfit is not None:
            return {}, unfit
        fitted[name] = fitting
    for name in schema.get("required", ()):
        if name not in fitted:
            return {}, _unfit(name, properties[name], None, absent=True)
    return fitted, None


def _fit_one(
    name: str, schema: Mapping[str, Any], value: Any, home: Home
) -> tuple[Any, Unfit | None]:
    if schema.get("format") == "area":
        area = home.find_area(str(value))
        choices = tuple(a.name for a in home.areas.values())
        return area, None if area else Unfit(name, value, choices=choices)
    if "enum" in schema:
        said = normal(str(value))
        found = [choice for choice in schema["enum"] if normal(str(choice)) == said]
        return (found[0], None) if found else (None, _unfit(name, schema, value))
    if isinstance(value, str) and schema["type"] in ("integer", "number"):
        value = value.strip().removesuffix("%").removesuffix(str(schema.get("unit", ""))).strip()
    try:
        return _adapter(
            schema["type"], schema.get("minimum"), schema.get("maximum")
        ).validate_python(value), None
    except ValidationError:
        return None, _unfit(name, schema, value)


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
