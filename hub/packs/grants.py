"""What a pack may see and act on, checked in the hub for every single request.

Nothing that a pack says is believed: entities are looked up among those of the home (what is
hidden from voice is not there), then among those that were granted. What lets somebody in, takes
protection away or may do anything is never done for a pack without a person's yes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hub import policy
from hub.home.guarded import needs_yes
from hub.home.model import Entity, Home, State
from hub.packs.description import RISKS, Permissions

EVERYWHERE = frozenset({"turn_on", "turn_off", "toggle"})
"""Services that are of all domains."""
TARGETS = frozenset({"area_id", "device_id", "entity_id", "floor_id", "label_id", "target"})
"""Data that would send a service elsewhere than it was checked for."""
SECRET = frozenset({"access_token", "code", "entity_picture", "password", "pin", "token"})
"""Attributes of states that open something by themselves."""
OWN_MEDIA = "media-source://"
"""How what Home Assistant itself has to play is named."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
LONGEST_TEXT = 2000
MOST_ENTITIES = 200


class Denied(Exception):
    """It is not allowed; says why."""


@dataclass(frozen=True, slots=True)
class Action:
    """A service for devices, checked."""

    service: str
    entities: tuple[Entity, ...]
    data: Mapping[str, Any]
    asks: tuple[Entity, ...] = ()
    """Those for which a person has to say yes first."""


class Grants:
    """What one pack was granted, in one home."""

    def __init__(self, granted: Permissions, home: Home) -> None:
        self.granted = granted
        self._home = home

    def sees(self, entity: Entity) -> bool:
        """Whether a pack may know of it."""
        known = self._home.entities.get(entity.entity_id)
        if known is None:
            return False
        area = self._home.area_of(known)
        return self.granted.home.includes(known.entity_id, area.name if area else None)

    def entity(self, entity_id: Any) -> Entity:
        """One that it may know of. Raises Denied, in the same words whether or not there is one."""
        known = self._home.entities.get(entity_id) if isinstance(entity_id, str) else None
        if known is None or not self.sees(known):
            raise Denied(f"no device {entity_id!r:.80} was granted")
        return known

    def action(self, service: Any, ids: Any, data: Any, risk: str) -> Action:
        """What a tool of a class (`risk`) wants of the home. Raises Denied."""
        if not self.granted.home.act:
            raise Denied("it may only see the home, and not act on it")
        domain, _, name = service.partition(".") if isinstance(service, str) else ("", "", "")
        if not _NAME.fullmatch(domain) or not _NAME.fullmatch(name):
            raise Denied(f"{service!r:.80} is no service")
        if not isinstance(ids, list) or not 0 < len(ids) <= MOST_ENTITIES:
            raise Denied(f"a service is for 1 to {MOST_ENTITIES} devices")
        entities = tuple(self.entity(entity_id) for entity_id in ids)
        for entity in entities:
            if entity.barred:
                raise Denied(f"nobody has allowed voice to act on {entity.entity_id}")
            everywhere = domain == "homeassistant" and name in EVERYWHERE
            if entity.domain != domain and not everywhere:
                raise Denied(f"{service} is not for {entity.entity_id}")
        self._check_data(data)
        asks = []
        for entity in entities:
            highest = harm(entity, name, data, self._home.state(entity.entity_id))
            if RISKS.index(highest) > RISKS.index(risk):
                raise Denied(
                    f"{service} of {entity.entity_id} is {highest}, and the tool only {risk}"
                )
            if highest in ("R2", "R3"):
                asks.append(entity)
        return Action(service, entities, data, tuple(asks))

    def attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Attributes of a state without those that are keys to something."""
        return {key: value for key, value in attributes.items() if key not in SECRET}

    def topic(self, topic: Any) -> str:
        """A topic that was granted; no wildcards. Raises Denied."""
        if not isinstance(topic, str) or not 0 < len(topic) <= 200 or set(topic) & set("+#\0"):
            raise Denied(f"{topic!r:.80} is no topic")
        if not any(_matches(wide, topic) for wide in self.granted.mqtt):
            raise Denied(f"the topic {topic} was not granted")
        return topic

    def _check_data(self, data: Any) -> None:
        if not isinstance(data, dict):
            raise Denied("the data of a service are an object")
        for key, value in data.items():
            if not _NAME.fullmatch(key) or key in TARGETS:
                raise Denied(f"{key!r:.80} may not be among the data")
            self._check_value(value)

    def _check_value(self, value: Any) -> None:
        """Plain values. An address of a host sends the home's devices there: it must be granted."""
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in TARGETS:
                    raise Denied(f"{key!r:.80} may not be among the data")
                self._check_value(inner)
        elif isinstance(value, list):
            for inner in value:
                self._check_value(inner)
        elif isinstance(value, str):
            if len(value) > LONGEST_TEXT or "{{" in value or "{%" in value:
                raise Denied("a text among the data is too long, or a template")
            elsewhere = "://" in value and not value.startswith(OWN_MEDIA)
            if (elsewhere or value.startswith("//")) and not self._reaches(value):
                raise Denied(f"the address {value:.80} was not granted")

    def _reaches(self, address: str) -> bool:
        return origin_of(address) in self.granted.network


def origin_of(address: str) -> str | None:
    """`scheme://host:port` of an address of http or https, as grants have it; None for others."""
    try:
        url = urlsplit(address)
        port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
        host = (url.hostname or "").rstrip(".")
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or not host or "@" in url.netloc or not host.isascii():
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{shown}:{port}"


def harm(
    entity: Entity,
    service: str,
    data: Mapping[str, Any] | None = None,
    state: State | None = None,
) -> str:
    """The class (R0-R3) of a service for a device: that of the hub's own policy; and of what needs
    a yes at all, R3 for a pack."""
    found = policy.harm(entity, service, data, state)
    if found.risk == policy.R2 and needs_yes(entity.domain, entity.device_class, entity.names):
        return policy.R3
    return found.risk


def _matches(wide: str, topic: str) -> bool:
    """Whether an MQTT topic filter includes a topic."""
    levels, given = wide.split("/"), topic.split("/")
    for number, level in enumerate(levels):
        if level == "#":
            return True
        if number >= len(given) or level not in ("+", given[number]):
            return False
    return len(levels) == len(given)
