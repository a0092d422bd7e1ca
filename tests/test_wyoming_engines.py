"""Wyoming servers in place of Hearth's own engines: its own server is the peer, and bad ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Describe, Info

from hub.app import open_hub
from hub.audio.files import read
from hub.audio.null import Nowhere
from hub.audio.pcm import frames, resampled
from hub.bridges.wyoming import WyomingServer
from hub.bridges.wyoming.info import About, describe
from hub.bridges.wyoming.offer import serve_wyoming
from hub.config import Config, ListenSettings, WakeSettings, WyomingSettings, load
from hub.engines import openwakeword, wyoming_asr, wyoming_link, wyoming_tts, wyoming_wake
from hub.engines.ears_streams import EarStreams
from hub.engines.piper import PiperSynthesizer
from hub.engines.recognizer import WhisperRecognizer
from hub.errors import EngineError, ModelError
from hub.evaluate.spoken import until_last_word
from hub.listening import Listener
from hub.messages import SAMPLE_RATE, Audio, Heard, Hypothesis, Utterance
from hub.ports import FRAME_SECONDS
from hub.wakeword import Cascade
from tests.conftest import Household
from tests.fakes import WAKE, FakeVoices, FakeWakeWord, frame, silence, speech
from tests.models import model_file
from tests.test_wyoming import Listening, Served, Talking, asked, offered, serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The library has its own replacement for what Python 3.13 will not have any more.
    pytest.mark.filterwarnings("ignore:'audioop' is deprecated"),
]

SOUND = Audio(b"\1\0" * 16_000)
CLIPS = Path(__file__).parent / "data" / "wake"

Answer = Callable[[Event, Callable[[Event], Awaitable[None]]], Awaitable[bool]]


class Peer:
    """A Wyoming server that does what it is told to at each event; False hangs up."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    @property
    def uri(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """As if it was killed."""
        if self._server is not None:
            self._server.close()
        for client in tuple(self._clients):
            client.transport.abort()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._clients.add(writer)
        try:
            while event := await async_read_event(reader):
                if not await self.answer(event, lambda event: async_write_event(event, writer)):
                    return
        except OSError:
            pass
        finally:
            self._clients.discard(writer)
            writer.close()


@asynccontextmanager
async def peer(answer: Answer) -> AsyncIterator[Peer]:
    made = Peer(answer)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def uri(served: Served) -> str:
    return f"tcp://127.0.0.1:{served.server.port}"


def answering(*answers: Event, to: str) -> Answer:
    """Events sent when one of this type comes."""

    async def answer(event: Event, send: Callable[[Event], Awaitable[None]]) -> bool:
        if event.type == to:
            for each in answers:
                await send(each)
        return True

    return answer


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        "tcp://nas",
        "tcp://:10300",
        "http://nas:10300",
        "tcp://nas:99999",
        "tcp://nas:1/x",
        "whisper",
    ],
)
async def test_what_is_no_address_is_named(wrong: str) -> None:
    with pytest.raises(ModelError, match="no address of a Wyoming server"):
        wyoming_asr.recognizer(wrong)


async def test_options_that_there_are_not_are_named() -> None:
    with pytest.raises(ModelError, match="no option 'speed'; known are voice, speaker"):
        wyoming_tts.synthesizer("wyoming://nas:10200?speed=2")
    assert wyoming_link.is_address("wyoming://nas:10200")
    assert not wyoming_link.is_address("whisper-base")


# --- the recognizer ------------------------------------------------------------------------------


async def test_another_hearth_hears_and_tells_how_sure_it_is(house: Household) -> None:
    recognizer = Listening("turn on the hallway light")
    async with serving(offered(house, recognizer=recognizer, voices=FakeVoices)) as served:
        ours = wyoming_asr.recognizer(uri(served), languages=("en", "de"))
        await ours.start()
        heard = await ours.recognize(SOUND, language="de")
    assert heard == Utterance((Hypothesis("turn on the hallway light", -0.2),), "de")
    assert recognizer.audio[-1] == SOUND


async def test_the_words_of_any_server_will_do(house: Household) -> None:
    transcript = Transcript("turn on the hallway light").event()
    async with peer(answering(transcript, to="audio-stop")) as other:
        house.assistant._recognizer = wyoming_asr.recognizer(other.uri)
        await house.assistant.hear(Heard(SOUND, 0.8, 1.0))
    assert house["light.hallway"] == "on"


async def test_silence_is_no_speech() -> None:
    async with peer(answering(Transcript(" ").event(), to="audio-stop")) as other:
        assert (await wyoming_asr.recognizer(other.uri).recognize(SOUND)).hypotheses == ()


async def test_a_sound_is_not_sent_again_for_the_sake_of_names() -> None:
    async with peer(answering(Transcript("the sealing light").event(), to="audio-stop")) as other:
        ours = wyoming_asr.recognizer(other.uri)
        heard = await ours.recognize(SOUND, language="en")
        assert await ours.recognize(SOUND, language="en", names=["Ceiling"]) == heard
    assert other.connections == 1


async def test_a_server_that_is_restarted_is_asked_again() -> None:
    async with peer(answering(Transcript("hello").event(), to="audio-stop")) as other:
        ours = wyoming_asr.recognizer(other.uri)
        await ours.recognize(SOUND)
        await other.close()
        with pytest.raises(EngineError, match=rf"{other.uri} cannot be reached: nothing listens"):
            await ours.recognize(SOUND)
        await other.open()
        assert (await ours.recognize(SOUND)).text == "hello"


async def test_sound_that_a_server_loses_in_the_middle_is_sent_once_more() -> None:
    lost = False

    async def answer(event: Event, send: Callable[[Event], Awaitable[None]]) -> bool:
        nonlocal lost
        if event.type == "audio-stop" and lost:
            await send(Transcript("hello").event())
        if event.type == "audio-chunk" and not lost:
            lost = True
            return False
        return True

    async with peer(answer) as other:
        assert (await wyoming_asr.recognizer(other.uri).recognize(SOUND)).text == "hello"
    assert other.connections == 2


async def test_what_a_server_complains_of_is_passed_on() -> None:
    async with peer(answering(Error("no such model").event(), to="transcribe")) as other:
        with pytest.raises(EngineError, match=f"{other.uri} says: no such model"):
            await wyoming_asr.recognizer(f"{other.uri}?model=large").recognize(SOUND)
    assert other.connections == 1


async def test_nobody_waits_for_a_server_that_does_not_answer() -> None:
    async with peer(answering(to="never")) as other:
        address = wyoming_link.parse(other.uri)
        ours = wyoming_asr.WyomingRecognizer(address, timeout=0.3)
        with pytest.raises(EngineError, match=rf"{other.uri} has not answered in 0\.3 s"):
            await ours.recognize(SOUND)


async def test_a_server_without_ears_is_named() -> None:
    async with peer(answering(Info().event(), to="describe")) as other:
        with pytest.raises(EngineError, match=f"{other.uri} offers no speech recognition"):
            await wyoming_asr.recognizer(other.uri).start()


async def test_what_is_no_wyoming_server_is_named() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()

    server = await asyncio.start_server(web, "127.0.0.1", 0)
    async with server:
        address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(EngineError, match=f"{address} is no Wyoming server"):
            await wyoming_asr.recognizer(address).recognize(Audio(bytes(320)))


async def test_a_server_that_is_away_ends_a_turn_in_a_sentence(house: Household) -> None:
    async with peer(answering(to="never")) as other:
        pass
    house.assistant._recognizer = wyoming_asr.recognizer(other.uri)
    trace = await house.assistant.hear(Heard(SOUND, 0.8, 1.0))
    assert trace.reply.text.startswith("Sorry")
    assert other.uri in trace.intent.why


# --- the voice -----------------------------------------------------------------------------------


async def test_another_hearth_speaks(house: Household) -> None:
    async with serving(offered(house, synthesizer=Talking())) as served:
        ours = wyoming_tts.synthesizer(uri(served))
        await ours.start()
        assert await ours.synthesize("The door is shut.") == Audio(b"\1\0" * 17, 22_050)
        assert "joe" in ours.name
        assert ours.name != wyoming_tts.synthesizer(f"{uri(served)}?voice=amy").name


async def test_a_voice_of_another_format_is_made_ours() -> None:
    sound = {"rate": 16_000, "width": 1, "channels": 2}
    chunk = AudioChunk(**sound, audio=b"\xff\xff" * 100).event()
    speaking = answering(AudioStart(**sound).event(), chunk, AudioStop().event(), to="synthesize")

    async def answer(event: Event, send: Callable[[Event], Awaitable[None]]) -> bool:
        if Describe.is_type(event.type):
            await send(describe(("en",), voice=About("amy")).event())
        return await speaking(event, send)

    async with peer(answer) as other:
        audio = await wyoming_tts.synthesizer(other.uri).synthesize("Hello.")
    assert audio.rate == 16_000
    assert list(memoryview(audio.pcm).cast("h")) == [127 << 8] * 100


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"rate": 0, "width": 2, "channels": 1}, "sound of"),
        ({"rate": 16_000, "width": "2", "channels": 1}, "sound of"),
        ({}, "sound of"),
        ({"rate": 4_000, "width": 2, "channels": 1}, "more than 120 s"),
    ],
)
async def test_sound_that_is_none_or_never_ends_is_refused(
    data: dict[str, object], complaint: str
) -> None:
    chunk = Event("audio-chunk", data, bytes(2_000_000))

    async def answer(event: Event, send: Callable[[Event], Awaitable[None]]) -> bool:
        if Describe.is_type(event.type):
            await send(describe(("en",), voice=About("amy")).event())
        else:
            await send(chunk)
        return True

    async with peer(answer) as other:
        with pytest.raises(EngineError, match=complaint):
            await wyoming_tts.synthesizer(other.uri).synthesize("Hello.")


# --- the wake word -------------------------------------------------------------------------------

SPOKEN = [*speech(0.5), frame(WAKE), *silence(0.5)]


async def found(detector: wyoming_wake.WyomingWakeWord, sound: list[bytes]) -> bool:
    """Whether the wake word is found in a sound, or shortly after it."""
    async with asyncio.timeout(10):
        for each in sound:
            if await detector.score(each):
                return True
        for _ in range(30):
            if await detector.score(frame(20)):
                return True
            await asyncio.sleep(0.01)
    return False


@pytest_asyncio.fixture(loop_scope="module")
async def ears(house: Household) -> AsyncIterator[Served]:
    async with serving(offered(house, wake=FakeWakeWord)) as served:
        yield served


async def test_another_hearth_hears_the_wake_word(ears: Served) -> None:
    detector = wyoming_wake.wake_word(uri(ears))
    try:
        assert not await found(detector, speech(1.0))
        assert (detector.model, detector.phrase) == ("hey_jarvis", "Hey Jarvis")
        assert await found(detector, SPOKEN)
        await detector.reset()
        assert not await found(detector, speech(1.0))
    finally:
        await detector.close()
    await ears.nobody()


async def test_it_is_a_part_of_the_cascade_like_any_other(ears: Served) -> None:
    detector = wyoming_wake.wake_word(uri(ears))
    try:
        cascade = Cascade(detector, wyoming_wake.wake_word(uri(ears)))
        wakes = []
        for each in [*SPOKEN, *silence(0.5)]:
            wakes.append(await cascade.process(each))
            await asyncio.sleep(0.005)
        [wake] = filter(None, wakes)
        assert (wake.model, wake.phrase, wake.score) == ("hey_jarvis", "Hey Jarvis", 1.0)
    finally:
        await detector.close()


async def test_a_suspicion_is_checked(ears: Served) -> None:
    verifier = wyoming_wake.wake_word(uri(ears))
    assert await verifier.verify(b"".join(SPOKEN)) == 1.0
    assert await verifier.verify(b"".join(speech(1.0))) == 0.0


async def test_a_wake_word_that_the_server_does_not_know(ears: Served) -> None:
    with pytest.raises(EngineError, match="does not know the wake word 'alexa'; it knows hey_j"):
        await wyoming_wake.wake_word(f"{uri(ears)}?model=alexa").start()


async def test_ears_that_are_restarted_are_found_again(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wyoming_wake, "RETRY", 0.0)
    services = offered(house, wake=FakeWakeWord)
    async with serving(services) as served:
        address = uri(served)
        detector = wyoming_wake.wake_word(address)
        assert await found(detector, SPOKEN)
    try:
        assert not await found(detector, SPOKEN)  # away, and no error yet
        again = WyomingServer(services, WyomingSettings(listen=address, announce=False))
        await again.start()
        assert await found(detector, SPOKEN)
        await again.close()
        monkeypatch.setattr(wyoming_wake, "PATIENCE", -1.0)
        with pytest.raises(EngineError, match=rf"{address} (cannot be reached|has )"):
            await found(detector, SPOKEN)
    finally:
        await detector.close()


# --- a hub as it runs ----------------------------------------------------------------------------


def settings(folder: Path, **more: dict[str, object]) -> Config:
    return Config.model_validate(
        {
            "hub": {"data": folder, "cache": folder / "cache", "runtime": folder / "run"},
            "wyoming": {"listen": "tcp://127.0.0.1:0", "announce": False},
            **more,
        }
    )


async def test_a_hub_without_ears_and_voice_offers_its_brain(tmp_path: Path) -> None:
    config = settings(tmp_path, router={"model": None})
    async with open_hub(config, remember=False) as hub, serve_wyoming(hub) as server:
        served = Served(server)
        async with served.client() as client:
            await client.send(Describe())
            info = Info.from_event(await client.until(Info))
        handled, _, _ = await asked(served, "turn on the hallway light")
        assert (info.asr, info.tts, info.wake) == ([], [], [])
        assert info.handle[0].supports_home_control
        assert handled and hub.home.state("light.hallway").state == "on"


@pytest.mark.models
async def test_a_whole_hub_offers_all_that_it_has(tmp_path: Path, joe: PiperSynthesizer) -> None:
    config = load()
    own = config.hub.model_copy(update={"cache": tmp_path})
    wyoming = settings(tmp_path).wyoming
    config = config.model_copy(update={"hub": own, "wyoming": wyoming})
    try:
        async with (
            open_hub(config, recognise=True, sink=Nowhere(), remember=False) as hub,
            serve_wyoming(hub) as server,
        ):
            served = Served(server)
            async with served.client() as client:
                await client.send(Describe())
                info = Info.from_event(await client.until(Info))
                assert [model.name for each in info.wake for model in each.models] == ["hey_jarvis"]
                assert info.wake[0].models[0].phrase == "Hey Jarvis"
                assert info.asr[0].models[0].name == "whisper-base"
                assert info.tts[0].voices[0].languages == ["en-US"]
            over = uri(served)
            command = await said(joe, "Turn on the hallway light.")
            heard = await wyoming_asr.recognizer(over).recognize(command, language="en")
            handled, answer, _ = await asked(served, heard.text)
            assert handled, heard
            assert (await wyoming_tts.synthesizer(over).synthesize(answer)).seconds > 1
            assert hub.home.state("light.hallway").state == "on"
            clip = sorted((CLIPS / "hey_jarvis").iterdir())[0]
            async with served.client() as client:
                await client.send(Event("detect"), AudioStart(16_000, 2, 1))
                await client.sound(read(clip).pcm + bytes(16_000))
                assert await client.until_type("detection", "error") == "detection"
    except ModelError as error:
        pytest.skip(str(error))


# --- with the real models ------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def joe() -> AsyncIterator[PiperSynthesizer]:
    voice = PiperSynthesizer(model_file("voice", "joe", ".onnx"), variation=0.0)
    yield voice
    await voice.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whisper() -> AsyncIterator[WhisperRecognizer]:
    recognizer = WhisperRecognizer(model_file("recognizer", "whisper-base", "model.bin").parent)
    await recognizer.start()
    yield recognizer
    await recognizer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def streams() -> AsyncIterator[EarStreams]:
    made = EarStreams(model_file("wake", "hey_jarvis", "hey_jarvis.json"))
    yield made
    await made.close()


async def said(joe: PiperSynthesizer, text: str, pause: float = 0.3) -> Audio:
    spoken = resampled(await joe.synthesize(text), SAMPLE_RATE)
    return Audio(bytes(9600) + until_last_word(spoken).pcm + bytes(round(2 * SAMPLE_RATE * pause)))


@pytest.mark.models
async def test_over_the_network_the_same_is_heard(
    house: Household, whisper: WhisperRecognizer, joe: PiperSynthesizer, streams: EarStreams
) -> None:
    services = offered(house, recognizer=whisper, voices=streams.voices)
    async with serving(services) as served:
        ours = wyoming_asr.recognizer(uri(served))
        for text in ("Turn on the hallway light.", "What is the temperature in the bedroom?"):
            audio = await said(joe, text)
            direct = await whisper.recognize(audio, language="en")
            over = await ours.recognize(audio, language="en")
            assert over.text == direct.text
            # The silence around it is cut off, so scores are not quite the same.
            assert over.hypotheses[0].score == pytest.approx(direct.hypotheses[0].score, abs=0.1)


@pytest.mark.models
async def test_a_command_ends_by_itself_while_silence_still_comes(
    house: Household, whisper: WhisperRecognizer, joe: PiperSynthesizer, streams: EarStreams
) -> None:
    """As a satellite sends it: at the pace of sound, without saying where it ends."""
    services = offered(house, recognizer=whisper, voices=streams.voices)
    audio = await said(joe, "Turn on the hallway light.", pause=4.0)
    async with serving(services) as served, served.client() as client:
        await client.send(AudioStart(16_000, 2, 1))

        async def sending() -> None:
            for each in frames(audio.pcm):
                await client.send(AudioChunk(16_000, 2, 1, each))
                await asyncio.sleep(FRAME_SECONDS)

        task = asyncio.create_task(sending())
        transcript = Transcript.from_event(await client.until(Transcript))
        assert not task.done()  # silence was still on its way
        task.cancel()
    assert "hallway light" in transcript.text.lower()


@pytest.mark.models
async def test_wake_words_of_two_streams_at_once(house: Household, streams: EarStreams) -> None:
    verifier = openwakeword.OpenWakeWord(
        openwakeword.files_in(model_file("verifier", "hey_jarvis", ".onnx").parent)
    )
    services = offered(house, wake=lambda: Cascade(streams.detector(), verifier))
    clip = next(iter(sorted((CLIPS / "hey_jarvis").iterdir())), None)
    assert clip is not None
    pcm = read(clip).pcm + bytes(16_000)
    try:
        async with serving(services) as served, served.client() as one, served.client() as two:
            for client in (one, two):
                await client.send(Event("detect"), AudioStart(16_000, 2, 1))
            for start in range(0, len(pcm), 3200):  # one word, and at the same time none
                await one.sound(pcm[start : start + 3200])
                await two.sound(bytes(len(pcm[start : start + 3200])))
            await one.send(AudioStop())
            await two.send(AudioStop())
            assert (await one.until_type("detection", "not-detected")) == "detection"
            assert (await two.until_type("detection", "not-detected")) == "not-detected"
    finally:
        await verifier.close()


@pytest.mark.models
async def test_piper_speaks_over_the_network(house: Household, joe: PiperSynthesizer) -> None:
    async with serving(offered(house, synthesizer=joe)) as served:
        over = await wyoming_tts.synthesizer(uri(served)).synthesize("The door is shut.")
    direct = await joe.synthesize("The door is shut.")
    assert over == direct


@pytest.mark.models
async def test_a_room_hears_through_another_hearth(
    house: Household, whisper: WhisperRecognizer, joe: PiperSynthesizer, streams: EarStreams
) -> None:
    """Wake word and words are found by the other machine; this one acts."""
    services = offered(
        house, recognizer=whisper, wake=lambda: Cascade(streams.detector()), voices=streams.voices
    )
    async with serving(services) as served:
        recognizer = wyoming_asr.recognizer(uri(served))
        wake = wyoming_wake.wake_word(uri(served))
        try:
            listener = Listener(
                Paced(await said(joe, "Hey Jarvis.", pause=1.0)),
                Cascade(wake),
                streams.voices(),
                ListenSettings(),
                WakeSettings(),
            )
            heard = await listener.wait_for_wake()
            await listener.close()
        finally:
            await wake.close()
        assert heard is not None and heard.phrase == "Hey Jarvis"
        house.assistant._recognizer = recognizer
        command = await said(joe, "Turn on the hallway light.")
        await house.assistant.hear(Heard(command, 1.0, 1.2))
    assert house["light.hallway"] == "on"


class Paced:
    """A recording that comes at the pace of sound."""

    realtime = True

    def __init__(self, audio: Audio) -> None:
        self._frames = list(frames(audio.pcm))

    async def frames(self) -> AsyncIterator[bytes]:
        for each in self._frames:
            yield each
            await asyncio.sleep(FRAME_SECONDS)
