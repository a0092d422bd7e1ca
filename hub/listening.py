"""When somebody speaks to the hub, and when they have finished: arithmetic on the audio clock.

    wait_for_wake -> Wake -> listen -> Heard

`Endpointer` decides from probabilities of speech alone and never sees a sound or a clock;
`Listener` feeds it from a microphone or a file. Recognition starts in the first short pause, on
the chance that it is the end: if what was said is then complete, nothing more is waited for; if
speech goes on, that recognition is thrown away.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from hub.config import ListenSettings, WakeSettings
from hub.errors import AudioError, ConfigError, HearthError
from hub.messages import BYTES_PER_SECOND, Audio, Heard, Wake
from hub.ports import FRAME_BYTES, FRAME_SECONDS, AudioSource, VoiceActivity, WakeWord

log = logging.getLogger(__name__)

T = TypeVar("T")

HYSTERESIS = 0.15
"""Speech that has begun lasts until its probability is this far below the threshold (what Silero's
own iterator does), so that soft endings of words are not taken for pauses."""
ONSET_FRAMES = 3
"""Frames in a row that make speech; less is a click, a door, a plate."""
LEAD_FRAMES = 16
"""Frames kept up to the onset of speech when no wake word comes shortly before it: half a second,
since the first sound of a word is often too soft to be found."""
VAD_LEAD_FRAMES = 16
"""Frames that the voice activity detector hears before those that count, to know the room."""
WAKE_GAP = 1.0
"""Seconds after the wake word from which a command is handed over without it."""
WAKE_FRAMES = 3
"""Frames the wake word is looked for in at a time: a message to its process costs more than the
search itself."""


class Verdict(Enum):
    """What somebody who understands the words thinks of what was said so far."""

    COMPLETE = auto()
    """A whole command."""
    UNFINISHED = auto()
    """It stopped in the middle of a sentence."""
    UNKNOWN = auto()
    """Words that may or may not go on."""
    NOTHING = auto()
    """No words, or none but the wake word."""


class Step(Enum):
    """What the listener has to do after a frame."""

    WAIT = auto()
    JUDGE = auto()
    """A pause: find out whether what was said is complete."""
    RESUME = auto()
    """Speech goes on: what was found out in the pause is out of date."""
    END = auto()
    """The speaker has finished, or has spoken for too long."""
    GIVE_UP = auto()
    """Nobody spoke."""


class Endpointer:
    """Finds beginning and end of one utterance, a frame at a time.

    All times are seconds since the first frame. After `JUDGE` the caller says what it found by
    calling `judged`; until then the longest silence of all is allowed."""

    def __init__(self, settings: ListenSettings, start_timeout: float) -> None:
        self.now = 0.0
        self.began: float | None = None
        """When speech began; None before that."""
        self.ended = 0.0
        """End of the last frame that was speech."""
        self._settings = settings
        self._start_timeout = start_timeout
        self._run = 0
        """Frames of speech in a row up to now."""
        self._asked = False
        self._verdict: Verdict | None = None

    def hear(self, probability: float) -> Step:
        """Take the probability of speech, 0-1, of the next frame."""
        self.now += FRAME_SECONDS
        threshold = self._settings.speech_threshold - (HYSTERESIS if self._run else 0.0)
        self._run = self._run + 1 if probability >= threshold else 0
        if self._run >= ONSET_FRAMES:
            return self._speech()
        if self.began is None:
            waited = self._run == 0 and self._reached(self.now, self._start_timeout)
            return Step.GIVE_UP if waited else Step.WAIT
        if self._too_long():
            return Step.END
        if self._run:  # perhaps the beginning of a word: nothing is decided in the middle of it
            return Step.WAIT
        return self._silence()

    def judged(self, verdict: Verdict) -> Step:
        """Take the answer to the last `JUDGE`; it may end the utterance at once."""
        if not self._asked:
            return Step.WAIT
        self._verdict = verdict
        if verdict is Verdict.NOTHING:
            self.began, self._asked, self._verdict = None, False, None
        return Step.WAIT if self.began is None or self._run else self._silence()

    def _speech(self) -> Step:
        if self.began is None:
            self.began = self.now - self._run * FRAME_SECONDS
        self.ended = self.now
        if self._asked:
            self._asked, self._verdict = False, None
            return Step.RESUME
        return Step.END if self._too_long() else Step.WAIT

    def _silence(self) -> Step:
        silence = self.now - self.ended
        if self._asked:
            return Step.END if self._reached(silence, self._allowed()) else Step.WAIT
        self._asked = self._reached(silence, self._settings.first_silence)
        return Step.JUDGE if self._asked else Step.WAIT

    def _allowed(self) -> float:
        """Seconds of silence that end the utterance."""
        if self._verdict is Verdict.COMPLETE:
            return self._settings.complete_silence
        if self._verdict is Verdict.UNKNOWN:
            return self._settings.silence
        return self._settings.incomplete_silence

    def _too_long(self) -> bool:
        return self.began is not None and self.now - self.began >= self._settings.longest

    @staticmethod
    def _reached(seconds: float, limit: float) -> bool:
        """To the nearest frame: 0.2 s are 6 frames and not 7."""
        return seconds + FRAME_SECONDS / 2 >= limit


@dataclass(frozen=True, slots=True)
class Judgement(Generic[T]):
    """What was made of the sound so far: a verdict for the endpointer, a value for the caller."""

    verdict: Verdict
    value: T


Judge = Callable[[Audio], Awaitable[Judgement[T]]]
"""Recognises what was said so far and sees whether it is a whole command. No effects: it may be
called several times for one utterance, and it is cancelled when speech goes on."""


@dataclass(frozen=True, slots=True)
class Listened(Generic[T]):
    """What was heard, with what the judge made of it."""

    heard: Heard
    judged: T | None
    """The judge's value for exactly this audio; None if speech was cut before it could be judged,
    or the judge failed."""


class Listener:
    """Hears wake words and what is said after them, from one source.

    Only one of its methods may run at a time. Each may be cancelled without losing any sound,
    so a caller can wait for a wake word while it speaks, and stop that at any moment."""

    def __init__(
        self,
        source: AudioSource,
        wake: WakeWord | None,
        vad: VoiceActivity,
        settings: ListenSettings,
        wake_settings: WakeSettings,
    ) -> None:
        self.ended = False
        """The source has no more sound."""
        self.clock = 0.0
        """Seconds of sound taken from the source so far."""
        self._source = source
        self._wake = wake
        self._vad = vad
        self._settings = settings
        self._frames: AsyncIterator[bytes] | None = None
        self._reading: asyncio.Future[bytes | None] | None = None
        self._recent = deque[bytes](maxlen=max(1, round(wake_settings.pre_roll / FRAME_SECONDS)))
        """The last frames, for the pre-roll."""
        self._batch = bytearray()
        """Sound in which the wake word has not been looked for."""
        self._jumped = False
        """The wake word's detector has not heard all of the stream."""

    async def wait_for_wake(self) -> Wake | None:
        """Listen until the wake word is heard. None: the sound ended.

        Raises ConfigError if there is no wake word; AudioError, EngineError."""
        if self._wake is None:
            raise ConfigError("there is no wake word; set 'micro' or 'verifier' in [wake]")
        if self._jumped:
            await self._wake.reset()
            self._jumped = False
        while True:
            frame = await self._frame()
            self._batch += frame or b""
            if frame is not None and len(self._batch) < WAKE_FRAMES * FRAME_BYTES:
                continue
            batch, self._batch = bytes(self._batch), bytearray()
            wake = await self._wake.process(batch) if batch else None
            if wake is not None:
                self._jumped = True
                return replace(wake, at=self.clock)
            if frame is None:
                return None

    async def listen(
        self, wake: Wake | None, *, start_timeout: float, judge: Judge[T]
    ) -> Listened[T] | None:
        """Hear one utterance; None if nobody speaks within `start_timeout` seconds.

        With a `wake` the audio begins `pre_roll` seconds before it, so that a command spoken in
        one breath with it is whole. `judge` runs while listening goes on if the source is a live
        one; otherwise listening waits for it. A HearthError of the judge counts as UNKNOWN.
        Raises AudioError, EngineError."""
        self._jumped = True
        self._batch.clear()
        await self._vad.reset()
        before = b"".join(self._recent) if wake else b""
        if before:  # so that speech which is going on is known as such from the first frame
            await self._vad.process(before[-VAD_LEAD_FRAMES * FRAME_BYTES :])
        utterance = _Utterance(
            Endpointer(self._settings, start_timeout),
            bytearray(before),
            begun_at=self.clock,
            alone_after=WAKE_GAP if wake else 0.0,
        )
        pause = _Pause[T](judge)
        try:
            if not await self._until_end(utterance, pause):
                return None
            audio, judged = await pause.finish(utterance, ended=self.ended)
        finally:
            pause.over()
        speech_ended = utterance.begun_at + utterance.endpointer.ended
        return Listened(Heard(audio, speech_ended, self.clock, wake), judged)

    async def close(self) -> None:
        """Let go of the source."""
        if self._reading:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        self._reading = self._frames = None

    async def _until_end(self, utterance: _Utterance, pause: _Pause[T]) -> bool:
        """Take frames until the utterance is over. False: nobody spoke."""
        endpointer = utterance.endpointer
        while True:
            verdict = await self._verdict(pause)
            if verdict is not None:
                step = endpointer.judged(verdict)
                if verdict is Verdict.NOTHING:
                    pause.over()
            elif (frame := await self._frame()) is None:
                return endpointer.began is not None
            else:
                [probability] = await self._vad.process(frame)
                step = utterance.hear(frame, probability)
            match step:
                case Step.JUDGE:
                    pause.begin(utterance)
                case Step.RESUME:
                    pause.over()
                case Step.GIVE_UP:
                    return False
                case Step.END:
                    return True

    async def _verdict(self, pause: _Pause[T]) -> Verdict | None:
        """The judge's verdict, if there is a new one before there is a new frame."""
        if pause.judging is None:
            return None
        awaited: set[asyncio.Future[Any]] = {pause.judging}
        if self._source.realtime:
            awaited.add(self._next())
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        return pause.verdict()

    async def _frame(self) -> bytes | None:
        """The next frame; None if the sound ended. May be cancelled without losing one."""
        # Cancelling a generator would end it: the reading goes on, for the next call to take up.
        try:
            frame = await asyncio.shield(self._next())
        except AudioError:
            self._reading = self._frames = None  # the next call tries the source again
            raise
        self._reading = None
        if frame is None:
            self.ended = True
            return None
        self.clock += len(frame) / BYTES_PER_SECOND
        self._recent.append(frame)
        return frame

    def _next(self) -> asyncio.Future[bytes | None]:
        if self._reading is None:
            if self._frames is None:
                self._frames = aiter(self._source.frames())
            self._reading = asyncio.ensure_future(anext(self._frames, None))
        return self._reading


@dataclass(slots=True)
class _Utterance:
    """The sound of an utterance while it is spoken."""

    endpointer: Endpointer
    pcm: bytearray
    begun_at: float
    """Seconds on the audio clock at which listening for it began."""
    alone_after: float
    """Seconds after which speech is no longer in one breath with what came before."""

    def hear(self, frame: bytes, probability: float) -> Step:
        self.pcm += frame
        step = self.endpointer.hear(probability)
        if self.endpointer.began is None and self.endpointer.now > self.alone_after:
            del self.pcm[: -LEAD_FRAMES * FRAME_BYTES]
        return step

    def audio(self) -> Audio:
        return Audio(bytes(self.pcm))


class _Pause(Generic[T]):
    """A pause that may be the end, and the judge at work on what was said before it."""

    def __init__(self, judge: Judge[T]) -> None:
        self.judging: asyncio.Task[Judgement[T]] | None = None
        """The judge while its verdict has not been taken."""
        self._judge = judge
        self._task: asyncio.Task[Judgement[T]] | None = None
        self._audio = Audio(b"")

    def begin(self, utterance: _Utterance) -> None:
        self._audio = utterance.audio()
        self._task = self.judging = asyncio.ensure_future(self._judge(self._audio))

    def over(self) -> None:
        """Speech goes on: forget what was judged."""
        if self._task:
            self._task.cancel()
        self._task = self.judging = None

    def verdict(self) -> Verdict | None:
        """The verdict, once."""
        if self.judging is None or not self.judging.done():
            return None
        task, self.judging = self.judging, None
        try:
            return task.result().verdict
        except HearthError as error:
            log.warning("what was said so far could not be judged: %s", error)
            return Verdict.UNKNOWN

    async def finish(self, utterance: _Utterance, *, ended: bool) -> tuple[Audio, T | None]:
        """The final audio and the judge's value for it."""
        if self._task is None and ended:  # the sound ended before a pause
            self.begin(utterance)
        if self._task is None:
            return utterance.audio(), None
        try:
            return self._audio, (await self._task).value
        except HearthError:
            return self._audio, None
