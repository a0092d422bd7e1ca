"""Lights of the template schema: one template makes a command, one reads each thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.platforms import colours
from hub.devices.mqtt.platforms.base import NONE
from hub.devices.mqtt.platforms.lamp import (
    EFFECT,
    FLASH,
    TRANSITION,
    Lamp,
    Wanted,
    kelvin_in,
    level_in,
)
from hub.devices.mqtt.platforms.options import Options, one_of, within

PARTS = ("red", "green", "blue")


class TemplateLight(Lamp):
    def _set_up(self, options: Options) -> None:
        options.needed("command_on_template")
        options.needed("command_off_template")
        self._on = self._needed("command_topic", "command_on_template")
        self._off = self._needed("command_topic", "command_off_template")
        self._has_colour = all(f"{part}_template" in options for part in PARTS)
        self._has_brightness = "brightness_template" in options
        modes = {"hs"} if self._has_colour else set()
        modes |= {"color_temp"} if "color_temp_template" in options else set()
        if not modes and self._has_brightness:
            modes = {"brightness"}
        self._set_up_lamp(options, modes)
        self.features = FLASH | TRANSITION
        if self.effects and "effect_template" in options:
            self.features |= EFFECT
        names = ("state", "brightness", "color_temp", "effect", *PARTS)
        self._templates = {
            name: found for name in names if (found := options.template(f"{name}_template"))
        }
        if not self._listen("state_topic", (), self._read_all) or "state" not in self._templates:
            self.optimistic = True

    def _read_all(self, payload: str) -> Mapping[str, Any] | None:
        said = {
            name: template.value(payload, self._variables())
            for name, template in self._templates.items()
        }
        said = {name: text for name, text in said.items() if text and text != NONE}
        facts: dict[str, Any] = {}
        if "state" in self._templates:
            state = said.get("state")
            if state is not None:
                one_of(state, ("on", "off"), "the state")
            facts["on"] = None if state is None else state == "on"
        if "brightness" in said:
            level = level_in(said["brightness"], 255)
            facts |= {} if level is None else {"brightness": level}
        if "color_temp" in said:
            facts["color_temp_kelvin"] = kelvin_in(said["color_temp"], self.in_kelvin)
            facts["color_mode"] = "color_temp"
        if self._has_colour and all(part in said for part in PARTS):
            rgb = [within(said[part], 0, 255, part) for part in PARTS]
            facts |= {"hs": colours.from_rgb("hs", rgb), "color_mode": "hs"}
        if "effect" in said:
            facts["effect"] = one_of(said["effect"], self.effects, "the effect")
        return facts or None

    def _turn_off(self, wanted: Wanted) -> Sequence[Publication]:
        self._assume(heard=True, on=False)
        return [self._off.say("off", state="off", **_extras(wanted))]

    def _turn_on(self, wanted: Wanted) -> Sequence[Publication]:
        values: dict[str, Any] = {"state": "on"}
        if wanted.brightness is not None:
            values["brightness"] = wanted.brightness
            self._assume(True, brightness=wanted.brightness)
        if wanted.kelvin is not None:
            values["color_temp"] = wanted.kelvin if self.in_kelvin else colours.mired(wanted.kelvin)
            self._assume(True, color_temp_kelvin=wanted.kelvin, color_mode="color_temp")
        if wanted.mode is not None:
            hue, saturation = wanted.colour
            level = 255
            if not self._has_brightness:
                level = wanted.brightness or self.facts.get("brightness") or 255
            rgb = colours.to_rgb("hs", wanted.colour)
            values |= {
                name: round(part * level / 255) for name, part in zip(PARTS, rgb, strict=True)
            }
            values |= {"hue": hue, "sat": saturation}
            self._assume(True, hs=wanted.colour, color_mode="hs")
        if wanted.effect is not None:
            values["effect"] = wanted.effect
            self._assume(True, effect=wanted.effect)
        self._assume(True, on=True)
        return [self._on.say("on", **values, **_extras(wanted))]


def _extras(wanted: Wanted) -> dict[str, Any]:
    given = {"flash": wanted.flash, "transition": wanted.transition}
    return {key: value for key, value in given.items() if value is not None}
