"""A network, a broker and a Home Assistant that fail: rows 1-13 of docs/faults.md, as far as other
files do not have them. Real Mosquitto; a Home Assistant that fails when it is told to."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import pytest_asyncio

from hub import egress
from hub.addresses import LastKnown
from hub.app import Hub, open_hub
from hub.config import Config, HomeAssistantSettings
from hub.devices.homeassistant import HomeAssistantHome
from hub.devices.homeassistant import connection as ha_connection
from hub.devices.mqtt import connection, source
from hub.devices.mqtt.source import MqttHome
from hub.errors import DeviceError
from hub.home import link
from hub.home.model import Home
from hub.messages import StateChange
from hub.ports import DeviceSource, Inventory
from tests.kits import flood as flood_kit
from tests.kits.homeassistant import TOKEN, FakeHomeAssistant, fake_home_assistant
from tests.kits.network import Network
from tests.mqtt import PASSWORDS, Broker, needs_mosquitto

pytestmark = needs_mosquitto

LAMP = {
    "unique_id": "desk",
    "name": "Desk lamp",
    "state_topic": "desk",
    "command_topic": "desk/set",
}
LOCK = {
    "unique_id": "front",
    "name": "Front door",
    "state_topic": "front",
    "command_topic": "front/set",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "FIRST_WORD", 0.15)
    monkeypatch.setattr(source, "QUIET", 0.05)
    monkeypatch.setattr(source, "SETTLED", 0.05)
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.05)


@pytest.fixture
def broker(tmp_path: Path) -> Any:
    found = Broker(tmp_path)
    found.start()
    yield found
    found.kill()


async def announced(broker: Broker) -> None:
    async with broker.devices() as devices:
        await devices.say("homeassistant/light/desk/config", LAMP, retain=True)
        await devices.say("desk", "ON", retain=True)
        await devices.say("homeassistant/lock/front/config", LOCK, retain=True)
        await devices.say("front", "LOCKED", retain=True)


def config(folder: Path, **tables: Any) -> Config:
    folders = {name: str(folder / name) for name in ("data", "cache", "runtime")}
    return Config.model_validate({"hub": folders, "router": {"model": ""}, **tables}, strict=False)


async def until(home: Home, is_so: Callable[[], object], seconds: float = 60) -> None:
    """Until it is so, after a change, a whole inventory (which nobody is told of), or a new
    connection."""
    news = asyncio.Event()
    stop = home.watch(lambda change: news.set())
    try:
        async with asyncio.timeout(seconds):
            while not is_so():
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await news.wait()
                news.clear()
    finally:
        stop()


# --- 2: a broker that is back --------------------------------------------------------------------


class Absent(DeviceSource):
    """A source that is away from the first second to the last of an outage, on a clock of its
    own."""

    name = "absent"

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self.back = seconds
        self.opened: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def inventory(self) -> Inventory:
        if self.now < self.back:
            raise DeviceError("nobody is there")
        self.opened.append(self.now)
        return Inventory()

    def changes(self) -> AsyncIterator[StateChange | Inventory]:
        async def none() -> AsyncIterator[StateChange | Inventory]:
            if self.opened:
                await asyncio.Event().wait()
            return
            yield

        return none()

    async def call_service(self, *_: Any) -> None: ...
    async def close(self) -> None: ...


@pytest.mark.parametrize("seconds", [1, 10, 100, 3600])
async def test_a_source_that_is_back_is_in_use_within_five_seconds(
    monkeypatch: pytest.MonkeyPatch, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE", 1.0)
    absent = Absent(seconds)
    monkeypatch.setattr(link, "asyncio", SimpleNamespace(sleep=absent.sleep))
    found = asyncio.Event()
    held = link.Link(absent, found=lambda _: found.set(), changed=lambda _: None, lost=lambda: None)
    keeping = asyncio.create_task(held.keep(absent.changes()))
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(20):
            await found.wait()
    keeping.cancel()
    await asyncio.wait({keeping})
    assert absent.opened[0] - seconds <= 5
    assert len(caplog.records) == 2


# --- 3: nobody hangs up, and nobody is there -----------------------------------------------------


async def test_a_broker_that_nobody_hung_up_on_is_missed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 2.4 * connection.KEEPALIVE <= 25  # it is looked at five times in that time
    monkeypatch.setattr(connection, "KEEPALIVE", 1)
    await announced(broker)
    async with Network(broker.port) as network:
        home = Home()
        await home.connect([MqttHome(broker.settings(port=network.port))])
        try:
            assert home.state("light.desk_lamp").state == "on"
            network.dark = True
            await until(home, lambda: home.state("light.desk_lamp").state == "unavailable")
            # At once: nobody waits for an acknowledgement.
            monkeypatch.setattr(source, "ACKNOWLEDGED", 600)
            async with asyncio.timeout(30):
                with pytest.raises(DeviceError):
                    await home.call_service("light", "turn_off", ["light.desk_lamp"], {})
            network.dark = False
            network.reset()
            await until(home, lambda: home.state("light.desk_lamp").state == "on")
        finally:
            await home.close()


async def test_a_command_into_a_dark_network_ends_the_connection_and_never_comes_late(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "ACKNOWLEDGED", 0.3)
    await announced(broker)
    async with Network(broker.port) as network, broker.devices("desk/set") as devices:
        home = Home()
        await home.connect([MqttHome(broker.settings(port=network.port))])
        try:
            network.dark = True
            with pytest.raises(DeviceError, match="did not acknowledge"):
                await home.call_service("light", "turn_off", ["light.desk_lamp"], {})
            network.dark = False
            await until(home, lambda: home.state("light.desk_lamp").state == "on")
            await devices.say("desk/set", "the end")
            assert await devices.heard() == ("desk/set", "the end")
        finally:
            await home.close()


# --- 4: the broker has forgotten everything ------------------------------------------------------


async def test_of_a_broker_that_has_forgotten_everything_no_old_state_is_told(
    broker: Broker, tmp_path: Path
) -> None:
    await announced(broker)
    settings = {"host": "127.0.0.1", "port": broker.port, "user": "hub", "password": "hub-secret"}
    async with open_hub(config(tmp_path, mqtt=settings), lasting=True) as hub:
        asked = "is the front door locked"
        assert (await hub.assistant.say(asked)).reply.text.startswith("Yes")
        broker.kill()
        await until(hub.home, lambda: hub.home.state("lock.front_door").state == "unavailable")
        broker.start()  # with nothing of what it kept
        await until(hub.home, lambda: hub.home.state("lock.front_door").state == "unknown")
        told = (await hub.assistant.say(asked)).reply.text
        assert told == "The Front door has not told me its state yet."
        # What is told again is known again.
        async with broker.devices() as devices:
            await devices.say("front", "UNLOCKED", retain=True)
        await until(hub.home, lambda: hub.home.state("lock.front_door").state == "unlocked")
        assert (await hub.assistant.say(asked)).reply.text.startswith("No")


async def test_a_connection_that_was_only_lost_costs_no_state(broker: Broker) -> None:
    """The broker has kept what was said meanwhile."""
    async with broker.devices() as devices:
        await devices.say("homeassistant/light/desk/config", LAMP, retain=True)
        async with Network(broker.port) as network:
            home = Home()
            await home.connect([MqttHome(broker.settings(port=network.port))])
            try:
                await devices.say("desk", "ON")
                await until(home, lambda: home.state("light.desk_lamp").state == "on")
                taken = network.connections
                network.reset()
                await until(home, lambda: network.connections > taken or None)
                assert home.state("light.desk_lamp").state == "on"
            finally:
                await home.close()


# --- 7-11: Home Assistant ------------------------------------------------------------------------


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeHomeAssistant]:
    async with fake_home_assistant() as found:
        yield found


@asynccontextmanager
async def hub_of(fake: FakeHomeAssistant, folder: Path, **more: Any) -> AsyncIterator[Hub]:
    settings = {"url": fake.url, "token": TOKEN}
    tables = {"homeassistant": settings, "home": {"confirm_timeout": 0.3}, **more}
    async with open_hub(config(folder, **tables), lasting=True) as hub:
        yield hub


async def test_a_lamp_of_the_kit_works_at_all(fake: FakeHomeAssistant, tmp_path: Path) -> None:
    async with hub_of(fake, tmp_path) as hub:
        trace = await hub.assistant.say("turn on the desk")
        assert trace.outcomes[0].confirmed and fake.states["light.desk"] == "on"


@pytest.mark.parametrize("behaves", ["hangs up", "truncates", "hangs"])
async def test_home_assistant_goes_in_the_middle_of_a_command(
    fake: FakeHomeAssistant, tmp_path: Path, behaves: Any
) -> None:
    async with hub_of(fake, tmp_path) as hub:
        fake.behaves = behaves
        trace = await hub.assistant.say("turn on the desk")
        assert not any(outcome.confirmed for outcome in trace.outcomes)
        assert "turned on" not in trace.reply.text.lower()
        # The hub itself goes on, and Home Assistant is in use again when it works again.
        assert "is" in (await hub.assistant.say("what time is it")).reply.text
        fake.behaves = "does"
        await until(hub.home, lambda: hub.home.state("light.desk").available)
        before = len(fake.calls)
        assert (await hub.assistant.say("turn on the desk")).outcomes[0].confirmed
        assert len(fake.calls) == before + 1  # the one of before is not sent again


async def test_what_home_assistant_refuses_is_named_with_the_device(
    fake: FakeHomeAssistant, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub_of(fake, tmp_path) as hub:
        fake.behaves = "refuses"
        trace = await hub.assistant.say("turn on the desk")
        assert not trace.outcomes[0].confirmed
        assert "Desk" in trace.reply.text and "turned on" not in trace.reply.text.lower()
    assert "The lamp is jammed" in caplog.text


async def test_an_answer_without_an_effect_is_no_success(
    fake: FakeHomeAssistant, tmp_path: Path
) -> None:
    async with hub_of(fake, tmp_path) as hub:
        fake.behaves = "only answers"
        trace = await hub.assistant.say("turn on the desk")
        assert fake.calls and not trace.outcomes[0].confirmed
        assert "did not answer" in trace.reply.text, trace.reply.text


async def test_a_new_token_is_taken_without_a_restart(
    fake: FakeHomeAssistant,
    broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One notice, few attempts, all else works, and then the new token."""
    await announced(broker)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "ha-token").write_text("of last year")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setattr(link, "LONGEST_PAUSE", 0.05)
    on_broker = {"host": "127.0.0.1", "port": broker.port, "user": "hub", "password": "hub-secret"}
    found = config(tmp_path, homeassistant={"url": fake.url}, mqtt=on_broker)
    async with open_hub(found, lasting=True) as hub:
        trouble = hub.home.troubles["homeassistant"]
        assert trouble is not None and "refuses the access token" in trouble.reason
        await asyncio.sleep(0.5)  # ten attempts, if nobody thought about it
        assert fake.attempts <= 2
        assert hub.home.state("light.desk_lamp").state == "on"  # that of the broker
        (credentials / "ha-token").write_text(TOKEN)
        await until(hub.home, lambda: "light.desk" in hub.home.entities)
        assert (await hub.assistant.say("turn on the desk")).outcomes
    assert caplog.text.count("cannot reach the device source homeassistant") == 1
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("status", "headers", "words", "wait"),
    [
        (500, {}, "has failed", 0),
        (503, {"Retry-After": "30"}, "is not running", 30),
        (429, {"Retry-After": "120"}, "asked too often", 120),
        (429, {"Retry-After": "Fri, 27 Nov 2026 12:00:00 GMT"}, "asked too often", 60),
        (503, {"Retry-After": "86400000"}, "is not running", 600),
        (429, {"Retry-After": "\u00b2"}, "asked too often", 60),
        (403, {}, "has banned", 60),
    ],
)
async def test_who_wants_to_be_left_alone_is(
    fake: FakeHomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    headers: dict[str, str],
    words: str,
    wait: float,
) -> None:
    fake.status, fake.headers = status, headers
    slept: list[float] = []
    tried = asyncio.Event()
    rest = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            tried.set()
            await asyncio.Event().wait()
        await rest(0)

    home = HomeAssistantHome(HomeAssistantSettings(url=fake.url, token=TOKEN))
    held = link.Link(home, found=lambda _: None, changed=lambda _: None, lost=lambda: None)
    assert await held.begin() is None
    assert held.trouble is not None and words in held.trouble.reason
    monkeypatch.setattr(link, "asyncio", SimpleNamespace(sleep=sleep))
    keeping = asyncio.create_task(held.keep(None))
    async with asyncio.timeout(20):
        await tried.wait()
    keeping.cancel()
    await asyncio.wait({keeping})
    await home.close()
    assert all(wait <= pause <= max(wait, link.LONGEST_PAUSE) * 1.25 for pause in slept), slept


async def test_a_home_assistant_that_says_nothing_keeps_nobody_waiting(
    fake: FakeHomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ha_connection, "CONNECTING", 0.2)
    fake.silent = True
    async with hub_of(fake, tmp_path) as hub:
        assert (await hub.assistant.say("what is 12 times 12")).reply.text == "144."
        trouble = hub.home.troubles["homeassistant"]
        assert trouble is not None and "does not answer" in trouble.reason


async def test_bytes_that_drip_cost_one_command_and_not_the_hub(
    fake: FakeHomeAssistant, tmp_path: Path
) -> None:
    async with Network(fake.port) as network:
        port, fake.port = fake.port, network.port
        async with hub_of(fake, tmp_path) as hub:
            fake.port = port
            network.drip = 10
            trace = await hub.assistant.say("turn on the desk")
            assert not trace.outcomes[0].confirmed
            assert (await hub.assistant.say("what is 12 times 12")).reply.text == "144."
            network.drip = None


# --- 12: nobody tells where the broker is --------------------------------------------------------


async def test_a_resolver_that_never_answers_stops_nobody(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    asked, answer = threading.Event(), threading.Event()
    resolve = egress._asking

    def slow(host: Any, *arguments: Any, **more: Any) -> Any:
        if host == "broker.lan":
            asked.set()
            answer.wait(60)
            host = "127.0.0.1"
        return resolve(host, *arguments, **more)

    monkeypatch.setattr(egress, "_asking", slow)
    monkeypatch.setattr(link, "PATIENCE", 0.3)
    await announced(broker)
    on_broker = {"host": "broker.lan", "port": broker.port, "user": "hub", "password": "hub-secret"}
    tables = {"mqtt": on_broker, "home": {"simulated": True}}
    async with open_hub(config(tmp_path, **tables), lasting=True) as hub:
        assert asked.is_set()
        # Nobody has answered yet, and all else works.
        assert (await hub.assistant.say("turn on the hallway light")).outcomes[0].confirmed
        assert (await hub.assistant.say("what is 12 times 12")).reply.text == "144."
        answer.set()
        await until(hub.home, lambda: hub.home.state("light.desk_lamp").state == "on")


async def test_without_a_resolver_it_is_looked_for_where_it_was(
    broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The router is starting anew, and knows no names yet; the broker stands where it stood."""
    await announced(broker)
    resolve = egress._asking
    gone = False

    def named(host: Any, *arguments: Any, **more: Any) -> Any:
        if host == "broker.lan":
            if gone:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            host = "127.0.0.1"
        return resolve(host, *arguments, **more)

    monkeypatch.setattr(egress, "_asking", named)
    async with Network(broker.port) as network:
        on_broker = {
            "host": "broker.lan",
            "port": network.port,
            "user": "hub",
            "password": "hub-secret",
        }
        async with open_hub(config(tmp_path, mqtt=on_broker), lasting=True) as hub:
            before = network.connections
            gone = True
            network.reset()
            await until(hub.home, lambda: network.connections > before)
            await until(hub.home, lambda: hub.home.state("light.desk_lamp").state == "on")
    assert caplog.text.count("nobody tells where broker.lan is") == 1


def test_where_a_name_led_is_used_for_a_day_and_within_the_house_alone() -> None:
    now = 0.0
    last = LastKnown(egress.at_home, lambda: now)

    def tells(address: str) -> Callable[[], Any]:
        return lambda: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 1883))]

    def silent() -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    last.ask(tells("192.168.1.5"), "broker.lan", 1883)
    last.ask(tells("192.0.2.1"), "outside.example", 1883)
    assert last.ask(silent, "broker.lan", 1883) == tells("192.168.1.5")()
    for host, port in (("outside.example", 1883), ("never.lan", 1883), ("broker.lan", 8883)):
        with pytest.raises(socket.gaierror):
            last.ask(silent, host, port)
    assert last.ask(tells("192.168.1.6"), "broker.lan", 1883) == tells("192.168.1.6")()
    assert last.ask(silent, "broker.lan", 1883) == tells("192.168.1.6")()
    now = 24 * 3600.0 + 1
    with pytest.raises(socket.gaierror):
        last.ask(silent, "broker.lan", 1883)


# --- 13: the network is gone, and the broker is elsewhere afterwards -----------------------------


async def test_without_a_network_what_is_in_the_hub_works_and_then_a_new_address_does(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the broker leads to another address when the network is back."""
    monkeypatch.setattr(connection, "KEEPALIVE", 1)
    await announced(broker)
    resolve = egress._asking
    address = ["127.0.0.1"]

    def named(host: Any, *arguments: Any, **more: Any) -> Any:
        return resolve(address[0] if host == "broker.lan" else host, *arguments, **more)

    monkeypatch.setattr(egress, "_asking", named)
    async with Network(broker.port) as network:
        on_broker = {
            "host": "broker.lan",
            "port": network.port,
            "user": "hub",
            "password": "hub-secret",
        }
        async with open_hub(config(tmp_path, mqtt=on_broker), lasting=True) as hub:
            assert hub.home.state("light.desk_lamp").state == "on"
            network.dark = True
            await until(hub.home, lambda: not hub.home.state("light.desk_lamp").available)
            hub.begin_timers()
            say = hub.assistant.say
            assert "desk" in (await say("turn off the desk lamp")).reply.text.lower()
            assert "10 minutes" in (await say("set a timer for 10 minutes")).reply.text
            assert (await say("what time is it")).reply.text
            assert (await say("set the volume to 30 percent")).outcomes is not None
            assert hub.speaker.volume == pytest.approx(0.3)
            # There is nothing at the old address any more.
            other = Network(broker.port)
            other.port = network.port
            other._server = await asyncio.start_server(other._joined, "127.0.0.2", network.port)
            network._server.close()  # type: ignore[union-attr]
            network.reset()
            address[0] = "127.0.0.2"
            try:
                await until(hub.home, lambda: hub.home.state("light.desk_lamp").state == "on")
                assert other.connections
            finally:
                other._server.close()
                other.reset()


def test_the_kit_repeats_and_mixes_messages() -> None:
    from tests.kits.network import Repeated

    repeated = Repeated()
    packets = b"".join(bytes([0x32, 5, 0, 1, 97, 0, number]) for number in range(10))
    passed = repeated(b"\xc0\x00" + packets[:31]) + repeated(packets[31:])
    assert repeated.messages == 10
    assert passed[0] == b"\xc0\x00"
    numbers = [packet[-1] for packet in passed[1:]]
    assert sorted(numbers) == sorted([*range(10)] * 2)
    assert numbers != sorted(numbers)
    assert json.dumps(numbers)


# --- 50: as many messages as a broker passes on --------------------------------------------------


async def test_of_twenty_thousand_messages_a_second_the_last_counts_and_nothing_is_kept(
    broker: Broker,
) -> None:
    """For two seconds; with HEARTH_FLOOD=60 for a minute. How late others were is printed."""
    seconds, topics = float(os.environ.get("HEARTH_FLOOD", "2")), 50
    async with broker.devices() as devices:
        for number in range(topics):
            meter = {"unique_id": f"m{number}", "name": f"M {number}"}
            meter["state_topic"] = f"flood/{number}"
            await devices.say(f"homeassistant/sensor/m{number}/config", meter, retain=True)
    home = Home()
    await home.connect([MqttHome(broker.settings())])
    arguments = [str(broker.port), "devices", PASSWORDS["devices"], "20000", str(seconds)]
    flood = await asyncio.create_subprocess_exec(
        sys.executable, flood_kit.__file__, *arguments, str(topics), stdout=asyncio.subprocess.PIPE
    )
    assert flood.stdout is not None and await flood.stdout.readline() == b"begins\n"
    before, worked, late = psutil.Process().memory_info().rss, time.process_time(), 0.0
    ending = asyncio.create_task(flood.stdout.readline())
    while not ending.done():
        began = time.monotonic()
        await asyncio.sleep(0.02)
        late = max(late, time.monotonic() - began - 0.02)
    sent = int(ending.result())
    await flood.wait()
    # A broker may leave out some of so many; not what it has to pass on at least once.
    async with broker.devices() as devices:
        for number in range(topics):
            await devices.say(f"flood/{number}", f"last {number}")
    meters = range(topics)
    await until(home, lambda: all(home.state(f"sensor.m_{n}").state == f"last {n}" for n in meters))
    worked = time.process_time() - worked
    more = psutil.Process().memory_info().rss - before
    await home.close()
    print(f"{sent / seconds:.0f} a second: {worked / seconds:.0%} of a core, at worst ", end="")
    print(f"{late * 1000:.0f} ms late, {more / 2**20:.1f} MB more")
    assert more < 30 * 2**20
