"""What is said about alarms, reminders and commands for a time, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from hub.app import _Speaker
from hub.author.time import LocalClock
from hub.config import Config
from hub.dialogue.replies import Replies
from hub.later import obstacle
from hub.messages import Utterance
from hub.pipeline import Assistant
from hub.places import Places
from hub.router import Context, Router
from hub.skills.undo import Done, put_back
from hub.skillset import Skillset
from hub.sound import Sounds
from hub.timers.agenda import Agenda
from hub.timers.bell import Bell
from hub.timers.book import Obstacle, Timers
from tests.fakes import FakeSpeaker, FakeTime, House, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

BERLIN = ZoneInfo("Europe/Berlin")
AFTERNOON = datetime(2026, 11, 27, 14, 30, tzinfo=BERLIN)
"""A Friday."""
LANGUAGES = ("en", "de")
PLACE = (52.5, 13.4)


@dataclass
class Home:
    """A house with people who talk in its kitchen, and time that passes as told."""

    house: House
    router: Router
    skillset: Skillset
    time: FakeTime
    agenda: Agenda
    assistant: Assistant
    place: tuple[float, float] | None = PLACE
    told: list[str] = field(default_factory=list)
    rung: list[float] = field(default_factory=list)
    """How loud the rings of alarms were."""

    async def say(self, text: str, language: str = "en", *, area: str = "Kitchen") -> str:
        return (await self.assistant.say(text, area=area, language=language)).reply.text

    async def de(self, text: str) -> str:
        return await self.say(text, "de")

    async def turn(self, text: str, area: str | None, language: str) -> object:
        return await self.new_assistant().say(text, area=area, language=language)

    async def foresee(self, text: str, area: str | None, language: str) -> Obstacle | None:
        return await obstacle(text, area, language, router=self.router, skillset=self.skillset)

    async def ring(self, volume: float) -> None:
        self.rung.append(volume)

    def new_assistant(self) -> Assistant:
        return Assistant(
            home=self.house.home,
            router=self.router,
            skillset=self.skillset,
            replies=Replies(),
            languages=LANGUAGES,
        )

    async def until(self, hour: int, minute: int = 0, *, day: int = 0) -> None:
        """Let time pass until the clock on the wall shows it, today or days later."""
        now = self.time.now().astimezone(BERLIN)
        then = now.replace(day=now.day + day, hour=hour, minute=minute, second=0)
        await self.time.advance((then - now).total_seconds())
        await asyncio.sleep(0.02)
        await settle()


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
async def home(built: tuple[House, Router, Skillset]) -> AsyncIterator[Home]:
    house, router, skillset = built
    time = FakeTime(AFTERNOON)
    time.zone = BERLIN
    timers = Timers(time)
    here: Home
    agenda = Agenda(time, home=house.home, place=lambda: here.place)
    own = skillset.for_home(house.home, timers=timers, agenda=agenda, clock=LocalClock(time))
    here = Home(house, router, own, time, agenda, None)  # type: ignore[arg-type]
    here.assistant = here.new_assistant()

    async def restore(before: object) -> None:
        await put_back(house.home, Done(dict(before)), 0.3)  # type: ignore[call-overload]

    bell = Bell(
        here.turn,  # type: ignore[arg-type]
        None,
        show=here.told.append,
        alarm=here.ring,
        home=house.home,
        done_of=agenda.done,
        now=agenda.now,
        restore=restore,
        mention=lambda area, about: here.assistant.conversation(area).refer_to(None, about),
    )
    timers.begin(bell.tell, here.foresee)
    agenda.begin(bell.come, foresee=here.foresee, act=here.turn)  # type: ignore[arg-type]
    yield here
    await timers.close()
    await agenda.close()


# --- times that are none, or at the edge of what can be -----------------------------------------


@pytest.mark.parametrize(
    ("said", "language", "told"),
    [
        ("set a timer for 0 seconds", "en", "For how long?"),
        ("set a timer for 1 second", "en", "Timer set for 1 second."),
        ("set a timer for 24 hours", "en", "Timer set for 24 hours."),
        ("set a timer for 1000 hours", "en", "Hours goes from 0 to 100."),
        ("set a timer for 10 years", "en", "I can only do things right away."),
        ("turn off the hallway light in 0 seconds", "en", "I can only do things right away."),
        ("remind me to renew the passport in 10 years", "en", "When?"),
        (
            "remind me to jump on february 29",
            "en",
            "I will remind you on Tuesday, February 29 at 9 AM: jump.",
        ),
        ("remind me to jump on february 30", "en", "When?"),
        ("remind me to jump at 25 o'clock", "en", "When?"),
        ("remind me to jump at 11:59:59 pm", "en", "When?"),
        ("wake me on the 31st of february", "en", "For what time?"),
        ("wake me at midnight", "en", "Alarm set tomorrow at 12 AM."),
        ("stelle einen Timer auf 0 Sekunden", "de", "Wie lange?"),
        (
            "erinnere mich am 29. Februar ans Springen",
            "de",
            "Ich erinnere dich am Dienstag, dem 29. Februar, um 9 Uhr: ans Springen.",
        ),
        ("erinnere mich in 10 Jahren an den Pass", "de", "Wann?"),
    ],
)
async def test_a_time_that_is_none_is_asked_for_and_one_at_the_edge_is_taken(
    home: Home, said: str, language: str, told: str
) -> None:
    assert await home.say(said, language) == told
    # Nothing is promised that is not kept, and nothing rings at once.
    assert not home.rung


# --- alarms -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "language", "told"),
    [
        ("wake me at seven", "en", "Alarm set tomorrow at 7 AM."),
        ("wake me up at half past six tomorrow", "en", "Alarm set tomorrow at 6:30 AM."),
        ("wake me at half six", "en", "Alarm set tomorrow at 6:30 AM."),
        ("set an alarm for 6:30 every weekday", "en", "Alarm set every weekday at 6:30 AM."),
        ("set an alarm for four", "en", "Alarm set today at 4 PM."),
        ("set a 7 am alarm", "en", "Alarm set tomorrow at 7 AM."),
        ("set an alarm for saturday at 9 am", "en", "Alarm set tomorrow at 9 AM."),
        (
            "wake me every monday and friday at six",
            "en",
            "Alarm set every Monday and Friday at 6 AM.",
        ),
        (
            "wake me half an hour before sunrise",
            "en",
            "Alarm set tomorrow 30 minutes before sunrise.",
        ),
        ("weck mich um sieben", "de", "Der Wecker klingelt morgen um 7 Uhr."),
        ("stell den Wecker auf 6:30 Uhr", "de", "Der Wecker klingelt morgen um 6:30 Uhr."),
        ("stelle einen Wecker für Montag um acht", "de", "Der Wecker klingelt am Montag um 8 Uhr."),
        (
            "weck mich jeden Werktag um halb sieben",
            "de",
            "Der Wecker klingelt jeden Werktag um 6:30 Uhr.",
        ),
    ],
)
async def test_an_alarm_is_set(home: Home, said: str, language: str, told: str) -> None:
    assert await home.say(said, language) == told
    assert len(home.agenda.all("alarm")) == 1


async def test_an_alarm_rings_louder_and_louder_until_it_is_stopped(home: Home) -> None:
    await home.say("wake me at four")
    await home.until(15, 59)
    assert home.rung == []
    await home.until(16, 5)
    assert home.told == ["It is 4 PM."]
    assert len(home.rung) > 60
    assert home.rung[0] < home.rung[10] < home.rung[30] == 1.0
    rung = len(home.rung)
    assert await home.say("stop the alarm") == ""
    await home.time.advance(3600)
    assert len(home.rung) == rung
    assert home.agenda.all() == []


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("turn off the alarm", "en"),
        ("turn it off", "en"),
        ("cancel the alarm", "en"),
        ("stop", "en"),
        ("mach den Wecker aus", "de"),
        ("stell ihn ab", "de"),
        ("stopp", "de"),
    ],
)
async def test_one_that_rings_is_silenced_and_rings_the_next_day(
    home: Home, said: str, language: str
) -> None:
    await home.say("set an alarm for four pm every day")
    await home.until(16)
    home.skillset.serve(
        speaker=_Speaker(Places(), Timers(home.time), home.agenda, Sounds(None, home.time))
    )
    assert await home.say(said, language) == ""
    rung = len(home.rung)
    await home.time.advance(3600)
    assert len(home.rung) == rung
    assert len(home.agenda.all("alarm")) == 1


@pytest.mark.parametrize(
    ("said", "language", "told", "minutes"),
    [
        ("snooze", "en", "Again in 10 minutes.", 10),
        ("snooze for five minutes", "en", "Again in 5 minutes.", 5),
        ("noch fünf Minuten schlafen", "de", "Wieder in 5 Minuten.", 5),
        ("schlummern", "de", "Wieder in 10 Minuten.", 10),
    ],
)
async def test_it_can_be_snoozed(
    home: Home, said: str, language: str, told: str, minutes: int
) -> None:
    await home.say("wake me at four")
    await home.until(16)
    assert await home.say(said, language) == told
    rung = len(home.rung)
    await home.time.advance(minutes * 60 - 1)
    assert len(home.rung) == rung
    await home.time.advance(2)
    assert len(home.rung) == rung + 1
    await home.say("I am awake")
    await home.time.advance(3600)
    assert len(home.rung) == rung + 1
    assert home.agenda.all() == []


async def test_alarms_are_listed_found_by_their_time_and_cancelled(home: Home) -> None:
    assert await home.say("which alarms do I have") == "No alarm is set."
    await home.say("wake me at seven")
    await home.say("set an alarm for 6:30 every weekday")
    assert await home.say("what alarms are set") == (
        "You have 2 alarms: tomorrow at 7 AM and every weekday at 6:30 AM."
    )
    assert await home.say("cancel my alarm") == (
        "Which one: tomorrow at 7 AM or every weekday at 6:30 AM?"
    )
    assert await home.say("the seven o'clock one") == "Cancelled the alarm tomorrow at 7 AM."
    assert await home.say("cancel the nine o'clock alarm") == "There is no alarm then."
    await home.say("wake me at seven")
    assert await home.say("cancel the seven o'clock alarm") == (
        "Cancelled the alarm tomorrow at 7 AM."
    )
    assert await home.say("when is my next alarm") == (
        "You have an alarm: every weekday at 6:30 AM."
    )
    assert await home.say("cancel it") == "Cancelled the alarm every weekday at 6:30 AM."
    assert home.agenda.all() == []


async def test_alarms_in_german(home: Home) -> None:
    assert await home.de("welche Wecker habe ich") == "Es ist kein Wecker gestellt."
    await home.de("weck mich um sieben")
    assert await home.de("welche Wecker habe ich") == "Du hast einen Wecker: morgen um 7 Uhr."
    assert await home.de("lösche den Wecker um sieben Uhr") == (
        "Den Wecker morgen um 7 Uhr gibt es nicht mehr."
    )
    assert home.agenda.all() == []


async def test_tomorrow_s_alarm_is_left_out_once(home: Home) -> None:
    await home.say("set an alarm for 6:30 every day")
    assert await home.say("skip tomorrow's alarm") == (
        "No alarm tomorrow at 6:30 AM. The next one is on Sunday at 6:30 AM."
    )
    await home.until(12, day=1)
    assert home.rung == []
    await home.until(6, 31, day=1)
    assert home.rung
    await home.say("stop the alarm")
    assert len(home.agenda.all("alarm")) == 1


async def test_a_single_alarm_that_is_left_out_is_gone(home: Home) -> None:
    await home.de("weck mich um sieben")
    assert await home.de("überspringe den nächsten Wecker") == "Kein Wecker morgen um 7 Uhr."
    assert home.agenda.all() == []


async def test_the_time_that_was_not_said_is_asked_for(home: Home) -> None:
    assert await home.say("set an alarm") == "For what time?"
    assert await home.say("half past six") == "Alarm set tomorrow at 6:30 AM."
    assert await home.de("stell einen Wecker") == "Für wie viel Uhr?"
    assert await home.de("um acht") == "Der Wecker klingelt morgen um 8 Uhr."


async def test_who_wants_something_brought_sets_no_alarm(home: Home) -> None:
    for said in ("get me a coffee", "get me a beer at seven", "bring me up to date"):
        await home.say(said)
    assert home.agenda.all() == []


async def test_the_alarm_panel_is_another_thing(home: Home) -> None:
    await home.say("wake me at seven")
    assert "alarm" in (await home.say("is the alarm armed")).casefold()
    assert len(home.agenda.all("alarm")) == 1


# --- reminders ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "language", "told"),
    [
        (
            "remind me to call my sister tomorrow at five",
            "en",
            "I will remind you tomorrow at 5 PM: call your sister.",
        ),
        (
            "remind me in ten minutes to check the oven",
            "en",
            "I will remind you in 10 minutes: check the oven.",
        ),
        (
            "remind me to take out the bins every tuesday evening",
            "en",
            "I will remind you every Tuesday at 7 PM: take out the bins.",
        ),
        (
            "remind me about the dentist on monday at ten",
            "en",
            "I will remind you on Monday at 10 AM: the dentist.",
        ),
        (
            "set a reminder to water the plants tonight at eight",
            "en",
            "I will remind you today at 8 PM: water the plants.",
        ),
        (
            "remind me to bring in the laundry an hour before sunset tomorrow",
            "en",
            "I will remind you tomorrow 1 hour before sunset: bring in the laundry.",
        ),
        (
            "remind me to call my mother in ten minutes",
            "en",
            "I will remind you in 10 minutes: call your mother.",
        ),
        (
            "remind me about the meeting in one hour",
            "en",
            "I will remind you in 1 hour: the meeting.",
        ),
        (
            "erinnere mich morgen um fünf daran, meine Schwester anzurufen",
            "de",
            "Ich erinnere dich morgen um 17 Uhr: deine Schwester anzurufen.",
        ),
        (
            "erinnere mich in zehn Minuten an den Ofen",
            "de",
            "Ich erinnere dich in 10 Minuten: den Ofen.",
        ),
        (
            "erinnere mich jeden Dienstagabend an die Mülltonne",
            "de",
            "Ich erinnere dich jeden Dienstag um 19 Uhr: die Mülltonne.",
        ),
    ],
)
async def test_a_reminder_is_set(home: Home, said: str, language: str, told: str) -> None:
    assert await home.say(said, language) == told
    assert len(home.agenda.all("reminder")) == 1


async def test_a_reminder_is_said_at_its_time_and_once_more(home: Home) -> None:
    await home.say("remind me to call my sister tomorrow at five")
    await home.until(16, 59, day=1)
    assert home.told == []
    await home.until(18)
    assert home.told == ["Reminder: call your sister."] * 2
    assert home.agenda.all() == []


async def test_who_has_heard_it_is_not_told_again(home: Home) -> None:
    await home.say("remind me in ten minutes to check the oven")
    await home.time.advance(601)
    await home.agenda.heard()
    await home.time.advance(3600)
    assert home.told == ["Reminder: check the oven."]
    assert home.agenda.all() == []


async def test_a_repeated_one_comes_again(home: Home) -> None:
    await home.de("erinnere mich jeden Tag um acht Uhr abends an die Tabletten")
    await home.until(20, 5)
    await home.until(20, 5, day=1)
    assert home.told == ["Erinnerung: die Tabletten."] * 4
    assert len(home.agenda.all("reminder")) == 1


async def test_what_was_left_out_is_asked_for(home: Home) -> None:
    assert await home.say("remind me to call my sister") == "When?"
    assert await home.say("tomorrow at five") == (
        "I will remind you tomorrow at 5 PM: call your sister."
    )
    assert await home.de("erinnere mich an den Kuchen") == "Wann?"
    assert await home.de("in einer halben Stunde") == (
        "Ich erinnere dich in 30 Minuten: den Kuchen."
    )


async def test_a_reminder_of_it_is_asked_about(home: Home) -> None:
    assert await home.say("remind me about it at nine") == "What shall I remind you of?"
    assert await home.say("the pizza") == "I will remind you today at 9 PM: the pizza."
    assert await home.de("erinnere mich um neun daran") == "Woran soll ich dich erinnern?"


async def test_reminders_are_listed_and_cancelled(home: Home) -> None:
    assert await home.say("what are my reminders") == "There are no reminders."
    await home.say("remind me to call my sister tomorrow at five")
    await home.say("remind me to take out the bins every tuesday evening")
    assert await home.say("what are my reminders") == (
        "You have 2 reminders: call your sister, tomorrow at 5 PM; "
        "take out the bins, every Tuesday at 7 PM."
    )
    assert await home.say("cancel the reminder to call my sister") == (
        "Cancelled: call your sister, tomorrow at 5 PM."
    )
    assert await home.de("welche Erinnerungen habe ich") == (
        "Du hast eine Erinnerung: take out the bins, jeden Dienstag um 19 Uhr."
    )
    assert (await home.de("lösche alle Erinnerungen")) == "1 Erinnerung gelöscht."
    assert home.agenda.all() == []


# --- commands -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "language", "told"),
    [
        ("turn off the heating at 9 am", "en", "I will do that tomorrow at 9 AM."),
        ("turn on the hallway light at half past eight", "en", "I will do that today at 8:30 PM."),
        ("turn on the hallway light at sunset", "en", "I will do that at sunset."),
        (
            "close the living room blinds half an hour after sunset",
            "en",
            "I will do that 30 minutes after sunset.",
        ),
        ("turn off the hallway light tomorrow at noon", "en", "I will do that tomorrow at 12 PM."),
        ("schalte um 21 Uhr das Licht aus", "de", "Das mache ich heute um 21 Uhr."),
        ("mach bei Sonnenuntergang das Licht an", "de", "Das mache ich bei Sonnenuntergang."),
    ],
)
async def test_a_command_for_a_time_is_planned(
    home: Home, said: str, language: str, told: str
) -> None:
    assert await home.say(said, language) == told
    assert len(home.agenda.all("command")) == 1


async def test_it_is_done_then_and_said(home: Home) -> None:
    await home.say("turn on the hallway light at nine pm")
    await home.until(20, 59)
    assert home.house.state("light.hallway") == "off"
    await home.until(21)
    assert home.house.state("light.hallway") == "on"
    assert home.told[0].startswith("Turned on the Hallway")
    assert home.agenda.all() == []
    await home.say("turn off the hallway light")


async def test_at_sunset_is_when_the_sun_sets_there(home: Home) -> None:
    await home.say("turn on the hallway light at sunset")
    await home.until(15, 57)
    assert home.house.state("light.hallway") == "off"
    await home.until(16)
    assert home.house.state("light.hallway") == "on"
    await home.say("turn off the hallway light")


async def test_where_the_place_is_not_known_that_is_said_with_the_way_out(home: Home) -> None:
    home.place = None
    told = await home.say("turn on the hallway light at sunset")
    assert "Set latitude and longitude under [home]" in told
    told = await home.de("weck mich bei Sonnenaufgang")
    assert "Trag latitude und longitude unter [home]" in told
    assert home.agenda.all() == []


async def test_for_a_while_and_then_as_before(home: Home) -> None:
    told = await home.say("turn on the hallway light for one hour")
    assert told == "Turned on the Hallway Light. In 1 hour it will be as before."
    assert home.house.state("light.hallway") == "on"
    await home.time.advance(3599)
    assert home.house.state("light.hallway") == "on"
    await home.time.advance(1)
    await asyncio.sleep(0.02)
    assert home.house.state("light.hallway") == "off"
    assert home.told == ["As before again: Hallway Light."]


async def test_what_somebody_changed_meanwhile_is_left_alone(home: Home) -> None:
    await home.de("schalte die Hallway Light für eine halbe Stunde an")
    await home.say("turn off the hallway light")
    await home.time.advance(1801)
    assert home.house.state("light.hallway") == "off"
    assert home.told == [] or home.told == [""]


async def test_what_is_planned_is_told_and_cancelled(home: Home) -> None:
    assert await home.say("what is planned") == "Nothing is planned."
    await home.say("turn off the heating at 9 am")
    assert await home.say("what is planned") == "Planned: turn off the heating, tomorrow at 9 AM."
    assert await home.say("cancel that") == "Cancelled: turn off the heating, tomorrow at 9 AM."
    await home.de("schalte um 21 Uhr das Licht aus")
    assert await home.de("was ist geplant") == ("Geplant: schalte das Licht aus, heute um 21 Uhr.")
    assert await home.de("vergiss was geplant ist") == (
        "Abgesagt: schalte das Licht aus, heute um 21 Uhr."
    )
    assert home.agenda.all() == []


@pytest.mark.parametrize(
    "said",
    ["unlock the front door at nine", "open the garage door at sunset", "turn it off at nine"],
)
async def test_what_would_need_an_answer_is_not_promised(home: Home, said: str) -> None:
    await home.say(said)
    assert home.agenda.all() == []


async def test_what_needs_a_yes_is_not_done_for_a_while_either(home: Home) -> None:
    await home.say("unlock the front door for ten minutes")
    await home.say("yes")
    assert home.house.state("lock.front_door") == "locked"


@pytest.mark.parametrize(
    ("said", "tools"),
    [
        (
            "set the heating to twenty two and turn on the hallway light",
            ["HassClimateSetTemperature", "HassTurnOn"],
        ),
        (
            "turn on the hallway light and turn off the kitchen light at nine",
            ["HassTurnOn", "timers.at"],
        ),
        ("turn off the kitchen light and the hallway light at nine", ["timers.at"]),
        ("at nine turn off the hallway light and close the blinds", ["timers.at"]),
    ],
)
async def test_of_several_commands_it_is_plain_which_are_for_later(
    home: Home, said: str, tools: list[str]
) -> None:
    intent = await home.router.route(Utterance.typed(said, "en"), Context(area="Kitchen"))
    assert [call.tool for call in intent.calls] == tools


@pytest.mark.parametrize(
    ("said", "tool"),
    [
        ("set the thermostat to 20", "HassClimateSetTemperature"),
        ("turn off the hallway light in ten minutes", "HassStartTimer"),
        ("what time is it", "HassGetCurrentTime"),
        ("what's the weather tomorrow", None),
        ("is the hallway light on at nine", None),
    ],
)
async def test_other_sentences_are_what_they_were(home: Home, said: str, tool: str | None) -> None:
    trace = await home.assistant.say(said, area="Kitchen", language="en")
    called = {call.tool for call in trace.intent.calls}
    assert called == {tool} if tool else not called & {"timers.at", "timers.for_a_while"}


# --- another time ---------------------------------------------------------------------------------


async def test_another_time_for_what_was_just_set(home: Home) -> None:
    assert "7 AM" in await home.say("wake me at seven")
    assert await home.say("make that half past seven") == "Alarm set tomorrow at 7:30 AM."
    (alarm,) = home.agenda.all("alarm")
    assert home.agenda.next_time(alarm) == datetime(2026, 11, 28, 7, 30)

    await home.say("remind me to call my sister tomorrow at five")
    assert await home.say("move it to six") == "I will remind you tomorrow at 6 PM."
    assert await home.say("move it to sunday at ten") == "I will remind you on Sunday at 10 AM."
    (reminder,) = home.agenda.all("reminder")
    assert reminder.text == "call my sister"

    await home.say("turn on the kitchen light at nine pm")
    assert "10 PM" in await home.say("make it ten")
    (planned,) = home.agenda.all("command")
    assert planned.text == "turn on the kitchen light"


async def test_a_repeated_alarm_keeps_its_days(home: Home) -> None:
    await home.say("wake me at 6:30 every weekday")
    assert "every weekday at 7 AM" in await home.say("change it to seven")
    assert "8 Uhr" in await home.de("stell ihn auf acht Uhr")
    (alarm,) = home.agenda.all("alarm")
    assert home.agenda.next_time(alarm) == datetime(2026, 11, 30, 8, 0)


async def test_what_is_no_time_is_for_the_devices(home: Home) -> None:
    await home.say("wake me at seven")
    trace = await home.assistant.say("make it brighter", area="Kitchen", language="en")
    assert [call.tool for call in trace.intent.calls] == ["lights.brighter"]
    (alarm,) = home.agenda.all("alarm")
    assert home.agenda.next_time(alarm) == datetime(2026, 11, 28, 7, 0)
