"""Sensors that know two states: motion, doors, leaks."""

from __future__ import annotations

from typing import Any

from hub.devices.mqtt.platforms.onoff import OnOff
from hub.devices.mqtt.platforms.options import Options


class BinarySensor(OnOff):
    domain = "binary_sensor"

    def _set_up(self, options: Options) -> None:
        options.needed("state_topic")
        self._set_up_payloads(options)
        self.state_on, self.state_off = self.payload_on, self.payload_off
        self.optimistic = False
        self.expire_after = options.maybe("expire_after")
        self.off_delay = options.maybe("off_delay")
        self._listen("state_topic", ("value_template",), self._read_on)

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.shown_on, {}
