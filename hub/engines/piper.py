"""Text to speech with Piper (a VITS model run by onnxruntime, sounds of words by espeak-ng).

`Engine` lives in the worker process; `PiperSynthesizer` is the hub's side. piper-tts is
GPL-3.0-or-later: nothing in the hub's own process imports it.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from hub.engines.heap import give_back
from hub.engines.worker import Worker
from hub.errors import ModelError
from hub.messages import Audio

SAMPLED_BYTES = 1 << 16
"""How much of each end of a voice file goes into its name."""
KEPT_BELOW = 32 << 20
"""Bytes of a freed block, at most, that is kept while a sentence is computed. The largest threshold
that glibc accepts."""


class PiperSynthesizer:
    """A `Synthesizer` for one Piper voice.

    `voice` is the .onnx file, its settings are beside it in .onnx.json; `pace` is the length of
    what is said relative to the voice's own. With `variation` 1 no two sentences sound quite the
    same, as the voice was made; with 0 one sentence always gives the same samples. Raises
    ModelError if the files are not there.
    """

    def __init__(
        self,
        voice: Path,
        *,
        threads: int = 0,
        pace: float = 1.0,
        variation: float = 1.0,
        sounds: str = "",
    ) -> None:
        """`sounds`: the language in which texts are pronounced, if not that of the voice."""
        self.name = f"piper-{voice.stem}-{_fingerprint(voice)}-{pace:g}-{variation:g}{sounds}"
        settings = {
            "voice": str(voice),
            "threads": threads,
            "pace": pace,
            "variation": variation,
            "sounds": sounds,
        }
        self._worker = Worker(
            "voice", "hub.engines.piper:Engine", [settings], probe="warm", timeout=20.0
        )

    @property
    def worker(self) -> Worker:
        """The process, for measurements."""
        return self._worker

    def start_soon(self) -> None:
        """Begin loading the voice."""
        self._worker.start_soon()

    async def start(self) -> None:
        """Load the voice. Raises EngineError."""
        await self._worker.start()

    async def close(self) -> None:
        await self._worker.close()

    async def synthesize(self, text: str) -> Audio:
        """Speak one sentence. Raises EngineError."""
        answer = await self._worker.call("synthesize", text=text)
        return Audio(answer.payload, answer.result["rate"])


class Engine:
    """The voice itself, in the worker process.

    `threads` 0 takes two: a third one gains little and the recognizer wants the rest.
    """

    def __init__(
        self,
        voice: str,
        threads: int = 0,
        pace: float = 1.0,
        variation: float = 1.0,
        sounds: str = "",
    ) -> None:
        import onnxruntime
        from piper import PiperConfig, PiperVoice, SynthesisConfig

        config = PiperConfig.from_dict(_json(Path(f"{voice}.json")))
        config.espeak_voice = sounds or config.espeak_voice
        _keep_blocks()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(2, len(os.sched_getaffinity(0)))
        options.inter_op_num_threads = 1
        # Sentences differ in length: what is kept from one would rarely serve the next.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        # Threads that spin while they wait slow each other down on a busy machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            voice, sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._voice = PiperVoice(session=session, config=config)
        self._synthesis = SynthesisConfig(
            length_scale=config.length_scale * pace,
            noise_scale=config.noise_scale * variation,
            noise_w_scale=config.noise_w_scale * variation,
        )

    def synthesize(self, text: str) -> tuple[dict[str, int], bytes]:
        """16-bit mono samples; none if there is nothing to pronounce."""
        chunks = self._voice.synthesize(text, self._synthesis)
        pcm = b"".join(chunk.audio_int16_bytes for chunk in chunks)
        return {"rate": self._voice.config.sample_rate}, pcm

    def rest(self) -> None:
        """Give back working memory."""
        give_back()

    def warm(self) -> None:
        """The first run takes longer than the others: let nobody wait for it."""
        self.synthesize("Ready.")


def _keep_blocks() -> None:
    """Keep freed memory while a sentence is computed: 100-200 MB, none in between.

    glibc asks the kernel for every large block anew, which costs a fifth of the time (mallopt(3),
    malloc_trim(3)). So blocks are kept until `Engine.rest`."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc alone has it
        m_mmap_threshold, m_trim_threshold = -3, -1
        libc.mallopt(m_mmap_threshold, KEPT_BELOW)
        libc.mallopt(m_trim_threshold, 1 << 30)


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: a Piper voice needs its settings there: {error}") from error
    return content


def _fingerprint(voice: Path) -> str:
    """Tells voices apart without reading all of a large file: its settings, size and ends."""
    digest = hashlib.sha256(json.dumps(_json(Path(f"{voice}.json")), sort_keys=True).encode())
    try:
        size = voice.stat().st_size
        with voice.open("rb") as file:
            digest.update(str(size).encode() + file.read(SAMPLED_BYTES))
            file.seek(max(0, size - SAMPLED_BYTES))
            digest.update(file.read())
    except OSError as error:
        raise ModelError(f"{voice}: the voice cannot be read: {error}") from error
    return digest.hexdigest()[:12]
