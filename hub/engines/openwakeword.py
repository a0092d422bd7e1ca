"""openWakeWord in a worker process: checks what another detector found, or listens itself.

About ten times as expensive as microWakeWord, and of an entirely different kind (a network on top
of Google's speech embedding), so that the two are not wrong about the same sounds.
"""

from __future__ import annotations

import os
import sys
import types
from collections import deque
from pathlib import Path
from typing import Any

from hub.engines.heap import give_back
from hub.engines.worker import Worker
from hub.errors import ModelError

ENGINE = "hub.engines.openwakeword:OpenWakeWordEngine"

STEP_SAMPLES = 1280
"""80 ms, the step of the models."""
TAIL_STEPS = 3
"""Steps of silence after what is verified: the score is highest up to 0.2 s after the word."""


class OpenWakeWordEngine:
    """The engine. Runs in the worker process.

    Paths of three ONNX models: the wake word's and the two that all wake words share.
    Raises ModelError."""

    def __init__(self, model: str, melspectrogram: str, embedding: str) -> None:
        # Read by numpy's BLAS when it is loaded: its threads would only take memory here.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        _without_training()
        import numpy as np
        import onnxruntime
        from openwakeword.model import Model

        self._numpy = np
        self._name = Path(model).stem
        onnxruntime.SessionOptions = _frugal(onnxruntime.SessionOptions)
        try:
            self._model = Model(
                [model],
                inference_framework="onnx",
                melspec_model_path=melspectrogram,
                embedding_model_path=embedding,
            )
        # onnxruntime's exceptions have no common base but Exception; ValueError is for the name.
        except Exception as error:
            raise ModelError(f"{model}: not an openWakeWord model: {error}") from error
        self._quiet = self._features_of_quiet()
        self.reset()
        give_back()  # the library's constructor computes features of four seconds at once: 70 MB

    def wake(self, payload: bytes) -> dict[str, Any]:
        """Highest score, 0-1, in the next stretch of the stream."""
        return {"score": self._score(payload)}

    def verify(self, payload: bytes) -> dict[str, Any]:
        """Highest score, 0-1, in a stretch of two or three seconds, heard on its own."""
        self.reset()
        steps = -(-len(payload) // (2 * STEP_SAMPLES)) + TAIL_STEPS
        padded = payload.rjust((steps - TAIL_STEPS) * 2 * STEP_SAMPLES, b"\0")
        return {"score": self._score(padded.ljust(steps * 2 * STEP_SAMPLES, b"\0"))}

    def reset(self) -> None:
        """Forget the sound so far, as if the room had been quiet.

        The library's own reset computes four seconds of random features each time, and its model
        then says nothing for five calls."""
        features = self._model.preprocessor
        features.melspectrogram_buffer = self._numpy.ones((76, 32))
        features.feature_buffer = self._quiet.copy()
        # Only as much as a call takes in is needed: the library makes a list of all of it.
        features.raw_data_buffer = deque(maxlen=16_000 * 4)
        features.raw_data_remainder = self._numpy.empty(0)
        features.accumulated_samples = 0
        self._model.prediction_buffer.clear()
        self._model.prediction_buffer[self._name].extend([0.0] * 5)

    def _score(self, pcm: bytes) -> float:
        samples = self._numpy.frombuffer(pcm, "<i2")
        return round(float(self._model.predict(samples)[self._name]), 4)

    def _features_of_quiet(self) -> Any:
        noise = self._numpy.random.default_rng(0).integers(-8, 8, 16_000 * 2)
        self._model.preprocessor(noise.astype("<i2")[: 25 * STEP_SAMPLES])
        return self._model.preprocessor.feature_buffer[-16:]


def _without_training() -> None:
    """Importing openwakeword imports what trains its models, and with it scikit-learn and scipy:
    90 MB for a function that nobody calls here. Put an empty module in its place."""
    name = "openwakeword.custom_verifier_model"
    module = types.ModuleType(name)
    module.train_custom_verifier = None  # type: ignore[attr-defined]
    sys.modules.setdefault(name, module)


def _frugal(options: Any) -> Any:
    """Session options that do not keep memory for the largest input ever seen. The library makes
    its own, so they are changed where it finds them."""

    def made() -> Any:
        result = options()
        result.enable_cpu_mem_arena = False
        result.enable_mem_pattern = False
        return result

    return made


def files_in(folder: Path) -> dict[str, str]:
    """The engine's settings for a model folder. Raises ModelError.

    The folder holds `melspectrogram.onnx`, `embedding_model.onnx` and one other .onnx file."""
    shared = {
        "melspectrogram": folder / "melspectrogram.onnx",
        "embedding": folder / "embedding_model.onnx",
    }
    own = [path for path in sorted(folder.glob("*.onnx")) if path not in shared.values()]
    if missing := [path for path in shared.values() if not path.is_file()]:
        raise ModelError(f"{missing[0]}: there is no such file")
    if len(own) != 1:
        raise ModelError(f"{folder}: expected one wake word model, found {len(own)}")
    return {name: str(path) for name, path in shared.items()} | {"model": str(own[0])}


class OpenWakeWord:
    """openWakeWord, a `hub.wakeword.Verifier` and also a `hub.wakeword.Detector`."""

    cutoff = 0.5
    """Recommended by its author."""

    def __init__(self, files: dict[str, str]) -> None:
        self.model = Path(files["model"]).stem.partition("_v")[0]
        self.phrase = self.model.replace("_", " ").title()
        self.worker = Worker("openwakeword", ENGINE, [files], timeout=10.0)

    async def close(self) -> None:
        await self.worker.close()

    async def verify(self, pcm: bytes) -> float:
        answer = await self.worker.call("verify", pcm)
        return float(answer.result["score"])

    async def score(self, pcm: bytes) -> float:
        answer = await self.worker.call("wake", pcm)
        return float(answer.result["score"])

    async def reset(self) -> None:
        await self.worker.call("reset")
