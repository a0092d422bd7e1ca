"""One connection to Home Assistant and all that is known over it, from connecting to its end.

Everything is read once and then followed: states message by message; the registries, and what is
exposed, are read anew when something in them has changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hub.devices.homeassistant import rest
from hub.devices.homeassistant.access import Access
from hub.devices.homeassistant.connection import Connection, Message, Refusal
from hub.devices.homeassistant.effects import Effects
from hub.devices.homeassistant.exposure import ASSISTANT, Exposure
from hub.devices.homeassistant.registry import Registry, aliases_of
from hub.devices.homeassistant.states import States
from hub.devices.homeassistant.trouble import unreachable
from hub.errors import DeviceError
from hub.messages import StateChange
from hub.ports import Inventory

log = logging.getLogger(__name__)

UPDATES = ("area", "device", "entity", "floor")
"""Registries that tell when something in them changes."""
WRITTEN = ("automation.", "script.")
"""Beginnings of what has a configuration that tells what it does."""
RELOADS = ("automation_reloaded", "scene_reloaded")

STARTING, LOOK = 20.0, 0.5
"""Seconds for which a Home Assistant that is starting is waited for, and between looks at it.
What it has not loaded by then is told when it comes."""
SETTLE = 0.25
"""Seconds in which changes of the registries gather: they seldom come alone."""
CHECK = 30.0
"""Seconds after which it is asked what is exposed: of what has no entry in the registry nothing
else tells. No answer means that the connection is dead."""

News = StateChange | Inventory | DeviceError


class Session:
    """A connection that is followed; `open` makes it. `told` is called with every change, with
    the whole inventory when there is another, and at last with the reason of the end."""

    def __init__(self, connection: Connection, access: Access) -> None:
        self.told: Callable[[News], None] = lambda news: None
        self.inventory = Inventory()
        """As it was when it was last read: names are up to date, states are not."""
        self.rooms: Mapping[str, str] = {}
        """Id of a device or of a satellite -> name of its room."""
        self.place: tuple[float, float] | None = None
        """Latitude and longitude of the home."""
        self.connection = connection
        self._access = access
        self._states = States()
        self._first = asyncio.Event()
        self._wake = asyncio.Event()
        self._outdated = False
        self._exposure = Exposure.read(connection.version, None, None)
        self._known: set[str] = set()
        self._written: dict[str, Any] = {}
        """Entity id -> configuration of a script or automation."""
        self._rewritten: set[str] = set()
        """Scripts and automations that were loaded anew since they were last read."""
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, access: Access) -> Session:
        """Connect, wait until Home Assistant has started, and read everything.

        Raises DeviceError."""
        connection = await Connection.open(access)
        session = cls(connection, access)
        try:
            await session._begin()
        except BaseException:
            await connection.close()
            raise
        session._task = asyncio.create_task(session._follow(), name="homeassistant-session")
        return session

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.connection.close()

    async def _begin(self) -> None:
        connection = self.connection
        connection.when_ended(self._wake.set)
        await self._started()
        await asyncio.gather(
            connection.subscribe(self._take, "subscribe_entities"),
            *(self._heed(f"{name}_registry_updated") for name in UPDATES),
            *(self._heed(event) for event in RELOADS),
        )
        try:
            async with asyncio.timeout(CHECK):
                await self._first.wait()
        except TimeoutError:
            raise unreachable("Home Assistant does not tell what its entities do") from None
        self._outdated = self._states.outdated = False
        self._wake.clear()
        self._keep(await self._read())

    async def _started(self) -> None:
        """Wait for a Home Assistant that is starting, but not forever."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + STARTING
        while (await self._config()).get("state", "RUNNING") != "RUNNING":
            if loop.time() > limit:
                log.warning("Home Assistant is still starting; what it loads later is taken in")
                return
            await asyncio.sleep(LOOK)

    async def _config(self) -> Mapping[str, Any]:
        """What Home Assistant tells of itself; where it is, is kept."""
        config: Mapping[str, Any] = await self.connection.command("get_config")
        latitude, longitude = config.get("latitude"), config.get("longitude")
        if latitude is not None and longitude is not None:
            self.place = (float(latitude), float(longitude))
        return config

    async def _heed(self, event: str) -> None:
        """Read anew whenever this event comes. Some are told to administrators alone."""
        try:
            await self.connection.subscribe(self._registry, "subscribe_events", event_type=event)
        except Refusal as error:
            log.debug("%s: %s", event, error)

    def _registry(self, event: Message) -> None:
        self._outdated = True
        self._wake.set()

    def _take(self, event: Message) -> None:
        for change in self._states.take(event):
            if change.entity_id in self._known:
                self.told(change)
            # One that was changed is taken out, and put in again.
            if change.before in (None, "unavailable") and change.entity_id.startswith(WRITTEN):
                self._rewritten.add(change.entity_id)
                self._outdated = True
        self._first.set()
        if self._outdated or self._states.outdated:
            self._wake.set()

    async def _follow(self) -> None:
        try:
            while self.connection.alive:
                try:
                    async with asyncio.timeout(CHECK):
                        await self._wake.wait()
                except TimeoutError:
                    self._outdated = await self._read_exposure() != self._exposure
                self._wake.clear()
                if self.connection.alive and (self._outdated or self._states.outdated):
                    await asyncio.sleep(SETTLE)
                    self._outdated = self._states.outdated = False
                    before = _bare(self.inventory)
                    if self._keep(await self._read()) != before:
                        self.told(self.inventory)
            self.told(self.connection.reason())
        except DeviceError as error:
            self.told(error)

    def _keep(self, inventory: Inventory) -> Inventory:
        """Take an inventory for the one that holds; the same without states."""
        self.inventory = inventory
        self._known = {entity.entity_id for entity in inventory.entities}
        return _bare(inventory)

    async def _read(self) -> Inventory:
        """Everything but the states, which are followed all the time. Raises DeviceError."""
        try:
            return await self._inventory()
        # A release that answers in another shape costs this source, and not the hub.
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            log.error("what Home Assistant answers is not understood", exc_info=error)
            raise unreachable(
                f"Home Assistant {self.connection.version} answers in a way that Hearth does not "
                f"understand ({type(error).__name__}): is there a newer Hearth?"
            ) from None

    async def _inventory(self) -> Inventory:
        optional = self.connection.optional
        floors, areas, devices, entries, exposure = await asyncio.gather(
            optional("config/floor_registry/list"),
            self.connection.command("config/area_registry/list"),
            self.connection.command("config/device_registry/list"),
            self.connection.command("config/entity_registry/list"),
            self._read_exposure(),
        )
        self._exposure = exposure
        shown = [str(entry["entity_id"]) for entry in entries if entry["entity_id"] in self._states]
        detailed = await optional("config/entity_registry/get_entries", entity_ids=shown)
        registry = Registry(
            exposure, floors or (), areas, devices, entries, aliases_of(detailed or {})
        )
        self.rooms = registry.rooms()
        contents = await self._contents(registry)
        return registry.inventory(self._states, contents)

    async def _read_exposure(self) -> Exposure:
        listed, new = await asyncio.gather(
            self.connection.optional("homeassistant/expose_entity/list"),
            self.connection.optional("homeassistant/expose_new_entities/get", assistant=ASSISTANT),
        )
        return Exposure.read(self.connection.version, listed, new)

    async def _contents(self, registry: Registry) -> Mapping[str, Any]:
        """What scripts, automations and scenes consist of, as far as that can be had."""
        scripts = {key for key in self._states if key.startswith(WRITTEN)}
        anew = [key for key in scripts if key not in self._written or key in self._rewritten]
        self._rewritten.clear()
        answers = await asyncio.gather(*(self._configuration(key) for key in anew))
        kept = {key: found for key, found in self._written.items() if key in scripts}
        self._written = {**kept, **dict(zip(anew, answers, strict=True))}
        return {**self._written, **await self._scenes(registry)}

    async def _configuration(self, entity_id: str) -> Any:
        domain = entity_id.partition(".")[0]
        try:
            answer = await self.connection.command(f"{domain}/config", entity_id=entity_id)
        except Refusal as error:
            log.debug("%s: %s", entity_id, error)
            return None
        return (answer or {}).get("config")

    async def _scenes(self, registry: Registry) -> Mapping[str, Any]:
        """The states that scenes give their entities; looked up only where a door is among
        them, since of all others it is enough to know which they are."""
        things = {
            key: registry.thing(key, reported, None) for key, reported in self._states.items()
        }
        effects = Effects(things)
        wanted = {
            key: str(scene_id)
            for key, reported in self._states.items()
            if key.startswith("scene.")
            and (scene_id := reported.attributes.get("id"))
            and effects.of_interest(things[key])
        }
        if not wanted:
            return {}
        async with rest.opened(self._access) as client:
            found = await asyncio.gather(*(client.scene(each) for each in wanted.values()))
        return {key: content for key, content in zip(wanted, found, strict=True) if content}

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        """Ask for all entities at once, and wait for the result. Raises DeviceError."""
        await self.connection.command(
            "call_service",
            domain=domain,
            service=service,
            service_data=dict(data),
            target={"entity_id": list(entity_ids)},
        )

    async def ask(self, domain: str, service: str, entity_id: str, data: Mapping[str, Any]) -> Any:
        """What a service answers of one entity. Raises DeviceError."""
        answer = await self.connection.command(
            "call_service",
            domain=domain,
            service=service,
            service_data=dict(data),
            target={"entity_id": [entity_id]},
            return_response=True,
        )
        response = (answer or {}).get("response")
        return response.get(entity_id) if isinstance(response, dict) else None


def _bare(inventory: Inventory) -> Inventory:
    """Without what the entities report."""
    entities = (replace(entity, state="", attributes=None) for entity in inventory.entities)
    return replace(inventory, entities=tuple(entities))
