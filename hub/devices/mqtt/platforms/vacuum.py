"""Robot vacuums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import Platform, compact, json_object
from hub.devices.mqtt.platforms.options import Options, one_of

FEATURES = {
    "turn_on": 1,
    "turn_off": 2,
    "pause": 4,
    "stop": 8,
    "return_home": 16,
    "fan_speed": 32,
    "battery": 64,
    "status": 128,
    "send_command": 256,
    "locate": 512,
    "clean_spot": 1024,
    "start": 8192,
}
STATE = 4096
USUAL = ("start", "stop", "return_home", "clean_spot")
STATES = ("cleaning", "docked", "paused", "idle", "returning", "error")

SERVICES = {
    "start": "start",
    "stop": "stop",
    "pause": "pause",
    "return_to_base": "return_home",
    "clean_spot": "clean_spot",
    "locate": "locate",
}
"""Service, and what its payload is called -> the feature it needs."""


class Vacuum(Platform):
    domain = "vacuum"

    def _set_up(self, options: Options) -> None:
        named = options.texts("supported_features", USUAL)
        self.features = STATE
        for name in named:
            self.features |= FEATURES[one_of(name, FEATURES, "'supported_features'")]
        self._commands = self._channel("command_topic")
        self._speeds_out = self._channel("set_fan_speed_topic")
        self._others = self._channel("send_command_topic")
        self._payloads = {name: options.word(f"payload_{name}", name) for name in SERVICES}
        self._speeds = options.texts("fan_speed_list")
        self.optimistic = False
        self._listen("state_topic", ("value_template",), self._read_state)

    def _read_state(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        said = json_object(payload)
        facts: dict[str, Any] = {}
        if "state" in said:
            state = said["state"]
            facts["state"] = None if state is None else one_of(state, STATES, "'state'")
        if said.get("fan_speed") is not None:
            facts["fan_speed"] = str(said["fan_speed"])[:100]
        level = said.get("battery_level")
        if isinstance(level, int | float) and not isinstance(level, bool):
            facts["battery_level"] = level
        return facts or None

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.facts.get("state") or "unknown", {
            "battery_level": self.facts.get("battery_level"),
            "fan_speed": self.facts.get("fan_speed") if self._can("fan_speed") else None,
            "fan_speed_list": list(self._speeds) or None,
        }

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        service = {"turn_on": "start", "turn_off": "return_to_base"}.get(service, service)
        if service in SERVICES and self._commands is not None and self._can(SERVICES[service]):
            return [self._commands.say(self._payloads[service])]
        if service == "set_fan_speed" and self._speeds_out and self._can("fan_speed"):
            return [self._speeds_out.say(one_of(data.get("fan_speed"), self._speeds, "fan_speed"))]
        if service == "send_command" and self._others and self._can("send_command"):
            return [self._others.say(_command(data))]
        raise self._no(service)

    def _can(self, feature: str) -> bool:
        return bool((self.features or 0) & FEATURES[feature])


def _command(data: Mapping[str, Any]) -> str:
    command, params = data.get("command"), data.get("params")
    if not isinstance(command, str) or not command:
        raise NotUnderstood("'command' must be a text")
    if not params:
        return command
    if not isinstance(params, dict):
        raise NotUnderstood("'params' must be an object")
    return compact({"command": command, **params})
