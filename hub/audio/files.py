"""Recorded sound as if it were heard: WAV, FLAC, Ogg, MP3."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from hub.audio import pcm
from hub.errors import AudioError
from hub.messages import SAMPLE_RATE, Audio
from hub.ports import FRAME_SECONDS

TRAILING_SILENCE = 2.0
"""Seconds of silence after a recording: longer than any that ends a command."""
SLOWEST = 4000
"""Hz below which a recording holds no speech; its seconds would be hours."""


def read(path: Path) -> Audio:
    """A sound file as 16 kHz mono, whatever its rate and channels. Raises AudioError."""
    import numpy as np
    import soundfile
    import soxr

    if path.is_dir():
        raise AudioError(f"{path}: is a folder; name the sound files in it")
    if not path.exists():
        raise AudioError(f"{path}: there is no such file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        why = getattr(error, "error_string", error)
        raise AudioError(
            f"{path}: not a sound file that can be read (WAV, FLAC, Ogg, MP3): {why}"
        ) from error
    if rate < SLOWEST:
        raise AudioError(f"{path}: has {rate} samples a second; speech needs {SLOWEST} or more")
    samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    mono = samples.mean(axis=1)
    if rate != SAMPLE_RATE and len(mono):
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    scaled = (mono * 32768).round().clip(-32768, 32767)
    return Audio(scaled.astype("<i2").tobytes())


class Recording:
    """An `AudioSource` that plays sound from memory, followed by silence.

    With `realtime` a frame comes every 32 ms as from a microphone, otherwise at once."""

    def __init__(
        self, audio: Audio, *, realtime: bool = False, silence: float = TRAILING_SILENCE
    ) -> None:
        self.realtime = realtime
        self.gather = 1
        self._audio = pcm.resampled(audio, SAMPLE_RATE)
        self._silence = bytes(2 * round(silence * SAMPLE_RATE))

    @classmethod
    def of(cls, path: Path, *, realtime: bool = False) -> Recording:
        """A sound file. Raises AudioError."""
        return cls(read(path), realtime=realtime)

    async def frames(self) -> AsyncIterator[bytes]:
        due, sounded = time.monotonic(), 0
        for frame in pcm.frames(self._audio.pcm + self._silence):
            if self.realtime and sounded == 0:
                sounded = self.gather
                due += sounded * FRAME_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            sounded -= 1
            yield frame
