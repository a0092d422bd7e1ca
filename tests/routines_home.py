"""A household with routines on a stage: the hub's own parts, a simulated home, a clock that is
moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.config import Config
from hub.dialogue.replies import Replies
from hub.pipeline import Assistant
from hub.router import Router
from hub.routines.desk import RoutineDesk
from hub.routines.door import RoutineDoor
from hub.routines.routines import Routines
from hub.skillset import Skillset
from tests.fakes import FakeNotes, FakeSpeaker, FakeTime, House

LANGUAGES = ("en", "de")
BERLIN = (52.52, 13.40)
MONDAY = datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
"""Six in the morning in Berlin."""

HOME: dict[str, Any] = {
    "areas": [{"name": "Kitchen"}, {"name": "Bedroom"}, {"name": "Hallway"}, {"name": "Utility"}],
    "entities": [
        {"id": "light.kitchen", "name": "Kitchen Light", "area": "Kitchen", "state": "off"},
        {"id": "light.hallway", "name": "Hallway Light", "area": "Hallway", "state": "off"},
        {"id": "light.porch", "name": "Porch Light", "area": "Hallway", "state": "off"},
        {"id": "light.desk", "name": "Desk Lamp", "area": "Bedroom", "state": "off"},
        {"id": "fan.bedroom", "name": "Bedroom Fan", "area": "Bedroom", "state": "off"},
        {"id": "cover.blinds", "name": "Bedroom Blinds", "area": "Bedroom", "state": "closed",
         "attributes": {"device_class": "blind"}},
        {"id": "cover.garage", "name": "Garage Door", "area": "Hallway", "state": "closed",
         "attributes": {"device_class": "garage"}},
        {"id": "lock.front", "name": "Front Door", "area": "Hallway", "state": "unlocked"},
        {"id": "cover.window", "name": "Roof Window", "area": "Bedroom", "state": "closed",
         "attributes": {"device_class": "window"}},
        {"id": "sensor.washer", "name": "Washing Machine", "area": "Utility", "state": "running",
         "attributes": {"device_class": "enum"}},
        {"id": "binary_sensor.window", "name": "Kitchen Window", "area": "Kitchen", "state": "off",
         "attributes": {"device_class": "window"}},
        {"id": "binary_sensor.motion", "name": "Hallway Motion", "area": "Hallway", "state": "off",
         "attributes": {"device_class": "motion"}},
        {"id": "sensor.bedroom_temperature", "name": "Bedroom Temperature", "area": "Bedroom",
         "state": "21", "attributes": {"device_class": "temperature"}},
        {"id": "person.anna", "name": "Anna", "state": "home"},
        {"id": "person.ben", "name": "Ben", "state": "home"},
    ],
}  # fmt: skip


@dataclass
class Household:
    """People, a home, and routines."""

    house: House
    router: Router
    skillset: Skillset
    time: FakeTime
    notes: FakeNotes
    routines: Routines
    assistant: Assistant
    told: list[str] = field(default_factory=list)
    """What was said unasked."""

    async def say(self, text: str, *, area: str = "Kitchen", language: str = "en") -> str:
        return (await self.assistant.say(text, area=area, language=language)).reply.text

    async def agree(self, text: str, *, language: str = "en", area: str = "Kitchen") -> str:
        """Say it, and yes to the question."""
        asked = await self.say(text, language=language, area=area)
        assert asked.endswith("?"), asked
        return await self.say("ja" if language == "de" else "yes", language=language, area=area)

    async def settle(self) -> None:
        """Until all that was set off is done."""
        for _ in range(200):
            await asyncio.sleep(0.005)
            if not self.routines._tasks:
                break
        await asyncio.sleep(0)

    async def change(self, entity_id: str, state: str, **attributes: Any) -> None:
        """Something happens in the home."""
        self.house.devices.set_state(entity_id, state, **attributes)
        await asyncio.sleep(0.01)
        await self.settle()

    async def advance(self, **length: float) -> None:
        from datetime import timedelta

        await self.time.advance(timedelta(**length).total_seconds())
        await asyncio.sleep(0.01)
        await self.settle()

    def state(self, entity_id: str) -> str:
        return self.house.state(entity_id)

    def begin(self) -> None:
        async def tell(text: str, area: str | None, language: str) -> None:
            self.told.append(text)

        self.routines.begin(
            tell, lambda area, deeds: self.assistant.conversation(area).did(list(deeds))
        )

    async def restart(self) -> None:
        """The hub ends, and begins again with what was kept."""
        await self.routines.close()
        await self.notes.flush()
        self.router.routines = type(self.router.routines)() if self.router.routines else None
        self.routines = _routines(self.house, self.router, self.skillset, self.time, self.notes)
        await self.routines.open()
        self.begin()

    @property
    def door(self) -> RoutineDoor:
        return RoutineDoor(self.routines)


def _routines(
    house: House, router: Router, skillset: Skillset, time: FakeTime, notes: FakeNotes
) -> Routines:
    made = Routines(house.home, router, skillset, time, notes, place=lambda: BERLIN)
    skillset.serve(routines=RoutineDesk(made))
    return made


@asynccontextmanager
async def parts(content: Any = HOME) -> AsyncIterator[tuple[House, Router, Skillset]]:
    """A home and what understands its people; building it takes most of a second."""
    config = Config.model_validate({"home": {"confirm_timeout": 0.3}})
    async with House(content) as house:
        skillset = Skillset.load(config, house.home, speaker=FakeSpeaker())
        router = Router(
            house.home, skillset.specs(), model=None, settings=config.router, languages=LANGUAGES
        )
        await router.prepare()
        yield house, router, skillset


@asynccontextmanager
async def household(built: tuple[House, Router, Skillset]) -> AsyncIterator[Household]:
    """People in it, and no routines yet."""
    house, router, skillset = built
    time = FakeTime(MONDAY)
    time.zone = ZoneInfo("Europe/Berlin")
    notes = FakeNotes()
    router.routines = type(router.routines)() if router.routines else None
    skillset = skillset.for_home(house.home)
    before = house.states()
    assistant = Assistant(
        home=house.home,
        router=router,
        skillset=skillset,
        replies=Replies(),
        languages=LANGUAGES,
        clock=time.steady,
    )
    routines = _routines(house, router, skillset, time, notes)
    here = Household(house, router, skillset, time, notes, routines, assistant)
    here.begin()
    yield here
    await here.routines.close()
    for entity_id, (state, attributes) in before.items():
        if house.states()[entity_id] != (state, attributes):
            house.devices.set_state(entity_id, state, **attributes)
    await asyncio.sleep(0.01)
