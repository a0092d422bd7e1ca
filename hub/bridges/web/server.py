"""A listening socket for the pages that the hub serves itself, and what both of them look at
first: whether a request was meant for this server at all."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hub.errors import ConfigError, reason

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine that nobody else can take."""
ENDING = 1.0
"""Seconds that open connections are given at the end."""


@asynccontextmanager
async def serving(
    app: web.Application, host: str, port: int, setting: str, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve an application for as long as this lasts; the port, which the system chooses for 0.

    Raises ConfigError, naming the `setting`, where nothing can listen there."""
    # Requests are nobody's business, and their addresses may tell what was looked at.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=ENDING, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                f"{setting}: cannot listen on {host}, port {port}: {reason(error)}"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def certified(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS with a certificate. Raises ConfigError for files that are none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"[web] certificate, key: {certificate} and {key} are no certificate and its key "
            f"(PEM): {error}"
        ) from error
    return context


def host_of(request: web.Request) -> str:
    """The name that the request was sent to, without the port; empty for what is none."""
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return ""


def meant_for(request: web.Request, names: Collection[str]) -> bool:
    """Whether a request is for this server: one of its names, or the very address that it came to.

    A page on the web can have its own name point here; it cannot be sent to an address under
    another one."""
    host = host_of(request)
    if host in names:
        return True
    bound = request.transport.get_extra_info("sockname") if request.transport else None
    try:
        return bound is not None and ip_address(host) == ip_address(bound[0])
    except ValueError:
        return False


def hosts_only(names: Collection[str]) -> Middleware:
    """Let nothing pass that was meant for somebody else, or that a page elsewhere has sent."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not meant_for(request, names):
            raise web.HTTPForbidden(text="This server has another name.\n")
        if "Origin" in request.headers:
            raise web.HTTPForbidden(text="Not for pages.\n")
        return await handler(request)

    return middleware
