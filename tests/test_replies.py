"""What is said is what happened, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from home_assistant_intents import get_languages

from hub.arguments import Unfit
from hub.dialogue.replies import Replies
from hub.dialogue.speakable import number, sentence, speakable
from hub.errors import SkillError
from hub.home.targets import Missing
from hub.language import words
from hub.messages import Call, Outcome
from hub.skill import Answer, Ask
from hub.skillset import Performed
from tests.fakes import House

ON = Call("HassTurnOn", {"name": "Desk Lamp"})
ALL_ON = Call("HassTurnOn", {"floor": "upstairs", "domain": "light"})
NAMES = {
    "light.desk_lamp": "Desk Lamp",
    "light.bathroom": "Bathroom Light",
    "light.hallway": "Hallway Light",
    "cover.bedroom_curtains": "Bedroom Curtains",
}


def done(*entity_ids: str, changed: bool = True, state: str = "on") -> tuple[Outcome, ...]:
    return tuple(Outcome(e, NAMES.get(e, e), state, True, changed) for e in entity_ids)


def failed(*entity_ids: str, error: str = "did not answer") -> tuple[Outcome, ...]:
    return tuple(Outcome(e, NAMES.get(e, e), "off", False, error=error) for e in entity_ids)


async def reply(*turn: tuple[Call, Performed], language: str = "en") -> str:
    async with House() as house:
        return Replies().for_turn(turn, house.home, language)


# --- what was done, and what was not ---------------------------------------------------------


async def test_done_is_said_of_what_was_confirmed() -> None:
    assert await reply((ON, Performed(done("light.desk_lamp")))) == "Turned on the Desk Lamp."


@pytest.mark.parametrize(
    ("outcomes", "says"),
    [
        (failed("light.desk_lamp"), "Sorry, the Desk Lamp did not answer."),
        (
            failed("light.desk_lamp", "light.bathroom"),
            "Sorry, the Desk Lamp and the Bathroom Light did not answer.",
        ),
        (
            failed("light.desk_lamp", error="is unavailable"),
            "Sorry, the Desk Lamp is not available.",
        ),
        (
            failed("cover.bedroom_curtains", error="is unavailable"),
            "Sorry, the Bedroom Curtains are not available.",
        ),
        (
            failed("light.hallway", error="cannot be dimmed"),
            "Sorry, the Hallway Light cannot be dimmed.",
        ),
        (
            failed("light.desk_lamp") + failed("light.bathroom", error="is unavailable"),
            "Sorry, the Desk Lamp did not answer and the Bathroom Light is not available.",
        ),
    ],
)
async def test_what_did_not_happen_is_not_said_to_have(
    outcomes: tuple[Outcome, ...], says: str
) -> None:
    text = await reply((ON, Performed(outcomes)))
    assert text == says
    assert "Turned on" not in text


async def test_a_partial_failure_names_the_device() -> None:
    outcomes = done("light.desk_lamp") + failed("light.bathroom")
    assert await reply((ALL_ON, Performed(outcomes))) == (
        "Turned on the lights, but the Bathroom Light did not answer."
    )
    assert await reply((ALL_ON, Performed(outcomes)), language="de") == (
        "Licht eingeschaltet, aber Bathroom Light hat nicht geantwortet."
    )


async def test_what_was_so_already_is_said_to_be() -> None:
    was = Performed(done("light.desk_lamp", changed=False))
    assert await reply((ON, was)) == "The Desk Lamp is already on."
    several = Performed(done("light.desk_lamp", "light.bathroom", changed=False))
    assert await reply((ALL_ON, several)) == "The Desk Lamp and the Bathroom Light are already on."
    mixed = Performed(done("light.desk_lamp", changed=False) + done("light.bathroom", changed=True))
    assert await reply((ALL_ON, mixed)) == "Turned on the lights."


async def test_a_cover_that_moves_is_not_said_to_be_open() -> None:
    async with House(transition=5.0) as house:
        await house.devices.call_service("cover", "open_cover", ["cover.bedroom_curtains"], {})
        await asyncio.sleep(0)
        assert house.home.state("cover.bedroom_curtains").state == "opening"
        call = Call("HassTurnOn", {"name": "Bedroom Curtains"}, "cover")
        outcomes = done("cover.bedroom_curtains", state="opening")
        text = Replies().for_turn([(call, Performed(outcomes))], house.home, "en")
    assert text == "Opening the Bedroom Curtains."


async def test_many_devices_are_not_all_named() -> None:
    async with House() as house:
        lights = [e for e in house.home.entities.values() if e.domain == "light"]
    outcomes = done(*(light.entity_id for light in lights))
    text = await reply((Call("HassTurnOn", {"name": "x"}), Performed(outcomes)))
    assert text.endswith("and 7 more.")


# --- several calls ---------------------------------------------------------------------------


async def test_several_calls_make_one_reply() -> None:
    lock = Call("HassTurnOn", {"name": "Front Door"})
    hallway = Call("HassTurnOff", {"name": "Hallway Light"})
    text = await reply(
        (ON, Performed(done("light.desk_lamp"))),
        (lock, Performed(done("lock.front_door", state="locked"))),
        (hallway, Performed(failed("light.hallway"))),
    )
    assert text == (
        "Turned on the Desk Lamp. Locked the Front Door. Sorry, the Hallway Light did not answer."
    )


async def test_the_same_thing_is_said_once() -> None:
    kitchen = Call("HassTurnOn", {"area": "Kitchen", "domain": "light"})
    lights = Performed(done("light.kitchen_ceiling"))
    assert await reply((kitchen, lights), (kitchen, lights)) == "Turned on the lights."


# --- what the skill says ---------------------------------------------------------------------


async def test_what_a_skill_says_is_said() -> None:
    call = Call("coin.flip")
    assert await reply((call, Performed(said="Heads."))) == "Heads."
    assert await reply((call, Performed(said=""))) == ""
    asked = Performed(ask=Ask("Unlock the Front Door?"))
    assert await reply((call, asked)) == "Unlock the Front Door?"


async def test_what_a_skill_says_does_not_hide_a_failure() -> None:
    lock_all = Performed(
        done("lock.front_door") + failed("lock.side_door"), said="Locked the rest."
    )
    assert await reply((Call("locks.lock_all"), lock_all)) == (
        "Locked the rest, but the Side Door did not answer."
    )


async def test_a_skill_that_failed_after_acting_tells_both() -> None:
    error = SkillError("x", spoken="Sorry, the lights skill failed.")
    broken = Performed(done("light.desk_lamp"), said=error.spoken, error=error)
    assert await reply((ON, broken)) == "Sorry, the lights skill failed."


async def test_a_tool_of_ones_own_without_a_word_is_described_from_the_states() -> None:
    performed = Performed(done("light.desk_lamp"))
    assert await reply((Call("mine.glow", {}), performed)) == "The Desk Lamp is off."


# --- what is missing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (Missing("area", area="Attic"), "Sorry, I know no room called Attic."),
        (Missing("floor", floor="cellar"), "Sorry, I know no floor called cellar."),
        (Missing("name", name="Flux"), "Sorry, I know nothing called Flux."),
        (
            Missing("name", name="Flux", area="Kitchen"),
            "Sorry, I know nothing called Flux in the kitchen.",
        ),
        (Missing("kind", domains=("fan",)), "Sorry, there are no fans."),
        (
            Missing("kind", domains=("fan",), area="lounge"),
            "Sorry, there are no fans in the living room.",
        ),
        (
            Missing("kind", domains=("cover",), device_class="shutter", floor="upstairs"),
            "Sorry, there are no shutters upstairs.",
        ),
        (
            Missing("kind", area="Garage"),
            "Sorry, there is nothing in the garage that I could do that with.",
        ),
        (Missing("unsaid"), "Which device do you mean?"),
    ],
)
async def test_what_is_missing_is_told(missing: Missing, says: str) -> None:
    assert await reply((ON, Performed(missing=missing))) == says


async def test_several_that_fit_are_named() -> None:
    async with House() as house:
        locks = tuple(e for e in house.home.entities.values() if e.domain == "lock")
        missing = Missing("several", candidates=locks)
        text = Replies().missing(missing, house.home, "en")
    assert text == "Which one: the Front Door or the Side Door?"


@pytest.mark.parametrize(
    ("unfit", "says"),
    [
        (
            Unfit("brightness", 140, 0, 100, "%"),
            "The brightness goes from 0 to 100 percent.",
        ),
        (Unfit("mode", "x", choices=("low", "high")), "Mode can be low or high."),
        (Unfit("brightness", absent=True), "The brightness, please?"),
        (Unfit("colour", "loud", unknown=True), "Sorry, loud is not something I can set."),
    ],
)
async def test_an_argument_that_cannot_be_is_told(unfit: Unfit, says: str) -> None:
    assert await reply((ON, Performed(unfit=unfit))) == says


# --- questions -------------------------------------------------------------------------------


async def test_a_long_list_of_answers_is_cut() -> None:
    async with House() as house:
        lights = [e for e in house.home.entities.values() if e.domain == "light"]
        call = Call("HassGetState", {"domain": "light", "state": "on"}, "which")
        answer = Performed(answer=Answer(matched=lights))
        text = Replies().for_turn([(call, answer)], house.home, "en")
    assert text.count(",") == 2
    assert text.endswith("and 7 more.")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("It is 21.5 °C", "It is 21.5 degrees Celsius"),
        ("1 °C", "1 degree Celsius"),
        ("58 %", "58 percent"),
        ("58%", "58 percent"),
        ("1013.25 hPa now", "1013.2 hectopascals now"),
        ("3.0 kWh", "3 kilowatt hours"),
        ("-4 °F", "-4 degrees Fahrenheit"),
        ("12 lx and 3 W", "12 lux and 3 watts"),
        ("set to 22 degrees", "set to 22 degrees"),
        ("in 2 minutes", "in 2 minutes"),
        ("the A4 m printer", "the A4 m printer"),
        ("at 3:04 PM", "at 3:04 PM"),
        ("room 12 b", "room 12 b"),
    ],
)
def test_numbers_and_units_can_be_spoken(text: str, says: str) -> None:
    assert speakable(text, "en") == says


def test_german_has_a_decimal_comma() -> None:
    assert number("21.5", "de") == "21,5"
    assert speakable("Es sind 21.5 °C", "de") == "Es sind 21,5 Grad"
    assert number("20.0", "en") == "20"
    assert number("abc", "en") == "abc"
    assert number(-0.02, "en") == "0"


def test_sentences_are_whole() -> None:
    assert sentence("  turned   on ") == "Turned on."
    assert sentence("Really?") == "Really?"
    assert sentence("") == ""


# --- languages -------------------------------------------------------------------------------


FEW = {"en", "de", "fr", "es", "ja", "pt-BR", "zh-CN"}


@pytest.mark.parametrize(
    "language",
    [
        pytest.param(code, marks=() if code in FEW else pytest.mark.slow)
        for code in sorted(get_languages())
    ],
)
async def test_every_language_of_the_field_has_an_answer(language: str) -> None:
    text = await reply((ON, Performed(done("light.desk_lamp"))), language=language)
    assert text
    assert "{" not in text
    replies = Replies()
    assert "{" not in replies.not_understood("x", language)
    partly = Performed(done("light.desk_lamp") + failed("light.bathroom"))
    text = await reply((ALL_ON, partly), language=language)
    assert "Bathroom Light" in text


async def test_a_language_without_own_words_uses_those_of_the_field() -> None:
    assert await reply((ON, Performed(missing=Missing("area", area="Grenier"))), language="fr") == (
        "Désolé, je ne connais pas la pièce Grenier."
    )


def test_a_language_takes_from_english_what_it_lacks() -> None:
    assert words("de")["said"]["dropped"] == "In Ordnung."
    assert words("xx")["states"] == words("en")["states"]


def test_not_understood_is_said_in_the_language() -> None:
    assert Replies().not_understood("blah", "en") == "Sorry, I did not understand that."
    assert "nicht verstanden" in Replies().not_understood("bla", "de")
    assert Replies().dropped("de") == "In Ordnung."


def _keys(content: dict[str, Any], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for key, value in content.items():
        name = f"{prefix}{key}"
        keys |= _keys(value, f"{name}.") if isinstance(value, dict) else {name}
    return keys


def test_german_has_no_sentence_that_english_does_not_know() -> None:
    from hub.language import _read

    german = {k for k in _keys(_read("de")) if not k.startswith(("failures.", "responses."))}
    assert german <= _keys(_read("en"))
