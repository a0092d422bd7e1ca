"""An alarm rings whatever else fails; and reminders when somebody comes home, as they are said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from hub import service
from hub.audio.earcons import earcon
from hub.author.time import LocalClock
from hub.config import Config
from hub.dialogue.replies import Replies
from hub.errors import AudioError, EngineError
from hub.messages import Audio
from hub.pipeline import Assistant
from hub.router import Router
from hub.skillset import Skillset
from hub.timers.agenda import Agenda, Due
from hub.timers.appointment import Appointment, When
from hub.timers.bell import Bell
from hub.timers.book import Timers
from hub.voice import Voice
from tests.fakes import FakeSpeaker, FakeTime, House, settle
from tests.test_room import Loudspeaker, Words

MORNING = datetime(2026, 11, 27, 7, 0)


def due(kind: str = "alarm", **more: Any) -> Due:
    made = datetime(2026, 11, 26, tzinfo=UTC)
    what = Appointment("x-1", kind, When(wall=MORNING), made, more.pop("text", ""))  # type: ignore[arg-type]
    return Due(what, MORNING, **more)


async def nobody(text: str, area: str | None, language: str) -> Any:
    raise AssertionError("nothing is to be done")


class Mute(Words):
    """A voice whose synthesizer is broken, or whose server is away."""

    async def synthesize(self, text: str) -> Audio:
        raise EngineError("the voice is not there")


def bell(voice: Voice, **more: Any) -> Bell:
    return Bell(nobody, voice, now=lambda: MORNING, **more)


async def test_an_alarm_rings_where_the_voice_fails() -> None:
    rung: list[float] = []

    async def alarm(volume: float) -> None:
        rung.append(volume)

    await bell(Voice(Mute(), Loudspeaker()), alarm=alarm).come(due())
    assert len(rung) == 1


async def test_it_waits_for_nobody_and_rings_where_the_hub_is_muted() -> None:
    played: list[Audio] = []

    class Ear(Loudspeaker):
        async def play(self, audio: Audio) -> None:
            played.append(audio)

    voice = Voice(Words(), Ear(), volume=0.1)
    voice.muted = True
    hub = SimpleNamespace(voice=voice, config=Config())
    ring = bell(voice, alarm=lambda volume: service._alarm(hub, volume), free=asyncio.Event())  # type: ignore[arg-type]
    async with asyncio.timeout(1):
        await ring.come(due())
    assert played == [earcon("alarm")]


async def test_it_rings_by_another_loudspeaker_where_the_own_one_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played: list[Audio] = []

    class Lost(Loudspeaker):
        async def play(self, audio: Audio) -> None:
            raise AudioError("the loudspeaker is lost")

    class Other:
        async def play(self, audio: Audio) -> None:
            played.append(audio)

    monkeypatch.setattr(service, "loudspeaker", lambda config: Other())
    config = Config.model_validate({"audio": {"loudspeaker": "usb"}})
    hub = SimpleNamespace(voice=Voice(Words(), Lost()), config=config)
    await service._alarm(hub, 1.0)  # type: ignore[arg-type]
    assert played == [earcon("alarm")]
    hub.config = Config()
    with pytest.raises(AudioError):
        await service._alarm(hub, 1.0)  # type: ignore[arg-type]


async def test_a_reminder_that_could_not_be_said_is_not_taken_for_told() -> None:
    with pytest.raises(EngineError):
        await bell(Voice(Mute(), Loudspeaker())).come(due("reminder", text="call my sister"))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (due(), "It is 7 AM."),
        (due(missed=True), "You missed your alarm for today at 7 AM."),
        (due(missed=True, number=9), "Nobody stopped the alarm for today at 7 AM."),
        (due("reminder", text="call my sister"), "Reminder: call your sister."),
        (
            due("reminder", text="call my sister", missed=True),
            "You missed a reminder, today at 7 AM: call your sister.",
        ),
        (
            due("command", text="open the blinds", missed=True, late=7200),
            "I was off when I should have done this, 2 hours ago: open the blinds. I have not done "
            "it.",
        ),
        (
            due("command", text="open the blinds", again=True),
            "I was interrupted while I did this, and do not know whether it is done: open the "
            "blinds.",
        ),
    ],
)
async def test_what_is_said(told: Due, text: str) -> None:
    shown: list[str] = []
    await Bell(nobody, None, show=shown.append, now=lambda: MORNING).come(told)
    assert shown == [text]


# --- when somebody comes home, as it is said ------------------------------------------------------

DOOR = {
    "id": "binary_sensor.front_door",
    "name": "Front Door",
    "area": "Hall",
    "device_class": "door",
    "state": "off",
}
LAMP = {"id": "light.hall", "name": "Hall Light", "area": "Hall"}
SAM = {"id": "person.sam", "name": "Sam", "state": "not_home"}
KIM = {"id": "person.kim", "name": "Kim", "state": "not_home"}


class Hall:
    """A small home in which somebody speaks."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.time = FakeTime(datetime(2026, 11, 27, 8, 0, tzinfo=UTC))
        self.time.zone = UTC
        self.agenda = Agenda(self.time, home=house.home)
        self.timers = Timers(self.time)
        self.told: list[str] = []
        skillset = Skillset.load(
            Config(),
            house.home,
            speaker=FakeSpeaker(),
            timers=self.timers,
            agenda=self.agenda,
            clock=LocalClock(self.time),
        )
        self.assistant = Assistant(
            home=house.home,
            router=Router(
                house.home,
                skillset.specs(),
                model=None,
                settings=Config().router,
                languages=("en", "de"),
            ),
            skillset=skillset,
            replies=Replies(),
            languages=("en", "de"),
        )

    async def begin(self) -> Hall:
        await self.assistant.router.prepare()
        ring = Bell(nobody, None, show=self.told.append, now=self.agenda.now)
        self.timers.begin(ring.tell)
        self.agenda.begin(ring.come)
        return self

    async def say(self, text: str, language: str = "en") -> str:
        return (await self.assistant.say(text, area="Hall", language=language)).reply.text

    async def becomes(self, entity_id: str, state: str) -> None:
        self.house.devices.set_state(entity_id, state)
        await settle()


async def hall(*entities: dict[str, Any]) -> AsyncIterator[Hall]:
    async with House({"areas": [{"name": "Hall"}], "entities": [LAMP, *entities]}) as house:
        here = await Hall(house).begin()
        yield here
        await here.timers.close()
        await here.agenda.close()


@pytest.mark.parametrize(
    ("said", "language", "told", "heard"),
    [
        (
            "remind me to feed the cat when I get home",
            "en",
            "I will remind you when Sam comes home: feed the cat.",
            "Reminder: feed the cat.",
        ),
        (
            "erinnere mich an die Katze, wenn ich nach Hause komme",
            "de",
            "Ich erinnere dich, wenn Sam nach Hause kommt: die Katze.",
            "Erinnerung: die Katze.",
        ),
    ],
)
async def test_when_i_get_home(said: str, language: str, told: str, heard: str) -> None:
    async for here in hall(SAM, DOOR):
        assert await here.say(said, language) == told
        await here.becomes("person.sam", "home")
        assert here.told == [heard]


async def test_of_several_it_is_asked_who_speaks() -> None:
    async for here in hall(SAM, KIM):
        assert await here.say("remind me to feed the cat when I get home") == "Who are you?"
        assert await here.say("Kim") == "I will remind you when Kim comes home: feed the cat."
        await here.becomes("person.sam", "home")
        assert here.told == []
        await here.becomes("person.kim", "home")
        assert here.told == ["Reminder: feed the cat."]


async def test_somebody_else_can_be_meant() -> None:
    async for here in hall(SAM, KIM):
        assert await here.say("remind me to ask about school when Kim gets home") == (
            "I will remind you when Kim comes home: ask about school."
        )
        assert (await here.say("remind me to dance when Alex gets home")).startswith("Sorry")


async def test_without_a_person_the_door_is_offered() -> None:
    async for here in hall(DOOR):
        asked = await here.say("remind me to feed the cat when I get home")
        assert asked.startswith("I cannot see who is home. Shall I do it when Front Door opens")
        assert await here.say("yes") == "I will remind you when Front Door opens: feed the cat."
        await here.becomes("binary_sensor.front_door", "on")  # somebody leaves
        await here.becomes("binary_sensor.front_door", "off")
        assert here.told == []
        await here.time.advance(timedelta(hours=1).total_seconds())
        await here.becomes("binary_sensor.front_door", "on")
        assert here.told == ["Reminder: feed the cat."]


async def test_who_does_not_want_the_door_gets_nothing() -> None:
    async for here in hall(DOOR):
        await here.say("remind me to feed the cat when I get home")
        assert await here.say("no") == "All right."
        assert here.agenda.all() == []


async def test_where_nothing_tells_who_is_home_that_is_said() -> None:
    async for here in hall():
        told = await here.say("remind me to feed the cat when I get home")
        assert told.startswith("I cannot see who is home. For that I need a person")
        assert here.agenda.all() == []
