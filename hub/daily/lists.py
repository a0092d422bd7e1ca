"""The hub's own lists, as a device source: each is an entity of the domain `todo`, with services
and attributes of Home Assistant's, so that whatever is said of lists is the same for both.
"""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from hub.errors import DeviceError, StorageError
from hub.home.model import Entity, Home
from hub.keeping import on_disk
from hub.messages import StateChange
from hub.ports import Inventory, SourceEntity

log = logging.getLogger(__name__)

NAME = "lists"
"""Of the source."""
FEATURES = 1 | 2 | 4
"""Home Assistant's bits: items can be added, removed and changed."""
MOST_LISTS, MOST_ITEMS = 50, 500
LONGEST = 200
"""Letters of an item or of a name."""
DONE, OPEN = "completed", "needs_action"
SHORTENED = {"list", "liste", "zettel"}

Item = dict[str, str]


class Notes(Protocol):
    """Where documents are kept."""

    async def load(self) -> Mapping[str, Mapping[str, Any]]: ...

    def put(self, key: str, document: Mapping[str, Any]) -> None: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...


class LocalLists:
    """A `DeviceSource`. Without `notes` the lists are forgotten when the hub ends."""

    name = NAME

    def __init__(self, notes: Notes | None = None) -> None:
        self._notes = notes
        self._lists: dict[str, tuple[str, list[Item]]] = {}
        """Entity id -> name and items."""
        self._loaded = False
        self._news: asyncio.Queue[StateChange | Inventory | None] = asyncio.Queue()

    async def inventory(self) -> Inventory:
        if not self._loaded:
            self._loaded = True
            await self._load()
        return self._inventory()

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        """`todo.add_item`, `update_item` and `remove_item`. Raises DeviceError."""
        if domain != "todo":
            raise DeviceError(f"a list knows nothing of {domain}.{service}")
        for entity_id in entity_ids:
            if entity_id not in self._lists:
                raise DeviceError(f"there is no list {entity_id}")
            name, items = self._lists[entity_id]
            before = str(_left(items))
            changed = _changed([dict(item) for item in items], service, data, entity_id)
            self._lists[entity_id] = name, changed
            self._keep(entity_id)
            told = StateChange(entity_id, str(_left(changed)), {"todo_items": changed}, before)
            self._news.put_nowait(told)
        await on_disk(self._notes)

    async def create(self, name: str) -> str | None:
        """Id of a new list, or of the one of that name; None if there are too many."""
        called = " ".join(name.split())[:LONGEST]
        for entity_id, (known, _) in self._lists.items():
            if known.casefold() == called.casefold():
                return entity_id
        if not called or len(self._lists) >= MOST_LISTS:
            return None
        entity_id = self._free(f"todo.{_slug(called)}")
        self._lists[entity_id] = called, []
        self._keep(entity_id)
        self._news.put_nowait(self._inventory())
        await on_disk(self._notes)
        return entity_id

    async def delete(self, entity_id: str) -> bool:
        """Whether there was such a list."""
        if self._lists.pop(entity_id, None) is None:
            return False
        if self._notes is not None:
            self._notes.put(entity_id, {"gone": True})
        self._news.put_nowait(self._inventory())
        await on_disk(self._notes)
        return True

    def changes(self) -> AsyncIterator[StateChange | Inventory]:
        self._news = asyncio.Queue()
        return self._told(self._news)

    async def close(self) -> None:
        self._news.put_nowait(None)
        if self._notes is not None:
            await self._notes.close()

    async def _told(
        self, news: asyncio.Queue[StateChange | Inventory | None]
    ) -> AsyncIterator[StateChange | Inventory]:
        while (each := await news.get()) is not None:
            yield each

    async def _load(self) -> None:
        if self._notes is None:
            return
        try:
            documents = await self._notes.load()
        except StorageError as error:
            log.error("%s; there are no lists for now", error)
            return
        for entity_id, kept in documents.items():
            if not kept.get("gone") and isinstance(kept.get("items"), list):
                items = [dict(item) for item in kept["items"] if isinstance(item, dict)]
                self._lists[entity_id] = str(kept.get("name") or entity_id), items

    def _keep(self, entity_id: str) -> None:
        if self._notes is not None:
            name, items = self._lists[entity_id]
            self._notes.put(entity_id, {"name": name, "items": items})

    def _free(self, wanted: str) -> str:
        found, number = wanted, 2
        while found in self._lists:
            found, number = f"{wanted}_{number}", number + 1
        return found

    def _inventory(self) -> Inventory:
        return Inventory(
            tuple(
                SourceEntity(
                    entity_id,
                    name,
                    "todo",
                    features=FEATURES,
                    aliases=_shorter(name),
                    state=str(_left(items)),
                    attributes={"todo_items": items},
                    unique_id=f"hearth-list-{entity_id}",
                    allowed=True,
                )
                for entity_id, (name, items) in self._lists.items()
            )
        )


class OwnLists:
    """The `Lists` that skills are given."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def create(self, name: str) -> Entity | None:
        """See `hub.skill.Lists`."""
        source = self._home.source(NAME)
        entity_id = await source.create(name) if isinstance(source, LocalLists) else None
        if entity_id is None:
            return None
        for _ in range(100):  # the home hears of it by way of its link
            found = self._of(entity_id)
            if found is not None:
                return found
            await asyncio.sleep(0.01)
        return None

    async def delete(self, entity: Entity) -> bool:
        """See `hub.skill.Lists`."""
        source = self._home.source(NAME)
        name, own_id = self._home.origin(entity.entity_id)
        return (
            await source.delete(own_id)
            if isinstance(source, LocalLists) and name == NAME
            else False
        )

    def _of(self, own_id: str) -> Entity | None:
        found = self._home.known_as(NAME, own_id)
        return self._home.entities.get(found) if found else None


def _changed(
    items: list[Item], service: str, data: Mapping[str, Any], entity_id: str
) -> list[Item]:
    """The items after a service. Raises DeviceError."""
    wanted = " ".join(str(data.get("item", "")).split())[:LONGEST]
    found = next((i for i in items if i.get("summary", "").casefold() == wanted.casefold()), None)
    if service == "add_item":
        if not wanted or len(items) >= MOST_ITEMS:
            raise DeviceError(f"{entity_id}: '{wanted}' cannot be added")
        return [*items, {"summary": wanted, "status": OPEN}]
    if service not in ("update_item", "remove_item"):
        raise DeviceError(f"there is no service todo.{service}")
    if found is None:
        raise DeviceError(f"{entity_id}: there is no item '{wanted}'")
    if service == "remove_item":
        items.remove(found)
    else:
        found["summary"] = str(data.get("rename") or found["summary"])[:LONGEST]
        found["status"] = str(data.get("status") or found.get("status") or OPEN)
    return items


def _left(items: Sequence[Item]) -> int:
    return sum(item.get("status") != DONE for item in items)


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "list"


def _shorter(name: str) -> tuple[str, ...]:
    """'Packing List' is 'packing', too."""
    words = name.split()
    if len(words) > 1 and words[-1].casefold() in SHORTENED:
        return (" ".join(words[:-1]),)
    return ()
