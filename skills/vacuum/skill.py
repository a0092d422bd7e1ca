"""Robot vacuums."""

from __future__ import annotations

from hub.skill import Area, Entities, Home, tool


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
    """Let a robot vacuum clean one room."""
    await home.call("vacuum.clean_area", vacuums, cleaning_area_id=[area.area_id])


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
