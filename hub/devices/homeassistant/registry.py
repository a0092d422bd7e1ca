"""From Home Assistant's registries to what Hearth calls an inventory.

Releases add and drop keys of these lists; only those that are needed are looked at, and one that
is missing costs no more than what it would have told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.devices.homeassistant.effects import Effects, Thing
from hub.devices.homeassistant.exposure import Exposure, by_a_person
from hub.devices.homeassistant.states import Reported, States
from hub.home.guarded import OPAQUE
from hub.ports import HUB_DEVICE, Inventory, SourceArea, SourceEntity, SourceFloor

Row = Mapping[str, Any]

EXPLICIT = frozenset({"alarm_control_panel", "lock"})
"""Domains of which exposing them by hand is the explicit yes that voice needs. Covers are exposed
unasked, those of garages too."""

SATELLITE = "assist_satellite."
"""How the ids of what people speak to begin."""


@dataclass(frozen=True, slots=True)
class Registry:
    """What Home Assistant keeps about the home."""

    exposure: Exposure
    floors: Sequence[Row] = ()
    areas: Sequence[Row] = ()
    devices: Sequence[Row] = ()
    entries: Sequence[Row] = ()
    """Of entities that have an id of their own: `config/entity_registry/list`."""
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Entity id -> other names of an entity."""

    def inventory(self, states: States, contents: Mapping[str, Any]) -> Inventory:
        """Everything that has a state, is not hidden, and is no hub. `contents`: see `Effects`."""
        entries = {str(entry["entity_id"]): entry for entry in self.entries}
        devices = {str(device["id"]): device for device in self.devices}
        areas = {key: _area(device, devices) for key, device in devices.items()}
        things = {
            key: self.thing(key, states[key], entry, _full_name(entry or {}, devices))
            for key in states
            for entry in (entries.get(key),)
        }
        hubs = {device["id"] for device in self.devices if _is_hub(device)}
        effects = Effects(things, contents, self._ids())
        settled = self.exposure.is_settled(
            (key, things[key].device_class, entry)
            for key, entry in entries.items()
            if key in things
        )
        entities = tuple(
            self._entity(things[key], reported, entry, areas, effects, settled)
            for key, reported in states.items()
            if not (entry := entries.get(key, {})).get("hidden_by")
            and entry.get("device_id") not in hubs
        )
        return Inventory(entities, tuple(self._areas()), tuple(self._floors()))

    def thing(
        self, entity_id: str, reported: Reported, entry: Row | None, called: str | None = None
    ) -> Thing:
        """`called`: its name where that is not what is shown beside its state."""
        attributes = reported.attributes
        device_class = attributes.get("device_class")
        members = attributes.get("entity_id")
        shown = _name(entity_id, attributes)
        names = (called or shown, shown, *self.aliases.get(entity_id, ()))
        return Thing(
            entity_id,
            tuple(dict.fromkeys(names)),
            str(device_class) if device_class else None,
            entry.get("platform") if entry else None,
            tuple(map(str, members)) if isinstance(members, list | tuple) else (),
        )

    def _entity(
        self,
        thing: Thing,
        reported: Reported,
        entry: Row,
        areas: Mapping[str, str | None],
        effects: Effects,
        settled: bool,
    ) -> SourceEntity:
        name, *aliases = thing.names
        exposed = not entry.get("entity_category") and self.exposure.of(
            thing.entity_id, thing.device_class, entry or None, settled=settled
        )
        explicit = thing.domain in EXPLICIT and by_a_person(thing.domain, entry or None)
        return SourceEntity(
            thing.entity_id,
            name,
            thing.domain,
            area=entry.get("area_id") or areas.get(str(entry.get("device_id"))),
            device_class=thing.device_class,
            features=reported.features,
            aliases=tuple(aliases),
            state=reported.state,
            attributes=reported.attributes,
            guarded=effects.guarded(thing.entity_id) if thing.domain in OPAQUE else None,
            unique_id=_unique_id(entry),
            exposed=exposed,
            allowed=exposed and explicit,
        )

    def rooms(self) -> dict[str, str]:
        """Id of a device, or entity id of a satellite -> name of the room it is in: by these Home
        Assistant tells where somebody spoke."""
        names = {str(area["area_id"]): str(area.get("name") or "") for area in self.areas}
        devices = {str(device["id"]): device for device in self.devices}
        found = {key: _area(device, devices) for key, device in devices.items()}
        for entry in self.entries:
            entity_id = str(entry["entity_id"])
            if entity_id.startswith(SATELLITE):
                found[entity_id] = entry.get("area_id") or found.get(str(entry.get("device_id")))
        return {key: names[area] for key, area in found.items() if area and names.get(area)}

    def _areas(self) -> Iterator[SourceArea]:
        for area in self.areas:
            area_id = str(area["area_id"])
            name = str(area.get("name") or area_id)
            floor = area.get("floor_id")
            yield SourceArea(area_id, name, str(floor) if floor else None, _texts(area, name))

    def _floors(self) -> Iterator[SourceFloor]:
        for floor in self.floors:
            floor_id = str(floor["floor_id"])
            name = str(floor.get("name") or floor_id)
            level = floor.get("level")
            shown = level if isinstance(level, int) else 0
            yield SourceFloor(floor_id, name, shown, _texts(floor, name))

    def _ids(self) -> dict[str, str]:
        return {str(entry.get("id")): str(entry["entity_id"]) for entry in self.entries}


def aliases_of(entries: Mapping[str, Row | None]) -> dict[str, Sequence[str]]:
    """From the answer to `config/entity_registry/get_entries`."""
    return {key: _texts(entry, "") for key, entry in entries.items() if entry}


def _texts(row: Row, name: str) -> tuple[str, ...]:
    """The aliases in a row that say anything new. From 2026 on one of them may be null, and
    stands for the name itself; sets come in no order."""
    given: Iterable[Any] = row.get("aliases") or ()
    found = {each.strip() for each in given if isinstance(each, str) and each.strip()}
    return tuple(sorted(found - {name}))


def _name(entity_id: str, attributes: Mapping[str, Any]) -> str:
    """What Home Assistant shows; what has no name goes by its id."""
    shown = str(attributes.get("friendly_name") or "").strip()
    return shown or entity_id.partition(".")[2].replace("_", " ")


def _full_name(entry: Row, devices: Mapping[str, Row]) -> str | None:
    """What an entity goes by when somebody speaks of it, from 2026 on. The name of its device is a
    part of that unless the entity has a room of its own; in the name that is shown beside its
    state it always is one."""
    if "next_name_part" not in entry:
        return None
    names = [entry.get("name") or entry.get("original_name")]
    part, device = entry["next_name_part"], devices.get(str(entry.get("device_id")), {})
    if part == "device":
        names.append(device.get("name_by_user") or device.get("name"))
        if device.get("next_name_part") == "parent_device":
            parent = devices.get(str(device.get("parent_device_id")), {})
            names.append(parent.get("name_by_user") or parent.get("name"))
    return " ".join(str(name).strip() for name in reversed(names) if name).strip() or None


def _area(device: Row, devices: Mapping[str, Row]) -> str | None:
    """Its room: a part of another device is where that is, unless it has a room of its own."""
    parent = devices.get(str(device.get("parent_device_id")), {})
    area = device.get("area_id") or parent.get("area_id")
    return str(area) if area else None


def _is_hub(device: Row) -> bool:
    """Whether a device is a Hearth that Home Assistant has from the broker."""
    known = (tuple(pair)[:2] for pair in device.get("identifiers") or () if len(pair) > 1)
    return any(where == "mqtt" and str(key).startswith(HUB_DEVICE) for where, key in known)


def _unique_id(entry: Row) -> str | None:
    """Of a device that Home Assistant has from the broker: what it calls itself there."""
    platform, unique_id = entry.get("platform"), entry.get("unique_id")
    if not platform or unique_id is None:
        return None
    return str(unique_id) if platform == "mqtt" else f"{platform}:{unique_id}"
