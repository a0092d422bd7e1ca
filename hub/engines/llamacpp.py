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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.engines.choosing import Automaton, Branch, search, told
from hub.engines.kept import BRANCHES, PREFIXES, SEQUENCES, Memory
from hub.engines.worker import Worker
from hub.errors import EngineError, EngineSlow, ModelError
from hub.ports import Chosen, Completion, Options, Step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hub.engines.llama_native import Grammar, Model, Token

log = logging.getLogger(__name__)

ENGINE = "hub.engines.llamacpp:Engine"

CONTEXT = 2048
"""Tokens that are remembered at most, over all prefixes and the prompt."""
OWN_CONTEXT = 896
"""The same for a model with a prompt of its own (`format`), which has no prefix and few things in
it: 210 tokens were the most of any sentence measured, and 384 are for its answers. Each takes
23 KB of SmolLM2."""
BATCH = 96
"""Tokens evaluated at once. With 64, a prompt of 71 tokens takes a twelfth longer; 128 are no
faster for most sentences, and take more working memory."""
TOP = 256
"""Likeliest tokens that a grammar is asked about first."""
NEGLIGIBLE = 0.01
"""Share of unasked tokens, relative to the allowed ones, up to which the rest is left out."""
SLICE = 128
"""Tokens of a prefix read in one go: a Pi 4 takes about two seconds for them, and whoever asks
something meanwhile waits no longer."""
SECONDS = 10.0
"""Time for one completion."""
REST = 600.0
"""Seconds for which a model is left alone that was killed, or too slow, again and again: rules
answer meanwhile, and at once."""
SPINS = "10000"
"""Turns that a thread waits for another before it sleeps (libgomp). The library's own 300,000
take the processor from whom they wait for: beside other work, 60 tokens took ten times as long.
Without any, a token takes 16 ms instead of 5 on a quiet machine. Both measured."""
WIDTH = 4
"""Answers followed at a time."""
LONGEST_ANSWER = 64
"""Tokens of an answer that is chosen among options."""
KEPT_PIECES = 20_000
"""Pieces of answers whose tokens are remembered: the words of a home come again and again."""


class LlamaModel:
    """A `LanguageModel` for one GGUF file.

    `notes` is a folder where the settings are remembered with which llama.cpp survived on this
    processor. `adapter` is a GGUF file of what fine-tuning added (LoRA); `format` the prompt it was
    tuned for. Raises ModelError if a
    file is not there or not of its kind.
    """

    def __init__(
        self,
        path: Path,
        *,
        adapter: Path | None = None,
        format: str = "",
        threads: int = 0,
        device: str = "cpu",
        context: int = 0,
        notes: Path | None = None,
    ) -> None:
        """`context`: tokens that are remembered at most; 0: as many as the format needs."""
        self.format = format
        _check(path, "a language model")
        if adapter is not None:
            _check(adapter, "an adapter")
        variants = [{"extra_buffers": True}, {"extra_buffers": False}]
        self._notes = _Notes(notes) if notes else None
        if self._notes and self._notes.best() == variants[1]:
            variants.reverse()
        self._variants = variants
        common = {
            "path": str(path),
            "adapter": str(adapter) if adapter else None,
            "threads": threads,
            "gpu": device == "cuda",
            "context": context or (OWN_CONTEXT if format else CONTEXT),
        }
        self._worker = Worker(
            "language model",
            ENGINE,
            [common | variant for variant in variants],
            probe="probe",
            timeout=SECONDS + 5,
            rest=REST,
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

    async def choose(
        self,
        prompt: str,
        options: Options,
        *,
        width: int = WIDTH,
        enough: float = 0.0,
        idle: Sequence[str] = (),
    ) -> tuple[Chosen, ...]:
        """See `hub.ports.ChoosingModel`. Raises EngineError."""
        states = [[list(piece) for piece in state] for state in options]
        result = await self._call(
            "choose",
            prompt=prompt,
            options=states,
            width=width,
            enough=enough,
            idle=list(idle),
        )
        return tuple(_chosen(answer, result) for answer in result["answers"])

    async def rank(self, prompt: str, answers: Sequence[str]) -> tuple[float, ...]:
        """Logarithms of the probabilities that the model goes on with each of these answers,
        among all texts. Raises EngineError."""
        result = await self._call("rank", prompt=prompt, answers=list(answers))
        return tuple(result["likelihoods"])

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


def _chosen(answer: dict[str, Any], result: dict[str, Any]) -> Chosen:
    steps = (
        Step(s["text"], s["probability"], s["raw"], tuple((t, p) for t, p in s["others"]))
        for s in answer["steps"]
    )
    return Chosen(
        answer["text"],
        answer["probability"],
        answer["raw"],
        tuple(steps),
        result["prompt_tokens"],
        result["tokens"],
    )


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
    """The model itself, in the worker process."""

    def __init__(
        self,
        path: str,
        threads: int = 0,
        context: int = CONTEXT,
        batch: int = BATCH,
        extra_buffers: bool = True,
        adapter: str | None = None,
        gpu: bool = False,
    ) -> None:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
        from hub.engines.llama_native import Model

        self._model: Model = Model(
            path,
            context=context,
            batch=batch,
            threads=threads or len(os.sched_getaffinity(0)),
            sequences=SEQUENCES,
            extra_buffers=extra_buffers,
            adapter=adapter,
            gpu=gpu,
        )
        self._memory = Memory(self._model)
        self._chose = False
        """Since the last rest."""
        self._single = self._single_bytes()
        self._pieces: dict[str, tuple[int, ...]] = {}
        self._ends: list[int] | None = None

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
        target = self._memory.prefix(tokens)
        end = min(len(tokens), max(len(target.tokens), self._memory.known(tokens)[1]) + SLICE)
        evaluated = 0
        if target.tokens != tokens:
            evaluated = self._memory.fill(target, tokens[:end], 0, deadline)
        return {"evaluated": evaluated, "left": len(tokens) - end}

    def rest(self) -> None:
        """Called when an answer was sent and nobody waits."""
        if self._chose:
            self._chose = False
            self._memory.keep()

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
            evaluated = self._memory.fill(self._memory.work, tokens, max_tokens, deadline)
            return self._write(rules, max_tokens, deadline) | {"prompt_tokens": evaluated}
        finally:
            if rules:
                rules.close()

    def choose(
        self,
        prompt: str,
        options: Options,
        width: int = WIDTH,
        most: int = LONGEST_ANSWER,
        seconds: float = SECONDS,
        enough: float = 0.0,
        idle: Sequence[str] = (),
    ) -> dict[str, Any]:
        """See `hub.ports.ChoosingModel`. Words in the prompt are never marks of a template."""
        deadline = time.monotonic() + seconds
        automaton = Automaton(options, self._piece_tokens)
        automaton.start()
        self.rest()
        self._chose = True
        tokens = self._model.plain_tokens(prompt, begins=True)
        reader = _Reader(self, tokens, most * width, deadline)
        try:
            found = search(
                automaton,
                reader,
                width=width,
                most=most,
                check=_until(deadline),
                enough=enough,
                idle=tuple(token for piece in idle for token in self._piece_tokens(piece)),
            )
        finally:
            reader.close()
        return {
            "answers": [told(branch, reader) for branch in found],
            "prompt_tokens": reader.prompt_tokens,
            "tokens": reader.read,
        }

    def rank(self, prompt: str, answers: Sequence[str], seconds: float = SECONDS) -> dict[str, Any]:
        """Log-likelihoods of whole answers. Their common beginnings are read once, and as many as
        fit into a batch at once."""
        deadline = time.monotonic() + seconds
        tokens = self._model.plain_tokens(prompt, begins=True)
        paths = [self._piece_tokens(answer) for answer in answers]
        if not tokens or not all(paths):
            raise EngineError("an empty prompt or answer cannot be ranked")
        evaluated = self._memory.fill(self._memory.work, tokens, self._model.batch, deadline)
        following: dict[tuple[int, ...], NDArray[np.float64]] = {
            (): _log_shares(self._model.logits())
        }
        try:
            for batch, asked in self._trees({path[:-1] for path in paths}, len(tokens)):
                _until(deadline)()
                self._model.evaluate(batch)
                for index, path in asked:
                    following[path] = _log_shares(self._model.logits(index))
                self._memory.forget_answers()
        finally:
            self._memory.forget_answers()
        found = [
            sum(float(following[path[:i]][token]) for i, token in enumerate(path)) for path in paths
        ]
        return {"likelihoods": found, "prompt_tokens": evaluated}

    def _trees(
        self, paths: set[tuple[int, ...]], start: int
    ) -> Iterator[tuple[list[Token], list[tuple[int, tuple[int, ...]]]]]:
        """Batches that hold all beginnings of these paths, with the index of each in its batch.

        What ends a path in a batch has a sequence of its own, which all before it share."""
        from hub.engines.llama_native import OUTPUTS, Token

        room = min(self._model.batch, OUTPUTS)
        waiting = sorted(path for path in paths if path)
        while waiting:
            nodes: dict[tuple[int, ...], list[int]] = {}
            taken = 0
            for path in waiting:
                new = [path[:i] for i in range(1, len(path) + 1) if path[:i] not in nodes]
                if taken == BRANCHES or (nodes and len(nodes) + len(new) > room):
                    break
                sequence = self._memory.answers[taken]
                taken += 1
                self._model.copy(0, sequence, start)
                for i in range(1, len(path) + 1):
                    nodes.setdefault(path[:i], []).append(sequence)
            if len(nodes) > room:
                raise EngineError("an answer is too long to be ranked")
            waiting = waiting[taken:]
            ordered = sorted(nodes, key=lambda path: (len(path), path))
            batch = [
                Token(path[-1], start + len(path) - 1, tuple(nodes[path]), True) for path in ordered
            ]
            yield batch, list(enumerate(ordered))

    def _piece_tokens(self, text: str) -> tuple[int, ...]:
        """Tokens of a piece of an answer."""
        if text not in self._pieces:
            if len(self._pieces) >= KEPT_PIECES:
                self._pieces.clear()
            self._pieces[text] = tuple(self._model.plain_tokens(text, begins=False))
        return self._pieces[text]

    def end_tokens(self) -> list[int]:
        """Tokens that end a text."""
        if self._ends is None:
            self._ends = [t for t in range(self._model.vocabulary) if self._model.ends(t)]
        return self._ends

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
                raise EngineSlow(f"the language model wrote only {count} tokens in time")
            self._model.decode([step.token], 0, len(self._memory.work.tokens))
            self._memory.work.tokens.append(step.token)
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

    def _single_bytes(self) -> NDArray[np.int32]:
        """Tokens of one byte: if a grammar allows none of them, it allows only the end.

        None if the vocabulary lacks one that a text may go on with."""
        import numpy as np

        pieces = ((token, self._model.piece(token)) for token in range(self._model.vocabulary))
        single = {piece: token for token, piece in pieces if len(piece) == 1}
        complete = all(bytes([byte]) in single for byte in (0x0A, *range(0x20, 0x7F)))
        return np.array([*single.values()] if complete else [], np.int32)


class _Reader:
    """Lets the search read with an engine's model; see `hub.engines.choosing.Reader`."""

    def __init__(self, engine: Engine, prompt: list[int], more: int, deadline: float) -> None:
        self._engine = engine
        self._model = engine._model
        self._prompt = prompt
        self._more = more
        self._deadline = deadline
        self._memory = engine._memory
        self._free = list(self._memory.answers)
        self._begun = False
        self.prompt_tokens = 0
        """Tokens of the prompt that were not known yet."""
        self.read = 0
        """Tokens of answers that were evaluated."""

    def piece(self, token: int) -> bytes:
        return self._model.piece(token)

    def ends(self) -> Sequence[int]:
        return self._engine.end_tokens()

    def logits_after(self, asked: Sequence[Branch]) -> list[NDArray[np.float32]]:
        if not self._begun:
            return [self._begin(asked[0])]
        found: list[NDArray[np.float32]] = []
        for group in self._groups(asked):
            batch = [token for branch in group for token in self._unread(branch)]
            self.read += len(batch)
            self._model.evaluate(batch)
            places = [index for index, token in enumerate(batch) if token.asked]
            found += [self._model.logits(place).copy() for place in places]
        return found

    def _begin(self, first: Branch) -> NDArray[np.float32]:
        """Read the prompt, and with it what every answer begins with."""
        self._begun = True
        whole = [*self._prompt, *first.tokens]
        if not whole:
            raise EngineError("an empty prompt cannot be completed")
        self._memory.recall(whole)
        self.prompt_tokens = self._memory.fill(self._memory.work, whole, self._more, self._deadline)
        return self._model.logits().copy()

    def _groups(self, asked: Sequence[Branch]) -> Iterator[list[Branch]]:
        """Branches that fit into one batch; one with more than that is read up to its last
        tokens."""
        group: list[Branch] = []
        size = 0
        for branch in asked:
            if group and size + branch.unread > self._model.batch:
                yield group
                group, size = [], 0
            group.append(branch)
            size += branch.unread
        yield group

    def _unread(self, branch: Branch) -> list[Token]:
        from hub.engines.llama_native import Token

        start = len(branch.tokens) - branch.unread
        end = len(branch.tokens)
        return [
            Token(branch.tokens[i], len(self._prompt) + i, (branch.sequence,), i == end - 1)
            for i in range(start, end)
        ]

    def copy(self, branch: Branch) -> int | None:
        if not self._free:
            return None
        sequence = self._free.pop()
        self._model.copy(branch.sequence, sequence, len(self._prompt) + len(branch.tokens) - 1)
        return sequence

    def drop(self, branch: Branch) -> None:
        if branch.sequence:
            self._model.cut(branch.sequence, 0)
            self._free.append(branch.sequence)

    def close(self) -> None:
        """Forget the answers; the prompt stays."""
        self._memory.forget_answers()
        if self._begun:
            self._model.cut(0, len(self._memory.work.tokens))


def _until(deadline: float) -> Callable[[], None]:
    def check() -> None:
        if time.monotonic() > deadline:
            raise EngineSlow("the language model did not choose in time")

    return check


def _log_shares(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    import numpy as np

    wide = logits.astype(np.float64)
    return wide - float(np.logaddexp.reduce(wide))


def _check(path: Path, what: str) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read as {what}: {error}") from error
    if magic != b"GGUF":
        raise ModelError(f"{path}: not {what}: a GGUF file is needed")


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
