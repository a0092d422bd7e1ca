"""Waiting on the steady clock, whose `sleep` may end early: then it is to be looked at again."""

from __future__ import annotations

import asyncio
from typing import Any

from hub.timers.clock import Time


async def full(time: Time, seconds: float) -> None:
    """So long, whatever becomes of the clock on the wall."""
    until = time.steady() + seconds
    while (left := until - time.steady()) > 0:
        await time.sleep(left)


async def until_set(event: asyncio.Event, time: Time, seconds: float | None) -> None:
    """Until an event is set, or for so many seconds at most, or less where that is long."""
    waiting: set[asyncio.Task[Any]] = {asyncio.create_task(event.wait())}
    if seconds is not None:
        waiting.add(asyncio.create_task(_slept(time, seconds)))
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _slept(time: Time, seconds: float) -> None:
    await time.sleep(seconds)
