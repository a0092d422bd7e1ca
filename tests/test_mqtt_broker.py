"""The hub's own broker: who may do what; it comes again when it dies, and ends with the hub."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import psutil
import pytest
import pytest_asyncio

from hub.config import MqttSettings
from hub.devices.mqtt import broker as broker_module
from hub.devices.mqtt.broker import OwnBroker
from hub.devices.mqtt.connection import connected
from hub.devices.mqtt.source import MqttHome
from hub.errors import DeviceError
from tests.mqtt import Authority, free_port, needs_mosquitto


def own(**changes: Any) -> MqttSettings:
    return MqttSettings.model_validate({"host": "own", **changes})


@pytest.fixture(autouse=True)
def no_usual_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests, and other brokers, run at the same time."""
    monkeypatch.setattr(broker_module, "USUAL", free_port())


@pytest_asyncio.fixture
async def broker(tmp_path: Path) -> AsyncIterator[OwnBroker]:
    broker = OwnBroker(own(), tmp_path / "broker")
    yield broker
    await broker.close()


def account(broker: OwnBroker, name: str, port: int | None = None, **more: Any) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        port or broker.port,
        username=name,
        password=broker.accounts[name],
        protocol=aiomqtt.ProtocolVersion.V5,
        **more,
    )


async def passes(broker: OwnBroker, sender: str, receiver: str, topic: str) -> bool:
    """Whether what one publishes comes to the other."""
    end = "hearth/end" if receiver == "phone" else "common/end"
    async with (
        account(broker, receiver) as hearing,
        account(broker, sender) as saying,
        account(broker, "hub") as hub,
    ):
        await hearing.subscribe(topic, qos=1)
        await hearing.subscribe(end, qos=1)
        await saying.publish(topic, "x", qos=1)
        await hub.publish(end, "x", qos=1)
        async with asyncio.timeout(5):
            message = await anext(aiter(hearing.messages))
    return message.topic.value == topic


@needs_mosquitto
async def test_it_runs_and_the_hub_is_at_home_in_it(broker: OwnBroker, tmp_path: Path) -> None:
    settings = await broker.start()
    assert settings.host == "127.0.0.1"
    home = MqttHome(settings)
    assert (await home.inventory()).entities == ()
    await home.close()
    folder = tmp_path / "broker"
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert {"accounts.json", "passwords", "acl", "mosquitto.conf"} <= set(modes)
    assert set(modes.values()) == {0o600}
    hashed = (folder / "passwords").read_text()
    assert not any(word in hashed for word in broker.accounts.values())


@needs_mosquitto
@pytest.mark.parametrize(
    ("sender", "receiver", "topic", "may"),
    [
        ("devices", "hub", "zigbee2mqtt/lamp", True),
        ("hub", "devices", "zigbee2mqtt/lamp/set", True),
        ("devices", "devices", "homeassistant/light/x/config", True),
        ("devices", "hub", "hearth/say", False),
        ("hub", "devices", "hearth/heard", False),
        ("phone", "hub", "hearth/say", True),
        ("hub", "phone", "hearth/heard", True),
        ("phone", "hub", "zigbee2mqtt/lamp/set", False),
        ("phone", "hub", "homeassistant/light/x/config", False),
        ("hub", "phone", "homeassistant/light/x/config", True),
        ("hub", "phone", "zigbee2mqtt/lamp", False),
        ("homeassistant", "hub", "hearth/say", True),
    ],
)
async def test_who_may_say_what_to_whom(
    broker: OwnBroker, sender: str, receiver: str, topic: str, may: bool
) -> None:
    await broker.start()
    assert await passes(broker, sender, receiver, topic) is may


@needs_mosquitto
async def test_nobody_comes_in_without_a_password(broker: OwnBroker) -> None:
    settings = await broker.start()
    for changes, expected in (
        ({"user": "", "password": ""}, "wants a name and a password"),
        ({"password": "guess"}, "refuses the name 'hub'"),
        ({"user": "devices"}, "refuses the name 'devices'"),
    ):
        with pytest.raises(DeviceError, match=expected):
            async with connected(settings.model_copy(update=changes), "home"):
                pass


@needs_mosquitto
async def test_only_this_machine_reaches_it(broker: OwnBroker) -> None:
    await broker.start()
    assert listening(broker) == {("127.0.0.1", broker.port)}


def listening(broker: OwnBroker) -> set[tuple[str, int]]:
    assert broker._process
    found = psutil.Process(broker._process.pid).net_connections("tcp")
    return {tuple(c.laddr) for c in found if c.status == psutil.CONN_LISTEN}


@needs_mosquitto
async def test_it_is_opened_to_the_house_with_tls_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("server")
    port = free_port()
    settings = own(tls=True, port=port, certificate=certificate, key=key)
    broker = OwnBroker(settings, tmp_path / "broker")
    await broker.start()
    assert ("127.0.0.1", broker.port) in listening(broker)
    assert port in {number for _, number in listening(broker)}
    outside = MqttSettings(
        host="localhost",
        port=port,
        tls=True,
        ca=authority.ca,
        user="devices",
        password=broker.accounts["devices"],
    )
    async with connected(outside, "test") as client:
        await client.send("x", "y", expiry=5)
    with pytest.raises(DeviceError, match="expects TLS"):
        async with connected(outside.model_copy(update={"tls": False}), "test"):
            pass
    await broker.close()

    with pytest.raises(DeviceError, match="set certificate and key, or tls = false"):
        await OwnBroker(own(tls=True), tmp_path / "other").start()


@needs_mosquitto
async def test_passwords_port_and_retained_states_are_the_same_after_a_restart(
    tmp_path: Path,
) -> None:
    first = OwnBroker(own(), tmp_path)
    await first.start()
    async with account(first, "devices") as device:
        await device.publish("lamp", "on", qos=1, retain=True)
    before = first.accounts, first.port
    await first.close()

    second = OwnBroker(own(), tmp_path)
    await second.start()
    assert (second.accounts, second.port) == before
    async with account(second, "devices") as device:
        await device.subscribe("lamp", qos=1)
        async with asyncio.timeout(5):
            message = await anext(aiter(device.messages))
    assert message.payload == b"on"
    await second.close()


@needs_mosquitto
async def test_the_usual_port_is_taken_by_another_program(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", broker_module.USUAL))
        other.listen()
        broker = OwnBroker(own(), tmp_path)
        await broker.start()
        chosen = broker.port
        assert chosen != broker_module.USUAL
        assert f"on port {chosen}" in caplog.text
        await broker.close()

        wanted = OwnBroker(own(port=broker_module.USUAL), tmp_path)
        with pytest.raises(DeviceError, match=f"port {broker_module.USUAL} is taken by another"):
            await wanted.start()
    # It stays where the devices look for it, though the usual one is free now.
    again = OwnBroker(own(), tmp_path)
    await again.start()
    assert again.port == chosen
    await again.close()


@needs_mosquitto
async def test_it_comes_again_when_it_dies(
    broker: OwnBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(broker_module, "FIRST_PAUSE", 0.05)
    settings = await broker.start()
    async with connected(settings, "test") as client:
        assert broker._process
        broker._process.kill()
        with pytest.raises(aiomqtt.MqttError):
            await client.lost()
    async with asyncio.timeout(5):
        while True:
            try:
                async with connected(settings, "test") as client:
                    await client.send("x", "y", expiry=5)
                break
            except DeviceError:
                await asyncio.sleep(0.02)
    assert "died (it ended with status -9)" in caplog.text


@needs_mosquitto
async def test_it_ends_with_the_hub_even_if_that_is_killed(tmp_path: Path) -> None:
    hub = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HUB, str(tmp_path), str(broker_module.USUAL)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert hub.stdout
    async with asyncio.timeout(20):
        pid = int(await hub.stdout.readline())
    process = psutil.Process(pid)
    assert process.name() == "mosquitto"
    os.kill(hub.pid, signal.SIGKILL)
    await hub.wait()
    end = time.monotonic() + 5
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


HUB = """
import asyncio, sys
from pathlib import Path
from hub.config import MqttSettings
from hub.devices.mqtt import broker
async def main():
    broker.USUAL = int(sys.argv[2])
    own = broker.OwnBroker(MqttSettings(host="own"), Path(sys.argv[1]))
    await own.start()
    print(own._process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@needs_mosquitto
async def test_a_damaged_file_of_accounts_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "accounts.json").write_text("{")
    broker = OwnBroker(own(), tmp_path)
    await broker.start()
    await broker.close()
    assert (tmp_path / "accounts.damaged").read_text() == "{"
    assert "is damaged: new passwords are made" in caplog.text


@needs_mosquitto
async def test_no_password_is_logged(broker: OwnBroker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = await broker.start()
    async with connected(settings, "test"):
        pass
    await broker.close()
    assert not any(word in caplog.text for word in broker.accounts.values())


async def comes_up(broker: OwnBroker) -> None:
    async with asyncio.timeout(10):
        while broker.trouble:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)


@needs_mosquitto
async def test_where_its_port_is_taken_it_waits_until_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(broker_module, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(broker_module, "LONGEST_PAUSE", 0.1)
    port = free_port()
    broker = OwnBroker(own(port=port), tmp_path / "broker")
    try:
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            settings = await broker.begin()
            assert broker.trouble and f"port {port} is taken" in broker.trouble
            home = MqttHome(settings, obstacle=lambda: broker.trouble)
            with pytest.raises(DeviceError, match=f"port {port} is taken"):
                await home.inventory()
            other.settimeout(0.3)
            with pytest.raises(TimeoutError):
                other.accept()[0].recv(1)  # The hub tells its password to nobody else.
        await comes_up(broker)
        assert (await home.inventory()).entities == ()
        await home.close()
    finally:
        await broker.close()


@needs_mosquitto
async def test_a_mosquitto_that_is_installed_later_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "FIRST_PAUSE", 0.05)
    real, installed = broker_module.find, False
    monkeypatch.setattr(broker_module, "find", lambda name: real(name) if installed else None)
    broker = OwnBroker(own(), tmp_path / "broker")
    settings = await broker.begin()
    try:
        assert broker.trouble and "sudo apt install mosquitto" in broker.trouble
        installed = True
        await comes_up(broker)
        async with connected(settings, "test"):
            pass
    finally:
        await broker.close()


async def test_without_mosquitto_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "find", lambda name: None)
    with pytest.raises(DeviceError, match="sudo apt install mosquitto"):
        await OwnBroker(own(), tmp_path).start()


@needs_mosquitto
async def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    settings = own(tls=True, port=free_port(), certificate=nonsense, key=nonsense)
    with pytest.raises(DeviceError, match=r"does not start: .*nonsense\.pem"):
        await OwnBroker(settings, tmp_path / "broker").start()


async def test_people_are_told_what_to_enter_into_their_devices(tmp_path: Path) -> None:
    settings = MqttSettings(host="own", port=0)
    with pytest.raises(DeviceError, match="never run"):
        OwnBroker(settings, tmp_path / "broker").known()
    broker = OwnBroker(settings, tmp_path / "broker")
    await broker.start()
    await broker.close()
    told = OwnBroker(settings, tmp_path / "broker").known()
    assert told == {"port": broker.port, "tls_port": None, "passwords": dict(broker.accounts)}
