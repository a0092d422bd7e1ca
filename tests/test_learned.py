"""Words that were heard for a device's name twice, and then put right, become a name of it."""

from __future__ import annotations

import pytest

from hub.home.merge import Personal
from hub.home.model import Entity
from hub.router.learned import SOON, Corrections
from tests.conftest import Household

LAMP = Entity("light.lisbeth", "Lisbeth's Lamp", "light")


def put_right(
    learned: Corrections, missed: str, done: str, *, after: float = 5.0, room: str = "hall"
) -> str | None:
    learned.missed("hall", missed, 100.0)
    return learned.done(room, done, LAMP, 100.0 + after, "en")


@pytest.mark.parametrize(
    ("missed", "name"),
    [
        ("turn on lisa bad lamp", "lisa bad lamp"),
        ("turn on list bets lamp", "list bets lamp"),
        ("turn off lisa bad lamp", None),  # another command
        ("turn on the radio", None),  # another thing
        ("turn on", None),
    ],
)
def test_what_stood_in_the_place_of_the_name_is_learned(missed: str, name: str | None) -> None:
    learned = Corrections()
    assert put_right(learned, missed, "Turn on Lisbeth's lamp") is None
    assert put_right(learned, missed, "Turn on Lisbeth's lamp") == name


def test_not_from_once_nor_much_later_nor_from_elsewhere() -> None:
    learned = Corrections()
    said = ("turn on lisa bad lamp", "turn on Lisbeth's lamp")
    assert put_right(learned, *said) is None
    assert put_right(learned, *said, after=SOON + 1) is None
    assert put_right(learned, *said, room="kitchen") is None
    assert put_right(Corrections(), *said) is None


def test_what_is_called_so_already_is_no_name_for_another() -> None:
    learned = Corrections()
    for _ in range(3):
        learned.missed(None, "turn on lisa bad lamp", 1.0)
        assert not learned.done(None, "turn on lisbeth's lamp", LAMP, 2.0, "en", {"lisa bad lamp"})


async def test_the_home_obeys_what_it_misheard_twice(house: Household) -> None:
    try:
        for _ in range(2):
            await house.say("turn on the full lamb")
            house.devices.set_state("light.floor_lamp", "off")
            await house.say("turn on the floor lamp")
        house.devices.set_state("light.floor_lamp", "off")
        trace = await house.say("turn on the full lamb")
        assert house.devices.state("light.floor_lamp") == "on", trace
        # It is a name like others: shown with them, and taken away with them.
        assert "full lamb" in house.home.entities["light.floor_lamp"].aliases
        house.home.change("light.floor_lamp", Personal())
        assert not (await house.say("turn on the full lamb")).outcomes
    finally:
        house.home.change("light.floor_lamp", Personal())


async def test_a_lock_is_never_given_a_name_that_was_misheard(house: Household) -> None:
    before = house.home.entities["lock.front_door"].aliases
    for _ in range(3):
        await house.say("lock the fraud dour")
        house.devices.set_state("lock.front_door", "unlocked")
        await house.say("lock the front door")
    assert house.home.entities["lock.front_door"].aliases == before
