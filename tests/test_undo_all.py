"""Every bundled skill that acts can be undone, or says why not; and asks where its class wants it.

A tool that acts and is in none of the tables below fails here: it has to say how it is undone
(`undo`, `undo.by`, `final`, or by means that the hub takes back itself), and then show it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.home.model import Entity, State
from hub.messages import Call
from hub.policy import R2, R3, RISKS
from hub.skill import Where
from hub.skills.handling import Handler
from hub.skills.store import Stores
from hub.skills.undo import AWAY, OPENS, Left, Undone, restoring, worded
from hub.skillset import Skillset, load
from hub.timers.book import Timers
from tests.fakes import FakeSpeaker, FakeTime, House

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
TAKEN_BACK = frozenset({"agenda", "home", "schedule", "speaker", "store", "timers"})
"""Services of which the hub itself takes back what a tool did."""

ONLY_TELL = frozenset(
    "alarm.state alarm_clock.alarms calendar.about calendar.agenda calendar.away calendar.coming "
    "calendar.count calendar.free calendar.it calendar.on_day climate.setting conversation.stop "
    "explain.meanwhile help.help lists.listed lists.needed lists.read lists.which "
    "locks.unlock_all media.playing media.volume HassClimateGetTemperature HassGetState "
    "HassGetWeather questions.attribute questions.forecast questions.last_event questions.rooms "
    "questions.whereabouts settings.how_hot settings.tell HassTimerStatus".split()
)
"""Tools that look at the home or the timers, and change nothing."""


def acting() -> list[Handler]:
    handlers, problems = load()
    assert not problems
    found = [h for h in handlers if h.tool.spoken and h.tool.risk != "R0"]
    return [h for h in found if h.name not in ONLY_TELL]


def said(handler: Handler) -> str:
    domains = ",".join(handler.tool.domains)
    return f"{handler.name}({domains})" if domains else handler.name


@pytest.mark.parametrize("handler", acting(), ids=said)
def test_a_tool_that_acts_says_how_it_is_undone(handler: Handler) -> None:
    tool = handler.tool
    services = set(tool.services.values())
    by_itself = bool(services & TAKEN_BACK)
    assert tool.undo or tool.final or "undo" in services or by_itself, (
        f"{handler.name} acts, and says neither how it is undone nor why it cannot be: "
        "see docs/skills.md"
    )


@pytest.mark.parametrize("handler", acting(), ids=said)
def test_why_not_is_said_in_both_languages(handler: Handler) -> None:
    if handler.tool.final:
        for code in ("en", "de"):
            told = worded(Undone(False, sentences=(handler.tool.final,)), code)
            assert told == handler.tool.final[code]
            assert told.endswith(".")


@dataclass(frozen=True)
class Try:
    """A call that changes something, and the devices as they must be for that."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    first: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    """Devices that undoing must not put back, because that would open or start something."""
    confirmed: bool = False

    @property
    def called(self) -> str:
        return f"{self.tool} {self.arguments.get('name', '')}"


ON: dict[str, Any] = {}
HOME: dict[str, Any] = {
    "areas": [{"id": "kitchen", "name": "Kitchen"}, {"id": "hall", "name": "Hall"}],
    "entities": [
        {
            "id": "light.l",
            "name": "Lamp",
            "area": "kitchen",
            "state": "off",
            "attributes": {"supported_color_modes": ["hs", "color_temp"], "brightness": 100},
        },
        {"id": "switch.s", "name": "Kettle", "area": "kitchen", "state": "off"},
        {
            "id": "fan.f",
            "name": "Fan",
            "area": "kitchen",
            "state": "off",
            "attributes": {"percentage": 0},
        },
        {
            "id": "humidifier.h",
            "name": "Humidifier",
            "area": "kitchen",
            "state": "on",
            "attributes": {"humidity": 40, "min_humidity": 20, "max_humidity": 80},
        },
        {
            "id": "cover.b",
            "name": "Blind",
            "area": "kitchen",
            "state": "closed",
            "attributes": {"device_class": "blind", "current_position": 0},
        },
        {
            "id": "cover.g",
            "name": "Garage",
            "area": "hall",
            "state": "open",
            "attributes": {"device_class": "garage", "current_position": 100},
        },
        {"id": "lock.f", "name": "Front Door", "area": "hall", "state": "locked"},
        {"id": "valve.v", "name": "Valve", "area": "hall", "state": "closed"},
        {"id": "alarm_control_panel.a", "name": "Alarm", "area": "hall", "state": "disarmed"},
        {
            "id": "climate.c",
            "name": "Thermostat",
            "area": "kitchen",
            "state": "heat",
            "attributes": {
                "temperature": 20,
                "min_temp": 5,
                "max_temp": 35,
                "hvac_modes": ["off", "heat", "cool"],
                "fan_mode": "low",
                "fan_modes": ["low", "high"],
            },
        },
        {
            "id": "water_heater.w",
            "name": "Boiler",
            "area": "hall",
            "state": "eco",
            "attributes": {
                "temperature": 45,
                "min_temp": 30,
                "max_temp": 80,
                "operation_list": ["eco", "performance"],
            },
        },
        {
            "id": "media_player.r",
            "name": "Radio",
            "area": "kitchen",
            "state": "playing",
            "attributes": {"volume_level": 0.3, "is_volume_muted": False},
        },
        {"id": "vacuum.v", "name": "Robot", "area": "hall", "state": "docked"},
        {"id": "lawn_mower.m", "name": "Mower", "area": "hall", "state": "docked"},
        {
            "id": "input_number.n",
            "name": "Duration",
            "area": "hall",
            "state": "10",
            "attributes": {"min": 0, "max": 100, "step": 1},
        },
        {
            "id": "select.m",
            "name": "Pool Mode",
            "area": "hall",
            "state": "eco",
            "attributes": {"options": ["eco", "party"]},
        },
        {"id": "text.t", "name": "Sign", "area": "hall", "state": "hello"},
        {
            "id": "todo.t",
            "name": "Shopping List",
            "area": "kitchen",
            "state": "1",
            "attributes": {"todo_items": [{"summary": "Bread", "status": "needs_action"}]},
        },
    ],
}

TRIES = [
    Try("HassTurnOn", {"name": "Lamp"}),
    Try("HassTurnOff", {"name": "Lamp"}, {"light.l": ("on", {"brightness": 100})}),
    Try("HassToggle", {"name": "Lamp"}),
    Try("HassLightSet", {"name": "Lamp", "brightness": 20}, {"light.l": ("on", {})}),
    Try("lights.dimmer", {"name": "Lamp"}, {"light.l": ("on", {"brightness": 200})}),
    Try("lights.brighter", {"name": "Lamp"}, {"light.l": ("on", {"brightness": 100})}),
    Try("HassTurnOn", {"name": "Kettle"}),
    Try("HassTurnOff", {"name": "Kettle"}, {"switch.s": ("on", {})}),
    Try("HassTurnOn", {"name": "Fan"}),
    Try("HassTurnOff", {"name": "Fan"}, {"fan.f": ("on", {"percentage": 50})}),
    Try(
        "HassFanSetSpeed",
        {"name": "Fan", "percentage": 70},
        {"fan.f": ("on", {"percentage": 30})},
    ),
    Try("humidifiers.set_humidity", {"name": "Humidifier", "percent": 60}),
    Try("humidifiers.moister", {}, {"humidifier.h": ("off", {})}),
    Try("humidifiers.drier"),
    Try("HassTurnOn", {"name": "Blind"}),
    Try("HassTurnOff", {"name": "Blind"}, {"cover.b": ("open", {"current_position": 100})}),
    Try("HassSetPosition", {"name": "Blind", "position": 40}),
    Try("HassTurnOff", {"name": "Garage"}, left=("cover.g",)),
    Try("HassTurnOn", {"name": "Garage"}, {"cover.g": ("closed", {"current_position": 0})},
        confirmed=True),
    Try("HassTurnOn", {"name": "Front Door"}, {"lock.f": ("unlocked", {})}, left=("lock.f",)),
    Try("HassTurnOff", {"name": "Front Door"}, confirmed=True),
    Try("locks.lock_all", {}, {"lock.f": ("unlocked", {})}, left=("lock.f",)),
    Try("HassTurnOn", {"name": "Valve"}, confirmed=True),
    Try("HassTurnOff", {"name": "Valve"}, {"valve.v": ("open", {"current_position": 100})},
        left=("valve.v",)),
    Try("HassSetPosition", {"name": "Valve", "position": 50}, confirmed=True),
    Try("HassClimateSetTemperature", {"name": "Thermostat", "temperature": 22}),
    Try("HassClimateSetTemperature", {"name": "Thermostat", "temperature": 30}, confirmed=True),
    Try("HassClimateSetFanMode", {"name": "Thermostat", "fan_mode": "high"}),
    Try("HassTurnOff", {"name": "Thermostat"}),
    Try("HassTurnOn", {"name": "Thermostat"}, {"climate.c": ("off", {})}),
    Try("climate.warmer", {"name": "Thermostat"}),
    Try("climate.cooler", {"name": "Thermostat"}),
    Try("climate.set_mode", {"name": "Thermostat", "mode": "cool"}),
    Try("settings.hot_water", {"name": "Boiler", "degrees": 50}),
    Try("settings.operation", {"name": "Boiler", "mode": "performance"}),
    Try("settings.number", {"name": "Duration", "value": 45}),
    Try("settings.choose", {"name": "Pool Mode", "choice": "party"}),
    Try("HassTurnOff", {"name": "Radio"}),
    Try("HassTurnOn", {"name": "Radio"}, {"media_player.r": ("off", {})}),
    Try("HassMediaPause", {"name": "Radio"}),
    Try("HassMediaUnpause", {"name": "Radio"}, {"media_player.r": ("paused", {})}),
    Try("HassSetVolume", {"name": "Radio", "volume_level": 60}),
    Try("HassSetVolumeRelative", {"name": "Radio", "volume_step": "up"}),
    Try("media.pause_all"),
    Try("media.louder", {"name": "Radio"}),
    Try("media.quieter", {"name": "Radio"}),
    Try("HassMediaPlayerMute", {"name": "Radio"}),
    Try(
        "HassMediaPlayerUnmute", {"name": "Radio"},
        {"media_player.r": ("playing", {"is_volume_muted": True})},
    ),
    Try("HassVacuumStart", {"name": "Robot"}),
    Try("HassTurnOn", {"name": "Robot"}),
    Try("HassTurnOff", {"name": "Robot"}, {"vacuum.v": ("cleaning", {})}),
    Try("HassVacuumReturnToBase", {"name": "Robot"}, {"vacuum.v": ("cleaning", {})}),
    Try("vacuum.pause", {"name": "Robot"}, {"vacuum.v": ("cleaning", {})}),
    Try("HassVacuumCleanArea", {"name": "Robot", "area": "Kitchen"}),
    Try("HassLawnMowerStartMowing", {"name": "Mower"}),
    Try("HassLawnMowerDock", {"name": "Mower"}, {"lawn_mower.m": ("mowing", {})}),
    Try("everything.off", {"area": "Kitchen"}, {"light.l": ("on", {"brightness": 100})}),
    Try("HassListAddItem", {"name": "Shopping List", "item": "milk"}),
    Try("HassShoppingListAddItem", {"item": "milk"}),
    Try("HassListCompleteItem", {"name": "Shopping List", "item": "Bread"}),
    Try("HassShoppingListCompleteItem", {"item": "Bread"}),
    Try("lists.check_off", {"item": "bread"}),
    Try("volume.set_volume", {"percent": 80}),
    Try("volume.louder"),
    Try("volume.quieter"),
    Try("volume.mute"),
    Try("HassStartTimer", {"minutes": 5}),
    Try("HassCancelTimer", {}),
    Try("HassCancelAllTimers", {}),
    Try("HassIncreaseTimer", {"minutes": 2}),
    Try("HassDecreaseTimer", {"minutes": 1}),
    Try("HassPauseTimer", {}),
]  # fmt: skip

ELSEWHERE = frozenset(
    # Undone by means of their skills, and shown in the tests of these.
    "lists memory messages notes calendar routines reminders alarm_clock timers announce "
    "suggestions manners notices briefing weather writing".split()
)
BY_HAND = frozenset(
    # Nothing to see in the simulated home, or the same function as one that is tried.
    "HassMediaNext HassMediaPrevious HassMediaSearchAndPlay media.go_on covers.stop "
    "HassListRemoveItem alarm.arm alarm.disarm volume.unmute HassUnpauseTimer settings.write "
    "memory.comfortable lights.another_color lights.warmer lights.cooler settings.source "
    "fans.swing fans.hold_still fans.faster fans.slower".split()
)


def test_every_tool_that_acts_is_tried() -> None:
    tried = {each.tool for each in TRIES}
    missing = {
        h.name
        for h in acting()
        if h.name not in tried | BY_HAND and not h.tool.final and h.skill not in ELSEWHERE
    }
    assert not missing, "say how each of these is undone, and show it in TRIES"


@pytest.mark.parametrize("attempt", TRIES, ids=lambda each: each.called)
async def test_undoing_brings_back_the_states_of_before(attempt: Try) -> None:
    time, speaker = FakeTime(NOON), FakeSpeaker()
    timers = Timers(time)

    async def ring(*_: object) -> None:
        return None

    async with House(HOME) as house:
        timers.begin(ring)
        skills = Skillset(
            load()[0],
            house.home,
            services={"speaker": speaker, "timers": timers, "store": Stores()},
            confirm_timeout=0.2,
            time=time,
        )
        for entity_id, (state, attributes) in attempt.first.items():
            house.devices.set_state(entity_id, state, **attributes)
        if "Timer" in attempt.tool and attempt.tool != "HassStartTimer":
            await timers.start(600, name="tea")

        def now() -> Any:
            running = [(t.name, round(timers.left(t)), t.paused) for t in timers.all()]
            return (_plain(house.states()), running, round(speaker.volume, 3), speaker.muted)

        before = now()
        done = await skills.perform(
            Call(attempt.tool, attempt.arguments),
            where=Where("Kitchen"),
            confirmed=attempt.confirmed,
        )
        assert done.error is None and not done.held, done
        assert now() != before, f"it changed nothing: {done}"
        assert done.deeds, "nothing of it is remembered"
        undone = Undone()
        for deed in reversed(done.deeds):
            undone += await deed.undo()
        after = now()
        if attempt.left:
            assert not undone.whole
            assert {left.why for left in undone.left} == {OPENS}
            assert len(undone.left) == len(attempt.left)
            for entity_id in attempt.left:
                assert after[0][entity_id] != before[0][entity_id]
        else:
            assert undone.whole, undone
            assert after[1:] == before[1:]
            for entity_id, (state, attributes) in before[0].items():
                shown = {key: after[0][entity_id][1].get(key) for key in attributes}
                assert (after[0][entity_id][0], shown) == (state, attributes)
        await skills.close()
        await timers.close()


def _plain(states: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """States without what changes by itself, or cannot be seen while something is off."""
    gone = ("media_position", "last_", "battery", "color_mode", "xy_color", "rgb_color")
    kept = {}
    for key, (state, attributes) in states.items():
        shown = {k: v for k, v in attributes.items() if not k.startswith(gone)}
        if state in ("off", "idle"):
            shown = {}
        kept[key] = (state, shown)
    return kept


@pytest.mark.parametrize("handler", acting(), ids=said)
async def test_what_is_r2_or_r3_asks_first(handler: Handler) -> None:
    """By what it declares; what it does to devices is judged at the hands."""
    if handler.tool.risk not in (R2, R3):
        return
    async with House(HOME) as house:
        skills = Skillset(load()[0], house.home, confirm_timeout=0.1)
        before = house.states()
        for entity in [e for e in house.home.entities.values() if handler.serves(e)][:3]:
            arguments = {"name": entity.entity_id, "position": 100}
            done = await skills.perform(Call(handler.name, arguments), where=Where())
            risk = skills._harm(handler, [entity], Call(handler.name, arguments)).risk
            if RISKS.index(risk) >= RISKS.index(R2):
                assert done.ask is not None or done.missing or done.unfit, done
                assert house.states() == before
        await skills.close()


async def test_a_skill_may_say_while_it_runs_how_it_is_undone(tmp_path: Any) -> None:
    folder = tmp_path / "beans"
    folder.mkdir()
    (folder / "skill.py").write_text(BEANS)
    handlers, problems = load([tmp_path])
    assert not problems
    async with House(HOME) as house:
        stores = Stores()
        skills = Skillset(handlers, house.home, services={"store": stores})

        async def say(tool: str, **arguments: Any) -> Any:
            return await skills.perform(Call(f"beans.{tool}", arguments), where=Where())

        first = await say("plant", count=5)
        second = await say("plant", count=2)
        nothing = await say("plant", count=0)
        assert (second.said, nothing.deeds) == ("7", ())
        assert (await second.deeds[0].undo()).whole
        assert (await say("count")).said == "5"
        assert (await first.deeds[0].undo()).whole
        assert (await say("count")).said == "0"
        kept = await say("keep", text="soil")
        assert (await say("kept")).said == "soil"
        assert (await kept.deeds[0].undo()).whole
        assert (await say("kept")).said == "nothing"
        eaten = await say("eat")
        told = worded(await eaten.deeds[0].undo(), "de")
        assert told == "Gegessen ist gegessen."
        await skills.close()


BEANS = '''
from hub.skill import Store, Undo, tool

COUNT = []

def take_out(count: int) -> None:
    """Take beans out."""
    for _ in range(count):
        COUNT.pop()

@tool(phrases=["plant {count} beans"], risk="R1")
def plant(count: int, undo: Undo) -> str:
    """Plant beans."""
    COUNT.extend(range(count))
    if count:
        undo.by(take_out, count=count)
    else:
        undo.nothing()
    return str(len(COUNT))

@tool(phrases=["count the beans"])
def count() -> str:
    """Count beans."""
    return str(len(COUNT))

@tool(phrases=["keep {text}"], risk="R1")
async def keep(text: str, store: Store) -> None:
    """Keep it."""
    await store.put("text", text)

@tool(phrases=["what was kept"])
async def kept(store: Store) -> str:
    """Tell it."""
    return await store.get("text", "nothing")

FINAL = {"en": "Eaten is eaten.", "de": "Gegessen ist gegessen."}

@tool(phrases=["eat them"], risk="R1", final=FINAL)
def eat() -> None:
    """Eat beans."""
'''


def test_an_alarm_is_armed_again_and_never_disarmed() -> None:
    """Alarm systems are not in the simulated home: what would be done."""
    alarm = Entity("alarm_control_panel.a", "Alarm", "alarm_control_panel")
    armed, off = State("armed_night"), State("disarmed")
    assert restoring(alarm, armed, off) == [("alarm_control_panel.alarm_arm_night", {})]
    assert restoring(alarm, off, armed) is None


def test_the_words_for_what_is_left() -> None:
    part = Undone(False, ("Lamp",), (Left("Front Door", OPENS), Left("Fan", AWAY)))
    assert worded(part, "en") == (
        "I could not undo all of it. I left the Front Door as it is now: ask for that itself. "
        "The Fan did not follow."
    )
    assert worded(part, "de").startswith("Ich konnte nicht alles rückgängig machen. Front Door")
    assert worded(Undone(), "en") == "I have undone it."
