"""What sets other things off is asked for, unless its source says that it lets nobody in."""

from __future__ import annotations

import pytest

from hub.evaluate.homes import still_home
from hub.messages import Call
from hub.ports import Inventory, SourceEntity
from hub.skill import Where
from hub.skillset import Performed, Skillset, load

KINDS = ("automation", "button", "input_button", "scene", "script")


async def turned(tool: str, domain: str, guarded: bool | None, said: str = "Evening") -> Performed:
    """What comes of a command, in a home whose source says no more than this."""
    entity = SourceEntity(f"{domain}.x", "Evening", domain, guarded=guarded)
    home = await still_home(Inventory((entity,)))
    try:
        skills = Skillset(load()[0], home, confirm_timeout=0.05)
        return await skills.perform(Call(tool, {"name": said}), where=Where())
    finally:
        await home.close()


@pytest.mark.parametrize("domain", KINDS)
async def test_what_nobody_can_see_into_is_asked_for_and_the_reason_said(domain: str) -> None:
    done = await turned("HassTurnOn", domain, None)
    assert done.ask is not None
    assert done.ask.question == (
        "I cannot see what Evening does. It might let somebody in. Shall I go on?"
    )
    assert done.outcomes == ()


@pytest.mark.parametrize("domain", KINDS)
async def test_what_its_source_has_looked_into_is_just_done(domain: str) -> None:
    done = await turned("HassTurnOn", domain, False)
    assert done.ask is None
    assert [outcome.entity_id for outcome in done.outcomes] == [f"{domain}.x"]


@pytest.mark.parametrize("domain", ["automation", "script"])
async def test_stopping_lets_nobody_in(domain: str) -> None:
    assert (await turned("HassTurnOff", domain, None)).ask is None


async def test_a_light_is_no_entrance_even_if_its_source_says_nothing() -> None:
    assert (await turned("HassTurnOn", "light", None)).ask is None


@pytest.mark.parametrize("guarded", [None, True])
async def test_a_misheard_name_runs_nothing_that_may_let_somebody_in(guarded: bool | None) -> None:
    """A yes to 'did you mean' would be no yes to an open door."""
    done = await turned("HassTurnOn", "scene", guarded, said="evenings")
    assert done.ask is None
    assert done.missing is not None
