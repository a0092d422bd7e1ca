"""Orders that are spoken to the coffee machine: forms, heard again and weighed by the sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hub.author.sentences import sentences
from hub.author.stage import own_handlers
from hub.dialogue.replies import Replies
from hub.evaluate.formats import orders
from hub.home.model import Home
from hub.messages import Audio, Call, Heard, Hypothesis, Utterance
from hub.packs import description
from hub.pipeline import Assistant
from hub.router.forms import Forms
from hub.router.phrases import phrase_rules
from hub.skill.testing import Stage, hearth_with
from hub.skillset import load

PACKS = Path(__file__).parents[1] / "examples" / "packs"
PACK = PACKS / "coffee-machine"


class Ears:
    """A recognizer that hears one thing at first, other things when it is given sentences, and
    finds likely what it is told to."""

    def __init__(self, first: str, again: Sequence[str], weights: Mapping[str, float]) -> None:
        self._first = first
        self._again = again
        self._weights = {text.casefold(): weight for text, weight in weights.items()}
        self.given: Sequence[str] = ()
        self.weighed: list[str] = []

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        return Utterance((Hypothesis(self._first, -0.2),))

    async def readings(
        self, audio: Audio, *, language: str, names: Sequence[str] = ()
    ) -> Utterance:
        self.given = self.given or names
        return Utterance(tuple(Hypothesis(text, -0.3) for text in self._again))

    async def weigh(self, audio: Audio, texts: Sequence[str], *, language: str) -> Sequence[float]:
        self.weighed += texts
        return [self._weights.get(text.rstrip(".?").casefold(), -60.0) for text in texts]


async def ordered(stage: Stage, ears: Ears) -> tuple[Call, ...]:
    assistant = Assistant(
        home=stage.home,
        router=stage.router,
        skillset=stage.skillset,
        replies=Replies(),
        recognizer=ears,
    )
    trace = await assistant.hear(Heard(Audio(bytes(32_000)), 0.8, 1.0))
    return trace.intent.calls


@pytest.fixture(scope="module")
def forms() -> Forms:
    handlers, problems = load([PACKS])
    assert not problems
    specs = [handler.spec() for handler in handlers if handler.skill == PACK.name]
    return phrase_rules("en", specs, {}).forms


async def test_an_order_that_was_misheard_is_the_one_that_it_sounds_like() -> None:
    meant = "Can I get a light roast iced mocha with some sugar"
    ears = Ears(
        "Can I get a light rose dye smoker with some sugar?",
        ["can I get a light roast ice mocha with some sugar"],
        {"Can I get a light rose dye smoker with some sugar": -3.0, meant: -6.0},
    )
    async with hearth_with(["light.kitchen"], skill=PACK) as stage:
        (call,) = await ordered(stage, ears)
    assert call.arguments == {
        "roast": "light",
        "drink": "iced mocha",
        "sugar": "sugar",
        "sugar_amount": "some",
    }
    assert any("iced mocha" in sentence for sentence in ears.given)


async def test_what_does_not_sound_like_it_is_not_ordered() -> None:
    ears = Ears("Can I get a light rose dye smoker with some sugar?", [], {})
    ears._weights["can i get a light rose dye smoker with some sugar"] = -3.0
    async with hearth_with(["light.kitchen"], skill=PACK) as stage:
        calls = await ordered(stage, ears)
    assert ears.weighed
    assert not calls


async def test_what_is_far_from_any_order_is_not_heard_again() -> None:
    ears = Ears("The trains to the coast were late last winter.", [], {})
    async with hearth_with(["light.kitchen"], skill=PACK) as stage:
        assert not await ordered(stage, ears)
    assert not any("mocha" in sentence for sentence in ears.given)


def test_parts_may_be_said_in_any_order(forms: Forms) -> None:
    one, other = (
        forms.matches(text)[0].arguments
        for text in (
            "make me a small dark roast latte with soy milk and a bit of sugar",
            "make me a latte with a bit of sugar dark roast and soy milk small",
        )
    )
    assert one == other


def test_the_longest_way_to_say_it_counts(forms: Forms) -> None:
    (found,) = forms.matches("make me an iced coffee with some brown sugar")
    assert dict(found.arguments) == {
        "drink": "iced coffee",
        "sugar": "brown sugar",
        "sugar_amount": "some",
    }


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("make me a medium mocker", {"drink": "mocha", "size": "medium"}),
        ("brue a latte with skin milk", {"drink": "latte", "milk": "skim milk"}),
        ("get me a 20-ounce late", {"drink": "latte", "size": "20 oz"}),
    ],
)
def test_words_that_sound_like_parts_are_found(
    forms: Forms, heard: str, meant: dict[str, str]
) -> None:
    assert meant in [dict(found.arguments) for found in forms.near(heard)]


def test_a_sentence_of_other_things_is_near_to_no_form(forms: Forms) -> None:
    for text in ("turn on the coffee maker in the kitchen", "what is the weather like tomorrow"):
        assert not forms.matches(text)
        assert not forms.near(text)


def test_the_pack_may_send_messages_to_the_machine_and_nothing_else() -> None:
    pack = description.read(PACK)
    assert pack.permissions.in_words() == ["send and hear messages on MQTT: coffee/#"]


def test_labels_of_a_set_are_scored_with_a_machine_that_knows_their_values(tmp_path: Path) -> None:
    (tmp_path / "any_grammar.yaml").write_text(
        "context:\n"
        "  expressions: {orderDrink: ['[make me] $drink:drink with $milk:milk']}\n"
        "  slots: {drink: [latte], milk: [a lot of soy milk], size: [eight ounce]}\n",
        encoding="utf-8",
    )
    machine = orders.machine(tmp_path, [PACKS], tmp_path / "made")
    assert machine.call("orderDrink", {"drink": "latte", "milk": " a lot of soy milk"}) == (
        "coffee-machine.order",
        {"drink": "latte", "milk": "soy milk", "milk_amount": "a lot"},
    )


def test_a_set_for_another_machine_gets_one_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "any_grammar.yaml").write_text(
        "context:\n  expressions: {wash: ['[wash] $cloth:cloth']}\n  slots: {cloth: [wool]}\n",
        encoding="utf-8",
    )
    machine = orders.machine(tmp_path, [PACKS], tmp_path / "made")
    assert machine.call("wash", {"cloth": " wool"}) == ("machine.wash", {"cloth": "wool"})
    assert (tmp_path / "made" / "machine" / "skill.py").is_file()


def test_sentences_that_an_author_is_shown_are_understood(forms: Forms) -> None:
    (handler,) = (each for each in own_handlers(PACK) if each.tool.called == "order")
    shown = [
        text
        for phrase in handler.tool.phrases["en"]
        for text in sentences(handler, phrase, "en", Home())
    ]
    assert len(shown) > 4
    assert [text for text in shown if not forms.matches(text)] == []
