"""Stand-ins for the world outside, shared by all tests. Append; do not change what is here."""

from __future__ import annotations

import asyncio
import functools
import json
import selectors
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub.author.time import MovedTime
from hub.devices import homefile
from hub.devices.simulated import SimulatedHome
from hub.errors import DeviceError, StorageError
from hub.home.model import Home
from hub.messages import Call, StateChange, Wake
from hub.ports import FRAME_BYTES, FRAME_SAMPLES, Inventory

T = TypeVar("T")

# --- sound whose meaning is written in it --------------------------------------------------------
#
# A fake frame holds one number in all its samples: the probability of speech in thousandths, and
# WAKE where the wake word is heard. The fakes below read it back, so a test writes a scene as
# `silence(0.5) + speech(1.0)`, and sees in what is cut out which part of the scene it was.

WAKE = 7000


def frame(value: int) -> bytes:
    return struct.pack("<h", value) * FRAME_SAMPLES


def value(pcm: bytes) -> int:
    return int(struct.unpack_from("<h", pcm)[0])


def _frames(seconds: float, number: int) -> list[bytes]:
    return [frame(number)] * round(seconds * 16_000 / FRAME_SAMPLES)


def silence(seconds: float) -> list[bytes]:
    return _frames(seconds, 20)


def speech(seconds: float, probability: float = 0.95) -> list[bytes]:
    return _frames(seconds, round(probability * 1000))


def wake_word() -> list[bytes]:
    """0.8 s, detected in the last frame."""
    return [*speech(0.8)[:-1], frame(WAKE)]


class FakeSource:
    """An AudioSource with a script. If it is `realtime`, frames come only as `go` lets them."""

    def __init__(self, frames: Iterable[bytes], *, realtime: bool = False) -> None:
        self.realtime = realtime
        self.opened = 0
        self._frames = list(frames)
        self._allowed = asyncio.Semaphore(0)

    def go(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds * 16_000 / FRAME_SAMPLES)):
            self._allowed.release()

    async def frames(self) -> AsyncIterator[bytes]:
        self.opened += 1
        for item in self._frames:
            if self.realtime:
                await self._allowed.acquire()
            yield item


class FakeVoices:
    """A VoiceActivity that reads the probability from the frame."""

    def __init__(self) -> None:
        self.heard = 0

    async def process(self, pcm: bytes) -> list[float]:
        self.heard += len(pcm) // FRAME_BYTES
        return [
            min(1.0, value(pcm[i : i + FRAME_BYTES]) / 1000)
            for i in range(0, len(pcm), FRAME_BYTES)
        ]

    async def reset(self) -> None:
        pass


class FakeWakeWord:
    """A WakeWord that fires at WAKE."""

    def __init__(self) -> None:
        self.resets = 0

    async def process(self, pcm: bytes) -> Wake | None:
        values = [value(pcm[i : i + FRAME_BYTES]) for i in range(0, len(pcm), FRAME_BYTES)]
        return Wake("hey_jarvis", "Hey Jarvis", 0.99, 0.0) if WAKE in values else None

    async def reset(self) -> None:
        self.resets += 1


# --- a home ------------------------------------------------------------------------------------


class FakeSpeaker:
    """The hub's loudspeaker, as skills see it."""

    def __init__(self) -> None:
        self.volume = 0.5
        self.muted = False
        self.stopped = 0

    async def set_volume(self, volume: float) -> None:
        self.volume = min(1.0, max(0.0, volume))

    async def set_muted(self, muted: bool) -> None:
        self.muted = muted

    async def stop(self) -> None:
        self.stopped += 1


class FakeConversation:
    """What was said before, as skills see it."""

    def __init__(self, last_reply: str | None = None) -> None:
        self.last_reply = last_reply
        self.lacking: Call | None = None
        self.forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1

    def take_back(self) -> list[Any]:
        return []


class FakeClock:
    """It is always the same time."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


built_in_home = functools.cache(homefile.load)


class House:
    """A simulated home and the home made of it; `async with House() as house`.

    Without a file the built-in home; things move in no time."""

    def __init__(self, content: Any = None, *, transition: float = 0.0) -> None:
        inventory = built_in_home() if content is None else homefile.parse(content)
        self.devices = SimulatedHome(inventory, transition=transition)
        self.home = Home()

    async def __aenter__(self) -> House:
        await self.home.connect([self.devices])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.home.close()

    def state(self, entity_id: str) -> str:
        """What the device itself reports."""
        return self.devices.state(entity_id)

    def attribute(self, entity_id: str, name: str) -> Any:
        return self.devices.attributes(entity_id).get(name)

    def states(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """All that all devices report."""
        return {
            key: (self.devices.state(key), self.devices.attributes(key))
            for key in self.home.entities
        }


class BreakingSource(SimulatedHome):
    """A source whose link breaks when told to, and that can be kept away."""

    def __init__(self, inventory: Inventory, **more: Any) -> None:
        super().__init__(inventory, **more)
        self.away = False
        self.opened = asyncio.Semaphore(0)
        """Counts every attempt to open it."""
        self._broken: asyncio.Queue[Exception | None] = asyncio.Queue()

    def break_off(self, error: Exception | None = None) -> None:
        """The changes end, or raise."""
        self._broken.put_nowait(error)

    async def inventory(self) -> Inventory:
        self.opened.release()
        if self.away:
            raise DeviceError("the bridge does not answer")
        return await super().inventory()

    async def changes(self) -> AsyncIterator[StateChange]:
        changes = super().changes()
        told = asyncio.ensure_future(anext(changes))
        broken = asyncio.ensure_future(self._broken.get())
        try:
            while True:
                await asyncio.wait({told, broken}, return_when=asyncio.FIRST_COMPLETED)
                if broken.done():
                    if error := broken.result():
                        raise error
                    return
                yield told.result()
                told = asyncio.ensure_future(anext(changes))
        finally:
            told.cancel()
            broken.cancel()


# --- time ----------------------------------------------------------------------------------------


class FakeTime(MovedTime):
    """The two clocks of timers, moved by hand: no test waits.

    `advance` lets time pass; `set_clock` sets the clock on the wall alone."""

    def __init__(self, now: datetime, *, boot: str = "boot-1", steady: float = 100.0) -> None:
        super().__init__(now, steady=steady)
        self.boot = boot

    @property
    def sleepers(self) -> int:
        """How many wait for something."""
        return sum(not future.done() for _, future in self._sleeping)

    def set_clock(self, **by: float) -> None:
        """As a time server does; the keywords are those of `timedelta`."""
        self._now += timedelta(**by)

    def kill(self) -> None:
        """Whoever waits is gone: nothing wakes up any more."""
        self._sleeping.clear()

    def reboot(self, **took: float) -> None:
        """The steady clock begins anew; the one on the wall goes on."""
        self.boot, self._steady = f"{self.boot}+", 5.0
        self._now += timedelta(**took)


class _Skips(selectors.DefaultSelector):
    """Where nothing is to be read, time passes at once."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.passed += timeout
        return ready


def virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run it on a loop whose clock jumps to whatever is waited for: `sleep` takes no time."""
    skips = _Skips()
    loop = asyncio.SelectorEventLoop(skips)
    loop.time = lambda: skips.passed  # type: ignore[method-assign]
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


class FakeNotes:
    """Keeps one document, as the disk would: what is put is there when it is flushed."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.error: StorageError | None = None
        self._pending: dict[str, dict[str, Any]] = {}

    async def load(self) -> dict[str, dict[str, Any]]:
        if self.error:
            raise self.error
        return json.loads(json.dumps(self.kept))

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        self._pending[key] = dict(document)

    async def flush(self) -> None:
        if self.error:
            raise self.error
        self.kept |= json.loads(json.dumps(self._pending))

    async def close(self) -> None:
        pass


async def until(home: Home, is_so: Callable[[], bool]) -> None:
    """Wait for a change after which it is so."""
    news = asyncio.Event()
    stop = home.watch(lambda change: news.set())
    async with asyncio.timeout(2):
        while not is_so():
            await news.wait()
            news.clear()
    stop()
