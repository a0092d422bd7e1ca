"""What comes in over a connection to a real broker: all of it, whole and in order, however it is
cut up on its way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hub.devices.mqtt import connection
from hub.devices.mqtt.connection import connected
from hub.errors import DeviceError
from tests.mqtt import Broker, needs_mosquitto

pytestmark = needs_mosquitto

Heard = list[tuple[str, bytes]]
LARGEST = 100_000
WAYS = ["tcp", *(pytest.param(way, marks=pytest.mark.slow) for way in ("tls", "websockets"))]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("broker"))
    made.start()
    yield made
    made.kill()


class Usual(asyncio.Queue[aiomqtt.Message]):
    """Knows messages of aiomqtt alone."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: Heard = []
        self._wanted = 0
        self._there = asyncio.Event()

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._keep(item.topic.value, item.payload)

    def _keep(self, topic: str, payload: bytes) -> None:
        self.heard.append((topic, payload))
        if len(self.heard) >= self._wanted:
            self._there.set()

    async def all_of(self, number: int) -> None:
        """Wait until as many are there."""
        self._wanted = number
        if len(self.heard) < number:
            self._there.clear()
            async with asyncio.timeout(20):
                await self._there.wait()


class Plain(Usual):
    """Takes what the source takes: also what never was a message of aiomqtt."""

    plain = 0

    def arrived(self, topic: str, payload: bytes) -> None:
        self.plain += 1
        self._keep(topic, payload)


def settings(broker: Broker, way: str, version: str) -> Any:
    ways = {
        "tcp": {},
        "tls": {"port": broker.tls_port, "tls": True, "ca": broker.ca},
        "websockets": {"port": broker.ws_port, "transport": "websockets"},
    }
    return broker.settings(version=version, **ways[way])


def messages() -> list[tuple[str, bytes, int, bool]]:
    """Topic, payload, QoS, and whether it carries properties."""
    chance = random.Random(5)
    sizes = [0, 1, 2, 100, 118, 119, 120, 121, 122, 125, 126, 127, 128, 129, 130, 5000]
    sizes += [16_250, 16_383, 16_384, 16_385, LARGEST]
    made = []
    for _ in range(200):
        size = chance.choice(sizes if chance.random() < 0.2 else sizes[:8])
        topic = "in/" + chance.choice(["a", "küche/lampe", "x" * 120, "y" * 300])
        made.append((topic, chance.randbytes(size), chance.choice([0, 0, 0, 1, 2]), size % 3 == 1))
    return made


@pytest.mark.parametrize("inbox", [Plain, Usual])
@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("way", WAYS)
async def test_everything_arrives_whole_and_in_order(
    broker: Broker, way: str, version: str, inbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However little is read at a time, and however soon others have their turn.
    chance = random.Random(7)
    monkeypatch.setattr(connection, "READING", 0.0005)
    portions = [7, 100, 4096, 16_384, 16_384]
    sent: Heard = []
    taken = inbox()
    async with (
        connected(settings(broker, way, version), "home", inbox=taken, session=0) as client,
        aiomqtt.Client(
            "127.0.0.1",
            broker.port,
            username="devices",
            password="dev-secret",
            protocol=aiomqtt.ProtocolVersion.V5,
            max_inflight_messages=1000,
        ) as devices,
    ):
        await client.listen({"in/#": 2})
        for topic, payload, qos, carries in messages():
            monkeypatch.setattr(connection, "AT_ONCE", chance.choice(portions))
            properties = None
            if carries:
                properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
                properties.ContentType = "text/plain"
            await devices.publish(topic, payload, qos=qos, properties=properties)
            sent.append((topic, payload))
        await taken.all_of(len(sent))
    by_topic = {
        topic: [payload for where, payload in taken.heard if where == topic] for topic, _ in sent
    }
    for topic, heard in by_topic.items():
        # QoS 2 may be overtaken on its way by what needs no second word.
        assert sorted(heard) == sorted(payload for where, payload in sent if where == topic)
    if inbox is Plain:
        assert taken.plain > 20


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
async def test_a_long_flood_leaves_the_connection_standing(broker: Broker, way: str) -> None:
    """Also at its end: the client still answers the broker, and is answered."""
    taken = Plain()
    async with (
        connected(settings(broker, way, "5"), "home", inbox=taken, session=0) as client,
        connected(broker.settings(user="devices", password="dev-secret"), "flood") as devices,
    ):
        await client.listen({"flood/#": 0})
        for number in range(10_000):
            await devices.send(f"flood/{number % 7}", str(number), qos=0, expiry=10)
            if number % 500 == 0:
                await devices.send("elsewhere", "", expiry=10)
        await taken.all_of(10_000)
        assert [int(payload) for _, payload in taken.heard] == list(range(10_000))
        assert client.alive
        await client.send("answer", "still there", expiry=10)


async def test_a_broker_that_dies_in_the_middle_ends_the_connection(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mortal = Broker(tmp_path_factory.mktemp("mortal"))
    mortal.start()
    taken = Plain()
    with pytest.raises(DeviceError):
        async with connected(mortal.settings(), "home", inbox=taken, session=0) as client:
            await client.listen({"in/#": 0})
            await client.send("in/a", b"x" * 50_000, qos=0, expiry=10)
            mortal.kill()
            async with asyncio.timeout(5):
                await client.lost()
