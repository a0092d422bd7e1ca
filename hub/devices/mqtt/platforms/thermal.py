"""What thermostats and boilers share: target temperatures, a mode, and power."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import NONE, Channel, Platform, Reader
from hub.devices.mqtt.platforms.options import Options, finite, one_of, within


def number_reader(name: str) -> Reader:
    """Takes a number; `None` says that there is none."""

    def read(payload: str) -> Mapping[str, Any] | None:
        if not payload.strip():
            return None
        return {name: None if payload == NONE else finite(payload, name)}

    return read


def choice_reader(name: str, choices: Collection[str], none: str | None = None) -> Reader:
    """Takes one of several words; for `None`, `none`."""

    def read(payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        return {name: none if payload == NONE else one_of(payload, choices, name)}

    return read


class Thermal(Platform):
    """Facts: `mode`, `current_temperature`, and targets by Home Assistant's names."""

    def _set_up_thermal(
        self, options: Options, coldest: float, hottest: float, modes: Collection[str]
    ) -> None:
        """`coldest` and `hottest` in degrees Celsius, if nothing is said of it."""
        unit = options.text("temperature_unit")
        self._unit = None if unit is None else f"°{one_of(unit, ('C', 'F'), 'temperature_unit')}"
        self._precision = options.number("precision", 1.0 if unit == "F" else 0.1)
        if self._precision not in (0.1, 0.5, 1.0):
            raise NotUnderstood(f"'precision' must be 0.1, 0.5 or 1.0, not {self._precision:g}")
        if unit == "F":
            coldest, hottest = coldest * 1.8 + 32, hottest * 1.8 + 32
        self._coldest = options.number("min_temp", round(coldest, 1))
        self._hottest = options.number("max_temp", round(hottest, 1))
        if self._coldest >= self._hottest:
            raise NotUnderstood(f"temperatures from {self._coldest:g} to {self._hottest:g}")
        self._modes = options.texts("modes", modes)
        self._heard: set[str] = set()
        self._targets: dict[str, Channel | None] = {}
        self._modes_out = self._channel("mode_command_topic", "mode_command_template")
        self._power = self._channel("power_command_topic", "power_command_template")
        self._payloads = {
            True: options.word("payload_on", "ON"),
            False: options.word("payload_off", "OFF"),
        }
        templates = ("mode_state_template", "value_template")
        if self._listen("mode_state_topic", templates, choice_reader("mode", self._modes)):
            self._heard.add("mode")
        templates = ("current_temperature_template", "value_template")
        self._listen("current_temperature_topic", templates, number_reader("current_temperature"))

    def _set_up_target(self, prefix: str, name: str) -> int:
        """1 if there is this target. `prefix` of its topics, `name` of its attribute."""
        channel = self._channel(f"{prefix}_command_topic", f"{prefix}_command_template")
        templates = (f"{prefix}_state_template", "value_template")
        if self._listen(f"{prefix}_state_topic", templates, number_reader(name)):
            self._heard.add(name)
        if channel is None and name not in self._heard:
            return 0
        self._targets[name] = channel
        return 0 if channel is None else 1

    def _degrees(self, name: str) -> float | None:
        """A temperature as precisely as it is to be shown."""
        value = self.facts.get(name)
        if not isinstance(value, int | float) or math.isinf(value / self._precision):
            return None  # a device may send 1e308
        return round(round(value / self._precision) * self._precision, 1)

    def _set_mode(self, wanted: Any, key: str) -> Publication:
        mode = one_of(wanted, self._modes, key)
        if self._modes_out is None:
            raise NotUnderstood(f"'{key}': this device has no mode to set")
        self._assume("mode" in self._heard, mode=mode)
        return self._modes_out.say(mode)

    def _set_degrees(self, name: str, wanted: Any) -> Publication:
        return self._set_target(name, within(wanted, self._coldest, self._hottest, name))

    def _set_target(self, name: str, value: float) -> Publication:
        channel = self._targets.get(name)
        if channel is None:
            raise NotUnderstood(f"'{name}': this device has no such target to set")
        self._assume(name in self._heard, **{name: value})
        return channel.say(value)
