"""The memory of one conversation: what was answered last, what 'them' means, what was asked.

One conversation belongs to one room. It forgets by itself: what 'it' refers to after a few
minutes, a question after half a minute, so that a late 'yes' opens nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz

from hub.dialogue.answers import Answers
from hub.home.model import normal
from hub.messages import Call, Utterance

if TYPE_CHECKING:
    from hub.skills.handling import Waiting
    from hub.skills.undo import Deed

QUESTION_SECONDS = 30.0
"""How long a question waits for its answer."""
TOOL_SECONDS = 60.0
"""How long the question of a tool that waits does."""
MOST_TRIES = 2
"""How often such a question is asked where what is said is no answer."""
UNDO_SECONDS = 600.0
"""How long something can be undone."""
MOST_DEEDS = 5
REFERENCE_SECONDS = 180.0
"""How long 'it' and 'them' keep their meaning."""
ALIKE = 80.0
"""0-100: from which two words are taken for the same, since recognition mishears."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something the hub asked. Any answer that fits no choice drops it."""

    text: str
    choices: Mapping[str, tuple[Call, ...]]
    """Answer -> what is then done. A yes-or-no question has the one choice 'yes'."""
    said: str = ""
    """What made the hub ask: its words may stand in the answer, too."""
    lacking: Call | None = None
    """The call that something was missing from."""
    waiting: Waiting | None = None
    """The tool that waits for the answer; then there are no choices."""
    of: Call | None = None
    """The call that it waits in."""
    asking: Mapping[str, Any] | None = field(default=None, compare=False)
    """JSON schema of the answer, of a tool that had done nothing when it asked."""

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
    again: str | None = None
    """The question, where the answer was to choose and did not tell which: 'the third' of two."""
    chosen: tuple[str, ...] = ()
    """The choices that were taken."""
    waiting: Waiting | None = None
    """The tool that it is for, and what it means there."""
    value: Any = None


class Conversation:
    """What one room's conversation remembers. Seconds come from a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._questions: tuple[Question, ...] = ()
        self._asked_at = 0.0
        self._displaced: tuple[Question, ...] = ()
        """Questions that the last utterance did not answer."""
        self._taken: tuple[Question, tuple[str, ...], float] | None = None
        """The choice made last, so that it can be corrected: 'no, the other one'."""
        self._targets: tuple[Any, float] | None = None
        self._about: tuple[str, float] = ("", 0.0)
        self._last_reply: str | None = None
        self._language: tuple[str, float] | None = None
        self._tries = 0
        self._deeds: list[tuple[Sequence[Deed], float]] = []

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
    def about(self) -> str:
        """What was spoken of last, if that is no device; empty if it was too long ago."""
        about, at = self._about
        return about if self._clock() - at <= REFERENCE_SECONDS else ""

    @property
    def question(self) -> Question | None:
        """The question that waits for its answer; None if it waited too long."""
        if not self._questions:
            return None
        first = self._questions[0]
        if first.waiting is not None and first.waiting.over:
            return None
        patience = QUESTION_SECONDS if first.waiting is None else TOOL_SECONDS
        return first if self._clock() - self._asked_at <= patience else None

    @property
    def pending_question(self) -> str | None:
        """The question that the utterance at hand has not answered."""
        return self._displaced[0].text if self._displaced else None

    @property
    def lacking(self) -> Call | None:
        """The call that the question was about which the utterance at hand came after."""
        return self._displaced[0].lacking if self._displaced else None

    @property
    def language(self) -> str | None:
        """The language of the last turn; None if that was too long ago."""
        if self._language is None or self._clock() - self._language[1] > REFERENCE_SECONDS:
            return None
        return self._language[0]

    @property
    def waiting(self) -> tuple[Question, ...]:
        """The questions that wait, the first of them first."""
        return self._questions if self.question is not None else ()

    def replied(self, text: str, language: str | None = None) -> None:
        if text:
            self._last_reply = text
        if language:
            self._language = language, self._clock()

    def refer_to(self, targets: Any, about: str = "") -> None:
        """What was spoken of: devices, or something else that has a name (`Answer.about`)."""
        if targets:
            self._targets = (targets, self._clock())
        if targets or about:
            self._about = (about, self._clock())

    def ask(self, *questions: Question) -> None:
        """Questions to be answered one after the other, before those that still wait."""
        self._questions = (*questions, *self._questions)
        self._asked_at = self._clock()
        if questions:
            self._tries = 1

    def ask_again(self) -> bool:
        """Keep the question, which was not answered; False if that has been enough."""
        if self._tries >= MOST_TRIES:
            return False
        self._tries += 1
        self._asked_at = self._clock()
        return True

    def take(self, text: str) -> Answered:
        """What was said as the answer that a tool waits for, whatever it is."""
        question, *left = self._questions
        self._questions = tuple(left)
        self._asked_at = self._clock()
        return _for_tool(question, text, text)

    def repeat_question(self) -> str | None:
        """Ask again what the last utterance did not answer; the question, if there was one."""
        if not self._displaced:
            return None
        self.ask(*self._displaced)
        return self._displaced[0].text

    def forget(self) -> None:
        """Drop what was asked and what 'it' and 'them' refer to."""
        _drop(self._questions)
        self._questions = self._displaced = ()
        self._targets = self._taken = None
        self._about = ("", 0.0)

    def answer(self, utterance: Utterance, known: Answers) -> Answered | None:
        """Take an utterance as the answer to the pending question; None if it is none.

        Then all questions are dropped: another answer changes the subject. After an answer the
        next question, if there is one, is pending; after one that did not tell, the same."""
        answered = self.would_answer(utterance, known)
        waiting = self._questions if self.question else ()
        if answered and answered.again:
            self._questions, self._displaced = waiting, ()
        else:
            self._taken = self._taking(answered, waiting)
            kept = waiting[1:] if answered else ()
            if answered is None or answered.waiting is None:
                _drop([each for each in self._questions if each not in kept])
            self._questions = kept
            self._displaced = () if answered else waiting
        self._asked_at = self._clock()
        return answered

    def did(self, deeds: Sequence[Deed]) -> None:
        """Something was done that can be undone: all of one turn."""
        if deeds:
            self._deeds = [*self._deeds, (deeds, self._clock())][-MOST_DEEDS:]

    def take_back(self) -> Sequence[Deed]:
        """What was done last, for undoing it; none if that was too long ago."""
        if not self._deeds or self._clock() - self._deeds[-1][1] > UNDO_SECONDS:
            self._deeds = []
            return ()
        return self._deeds.pop()[0]

    def _taking(
        self, answered: Answered | None, waiting: Sequence[Question]
    ) -> tuple[Question, tuple[str, ...], float] | None:
        """The choice to be remembered; None if none was made."""
        if answered is None or not answered.chosen:
            return None
        asked = waiting[0] if waiting else self._taken[0] if self._taken else None
        return (asked, answered.chosen, self._clock()) if asked else None

    def would_answer(self, utterance: Utterance, known: Answers) -> Answered | None:
        """What `answer` would return, without taking it.

        A 'no' counts in whatever reading of what was said, a 'yes' only in the likeliest: a door
        must not open because 'guess' sounds like it."""
        if not utterance.hypotheses:
            return None
        readings = [(h.text, normal(h.text)) for h in utterance.hypotheses]
        question = self.question
        if question is None:
            return self._corrected(readings, known)
        if question.waiting is not None:
            return _told(question, readings, known, utterance.language)
        if question.closed:
            return _agreed(question, readings, known)
        for text, said in readings:
            if said in known.no:
                return Answered((), text, f"no to: {question.text}")
        for text, said in readings:
            if answered := _choice(question, text, said, known):
                return answered
        for text, said in readings:
            if _says(said, known.no, question.text, known):
                return Answered((), text, f"no to: {question.text}")
        return None

    def _corrected(self, readings: Sequence[tuple[str, str]], known: Answers) -> Answered | None:
        """Another choice than the one made last: 'no, the other one'."""
        if self._taken is None or self._clock() - self._taken[2] > QUESTION_SECONDS:
            return None
        question, taken, _ = self._taken
        for text, said in readings:
            found = _choice(question, text, said, known, taken)
            if found and found.calls and not set(found.chosen) & set(taken):
                return found
        return None


def _told(
    question: Question, readings: Sequence[tuple[str, str]], known: Answers, language: str
) -> Answered | None:
    """What a tool that waits is told, where that is surely meant for it; or that it is dropped."""
    waiting = question.waiting
    assert waiting is not None
    for text, said in readings:
        if said in known.drop:
            return Answered((), text, f"dropped: {question.text}")
    found = None if waiting.free else waiting.read([text for text, _ in readings], language)
    return _for_tool(question, *found) if found else None


def _for_tool(question: Question, text: str, value: Any) -> Answered:
    calls = (question.of,) if question.of else ()
    why = f"an answer to: {question.text}"
    return Answered(calls, text, why, waiting=question.waiting, value=value)


def _drop(questions: Iterable[Question]) -> None:
    """Tell the tools that wait that there will be no answer."""
    for question in questions:
        if question.waiting is not None:
            question.waiting.drop()


def _agreed(
    question: Question, readings: Sequence[tuple[str, str]], known: Answers
) -> Answered | None:
    """The answer to a yes-or-no question."""
    for text, said in readings:
        if _says(said, known.no, question.text, known):
            return Answered((), text, f"no to: {question.text}")
    text, said = readings[0]
    if question.choices and _says(said, known.yes, question.text, known):
        return Answered(question.choices["yes"], text, f"yes to: {question.text}", True)
    return None


def _choice(
    question: Question, text: str, said: str, known: Answers, taken: tuple[str, ...] = ()
) -> Answered | None:
    """The choices that an answer names: by name, by place in the order, or all or none of them.

    `taken`: those that were chosen already, of which 'the other' is none."""
    left = [choice for choice in question.choices if choice not in taken]
    found: Sequence[str] | None
    if name := _chosen(said, question, left, known):
        found = [name]
    else:
        found = _counted(said, question, left, known, bool(taken))
    if found is None:
        return None
    if not found and not _is(said, known.none, question, known):
        return Answered((), text, f"no choice told, to: {question.text}", again=question.text)
    calls = tuple(call for choice in found for call in question.choices[choice])
    why = f"{' and '.join(found) or 'none'}, to: {question.text}"
    return Answered(calls, text, why, chosen=tuple(found))


def _counted(
    said: str, question: Question, left: Sequence[str], known: Answers, others: bool
) -> Sequence[str] | None:
    """The choices meant by 'the second', 'both', 'the other one'; none if it cannot be told which,
    None if it is no such answer. `others`: some have been chosen before."""
    every = list(question.choices)
    offered = every if all(normal(c) in normal(question.text) for c in every) else []
    if _is(said, known.none, question, known):
        return []
    if _is(said, known.both, question, known):
        return left if len(every) == 2 else []
    if _is(said, known.all, question, known):
        return left
    if _is(said, known.other, question, known):
        return left if others and len(left) == 1 else []
    if _is(said, known.last, question, known):
        return offered[-1:]
    for number, phrases in enumerate(known.order):
        if _is(said, phrases, question, known):
            return offered[number : number + 1]
    return None


def _is(said: str, phrases: Sequence[str], question: Question, known: Answers) -> bool:
    """Whether an answer is one of these phrases, besides words that say nothing."""
    tokens = said.split()
    idle = known.idle | known.polite | set(normal(question.said).split())
    for phrase in phrases:
        words = phrase.split()
        for start in range(len(tokens) - len(words) + 1):
            end = start + len(words)
            if tokens[start:end] == words and set(tokens[:start] + tokens[end:]) <= idle:
                return True
    return False


def means(utterance: Utterance, words: Sequence[str]) -> bool:
    """Whether the likeliest reading is one of these words and nothing else."""
    return bool(utterance.hypotheses) and normal(utterance.text) in map(normal, words)


def _says(said: str, words: Sequence[str], question: str, known: Answers) -> bool:
    """Whether an answer is one of these words, at most with words of the question after it.

    'Yes, unlock the front door' agrees; 'yes, turn on the light' is a command of its own."""
    own = {part for word in words for part in word.split()}
    allowed = {*normal(question).split(), *known.polite, *own}
    return any(
        said == word or (said.startswith(f"{word} ") and set(said.split()) <= allowed)
        for word in words
    )


def _chosen(said: str, question: Question, left: Sequence[str], known: Answers) -> str | None:
    """The one choice that the answer names by a word that the other choices lack.

    All of the answer must be about it: 'the lamp by the window' is not 'Desk Lamp', and 'open the
    garage' is a command of its own."""
    names = {choice: normal(choice).split() for choice in question.choices}
    every = {word for name in names.values() for word in name}
    idle = known.idle | known.polite | set(normal(question.said).split())
    words = [word for word in said.split() if word not in idle - every]
    found = []
    for choice in left:
        others = {word for other, its in names.items() if other != choice for word in its}
        named = [word for word in words if _among(word, names[choice])]
        distinct = [word for word in named if not _among(word, others)]
        if distinct and len(named) == len(words):
            found.append(choice)
    return found[0] if len(found) == 1 else None


def _among(word: str, name: Iterable[str]) -> bool:
    return any(fuzz.ratio(word, part) >= ALIKE for part in name)
