"""A first word that was misheard is read as the verb it sounds like, if that makes a command."""

from __future__ import annotations

import pytest

from hub.language import words
from hub.router.byear import readings
from tests.conftest import Household

VERBS = words("en")["verbs"]


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("block the garage door", "lock the garage door"),
        ("at milk to the shopping list", "add milk to the shopping list"),
        ("cause the music please", "pause the music please"),
        ("reset the volume to 30", "set the volume to 30"),
        ("blows the kitchen blinds", "close the kitchen blinds"),
        ("lock the front door", ""),
        ("the kitchen light is nice", ""),
        ("lights on", ""),
    ],
)
def test_what_sounds_like_a_verb_is_read_as_one(heard: str, meant: str) -> None:
    found = readings(heard, VERBS)
    assert (found[0] if found else "") == meant


@pytest.mark.parametrize(
    ("heard", "entity_id", "before", "after"),
    [
        ("Block the front door.", "lock.front_door", "unlocked", "locked"),
        ("Burn off the hallway light.", "light.hallway", "on", "off"),
    ],
)
async def test_the_home_obeys_a_command_whose_verb_was_misheard(
    house: Household, heard: str, entity_id: str, before: str, after: str
) -> None:
    house.devices.set_state(entity_id, before)
    trace = await house.hear(heard)
    assert house.devices.state(entity_id) == after, trace


async def test_talk_that_begins_alike_does_nothing(house: Household) -> None:
    before = {key: house.home.state(key) for key in house.home.entities}
    for heard in ("Let the dog out now.", "He said the light is nice.", "Book the flight to Rome."):
        trace = await house.hear(heard)
        assert not trace.outcomes, trace
    assert {key: house.home.state(key) for key in house.home.entities} == before
