"""Scoring by the states of a simulated home: right, wrong, and nothing done are told apart."""

from __future__ import annotations

from pathlib import Path

from hub.evaluate.text import evaluate_assist

FOLDER = Path(__file__).parent / "data" / "assist"


async def test_scores() -> None:
    score = await evaluate_assist(FOLDER)
    verdicts = [(each.case.sentence, each.verdict) for each in score.judged]
    assert verdicts == [
        ("Please turn on the kitchen light", "right"),
        ("Set the kitchen light to 50% brightness", "right"),
        ("Turn off the light", "right"),
        ("Turn off the light", "right"),
        ("Turn on the bedroom light", "wrong"),
        ("Let there be a spark where we cook", "none"),
    ]
    assert (score.count("right"), score.count("wrong"), score.count("none")) == (4, 1, 1)
    assert "wrong 1" in str(score)
    wrong = next(each for each in score.judged if each.verdict == "wrong")
    assert "light.bedroom changed" in wrong.differences


async def test_tiers_are_told_apart() -> None:
    score = await evaluate_assist(FOLDER)
    assert score.by_tier["rules"]["right"] == 4
    assert score.by_tier["none"]["none"] == 1
