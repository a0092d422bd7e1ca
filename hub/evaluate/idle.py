"""What listening costs while nobody speaks: processor time of the wake stage, in real time."""

from __future__ import annotations

import random
import struct
import time
from typing import Any

from hub.app import open_hub
from hub.audio.files import Recording
from hub.config import Config
from hub.evaluate.resources import Usage, usage
from hub.messages import SAMPLE_RATE, Audio

SECONDS = 30.0
LEVEL = 30
"""Amplitude of the noise of a still room with a cheap microphone, of 32,767."""


def still_room(seconds: float) -> Recording:
    """A room in which nothing happens, at the pace of a microphone."""
    noise = random.Random(7)
    second = struct.pack(
        f"<{SAMPLE_RATE}h", *(noise.randint(-LEVEL, LEVEL) for _ in range(SAMPLE_RATE))
    )
    pcm = second * (int(seconds) + 1)
    sound = Audio(pcm[: 2 * round(seconds * SAMPLE_RATE)])
    return Recording(sound, realtime=True, silence=0.0)


async def measure(config: Config, seconds: float = SECONDS) -> dict[str, Any]:
    """Percent of one core, for each process and for all; and wake words heard (none, one hopes)."""
    async with open_hub(config, ears=True, remember=False) as hub:
        workers = {worker.name: worker.pid for worker in hub.workers}
        await hub.room(still_room(2.0)).converse()  # first-time work is no idling
        before = {one.name: one for one in usage(workers)}
        started = time.monotonic()
        turns = await hub.room(still_room(seconds)).converse()
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
