"""Whose topics are whose: what is said on the topic of a lock, a lock hears, whoever says it.

Anybody on the broker can announce a 'light' whose commands go to the topic of a lock. It is then
guarded as the lock is, whichever was announced first, and whatever it calls itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hub.devices.mqtt.entities import Entity
from hub.home.guarded import needs_yes

_HARMLESS = re.compile(
    r"child[ _-]?lock|kindersicherung|key(pad|board)?[ _-]?lock|buttons?[ _-]?lock|tastensperre",
    re.IGNORECASE,
)
"""Locks that only keep people from its buttons: most thermostats and sockets have one."""


def commands(entity: Entity) -> Iterator[str]:
    """Topics on which the entity is told what to do."""
    for key, topic in entity.announced.config.items():
        if not key.endswith("_topic") or not isinstance(topic, str) or not topic:
            continue
        if "command" in key or key.startswith("set_"):
            yield topic


def is_guarded(entity: Entity) -> bool:
    """Whether it is itself of a kind that needs an explicit yes."""
    kind, name = entity.component.domain, entity.name
    if kind == "lock" and (entity.announced.hidden or _HARMLESS.search(name)):
        return False
    return needs_yes(kind, entity.component.device_class, (name,))


class Guarded:
    """The topics of all that is guarded."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self._topics = {
            topic for entity in entities if is_guarded(entity) for topic in commands(entity)
        }
        self._above = {above for topic in self._topics for above in _above(topic)}

    def reached_by(self, entity: Entity) -> bool:
        """Whether a command to this entity, which is none of them, may reach one: a bridge takes
        its orders on `lock/set` and `lock/set/state` alike."""
        if not self._topics or is_guarded(entity):
            return False
        return any(
            topic in self._topics
            or topic in self._above
            or any(above in self._topics for above in _above(topic))
            for topic in commands(entity)
        )


def _above(topic: str) -> Iterator[str]:
    while "/" in topic:
        topic = topic.rpartition("/")[0]
        yield topic
