"""Fans: speed, presets, swinging, direction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import NONE, Channel
from hub.devices.mqtt.platforms.onoff import OnOff
from hub.devices.mqtt.platforms.options import Options, finite, one_of, within
from hub.devices.mqtt.platforms.scales import Scale, clamped

BITS = {"percentage": 1, "oscillation": 2, "direction": 4, "preset_mode": 8}
TURN_OFF, TURN_ON = 16, 32
DIRECTIONS = ("forward", "reverse")


class Fan(OnOff):
    domain = "fan"

    def _set_up(self, options: Options) -> None:
        self._set_up_payloads(options)
        self._commands = self._needed("command_topic", "command_template")
        slowest = options.number("speed_range_min", 1)
        fastest = options.number("speed_range_max", 100)
        if slowest < 1 or fastest <= slowest:
            raise NotUnderstood(f"'speed_range_min' {slowest:g}, 'speed_range_max' {fastest:g}")
        self._speeds = min(fastest - slowest + 1, 100)
        """Steps that a person can tell apart."""
        self._scale = Scale(slowest - 1, fastest)
        self._presets = options.texts("preset_modes")
        self._swings = {
            options.word("payload_oscillation_on", "oscillate_on"): True,
            options.word("payload_oscillation_off", "oscillate_off"): False,
        }
        self._no_speed = options.word("payload_reset_percentage", NONE)
        self._no_preset = options.word("payload_reset_preset_mode", NONE)
        found = {
            name: self._channel(f"{name}_command_topic", f"{name}_command_template")
            for name in BITS
        }
        self._channels: dict[str, Channel] = {k: c for k, c in found.items() if c is not None}
        if self._listen("state_topic", ("state_value_template", "value_template"), self._read_on):
            self._heard = {"on"}
        else:
            self._heard, self.optimistic = set(), True
        readers = {
            "percentage": self._read_speed,
            "preset_mode": self._read_preset,
            "oscillation": self._read_swing,
            "direction": self._read_direction,
        }
        for name, reader in readers.items():
            if self._listen(f"{name}_state_topic", (f"{name}_value_template",), reader):
                self._heard.add(name)
        self.features = TURN_ON | TURN_OFF | sum(BITS[name] for name in self._channels)

    # --- what it says ------------------------------------------------------------------------

    def _read_speed(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        if payload in (self._no_speed, NONE):
            return {"percentage": None}
        percent = self._scale.percent(finite(payload, "the speed"))
        if not 0 <= percent <= 100:
            raise NotUnderstood(f"the speed is {payload[:100]!r}, out of its range")
        return {"percentage": percent}

    def _read_preset(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        if payload in (self._no_preset, NONE):
            return {"preset_mode": None}
        return {"preset_mode": one_of(payload, self._presets, "the preset mode")}

    def _read_swing(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        return {"oscillation": self._swings[one_of(payload, self._swings, "the oscillation")]}

    def _read_direction(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        if payload == NONE:
            return {"direction": None}
        return {"direction": one_of(payload, DIRECTIONS, "the direction")}

    def _shown(self) -> tuple[str, dict[str, Any]]:
        shown: dict[str, Any] = {
            "percentage": self.facts.get("percentage"),
            "oscillating": self.facts.get("oscillation"),
            "direction": self.facts.get("direction"),
        }
        if "percentage" in self._channels:
            shown["percentage_step"] = 100 / self._speeds
        if self._presets:
            shown |= {
                "preset_mode": self.facts.get("preset_mode"),
                "preset_modes": list(self._presets),
            }
        return self.shown_on, shown

    # --- what it is told ---------------------------------------------------------------------

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        match self._settle(service):
            case "turn_on":
                return self._turn_on(data)
            case "turn_off":
                self._assume("on" in self._heard, on=False)
                return [self._commands.say(self.payload_off)]
            case "set_percentage":
                return [self._set_speed(data.get("percentage"))]
            case "increase_speed":
                return [self._step(1, data)]
            case "decrease_speed":
                return [self._step(-1, data)]
            case "set_preset_mode":
                return [self._set_preset(data.get("preset_mode"))]
            case "oscillate":
                return [self._set_swing(data.get("oscillating"))]
            case "set_direction":
                value = one_of(data.get("direction"), DIRECTIONS, "direction")
                self._assume("direction" in self._heard, direction=value)
                return [self._to("direction", value)]
        raise self._no(service)

    def _turn_on(self, data: Mapping[str, Any]) -> list[Publication]:
        messages = [self._commands.say(self.payload_on)]
        self._assume("on" in self._heard, on=True)
        if data.get("percentage"):
            messages.append(self._set_speed(data["percentage"]))
        if data.get("preset_mode") is not None:
            messages.append(self._set_preset(data["preset_mode"]))
        return messages

    def _to(self, name: str, value: Any) -> Publication:
        channel = self._channels.get(name)
        if channel is None:
            raise NotUnderstood(f"'{name}': this fan has none to set")
        return channel.say(value)

    def _set_speed(self, wanted: Any) -> Publication:
        percent = round(within(wanted, 0, 100, "percentage"))
        message = self._to("percentage", math.ceil(self._scale.value(percent) - 1e-9))
        self._assume("percentage" in self._heard, percentage=percent)
        # A fan that stands still is off, also where nobody says so.
        self._assume("on" in self._heard, on=percent > 0)
        return message

    def _step(self, direction: int, data: Mapping[str, Any]) -> Publication:
        now = self.facts.get("percentage") or 0
        if data.get("percentage_step") is not None:
            wanted = now + direction * within(data["percentage_step"], 0, 100, "percentage_step")
        else:
            step = math.ceil(now / 100 * self._speeds - 1e-9) + direction
            wanted = Scale(0, self._speeds).percent(clamped(step, 0, self._speeds))
        return self._set_speed(clamped(wanted, 0, 100))

    def _set_preset(self, wanted: Any) -> Publication:
        value = one_of(wanted, self._presets, "preset_mode")
        message = self._to("preset_mode", value)
        self._assume("preset_mode" in self._heard, preset_mode=value)
        return message

    def _set_swing(self, wanted: Any) -> Publication:
        if not isinstance(wanted, bool):
            raise NotUnderstood(f"'oscillating' must be true or false, not {str(wanted)[:100]!r}")
        payload = next(text for text, value in self._swings.items() if value is wanted)
        message = self._to("oscillation", payload)
        self._assume("oscillation" in self._heard, oscillation=wanted)
        return message
