"""A pack's text and picture on a phone: over a real broker, as they are."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import pytest_asyncio
from PIL import Image

from hub.bridges.phone import PhoneBridge
from hub.devices.mqtt.connection import connected
from hub.errors import HearthError, SkillError
from hub.home.hands import Hands
from hub.packs import sandbox
from hub.packs.remote import Packs, describe
from hub.packs.shelf import Installed, Shelf
from hub.skill import Where
from hub.skills.own import LARGEST_IMAGE, Phones, SkillPhone
from tests import packs_kit
from tests.hostile_packs import kit
from tests.mqtt import Broker, needs_mosquitto
from tests.test_phone import Parts, hub  # noqa: F401 - a fixture

pytestmark = needs_mosquitto

ENERGY = Path(__file__).parents[1] / "examples" / "packs" / "energy-report"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest_asyncio.fixture
async def bridge(
    hub: Parts,  # noqa: F811 - the fixture
    broker: Broker,
) -> AsyncIterator[PhoneBridge]:
    made = PhoneBridge(hub, broker.settings(), spread=0.0)  # type: ignore[arg-type]
    task = asyncio.create_task(made.run())
    async with asyncio.timeout(20):
        while not made._outbox.is_open:  # noqa: ASYNC110 - it says so to nobody
            await asyncio.sleep(0.02)
    yield made
    task.cancel()
    await asyncio.wait({task})


def picture(width: int = 20, kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.effect_noise((width, width), 90).convert("RGB").save(content, kind)
    return content.getvalue()


def phone(sends: Any) -> SkillPhone:
    handler: Any = type("H", (), {"name": "energy-report.chart", "skill": "energy-report"})()
    turn: Any = type("T", (), {"where": Where("Kitchen")})()
    return SkillPhone(Phones(sends), handler, turn)


async def received(client: aiomqtt.Client, *topics: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    async with asyncio.timeout(20):
        async for message in client.messages:
            if message.topic.value in topics:
                found[message.topic.value] = bytes(message.payload)
            if found.keys() == set(topics):
                break
    return found


@pytest.mark.parametrize("width", [20, 270])
async def test_a_picture_arrives_as_it_was_sent(
    bridge: PhoneBridge, broker: Broker, width: int
) -> None:
    topics, sent = bridge.topics, picture(width)
    assert len(sent) < LARGEST_IMAGE
    async with connected(broker.settings(), "test", session=0) as client:
        await client.listen({topics.own("#"): 1})
        await phone(bridge).send("7 kWh", sent)
        got = await received(client, topics.picture, topics.notice, topics.event)
    assert got[topics.picture] == sent
    told = {"text": "7 kWh", "by": "energy-report", "picture": True}
    assert json.loads(got[topics.notice]) == told
    assert json.loads(got[topics.event]) == {"event_type": "notice", **told}


async def test_home_assistant_is_told_of_an_image_entity(
    bridge: PhoneBridge, broker: Broker
) -> None:
    topics = bridge.topics
    async with connected(broker.settings(), "test", session=0) as client:
        await client.listen({topics.device_config: 1})
        got = await received(client, topics.device_config)
    config = json.loads(got[topics.device_config])["components"]["picture"]
    assert config["platform"] == "image" and config["image_topic"] == topics.picture
    assert config["content_type"] == "image/png" and config["unique_id"].endswith("_picture")


@pytest.mark.parametrize("image", [b"GIF89a", b"", b"<svg/>", picture(400)])
async def test_what_is_no_small_picture_is_not_sent(image: bytes) -> None:
    with pytest.raises(SkillError, match="PNG or JPEG"):
        await phone(None).send("x", image)


async def test_without_a_broker_it_says_so_plainly() -> None:
    with pytest.raises(SkillError) as raised:
        await phone(None).send("x")
    assert raised.value.spoken == "Sorry, I cannot reach any phone."


async def test_while_the_broker_is_away_it_says_so(bridge: PhoneBridge, broker: Broker) -> None:
    broker.kill()
    async with asyncio.timeout(20):
        while bridge._outbox.is_open:  # noqa: ASYNC110 - it says so to nobody
            await asyncio.sleep(0.02)
    with pytest.raises(HearthError) as raised:
        await phone(bridge).send("x")
    assert "at the moment" in raised.value.spoken


@pytest.mark.skipif(
    bool(sandbox.bubblewrap_trouble()), reason=sandbox.bubblewrap_trouble() or "none"
)
async def test_the_chart_of_a_pack_in_its_sandbox_reaches_the_phone(
    bridge: PhoneBridge, broker: Broker, tmp_path: Path
) -> None:
    """Measured with it: what a process of the pack needs, of the 64 MB it may."""
    from datetime import timedelta

    from hub.author.time import MovedTime
    from hub.past import Pasts
    from tests.fakes import House

    def ask(installed: Installed) -> Any:
        return describe(installed, shelf.verify)

    shelf = Shelf(tmp_path / "shelf", on_installed=ask)
    installed = packs_kit.install(shelf, ENERGY, unsigned=True)
    assert "send texts and pictures to the phones of the home" in installed.granted.in_words()
    now = datetime.now().astimezone()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    meter = {
        "id": "sensor.meter",
        "name": "Meter",
        "state": "9",
        "attributes": {"device_class": "energy", "unit_of_measurement": "kWh"},
    }
    async with House({"entities": [meter]}) as house:
        pasts = Pasts(None, house.home, MovedTime(now))
        yesterday = midnight - timedelta(days=1)
        rows = [
            (yesterday + timedelta(hours=h, minutes=30), min(h, 18) * 1.0) for h in range(-1, 24)
        ]
        pasts.tell_of("sensor.meter", rows)
        packs = Packs(shelf, house.home)
        services = {
            "past": pasts.of(None, None),
            "phone": phone(bridge),
            "clock": None,
            "home": Hands(house.home, 0.3),
        }
        async with connected(broker.settings(), "test", session=0) as client:
            await client.listen({bridge.topics.own("#"): 1})
            ran = await kit.call(packs, house.home, "energy-report", "chart", services=services)
            assert ran.error is None, ran.error
            got = await received(client, bridge.topics.picture, bridge.topics.notice)
        process = packs._packs["energy-report"].process
        assert process._memory() < 40 * 1024 * 1024
        await packs.close()
        await pasts.close()
    assert json.loads(got[bridge.topics.notice])["text"].endswith("kWh")
    with Image.open(io.BytesIO(got[bridge.topics.picture])) as image:
        seen = image.convert("RGB")
    bars = sum(
        seen.getpixel((round(53 + (hour + 0.5) * (480 - 66) / 24), 230)) == (230, 126, 34)
        for hour in range(24)
    )
    assert 17 <= bars <= 19
