"""Skills are found, loaded and run; whatever one does wrong costs the hub nothing."""

from __future__ import annotations

import asyncio
import functools
import random
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.config import Config
from hub.errors import DeviceError, SkillError
from hub.home.expect import expected
from hub.home.model import Entity, State
from hub.messages import Call
from hub.skill import Where
from hub.skillset import CHECKOUT, Performed, Skillset, load
from tests.fakes import FakeConversation, FakeSpeaker, House

HERE = Where("Kitchen")

bundled = functools.cache(load)


def write(folder: Path, name: str, code: str, **files: str) -> None:
    place = folder / name
    place.mkdir(parents=True)
    (place / "skill.py").write_text(textwrap.dedent(code))
    for file, text in files.items():
        (place / f"{file}.py").write_text(textwrap.dedent(text))


def skillset(house: House, *folders: Path, timeout: float = 5.0, **services: Any) -> Skillset:
    handlers, problems = load(folders) if folders else bundled()
    return Skillset(
        handlers,
        house.home,
        problems=problems,
        services={"speaker": FakeSpeaker(), **services},
        timeout=timeout,
        confirm_timeout=0.15,
    )


async def run(
    house: House,
    tool: str,
    *,
    folders: Sequence[Path] = (),
    where: Where = HERE,
    confirmed: bool = False,
    response: str = "default",
    **arguments: Any,
) -> Performed:
    skills = skillset(house, *folders)
    return await skills.perform(Call(tool, arguments, response), where=where, confirmed=confirmed)


# --- loading ---------------------------------------------------------------------------------


def test_all_bundled_skills_can_be_loaded() -> None:
    handlers, problems = load()
    assert problems == []
    assert {handler.skill for handler in handlers} >= {"lights", "locks", "covers", "questions"}


ONE_LANGUAGE = '''
from hub.skill import tool

@tool(phrases={"de": ["verbrenne die Briefe"]}, confirm={"de": "Wirklich alle verbrennen?"})
def burn() -> str:
    """Burn the letters."""
    return "Ashes."
'''


async def test_a_question_in_one_language_is_asked_in_all(tmp_path: Path) -> None:
    write(tmp_path, "letters", ONE_LANGUAGE)
    async with House() as house:
        done = await skillset(house, tmp_path).perform(Call("letters.burn"), where=HERE)
        assert HERE.language == "en"
        assert done.ask is not None and done.ask.question == "Wirklich alle verbrennen?"


async def test_the_settings_name_folders_and_disable_skills(tmp_path: Path) -> None:
    write(tmp_path, "coin", COIN)
    settings = Config.model_validate(
        {"skills": {"folders": (tmp_path,), "disabled": ("lights",)}}, strict=True
    )
    async with House() as house:
        skills = {spec.skill for spec in Skillset.load(settings, house.home).specs()}
    assert "coin" in skills
    assert "lights" not in skills


COIN = '''
from hub.skill import tool

@tool(phrases=["flip a coin"], examples=["flip a coin"])
def flip() -> str:
    """Flip a coin."""
    return "Heads."
'''


async def test_a_skill_by_somebody_else_works_and_is_described(tmp_path: Path) -> None:
    write(tmp_path, "coin", COIN)
    async with House() as house:
        skills = skillset(house, tmp_path)
        done = await skills.perform(Call("coin.flip"), where=HERE)
        assert done.said == "Heads."
        [spec] = [spec for spec in skills.specs() if spec.skill == "coin"]
        assert (spec.name, spec.description) == ("coin.flip", "Flip a coin.")
        assert spec.phrases == {"en": ("flip a coin",)}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def broken(:\n", "skill.py:1"),
        ("import nothing_of_that_name\n", "skill.py:1: ModuleNotFoundError"),
        ("x = 1\n\n\n1 / 0\n", "skill.py:4: ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", "skill.py:2: SystemExit"),
        ("x = 1\n", "has no function with @tool"),
        (
            "from hub.skill import tool\n\n@tool()\ndef quiet() -> str:\n    return ''\n",
            "skill.py:3: quiet: a tool needs a docstring",
        ),
        (
            "from hub.skill import tool\n\n@tool()\ndef odd(what: dict) -> str:\n    'Odd.'\n",
            "parameter 'what' has the type",
        ),
        (
            "from hub.skill import tool\n\n@tool()\ndef odd(what) -> str:\n    'Odd.'\n",
            "parameter 'what' needs a type",
        ),
    ],
)
def test_a_broken_skill_is_left_out_with_file_and_line(
    tmp_path: Path, code: str, says: str
) -> None:
    write(tmp_path, "broken", code)
    write(tmp_path, "coin", COIN)
    handlers, problems = load([tmp_path])
    assert [problem for problem in problems if says in str(problem)], problems
    assert str(tmp_path / "broken" / "skill.py") in str(problems[0])
    assert {"coin", "lights"} <= {handler.skill for handler in handlers}


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    _, problems = load([tmp_path / "nowhere"])
    assert "no such folder" in str(problems[0])


async def test_skills_may_have_files_of_the_same_name(tmp_path: Path) -> None:
    code = '''
        from hub.skill import tool
        from .words import WORD

        @tool()
        def say() -> str:
            """Say it."""
            return WORD
    '''
    write(tmp_path, "one", code, words="WORD = 'one'")
    write(tmp_path, "two", code, words="WORD = 'two'")
    async with House() as house:
        said = [(await run(house, f"{n}.say", folders=[tmp_path])).said for n in ("one", "two")]
    assert said == ["one", "two"]


def test_ones_own_skill_takes_the_place_of_a_bundled_one(tmp_path: Path) -> None:
    write(tmp_path, "lights", COIN)
    handlers, _ = load([tmp_path])
    assert [h.name for h in handlers if h.skill == "lights"] == ["lights.flip"]


def test_a_folder_that_begins_with_an_underscore_is_no_skill() -> None:
    assert "_template" not in {handler.skill for handler in load()[0]}


# --- arguments -------------------------------------------------------------------------------

TYPED = '''
from typing import Annotated, Literal
from hub.skill import Area, Percent, Range, Where, tool

@tool()
def numbers(percent: Percent, half: float = 0.5, loud: bool = False) -> str:
    """Numbers."""
    return f"{percent!r} {half!r} {loud!r}"

@tool()
def choice(mode: Literal["low", "very_high"], area: Area | None = None) -> str:
    """A choice."""
    return f"{mode} {area.name if area else None}"

@tool()
def where(where: Where) -> str:
    """Where."""
    return f"{where.area} {where.language}"
'''


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("numbers", {"percent": 40}, "40 0.5 False"),
        ("numbers", {"percent": "40"}, "40 0.5 False"),
        ("numbers", {"percent": "40%"}, "40 0.5 False"),
        ("numbers", {"percent": 40.0, "half": "1.5", "loud": "on"}, "40 1.5 True"),
        ("numbers", {"percent": 0, "half": None}, "0 0.5 False"),
        ("choice", {"mode": "Very High"}, "very_high None"),
        ("choice", {"mode": "low", "area": "lounge"}, "low Living Room"),
        ("where", {}, "Kitchen en"),
    ],
)
async def test_arguments_come_in_their_types(
    tmp_path: Path, tool: str, arguments: dict[str, Any], said: str
) -> None:
    write(tmp_path, "typed", TYPED)
    async with House() as house:
        done = await run(house, f"typed.{tool}", folders=[tmp_path], **arguments)
    assert done.said == said


@pytest.mark.parametrize(
    ("tool", "arguments", "parameter"),
    [
        ("numbers", {}, "percent"),
        ("numbers", {"percent": 101}, "percent"),
        ("numbers", {"percent": "full"}, "percent"),
        ("numbers", {"percent": 40.5}, "percent"),
        ("numbers", {"percent": 4, "colour": "red"}, "colour"),
        ("choice", {"mode": "medium"}, "mode"),
    ],
)
async def test_an_argument_that_cannot_be_is_refused(
    tmp_path: Path, tool: str, arguments: dict[str, Any], parameter: str
) -> None:
    write(tmp_path, "typed", TYPED)
    async with House() as house:
        done = await run(house, f"typed.{tool}", folders=[tmp_path], **arguments)
    assert done.said is None
    assert done.unfit is not None
    assert done.unfit.parameter == parameter


async def test_a_room_that_is_not_there_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "typed", TYPED)
    async with House() as house:
        done = await run(house, "typed.choice", folders=[tmp_path], mode="low", area="Attic")
    assert done.missing is not None
    assert (done.missing.reason, done.missing.area) == ("area", "Attic")


# --- what goes wrong in a skill --------------------------------------------------------------

WRONG = '''
import asyncio
import time
from hub.skill import Entities, Home, tool

@tool()
def raises() -> str:
    """Raise."""
    return {}["nothing"]

@tool()
async def hangs() -> str:
    """Hang."""
    await asyncio.sleep(60)

@tool()
def number() -> int:
    """Return what is no reply."""
    return 3

@tool(domains=["light"])
async def half(lights: Entities, home: Home) -> str:
    """Act, then raise."""
    await home.call("light.turn_on", lights)
    raise ValueError("after the fact")

@tool(domains=["light"])
async def oops(lights: Entities, home: Home) -> None:
    """Name a service that is none."""
    await home.call("turn_on", lights)
'''


async def test_a_skill_that_raises_costs_one_call(tmp_path: Path) -> None:
    write(tmp_path, "wrong", WRONG)
    async with House() as house:
        done = await run(house, "wrong.raises", folders=[tmp_path])
        assert isinstance(done.error, SkillError)
        assert "skill.py:9: KeyError" in str(done.error)
        assert done.said == "Sorry, the wrong skill failed."
        fine = await run(house, "HassTurnOn", folders=[tmp_path], name="Desk Lamp")
        assert fine.outcomes[0].confirmed


async def test_what_was_done_before_it_raised_is_known(tmp_path: Path) -> None:
    write(tmp_path, "wrong", WRONG)
    async with House() as house:
        done = await run(house, "wrong.half", folders=[tmp_path], name="Desk Lamp")
    assert isinstance(done.error, SkillError)
    assert [outcome.entity_id for outcome in done.outcomes] == ["light.desk_lamp"]


async def test_a_skill_that_hangs_is_ended(tmp_path: Path) -> None:
    write(tmp_path, "wrong", WRONG)
    async with House() as house:
        skills = skillset(house, tmp_path, timeout=0.05)
        done = await skills.perform(Call("wrong.hangs"), where=HERE)
    assert "wrong.hangs took more than 0.05 s" in str(done.error)


async def test_a_result_that_is_no_reply_is_the_skills_mistake(tmp_path: Path) -> None:
    write(tmp_path, "wrong", WRONG)
    async with House() as house:
        assert "returned 3" in str((await run(house, "wrong.number", folders=[tmp_path])).error)
        odd = await run(house, "wrong.oops", folders=[tmp_path], name="Desk Lamp")
    assert "'turn_on' is not a service" in str(odd.error)


async def test_a_function_that_blocks_does_not_block_the_hub(tmp_path: Path) -> None:
    write(
        tmp_path,
        "slow",
        '''
        import threading
        from hub.skill import tool

        @tool()
        def where() -> str:
            """Tell the thread."""
            return threading.current_thread().name
        ''',
    )
    async with House() as house:
        done = await run(house, "slow.where", folders=[tmp_path])
    assert done.said != "MainThread"


async def test_a_tool_that_nobody_has_is_told() -> None:
    async with House() as house:
        done = await run(house, "HassFlyToTheMoon")
    assert "no skill has a tool HassFlyToTheMoon" in str(done.error)
    assert done.said == "Sorry, I cannot do that."


async def test_a_service_that_this_hub_lacks_is_told() -> None:
    async with House() as house:
        skills = Skillset(load()[0], house.home)
        done = await skills.perform(Call("volume.mute"), where=HERE)
    assert "needs a speaker" in str(done.error)


# --- devices ---------------------------------------------------------------------------------


async def test_one_call_reaches_devices_of_several_skills() -> None:
    async with House() as house:
        house.devices.set_state("switch.coffee_maker", "on")
        house.devices.set_state("media_player.kitchen_radio", "playing")
        done = await run(house, "HassTurnOff", area="Kitchen")
        assert house.state("switch.coffee_maker") == "off"
        assert house.state("media_player.kitchen_radio") == "off"
        assert {o.entity_id.split(".")[0] for o in done.outcomes} == {
            "light",
            "switch",
            "media_player",
        }


async def test_a_device_that_reports_it_is_confirmed_and_one_that_was_so_is_not_changed() -> None:
    async with House() as house:
        first = (await run(house, "HassTurnOn", name="Desk Lamp")).outcomes[0]
        again = (await run(house, "HassTurnOn", name="Desk Lamp")).outcomes[0]
    assert (first.state, first.confirmed, first.changed) == ("on", True, True)
    assert (again.state, again.confirmed, again.changed) == ("on", True, False)


async def test_one_device_that_fails_stops_no_other() -> None:
    async with House() as house:
        house.devices.fault("light.bathroom", ignores=True)
        house.devices.fault("light.bedside_lamp", unavailable=True)
        await asyncio.sleep(0)
        done = await run(house, "HassTurnOn", floor="upstairs", domain="light")
        told = {outcome.entity_id: (outcome.confirmed, outcome.error) for outcome in done.outcomes}
    assert told == {
        "light.bedroom_ceiling": (True, None),
        "light.bedside_lamp": (False, "is unavailable"),
        "light.desk_lamp": (True, None),
        "light.bathroom": (False, "did not answer"),
    }


async def test_a_slow_device_is_waited_for_and_a_very_slow_one_is_not() -> None:
    async with House() as house:
        house.devices.fault("light.desk_lamp", delay=0.05)
        assert (await run(house, "HassTurnOn", name="Desk Lamp")).outcomes[0].confirmed
        house.devices.fault("light.desk_lamp", delay=0.4)
        late = (await run(house, "HassTurnOff", name="Desk Lamp")).outcomes[0]
        assert (late.confirmed, late.error) == (False, "did not answer")


async def test_a_brightness_that_was_not_reached_is_not_confirmed() -> None:
    async with House() as house:
        lamp = "light.desk_lamp"
        await run(house, "HassLightSet", name="Desk Lamp", brightness=80)
        house.devices.fault(lamp, ignores=True)
        done = await run(house, "HassLightSet", name="Desk Lamp", brightness=20)
        assert done.outcomes[0].error == "did not answer"


async def test_a_device_that_cannot_do_it_is_not_asked() -> None:
    async with House() as house:
        before = house.states()
        dim = await run(house, "HassLightSet", name="Hallway Light", brightness=20)
        red = await run(house, "HassLightSet", name="Desk Lamp", color="red")
        hot = await run(house, "HassClimateSetTemperature", name="thermostat", temperature=60)
        assert house.states() == before
    assert dim.outcomes[0].error == "cannot be dimmed"
    assert red.outcomes[0].error == "cannot show colours"
    assert hot.outcomes[0].error == "goes only from 7 to 30 degrees"


async def test_in_a_room_only_the_lamps_that_can_are_set() -> None:
    async with House() as house:
        done = await run(house, "HassLightSet", area="Living Room", color="blue")
        assert [outcome.entity_id for outcome in done.outcomes] == ["light.floor_lamp"]
        assert house.state("light.living_room_ceiling") == "off"


async def test_a_colour_nobody_knows_is_told() -> None:
    async with House() as house:
        done = await run(house, "HassLightSet", name="Floor Lamp", color="ultrapink")
    assert done.said == "Sorry, I do not know the colour ultrapink."


async def test_a_room_that_is_not_there_is_never_the_whole_house() -> None:
    async with House() as house:
        before = house.states()
        done = await run(house, "HassTurnOff", area="Attic", domain="light")
        assert done.missing is not None
        assert done.missing.reason == "area"
        assert house.states() == before


async def test_nothing_said_is_nothing_done() -> None:
    async with House() as house:
        before = house.states()
        for tool in ("HassTurnOn", "HassTurnOff"):
            done = await run(house, tool)
            assert done.missing is not None
            assert done.missing.reason == "unsaid"
        assert house.states() == before


async def test_a_light_setting_without_a_place_is_for_the_speakers_room() -> None:
    async with House() as house:
        done = await run(house, "HassLightSet", brightness=50)
        assert {outcome.entity_id for outcome in done.outcomes} == {
            "light.kitchen_ceiling",
            "light.kitchen_counter",
        }


async def test_all_the_lights_are_all_the_lights() -> None:
    async with House() as house:
        done = await run(house, "HassTurnOff", domain="light")
        assert len(done.outcomes) == 10


# --- what is asked first ---------------------------------------------------------------------


async def test_unlocking_is_asked_for_and_done_after_a_yes() -> None:
    async with House() as house:
        asked = await run(house, "HassTurnOff", name="front door")
        assert asked.ask is not None
        assert asked.ask.question == "Unlock the Front Door?"
        assert house.state("lock.front_door") == "locked"
        [call] = asked.ask.yes
        done = await skillset(house).perform(call, where=HERE, confirmed=True)
        assert done.outcomes[0].confirmed
        assert house.state("lock.front_door") == "unlocked"
        assert house.state("lock.side_door") == "locked"


async def test_the_question_comes_in_the_language_of_the_person() -> None:
    async with House() as house:
        asked = await run(house, "HassTurnOff", name="front door", where=Where(None, "de-AT"))
    assert asked.ask is not None
    assert asked.ask.question == "Front Door aufschließen?"


async def test_a_garage_is_opened_only_after_a_yes_and_closed_at_once() -> None:
    async with House() as house:
        for arguments in (
            {"name": "Garage Door"},
            {"domain": "cover", "device_class": "garage"},
            {"name": "Garage Door", "domain": "cover"},
        ):
            asked = await run(house, "HassTurnOn", **arguments)
            assert asked.ask is not None
            assert house.state("cover.garage_door") == "closed"
        moved = await run(house, "HassSetPosition", name="Garage Door", position=50)
        assert moved.ask is not None
        house.devices.set_state("cover.garage_door", "open")
        await asyncio.sleep(0)
        closed = await run(house, "HassTurnOff", name="Garage Door")
        assert closed.outcomes[0].confirmed


SWEEPS: list[tuple[str, dict[str, Any]]] = [
    ("HassTurnOff", {"area": "Hallway"}),
    ("HassTurnOff", {"area": "Garage"}),
    ("HassTurnOff", {"floor": "Ground Floor"}),
    ("HassTurnOff", {"name": "all"}),
    ("HassTurnOff", {"domain": ["light", "lock"]}),
    ("HassTurnOff", {"domain": "lock"}),
    ("HassTurnOff", {"domain": "lock", "area": "Garage", "device_class": "nonsense"}),
    ("HassTurnOn", {"area": "Garage"}),
    ("HassTurnOn", {"floor": "downstairs"}),
    ("HassTurnOn", {"name": "all"}),
    ("HassTurnOn", {"domain": "cover"}),
    ("HassTurnOn", {"domain": "cover", "floor": "downstairs"}),
    ("HassTurnOn", {"device_class": ["blind", "garage"]}),
    ("HassSetPosition", {"position": 100}),
    ("HassSetPosition", {"position": 100, "floor": "downstairs"}),
]


@pytest.mark.parametrize("confirmed", [False, True])
@pytest.mark.parametrize(("tool", "arguments"), SWEEPS)
async def test_nothing_is_unlocked_or_opened_by_sweeping(
    tool: str, arguments: dict[str, Any], confirmed: bool
) -> None:
    async with House() as house:
        await run(house, tool, confirmed=confirmed, **arguments)
        assert house.state("lock.front_door") == "locked"
        assert house.state("lock.side_door") == "locked"
        assert house.state("cover.garage_door") == "closed"


async def test_turning_everything_on_moves_no_blinds_and_starts_no_robot() -> None:
    async with House() as house:
        await run(house, "HassTurnOn", name="all")
        assert house.state("vacuum.robot") == "docked"
        assert house.state("cover.bedroom_curtains") == "closed"
        assert house.state("climate.bathroom") == "off"
        assert house.state("scene.movie_night") == "unknown"
        assert house.state("light.desk_lamp") == "on"


async def test_the_one_lock_of_a_room_may_be_meant_by_its_kind() -> None:
    async with House() as house:
        asked = await run(house, "HassTurnOff", domain="lock", area="Garage")
        assert asked.ask is not None
        assert asked.ask.question == "Unlock the Side Door?"
        assert house.state("lock.side_door") == "locked"


async def test_of_several_it_is_asked_which() -> None:
    async with House() as house:
        done = await run(house, "HassClimateSetTemperature", temperature=22)
        assert done.ask is not None
        assert done.ask.question == (
            "Which one: the Living Room Thermostat or the Bathroom Radiator?"
        )
        [call] = done.ask.choices["Bathroom Radiator"]
        await skillset(house).perform(call, where=HERE)
        assert house.attribute("climate.bathroom", "temperature") == 22


async def test_a_name_much_like_it_is_asked_about_but_not_that_of_a_lock() -> None:
    async with House() as house:
        lamp = await run(house, "HassTurnOn", name="desk lampe")
        assert lamp.ask is not None
        assert lamp.ask.question == "Did you mean the Desk Lamp?"
        await skillset(house).perform(lamp.ask.yes[0], where=HERE, confirmed=True)
        assert house.state("light.desk_lamp") == "on"
        lock = await run(house, "HassTurnOff", name="front dor")
        assert lock.ask is None
        assert lock.missing is not None


async def test_how_it_was_said_tells_the_kind_of_device() -> None:
    home = {
        "areas": [{"name": "Hall"}],
        "entities": [
            {"id": "lock.front", "name": "Front Door", "area": "Hall", "state": "unlocked"},
            {
                "id": "cover.front",
                "name": "Front Door",
                "area": "Hall",
                "attributes": {"device_class": "door"},
            },
        ],
    }
    async with House(home) as house:
        done = await run(house, "HassTurnOn", name="Front Door", response="lock")
        assert [outcome.entity_id for outcome in done.outcomes] == ["lock.front"]
        asked = await run(house, "HassTurnOn", name="Front Door", response="cover")
        assert asked.ask is not None
        unclear = await run(house, "HassTurnOn", name="Front Door")
        assert unclear.missing is not None
        assert unclear.missing.reason == "several"
        assert unclear.ask is None


async def test_whatever_is_called_nothing_is_unlocked_unasked() -> None:
    """As if the part that understands had gone mad: any tool, with any arguments."""
    rng = random.Random(20)
    async with House() as house:
        home = house.home
        skills = skillset(house)
        specs = skills.specs()
        things = (*home.entities.values(), *home.areas.values(), *home.floors.values())
        spoken = [name for thing in things for name in thing.names]
        names = [*spoken, *home.entities, "all", "nothing", ""]
        domains = [*{entity.domain for entity in home.entities.values()}, "person"]
        values: dict[str, Sequence[Any]] = {
            "name": names,
            "area": names,
            "floor": names,
            "domain": [*domains, domains, None],
            "device_class": ["garage", "door", "blind", ["garage", "gate"], None],
        }
        acted = 0
        for _ in range(4000):
            spec = rng.choice(specs)
            arguments: dict[str, Any] = {
                slot: rng.choice(choices) for slot, choices in values.items() if rng.random() < 0.3
            }
            for slot in spec.parameters["properties"]:
                if slot not in values and rng.random() < 0.9:
                    arguments[slot] = rng.choice([0, 50, 100, "on", "up", "red", "1e9", None])
            response = rng.choice(["default", "lock", "cover", "one_yesno"])
            done = await skills.perform(
                Call(spec.name, arguments, response), where=Where(rng.choice([None, "Garage"]))
            )
            assert not [o for o in done.outcomes if o.state == "unlocked"]
            assert house.state("lock.front_door") == "locked"
            assert house.state("lock.side_door") == "locked"
            assert house.state("cover.garage_door") == "closed"
            assert done.error is None or isinstance(done.error, SkillError | DeviceError)
            assert "Error: " not in str(done.error), (spec.name, arguments)
            acted += bool(done.outcomes)
        assert acted > 100


CLEAN_BEDROOM = {"area": "Bedroom"}


async def test_a_robot_that_cleans_elsewhere_has_not_heard_yet() -> None:
    async with House() as house:
        house.devices.set_state("vacuum.robot", "cleaning", cleaning_areas=["kitchen"])
        house.devices.fault("vacuum.robot", ignores=True)
        await asyncio.sleep(0)
        [outcome] = (await run(house, "HassVacuumCleanArea", **CLEAN_BEDROOM)).outcomes
        assert not outcome.confirmed
        assert outcome.error == "did not answer"
        house.devices.fault("vacuum.robot")
        [outcome] = (await run(house, "HassVacuumCleanArea", **CLEAN_BEDROOM)).outcomes
        assert outcome.confirmed
        assert house.attribute("vacuum.robot", "cleaning_areas") == ["bedroom"]


@pytest.mark.parametrize(
    ("told", "heard"), [({"battery_level": 85}, False), ({"status": "segment cleaning"}, True)]
)
def test_of_a_robot_that_does_not_tell_where_it_is_only_news_count(
    told: dict[str, Any], heard: bool
) -> None:
    robot = Entity("vacuum.robot", "Robot", "vacuum")
    before = State("cleaning", {"battery_level": 86})
    test = expected("vacuum", "clean_area", {"cleaning_area_id": ["bedroom"]}, robot, before)
    assert test is not None
    assert not test(before)
    assert test(State("cleaning", {**before.attributes, **told})) == heard


async def test_what_plays_already_is_no_sign_of_the_next_piece() -> None:
    async with House() as house:
        radio = "media_player.kitchen_radio"
        house.devices.set_state(radio, "playing", media_content_id="news", media_title="News")
        house.devices.fault(radio, ignores=True)
        await asyncio.sleep(0)
        play = {"name": "Kitchen Radio", "search_query": "jazz"}
        [outcome] = (await run(house, "HassMediaSearchAndPlay", **play)).outcomes
        assert not outcome.confirmed
        house.devices.fault(radio)
        [outcome] = (await run(house, "HassMediaSearchAndPlay", **play)).outcomes
        assert outcome.confirmed


async def test_the_template_is_a_skill_to_copy(tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "_template", tmp_path / "coin")
    async with House() as house:
        done = await run(house, "coin.flip", folders=[tmp_path])
    assert done.said in ("Heads.", "Tails.")


async def test_a_skill_may_see_and_end_the_conversation() -> None:
    async with House() as house:
        talk = FakeConversation("It is noon.")
        skills = skillset(house)
        again = await skills.perform(Call("conversation.say_again"), where=HERE, conversation=talk)
        assert again.said == "It is noon."
        await skills.perform(Call("HassNevermind"), where=HERE, conversation=talk)
        assert talk.forgotten == 1


GATED = {
    "areas": [{"id": "hall", "name": "Hall"}],
    "entities": [
        {"id": "lock.front", "name": "Front Lock", "area": "hall", "state": "locked"},
        {"id": "switch.opener", "name": "Door Opener", "area": "hall", "state": "off"},
        {"id": "light.hall", "name": "Door Light", "area": "hall", "state": "off"},
        {"id": "cover.gate", "name": "Yard Gate", "area": "hall", "state": "closed"},
        {
            "id": "scene.arrival",
            "name": "Arrival",
            "state": "unknown",
            "attributes": {"entities": {"lock.front": "unlocked", "light.hall": "on"}},
        },
    ],
}


@pytest.mark.parametrize(
    ("name", "entity_id"), [("Arrival", "lock.front"), ("Door Opener", "switch.opener")]
)
async def test_what_lets_somebody_in_is_asked_for_whatever_it_is(name: str, entity_id: str) -> None:
    async with House(GATED) as house:
        before = house.states()[entity_id]
        skillset = Skillset.load(Config(), house.home)
        call = Call("HassTurnOn", {"name": name})
        done = await skillset.perform(call, where=Where())
        assert done.ask is not None and name in done.ask.question
        assert house.states()[entity_id] == before
        [yes] = done.ask.yes
        await skillset.perform(yes, where=Where(), confirmed=True)
        assert house.states()[entity_id] != before


async def test_a_gate_without_a_class_is_asked_for_when_it_opens_only() -> None:
    async with House(GATED) as house:
        skillset = Skillset.load(Config(), house.home)
        gate = {"name": "Yard Gate"}
        assert (await skillset.perform(Call("HassTurnOn", gate), where=Where())).ask is not None
        assert (await skillset.perform(Call("HassTurnOff", gate), where=Where())).ask is None


async def test_everything_on_leaves_the_door_opener_alone() -> None:
    async with House(GATED) as house:
        skillset = Skillset.load(Config(), house.home)
        await skillset.perform(Call("HassTurnOn", {"area": "Hall"}), where=Where())
        assert house.state("switch.opener") == "off"
        assert house.state("light.hall") == "on"


ENTRANCES = {
    "areas": [{"name": "Drive"}],
    "entities": [
        {"id": "lock.door", "name": "Front Door", "area": "Drive"},
        {"id": "light.drive", "name": "Drive Light", "area": "Drive"},
        {"id": "switch.relay", "name": "Garage Door", "area": "Drive"},
        {"id": "switch.opener", "name": "Türöffner", "area": "Drive"},
        {"id": "button.gate", "name": "Gate Button", "area": "Drive"},
        {"id": "cover.gate", "name": "Hoftor", "area": "Drive"},
        {"id": "switch.safe", "name": "Garage Socket", "area": "Drive"},
        {"id": "switch.said", "name": "Plain", "area": "Drive", "guarded": True},
        {
            "id": "scene.arrival",
            "name": "Arrival",
            "area": "Drive",
            "attributes": {"entities": {"lock.door": "unlocked", "light.drive": "on"}},
        },
        {
            "id": "script.home",
            "name": "Homecoming",
            "attributes": {"sequence": [{"action": "scene.turn_on", "entity_id": "scene.arrival"}]},
        },
        {
            "id": "scene.leave",
            "name": "Leaving",
            "attributes": {"entities": {"lock.door": "locked", "cover.gate": "closed"}},
        },
    ],
}


@pytest.mark.parametrize(
    "name",
    ["Arrival", "Homecoming", "Garage Door", "Türöffner", "Gate Button", "Hoftor", "Plain"],
)
async def test_whatever_lets_people_in_is_asked_for(name: str) -> None:
    async with House(ENTRANCES) as house:
        before = house.states()
        done = await run(house, "HassTurnOn", name=name)
        assert done.ask is not None
        assert done.ask.yes
        assert house.states() == before
        after = await skillset(house).perform(done.ask.yes[0], where=HERE, confirmed=True)
        assert after.outcomes
        assert house.states() != before


@pytest.mark.parametrize("name", ["Leaving", "Garage Socket"])
async def test_what_lets_nobody_in_is_just_done(name: str) -> None:
    async with House(ENTRANCES) as house:
        assert (await run(house, "HassTurnOn", name=name)).ask is None


@pytest.mark.parametrize("domain", [None, "switch", "cover", "scene", "button"])
async def test_nothing_that_lets_people_in_is_swept_along(domain: str | None) -> None:
    async with House(ENTRANCES) as house:
        slots = {"area": "Drive"} | ({"domain": domain} if domain else {})
        await run(house, "HassTurnOn", **slots)
        on = {key for key, (state, _) in house.states().items() if state in ("on", "open")}
        assert on <= {"light.drive", "switch.safe"}
        assert house.state("lock.door") == "locked"


async def test_a_per_cent_sign_in_words_is_kept() -> None:
    async with House() as house:
        await run(house, "HassShoppingListAddItem", item="milk 3%")
        [item] = house.attribute("todo.shopping_list", "todo_items")
        assert "milk 3%" in str(item)


def _script(action: str, entity_id: str, **data: Any) -> dict[str, Any]:
    return {"sequence": [{"action": action, "target": {"entity_id": entity_id}, "data": data}]}


HIDDEN: list[tuple[str, dict[str, Any], bool]] = [
    ("scene", {"entities": {"cover.g": {"current_position": 100}}}, True),
    ("scene", {"entities": {"switch.relay": "on"}}, True),
    ("scene", {"entities": {"cover.hoftor": "open"}}, True),
    ("scene", {"entities": {"cover.g": "closed", "cover.hoftor": "closed"}}, False),
    ("script", _script("cover.set_cover_position", "cover.g", position=100), True),
    ("script", _script("switch.turn_on", "switch.relay"), True),
    ("script", _script("homeassistant.turn_on", "cover.g"), True),
    ("script", _script("cover.open_cover", "cover.hoftor"), True),
    ("script", _script("cover.close_cover", "cover.g"), False),
]


def yard(*more: dict[str, Any]) -> dict[str, Any]:
    garage = {"device_class": "garage", "current_position": 0}
    return {
        "entities": [
            {"id": "cover.g", "name": "Garage Door", "state": "closed", "attributes": garage},
            {"id": "switch.relay", "name": "Garage Door Relay"},
            {"id": "cover.hoftor", "name": "Hoftor"},
            *more,
        ]
    }


@pytest.mark.parametrize(("domain", "content", "asks"), HIDDEN)
async def test_whatever_way_a_scene_or_script_opens_a_door_it_asks(
    domain: str, content: dict[str, Any], asks: bool
) -> None:
    evening = {"id": f"{domain}.x", "name": "Evening", "attributes": content}
    async with House(yard(evening)) as house:
        before = house.state("cover.g"), house.state("cover.hoftor"), house.state("switch.relay")
        done = await run(house, "HassTurnOn", name="Evening")
        assert (done.ask is not None) == asks
        after = house.state("cover.g"), house.state("cover.hoftor"), house.state("switch.relay")
        assert after == before or not asks


async def test_everything_off_leaves_the_garage_relay_alone() -> None:
    async with House(yard()) as house:
        house.devices.set_state("switch.relay", "on")
        await asyncio.sleep(0)
        await run(house, "everything.off")
        assert house.state("switch.relay") == "on"
