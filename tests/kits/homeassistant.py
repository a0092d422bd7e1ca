"""A Home Assistant that fails as a real one does, but when it is told to: its WebSocket and a bit
of its REST API, with lamps and a lock in one room.

How it behaves is told before each request (`Behaviour`), and what it was asked is kept. The tests
of what works are those of a real Home Assistant (tests/test_homeassistant.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from aiohttp import web

Behaviour = Literal["does", "only answers", "refuses", "hangs", "hangs up", "truncates"]

TOKEN = "a token that is long enough"
LAMPS = ("light.desk", "light.shelf")


class FakeHomeAssistant:
    """`behaves`: what it does when a service is called. `status`: what it answers to a connection
    instead of taking it, with these `headers`."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.behaves: Behaviour = "does"
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.silent = False
        """It takes a connection, and then says nothing."""
        self.states = dict.fromkeys(LAMPS, "off") | {"lock.front": "locked"}
        self.administrator: bool | None = None
        """Whose token it is; None: this release does not tell."""
        self.calls: list[dict[str, Any]] = []
        self.kinds: set[str] = set()
        """Kinds of all commands that came over the WebSocket."""
        self.paths: set[tuple[str, str]] = set()
        """Method and path of all requests."""
        self.attempts = 0
        """Connections that showed a token."""
        self.port = 0
        self._sockets: set[web.WebSocketResponse] = set()
        self._watching: list[tuple[web.WebSocketResponse, int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def hang_up(self) -> None:
        for each in tuple(self._sockets):
            await each.close()

    def report(self, entity_id: str, state: str) -> None:
        self.states[entity_id] = state

    # --- the server -----------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.paths.add((request.method, request.path))
        if self.status is not None:
            return web.Response(status=self.status, headers=self.headers)
        if not request.path.endswith("/websocket"):
            return web.json_response({"version": "2026.11.0", "state": "RUNNING"})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            if self.silent:
                await asyncio.sleep(3600)
            await socket.send_json({"type": "auth_required", "ha_version": "2026.11.0"})
            shown = await socket.receive_json()
            self.attempts += 1
            if shown.get("access_token") != self.token:
                await socket.send_json({"type": "auth_invalid", "message": "Invalid"})
                return socket
            await socket.send_json({"type": "auth_ok", "ha_version": "2026.11.0"})
            async for message in socket:
                await self._command(socket, message.json())
        finally:
            self._sockets.discard(socket)
            self._watching = [each for each in self._watching if each[0] is not socket]
            await socket.close()
        return socket

    async def _command(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        number, kind = asked["id"], asked["type"]
        self.kinds.add(kind)
        if kind == "call_service":
            await self._called(socket, number, asked)
            return
        result = self._result(kind, asked)
        if result is None:
            error = {"code": "unknown_command", "message": "Unknown command."}
            await socket.send_json(
                {"id": number, "type": "result", "success": False, "error": error}
            )
            return
        await _done(socket, number, result)
        if kind == "subscribe_entities":
            self._watching.append((socket, number))
            added = {key: self._compressed(key, state) for key, state in self.states.items()}
            await socket.send_json({"id": number, "type": "event", "event": {"a": added}})

    def _result(self, kind: str, asked: dict[str, Any]) -> Any:
        known: dict[str, Any] = {
            "get_config": {"state": "RUNNING"},
            "config/floor_registry/list": [],
            "config/area_registry/list": [{"area_id": "den", "name": "Den", "aliases": []}],
            "config/device_registry/list": [],
            "config/entity_registry/list": [self._entry(key) for key in self.states],
            "config/entity_registry/get_entries": {key: self._entry(key) for key in self.states},
            "homeassistant/expose_entity/list": {
                "exposed_entities": {key: {"conversation": True} for key in self.states}
            },
            "homeassistant/expose_new_entities/get": {"expose_new": True},
        }
        if kind.startswith("subscribe"):
            return {}
        if kind == "auth/current_user" and self.administrator is not None:
            return {"id": "u", "name": "Voice", "is_owner": False, "is_admin": self.administrator}
        return known.get(kind)

    @staticmethod
    def _entry(entity_id: str) -> dict[str, Any]:
        return {
            "entity_id": entity_id,
            "id": entity_id,
            "unique_id": entity_id,
            "platform": "fake",
            "area_id": "den",
            "device_id": None,
            "aliases": [],
            "name": None,
            "original_name": _name(entity_id),
            "entity_category": None,
            "hidden_by": None,
            "disabled_by": None,
            "options": {},
        }

    @staticmethod
    def _compressed(entity_id: str, state: str) -> dict[str, Any]:
        attributes = {"friendly_name": _name(entity_id)}
        return {"s": state, "a": attributes, "c": "context", "lc": 1.0}

    async def _called(
        self, socket: web.WebSocketResponse, number: int, asked: dict[str, Any]
    ) -> None:
        self.calls.append(asked)
        match self.behaves:
            case "hangs":
                return
            case "hangs up":
                await socket.close()
            case "truncates":
                await socket.send_str('{"id": ' + str(number) + ', "type": "resu')
            case "refuses":
                error = {"code": "home_assistant_error", "message": "The lamp is jammed"}
                await socket.send_json(
                    {"id": number, "type": "result", "success": False, "error": error}
                )
            case "only answers":
                await _done(socket, number, {})
            case "does":
                await _done(socket, number, {})
                state = {"turn_on": "on", "turn_off": "off"}.get(asked["service"], "unknown")
                for entity_id in asked["target"]["entity_id"]:
                    self.states[entity_id] = state
                    changed = {"c": {entity_id: {"+": {"s": state, "lc": 2.0}}}}
                    for watcher, id in self._watching:
                        await watcher.send_json({"id": id, "type": "event", "event": changed})


async def _done(socket: web.WebSocketResponse, number: int, result: Any) -> None:
    await socket.send_json({"id": number, "type": "result", "success": True, "result": result})


def _name(entity_id: str) -> str:
    return {"light.desk": "Desk", "light.shelf": "Shelf", "lock.front": "Front Door"}[entity_id]


@asynccontextmanager
async def fake_home_assistant() -> AsyncIterator[FakeHomeAssistant]:
    fake = FakeHomeAssistant()
    runner = web.ServerRunner(web.Server(fake.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.port = int(runner.addresses[0][1])
    try:
        yield fake
    finally:
        await fake.hang_up()
        await runner.cleanup()
