"""Humidifiers and dehumidifiers: how humid they are to make it. On and off: the skill switches."""

from __future__ import annotations

from hub.skill import Entities, Home, Percent, Where, tool


@tool(
    domains=["humidifier"],
    single=True,
    phrases={
        "en": [
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
