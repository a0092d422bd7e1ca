"""Wyoming servers of the house: their addresses, and events from the network within bounds.

What comes from a network is measured before it is kept: a header that promises a gigabyte costs
nothing but the connection.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import Describe, Info

from hub.errors import EngineError, ModelError

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_DATA = 4 << 20
"""Bytes of an event's data from a server: a list of all Piper voices has a tenth of that."""
MOST_PAYLOAD = 8 << 20
"""Bytes of sound in one event from a server."""
CONNECT_TIMEOUT = 3.0
"""Seconds for a machine of the house to take a connection."""
PAUSE = 0.3
"""Seconds before a connection that was lost is tried once more."""


class MalformedEvent(ValueError):
    """What came is no Wyoming event, or larger than one may be; says what is wrong with it."""


class LinkLost(EngineError):
    """A server could not be reached, or went away in the middle."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Wyoming server is: `tcp://nas.local:10300`, with options behind a '?'."""

    host: str
    port: int
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


def is_address(name: str) -> bool:
    """Whether a model's name in the settings is the address of a Wyoming server."""
    return name.startswith(("tcp://", "wyoming://"))


def parse(uri: str, known: Sequence[str] = ()) -> Address:
    """The address that the settings name. Raises ModelError for what is none.

    `known` are the options it may have."""
    parts = urlsplit(uri)
    try:
        port = parts.port
    except ValueError:
        port = None
    if not is_address(uri) or not parts.hostname or not port or parts.path.strip("/"):
        raise ModelError(f"{uri}: no address of a Wyoming server, like tcp://nas.local:10300")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if wrong := [name for name in options if name not in known]:
        hint = f"known are {', '.join(known)}" if known else "there are none"
        raise ModelError(f"{uri}: there is no option '{wrong[0]}'; {hint}")
    return Address(parts.hostname, port, options)


async def read_event(
    reader: asyncio.StreamReader,
    *,
    most_data: int = MOST_DATA,
    most_payload: int = MOST_PAYLOAD,
) -> Event | None:
    """The next event; None when the other side has gone. Limits are bytes.

    Raises MalformedEvent, and ConnectionError when the network breaks. The library's own reader
    knows no bounds, and takes what is malformed for the end."""
    try:
        line = await reader.readline()
    except ValueError:
        raise MalformedEvent("a header longer than 64 KiB") from None
    if not line.endswith(b"\n"):
        return None  # the end, perhaps in the middle of a header
    header = _object(line, "header")
    kind = header.get("type")
    if not isinstance(kind, str):
        raise MalformedEvent("an event without a type")
    data = header.get("data") or {}
    if not isinstance(data, dict):
        raise MalformedEvent(f"{kind[:40]!r} with data that are no object")
    try:
        if length := _length(header, "data_length", most_data):
            data = data | _object(await reader.readexactly(length), "data")
        length = _length(header, "payload_length", most_payload)
        payload = await reader.readexactly(length) if length else None
    except asyncio.IncompleteReadError:
        return None
    return Event(kind, data, payload)


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedEvent(f"{what} that is not JSON") from None
    if not isinstance(found, dict):
        raise MalformedEvent(f"{what} that is no JSON object")
    return found


def _length(header: Mapping[str, Any], key: str, most: int) -> int:
    length = header.get(key) or 0
    if not isinstance(length, int) or length < 0:
        raise MalformedEvent(f"a {key} of {str(length)[:20]!r}")
    if length > most:
        raise MalformedEvent(f"a {key} of {length} bytes; {most} are taken")
    return length


class Link:
    """A connection to a server."""

    def __init__(
        self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.address = address
        self._reader = reader
        self._writer = writer

    async def send(self, *events: Event) -> None:
        """Raises LinkLost."""
        try:
            for event in events:
                await async_write_event(event, self._writer)
        except OSError as error:
            raise LinkLost(f"{self.address} has gone away: {_why(error)}") from error
        except UnicodeEncodeError as error:
            raise EngineError(f"{self.address}: this is no text: {error}") from error

    async def receive(self) -> Event:
        """The next event. Raises EngineError for the server's own complaint, or for what is no
        Wyoming; LinkLost when it goes away."""
        try:
            event = await read_event(self._reader)
        except OSError as error:
            raise LinkLost(f"{self.address} has gone away: {_why(error)}") from error
        except MalformedEvent as error:
            raise EngineError(f"{self.address} is no Wyoming server: it sent {error}") from None
        if event is None:
            raise LinkLost(f"{self.address} has closed the connection")
        if Error.is_type(event.type):
            raise EngineError(f"{self.address} says: {str(event.data.get('text'))[:200]}")
        return event

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def linked(address: Address) -> AsyncIterator[Link]:
    """A connection, closed at the end. Raises LinkLost."""
    link = await connect(address)
    try:
        yield link
    finally:
        link.close()


async def connect(address: Address) -> Link:
    """A connection that the caller closes. Raises LinkLost."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(address.host, address.port)
    except OSError as error:
        raise LinkLost(f"{address} cannot be reached: {_why(error)}") from error
    return Link(address, reader, writer)


async def asked(address: Address, work: Callable[[Link], Awaitable[T]], *, within: float) -> T:
    """Do one piece of work on a connection of its own, and once more if that is lost.

    Most servers close a connection after a request, and any may be restarted. Raises EngineError;
    after `within` seconds in any case."""
    try:
        async with asyncio.timeout(within):
            try:
                async with linked(address) as link:
                    return await work(link)
            except LinkLost as error:
                log.info("%s; trying once more", error)
            await asyncio.sleep(PAUSE)
            async with linked(address) as link:
                return await work(link)
    except TimeoutError:
        raise EngineError(f"{address} has not answered in {within:g} s") from None


async def described(address: Address, *, within: float = 5.0) -> Info:
    """What a server offers. Raises EngineError."""

    async def work(link: Link) -> Info:
        await link.send(Describe().event())
        while True:
            event = await link.receive()
            if Info.is_type(event.type):
                try:
                    return Info.from_event(event)
                except (LookupError, TypeError, ValueError, AttributeError):
                    raise EngineError(
                        f"{address} describes itself in a way that is no Wyoming"
                    ) from None

    return await asked(address, work, within=within)


def _why(error: OSError) -> str:
    """In plain words: asyncio's own text repeats the address and a number."""
    if isinstance(error, TimeoutError):
        return f"it has not answered in {CONNECT_TIMEOUT:g} s"
    if isinstance(error, socket.gaierror):
        return "nobody knows this name"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens on this port"
    return error.strerror or "the connection broke"
