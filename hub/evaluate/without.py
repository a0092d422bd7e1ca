"""Hours of sound without the wake word: people who talk, and noise.

Made while it is listened to, and kept nowhere. The same seed makes the same texts and noises.
What is said comes from the documentation of Python and from Home Assistant's sentences in several
languages, or from a file; spoken by Piper at different paces and pitches, and by espeak-ng, if that
is installed, with its many voices. Speech is as loud and in as much noise as it is in rooms.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import random
import re
import shutil
import wave
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hub.audio.pcm import resampled
from hub.errors import EngineError
from hub.messages import SAMPLE_RATE, Audio
from hub.ports import Synthesizer

KINDS = ("piper", "espeak", "espeak", "noise")
"""What follows what. Piper takes most of the time to make."""
LANGUAGES = ("en", "en", "de", "fr", "es", "nl", "it")
"""Of espeak's sentences."""
VARIANTS = ("", "+f2", "+f3", "+f4", "+f5", "+m1", "+m3", "+m5", "+m7", "+croak", "+whisper")
"""Of espeak's voices."""
WORDS = 60
"""Words that are said in one go, about."""
NOISE_SECONDS = 20.0
LEVELS = (0.03, 0.5)
"""Peaks of speech, full scale 1."""
RATIOS = (5.0, 35.0)
"""Decibels of speech over the noise in its room."""

log = logging.getLogger(__name__)

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some seconds of it."""

    kind: str
    said: str
    """The text, or what noise it is."""
    pcm: bytes
    """16 kHz, 16 bits, mono."""


async def sound(
    seconds: float,
    voice: Synthesizer | None,
    *,
    never: Sequence[str],
    texts: Path | None = None,
    seed: int = 1,
) -> AsyncIterator[Stretch]:
    """So many seconds, in stretches. `never`: words that are not said; `texts`: a file with a
    sentence a line. Raises EngineError."""
    dice = random.Random(seed)
    noises = np.random.default_rng(seed)
    talk = _Talk(dice, never, texts)
    espeak = shutil.which("espeak-ng")
    left = seconds
    while left > 0:
        for kind in KINDS:
            if kind == "noise" or (kind == "piper" and voice is None):
                stretch = _noise(dice, noises)
            elif kind == "espeak" and espeak:
                stretch = await _espeak(espeak, talk, dice, noises)
            elif voice is not None:
                try:
                    stretch = await _piper(voice, talk, dice, noises)
                except EngineError as error:  # hours are not given up for a sentence
                    log.warning("not spoken: %s", error)
                    continue
            else:
                continue
            left -= len(stretch.pcm) / 2 / SAMPLE_RATE
            yield stretch


class _Talk:
    """What people say."""

    def __init__(self, dice: random.Random, never: Sequence[str], texts: Path | None) -> None:
        self._dice = dice
        self._never = re.compile("|".join(map(re.escape, never)) or r"(?!)", re.IGNORECASE)
        own = texts.read_text(encoding="utf-8").splitlines() if texts else None
        self._prose = own or list(_documentation())
        self._own = own is not None
        self._templates: dict[str, list[str]] = {}

    def text(self, language: str = "en") -> str:
        """A paragraph of a language without a word that is never said."""
        parts: list[str] = []
        while sum(len(part.split()) for part in parts) < WORDS:
            whole = self._own or (language == "en" and self._dice.random() < 0.6)
            part = self._dice.choice(self._prose) if whole else self._sentence(language)
            if part and not self._never.search(part):
                parts.append(part.strip().rstrip(".") + ".")
        return " ".join(parts)

    def _sentence(self, language: str) -> str:
        """One of Home Assistant's sentences, with alternatives chosen by chance."""
        if language not in self._templates:
            data = resources.files("home_assistant_intents") / "data" / f"{language}.json"
            intents = json.loads(data.read_text(encoding="utf-8"))["intents"]
            self._templates[language] = [
                sentence
                for intent in intents.values()
                for group in intent["data"]
                for sentence in group["sentences"]
            ]
        text = self._dice.choice(self._templates[language])
        while (chosen := re.sub(r"[\[(][^\[\]()]*[\])]", self._chosen, text)) != text:
            text = chosen
        text = re.sub(r"\{[^}]*\}", lambda _: self._dice.choice(NAMES), text)
        return " ".join(re.sub(r"<[^>]*>|[\[\](){}|;]", " ", text).split())

    def _chosen(self, match: re.Match[str]) -> str:
        parts = match[0][1:-1].split("|")
        optional = match[0][0] == "["
        return "" if optional and self._dice.random() < 0.5 else self._dice.choice(parts)


NAMES = (
    "lamp", "television", "ten", "forty two", "Charles", "kitchen", "garden", "java", "service",
    "Travis", "harvest", "nervous", "garage", "jar", "twenty", "Avis", "Paris", "half past six",
)  # fmt: skip
"""Things, numbers, and words that sound a little like a wake word."""


def _documentation() -> Iterator[str]:
    """Sentences of Python's documentation."""
    from pydoc_data.topics import topics

    for topic in topics.values():
        for paragraph in topic.split("\n\n"):
            text = re.sub(r"[*`|]|\[.*?\]", "", " ".join(paragraph.split()))
            for sentence in re.split(r"(?<=[.;:])\s+", text):
                if 5 < len(sentence.split()) < 40 and re.fullmatch(r"[\w\s,.;:'()-]+", sentence):
                    yield sentence


async def _piper(
    voice: Synthesizer, talk: _Talk, dice: random.Random, noises: np.random.Generator
) -> Stretch:
    text = talk.text()
    spoken = [await voice.synthesize(sentence) for sentence in re.split(r"(?<=\.)\s+", text)]
    pcm = b"".join(audio.pcm for audio in spoken)
    # Faster and higher, or slower and lower: another person.
    rate = round(spoken[0].rate * dice.uniform(0.8, 1.25))
    return Stretch(
        "piper", text, _in_a_room(resampled(Audio(pcm, rate), SAMPLE_RATE), dice, noises)
    )


async def _espeak(
    program: str, talk: _Talk, dice: random.Random, noises: np.random.Generator
) -> Stretch:
    language = dice.choice(LANGUAGES)
    text = talk.text(language)
    voice = language + dice.choice(VARIANTS)
    how = ["-v", voice, "-s", str(dice.randint(120, 210)), "-p", str(dice.randint(20, 80))]
    process = await asyncio.create_subprocess_exec(
        program, *how, "--stdout", "--stdin",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    wav, _ = await process.communicate(text.encode())
    if process.returncode:
        raise EngineError(f"{program} ended with status {process.returncode}")
    with wave.open(io.BytesIO(wav)) as file:
        rate = file.getframerate()
        pcm = wav[44:]  # the number of frames is not known when the header is written
    audio = resampled(Audio(pcm[: len(pcm) // 2 * 2], rate), SAMPLE_RATE)
    return Stretch(f"espeak {voice}", text, _in_a_room(audio, dice, noises))


def _in_a_room(audio: Audio, dice: random.Random, noises: np.random.Generator) -> bytes:
    """As loud as somebody is, with noise and an echo of the walls."""
    speech = np.frombuffer(audio.pcm, "<i2").astype(np.float32) / 32768
    echo = noises.normal(0, 1, 2400).astype(np.float32) * np.exp(-np.arange(2400) / 500)
    echo = np.concatenate([[1.0], dice.uniform(0.0, 0.08) * echo]).astype(np.float32)
    size = 1 << (len(speech) + len(echo)).bit_length()
    speech = np.fft.irfft(np.fft.rfft(speech, size) * np.fft.rfft(echo, size), size)[: len(speech)]
    speech *= dice.uniform(*LEVELS) / max(1e-6, float(np.abs(speech).max()))
    noise = _coloured(len(speech), dice.choice((0.0, 1.0, 2.0)), noises)
    power = float(np.mean(speech**2)) / 10 ** (dice.uniform(*RATIOS) / 10)
    noise *= (power / max(1e-12, float(np.mean(noise**2)))) ** 0.5
    return _pcm(speech + noise)


def _noise(dice: random.Random, noises: np.random.Generator) -> Stretch:
    """A fan, rain, something that clatters, music, voices in the next room."""
    count = round(NOISE_SECONDS * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    name = dice.choice(("fan", "rain", "clatter", "music", "hum"))
    if name == "fan":
        made = _coloured(count, 1.5, noises) * (1 + 0.3 * np.sin(2 * np.pi * time * 0.7))
    elif name == "rain":
        made = _coloured(count, 0.3, noises) * (1 + 0.5 * _coloured(count, 2.0, noises))
    elif name == "clatter":
        hits = (noises.random(count) < 4 / SAMPLE_RATE).astype(np.float32)
        ring = np.exp(-np.arange(3200) / dice.uniform(200, 900)) * np.sin(
            2 * np.pi * dice.uniform(300, 3000) * np.arange(3200) / SAMPLE_RATE
        )
        made = np.convolve(hits, ring)[:count] + 0.02 * _coloured(count, 1.0, noises)
    elif name == "music":
        made = np.zeros(count)
        for start in np.arange(0, NOISE_SECONDS, dice.choice((0.25, 0.4, 0.6))):
            note = 110 * 2 ** (dice.randint(0, 36) / 12)
            at = np.clip(time - start, 0, None)
            tone = sum(np.sin(2 * np.pi * note * n * at) / n for n in (1, 2, 3, 5))
            made += tone * np.exp(-at * 4) * (time >= start)
    else:
        parts = [np.sin(2 * np.pi * 50 * n * time) / n for n in range(1, 9)]
        made = np.sum(parts, axis=0)
    made = made / max(1e-6, float(np.abs(made).max())) * dice.uniform(*LEVELS)
    return Stretch("noise", name, _pcm(made))


def _coloured(count: int, steep: float, noises: np.random.Generator) -> Samples:
    """Noise whose power falls with pitch to this power: white 0, pink 1, brown 2."""
    spectrum = np.fft.rfft(noises.normal(0, 1, count))
    pitch = np.maximum(np.arange(len(spectrum)), 20 * count / SAMPLE_RATE)
    made = np.fft.irfft(spectrum / pitch ** (steep / 2), count)
    return (made / max(1e-9, float(np.abs(made).max()))).astype(np.float32)


def _pcm(samples: NDArray[np.floating]) -> bytes:
    return bytes((samples * 32767).clip(-32768, 32767).astype("<i2").tobytes())
