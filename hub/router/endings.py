"""Whether what was said so far may go on: 'turn on the bedside' where there is a Bedside Lamp."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hub.home.model import Area, Entity, Floor, normal
from hub.router.places import Places, spellings

LONGEST = 4
"""Words of a beginning that are looked at."""
MOST = 2
"""Endings kept of one beginning: one that makes sense is enough."""


class Endings:
    """The ends of all names of a home by their beginnings."""

    def __init__(self, places: Places) -> None:
        self._ends: dict[tuple[str, ...], list[str]] = defaultdict(list)
        things: list[Entity | Area | Floor] = [
            *places.entities.values(),
            *places.areas.values(),
            *places.floors.values(),
        ]
        for thing in things:
            self._add(spellings(thing.names))
        for entity in places.entities.values():
            if area := places.areas.get(entity.area_id or ""):
                self._add(f"{area.name} {name}" for name in entity.names)

    def _add(self, names: Iterable[str]) -> None:
        for name in names:
            words = normal(name).split()
            for count in range(1, min(len(words), LONGEST + 1)):
                ends = self._ends[tuple(words[:count])]
                end = " ".join(words[count:])
                if len(ends) < MOST and end not in ends:
                    ends.append(end)

    def of(self, text: str) -> list[str]:
        """What may follow, if the text ends in the beginning of a name."""
        words = normal(text).split()
        found: list[str] = []
        for count in range(min(LONGEST, len(words)), 0, -1):
            found += self._ends.get(tuple(words[-count:]), ())
        return found[:MOST]
