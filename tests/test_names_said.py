"""What people leave of names, whose things they mean, and things told apart by numbers."""

from __future__ import annotations

import asyncio

import pytest

from hub.evaluate.stage import Request, Stage
from tests.word_by_word import built, done

ROOMS = {
    "s1": "Studio 1",
    "s2": "Studio 2",
    "s3": "Studio 3",
    "mia": "Mia's Room",
    "den": "Den",
}
THINGS = [
    ("light.s1", "Studio 1 Light", "s1", "on", None),
    ("light.s2", "Studio 2 Light", "s2", "on", None),
    ("light.mia", "Ceiling", "mia", "on", None),
    ("light.left", "Left Desk Lamp", "den", "on", None),
    ("light.right", "Right Desk Lamp", "den", "on", None),
    ("light.den", "Kolvo Halo 3X", "den", "on", None),
    ("cover.s2", "Studio 2 Blind", "s2", "open", "blind"),
    ("cover.s3", "Studio 3 Blind", "s3", "open", "blind"),
    ("switch.plug1", "Wattson Plug M 1", "den", "off", None),
    ("switch.plug2", "Wattson Plug M 2", "den", "off", None),
    ("switch.urn", "Brewco T7 Urn", "den", "off", None),
    ("switch.ben", "Ben's Radio Plug", "den", "off", None),
    ("switch.mia", "Mia's Electric Blanket", "mia", "off", None),
    ("climate.den", "Den Heater", "den", "heat", None),
    ("water_heater.w", "Aquor 80", None, "eco", None),
    ("media_player.tv", "Visiona Panel", "den", "on", "tv"),
    ("fan.den", "Breezer Q2", "den", "off", None),
    ("todo.shop", "Big Shop", None, "0", None),
    ("sensor.co2", "Airo CO2", "den", "870", "carbon_dioxide"),
]
ATTRIBUTES = {
    "light": {
        "supported_color_modes": ["color_temp"],
        "color_temp_kelvin": 4000,
        "brightness": 255,
    },
    "cover": {"current_position": 100},
    "climate": {"temperature": 20, "current_temperature": 19, "hvac_modes": ["off", "heat"]},
    "water_heater": {"temperature": 50, "operation_list": ["off", "eco"]},
    "media_player": {"source_list": ["HDMI 2", "Nova Stream"], "volume_level": 0.3},
    "fan": {"percentage": 0},
}


@pytest.fixture(scope="module")
def home() -> Stage:
    return built(ROOMS, THINGS, ATTRIBUTES, "en")


@pytest.mark.parametrize(
    ("said", "states"),
    [
        ("stick the Brewco on", {"switch.urn": "on"}),
        ("urn on please", {"switch.urn": "on"}),
        ("Wattson 2 on", {"switch.plug2": "on"}),
        ("turn on the second Wattson plug", {"switch.plug2": "on"}),
        ("put Mia's blanket on", {"switch.mia": "on"}),
        ("kill the Kolvo", {"light.den": "off"}),
        ("Mia is asleep, turn her lights off", {"light.mia": "off"}),
        ("turn Mia's light off", {"light.mia": "off"}),
        ("close the blinds in studio 2 and studio 3", {"cover.s2": "closed", "cover.s3": "closed"}),
        ("blinds down in studios two and three", {"cover.s2": "closed", "cover.s3": "closed"}),
        ("close the studio 2 and 3 blinds", {"cover.s2": "closed", "cover.s3": "closed"}),
        ("turn off the desk lamp on the left", {"light.left": "off"}),
        ("desk lamps off", {"light.left": "off", "light.right": "off"}),
        ("the dog went out, turn on the urn", {"switch.urn": "on"}),
    ],
)
def test_what_is_said_of_a_name_means_that_thing(
    home: Stage, said: str, states: dict[str, str]
) -> None:
    answer = asyncio.run(home.answer(Request(said, "den")))
    assert done(answer) == states, answer


@pytest.mark.parametrize(
    "said",
    [
        "turn off the lights in his room",
        "turn the light off in her room",
        "turn on the Wattson",
        "turn on Ben's",
        "turn the light off in studio 9",
    ],
)
def test_what_may_be_meant_otherwise_is_not_done(home: Stage, said: str) -> None:
    answer = asyncio.run(home.answer(Request(said, "den")))
    assert not answer.touched, answer


@pytest.mark.parametrize(
    "said", ["all lights in here off", "everything in here off", "turn everything in here off"]
)
def test_what_is_in_here_is_no_more_than_this_room(home: Stage, said: str) -> None:
    answer = asyncio.run(home.answer(Request(said, "den")))
    rooms = {key: room for key, _, room, _, _ in THINGS}
    assert {rooms[key] for key in answer.touched} == {"den"}, answer


@pytest.mark.parametrize(
    ("said", "entity", "attribute", "value"),
    [
        ("make the Kolvo a warmer white", "light.den", "color_temp_kelvin", 3400),
        ("the Kolvo is too warm", "light.den", "color_temp_kelvin", 4600),
        ("make it warmer", "climate.den", "temperature", 21),
        ("hot water to 55", "water_heater.w", "temperature", 55),
        ("Visiona to HDMI two", "media_player.tv", "source", "HDMI 2"),
        ("put Nova Stream on the telly", "media_player.tv", "source", "Nova Stream"),
        ("Breezer up to 70", "fan.den", "percentage", 70),
    ],
)
def test_things_are_set_as_people_say_it(
    home: Stage, said: str, entity: str, attribute: str, value: object
) -> None:
    answer = asyncio.run(home.answer(Request(said, "den")))
    assert answer.touched == (entity,), answer
    assert answer.after[entity]["attributes"][attribute] == value, answer


def test_the_first_and_last_word_of_a_name_are_none_where_the_first_is_a_room() -> None:
    things = [
        ("light.ceiling", "Den Ceiling Light", "den", "off", None),
        ("light.shelf", "Shelf Lamp", "den", "off", None),
    ]
    alone = built({"den": "Den"}, things, ATTRIBUTES, "en", "sentences")
    answer = asyncio.run(alone.answer(Request("the den lights on", "den")))
    assert set(answer.touched) == {"light.ceiling", "light.shelf"}, answer


def test_what_has_run_out_is_added_where_it_was_said(home: Stage) -> None:
    said = "we've run out of fish fingers, stick them on the big shop list"
    answer = asyncio.run(home.answer(Request(said, "den")))
    assert [call.arguments["item"] for call in answer.calls] == ["fish fingers"], answer


def test_the_air_is_asked_of_its_sensor(home: Stage) -> None:
    answer = asyncio.run(home.answer(Request("CO2 level?", "den")))
    assert "870" in answer.reply, answer
