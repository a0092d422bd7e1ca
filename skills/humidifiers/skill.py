"""Humidifiers and dehumidifiers: how humid they are to make it. On and off: the skill switches."""

from __future__ import annotations

from hub.skill import Entities, Entity, Home, Percent, Where, tool

MUCH = "(too|so|very|really)"
DRYING = "dehumidifier"
"""Device class of what takes water out of the air."""


@tool(
    domains=["humidifier"],
    phrases={
        "en": [
            f"[the] {{area}} [air] is {MUCH} dry",
            f"[the] air [(in (here|[the] {{area}})|here)] is {MUCH} dry",
            f"(it is|it's) {MUCH} dry in (here|[the] {{area}})",
        ],
        "de": [
            "(die Luft ist|es ist) (zu|so|sehr) trocken [(hier|(im|in der) {area})]",
            "(im|in der) {area} ist (die Luft|es) (zu|so|sehr) trocken",
        ],
    },
    examples=["the air in the bedroom is too dry"],
)
async def moister(humidifiers: Entities, home: Home, where: Where) -> str | None:
    """Turn humidifiers on where the air is too dry."""
    found = [each for each in humidifiers if each.device_class != DRYING]
    return await _turn(found, "turn_on", home, where)


@tool(
    domains=["humidifier"],
    phrases={
        "en": [
            f"[the] {{area}} [air] is {MUCH} (humid|damp|muggy|moist)",
            f"[the] air [(in (here|[the] {{area}})|here)] is {MUCH} (humid|damp|muggy|moist)",
            f"(it is|it's) {MUCH} (humid|damp|muggy) in (here|[the] {{area}})",
        ],
        "de": [
            "(die Luft ist|es ist) (zu|so|sehr) feucht [(hier|(im|in der) {area})]",
            "(im|in der) {area} ist (die Luft|es) (zu|so|sehr) feucht",
        ],
    },
    examples=["it is too humid in the basement"],
)
async def drier(humidifiers: Entities, home: Home, where: Where) -> str | None:
    """Turn dehumidifiers on, or else humidifiers off, where the air is too humid."""
    drying = [each for each in humidifiers if each.device_class == DRYING]
    if drying:
        return await _turn(drying, "turn_on", home, where)
    return await _turn(list(humidifiers), "turn_off", home, where)


async def _turn(found: list[Entity], service: str, home: Home, where: Where) -> str | None:
    if not found:
        return where.say(
            "There is no device for that.",
            de="Dafür gibt es kein Gerät.",
        )
    await home.call(f"humidifier.{service}", found)
    return None


@tool(
    domains=["humidifier"],
    single=True,
    phrases={
        "en": [
            "[the] {name} [(humidity|target)] to {percent} [(percent|percent humidity)]",
            "[the] {name} [(humidity|target)] at {percent} (percent|percent humidity)",
            "(set|put|turn|change|make) [the] {name} [(humidity|target)] to {percent}"
            " [(percent|percent humidity)]",
            "(set|change) the (humidity|target humidity) [(of|on) [the] {name}]"
            " [in [the] {area}] to {percent} [percent]",
            "(set|change) the (humidity|target humidity) to {percent} [percent]"
            " [(in|of) [the] {area}]",
        ],
        "de": [
            "(stell|stelle|setz|setze) [(der|die|das|den)] {name} auf {percent} [Prozent]",
            "(stell|stelle|setz|setze) die (Feuchte|Luftfeuchtigkeit) [(im|in der) {area}]"
            " auf {percent} [Prozent]",
        ],
    },
    examples=["set the humidifier to 50 percent"],
)
async def set_humidity(
    humidifiers: Entities, home: Home, where: Where, percent: Percent
) -> str | None:
    """Set how humid a humidifier is to make it."""
    done = await home.call("humidifier.set_humidity", humidifiers, humidity=percent)
    if any(outcome.error for outcome in done):
        return None
    name = humidifiers[0].name
    return where.say(f"Set {name} to {percent} percent.", de=f"{name} auf {percent} Prozent.")
