"""Looks after plants that have a sensor for the moisture of their soil."""

from __future__ import annotations

from hub.skill import Change, Entity, Home, Say, Settings, Store, on, tool

TOLD = "told"
RISEN = 10
"""Per cent above the limit from which a plant was watered, and is told of again next time."""


@tool(examples=["which plants need water"])
def thirsty(home: Home, settings: Settings) -> Say:
    """Tell which plants need water."""
    sensors = home.find(domains=["sensor"], device_class="moisture")
    levels = {each: _level(home.state(each).state) for each in sensors}
    known = {each: level for each, level in levels.items() if level is not None}
    if not known:
        return Say("no_sensors")
    dry = [_plant(each) for each, level in known.items() if level < settings["dry"]]
    return Say("thirsty", plants=dry, count=len(dry)) if dry else Say("all_well")


@on(domain="sensor", device_class="moisture")
async def dry(change: Change, settings: Settings, store: Store) -> Say | None:
    """Remind of a plant when it gets dry, once until it was watered."""
    level, limit = _level(change.state), settings["dry"]
    told = list(await store.get(TOLD, []))
    key = change.entity.entity_id
    if level is not None and level < limit and key not in told:
        await store.put(TOLD, [*told, key])
        return Say("dry", plant=_plant(change.entity))
    if level is not None and level >= limit + RISEN and key in told:
        await store.put(TOLD, [each for each in told if each != key])
    return None


def _level(state: str) -> float | None:
    """Per cent; None if the sensor tells nothing."""
    try:
        return float(state)
    except ValueError:
        return None


def _plant(sensor: Entity) -> str:
    """'Ficus' of a 'Ficus Moisture'."""
    words = [word for word in sensor.name.split() if word.casefold() not in ("moisture", "soil")]
    return " ".join(words) or sensor.name
