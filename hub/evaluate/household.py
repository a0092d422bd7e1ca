"""A simulated household: what its people do in a year, with habits of which everything is known, or
with none at all. To see whether habits are found, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from hub.history import Deed
from hub.routines import times
from hub.timers.sun import sun

ZONE = ZoneInfo("Europe/Berlin")
PLACE = (52.52, 13.40)
START = date(2025, 11, 1)

PLANTED = {
    "light.kitchen": "turned on at seven on weekdays",
    "lock.front_door": "locked at five to eleven every day",
    "light.hallway": "turned on when the front door is opened",
    "light.porch": "turned on a quarter of an hour after sunset",
    "switch.bins": "turned on at half past seven on Mondays",
}


@dataclass(frozen=True, slots=True)
class _Device:
    id: str
    a_day: float
    centre: float
    """Hour of the day around which it is mostly used."""
    spread: float
    """Hours"""


def local(day: date, minute: float) -> datetime:
    """The moment at which the clock on the wall shows so many minutes after midnight, in UTC."""
    whole = datetime.combine(day, time()) + timedelta(minutes=minute)
    return whole.replace(tzinfo=ZONE).astimezone(UTC)


def household(
    seed: int, *, days: int = 365, start: date = START, planted: bool = True, devices: int = 60
) -> list[Deed]:
    """All deeds, the oldest first. Without `planted` everything is by chance."""
    chance = random.Random(seed)
    things = [
        _Device(
            f"{chance.choice(('light', 'light', 'switch', 'fan', 'media_player'))}.noise_{number}",
            chance.uniform(0.3, 7),
            chance.gauss(16, 4) % 24,
            chance.uniform(1.5, 5),
        )
        for number in range(devices)
    ]
    away = _away(chance, days)
    holidays = {chance.randrange(days) for _ in range(days * 10 // 365)}
    made: list[Deed] = []
    for number in range(days):
        if number in away:
            continue
        day = start + timedelta(days=number)
        made += _noise(chance, day, things)
        made += _doors(chance, day, planted)
        if planted:
            made += _planted(chance, day, number in holidays)
    made.sort(key=lambda deed: deed.at)
    return made


def _away(chance: random.Random, days: int) -> set[int]:
    """Days on which nobody is at home."""
    gone: set[int] = set()
    for _ in range(max(1, 3 * days // 365)):
        first = chance.randrange(days)
        gone |= set(range(first, first + chance.randrange(6, 15)))
    return gone


def _deed(at: datetime, id: str, service: str, before: str, after: str, source: str) -> Deed:
    name = id.partition(".")[2].replace("_", " ").title()
    return Deed(0, at, id, name, service, {}, before, after, None, None, source)  # type: ignore[arg-type]


def _noise(chance: random.Random, day: date, things: list[_Device]) -> Iterator[Deed]:
    for device in things:
        domain = device.id.partition(".")[0]
        for _ in range(_poisson(chance, device.a_day)):
            minute = (chance.gauss(device.centre, device.spread) % 24) * 60
            source = chance.choice(("voice", "outside", "outside"))
            at = local(day, minute)
            yield _deed(at, device.id, f"{domain}.turn_on", "off", "on", source)
            later = at + timedelta(minutes=chance.expovariate(1 / 60) + 1)
            yield _deed(later, device.id, f"{domain}.turn_off", "on", "off", source)
    for number in range(8):
        for _ in range(_poisson(chance, 18)):
            at = local(day, (chance.gauss(15, 4.5) % 24) * 60)
            id = f"binary_sensor.motion_{number}"
            yield _deed(at, id, "", "off", "on", "outside")
            yield _deed(at + timedelta(minutes=2), id, "", "on", "off", "outside")


def _doors(chance: random.Random, day: date, planted: bool) -> Iterator[Deed]:
    for _ in range(_poisson(chance, 3.5)):
        at = local(day, (chance.gauss(15, 4) % 24) * 60)
        id = "binary_sensor.front_door"
        yield _deed(at, id, "", "off", "on", "outside")
        yield _deed(at + timedelta(seconds=20), id, "", "on", "off", "outside")
        if planted and chance.random() < 0.92:
            lamp = at + timedelta(seconds=chance.uniform(10, 150))
            yield _deed(lamp, "light.hallway", "light.turn_on", "off", "on", "outside")
            off = lamp + timedelta(minutes=chance.uniform(3, 50))
            yield _deed(off, "light.hallway", "light.turn_off", "on", "off", "outside")


def _planted(chance: random.Random, day: date, holiday: bool) -> Iterator[Deed]:
    weekday = day.weekday()
    if weekday < 5 and not holiday and chance.random() < 0.93:
        at = local(day, 420 + chance.gauss(0, 5))
        yield _deed(at, "light.kitchen", "light.turn_on", "off", "on", "voice")
    if chance.random() < 0.93:
        at = local(day, 1375 + chance.gauss(0, 7))
        yield _deed(at, "lock.front_door", "lock.lock", "unlocked", "locked", "voice")
    sunset = sun("sunset", day, PLACE)
    if sunset is not None and chance.random() < 0.92:
        at = sunset + timedelta(minutes=15 + chance.gauss(0, 6))
        yield _deed(at, "light.porch", "light.turn_on", "off", "on", "outside")
    if weekday == 0 and chance.random() < 0.95:
        at = local(day, 1170 + chance.gauss(0, 7))
        yield _deed(at, "switch.bins", "switch.turn_on", "off", "on", "voice")


def _poisson(chance: random.Random, mean: float) -> int:
    number, left = 0, chance.expovariate(1)
    while left < mean:
        number += 1
        left += chance.expovariate(1)
    return number


minute_of_sun = partial(times.minute_of_sun, zone=ZONE, place=PLACE)
