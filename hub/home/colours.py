"""Colours by name, and when two of them are the same to an eye."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import webcolors

HUE = 25.0
"""Degrees by which a lamp's hue may miss: its primaries are not those of a screen."""
PALE = 0.25
"""Saturation (0-1) below which a hue cannot be told."""


def rgb(name: str) -> tuple[int, int, int] | None:
    """Red, green and blue (0-255) of a CSS colour name such as 'warm' names of Home Assistant:
    'red', 'light blue'. None if nobody knows it."""
    try:
        red, green, blue = webcolors.name_to_rgb(name.replace(" ", "").lower())
    except ValueError:
        return None
    return red, green, blue


HUES = (
    (15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "turquoise"),
    (260, "blue"), (315, "purple"), (345, "pink"), (360, "red"),
)  # fmt: skip
"""Degrees up to which a hue has a name that everybody knows."""
WHITE = 0.15
"""Saturation (0-1) below which a colour is white to most people."""


def name_of(colour: Sequence[float]) -> str:
    """The name of an RGB colour, whatever its brightness: 'red', 'white'."""
    hue, saturation = _hue(colour)
    if saturation < WHITE:
        return "white"
    return next(name for limit, name in HUES if hue <= limit)


def alike(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two RGB colours look alike, whatever their brightness."""
    (hue, saturation), (hue_too, saturation_too) = _hue(one), _hue(other)
    if saturation < PALE or saturation_too < PALE:
        return abs(saturation - saturation_too) <= PALE
    apart = abs(hue - hue_too)
    return min(apart, 360 - apart) <= HUE


def _hue(colour: Sequence[float]) -> tuple[float, float]:
    hue, saturation, _ = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    return hue * 360, saturation
