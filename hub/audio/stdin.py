"""Raw samples from a pipe, as `arecord -t raw` writes them: 16 kHz, 16-bit little-endian, mono."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from typing import BinaryIO

from hub.audio.pcm import Framer, frames
from hub.messages import BYTES_PER_SECOND
from hub.ports import FRAME_BYTES

BLOCK = 4 * FRAME_BYTES


class RawStream:
    """An `AudioSource` from a stream of raw samples; `None` is standard input.

    Nobody knows whether a pipe is fed by a microphone or by a file, so it is taken as it comes.
    At its end, `silence` seconds are added."""

    realtime = False

    def __init__(self, stream: BinaryIO | None = None, *, silence: float = 2.0) -> None:
        self._stream = stream or sys.stdin.buffer
        self._silence = bytes(2 * round(silence * BYTES_PER_SECOND / 2))

    async def frames(self) -> AsyncIterator[bytes]:
        framer = Framer()
        async for block in self._blocks():
            for frame in framer.add(block):
                yield frame
        for frame in [*framer.last(), *frames(self._silence)]:
            yield frame

    async def _blocks(self) -> AsyncIterator[bytes]:
        if stat.S_ISREG(os.fstat(self._stream.fileno()).st_mode):
            while block := self._stream.read(BLOCK):
                yield block
            return
        # Not a thread that reads: one that waits for sound that never comes keeps Python alive.
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._stream
        )
        try:
            while block := await reader.read(BLOCK):
                yield block
        finally:
            transport.close()
