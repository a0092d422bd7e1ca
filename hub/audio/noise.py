"""Endless sound: noise that is made as it is heard, and recordings that begin again at their end.

Samples are float32, mono, -1 to 1. Nothing is kept but the state of a few filters, so an hour of
noise needs no more memory than a second.
"""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

from hub.audio.pcm import resampled
from hub.errors import AudioError
from hub.messages import Audio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

COLOURS = ("white", "pink", "brown")
LOUDNESS = 0.18
"""Root mean square of each colour: about as loud as speech."""
BLOCK = 256
"""Samples that are filtered at a time: more, and the powers of a pole leave float64's range."""
PINK = (
    (0.99886, 0.0555179), (0.99332, 0.0750759), (0.96900, 0.1538520),
    (0.86650, 0.3104856), (0.55000, 0.5329522), (-0.7616, -0.0168980),
)  # fmt: skip
"""Pole and gain of the filters that make -3 dB an octave of white noise (Paul Kellet's)."""
PINK_WHITE = 0.5362
BROWN = 0.998
"""Pole of the integrator, which forgets, so that the sound stays around zero."""
LARGEST_FILE = 4 * 1024 * 1024
LONGEST_FILE = 60.0
"""Bytes and seconds of a recording."""


class Noise:
    """Noise of a colour, for ever."""

    finite = False

    def __init__(self, colour: str, seed: int | None = None) -> None:
        """`colour`: one of COLOURS."""
        import numpy as np

        self._random = np.random.default_rng(seed)
        poles = {"white": (), "pink": PINK, "brown": ((BROWN, 1.0),)}[colour]
        self._filters = [(pole ** np.arange(1, BLOCK + 1), gain) for pole, gain in poles]
        """Powers of each pole, and its gain."""
        self._white = {"white": 1.0, "pink": PINK_WHITE, "brown": 0.0}[colour]
        self._state = [0.0] * len(poles)
        self._gain = LOUDNESS / {"white": 1.0, "pink": 3.0, "brown": 15.8}[colour]

    def prepare(self, rate: int) -> None:
        """Nothing to prepare: it is made as it is heard."""

    def read(self, count: int, rate: int) -> Samples | None:
        """The next samples; there are always some."""
        import numpy as np

        made = np.empty(count, np.float32)
        for start in range(0, count, BLOCK):
            made[start : start + BLOCK] = self._block(min(BLOCK, count - start))
        return np.clip(made, -1, 1)

    def _block(self, count: int) -> Samples:
        import numpy as np

        white = self._random.standard_normal(count)
        made = white * self._white
        for number, (every, gain) in enumerate(self._filters):
            powers = every[:count]
            filtered = powers * (self._state[number] + np.cumsum(white * gain / powers))
            self._state[number] = float(filtered[-1])
            made = made + filtered
        return (made * self._gain).astype(np.float32)


class Recorded:
    """A recording, once or again and again."""

    def __init__(self, audio: Audio, *, again: bool) -> None:
        self._audio = audio
        self._again = again
        self.finite = not again
        self._samples: Samples | None = None
        self._rate = 0
        self._place = 0

    def prepare(self, rate: int) -> None:
        """Bring it to a rate; takes a moment, so that it is not for a thread that plays."""
        import numpy as np

        if self._rate != rate:
            pcm = resampled(self._audio, rate).pcm
            self._samples = (np.frombuffer(pcm, "<i2") / 32768).astype(np.float32)
            self._rate = rate

    def read(self, count: int, rate: int) -> Samples | None:
        """The next samples, fewer at the end; None behind it."""
        import numpy as np

        self.prepare(rate)
        assert self._samples is not None
        if self._again and len(self._samples):
            places = (self._place + np.arange(count)) % len(self._samples)
            self._place = int(places[-1] + 1) if count else self._place
            return self._samples[places]
        found = self._samples[self._place : self._place + count]
        self._place += len(found)
        return found if len(found) else None


def read_wav(content: bytes, name: str) -> Audio:
    """A WAV file as sound: 16-bit PCM, mono or stereo, a minute and 4 MB at most.

    Raises AudioError."""
    import numpy as np

    if len(content) > LARGEST_FILE:
        raise AudioError(f"{name}: a sound has at most {LARGEST_FILE // 1024 // 1024} MB")
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, rate, count = file.getnchannels(), file.getframerate(), file.getnframes()
            if file.getsampwidth() != 2 or channels not in (1, 2):
                raise AudioError(f"{name}: a sound is 16-bit PCM, mono or stereo")
            if not 8000 <= rate <= 48_000 or not 0 < count <= rate * LONGEST_FILE:
                raise AudioError(
                    f"{name}: a sound has 8000 to 48000 samples a second, for {LONGEST_FILE:g} "
                    "seconds at most"
                )
            pcm = file.readframes(count)
    except (wave.Error, EOFError, ZeroDivisionError) as error:
        raise AudioError(f"{name}: is no WAV file: {error}") from error
    samples = np.frombuffer(pcm[: len(pcm) // (2 * channels) * 2 * channels], "<i2")
    if channels == 2:
        samples = samples.reshape(-1, 2).mean(axis=1).astype("<i2")
    return Audio(samples.tobytes(), rate)


def recording(content: bytes, name: str, again: bool) -> Recorded:
    """What is in a WAV file, to be played. Raises AudioError."""
    return Recorded(read_wav(content, name), again=again)
