"""Ways to a home from `hearth mcp`: through the running hub, or a home opened for the purpose.

Two processes cannot keep one home: its states are locked, and it is one client of its broker. So
every request goes to the running hub if there is one. Only where there is none is the home opened
here, and given up again when nothing was asked for a while, so that a hub can be started.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hub import control
from hub.app import lock, open_hub
from hub.bridges.mcp_door import Done, Door, HomeDoor
from hub.bridges.mcp_tools import Offered
from hub.config import Config
from hub.errors import HearthError
from hub.options import PATIENCE

IDLE_SECONDS = 180.0
"""How long a home stays open that nobody asks anything of: 'it' has lost its meaning by then."""


class NoHub(HearthError):
    """No hub is running."""


class SocketDoor:
    """The door of the running hub, over its control socket in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def tools(self) -> list[Offered]:
        return [Offered(**tool) for tool in (await self._ask({"do": "tools"}))["tools"]]

    async def home(self, area: str | None = None, domain: str | None = None) -> dict[str, Any]:
        answer = await self._ask({"do": "home", "area": area, "domain": domain})
        home: dict[str, Any] = answer["home"]
        return home

    async def call(self, session: str, tool: str, arguments: Mapping[str, Any]) -> Done:
        return await self._done(
            {"do": "call", "session": session, "tool": tool, "arguments": dict(arguments)}
        )

    async def say(
        self, session: str, text: str, area: str | None = None, language: str | None = None
    ) -> Done:
        said = {"text": text, "area": area, "language": language}
        return await self._done({"do": "say", "session": session, **said})

    async def confirm(self, session: str, token: str, agreed: bool) -> Done:
        return await self._done(
            {"do": "confirm", "session": session, "token": token, "agreed": agreed}
        )

    async def _done(self, request: dict[str, Any]) -> Done:
        return Done.from_json((await self._ask(request))["done"])

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = await control.ask(self.folder, {"mcp": request})
        if answer is None:
            raise NoHub("no hub is running; start it with 'hearth run'")
        if "error" in answer:
            raise HearthError(str(answer["error"]))
        return answer


class OwnHome:
    """A home that is opened when something is asked of it, and closed when it was idle."""

    def __init__(self, config: Config, idle: float = IDLE_SECONDS) -> None:
        self._config = config
        self._idle = idle
        self._used = 0.0
        self._busy = 0
        self._released = asyncio.Event()
        self._open: asyncio.Future[HomeDoor] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[HomeDoor]:
        """Raises HearthError if it cannot be opened."""
        self._busy += 1
        try:
            while self._open is None:
                if self._keeper is not None:
                    await asyncio.wait({self._keeper})  # it is being put away
                if self._open is None:
                    self._open = asyncio.get_running_loop().create_future()
                    self._keeper = asyncio.create_task(self._keep(self._open), name="mcp-home")
            yield await asyncio.shield(self._open)
        finally:
            self._busy -= 1
            self._used = time.monotonic()
            self._released.set()

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})

    async def _keep(self, opened: asyncio.Future[HomeDoor]) -> None:
        """Open the home, wait until nobody uses it any more, and put it away."""
        try:
            async with lock(self._config, patience=PATIENCE), open_hub(self._config) as hub:
                opened.set_result(HomeDoor(hub.assistant))
                self._used = time.monotonic()
                await self._unused()
                self._open = None
        except Exception as error:  # whoever asked is told
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            self._open = None
            opened.cancel()

    async def _unused(self) -> None:
        """Wait until nobody has asked anything for a while."""
        while (left := self._left()) > 0:
            self._released.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._released.wait()

    def _left(self) -> float:
        return self._idle if self._busy else self._used + self._idle - time.monotonic()


class EitherDoor:
    """The running hub's door, or else that of a home opened here."""

    def __init__(self, running: SocketDoor, own: OwnHome) -> None:
        self._running = running
        self._own = own

    @asynccontextmanager
    async def _door(self) -> AsyncIterator[Door]:
        running = await control.ask(self._running.folder, {"health": True})
        if running is not None:
            yield self._running
            return
        async with self._own.use() as door:
            yield door

    async def tools(self) -> list[Offered]:
        async with self._door() as door:
            return await door.tools()

    async def home(self, area: str | None = None, domain: str | None = None) -> dict[str, Any]:
        async with self._door() as door:
            return await door.home(area, domain)

    async def call(self, session: str, tool: str, arguments: Mapping[str, Any]) -> Done:
        async with self._door() as door:
            return await door.call(session, tool, arguments)

    async def say(
        self, session: str, text: str, area: str | None = None, language: str | None = None
    ) -> Done:
        async with self._door() as door:
            return await door.say(session, text, area, language)

    async def confirm(self, session: str, token: str, agreed: bool) -> Done:
        async with self._door() as door:
            return await door.confirm(session, token, agreed)


@asynccontextmanager
async def open_door(config: Config, home_file: Path | None = None) -> AsyncIterator[Door]:
    """The door that `hearth mcp` stands before. Another home than the own one is only simulated,
    opened at once, and kept nowhere.

    Raises HearthError if that cannot be opened."""
    if home_file is not None:
        async with open_hub(config, home_file=home_file) as hub:
            yield HomeDoor(hub.assistant)
        return
    own = OwnHome(config)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(own.close)
        yield EitherDoor(SocketDoor(config.hub.runtime), own)
