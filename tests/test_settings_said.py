"""Numbers, choices, texts, hot water, humidity, alarms, and what happened last: set and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from hub.config import Config
from hub.dialogue.replies import Replies
from hub.home.model import Home
from hub.messages import StateChange, Trace
from hub.pipeline import Assistant
from hub.ports import Inventory, SourceEntity
from hub.router import Router
from hub.skillset import Skillset
from tests.fakes import FakeClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime(2026, 11, 3, 15, 4, tzinfo=UTC)


def thing(entity_id: str, name: str, state: str, **attributes: Any) -> SourceEntity:
    domain = entity_id.partition(".")[0]
    return SourceEntity(
        entity_id, name, domain, state=state, attributes=attributes, allowed=True, features=None
    )


THINGS = (
    thing("number.pump", "Pump Duration", "30", min=0, max=240, unit_of_measurement="min"),
    thing("select.mode", "Pool Mode", "eco", options=["eco", "boost", "winter_sleep"]),
    thing("text.sign", "Door Sign", "Welcome"),
    thing("vacuum.robby", "Robby", "docked", fan_speed_list=["low", "max"], fan_speed="low"),
    thing("water_heater.tank", "Hot Water", "eco", temperature=50, current_temperature=48.5),
    thing("humidifier.air", "Air Humidifier", "on", humidity=40),
    thing("alarm_control_panel.alarm", "Alarm", "disarmed"),
    thing("alarm_control_panel.shed", "Shed", "disarmed", code_format="number"),
    thing("event.bell", "Doorbell", (NOW - timedelta(minutes=7)).isoformat(), event_type="ring"),
    thing("event.button", "Button", "unknown"),
)

RESULTS: Mapping[str, Any] = {
    "set_value": lambda data: (f"{data['value']}", {}),
    "select_option": lambda data: (data["option"], {}),
    "set_fan_speed": lambda data: ("docked", data),
    "set_temperature": lambda data: ("eco", data),
    "set_operation_mode": lambda data: (data["operation_mode"], {}),
    "set_humidity": lambda data: ("on", data),
    "alarm_arm_away": lambda data: ("arming", {}),
    "alarm_arm_night": lambda data: ("armed_night", {}),
    "alarm_disarm": lambda data: ("disarmed", {}),
}
"""Service -> state and attributes of a device that obeys."""


class Obedient:
    """A source whose devices do what they are told, unless they are deaf."""

    name = "obedient"

    def __init__(self) -> None:
        self.deaf = False
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self._news: asyncio.Queue[StateChange | Inventory] = asyncio.Queue()

    async def inventory(self) -> Inventory:
        return Inventory(THINGS)

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        self.asked.append((f"{domain}.{service}", dict(data)))
        if not self.deaf:
            state, attributes = RESULTS[service](dict(data))
            for entity_id in entity_ids:
                await self._news.put(StateChange(entity_id, state, attributes))

    def put(self, change: StateChange | Inventory) -> None:
        self._news.put_nowait(change)

    async def changes(self) -> AsyncIterator[StateChange | Inventory]:
        while True:
            yield await self._news.get()
            self._news.task_done()

    async def reset(self) -> None:
        """Return when all devices are as they are at first."""
        self.put(Inventory())
        self.put(Inventory(THINGS))
        await self._news.join()

    async def close(self) -> None:
        pass


class Talk:
    def __init__(self, source: Obedient, home: Home, assistant: Assistant) -> None:
        self.source, self.home, self.assistant = source, home, assistant

    async def say(self, text: str, language: str = "en") -> Trace:
        return await self.assistant.say(text, language=language)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made() -> AsyncIterator[tuple[Obedient, Home, Router, Skillset]]:
    config = Config.model_validate({"home": {"confirm_timeout": 0.2}})
    source, home = Obedient(), Home()
    await home.connect([source])
    skillset = Skillset.load(config, home, clock=FakeClock(NOW))
    languages = ("en", "de")
    router = Router(home, skillset.specs(), model=None, settings=config.router, languages=languages)
    await router.prepare()
    yield source, home, router, skillset
    await home.close()


@pytest_asyncio.fixture(loop_scope="module")
async def talk(made: tuple[Obedient, Home, Router, Skillset]) -> Talk:
    """With all devices as they are at first."""
    source, home, router, skillset = made
    source.deaf = False
    source.asked.clear()
    await source.reset()
    assistant = Assistant(
        home=home, router=router, skillset=skillset, replies=Replies(), languages=("en", "de")
    )
    return Talk(source, home, assistant)


@pytest.mark.parametrize(
    ("text", "language", "service", "data", "reply"),
    [
        (
            "set the pump duration to 45 minutes",
            "en",
            "number.set_value",
            {"value": 45},
            "Set Pump Duration to 45.",
        ),
        (
            "stell Pump Duration auf 45 Minuten",
            "de",
            "number.set_value",
            {"value": 45},
            "Pump Duration steht auf 45.",
        ),
        (
            "switch the pool mode to boost",
            "en",
            "select.select_option",
            {"option": "boost"},
            "Set Pool Mode to boost.",
        ),
        (
            "set pool mode to winter sleep",
            "en",
            "select.select_option",
            {"option": "winter_sleep"},
            "Set Pool Mode to winter_sleep.",
        ),
        (
            "set the robby fan speed to max",
            "en",
            "vacuum.set_fan_speed",
            {"fan_speed": "max"},
            "Set Robby to max.",
        ),
        (
            "write back at five on the door sign",
            "en",
            "text.set_value",
            {"value": "back at five"},
            "Set Door Sign to back at five.",
        ),
        (
            "set the hot water to 55 degrees",
            "en",
            "water_heater.set_temperature",
            {"temperature": 55},
            "Set Hot Water to 55 degrees.",
        ),
        (
            "switch the hot water to heat pump",
            "en",
            "water_heater.set_operation_mode",
            {"operation_mode": "heat_pump"},
            "Set Hot Water to heat pump.",
        ),
        (
            "set the air humidifier to 55 percent",
            "en",
            "humidifier.set_humidity",
            {"humidity": 55},
            "Set Air Humidifier to 55 percent.",
        ),
        (
            "arm the alarm",
            "en",
            "alarm_control_panel.alarm_arm_away",
            {},
            "The alarm is being armed.",
        ),
        (
            "arm the alarm in night mode",
            "en",
            "alarm_control_panel.alarm_arm_night",
            {},
            "The alarm is armed for the night.",
        ),
    ],
)
async def test_it_is_set_and_said(
    talk: Talk, text: str, language: str, service: str, data: dict[str, Any], reply: str
) -> None:
    turn = await talk.say(text, language)
    assert talk.source.asked == [(service, data)]
    assert [outcome.confirmed for outcome in turn.outcomes] == [True]
    assert turn.reply.text == reply
    await talk.source.reset()
    talk.source.deaf = True
    ignored = await talk.say(text, language)
    assert [outcome.error for outcome in ignored.outcomes] == ["did not answer"]
    assert reply not in ignored.reply.text


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("set the pump duration to 500", "Pump Duration goes from 0 to 240."),
        ("set the pool mode to party", "Pool Mode can be eco, boost, winter_sleep."),
        ("what is the pump duration", "Pump Duration: 30 minutes."),
        ("what does the door sign say", "Door Sign: Welcome."),
        ("how hot is the hot water", "Hot Water is 48.5 degrees."),
        ("is the alarm armed", "The alarm is off."),
        ("when was the doorbell pressed", "Doorbell: ring, 7 minutes ago."),
        ("when was the button pressed", "Button: nothing yet."),
        ("arm the shed", "The alarm wants its code, which nobody should say aloud."),
    ],
)
async def test_it_is_told_and_nothing_is_set(talk: Talk, text: str, reply: str) -> None:
    turn = await talk.say(text)
    assert turn.reply.text.startswith(reply)
    assert not talk.source.asked


async def test_an_alarm_is_disarmed_after_a_yes(talk: Talk) -> None:
    talk.source.put(StateChange("alarm_control_panel.alarm", "armed_away", {}))
    question = await talk.say("disarm the alarm")
    assert question.reply.text == "Disarm the Alarm?"
    assert not talk.source.asked
    done = await talk.say("yes")
    assert talk.source.asked == [("alarm_control_panel.alarm_disarm", {})]
    assert done.reply.text == "The alarm is off."
