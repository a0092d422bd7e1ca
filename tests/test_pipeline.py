"""Whole turns from words: what was said, what the home then is, and what the hub answers.

Router, skills, replies and the simulated home are the real ones; only the ears are scripted."""

from __future__ import annotations

import asyncio

import pytest

from hub.errors import ConfigError, EngineCrashed
from hub.messages import Audio, Heard, Utterance
from tests.conftest import Household

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_command_is_done_and_confirmed_by_the_devices(house: Household) -> None:
    trace = await house.say("turn on the kitchen lights")
    assert house["light.kitchen_ceiling"] == house["light.kitchen_counter"] == "on"
    assert {o.entity_id for o in trace.outcomes if o.confirmed} == {
        "light.kitchen_ceiling",
        "light.kitchen_counter",
    }
    assert trace.intent.tier == "rules"
    assert trace.reply.text


async def test_them_means_what_was_spoken_of_before(house: Household) -> None:
    await house.say("turn on the kitchen lights")
    await house.say("turn them off")
    assert house["light.kitchen_ceiling"] == house["light.kitchen_counter"] == "off"


async def test_two_commands_in_one_sentence_are_both_done(house: Household) -> None:
    await house.say("turn on the hallway light and close the living room blinds")
    assert house["light.hallway"] == "on"
    assert house["cover.living_room_blinds"] == "closed"


async def test_the_room_decides_which_lights_are_meant(house: Household) -> None:
    await house.say("turn on the lights", area="Kitchen")
    assert house["light.kitchen_ceiling"] == "on"
    assert house["light.hallway"] == house["light.living_room_ceiling"] == "off"


async def test_unlocking_asks_and_a_yes_unlocks(house: Household) -> None:
    asked = await house.say("unlock the front door")
    assert asked.reply.expects_answer
    assert house["lock.front_door"] == "locked"
    answered = await house.say("yes please")
    assert answered.intent.tier == "dialogue"
    assert house["lock.front_door"] == "unlocked"


@pytest.mark.parametrize("answer", ["no", "turn on the hallway light", "what time is it"])
async def test_anything_but_a_yes_leaves_the_door_locked(house: Household, answer: str) -> None:
    await house.say("unlock the front door")
    await house.say(answer)
    await house.say("yes")
    assert house["lock.front_door"] == "locked"


async def test_a_device_that_does_not_answer_is_not_called_done(house: Household) -> None:
    house.devices.fault("light.hallway", ignores=True)
    trace = await house.say("turn on the hallway light")
    assert [o.confirmed for o in trace.outcomes] == [False]
    assert "did not answer" in trace.reply.text


async def test_of_several_readings_the_one_the_home_can_do_is_taken(house: Household) -> None:
    house.devices.set_state("lock.front_door", "unlocked")
    trace = await house.hear("Block the front door.", "Lock the front door.")
    assert house["lock.front_door"] == "locked"
    assert "lock the front door" in trace.heard.lower()
    assert "block" not in trace.heard.lower()


async def test_what_is_not_understood_is_heard_again_with_the_names_of_the_home(
    house: Household,
) -> None:
    house.devices.set_state("lock.front_door", "unlocked")
    house.recognizer.with_names = "Lock the front door."
    trace = await house.hear("Lock the sand door.")
    assert "Front Door" in house.recognizer.names
    assert house["lock.front_door"] == "locked"
    assert [h.text for h in trace.hypotheses] == ["Lock the sand door.", "Lock the front door."]


async def test_nothing_is_guessed_from_a_name_that_was_listened_for(house: Household) -> None:
    house.recognizer.with_names = "So Hallway Light, the Kitchen."
    trace = await house.hear("So hallway lie degree.")
    assert house.recognizer.names
    assert trace.intent.calls == ()
    assert house["light.hallway"] == "off"


async def test_what_is_understood_is_not_heard_again(house: Household) -> None:
    house.recognizer.with_names = "Turn on the desk lamp."
    await house.hear("Turn on the hallway light.")
    assert house.recognizer.names == ()
    assert house["light.hallway"] == "on"


async def test_an_answer_is_not_heard_again(house: Household) -> None:
    house.devices.set_state("lock.front_door", "locked")
    assert (await house.hear("Unlock the front door.")).reply.expects_answer
    house.recognizer.with_names = "No, the hallway light."
    await house.hear("No.")
    assert house.recognizer.names == ()


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("in the hallway we had dinner with a friend on saturday", "Turn on the hallway light."),
        ("Hallway lie", "Hallway Light"),
    ],
)
async def test_names_that_were_written_over_other_words_do_nothing(
    house: Household, said: str, written: str
) -> None:
    house.recognizer.with_names = written
    trace = await house.hear(said)
    assert house.recognizer.names
    assert trace.intent.calls == ()
    assert house["light.hallway"] == "off"


async def test_a_second_hearing_that_fails_leaves_the_first(house: Household) -> None:
    house.recognizer.with_names = EngineCrashed("recognizer died (SIGKILL)")
    trace = await house.hear("Lock the sand door.")
    assert trace.error is None
    assert trace.heard


@pytest.mark.parametrize(
    "said", ["what is the capital of France", "I had a long day at work", "asdf qwer"]
)
async def test_what_is_not_understood_changes_nothing_and_is_said(
    house: Household, said: str
) -> None:
    before = {entity_id: house[entity_id] for entity_id in house.home.entities}
    trace = await house.say(said)
    assert trace.intent.tier == "none"
    assert trace.reply.text
    assert before == {entity_id: house[entity_id] for entity_id in house.home.entities}


async def test_silence_is_answered_with_silence(house: Household) -> None:
    house.recognizer.script.append(Utterance(()))
    trace = await house.assistant.hear(Heard(Audio(bytes(32_000)), 0.0, 1.0))
    assert trace.reply.text == ""
    assert trace.intent.calls == ()


async def test_an_engine_that_dies_costs_an_apology_and_the_next_turn_works(
    house: Household,
) -> None:
    house.recognizer.script.append(EngineCrashed("recognizer died (SIGKILL)"))
    trace = await house.assistant.hear(Heard(Audio(bytes(32_000)), 0.8, 1.0))
    assert trace.reply.text == EngineCrashed.spoken
    assert trace.error == "EngineCrashed"
    await house.hear("turn on the hallway light")
    assert house["light.hallway"] == "on"


async def test_german_is_understood_and_answered_in_german(house: Household) -> None:
    trace = await house.assistant.say("schalte Floor Lamp aus", language="de")
    assert house["light.floor_lamp"] == "off"
    assert "ausgeschaltet" in trace.reply.text


async def test_the_trace_has_every_stage_and_is_plain_json(house: Household) -> None:
    turn = (await house.hear("turn on the hallway light")).to_json()
    assert set(turn["stages_ms"]) == {
        "wake",
        "speech_end",
        "recognise",
        "route",
        "act",
        "first_audio",
        "total",
    }
    assert turn["stages_ms"]["speech_end"] == pytest.approx(200, abs=1)
    assert turn["calls"] and turn["outcomes"] == [
        {"entity_id": "light.hallway", "state": "on", "confirmed": True}
    ]


async def test_repeat_says_the_last_reply_again(house: Household) -> None:
    first = await house.say("is the front door locked")
    again = await house.say("say that again")
    assert again.reply.text == first.reply.text


async def test_two_doors_are_asked_for_one_after_the_other(house: Household) -> None:
    asked = await house.say("unlock the front door and open the garage door")
    assert asked.reply.text == "Unlock the Front Door?"
    then = await house.say("no")
    assert "Garage Door" in then.reply.text and then.reply.expects_answer
    await house.say("yes")
    assert house["lock.front_door"] == "locked"
    assert house["cover.garage_door"] in ("opening", "open")


async def test_a_yes_out_of_the_blue_is_met_with_silence(house: Household) -> None:
    trace = await house.say("yes")
    assert trace.reply.text == ""
    assert trace.outcomes == ()


async def test_two_who_speak_at_once_are_answered_one_after_the_other(house: Household) -> None:
    asked, answered = await asyncio.gather(house.say("unlock the front door"), house.say("yes"))
    assert asked.reply.expects_answer
    assert answered.intent.confirmed


async def test_a_room_that_is_not_there_is_an_error_and_no_conversation(house: Household) -> None:
    with pytest.raises(ConfigError, match="no room 'Atlantis'"):
        await house.say("turn on the light", area="Atlantis")


async def test_names_of_a_room_are_one_conversation(house: Household) -> None:
    await house.say("unlock the front door", area="hall")
    answered = await house.say("yes", area="Hallway")
    assert answered.intent.confirmed


async def both_open(house: Household) -> None:
    for door in ("lock.front_door", "lock.side_door"):
        house.devices.set_state(door, "unlocked")
    await asyncio.sleep(0)


async def test_which_one_is_answered_by_its_place_and_corrected(house: Household) -> None:
    await both_open(house)
    asked = await house.say("lock the door")
    assert asked.reply.expects_answer
    again = await house.say("the third one")
    assert again.reply.text == asked.reply.text and again.reply.expects_answer
    await house.say("the second one")
    assert (house["lock.front_door"], house["lock.side_door"]) == ("unlocked", "locked")
    await house.say("no, the other one")
    assert house["lock.front_door"] == "locked"


async def test_both_are_done_and_said(house: Household) -> None:
    await both_open(house)
    await house.say("lock the door")
    both = await house.say("both please")
    assert both.reply.text == "Locked the Front Door. Locked the Side Door."
    assert house["lock.front_door"] == house["lock.side_door"] == "locked"


async def test_neither_is_a_no(house: Household) -> None:
    await both_open(house)
    await house.say("lock the door")
    assert (await house.say("neither")).reply.text == "All right."
    assert house["lock.front_door"] == house["lock.side_door"] == "unlocked"


async def test_choosing_a_door_to_unlock_still_asks(house: Household) -> None:
    await house.say("unlock the door")
    await house.say("both")
    assert house["lock.front_door"] == house["lock.side_door"] == "locked"


async def test_the_second_half_of_a_question_is_no_command(house: Household) -> None:
    house.devices.set_state("cover.living_room_blinds", "open")
    trace = await house.say("is the front door locked and the living room blinds closed")
    assert house["cover.living_room_blinds"] == "open"
    assert trace.outcomes == ()
    await house.say("is the front door locked and close the living room blinds")
    assert house["cover.living_room_blinds"] == "closed"


@pytest.mark.parametrize(
    "said",
    [
        "turn on the bathroom light, no, the desk lamp",
        "turn on the bathroom light, sorry, I meant the desk lamp",
        "turn off the floor lamp, no wait, turn on the desk lamp",
    ],
)
async def test_what_was_taken_back_is_not_done(house: Household, said: str) -> None:
    await house.say(said)
    assert house["light.desk_lamp"] == "on"
    assert house["light.bathroom"] == "off"
    assert house["light.floor_lamp"] == "on"


async def test_that_means_what_was_spoken_of_before(house: Household) -> None:
    await house.say("turn on the coffee maker")
    await house.say("switch that off")
    assert house["switch.coffee_maker"] == "off"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("is everything locked", "No, the Side Door is not locked."),
        ("did I lock the front door", "Yes."),
        ("did I leave the floor lamp on", "Yes."),
        ("did I leave the garage door open", "No, it is closed."),
    ],
)
async def test_worries_of_somebody_who_has_left(house: Household, asked: str, told: str) -> None:
    house.devices.set_state("lock.side_door", "unlocked")
    await asyncio.sleep(0)
    assert (await house.say(asked)).reply.text == told


@pytest.mark.parametrize("said", ["good night", "goodnight"])
async def test_a_scene_is_one_word_or_two(house: Household, said: str) -> None:
    assert (await house.say(said)).reply.text == "Activated Good Night."


@pytest.mark.parametrize("said", ["it's so dark in here", "brighter", "brighter in the bathroom"])
async def test_light_where_it_is_dark(house: Household, said: str) -> None:
    await house.say(said, area="Bathroom")
    assert house["light.bathroom"] == "on"
