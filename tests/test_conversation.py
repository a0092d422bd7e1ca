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


def test_a_yes_counts_only_if_it_is_the_likeliest_reading() -> None:
    heard = Utterance((Hypothesis("guess", -0.4), Hypothesis("yes", -0.6)))
    assert asked().answer(heard, YES, NO) is None


def test_a_no_counts_in_whatever_reading() -> None:
    heard = Utterance((Hypothesis("yes", -0.4), Hypothesis("no", -0.5)))
    answered = asked().answer(heard, YES, NO)
    assert answered is not None
    assert answered.calls == ()


def test_two_questions_are_answered_one_after_the_other() -> None:
    garage = Question("Open the Garage Door?", {"yes": (Call("open"),)})
    conversation = Conversation(Seconds())
    conversation.ask(ASKED, garage)
    first = conversation.answer(Utterance.typed("no"), YES, NO)
    assert first is not None and first.calls == ()
    second = conversation.answer(Utterance.typed("yes"), YES, NO)
    assert second is not None and second.calls == (Call("open"),)


def test_a_yes_to_one_of_two_does_only_that() -> None:
    garage = Question("Open the Garage Door?", {"yes": (Call("open"),)})
    conversation = Conversation(Seconds())
    conversation.ask(ASKED, garage)
    assert conversation.answer(Utterance.typed("yes, open the garage door"), YES, NO) is None


def test_a_new_command_is_no_choice() -> None:
    rooms = Question("In which room?", {"Garage": (Call("a"),), "Kitchen": (Call("b"),)})
    assert asked(rooms).answer(Utterance.typed("open the garage"), YES, NO) is None


def test_a_choice_may_repeat_the_command() -> None:
    rooms = Question(
        "In which room?", {"Garage": (Call("a"),), "Kitchen": (Call("b"),)}, "turn on the light"
    )
    answered = asked(rooms).answer(Utterance.typed("turn on the kitchen light"), YES, NO)
    assert answered is not None and answered.calls == (Call("b"),)


def test_a_name_that_is_a_little_word_elsewhere_can_be_chosen() -> None:
    fans = Question("Which?", {"Den Fan": (Call("a"),), "Office Fan": (Call("b"),)})
    answered = asked(fans).answer(Utterance.typed("den"), YES, NO)
    assert answered is not None and answered.calls == (Call("a"),)


def test_a_question_can_be_asked_again() -> None:
    conversation = asked()
    assert conversation.answer(Utterance.typed("what?"), YES, NO) is None
    assert conversation.repeat_question() == ASKED.text
    assert conversation.answer(Utterance.typed("yes"), YES, NO) is not None


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
