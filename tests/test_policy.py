"""What is asked for first, and what a PIN or a tap on the phone opens: as a household meets it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.config import RouterSettings
from hub.dialogue.replies import Replies
from hub.errors import ConfigError
from hub.home.model import Entity, State
from hub.messages import Call
from hub.pipeline import Assistant
from hub.policy import Policy, harm
from hub.policy.approvals import GLANCE, PATIENCE, Approvals
from hub.policy.audit import Audit
from hub.policy.pin import Pin, digits_in
from hub.policy.policy import Table, heard_by_a_model
from hub.router import Router
from hub.skill import Where
from hub.skills.second import SECRET
from hub.skillset import Performed, Skillset, load
from tests.fakes import FakeSpeaker, FakeTime, House
from tests.policy_home import EVIL_HOME

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def thing(entity_id: str, name: str = "Thing", **more: Any) -> Entity:
    return Entity(entity_id, name, entity_id.partition(".")[0], **more)


LOCK = thing("lock.a", "Front Door")
GARAGE = thing("cover.a", "Garage", device_class="garage")
WINDOW = thing("cover.w", "Skylight", device_class="window")
BLIND = thing("cover.b", "Blind", device_class="blind")
ALARM = thing("alarm_control_panel.a", "Alarm")
OPEN = State("open", {"current_position": 80})
WARM = State("heat", {"temperature": 20, "min_temp": 5, "max_temp": 35})


@pytest.mark.parametrize(
    ("entity", "service", "data", "state", "risk"),
    [
        (LOCK, "lock", {}, None, "R1"),
        (LOCK, "unlock", {}, None, "R3"),
        (LOCK, "open", {}, None, "R3"),
        (LOCK, "toggle", {}, None, "R3"),
        (GARAGE, "close_cover", {}, None, "R1"),
        (GARAGE, "open_cover", {}, None, "R3"),
        (GARAGE, "toggle", {}, OPEN, "R1"),
        (GARAGE, "toggle", {}, None, "R3"),
        (GARAGE, "set_cover_position", {"position": 0}, None, "R1"),
        (GARAGE, "set_cover_position", {"position": 50}, OPEN, "R1"),
        (GARAGE, "set_cover_position", {"position": 90}, OPEN, "R3"),
        (GARAGE, "set_cover_position", {"position": "90"}, None, "R3"),
        (WINDOW, "open_cover", {}, None, "R2"),
        (WINDOW, "close_cover", {}, None, "R1"),
        (BLIND, "open_cover", {}, None, "R1"),
        (ALARM, "alarm_arm_away", {}, None, "R1"),
        (ALARM, "alarm_disarm", {}, None, "R3"),
        (ALARM, "alarm_trigger", {}, None, "R2"),
        # A relay is what it is called, whatever has it.
        (thing("switch.r", "Garage Door"), "turn_on", {}, None, "R3"),
        (thing("light.r", "Garage Door"), "turn_off", {}, None, "R3"),
        (thing("fan.r", "Garagentor"), "turn_on", {}, None, "R3"),
        (thing("light.r", "Garage Door Light"), "turn_on", {}, None, "R1"),
        (thing("switch.r", "Shelly 3", told=("Garage Door",)), "turn_on", {}, None, "R3"),
        (thing("switch.r", "Ｇarage Ｄoor"), "turn_on", {}, None, "R3"),
        (thing("switch.x", "Kettle"), "turn_on", {}, None, "R1"),
        # What sets something else off counts as the worst of it.
        (thing("scene.s", "Evening", guarded=None), "turn_on", {}, None, "R2"),
        (thing("scene.s", "Evening", guarded=False), "turn_on", {}, None, "R1"),
        (thing("scene.s", "Evening", guarded=True), "turn_on", {}, None, "R3"),
        (thing("script.s", "Evening", guarded=True), "turn_off", {}, None, "R1"),
        (thing("automation.s", "Evening"), "trigger", {}, None, "R2"),
        # What gets hot or wet.
        (thing("switch.o", "Oven"), "turn_on", {}, None, "R2"),
        (thing("switch.o", "Backofen"), "turn_off", {}, None, "R1"),
        (thing("switch.o", "Heizlüfter"), "toggle", {}, State("off"), "R2"),
        (thing("switch.o", "Heizlüfter"), "toggle", {}, State("on"), "R1"),
        (thing("valve.v", "Water"), "open_valve", {}, None, "R2"),
        (thing("valve.v", "Water"), "close_valve", {}, None, "R1"),
        (thing("siren.v", "Roof"), "turn_on", {}, None, "R2"),
        (thing("climate.c"), "set_temperature", {"temperature": 23}, WARM, "R1"),
        (thing("climate.c"), "set_temperature", {"temperature": 23.5}, WARM, "R2"),
        (thing("climate.c"), "set_temperature", {"temperature": 12}, WARM, "R2"),
        (thing("climate.c"), "set_temperature", {"temperature": "nan"}, WARM, "R1"),
        (thing("water_heater.c"), "set_temperature", {"temperature": 70}, WARM, "R2"),
        (thing("vacuum.c"), "start", {}, None, "R1"),
        # What sees, and what runs.
        (thing("camera.c", "Door"), "turn_off", {}, None, "R3"),
        (thing("switch.c", "Kitchen Camera"), "turn_off", {}, None, "R3"),
        (thing("camera.c", "Door"), "turn_on", {}, None, "R1"),
        (thing("update.c"), "install", {}, None, "R3"),
    ],
)
def test_the_class_follows_from_the_thing_and_the_direction(
    entity: Entity, service: str, data: dict[str, Any], state: State | None, risk: str
) -> None:
    assert harm(entity, service, data, state).risk == risk


def test_what_people_set_counts_but_makes_no_toy_of_a_lock() -> None:
    table = Table(
        devices={
            "lock.a": "R1",
            "cover.a": "R1",
            "switch.r": "R1",
            "light.x": "R2",
            "cover.b": "R2",
            "switch.y": "no",
        }
    )
    policy = Policy(table)
    assert policy.harm(LOCK, "unlock").risk == "R3"
    assert policy.harm(GARAGE, "open_cover").risk == "R3"
    assert policy.harm(thing("switch.r", "Garage Door"), "turn_on").risk == "R1"
    assert policy.harm(thing("light.x"), "turn_on").risk == "R2"
    assert policy.harm(BLIND, "close_cover").risk == "R1"
    assert policy.factor([thing("switch.y")]) == "no"


# --- the PIN ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "language", "digits"),
    [
        ("4826", "en", "4826"),
        ("four eight two six", "en", "4826"),
        ("forty-eight twenty six", "en", "4826"),
        ("4 8, 2 6.", "en", "4826"),
        ("double four two six", "en", "4426"),
        ("oh one two three", "en", "0123"),
        ("vier acht zwo sechs", "de", "4826"),
        ("achtundvierzig sechsundzwanzig", "de", "4826"),
        ("turn on the light", "en", ""),
        ("one two", "en", ""),
    ],
)
def test_a_pin_is_understood_as_people_say_digits(said: str, language: str, digits: str) -> None:
    assert digits_in([said], language) == digits


@pytest.mark.parametrize("bad", ["123", "12a4", "", "1111", "1234", "1" * 13, "٤٨٢٦"])
def test_what_is_no_pin_or_everybodys_is_not_taken(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ConfigError):
        Pin(tmp_path / "pin.json", FakeTime(NOON)).set(bad)


async def test_three_wrong_pins_lock_for_five_minutes_then_ten(tmp_path: Path) -> None:
    time, path = FakeTime(NOON), tmp_path / "pin.json"
    pin = Pin(path, time)
    pin.set("4826")
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"4826" not in path.read_bytes()
    assert [await pin.check("0000") for _ in range(4)] == ["wrong", "wrong", "wrong", "locked"]
    assert await pin.check("4826") == "locked"
    time.set_clock(days=400)  # the clock on the wall opens nothing
    assert await pin.check("4826") == "locked"
    # Nor does starting the hub anew, nor the machine.
    assert await Pin(path, time).check("4826") == "locked"
    await time.advance(299)
    assert await pin.check("4826") == "locked"
    time.reboot(minutes=30)
    assert await Pin(path, time).check("4826") == "locked"
    await time.advance(301)
    assert [await pin.check("0000") for _ in range(4)] == ["wrong", "wrong", "wrong", "locked"]
    await time.advance(301)
    assert await pin.check("4826") == "locked"
    await time.advance(300)
    assert await pin.check("4826") == "right"
    assert await pin.check("0000") == "wrong"
    assert await pin.check("4826") == "right"


async def test_ten_thousand_guesses_are_twenty(tmp_path: Path) -> None:
    """Even by somebody who starts the hub anew after each of them."""
    time, path = FakeTime(NOON), tmp_path / "pin.json"
    Pin(path, time).set("4826")
    tried = 0
    for guess in range(10_000):
        tried += await Pin(path, time).check(f"{guess:04}") == "wrong"
    assert tried <= 20


async def test_a_damaged_file_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pin.json"
    path.write_text("{}")
    pin = Pin(path, FakeTime(NOON))
    assert pin.there
    with pytest.raises(Exception, match="cannot be read"):
        await pin.check("4826")


# --- in a conversation ------------------------------------------------------------------------


class Home:
    """A hub with the real policy, and somebody who talks with it."""

    def __init__(self, folder: Path, language: str = "en") -> None:
        self.folder = folder
        self.time = FakeTime(NOON)
        self.house = House(EVIL_HOME)
        self.pin = Pin(folder / "pin.json", self.time)
        self.approvals = Approvals(self.time)
        self.audit = Audit(folder / "decisions.jsonl")
        self.language = language
        self.told: list[str] = []
        self.table = Table()
        self.assistant: Assistant
        self.models: list[str] = []

    async def begin(self) -> None:
        policy = Policy(self.table, pin=self.pin, approvals=self.approvals, audit=self.audit)
        skills = Skillset(
            load()[0],
            self.house.home,
            services={"speaker": FakeSpeaker()},
            confirm_timeout=0.1,
            time=self.time,
            policy=policy,
        )
        router = Router(
            self.house.home,
            skills.specs(),
            model=None,
            settings=RouterSettings(),
            languages=(self.language,),
        )
        self.assistant = Assistant(
            home=self.house.home,
            router=router,
            skillset=skills,
            replies=Replies(),
            languages=(self.language,),
            clock=self.time.steady,
        )
        await router.prepare()

        async def aloud(text: str, area: str | None, language: str) -> None:
            self.told.append(text)

        self.assistant.aloud = aloud

    async def say(self, text: str, area: str | None = "Hall") -> str:
        trace = await self.assistant.say(text, area=area)
        self.assistant.finished(trace)
        self.traces = [*getattr(self, "traces", []), trace]
        return trace.reply.text

    def decisions(self) -> list[str]:
        return [row["decision"] for row in self.audit.rows()]

    def state(self, entity_id: str) -> str:
        return self.house.state(entity_id)


@pytest.fixture
async def at_home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path)
    async with home.house:
        await home.begin()
        yield home
        await home.assistant.skillset.close()


async def test_without_pin_and_phone_nobody_unlocks_by_voice(at_home: Home) -> None:
    said = await at_home.say("unlock the front door")
    assert said == (
        "I do not unlock the Front Door by voice, unless a PIN or a tap on your phone allows it. "
        "'hearth trust' tells how."
    )
    await at_home.say("yes")
    assert at_home.state("lock.front_door") == "locked"
    assert at_home.decisions() == ["refused"]


async def test_locking_closing_and_arming_never_ask(at_home: Home) -> None:
    at_home.house.devices.set_state("lock.front_door", "unlocked")
    at_home.house.devices.set_state("cover.gate", "open", current_position=100)
    assert await at_home.say("lock the front door") == "Locked the Front Door."
    await at_home.say("set the driveway to 30 percent")
    assert at_home.state("lock.front_door") == "locked"
    assert at_home.house.attribute("cover.gate", "current_position") == 30
    at_home.house.devices.set_state("alarm_control_panel.house", "disarmed")
    await at_home.say("arm the house alarm")
    assert not at_home.traces[-1].reply.expects_answer  # (this home simulates no alarm)
    assert at_home.decisions() == []


async def test_the_right_pin_unlocks_once(at_home: Home) -> None:
    at_home.pin.set("4826")
    asked = await at_home.say("unlock the front door")
    assert asked == "To unlock the Front Door, tell me the PIN."
    assert await at_home.say("four eight two six") == "Unlocked the Front Door."
    assert at_home.state("lock.front_door") == "unlocked"
    await at_home.say("lock the front door")
    await at_home.say("four eight two six")
    assert at_home.state("lock.front_door") == "locked"
    assert at_home.decisions() == ["second factor", "done"]


@pytest.mark.parametrize(
    ("device", "wish", "told"),
    [
        ("lock.front_door", "unlock the front door", "Sorry, the Front Door is not available."),
        ("cover.gate", "open the driveway", "Sorry, the Driveway is not available."),
        ("valve.water", "open the water valve", "Sorry, the Water Valve is not available."),
    ],
)
async def test_nothing_is_asked_about_what_is_away(
    at_home: Home, device: str, wish: str, told: str
) -> None:
    at_home.pin.set("4826")
    at_home.house.devices.fault(device, unavailable=True)
    assert await at_home.say(wish) == told
    assert not at_home.traces[-1].reply.expects_answer
    assert at_home.decisions() == []
    at_home.house.devices.fault(device)
    await at_home.say(wish)
    assert at_home.traces[-1].reply.expects_answer


async def test_a_pin_leaves_no_trace(
    at_home: Home, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(0)
    at_home.pin.set("4826")
    for said in ("4827", "four eight two six"):
        await at_home.say("unlock the front door")
        await at_home.say(said)
    secrets = ("4827", "4826", "four eight two")
    written = [json.dumps(trace.to_json(), default=str) for trace in at_home.traces]
    kept = await asyncio.to_thread(
        lambda: [file.read_text(errors="replace") for file in tmp_path.iterdir()]
    )
    for text in (*written, caplog.text, *kept, *map(repr, at_home.traces)):
        assert not [secret for secret in secrets if secret in text]
    assert [t.heard for t in at_home.traces].count(SECRET) == 2


async def test_no_language_model_hears_a_pin(
    at_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    route = at_home.assistant.router.route

    async def listening(utterance: Any, context: Any) -> Any:
        heard.extend(h.text for h in utterance.hypotheses)
        return await route(utterance, context)

    monkeypatch.setattr(at_home.assistant.router, "route", listening)
    at_home.pin.set("4826")
    await at_home.say("unlock the front door")
    await at_home.say("um it is four eight")
    await at_home.say("4826 I think")
    assert at_home.state("lock.front_door") == "unlocked"
    assert not [text for text in heard if "eight" in text or "4" in text]


async def test_a_wrong_pin_may_be_said_again_and_three_lock(at_home: Home) -> None:
    at_home.pin.set("4826")
    await at_home.say("unlock the front door")
    assert "not the PIN" in await at_home.say("1 2 3 5")
    assert "not the PIN" in await at_home.say("1 2 3 6")
    assert "next 5 minutes" in await at_home.say("1 2 3 7")
    assert "next 5 minutes" in await at_home.say("unlock the front door")
    await at_home.say("4 8 2 6")
    assert at_home.state("lock.front_door") == "locked"


async def test_a_pin_that_comes_late_opens_nothing(at_home: Home) -> None:
    at_home.pin.set("4826")
    await at_home.say("unlock the front door")
    await at_home.time.advance(31)
    await at_home.say("4826")
    assert at_home.state("lock.front_door") == "locked"


async def test_a_pin_said_in_another_room_opens_nothing(at_home: Home) -> None:
    at_home.pin.set("4826")
    await at_home.say("unlock the front door", area="Hall")
    await at_home.say("4826", area="Garage")
    assert at_home.state("lock.front_door") == "locked"


async def test_never_mind_and_another_command_drop_the_question(at_home: Home) -> None:
    at_home.pin.set("4826")
    await at_home.say("unlock the front door")
    await at_home.say("never mind")
    await at_home.say("4826")
    await at_home.say("unlock the front door")
    await at_home.say("turn on the kitchen light")
    assert at_home.state("light.kitchen") == "on"
    await at_home.say("4826")
    assert at_home.state("lock.front_door") == "locked"


async def test_what_is_asked_for_names_the_very_thing(at_home: Home) -> None:
    assert await at_home.say("open the kitchen window") == "Open the Kitchen Window?"
    assert at_home.state("cover.kitchen_window") == "closed"
    await at_home.say("yes")
    assert at_home.state("cover.kitchen_window") == "open"
    assert await at_home.say("turn on the oven") == "Turn on the Oven?"
    await at_home.say("no")
    assert at_home.state("switch.oven") == "off"
    said = await at_home.say("set the hall thermostat to 26 degrees")
    assert said == "Set the Hall Thermostat to 26 degrees?"
    await at_home.say("set the hall thermostat to 22 degrees")
    assert at_home.house.attribute("climate.hall", "temperature") == 22


async def test_everything_is_asked_for_and_a_room_is_not(at_home: Home) -> None:
    at_home.house.devices.set_state("switch.kettle", "on")
    said = await at_home.say("turn everything off")
    assert said == "Turn off everything in the whole house?"
    assert at_home.state("switch.kettle") == "on"
    await at_home.say("no")
    await at_home.say("turn everything off in the kitchen")
    assert at_home.state("switch.kettle") == "off"


async def test_commands_for_many_leave_out_what_opens(at_home: Home) -> None:
    before = at_home.house.states()
    for said in ("turn on all the switches", "turn on everything in the hall", "open all covers"):
        await at_home.say(said)
    for entity_id in (
        "switch.garage_door",
        "switch.oven",
        "switch.heater",
        "lock.front_door",
        "cover.gate",
        "light.garage_door",
    ):
        assert at_home.house.states()[entity_id] == before[entity_id]


async def test_a_room_and_a_person_may_be_kept_to_less(at_home: Home) -> None:
    at_home.table = replace(at_home.table, rooms={"garage": "R1"}, people={"Guest": "R1"})
    await at_home.begin()
    said = await at_home.say("open the kitchen window", area="Garage")
    assert said == "I may not open the Kitchen Window from here."
    call = Call("HassTurnOn", {"name": "cover.kitchen_window"})
    skills = at_home.assistant.skillset
    done = await skills.perform(call, where=Where("Hall", person="guest"), confirmed=True)
    assert done.refused and at_home.state("cover.kitchen_window") == "closed"


# --- the phone --------------------------------------------------------------------------------


async def until(home: Home, told: int) -> None:
    async with asyncio.timeout(2):
        while len(home.told) < told:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def asked_by_phone(home: Home) -> str:
    said = await home.say("unlock the front door")
    async with asyncio.timeout(2):
        while home.approvals.waiting is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
    return said


async def test_a_tap_on_the_phone_unlocks(at_home: Home) -> None:
    shown: list[str | None] = []
    at_home.approvals.attach(lambda request: shown.append(request.question if request else None))
    said = await asked_by_phone(at_home)
    assert "I have asked on your phone whether to unlock the Front Door" in said
    await at_home.say("yes")
    assert at_home.state("lock.front_door") == "locked"
    await at_home.time.advance(GLANCE + 1)
    assert at_home.approvals.approve()
    await until(at_home, 1)
    assert at_home.told == ["Unlocked the Front Door."]
    assert at_home.state("lock.front_door") == "unlocked"
    assert shown == ["Unlock the Front Door?", None]
    assert not at_home.approvals.approve(), "one tap, one door"


async def test_a_tap_after_a_minute_or_a_denial_opens_nothing(at_home: Home) -> None:
    at_home.approvals.attach(lambda request: None)
    await asked_by_phone(at_home)
    await at_home.time.advance(PATIENCE + 1)
    await until(at_home, 1)
    assert not at_home.approvals.approve()
    await asked_by_phone(at_home)
    assert at_home.approvals.deny()
    await until(at_home, 2)
    assert at_home.told == ["Nobody approved it on the phone. I did not unlock the Front Door."] * 2
    assert at_home.state("lock.front_door") == "locked"


async def test_a_tap_counts_only_for_what_was_shown(at_home: Home) -> None:
    at_home.approvals.attach(lambda request: None)
    await asked_by_phone(at_home)
    assert not at_home.approvals.approve(), "it cannot have been read yet"
    assert not at_home.approvals.approve("1-00000000")
    second = await at_home.say("unlock the front door")
    assert second == "Another request is waiting on your phone. I did nothing."
    waiting = at_home.approvals.waiting
    assert waiting is not None and at_home.approvals.approve(waiting.id)
    await until(at_home, 1)
    assert at_home.state("lock.front_door") == "unlocked"


async def test_a_phone_that_is_away_is_told(at_home: Home) -> None:
    at_home.table = Table(factor="phone")
    await at_home.begin()
    said = await at_home.say("unlock the front door")
    assert said.startswith("I only unlock the Front Door after a tap on your phone")


async def test_in_german_too(tmp_path: Path) -> None:
    home = Home(tmp_path, "de")
    async with home.house:
        await home.begin()
        assert "nur mit einer PIN" in await home.say("schließe Front Door auf")
        home.pin.set("4826")
        said = await home.say("schließe Front Door auf")
        assert said == "Front Door aufschließen? Sag mir bitte die PIN."
        assert "nicht die PIN" in await home.say("eins zwei drei vier")
        await home.say("vier acht zwei sechs")
        assert home.state("lock.front_door") == "unlocked"
        await home.assistant.skillset.close()


async def test_no_pin_is_asked_for_by_way_of_a_language_model_elsewhere(at_home: Home) -> None:
    """An MCP client hears what is asked, and would hear the answer."""
    at_home.pin.set("4826")
    with heard_by_a_model():
        assert "unless a PIN or a tap" in await at_home.say("unlock the front door")
        at_home.approvals.attach(lambda request: None)
        assert "on your phone" in await at_home.say("unlock the front door")
    assert "tell me the PIN" in await at_home.say("unlock the front door", area="Kitchen")


# --- never late -------------------------------------------------------------------------------


async def test_a_tool_that_will_not_end_acts_no_more_when_its_time_is_over(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "skill.py").write_text(SLOW)
    handlers, _ = load([tmp_path])
    async with House(EVIL_HOME) as house:
        skills = Skillset(handlers, house.home, timeout=0.05, confirm_timeout=0.05)
        done: Performed = await skills.perform(Call("slow.wait"), where=Where())
        assert done.error is not None
        await asyncio.sleep(0.4)
        assert house.state("light.kitchen") == "off"
        await skills.close()


SLOW = '''
import asyncio
from hub.skill import Home, tool

@tool(phrases=["take your time"])
async def wait(home: Home) -> None:
    """Take too long, and will not hear of it."""
    try:
        await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        await asyncio.sleep(0.2)
    await home.call("light.turn_on", home.find(name="Kitchen Light"))
'''


# --- scenes and scripts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "risk"),
    [
        ({"entities": {"light.kitchen": "on"}}, "R1"),
        ({"entities": {"light.kitchen": "on", "lock.front_door": "unlocked"}}, "R3"),
        ({"entities": {"lock.front_door": "locked"}}, "R1"),
        ({"entities": {"light.kitchen": "on", "switch.oven": "on"}}, "R2"),
        ({"entities": {"switch.oven": "off"}}, "R1"),
        ({"entities": {"cover.kitchen_window": "open"}}, "R2"),
        ({"entities": {"switch.garage_door": "on"}}, "R3"),
    ],
)
async def test_a_scene_counts_as_the_worst_thing_in_it(content: dict[str, Any], risk: str) -> None:
    scene = {"id": "scene.evening", "name": "Evening", "attributes": content}
    async with House({**EVIL_HOME, "entities": [*EVIL_HOME["entities"], scene]}) as house:
        assert harm(house.home.entities["scene.evening"], "turn_on").risk == risk
