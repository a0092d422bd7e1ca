"""What voice may know of, as Home Assistant keeps it for its own assistant.

A person's choice, or the default that was taken when Home Assistant first needed to know, stands
in the entity's registry entry, or for an entity without one in a list of its own. Where nothing
stands yet, Home Assistant's default of its release applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ASSISTANT = "conversation"

BINARY_SENSORS = frozenset("door garage_door lock motion opening presence window".split())
SENSORS = frozenset(
    "aqi carbon_monoxide carbon_dioxide humidity pm10 pm25 temperature "
    "volatile_organic_compounds".split()
)
DOMAINS = frozenset(
    "climate cover fan humidifier light scene switch todo vacuum water_heater".split()
)
SINCE_2024_6 = frozenset({"media_player"})
UNTIL_2024_5 = frozenset({"lock", "script"})
"""Domains that were exposed unasked, by release."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is known of it at one moment; two that are equal expose the same."""

    version: tuple[int, ...]
    """Of Home Assistant: (2024, 3)."""
    listed: Mapping[str, bool]
    """Entity id -> whether it is exposed, from `homeassistant/expose_entity/list`."""
    partial: bool
    """The list has only what is exposed, as in later releases."""
    new: bool
    """Whether what nothing is said of follows the defaults; otherwise it is not exposed."""

    @classmethod
    def read(cls, version: str, listed: Any, new: Any) -> Exposure:
        """From the answers of Home Assistant; None for one that it would not give."""
        entities = (listed or {}).get("exposed_entities") or {}
        choices = {key: kept.get(ASSISTANT) for key, kept in entities.items()}
        known = {key: choice for key, choice in choices.items() if isinstance(choice, bool)}
        partial = listed is not None and all(
            kept and False not in kept.values() for kept in entities.values()
        )
        expose_new = bool(new.get("expose_new", True)) if isinstance(new, Mapping) else True
        return cls(_numbers(version), known, partial, expose_new)

    def of(
        self,
        entity_id: str,
        device_class: str | None,
        entry: Mapping[str, Any] | None,
        *,
        settled: bool,
    ) -> bool:
        """Whether an entity is exposed. `entry` is its registry entry. `settled`: Home Assistant
        has asked itself this of all entities before (see `is_settled`)."""
        chosen = _chosen(entry) if entry is not None else None
        if chosen is None:
            chosen = self.listed.get(entity_id)
        if chosen is not None:
            return chosen
        if entry is None and settled and self.partial:
            return False  # it would be listed if it were exposed
        return self.new and self.default(entity_id, device_class, entry)

    def default(
        self, entity_id: str, device_class: str | None, entry: Mapping[str, Any] | None
    ) -> bool:
        """Whether Home Assistant exposes an entity when nobody has said anything."""
        if entry and (entry.get("entity_category") or entry.get("hidden_by")):
            return False
        domain = entity_id.partition(".")[0]
        release = UNTIL_2024_5 if self.version < (2024, 6) else SINCE_2024_6
        return (
            domain in DOMAINS | release
            or (domain == "binary_sensor" and device_class in BINARY_SENSORS)
            or (domain == "sensor" and device_class in SENSORS)
        )

    def is_settled(self, entries: Iterable[tuple[str, str | None, Mapping[str, Any]]]) -> bool:
        """Whether Home Assistant has decided of everything: of all entities that it exposes by
        default, given with device class and registry entry, something stands in the registry."""
        asked = [entry for key, kind, entry in entries if self.default(key, kind, entry)]
        return bool(asked) and all(_chosen(entry) is not None for entry in asked)


def by_a_person(domain: str, entry: Mapping[str, Any] | None) -> bool:
    """Whether a thing of this domain that is exposed must have been exposed by a person.

    Locks were exposed unasked up to 2024.5, and stay so when Home Assistant is brought up to
    date. Entries have the time when they were made since 2024.8."""
    if domain != "lock":
        return domain not in DOMAINS | UNTIL_2024_5 | SINCE_2024_6
    made = (entry or {}).get("created_at")
    return isinstance(made, int | float) and made > 0


def _chosen(entry: Mapping[str, Any]) -> bool | None:
    options = (entry.get("options") or {}).get(ASSISTANT) or {}
    chosen = options.get("should_expose")
    return chosen if isinstance(chosen, bool) else None


def _numbers(version: str) -> tuple[int, ...]:
    """`2024.3.3` -> (2024, 3)"""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())
