"""Fans: on, off, speed (also by a step), and whether they swing from side to side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hub.skill import Entities, Entity, Home, Percent, Where, by_a_bit, tool

LEAST_STEP = 15
"""Per cent that 'faster' and 'slower' are at least."""

OSCILLATE = 2
"""Bit of Home Assistant's `FanEntityFeature`."""


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


@tool(
    domains=["fan"],
    phrases={
        "en": by_a_bit(
            [
                "(turn|put|bump|bring) [the] {name} up",
                "(turn up|speed up) [the] {name}",
                "speed [the] {name} up",
                "[make] [the] {name} faster",
            ]
        ),
        "de": ["[mach[e]] (den|die|das) {name} [(etwas|ein bisschen)] schneller"],
    },
    examples=["turn the bedroom fan up a bit"],
)
async def faster(fans: Entities, home: Home) -> None:
    """Let fans run faster."""
    await _step(fans, home, 1)


@tool(
    domains=["fan"],
    phrases={
        "en": by_a_bit(
            [
                "(turn|put|bump|bring) [the] {name} down",
                "(turn down|slow down) [the] {name}",
                "slow [the] {name} down",
                "[make] [the] {name} slower",
            ]
        ),
        "de": ["[mach[e]] (den|die|das) {name} [(etwas|ein bisschen)] langsamer"],
    },
    examples=["turn the bedroom fan down a bit"],
)
async def slower(fans: Entities, home: Home, where: Where) -> str | None:
    """Let fans that run run slower."""
    running = [fan for fan in fans if home.state(fan).state == "on"]
    if not running:
        return where.say(f"The {fans[0].name} is off.", de=f"{fans[0].name} ist aus.")
    await _step(running, home, -1)
    return None


async def _step(fans: Sequence[Entity], home: Home, way: int) -> None:
    """Change the speed of fans by a step of theirs; to the slowest at least, and never the other
    way."""

    async def one(fan: Entity) -> None:
        told = home.state(fan).attributes
        now = float(told.get("percentage") or 0)
        step = max(LEAST_STEP, float(told.get("percentage_step") or 0))
        wanted = min(100.0, max(step, now + way * step))
        wanted = min(now, wanted) if way < 0 and now else wanted
        await home.call("fan.set_percentage", [fan], percentage=round(wanted))

    await asyncio.gather(*(one(fan) for fan in fans))


@tool(
    domains=["fan"],
    phrases={
        "en": [
            "(turn on|start|switch on) [the] (oscillation|swing|swinging)"
            " [(on|of|for) [the] {name}]",
            "(make|let|have) [the] {name} (swing|oscillate|rotate) [from side to side]",
            "(start (oscillating|swinging)|oscillate) [the] {name}",
        ],
        "de": [
            "(schalt|schalte) die (Oszillation|Schwenkfunktion) [(vom|von|am|des) {name}] ein",
            "lass [(den|die|das)] {name} (schwenken|oszillieren)",
        ],
    },
    examples=["let the bedroom fan swing"],
)
async def swing(fans: Entities, home: Home, where: Where) -> str | None:
    """Let fans swing from side to side."""
    return await _swing(fans, home, where, on=True)


@tool(
    domains=["fan"],
    phrases={
        "en": [
            "(turn off|stop|switch off) [the] (oscillation|swing|swinging)"
            " [(on|of|for) [the] {name}]",
            "stop [the] {name} [from] (oscillating|swinging|rotating)",
            "stop (oscillating|swinging) [the] {name}",
        ],
        "de": [
            "(schalt|schalte) die (Oszillation|Schwenkfunktion) [(vom|von|am|des) {name}] aus",
        ],
    },
)
async def hold_still(fans: Entities, home: Home, where: Where) -> str | None:
    """Let fans blow in one direction."""
    return await _swing(fans, home, where, on=False)


async def _swing(fans: Entities, home: Home, where: Where, *, on: bool) -> str | None:
    able = [fan for fan in fans if fan.can(OSCILLATE)]
    if not able:
        return where.say("That fan does not swing.", de="Der Ventilator schwenkt nicht.")
    await home.call("fan.oscillate", able, oscillating=on)
    return None
