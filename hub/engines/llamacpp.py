"""A small language model (a GGUF file) run by llama.cpp.

`Engine` lives in the worker process; `LlamaModel` is the hub's side. Prompts are completed as they
are: the chat template inside a model file is a program by whoever made the file and never run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.engines.worker import Worker
from hub.errors import EngineError, ModelError
from hub.ports import Completion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hub.engines.llama_native import Grammar, Model

log = logging.getLogger(__name__)

ENGINE = "hub.engines.llamacpp:Engine"

CONTEXT = 2048
"""Tokens that are remembered at most, over all prefixes and the prompt."""
BATCH = 64
"""Tokens evaluated at once: more of them are no faster and take more working memory."""
PREFIXES = 3
"""Prefixes kept; the one not used for longest makes room."""
TOP = 256
"""Likeliest tokens that a grammar is asked about first."""
NEGLIGIBLE = 0.01
"""Share of unasked tokens, relative to the allowed ones, up to which the rest is left out."""
SLICE = 128
"""Tokens of a prefix read in one go: a Pi 4 takes about two seconds for them, and whoever asks
something meanwhile waits no longer."""
SECONDS = 10.0
"""Time for one completion."""


class LlamaModel:
    """A `LanguageModel` for one GGUF file.

    `notes` is a folder where the settings are remembered with which llama.cpp survived on this
    processor. Raises ModelError if the file is not there.
    """

    def __init__(
        self, path: Path, *, threads: int = 0, context: int = CONTEXT, notes: Path | None = None
    ) -> None:
        _check(path)
        variants = [{"extra_buffers": True}, {"extra_buffers": False}]
        self._notes = _Notes(notes) if notes else None
        if self._notes and self._notes.best() == variants[1]:
            variants.reverse()
        self._variants = variants
        common = {"path": str(path), "threads": threads, "context": context}
        self._worker = Worker(
            "language model",
            ENGINE,
            [common | variant for variant in variants],
            probe="probe",
            timeout=SECONDS + 5,
        )
        self._prefixes: list[str] = []
        self._noted = False
        self._primed = 0
        """Count of restarts at which the prefixes were evaluated last."""

    @property
    def worker(self) -> Worker:
        """The process, for measurements."""
        return self._worker

    def start_soon(self) -> None:
        """Begin loading the model."""
        self._worker.start_soon()

    async def start(self) -> None:
        """Load the model. Raises EngineError."""
        await self._worker.start()
        self._remember()

    async def close(self) -> None:
        await self._worker.close()

    async def prime(self, prefix: str) -> None:
        """Evaluate a prefix and keep it, beside others. Raises EngineError."""
        if prefix in self._prefixes:
            self._prefixes.remove(prefix)
        self._prefixes = [*self._prefixes[1 - PREFIXES :], prefix]
        await self._revive()
        await self._read(prefix)

    async def _read(self, prefix: str) -> None:
        """Let the model read a prefix in slices, between which it may be asked for something."""
        while (await self._worker.call("prime", prefix=prefix)).result["left"]:
            pass
        self._remember()

    async def complete(
        self, prompt: str, *, grammar: str | None = None, max_tokens: int = 64
    ) -> Completion:
        """Continue the prompt greedily. What `max_tokens` cuts off is not what `grammar` wants.

        Raises EngineError."""
        result = await self._call("complete", prompt=prompt, grammar=grammar, max_tokens=max_tokens)
        return Completion(**result)

    async def _call(self, method: str, **arguments: Any) -> Any:
        await self._revive()
        answer = await self._worker.call(method, **arguments)
        self._remember()
        return answer.result

    async def _revive(self) -> None:
        """A process that was started again has lost the prefixes: let it read them again."""
        if self._worker.restarts != self._primed:
            self._primed = self._worker.restarts
            for prefix in self._prefixes:
                await self._read(prefix)

    def _remember(self) -> None:
        """Note, once, that the first variant did not survive its loading."""
        if self._notes and self._worker.variant and not self._noted:
            self._noted = True
            self._notes.keep(self._variants[self._worker.variant])


@dataclass(slots=True)
class _Kept:
    """A sequence of tokens that is in llama.cpp's memory."""

    sequence: int
    tokens: list[int]


@dataclass(frozen=True, slots=True)
class _Step:
    """The likeliest token that was allowed, and the others, with their weights."""

    token: int
    weight: float
    total: float
    """Weight of all that were allowed."""
    others: list[tuple[int, float]]
    """Those which matter."""

    @classmethod
    def of(cls, tokens: NDArray[np.int32], logits: NDArray[np.float32]) -> _Step:
        import numpy as np

        chosen = logits[tokens].astype(np.float64)
        weights = np.exp(chosen - chosen.max())
        best = int(weights.argmax())
        total = float(weights.sum())
        matter = np.flatnonzero(weights > NEGLIGIBLE / 10 * total)
        others = [(int(tokens[i]), float(weights[i])) for i in matter if i != best]
        return cls(int(tokens[best]), float(weights[best]), total, others)


class Engine:
    """The model itself, in the worker process.

    Sequence 0 is the prompt at work, and of use for the next one; the others are prefixes.
    """

    def __init__(
        self,
        path: str,
        threads: int = 0,
        context: int = CONTEXT,
        batch: int = BATCH,
        extra_buffers: bool = True,
    ) -> None:
        from hub.engines.llama_native import Model

        self._model: Model = Model(
            path,
            context=context,
            batch=batch,
            threads=threads or os.cpu_count() or 1,
            sequences=PREFIXES + 1,
            extra_buffers=extra_buffers,
        )
        self._work = _Kept(0, [])
        self._prefixes: list[_Kept] = []
        """Least recently used first."""
        self._single = self._single_bytes()

    def probe(self) -> None:
        """Use the code paths for many tokens and for one, which die on some processors."""
        tokens = self._model.tokens("turn on the light in the kitchen and " * 16)
        tokens = tokens[: min(96, self._model.batch)]
        self._model.decode(tokens, 0, 0)
        self._model.decode(tokens[:1], 0, len(tokens))
        self._model.cut(0, 0)

    def prime(self, prefix: str) -> dict[str, int]:
        """Evaluate the next `SLICE` tokens of a prefix and keep them. `evaluated`: tokens that it
        took; `left`: tokens for further calls."""
        deadline = time.monotonic() + SECONDS
        tokens = self._model.tokens(prefix)
        target = self._begun(tokens)
        if target is None:
            if len(self._prefixes) == PREFIXES:
                self._forget(self._prefixes[0])
            free = set(range(1, PREFIXES + 1)) - {kept.sequence for kept in self._prefixes}
            target = _Kept(min(free), [])
            self._prefixes.append(target)
        self._used(target)
        end = min(len(tokens), max(len(target.tokens), self._known(tokens)[1]) + SLICE)
        evaluated = self._fill(target, tokens[:end], 0, deadline) if target.tokens != tokens else 0
        return {"evaluated": evaluated, "left": len(tokens) - end}

    def _begun(self, tokens: list[int]) -> _Kept | None:
        """The prefix that these tokens are, or of which it has the beginning."""
        for kept in self._prefixes:
            if kept.tokens and tokens[: len(kept.tokens)] == kept.tokens:
                return kept
        return None

    def complete(
        self,
        prompt: str,
        grammar: str | None = None,
        max_tokens: int = 64,
        seconds: float = SECONDS,
    ) -> dict[str, Any]:
        """See `hub.ports.LanguageModel` and `Completion`."""
        deadline = time.monotonic() + seconds
        rules = self._model.grammar(grammar) if grammar else None
        try:
            tokens = self._model.tokens(prompt)
            if not tokens:
                raise EngineError("an empty prompt cannot be completed")
            evaluated = self._fill(self._work, tokens, max_tokens, deadline)
            return self._write(rules, max_tokens, deadline) | {"prompt_tokens": evaluated}
        finally:
            if rules:
                rules.close()

    def _write(self, rules: Grammar | None, max_tokens: int, deadline: float) -> dict[str, Any]:
        steps: list[_Step] = []
        count = 0
        while True:
            step = self._step(rules)
            steps.append(step)
            if self._model.ends(step.token):
                break
            count += 1
            if rules:
                rules.accept(step.token)
                if self._single.size and not rules.allows(self._single).any():
                    break  # nothing but the end can follow: no need to compute that
            if count >= max_tokens:
                break
            if time.monotonic() > deadline:
                raise EngineError(f"the language model wrote only {count} tokens in time")
            self._model.decode([step.token], 0, len(self._work.tokens))
            self._work.tokens.append(step.token)
        text = b"".join(self._model.piece(step.token) for step in steps[:count])
        return {
            "text": text.decode("utf-8", errors="ignore"),
            "probability": self._probability(steps, text),
            "tokens": count,
        }

    def _step(self, rules: Grammar | None) -> _Step:
        """What may come next.

        A grammar is slow to ask about 262,144 tokens, so it is asked about the likeliest. The
        others count as forbidden if all of them together could change a probability by no more
        than 1 %; otherwise it is asked about all."""
        import numpy as np

        logits = self._model.logits()
        everything = np.arange(len(logits), dtype=np.int32)
        if rules is None:
            return _Step.of(everything, logits)
        if len(logits) > TOP:
            weights = np.exp(logits - logits.max())
            likeliest = np.argpartition(weights, -TOP)[-TOP:].astype(np.int32)
            allowed = likeliest[rules.allows(likeliest)]
            rest = weights.sum(dtype=float) - weights[likeliest].sum(dtype=float)
            if len(allowed) and rest <= NEGLIGIBLE * weights[allowed].sum(dtype=float):
                return _Step.of(allowed, logits)
        allowed = everything[rules.allows(everything)]
        if not len(allowed):
            raise EngineError("the grammar allows nothing that the model could write")
        return _Step.of(allowed, logits)

    def _probability(self, steps: Sequence[_Step], text: bytes) -> float:
        """Product over the steps of the share of those tokens that go on with the text.

        A text can be cut into tokens in several ways ("of" and "o", "f"); all are the same
        answer, and only tokens that lead to another one lower its probability. Where two answers
        begin with the same letters, those letters as a token of their own count for the one that
        was written, which is a little too much."""
        product, position = 1.0, 0
        for step in steps:
            ends = self._model.ends(step.token)
            rest = text[position:]
            share = sum(
                weight
                for token, weight in step.others
                if (
                    self._model.ends(token)
                    if ends
                    else (piece := self._model.piece(token)) and rest.startswith(piece)
                )
            )
            product *= (step.weight + share) / step.total
            position += len(self._model.piece(step.token))
        return min(1.0, product)

    def _fill(self, target: _Kept, tokens: Sequence[int], more: int, deadline: float) -> int:
        """Make `target` hold the tokens, with logits for what follows; how many it took.

        The longest beginning that is already known is not evaluated again."""
        source, common = self._known(tokens)
        source, common = self._make_room(target, source, common, len(tokens) + more)
        if source is None or source is target:
            self._model.cut(target.sequence, common)
        else:
            self._model.copy(source.sequence, target.sequence, common)
            self._used(source)
        target.tokens = list(tokens[:common])
        try:
            for start in range(common, len(tokens), self._model.batch):
                if time.monotonic() > deadline:
                    raise EngineError(f"the language model read only {start} tokens in time")
                part = list(tokens[start : start + self._model.batch])
                self._model.decode(part, target.sequence, start)
                target.tokens += part
        except EngineError:
            self._model.cut(target.sequence, len(target.tokens))
            raise
        return len(tokens) - common

    def _known(self, tokens: Sequence[int]) -> tuple[_Kept | None, int]:
        """The sequence that shares the longest beginning, always short of the last token."""
        best: _Kept | None = None
        longest = 0
        for kept in [self._work, *self._prefixes]:
            common = _common(kept.tokens, tokens[:-1])
            if common < len(kept.tokens) and not self._model.partial_copies:
                continue
            if common > longest:
                best, longest = kept, common
        return best, longest

    def _make_room(
        self, target: _Kept, source: _Kept | None, common: int, length: int
    ) -> tuple[_Kept | None, int]:
        """Forget sequences until `length` tokens fit into `target`, the source last of all.

        Raises EngineError if they never do."""
        room = self._model.context - length
        if room < 0:
            raise EngineError(
                f"the prompt is too long: {length} tokens with the answer, and at most "
                f"{self._model.context} are possible"
            )

        def used() -> int:
            """Cells beside the target's; the common ones are shared."""
            shared = common if source is not target else 0
            others = [kept for kept in [self._work, *self._prefixes] if kept is not target]
            return sum(len(kept.tokens) for kept in others) - shared

        for kept in [self._work, *self._prefixes]:
            if used() > room and kept is not target and kept is not source:
                self._forget(kept)
        if used() > room and source is not None:
            self._forget(source)
            return None, 0
        return source, common

    def _used(self, kept: _Kept) -> None:
        if kept in self._prefixes:
            self._prefixes.remove(kept)
            self._prefixes.append(kept)

    def _forget(self, kept: _Kept) -> None:
        self._model.cut(kept.sequence, 0)
        kept.tokens = []
        if kept in self._prefixes:
            self._prefixes.remove(kept)

    def _single_bytes(self) -> NDArray[np.int32]:
        """Tokens of one byte: if a grammar allows none of them, it allows only the end.

        None if the vocabulary lacks one that a text may go on with."""
        import numpy as np

        pieces = ((token, self._model.piece(token)) for token in range(self._model.vocabulary))
        single = {piece: token for token, piece in pieces if len(piece) == 1}
        complete = all(bytes([byte]) in single for byte in (0x0A, *range(0x20, 0x7F)))
        return np.array([*single.values()] if complete else [], np.int32)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{path}: the language model cannot be read: {error}") from error
    if magic != b"GGUF":
        raise ModelError(f"{path}: not a language model: a GGUF file is needed")


class _Notes:
    """Remembers which settings llama.cpp survived, for this processor and version."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "llamacpp.json"
        version = importlib.metadata.version("llama-cpp-python")
        self._key = f"{version} {_processor()}"

    def best(self) -> Any:
        return self._all().get(self._key)

    def keep(self, settings: Any) -> None:
        """A note that cannot be written costs a second at the next start and nothing else."""
        notes = self._all()
        if notes.get(self._key) == settings:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(notes | {self._key: settings}), encoding="utf-8")
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error)

    def _all(self) -> dict[str, Any]:
        try:
            notes = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return notes if isinstance(notes, dict) else {}


def _processor() -> str:
    """Names the processor with what it can do: a virtual machine may hide part of it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    wanted = ("model name", "flags", "Features", "CPU part", "Model")
    lines = sorted({line for line in text.splitlines() if line.startswith(wanted)})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
