"""Messages from and to the broker, on their way: how many there may be, and what is known of them.

Nothing here waits for the broker: what cannot be sent soon is of no use any more, and is dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hub.bridges.requests import Refused
from hub.devices.mqtt.connection import Client, Denied

log = logging.getLogger(__name__)

MOST_IN, BYTES_IN = 64, 8 * 1024 * 1024
"""Messages that wait to be looked at, and their bytes."""
MOST_OUT = 200
"""Messages that wait to be sent."""
SENT_IN = 5.0
"""Seconds that the broker has to take one."""
EXPIRY = 60
"""Seconds after which nobody needs to know of a turn any more."""

JSON, WAV, TEXT = "application/json", "audio/wav", "text/plain"
PNG, JPEG = "image/png", "image/jpeg"


class Inbox(asyncio.Queue[aiomqtt.Message]):
    """Stands in the place of aiomqtt's queue, which is bounded by number alone."""

    _waiting = 0

    def full(self) -> bool:
        return self.qsize() >= MOST_IN or self._waiting >= BYTES_IN

    def _put(self, item: aiomqtt.Message) -> None:
        self._waiting += len(item.payload)
        super()._put(item)

    def _get(self) -> aiomqtt.Message:
        item: aiomqtt.Message = super()._get()
        self._waiting -= len(item.payload)
        return item


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message for the hub."""

    topic: str
    payload: bytes
    answer_to: str | None = None
    """MQTT 5's response topic."""
    correlation: bytes | None = None
    """MQTT 5's correlation data, given back with the answer."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """MQTT 5's user properties."""

    @classmethod
    def of(cls, message: aiomqtt.Message) -> Incoming:
        more = message.properties
        return cls(
            message.topic.value,
            message.payload,
            getattr(more, "ResponseTopic", None) or None,
            getattr(more, "CorrelationData", None),
            dict(getattr(more, "UserProperty", ())),
        )

    def allowed(self, replies: str) -> None:
        """Raises Refused for a response topic that does not begin with `replies`.

        The hub may write where its callers may not. Were it to answer anywhere, they could."""
        topic = self.answer_to
        if topic is not None and (not topic.startswith(replies) or set(topic) & set("+#\0")):
            raise Refused(f"a response topic has to begin with {replies}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of the hub."""

    topic: str
    payload: str | bytes
    qos: int = 0
    retain: bool = False
    kind: str = TEXT
    """Content type."""
    correlation: bytes | None = None

    def properties(self) -> Properties:
        """Those of MQTT 5."""
        made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        made.ContentType = self.kind
        if self.correlation is not None:
            made.CorrelationData = self.correlation
        made.MessageExpiryInterval = EXPIRY
        return made


class Outbox:
    """Sends what is put here, in order, while there is a connection."""

    def __init__(self, *, modern: bool) -> None:
        """`modern`: MQTT 5, which has properties."""
        self._modern = modern
        self._queue: asyncio.Queue[Outgoing] = asyncio.Queue(MOST_OUT)
        self._open = False
        self._dropped = 0
        self._denied: set[str] = set()
        """Topics on which the broker lets the hub not write."""

    def put(self, *messages: Outgoing) -> None:
        """To be sent soon, or not at all."""
        for message in messages:
            if not self._open:
                return
            try:
                self._queue.put_nowait(message)
            except asyncio.QueueFull:
                self._dropped += 1

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self) -> None:
        """There is a connection; what follows is for it."""
        self._open = True

    def close(self) -> None:
        """There is none any more; nothing is kept for the next."""
        self._open = False
        while not self._queue.empty():
            self._queue.get_nowait()

    async def send(self, client: Client) -> None:
        """Until it is closed, or cancelled; a cancellation can get lost in `asyncio.wait_for`,
        which aiomqtt uses."""
        while self._open:
            message = await self._queue.get()
            try:
                await self._send(client, message)
            except Denied as error:
                self._complain(message.topic, error)
            except ValueError as error:
                log.warning("MQTT: %s cannot be published: %s", message.topic, error)
            except (aiomqtt.MqttError, OSError, TimeoutError) as error:
                log.debug("MQTT: %s was not published: %s", message.topic, error)
            if self._dropped and self._queue.empty():
                log.warning("MQTT: %d messages were too many at once, and lost", self._dropped)
                self._dropped = 0

    async def _send(self, client: Client, message: Outgoing) -> None:
        if message.retain:  # whether the broker takes these is worth knowing
            async with asyncio.timeout(SENT_IN):
                await client.send(
                    message.topic, message.payload, qos=message.qos, retain=True, expiry=EXPIRY
                )
            return
        more: dict[str, Any] = {"properties": message.properties()} if self._modern else {}
        await client.publish(
            message.topic, message.payload, qos=message.qos, timeout=SENT_IN, **more
        )

    def _complain(self, topic: str, error: Denied) -> None:
        if topic not in self._denied:
            self._denied.add(topic)
            log.warning(
                "MQTT: the broker does not let the hub publish on %s (%s): allow it in its ACL",
                topic,
                error.rc,
            )
