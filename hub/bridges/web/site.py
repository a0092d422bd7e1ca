"""What is where on the page's server."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiohttp import web

from hub import __version__
from hub.bridges.requests import Refused
from hub.bridges.web.access import Guard, Password, Session, Sessions
from hub.bridges.web.acts import Acts
from hub.bridges.web.gate import SECRET_HEADER, SESSION, Refusal, cookie_name, gate
from hub.bridges.web.live import Live
from hub.bridges.web.parts import Parts
from hub.bridges.web.server import LOOPBACK, certified, serving
from hub.bridges.web.views import Views
from hub.config import WebSettings
from hub.control import unbroken
from hub.errors import ConfigError

STATIC = Path(__file__).parent / "static"
KINDS = {
    "index.html": "text/html",
    "app.js": "text/javascript",
    "views.js": "text/javascript",
    "dom.js": "text/javascript",
    "texts.js": "text/javascript",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
    "manifest.json": "application/manifest+json",
}
"""The files of the page. There are no others: a name is looked up here, not on the disk."""
LARGEST = 64 * 1024
"""Bytes of a request."""

Body = dict[str, Any]
Act = Callable[[Session, Body], Awaitable[Body]]


class Site:
    """The page's server. `secure`: it is reached by HTTPS."""

    def __init__(self, parts: Parts, password: Password, *, secure: bool = False) -> None:
        self._parts = parts
        self._secure = secure
        self.sessions = Sessions()
        self._guard = Guard(password)
        self._acts = Acts(parts)
        self._views = Views(parts)
        self._live = Live(parts, self._views, self.sessions)
        self._files = {name: (STATIC / name).read_bytes() for name in KINDS}

    def app(self, names: tuple[str, ...]) -> web.Application:
        app = web.Application(middlewares=[gate(names, self.sessions)], client_max_size=LARGEST)
        app.router.add_get("/", self._index)
        app.router.add_get("/static/{name}", self._file)
        app.router.add_get("/api/session", self._session)
        app.router.add_post("/api/login", self._login)
        app.router.add_get("/api/live", self._live.stream)
        for name, view in self._shown().items():
            app.router.add_get(f"/api/{name}", view)
        for name, act in self._done().items():
            app.router.add_post(f"/api/{name}", _posted(act))
        app.on_shutdown.append(self._live.close)
        return app

    def _shown(self) -> Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
        views = self._views

        def language(request: web.Request) -> str:
            return self._acts.language(request.query.get("language"))

        async def home(request: web.Request) -> web.Response:
            return _json({**views.home(), "hub": views.rooms(), "approval": views.approval()})

        async def history(request: web.Request) -> web.Response:
            asked = request.query
            return _json(await views.history(asked.get("kind", "turns"), asked.get("before", "")))

        async def why(request: web.Request) -> web.Response:
            return _json(await views.why(request.query.get("id", "")))

        async def waiting(request: web.Request) -> web.Response:
            return _json(views.waiting(language(request)))

        async def lists(request: web.Request) -> web.Response:
            return _json(await views.lists())

        async def skills(request: web.Request) -> web.Response:
            return _json(await views.skills())

        async def routines(request: web.Request) -> web.Response:
            return _json(await views.routines())

        async def privacy(request: web.Request) -> web.Response:
            return _json(await views.privacy())

        async def status(request: web.Request) -> web.Response:
            snapshot = await self._parts.seeing.snapshot()
            return _json({key: snapshot[key] for key in snapshot if key != "turns"})

        return {
            "home": home,
            "history": history,
            "why": why,
            "waiting": waiting,
            "lists": lists,
            "skills": skills,
            "routines": routines,
            "privacy": privacy,
            "status": status,
        }

    def _done(self) -> Mapping[str, Act]:
        acts = self._acts

        async def say(session: Session, body: Body) -> Body:
            language = acts.language(body.get("language"))
            return await acts.say(session.name, body.get("text"), language)

        async def logout(session: Session, body: Body) -> Body:
            self.sessions.end(session)
            return {}

        async def approval(session: Session, body: Body) -> Body:
            return acts.approval(body)

        async def mute(session: Session, body: Body) -> Body:
            return acts.mute(body)

        return {
            "say": say,
            "logout": logout,
            "approval": approval,
            "mute": mute,
            "device": lambda session, body: acts.device(session.name, body),
            "timer": lambda session, body: acts.timer(session.name, body),
            "item": lambda session, body: acts.item(session.name, body),
            "undo": lambda session, body: acts.undo(session.name, body),
            "volume": lambda session, body: acts.volume(body),
            "stop": lambda session, body: acts.stop(),
            "routine": lambda session, body: acts.routine(body),
            "pack": lambda session, body: self._views.enable_pack(body),
            "export": self._export,
            "erase": self._erase,
        }

    # --- the page, and the way in ----------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.Response:
        return self._content("index.html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in KINDS:
            raise Refusal(404, "there is no such file")
        return self._content(name)

    def _content(self, name: str) -> web.Response:
        return web.Response(body=self._files[name], content_type=KINDS[name], charset="utf-8")

    async def _session(self, request: web.Request) -> web.Response:
        """Whether somebody is logged in here, and what the page has to repeat."""
        session: Session | None = request.get(SESSION)
        locked = round(self._guard.locked(_address(request)))
        if session is None:
            return _json({"in": False, "locked": locked})
        hub = self._parts.hub
        return _json(
            {
                "in": True,
                "secret": session.csrf,
                "languages": list(hub.assistant.languages),
                "microphone": self._parts.ears is not None,
                "voice": hub.voice is not None,
                "version": __version__,
            }
        )

    async def _login(self, request: web.Request) -> web.Response:
        password = (await _body(request)).get("password")
        if not isinstance(password, str):
            raise Refused("'password' is text")
        address = _address(request)
        checked = await self._guard.check(password, address)
        if checked != "right":
            status = {"wrong": 403, "locked": 429, "none": 404}[checked]
            locked = round(self._guard.locked(address))
            response = _json({"error": checked, "locked": locked}, status=status)
            if locked:
                response.headers["Retry-After"] = str(locked)
            return response
        session = self.sessions.begin()
        response = _json({"in": True})
        response.set_cookie(
            cookie_name(self._secure),
            session.token,
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Strict",
        )
        return response

    # --- privacy --------------------------------------------------------------------------------

    async def _again(self, body: Body) -> None:
        """What takes everything away, or along, wants the password once more."""
        password = body.get("password")
        if not isinstance(password, str):
            raise Refused("'password' is text")
        checked = await self._guard.check(password, "logged in")
        if checked != "right":
            raise Refusal(429 if checked == "locked" else 403, checked)

    async def _export(self, session: Session, body: Body) -> Body:
        from hub.privacy.eraser import export

        await self._again(body)
        if (history := self._parts.hub.history) is not None:
            await history.flush()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        kept = await export(self._parts.hub.config)
        # Whatever JSON has no word for is told as text.
        plain: Body = json.loads(json.dumps({"exported_at": now, **kept}, default=str))
        return plain

    async def _erase(self, session: Session, body: Body) -> Body:
        """All that is kept, or what is of one person. The hub puts itself away for that, and the
        page with it."""
        person = body.get("person") or None
        if self._parts.eraser is None or not isinstance(person, str | None):
            raise Refused("'person' is a name, or null for all")
        await self._again(body)
        answer = await self._parts.eraser.answer({"erase": secrets.token_hex(8), "person": person})
        if "error" in answer:
            raise Refused(str(answer["error"]))
        return {}


@asynccontextmanager
async def open_site(parts: Parts, password: Password) -> AsyncIterator[str]:
    """Serve the page for as long as this lasts; where it is. Raises ConfigError."""
    settings = parts.hub.config.web
    if (settings.certificate is None) != (settings.key is None):
        raise ConfigError("[web] certificate and key: HTTPS needs both")
    tls = None
    if settings.certificate is not None and settings.key is not None:
        tls = certified(settings.certificate, settings.key)
    site = Site(parts, password, secure=tls is not None)
    app = site.app(_names(settings))
    async with serving(app, settings.host, settings.port, "[web] host, port", tls) as port:
        yield f"{'https' if tls else 'http'}://{_shown_host(settings.host)}:{port}/"


def _names(settings: WebSettings) -> tuple[str, ...]:
    """Those by which browsers may know the hub. Its address is none of them: it is looked at which
    one a request came to."""
    own = socket.gethostname().lower()
    names = {*LOOPBACK, *(name.lower() for name in settings.names)}
    return tuple(names | {own, f"{own.partition('.')[0]}.local"})


def _shown_host(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return socket.gethostname()
    return f"[{host}]" if address.version == 6 else host


def _posted(act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        return _json(await act(request[SESSION], await _body(request)))

    return handler


async def _body(request: web.Request) -> Body:
    try:
        content = unbroken(await request.json())
    except (ValueError, RecursionError):
        raise Refused("what is sent has to be JSON") from None
    if not isinstance(content, dict):
        raise Refused("what is sent has to be a JSON object")
    return content


def _json(content: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.json_response(content, status=status)


def _address(request: web.Request) -> str:
    return request.remote or ""


__all__ = ["SECRET_HEADER", "Site", "open_site"]
