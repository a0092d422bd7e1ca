"""Speech recognition against recordings with transcripts, and against faster-whisper's own call."""

from __future__ import annotations

import asyncio
import csv
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from hub.audio import files
from hub.engines.worker import Worker
from hub.errors import ConfigError
from hub.messages import Audio

COMPARED = "hub.engines.whisper_peer:Engine"
SLOW = 120.0
"""Seconds allowed for one call: `transcribe()` tries six temperatures if it is in doubt."""

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen"""
_UNITS = {word: number for number, word in enumerate(_SMALL.split())}
_TENTHS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * number for number, word in enumerate(_TENTHS.split(), 2)}
_SHORT = {
    r"\b(what|that|it|who|where|how|there|here|he|she)'s\b": r"\1 is",
    r"\blet's\b": "let us",
    r"\bwon't\b": "will not",
    r"\bcan't\b": "can not",
    r"\bcannot\b": "can not",
    r"n't\b": " not",
    r"'re\b": " are",
    r"'ll\b": " will",
    r"'ve\b": " have",
    r"'d\b": " would",
    r"'m\b": " am",
    r"%": " percent ",
    r"°": " degrees ",
    r"(?<=\d)(?=[a-z])": " ",
}


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording and what is said in it."""

    name: str
    audio: Audio
    text: str
    """Empty if nothing in it is a command."""


def load(folder: Path, language: str = "en") -> list[Clip]:
    """Recordings in one language of a folder with `transcripts.tsv`: file, language, kind, text,
    seconds.

    Raises ConfigError if there is no such list, AudioError if a file is not sound."""
    return [
        Clip(row[0], files.read(folder / row[0]), row[3] if row[2] == "command" else "")
        for row in _listed(folder)
        if row[1] == language
    ]


def languages(folder: Path) -> list[str]:
    """The languages of such a folder's recordings. Raises ConfigError if there is no list."""
    return sorted({row[1] for row in _listed(folder)})


def _listed(folder: Path) -> list[list[str]]:
    listing = folder / "transcripts.tsv"
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{listing}: cannot be read: {error}") from error
    return [row for row in csv.reader(lines, delimiter="\t") if len(row) >= 4]


def normalised(text: str) -> list[str]:
    """Words as they are compared: like Whisper's English normaliser, lower case without
    punctuation, 'what is' for "what's", '30' for 'thirty'."""
    text = text.lower().replace("’", "'")
    for pattern, full in _SHORT.items():
        text = re.sub(pattern, full, text)
    text = re.sub(r"(?<=\d)[.,](?=\d)", "", text)
    words = re.sub(r"[^\w\s]|_", " ", text.replace("'", "")).split()
    return _with_digits(words)


def _with_digits(words: list[str]) -> list[str]:
    """'one hundred twenty two' becomes '122'; 'five two' stays two numbers."""
    result: list[str] = []
    number: int | None = None
    for word in [*words, ""]:
        if word == "hundred" and number is not None and 0 < number < 10:
            number *= 100
        elif word in _TENS and number is not None and number and number % 100 == 0:
            number += _TENS[word]
        elif word in _UNITS and number is not None and _fits(number, _UNITS[word]):
            number += _UNITS[word]
        else:
            if number is not None:
                result.append(str(number))
            number = _TENS.get(word, _UNITS.get(word))
            if number is None:
                result.append(word)
    return result[:-1]


def _fits(number: int, unit: int) -> bool:
    if number >= 100 and number % 100 == 0:
        return unit > 0
    return number >= 20 and number % 10 == 0 and number % 100 >= 20 and 0 < unit < 10


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Wrong, missing and surplus words per word that was said; pairs of said and heard."""
    errors = words = 0
    for said, heard in pairs:
        reference = normalised(said)
        errors += Levenshtein.distance(reference, normalised(heard))
        words += len(reference)
    return errors / words if words else 0.0


def bench_recognition(
    model_folder: Path, clips: Sequence[tuple[Audio, str]], *, threads: int = 0
) -> dict[str, Any]:
    """Ours and `transcribe()` on the same 16 kHz clips, in turn, in one worker process.

    `ratio` compares medians with the library's defaults (beam 5), `ratio_greedy` with beam 1.
    Raises EngineError. Must not be called on a running event loop."""
    return asyncio.run(_compared(model_folder, clips, threads))


async def _compared(
    folder: Path, clips: Sequence[tuple[Audio, str]], threads: int
) -> dict[str, Any]:
    worker = Worker(
        "recognizer under test",
        COMPARED,
        [{"folder": str(folder), "threads": threads}],
        probe="warm",
        timeout=SLOW,
    )
    ways: dict[str, tuple[str, dict[str, int]]] = {
        "ours": ("ours", {}),
        "transcribe": ("library", {"beam": 5}),
        "transcribe_greedy": ("library", {"beam": 1}),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    heard: dict[str, list[tuple[str, str]]] = {way: [] for way in ways}
    try:
        await worker.start()
        for audio, text in clips:
            for way, (method, arguments) in ways.items():
                answer = await worker.call(method, audio.pcm, **arguments)
                times[way].append(answer.result["ms"])
                heard[way].append((text, answer.result["text"]))
    finally:
        await worker.close()
    return {
        "clips": len(clips),
        "ratio": _ratio(times["transcribe"], times["ours"]),
        "ratio_greedy": _ratio(times["transcribe_greedy"], times["ours"]),
        **{f"{way}_ms": _spread(values) for way, values in times.items()},
        "word_error": {way: round(word_error_rate(pairs), 4) for way, pairs in heard.items()},
    }


def _ratio(slow: list[float], fast: list[float]) -> float:
    return round(statistics.median(slow) / statistics.median(fast), 2) if fast else 0.0


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))], 1),
        "mean": round(statistics.fmean(ordered), 1),
    }
