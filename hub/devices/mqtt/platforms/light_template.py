"""Lights of the template schema: one template makes a command, one reads each thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.platforms import colours
from hub.devices.mqtt.platforms.base import NONE, Reader, unless_empty
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
from hub.devices.mqtt.templates import template

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
        readers: Mapping[str, Reader] = {
            "state": self._read_state,
            "brightness": self._read_brightness,
            "color_temp": self._read_kelvin,
            "effect": self._read_effect,
        }
        heard = [
            name
            for name, reader in readers.items()
            if f"{name}_template" in options
            and self._listen("state_topic", (f"{name}_template",), unless_empty(reader))
        ]
        if self._has_colour:
            self._parts = [template(options.word(f"{part}_template", "")) for part in PARTS]
            self._listen("state_topic", (), self._read_colour)
        if "state" not in heard:
            self.optimistic = True

    # --- what it says ------------------------------------------------------------------------

    def _read_state(self, payload: str) -> Mapping[str, Any]:
        if payload == NONE:
            return {"on": None}
        return {"on": one_of(payload, ("on", "off"), "the state") == "on"}

    def _read_brightness(self, payload: str) -> Mapping[str, Any] | None:
        level = None if payload == NONE else level_in(payload, 255)
        return None if level is None else {"brightness": level}

    def _read_kelvin(self, payload: str) -> Mapping[str, Any] | None:
        if payload == NONE:
            return None
        return {
            "color_temp_kelvin": kelvin_in(payload, self.in_kelvin),
            "color_mode": "color_temp",
        }

    def _read_effect(self, payload: str) -> Mapping[str, Any] | None:
        return None if payload == NONE else {"effect": one_of(payload, self.effects, "the effect")}

    def _read_colour(self, payload: str) -> Mapping[str, Any] | None:
        said = [part.value(payload, self._variables()) for part in self._parts]
        if any(part in ("", NONE) for part in said):
            return None
        rgb = [within(text, 0, 255, part) for text, part in zip(said, PARTS, strict=True)]
        return {"hs": colours.from_rgb("hs", rgb), "color_mode": "hs"}

    # --- what it is told ---------------------------------------------------------------------

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
