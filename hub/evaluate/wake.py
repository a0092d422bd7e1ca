"""How often the wake word is found where it was said, and where it was not.

Recordings are taken as a stream would bring them: in a second of a quiet room, in the same batches
as while listening. What was said in a recording is told by a table beside its folder
(`<phrase>.csv` with columns `file` and `phrase`), else by the name of its folder.
"""

from __future__ import annotations

import asyncio
import csv
import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.audio.files import read
from hub.audio.pcm import frames
from hub.errors import HearthError
from hub.listening import WAKE_FRAMES
from hub.messages import SAMPLE_RATE, Audio
from hub.ports import WakeWord

SOUNDS = (".flac", ".wav", ".ogg", ".mp3")
PADDING = 1.0
"""Seconds of a quiet room before and after each recording."""
HISS = 8
"""Loudness of that room: standard deviation of its samples."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, and what is said in it."""

    path: Path
    said: str


@dataclass(slots=True)
class WakeScore:
    """How one detector did."""

    phrase: str
    positives: int = 0
    missed: list[Path] = field(default_factory=list)
    twice: list[Path] = field(default_factory=list)
    """Found more than once, though said once."""
    negatives: int = 0
    negative_seconds: float = 0.0
    false: list[Path] = field(default_factory=list)
    """One entry for each time that it woke by mistake."""

    @property
    def found(self) -> int:
        return self.positives - len(self.missed)

    def __str__(self) -> str:
        parts = []
        if self.positives:
            share = 100 * self.found / self.positives
            parts.append(f"found {self.found} of {self.positives} ({share:.1f} %)")
            if self.twice:
                parts.append(f"{len(self.twice)} of them twice")
        if self.negatives:
            minutes = self.negative_seconds / 60
            parts.append(
                f"woke by mistake {len(self.false)} times "
                f"in {self.negatives} recordings ({minutes:.1f} min)"
            )
        return f"'{self.phrase}': " + ("; ".join(parts) or "no recordings")

    def to_json(self) -> dict[str, Any]:
        return {
            "phrase": self.phrase,
            "positives": self.positives,
            "found": self.found,
            "twice": len(self.twice),
            "negatives": self.negatives,
            "negative_seconds": round(self.negative_seconds, 1),
            "false_wakes": len(self.false),
            "missed_files": [str(path) for path in self.missed],
            "false_files": [str(path) for path in self.false],
        }


def clips(folder: Path) -> list[Clip]:
    """All recordings below a folder, with what is said in them."""
    listed = dict(_listed(folder))
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SOUNDS]
    return [Clip(path, listed.get(path) or path.parent.name) for path in found]


def _listed(folder: Path) -> Iterator[tuple[Path, str]]:
    for table in folder.glob("*.csv"):
        with table.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if {"file", "phrase"} <= set(rows.fieldnames or ()):
                yield from ((folder / row["file"], row["phrase"]) for row in rows)


async def evaluate_wake(
    wake: WakeWord,
    phrase: str,
    folders: Sequence[Path],
    *,
    noise: Audio | None = None,
    snr: float = 10.0,
) -> WakeScore:
    """Let a detector of `phrase` hear all recordings in the folders.

    With `noise`, each recording is mixed with a stretch of it, `snr` dB softer than its speech.
    Raises AudioError for a recording that cannot be read, EngineError, and HearthError if there
    are none."""
    score = WakeScore(phrase)
    every = [clip for folder in folders for clip in clips(folder)]
    if not every:
        raise HearthError(f"{', '.join(map(str, folders))}: there are no recordings")
    for clip in every:
        audio = await asyncio.to_thread(read, clip.path)
        if noise is not None:
            audio = mixed(audio, noise, snr)
        fired = await _fired(wake, audio)
        if _same(clip.said, phrase):
            score.positives += 1
            if fired != 1:
                (score.twice if fired else score.missed).append(clip.path)
        else:
            score.negatives += 1
            score.negative_seconds += audio.seconds
            score.false += [clip.path] * fired
    return score


async def _fired(wake: WakeWord, audio: Audio) -> int:
    """How often the wake word is found in a recording."""
    await wake.reset()
    room = _room()
    stream = list(frames(room + audio.pcm + room))
    fired = 0
    for start in range(0, len(stream), WAKE_FRAMES):
        fired += await wake.process(b"".join(stream[start : start + WAKE_FRAMES])) is not None
    return fired


def _room() -> bytes:
    """The same quiet room every time."""
    hiss = random.Random(1)
    count = round(PADDING * SAMPLE_RATE)
    return struct.pack(f"<{count}h", *(round(hiss.gauss(0, HISS)) for _ in range(count)))


def mixed(audio: Audio, noise: Audio, snr: float) -> Audio:
    """Speech with noise `snr` dB below it; both 16 kHz. Which stretch depends on the speech alone.

    The level of speech is that of its louder half, so that pauses do not count."""
    import numpy as np

    speech = np.frombuffer(audio.pcm, "<i2").astype("f4")
    background = np.frombuffer(noise.pcm, "<i2").astype("f4")
    start = len(audio.pcm) * 7919 % max(1, len(background) - len(speech))
    stretch = np.resize(background[start:], len(speech))
    windows = speech[: len(speech) // 320 * 320].reshape(-1, 320)
    powers = np.sort((windows**2).mean(axis=1))
    wanted = float(powers[len(powers) // 2 :].mean()) / 10 ** (snr / 10)
    gain = (wanted / max(1.0, float((stretch**2).mean()))) ** 0.5
    together = (speech + gain * stretch).clip(-32768, 32767)
    return Audio(together.astype("<i2").tobytes())


def _same(one: str, other: str) -> bool:
    return one.replace("_", " ").casefold() == other.replace("_", " ").casefold()
