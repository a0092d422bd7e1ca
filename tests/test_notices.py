"""Notices: said once, if they were wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from hub.config import NoticeSettings
from hub.notices import Notices
from tests.fakes import FakeNotes, House
from tests.routines_home import Household, household, parts

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALL = {"danger": True, "windows": True, "batteries": True, "appliances": True}
HOME: dict[str, Any] = {
    "areas": [{"name": "Kitchen"}, {"name": "Garden"}],
    "entities": [
        {"id": "binary_sensor.leak", "name": "Dishwasher Leak", "area": "Kitchen", "state": "off",
         "attributes": {"device_class": "moisture"}},
        {"id": "binary_sensor.window", "name": "Kitchen Window", "area": "Kitchen", "state": "off",
         "attributes": {"device_class": "window"}},
        {"id": "sensor.outside", "name": "Outdoor Temperature", "area": "Garden", "state": "9",
         "attributes": {"device_class": "temperature", "unit_of_measurement": "°C"}},
        {"id": "sensor.door_battery", "name": "Front Door Battery", "state": "80",
         "attributes": {"device_class": "battery"}},
        {"id": "sensor.washer", "name": "Washing Machine", "area": "Kitchen", "state": "running",
         "attributes": {"device_class": "enum"}},
        {"id": "light.kitchen", "name": "Kitchen Light", "area": "Kitchen", "state": "off"},
    ],
}  # fmt: skip


@dataclass
class Told:
    home: Household
    notes: FakeNotes
    said: list[tuple[str, bool]] = field(default_factory=list)
    notices: Notices | None = None

    async def begin(self, language: str = "en", **settings: Any) -> None:
        if self.notices is not None:
            await self.notices.close()
            await self.notes.flush()
        self.notices = Notices(
            self.home.house.home,
            self.home.time,
            NoticeSettings(**settings),
            self.notes,
            language=language,
        )
        await self.notices.open()

        def announce(
            text: str, *, language: str, area: str | None = None, urgent: bool = False
        ) -> None:
            self.said.append((text, urgent))

        self.notices.begin(announce)
        self.home.skillset.serve(notices=self.notices)
        await asyncio.sleep(0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built() -> AsyncIterator[tuple[House, object, object]]:
    async with parts(HOME) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def told(built) -> AsyncIterator[Told]:  # type: ignore[no-untyped-def]
    async with household(built) as home:
        made = Told(home, FakeNotes())
        yield made
        if made.notices is not None:
            await made.notices.close()


async def test_nothing_is_said_that_nobody_wanted(told: Told) -> None:
    await told.begin()
    await told.home.change("binary_sensor.leak", "on")
    await told.home.change("sensor.door_battery", "3")
    await told.home.change("sensor.washer", "finished")
    await told.home.change("sensor.outside", "-5")
    await told.home.change("binary_sensor.window", "on")
    await told.home.advance(hours=3)
    assert told.said == []
    assert await told.home.say("what do you warn me about") == "You are told of nothing unasked."


async def test_water_is_told_at_once_and_once(told: Told) -> None:
    await told.begin(**ALL)
    await told.home.change("binary_sensor.leak", "on")
    assert told.said == [("Water at the Dishwasher Leak!", True)]
    await told.home.advance(minutes=30)
    await told.begin(**ALL)  # a restart, while it is still wet
    await told.home.advance(minutes=5)
    assert len(told.said) == 1
    await told.home.change("binary_sensor.leak", "off")
    await told.home.change("binary_sensor.leak", "on")
    assert len(told.said) == 2


async def test_a_window_that_is_open_for_an_hour_at_frost(told: Told) -> None:
    await told.begin(**ALL)
    await told.home.change("binary_sensor.window", "on")
    await told.home.advance(hours=2)
    assert told.said == []
    await told.home.change("sensor.outside", "-1.5")
    await told.home.advance(minutes=2)
    assert told.said == [
        ("The Kitchen Window has been open for 2 hours, and it is -1.5 degrees outside.", False)
    ]
    await told.home.advance(hours=5)
    assert len(told.said) == 1


async def test_a_low_battery_is_told_once_until_it_was_changed(told: Told) -> None:
    await told.begin("de", **ALL)
    for level in ("16", "15", "14", "15", "13"):
        await told.home.change("sensor.door_battery", level)
    assert told.said == [("Die Batterie von Front Door ist fast leer.", False)]
    await told.begin("de", **ALL)
    await told.home.change("sensor.door_battery", "100")
    await told.home.change("sensor.door_battery", "10")
    assert len(told.said) == 2


async def test_an_appliance_has_finished(told: Told) -> None:
    await told.begin(**ALL)
    await told.home.change("sensor.washer", "spinning")
    await told.home.change("sensor.washer", "finished")
    await told.home.change("sensor.washer", "off")
    assert told.said == [("The Washing Machine has finished.", False)]


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        ("en", "tell me when a battery is low", "I will tell you when a battery is low."),
        ("de", "sag mir Bescheid, wenn eine Batterie fast leer ist",
         "Ich melde mich, wenn eine Batterie fast leer ist."),
    ],
)  # fmt: skip
async def test_wanted_by_voice_and_after_a_restart(
    told: Told, language: str, said: str, answer: str
) -> None:
    await told.begin()
    assert await told.home.say(said, language=language) == answer
    await told.begin()
    await told.home.change("sensor.door_battery", "5")
    assert [text for text, _ in told.said] == ["The battery of the Front Door is low."]
    await told.home.say("stop telling me about batteries")
    await told.home.change("sensor.door_battery", "90")
    await told.home.change("sensor.door_battery", "5")
    assert len(told.said) == 1


@pytest.mark.parametrize(
    ("language", "said", "kind"),
    [
        ("en", "warn me about water leaks", "danger"),
        ("en", "tell me when a window is open at frost", "windows"),
        ("en", "tell me when an appliance has finished", "appliances"),
        ("de", "warne mich vor Wasser", "danger"),
        ("de", "sag mir Bescheid, wenn bei Frost ein Fenster offen ist", "windows"),
        ("de", "sag mir Bescheid, wenn ein Gerät fertig ist", "appliances"),
    ],
)
async def test_each_kind_can_be_wanted(told: Told, language: str, said: str, kind: str) -> None:
    await told.begin()
    assert told.notices is not None and not told.notices.wants(kind)
    answer = await told.home.say(said, language=language)
    assert told.notices.wants(kind), answer
    await told.home.say("undo that")
    assert not told.notices.wants(kind)


async def test_outside_is_known_by_its_german_name_too(told: Told) -> None:
    said = "wenn es draußen kälter als 5 Grad ist, schalte das Kitchen Light ein"
    asked = await told.home.say(said, language="de")
    assert asked.startswith("Wenn Outdoor Temperature unter 5 fällt")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(True, "tell me when a battery is low"), (False, "stop telling me about batteries")],
)
async def test_undo_puts_back_how_it_was(told: Told, wanted: bool, said: str) -> None:
    await told.begin(batteries=wanted)
    assert told.notices is not None
    await told.home.say(said)
    await told.home.say("undo that")
    assert told.notices.wants("batteries") is wanted
