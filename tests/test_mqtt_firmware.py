"""What firmware announces becomes devices: they say how they are, and hear what they are told.

The announcements in `data/mqtt` are as Zigbee2MQTT, Tasmota, ESPHome, Shelly, OpenBeken, Valetudo
and others send them. Each is played on a real broker, and the messages of each command are compared
to the letter.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.devices.mqtt import source as source_module
from hub.devices.mqtt.source import MqttHome
from tests.mqtt import Broker, needs_mosquitto
from tests.test_mqtt_source import Follower

pytestmark = needs_mosquitto

DATA = Path(__file__).parent / "data" / "mqtt"

Message = tuple[str, str]


@dataclass(frozen=True)
class Told:
    """A service call and the messages that have to come of it."""

    service: str
    entity: str
    data: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()


def told(call: str, entity: str, topic: str, payload: str, **data: Any) -> Told:
    return Told(call, entity, data, ((topic, payload),))


@dataclass(frozen=True)
class Case:
    """What a device says after its announcement, what is then to be seen, and what it is told."""

    alive: tuple[Message, ...]
    """It can be reached."""
    says: tuple[Message, ...]
    shows: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: tuple[Told, ...] = ()
    dead: Message | None = None
    """It cannot be reached any more."""


def zigbee(name: str, state: Mapping[str, Any], **rest: Any) -> Case:
    topic = f"zigbee2mqtt/{name}"
    return Case(
        alive=(
            ("zigbee2mqtt/bridge/state", '{"state":"online"}'),
            (f"{topic}/availability", '{"state":"online"}'),
        ),
        says=((topic, json.dumps(state)),),
        dead=(f"{topic}/availability", '{"state":"offline"}'),
        **rest,
    )


LAMP, STRIP = "light.reading_corner_lamp", "light.kitchen_strip"
LAMP_SET = "zigbee2mqtt/Reading corner lamp/set"
TRV_SET = "zigbee2mqtt/Bedroom radiator/set"
AC, AC_TOPIC = "climate.heat_pump_air_conditioner", "heatpump/climate/air_conditioner"
FAN, FAN_TOPIC = "fan.bedroom_fan", "bedroom-fan/fan/bedroom_fan"
DOOR, DOOR_TOPIC = "cover.garage_garage_door", "garage/cover/garage_door"
ROBOT = "valetudo/roborock"
SHELLY = "shellyplus1pm-a8032ab12345"

CASES = {
    "zigbee2mqtt_bulb": zigbee(
        "Reading corner lamp",
        {
            "state": "ON",
            "brightness": 100,
            "color_mode": "color_temp",
            "color_temp": 370,
            "power_on_behavior": "on",
            "linkquality": 105,
        },
        shows={LAMP: "on", "select.reading_corner_lamp_power_on_behavior": "on"},
        attributes={LAMP: {"brightness": 100, "color_mode": "color_temp"}},
        calls=(
            told("light.turn_off", LAMP, LAMP_SET, '{"state":"OFF"}'),
            told(
                "light.turn_on", LAMP, LAMP_SET, '{"state":"ON","brightness":254}', brightness=255
            ),
            told(
                "light.turn_on",
                LAMP,
                LAMP_SET,
                '{"state":"ON","color_temp":250}',
                color_temp_kelvin=4000,
            ),
            told(
                "light.turn_on",
                LAMP,
                LAMP_SET,
                '{"state":"ON","color":{"x":0.701,"y":0.299}}',
                rgb_color=(255, 0, 0),
            ),
        ),
    ),
    "zigbee2mqtt_plug": zigbee(
        "Heater plug",
        {"state": "ON", "power": 1423.5, "energy": 12.3, "voltage": 231, "child_lock": "UNLOCK"},
        shows={
            "switch.heater_plug": "on",
            "sensor.heater_plug_power": "1423.5",
            "sensor.heater_plug_energy": "12.3",
            "lock.heater_plug_child_lock": "unlocked",
        },
        calls=(
            told("switch.turn_off", "switch.heater_plug", "zigbee2mqtt/Heater plug/set", "OFF"),
        ),
    ),
    "zigbee2mqtt_contact": zigbee(
        "Balcony door",
        {"contact": False, "battery": 91},
        shows={"binary_sensor.balcony_door": "on", "sensor.balcony_door_battery": "91"},
        attributes={"binary_sensor.balcony_door": {"device_class": "door"}},
    ),
    "zigbee2mqtt_motion": zigbee(
        "Stairs motion",
        {"occupancy": True, "illuminance": 7},
        shows={
            "binary_sensor.stairs_motion_occupancy": "on",
            "sensor.stairs_motion_illuminance": "7",
        },
    ),
    "zigbee2mqtt_trv": zigbee(
        "Bedroom radiator",
        {
            "local_temperature": 19.5,
            "occupied_heating_setpoint": 21,
            "system_mode": "heat",
            "running_state": "heat",
            "mounted_mode_active": False,
        },
        shows={
            "climate.bedroom_radiator": "heat",
            "binary_sensor.bedroom_radiator_mounted_mode_active": "off",
        },
        attributes={
            "climate.bedroom_radiator": {
                "current_temperature": 19.5,
                "temperature": 21,
                "hvac_action": "heating",
            }
        },
        calls=(
            told(
                "climate.set_temperature",
                "climate.bedroom_radiator",
                f"{TRV_SET}/occupied_heating_setpoint",
                "22.5",
                temperature=22.5,
            ),
            told(
                "climate.set_hvac_mode",
                "climate.bedroom_radiator",
                f"{TRV_SET}/system_mode",
                "heat",
                hvac_mode="heat",
            ),
        ),
    ),
    "zigbee2mqtt_cover": zigbee(
        "Bedroom blind",
        {"state": "OPEN", "position": 40},
        shows={"cover.bedroom_blind": "open"},
        attributes={"cover.bedroom_blind": {"current_position": 40}},
        calls=(
            told(
                "cover.set_cover_position",
                "cover.bedroom_blind",
                "zigbee2mqtt/Bedroom blind/set",
                '{ "position": 70 }',
                position=70,
            ),
            told(
                "cover.close_cover",
                "cover.bedroom_blind",
                "zigbee2mqtt/Bedroom blind/set",
                "CLOSE",
            ),
            told(
                "cover.stop_cover", "cover.bedroom_blind", "zigbee2mqtt/Bedroom blind/set", "STOP"
            ),
        ),
    ),
    "zigbee2mqtt_lock": zigbee(
        "Front door",
        {"state": "LOCK"},
        shows={"lock.front_door": "locked"},
        calls=(told("lock.unlock", "lock.front_door", "zigbee2mqtt/Front door/set", "UNLOCK"),),
    ),
    "zigbee2mqtt_button": zigbee(
        "Bedside button",
        {"action": "double"},
        shows={},
        attributes={"event.bedside_button_action": {"event_type": "double"}},
    ),
    "zigbee2mqtt_scene": Case(
        alive=(("zigbee2mqtt/bridge/state", '{"state":"online"}'),),
        says=(),
        shows={"scene.living_room_lights_2_movie": "unknown"},
        calls=(
            told(
                "scene.turn_on",
                "scene.living_room_lights_2_movie",
                "zigbee2mqtt/Living room lights/set",
                '{ "scene_recall": 2 }',
            ),
        ),
        dead=("zigbee2mqtt/bridge/state", '{"state":"offline"}'),
    ),
    "tasmota_switch": Case(
        alive=(("tele/tasmota_A1B2C3/LWT", "Online"),),
        says=(
            ("tele/tasmota_A1B2C3/STATE", '{"Time":"2024-01-01T12:00:00","POWER":"ON"}'),
            ("tele/tasmota_A1B2C3/HASS_STATE", '{"Version":"9.5.0","RSSI":"76"}'),
        ),
        shows={"switch.coffee_machine": "on", "sensor.coffee_machine_status": "76"},
        calls=(
            told("switch.turn_off", "switch.coffee_machine", "cmnd/tasmota_A1B2C3/POWER", "OFF"),
        ),
        dead=("tele/tasmota_A1B2C3/LWT", "Offline"),
    ),
    "tasmota_light": Case(
        alive=(("tasmota_D4E5F6/tele/LWT", "Online"),),
        says=(
            (
                "tasmota_D4E5F6/tele/STATE",
                '{"POWER":"ON","Dimmer":50,"Color":"255,128,0,0,0","CT":153,"Scheme":0}',
            ),
        ),
        shows={STRIP: "on"},
        attributes={STRIP: {"brightness": 128}},
        calls=(
            # By its announcement, it is switched on by being given a brightness.
            told("light.turn_on", STRIP, "tasmota_D4E5F6/cmnd/Dimmer", "20", brightness_pct=20),
            told("light.turn_off", STRIP, "tasmota_D4E5F6/cmnd/POWER", "OFF"),
        ),
        dead=("tasmota_D4E5F6/tele/LWT", "Offline"),
    ),
    "esphome_climate": Case(
        alive=(("heatpump/status", "online"),),
        says=(
            (f"{AC_TOPIC}/mode/state", "cool"),
            (f"{AC_TOPIC}/current_temperature/state", "25.5"),
            (f"{AC_TOPIC}/target_temperature/state", "23"),
            (f"{AC_TOPIC}/fan_mode/state", "low"),
            (f"{AC_TOPIC}/swing_mode/state", "off"),
            (f"{AC_TOPIC}/action/state", "cooling"),
        ),
        shows={AC: "cool"},
        attributes={
            AC: {
                "current_temperature": 25.5,
                "temperature": 23,
                "fan_mode": "low",
                "hvac_action": "cooling",
            }
        },
        calls=(
            told(
                "climate.set_temperature",
                AC,
                f"{AC_TOPIC}/target_temperature/command",
                "21.0",
                temperature=21,
            ),
            told("climate.set_hvac_mode", AC, f"{AC_TOPIC}/mode/command", "heat", hvac_mode="heat"),
            told("climate.turn_off", AC, f"{AC_TOPIC}/mode/command", "off"),
            told(
                "climate.set_fan_mode", AC, f"{AC_TOPIC}/fan_mode/command", "high", fan_mode="high"
            ),
        ),
        dead=("heatpump/status", "offline"),
    ),
    "esphome_cover": Case(
        alive=(("garage/status", "online"),),
        says=((f"{DOOR_TOPIC}/position/state", "0"), (f"{DOOR_TOPIC}/state", "closed")),
        shows={DOOR: "closed"},
        attributes={DOOR: {"current_position": 0, "device_class": "garage"}},
        calls=(
            told("cover.open_cover", DOOR, f"{DOOR_TOPIC}/command", "OPEN"),
            told(
                "cover.set_cover_position",
                DOOR,
                f"{DOOR_TOPIC}/position/command",
                "30",
                position=30,
            ),
        ),
        dead=("garage/status", "offline"),
    ),
    "esphome_fan": Case(
        alive=(("bedroom-fan/status", "online"),),
        says=(
            (f"{FAN_TOPIC}/state", "ON"),
            (f"{FAN_TOPIC}/speed_level/state", "2"),
            (f"{FAN_TOPIC}/oscillation/state", "oscillate_off"),
        ),
        shows={FAN: "on"},
        attributes={FAN: {"percentage": 66, "oscillating": False}},
        calls=(
            told("fan.turn_off", FAN, f"{FAN_TOPIC}/command", "OFF"),
            told(
                "fan.set_percentage", FAN, f"{FAN_TOPIC}/speed_level/command", "3", percentage=100
            ),
            told(
                "fan.oscillate",
                FAN,
                f"{FAN_TOPIC}/oscillation/command",
                "oscillate_on",
                oscillating=True,
            ),
        ),
        dead=("bedroom-fan/status", "offline"),
    ),
    "esphome_light": Case(
        alive=(("hall/status", "online"),),
        says=(
            (
                "hall/light/night_light/state",
                '{"effect":"None","color_mode":"brightness","state":"ON","color":{},"brightness":90}',
            ),
        ),
        shows={"light.hall_night_light": "on"},
        attributes={"light.hall_night_light": {"brightness": 90}},
        calls=(
            told(
                "light.turn_on",
                "light.hall_night_light",
                "hall/light/night_light/command",
                '{"state":"ON","effect":"Flicker"}',
                effect="Flicker",
            ),
        ),
        dead=("hall/status", "offline"),
    ),
    "shelly_plus": Case(
        alive=((f"{SHELLY}/online", "true"),),
        says=(
            (
                f"{SHELLY}/status/switch:0",
                '{"id":0,"output":true,"apower":2010.4,"voltage":229.1,'
                '"aenergy":{"total":51234.5},"temperature":{"tC":51.3,"tF":124.3}}',
            ),
            (f"{SHELLY}/status/input:0", '{"id":0,"state":false}'),
        ),
        shows={
            "switch.boiler": "on",
            "sensor.boiler_power": "2010.4",
            "sensor.boiler_energy": "51.23",
            "sensor.boiler_temperature": "51.3",
            "binary_sensor.boiler_input": "off",
        },
        calls=(told("switch.turn_off", "switch.boiler", f"{SHELLY}/command/switch:0", "off"),),
        dead=(f"{SHELLY}/online", "false"),
    ),
    "openbeken": Case(
        alive=(("obk2B3C4D5E/connected", "online"),),
        says=(("obk2B3C4D5E/1/get", "1"),),
        shows={"switch.terrace_heater": "on"},
        calls=(told("switch.turn_off", "switch.terrace_heater", "obk2B3C4D5E/1/set", "0"),),
        dead=("obk2B3C4D5E/connected", "offline"),
    ),
    "valetudo": Case(
        alive=((f"{ROBOT}/$state", "ready"),),
        says=(
            (
                f"{ROBOT}/hass/roborock_vacuum/state",
                '{"state":"docked","battery_level":100,"fan_speed":"medium"}',
            ),
        ),
        shows={"vacuum.robby": "docked"},
        attributes={"vacuum.robby": {"fan_speed": "medium"}},
        calls=(
            told(
                "vacuum.start",
                "vacuum.robby",
                f"{ROBOT}/BasicControlCapability/operation/set",
                "START",
            ),
            told(
                "vacuum.return_to_base",
                "vacuum.robby",
                f"{ROBOT}/BasicControlCapability/operation/set",
                "HOME",
            ),
            told(
                "vacuum.set_fan_speed",
                "vacuum.robby",
                f"{ROBOT}/FanSpeedControlCapability/preset/set",
                "max",
                fan_speed="max",
            ),
        ),
        dead=(f"{ROBOT}/$state", "lost"),
    ),
    "humidifier": Case(
        alive=(),
        says=(("airmate/state", '{"power":"ON","target":45,"humidity":38.5,"mode":"sleep"}'),),
        shows={"humidifier.air_humidifier": "on"},
        attributes={
            "humidifier.air_humidifier": {"humidity": 45, "current_humidity": 38.5, "mode": "sleep"}
        },
        calls=(
            told(
                "humidifier.set_humidity",
                "humidifier.air_humidifier",
                "airmate/humidity/set",
                "55",
                humidity=55,
            ),
            told("humidifier.turn_off", "humidifier.air_humidifier", "airmate/set", "OFF"),
        ),
    ),
    "number": Case(
        alive=(),
        says=(("pool/duration", "30"),),
        shows={"number.pool_pump_duration": "30"},
        calls=(
            told(
                "number.set_value", "number.pool_pump_duration", "pool/duration/set", "45", value=45
            ),
        ),
    ),
    "select": Case(
        alive=(),
        says=(("pool/mode", "eco"),),
        shows={"select.pool_mode": "eco"},
        calls=(
            told(
                "select.select_option",
                "select.pool_mode",
                "pool/mode/set",
                "boost",
                option="boost",
            ),
        ),
    ),
    "button": Case(
        alive=(),
        says=(),
        shows={"button.pool_flush": "unknown"},
        calls=(told("button.press", "button.pool_flush", "pool/flush", "GO"),),
    ),
    "siren": Case(
        alive=(),
        says=(("siren/state", '{"state":"OFF"}'),),
        shows={"siren.hall_siren": "off"},
        calls=(
            told("siren.turn_on", "siren.hall_siren", "siren/set", '{"state":"ON"}'),
            told("siren.turn_off", "siren.hall_siren", "siren/set", '{"state":"OFF"}'),
        ),
    ),
    "alarm_panel": Case(
        alive=(),
        says=(("alarmo/state", "disarmed"),),
        shows={"alarm_control_panel.alarm": "disarmed"},
        calls=(
            told(
                "alarm_control_panel.alarm_arm_away",
                "alarm_control_panel.alarm",
                "alarmo/command",
                "ARM_AWAY",
            ),
        ),
    ),
    "water_heater": Case(
        alive=(),
        says=(("ems/dhw", '{"curtemp":48.5,"seltemp":50,"mode":"eco"}'),),
        shows={"water_heater.hot_water": "eco"},
        attributes={"water_heater.hot_water": {"current_temperature": 48.5, "temperature": 50}},
        calls=(
            told(
                "water_heater.set_temperature",
                "water_heater.hot_water",
                "ems/dhw/seltemp",
                "55.0",
                temperature=55,
            ),
            told(
                "water_heater.set_operation_mode",
                "water_heater.hot_water",
                "ems/dhw/mode",
                "performance",
                operation_mode="performance",
            ),
        ),
    ),
    "lawn_mower": Case(
        alive=(),
        says=(("mower/activity", '{"activity":"docked"}'),),
        shows={"lawn_mower.mower": "docked"},
        calls=(
            told("lawn_mower.start_mowing", "lawn_mower.mower", "mower/set", '{"cmd":"start"}'),
            told("lawn_mower.dock", "lawn_mower.mower", "mower/set", '{"cmd":"home"}'),
        ),
    ),
    "valve": Case(
        alive=(),
        says=(("garden/valve", "closed"),),
        shows={"valve.garden_water": "closed"},
        calls=(told("valve.open_valve", "valve.garden_water", "garden/valve/set", "OPEN"),),
    ),
    "text": Case(
        alive=(),
        says=(("doorplate", "Back at five"),),
        shows={"text.doorplate_message": "Back at five"},
        calls=(
            told(
                "text.set_value",
                "text.doorplate_message",
                "doorplate/set",
                "Gone fishing",
                value="Gone fishing",
            ),
        ),
    ),
}


def announcements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_every_announcement_has_its_case() -> None:
    assert {path.stem for path in DATA.glob("*.json")} == set(CASES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Broker:
    return Broker(tmp_path_factory.mktemp("firmware"))


@pytest.fixture
def broker(made: Broker) -> Iterator[Broker]:
    made.start()
    yield made
    made.kill()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "FIRST_WORD", 0.15)
    monkeypatch.setattr(source_module, "QUIET", 0.05)
    monkeypatch.setattr(source_module, "SETTLED", 0.05)


@pytest_asyncio.fixture
async def home(broker: Broker) -> AsyncIterator[Follower]:
    """Over TLS, with a password and a certificate of its own."""
    settings = broker.settings(
        port=broker.cert_port,
        tls=True,
        ca=broker.ca,
        certificate=broker.certificate,
        key=broker.key,
    )
    follower = Follower(MqttHome(settings))
    yield follower
    await follower.close()


@pytest.mark.parametrize("name", CASES)
async def test_a_device_is_there_says_how_it_is_and_does_as_it_is_told(
    broker: Broker, home: Follower, name: str
) -> None:
    case = CASES[name]
    ids = set(case.shows) | set(case.attributes)
    topics = {topic for call in case.calls for topic, _ in call.messages}
    async with broker.devices(*topics) as devices:
        for announced in announcements(name):
            await devices.say(announced["topic"], announced["payload"], retain=True)
        await home.open()
        assert set(home.states) == ids
        if case.alive:
            assert {state for state, _ in home.states.values()} == {"unavailable"}
        for topic, payload in (*case.alive, *case.says):
            await devices.say(topic, payload)
        await home.until(lambda: shown(home, case))

        for call in case.calls:
            domain, service = call.service.split(".")
            await home.source.call_service(domain, service, [call.entity], call.data)
            heard = [await devices.heard() for _ in call.messages]
            assert heard == list(call.messages)

        if case.dead:
            await devices.say(*case.dead)
            await home.until(lambda: {s for s, _ in home.states.values()} == {"unavailable"})
        for announced in announcements(name):
            await devices.say(announced["topic"], "", retain=True)
        await home.until(lambda: not home.states)


def shown(home: Follower, case: Case) -> bool:
    """Whether the device is seen as it is."""
    states = {entity: home.states[entity][0] for entity in case.shows}
    return states == dict(case.shows) and all(
        home.states[entity][1].get(key) == value
        for entity, attributes in case.attributes.items()
        for key, value in attributes.items()
    )


async def test_all_of_them_live_in_one_home(broker: Broker, home: Follower) -> None:
    async with broker.devices() as devices:
        for name in CASES:
            for announced in announcements(name):
                await devices.say(announced["topic"], announced["payload"], retain=True)
        inventory = await home.open()
        expected = {id for case in CASES.values() for id in (*case.shows, *case.attributes)}
        assert {entity.entity_id for entity in inventory.entities} == expected
        assert {area.name for area in inventory.areas} == {
            "Bathroom",
            "Bedroom",
            "Cellar",
            "Hall",
            "Living Room",
        }
        talking = [
            devices.say(topic, payload)
            for case in CASES.values()
            for topic, payload in (*case.alive, *case.says)
        ]
        await asyncio.gather(*talking)
        await home.until(lambda: all(shown(home, case) for case in CASES.values()))


async def test_what_is_no_device_for_a_voice_is_passed_over(
    broker: Broker, home: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    device = {"identifiers": ["x"], "name": "X"}
    others = {
        "device_automation": {"automation_type": "trigger", "topic": "x/action", "type": "press"},
        "update": {"state_topic": "x", "command_topic": "x/update", "name": None},
        "camera": {"topic": "x/image"},
        "device_tracker": {"state_topic": "x/where"},
        "tag": {"topic": "x/tag"},
    }
    async with broker.devices() as devices:
        for kind, config in others.items():
            place = f"homeassistant/{kind}/x/config"
            await devices.say(place, config | {"device": device}, retain=True)
        inventory = await home.open()
    assert not inventory.entities
    assert not caplog.records
