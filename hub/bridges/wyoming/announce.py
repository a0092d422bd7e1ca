"""The hub tells the local network that it is there: zeroconf, as Home Assistant looks for it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Sequence

import psutil
from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

log = logging.getLogger(__name__)

SERVICE = "_wyoming._tcp.local."
HUB = "Hearth on "
"""What the name of every hub begins with, before that of its machine."""
MDNS_GROUP, MDNS_PORT = "224.0.0.251", 5353
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds between attempts: a hub may be there before its network is."""


class Announcement:
    """`name._wyoming._tcp.local.` at a port of this machine, until it is closed.

    `host` is the address that the hub listens at; for '0.0.0.0' the one is announced that leads to
    the local network, and not that of some container's bridge. `interfaces` are those it is
    announced on; None: all."""

    def __init__(
        self, name: str, host: str, port: int, *, interfaces: Sequence[str] | None = None
    ) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._interfaces = interfaces
        self._zeroconf: AsyncZeroconf | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Announce it, in the background; what is in the way is logged, and tried again."""
        self._task = asyncio.create_task(self._announce(), name="wyoming-announce")

    async def announced(self) -> None:
        """Return when it has been announced."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def close(self) -> None:
        """Tell the network that it is gone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._zeroconf is not None:
            await self._zeroconf.async_close()
            self._zeroconf = None

    async def _announce(self) -> None:
        pause, complained = FIRST_PAUSE, False
        while True:
            try:
                await self._register()
                return
            except (OSError, ZeroconfError) as error:
                if not complained:
                    log.warning("the hub cannot be announced in the network: %s", error)
                complained = True
                await self._drop()
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _register(self) -> None:
        address = _announced(self._host)
        self._zeroconf = AsyncZeroconf(interfaces=self._interfaces or InterfaceChoice.All)
        service = AsyncServiceInfo(
            SERVICE,
            f"{self._name}.{SERVICE}",
            port=self._port,
            parsed_addresses=[address],
            server=f"{socket.gethostname().split('.')[0]}.local.",
        )
        await (await self._zeroconf.async_register_service(service, allow_name_change=True))
        log.info("announced as %s at %s", service.name, address)

    async def _drop(self) -> None:
        if self._zeroconf is not None:
            await self._zeroconf.async_close()
            self._zeroconf = None


def _announced(host: str) -> str:
    """The address to be told. Raises OSError where there is no network."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    if address.version == 4:
        # Nothing is sent: the system only says from where it would.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect((MDNS_GROUP, MDNS_PORT))
            return str(asked.getsockname()[0])
    for found in (each for all_of in psutil.net_if_addrs().values() for each in all_of):
        if found.family == socket.AF_INET6 and "%" not in found.address and found.address != "::1":
            return str(found.address)
    raise OSError("this machine has no IPv6 address in a network")
