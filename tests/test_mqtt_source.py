"""Devices on a real broker become entities, follow what is said, and do what they are told."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import ssl
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import pytest_asyncio

from hub.devices.mqtt import connection
from hub.devices.mqtt import source as source_module
from hub.devices.mqtt.connection import connected
from hub.devices.mqtt.source import MqttHome
from hub.errors import DeviceError
from hub.home import link
from hub.home.model import Home
from hub.messages import StateChange
from hub.ports import Inventory, SourceEntity
from tests.mqtt import Authority, Broker, Devices, free_port, needs_mosquitto

pytestmark = needs_mosquitto

LAMP = {
    "name": "Desk lamp",
    "unique_id": "lamp-1",
    "schema": "json",
    "command_topic": "desk/set",
    "state_topic": "desk",
    "brightness": True,
    "supported_color_modes": ["brightness"],
}
LAMP_PLACE = "homeassistant/light/desk/config"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Broker:
    """Certificates and passwords are made once."""
    return Broker(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def broker(made: Broker) -> Iterator[Broker]:
    """Nothing is retained in it."""
    made.start()
    yield made
    made.kill()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "FIRST_WORD", 0.15)
    monkeypatch.setattr(source_module, "QUIET", 0.05)
    monkeypatch.setattr(source_module, "SETTLED", 0.05)


class Follower:
    """Reads a source as the home does."""

    def __init__(self, source: MqttHome) -> None:
        self.source = source
        self.inventories: list[Inventory] = []
        self.states: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self.changes: deque[StateChange] = deque(maxlen=100)
        self.failure: Exception | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> Inventory:
        changes = self.source.changes()
        self._take(await self.source.inventory())
        self._task = asyncio.create_task(self._follow(changes))
        return self.inventories[-1]

    def _take(self, inventory: Inventory) -> None:
        self.inventories.append(inventory)
        self.states = {e.entity_id: (e.state, e.attributes or {}) for e in inventory.entities}

    async def _follow(self, changes: AsyncIterator[StateChange | Inventory]) -> None:
        try:
            async for news in changes:
                if isinstance(news, Inventory):
                    self._take(news)
                else:
                    self.changes.append(news)
                    self.states[news.entity_id] = news.state, news.attributes
                self._news.set()
        except DeviceError as error:
            self.failure = error
            self._news.set()

    async def until(self, is_so: Callable[[], Any]) -> None:
        async with asyncio.timeout(5):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    async def until_state(self, entity_id: str, state: str) -> None:
        await self.until(lambda: self.states.get(entity_id, ("",))[0] == state)

    def __getitem__(self, entity_id: str) -> SourceEntity:
        return {e.entity_id: e for e in self.inventories[-1].entities}[entity_id]

    async def close(self) -> None:
        await self.source.close()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task


@pytest_asyncio.fixture
async def devices(broker: Broker) -> AsyncIterator[Devices]:
    async with broker.devices("+/set", "+/+/set", "cmnd/#") as playing:
        yield playing


@pytest_asyncio.fixture
async def home(broker: Broker) -> AsyncIterator[Follower]:
    follower = Follower(MqttHome(broker.settings()))
    yield follower
    await follower.close()


# The way to the broker.


async def refusal(broker: Broker, **changes: Any) -> str:
    with pytest.raises(DeviceError) as caught:
        async with connected(broker.settings(**changes), "home"):
            pass
    text = str(caught.value)
    assert "secret" not in text
    return text


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("way", ["tcp", "tls", "certificate", "websockets"])
async def test_every_way_to_a_broker(broker: Broker, version: str, way: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "tcp": {},
        "tls": {"port": broker.tls_port, "tls": True, "ca": broker.ca},
        "certificate": {
            "port": broker.cert_port,
            "tls": True,
            "ca": broker.ca,
            "certificate": broker.certificate,
            "key": broker.key,
        },
        "websockets": {"port": broker.ws_port, "transport": "websockets"},
    }
    async with broker.devices("x") as devices:
        async with connected(broker.settings(version=version, **ways[way]), "home") as client:
            await client.send("x", "hello", expiry=5)
        assert await devices.heard() == ("x", "hello")


async def test_what_is_in_the_way_is_said_with_the_way_out(broker: Broker, tmp_path: Path) -> None:
    tls = {"port": broker.tls_port, "tls": True}
    other = Authority(tmp_path / "other", "Other CA")
    stranger = dict(zip(("certificate", "key"), other.issue("stranger"), strict=True))
    said = {
        "password": await refusal(broker, password="wrong-secret"),
        "older password": await refusal(broker, password="wrong-secret", version="3.1.1"),
        "no password": await refusal(broker, user="", password=""),
        "port": await refusal(broker, port=free_port()),
        "name": await refusal(broker, host="no-such-broker.invalid"),
        "authority": await refusal(broker, **tls),
        "other authority": await refusal(broker, **tls, ca=other.ca),
        "no TLS": await refusal(broker, tls=True, ca=broker.ca),
        "TLS expected": await refusal(broker, port=broker.tls_port),
        "certificate": await refusal(broker, port=broker.cert_port, tls=True, ca=broker.ca),
        "stranger": await refusal(
            broker, port=broker.cert_port, tls=True, ca=broker.ca, **stranger
        ),
        "websockets": await refusal(broker, transport="websockets"),
        "missing": await refusal(broker, tls=True, ca=tmp_path / "none.crt"),
        "no pair": await refusal(
            broker, tls=True, ca=broker.ca, certificate=broker.certificate, key=stranger["key"]
        ),
    }
    expected = {
        "password": "refuses the name 'hub' or its password",
        "older password": "refuses the name 'hub' or its password",
        "no password": "set [mqtt] user and password",
        "port": "nothing listens on that port",
        "name": "no 'no-such-broker.invalid' in this network",
        "authority": "signed by nobody known here: it takes one named with [mqtt] ca",
        "other authority": "it takes another authority than that of [mqtt] ca",
        "no TLS": "does not speak TLS on this port: set tls = false",
        "TLS expected": "expects TLS: set tls = true",
        "certificate": "wants a certificate of the hub: set [mqtt] certificate and key",
        "stranger": "does not accept the hub's certificate (tlsv1 alert unknown ca)",
        "websockets": "takes no websockets on '/mqtt'",
        "missing": "none.crt: there is no such file",
        "no pair": "are not a pair",
    }
    assert {what: text for what, text in said.items() if expected[what] not in text} == {}


async def test_a_certificate_for_another_name_or_that_has_run_out(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for days, began, host, expected in (
        (90, 1, "elsewhere.test", "has a certificate for another name than 'localhost'"),
        (-1, 9, "localhost", "has a certificate that has run out"),
        (90, -2, "localhost", "is not valid yet: is the clock right?"),
    ):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("server", host, days=days, began=began))
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        settings = Broker.settings.__get__(_Nowhere(port))(
            host="localhost", tls=True, ca=authority.ca
        )
        with pytest.raises(DeviceError) as caught:
            async with connected(settings, "home"):
                pass
        assert expected in str(caught.value)
        server.close()


class _Nowhere:
    def __init__(self, port: int) -> None:
        self.port = port


async def test_who_listens_but_is_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TIMEOUT", 0.3)

    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    for answer, expected in ((web, "it is no MQTT broker"), (silent, "does not answer")):
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        settings = Broker.settings.__get__(_Nowhere(server.sockets[0].getsockname()[1]))()
        with pytest.raises(DeviceError, match=expected):
            async with connected(settings, "home"):
                pass
        server.close()


async def test_an_attempt_that_is_given_up_leaves_nothing_behind() -> None:
    here, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        here.set()
        with suppress(OSError):
            await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    settings = Broker.settings.__get__(_Nowhere(server.sockets[0].getsockname()[1]))()
    home = MqttHome(settings)
    trying = asyncio.create_task(home.inventory())
    await here.wait()
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    async with asyncio.timeout(2):
        await gone.wait()
    await home.close()
    server.close()


async def test_the_password_comes_from_where_it_is_kept(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = broker.settings(password="")
    monkeypatch.setenv("MQTT_PASSWORD", "hub-secret")
    async with connected(settings, "home"):
        pass
    # A credential of systemd goes before the environment.
    monkeypatch.setenv("MQTT_PASSWORD", "wrong")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "mqtt-password").write_text("hub-secret\n")
    async with connected(settings, "home"):
        pass


async def test_no_secret_is_ever_logged(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await refusal(broker, password="wrong-secret")
    home = Follower(MqttHome(broker.settings()))
    await home.open()
    await home.close()
    assert "secret" not in caplog.text


async def test_two_may_look_in_beside_a_hub_that_runs(broker: Broker) -> None:
    running = Follower(MqttHome(broker.settings()))
    await running.open()
    guests = [Follower(MqttHome(broker.settings(), session=0)) for _ in range(2)]
    for guest in guests:
        await guest.open()
    for guest in guests:
        await guest.close()
    assert running.failure is None
    other = Follower(MqttHome(broker.settings()))
    await other.open()
    await running.until(lambda: running.failure)
    await running.close()
    await other.close()


# Announcements.


async def test_a_device_that_was_there_and_one_that_comes(home: Follower, devices: Devices) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await devices.say("desk", {"state": "ON", "brightness": 100}, retain=True)
    inventory = await home.open()
    [lamp] = inventory.entities
    assert (lamp.entity_id, lamp.name, lamp.state) == ("light.desk_lamp", "Desk lamp", "on")
    assert lamp.unique_id == "lamp-1"
    assert lamp.attributes and lamp.attributes["brightness"] == 100

    await devices.say(
        "homeassistant/switch/fan/config", {"name": "Fan", "command_topic": "fan/set"}
    )
    await home.until(lambda: "switch.fan" in home.states)
    assert home["switch.fan"].name == "Fan"


async def test_a_state_is_told_when_it_changes_and_only_then(
    home: Follower, devices: Devices
) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    await devices.say("desk", {"state": "ON", "brightness": 10})
    await home.until_state("light.desk_lamp", "on")
    await devices.say("desk", {"state": "ON", "brightness": 10})
    await devices.say(LAMP_PLACE.replace("desk", "other"), LAMP | {"name": "Other"})
    await home.until(lambda: "light.other" in home.states)
    await devices.say("desk", {"state": "OFF"})
    await home.until_state("light.desk_lamp", "off")
    told = [(c.before, c.state) for c in home.changes if c.entity_id == "light.desk_lamp"]
    assert told == [("unknown", "on"), ("on", "off")]


async def test_a_renamed_device_a_changed_one_and_one_that_is_gone(
    home: Follower, devices: Devices
) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    await devices.say("desk", {"state": "ON", "brightness": 10})
    await home.until_state("light.desk_lamp", "on")
    await devices.say(LAMP_PLACE, LAMP | {"name": "Reading lamp"}, retain=True)
    await home.until(lambda: "light.reading_lamp" in home.states)
    # What is known of it is not forgotten over that, though it was not retained.
    assert home.states["light.reading_lamp"][0] == "on"
    assert "light.desk_lamp" not in home.states
    await devices.say(LAMP_PLACE, "", retain=True)
    await home.until(lambda: not home.states)


async def test_two_hundred_announcements_are_told_at_once(home: Follower, devices: Devices) -> None:
    await home.open()
    for number in range(200):
        place = f"homeassistant/switch/s{number}/config"
        await devices.say(place, {"name": f"S {number}", "command_topic": f"s/{number}"})
    await home.until(lambda: len(home.states) == 200)
    assert len(home.inventories) <= 1 + 4


BATHROOM = {
    "dev": {"ids": "0x01", "name": "Bathroom", "sa": "Bad oben"},
    "o": {"name": "firmware", "sw": "1.0"},
    "~": "home/bath",
    "stat_t": "~",
    "avty": [{"t": "~/alive"}, {"t": "bridge/~", "pl_avail": "up", "pl_not_avail": "down"}],
    "avty_mode": "all",
    "cmps": {
        "fan": {"p": "switch", "name": None, "cmd_t": "~/set", "val_tpl": "{{ value_json.fan }}"},
        "t": {
            "p": "sensor",
            "dev_cla": "temperature",
            "unit_of_meas": "°C",
            "val_tpl": "{{ value_json.t }}",
            "uniq_id": "0x01_t",
        },
        "rssi": {"p": "sensor", "name": "RSSI", "ent_cat": "diagnostic", "val_tpl": "{{ 1 }}"},
        "off": {"p": "switch", "name": "Spare", "cmd_t": "~/spare", "en": False},
        "gone": {"p": "sensor"},
    },
}


async def test_a_device_announces_all_its_entities_at_once(
    home: Follower, devices: Devices
) -> None:
    await devices.say("homeassistant/device/node/bath/config", BATHROOM, retain=True)
    inventory = await home.open()
    assert {e.entity_id: (e.name, e.area, e.exposed) for e in inventory.entities} == {
        "switch.bathroom": ("Bathroom", "bad_oben", True),
        "sensor.bathroom_temperature": ("Bathroom Temperature", "bad_oben", True),
        "sensor.bathroom_rssi": ("Bathroom RSSI", "bad_oben", False),
    }
    assert [(a.area_id, a.name) for a in inventory.areas] == [("bad_oben", "Bad oben")]
    assert home["sensor.bathroom_temperature"].unique_id == "0x01_t"
    assert home.states["switch.bathroom"][0] == "unavailable"

    await devices.say("home/bath/alive", "online")
    await devices.say("home/bath", {"fan": "ON", "t": 21.5})
    await devices.say("bridge/home/bath", "up")
    await home.until_state("switch.bathroom", "on")
    assert home.states["sensor.bathroom_temperature"][0] == "21.5"
    await devices.say("bridge/home/bath", "down")
    await home.until_state("switch.bathroom", "unavailable")

    without = {key: part for key, part in BATHROOM["cmps"].items() if key != "t"}  # type: ignore[attr-defined]
    await devices.say("homeassistant/device/node/bath/config", BATHROOM | {"cmps": without})
    await home.until(lambda: "sensor.bathroom_temperature" not in home.states)
    assert "switch.bathroom" in home.states


@pytest.mark.parametrize(
    ("mode", "said", "state"),
    [
        ("all", {"a": "online"}, "unavailable"),
        ("all", {"a": "online", "b": "online"}, "unknown"),
        ("any", {"a": "offline"}, "unavailable"),
        ("any", {"a": "offline", "b": "online"}, "unknown"),
        ("latest", {"a": "online", "b": "offline"}, "unavailable"),
        ("latest", {"a": "offline", "b": "online"}, "unknown"),
    ],
)
async def test_when_a_device_counts_as_reachable(
    home: Follower, devices: Devices, mode: str, said: dict[str, str], state: str
) -> None:
    sources = [{"topic": "a"}, {"topic": "b", "value_template": "{{ value_json.s }}"}]
    config = {"name": "X", "command_topic": "x/set", "state_topic": "x"}
    config |= {"availability": sources, "availability_mode": mode}  # type: ignore[dict-item]
    await devices.say("homeassistant/switch/x/config", config, retain=True)
    await home.open()
    for topic, word in said.items():
        await devices.say(topic, word if topic == "a" else {"s": word})
    await devices.say("homeassistant/switch/y/config", {"name": "Y", "command_topic": "y/set"})
    await home.until(lambda: "switch.y" in home.states)
    assert home.states["switch.x"][0] == state


async def test_names_and_ids_are_home_assistants(home: Follower, devices: Devices) -> None:
    device = {"identifiers": ["d"], "name": "Küche"}
    for number, config in enumerate(
        [
            {"name": "Deckenlicht", "device": device},
            {"name": "Küche Steckdose", "device": device},
            {"name": None, "device": device},
            {"name": "Küche", "device": device},
            {"name": "Alone"},
            {"name": "Words", "object_id": "given_words"},
            {"name": "Words", "default_entity_id": "switch.newer"},
            {"name": "照明", "device": {"identifiers": ["e"], "name": "居間"}},
        ]
    ):
        place = f"homeassistant/switch/n{number}/config"
        await devices.say(place, config | {"command_topic": "x"}, retain=True)
    inventory = await home.open()
    assert {e.entity_id: e.name for e in inventory.entities} == {
        "switch.kuche_deckenlicht": "Küche Deckenlicht",
        "switch.kuche_kuche_steckdose": "Küche Steckdose",
        "switch.kuche": "Küche",
        "switch.kuche_2": "Küche",
        "switch.alone": "Alone",
        "switch.given_words": "Words",
        "switch.newer": "Words",
        "switch.n7": "居間 照明",
    }


async def test_what_the_hub_announces_for_others_is_no_device_of_its_home(
    home: Follower, devices: Devices
) -> None:
    """Nor what another hub does, whose topics begin otherwise."""
    mute = {"command_topic": "upstairs/v1/mute/set", "unique_id": "hearth_0a1b2c3d_mute"}
    mute["device"] = {"identifiers": ["hearth_0a1b2c3d"], "name": "Hearth"}  # type: ignore[assignment]
    await devices.say("homeassistant/switch/hearth_0a1b2c3d/mute/config", mute, retain=True)
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    inventory = await home.open()
    assert [e.entity_id for e in inventory.entities] == ["light.desk_lamp"]


async def test_a_device_that_would_give_orders_to_the_hub_is_refused(
    home: Follower, devices: Devices, caplog: pytest.LogCaptureFixture
) -> None:
    lamp = {**LAMP, "command_topic": "hearth/v1/say"}
    await devices.say(LAMP_PLACE, lamp, retain=True)
    inventory = await home.open()
    assert not inventory.entities
    assert "hearth/v1/say is a topic of the hub's own" in caplog.text


LOCK = {"name": "Back door", "command_topic": "z/Back door/set", "state_topic": "z/Back door"}
LOCK_PLACE = "homeassistant/lock/back/config"


@pytest.mark.parametrize("first", ["lock", "light"])
@pytest.mark.parametrize("topic", ["z/Back door/set", "z/Back door/set/state", "z/Back door"])
async def test_a_lamp_on_the_topic_of_a_lock_is_guarded_as_the_lock_is(
    broker: Broker, devices: Devices, first: str, topic: str
) -> None:
    home = Home()
    said = {
        LOCK_PLACE: LOCK,
        "homeassistant/switch/party/config": {"name": "Party", "command_topic": topic},
        "homeassistant/switch/other/config": {"name": "Other", "command_topic": "z/Other/set"},
    }
    in_order = list(said) if first == "lock" else list(reversed(said))
    for place in in_order[:-1]:
        await devices.say(place, said[place], retain=True)
    await home.connect([MqttHome(broker.settings())])
    home.renamed.clear()
    await devices.say(in_order[-1], said[in_order[-1]], retain=True)
    async with asyncio.timeout(5):
        await home.renamed.wait()
    try:
        barred = {key for key, entity in home.entities.items() if entity.barred}
        assert barred == {"lock.back_door", "switch.party"}
        # What a lock itself asks about is told by what it is.
        asked = {key for key, entity in home.entities.items() if entity.guarded}
        assert asked == {"switch.party"}
        assert "switch.other" in home.entities
    finally:
        await home.close()


async def test_a_child_lock_bars_nothing_else(home: Follower, devices: Devices) -> None:
    radiator = "z/Radiator/set"
    lock = {**LOCK, "name": "Radiator child lock", "command_topic": radiator}
    await devices.say(LOCK_PLACE, lock, retain=True)
    switch = {"name": "Radiator boost", "command_topic": radiator}
    await devices.say("homeassistant/switch/boost/config", switch, retain=True)
    await home.open()
    assert home["switch.radiator_boost"].guarded is None


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
async def test_two_of_one_name_have_the_same_ids_in_whichever_order_they_come(
    broker: Broker, devices: Devices, order: tuple[str, str]
) -> None:
    """In the order in which they came the first time."""
    kept: dict[str, str] = {"switch one": "switch.plug", "switch two": "switch.plug_2"}
    home = Follower(MqttHome(broker.settings(), ids=kept, keep_ids=kept.update))
    for key in order:
        config = {"name": "Plug", "unique_id": key, "command_topic": f"{key}/set"}
        await devices.say(f"homeassistant/switch/{key}/config", config, retain=True)
        if key == order[0]:
            await home.open()
    await home.until(lambda: len(home.states) == 2)
    found = {e.unique_id: e.entity_id for e in home.inventories[-1].entities}
    assert found == {"one": "switch.plug", "two": "switch.plug_2"}
    await home.close()


async def test_an_id_is_told_to_be_kept_and_its_owner_may_come_back(
    broker: Broker, devices: Devices
) -> None:
    kept: dict[str, str] = {}
    home = Follower(MqttHome(broker.settings(), keep_ids=kept.update))
    places = {key: f"homeassistant/switch/{key}/config" for key in ("one", "two")}
    configs = {
        key: {"name": "Plug", "unique_id": key, "command_topic": f"{key}/set"} for key in places
    }
    await devices.say(places["one"], configs["one"], retain=True)
    await home.open()
    await devices.say(places["two"], configs["two"], retain=True)
    await home.until(lambda: len(home.states) == 2)
    assert kept == {"switch one": "switch.plug", "switch two": "switch.plug_2"}
    await devices.say(places["one"], "", retain=True)
    await home.until(lambda: set(home.states) == {"switch.plug_2"})
    await devices.say(places["one"], configs["one"], retain=True)
    await home.until(lambda: set(home.states) == {"switch.plug", "switch.plug_2"})
    await home.close()


@pytest.mark.parametrize(
    ("place", "payload", "why"),
    [
        ("light/bad", "{", "it is not JSON"),
        ("light/bad", "[1]", "no object with keys"),
        ("light/bad", b"\xff\xfe", "it is not UTF-8 text"),
        ("light/bad", "[" * 100_000, "nested too deeply"),
        (
            "light/bad",
            '{"schema": "json", "command_topic": 5}',
            "command_topic: a topic is expected",
        ),
        ("light/bad", '{"schema": "json", "command_topic": "a/+/b"}', "wildcard"),
        ("light/bad", '{"availability": "yes"}', "availability"),
        ("sensor/bad", '{"state_topic": "a", "expire_after": NaN}', "NaN is no number"),
        ("device/bad", '{"device": {"name": "x"}}', "components"),
        ("device/bad", '{"cmps": {"a": {"p": 3}}}', "component 'a': platform"),
        ("light/bad", '{"x": "' + "y" * 200_000 + '"}', "200009 bytes are too many"),
    ],
)
async def test_a_bad_announcement_is_named_and_costs_nothing_else(
    home: Follower,
    devices: Devices,
    caplog: pytest.LogCaptureFixture,
    place: str,
    payload: str | bytes,
    why: str,
) -> None:
    await home.open()
    topic = f"homeassistant/{place}/config"
    await devices.say(topic, payload)
    await devices.say(LAMP_PLACE, LAMP)
    await home.until(lambda: home.states)
    assert list(home.states) == ["light.desk_lamp"]
    [line] = [r.getMessage() for r in caplog.records if topic in r.getMessage()]
    assert why in line
    assert len(line) < 500


async def test_a_bad_announcement_leaves_what_the_device_was(
    home: Follower, devices: Devices
) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    await devices.say(LAMP_PLACE, LAMP | {"command_topic": 1}, retain=True)
    await devices.say("desk", {"state": "ON"})
    await home.until_state("light.desk_lamp", "on")


async def test_complaints_cannot_fill_the_log(
    home: Follower, devices: Devices, caplog: pytest.LogCaptureFixture
) -> None:
    await home.open()
    for number in range(100):
        await devices.say(f"homeassistant/light/b{number}/config", "nonsense\x1b[31m\nFAKE LINE")
    await devices.say(LAMP_PLACE, LAMP)
    await home.until(lambda: home.states)
    lines = [r.getMessage() for r in caplog.records]
    assert 0 < len(lines) <= 15
    assert not any("\x1b" in line or "\n" in line for line in lines)


async def test_a_device_that_reports_nothing_and_is_announced_anew(
    home: Follower, devices: Devices
) -> None:
    config = {"name": None, "command_topic": "s/set", "device": {"ids": ["s"], "name": "S"}}
    await devices.say("homeassistant/switch/s/config", config, retain=True)
    await home.open()
    await home.source.call_service("switch", "turn_on", ["switch.s"], {})
    await home.until_state("switch.s", "on")
    newer = config | {"device": {"ids": ["s"], "name": "S", "sw": "2.0"}, "name": "Socket"}
    await devices.say("homeassistant/switch/s/config", newer, retain=True)
    await home.until(lambda: "switch.s_socket" in home.states)
    assert home.states["switch.s_socket"][0] == "on"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_ten_megabytes_are_refused(
    broker: Broker, devices: Devices, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    home = Follower(MqttHome(broker.settings(version=version)))
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    await devices.say("desk", "x" * 10_000_000)
    await devices.say("homeassistant/light/huge/config", "x" * 10_000_000)
    await devices.say("desk", {"state": "ON"})
    await home.until_state("light.desk_lamp", "on")
    # With MQTT 5 the broker does not even send them.
    came = "a message of 10000000 bytes on desk is refused" in caplog.text
    assert came == (version == "3.1.1")
    await home.close()


async def test_a_message_that_makes_no_sense_changes_nothing(
    home: Follower, devices: Devices, caplog: pytest.LogCaptureFixture
) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    await devices.say("desk", {"state": "ON"})
    await home.until_state("light.desk_lamp", "on")
    await devices.say("desk", b"\xff")
    await devices.say("desk", "not json")
    await devices.say("desk", {"state": "OFF"})
    await home.until_state("light.desk_lamp", "off")
    assert [c.state for c in home.changes] == ["on", "off"]
    assert "a message on desk" in caplog.text


async def test_a_sensor_without_news_and_a_motion_that_is_over(
    home: Follower, devices: Devices
) -> None:
    sensor = {"name": "T", "state_topic": "t", "expire_after": 0.2}
    motion = {"name": "M", "state_topic": "m", "off_delay": 0.1, "device_class": "motion"}
    await devices.say("homeassistant/sensor/t/config", sensor, retain=True)
    await devices.say("homeassistant/binary_sensor/m/config", motion, retain=True)
    await home.open()
    await devices.say("t", "20")
    await devices.say("m", "ON")
    await home.until_state("binary_sensor.m", "on")
    await home.until_state("binary_sensor.m", "off")
    await home.until_state("sensor.t", "unavailable")
    await devices.say("t", "20")
    await home.until_state("sensor.t", "20")


# Commands.


async def test_a_command_and_its_answer(home: Follower, devices: Devices) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    await home.source.call_service("light", "turn_on", ["light.desk_lamp"], {"brightness_pct": 50})
    topic, payload = await devices.heard()
    assert (topic, json.loads(payload)) == ("desk/set", {"state": "ON", "brightness": 128})
    assert home.states["light.desk_lamp"][0] == "unknown"  # It has not said so yet.
    await devices.say("desk", json.loads(payload))
    await home.until_state("light.desk_lamp", "on")


async def test_what_a_device_reports_after_a_command_is_known_at_once(
    home: Follower, devices: Devices
) -> None:
    """TCP would have the broker keep it back for 40 ms."""
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    took = []
    for brightness in range(1, 22):
        data = {"brightness": brightness}
        await home.source.call_service("light", "turn_on", ["light.desk_lamp"], data)
        await devices.heard()
        began = time.monotonic()
        await devices.say("desk", {"state": "ON"} | data, qos=0)
        await home.until(lambda d=data: d.items() <= home.states["light.desk_lamp"][1].items())  # type: ignore[misc]
        took.append(time.monotonic() - began)
    assert sorted(took)[len(took) // 2] < 0.03


async def test_a_group_is_asked_at_once_and_who_cannot_is_named(
    home: Follower, devices: Devices
) -> None:
    for number in range(5):
        config = {"name": f"S{number}", "command_topic": f"s{number}/set"}
        if number == 3:
            config["availability_topic"] = "never"
        await devices.say(f"homeassistant/switch/s{number}/config", config, retain=True)
    await home.open()
    ids = [f"switch.s{number}" for number in range(5)]
    await home.source.call_service("switch", "turn_on", ids, {})
    heard = [await devices.heard() for _ in range(4)]
    assert heard == [(f"s{number}/set", "ON") for number in (0, 1, 2, 4)]
    # Nothing will come from them: their state is what they were told.
    await home.until_state("switch.s4", "on")

    with pytest.raises(DeviceError, match=r"switch\.s0: switch\.explode"):
        await home.source.call_service("switch", "explode", ["switch.s0"], {})
    with pytest.raises(DeviceError, match=r"there is no entity switch\.nowhere"):
        await home.source.call_service("switch", "turn_on", ["switch.nowhere"], {})
    with pytest.raises(DeviceError, match=r"light\.turn_on is not for switch\.s0"):
        await home.source.call_service("light", "turn_on", ["switch.s0"], {})


async def test_a_device_whose_bridge_does_not_run(home: Follower, broker: Broker) -> None:
    async with broker.devices() as devices:
        await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    with pytest.raises(DeviceError, match=r"light\.desk_lamp: nobody listens on desk/set"):
        await home.source.call_service("light", "turn_on", ["light.desk_lamp"], {})


async def test_a_command_is_never_retained_and_expires(broker: Broker, home: Follower) -> None:
    config = {"name": "S", "command_topic": "s/set"}
    async with broker.devices() as devices:
        await devices.say("homeassistant/switch/s/config", config, retain=True)
    await home.open()
    async with aiomqtt.Client(
        "127.0.0.1",
        broker.port,
        username="devices",
        password="dev-secret",
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as device:
        await device.subscribe("s/set", qos=1)
        await home.source.call_service("switch", "turn_on", ["switch.s"], {})
        async with asyncio.timeout(5):
            message = await anext(aiter(device.messages))
    assert (message.qos, message.retain) == (1, False)
    assert message.properties.MessageExpiryInterval <= source_module.EXPIRY  # type: ignore[union-attr]


async def test_a_broker_that_does_not_let_a_command_pass(broker: Broker, devices: Devices) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    home = Follower(MqttHome(broker.settings(user="guest", password="guest-secret")))
    await home.open()
    with pytest.raises(DeviceError, match=r"does not let 'guest' publish on desk/set: .*ACL"):
        await home.source.call_service("light", "turn_on", ["light.desk_lamp"], {})
    await home.close()


# A broker that goes and comes.


async def test_a_broker_that_dies_ends_the_changes_and_commands_fail_at_once(
    broker: Broker, home: Follower
) -> None:
    async with broker.devices() as devices:
        await devices.say(LAMP_PLACE, LAMP, retain=True)
        await devices.say("desk", {"state": "ON"}, retain=True)
        await home.open()
    broker.kill()
    await home.until(lambda: home.failure)
    assert "broke off the connection" in str(home.failure)
    began = time.monotonic()
    with pytest.raises(DeviceError, match="no connection to the MQTT broker"):
        await home.source.call_service("light", "turn_on", ["light.desk_lamp"], {})
    assert time.monotonic() - began < 0.1
    with pytest.raises(DeviceError, match="nothing listens"):
        await home.open()

    broker.start()
    # The broker has forgotten everything. The device is still there, and says so again soon; what
    # it was before the broker went is nothing to answer with.
    await home.open()
    assert home.states["light.desk_lamp"][0] == "unknown"
    async with broker.devices("desk/set") as devices:
        await devices.say("desk", {"state": "OFF"})
        await home.until_state("light.desk_lamp", "off")
        await home.source.call_service("light", "turn_on", ["light.desk_lamp"], {})
        # The one that failed is not sent as well.
        assert await devices.heard() == ("desk/set", '{"state":"ON"}')
        await devices.say("desk/set", "the end")
        assert await devices.heard() == ("desk/set", "the end")


async def test_a_broker_that_dies_in_the_middle_of_a_command(
    broker: Broker, home: Follower, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    broker.freeze()
    asking = asyncio.create_task(
        home.source.call_service("light", "turn_on", ["light.desk_lamp"], {})
    )
    await asyncio.sleep(0.05)
    began = time.monotonic()
    broker.kill()
    with pytest.raises(DeviceError):
        await asking
    assert time.monotonic() - began < 1
    await home.until(lambda: home.failure)


async def test_a_command_that_is_not_acknowledged_is_never_sent_later(
    broker: Broker, home: Follower, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "ACKNOWLEDGED", 0.2)
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    await home.open()
    broker.freeze()
    with pytest.raises(DeviceError, match="did not acknowledge"):
        await home.source.call_service("light", "turn_on", ["light.desk_lamp"], {})
    await home.until(lambda: home.failure)
    broker.freeze(False)
    await home.open()
    await home.source.call_service("light", "turn_off", ["light.desk_lamp"], {})
    heard = [await devices.heard()]
    # What the frozen broker had already received cannot be called back.
    if heard == [("desk/set", '{"state":"ON"}')]:
        heard = [await devices.heard()]
    assert heard == [("desk/set", '{"state":"OFF"}')]


async def test_what_was_said_while_the_hub_was_away_is_not_lost(
    broker: Broker, devices: Devices
) -> None:
    await devices.say(LAMP_PLACE, LAMP, retain=True)
    first = Follower(MqttHome(broker.settings()))
    await first.open()
    await first.close()
    await devices.say("desk", {"state": "ON"})  # Not retained: the session keeps it.
    second = Follower(MqttHome(broker.settings()))
    await second.open()
    assert second.states["light.desk_lamp"][0] == "on"
    await second.close()


async def test_a_device_that_was_taken_out_meanwhile_is_forgotten(
    broker: Broker, home: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "LOYALTY", 0.2)
    async with broker.devices() as devices:
        await devices.say(LAMP_PLACE, LAMP, retain=True)
        await home.open()
    broker.kill()
    await home.until(lambda: home.failure)
    broker.start()
    await home.open()
    assert "light.desk_lamp" in home.states
    await home.until(lambda: not home.states)


async def test_a_home_takes_the_broker_up_again(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(link, "LONGEST_PAUSE", 0.1)
    async with broker.devices() as devices:
        await devices.say(LAMP_PLACE, LAMP, retain=True)
        await devices.say("desk", {"state": "ON"}, retain=True)
        home = Home()
        await home.connect([MqttHome(broker.settings())])

    async def until(state: str) -> None:
        news = asyncio.Event()
        stop = home.watch(lambda change: news.set())
        async with asyncio.timeout(5):
            while home.state("light.desk_lamp").state != state:
                await news.wait()
                news.clear()
        stop()

    await until("on")
    broker.kill()
    await until("unavailable")
    trouble = home.troubles["mqtt"]
    assert trouble and "nothing listens on that port" in trouble.reason
    assert trouble.spoken == "Sorry, I cannot reach the MQTT broker."
    with pytest.raises(DeviceError):
        await home.call_service("light", "turn_on", ["light.desk_lamp"], {})
    broker.start()
    await until("unknown")  # the broker has forgotten it
    async with broker.devices("desk/set") as devices:
        await devices.say("desk", {"state": "ON"})
        await until("on")
        await home.call_service("light", "turn_off", ["light.desk_lamp"], {})
        assert await devices.heard() == ("desk/set", '{"state":"OFF"}')
        await devices.say("desk", {"state": "OFF"})
        await until("off")
    await home.close()


# Much at once.


@pytest.mark.slow
async def test_a_thousand_entities_are_there_soon(
    broker: Broker, home: Follower, devices: Devices
) -> None:
    await asyncio.gather(*(thing(devices, number) for number in range(1000)))
    began = time.monotonic()
    inventory = await home.open()
    await home.until(lambda: all(state == "on" for state, _ in home.states.values()))
    took = time.monotonic() - began
    assert len(inventory.entities) == 1000
    print(f"1000 entities in {took:.2f} s")
    assert took < 6  # 3 s are asked for on a quiet machine.


async def thing(devices: Devices, number: int) -> None:
    config = LAMP | {
        "name": None,
        "unique_id": f"u{number}",
        "command_topic": f"lamps/{number}/set",
        "state_topic": f"lamps/{number}",
        "device": {"identifiers": [f"d{number}"], "name": f"Lamp {number}"},
    }
    await devices.say(f"homeassistant/light/l{number}/config", config, retain=True)
    await devices.say(f"lamps/{number}", {"state": "ON"}, retain=True)


class Pulse:
    """Wakes every 5 ms and sees how late it is."""

    def __init__(self) -> None:
        self.worst = 0.0
        self.busy = 0.0
        """The most that this process computed between two beats; another one may take the
        processor away, and then the beat is late, too."""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Pulse:
        # As the hub does when it is up. What pytest has loaded would be walked through each time.
        gc.collect()
        gc.freeze()
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *exc: object) -> None:
        gc.unfreeze()
        assert self._task
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _beat(self) -> None:
        while True:
            began, used = time.monotonic(), time.thread_time()
            await asyncio.sleep(0.005)
            self.worst = max(self.worst, time.monotonic() - began - 0.005)
            self.busy = max(self.busy, time.thread_time() - used)


async def flood(broker: Broker, home: Follower, *, seconds: float, topics: int) -> Pulse:
    """5,000 states a second, from a process of its own; how late the loop was."""
    async with broker.devices() as devices:
        for number in range(topics):
            config = LAMP | {"name": f"F{number}", "state_topic": f"flood/{number}"}
            await devices.say(f"homeassistant/light/f{number}/config", config, retain=True)
    await home.open()
    rounds = int(seconds * 50)
    writer = await asyncio.create_subprocess_exec(
        *("nice", "-n", "5", sys.executable, "-c", FLOODER),
        *(str(broker.port), str(rounds), str(topics)),
    )
    async with Pulse() as pulse:
        await writer.wait()
        await home.until(
            lambda: all(home.states[f"light.f{n}"][1].get("brightness") == 7 for n in range(topics))
        )
    return pulse


FLOODER = """
import sys, time, paho.mqtt.client as paho
port, rounds, topics = map(int, sys.argv[1:])
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.username_pw_set("devices", "dev-secret")
client.connect("127.0.0.1", port)
client.loop_start()
began, count = time.monotonic(), 0
for number in range(rounds):
    for _ in range(100):
        count += 1
        brightness = 10 + count % 200
        client.publish(f"flood/{count % topics}", '{"state":"ON","brightness":%d}' % brightness)
    time.sleep(max(0, began + (number + 1) / 50 - time.monotonic()))
last = [client.publish(f"flood/{n}", '{"state":"ON","brightness":7}', 1) for n in range(topics)]
for each in last:
    each.wait_for_publish(20)
print(f"{count} messages in {time.monotonic() - began:.1f} s")
"""


@pytest.mark.parametrize("topics", [1, 50])
@pytest.mark.slow
async def test_a_flood_ends_in_the_last_state(broker: Broker, home: Follower, topics: int) -> None:
    pulse = await flood(broker, home, seconds=1, topics=topics)
    assert pulse.busy < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("topics", [1, 50, 500])
async def test_a_flood_does_not_delay_others(broker: Broker, home: Follower, topics: int) -> None:
    pulse = await flood(broker, home, seconds=10, topics=topics)
    print(f"{topics} topics: at worst {pulse.worst * 1000:.0f} ms late, ", end="")
    print(f"{pulse.busy * 1000:.0f} ms of that by own work")
    assert pulse.busy < 0.1
