"""What a connection has to do, one thing after the other, while it goes on listening."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hub.engines.wyoming_link import MalformedEvent

Job = Callable[[], Awaitable[None]]

MOST_JOBS = 8
"""Requests of one kind that one connection may have open at a time."""


class Jobs:
    """Runs requests in the order they came. `failed` is told what went wrong with one of them."""

    def __init__(self, name: str, failed: Callable[[Exception], Awaitable[None]]) -> None:
        self._name = name
        self._failed = failed
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._open = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._open > 0

    async def put(self, job: Job) -> None:
        """Raises MalformedEvent if there are too many already."""
        if self._open >= MOST_JOBS:
            raise MalformedEvent(f"more than {MOST_JOBS} requests at a time")
        self._open += 1
        self._queue.put_nowait(job)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"wyoming-{self._name}")

    async def close(self) -> None:
        """Give up what is not done."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            job = await self._queue.get()
            try:
                await job()
            except Exception as error:  # told by the connection, which knows what to expect
                await self._failed(error)
            finally:
                self._open -= 1


def plain(data: Mapping[str, Any], key: str, *, longest: int = 200) -> str | None:
    """A text from outside; None if it is not there. Half characters, which no terminal and no file
    can hold, are replaced. Raises MalformedEvent for what is no text, or longer."""
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise MalformedEvent(f"a {key} that is no text")
    if len(value) > longest:
        raise MalformedEvent(f"a {key} of {len(value)} characters; {longest} are taken")
    return value.encode("utf-8", "replace").decode("utf-8")
