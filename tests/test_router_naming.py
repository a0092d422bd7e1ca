"""What people call rooms and things, where it is not what they are named in the home."""

from __future__ import annotations

import asyncio

import pytest

from hub.ports import Inventory, SourceArea, SourceEntity
from hub.router import Router
from hub.router.numbers import said_numbers
from tests.router_home import calls, make_router, said

HOME = Inventory(
    floors=(),
    areas=(
        SourceArea("master", "Master Bedroom"),
        SourceArea("hallway", "Hallway"),
        SourceArea("guest", "Guest House"),
        SourceArea("flur", "Flur"),
    ),
    entities=(
        SourceEntity("light.master", "Bed Light", "light", "master"),
        SourceEntity("light.hallway", "Spot", "light", "hallway"),
        SourceEntity("light.guest", "Pendant", "light", "guest"),
        SourceEntity("light.flur", "Strahler", "light", "flur"),
        SourceEntity("lock.front", "Front Door Lock", "lock", "hallway"),
        SourceEntity("binary_sensor.front", "Front Door", "binary_sensor", "hallway", "door"),
        SourceEntity("media_player.tv", "Living Room TV", "media_player", "master", "tv"),
        SourceEntity("switch.tv", "Living Room TV Plug", "switch", "master"),
    ),
)


@pytest.fixture(scope="module")
def router() -> Router:
    return asyncio.run(make_router(inventory=HOME, languages=("en", "de")))[0]


@pytest.mark.parametrize(
    ("text", "language", "name"),
    [
        ("turn on the light in the bedroom", "en", "Bed Light"),
        ("turn off the lights in the hall", "en", "Spot"),
        ("schalte das Licht in der Diele an", "de", "Strahler"),
    ],
)
async def test_a_room_is_called_by_what_it_is(
    router: Router, text: str, language: str, name: str
) -> None:
    intent = await said(router, text, language=language)
    assert [call.arguments["name"] for call in intent.calls] == [name]


async def test_the_house_is_not_the_guest_house(router: Router) -> None:
    intent = await said(router, "turn off the lights in the house")
    assert calls(intent) == [("HassTurnOff", {"domain": "light"})]


async def test_a_sensor_of_the_same_name_keeps_nobody_from_locking_a_door(router: Router) -> None:
    assert calls(await said(router, "lock the front door")) == [
        ("HassTurnOn", {"name": "Front Door Lock"})
    ]


async def test_the_plug_of_the_television_is_no_television(router: Router) -> None:
    for text, name in (("the TV", "Living Room TV"), ("the TV plug", "Living Room TV Plug")):
        intent = await said(router, f"turn off {text}")
        assert calls(intent) == [("HassTurnOff", {"name": name})]


def test_numbers_in_names_are_said_in_words_and_written_in_digits() -> None:
    assert said_numbers("Fan 1", "en") == ("Fan one",)
    assert said_numbers("Bedroom Two", "en") == ("Bedroom 2",)
    assert said_numbers("Lampe 2", "de") == ("Lampe zwei",)
    assert said_numbers("Ozone", "en") == ()
