"""Colours of lamps in their forms, and what one form is in another.

Formulas: hue and saturation as in `colorsys`; CIE xy by the wide gamut of Philips Hue; colour
temperatures by the fit of Tanner Helland. Home Assistant uses the same ones.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

RGB = tuple[int, int, int]
MODES = ("hs", "rgb", "rgbw", "rgbww", "xy")
"""Modes with a colour, by Home Assistant's names. Parts: hs 0-360 and 0-100, xy 0-1, others
0-255."""
PARTS = {"hs": (360, 100), "rgb": (255,) * 3, "rgbw": (255,) * 4, "rgbww": (255,) * 5, "xy": (1, 1)}
"""Mode -> the most that each of its parts can be."""


def to_rgb(mode: str, colour: Sequence[float], low: float = 2000, high: float = 6535) -> RGB:
    """A colour at full brightness. `low` and `high` are the kelvin of the lamp's two whites."""
    match mode:
        case "rgb":
            red, green, blue = colour
        case "hs":
            red, green, blue = (
                part * 255 for part in colorsys.hsv_to_rgb(colour[0] / 360, colour[1] / 100, 1)
            )
        case "xy":
            red, green, blue = (int(part) for part in _from_xy(*colour))
        case "rgbw":
            red, green, blue = (part + colour[3] for part in colour[:3])
            red, green, blue = _as_bright(colour, (red, green, blue))
        case _:
            cold, warm = colour[3:]
            shade = _shade(warm / (cold + warm) if cold + warm else 0.5, low, high)
            level = max(cold, warm) / 255
            mixed = [part + white * level for part, white in zip(colour[:3], shade, strict=True)]
            red, green, blue = _as_bright(colour, mixed)
    return round(red), round(green), round(blue)


def from_rgb(
    mode: str, rgb: Sequence[float], low: float = 2000, high: float = 6535
) -> tuple[float, ...]:
    """A colour in another mode."""
    red, green, blue = rgb
    match mode:
        case "rgb":
            return tuple(round(part) for part in rgb)
        case "hs":
            hue, saturation, _ = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
            return round(hue * 360, 3), round(saturation * 100, 3)
        case "xy":
            return _to_xy(red, green, blue)
        case "rgbw":
            white = min(rgb)
            parts = [part - white for part in rgb] + [white]
            return tuple(round(part) for part in _as_bright(rgb, parts))
        case _:
            shade = _shade(0.5, low, high)
            white = min(
                part / white if white else 0 for part, white in zip(rgb, shade, strict=True)
            )
            parts = [part - white * s for part, s in zip(rgb, shade, strict=True)]
            parts += [white * 255, white * 255]
            return tuple(round(part) for part in _as_bright(rgb, parts))


@lru_cache(maxsize=256)
def every_form(
    mode: str, colour: tuple[float, ...], low: float, high: float
) -> Mapping[str, tuple[float, ...]]:
    """A colour as the attributes of a light show it. Kept, as lamps report the same again and
    again."""
    rgb = to_rgb(mode, colour, low, high)
    forms = {f"{form}_color": from_rgb(form, rgb) for form in ("hs", "rgb", "xy")}
    return forms | {f"{mode}_color": colour}


def whites(kelvin: float, level: float, low: float, high: float) -> tuple[float, ...]:
    """A colour temperature by a lamp's two whites, in mode rgbww. `level`: brightness, 0-255."""
    coldest, warmest = _mireds(0, low, high), _mireds(1, low, high)
    share = min(1.0, max(0.0, (warmest - 1e6 / kelvin) / (warmest - coldest)))
    return 0, 0, 0, round(share * level), round((1 - share) * level)


def _mireds(ratio: float, low: float, high: float) -> float:
    """Mireds between the coldest white (0) and the warmest (1)."""
    return mired(high) + (mired(low) - mired(high)) * ratio


def _shade(ratio: float, low: float, high: float) -> tuple[float, float, float]:
    """How a mixture of the two whites looks."""
    return kelvin_to_rgb(kelvin_of(_mireds(ratio, low, high)))


def mired(kelvin: float) -> int:
    return math.floor(1_000_000 / kelvin)


kelvin_of = mired
"""Kelvin of mireds: the way back is the same."""


def kelvin_to_rgb(kelvin: float) -> tuple[float, float, float]:
    """How a colour temperature looks on a screen; not rounded."""
    hundreds = min(40_000.0, max(1_000.0, kelvin)) / 100
    red = 255.0 if hundreds <= 66 else 329.698727446 * (hundreds - 60) ** -0.1332047592
    if hundreds <= 66:
        green = 99.4708025861 * math.log(hundreds) - 161.1195681661
    else:
        green = 288.1221695283 * (hundreds - 60) ** -0.0755148492
    if hundreds >= 66:
        blue = 255.0
    elif hundreds <= 19:
        blue = 0.0
    else:
        blue = 138.5177312231 * math.log(hundreds - 10) - 305.0447927307
    red, green, blue = (min(255.0, max(0.0, part)) for part in (red, green, blue))
    return red, green, blue


def _as_bright(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """The other colour, with its greatest part as great as that of the one."""
    most = max(other)
    return [part * max(one) / most if most else 0 for part in other]


def _to_xy(red: float, green: float, blue: float) -> tuple[float, float]:
    if red + green + blue == 0:
        return 0.0, 0.0
    linear = [
        ((part + 0.055) / 1.055) ** 2.4 if part > 0.04045 else part / 12.92
        for part in (red / 255, green / 255, blue / 255)
    ]
    r, g, b = linear
    x = r * 0.664511 + g * 0.154324 + b * 0.162028
    y = r * 0.283881 + g * 0.668433 + b * 0.047685
    z = r * 0.000088 + g * 0.072310 + b * 0.986039
    return round(x / (x + y + z), 3), round(y / (x + y + z), 3)


def _from_xy(x: float, y: float) -> tuple[float, float, float]:
    y = y or 1e-11
    luminous = 1.0
    big_x, big_z = luminous / y * x, luminous / y * (1 - x - y)
    r = big_x * 1.656492 - luminous * 0.354851 - big_z * 0.255038
    g = -big_x * 0.707196 + luminous * 1.655397 + big_z * 0.036152
    b = big_x * 0.051713 - luminous * 0.121364 + big_z * 1.011530
    parts = [
        12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
        for part in (r, g, b)
    ]
    parts = [max(0.0, part) for part in parts]
    most = max(1.0, *parts)
    red, green, blue = (part / most * 255 for part in parts)
    return red, green, blue
