"""Blinds, curtains, garage doors, and valves: open, close, stop, and move to a position.

Opening a door, a gate or a garage is asked for first.
"""

from __future__ import annotations

from hub.skill import Entities, Home, Percent, tool

DOORS = ["door", "garage", "gate"]
OPEN = {"en": "Open the {names}?", "de": "{names} öffnen?"}
MOVE = {"en": "Move the {names}?", "de": "{names} bewegen?"}


@tool("HassTurnOn", domains=["cover"], classes=DOORS, confirm=OPEN)
@tool("HassTurnOn", domains=["cover"], named=True, examples=["open the living room blinds"])
async def open_cover(covers: Entities, home: Home) -> None:
    """Open blinds, curtains and doors."""
    await home.call("cover.open_cover", covers)


@tool("HassTurnOff", domains=["cover"], named=True, examples=["close the garage door"])
async def close_cover(covers: Entities, home: Home) -> None:
    """Close blinds, curtains and doors."""
    await home.call("cover.close_cover", covers)


@tool("HassSetPosition", domains=["cover"], classes=DOORS, confirm=MOVE)
@tool("HassSetPosition", domains=["cover"], examples=["set the bedroom curtains to 50 percent"])
async def set_position(covers: Entities, home: Home, position: Percent) -> None:
    """Move blinds and curtains to a position: 0 is closed, 100 is open."""
    await home.call("cover.set_cover_position", covers, position=position)


@tool(
    domains=["cover"],
    phrases={
        "en": ["stop [the] {name}", "stop [the] (blinds|curtains|shutters) [in [the] {area}]"],
        "de": [
            "(stopp|stoppe|halte) [(den|die|das)] {name} [an]",
            "(stopp|stoppe|halte) die (Rollos|Rollläden|Jalousien|Vorhänge) [(im|in der) {area}]"
            " [an]",
        ],
    },
    examples=["stop the living room blinds"],
)
async def stop(covers: Entities, home: Home) -> None:
    """Stop blinds, curtains and doors that are moving."""
    await home.call("cover.stop_cover", covers)


@tool("HassTurnOn", domains=["valve"], named=True, examples=["open the water valve"])
async def open_valve(valves: Entities, home: Home) -> None:
    """Open valves."""
    await home.call("valve.open_valve", valves)


@tool("HassTurnOff", domains=["valve"], named=True)
async def close_valve(valves: Entities, home: Home) -> None:
    """Close valves."""
    await home.call("valve.close_valve", valves)


@tool("HassSetPosition", domains=["valve"])
async def set_valve(valves: Entities, home: Home, position: Percent) -> None:
    """Move valves to a position: 0 is closed, 100 is open."""
    await home.call("valve.set_valve_position", valves, position=position)
