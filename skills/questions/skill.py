"""Questions about the home: states, temperatures, the weather."""

from __future__ import annotations

from typing import Annotated, Literal

from hub.skill import Answer, Area, Entities, Entity, Home, Said, Where, tool

DOMAINS = [
    "binary_sensor",
    "climate",
    "cover",
    "device_tracker",
    "fan",
    "humidifier",
    "input_boolean",
    "lawn_mower",
    "light",
    "lock",
    "media_player",
    "person",
    "sensor",
    "siren",
    "switch",
    "todo",
    "vacuum",
    "valve",
    "water_heater",
]


@tool(
    "HassGetState",
    domains=DOMAINS,
    examples=["is the front door locked", "which lights are on"],
)
def state(things: Entities, home: Home, state: str | None = None) -> Answer:
    """Tell the state of a device, or which devices are in a state."""
    if state is None:
        return Answer(matched=things)
    matched = [thing for thing in things if _is(thing, state, home)]
    return Answer(matched, [thing for thing in things if thing not in matched])


def _is(thing: Entity, state: str, home: Home) -> bool:
    now, wanted = home.state(thing).state.casefold(), state.casefold().replace(" ", "_")
    on_means_open = {"open": "on", "closed": "off", "unlocked": "on", "locked": "off"}
    if thing.domain == "binary_sensor" and wanted in on_means_open:
        return now == on_means_open[wanted]
    return now in (wanted, state.casefold())


ATTRIBUTES = Said(
    {
        "en": {
            "(colour|color) temperature": "color_temp",
            "(colour|color)": "color",
            "brightness [level]": "brightness",
            "(volume|volume level|loudness)": "volume",
            "(target|set|desired) temperature": "temperature",
            "(temperature setting|setpoint)": "temperature",
            "(target|set) humidity": "humidity",
            "[(operation|operating|hvac)] mode": "mode",
            "(preset|preset mode)": "preset",
            "fan mode": "fan_mode",
            "(speed|fan speed|speed setting)": "speed",
            "(position|opening)": "position",
            "(battery|battery level|battery charge|charge)": "battery",
            "(source|input)": "source",
            "effect": "effect",
            "(setting|settings)": "setting",
        },
        "de": {
            "Farbtemperatur": "color_temp",
            "Farbe": "color",
            "Helligkeit": "brightness",
            "Lautstärke": "volume",
            "(Zieltemperatur|Solltemperatur|eingestellte Temperatur)": "temperature",
            "(Zielfeuchte|eingestellte Luftfeuchtigkeit)": "humidity",
            "[Betriebs]modus": "mode",
            "Voreinstellung": "preset",
            "Lüftermodus": "fan_mode",
            "(Geschwindigkeit|Stufe|Lüfterstufe)": "speed",
            "(Position|Stellung|Öffnung)": "position",
            "(Akku|Akkustand|Batterie|Batteriestand|Ladestand|Ladung)": "battery",
            "(Quelle|Eingang)": "source",
            "Effekt": "effect",
            "Einstellung": "setting",
        },
    }
)
HOW = Said(
    {
        "en": {
            "bright": "brightness",
            "loud": "volume",
            "fast": "speed",
            "[far] (open|up|down|closed)": "position",
            "(full|charged)": "battery",
        },
        "de": {
            "hell": "brightness",
            "laut": "volume",
            "schnell": "speed",
            "weit": "position",
            "voll": "battery",
        },
    }
)
Attribute = Literal[
    "battery",
    "brightness",
    "color",
    "color_temp",
    "effect",
    "fan_mode",
    "humidity",
    "mode",
    "position",
    "preset",
    "setting",
    "source",
    "speed",
    "temperature",
    "volume",
]
MOST = 4
"""Of as many devices it is told."""


@tool(
    domains=[d for d in DOMAINS if d not in ("device_tracker", "person", "sensor", "todo")],
    phrases={
        "en": [
            "(what's|whats|what is|tell me|what are|which is) [the] [current] {attribute}"
            " (of|on|for|in) [the] {name} [in [the] {area}]",
            "(what's|whats|what is|tell me) [the] {name} {attribute}",
            "(what's|whats|what is|tell me) [the] {name}'s {attribute}",
            "(what|which) {attribute} (is|are|does|do|has) [the] {name} [in [the] {area}]"
            " [(set to|set at|set|to|at|in|on|have|use|using|running at|running on|showing)]",
            "(what|which) temperature (is|are) [the] {name} [in [the] {area}] set [(to|at)]",
            "(what's|whats|what is|what are) [the] {name} [in [the] {area}] set (to|at)",
            "how {how} (is|are) [the] {name} [in [the] {area}]"
            " [(set|open|running|playing|turned up)]",
            "how far (is|are) [the] {name} [in [the] {area}] (open|closed|up|down)",
            "how much {attribute} (does [the] {name} have [left]|is left in [the] {name})",
            "[the] {name} {attribute}",
        ],
        "de": [
            "(was ist|wie ist|wie hoch ist|sag mir|welche) [die|der|den|das] {attribute}"
            " (von|vom|von der|von dem|der|des|am|an der) {name}",
            "(welche|welchen|was für eine|was für einen) {attribute} hat [(der|die|das)] {name}",
            "(in|auf) welche[r|m|n] {attribute} (ist|läuft|steht) [(der|die|das)] {name}",
            "(worauf|auf was|auf wie viel) (ist|steht) [(der|die|das)] {name} [eingestellt]",
            "auf wie viel Grad (ist|steht) [(der|die|das)] {name} [eingestellt]",
            "wie {how} (ist|sind|läuft|steht|stehen) [(der|die|das)] {name}"
            " [(auf|offen|geöffnet|eingestellt)]",
            "wie viel {attribute} hat [(der|die|das)] {name} [noch]",
        ],
    },
    examples=["how bright is the floor lamp", "what colour is the floor lamp"],
)
def attribute(
    things: Entities,
    attribute: Annotated[Attribute, ATTRIBUTES] | None = None,
    how: Annotated[Attribute, HOW] | None = None,
) -> Answer:
    """Tell the brightness, colour, volume, speed, position, setting or battery of a device."""
    return Answer(things[:MOST], facts={"attribute": attribute or how or "setting"})


@tool("HassClimateGetTemperature", examples=["how warm is it in the kitchen"])
def temperature(
    home: Home,
    where: Where,
    name: str | None = None,
    area: Area | None = None,
    floor: str | None = None,
) -> Answer | str:
    """Tell how warm it is."""
    place = area.area_id if area else None
    found = _thermometers(home, name=name, area=place, floor=floor)
    if not found and name:
        found = _thermometers(home, area=name, floor=floor)
    if not (name or area or floor) and where.area:
        found = _thermometers(home, area=where.area) or found
    if not found:
        return where.say("There is no thermometer.", de="Dort gibt es kein Thermometer.")
    if len(found) > 1 and len({thing.area_id for thing in found}) > 1:
        return where.say("In which room?", de="In welchem Raum?")
    return Answer(found[:1])


def _thermometers(home: Home, **place: str | None) -> list[Entity]:
    """What measures the temperature there: sensors first, then thermostats."""
    sensors = home.find(domains=["sensor"], device_class="temperature", **place)
    climates = home.find(domains=["climate"], **place)
    measuring = [c for c in climates if "current_temperature" in home.state(c).attributes]
    return [thing for thing in (*sensors, *measuring) if home.state(thing).available]


@tool("HassGetWeather", examples=["what is the weather like"])
def weather(home: Home, where: Where, name: str | None = None) -> Answer | str:
    """Tell what the weather is like, if a weather station is known."""
    stations = [s for s in home.find(name=name, domains=["weather"]) if home.state(s).available]
    if not stations:
        return where.say(
            "I have no weather station, so I do not know.",
            de="Ich habe keine Wetterstation und weiß es nicht.",
        )
    return Answer(stations[:1])
