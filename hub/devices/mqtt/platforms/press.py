"""Buttons and scenes: a message each, and nothing that tells what came of it. Their state is when
they were used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.platforms.base import Platform
from hub.devices.mqtt.platforms.options import Options


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Button(Platform):
    domain = "button"
    service = "press"
    payload_key, payload = "payload_press", "PRESS"

    def _set_up(self, options: Options) -> None:
        self._commands = self._needed("command_topic", "command_template")
        self._payload = options.word(self.payload_key, self.payload)

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.facts.get("used") or "unknown", {}

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        if service != self.service:
            raise self._no(service)
        self.facts["used"] = now()
        return [self._commands.say(self._payload)]


class Scene(Button):
    domain = "scene"
    service = "turn_on"
    payload_key, payload = "payload_on", "ON"
