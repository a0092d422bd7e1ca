"""What skills keep: a few values of each, in one document for each skill."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from hub.errors import SkillError, StorageError
from hub.keeping import on_disk
from hub.skills.handling import Handler, Turn
from hub.timers.book import Notes

log = logging.getLogger(__name__)

LARGEST = 256 * 1024
"""Letters of all that one skill keeps, as JSON."""
LONGEST_KEY = 200
VALUES = "values"


class Stores:
    """The `Store` of each skill. Without `notes` they forget when the hub ends."""

    def __init__(self, notes: Notes | None = None) -> None:
        self._notes = notes
        self._values: dict[str, dict[str, Any]] = {}

    async def open(self) -> None:
        """Read what was kept. What cannot be read is logged, and costs nothing else."""
        if self._notes is None:
            return
        try:
            documents = await self._notes.load()
        except StorageError as error:
            log.error("%s", error)
            return
        self._values = {skill: dict(each.get(VALUES, {})) for skill, each in documents.items()}

    async def close(self) -> None:
        if self._notes is not None:
            await self._notes.close()

    def of(self, handler: Handler, turn: Turn) -> SkillStore:
        return SkillStore(self, handler.skill)

    def values(self, skill: str) -> dict[str, Any]:
        return self._values.setdefault(skill, {})

    def keep(self, skill: str, values: dict[str, Any]) -> None:
        """Raises SkillError for what is no JSON, or too much of it."""
        try:
            text = json.dumps(values, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise SkillError(f"the skill {skill} cannot keep that: {error}") from error
        if len(text) > LARGEST:
            raise SkillError(f"the skill {skill} may keep {LARGEST // 1024} KB, and not more")
        self._values[skill] = json.loads(text)
        if self._notes is not None:
            self._notes.put(skill, {VALUES: self._values[skill]})

    async def kept(self) -> None:
        """Wait until the disk has it."""
        await on_disk(self._notes)


class SkillStore:
    """The `Store` of one skill: see `hub.skill.Store`."""

    def __init__(self, stores: Stores, skill: str) -> None:
        self._stores = stores
        self._skill = skill

    async def get(self, key: str, default: Any = None) -> Any:
        found = self._stores.values(self._skill).get(key, default)
        return json.loads(json.dumps(found)) if found is not default else default

    async def put(self, key: str, value: Any) -> None:
        if not isinstance(key, str) or len(key) > LONGEST_KEY:
            raise SkillError(f"the skill {self._skill}: a key is a text, not {key!r:.60}")
        self._stores.keep(self._skill, {**self._stores.values(self._skill), key: value})
        await self._stores.kept()

    async def delete(self, key: str) -> None:
        values = {k: v for k, v in self._stores.values(self._skill).items() if k != key}
        self._stores.keep(self._skill, values)
        await self._stores.kept()

    async def keys(self) -> Sequence[str]:
        return tuple(self._stores.values(self._skill))
