"""Topics of the hub's broker for packs: each message by a connection of its own, since packs have
something to say once in a while. What a pack may reach was decided before it comes to this.
"""

from __future__ import annotations

import asyncio

from hub.app import Broker
from hub.devices.mqtt.connection import connected
from hub.errors import DeviceError

EXPIRY = 10
"""Seconds after which an appliance need not hear of an order any more."""
MOST_AT_ONCE = 4
"""Connections of packs at the same time."""


class Topics:
    """What packs have of the broker. Its methods raise DeviceError."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    async def publish(self, topic: str, payload: str) -> None:
        """Say something, and wait until the broker has it."""
        self._possible()
        async with self._room, connected(self._broker.settings, "pack", session=0) as client:
            await client.send(topic, payload, expiry=EXPIRY)

    async def wait(self, topic: str, within: float) -> str | None:
        """The next message on a topic, or the one that is kept there; None after `within`
        seconds, and for what is no text."""
        self._possible()
        async with self._room, connected(self._broker.settings, "pack", session=0) as client:
            if await client.listen({topic: 1}):
                raise DeviceError(f"the MQTT broker does not let the hub hear {topic}")
            try:
                async with asyncio.timeout(within):
                    message = await anext(aiter(client.messages))
            except TimeoutError:
                return None
        try:
            return bytes(message.payload).decode()
        except UnicodeDecodeError:
            return None

    def _possible(self) -> None:
        if obstacle := self._broker.obstacle():
            raise DeviceError(obstacle)
