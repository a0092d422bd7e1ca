"""The door for Wyoming clients: one address, a limited number of connections, an announcement."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Sequence
from functools import partial
from typing import cast
from urllib.parse import urlsplit

from wyoming.server import AsyncEventHandler, AsyncTcpServer

from hub.bridges.wyoming.announce import HUB, Announcement
from hub.bridges.wyoming.connection import TOO_OFTEN, Connection
from hub.bridges.wyoming.handling import Brain
from hub.bridges.wyoming.pace import Pace
from hub.bridges.wyoming.services import Services
from hub.config import WyomingSettings
from hub.devices.mqtt.complaints import Complaints
from hub.errors import ConfigError, reason

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 32
"""Clients at a time; Home Assistant has one for each thing it asks for."""


class _Door(AsyncTcpServer):
    """The library's server, which does not tell its port."""

    @property
    def bound(self) -> int:
        server = cast(asyncio.Server, self._server)
        return int(server.sockets[0].getsockname()[1])


class WyomingServer:
    """Offers `services` while it is open. Raises ConfigError for a [wyoming] listen that is no
    address."""

    def __init__(self, services: Services, settings: WyomingSettings) -> None:
        self._services = services
        self._settings = settings
        self._host, self._port = _address(settings.listen or "")
        self._door: _Door | None = None
        self._connections: set[Connection] = set()
        self._pace = Pace()
        self._complaints = Complaints(log)
        new = services.new_assistant
        self._brain = Brain(new, services.finished) if new else None
        self._announcement: Announcement | None = None

    @property
    def port(self) -> int:
        """The port it listens at, also where the system chose it (port 0)."""
        return self._door.bound if self._door else self._port

    @property
    def connections(self) -> int:
        """Clients that are served now."""
        return len(self._connections)

    async def start(self) -> None:
        """Open the door. Raises ConfigError where that is not possible."""
        door = _Door(self._host, self._port)
        try:
            await door.start(self._connection)
        except OSError as error:
            raise ConfigError(
                f"[wyoming] listen: {self._settings.listen} cannot be opened: {reason(error)}"
            ) from error
        self._door = door
        log.info("Wyoming clients are served at port %d", self.port)
        if self._settings.announce and not _loopback(self._host):
            name = f"{HUB}{socket.gethostname().split('.')[0]}"
            self._announcement = Announcement(name, self._host, self.port)
            self._announcement.begin()

    async def close(self) -> None:
        """Close the door, hang up, and let turns that have begun come to their end."""
        if self._announcement is not None:
            await self._announcement.close()
        if self._door is None:
            return
        left = tuple(self._connections)
        await self._door.stop()
        for connection in left:
            await connection.finished.wait()
        if self._brain is not None:
            await self._brain.close()
        self._door = None

    def _connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> AsyncEventHandler:
        host = str((writer.get_extra_info("peername") or ("somebody",))[0])
        connection = Connection(
            reader,
            writer,
            self._services,
            self._brain,
            peer=host,
            refused=self._refused(host),
            may_ask=partial(self._may_ask, host),
            gone=self._connections.discard,
        )
        self._connections.add(connection)
        return connection

    def _refused(self, host: str) -> str | None:
        """Why a client is not served; None if it is."""
        if len(self._connections) >= MOST_CONNECTIONS:
            self._complaints.tell(f"Wyoming: {host} is one client too many")
            return f"the hub has {MOST_CONNECTIONS} clients already"
        if _from_outside(host):
            self._complaints.tell(f"Wyoming: {host} is not in the house, and is not served")
            return "the hub serves its own network only"
        if not _among(host, self._settings.clients):
            self._complaints.tell(
                f"Wyoming: {host} is not among [wyoming] clients, and is not served"
            )
            return "the hub does not know this address"
        return None if self._may_ask(host) else TOO_OFTEN

    def _may_ask(self, host: str) -> bool:
        """Count a request of a client that is served; whether it may be made now."""
        if self._pace.allows(host):
            return True
        self._complaints.tell(f"Wyoming: {host} asks too often, and is hung up on")
        return False


def _among(host: str, clients: Sequence[str]) -> bool:
    """Whether an address is one of those; this machine always is."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or any(
        address in ipaddress.ip_network(each, strict=False) for each in clients
    )


def _address(listen: str) -> tuple[str, int]:
    """Host and port of `tcp://host:port`. Raises ConfigError."""
    parts = urlsplit(listen)
    try:
        host, port = str(ipaddress.ip_address(_resolved(parts.hostname or ""))), parts.port
    except ValueError:
        host, port = "", None
    if parts.scheme != "tcp" or not host or port is None:
        raise ConfigError(
            f"[wyoming] listen: {listen!r} is no address to listen at; "
            "'tcp://0.0.0.0:10700' is one for the whole network, 'tcp://127.0.0.1:10700' one for "
            "this machine"
        )
    return host, port


def _resolved(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host


def _loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


def _from_outside(host: str) -> bool:
    """Whether it is an IPv4 address of the internet: a door that a router has opened by mistake.
    In IPv6 a neighbour has such an address too."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped is not None and address.ipv4_mapped.is_global
    return address.is_global
