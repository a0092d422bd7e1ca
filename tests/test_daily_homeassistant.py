"""What a real Home Assistant tells of calendars and the weather when it is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.config import HomeAssistantSettings
from hub.devices.homeassistant import HomeAssistantHome
from tests.homeassistant import booted

pytestmark = [pytest.mark.homeassistant, pytest.mark.slow]


async def test_forecasts_and_events_are_told() -> None:
    home_assistant = booted()
    settings = HomeAssistantSettings(url=home_assistant.url, token=home_assistant.token)
    source = HomeAssistantHome(settings)
    try:
        await source.inventory()
        now = datetime.now(UTC)
        window = {
            "start_date_time": now.isoformat(),
            "end_date_time": (now + timedelta(days=30)).isoformat(),
        }
        told = await source.ask("calendar", "get_events", "calendar.calendar_1", window)
        assert [event["summary"] for event in told["events"]] == ["Future Event"]
        told = await source.ask(
            "weather", "get_forecasts", "weather.demo_weather_south", {"type": "daily"}
        )
        assert {"datetime", "condition", "temperature"} <= told["forecast"][0].keys()
    finally:
        await source.close()
