"""What the broker delivered and nobody has looked at yet: never more than fits, the newest of each
topic first of all.

Devices may send faster than their messages can be understood. Of a topic on which much waits, the
older messages are left out: what a device said last is what it is.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import OrderedDict, deque

import aiomqtt

PACE = 0.01
"""Seconds between batches while messages keep coming in; the first after a pause is not delayed."""
KEPT = 16
"""Messages of one topic that wait together: a button says 'pressed' and 'released' at once."""
BUSY = 400
"""Messages waiting in all from which on only the last of each topic is kept."""
MAX_TOPICS = 20_000
"""Topics on which something waits."""
MAX_BYTES = 32 * 1024 * 1024
"""Of all that waits."""


class Inbox(asyncio.Queue[aiomqtt.Message]):
    """Stands in the place of aiomqtt's queue and is emptied in batches. `limit`: bytes of the
    largest message that is taken; what was too large or too much is counted."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.too_large: OrderedDict[str, int] = OrderedDict()
        """Topics of messages that were refused, with their length in bytes; the last few."""
        self.overflown = 0
        """Messages that were thrown away unread because too many topics had some waiting."""
        self._limit = limit
        self._waiting: OrderedDict[str, deque[tuple[int, bytes]]] = OrderedDict()
        self._number = 0
        self._size = 0
        self._count = 0
        self._arrived = asyncio.Event()
        self._ended = False
        self._taken = 0.0

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self.arrived(item.topic.value, item.payload)

    def arrived(self, topic: str, payload: bytes) -> None:
        """A message came in."""
        self._arrived.set()
        if len(payload) > self._limit:
            self.too_large[topic] = len(payload)
            if len(self.too_large) > 10:
                self.too_large.popitem(last=False)
            return
        there = self._waiting.get(topic)
        if there is None:
            there = self._waiting[topic] = deque()
        self._number += 1
        there.append((self._number, payload))
        self._count += 1
        self._size += len(payload)
        most = 1 if self._count > BUSY else KEPT
        while len(there) > most:
            self._drop(there)
        while len(self._waiting) > MAX_TOPICS or self._size > MAX_BYTES:
            _, oldest = self._waiting.popitem(last=False)
            while oldest:
                self.overflown += 1
                self._drop(oldest)

    def _drop(self, waiting: deque[tuple[int, bytes]]) -> None:
        _, payload = waiting.popleft()
        self._count -= 1
        self._size -= len(payload)

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._arrived.set()

    async def batch(self) -> list[tuple[str, bytes]] | None:
        """All that waits, in the order in which it came, as soon as there is something. None when
        nothing more will come."""
        await self._arrived.wait()
        pause = self._taken + PACE - time.monotonic()
        if pause > 0 and not self._ended:
            await asyncio.sleep(pause)
        self._taken = time.monotonic()
        self._arrived.clear()
        waiting, self._waiting = self._waiting, OrderedDict()
        self._count = self._size = 0
        if self._ended:
            self._arrived.set()
            if not waiting:
                return None
        queues = [[(number, topic, text) for number, text in q] for topic, q in waiting.items()]
        return [(topic, payload) for _, topic, payload in heapq.merge(*queues)]
