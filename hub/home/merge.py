"""One home out of what several device sources know, and of what people have changed about it.

Sources are taken in their order; the first that names a thing has the say. Areas and floors of one
name are one. A device that two sources announce, known by its `unique_id`, is the first one's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hub.home.guarded import OPAQUE, needs_yes
from hub.home.things import Area, Entity, Floor, normal
from hub.ports import Inventory, SourceEntity

MAX_NAME = 100
"""Characters of a name that a source gives."""
JOINERS = "\u200c\u200d"
"""Formatting characters that belong to the spelling of Persian and Hindi."""

SENSORS = frozenset({"binary_sensor", "event", "sensor"})
"""Domains of which a device has several things of one name, told apart by their class."""


@dataclass(frozen=True, slots=True)
class Personal:
    """What somebody has changed about one device. None: nothing."""

    name: str | None = None
    aliases: tuple[str, ...] | None = None
    area: str | None = None
    """Name of an area, which is made if there is none; empty: in no area."""
    hidden: bool | None = None
    """Whether voice is to know nothing of it."""
    allowed: bool | None = None
    """Whether voice may act on it although it is of a kind that needs an explicit yes."""
    trust: str | None = None
    """What must come before voice opens it: `pin`, `phone` or `no`."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Personal:
        """From what was kept; what has another shape is left out."""
        name, area, aliases = (document.get(key) for key in ("name", "area", "aliases"))
        hidden, allowed = document.get("hidden"), document.get("allowed")
        trust = document.get("trust")
        return cls(
            name if isinstance(name, str) and name.strip() else None,
            tuple(str(a) for a in aliases) if isinstance(aliases, list | tuple) else None,
            area if isinstance(area, str) else None,
            hidden if isinstance(hidden, bool) else None,
            allowed if isinstance(allowed, bool) else None,
            trust if trust in ("pin", "phone", "no") else None,
        )

    def document(self) -> dict[str, Any]:
        """What is to be kept."""
        found = {
            "name": self.name,
            "aliases": None if self.aliases is None else list(self.aliases),
            "area": self.area,
            "hidden": self.hidden,
            "allowed": self.allowed,
            "trust": self.trust,
        }
        return {key: value for key, value in found.items() if value is not None}


def identity(source: str, entity: SourceEntity) -> str:
    """By this a device is known again whenever the hub starts: by the id that it has for itself.
    Entity ids are no sign of it: a number in them tells which of two came first, and a source that
    is away leaves its ids to others."""
    if entity.unique_id is None:
        return f"{source}/{entity.entity_id}"
    return f"{entity.domain} {entity.unique_id}"


@dataclass(slots=True)
class Merged:
    """The home, and who is behind each entity."""

    floors: dict[str, Floor] = field(default_factory=dict)
    areas: dict[str, Area] = field(default_factory=dict)
    entities: dict[str, Entity] = field(default_factory=dict)
    hidden: dict[str, Entity] = field(default_factory=dict)
    """Of which voice knows nothing."""
    origins: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Entity id -> source, and its id there."""
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    """The way back."""
    told: dict[str, SourceEntity] = field(default_factory=dict)
    """Entity id -> what its source says of it."""


def merged(
    inventories: Sequence[tuple[str, Inventory]], personal: Mapping[str, Personal]
) -> Merged:
    """One home. `personal`: what people changed, by `identity`."""
    home = Merged()
    announced: set[tuple[str, str]] = set()
    for source, inventory in inventories:
        floors = _join(
            home.floors,
            (
                Floor(f.floor_id, spoken(f.name, f.floor_id), f.level, _spoken(f.aliases))
                for f in inventory.floors
            ),
            "floor_id",
        )
        areas = _join(
            home.areas,
            (
                Area(
                    a.area_id,
                    spoken(a.name, a.area_id),
                    floors.get(a.floor or ""),
                    _spoken(a.aliases),
                )
                for a in inventory.areas
            ),
            "area_id",
        )
        mine: set[tuple[str, str]] = set()
        for entity in inventory.entities:
            if entity.unique_id is not None:
                key = (entity.domain, entity.unique_id)
                if key in announced:
                    continue
                mine.add(key)
            _add(home, source, entity, areas, personal)
        announced |= mine
    _tell_apart(home)
    return home


def _add(
    home: Merged,
    source: str,
    entity: SourceEntity,
    areas: Mapping[str, str],
    personal: Mapping[str, Personal],
) -> None:
    entity_id = _free(entity.entity_id, home.origins)
    own = personal.get(identity(source, entity), Personal())
    told = spoken(entity.name, entity.entity_id.partition(".")[2])
    name = own.name or told
    aliases = _spoken(entity.aliases) if own.aliases is None else own.aliases
    if own.area is None:
        area_id = areas.get(entity.area or "")
    else:
        area_id = _area(home, own.area) if own.area else None
    allowed = entity.allowed if own.allowed is None else own.allowed
    hidden = not entity.exposed if own.hidden is None else own.hidden
    # A new name makes no harmless thing of a garage door.
    named = {name, *aliases, told, *_spoken(entity.aliases)}
    # Nor do letters that only look otherwise: it answers to them as to 'door'.
    named |= {normal(each) for each in named}
    # Nor does any name of what its source has found to lead to one.
    leads_in = entity.guarded is True and entity.domain not in OPAQUE
    dangerous = leads_in or needs_yes(entity.domain, entity.device_class, named)
    barred = not allowed and dangerous
    found = Entity(
        entity_id,
        name,
        entity.domain,
        area_id,
        entity.device_class,
        entity.features,
        aliases,
        source,
        entity.guarded,
        barred,
        tuple(
            dict.fromkeys(n for n in (told, *_spoken(entity.aliases)) if n not in (name, *aliases))
        ),
        own.trust or "",
    )
    (home.hidden if hidden else home.entities)[entity_id] = found
    home.origins[entity_id] = source, entity.entity_id
    home.ids[source, entity.entity_id] = entity_id
    home.told[entity_id] = entity


def spoken(name: str, otherwise: str) -> str:
    """A name as a source gives it, without what nobody says: control and formatting characters,
    of which a terminal, a log, or a language model might make something, and without an endless
    rest. If nothing is left: `otherwise`, an id."""
    kept = "".join(
        c if c in JOINERS or unicodedata.category(c)[0] not in "CZ" else " "
        for c in name[: MAX_NAME * 4]
    )
    return " ".join(kept.split())[:MAX_NAME].strip() or otherwise.replace("_", " ")[:MAX_NAME]


def _spoken(names: Iterable[str]) -> tuple[str, ...]:
    """Other names, without those of which nothing is left."""
    return tuple(found for name in names if (found := spoken(name, "")))


def slug(name: str) -> str:
    """A name as an id: `living_room`."""
    return re.sub(r"\W+", "_", normal(name)).strip("_") or "unnamed"


def _area(home: Merged, name: str) -> str:
    """The area of this name or alias, which is made if there is none."""
    wanted = normal(name)
    for area in home.areas.values():
        if wanted in {normal(each) for each in area.names}:
            return area.area_id
    area_id = _free(slug(name), home.areas)
    home.areas[area_id] = Area(area_id, name)
    return area_id


_Place = TypeVar("_Place", Area, Floor)


def _join(there: dict[str, _Place], places: Iterable[_Place], key: str) -> dict[str, str]:
    """Add places to those of the sources before; which id each has now."""
    ids = {}
    before = {normal(place.name): place_id for place_id, place in there.items()}
    for place in places:
        own: str = getattr(place, key)
        known = before.get(normal(place.name))
        if known is None:
            known = _free(own, there)
            there[known] = _called(place, known)
        elif place.aliases or (isinstance(place, Area) and place.floor_id):
            there[known] = _both(there[known], place)
        ids[own] = known
    return ids


def _called(place: _Place, place_id: str) -> _Place:
    if isinstance(place, Area):
        return replace(place, area_id=place_id)
    return replace(place, floor_id=place_id)


def _both(first: _Place, second: _Place) -> _Place:
    """A place that two sources know: the first one's, with what only the second one says."""
    aliases = tuple(dict.fromkeys((*first.aliases, *second.aliases)))
    if isinstance(first, Area) and isinstance(second, Area):
        return replace(first, aliases=aliases, floor_id=first.floor_id or second.floor_id)
    return replace(first, aliases=aliases)


def _free(wanted: str, taken: Mapping[str, object]) -> str:
    """An id that nothing has yet."""
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{wanted}_{number}"
    return found


def _tell_apart(home: Merged) -> None:
    """Number what two sources call the same: one name, one room, one kind. Within a source the
    names are its owner's own business."""
    seen: dict[tuple[object, ...], list[str]] = {}
    for entity_id, entity in home.entities.items():
        kind = entity.device_class if entity.domain in SENSORS else None
        key = normal(entity.name), entity.area_id, entity.domain, kind
        sources = seen.setdefault(key, [])
        if sources and sources[0] != entity.source:
            name = f"{entity.name} {len(sources) + 1}"
            home.entities[entity_id] = replace(entity, name=name)
        sources.append(entity.source)
