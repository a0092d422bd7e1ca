"""Plays a conversation in the real hub: the simulated home, a clock moved by hand, and ears that
take down what is said."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hub import config as settings
from hub.app import Hub, open_hub
from hub.audio.earcons import NOTES, earcon
from hub.author.time import MovedTime
from hub.author.time import settle as settled
from hub.bridges.orders import Orders
from hub.bridges.post import Incoming, Outbox
from hub.bridges.requests import Origin
from hub.bridges.topics import Topics
from hub.config import Config
from hub.messages import Audio, Trace
from tests.conversations.script import Script, Step, fits

T = TypeVar("T")

RATE = 11_111
"""Hz of what the voice says here: it tells words from tones."""
LOUD = 16_384
PATIENCE = 0.3
"""Seconds a device has to report."""


class Threads:
    """All threads that work for the hub, and whether any of them does."""

    def __init__(self) -> None:
        self.busy = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        submit = ThreadPoolExecutor.submit

        def counted(pool: Any, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
            self.busy += 1
            future = submit(pool, fn, *args, **kwargs)
            future.add_done_callback(self._less)
            return future

        ThreadPoolExecutor.submit = counted  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]

    def _less(self, _: Future[Any]) -> None:
        self.busy -= 1


class Clock(MovedTime):
    """Time passes when it is told to; meanwhile everything that wakes up is done with its work."""

    def __init__(self, now: datetime, zone: ZoneInfo, threads: Threads) -> None:
        super().__init__(now, steady=1000.0)
        self.zone = zone
        self._threads = threads

    async def settle(self) -> None:
        quiet = 0
        while quiet < 3:
            await settled()
            await asyncio.sleep(0.003)  # for threads that nobody counts
            quiet += 1
            while self._threads.busy:
                quiet = 0
                await asyncio.sleep(0.001)

    async def advance(self, seconds: float) -> None:
        end = self._steady + seconds
        await self.settle()
        while due := [at for at, future in self._sleeping if at <= end and not future.done()]:
            self._to(max(self._steady, min(due)))
            for at, future in self._sleeping:
                if at <= self._steady and not future.done():
                    future.set_result(None)
            self._sleeping = [each for each in self._sleeping if not each[1].done()]
            await self.settle()
        self._to(end)
        await self.settle()

    def forget_sleepers(self) -> None:
        """Whoever slept is gone with the hub."""
        self._sleeping = [each for each in self._sleeping if not each[1].done()]


class Mouth:
    """A voice whose sounds tell what was said, and a loudspeaker that takes it down."""

    name = "taken-down"
    rate = RATE
    _texts: dict[int, str]

    def __init__(self) -> None:
        self.said: list[str] = []
        """Sentences, and tones as `<done>`."""
        self.volumes: list[float] = []
        self.answered = 0
        """How much was said when the last reply was over."""
        self._texts = {}
        self._numbers = count(1)
        self._tones = {len(earcon(name).pcm): f"<{name}>" for name in NOTES}

    async def synthesize(self, text: str) -> Audio:
        number = next(self._numbers)
        self._texts[number] = text
        return Audio(struct.pack("<h", LOUD) * number, RATE)

    async def play(self, audio: Audio) -> None:
        if audio.rate != RATE:
            self.said.append(self._tones.get(len(audio.pcm), "<tone>"))
            return
        self.said.append(self._texts[len(audio.pcm) // 2])
        self.volumes.append((struct.unpack_from("<h", audio.pcm)[0] / LOUD) ** 0.5)

    async def close(self) -> None:
        pass


@dataclass
class Player:
    """A hub, and people who talk to it."""

    script: Script
    config: Config
    clock: Clock
    mouth: Mouth
    hub: Hub
    orders: Orders
    shown: list[str] = field(default_factory=list)
    """What is shown of what is said unasked."""
    traces: list[Trace] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody elsewhere has got a reply."""

    async def begin(self) -> None:
        simulated = self.hub.home.source("simulated")
        if simulated is not None:
            simulated._transition = 0.0  # type: ignore[attr-defined]
        self.hub.begin_timers(
            tone=lambda: self.hub.voice.play(earcon("timer")),  # type: ignore[union-attr]
            alarm=lambda volume: self.hub.voice.play(earcon("alarm")),  # type: ignore[union-attr]
            show=self.shown.append,
            tell=self.shown.append,
        )
        pin = self.hub.skillset.policy.pin
        if self.script.pin and pin is not None and not pin.there:
            pin.set(self.script.pin)
        await self.clock.settle()

    @property
    def devices(self) -> Any:
        return self.hub.home.source("simulated")

    async def do(self, step: Step) -> None:
        """Whatever happens in a step, and nothing of what must come of it."""
        if step.at is not None:
            await self.clock.advance(self._until(step.at))
        if step.after is not None:
            await self.clock.advance(step.after.total_seconds())
        for key in step.broken:
            self.devices.fault(key, unavailable=True)
        for key in step.deaf:
            self.devices.fault(key, ignores=True)
        for key in step.mended:
            self.devices.fault(key)
        for key, state in step.events.items():
            told = dict(state) if isinstance(state, Mapping) else {"state": state}
            self.devices.set_state(key, str(told.pop("state", self.devices.state(key))), **told)
        if step.events or step.broken or step.mended:
            await self.clock.settle()
        if step.say is not None:
            self.mouth.said.clear()
            self.mouth.volumes.clear()
            await self.say(step)
            self.mouth.answered = len(self.mouth.said)
        await self.clock.settle()

    async def say(self, step: Step) -> None:
        assert step.say is not None
        if step.phone:
            content = {
                "text": step.say,
                "conversation": f"phone of {step.person or 'somebody'}",
                "person": step.person,
                "area": step.room,
                "language": step.language,
            }
            known = {key: value for key, value in content.items() if value is not None}
            self.told.clear()
            self.orders.begin(Incoming(self.orders.topics.say, json.dumps(known).encode()))
            async with asyncio.timeout(20):
                await self.told.wait()
            return
        self.hub.free.clear()
        try:
            trace = await self.hub.assistant.say(
                step.say, area=step.room, language=step.language, person=step.person
            )
            self.traces.append(trace)
            self.hub.assistant.finished(trace)
            await self.hub.answer(trace)
        finally:
            self.hub.free.set()

    def _until(self, at: str) -> float:
        """Seconds until it is that time of day next, or that date and time."""
        now = self.clock.now().astimezone()
        if "-" in at:
            then = datetime.fromisoformat(at).astimezone()
            return (then - now).total_seconds()
        hour, minute = map(int, at.split(":")[:2])
        then = now.replace(tzinfo=None, hour=hour, minute=minute, second=0, microsecond=0)
        if then <= now.replace(tzinfo=None):
            then += timedelta(days=1)
        return (then.astimezone() - now).total_seconds()

    def wrong(self, step: Step) -> list[str]:
        """What has not come as the step says."""
        found = [text for each in step.do for text in self._unlike(each)]
        reply = self.traces[-1].reply if self.traces else None
        if step.say is not None and reply is not None:
            found += [f"the reply has no {w!r}" for w in step.reply if not fits(w, reply.text)]
            if step.asks is not None and reply.expects_answer != step.asks:
                found.append("it asks" if reply.expects_answer else "it does not ask")
            if step.replied_in and reply.language != step.replied_in:
                found.append(f"the reply is in {reply.language!r}")
        for each in step.unwanted:
            if isinstance(each, str):
                found += [f"the reply has {each!r}"] if reply and fits(each, reply.text) else []
            elif not self._unlike(each):
                found.append(f"it must not be so: {each}")
        heard = " ".join(self.mouth.said[: self.mouth.answered])
        found += [
            f"no {wanted!r} was to be heard" for wanted in step.sound if not fits(wanted, heard)
        ]
        unasked = " ".join(self.mouth.said[self.mouth.answered :])
        found += [
            f"nobody said {wanted!r} unasked" for wanted in step.aloud if not fits(wanted, unasked)
        ]
        volume = self.mouth.volumes[-1] if self.mouth.volumes else 0.0
        if step.volume is not None and abs(volume - step.volume) > 0.05:
            found.append(f"the volume was {self.mouth.volumes}")
        if step.silent and ((step.say is not None and heard) or (step.say is None and unasked)):
            found.append(f"it was not silent: {heard or unasked}")
        return found

    def _unlike(self, wanted: Mapping[str, Any]) -> Iterator[str]:
        """What is not as wanted: entity id -> state, or state and attributes."""
        for key, expected in wanted.items():
            state = self.hub.home.state(key)
            told = dict(expected) if isinstance(expected, Mapping) else {"state": expected}
            for name, value in told.items():
                real = state.state if name == "state" else state.attributes.get(name)
                if not _same(real, value):
                    yield f"{key} {name} is {real!r}, not {value!r}"

    def tell(self) -> str:
        trace = self.traces[-1] if self.traces else None
        if trace is None:
            return ""
        return (
            f"reply: {trace.reply.text!r}; why: {trace.intent.why}; calls: "
            f"{[(c.tool, dict(c.arguments)) for c in trace.intent.calls]}; heard: "
            f"{self.mouth.said}; of it unasked: {self.mouth.said[self.mouth.answered :]}"
        )


def _same(real: Any, wanted: Any) -> bool:
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        try:
            return abs(float(real) - wanted) <= 1.0 if real is not None else False
        except (TypeError, ValueError):
            return False
    if isinstance(wanted, list):
        return all(any(_within(w, r) for r in real or ()) for w in wanted)
    return str(real) == str(wanted) if isinstance(wanted, str) else bool(real == wanted)


def _within(wanted: Any, real: Any) -> bool:
    """A list has something like what is wanted."""
    return str(wanted).casefold() in json.dumps(real, ensure_ascii=False).casefold()


async def play(script: Script, folder: Path, *, model: bool) -> list[str]:
    """What went wrong in it, a line for each."""
    threads = Threads()
    with zone(script.zone), threads.watched():
        clock = Clock(script.clock.astimezone(), ZoneInfo(script.zone), threads)
        config = configured(script, folder, model=model)
        mouth, traces, wrong = Mouth(), list[Trace](), list[str]()
        steps = list(enumerate(script.steps, 1))
        while steps:
            async with player(script, config, clock, mouth, traces) as at_home:
                await at_home.begin()
                while steps:
                    number, step = steps.pop(0)
                    if step.restart is not None:
                        break
                    await at_home.do(step)
                    said = step.say or step.at or step.after or step.events
                    wrong += [
                        f"{script.path.name} step {number} ({said}): {text}\n    {at_home.tell()}"
                        for text in at_home.wrong(step)
                    ]
            if steps or step.restart is not None:
                clock.forget_sleepers()
                if step.restart is not None:
                    await clock.advance(step.restart.total_seconds())
        return wrong


@asynccontextmanager
async def player(
    script: Script, config: Config, clock: Clock, mouth: Mouth, traces: list[Trace]
) -> AsyncIterator[Player]:
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(
            open_hub(config, sink=mouth, time=clock, synthesizer=mouth, lasting=True)
        )
        orders, told = orders_of(hub, traces)
        yield Player(script, config, clock, mouth, hub, orders, traces=traces, told=told)
        await orders.finish()


def orders_of(hub: Hub, traces: list[Trace]) -> tuple[Orders, asyncio.Event]:
    """How phones reach the hub, without a broker; the event is set when one has its reply."""
    told = asyncio.Event()

    def finished(trace: Trace, _: Origin) -> None:
        traces.append(trace)
        told.set()

    orders = Orders(
        hub,
        Topics("hearth", "homeassistant", "here"),
        Outbox(modern=True),
        ears=None,
        wake_words=None,
        finished=finished,
        changed=lambda: None,
        people=hub.config.phones,
    )
    return orders, told


def configured(script: Script, folder: Path, *, model: bool) -> Config:
    """The settings of the hub in the conversation; nothing of this machine's but the models."""
    tables: dict[str, dict[str, Any]] = {
        "hub": {
            "languages": script.languages,
            "data": folder / "data",
            "cache": folder / "cache",
            "runtime": folder / "run",
        },
        "home": {"confirm_timeout": PATIENCE, "file": script.home},
        "voice": {"volume": 0.8},
        "router": {} if model else {"model": None},
    }
    own = json.loads(json.dumps(script.settings).replace("{data}", str(folder / "data")))
    for name, table in own.items():
        tables[name] = {**tables.get(name, {}), **table}
    (folder / "data").mkdir(parents=True, exist_ok=True)
    if model:
        (folder / "data" / "models").symlink_to(settings.load().models)
    for name, text in script.files.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Config.model_validate(tables)


@contextmanager
def zone(name: str) -> Iterator[None]:
    """Local time is that of a zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
