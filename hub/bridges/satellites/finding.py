"""ESPHome's devices that announce themselves in the local network (mDNS, `_esphomelib._tcp`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from hub.errors import EngineError, reason

SERVICE = "_esphomelib._tcp.local."
WITHIN = 3.0
"""Seconds in which devices answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device, as it says of itself. Whether it is a voice satellite it does not say."""

    name: str
    title: str
    host: str
    """Its IP address."""
    port: int
    encrypted: bool
    made_by: str
    """The project or board, for people."""

    @property
    def uri(self) -> str:
        return f"esphome://{self.name}.local" + (f":{self.port}" if self.port != 6053 else "")


async def find(within: float = WITHIN, interfaces: Sequence[str] | None = None) -> list[Found]:
    """Those that answer in so many seconds, by their names. `interfaces`: where to ask; None:
    everywhere. Raises EngineError without a network."""
    names: set[str] = set()

    def changed(
        zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is not ServiceStateChange.Removed:
            names.add(name)

    try:
        zeroconf = AsyncZeroconf(interfaces=interfaces or InterfaceChoice.All)
    except OSError as error:
        raise EngineError(f"the local network cannot be asked: {reason(error)}") from error
    try:
        browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[changed])
        await asyncio.sleep(within)
        infos = [AsyncServiceInfo(SERVICE, name) for name in sorted(names)]
        answered = await asyncio.gather(
            *(info.async_request(zeroconf.zeroconf, 2000) for info in infos)
        )
        await browser.async_cancel()
    except (OSError, ZeroconfError) as error:
        raise EngineError(f"the local network cannot be asked: {error}") from error
    finally:
        await zeroconf.async_close()
    return [_found(info) for info, known in zip(infos, answered, strict=True) if known]


def _found(info: AsyncServiceInfo) -> Found:
    said = {
        key.decode("utf-8", "replace"): (value or b"").decode("utf-8", "replace")[:60]
        for key, value in info.properties.items()
    }
    addresses = info.parsed_addresses(IPVersion.V4Only) or info.parsed_addresses()
    name = info.name.removesuffix(f".{SERVICE}")
    return Found(
        name=name[:60],
        title=said.get("friendly_name") or name[:60],
        host=addresses[0] if addresses else "",
        port=info.port or 6053,
        encrypted="api_encryption" in said,
        made_by=said.get("project_name") or said.get("board") or said.get("platform") or "",
    )
