"""MCP over streamable HTTP, for clients on this machine or in this house.

Whoever has the token may do what voice may do, so there is always a token, but on the machine
itself if it is wanted so. The gate looks at a request before anything else does: whether it was
meant for this server (a page of the web that makes its own name point here is sent away), whether
a page of another place has sent it, and whether it has the token.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import ipaddress
import logging
import os
import secrets
import socket
import stat
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.bridges.mcp import Policy, server
from hub.bridges.mcp_door import Door
from hub.errors import ConfigError, reason

log = logging.getLogger(__name__)

PATH = "/mcp"
TOKEN_FILE = "mcp-token"
LARGEST_REQUEST = 64 * 1024
"""Bytes. What the control socket takes, too."""
MOST_CONNECTIONS = 64
MOST_SESSIONS = 64
SESSION_IDLE_SECONDS = 30 * 60.0
WRONG_TOKENS = 10
WRONG_SECONDS = 60.0
"""So many wrong tokens from one address in so many seconds are looked at; then it is told to
wait. The right one is let in all the same: a program with an old token must not keep the others
on its machine out, and nobody guesses 256 bits."""
MOST_ADDRESSES = 1000
ENDING_SECONDS = 2
"""How long open connections are waited for at the end."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Address:
        """`127.0.0.1:8765`, `[::1]:8765`. Raises ConfigError for what is no such thing."""
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or port is None or parts.path or parts.query or "@" in text:
            raise ConfigError(f"'{text}' is no address to listen at; one is like '127.0.0.1:8765'")
        return cls(host, port)

    @property
    def local(self) -> bool:
        """Only this machine can reach it."""
        return self.host == "localhost" or _is_loopback(self.host)

    def check(self, token: str | None) -> None:
        """Raises ConfigError if the home would be open to everybody in the network."""
        if token is None and not self.local:
            raise ConfigError(
                f"{self.host} can be reached by others, and nothing but the token keeps them out: "
                "leave out '--no-token', or listen at 127.0.0.1"
            )


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of a certificate, with its chain, and of its key."""

    certificate: Path
    key: Path


def token_of(folder: Path) -> str:
    """The token that is kept in a folder, made at the first use; only its user can read it.

    Raises ConfigError if others could have read it, or it cannot be kept."""
    path = folder / TOKEN_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(number, "w") as file:
                file.write(f"{secrets.token_urlsafe(32)}\n")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(f"{path}: others may have read it; remove it, and a new one is made")
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {reason(error)}") from error
    if len(token) < 32:
        raise ConfigError(f"{path}: this is no token; remove it, and a new one is made")
    return token


class Gate:
    """Lets requests in that are meant for this server, and know its token (None: there is none).

    `names`: what this machine is called besides its addresses and `localhost`."""

    def __init__(self, app: ASGIApp, token: str | None, names: frozenset[str]) -> None:
        self._app = app
        self._token = token
        self._names = names | {"localhost"}
        self._wrong: dict[str, list[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refused = self._refused(Headers(scope=scope), (scope.get("client") or ("",))[0])
        await (refused or self._app)(scope, receive, send)

    def _refused(self, headers: Headers, address: str) -> PlainTextResponse | None:
        host = _host(f"//{headers.get('host', '')}")
        if not self._is_ours(host):
            return PlainTextResponse("This server has another name.\n", 421)
        origin = headers.get("origin")
        if origin is not None and _host(origin) != host:
            return PlainTextResponse("Pages of other places may not use this server.\n", 403)
        if self._token is None or _knows(headers.get("authorization", ""), self._token):
            return None
        if self._too_many(address):
            wait = {"retry-after": f"{WRONG_SECONDS:.0f}"}
            return PlainTextResponse("Too many wrong tokens.\n", 429, wait)
        wanted = {"www-authenticate": 'Bearer realm="hearth"'}
        return PlainTextResponse("The token is missing or wrong.\n", 401, wanted)

    def _is_ours(self, host: str | None) -> bool:
        """An address, or a name of this machine. A page that wants to be taken for this server
        can only do that by a name of its own."""
        return host is not None and (_is_address(host) or host in self._names)

    def _too_many(self, address: str) -> bool:
        now = time.monotonic()
        recent = [at for at in self._wrong.get(address, ()) if now - at < WRONG_SECONDS]
        if len(recent) < WRONG_TOKENS:
            self._wrong.pop(address, None)
            self._wrong[address] = [*recent, now]
            if len(self._wrong) > MOST_ADDRESSES:
                del self._wrong[next(iter(self._wrong))]
            if len(recent) == 0:
                log.warning("a wrong token, or none, from %s", address)
            return False
        return True


def _knows(authorization: str, token: str) -> bool:
    """Whether a header has the token: as bearer, or as the password of any user, which is what a
    client makes of an address like `http://hearth:TOKEN@host/mcp`."""
    kind, _, given = authorization.partition(" ")
    given = given.strip()
    if kind.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif kind.lower() != "bearer":
        return False
    return hmac.compare_digest(given.encode(), token.encode())


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host.partition("%")[0]).is_loopback


class _Server(uvicorn.Server):
    """Signals are for the program around it, which has more to put away."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve_http(
    door: Door,
    address: Address,
    token: str | None,
    *,
    policy: Policy | None = None,
    names: frozenset[str] = frozenset(),
    tls: Tls | None = None,
) -> AsyncIterator[str]:
    """Serve a home at an address as long as the context lasts; yields the URL.

    `names`: what clients call this machine, besides its addresses and its own name.
    Raises ConfigError where it cannot listen, and for an open door without a token."""
    address.check(token)
    own = socket.gethostname().lower()
    listening = _listen(address)
    with listening:
        app = server(door, policy).streamable_http_app(
            streamable_http_path=PATH,
            max_request_body_size=LARGEST_REQUEST,
            max_sessions=MOST_SESSIONS,
            session_idle_timeout=SESSION_IDLE_SECONDS,
            # The gate has looked at names and origins already.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        running = _Server(
            uvicorn.Config(
                Gate(app, token, frozenset({own, f"{own}.local", *map(str.lower, names)})),
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=ENDING_SECONDS,
                ssl_certfile=tls.certificate if tls else None,
                ssl_keyfile=tls.key if tls else None,
            )
        )
        _load(running, tls)
        task = asyncio.create_task(running.serve(sockets=[listening]), name="mcp-http")
        try:
            yield _url(address.host, listening.getsockname()[1], tls)
        finally:
            running.should_exit = True
            await task


def _url(host: str, port: int, tls: Tls | None) -> str:
    if _is_address(host) and ipaddress.ip_address(host).is_unspecified:
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{shown}:{port}{PATH}"


def _listen(address: Address) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise ConfigError(f"{address.host}:{address.port}: {reason(error)}") from error


def _load(running: _Server, tls: Tls | None) -> None:
    """Read the settings now, and not in a task that nobody sees fail."""
    try:
        running.config.load()
    except OSError as error:  # `ssl.SSLError` is one
        files = f"{tls.certificate} and {tls.key}" if tls else PATH
        raise ConfigError(f"{files}: {reason(error)}") from error
