"""The voice for others: `synthesize` a text, or a text that is still being written, into sound.

The hub's own `Voice` speaks, piece by piece and with what it has spoken before, into a connection
instead of a loudspeaker: the first sound goes out when the first words are made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.tts import SynthesizeStopped

from hub.audio.pcm import resampled
from hub.bridges.wyoming.jobs import Jobs, plain
from hub.bridges.wyoming.services import Services
from hub.engines.wyoming_link import MalformedEvent
from hub.messages import Audio
from hub.speech import sentences
from hub.voice import Voice

LONGEST_TEXT = 10_000
"""Characters of one text: about ten minutes of speech."""
CHUNK = 16_384
"""Bytes of sound in an event."""
RATE = 22_050
"""Hz of a silence, where nothing was spoken."""

Send = Callable[[Event], Awaitable[None]]


class Speaking:
    """The texts that come over one connection."""

    def __init__(self, services: Services, send: Send, jobs: Jobs) -> None:
        self._services = services
        self._send = send
        self._jobs = jobs
        self._text: _Text | None = None
        """The one that is still being written."""

    async def synthesize(self, event: Event) -> None:
        """Raises MalformedEvent."""
        if self._text is not None:
            return  # the whole text once more, for servers that take no stream
        text = plain(event.data, "text", longest=LONGEST_TEXT) or ""

        async def work() -> None:
            outlet = _Outlet(self._send)
            async with self._voice(outlet) as voice:
                await voice.say(text, language=self._language)
            await outlet.end()

        await self._jobs.put(work)

    async def start(self) -> None:
        """A `synthesize-start`: what is written from now on is said while it is written."""
        self.stop()
        text = self._text = _Text()

        async def work() -> None:
            outlet = _Outlet(self._send)
            async with self._voice(outlet) as voice:
                while (piece := await text.next()) is not None:
                    await voice.say(piece, language=self._language)
            await outlet.end()
            await self._send(SynthesizeStopped().event())

        await self._jobs.put(work)

    def chunk(self, event: Event) -> None:
        """Raises MalformedEvent."""
        if self._text is not None:
            self._text.add(plain(event.data, "text", longest=LONGEST_TEXT) or "")

    def stop(self) -> None:
        text, self._text = self._text, None
        if text is not None:
            text.end()

    @property
    def _language(self) -> str:
        return self._services.languages[0]

    @asynccontextmanager
    async def _voice(self, outlet: _Outlet) -> AsyncIterator[Voice]:
        assert self._services.synthesizer is not None
        voice = Voice(self._services.synthesizer, outlet, sounds=self._services.sounds)
        try:
            yield voice
        finally:
            await voice.close()


class _Text:
    """A text that comes in pieces of any length, and goes out in sentences."""

    def __init__(self) -> None:
        self._written = ""
        """What has come and is not part of a whole sentence yet."""
        self._length = 0
        self._sentences: asyncio.Queue[str | None] = asyncio.Queue()

    def add(self, piece: str) -> None:
        self._length += len(piece)
        if self._length > LONGEST_TEXT:
            raise MalformedEvent(f"a text of more than {LONGEST_TEXT} characters")
        self._written += piece
        found = sentences(self._written)
        if len(found) > 1:  # the last one may go on
            for sentence in found[:-1]:
                self._sentences.put_nowait(sentence)
            self._written = self._written[self._written.rfind(found[-1]) :]

    def end(self) -> None:
        if self._written.strip():
            self._sentences.put_nowait(self._written)
        self._sentences.put_nowait(None)

    async def next(self) -> str | None:
        """The next sentence; None after the last."""
        return await self._sentences.get()


class _Outlet:
    """An `AudioSink` at the other end of a connection. Nothing is waited for but the network."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._rate: int | None = None

    async def play(self, audio: Audio) -> None:
        if self._rate is None:
            await self._start(audio.rate)
        rate = self._rate or audio.rate
        pcm = resampled(audio, rate).pcm
        for start in range(0, len(pcm), CHUNK):
            piece = pcm[start : start + CHUNK]
            await self._send(AudioChunk(rate, 2, 1, piece).event())

    async def end(self) -> None:
        """All was said. What was nothing to be said is a silence of no length."""
        if self._rate is None:
            await self._start(RATE)
        await self._send(AudioStop().event())

    async def close(self) -> None:
        """The connection is closed by whoever has it."""

    async def _start(self, rate: int) -> None:
        self._rate = rate
        await self._send(AudioStart(rate, 2, 1).event())
