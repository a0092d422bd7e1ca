"""Our recognition beside faster-whisper's own `transcribe()`, to be compared in one process."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

from hub.engines import whisper


class Engine(whisper.Engine):
    """Both, each with its own copy of the same model and the same number of threads."""

    def __init__(self, folder: str, threads: int = 0, **settings: Any) -> None:
        super().__init__(folder, threads, **settings)
        self._library = WhisperModel(
            folder,
            device="cpu",
            compute_type="int8",
            cpu_threads=self.threads,
            local_files_only=True,
        )

    def ours(self, payload: bytes, language: str = "en") -> dict[str, Any]:
        """Best reading and milliseconds."""
        started = time.perf_counter()
        found = self.recognize(payload, language=language)["hypotheses"]
        taken = time.perf_counter() - started
        return {"text": found[0]["text"] if found else "", "ms": taken * 1000}

    def library(self, payload: bytes, language: str = "en", beam: int = 5) -> dict[str, Any]:
        """What `transcribe()` makes of it, and milliseconds; a beam of 5 is its default."""
        samples = np.frombuffer(payload, "<i2").astype(np.float32) / 32_768
        started = time.perf_counter()
        segments, _ = self._library.transcribe(samples, language=language, beam_size=beam)
        text = " ".join(segment.text.strip() for segment in segments)
        return {"text": text, "ms": (time.perf_counter() - started) * 1000}
