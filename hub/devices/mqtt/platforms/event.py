"""Events: a doorbell, the buttons of a remote control. The state is when the last one was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.devices.mqtt.component import NotUnderstood
from hub.devices.mqtt.platforms.base import NONE, Platform, bounded
from hub.devices.mqtt.platforms.options import Options, one_of
from hub.devices.mqtt.platforms.press import now


class Event(Platform):
    domain = "event"

    def _set_up(self, options: Options) -> None:
        options.needed("state_topic")
        self.optimistic = False
        self._types = options.texts("event_types")
        if not self._types:
            raise NotUnderstood("'event_types' is missing")
        self._listen("state_topic", ("value_template",), self._read_event)

    def _read_event(self, payload: str) -> Mapping[str, Any] | None:
        if payload.strip() in ("", NONE, "{}", "null"):
            return None
        said = dict(bounded(payload))
        kind = one_of(said.pop("event_type", None), self._types, "'event_type'")
        return {"when": now(), "kind": kind, "said": said}

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.facts.get("when") or "unknown", {
            **self.facts.get("said", {}),
            "event_types": list(self._types),
            "event_type": self.facts.get("kind"),
        }
