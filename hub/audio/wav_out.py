"""Replies as WAV files, for those who want to hear them later, and for tests."""

from __future__ import annotations

import asyncio
import io
import wave
from pathlib import Path

from hub.errors import AudioError, reason
from hub.messages import Audio


class WavFolder:
    """An `AudioSink` that writes each sound to a file of its own: `001.wav`, `002.wav`, …

    Numbers go on after those of files that are there. Raises AudioError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def play(self, audio: Audio) -> None:
        try:
            await asyncio.to_thread(self._write, audio)
        except OSError as error:
            raise AudioError(f"{self._folder}: cannot be written: {reason(error)}") from error

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
