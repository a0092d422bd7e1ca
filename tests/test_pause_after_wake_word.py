"""Who says the wake word and then thinks is listened to, whatever the room listens with.

A wake word is often found before its last sound is over. That sound counts as speech, and a
recognizer makes 'Jarvis' of it, or any word where it has not heard the beginning. Ears and
recognition are scripted; the rooms, the protocols and all between are real.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import pytest
import pytest_asyncio
from wyoming.audio import AudioChunk, AudioStart
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Attribution, Describe, Info
from wyoming.info import Satellite as About
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import RunSatellite
from wyoming.wake import Detection

from hub import config
from hub.app import Hub, open_hub
from hub.audio.null import Nowhere
from hub.bridges.satellites import card
from hub.bridges.satellites.rooms import Satellites
from hub.bridges.wyoming.offer import FarEars
from hub.devices.simulated import SimulatedHome
from hub.messages import SAMPLE_RATE, Audio, Hypothesis, Trace, Utterance
from hub.router.clean import addressed, called
from hub.router.words import words
from tests.esphome_device import Device
from tests.fakes import FakeVoices, FakeWakeWord, silence, speech, wake_word

pytestmark = pytest.mark.asyncio(loop_scope="module")

WOKEN = [*silence(0.3), *wake_word()]
TAIL = [*speech(0.16), *silence(0.5)]
WORD = speech(1.0, probability=0.9)
COMMAND = [*silence(1.5), *WORD, *silence(2.0)]

# --- what was said -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("Hey Jarvis.", True),
        ("Hey, Jervis", True),
        ("Jarvis.", True),
        ("Hey...", True),
        ("Hey Jarvis. Jarvis?", True),
        ("Dinner is ready. Hey Jarvis!", True),
        ("Hey Jarvis, stop.", False),
        ("Jarvis on", False),
        ("Stop.", False),
        ("Okay.", False),
        ("", False),
    ],
)
async def test_nothing_but_the_wake_word(text: str, alone: bool, language: str) -> None:
    assert called(text, words(language), "Hey Jarvis") is alone


async def test_who_hesitates_has_not_said_anything_yet() -> None:
    assert called("Hey Jarvis, um...", words("en"), "Hey Jarvis")
    assert called("Hey Jarvis, äh", words("de"), "Hey Jarvis")


async def test_without_a_wake_word_just_before_only_all_of_it_counts() -> None:
    """In an answer to a question, 'Jarvis' may be a name."""
    assert called("Hey Jarvis.", words("en"))
    assert not called("Jarvis.", words("en"))


async def test_what_was_said_before_the_wake_word_is_no_part_of_the_command() -> None:
    text = "Dinner is ready. Hey Jarvis, turn on the light."
    assert addressed(text, words("en"), "Hey Jarvis") == "turn on the light"


# --- rooms ---------------------------------------------------------------------------------------


class Recognizer:
    """Knows the command when it is all in the sound, and takes anything else for `otherwise`."""

    def __init__(self, otherwise: str) -> None:
        self.asked = asyncio.Event()
        self._otherwise = otherwise

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        self.asked.set()
        whole = audio.pcm.count(WORD[0]) == len(WORD)
        text = "turn on the coffee maker" if whole else self._otherwise
        return Utterance((Hypothesis(text, -0.1),))


class Silent:
    """A voice that says nothing aloud."""

    name = "silent"

    async def synthesize(self, text: str) -> Audio:
        return Audio(b"", SAMPLE_RATE)

    async def close(self) -> None: ...


class Card:
    """A sound card, and the microphone of it: the hub hears its wake word."""

    settings = config.RoomSettings(microphone="usb")
    itself = False
    realtime, gather = True, 1

    def __init__(self) -> None:
        self._sound: asyncio.Queue[bytes] = asyncio.Queue()

    async def start(self) -> None: ...

    async def frames(self) -> AsyncIterator[bytes]:
        while True:
            yield await self._sound.get()

    async def wake(self) -> None:
        await self.say([*WOKEN, *TAIL])

    async def say(self, frames: Sequence[bytes]) -> None:
        for each in frames:
            self._sound.put_nowait(each)

    async def stop(self) -> None: ...


class Wyoming:
    """A satellite that speaks Wyoming; `itself`: it hears its own wake word."""

    def __init__(self, itself: bool) -> None:
        self.itself = itself
        self._writer: asyncio.StreamWriter | None = None
        self._run = asyncio.Event()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.settings = config.RoomSettings(satellite=f"tcp://127.0.0.1:{port}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        while (event := await async_read_event(reader)) is not None:
            if Describe.is_type(event.type):
                about = About("test", Attribution("", ""), True, None, None)
                await self._send(Info(satellite=about).event())
            elif RunSatellite.is_type(event.type):
                if not self.itself:
                    await self._begin(PipelineStage.WAKE)
                self._run.set()
        writer.close()

    async def _begin(self, stage: PipelineStage) -> None:
        await self._send(RunPipeline(start_stage=stage, end_stage=PipelineStage.TTS).event())
        await self._send(AudioStart(SAMPLE_RATE, 2, 1).event())

    async def _send(self, event: Event) -> None:
        assert self._writer is not None
        await async_write_event(event, self._writer)

    async def wake(self) -> None:
        await self._run.wait()
        if self.itself:
            await self._send(Detection(name="hey_jarvis").event())
            await self._begin(PipelineStage.ASR)
        await self.say(TAIL if self.itself else [*WOKEN, *TAIL])

    async def say(self, frames: Sequence[bytes]) -> None:
        for each in frames:
            await self._send(AudioChunk(SAMPLE_RATE, 2, 1, each).event())

    async def stop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._server.close()


class Esphome:
    """A device of ESPHome's, which always hears its wake word itself."""

    itself = True

    def __init__(self) -> None:
        self._device = Device(key=None)

    async def start(self) -> None:
        await self._device.start()
        address = f"esphome://127.0.0.1:{self._device.port}"
        self.settings = config.RoomSettings(satellite=address)

    async def wake(self) -> None:
        await self._device.until(lambda: self._device.subscribed, "the hub")
        self._device.wake(then=TAIL)

    async def say(self, frames: Sequence[bytes]) -> None:
        self._device.say(frames)

    async def stop(self) -> None:
        await self._device.stop()


Kind = Card | Wyoming | Esphome

KINDS: dict[str, tuple[Callable[[], Kind], str]] = {
    "sound card": (Card, "Jarvis."),
    "sound card, misheard": (Card, "Hey, Charles."),
    "Wyoming": (lambda: Wyoming(itself=False), "Hey Jarvis."),
    "Wyoming, wakes itself": (lambda: Wyoming(itself=True), "This."),
    "ESPHome": (Esphome, "Thank you."),
}
"""And what a recognizer makes of the wake word, or of its last sound, there."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    settings = config.Config.model_validate(
        {
            "hub": {"data": folder / "data", "cache": folder / "cache"},
            "router": {"model": ""},
            "home": {"confirm_timeout": 0.3},
            "manners": {"quiet": ""},
            "suggestions": {"enabled": False},
        }
    )
    async with open_hub(settings, synthesizer=Silent(), sink=Nowhere(), remember=False) as opened:
        yield opened


@asynccontextmanager
async def room(hub: Hub, kind: Kind, recognizer: Recognizer) -> AsyncIterator[None]:
    """The kitchen, with what it listens with."""
    await kind.start()
    home = hub.home.source("simulated")
    assert isinstance(home, SimulatedHome)
    home.set_state("switch.coffee_maker", "off")
    hub.assistant._recognizer = recognizer
    hub.config, before = (
        hub.config.model_copy(update={"rooms": {"Kitchen": kind.settings}}),
        hub.config,
    )
    streams = SimpleNamespace(voices=FakeVoices, phrase="Hey Jarvis")
    satellites = Satellites(hub, cast(FarEars, SimpleNamespace(streams=streams, wake=FakeWakeWord)))
    running = asyncio.create_task(satellites.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})
        await kind.stop()
        hub.config = before


@pytest.mark.parametrize("name", KINDS)
async def test_a_pause_after_the_wake_word_ends_nothing(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, heard = KINDS[name]
    kind, turns, done = made(), list[Trace](), asyncio.Event()
    monkeypatch.setattr(card, "Microphone", lambda device: kind)
    monkeypatch.setattr(card, "Loudspeaker", lambda device: Nowhere())

    def turned(trace: Trace) -> None:
        turns.append(trace)
        done.set()

    forget = hub.assistant.watch(turned)
    try:
        async with room(hub, kind, recognizer := Recognizer(heard)), asyncio.timeout(60):
            await kind.wake()
            if not kind.itself:
                await recognizer.asked.wait()
            await kind.say(COMMAND)
            await done.wait()
            assert [turn.heard for turn in turns] == ["turn on the coffee maker"]
            assert hub.home.state("switch.coffee_maker").state == "on"
    finally:
        forget()
