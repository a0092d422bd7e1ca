"""What all platforms share: topics, templates, attributes, optimism."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.options import Options
from hub.devices.mqtt.templates import NOT_JSON, Template, read_json

MAX_ATTRIBUTES = 16 * 1024
"""Characters of further attributes in one message."""

NONE = "None"
"""What a device says when it does not know; also what a template makes of null."""

Reader = Callable[[str], Mapping[str, Any] | None]
"""Takes what a message says; gives what is known by it, None if it tells nothing."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Where commands of one kind go, and how they are put."""

    topic: str
    template: Template | None
    qos: int
    retain: bool
    extra: Callable[[], Mapping[str, Any]]

    def say(self, value: Any, **variables: Any) -> Publication:
        """The message for a value. Raises NotUnderstood if the template fails."""
        if self.template is None:
            payload = str(value)
        else:
            payload = self.template.render({**self.extra(), "value": value, **variables})
        return Publication(self.topic, payload, self.qos, self.retain)


@dataclass(frozen=True, slots=True)
class _Listening:
    key: str
    template: Template | None
    reader: Reader


class Platform:
    """A component. A subclass reads its configuration in `_set_up`, and says in `_shown` what is
    to be seen of what is known, and in `_act` what is to be published for a service.

    What is known is kept as facts by name; each message and each command changes them as a whole
    or not at all."""

    domain = ""
    features: int | None = 0

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.options = Options(config)
        self.device_class: str | None = self.options.text("device_class")
        self._topics: dict[str, int] = {}
        self.topics: Mapping[str, int] = self._topics
        self.state = "unknown"
        self.attributes: Mapping[str, Any] = {}
        self.expire_after: float | None = None
        """Seconds after which a state is too old to be true; the source's business."""
        self.off_delay: float | None = None
        """Seconds after which 'on' is over; the source's business."""
        self.facts: dict[str, Any] = {}
        self._listening: dict[str, list[_Listening]] = {}
        self._qos = self.options.whole("qos", 0)
        if self._qos not in (0, 1, 2):
            raise NotUnderstood(f"'qos' must be 0, 1 or 2, not {self._qos}")
        self._retain = self.options.flag("retain")
        self._always = {
            key: value for key in ("icon", "entity_picture") if (value := self.options.text(key))
        }
        if self.device_class:
            self._always["device_class"] = self.device_class
        self.optimistic = self.options.flag("optimistic")
        self._set_up(self.options)
        self._listen("json_attributes_topic", ("json_attributes_template",), self._read_attributes)
        self._refresh()

    # --- for subclasses ----------------------------------------------------------------------

    def _set_up(self, options: Options) -> None:
        """Read the configuration. Raises NotUnderstood."""
        raise NotImplementedError

    def _shown(self) -> tuple[str, dict[str, Any]]:
        """State and attributes, of the facts. Attributes that are None are not shown."""
        raise NotImplementedError

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        """Messages for a service, and facts that can be assumed. Raises NotUnderstood."""
        raise self._no(service)

    def _listen(self, topic_key: str, template_keys: Sequence[str], reader: Reader) -> bool:
        """Hear a topic, if there is one."""
        topic = self.options.topic(topic_key)
        if topic is None:
            return False
        found = self.options.template(*template_keys)
        self._topics[topic] = self._qos
        self._listening.setdefault(topic, []).append(_Listening(topic_key, found, reader))
        return True

    def _channel(self, topic_key: str, template_key: str = "") -> Channel | None:
        """Where commands go, if there is such a topic."""
        topic = self.options.topic(topic_key)
        if topic is None:
            return None
        found = self.options.template(template_key) if template_key else None
        return Channel(topic, found, self._qos, self._retain, self._variables)

    def _needed(self, topic_key: str, template_key: str = "") -> Channel:
        self.options.needed(topic_key)
        channel = self._channel(topic_key, template_key)
        assert channel is not None
        return channel

    def _assume(self, heard: bool = False, **facts: Any) -> None:
        """Take for granted what was commanded: if nothing is heard of it, or if the device is
        said to be optimistic."""
        if self.optimistic or not heard:
            self.facts.update(facts)

    def _no(self, service: str) -> NotUnderstood:
        return NotUnderstood(f"there is no service {self.domain}.{service} for this device")

    # --- the component -----------------------------------------------------------------------

    def receive(self, topic: str, payload: str) -> None:
        """Each of those who listen to the topic takes the message on its own, as some of what is
        in one message may be missing in the next. It is refused if nobody could take it."""
        taken = False
        errors: list[NotUnderstood] = []
        for listening in self._listening.get(topic, ()):
            try:
                facts = self._read(listening, payload)
            except NotUnderstood as error:
                errors.append(NotUnderstood(f"{listening.key}: {error}"))
                continue
            if facts is not None:
                taken = True
                self.facts.update(facts)
        if taken:
            self._refresh()
        elif errors:
            raise errors[0]

    def command(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        before = dict(self.facts)
        try:
            messages = self._act(service, data)
        except NotUnderstood:
            self.facts = before
            raise
        if self.facts != before:
            self._refresh()
        return messages

    def _read(self, listening: _Listening, payload: str) -> Mapping[str, Any] | None:
        if listening.template is not None:
            payload = listening.template.value(payload, self._variables())
        try:
            return listening.reader(payload)
        except RecursionError:
            raise NotUnderstood("the message is nested too deeply") from None

    def _variables(self) -> dict[str, Any]:
        """What templates can ask for besides the value."""
        return {"this": {"state": self.state, "attributes": self.attributes}}

    def _read_attributes(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        return {"json_attributes": bounded(payload)}

    def _refresh(self) -> None:
        self.state, shown = self._shown()
        self.attributes = {
            **self.facts.get("json_attributes", {}),
            **self._always,
            **{key: value for key, value in shown.items() if value is not None},
        }
        if self.features:
            self.attributes["supported_features"] = self.features
        if self.optimistic:
            self.attributes["assumed_state"] = True


def unless_empty(reader: Reader) -> Reader:
    """Nothing is told by nothing: a template for one of several things in a message leaves it."""
    return lambda payload: reader(payload) if payload else None


def bounded(payload: str) -> Mapping[str, Any]:
    """Further attributes in a message. Raises NotUnderstood, also for too many: each of thousands
    of entities may keep some."""
    if len(payload) > MAX_ATTRIBUTES:
        raise NotUnderstood(
            f"attributes of {len(payload)} characters; {MAX_ATTRIBUTES} are allowed"
        )
    return json_object(payload)


def json_object(payload: str) -> Mapping[str, Any]:
    """The object in a message. Raises NotUnderstood if there is none."""
    content = read_json(payload)
    if content is NOT_JSON or not isinstance(content, dict):
        raise NotUnderstood(f"not an object in JSON: {payload[:100]!r}")
    return content


def compact(content: Mapping[str, Any]) -> str:
    """JSON as Home Assistant writes it, without spaces."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)
