"""Valves for water and gas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import NONE, Platform
from hub.devices.mqtt.platforms.number import plain
from hub.devices.mqtt.platforms.options import Options, finite, one_of, within
from hub.devices.mqtt.platforms.scales import Scale, clamped
from hub.devices.mqtt.templates import NOT_JSON, read_json

OPEN, CLOSE, SET_POSITION, STOP = 1, 2, 4, 8


class Valve(Platform):
    domain = "valve"

    def _set_up(self, options: Options) -> None:
        self._commands = self._channel("command_topic", "command_template")
        self._positions = options.flag("reports_position")
        for key in ("payload_open", "payload_close", "state_open", "state_closed"):
            if self._positions and key in options:
                raise NotUnderstood(f"'{key}' does not go together with 'reports_position'")
        self._scale = Scale(
            options.number("position_closed", 0), options.number("position_open", 100)
        )
        self._payloads = {
            "open_valve": options.text("payload_open", "OPEN"),
            "close_valve": options.text("payload_close", "CLOSE"),
            "stop_valve": options.text("payload_stop"),
        }
        states = ("open", "opening", "closed", "closing")
        self._states: dict[str, str | None] = {
            options.word(f"state_{state}", state): state for state in states
        }
        if not self._listen("state_topic", ("value_template",), self._read_state):
            self.optimistic = True
        self.features = self._features()

    def _features(self) -> int:
        if self._commands is None:
            return 0
        stop = STOP if self._payloads["stop_valve"] is not None else 0
        if self._positions:
            return OPEN | CLOSE | SET_POSITION | stop
        features = OPEN if self._payloads["open_valve"] is not None else 0
        return features | (CLOSE if self._payloads["close_valve"] is not None else 0) | stop

    def _read_state(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        content: Any = read_json(payload)
        if content is NOT_JSON or not isinstance(content, dict):
            number = self._positions and content is not NOT_JSON and content is not None
            content = {"position" if number else "state": payload}
        facts: dict[str, Any] = {}
        if self._positions and content.get("position") is not None:
            percent = self._scale.percent(finite(content["position"], "the position"))
            facts["position"] = int(clamped(percent, 0, 100))
            facts["state"] = "open" if facts["position"] else "closed"
        state = content.get("state", "")
        if state in (None, NONE):
            facts["state"] = None
        elif state != "":
            facts["state"] = self._states[one_of(state, self._states, "the state")]
        if not facts:
            raise NotUnderstood(f"neither state nor position in {payload[:100]!r}")
        return facts

    def _shown(self) -> tuple[str, dict[str, Any]]:
        state = self.facts.get("state")
        return state or "unknown", {
            "is_closed": None if state is None else state == "closed",
            "current_position": self.facts.get("position"),
        }

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        if service == "toggle":
            opens = self.facts.get("state") in ("closed", "closing")
            service = "open_valve" if opens else "close_valve"
        service = {"turn_on": "open_valve", "turn_off": "close_valve"}.get(service, service)
        if self._commands is None:
            raise self._no(service)
        if self._positions and service != "stop_valve":
            return [self._go_to(service, data)]
        payload = self._payloads.get(service)
        if payload is None:
            raise self._no(service)
        if service != "stop_valve":
            self._assume(heard=True, state="open" if service == "open_valve" else "closed")
        return [self._commands.say(payload)]

    def _go_to(self, service: str, data: Mapping[str, Any]) -> Publication:
        match service:
            case "open_valve":
                percent = 100
            case "close_valve":
                percent = 0
            case "set_valve_position":
                percent = round(within(data.get("position"), 0, 100, "position"))
            case _:
                raise self._no(service)
        assert self._commands is not None
        self._assume(heard=True, position=percent, state="open" if percent else "closed")
        return self._commands.say(
            round(self._scale.value(percent)),
            position=percent,
            position_open=plain(self._scale.top),
            position_closed=plain(self._scale.bottom),
        )
