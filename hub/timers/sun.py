"""When the sun rises and sets. `astral` knows; it is loaded when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache

Place = tuple[float, float]
"""Degrees of latitude (north) and longitude (east)."""


@lru_cache(maxsize=512)
def sun(event: str, day: date, place: Place) -> datetime | None:
    """The moment (UTC) of one of `appointment.SUN` on a day at a place; None if there is none, as
    in summer beyond the polar circle."""
    from astral import Observer
    from astral import sun as astral

    events: dict[str, Callable[..., datetime]] = {
        "dawn": astral.dawn,
        "sunrise": astral.sunrise,
        "noon": astral.noon,
        "sunset": astral.sunset,
        "dusk": astral.dusk,
    }
    try:
        return events[event](Observer(*place), date=day, tzinfo=UTC)
    except ValueError:
        return None
