"""What is around the hub in a soak: a broker that is ended and started, and devices on it. All of
it is on the loopback interface."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import aiomqtt

from hub.devices.mqtt.broker import find
from hub.errors import HearthError

ROOMS = ("Kitchen", "Living Room", "Bedroom", "Hallway", "Office")
LAMPS = ("Shelf Lamp", "Reading Lamp", "Night Light")
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


def fractions(values: Sequence[float], parts: int) -> list[list[float]]:
    """In order, as many parts of the same length, of few values fewer; what does not divide is in
    the last."""
    size = max(1, len(values) // parts)
    cut = [list(values[number * size : (number + 1) * size]) for number in range(parts - 1)]
    return [part for part in (*cut, list(values[(parts - 1) * size :])) if part]
