"""Switches and sockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.platforms.onoff import OnOff
from hub.devices.mqtt.platforms.options import Options


class Switch(OnOff):
    domain = "switch"

    def _set_up(self, options: Options) -> None:
        self._set_up_payloads(options)
        self._commands = self._needed("command_topic", "command_template")
        if not self._listen("state_topic", ("value_template",), self._read_on):
            self.optimistic = True

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.shown_on, {}

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        match self._settle(service):
            case "turn_on":
                self._assume(heard=True, on=True)
                return [self._commands.say(self.payload_on)]
            case "turn_off":
                self._assume(heard=True, on=False)
                return [self._commands.say(self.payload_off)]
        raise self._no(service)
