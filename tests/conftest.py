"""Fixtures shared by several test files: an assistant in the built-in home, its ears scripted."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from hub.config import Config
from hub.devices.simulated import SimulatedHome
from hub.dialogue.replies import Replies
from hub.home.model import Home
from hub.messages import Audio, Heard, Hypothesis, Trace, Utterance
from hub.pipeline import Assistant
from hub.router import Router
from hub.router.grammars import Grammars
from hub.router.places import Places
from hub.skillset import Skillset
from tests import pulse
from tests.fakes import FakeSpeaker

# How long an example takes is the machine's affair.
settings.register_profile("hearth", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hearth")

TOGETHER = (
    "test_daily_homeassistant",
    "test_homeassistant",
    "test_real_home",
    "test_real_home_rooms",
    "test_real_home_wyoming",
    "test_routines_homeassistant",
)
"""Files of one process: a process boots one Home Assistant, and keeps it."""
LONGEST = (
    *TOGETHER,
    "test_conversations_spoken",
    "test_conversations",
    "test_whole",
    "test_wyoming_engines",
    "test_systemd_nested",
    "test_mqtt_said",
    "test_process",
    "test_isolation_conduct",
    "test_faults_process",
    "test_conversations_languages",
)
"""Files that take longest, of the half that scripts/test hands out as it is ordered here: begun
late, they would be waited for."""

_as_it_was = sys.dont_write_bytecode
# Reading 150 test files takes each process twice as long if nothing of it is kept, as it is
# where $PYTHONDONTWRITEBYTECODE is set. The tests themselves run as that says.
sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    sys.dont_write_bytecode = _as_it_was


def _with_models(config: pytest.Config) -> bool:
    """Whether this is one of several processes with tests that need models."""
    return "PYTEST_XDIST_WORKER" in os.environ and "not models" not in config.option.markexpr


def pytest_configure(config: pytest.Config) -> None:
    """Models compute on all processors that they may use. Where several processes have tests with
    models, each has processors of its own: threads that wait for one another stand still when
    there are more of them than processors."""
    if _with_models(config):
        number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        of = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        own = sorted(os.sched_getaffinity(0))[number::of]
        if own:
            os.sched_setaffinity(0, own)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _with_models(config):
        order = {name: place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("soundcard"):
        pulse.need()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`: files whole, and those of TOGETHER in one process."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Whole(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return TOGETHER[0] if Path(file).stem in TOGETHER else file

    return Whole(config, log)


@pytest.fixture(scope="session", autouse=True)
def untidied() -> Iterator[None]:
    """A hub collects garbage when it has built its grammars, once. Tests build a hundred of them,
    and what they would walk through each time is all that pytest has loaded."""
    with pytest.MonkeyPatch.context() as patch:
        still = SimpleNamespace(collect=int, freeze=int, unfreeze=int, disable=int, enable=int)
        patch.setattr("hub.router.router.gc", still)
        yield


KEPT_GRAMMARS = 4
"""Of the homes of the last tests: some ten MB each."""


@pytest.fixture(scope="session", autouse=True)
def built_once() -> Iterator[None]:
    """The grammars of a home are made of its names and of the tools alone: those of the same home,
    which most tests have, are built once in a process. A hub has one home, and no use for it."""
    build = Router._build
    kept: list[tuple[list[object], Grammars]] = []

    def built(router: Router, places: Places) -> Grammars:
        made_of = [
            [*places.entities.items()],
            [*places.areas.items()],
            [*places.floors.items()],
            places.scale,
            router.tools,
            router.languages,
            router._without,
        ]
        for known in kept:
            if known[0] == made_of:
                kept.remove(known)
                break
        else:
            known = (made_of, build(router, places))
        kept[:] = [known, *kept[: KEPT_GRAMMARS - 1]]
        return replace(known[1], places=places, model=router._model_tier(places))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Router, "_build", built)
        yield


class ScriptedRecognizer:
    """Hears what it is told to hear; an exception in the script is raised."""

    def __init__(self) -> None:
        self.script: list[Utterance | Exception] = []
        self.with_names: str | Exception | None = None
        """What it makes of the same sound if it is told names; None: the same again."""
        self.with_names_score = 0.0
        self.names: tuple[str, ...] = ()
        """Those it was told last."""
        self._last = Utterance(())

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        if names:
            self.names = tuple(names)
            if isinstance(self.with_names, Exception):
                raise self.with_names
            text = self.with_names
            score = self.with_names_score
            return Utterance((Hypothesis(text, score),)) if text else self._last
        heard = self.script.pop(0)
        if isinstance(heard, Exception):
            raise heard
        self._last = heard
        return heard


class Household:
    """The built-in home with an assistant in it."""

    def __init__(self, devices: SimulatedHome, home: Home, assistant: Assistant) -> None:
        self.devices = devices
        self.home = home
        self.assistant = assistant
        self.recognizer = ScriptedRecognizer()
        assistant._recognizer = self.recognizer

    def __getitem__(self, entity_id: str) -> str:
        return self.home.state(entity_id).state

    async def say(self, text: str, area: str | None = None) -> Trace:
        return await self.assistant.say(text, area=area)

    async def hear(self, *readings: str) -> Trace:
        hypotheses = tuple(Hypothesis(text, -0.1 * rank) for rank, text in enumerate(readings))
        self.recognizer.script.append(Utterance(hypotheses))
        return await self.assistant.hear(Heard(Audio(bytes(32_000)), 0.8, 1.0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[tuple[SimulatedHome, Home, Router, Skillset]]:
    """Building the grammars takes most of a second: once for all."""
    config = Config.model_validate({"home": {"confirm_timeout": 0.3}})
    devices, home = SimulatedHome.from_file(transition=0), Home()
    await home.connect([devices])
    skillset = Skillset.load(config, home, speaker=FakeSpeaker())
    languages = ("en", "de")
    router = Router(home, skillset.specs(), model=None, settings=config.router, languages=languages)
    await router.prepare()
    yield devices, home, router, skillset
    await home.close()


@pytest_asyncio.fixture(loop_scope="module")
async def house(shared: tuple[SimulatedHome, Home, Router, Skillset]) -> AsyncIterator[Household]:
    """The built-in home as it is at first, and an assistant that remembers nothing."""
    devices, home, router, skillset = shared
    assistant = Assistant(
        home=home, router=router, skillset=skillset, replies=Replies(), languages=("en", "de")
    )
    before = {entity_id: home.state(entity_id) for entity_id in home.entities}
    yield Household(devices, home, assistant)
    for entity_id, state in before.items():
        devices.fault(entity_id)
        if home.state(entity_id) != state:
            devices.set_state(entity_id, state.state, **state.attributes)
            await asyncio.sleep(0)
