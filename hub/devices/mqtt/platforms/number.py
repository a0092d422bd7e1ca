"""Numbers to be set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import NONE, Platform
from hub.devices.mqtt.platforms.options import Options, within


class Number(Platform):
    domain = "number"

    def _set_up(self, options: Options) -> None:
        self._commands = self._needed("command_topic", "command_template")
        self._low, self._high = options.number("min", 0), options.number("max", 100)
        self._step = options.number("step", 1)
        if self._low > self._high or self._step <= 0:
            raise NotUnderstood(f"'min' {self._low:g}, 'max' {self._high:g}, 'step' {self._step:g}")
        self._reset = options.word("payload_reset", NONE)
        self._mode = options.word("mode", "auto")
        self._unit = options.text("unit_of_measurement") or None
        if not self._listen("state_topic", ("value_template",), self._read_value):
            self.optimistic = True

    def _read_value(self, payload: str) -> Mapping[str, Any] | None:
        if not payload.strip():
            return None
        if payload == self._reset:
            return {"value": None}
        value = within(payload, self._low, self._high, "the value")
        return {"value": int(value) if payload.isdecimal() else value}

    def _shown(self) -> tuple[str, dict[str, Any]]:
        value = self.facts.get("value")
        return "unknown" if value is None else str(value), {
            "min": plain(self._low),
            "max": plain(self._high),
            "step": plain(self._step),
            "mode": self._mode,
            "unit_of_measurement": self._unit,
        }

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        if service != "set_value":
            raise self._no(service)
        value = plain(within(data.get("value"), self._low, self._high, "value"))
        self._assume(heard=True, value=value)
        return [self._commands.say(value)]


def plain(value: float) -> float:
    """A whole number without its point."""
    return int(value) if float(value).is_integer() else value
