"""What is on or off, and is told so by a payload for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.devices.mqtt.component import NotUnderstood
from hub.devices.mqtt.platforms.base import NONE, Platform
from hub.devices.mqtt.platforms.options import Options


class OnOff(Platform):
    """Payloads and states of on and off. The fact is `on`."""

    def _set_up_payloads(self, options: Options) -> None:
        self.payload_on = options.word("payload_on", "ON")
        self.payload_off = options.word("payload_off", "OFF")
        self.state_on = options.word("state_on", self.payload_on)
        self.state_off = options.word("state_off", self.payload_off)

    def _read_on(self, payload: str) -> Mapping[str, Any] | None:
        if payload == self.state_on:
            return {"on": True}
        if payload == self.state_off:
            return {"on": False}
        if payload == NONE:
            return {"on": None}
        if not payload.strip():
            return None
        raise NotUnderstood(
            f"the state is {payload[:100]!r}, not {self.state_on!r} or {self.state_off!r}"
        )

    @property
    def shown_on(self) -> str:
        """`on`, `off`, or `unknown`."""
        on = self.facts.get("on")
        return "unknown" if on is None else "on" if on else "off"

    def _settle(self, service: str) -> str:
        """`turn_on` or `turn_off` for `toggle`; other services as they are."""
        if service != "toggle":
            return service
        return "turn_off" if self.facts.get("on") else "turn_on"
