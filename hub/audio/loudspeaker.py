"""The loudspeaker, through PortAudio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from hub.audio import soundcard
from hub.audio.pcm import mixed, resampled
from hub.errors import AudioError
from hub.messages import Audio
from hub.ports import Beneath

log = logging.getLogger(__name__)

LATENCY = 0.25
"""Seconds of sound that are handed to the device ahead of time: a machine that is busy recognising
must not stutter (at 0.1 s, two busy cores did)."""
KEPT_OPEN = 10.0
"""Seconds after a sound until the device is closed. Opening one takes 0.03 to 1.5 s, which the
next sentence shall not wait for; but an open one must be fed all the time."""
BUSY_SECONDS, BUSY_PAUSE = 2.0, 0.25
"""Seconds for which a device is asked for that another program uses, and those in between."""
STUCK_SECONDS = 5.0
"""Seconds longer than it should take, after which the device is lost."""


class Loudspeaker:
    """An `AudioSink` to the device whose name contains `device`, else the default one.

    One sound at a time. `play` raises AudioError when there is no device or it is lost; the next
    sound looks for it anew."""

    def __init__(
        self,
        device: str | None = None,
        *,
        plays: Callable[[Audio | None, float], None] = lambda audio, beyond: None,
    ) -> None:
        """`plays` is told of each sound when it begins, and with None when it is cut off, with the
        seconds of it that will still be heard: for echo cancellation."""
        self._plays = plays
        self._device = device
        self._stream: _Stream | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._letting_go: asyncio.Task[None] | None = None
        self._backdrop: Beneath | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    async def play(self, audio: Audio) -> None:
        if not audio.pcm:
            return
        self._stop_timer()
        try:
            stream = await self._ready()
            await stream.play(audio)
        except asyncio.CancelledError:
            # Closing it also drops what the device was given ahead of time; but what goes on
            # beneath would be torn.
            if self._backdrop is None:
                self._let_go()
            raise
        except AudioError:
            self._let_go()
            raise
        self._close_later()

    async def under(self, backdrop: Beneath | None) -> None:
        """See `BackdropSink`. The device stays open for it; one that is lost is looked for."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait({keeping})
        self._stop_timer()
        self._backdrop = backdrop
        if backdrop is None:
            if self._stream is not None:
                self._stream.backdrop = None
                self._close_later()
            return
        try:
            await self._lay(backdrop)
        except AudioError:
            self._backdrop = None
            self._let_go()
            raise
        self._keeping = asyncio.create_task(self._keep(backdrop), name="backdrop")

    async def _keep(self, backdrop: Beneath) -> None:
        """Let it be heard again when the device has come back."""
        while True:
            await asyncio.sleep(STUCK_SECONDS)
            stream = self._stream
            if stream is not None and stream.device.active:
                stream.backdrop = backdrop
                continue
            try:
                self._let_go()
                await self._lay(backdrop)
            except AudioError as error:
                log.debug("nothing is heard: %s", error)

    async def _lay(self, backdrop: Beneath) -> None:
        """Beneath what the device plays; it is opened if it is not. Raises AudioError."""
        await asyncio.to_thread(backdrop.prepare, (await self._ready()).rate)
        (await self._ready()).backdrop = backdrop

    def _close_later(self) -> None:
        if self._backdrop is None:
            self._timer = asyncio.get_running_loop().call_later(KEPT_OPEN, self._let_go)

    async def close(self) -> None:
        """Silence it, and let go of the device."""
        await self.under(None)
        self._stop_timer()
        self._let_go()
        await self._gone()

    async def _ready(self) -> _Stream:
        async with self._opening:
            await self._gone()
            if self._stream is None:
                self._stream = await self._opened()
            return self._stream

    async def _opened(self) -> _Stream:
        """A stream to the device, waited for if another program uses it. Raises AudioError."""
        until = asyncio.get_running_loop().time() + BUSY_SECONDS
        while True:
            stream = _Stream(self._plays)
            try:
                await stream.open(self._device)
            except soundcard.Busy:
                if asyncio.get_running_loop().time() >= until:
                    raise
                await asyncio.sleep(BUSY_PAUSE)
            else:
                return stream

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _let_go(self) -> None:
        """Silence at once; the device is closed meanwhile."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.silence()
            closing = soundcard.closed(stream.device)
            self._letting_go = asyncio.create_task(closing, name="close-loudspeaker")

    async def _gone(self) -> None:
        if self._letting_go:
            await asyncio.wait({self._letting_go})
            self._letting_go = None


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

    def __init__(self, plays: Callable[[Audio | None, float], None]) -> None:
        self._plays = plays
        self.device: Any = None
        self._loop = asyncio.get_running_loop()
        self._sound: _Sound | None = None
        self.backdrop: Beneath | None = None
        """What is heard beneath, and when nothing else is."""

    @property
    def rate(self) -> int:
        """Samples a second."""
        rate: int = round(self.device.samplerate)
        return rate

    async def open(self, name: str | None) -> None:
        """Raises AudioError."""
        self.device = await soundcard.opened(lambda: self._made(name))

    def _made(self, name: str | None) -> Any:
        """A stream that is not started. Raises AudioError."""
        sounddevice = soundcard.portaudio()
        device = soundcard.find("output", name)
        for channels in (1, 2):  # some devices are stereo and nothing else
            try:
                return sounddevice.RawOutputStream(
                    samplerate=round(device["default_samplerate"]),
                    channels=channels,
                    dtype="int16",
                    latency=LATENCY,
                    device=device["index"],
                    callback=self._fill,
                    finished_callback=self._lost,
                )
            except sounddevice.PortAudioError as error:
                reason = error
        busy = soundcard.UNAVAILABLE in reason.args
        raise (soundcard.Busy if busy else AudioError)(
            f"the loudspeaker '{device['name']}' cannot be opened: {reason}"
        )

    async def play(self, audio: Audio) -> None:
        """Return when all of it was heard. Raises AudioError when the device is lost."""
        rate, channels = self.rate, self.device.channels
        sound = _Sound(await asyncio.to_thread(_prepared, audio, rate, channels))
        self._sound = sound
        self._plays(audio, 0.0)
        try:
            async with asyncio.timeout(audio.seconds + STUCK_SECONDS):
                await sound.over
        except TimeoutError:
            raise soundcard.lost("the loudspeaker takes no sound any more") from None
        except asyncio.CancelledError:
            self._plays(None, self.device.latency)
            raise
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
        if backdrop := self.backdrop:
            channels = self.device.channels
            beneath = backdrop.read(frames, self.rate, bool(part))
            data[:] = mixed(data, beneath if channels == 1 else beneath.repeat(channels))

    def _lost(self) -> None:
        """Called in PortAudio's thread when the stream stops by itself."""
        if sound := self._sound:
            self._tell(sound, soundcard.lost("the loudspeaker was lost"))

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
