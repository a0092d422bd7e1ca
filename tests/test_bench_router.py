"""The rules are fast in small and in large homes, and light."""

from __future__ import annotations

import pytest

from hub.evaluate.bench_router import commands, measure
from hub.evaluate.homes import generated, still_home


async def test_the_commands_are_varied_and_about_this_home() -> None:
    home = await still_home(generated(40))
    found = commands(home)
    assert len(found) > 90
    assert len(set(found)) > 50
    assert any(next(iter(home.areas.values())).name in text for text in found)
    await home.close()


@pytest.mark.slow
@pytest.mark.parametrize(("entities", "median"), [(25, 10.0), (1000, 30.0)])
async def test_latency(entities: int, median: float) -> None:
    figures = await measure(entities)
    # Processor time: what other programs do meanwhile does not count.
    assert figures.p50 < median
    assert figures.unmatched_p95 < 10 * median
    assert figures.megabytes < 80
