"""How an ESPHome device is spoken through: one reply, or one announcement, as it is made.

What is said comes in pieces, each as soon as it has been synthesised; the device gets them as one
sound, so that there is no gap between them. So a piece counts as heard a little before its end,
when the next one may come; that all has been heard is known at the `end`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from hub.audio.pcm import resampled
from hub.bridges.satellites.sounds import SoundServer, Stream
from hub.errors import AudioError
from hub.messages import SAMPLE_RATE, Audio

CHUNK = 2048
"""Bytes that are sent at a time."""
LEAD = 0.4
"""Seconds before the end of a piece in which the next one may come."""
FETCH_AHEAD, STREAM_AHEAD = 1.0, 0.25
"""Seconds that are sent ahead of what is heard: enough for a network, and soon silent. A device
that is streamed to keeps half a second."""
FETCH_WITHIN = 5.0
"""Seconds in which a device fetches what it is to play."""
PLAYED_WITHIN = 3.0
"""Seconds beyond the length of a sound in which a device says that it was heard."""
BEGINS = 0.2
"""Seconds from the first samples to the first sound, at least."""


class Mouth(Protocol):
    """One thing that is being said."""

    @property
    def over(self) -> bool:
        """Nothing can be added."""
        ...

    async def add(self, audio: Audio) -> bool:
        """More of it. False: somebody at the device has stopped it. Raises AudioError."""
        ...

    async def drained(self) -> None:
        """Until what was added has been heard."""
        ...

    async def end(self) -> None:
        """There is no more; return when all has been heard."""
        ...

    async def stop(self) -> None:
        """Silence."""
        ...

    def finished(self) -> None:
        """The device says that it has played it, or that somebody has stopped it."""
        ...


class _Paced:
    """The pace of sound."""

    def __init__(self, ahead: float) -> None:
        self._ahead = ahead
        self._until = 0.0
        """When all that was sent has been heard, on the steady clock."""
        self._done = asyncio.Event()
        """Nothing more is to be waited for."""

    @property
    def over(self) -> bool:
        return self._done.is_set()

    async def _sent(self, seconds: float) -> bool:
        """So much was sent; return when more may be. False: it is over."""
        self._until = max(self._until, time.monotonic() + BEGINS) + seconds
        return not await self._over_in(self._until - time.monotonic() - self._ahead)

    async def _over_in(self, seconds: float) -> bool:
        """Wait; True at once when it is over."""
        if seconds > 0 and not self._done.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._done.wait()
            except TimeoutError:
                pass
        return self._done.is_set()

    async def drained(self) -> None:
        await self._over_in(self._until - time.monotonic())


class Fetched(_Paced):
    """A device that fetches what it plays. `tells`: it says when it has played it."""

    def __init__(self, device: str, stream: Stream, server: SoundServer, *, tells: bool) -> None:
        super().__init__(FETCH_AHEAD)
        self._device = device
        self._stream = stream
        self._server = server
        self._tells = tells
        self._begun = False
        self.begin: Callable[[], None] = lambda: None
        """Tells the device where it is."""

    async def add(self, audio: Audio) -> bool:
        audio = resampled(audio, self._stream.form.rate)  # as a whole: each seam would be heard
        for start in range(0, len(audio.pcm), CHUNK):
            part = Audio(audio.pcm[start : start + CHUNK], audio.rate)
            self._stream.feed(part)
            if not self._begun:
                await self._begin()
            if not await self._sent(part.seconds):
                return False
        return not await self._over_in(self._until - LEAD - time.monotonic())

    async def _begin(self) -> None:
        self._begun = True
        self.begin()
        try:
            async with asyncio.timeout(FETCH_WITHIN):
                await self._stream.fetched.wait()
        except TimeoutError:
            self._server.retire(self._stream)
            raise AudioError(
                f"{self._device} has not fetched what it was to play: "
                "nothing may be between it and this machine, such as a firewall"
            ) from None

    async def end(self) -> None:
        self._stream.end()
        try:
            await self._over_in(self._until - time.monotonic() + PLAYED_WITHIN * self._tells)
        finally:
            self._server.retire(self._stream)

    async def stop(self) -> None:
        self._server.retire(self._stream)
        self._done.set()

    def finished(self) -> None:
        """Before it has fetched anything it speaks of something else."""
        if self._stream.fetched.is_set():
            self._done.set()


class Streamed(_Paced):
    """A device with a loudspeaker alone, which gets the samples: 16 kHz, 16 bits, mono."""

    def __init__(self, send: Callable[[bytes], None], over: Callable[[], None]) -> None:
        super().__init__(STREAM_AHEAD)
        self._send = send
        self._over = over

    async def add(self, audio: Audio) -> bool:
        pcm = resampled(audio, SAMPLE_RATE).pcm
        for start in range(0, len(pcm), CHUNK // 2):
            part = pcm[start : start + CHUNK // 2]
            self._send(part)
            if not await self._sent(len(part) / 2 / SAMPLE_RATE):
                return False
        return True

    async def end(self) -> None:
        self._over()
        await self.drained()

    async def stop(self) -> None:
        if not self._done.is_set():
            self._done.set()
            self._over()

    def finished(self) -> None:
        self._done.set()
