"""Announcements of devices, as Home Assistant's MQTT discovery has them.

A device announces each of its entities on `<prefix>/<component>/[<node>/]<object>/config`, or all
of them at once on `<prefix>/device/[<node>/]<object>/config`. The payload is JSON, with keys that
may be abbreviated and topics that may begin or end with `~`, the base topic. An empty payload takes
the announcement back. `read` makes values of it; what the values mean is for the platforms.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hub.devices.mqtt.abbreviations import DEVICE, ORIGIN, long_form
from hub.devices.mqtt.component import NotUnderstood
from hub.devices.mqtt.templates import Template, template
from hub.ports import HUB_DEVICE

MAX_ANNOUNCEMENT = 128 * 1024
"""Bytes of an announcement; the largest known devices take some 30,000."""
MAX_COMPONENTS = 500
"""Entities of one device."""
MAX_KEYS = 300
"""Keys of one entity."""
MAX_NAME = 100
"""Characters of a name; more than that nobody says."""
MAX_TOPIC = 1024
MAX_AVAILABILITY = 16

SHARED = (
    "availability availability_mode availability_template availability_topic command_topic encoding"
    " payload_available payload_not_available qos state_topic"
).split()
"""What a device may say once for all its entities."""

_PLACE = re.compile(r"([a-zA-Z0-9_-]+)/(?:([a-zA-Z0-9_-]+)/)?([a-zA-Z0-9_-]+)/config")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an announcement stands."""

    topic: str
    component: str
    """Kind of the entity; `device` for a whole device."""
    object_id: str
    """With the node's before it, if there is one."""


@dataclass(frozen=True, slots=True)
class Device:
    """The thing with the plug or the battery."""

    name: str | None = None
    area: str | None = None
    """Name of the room that it suggests for itself."""
    identity: str = ""
    """Tells it from others; empty if it says nothing."""
    is_hub: bool = False
    """It is a hub, this one or another, which is a device for others."""


@dataclass(frozen=True, slots=True)
class Source:
    """A topic that tells whether an entity can be reached."""

    topic: str
    available: str = "online"
    unavailable: str = "offline"
    value: Template | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """An entity as it was announced."""

    place: Place
    key: str
    """Which of its device's entities it is; empty where each has its own announcement."""
    domain: str
    """Kind of the entity: the name of its platform."""
    config: Mapping[str, Any]
    """All its settings, with long keys and whole topics."""
    object_id: str
    """The words for its entity id; empty: made of the names."""
    name: str | None
    """Its own name; None if the device's name is enough."""
    device: Device | None = None
    unique_id: str | None = None
    availability: tuple[Source, ...] = ()
    mode: Literal["all", "any", "latest"] = "latest"
    enabled: bool = True
    hidden: bool = False
    """It is about the device and its settings, not about the home."""
    expires: float | None = None
    """Seconds after which a state without news counts no more."""

    @property
    def identity(self) -> tuple[str, str]:
        return self.place.topic, self.key


@dataclass(slots=True)
class Reading:
    """What there is in an announcement, and what is wrong with the rest of it."""

    announced: list[Announced] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


class _DeviceShape(_Shape):
    name: str | None = None
    identifiers: list[str] = Field([], max_length=100)
    connections: list[list[str]] = Field([], max_length=100)
    suggested_area: str | None = None

    @field_validator("identifiers", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [value]


class _SourceShape(_Shape):
    topic: str
    payload_available: str = "online"
    payload_not_available: str = "offline"
    value_template: str | None = None


class _EntityShape(_Shape):
    name: str | None = None
    unique_id: str | None = None
    object_id: str | None = None
    default_entity_id: str | None = None
    device_class: str | None = None
    availability: list[dict[str, Any]] | None = Field(None, max_length=MAX_AVAILABILITY)
    availability_topic: str | None = None
    availability_template: str | None = None
    availability_mode: Literal["all", "any", "latest"] = "latest"
    payload_available: str = "online"
    payload_not_available: str = "offline"
    enabled_by_default: bool = True
    entity_category: str | None = None
    expire_after: float | None = Field(None, ge=0, le=10_000_000)

    @field_validator("availability", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


def filters(prefix: str) -> list[str]:
    """What to subscribe to for all announcements."""
    return [f"{prefix}/+/+/config", f"{prefix}/+/+/+/config"]


def place(topic: str, prefix: str) -> Place | None:
    """Where an announcement stands; None for a topic that is no place for one."""
    if not topic.startswith(f"{prefix}/"):
        return None
    found = _PLACE.fullmatch(topic, len(prefix) + 1)
    if found is None:
        return None
    component, node, object_id = found.groups()
    return Place(topic, component, f"{node} {object_id}" if node else object_id)


def read(where: Place, payload: bytes) -> Reading:
    """Take an announcement apart. An empty one has no entities. A fault in one entity of a device
    costs that entity.

    Raises NotUnderstood if nothing can be made of it."""
    if not payload:
        return Reading()
    content = _content(payload)
    if where.component != "device":
        _base(content, None)
        return Reading([_announced(where, "", where.component, content, _device(content))])
    return _whole_device(where, content)


def _content(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_ANNOUNCEMENT:
        raise NotUnderstood(f"{len(payload)} bytes are too many (at most {MAX_ANNOUNCEMENT})")
    try:
        content = json.loads(payload.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise NotUnderstood("it is not UTF-8 text") from None
    except RecursionError:
        raise NotUnderstood("it is nested too deeply") from None
    except ValueError as error:
        raise NotUnderstood(f"it is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise NotUnderstood("it is JSON, but no object with keys")
    return _expanded(content)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _expanded(content: Mapping[str, Any]) -> dict[str, Any]:
    """With long keys, in its parts as well."""
    if len(content) > MAX_KEYS:
        raise NotUnderstood(f"{len(content)} keys are too many (at most {MAX_KEYS})")
    full = long_form(content)
    for name, table in (("device", DEVICE), ("origin", ORIGIN)):
        if isinstance(full.get(name), dict):
            full[name] = long_form(full[name], table)
    sources = full.get("availability")
    if isinstance(sources, dict):
        full["availability"] = sources = [sources]
    if isinstance(sources, list):
        full["availability"] = [
            long_form(item) if isinstance(item, dict) else item for item in sources
        ]
    return full


def _whole_device(where: Place, content: dict[str, Any]) -> Reading:
    base = _base(content, None)
    device = _device(content)
    parts = content.get("components")
    if not isinstance(parts, dict):
        raise NotUnderstood("components: an object with an entity under each key is expected")
    if len(parts) > MAX_COMPONENTS:
        raise NotUnderstood(f"{len(parts)} components are too many (at most {MAX_COMPONENTS})")
    shared = {key: content[key] for key in SHARED if key in content}
    reading = Reading()
    for key, part in parts.items():
        try:
            if not isinstance(part, dict):
                raise NotUnderstood("an object with keys is expected")
            own = _expanded(part)
            domain = own.pop("platform", None)
            if not isinstance(domain, str):
                raise NotUnderstood("platform: the kind of the entity is missing")
            if not own:
                continue  # The kind alone: this entity is taken back.
            _base(own, base)
            reading.announced.append(_announced(where, key, domain, shared | own, device))
        except NotUnderstood as error:
            reading.faults.append(f"component {key!r}: {error}")
    return reading


def _base(content: dict[str, Any], outer: str | None) -> str | None:
    """Fill in the base topic, which is taken out; that of the device around it counts if there is
    no own one."""
    base = content.pop("~", outer)
    if base is None:
        return None
    if not isinstance(base, str):
        raise NotUnderstood("~: a topic is expected")
    sources = [item for item in content.get("availability") or () if isinstance(item, dict)]
    for settings in (content, *sources):
        for key, value in settings.items():
            if isinstance(value, str) and value and (key == "topic" or key.endswith("_topic")):
                whole = base + value[1:] if value[0] == "~" else value
                settings[key] = whole[:-1] + base if whole[-1] == "~" else whole
    return base


def _device(content: Mapping[str, Any]) -> Device | None:
    given = content.get("device")
    if given is None:
        return None
    shape = _shaped(_DeviceShape, given, "device: ")
    known = [*shape.identifiers, *(":".join(pair) for pair in shape.connections)]
    is_hub = any(each.startswith(HUB_DEVICE) for each in shape.identifiers)
    return Device(spoken(shape.name), spoken(shape.suggested_area), "|".join(known), is_hub)


def _announced(
    where: Place, key: str, domain: str, config: dict[str, Any], device: Device | None
) -> Announced:
    _check_topics(config)
    shape = _shaped(_EntityShape, config)
    object_id = (shape.default_entity_id or "").partition(".")[2] or shape.object_id or ""
    return Announced(
        place=where,
        key=key,
        domain=domain,
        config=config,
        object_id=object_id[:MAX_NAME],
        name=_name(config, shape, domain, device),
        device=device,
        unique_id=shape.unique_id,
        availability=tuple(_sources(shape)),
        mode=shape.availability_mode,
        enabled=shape.enabled_by_default,
        hidden=shape.entity_category in ("config", "diagnostic"),
        expires=shape.expire_after or None,
    )


def _check_topics(config: Mapping[str, Any]) -> None:
    for key, value in config.items():
        if key == "topic" or key.endswith("_topic"):
            check_topic(key, value)


def check_topic(key: str, value: Any) -> None:
    """Raises NotUnderstood for what cannot be the topic of a message."""
    if value is None:
        return
    if not isinstance(value, str) or not value:
        raise NotUnderstood(f"{key}: a topic is expected")
    if len(value) > MAX_TOPIC or set(value) & {"+", "#", "\0"} or not _utf8(value):
        raise NotUnderstood(f"{key}: no topic for messages (too long, a wildcard, no UTF-8)")


def _utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _sources(shape: _EntityShape) -> Iterator[Source]:
    given: Sequence[Mapping[str, Any]] = shape.availability or []
    if not given and shape.availability_topic:
        given = [
            {
                "topic": shape.availability_topic,
                "payload_available": shape.payload_available,
                "payload_not_available": shape.payload_not_available,
                "value_template": shape.availability_template,
            }
        ]
    for item in given:
        source = _shaped(_SourceShape, item, "availability: ")
        check_topic("availability topic", source.topic)
        yield Source(
            source.topic,
            source.payload_available,
            source.payload_not_available,
            template(source.value_template) if source.value_template else None,
        )


_Model = TypeVar("_Model", bound=_Shape)


def _shaped(shape: type[_Model], given: Any, where: str = "") -> _Model:
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise NotUnderstood(f"{where}{key}: {problem['msg']}") from None


def spoken(name: str | None) -> str | None:
    """A name as a person can say it: one line, no control or formatting characters, not endless.
    None if nothing is left of it."""
    if name is None:
        return None
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in name[: MAX_NAME * 4])
    return " ".join(kept.split())[:MAX_NAME].strip() or None


_CLASS_NAMES = {
    "aqi": "Air quality index",
    "co": "Carbon monoxide",
    "co2": "Carbon dioxide",
    "ph": "pH",
    "pm1": "PM1",
    "pm10": "PM10",
    "pm25": "PM2.5",
    "pm4": "PM4",
    "wind_direction": "Wind direction",
}


def _name(
    config: Mapping[str, Any], shape: _EntityShape, domain: str, device: Device | None
) -> str | None:
    """Its name as Home Assistant finds it: as given; else that of its class, if it measures or
    watches; else none, if the device has one."""
    own = spoken(shape.name)
    if "name" in config:
        # A device that repeats itself is the main thing it is.
        return None if device and own == device.name else own
    if shape.device_class and domain != "event":
        plain = shape.device_class.replace("_", " ")
        return _CLASS_NAMES.get(shape.device_class) or spoken(plain[:1].upper() + plain[1:])
    return None


class Availability:
    """Whether an entity can be reached, by what its topics said. Before they said anything it
    cannot; an entity without such topics always can."""

    def __init__(self, announced: Announced) -> None:
        self._sources = announced.availability
        self._mode = announced.mode
        self._said: dict[str, bool] = {source.topic: False for source in self._sources}
        self._latest = False
        self.topics = frozenset(self._said)

    @property
    def available(self) -> bool:
        if not self._sources:
            return True
        if self._mode == "latest":
            return self._latest
        return (all if self._mode == "all" else any)(self._said.values())

    def receive(self, topic: str, payload: str) -> None:
        """Take a message on one of its topics. Raises NotUnderstood."""
        for source in self._sources:
            if source.topic != topic:
                continue
            value = source.value.value(payload) if source.value else payload
            if value in (source.available, source.unavailable):
                self._said[topic] = self._latest = value == source.available
