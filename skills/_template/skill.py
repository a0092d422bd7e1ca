"""Flips coins: 'flip a coin', 'toss three coins'."""

from __future__ import annotations

import random
from typing import Annotated

from hub.skill import Range, Say, Settings, tool


@tool(
    phrases=["(flip|toss|throw) a coin", "(flip|toss|throw) {count} coins", "heads or tails"],
    examples=["flip a coin", "toss three coins"],
)
def flip(settings: Settings, count: Annotated[int, Range(1, 100)] = 1) -> Say:
    """Flip one coin or several."""
    if count > settings["most"]:
        return Say("too_many", most=settings["most"])
    heads = sum(random.random() < 0.5 for _ in range(count))
    if count == 1:
        return Say("heads" if heads else "tails")
    return Say("several", heads=heads)
