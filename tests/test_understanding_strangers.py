"""A home with unusual names and people of many manners: indirect wishes, hesitations, corrections,
levels and colours in words, exceptions, and questions about rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from hub.config import Config
from hub.devices.homefile import parse
from hub.evaluate.stage import Answer, Request, Stage
from hub.router.clean import fluent
from hub.router.refusals import tells
from hub.router.words import words

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIMMABLE = {
    "supported_color_modes": ["color_temp", "rgb"],
    "color_mode": "color_temp",
    "brightness": 128,
}
PLAIN = {"supported_color_modes": ["onoff"]}


def entity(entity_id: str, name: str, area: str | None, state: str, **more: Any) -> dict[str, Any]:
    return {"entity_id": entity_id, "name": name, "area": area, "state": state, **more}


MILL = {
    "floors": [
        {"id": "low", "name": "Water Floor", "aliases": ["ground floor"]},
        {"id": "high", "name": "Stone Floor", "aliases": ["upstairs"]},
    ],
    "areas": [
        {"id": "hall", "name": "Grinding Hall", "floor": "low"},
        {"id": "back", "name": "Back Pantry", "floor": "low"},
        {"id": "gym", "name": "Miller's Gym", "floor": "high",
         "aliases": ["Jack and Jill's room"]},
        {"id": "nest", "name": "Owl's Nest", "floor": "high", "aliases": ["Maja's room"]},
        {"id": "weir", "name": "Weir Walk", "floor": None},
    ],
    "entities": [
        entity("light.wheel", "Wheel Lamp", "hall", "on", attributes=DIMMABLE),
        entity("light.beam", "Beam Spots", "hall", "off", attributes=DIMMABLE),
        entity("light.jars", "Jar Light", "back", "off", attributes=PLAIN),
        entity("light.rack", "Dumbbell Rack LEDs", "gym", "on", attributes=DIMMABLE),
        entity("light.cloud", "Cloud Lamp", "nest", "on", attributes=DIMMABLE),
        entity("switch.press", "Cider Press", "back", "on"),
        entity("cover.sailcloth", "Sailcloth", "weir", "closed", device_class="awning"),
        entity("cover.slats", "Slats", "nest", "closed", device_class="blind",
               attributes={"current_position": 0}),
        entity("climate.tile", "Tile Oven", "hall", "heat",
               attributes={"temperature": 70, "current_temperature": 66}),
        entity("fan.bellows", "Bellows", "hall", "off", attributes={"percentage": 0}),
        entity("lock.sluice", "Sluice Gate", "weir", "unlocked"),
        entity("media_player.organ", "Barrel Organ", "hall", "playing",
               attributes={"volume_level": 0.5}),
        entity("humidifier.cloud", "Steamer", "nest", "off", device_class="humidifier",
               attributes={"humidity": 40}),
        entity("sensor.flour", "Flour Bin", "back", "38",
               attributes={"unit_of_measurement": "%"}),
        entity("sensor.kiln", "Bread Oven Temperature", "back", "231",
               device_class="temperature", attributes={"unit_of_measurement": "°C"}),
        entity("binary_sensor.hatch", "Owl Hatch", "nest", "on", device_class="window"),
        entity("todo.market", "Market Day", "back", "3"),
    ],
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill() -> AsyncIterator[Stage]:
    made = await Stage.build(parse(MILL), Config(), without=("model",))
    yield made
    await made.close()


async def says(stage: Stage, text: str, area: str | None = None) -> Answer:
    async with stage.scene({}) as scene:
        return await scene.turn(Request(text, area, agree=False))


@pytest.mark.parametrize(
    ("text", "area", "states"),
    [
        ("er could you like turn the uh beam spots on", None, {"light.beam": "on"}),
        ("I guess you can, you know, lock the sluice gate", None, {"lock.sluice": "locked"}),
        ("I'd be grateful if you could turn off the cider press", None, {"switch.press": "off"}),
        ("switch on the, switch on the jar light", None, {"light.jars": "on"}),
        ("raise the wheel, sorry, open the slats", None, {"cover.slats": "open"}),
        ("switch the jar light on, no, the beam spots", None, {"light.beam": "on"}),
        ("I can hardly see in the back pantry", None, {"light.jars": "on"}),
        ("it's rather gloomy in the back pantry", None, {"light.jars": "on"}),
        ("the air in the owl's nest is so dry", None, {"humidifier.cloud": "on"}),
        ("roll out the sailcloth", None, {"cover.sailcloth": "open"}),
        ("every lamp upstairs off except the cloud lamp", None, {"light.rack": "off"}),
        ("turn everything off in the grinding hall but the barrel organ", None,
         {"light.wheel": "off"}),
        ("lights out everywhere besides the nest and the gym", None, {"light.wheel": "off"}),
        ("turn on the lights in the grinding hall and the back pantry", None,
         {"light.beam": "on", "light.jars": "on"}),
        ("turn off the gym lights", None, {"light.rack": "off"}),
        ("turn off all the lights except Jack and Jill's room and the hall", None,
         {"light.cloud": "off"}),
        ("turn off all the lights except Jack and Jill's room", "Grinding Hall",
         {"light.wheel": "off", "light.cloud": "off"}),
    ],
)  # fmt: skip
async def test_only_what_was_wished_for_changes(
    mill: Stage, text: str, area: str | None, states: dict[str, str]
) -> None:
    answer = await says(mill, text, area)
    assert set(answer.changed) == set(states)
    assert {key: answer.after[key]["state"] for key in states} == states


@pytest.mark.parametrize(
    ("text", "entity_id", "attribute", "value"),
    [
        ("put the cloud lamp on its lowest setting", "light.cloud", "brightness", 3),
        ("wheel lamp to pink at eighty percent", "light.wheel", "brightness", 204),
        ("wheel lamp to three thousand kelvin", "light.wheel", "color_temp_kelvin", 3000),
        ("make the cloud lamp a lovely soft green", "light.cloud", "rgb_color", [0, 255, 0]),
        ("these lights are dazzling me", "light.wheel", "brightness", 64),
        ("bellows at full blast", "fan.bellows", "percentage", 100),
        ("put the bellows on low", "fan.bellows", "percentage", 33),
        ("run the bellows at ten percent", "fan.bellows", "percentage", 10),
        ("turn on the wheel lamp at forty", "light.wheel", "brightness", 102),
        ("slats a quarter open", "cover.slats", "current_position", 25),
        ("the barrel organ is way too loud", "media_player.organ", "volume_level", 0.4),
        ("could the tile oven go down to sixty eight", "climate.tile", "temperature", 68),
        ("drop the tile oven by three degrees", "climate.tile", "temperature", 67),
        ("put flour sacks on market day", "todo.market", "todo_items", None),
    ],
)
async def test_how_much_is_understood_in_words(
    mill: Stage, text: str, entity_id: str, attribute: str, value: object
) -> None:
    answer = await says(mill, text, "Grinding Hall")
    assert answer.changed == (entity_id,)
    told = answer.after[entity_id]["attributes"][attribute]
    if value is not None:
        assert (list(told) if isinstance(told, tuple) else told) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("could you let me know how much is in the flour bin", "38"),
        ("how full is the flour bin", "38"),
        ("how hot is the bread oven", "231"),
        ("is a window open in Maja's room", "Owl Hatch"),
        ("is anything open upstairs", "Owl Hatch"),
        ("which room is the barrel organ in", "Grinding Hall"),
        ("what rooms are on the stone floor", "Owl's Nest"),
        ("what is the grinding hall set to", "70"),
    ],
)
async def test_questions_are_answered_and_change_nothing(mill: Stage, text: str, told: str) -> None:
    answer = await says(mill, text)
    assert told in answer.reply
    assert not answer.changed


@pytest.mark.parametrize(
    "text",
    [
        "did I say turn off the wheel lamp",
        "turn off all the lights except the aquarium and the gym",
        "the cider press was loud yesterday so we left",
        "I think the slats are lovely you know",
    ],
)
async def test_talk_changes_nothing(mill: Stage, text: str) -> None:
    assert not (await says(mill, text)).changed


async def test_a_list_that_only_counts_counts_on(mill: Stage) -> None:
    answer = await says(mill, "add yeast to market day")
    assert answer.after["todo.market"]["state"] == "4"


async def test_an_hour_and_more_is_a_length_of_time(mill: Stage) -> None:
    for text in (
        "set a timer for an hour and ten minutes",
        "set a timer for one hour and ten minutes for the dough",
    ):
        (call,) = (await says(mill, text)).calls
        assert call.tool == "HassStartTimer"
        assert (call.arguments["hours"], call.arguments["minutes"]) == (1, 10)
    assert call.arguments["name"] == "dough"


async def test_the_rest_of_a_length_of_time_is_no_name(mill: Stage) -> None:
    for text, length in (
        ("one hour and a half timer", {"hours": 1, "minutes": 30}),
        ("a ten minute and thirty second timer", {"minutes": 10, "seconds": 30}),
    ):
        (call,) = (await says(mill, text)).calls
        assert call.arguments == length
    (call,) = (await says(mill, "a ten minute egg timer")).calls
    assert (call.arguments["minutes"], call.arguments["name"]) == (10, "egg")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("run the bellows at ten", "run the bellows"),
        ("turn on the beam spots at seven", "turn on the beam spots"),
        ("dim the wheel lamp at nine", "dim the wheel lamp"),
    ],
)
async def test_an_hour_is_no_percentage(mill: Stage, text: str, command: str) -> None:
    (call,) = (await says(mill, text)).calls
    assert call.tool == "timers.at"
    assert call.arguments["conversation_command"] == command


async def test_a_shade_is_told_as_it_was_said(mill: Stage) -> None:
    assert "light blue" in (await says(mill, "set the cloud lamp to light blue")).reply


async def test_what_is_said_twice_on_purpose_stays() -> None:
    english = words("en")
    assert fluent("brighter, brighter", english) == "brighter, brighter"
    assert fluent("what's the, what's the time", english) == "what's the time"
    assert fluent("uh", english) == "uh"


async def test_what_tells_of_something_asks_no_model() -> None:
    english = words("en")
    assert tells("what a stormy night that was", english)
    assert tells("I'll close the curtains myself", english)
    assert tells("my mother left the gate open yesterday", english)
    assert tells("how do I turn the radio on", english)
    assert not tells("what did the packs use last week", english)
    assert not tells("I'd like the curtains closed", english)
    assert not tells("what is on in the hall", english)
    assert tells("Would it be wise to open the garage?", english)
    assert tells("should we close the awning", english)
    assert not tells("would you open the garage", english)
    german = words("de")
    assert tells("Hast du die Haustür aufgeschlossen?", german)
    assert tells("Soll ich das Garagentor aufmachen?", german)
    assert tells("Meinst du, die Heizung muss an?", german)
    assert not tells("Ich hätte gern das Garagentor auf", german)
