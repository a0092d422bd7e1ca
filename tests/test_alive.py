"""Whether the hub does what it is there for: what feeds the watchdog, and what only seems bad."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.activity import Activity
from hub.alive import EARLY, PERIODS, Alive
from hub.app import Broker, open_hub
from hub.config import ListenSettings, WakeSettings, parse
from hub.engines.worker import Worker
from hub.listening import Listener
from hub.messages import Wake
from hub.notify import Notifier
from hub.service import _abandoned
from tests.fakes import FakeSource, FakeVoices, FakeWakeWord, House, settle, silence
from tests.test_systemd import Manager

PERIOD = 60.0
"""Seconds, as in the unit."""
PATIENCE = PERIODS * PERIOD
DAY = 86_400.0


class Clock:
    """The monotonic clock, which is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr("hub.listening.monotonic", moved)
    return moved


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path / "notify.sock")
    yield listening
    listening.close()


class Stuck(FakeWakeWord):
    """A detector that, once it hangs, answers nobody until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()
        self.answers.set()

    async def process(self, pcm: bytes) -> Wake | None:
        await self.answers.wait()
        return await super().process(pcm)


class Kitchen:
    """A room that waits for its wake word, and the hub that is watched by it."""

    def __init__(self, clock: Clock, abandoned: Callable[[], list[str]] = list) -> None:
        self.clock = clock
        self.source = FakeSource(silence(7200), realtime=True)
        self.detector = Stuck()
        self.listener = Listener(
            self.source, self.detector, FakeVoices(), ListenSettings(), WakeSettings()
        )
        activity = Activity()
        activity.follow(self.listener)
        self.alive = Alive(activity, abandoned, PATIENCE, clock)
        self.waiting = asyncio.create_task(self.listener.wait_for_wake())

    async def sounds(self, seconds: float) -> None:
        """Let sound come for so long."""
        for _ in range(round(seconds)):
            self.clock.now += 1.0
            self.source.go(1.0)
            await settle()

    async def close(self) -> None:
        self.waiting.cancel()
        await asyncio.wait({self.waiting})
        await self.listener.close()


async def test_who_hears_no_sound_any_more_though_it_comes_is_not_well(clock: Clock) -> None:
    kitchen = Kitchen(clock)
    await kitchen.sounds(5)
    kitchen.detector.answers.clear()
    await kitchen.sounds(PATIENCE - 10)
    assert kitchen.alive.ill() == ""
    await kitchen.sounds(20)
    assert kitchen.alive.ill() == "sound comes, and nobody listens to it"
    kitchen.detector.answers.set()
    await settle()
    assert kitchen.alive.ill() == ""
    await kitchen.close()


async def test_a_day_with_a_still_room_and_with_a_muted_microphone_is_well(clock: Clock) -> None:
    kitchen = Kitchen(clock)
    await kitchen.sounds(PATIENCE * 3)
    assert kitchen.alive.ill() == ""
    # In the middle of a batch, it gives no more: muted, or pulled out.
    kitchen.source.go(0.1)
    await settle()
    for _ in range(10):
        clock.now += DAY / 10
        await settle()
        assert kitchen.alive.ill() == ""
    await kitchen.sounds(5)
    assert kitchen.alive.ill() == ""
    await kitchen.close()


async def test_a_long_reply_and_a_long_thought_are_well(clock: Clock) -> None:
    kitchen = Kitchen(clock)
    await kitchen.sounds(2)
    kitchen.waiting.cancel()  # somebody is answered: the sound of meanwhile is for later
    await kitchen.sounds(PATIENCE * 2)
    assert kitchen.alive.ill() == ""
    kitchen.waiting = asyncio.create_task(kitchen.listener.wait_for_wake())
    assert kitchen.alive.ill() == ""
    await kitchen.sounds(5)
    assert kitchen.alive.ill() == ""
    await kitchen.close()


async def test_a_source_that_is_not_followed_any_more_is_not_well(clock: Clock) -> None:
    async with House() as house:
        alive = Alive(Activity(), lambda: house.home.abandoned, PATIENCE, clock)
        clock.now += DAY
        assert alive.ill() == ""
        [following] = house.home._tasks
        following.cancel()  # stands for any fault of the hub's own that ends it
        await asyncio.wait({following})
        assert alive.ill() == ""
        clock.now += PATIENCE - 1
        assert alive.ill() == ""
        clock.now += 1
        assert alive.ill() == "ended: home-changes-simulated"
        house.home._tasks.clear()


async def test_what_ends_soon_after_the_start_is_told_and_restarts_nothing(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []
    alive = Alive(Activity(), lambda: ended, PATIENCE, clock)
    clock.now += EARLY - 1
    ended.append("mqtt-broker")
    assert alive.ill() == ""
    assert "mqtt-broker has ended" in caplog.text
    clock.now += DAY
    assert alive.ill() == ""


async def test_an_engine_that_cannot_be_loaded_or_was_closed_is_no_reason() -> None:
    broken = Worker("broken", "hub.nowhere:Engine", [{}])
    broken.start_soon()
    keeper = broken._keeper
    assert keeper is not None and not broken.abandoned
    keeper.cancel()  # its supervisor, by no wish of anybody's
    await asyncio.wait({keeper})
    assert broken.abandoned
    await broken.close()
    assert not broken.abandoned


async def test_the_watchdog_is_fed_only_while_the_hub_is_well(manager: Manager) -> None:
    wrong = ""
    notifier = Notifier(str(manager.path), watchdog=0.2)
    watching = asyncio.create_task(notifier.watch(lambda: "well", lambda: wrong))
    try:
        async with asyncio.timeout(20):
            assert [*await manager.told(), *await manager.told()] == ["STATUS=well", "WATCHDOG=1"]
            wrong = "nobody listens"
            while (told := await manager.told()) == ["WATCHDOG=1"]:
                pass
            assert told == ["STATUS=not well: nobody listens"]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await manager.told()
            wrong = ""
            assert [*await manager.told(), *await manager.told()] == ["STATUS=well", "WATCHDOG=1"]
    finally:
        watching.cancel()


async def test_a_whole_hub_names_what_it_has_lost(tmp_path: Path) -> None:
    lines = [f'{name} = "{tmp_path / name}"' for name in ("data", "cache", "runtime")]
    config = parse("\n".join(["[hub]", *lines, "[router]", 'model = ""', ""]))
    spare = Worker("spare", "hub.nowhere:Engine", [{}])
    async with open_hub(config) as hub:
        assert _abandoned(hub, [spare]) == []
        hub.broker = Broker(config.mqtt, abandoned=lambda: True)
        hub.home._tasks[0].cancel()
        await asyncio.wait(hub.home._tasks[:1])
        assert _abandoned(hub, [spare]) == ["home-changes-simulated", "mqtt-broker"]
        del hub.home._tasks[0]
