"""Sounds of a home that are no speech, made anew from a seed: noise, hum, music, knocks, coughs.

They are synthetic: what is found with them is no rate of a real home.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hub.messages import SAMPLE_RATE, Audio

Samples = NDArray[np.float64]


def clip(seed: int) -> tuple[str, Audio]:
    """What it is, and one to four seconds of it, as loud as somebody nearby or far away."""
    rng = np.random.default_rng(seed)
    names = sorted(KINDS)
    name = names[seed % len(names)]
    seconds = rng.uniform(1.0, 4.0)
    sound = KINDS[name](rng, np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
    loudness = 10 ** (rng.uniform(-36, -10) / 20)
    sound = sound / (np.sqrt(np.mean(sound**2)) + 1e-9) * loudness
    floor = rng.normal(size=len(sound)) * 10 ** (-60 / 20)
    pcm = np.clip((sound + floor) * 32767, -32768, 32767).astype("<i2")
    return name, Audio(pcm.tobytes())


def _coloured(rng: np.random.Generator, length: int, exponent: float) -> Samples:
    """Noise whose power falls with the frequency to this exponent."""
    spectrum = np.fft.rfft(rng.normal(size=length))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 20.0)
    shaped: Samples = np.fft.irfft(spectrum / frequency ** (exponent / 2), length)
    return shaped


def _noise(rng: np.random.Generator, t: Samples) -> Samples:
    return _coloured(rng, len(t), rng.choice([0.0, 1.0, 2.0]))


def _hum(rng: np.random.Generator, t: Samples) -> Samples:
    base = rng.choice([50.0, 60.0, 100.0]) * rng.uniform(0.99, 1.01)
    tones = sum(np.sin(2 * np.pi * base * n * t) / n for n in range(1, 9))
    return np.asarray(tones) + 0.1 * _coloured(rng, len(t), 1.0)


def _music(rng: np.random.Generator, t: Samples) -> Samples:
    """Chords one after another, each dying away."""
    found = np.zeros_like(t)
    for begin in np.arange(0, t[-1], rng.uniform(0.2, 0.6)):
        since = np.maximum(t - begin, 0)
        envelope = (t >= begin) * np.exp(-since * rng.uniform(2, 6))
        for step in rng.choice([0, 3, 4, 7, 12, 16], 3):
            pitch = 220 * 2 ** ((step + rng.integers(-5, 8)) / 12)
            for n in (1, 2, 3, 4):
                found += envelope * np.sin(2 * np.pi * pitch * n * since) / n**1.5
    return found


def _bursts(rng: np.random.Generator, t: Samples, decay: float, low: float, high: float) -> Samples:
    found = np.zeros_like(t)
    for begin in rng.uniform(0, t[-1], rng.integers(1, 6)):
        since = np.maximum(t - begin, 0)
        envelope = (t >= begin) * np.exp(-since / decay)
        found += envelope * np.sin(2 * np.pi * rng.uniform(low, high) * since)
        found += 0.5 * envelope * rng.normal(size=len(t))
    return found


def _knocks(rng: np.random.Generator, t: Samples) -> Samples:
    return _bursts(rng, t, 0.02, 80, 300)


def _dishes(rng: np.random.Generator, t: Samples) -> Samples:
    return _bursts(rng, t, 0.15, 2000, 6000)


def _cough(rng: np.random.Generator, t: Samples) -> Samples:
    """Bursts of breath through a throat: noise with the resonances of a vowel."""
    found = np.zeros_like(t)
    for begin in rng.uniform(0, t[-1] * 0.7, rng.integers(1, 4)):
        since = np.maximum(t - begin, 0)
        envelope = (t >= begin) * np.minimum(since / 0.01, 1) * np.exp(-since / 0.12)
        found += envelope * _coloured(rng, len(t), 1.0)
        for formant in (600, 1100, 2400):
            found += envelope * rng.normal(size=len(t)) * np.sin(2 * np.pi * formant * t) * 0.3
    return found


def _silence(rng: np.random.Generator, t: Samples) -> Samples:
    return _coloured(rng, len(t), 1.0) * 1e-3


KINDS: dict[str, Callable[[np.random.Generator, Samples], Samples]] = {
    "cough": _cough,
    "dishes": _dishes,
    "hum": _hum,
    "knocks": _knocks,
    "music": _music,
    "noise": _noise,
    "silence": _silence,
}
