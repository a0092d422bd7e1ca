"""What the data generator hands to the training: prompts that share the description of a home."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One utterance with its answer."""

    prompt: str
    """What follows the home: earlier turns, if any, and the last one, which ends with `=>`."""
    answer: str
    """As `codec.write` writes it, without the blank before it or the end of line after it."""
    kind: str
    """For the score card: `device`, `area`, `query`, `none`, ..."""
    language: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One home with several items, so that its description is computed once."""

    home: str
    """`codec.home` of the listing."""
    items: tuple[Item, ...]
