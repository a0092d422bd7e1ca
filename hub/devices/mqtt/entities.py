"""The entities that came of announcements: what they are called, what they say, whether they can
be reached."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from hub.devices.mqtt.component import Component
from hub.devices.mqtt.discovery import Announced, Availability, spoken
from hub.ports import SourceEntity

_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ð": "d", "ł": "l"})

MOST_KNOWN = 10_000
"""Entity ids that are remembered."""

_PLAIN = {
    "alarm_control_panel": "Alarm control panel",
    "binary_sensor": "Binary sensor",
    "lawn_mower": "Lawn mower",
    "water_heater": "Water heater",
}


def slug(text: str) -> str:
    """'Küche: Licht 1' -> 'kuche_licht_1', as in Home Assistant's entity ids. Empty for a text
    that has no Latin letters or digits."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


class Entity:
    """An announced entity with what is known of it."""

    def __init__(self, announced: Announced, component: Component, ids: Ids) -> None:
        self.announced = announced
        self.component = component
        self.availability = Availability(announced)
        self.entity_id = ids.of(announced, component.domain)
        self.name = full_name(announced)
        self.expire_after = _seconds(component, "expire_after") or announced.expires
        self.off_delay = _seconds(component, "off_delay")
        self.expires: float | None = None
        """When its state is too old to be true; seconds on the loop's clock."""
        self.ends: float | None = None
        """When its 'on' is over."""
        self.expired = False
        self.over = False
        self.shown = self.state

    def inherit(self, before: Entity) -> None:
        """Be what it was before it was announced anew, with what was known of it. For one that is
        only called something else."""
        self.component, self.availability = before.component, before.availability
        self.expires, self.ends = before.expires, before.ends
        self.expired, self.over = before.expired, before.over
        self.shown = before.shown

    def forget(self, component: Component) -> None:
        """Know nothing of its state any more: `component` is as it was before anything was heard.
        One that reports nothing is what it was told to be, and stays that."""
        if not self.component.topics:
            return
        self.component = component
        self.expires = self.ends = None
        self.expired = self.over = False

    def only_renamed(self, before: Entity) -> bool:
        """Whether it does all as before."""
        return _working(self.announced.config) == _working(before.announced.config)

    @property
    def topics(self) -> dict[str, int]:
        """What it wants to hear -> QoS."""
        return dict.fromkeys(self.availability.topics, 0) | dict(self.component.topics)

    @property
    def state(self) -> tuple[str, Mapping[str, Any]]:
        """State and attributes as they are now."""
        if self.expired or not self.availability.available:
            return "unavailable", {}
        state = self.component.state
        if self.over and state == "on":
            state = "off"
        return state, dict(self.component.attributes)

    def receive(self, topic: str, payload: str, now: float) -> None:
        """Take a message. Raises NotUnderstood."""
        if topic in self.availability.topics:
            self.availability.receive(topic, payload)
        if topic not in self.component.topics:
            return
        self.component.receive(topic, payload)
        self.over = self.expired = False
        self.ends = None
        if self.expire_after:
            self.expires = now + self.expire_after
        if self.off_delay and self.component.state == "on":
            self.ends = now + self.off_delay

    def due(self, now: float) -> float | None:
        """Let time have its effect; when that has to be looked at next."""
        if self.expires is not None and now >= self.expires:
            self.expired, self.expires = True, None
        if self.ends is not None and now >= self.ends:
            self.over, self.ends = True, None
        return min((t for t in (self.expires, self.ends) if t is not None), default=None)

    def described(self, area: str | None, guarded: bool | None = None) -> SourceEntity:
        state, attributes = self.state
        return SourceEntity(
            entity_id=self.entity_id,
            name=self.name,
            domain=self.component.domain,
            area=area,
            device_class=self.component.device_class,
            features=self.component.features,
            state=state,
            attributes=attributes,
            guarded=guarded,
            unique_id=self.announced.unique_id,
            exposed=not self.announced.hidden,
        )


_NAMES = (
    "default_entity_id device enabled_by_default entity_category name object_id origin unique_id"
)


def _working(config: Mapping[str, Any]) -> dict[str, Any]:
    """What tells how it works, and not what it is called."""
    names = _NAMES.split()
    return {key: value for key, value in config.items() if key not in names}


def _seconds(component: Component, name: str) -> float | None:
    found = getattr(component, name, None)
    return float(found) if isinstance(found, int | float) and found > 0 else None


def full_name(announced: Announced) -> str:
    """What it is called: the device's name if it is the main thing of a device, else the device's
    name and its own, unless that has the other in it."""
    device = announced.device.name if announced.device else None
    if device is None:
        return announced.name or _kind(announced.domain)
    if announced.name is None:
        return device
    if announced.name.casefold().startswith(device.casefold()):
        return announced.name
    return f"{device} {announced.name}"


class Ids:
    """Entity ids. Of several that would have the same one, all but the first get a number; each
    keeps its own for ever, whichever announces itself first the next time."""

    def __init__(self, known: Mapping[str, str]) -> None:
        """`known`: the ids that were given before, by `key`."""
        self._known = dict(known)
        self._owners = {found: key for key, found in self._known.items()}
        self._taken: dict[str, str] = {}
        self.changed = False
        """Whether there are others than were known."""

    @property
    def known(self) -> Mapping[str, str]:
        """All that were given, those of what is gone included."""
        return self._known

    def of(self, announced: Announced, domain: str) -> str:
        """The id of what was announced, which is then taken until it is `free` again."""
        key, wanted = _key(announced, domain), _wanted(announced, domain)
        before = self._known.get(key)
        found, number = wanted, 1
        if before is not None and _numbered(before, wanted) and self._is_free(before, key):
            found = before
        while not self._is_free(found, key):
            number += 1
            found = f"{wanted}_{number}"
        self._taken[found] = key
        self._keep(key, found)
        return found

    def free(self, entity_id: str) -> None:
        """What had it is gone; it may come back."""
        self._taken.pop(entity_id, None)

    def _is_free(self, entity_id: str, key: str) -> bool:
        return entity_id not in self._taken and self._owners.get(entity_id, key) == key

    def _keep(self, key: str, found: str) -> None:
        before = self._known.pop(key, None)
        if before != found:
            self.changed = True
            if before is not None and self._owners.get(before) == key:
                del self._owners[before]
        self._known[key] = found
        self._owners[found] = key
        while len(self._known) > MOST_KNOWN:
            oldest = next(each for each in self._known)
            self._owners.pop(self._known.pop(oldest), None)


def _key(announced: Announced, domain: str) -> str:
    """By this it is known again."""
    if announced.unique_id is not None:
        return f"{domain} {announced.unique_id}"
    return " ".join(announced.identity).strip()


def _numbered(entity_id: str, wanted: str) -> bool:
    rest = entity_id.removeprefix(wanted)
    return entity_id.startswith(wanted) and (not rest or re.fullmatch(r"_\d+", rest) is not None)


def _wanted(announced: Announced, domain: str) -> str:
    """As Home Assistant makes it: of the words that the device gives for it, else of the names of
    device and entity."""
    wanted = slug(announced.object_id)
    if not wanted:
        device = (announced.device.name if announced.device else None) or ""
        own = announced.name
        if own is None and "name" not in announced.config:
            own = f"MQTT {_kind(announced.domain)}"
        wanted = slug(f"{device} {own or ''}") or slug(announced.place.object_id)
    return f"{domain}.{wanted or 'mqtt'}"


def _kind(domain: str) -> str:
    return _PLAIN.get(domain, spoken(domain.replace("_", " ").capitalize()) or domain)
