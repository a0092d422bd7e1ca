"""What a room needs of a satellite, whatever protocol it speaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from hub.errors import AudioError, HearthError
from hub.messages import Audio, Wake
from hub.room import Follower

PRESSED = "pressed"
"""The `model` of a wake without a wake word: a button, or an answer to what was announced."""


class Stopped(AudioError):
    """Somebody at the satellite does not want to be listened to any more."""


class FarSatellite(Protocol):
    """The hub's side of a satellite while the connection holds: an `AudioSource` and an
    `AudioSink` that hears nothing while it speaks."""

    realtime: bool

    @property
    def wakes_itself(self) -> bool:
        """Whether it listens for the wake word; known when it is `ready`."""
        ...

    @property
    def follower(self) -> Follower | None:
        """Who is to be told how far a turn is."""
        ...

    async def run(self) -> None:
        """Serve it until it has gone. Raises EngineError when it does."""
        ...

    async def answered(self) -> None:
        """Until it is known to be there."""
        ...

    async def ready(self) -> None:
        """Until it is known who listens for the wake word."""
        ...

    async def next_wake(self) -> Wake:
        """The next wake word, or press of its button, that it tells itself."""
        ...

    def clearness(self) -> float:
        """0-2: how clearly it hears who has woken it, of what came since."""
        ...

    async def finished(self, error: HearthError | None = None) -> None:
        """All has been said, or nothing came of it: it listens for its wake word again."""
        ...

    async def pause(self) -> None:
        """The hub ends, or lets it go."""
        ...

    def frames(self) -> AsyncIterator[bytes]:
        """What it hears, as an `AudioSource`."""
        ...

    async def play(self, audio: Audio) -> None:
        """As an `AudioSink`. Raises EngineError or AudioError."""
        ...

    async def close(self) -> None: ...
