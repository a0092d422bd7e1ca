"""Lights of the default schema: a topic for each thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms import colours
from hub.devices.mqtt.platforms.base import NONE, Channel, Reader, unless_empty
from hub.devices.mqtt.platforms.lamp import (
    ALL_MODES,
    EFFECT,
    Lamp,
    Wanted,
    colour_in,
    kelvin_in,
    level_in,
    level_out,
)
from hub.devices.mqtt.platforms.options import Options, one_of

SCALED = ("rgb", "rgbw", "rgbww")
"""Modes whose parts can carry the brightness."""
NAMES = ("red", "green", "blue")


class DefaultLight(Lamp):
    def _set_up(self, options: Options) -> None:
        self._commands = self._needed("command_topic")
        self._payload_on = options.word("payload_on", "ON")
        self._payload_off = options.word("payload_off", "OFF")
        self._scale = options.number("brightness_scale", 255)
        self._white_scale = options.number("white_scale", 255)
        if self._scale < 1 or self._white_scale < 1:
            raise NotUnderstood("'brightness_scale' and 'white_scale' must be at least 1")
        self._on_type = one_of(
            options.word("on_command_type", "last"),
            ("last", "first", "brightness"),
            "'on_command_type'",
        )
        kinds = ("brightness", "color_temp", "effect", "white", *colours.MODES)
        found = {
            kind: self._channel(f"{kind}_command_topic", f"{kind}_command_template")
            for kind in kinds
        }
        self._channels: dict[str, Channel] = {k: c for k, c in found.items() if c is not None}
        modes = set(self._channels) & (ALL_MODES - {"brightness"})
        if not modes and "brightness" in self._channels:
            modes = {"brightness"}
        self._set_up_lamp(options, modes)
        self.features = EFFECT if "effect" in self._channels else 0
        self._listen_to_all()

    def _listen_to_all(self) -> None:
        heard = (
            {"on"}
            if self._listen(
                "state_topic", ("state_value_template", "value_template"), self._read_on
            )
            else set()
        )
        if not heard:
            self.optimistic = True
        readers: dict[str, Reader] = {
            "brightness": self._read_brightness,
            "color_mode": self._read_mode,
            "color_temp": self._read_kelvin,
            "effect": lambda payload: {"effect": None if payload == NONE else payload},
            **{mode: self._colour_reader(mode) for mode in colours.MODES},
        }
        self._tells_mode = "color_mode_state_topic" in self.options
        for kind, reader in readers.items():
            if self._listen(
                f"{kind}_state_topic", (f"{kind}_value_template",), unless_empty(reader)
            ):
                heard.add(kind)
        self._heard = heard

    # --- what it says ------------------------------------------------------------------------

    def _read_on(self, payload: str) -> Mapping[str, Any] | None:
        known = {self._payload_on: True, self._payload_off: False, NONE: None}
        if not payload:
            return None
        if payload not in known:
            raise NotUnderstood(
                f"the state is {payload[:100]!r}, not {self._payload_on!r} or {self._payload_off!r}"
            )
        return {"on": known[payload]}

    def _read_brightness(self, payload: str) -> Mapping[str, Any] | None:
        level = level_in(payload, self._scale)
        return None if level is None else {"brightness": level}

    def _read_mode(self, payload: str) -> Mapping[str, Any]:
        return {"color_mode": one_of(payload, ALL_MODES, "the colour mode")}

    def _read_kelvin(self, payload: str) -> Mapping[str, Any]:
        kelvin = kelvin_in(payload, self.in_kelvin)
        return {"color_temp_kelvin": kelvin} | self._implied("color_temp")

    def _implied(self, mode: str) -> dict[str, str]:
        """A light that does not tell its colour mode has that of what it tells."""
        return {} if self._tells_mode else {"color_mode": mode}

    def _colour_reader(self, mode: str) -> Reader:
        def read(payload: str) -> Mapping[str, Any]:
            colour = colour_in(mode, payload.split(","))
            facts: dict[str, Any] = {}
            if mode in SCALED and "brightness_state_topic" not in self.options:
                most = max(colour)
                if most == 0:
                    return {} if self._tells_mode else self._implied(mode)
                facts["brightness"] = int(most)
                colour = tuple(round(part * 255 / most) for part in colour)
            return facts | {mode: colour} | self._implied(mode)

        return read

    # --- what it is told ---------------------------------------------------------------------

    def _turn_off(self, wanted: Wanted) -> Sequence[Publication]:
        self._assume("on" in self._heard, on=False)
        return [self._commands.say(self._payload_off)]

    def _turn_on(self, wanted: Wanted) -> Sequence[Publication]:
        messages: list[Publication] = []
        if self._on_type == "first":
            messages.append(self._commands.say(self._payload_on))
        elif self._on_type == "brightness" and wanted.brightness is None and wanted.white is None:
            wanted.brightness = self.facts.get("brightness") or 255
        messages += self._colour(wanted)
        messages += self._brightness_alone(wanted)
        if wanted.kelvin is not None:
            value = wanted.kelvin if self.in_kelvin else colours.mired(wanted.kelvin)
            messages.append(self._channels["color_temp"].say(value))
            self._assume("color_temp" in self._heard, color_temp_kelvin=wanted.kelvin)
            self._assume_mode("color_temp")
        if wanted.effect is not None and "effect" in self._channels:
            messages.append(self._channels["effect"].say(wanted.effect))
            self._assume("effect" in self._heard, effect=wanted.effect)
        if wanted.white is not None:
            value = level_out(wanted.white, self._white_scale)
            messages.append(self._channels["white"].say(value))
            self._assume("brightness" in self._heard, brightness=wanted.white)
            self._assume_mode("white")
        if self._on_type == "last" or not messages:
            messages.append(self._commands.say(self._payload_on))
        self._assume("on" in self._heard, on=True)
        return messages

    def _assume_mode(self, mode: str) -> None:
        heard = self._tells_mode or mode in self._heard
        self._assume(heard, color_mode=mode)

    def _colour(self, wanted: Wanted) -> list[Publication]:
        if wanted.mode is None:
            return []
        mode, colour = wanted.mode, wanted.colour
        self._assume(mode in self._heard, **{mode: colour})
        self._assume_mode(mode)
        if mode in SCALED:
            level = wanted.brightness or self.facts.get("brightness") or 255
            if "brightness" in self._channels:
                level = 255
            elif wanted.brightness is not None:
                self._assume(mode in self._heard, brightness=wanted.brightness)
            colour = tuple(int(part * level / 255) for part in colour)
        return [self._say_colour(mode, colour)]

    def _say_colour(self, mode: str, colour: Sequence[float]) -> Publication:
        names: Sequence[str] = {
            "hs": ("hue", "sat"),
            "xy": ("x", "y"),
            "rgb": NAMES,
            "rgbw": (*NAMES, "white"),
            "rgbww": (*NAMES, "cold_white", "warm_white"),
        }[mode]
        text = ",".join(str(part) for part in colour)
        return self._channels[mode].say(text, **dict(zip(names, colour, strict=True)))

    def _brightness_alone(self, wanted: Wanted) -> list[Publication]:
        """The brightness by its own topic, or by the parts of the colour."""
        level = wanted.brightness
        if level is None:
            return []
        if "brightness" in self._channels:
            self._assume("brightness" in self._heard, brightness=level)
            return [self._channels["brightness"].say(level_out(level, self._scale))]
        mode = next((each for each in SCALED if each in self._channels), None)
        if mode is None or wanted.mode is not None:
            return []
        colour = self.facts.get(mode) or (255,) * len(colours.PARTS[mode])
        self._assume(mode in self._heard, brightness=level)
        return [self._say_colour(mode, tuple(int(part * level / 255) for part in colour))]
