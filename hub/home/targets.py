"""Which devices are meant by a call's slots, the way Home Assistant's `async_match_targets` does.

Slots narrow: a name, an area, a floor, a domain, a device class; ids, names and aliases are all
understood. What was said is never widened: a room that does not exist means no device, not every
device. When nothing fits, the result says what was missing, as data; `dialogue/replies` words it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rapidfuzz import fuzz, process

from hub.home.model import Area, Entity, Home, normal

SLOTS = ("name", "area", "floor", "domain", "device_class", "preferred_area_id")
"""Arguments of a call that say which devices are meant."""

CLOSE = 70.0
"""0-100: how alike two names must be for 'did you mean'."""

Reason = Literal["name", "area", "floor", "kind", "several", "unable", "unsaid"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Why no device was found."""

    reason: Reason
    """What nothing was found for: the name, the area, the floor; a device of that `kind` in that
    place; `several` when more than one fits; `unable` when what has the name cannot do that;
    `unsaid` when nothing says which device is meant."""
    name: str | None = None
    area: str | None = None
    floor: str | None = None
    domains: tuple[str, ...] = ()
    device_class: str | None = None
    candidates: tuple[Entity, ...] = ()
    """Devices that fit (`several`), that have the name (`unable`), or a name much like it."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What was meant."""

    entities: tuple[Entity, ...] = ()
    missing: Missing | None = None
    """Set if there are no entities."""
    by_name: bool = False
    """A device was named."""
    by_kind: bool = False
    """A domain or device class was named."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The slots of a call, tidied."""

    name: str | None = None
    area: str | None = None
    floor: str | None = None
    domains: tuple[str, ...] = ()
    device_classes: tuple[str, ...] = ()
    everything: bool = False
    """'All' was said."""

    @classmethod
    def of(cls, slots: Mapping[str, Any]) -> Wanted:
        name = _text(slots.get("name"))
        everything = name is not None and normal(name) == "all"
        return cls(
            None if everything else name,
            _text(slots.get("area")),
            _text(slots.get("floor")),
            _several(slots.get("domain")),
            _several(slots.get("device_class")),
            everything,
        )

    @property
    def unsaid(self) -> bool:
        """Nothing was said of what is meant."""
        return self == Wanted()

    def missing(self, reason: Reason, candidates: Iterable[Entity] = ()) -> Missing:
        device_class = self.device_classes[0] if self.device_classes else None
        return Missing(
            reason, self.name, self.area, self.floor, self.domains, device_class, tuple(candidates)
        )


def resolve(
    home: Home,
    slots: Mapping[str, Any],
    *,
    domains: Collection[str] = (),
    preferred_area: str | None = None,
    here_first: bool = False,
    single: bool = False,
) -> Targets:
    """The devices that the slots of a call mean.

    `domains`: those that can be acted on, empty for all. `preferred_area`: name or id of the
    speaker's room, which decides between devices of one name. `here_first`: where no place was
    said, the speaker's room is meant, if it has such a thing. `single`: one device is wanted; the
    speaker's room decides, and there must be no two."""
    wanted = Wanted.of(slots)
    place = _place(home, wanted)
    if isinstance(place, Missing):
        return Targets(missing=place)
    here = {area.area_id for area in _areas(home, preferred_area)} if preferred_area else set()
    if wanted.name is not None:
        return _named(home, wanted, place, domains, here)
    found = [e for e in home.entities.values() if _fits(e, wanted, place, domains)]
    if not found:
        if not wanted.domains and len(domains) == 1:
            wanted = replace(wanted, domains=tuple(domains))
        return Targets(missing=wanted.missing("kind"))
    if single or (here_first and place is None):
        found = [e for e in found if e.area_id in here] or found
    if single and len(found) > 1:
        return Targets(missing=wanted.missing("several", found))
    by_kind = bool(wanted.domains or wanted.device_classes)
    return Targets(tuple(found), by_kind=by_kind)


def _named(
    home: Home,
    wanted: Wanted,
    place: set[str] | None,
    domains: Collection[str],
    here: Collection[str],
) -> Targets:
    """Devices of a name: an id, a name, an alias. Duplicates are narrowed by the place that was
    given, then by the speaker's room."""
    assert wanted.name is not None
    called = _called(home, wanted.name)
    placed = [e for e in called if place is None or e.area_id in place]
    if not placed:
        close = () if called else _close(home, wanted, place, domains)
        return Targets(missing=wanted.missing("name", close))
    fitting = [e for e in placed if _fits(e, wanted, None, domains)]
    if not fitting:
        return Targets(missing=wanted.missing("unable", placed))
    if len(fitting) > 1:
        fitting = [e for e in fitting if e.area_id in here] or fitting
    if len(fitting) > 1:
        # A device's own name goes before another's alias.
        name = normal(wanted.name)
        fitting = [e for e in fitting if normal(e.name) == name] or fitting
    if len(fitting) > 1:
        return Targets(missing=wanted.missing("several", fitting))
    return Targets(tuple(fitting), by_name=True, by_kind=bool(wanted.domains))


def _called(home: Home, name: str) -> list[Entity]:
    if name in home.entities:
        return [home.entities[name]]
    said = normal(name)
    return [e for e in home.entities.values() if said in {normal(n) for n in e.names}]


def _close(
    home: Home, wanted: Wanted, place: set[str] | None, domains: Collection[str]
) -> list[Entity]:
    """Devices whose names are much like the one that was said, the likest first."""
    fitting = [e for e in home.entities.values() if _fits(e, wanted, place, domains)]
    # A device's own name goes before another's alias: the last one to take a name keeps it.
    names = {normal(alias): entity for entity in fitting for alias in entity.aliases}
    names |= {normal(entity.name): entity for entity in fitting}
    assert wanted.name is not None
    near = process.extract(
        normal(wanted.name), list(names), scorer=fuzz.token_sort_ratio, score_cutoff=CLOSE, limit=3
    )
    return list({names[name].entity_id: names[name] for name, _, _ in near}.values())


def _fits(entity: Entity, wanted: Wanted, place: set[str] | None, domains: Collection[str]) -> bool:
    return (
        (not domains or entity.domain in domains)
        and (place is None or entity.area_id in place)
        and (not wanted.domains or entity.domain in wanted.domains)
        and (not wanted.device_classes or entity.device_class in wanted.device_classes)
    )


def _place(home: Home, wanted: Wanted) -> set[str] | Missing | None:
    """Ids of the areas that were meant; None for the whole house."""
    place: set[str] | None = None
    if wanted.area is not None:
        areas = _areas(home, wanted.area) or _on_floor(home, wanted.area)
        if areas is None:
            return wanted.missing("area")
        place = {area.area_id for area in areas}
    if wanted.floor is not None:
        areas = _on_floor(home, wanted.floor)
        if areas is None:
            return wanted.missing("floor")
        on_floor = {area.area_id for area in areas}
        place = on_floor if place is None else place & on_floor
    return place


def _areas(home: Home, name: str) -> list[Area]:
    """Areas with this id, name or alias."""
    if name in home.areas:
        return [home.areas[name]]
    said = normal(name)
    return [area for area in home.areas.values() if said in {normal(n) for n in area.names}]


def _on_floor(home: Home, name: str) -> list[Area] | None:
    """Areas of the floor with this id, name or alias; None if there is no such floor."""
    floor = home.find_floor(name)
    if floor is None:
        return None
    return [area for area in home.areas.values() if area.floor_id == floor.floor_id]


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None


def _several(value: Any) -> tuple[str, ...]:
    """A slot that may hold one value or a list of them."""
    if value is None:
        return ()
    given: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    return tuple(str(item) for item in given if item)
