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
    said: str = ""
    """What made the hub ask: its words may stand in the answer, too."""

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
        self._questions: tuple[Question, ...] = ()
        self._asked_at = 0.0
        self._displaced: tuple[Question, ...] = ()
        """Questions that the last utterance did not answer."""
        self._targets: tuple[Any, float] | None = None
        self._last_reply: str | None = None

    @property
    def last_reply(self) -> str | None:
        return self._last_reply

    @property
    def targets(self) -> Any:
        """What 'it' and 'them' refer to, opaque; None if that was too long ago."""
        if self._targets is None or self._clock() - self._targets[1] > REFERENCE_SECONDS:
            return None
        return self._targets[0]

    @property
    def question(self) -> Question | None:
        """The question that waits for its answer; None if it waited too long."""
        if not self._questions or self._clock() - self._asked_at > QUESTION_SECONDS:
            return None
        return self._questions[0]

    @property
    def pending_question(self) -> str | None:
        """The question that the utterance at hand has not answered."""
        return self._displaced[0].text if self._displaced else None

    def replied(self, text: str) -> None:
        if text:
            self._last_reply = text

    def refer_to(self, targets: Any) -> None:
        if targets:
            self._targets = (targets, self._clock())

    def ask(self, *questions: Question) -> None:
        """Questions to be answered one after the other, before those that still wait."""
        self._questions = (*questions, *self._questions)
        self._asked_at = self._clock()

    def repeat_question(self) -> str | None:
        """Ask again what the last utterance did not answer; the question, if there was one."""
        if not self._displaced:
            return None
        self.ask(*self._displaced)
        return self._displaced[0].text

    def forget(self) -> None:
        """Drop what was asked and what 'it' and 'them' refer to."""
        self._questions = self._displaced = ()
        self._targets = None

    def answer(
        self, utterance: Utterance, yes: Sequence[str], no: Sequence[str]
    ) -> Answered | None:
        """Take an utterance as the answer to the pending question; None if it is none.

        Then all questions are dropped: another answer changes the subject. After an answer the
        next question, if there is one, is pending."""
        answered = self.would_answer(utterance, yes, no)
        waiting = self._questions if self.question else ()
        self._questions = waiting[1:] if answered else ()
        self._displaced = () if answered else waiting
        self._asked_at = self._clock()
        return answered

    def would_answer(
        self, utterance: Utterance, yes: Sequence[str], no: Sequence[str]
    ) -> Answered | None:
        """What `answer` would return, without taking it.

        A 'no' counts in whatever reading of what was said, a 'yes' only in the likeliest: a door
        must not open because 'guess' sounds like it."""
        question = self.question
        if question is None or not utterance.hypotheses:
            return None
        readings = [(h.text, normal(h.text)) for h in utterance.hypotheses]
        for text, said in readings:
            if _says(said, no, question.text):
                return Answered((), text, f"no to: {question.text}")
        if question.closed:
            text, said = readings[0]
            if question.choices and _says(said, yes, question.text):
                return Answered(question.choices["yes"], text, f"yes to: {question.text}", True)
            return None
        for text, said in readings:
            if choice := _chosen(said, question):
                return Answered(question.choices[choice], text, f"{choice}, to: {question.text}")
        return None


def means(utterance: Utterance, words: Sequence[str]) -> bool:
    """Whether the likeliest reading is one of these words and nothing else."""
    return bool(utterance.hypotheses) and normal(utterance.text) in map(normal, words)


def _says(said: str, words: Sequence[str], question: str) -> bool:
    """Whether an answer is one of these words, at most with words of the question after it.

    'Yes, unlock the front door' agrees; 'yes, turn on the light' is a command of its own."""
    allowed = {*normal(question).split(), *POLITE, *(w for word in words for w in word.split())}
    return any(
        said == word or (said.startswith(f"{word} ") and set(said.split()) <= allowed)
        for word in map(normal, words)
    )


def _chosen(said: str, question: Question) -> str | None:
    """The one choice that the answer names by a word that the other choices lack.

    All of the answer must be about it: 'the lamp by the window' is not 'Desk Lamp', and 'open the
    garage' is a command of its own."""
    names = {choice: normal(choice).split() for choice in question.choices}
    every = {word for name in names.values() for word in name}
    idle = ({*FILLERS, *normal(question.said).split()}) - every
    words = [word for word in said.split() if word not in idle]
    found = []
    for choice, name in names.items():
        others = {word for other, its in names.items() if other != choice for word in its}
        named = [word for word in words if _among(word, name)]
        distinct = [word for word in named if not _among(word, others)]
        if distinct and len(named) == len(words):
            found.append(choice)
    return found[0] if len(found) == 1 else None


def _among(word: str, name: Iterable[str]) -> bool:
    return any(fuzz.ratio(word, part) >= ALIKE for part in name)
