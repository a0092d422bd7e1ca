"""The way to the network for `[run]` commands, which know nothing of the hub: a proxy of HTTP.

It listens on a unix socket that only this pack's sandbox can see (`inside/relay.py` makes it a
port there). `CONNECT host:port` and `GET http://host:port/…` are for the hosts that were granted
and no others; names lead where `proxy.Pinned` lets them lead. TLS is between pack and host.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from hub.packs.grants import Denied, origin_of
from hub.packs.plain import one_line
from hub.packs.proxy import OWN, Lookup, Pinned, looked_up

log = logging.getLogger(__name__)

LONGEST_HEAD = 16 * 1024
HEAD_SECONDS = 10.0
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0
MOST_BYTES = 64 * 1024 * 1024
"""Of one connection, each way."""
MOST_CONNECTIONS = 8

Note = Callable[[str, bool, str], None]
"""Target, whether it was allowed, why not."""


class Tunnel:
    """The proxy of one pack. `origins` are `scheme://host:port`, as grants have them."""

    def __init__(self, origins: Sequence[str], note: Note, lookup: Lookup | None = None) -> None:
        self._ends = frozenset(origin.partition("://")[2] for origin in origins)
        self._origins = frozenset(origins)
        self._note = note
        self._resolver = Pinned(lookup or looked_up)
        self._folder: Path | None = None
        self._server: asyncio.Server | None = None
        self._open = 0

    async def open(self) -> Path:
        """The socket; it is made at the first time."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="hearth-pack-"))
            self._server = await asyncio.start_unix_server(
                self._serve, self._folder / "web.sock", limit=LONGEST_HEAD
            )
        return self._folder / "web.sock"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        target = ""
        try:
            if self._open > MOST_CONNECTIONS:
                raise Denied("too many connections at a time")
            async with asyncio.timeout(HEAD_SECONDS):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, rest = _request(head)
            if method == "CONNECT":
                host, port, first, left = *self._end(target), "", MOST_BYTES
            else:
                host, port, first, left = self._plain(method, target, rest)
            await self._connected(reader, writer, host, port, first.encode("latin-1"), left)
            self._note(one_line(target, 200), True, "")
        except Denied as error:
            self._note(one_line(target, 200), False, str(error))
            with suppress(OSError):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        except (OSError, ValueError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            self._note(one_line(target, 200), True, f"{type(error).__name__}: {error}"[:200])
            with suppress(OSError):
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        finally:
            self._open -= 1
            writer.close()

    def _end(self, target: str) -> tuple[str, int]:
        """Host and port of a CONNECT. Raises Denied."""
        if target not in self._ends:
            raise Denied(f"{one_line(target, 100)} was not granted")
        host, _, port = target.rpartition(":")
        return host.strip("[]"), int(port)

    def _plain(self, method: str, target: str, rest: str) -> tuple[str, int, str, int]:
        """Where a request without TLS goes, as what, and how much of a body may follow."""
        origin = origin_of(target)
        if origin not in self._origins or any(c <= " " or c == "\\" for c in target):
            raise Denied(f"{one_line(target, 100)} was not granted")
        url = urlsplit(target)
        path = url._replace(scheme="", netloc="").geturl() or "/"
        kept, length = [], 0
        for line in rest.split("\r\n"):
            name, colon, value = line.partition(":")
            if not colon or name.lower() in OWN - {"content-length", "transfer-encoding"}:
                continue
            if name.lower() == "transfer-encoding":
                raise Denied("a request has its length")
            if name.lower() == "content-length":
                length = int(value)
            kept.append(line)
        host, _, port = origin.partition("://")[2].rpartition(":")
        lines = [f"{method} {path} HTTP/1.1", f"Host: {url.netloc}", *kept, "Connection: close"]
        return host.strip("[]"), int(port), "\r\n".join(lines) + "\r\n\r\n", length

    async def _connected(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        port: int,
        first: bytes,
        left: int,
    ) -> None:
        address, *_ = await self._resolver.addresses(host, port)
        async with asyncio.timeout(CONNECT_SECONDS):
            incoming, outgoing = await asyncio.open_connection(address, port)
        try:
            if first:
                outgoing.write(first)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._pumped(reader, writer, incoming, outgoing, left)
        finally:
            outgoing.close()

    async def _pumped(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        incoming: asyncio.StreamReader,
        outgoing: asyncio.StreamWriter,
        left: int,
    ) -> None:
        """Both ways, until the host has said all, or the pack has hung up."""
        up = asyncio.create_task(_pump(reader, outgoing, left), name="pack-up")
        down = asyncio.create_task(_pump(incoming, writer, MOST_BYTES), name="pack-down")
        try:
            await down
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
    while left > 0:
        async with asyncio.timeout(IDLE_SECONDS):
            chunk = await reader.read(min(left, 64 * 1024))
        if not chunk:
            return
        left -= len(chunk)
        writer.write(chunk)
        await writer.drain()


def _request(head: str) -> tuple[str, str, str]:
    """Method, target and the other lines. Raises Denied."""
    line, _, rest = head.partition("\r\n")
    words = line.split(" ")
    if len(words) != 3 or not words[0].isalpha() or not words[2].startswith("HTTP/1."):
        raise Denied("that is no request")
    return words[0].upper(), words[1], rest
