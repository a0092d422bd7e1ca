"""The line to the hub, for tools that run in other threads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from hub.errors import SkillError
from hub.packs.link import BUSY, DENIED, METHOD_NOT_FOUND, Link, LinkClosed, RemoteError
from hub.skill import Dropped


class Line:
    """Asks the hub on behalf of one skill."""

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """The hub's answer; the thread waits for it. Raises SkillError if it refuses."""
        work = self._link.request(method, params)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except (RemoteError, LinkClosed) as error:
            raise _refused(method, error) from error

    async def want(self, method: str, params: Mapping[str, Any]) -> Any:
        """The same, for coroutines."""
        work = self._link.request(method, params)
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
        except (RemoteError, LinkClosed) as error:
            raise _refused(method, error) from error


def _refused(method: str, error: RemoteError | LinkClosed) -> Exception:
    what = method.removeprefix("hearth/")
    if isinstance(error, LinkClosed):
        return SkillError(f"{what}: the hub is gone")
    if error.data == "dropped":
        return Dropped(str(error))
    if error.code == METHOD_NOT_FOUND:
        return SkillError(f"{what}: this hub offers that to no pack")
    if error.code in (DENIED, BUSY):
        return SkillError(f"{what}: {error}")
    spoken = error.data.get("spoken") if isinstance(error.data, dict) else None
    return SkillError(f"{what}: {error}", spoken=spoken)
