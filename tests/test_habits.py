"""Habits of a simulated household: found with their evidence, nothing found in noise, and offered
once, with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import pytest
import pytest_asyncio

from hub.evaluate.household import PLANTED, START, ZONE, household, local, minute_of_sun
from hub.habits.chance import tail
from hub.habits.mining import Habit, habits
from hub.habits.suggestions import Suggestions
from hub.history import Deed
from hub.messages import Outcome
from hub.routines.routine import WEEKDAYS, Becomes, Clock
from tests.fakes import FakeNotes, House
from tests.routines_home import HOME, Household, parts
from tests.routines_home import household as people

pytestmark = pytest.mark.asyncio(loop_scope="module")


def at(day: int) -> datetime:
    """Noon so many days after the history begins."""
    return datetime.combine(START + timedelta(days=day), time(12), UTC)


def found(history: list[Deed], day: int = 365) -> dict[str, Habit]:
    return {h.entity_id: h for h in habits(history, at(day), ZONE, minute_of_sun)}


# --- found in a year ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
async def test_a_year_of_a_household_shows_its_habits_and_no_others(seed: int) -> None:
    seen = found(household(seed))
    assert set(seen) == set(PLANTED)
    kitchen = seen["light.kitchen"]
    assert (kitchen.kind, kitchen.days) == ("time", "weekdays")
    assert abs(kitchen.middle - 7 * 60) <= 5
    assert kitchen.end - kitchen.begin <= 60
    door = seen["lock.front_door"]
    assert (door.kind, door.days) == ("time", "daily")
    assert abs(door.middle - (22 * 60 + 55)) <= 6
    porch = seen["light.porch"]
    assert (porch.kind, abs(porch.middle - 15) <= 5) == ("sunset", True)
    hall = seen["light.hallway"]
    assert (hall.kind, hall.occasion) == ("after", ("binary_sensor.front_door", "on"))
    bins = seen["switch.bins"]
    assert (bins.kind, bins.days) == ("time", "0")
    for habit in seen.values():
        assert habit.chance < 0.01
        assert 7 <= habit.hits <= habit.of == 10


@pytest.mark.parametrize("day", [160, 170, 340, 350])
async def test_a_habit_stays_one_over_both_changes_of_summer_time(day: int) -> None:
    """29 March is day 148, 25 October day 358: some of the days are before, some after."""
    history = household(5, devices=4)
    kitchen = found(history, day)["light.kitchen"]
    assert kitchen.days == "weekdays"
    assert abs(kitchen.middle - 7 * 60) <= 5


@pytest.mark.parametrize("seed", [11, 12])
async def test_nothing_is_found_in_noise(seed: int) -> None:
    history = household(seed, planted=False, days=365, devices=30)
    for day in range(80, 366, 95):
        assert found(history, day) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 22])
async def test_nothing_is_found_in_years_of_noise(seed: int) -> None:
    history = household(seed, planted=False, days=3 * 365, devices=60)
    for day in range(90, 3 * 365, 100):
        assert found(history, day) == {}


def once_a_day(minutes: list[int | None], entity_id: str = "light.desk") -> list[Deed]:
    """Something that is done once on each day, at a minute of the day, or not."""
    made = []
    for number, minute in enumerate(minutes):
        day = START + timedelta(days=number)
        made.append(_deed(local(day, 480 + number * 97 % 840), "light.other"))
        if minute is not None:
            made.append(_deed(local(day, minute), entity_id))
    return sorted(made, key=lambda deed: deed.at)


def _deed(when: datetime, id: str, source: str = "voice", service: str = "light.turn_on") -> Deed:
    return Deed(0, when, id, id, service, {}, "off", "on", None, None, source)  # type: ignore[arg-type]


async def test_what_is_not_done_any_more_is_no_habit() -> None:
    regular = [420 + day % 7 for day in range(60)]
    assert "light.desk" in found(once_a_day(regular), 60)
    given_up = [420 + day % 7 if day < 50 else None for day in range(60)]
    assert "light.desk" not in found(once_a_day(given_up), 60)


async def test_what_a_routine_does_is_no_habit_of_people() -> None:
    history = [
        Deed(0, d.at, d.entity_id, "", d.service, {}, "off", "on", None, None, "routine")
        if d.entity_id == "light.desk"
        else d
        for d in once_a_day([420] * 60)
    ]
    assert "light.desk" not in found(history, 60)


async def test_what_happens_any_time_in_the_evening_is_no_habit_at_a_time() -> None:
    import random

    chance = random.Random(3)
    evenings = [chance.randrange(17 * 60, 23 * 60) for _ in range(60)]
    assert "light.desk" not in found(once_a_day(list(evenings)), 60)


async def test_around_midnight_is_one_time() -> None:
    nights = [(1435 + day % 10) % 1440 for day in range(60)]
    night = found(once_a_day(list(nights)), 60)["light.desk"]
    assert night.middle in (*range(1435, 1440), *range(5))


async def test_the_tail_of_the_binomial_distribution() -> None:
    assert tail(0, 10, 0.5) == 1
    assert tail(10, 10, 0.5) == pytest.approx(0.5**10)
    assert tail(5, 10, 0.5) == pytest.approx(0.623046875)
    assert tail(3, 2, 0.5) == 0


# --- offered --------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built() -> AsyncIterator[tuple[House, object, object]]:
    async with parts(HOME) as made:
        yield made


class Offered:
    """A household with a history, and what is suggested to it."""

    def __init__(self, home: Household, notes: FakeNotes, history: list[Deed]) -> None:
        self.home, self.notes, self.history = home, notes, history
        self.quiet = False
        self.said: list[str] = []
        self.make()

    def make(self, enabled: bool = True) -> None:
        self.suggestions = Suggestions(
            self.home.routines,
            lambda since: self.history,
            self.home.time,
            self.notes,
            enabled=enabled,
            quiet=lambda: self.quiet,
        )

        async def tell(text: str, area: str | None, language: str) -> None:
            self.said.append(text)

        self.suggestions.begin(
            tell, lambda area, question: self.home.assistant.conversation(area).ask(question)
        )
        self.home.skillset.serve(suggestions=self.suggestions)

    async def say(self, text: str, *, language: str = "en") -> str:
        trace = await self.home.assistant.say(text, area="Kitchen", language=language)
        self.suggestions.after_turn(trace)
        if self.suggestions._task is not None:
            await asyncio.wait({self.suggestions._task})
        return trace.reply.text


def kitchen_light_at_seven(until: datetime) -> list[Deed]:
    """On weekdays, for ten weeks."""
    made = []
    first = until.date() - timedelta(days=70)
    for number in range(70):
        day = first + timedelta(days=number)
        made.append(_deed(local(day, 480 + number * 97 % 840), "light.porch"))
        if day.weekday() < 5 and number % 12 != 5:
            made.append(_deed(local(day, 412 + number * 7 % 16), "light.kitchen"))
    return sorted(made, key=lambda deed: deed.at)


@pytest_asyncio.fixture(loop_scope="module")
async def offered(built) -> AsyncIterator[Offered]:  # type: ignore[no-untyped-def]
    async with people(built) as home:
        home.time.set_clock(hours=13)  # seven in the evening
        yield Offered(home, FakeNotes(), kitchen_light_at_seven(home.time.now()))


WHY = "On 9 of the last 10 weekdays the Kitchen Light was turned on between 6:52 and 7:07."


async def test_a_habit_is_offered_once_after_a_turn_with_its_reason(offered: Offered) -> None:
    await offered.say("turn on the desk lamp")
    assert offered.said == [f"By the way: {WHY} Shall I do that by myself, every weekday at 7 am?"]
    assert await offered.say("yes") == "I will remember that as “turn on kitchen light”."
    (routine,) = offered.home.routines.all()
    assert routine.when == (Clock(time(7), WEEKDAYS),)
    assert routine.made_by == "habit"
    await offered.say("turn off the desk lamp")
    assert len(offered.said) == 1


async def test_nothing_is_done_unasked(offered: Offered) -> None:
    await offered.say("turn on the desk lamp")
    assert offered.said
    await offered.home.advance(hours=14)
    assert offered.home.state("light.kitchen") == "off"
    assert offered.home.routines.all() == []


async def test_no_is_taken_for_an_answer_for_ever(offered: Offered) -> None:
    await offered.say("turn on the desk lamp")
    await offered.say("no")
    assert offered.home.routines.all() == []
    await offered.notes.flush()
    offered.make()
    await offered.suggestions.open()
    offered.home.time.set_clock(days=2)
    await offered.say("turn off the desk lamp")
    assert len(offered.said) == 1


async def test_why_do_you_suggest_that(offered: Offered) -> None:
    assert await offered.say("why do you suggest that") == "I have not suggested anything."
    offered.said.clear()
    await offered.say("turn on the desk lamp")
    assert await offered.say("why do you suggest that") == WHY


async def test_stop_suggesting(offered: Offered) -> None:
    told = await offered.say("stop suggesting things")
    assert told == "All right, I will not suggest anything any more."
    await offered.say("turn on the desk lamp")
    await offered.notes.flush()
    offered.make()
    await offered.suggestions.open()
    await offered.say("turn off the desk lamp")
    assert offered.said == []
    await offered.say("you may make suggestions again")
    await offered.say("turn on the desk lamp")
    assert len(offered.said) == 1


async def test_undo_puts_back_whether_something_is_suggested(offered: Offered) -> None:
    await offered.say("stop suggesting things")
    assert offered.suggestions.stopped
    await offered.say("undo that")
    assert not offered.suggestions.stopped
    await offered.say("you may make suggestions again")  # as it is already
    await offered.say("undo that")
    assert not offered.suggestions.stopped


async def test_not_in_quiet_hours_and_not_in_the_morning_and_not_if_it_is_switched_off(
    offered: Offered,
) -> None:
    offered.quiet = True
    await offered.say("turn on the desk lamp")
    offered.quiet = False
    offered.home.time.set_clock(hours=-8)
    await offered.say("turn off the desk lamp")
    offered.home.time.set_clock(hours=8)
    offered.make(enabled=False)
    await offered.say("turn on the desk lamp")
    assert offered.said == []


async def test_when_it_has_just_been_done_it_may_be_offered_at_any_hour(offered: Offered) -> None:
    offered.home.time.set_clock(hours=-12)
    await offered.suggestions.look()
    await offered.say("turn on the kitchen light")
    assert len(offered.said) == 1


async def test_asked_for_it_is_told_at_once_and_in_german(offered: Offered) -> None:
    asked = await offered.say("hast du Vorschläge", language="de")
    assert asked == (
        "An 9 der letzten 10 Werktage wurde Kitchen Light zwischen 6:52 und 7:07 Uhr "
        "eingeschaltet. Soll ich das von selbst tun, jeden Werktag um 7 Uhr?"
    )
    told = await offered.say("ja", language="de")
    assert told == "Gemerkt, als „schalte kitchen light ein“."
    assert await offered.say("do you have any suggestions") == (
        "I have not noticed anything that I could suggest."
    )


async def test_what_follows_something_becomes_a_routine_of_it(offered: Offered) -> None:
    made = []
    first = offered.home.time.now().date() - timedelta(days=60)
    for number in range(60):
        when = local(first + timedelta(days=number), 600 + number * 37 % 600)
        made.append(
            Deed(0, when, "binary_sensor.motion", "", "", {}, "off", "on", None, None, "outside")
        )
        if number % 11:
            made.append(_deed(when + timedelta(minutes=1), "light.hallway", "outside"))
    offered.history = made
    asked = await offered.say("do you have any suggestions")
    assert asked == (
        "The last 10 times the Hallway Motion saw somebody, the Hallway Light was turned on right "
        "after it 9 times. Shall I do that by myself, when the Hallway Motion sees somebody?"
    )
    await offered.say("yes")
    (routine,) = offered.home.routines.all()
    assert routine.when == (Becomes("binary_sensor.motion", ("on",), said="motion"),)
    await offered.home.change("binary_sensor.motion", "on")
    assert offered.home.state("light.hallway") == "on"


async def test_unlocking_is_never_suggested(offered: Offered) -> None:
    first = offered.home.time.now().date() - timedelta(days=60)
    offered.history = [
        _deed(local(first + timedelta(days=n), 420 + n % 9), "cover.garage", "voice", service)
        for n in range(60)
        for service in ("cover.open_cover",)
    ]
    assert await offered.suggestions.look()
    assert await offered.say("do you have any suggestions") == (
        "I have not noticed anything that I could suggest."
    )


async def test_a_failing_turn_or_a_question_is_no_good_moment(offered: Offered) -> None:
    await offered.say("flub the wug")
    await offered.say("when I say banana, turn on the desk lamp")
    assert offered.said == []
    assert Outcome("light.desk", "", "on", True).changed
