"""Speech to text for the hub: Whisper in a worker process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.engines.worker import Worker
from hub.messages import Audio, Hypothesis, Utterance

TIMEOUT = 20.0
"""Seconds a recognition may take; a Pi needs about three for whisper-base."""


class WhisperRecognizer:
    """Implements `hub.ports.Recognizer`."""

    def __init__(
        self,
        folder: Path,
        *,
        languages: Sequence[str] = ("en",),
        threads: int = 0,
        hypotheses: int = 2,
        device: str = "cpu",
    ) -> None:
        """`folder` holds the model. `languages` are the codes among which one is found if
        `recognize` is not told; threads 0: one per core; device "cuda": the GPU, and where
        that fails the processor."""
        self.languages = tuple(languages)
        self.worker = Worker(
            "recognizer",
            "hub.engines.whisper:Engine",
            [
                {"folder": str(folder), "threads": threads, "hypotheses": hypotheses, "device": on}
                for on in dict.fromkeys((device, "cpu"))
            ],
            probe="warm",
            timeout=TIMEOUT,
        )

    async def start(self) -> None:
        """Load the model. Raises EngineError."""
        await self.worker.start()

    async def close(self) -> None:
        await self.worker.close()

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        """What was said in `audio`, 30 s at most. Raises EngineError.

        `names` of the home make their own spelling likelier. `language` is a BCP 47 code; without,
        one of `languages` is found."""
        return await self._heard(audio, language, names=list(names))

    async def readings(
        self, audio: Audio, *, language: str, names: Sequence[str] = ()
    ) -> Utterance:
        """As `recognize`, with the less likely readings. Raises EngineError."""
        return await self._heard(audio, language, names=list(names), wide=True)

    async def weigh(self, audio: Audio, texts: Sequence[str], *, language: str) -> Sequence[float]:
        """Log-probability of each text as what was said in `audio`. Raises EngineError."""
        answer = await self.worker.call(
            "weigh", audio.pcm, rate=audio.rate, language=language, texts=list(texts)
        )
        weights: list[float] = answer.result["weights"]
        return weights

    async def _heard(self, audio: Audio, language: str | None, **how: Any) -> Utterance:
        answer = await self.worker.call(
            "recognize",
            audio.pcm,
            rate=audio.rate,
            language=language,
            languages=list(self.languages),
            **how,
        )
        found = answer.result
        return Utterance(
            tuple(Hypothesis(each["text"], each["score"]) for each in found["hypotheses"]),
            found["language"],
        )
