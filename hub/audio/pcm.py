"""Raw samples: into frames, to another rate, softer. 16-bit little-endian mono throughout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.messages import Audio
from hub.ports import FRAME_BYTES


def frames(pcm: bytes) -> Iterator[bytes]:
    """Frames of FRAME_BYTES; the last is filled up with silence."""
    for start in range(0, len(pcm), FRAME_BYTES):
        yield pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")


class Framer:
    """Cuts stretches of any length, as they come from a device or a pipe, into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, pcm: bytes) -> list[bytes]:
        """The frames that are whole now."""
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        return [data[i : i + FRAME_BYTES] for i in range(0, whole, FRAME_BYTES)]

    def last(self) -> list[bytes]:
        """What is left, filled up with silence: at most one frame."""
        rest, self._rest = self._rest, b""
        return list(frames(rest))


def resampled(audio: Audio, rate: int) -> Audio:
    """The same sound at another rate, in Hz."""
    if audio.rate == rate or not audio.pcm:
        return Audio(audio.pcm, rate)
    import numpy as np
    import soxr

    samples = np.frombuffer(audio.pcm, "<i2")
    return Audio(soxr.resample(samples, audio.rate, rate).astype("<i2").tobytes(), rate)


def louder(audio: Audio, volume: float) -> Audio:
    """The same sound with every sample multiplied by `volume`, 0-1."""
    if volume >= 1.0:
        return audio
    import numpy as np

    samples = np.frombuffer(audio.pcm, "<i2") * volume
    return Audio(samples.astype("<i2").tobytes(), audio.rate)


def mixed(pcm: bytes, beneath: Any) -> bytes:
    """Samples with an array of float32 samples (-1 to 1) of the same number beneath them."""
    import numpy as np

    samples = np.frombuffer(pcm, "<i2") + 32767 * beneath
    return bytes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())
