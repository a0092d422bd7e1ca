"""Samples of any width and number of channels, as Wyoming events have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


def sound_format(data: Mapping[str, Any]) -> tuple[int, int, int]:
    """Rate in Hz, bytes of a sample, and channels, of a sound event. Raises ValueError for what
    cannot be."""
    rate, width, channels = (data.get(name) for name in ("rate", "width", "channels"))
    if (
        isinstance(rate, int)
        and isinstance(width, int)
        and isinstance(channels, int)
        and 4_000 <= rate <= 192_000
        and 1 <= width <= 4
        and 1 <= channels <= 8
    ):
        return rate, width, channels
    shown = (str(value)[:20] for value in (rate, width, channels))
    raise ValueError("sound of {} Hz, {} bytes a sample and {} channels".format(*shown))


def mono(pcm: bytes, width: int, channels: int) -> Samples:
    """16-bit samples of whole frames: the upper bits of wider ones, the mean of all channels.

    One byte is unsigned, as in WAV files. The library's own converter adds channels up."""
    if width == 1:
        samples = ((np.frombuffer(pcm, "u1").astype(np.int16) - 128) << 8).astype(np.int16)
    elif width == 2:
        samples = np.frombuffer(pcm, "<i2")
    else:
        upper = np.frombuffer(pcm, "u1").reshape(-1, width)[:, -2:]
        samples = np.ascontiguousarray(upper).view("<i2").reshape(-1)
    if channels > 1:
        samples = samples.reshape(-1, channels).mean(axis=1).astype(np.int16)
    return np.asarray(samples, np.int16)
