"""Homes to measure the router with: generated ones of any size, whose devices do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

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


_ROOMS = (
    "Kitchen", "Living Room", "Bedroom", "Bathroom", "Hallway", "Office", "Garage",
    "Dining Room", "Attic", "Basement", "Nursery", "Guest Room", "Laundry Room", "Porch",
    "Balcony", "Library", "Pantry", "Workshop", "Terrace", "Studio",
)  # fmt: skip
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


def _slug(name: str) -> str:
    return normal(name).replace(" ", "_")


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
    areas = tuple(
        SourceArea(_slug(name), name, f"floor_{n % 3 + 1}") for n, name in enumerate(names)
    )
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
