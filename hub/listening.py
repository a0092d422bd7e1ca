"""Hearing the wake word, and what is said after it.

    wait_for_wake -> Wake -> listen -> Heard

Time is that of the audio: a file that is read faster than it sounds is heard like a microphone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Generic, TypeVar

from hub.config import ListenSettings, WakeSettings
from hub.endpointer import SILENT, Endpointer, Step
from hub.endpointer import Verdict as Verdict
from hub.errors import ConfigError, HearthError
from hub.messages import BYTES_PER_SECOND, Audio, Heard, Wake
from hub.ports import (
    FRAME_BYTES,
    FRAME_SECONDS,
    AudioSource,
    GathersFrames,
    VoiceActivity,
    WakeWord,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

LEAD_FRAMES = 16
"""Frames kept up to the onset of speech when no wake word comes shortly before it: half a second,
since the first sound of a word is often too soft to be found."""
VAD_LEAD_FRAMES = 16
"""Frames that the voice activity detector hears before those that count, to know the room."""
WAKE_GAP = 1.0
"""Seconds after the wake word from which a command is handed over without it."""
TAIL_FROM, TAIL_UNTIL = 0.1, 0.3
"""Seconds after the wake word was found. Speech that begins before the first (a detector of speech
that has heard nothing before needs some frames) and ends before the second is the end of the wake
word itself: it is found up to that much before it is over. Where the sound before is known, a
command may be in it whose beginning came earlier."""
WAKE_FRAMES = 3
"""Frames in which the wake word is looked for at a time: a message to the process that does it
costs more than the search itself."""
STILL_FRAMES = 10
"""The same while the room is still."""
STILL_AFTER_FRAMES = 47
"""Frames without anything loud after which it is: 1.5 s, in which a wake word would have ended."""


@dataclass(frozen=True, slots=True)
class Judgement(Generic[T]):
    """What was made of the sound so far: a verdict for the endpointer, a value for the caller."""

    verdict: Verdict
    value: T
    behind: bool = False
    """It is more than a wake word, for certain."""


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
        self.clock = 0.0
        """Seconds of sound taken from the source so far."""
        self._intake = _Intake(source)
        self._wake = wake
        self._vad = vad
        self._settings = settings
        self._recent = deque[bytes](maxlen=max(1, round(wake_settings.pre_roll / FRAME_SECONDS)))
        """The last frames, for the pre-roll."""
        self._stillness = Stillness()
        self._batch: list[bytes] = []
        """Frames in which the wake word has not been looked for."""
        self._jumped = True
        """The wake word's detector has not heard all of the stream, or another one before."""
        self.onlooker: Callable[[bytes], None] | None = None
        """Is given every frame, to show how loud it is."""
        self._taking_since: float | None = None
        """When it began to listen, on the monotonic clock; None while nobody wants it to."""

    @property
    def stalled_since(self) -> float | None:
        """When it last took a sound, on the monotonic clock, if it should listen and others are
        waiting; None if all is well. A source that gives none keeps nobody waiting."""
        if self._taking_since is None or self._intake.waiting_since is None:
            return None
        return max(self._taking_since, self._intake.waiting_since)

    @property
    def ended(self) -> bool:
        """The source has no more sound."""
        return self._intake.ended

    @property
    def phrase(self) -> str:
        """What is said to wake it; '' if that is not known."""
        return str(getattr(self._wake, "phrase", ""))

    async def close(self) -> None:
        """Let go of the source."""
        await self._intake.close()

    async def wait_for_wake(self) -> Wake | None:
        """Listen until the wake word is heard. None: the sound ended.

        Raises ConfigError if there is no wake word; AudioError, EngineError."""
        if self._wake is None:
            raise ConfigError("there is no wake word; set 'micro' or 'verifier' in [wake]")
        self._taking_since = monotonic()
        try:
            return await self._woken(self._wake)
        finally:
            self._taking_since = None

    async def _woken(self, detector: WakeWord) -> Wake | None:
        if self._jumped:
            await detector.reset()
            self._jumped = False
        while True:
            frame = await self._frame()
            if frame is not None:
                self._count(frame)
                self._batch.append(frame)
                still = self._stillness.hear(frame)
                self._intake.gather = STILL_FRAMES if still else WAKE_FRAMES
                if len(self._batch) < self._intake.gather:
                    continue
            batch, self._batch = b"".join(self._batch), []
            wake = await detector.process(batch) if batch else None
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
        one; otherwise listening waits for it. A HearthError of the judge counts as UNKNOWN. What
        was only the wake word, or its end, is no utterance, however late that is known.
        Raises AudioError, EngineError."""
        self._jumped = True
        self._batch.clear()
        self._intake.gather = 1
        await self._vad.reset()
        before = b"".join(self._recent) if wake else b""
        if before:  # so that speech which is going on is known as such from the first frame
            await self._vad.process(before[-VAD_LEAD_FRAMES * FRAME_BYTES :])
        utterance = _Utterance(
            Endpointer(self._settings, start_timeout),
            bytearray(before),
            begun_at=self.clock,
            alone_after=WAKE_GAP if wake else 0.0,
            woken=wake is not None and wake.spoken,
            before=bool(before),
        )
        pause = _Pause[T](judge, self._intake.news.set)
        try:
            while True:
                if not await self._until_end(utterance, pause):
                    return None
                audio, judged, verdict = await pause.finish(utterance, ended=self.ended)
                if verdict not in SILENT or self.ended:
                    break
                # Known only after silence had ended it; what came meanwhile has been kept.
                utterance.endpointer.judged(verdict)
                pause.over()
        finally:
            pause.over()
        speech_ended = utterance.begun_at + utterance.endpointer.ended
        return Listened(Heard(audio, speech_ended, self.clock, wake), judged)

    async def _until_end(self, utterance: _Utterance, pause: _Pause[T]) -> bool:
        """Take frames until the utterance is over. False: nobody spoke."""
        ahead = deque[tuple[bytes, float]]()
        self._taking_since = monotonic()
        try:
            return await self._heard_out(utterance, pause, ahead)
        finally:
            self._taking_since = None
            self._intake.put_back([frame for frame, _ in ahead])

    async def _heard_out(
        self, utterance: _Utterance, pause: _Pause[T], ahead: deque[tuple[bytes, float]]
    ) -> bool:
        """As `_until_end`. `ahead` gets frames whose probability of speech is known, and which have
        not been heard yet."""
        endpointer = utterance.endpointer
        while True:
            if not ahead and (frame := await self._frame(pause)) is not None:
                # Several, if the hub is behind: a call costs more than the work for a frame.
                frames = [frame, *self._intake.take_more(STILL_FRAMES - 1)]
                try:
                    probabilities = await self._vad.process(b"".join(frames))
                except asyncio.CancelledError:
                    self._intake.put_back(frames)
                    raise
                ahead.extend(zip(frames, probabilities, strict=True))
            if ahead and not pause.ready:
                frame, probability = ahead.popleft()
                self._count(frame)
                step = utterance.hear(frame, probability)
            elif (verdict := pause.verdict()) is not None:
                step = endpointer.judged(verdict)
                if verdict in SILENT:
                    pause.over()
            else:
                return endpointer.began is not None
            match step:
                case Step.JUDGE if utterance.tail and not utterance.before:
                    endpointer.judged(Verdict.CALLED)
                case Step.JUDGE:
                    pause.begin(utterance)
                    if not self._intake.realtime:
                        await pause.settled()
                case Step.RESUME:
                    pause.over()
                case Step.GIVE_UP:
                    return False
                case Step.END:
                    return True

    async def _frame(self, pause: _Pause[Any] | None = None) -> bytes | None:
        """The next frame; None if the sound ended, or if there is a new verdict first."""
        news = self._intake.news
        while pause is None or not pause.ready:
            news.clear()
            frame = self._intake.take()
            if frame is not None:
                return frame
            if self.ended:
                return None
            await news.wait()
        return None

    def _count(self, frame: bytes) -> None:
        """This frame has been heard."""
        self.clock += len(frame) / BYTES_PER_SECOND
        self._recent.append(frame)
        if self.onlooker is not None:
            self.onlooker(frame)


class Stillness:
    """Whether nothing stirs in the room, from how loud it is.

    Nothing is decided by it but how long sound may be gathered before the wake word is looked for
    in it: a processor that is woken three times a second uses half as much as at ten."""

    def __init__(self) -> None:
        self._floor = 32768.0
        """Loudness of the room by itself: falls at once and rises by half in three seconds."""
        self._quiet_frames = 0

    def hear(self, frame: bytes) -> bool:
        """Take the next frame. True if nothing was loud for a while."""
        # Every eighth sample shows a peak well enough. The byte order is that of all our machines.
        peak = max(memoryview(frame).cast("h")[::8])
        self._floor = max(1.0, min(peak, self._floor * 1.004))
        loud = peak > 3.0 * self._floor + 30
        self._quiet_frames = 0 if loud else self._quiet_frames + 1
        return self._quiet_frames >= STILL_AFTER_FRAMES


class _Intake:
    """Takes frames from the source in a task of its own, so that whoever waits for one may be
    cancelled: cancelling a generator would end it."""

    def __init__(self, source: AudioSource) -> None:
        self.ended = False
        self.realtime = source.realtime
        self.news = asyncio.Event()
        """There are frames, or there will be no more."""
        self.waiting_since: float | None = None
        """When the frames that wait came, or the last before them was taken, on the monotonic
        clock; None if there are none that anybody was told of."""
        self._source = source
        self._gather = 1
        self._queue = deque[bytes]()
        self._room = asyncio.Event()
        self._pumping: asyncio.Task[None] | None = None

    @property
    def gather(self) -> int:
        """Frames that may come together, for the sake of fewer awakenings."""
        return self._gather

    @gather.setter
    def gather(self, frames: int) -> None:
        if frames != self._gather:
            self._gather = frames
            if isinstance(self._source, GathersFrames):
                self._source.gather = frames

    def take(self) -> bytes | None:
        """A frame if there is one. Raises AudioError; the next call then tries again."""
        if self._queue:
            self._room.set()
            frame = self._queue.popleft()
            self._taken()
            return frame
        if self._pumping is None and not self.ended:
            self._pumping = asyncio.create_task(self._pump(), name="intake")
            self._pumping.add_done_callback(lambda _: self.news.set())
        elif self._pumping is not None and self._pumping.done():
            finished, self._pumping = self._pumping, None
            finished.result()
            self.ended = True
        return None

    def take_more(self, most: int) -> list[bytes]:
        """Frames that are there already."""
        taken = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
        self._room.set()
        self._taken()
        return taken

    def _taken(self) -> None:
        self.waiting_since = monotonic() if self._queue else None

    def put_back(self, frames: list[bytes]) -> None:
        """They were not heard after all: they come first."""
        self._queue.extendleft(reversed(frames))

    async def close(self) -> None:
        if self._pumping:
            self._pumping.cancel()
            await asyncio.wait({self._pumping})
            self._pumping = None
        self.waiting_since = None

    async def _pump(self) -> None:
        # From a file no frame is taken before its time. From a microphone, some are: what cannot
        # be kept is lost in its own queue, where it is counted.
        limit = 2 * STILL_FRAMES if self.realtime else 1
        async for frame in self._source.frames():
            self._queue.append(frame)
            if len(self._queue) >= min(self._gather, limit):
                self.news.set()
                if self.waiting_since is None:
                    self.waiting_since = monotonic()
            while len(self._queue) >= limit:
                self._room.clear()
                await self._room.wait()


@dataclass(slots=True)
class _Utterance:
    """The sound of an utterance while it is spoken."""

    endpointer: Endpointer
    pcm: bytearray
    begun_at: float
    """Seconds on the audio clock at which listening for it began."""
    alone_after: float
    """Seconds after which speech is no longer in one breath with what came before."""
    woken: bool
    """The wake word was said just before."""
    before: bool
    """The sound of that is part of this."""

    def hear(self, frame: bytes, probability: float) -> Step:
        self.pcm += frame
        step = self.endpointer.hear(probability)
        if self.endpointer.began is None and self.endpointer.now > self.alone_after:
            del self.pcm[: -LEAD_FRAMES * FRAME_BYTES]
        return step

    @property
    def tail(self) -> bool:
        """Whether all that was said since may be the end of the wake word."""
        began, ended = self.endpointer.began, self.endpointer.ended
        return self.woken and began is not None and began <= TAIL_FROM and ended <= TAIL_UNTIL

    def audio(self) -> Audio:
        return Audio(bytes(self.pcm))


class _Pause(Generic[T]):
    """A pause that may be the end, and the judge at work on what was said before it."""

    def __init__(self, judge: Judge[T], tell: Callable[[], None]) -> None:
        self._judge = judge
        self._tell = tell
        """Called when there is a verdict."""
        self._task: asyncio.Future[Judgement[T]] | None = None
        self._taken = False
        self._audio = Audio(b"")
        self._tail = False

    @property
    def ready(self) -> bool:
        """There is a verdict that was not taken."""
        return self._task is not None and self._task.done() and not self._taken

    def begin(self, utterance: _Utterance) -> None:
        self._audio, self._tail = utterance.audio(), utterance.tail
        self._taken = False
        self._task = asyncio.ensure_future(self._judge(self._audio))
        self._task.add_done_callback(lambda _: self._tell())

    def over(self) -> None:
        """Speech goes on: forget what was judged."""
        if self._task:
            self._task.cancel()
        self._task = None

    async def settled(self) -> None:
        """Wait for the verdict."""
        if self._task:
            await asyncio.wait({self._task})

    def verdict(self) -> Verdict | None:
        """The verdict, once."""
        if self._task is None or not self.ready:
            return None
        self._taken = True
        try:
            return self._of(self._task.result())
        except HearthError as error:
            log.warning("what was said so far could not be judged: %s", error)
            return self._of(None)

    def _of(self, judgement: Judgement[T] | None) -> Verdict:
        """None: it could not be judged. The end of the wake word alone, which a recognizer may take
        for any word, is no command."""
        if self._tail and not (judgement is not None and judgement.behind):
            return Verdict.CALLED
        return judgement.verdict if judgement else Verdict.UNKNOWN

    async def finish(
        self, utterance: _Utterance, *, ended: bool
    ) -> tuple[Audio, T | None, Verdict | None]:
        """The final audio, the judge's value for it, and the verdict; None: it was not judged."""
        if self._task is None and ended:  # the sound ended before a pause
            self.begin(utterance)
        if self._task is None:
            return utterance.audio(), None, None
        try:
            judgement = await self._task
        except HearthError:
            return self._audio, None, self._of(None)
        return self._audio, judgement.value, self._of(judgement)
