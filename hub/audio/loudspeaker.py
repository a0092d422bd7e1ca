"""The loudspeaker, through PortAudio."""

from __future__ import annotations

import asyncio
from typing import Any

from hub.audio import soundcard
from hub.audio.pcm import resampled
from hub.errors import AudioError
from hub.messages import Audio

LATENCY = 0.1
"""Seconds of sound that are handed to the device ahead of time: a Pi that is busy recognising
must not stutter. A sound that is cut off is heard for so long."""
KEPT_OPEN = 10.0
"""Seconds after a sound until the device is closed. Opening one takes 0.03 to 1.5 s, which the
next sentence shall not wait for; but an open one must be fed all the time."""
STUCK_SECONDS = 5.0
"""Seconds longer than it should take, after which the device is lost."""


class Loudspeaker:
    """An `AudioSink` to the device whose name contains `device`, else the default one.

    One sound at a time. `play` raises AudioError when there is no device or it is lost; the next
    sound looks for it anew."""

    def __init__(self, device: str | None = None) -> None:
        self._device = device
        self._stream: _Stream | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._failed = False
        self._tidying: asyncio.Task[None] | None = None

    async def play(self, audio: Audio) -> None:
        if not audio.pcm:
            return
        self._keep_open()
        try:
            stream = await self._ready()
            await stream.play(audio)
        except AudioError:
            self._failed = True
            await self.close()
            raise
        finally:
            self._close_later()

    async def close(self) -> None:
        """Silence it, and let go of the device."""
        self._keep_open()
        if self._tidying:
            await asyncio.wait({self._tidying})
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.silence()
            await soundcard.closed(stream.device)

    async def _ready(self) -> _Stream:
        if self._tidying:
            await asyncio.wait({self._tidying})
        if self._stream is None:
            if self._failed:
                await soundcard.look_again()
                self._failed = False
            stream = _Stream(self._device)
            await soundcard.opened(stream.device)
            self._stream = stream
        return self._stream

    def _keep_open(self) -> None:
        if self._closing:
            self._closing.cancel()
            self._closing = None

    def _close_later(self) -> None:
        if self._stream is not None:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(KEPT_OPEN, self._tidy)

    def _tidy(self) -> None:
        async def close() -> None:
            stream, self._stream = self._stream, None
            if stream is not None:
                await soundcard.closed(stream.device)

        self._closing = None
        self._tidying = asyncio.create_task(close(), name="close-loudspeaker")


class _Sound:
    """One sound on its way to the device."""

    def __init__(self, pcm: bytes) -> None:
        self.pcm = memoryview(pcm)
        self.position = 0
        """Bytes that the device has taken."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the device has taken all of it."""


class _Stream:
    """An open device: plays what it is given, and silence otherwise."""

    def __init__(self, name: str | None) -> None:
        device = soundcard.find("output", name)
        self._loop = asyncio.get_running_loop()
        self._sound: _Sound | None = None
        self._rate = round(device["default_samplerate"])
        self._channels, self.device = self._opened(device)

    def _opened(self, device: Any) -> tuple[int, Any]:
        """Channels and a stream that is not started. Raises AudioError."""
        sounddevice = soundcard.portaudio()
        for channels in (1, 2):  # some devices are stereo and nothing else
            try:
                stream = sounddevice.RawOutputStream(
                    samplerate=self._rate,
                    channels=channels,
                    dtype="int16",
                    latency=LATENCY,
                    device=device["index"],
                    callback=self._fill,
                    finished_callback=self._lost,
                )
            except sounddevice.PortAudioError as error:
                reason = error
                continue
            return channels, stream
        raise AudioError(f"the loudspeaker '{device['name']}' cannot be opened: {reason}")

    async def play(self, audio: Audio) -> None:
        """Return when all of it was heard. Raises AudioError when the device is lost."""
        sound = _Sound(await asyncio.to_thread(_prepared, audio, self._rate, self._channels))
        self._sound = sound
        try:
            async with asyncio.timeout(audio.seconds + STUCK_SECONDS):
                await sound.over
        except TimeoutError:
            raise AudioError("the loudspeaker takes no sound any more") from None
        finally:
            self.silence()
        await asyncio.sleep(self.device.latency)

    def silence(self) -> None:
        """Play nothing more of what was begun."""
        self._sound = None

    def _fill(self, data: Any, frames: int, time: Any, status: Any) -> None:
        """Called in PortAudio's thread for the next samples."""
        part: memoryview | bytes = b""
        if sound := self._sound:
            part = sound.pcm[sound.position : sound.position + len(data)]
            sound.position += len(part)
            if sound.position == len(sound.pcm):
                self._sound = None
                self._tell(sound, None)
        data[: len(part)] = part
        data[len(part) :] = bytes(len(data) - len(part))

    def _lost(self) -> None:
        """Called in PortAudio's thread when the stream stops by itself."""
        if sound := self._sound:
            self._tell(sound, AudioError("the loudspeaker was lost"))

    def _tell(self, sound: _Sound, error: AudioError | None) -> None:
        def end() -> None:
            if sound.over.done():
                return
            if error is None:
                sound.over.set_result(None)
            else:
                sound.over.set_exception(error)

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(end)


def _prepared(audio: Audio, rate: int, channels: int) -> bytes:
    """The samples as the device wants them."""
    pcm = resampled(audio, rate).pcm
    if channels == 1:
        return pcm
    import numpy as np

    return np.frombuffer(pcm, "<i2").repeat(channels).tobytes()
