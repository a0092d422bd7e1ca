"""The only way from a pack to the network: the hub fetches for it, from the hosts it was granted.

An address is compared whole (scheme, host, port), for each redirect anew. A name is resolved here,
once in a while, and must lead where such a name leads: one of the internet to an address of the
internet, so that nobody's name server turns `api.example.org` into the router of the home.
Nothing is shared between packs: no cookies, no credentials, no connections.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import errno
import ipaddress
import re
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from hub import egress
from hub.packs.grants import Denied, origin_of

if TYPE_CHECKING:
    import aiohttp

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
SECONDS = 10.0
LARGEST_REQUEST = 256 * 1024
LARGEST_ANSWER = 512 * 1024
"""Bytes, unpacked. As base64 that fits in a line."""
MOST_HEADERS = 40
LONGEST_HEADER = 4096
LONGEST_ADDRESS = 4096
MOST_REDIRECTS = 5
PINNED_SECONDS = 600.0
OWN = frozenset(
    "connection content-length expect host keep-alive proxy-authorization proxy-connection te "
    "trailer transfer-encoding upgrade via forwarded x-forwarded-for".split()
)
"""Headers that are the hub's to set."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
LOCAL = (".local", ".lan", ".home", ".home.arpa", ".internal")

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> addresses."""


@dataclass(frozen=True, slots=True)
class Fetched:
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "status": self.status,
            "headers": dict(self.headers),
            "body": base64.b64encode(self.body).decode(),
        }


class Proxy:
    """The way out of one pack. `origins` are `scheme://host:port`, as grants have them."""

    def __init__(self, origins: Sequence[str], lookup: Lookup | None = None) -> None:
        self._origins = frozenset(origins)
        self._resolver = Pinned(lookup or looked_up)
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, params: Mapping[str, Any]) -> Fetched:
        """`{url, method, headers, body}`; the body is base64. Raises Denied for what was not
        granted, and for what goes wrong on the way, in words for the pack's author."""
        from aiohttp import ClientError  # 18 MB, for packs that reach hosts

        url, method = params.get("url"), params.get("method", "GET")
        if not isinstance(url, str) or len(url) > LONGEST_ADDRESS:
            raise Denied("the address is no text, or too long")
        if method not in METHODS:
            raise Denied(f"the method is one of {', '.join(sorted(METHODS))}")
        headers, body = _headers(params.get("headers")), _body(params.get("body"))
        try:
            async with asyncio.timeout(SECONDS):
                return await self._followed(url, method, headers, body)
        except TimeoutError:
            raise Denied(f"{url:.100}: no answer within {SECONDS:g} s") from None
        except (ClientError, OSError, ValueError) as error:
            raise Denied(f"{url:.100}: {type(error).__name__}: {error}"[:300]) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def check(self, url: str) -> None:
        """Raises Denied for an address whose host was not granted."""
        if any(character <= " " or character == "\\" for character in url):
            raise Denied("the address holds blanks or backslashes")
        if (origin := origin_of(url)) not in self._origins:
            raise Denied(f"{origin or url!r:.100} was not granted")

    async def _followed(
        self, url: str, method: str, headers: dict[str, str], body: bytes | None
    ) -> Fetched:
        for _ in range(MOST_REDIRECTS + 1):
            self.check(url)
            answer = await self._asked(url, method, headers, body)
            target = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not target:
                return answer
            beyond = urljoin(url, target)
            if origin_of(beyond) != origin_of(url):
                headers = {
                    name: value
                    for name, value in headers.items()
                    if name.lower() not in ("authorization", "cookie")
                }
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, body = "GET", None
            url = beyond
        raise Denied(f"more than {MOST_REDIRECTS} redirects")

    async def _asked(
        self, url: str, method: str, headers: Mapping[str, str], body: bytes | None
    ) -> Fetched:
        if self._session is None:
            self._session = _session(self._resolver)
        async with self._session.request(
            method, url, headers=headers, data=body, allow_redirects=False
        ) as response:
            content = bytearray()
            async for chunk in response.content.iter_chunked(64 * 1024):
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise Denied(f"the answer is longer than {LARGEST_ANSWER // 1024} KB")
            kept = {
                name.lower(): value[:LONGEST_HEADER]
                for name, value in list(response.headers.items())[:MOST_HEADERS]
            }
            return Fetched(str(response.url), response.status, kept, bytes(content))


class Pinned:
    """Addresses of names, kept for a while, and only where such a name may lead."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._kept: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """At least one. Raises OSError if there is none that it may lead to."""
        with suppress(ValueError):  # it is no name, and was granted as it is
            return (str(ipaddress.ip_address(host)),)
        at, addresses = self._kept.get(host, (0.0, ()))
        if not addresses or time.monotonic() - at > PINNED_SECONDS:
            found = await self._lookup(host, port)
            addresses = tuple(address for address in found if fits(host, address))
            if not addresses:
                raise OSError(errno.EHOSTUNREACH, f"{host} leads nowhere it may lead")
            self._kept[host] = (time.monotonic(), addresses)
        egress.leads_to(host, addresses)
        return addresses


def _session(pinned: Pinned) -> aiohttp.ClientSession:
    """A client that keeps nothing and finds hosts in no other way."""
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Resolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                    proto=0,
                    flags=socket.AI_NUMERICHOST,
                )
                for address in await pinned.addresses(host, port)
            ]

        async def close(self) -> None:
            pass

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=Resolver(), use_dns_cache=False, force_close=True, limit=4
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=SECONDS),
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    )


def fits(host: str, address: str) -> bool:
    """Whether a name may lead to an address: a name of the home to the home, any other to the
    internet, `localhost` to this machine. Nothing leads to link-local addresses."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if host == "localhost":
        return found.is_loopback
    if found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified:
        return False
    if "." not in host or host.endswith(LOCAL):
        return found.is_private
    return found.is_global


async def looked_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system finds them."""
    rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in rows]


def _headers(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > MOST_HEADERS:
        raise Denied(f"headers are an object of at most {MOST_HEADERS}")
    for name, value in given.items():
        if not _HEADER.fullmatch(name) or not isinstance(value, str):
            raise Denied(f"the header {name!r:.60} is none")
        if len(value) > LONGEST_HEADER or any(c < " " and c != "\t" for c in value):
            raise Denied(f"the header {name} is too long, or holds line breaks")
    return {name: value for name, value in given.items() if name.lower() not in OWN}


def _body(given: Any) -> bytes | None:
    if given is None:
        return None
    if not isinstance(given, str) or len(given) > LARGEST_REQUEST * 4 // 3 + 4:
        raise Denied(f"the body is base64 of at most {LARGEST_REQUEST // 1024} KB")
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error as error:
        raise Denied("the body is no base64") from error
