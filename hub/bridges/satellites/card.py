"""A sound card of this machine as a room: a microphone and a loudspeaker of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from hub.audio.echo import EchoCanceller, WithoutEcho
from hub.audio.loudspeaker import Loudspeaker
from hub.audio.microphone import Microphone
from hub.bridges.satellites.wyoming import ECHO, TONE, WAITING
from hub.config import AudioSettings, RoomSettings
from hub.errors import AudioError
from hub.messages import Audio, Wake
from hub.ports import FRAME_BYTES, FRAME_SECONDS, AudioSink, AudioSource, GathersFrames


@dataclass(frozen=True, slots=True)
class CardAddress:
    """The names of the devices, or parts of them."""

    microphone: str
    loudspeaker: str | None
    """None: the default one."""

    def __str__(self) -> str:
        return f"{self.microphone}, {self.loudspeaker or 'the default loudspeaker'}"


class SoundCard:
    """A room's microphone and loudspeaker: an `AudioSource` and an `AudioSink`, as a satellite is.

    Without echo cancellation it hears nothing while it speaks, and shortly after: the hub's own
    voice neither wakes it nor answers for a person. With it, the wake word silences the hub."""

    realtime = True
    wakes_itself = False
    follower = None

    def __init__(
        self, microphone: AudioSource, loudspeaker: AudioSink, *, listens_always: bool = False
    ) -> None:
        """`listens_always`: the microphone does not hear the loudspeaker."""
        self._microphone = microphone
        self._loudspeaker = loudspeaker
        self._listens_always = listens_always
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self._there = asyncio.Event()
        self._speaking = 0
        self._deaf_until = 0.0

    @property
    def gather(self) -> int:
        """Frames that may come together; see `hub.ports.GathersFrames`."""
        return self._microphone.gather if isinstance(self._microphone, GathersFrames) else 1

    @gather.setter
    def gather(self, frames: int) -> None:
        if isinstance(self._microphone, GathersFrames):
            self._microphone.gather = frames

    async def run(self) -> None:
        """Hear, until the microphone is lost. Raises AudioError then."""
        try:
            async for frame in self._microphone.frames():
                self._there.set()
                if self._frames.full():
                    self._frames.get_nowait()
                self._frames.put_nowait(bytes(FRAME_BYTES) if self._deaf() else frame)
            raise AudioError("the microphone gives no sound any more")
        finally:
            with suppress(asyncio.QueueFull):
                self._frames.put_nowait(None)

    def _deaf(self) -> bool:
        return bool(self._speaking) or time.monotonic() < self._deaf_until

    async def frames(self) -> AsyncIterator[bytes]:
        """What it hears."""
        while (frame := await self._frames.get()) is not None:
            yield frame

    async def answered(self) -> None:
        """Until there is sound."""
        await self._there.wait()

    async def ready(self) -> None:
        """The hub listens for the wake word."""

    async def next_wake(self) -> Wake:
        """Never: see `ready`."""
        never: asyncio.Future[Wake] = asyncio.get_running_loop().create_future()
        return await never

    def clearness(self) -> float:
        """Of a wake word that it would have heard by itself."""
        return 0.0

    async def finished(self, error: Exception | None = None) -> None:
        """It goes on listening by itself."""

    async def pause(self) -> None:
        """The hub ends, or the microphone was lost."""
        await self._loudspeaker.close()

    async def play(self, audio: Audio) -> None:
        """As an `AudioSink`. Raises AudioError."""
        deaf = audio.seconds > TONE and not self._listens_always
        self._speaking += deaf
        try:
            await self._loudspeaker.play(audio)
        finally:
            self._speaking -= deaf
            if deaf:
                # What was heard meanwhile may come later, in one go.
                self._deaf_until = time.monotonic() + ECHO + self.gather * FRAME_SECONDS

    async def close(self) -> None:
        """The device stays: replies come one after the other."""


def card_of(settings: RoomSettings) -> CardAddress | None:
    """The sound card that a room's settings name, if they do. Raises AudioError for settings that
    contradict each other."""
    if settings.microphone is None:
        if settings.loudspeaker is not None:
            raise AudioError(
                'a loudspeaker alone is no room; name its microphone, too: microphone = "…"'
            )
        return None
    if settings.satellite:
        raise AudioError("a room has a satellite or a microphone of this machine, not both")
    return CardAddress(settings.microphone, settings.loudspeaker)


def open_card(
    address: CardAddress,
    audio: AudioSettings,
    heard: Callable[[AudioSource], AudioSource] = lambda source: source,
) -> SoundCard:
    """The devices are opened when they are needed. `heard` makes the microphone one that can be
    muted. Raises AudioError where echo cancellation is
    wanted and not installed."""
    microphone = heard(Microphone(address.microphone))
    if not audio.echo_cancellation:
        return SoundCard(microphone, Loudspeaker(address.loudspeaker))
    canceller = EchoCanceller()
    loudspeaker = Loudspeaker(address.loudspeaker, plays=canceller.plays)
    return SoundCard(WithoutEcho(microphone, canceller), loudspeaker, listens_always=True)
