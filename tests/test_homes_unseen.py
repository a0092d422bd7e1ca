"""Homes that the router had never seen: how much of what people say there is right, and how rarely
something is done that was not meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from hub.config import Config
from hub.evaluate.judging import Verdict
from hub.evaluate.run import Subject, run
from hub.evaluate.sets import texts

DATA = Path(__file__).parent / "data"
LEAST_RIGHT = {
    "homes-unseen": {
        "bakery-ca": 0.73,
        "croft-scot": 0.72,
        "family-uk": 0.89,
        "farm-za": 0.93,
        "houseboat-nl": 0.82,
        "inn-nz": 0.75,
        "kominka-jp": 0.82,
        "lighthouse-no": 0.90,
        "riad-ma": 0.78,
        "studio-ie": 0.94,
        "townhouse-us": 0.90,
    },
    "homes-german": {"haus-schwaben": 0.82, "wg-leipzig": 0.95},
    "homes-romance-dutch": {
        "bologna-it": 0.75,
        "lyon-fr": 0.75,
        "sevilla-es": 0.75,
        "utrecht-nl": 0.75,
    },
}
"""Set -> home -> share of its sentences; rules alone. Which were looked at: see their READMEs."""
MOST_WRONG = {"homes-unseen": 3, "homes-german": 1, "homes-romance-dutch": 1}
"""Sentences of all homes of a set by which something else happened than was meant."""


@pytest.mark.parametrize(("folder", "least"), LEAST_RIGHT.items())
async def test_what_people_say_in_other_homes_is_understood_and_rarely_wrong(
    folder: str, least: Mapping[str, float]
) -> None:
    verdicts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    shown: list[str] = []
    for homes in texts(DATA / folder):  # what is to be done, and what is asked
        score = await run(homes, Subject("rules", ("model",)), Config(), None)
        shown += score.failures()
        for each in score.scored:
            verdicts[each.home][each.judgement.verdict] += 1
    failed = "\n".join(shown)
    shares = {home: found["right"] / found.total() for home, found in verdicts.items()}
    assert shares.keys() == least.keys()
    assert not {home: shares[home] for home in least if shares[home] < least[home]}, failed
    wrong = sum(found["wrong_action"] for found in verdicts.values())
    assert wrong <= MOST_WRONG[folder], failed
