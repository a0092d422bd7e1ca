"""Erasing, exporting and telling what is kept, with the hub running or not.

A running hub has much in its memory and its files open. It is asked to erase, puts itself away,
erases the files as if it had never run, and comes back: so nothing of what was said is left in
its memory either.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.config import Config
from hub.privacy.places import everything

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Wish:
    """Somebody wants something erased."""

    id: str
    person: str | None
    erased: dict[str, int] = field(default_factory=dict)
    """Kind -> entries, when it is done."""
    error: str = ""


class Eraser:
    """The door for wishes in a running hub. `last` is the wish that it has just come back from."""

    def __init__(self, end: Callable[[], None], last: Wish | None = None) -> None:
        self.wish: Wish | None = None
        self._end = end
        self._last = last

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """`{"erase": ID, "person": NAME|null}` begins it, `{"done": ID}` asks what came of it."""
        person = request.get("person")
        if isinstance(request.get("done"), str):
            last = self._last
            if last is None or last.id != request["done"]:
                return {"erasing": self.wish is not None}
            return {"erased": last.erased, "error": last.error}
        if not isinstance(request.get("erase"), str) or not isinstance(person, str | None):
            return {"error": "'erase' is an id, 'person' a name or null"}
        if self.wish is None:
            self.wish = Wish(request["erase"], person)
            self._end()
        return {"erasing": True}


async def erase(config: Config, person: str | None = None) -> dict[str, int]:
    """Erase everything, or what is of one person; of each kind how many entries. Nobody may have
    the files open. Raises StorageError."""
    all_kept = everything(config)
    if person is not None:
        return {kept.name: await kept.erase(person) for kept in all_kept}
    # Several kinds may be in one file, which goes as a whole.
    counts = {kept.name: (await kept.extent()).count for kept in all_kept}
    for kept in all_kept:
        await kept.erase()
    return counts


async def export(config: Config) -> dict[str, Any]:
    """Everything that is kept, as JSON, by kind. Raises StorageError."""
    return {kept.name: await kept.export() for kept in everything(config)}
