"""What is around the hub in a soak: a broker that is ended and started, devices on it, and rooms
with satellites in which somebody speaks. All of it is on the loopback interface."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import aiomqtt
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import async_read_event, async_write_event
from wyoming.info import Attribution, Describe, Info, Satellite
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import RunSatellite
from wyoming.snd import Played

from hub.devices.mqtt.broker import find
from hub.errors import HearthError
from hub.messages import SAMPLE_RATE

ROOMS = ("Kitchen", "Living Room", "Bedroom", "Hallway", "Office")
LAMPS = ("Shelf Lamp", "Reading Lamp", "Night Light")
CHUNK = 0.032
"""Seconds of sound that a satellite sends at once."""
SENSED_EVERY = 2.0
"""Seconds between two values of all sensors: in a day of half an hour, one a minute and a half."""
PATIENCE = 10.0
"""Seconds for a program to start."""


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def dying_with_this() -> list[str]:
    """The beginning of a command that ends with this process, even if that is killed; empty where
    the system has no setpriv (util-linux)."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "KILL"] if program else []


class Broker:
    """A Mosquitto that forgets everything when it ends."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._settings = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true"]
        # A namespace of users has root alone, and Mosquitto looks for another.
        if os.geteuid() == 0:
            lines.append("user root")
        self._settings.write_text("\n".join([*lines, ""]), encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Raises HearthError where Mosquitto is not installed."""
        program = find("mosquitto")
        if program is None:
            raise HearthError("Mosquitto is not installed; 'apt install mosquitto' brings it")
        self._process = await asyncio.create_subprocess_exec(
            *dying_with_this(), program, "-c", str(self._settings),
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Devices:
    """Lamps, a switch and a sensor in each room, which announce themselves whenever there is a
    broker, do what they are told, and report."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.there = asyncio.Event()
        """Set while all of them are announced."""

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", self._port) as client:
                    await self._announce(client)
                    self.there.set()
                    await self._serve(client)
            except (aiomqtt.MqttError, OSError):
                self.there.clear()
                await asyncio.sleep(0.1)

    async def _serve(self, client: aiomqtt.Client) -> None:
        sensing = asyncio.create_task(self._sense(client), name="soak-sensors")
        try:
            async for message in client.messages:
                topic = str(message.topic).removesuffix("/set")
                await client.publish(topic, message.payload, qos=1, retain=True)
        finally:
            sensing.cancel()
            await asyncio.wait({sensing})

    async def _sense(self, client: aiomqtt.Client) -> None:
        number = 0
        while True:
            await asyncio.sleep(SENSED_EVERY)
            for offset, room in enumerate(ROOMS):
                value = 18 + (number + offset) % 60 / 10
                with suppress(aiomqtt.MqttError):
                    await client.publish(f"soak/{_key(room)}_temperature", f"{value:.1f}")
            number += 1

    async def _announce(self, client: aiomqtt.Client) -> None:
        await client.subscribe("soak/+/set", qos=1)
        for room in ROOMS:
            for thing in (*LAMPS, "Air Purifier"):
                kind = "switch" if thing == "Air Purifier" else "light"
                key = _key(f"{room} {thing}")
                about = {"state_topic": f"soak/{key}", "command_topic": f"soak/{key}/set"}
                await self._told(client, kind, key, room, {"name": thing, **about})
                await client.publish(f"soak/{key}", "OFF", qos=1, retain=True)
            key = f"{_key(room)}_temperature"
            about = {"state_topic": f"soak/{key}", "name": "Air", "unit_of_measurement": "°C"}
            about["device_class"] = "temperature"
            await self._told(client, "sensor", key, room, about)

    @staticmethod
    async def _told(
        client: aiomqtt.Client, kind: str, key: str, room: str, about: dict[str, str]
    ) -> None:
        device = {"identifiers": [key], "name": about["name"], "suggested_area": room}
        config = {**about, "name": None, "unique_id": key, "device": device}
        topic = f"homeassistant/{kind}/{key}/config"
        await client.publish(topic, json.dumps(config), qos=1, retain=True)


def _key(words: str) -> str:
    return words.lower().replace(" ", "_")


class Mouth:
    """A satellite that leaves the wake word to the hub, and somebody who speaks beside it."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.port = free_port()
        self.answers = 0
        """Replies that were played to their end; a tone is none."""
        self.answered = asyncio.Event()
        self._said: asyncio.Queue[bytes] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._called, "127.0.0.1", self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def say(self, pcm: bytes) -> None:
        """16 kHz, 16 bits, at the pace of speech."""
        self._said.put_nowait(pcm)

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        talking: asyncio.Task[None] | None = None
        began, sounded = 0.0, 0.0
        try:
            while (event := await async_read_event(reader)) is not None:
                if Describe.is_type(event.type):
                    await async_write_event(_info(self.room).event(), writer)
                elif RunSatellite.is_type(event.type) and talking is None:
                    talking = asyncio.create_task(self._talk(writer), name="soak-mouth")
                elif AudioStart.is_type(event.type):
                    began, sounded = time.monotonic(), 0.0
                elif AudioChunk.is_type(event.type):
                    sounded += AudioChunk.from_event(event).seconds
                elif AudioStop.is_type(event.type):
                    await asyncio.sleep(max(0.0, began + sounded - time.monotonic()))
                    await async_write_event(Played().event(), writer)
                    if sounded > 0.5:
                        self.answers += 1
                        self.answered.set()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            if talking is not None:
                talking.cancel()
            writer.close()

    async def _talk(self, writer: asyncio.StreamWriter) -> None:
        start = RunPipeline(PipelineStage.WAKE, PipelineStage.TTS)
        await async_write_event(start.event(), writer)
        size = 2 * round(SAMPLE_RATE * CHUNK)
        due, sound = time.monotonic(), memoryview(b"")
        with suppress(OSError):
            while True:
                if not sound and not self._said.empty():
                    sound = memoryview(self._said.get_nowait())
                part, sound = bytes(sound[:size]).ljust(size, b"\0"), sound[size:]
                await async_write_event(
                    AudioChunk(rate=SAMPLE_RATE, width=2, channels=1, audio=part).event(), writer
                )
                due += CHUNK
                await asyncio.sleep(max(0.0, due - time.monotonic()))


def _info(room: str) -> Info:
    maker = Attribution(name="Hearth", url="")
    about = Satellite(
        name=room, attribution=maker, installed=True, description="", version="", area=room
    )
    return Info(satellite=about)


def fractions(values: Sequence[float], parts: int) -> list[list[float]]:
    """In order, as many parts of the same length; what does not divide is in the last."""
    size = max(1, len(values) // parts)
    cut = [list(values[number * size : (number + 1) * size]) for number in range(parts - 1)]
    return [*cut, list(values[(parts - 1) * size :])]
