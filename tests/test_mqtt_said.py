"""What people say to the devices of a broker, from `hearth say` to the device and back.

Everything is a process of its own: the hub, a Mosquitto with TLS, passwords and an access list, and
somebody who plays the devices. They announce themselves as real firmware does (`data/mqtt`). The
messages that a sentence leads to are compared to the letter.
"""

from __future__ import annotations

import json
import queue
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from tests.mqtt import PASSWORDS, Broker, needs_mosquitto
from tests.real_home import Hearth, until
from tests.test_mqtt_firmware import (
    AC_TOPIC,
    CASES,
    DOOR_TOPIC,
    FAN_TOPIC,
    LAMP_SET,
    ROBOT,
    SHELLY,
    TRV_SET,
    Case,
    Message,
    announcements,
)

pytestmark = [pytest.mark.slow, needs_mosquitto]

YES, PIN = "yes", "4826"


@dataclass(frozen=True)
class Said:
    """A sentence, the message that has to come of it, and what the device then reports."""

    text: str
    topic: str
    payload: str
    reports: tuple[Message, ...] = ()
    reply: str = ""
    """Some words of the answer."""
    asked: str = ""
    """Some words of the question that comes first, and is answered with yes."""


@dataclass(frozen=True)
class Asked:
    """A question and some words of its answer."""

    text: str
    reply: str


@dataclass(frozen=True)
class Talk:
    """What is said to a device."""

    commands: tuple[Said, ...] = ()
    questions: tuple[Asked, ...] = ()
    """After the commands."""
    later: tuple[tuple[Message, Asked], ...] = ()
    """What changes without the hub, and what is then told."""
    allowed: str = ""
    """What needs an explicit yes, once and for all."""
    place: tuple[str, str] | None = None
    """The room that somebody has put it into."""


def zigbee(name: str, **state: Any) -> tuple[Message, ...]:
    return ((f"zigbee2mqtt/{name}", json.dumps(state)),)


PLUG = "zigbee2mqtt/Heater plug/set"
BLIND = "zigbee2mqtt/Bedroom blind/set"
RED = '{"state":"ON","color":{"x":0.701,"y":0.299}}'
STRIP = "tasmota_D4E5F6"
VALETUDO = f"{ROBOT}/BasicControlCapability/operation/set"
NIGHT = "hall/light/night_light"


def robot(**state: Any) -> tuple[Message, ...]:
    told = {"state": "docked", "battery_level": 100, "fan_speed": "medium", **state}
    return ((f"{ROBOT}/hass/roborock_vacuum/state", json.dumps(told)),)


def strip(power: str, dimmer: int) -> tuple[Message, ...]:
    told = {"POWER": power, "Dimmer": dimmer, "Color": "255,128,0,0,0", "CT": 153, "Scheme": 0}
    return ((f"{STRIP}/tele/STATE", json.dumps(told)),)


TALKS = {
    "zigbee2mqtt_bulb": Talk(
        (
            Said(
                "turn off the reading corner lamp",
                LAMP_SET,
                '{"state":"OFF"}',
                zigbee("Reading corner lamp", state="OFF"),
                "Turned off the Reading corner lamp",
            ),
            Said(
                "set the reading corner lamp to 50 percent",
                LAMP_SET,
                '{"state":"ON","brightness":127}',
                zigbee("Reading corner lamp", state="ON", brightness=127),
                "50 percent",
            ),
            Said(
                "make the reading corner lamp red",
                LAMP_SET,
                RED,
                zigbee(
                    "Reading corner lamp",
                    state="ON",
                    brightness=127,
                    color_mode="xy",
                    color={"x": 0.701, "y": 0.299},
                ),
                "red",
            ),
        ),
        (Asked("is the reading corner lamp on", "Yes"),),
        (
            (
                zigbee("Reading corner lamp", state="OFF")[0],
                Asked("is the reading corner lamp on", "No"),
            ),
        ),
    ),
    "zigbee2mqtt_plug": Talk(
        (Said("turn off the heater plug", PLUG, "OFF", zigbee("Heater plug", state="OFF"), "off"),),
        (Asked("how much power does the heater plug use", "1423.5 watts"),),
        (
            (
                zigbee("Heater plug", state="ON", power=20, energy=12.3)[0],
                Asked("how much power does the heater plug use", "20 watts"),
            ),
        ),
    ),
    "zigbee2mqtt_contact": Talk(
        (),
        (Asked("is the balcony door open", "Yes"),),
        ((zigbee("Balcony door", contact=True)[0], Asked("is the balcony door open", "No")),),
    ),
    "zigbee2mqtt_motion": Talk(
        (),
        (
            Asked("is there somebody on the stairs", "Yes"),
            Asked("what is the stairs illuminance", "7 lux"),
        ),
        (
            (
                zigbee("Stairs motion", occupancy=False, illuminance=12)[0],
                Asked("is there somebody on the stairs", "No"),
            ),
        ),
        place=("binary_sensor.stairs_motion_occupancy", "Stairs"),
    ),
    "zigbee2mqtt_trv": Talk(
        (
            Said(
                "set the bedroom radiator to 22.5 degrees",
                f"{TRV_SET}/occupied_heating_setpoint",
                "22.5",
                zigbee(
                    "Bedroom radiator",
                    local_temperature=19.5,
                    occupied_heating_setpoint=22.5,
                    system_mode="heat",
                    running_state="heat",
                ),
                "22.5",
            ),
        ),
        (Asked("what is the temperature in the bedroom", "19.5 degrees"),),
        (
            (
                zigbee(
                    "Bedroom radiator",
                    local_temperature=21,
                    occupied_heating_setpoint=22.5,
                    system_mode="heat",
                    running_state="idle",
                )[0],
                Asked("what is the temperature in the bedroom", "21 degrees"),
            ),
        ),
    ),
    "zigbee2mqtt_cover": Talk(
        (
            Said(
                "close the bedroom blind",
                BLIND,
                "CLOSE",
                zigbee("Bedroom blind", state="CLOSE", position=0),
                "Closed the Bedroom blind",
            ),
            Said(
                "set the bedroom blind to 70 percent",
                BLIND,
                '{ "position": 70 }',
                zigbee("Bedroom blind", state="OPEN", position=70),
                "70 percent",
            ),
            Said("stop the bedroom blind", BLIND, "STOP", (), "Bedroom blind"),
        ),
        (Asked("is the bedroom blind open", "Yes"),),
        (
            (
                zigbee("Bedroom blind", state="CLOSE", position=0)[0],
                Asked("is the bedroom blind open", "No"),
            ),
        ),
    ),
    "zigbee2mqtt_lock": Talk(
        (
            Said(
                "unlock the front door",
                "zigbee2mqtt/Front door/set",
                "UNLOCK",
                zigbee("Front door", state="UNLOCK"),
                "Unlocked the Front door",
                asked="tell me the PIN",
            ),
            Said(
                "lock the front door",
                "zigbee2mqtt/Front door/set",
                "LOCK",
                zigbee("Front door", state="LOCK"),
                "Locked the Front door",
            ),
        ),
        (Asked("is the front door locked", "Yes"),),
        ((zigbee("Front door", state="UNLOCK")[0], Asked("is the front door locked", "No")),),
        allowed="lock.front_door",
    ),
    "zigbee2mqtt_button": Talk(
        (),
        (Asked("when was the bedside button pressed", "double, just now"),),
        (
            (
                zigbee("Bedside button", action="hold")[0],
                Asked("when was the bedside button pressed", "hold, just now"),
            ),
        ),
    ),
    "zigbee2mqtt_scene": Talk(
        (
            Said(
                "activate the living room lights movie scene",
                "zigbee2mqtt/Living room lights/set",
                '{ "scene_recall": 2 }',
                (),
                "Activated",
                asked="Shall I go on?",
            ),
        ),
    ),
    "tasmota_switch": Talk(
        (
            Said(
                "turn off the coffee machine",
                "cmnd/tasmota_A1B2C3/POWER",
                "OFF",
                (("tele/tasmota_A1B2C3/STATE", '{"POWER":"OFF"}'),),
                "Turned off the Coffee machine",
            ),
        ),
        (Asked("is the coffee machine on", "No"),),
        (
            (
                ("tele/tasmota_A1B2C3/STATE", '{"POWER":"ON"}'),
                Asked("is the coffee machine on", "Yes"),
            ),
        ),
    ),
    "tasmota_light": Talk(
        (
            Said(
                "dim the kitchen strip to 20 percent",
                f"{STRIP}/cmnd/Dimmer",
                "20",
                strip("ON", 20),
                "20 percent",
            ),
            Said(
                "turn off the kitchen strip",
                f"{STRIP}/cmnd/POWER",
                "OFF",
                strip("OFF", 20),
                "Turned off",
            ),
        ),
        (Asked("is the kitchen strip on", "No"),),
        ((strip("ON", 80)[0], Asked("how bright is the kitchen strip", "80 percent")),),
    ),
    "esphome_climate": Talk(
        (
            Said(
                "set the air conditioner to 21 degrees",
                f"{AC_TOPIC}/target_temperature/command",
                "21.0",
                ((f"{AC_TOPIC}/target_temperature/state", "21"),),
                "21 degrees",
            ),
            Said(
                "set the air conditioner to heat",
                f"{AC_TOPIC}/mode/command",
                "heat",
                ((f"{AC_TOPIC}/mode/state", "heat"),),
                "heating",
            ),
            Said(
                "set the fan of the air conditioner to high",
                f"{AC_TOPIC}/fan_mode/command",
                "high",
                ((f"{AC_TOPIC}/fan_mode/state", "high"),),
                "high",
            ),
            Said(
                "turn off the air conditioner",
                f"{AC_TOPIC}/mode/command",
                "off",
                ((f"{AC_TOPIC}/mode/state", "off"),),
                "Turned off",
            ),
        ),
        (Asked("how warm is it in the living room", "25.5 degrees"),),
        (
            (
                (f"{AC_TOPIC}/current_temperature/state", "24"),
                Asked("how warm is it in the living room", "24 degrees"),
            ),
        ),
    ),
    "esphome_cover": Talk(
        (
            Said(
                "open the garage door",
                f"{DOOR_TOPIC}/command",
                "OPEN",
                ((f"{DOOR_TOPIC}/state", "opening"),),
                "Opening the Garage Door",
                asked="tell me the PIN",
            ),
            Said(
                "set the garage door to 30 percent",
                f"{DOOR_TOPIC}/position/command",
                "30",
                ((f"{DOOR_TOPIC}/position/state", "30"), (f"{DOOR_TOPIC}/state", "open")),
                "30 percent",
                asked="tell me the PIN",
            ),
        ),
        (Asked("is the garage door open", "Yes"),),
        (((f"{DOOR_TOPIC}/state", "closed"), Asked("is the garage door open", "No")),),
        allowed="cover.garage_garage_door",
    ),
    "esphome_fan": Talk(
        (
            Said(
                "set the bedroom fan to 100 percent",
                f"{FAN_TOPIC}/speed_level/command",
                "3",
                ((f"{FAN_TOPIC}/speed_level/state", "3"),),
                "100 percent",
            ),
            Said(
                "turn off the bedroom fan",
                f"{FAN_TOPIC}/command",
                "OFF",
                ((f"{FAN_TOPIC}/state", "OFF"),),
                "Turned off the Bedroom fan",
            ),
        ),
        (Asked("is the bedroom fan on", "No"),),
        (((f"{FAN_TOPIC}/state", "ON"), Asked("is the bedroom fan on", "Yes")),),
    ),
    "esphome_light": Talk(
        (
            Said(
                "turn off the night light",
                f"{NIGHT}/command",
                '{"state":"OFF"}',
                ((f"{NIGHT}/state", '{"state":"OFF"}'),),
                "Turned off the Hall Night light",
            ),
        ),
        (Asked("is the night light on", "No"),),
        (
            (
                (f"{NIGHT}/state", '{"color_mode":"brightness","state":"ON","brightness":51}'),
                Asked("how bright is the night light", "20 percent"),
            ),
        ),
    ),
    "shelly_plus": Talk(
        (
            Said(
                "turn off the boiler",
                f"{SHELLY}/command/switch:0",
                "off",
                (
                    (
                        f"{SHELLY}/status/switch:0",
                        '{"id":0,"output":false,"apower":0,"aenergy":{"total":51234.5},'
                        '"temperature":{"tC":40}}',
                    ),
                ),
                "Turned off the Boiler",
            ),
        ),
        (Asked("how much power does the boiler use", "0 watts"),),
        (
            (
                (
                    f"{SHELLY}/status/switch:0",
                    '{"id":0,"output":true,"apower":1999,"aenergy":{"total":51300},'
                    '"temperature":{"tC":41}}',
                ),
                Asked("is the boiler on", "Yes"),
            ),
        ),
    ),
    "openbeken": Talk(
        (
            Said(
                "turn off the terrace heater",
                "obk2B3C4D5E/1/set",
                "0",
                (("obk2B3C4D5E/1/get", "0"),),
                "Turned off the Terrace heater",
            ),
        ),
        (Asked("is the terrace heater on", "No"),),
        ((("obk2B3C4D5E/1/get", "1"), Asked("is the terrace heater on", "Yes")),),
    ),
    "valetudo": Talk(
        (
            Said("start robby", VALETUDO, "START", robot(state="cleaning"), "Robby started"),
            Said(
                "set robby to max",
                f"{ROBOT}/FanSpeedControlCapability/preset/set",
                "max",
                robot(state="cleaning", fan_speed="max"),
                "max",
            ),
            Said("send robby home", VALETUDO, "HOME", robot(state="returning"), "on its way back"),
        ),
        (),
        ((robot(state="docked")[0], Asked("is robby docked", "Yes")),),
    ),
    "humidifier": Talk(
        (
            Said(
                "set the air humidifier to 55 percent",
                "airmate/humidity/set",
                "55",
                (("airmate/state", '{"power":"ON","target":55,"humidity":38.5,"mode":"sleep"}'),),
                "Air humidifier",
            ),
            Said(
                "turn off the air humidifier",
                "airmate/set",
                "OFF",
                (("airmate/state", '{"power":"OFF","target":55,"humidity":38.5,"mode":"sleep"}'),),
                "Turned off the Air humidifier",
            ),
        ),
        (Asked("is the air humidifier on", "No"),),
        (
            (
                (
                    "airmate/state",
                    '{"power":"ON","target":55,"humidity":40,"mode":"sleep"}',
                ),
                Asked("is the air humidifier on", "Yes"),
            ),
        ),
    ),
    "number": Talk(
        (
            Said(
                "set the pool pump duration to 45 minutes",
                "pool/duration/set",
                "45",
                (("pool/duration", "45"),),
                "45",
            ),
        ),
        (Asked("what is the pool pump duration", "45 min"),),
        ((("pool/duration", "60"), Asked("what is the pool pump duration", "60 min")),),
    ),
    "select": Talk(
        (
            Said(
                "set the pool mode to boost",
                "pool/mode/set",
                "boost",
                (("pool/mode", "boost"),),
                "boost",
            ),
        ),
        (Asked("what is the pool mode", "boost"),),
        ((("pool/mode", "winter"), Asked("what is the pool mode", "winter")),),
    ),
    "button": Talk(
        (
            Said(
                "press pool flush",
                "pool/flush",
                "GO",
                (),
                "Pressed the Pool Flush",
                asked="Shall I go on?",
            ),
        ),
    ),
    "siren": Talk(
        (
            Said(
                "turn on the hall siren",
                "siren/set",
                '{"state":"ON"}',
                (("siren/state", '{"state":"ON"}'),),
                "Turned on the Hall siren",
                asked="Hall siren?",
            ),
        ),
        (Asked("is the hall siren on", "Yes"),),
        ((("siren/state", '{"state":"OFF"}'), Asked("is the hall siren on", "No")),),
    ),
    "alarm_panel": Talk(
        (
            Said(
                "arm the alarm",
                "alarmo/command",
                "ARM_AWAY",
                (("alarmo/state", "armed_away"),),
                "armed",
            ),
            Said(
                "disarm the alarm",
                "alarmo/command",
                "DISARM",
                (("alarmo/state", "disarmed"),),
                "off",
                asked="tell me the PIN",
            ),
        ),
        (Asked("is the alarm armed", "The alarm is off"),),
        ((("alarmo/state", "armed_night"), Asked("is the alarm armed", "for the night")),),
        allowed="alarm_control_panel.alarm",
    ),
    "water_heater": Talk(
        (
            Said(
                "set the hot water to 55 degrees",
                "ems/dhw/seltemp",
                "55.0",
                (("ems/dhw", '{"curtemp":48.5,"seltemp":55,"mode":"eco"}'),),
                "55",
            ),
            Said(
                "set the hot water to performance",
                "ems/dhw/mode",
                "performance",
                (("ems/dhw", '{"curtemp":48.5,"seltemp":55,"mode":"performance"}'),),
                "performance",
            ),
        ),
        (Asked("how hot is the hot water", "48.5"),),
        (
            (
                ("ems/dhw", '{"curtemp":51,"seltemp":55,"mode":"performance"}'),
                Asked("how hot is the hot water", "51"),
            ),
        ),
    ),
    "lawn_mower": Talk(
        (
            Said(
                "mow the lawn",
                "mower/set",
                '{"cmd":"start"}',
                (("mower/activity", '{"activity":"mowing"}'),),
                "Mower started",
            ),
            Said(
                "send the mower home",
                "mower/set",
                '{"cmd":"home"}',
                (("mower/activity", '{"activity":"docked"}'),),
                "Mower is on its way back",
            ),
        ),
    ),
    "valve": Talk(
        (
            Said(
                "open the garden water",
                "garden/valve/set",
                "OPEN",
                (("garden/valve", "open"),),
                "Opened the Garden water",
                asked="Garden water?",
            ),
        ),
        (Asked("is the garden water open", "Yes"),),
        ((("garden/valve", "closed"), Asked("is the garden water open", "No")),),
    ),
    "text": Talk(
        (
            Said(
                "set the doorplate message to gone fishing",
                "doorplate/set",
                "gone fishing",
                (("doorplate", "gone fishing"),),
                "gone fishing",
            ),
        ),
        (Asked("what does the doorplate say", "gone fishing"),),
        ((("doorplate", "Asleep"), Asked("what does the doorplate say", "Asleep")),),
    ),
}


@dataclass
class Devices:
    """All devices of the home, on the other side of the broker: over TLS, with a password."""

    broker: Broker
    told: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)
    """What they were told, in order."""
    answers: dict[Message, tuple[Message, ...]] = field(default_factory=dict)
    """What they report when they are told something; what is not there they do not heed."""

    def __enter__(self) -> Devices:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="firmware")
        self._client.username_pw_set("devices", PASSWORDS["devices"])
        self._client.tls_set(str(self.broker.ca), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", self.broker.tls_port)
        self._client.loop_start()
        until("a connection to the broker", self._client.is_connected)
        topics = {said.topic for talk in TALKS.values() for said in talk.commands}
        self._client.subscribe([(topic, 1) for topic in topics])
        return self

    def __exit__(self, *error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: Any, *, retain: bool = False) -> None:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self._client.publish(topic, text, qos=1, retain=retain).wait_for_publish(20)

    def announce(self, name: str) -> None:
        for announced in announcements(name):
            self.say(announced["topic"], announced["payload"], retain=True)

    def withdraw(self, name: str) -> None:
        """Taken out of the home: each announcement is empty."""
        for announced in announcements(name):
            self.say(announced["topic"], "", retain=True)

    def _heard(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        told = message.topic, message.payload.decode()
        self.told.put(told)
        for topic, payload in self.answers.get(told, ()):
            client.publish(topic, payload, qos=1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def devices(broker: Broker) -> Iterator[Devices]:
    with Devices(broker) as devices:
        for name in CASES:
            devices.announce(name)
        yield devices


@pytest.fixture(scope="module")
def hub(
    broker: Broker, devices: Devices, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hearth]:
    hub = Hearth(tmp_path_factory.mktemp("hub"), mqtt=login(broker))
    try:
        assert hub.run("trust", "pin", "set", text=f"{PIN}\n")[0] == 0
        yield hub.start()
    finally:
        hub.stop()


def login(broker: Broker) -> dict[str, Any]:
    user = {"user": "hub", "password": PASSWORDS["hub"], "tls": True, "ca": str(broker.ca)}
    return {"host": "127.0.0.1", "port": broker.tls_port, **user}


def states(hub: Hearth, case: Case) -> dict[str, str]:
    wanted = {*case.shows, *case.attributes}
    return {row["entity_id"]: row["state"] for row in hub.devices() if row["entity_id"] in wanted}


def test_every_firmware_is_spoken_to() -> None:
    assert TALKS.keys() == CASES.keys()
    assert sum(bool(talk.commands) for talk in TALKS.values()) >= 20


@pytest.mark.parametrize("name", CASES)
def test_a_device_does_what_is_said_and_tells_how_it_is(
    hub: Hearth, devices: Devices, name: str
) -> None:
    case, talk = CASES[name], TALKS[name]
    for topic, payload in (*case.alive, *case.says):
        devices.say(topic, payload)
    until("it is seen as it is", lambda: case.shows.items() <= states(hub, case).items())
    until("it is there", lambda: "unavailable" not in states(hub, case).values())
    if talk.place:
        assert hub.run("devices", "area", *talk.place)[0] == 0
    if talk.allowed:
        refused = hub.say(talk.commands[0].text)
        assert "must not be used by voice" in refused["reply"]
        assert hub.run("devices", "allow", talk.allowed)[0] == 0

    for number, said in enumerate(talk.commands):
        devices.answers = {(said.topic, said.payload): said.reports}
        turn = _typed(hub, said.text) if number == 0 else hub.say(said.text)
        assert turn["tier"] in ("phrase", "rules"), turn
        if said.asked:
            assert said.asked in turn["reply"]
            assert devices.told.empty()
            turn = hub.say(PIN if "PIN" in said.asked else YES)
        assert devices.told.get(timeout=5) == (said.topic, said.payload)
        assert devices.told.empty()
        assert said.reply in turn["reply"], turn["reply"]
        if said.reports:
            assert [outcome["confirmed"] for outcome in turn["outcomes"]] == [True]

    for question in talk.questions:
        _is_told(hub, question)
    for (topic, payload), question in talk.later:
        devices.say(topic, payload)
        _is_told(hub, question)
    assert devices.told.empty()

    _is_out_of_reach(hub, devices, case, talk)


def _is_told(hub: Hearth, question: Asked) -> None:
    """What a device reports is on its way for a moment."""
    until(
        f"{question.text}: {question.reply}",
        lambda: question.reply in hub.reply(question.text),
    )


def _is_out_of_reach(hub: Hearth, devices: Devices, case: Case, talk: Talk) -> None:
    """It loses its power, and is named when somebody speaks of it; then it is back."""
    if case.dead is None:
        return
    devices.say(*case.dead)
    until("it is missed", lambda: set(states(hub, case).values()) == {"unavailable"})
    for text in _sentences(talk):
        reply = hub.reply(text)
        if reply.endswith("?"):
            reply = hub.reply(YES)
        elif "tell me the PIN" in reply:
            reply = hub.reply(PIN)
        assert "not available" in reply, (text, reply)
    assert devices.told.empty()
    for topic, payload in case.alive:
        devices.say(topic, payload)
    until("it is back", lambda: "unavailable" not in states(hub, case).values())


def _sentences(talk: Talk) -> list[str]:
    """All that is said to a device and asked about it."""
    return [each.text for each in (*talk.commands, *talk.questions)]


def test_a_device_that_heeds_nothing_is_named(hub: Hearth, devices: Devices) -> None:
    case = CASES["tasmota_switch"]
    for topic, payload in (*case.alive, *case.says):
        devices.say(topic, payload)
    until("it is there", lambda: states(hub, case).get("switch.coffee_machine") == "on")
    devices.answers = {}
    turn = hub.say("turn off the coffee machine")
    assert devices.told.get(timeout=5) == ("cmnd/tasmota_A1B2C3/POWER", "OFF")
    assert turn["reply"] == "Sorry, the Coffee machine did not answer."
    assert hub.reply("is the coffee machine on").startswith("Yes")


def test_a_command_beside_a_hub_that_runs_elsewhere_does_not_throw_it_out(
    hub: Hearth, broker: Broker, devices: Devices, tmp_path: Path
) -> None:
    """It has the same settings and another data folder, as on the next machine."""
    other = Hearth(tmp_path, mqtt=login(broker))
    status, printed = other.run("say", "--json", "is the mower docked")
    assert status == 0, printed
    assert other.run("devices")[0] == 0
    log = (broker.folder / "log").read_text(encoding="utf-8")
    assert "already connected" not in log
    assert "lost the device source" not in hub.output


def test_an_own_broker_that_cannot_start_is_named_and_the_hub_runs(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        hub = Hearth(tmp_path, mqtt={"host": "own", "port": port})
        try:
            hub.start()
            assert f"port {port} is taken by another program" in hub.output
            assert "cannot reach the MQTT broker" in hub.reply("turn on the kitchen light")
            told = " ".join(hub.run("doctor")[1].split())
            assert f"port {port} is taken by another program" in told
            taken.close()
            until("it runs after all", lambda: "own MQTT broker runs" in hub.output)
        finally:
            hub.stop()


def test_what_is_taken_out_of_the_home_is_not_known_any_more(hub: Hearth, devices: Devices) -> None:
    for name in CASES:
        devices.withdraw(name)
    until("they are gone", lambda: not hub.devices(), 40)
    for text in (text for talk in TALKS.values() for text in _sentences(talk)):
        turn = hub.say(text)
        assert not turn["outcomes"], turn
        assert turn["reply"]
    assert devices.told.empty()


def _typed(hub: Hearth, text: str) -> dict[str, Any]:
    """A turn through the command that people type."""
    status, printed = hub.run("say", "--json", text)
    assert status == 0, printed
    turn: dict[str, Any] = json.loads(printed)
    return turn
