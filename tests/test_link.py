"""A device source that is lost: its devices are unavailable, and it is taken up again."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub import doctor
from hub.config import Config
from hub.control import ControlServer
from hub.dialogue.replies import Replies
from hub.home import link
from hub.home.model import Home
from hub.messages import Call
from hub.pipeline import Assistant
from hub.router import Router
from hub.skill import Where
from hub.skillset import Skillset, load
from tests.fakes import BreakingSource, built_in_home, until

LAMP = "light.hallway"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(link, "LONGEST_PAUSE", 0.02)


@pytest_asyncio.fixture
async def source() -> BreakingSource:
    return BreakingSource(built_in_home(), transition=0)


@pytest_asyncio.fixture
async def home(source: BreakingSource) -> AsyncIterator[Home]:
    home = Home()
    await home.connect([source])
    yield home
    await home.close()


async def said(home: Home, call: Call) -> str:
    done = await Skillset(load()[0], home, confirm_timeout=0.1).perform(call, where=Where())
    return Replies().for_turn([(call, done)], home, "en")


@pytest.mark.parametrize("error", [None, OSError("broken pipe"), KeyError("a fault of its own")])
async def test_a_source_that_breaks_off_is_taken_up_at_once(
    source: BreakingSource, home: Home, error: Exception | None
) -> None:
    await source.opened.acquire()
    source.set_state(LAMP, "off")
    source.break_off(error)
    await source.opened.acquire()
    source.set_state(LAMP, "on")
    await until(home, lambda: home.state(LAMP).state == "on")
    assert home.troubles == {source.name: None}


async def test_what_happened_while_it_was_away_is_known_afterwards(
    source: BreakingSource, home: Home
) -> None:
    source.away = True
    source.break_off()
    await until(home, lambda: home.state(LAMP).state == "unavailable")
    source.set_state("lock.front_door", "unlocked")
    source.away = False
    await until(home, lambda: home.state(LAMP).available)
    assert home.state("lock.front_door").state == "unlocked"


async def test_a_device_that_is_gone_afterwards_is_forgotten(
    source: BreakingSource, home: Home
) -> None:
    revision, whole = home.revision, source._inventory
    await source.opened.acquire()
    rest = tuple(entity for entity in whole.entities if entity.entity_id != LAMP)
    source._inventory = dataclasses.replace(whole, entities=rest)
    source.break_off()
    await source.opened.acquire()
    source.set_state("light.garage", "on")
    await until(home, lambda: home.state("light.garage").state == "on")
    assert LAMP not in home.entities
    assert home.revision > revision


async def test_it_is_tried_again_and_again_and_the_log_says_so_once(
    source: BreakingSource, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    source.away = True
    with caplog.at_level(logging.WARNING):
        source.break_off(OSError("broken pipe"))
        for _ in range(5):
            await source.opened.acquire()
        trouble = home.troubles[source.name]
        assert trouble is not None and trouble.reason == "the bridge does not answer"
        source.away = False
        await until(home, lambda: home.state(LAMP).available)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "lost the device source simulated: broken pipe; it is tried again",
        "the device source simulated is back",
    ]


async def test_commands_and_questions_are_answered_honestly_meanwhile(
    source: BreakingSource, home: Home
) -> None:
    source.away = True
    source.break_off()
    await until(home, lambda: home.state(LAMP).state == "unavailable")
    turn_on = Call("HassTurnOn", {"name": "Hallway Light"})
    assert await said(home, turn_on) == "Sorry, the Hallway Light is not available."
    locked = Call("HassGetState", {"name": "Front Door", "state": "locked"}, "one_yesno")
    assert await said(home, locked) == "The Front Door is not available."
    any_on = Call("HassGetState", {"domain": "light", "state": "on"}, "any")
    assert "not available" in await said(home, any_on)
    assert not (await said(home, any_on)).startswith("No")


async def test_the_doctor_names_a_lost_source(
    source: BreakingSource, home: Home, tmp_path: Path
) -> None:
    settings = Config.model_validate({"hub": {"runtime": tmp_path / "run"}})
    skills = Skillset(load()[0], home)
    router = Router(home, [], model=None, settings=settings.router, languages=["en"])
    assistant = Assistant(home=home, router=router, skillset=skills, replies=Replies())
    server = ControlServer(settings.hub.runtime, assistant)
    await server.start()
    try:
        assert (await doctor.running(settings)).health == "good"
        source.away = True
        source.break_off()
        await until(home, lambda: home.state(LAMP).state == "unavailable")
        found = await doctor.running(settings)
        assert found.health == "bad"
        assert "simulated" in found.detail and "the bridge does not answer" in found.detail
        assert found.remedy
    finally:
        await server.close()
