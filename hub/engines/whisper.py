"""Whisper on a window as short as what was said. Runs inside a worker process.

faster-whisper's `transcribe()` computes 30 s of sound whatever was said, which is most of the time
a hub spends on a command of three. This uses faster-whisper's features and tokens and its
CTranslate2 model directly, on the speech and a few seconds of padding.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

from hub.engines import whisper_guards as guards
from hub.engines.heap import give_back
from hub.errors import ModelError
from hub.messages import SAMPLE_RATE

log = logging.getLogger(__name__)

HOP = 160
"""Samples between two frames of features: 10 ms."""
WINDOW = 3_000
"""Frames that the model was trained on: 30 s."""
SHORT = 850
"""Frames of the shortest window: below 8 s the decoder does not find the end and repeats. 850 and
a beam of two err as often as 1,000 and a beam of three, clean and in noise, in 0.85 of the time."""
TAIL = 200
"""Frames of padding after the speech, at least."""
LONGEST = 448
"""Tokens that the decoder has positions for."""
MOST_BEFORE = 128
"""Tokens of names or sentences at most: each costs time."""
TILT = 3.0
"""Decibels per octave by which the sound is made brighter for one more hearing."""
FASTER = 1.1
"""Speed of another one. What is wrong by chance is heard otherwise then, and what was said is not:
of recordings of a home in noise, a quarter of what was not understood is (measured)."""
LOUD = 0.6
"""Its highest level, full scale 1."""
KEPT = 6
"""Encoded sounds that are kept: as it is, brighter, faster; and those of other rooms meanwhile."""
WIDE = 8
"""Beam, and readings, of a second hearing without names: the encoder's work is done by then."""
SPEECH = 0.3
"""Probability of no speech below which somebody spoke, and is heard wide if nothing is believed."""
FIRST_MERGE = "Ġ t"
"""The pair of letters that English has most often: a blank and a 't'."""
NEVER = 1e-10
"""Probability of a token below which it makes no difference."""

Samples = NDArray[np.float32]


class Engine:
    """The model and one recognition at a time."""

    def __init__(
        self,
        folder: str,
        threads: int = 0,
        hypotheses: int = 2,
        beam: int = 2,
        device: str = "cpu",
    ) -> None:
        """`folder` holds model.bin, config.json and tokenizer.json; threads 0: one per core;
        device "cpu" or "cuda".

        Raises ModelError."""
        path = Path(folder)
        for name in ("model.bin", "config.json", "tokenizer.json"):
            if not (path / name).is_file():
                raise ModelError(f"{path} is not a Whisper model for CTranslate2: no {name}")
        self.threads = threads or len(os.sched_getaffinity(0))
        self._folder = folder
        # No GPU where CTranslate2 was built without CUDA, or the service may not use the device.
        self.device = device if ctranslate2.get_cuda_device_count() else "cpu"
        try:
            self._model = self._loaded()
            self._tokens = _tokenizer(path / "tokenizer.json")
            config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{path}: the Whisper model cannot be loaded: {error}") from error
        self._features = FeatureExtractor(feature_size=self._model.n_mels)
        self._suppressed = list(config.get("suppress_ids") or [-1])
        self._hypotheses = hypotheses
        self._beam = max(beam, hypotheses)
        self._encoded: dict[tuple[int, int], Any] = {}
        """By sound and window."""

    def _loaded(self) -> Any:
        return ctranslate2.models.Whisper(
            self._folder,
            device=self.device,
            compute_type="int8" if self.device == "cpu" else "int8_float16",
            inter_threads=1,
            intra_threads=self.threads,
        )

    def warm(self) -> dict[str, Any]:
        """Recognise a moment of noise, so that the first command is as fast as the others. A GPU
        whose libraries are missing is found out here, and the processor taken in its place."""
        noise = np.random.default_rng(0).normal(0, 300, SAMPLE_RATE).astype("<i2")
        try:
            return self.recognize(noise.tobytes(), language="en")
        except RuntimeError as error:
            if self.device == "cpu":
                raise
            log.warning("the GPU cannot be used: %s", error)
            self.device = "cpu"
            self._model = self._loaded()
            return self.recognize(noise.tobytes(), language="en")

    def rest(self) -> None:
        """Give back working memory: sounds of ever other lengths would let it grow for weeks, and
        a sixth of the process is for nothing."""
        give_back()

    def recognize(
        self,
        payload: bytes = b"",
        rate: int = SAMPLE_RATE,
        language: str | None = None,
        languages: list[str] | None = None,
        names: list[str] | None = None,
        wide: bool = False,
    ) -> dict[str, Any]:
        """Readings of 16-bit mono sound, best first: `{language, hypotheses: [{text, score}]}`.

        `names`: what may have been named, the likeliest first; a dozen at most are of use.
        `wide`: as many readings as there are, also the less likely ones, and those of the sound
        made brighter and faster."""
        samples = _samples(payload, rate)
        loudness = _loudness(samples)
        if loudness < guards.QUIET:
            return {"language": language or "en", "hypotheses": []}
        frames = -(-len(samples) // HOP)
        readings: list[tuple[str, float]] = []
        no_speech = 0.0
        for window in _windows(frames):
            encoded = self._encode(samples, window)
            code = self._language(encoded, language, languages)
            limit = guards.token_limit(len(samples) / SAMPLE_RATE)
            readings, no_speech = self._generate(encoded, code, limit, names or (), wide=wide)
            if readings and guards.unlooped(readings[0][0]) == readings[0][0]:
                break
        for altered in _altered(samples) if wide else ():
            encoded = self._encode(altered, _window(altered))
            readings += self._generate(encoded, code, limit, names or (), wide=True)[0]
        readings = guards.distinct([(guards.unlooped(text), score) for text, score in readings])
        kept = [
            {"text": text, "score": round(score, 4)}
            for text, score in readings
            if guards.is_speech(text, guards.Evidence(no_speech, score, loudness))
        ]
        if not (kept or wide) and no_speech < SPEECH:
            return self.recognize(payload, rate, language, languages, names, wide=True)
        return {"language": code, "hypotheses": kept, "no_speech": round(no_speech, 4)}

    def _encode(self, samples: Samples, window: int) -> Any:
        """The encoder's output for the sound and padding, `window` frames together. It is kept:
        the same sound is often heard again, with other names."""
        key = hash(samples.tobytes()), window
        if key not in self._encoded:
            features = self._features(samples)[:, :window]
            padded = np.zeros((features.shape[0], window), np.float32)
            padded[:, : features.shape[1]] = features
            view = ctranslate2.StorageView.from_array(padded[None])
            while len(self._encoded) >= KEPT:
                del self._encoded[next(iter(self._encoded))]
            self._encoded[key] = self._model.encode(view)
        return self._encoded[key]

    def _language(self, encoded: Any, language: str | None, allowed: list[str] | None) -> str:
        if not self._model.is_multilingual:
            return "en"
        if language:
            return language.split("-")[0].lower()
        found: list[str] = [token[2:-2] for token, _ in self._model.detect_language(encoded)[0]]
        codes = [code.split("-")[0].lower() for code in allowed or []]
        return next((code for code in found if not codes or code in codes), found[0])

    def weigh(
        self,
        payload: bytes = b"",
        rate: int = SAMPLE_RATE,
        language: str = "en",
        texts: list[str] | None = None,
    ) -> dict[str, Any]:
        """How likely it is that each text was said, by the sound: `{weights: [log-probability]}`.

        Of the whole text, not of a token, so that a long one has more to explain; the mean over
        the sound as it is and as it is altered for a wide hearing."""
        samples = _samples(payload, rate)
        tokenizer = self._tokenizer(language.split("-")[0].lower())
        said = [tokenizer.encode(f" {text.strip()}") for text in texts or ()]
        if not said:
            return {"weights": []}
        heard = [self._weights(each, said, tokenizer) for each in (samples, *_altered(samples))]
        return {"weights": [round(float(weight), 3) for weight in np.mean(heard, axis=0)]}

    def _weights(
        self, samples: Samples, said: Sequence[list[int]], tokenizer: Tokenizer
    ) -> list[float]:
        encoded = np.array(self._encode(samples, _window(samples)))
        several = ctranslate2.StorageView.from_array(np.repeat(encoded, len(said), axis=0))
        found = self._model.align(several, tokenizer.sot_sequence, said, [1] * len(said))
        return [float(np.log(np.maximum(f.text_token_probs, NEVER)).sum()) for f in found]

    def _tokenizer(self, language: str) -> Tokenizer:
        several = self._model.is_multilingual
        return Tokenizer(self._tokens, several, task="transcribe", language=language)

    def _generate(
        self,
        encoded: Any,
        language: str,
        limit: int,
        names: Sequence[str] = (),
        *,
        wide: bool = False,
    ) -> tuple[list[tuple[str, float]], float]:
        """Texts with their mean log-probability, and the probability that there is no speech.

        `names` are put where Whisper was trained to find the text of before, the likeliest next
        to the new one: it spells alike what sounds alike."""
        tokenizer = self._tokenizer(language)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        if names:
            before = tokenizer.encode(f" {', '.join(reversed(names))}")
            prompt = [tokenizer.sot_prev, *before[-MOST_BEFORE:], *prompt]
        result = self._model.generate(
            encoded,
            [prompt],
            beam_size=max(self._beam, WIDE) if wide else self._beam,
            num_hypotheses=max(self._hypotheses, WIDE) if wide else self._hypotheses,
            max_length=min(LONGEST, len(prompt) + limit),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )[0]
        texts = [tokenizer.decode(tokens).strip() for tokens in result.sequences_ids]
        return list(zip(texts, map(float, result.scores), strict=True)), result.no_speech_prob


def _tokenizer(path: Path) -> tokenizers.Tokenizer:
    """Whisper's tokenizer. Some files lack the first pair that is merged, as if it were a heading:
    then ' the' and ' timer' become letters, which Whisper never writes so, and names that begin
    with a 't' are no help to it."""
    told = json.loads(path.read_text(encoding="utf-8"))
    merges = told["model"]["merges"]
    first = FIRST_MERGE if merges and isinstance(merges[0], str) else FIRST_MERGE.split()
    if first not in merges and FIRST_MERGE.replace(" ", "") in told["model"]["vocab"]:
        merges.insert(0, first)
    return tokenizers.Tokenizer.from_str(json.dumps(told))


def _windows(frames: int) -> list[int]:
    """Frames to compute: short first, and longer ones in case the decoder repeats itself."""
    shortest = min(WINDOW, max(SHORT, frames + TAIL))
    return sorted({shortest, min(WINDOW, shortest + 500), WINDOW})


def _window(samples: Samples) -> int:
    """The shortest window for a sound."""
    return _windows(-(-len(samples) // HOP))[0]


def _altered(samples: Samples) -> tuple[Samples, ...]:
    """The same words as other sounds."""
    if not len(samples):
        return ()
    spectrum = np.fft.rfft(samples)
    pitch = np.maximum(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), 100) / 1_000
    brighter = np.fft.irfft(spectrum * pitch ** (TILT / 6.02), len(samples))
    brighter *= LOUD / max(1e-6, float(np.abs(brighter).max()))
    places = np.arange(0, len(samples) - 1, FASTER)
    faster = np.interp(places, np.arange(len(samples)), samples)
    return brighter.astype(np.float32), faster.astype(np.float32)


def _samples(pcm: bytes, rate: int) -> Samples:
    """Samples in -1..1 at 16 kHz, of the last 30 s at most; half a sample at the end is dropped."""
    samples = np.frombuffer(pcm, "<i2", count=len(pcm) // 2).astype(np.float32) / 32_768
    samples = samples[-30 * rate :]
    if rate != SAMPLE_RATE and len(samples):
        size = round(len(samples) * SAMPLE_RATE / rate)
        spectrum = np.fft.rfft(samples)[: size // 2 + 1]
        samples = np.fft.irfft(spectrum, size) * (size / len(samples))
    return samples.astype(np.float32, copy=False)


def _loudness(samples: Samples) -> float:
    """Root mean square of the loudest 100 ms."""
    size = SAMPLE_RATE // 10
    if not len(samples):
        return 0.0
    padded = np.append(samples, np.zeros(-len(samples) % size, np.float32)).reshape(-1, size)
    return float(np.sqrt((padded**2).mean(axis=1).max()))
