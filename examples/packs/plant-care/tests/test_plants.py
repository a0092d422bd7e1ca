"""Plants are told of when they are dry, and only then."""

from __future__ import annotations

from typing import Any

from hub.skill.testing import Stage, hearth_with


def plants(**levels: str) -> Stage:
    entities: dict[str, dict[str, Any]] = {
        f"sensor.{name}": {
            "name": f"{name.title()} Moisture",
            "state": level,
            "attributes": {"device_class": "moisture", "unit_of_measurement": "%"},
        }
        for name, level in levels.items()
    }
    return hearth_with(entities, settings={"dry": 25})


async def test_dry_plants_are_named() -> None:
    async with plants(ficus="12", fern="60", palm="20", cactus="unavailable") as hearth:
        reply = await hearth.say("which plants need water")
        assert "Ficus" in reply.text and "Palm" in reply.text
        assert "Fern" not in reply.text and "Cactus" not in reply.text


async def test_where_none_is_dry_all_is_well() -> None:
    async with plants(ficus="50") as hearth:
        assert (await hearth.say("are my plants thirsty")).text == "All plants have enough water."


async def test_it_reminds_once_until_the_plant_was_watered() -> None:
    async with plants(ficus="40") as hearth:
        await hearth.change("sensor.ficus", "24")
        await hearth.change("sensor.ficus", "23")
        assert hearth.announced == ["The Ficus is thirsty."]
        await hearth.change("sensor.ficus", "70")
        await hearth.change("sensor.ficus", "20")
        assert hearth.announced == ["The Ficus is thirsty."] * 2
