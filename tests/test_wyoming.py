"""The hub as a Wyoming server: what Home Assistant, a satellite, and a stranger get of it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.handle import Handled, NotHandled
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
)
from wyoming.wake import Detect, Detection, NotDetected
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from hub.bridges.wyoming import Services, WyomingServer, connection, pace, server
from hub.bridges.wyoming.announce import SERVICE, Announcement
from hub.bridges.wyoming.info import About, describe
from hub.bridges.wyoming.services import (
    Gate,
    PoliteRecognizer,
    PoliteSynthesizer,
    area_by,
)
from hub.config import WyomingSettings, parse
from hub.errors import ConfigError, EngineError
from hub.messages import Audio, Hypothesis, Trace, Utterance, Wake
from hub.pipeline import Assistant
from tests.conftest import Household
from tests.fakes import WAKE, FakeVoices, FakeWakeWord, frame, settle, silence, speech, value

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = {"rate": 16_000, "width": 2, "channels": 1}


# --- a hub whose engines are scripted ------------------------------------------------------------


class Listening:
    """A recognizer that hears what it is told to, when it is let."""

    def __init__(self, *heard: str | Exception) -> None:
        self.heard = list(heard)
        self.audio: list[Audio] = []
        self.languages: list[str | None] = []
        self.let = asyncio.Event()
        self.let.set()
        self.begun = asyncio.Semaphore(0)
        self.at_once = 0
        self.most_at_once = 0

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        self.audio.append(audio)
        self.languages.append(language)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.release()
        try:
            await self.let.wait()
        finally:
            self.at_once -= 1
        text = self.heard.pop(0) if len(self.heard) > 1 else self.heard[0]
        if isinstance(text, Exception):
            raise text
        return Utterance((Hypothesis(text, -0.2),) if text else (), language or "en")


class Talking:
    """A voice: a sentence is as many samples as it has letters, when it is let."""

    name = "talking"

    def __init__(self) -> None:
        self.said: list[str] = []
        self.let = asyncio.Event()
        self.let.set()
        self.free_sentences = 0
        self.cancelled = asyncio.Event()
        self.error: EngineError | None = None

    async def synthesize(self, text: str) -> Audio:
        self.said.append(text)
        if self.error:
            raise self.error
        if len(self.said) > self.free_sentences:
            try:
                await self.let.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return Audio(b"\1\0" * len(text), 22_050)


class Client(AsyncTcpClient):
    """A client that sends what it has, and waits for an answer of some kind."""

    async def send(self, *events: Eventable | Event) -> None:
        for each in events:
            await self.write_event(each if isinstance(each, Event) else each.event())

    async def until(self, *kinds: type[Eventable]) -> Event:
        """The next event of these kinds, or an error."""
        while True:
            event = await self.any()
            if any(kind.is_type(event.type) for kind in (*kinds, Error)):
                return event

    async def until_type(self, *types: str) -> str:
        """The type of the next event of these types."""
        while (event := await self.any()).type not in types:
            pass
        return event.type

    async def any(self) -> Event:
        async with asyncio.timeout(10):
            event = await self.read_event()
        assert event is not None, "the server hung up"
        return event

    async def sound(
        self, pcm: bytes, *, rate: int = 16_000, width: int = 2, channels: int = 1
    ) -> None:
        for start in range(0, len(pcm), 3200):
            await self.send(AudioChunk(rate, width, channels, pcm[start : start + 3200]))

    async def said(self, pcm: bytes, **sound: Any) -> str:
        """What a recording is heard as."""
        form = {**SECOND, **sound}
        await self.send(Transcribe(language="en"), AudioStart(**form))
        await self.sound(pcm, **form)
        await self.send(AudioStop())
        return Transcript.from_event(await self.until(Transcript)).text

    async def gone(self) -> None:
        """Return when the server has hung up."""
        async with asyncio.timeout(10):
            while await self.read_event() is not None:
                pass


class Served:
    """A server, and clients of it."""

    def __init__(self, server: WyomingServer) -> None:
        self.server = server

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        client = Client("127.0.0.1", self.server.port)
        await client.connect()
        try:
            yield client
        finally:
            await client.disconnect()

    async def nobody(self) -> None:
        """Return when the server serves nobody."""
        async with asyncio.timeout(10):
            while self.server.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[Served]:
    settings = WyomingSettings(listen="tcp://127.0.0.1:0", announce=False)
    made = WyomingServer(services, settings)
    await made.start()
    try:
        yield Served(made)
    finally:
        await made.close()


def offered(
    house: Household,
    *,
    recognizer: Any = None,
    synthesizer: Any = None,
    free: asyncio.Event | None = None,
    traces: list[Trace] | None = None,
    **more: Any,
) -> Services:
    """The household's brain, with these engines."""
    if free is None:
        free = asyncio.Event()
        free.set()
    assistant = house.assistant
    polite = PoliteRecognizer(recognizer, Gate(free)) if recognizer else None

    def new() -> Assistant:
        return Assistant(
            home=house.home,
            router=assistant.router,
            skillset=assistant.skillset,
            replies=assistant.replies,
            recognizer=polite,
            languages=("en", "de"),
        )

    return Services(
        info=describe(
            ("en", "de"),
            recognizer=About("whisper-base", "Whisper base", licence="MIT"),
            ends_by_itself=True,
            voice=About("joe", "Piper voice joe", ("en-US",)),
            wake=About("hey_jarvis", phrase="Hey Jarvis"),
            brain=About("hearth-router"),
        ),
        languages=("en", "de"),
        new_assistant=new,
        recognizes=polite is not None,
        synthesizer=PoliteSynthesizer(synthesizer, Gate(free)) if synthesizer else None,
        finished=(traces if traces is not None else []).append,
        **more,
    )


async def asked(
    served: Served, text: str, conversation: str | None = None, **more: Any
) -> tuple[bool, str, dict[str, Any]]:
    """One sentence over a connection of its own, as Home Assistant does it: whether it was
    handled, the answer, and its context."""
    context = {"conversation_id": conversation} if conversation else None
    async with served.client() as client:
        await client.send(Transcript(text, **{"context": context, "language": "en", **more}))
        event = await client.until(Handled, NotHandled)
    return Handled.is_type(event.type), event.data.get("text", ""), event.data["context"]


# --- what it says of itself ----------------------------------------------------------------------


async def test_home_assistant_finds_all_that_it_makes_entities_of(house: Household) -> None:
    async with serving(offered(house)) as served, served.client() as client:
        await client.send(Describe())
        info = Info.from_event(await client.until(Info))
    [asr], [tts], [wake], [handle] = info.asr, info.tts, info.wake, info.handle
    assert all(each.installed and each.version for each in (asr, tts, wake, handle))
    assert all(each.attribution.name and each.description for each in (asr, tts, wake, handle))
    assert asr.models[0].installed and asr.models[0].languages == ["en", "de"]
    assert not asr.requires_external_vad  # Home Assistant may leave the end of speech to the hub
    assert tts.voices[0].name == "joe" and tts.voices[0].languages == ["en-US"]
    assert tts.supports_synthesize_streaming
    assert (wake.models[0].name, wake.models[0].phrase) == ("hey_jarvis", "Hey Jarvis")
    assert handle.supports_home_control and handle.models[0].languages == ["en", "de"]
    assert info.satellite is None  # it would hide all the rest from Home Assistant


async def test_what_the_hub_has_no_engine_for_is_refused_in_plain_words(house: Household) -> None:
    async with serving(offered(house)) as served, served.client() as client:
        await client.send(Synthesize("Hello."))
        assert "offers no text to speech" in Error.from_event(await client.until()).text
        await client.send(Transcribe())
        assert "offers no speech to text" in Error.from_event(await client.until()).text
        await client.send(Event("weather", {"of": "tomorrow"}), Ping("still there?"))
        pong = await client.any()  # what nobody knows is ignored
    assert (pong.type, pong.data["text"]) == ("pong", "still there?")


# --- the brain -----------------------------------------------------------------------------------


async def test_a_sentence_is_done_and_answered(house: Household) -> None:
    traces: list[Trace] = []
    async with serving(offered(house, traces=traces)) as served:
        handled, answer, _ = await asked(served, "turn on the hallway light")
    assert handled
    assert house["light.hallway"] == "on"
    assert "hallway" in answer.lower() or "light" in answer.lower()
    assert [trace.heard for trace in traces] == ["turn on the hallway light"]


async def test_yes_answers_the_question_of_the_same_conversation_alone(house: Household) -> None:
    async with serving(offered(house)) as served:
        _, question, context = await asked(served, "unlock the front door", "phone")
        assert context == {"conversation_id": "phone", "expects_answer": True}
        handled, _, _ = await asked(served, "yes", "kitchen")
        assert not handled
        assert house["lock.front_door"] == "locked", question
        handled, _, context = await asked(served, "yes", "phone")
        assert handled and not context["expects_answer"]
    assert house["lock.front_door"] == "unlocked"


async def test_without_an_id_a_connection_is_a_conversation(house: Household) -> None:
    async with serving(offered(house)) as served, served.client() as client:
        await client.send(Transcript("unlock the front door"))
        asking = await client.until(Handled)
        await client.send(Transcript("yes"))
        await client.until(Handled)
        assert house["lock.front_door"] == "unlocked"
        # ... that can be gone on with over another one.
        handled, _, _ = await asked(served, "lock it", asking.data["context"]["conversation_id"])
        assert handled
    assert house["lock.front_door"] == "locked"


async def test_what_is_not_understood_is_not_handled(house: Household) -> None:
    async with serving(offered(house)) as served:
        handled, answer, _ = await asked(served, "colourless green ideas sleep furiously")
        assert not handled and answer
        handled, answer, _ = await asked(served, "allume la lumière", language="fr")
        assert not handled and "'fr'" in answer
        # A language of the hub's as they speak it elsewhere.
        handled, answer, _ = await asked(served, "wie spät ist es", language="de-AT")
    assert handled and answer.startswith("Es ist")


async def test_a_room_in_the_context_is_where_it_was_said(house: Household) -> None:
    async with serving(offered(house)) as served:
        await asked(served, "turn on the lights", context={"area": "Kitchen"})
        assert house["light.kitchen_ceiling"] == "on"
        # A room that only Home Assistant knows does not keep anything from being done.
        handled, _, _ = await asked(
            served, "turn on the hallway light", context={"area": "Wine cellar"}
        )
    assert handled


async def test_it_was_said_where_the_satellite_is_or_the_device_that_was_spoken_to(
    house: Household,
) -> None:
    """As Home Assistant says it since 2026, with ids of its own."""
    rooms = {"assist_satellite.shelf": "Kitchen", "0123abcd": "Bedroom", "phone": None}
    async with serving(offered(house, area=area_by(rooms.get))) as served:
        spoken_to = {"satellite_id": "assist_satellite.shelf", "device_id": "0123abcd"}
        await asked(served, "turn on the lights", context=spoken_to)
        assert house["light.kitchen_ceiling"] == "on"
        assert house["light.bedroom_ceiling"] == "off"
        await asked(served, "turn on the lights", context={"device_id": "0123abcd"})
        assert house["light.bedroom_ceiling"] == "on"
        for elsewhere in ({"device_id": "phone"}, {"device_id": 5}):
            handled, _, _ = await asked(served, "turn on the hallway light", context=elsewhere)
            assert handled


# --- the ears ------------------------------------------------------------------------------------


async def test_a_recording_is_heard_to_its_end(house: Household) -> None:
    recognizer = Listening("turn on the hallway light")
    recording = b"".join([*silence(0.3), *speech(1.0), *silence(2.0), *speech(1.0), *silence(0.5)])
    services = offered(house, recognizer=recognizer, voices=FakeVoices)
    async with serving(services) as served, served.client() as client:
        assert await client.said(recording) == "turn on the hallway light"
    assert recognizer.audio[-1].pcm == recording
    assert recognizer.languages[-1] == "en"


async def test_what_comes_faster_than_anybody_speaks_is_not_cut_at_a_pause(
    house: Household,
) -> None:
    recognizer = Listening("turn on the hallway light")
    recording = b"".join([*speech(1.0), *silence(1.0), *speech(1.0), *silence(1.0)])
    services = offered(house, recognizer=recognizer, voices=FakeVoices)
    async with serving(services) as served, served.client() as client:
        await client.send(AudioStart(**SECOND))
        await client.sound(recording)
        await client.send(Ping())
        assert (await client.any()).type == "pong"  # and no transcript
        await settle()
        await client.send(AudioStop())
        await client.until(Transcript)
    assert recognizer.audio[-1].pcm == recording


async def test_the_end_that_is_said_counts_and_not_the_pause_before_it(house: Household) -> None:
    """A short recording of two sentences, of which the first is a whole command."""
    here = asyncio.Event()

    class Late(FakeVoices):
        async def process(self, pcm: bytes) -> list[float]:
            await here.wait()
            await settle()
            return await super().process(pcm)

    recognizer = Listening("turn on the hallway light")
    recording = b"".join([*speech(0.4), *silence(0.5), *speech(0.4)])
    services = offered(house, recognizer=recognizer, voices=Late)
    async with serving(services) as served, served.client() as client:
        await client.send(AudioStart(**SECOND))
        await client.sound(recording)
        await client.send(AudioStop(), Ping())
        await client.until_type("pong")
        here.set()
        await client.until(Transcript)
    assert recognizer.audio[-1].pcm == recording


async def test_live_speech_ends_where_a_command_is_complete(house: Household) -> None:
    """The transcript comes although the client goes on sending silence, and says no end."""
    services = offered(house, recognizer=Listening("turn on the hallway light"), voices=FakeVoices)
    async with serving(services) as served, served.client() as client:
        await client.send(Transcribe(language="en"), AudioStart(**SECOND))
        await client.sound(b"".join([*speech(0.8), *silence(0.4)]))
        transcript = Transcript.from_event(await client.until(Transcript))
    assert transcript.text == "turn on the hallway light"


async def test_live_speech_is_recognised_once(house: Household) -> None:
    """Recognition begins in the pause; when the client notices the pause, it is done."""
    recognizer = Listening("turn on the hallway light")
    services = offered(house, recognizer=recognizer, voices=FakeVoices)
    async with serving(services) as served, served.client() as client:
        await client.send(Transcribe(language="en"), AudioStart(**SECOND))
        await client.sound(b"".join([*speech(0.8), *silence(0.3)]))
        async with asyncio.timeout(5):
            await recognizer.begun.acquire()
        await client.send(AudioStop())
        await client.until(Transcript)
    assert len(recognizer.audio) == 1


async def test_nobody_speaks(house: Household) -> None:
    services = offered(house, recognizer=Listening(""), voices=FakeVoices)
    async with serving(services) as served, served.client() as client:
        assert await client.said(b"") == ""
        assert await client.said(b"".join(silence(1.0))) == ""


async def test_of_two_readings_the_one_that_can_be_done_is_passed_on(house: Household) -> None:
    class Twice(Listening):
        async def recognize(self, audio: Audio, **more: Any) -> Utterance:
            readings = (Hypothesis("turn on the hall way lied", -0.2),)
            return Utterance((*readings, Hypothesis("turn on the hallway light", -0.3)), "en")

    services = offered(house, recognizer=Twice(""))
    async with serving(services) as served, served.client() as client:
        assert await client.said(bytes(32_000)) == "turn on the hallway light"


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [(48_000, 2, 2), (8_000, 2, 1), (44_100, 4, 1), (16_000, 1, 1), (22_050, 3, 2)],
)
async def test_sound_of_any_format_arrives_as_the_hub_s_own(
    house: Household, rate: int, width: int, channels: int
) -> None:
    """A tone of 440 Hz and of half the volume is still one."""
    recognizer = Listening("hello")
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    if width == 1:
        samples = (tone * 127 + 128).astype("u1").tobytes()
        mono = [samples[i : i + 1] for i in range(rate)]
    else:
        wide = (tone * (2**31 - 1)).astype("<i4").tobytes()
        mono = [wide[4 * i + 4 - width : 4 * i + 4] for i in range(rate)]
    pcm = b"".join(sample * channels for sample in mono)
    async with serving(offered(house, recognizer=recognizer)) as served, served.client() as client:
        # Chunks end in the middle of a sample, too.
        assert await client.said(pcm, rate=rate, width=width, channels=channels) == "hello"
    [heard] = recognizer.audio
    assert heard.rate == 16_000
    assert heard.seconds == pytest.approx(1.0, abs=0.01)
    samples = np.frombuffer(heard.pcm, "<i2")[1000:15_000]
    assert np.abs(samples).max() == pytest.approx(16_384, rel=0.05)
    strongest = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax()
    assert strongest * 16_000 / len(samples) == pytest.approx(440, abs=3)


async def test_sound_without_end_is_kept_for_half_a_minute(house: Household) -> None:
    recognizer = Listening("and so on")
    async with serving(offered(house, recognizer=recognizer)) as served, served.client() as client:
        assert await client.said(bytes(32_000 * 40)) == "and so on"
    assert recognizer.audio[-1].seconds == 30


async def test_a_recognizer_in_trouble_is_told_and_the_next_try_works(house: Household) -> None:
    recognizer = Listening(EngineError("recognizer: out of memory"), "hello")
    async with serving(offered(house, recognizer=recognizer)) as served, served.client() as client:
        await client.send(AudioStart(**SECOND), AudioChunk(**SECOND, audio=bytes(320)), AudioStop())
        assert "out of memory" in Error.from_event(await client.until(Transcript)).text
        assert await client.said(bytes(3200)) == "hello"
        await client.send(Transcribe(language="fr"), AudioStart(**SECOND), AudioStop())
        assert "'fr'" in Error.from_event(await client.until(Transcript)).text


async def test_live_speech_that_cannot_be_recognised_is_told_at_once(house: Household) -> None:
    """Nobody waits for the end of a stream of silence to hear of it."""
    services = offered(house, recognizer=Listening(EngineError("it died")), voices=FakeVoices)
    async with serving(services) as served, served.client() as client:
        await client.send(AudioStart(**SECOND))
        await client.sound(b"".join([*speech(0.6), *silence(1.3)]))
        assert "it died" in Error.from_event(await client.until(Transcript)).text


async def test_without_voice_activity_the_sender_says_where_speech_ends(house: Household) -> None:
    class Broken(FakeVoices):
        async def process(self, pcm: bytes) -> list[float]:
            raise EngineError("ear streams: it died")

    services = offered(house, recognizer=Listening("hello"), voices=Broken)
    async with serving(services) as served, served.client() as client:
        assert await client.said(b"".join(speech(1.0))) == "hello"


async def test_the_hub_describes_itself_while_it_is_busy(house: Household) -> None:
    recognizer = Listening("hello")
    recognizer.let.clear()
    async with (
        serving(offered(house, recognizer=recognizer)) as served,
        served.client() as busy,
        served.client() as other,
    ):
        await busy.send(AudioStart(**SECOND), AudioChunk(**SECOND, audio=bytes(320)), AudioStop())
        await recognizer.begun.acquire()
        for client in (other, busy):
            started = time.perf_counter()
            await client.send(Describe())
            await client.until(Info)
            assert time.perf_counter() - started < 0.5
        recognizer.let.set()
        assert Transcript.from_event(await busy.until(Transcript)).text == "hello"


async def test_clients_are_heard_one_after_the_other_and_the_room_before_them(
    house: Household,
) -> None:
    recognizer, free = Listening("hello"), asyncio.Event()
    services = offered(house, recognizer=recognizer, free=free)
    async with serving(services) as served, served.client() as one, served.client() as two:
        tasks = [asyncio.create_task(client.said(bytes(3200))) for client in (one, two)]
        async with served.client() as third:  # all that was sent before has arrived
            await third.send(Describe())
            await third.until(Info)
        await settle()
        assert recognizer.audio == []  # the room is talked with
        free.set()
        assert await asyncio.gather(*tasks) == ["hello", "hello"]
    assert recognizer.most_at_once == 1


# --- the voice -----------------------------------------------------------------------------------


async def sounds(client: Client, end: type[Eventable]) -> tuple[list[str], int]:
    """Kinds of the events up to the end, and how many samples of 22,050 Hz there were."""
    kinds, samples = [], 0
    while True:
        event = await client.any()
        if not kinds or kinds[-1] != event.type:
            kinds.append(event.type)
        if AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (22_050, 2, 1)
            samples += chunk.samples
        if end.is_type(event.type) or Error.is_type(event.type):
            return kinds, samples


async def test_the_first_sentence_sounds_while_the_second_is_made(house: Household) -> None:
    voice = Talking()
    voice.let.clear()
    voice.free_sentences = 1
    async with serving(offered(house, synthesizer=voice)) as served, served.client() as client:
        await client.send(Synthesize("It is on. The door is shut."))
        await client.until(AudioStart)
        first = AudioChunk.from_event(await client.until(AudioChunk))
        assert first.samples == len("It is on.")
        voice.let.set()
        _, samples = await sounds(client, AudioStop)
    assert samples == len("The door is shut.")
    assert voice.said == ["It is on.", "The door is shut."]


async def test_a_text_is_spoken_while_it_is_written(house: Household) -> None:
    voice = Talking()
    async with serving(offered(house, synthesizer=voice)) as served, served.client() as client:
        await client.send(SynthesizeStart(), SynthesizeChunk("It is o"), SynthesizeChunk("n. The "))
        await client.until(AudioStart)
        first = AudioChunk.from_event(await client.until(AudioChunk))
        assert first.samples == len("It is on.")
        await client.send(SynthesizeChunk("door is"), SynthesizeChunk(" shut"))
        # Home Assistant sends all of it once more, for servers that take no stream.
        await client.send(Synthesize("It is on. The door is shut"), SynthesizeStop())
        kinds, _ = await sounds(client, SynthesizeStopped)
    assert kinds == ["audio-chunk", "audio-stop", "synthesize-stopped"]
    assert voice.said == ["It is on.", "The door is shut."]


async def test_what_cannot_be_spoken_is_told(house: Household) -> None:
    voice = Talking()
    async with serving(offered(house, synthesizer=voice)) as served, served.client() as client:
        await client.send(Synthesize("…"))
        kinds, samples = await sounds(client, AudioStop)
        assert (kinds, samples) == (["audio-start", "audio-stop"], 0)
        voice.error = EngineError("voice: it has a cold")
        await client.send(Synthesize("Hello."))
        assert "a cold" in Error.from_event(await client.until(AudioStop)).text


# --- the wake word -------------------------------------------------------------------------------


class TwoSyllables(FakeWakeWord):
    """Fires at WAKE if speech came right before it."""

    def __init__(self) -> None:
        super().__init__()
        self.before = 0

    async def process(self, pcm: bytes) -> Wake | None:
        before, self.before = self.before, value(pcm)
        return await super().process(pcm) if before > 500 else None


async def test_streams_of_two_satellites_are_not_mixed(house: Household) -> None:
    services = offered(house, wake=TwoSyllables)
    batch = 3  # frames that are looked through at a time
    async with serving(services) as served, served.client() as one, served.client() as two:
        for client in (one, two):
            await client.send(Detect(["hey_jarvis"]), AudioStart(**SECOND))
        for number, (mine, other) in enumerate([(20, 20), (950, 20), (WAKE, 20), (20, 950)]):
            for client, sound in ((one, mine), (two, other)):
                chunk = AudioChunk(**SECOND, audio=frame(sound) * batch, timestamp=100 + number)
                await client.send(chunk)
                await settle()
        found = []
        for client in (one, two):
            await client.send(AudioStop(), Ping())
            found.append([await client.any()])
            while found[-1][-1].type != "pong":
                found[-1].append(await client.any())
    assert [[event.type for event in events] for events in found] == [
        ["detection", "pong"],
        ["not-detected", "pong"],
    ]
    detection = Detection.from_event(found[0][0])
    assert (detection.name, detection.timestamp) == ("hey_jarvis", 102)


async def test_a_wake_word_at_the_very_end_of_a_recording_is_found(house: Household) -> None:
    async with (
        serving(offered(house, wake=FakeWakeWord)) as served,
        served.client() as client,
    ):
        await client.send(Detect(), AudioStart(**SECOND))
        await client.sound(b"".join(speech(0.5)) + frame(WAKE))
        await client.send(AudioStop())
        assert Detection.is_type((await client.until(Detection, NotDetected)).type)


async def test_a_wake_word_that_the_hub_does_not_know(house: Household) -> None:
    async with (
        serving(offered(house, wake=FakeWakeWord)) as served,
        served.client() as client,
    ):
        await client.send(Detect(["alexa"]))
        assert "hey_jarvis" in Error.from_event(await client.until(Detection)).text


# --- those who misbehave -------------------------------------------------------------------------

MALFORMED = {
    "no JSON": b"GET / HTTP/1.1\r\n",
    "a list": b"[1, 2]\n",
    "no type": b'{"data": {}}\n',
    "nested": b"[" * 60_000 + b"\n",
    "a gigabyte of data": b'{"type": "transcribe", "data_length": 1000000000}\n',
    "a gigabyte of sound": b'{"type": "audio-chunk", "payload_length": 1000000000}\n',
    "less than nothing": b'{"type": "audio-chunk", "payload_length": -5}\n',
    "half a length": b'{"type": "audio-chunk", "payload_length": 1.5}\n',
    "data that are none": b'{"type": "transcribe", "data": [1]}\n',
    "data that are no JSON": b'{"type": "transcribe", "data_length": 3}\nabc',
    "a header without end": b"x" * 100_000,
    "not UTF-8": b'{"type": "\xff\xfe"}\n',
    "impossible sound": b'{"type": "audio-chunk", "data": '
    b'{"rate": 0, "width": 2, "channels": 1}}\n',
    "a minute at once": b'{"type": "audio-chunk", "data": '
    b'{"rate": 4000, "width": 1, "channels": 1}, "payload_length": 240000}\n' + bytes(240_000),
    "sound of no format": b'{"type": "audio-chunk"}\n',
    "a transcript without text": b'{"type": "transcript"}\n',
    "a text that is none": b'{"type": "transcript", "data": {"text": 5}}\n',
    "a text that is too long": json.dumps(
        {"type": "transcript", "data": {"text": "a" * 5000}}
    ).encode()
    + b"\n",
    "a context that is none": b'{"type": "transcript", "data": {"text": "hello", "context": 5}}\n',
    "a name that is none": b'{"type": "detect", "data": {"names": "hey"}}\n',
    "a language that is none": b'{"type": "transcribe", "data": {"language": ["en"]}}\n',
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=list(MALFORMED))
async def test_what_is_malformed_ends_that_connection_alone(
    house: Household, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    services = offered(
        house, recognizer=Listening("hello"), synthesizer=Talking(), wake=FakeWakeWord
    )
    async with serving(services) as served, served.client() as other:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        with caplog.at_level(logging.INFO):
            writer.write(sent)
            async with asyncio.timeout(5):
                answer = await reader.read()
        assert b"error" in answer and b"not understood" in answer
        writer.close()
        ours = [record for record in caplog.records if record.name.startswith("hub.bridges")]
        assert len(ours) == 1 and "127.0.0.1" in ours[0].getMessage()
        assert await other.said(bytes(320)) == "hello"


async def test_half_characters_of_a_text_do_no_harm(house: Household) -> None:
    async with serving(offered(house, synthesizer=Talking())) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        writer.write(b'{"type": "transcript", "data": {"text": "turn \\ud800 on"}}\n')
        async with asyncio.timeout(5):
            assert b"handled" in await reader.readline()
        writer.close()


async def test_a_client_that_vanishes_in_mid_sound_leaves_nothing_behind(house: Household) -> None:
    recognizer = Listening("hello")
    services = offered(house, recognizer=recognizer, voices=FakeVoices, wake=FakeWakeWord)
    async with serving(services) as served:
        async with served.client() as client:
            await client.send(AudioStart(**SECOND), AudioChunk(**SECOND, audio=bytes(3200)))
            await client.send(Describe())
            await client.until(Info)
        await served.nobody()
        async with served.client() as client:
            await client.send(Detect(), AudioStart(**SECOND), AudioChunk(**SECOND, audio=bytes(99)))
        await served.nobody()
        assert recognizer.audio == []
        left = [task.get_name() for task in asyncio.all_tasks()]
        assert not [name for name in left if name.startswith(("wyoming", "intake"))]
        async with served.client() as client:
            assert await client.said(bytes(320)) == "hello"


async def test_what_nobody_waits_for_is_given_up(house: Household) -> None:
    voice = Talking()
    voice.let.clear()
    async with serving(offered(house, synthesizer=voice)) as served:
        async with served.client() as client:
            await client.send(Synthesize("A long story."), Describe())
            await client.until(Info)
            await settle()
            assert voice.said
        async with asyncio.timeout(5):
            await voice.cancelled.wait()
        await served.nobody()


async def test_a_turn_that_has_begun_is_finished_for_nobody(house: Household) -> None:
    traces: list[Trace] = []
    done = asyncio.Event()

    class Traces(list[Trace]):
        def append(self, trace: Trace) -> None:
            traces.append(trace)
            done.set()

    house.devices.fault("light.hallway", delay=0.2)
    async with serving(offered(house, traces=Traces())) as served:
        async with served.client() as client:
            await client.send(Transcript("turn on the hallway light"), Describe())
            await client.until(Info)
        async with asyncio.timeout(5):
            await done.wait()
    assert house["light.hallway"] == "on"
    assert traces[0].outcomes[0].confirmed


async def test_there_is_a_limit_to_clients(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 2)
    async with serving(offered(house)) as served:
        async with served.client() as one, served.client() as two:
            for client in (one, two):
                await client.send(Describe())
                await client.until(Info)
            async with served.client() as third:
                assert "2 clients" in Error.from_event(await third.until()).text
                await third.gone()
        await served.nobody()
        async with served.client() as fourth:
            await fourth.send(Describe())
            await fourth.until(Info)


async def test_a_client_that_says_nothing_is_let_go(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FIRST_EVENT", 0.05)
    async with serving(offered(house)) as served, served.client() as client:
        await client.gone()
        await served.nobody()


async def test_a_client_that_does_not_read_is_let_go(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WRITE_TIMEOUT", 0.2)

    class Loud(Talking):
        async def synthesize(self, text: str) -> Audio:
            return Audio(bytes(50_000_000), 22_050)

    async with serving(offered(house, synthesizer=Loud())) as served, served.client() as client:
        await client.send(Synthesize("Aaaah!"))
        await served.nobody()


async def test_the_hub_ends_while_somebody_is_served(house: Household) -> None:
    recognizer = Listening("hello")
    recognizer.let.clear()
    async with serving(offered(house, recognizer=recognizer)) as served:
        client = Client("127.0.0.1", served.server.port)
        await client.connect()
        await client.send(AudioStart(**SECOND), AudioChunk(**SECOND, audio=bytes(320)), AudioStop())
        await recognizer.begun.acquire()
    await client.gone()
    await client.disconnect()


# --- the door ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "listen", ["10700", "tcp://0.0.0.0", "udp://0.0.0.0:1", "tcp://x:y", "tcp://hub:1"]
)
async def test_an_address_that_is_none_is_named(house: Household, listen: str) -> None:
    settings = WyomingSettings(listen=listen, clients=("192.168.1.20",))
    with pytest.raises(ConfigError, match=r"\[wyoming\] listen"):
        WyomingServer(offered(house), settings)


@pytest.mark.parametrize(
    ("listen", "clients", "open_to_all"),
    [
        ("tcp://0.0.0.0:10700", "", True),
        ("tcp://0.0.0.0:10700", "clients = []", True),
        ("tcp://[::]:10700", "", True),
        ("tcp://192.168.1.5:10700", "", True),
        ("tcp://0.0.0.0:10700", 'clients = ["192.168.1.0/24"]', False),
        ("tcp://127.0.0.1:10700", "", False),
        ("tcp://[::1]:10700", "", False),
        ("tcp://localhost:10700", "", False),
    ],
)
async def test_no_network_is_served_without_a_list_of_who_may(
    listen: str, clients: str, open_to_all: bool
) -> None:
    text = f'[wyoming]\nlisten = "{listen}"\n{clients}\n'
    if not open_to_all:
        assert parse(text).wyoming.listen == listen
        return
    with pytest.raises(ConfigError, match=r"\[wyoming\] clients: .* list the addresses"):
        parse(text)


async def test_who_asks_without_end_is_hung_up_on_and_others_are_not(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "PER_SECOND", 0.0)
    monkeypatch.setattr(pace, "BURST", 5.0)
    async with serving(offered(house)) as served:
        async with served.client() as client:  # the first request
            for _ in range(4):
                await client.send(Describe())
                await client.until(Info)
            await client.send(Transcript("turn on the hallway light"))
            assert "too often" in Error.from_event(await client.until(Error)).text
            await client.gone()
        assert house["light.hallway"] == "off"
        async with served.client() as again:  # a new connection helps nobody
            assert "too often" in Error.from_event(await again.until()).text
            await again.gone()
        assert served.server._refused("127.0.0.2") is None  # another client


async def test_sound_that_goes_on_is_no_request(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "PER_SECOND", 0.0)
    monkeypatch.setattr(pace, "BURST", 3.0)  # the connection, and how a recording begins
    async with (
        serving(offered(house, recognizer=Listening("hello"))) as served,
        served.client() as client,
    ):
        assert await client.said(bytes(64_000)) == "hello"


async def test_a_port_that_is_taken_is_named(house: Household) -> None:
    services = offered(house)
    async with serving(services) as served:
        address = f"tcp://127.0.0.1:{served.server.port}"
        second = WyomingServer(services, WyomingSettings(listen=address))
        with pytest.raises(ConfigError, match="cannot be opened"):
            await second.start()
        await second.close()


@pytest.mark.parametrize(
    ("host", "outside"),
    [
        ("127.0.0.1", False),
        ("192.168.1.20", False),
        ("100.64.0.3", False),
        ("8.8.8.8", True),
        ("::ffff:8.8.8.8", True),
        ("2001:db8::1", False),
        ("fe80::1%eth0", False),
    ],
)
async def test_whoever_comes_from_the_internet_is_not_served(
    house: Household, host: str, outside: bool
) -> None:
    settings = WyomingSettings(listen="tcp://127.0.0.1:0", clients=("0.0.0.0/0", "::/0"))
    made = WyomingServer(offered(house), settings)
    assert (made._refused(host) is not None) is outside


async def test_the_network_is_told_and_told_when_it_is_gone() -> None:
    events: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue()

    def on_change(
        zeroconf: Any, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        events.put_nowait((name, state_change))

    looking = AsyncZeroconf(interfaces=["127.0.0.1"])
    browser = AsyncServiceBrowser(looking.zeroconf, SERVICE, handlers=[on_change])
    announcement = Announcement("Hearth on trial", "127.0.0.1", 10_700, interfaces=["127.0.0.1"])
    try:
        async with asyncio.timeout(20):
            announcement.begin()
            await announcement.announced()
            name, change = await events.get()
            assert (name, change) == (f"Hearth on trial.{SERVICE}", ServiceStateChange.Added)
            found = AsyncServiceInfo(SERVICE, name)
            assert await found.async_request(looking.zeroconf, 3000)
            assert found.port == 10_700
            assert found.parsed_addresses() == ["127.0.0.1"]
            await announcement.close()
            while change is not ServiceStateChange.Removed:
                name, change = await events.get()
    finally:
        await announcement.close()
        await browser.async_cancel()
        await looking.async_close()
