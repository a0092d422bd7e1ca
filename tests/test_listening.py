"""When somebody speaks to the hub, and when they have finished: on the audio clock alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.config import ListenSettings, WakeSettings
from hub.endpointer import SILENT, Endpointer, Step, Verdict
from hub.errors import AudioError, ConfigError, EngineError
from hub.listening import Judgement, Listened, Listener, Stillness
from hub.messages import Audio, Wake
from hub.ports import FRAME_BYTES, FRAME_SECONDS
from tests.fakes import (
    WAKE,
    FakeSource,
    FakeVoices,
    FakeWakeWord,
    frame,
    silence,
    speech,
    value,
    wake_word,
)

SETTINGS = ListenSettings()


def heard(endpointer: Endpointer, seconds: float, probability: float) -> list[Step]:
    """The steps that were not WAIT."""
    steps = [endpointer.hear(probability) for _ in range(round(seconds / FRAME_SECONDS))]
    return [step for step in steps if step is not Step.WAIT]


def after_speech(verdict: Verdict | None = None) -> Endpointer:
    """An endpointer that has just asked for a verdict."""
    endpointer = Endpointer(SETTINGS, 5.0)
    heard(endpointer, 1.0, 0.9)
    while endpointer.hear(0.02) is not Step.JUDGE:
        pass
    if verdict:
        assert endpointer.judged(verdict) is Step.WAIT
    return endpointer


def silence_until_end(endpointer: Endpointer) -> float:
    while endpointer.hear(0.02) is Step.WAIT:
        pass
    return endpointer.now - endpointer.ended


# --- Endpointer ----------------------------------------------------------------------------------


def test_recognition_starts_in_the_first_short_silence() -> None:
    endpointer = after_speech()
    assert 0.2 - FRAME_SECONDS / 2 <= endpointer.now - endpointer.ended <= 0.2 + FRAME_SECONDS / 2


def test_what_is_complete_ends_with_the_verdict() -> None:
    assert after_speech().judged(Verdict.COMPLETE) is Step.END


def test_what_may_go_on_is_waited_for_longer_and_half_a_sentence_longest() -> None:
    unknown = silence_until_end(after_speech(Verdict.UNKNOWN))
    unfinished = silence_until_end(after_speech(Verdict.UNFINISHED))
    assert unknown == pytest.approx(0.7, abs=FRAME_SECONDS)
    assert unfinished == pytest.approx(1.6, abs=FRAME_SECONDS)


def test_a_verdict_that_never_comes_does_not_keep_the_microphone_open() -> None:
    assert silence_until_end(after_speech()) == pytest.approx(1.6, abs=FRAME_SECONDS)


def test_speech_that_goes_on_makes_the_verdict_stale() -> None:
    endpointer = after_speech(Verdict.UNFINISHED)
    assert heard(endpointer, 0.5, 0.9) == [Step.RESUME]
    assert endpointer.judged(Verdict.COMPLETE) is Step.WAIT  # of the pause before
    assert heard(endpointer, 0.3, 0.02) == [Step.JUDGE]


def test_a_click_neither_begins_nor_prolongs_an_utterance() -> None:
    endpointer = Endpointer(SETTINGS, 5.0)
    heard(endpointer, 2 * FRAME_SECONDS, 0.99)
    assert endpointer.began is None
    endpointer = after_speech(Verdict.UNKNOWN)
    heard(endpointer, 2 * FRAME_SECONDS, 0.99)
    assert silence_until_end(endpointer) == pytest.approx(0.7, abs=FRAME_SECONDS)


def test_no_utterance_ends_in_the_middle_of_what_may_be_a_word() -> None:
    endpointer = after_speech(Verdict.UNKNOWN)
    while endpointer.now - endpointer.ended < 0.7 - 2 * FRAME_SECONDS:
        endpointer.hear(0.02)
    assert heard(endpointer, 0.3, 0.9) == [Step.RESUME]


def test_when_nobody_speaks_it_gives_up() -> None:
    endpointer = Endpointer(SETTINGS, 5.0)
    while endpointer.hear(0.1) is Step.WAIT:
        pass
    assert endpointer.now == pytest.approx(5.0, abs=FRAME_SECONDS)


def test_sound_without_words_does_not_count_as_speech() -> None:
    endpointer = after_speech()
    assert endpointer.judged(Verdict.NOTHING) is Step.WAIT
    while (step := endpointer.hear(0.02)) is Step.WAIT:
        pass
    assert step is Step.GIVE_UP
    assert endpointer.now == pytest.approx(5.0, abs=FRAME_SECONDS)


def test_endless_speech_is_cut() -> None:
    endpointer = Endpointer(SETTINGS, 5.0)
    while endpointer.hear(0.9) is Step.WAIT:
        pass
    assert endpointer.now == pytest.approx(15.0, abs=2 * FRAME_SECONDS)


def test_soft_endings_of_words_are_speech() -> None:
    endpointer = Endpointer(SETTINGS, 5.0)
    heard(endpointer, 0.5, 0.9)
    assert heard(endpointer, 0.5, SETTINGS.speech_threshold - 0.1) == []


@given(
    st.lists(st.floats(0, 1), max_size=1200),
    st.lists(st.sampled_from(Verdict), min_size=1, max_size=4),
    st.integers(0, 20),
)
def test_whatever_is_heard_listening_ends_and_the_steps_make_sense(
    probabilities: Sequence[float], verdicts: Sequence[Verdict], delay: int
) -> None:
    """Any sound, any verdicts, given after any delay: it is over in bounded time, a verdict is
    asked for only in silence, and RESUME comes only after JUDGE."""
    endpointer = Endpointer(SETTINGS, 5.0)
    asked_at: int | None = None
    bound = round((5.0 + 15.0 + 1.6 + 1.0) / FRAME_SECONDS)
    verdict = iter(verdicts * 1000)
    for count, probability in enumerate([*probabilities, *[0.0] * bound]):
        step = endpointer.hear(probability)
        if step is Step.JUDGE:
            assert asked_at is None
            assert probability < SETTINGS.speech_threshold
            assert endpointer.began is not None
            asked_at = count
        elif step is Step.RESUME:
            assert asked_at is not None
            asked_at = None
        if asked_at is not None and count - asked_at == delay:
            given = next(verdict)
            if given in SILENT:
                asked_at = None
            step = endpointer.judged(given)
        if step in (Step.END, Step.GIVE_UP):
            break
    else:
        pytest.fail("it never ended")
    assert (step is Step.GIVE_UP) == (endpointer.began is None)
    assert 0.0 <= endpointer.ended <= endpointer.now


# --- Listener ------------------------------------------------------------------------------------


class Judges:
    """A judge that says what it is told, and remembers what it was asked about."""

    def __init__(
        self, *verdicts: Verdict | Exception, held: bool = False, behind: bool = False
    ) -> None:
        self.asked: list[Audio] = []
        self.cancelled = 0
        self.release = asyncio.Event()
        if not held:
            self.release.set()
        self._verdicts = list(verdicts) or [Verdict.COMPLETE]
        self._behind = behind

    async def __call__(self, audio: Audio) -> Judgement[str]:
        self.asked.append(audio)
        verdict = self._verdicts.pop(0) if len(self._verdicts) > 1 else self._verdicts[0]
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(verdict, Exception):
            raise verdict
        return Judgement(verdict, f"judged {len(self.asked)}", self._behind)


def listener_on(
    scene: Iterable[bytes], *, realtime: bool = False
) -> tuple[Listener, FakeSource, FakeWakeWord]:
    source, wake = FakeSource(scene, realtime=realtime), FakeWakeWord()
    return Listener(source, wake, FakeVoices(), SETTINGS, WakeSettings()), source, wake


async def command(listener: Listener, judge: Judges) -> Listened[str] | None:
    wake = await listener.wait_for_wake()
    assert wake is not None
    return await listener.listen(wake, start_timeout=5.0, judge=judge)


def told(audio: Audio) -> list[int]:
    return [value(audio.pcm[i:]) for i in range(0, len(audio.pcm), FRAME_BYTES)]


async def test_a_command_in_one_breath_with_the_wake_word_is_whole() -> None:
    said = speech(1.2, probability=0.9)
    listener, *_ = listener_on(silence(3) + wake_word() + said + silence(3))
    got = await command(listener, judge := Judges())
    assert got is not None and got.heard.wake is not None
    values = told(got.heard.audio)
    assert WAKE in values and values.count(900) == len(said)
    assert values[0] == 20  # begins before the wake word
    assert got.judged == "judged 1" and judge.asked == [got.heard.audio]


async def test_times_are_on_the_audio_clock() -> None:
    listener, *_ = listener_on(silence(3) + wake_word() + speech(1.28) + silence(3))
    got = await command(listener, Judges(Verdict.UNKNOWN))
    assert got is not None and got.heard.wake is not None
    batch = 3 * FRAME_SECONDS
    assert got.heard.wake.at == pytest.approx(3.8, abs=batch)
    assert got.heard.speech_ended == pytest.approx(5.08, abs=2 * FRAME_SECONDS)
    assert got.heard.ended - got.heard.speech_ended == pytest.approx(0.7, abs=FRAME_SECONDS)


async def test_after_a_pause_the_command_is_handed_over_without_the_wake_word() -> None:
    said = speech(1, probability=0.9)
    listener, *_ = listener_on(wake_word() + silence(2) + said + silence(3))
    got = await command(listener, Judges())
    assert got is not None
    values = told(got.heard.audio)
    assert WAKE not in values and values.count(900) == len(said)
    assert 0.3 < values.index(900) * FRAME_SECONDS < 0.6  # soft first sounds are kept


async def test_a_pause_in_the_middle_is_bridged_and_judged_again() -> None:
    first, second = speech(1, probability=0.9), speech(1, probability=0.8)
    listener, *_ = listener_on(wake_word() + first + silence(1) + second + silence(3))
    got = await command(listener, judge := Judges(Verdict.UNFINISHED, Verdict.COMPLETE))
    assert got is not None and got.judged == "judged 2"
    assert len(judge.asked) == 2 and told(judge.asked[0]).count(800) == 0
    assert told(got.heard.audio).count(800) == len(second)


async def test_the_wake_word_alone_is_not_a_command() -> None:
    """Its last sounds may come after it was detected; the words come when they come."""
    tail = speech(0.2)
    listener, *_ = listener_on(wake_word() + tail + silence(2) + speech(1) + silence(3))
    got = await command(listener, Judges(Verdict.NOTHING, Verdict.COMPLETE))
    assert got is not None and got.judged == "judged 2"
    listener, *_ = listener_on(wake_word() + tail + silence(9))
    assert await command(listener, Judges(Verdict.NOTHING)) is None


@pytest.mark.parametrize("taken_for", [Verdict.UNKNOWN, Verdict.COMPLETE, EngineError("died")])
async def test_whatever_its_end_is_taken_for(taken_for: Verdict | Exception) -> None:
    listener, *_ = listener_on(
        wake_word() + speech(0.2) + silence(2) + speech(1, probability=0.9) + silence(3)
    )
    got = await command(listener, Judges(taken_for, Verdict.COMPLETE))
    assert got is not None and got.judged == "judged 2"
    assert told(got.heard.audio).count(900) == len(speech(1))


async def test_a_short_command_in_one_breath_with_it_is_one() -> None:
    listener, *_ = listener_on(wake_word() + speech(0.2) + silence(3))
    got = await command(listener, Judges(Verdict.COMPLETE, behind=True))
    assert got is not None and got.heard.ended < 2


async def test_who_pressed_a_button_may_say_something_short() -> None:
    scene = [*silence(1), *speech(0.2), *silence(3)]
    listener, *_ = listener_on(scene)
    listener.clock = 0.0
    pressed = Wake("button", "", 1.0, 0.0, spoken=False)
    got = await listener.listen(pressed, start_timeout=5.0, judge=Judges(Verdict.COMPLETE))
    assert got is not None and got.judged == "judged 1"


async def test_a_satellite_that_heard_its_wake_word_itself_sends_the_end_of_it() -> None:
    """Nobody is asked what that may mean: the beginning is not there."""
    listener, *_ = listener_on(speech(0.2) + silence(2) + speech(1) + silence(3))
    wake = Wake("hey_jarvis", "Hey Jarvis", 1.0, 0.0)
    judge = Judges(Verdict.COMPLETE)
    got = await listener.listen(wake, start_timeout=5.0, judge=judge)
    assert got is not None and len(judge.asked) == 1
    assert got.heard.speech_ended == pytest.approx(3.2, abs=0.15)


async def test_that_it_was_the_wake_word_alone_may_be_known_late() -> None:
    """A busy machine recognises it after the silence that ends an utterance; what was said
    meanwhile is not lost."""
    said = speech(1, probability=0.9)
    before = [*wake_word(), *speech(0.6), *silence(2.0)]
    listener, source, _ = listener_on([*before, *said, *silence(3)], realtime=True)
    judge = Judges(Verdict.CALLED, Verdict.COMPLETE, held=True)
    task = asyncio.create_task(command(listener, judge))
    source.go(len(before) * FRAME_SECONDS)
    await settle()
    assert len(judge.asked) == 1
    source.go(10)
    await settle()
    judge.release.set()
    async with asyncio.timeout(10):
        got = await task
    assert got is not None and got.judged == "judged 2"
    assert told(got.heard.audio).count(900) == len(said)
    await listener.close()


async def test_who_says_the_wake_word_once_more_is_given_time_anew() -> None:
    again = [*wake_word(), *silence(4), *speech(0.8), *silence(4)]
    listener, *_ = listener_on([*again, *speech(1), *silence(3)])
    got = await command(listener, Judges(Verdict.CALLED, Verdict.COMPLETE))
    assert got is not None and got.judged == "judged 2"
    listener, *_ = listener_on([*again, *silence(9)])
    assert await command(listener, Judges(Verdict.CALLED)) is None
    assert listener.clock == pytest.approx(0.8 + 4 + 0.8 + 5, abs=0.2)


async def test_when_nobody_speaks_listening_gives_up_and_the_wake_word_works_again() -> None:
    listener, _, wake = listener_on(wake_word() + silence(6) + wake_word() + silence(1))
    assert await command(listener, Judges()) is None
    assert listener.clock == pytest.approx(5.8, abs=0.2)
    again = await listener.wait_for_wake()
    assert again is not None and again.at == pytest.approx(7.6, abs=0.2)
    assert wake.resets == 2  # of what another stream had, and then of what it has not heard


async def test_an_answer_needs_no_wake_word_and_holds_nothing_from_before() -> None:
    said = speech(0.5, probability=0.9)
    listener, *_ = listener_on(wake_word() + silence(0.6) + said + silence(3))
    await listener.wait_for_wake()
    got = await listener.listen(None, start_timeout=6.0, judge=Judges())
    assert got is not None and got.heard.wake is None
    values = told(got.heard.audio)
    assert WAKE not in values and 950 not in values and values.count(900) == len(said)


async def test_what_was_heard_before_an_answer_does_not_wake_afterwards() -> None:
    scene = [*silence(33 * FRAME_SECONDS), *wake_word()]
    listener, source, _ = listener_on(scene + silence(9), realtime=True)
    task = asyncio.create_task(listener.wait_for_wake())
    source.go(len(scene) * FRAME_SECONDS)
    await settle()  # the frame that wakes is taken, but not looked at yet: it is one of three
    assert listener.clock == pytest.approx(len(scene) * FRAME_SECONDS)
    task.cancel()
    await asyncio.wait({task})
    source.go(100)
    assert await listener.listen(None, start_timeout=5, judge=Judges(Verdict.NOTHING)) is None
    assert await listener.wait_for_wake() is None


async def test_a_recording_waits_for_the_judge() -> None:
    """However fast it is read, what is decided is what would have been decided live."""
    scene = wake_word() + speech(1) + silence(0.4) + speech(1) + silence(3)
    listener, *_ = listener_on(scene)
    judge = Judges(Verdict.COMPLETE, held=True)
    task = asyncio.create_task(command(listener, judge))
    await settle()
    assert len(judge.asked) == 1 and not task.done()
    judge.release.set()
    got = await task
    assert got is not None and got.judged == "judged 1" and len(judge.asked) == 1
    assert got.heard.ended == pytest.approx(0.8 + 1 + 0.14, abs=2 * FRAME_SECONDS)


async def test_the_voice_activity_detector_knows_the_room_before_it_counts() -> None:
    source, voices = FakeSource(wake_word() + silence(6)), FakeVoices()
    listener = Listener(source, FakeWakeWord(), voices, SETTINGS, WakeSettings())
    wake = await listener.wait_for_wake()
    await listener.listen(wake, start_timeout=1.0, judge=Judges())
    assert voices.heard * FRAME_SECONDS == pytest.approx(1.0 + 0.5, abs=2 * FRAME_SECONDS)


class SlowVoices(FakeVoices):
    """One that can be made to take its time. Notes how many frames it is given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[int] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def process(self, pcm: bytes) -> list[float]:
        self.given.append(len(pcm) // FRAME_BYTES)
        await self.go_on.wait()
        return await super().process(pcm)


async def test_who_is_behind_takes_several_frames_at_once_and_hears_the_same() -> None:
    sound = [*wake_word(), *speech(1.0), *silence(2.0), *speech(0.6), *silence(2.0)]
    heard = []
    for realtime in (False, True):
        source, voices = FakeSource(sound, realtime=realtime), SlowVoices()
        source.go(60)
        listener = Listener(source, FakeWakeWord(), voices, SETTINGS, WakeSettings())
        wake = await listener.wait_for_wake()
        first = await listener.listen(wake, start_timeout=5, judge=Judges())
        second = await listener.listen(None, start_timeout=5, judge=Judges())
        assert first is not None and second is not None
        assert (max(voices.given[1:]) > 1) is realtime
        heard.append((first.heard.ended, second.heard.ended))
        await listener.close()
    assert heard[1] == pytest.approx(heard[0], abs=1.0)  # of sound that is there already


async def test_who_stops_listening_loses_no_sound() -> None:
    sound = [*silence(0.2), *speech(1.0), *silence(2.0)]
    source, voices = FakeSource(sound, realtime=True), SlowVoices()
    source.go(60)
    listener = Listener(source, FakeWakeWord(), voices, SETTINGS, WakeSettings())
    voices.go_on.clear()
    listening = asyncio.create_task(listener.listen(None, start_timeout=5, judge=Judges()))
    await settle()
    assert voices.given
    listening.cancel()
    await asyncio.wait({listening})
    voices.go_on.set()
    got = await listener.listen(None, start_timeout=5, judge=Judges())
    assert got is not None and got.heard.audio.seconds > 1.0
    assert listener.clock > 1.2
    await listener.close()


async def test_sound_that_nobody_takes_is_left_to_the_source() -> None:
    """It is the microphone that drops and counts what is not taken in time."""
    taken = 0

    class Counting(FakeSource):
        async def frames(self):  # type: ignore[no-untyped-def]
            nonlocal taken
            for taken, item in enumerate(self._frames, 1):  # noqa: B007
                yield item

    source = Counting(silence(100), realtime=True)
    listener = Listener(source, FakeWakeWord(), FakeVoices(), SETTINGS, WakeSettings())
    task = asyncio.create_task(listener.wait_for_wake())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    await settle()
    assert taken * FRAME_SECONDS < 1.0
    await listener.close()


async def test_the_end_of_the_sound_ends_everything() -> None:
    listener, *_ = listener_on(wake_word() + speech(1))
    got = await command(listener, Judges())
    assert got is not None and got.judged == "judged 1" and listener.ended
    assert await listener.wait_for_wake() is None
    assert await listener.listen(None, start_timeout=5, judge=Judges()) is None


async def test_a_wake_word_in_the_last_frames_counts() -> None:
    listener, *_ = listener_on([*silence(1), *[frame(20)] * 3, frame(WAKE)][-4:])
    assert await listener.wait_for_wake() is not None


async def test_a_judge_that_fails_leaves_the_words_to_the_caller() -> None:
    listener, *_ = listener_on(wake_word() + speech(1) + silence(3))
    got = await command(listener, Judges(EngineError("whisper died")))
    assert got is not None and got.judged is None
    assert got.heard.ended - got.heard.speech_ended == pytest.approx(0.7, abs=FRAME_SECONDS)


async def test_speech_that_is_cut_was_not_judged() -> None:
    listener, *_ = listener_on(wake_word() + speech(20))
    got = await command(listener, judge := Judges())
    assert got is not None and got.judged is None and judge.asked == []
    assert 15 < got.heard.audio.seconds < 15 + 1.6 + 0.2


async def test_without_a_wake_word_waiting_for_it_is_a_wrong_setting() -> None:
    listener = Listener(FakeSource([]), None, FakeVoices(), SETTINGS, WakeSettings())
    with pytest.raises(ConfigError):
        await listener.wait_for_wake()


# --- a live source -------------------------------------------------------------------------------


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(400):
        await asyncio.sleep(0)


async def test_live_sound_is_taken_while_the_judge_works() -> None:
    scene = wake_word() + speech(1) + silence(0.3) + speech(1) + silence(3)
    listener, source, _ = listener_on(scene, realtime=True)
    judge = Judges(Verdict.COMPLETE, held=True)
    task = asyncio.create_task(command(listener, judge))
    source.go(0.8 + 1 + 0.3)
    await settle()
    assert len(judge.asked) == 1 and not task.done()
    source.go(1.0)  # speech goes on while the first part is being recognised
    await settle()
    assert judge.cancelled == 1
    source.go(0.3)
    await settle()
    assert len(judge.asked) == 2
    judge.release.set()
    got = await task
    assert got is not None and got.judged == "judged 2"


async def test_a_verdict_ends_listening_without_waiting_for_another_frame() -> None:
    scene = wake_word() + speech(1) + silence(3)
    listener, source, _ = listener_on(scene, realtime=True)
    judge = Judges(Verdict.COMPLETE, held=True)
    task = asyncio.create_task(command(listener, judge))
    source.go(0.8 + 1 + 0.3)
    await settle()
    judge.release.set()
    got = await asyncio.wait_for(task, 1)
    assert got is not None and got.judged == "judged 1"


async def test_no_sound_is_lost_when_waiting_is_cancelled() -> None:
    """Barge-in: the pipeline waits for a wake word while it speaks, and stops that at any time."""
    scene = silence(0.5) + wake_word() + silence(1)
    listener, source, _ = listener_on(scene, realtime=True)
    for _ in range(10):
        task = asyncio.create_task(listener.wait_for_wake())
        await settle()
        task.cancel()
        await asyncio.wait({task})
        source.go(0.096)
    source.go(3)
    wake = await listener.wait_for_wake()
    assert wake is not None and wake.at == pytest.approx(1.3, abs=0.15)
    assert source.opened == 1


async def test_a_lost_device_is_told_and_opened_again() -> None:
    class Flaky(FakeSource):
        async def frames(self):  # type: ignore[no-untyped-def]
            self.opened += 1
            for item in silence(0.5) if self.opened == 1 else wake_word():
                yield item
            if self.opened == 1:
                raise AudioError("the microphone is gone")

    source = Flaky([])
    listener = Listener(source, FakeWakeWord(), FakeVoices(), SETTINGS, WakeSettings())
    with pytest.raises(AudioError):
        await listener.wait_for_wake()
    assert await listener.wait_for_wake() is not None
    await listener.close()


# --- fewer awakenings ----------------------------------------------------------------------------


def noise(seconds: float, level: int, seed: int = 1) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [
        rng.normal(0, level, FRAME_BYTES // 2).round().astype(np.int16).tobytes()
        for _ in range(round(seconds / FRAME_SECONDS))
    ]


def still_after(stillness: Stillness, frames: list[bytes]) -> bool:
    return [stillness.hear(item) for item in frames][-1]


@pytest.mark.parametrize("level", [0, 3, 30, 300])
def test_a_room_is_still_whatever_its_hum(level: int) -> None:
    stillness = Stillness()
    assert not still_after(stillness, noise(0.5, level))
    assert still_after(stillness, noise(3, level))


def test_anything_louder_than_the_room_ends_its_stillness_at_once() -> None:
    stillness = Stillness()
    assert still_after(stillness, noise(3, 20))
    assert not stillness.hear(noise(0.032, 200)[0])
    assert not still_after(stillness, noise(1.2, 20))


def test_a_fan_that_was_switched_on_belongs_to_the_room_after_a_while() -> None:
    stillness = Stillness()
    still_after(stillness, noise(3, 20))
    assert not still_after(stillness, noise(2, 200))
    assert still_after(stillness, noise(30, 200))


async def test_frames_gather_while_the_room_is_still_and_only_then() -> None:
    class Gathering(FakeSource):
        gather = 1

    source = Gathering([*noise(4, 20), *noise(0.5, 2000)], realtime=True)
    listener = Listener(source, FakeWakeWord(), FakeVoices(), SETTINGS, WakeSettings())
    task = asyncio.create_task(listener.wait_for_wake())
    source.go(0.5)
    await settle()
    assert source.gather == 3
    source.go(3.5)
    await settle()
    assert source.gather == 10
    source.go(0.32)
    await settle()
    assert source.gather == 3
    task.cancel()
    listening = asyncio.create_task(listener.listen(None, start_timeout=5, judge=Judges()))
    await settle()
    assert source.gather == 1
    listening.cancel()
    await listener.close()
