"""The page as a part of the running hub: there while there is a password for it. What it needs is
loaded only then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hub.bridges.web.access import FILE, Password
from hub.errors import HearthError

if TYPE_CHECKING:
    from hub.bridges.web.parts import Parts

log = logging.getLogger(__name__)


class WebDoor:
    """Opens the page, and closes it. `run` does that until it is cancelled."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._password = Password(parts.hub.config.hub.data / FILE)
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self.url = ""
        """Where the page is; empty while there is none."""
        self.trouble = ""
        """Why there is none, though there is a password."""

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Of a request over the control socket: where the page is. `{"changed": true}`: there is
        another password, or none any more."""
        if request.get("changed"):
            self._settled.clear()
            self._changed.set()
            await self._settled.wait()
        return {"url": self.url, "trouble": self.trouble}

    async def run(self) -> None:
        """Have the page there while there is a password. One that cannot be opened costs the page
        and nothing else."""
        while True:
            self._changed.clear()
            self.url = self.trouble = ""
            if self._password.there:
                try:
                    await self._serve()
                except HearthError as error:
                    log.error("there is no page: %s", error)
                    self.trouble = str(error)
            self._parts.seeing.wrong["web page"] = self.trouble
            self._settle()
            await self._changed.wait()

    async def _serve(self) -> None:
        """Until the password is another one. Raises ConfigError."""
        from hub.bridges.web.site import open_site

        async with open_site(self._parts, self._password) as url:
            self.url = url
            log.info("the page is at %s", url)
            self._settle()
            await self._changed.wait()

    def _settle(self) -> None:
        """Let those go on who wait, unless the password has changed once more meanwhile."""
        if not self._changed.is_set():
            self._settled.set()
