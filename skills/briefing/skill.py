"""What there is to know today, in a few sentences.

    [skills.settings.briefing]
    parts = "date, weather, calendar, reminders, lists, windows, batteries"
    battery = 20

Another part may be the name of any tool that only tells, such as `bins.next`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from hub.skill import Calendars, Clock, Home, Others, Say, Settings, Where, tool

PARTS = "date, weather, calendar, reminders, lists, windows, batteries"
LOW = 20
"""Per cent of a battery, below which it is low."""
OPENINGS = ("door", "garage_door", "opening", "window")
MOST = 3
"""Of as many things of a kind the names are told."""
DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag".split(),
}
MONTHS = {
    "en": "January February March April May June July August September October November"
    " December".split(),
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November"
    " Dezember".split(),
}


@tool(
    examples=["good morning briefing", "what do I need to know today"],
    takes=timedelta(seconds=20),
    risk="R0",
)
async def briefing(
    home: Home,
    clock: Clock,
    where: Where,
    others: Others,
    calendars: Calendars,
    settings: Settings,
) -> str | Say:
    """Tell what there is to know today."""
    chosen = str(settings.get("parts", PARTS)).split(",")
    low = float(settings.get("battery", LOW))
    own: dict[str, Callable[[], Awaitable[str | None]]] = {
        "date": lambda: _date(clock.now(), where),
        "weather": lambda: _weather(home, others),
        "calendar": lambda: _calendar(home, calendars, others),
        "reminders": lambda: others.tell("reminders.reminders"),
        "lists": lambda: _lists(home, where),
        "windows": lambda: _open(home, where),
        "batteries": lambda: _batteries(home, where, low),
    }
    told = []
    for name in (each.strip() for each in chosen):
        found = await own[name]() if name in own else await others.tell(name)
        if found:
            told.append(found if found.endswith((".", "!", "?")) else f"{found}.")
    return " ".join(told) or Say("nothing")


async def _date(now: datetime, where: Where) -> str:
    language = where.language.split("-")[0]
    day = DAYS.get(language, DAYS["en"])[now.weekday()]
    month = MONTHS.get(language, MONTHS["en"])[now.month - 1]
    return where.say(
        f"It is {day}, {month} {now.day}.", de=f"Heute ist {day}, der {now.day}. {month}."
    )


async def _weather(home: Home, others: Others) -> str | None:
    if not any(home.state(each).available for each in home.find(domains=["weather"])):
        return None
    return await others.tell("questions.forecast")


async def _calendar(home: Home, calendars: Calendars, others: Others) -> str | None:
    if not len(calendars) and not home.find(domains=["calendar"]):
        return None
    return await others.tell("calendar.agenda", when="today")


async def _lists(home: Home, where: Where) -> str | None:
    """How much is on each list; what it is, is asked for when there is time for it."""
    told = []
    for each in home.find(domains=["todo"]):
        count = home.state(each).state
        if count.isdigit() and int(count):
            told.append(where.say(f"{count} on the {each.name}", de=f"{count} auf: {each.name}"))
    return "; ".join(told)[:200] or None


async def _open(home: Home, where: Where) -> str | None:
    found = [
        each.name
        for kind in OPENINGS
        for each in home.find(domains=["binary_sensor"], device_class=kind)
        if home.state(each).state == "on"
    ]
    found += [
        each.name
        for each in home.find(domains=["cover"])
        if each.device_class in ("garage", "door", "gate", "window")
        and home.state(each).state == "open"
    ]
    return f"{where.say('Open', de='Offen')}: {_names(found, where)}." if found else None


async def _batteries(home: Home, where: Where, low: float) -> str | None:
    found = [
        each.name
        for each in home.find(domains=["sensor"], device_class="battery")
        if (level := _number(home.state(each).state)) is not None and level < low
    ]
    found += [
        each.name
        for each in home.find(domains=["binary_sensor"], device_class="battery")
        if home.state(each).state == "on"
    ]
    found += [
        each.name
        for each in home.find(domains=["lock", "vacuum", "lawn_mower", "climate"])
        if (level := _number(home.state(each).attributes.get("battery_level"))) is not None
        and level < low
    ]
    names = _names(found, where)
    return f"{where.say('Low battery', de='Batterie schwach')}: {names}." if found else None


def _names(found: list[str], where: Where) -> str:
    told = ", ".join(found[:MOST])
    if more := len(found[MOST:]):
        told += where.say(f", and {more} more", de=f", und {more} weitere")
    return told


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
