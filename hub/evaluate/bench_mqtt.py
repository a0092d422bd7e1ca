"""From a typed command to the message on the broker, with a real Mosquitto in between.

A client of its own plays the devices: lamps in several rooms that announce themselves, take
commands and report. What is timed is `Assistant.say` until that client has the command, and until
the reply, which waits for the lamp's own report.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from hub.config import Config, MqttSettings
from hub.devices.mqtt.source import MqttHome
from hub.dialogue.replies import Replies
from hub.evaluate.soak_rooms import Broker
from hub.home.model import Home
from hub.pipeline import Assistant
from hub.router import Router
from hub.skillset import Skillset

ROOMS = ("Kitchen", "Living Room", "Bedroom", "Hallway", "Office")
THINGS = ("Ceiling Light", "Floor Lamp", "Shelf Lamp", "Reading Lamp", "Night Light")
ROUNDS = 40
PATIENCE = 5.0
"""Seconds for a command to arrive."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of each command."""

    command: list[float]
    """Until the device had it."""
    reply: list[float]
    """Until the device's report was known, and the reply worded."""


async def measure(config: Config) -> Timed:
    """Commands to a home of 25 lamps on a broker of its own. Raises HearthError without one."""
    async with _broker() as port, aiomqtt.Client("127.0.0.1", port) as devices:
        for room in ROOMS:
            for thing in THINGS:
                await devices.publish(*_announcement(room, thing), qos=1, retain=True)
        await devices.subscribe("bench/+/set")
        settings = MqttSettings.model_validate({"host": "127.0.0.1", "port": port})
        home = Home()
        await home.connect([MqttHome(settings)])
        arrived: asyncio.Queue[float] = asyncio.Queue()
        playing = asyncio.create_task(_play(devices, arrived), name="bench-devices")
        try:
            return await _timed(config, home, arrived)
        finally:
            playing.cancel()
            await asyncio.wait({playing})
            await home.close()


async def _timed(config: Config, home: Home, arrived: asyncio.Queue[float]) -> Timed:
    skillset = Skillset.load(config, home)
    router = Router(home, skillset.specs(), model=None, settings=config.router, languages=("en",))
    await router.prepare()
    assistant = Assistant(home=home, router=router, skillset=skillset, replies=Replies())
    timed = Timed([], [])
    for number in range(ROUNDS):
        room = ROOMS[number % len(ROOMS)]
        thing = THINGS[number // len(ROOMS) % len(THINGS)]
        state = "off" if number // (len(ROOMS) * len(THINGS)) % 2 else "on"
        started = time.perf_counter()
        await assistant.say(f"turn {state} the {room} {thing}")
        timed.reply.append((time.perf_counter() - started) * 1000)
        async with asyncio.timeout(PATIENCE):
            timed.command.append((await arrived.get() - started) * 1000)
    return timed


async def _play(devices: aiomqtt.Client, arrived: asyncio.Queue[float]) -> None:
    """Note when commands arrive, and report what they ask for."""
    async for message in devices.messages:
        arrived.put_nowait(time.perf_counter())
        await devices.publish(str(message.topic).removesuffix("/set"), message.payload)


def _announcement(room: str, thing: str) -> tuple[str, str]:
    key = f"{room}_{thing}".lower().replace(" ", "_")
    configuration = {
        "unique_id": key,
        "name": None,
        "command_topic": f"bench/{key}/set",
        "state_topic": f"bench/{key}",
        "device": {
            "identifiers": [key],
            "name": f"{room} {thing}",
            "suggested_area": room,
        },
    }
    return f"homeassistant/light/{key}/config", json.dumps(configuration)


@asynccontextmanager
async def _broker() -> AsyncIterator[int]:
    """A Mosquitto for this process alone; its port."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder))
        try:
            await broker.start()
            yield broker.port
        finally:
            await broker.kill()
