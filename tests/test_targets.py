"""Which devices a call means: narrowed by what was said, never widened."""

from __future__ import annotations

from typing import Any

import pytest

from hub.home.targets import Targets, resolve
from tests.fakes import House

HOME = {
    "floors": [
        {"id": "ground", "name": "Ground Floor", "aliases": ["downstairs"]},
        {"id": "top", "name": "Top Floor", "aliases": ["upstairs"]},
    ],
    "areas": [
        {"id": "kitchen", "name": "Kitchen", "floor": "ground", "aliases": ["cook room"]},
        {"id": "hall", "name": "Hall", "floor": "ground"},
        {"id": "bed", "name": "Bedroom", "floor": "top"},
        {"id": "attic", "name": "Attic", "floor": "top"},
    ],
    "entities": [
        {"id": "light.k1", "name": "Ceiling Light", "area": "kitchen", "aliases": ["main light"]},
        {"id": "light.b1", "name": "Ceiling Light", "area": "bed"},
        {"id": "light.h1", "name": "Lamp", "area": "hall"},
        {"id": "light.free", "name": "Garden Light"},
        {"id": "fan.k", "name": "Kitchen Fan", "area": "kitchen"},
        {"id": "lock.front", "name": "Front Door", "area": "hall"},
        {"id": "binary_sensor.front", "name": "Front Door", "area": "hall"},
        {"id": "sensor.front", "name": "Front Door Battery", "area": "hall"},
        {"id": "cover.blind", "name": "Blind", "area": "bed", "device_class": "blind"},
        {"id": "cover.curtain", "name": "Curtain", "area": "bed", "device_class": "curtain"},
        {"id": "climate.k", "name": "Heater", "area": "kitchen"},
        {"id": "climate.b", "name": "Radiator", "area": "bed"},
        {
            "id": "switch.alias",
            "name": "Standing Light",
            "area": "hall",
            "aliases": ["Garden Light"],
        },
    ],
}


async def found(slots: dict[str, Any], **how: Any) -> Targets:
    async with House(HOME) as house:
        return resolve(house.home, slots, **how)


def ids(targets: Targets) -> list[str]:
    return [entity.entity_id for entity in targets.entities]


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({"area": "Kitchen", "domain": "light"}, ["light.k1"]),
        ({"area": "kitchen"}, ["light.k1", "fan.k", "climate.k"]),
        ({"area": "COOK ROOM", "domain": "light"}, ["light.k1"]),
        ({"floor": "downstairs", "domain": "light"}, ["light.k1", "light.h1"]),
        ({"floor": "ground", "domain": ["light", "fan"]}, ["light.k1", "light.h1", "fan.k"]),
        ({"area": "upstairs", "domain": "light"}, ["light.b1"]),
        ({"domain": "light"}, ["light.k1", "light.b1", "light.h1", "light.free"]),
        ({"domain": "cover", "device_class": "blind"}, ["cover.blind"]),
        ({"device_class": ["blind", "curtain"]}, ["cover.blind", "cover.curtain"]),
        ({"name": "lamp"}, ["light.h1"]),
        ({"name": "Main  Light"}, ["light.k1"]),
        ({"name": "light.b1"}, ["light.b1"]),
        ({"name": "ceiling light", "area": "bedroom"}, ["light.b1"]),
        ({"name": "ceiling light", "floor": "downstairs"}, ["light.k1"]),
        ({"name": "front door", "domain": "lock"}, ["lock.front"]),
        ({"name": "all", "domain": "fan"}, ["fan.k"]),
        ({"name": "Garden Light"}, ["light.free"]),  # its own name before another's alias
    ],
)
async def test_slots_narrow(slots: dict[str, Any], expected: list[str]) -> None:
    assert ids(await found(slots)) == expected


async def test_only_what_can_be_acted_on_is_found() -> None:
    assert ids(await found({"name": "front door"}, domains={"lock", "light"})) == ["lock.front"]


@pytest.mark.parametrize(
    ("slots", "reason"),
    [
        ({"area": "Attica", "domain": "light"}, "area"),
        ({"area": "Attica"}, "area"),
        ({"area": "Attica", "name": "Lamp"}, "area"),
        ({"floor": "cellar", "domain": "light"}, "floor"),
        ({"area": "Attic", "domain": "light"}, "kind"),
        ({"area": "Hall", "domain": "fan"}, "kind"),
        ({"domain": "vacuum"}, "kind"),
        ({"area": "Kitchen", "floor": "upstairs"}, "kind"),
        ({"name": "Chandelier"}, "name"),
        ({"name": "Lamp", "area": "Kitchen"}, "name"),
        ({"name": "Lamp", "domain": "switch"}, "unable"),
        ({"name": "Front Door Battery"}, "unable"),
        ({"name": "ceiling light"}, "several"),
    ],
)
async def test_what_is_missing_is_told_and_nothing_else_is_found(
    slots: dict[str, Any], reason: str
) -> None:
    targets = await found(slots, domains={"light", "fan", "lock", "switch", "cover", "climate"})
    assert targets.entities == ()
    assert targets.missing is not None
    assert targets.missing.reason == reason
    assert targets.missing.name == slots.get("name")
    assert targets.missing.area == slots.get("area")


async def test_the_speakers_room_decides_between_devices_of_one_name() -> None:
    assert ids(await found({"name": "ceiling light"}, preferred_area="Bedroom")) == ["light.b1"]
    elsewhere = await found({"name": "ceiling light"}, preferred_area="Hall")
    assert elsewhere.missing is not None
    assert {e.entity_id for e in elsewhere.missing.candidates} == {"light.k1", "light.b1"}


async def test_where_one_is_wanted_the_speakers_room_decides() -> None:
    slots = {"domain": "climate"}
    assert ids(await found(slots, single=True, preferred_area="Bedroom")) == ["climate.b"]
    unclear = await found(slots, single=True)
    assert unclear.missing is not None
    assert unclear.missing.reason == "several"
    assert ids(await found({"domain": "fan"}, single=True)) == ["fan.k"]


async def test_here_comes_first_only_where_no_place_was_said() -> None:
    how = {"here_first": True, "preferred_area": "Hall"}
    assert ids(await found({"domain": "light"}, **how)) == ["light.h1"]
    assert ids(await found({"domain": "light", "area": "Kitchen"}, **how)) == ["light.k1"]
    assert ids(await found({"domain": "fan"}, **how)) == ["fan.k"]


async def test_a_name_much_like_it_is_suggested() -> None:
    missing = (await found({"name": "Gardn Lights"})).missing
    assert missing is not None
    assert [e.entity_id for e in missing.candidates][:1] == ["light.free"]
