"""What a model has read and still holds in llama.cpp's memory, so that it is not read again.

Sequence 0 is the prompt at work; the next ones are prefixes, which were asked to be kept; the last
ones belong to answers while they are chosen among. Prompts of before lie beside llama.cpp's memory,
since people say much the same in a room, and what a prompt lists of it comes again. They are put
back to where they were: read from other places, the same numbers are added up in another order, and
in 8 bits that made an answer as much as 7 % likelier. Runs in the worker process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import EngineError, EngineSlow

if TYPE_CHECKING:
    from hub.engines.llama_native import Model

PREFIXES = 3
"""Prefixes kept; the one not used for longest makes room."""
EARLIER = 8
"""Prompts of before that are kept beside the last one. In 95 different sentences said in one room,
a fifth less is read than with the last one alone; twice as many would save a twentieth more."""
EARLIER_TOKENS = 480
"""Tokens that these have together at most. Each takes 23 KB of SmolLM2."""
BRANCHES = 12
"""Sequences beside the prompt's, for answers that are followed or compared together."""
SEQUENCES = 1 + PREFIXES + BRANCHES


@dataclass(slots=True)
class Kept:
    """A sequence of tokens that is in llama.cpp's memory."""

    sequence: int
    tokens: list[int]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A prompt of before, as llama.cpp gave it out."""

    tokens: list[int]
    state: bytes


class Memory:
    """The sequences of one model."""

    answers = range(1 + PREFIXES, SEQUENCES)
    """Sequences for answers."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.work = Kept(0, [])
        self.prefixes: list[Kept] = []
        """Least recently used first, as in `earlier`."""
        self.earlier: list[Earlier] = []

    def prefix(self, tokens: list[int]) -> Kept:
        """The prefix that these tokens are, or of which it has the beginning; or a new one."""
        for kept in self.prefixes:
            if kept.tokens and tokens[: len(kept.tokens)] == kept.tokens:
                self._used(kept)
                return kept
        if len(self.prefixes) == PREFIXES:
            self._forget(self.prefixes[0])
        free = set(range(1, 1 + PREFIXES)) - {kept.sequence for kept in self.prefixes}
        kept = Kept(min(free), [])
        self.prefixes.append(kept)
        return kept

    def keep(self) -> None:
        """Keep the prompt at work for when another has taken its place."""
        tokens = self.work.tokens
        if not tokens or len(tokens) > EARLIER_TOKENS or not self._model.partial_copies:
            return  # of a model that keeps only the end, whole prompts are of no use
        self.earlier = [each for each in self.earlier if each.tokens != tokens]
        self.earlier.append(Earlier(list(tokens), self._model.saved(self.work.sequence)))
        while (
            len(self.earlier) > EARLIER
            or sum(len(each.tokens) for each in self.earlier) > EARLIER_TOKENS
        ):
            del self.earlier[0]

    def recall(self, tokens: Sequence[int]) -> None:
        """Put at work what was kept, if it has more of the beginning of these tokens than what is
        there."""
        best = max(self.earlier, key=lambda each: _common(each.tokens, tokens), default=None)
        if best is None or _common(best.tokens, tokens[:-1]) <= self.known(tokens)[1]:
            return
        self.earlier.remove(best)
        self.earlier.append(best)
        self._make_room(self.work, self.work, 0, len(best.tokens))
        self._model.restore(self.work.sequence, best.state)
        self.work.tokens = list(best.tokens)

    def fill(self, target: Kept, tokens: Sequence[int], more: int, deadline: float) -> int:
        """Make `target` hold the tokens, with logits for what follows; how many it took.

        The longest beginning that is already known is not evaluated again; `more` tokens will
        follow. Raises EngineError if there is no room for them, EngineSlow at the deadline."""
        source, common = self.known(tokens)
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
                    raise EngineSlow(f"the language model read only {start} tokens in time")
                end = start + self._model.batch
                part = list(tokens[start:end])
                ahead = end < len(tokens)
                self._model.decode(part, target.sequence, start, asked=not ahead)
                target.tokens += part
        except EngineError:
            self._model.cut(target.sequence, len(target.tokens))
            raise
        return len(tokens) - common

    def known(self, tokens: Sequence[int]) -> tuple[Kept | None, int]:
        """The sequence that shares the longest beginning, always short of the last token."""
        best: Kept | None = None
        longest = 0
        for kept in [self.work, *self.prefixes]:
            common = _common(kept.tokens, tokens[:-1])
            if common < len(kept.tokens) and not self._model.partial_copies:
                continue
            if common > longest:
                best, longest = kept, common
        return best, longest

    def forget_answers(self) -> None:
        """Forget the answers; the prompts stay."""
        for sequence in self.answers:
            self._model.cut(sequence, 0)

    def _make_room(
        self, target: Kept, source: Kept | None, common: int, length: int
    ) -> tuple[Kept | None, int]:
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
            others = [kept for kept in [self.work, *self.prefixes] if kept is not target]
            return sum(len(kept.tokens) for kept in others) - shared

        for kept in [self.work, *self.prefixes]:
            if used() > room and kept is not target and kept is not source:
                self._forget(kept)
        if used() > room and source is not None:
            self._forget(source)
            return None, 0
        return source, common

    def _used(self, kept: Kept) -> None:
        if kept in self.prefixes:
            self.prefixes.remove(kept)
            self.prefixes.append(kept)

    def _forget(self, kept: Kept) -> None:
        self._model.cut(kept.sequence, 0)
        kept.tokens = []
        if kept in self.prefixes:
            self.prefixes.remove(kept)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
