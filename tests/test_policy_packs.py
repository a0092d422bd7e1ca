"""A pack's tool of class R3 goes the way of the hub's own: a PIN, or a tap on the phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.messages import Call
from hub.packs import sandbox
from hub.packs.remote import Packs
from hub.policy import Policy
from hub.policy.pin import Pin
from hub.skill import Where
from hub.skillset import Skillset
from tests.fakes import FakeTime, House
from tests.hostile_packs import kit
from tests.hostile_packs.kit import Permitted

pytestmark = pytest.mark.skipif(
    bool(sandbox.bubblewrap_trouble()), reason=sandbox.bubblewrap_trouble()
)

HERE = Where("Hallway")
UNLOCK = 'await home.call("lock.unlock", home.find(domains=["lock"], area="Hallway"))\nreturn None'


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as house:
        yield house


def pin_of(tmp_path: Path) -> Pin:
    return Pin(tmp_path / "pin.json", FakeTime(datetime(2026, 11, 27, tzinfo=UTC)))


async def test_a_pack_unlocks_only_after_the_pin_and_a_yes_that_names_the_door(
    house: House, tmp_path: Path
) -> None:
    code = kit.code(UNLOCK, services="home: Home")
    folder = kit.write(
        tmp_path / "pack", code, Permitted({"home.domains": ["lock"], "home.act": True}, "R3")
    )
    packs, pin = Packs(kit.Shelf(folder), house.home), pin_of(tmp_path)
    skills = Skillset(packs.handlers(), house.home, confirm_timeout=0.3, policy=Policy(pin=pin))
    try:
        refused = await skills.perform(Call("evil.sin"), where=HERE, confirmed=True)
        assert refused.refused and house.state("lock.front_door") == "locked"
        pin.set("4826")
        asked = await skills.perform(Call("evil.sin"), where=HERE, confirmed=True)
        assert asked.ask and "PIN" in asked.ask.question and asked.waiting
        wrong = await asked.waiting.answer("1235")
        assert wrong.waiting and house.state("lock.front_door") == "locked"
        named = await wrong.waiting.answer("4826")
        assert named.ask and "Front Door" in named.ask.question and named.waiting
        assert house.state("lock.front_door") == "locked"
        done = await named.waiting.answer(True)
        assert house.state("lock.front_door") == "unlocked"
        assert [outcome.entity_id for outcome in done.outcomes] == ["lock.front_door"]
    finally:
        await skills.close()
        await packs.close()
