"""Louder, quieter, mute: what plays in the room is meant, else what plays alone, else the hub."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import Household

pytestmark = pytest.mark.asyncio(loop_scope="module")

RADIO, TV = "media_player.kitchen_radio", "media_player.living_room_tv"


async def playing(house: Household, *players: str) -> None:
    for player in players:
        house.devices.set_state(player, "playing", volume_level=0.5, is_volume_muted=False)
    await asyncio.sleep(0)


def volume(house: Household, player: str) -> float:
    return float(house.home.state(player).attributes["volume_level"])


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("louder", 0.6),
        ("turn it up", 0.6),
        ("a bit louder please", 0.6),
        ("volume up", 0.6),
        ("quieter", 0.4),
        ("turn it down a bit", 0.4),
        ("it's too loud", 0.4),
        ("set the volume to 20 percent", 0.2),
    ],
)
async def test_what_plays_in_the_room_is_meant(house: Household, said: str, level: float) -> None:
    await playing(house, RADIO, TV)
    await house.say(said, area="Kitchen")
    assert (volume(house, RADIO), volume(house, TV)) == (level, 0.5)


@pytest.mark.parametrize("area", [None, "Bedroom", "Living Room"])
async def test_what_plays_alone_is_meant_from_every_room(house: Household, area: str) -> None:
    await playing(house, RADIO)
    await house.say("louder", area=area)
    assert volume(house, RADIO) == 0.6
    await house.say("mute", area=area)
    assert house.home.state(RADIO).attributes["is_volume_muted"]
    await house.say("pause", area=area)
    assert house[RADIO] == "paused"


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("louder", "My volume is"),
        ("turn it up", "My volume is"),
        ("volume down", "My volume is"),
        ("set the volume to 50 percent", "My volume is 50 percent."),
        ("mute", "I am muted."),
        ("unmute", "I am back."),
    ],
)
async def test_in_silence_the_hub_itself_is_meant(house: Household, said: str, reply: str) -> None:
    assert (await house.say(said, area="Kitchen")).reply.text.startswith(reply)


async def test_of_several_elsewhere_none_is_meant(house: Household) -> None:
    await playing(house, RADIO, TV)
    assert (await house.say("louder", area="Bedroom")).reply.text.startswith("My volume is")
    assert volume(house, RADIO) == volume(house, TV) == 0.5


async def test_a_lamp_that_was_spoken_of_is_what_is_turned_up(house: Household) -> None:
    await playing(house, RADIO)
    await house.say("turn on the bedside lamp", area="Kitchen")
    await house.say("dim the bedside lamp", area="Kitchen")
    dimmed = house.home.state("light.bedside_lamp").attributes["brightness"]
    await house.say("turn it up", area="Kitchen")
    assert house.home.state("light.bedside_lamp").attributes["brightness"] > dimmed
    assert volume(house, RADIO) == 0.5


async def test_a_player_that_was_named_is_never_the_hub(house: Household) -> None:
    trace = await house.say("turn the TV down")
    assert trace.reply.text == "Nothing is playing."


async def test_the_hub_itself_can_be_named(house: Household) -> None:
    await playing(house, RADIO)
    assert (await house.say("speak louder", area="Kitchen")).reply.text.startswith("My volume is")
    assert volume(house, RADIO) == 0.5


async def test_lauter_means_the_same(house: Household) -> None:
    await playing(house, RADIO)
    await house.assistant.say("mach es etwas lauter", area="Kitchen", language="de")
    assert volume(house, RADIO) == 0.6
    await house.assistant.say("zu laut", area="Kitchen", language="de")
    assert volume(house, RADIO) == 0.5
