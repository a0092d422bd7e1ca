"""Echo cancellation: what a loudspeaker plays is taken out of what the microphone beside it hears.

By WebRTC's AEC3, as browsers do it, from the package `pywebrtc-audio`, which is optional. It finds
out by itself how late the echo is, up to about half a second.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

from hub.audio.pcm import resampled
from hub.errors import AudioError
from hub.messages import SAMPLE_RATE, Audio
from hub.ports import AudioSource

MOST = 60 * 2 * SAMPLE_RATE
"""Bytes of what is played that are kept: a minute."""


class EchoCanceller:
    """One microphone and one loudspeaker. Raises AudioError without the package.

    `plays` is told what the loudspeaker begins to play, `clean` takes each stretch of what is heard
    meanwhile, one after the other: both run at the pace of sound, which keeps them together."""

    def __init__(self) -> None:
        try:
            from pywebrtc_audio import AudioProcessor
        except ImportError as error:
            raise AudioError(
                "echo cancellation needs the package pywebrtc-audio: "
                f"{sys.executable} -m pip install --no-deps --require-hashes "
                "-r requirements/echo.lock in Hearth's folder, or set echo_cancellation = false"
            ) from error
        self._engine: Any = AudioProcessor(sample_rate=SAMPLE_RATE, echo_cancellation=True)
        self._played = bytearray()
        self._lock = threading.Lock()

    def plays(self, audio: Audio | None, beyond: float = 0.0) -> None:
        """This sound begins now; None: what was begun is cut off `beyond` seconds from now."""
        with self._lock:
            if audio is None:
                del self._played[2 * round(beyond * SAMPLE_RATE) :]
            else:
                self._played += resampled(audio, SAMPLE_RATE).pcm
                del self._played[:-MOST]

    def clean(self, pcm: bytes) -> bytes:
        """The next stretch of what the microphone hears (16 kHz, 16 bits), without the echo."""
        import numpy as np

        with self._lock:
            far = bytes(self._played[: len(pcm)])
            del self._played[: len(pcm)]
        near = np.frombuffer(pcm, "<i2")
        reference = np.frombuffer(far.ljust(len(pcm), b"\0"), "<i2")
        return bytes(self._engine.process(near, reference).astype("<i2").tobytes())


class WithoutEcho:
    """An `AudioSource` without what a loudspeaker plays beside it."""

    def __init__(self, source: AudioSource, canceller: EchoCanceller) -> None:
        self.realtime = source.realtime
        self._source = source
        self._canceller = canceller

    async def frames(self) -> AsyncIterator[bytes]:
        # Frames that gathered would be late by as much as they gathered: `gather` stays at 1.
        async for frame in self._source.frames():
            yield self._canceller.clean(frame)
