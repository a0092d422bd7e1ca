"""The weather, from one of Home Assistant's weather entities, or from the sensors of a station."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.skill import Entity, Home, Where

CONDITIONS = {
    "clear-night": ("clear", "klar"),
    "cloudy": ("cloudy", "bewölkt"),
    "exceptional": ("exceptional", "ungewöhnlich"),
    "fog": ("foggy", "neblig"),
    "hail": ("hail", "Hagel"),
    "lightning": ("thunderstorms", "Gewitter"),
    "lightning-rainy": ("thunderstorms with rain", "Gewitter mit Regen"),
    "partlycloudy": ("partly cloudy", "teils bewölkt"),
    "pouring": ("pouring rain", "starker Regen"),
    "rainy": ("rainy", "regnerisch"),
    "snowy": ("snowy", "Schnee"),
    "snowy-rainy": ("sleet", "Schneeregen"),
    "sunny": ("sunny", "sonnig"),
    "windy": ("windy", "windig"),
    "windy-variant": ("windy and cloudy", "windig und bewölkt"),
}
"""Home Assistant's conditions, in English and German."""
RAINY = frozenset({"hail", "lightning-rainy", "pouring", "rainy", "snowy-rainy"})
SNOWY = frozenset({"snowy", "snowy-rainy"})
WET_MM, LIKELY = 0.3, 40
"""Millimetres of a day, and per cent, from which on an umbrella is worth its weight."""
WINDY = 30.0
"""km/h from which on it is windy."""

RAIN = re.compile(
    r"\b(rain\w*|umbrella|wet|regne\w*|regen\w*|schirm|regenschirm|nass)\b", re.IGNORECASE
)
LATER = re.compile(r"\b(umbrella|schirm|regenschirm|will it|going to)\b", re.IGNORECASE)
"""What is asked for the day, and not for this moment."""
SNOW = re.compile(r"\b(snow\w*|schnei\w*|schnee)\b", re.IGNORECASE)
WIND = re.compile(r"\b(wind\w*|storm\w*|stürm\w*)\b", re.IGNORECASE)
HUMID = re.compile(r"\b(humid\w*|feucht\w*|luftfeucht\w*)\b", re.IGNORECASE)
OUTSIDE = re.compile(
    r"outside|outdoors?|garden|patio|terrace|balcony|porch|yard|backyard|draußen|draussen"
    r"|(?:außen|aussen|garten|balkon|terrassen?)(?:-?(?:luft)?(?:temperatur|thermometer|fühler|sensor|feuchte))?",
    re.IGNORECASE,
)
"""A word of what is outside; in German also as the first part of a sensor's name."""


@dataclass(frozen=True, slots=True)
class Now:
    """What the weather is; None where nobody measures it."""

    condition: str | None = None
    temperature: float | None = None
    humidity: float | None = None
    wind: float | None = None
    """km/h"""
    rain: float | None = None
    """mm or mm/h; more than 0 while it rains."""


def station(home: Home) -> Entity | None:
    """The weather entity, if there is one that tells something."""
    found = [each for each in home.find(domains=["weather"]) if home.state(each).available]
    return found[0] if found else None


def now(home: Home) -> Now:
    """From the weather entity, and from sensors outside for what that does not tell."""
    known = station(home)
    told = home.state(known) if known else None
    attributes = told.attributes if told else {}
    return Now(
        told.state if told else None,
        _first(_number(attributes.get("temperature")), _measured(home, "temperature")),
        _first(_number(attributes.get("humidity")), _measured(home, "humidity")),
        _first(
            _speed(attributes.get("wind_speed"), attributes.get("wind_speed_unit")),
            _measured(home, "wind_speed"),
        ),
        _first(_measured(home, "precipitation_intensity"), _raining(home)),
    )


async def days(home: Home) -> list[Mapping[str, Any]]:
    """The forecast, day by day; none if nobody makes one."""
    known = station(home)
    if known is None:
        return []
    kept = home.state(known).attributes.get("forecast")
    if not kept:
        answer = await home.ask("weather.get_forecasts", known, type="daily")
        kept = answer.get("forecast") if isinstance(answer, Mapping) else None
    return [day for day in kept or () if isinstance(day, Mapping)]


def of_day(told: Iterable[Mapping[str, Any]], wanted: date, zone: Any) -> Mapping[str, Any] | None:
    """The forecast for a day."""
    return next((day for day in told if date_of(day, zone) == wanted), None)


def date_of(day: Mapping[str, Any], zone: Any) -> date | None:
    """The day that a forecast is for, which may be written in another zone; None if it is not
    told."""
    try:
        moment = datetime.fromisoformat(str(day.get("datetime", "")))
    except ValueError:
        return None
    return (moment.astimezone(zone) if moment.tzinfo is not None else moment).date()


def condition(known: str | None, where: Where) -> str:
    """How a condition is said."""
    if not known:
        return ""
    en, de = CONDITIONS.get(known, (known.replace("-", " ").replace("_", " "),) * 2)
    return where.say(en, de=de)


def degrees(value: float, where: Where) -> str:
    return where.say(f"{value:g}", de=f"{value:g}".replace(".", ","))


def wet(day: Mapping[str, Any], *, snow: bool = False) -> bool:
    """Whether rain (or snow) is to be expected."""
    known = str(day.get("condition") or "")
    if known in (SNOWY if snow else RAINY):
        return True
    if snow:
        return False
    likely = _number(day.get("precipitation_probability"))
    amount = _number(day.get("precipitation"))
    if likely is not None:
        return likely >= LIKELY
    return amount is not None and amount >= WET_MM and known not in SNOWY


def raining(known: Now, *, snow: bool = False) -> bool | None:
    """Whether it rains or snows; None if nobody knows."""
    if known.condition in (SNOWY if snow else RAINY) or (known.rain or 0) > 0:
        return True
    return None if known.condition is None and known.rain is None else False


def told_day(day: Mapping[str, Any], where: Where) -> str:
    """'rainy, 7 to 12 degrees, rain 80 percent'"""
    high, low = _number(day.get("temperature")), _number(day.get("templow"))
    parts = [condition(str(day.get("condition") or ""), where)]
    if high is not None and low is not None:
        span = f"{degrees(low, where)} {where.say('to', de='bis')} {degrees(high, where)}"
        parts.append(where.say(f"{span} degrees", de=f"{span} Grad"))
    elif high is not None:
        parts.append(where.say(f"{high:g} degrees", de=f"{degrees(high, where)} Grad"))
    likely = _number(day.get("precipitation_probability"))
    if likely:
        parts.append(where.say(f"rain {likely:g} percent", de=f"Regen {likely:g} Prozent"))
    return ", ".join(part for part in parts if part)


def told_now(known: Now, where: Where) -> str:
    """'12.5 degrees, sunny, windy'; empty if nothing is known."""
    parts = []
    if known.temperature is not None:
        value = degrees(known.temperature, where)
        parts.append(where.say(f"{value} degrees", de=f"{value} Grad"))
    if known.condition:
        parts.append(condition(known.condition, where))
    elif known.rain:
        parts.append(where.say("raining", de="Regen"))
    if (known.wind or 0) >= WINDY and known.condition not in ("windy", "windy-variant"):
        parts.append(where.say("windy", de="windig"))
    return ", ".join(parts)


def _measured(home: Home, device_class: str) -> float | None:
    """What a sensor tells that is outside by its name or room."""
    for each in home.find(domains=["sensor"], device_class=device_class):
        told = home.state(each)
        room = home.area(each)
        names = [*each.names, *([room.name] if room else [])]
        said = [word for name in names for word in re.findall(r"\w+", name)]
        anywhere = device_class in ("wind_speed", "precipitation_intensity")
        if told.available and (anywhere or any(map(OUTSIDE.fullmatch, said))):
            value = _number(told.state)
            if device_class == "wind_speed":
                value = _speed(told.state, told.attributes.get("unit_of_measurement"))
            if value is not None:
                return value
    return None


def _raining(home: Home) -> float | None:
    """Of a sensor that tells whether it is wet outside."""
    for each in home.find(domains=["binary_sensor"], device_class="moisture"):
        words = {word.casefold() for name in each.names for word in re.findall(r"\w+", name)}
        if words & {"rain", "regen", "rainsensor", "regensensor"}:
            return 1.0 if home.state(each).state == "on" else 0.0
    return None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _speed(value: Any, unit: Any) -> float | None:
    """km/h"""
    speed = _number(value)
    if speed is None:
        return None
    factor = {"m/s": 3.6, "mph": 1.609, "kn": 1.852, "ft/s": 1.097}.get(str(unit or ""), 1.0)
    return round(speed * factor, 1)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
