"""Questions about more than the state: brightness, colour, volume, speed, position, battery."""

from __future__ import annotations

import asyncio

import pytest

from hub.messages import StateChange
from tests.conftest import Household

pytestmark = pytest.mark.asyncio(loop_scope="module")

RADIO = "media_player.kitchen_radio"


async def answer(house: Household, text: str, area: str | None = None, language: str = "en") -> str:
    return (await house.assistant.say(text, area=area, language=language)).reply.text


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("how bright is the floor lamp", "The brightness of the Floor Lamp is 50 percent."),
        ("what is the brightness of the floor lamp", "The brightness of the Floor Lamp is 50 per"),
        (
            "what colour temperature is the floor lamp",
            "The colour temperature of the Floor",
        ),
        ("what temperature is the thermostat set to", "The target temperature of the Living Room"),
        (
            "what is the target temperature in the bathroom",
            "The target temperature of the Bath",
        ),
        ("what mode is the thermostat in", "The Living Room Thermostat is heating, set to 20.5"),
        ("what is the fan mode of the thermostat", "The fan mode of the Living Room Thermostat is"),
        ("how far open are the blinds", "The Living Room Blinds are open."),
        ("what is the battery level of the vacuum", "The battery of the Robot Vacuum is 86 perc"),
        ("how much battery does the vacuum have left", "The battery of the Robot Vacuum is 86 pe"),
        ("what is the vacuum's speed", "The speed of the Robot Vacuum is standard."),
    ],
)
async def test_an_attribute_is_told(house: Household, asked: str, told: str) -> None:
    assert (await answer(house, asked)).startswith(told)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("what colour is the desk lamp", "The Desk Lamp reports no colour."),
        ("how loud is the floor lamp", "The Floor Lamp reports no volume."),
        ("what is the battery level of the front door", "The Front Door reports no battery level."),
        ("how fast is the bathroom fan", "The Bathroom Fan reports no speed."),
    ],
)
async def test_what_a_device_does_not_have_is_named(
    house: Household, asked: str, told: str
) -> None:
    assert await answer(house, asked) == told


async def test_what_it_would_tell_if_it_were_on_is_that_it_is_off(house: Household) -> None:
    assert await answer(house, "how bright is the desk lamp") == "The Desk Lamp is off."
    assert await answer(house, "how fast is the bedroom fan") == "The Bedroom Fan is off."
    assert await answer(house, "how loud is the TV") == "The Living Room TV is off."


async def test_after_a_change_the_new_value_is_told(house: Household) -> None:
    await house.say("make the floor lamp blue")
    assert await answer(house, "what colour is the floor lamp") == (
        "The colour of the Floor Lamp is blue."
    )
    await house.say("set the bedroom fan to 50 percent")
    assert "50 percent" in await answer(house, "what speed is the bedroom fan")
    await house.say("open the bedroom curtains to 40 percent")
    assert await answer(house, "how far are the bedroom curtains open") == (
        "The Bedroom Curtains are open, at 40 percent."
    )


async def test_all_lights_of_a_room_are_told(house: Household) -> None:
    assert await answer(house, "how bright are the living room lights") == (
        "The Living Room Ceiling Light is off. The brightness of the Floor Lamp is 50 percent."
    )


async def test_of_several_it_is_asked_which(house: Household) -> None:
    assert (await answer(house, "how fast is the fan")).startswith("Which one")
    assert await answer(house, "the first one") == "The Bedroom Fan is off."


async def test_a_device_out_of_reach_is_said_to_be(house: Household) -> None:
    house.devices.fault("light.floor_lamp", unavailable=True)
    await asyncio.sleep(0)
    assert await answer(house, "how bright is the floor lamp") == (
        "The Floor Lamp is not available."
    )


async def test_what_is_playing(house: Household) -> None:
    assert await answer(house, "what is playing") == "Nothing is playing."
    house.devices.set_state(RADIO, "playing", media_title="Clair de Lune", media_artist="Debussy")
    await asyncio.sleep(0)
    told = "Clair de Lune by Debussy is playing on the Kitchen Radio."
    for asked in ("what's playing", "what song is this", "what is playing in the kitchen"):
        assert await answer(house, asked, area="Bedroom") == told
    assert await answer(house, "what's on the TV") == "Nothing is playing."


async def test_how_loud_it_is(house: Household) -> None:
    assert (await answer(house, "how loud are you")).startswith("My volume is")
    house.devices.set_state(RADIO, "playing", volume_level=0.3)
    await asyncio.sleep(0)
    assert await answer(house, "what's the volume", area="Kitchen") == (
        "The volume of the Kitchen Radio is 30 percent."
    )


async def test_a_battery_may_be_a_sensor_of_its_own(house: Household) -> None:
    from dataclasses import replace

    home = house.home
    sensor = replace(
        home.entities["sensor.bedroom_temperature"],
        entity_id="sensor.front_door_battery",
        name="Front Door Battery",
        area_id="hallway",
        device_class="battery",
    )
    home.entities[sensor.entity_id] = sensor
    try:
        home.apply(StateChange(sensor.entity_id, "71", {"unit_of_measurement": "%"}))
        assert await answer(house, "what is the battery of the front door") == (
            "The battery of the Front Door is 71 percent."
        )
    finally:
        del home.entities[sensor.entity_id]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("wie hell ist die Floor Lamp", "Helligkeit von Floor Lamp: 50 Prozent."),
        ("welche Farbe hat die Desk Lamp", "Desk Lamp meldet keine Farbe."),
        ("wie ist die Farbtemperatur von der Floor Lamp", "Farbtemperatur von Floor Lamp: 2700"),
        ("wie viel Akku hat der Robot Vacuum noch", "Akku von Robot Vacuum: 86 Prozent."),
        ("was läuft gerade", "Es läuft gerade nichts."),
        ("worauf steht der Living Room Thermostat", "Eingestellte Temperatur von Living Room"),
        ("wie weit ist Living Room Blinds offen", "Living Room Blinds ist offen"),
    ],
)
async def test_attributes_in_german(house: Household, asked: str, told: str) -> None:
    assert (await answer(house, asked, language="de")).startswith(told)
