"""How the hub introduces itself, by Home Assistant's MQTT discovery.

There are two forms of it. One message for the whole device is what Home Assistant has understood
since 2024.11; one for each entity is what everything understands. Both give the same entities under
the same identifiers, and only one of them may be on the broker: of what is announced in both forms
Home Assistant takes the first and complains about the second. `Form` says how one is replaced by
the other, which keeps names, rooms and history that people gave the entities.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hub.bridges.topics import RoomTopics, Topics
from hub.devices.mqtt.component import Publication

LONGEST_STATE = 255
"""Characters of a state in Home Assistant, and of what can be typed into a text."""

EVENTS = ("wake", "turn", "timer", "notice")
"""Types of the event entity."""

PRESSED = "PRESS"
"""Payload of a button."""

MIGRATION = json.dumps({"migrate_discovery": True})
"""Tells Home Assistant to let go of an entity without forgetting it: it will be announced anew,
in the other form."""

_JSON_TEXT = '{"text": {{ value | to_json }}}'


DEVICE_SINCE = (2024, 11)
"""Home Assistant's release from which it reads an announcement of a whole device."""


class Form(Enum):
    """The two forms of discovery."""

    DEVICE = "device"
    ENTITIES = "entities"


def form_for(version: str | None) -> Form:
    """The form for a release of Home Assistant, such as `2024.10.4`; None if it is not known."""
    release = re.match(r"(\d+)\.(\d+)", version or "")
    if release and (int(release[1]), int(release[2])) < DEVICE_SINCE:
        return Form.ENTITIES
    return Form.DEVICE


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this hub has; it announces nothing that would do nothing."""

    ears: bool = False
    """A microphone that can be muted, and told to listen."""
    voice: bool = False
    """A loudspeaker."""
    wake_words: Sequence[str] = ()
    """Wake words that can be chosen while it runs."""
    health: bool = False
    """It tells how it is."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as it is announced, without what all have in common."""

    domain: str
    key: str
    config: Mapping[str, Any] | None
    """None: this hub does not have it, and whoever knows it from before forgets it."""


def entities(topics: Topics, abilities: Abilities) -> list[Entity]:
    """All entities that a hub can have."""
    ears, voice, words = abilities.ears, abilities.voice, list(abilities.wake_words)

    return [
        _entity(
            "text",
            "say",
            True,
            "Say",
            "message-text",
            command_topic=topics.say,
            command_template=_JSON_TEXT,
            max=LONGEST_STATE,
        ),
        _entity("sensor", "heard", True, "Heard", "ear-hearing", **_of_turn(topics, "text")),
        _entity(
            "sensor", "answered", True, "Answered", "message-reply", **_of_turn(topics, "reply")
        ),
        _entity(
            "event",
            "activity",
            True,
            "Activity",
            "account-voice",
            state_topic=topics.event,
            event_types=list(EVENTS),
        ),
        _entity(
            "image",
            "picture",
            True,
            "Picture",
            "image",
            image_topic=topics.picture,
            content_type="image/png",
        ),
        _entity(
            "switch",
            "mute",
            ears,
            "Mute microphone",
            "microphone-off",
            state_topic=topics.mute,
            command_topic=topics.set(topics.mute),
        ),
        _entity(
            "button",
            "listen",
            ears,
            "Listen",
            "microphone-message",
            command_topic=topics.listen,
            payload_press=PRESSED,
        ),
        _entity(
            "select",
            "wake_word",
            ears and len(words) > 1,
            "Wake word",
            "chat-processing",
            state_topic=topics.wake_word,
            command_topic=topics.set(topics.wake_word),
            options=words,
            entity_category="config",
        ),
        _entity(
            "number",
            "volume",
            voice,
            "Volume",
            "volume-high",
            state_topic=topics.volume,
            command_topic=topics.set(topics.volume),
            min=0,
            max=100,
            step=1,
            unit_of_measurement="%",
        ),
        _entity(
            "notify",
            "announce",
            voice,
            "Announce",
            "bullhorn",
            command_topic=topics.announce,
            command_template=_JSON_TEXT,
        ),
        _entity(
            "button",
            "stop",
            voice,
            "Stop",
            "stop",
            command_topic=topics.stop,
            payload_press=PRESSED,
        ),
        _entity(
            "sensor",
            "approval",
            True,
            "Waiting for approval",
            "shield-lock",
            state_topic=topics.approval,
            value_template="{{ value_json.question }}",
            json_attributes_topic=topics.approval,
        ),
        _entity(
            "button",
            "approve",
            True,
            "Approve",
            "shield-check",
            command_topic=topics.approve,
            payload_press=PRESSED,
        ),
        _entity(
            "button",
            "deny",
            True,
            "Deny",
            "shield-off",
            command_topic=topics.deny,
            payload_press=PRESSED,
        ),
        *_health(topics, abilities.health),
    ]


def _health(topics: Topics, there: bool) -> list[Entity]:
    """How the hub is; Home Assistant shows such entities as diagnostic."""
    common = {"state_topic": topics.health, "entity_category": "diagnostic"}
    return [
        _entity(
            "binary_sensor",
            "problem",
            there,
            "Problem",
            "home-alert",
            device_class="problem",
            value_template="{{ 'OFF' if value_json.state == 'ok' else 'ON' }}",
            json_attributes_topic=topics.health,
            **common,
        ),
        _entity(
            "sensor",
            "memory",
            there,
            "Memory",
            "memory",
            device_class="data_size",
            state_class="measurement",
            unit_of_measurement="MB",
            value_template="{{ value_json.memory_mb }}",
            **common,
        ),
        _entity(
            "sensor",
            "restarts",
            there,
            "Engine restarts",
            "restart",
            state_class="total_increasing",
            value_template="{{ value_json.restarts }}",
            **common,
        ),
    ]


def _entity(domain: str, key: str, there: bool, name: str, icon: str, **config: Any) -> Entity:
    return Entity(domain, key, {"name": name, "icon": f"mdi:{icon}", **config} if there else None)


def _of_turn(topics: Topics, key: str) -> dict[str, Any]:
    """A sensor of the last turn; what is longer than a state is whole in its attributes."""
    return {
        "state_topic": topics.turn,
        "value_template": f"{{{{ value_json.{key}[:{LONGEST_STATE}] }}}}",
        "json_attributes_topic": topics.turn,
    }


def room_entities(topics: RoomTopics) -> list[Entity]:
    """All entities of a satellite."""
    there = {"availability_topic": topics.connected}
    to_room = f'{{"text": {{{{ value | to_json }}}}, "area": {json.dumps(topics.area)}}}'
    return [
        Entity(
            "binary_sensor",
            "connected",
            {
                "name": "Connected",
                "device_class": "connectivity",
                "state_topic": topics.connected,
                "payload_on": "online",
                "payload_off": "offline",
                "entity_category": "diagnostic",
            },
        ),
        _entity(
            "text",
            "say",
            True,
            "Say",
            "message-text",
            command_topic=topics.say,
            command_template=to_room,
            max=LONGEST_STATE,
        ),
        _entity("sensor", "heard", True, "Heard", "ear-hearing", **_of_turn(topics, "text")),
        _entity(
            "sensor", "answered", True, "Answered", "message-reply", **_of_turn(topics, "reply")
        ),
        _entity(
            "notify",
            "announce",
            True,
            "Announce",
            "bullhorn",
            command_topic=topics.announce,
            command_template=to_room,
            **there,
        ),
        _entity(
            "number",
            "volume",
            True,
            "Volume",
            "volume-high",
            state_topic=topics.volume,
            command_topic=topics.set(topics.volume),
            min=0,
            max=100,
            step=1,
            unit_of_measurement="%",
            **there,
        ),
    ]


class Announcement:
    """What a hub, or a satellite of it, says of itself."""

    def __init__(
        self,
        topics: Topics,
        abilities: Abilities | None,
        *,
        name: str,
        version: str,
    ) -> None:
        """`abilities` of a hub; None for a satellite, whose `topics` are those of a room."""
        self._topics = topics
        room = topics if isinstance(topics, RoomTopics) else None
        self._entities = room_entities(room) if room else entities(topics, abilities or Abilities())
        self._common = {
            "device": {
                "identifiers": [topics.device],
                "name": name,
                "manufacturer": "Hearth",
                "model": "Satellite" if room else "Voice hub",
                "sw_version": version,
                **({"via_device": room.via, "suggested_area": room.area} if room else {}),
            },
            "origin": {"name": "Hearth", "sw_version": version},
            "availability_topic": topics.status,
        }

    def publications(self, form: Form) -> list[Publication]:
        """The announcement in this form."""
        topics = self._topics
        if form is Form.DEVICE:
            whole = {**self._common, "components": dict(self._components())}
            return [_retained(topics.device_config, whole)]
        return [
            _retained(
                topics.entity_config(entity.domain, entity.key),
                {**self._common, **self._with_id(entity.key, entity.config)},
            )
            for entity in self._entities
            if entity.config is not None
        ]

    def _components(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for entity in self._entities:
            config = {"platform": entity.domain}
            if entity.config is not None:
                config |= self._with_id(entity.key, entity.config)
            yield entity.key, config  # with nothing but its platform it is taken away

    def _with_id(self, key: str, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"unique_id": f"{self._topics.device}_{key}", **config}

    def stale(self, form: Form, topic: str) -> bool:
        """Whether what is kept on this topic is of this device, and contradicts its announcement
        in this form."""
        return f"/{self._topics.device}/" in topic and topic not in {
            publication.topic for publication in self.publications(form)
        }

    def gone(self) -> list[Publication]:
        """The announcement taken back, in either form."""
        topics = [each.topic for form in Form for each in self.publications(form)]
        return [Publication(topic, "", qos=1, retain=True) for topic in topics]

    def replacing(self, form: Form, stale: Iterable[str]) -> list[Publication]:
        """The announcement, where older ones of this hub are kept on the topics of `stale`: as
        Home Assistant wants it, the old are told to let go, then comes the new, then the old are
        cleared."""
        old = sorted(stale)
        let_go = [Publication(topic, MIGRATION, qos=1) for topic in old]
        cleared = [Publication(topic, "", qos=1, retain=True) for topic in old]
        return [*let_go, *self.publications(form), *cleared]


def _retained(topic: str, content: Mapping[str, Any]) -> Publication:
    return Publication(topic, json.dumps(content, ensure_ascii=False), qos=1, retain=True)
