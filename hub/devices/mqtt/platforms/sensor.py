"""Sensors: a number, a time, or a word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from hub.devices.mqtt.component import NotUnderstood
from hub.devices.mqtt.platforms.base import NONE, Platform
from hub.devices.mqtt.platforms.options import Options, finite, one_of

WORDS = frozenset({"date", "enum", "timestamp", "uptime"})
"""Device classes that are no numbers."""
MAX_STATE = 255
"""Characters of a state, as Home Assistant has it."""


class Sensor(Platform):
    domain = "sensor"

    def _set_up(self, options: Options) -> None:
        options.needed("state_topic")
        self.optimistic = False
        self.expire_after = options.maybe("expire_after")
        self._unit = options.text("unit_of_measurement") or None
        self._state_class = options.text("state_class")
        self._choices = options.texts("options")
        self._precision = options.maybe("suggested_display_precision")
        self._numeric = bool(self._unit or self._state_class) or (
            self.device_class is not None and self.device_class not in WORDS
        )
        self._listen("state_topic", ("value_template",), self._read_state)
        if "last_reset_value_template" in options:
            self._listen("state_topic", ("last_reset_value_template",), self._read_last_reset)

    def _read_state(self, payload: str) -> Mapping[str, Any] | None:
        if payload == NONE:
            return {"state": None}
        if self._numeric:
            if not payload.strip():
                return None
            finite(payload, "the state")
        elif self.device_class in ("timestamp", "date"):
            if not payload.strip():
                return None
            payload = _moment(payload, self.device_class)
        if self._choices:
            one_of(payload, self._choices, "the state")
        if len(payload) > MAX_STATE:
            raise NotUnderstood(f"the state has {len(payload)} characters; {MAX_STATE} are allowed")
        return {"state": payload}

    def _read_last_reset(self, payload: str) -> Mapping[str, Any] | None:
        return {"last_reset": _moment(payload, "timestamp")} if payload.strip() else None

    def _shown(self) -> tuple[str, dict[str, Any]]:
        state = self.facts.get("state")
        return "unknown" if state is None else state, {
            "unit_of_measurement": self._unit,
            "state_class": self._state_class,
            "options": list(self._choices) or None,
            "suggested_display_precision": None
            if self._precision is None
            else int(self._precision),
            "last_reset": self.facts.get("last_reset"),
        }


def _moment(text: str, kind: str) -> str:
    """A time in UTC, or a day, as ISO 8601."""
    try:
        if kind == "date":
            return date.fromisoformat(text.strip()[:10]).isoformat()
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise NotUnderstood(f"not a {kind}: {text[:100]!r}") from None
