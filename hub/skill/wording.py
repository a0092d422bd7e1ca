"""Help with phrases that many tools have in common."""

from __future__ import annotations

from collections.abc import Sequence


def by_a_bit(phrases: Sequence[str]) -> list[str]:
    """English phrases of a tool that goes a step ('brighter'): each may end in 'a bit', and holds
    such words where `<bit>` stands. Of any other tool they would ask for what it does not do."""
    bit = "(a (bit|tad|little [bit])|slightly)"
    return [f"{phrase} [<bit>]".replace("<bit>", bit) for phrase in phrases]
