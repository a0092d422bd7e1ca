"""What an author can write in a skill, as a person meets it: a skill, and what is said to it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.author.stage import Stage
from hub.skill.testing import hearth_with

Skill = Callable[..., Path]

HOME = {
    "light.desk": {"name": "Desk Lamp", "area": "Office", "state": "off"},
    "light.shelf": {"name": "Shelf Lamp", "area": "Living Room", "state": "on"},
    "switch.kettle": {"name": "Kettle", "area": "Kitchen", "state": "off"},
    "lock.front": {"name": "Front Door", "area": "Hall", "state": "unlocked"},
    "binary_sensor.door": {
        "name": "Back Door",
        "area": "Kitchen",
        "device_class": "door",
        "state": "off",
    },
}


@pytest.fixture
def skill(tmp_path: Path) -> Skill:
    """Makes the folder of a skill from its code, and from files beside it."""

    def make(code: str, **files: str) -> Path:
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        (folder / "skill.py").write_text(textwrap.dedent(code), encoding="utf-8")
        for name, content in files.items():
            path = folder / name.replace("__", "/")
            path = path.with_name(f"{path.name}.toml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(content), encoding="utf-8")
        return folder

    return make


def hearth(folder: Path, **more: object) -> Stage:
    return hearth_with(more.pop("entities", HOME), skill=folder, **more)  # type: ignore[arg-type]


# --- types ------------------------------------------------------------------------------------

KINDS = """
    from datetime import date, datetime, time, timedelta
    from enum import Enum
    from typing import Annotated, Literal
    from hub.skill import Area, Domain, Entity, Range, Said, tool

    class Size(Enum):
        SMALL = "small"
        EXTRA_LARGE = "extra_large"

    @tool(phrases=["brew for {length}"])
    def brew(length: Annotated[timedelta, Range(1, 60, "min")]) -> str:
        \"\"\"Brew tea.\"\"\"
        return f"Brewing for {length.total_seconds():g} seconds."

    @tool(phrases=["wake me {moment}"])
    def wake(moment: datetime) -> str:
        \"\"\"Wake somebody.\"\"\"
        return f"{moment:%A %H %M}"

    @tool(phrases=["the bins go out {day}"])
    def bins(day: date) -> str:
        \"\"\"Note when the bins go out.\"\"\"
        return f"{day:%d %m %Y}"

    @tool(phrases=["dinner is {clock}"])
    def dinner(clock: time) -> str:
        \"\"\"Note when dinner is.\"\"\"
        return f"{clock:%H %M}"

    @tool(phrases=["a {size} pizza"])
    def pizza(size: Size) -> str:
        \"\"\"Order pizza.\"\"\"
        return size.name

    @tool(phrases=["wink with {lamp}"])
    def wink(lamp: Annotated[Entity, Domain("light")]) -> str:
        \"\"\"Wink.\"\"\"
        return lamp.entity_id

    @tool(phrases=["paint {room}"])
    def paint(room: Area) -> str:
        \"\"\"Paint a room.\"\"\"
        return room.name

    @tool(phrases=["note that {text}"])
    def note(text: str) -> str:
        \"\"\"Take a note.\"\"\"
        return text
"""


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("brew for ten minutes", "Brewing for 600 seconds."),
        ("brew for an hour", "Brewing for 3600 seconds."),
        ("brew for half an hour", "Brewing for 1800 seconds."),
        ("brew for 90 seconds", "Brewing for 90 seconds."),
        ("wake me tomorrow at half past seven", "Tuesday 07 30."),
        ("wake me in 20 minutes", "Monday 09 20."),
        ("wake me at eight in the evening", "Monday 20 00."),
        ("wake me friday at 6:45", "Friday 06 45."),
        ("the bins go out next thursday", "05 03 2026."),
        ("the bins go out on the third of april", "03 04 2026."),
        ("dinner is at quarter to eight pm", "19 45."),
        ("a small pizza", "SMALL."),
        ("a extra large pizza", "EXTRA_LARGE."),
        ("wink with the desk lamp", "Light.desk."),
        ("paint the living room", "Living Room."),
        ("note that the milk is sour", "The milk is sour."),
    ],
)
async def test_what_is_said_becomes_what_the_function_wants(
    skill: Skill, said: str, answer: str
) -> None:
    async with hearth(skill(KINDS), now=datetime(2026, 3, 2, 9, tzinfo=UTC)) as home:
        assert (await home.say(said)).text == answer


async def test_a_duration_out_of_its_range_is_refused_with_the_range(skill: Skill) -> None:
    async with hearth(skill(KINDS)) as home:
        reply = await home.say("brew for three hours")
        assert "1 to 60" in reply.text


async def test_a_device_of_another_kind_is_no_answer(skill: Skill) -> None:
    async with hearth(skill(KINDS)) as home:
        assert (await home.say("wink with the kettle")).tools == ()


async def test_durations_and_days_are_understood_in_german(skill: Skill) -> None:
    german = """
        [tools.brew]
        phrases = ["zieh[e] {length}"]
        [tools.wake]
        phrases = ["weck mich {moment}"]
    """
    folder = skill(KINDS, languages__de=german)
    async with hearth(folder, languages=("de",)) as home:
        assert (await home.say("zieh anderthalb Minuten")).text == "Brewing for 90 seconds."
        assert (await home.say("weck mich morgen um halb acht")).text == "Tuesday 07 30."


# --- asking -----------------------------------------------------------------------------------

EGGS = """
    from hub.skill import Conversation, Dropped, tool

    @tool(phrases=["boil eggs"])
    async def boil(conversation: Conversation) -> str:
        \"\"\"Boil eggs.\"\"\"
        count = await conversation.ask("How many eggs?", int)
        how = await conversation.ask("Soft or hard?", choices=["soft", "hard"])
        return f"Boiling {count} {how} eggs."

    @tool(phrases=["write a poem"])
    async def poem(conversation: Conversation) -> str:
        \"\"\"Write a poem.\"\"\"
        about = await conversation.ask("What about?")
        return f"A poem about {about}."

    @tool(phrases=["open the safe"])
    async def safe(conversation: Conversation) -> str:
        \"\"\"Open the safe.\"\"\"
        try:
            sure = await conversation.ask("Really?", bool)
        except Dropped:
            DROPPED.append("safe")
            raise
        return "It is open." if sure else "It stays shut."

    DROPPED = []

    @tool(phrases=["what was dropped"])
    def dropped() -> str:
        \"\"\"Tell what was dropped.\"\"\"
        return " ".join(DROPPED) or "nothing"
"""


async def test_a_tool_asks_twice_and_goes_on_with_the_answers(skill: Skill) -> None:
    async with hearth(skill(EGGS)) as home:
        first = await home.say("boil eggs")
        assert (first.text, first.asks) == ("How many eggs?", True)
        second = await home.say("three please")
        assert (second.text, second.asks) == ("Soft or hard?", True)
        third = await home.say("hard")
        assert (third.text, third.asks) == ("Boiling 3 hard eggs.", False)
        assert third.tools == ("mine.boil",)


async def test_what_is_no_answer_is_asked_for_once_more(skill: Skill) -> None:
    async with hearth(skill(EGGS)) as home:
        await home.say("boil eggs")
        again = await home.say("the purple ones")
        assert again.text.endswith("How many eggs?") and again.asks
        assert not (await home.say("the purple ones")).asks


async def test_another_command_changes_the_subject(skill: Skill) -> None:
    async with hearth(skill(EGGS), all_skills=True) as home:
        assert (await home.say("write a poem")).asks
        reply = await home.say("turn on the desk lamp")
        assert home.state("light.desk") == "on"
        assert not reply.asks
        assert "poem" not in (await home.say("the sea")).text


async def test_a_bare_name_of_a_device_is_an_answer(skill: Skill) -> None:
    async with hearth(skill(EGGS), all_skills=True) as home:
        await home.say("write a poem")
        assert (await home.say("the desk lamp")).text == "A poem about the desk lamp."
        assert home.state("light.desk") == "off"


async def test_never_mind_and_a_minute_of_silence_drop_the_question(skill: Skill) -> None:
    async with hearth(skill(EGGS)) as home:
        await home.say("open the safe")
        assert not (await home.say("never mind")).asks
        assert (await home.say("what was dropped")).text == "Safe."
        await home.say("open the safe")
        await home.advance(seconds=61)
        assert (await home.say("what was dropped")).text == "Safe safe."
        assert "open" not in (await home.say("yes")).text


async def test_yes_and_no_are_truth(skill: Skill) -> None:
    async with hearth(skill(EGGS)) as home:
        await home.say("open the safe")
        assert (await home.say("yes")).text == "It is open."
        await home.say("open the safe")
        assert (await home.say("nope")).text == "It stays shut."


async def test_asked_to_say_it_again_the_question_stays(skill: Skill) -> None:
    async with hearth(skill(EGGS), all_skills=True) as home:
        await home.say("write a poem")
        again = await home.say("what did you say")
        assert (again.text, again.asks) == ("What about?", True)
        assert (await home.say("the sea")).text == "A poem about the sea."


# --- taking longer ----------------------------------------------------------------------------

SEARCH = """
    import asyncio
    from datetime import timedelta
    from hub.skill import Conversation, tool

    FOUND = asyncio.Event()

    @tool(phrases=["find my keys"], takes=timedelta(minutes=2))
    async def find(conversation: Conversation) -> str:
        \"\"\"Find the keys.\"\"\"
        await conversation.say("Looking.")
        await FOUND.wait()
        return "Under the sofa."

    @tool(phrases=["they lie there"])
    async def found() -> str:
        \"\"\"Somebody has found them.\"\"\"
        FOUND.set()
        return "Good."
"""


async def test_a_long_search_leaves_the_room_free_and_is_told_when_it_is_over(
    skill: Skill,
) -> None:
    async with hearth(skill(SEARCH)) as home:
        assert (await home.say("find my keys")).text == "Looking."
        assert home.announced == []
        assert (await home.say("they lie there")).text == "Good."
        assert home.announced == ["Under the sofa."]


# --- by itself --------------------------------------------------------------------------------

ALONE = """
    from datetime import time, timedelta
    from hub.skill import Change, Clock, Home, Schedule, Speaker, Store, daily, every, on, tool

    @on("binary_sensor.door", to="on")
    def door(change: Change) -> str:
        \"\"\"Tell that the door opens.\"\"\"
        return f"{change.entity.name} is open."

    @on(domain="binary_sensor", device_class="door", to="on", lasting=timedelta(minutes=5))
    def still_open() -> str:
        \"\"\"Remind of an open door.\"\"\"
        return "A door is still open."

    @on("light.desk")
    async def count(store: Store) -> None:
        \"\"\"Count changes.\"\"\"
        await store.put("changes", await store.get("changes", 0) + 1)

    @daily(time(7), days=[1])
    def morning() -> str:
        \"\"\"Greet.\"\"\"
        return "Good morning."

    @every(hours=1)
    async def hourly(speaker: Speaker) -> None:
        \"\"\"Strike the hour.\"\"\"
        await speaker.announce("Dong.")

    @tool(phrases=["remind me of {what} in an hour"])
    async def remind(what: str, schedule: Schedule) -> str:
        \"\"\"Remind somebody.\"\"\"
        await schedule.after(timedelta(minutes=30), "tell", what=what)
        return "I will."

    @tool()
    def tell(what: str) -> str:
        \"\"\"Tell somebody.\"\"\"
        return f"Think of {what}."
"""


async def test_events_are_told_of_and_what_lasts(skill: Skill) -> None:
    async with hearth(skill(ALONE)) as home:
        await home.change("binary_sensor.door", "on")
        assert home.announced == ["Back Door is open."]
        await home.advance(minutes=4)
        await home.change("binary_sensor.door", "off")
        await home.advance(minutes=10)
        assert home.announced == ["Back Door is open."]
        await home.change("binary_sensor.door", "on")
        await home.advance(minutes=5)
        assert home.announced[-1] == "A door is still open."


async def test_a_skill_keeps_things(skill: Skill) -> None:
    async with hearth(skill(ALONE)) as home:
        await home.change("light.desk", "on")
        await home.change("light.desk", "off")
        assert home.kept == {"changes": 2}


async def test_schedules_run_at_their_time(skill: Skill) -> None:
    now = datetime(2026, 3, 2, 23, 30).astimezone()  # a Monday
    async with hearth(skill(ALONE), now=now) as home:
        await home.advance(hours=1)
        assert home.announced == ["Dong."]
        await home.advance(hours=6, minutes=31)
        assert home.announced.count("Good morning.") == 1
        await home.advance(hours=24)
        assert home.announced.count("Good morning.") == 1


async def test_what_was_planned_runs_with_its_arguments(skill: Skill) -> None:
    async with hearth(skill(ALONE)) as home:
        assert (await home.say("remind me of the cake in an hour")).text == "I will."
        await home.advance(minutes=29)
        assert home.announced == []
        await home.advance(minutes=1)
        assert home.announced == ["Think of the cake."]


# --- risk and undo ----------------------------------------------------------------------------

ACTS = """
    from typing import Annotated
    from hub.skill import Conversation, Domain, Entity, Home, Store, tool

    @tool(phrases=["wink with {lamp}"])
    async def wink(lamp: Annotated[Entity, Domain("light")], home: Home) -> str:
        \"\"\"Wink.\"\"\"
        await home.call("light.turn_on", [lamp], brightness=10)
        return "Winked."

    async def unplant(count: int, store: Store) -> None:
        \"\"\"Take beans out again.\"\"\"
        await store.put("beans", await store.get("beans") - count)

    @tool(phrases=["plant {count} beans"], undo=unplant)
    async def plant(count: int, store: Store) -> str:
        \"\"\"Plant beans.\"\"\"
        await store.put("beans", await store.get("beans", 0) + count)
        return "Planted."

    @tool(phrases=["secure the house"])
    async def secure(home: Home) -> str:
        \"\"\"Lock up.\"\"\"
        await home.call("lock.lock", home.find(domains=["lock"]))
        return "Locked."

    @tool(phrases=["burn the papers"], risk="R2")
    def burn() -> str:
        \"\"\"Burn the papers.\"\"\"
        return "Burnt."
"""


async def test_what_was_done_to_a_lamp_is_undone(skill: Skill) -> None:
    async with hearth(skill(ACTS), all_skills=True) as home:
        await home.say("wink with the desk lamp")
        assert home.state("light.desk") == "on"
        reply = await home.say("undo that")
        assert home.state("light.desk") == "off"
        assert reply.tools == ("conversation.undo",)
        assert "nothing" in (await home.say("undo that")).text.lower()


async def test_a_skill_undoes_what_only_it_knows(skill: Skill) -> None:
    async with hearth(skill(ACTS), all_skills=True) as home:
        await home.say("plant three beans")
        await home.say("plant 4 beans")
        assert home.kept == {"beans": 7}
        await home.say("take that back")
        assert home.kept == {"beans": 3}


async def test_undo_never_unlocks(skill: Skill) -> None:
    async with hearth(skill(ACTS), all_skills=True) as home:
        home.home.change("lock.front", home.home.personal("lock.front").__class__(allowed=True))
        await home.say("secure the house")
        assert home.state("lock.front") == "locked"
        reply = await home.say("undo that")
        assert home.state("lock.front") == "locked"
        assert "not" in reply.text


async def test_what_is_risky_is_asked_for(skill: Skill) -> None:
    async with hearth(skill(ACTS)) as home:
        asked = await home.say("burn the papers")
        assert asked.asks and asked.text.startswith("Burn the papers.")
        assert (await home.say("yes")).text == "Burnt."


# --- languages --------------------------------------------------------------------------------

WORDS = """
    from typing import Literal
    from hub.skill import Conversation, Say, tool

    @tool(phrases=["i have {count} eggs"])
    def eggs(count: int) -> Say:
        \"\"\"Count eggs.\"\"\"
        return Say("eggs", count=count)

    @tool(phrases=["a {size} cake"])
    async def cake(size: Literal["small", "large"], conversation: Conversation) -> Say:
        \"\"\"Bake a cake.\"\"\"
        await conversation.ask(Say("sure"), bool)
        return Say("cake", size=size)
"""
ENGLISH = """
    [replies]
    eggs = { one = "{count} egg.", other = "{count} eggs.", zero = "No eggs." }
    sure = "Sure?"
    cake = "A {size} cake it is."
"""
GERMAN = """
    [tools.eggs]
    phrases = ["ich habe {count} (Ei|Eier)"]
    [tools.cake]
    phrases = ["einen {size} Kuchen"]
    [choices.size]
    "großen" = "large"
    "kleinen" = "small"
    [replies]
    eggs = { one = "{count} Ei.", other = "{count} Eier." }
    sure = "Sicher?"
    cake = "Gut: {size}."
"""


async def test_replies_have_the_language_and_the_plural(skill: Skill) -> None:
    folder = skill(WORDS, languages__en=ENGLISH, languages__de=GERMAN)
    async with hearth(folder, languages=("en", "de")) as home:
        assert (await home.say("I have 0 eggs")).text == "No eggs."
        assert (await home.say("I have one eggs")).text == "1 egg."
        assert (await home.say("ich habe ein Ei", language="de")).text == "1 Ei."
        assert (await home.say("ich habe zwölf Eier", language="de")).text == "12 Eier."
        assert (await home.say("einen großen Kuchen", language="de")).text == "Sicher?"
        assert (await home.say("ja", language="de")).text == "Gut: large."


async def test_slavic_plurals_follow_unicode(skill: Skill) -> None:
    polish = """
        [replies.eggs]
        one = "{count} jajko."
        few = "{count} jajka."
        many = "{count} jajek."
        other = "{count} jajka."
    """
    from hub.skill import Say
    from hub.skills.languages import read, said

    found = read(skill(WORDS, languages__pl=polish))
    told = [said(Say("eggs", count=n), found, "pl") for n in (1, 3, 5, 22)]
    assert told == ["1 jajko.", "3 jajka.", "5 jajek.", "22 jajka."]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[tool.x]\nphrases = []", "there is no 'tool'"),
        ("[replies]\na = { one = 'x' }", "other"),
        ("[tools.x]\nphrases = 'a'", "list of texts"),
        ("[replies]\na = 3", "replies.a"),
        ("nonsense", "de.toml"),
    ],
)
def test_a_mistake_in_a_language_is_named(skill: Skill, content: str, complaint: str) -> None:
    from hub.errors import SkillError
    from hub.skills.languages import read

    with pytest.raises(SkillError, match=complaint):
        read(skill(WORDS, languages__de=content))


# --- mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("@tool(risk='R9')\ndef f() -> str:\n    'Doc.'", "R0, R1, R2, R3"),
        ("@on(to='on')\ndef f() -> str:\n    'Doc.'", "@on needs a device"),
        ("@every(seconds=1)\ndef f() -> str:\n    'Doc.'", "@every needs 10 s"),
        ("@tool(undo='gone')\ndef f() -> str:\n    'Doc.'", "gone"),
        ("@tool()\ndef f(x: object) -> str:\n    'Doc.'", "cannot be said"),
        (
            "@tool()\ndef f(x: Annotated[timedelta, Range(1, 2)]) -> str:\n    'Doc.'",
            "needs a unit",
        ),
    ],
)
def test_a_mistake_is_told_when_the_skill_is_loaded(
    skill: Skill, code: str, complaint: str
) -> None:
    from hub.errors import SkillError
    from hub.skillset import load_skill

    head = (
        "from datetime import timedelta\nfrom typing import Annotated\n"
        "from hub.skill import Range, every, on, tool\n"
    )
    folder = skill(head + code)
    with pytest.raises(SkillError, match=complaint):
        load_skill("mine", folder / "skill.py")


def test_the_sdk_loads_little() -> None:
    """It is loaded in the small process of each pack."""
    import subprocess
    import sys

    code = (
        "import sys, hub.skill;"
        "heavy = ('numpy', 'pydantic', 'mcp', 'hassil', 'asyncio', 'jinja2', 'hub.home.model');"
        "print([m for m in heavy if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


# --- by voice ---------------------------------------------------------------------------------


async def test_a_spoken_answer_needs_no_long_silence_and_reaches_the_tool(skill: Skill) -> None:
    from hub.messages import Audio, Heard, Hypothesis, Utterance
    from hub.room import verdict_of
    from tests.conftest import ScriptedRecognizer

    sound = Heard(Audio(bytes(32_000)), 0.8, 1.0)
    async with hearth(skill(EGGS)) as home:
        ears = ScriptedRecognizer()
        home.assistant._recognizer = ears
        ears.script = [Utterance((Hypothesis("Boil eggs.", -0.1),))]
        asked = await home.assistant.hear(sound)
        assert asked.reply.expects_answer
        ears.script = [Utterance((Hypothesis("Free.", -0.1), Hypothesis("Three.", -0.2)))]
        understood = await home.assistant.understand(sound.audio)
        assert verdict_of(understood).name == "COMPLETE"
        answered = await home.assistant.hear(sound, understood)
        assert answered.reply.text == "Soft or hard?"
        assert answered.heard == "Three"


async def test_whoever_asks_without_a_hub_around_waits_for_what_takes_long(skill: Skill) -> None:
    quick = SEARCH.replace("await FOUND.wait()", "await asyncio.sleep(0)")
    async with hearth(skill(quick)) as home:
        home.assistant.aloud = None
        assert (await home.say("find my keys")).text == "Under the sofa."


async def test_each_room_has_questions_of_its_own(skill: Skill) -> None:
    async with hearth(skill(EGGS)) as home:
        await home.say("write a poem", area="Office")
        assert "poem" not in (await home.say("the sea", area="Kitchen")).text
        assert (await home.say("the sea", area="Office")).text == "A poem about the sea."


async def test_a_tool_that_raises_after_an_answer_costs_its_turn_alone(skill: Skill) -> None:
    broken = EGGS.replace('return f"A poem about {about}."', 'raise ValueError("no ink")')
    async with hearth(skill(broken)) as home:
        await home.say("write a poem")
        assert "failed" in (await home.say("the sea")).text
        assert (await home.say("boil eggs")).text == "How many eggs?"


async def test_what_a_skill_keeps_has_limits(skill: Skill) -> None:
    code = """
        from hub.skill import Store, tool

        @tool(phrases=["keep {what}"])
        async def keep(what: str, store: Store) -> str:
            \"\"\"Keep something.\"\"\"
            await store.put("all", {"much": "x" * 300_000, "odd": {1, 2}}[what])
            return "Kept."
    """
    async with hearth(skill(code)) as home:
        assert (await home.say("keep much")).text != "Kept."
        assert (await home.say("keep odd")).text != "Kept."
        assert home.kept == {}


def test_what_was_planned_outlives_the_hub(tmp_path: Path) -> None:
    import asyncio

    from hub.author.time import MovedTime
    from hub.skills.plan import Planner
    from tests.fakes import FakeNotes

    async def live() -> None:
        notes, ran = FakeNotes(), []

        async def run(entry: object) -> None:
            ran.append(entry)

        first = Planner(MovedTime(datetime(2026, 3, 2, 9, tzinfo=UTC)), notes)
        first.add("mine", "tell", datetime(2026, 3, 2, 10, tzinfo=UTC), arguments={"what": "cake"})
        first.add("mine", "tell", datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
        await notes.flush()
        time = MovedTime(datetime(2026, 3, 2, 9, 50, tzinfo=UTC))
        second = Planner(time, notes)
        await second.open()
        from hub.skill import Where

        second.begin(run, (), Where())
        await time.advance(0)
        assert ran == []  # what was due 20 minutes ago is not run any more
        await time.advance(660)
        assert [entry.arguments for entry in ran] == [{"what": "cake"}]
        await second.close()

    asyncio.run(live())
