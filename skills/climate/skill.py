"""Heating and cooling: temperature, mode, fan."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from hub.skill import Answer, Entities, Entity, Home, Range, Said, by_a_bit, tool

STEP = 1.0
"""Degrees that 'warmer' and 'cooler' mean."""
MOST_STEP = 10
"""More degrees at once were misheard."""
Degrees = Annotated[float, Range(0.5, MOST_STEP, "°")]
WARMTH = "(heating|heat|temperature|thermostat|radiator)"
USUAL = 20.0
"""Degrees assumed of a thermostat that does not say what it is set to."""

WARMER_BY = [
    f"(turn|put|bump) [the] {WARMTH} up [by] {{degrees}} [(degree|degrees|notches)]"
    " [in (here|[the] {area})]",
    f"(turn|put|bump) up [the] {WARMTH} [by] {{degrees}} [(degree|degrees)]"
    " [in (here|[the] {area})]",
    f"(raise|increase) [the] {WARMTH} [in (here|[the] {{area}})] by {{degrees}}"
    " [(degree|degrees)] [in (here|[the] {area})]",
    "(turn|put) [the] {name} up [by] {degrees} [(degree|degrees)]",
    "(make it|[a]) {degrees} (degree|degrees) (warmer|higher|hotter) [in (here|[the] {area})]",
    "make it (a|one) degree (warmer|higher|hotter) [in (here|[the] {area})]",
    f"turn [the] {WARMTH} up [on [the]] {{floor}}",
    f"turn up [the] {WARMTH} [on [the]] {{floor}}",
    "(raise|increase|put|turn) [the] {name} [up] by {degrees} [(degree|degrees)]",
    "make it warmer [on [the]] {floor}",
    "[it is|it's] too cold [on [the]] {floor}",
]
COOLER_BY = [
    f"(turn|put|bump) [the] {WARMTH} down [by] {{degrees}} [(degree|degrees|notches)]"
    " [in (here|[the] {area})]",
    f"(turn|put|bump) down [the] {WARMTH} [by] {{degrees}} [(degree|degrees)]"
    " [in (here|[the] {area})]",
    f"(lower|decrease|reduce) [the] {WARMTH} [in (here|[the] {{area}})] by {{degrees}}"
    " [(degree|degrees)] [in (here|[the] {area})]",
    "(turn|put) [the] {name} down [by] {degrees} [(degree|degrees)]",
    "(make it|[a]) {degrees} (degree|degrees) (cooler|lower|colder) [in (here|[the] {area})]",
    "make it (a|one) degree (cooler|lower|colder) [in (here|[the] {area})]",
    f"turn [the] {WARMTH} down [on [the]] {{floor}}",
    f"turn down [the] {WARMTH} [on [the]] {{floor}}",
    "(lower|decrease|reduce|drop) [the] {name} by {degrees} [(degree|degrees)]",
    "make it (cooler|colder) [on [the]] {floor}",
    "[it is|it's] too (hot|warm) [on [the]] {floor}",
]


@tool("HassTurnOn", domains=["climate"], named=True, examples=["turn on the bathroom radiator"])
async def turn_on(climates: Entities, home: Home) -> None:
    """Turn heating or cooling on."""
    await home.call("climate.turn_on", climates)


@tool("HassTurnOff", domains=["climate"], named=True)
async def turn_off(climates: Entities, home: Home) -> None:
    """Turn heating or cooling off."""
    await home.call("climate.turn_off", climates)


@tool(
    "HassClimateSetTemperature",
    domains=["climate"],
    single=True,
    examples=["set the temperature to 21 degrees"],
)
async def set_temperature(climates: Entities, home: Home, temperature: float) -> None:
    """Set the temperature that a thermostat is to keep."""
    await home.call("climate.set_temperature", climates, temperature=temperature)


@tool("HassClimateSetFanMode", domains=["climate"], single=True)
async def set_fan_mode(climates: Entities, home: Home, fan_mode: str) -> None:
    """Set how the fan of an air conditioner runs."""
    await home.call("climate.set_fan_mode", climates, fan_mode=fan_mode)


Mode = Annotated[
    Literal["heat", "cool", "auto", "dry", "fan_only"],
    Said(
        {
            "en": {
                "(heat|heating)": "heat",
                "(cool|cooling)": "cool",
                "(auto|automatic)": "auto",
                "(dry|drying)": "dry",
                "fan only": "fan_only",
            },
            "de": {
                "(heizen|Heizung|Heizbetrieb)": "heat",
                "(kühlen|Kühlung|Kühlbetrieb)": "cool",
                "(auto|Automatik|automatisch)": "auto",
                "(trocknen|entfeuchten)": "dry",
                "nur (Lüfter|lüften)": "fan_only",
            },
        }
    ),
]


@tool(
    domains=["climate"],
    single=True,
    phrases={
        "en": [
            "(set|switch|turn) [the] {name} to {mode} [mode]",
            "(set|switch) [the] (heating|air conditioning|thermostat) to {mode} [mode]",
            "[start] {mode} [(up|down)] [the] {area}",
            "(put|change) [the] {name} (to|on|into|in) {mode} [mode]",
            "(put|change) [the] (heating|air conditioning|thermostat) (to|on|into|in)"
            " {mode} [mode]",
            "(set|switch|turn) [the] {name} (on|into|in) {mode} mode",
            "[the] {name} (to|on|in) {mode} [mode]",
        ],
        "de": [
            "(stell|stelle|schalt|schalte) [(der|die|das|den)] {name} auf {mode}",
            "(stell|stelle|schalt|schalte) (die Heizung|die Klimaanlage|das Thermostat) auf {mode}",
        ],
    },
    examples=["set the thermostat to cool"],
)
async def set_mode(climates: Entities, home: Home, mode: Mode) -> None:
    """Set whether a thermostat heats, cools, or decides by itself."""
    await home.call("climate.set_hvac_mode", climates, hvac_mode=mode)


@tool(
    domains=["climate"],
    single=True,
    phrases={
        "en": [
            *by_a_bit(
                [
                    "(make it|it should be) [<bit>] warmer [in [the] {area}]",
                    "[it is|it's|i am|i'm] (too cold|freezing) [in (here|[the] {area})]",
                    "(i am|i'm|we are|we're) [(so|very|really)] (cold|freezing|chilly)",
                    "(make|get) [the] {area} [<bit>] (warmer|hotter)",
                    "turn [the] (heating|heat|temperature) up [in [the] {area}]",
                    "turn up [the] (heating|heat|temperature) [in [the] {area}]",
                    "[<bit>] warmer [in (here|[the] {area})]",
                    "(raise|increase) [the] (temperature|heating|heat) [in (here|[the] {area})]",
                    "(warm|heat) (it|the room|[the] {area}) up [<bit>]",
                    "(it is|it's) [(a bit|a little|rather|so|very|really)] (cold|chilly|freezing)"
                    " in (here|[the] {area})",
                    "[(a bit|a little|rather|so|very|really)] (cold|chilly|freezing) in here",
                    "(so|very|really) (cold|chilly|freezing) in [the] {area}",
                    "(turn|put|bump) [the] {name} up",
                    "(turn|put|bump) up [the] {name}",
                ]
            ),
            *WARMER_BY,
        ],
        "de": [
            "[mach[e] es] [(etwas|ein bisschen)] wärmer [(im|in der) {area}]",
            "[es ist|mir ist] zu kalt [(hier|(im|in der) {area})]",
            "(mir ist [so] kalt|ich friere)",
            "dreh[e] die (Heizung|Temperatur) [(im|in der) {area}] (hoch|höher|auf)",
            "(mach[e] (es|die Heizung)|dreh[e] die Heizung) [um] {degrees} Grad"
            " (wärmer|höher|hoch) [(im|in der) {area}]",
        ],
    },
    examples=["it is too cold in the living room"],
)
async def warmer(climates: Entities, home: Home, degrees: Degrees = STEP) -> None:
    """Make it warmer, by one degree where it is not said by how many."""
    await _step(climates, home, degrees)


@tool(
    domains=["climate"],
    single=True,
    phrases={
        "en": [
            *by_a_bit(
                [
                    "(make it|it should be) [<bit>] (cooler|colder) [in [the] {area}]",
                    "[it is|it's|i am|i'm] too (hot|warm) [in (here|[the] {area})]",
                    "(i am|i'm|we are|we're) [(so|very|really)]"
                    " (hot|boiling|roasting|melting|sweating|overheating)",
                    "(make|get) [the] {area} [<bit>] (cooler|colder)",
                    "turn [the] (heating|heat|temperature) down [in [the] {area}]",
                    "turn down [the] (heating|heat|temperature) [in [the] {area}]",
                    "[<bit>] (cooler|colder) [in (here|[the] {area})]",
                    "(lower|decrease|reduce) [the] (temperature|heating|heat)"
                    " [in (here|[the] {area})]",
                    "cool (it|the room|[the] {area}) down [<bit>]",
                    "(it is|it's) [(a bit|a little|rather|so|very|really)] (hot|boiling|stuffy)"
                    " in (here|[the] {area})",
                    "[(a bit|a little|rather|so|very|really)] (hot|boiling|stuffy) in here",
                    "(so|very|really) (hot|boiling|stuffy) in [the] {area}",
                    "(turn|put|bump) [the] {name} down",
                    "(turn|put|bump) down [the] {name}",
                ]
            ),
            *COOLER_BY,
        ],
        "de": [
            "[mach[e] es] [(etwas|ein bisschen)] (kühler|kälter) [(im|in der) {area}]",
            "[es ist|mir ist] zu (heiß|warm) [(hier|(im|in der) {area})]",
            "(mir ist [so] heiß|ich schwitze)",
            "dreh[e] die (Heizung|Temperatur) [(im|in der) {area}] (runter|niedriger|ab)",
            "(mach[e] (es|die Heizung)|dreh[e] die Heizung) [um] {degrees} Grad"
            " (kälter|kühler|niedriger|runter) [(im|in der) {area}]",
        ],
    },
)
async def cooler(climates: Entities, home: Home, degrees: Degrees = STEP) -> None:
    """Make it cooler, by one degree where it is not said by how many."""
    await _step(climates, home, -degrees)


@tool(
    domains=["climate"],
    single=True,
    phrases={
        "en": [
            "(what's|what is) the (target|set|desired) temperature [(in|of|for) [the] {area}]",
            "(what's|what is) the temperature set to [in [the] {area}]",
            "what temperature is it set to [in (here|[the] {area})]",
            "(what's|what is) [the] {area} [(heating|thermostat|temperature)] set (to|at)",
            "what (temperature|temp) is [the] {area} set (to|at)",
            "(what's|what is) it set (to|at) [in (here|[the] {area})]",
            "(what's|what is|what are) the (heating|thermostat|radiators) set (to|at)"
            " [in (here|[the] {area})]",
            "how (high|warm) is the (heating|thermostat) [set] [in (here|[the] {area})]",
        ],
        "de": [
            "(was|wie hoch) ist die (Zieltemperatur|Solltemperatur|eingestellte Temperatur)"
            " [(im|in der) {area}]",
            "welche Temperatur ist [(im|in der) {area}] eingestellt",
        ],
    },
)
def setting(climates: Entities) -> Answer:
    """Tell which temperature a thermostat is set to."""
    return Answer(climates, facts={"attribute": "temperature"})


async def _step(climates: Entities, home: Home, step: float) -> None:
    async def one(climate: Entity) -> None:
        now = home.state(climate).attributes.get("temperature")
        wanted = (USUAL if now is None else float(now)) + step
        await home.call("climate.set_temperature", [climate], temperature=wanted)

    await asyncio.gather(*(one(climate) for climate in climates))
