"""The same wishes in other words, in a flat: other forms of a command, what leans on the one
before, all but some, sensors by where they are, and players of which one is meant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.config import Config
from hub.devices.homefile import load
from hub.evaluate.stage import Answer, Request, Stage
from hub.router.recast import recasts
from hub.router.words import words

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLAT = Path(__file__).parent / "data" / "dialogues" / "flat-home.yaml"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flat() -> AsyncIterator[Stage]:
    made = await Stage.build(load(FLAT), Config(), without=("model",))
    yield made
    await made.close()


async def says(stage: Stage, *texts: str, area: str = "Living Room", **states: str) -> Answer:
    """The answer to the last of several sentences of one conversation."""
    begun: dict[str, dict[str, Any]] = {
        key.replace("__", "."): {"state": value} for key, value in states.items()
    }
    async with stage.scene(begun) as scene:
        for text in texts:
            answer = await scene.turn(Request(text, area, agree=False))
    return answer


def state(answer: Answer, entity: str) -> str:
    return str(answer.after[entity]["state"])


def tools(answer: Answer) -> list[str]:
    return [call.tool for call in answer.calls]


@pytest.mark.parametrize(
    "text",
    [
        "I want the main light off",
        "I'd like the main light turned off",
        "could the main light be switched off",
        "the main light needs to be off",
        "would you mind turning off the main light",
        "flick the main light off",
        "turn the stupid main light off, you idiot",
        "turn off the main light so that I can sleep",
        "turn off the main light because the sun is out",
        "it's too bright in here can you turn off the main light",
        "hey siri shut the main light down",
        "turn off the main light completely",
    ],
)
async def test_other_forms_of_one_wish(flat: Stage, text: str) -> None:
    answer = await says(flat, text)
    assert answer.changed == ("light.main",)
    assert state(answer, "light.main") == "off"


@pytest.mark.parametrize(
    "text",
    [
        "I told him it's dark turn off the main light",
        "turning off the main light saves energy",
        "I don't want the main light off",
        "turn off the main light so that nobody, no, don't",
        "she said the main light could be off",
    ],
)
async def test_talk_about_a_wish_is_none(flat: Stage, text: str) -> None:
    assert not (await says(flat, text)).changed


async def test_an_aside_with_a_condition_is_not_left_out() -> None:
    assert "turn on the fan" in set(recasts("turn on the fan because it is hot", words("en")))
    kept = set(recasts("turn on the fan because it is hot if nobody is in", words("en")))
    assert "turn on the fan" not in kept


@pytest.mark.parametrize(
    ("text", "says_"),
    [
        ("is the washing machine leaking", "dry"),
        ("is there a leak under the washing machine", "dry"),
        ("is there any movement in the entry", "Yes"),
        ("anyone in the entry", "Yes"),
        ("how humid is it in the bedroom", "47"),
        ("what's the humidity like in the bedroom", "47"),
        ("how's the battery of the apartment door", "64"),
        ("is anything still on in the bathroom", "Mirror Light"),
        ("is everything off in the bedroom", "Yes"),
    ],
)
async def test_sensors_are_asked_by_where_they_are(flat: Stage, text: str, says_: str) -> None:
    answer = await says(flat, text)
    assert says_ in answer.reply
    assert not answer.changed


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("turn off all the lights except the mirror light", {"light.mirror"}),
        ("turn off all lights but the one in the bathroom", {"light.mirror"}),
        ("turn off all the lights but leave the kitchen lights on", {"light.kitchen_spots"}),
        ("turn off everything except the TV", {"media_player.tv"}),
        ("everything off apart from the bathroom", {"light.mirror"}),
    ],
)
async def test_all_but_some(flat: Stage, text: str, left: set[str]) -> None:
    answer = await says(flat, text)
    lit = {"light.main", "light.kitchen_spots", "light.mirror", "media_player.tv"}
    still = {key for key in lit if state(answer, key) in ("on", "playing")}
    every = lit if "everything" in text else lit - {"media_player.tv"}
    assert still & every == left


async def test_what_is_excepted_and_unknown_stops_the_command(flat: Stage) -> None:
    assert not (await says(flat, "turn off all the lights except the aquarium")).changed


async def test_there_is_the_room_that_was_spoken_of(flat: Stage) -> None:
    answer = await says(flat, "how warm is it in the bedroom", "switch on the fan in there")
    assert state(answer, "fan.tower") == "on"
    answer = await says(flat, "is anything on in the kitchen", "turn everything off in there")
    assert state(answer, "light.kitchen_spots") == "off"
    assert state(answer, "light.main") == "on"


async def test_once_more(flat: Stage) -> None:
    answer = await says(flat, "turn the TV down a bit", "a bit more", "again")
    assert answer.after["media_player.tv"]["attributes"]["volume_level"] == pytest.approx(0.1)
    assert not (await says(flat, "turn off the main light", "a bit more")).changed


async def test_a_word_that_changes_the_last_command(flat: Stage) -> None:
    answer = await says(flat, "bring the bedroom shade halfway down", "all the way down")
    assert answer.after["cover.bedroom_shade"]["attributes"]["current_position"] == 0
    answer = await says(flat, "turn on the sofa lamp and make it green", "no, blue is nicer")
    assert answer.after["light.sofa_lamp"]["attributes"]["rgb_color"] == (0, 0, 255)
    assert not (await says(flat, "turn on the sofa lamp", "banana bread")).changed


async def test_a_list_is_added_to(flat: Stage) -> None:
    given = ("add oil to the groceries", "and butter", "put milk on the groceries and add eggs")
    answer = await says(flat, *given)
    told = answer.after["todo.groceries"]["attributes"]["todo_items"]
    assert [item["summary"] for item in told] == ["Bread", "oil", "butter", "milk", "eggs"]
    answer = await says(flat, "check off bread")
    assert state(answer, "todo.groceries") == "0"


async def test_both_of_two(flat: Stage) -> None:
    answer = await says(flat, "turn both reading lights on", area="Bedroom")
    assert set(answer.changed) == {"light.reading_anna", "light.reading_tom"}


async def test_of_two_players_it_is_asked_which(flat: Stage) -> None:
    both = {"media_player__tv": "playing", "media_player__kitchen_speaker": "playing"}
    answer = await says(flat, "pause", area="Bedroom", **both)
    assert answer.asked and not answer.changed
    answer = await says(flat, "pause", "the TV", area="Bedroom", **both)
    assert answer.changed == ("media_player.tv",)


async def test_a_song_is_what_the_speaker_plays(flat: Stage) -> None:
    both = {"media_player__tv": "playing", "media_player__kitchen_speaker": "playing"}
    for text in ("pause the music", "stop the song", "turn the music off"):
        answer = await says(flat, text, area="Bedroom", **both)
        assert answer.changed == ("media_player.kitchen_speaker",), text
    answer = await says(flat, "pause the movie", area="Bedroom", **both)
    assert answer.changed == ("media_player.tv",)
    only = {"media_player__tv": "playing", "media_player__kitchen_speaker": "off"}
    assert not (await says(flat, "pause the song", area="Bedroom", **only)).changed


async def test_a_tail_of_the_sentence_is_shared(flat: Stage) -> None:
    answer = await says(flat, "turn the TV off and the main light as well")
    assert set(answer.changed) == {"media_player.tv", "light.main"}


async def test_by_how_much(flat: Stage) -> None:
    answer = await says(flat, "dim the main light by 20 percent")
    assert answer.after["light.main"]["attributes"]["brightness"] == 153
    answer = await says(flat, "turn the temperature down two degrees")
    assert answer.after["climate.ac"]["attributes"]["temperature"] == 22


async def test_unlocking_everything_asks_for_one_door(flat: Stage) -> None:
    answer = await says(flat, "unlock everything")
    assert answer.asked and not answer.changed


async def test_another_colour(flat: Stage) -> None:
    answer = await says(flat, "turn on the sofa lamp", "change the colour of the sofa lamp")
    assert tools(answer) == ["lights.another_color"]
    assert answer.changed == ("light.sofa_lamp",)


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("trun off teh kitchen ligth", ["HassTurnOff"]),
        ("tunr off the kitchne lights and opne the curtains", ["HassTurnOff", "HassTurnOn"]),
        ("please trun of the tv", ["HassTurnOff"]),
        ("shut the hell up and turn off the tv", ["HassTurnOff"]),
        ("turn the fucking tv off", ["HassTurnOff"]),
        (
            "I want the kitchen lights off and could you please close the curtains",
            ["HassTurnOff"] * 2,
        ),
    ],
)
async def test_slips_of_the_fingers_and_bad_manners(
    flat: Stage, text: str, calls: list[str]
) -> None:
    assert tools(await says(flat, text)) == calls


async def test_a_slip_that_may_be_its_opposite_does_nothing(flat: Stage) -> None:
    for text in ("ulock the apartment door", "unlokck the apartment door"):
        assert not tools(await says(flat, text)), text


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("dim the kitchen lights to a third and close the curtains", "brightness", 33),
        ("set the kitchen lights to a quarter", "brightness", 25),
        ("dim the kitchen lights to half brightness", "brightness", 50),
        ("set the curtains to two thirds", "position", 67),
        ("open the curtains to three quarters of the way", "position", 75),
        ("set a timer for half an hour", "minutes", 30),
    ],
)
async def test_fractions_are_parts_of_a_hundred(
    flat: Stage, text: str, key: str, value: int
) -> None:
    answer = await says(flat, text)
    assert answer.calls[0].arguments[key] == value, answer


async def test_free_text_is_more_than_a_pronoun(flat: Stage) -> None:
    for text in ("set it timer for five minutes", "add it to the shopping list"):
        calls = (await says(flat, text)).calls
        assert all("it" not in call.arguments.values() for call in calls), text
