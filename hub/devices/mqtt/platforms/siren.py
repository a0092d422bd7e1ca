"""Sirens and chimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.platforms.base import Channel, compact
from hub.devices.mqtt.platforms.onoff import OnOff
from hub.devices.mqtt.platforms.options import Options, one_of, within
from hub.devices.mqtt.templates import NOT_JSON, read_json

TURN_ON, TURN_OFF, TONES, VOLUME, DURATION = 1, 2, 4, 8, 16


class Siren(OnOff):
    domain = "siren"

    def _set_up(self, options: Options) -> None:
        self._set_up_payloads(options)
        self._tones = options.texts("available_tones")
        self._on = self._needed("command_topic", "command_template")
        off = "command_off_template" if "command_off_template" in options else "command_template"
        self._off = self._needed("command_topic", off)
        self.features = TURN_ON | TURN_OFF
        self.features |= TONES if self._tones else 0
        self.features |= DURATION if options.flag("support_duration", True) else 0
        self.features |= VOLUME if options.flag("support_volume_set", True) else 0
        templates = ("state_value_template", "value_template")
        if not self._listen("state_topic", templates, self._read_state):
            self.optimistic = True

    def _read_state(self, payload: str) -> Mapping[str, Any] | None:
        said: Any = read_json(payload)
        if said is NOT_JSON or not isinstance(said, dict):
            return self._read_on("None" if said is None else payload)
        facts = self._settings(said)
        if "state" in said:
            state = said["state"]
            facts |= self._read_on("None" if state is None else str(state)) or {}
        return facts or None

    def _settings(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Tone, duration and volume, as far as the siren has them."""
        features = self.features or 0
        found: dict[str, Any] = {}
        if features & TONES and data.get("tone") is not None:
            found["tone"] = one_of(str(data["tone"]), self._tones, "tone")
        if features & DURATION and data.get("duration") is not None:
            found["duration"] = int(within(data["duration"], 0, 86_400, "duration"))
        if features & VOLUME and data.get("volume_level") is not None:
            found["volume_level"] = within(data["volume_level"], 0, 1, "volume_level")
        return found

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.shown_on, {
            "available_tones": list(self._tones) or None,
            **{name: self.facts.get(name) for name in ("tone", "duration", "volume_level")},
        }

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        match self._settle(service):
            case "turn_on":
                settings = self._settings(data)
                self._assume(heard=True, on=True, **settings)
                return [_said(self._on, self.payload_on, settings)]
            case "turn_off":
                self._assume(heard=True, on=False)
                return [_said(self._off, self.payload_off, {})]
        raise self._no(service)


def _said(channel: Channel, payload: str, settings: Mapping[str, Any]) -> Publication:
    """In JSON, unless a template says how."""
    if channel.template is None:
        return channel.say(compact({"state": payload, **settings}))
    return channel.say(payload, state=payload, **settings)
