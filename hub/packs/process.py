"""The process of one pack: started on demand, watched, stopped when nobody needs it.

What a pack does wrong ends its process and costs the call that was under way: a crash, no answer
in time, a line that is no message, more messages, log or memory than it may have. `Ledger` says
when it may start again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hub.errors import SkillError
from hub.packs import sandbox
from hub.packs.inside.lock import RUNTIME_THREADS, THREADS
from hub.packs.ledger import Ledger
from hub.packs.link import LONGEST, Link, LinkClosed, LinkError, Rate, RemoteError
from hub.packs.plain import one_line
from hub.packs.shelf import Installed
from hub.packs.tunnel import Tunnel

log = logging.getLogger(__name__)

PROTOCOL = "2025-06-18"
START_SECONDS = 5.0
FOREIGN_START_SECONDS = 15.0
"""Servers that others have written import a lot."""
CALL_SECONDS = 4.5
"""Just less than the hub gives to a tool."""
IDLE_SECONDS = 120.0
GRACE_SECONDS = 1.0
"""For an answer to a ping, after a call was given up."""
KILL_SECONDS = 0.5
"""After which bubblewrap is killed, too, should it not have ended with what it has started."""
WATCH_SECONDS, WATCH_IDLE_SECONDS = 0.2, 2.0
MOST_PAGES = 8
MOST_CALLS = 4
"""Calls of one pack at a time; a foreign server has one."""
LOG_KEPT = 50
LOG_BYTES_PER_SECOND, LOG_BURST = 64 * 1024, 512 * 1024
MESSAGES_PER_SECOND, MESSAGES_BURST = 500.0, 1000.0
BYTES_PER_SECOND, BYTES_BURST = 2.0 * LONGEST, 4.0 * LONGEST
IDLE_CPU = 0.3
"""Share of a core that it may take while no call is under way."""
MB = 1024 * 1024


NO_PROXY = (
    "a unit of systemd has no way to the hub's proxy, which a [run] command with network needs: "
    "run the hub where bubblewrap is the wall, or keep the network from it "
    "(hearth skill permissions ID --without network)"
)


class PackFailed(SkillError):
    """A pack crashed, hung, flooded or lied; or may not start."""


@dataclass(slots=True)
class Limit:
    """The time that a call may still take; stands still while a person is asked."""

    seconds: float
    _timeout: asyncio.Timeout | None = None
    _stopped: int = 0
    _left: float = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.timeout(self.seconds) as self._timeout:
            yield

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        loop, timeout = asyncio.get_running_loop(), self._timeout
        if timeout is None:
            yield
            return
        if self._stopped == 0:
            self._left = max(0.0, (timeout.when() or loop.time()) - loop.time())
            timeout.reschedule(None)
        self._stopped += 1
        try:
            yield
        finally:
            self._stopped -= 1
            if self._stopped == 0 and not timeout.expired():
                timeout.reschedule(loop.time() + self._left)


Answering = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Answers a request of the pack; RemoteError refuses it."""


class PackProcess:
    """One pack. `verify` hashes its files again and is called in a thread before each start; `wall`
    says what is to stand around it, or raises NoSandbox."""

    def __init__(
        self,
        installed: Installed,
        *,
        ledger: Ledger,
        answer: Answering,
        verify: Callable[[Installed], None],
        wall: Callable[[str], sandbox.Wall] = sandbox.require,
        tunnel: Tunnel | None = None,
        idle_seconds: float = IDLE_SECONDS,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self.installed = installed
        self.calls = 0
        """Calls under way."""
        self.starts = 0
        self.used = 0.0
        """Time of the loop at which it was last used."""
        self._ledger = ledger
        self._answer = answer
        self._verify = verify
        self._wall = wall
        self._tunnel = tunnel
        self._idle_seconds = idle_seconds
        self._call_seconds = call_seconds
        self._starting = asyncio.Lock()
        self._busy = asyncio.Event()
        """Set while calls are under way."""
        self._places = asyncio.Semaphore(1 if installed.pack.run else MOST_CALLS)
        self._link: Link | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._trouble: str | None = None
        self._stopping = False
        self._counted = False
        self._log: deque[str] = deque(maxlen=LOG_KEPT)

    @property
    def alive(self) -> bool:
        return self._link is not None and not self._link.closed

    @property
    def pid(self) -> int | None:
        """Of the pack itself within its walls; None if systemd has started it, or nobody."""
        if self._process is None or self._process.returncode is not None:
            return None
        found = _descendants(self._process.pid)
        # Behind bubblewrap's own first process; a relay comes after it.
        return found[min(1, len(found) - 1)].pid if found else None

    @property
    def last_words(self) -> Sequence[str]:
        """The end of what it wrote to its log."""
        return tuple(self._log)

    async def call(
        self, tool: str, arguments: Mapping[str, Any], own: Mapping[str, Any], limit: Limit
    ) -> dict[str, Any]:
        """Run a tool; `own` is what Hearth's host needs besides. Raises PackFailed for whatever
        the pack does wrong; its process has then ended, or is about to."""
        async with self._places:
            self.calls += 1
            self._busy.set()
            try:
                await self._ready()
                return await self._called(tool, arguments, own, limit)
            finally:
                self.calls -= 1
                self.used = asyncio.get_running_loop().time()
                if not self.calls:
                    self._busy.clear()

    async def tools(self) -> list[dict[str, Any]]:
        """What the pack says of its tools, as it comes: not to be believed. Raises PackFailed."""
        self.calls += 1
        try:
            await self._ready(check=False)
            async with asyncio.timeout(FOREIGN_START_SECONDS):
                return await self._listed()
        except (LinkClosed, RemoteError, TimeoutError) as error:
            raise self._failed(self._trouble or str(error) or "it does not answer") from error
        finally:
            self.calls -= 1

    async def stop(self) -> None:
        """End its process, if it has one."""
        await self._retire(None)

    # --- starting --------------------------------------------------------------------------------

    async def _ready(self, *, check: bool = True) -> None:
        async with self._starting:
            if self.alive:
                return
            name = self.installed.pack.name
            self._ledger.check(self.installed.digest, name)
            await asyncio.to_thread(self._verify, self.installed)
            await self._end()
            self._trouble, self._stopping, self._counted = None, False, False
            self._log.clear()
            limit = FOREIGN_START_SECONDS if self.installed.pack.run else START_SECONDS
            try:
                async with asyncio.timeout(limit):
                    await self._start()
                    if check:
                        self._same(await self._listed())
            except (TimeoutError, LinkClosed, RemoteError, OSError, PackFailed) as error:
                why = self._trouble or str(error) or f"did not start within {limit:g} s"
                self._stopping = True
                await self._end()
                words = f"; the end of its log: {self._log[-1]}" if self._log else ""
                raise self._failed(f"{why}{words}") from error
            except BaseException:  # nobody waits any more: no process is left half started
                self._stopping = True
                await self._end()
                raise
            self.starts += 1
            self.used = asyncio.get_running_loop().time()

    async def _start(self) -> None:
        pack = self.installed.pack
        if self._wall(pack.id) == "systemd":
            if pack.run and self.installed.granted.network:
                raise PackFailed(NO_PROXY)
            reader, writer = await asyncio.open_unix_connection(
                sandbox.SOCKETS / f"{pack.id}.sock", limit=LONGEST
            )
            if pack.run:  # its launcher takes them before the command begins
                sent = {"settings": sandbox.setting_variables(self.installed.settings)}
                writer.write(json.dumps(sent).encode() + b"\n")
        else:
            reader, writer = await self._spawned()
        link = Link(
            reader,
            writer,
            handler=self._answer,
            rate=Rate(MESSAGES_PER_SECOND, MESSAGES_BURST),
            volume=Rate(BYTES_PER_SECOND, BYTES_BURST),
            strict=True,
        )
        self._link = link
        self._begin(self._serve(link), "line")
        self._begin(self._watch(link), "watch")
        own = {
            "settings": dict(self.installed.settings),
            "network": bool(self.installed.granted.network),
        }
        await link.request(
            "initialize",
            {
                "protocolVersion": PROTOCOL,
                "capabilities": {
                    "elicitation": {},
                    "experimental": {"hearth": own if pack.run is None else {}},
                },
                "clientInfo": {"name": "hearth", "version": "1.0"},
            },
        )
        link.notify("notifications/initialized")

    async def _spawned(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        installed = self.installed
        door = await self._tunnel.open() if self._tunnel else None
        start = sandbox.bubblewrap(
            installed.folder, installed.pack, installed.granted, installed.settings, door
        )
        passed: tuple[int, ...] = ()
        if start.passed is not None:
            descriptor = _in_memory(start.passed)
            passed = (descriptor,)
        words = [
            word.replace(sandbox.SECCOMP_FD, str(passed[0])) if passed else word
            for word in start.command
        ]
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=passed,
                env={},
                limit=LONGEST,
                start_new_session=True,
            )
        finally:
            for descriptor in passed:
                os.close(descriptor)
        self._process = process
        assert process.stdin and process.stdout and process.stderr
        self._begin(self._read_log(process.stderr), "log")
        return process.stdout, process.stdin

    async def _listed(self) -> list[dict[str, Any]]:
        link = self._link
        if link is None:
            raise PackFailed("it has ended")
        tools: list[dict[str, Any]] = []
        cursor = None
        for _ in range(MOST_PAGES):
            page = await link.request("tools/list", {"cursor": cursor} if cursor else {})
            rows = page.get("tools") if isinstance(page, dict) else None
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise PackFailed("it does not say what tools it has")
            tools += rows
            cursor = page.get("nextCursor")
            if not cursor:
                return tools
        raise PackFailed("its list of tools has no end")

    def _same(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """Raises PackFailed unless its tools are those that were seen when it was installed."""
        kept = self.installed.tools
        if kept is not None and [dict(row) for row in kept] != [dict(row) for row in tools]:
            raise PackFailed("its tools are not those it had when it was installed")

    # --- calling ---------------------------------------------------------------------------------

    async def _called(
        self, tool: str, arguments: Mapping[str, Any], own: Mapping[str, Any], limit: Limit
    ) -> dict[str, Any]:
        link = self._link
        if link is None:
            raise self._failed(self._trouble or "it died")
        params: dict[str, Any] = {"name": tool, "arguments": dict(arguments)}
        if self.installed.pack.run is None:
            params["_meta"] = {"hearth": dict(own)}
        try:
            async with limit.running():
                answer = await link.request("tools/call", params)
        except TimeoutError:
            await self._kill(f"{tool} did not end within {limit.seconds:g} s")
            raise self._failed(self._trouble or "") from None
        except asyncio.CancelledError:
            # Nobody waits any more. One that does not even answer a ping has hung.
            self._begin(self._prove_alive(link), "ping")
            raise
        except LinkClosed as error:
            if self._stopping:
                raise PackFailed(f"{self.installed.pack.id}: it was ended") from error
            failed = self._failed(self._trouble or "it died")
            await self._retire(link)
            raise failed from error
        except RemoteError as error:
            raise SkillError(
                f"{self.installed.pack.id}.{tool}: {one_line(str(error), 300)}"
            ) from None
        if not isinstance(answer, dict):
            await self._kill(f"{tool} gave no answer of the protocol")
            raise self._failed(self._trouble or "")
        return answer

    async def _prove_alive(self, link: Link) -> None:
        try:
            await link.request("ping", within=GRACE_SECONDS)
        except TimeoutError:
            await self._kill("it hangs")
        except (LinkClosed, RemoteError):
            pass

    def _failed(self, why: str) -> PackFailed:
        """Count the failure, once for each life of the process."""
        pack = self.installed.pack
        shown = one_line(why, 300)
        counted, self._counted = self._counted, True
        if not counted and self._ledger.failed(self.installed.digest, shown):
            log.error("%s is in quarantine after %s", pack.id, shown)
        return PackFailed(f"{pack.id}: {shown}")

    # --- watching --------------------------------------------------------------------------------

    async def _serve(self, link: Link) -> None:
        try:
            await link.serve()
            why = None
        except LinkError as error:
            why = str(error)
        if self._stopping or self._trouble:
            return
        if why is None and self._process is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    code = await self._process.wait()
                    why = None if code == 0 else f"it ended with {_cause(code)}"
        self._trouble = why or "it ended"
        if self.calls == 0 and why is not None:
            # Nobody was there to notice it.
            self._failed(self._trouble)
        self._put_away()

    async def _watch(self, link: Link) -> None:
        """End it when it takes more than it may, or when it was idle for long."""
        loop = asyncio.get_running_loop()
        spent, at = self._cpu(), loop.time()
        memory = (self.installed.granted.memory_mb + 16) * MB
        threads = RUNTIME_THREADS if self.installed.pack.run else THREADS
        while not link.closed:
            await self._pause()
            too_much = f"it took more than {memory // MB} MB" if self._memory() > memory else ""
            # The kernel's own limit does not count for the administrator's processes.
            too_much = too_much or ("it has too many threads" if self._threads() > threads else "")
            if too_much:
                await self._kill(too_much)
                if not self.calls:
                    self._failed(too_much)
                return
            now, busy = loop.time(), self._cpu()
            if self.calls or self.used > at:
                spent, at = busy, now
            elif now - at > WATCH_IDLE_SECONDS:
                if busy - spent > IDLE_CPU * (now - at):
                    await self._kill("it works though nobody has asked it to")
                    self._failed(self._trouble or "")
                    return
                spent, at = busy, now
            if not self.calls and now - self.used > self._idle_seconds and self.used:
                await self._retire(link)
                return

    async def _pause(self) -> None:
        """Until it is time to look again: soon after a call has begun."""
        if not self.calls:
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_IDLE_SECONDS):
                    await self._busy.wait()
        if self.calls:
            await asyncio.sleep(WATCH_SECONDS)

    def _memory(self) -> int:
        total = 0
        for one in self._inside():
            with suppress(psutil.Error, OSError):
                total += one.memory_info().rss
        return total

    def _threads(self) -> int:
        total = 0
        for one in self._inside():
            with suppress(psutil.Error):
                total += one.num_threads()
        return total

    def _cpu(self) -> float:
        total = 0.0
        for one in self._inside():
            with suppress(psutil.Error):
                times = one.cpu_times()
                total += times.user + times.system
        return total

    def _inside(self) -> list[psutil.Process]:
        """What runs behind the walls."""
        if self._process is None or self._process.returncode is not None:
            return []
        return _descendants(self._process.pid)

    async def _read_log(self, stream: asyncio.StreamReader) -> None:
        """Keep the end of what it writes. Read it must be, or the pack would wait for ever."""
        rate = Rate(LOG_BYTES_PER_SECOND, LOG_BURST)
        while chunk := await stream.read(16 * 1024):
            if not rate.allows(len(chunk)):
                await self._kill("it floods its log")
                return
            for line in chunk.decode(errors="replace").splitlines():
                self._log.append(one_line(line, 300))
                log.debug("%s: %s", self.installed.pack.id, self._log[-1])

    # --- ending ----------------------------------------------------------------------------------

    async def _kill(self, why: str) -> None:
        """End it for something it did."""
        if self._trouble is None:
            self._trouble = why
            log.warning("%s is ended: %s", self.installed.pack.id, one_line(why, 300))
        self._put_away()
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._process.wait()

    def _put_away(self) -> None:
        """Hang up and kill, without waiting."""
        if self._link is not None:
            self._link.close()
        process = self._process
        if process is None or process.returncode is not None:
            return
        # The first process behind the walls takes all others there with it, and bubblewrap, which
        # is its parent, collects it and ends: nothing is left behind for anybody to collect.
        inner = _children(process.pid)
        for pid in inner or [process.pid]:
            _kill(pid)
        if inner:
            asyncio.get_running_loop().call_later(KILL_SECONDS, _kill_left, process)

    async def _retire(self, link: Link | None) -> None:
        """End the process of a link, or any; not one that was started meanwhile."""
        async with self._starting:
            if link is None or link is self._link:
                self._stopping = True
                await self._end()

    async def _end(self) -> None:
        self._put_away()
        if self._process is not None:
            await self._process.wait()
        current = asyncio.current_task()
        others = [task for task in self._tasks if task is not current]
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others)
        self._link = self._process = None

    def _begin(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=f"pack-{self.installed.pack.id}-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _descendants(pid: int) -> list[psutil.Process]:
    """Children and theirs, the innermost last."""
    found: list[psutil.Process] = []
    with suppress(psutil.Error, OSError):
        for child in _children(pid):
            found += [psutil.Process(child), *_descendants(child)]
    return found


def _children(pid: int) -> list[int]:
    """Its children; none of a process that has ended."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(number) for number in text.split()]
    # It has ended, or the kernel does not keep such lists.
    with suppress(psutil.Error, OSError):
        return [child.pid for child in psutil.Process(pid).children()]
    return []


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("seccomp", 0)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _kill(pid: int) -> None:
    # Not Process.kill(): that may collect the exit status before asyncio does.
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _kill_left(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        _kill(process.pid)


def _cause(code: int) -> str:
    """bubblewrap passes on a signal of its child as 128 and its number."""
    number = -code if code < 0 else code - 128
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"exit status {code}"
