"""A satellite for measurements: it speaks the Wyoming protocol over loopback, leaves the wake word
to the hub, and streams all the time; somebody speaks beside it."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from contextlib import suppress

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Attribution, Describe, Info, Satellite
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import RunSatellite
from wyoming.snd import Played

from hub.audio.earcons import NOTES, earcon
from hub.messages import SAMPLE_RATE

CHUNK = 2048
"""Bytes that a satellite sends at a time: 64 ms."""
_DICE = random.Random(1)
STILL = struct.pack(f"<{CHUNK // 2}h", *(round(_DICE.gauss(0, 8)) for _ in range(CHUNK // 2)))
"""A room in which nobody speaks."""
TONES = frozenset(round(earcon(name).seconds, 2) for name in NOTES)
"""Seconds of what is a tone, and no answer: 'No.' is hardly longer."""


class FarRoom:
    """A satellite as a program elsewhere would be one."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.port = 0
        """Known when it is started."""
        self.answers = 0
        """Replies that were played to their end; a tone is none."""
        self.answered = asyncio.Event()
        self._said = bytearray()
        self._until_said = asyncio.Event()
        self._sounds_until = 0.0
        self._ended = 0.0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def say(self, pcm: bytes) -> None:
        """Somebody speaks there: 16 kHz, 16 bits, at the pace of speech."""
        self._until_said.clear()
        self._said += pcm

    async def until_said(self) -> float:
        """When the last of it has been said, in seconds of the performance counter."""
        await self._until_said.wait()
        return self._ended

    async def until_still(self, seconds: float) -> None:
        """Nothing has been played for so long. A satellite hears nothing while it speaks, and a
        reply has pauses."""
        while (rest := self._sounds_until + seconds - time.monotonic()) > 0:  # noqa: ASYNC110  until a time
            await asyncio.sleep(rest)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        sending: asyncio.Task[None] | None = None
        lock = asyncio.Lock()
        began = sounded = 0.0
        try:
            while (event := await async_read_event(reader)) is not None:
                if Describe.is_type(event.type):
                    async with lock:
                        await async_write_event(self._info(), writer)
                elif RunSatellite.is_type(event.type) and sending is None:
                    sending = asyncio.create_task(self._stream(writer, lock))
                elif AudioStart.is_type(event.type):
                    began, sounded = time.monotonic(), 0.0
                elif AudioChunk.is_type(event.type):
                    sounded += AudioChunk.from_event(event).seconds
                    self._sounds_until = began + sounded
                elif AudioStop.is_type(event.type):
                    await asyncio.sleep(max(0.0, began + sounded - time.monotonic()))
                    async with lock:
                        await async_write_event(Played().event(), writer)
                    if round(sounded, 2) not in TONES:
                        self.answers += 1
                        self.answered.set()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            if sending is not None:
                sending.cancel()
            writer.close()

    def _info(self) -> Event:
        about = Attribution("", "")
        satellite = Satellite(self.room, about, True, None, None, area=self.room)
        return Info(satellite=satellite).event()

    async def _stream(self, writer: asyncio.StreamWriter, lock: asyncio.Lock) -> None:
        run = RunPipeline(start_stage=PipelineStage.WAKE, end_stage=PipelineStage.TTS)
        form = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}
        with suppress(OSError):
            async with lock:
                await async_write_event(run.event(), writer)
                await async_write_event(AudioStart(**form).event(), writer)
            due = time.perf_counter()
            while True:
                part = bytes(self._said[:CHUNK])
                del self._said[:CHUNK]
                due += CHUNK / 2 / SAMPLE_RATE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                async with lock:
                    chunk = AudioChunk(audio=part + STILL[len(part) :], **form)
                    await async_write_event(chunk.event(), writer)
                if part and not self._said:
                    self._ended = due - (CHUNK - len(part)) / 2 / SAMPLE_RATE
                    self._until_said.set()
