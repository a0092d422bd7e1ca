"""Routines as automations of Home Assistant: a real one takes them, and does what they say."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import yaml

from hub.routines.homeassistant import automations
from hub.routines.routine import from_plain
from tests.homeassistant import HomeAssistant, booted
from tests.routines_home import HOME, household, parts

IN_ITS_DEMO: dict[str, Any] = {
    "areas": [{"name": "Kitchen"}],
    "entities": [
        {"id": "light.kitchen_lights", "name": "Kitchen Lights", "area": "Kitchen", "state": "on"},
        {"id": "cover.hall_window", "name": "Hall Window", "area": "Kitchen", "state": "open",
         "attributes": {"device_class": "blind"}},
        {"id": "input_boolean.guest_mode", "name": "Guest Mode", "state": "off"},
        {"id": "sensor.outside_temperature", "name": "Outside Temperature", "state": "15",
         "attributes": {"device_class": "temperature"}},
        {"id": "person.owner", "name": "Owner", "state": "home"},
    ],
}  # fmt: skip

ROUTINES = [
    {
        "name": "sleep well",
        "when": [{"say": "sleep well"}],
        "do": ["turn off the kitchen lights", {"say": "Good night."}],
    },
    {
        "name": "guests",
        "when": [{"device": "input_boolean.guest_mode", "becomes": "on", "from": "off"}],
        "do": ["turn on the kitchen lights", {"wait": "00:00:01"}, "close the hall window"],
    },
    {
        "name": "mornings",
        "when": [{"at": "07:00", "on": "weekdays"}],
        "do": ["turn on the kitchen lights"],
    },
    {
        "name": "evenings",
        "when": [{"sun": "sunset", "offset": "-00:30", "on": ["monday"]}],
        "do": ["set the kitchen lights to 40 percent"],
    },
    {
        "name": "frost",
        "when": [{"device": "sensor.outside_temperature", "below": 0, "for": "00:10:00"}],
        "do": [{"say": "It freezes."}],
    },
    {
        "name": "arriving",
        "when": [{"comes home": "person.owner"}, {"leaves": "everybody"}, {"leaves": "anybody"}],
        "do": ["turn on the kitchen lights"],
    },
]


async def test_what_an_automation_cannot_have_is_told() -> None:
    async with parts(HOME) as built, household(built) as home:
        plain = {
            "name": "odd",
            "when": [{"at": "09:00", "rule": "FREQ=MONTHLY;BYMONTHDAY=1"}],
            "do": ["what time is it"],
        }
        checked = await home.routines.maker.checked(from_plain(plain))
        assert not isinstance(checked, str)
        made, problems = await automations([checked], home.routines)
        assert made == []
        assert any("FREQ=MONTHLY" in problem for problem in problems)
        assert any("no service of a device" in problem for problem in problems)


@pytest.mark.slow
@pytest.mark.homeassistant
async def test_a_real_home_assistant_takes_them_and_does_what_they_say() -> None:
    async with parts(IN_ITS_DEMO) as built, household(built) as home:
        answer = await home.door.answer({"do": "put", "routines": ROUTINES})
        assert "error" not in answer, answer
        told = await home.door.answer({"do": "automations"})
    assert told["problems"] == []
    assert len(told["automations"]) == len(ROUTINES)
    text = yaml.safe_dump(told["automations"], sort_keys=False)
    real = await asyncio.to_thread(booted)
    await asyncio.to_thread(_in_earnest, real, text)


def _in_earnest(real: HomeAssistant, text: str) -> None:
    real.write("automations.yaml", text)
    try:
        real.call("automation.reload")
        for routine in ROUTINES:
            entity = f"automation.{str(routine['name']).replace(' ', '_')}"
            # One whose configuration is not valid is unavailable.
            assert _until(real, entity, "on"), (entity, real.state(entity))
        real.call("light.turn_on", entity_id="light.kitchen_lights")
        answer = real.request("POST", "/api/conversation/process", {"text": "sleep well"})
        assert answer["response"]["response_type"] == "action_done", answer
        assert _until(real, "light.kitchen_lights", "off")
        real.call("input_boolean.turn_on", entity_id="input_boolean.guest_mode")
        assert _until(real, "light.kitchen_lights", "on")
    finally:
        real.call("input_boolean.turn_off", entity_id="input_boolean.guest_mode")
        real.restore("automations.yaml")
        real.call("automation.reload")


def _until(real: HomeAssistant, entity: str, state: str, seconds: float = 15) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            if real.state(entity) == state:
                return True
        except Exception:
            pass
        time.sleep(0.1)
    return False
