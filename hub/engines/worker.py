"""A native engine in a process of its own, watched and started again.

llama.cpp's AMX code kills some virtual machines and torch an older Pi: what dies there must cost
one turn and not the hub. `Worker` starts `hub.engines.child`, passes calls to it and their
results back, and has a new process ready soon after one died or hung.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from wyoming.event import Event, async_read_event, async_write_event

from hub.errors import EngineCrashed, EngineError

log = logging.getLogger(__name__)

LOAD_TIMEOUT = 120.0
"""Seconds an engine may take to load: a Pi reads a model from an SD card at 40 MB/s."""
CRASHES = 2
"""Deaths within a minute after which the next variant of the settings is tried."""
LONGEST_PAUSE = 30.0
"""Seconds between two attempts to start an engine that dies at once, at most."""

FAILURES, WITHIN = 3, 600.0
"""Deaths, and calls that took too long, in so many seconds, after which an engine that the hub can
do without rests: on a machine without the memory or the time for it, it would only take both."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine's method returned."""

    result: Any
    """Whatever JSON can hold."""
    payload: bytes = b""


@dataclass(slots=True)
class _Exchange:
    """A call on its way to the engine."""

    method: str
    arguments: Mapping[str, Any]
    payload: bytes | None
    limit: float
    """Seconds it may take."""
    begun: bool = False
    """The engine has it."""


def _ignored(task: asyncio.Task[Answer]) -> None:
    """Nobody waits for this any more: what became of it was logged if it matters."""
    if not task.cancelled():
        task.exception()


class Worker:
    """One engine in one process.

    `variants` are settings for the engine, the preferred ones first; the later ones are tried when
    the process dies while it loads or dies repeatedly (for llama.cpp: without the code path that
    this processor cannot run). `probe` is a method that is called after loading, so that such a
    death comes then and not in a turn. `rest`: seconds for which an engine that the hub can do
    without is left alone when it fails again and again; 0 for one that it needs.
    """

    def __init__(
        self,
        name: str,
        engine: str,
        variants: Sequence[Mapping[str, Any]],
        *,
        probe: str | None = None,
        timeout: float = 30.0,
        rest: float = 0.0,
    ) -> None:
        self.name = name
        self.variant = 0
        """Index of the settings in use."""
        self.restarts = 0
        """How often a process was started after the first."""
        self._engine = engine
        self._variants = [dict(variant) for variant in variants]
        self._probe = probe
        self._timeout = timeout
        self._rest = rest
        self._failures: list[float] = []
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()
        self._pending: dict[int, asyncio.Future[Answer]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._ready = asyncio.Event()
        self._failed: EngineError | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def pid(self) -> int | None:
        """Process id while it is up, for measurements and tests."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def trouble(self) -> str:
        """Why it cannot be loaded, if it was tried and cannot."""
        return str(self._failed) if self._failed else ""

    @property
    def abandoned(self) -> bool:
        """Nobody looks after its process any more, though nobody has closed it and no trouble with
        the engine itself is known."""
        ended = self._keeper is not None and self._keeper.done()
        return ended and not self._closing and self._failed is None

    @property
    def pending(self) -> int:
        """Calls that wait for their answer."""
        return len(self._pending)

    def start_soon(self) -> None:
        """Begin loading; the first call waits for the end of it."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"worker-{self.name}")

    async def start(self) -> None:
        """Load the engine. Raises EngineError if it cannot be loaded with any of its variants."""
        self.start_soon()
        await self._until_ready(LOAD_TIMEOUT * len(self._variants))

    async def close(self) -> None:
        """End the process; calls that were pending fail."""
        self._closing = True
        if self._keeper:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None

    async def call(
        self,
        method: str,
        payload: bytes | None = None,
        *,
        within: float | None = None,
        **arguments: Any,
    ) -> Answer:
        """Run a method of the engine.

        Calls are answered one after the other. Raises EngineCrashed if the process dies meanwhile,
        EngineError if the method fails or takes longer than `within` seconds once it is begun.
        Then the process is ended, since native code that hangs cannot be interrupted."""
        limit = self._timeout if within is None else within
        self.start_soon()
        await self._until_ready(limit)
        exchange = _Exchange(method, arguments, payload, limit)
        task = asyncio.create_task(self._exchange(exchange), name=f"{self.name}-{method}")
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # What the engine has begun it cannot stop: the next call waits for its end. What it
            # has not begun nobody needs any more.
            if not exchange.begun:
                task.cancel()
            task.add_done_callback(_ignored)
            raise

    async def _exchange(self, exchange: _Exchange) -> Answer:
        """One call and its answer, when those before it are done."""
        async with self._turn:
            await self._until_ready(exchange.limit)
            exchange.begun = True
            number = next(self._numbers)
            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._pending[number] = future
            data = {"id": number, "method": exchange.method, "arguments": exchange.arguments}
            try:
                await self._send(Event("call", data, exchange.payload))
                async with asyncio.timeout(exchange.limit):
                    return await future
            except TimeoutError:
                what = f"{self.name}: {exchange.method}"
                log.error("%s did not end within %.1f s; restarting", what, exchange.limit)
                self._ready.clear()
                self._kill()
                raise EngineError(f"{what} took longer than {exchange.limit:g} s") from None
            finally:
                self._pending.pop(number, None)

    async def _send(self, event: Event) -> None:
        if self._writer is None:
            raise EngineCrashed(f"{self.name} has just died and is being restarted")
        try:
            await async_write_event(event, self._writer)
        except (ConnectionError, OSError) as error:
            raise EngineCrashed(f"{self.name} died: {error}") from error
        except UnicodeEncodeError as error:
            raise EngineError(f"{self.name}: this is no text: {error}") from error

    async def _until_ready(self, limit: float) -> None:
        try:
            async with asyncio.timeout(limit):
                await self._ready.wait()
        except TimeoutError:
            raise EngineError(f"{self.name} is still starting") from None
        if self._failed:
            raise self._failed

    async def _keep(self) -> None:
        """Start the process, and again whenever it ends, until cancelled."""
        crashes: list[float] = []
        unloaded = 0  # one after the other; a process that was loaded and then killed can be again
        try:
            while True:
                loaded = await self._run()
                now = time.monotonic()
                crashes = [at for at in crashes if now - at < 60] + [now]
                unloaded = 0 if loaded else unloaded + 1
                if self._failed:
                    return
                if (not loaded or len(crashes) >= CRASHES) and self._next_variant():
                    crashes.clear()
                    unloaded = 0
                elif unloaded > CRASHES:
                    self._failed = EngineError(f"{self.name} dies whenever it is loaded")
                    return
                self.restarts += 1
                if self._failing(now):
                    await self._left_alone()
                    continue
                await asyncio.sleep(min(LONGEST_PAUSE, 0.25 * (2 ** (len(crashes) - 1) - 1)))
        finally:
            await self._end()
            if self._failed:
                self._ready.set()  # whoever waits is told

    def _failing(self, now: float) -> bool:
        """Note a failure; whether there were too many."""
        self._failures = [at for at in self._failures if now - at < WITHIN] + [now]
        return bool(self._rest) and len(self._failures) >= FAILURES

    async def _left_alone(self) -> None:
        """Leave the engine alone for a while. Whoever calls it is told at once."""
        self._failures.clear()
        self._failed = EngineError(
            f"{self.name}: it was killed, or too slow, again and again, as happens without enough "
            f"memory or on a machine that is too hot; it is tried again {self._rest / 60:.0f} "
            "minutes later"
        )
        log.error("%s", self._failed)
        self._ready.set()
        await asyncio.sleep(self._rest)
        log.info("%s: it is tried again", self.name)
        self._ready.clear()
        self._failed = None

    def _next_variant(self) -> bool:
        if self.variant + 1 >= len(self._variants):
            return False
        self.variant += 1
        log.warning("%s: trying again with %s", self.name, self._variants[self.variant])
        return True

    async def _run(self) -> bool:
        """One life of the process. False if it died before it was loaded and probed."""
        reader = await self._spawn()
        try:
            settings = self._variants[self.variant]
            await self._send(Event("load", {"engine": self._engine, "settings": settings}))
            event = await _event(reader)
            if event is not None and event.type == "ready" and self._probe:
                await self._send(Event("call", {"id": 0, "method": self._probe, "arguments": {}}))
                event = await _event(reader)
        except (TimeoutError, EngineCrashed, ConnectionError):
            event = None
        if event is None:
            await self._end()
            return False
        if event.type == "error":
            self._failed = EngineError(f"{self.name}: {event.data['message']}")
            return False
        self._ready.set()
        with suppress(ConnectionError):
            while (event := await async_read_event(reader)) is not None:
                self._deliver(event)
        await self._end()
        return True

    async def _spawn(self) -> asyncio.StreamReader:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "hub.engines.child",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=None if log.isEnabledFor(logging.DEBUG) else asyncio.subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        return reader

    def _deliver(self, event: Event) -> None:
        future = self._pending.get(event.data["id"])
        if future is None or future.done():
            return
        if event.type == "error":
            future.set_exception(EngineError(f"{self.name}: {event.data['message']}"))
            if event.data.get("slow") and self._failing(time.monotonic()):
                self._kill()
        else:
            future.set_result(Answer(event.data.get("result"), event.payload or b""))

    def _kill(self) -> None:
        # Not Process.kill(): that may collect the exit status before asyncio does.
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    async def _end(self) -> None:
        """Make sure that the process is gone, and tell those who wait for it."""
        self._ready.clear()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        self._kill()
        code = await self._process.wait() if self._process else 0
        cause = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        if self._pending and not self._closing:
            log.error("%s died in the middle of its work (%s)", self.name, cause)
        for future in self._pending.values():
            if not future.done():
                future.set_exception(EngineCrashed(f"{self.name} died ({cause})"))


async def _event(reader: asyncio.StreamReader) -> Event | None:
    """What the engine says next. Raises TimeoutError after LOAD_TIMEOUT."""
    # Not wait_for(): in Python 3.11 it forgets that it was cancelled where the event comes in the
    # same moment, and a keeper that was not cancelled is waited for without end.
    async with asyncio.timeout(LOAD_TIMEOUT):
        return await async_read_event(reader)


def _environment() -> dict[str, str]:
    """Nothing is looked up in the network, many threads do not each keep memory, and those of
    OpenMP sleep while they wait: spinning, llama.cpp takes 20 times as long on a busy machine."""
    return {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "MALLOC_ARENA_MAX": "2",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
