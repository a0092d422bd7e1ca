"""Choosing among the answers that are allowed: a search that costs what is undecided.

The allowed answers are an automaton (`hub.ports.Options`). Where it leaves no choice nothing is
computed: forced tokens are read together with the next ones that matter. Few answers are followed
at a time, and only while they may still be meant. Runs in the worker process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from hub.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

END = -1
"""The state in which an answer is complete."""
FLOOR = math.log(0.05)
"""An answer that is this much less likely than the best is not followed: of 170 prompts of public
sets, none was decided otherwise than with 0.02."""
OTHERS = 3
"""Tokens told of those that were not chosen at a step."""

Place = tuple[int, tuple[int, ...]]
"""The state that is reached behind these tokens."""
Places = frozenset[Place]
DONE: Place = (END, ())


class Reader(Protocol):
    """The model, as far as the search needs it."""

    def logits_after(self, asked: Sequence[Branch]) -> list[NDArray[np.float32]]:
        """Read what is unread of each branch; what each expects next."""
        ...

    def copy(self, branch: Branch) -> int | None:
        """A sequence that holds what the branch's does; None if there is no room."""
        ...

    def drop(self, branch: Branch) -> None:
        """The branch's sequence is not needed any more."""
        ...

    def piece(self, token: int) -> bytes: ...

    def ends(self) -> Sequence[int]:
        """Tokens that end a text."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """A token that was chosen, and those that were not. 0-1: shares of the allowed ones."""

    text: str
    probability: float
    raw: float
    """Its share of all tokens there are."""
    others: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """An answer that is being written."""

    places: Places
    sequence: int
    tokens: tuple[int, ...] = ()
    unread: int = 0
    """How many of the last tokens the model has not read."""
    likelihood: float = 0.0
    """Logarithm of its probability among the allowed answers."""
    raw: float = 0.0
    """The same among all texts, but for tokens that were forced."""
    steps: tuple[Step, ...] = ()

    @property
    def done(self) -> bool:
        return self.places == {DONE}


@dataclass(slots=True)
class Automaton:
    """The allowed answers as tokens."""

    states: Sequence[Sequence[tuple[str, int]]]
    tokenize: Callable[[str], tuple[int, ...]]
    _opened: dict[int, Places] = field(default_factory=dict)

    def start(self) -> Places:
        return self._open(0)

    def _open(self, state: int) -> Places:
        if state == END:
            return frozenset([DONE])
        if state not in self._opened:
            self._opened[state] = frozenset()  # a piece without text that leads back here
            if not 0 <= state < len(self.states):
                raise EngineError(f"the options name a state {state} that there is not")
            found: set[Place] = set()
            for text, target in self.states[state]:
                tokens = self.tokenize(text) if text else ()
                found |= {(target, tokens)} if tokens else self._open(target)
            self._opened[state] = frozenset(found)
        return self._opened[state]

    def next(self, places: Places) -> dict[int, Places]:
        """The tokens that may follow, with what may follow them."""
        found: dict[int, set[Place]] = {}
        for target, tokens in places:
            if tokens:
                rest = tokens[1:]
                after = [(target, rest)] if rest else self._open(target)
                found.setdefault(tokens[0], set()).update(after)
        return {token: frozenset(after) for token, after in found.items()}


def search(
    automaton: Automaton,
    reader: Reader,
    *,
    width: int,
    most: int,
    check: Callable[[], None],
    enough: float = 0.0,
    idle: tuple[int, ...] = (),
) -> list[Branch]:
    """The likeliest answers, the best first; at least one. `most`: tokens of an answer at most.

    With `enough`, it ends as soon as one answer is that likely, or when all that are followed,
    but for `idle`, are not so together: then there may be none. `check` is called
    between steps and may raise. Raises EngineError for options that lead nowhere, or to no end
    within `most` tokens."""
    live, done = [Branch(automaton.start(), 0)], list[Branch]()
    while live:
        forced = [_forced(branch, automaton, most) for branch in live]
        done += [branch for branch in forced if branch.done]
        for branch in forced:
            if branch.done:
                reader.drop(branch)
        live = [branch for branch in forced if not branch.done]
        if not live or (enough and _settled(live, done, enough, idle)):
            break
        check()
        expected = reader.logits_after(live)
        live = [replace(branch, unread=0) for branch in live]
        grown = [
            (branch, child)
            for branch, logits in zip(live, expected, strict=True)
            for child in _grown(branch, logits, automaton, reader)
        ]
        live, done = _kept(live, grown, done, reader, width)
    return sorted(done, key=lambda branch: -branch.likelihood)


def _settled(
    live: Sequence[Branch],
    done: Sequence[Branch],
    enough: float,
    idle: tuple[int, ...],
) -> bool:
    """Whether what is still followed cannot matter any more."""
    if any(math.exp(branch.likelihood) >= enough for branch in done):
        return True
    matter = [branch for branch in (*live, *done) if branch.tokens != idle]
    return sum(math.exp(branch.likelihood) for branch in matter) < enough


def _forced(branch: Branch, automaton: Automaton, most: int) -> Branch:
    """The branch with all tokens that must follow."""
    while not branch.done:
        if len(branch.tokens) > most:
            raise EngineError(f"the options allow answers of more than {most} tokens")
        following = automaton.next(branch.places)
        if not following and DONE not in branch.places:
            raise EngineError("the options lead nowhere")
        if len(following) != 1 or DONE in branch.places:
            break
        [(token, places)] = following.items()
        branch = replace(
            branch, places=places, tokens=(*branch.tokens, token), unread=branch.unread + 1
        )
    return branch


def _grown(
    branch: Branch, logits: NDArray[np.float32], automaton: Automaton, reader: Reader
) -> Iterator[Branch]:
    """The branch with each of the tokens that may follow."""
    import numpy as np

    following = automaton.next(branch.places)
    if DONE in branch.places:
        following |= {token: frozenset([DONE]) for token in reader.ends()}
    tokens = np.fromiter(following, np.int64, len(following))
    chosen = logits[tokens].astype(np.float64)
    highest = float(logits.max())
    everything = highest + math.log(float(np.exp(logits - highest, dtype=np.float64).sum()))
    allowed = float(np.logaddexp.reduce(chosen))
    order = np.argsort(-chosen)
    shares = {int(tokens[i]): math.exp(chosen[i] - allowed) for i in order[: OTHERS + 1]}
    for place in order:
        share, raw = float(chosen[place]) - allowed, float(chosen[place]) - everything
        if share < FLOOR:
            break
        token = int(tokens[place])
        others = [(t, p) for t, p in shares.items() if t != token][:OTHERS]
        step = Step(
            _text(reader.piece(token)),
            math.exp(share),
            math.exp(raw),
            tuple((_text(reader.piece(t)), p) for t, p in others),
        )
        yield replace(
            branch,
            places=following[token],
            tokens=(*branch.tokens, token),
            unread=1,
            likelihood=branch.likelihood + share,
            raw=branch.raw + raw,
            steps=(*branch.steps, step),
        )


def _kept(
    live: Sequence[Branch],
    grown: Sequence[tuple[Branch, Branch]],
    done: Sequence[Branch],
    reader: Reader,
    width: int,
) -> tuple[list[Branch], list[Branch]]:
    """The best of the branches, each with a sequence of its own; those that are done."""
    every = sorted(
        [*grown, *((None, branch) for branch in done)], key=lambda pair: -pair[1].likelihood
    )[:width]
    best = every[0][1].likelihood
    every = [pair for pair in every if pair[1].likelihood >= best + FLOOR]
    kept = [child for parent, child in every if parent is not None]
    taken: set[int] = set()
    found: list[Branch] = []
    for child in kept:
        if child.sequence not in taken:
            taken.add(child.sequence)
            found.append(child)
        elif (sequence := reader.copy(child)) is not None:
            found.append(replace(child, sequence=sequence))
    for branch in live:
        if branch.sequence not in taken:
            reader.drop(branch)
    return found, [child for parent, child in every if parent is None]


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", errors="replace")


def told(branch: Branch, reader: Reader) -> dict[str, Any]:
    """An answer in the form in which it leaves the process; see `hub.ports.Chosen`."""
    text = b"".join(reader.piece(token) for token in branch.tokens)
    return {
        "text": text.decode("utf-8", errors="replace"),
        "probability": math.exp(branch.likelihood),
        "raw": math.exp(branch.raw),
        "steps": [
            {"text": s.text, "probability": s.probability, "raw": s.raw, "others": list(s.others)}
            for s in branch.steps
        ],
    }
