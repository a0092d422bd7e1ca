"""Reads a home from a file: its floors, areas and entities, with the states they begin in.

YAML (JSON is YAML, too) with the lists `floors`, `areas`, `devices` and `entities`, in Home
Assistant's words:

    floors:
      - {name: Ground Floor, level: 0, aliases: [downstairs]}
    areas:
      - {name: Kitchen, floor: Ground Floor}
    entities:
      - {id: light.kitchen_ceiling, name: Kitchen Ceiling Light, area: Kitchen, state: "on",
         attributes: {supported_color_modes: [color_temp], brightness: 128}}

Areas and floors may be referred to by id or name, and an `id` may be left out: it is made of the
name. Files of the home-assistant-datasets project (`_fixtures.yaml`), fixtures of the Home
Assistant intents, and an inventory with `entity_id`, `device_class` and `features` as its own
keys are read as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from hub.devices.shape import problems
from hub.errors import ConfigError, reason
from hub.home.model import FEATURES
from hub.ports import Inventory, SourceArea, SourceEntity, SourceFloor

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader; ten times as fast where PyYAML was built with its C library."""

MOST_PROBLEMS = 10
"""Of a file that is something else entirely no more need be told."""

BUILT_IN = Path(__file__).with_name("home.yaml")

BEGINNINGS: Mapping[str, str] = {
    "binary_sensor": "off",
    "climate": "off",
    "cover": "closed",
    "fan": "off",
    "humidifier": "off",
    "input_boolean": "off",
    "lawn_mower": "docked",
    "light": "off",
    "lock": "locked",
    "media_player": "off",
    "script": "off",
    "siren": "off",
    "switch": "off",
    "todo": "0",
    "vacuum": "docked",
    "valve": "closed",
    "water_heater": "off",
}
"""State of an entity whose file names none."""

TRUTHS: Mapping[str, tuple[str, str]] = {
    "cover": ("closed", "open"),
    "valve": ("closed", "open"),
    "lock": ("unlocked", "locked"),
}
"""What false and true mean as the state of a domain; elsewhere off and on."""

ATTRIBUTES: Mapping[str, str] = {
    "native_unit_of_measurement": "unit_of_measurement",
    "native_temperature": "temperature",
    "native_temperature_unit": "temperature_unit",
    "native_wind_speed": "wind_speed",
    "native_wind_speed_unit": "wind_speed_unit",
    "target_temperature": "temperature",
    "current_valve_position": "current_position",
    "position": "current_position",
}
"""An attribute of an entity's class in Home Assistant -> the attribute of its state."""

STATES_AS_ATTRIBUTES = ("native_value", "hvac_mode", "condition")
"""Attributes of an entity's class that are the state itself."""


def load(path: Path | None = None) -> Inventory:
    """The home in a file; without one the built-in home. Raises ConfigError."""
    chosen = path or BUILT_IN
    try:
        text = chosen.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{chosen}: cannot be read: {reason(error)}") from error
    try:
        content = yaml.load(text, Loader=LOADER)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{chosen}:{mark.line + 1}" if mark else str(chosen)
        why = getattr(error, "problem", None) or error
        raise ConfigError(f"{where}: not YAML: {why}") from error
    return parse(content, str(chosen), text)


def parse(content: Any, source: str = "home", text: str = "") -> Inventory:
    """The home in a mapping as read from YAML or JSON; `text` is what it was read from, if there
    is one. Raises ConfigError, with the line of each mistake as far as it is known."""
    if wrong := problems(content, text):
        lines = [f"{source}:{line}: {why}" if line else f"{source}: {why}" for line, why in wrong]
        raise ConfigError("\n".join(lines[:MOST_PROBLEMS]))
    return _Reader(content, source).inventory()


def slug(name: str) -> str:
    """An id made of a name: 'Kitchen Ceiling' -> 'kitchen_ceiling'."""
    return re.sub(r"\W+", "_", name.casefold()).strip("_") or "unnamed"


class _Reader:
    def __init__(self, content: Mapping[str, Any], source: str) -> None:
        self._content = content
        self._source = source
        self._floors: dict[str, SourceFloor] = {}
        self._areas: dict[str, SourceArea] = {}

    def inventory(self) -> Inventory:
        for number, floor in enumerate(self._list("floors")):
            made = SourceFloor(
                str(floor.get("id") or slug(self._name(floor))),
                self._name(floor),
                int(number if floor.get("level") is None else floor["level"]),
                _strings(floor.get("aliases")),
            )
            self._floors[made.floor_id] = made
        for area in self._list("areas"):
            self._area(area)
        rooms = {
            str(device.get("id") or slug(self._name(device))): device.get("area")
            for device in self._list("devices")
        }
        entities: dict[str, SourceEntity] = {}
        for given in self._list("entities"):
            entity = self._entity(given, rooms)
            entity_id, number = entity.entity_id, 2
            while entity_id in entities:  # as Home Assistant does with an id that is taken
                entity_id, number = f"{entity.entity_id}_{number}", number + 1
            entities[entity_id] = replace(entity, entity_id=entity_id)
        return Inventory(
            tuple(entities.values()), tuple(self._areas.values()), tuple(self._floors.values())
        )

    def _list(self, key: str) -> Iterable[Mapping[str, Any]]:
        yield from self._content.get(key) or ()

    def _name(self, item: Mapping[str, Any]) -> str:
        name = item.get("name") or item.get("id") or item.get("entity_id")
        shown = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", "" if name is None else str(name)).strip()
        if not shown:
            raise ConfigError(f"{self._source}: {dict(item)!r} needs a name")
        return shown

    def _area(self, area: Mapping[str, Any]) -> SourceArea:
        name = self._name(area)
        floor = area.get("floor") or area.get("floor_id")
        floor_id = _found(self._floors, floor)
        if floor and floor_id is None:
            floor_id = slug(str(floor))
            title = str(floor).replace("_", " ").title()
            self._floors[floor_id] = SourceFloor(floor_id, title, len(self._floors))
        made = SourceArea(
            str(area.get("id") or slug(name)), name, floor_id, _strings(area.get("aliases"))
        )
        self._areas[made.area_id] = made
        return made

    def _entity(self, given: Mapping[str, Any], rooms: Mapping[str, str | None]) -> SourceEntity:
        name = self._name(given)
        entity_id = str(given.get("entity_id") or given.get("id") or "")
        domain = str(given.get("domain") or entity_id.partition(".")[0])
        if not entity_id:
            entity_id = f"{domain}.{slug(name)}"
        if not domain or "." not in entity_id:
            raise ConfigError(f"{self._source}: {name}: its id must be like 'light.{slug(name)}'")
        attributes = _attributes(domain, given.get("attributes") or {})
        device_class = given.get("device_class") or attributes.get("device_class")
        if device_class:
            attributes["device_class"] = device_class = _last(device_class)
        features = given.get("features", attributes.pop("supported_features", None))
        return SourceEntity(
            entity_id,
            name,
            domain,
            self._area_id(given.get("area") or rooms.get(str(given.get("device"))), name),
            device_class,
            self._features(domain, features),
            _strings(given.get("aliases")),
            _state(domain, given.get("state"), attributes),
            attributes,
            given.get("guarded") is True,
        )

    def _area_id(self, area: Any, name: str) -> str | None:
        if not area:
            return None
        found = _found(self._areas, area)
        if found is None and self._content.get("areas"):
            raise ConfigError(f"{self._source}: {name}: there is no area '{area}'")
        return found or self._area({"name": str(area)}).area_id

    def _features(self, domain: str, given: Any) -> int | None:
        if not isinstance(given, list):
            return None if given is None else int(given)
        known = FEATURES.get(domain)
        return None if known is None else sum(known.get(_last(name).upper(), 0) for name in given)


def _found(things: Mapping[str, SourceArea] | Mapping[str, SourceFloor], wanted: Any) -> str | None:
    """The id of the thing with this id or name."""
    if wanted in things:
        return str(wanted)
    for key, thing in things.items():
        if slug(thing.name) == slug(str(wanted)):
            return key
    return None


def _strings(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(str(item) for item in given or ())


def _last(name: Any) -> str:
    """`cover.CoverDeviceClass.GARAGE` -> `garage`."""
    return str(name).rpartition(".")[2].lower()


def _attributes(domain: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as Home Assistant's states have them."""
    attributes = {ATTRIBUTES.get(key, key): value for key, value in given.items()}
    for key in ("color_mode", "state_class"):
        if isinstance(value := attributes.get(key), list):
            attributes[key] = value[0]
    if "state_class" in attributes:
        attributes["state_class"] = _last(attributes["state_class"])
    if domain == "media_player" and attributes.get("volume_level") is not None:
        level = float(attributes["volume_level"])
        attributes["volume_level"] = level / 100 if level > 1 else level
    if domain in ("cover", "valve") and attributes.get("current_position") is not None:
        attributes["current_position"] = int(float(attributes["current_position"]))
    return attributes


def _state(domain: str, given: Any, attributes: dict[str, Any]) -> str:
    if isinstance(given, Mapping):
        given = given.get("out")  # intents fixtures: {in: "closed", out: "off"}
    for key in STATES_AS_ATTRIBUTES:
        value = attributes.pop(key, None)
        given = value if given is None else given
    if isinstance(given, bool):
        return TRUTHS.get(domain, ("off", "on"))[given]
    if given is not None and str(given).strip():
        return str(given)
    if domain == "light" and attributes.get("brightness"):
        return "on"
    if domain in ("cover", "valve") and attributes.get("current_position"):
        return "open"
    if domain == "todo":
        return str(len(attributes.get("todo_items") or ()))
    return BEGINNINGS.get(domain, "unknown")
