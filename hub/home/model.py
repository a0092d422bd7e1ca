"""One home, as the router and the skills see it. Home Assistant's vocabulary throughout."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, TypeVar

from hub.errors import DeviceError
from hub.home.link import Link, Trouble
from hub.messages import StateChange
from hub.ports import DeviceSource, Inventory


@dataclass(frozen=True, slots=True)
class Floor:
    floor_id: str
    name: str
    level: int = 0
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Area:
    area_id: str
    name: str
    floor_id: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Entity:
    entity_id: str
    name: str
    domain: str
    area_id: str | None = None
    device_class: str | None = None
    features: int | None = None
    """Home Assistant's bit set of supported features; None: unknown, assume all."""
    aliases: tuple[str, ...] = ()
    source: str = ""
    guarded: bool | None = None
    """Its source says whether it may let somebody in; None: it does not know."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    def can(self, feature: int) -> bool:
        """Whether it supports a feature (a bit of Home Assistant's `*EntityFeature`)."""
        return self.features is None or bool(self.features & feature)


@dataclass(frozen=True, slots=True)
class State:
    state: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def available(self) -> bool:
        return self.state not in ("unavailable", "unknown")


@lru_cache(maxsize=8192)
def normal(name: str) -> str:
    """The form in which names are compared: no case, no accents, single blanks.

    Marks that are vowels, as in Hindi or Thai, stay: without them 'yes' is 'is'."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(
        c if c.isalnum() or unicodedata.category(c)[0] == "M" else " "
        for c in decomposed
        if not _accent(c)
    )
    return " ".join(kept.split())


def _accent(character: str) -> bool:
    """Accents of Latin, Greek and Cyrillic, points of Hebrew, vowel signs of Arabic."""
    return (
        "\u0300" <= character <= "\u036f"
        or "\u0591" <= character <= "\u05c7"
        or "\u064b" <= character <= "\u065f"
    )


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
        self._states: dict[str, State] = {}
        self._links: dict[str, Link] = {}
        self._watchers: set[Callable[[StateChange], None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, sources: Iterable[DeviceSource]) -> None:
        """Take in what the sources know and follow them; one that breaks off later is taken up
        again by itself. Raises DeviceError if one is absent."""
        for source in sources:
            link = Link(
                source,
                found=partial(self._take_in, source.name),
                changed=self.apply,
                lost=partial(self._lose, source.name),
            )
            self._links[source.name] = link
            changes = await link.open()
            self._tasks.append(
                asyncio.create_task(link.keep(changes), name=f"home-changes-{source.name}")
            )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        for link in self._links.values():
            await link.source.close()

    @property
    def troubles(self) -> Mapping[str, Trouble | None]:
        """Each source by its name, and why it cannot be reached, if it cannot."""
        return {name: link.trouble for name, link in self._links.items()}

    def _take_in(self, source: str, inventory: Inventory) -> None:
        """What a source has, in the place of what it had before."""
        named = self.entities, self.areas, self.floors
        before = [dict(things) for things in named]
        for floor in inventory.floors:
            self.floors[floor.floor_id] = Floor(
                floor.floor_id, floor.name, floor.level, floor.aliases
            )
        for area in inventory.areas:
            self.areas[area.area_id] = Area(area.area_id, area.name, area.floor, area.aliases)
        there = {entity.entity_id for entity in inventory.entities}
        for gone in [e for e in self.entities.values() if e.source == source]:
            if gone.entity_id not in there:
                del self.entities[gone.entity_id]
                self._states.pop(gone.entity_id, None)
        for entity in inventory.entities:
            self.entities[entity.entity_id] = Entity(
                entity.entity_id,
                entity.name,
                entity.domain,
                entity.area,
                entity.device_class,
                entity.features,
                entity.aliases,
                source,
                entity.guarded,
            )
            self._now(entity.entity_id, State(entity.state, entity.attributes or {}))
        if before != [dict(things) for things in named]:
            self.revision += 1

    def _lose(self, source: str) -> None:
        """A source cannot be reached: nobody knows what its devices do."""
        for entity in self.entities.values():
            if entity.source == source:
                self._now(entity.entity_id, State("unavailable"))

    def _now(self, entity_id: str, state: State) -> None:
        """A state that was not told as a change; it may be one."""
        before = self._states.get(entity_id)
        if before is None:
            self._states[entity_id] = state
        elif before != state:
            self.apply(StateChange(entity_id, state.state, state.attributes, before.state))

    def apply(self, change: StateChange) -> None:
        """A state became known: keep it and tell the watchers."""
        self._states[change.entity_id] = State(change.state, change.attributes)
        for watcher in tuple(self._watchers):
            watcher(change)

    def watch(self, watcher: Callable[[StateChange], None]) -> Callable[[], None]:
        """Call `watcher` with every change from now on; the result ends that."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    def state(self, entity_id: str) -> State:
        """The last known state; `unknown` if there is none."""
        return self._states.get(entity_id, State("unknown"))

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
            by_source.setdefault(entity.source, []).append(entity_id)
        await asyncio.gather(
            *(
                self._links[name].source.call_service(domain, service, ids, data)
                for name, ids in by_source.items()
            )
        )


_Place = TypeVar("_Place", Area, Floor)


def _named(things: Iterable[_Place], name: str) -> _Place | None:
    wanted = normal(name)
    for thing in things:
        if wanted in {normal(n) for n in thing.names}:
            return thing
    return None
