"""What leans on the sentence before: the same elsewhere, or something else of the same."""

from __future__ import annotations

import pytest

from hub.router import Context
from hub.router.leaning import MOST_WAYS
from hub.router.said import sayings
from tests.conftest import Household
from tests.router_home import utterance

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_same_in_another_room(house: Household) -> None:
    house.devices.set_state("light.living_room_ceiling", "off")
    await house.say("turn on the kitchen light", "Office")
    await house.say("and in the living room", "Office")
    assert house["light.living_room_ceiling"] == "on"
    assert house["light.desk_lamp"] == "off"


async def test_the_same_question_of_another_room(house: Household) -> None:
    await house.say("is the kitchen light on", "Office")
    trace = await house.say("and in the bedroom", "Office")
    assert [call.tool for call in trace.intent.calls] == ["HassGetState"]
    assert trace.intent.calls[0].arguments.get("area") == "Bedroom"


async def test_it_is_turned_back(house: Household) -> None:
    await house.say("turn on the desk lamp", "Office")
    assert house["light.desk_lamp"] == "on"
    await house.say("no, turn it off", "Office")
    assert house["light.desk_lamp"] == "off"


@pytest.mark.parametrize("said", ["turn off all", "turn off all the", "dim all"])
async def test_what_has_not_been_said_yet_is_not_taken_from_before(
    house: Household, said: str
) -> None:
    await house.say("turn off the bedside lamp", "Bedroom")
    await house.say("turn on the bedside lamp", "Bedroom")
    trace = await house.say(said, "Bedroom")
    assert not trace.intent.calls
    assert house["light.bedside_lamp"] == "on"


async def test_another_number(house: Household) -> None:
    await house.say("set it to 20 degrees in the living room", "Office")
    await house.say("no, make it 22", "Office")
    assert house.home.state("climate.living_room").attributes["temperature"] == 22


async def test_what_names_nothing_of_the_home_is_not_tried(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await house.say("set the desk lamp to fifty percent", "Office")
    assert first.intent.targets
    tried: list[str] = []
    router = house.assistant.router
    reader = router._reader("en")
    assert reader is not None
    able = reader.able

    def counting(text: str, context: Context) -> object:
        tried.append(text)
        return able(text, context)

    monkeypatch.setattr(reader, "able", counting)
    context = Context(area="Office", targets=first.intent.targets)
    for text, most in (
        ("and what about my old uncle tom", 1),
        ("and what about the kitchen of my uncle", 1 + MOST_WAYS),
    ):
        tried.clear()
        reader.leaning.read(sayings(utterance(text), "en", context), context)
        assert len(tried) <= most, text
