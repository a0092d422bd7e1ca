"""Help with phrases that many tools have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence


def by_a_bit(phrases: Sequence[str]) -> list[str]:
    """English phrases of a tool that goes a step ('brighter'): each may end in 'a bit', and holds
    such words where `<bit>` stands. Of any other tool they would ask for what it does not do."""
    bit = "([a] (bit|tad|touch|little [bit]|smidge|lot)|slightly|somewhat|much)"
    return [f"{phrase} [<bit>]".replace("<bit>", bit) for phrase in phrases]


def as_written(text: str, said: str) -> str:
    """Words of a sentence with the capitals and signs that they have in it (`Where.said`): what is
    understood has lost its commas. The text itself if it is not in the sentence."""
    words = text.split()
    between = r"[\W_]+"
    pattern = between.join(re.escape(word) for word in words)
    found = re.search(rf"(?<!\w){pattern}(?!\w)", said, re.IGNORECASE) if words else None
    return found[0] if found else text
