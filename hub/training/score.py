"""How a model file answers what it was not trained on, asked through the hub's own engine."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.engines.llamacpp import Engine
from hub.training.samples import Item, Sample

VALIDATION_ITEMS = 300
VALIDATION_SEED = 1
SECONDS = 600.0
"""For one answer: the machine may be busy with a training, or this process stopped meanwhile."""
LENGTHS = (60, 100)
"""Tokens of the prompts that are timed."""
WRITTEN = 4
"""Tokens of the answers that are timed."""


@dataclass(slots=True)
class Tally:
    """Items and right answers, by kind and language."""

    right: Counter[tuple[str, str]] = field(default_factory=Counter)
    items: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, item: Item, right: bool) -> None:
        self.items[item.kind, item.language] += 1
        self.right[item.kind, item.language] += right

    @property
    def exact(self) -> float:
        """0-1"""
        return self.right.total() / max(1, self.items.total())

    def by(self, part: int) -> dict[str, list[int]]:
        """Right ones and all, by kind (0) or by language (1)."""
        found: dict[str, list[int]] = {}
        for key, count in sorted(self.items.items()):
            entry = found.setdefault(key[part], [0, 0])
            entry[0] += self.right[key]
            entry[1] += count
        return found

    def told(self) -> dict[str, Any]:
        """For a log."""
        return {"exact": round(self.exact, 4), "kinds": self.by(0), "languages": self.by(1)}

    def table(self) -> str:
        """For a person: a line for each kind, a column for each language."""
        languages = sorted({language for _, language in self.items})
        kinds = sorted({kind for kind, _ in self.items})
        lines = [["", *languages, "all"]]
        for kind in [*kinds, "all"]:
            cells = [self._cell(kind, language) for language in [*languages, "all"]]
            lines.append([kind, *cells])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        )

    def _cell(self, kind: str, language: str) -> str:
        wanted = [
            key for key in self.items if kind in (key[0], "all") and language in (key[1], "all")
        ]
        count = sum(self.items[key] for key in wanted)
        right = sum(self.right[key] for key in wanted)
        return f"{right}/{count} {right / count:4.0%}" if count else "-"


def held_out(samples: Iterator[Sample], least: int) -> list[Sample]:
    """The first samples, with at least so many items."""
    found: list[Sample] = []
    count = 0
    while count < least:
        sample = next(samples)
        found.append(sample)
        count += len(sample.items)
    return found


def answered(engine: Engine, samples: Iterable[Sample]) -> Iterator[tuple[Item, str]]:
    """Each item with what the model answers; greedily, and free to say anything."""
    for sample in samples:
        for item in sample.items:
            enough = len(engine._piece_tokens(f" {item.answer}\n"))
            found = engine.complete(sample.home + item.prompt, max_tokens=enough, seconds=SECONDS)
            yield item, found["text"]


def tallied(answers: Iterable[tuple[Item, str]]) -> Tally:
    """An answer is right if it is the item's, with the end of its line."""
    tally = Tally()
    for item, answer in answers:
        tally.add(item, answer == f" {item.answer}\n")
    return tally


def timed(engine: Engine, samples: Iterable[Sample], length: int, times: int = 15) -> list[float]:
    """Seconds for prompts of so many tokens of which nothing is known yet, and a short answer."""
    text = "".join(sample.home + item.prompt for sample in samples for item in sample.items)
    tokens = engine._model.plain_tokens(text, begins=False)
    found = []
    for start in range(0, min(len(tokens) - length, length * times), length):
        prompt = b"".join(engine._model.piece(token) for token in tokens[start : start + length])
        began = time.perf_counter()
        engine.complete(
            prompt.decode("utf-8", errors="ignore"), max_tokens=WRITTEN, seconds=SECONDS
        )
        found.append(time.perf_counter() - began)
    return found


def speed(engine: Engine, samples: list[Sample]) -> str:
    """For a person: milliseconds for prompts of each length."""
    parts = []
    for length in LENGTHS:
        seconds = timed(engine, samples, length)
        parts.append(
            f"{length} tokens in, {WRITTEN} out: {statistics.median(seconds) * 1e3:.0f} ms "
            f"(quickest {min(seconds) * 1e3:.0f})"
        )
    return "; ".join(parts)


def engine(model: Path, adapter: Path | None = None, *, threads: int = 0) -> Engine:
    """The hub's engine in this process."""
    return Engine(str(model), adapter=str(adapter) if adapter else None, threads=threads)
