"""A skill to copy: `cp -r skills/_template skills/coin`, then `hearth skills`."""

from __future__ import annotations

import random

from hub.skill import tool


@tool(phrases=["flip a coin", "(toss|throw) a coin", "heads or tails"], examples=["flip a coin"])
def flip() -> str:
    """Flip a coin."""
    return random.choice(["Heads.", "Tails."])
