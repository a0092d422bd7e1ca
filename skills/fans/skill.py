"""Fans: on, off, speed."""

from __future__ import annotations

from hub.skill import Entities, Home, Percent, tool


@tool("HassTurnOn", domains=["fan"], examples=["turn on the bedroom fan"])
async def turn_on(fans: Entities, home: Home) -> None:
    """Turn fans on."""
    await home.call("fan.turn_on", fans)


@tool("HassTurnOff", domains=["fan"])
async def turn_off(fans: Entities, home: Home) -> None:
    """Turn fans off."""
    await home.call("fan.turn_off", fans)


@tool(
    "HassFanSetSpeed",
    domains=["fan"],
    phrases={
        "de": [
            "(stell|stelle|setz|setze|schalt|schalte|dreh|drehe) [(der|die|das|den)] {name}"
            " auf {percentage} [Prozent]",
        ]
    },
    examples=["set the bedroom fan to 50 percent"],
)
async def set_speed(fans: Entities, home: Home, percentage: Percent) -> None:
    """Set how fast fans run."""
    await home.call("fan.set_percentage", fans, percentage=percentage)
