"""Satellites that announce themselves in the local network (mDNS): ESPHome's devices
(`_esphomelib._tcp`) and those that speak Wyoming (`_wyoming._tcp`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from hub import egress
from hub.bridges.wyoming.announce import HUB
from hub.bridges.wyoming.announce import SERVICE as WYOMING
from hub.engines.wyoming_link import Address, described
from hub.errors import EngineError, reason

SERVICE = "_esphomelib._tcp.local."
WITHIN = 3.0
"""Seconds in which devices answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device, as it says of itself. Whether one of ESPHome's is a voice satellite it does not
    say."""

    name: str
    title: str
    host: str
    """Its IP address."""
    port: int
    encrypted: bool
    made_by: str
    """The project or board, for people."""
    speaks: Literal["esphome", "wyoming"] = "esphome"

    @property
    def uri(self) -> str:
        """How the settings name it."""
        if self.speaks == "wyoming":  # what it calls itself is no name of a machine
            return str(Address(self.host, self.port))
        return f"esphome://{self.name}.local" + (f":{self.port}" if self.port != 6053 else "")


async def find(within: float = WITHIN, interfaces: Sequence[str] | None = None) -> list[Found]:
    """Those that answer in so many seconds, by their names. `interfaces`: where to ask; None:
    everywhere. Of what speaks Wyoming, hubs and services that say that they are no satellite are
    left out. Raises EngineError without a network."""
    names: set[tuple[str, str]] = set()

    def changed(
        zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is not ServiceStateChange.Removed:
            names.add((service_type, name))

    try:
        zeroconf = AsyncZeroconf(interfaces=interfaces or InterfaceChoice.All)
    except OSError as error:
        raise EngineError(f"the local network cannot be asked: {reason(error)}") from error
    try:
        browser = AsyncServiceBrowser(zeroconf.zeroconf, [SERVICE, WYOMING], handlers=[changed])
        await asyncio.sleep(within)
        infos = [
            AsyncServiceInfo(service, name)
            for service, name in sorted(names)
            if not (service == WYOMING and name.startswith(HUB))
        ]
        answered = await asyncio.gather(
            *(info.async_request(zeroconf.zeroconf, 2000) for info in infos)
        )
        await browser.async_cancel()
    except (OSError, ZeroconfError) as error:
        raise EngineError(f"the local network cannot be asked: {error}") from error
    finally:
        await zeroconf.async_close()
    found = [_found(info) for info, known in zip(infos, answered, strict=True) if known]
    satellites = await asyncio.gather(*(_satellite(each) for each in found))
    return [each for each in satellites if each is not None]


async def _satellite(found: Found) -> Found | None:
    """With what one that speaks Wyoming tells of itself; None for one that is no satellite. One
    that does not answer may be busy with a hub, and stays."""
    # Anybody can announce any address.
    if found.speaks != "wyoming" or not egress.at_home(found.host):
        return found
    try:
        info = await described(Address(found.host, found.port), within=WITHIN)
    except EngineError:
        return found
    if info.satellite is None:
        return None
    title = " ".join((info.satellite.name or found.title).split())[:60]
    return replace(found, title=title, made_by=(info.satellite.attribution.name or "")[:60])


def _found(info: AsyncServiceInfo) -> Found:
    said = {
        key.decode("utf-8", "replace"): (value or b"").decode("utf-8", "replace")[:60]
        for key, value in info.properties.items()
    }
    addresses = info.parsed_addresses(IPVersion.V4Only) or info.parsed_addresses()
    name = info.name.removesuffix(f".{info.type}")
    return Found(
        name=name[:60],
        title=said.get("friendly_name") or name[:60],
        host=addresses[0] if addresses else "",
        port=info.port or (10700 if info.type == WYOMING else 6053),
        encrypted="api_encryption" in said,
        made_by=said.get("project_name") or said.get("board") or said.get("platform") or "",
        speaks="wyoming" if info.type == WYOMING else "esphome",
    )
