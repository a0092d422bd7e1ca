"""What a conversation remembers, and what it takes as an answer."""

from __future__ import annotations

import pytest

from hub.dialogue.conversation import Conversation, Question
from hub.messages import Call, Hypothesis, Utterance

YES = ("yes", "yeah", "sure", "do it")
NO = ("no", "nope", "never mind")
UNLOCK = (Call("HassTurnOff", {"name": "Front Door"}),)
ASKED = Question("Unlock the Front Door?", {"yes": UNLOCK})


class Seconds:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def asked(question: Question = ASKED) -> Conversation:
    conversation = Conversation(Seconds())
    conversation.ask(question)
    return conversation


@pytest.mark.parametrize(
    "said", ["yes", "Yes.", "yes please", "Sure, do it", "yes, unlock the front door"]
)
def test_an_agreement_does_what_was_asked(said: str) -> None:
    answered = asked().answer(Utterance.typed(said), YES, NO)
    assert answered is not None
    assert answered.calls == UNLOCK


@pytest.mark.parametrize("said", ["no", "No!", "nope", "never mind", "no thank you"])
def test_a_refusal_does_nothing(said: str) -> None:
    answered = asked().answer(Utterance.typed(said), YES, NO)
    assert answered is not None
    assert answered.calls == ()


@pytest.mark.parametrize(
    "said", ["turn on the light", "yes turn on the light", "what time is it", "yesterday", ""]
)
def test_anything_else_is_no_answer_and_drops_the_question(said: str) -> None:
    conversation = asked()
    assert conversation.answer(Utterance.typed(said), YES, NO) is None
    assert conversation.answer(Utterance.typed("yes"), YES, NO) is None


def test_a_late_yes_opens_nothing() -> None:
    seconds = Seconds()
    conversation = Conversation(seconds)
    conversation.ask(ASKED)
    seconds.now += 31
    assert conversation.answer(Utterance.typed("yes"), YES, NO) is None


def test_yes_without_a_question_is_no_answer() -> None:
    assert Conversation().answer(Utterance.typed("yes"), YES, NO) is None


LAMPS = Question(
    "Which one: the Desk Lamp or the Ceiling Light?",
    {"Desk Lamp": (Call("a"),), "Ceiling Light": (Call("b"),)},
)


@pytest.mark.parametrize(
    ("said", "tool"),
    [("the desk lamp", "a"), ("ceiling light please", "b"), ("the ceiling", "b"), ("desk", "a")],
)
def test_a_choice_is_taken_by_its_name(said: str, tool: str) -> None:
    answered = asked(LAMPS).answer(Utterance.typed(said), YES, NO)
    assert answered is not None
    assert [call.tool for call in answered.calls] == [tool]


@pytest.mark.parametrize("said", ["yes", "the lamp by the window", "both"])
def test_a_vague_answer_chooses_nothing(said: str) -> None:
    assert asked(LAMPS).answer(Utterance.typed(said), YES, NO) is None


def test_another_hypothesis_may_hold_the_answer() -> None:
    heard = Utterance((Hypothesis("yet", -0.4), Hypothesis("yes", -0.6)))
    answered = asked().answer(heard, YES, NO)
    assert answered is not None
    assert answered.heard == "yes"


def test_them_is_forgotten_after_a_few_minutes() -> None:
    seconds = Seconds()
    conversation = Conversation(seconds)
    conversation.refer_to(("kitchen lights",))
    assert conversation.targets == ("kitchen lights",)
    seconds.now += 181
    assert conversation.targets is None


def test_repeat_has_something_to_repeat() -> None:
    conversation = Conversation()
    assert conversation.last_reply is None
    conversation.replied("It is half past nine.")
    conversation.replied("")
    assert conversation.last_reply == "It is half past nine."
