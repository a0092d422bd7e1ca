"""The tools and the home as other programs are shown them, and what is wrong with arguments.

Tools of several skills that share a name, one for lights and one for covers, are one tool here.
Only what voice may know of is shown: hidden devices do not exist.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.home.guarded import lets_in, unknown
from hub.home.model import Area, Entity, Home, normal
from hub.home.view import describe_state
from hub.messages import ToolSpec

PLACE = "A room, by its name."
TARGETS = {
    "name": "A device, by its name or entity_id as get_home lists it.",
    "area": PLACE,
    "floor": "A floor, by its name.",
    "domain": "Only devices of these kinds.",
    "device_class": "Only devices of this class, such as 'garage' or 'temperature'.",
}
"""Arguments that say which devices are meant."""

PLAIN = ("type", "enum", "minimum", "maximum", "description")
"""What of the schema of an argument other programs understand."""
TALK = ("conversation", "help")
"""Skills that are about the talk itself: 'never mind', 'say that again'."""
READING = ("HassGet", "HassTimerStatus", "questions.")
"""Beginnings of the names of tools that only tell."""
MOST_LISTED = 40
"""Things that are listed as allowed; of more, those that are most like what was given."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool for other programs."""

    name: str
    """Letters, digits and `_`: what every language model's interface takes."""
    tool: str
    """What the skills call it."""
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments."""
    reads: bool = False
    """It changes nothing."""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "tool": self.tool,
            "description": self.description,
            "parameters": dict(self.parameters),
            "reads": self.reads,
        }


@dataclass(frozen=True, slots=True)
class Misfit:
    """An argument that cannot be."""

    argument: str
    text: str
    allowed: tuple[str, ...] = ()


def offered(specs: Iterable[ToolSpec]) -> list[Offered]:
    """All tools but those that only make sense within a talk ('never mind', 'cancel it')."""
    together: dict[str, list[ToolSpec]] = {}
    for spec in specs:
        if not spec.about and spec.skill not in TALK:
            together.setdefault(spec.name, []).append(spec)
    return [_offered(name, several) for name, several in together.items()]


def _offered(name: str, specs: Sequence[ToolSpec]) -> Offered:
    properties: dict[str, Any] = {}
    required = set(specs[0].parameters.get("required", ()))
    for spec in specs:
        own = spec.parameters["properties"]
        properties |= {key: _plain(key, schema) for key, schema in own.items()}
        required &= set(spec.parameters.get("required", ()))
    domains = sorted({domain for spec in specs for domain in spec.domains})
    if domains and {"name", "area", "floor"} <= set(properties):
        properties |= {
            "domain": {
                "type": "array",
                "items": {"type": "string", "enum": domains},
                "description": TARGETS["domain"],
            },
            "device_class": {"type": "string", "description": TARGETS["device_class"]},
        }
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = sorted(required)
    parameters["additionalProperties"] = False
    said = list(dict.fromkeys(spec.description for spec in specs))
    return Offered(
        re.sub(r"[^A-Za-z0-9_-]", "_", name),
        name,
        " ".join(said),
        parameters,
        name.startswith(READING),
    )


def _plain(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: schema[key] for key in PLAIN if key in schema}
    plain.setdefault("type", "string")
    if schema.get("format") == "area":
        plain["description"] = PLACE
    elif name in TARGETS and plain == {"type": "string"}:
        plain["description"] = TARGETS[name]
    elif unit := schema.get("unit"):
        plain["description"] = f"In {unit}."
    return plain


def misfit(tool: Offered, arguments: Mapping[str, Any], home: Home) -> Misfit | None:
    """The first argument that the tool cannot take, with what it can; None if it can all."""
    properties: Mapping[str, Any] = tool.parameters["properties"]
    for name, value in arguments.items():
        if name not in properties:
            return _wrong(name, f"{tool.name} has no argument '{name}'", tuple(properties))
        if value is not None and (found := _misfit(name, properties[name], value, home)):
            return found
    for name in tool.parameters.get("required", ()):
        if arguments.get(name) is None:
            allowed = tuple(str(choice) for choice in properties[name].get("enum", ()))
            return _wrong(name, f"'{name}' is missing", allowed)
    return None


def _misfit(name: str, schema: Mapping[str, Any], value: Any, home: Home) -> Misfit | None:
    given = value if isinstance(value, list) and schema["type"] == "array" else [value]
    kind = schema.get("items", schema)
    for one in given:
        # What is a number is taken as text, too: '40', '40 %'. `hub.arguments` brings it in shape.
        if isinstance(one, list | dict) or (isinstance(one, bool) and kind["type"] != "boolean"):
            return _wrong(name, f"'{name}' is {_kind(kind)}, and no {type(one).__name__}")
        choices = tuple(str(choice) for choice in kind.get("enum", ()))
        if choices and normal(str(one)) not in {normal(choice) for choice in choices}:
            return _wrong(name, f"'{name}' cannot be '{one}'", choices)
        number = _number(one) if kind["type"] in ("integer", "number") else None
        if kind["type"] in ("integer", "number") and number is None:
            return _wrong(name, f"'{name}' is {_kind(kind)}, and not '{one}'")
        low, high = kind.get("minimum"), kind.get("maximum")
        if number is not None and low is not None and not low <= number <= high:
            return _wrong(name, f"'{name}' goes from {low:g} to {high:g}, and {one} is not in it")
        if schema.get("description") == PLACE and home.find_area(str(one)) is None:
            rooms = tuple(area.name for area in home.areas.values())
            return _wrong(name, f"there is no room '{one}'", _likely(str(one), rooms))
        if name == "floor" and home.find_floor(str(one)) is None:
            floors = tuple(floor.name for floor in home.floors.values())
            return _wrong(name, f"there is no floor '{one}'", _likely(str(one), floors))
    return None


def _wrong(name: str, text: str, allowed: tuple[str, ...] = ()) -> Misfit:
    listed = f"; it can be: {', '.join(allowed)}" if allowed else ""
    if allowed and "no argument" in text:
        listed = f"; it has: {', '.join(allowed)}"
    return Misfit(name, f"{text[0].upper()}{text[1:]}{listed}. Nothing was done.", allowed)


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
    return kinds.get(str(schema["type"]), "text")


def _number(value: Any) -> float | None:
    found = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*\S{0,4}\s*", str(value))
    return float(found[1]) if found else None


def _likely(given: str, names: Sequence[str]) -> tuple[str, ...]:
    if len(names) <= MOST_LISTED:
        return tuple(names)
    return tuple(difflib.get_close_matches(given, names, MOST_LISTED, 0.0))


def described(home: Home, area: str | None = None, domain: str | None = None) -> dict[str, Any]:
    """The home with the states of now; of one room or one kind of device only, if given."""
    place = home.find_area(area) if area else None
    devices = [
        _device(home, entity)
        for entity in home.entities.values()
        if (place is None or entity.area_id == place.area_id)
        and (domain is None or entity.domain == domain)
    ]
    return {
        "floors": [floor.name for floor in home.floors.values()],
        "areas": [_area(home, one) for one in home.areas.values() if place in (None, one)],
        "devices": devices,
    }


def _area(home: Home, area: Area) -> dict[str, Any]:
    floor = home.floors.get(area.floor_id) if area.floor_id else None
    row: dict[str, Any] = {"name": area.name, "floor": floor.name if floor else None}
    return row | ({"also": list(area.aliases)} if area.aliases else {})


def _device(home: Home, entity: Entity) -> dict[str, Any]:
    area, state = home.area_of(entity), home.state(entity.entity_id)
    row: dict[str, Any] = {
        "entity_id": entity.entity_id,
        "name": entity.name,
        "area": area.name if area else None,
        "domain": entity.domain,
        "state": state.state,
    }
    shown = describe_state(entity, state)
    if shown != state.state:
        row["shown"] = shown
    if entity.device_class:
        row["device_class"] = entity.device_class
    if entity.aliases:
        row["also"] = list(entity.aliases)
    if entity.barred:
        row["barred"] = True
    elif _asks(entity):
        row["asks"] = True
    return row


def _asks(entity: Entity) -> bool:
    """Whether a person is asked before it opens a way into the house."""
    if entity.guarded or unknown(entity.domain, entity.guarded):
        return True
    return lets_in(entity.domain, entity.device_class, entity.names)
