"""What a home answers by itself: no question where only one thing can have been meant."""

from __future__ import annotations

import pytest

from hub.ports import Inventory, SourceArea, SourceEntity
from tests.router_home import calls, make_router, said

DIMMABLE = {"supported_color_modes": ["brightness"]}
PLAIN = {"supported_color_modes": ["onoff"]}
AREAS = (
    SourceArea("suite", "Master Bedroom"),
    SourceArea("guest", "Guest Bedroom"),
    SourceArea("cellar", "Cellar"),
    SourceArea("den", "Den"),
)


def light(
    key: str, name: str, area: str, state: str = "off", attributes: object = None
) -> SourceEntity:
    return SourceEntity(
        f"light.{key}", name, "light", area, state=state, attributes=attributes or DIMMABLE
    )


async def heard(text: str, *entities: SourceEntity, area: str | None = None) -> object:
    router, _ = await make_router(inventory=Inventory(entities, AREAS))
    return await said(router, text, area=area)


async def test_the_one_that_is_called_so_goes_before_one_that_has_more_to_its_name() -> None:
    home = (light("a", "Bedroom Light", "suite"), light("b", "Guest Bedroom Light", "guest"))
    intent = await heard("turn on the light in the bedroom", *home)
    assert [call.arguments["name"] for call in intent.calls] == ["Bedroom Light"]


async def test_what_is_called_alike_is_asked_for() -> None:
    home = (light("a", "Bedroom Light", "suite"), light("b", "Bedroom Light", "guest"))
    intent = await heard("turn on the bedroom light", *home)
    assert not intent.calls and intent.question


async def test_the_only_light_that_can_be_dimmed_is_dimmed() -> None:
    home = (
        light("a", "Bedroom Light", "suite", attributes=PLAIN),
        light("b", "Bedroom Light", "guest"),
    )
    intent = await heard("dim the bedroom light to 40 percent", *home)
    assert [call.arguments["name"] for call in intent.calls] == ["light.b"]
    assert (await heard("turn on the bedroom light", *home)).question


async def test_the_only_light_that_is_on_is_turned_off_and_only_one() -> None:
    home = (
        light("a", "Lamp", "cellar"),
        light("b", "Spot", "den", "on"),
        light("c", "Strip", "den"),
    )
    intent = await heard("turn off the light", *home)
    assert [call.arguments["name"] for call in intent.calls] == ["Spot"]
    both = (*home[:1], home[1], light("c", "Strip", "den", "on"))
    assert not (await heard("turn off the light", *both)).calls


async def test_a_dark_room_is_not_where_somebody_is() -> None:
    home = (light("a", "Lamp", "cellar"), light("b", "Spot", "den", "on"))
    intent = await heard("turn on the light", *home)
    assert not intent.calls and intent.question


async def test_several_things_are_not_the_one_of_them_that_is_open() -> None:
    home = tuple(
        SourceEntity(f"cover.{area}", "Curtain", "cover", area, "curtain", state=state)
        for area, state in (("den", "open"), ("cellar", "closed"))
    )
    one = await heard("close the curtain", *home)
    assert [call.arguments["name"] for call in one.calls] == ["cover.den"]
    for call in (await heard("close the curtains", *home)).calls:
        assert "name" not in call.arguments


@pytest.mark.parametrize(
    ("text", "states", "name"),
    [
        ("turn on the light", ("off", "off"), "Main Light"),
        ("dim the light to 20 percent", ("on", "on"), "Main Light"),
        ("turn off the light", ("off", "on"), None),  # the lamp, which is on, was meant
        ("turn on the lights", ("off", "off"), None),
        ("turn on all the lights in the den", ("off", "off"), None),
    ],
)
async def test_the_light_of_a_room_is_its_main_light(
    text: str, states: tuple[str, str], name: str | None
) -> None:
    home = (
        light("main", "Main Light", "den", states[0]),
        light("lamp", "Reading Lamp", "den", states[1]),
    )
    intent = await heard(text, *home, area="Den")
    assert [call.arguments.get("name") for call in intent.calls] == [name], calls(intent)


async def test_a_light_with_a_purpose_of_its_own_is_not_the_light_of_the_room() -> None:
    home = (light("a", "Reading Light", "den"), light("b", "Floor Lamp", "den"))
    intent = await heard("turn on the light", *home, area="Den")
    assert calls(intent) == [("HassTurnOn", {"area": "Den", "domain": "light"})]


async def test_a_thing_is_known_by_what_it_stands_beside() -> None:
    home = (light("a", "Old Fountain Light", "den"), light("b", "Lamp", "cellar"))
    intent = await heard("turn on the light by the fountain", *home)
    assert [call.arguments["name"] for call in intent.calls] == ["Old Fountain Light"]
