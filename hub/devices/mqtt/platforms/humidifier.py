"""Humidifiers and dehumidifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import NONE
from hub.devices.mqtt.platforms.onoff import OnOff
from hub.devices.mqtt.platforms.options import Options, one_of, within
from hub.devices.mqtt.platforms.thermal import choice_reader, number_reader

MODES = 1
ACTIONS = ("off", "humidifying", "drying", "idle")


class Humidifier(OnOff):
    domain = "humidifier"

    def _set_up(self, options: Options) -> None:
        self._set_up_payloads(options)
        self._commands = self._needed("command_topic", "command_template")
        self._targets = self._needed(
            "target_humidity_command_topic", "target_humidity_command_template"
        )
        self._modes_out = self._channel("mode_command_topic", "mode_command_template")
        self._modes = options.texts("modes")
        self._low, self._high = (
            options.number("min_humidity", 0),
            options.number("max_humidity", 100),
        )
        if not 0 <= self._low < self._high <= 100:
            raise NotUnderstood(f"'min_humidity' {self._low:g}, 'max_humidity' {self._high:g}")
        self._no_humidity = options.word("payload_reset_humidity", NONE)
        self._no_mode = options.word("payload_reset_mode", NONE)
        self.features = MODES if self._modes_out is not None and self._modes else 0
        self._heard: set[str] = set()
        templates = ("state_value_template", "value_template")
        if self._listen("state_topic", templates, self._read_on):
            self._heard.add("on")
        else:
            self.optimistic = True
        template = "target_humidity_state_template"
        if self._listen("target_humidity_state_topic", (template,), self._read_target):
            self._heard.add("humidity")
        if self._listen("mode_state_topic", ("mode_state_template",), self._read_mode):
            self._heard.add("mode")
        reader = number_reader("current_humidity")
        self._listen("current_humidity_topic", ("current_humidity_template",), reader)
        self._listen("action_topic", ("action_template",), choice_reader("action", ACTIONS))

    def _read_target(self, payload: str) -> Mapping[str, Any] | None:
        if not payload.strip():
            return None
        if payload in (self._no_humidity, NONE):
            return {"humidity": None}
        return {"humidity": round(within(payload, self._low, self._high, "the target humidity"))}

    def _read_mode(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        if payload in (self._no_mode, NONE):
            return {"mode": None}
        return {"mode": one_of(payload, self._modes, "the mode")}

    def _shown(self) -> tuple[str, dict[str, Any]]:
        facts = self.facts
        shown = {
            "min_humidity": self._low,
            "max_humidity": self._high,
            **{name: facts.get(name) for name in ("humidity", "current_humidity", "action")},
        }
        if self.features:
            shown |= {"available_modes": list(self._modes), "mode": facts.get("mode")}
        return self.shown_on, shown

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        match self._settle(service):
            case "turn_on":
                self._assume("on" in self._heard, on=True)
                return [self._commands.say(self.payload_on)]
            case "turn_off":
                self._assume("on" in self._heard, on=False)
                return [self._commands.say(self.payload_off)]
            case "set_humidity":
                value = round(within(data.get("humidity"), self._low, self._high, "humidity"))
                self._assume("humidity" in self._heard, humidity=value)
                return [self._targets.say(value)]
            case "set_mode" if self._modes_out is not None:
                mode = one_of(data.get("mode"), self._modes, "mode")
                self._assume("mode" in self._heard, mode=mode)
                return [self._modes_out.say(mode)]
        raise self._no(service)
