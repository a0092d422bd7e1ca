"""What the benches report is what happened."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from hub.evaluate.bench_voice import reply_latency
from hub.evaluate.resources import total_pss, usage
from hub.messages import Audio


class Slow:
    """A synthesizer that takes 20 ms for a second of speech."""

    name = "slow"

    async def synthesize(self, text: str) -> Audio:
        await asyncio.sleep(0.02)
        return Audio(b"\1\0" * 22_050, 22_050)


async def test_new_replies_take_the_voice_and_cached_ones_do_not() -> None:
    measured = await reply_latency(Slow(), ["One.", "Two.", "Three."])
    assert measured.replies == 3
    assert 20 <= measured.new_p50 <= measured.new_p95 < 2000
    assert measured.cached_p50 < 20
    assert measured.real_time_factor == pytest.approx(0.02, rel=9)
    assert set(measured.to_json()) == {"replies", "new_ms", "cached_ms", "real_time_factor"}


async def test_memory_is_that_of_the_hub_and_of_the_workers_that_are_up() -> None:
    hold = "import sys; x = bytes(range(256)) * 400_000; print(flush=True); sys.stdin.read()"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", hold, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout
    try:
        await child.stdout.readline()
        hub, voice = usage({"voice": child.pid, "recognizer": None})
    finally:
        await child.communicate(b"")
    assert (hub.name, hub.pid, voice.name) == ("hub", os.getpid(), "voice")
    assert voice.rss > 100
    assert 0 < voice.pss <= voice.rss
    assert total_pss([hub, voice]) == pytest.approx(hub.pss + voice.pss)
    assert [one.name for one in usage({"voice": child.pid})] == ["hub"]
