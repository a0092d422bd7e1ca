"""What was used is the difference of readings."""

from __future__ import annotations

from typing import Any

from hub.skill.testing import Stage, hearth_with


def meters(**levels: str) -> Stage:
    entities: dict[str, dict[str, Any]] = {
        f"sensor.{name}": {
            "name": name.title(),
            "state": level,
            "attributes": {"device_class": "energy", "unit_of_measurement": "kWh"},
        }
        for name, level in levels.items()
    }
    return hearth_with(entities)


async def test_without_readings_nothing_is_made_up() -> None:
    async with meters(boiler="100") as hearth:
        assert "no readings" in (await hearth.say("how much energy did we use today")).text


async def test_today_is_counted_from_the_readings() -> None:
    async with meters(boiler="100", oven="50") as hearth:
        await hearth.advance(hours=1)
        await hearth.change("sensor.boiler", "104.5", unit_of_measurement="kWh")
        await hearth.change("sensor.oven", "51", unit_of_measurement="kWh")
        reply = await hearth.say("how much electricity did we use today")
        assert reply.text == "5.5 kilowatt hours so far today, most of it by Boiler: 4.5."


async def test_a_meter_that_was_set_back_counts_on() -> None:
    async with meters(boiler="100") as hearth:
        await hearth.advance(hours=1)
        await hearth.change("sensor.boiler", "3", unit_of_measurement="kWh")
        reply = await hearth.say("give me the energy report")
        assert reply.text == "3 kilowatt hours so far today."
