"""What was used, from meters that only count on: their readings are kept once an hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from hub.skill import Clock, Entity, Home, Say, Store, every, tool

KEPT = timedelta(days=8)
READINGS = "readings"
"""Key of the store: id of a meter -> rows of a moment (ISO 8601) and kilowatt hours."""
KILO = {"kWh": 1.0, "Wh": 0.001, "MWh": 1000.0}
"""Unit -> kilowatt hours."""

Readings = dict[str, list[tuple[str, float]]]


@every(hours=1)
async def note(home: Home, store: Store, clock: Clock) -> None:
    """Keep what the meters show."""
    now = clock.now()
    readings: Readings = await store.get(READINGS, {})
    for meter in home.find(domains=["sensor"], device_class="energy"):
        level = _shown(home, meter)
        if level is not None:
            kept = [
                row
                for row in readings.get(meter.entity_id, [])
                if now - datetime.fromisoformat(row[0]) <= KEPT
            ]
            readings[meter.entity_id] = [*kept, (now.isoformat(), level)]
    await store.put(READINGS, readings)


@tool(examples=["how much energy did we use today"])
async def used(
    home: Home, store: Store, clock: Clock, period: Literal["today", "yesterday", "week"] = "today"
) -> Say:
    """Tell how much energy was used, and by what most of it."""
    now = clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begun = {"today": 0, "yesterday": 1, "week": 7}[period]
    start = midnight - timedelta(days=begun)
    end = midnight if period == "yesterday" else now
    readings: Readings = await store.get(READINGS, {})
    amounts = {}
    for meter in home.find(domains=["sensor"], device_class="energy"):
        rows = [
            (datetime.fromisoformat(at), level) for at, level in readings.get(meter.entity_id, [])
        ]
        level = _shown(home, meter)
        if level is not None:
            rows.append((now, level))
        if amount := _between(rows, start, end):
            amounts[meter.name] = amount
    if not amounts:
        return Say("nothing", period=period)
    most = max(amounts, key=lambda name: amounts[name])
    total = round(sum(amounts.values()), 1)
    if len(amounts) == 1:
        return Say(period, total=total)
    return Say(f"{period}_most", total=total, most=most, amount=round(amounts[most], 1))


def _shown(home: Home, meter: Entity) -> float | None:
    """Kilowatt hours on a meter; None if it shows none."""
    state = home.state(meter)
    factor = KILO.get(str(state.attributes.get("unit_of_measurement", "kWh")))
    try:
        return None if factor is None else float(state.state) * factor
    except ValueError:
        return None


def _between(rows: list[tuple[datetime, float]], start: datetime, end: datetime) -> float:
    """What was added between two moments. A meter that was set back begins anew at zero."""
    before = [row for row in rows if row[0] <= start][-1:]
    within = [row for row in rows if start < row[0] <= end]
    levels = [level for _, level in (*before, *within)]
    steps = pairwise(levels)
    return sum(later - earlier if later >= earlier else later for earlier, later in steps)
