"""One home, as the router and the skills see it. Home Assistant's vocabulary throughout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from hub.errors import DeviceError
from hub.home.features import FEATURES
from hub.home.link import Link, Trouble
from hub.home.merge import Personal, identity, merged
from hub.home.things import Area, Entity, Floor, State, normal
from hub.messages import StateChange
from hub.ports import DeviceSource, Inventory, SourceEntity, Telling

__all__ = ["FEATURES", "Area", "Entity", "Floor", "Home", "Personal", "State", "normal"]

Called = Callable[[str, str, Sequence[str], Mapping[str, Any]], None]
"""Is told of a service call: domain, service, ids of entities, data."""


class Home:
    """All floors, areas and entities, and the last known state of each entity.

    `connect` reads the sources and then follows their changes in a task for each, which
    `close` ends. Names change seldom: `revision` counts those changes, so that what was built
    from the names knows when it is out of date.
    """

    def __init__(self) -> None:
        self.floors: dict[str, Floor] = {}
        self.areas: dict[str, Area] = {}
        self.entities: dict[str, Entity] = {}
        self.revision = 0
        self.renamed = asyncio.Event()
        """Set with each new revision, for whoever builds something of the names in advance."""
        self.hidden: dict[str, Entity] = {}
        """What there is besides, and voice knows nothing of."""
        self._origins: dict[str, tuple[str, str]] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._inventories: dict[str, Inventory] = {}
        self._told: dict[str, SourceEntity] = {}
        self._personal: dict[str, Personal] = {}
        self._keep: Callable[[str, Personal], None] = lambda key, personal: None
        self._kept: Callable[[], Awaitable[None]] = _nothing_kept
        self._states: dict[tuple[str, str], State] = {}
        """By source and the id there, also of devices that another source has in their place."""
        self._links: dict[str, Link] = {}
        self._watchers: set[Callable[[StateChange], None]] = set()
        self._callers: set[Called] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, sources: Iterable[DeviceSource], *, lasting: bool = True) -> None:
        """Take in what the sources know and follow them; one that is absent or breaks off later
        is taken up again by itself, and until then it is among the `troubles`. `lasting`: whether
        there will be time for that.

        What people changed about their devices must be there before (`remember`)."""
        links = [self._link(source, lasting) for source in sources]
        for link, changes in zip(
            links, await asyncio.gather(*(link.begin() for link in links)), strict=True
        ):
            self._follow(link, changes)

    def fork(self, source: DeviceSource) -> Home:
        """Another home with the same devices in the same states, which changes by itself from now
        on. It follows `source`, which must have the devices of this home's source of that name:
        nothing is asked of it, so that this takes no time in a home of thousands."""
        home = Home()
        home.floors, home.areas, home.entities = self.floors, self.areas, self.entities
        home.hidden, home.revision = self.hidden, self.revision
        home._origins, home._ids, home._told = self._origins, self._ids, self._told
        home._inventories, home._personal = dict(self._inventories), dict(self._personal)
        home._states = dict(self._states)
        home._follow(home._link(source, lasting=False), source.changes())
        return home

    def _link(self, source: DeviceSource, lasting: bool) -> Link:
        self._links[source.name] = link = Link(
            source,
            found=partial(self._take_in, source.name),
            changed=partial(self._changed, source.name),
            lost=partial(self._lose, source.name),
            lasting=lasting,
        )
        return link

    def _follow(self, link: Link, changes: AsyncIterator[StateChange | Inventory] | None) -> None:
        name = f"home-changes-{link.source.name}"
        self._tasks.append(asyncio.create_task(link.keep(changes), name=name))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        for link in self._links.values():
            await link.source.close()

    def source(self, name: str) -> DeviceSource | None:
        """A source of devices by its name."""
        link = self._links.get(name)
        return link.source if link else None

    @property
    def abandoned(self) -> list[str]:
        """What followed a source and does not any more, though the home is open: what is known of
        its devices stays as it was. A source that is only away is followed."""
        return [task.get_name() for task in self._tasks if task.done()]

    @property
    def troubles(self) -> Mapping[str, Trouble | None]:
        """Each source by its name, and why it cannot be reached, if it cannot."""
        return {name: link.trouble for name, link in self._links.items()}

    def remember(
        self,
        personal: Mapping[str, Personal],
        keep: Callable[[str, Personal], None] = lambda key, personal: None,
        kept: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """What people changed about their devices, by `identity`; `keep` is given what they change
        from now on, and `kept` returns when all of that is safe."""
        self._personal = dict(personal)
        self._keep = keep
        self._kept = kept or _nothing_kept
        self._build()

    def personal(self, entity_id: str) -> Personal:
        """What somebody changed about a device. Raises DeviceError if there is no such device."""
        return self._personal.get(self._identity(entity_id), Personal())

    def change(self, entity_id: str, personal: Personal) -> None:
        """Somebody changes a device; everything that was built from names follows.

        Raises DeviceError if there is no such device."""
        key = self._identity(entity_id)
        self._personal[key] = personal
        self._keep(key, personal)
        self._build()

    async def kept(self) -> None:
        """Return when all that was changed is safe. Raises StorageError if it cannot be kept; it
        holds all the same until the hub ends."""
        await self._kept()

    def _identity(self, entity_id: str) -> str:
        if entity_id not in self._told:
            raise DeviceError(f"there is no device {entity_id}; see 'hearth devices --all'")
        return identity(self._origins[entity_id][0], self._told[entity_id])

    def _take_in(self, source: str, inventory: Inventory) -> None:
        """What a source has, in the place of what it had before."""
        self._inventories[source] = inventory
        self._build()
        for told in inventory.entities:
            self._now((source, told.entity_id), State(told.state, told.attributes or {}))

    def _build(self) -> None:
        """Make one home of all inventories."""
        before = self.entities, self.areas, self.floors
        order = [name for name in self._links if name in self._inventories]
        home = merged([(name, self._inventories[name]) for name in order], self._personal)
        self.entities, self.areas, self.floors = home.entities, home.areas, home.floors
        self.hidden, self._origins, self._ids = home.hidden, home.origins, home.ids
        self._told = home.told
        reported = {
            (name, told.entity_id): told
            for name in order
            for told in self._inventories[name].entities
        }
        for gone in self._states.keys() - reported.keys():
            del self._states[gone]
        for origin, told in reported.items():
            if origin not in self._states:
                self._states[origin] = State(told.state, told.attributes or {})
        if before != (self.entities, self.areas, self.floors):
            self.revision += 1
            self.renamed.set()

    def _changed(self, source: str, change: StateChange) -> None:
        """A source tells a change, in its own ids."""
        origin = source, change.entity_id
        entity_id = self._ids.get(origin)
        if entity_id is None:
            if origin in self._states:
                self._states[origin] = State(change.state, change.attributes)
        elif change.entity_id == entity_id:
            self.apply(change)
        else:
            self.apply(replace(change, entity_id=entity_id))

    def _lose(self, source: str) -> None:
        """A source cannot be reached: nobody knows what its devices do."""
        for origin in [origin for origin in self._states if origin[0] == source]:
            self._now(origin, State("unavailable"))

    def _now(self, origin: tuple[str, str], state: State) -> None:
        """A state that was not told as a change; it may be one."""
        before = self._states.get(origin)
        if before is not None and before != state:
            self._changed(
                origin[0], StateChange(origin[1], state.state, state.attributes, before.state)
            )

    def apply(self, change: StateChange) -> None:
        """A state became known: keep it and tell the watchers."""
        self._states[self._origin(change.entity_id)] = State(change.state, change.attributes)
        for watcher in tuple(self._watchers):
            watcher(change)

    def _origin(self, entity_id: str) -> tuple[str, str]:
        return self._origins.get(entity_id, ("", entity_id))

    def origin(self, entity_id: str) -> tuple[str, str]:
        """Name of the source of an entity, and the id that it has there."""
        return self._origin(entity_id)

    def known_as(self, source: str, own_id: str) -> str | None:
        """The id here of what has this id in a source."""
        return self._ids.get((source, own_id))

    def watch(self, watcher: Callable[[StateChange], None]) -> Callable[[], None]:
        """Call `watcher` with every change from now on; the result ends that."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    def watch_calls(self, watcher: Called) -> Callable[[], None]:
        """Call `watcher` with every service call just before it is passed on; the result ends
        that."""
        self._callers.add(watcher)
        return lambda: self._callers.discard(watcher)

    def state(self, entity_id: str) -> State:
        """The last known state; `unknown` if there is none."""
        return self._states.get(self._origin(entity_id), State("unknown"))

    def area_of(self, entity: Entity) -> Area | None:
        return self.areas.get(entity.area_id) if entity.area_id else None

    def floor_of(self, entity: Entity) -> Floor | None:
        area = self.area_of(entity)
        return self.floors.get(area.floor_id) if area and area.floor_id else None

    def find_area(self, name: str) -> Area | None:
        """The area with this id, name or alias."""
        return self.areas.get(name) or _named(self.areas.values(), name)

    def find_floor(self, name: str) -> Floor | None:
        return self.floors.get(name) or _named(self.floors.values(), name)

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        """Pass a service call on to the sources its entities come from, all at once.

        Raises DeviceError for an unknown entity, or when a source cannot be asked."""
        by_source: dict[str, list[str]] = {}
        for entity_id in entity_ids:
            entity = self.entities.get(entity_id)
            if entity is None:
                raise DeviceError(f"there is no entity {entity_id}")
            source, own = self._origins[entity_id]
            by_source.setdefault(source, []).append(own)
        for watcher in tuple(self._callers):
            watcher(domain, service, entity_ids, data)
        await asyncio.gather(
            *(
                self._links[name].source.call_service(domain, service, ids, data)
                for name, ids in by_source.items()
            )
        )

    async def ask(self, domain: str, service: str, entity_id: str, data: Mapping[str, Any]) -> Any:
        """What a service answers that only tells; None if the entity's source has no such thing.

        Raises DeviceError for an unknown entity, or when the source cannot be asked."""
        if entity_id not in self.entities:
            raise DeviceError(f"there is no entity {entity_id}")
        source, own = self._origins[entity_id]
        asked = self._links[source].source
        return await asked.ask(domain, service, own, data) if isinstance(asked, Telling) else None


async def _nothing_kept() -> None:
    """Where nothing is kept there is nothing to wait for."""


_Place = TypeVar("_Place", Area, Floor)


def _named(things: Iterable[_Place], name: str) -> _Place | None:
    wanted = normal(name)
    for thing in things:
        if wanted in {normal(n) for n in thing.names}:
            return thing
    return None
