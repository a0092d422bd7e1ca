"""What listening costs while nobody speaks: processor time of the wake stage, in real time."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import AsyncIterator
from typing import Any

from hub.app import open_hub
from hub.config import Config
from hub.evaluate.resources import Usage, usage
from hub.ports import FRAME_SAMPLES, FRAME_SECONDS

SECONDS = 30.0
LEVEL = 30
"""Amplitude of the noise of a still room with a cheap microphone, of 32,767."""


class StillRoom:
    """An `AudioSource` in which nothing happens, at the pace of a microphone."""

    realtime = True

    def __init__(self, seconds: float) -> None:
        self._count = round(seconds / FRAME_SECONDS)
        noise = random.Random(7)
        self._frames = [
            struct.pack(
                f"<{FRAME_SAMPLES}h",
                *(noise.randint(-LEVEL, LEVEL) for _ in range(FRAME_SAMPLES)),
            )
            for _ in range(32)
        ]

    async def frames(self) -> AsyncIterator[bytes]:
        due = time.monotonic()
        for number in range(self._count):
            due += FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            yield self._frames[number % len(self._frames)]


async def measure(config: Config, seconds: float = SECONDS) -> dict[str, Any]:
    """Percent of one core, for each process and for all; and wake words heard (none, one hopes)."""
    async with open_hub(config, ears=True, remember=False) as hub:
        workers = {worker.name: worker.pid for worker in hub.workers}
        await hub.room(StillRoom(2.0)).converse()  # first-time work is no idling
        before = {one.name: one for one in usage(workers)}
        started = time.monotonic()
        turns = await hub.room(StillRoom(seconds)).converse()
        passed = time.monotonic() - started
        after = usage(workers)
    percent = {one.name: _percent(before[one.name], one, passed) for one in after}
    return {
        "percent_of_a_core": percent | {"all": round(sum(percent.values()), 2)},
        "seconds": round(passed, 1),
        "turns": turns,
    }


def _percent(before: Usage, after: Usage, seconds: float) -> float:
    return round(100 * (after.cpu_seconds - before.cpu_seconds) / seconds, 2)
