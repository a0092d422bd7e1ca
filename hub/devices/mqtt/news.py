"""What is new on a broker, for who reads it: changes of state, and inventories."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from hub.messages import StateChange
from hub.ports import Inventory

BACKLOG = 2_000
"""Changes that wait for a reader; more are told as a whole inventory."""


class Listener:
    """News for one reader, until the connection ends."""

    def __init__(self) -> None:
        self._news: deque[StateChange | Inventory] = deque()
        self._there = asyncio.Event()
        self._ended = False
        self._failure: Exception | None = None

    def put(self, news: StateChange | Inventory, whole: Callable[[], Inventory]) -> None:
        if len(self._news) >= BACKLOG:
            self._news.clear()
            news = whole()
        self._news.append(news)
        self._there.set()

    def end(self, failure: Exception | None) -> None:
        """`failure`: why it ended; None if that was meant."""
        self._ended, self._failure = True, failure
        self._there.set()

    async def __aiter__(self) -> AsyncGenerator[StateChange | Inventory, None]:
        count = 0
        while True:
            if not self._news:
                if self._ended and self._failure is not None:
                    raise self._failure
                if self._ended:
                    return
                self._there.clear()
                await self._there.wait()
                continue
            count += 1
            if count % 50 == 0:
                await asyncio.sleep(0)
            if self._news:
                yield self._news.popleft()
