"""What every request has to pass before anything looks at what it wants.

In this order: it was sent to this server under one of its names; it comes from no other page; it is
a GET or a POST; a POST is JSON and repeats the secret of its session; and but for the page itself
and the way in, it has a session. Each answer says what the browser may do with it.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hub.bridges.requests import Refused
from hub.bridges.web.access import Session, Sessions
from hub.bridges.web.server import meant_for
from hub.errors import HearthError

log = logging.getLogger(__name__)

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # Nothing in the page may make elements or code of text.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "Hearth",
}
SECRET_HEADER = "X-Hearth-Session"
"""Repeats `Session.csrf`; a page elsewhere can neither know it nor send the header."""
SESSION = web.RequestKey("session", Session)
OPEN = ("/api/session", "/api/login")
"""What needs no session, besides the files of the page."""


class Refusal(Exception):
    """A request that is not answered."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def cookie_name(secure: bool) -> str:
    """With TLS the browser itself sees to it that nobody else has set it."""
    return "__Host-hearth" if secure else "hearth"


def gate(names: Collection[str], sessions: Sessions) -> Middleware:
    """See above. `names`: those by which browsers may know this server."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response: web.StreamResponse
        try:
            _admit(request, names, sessions)
            response = await handler(request)
        except Refusal as refusal:
            response = _told(refusal.status, str(refusal))
        except web.HTTPException as error:
            response = _told(error.status, error.reason)
        except (HearthError, Refused) as error:
            response = _told(400, str(error))
        except ConnectionError:
            raise
        # Whatever goes wrong costs this one request, and tells nobody how the hub is made.
        except Exception:
            log.exception("the page: %s %s could not be done", request.method, request.path)
            response = _told(500, "something went wrong; see the hub's log")
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return middleware


def _told(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)


def _admit(request: web.Request, names: Collection[str], sessions: Sessions) -> None:
    """Raises Refusal."""
    if not meant_for(request, names):
        raise Refusal(403, "this server has another name; [web] names may list more")
    if request.method not in ("GET", "POST"):
        raise Refusal(405, "only GET and POST are known here")
    _same_page(request)
    session = sessions.find(request.cookies.get(cookie_name(request.secure)))
    if session is not None:
        request[SESSION] = session
    inside = request.path.startswith("/api/") and request.path not in OPEN
    if inside and session is None:
        raise Refusal(401, "log in first")
    if request.method == "POST":
        if request.content_type != "application/json":
            raise Refusal(415, "what is sent has to be JSON")
        given = request.headers.get(SECRET_HEADER, "")
        wanted = session.csrf if inside and session is not None else "login"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise Refusal(403, "this was not sent by the page")


def _same_page(request: web.Request) -> None:
    """Refuse what another page has sent. Browsers say where a request comes from; with a POST
    they always do."""
    origin = request.headers.get("Origin")
    if origin is None:
        if request.method == "POST":
            raise Refusal(403, "a request that does something says where it comes from")
    elif not _own(request, origin):
        raise Refusal(403, "this comes from another page")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    visiting = request.path == "/" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if site not in ("same-origin", "none") and not (visiting and request.method == "GET"):
        raise Refusal(403, "this comes from another page")


def _own(request: web.Request, origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    scheme = "https" if request.secure else "http"
    return (parts.scheme, parts.netloc.lower()) == (scheme, request.headers["Host"].lower())
