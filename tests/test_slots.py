"""Intents and slots that are understood word by word, without the shared sentence templates, in
homes with other names; and commands, questions and talk in a home of more kinds of device."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.config import Config
from hub.evaluate.judging import TextSet
from hub.evaluate.run import Subject, run
from hub.evaluate.sets import texts

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
