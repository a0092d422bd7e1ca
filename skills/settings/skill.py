"""What a device can be set to: a number, one of several choices, a source, a text, hot water."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from hub.skill import Entities, Entity, Home, Outcome, Range, Said, Where, tool

Number = Annotated[float, Range(0, 1000)]
UNIT = "[(percent|degrees|degree|minutes|minute|seconds|second|hours|hour|watts|amps|volts)]"
EINHEIT = "[(Prozent|Grad|Minuten|Minute|Sekunden|Sekunde|Stunden|Stunde|Watt|Ampere|Volt)]"


@tool(
    domains=["number", "input_number"],
    single=True,
    phrases={
        "en": [
            f"(set|change|put|turn|adjust) [the] {{name}} to {{value}} {UNIT}",
        ],
        "de": [
            f"(stell|stelle|setz|setze) [(der|die|das|den)] {{name}} auf {{value}} {EINHEIT}",
        ],
    },
    examples=["set the pump duration to 45"],
)
async def number(numbers: Entities, home: Home, where: Where, value: Number) -> str | None:
    """Set a number of a device."""
    told = home.state(numbers[0]).attributes
    low, high = told.get("min"), told.get("max")
    if low is not None and high is not None and not low <= value <= high:
        return where.say(
            f"{numbers[0].name} goes from {low:g} to {high:g}.",
            de=f"{numbers[0].name} geht von {low:g} bis {high:g}.",
        )
    done = await home.call(f"{numbers[0].domain}.set_value", numbers, value=value)
    return _set(numbers, f"{value:g}", done, where)


CHOICES = {
    "select": ("select_option", "option", "options"),
    "input_select": ("select_option", "option", "options"),
    "vacuum": ("set_fan_speed", "fan_speed", "fan_speed_list"),
}
"""Domain -> the service, what it is given, and the attribute with what there is to choose from."""


@tool(
    domains=list(CHOICES),
    single=True,
    phrases={
        "en": [
            "(set|change|put|turn|switch) [the] {name} [(mode|speed|fan speed|power)] to {choice}",
            "(select|choose|pick) {choice} (for|on|in|as) [the] {name}",
        ],
        "de": [
            "(stell|stelle|setz|setze|schalt|schalte) [(der|die|das|den)] {name} auf {choice}",
            "wähle {choice} (für|bei|an) [(der|die|das|den|dem)] {name}",
        ],
    },
    examples=["set the pool mode to eco"],
)
async def choose(things: Entities, home: Home, where: Where, choice: str) -> str | None:
    """Choose one of the settings that a device has."""
    service, key, listed = CHOICES[things[0].domain]
    options = [str(option) for option in home.state(things[0]).attributes.get(listed) or ()]
    wanted = _plain(choice)
    found = [option for option in options if wanted in (_plain(option), f"{_plain(option)} mode")]
    if not home.state(things[0]).available:
        return where.say(
            f"{things[0].name} is not available.", de=f"{things[0].name} ist nicht erreichbar."
        )
    if not found:
        several = ", ".join(options) or where.say("nothing", de="nichts")
        return where.say(
            f"{things[0].name} can be {several}.", de=f"{things[0].name} kann sein: {several}."
        )
    done = await home.call(f"{things[0].domain}.{service}", things, **{key: found[0]})
    return _set(things, found[0], done, where)


@tool(domains=["media_player"], anywhere=True, examples=["switch the TV to HDMI 1"])
async def source(players: Entities, home: Home, where: Where, source: str) -> str | None:
    """Choose what a television or receiver shows or plays: an input, an app, a station."""
    wanted = _plain(source)
    offered = {
        player: found[0]
        for player in players
        if (found := [each for each in _sources(home, player) if _plain(each) == wanted])
    }
    here = [player for player in offered if (area := home.area(player)) and area.name == where.area]
    meant = list(offered) if players.said else here or list(offered)
    if len(meant) != 1:
        names = ", ".join(player.name for player in meant)
        if names:
            return where.say(f"{source} is on {names}: which one?", de=f"{source} haben {names}.")
        return where.say(f"There is no {source} here.", de=f"{source} gibt es hier nicht.")
    if home.state(meant[0]).state in ("off", "standby"):
        await home.call("media_player.turn_on", meant)
    done = await home.call("media_player.select_source", meant, source=offered[meant[0]])
    return _set(meant, offered[meant[0]], done, where)


def _sources(home: Home, player: Entity) -> list[str]:
    return [str(each) for each in home.state(player).attributes.get("source_list") or ()]


@tool(
    domains=["text", "input_text"],
    single=True,
    phrases={
        "en": [
            "(set|change) [the] {name} to {text}",
            "write {text} (on|to|in) [the] {name}",
        ],
        "de": [
            "(stell|stelle|setz|setze|ändere) [(der|die|das|den)] {name} auf {text}",
            "schreib[e] {text} (auf|in) [(der|die|das|den)] {name}",
        ],
    },
    examples=["write back at five on the door sign"],
)
async def write(texts: Entities, home: Home, where: Where, text: str) -> str | None:
    """Write a text on a device that shows one."""
    done = await home.call(f"{texts[0].domain}.set_value", texts, value=text)
    return _set(texts, text, done, where)


@tool(
    domains=["number", "input_number", "select", "input_select", "text", "input_text"],
    single=True,
    phrases={
        "en": [
            "(what's|what is|what are|tell me|read) [the] {name}",
            "(what's|what is) [the] {name} [set] (to|at|on)",
            "what does [the] {name} (say|show)",
        ],
        "de": [
            "(was ist|wie ist|sag mir|lies) [(der|die|das|den)] {name} [vor]",
            "(worauf|auf was) (ist|steht) [(der|die|das)] {name} [eingestellt]",
            "was (steht|sagt) [(auf|an|in)] [(der|die|das|dem)] {name}",
        ],
    },
)
def tell(things: Entities, home: Home, where: Where) -> str:
    """Tell what a device is set to."""
    state = home.state(things[0])
    if not state.available:
        return where.say(
            f"{things[0].name} is not available.", de=f"{things[0].name} ist nicht erreichbar."
        )
    unit = state.attributes.get("unit_of_measurement") or ""
    return f"{things[0].name}: {state.state} {unit}".strip() + "."


@tool(
    domains=["water_heater"],
    single=True,
    phrases={
        "en": ["(set|put|turn|change|make|heat) [the] {name} to {degrees} [(degree|degrees)]"],
        "de": ["(stell|stelle|setz|setze) [(der|die|das|den)] {name} auf {degrees} [Grad]"],
    },
    examples=["set the hot water to 50 degrees"],
)
async def hot_water(
    heaters: Entities, home: Home, where: Where, degrees: Annotated[float, Range(0, 200, "°")]
) -> str | None:
    """Set how hot a water heater is to make it."""
    done = await home.call("water_heater.set_temperature", heaters, temperature=degrees)
    return _set(heaters, f"{degrees:g} °", done, where)


Operation = Annotated[
    Literal["eco", "electric", "performance", "high_demand", "heat_pump", "gas"],
    Said(
        {
            "en": {
                "(eco|economy)": "eco",
                "electric": "electric",
                "performance": "performance",
                "high demand": "high_demand",
                "heat pump": "heat_pump",
                "gas": "gas",
            },
            "de": {
                "(Eco|Öko|Sparbetrieb)": "eco",
                "elektrisch": "electric",
                "(Leistung|volle Leistung)": "performance",
                "(hoher Bedarf|hohen Bedarf)": "high_demand",
                "Wärmepumpe": "heat_pump",
                "Gas": "gas",
            },
        }
    ),
]


@tool(
    domains=["water_heater"],
    single=True,
    phrases={
        "en": ["(set|put|turn|switch|change) [the] {name} to {mode} [mode]"],
        "de": ["(stell|stelle|setz|setze|schalt|schalte) [(der|die|das|den)] {name} auf {mode}"],
    },
)
async def operation(heaters: Entities, home: Home, where: Where, mode: Operation) -> str | None:
    """Set in which way a water heater works."""
    done = await home.call("water_heater.set_operation_mode", heaters, operation_mode=mode)
    return _set(heaters, mode.replace("_", " "), done, where)


@tool(
    domains=["water_heater"],
    single=True,
    phrases={
        "en": ["how (warm|hot|cold) is [the] {name}"],
        "de": ["wie (warm|heiß|kalt) ist [(der|die|das)] {name}"],
    },
    examples=["how hot is the water"],
)
def how_hot(heaters: Entities, home: Home, where: Where) -> str:
    """Tell how hot the water is."""
    state = home.state(heaters[0])
    degrees = state.attributes.get("current_temperature")
    name = heaters[0].name
    if not state.available:
        return where.say(f"{name} is not available.", de=f"{name} ist nicht erreichbar.")
    if degrees is None:
        return where.say(f"{name} does not tell.", de=f"{name} sagt es nicht.")
    return where.say(f"{name} is {degrees:g} degrees.", de=f"{name}: {degrees:g} Grad.")


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


def _set(things: Sequence[Entity], value: str, done: Sequence[Outcome], where: Where) -> str | None:
    """What is said of what was done; the hub itself tells what went wrong."""
    if any(outcome.error for outcome in done):
        return None
    names = ", ".join(thing.name for thing in things)
    return where.say(f"Set {names} to {value}.", de=f"{names} steht auf {value}.")
