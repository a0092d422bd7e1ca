"""Sound as others send it, made into the hub's: 16 kHz, 16 bits, mono, while it comes in."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import soxr
from wyoming.event import Event

from hub.engines.wyoming_link import MalformedEvent
from hub.engines.wyoming_sound import mono, sound_format
from hub.messages import BYTES_PER_SECOND, SAMPLE_RATE
from hub.ports import FRAME_BYTES

LONGEST = 30
"""Seconds of an utterance that are kept: as much as Whisper hears at a time."""
WINDOW = 0.25
"""Seconds over which the pace of sound is measured."""
SLICE = 16_384
"""Bytes that are converted at a time."""
AHEAD = 2.0
"""Seconds by which live sound may be ahead of the clock: what was kept since the wake word is sent
at once. Sound that is further ahead is a recording, which is over when its sender says so."""


class Converter:
    """Makes the hub's sound of one stream in one format."""

    def __init__(self, rate: int, width: int, channels: int) -> None:
        """Hz; bytes of a sample (one byte is unsigned, as in WAV files); channels."""
        self.format = rate, width, channels
        self._width, self._channels = width, channels
        self._rest = b""
        self._stream: Any = None
        if rate != SAMPLE_RATE:
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16")

    def add(self, payload: bytes, *, last: bool = False) -> bytes:
        """The next stretch; with `last` also what the converter still held back."""
        if self.format == (SAMPLE_RATE, 2, 1) and not self._rest and not len(payload) % 2:
            return payload
        data = self._rest + payload
        whole = len(data) - len(data) % (self._width * self._channels)
        self._rest = data[whole:]
        samples = mono(data[:whole], self._width, self._channels)
        if self._stream is not None:
            samples = self._stream.resample_chunk(samples, last=last)
        return bytes(samples.astype("<i2").tobytes())


class Intake:
    """Sound events of one stream, one after the other, made into the hub's sound."""

    def __init__(self) -> None:
        self._converter: Converter | None = None

    async def take(self, event: Event) -> bytes:
        """The sound of an audio-chunk. Raises MalformedEvent."""
        try:
            wanted = sound_format(event.data)
        except ValueError as error:
            raise MalformedEvent(str(error)) from None
        payload = event.payload or b""
        rate, width, channels = wanted
        if len(payload) > LONGEST * rate * width * channels:
            raise MalformedEvent(f"more than {LONGEST} s of sound in one event")
        pcm = bytearray()
        if self._converter is None or self._converter.format != wanted:
            pcm += self.rest()
            self._converter = Converter(*wanted)
        for start in range(0, len(payload), SLICE):
            pcm += self._converter.add(payload[start : start + SLICE])
            await asyncio.sleep(0)  # half a minute at once takes 0.1 s: others come in between
        return bytes(pcm)

    def rest(self) -> bytes:
        """What is left at the end of the stream."""
        return self._converter.add(b"", last=True) if self._converter else b""


class Incoming:
    """One utterance on its way in: an `AudioSource`, and all of it that has come."""

    realtime = True

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        """The sender has said that this is all."""
        self.recording = asyncio.Event()
        """It came faster than anybody speaks."""
        self.cut = False
        """There was more than is kept."""
        self._pcm = bytearray()
        self._lately = deque[tuple[float, float]]()
        """When sound came in the last WINDOW, and how many seconds of it."""
        self._news = asyncio.Event()
        self._begun = time.monotonic()

    @property
    def pcm(self) -> bytes:
        return bytes(self._pcm)

    @property
    def seconds(self) -> float:
        return len(self._pcm) / BYTES_PER_SECOND

    @property
    def rushing(self) -> bool:
        """Whether it comes faster than anybody speaks just now: a recording at its beginning, or
        live sound that the network had held back."""
        since = time.monotonic() - WINDOW
        while self._lately and self._lately[0][0] < since:
            self._lately.popleft()
        return sum(seconds for _, seconds in self._lately) > 2 * WINDOW

    def add(self, pcm: bytes) -> None:
        self._lately.append((time.monotonic(), len(pcm) / BYTES_PER_SECOND))
        room = LONGEST * BYTES_PER_SECOND - len(self._pcm)
        self.cut = self.cut or len(pcm) > room
        self._pcm += pcm[: max(0, room)]
        if self.seconds - (time.monotonic() - self._begun) > AHEAD:
            self.recording.set()
        self._news.set()

    def end(self) -> None:
        self.ended.set()
        self._news.set()

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames of FRAME_BYTES as they come; the last is filled up with silence."""
        at = 0
        while True:
            while len(self._pcm) - at >= FRAME_BYTES:
                yield bytes(self._pcm[at : at + FRAME_BYTES])
                at += FRAME_BYTES
            if self.ended.is_set():
                break
            self._news.clear()
            await self._news.wait()
        if rest := bytes(self._pcm[at:]):
            yield rest.ljust(FRAME_BYTES, b"\0")
