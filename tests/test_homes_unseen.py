"""Homes that the router had never seen: how much of what people say there is right, and how rarely
something is done that was not meant."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hub.config import Config
from hub.evaluate.run import Subject, run
from hub.evaluate.sets import texts

HOMES = Path(__file__).parent / "data" / "homes-unseen"
LEAST_RIGHT = 0.88
"""Share of the sentences; rules alone."""
MOST_WRONG = 2
"""Sentences by which something else happened than was meant."""


async def test_what_people_say_in_other_homes_is_understood_and_rarely_wrong() -> None:
    (homes,) = texts(HOMES)
    score = await run(homes, Subject("rules", ("model",)), Config(), None)
    verdicts = Counter(each.judgement.verdict for each in score.scored)
    shown = "\n".join(score.failures())
    assert verdicts["right"] >= LEAST_RIGHT * homes.total, shown
    assert verdicts["wrong_action"] <= MOST_WRONG, shown
