"""Typed sentences, spoken: by Piper, in noise, and heard by Whisper."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np

from hub.audio.files import read
from hub.audio.pcm import resampled
from hub.evaluate.judging import TextSet
from hub.evaluate.run import Score
from hub.evaluate.wake import SOUNDS, mixed
from hub.messages import SAMPLE_RATE, Audio
from hub.ports import Synthesizer

SNR = 10.0
"""Decibels by which the noise is softer than speech."""
MADE = 20
"""Seconds of noise that is made where none was recorded."""


async def spoken(chosen: TextSet, voice: Synthesizer, noise: Audio, snr: float = SNR) -> TextSet:
    """The same sentences as sound. Raises EngineError."""
    grounds = []
    for ground in chosen.grounds:
        cases = []
        for case in ground.cases:
            audio = resampled(await voice.synthesize(case.request.text), SAMPLE_RATE)
            audio = mixed(audio, noise, snr)
            cases.append(replace(case, request=replace(case.request, audio=audio)))
        grounds.append(replace(ground, cases=cases))
    return replace(chosen, grounds=grounds)


def kept(typed: Score, heard: Score) -> dict[str, float | int]:
    """How much of what is right when typed is right when spoken, too."""
    both = [
        after.judgement.verdict == "right"
        for before, after in zip(typed.scored, heard.scored, strict=True)
        if before.judgement.verdict == "right"
    ]
    return {
        "right_typed": len(both),
        "right_spoken": heard.count("right"),
        "kept_percent": round(100 * sum(both) / max(1, len(both)), 1),
    }


async def noise(chosen: Path | None, near: Path) -> tuple[str, Audio]:
    """Name and sound of the noise: the one chosen, else a recorded one near a folder (kitchen
    first), else one that is made. Raises AudioError."""
    if chosen is not None:
        return chosen.name, await asyncio.to_thread(read, chosen)
    places = (near, near.parent, near.parent.parent)
    found = [
        path
        for place in places
        for pattern in ("noise/*", "*/noise/*", "*noise*")
        for path in sorted(place.glob(pattern))
        if path.suffix.lower() in SOUNDS
    ]
    found.sort(key=lambda path: "kitchen" not in path.name)
    if found:
        return found[0].name, await asyncio.to_thread(read, found[0])
    return "made", made_noise()


def made_noise() -> Audio:
    """Pink noise, always the same: as loud in each octave, like a ventilator or distant rain."""
    count = MADE * SAMPLE_RATE
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(count))
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    wave = np.fft.irfft(spectrum, count)
    return Audio((wave / np.abs(wave).max() * 20_000).astype("<i2").tobytes())
