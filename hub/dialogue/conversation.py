"""The memory of one conversation: what was answered last, what 'them' means, what was asked.

One conversation belongs to one room. It forgets by itself: what 'it' refers to after a few
minutes, a question after half a minute, so that a late 'yes' opens nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz

from hub.home.model import normal
from hub.messages import Call, Utterance

QUESTION_SECONDS = 30.0
"""How long a question waits for its answer."""
REFERENCE_SECONDS = 180.0
"""How long 'it' and 'them' keep their meaning."""
ALIKE = 80.0
"""0-100: from which two words are taken for the same, since recognition mishears."""


POLITE = ("please", "it", "that", "bitte", "ja", "thanks", "thank", "you", "danke")
FILLERS = (*POLITE, "the", "a", "one", "in", "i", "mean", "die", "der", "das", "den", "im")


@dataclass(frozen=True, slots=True)
class Question:
    """Something the hub asked. Any answer that fits no choice drops it."""

    text: str
    choices: Mapping[str, tuple[Call, ...]]
    """Answer -> what is then done. A yes-or-no question has the one choice 'yes'."""

    @property
    def closed(self) -> bool:
        """Whether it is a yes-or-no question."""
        return set(self.choices) <= {"yes"}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to the pending question."""

    calls: tuple[Call, ...]
    """Empty if the answer was no."""
    heard: str
    why: str
    agreed: bool = False
    """It was a yes, to just these calls. A choice between things is none."""


class Conversation:
    """What one room's conversation remembers. Seconds come from a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._question: tuple[Question, float] | None = None
        self._targets: tuple[Any, float] | None = None
        self._last_reply: str | None = None

    @property
    def last_reply(self) -> str | None:
        return self._last_reply

    @property
    def targets(self) -> Any:
        """What 'it' and 'them' refer to, opaque; None if that was too long ago."""
        return self._fresh(self._targets, REFERENCE_SECONDS)

    @property
    def question(self) -> Question | None:
        question: Question | None = self._fresh(self._question, QUESTION_SECONDS)
        return question

    def replied(self, text: str) -> None:
        if text:
            self._last_reply = text

    def refer_to(self, targets: Any) -> None:
        if targets:
            self._targets = (targets, self._clock())

    def ask(self, question: Question) -> None:
        self._question = (question, self._clock())

    def forget(self) -> None:
        """Drop a pending question and what 'it' and 'them' refer to."""
        self._question = self._targets = None

    def answer(
        self, utterance: Utterance, yes: Sequence[str], no: Sequence[str]
    ) -> Answered | None:
        """Take an utterance as the answer to the pending question; None if it is none.

        Either way the question is no longer pending: another answer changes the subject."""
        question = self.question
        self._question = None
        if question is None:
            return None
        for hypothesis in utterance.hypotheses:
            said = normal(hypothesis.text)
            if _says(said, no, question.text):
                return Answered((), hypothesis.text, f"no to: {question.text}")
            if question.closed and _says(said, yes, question.text):
                return Answered(
                    question.choices["yes"], hypothesis.text, f"yes to: {question.text}", True
                )
            if not question.closed and (choice := _chosen(said, question.choices)):
                return Answered(
                    question.choices[choice], hypothesis.text, f"{choice}, to: {question.text}"
                )
        return None

    def _fresh(self, kept: tuple[Any, float] | None, seconds: float) -> Any:
        return kept[0] if kept and self._clock() - kept[1] <= seconds else None


def _says(said: str, words: Sequence[str], question: str) -> bool:
    """Whether an answer is one of these words, at most with words of the question after it.

    'Yes, unlock the front door' agrees; 'yes, turn on the light' is a command of its own."""
    allowed = {*normal(question).split(), *POLITE, *(w for word in words for w in word.split())}
    return any(
        said == word or (said.startswith(f"{word} ") and set(said.split()) <= allowed)
        for word in map(normal, words)
    )


def _chosen(said: str, choices: Iterable[str]) -> str | None:
    """The one choice that the answer names by a word that the other choices lack.

    Most of the answer must be about it: 'the lamp by the window' is not 'Desk Lamp'."""
    names = {choice: normal(choice).split() for choice in choices}
    words = [word for word in said.split() if word not in FILLERS]
    found = []
    for choice, name in names.items():
        others = {word for other, its in names.items() if other != choice for word in its}
        named = [word for word in words if _among(word, name)]
        distinct = [word for word in named if not _among(word, others)]
        if distinct and len(named) * 2 >= len(words):
            found.append(choice)
    return found[0] if len(found) == 1 else None


def _among(word: str, name: Iterable[str]) -> bool:
    return any(fuzz.ratio(word, part) >= ALIKE for part in name)
