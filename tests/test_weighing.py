"""What is made of sentences that were recorded with how likely the sound makes each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.messages import Call, Hypothesis, Intent, Utterance
from hub.weighing import Weighed, believed, doubtful, ended

RECORDED = json.loads((Path(__file__).parent / "data" / "weighed.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "case", RECORDED["cases"], ids=lambda case: f"{case['said']}: {case['noise']}"
)
def test_what_was_heard_in_noise_is_done_asked_about_or_left(case: dict[str, Any]) -> None:
    found = [
        Weighed(
            each["text"],
            tuple(Call(call["tool"], call["arguments"]) for call in each["calls"]),
            each["weight"],
            each["free"],
        )
        for each in case["found"]
    ]
    belief = believed(
        case["readings"],
        case["heard"],
        found,
        language="en",
        score=case["score"],
        guessed=case["guessed"],
    )
    becomes = "nothing" if belief is None else "done" if belief.sure else "asked"
    assert becomes == case["becomes"]
    assert (belief.said.text if belief else None) == case["text"]


LIGHTS = Call("HassTurnOn", {"area": "Kitchen", "domain": "light"})
LAMP = Call("HassTurnOn", {"name": "Floor Lamp"})


@pytest.mark.parametrize(("call", "sure"), [(LAMP, True), (LIGHTS, False)])
def test_more_must_speak_for_what_is_done_to_all_of_them(call: Call, sure: bool) -> None:
    found = [Weighed("Turn on the lights.", (call,), -6.0)]
    belief = believed(["Time went by the mights."], -6.5, found, language="en", score=-0.5)
    assert belief is not None
    assert belief.sure is sure


def test_what_leaves_out_most_is_asked_about() -> None:
    found = [Weighed("Turn off the radio.", (Call("HassTurnOff", {"name": "Radio"}),), -6.0)]
    heard = ["Turn off the radio that stands on the shelf in the other room."]
    belief = believed(heard, -8.0, found, language="en", score=-0.5)
    assert belief is not None
    assert not belief.sure


@pytest.mark.parametrize(("score", "sure"), [(-1.15, False), (-0.5, True)])
def test_a_name_alone_is_not_enough_in_words_that_were_heard_badly(
    score: float, sure: bool
) -> None:
    found = [Weighed("Turn off the television.", (Call("HassTurnOff", {"name": "TV"}),), -10.3)]
    belief = believed(["You look for television."], -9.0, found, language="en", score=score)
    assert belief is not None
    assert belief.sure is sure


def test_a_few_words_may_have_been_a_single_one() -> None:
    found = [Weighed("Pause.", (Call("HassMediaPause"),), -6.0)]
    belief = believed(["I can't pause."], -3.0, found, language="en", score=-0.5)
    assert belief is not None
    assert belief.sure


def test_a_text_that_ends_already_gets_no_second_full_stop() -> None:
    assert [ended(text) for text in ("Stop", "Stop.", "Is it on?")] == [
        "Stop.",
        "Stop.",
        "Is it on?",
    ]


def said(*readings: tuple[str, bool], score: float) -> Utterance:
    return Utterance(tuple(Hypothesis(text, score, prompted) for text, prompted in readings))


NEXT = Intent((Call("HassMediaNext"),), "rules", heard="next")
GUESS = Intent((LIGHTS,), "model", heard="turn 100 out of them")
THREE = Intent((Call("climate.warmer", {"degrees": 3}),), "phrase", heard="warmer by 3")
MILK = Intent((Call("HassListAddItem", {"item": "Trump"}),), "rules", heard="add Trump to the list")


@pytest.mark.parametrize(
    ("intent", "utterance", "doubted"),
    [
        (NEXT, said(("And next, this is how it should work.", False), score=-1.0), True),
        (NEXT, said(("And next, this is how it should work.", False), score=-0.2), False),
        (NEXT, said(("Next.", False), score=-1.0), False),
        (GUESS, said(("turn 100 out of them", False), score=-1.4), True),
        (GUESS, said(("turn 100 out of them", False), score=-0.4), False),
        (NEXT, said(("next, this is how it should work", False), score=0.0), False),
        (
            MILK,
            said(("a drum to the list", False), ("add Trump to the list", True), score=-0.9),
            True,
        ),
        (
            MILK,
            said(("at Trump to the list", False), ("add Trump to the list", True), score=-0.9),
            False,
        ),
    ],
)
def test_what_was_hardly_heard_is_doubted(
    intent: Intent, utterance: Utterance, doubted: bool
) -> None:
    assert doubtful(intent, utterance, utterance.text) is doubted
