"""Packs that sin are stopped, and would not be without the guard."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.packs import sandbox
from hub.packs.remote import Packs
from tests.fakes import House
from tests.hostile_packs import kit
from tests.hostile_packs.kit import simple_house  # noqa: F401 - the fixture `house`
from tests.hostile_packs.walls import SINS, Sin
from tests.hostile_packs.world import to_sin_against

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.bubblewrap_trouble()), reason=sandbox.bubblewrap_trouble()),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with to_sin_against(tmp_path_factory.mktemp("hub")) as known:
        yield known


async def run(house: House, place: Path, sin: Sin, world: dict[str, Any]) -> kit.Ran:
    folder = kit.write(place, kit.code(sin.body))
    (folder / "link").unlink(missing_ok=True)
    (folder / "link").symlink_to(world["secret"])
    packs = Packs(kit.Shelf(folder), house.home)
    assert not packs.problems
    try:
        return await kit.call(packs, house.home, hint=json.dumps(world))
    finally:
        await packs.close()


@pytest.fixture
def inherited() -> Iterator[int]:
    """A file that the hub has open, and would hand down to a careless child."""
    descriptor = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("sin", SINS, ids=lambda sin: sin.name)
async def test_a_pack_is_kept_within_its_walls(
    house: House,
    tmp_path: Path,
    world: dict[str, Any],
    inherited: int,
    sin: Sin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEARTH_CANARY", "canary")
    kit.without_walls(monkeypatch, "open")
    known = {**world, "descriptor": inherited}
    shows = not sin.root or os.geteuid() == 0
    ran, *control = await asyncio.gather(
        run(house, tmp_path / "walled", sin, known),
        # The control: the same code, without walls.
        *([run(house, tmp_path / "open", sin, known)] if shows else []),
    )
    assert not ran.worked
    assert ran.error is not None
    assert "Evil" in ran.error.spoken
    for each in control:
        assert each.worked, f"shows nothing, since it fails without walls, too: {each.error}"
