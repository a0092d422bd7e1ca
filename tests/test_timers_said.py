"""What is said to set and ask for timers, and what the hub says and does then."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio

from hub import service
from hub.app import Hub, _Speaker
from hub.config import Config
from hub.dialogue.conversation import Question
from hub.dialogue.replies import Replies
from hub.later import obstacle
from hub.messages import Call
from hub.pipeline import Assistant
from hub.places import Places
from hub.router import Router
from hub.skill import Where
from hub.skillset import Skillset, bundled, load
from hub.sound import Sounds
from hub.storage.documents import Documents
from hub.timers.agenda import Agenda
from hub.timers.bell import Bell
from hub.timers.book import Obstacle, Timers
from hub.timers.clock import SystemTime
from hub.timers.timer import Timer
from hub.voice import Voice
from tests.fakes import FakeNotes, FakeSpeaker, FakeTime, House, settle
from tests.test_room import Loudspeaker, Words

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
LANGUAGES = ("en", "de", "fr")


@dataclass
class Kitchen:
    """A house with people who talk in its kitchen, and time that passes as told."""

    house: House
    router: Router
    skillset: Skillset
    time: FakeTime
    timers: Timers
    agenda: Agenda
    assistant: Assistant
    rung: list[str] = field(default_factory=list)
    """What was said when timers ran out."""
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, text: str) -> None:
        self.rung.append(text)
        self.told.set()

    async def say(self, text: str, *, area: str = "Kitchen", language: str = "en") -> str:
        return (await self.assistant.say(text, area=area, language=language)).reply.text

    async def turn(self, text: str, area: str | None, language: str) -> object:
        return await self.new_assistant().say(text, area=area, language=language)

    async def foresee(self, text: str, area: str | None, language: str) -> Obstacle | None:
        return await obstacle(text, area, language, router=self.router, skillset=self.skillset)

    def speaker(self) -> _Speaker:
        return _Speaker(Places(), self.timers, self.agenda, Sounds(None, self.time))

    def new_assistant(self) -> Assistant:
        return Assistant(
            home=self.house.home,
            router=self.router,
            skillset=self.skillset,
            replies=Replies(),
            languages=LANGUAGES,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built() -> AsyncIterator[tuple[House, Router, Skillset]]:
    """Building the grammars takes most of a second: once for all."""
    config = Config.model_validate({"home": {"confirm_timeout": 0.3}})
    async with House() as house:
        skillset = Skillset.load(config, house.home, speaker=FakeSpeaker())
        router = Router(
            house.home,
            skillset.specs(),
            model=None,
            settings=config.router,
            languages=LANGUAGES,
        )
        await router.prepare()
        yield house, router, skillset


@pytest_asyncio.fixture(loop_scope="module")
async def kitchen(built: tuple[House, Router, Skillset]) -> AsyncIterator[Kitchen]:
    house, router, skillset = built
    time = FakeTime(NOON)
    time.zone = UTC
    timers, agenda = Timers(time), Agenda(time, home=house.home)
    here = Kitchen(
        house,
        router,
        skillset.for_home(house.home, timers=timers, agenda=agenda),
        time,
        timers,
        agenda,
        None,  # type: ignore[arg-type]
    )
    here.assistant = here.new_assistant()
    bell = Bell(here.turn, None, show=here.show)  # type: ignore[arg-type]
    timers.begin(bell.tell, here.foresee)
    yield here
    await timers.close()


async def test_a_pasta_timer_from_beginning_to_end(kitchen: Kitchen) -> None:
    assert await kitchen.say("set a timer for five minutes") == "Timer set for 5 minutes."
    told = await kitchen.say("set a pasta timer for 12 minutes")
    assert told == "Pasta timer set for 12 minutes."
    await kitchen.time.advance(10)
    told = await kitchen.say("how long is left on the pasta timer")
    assert told == "12 minutes left on the pasta timer."
    told = await kitchen.say("how long is left on the five minute timer")
    assert told == "4 minutes and 50 seconds left on the timer for 5 minutes."
    told = await kitchen.say("add two minutes to the pasta timer")
    assert told == "Added 2 minutes. 14 minutes left on the pasta timer."
    await kitchen.time.advance(290)
    assert kitchen.rung == ["Your timer for 5 minutes is up."]
    await kitchen.timers.hush()
    await kitchen.time.advance(540)
    assert kitchen.rung[1:] == ["Your pasta timer is up."]


async def test_in_german(kitchen: Kitchen) -> None:
    for said, told in [
        ("stelle einen Timer auf fünf Minuten", "Timer auf 5 Minuten gestellt."),
        ("stelle einen Nudel Timer auf 12 Minuten", "Nudel-Timer auf 12 Minuten gestellt."),
        ("wie lange läuft der Nudel Timer noch", "Nudel-Timer: noch 12 Minuten."),
        (
            "verlängere den Nudel Timer um zwei Minuten",
            "Nudel-Timer um 2 Minuten verlängert, noch 14 Minuten.",
        ),
        ("pausiere den Nudel Timer", "Nudel-Timer angehalten, noch 14 Minuten."),
        ("brich den Nudel Timer ab", "Nudel-Timer abgebrochen."),
    ]:
        assert await kitchen.say(said, language="de") == told
    await kitchen.time.advance(300)
    assert kitchen.rung == ["Timer für 5 Minuten: Die Zeit ist um."]
    assert await kitchen.say("lösche alle Timer", language="de") == "1 Timer abgebrochen."
    assert await kitchen.say("welche Timer laufen", language="de") == "Es läuft kein Timer."


async def test_in_a_language_that_hearth_has_no_words_of_its_own_in(kitchen: Kitchen) -> None:
    told = await kitchen.say("mets un minuteur de 5 minutes", language="fr")
    assert told == "Minuteur lancé."
    assert [timer.seconds for timer in kitchen.timers.all()] == [300]
    assert await kitchen.say("annule le minuteur", language="fr")
    assert kitchen.timers.all() == []
    assert await kitchen.say("annule le minuteur", language="fr")


async def test_two_and_a_half_hours(kitchen: Kitchen) -> None:
    await kitchen.say("set a timer for two and a half hours")
    assert [timer.seconds for timer in kitchen.timers.all()] == [9000]


async def test_two_timers_are_set_in_one_sentence(kitchen: Kitchen) -> None:
    await kitchen.say("set a pasta timer for eight minutes and an egg timer for three minutes")
    assert {(timer.name, timer.seconds) for timer in kitchen.timers.all()} == {
        ("pasta", 480.0),
        ("egg", 180.0),
    }
    await kitchen.say("cancel all timers")
    await kitchen.say(
        "stell einen Nudel Timer auf acht Minuten und einen Eier Timer auf drei Minuten",
        language="de",
    )
    assert {timer.name for timer in kitchen.timers.all()} == {"Nudel", "Eier"}


async def test_a_length_that_was_set_wrong_is_put_right(kitchen: Kitchen) -> None:
    await kitchen.say("set a pasta timer for ten minutes")
    await kitchen.time.advance(60)
    told = await kitchen.say("make that twenty minutes")
    assert "20 minutes" in told
    (timer,) = kitchen.timers.all()
    assert (timer.name, kitchen.timers.left(timer)) == ("pasta", 1200.0)
    assert "5 Minuten" in await kitchen.say("stell ihn auf fünf Minuten", language="de")
    assert kitchen.timers.left(kitchen.timers.all()[0]) == 300.0


async def test_it_is_asked_which_timer_is_meant(kitchen: Kitchen) -> None:
    await kitchen.say("set a timer for five minutes")
    await kitchen.say("set a pasta timer for 12 minutes")
    told = await kitchen.say("cancel the timer")
    assert told == "Which one: the timer for 5 minutes or the pasta timer?"
    assert await kitchen.say("the pasta timer") == "Cancelled the pasta timer."
    assert await kitchen.say("add two minutes to it") == (
        "Added 2 minutes. 7 minutes left on the timer for 5 minutes."
    )


async def test_it_is_the_timer_that_was_spoken_of_last_in_this_room(kitchen: Kitchen) -> None:
    await kitchen.say("set a pasta timer for 12 minutes")
    await kitchen.say("set a timer for five minutes")
    await kitchen.say("how long is left on the pasta timer")
    await kitchen.say("set a timer for ten minutes", area="Bedroom")
    told = await kitchen.say("add two minutes to it")
    assert told == "Added 2 minutes. 14 minutes left on the pasta timer."
    told = await kitchen.say("verkürze ihn um drei Minuten", language="de")
    assert told == "Pasta-Timer um 3 Minuten verkürzt, noch 11 Minuten."
    await kitchen.time.advance(200)
    assert (await kitchen.say("add two minutes to it")).startswith("Which one:")


@pytest.mark.parametrize(
    ("language", "pause", "resume", "cancel"),
    [
        ("en", "pause it", "resume it", "cancel it"),
        ("de", "pausiere ihn", "setz ihn fort", "brich ihn ab"),
    ],
)
async def test_after_a_timer_was_spoken_of_it_is_that(
    kitchen: Kitchen, language: str, pause: str, resume: str, cancel: str
) -> None:
    async def say(text: str) -> str:
        return await kitchen.say(text, language=language)

    await kitchen.say("turn on the kitchen radio")
    await kitchen.say("set a timer for five minutes")
    await kitchen.say("set a pasta timer for 12 minutes")
    await say(pause)
    assert [timer.name for timer in kitchen.timers.all() if timer.paused] == ["pasta"]
    await say(resume)
    assert not any(timer.paused for timer in kitchen.timers.all())
    await say(cancel)
    assert [timer.name for timer in kitchen.timers.all()] == [None]


async def test_it_is_no_timer_once_something_else_was_spoken_of(kitchen: Kitchen) -> None:
    await kitchen.say("set a pasta timer for 12 minutes")
    await kitchen.say("start the robot vacuum")
    assert "Robot Vacuum" in await kitchen.say("pause it")
    assert not kitchen.timers.all()[0].paused
    await kitchen.say("send the robot vacuum home")


async def test_out_of_the_blue_it_is_what_plays(kitchen: Kitchen) -> None:
    house = kitchen.house
    await kitchen.timers.start(300)
    vacuum, radio = house.state("vacuum.robot"), house.state("media_player.kitchen_radio")
    assert radio != "playing"
    for said, told in [
        ("pause it", "Nothing is playing."),
        ("stop that", "Nothing is playing."),
        ("resume it", "Nothing is paused."),
    ]:
        kitchen.assistant = kitchen.new_assistant()
        assert await kitchen.say(said) == told
    assert house.state("vacuum.robot") == vacuum
    assert house.state("media_player.kitchen_radio") == radio
    await kitchen.say("play")
    kitchen.assistant = kitchen.new_assistant()
    await kitchen.say("pause it")
    assert house.state("media_player.kitchen_radio") == "paused"
    kitchen.assistant = kitchen.new_assistant()
    await kitchen.say("resume it")
    assert house.state("media_player.kitchen_radio") == "playing"
    await kitchen.say("turn off the kitchen radio")


async def test_the_timer_of_the_room_is_meant(kitchen: Kitchen) -> None:
    await kitchen.say("set a timer for five minutes")
    await kitchen.say("set a timer for ten minutes", area="Bedroom")
    told = await kitchen.say("pause the timer", area="Bedroom")
    assert told == "Paused the timer for 10 minutes with 10 minutes left."
    assert await kitchen.say("resume the bedroom timer") == (
        "10 minutes left on the timer for 10 minutes."
    )
    assert await kitchen.say("cancel all timers in the bedroom") == (
        "Cancelled 1 timer in the bedroom."
    )
    assert len(kitchen.timers.all()) == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cancel the timer", "There is no timer running."),
        ("cancel all timers", "There is no timer running."),
        ("what timers are running", "There is no timer running."),
        ("pause the timer", "There is no timer running."),
        ("set a timer", "For how long?"),
    ],
)
async def test_where_there_is_nothing_to_do_that_is_said(
    kitchen: Kitchen, said: str, told: str
) -> None:
    assert await kitchen.say(said) == told


async def test_the_length_that_was_left_out_is_asked_for(kitchen: Kitchen) -> None:
    assert await kitchen.say("set a timer") == "For how long?"
    assert await kitchen.say("five minutes") == "Timer set for 5 minutes."
    assert [timer.seconds for timer in kitchen.timers.all()] == [300]


async def test_with_its_length_a_timer_keeps_its_name(kitchen: Kitchen) -> None:
    assert await kitchen.say("set a pasta timer") == "For how long?"
    assert await kitchen.say("five minutes") == "Pasta timer set for 5 minutes."
    assert [(timer.name, timer.seconds) for timer in kitchen.timers.all()] == [("pasta", 300)]
    assert await kitchen.say("six minutes") == "Shall I set a timer for 6 minutes?"


async def test_with_its_length_a_command_for_later_is_kept(kitchen: Kitchen) -> None:
    conversation = kitchen.assistant.conversation("Kitchen")
    where = Where("Kitchen", "en")
    call = Call("HassStartTimer", {"conversation_command": "turn on the hallway light"})
    done = await kitchen.skillset.perform(call, where=where, conversation=conversation)
    assert done.ask is not None
    conversation.ask(Question(done.ask.question, {}, lacking=done.ask.lacking))
    assert await kitchen.say("five minutes") == "I will do that in 5 minutes."
    assert [timer.command for timer in kitchen.timers.all()] == ["turn on the hallway light"]


async def test_a_length_out_of_the_blue_sets_no_timer_unasked(kitchen: Kitchen) -> None:
    assert await kitchen.say("one minute") == "Shall I set a timer for 1 minute?"
    assert kitchen.timers.all() == []
    assert await kitchen.say("yes") == "Timer set for 1 minute."


async def test_nobody_who_speaks_is_interrupted(kitchen: Kitchen) -> None:
    free, loudspeaker = asyncio.Event(), Loudspeaker()
    voice = Voice(Words(), loudspeaker)
    bell = Bell(kitchen.turn, voice, free=free)  # type: ignore[arg-type]
    telling = asyncio.create_task(bell.tell(Timer("timer-1", 60, 0, 0.0, name="tea"), 0.0))
    await settle()
    assert loudspeaker.heard == []
    free.set()
    await telling
    assert loudspeaker.heard == ["Your tea timer is up."]


async def test_a_timer_that_does_not_exist_is_not_taken_for_another(kitchen: Kitchen) -> None:
    await kitchen.say("set a pasta timer for 12 minutes")
    assert await kitchen.say("cancel the egg timer") == "Sorry, I find no such timer."
    assert await kitchen.say("how long is left on the egg timer") == "Sorry, I find no such timer."
    assert len(kitchen.timers.all()) == 1


async def test_a_command_for_later_is_done_then(kitchen: Kitchen) -> None:
    assert await kitchen.say("turn on the hallway light in ten minutes") == (
        "I will do that in 10 minutes."
    )
    await kitchen.time.advance(599)
    assert kitchen.house.state("light.hallway") == "off"
    await kitchen.time.advance(1)
    await asyncio.wait_for(kitchen.told.wait(), 10)
    assert kitchen.house.state("light.hallway") == "on"
    assert kitchen.rung[0].startswith("Turned on the Hallway")


async def test_a_command_that_was_done_is_not_done_again_if_the_hub_dies_before_it_says_so(
    kitchen: Kitchen,
) -> None:
    notes, free = FakeNotes(), asyncio.Event()
    timers = Timers(kitchen.time, notes)
    voice = Voice(Words(), Loudspeaker())
    bell = Bell(kitchen.turn, voice, show=kitchen.show, free=free, done=timers.done)  # type: ignore[arg-type]
    timers.begin(bell.tell)
    await timers.start(60, command="turn off the hallway light")
    await kitchen.time.advance(60)
    await asyncio.wait_for(kitchen.told.wait(), 10)
    await timers.close()
    after = Timers(kitchen.time, notes)
    await after.open()
    assert after.all() == []


async def test_a_door_is_not_unlocked_when_nobody_attends(kitchen: Kitchen) -> None:
    await kitchen.timers.start(600, command="unlock the front door", area="Kitchen")
    await kitchen.time.advance(600)
    await asyncio.wait_for(kitchen.told.wait(), 10)
    assert kitchen.rung[0].startswith("You wanted this now: unlock the front door.")
    await kitchen.say("yes")
    assert kitchen.house.state("lock.front_door") == "locked"


@pytest.mark.parametrize("said", ["turn it off in five minutes", "frobnicate in five minutes"])
async def test_a_command_that_will_not_be_understood_is_not_promised(
    kitchen: Kitchen, said: str
) -> None:
    await kitchen.say("turn on the hallway light")
    assert (await kitchen.say(said)).startswith("Sorry, I do not understand what I should do then.")
    assert kitchen.timers.all() == []


@pytest.mark.parametrize(
    ("said", "language", "told"),
    [
        ("unlock the front door in ten minutes", "en", "Before I do that I would have to ask"),
        ("open the garage door in ten minutes", "en", "Before I do that I would have to ask"),
        ("entsperre Front Door in zehn Minuten", "de", "Bevor ich das tue, müsste ich"),
        ("never mind in ten minutes", "en", "Sorry, I do not understand what I should do then."),
        ("do nothing in five minutes", "en", "Sorry, I do not understand what I should do then."),
        ("vergiss es in zehn Minuten", "de", "Entschuldigung, ich verstehe nicht, was ich dann"),
    ],
)
async def test_a_command_that_would_not_be_done_is_not_promised(
    kitchen: Kitchen, said: str, language: str, told: str
) -> None:
    assert (await kitchen.say(said, language=language)).startswith(told)
    assert kitchen.timers.all() == []


async def test_closing_a_door_later_needs_no_yes(kitchen: Kitchen) -> None:
    assert (await kitchen.say("lock the front door in ten minutes")).startswith("I will do that")
    assert (await kitchen.say("close the garage door in ten minutes")).startswith("I will do that")


async def test_in_german_a_command_for_later_is_understood(kitchen: Kitchen) -> None:
    told = await kitchen.say("schalte in zehn Minuten das Licht aus", language="de")
    assert told == "Das mache ich in 10 Minuten."


async def test_a_command_for_later_answers_no_question(kitchen: Kitchen) -> None:
    await kitchen.timers.start(300, command="yes", area="Kitchen")
    await kitchen.time.advance(299)
    await kitchen.say("unlock the front door")
    await kitchen.time.advance(1)
    await asyncio.wait_for(kitchen.told.wait(), 10)
    assert kitchen.house.state("lock.front_door") == "locked"


async def test_without_a_hub_that_runs_no_timer_is_promised(kitchen: Kitchen) -> None:
    kitchen.timers._tell = None
    assert "while the hub is running" in await kitchen.say("set a timer for five minutes")
    assert kitchen.timers.all() == []


async def test_what_was_late_is_said_with_how_late_and_a_command_is_not_done(
    kitchen: Kitchen,
) -> None:
    bell = Bell(kitchen.turn, None, show=kitchen.rung.append)  # type: ignore[arg-type]
    await bell.tell(Timer("timer-1", 600, 0, 0.0, name="pasta"), 720.0)
    await bell.tell(Timer("timer-2", 600, 0, 0.0, command="open the blinds"), 7200.0)
    assert kitchen.rung == [
        "Your pasta timer ran out 12 minutes ago.",
        "I was off when I should have done this, 2 hours ago: open the blinds. I have not done it.",
    ]


async def test_the_intents_and_slots_are_those_of_the_field() -> None:
    which = {"start_hours", "start_minutes", "start_seconds", "name", "area"}
    length = {"hours", "minutes", "seconds"}
    slots = {
        handler.name: set(handler.tool.parameters["properties"])
        for handler in load()[0]
        if handler.skill == "timers"
    }
    assert bundled().exists()
    assert slots == {
        "HassStartTimer": length | {"name", "conversation_command"},
        "timers.lasting": length,
        "timers.make_it": length,
        "timers.more": length,
        "timers.less": length,
        "timers.pause_it": set(),
        "timers.resume_it": set(),
        "timers.cancel_it": set(),
        "timers.at": {"conversation_command", "moment"},
        "timers.for_a_while": {"conversation_command", "length"},
        "timers.planned": set(),
        "timers.move_planned_it": {"to"},
        "timers.cancel_planned_it": set(),
        "timers.cancel_planned": set(),
        "HassCancelTimer": which,
        "HassCancelAllTimers": {"area"},
        "HassIncreaseTimer": length | which,
        "HassDecreaseTimer": length | which,
        "HassPauseTimer": which,
        "HassUnpauseTimer": which,
        "HassTimerStatus": which,
    }


# --- with a real disk, a real clock and a real kill ----------------------------------------------

CHILD = """
import asyncio, sys
from pathlib import Path
from hub.storage.documents import Documents
from hub.timers.book import Timers
from hub.timers.clock import SystemTime

async def nobody(timer, late): pass

async def main():
    timers = Timers(SystemTime(), Documents(Path(sys.argv[1]), "timers"))
    await timers.open()
    timers.begin(nobody)
    await timers.start(3600, name="bread")
    await timers.start(1800, name="nap", area="Bedroom")
    await timers.pause(await timers.start(600, name="tea"))
    await timers.cancel(await timers.start(600, name="wrong"))
    print("set", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_hub_that_is_killed_loses_no_timer(tmp_path: Path) -> None:
    path = tmp_path / "timers.json"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"set\n"
    child.send_signal(signal.SIGKILL)
    await child.wait()
    timers = Timers(SystemTime(), Documents(path, "timers"))
    await timers.open()
    kept = {timer.name: timer for timer in timers.all()}
    assert set(kept) == {"bread", "nap", "tea"}
    assert 3500 < timers.left(kept["bread"]) < 3600
    assert kept["nap"].area == "Bedroom"
    assert kept["tea"].paused and timers.left(kept["tea"]) == pytest.approx(600, abs=1)
    await timers.close()


# --- ending the ringing --------------------------------------------------------------------------


async def test_who_wakes_the_hub_has_heard_the_timer(kitchen: Kitchen) -> None:
    await kitchen.say("set a tea timer for one minute")
    await kitchen.time.advance(60)
    hub = SimpleNamespace(timers=kitchen.timers, agenda=kitchen.agenda, places=Places())
    woken = SimpleNamespace(noticed=lambda: Hub.noticed(hub), voice=None)  # type: ignore[arg-type]
    service._signal(woken, "wake")  # type: ignore[arg-type]
    await settle()
    await kitchen.time.advance(600)
    assert kitchen.rung == ["Your tea timer is up."]


async def test_ending_the_ringing_is_not_forgotten_half_way() -> None:
    async def hush() -> bool:
        nothing: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        return await nothing  # held by nobody else

    service._signal(SimpleNamespace(noticed=hush, voice=None), "wake")  # type: ignore[arg-type]
    await settle()
    gc.collect()
    [left] = [task for task in asyncio.all_tasks() if task.get_name() == "noticed"]
    left.cancel()


async def test_stop_ends_the_ringing(kitchen: Kitchen) -> None:
    await kitchen.say("set a tea timer for one minute")
    await kitchen.time.advance(60)
    await kitchen.speaker().stop()
    await kitchen.time.advance(600)
    assert kitchen.rung == ["Your tea timer is up."]


async def test_a_timer_that_rings_is_cancelled_as_any_other(kitchen: Kitchen) -> None:
    await kitchen.say("set a tea timer for one minute")
    await kitchen.time.advance(60)
    assert await kitchen.say("cancel the timer") == "Cancelled the tea timer."
    await kitchen.time.advance(600)
    assert kitchen.rung == ["Your tea timer is up."]
