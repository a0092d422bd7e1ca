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
async def test_a_large_home_costs_little_more_than_a_small_one() -> None:
    """In one run, in processor time: what the machine is and does besides does not count."""
    small, large = await measure(25), await measure(1000)
    assert large.p50 < 3 * small.p50
    assert large.unmatched_p95 < 10 * small.unmatched_p95
    assert large.megabytes < 80
