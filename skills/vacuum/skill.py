"""Robot vacuums."""

from __future__ import annotations

from collections.abc import Sequence

from hub.skill import Area, Entities, Entity, Home, tool

SINGLE_ROOMS = 16384
"""Home Assistant's `VacuumEntityFeature.CLEAN_AREA`."""


@tool("HassVacuumStart", domains=["vacuum"], examples=["start the vacuum"])
@tool("HassTurnOn", domains=["vacuum"], named=True)
async def start(vacuums: Entities, home: Home) -> None:
    """Let a robot vacuum clean."""
    await home.call("vacuum.start", vacuums)


@tool(
    "HassVacuumReturnToBase",
    domains=["vacuum"],
    phrases={"de": ["(schick|schicke|bring|bringe) [den] {name} nach Hause"]},
    examples=["send the vacuum home"],
)
@tool("HassTurnOff", domains=["vacuum"], named=True)
async def go_home(vacuums: Entities, home: Home) -> None:
    """Send a robot vacuum back to its base."""
    await home.call("vacuum.return_to_base", vacuums)


@tool("HassVacuumCleanArea", domains=["vacuum"], examples=["vacuum the kitchen"])
async def clean(vacuums: Entities, home: Home, area: Area) -> None:
    """Let a robot vacuum clean one room. A robot that lives in the room, and knows nothing of
    single rooms, is started; one that would clean elsewhere, too, is not."""
    chosen = _nearest(vacuums, home, area)
    living = [vacuum for vacuum in chosen if _room(vacuum, home) == area.area_id]
    if living and not any(vacuum.can(SINGLE_ROOMS) for vacuum in living):
        await home.call("vacuum.start", living)
    else:
        await home.call("vacuum.clean_area", chosen, cleaning_area_id=[area.area_id])


def _nearest(vacuums: Sequence[Entity], home: Home, area: Area) -> Sequence[Entity]:
    """The robots of the room; else those of its floor; else all of them."""
    living = [vacuum for vacuum in vacuums if _room(vacuum, home) == area.area_id]
    if living or area.floor_id is None:
        return living or vacuums
    rooms = [(vacuum, home.area(vacuum)) for vacuum in vacuums]
    return [vacuum for vacuum, room in rooms if room and room.floor_id == area.floor_id] or vacuums


def _room(vacuum: Entity, home: Home) -> str | None:
    room = home.area(vacuum)
    return room.area_id if room else None


@tool(
    domains=["vacuum"],
    phrases={
        "en": ["(pause|stop) [the] {name}", "(pause|stop) (vacuuming|hoovering|cleaning)"],
        "de": [
            "(stopp|stoppe|halte) [den] {name} [an]",
            "pausiere [den] {name}",
            "hör auf zu (saugen|putzen)",
        ],
    },
)
async def pause(vacuums: Entities, home: Home) -> None:
    """Let a robot vacuum wait where it is."""
    await home.call("vacuum.pause", vacuums)
