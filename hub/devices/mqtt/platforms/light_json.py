"""Lights of the JSON schema: everything in one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms import colours
from hub.devices.mqtt.platforms.base import compact, json_object
from hub.devices.mqtt.platforms.lamp import (
    ALL_MODES,
    COLOURS,
    DIMMABLE,
    EFFECT,
    FLASH,
    TRANSITION,
    Lamp,
    Wanted,
    colour_in,
    kelvin_in,
    level_in,
    level_out,
)
from hub.devices.mqtt.platforms.options import Options, one_of

KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "hs": (("h", "hue"), ("s", "saturation")),
    "rgb": (("r",), ("g",), ("b",)),
    "rgbw": (("r",), ("g",), ("b",), ("w",)),
    "rgbww": (("r",), ("g",), ("b",), ("c",), ("w",)),
    "xy": (("x",), ("y",)),
}
"""Mode -> names of its parts. The first is Home Assistant's; Zigbee2MQTT has others, too."""

SCALED = ("rgb", "rgbw", "rgbww")
"""Modes whose parts can carry the brightness."""


class JsonLight(Lamp):
    def _set_up(self, options: Options) -> None:
        self._commands = self._needed("command_topic")
        modes = set(options.texts("supported_color_modes"))
        if modes - ALL_MODES:
            raise NotUnderstood(f"'supported_color_modes' has {sorted(modes - ALL_MODES)}")
        # Firmware of before colour modes has a flag for each.
        modes |= {mode for mode in ("hs", "rgb", "xy", "color_temp") if options.flag(mode)}
        if len(modes) > 1:
            modes -= {"onoff", "brightness"}
        if not modes and options.flag("brightness"):
            modes = {"brightness"}
        self._has_brightness = options.flag("brightness")
        self._scale = options.number("brightness_scale", 255)
        self._white_scale = options.number("white_scale", 255)
        if self._scale < 1 or self._white_scale < 1:
            raise NotUnderstood("'brightness_scale' and 'white_scale' must be at least 1")
        self._flash_seconds = {
            "short": options.whole("flash_time_short", 2),
            "long": options.whole("flash_time_long", 10),
        }
        self._set_up_lamp(options, modes)
        if options.flag("effect"):
            self.features = EFFECT
        else:
            self.features, self.effects = 0, ()
        self.features |= FLASH if options.flag("flash", True) else 0
        self.features |= TRANSITION if options.flag("transition", True) else 0
        templates = ("state_value_template", "value_template")
        if not self._listen("state_topic", templates, self._read_state):
            self.optimistic = True

    # --- what it says ------------------------------------------------------------------------

    def _read_state(self, payload: str) -> Mapping[str, Any] | None:
        if not payload:
            return None
        said = json_object(payload)
        facts: dict[str, Any] = {}
        if "state" in said:
            state = said["state"]
            if state is not None and state not in ("ON", "OFF"):
                raise NotUnderstood(f"'state' is {str(state)[:100]!r}, not 'ON' or 'OFF'")
            facts["on"] = {"ON": True, "OFF": False}.get(state) if state else None
        if said.get("brightness") is not None and self.modes & DIMMABLE:
            level = level_in(said["brightness"], self._scale)
            facts |= {} if level is None else {"brightness": level}
        facts |= self._read_colour(said)
        if self.features and self.features & EFFECT and said.get("effect") is not None:
            facts["effect"] = str(said["effect"])
        return facts or None

    def _read_colour(self, said: Mapping[str, Any]) -> dict[str, Any]:
        colour = said.get("color")
        mode = said.get("color_mode")
        if mode is None:
            mode = self._implied(said, colour)
        else:
            one_of(mode, ALL_MODES, "'color_mode'")
        if mode not in self.modes:
            return {}
        facts: dict[str, Any] = {"color_mode": mode}
        if mode == "color_temp" and said.get("color_temp") is not None:
            facts["color_temp_kelvin"] = kelvin_in(said["color_temp"], self.in_kelvin)
        elif mode in COLOURS and colour is not None:
            facts[mode] = colour_in(mode, _parts(mode, colour))
        return facts

    def _implied(self, said: Mapping[str, Any], colour: Any) -> str | None:
        """The mode of a light that does not tell it."""
        if isinstance(colour, dict):
            for mode in ("rgbww", "rgbw", "rgb", "hs", "xy"):
                if mode in self.modes and all(set(names) & set(colour) for names in KEYS[mode]):
                    return mode
        return "color_temp" if said.get("color_temp") is not None else None

    # --- what it is told ---------------------------------------------------------------------

    def _turn_off(self, wanted: Wanted) -> Sequence[Publication]:
        self._assume(heard=True, on=False)
        return [self._commands.say(compact({"state": "OFF"} | self._extra_keys(wanted)))]

    def _turn_on(self, wanted: Wanted) -> Sequence[Publication]:
        message: dict[str, Any] = {"state": "ON"}
        if wanted.mode is not None:
            message["color"] = self._colour(wanted)
            self._assume(True, **{"color_mode": wanted.mode, wanted.mode: wanted.colour})
        message |= self._extra_keys(wanted)
        if wanted.brightness is not None and not self._carried(wanted):
            message["brightness"] = level_out(wanted.brightness, self._scale)
        if wanted.brightness is not None:
            self._assume(True, brightness=wanted.brightness)
        if wanted.kelvin is not None:
            kelvin = wanted.kelvin
            message["color_temp"] = kelvin if self.in_kelvin else colours.mired(kelvin)
            self._assume(True, color_mode="color_temp", color_temp_kelvin=kelvin)
        if wanted.effect is not None:
            message["effect"] = wanted.effect
            self._assume(True, effect=wanted.effect)
        if wanted.white is not None:
            message["white"] = level_out(wanted.white, self._white_scale)
            self._assume(True, color_mode="white", brightness=wanted.white)
        self._assume(True, on=True)
        return [self._commands.say(compact(message))]

    def _extra_keys(self, wanted: Wanted) -> dict[str, Any]:
        features = self.features or 0
        if wanted.flash is not None and features & FLASH:
            return {"flash": self._flash_seconds[wanted.flash]}
        if wanted.transition is not None and features & TRANSITION:
            return {"transition": wanted.transition}
        return {}

    def _carried(self, wanted: Wanted) -> bool:
        """Whether the parts of the colour carry the brightness."""
        return wanted.mode in SCALED and not self._has_brightness

    def _colour(self, wanted: Wanted) -> dict[str, float]:
        mode, parts = str(wanted.mode), wanted.colour
        if mode in SCALED:
            level = (wanted.brightness or 255) if self._carried(wanted) else 255
            parts = tuple(round(part * level / 255) for part in parts)
        return {names[0]: part for names, part in zip(KEYS[mode], parts, strict=True)}


def _parts(mode: str, colour: Any) -> list[Any]:
    if not isinstance(colour, dict):
        raise NotUnderstood(f"'color' must be an object, not {str(colour)[:100]!r}")
    found = [next((colour[n] for n in names if n in colour), None) for names in KEYS[mode]]
    if None in found:
        raise NotUnderstood(f"'color' lacks a part of mode {mode}")
    return found
