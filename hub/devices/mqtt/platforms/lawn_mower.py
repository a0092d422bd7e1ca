"""Robot lawn mowers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.platforms.base import Channel, Platform
from hub.devices.mqtt.platforms.options import Options
from hub.devices.mqtt.platforms.thermal import choice_reader

STATES = ("mowing", "paused", "docked", "returning", "error")
BITS = {"start_mowing": 1, "pause": 2, "dock": 4}
AFTER = {"start_mowing": "mowing", "pause": "paused", "dock": "docked"}


class LawnMower(Platform):
    domain = "lawn_mower"

    def _set_up(self, options: Options) -> None:
        found = {
            name: self._channel(f"{name}_command_topic", f"{name}_command_template")
            for name in BITS
        }
        self._channels: dict[str, Channel] = {k: c for k, c in found.items() if c is not None}
        self.features = sum(BITS[name] for name in self._channels)
        reader = choice_reader("activity", STATES)
        if not self._listen("activity_state_topic", ("activity_value_template",), reader):
            self.optimistic = True

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.facts.get("activity") or "unknown", {}

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        channel = self._channels.get(service)
        if channel is None:
            raise self._no(service)
        self._assume(heard=True, activity=AFTER[service])
        return [channel.say(service)]
