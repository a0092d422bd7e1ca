"""Numbers as people choose and say them."""

from __future__ import annotations

import random
from functools import lru_cache

from hub.language.spellout import spellout
from hub.router.numbers import numbers

MINUTES = (1, 2, 3, 5, 5, 7, 8, 10, 10, 12, 15, 15, 20, 20, 25, 30, 40, 45, 50, 60, 90)

SECONDS = (5, 10, 15, 20, 30, 30, 40, 45, 50, 60, 90)


def number_for(name: str, dice: random.Random) -> int:
    """A number as people choose it for this."""
    if name in ("temperature", "room_temperature"):
        warm = dice.randint(62, 78) if dice.random() < 0.12 else dice.randint(15, 27)
        return dice.randint(5, 90) if dice.random() < 0.04 else warm
    if name == "kelvin":
        return dice.choice((2000, 2200, 2500, 2700, 3000, 3500, 4000, 4500, 5000, 6000, 6500))
    if name == "hours":
        return dice.choice((1, 1, 2, 2, 3, 4, 5, 6, 8, 10, 12, 24))
    if name == "minutes":
        return dice.choice(MINUTES) if dice.random() < 0.8 else dice.randint(1, 60)
    if name == "seconds":
        return dice.choice(SECONDS)
    if name in ("volume_step", "volume_step_down"):
        return dice.choice((5, 10, 10, 15, 20, 25, 30))
    spread = dice.random()
    if spread < 0.55:
        return 10 * dice.randint(0 if spread < 0.02 else 1, 10)
    return 5 * dice.randint(1, 19) if spread < 0.8 else dice.randint(1, 99)


@lru_cache(maxsize=20_000)
def in_words(number: int, language: str, variant: int) -> str | None:
    """A number as it is said, if `numbers` would find it in the sentence."""
    text = spellout(language).format_number(number).text.replace("\xad", "")
    if variant and language == "en":
        text = text.replace("-", " ")
    if variant and language == "de" and text.startswith("einhundert"):
        text = text.removeprefix("ein")
    return text if str(number) in numbers(text, language) else None
