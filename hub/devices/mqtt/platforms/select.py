"""Choices from a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.platforms.base import Platform
from hub.devices.mqtt.platforms.options import Options, one_of
from hub.devices.mqtt.platforms.thermal import choice_reader


class Select(Platform):
    domain = "select"

    def _set_up(self, options: Options) -> None:
        options.needed("options")
        self._commands = self._needed("command_topic", "command_template")
        self._choices = options.texts("options")
        reader = choice_reader("option", self._choices)
        if not self._listen("state_topic", ("value_template",), reader):
            self.optimistic = True

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.facts.get("option") or "unknown", {"options": list(self._choices)}

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        if service != "select_option":
            raise self._no(service)
        option = one_of(data.get("option"), self._choices, "option")
        self._assume(heard=True, option=option)
        return [self._commands.say(option)]
