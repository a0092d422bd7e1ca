"""What was used: the difference of what the meters showed, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from hub.skill import Clock, Entity, Home, Past, Phone, Say, tool

from .chart import bars

KILO = {"kWh": 1.0, "Wh": 0.001, "MWh": 1000.0}
"""Unit -> kilowatt hours."""
BUSY = 2
"""Hours in a row of which it is told that most was used in them."""
Period = Literal["today", "yesterday", "week"]
DAYS: dict[Period, tuple[int, int]] = {"today": (0, 1), "yesterday": (1, 1), "week": (6, 7)}
"""Period -> days before today on which it begins, and how many it has."""


@dataclass(frozen=True, slots=True)
class Used:
    """What was used in each hour, from the beginning of a period on."""

    start: datetime
    hours: list[float]
    by: dict[str, float]
    """Name of a meter -> all that it counted."""

    @property
    def total(self) -> float:
        return sum(self.hours)


@tool(examples=["how much energy did we use yesterday"])
async def used(home: Home, past: Past, clock: Clock, period: Period = "today") -> Say:
    """Tell how much energy was used, when most of it, and how much more than before."""
    found = await _used(home, past, clock.now(), period)
    if not found.by:
        return Say("nothing", period=period)
    parts: dict[str, str | float] = {"total": round(found.total, 1)}
    key = period
    if (busy := _busiest(found)) is not None and period != "week":
        parts["begin"], parts["end"] = busy, busy + BUSY
        key += "_when"
    if period == "yesterday":
        before = await _used(home, past, clock.now(), period, earlier=1)
        change = _change(found.total, before.total) if before.by else None
        if change:
            parts["percent"] = abs(change)
            key += "_more" if change > 0 else "_less"
    if period == "week" and len(found.by) > 1:
        most = max(found.by, key=lambda name: found.by[name])
        parts["most"], parts["amount"] = most, round(found.by[most], 1)
        key += "_most"
    return Say(key, **parts)


@tool(examples=["send me a chart of the energy we used yesterday"])
async def chart(
    home: Home, past: Past, clock: Clock, phone: Phone, period: Period = "yesterday"
) -> Say:
    """Send a chart of the energy that was used to the phone."""
    found = await _used(home, past, clock.now(), period)
    if not found.by:
        return Say("nothing", period=period)
    values = found.hours
    if period == "week":
        values = [sum(values[day * 24 : day * 24 + 24]) for day in range(7)]
        labels = {day: str((found.start + timedelta(days=day)).day) for day in range(7)}
    else:
        labels = {hour: str(hour) for hour in range(0, 24, 6)}
    picture = bars(values, labels)
    text = f"{found.start:%Y-%m-%d}: {round(found.total, 1):g} kWh"
    await phone.send(text, picture)
    return Say("sent")


async def _used(home: Home, past: Past, now: datetime, period: Period, *, earlier: int = 0) -> Used:
    """What all meters counted in a period, or so many days before it."""
    back, days = DAYS[period]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight - timedelta(days=back + earlier)
    hours, by = [0.0] * (24 * days), dict[str, float]()
    for meter in home.find(domains=["sensor"], device_class="energy"):
        factor = _factor(home, meter)
        if factor is None:
            continue
        rows = await past.of(meter, start - timedelta(hours=1))
        for (_, level), (at, later) in pairwise(rows):
            number = int((at - start).total_seconds() // 3600)
            # A meter that was set back begins anew at zero.
            step = (later - level if later >= level else later) * factor
            if 0 <= number < len(hours):
                hours[number] += step
                by[meter.name] = by.get(meter.name, 0.0) + step
    return Used(start, hours, by)


def _factor(home: Home, meter: Entity) -> float | None:
    """Kilowatt hours in one of a meter's units; None if it is no unit of energy."""
    attributes = home.state(meter).attributes
    return KILO.get(str(attributes.get("unit_of_measurement", "kWh")))


def _busiest(found: Used) -> int | None:
    """The hour in which the two hours begin that need most; None if none stands out."""
    sums = [sum(found.hours[hour : hour + BUSY]) for hour in range(len(found.hours) - BUSY + 1)]
    most = max(sums)
    usual = found.total * BUSY / max(1, sum(1 for hour in found.hours if hour > 0))
    return sums.index(most) if most > 1.2 * usual else None


def _change(now: float, before: float) -> int | None:
    """Per cent more than before; None if that says nothing."""
    return round(100 * (now - before) / before) if before > 0.05 else None
