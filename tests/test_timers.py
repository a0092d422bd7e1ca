"""Timers: they ring once, at their time, whatever becomes of the hub and of the clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import AudioError, StorageError
from hub.timers.book import BETWEEN, MOST, RINGS, Timers
from hub.timers.clock import LONGEST_SLEEP, SystemTime
from hub.timers.timer import Timer
from tests.fakes import FakeNotes, FakeTime, settle

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


class Listeners:
    """People in the room, who note what they hear."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []
        self.deaf = 0
        """So many rings fail before one is heard."""

    async def tell(self, timer: Timer, late: float) -> None:
        if self.deaf:
            self.deaf -= 1
            raise AudioError("no loudspeaker")
        self.heard.append((timer.name or timer.command or timer.id, late))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.heard]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime(NOON)


@pytest.fixture
def notes() -> FakeNotes:
    return FakeNotes()


@pytest.fixture
def people() -> Listeners:
    return Listeners()


async def hub(time: FakeTime, notes: FakeNotes, people: Listeners) -> Timers:
    """A hub that has just started; one that ran before was killed."""
    time.kill()
    timers = Timers(time, notes)
    await timers.open()
    timers.begin(people.tell)
    return timers


async def test_a_timer_rings_when_its_time_is_up(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.start(300, name="pasta")
    await time.advance(299)
    assert people.heard == []
    await time.advance(1.5)
    assert people.heard == [("pasta", 0)]
    await timers.close()


async def test_it_rings_on_for_a_while_and_then_no_more(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.start(10, name="tea")
    await time.advance(10 + RINGS * BETWEEN * 3)
    assert people.names == ["tea"] * RINGS
    assert timers.all() == []
    assert time.sleepers == 0, "without a timer nothing waits"
    await timers.close()


async def test_somebody_who_hears_it_ends_the_ringing(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.start(10, name="tea")
    await timers.start(60, name="eggs")
    await time.advance(10)
    assert await timers.hush()
    await time.advance(49)
    assert people.names == ["tea"]
    assert not await timers.hush()
    await time.advance(1)
    assert people.names == ["tea", "eggs"]
    await timers.close()


async def test_one_that_waits_until_somebody_has_spoken_was_heard_by_nobody(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    free = asyncio.Event()
    timers = Timers(time, notes)
    timers.begin(people.tell, free=lambda area: free)
    await timers.start(10, name="tea")
    await time.advance(10)
    assert people.names == []
    assert not await timers.hush()
    free.set()
    await time.advance(0)
    assert people.names == ["tea"]
    assert await timers.hush()
    await time.advance(100)
    assert people.names == ["tea"]
    await timers.close()


async def test_one_that_rings_can_be_given_more_time(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.start(10, name="tea")
    await time.advance(10 + BETWEEN)
    assert people.names == ["tea"] * 2
    (tea,) = timers.find(name="tea")
    await timers.change(tea, 60)
    await time.advance(59)
    assert people.names == ["tea"] * 2
    await time.advance(1)
    assert people.names == ["tea"] * 3
    await timers.close()


async def test_several_run_at_once_and_each_rings_at_its_own_time(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    for seconds in (30, 10, 20):
        await timers.start(seconds, command=str(seconds))
    await time.advance(15)
    await timers.start(1, command="late comer")
    await time.advance(60)
    assert people.names == ["10", "late comer", "20", "30"]
    await timers.close()


async def test_ten_minutes_are_ten_minutes_even_if_the_clock_is_set(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.start(600, name="bread")
    await time.advance(60)
    time.set_clock(days=2000)
    await time.advance(539)
    assert people.heard == []
    await time.advance(1)
    assert people.names == ["bread"]
    await timers.close()


async def test_a_machine_that_slept_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await SystemTime().sleep(3600)
    await SystemTime().sleep(2)
    assert slept == [LONGEST_SLEEP, 2]


async def test_a_paused_timer_waits_as_long_as_it_likes(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    bread = await timers.start(600, name="bread")
    await time.advance(100)
    bread = await timers.pause(bread)
    await time.advance(100_000)
    assert people.heard == []
    assert timers.left(bread) == 500
    await timers.resume(bread)
    await time.advance(499)
    assert people.heard == []
    await time.advance(1)
    assert people.names == ["bread"]
    await timers.close()


async def test_one_from_which_all_is_taken_rings(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.change(await timers.start(60, name="tea"), -90)
    await time.advance(0)
    assert people.names == ["tea"]
    await timers.close()


async def test_a_cancelled_timer_does_not_ring(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.cancel(await timers.start(60))
    await time.advance(1000)
    assert people.heard == []
    assert time.sleepers == 0
    await timers.close()


# --- over a restart ------------------------------------------------------------------------------


async def test_after_the_hub_was_killed_a_timer_rings_at_its_time(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(600, name="bread")  # and then it is gone
    await time.advance(100)
    timers = await hub(time, notes, again := Listeners())
    await time.advance(499)
    assert again.heard == []
    await time.advance(1)
    assert again.heard == [("bread", 0)]
    await timers.close()


async def test_a_clock_that_was_set_makes_no_difference_to_a_restart(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(600, name="bread")
    time.set_clock(hours=-5)
    await time.advance(100)
    timers = await hub(time, notes, people)
    (bread,) = timers.all()
    assert timers.left(bread) == 500
    await timers.close()


async def test_over_a_reboot_the_clock_on_the_wall_counts(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(600, name="bread")
    time.reboot(minutes=4)
    timers = await hub(time, notes, Listeners())
    (bread,) = timers.all()
    assert timers.left(bread) == pytest.approx(360)
    await timers.close()


async def test_a_clock_that_went_back_over_a_reboot_makes_it_late_but_loses_nothing(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(600, name="bread")
    time.reboot(days=-9000)  # a board without a battery
    timers = await hub(time, notes, Listeners())
    (bread,) = timers.all()
    assert timers.left(bread) == 600
    await timers.close()


async def test_one_that_ran_out_while_the_hub_was_off_is_told_once(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(600, name="bread")
    time.reboot(minutes=22)
    timers = await hub(time, notes, first := Listeners())
    await time.advance(1000)
    assert first.heard == [("bread", 720)]
    await timers.close()
    await hub(time, notes, second := Listeners())
    await time.advance(1000)
    assert second.heard == []


async def test_one_that_was_told_is_not_told_again_after_a_kill(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(10, name="tea")
    await time.advance(10)
    assert people.names == ["tea"]
    await hub(time, notes, again := Listeners())  # killed between the first ring and the second
    await settle()
    assert again.heard == []


async def test_one_that_nobody_could_hear_is_told_after_the_next_start(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.start(10, name="tea")
    people.deaf = 1000
    await time.advance(1000)
    assert people.heard == []
    assert time.sleepers == 0
    await timers.close()
    await hub(time, notes, again := Listeners())
    await settle()
    assert again.names == ["tea"]


async def test_a_loudspeaker_that_comes_back_is_used(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.start(10, name="tea")
    people.deaf = 2
    await time.advance(10 + 2 * BETWEEN)
    assert people.names == ["tea"]
    await timers.close()


async def test_paused_timers_are_paused_after_a_restart(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    await timers.pause(await timers.start(600, name="bread", area="Kitchen", language="de"))
    time.reboot(hours=3)
    (bread,) = (await hub(time, notes, people)).all()
    assert (bread.paused, bread.left) == (True, 600)
    assert (bread.name, bread.area, bread.language) == ("bread", "Kitchen", "de")


async def test_a_full_disk_costs_no_timer(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    timers = await hub(time, notes, people)
    notes.error = StorageError("the disk is full")
    await timers.start(60, name="tea")
    assert not timers.kept
    await time.advance(60)
    assert people.names == ["tea"]
    await timers.close()


async def test_notes_that_make_no_sense_cost_only_themselves(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(60, name="tea")
    notes.kept["timers"]["timers"].insert(0, {"id": "timer-9", "seconds": "many"})
    timers = await hub(time, notes, people)
    assert [timer.name for timer in timers.all()] == ["tea"]
    await timers.close()
    notes.kept["timers"] = {"at": "yesterday"}
    timers = await hub(time, notes, people)
    assert timers.all() == []
    await timers.close()


async def test_looking_at_them_without_a_hub_changes_nothing(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(60, name="tea")
    before = dict(notes.kept["timers"])
    time.reboot(hours=1)
    looking = Timers(time, notes)
    await looking.open()
    assert not looking.rings
    assert looking.left(looking.all()[0]) == pytest.approx(-3540)
    await looking.close()
    assert notes.kept["timers"] == before


async def test_a_new_timer_has_an_id_of_its_own_after_a_restart(
    time: FakeTime, notes: FakeNotes, people: Listeners
) -> None:
    await (await hub(time, notes, people)).start(60)
    timers = await hub(time, notes, people)
    await timers.start(60)
    assert len({timer.id for timer in timers.all()}) == 2
    await timers.close()


# --- commands for later --------------------------------------------------------------------------


async def test_a_command_is_run_once_and_not_cut_short(time: FakeTime, notes: FakeNotes) -> None:
    begun, go_on, done = 0, asyncio.Event(), 0

    async def run(timer: Timer, late: float) -> None:
        nonlocal begun, done
        begun += 1
        await go_on.wait()
        done += 1

    timers = Timers(time, notes)
    timers.begin(run)
    await timers.start(10, command="turn off the lamp")
    await time.advance(10)
    assert not await timers.hush()
    await timers.cancel(*timers.all())
    go_on.set()
    await time.advance(1000)
    assert (begun, done) == (1, 1)
    await timers.close()


# --- which one is meant --------------------------------------------------------------------------


async def test_trouble_that_nobody_expected_is_logged_and_a_command_is_not_tried_again(
    time: FakeTime, notes: FakeNotes, people: Listeners, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[str] = []

    async def tell(timer: Timer, late: float) -> None:
        tried.append(timer.name or timer.command or timer.id)
        raise RuntimeError("a mistake")

    timers = Timers(time, notes)
    timers.begin(tell)
    await timers.start(60, command="close the blinds")
    await time.advance(60)
    assert tried == ["close the blinds"]
    assert "a mistake" in caplog.text
    await timers.start(60, name="tea")
    await time.advance(60 + BETWEEN)
    assert tried[1:] == ["tea", "tea"]  # it rings on: the next may be heard
    await timers.close()
    after = await hub(time, notes, people)
    await time.advance(1)
    assert people.names == ["tea"]
    await after.close()


async def test_timers_are_found_by_what_is_said_of_them(time: FakeTime) -> None:
    timers = Timers(time)
    pasta = await timers.start(720, name="pasta", area="Kitchen")
    eggs = await timers.start(300, name="eggs", area="Kitchen")
    nap = await timers.start(300, area="Bedroom")
    assert timers.find(name="Pasta") == [pasta]
    assert timers.find(name="pastor") == [], "not every word like it"
    assert timers.find(name="egg") == [eggs]
    assert timers.find(name=nap.id) == [nap]
    assert timers.find(seconds=300, area="Bedroom") == [nap]
    assert timers.find(seconds=300) == [eggs, nap]
    assert timers.find(seconds=300, here="Bedroom") == [nap]
    assert timers.find(here="Bedroom") == [nap]
    assert len(timers.find(here="Kitchen")) == 3, "two are in the kitchen"
    assert timers.find(name="tea") == []


async def test_there_are_only_so_many(time: FakeTime) -> None:
    timers = Timers(time)
    for _ in range(MOST):
        assert not timers.full
        await timers.start(60)
    assert timers.full


# --- arithmetic ----------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 500)),
        st.tuples(st.just("more"), st.floats(0, 500)),
        st.tuples(st.just("less"), st.floats(0, 500)),
        st.tuples(st.just("pause"), st.just(0.0)),
        st.tuples(st.just("resume"), st.just(0.0)),
        st.tuples(st.just("restart"), st.floats(0, 500)),
    )
)


@given(st.floats(1, 5000), steps)
def test_what_is_left_is_what_was_given_less_the_time_it_ran(
    seconds: float, steps: list[tuple[str, float]]
) -> None:
    now = 100.0
    timer = Timer("timer-1", seconds, seconds, now)
    left, running = seconds, True
    for step, amount in steps:
        if step in ("wait", "restart") and running:
            left -= amount
        if step == "wait":
            now += amount
        elif step == "more":
            timer, left = timer.longer(amount, now), max(0.0, left) + amount
        elif step == "less":
            timer, left = timer.longer(-amount, now), max(0.0, max(0.0, left) - amount)
        elif step == "pause":
            timer, left, running = timer.pause(now), max(0.0, left), False
        elif step == "resume":
            timer, running = timer.resume(now), True
        else:  # killed, and started so many seconds later after a boot
            kept, now = timer.to_json(now), 3.0
            timer = Timer.from_json(kept, amount, now)
        assert timer.paused is not running
        assert timer.remaining(now) == pytest.approx(left, abs=1e-6)
    assert timer.seconds == seconds
