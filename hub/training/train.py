"""Training in stages that go on where the last one stopped.

A folder holds a run: `checkpoint-….pt` (the newest two), `log.jsonl` (one line a step or a
validation). A stage takes the newest checkpoint, trains for some minutes, and saves every few.
Killed at any time, it loses the minutes since it last saved. Warm-up, then a constant rate, so
that the number of stages need not be known; the last stage lets the rate fall to nothing.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import math
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hub.training.bytewise import ByteNetwork
from hub.training.gemma import GemmaNetwork
from hub.training.lora import Adapter, Base, Network, load
from hub.training.pack import Row, Tokenize, pack
from hub.training.score import VALIDATION_ITEMS, VALIDATION_SEED, Tally, held_out

SOURCE = "hub.training.generate"
"""Module whose `samples(seed, held_out=…)` draws samples without end."""
BLOCK = 200
"""Samples drawn with one seed of the generator: a stage that goes on draws at most so many again
to get to where it was."""
LONGEST = 1200
"""Tokens of a row at most."""
SAVE_SECONDS = 240.0
VALIDATION_SECONDS = 600.0
CALIBRATION = 4
"""Rows that the scales of 8-bit numbers are found with."""
KEPT = 2
"""Checkpoints that stay."""
CLIP = 1.0
"""Length of a gradient at most."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is made with; kept in its checkpoints."""

    seed: int = 0
    rank: int = 16
    alpha: float = 32.0
    frozen: int = 0
    """Lower layers that stay as they are."""
    rate: float = 1e-3
    """Learning rate after the warm-up."""
    warmup: int = 40
    """Steps."""
    homes: int = 4
    """Samples of a step."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    step: int = 0
    samples: int = 0
    items: int = 0
    tokens: int = 0
    seconds: float = 0.0
    """Spent on training, over all stages."""
    decay: float = 0.0
    """0-1: how much of the last stage is done."""


@dataclass(frozen=True, slots=True)
class Score:
    """How a model answers samples that it was not trained on."""

    loss: float
    """Mean over the tokens of all answers."""
    tally: Tally
    """An answer is right if it is the likeliest as a whole."""


class Trainer:
    """A run in memory: the network, its optimizer, and where it is."""

    def __init__(
        self,
        base: Base,
        settings: Settings,
        *,
        threads: int = 0,
        calibration: Sequence[Row] = (),
    ) -> None:
        """`calibration`: some rows to find the scales of 8-bit numbers with; none: 32 bits."""
        self.settings, self.progress = settings, Progress()
        self.adapter = Adapter(
            base.shape, settings.rank, alpha=settings.alpha, frozen=settings.frozen
        )
        self.adapter.start(settings.seed)
        self.network = network(base, self.adapter, calibration)
        self._parameter = torch.nn.Parameter(self.adapter.vector)
        self._optimizer = torch.optim.AdamW(
            [self._parameter], lr=settings.rate, betas=(0.9, 0.99), weight_decay=0.0, foreach=False
        )
        count = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(count, "rows", torch.set_num_threads, (1,))
        self._gradients = [torch.zeros_like(self.adapter.vector) for _ in range(count)]

    def close(self) -> None:
        self._pool.shutdown()

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        warm = min(1.0, (self.progress.step + 1) / max(1, self.settings.warmup))
        return self.settings.rate * warm * (1.0 - self.progress.decay)

    def step(self, rows: Sequence[Row]) -> float:
        """Learn from these rows; the mean loss of their answers' tokens."""
        started = time.perf_counter()
        asked = sum(len(row.asked) for row in rows)

        def learned(shared: Sequence[Row], gradient: Tensor) -> float:
            views = self.adapter.views(gradient.zero_())
            return sum(self.network.learn(row, views, 1 / asked) for row in shared)

        shares = balanced(rows, len(self._gradients))
        loss = sum(self._pool.map(learned, shares, self._gradients)) / asked
        gradient, *others = self._gradients
        for other in others:
            gradient += other
        gradient *= min(1.0, CLIP / max(float(gradient.norm()), 1e-12))
        self._parameter.grad = gradient
        self._optimizer.param_groups[0]["lr"] = self.rate
        self._optimizer.step()
        self.network.merge(self._pool)
        done = self.progress
        self.progress = replace(
            done,
            step=done.step + 1,
            samples=done.samples + len(rows),
            items=done.items + sum(len(row.items) for row in rows),
            tokens=done.tokens + sum(map(len, rows)),
            seconds=done.seconds + time.perf_counter() - started,
        )
        return loss

    def score(self, rows: Sequence[Row]) -> Score:
        """Answers under greedy decoding: an answer is right if each of its tokens is the likeliest
        behind those before it."""
        self.network.exactly(self._pool)
        tally = Tally()
        loss = 0.0
        for row, logits in zip(rows, self._pool.map(self.network.logits, rows), strict=True):
            loss += float(torch.nn.functional.cross_entropy(logits, row.expected, reduction="sum"))
            wrong = set(row.owner[logits.argmax(1) != row.expected].tolist())
            for index, item in enumerate(row.items):
                tally.add(item, index not in wrong)
        self.network.merge(self._pool)
        return Score(loss / max(1, sum(len(row.asked) for row in rows)), tally)

    # --- checkpoints -----------------------------------------------------------------------------

    def save(self, folder: Path) -> Path:
        """Write a checkpoint; one that is cut short never takes the place of another."""
        path = folder / f"checkpoint-{self.progress.step:08}.pt"
        state = {
            "settings": asdict(self.settings),
            "progress": asdict(self.progress),
            "shape": asdict(self.adapter.shape),
            "vector": self.adapter.vector,
            "optimizer": self._optimizer.state_dict(),
        }
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        for old in checkpoints(folder)[:-KEPT]:
            old.unlink()
        return path

    @classmethod
    def resumed(
        cls, base: Base, path: Path, *, threads: int = 0, calibration: Sequence[Row] = ()
    ) -> Trainer:
        """The run as it was when this checkpoint was saved."""
        state = torch.load(path, weights_only=True)
        trainer = cls(base, Settings(**state["settings"]), threads=threads, calibration=calibration)
        trainer.progress = Progress(**state["progress"])
        trainer.adapter.vector.copy_(state["vector"])
        trainer._optimizer.load_state_dict(state["optimizer"])
        trainer.network.merge(trainer._pool)
        return trainer


def network(base: Base, adapter: Adapter, calibration: Sequence[Row] = ()) -> Network:
    """The network for a base. `calibration`: see `Trainer`; of gemma3, 16 bits instead of 8."""
    if base.shape.architecture == "gemma3":
        return GemmaNetwork(base, adapter, short=bool(calibration))
    if not calibration:
        return Network(base, adapter)
    rough = ByteNetwork(base, adapter)
    rough.calibrate(calibration)
    return rough


def multiplies_bytes() -> bool:
    """Whether this processor has instructions for products of 8-bit numbers (VNNI)."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_vnni" in text or "avx_vnni" in text


def checkpoints(folder: Path) -> list[Path]:
    """The oldest first."""
    return sorted(folder.glob("checkpoint-*.pt"))


def balanced(rows: Sequence[Row], shares: int) -> list[list[Row]]:
    """Rows as shares that take about the same time; the same for the same rows."""
    found: list[list[Row]] = [[] for _ in range(shares)]
    for row in sorted(rows, key=len, reverse=True):
        min(found, key=lambda share: sum(map(len, share))).append(row)
    return found


# --- the rows ------------------------------------------------------------------------------------


def tokenizer(base: Path) -> Tokenize:
    """The one that the hub asks with, llama.cpp's: marks are plain text."""
    from hub.engines.llama_native import Model

    model = Model(str(base), context=64, batch=8, threads=1, sequences=1, extra_buffers=False)

    def tokenize(text: str, *, begins: bool = False) -> Sequence[int]:
        return model.plain_tokens(text, begins=begins)

    return tokenize


def drawn(source: str, seed: int, start: int, tokenize: Tokenize) -> Iterator[Row]:
    """The rows of a run from its `start`-th sample on, without end."""
    samples = importlib.import_module(source).samples
    block, skipped = divmod(start, BLOCK)
    while True:
        for sample in islice(samples(seed * 1_000_003 + block), skipped, BLOCK):
            yield pack(sample, tokenize, longest=LONGEST)
        block, skipped = block + 1, 0


def held_out_rows(source: str, tokenize: Tokenize, least: int = VALIDATION_ITEMS) -> list[Row]:
    """At least so many items that no run is trained on."""
    samples = importlib.import_module(source).samples(VALIDATION_SEED, held_out=True)
    return [pack(sample, tokenize) for sample in held_out(samples, least)]


@contextmanager
def ahead(base: Path, source: str, seed: int, start: int) -> Iterator[Callable[[], Row]]:
    """`drawn`, in a process of its own that is some rows ahead: the next row at each call."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_draw, args=(there, base, source, seed, start), daemon=True)
    process.start()
    there.close()  # or the end of one process would not be seen by the other

    def following() -> Row:
        row: Row = pickle.loads(here.recv_bytes())
        return row

    try:
        yield following
    finally:
        here.close()
        process.join()


def _draw(there: Connection, base: Path, source: str, seed: int, start: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer saves, and then closes the pipe
    torch.set_num_threads(1)
    with suppress(BrokenPipeError):
        for row in drawn(source, seed, start, tokenizer(base)):
            there.send_bytes(pickle.dumps(row))


# --- a stage -------------------------------------------------------------------------------------


def stage(
    folder: Path,
    base: Path,
    settings: Settings,
    *,
    minutes: float = math.inf,
    steps: int | None = None,
    decay: bool = False,
    threads: int = 0,
    rough: bool = True,
    source: str = SOURCE,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> Progress:
    """Train for some minutes or steps, from the newest checkpoint of the folder if it has one,
    whose settings are then those that count. `decay`: the rate falls to nothing meanwhile.
    `rough`: products of 8-bit numbers, if the processor is fast at them.

    Ends early, with everything saved, at SIGINT or SIGTERM. With `steps`, the same settings give
    the same model on the same machine."""
    began = time.monotonic()
    prepare()
    folder.mkdir(parents=True, exist_ok=True)
    weights, before = load(base), checkpoints(folder)
    rows = held_out_rows(source, tokenizer(base))
    calibration = rows[:CALIBRATION] if rough and multiplies_bytes() else []
    if before:
        trainer = Trainer.resumed(weights, before[-1], threads=threads, calibration=calibration)
        say(f"going on from {before[-1].name}")
    else:
        trainer = Trainer(weights, settings, threads=threads, calibration=calibration)
    progress = trainer.progress
    first, decayed = progress.step, progress.decay
    saved = validated = time.monotonic()
    seed = trainer.settings.seed
    with _stopping() as stopped, ahead(base, source, seed, progress.samples) as following:
        while not stopped():
            part = (time.monotonic() - began) / (60 * minutes)
            if steps is not None:
                part = max(part, (trainer.progress.step - first) / steps)
            if part >= 1:
                break
            if decay:
                share = decayed + (1 - decayed) * part
                trainer.progress = replace(trainer.progress, decay=share)
            rate, started = trainer.rate, time.monotonic()
            batch = [following() for _ in range(trainer.settings.homes)]
            waited = time.monotonic() - started
            loss = trainer.step(batch)
            _log(folder, _step_line(trainer.progress, loss, rate, batch, started, waited))
            now = time.monotonic()
            if now - validated > VALIDATION_SECONDS:
                validated = now
                say(_validate(trainer, rows, folder))
            if now - saved > SAVE_SECONDS:
                saved = now
                trainer.save(folder)
    say(f"saved {trainer.save(folder).name}")
    if not stopped():
        say(_validate(trainer, rows, folder))
    trainer.close()
    return trainer.progress


def prepare() -> None:
    """Settings of the process without which training takes twice as long."""
    torch.set_num_threads(1)  # each row has a thread of its own
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for option in (-3, -1):  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
            libc.mallopt(option, 1 << 30)  # memory of large tensors is kept, not given back


def _step_line(
    progress: Progress, loss: float, rate: float, rows: Sequence[Row], started: float, waited: float
) -> dict[str, Any]:
    seconds = time.monotonic() - started
    return {
        "step": progress.step,
        "items": progress.items,
        "tokens": progress.tokens,
        "minutes": round(progress.seconds / 60, 2),
        "loss": round(loss, 4),
        "rate": float(f"{rate:.3g}"),
        "items_per_second": round(sum(len(row.items) for row in rows) / seconds, 1),
        "tokens_per_second": round(sum(map(len, rows)) / seconds),
        "waited": round(waited, 2),
    }


def _validate(trainer: Trainer, rows: Sequence[Row], folder: Path) -> str:
    score = trainer.score(rows)
    told = {"loss": round(score.loss, 4), **score.tally.told()}
    _log(folder, {"step": trainer.progress.step, "validation": told})
    return (
        f"step {trainer.progress.step}: {score.tally.exact:.1%} of "
        f"{score.tally.items.total()} held-out items exact, loss {score.loss:.4f}"
    )


def _log(folder: Path, line: dict[str, Any]) -> None:
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether somebody wants the process to end."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _frame: asked.append(got))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
