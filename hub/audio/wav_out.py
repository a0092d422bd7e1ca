"""Replies as WAV files, for those who want to hear them later, and for tests."""

from __future__ import annotations

import asyncio
import io
import wave
from pathlib import Path

from hub.audio.pcm import mixed
from hub.errors import AudioError, reason
from hub.messages import Audio
from hub.ports import Beneath

SAMPLE, RATE = 3.0, 16_000
"""Seconds of an endless sound that are written when it begins, at so many samples a second."""


class WavFolder:
    """An `AudioSink` that writes each sound to a file of its own: `001.wav`, `002.wav`, …

    Numbers go on after those of files that are there. Raises AudioError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._backdrop: Beneath | None = None

    async def play(self, audio: Audio) -> None:
        if backdrop := self._backdrop:
            beneath = backdrop.read(len(audio.pcm) // 2, audio.rate, True)
            audio = Audio(mixed(audio.pcm, beneath), audio.rate)
        try:
            await asyncio.to_thread(self._write, audio)
        except OSError as error:
            raise AudioError(f"{self._folder}: cannot be written: {reason(error)}") from error

    async def under(self, backdrop: Beneath | None) -> None:
        """An endless sound: the first seconds of it are a file, and replies are mixed with it."""
        self._backdrop = None
        if backdrop is not None:
            count = round(SAMPLE * RATE)
            beneath = await asyncio.to_thread(backdrop.read, count, RATE)
            await self.play(Audio(mixed(bytes(2 * count), beneath), RATE))
        self._backdrop = backdrop

    async def close(self) -> None:
        """Nothing to close."""

    def _write(self, audio: Audio) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(p.stem) for p in self._folder.glob("*.wav") if p.stem.isdecimal()]
        path = self._folder / f"{max(numbers, default=0) + 1:03d}.wav"
        path.write_bytes(wav(audio))


def wav(audio: Audio) -> bytes:
    """The sound as the content of a WAV file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.writeframes(audio.pcm)
    return content.getvalue()
