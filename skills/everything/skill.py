"""Everything at once, when people leave: lights, sockets, fans, music and television off."""

from __future__ import annotations

from hub.skill import Area, Entities, Home, Where, tool

DOMAINS = ["light", "switch", "input_boolean", "fan", "media_player"]
"""What may be off without harm. Heating, locks, blinds and robots are left as they are."""


@tool(
    phrases={
        "en": [
            "(turn|switch|shut) off everything [(in|on) [the] {area}]",
            "(turn|switch|shut) everything off [(in|on) [the] {area}]",
            "everything off",
        ],
        "de": [
            "[schalte] alles (aus|ausschalten) [(im|in der|in dem) {area}]",
            "(schalte|mach) [(im|in der|in dem) {area}] alles aus",
            "(schalte|mach) alles (im|in der|in dem) {area} aus",
        ],
    },
    examples=["turn everything off"],
)
async def off(home: Home, where: Where, area: Area | None = None) -> str:
    """Turn everything off, in the whole house or in one room."""
    place = area.area_id if area else None
    things = [
        thing
        for thing in home.find(area=place, domains=DOMAINS)
        if not home.lets_in(thing)
        and home.state(thing).state not in ("off", "standby", "unavailable", "unknown")
    ]
    if not things:
        return where.say("Everything is off already.", de="Es ist schon alles aus.")
    done = await home.call("homeassistant.turn_off", things)
    if all(outcome.confirmed for outcome in done):
        return where.say("Everything is off.", de="Alles ist aus.")
    return where.say("Turned off the rest", de="Der Rest ist aus")


@tool("HassToggle", domains=[*DOMAINS, "humidifier"], examples=["toggle the hallway light"])
async def toggle(things: Entities, home: Home) -> None:
    """Turn on what is off, and off what is on."""
    off = ("off", "standby", "unavailable", "unknown")
    on = [thing for thing in things if home.state(thing).state not in off]
    if on:
        await home.call("homeassistant.turn_off", on)
    else:
        await home.call("homeassistant.turn_on", things)
