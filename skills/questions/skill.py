"""Questions about the home: states, temperatures, the weather."""

from __future__ import annotations

from hub.skill import Answer, Area, Entities, Entity, Home, Where, tool

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
    examples=["is the front door locked", "which lights are on", "how bright is the floor lamp"],
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
