"""Retrieval: the likeliest things, however they were spelt, in homes of any size."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config import Config
from hub.evaluate.bench_router import measure_retrieval, misheard
from hub.evaluate.homes import generated, still_home
from hub.home.model import Home
from hub.ports import Inventory, SourceArea, SourceEntity
from hub.router.numbers import numbers, with_hundreds
from hub.router.places import Places
from hub.router.retrieve import Retriever
from hub.router.words import words
from hub.skillset import Skillset
from tests.router_home import INVENTORY, TOOLS


def _retriever(home: Home) -> Retriever:
    return Retriever(Places(home, TOOLS), words("en"))


@pytest.fixture(scope="module")
def small() -> Retriever:
    return _retriever(asyncio.run(still_home(INVENTORY)))


@pytest.fixture(scope="module")
def large() -> tuple[Retriever, Home]:
    home = asyncio.run(still_home(generated(1000)))
    return _retriever(home), home


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("the worktop strip", "light.worktop"),
        ("work top strip", "light.worktop"),
        ("worktopp stripp", "light.worktop"),
        ("the cofee maker", "switch.coffee"),
        ("koffee maker", "switch.coffee"),
        ("frunt door", "lock.front"),
        ("nite light", "light.bedside"),
        ("bedrom blinds", "cover.bedroom"),
    ],
)
def test_the_thing_is_found_first(small: Retriever, text: str, entity: str) -> None:
    things = [thing for thing in small.find([text], None).things if thing.entity]
    assert things[0].entity == entity
    assert things[0].evidence >= 0.7


def test_another_hypothesis_may_have_the_name(small: Retriever) -> None:
    found = small.find(["the cough he mager", "the coffee maker"], None)
    assert found.things[0].entity == "switch.coffee"


def test_the_room_makes_a_thing_likelier(small: Retriever) -> None:
    in_bedroom = small.find(["the ceiling light"], "bedroom").things
    assert in_bedroom[0].entity == "light.bedroom_ceiling"
    named = small.find(["the ceiling light in the living room"], "bedroom").things
    assert named[0].entity == "light.living_ceiling"


def test_the_only_one_of_a_kind_needs_no_room(small: Retriever) -> None:
    fan = next(t for t in small.find(["the fan"], None).things if t.entity == "fan.bedroom")
    light = next(t for t in small.find(["the light"], None).things if t.entity == "light.worktop")
    assert fan.evidence >= 0.7 > light.evidence


def test_all_of_a_kind_in_a_room(small: Retriever) -> None:
    found = small.find(["the kitchen lamps"], None).things
    group = next(thing for thing in found if thing.entity is None)
    assert (group.area, group.domain) == ("kitchen", "light")
    assert group.evidence >= 0.7


@pytest.mark.parametrize("text", ["who won the election in peru", "i am hungry", ""])
def test_nothing_is_found_in_chit_chat(small: Retriever, text: str) -> None:
    assert all(thing.evidence < 0.7 for thing in small.find([text], None).things)


def test_tools_by_their_words(small: Retriever) -> None:
    tools = [tool.name for tool, weight in small.find(["brew me a coffee"], None).tools if weight]
    assert tools[0] == "coffee.brew"


def test_no_more_than_asked_for(small: Retriever) -> None:
    found = small.find(["the light lamp door fan"], "kitchen", things=3, tools=2)
    assert len(found.things) == 3 and len(found.tools) == 2


def test_recall_in_a_large_home(large: tuple[Retriever, Home]) -> None:
    retriever, home = large
    asked = list(home.entities.values())[::23]
    hits = 0
    for number, entity in enumerate(asked):
        area = home.area_of(entity)
        assert area is not None
        text = f"please do something about the {misheard(entity.name, number)} in the {area.name}"
        found = retriever.find([text], None)
        hits += entity.entity_id in {thing.entity for thing in found.things}
    assert hits / len(asked) >= 0.95


@pytest.mark.slow
def test_time_is_flat(large: tuple[Retriever, Home], small: Retriever) -> None:
    text = "could somebody please do something about the kichen ceeling lite right now"

    def best(retriever: Retriever) -> float:
        times = []
        for _ in range(5):
            started = time.process_time()
            retriever.find([text], None)
            times.append(time.process_time() - started)
        return min(times)

    assert best(large[0]) < 0.05


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=3))
def test_odd_text_is_harmless(small: Retriever, texts: list[str]) -> None:
    small.find(texts, "kitchen")
    numbers(texts[0], "en")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("dim the lamp to a hundred and fifty percent", "dim the lamp to 150 percent"),
        ("in one hundred and twenty five minutes", "in 125 minutes"),
        ("two hundred fifty-five", "255"),
        ("up to a hundred and close the blinds", "up to 100 and close the blinds"),
        ("one hundred percent", "100 percent"),
        ("a hundred times no", "100 times no"),
        ("hundred acre wood", "hundred acre wood"),
        ("seventeen", "seventeen"),
    ],
)
def test_hundreds(text: str, plain: str) -> None:
    assert with_hundreds(text, "en", "a hundred and") == plain


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("set it to 40 percent", "en", ("40",)),
        ("twenty five degrees or 20.5", "en", ("25", "20.5")),
        ("auf fünfunddreißig Prozent", "de", ("35",)),
        ("no number at all", "en", ()),
        ("in one hundred twenty minutes", "en", ("120",)),
        ("Timer für zwei Stunden und 12 Minuten", "de", ("2", "12")),
    ],
)
def test_numbers(text: str, language: str, found: tuple[str, ...]) -> None:
    assert numbers(text, language) == found


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("make it louder", "media_player"),
        ("skip this song", "media_player"),
        ("set the brightness to forty percent", "light"),
        ("set the temperature to 21 degrees", "climate"),
    ],
)
def test_a_word_may_speak_of_a_kind_of_thing_and_name_none(
    large: tuple[Retriever, Home], text: str, domain: str
) -> None:
    _, home = large
    retriever = Retriever(Places(home, Skillset.load(Config(), home).specs()), words("en"))
    rooms = {e.area_id for e in home.entities.values() if e.domain == domain}
    for room in sorted(rooms, key=str)[:5]:
        things = retriever.find([text], room, things=10).things
        assert any(thing.domain == domain and thing.area == room for thing in things), room


def test_each_of_several_commands_has_its_candidates(small: Retriever) -> None:
    found = small.find(["lock the front door and switch off the coffee maker"], None, things=4)
    assert {"lock.front", "switch.coffee"} <= {thing.entity for thing in found.things}


def test_rooms_that_are_named_are_candidates_themselves(small: Retriever) -> None:
    assert small.find(["turn off everything in the kitchn"], None).areas == ("kitchen",)
    assert small.find(["turn off everything"], "bedroom").areas == ()


def test_a_room_that_was_said_is_not_one_of_a_longer_name(large: tuple[Retriever, Home]) -> None:
    retriever, home = large
    assert {"kitchen", "kitchen_2", "kitchen_3"} <= home.areas.keys()
    assert retriever.find(["turn on the kitchen lights"], None).areas == ("kitchen",)
    assert "kitchen_3" in retriever.find(["turn on the kitchen 3 lights"], None).areas


async def test_parts_of_compounds_are_found_in_languages_that_have_them() -> None:
    inventory = Inventory(
        (
            SourceEntity("light.a", "Deckenlampe", "light", "kueche"),
            SourceEntity("light.b", "Küchenlicht", "light", "kueche"),
            SourceEntity("cover.c", "Rollo", "cover", "bad"),
        ),
        (SourceArea("kueche", "Küche"), SourceArea("bad", "Badezimmer")),
    )
    home = await still_home(inventory)
    retriever = Retriever(Places(home, TOOLS), words("de"))
    for text in ("das küchenlihct aus", "küchenlicht aus", "das licht in der küche"):
        assert "light.b" in {t.entity for t in retriever.find([text], None, things=2).things}
    assert retriever.find(["das badezimmerrollo runter"], None).things[0].entity == "cover.c"
    await home.close()


async def test_recall_does_not_fall_nor_time_rise_with_the_home() -> None:
    small, large = [await measure_retrieval(size) for size in (25, 2500)]
    assert small.recall == 1.0
    assert large.recall >= 0.97
    assert large.p50 < 10
