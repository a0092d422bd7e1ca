"""A Wyoming satellite: a machine with a microphone and a loudspeaker, as `wyoming-satellite` makes
of a Raspberry Pi.

The hub calls it and says `run-satellite`. Then the satellite sends `run-pipeline`, which tells who
listens for the wake word, and sound. If the satellite itself does (`start_stage` asr), it streams
from the wake word on until it is sent a `transcript`; so that is sent when all has been said, and
an answer to a question needs no wake word. Otherwise (`start_stage` wake) it streams always, or
whenever somebody speaks, as it tells each time.
Replies are sent as `audio-start`, `audio-chunk`, `audio-stop`.

Protocol: https://github.com/OHF-Voice/wyoming
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import PauseSatellite, RunSatellite
from wyoming.snd import Played
from wyoming.wake import Detection

from hub.audio.pcm import resampled
from hub.bridges.satellites.arbiter import BYTES, loudness
from hub.bridges.wyoming.sound import Intake
from hub.engines.wyoming_link import Link, MalformedEvent
from hub.errors import EngineError, HearthError
from hub.messages import Audio, Wake
from hub.ports import FRAME_BYTES

log = logging.getLogger(__name__)

WAITING = 250
"""Frames that may wait to be heard: 8 s. A hub that is slower than that loses the oldest."""
RATE = 22_050
"""Hz of what is sent: what the program that plays it at a satellite is set to, unless changed."""
CHUNK = 2048
"""Bytes of a chunk that is sent: 46 ms."""
ECHO = 0.3
"""Seconds after the hub's own voice in which its echo is not listened to."""
TONE = 0.5
"""Seconds up to which a sound is a tone: nobody takes that for speech, and one speaks over it."""
ASK_EVERY, ANSWER_WITHIN = 10.0, 15.0
"""Seconds. A satellite without power says nothing: it is asked what it is, which every server
answers; `ping` is not."""
CLEAR = 1.0
"""How sure a satellite is that it heard its wake word: it does not say."""
PLAYED_WITHIN = 2.0
"""Seconds beyond the length of a sound in which a satellite says that it was heard."""


class Satellite:
    """The hub's side of one satellite, while the connection holds: an `AudioSource` and an
    `AudioSink`.

    It hears nothing while it speaks, and shortly after: the hub's own voice neither wakes it nor
    answers for a person."""

    realtime = True

    def __init__(self, link: Link, begun: Callable[[], None] = lambda: None) -> None:
        """`begun` is called when it begins to stream for the hub to hear its wake word, as one that
        detects speech does whenever somebody speaks."""
        self._link = link
        self._begins = begun
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self._rest = bytearray()
        self._recent = bytearray()
        self._intake = Intake()
        self._sending = asyncio.Lock()
        self._deaf_until = 0.0
        self._speaking = 0
        self._answered = asyncio.Event()
        self._played = asyncio.Event()
        self._says_played = False
        self._wakes_itself = False
        self._name = ""
        self._wakes: asyncio.Queue[Wake] = asyncio.Queue(1)
        self._ready = asyncio.Event()
        self._gone = asyncio.Event()

    @property
    def wakes_itself(self) -> bool:
        """Whether it listens for the wake word; known when it is `ready`."""
        return self._wakes_itself

    async def run(self) -> None:
        """Take what it sends until it has gone. Raises EngineError when it does, or when it sends
        what is no Wyoming."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_alive(), name="satellite-alive")
                tasks.create_task(self._read(), name="satellite-read")
        except* EngineError as errors:
            raise errors.exceptions[0] from None
        finally:
            self._gone.set()
            with suppress(asyncio.QueueFull):
                self._frames.put_nowait(None)

    async def send(self, *events: Event) -> None:
        """Raises EngineError."""
        async with self._sending:
            await self._link.send(*events)

    async def pause(self) -> None:
        """Let it be silent: the hub ends."""
        with suppress(EngineError, TimeoutError):
            async with asyncio.timeout(1):
                await self.send(PauseSatellite().event())

    # --- what it sends --------------------------------------------------------------------------

    async def _read(self) -> None:
        await self.send(RunSatellite().event())
        while True:
            event = await self._link.receive()
            self._answered.set()
            if AudioChunk.is_type(event.type):
                await self._take(event)
            elif RunPipeline.is_type(event.type):
                self._begun(event)
            elif Detection.is_type(event.type):
                self._name = str(event.data.get("name") or "")[:60]
            elif Played.is_type(event.type):
                self._says_played = True
                self._played.set()
            elif Ping.is_type(event.type):
                await self.send(Pong(text=Ping.from_event(event).text).event())

    def _begun(self, event: Event) -> None:
        try:
            stage = RunPipeline.from_event(event).start_stage
        except (LookupError, ValueError):
            raise EngineError(f"{self._link.address} starts a pipeline that there is not") from None
        self._wakes_itself = stage is not PipelineStage.WAKE
        self._ready.set()
        if not self._wakes_itself:
            self._begins()
        else:
            while not self._frames.empty():  # of the time before
                self._frames.get_nowait()
            self._recent.clear()
            self._rest.clear()
            wake = Wake(self._name or "satellite", self._name.replace("_", " "), CLEAR, 0.0)
            with suppress(asyncio.QueueFull):
                self._wakes.put_nowait(wake)

    async def _take(self, event: Event) -> None:
        try:
            heard = await self._intake.take(event)
        except MalformedEvent as error:
            raise EngineError(f"{self._link.address} sent {error}") from None
        self._rest += heard
        if self._wakes_itself:
            self._recent += heard
            del self._recent[:-BYTES]
        while len(self._rest) >= FRAME_BYTES:
            frame = bytes(self._rest[:FRAME_BYTES])
            del self._rest[:FRAME_BYTES]
            deaf = self._speaking or time.monotonic() < self._deaf_until
            if self._frames.full():
                self._frames.get_nowait()
            self._frames.put_nowait(bytes(FRAME_BYTES) if deaf else frame)

    async def _keep_alive(self) -> None:
        while True:
            self._answered.clear()
            await self.send(Describe().event())
            try:
                async with asyncio.timeout(ANSWER_WITHIN):
                    await self._answered.wait()
            except TimeoutError:
                raise EngineError(
                    f"{self._link.address} has not answered in {ANSWER_WITHIN:g} s"
                ) from None
            await asyncio.sleep(ASK_EVERY)

    # --- hub.ports.AudioSource ------------------------------------------------------------------

    async def frames(self) -> AsyncIterator[bytes]:
        """What it hears. One that wakes itself sends nothing in between: that is no end."""
        while not self._gone.is_set():
            frame = await self._frames.get()
            if frame is None:
                return
            yield frame

    async def answered(self) -> None:
        """Until it says anything."""
        await self._answered.wait()

    async def ready(self) -> None:
        """Until it is known who listens for the wake word. A satellite that does tells it with
        the first one."""
        await self._ready.wait()

    async def next_wake(self) -> Wake:
        """The next wake word that the satellite itself hears. What it streams from then on comes
        from `frames`."""
        return await self._wakes.get()

    # --- hub.ports.AudioSink --------------------------------------------------------------------

    async def play(self, audio: Audio) -> None:
        """Raises EngineError."""
        if not audio.pcm:
            return
        audio = resampled(audio, RATE)
        form = {"rate": audio.rate, "width": 2, "channels": 1}
        began, seconds = time.monotonic(), audio.seconds
        deaf = seconds > TONE
        self._speaking += deaf
        self._played.clear()
        try:
            await self.send(AudioStart(**form).event())
            for start in range(0, len(audio.pcm), CHUNK):
                part = audio.pcm[start : start + CHUNK]
                await self.send(AudioChunk(audio=part, **form).event())
                # A second ahead of what is heard: enough for any network, and soon silent.
                ahead = (start + CHUNK) / (2 * audio.rate) - (time.monotonic() - began)
                if ahead > 1:
                    await asyncio.sleep(ahead - 1)
            await self.send(AudioStop().event())
            await self._heard(began + seconds)
        except asyncio.CancelledError:
            with suppress(EngineError):
                await self.send(AudioStop().event())
            raise
        finally:
            self._speaking -= deaf
            if deaf:
                self._deaf_until = time.monotonic() + ECHO

    async def _heard(self, end: float) -> None:
        """Until it has sounded: some satellites say so, of the others the length is known."""
        left = end - time.monotonic()
        if not self._says_played:
            await asyncio.sleep(max(0.0, left))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left) + PLAYED_WITHIN):
                await self._played.wait()

    async def close(self) -> None:
        """The connection stays open: replies come one after the other."""

    @property
    def follower(self) -> None:
        """Nobody: the protocol has no words for it."""

    def clearness(self) -> float:
        """Of what it has sent since it woke by itself; how sure of that it was it does not say."""
        return CLEAR + loudness(bytes(self._recent))

    async def finished(self, error: HearthError | None = None) -> None:
        """All has been said: a satellite that wakes itself goes back to that. Raises
        EngineError."""
        await self.send(Transcript(text="").event())


class NoWakeWord:
    """The `WakeWord` of a room whose satellite listens for it: none is heard here."""

    phrase = ""

    async def process(self, pcm: bytes) -> Wake | None:
        return None

    async def reset(self) -> None:
        """There is nothing to forget."""
