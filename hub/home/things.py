"""Floors, areas, entities and states: what a home is made of. Home Assistant's vocabulary."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Floor:
    floor_id: str
    name: str
    level: int = 0
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Area:
    area_id: str
    name: str
    floor_id: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Entity:
    entity_id: str
    name: str
    domain: str
    area_id: str | None = None
    device_class: str | None = None
    features: int | None = None
    """Home Assistant's bit set of supported features; None: unknown, assume all."""
    aliases: tuple[str, ...] = ()
    source: str = ""
    guarded: bool | None = None
    """Its source says whether it may let somebody in; None: it does not know."""
    barred: bool = False
    """Of a kind that needs an explicit yes before voice may act on it, which nobody has given."""
    told: tuple[str, ...] = ()
    """Names that its source has for it, where people call it something else."""
    trust: str = ""
    """What somebody has said must come before voice opens it: `pin`, `phone` or `no`."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    def can(self, feature: int) -> bool:
        """Whether it supports a feature (a bit of Home Assistant's `*EntityFeature`)."""
        return self.features is None or bool(self.features & feature)


@dataclass(frozen=True, slots=True)
class State:
    state: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def available(self) -> bool:
        return self.state not in ("unavailable", "unknown")


_BLANKS = {code: " " for code in range(128) if not chr(code).isalnum()}


@lru_cache(maxsize=8192)
def normal(name: str) -> str:
    """The form in which names are compared: no case, no accents, single blanks.

    Marks that are vowels, as in Hindi or Thai, stay: without them 'yes' is 'is'."""
    if name.isascii():  # ten times as fast, and a large home has hundreds of thousands of names
        return " ".join(name.lower().translate(_BLANKS).split())
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(
        c if c.isalnum() or unicodedata.category(c)[0] == "M" else " "
        for c in decomposed
        if not _accent(c)
    )
    return " ".join(kept.split())


def _accent(character: str) -> bool:
    """Accents of Latin, Greek and Cyrillic, points of Hebrew, vowel signs of Arabic."""
    return (
        "\u0300" <= character <= "\u036f"
        or "\u0591" <= character <= "\u05c7"
        or "\u064b" <= character <= "\u065f"
    )
