"""What the page shows, as JSON. Nothing in it is made for the page to run: it is put there as text,
whatever it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from hub.bridges.requests import Refused
from hub.bridges.seeing.snapshot import outcome
from hub.bridges.web.parts import Parts
from hub.errors import DeviceError
from hub.history import Turn
from hub.home.model import Entity, Home, State
from hub.packs.shelf import Shelf
from hub.policy import R3
from hub.policy.approvals import Request
from hub.privacy.files import size_of
from hub.privacy.places import everything
from hub.timers import wording

MOST = 50
"""Rows of the history at a time."""
ID = re.compile("[0-9]{1,18}")
"""Of a turn: what the database can count."""

TOGGLED = ("switch", "input_boolean", "humidifier", "remote", "siren", "light", "fan", "automation")
RUN = ("scene", "script", "button", "input_button")
NUMBERS = (
    "current_position",
    "percentage",
    "temperature",
    "current_temperature",
    "min_temp",
    "max_temp",
    "target_temp_step",
    "volume_level",
    "battery_level",
)
"""Attributes that are shown, where they are numbers."""


class Views:
    """Looks at the hub for the page."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._hub = parts.hub

    def home(self) -> dict[str, Any]:
        """Floors, rooms and what is in them, in their order; `rooms` has one without a name for
        what is in none."""
        home = self._hub.home
        floors = sorted(home.floors.values(), key=lambda floor: floor.level)
        levels = {floor.floor_id: (floor.level, floor.name) for floor in floors}
        areas = sorted(
            home.areas.values(),
            key=lambda area: (levels.get(area.floor_id or "", (99, ""))[0], area.name.casefold()),
        )
        rooms = []
        for area in [*areas, None]:
            found = [e for e in home.entities.values() if e.area_id == (area and area.area_id)]
            found = [entity for entity in found if entity.domain not in ("todo", "zone", "person")]
            if found:
                floor = levels.get(area.floor_id or "", (0, ""))[1] if area else ""
                rows = [self.device(entity) for entity in found]
                rooms.append({"name": area.name if area else "", "floor": floor, "devices": rows})
        return {"rooms": rooms, "revision": home.revision}

    def device(self, entity: Entity) -> dict[str, Any]:
        """A device: what it is, how it is, and what can be done with it."""
        state = self._hub.home.state(entity.entity_id)
        attributes = state.attributes
        numbers = {
            name: round(value, 2)
            for name in NUMBERS
            if isinstance(value := attributes.get(name), int | float)
            and not isinstance(value, bool)
        }
        level = attributes.get("brightness")
        if entity.domain == "light" and isinstance(level, int | float):
            numbers["brightness"] = round(level / 2.55)
        return {
            "id": entity.entity_id,
            "name": entity.name,
            "kind": entity.domain,
            "class": entity.device_class,
            "state": state.state,
            "unit": _text(attributes.get("unit_of_measurement")),
            "title": _text(attributes.get("media_title")),
            "numbers": numbers,
            "barred": entity.barred,
            "careful": self._hub.skillset.policy.highest(entity).risk == R3,
            "can": [] if entity.barred or not state.available else _can(entity, state),
        }

    def rooms(self) -> list[dict[str, Any]]:
        """Rooms in which the hub hears or speaks."""
        return self._parts.seeing.rooms()

    def approval(self) -> dict[str, Any] | None:
        """What waits for a tap."""
        return shown_request(self._hub.skillset.policy.approvals.waiting)

    async def history(self, kind: str, before: str) -> dict[str, Any]:
        """`turns` or `deeds`, the newest first; `before` is the time of the oldest one shown."""
        history = self._hub.history
        if history is None or kind not in ("turns", "deeds"):
            raise Refused("'kind' is turns or deeds")
        until = _moment(before)
        if kind == "deeds":
            deeds = [deed.to_json() for deed in await history.done(until=until, most=MOST)]
            return {"rows": deeds[::-1], "more": len(deeds) == MOST}
        turns = await history.turns(until=until, most=MOST)
        hours = self._hub.config.privacy.words_hours
        rows = [_row(turn) for turn in reversed(turns)]
        return {"rows": rows, "more": len(turns) == MOST, "hours": hours}

    async def why(self, id: str) -> dict[str, Any]:
        """All about one turn, and what was done in it."""
        history = self._hub.history
        found = await history.turns(id=int(id), most=1) if history and ID.fullmatch(id) else []
        if history is None or not found:
            raise Refused("there is no such turn, or not any more")
        turn = found[0]
        deeds = await history.done(turn=turn.token) if turn.token else []
        return {
            **turn.to_json(),
            "outcome": outcome(turn.trace),
            "deeds": [deed.to_json() for deed in deeds],
        }

    def waiting(self, language: str) -> dict[str, Any]:
        """Timers with what is left (seconds), and alarms, reminders and commands with their time in
        words."""
        timers, agenda = self._hub.timers, self._hub.agenda
        return {
            "timers": [
                {
                    "id": timer.id,
                    "label": wording.label(timer, language),
                    "left": max(0.0, round(timers.left(timer), 1)),
                    "seconds": timer.seconds,
                    "paused": timer.paused,
                    "area": timer.area,
                }
                for timer in timers.all()
            ],
            "agenda": [
                {
                    "id": what.id,
                    "kind": what.kind,
                    "text": what.text,
                    "when": agenda.when(what, language),
                    "area": what.area,
                    "person": what.person,
                }
                for what in agenda.all()
            ],
        }

    async def lists(self) -> dict[str, Any]:
        """All lists, with what is on them."""
        home = self._hub.home
        found = [entity for entity in home.entities.values() if entity.domain == "todo"]
        return {
            "lists": [
                {"id": each.entity_id, "name": each.name, "items": await _items(home, each)}
                for each in found
            ]
        }

    async def skills(self) -> dict[str, Any]:
        """Skills with what can be said to each, and packs with what they may do."""
        skills: dict[str, list[dict[str, Any]]] = {}
        for spec in self._hub.skillset.specs():
            skills.setdefault(spec.skill, []).append(
                {"does": spec.description, "examples": list(spec.examples[:2])}
            )
        return {
            "skills": [{"name": name, "tools": skills[name]} for name in sorted(skills)],
            "packs": await asyncio.to_thread(self._packs),
            "problems": [str(problem) for problem in self._hub.skillset.problems],
        }

    def _shelf(self) -> Shelf | None:
        folder = self._hub.config.hub.data / "packs"
        return Shelf(folder) if folder.is_dir() else None

    def _packs(self) -> list[dict[str, Any]]:
        shelf = self._shelf()
        if shelf is None:
            return []
        return [
            {
                "id": each.pack.id,
                "version": str(each.pack.version),
                "enabled": each.enabled,
                "signed": each.signed,
                "refused": each.refused,
            }
            for each in shelf.installed()
        ]

    async def enable_pack(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Use a pack, or do not. Raises PackError."""
        id, enabled, shelf = asked.get("id"), asked.get("enabled"), self._shelf()
        if shelf is None or not isinstance(id, str) or not isinstance(enabled, bool):
            raise Refused("'id' is a pack, and 'enabled' true or false")
        await asyncio.to_thread(shelf.set_enabled, id, enabled)
        await self._hub.take_packs()
        return {}

    async def routines(self) -> dict[str, Any]:
        """All routines, in words."""
        household = self._hub.household
        if household is None:
            return {"routines": []}
        rows = (await household.door.answer({"do": "list"}))["routines"]
        return {
            "routines": [{key: row[key] for key in ("name", "text", "enabled")} for row in rows]
        }

    async def privacy(self) -> dict[str, Any]:
        """What is kept, how much of it, since when, and for how long."""
        rows = []
        for kept in everything(self._hub.config):
            extent = await kept.extent()
            size = await asyncio.to_thread(size_of, await asyncio.to_thread(kept.files))
            if extent.count or size:
                rows.append(
                    {
                        "kind": kept.name,
                        "about": kept.about,
                        "entries": extent.count,
                        "since": extent.since.isoformat() if extent.since else None,
                        "kept_for": kept.how_long,
                        "bytes": size,
                    }
                )
        return {"kept": rows}


def shown_request(request: Request | None) -> dict[str, Any] | None:
    """What waits for a tap, as it is shown."""
    if request is None:
        return None
    return {"id": request.id, "question": request.question, "area": request.area}


def _row(turn: Turn) -> dict[str, Any]:
    return {
        "id": turn.id,
        "at": turn.at.isoformat(timespec="milliseconds"),
        "area": turn.area,
        "person": turn.person,
        "source": turn.source,
        "heard": turn.heard,
        "reply": turn.reply,
        "outcome": outcome(turn.trace),
    }


def _can(entity: Entity, state: State) -> list[str]:
    """What can be done with a device, as `acts.CALLS` calls it."""
    attributes = state.attributes
    match entity.domain:
        case "light":
            modes = set(attributes.get("supported_color_modes") or ())
            return ["on", "off", *(["brightness"] if modes - {"onoff"} else [])]
        case "fan":
            return ["on", "off", *(["speed"] if entity.can(1) else [])]
        case domain if domain in TOGGLED:
            return ["on", "off"]
        case domain if domain in RUN:
            return ["run"]
        case "cover" | "valve":
            return ["open", "close", *(["position"] if entity.can(4) else [])]
        case "lock":
            return ["lock", "unlock"]
        case "climate" | "water_heater":
            return ["on", "off", *(["temperature"] if entity.domain == "climate" else [])]
        case "media_player":
            return ["on", "off", "play", "pause", *(["volume"] if entity.can(4) else [])]
        case "vacuum" | "lawn_mower":
            return ["start", "dock"]
    return []


async def _items(home: Home, entity: Entity) -> list[dict[str, Any]]:
    state = home.state(entity.entity_id)
    kept: Any = state.attributes.get("todo_items")
    if kept is None and state.available and state.state != "0":
        try:
            answer = await home.ask("todo", "get_items", entity.entity_id, {})
        except DeviceError:
            answer = None
        kept = answer.get("items") if isinstance(answer, Mapping) else None
    items: Iterable[Any] = kept if isinstance(kept, list | tuple) else ()
    rows = [item if isinstance(item, Mapping) else {"summary": str(item)} for item in items]
    return [
        {"text": str(row["summary"]), "done": row.get("status") == "completed"}
        for row in rows
        if row.get("summary")
    ]


def _text(value: Any) -> str | None:
    return str(value) if value is not None else None


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("'before' is no time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
