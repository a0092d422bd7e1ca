"""The tolerant reading of English: every word explained, in any order, or nothing done."""

from __future__ import annotations

from typing import Any

import pytest

from hub.evaluate.stage import Answer, Request, Stage
from tests.word_by_word import Thing, built, done, unknown_tags

ROOMS = {
    "snug": "Snug",
    "scullery": "Scullery",
    "twins": "Twins' Room",
    "landing": "Landing",
    "music": "Music Room",
    "veranda": "Veranda",
}
THINGS: list[Thing] = [
    ("light.arc", "Arc Lamp", "snug", "off", None),
    ("light.shelf", "Bookshelf Strip", "snug", "on", None),
    ("light.sink", "Sink Spotlights", "scullery", "on", None),
    ("light.moon", "Moon Nightlight", "twins", "off", None),
    ("light.pendant", "Pendant", "landing", "on", None),
    ("light.festoon", "Festoon", "veranda", "off", None),
    ("switch.kettle", "Kettle", "scullery", "off", None),
    ("switch.pump", "Birdbath Pump", "veranda", "on", None),
    ("fan.tower", "Tower Fan", "music", "on", None),
    ("fan.whirly", "Whirly", "twins", "off", None),
    ("cover.drapes", "Velvet Drapes", "snug", "open", "curtain"),
    ("cover.blind", "Left Blind", "music", "closed", "blind"),
    ("cover.sail", "Sun Sail", "veranda", "closed", "awning"),
    ("cover.cart", "Cart Shed", None, "closed", "garage"),
    ("climate.snug", "Cast Iron", "snug", "heat", None),
    ("climate.pump", "Heat Pump", "music", "heat", None),
    ("lock.porch", "Porch Door", "landing", "unlocked", None),
    ("media_player.screen", "Big Screen", "snug", "playing", "tv"),
    ("media_player.roberts", "Roberts", "scullery", "playing", None),
    ("vacuum.dustin", "Dustin", "landing", "docked", None),
    ("lawn_mower.shaun", "Shaun", "veranda", "docked", None),
    ("scene.supper", "Supper Time", None, "unknown", None),
    ("script.wind", "Wind Down", None, "off", None),
    ("binary_sensor.sash", "Sash", "twins", "on", "window"),
    ("sensor.butt", "Water Butt", "veranda", "64", None),
    ("todo.chores", "Chores", None, "1", None),
    ("person.ada", "Ada", None, "home", None),
]
ATTRIBUTES = {
    "light": {"supported_color_modes": ["rgb", "color_temp"], "brightness": 120},
    "climate": {"temperature": 20, "current_temperature": 19},
    "media_player": {"volume_level": 0.4},
    "cover": {"current_position": 50},
    "fan": {"percentage": 50},
}


@pytest.fixture(scope="module")
def stage() -> Stage:
    """A house without the shared sentences: what is understood, is by words."""
    return built(ROOMS, THINGS, ATTRIBUTES, "en", "sentences")


async def said(stage: Stage, text: str, area: str | None = None) -> Answer:
    return await stage.answer(Request(text, area, "en"))


@pytest.mark.parametrize(
    ("text", "area", "states"),
    [
        ("Flick the arc lamp on, would you", None, {"light.arc": "on"}),
        ("could you please switch the sink spotlights off", None, {"light.sink": "off"}),
        ("I'd like the pendant off", None, {"light.pendant": "off"}),
        ("in the twins' room turn on the light", "snug", {"light.moon": "on"}),
        ("put the veranda lights on", "snug", {"light.festoon": "on"}),
        ("the scullery's lights off please", "snug", {"light.sink": "off"}),
        ("lights out on the landing", "snug", {"light.pendant": "off"}),
        ("power up the kettle", None, {"switch.kettle": "on"}),
        ("kill the birdbath pump", None, {"switch.pump": "off"}),
        ("we need the fan off in the music room", None, {"fan.tower": "off"}),
        ("get Whirly running", None, {"fan.whirly": "on"}),
        ("draw the velvet drapes", None, {"cover.drapes": "closed"}),
        ("pull the blind up in the music room", None, {"cover.blind": "open"}),
        ("I want the velvet drapes closed", None, {"cover.drapes": "closed"}),
        ("roll the sun sail out", None, {"cover.sail": "open"}),
        ("would you mind opening the cart shed", None, {"cover.cart": "open"}),
        ("bolt the porch door", None, {"lock.porch": "locked"}),
        ("please have the porch door locked", None, {"lock.porch": "locked"}),
        ("turn the lights back on in the twins' room", None, {"light.moon": "on"}),
        ("turn off the light on the landing", "snug", {"light.pendant": "off"}),
        ("arc lamp and festoon on", None, {"light.arc": "on", "light.festoon": "on"}),
        (
            "sink spotlights off, festoon on and lock the porch door",
            None,
            {"light.sink": "off", "light.festoon": "on", "lock.porch": "locked"},
        ),
    ],
)
async def test_commands_in_any_order(
    stage: Stage, text: str, area: str | None, states: dict[str, str]
) -> None:
    assert done(await said(stage, text, area)) == states


@pytest.mark.parametrize(
    ("text", "entity", "attribute", "value"),
    [
        ("dim the arc lamp down to thirty percent", "light.arc", "brightness", 76),
        ("sink spotlights at a quarter", "light.sink", "brightness", 64),
        ("I'd love the festoon at half brightness", "light.festoon", "brightness", 127),
        ("bring the brightness of the pendant up to eighty", "light.pendant", "brightness", 204),
        ("crank the cast iron up to twenty three degrees", "climate.snug", "temperature", 23),
        ("in the music room I'd like 24 degrees", "climate.pump", "temperature", 24),
        ("turn the heating in the snug up by two degrees", "climate.snug", "temperature", 22),
        ("heat the snug to twenty one and a half degrees", "climate.snug", "temperature", 21.5),
        ("velvet drapes two thirds open", "cover.drapes", "current_position", 67),
        ("lower the velvet drapes halfway", "cover.drapes", "current_position", 50),
        ("Roberts to fifteen percent", "media_player.roberts", "volume_level", 0.15),
        ("set the big screen's volume to 30", "media_player.screen", "volume_level", 0.3),
        ("run the tower fan at eighty percent", "fan.tower", "percentage", 80),
    ],
)
async def test_values_in_digits_and_words(
    stage: Stage, text: str, entity: str, attribute: str, value: float
) -> None:
    answer = await said(stage, text)
    assert answer.touched == (entity,)
    near = 1 if attribute == "brightness" else 0.001
    assert answer.after[entity]["attributes"][attribute] == pytest.approx(value, abs=near)


@pytest.mark.parametrize(
    ("text", "area", "call"),
    [
        ("it's far too dark in here", "snug", ("lights.brighter", {"area": "Snug"})),
        ("it's much too cold in the music room", None, ("climate.warmer", {"area": "Music Room"})),
        (
            "the big screen is too loud",
            None,
            ("media.quieter", {"name": "Big Screen"}),
        ),
        ("could we have more light in the snug", None, ("lights.brighter", {"area": "Snug"})),
        ("make the festoon purple", None, ("HassLightSet", {"color": "purple"})),
        ("let's have the snug in warm white", None, ("HassLightSet", {"temperature": 2700})),
        ("send Dustin back to his base", None, ("HassVacuumReturnToBase", {"name": "Dustin"})),
        ("hoover the music room", None, ("HassVacuumCleanArea", {"area": "Music Room"})),
        ("get Shaun to mow the grass", None, ("HassLawnMowerStartMowing", {"name": "Shaun"})),
        ("run wind down", None, ("HassTurnOn", {"name": "Wind Down"})),
        ("put the supper time scene on", None, ("HassTurnOn", {"name": "Supper Time"})),
        ("skip this one on Roberts", None, ("HassMediaNext", {"name": "Roberts"})),
        ("carry on with the film", "snug", ("HassMediaUnpause", {})),
        ("an hour and a half timer for the ham", None, ("HassStartTimer", {"name": "ham"})),
        ("knock two minutes off the porridge timer", None, ("HassDecreaseTimer", {"minutes": 2})),
        ("give the porridge timer another three minutes", None, ("HassIncreaseTimer", {})),
        ("get rid of the porridge timer", None, ("HassCancelTimer", {"name": "porridge"})),
        ("how much longer on the ham timer", None, ("HassTimerStatus", {"name": "ham"})),
        (
            "jot nappies and wipes down on the shopping list",
            None,
            ("HassShoppingListAddItem", {"item": "nappies and wipes"}),
        ),
        (
            "cross ironing off the chores list",
            None,
            ("HassListCompleteItem", {"name": "Chores", "item": "ironing"}),
        ),
        ("let everyone know supper is served", None, ("HassBroadcast", {})),
        ("did I leave the sash open", None, ("HassGetState", {"name": "Sash"})),
        ("any lights on in the snug", None, ("HassGetState", {"area": "Snug"})),
        ("how high is the water butt", None, ("HassGetState", {"name": "Water Butt"})),
        ("where's Ada", None, ("HassGetState", {"name": "Ada"})),
    ],
)
async def test_other_tools_and_questions(
    stage: Stage, text: str, area: str | None, call: tuple[str, dict[str, Any]]
) -> None:
    answer = await said(stage, text, area)
    tool, arguments = call
    assert [each.tool for each in answer.calls] == [tool]
    assert arguments.items() <= dict(answer.calls[0].arguments).items()


@pytest.mark.parametrize(
    "text",
    [
        "don't turn the sink spotlights off",
        "should I switch off the pendant",
        "mum said to turn on the heating",
        "I turned off the pendant",
        "the sink spotlights turned off by themselves",
        "the pendant's off",
        "the festoon is on",
        "leave the pendant on",
        "is the arc lamp on",
        "if it rains close the cart shed",
        "the cart shed closes at night",
        "the velvet drapes closed",
        "how do I turn on the arc lamp",
        "the kettle is still on",
        "pendant already off",
        "somebody has to lock the porch door",
        "we could put the festoon on",
        "I wish the pendant was off",
        "shut the drawer in the scullery",
        "put your shoes on in the landing",
        "arc lamp pendant off on",
        "turn on the arc lamp at the neighbours",
        "turned the pendant off",
        "is it too cold in the music room",
        "nobody turns off the sink spotlights",
    ],
)
async def test_what_only_tells_or_asks_does_nothing(stage: Stage, text: str) -> None:
    assert not (await said(stage, text, "scullery")).touched


@pytest.mark.parametrize("text", ["¹A", "set the pendant to ²x", "٣ ½ ⅓ %", "1.2.3 , , '", "s s s"])
async def test_odd_characters_are_no_numbers(stage: Stage, text: str) -> None:
    assert not (await said(stage, text, "snug")).touched


def test_every_frame_is_made_of_words_that_there_are() -> None:
    assert unknown_tags("en") == {}
