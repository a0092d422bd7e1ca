"""What happens, told to whoever has the page open: server-sent events
(https://html.spec.whatwg.org/multipage/server-sent-events.html).

Nothing is watched while nobody has it open; levels are taken only while one is shown.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import web

from hub.bridges.web.access import Sessions
from hub.bridges.web.gate import HEADERS, SESSION, Refusal
from hub.bridges.web.parts import Parts
from hub.bridges.web.views import Views, shown_request
from hub.messages import StateChange, Trace
from hub.policy.approvals import Request

MOST = 16
"""Pages that are open at a time."""
TOGETHER = 0.15
"""Seconds in which what happens is told together."""
LEVELS = 0.25
"""Seconds between two levels."""
SIGN = 25.0
"""Seconds after which it is told that nothing happens, so that a page that has gone is noticed."""


class Live:
    """Tells open pages what happens. A page that is open can be asked for a tap."""

    def __init__(self, parts: Parts, views: Views, sessions: Sessions) -> None:
        self._parts = parts
        self._views = views
        self._sessions = sessions
        self._pages: set[_Page] = set()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The stream for one page, until it is closed, or its session ended. `levels=1`: it shows
        levels."""
        if len(self._pages) >= MOST:
            raise Refusal(429, "the page is open too often")
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        page = _Page(self._parts, self._views)
        ends = page.watch()
        self._pages.add(page)
        levels = request.query.get("levels") == "1" and bool(self._views.rooms())
        try:
            await self._tell(response, {"rooms": page.rooms(), "approval": self._views.approval()})
            while not page.closed:
                news = await page.news(LEVELS if levels else SIGN)
                if not self._sessions.open(request[SESSION]):
                    break
                if levels:
                    self._parts.hub.assistant.activity.look()
                    news["rooms"] = page.rooms()
                await self._tell(response, news)
        except ConnectionError:
            pass  # it has gone
        finally:
            self._pages.discard(page)
            for end in ends:
                end()
        return response

    async def close(self, app: web.Application) -> None:
        """End all streams: the hub ends."""
        for page in self._pages:
            page.close()

    async def _tell(self, response: web.StreamResponse, news: dict[str, Any]) -> None:
        text = f"data: {json.dumps(news)}\n\n" if news else ": nothing\n\n"
        await response.write(text.encode())


class _Page:
    """One open page, and what it has not been told yet."""

    def __init__(self, parts: Parts, views: Views) -> None:
        self.closed = False
        self._parts = parts
        self._views = views
        self._changed = asyncio.Event()
        self._devices: set[str] = set()
        self._news: dict[str, Any] = {}
        self._revision = parts.hub.home.revision

    def watch(self) -> list[Any]:
        """Begin to notice what happens; what ends that."""
        hub = self._parts.hub
        return [
            hub.home.watch(self._on_change),
            hub.assistant.watch(self._on_turn),
            hub.assistant.activity.watch(self._on_activity),
            hub.skillset.policy.approvals.attach(self._on_request, lambda: not self.closed),
        ]

    def close(self) -> None:
        self.closed = True
        self._changed.set()

    def rooms(self) -> list[dict[str, Any]]:
        return self._views.rooms()

    async def news(self, seconds: float) -> dict[str, Any]:
        """What has happened, or nothing if nothing has for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
            await asyncio.sleep(TOGETHER)
        self._changed.clear()
        news, self._news = self._news, {}
        devices, self._devices = self._devices, set()
        home = self._parts.hub.home
        if home.revision != self._revision:
            self._revision = home.revision
            news["renamed"] = True
        elif devices:
            known = [home.entities[each] for each in devices if each in home.entities]
            news["devices"] = [self._views.device(entity) for entity in known]
            if any(entity.domain == "todo" for entity in known):
                news["lists"] = True
        return news

    def _on_change(self, change: StateChange) -> None:
        self._devices.add(change.entity_id)
        self._changed.set()

    def _on_turn(self, trace: Trace) -> None:
        self._news["turn"] = {"heard": trace.heard, "reply": trace.reply.text, "area": trace.area}
        self._changed.set()

    def _on_activity(self) -> None:
        self._news["rooms"] = self._views.rooms()
        self._changed.set()

    def _on_request(self, request: Request | None) -> None:
        self._news["approval"] = shown_request(request)
        self._changed.set()
