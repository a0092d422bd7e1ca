"""Questions about the home: states, temperatures, the weather."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated, Any, Literal

from hub.skill import Answer, Area, Clock, Entities, Entity, Home, Said, Where, tool

from . import sky

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

NAMED_STATES = ("climate", "media_player", "water_heater")
"""Domains that say how they are on: 'heat', 'playing'."""

AJAR = ("open", "closed")
CONTACTS = ("door", "garage_door", "opening")
"""Classes of sensors that tell whether a door is open."""

LIVING = ("person", "device_tracker")
AT_HOME = ("home", "at_home", "zu_hause", "zuhause", "daheim")
"""Ways to say where somebody is whose state is 'home'."""


@tool(
    "HassGetState",
    domains=DOMAINS,
    phrases={
        "de": [
            "was (steht|habe ich|haben wir) [alles] (auf|in) [(der|dem|meiner|unserer)] {name}",
            "(lies|lese|sag) mir [(die|den|das|meine|unsere)] {name} vor",
        ]
    },
    examples=["is the front door locked", "which lights are on"],
)
async def state(
    things: Entities, home: Home, where: Where, state: str | None = None
) -> Answer | str:
    """Tell the state of a device, or which devices are in a state."""
    if state is None and len(things) == 1 and (items := await _items(things[0], home)):
        return _read(things[0].name, items, where)
    if state is None:
        return Answer(matched=things)
    if state in AJAR:
        things = [each for thing in things for each in _doors(thing, home)]
    matched = [thing for thing in things if _is(thing, state, home)]
    return Answer(matched, [thing for thing in things if thing not in matched])


def _doors(thing: Entity, home: Home) -> Sequence[Entity]:
    """What tells whether a door is open: of one with a lock the contact that is called as the lock
    is, since a lock does not know; the thing itself where there is none."""
    area = home.area(thing)
    if thing.domain != "lock" or area is None:
        return [thing]
    names = {name.casefold() for name in thing.names}
    contacts = [
        each
        for each in home.find(area=area.name, domains=["binary_sensor"])
        if each.device_class in CONTACTS
        and any(each_name.casefold().startswith(name) for each_name in each.names for name in names)
    ]
    return contacts if len(contacts) == 1 else [thing]


MOST_ITEMS = 8
"""Of as many things on a list it is told."""


async def _items(thing: Entity, home: Home) -> list[str]:
    """What is still to be done of a list; none where the list does not tell."""
    kept = home.state(thing).attributes.get("todo_items") or ()
    if not kept and thing.domain == "todo" and home.state(thing).state not in ("0", "unavailable"):
        kept = (await home.ask("todo.get_items", thing) or {}).get("items") or ()
    items = [{"summary": item} if isinstance(item, str) else item for item in kept]
    return [item["summary"] for item in items if item.get("status") != "completed"]


def _read(name: str, items: list[str], where: Where) -> str:
    told = ", ".join(items[:MOST_ITEMS])
    if more := len(items[MOST_ITEMS:]):
        told += where.say(f", and {more} more", de=f", und {more} weitere")
    if where.language.split("-")[0] not in ("en", "de"):
        return f"{name}: {told}."
    many = len(items)
    things = where.say(
        "thing" if many == 1 else "things", de="Eintrag" if many == 1 else "Einträge"
    )
    return f"{name}, {many} {things}: {told}."


def _is(thing: Entity, state: str, home: Home) -> bool:
    now, wanted = home.state(thing).state.casefold(), state.casefold().replace(" ", "_")
    if thing.domain in LIVING and wanted in AT_HOME:
        return now == "home"
    on_means_open = {"open": "on", "closed": "off", "unlocked": "on", "locked": "off"}
    if thing.domain == "binary_sensor" and wanted in on_means_open:
        return now == on_means_open[wanted]
    if wanted == "on" and thing.domain in NAMED_STATES:
        return now not in ("off", "standby", "unavailable", "unknown")
    if wanted == "off" and thing.domain in NAMED_STATES:
        return now in ("off", "standby")
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
SKY = (
    "(sunny|clear|cloudy|overcast|rain|raining|rainy|snow|snowing|snowy|wind|windy|stormy|foggy"
    "|cold|cool|warm|hot|dry|wet|nice|fine|good|bad)"
)
"""What the weather may be."""
MOST = 4
"""Of as many devices it is told."""
WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
}
AHEAD = {"tonight": 0, "tomorrow": 1, "after": 2, "week": 1}
"""When -> days ahead."""
Day = Literal["tonight", "tomorrow", "after", "week"]
DAYS = Said(
    {
        "en": {
            "[(for|later)] (tonight|this evening|this afternoon)": "tonight",
            "[for] tomorrow [(morning|afternoon|evening|night)]": "tomorrow",
            "[for] (the day after tomorrow|in two days)": "after",
            "[for] (this|next|the coming) week": "week",
            "[for] (the next [few] days|(this|the|next) weekend)": "week",
        },
        "de": {
            "heute Abend": "tonight",
            "[für] morgen [(früh|Abend|Nachmittag)]": "tomorrow",
            "[für] übermorgen": "after",
            "([für] (diese|nächste) Woche|am Wochenende|in den nächsten Tagen)": "week",
        },
    }
)


@tool(
    domains=[d for d in DOMAINS if d not in ("device_tracker", "person", "sensor", "todo")],
    phrases={
        "en": [
            "(what's|whats|what is|tell me|what are|which is|how's|how is|how high is|check)"
            " [the] [current] {attribute}"
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
            "how much {attribute} [the] {name} has [left]",
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


@tool(
    domains=[d for d in DOMAINS if d not in ("device_tracker", "person")],
    phrases={
        "en": [
            "(what|which) room (is|are) [the] {name} in",
            "in (what|which) room (is|are) [the] {name}",
            "where [in the house] (is|are) [the] {name} (installed|mounted|located)",
        ],
        "de": ["in welchem (Raum|Zimmer) (ist|sind|steht|hängt|liegt) [(der|die|das)] {name}"],
    },
    examples=["which room is the floor lamp in"],
)
def whereabouts(things: Entities, home: Home, where: Where) -> str:
    """Tell in which room a device is."""
    return " ".join(_placed(thing, home.area(thing), where) for thing in things[:MOST])


def _placed(thing: Entity, area: Area | None, where: Where) -> str:
    if area is None:
        return where.say(
            f"The {thing.name} is in no room.", de=f"{thing.name} ist keinem Raum zugeordnet."
        )
    return where.say(
        f"The {thing.name} is in the {area.name}.", de=f"{thing.name} ist hier: {area.name}."
    )


@tool(
    phrases={
        "en": [
            "(what|which) rooms (are|are there) [on] [the] {floor} [floor]",
            "(what|which) rooms does [the] {floor} [floor] have",
            "what is [on] [the] {floor} floor",
        ],
        "de": ["welche (Räume|Zimmer) (sind|gibt es) (im|auf dem|in der) {floor}"],
    },
    examples=["which rooms are upstairs"],
)
def rooms(home: Home, where: Where, floor: str) -> str:
    """Tell which rooms there are on a floor, of those that have devices."""
    areas = [area for thing in home.find(floor=floor) if (area := home.area(thing))]
    names = [*dict.fromkeys(area.name for area in areas)]
    if not names:
        return where.say("There is no device on that floor.", de="Dort gibt es keine Geräte.")
    *others, last = names
    if not others:
        return where.say(f"Only the {last}.", de=f"Nur: {last}.")
    listed = ", the ".join(others)
    return where.say(f"The {listed} and the {last}.", de=f"{', '.join(others)} und {last}.")


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
        lost = _out_of_reach(home, name=name, area=place or (None if name else where.area))
        if lost:
            return where.say(f"The {lost} is not available.", de=f"{lost} ist nicht erreichbar.")
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


def _out_of_reach(home: Home, **place: str | None) -> str | None:
    """The name of what would measure the temperature there if it could be reached."""
    sensors = home.find(domains=["sensor"], device_class="temperature", **place)
    for thing in (*sensors, *home.find(domains=["climate"], **place)):
        if home.state(thing).state == "unavailable":
            return thing.name
    return None


@tool(
    "HassGetWeather",
    phrases={
        "en": [
            "(what's|whats|what is|how is|how's|hows) the (weather|temperature)"
            " [like] (outside|outdoors|out|out there|today|now|right now)",
            "(how's|hows|how is) the weather [(outside|today)]",
            "what is it like (outside|out|out there)",
            "(what's|whats|what is) the outside temperature",
            "how (warm|hot|cold|cool|windy|humid) is it (outside|outdoors|out|out there|today)",
            f"(is it|is today|is the weather) [(really|very|too)] {SKY} [or {SKY}]"
            " (outside|outdoors|out|out there|today|now|right now)",
            f"is (it|today|the weather) {SKY} or {SKY}",
            f"(will it|is it going to|will the weather|is the weather going to) [be] {SKY}"
            f" [or {SKY}] today",
            f"(will the weather|is the weather going to) today be {SKY} [or {SKY}]",
            "do i need (an umbrella|a coat|a jacket|sunglasses) [(today|now|outside)]",
            "what temperature is it (outside|outdoors|out)",
            "is it (raining|snowing|hailing)",
        ],
        "de": [
            "(wie ist|wie wird) das Wetter [(draußen|heute|gerade|jetzt)]",
            "wie (warm|kalt|heiß) ist es (draußen|heute|gerade draußen)",
            "(wie viel Grad|welche Temperatur) (hat es|ist es|sind es|haben wir) draußen",
            "(wie hoch ist|was ist) die (Außentemperatur|Temperatur draußen)",
            "(regnet|schneit|stürmt|hagelt) es [(draußen|gerade|jetzt|heute)]",
            "(ist|scheint) (es|die Sonne|das Wetter)"
            " [(draußen|heute|gerade)] [(sonnig|bewölkt|windig|kalt|warm|schön)]"
            " [(draußen|heute|gerade)]",
            "(brauche ich|brauch ich) [(heute|jetzt)] (einen Schirm|einen Regenschirm|eine Jacke)",
        ],
    },
    examples=["what is the weather like"],
    risk="R0",
)
async def weather(home: Home, where: Where, clock: Clock, name: str | None = None) -> Answer | str:
    """Tell what the weather is like: the temperature outside, rain, wind."""
    known = sky.now(home)
    if sky.LATER.search(where.said) and not sky.raining(known):
        now = clock.now()
        today = sky.of_day(await sky.days(home), now.date(), now.tzinfo)
        if today is not None:
            return _of_day(today, where)
    if (told := _of_now(known, where)) is not None:
        return told
    stations = [s for s in home.find(name=name, domains=["weather"]) if home.state(s).available]
    if stations:
        return Answer(stations[:1])
    # What sensors outside tell is better than nothing.
    if name is None and (told := sky.told_now(known, where)):
        return where.say(f"It is {told} outside.", de=f"Draußen: {told}.")
    return where.say(
        "I have no weather station, so I do not know.",
        de="Ich habe keine Wetterstation und weiß es nicht.",
    )


def _of_now(known: sky.Now, where: Where) -> str | None:
    """The answer to a question about one thing: rain, wind, humidity."""
    for asked, snow in ((sky.RAIN, False), (sky.SNOW, True)):
        if asked.search(where.said) and (falls := sky.raining(known, snow=snow)) is not None:
            told = sky.told_now(known, where)
            return f"{where.say('Yes', de='Ja') if falls else where.say('No', de='Nein')}: {told}."
    if sky.WIND.search(where.said) and known.wind is not None:
        value = sky.degrees(known.wind, where)
        return where.say(
            f"The wind blows at {value} kilometres per hour.",
            de=f"Der Wind weht mit {value} Kilometern pro Stunde.",
        )
    if sky.HUMID.search(where.said) and known.humidity is not None:
        return where.say(
            f"The humidity outside is {known.humidity:g} percent.",
            de=f"Die Luftfeuchtigkeit draußen ist {known.humidity:g} Prozent.",
        )
    return None


@tool(
    phrases={
        "en": [
            "(what's|whats|what is|how is|how's|tell me|give me) the [weather] forecast [{when}]",
            "(what's|whats|what is|how is|how's) the weather [(going to be|gonna be)] [like]"
            " {when}",
            "(what will|how will) the weather [be] [like] {when}",
            f"(will it|is it going to|will the weather) [be] {SKY} {{when}}",
            "do i need (an umbrella|a coat|a jacket|sunglasses) {when}",
            f"(will it|is it going to|will the weather) [be] {SKY} (on|this|next) {{day}}",
            "(what will|how will) the weather be [like] (on|this|next) {day}",
            "(what's|whats|what is) the [weather] forecast for {day}",
            "do i need an umbrella (on|this|next) {day}",
            "how (warm|hot|cold) (will it|is it going to) (be|get) {when}",
        ],
        "de": [
            "(wie wird|wie ist|was sagt) (das Wetter|der Wetterbericht) {when}",
            "(wie ist|was sagt) (die Wettervorhersage|die Vorhersage|der Wetterbericht) [{when}]",
            "(regnet|schneit) es {when}",
            "wird es {when} (regnen|schneien|warm|kalt|sonnig)",
            "(brauche ich|brauch ich) {when} (einen Schirm|einen Regenschirm|eine Jacke)",
            "(wie wird|wie ist) das Wetter am {day}",
            "(regnet|schneit) es am {day}",
            "wird es am {day} (regnen|schneien|warm|kalt|sonnig)",
        ],
    },
    examples=["what is the weather forecast for tomorrow"],
    risk="R0",
)
async def forecast(
    home: Home,
    where: Where,
    clock: Clock,
    when: Annotated[Day, DAYS] | None = None,
    day: date | None = None,
) -> str | Answer:
    """Tell what the weather will be, as far as the weather station knows."""
    told = await sky.days(home)
    if not told and sky.station(home) is None:
        known = sky.told_now(sky.now(home), where)
        if not known or (when is None and day is None):
            return await weather(home, where, clock)
    now = clock.now()
    if when == "week":
        return _several_days(told, now.tzinfo, where)
    wanted = day or (now + timedelta(days=AHEAD.get(when or "", 0))).date()
    found = sky.of_day(told, wanted, now.tzinfo)
    if found is None and when is None and day is None and told:
        found = told[0]
    if found is None:
        known = sky.told_now(sky.now(home), where)
        return where.say(
            f"I have no forecast for that. Right now it is {known}.",
            de=f"Dafür habe ich keine Vorhersage. Jetzt gerade: {known}.",
        )
    return _of_day(found, where)


def _of_day(found: Mapping[str, Any], where: Where) -> str:
    """What is told of a day; a yes or no before it, if it was asked whether it will be wet."""
    answer = sky.told_day(found, where)
    for asked, snow in ((sky.RAIN, False), (sky.SNOW, True)):
        if asked.search(where.said):
            yes = sky.wet(found, snow=snow)
            answer = f"{where.say('Yes', de='Ja') if yes else where.say('No', de='Nein')}: {answer}"
            break
    return f"{answer[:1].upper()}{answer[1:]}."


MOST_DAYS = 4


def _several_days(told: Sequence[Mapping[str, Any]], zone: tzinfo | None, where: Where) -> str:
    """'Saturday sunny, 20 degrees. Sunday …'"""
    if not told:
        return where.say("I have no forecast.", de="Ich habe keine Vorhersage.")
    names = WEEKDAYS.get(where.language.split("-")[0], WEEKDAYS["en"])
    parts = []
    for each in told[:MOST_DAYS]:
        if (day := sky.date_of(each, zone)) is not None:
            parts.append(f"{names[day.weekday()]}: {sky.told_day(each, where)}.")
    return " ".join(parts)


@tool(
    domains=["event"],
    phrases={
        "en": [
            "(what is|what's|tell me) the (state|status) of [the] {name}",
            "when (was|did) [the] {name} [last] (pressed|used|ring|rung|go off|triggered|happen)",
            "(was|has) [the] {name} [been] (pressed|used|rung|triggered)",
            "what did [the] {name} (do|say|report) [last]",
        ],
        "de": [
            "wann (wurde|hat) [(der|die|das)] {name} [zuletzt]"
            " (gedrückt|benutzt|geklingelt|ausgelöst)",
            "(wurde|hat) [(der|die|das)] {name} (gedrückt|benutzt|geklingelt|ausgelöst)",
        ],
    },
    examples=["when was the doorbell pressed"],
)
def last_event(events: Entities, home: Home, where: Where, clock: Clock) -> str:
    """Tell when something last happened that leaves no state, such as the press of a button."""
    event = events[0]
    state = home.state(event)
    if state.state == "unavailable":
        return where.say(
            f"{event.name} is not available.", de=f"{event.name} ist nicht erreichbar."
        )
    try:
        past = clock.now() - datetime.fromisoformat(state.state)
    except ValueError:
        return where.say(f"{event.name}: nothing yet.", de=f"{event.name}: noch nichts.")
    kind = str(state.attributes.get("event_type") or "").replace("_", " ")
    ago = _ago(past, where)
    return f"{event.name}: {kind}, {ago}." if kind else f"{event.name}: {ago}."


def _ago(past: timedelta, where: Where) -> str:
    minutes = max(0, round(past.total_seconds() / 60))
    if minutes < 1:
        return where.say("just now", de="gerade eben")
    if minutes < 90:
        unit = "minute" if minutes == 1 else "minutes"
        return where.say(
            f"{minutes} {unit} ago", de=f"vor {minutes} Minute{'' if minutes == 1 else 'n'}"
        )
    hours = round(minutes / 60)
    if hours < 48:
        return where.say(f"{hours} hours ago", de=f"vor {hours} Stunden")
    return where.say(f"{hours // 24} days ago", de=f"vor {hours // 24} Tagen")
