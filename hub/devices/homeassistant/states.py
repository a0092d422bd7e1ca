"""What all entities report, from Home Assistant's compressed messages (`subscribe_entities`).

The first message has every entity; later ones tell what was added, changed or removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.messages import StateChange

NAMING = ("friendly_name", "device_class", "entity_id")
"""Attributes that say what an entity is, rather than what it does."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What an entity reports now."""

    state: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    features: int | None = None
    """All that it has ever reported: some leave features out while they are off."""

    def named_like(self, other: Reported) -> bool:
        mine, theirs = self.attributes, other.attributes
        return self.features == other.features and all(
            mine.get(key) == theirs.get(key) for key in NAMING
        )


class States(dict[str, Reported]):
    """Entity id -> what it reports."""

    def __init__(self) -> None:
        super().__init__()
        self.outdated = False
        """Since it was last set to False, an entity came, went, or became something else."""

    def take(self, event: Mapping[str, Any]) -> Iterator[StateChange]:
        """The changes that a message tells; they are kept as they are handed on."""
        for entity_id in event.get("r") or ():
            self.outdated = True
            self.pop(entity_id, None)
        for entity_id, told in (event.get("a") or {}).items():
            state = str(told.get("s", "unknown"))
            yield self._now(entity_id, state, dict(told.get("a") or {}))
        for entity_id, difference in (event.get("c") or {}).items():
            known = self.get(entity_id)
            if known is None:
                continue
            more, less = difference.get("+") or {}, difference.get("-") or {}
            # A new dictionary: the one of before has been handed on.
            attributes = {**known.attributes, **(more.get("a") or {})}
            for gone in less.get("a") or ():
                attributes.pop(gone, None)
            yield self._now(entity_id, str(more.get("s", known.state)), attributes)

    def _now(self, entity_id: str, state: str, attributes: Mapping[str, Any]) -> StateChange:
        before = self.get(entity_id)
        features = before.features if before else None
        if isinstance(more := attributes.get("supported_features"), int):
            features = (features or 0) | more
        now = Reported(state, attributes, features)
        if before is None or not before.named_like(now):
            self.outdated = True
        self[entity_id] = now
        return StateChange(entity_id, state, attributes, before.state if before else None)
