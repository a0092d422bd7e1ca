"""The home for people's eyes: a table of devices, and what changed in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.markup import escape as _escape
from rich.table import Table

from hub.home.model import Area, Entity, Floor, Home, State
from hub.messages import StateChange

ACTIVE = frozenset(
    {
        "on",
        "open",
        "opening",
        "unlocked",
        "playing",
        "heat",
        "cool",
        "auto",
        "heat_cool",
        "cleaning",
    }
)
"""States that are shown in colour: something is going on there."""


def home_table(home: Home, *, everything: bool = False) -> Table:
    """All devices with their states, by floor and room; where they come from, if they come from
    several sources. With `everything` also those of which voice knows nothing."""
    there = {**home.entities, **(home.hidden if everything else {})}
    several = len({entity.source for entity in there.values()}) > 1
    table = Table("room", "device", "state", header_style="bold", box=None)
    # Half an id is of no use to the commands that take one.
    table.add_column("id", overflow="fold")
    if several:
        table.add_column("source")
    rooms = sorted(home.areas.values(), key=lambda area: _order(home.floors, area))
    floor: str | None = None
    for room in [*rooms, None]:
        found = [e for e in there.values() if e.area_id == (room.area_id if room else None)]
        if not found:
            continue
        above = home.floors.get(room.floor_id) if room and room.floor_id else None
        if above is not None and above.floor_id != floor:
            floor = above.floor_id
            table.add_row(f"[bold underline]{escape(above.name)}[/]")
        for number, entity in enumerate(found):
            name = room.name if room else "(no room)"
            table.add_row(
                escape(name) if number == 0 else "",
                escape(entity.name) + _limits(home, entity),
                _coloured(entity, home.state(entity.entity_id)),
                f"[dim]{escape(entity.entity_id)}[/]",
                *((f"[dim]{escape(entity.source)}[/]",) if several else ()),
            )
    return table


def escape(text: str) -> str:
    """What a device says of itself, as it is shown: no mark-up, and no order to the terminal."""
    return _escape("".join(c for c in text if c.isprintable()))


def _limits(home: Home, entity: Entity) -> str:
    """What voice cannot do with it, as a mark behind its name."""
    if entity.entity_id in home.hidden:
        return " [yellow](hidden)[/]"
    return " [yellow](not by voice)[/]" if entity.barred else ""


def describe_change(home: Home, change: StateChange) -> str:
    """A change in one line: 'Kitchen Ceiling Light: off → on, 40 %'."""
    entity = home.entities.get(change.entity_id)
    name = entity.name if entity else change.entity_id
    state = State(change.state, change.attributes)
    now = describe_state(entity, state) if entity else change.state
    if change.before is None or change.before == change.state:
        return f"{name}: {now}"
    return f"{name}: {change.before} → {now}"


def describe_state(entity: Entity, state: State) -> str:
    """A state with what else matters: 'on, 40 %, red', 'heat, 21 °C → 22 °C'."""
    told = [_with_unit(state)]
    attributes = state.attributes
    match entity.domain:
        case "light" if state.state == "on":
            told += _light(attributes)
        case "cover" | "valve":
            told += _percent(attributes.get("current_position"), whole=False)
        case "fan" if state.state == "on":
            told += _percent(attributes.get("percentage"))
        case "climate":
            told += [
                f"{word} {attributes[key]:g}°"
                for key, word in (("current_temperature", "is"), ("temperature", "set to"))
                if isinstance(attributes.get(key), int | float)
            ]
        case "media_player" if state.state not in ("off", "unavailable"):
            level = attributes.get("volume_level")
            told += _percent(level * 100 if isinstance(level, int | float) else None)
            if title := attributes.get("media_title"):
                told.append(str(title))
        case "vacuum":
            told += [f"battery {p}" for p in _percent(attributes.get("battery_level"))]
    return ", ".join(told)


def _with_unit(state: State) -> str:
    unit = state.attributes.get("unit_of_measurement")
    return f"{state.state} {unit}" if unit and state.available else state.state


def _light(attributes: Mapping[str, Any]) -> list[str]:
    level = attributes.get("brightness")
    told = _percent(level / 2.55 if isinstance(level, int | float) else None)
    if (rgb := attributes.get("rgb_color")) is not None:
        told.append("#" + "".join(f"{round(part):02x}" for part in rgb))
    elif (kelvin := attributes.get("color_temp_kelvin")) is not None:
        told.append(f"{kelvin} K")
    return told


def _percent(value: Any, *, whole: bool = True) -> list[str]:
    """As a percentage; what is all or nothing may go without saying."""
    if not isinstance(value, int | float) or (not whole and value in (0, 100)):
        return []
    return [f"{round(value)} %"]


def _coloured(entity: Entity, state: State) -> str:
    text = escape(describe_state(entity, state))
    if not state.available:
        return f"[red]{text}[/]"
    return f"[green]{text}[/]" if state.state in ACTIVE else text


def _order(floors: Mapping[str, Floor], area: Area) -> tuple[int, str]:
    floor = floors.get(area.floor_id) if area.floor_id else None
    return (floor.level if floor else 99, area.name)
