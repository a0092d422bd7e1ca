"""Raw samples from a pipe, as `arecord -t raw` writes them: 16 kHz, 16-bit little-endian, mono."""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import AsyncIterator
from typing import BinaryIO

from hub.audio.pcm import Framer, frames
from hub.errors import AudioError
from hub.messages import BYTES_PER_SECOND
from hub.ports import FRAME_BYTES

BLOCK = 4 * FRAME_BYTES


class RawStream:
    """An `AudioSource` from a stream of raw samples; `None` is standard input.

    Nobody knows whether a pipe is fed by a microphone or by a file, so it is taken as it comes.
    At its end, `silence` seconds are added. Raises AudioError for a standard input that is
    closed."""

    realtime = False

    def __init__(self, stream: BinaryIO | None = None, *, silence: float = 2.0) -> None:
        if stream is None and sys.stdin is None:
            raise AudioError("standard input is closed, and no sound can come from there")
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
        if not _waitable(self._stream):
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


def _waitable(stream: BinaryIO) -> bool:
    """Whether one waits for what comes: a pipe or a terminal, and not a file or /dev/null."""
    with select.epoll() as poll:
        try:
            poll.register(stream, select.EPOLLIN)
        except PermissionError:
            return False
    return True
