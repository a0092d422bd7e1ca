"""Covers: blinds, curtains, doors of garages; moved, brought to a position, tilted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import NONE, Platform, Reader
from hub.devices.mqtt.platforms.options import Options, finite, within
from hub.devices.mqtt.platforms.scales import Scale, clamped
from hub.devices.mqtt.templates import NOT_JSON, read_json

OPEN, CLOSE, SET_POSITION, STOP = 1, 2, 4, 8
TILT = 16 | 32 | 64 | 128
"""Opening, closing, stopping and setting the tilt."""


class Cover(Platform):
    domain = "cover"

    def _set_up(self, options: Options) -> None:
        if "set_position_topic" in options:
            options.needed("position_topic")
        self._scale = Scale(
            options.number("position_closed", 0), options.number("position_open", 100)
        )
        self._tilt_scale = Scale(options.number("tilt_min", 0), options.number("tilt_max", 100))
        self._tilt_closed = options.number("tilt_closed_value", 0)
        self._tilt_open = options.number("tilt_opened_value", 100)
        self._commands = self._channel("command_topic")
        self._positions = self._channel("set_position_topic", "set_position_template")
        self._tilts = self._channel("tilt_command_topic", "tilt_command_template")
        self._payloads = {
            "open_cover": options.text("payload_open", "OPEN"),
            "close_cover": options.text("payload_close", "CLOSE"),
            "stop_cover": options.text("payload_stop", "STOP"),
        }
        self._stop_tilt = options.word("payload_stop_tilt", "STOP")
        states = ("open", "opening", "closed", "closing")
        self._states = {options.word(f"state_{state}", state): state for state in states}
        self._stopped = options.word("state_stopped", "stopped")
        self._hears_state = self._listen("state_topic", ("value_template",), self._read_state)
        self._hears_position = self._listen(
            "position_topic", ("position_template",), self._read_position
        )
        hears_tilt = self._listen(
            "tilt_status_topic", ("tilt_status_template",), self._tilt_reader()
        )
        self._tilt_optimistic = options.flag("tilt_optimistic") or not hears_tilt
        if not (self._hears_state or self._hears_position or hears_tilt):
            self.optimistic = True
        self.features = self._features()

    def _features(self) -> int:
        features = 0
        if self._commands is not None:
            bits = {"open_cover": OPEN, "close_cover": CLOSE, "stop_cover": STOP}
            features |= sum(bit for name, bit in bits.items() if self._payloads[name] is not None)
        if self._positions is not None:
            features |= SET_POSITION
        if self._tilts is not None:
            features |= TILT
        return features

    # --- what it says ------------------------------------------------------------------------

    def _read_state(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        if payload == NONE:
            return {"state": None}
        if payload in self._states:
            return {"state": self._states[payload]}
        if payload == self._stopped:
            closed = self.facts.get("state") in ("closed", "closing")
            if self._hears_position:
                closed = self.facts.get("position") == 0
            return {"state": "closed" if closed else "open"}
        known = ", ".join([*self._states, self._stopped])
        raise NotUnderstood(f"the state is {payload[:100]!r}; it knows {known}")

    def _read_position(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        content: Any = read_json(payload)
        if content is NOT_JSON or not isinstance(content, dict):
            content = {"position": payload}
        if "position" not in content:
            raise NotUnderstood("'position' is missing")
        position = self._scale.percent(finite(content["position"], "the position"))
        facts: dict[str, Any] = {"position": int(clamped(position, 0, 100))}
        if not self._hears_state:
            facts["state"] = "open" if facts["position"] else "closed"
        if "tilt_position" in content:
            facts |= self._read_tilt(str(content["tilt_position"]))
        return facts

    def _tilt_reader(self) -> Reader:
        return lambda payload: self._read_tilt(payload) if payload else None

    def _read_tilt(self, payload: str) -> dict[str, Any]:
        low, high = sorted((self._tilt_scale.bottom, self._tilt_scale.top))
        tilt = within(payload, low, high, "the tilt")
        return {"tilt": self._tilt_scale.percent(round(tilt))}

    def _shown(self) -> tuple[str, dict[str, Any]]:
        state = self.facts.get("state")
        return state or "unknown", {
            "is_closed": None if state is None else state == "closed",
            "current_position": self.facts.get("position"),
            "current_tilt_position": self.facts.get("tilt"),
        }

    # --- what it is told ---------------------------------------------------------------------

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        service = self._settle(service)
        if service in self._payloads:
            return [self._move(service)]
        if service == "set_cover_position":
            return [self._go_to(round(within(data.get("position"), 0, 100, "position")))]
        return [self._tilt(service, data)]

    def _settle(self, service: str) -> str:
        """The service for those that all domains have."""
        state = self.facts.get("state")
        if service in ("toggle", "toggle_cover"):
            if state in ("opening", "closing") and self.features & STOP:  # type: ignore[operator]
                return "stop_cover"
            return "open_cover" if state in ("closed", "closing") else "close_cover"
        return {"turn_on": "open_cover", "turn_off": "close_cover"}.get(service, service)

    def _move(self, service: str) -> Publication:
        payload = self._payloads[service]
        if self._commands is None or payload is None:
            if self._positions is not None and service != "stop_cover":
                return self._go_to(100 if service == "open_cover" else 0)
            raise self._no(service)
        if service != "stop_cover":
            opens = service == "open_cover"
            self._assume(heard=True, state="open" if opens else "closed")
            if self._hears_position:
                self._assume(heard=True, position=100 if opens else 0)
        return self._commands.say(payload)

    def _go_to(self, percent: int) -> Publication:
        if self._positions is None:
            raise self._no("set_cover_position")
        self._assume(heard=True, state="open" if percent else "closed", position=percent)
        value = round(self._scale.value(percent))
        return self._positions.say(value, position=percent, **self._ends())

    def _tilt(self, service: str, data: Mapping[str, Any]) -> Publication:
        if self._tilts is None:
            raise self._no(service)
        if service == "toggle_cover_tilt":
            opens = self.facts.get("tilt") == 0
            service = "open_cover_tilt" if opens else "close_cover_tilt"
        match service:
            case "stop_cover_tilt":
                return self._tilts.say(self._stop_tilt)
            case "open_cover_tilt":
                value = said = self._tilt_open
            case "close_cover_tilt":
                value = said = self._tilt_closed
            case "set_cover_tilt_position":
                said = round(within(data.get("tilt_position"), 0, 100, "tilt_position"))
                value = round(self._tilt_scale.value(said))
            case _:
                raise self._no(service)
        if self._tilt_optimistic:
            self.facts["tilt"] = int(clamped(self._tilt_scale.percent(value), 0, 100))
        return self._tilts.say(_plain(value), tilt_position=_plain(said), **self._ends())

    def _ends(self) -> dict[str, float]:
        """What templates can ask about the scales."""
        return {
            "position_open": _plain(self._scale.top),
            "position_closed": _plain(self._scale.bottom),
            "tilt_min": _plain(self._tilt_scale.bottom),
            "tilt_max": _plain(self._tilt_scale.top),
        }


def _plain(value: float) -> float:
    """A whole number without its point."""
    return int(value) if float(value).is_integer() else value
