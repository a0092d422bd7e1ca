"""What was used is what the meters counted; the chart has a bar for each hour."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta

from hub.skill.testing import MONDAY, Stage, hearth_with

MIDNIGHT = MONDAY.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def house(**meters: str) -> Stage:
    return hearth_with(
        {
            f"sensor.{name}": {
                "name": name.title(),
                "state": "0",
                "attributes": {"device_class": "energy", "unit_of_measurement": unit},
            }
            for name, unit in meters.items()
        }
    )


def counted(hearth: Stage, meter: str, days: Mapping[int, Mapping[int, float]]) -> None:
    """Let a meter have counted: days before today -> hour -> what was used in it."""
    level, rows = 100.0, [(MIDNIGHT - timedelta(days=max(days), hours=1), 100.0)]
    for day in sorted(days, reverse=True):
        for hour in range(24):
            moment = MIDNIGHT - timedelta(days=day) + timedelta(hours=hour, minutes=30)
            if moment > MONDAY:
                break
            level += days[day].get(hour, 0.0)
            rows.append((moment, level))
    hearth.told_before(f"sensor.{meter}", *rows)


async def test_without_readings_nothing_is_made_up() -> None:
    async with house(boiler="kWh") as hearth:
        assert "no readings" in (await hearth.say("how much energy did we use yesterday")).text


async def test_yesterday_is_compared_with_the_day_before() -> None:
    async with house(boiler="kWh") as hearth:
        counted(
            hearth,
            "boiler",
            {2: {8: 3.0, 12: 4.5}, 1: {8: 1.4, 18: 3.0, 19: 4.0}, 0: {}},
        )
        reply = await hearth.say("how much energy did we use yesterday")
        assert reply.text == (
            "Yesterday you used 8.4 kilowatt hours, most between 18 and 20 o'clock, 12 percent "
            "more than the day before."
        )


async def test_today_counts_what_is_not_over() -> None:
    async with house(boiler="kWh", oven="Wh") as hearth:
        counted(hearth, "boiler", {0: {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5}})
        counted(hearth, "oven", {0: {1: 250.0, 2: 250.0, 3: 250.0, 4: 250.0}})
        reply = await hearth.say("how much electricity have we used today")
        assert reply.text == "Today you have used 3 kilowatt hours so far."


async def test_a_meter_that_was_set_back_counts_on() -> None:
    async with house(boiler="kWh") as hearth:
        rows = [(7, 100.0), (6, 104.0), (5, 1.0), (4, 2.0)]
        times = [(MIDNIGHT - timedelta(days=1) + timedelta(hours=20 - h), v) for h, v in rows]
        hearth.told_before("sensor.boiler", *times, (MIDNIGHT, 2.0))
        assert "6 kilowatt hours" in (await hearth.say("how much energy was used yesterday")).text


async def test_the_chart_has_its_bars_where_the_values_are() -> None:
    from PIL import Image

    async with house(boiler="kWh") as hearth:
        counted(hearth, "boiler", {1: {6: 1.0, 18: 2.0, 19: 4.0}, 0: {}})
        reply = await hearth.say("send me a chart of the energy we used yesterday")
        assert reply.text == "I have sent it to your phone."
        ((text, picture),) = hearth.shown
    assert text.endswith(": 7 kWh")
    assert picture is not None and len(picture) < 10_000
    with Image.open(io.BytesIO(picture)) as image:
        seen = image.convert("RGB")
    bar, floor, top = (230, 126, 34), 270 - 34, 16
    heights = []
    for hour in range(24):
        x = round(53 + (hour + 0.5) * (480 - 14 - 52) / 24)
        heights.append(sum(seen.getpixel((x, y)) == bar for y in range(270)))
    assert [hour for hour, height in enumerate(heights) if height > 2] == [6, 18, 19]
    assert heights[19] == floor - top  # 4 kWh is where the scale ends
    assert abs(heights[18] - heights[19] / 2) <= 1 and abs(heights[6] - heights[19] / 4) <= 1
    dark = [x for x in range(480) if seen.getpixel((x, top + 5)) == (60, 60, 60)]
    assert 52 in dark  # the axis


async def test_in_german() -> None:
    stage = hearth_with(
        {
            "sensor.boiler": {
                "name": "Boiler",
                "state": "0",
                "attributes": {"device_class": "energy", "unit_of_measurement": "kWh"},
            }
        },
        languages=("de",),
    )
    async with stage as hearth:
        counted(hearth, "boiler", {1: {6: 1.0}, 0: {}})
        reply = await hearth.say("wie viel Strom haben wir gestern verbraucht")
        assert reply.text.startswith("Gestern war")
        await hearth.say("schick mir das Stromdiagramm von gestern aufs Handy")
        assert len(hearth.shown) == 1
