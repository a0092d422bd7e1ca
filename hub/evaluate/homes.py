"""Homes to measure with: those of the data sets, and generated ones of any size."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hub.home.model import Home, normal
from hub.messages import StateChange
from hub.ports import Inventory, SourceArea, SourceEntity, SourceFloor


class StaticSource:
    """Devices that never change and do nothing: enough for the router."""

    name = "static"

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    async def inventory(self) -> Inventory:
        return self._inventory

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        return None

    async def changes(self) -> AsyncIterator[StateChange]:
        await asyncio.Event().wait()
        yield StateChange("", "", {})  # never reached: makes this an iterator

    async def close(self) -> None:
        return None


async def still_home(inventory: Inventory) -> Home:
    """A home of an inventory whose devices do nothing."""
    home = Home()
    await home.connect([StaticSource(inventory)])
    return home


def read_fixtures(path: Path) -> Inventory:
    """The home of a data set in the format of `home-assistant-datasets` or the intent tests.

    Areas, floors and entities by name; a floor may be given by its name alone."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    areas = data.get("areas") or []
    floors = {_id(floor): _spelling(floor["name"]) for floor in data.get("floors") or []}
    for area in areas:
        if (floor := area.get("floor")) and floor not in floors:
            floors.setdefault(_slug(floor), _spelling(floor))
    return Inventory(
        entities=tuple(_entity(entity) for entity in data.get("entities") or []),
        areas=tuple(
            SourceArea(
                _id(area),
                _spelling(area["name"]),
                (floor if (floor := area.get("floor")) in floors else _slug(floor))
                if area.get("floor")
                else None,
                tuple(map(_spelling, area.get("aliases") or ())),
            )
            for area in areas
        ),
        floors=tuple(SourceFloor(floor, name) for floor, name in floors.items()),
    )


def _entity(entity: Mapping[str, Any]) -> SourceEntity:
    attributes = dict(entity.get("attributes") or {})
    entity_id = str(entity["id"])
    device_class = attributes.pop("device_class", None)
    state = entity.get("state")
    if isinstance(state, Mapping):
        state = state.get("out")
    if isinstance(state, bool):
        state = "on" if state else "off"
    return SourceEntity(
        entity_id,
        _spelling(entity["name"]),
        entity_id.split(".")[0],
        area=entity.get("area"),
        # `cover.CoverDeviceClass.GARAGE`
        device_class=str(device_class).split(".")[-1].lower() if device_class else None,
        state="unknown" if state is None else str(state),
        attributes=attributes,
    )


def _id(thing: Mapping[str, Any]) -> str:
    return str(thing.get("id") or _slug(thing["name"]))


def _slug(name: str) -> str:
    return normal(str(name)).replace(" ", "_")


def _spelling(name: Any) -> str:
    """The first of the spellings of a name that is written as a template: `Bad[ezimmer]`."""
    return re.sub(r"\[[^\]]*\]|\(([^|)]*)[^)]*\)", r"\1", str(name)).strip()


_ROOMS = (
    "Kitchen,Living Room,Bedroom,Bathroom,Hallway,Office,Garage,Dining Room,Attic,Basement,Nursery,"
    "Guest Room,Laundry Room,Porch,Balcony,Library,Pantry,Workshop,Terrace,Studio"
).split(",")
_THINGS = (
    ("Ceiling Light", "light", None),
    ("Floor Lamp", "light", None),
    ("Blinds", "cover", "blind"),
    ("Ceiling Fan", "fan", None),
    ("Speaker", "media_player", "speaker"),
    ("Thermostat", "climate", None),
    ("Heater Plug", "switch", "outlet"),
    ("Door Lock", "lock", None),
    ("Motion Sensor", "binary_sensor", "motion"),
    ("Temperature", "sensor", "temperature"),
    ("Reading Lamp", "light", None),
    ("Window", "binary_sensor", "window"),
    ("Television", "media_player", "tv"),
    ("Humidity", "sensor", "humidity"),
    ("Strip Light", "light", None),
    ("Curtains", "cover", "curtain"),
    ("Coffee Maker", "switch", "outlet"),
    ("Radiator", "climate", None),
    ("Projector", "switch", None),
    ("Desk Lamp", "light", None),
)


def generated(entities: int) -> Inventory:
    """A home with this many entities: about 10 to a room, as in real homes; always the same."""
    rooms = max(4, entities // 10)
    names = [
        f"{_ROOMS[number % len(_ROOMS)]} {number // len(_ROOMS) + 1}"
        if number >= len(_ROOMS)
        else _ROOMS[number]
        for number in range(rooms)
    ]
    floors = tuple(SourceFloor(f"floor_{n}", f"Floor {n}", n) for n in range(1, 4))
    areas = tuple(SourceArea(_slug(name), name, f"floor_{n % 3 + 1}") for n, name in enumerate(names))
    made = []
    for number in range(entities):
        room, turn = names[number % rooms], number // rooms
        thing, domain, device_class = _THINGS[(turn + number % rooms) % len(_THINGS)]
        # Every third thing is named without its room, as the people who live there do.
        name = thing if number % 3 == 0 else f"{room} {thing}"
        made.append(
            SourceEntity(
                f"{domain}.{_slug(room)}_{_slug(thing)}_{turn}",
                name,
                domain,
                _slug(room),
                device_class,
                state="off",
            )
        )
    return Inventory(tuple(made), areas, floors)
