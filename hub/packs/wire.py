"""The values of `hub.skill` as JSON and back, for the line between the hub and a pack.

Both sides use it, so it knows `hub.skill` and nothing else. What comes from a pack is never
turned into anything but plain JSON values here: the hub looks entities up by their ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub.skill import (
    Answer,
    Area,
    Ask,
    Call,
    Change,
    Entities,
    Entity,
    Hour,
    Outcome,
    Planned,
    Playing,
    Say,
    State,
    Timer,
    Tool,
    Where,
)
from hub.skill.kinds import plain

T = TypeVar("T")

TOOL_FIELDS = (
    "domains",
    "phrases",
    "examples",
    "confirm",
    "services",
    "targets",
    "classes",
    "named",
    "single",
    "anywhere",
    "about",
    "risk",
    "undo",
    "takes",
    "spoken",
    "events",
    "schedule",
)
"""What the hub needs of a tool besides name, description and the schema of its arguments. No
`name`: Home Assistant's intents are the hub's own."""


def tool_out(tool: Tool) -> dict[str, Any]:
    return {name: plain(getattr(tool, name)) for name in TOOL_FIELDS}


def entity_out(entity: Entity) -> dict[str, Any]:
    return asdict(entity)


def built(kind: type[T], given: Mapping[str, Any]) -> T:
    """A dataclass of a JSON object; what that has besides is left out."""
    known = {field.name for field in fields(kind)} & given.keys()  # type: ignore[arg-type]
    return kind(**{k: tuple(given[k]) if isinstance(given[k], list) else given[k] for k in known})


def entities_in(rows: Sequence[Mapping[str, Any]], said: bool = True) -> Entities:
    return Entities([built(Entity, row) for row in rows], said=said)


def outcome_out(outcome: Outcome) -> dict[str, Any]:
    return asdict(outcome)


def outcome_in(row: Mapping[str, Any]) -> Outcome:
    return built(Outcome, row)


def state_in(row: Mapping[str, Any]) -> State:
    return built(State, row)


def area_in(row: Mapping[str, Any] | None) -> Area | None:
    return built(Area, row) if row else None


def where_out(where: Where) -> dict[str, Any]:
    return {"area": where.area, "language": where.language}


def where_in(row: Mapping[str, Any]) -> Where:
    return built(Where, row)


def call_out(call: Call) -> dict[str, Any]:
    return {"tool": call.tool, "arguments": plain(call.arguments)}


def call_in(row: Mapping[str, Any]) -> Call:
    return built(Call, row)


def change_out(change: Change) -> dict[str, Any]:
    return {
        "entity": entity_out(change.entity),
        "state": change.state,
        "before": change.before,
        "attributes": plain(change.attributes),
    }


def change_in(row: Mapping[str, Any]) -> Change:
    return built(Change, {**row, "entity": built(Entity, row["entity"])})


def timer_out(timer: Timer) -> dict[str, Any]:
    return asdict(timer)


def timers_in(rows: Sequence[Mapping[str, Any]]) -> tuple[Timer, ...]:
    return tuple(built(Timer, row) for row in rows)


def planned_out(planned: Planned) -> dict[str, Any]:
    return {
        "id": planned.id,
        "tool": planned.tool,
        "at": planned.at.isoformat(),
        "every": planned.every.total_seconds() if planned.every else None,
        "arguments": plain(planned.arguments),
    }


def planned_in(row: Mapping[str, Any]) -> Planned:
    every = row.get("every")
    return Planned(
        row["id"],
        row["tool"],
        datetime.fromisoformat(row["at"]),
        timedelta(seconds=every) if every else None,
        row.get("arguments") or {},
    )


def playing_out(playing: Playing) -> dict[str, Any]:
    left = playing.left.total_seconds() if playing.left is not None else None
    return {"what": playing.what, "volume": playing.volume, "left": left}


def playing_in(row: Mapping[str, Any]) -> Playing:
    left = row.get("left")
    return Playing(row["what"], row["volume"], None if left is None else timedelta(seconds=left))


def hour_out(hour: Hour) -> list[Any]:
    values = [round(value, 6) for value in (hour.low, hour.mean, hour.high, hour.last)]
    return [round(hour.at.timestamp()), *values, hour.counts]


def hour_in(row: Sequence[Any]) -> Hour:
    at, low, mean, high, last, counts = row
    return Hour(datetime.fromtimestamp(at).astimezone(), low, mean, high, last, counts)


def text_out(text: str | Say) -> Any:
    if isinstance(text, Say):
        return {"say": text.key, "values": plain(text.values)}
    return str(text)


def result_out(result: Any) -> dict[str, Any]:
    """What a tool returned, for `_meta` of the answer to `tools/call`. Raises TypeError."""
    if result is None:
        return {"kind": "none"}
    if isinstance(result, str | Say):
        return {"kind": "say", "text": text_out(result)}
    if isinstance(result, Ask):
        return {
            "kind": "ask",
            "question": result.question,
            "yes": [call_out(call) for call in result.yes],
            "choices": {
                choice: [call_out(call) for call in calls]
                for choice, calls in result.choices.items()
            },
            "lacking": call_out(result.lacking) if result.lacking else None,
        }
    if isinstance(result, Answer):
        return {
            "kind": "answer",
            "matched": [entity.entity_id for entity in result.matched],
            "unmatched": [entity.entity_id for entity in result.unmatched],
            "facts": plain(result.facts),
            "about": result.about,
        }
    raise TypeError(f"a tool returns nothing, a string, Say, Ask or Answer, not {result!r:.60}")
