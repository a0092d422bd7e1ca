"""Whatever is just on or off: switches and sockets, humidifiers, sirens, boilers."""

from __future__ import annotations

from hub.skill import Entities, Home, tool

PLAIN = ["switch", "input_boolean", "humidifier", "remote"]
NAMED = ["siren", "water_heater", "automation"]
"""Not to be switched because everything in a room is."""


@tool("HassTurnOn", domains=PLAIN, examples=["turn on the coffee maker"])
@tool("HassTurnOn", domains=NAMED, named=True)
async def turn_on(switches: Entities, home: Home) -> None:
    """Turn switches and sockets on."""
    await home.call("homeassistant.turn_on", switches)


@tool("HassTurnOff", domains=PLAIN, examples=["turn off the printer"])
@tool("HassTurnOff", domains=NAMED, named=True)
async def turn_off(switches: Entities, home: Home) -> None:
    """Turn switches and sockets off."""
    await home.call("homeassistant.turn_off", switches)
