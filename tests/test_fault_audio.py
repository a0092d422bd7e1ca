"""Microphones and loudspeakers that are missing, busy, lost or broken."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hub import service
from hub.activity import Activity
from hub.audio import soundcard
from hub.audio.loudspeaker import Loudspeaker
from hub.audio.microphone import Microphone
from hub.bridges.ears import Ears
from hub.bridges.satellites.arbiter import Arbiter, clearness
from hub.config import Config, ListenSettings
from hub.engines import whisper_guards as guards
from hub.errors import AudioError
from hub.listening import Listened
from hub.messages import Audio, Heard, Intent, Reply, Trace, Wake
from hub.pipeline import Understood
from hub.room import Room
from hub.voice import Voice
from hub.wakeword import Cascade
from tests.conftest import Household
from tests.fakes import silence, speech, virtually, wake_word
from tests.kits.sound import FakeCard
from tests.test_room import Loudspeaker as Sink
from tests.test_room import Stage, Words
from tests.test_room import said as heard_as
from tests.test_wake import Scripted, fired

TONE = (8000 * np.sin(np.arange(48_000) / 10)).astype("<i2")


async def until(is_so: Callable[[], bool]) -> None:
    """Threads of the card are on the way: there is no event for it."""
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


# --- the microphone ------------------------------------------------------------------------------


class HubOfOneRoom:
    """All that the microphone's loop knows of a hub."""

    def __init__(self) -> None:
        self.config = Config()
        self.lost: list[str] = []
        """What 'hearth status' shows."""
        here = SimpleNamespace(lost=self.lost.append)
        activity = SimpleNamespace(room=lambda area: here)
        self.assistant = SimpleNamespace(activity=activity, area=None)
        self.frames = 0
        self.rooms = 0

    def room(self, source: Any, earcon: Any) -> HubOfOneRoom:
        self.rooms += 1
        self.source = source
        return self

    async def converse(self) -> int:
        async with aclosing(self.source.frames()) as frames:
            async for _ in frames:
                self.frames += 1
        return 0


async def test_a_microphone_that_is_missing_or_pulled_out_is_looked_for_in_peace_and_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = FakeCard().install(monkeypatch)
    card.there = False
    pauses: list[float] = []
    told: list[str] = []
    slept = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) in (8, 14):
            card.plug_in()
        await slept(0)

    monkeypatch.setattr("hub.service.asyncio.sleep", sleep)
    monkeypatch.setattr("hub.service.terminal.fail", told.append)
    monkeypatch.setattr(service, "microphone", lambda config, canceller: Microphone())
    hub = HubOfOneRoom()
    listening = asyncio.create_task(service._listen(cast(Any, hub), Ears()))
    try:
        async with asyncio.timeout(30):
            while not card.streams:
                await slept(0.002)
            # It was looked for less and less often, and told of once.
            assert len(pauses) == 8
            assert pauses[:4] == [1.0, 2.0, 4.0, 5.0]
            # Never more than five seconds after it has come back.
            assert max(pauses) <= 5.0
            assert len(told) == 1 and "no default input device" in told[0]
            card.give(bytes(1024))
            while not hub.frames:
                await slept(0.002)
            card.unplug()
            while not (card.streams and hub.rooms > 9):
                await slept(0.002)
            before = hub.frames
            card.give(bytes(1024))
            while hub.frames == before:
                await slept(0.002)
        assert len(told) == 1
    finally:
        listening.cancel()
        await asyncio.wait({listening})


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1), (16_000, 1)])
async def test_blocks_that_are_short_late_or_clipped_are_sound_of_the_same_length(
    monkeypatch: pytest.MonkeyPatch, rate: int, channels: int
) -> None:
    rng = random.Random(rate)
    card = FakeCard(rate, channels).install(monkeypatch)
    microphone = Microphone()
    frames: list[bytes] = []

    async def take() -> None:
        async for frame in microphone.frames():
            frames.append(frame)

    taking = asyncio.create_task(take())
    await until(lambda: bool(card.streams))
    given = 0
    for number in range(60):
        length = rng.choice((1, 7, 160, 512, 1536, 4000))
        clipped = rng.choice((-32768, 32767))
        card.give(np.full(length * channels, clipped, "<i2").tobytes(), overflow=number % 10 == 0)
        given += length
        await asyncio.sleep(0)
    wanted = given / rate
    await until(lambda: len(frames) * 0.032 > wanted - 0.2)
    assert len(frames) * 0.032 <= wanted + 0.01
    assert microphone.overflows >= 6
    assert all(len(frame) == 1024 for frame in frames)
    loud = np.frombuffer(b"".join(frames[2:]), "<i2")
    assert np.abs(loud.astype(int)).max() > 30_000  # and nothing has wrapped into noise
    card.unplug()
    with pytest.raises(AudioError):
        await taking


async def test_portaudio_is_not_started_again_while_a_stream_is_being_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be closed once more, where it is not any more."""
    card = FakeCard().install(monkeypatch)
    frames = Microphone().frames()
    taking = asyncio.ensure_future(anext(frames))
    await until(lambda: bool(card.streams))
    [stream] = card.streams
    card.give(bytes(1024))
    await taking
    card.may_close.clear()
    closing = asyncio.ensure_future(frames.aclose())  # type: ignore[attr-defined]
    await until(lambda: not stream.active)
    looking = asyncio.create_task(soundcard.look_again())
    done, _ = await asyncio.wait({looking}, timeout=0.2)
    assert not done and card.restarts == 0
    card.may_close.set()
    await closing
    await looking
    assert card.restarts == 1 and not card.streams


# --- the loudspeaker -----------------------------------------------------------------------------


async def test_a_loudspeaker_that_is_busy_for_a_moment_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.audio.loudspeaker.BUSY_PAUSE", 0.01)
    card = FakeCard().install(monkeypatch)
    card.busy = 6  # two ways to open it are tried each time
    speaker = Loudspeaker()
    await speaker.play(Audio(TONE[:8000].tobytes()))
    assert card.busy == 0
    assert TONE[1000:2000].tobytes() in bytes(card.heard)
    await speaker.close()


async def test_one_that_stays_busy_or_is_missing_is_told_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.audio.loudspeaker.BUSY_SECONDS", 0.1)
    monkeypatch.setattr("hub.audio.loudspeaker.BUSY_PAUSE", 0.01)
    card = FakeCard().install(monkeypatch)
    card.busy = -1
    speaker = Loudspeaker()
    with pytest.raises(AudioError, match=r"cannot be opened: .*unavailable"):
        await speaker.play(Audio(TONE[:800].tobytes()))
    assert card.opened > 3
    card.busy, card.there, card.opened = 0, False, 0
    with pytest.raises(AudioError, match="no default output device"):
        await speaker.play(Audio(TONE[:800].tobytes()))
    assert card.opened == 1  # nobody waits for what is not there
    card.plug_in()
    await speaker.play(Audio(TONE[:800].tobytes()))
    await speaker.close()


class DeadSink(Sink):
    async def play(self, audio: Audio) -> None:
        raise AudioError("the loudspeaker was lost")


@pytest.mark.asyncio(loop_scope="module")
async def test_without_a_loudspeaker_the_turn_is_done_and_its_text_is_shown(
    house: Household,
) -> None:
    frames = [*silence(1), *wake_word(), *silence(0.1), *speech(1), *silence(3)]
    stage = Stage(house, frames, [heard_as("turn on the hallway light")])
    stage.room._voice = Voice(Words(), DeadSink())
    assert await stage.room.converse() == 1
    assert house["light.hallway"] == "on"
    [trace] = stage.traces  # what the terminal, the phone and the history get
    assert trace.reply.text == "Turned on the Hallway Light."


# --- taking turns --------------------------------------------------------------------------------


async def test_the_ear_for_an_answer_never_opens_before_the_question_was_heard() -> None:
    """A thousand questions, with sounds and syntheses that take what they like."""
    rng = random.Random(11)
    events: list[str] = []

    async def while_others_work() -> None:
        for _ in range(rng.randrange(6)):
            await asyncio.sleep(0)

    class SlowWords(Words):
        async def synthesize(self, text: str) -> Audio:
            await while_others_work()
            return await super().synthesize(text)

    class SlowSink(Sink):
        async def play(self, audio: Audio) -> None:
            events.append("sound")
            await while_others_work()
            events.append("silence")

    class Asking:
        """An assistant that answers everything with a question of one to three sentences."""

        area = None

        def __init__(self) -> None:
            self.activity = Activity()

        def finished(self, trace: Trace) -> None:
            pass

        async def hear(self, heard: Heard, *_: Any, **__: Any) -> Trace:
            await while_others_work()
            text = " ".join(["And which of them do you mean?"] * rng.randint(1, 3))
            utterance = heard_as("lamp")
            return Trace(
                turn=1,
                heard="lamp",
                hypotheses=utterance.hypotheses,
                language="en",
                intent=Intent(),
                outcomes=(),
                reply=Reply(text, True, "en"),
                stages_ms={},
            )

    class Listens:
        clock = 0.0
        ended = False
        phrase = ""

        def __init__(self) -> None:
            self.left = 1000

        async def listen(self, wake: Wake | None, **_: Any) -> Listened[Understood] | None:
            events.append("ear opens")
            await while_others_work()
            events.append("ear closes")
            self.left -= 1
            if self.left < 0:
                return None
            understood = Understood(heard_as("lamp"), None, "lamp", False, True, 1.0)
            return Listened(Heard(Audio(bytes(320)), 0.0, 0.1), understood)

        async def close(self) -> None:
            pass

    room = Room(
        cast(Any, Asking()),
        cast(Any, Listens()),
        Voice(SlowWords(), SlowSink()),
        ListenSettings(),
    )
    assert await room.exchange(Wake("hey", "Hey", 1.0, 0.0)) == 1000
    assert events.count("sound") >= 1000
    sounding = open_ = 0
    for event in events:
        sounding += {"sound": 1, "silence": -1}.get(event, 0)
        open_ += {"ear opens": 1, "ear closes": -1}.get(event, 0)
        assert not (sounding and open_), "the hub listened to itself"


def test_of_two_rooms_exactly_one_answers_and_nearly_always_the_nearer() -> None:
    rng = np.random.default_rng(3)
    at = np.arange(16_000)
    word = np.sin(at / 9) * np.sin(at / 2500) ** 2 * 6000

    def heard(gain: float, noise: float) -> bytes:
        room = rng.normal(0, noise, 3 * 16_000)
        room[-16_000:] += word * gain
        return room.clip(-32768, 32767).astype("<i2").tobytes()

    # How clearly it was heard, in sixty homes: close by, and half as loud from the next room.
    homes = [
        [
            clearness(float(rng.uniform(0.9, 1.0)), heard(gain, noise))
            for gain in (1.0, 10 ** (-6 / 20))
        ]
        for noise in rng.uniform(20, 120, 60)
    ]

    async def asks(arbiter: Arbiter, name: str, phrase: str, clear: float) -> bool:
        await asyncio.sleep(float(rng.uniform(0, 0.3)))
        return await arbiter.wins(name, phrase, clear)

    async def thousand() -> None:
        right = both = 0
        for number in range(1000):
            arbiter = Arbiter()
            for name in ("near", "far", "bath"):
                arbiter.join(name)
            close, distant = homes[number % len(homes)]
            near, far, other = await asyncio.gather(
                asks(arbiter, "near", "hey", close),
                asks(arbiter, "far", "hey", distant),
                asks(arbiter, "bath", "alexa", close),
            )
            assert near + far == 1, "one answers, and not two"
            right += near
            both += other
        assert right >= 950
        assert both == 1000  # whoever uses another wake word is somebody else

    virtually(thousand())


# --- what is no speech ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loop",
    [
        "turn on the light. " * 40,
        "lock the door, " * 12,
        "ha " * 60,
        "so we go so we go so we go so we go",
    ],
)
def test_a_recognizer_that_repeats_itself_is_cut_at_once(loop: str) -> None:
    once = guards.unlooped(loop.strip())
    assert len(once.split()) <= 5
    # However it goes on repeating itself, it is stopped: of a second of sound no more than this.
    assert guards.token_limit(1.0) <= 20
    assert guards.token_limit(15.0) <= 132


@pytest.mark.parametrize("said", ["very very loud", "2 2 4 4", "no no", "turn it up and up"])
def test_what_people_do_repeat_is_left(said: str) -> None:
    assert guards.unlooped(said) == said


def test_subtitles_over_silence_are_no_commands_however_sure_the_recognizer_is() -> None:
    sure = guards.Evidence(no_speech=0.0, score=-0.05, loudness=0.2)
    doubtful = guards.Evidence(no_speech=0.7, score=-0.9, loudness=0.2)
    silent = guards.Evidence(no_speech=0.0, score=-0.05, loudness=guards.QUIET / 2)
    assert guards.is_speech("turn on the light", sure)  # the control
    for text in guards.NEVER_SAID:
        assert not guards.is_speech(text.capitalize() + ".", sure)
    for text in guards.SELDOM_SAID:
        assert not guards.is_speech(text, doubtful)
    assert not guards.is_speech("turn on the light", silent)
    assert not guards.is_speech("turn on the light", doubtful)


# --- a wake word that is broken ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("micro", "verifier"),
    [(math.nan, 0.99), (0.99, math.nan), (math.nan, math.nan), (math.nan, None), (-math.inf, 0.9)],
)
async def test_scores_that_are_no_numbers_wake_nobody(micro: float, verifier: float | None) -> None:
    wake = Cascade(Scripted(micro), Scripted(verifier) if verifier is not None else None)
    assert not await fired(wake)
    assert await fired(Cascade(Scripted(math.nan, 0.99), Scripted(0.99)))  # and it goes on


async def test_where_the_wake_word_is_broken_a_button_still_makes_it_listen() -> None:
    ears = Ears()
    wake = ears.wake(Cascade(Scripted(*[math.nan] * 5)))
    assert await wake.process(bytes(1024)) is None
    assert ears.listen()
    pressed = await wake.process(bytes(1024))
    assert pressed is not None
