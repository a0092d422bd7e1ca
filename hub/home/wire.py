"""A home as JSON, from the hub that keeps it to a command that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.home.model import Area, Entity, Floor, Home
from hub.messages import StateChange


def to_json(home: Home) -> dict[str, Any]:
    """All that there is, with the states of now."""
    return {
        "floors": [
            {"floor_id": f.floor_id, "name": f.name, "level": f.level, "aliases": f.aliases}
            for f in home.floors.values()
        ],
        "areas": [
            {"area_id": a.area_id, "name": a.name, "floor_id": a.floor_id, "aliases": a.aliases}
            for a in home.areas.values()
        ],
        "entities": [
            row(home, entity) for entity in (*home.entities.values(), *home.hidden.values())
        ],
    }


def row(home: Home, entity: Entity) -> dict[str, Any]:
    """One device: what it is, who knows it, what voice may do with it, and its state."""
    state, area = home.state(entity.entity_id), home.area_of(entity)
    return {
        "entity_id": entity.entity_id,
        "name": entity.name,
        "area": area.name if area else None,
        "aliases": list(entity.aliases),
        "source": entity.source,
        "hidden": entity.entity_id in home.hidden,
        "barred": entity.barred,
        "state": state.state,
        "attributes": dict(state.attributes),
        "area_id": entity.area_id,
        "domain": entity.domain,
        "device_class": entity.device_class,
        "guarded": entity.guarded,
        "told": list(entity.told),
        "trust": entity.trust,
    }


def from_json(document: Mapping[str, Any]) -> Home:
    """A home to look at, with no device behind it."""
    home = Home()
    for f in document["floors"]:
        home.floors[f["floor_id"]] = Floor(
            f["floor_id"], f["name"], f["level"], tuple(f["aliases"])
        )
    for a in document["areas"]:
        home.areas[a["area_id"]] = Area(a["area_id"], a["name"], a["floor_id"], tuple(a["aliases"]))
    for e in document["entities"]:
        entity = Entity(
            e["entity_id"],
            e["name"],
            e["domain"],
            e["area_id"],
            e["device_class"],
            aliases=tuple(e["aliases"]),
            source=e["source"],
            guarded=e.get("guarded"),
            barred=e["barred"],
            told=tuple(e.get("told", ())),
            trust=e.get("trust", ""),
        )
        (home.hidden if e["hidden"] else home.entities)[entity.entity_id] = entity
        home.apply(StateChange(entity.entity_id, e["state"], e["attributes"]))
    return home
