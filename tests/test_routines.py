"""Routines: made, read back, kept, run, changed and removed by voice; set off by what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from hub.routines.routine import (
    WEEKDAYS,
    Clock,
    RoutineError,
    Sun,
    from_plain,
    to_plain,
)
from hub.routines.saying import makes
from hub.routines.times import next_clock, next_sun
from tests.fakes import House
from tests.routines_home import BERLIN, Household, household, parts

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE = ZoneInfo("Europe/Berlin")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built() -> AsyncIterator[tuple[House, object, object]]:
    async with parts() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def home(built) -> AsyncIterator[Household]:  # type: ignore[no-untyped-def]
    async with household(built) as made:
        yield made


# --- by voice -------------------------------------------------------------------------------------


async def test_good_night_from_beginning_to_end(home: Household) -> None:
    asked = await home.say("When I say good night, turn off all the lights and lock the doors")
    assert asked == (
        "When somebody says “good night”, I will turn off all the lights and lock the doors. "
        "Shall I remember that?"
    )
    assert home.routines.all() == []
    assert await home.say("yes") == "I will remember that as “good night”."
    await home.say("turn on the kitchen light")
    assert await home.say("good night", area="Bedroom") == (
        "Turned off all of the lights. Everything is locked."
    )
    assert home.state("light.kitchen") == "off"
    assert home.state("lock.front") == "locked"


async def test_good_night_in_german(home: Household) -> None:
    told = await home.agree("Wenn ich gute Nacht sage, mach alle Lichter aus", language="de")
    assert told == "Gemerkt, als „gute Nacht“."
    await home.say("turn on the desk lamp")
    await home.say("gute Nacht", language="de")
    assert home.state("light.desk") == "off"
    assert await home.say("welche Routinen habe ich", language="de") == "Eine Routine: gute Nacht."
    assert await home.say("was macht gute Nacht", language="de") == (
        "Wenn jemand „gute Nacht“ sagt: „mach alle Lichter aus“."
    )


async def test_no_is_no(home: Household) -> None:
    await home.say("when I say party, turn on the desk lamp")
    assert await home.say("no") == "All right, I will not."
    assert home.routines.all() == []
    assert "understand" in await home.say("party")


async def test_undo_after_a_routine_puts_back_what_it_did(home: Household) -> None:
    await home.agree("when I say cosy, turn on the desk lamp and turn on the bedroom fan")
    await home.say("cosy")
    assert (home.state("light.desk"), home.state("fan.bedroom")) == ("on", "on")
    await home.say("undo that")
    assert (home.state("light.desk"), home.state("fan.bedroom")) == ("off", "off")
    assert [routine.name for routine in home.routines.all()] == ["cosy"]


async def test_where_nothing_was_made_nothing_is_undone(home: Household) -> None:
    await home.say("turn on the desk lamp")
    await home.say("when I say cosy, turn on the bedroom fan")
    await home.say("no")
    await home.say("undo that")
    assert home.state("light.desk") == "off"


async def test_undo_after_it_was_made_forgets_it(home: Household) -> None:
    await home.agree("when I say cosy, turn on the desk lamp")
    await home.say("undo that")
    assert home.routines.all() == []


async def test_a_routine_is_listed_described_tried_changed_and_removed(home: Household) -> None:
    assert await home.say("what routines do I have") == "There are no routines yet."
    await home.agree("when I say good night, turn off all the lights")
    assert await home.say("what routines do I have") == "One routine: good night."
    asked = await home.say("change good night to also close the garage door")
    assert "turn off all the lights and close the garage door" in asked
    assert await home.say("yes") == "“good night” is changed."
    home.house.devices.set_state("cover.garage", "open")
    await home.say("run good night")
    assert home.state("cover.garage") == "closed"
    await home.agree("take turn off all the lights out of the good night routine")
    assert "turn off" not in await home.say("what does good night do")
    assert await home.say("disable good night") == "“good night” is switched off."
    assert "understand" in await home.say("good night")
    await home.say("enable good night")
    assert "Garage Door" in await home.say("good night")
    assert await home.say("delete good night") == "Delete the routine “good night”?"
    assert await home.say("yes") == "“good night” is gone."
    assert home.routines.all() == []


async def test_what_is_not_understood_is_asked_about_and_the_answer_is_not_done_now(
    home: Household,
) -> None:
    asked = await home.say("when I say banana, set the flux capacitor to eleven")
    assert asked.startswith("I did not understand “set the flux capacitor to eleven”.")
    asked = await home.say("turn on the desk lamp")
    assert asked.startswith("When somebody says “banana”, I will turn on the desk lamp.")
    assert home.state("light.desk") == "off"
    await home.say("yes")
    await home.say("banana")
    assert home.state("light.desk") == "on"


async def test_the_room_that_is_meant_is_said(home: Household) -> None:
    asked = await home.say("when I say cinema, turn off the lights")
    assert "I will turn off the lights in the Kitchen." in asked


async def test_the_time_is_asked_for(home: Household) -> None:
    assert await home.say("open the bedroom blinds every weekday") == "At what time?"
    asked = await home.say("seven in the morning")
    assert asked.startswith("Every weekday at 7 am, I will open the bedroom blinds.")
    await home.say("yes")
    assert home.routines.all()[0].when == (Clock(time(7), WEEKDAYS),)


async def test_what_lets_somebody_in_is_refused_when_it_is_made(home: Household) -> None:
    for command in ("unlock the front door", "open the garage door"):
        told = await home.say(f"when I say open sesame, turn on the desk lamp and {command}")
        assert told.startswith(f"“{command}” may let somebody in"), told
    assert home.routines.all() == []


async def test_what_is_asked_about_is_asked_when_it_is_made_and_then_done(home: Household) -> None:
    asked = await home.say("every day at eight in the morning open the roof window")
    assert "“open the roof window” I would usually ask about first." in asked
    await home.say("yes")
    await home.advance(hours=3)
    assert home.state("cover.window") == "open"


@pytest.mark.parametrize("phrase", ["turn on the desk lamp", "yes", "stop", "what time is it"])
async def test_a_phrase_takes_no_sentence_that_means_something(
    home: Household, phrase: str
) -> None:
    told = await home.say(f"when I say {phrase}, turn on the bedroom fan")
    assert told == f"“{phrase}” already means something else. Choose other words, please."


async def test_a_phrase_goes_before_what_would_only_be_guessed(home: Household) -> None:
    await home.agree("when I say desk lump, turn on the bedroom fan")
    await home.say("desk lump")
    assert (home.state("fan.bedroom"), home.state("light.desk")) == ("on", "off")


async def test_a_greeting_may_be_a_routine(home: Household) -> None:
    await home.agree("when I say good morning, open the bedroom blinds")
    await home.say("good morning")
    assert home.state("cover.blinds") == "open"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "when is the next appointment"),
        ("en", "when does the sun set"),
        ("en", "when is the washing machine finished"),
        ("en", "when was the front door opened"),
        ("en", "tell me when the timer is done"),
        ("en", "remind me every day at nine to take my pills"),
        ("en", "wake me every weekday at seven"),
        ("en", "set an alarm for seven every weekday"),
        ("en", "remind me to call my sister when I get home"),
        ("en", "what happens every monday"),
        ("en", "turn off every light"),
        ("en", "turn on the lights at seven"),
        ("en", "turn off the heating at sunset"),
        ("en", "when it is a bit before sunset turn on the porch light"),
        ("en", "every day a bit before sunset turn on the porch light"),
        ("de", "wann geht die Sonne unter"),
        ("de", "wenn du meinst"),
        ("de", "weck mich jeden Werktag um sieben"),
        ("de", "erinnere mich jeden Tag um neun an die Tabletten"),
        ("de", "schalte alle Lichter aus"),
    ],
)
async def test_what_is_no_routine(language: str, text: str) -> None:
    assert not makes(text, language)


# --- by the clock and the sun ---------------------------------------------------------------------


async def test_every_weekday_at_seven(home: Household) -> None:
    await home.agree("every weekday at seven open the bedroom blinds")
    await home.advance(minutes=59)
    assert home.state("cover.blinds") == "closed"
    await home.advance(minutes=2)
    assert home.state("cover.blinds") == "open"
    for day in range(1, 7):
        home.house.devices.set_state("cover.blinds", "closed")
        await home.advance(days=1)
        assert home.state("cover.blinds") == ("open" if day < 5 else "closed"), day


async def test_at_sunset_the_porch_light(home: Household) -> None:
    await home.agree("at sunset turn on the porch light")
    await home.advance(hours=10, minutes=30)  # 16:30
    assert home.state("light.porch") == "off"
    await home.advance(minutes=15)  # the sun sets at 16:36 there
    assert home.state("light.porch") == "on"


@pytest.mark.parametrize(
    ("wanted", "before", "at"),
    [
        # The clock skips from two to three on the 29th of March 2026.
        (time(2, 30), datetime(2026, 3, 28, 12), "2026-03-29T03:00:00+02:00"),
        (time(7), datetime(2026, 3, 28, 12), "2026-03-29T07:00:00+02:00"),
        # It comes back from three to two on the 25th of October.
        (time(2, 30), datetime(2026, 10, 24, 12), "2026-10-25T02:30:00+02:00"),
        (time(7), datetime(2026, 10, 24, 12), "2026-10-25T07:00:00+01:00"),
    ],
)
async def test_both_changes_of_summer_time(wanted: time, before: datetime, at: str) -> None:
    trigger = Clock(wanted)
    first = next_clock(trigger, before.replace(tzinfo=UTC), HERE)
    assert first is not None and first.astimezone(HERE).isoformat() == at
    second = next_clock(trigger, first, HERE)
    # Once a day, and not again in the hour that comes twice.
    assert second is not None and second - first > timedelta(hours=22)
    assert second.astimezone(HERE).time() == wanted


async def test_a_rule_of_the_field(home: Household) -> None:
    trigger = Clock(time(9), rule="FREQ=MONTHLY;BYMONTHDAY=1")
    found = next_clock(trigger, datetime(2026, 11, 5, tzinfo=UTC), HERE)
    assert found == datetime(2026, 12, 1, 8, tzinfo=UTC)


async def test_where_the_sun_does_not_set_for_weeks() -> None:
    tromso = (69.65, 18.96)
    found = next_sun(Sun("sunset"), datetime(2026, 6, 1, tzinfo=UTC), HERE, tromso)
    assert found is not None and found.month == 7
    assert next_sun(Sun("sunset"), datetime(2026, 6, 1, tzinfo=UTC), HERE, None) is None
    assert next_sun(Sun("sunrise", -1800), datetime(2026, 6, 1, tzinfo=UTC), HERE, BERLIN)


async def test_a_restart_just_then_skips_nothing_and_doubles_nothing(home: Household) -> None:
    await home.agree("every day at seven open the bedroom blinds")
    await home.advance(minutes=59, seconds=50)
    await home.routines.close()
    await home.notes.flush()
    home.time.set_clock(seconds=30)
    await home.restart()
    await home.settle()
    assert home.state("cover.blinds") == "open"
    home.house.devices.set_state("cover.blinds", "closed")
    await home.restart()
    await home.advance(minutes=30)
    assert home.state("cover.blinds") == "closed"


async def test_what_was_due_long_ago_is_not_done_late(home: Household) -> None:
    await home.agree("every day at seven open the bedroom blinds")
    await home.routines.close()
    await home.notes.flush()
    home.time.set_clock(hours=5)
    await home.restart()
    await home.settle()
    assert home.state("cover.blinds") == "closed"
    await home.advance(hours=21)
    assert home.state("cover.blinds") == "open"


async def test_a_clock_that_is_set_back_does_it_once(home: Household) -> None:
    await home.agree("every day at seven open the bedroom blinds")
    await home.advance(hours=1, minutes=5)
    home.house.devices.set_state("cover.blinds", "closed")
    home.time.set_clock(minutes=-30)
    await home.advance(hours=2)
    assert home.state("cover.blinds") == "closed"


async def test_a_clock_that_was_years_ahead_does_not_stop_it(home: Household) -> None:
    home.time.set_clock(days=1500)
    await home.agree("every day at seven open the bedroom blinds")
    await home.advance(minutes=5)
    home.time.set_clock(days=-1500)
    home.routines._changed.set()  # the machine's own clock is looked at every few seconds
    await home.advance(hours=1)
    assert home.state("cover.blinds") == "open"


async def test_a_weekly_one_is_done_once_though_the_clock_is_set_back(home: Household) -> None:
    await home.agree("every monday at seven open the bedroom blinds")
    await home.advance(hours=1, minutes=5)
    home.house.devices.set_state("cover.blinds", "closed")
    home.time.set_clock(minutes=-30)
    await home.advance(hours=30)
    assert home.state("cover.blinds") == "closed"


# --- by what happens ------------------------------------------------------------------------------


async def test_when_the_washing_machine_finishes_tell_me(home: Household) -> None:
    await home.agree("when the washing machine finishes tell me")
    await home.change("sensor.washer", "spinning")
    assert home.told == []
    await home.change("sensor.washer", "finished")
    assert home.told == ["The Washing Machine has finished."]
    await home.change("sensor.washer", "off")
    assert len(home.told) == 1


async def test_in_german_too(home: Household) -> None:
    await home.agree("sag mir Bescheid, wenn die Washing Machine fertig ist", language="de")
    await home.change("sensor.washer", "finished")
    assert home.told == ["Washing Machine: fertig."]


async def test_a_window_that_stays_open(home: Household) -> None:
    await home.agree("when the kitchen window is open for ten minutes say close the window")
    await home.change("binary_sensor.window", "on")
    await home.advance(minutes=9)
    await home.change("binary_sensor.window", "off")
    await home.advance(minutes=9)
    assert home.told == []
    await home.change("binary_sensor.window", "on")
    await home.advance(minutes=11)
    assert home.told == ["Close the window."]
    await home.advance(hours=3)
    assert len(home.told) == 1


async def test_above_25_degrees_is_told_once_for_each_time_it_rises(home: Household) -> None:
    await home.agree("when the temperature in the bedroom rises above 25 degrees turn on the fan")
    await home.change("sensor.bedroom_temperature", "24.9")
    assert home.state("fan.bedroom") == "off"
    await home.change("sensor.bedroom_temperature", "25.4")
    assert home.state("fan.bedroom") == "on"
    home.house.devices.set_state("fan.bedroom", "off")
    await home.change("sensor.bedroom_temperature", "26")
    assert home.state("fan.bedroom") == "off"
    await home.change("sensor.bedroom_temperature", "24")
    await home.change("sensor.bedroom_temperature", "26")
    assert home.state("fan.bedroom") == "on"


async def test_people_come_and_go(home: Household) -> None:
    await home.agree("when Anna comes home turn on the hallway light")
    await home.agree("when everybody leaves turn off all the lights")
    await home.change("person.anna", "not_home")
    assert home.state("light.hallway") == "off"
    await home.change("person.anna", "home")
    assert home.state("light.hallway") == "on"
    await home.change("person.anna", "not_home")
    assert home.state("light.hallway") == "on"
    await home.change("person.ben", "not_home")
    assert home.state("light.hallway") == "off"


async def test_of_two_people_it_is_asked_who_i_am(home: Household) -> None:
    assert await home.say("when I come home turn on the hallway light") == "Who: Anna or Ben?"
    asked = await home.say("Ben")
    assert asked.startswith("When Ben comes home, I will turn on the hallway light.")
    await home.say("yes")
    await home.change("person.ben", "not_home")
    await home.change("person.ben", "home")
    assert home.state("light.hallway") == "on"


async def test_undo_after_it_ran_by_itself(home: Household) -> None:
    await home.agree("whenever there is motion in the hallway turn on the hallway light")
    await home.change("binary_sensor.motion", "on")
    assert home.state("light.hallway") == "on"
    await home.say("undo that")
    assert home.state("light.hallway") == "off"


async def test_what_was_undone_does_not_go_on_after_a_restart_either(home: Household) -> None:
    await home.agree(
        "when I say lights please turn on the kitchen light, wait five minutes and turn off the "
        "kitchen light"
    )
    await home.say("lights please")
    await home.notes.flush()
    assert len(home.notes.kept["routines"]["rests"]) == 1
    await home.say("undo that")
    await home.notes.flush()
    assert home.notes.kept["routines"]["rests"] == []


async def test_waiting_goes_on_after_a_restart(home: Household) -> None:
    await home.agree(
        "whenever there is motion in the hallway turn on the hallway light, wait five minutes and "
        "turn off the hallway light"
    )
    await home.change("binary_sensor.motion", "on")
    await home.advance(minutes=2)
    await home.restart()
    await home.advance(minutes=2)
    assert home.state("light.hallway") == "on"
    await home.advance(minutes=2)
    assert home.state("light.hallway") == "off"


async def test_a_routine_that_sets_itself_off_is_stopped(home: Household) -> None:
    await home.agree("when the hallway light turns on turn off the hallway light")
    await home.agree("when the hallway light turns off turn on the hallway light")
    ran: list[str] = []
    home.routines.watchers.append(lambda routine: ran.append(routine.name))
    await home.change("light.hallway", "on")
    await home.advance(seconds=30)
    assert 1 <= len(ran) <= 2
    # Not for ever: what somebody does later sets it off again.
    await home.advance(minutes=5)
    ran.clear()
    await home.change("light.hallway", "on" if home.state("light.hallway") == "off" else "off")
    assert ran


async def test_a_routine_that_runs_itself_is_stopped(home: Household) -> None:
    await home.agree("when I say banana, turn on the desk lamp")
    await home.agree("change banana to also run banana")
    told = await home.say("banana")
    assert "sets itself off" in told
    assert home.state("light.desk") == "on"


async def test_what_has_become_dangerous_is_not_done(home: Household) -> None:
    made = from_plain(
        {
            "name": "banana",
            "when": [{"say": "banana"}],
            "do": [
                {
                    "command": "open the door",
                    "allowed": True,
                    "calls": [{"tool": "HassTurnOn", "arguments": {"name": "Garage Door"}}],
                }
            ],
        }
    )
    home.routines.add(made)
    assert await home.say("banana") == "In “banana” I did not do “open the door”."
    assert home.state("cover.garage") == "closed"


async def test_a_sensor_gone_wild_does_not_run_it_all_the_time(home: Household) -> None:
    await home.agree("when the kitchen window opens say the window is open")
    for _ in range(40):
        await home.change("binary_sensor.window", "on")
        await home.change("binary_sensor.window", "off")
    assert len(home.told) <= 6


# --- as files -------------------------------------------------------------------------------------

FILE = [
    {
        "name": "good night",
        "when": [{"say": "good night"}, {"at": "22:30", "on": ["friday", "saturday"]}],
        "do": ["turn off the lights", {"wait": "00:01:00"}, {"say": "Sleep well."}],
    },
    {
        "name": "warm",
        "when": [{"device": "sensor.bedroom_temperature", "above": 25, "for": "00:05:00"}],
        "do": ["turn on the bedroom fan"],
        "enabled": False,
    },
]


async def test_what_is_exported_can_be_imported(home: Household) -> None:
    assert await home.door.answer({"do": "put", "routines": FILE}) == {
        "done": ["good night", "warm"]
    }
    rows = (await home.door.answer({"do": "list"}))["routines"]
    assert [row["name"] for row in rows] == ["good night", "warm"]
    before = [to_plain(routine) for routine in home.routines.all()]
    answer = await home.door.answer({"do": "put", "routines": before, "keep_others": False})
    assert "error" not in answer
    assert [to_plain(routine) for routine in home.routines.all()] == before
    assert not home.routines.all()[1].enabled


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"when": [{"at": "25:00"}]}, "hour"),
        ({"do": []}, "'do' has one to"),
        ({"do": ["unlock the front door"]}, "may let somebody in"),
        ({"do": ["open the roof window"]}, "allowed: true"),
        ({"do": ["flub the wug"]}, "did not understand"),
        ({"when": [{"device": "sensor.none", "above": 1}]}, "sensor.none"),
        ({"when": [{"say": "turn on the desk lamp"}]}, "already means something else"),
        ({"then": []}, "no 'then'"),
        ({"when": [{"sun": "noon"}]}, "sunset or sunrise"),
    ],
)
async def test_a_file_that_makes_no_sense_is_refused_with_the_reason(
    home: Household, change: dict[str, object], reason: str
) -> None:
    answer = await home.door.answer({"do": "put", "routines": [FILE[1], {**FILE[0], **change}]})
    assert reason in answer["error"], answer
    assert home.routines.all() == []


async def test_what_cannot_be_read_costs_one_routine(home: Household) -> None:
    await home.door.answer({"do": "put", "routines": FILE})
    await home.routines.close()
    await home.notes.flush()
    home.notes.kept["routines"]["entries"][0]["when"] = [{"at": "never"}]
    home.routines = type(home.routines)(
        home.house.home, home.router, home.skillset, home.time, home.notes
    )
    await home.routines.open()
    assert [routine.name for routine in home.routines.all()] == ["warm"]
    with pytest.raises(RoutineError):
        from_plain({"name": "x", "when": "now", "do": ["a"]})
