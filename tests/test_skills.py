"""Every bundled skill, on the built-in home: what is asked for happens, and is said."""

from __future__ import annotations

import asyncio
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.config import RouterSettings
from hub.dialogue.replies import Replies
from hub.language import FOLDER
from hub.messages import Call
from hub.pipeline import Assistant
from hub.router import Router
from hub.router.phrases import check
from hub.skill import Where
from hub.skillset import Performed, Skillset, load
from tests.fakes import FakeClock, FakeConversation, FakeSpeaker, House

bundled = functools.cache(load)
NOON = FakeClock(datetime(2026, 11, 3, 15, 4, tzinfo=UTC))


@dataclass(frozen=True)
class Case:
    tool: str
    arguments: dict[str, Any]
    says: str
    states: Mapping[str, str] = field(default_factory=dict)
    """Afterwards."""
    attributes: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    """States before."""
    response: str = "default"
    area: str | None = "Kitchen"
    confirmed: bool = False

    def __str__(self) -> str:
        return f"{self.tool} {self.arguments}"


CASES = [
    Case(
        "HassToggle",
        {"name": "Desk Lamp"},
        "The Desk Lamp is on, at 100 percent.",
        {"light.desk_lamp": "on"},
    ),
    # lights
    Case(
        "HassTurnOn",
        {"area": "Kitchen", "domain": "light"},
        "Turned on the lights.",
        {"light.kitchen_ceiling": "on", "light.kitchen_counter": "on", "light.hallway": "off"},
    ),
    Case(
        "HassTurnOff",
        {"name": "Floor Lamp"},
        "Turned off the Floor Lamp.",
        {"light.floor_lamp": "off"},
    ),
    Case(
        "HassLightSet",
        {"name": "floor lamp", "brightness": 40},
        "Set the Floor Lamp to 40 percent.",
        {"light.floor_lamp": "on"},
        {("light.floor_lamp", "brightness"): 102},
    ),
    Case(
        "HassLightSet",
        {"name": "floor lamp", "color": "red"},
        "Set the Floor Lamp to red.",
        attributes={("light.floor_lamp", "rgb_color"): (255, 0, 0)},
    ),
    Case(
        "HassLightSet",
        {"name": "floor lamp", "temperature": 4000},
        "Set the Floor Lamp to 4000 kelvin.",
        attributes={("light.floor_lamp", "color_temp_kelvin"): 4000},
    ),
    Case("HassLightSet", {"name": "floor lamp"}, "To which brightness or colour?"),
    Case(
        "lights.brighter",
        {"name": "floor lamp"},
        "The Floor Lamp is brighter.",
        attributes={("light.floor_lamp", "brightness"): 191},
    ),
    Case(
        "lights.dimmer",
        {"area": "Living Room"},
        "The Floor Lamp is dimmer.",
        {"light.living_room_ceiling": "off"},
        {("light.floor_lamp", "brightness"): 64},
    ),
    Case(
        "lights.dimmer",
        {"name": "Kitchen Counter Light"},
        "The Kitchen Counter Light is off.",
        {"light.kitchen_counter": "off"},
    ),
    # switches
    Case(
        "HassTurnOn",
        {"name": "coffee machine"},
        "Turned on the Coffee Maker.",
        {"switch.coffee_maker": "on"},
    ),
    Case(
        "HassTurnOff",
        {"name": "Printer"},
        "Turned off the Printer.",
        {"switch.printer": "off"},
        given={"switch.printer": "on"},
    ),
    # covers
    Case(
        "HassTurnOn",
        {"name": "bedroom curtains"},
        "Opened the Bedroom Curtains.",
        {"cover.bedroom_curtains": "open"},
    ),
    Case(
        "HassTurnOff",
        {"area": "Living Room", "domain": "cover", "device_class": "blind"},
        "Closed the Living Room Blinds.",
        {"cover.living_room_blinds": "closed"},
        response="cover_device_class",
    ),
    Case(
        "HassSetPosition",
        {"name": "living room blinds", "position": "25"},
        "Moved the Living Room Blinds to 25 percent.",
        attributes={("cover.living_room_blinds", "current_position"): 25},
    ),
    Case("covers.stop", {"name": "living room blinds"}, "Stopped the Living Room Blinds."),
    Case(
        "HassTurnOn",
        {"name": "garage door"},
        "Open the Garage Door?",
        {"cover.garage_door": "closed"},
    ),
    Case(
        "HassTurnOn",
        {"name": "garage door"},
        "Opened the Garage Door.",
        {"cover.garage_door": "open"},
        confirmed=True,
    ),
    # climate
    Case(
        "HassClimateSetTemperature",
        {"area": "living room", "temperature": 21.5},
        "Set the Living Room Thermostat to 21.5 degrees.",
        attributes={("climate.living_room", "temperature"): 21.5},
    ),
    Case(
        "HassClimateSetTemperature",
        {"temperature": 20},
        "Set the Living Room Thermostat to 20 degrees.",
        area="lounge",
    ),
    Case(
        "HassClimateSetTemperature",
        {"name": "bathroom radiator", "temperature": 21},
        "Set the Bathroom Radiator to 21 degrees, but it is off.",
        {"climate.bathroom": "off"},
    ),
    Case(
        "HassClimateSetFanMode",
        {"name": "thermostat", "fan_mode": "high"},
        "Set the fan of the Living Room Thermostat to high.",
        attributes={("climate.living_room", "fan_mode"): "high"},
    ),
    Case(
        "HassTurnOn",
        {"name": "bathroom radiator"},
        "Turned on the Bathroom Radiator.",
        {"climate.bathroom": "heat"},
    ),
    Case(
        "HassTurnOff",
        {"name": "heating"},
        "Turned off the Living Room Thermostat.",
        {"climate.living_room": "off"},
    ),
    Case(
        "climate.set_mode",
        {"name": "thermostat", "mode": "cool"},
        "The Living Room Thermostat is cooling.",
        {"climate.living_room": "cool"},
    ),
    Case(
        "climate.warmer",
        {"area": "living room"},
        "Set the Living Room Thermostat to 21.5 degrees.",
        attributes={("climate.living_room", "temperature"): 21.5},
    ),
    Case(
        "climate.cooler",
        {"name": "thermostat"},
        "Set the Living Room Thermostat to 19.5 degrees.",
        attributes={("climate.living_room", "temperature"): 19.5},
    ),
    # locks
    Case(
        "HassTurnOn",
        {"name": "front door"},
        "Locked the Front Door.",
        {"lock.front_door": "locked"},
        given={"lock.front_door": "unlocked"},
    ),
    Case(
        "HassTurnOff",
        {"name": "front door"},
        "Unlock the Front Door?",
        {"lock.front_door": "locked"},
    ),
    Case(
        "HassTurnOff",
        {"name": "lock.front_door"},
        "Unlocked the Front Door.",
        {"lock.front_door": "unlocked", "lock.side_door": "locked"},
        confirmed=True,
    ),
    Case(
        "locks.lock_all",
        {},
        "Everything is locked.",
        {"lock.front_door": "locked", "lock.side_door": "locked"},
        given={"lock.side_door": "unlocked"},
    ),
    # fans
    Case(
        "HassTurnOn", {"name": "bedroom fan"}, "Turned on the Bedroom Fan.", {"fan.bedroom": "on"}
    ),
    Case(
        "HassTurnOff",
        {"area": "Bathroom", "domain": "fan"},
        "Turned off the fans.",
        {"fan.bathroom": "off"},
        given={"fan.bathroom": "on"},
    ),
    Case(
        "HassFanSetSpeed",
        {"name": "bedroom fan", "percentage": 50},
        "Set the Bedroom Fan to 50 percent.",
        {"fan.bedroom": "on"},
        {("fan.bedroom", "percentage"): 50},
    ),
    Case(
        "HassFanSetSpeed",
        {"name": "bathroom fan", "percentage": 50},
        "Sorry, the Bathroom Fan has no speed to set.",
        {"fan.bathroom": "off"},
    ),
    # media
    Case(
        "HassTurnOn",
        {"name": "telly"},
        "Turned on the Living Room TV.",
        {"media_player.living_room_tv": "idle"},
    ),
    Case(
        "HassTurnOff",
        {"name": "kitchen radio"},
        "Turned off the Kitchen Radio.",
        {"media_player.kitchen_radio": "off"},
    ),
    Case("HassMediaPause", {}, "Nothing is playing."),
    Case(
        "HassMediaPause",
        {},
        "Paused the Kitchen Radio.",
        {"media_player.kitchen_radio": "paused"},
        given={"media_player.kitchen_radio": "playing"},
    ),
    Case(
        "HassMediaUnpause",
        {},
        "Playing on the Kitchen Radio.",
        {"media_player.kitchen_radio": "playing"},
        given={"media_player.kitchen_radio": "paused"},
    ),
    Case(
        "media.go_on",
        {},
        "Playing on the Kitchen Radio.",
        {"media_player.kitchen_radio": "playing"},
        given={"media_player.kitchen_radio": "paused"},
    ),
    Case("media.go_on", {}, "Nothing is paused.", {"media_player.kitchen_radio": "idle"}),
    Case("HassMediaNext", {}, "Playing next.", given={"media_player.kitchen_radio": "playing"}),
    Case(
        "HassMediaPrevious",
        {},
        "Playing previous.",
        given={"media_player.kitchen_radio": "playing"},
    ),
    Case(
        "HassMediaSearchAndPlay",
        {"search_query": "jazz", "name": "kitchen radio"},
        "Playing jazz on the Kitchen Radio.",
        {"media_player.kitchen_radio": "playing"},
        {("media_player.kitchen_radio", "media_title"): "jazz"},
    ),
    Case(
        "HassSetVolume",
        {"name": "kitchen radio", "volume_level": 45},
        "Set the volume of the Kitchen Radio to 45 percent.",
        attributes={("media_player.kitchen_radio", "volume_level"): 0.45},
    ),
    Case(
        "HassSetVolumeRelative",
        {"volume_step": "down"},
        "Changed the volume of the Kitchen Radio.",
        attributes={("media_player.kitchen_radio", "volume_level"): 0.2},
        given={"media_player.kitchen_radio": "playing"},
    ),
    Case("HassSetVolumeRelative", {"volume_step": "down"}, "My volume is 40 percent."),
    Case(
        "HassSetVolumeRelative",
        {"volume_step": 25, "area": "Kitchen"},
        "Changed the volume of the Kitchen Radio.",
        attributes={("media_player.kitchen_radio", "volume_level"): 0.55},
    ),
    Case(
        "media.pause_all",
        {},
        "The Kitchen Radio and the Living Room TV are paused.",
        {"media_player.kitchen_radio": "paused", "media_player.living_room_tv": "paused"},
        given={"media_player.kitchen_radio": "playing", "media_player.living_room_tv": "playing"},
    ),
    Case("media.pause_all", {}, "Nothing is playing."),
    Case(
        "HassMediaPlayerMute",
        {},
        "Muted the Kitchen Radio.",
        attributes={("media_player.kitchen_radio", "is_volume_muted"): True},
        given={"media_player.kitchen_radio": "playing"},
    ),
    Case(
        "HassMediaPlayerUnmute",
        {},
        "The Kitchen Radio can be heard again.",
        attributes={("media_player.kitchen_radio", "is_volume_muted"): False},
        given={"media_player.kitchen_radio": "playing"},
    ),
    Case(
        "media.louder",
        {"name": "kitchen radio"},
        "The Kitchen Radio is louder.",
        attributes={("media_player.kitchen_radio", "volume_level"): 0.4},
    ),
    Case(
        "media.quieter",
        {},
        "The Kitchen Radio is quieter.",
        attributes={("media_player.kitchen_radio", "volume_level"): 0.2},
        given={"media_player.kitchen_radio": "playing"},
    ),
    Case("media.louder", {"name": "TV"}, "Nothing is playing."),
    # vacuum
    Case("HassVacuumStart", {}, "The Robot Vacuum started.", {"vacuum.robot": "cleaning"}),
    Case(
        "HassTurnOn", {"name": "hoover"}, "The Robot Vacuum started.", {"vacuum.robot": "cleaning"}
    ),
    Case(
        "HassVacuumReturnToBase",
        {},
        "The Robot Vacuum is back.",
        {"vacuum.robot": "docked"},
        given={"vacuum.robot": "cleaning"},
    ),
    Case(
        "HassTurnOff",
        {"name": "robot vacuum"},
        "The Robot Vacuum is on its way back.",
        {"vacuum.robot": "docked"},
        given={"vacuum.robot": "cleaning"},
    ),
    Case(
        "HassVacuumCleanArea",
        {"area": "lounge"},
        "The Robot Vacuum is cleaning the lounge.",
        {"vacuum.robot": "cleaning"},
        {("vacuum.robot", "cleaning_areas"): ["living_room"]},
    ),
    Case(
        "vacuum.pause",
        {},
        "The Robot Vacuum is waiting.",
        {"vacuum.robot": "paused"},
        given={"vacuum.robot": "cleaning"},
    ),
    Case("HassLawnMowerStartMowing", {}, "Sorry, there are no lawn mowers."),
    Case("HassLawnMowerDock", {}, "Sorry, there are no lawn mowers."),
    # scenes
    Case(
        "HassTurnOn",
        {"name": "movie time"},
        "Activated Movie Night.",
        {"cover.living_room_blinds": "closed", "media_player.living_room_tv": "idle"},
        response="scene",
    ),
    Case(
        "HassTurnOn",
        {"name": "Morning Routine"},
        "Started Morning Routine.",
        {"switch.coffee_maker": "on", "cover.bedroom_curtains": "open"},
    ),
    # questions
    Case("HassGetState", {"name": "front door"}, "The Front Door is locked."),
    Case("HassGetState", {"name": "front door", "state": "locked"}, "Yes.", response="one_yesno"),
    Case("HassGetState", {"name": "front door", "state": "unlocked"}, "No, it is locked."),
    Case("HassGetState", {"name": "kitchen window", "state": "open"}, "No, it is closed."),
    Case(
        "HassGetState",
        {"name": "kitchen window"},
        "The Kitchen Window is open.",
        given={"binary_sensor.kitchen_window": "on"},
    ),
    Case("HassGetState", {"name": "floor lamp"}, "The Floor Lamp is on, at 50 percent."),
    Case("HassGetState", {"name": "kitchen temperature"}, "The kitchen is 21.5 degrees."),
    Case(
        "HassGetState",
        {"name": "kitchen temperature"},
        "The Kitchen Temperature is not available.",
        given={"sensor.kitchen_temperature": "unavailable"},
    ),
    Case(
        "HassGetState",
        {"name": "front door", "state": "locked"},
        "The Front Door is not available.",
        given={"lock.front_door": "unavailable"},
    ),
    Case(
        "HassGetState", {"name": "bathroom humidity"}, "The humidity in the bathroom is 58 percent."
    ),
    Case(
        "HassGetState", {"domain": "light", "state": "on"}, "Yes, the Floor Lamp.", response="any"
    ),
    Case("HassGetState", {"domain": "light", "state": "on"}, "The Floor Lamp.", response="which"),
    Case("HassGetState", {"domain": "light", "state": "on"}, "1.", response="how_many"),
    Case(
        "HassGetState", {"domain": "light", "state": "on", "area": "Kitchen"}, "No.", response="any"
    ),
    Case("HassGetState", {"domain": "lock", "state": "locked"}, "Yes.", response="all"),
    Case(
        "HassGetState",
        {"domain": "lock", "state": "locked"},
        "No, the Side Door is not locked.",
        given={"lock.side_door": "unlocked"},
        response="all",
    ),
    Case("HassClimateGetTemperature", {}, "The kitchen is 21.5 degrees."),
    Case("HassClimateGetTemperature", {"area": "Living Room"}, "The living room is 21 degrees."),
    Case("HassClimateGetTemperature", {"name": "thermostat"}, "The living room is 21 degrees."),
    Case("HassClimateGetTemperature", {"area": "Garage"}, "There is no thermometer."),
    Case("HassClimateGetTemperature", {"area": "Attic"}, "Sorry, I know no room called Attic."),
    Case("HassClimateGetTemperature", {}, "In which room?", area=None),
    Case("HassGetWeather", {}, "I have no weather station, so I do not know."),
    # clock
    Case("HassGetCurrentTime", {}, "It is 3:04 PM."),
    Case("HassGetCurrentDate", {}, "It is Tuesday, November 3rd."),
    # lists
    Case(
        "HassListAddItem",
        {"item": "milk", "name": "shopping list"},
        "Added milk to the Shopping List.",
        {"todo.shopping_list": "1"},
    ),
    Case(
        "HassShoppingListAddItem",
        {"item": "bread"},
        "Added bread to the Shopping List.",
        {"todo.shopping_list": "1"},
    ),
    Case(
        "HassShoppingListCompleteItem",
        {"item": "caviar"},
        "Caviar is not on the Shopping List.",
    ),
    Case("HassListCompleteItem", {"item": "caviar"}, "Caviar is not on the Shopping List."),
    Case("HassListRemoveItem", {"item": "caviar"}, "Caviar is not on the Shopping List."),
    # everything
    Case(
        "everything.off",
        {},
        "Turn off everything in the whole house?",
        {"light.floor_lamp": "on", "climate.living_room": "heat"},
    ),
    Case(
        "everything.off",
        {"area": "Living Room"},
        "Everything is off.",
        {"light.floor_lamp": "off", "climate.living_room": "heat"},
    ),
    Case(
        "everything.off",
        {"area": "Office"},
        "Everything is off already.",
        {"light.floor_lamp": "on"},
    ),
    Case("lists.needed", {}, "There is nothing like that on your lists."),
    Case("lists.listed", {"item": "milk"}, "No."),
    Case("lists.check_off", {"item": "caviar"}, "Caviar is not on the Shopping List."),
    Case("lists.take_off", {"item": "caviar"}, "Caviar is not on the Shopping List."),
    # what the built-in home has none of: test_understanding_calendar.py has one
    *(
        Case(f"calendar.{name}", {}, "I know no calendar.")
        for name in ("agenda", "coming", "it", "away", "count", "about")
    ),
    Case("questions.whereabouts", {"name": "floor lamp"}, "The Floor Lamp is in the Living Room."),
    Case("questions.rooms", {"floor": "upstairs"}, "The Bedroom, the Office and the Bathroom."),
    Case("questions.forecast", {}, "I have no weather station, so I do not know."),
    # doors, announcements, another colour
    Case(
        "locks.unlock_all",
        {},
        "I unlock one door at a time. Which one: Front Door, Side Door?",
        {"lock.front_door": "locked", "lock.side_door": "locked"},
    ),
    Case("HassBroadcast", {"message": "dinner is ready"}, "Attention please: dinner is ready."),
    Case(
        "lights.another_color",
        {"name": "floor lamp"},
        "Gave the Floor Lamp another colour.",
        attributes={("light.floor_lamp", "rgb_color"): (255, 165, 0)},
    ),
    Case(
        "lights.warmer",
        {"name": "floor lamp"},
        "The Floor Lamp is a warmer white.",
        attributes={("light.floor_lamp", "color_temp_kelvin"): 2100},
    ),
    Case(
        "lights.cooler",
        {"name": "floor lamp"},
        "The Floor Lamp is a cooler white.",
        attributes={("light.floor_lamp", "color_temp_kelvin"): 3300},
    ),
    Case(
        "fans.faster",
        {"name": "bedroom fan"},
        "The Bedroom Fan is faster.",
        attributes={("fan.bedroom", "percentage"): 25},
    ),
    Case("fans.slower", {"name": "bedroom fan"}, "The Bedroom Fan is off."),
    Case("fans.swing", {"name": "bedroom fan"}, "That fan does not swing."),
    Case("fans.hold_still", {"name": "bedroom fan"}, "That fan does not swing."),
    # conversation, volume, help
    Case("HassNevermind", {}, ""),
    Case("conversation.stop", {}, ""),
    Case("conversation.say_again", {}, "It was noon."),
    Case("conversation.thanks", {}, "You're welcome."),
    Case("conversation.undo", {}, "There is nothing that I can undo."),
    Case("conversation.hello", {}, "Hello."),
    Case("volume.set_volume", {"percent": 30}, "My volume is 30 percent."),
    Case(
        "climate.setting",
        {"area": "Bathroom"},
        "The target temperature of the Bathroom Radiator is 23 degrees.",
    ),
    Case("media.playing", {}, "Nothing is playing."),
    Case("media.volume", {}, "My volume is 50 percent."),
    Case(
        "questions.attribute",
        {"name": "floor lamp", "how": "brightness"},
        "The brightness of the Floor Lamp is 50 percent.",
    ),
    Case("volume.louder", {}, "My volume is 60 percent."),
    Case("volume.quieter", {}, "My volume is 40 percent."),
    Case("volume.mute", {}, "I am muted."),
    Case("volume.unmute", {}, "I am back."),
]


async def perform(house: House, case: Case, language: str = "en") -> tuple[Performed, str]:
    services = {"speaker": FakeSpeaker(), "clock": NOON}
    skills = Skillset(bundled()[0], house.home, services=services, confirm_timeout=0.15)
    call = Call(case.tool, case.arguments, case.response)
    done = await skills.perform(
        call,
        where=Where(case.area, language),
        confirmed=case.confirmed,
        conversation=FakeConversation("It was noon."),
    )
    return done, Replies().for_turn([(call, done)], house.home, language)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_is_asked_for_happens_and_is_said(case: Case) -> None:
    async with House() as house:
        for entity_id, state in case.given.items():
            house.devices.set_state(entity_id, state)
        await asyncio.sleep(0)
        _, reply = await perform(house, case)
        assert reply == case.says
        for entity_id, state in case.states.items():
            assert house.state(entity_id) == state, entity_id
        for (entity_id, name), value in case.attributes.items():
            assert house.attribute(entity_id, name) == value, (entity_id, name)


def test_whoever_speaks_german_can_say_what_can_be_said_in_english() -> None:
    """The intents of Home Assistant have German sentences in home-assistant-intents."""
    for handler in bundled()[0]:
        tool = handler.tool
        assert "de" in tool.phrases or "en" not in tool.phrases, handler.name
        assert "de" in tool.confirm or not tool.confirm, handler.name


def _lacking(english: Mapping[str, Any], german: Mapping[str, Any], path: str = "") -> list[str]:
    found = [f"{path}{key}" for key in english if key not in german]
    for key, value in english.items():
        if isinstance(value, dict) and isinstance(german.get(key), dict):
            found += _lacking(value, german[key], f"{path}{key}.")
    return found


def test_nothing_of_what_the_hub_says_is_missing_in_german() -> None:
    english, german = (
        tomllib.loads((FOLDER / f"{code}.toml").read_text(encoding="utf-8"))
        for code in ("en", "de")
    )
    assert _lacking(english, german) == []


GERMAN = [
    ("stell den Bedroom Fan auf 50 Prozent", "Bedroom Fan auf 50 Prozent gestellt."),
    ("starte Good Night", "Good Night aktiviert."),
    ("schick den Staubsauger nach Hause", "Robot Vacuum kehrt zurück."),
    ("mach alles im Living Room aus", "Alles ist aus."),
    ("stell den Thermostat auf kühlen", "Living Room Thermostat ist am Kühlen."),
    ("mir ist kalt", "Living Room Thermostat auf 21,5 Grad gestellt."),
    ("was läuft", "Es läuft gerade nichts."),
    ("schließ alles ab", "Alles ist abgeschlossen."),
    ("wie viel Uhr haben wir", "Es ist 15 Uhr 4."),
    ("hilfe", "Du kannst zum Beispiel sagen"),
]


@pytest.mark.parametrize(("said", "told"), GERMAN)
async def test_skills_in_german(said: str, told: str) -> None:
    async with House() as house:
        services = {"clock": NOON, "speaker": FakeSpeaker()}
        skills = Skillset(bundled()[0], house.home, services=services, confirm_timeout=0.15)
        router = Router(
            house.home,
            skills.specs(),
            model=None,
            settings=RouterSettings(),
            languages=("de",),
        )
        assistant = Assistant(
            home=house.home, router=router, skillset=skills, replies=Replies(), languages=("de",)
        )
        trace = await assistant.say(said, area="Living Room")
        assert trace.reply.text.startswith(told)


def test_every_tool_of_every_skill_is_tried_here() -> None:
    tools = {(handler.skill, handler.name) for handler in bundled()[0]}
    tried = {case.tool for case in CASES} | {"help.help"}
    # Timers need a clock that is moved, and these a home that has such things:
    # test_timers_said.py, test_time_said.py, test_settings_said.py, test_memory_said.py.
    elsewhere = {
        "explain",
        "memory",
        "alarm",
        "alarm_clock",
        "humidifiers",
        "reminders",
        "settings",
        "timers",
    }
    # tests/test_daily_*.py
    elsewhere |= {"arithmetic", "briefing", "calendar", "documents", "lists", "messages"}
    elsewhere |= {"notes", "writing"}
    # tests/test_routines*.py, tests/test_conversations*.py
    elsewhere |= {"manners", "notices", "routines", "suggestions"}
    left = {name for skill, name in tools if skill not in elsewhere}
    assert not left - {"questions.last_event"} - tried


@pytest.mark.parametrize("language", ["en", "de"])
async def test_phrases_are_sentence_templates(language: str) -> None:
    async with House() as house:
        for spec in Skillset(bundled()[0], house.home).specs():
            for phrase in spec.phrases.get(language, ()):
                check(spec, phrase)


async def test_a_list_is_filled_ticked_off_and_emptied() -> None:
    async with House() as house:
        for tool, arguments, items in [
            ("HassShoppingListAddItem", {"item": "milk"}, "1"),
            ("HassListAddItem", {"item": "eggs", "name": "shopping list"}, "2"),
            ("HassShoppingListCompleteItem", {"item": "Milk"}, "1"),
            ("HassListRemoveItem", {"item": "eggs"}, "0"),
        ]:
            done, _ = await perform(house, Case(tool, arguments, ""))
            assert done.outcomes[0].confirmed, tool
            assert house.state("todo.shopping_list") == items


async def test_help_names_what_is_there() -> None:
    async with House() as house:
        _, everywhere = await perform(house, Case("help.help", {}, ""))
        _, bedroom = await perform(house, Case("help.help", {"area": "Bedroom"}, ""))
        _, german = await perform(house, Case("help.help", {"area": "Bedroom"}, ""), "de")
    assert "Kitchen Ceiling Light" in everywhere
    assert "Bedroom Fan" in bedroom
    assert "Kitchen" not in bedroom
    assert "schalte Bedroom Ceiling Light ein" in german


async def test_a_valve_and_a_mower_where_there_are_some() -> None:
    home = {
        "areas": [{"name": "Garden"}],
        "entities": [
            {"id": "valve.water", "name": "Water Valve", "area": "Garden", "features": 7},
            {"id": "lawn_mower.m", "name": "Mower", "area": "Garden"},
            {"id": "siren.alarm", "name": "Alarm", "area": "Garden"},
            {"id": "button.bell", "name": "Bell", "area": "Garden"},
            {
                "id": "weather.home",
                "name": "Weather",
                "state": "sunny",
                "attributes": {"temperature": 21, "temperature_unit": "°C"},
            },
        ],
    }
    steps = [
        (Case("HassTurnOn", {"name": "Water Valve"}, ""), "valve.water", "closed"),  # it asks
        (
            Case("HassTurnOn", {"name": "Water Valve"}, "", confirmed=True),
            "valve.water",
            "open",
        ),
        (
            Case("HassSetPosition", {"name": "Water Valve", "position": 30}, ""),
            "valve.water",
            "open",
        ),
        (Case("HassTurnOff", {"name": "Water Valve"}, ""), "valve.water", "closed"),
        (Case("HassLawnMowerStartMowing", {}, ""), "lawn_mower.m", "mowing"),
        (Case("HassLawnMowerDock", {}, ""), "lawn_mower.m", "docked"),
        (Case("HassTurnOn", {"area": "Garden"}, ""), "siren.alarm", "off"),
        (Case("HassTurnOn", {"name": "Alarm"}, ""), "siren.alarm", "off"),  # it asks
        (Case("HassTurnOn", {"name": "Alarm"}, "", confirmed=True), "siren.alarm", "on"),
        (Case("HassTurnOff", {"name": "Alarm"}, ""), "siren.alarm", "off"),
    ]
    async with House(home) as house:
        for case, entity_id, state in steps:
            await perform(house, case)
            assert house.state(entity_id) == state, case
        done, reply = await perform(house, Case("HassTurnOn", {"name": "Bell"}, ""))
        assert reply == "Pressed the Bell."
        assert done.outcomes[0].confirmed
        _, weather = await perform(house, Case("HassGetWeather", {}, ""))
        assert weather == "21 degrees Celsius and sunny."


@pytest.mark.parametrize(("now", "after"), [(50, 35), (20, 15), (10, 10)])
async def test_a_fan_that_is_to_be_slower_never_gets_faster(now: int, after: int) -> None:
    fan = {"id": "fan.f", "name": "Fan", "state": "on"}
    told = {"percentage": now, "percentage_step": 1}
    async with House({"entities": [{**fan, "attributes": told}]}) as house:
        await perform(house, Case("fans.slower", {"name": "Fan"}, ""))
        assert house.home.state("fan.f").attributes["percentage"] == after


async def test_a_weather_station_without_a_unit_tells_degrees() -> None:
    station = {"id": "weather.home", "name": "Weather", "state": "rainy"}
    async with House({"entities": [{**station, "attributes": {"temperature": 8}}]}) as house:
        _, weather = await perform(house, Case("HassGetWeather", {}, ""), "de")
    assert weather == "8 Grad und regnerisch."


async def test_the_hubs_voice_is_turned_and_muted() -> None:
    async with House() as house:
        speaker = FakeSpeaker()
        skills = Skillset(bundled()[0], house.home, services={"speaker": speaker})
        for tool, arguments in [("volume.set_volume", {"percent": 100}), ("volume.louder", {})]:
            await skills.perform(Call(tool, arguments), where=Where())
        assert speaker.volume == 1.0
        await skills.perform(Call("volume.mute"), where=Where())
        assert speaker.muted
        await skills.perform(Call("conversation.stop"), where=Where())
        assert speaker.stopped == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("HassTurnOn", {"name": "Desk Lamp"}, "Desk Lamp eingeschaltet."),
        ("HassTurnOff", {"name": "Front Door"}, "Front Door aufschließen?"),
        ("HassGetState", {"name": "Front Door", "state": "unlocked"}, "Nein, abgeschlossen."),
        ("HassClimateGetTemperature", {}, "Kitchen: 21,5 Grad."),
        ("HassGetCurrentTime", {}, "Es ist 15 Uhr 4."),
        ("HassGetCurrentDate", {}, "Es ist Dienstag, der 3. November."),
        ("HassMediaPause", {}, "Es läuft gerade nichts."),
        ("everything.off", {"area": "Living Room"}, "Alles ist aus."),
        ("everything.off", {}, "Im ganzen Haus alles ausschalten?"),
    ],
)
async def test_german_is_spoken(tool: str, arguments: dict[str, Any], says: str) -> None:
    async with House() as house:
        _, reply = await perform(house, Case(tool, arguments, ""), "de")
    assert reply == says


@pytest.mark.parametrize("answer", ["yes", "no", "turn on the desk lamp"])
async def test_choosing_a_lock_is_not_yet_a_yes_to_unlocking_it(answer: str) -> None:
    async with House() as house:
        skills = Skillset(bundled()[0], house.home, confirm_timeout=0.15)
        settings = RouterSettings(model=None)
        router = Router(
            house.home, skills.specs(), model=None, settings=settings, languages=("en",)
        )
        await router.prepare()
        assistant = Assistant(home=house.home, router=router, skillset=skills, replies=Replies())
        which = await assistant.say("unlock the door")
        assert which.reply.expects_answer
        asked = await assistant.say("side door")
        assert asked.reply.text == "Unlock the Side Door?"
        assert house.state("lock.side_door") == "locked"
        await assistant.say(answer)
        assert house.state("lock.side_door") == ("unlocked" if answer == "yes" else "locked")
        await assistant.say("yes")
        assert house.state("lock.front_door") == "locked"
