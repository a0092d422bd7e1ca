"""Timers and alarms ring where they were set, and are silenced from there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.app import Hub, _Speaker
from hub.audio.earcons import earcon
from hub.errors import EngineError
from hub.messages import Audio
from hub.places import Places
from hub.sound import Sounds
from hub.timers.agenda import Agenda
from hub.timers.appointment import When
from hub.timers.bell import Bell
from hub.timers.book import Timers
from hub.voice import Voice
from tests.fakes import FakeTime, settle

NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)


class Words:
    name = "words"

    async def synthesize(self, text: str) -> Audio:
        return Audio(text.encode() + b" " * (len(text) % 2))


class Mouth:
    """A loudspeaker that may be lost, or may take its time."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.lost = False
        self.slow: asyncio.Event | None = None

    async def play(self, audio: Audio) -> None:
        if self.lost:
            raise EngineError("it is lost")
        tones = {earcon(name).pcm: f"<{name}>" for name in ("timer", "alarm", "wake")}
        self.heard.append(tones.get(audio.pcm) or audio.pcm.decode().strip())
        if self.slow is not None:
            await self.slow.wait()

    async def close(self) -> None: ...


class Flat:
    """A hub with satellites in the kitchen and the bedroom; it stands in the hall."""

    def __init__(self) -> None:
        self.time = FakeTime(NOW)
        self.mouths = {name: Mouth() for name in ("Hall", "Kitchen", "Bedroom")}
        voices = {name: Voice(Words(), mouth) for name, mouth in self.mouths.items()}
        self.places = Places(voices.pop("Hall"), voices=voices)
        for name in voices:
            self.places.rooms[name] = asyncio.Event()
            self.places.rooms[name].set()
        self.timers = Timers(self.time)
        self.agenda = Agenda(self.time)
        self.sounds = Sounds(None, self.time)
        self.speaker = _Speaker(self.places, self.timers, self.agenda, self.sounds)

    async def begin(self) -> None:
        own = self.places.own
        assert own is not None
        bell = Bell(
            self._turn,
            own,
            tone=lambda: own.play(earcon("timer")),
            alarm=lambda volume: own.ring(earcon("alarm"), volume),
            now=self.agenda.now,
            places=self.places,
            sound=earcon,
        )
        self.timers.begin(bell.tell, free=self.places.free_in)
        self.agenda.begin(bell.come, free=self.places.free_in, heard_in=self.places.heard_in)

    async def _turn(self, text: str, area: str | None, language: str) -> Any:
        raise AssertionError("nothing is to be done")

    def heard(self) -> dict[str, list[str]]:
        """What was heard since the last look, by room; without those where nothing was."""
        found = {name: mouth.heard for name, mouth in self.mouths.items() if mouth.heard}
        for mouth in self.mouths.values():
            mouth.heard = []
        return found

    async def alarm(self, area: str | None) -> None:
        at = (self.agenda.now() + timedelta(minutes=1)).replace(tzinfo=None)
        await self.agenda.add("alarm", When(wall=at), area=area)

    async def noticed(self, room: str | None) -> None:
        await Hub.noticed(self, room)  # type: ignore[arg-type]


@pytest.fixture
async def flat() -> AsyncIterator[Flat]:
    it = Flat()
    await it.begin()
    yield it
    await it.timers.close()
    await it.agenda.close()


SAID = "Your timer for 1 minute is up."


@pytest.mark.parametrize(
    ("area", "rooms"), [("Kitchen", ["Kitchen"]), ("Hall", ["Hall"]), (None, ["Hall"])]
)
async def test_a_timer_rings_where_it_was_set(
    flat: Flat, area: str | None, rooms: list[str]
) -> None:
    await flat.timers.start(60, area=area)
    await flat.time.advance(60)
    assert flat.heard() == {room: ["<timer>", SAID] for room in rooms}


async def test_it_rings_everywhere_if_its_room_has_gone(flat: Flat) -> None:
    await flat.timers.start(60, area="Kitchen")
    del flat.places.voices["Kitchen"]
    await flat.time.advance(60)
    assert flat.heard() == {room: ["<timer>", SAID] for room in ("Hall", "Bedroom")}


async def test_it_rings_everywhere_if_its_room_is_lost_just_then(flat: Flat) -> None:
    await flat.timers.start(60, area="Kitchen")
    flat.mouths["Kitchen"].lost = True
    await flat.time.advance(60)
    assert flat.heard() == {room: ["<timer>", SAID] for room in ("Hall", "Bedroom")}


async def test_a_hub_without_a_loudspeaker_rings_in_all_rooms(flat: Flat) -> None:
    flat.places.audible = False
    await flat.timers.start(60)
    await flat.time.advance(60)
    assert flat.heard() == {room: ["<timer>", SAID] for room in ("Kitchen", "Bedroom")}


async def test_an_alarm_rings_in_its_room_louder_and_louder(flat: Flat) -> None:
    await flat.alarm("Bedroom")
    await flat.time.advance(90)
    heard = flat.heard()
    assert list(heard) == ["Bedroom"]
    assert heard["Bedroom"].count("<alarm>") > 2


async def test_nobody_is_interrupted_in_the_room_where_it_rings(flat: Flat) -> None:
    flat.places.rooms["Kitchen"].clear()
    await flat.timers.start(60, area="Kitchen")
    await flat.timers.start(60, area="Bedroom")
    await flat.time.advance(60)
    assert list(flat.heard()) == ["Bedroom"]
    flat.places.rooms["Kitchen"].set()
    await flat.time.advance(1)
    assert list(flat.heard()) == ["Kitchen"]


@pytest.mark.parametrize(
    ("room", "rings"), [("Kitchen", ["Bedroom"]), (None, ["Kitchen", "Bedroom"])]
)
async def test_a_wake_word_silences_the_timer_of_its_room(
    flat: Flat, room: str | None, rings: list[str]
) -> None:
    for area in ("Kitchen", "Bedroom"):
        await flat.timers.start(60, area=area)
    await flat.time.advance(60)
    flat.heard()
    await flat.noticed(room)
    await flat.time.advance(20)
    assert sorted(flat.heard()) == sorted(rings)


async def test_a_wake_word_anywhere_silences_what_rings_everywhere(flat: Flat) -> None:
    await flat.timers.start(60, area="Kitchen")
    del flat.places.voices["Kitchen"]
    await flat.time.advance(60)
    await flat.noticed("Bedroom")
    flat.heard()
    await flat.time.advance(20)
    assert flat.heard() == {}


async def test_stop_ends_what_rings_where_it_is_said_and_nobody_elses_alarm(flat: Flat) -> None:
    await flat.alarm("Kitchen")
    await flat.alarm("Bedroom")
    await flat.time.advance(65)
    flat.heard()
    await flat.speaker.in_room("Kitchen").stop()
    await flat.time.advance(10)
    assert list(flat.heard()) == ["Bedroom"]


async def test_stop_ends_what_rings_elsewhere_if_nothing_does_here(flat: Flat) -> None:
    await flat.alarm("Bedroom")
    await flat.time.advance(65)
    flat.heard()
    await flat.speaker.in_room("Kitchen").stop()
    await flat.time.advance(10)
    assert flat.heard() == {}


async def test_the_stop_button_silences_the_voices_in_all_rooms(flat: Flat) -> None:
    speaking = []
    for name, voice in flat.places.voices.items():
        flat.mouths[name].slow = asyncio.Event()
        speaking.append(asyncio.create_task(voice.say("A long story.")))
    await settle()
    await flat.speaker.stop()
    async with asyncio.timeout(5):
        told = await asyncio.gather(*speaking)
    assert all(spoken.interrupted for spoken in told)


async def test_louder_is_for_the_voice_of_the_room(flat: Flat) -> None:
    before = flat.speaker.volume
    await flat.speaker.in_room("Kitchen").set_volume(0.3)
    assert flat.places.voices["Kitchen"].volume == 0.3
    assert flat.speaker.in_room("Bedroom").volume == flat.speaker.volume == before
