"""Ways people put a wish, on the built-in home with the bundled skills."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from hub.config import Config
from hub.devices.homefile import load
from hub.evaluate.route import Routing
from hub.evaluate.stage import Request

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def routing() -> AsyncIterator[Routing]:
    """Building the grammars takes most of a second: once for all. Each line has the home anew."""
    made = Routing(load(None), Config(), None)
    yield made
    await made.close()


async def ask(routing: Routing, text: str, area: str | None = None) -> dict[str, Any]:
    line = json.dumps({"text": text, "area": area, "language": "en"})
    return await routing.line(line.encode())


async def tools(routing: Routing, text: str, area: str) -> list[str]:
    """The hub's own tools that are called; to others they are told as Home Assistant's intents."""
    answer = await (await routing.stage("en")).answer(Request(text, area))
    return [call.tool for call in answer.calls]


def done(answer: dict[str, Any]) -> dict[str, Any]:
    return {outcome["entity_id"]: outcome for outcome in answer["outcomes"]}


LEVELS = [
    ("make the floor lamp very bright", 100),
    ("full brightness for the floor lamp", 100),
    ("turn the floor lamp all the way up", 100),
    ("dim the floor lamp to a quarter", 25),
    ("make the floor lamp half bright", 50),
    ("turn the floor lamp up to 80 percent", 80),
]


async def test_how_bright(routing: Routing) -> None:
    for text, percent in LEVELS:
        found = done(await ask(routing, text))
        assert set(found) == {"light.floor_lamp"}, text
        assert round(found["light.floor_lamp"]["attributes"]["brightness"] / 2.55) == percent, text


async def test_all_the_way_up_is_for_this_room(routing: Routing) -> None:
    found = done(await ask(routing, "turn the lights all the way up", "Kitchen"))
    assert set(found) == {"light.kitchen_ceiling", "light.kitchen_counter"}


MEANT = [
    ("increase the brightness", "lights.brighter"),
    ("I need some more light", "lights.brighter"),
    ("brighten lights", "lights.brighter"),
    ("lower the lights a little bit", "lights.dimmer"),
    ("lights down", "lights.dimmer"),
    ("this is too bright", "lights.dimmer"),
    ("raise the temperature", "climate.warmer"),
    ("clean the flat", "HassVacuumStart"),
    ("start house cleaning", "HassVacuumStart"),
    ("activate the robot vacuum", "HassVacuumStart"),
    ("tell the vacuum to clean the kitchen", "HassVacuumCleanArea"),
    ("toggle the desk lamp", "HassToggle"),
    ("make me a cup of coffee", "HassTurnOn"),
    ("lower the volume of the radio", "HassSetVolumeRelative"),
    ("set the radio to forty percent", "HassSetVolume"),
    ("set the bedroom fan to medium", "HassFanSetSpeed"),
]


async def test_what_is_meant(routing: Routing) -> None:
    for text, tool in MEANT:
        assert await tools(routing, text, "Living Room") == [tool], text


BLUE = [
    "change the light colour to blue",
    "give me blue light",
    "color the room blue",
    "make the lights in the house blue",
]


async def test_colours(routing: Routing) -> None:
    for text in BLUE:
        found = done(await ask(routing, text, "Living Room"))
        assert found["light.floor_lamp"]["attributes"]["rgb_color"] == (0, 0, 255), text


ASKED = [
    ("is there still a light on in the kitchen", "No."),
    ("is the TV on", "off"),
    ("did I leave anything on", "Yes"),
    ("what's open", "None"),
    ("is the vacuum cleaning", "docked"),
    ("is the kitchen window open or closed", "closed"),
    ("what temperature is it in the bedroom", "19"),
    ("what's it set to in here", "20.5"),
    ("how many items are on my shopping list", "0"),
    ("what's on the shopping list", "0"),
    ("is it cold outside", "I have no weather station"),
]


async def test_questions(routing: Routing) -> None:
    for text, says in ASKED:
        answer = await ask(routing, text, "Living Room")
        assert says in answer["reply"], text
        assert not answer["outcomes"], text


LEFT = [
    "make it cosy",
    "prepare dinner",
    "is it going to be cold tomorrow",
    "give me a break",
    "fix the coffee maker",
]


async def test_what_is_not_for_a_rule(routing: Routing) -> None:
    for text in LEFT:
        answer = await ask(routing, text, "Living Room")
        assert not answer["outcomes"], text


async def test_a_list_is_read_out(routing: Routing) -> None:
    items = [
        {"summary": "milk", "status": "needs_action"},
        {"summary": "tea", "status": "completed"},
    ]
    given = {"todo.shopping_list": {"state": "1", "attributes": {"todo_items": items}}}
    line = {"text": "what's on the shopping list", "area": None, "language": "en", "states": given}
    answer = await routing.line(json.dumps(line).encode())
    assert answer["reply"] == "Shopping List, 1 thing: milk."


GERMAN = [
    ("mach das Licht auf zwanzig Prozent", "HassLightSet"),
    ("was ist noch an", "HassGetState"),
    ("ist etwas offen", "HassGetState"),
    ("sauge die Wohnung", "HassVacuumStart"),
    ("wie warm ist es draußen", "HassGetWeather"),
    ("ist noch irgendwo Licht an", "HassGetState"),
]


async def test_the_same_in_german(routing: Routing) -> None:
    for text, tool in GERMAN:
        line = {"text": text, "area": "Kitchen", "language": "de"}
        answer = await routing.line(json.dumps(line).encode())
        assert [call["tool"] for call in answer["calls"]] == [tool], text


STEPS = [
    ("dim the floor lamp slightly", "lights.dimmer"),
    ("turn the lights down a little", "lights.dimmer"),
    ("make the floor lamp a tad brighter", "lights.brighter"),
    ("turn the heating down a bit", "climate.cooler"),
    ("make it slightly warmer", "climate.warmer"),
    ("turn the radio down a little bit", "media.quieter"),
    ("turn the music up a bit", "media.louder"),
]


async def test_a_bit_is_a_step(routing: Routing) -> None:
    for text, tool in STEPS:
        assert await tools(routing, text, "Living Room") == [tool], text


NOT_ALL_THE_WAY = [
    "close the living room blinds slightly",
    "open the curtains in the bedroom a little",
    "turn off the heating a little",
    "turn the floor lamp off a bit",
]


async def test_what_is_wanted_a_bit_is_not_done_all_the_way(routing: Routing) -> None:
    for text in NOT_ALL_THE_WAY:
        answer = await ask(routing, text, "Living Room")
        assert not answer["outcomes"], text
        assert "by a bit" in answer["reply"], text


async def test_what_nothing_turns_back_is_not_done_for_a_moment(routing: Routing) -> None:
    answer = await ask(routing, "turn off the floor lamp for a moment", "Living Room")
    assert not answer["outcomes"]
    assert "right away" in answer["reply"]
    playing = {"media_player.kitchen_radio": {"state": "playing"}}
    for text in ("pause the radio for a moment", "pause it for a moment"):
        line = {"text": text, "area": "Kitchen", "language": "en", "states": playing}
        found = done(await routing.line(json.dumps(line).encode()))
        assert found["media_player.kitchen_radio"]["state"] == "paused", text


TOLD = [
    "I'm heading out, turn off the floor lamp.",
    "It's late and we're off to bed, turn off the floor lamp.",
]
NOT_ONLY_TOLD = ["I'm out if it rains, turn off the floor lamp.", "If I'm out, turn off the lamp."]


async def test_what_only_tells_how_things_are_is_left_out(routing: Routing) -> None:
    for text in TOLD:
        found = done(await ask(routing, text, "Living Room"))
        assert set(found) == {"light.floor_lamp"}, text
    for text in NOT_ONLY_TOLD:
        assert not (await ask(routing, text, "Living Room"))["outcomes"], text


async def test_both_are_two(routing: Routing) -> None:
    two = await ask(routing, "turn off both lights", "Living Room")
    assert len(done(two)) == 2
    one = await ask(routing, "turn off both lights", "Office")
    assert not one["outcomes"]
    named = await ask(routing, "turn off both the floor lamp and the desk lamp", "Living Room")
    assert set(done(named)) == {"light.floor_lamp", "light.desk_lamp"}


STATEMENTS = ["the kitchen is dark", "hot in the bathroom", "stuffy in the living room"]
COMPLAINTS = [
    ("the kitchen is too dark", "lights.brighter"),
    ("it is dark in the kitchen", "lights.brighter"),
    ("hot in here", "climate.cooler"),
    ("so cold in the bathroom", "climate.warmer"),
    ("it's very hot in the living room", "climate.cooler"),
]


async def test_a_statement_is_no_wish(routing: Routing) -> None:
    for text in STATEMENTS:
        assert not (await ask(routing, text, "Living Room"))["outcomes"], text
    for text, tool in COMPLAINTS:
        assert await tools(routing, text, "Living Room") == [tool], text
