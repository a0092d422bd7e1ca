"""Boilers for hot water."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.platforms.options import Options
from hub.devices.mqtt.platforms.thermal import Thermal

TEMPERATURE, MODE, ON_OFF = 1, 2, 8
MODES = ("eco", "electric", "gas", "heat_pump", "high_demand", "performance", "off")


class WaterHeater(Thermal):
    domain = "water_heater"

    def _set_up(self, options: Options) -> None:
        self._set_up_thermal(options, 43.3, 60, MODES)
        self.features = TEMPERATURE if self._set_up_target("temperature", "temperature") else 0
        self.features |= MODE if self._modes_out is not None else 0
        self.features |= ON_OFF if self._power is not None else 0

    def _shown(self) -> tuple[str, dict[str, Any]]:
        facts = self.facts
        return facts.get("mode") or "unknown", {
            "operation_list": list(self._modes),
            "operation_mode": facts.get("mode"),
            "min_temp": self._coldest,
            "max_temp": self._hottest,
            "temperature_unit": self._unit,
            "current_temperature": self._degrees("current_temperature"),
            "temperature": self._degrees("temperature"),
        }

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        match service:
            case "set_temperature":
                messages = []
                if (mode := data.get("operation_mode")) is not None:
                    messages.append(self._set_mode(mode, "operation_mode"))
                messages.append(self._set_degrees("temperature", data.get("temperature")))
                return messages
            case "set_operation_mode":
                return [self._set_mode(data.get("operation_mode"), "operation_mode")]
            case "turn_on" | "turn_off":
                return [self._switch(service)]
        raise self._no(service)

    def _switch(self, service: str) -> Publication:
        on = service == "turn_on"
        if self._power is not None:
            return self._power.say(self._payloads[on])
        mode = next((mode for mode in self._modes if (mode != "off") == on), None)
        if mode is None:
            raise self._no(service)
        return self._set_mode(mode, "operation_mode")
