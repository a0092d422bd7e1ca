"""Home Assistant as a `DeviceSource`, and what `hearth doctor` wants to know of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from hub.config import HomeAssistantSettings
from hub.devices.homeassistant import rest
from hub.devices.homeassistant.access import Access, access
from hub.devices.homeassistant.connection import TokenRefused
from hub.devices.homeassistant.session import News, Session
from hub.devices.homeassistant.trouble import unreachable
from hub.errors import DeviceError
from hub.messages import StateChange
from hub.ports import Inventory

AGAIN = 600.0
"""Seconds for which a token that was refused is not shown again: Home Assistant tells its owner
of every attempt, and may ban who makes many."""
LOOKS = 5
"""Requests of which the doctor takes the median."""


class HomeAssistantHome:
    """A `DeviceSource` for all that a Home Assistant has.

    It does not mend a connection that ends: `changes` raises DeviceError with the reason, and
    `inventory` makes a new connection (`hub/home/link.py`)."""

    name = "homeassistant"

    def __init__(self, settings: HomeAssistantSettings) -> None:
        self._settings = settings
        self._session: Session | None = None
        self._news: asyncio.Queue[News | None] = asyncio.Queue()
        self._opening = asyncio.Lock()
        self._refused: _Refused | None = None
        self.version: str | None = None
        """The release that was found there last, such as `2024.3.3`; None before that."""
        self.place: tuple[float, float] | None = None
        """Latitude and longitude of the home, as it was told last."""

    async def inventory(self) -> Inventory:
        """Connect anew and read everything. Raises DeviceError, which says what to do."""
        async with self._opening:
            await self._part()
            reached = await asyncio.to_thread(access, self._settings)
            if self._refused is not None:
                self._refused.respect(reached)
            try:
                session = await Session.open(reached)
            except TokenRefused as error:
                self._refused = _Refused(_digest(reached), time.monotonic(), error)
                raise
            self._refused = None
            self._session = session
            self.version = session.connection.version
            self.place = session.place or self.place
            session.told = self._news.put_nowait
            return session.inventory

    def room_of(self, id: str) -> str | None:
        """Name of the room in which a device is, by its id in Home Assistant, or a satellite, by
        its entity id; None if it is in none, or Home Assistant is away."""
        return self._session.rooms.get(id) if self._session is not None else None

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, object]
    ) -> None:
        if self._session is None:
            raise unreachable("there is no connection to Home Assistant")
        await self._session.call_service(domain, service, entity_ids, data)

    async def ask(
        self, domain: str, service: str, entity_id: str, data: Mapping[str, object]
    ) -> object:
        """See `hub.ports.Telling`."""
        if self._session is None:
            raise unreachable("there is no connection to Home Assistant")
        return await self._session.ask(domain, service, entity_id, data)

    def changes(self) -> AsyncIterator[StateChange | Inventory]:
        self._news = asyncio.Queue()
        if self._session is not None:
            self._session.told = self._news.put_nowait
        return _handed_on(self._news)

    async def close(self) -> None:
        async with self._opening:
            await self._part()
        self._news.put_nowait(None)

    async def _part(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            session.told = lambda news: None
            await session.close()


async def _handed_on(
    news: asyncio.Queue[News | None],
) -> AsyncGenerator[StateChange | Inventory, None]:
    while (told := await news.get()) is not None:
        if isinstance(told, DeviceError):
            raise told
        yield told


@dataclass(frozen=True, slots=True)
class _Refused:
    """A token that Home Assistant did not take."""

    digest: bytes
    at: float
    error: TokenRefused

    def respect(self, reached: Access) -> None:
        """Raises the same again if nothing can have changed."""
        if _digest(reached) == self.digest and time.monotonic() - self.at < AGAIN:
            raise TokenRefused(str(self.error), spoken=self.error.spoken)


def _digest(reached: Access) -> bytes:
    return hashlib.sha256(f"{reached.url} {reached.token}".encode()).digest()


@dataclass(frozen=True, slots=True)
class Report:
    """What was found at the other end."""

    url: str
    version: str
    entities: int
    exposed: int
    """Entities that voice may know of."""
    starting: bool
    """It is not yet ready; more entities may come."""
    milliseconds: float
    """Median of a request over its REST API."""
    administrator: bool = False
    """The token is one with which everything can be done there."""

    def __str__(self) -> str:
        starting = ", still starting" if self.starting else ""
        return (
            f"Home Assistant {self.version} at {self.url}{starting}: {self.entities} entities, "
            f"{self.exposed} of them exposed to voice; it answers in {self.milliseconds:.0f} ms"
        )


async def check(settings: HomeAssistantSettings) -> Report:
    """Try address, certificate, token and both APIs. Raises DeviceError, which says what to do."""
    reached = await asyncio.to_thread(access, settings)
    times = []
    async with rest.opened(reached) as client:
        for _ in range(LOOKS):
            began = time.perf_counter()
            found = await client.configuration()
            times.append((time.perf_counter() - began) * 1000)
    session = await Session.open(reached)
    try:
        entities = session.inventory.entities
        user = await session.connection.optional("auth/current_user")
    finally:
        await session.close()
    return Report(
        reached.url,
        str(found["version"]),
        len(entities),
        sum(entity.exposed for entity in entities),
        found.get("state") != "RUNNING",
        median(times),
        bool((user or {}).get("is_admin")),
    )
