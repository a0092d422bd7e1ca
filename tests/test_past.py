"""What sensors have told: an hour is its lowest, mean, highest and last value."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.author.time import MovedTime
from hub.packs import sandbox
from hub.packs.remote import Packs
from hub.past import SAVED, Pasts
from tests.fakes import House
from tests.hostile_packs import kit
from tests.hostile_packs.kit import Permitted

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOME: dict[str, Any] = {
    "entities": [
        {
            "id": f"sensor.{name}",
            "name": name.title(),
            "state": state,
            "attributes": {"device_class": kind},
        }
        for name, kind, state in (
            ("attic", "temperature", "20"),
            ("meter", "energy", "100"),
            ("secret", "temperature", "5"),
            ("door", "enum", "3"),
        )
    ]
}


@asynccontextmanager
async def kept(time: MovedTime, path: Path | None = None) -> AsyncIterator[tuple[House, Pasts]]:
    """A home, and what is kept of what its sensors tell."""
    async with House(HOME) as house:
        pasts = Pasts(path, house.home, time)
        await pasts.begin()
        try:
            yield house, pasts
        finally:
            await pasts.close()


async def test_the_mean_counts_how_long_a_value_was_shown() -> None:
    time = MovedTime(NINE)
    async with kept(time) as (house, pasts):
        await time.advance(45 * 60)
        house.devices.set_state("sensor.attic", "24")
        await time.advance(30 * 60)
        first, now = await pasts.hours("sensor.attic", NINE)
        assert (first.low, first.mean, first.high, first.last) == (20, 21, 24, 24)
        assert first.at == NINE and not first.counts
        assert (now.low, now.mean, now.high) == (24, 24, 24)


async def test_hours_without_a_change_are_there_and_hours_away_are_not() -> None:
    time = MovedTime(NINE)
    async with kept(time) as (house, pasts):
        await time.advance(3 * 3600)
        house.devices.set_state("sensor.attic", "unavailable")
        await time.advance(5 * 3600)
        house.devices.set_state("sensor.attic", "18")
        await time.advance(60)
        hours = [hour.at.astimezone(UTC).hour for hour in await pasts.hours("sensor.attic", NINE)]
        assert hours == [9, 10, 11, 12, 17]


async def test_a_meter_shows_what_it_counted_up_to() -> None:
    time = MovedTime(NINE)
    async with kept(time) as (house, pasts):
        for level in ("101", "103"):
            await time.advance(20 * 60)
            house.devices.set_state("sensor.meter", level)
        await time.advance(60)
        (hour,) = await pasts.hours("sensor.meter", NINE)
        assert hour.counts and hour.value == 103


async def test_only_sensors_with_such_numbers_are_kept() -> None:
    time = MovedTime(NINE)
    async with kept(time) as (house, pasts):
        await time.advance(60)
        assert await pasts.hours("sensor.door", NINE) == []
        house.devices.set_state("sensor.attic", "nan")
        house.devices.set_state("sensor.attic", "warm")
        assert [hour.high for hour in await pasts.hours("sensor.attic", NINE)] == [20]


async def test_it_survives_a_hub_that_is_killed_and_forgets_after_a_month(tmp_path: Path) -> None:
    time, path = MovedTime(NINE), tmp_path / "past.db"
    async with kept(time, path) as (house, pasts):
        await time.advance(SAVED + 1)
        await pasts.hours("sensor.attic", NINE)  # what was begun before is done
        killed = Pasts(path, house.home, time)
        assert [hour.last for hour in await killed.hours("sensor.attic", NINE)] == [20]
        await killed.close()
        await time.advance(timedelta(days=32).total_seconds())
        await pasts._save()
        hours = await pasts.hours("sensor.attic", NINE)
        assert min(hour.at for hour in hours) >= NINE + timedelta(days=1)
        assert path.stat().st_mode & 0o777 == 0o600


async def test_hours_that_are_over_go_to_the_disk_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time, begun = MovedTime(NINE), 0
    async with kept(time) as (_, pasts):
        begin = pasts._database.begin

        def counted(work: Any) -> Any:
            nonlocal begun
            begun += 1
            return begin(work)

        await time.advance(3601)
        monkeypatch.setattr(pasts._database, "begin", counted)
        await pasts._save()
        assert begun == 1
        for name in ("attic", "meter"):
            assert len(await pasts.hours(f"sensor.{name}", NINE)) == 2


async def test_a_new_start_goes_on_with_the_hour(tmp_path: Path) -> None:
    time, path = MovedTime(NINE), tmp_path / "past.db"
    async with House(HOME) as house:
        for high in ("30", "22"):
            pasts = Pasts(path, house.home, time)
            await pasts.begin()
            await time.advance(10 * 60)
            house.devices.set_state("sensor.attic", high)
            await time.advance(10 * 60)
            await pasts.close()
        pasts = Pasts(path, house.home, time)
        (hour,) = await pasts.hours("sensor.attic", NINE)
        assert (hour.low, hour.high, hour.last) == (20, 30, 22)
        await pasts.close()


async def test_it_can_be_had_and_erased() -> None:
    time = MovedTime(NINE)
    async with kept(time) as (_, pasts):
        await time.advance(2 * 3600)
        assert {row["entity_id"] for row in await pasts.export()} >= {"sensor.attic"}
        assert await pasts.erase("anna") == 0
        assert await pasts.erase() > 0
        assert await pasts.export() == []


PACK = '''
from datetime import datetime, timedelta
from hub.skill import Home, Past, tool


@tool(phrases=["sin"])
async def sin(home: Home, past: Past, hint: str = "") -> str:
    """Tell of the past."""
    known = home.find(name="Attic")[0]
    if hint:
        from dataclasses import replace
        known = replace(known, entity_id=hint)
    rows = await past.of(known, datetime.fromisoformat("2026-03-02T09:00:00+00:00"))
    return str([value for at, value in rows])
'''


@pytest.mark.skipif(
    bool(sandbox.bubblewrap_trouble()), reason=sandbox.bubblewrap_trouble() or "none"
)
async def test_a_pack_has_the_past_of_what_it_was_granted(tmp_path: Path) -> None:
    time = MovedTime(NINE)
    folder = kit.write(tmp_path, PACK, Permitted({"home.entities": ["sensor.attic"]}))
    async with kept(time) as (house, pasts):
        await time.advance(3 * 3600)
        packs = Packs(kit.Shelf(folder), house.home)
        services = {"past": pasts.of(None, None)}
        assert (
            await kit.call(packs, house.home, services=services)
        ).said == "[20.0, 20.0, 20.0, 20.0]"
        ran = await kit.call(packs, house.home, services=services, hint="sensor.secret")
        assert ran.error is not None and "was granted" in str(ran.error)
        await packs.close()
