"""One way to understand one text, before the best over all texts is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.messages import Call, Tier
from hub.router.context import Targets


@dataclass(frozen=True, slots=True)
class Reading:
    """What a tier makes of a text."""

    calls: tuple[Call, ...]
    tier: Tier
    quality: float
    """0-1: 1 for word-for-word, less where spelling or wildcards had to help."""
    why: str
    open: bool = False
    """It may go on: free text stands in it, or nothing but a name was said."""
    bare: bool = False
    """Nothing but a name was said."""
    guessed: bool = False
    """Not word-for-word."""
    doable: bool = True
    """Whether the home has what it needs."""
    targets: Targets | None = None
    question: str | None = None
    choices: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    sentence: str | None = None
    """What to say if this cannot be done and nothing else is understood."""


RANK_PENALTY = 0.05
"""Taken from the quality for each place behind the likeliest hypothesis."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A reading of one hypothesis among those of others."""

    reading: Reading
    text: str
    score: float


def ranked(reading: Reading, text: str, rank: int) -> Ranked:
    return Ranked(reading, text, reading.quality - RANK_PENALTY * rank)


Parsed = tuple[str, dict[str, Any], str]
"""Intent, slots with ids, response key."""
