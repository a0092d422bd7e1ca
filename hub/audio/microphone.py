"""The microphone, through PortAudio."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from hub.audio import soundcard
from hub.audio.pcm import Framer
from hub.errors import AudioError
from hub.messages import SAMPLE_RATE
from hub.ports import FRAME_SECONDS

log = logging.getLogger(__name__)

KEPT_SECONDS = 10.0
"""Sound that waits to be taken at most; the oldest is dropped."""
SILENT_SECONDS = 5.0
"""Without any sound for so long, the device is lost: some drivers do not say so. The first sound
takes up to 2 s."""


class Microphone:
    """An `AudioSource` from the device whose name contains `device`, else the default one.

    A device that cannot do 16 kHz mono is resampled and its channels are averaged. When it is
    lost, `frames` raises AudioError; the next call looks for the device anew."""

    realtime = True

    def __init__(self, device: str | None = None) -> None:
        self.gather = 1
        self.overflows = 0
        """Blocks of 32 ms that were lost because nobody took them in time."""
        self._device = device

    async def frames(self) -> AsyncIterator[bytes]:
        inbox, framer = _Inbox(self), Framer()
        stream = await soundcard.opened(lambda: self._stream(inbox))
        try:
            convert = _converter(round(stream.samplerate), stream.channels)
            while True:
                for block in await inbox.blocks():
                    for frame in framer.add(convert(block)):
                        yield frame
        finally:
            await soundcard.closed(stream)

    def _stream(self, inbox: _Inbox) -> Any:
        """A stream that is not started. Raises AudioError."""
        sounddevice = soundcard.portaudio()
        device = soundcard.find("input", self._device)
        own = round(device["default_samplerate"])
        most = min(2, device["max_input_channels"])
        tried = [(SAMPLE_RATE, 1), (SAMPLE_RATE, most), (own, 1), (own, most)]
        for rate, channels in dict.fromkeys(tried):
            try:
                return sounddevice.RawInputStream(
                    samplerate=rate,
                    channels=channels,
                    dtype="int16",
                    blocksize=round(rate * FRAME_SECONDS),
                    device=device["index"],
                    callback=inbox.put,
                    finished_callback=inbox.end,
                )
            except sounddevice.PortAudioError as error:
                reason = error
        raise AudioError(f"the microphone '{device['name']}' cannot be opened: {reason}")


class _Inbox:
    """Blocks on their way from PortAudio's thread to the event loop."""

    def __init__(self, microphone: Microphone) -> None:
        self._microphone = microphone
        self._loop = asyncio.get_running_loop()
        self._blocks = deque[bytes]()
        self._arrived = asyncio.Event()
        self._ended = False

    def put(self, data: Any, frames: int, time: Any, status: Any) -> None:
        """Called in PortAudio's thread every 32 ms: says so only when enough have gathered."""
        if status.input_overflow:
            self._microphone.overflows += 1
        self._blocks.append(bytes(data))
        while len(self._blocks) > KEPT_SECONDS / FRAME_SECONDS:
            self._blocks.popleft()
            self._microphone.overflows += 1
        if len(self._blocks) >= self._microphone.gather:
            self._tell()

    def end(self) -> None:
        """Called in PortAudio's thread when the stream stops by itself."""
        self._ended = True
        self._tell()

    async def blocks(self) -> list[bytes]:
        """All blocks that are there, at least one. Raises AudioError when the device is lost."""
        try:
            async with asyncio.timeout(SILENT_SECONDS):
                while len(self._blocks) < self._microphone.gather and not self._ended:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise soundcard.lost("the microphone gives no sound any more") from None
        taken = [self._blocks.popleft() for _ in range(len(self._blocks))]
        if not taken:
            raise soundcard.lost("the microphone was lost")
        return taken

    def _tell(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)


def _converter(rate: int, channels: int) -> Callable[[bytes], bytes]:
    """A function that makes 16 kHz mono of the next block of samples."""
    if (rate, channels) == (SAMPLE_RATE, 1):
        return lambda block: block
    import numpy as np
    import soxr

    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def convert(block: bytes) -> bytes:
        samples = np.frombuffer(block, "<i2").reshape(-1, channels).mean(axis=1, dtype="float32")
        if rate != SAMPLE_RATE:
            samples = resampler.resample_chunk(samples)
        return bytes(samples.round().clip(-32768, 32767).astype("<i2").tobytes())

    return convert
