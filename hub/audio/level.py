"""How loud: the volume that a person sets, for the samples."""

from __future__ import annotations

from hub.audio.pcm import louder
from hub.messages import Audio


def scaled(audio: Audio, volume: float) -> Audio:
    """Sound at a volume of 0-1. Squared, since half the amplitude does not sound half as loud."""
    return louder(audio, max(0.0, volume) ** 2)
