"""A quiz of sums: 'let's play the quiz'. Each question waits for its answer."""

from __future__ import annotations

import random
from typing import Literal

from hub.skill import Conversation, Dropped, Say, Settings, Store, tool

LARGEST = {"easy": 10, "hard": 50}
BEST = "best"


@tool(examples=["let's play a quiz", "quiz me with hard sums"])
async def quiz(
    conversation: Conversation,
    settings: Settings,
    store: Store,
    level: Literal["easy", "hard"] = "easy",
) -> Say | None:
    """Ask sums, one after the other, and tell how many were right."""
    count, right, before = settings["questions"], 0, ""
    for number in range(1, count + 1):
        one, other = (random.randint(2, LARGEST[level]) for _ in range(2))
        key = "first" if number == 1 else before
        try:
            answer = await conversation.ask(Say(key, one=one, other=other), int)
        except Dropped:
            return None  # something else was said: the round is over
        right += answer == one + other
        before = "right" if answer == one + other else "wrong"
    await store.put(BEST, max(right, await store.get(BEST, 0)))
    return Say("score", right=right, count=count)


@tool(examples=["what is my best quiz score"])
async def best(store: Store) -> Say:
    """Tell the best result in the quiz."""
    most = await store.get(BEST)
    return Say("none_yet") if most is None else Say("best", right=most)
