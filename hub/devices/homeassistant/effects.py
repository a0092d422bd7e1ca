"""What scenes, scripts, automations and buttons lead to: whether they may let somebody in.

True: something that people come in by is touched, and not plainly closed. False: all that
happens is known, and lets nobody in. None: it cannot be known, because a step leaves Home
Assistant (a command line, a message, an event) or is made up only when it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.home.guarded import OPAQUE, asked_first, lets_in

CLOSING = frozenset(
    "cover.close_cover cover.stop_cover cover.close_cover_tilt cover.stop_cover_tilt lock.lock "
    "valve.close_valve valve.stop_valve homeassistant.turn_off switch.turn_off "
    "input_boolean.turn_off group.set script.turn_off".split()
)
"""Services after which nobody comes in."""

HARMLESS = frozenset(
    "calendar camera climate counter fan frontend homeassistant humidifier image_processing "
    "input_datetime input_number input_select input_text lawn_mower light logbook logger "
    "media_player notify number persistent_notification schedule select siren system_log text "
    "timer todo tts update vacuum valve water_heater weather".split()
)
"""Domains whose services act on entities of their own that nobody comes in by."""

FOLLOWED = frozenset({"automation", "button", "input_button", "scene", "script"})
"""Domains whose services set something else off."""
RUNNING = frozenset({"trigger", "press", "turn_on", "toggle"})
"""... if they are these."""

SWITCHED = frozenset({"input_boolean", "switch"})
ENTRANCES = frozenset({"cover", "lock"})
TARGETS = ("area_id", "device_id", "floor_id", "label_id")

STEPS = (
    "action", "actions", "choose", "default", "else", "parallel", "repeat", "sequence", "then",
)  # fmt: skip
"""Keys of a step under which there are further steps; what is under others only asks or waits."""

LIGHTS_ONLY = frozenset({"hue", "hunterdouglas_powerview", "lifx_cloud"})
"""Integrations with scenes of their own, kept by a bridge that has nothing but lamps or blinds."""

TEMPLATE = re.compile(r"\{[{%]")
CLOSED = ("locked", "locking", "closed", "closing", "off", False)
MAINTENANCE = frozenset({"identify", "restart", "update"})
"""Device classes of buttons that do nothing but this."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What has to be known of an entity."""

    entity_id: str
    names: tuple[str, ...] = ()
    device_class: str | None = None
    platform: str | None = None
    members: tuple[str, ...] = ()
    """Of a group or a scene."""

    @property
    def domain(self) -> str:
        return self.entity_id.partition(".")[0]


@dataclass(slots=True)
class Effects:
    """All entities of a home, and what is written in their scenes, scripts and automations."""

    things: Mapping[str, Thing]
    contents: Mapping[str, Any] = field(default_factory=dict)
    """Entity id -> the configuration of a script or automation, or the entities of a scene."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Id in the registry -> entity id: some steps name entities so."""

    def guarded(self, entity_id: str) -> bool | None:
        """Whether a scene, script, automation or button may let somebody in.

        None for everything else: class and name tell."""
        return self._leads(entity_id, frozenset())

    def of_interest(self, scene: Thing) -> bool:
        """Whether what a scene wants of its members has to be looked up."""
        return any(self._entrance(member, frozenset()) for member in scene.members)

    def _leads(self, entity_id: str, above: frozenset[str]) -> bool | None:
        """`above`: what led here; it is not looked into again."""
        if entity_id in above:
            return False
        thing = self.things.get(entity_id, Thing(entity_id))
        above |= {entity_id}
        match thing.domain:
            case "scene":
                return self._scene(thing, above)
            case "script" | "automation":
                content = self.contents.get(entity_id)
                known = isinstance(content, Mapping) and any(key in content for key in STEPS)
                return self._steps(content, above) if known else None
            case "button" | "input_button":
                if thing.device_class in MAINTENANCE:
                    return False
                return lets_in(thing.domain, thing.device_class, thing.names) or None
        return None

    def _scene(self, scene: Thing, above: frozenset[str]) -> bool | None:
        wanted = self.contents.get(scene.entity_id)
        if isinstance(wanted, Mapping):
            return self._wanted(wanted, above)
        if scene.members:
            return _worst(self._touched(member, above) for member in scene.members)
        return False if scene.platform in LIGHTS_ONLY else None

    def _wanted(self, entities: Mapping[str, Any], above: frozenset[str]) -> bool | None:
        """The states that a scene gives entities."""
        return _worst(
            False if _closes(state) else self._touched(entity_id, above)
            for entity_id, state in entities.items()
        )

    def _touched(self, entity_id: str, above: frozenset[str]) -> bool | None:
        """What comes of doing anything with an entity but closing it."""
        if entity_id.partition(".")[0] in OPAQUE:
            return self._leads(entity_id, above)
        if self._entrance(entity_id, frozenset()):
            return True
        thing = self.things.get(entity_id)
        if thing is None:
            return False
        # What is asked for by itself is asked for here, too.
        return None if asked_first(thing.domain, thing.device_class, thing.names) else False

    def _entrance(self, entity_id: str, above: frozenset[str]) -> bool:
        """Whether people come in by an entity, or by a member of a group."""
        thing = self.things.get(entity_id)
        if thing is None:
            return entity_id.startswith(("lock.", "cover."))
        if thing.domain == "lock" or lets_in(thing.domain, thing.device_class, thing.names):
            return True
        above |= {entity_id}
        return any(self._entrance(m, above) for m in thing.members if m not in above)

    def _steps(self, node: Any, above: frozenset[str]) -> bool | None:
        if isinstance(node, Mapping):
            return self._step(node, above)
        if isinstance(node, Sequence) and not isinstance(node, str):
            return _worst(self._steps(item, above) for item in node)
        return False  # a condition in short form

    def _step(self, step: Mapping[str, Any], above: frozenset[str]) -> bool | None:
        if step.get("enabled") is False or isinstance(step.get("condition"), str):
            return False
        found: list[bool | None] = []
        service = step.get("service") or step.get("action") or step.get("service_template")
        if isinstance(service, str):
            found.append(self._service(service, step, above))
        elif isinstance(scene := step.get("scene"), str):
            found.append(self._touched(scene, above))
        elif "event" in step or "use_blueprint" in step:
            found.append(None)
        elif "device_id" in step and "type" in step:
            found.append(self._device_action(step, above))
        found += [self._steps(step[key], above) for key in STEPS if key in step]
        return _worst(found)

    def _service(self, service: str, step: Mapping[str, Any], above: frozenset[str]) -> bool | None:
        """What a service call does. `service`: `lock.unlock`."""
        domain, _, name = service.partition(".")
        if TEMPLATE.search(service):
            return None
        if service in CLOSING:
            return False
        data = {**_mapping(step.get("data_template")), **_mapping(step.get("data"))}
        if service == "cover.set_cover_position" and data.get("position") == 0:
            return False
        if service == "scene.apply":
            return self._wanted(_mapping(data.get("entities")), above)
        if domain == "script" and name not in RUNNING:
            return False if name == "reload" else self._leads(service, above)
        if service == "homeassistant.turn_on" or service == "homeassistant.toggle":
            return self._all(self._targets(step, data, ENTRANCES | SWITCHED | OPAQUE), above)
        if domain in FOLLOWED:
            runs = name in RUNNING and service not in ("automation.turn_on", "automation.toggle")
            return self._all(self._targets(step, data, {domain}), above) if runs else False
        if domain in ENTRANCES | SWITCHED:
            return self._all(self._targets(step, data, {domain}), above)
        if domain == "alarm_control_panel":
            return name == "alarm_disarm"
        if domain in ("siren", "valve") and name != "turn_off":
            return None
        return False if domain in HARMLESS else None

    def _all(self, entity_ids: Iterable[str], above: frozenset[str]) -> bool | None:
        return _worst(self._touched(entity_id, above) for entity_id in entity_ids)

    def _targets(
        self, step: Mapping[str, Any], data: Mapping[str, Any], domains: Iterable[str]
    ) -> list[str]:
        """The entities that a service call names; where it names rooms or devices, or makes them
        up when it runs, all that it could mean."""
        given: list[str] = []
        for place in (step, data, _mapping(step.get("target"))):
            ids = place.get("entity_id") or ()
            given += [ids] if isinstance(ids, str) else [str(each) for each in ids]
        given = [each.strip() for text in given for each in text.split(",")]
        places = (data, _mapping(step.get("target")))
        vague = any(key in place for place in places for key in TARGETS) or isinstance(
            step.get("target"), str
        )
        if vague or not given or "all" in given or any(TEMPLATE.search(each) for each in given):
            wanted = frozenset(domains)
            return [key for key, thing in self.things.items() if thing.domain in wanted]
        return [self.ids.get(each, each) for each in given]

    def _device_action(self, step: Mapping[str, Any], above: frozenset[str]) -> bool | None:
        """A step that was clicked together: `{"device_id": …, "domain": "lock", "type": "open"}`"""
        domain, kind = str(step.get("domain")), str(step["type"])
        if f"{domain}.{kind}" in ("lock.lock", "cover.close", "cover.stop", "cover.close_tilt"):
            return False
        if domain == "cover" and kind == "set_position" and step.get("position") == 0:
            return False
        if domain in SWITCHED and kind == "turn_off":
            return False
        if domain in ENTRANCES | SWITCHED | FOLLOWED:
            return self._all(self._targets(step, {}, {domain}), above)
        return False if domain in HARMLESS else None


def _worst(results: Iterable[bool | None]) -> bool | None:
    found = set(results)
    return True if True in found else None if None in found else False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _closes(wanted: Any) -> bool:
    """Whether what a scene wants of a device keeps people out."""
    state = wanted.get("state") if isinstance(wanted, Mapping) else wanted
    position = wanted.get("current_position") if isinstance(wanted, Mapping) else 0
    # YAML reads an unquoted off as False.
    return state in CLOSED and position in (0, None)
