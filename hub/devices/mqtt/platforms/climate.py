"""Thermostats, heat pumps and air conditioners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import Channel
from hub.devices.mqtt.platforms.options import Options, one_of, within
from hub.devices.mqtt.platforms.thermal import Thermal, choice_reader, number_reader

RANGE, HUMIDITY, FAN, PRESET, SWING = 2, 4, 8, 16, 32
TURN_OFF, TURN_ON, SWING_HORIZONTAL = 128, 256, 512

MODES = ("auto", "off", "cool", "heat", "dry", "fan_only")
ACTIONS = ("off", "heating", "cooling", "drying", "idle", "fan", "preheating", "defrosting")
TARGETS = {"temperature": "temperature", "low": "target_temp_low", "high": "target_temp_high"}
"""What topics call a target -> what Home Assistant calls it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A thing that is one of several, such as the fan's speed."""

    bit: int
    usual: tuple[str, ...]


CHOICES: Mapping[str, Choice] = {
    "fan_mode": Choice(FAN, ("auto", "low", "medium", "high")),
    "swing_mode": Choice(SWING, ("on", "off")),
    "swing_horizontal_mode": Choice(SWING_HORIZONTAL, ("on", "off")),
    "preset_mode": Choice(PRESET, ()),
}


class Climate(Thermal):
    domain = "climate"

    def _set_up(self, options: Options) -> None:
        self._set_up_thermal(options, 7, 35, MODES)
        self._step = options.number("temp_step", 1)
        self._action_tells = self._listen(
            "action_topic",
            ("action_template", "value_template"),
            choice_reader("hvac_action", ACTIONS),
        )
        self._lists: dict[str, tuple[str, ...]] = {}
        self._choices: dict[str, Channel] = {}
        features = self._set_up_targets() | self._set_up_humidity(options)
        for name, choice in CHOICES.items():
            features |= self._set_up_choice(options, name, choice)
        if self._power is not None or (self._modes_out is not None and "off" in self._modes):
            features |= TURN_ON | TURN_OFF
        self.features = features

    def _set_up_targets(self) -> int:
        features = self._set_up_target("temperature", "temperature")
        for name in ("low", "high"):
            found = self._set_up_target(f"temperature_{name}", TARGETS[name])
            features |= RANGE if found else 0
        return features

    def _set_up_humidity(self, options: Options) -> int:
        self._driest = options.number("min_humidity", 30)
        self._wettest = options.number("max_humidity", 99)
        templates = ("current_humidity_template", "value_template")
        self._listen("current_humidity_topic", templates, number_reader("current_humidity"))
        return HUMIDITY if self._set_up_target("target_humidity", "humidity") else 0

    def _set_up_choice(self, options: Options, name: str, choice: Choice) -> int:
        channel = self._channel(f"{name}_command_topic", f"{name}_command_template")
        choices = options.texts(f"{name}s", choice.usual)
        if name == "preset_mode":
            if "none" in choices:
                raise NotUnderstood("'preset_modes' must not have 'none'")
            choices = ("none", *choices)
        templates = (f"{name}_state_template", f"{name}_value_template", "value_template")
        reader = choice_reader(name, choices, "none" if name == "preset_mode" else None)
        if self._listen(f"{name}_state_topic", templates, reader):
            self._heard.add(name)
        if channel is not None:
            self._choices[name] = channel
        if channel is None and name not in self._heard:
            return 0
        self._lists[name] = choices
        if name == "preset_mode":
            self.facts[name] = "none"
        return choice.bit

    # --- what it shows -----------------------------------------------------------------------

    def _shown(self) -> tuple[str, dict[str, Any]]:
        facts = self.facts
        shown: dict[str, Any] = {
            "hvac_modes": list(self._modes),
            "min_temp": self._coldest,
            "max_temp": self._hottest,
            "target_temp_step": self._step,
            "temperature_unit": self._unit,
            "current_temperature": self._degrees("current_temperature"),
            "current_humidity": facts.get("current_humidity"),
            "hvac_action": facts.get("hvac_action"),
        }
        shown |= {name: self._degrees(name) for name in self._targets if name != "humidity"}
        if "humidity" in self._targets:
            shown |= {"min_humidity": self._driest, "max_humidity": self._wettest}
            shown["humidity"] = facts.get("humidity")
        for name, choices in self._lists.items():
            shown |= {f"{name}s": list(choices), name: facts.get(name)}
        return facts.get("mode") or "unknown", shown

    # --- what it is told ---------------------------------------------------------------------

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        if service == "toggle":
            service = "turn_on" if self.facts.get("mode") in ("off", None) else "turn_off"
        match service:
            case "set_temperature":
                return self._set_temperature(data)
            case "set_hvac_mode":
                return [self._set_mode(data.get("hvac_mode"), "hvac_mode")]
            case "set_humidity":
                value = within(data.get("humidity"), self._driest, self._wettest, "humidity")
                return [self._set_target("humidity", round(value))]
            case "turn_on" | "turn_off":
                return [self._switch(service == "turn_on")]
        name = service.removeprefix("set_")
        if service.startswith("set_") and name in self._choices:
            choice = one_of(data.get(name), self._lists[name], name)
            self._assume(name in self._heard, **{name: choice})
            return [self._choices[name].say(choice)]
        raise self._no(service)

    def _set_temperature(self, data: Mapping[str, Any]) -> list[Publication]:
        messages = []
        if data.get("hvac_mode") is not None:
            messages.append(self._set_mode(data["hvac_mode"], "hvac_mode"))
        for key in TARGETS.values():
            if data.get(key) is not None:
                messages.append(self._set_degrees(key, data[key]))
        if not messages:
            raise NotUnderstood("'temperature' is missing")
        return messages

    def _switch(self, on: bool) -> Publication:
        """By its power topic, or by a mode that is on."""
        if self._power is not None:
            return self._power.say(self._payloads[on])
        usual = ("heat_cool", "heat", "cool", *self._modes) if on else ("off",)
        wanted = (mode for mode in usual if mode in self._modes and (mode != "off" or not on))
        mode = next(wanted, None)
        if mode is None:
            raise self._no("turn_on" if on else "turn_off")
        return self._set_mode(mode, "hvac_mode")
