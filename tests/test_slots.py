"""Intents and slots that are understood word by word, without the shared sentence templates, in
homes with other names; and commands, questions and talk in a home of more kinds of device."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.config import Config
from hub.evaluate.judging import TextSet
from hub.evaluate.run import Subject, run
from hub.evaluate.sets import texts
from hub.evaluate.stage import Request
from tests.word_by_word import Thing, built

DATA = Path(__file__).parent / "data"
WORD_BY_WORD = Subject("rules, templates off", ("model", "sentences"))
RULES = Subject("rules", ("model",))

FLOORS = [
    ("en", WORD_BY_WORD, 95.0, 4),
    ("de", WORD_BY_WORD, 90.0, 12),
    ("en", RULES, 93.5, 10),
    ("de", RULES, 91.0, 10),
]
"""Language, what it is read with, the least per cent that is right, the most that acts wrongly."""


def of(language: str) -> TextSet:
    return next(chosen for chosen in texts(DATA / "slots") if chosen.name.endswith(language))


@pytest.mark.parametrize(("language", "subject", "least", "most"), FLOORS)
async def test_most_combinations_are_understood(
    language: str, subject: Subject, least: float, most: int
) -> None:
    score = (await run(of(language), subject, Config(), None)).to_json()
    assert score["right_percent"] >= least
    assert score["wrong_action"] <= most


async def test_commands_questions_and_talk_are_told_apart() -> None:
    (chosen,) = texts(DATA / "slots_bench")
    score = (await run(chosen, RULES, Config(), None)).to_json()
    assert score["right_percent"] >= 93.0
    assert score["wrong_action"] <= 1


FAMILY: list[Thing] = [
    ("person.greta", "Greta", None, "home", None),
    ("person.anton", "Anton", None, "Office", None),
    ("todo.chores", "Chores", None, "0", None),
    ("light.kitchen", "Ceiling", "kitchen", "off", None),
    ("vacuum.rover", "Rover", None, "docked", None),
]
ASKED = [
    ("de", "ist jemand zu Hause", "Ja, Greta."),
    ("de", "ist Greta daheim", "Ja."),
    ("de", "sind alle zu Hause", "Nein, Anton ist nicht zu Hause."),
    ("en", "who is home", "Greta."),
    ("en", "is Anton at home", "No, it is Office."),
    ("en", "is Anton at the office", "Yes."),
]


@pytest.mark.parametrize("without", [(), ("sentences",)])
def test_who_is_home_is_told_in_both_languages(without: tuple[str, ...]) -> None:
    for language in ("de", "en"):
        home = built({"kitchen": "Kitchen"}, FAMILY, {}, language, *without)
        for text, reply in [(text, told) for code, text, told in ASKED if code == language]:
            answer = asyncio.run(home.answer(Request(text, "Kitchen", language)))
            assert answer.reply == reply, text


def test_a_room_in_what_is_put_on_a_list_is_a_part_of_it() -> None:
    home = built({"kitchen": "Kitchen"}, FAMILY, {}, "en", "sentences")
    for text in ("add clean the kitchen to the chores", "put clean the kitchen on my chores list"):
        (call,) = asyncio.run(home.answer(Request(text, "Kitchen"))).routed
        assert call.arguments == {"name": "Chores", "item": "clean the kitchen"}, text


def test_what_is_called_by_its_name_is_told_by_a_verb() -> None:
    home = built({"kitchen": "Kitchen"}, FAMILY, {}, "en", "sentences")
    for text in ("have Rover vacuum the kitchen", "tell Rover to vacuum the kitchen"):
        (call,) = asyncio.run(home.answer(Request(text, "Kitchen"))).routed
        assert call.tool == "HassVacuumCleanArea", text
        assert call.arguments == {"name": "Rover", "area": "Kitchen"}, text
