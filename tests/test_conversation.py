"""What a conversation remembers, and what it takes as an answer."""

from __future__ import annotations

import pytest
from home_assistant_intents import get_languages

from hub.dialogue.answers import answers
from hub.dialogue.conversation import Conversation, Question
from hub.messages import Call, Hypothesis, Utterance

ENGLISH = answers("en")
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
    answered = asked().answer(Utterance.typed(said), ENGLISH)
    assert answered is not None
    assert answered.calls == UNLOCK


@pytest.mark.parametrize("said", ["no", "No!", "nope", "never mind", "no thank you"])
def test_a_refusal_does_nothing(said: str) -> None:
    answered = asked().answer(Utterance.typed(said), ENGLISH)
    assert answered is not None
    assert answered.calls == ()


@pytest.mark.parametrize(
    "said", ["turn on the light", "yes turn on the light", "what time is it", "yesterday", ""]
)
def test_anything_else_is_no_answer_and_drops_the_question(said: str) -> None:
    conversation = asked()
    assert conversation.answer(Utterance.typed(said), ENGLISH) is None
    assert conversation.answer(Utterance.typed("yes"), ENGLISH) is None


def test_a_late_yes_opens_nothing() -> None:
    seconds = Seconds()
    conversation = Conversation(seconds)
    conversation.ask(ASKED)
    seconds.now += 31
    assert conversation.answer(Utterance.typed("yes"), ENGLISH) is None


def test_yes_without_a_question_is_no_answer() -> None:
    assert Conversation().answer(Utterance.typed("yes"), ENGLISH) is None


LAMPS = Question(
    "Which one: the Desk Lamp or the Ceiling Light?",
    {"Desk Lamp": (Call("a"),), "Ceiling Light": (Call("b"),)},
)


@pytest.mark.parametrize(
    ("said", "tool"),
    [("the desk lamp", "a"), ("ceiling light please", "b"), ("the ceiling", "b"), ("desk", "a")],
)
def test_a_choice_is_taken_by_its_name(said: str, tool: str) -> None:
    answered = asked(LAMPS).answer(Utterance.typed(said), ENGLISH)
    assert answered is not None
    assert [call.tool for call in answered.calls] == [tool]


@pytest.mark.parametrize("said", ["yes", "the lamp by the window"])
def test_a_vague_answer_chooses_nothing(said: str) -> None:
    assert asked(LAMPS).answer(Utterance.typed(said), ENGLISH) is None


def test_a_yes_counts_only_if_it_is_the_likeliest_reading() -> None:
    heard = Utterance((Hypothesis("guess", -0.4), Hypothesis("yes", -0.6)))
    assert asked().answer(heard, ENGLISH) is None


def test_a_no_counts_in_whatever_reading() -> None:
    heard = Utterance((Hypothesis("yes", -0.4), Hypothesis("no", -0.5)))
    answered = asked().answer(heard, ENGLISH)
    assert answered is not None
    assert answered.calls == ()


def test_two_questions_are_answered_one_after_the_other() -> None:
    garage = Question("Open the Garage Door?", {"yes": (Call("open"),)})
    conversation = Conversation(Seconds())
    conversation.ask(ASKED, garage)
    first = conversation.answer(Utterance.typed("no"), ENGLISH)
    assert first is not None and first.calls == ()
    second = conversation.answer(Utterance.typed("yes"), ENGLISH)
    assert second is not None and second.calls == (Call("open"),)


def test_a_yes_to_one_of_two_does_only_that() -> None:
    garage = Question("Open the Garage Door?", {"yes": (Call("open"),)})
    conversation = Conversation(Seconds())
    conversation.ask(ASKED, garage)
    assert conversation.answer(Utterance.typed("yes, open the garage door"), ENGLISH) is None


def test_a_new_command_is_no_choice() -> None:
    rooms = Question("In which room?", {"Garage": (Call("a"),), "Kitchen": (Call("b"),)})
    assert asked(rooms).answer(Utterance.typed("open the garage"), ENGLISH) is None


def test_a_choice_may_repeat_the_command() -> None:
    rooms = Question(
        "In which room?", {"Garage": (Call("a"),), "Kitchen": (Call("b"),)}, "turn on the light"
    )
    answered = asked(rooms).answer(Utterance.typed("turn on the kitchen light"), ENGLISH)
    assert answered is not None and answered.calls == (Call("b"),)


def test_a_name_that_is_a_little_word_elsewhere_can_be_chosen() -> None:
    fans = Question("Which?", {"Den Fan": (Call("a"),), "Office Fan": (Call("b"),)})
    answered = asked(fans).answer(Utterance.typed("den"), ENGLISH)
    assert answered is not None and answered.calls == (Call("a"),)


def test_a_question_can_be_asked_again() -> None:
    conversation = asked()
    assert conversation.answer(Utterance.typed("what?"), ENGLISH) is None
    assert conversation.repeat_question() == ASKED.text
    assert conversation.answer(Utterance.typed("yes"), ENGLISH) is not None


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


def chosen(said: str, question: Question = LAMPS, language: str = "en") -> list[str] | None:
    """The tools an answer runs; None if it is none."""
    answered = asked(question).answer(Utterance.typed(said), answers(language))
    return None if answered is None else [call.tool for call in answered.calls]


THREE = Question(
    "Which one: the Desk Lamp, the Ceiling Light or the Bedside Lamp?",
    {"Desk Lamp": (Call("a"),), "Ceiling Light": (Call("b"),), "Bedside Lamp": (Call("c"),)},
    "turn on the light",
)


@pytest.mark.parametrize(
    ("language", "first", "second", "last", "every", "none"),
    [
        ("en", "the first one", "number two, please", "the last one", "all of them", "neither"),
        ("de", "die erste", "die zweite bitte", "die letzte", "alle drei", "keine davon"),
        ("fr", "la première", "la deuxième", "la dernière", "toutes les trois", "aucune"),
        ("es", "la primera", "la segunda, por favor", "la última", "todas", "ninguna"),
        ("nl", "de eerste", "de tweede graag", "de laatste", "allemaal", "geen enkele"),
    ],
)
def test_choices_are_taken_by_their_order_or_all_at_once(
    language: str, first: str, second: str, last: str, every: str, none: str
) -> None:
    said = [chosen(text, THREE, language) for text in (first, second, last, every, none)]
    assert said == [["a"], ["b"], ["c"], ["a", "b", "c"], []]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "both of them"),
        ("de", "beide"),
        ("fr", "les deux"),
        ("es", "las dos"),
        ("nl", "allebei"),
    ],
)
def test_both_are_two(language: str, said: str) -> None:
    assert chosen(said, LAMPS, language) == ["a", "b"]


@pytest.mark.parametrize("said", ["the third one", "the other one", "number four"])
def test_what_does_not_tell_which_is_asked_again(said: str) -> None:
    conversation = asked(LAMPS)
    answered = conversation.answer(Utterance.typed(said), ENGLISH)
    assert answered is not None and not answered.calls
    assert answered.again == LAMPS.text
    assert conversation.question == LAMPS


def test_rooms_that_were_not_read_out_have_no_order() -> None:
    rooms = Question("In which room?", {"Garage": (Call("a"),), "Kitchen": (Call("b"),)})
    conversation = asked(rooms)
    answered = conversation.answer(Utterance.typed("the first one"), ENGLISH)
    assert answered is not None and answered.again
    assert chosen("both", rooms) == ["a", "b"]


@pytest.mark.parametrize("said", ["not the first one", "the first one tomorrow", "all the music"])
def test_more_than_a_choice_is_no_choice(said: str) -> None:
    assert chosen(said) is None


def test_a_name_goes_before_its_place_in_the_order() -> None:
    floors = Question(
        "Which one: the Second Floor Lamp or the First Floor Lamp?",
        {"Second Floor Lamp": (Call("second"),), "First Floor Lamp": (Call("first"),)},
    )
    assert chosen("the first", floors) == ["first"]


def test_no_and_a_name_is_a_choice() -> None:
    assert chosen("no, the ceiling light") == ["b"]


@pytest.mark.parametrize("said", ["no, the other one", "the other", "sorry, I meant the ceiling"])
def test_a_choice_can_be_corrected(said: str) -> None:
    conversation = asked(LAMPS)
    conversation.answer(Utterance.typed("the desk lamp"), ENGLISH)
    answered = conversation.answer(Utterance.typed(said), ENGLISH)
    assert answered is not None and answered.calls == (Call("b"),)


def test_a_correction_comes_at_once_or_never() -> None:
    conversation = asked(LAMPS)
    conversation.answer(Utterance.typed("the desk lamp"), ENGLISH)
    assert conversation.answer(Utterance.typed("what time is it"), ENGLISH) is None
    assert conversation.answer(Utterance.typed("the other one"), ENGLISH) is None


@pytest.mark.parametrize("language", sorted(get_languages()))
def test_yes_and_no_are_known_in_every_language_of_the_shared_sentences(language: str) -> None:
    known = answers(language)
    assert known.yes and known.no
    assert not set(known.yes) & set(known.no)
    for word, agreed in ((known.yes[0], True), (known.no[0], False)):
        answered = asked().answer(Utterance.typed(word), known)
        assert answered is not None and answered.agreed == agreed


@pytest.mark.parametrize(
    ("language", "yes", "no", "other"),
    [
        ("fr", "Oui.", "non merci", "yes"),
        ("it", "sì", "lascia stare", "yes"),
        ("pl", "tak", "nieważne", "no"),
        ("hi", "हाँ", "रहने दो", "है"),
        ("zh-CN", "是", "算了", "yes"),
    ],
)
def test_yes_and_no_are_those_of_the_language(language: str, yes: str, no: str, other: str) -> None:
    known = answers(language)
    for said, agreed in ((yes, True), (no, False)):
        answered = asked().answer(Utterance.typed(said), known)
        assert answered is not None and answered.agreed == agreed, said
    assert asked().answer(Utterance.typed(other), known) is None


def test_an_unknown_language_has_english_answers() -> None:
    assert "yes" in answers("xx").yes
    assert {"ja", "in ordnung"} <= set(answers("de-AT").yes)
