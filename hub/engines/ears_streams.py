"""Ears for several streams of sound at once, such as those that satellites send.

One worker process, a detector and a voice activity detector for each stream: 3 MB and 4 ms each,
while a process of its own would take 65 MB. It is not the process of the room's own ears, so that
no number of streams makes those slower.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from hub.engines.ears import Ears, described
from hub.engines.worker import Worker

MOST = 64
"""Streams that are kept; beyond that the one that was silent for longest is forgotten."""


class Streams:
    """The engine. Runs in the worker process.

    `wake_model` is that of `hub.engines.ears.Ears`. Raises ModelError."""

    def __init__(self, wake_model: str | None = None) -> None:
        self._wake_model = wake_model
        self._streams: dict[int, Ears] = {}
        self._ears(0, wake_model)  # whether the model can be loaded is known now
        self._streams.clear()

    def wake(self, payload: bytes, stream: int) -> dict[str, Any]:
        """Highest probability of the wake word, 0-1, in the next stretch of a stream."""
        return self._ears(stream, self._wake_model).wake(payload)

    def speech(self, payload: bytes, stream: int) -> dict[str, Any]:
        """Probability of speech, 0-1, in each frame of 512 samples of a stream."""
        return self._ears(stream, None).speech(payload)

    def forget(self, stream: int) -> None:
        """The stream has ended, or jumps."""
        self._streams.pop(stream, None)

    def _ears(self, stream: int, wake_model: str | None) -> Ears:
        ears = self._streams.pop(stream, None) or Ears(wake_model)
        self._streams[stream] = ears
        if len(self._streams) > MOST:
            del self._streams[next(iter(self._streams))]
        return ears


class EarStreams:
    """The hub's side: makes detectors for new streams."""

    def __init__(self, wake_model: Path | None) -> None:
        """`wake_model` is a microWakeWord description; None: no wake words. Raises ModelError."""
        self._description = described(wake_model) if wake_model else None
        self._wake_model = wake_model
        self._numbers = itertools.count(1)
        settings = {"wake_model": str(wake_model) if wake_model else None}
        self.worker = Worker(
            "ear streams", "hub.engines.ears_streams:Streams", [settings], timeout=10.0
        )

    @property
    def phrase(self) -> str | None:
        """What wakes; None if nothing does."""
        return str(self._description["wake_word"]) if self._description else None

    async def close(self) -> None:
        await self.worker.close()

    def detector(self) -> StreamDetector:
        """A detector for a stream. Only where there is a wake model."""
        assert self._description is not None and self._wake_model is not None
        return StreamDetector(
            self.worker, next(self._numbers), self._wake_model.stem, self._description
        )

    def voices(self) -> StreamVoices:
        """Voice activity in a stream."""
        return StreamVoices(self.worker, next(self._numbers))


class StreamDetector:
    """microWakeWord in one stream, a `hub.wakeword.Detector`."""

    def __init__(
        self, worker: Worker, stream: int, model: str, description: dict[str, Any]
    ) -> None:
        self.model = model
        self.phrase: str = description["wake_word"]
        self.cutoff = float(description["micro"]["probability_cutoff"])
        self._worker = worker
        self._stream = stream
        self._begun = False

    async def score(self, pcm: bytes) -> float:
        self._begun = True
        answer = await self._worker.call("wake", pcm, stream=self._stream)
        return float(answer.result["score"])

    async def reset(self) -> None:
        if self._begun:
            self._begun = False
            await self._worker.call("forget", stream=self._stream)


class StreamVoices:
    """Silero VAD in one stream, a `hub.ports.VoiceActivity`."""

    def __init__(self, worker: Worker, stream: int) -> None:
        self._worker = worker
        self._stream = stream
        self._begun = False

    async def process(self, pcm: bytes) -> list[float]:
        self._begun = True
        answer = await self._worker.call("speech", pcm, stream=self._stream)
        return [float(probability) for probability in answer.result["probabilities"]]

    async def reset(self) -> None:
        if self._begun:
            self._begun = False
            await self._worker.call("forget", stream=self._stream)
