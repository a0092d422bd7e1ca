"""Sums and units: 'what is 17 percent of 240', 'how many cups are 300 millilitres'."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, Literal, get_args

from hub.skill import Said, Say, Where, tool

from .sums import NoSum, TooLarge, number, reckon

PATIENCE = timedelta(seconds=20)
"""The table of units takes a small machine some seconds, once."""
DECIMALS = 3
"""Digits behind the point that are told."""

Unit = Literal[
    "degC", "degF", "kelvin", "millimeter", "centimeter", "meter", "kilometer", "inch", "foot",
    "yard", "mile", "milliliter", "centiliter", "deciliter", "liter", "cup", "metric_cup",
    "tablespoon", "teaspoon", "pint", "quart", "gallon", "fluid_ounce", "milligram", "gram",
    "kilogram", "tonne", "ounce", "pound", "stone", "second", "minute", "hour", "day", "week",
    "kilometer_per_hour", "mile_per_hour", "meter_per_second", "knot", "kilowatt_hour", "joule",
    "kilocalorie", "bar", "hectopascal", "square_meter", "hectare", "acre",
]  # fmt: skip
UNITS = Said(
    {
        "en": {
            "[degrees] (celsius|centigrade)": "degC",
            "[degrees] fahrenheit": "degF",
            "kelvin": "kelvin",
            "(millimetre|millimetres|millimeter|millimeters|mm)": "millimeter",
            "(centimetre|centimetres|centimeter|centimeters|cm)": "centimeter",
            "(metre|metres|meter|meters|m)": "meter",
            "(kilometre|kilometres|kilometer|kilometers|km)": "kilometer",
            "(inch|inches)": "inch",
            "(foot|feet)": "foot",
            "(yard|yards)": "yard",
            "(mile|miles)": "mile",
            "(millilitre|millilitres|milliliter|milliliters|ml)": "milliliter",
            "(centilitre|centilitres|centiliter|centiliters|cl)": "centiliter",
            "(decilitre|decilitres|deciliter|deciliters|dl)": "deciliter",
            "(litre|litres|liter|liters)": "liter",
            "(cup|cups)": "cup",
            "(tablespoon|tablespoons)": "tablespoon",
            "(teaspoon|teaspoons)": "teaspoon",
            "(pint|pints)": "pint",
            "(quart|quarts)": "quart",
            "(gallon|gallons)": "gallon",
            "fluid (ounce|ounces)": "fluid_ounce",
            "(milligram|milligrams|mg)": "milligram",
            "(gram|grams|gramme|grammes|g)": "gram",
            "(kilogram|kilograms|kilo|kilos|kg)": "kilogram",
            "(tonne|tonnes|metric ton|metric tons)": "tonne",
            "(ounce|ounces|oz)": "ounce",
            "(pound|pounds|lb|lbs)": "pound",
            "stone": "stone",
            "(second|seconds)": "second",
            "(minute|minutes)": "minute",
            "(hour|hours)": "hour",
            "(day|days)": "day",
            "(week|weeks)": "week",
            "(kilometres|kilometers) (per|an) hour": "kilometer_per_hour",
            "miles (per|an) hour": "mile_per_hour",
            "(metres|meters) (per|a) second": "meter_per_second",
            "(knot|knots)": "knot",
            "kilowatt (hour|hours)": "kilowatt_hour",
            "(joule|joules)": "joule",
            "(calorie|calories|kilocalorie|kilocalories)": "kilocalorie",
            "(bar|bars)": "bar",
            "(hectopascal|hectopascals)": "hectopascal",
            "square (metre|metres|meter|meters)": "square_meter",
            "(hectare|hectares)": "hectare",
            "(acre|acres)": "acre",
        },
        "de": {
            "[Grad] Celsius": "degC",
            "[Grad] Fahrenheit": "degF",
            "Kelvin": "kelvin",
            "(Millimeter|Millimetern|mm)": "millimeter",
            "(Zentimeter|Zentimetern|cm)": "centimeter",
            "(Meter|Metern|m)": "meter",
            "(Kilometer|Kilometern|km)": "kilometer",
            "Zoll": "inch",
            "Fuß": "foot",
            "Yard[s]": "yard",
            "(Meile|Meilen)": "mile",
            "(Milliliter|Millilitern|ml)": "milliliter",
            "(Zentiliter|cl)": "centiliter",
            "(Deziliter|dl)": "deciliter",
            "(Liter|Litern)": "liter",
            "(Tasse|Tassen)": "metric_cup",
            "(Esslöffel|Esslöffeln)": "tablespoon",
            "(Teelöffel|Teelöffeln)": "teaspoon",
            "Pint[s]": "pint",
            "(Gallone|Gallonen)": "gallon",
            "(Milligramm|mg)": "milligram",
            "(Gramm|g)": "gram",
            "(Kilogramm|Kilo|kg)": "kilogram",
            "(Tonne|Tonnen)": "tonne",
            "(Unze|Unzen)": "ounce",
            "Pfund": "pound",
            "(Sekunde|Sekunden)": "second",
            "(Minute|Minuten)": "minute",
            "(Stunde|Stunden)": "hour",
            "(Tag|Tage|Tagen)": "day",
            "(Woche|Wochen)": "week",
            "(Kilometer|Stundenkilometer) [(pro|in der) Stunde]": "kilometer_per_hour",
            "Meilen pro Stunde": "mile_per_hour",
            "Meter pro Sekunde": "meter_per_second",
            "Knoten": "knot",
            "(Kilowattstunde|Kilowattstunden)": "kilowatt_hour",
            "Joule": "joule",
            "(Kalorie|Kalorien|Kilokalorien)": "kilocalorie",
            "Bar": "bar",
            "Hektopascal": "hectopascal",
            "Quadratmeter[n]": "square_meter",
            "Hektar": "hectare",
            "(Acre|Acres|Morgen)": "acre",
        },
    }
)
NAMES = {
    "en": {
        "degC": "degrees Celsius", "degF": "degrees Fahrenheit", "foot": "feet", "inch": "inches",
        "stone": "stone", "kelvin": "kelvin", "kilocalorie": "kilocalories", "cup": "cups",
        "metric_cup": "cups", "fluid_ounce": "fluid ounces", "square_meter": "square metres",
        "kilometer_per_hour": "kilometres per hour", "mile_per_hour": "miles per hour",
        "meter_per_second": "metres per second", "kilowatt_hour": "kilowatt hours", "bar": "bar",
        "millimeter": "millimetres", "centimeter": "centimetres", "meter": "metres",
        "kilometer": "kilometres", "milliliter": "millilitres", "centiliter": "centilitres",
        "deciliter": "decilitres", "liter": "litres",
    },
    "de": {
        "degC": "Grad Celsius", "degF": "Grad Fahrenheit", "kelvin": "Kelvin",
        "millimeter": "Millimeter", "centimeter": "Zentimeter", "meter": "Meter",
        "kilometer": "Kilometer", "inch": "Zoll", "foot": "Fuß", "yard": "Yards", "mile": "Meilen",
        "milliliter": "Milliliter", "centiliter": "Zentiliter", "deciliter": "Deziliter",
        "liter": "Liter", "cup": "Tassen", "metric_cup": "Tassen", "tablespoon": "Esslöffel",
        "teaspoon": "Teelöffel", "pint": "Pints", "quart": "Quarts", "gallon": "Gallonen",
        "fluid_ounce": "Flüssigunzen", "milligram": "Milligramm", "gram": "Gramm",
        "kilogram": "Kilogramm", "tonne": "Tonnen", "ounce": "Unzen", "pound": "Pfund",
        "stone": "Stone", "second": "Sekunden", "minute": "Minuten", "hour": "Stunden",
        "day": "Tage", "week": "Wochen", "kilometer_per_hour": "Kilometer pro Stunde",
        "mile_per_hour": "Meilen pro Stunde", "meter_per_second": "Meter pro Sekunde",
        "knot": "Knoten", "kilowatt_hour": "Kilowattstunden", "joule": "Joule",
        "kilocalorie": "Kilokalorien", "bar": "Bar", "hectopascal": "Hektopascal",
        "square_meter": "Quadratmeter", "hectare": "Hektar", "acre": "Acres",
    },
}  # fmt: skip
"""How a unit is told; in English one that is not here gets an 's'."""
ONE = {
    "en": {"foot": "foot", "inch": "inch", "degC": "degree Celsius", "degF": "degree Fahrenheit"},
    "de": {"metric_cup": "Tasse", "cup": "Tasse", "mile": "Meile", "hour": "Stunde", "day": "Tag"},
}


@tool(examples=["what is 17 percent of 240", "what is twelve times seven"])
def calculate(where: Where, left: str, right: str = "") -> Say:
    """Work out a sum."""
    said = _sum_in(where.said, where.language) or f"{left} {right}"
    for text in (said, f"{left} {right}"):
        try:
            value = reckon(text, where.language)
        except NoSum:
            continue
        except ZeroDivisionError:
            return Say("by_zero")
        except TooLarge:
            return Say("too_large")
        return _told(value, where)
    return Say("no_sum")


ASKING = re.compile(
    r"^.*?(?:what'?s|what is|how much is|how much are|calculate|work out|compute"
    r"|wie ?viel (?:ist|sind|ergibt|gibt)|was (?:ist|sind|ergibt|gibt)|berechne|rechne)\s+",
    re.IGNORECASE,
)


def _sum_in(said: str, language: str) -> str:
    """The sum in a sentence, with the signs that it was written with."""
    found = ASKING.match(said)
    text = said[found.end() :] if found else ""
    return re.sub(r"(?:\s+aus)?\s*[?.!=]*\s*$", "", text)


@tool(
    examples=["how many cups are 300 millilitres", "convert 20 celsius to fahrenheit"],
    takes=PATIENCE,
)
async def convert(
    where: Where, unit: Annotated[Unit, UNITS], target: Annotated[Unit, UNITS], amount: str = "1"
) -> Say:
    """Convert one unit into another."""
    try:
        value = number(amount, where.language)
    except NoSum:
        return Say("no_number")
    found = await asyncio.to_thread(_converted, float(value), unit, target)
    if found is None:
        return Say("not_alike", unit=_named(unit, 2, where), target=_named(target, 2, where))
    return Say(
        "converted",
        value=_spoken(_rounded(value), where),
        unit=_named(unit, value, where),
        result=_spoken(_rounded(Fraction(found)), where),
        target=_named(target, _rounded(Fraction(found)), where),
    )


def _told(value: Fraction, where: Where) -> Say:
    rounded = _rounded(value)
    exact = abs(Fraction(rounded).limit_denominator(10**6) - value) < Fraction(1, 10**9)
    return Say("result" if exact else "about", result=_spoken(rounded, where))


def _rounded(value: Fraction) -> int | float:
    """As many digits as somebody wants to hear."""
    if value.denominator == 1:
        return int(value)
    size = abs(float(value))
    decimals = 1 if size >= 100 else 2 if size >= 1 else DECIMALS + (3 if size < 0.01 else 0)
    rounded = round(float(value), decimals)
    return int(rounded) if rounded.is_integer() else rounded


def _spoken(value: float, where: Where) -> str:
    """With the sign that the language has before the fraction."""
    text = str(value) if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")
    return where.say(text, de=text.replace(".", ","))


def _converted(value: float, unit: str, target: str) -> float | None:
    """None for units of different things."""
    import pint

    registry = _registry()
    try:
        return float(registry.Quantity(value, unit).to(target).magnitude)
    except pint.DimensionalityError:
        return None


@cache
def _registry() -> Any:
    """Its definitions take a while to read: only when they are needed."""
    import pint

    registry: Any = pint.UnitRegistry(cache_folder=None)
    registry.define("metric_cup = 250 milliliter")
    return registry


def _named(unit: str, value: Any, where: Where) -> str:
    language = where.language.split("-")[0]
    if value == 1 and (one := ONE.get(language, {}).get(unit)):
        return one
    names = NAMES.get(language, NAMES["en"])
    plain = names.get(unit) or f"{unit.replace('_', ' ')}s"
    return plain[:-1] if value == 1 and language != "de" and plain.endswith("s") else plain


assert set(get_args(Unit)) >= {unit for said in UNITS.words.values() for unit in said.values()}
