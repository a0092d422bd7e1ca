"""What lights of all three schemas share: what is asked of a light, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms import colours
from hub.devices.mqtt.platforms.base import Platform
from hub.devices.mqtt.platforms.options import Options, finite, one_of, within

EFFECT, FLASH, TRANSITION = 4, 8, 32
COLOURS = frozenset(colours.MODES)
ALL_MODES = COLOURS | {"onoff", "brightness", "color_temp", "white"}
DIMMABLE = ALL_MODES - {"onoff"}

ORDER = {
    "hs": ("hs", "rgb", "rgbw", "rgbww", "xy"),
    "rgb": ("rgb", "rgbw", "rgbww", "hs", "xy"),
    "rgbw": ("rgbw", "rgb", "rgbww", "hs", "xy"),
    "rgbww": ("rgbww", "rgb", "rgbw", "hs", "xy"),
    "xy": ("xy", "hs", "rgb", "rgbw", "rgbww"),
}
"""Form of a colour that is asked for -> the modes in which a lamp may get it, best first."""

KNOWN = frozenset(
    "brightness brightness_pct brightness_step brightness_step_pct color_temp color_temp_kelvin"
    " effect flash kelvin transition white".split()
) | {f"{mode}_color" for mode in colours.MODES}

MIN_KELVIN, MAX_KELVIN = 2000, 6535


@dataclass(slots=True)
class Wanted:
    """What a light is asked to show."""

    brightness: int | None = None
    """1-255"""
    mode: str | None = None
    """Of the colour."""
    colour: tuple[float, ...] = ()
    kelvin: int | None = None
    white: int | None = None
    """0-255"""
    effect: str | None = None
    flash: str | None = None
    transition: float | None = None
    """Seconds"""


class Lamp(Platform):
    """Facts: `on`, `brightness`, `color_mode`, `color_temp_kelvin`, `effect`, and the colour in
    each mode it was told in, by the mode's name."""

    domain = "light"

    def _set_up_lamp(self, options: Options, modes: set[str]) -> None:
        """`modes`: Home Assistant's colour modes."""
        self.modes = frozenset(modes or {"onoff"})
        self.effects = options.texts("effect_list")
        self.in_kelvin = options.flag("color_temp_kelvin")
        low, high = options.maybe("min_kelvin"), options.maybe("max_kelvin")
        warmest, coldest = options.maybe("max_mireds"), options.maybe("min_mireds")
        self.low = int(low or (colours.kelvin_of(warmest) if warmest else MIN_KELVIN))
        self.high = int(high or (colours.kelvin_of(coldest) if coldest else MAX_KELVIN))
        if not 0 < self.low < self.high:
            raise NotUnderstood(f"colour temperatures from {self.low} to {self.high} K")

    # --- what it shows -----------------------------------------------------------------------

    def _shown(self) -> tuple[str, dict[str, Any]]:
        facts = self.facts
        on = facts.get("on")
        state = "unknown" if on is None else "on" if on else "off"
        shown: dict[str, Any] = {"supported_color_modes": sorted(self.modes)}
        if self.features and self.features & EFFECT:
            shown["effect_list"] = list(self.effects)
        if "color_temp" in self.modes:
            shown |= {"min_color_temp_kelvin": self.low, "max_color_temp_kelvin": self.high}
        if state != "on":
            return state, shown
        mode = self._mode()
        shown |= {"color_mode": mode or "unknown", "effect": facts.get("effect")}
        if mode != "onoff" and self.modes & DIMMABLE:
            shown["brightness"] = facts.get("brightness")
        if mode in COLOURS and facts.get(mode):
            shown |= self._every_form(mode, facts[mode])
        elif mode == "color_temp" and (kelvin := facts.get("color_temp_kelvin")):
            shown["color_temp_kelvin"] = kelvin
            hue = colours.from_rgb("hs", colours.kelvin_to_rgb(kelvin))
            shown |= self._every_form("hs", hue)
        return state, shown

    def _mode(self) -> str | None:
        if len(self.modes) == 1:
            return next(iter(self.modes))
        mode = self.facts.get("color_mode")
        return mode if isinstance(mode, str) else None

    def _every_form(self, mode: str, colour: Sequence[float]) -> Mapping[str, Any]:
        return colours.every_form(mode, tuple(colour), self.low, self.high)

    # --- what it is asked --------------------------------------------------------------------

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        if service == "toggle":
            service = "turn_off" if self.facts.get("on") else "turn_on"
        if unknown := set(data) - KNOWN:
            raise NotUnderstood(f"a light does not know {', '.join(sorted(unknown))}")
        if service == "turn_off":
            return self._turn_off(self._extras(data))
        if service != "turn_on":
            raise self._no(service)
        wanted = self._wanted(data)
        if wanted.brightness == 0 or wanted.white == 0:
            return self._turn_off(self._extras(data))
        return self._turn_on(wanted)

    def _turn_on(self, wanted: Wanted) -> Sequence[Publication]:
        raise NotImplementedError

    def _turn_off(self, wanted: Wanted) -> Sequence[Publication]:
        raise NotImplementedError

    def _extras(self, data: Mapping[str, Any]) -> Wanted:
        wanted = Wanted()
        if data.get("transition") is not None:
            wanted.transition = within(data["transition"], 0, 6553, "transition")
        if data.get("flash") is not None:
            wanted.flash = one_of(data["flash"], ("short", "long"), "flash")
        return wanted

    def _wanted(self, data: Mapping[str, Any]) -> Wanted:
        wanted = self._extras(data)
        wanted.brightness = self._brightness(data)
        if wanted.brightness and not self.modes & DIMMABLE:
            raise NotUnderstood("this light cannot be dimmed")
        if data.get("effect") is not None:
            wanted.effect = one_of(data["effect"], self.effects, "effect")
        if data.get("white") is not None:
            if "white" not in self.modes:
                raise NotUnderstood("'white': this light has no white of its own")
            level = self._level(wanted) if data["white"] is True else data["white"]
            wanted.white = round(within(level, 0, 255, "white"))
        for mode in colours.MODES:
            if data.get(f"{mode}_color") is not None:
                self._want_colour(wanted, mode, _parts(data[f"{mode}_color"], mode))
        kelvin = _kelvin(data)
        if kelvin is not None and not wanted.mode:
            self._want_kelvin(wanted, kelvin)
        return wanted

    def _want_colour(self, wanted: Wanted, mode: str, colour: tuple[float, ...]) -> None:
        best = next((each for each in ORDER[mode] if each in self.modes), None)
        if best is None:
            raise NotUnderstood(f"'{mode}_color': this light cannot show colours")
        if best != mode:
            rgb = colours.to_rgb(mode, colour, self.low, self.high)
            colour = colours.from_rgb(best, rgb, self.low, self.high)
        wanted.mode, wanted.colour = best, colour

    def _want_kelvin(self, wanted: Wanted, kelvin: float) -> None:
        """Lamps bring a colour temperature into their range. One that has none shows a colour that
        looks like it."""
        if "color_temp" in self.modes:
            wanted.kelvin = round(min(self.high, max(self.low, kelvin)))
        elif "rgbww" in self.modes:
            whites = colours.whites(kelvin, self._level(wanted), self.low, self.high)
            wanted.mode, wanted.colour = "rgbww", whites
        elif self.modes & COLOURS:
            hue = colours.from_rgb("hs", colours.kelvin_to_rgb(kelvin))
            self._want_colour(wanted, "hs", hue)
        else:
            raise NotUnderstood("'color_temp_kelvin': this light cannot change its shade of white")

    def _level(self, wanted: Wanted) -> float:
        """The brightness that is asked for, or the present one."""
        return float(wanted.brightness or self.facts.get("brightness") or 255)

    def _brightness(self, data: Mapping[str, Any]) -> int | None:
        now = self.facts.get("brightness") if self.facts.get("on") else 0
        level = now if isinstance(now, int | float) else 0
        if (given := data.get("brightness_pct")) is not None:
            return round(within(given, 0, 100, "brightness_pct") * 255 / 100)
        if (given := data.get("brightness")) is not None:
            return round(within(given, 0, 255, "brightness"))
        if (given := data.get("brightness_step_pct")) is not None:
            step = within(given, -100, 100, "brightness_step_pct")
            percent = min(100.0, max(0.0, round(level * 100 / 255) + step))
            return round(percent * 255 / 100)
        if (given := data.get("brightness_step")) is not None:
            step = within(given, -255, 255, "brightness_step")
            return round(min(255, max(0, level + step)))
        return None


def _kelvin(data: Mapping[str, Any]) -> float | None:
    for key in ("color_temp_kelvin", "kelvin"):
        if data.get(key) is not None:
            return within(data[key], 500, 100_000, key)
    if data.get("color_temp") is not None:
        return 1e6 / within(data["color_temp"], 10, 2_000, "color_temp")
    return None


def _parts(value: Any, mode: str) -> tuple[float, ...]:
    """The parts of a colour that is asked for."""
    most = colours.PARTS[mode]
    if not isinstance(value, list | tuple) or len(value) != len(most):
        raise NotUnderstood(f"'{mode}_color' needs {len(most)} numbers, not {str(value)[:100]}")
    return tuple(
        within(part, 0, limit, f"'{mode}_color'") for part, limit in zip(value, most, strict=True)
    )


def whole(parts: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(part) for part in parts)


def level_in(value: Any, scale: float) -> int | None:
    """A brightness that a device reports, as 0-255. Zero tells nothing: it is how some say 'off',
    and a light that is on has none."""
    number = finite(value, "the brightness")
    if number < 0:
        raise NotUnderstood(f"the brightness is {number:g}")
    return min(255, round(number / scale * 255)) or None if number else None


def level_out(brightness: float, scale: float) -> int:
    """A brightness of 1-255 on a device's scale; never 0, which would be off."""
    return max(1, round(min(scale, brightness / 255 * scale)))


def colour_in(mode: str, parts: Sequence[Any]) -> tuple[float, ...]:
    """The parts of a colour that a device reports."""
    most = colours.PARTS[mode]
    if len(parts) != len(most):
        raise NotUnderstood(f"a colour of mode {mode} needs {len(most)} parts, not {len(parts)}")
    found = tuple(
        within(part, 0, limit, f"a part of the {mode} colour")
        for part, limit in zip(parts, most, strict=True)
    )
    return found if mode in ("hs", "xy") else whole(found)


def kelvin_in(value: Any, in_kelvin: bool) -> int:
    """A colour temperature that a device reports, in kelvin."""
    number = finite(value, "the colour temperature")
    if not 1 <= number <= 100_000:
        raise NotUnderstood(f"the colour temperature is {number:g}")
    return int(number) if in_kelvin else colours.kelvin_of(number)
