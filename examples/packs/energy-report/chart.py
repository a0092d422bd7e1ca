"""A bar chart as PNG, drawn with nothing but Python: a picture is a grid of bytes.

Pillow would need 10 MB and 60 ms in each process of a pack; a chart of 24 bars needs neither.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 16, 34
"""Margins around the bars."""
PAPER, INK, GRID, BAR = 0, 1, 2, 3
PALETTE = bytes((255, 255, 255, 60, 60, 60, 225, 225, 225, 230, 126, 34))
"""Red, green, blue of each."""
SCALE = 2
"""Pixels of a dot of a digit."""
FONT = {
    "0": ("111", "101", "101", "101", "111"),
    "1": ("010", "110", "010", "010", "111"),
    "2": ("111", "001", "111", "100", "111"),
    "3": ("111", "001", "111", "001", "111"),
    "4": ("101", "101", "111", "001", "001"),
    "5": ("111", "100", "111", "001", "111"),
    "6": ("111", "100", "111", "101", "111"),
    "7": ("111", "001", "010", "010", "010"),
    "8": ("111", "101", "111", "101", "111"),
    "9": ("111", "101", "111", "001", "111"),
    ".": ("000", "000", "000", "000", "010"),
    "k": ("100", "101", "110", "101", "101"),
    "W": ("101", "101", "101", "111", "101"),
    "h": ("100", "100", "111", "101", "101"),
}


def bars(values: Sequence[float], labels: Mapping[int, str]) -> bytes:
    """A bar for each value (kWh), labels below some of them, a scale on the left."""
    picture = [bytearray(WIDTH) for _ in range(HEIGHT)]
    step = _step(max(values, default=0.0))
    highest = max(step, math.ceil(max(values, default=0.0) / step - 1e-9) * step)
    floor, top = HEIGHT - BOTTOM, TOP
    for number in range(round(highest / step) + 1):
        y = floor - round(number * step / highest * (floor - top))
        _fill(picture, LEFT, y, WIDTH - RIGHT, y + 1, GRID if number else INK)
        _write(picture, f"{number * step:g}", LEFT - 6, y - 2 * SCALE, right=True)
    _write(picture, "kWh", 4, 2)
    _fill(picture, LEFT, top, LEFT + 1, floor, INK)
    room = (WIDTH - RIGHT - LEFT) / max(1, len(values))
    for number, value in enumerate(values):
        left = LEFT + 1 + round(number * room + room * 0.15)
        right = max(left + 1, LEFT + 1 + round((number + 1) * room - room * 0.15))
        y = floor - round(max(0.0, value) / highest * (floor - top))
        _fill(picture, left, y, right, floor, BAR)
        if number in labels:
            _write(picture, labels[number], (left + right) // 2, floor + 8, middle=True)
    return _png(picture)


def _step(most: float) -> float:
    """A round distance of lines, for three to six of them."""
    if most <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(most))
    return next(f * power for f in (0.2, 0.5, 1.0, 2.0) if most / (f * power) <= 5)


def _fill(picture: list[bytearray], x0: int, y0: int, x1: int, y1: int, colour: int) -> None:
    for y in range(max(0, y0), min(HEIGHT, y1)):
        picture[y][x0:x1] = bytes((colour,)) * (x1 - x0)


def _write(
    picture: list[bytearray],
    text: str,
    x: int,
    y: int,
    *,
    right: bool = False,
    middle: bool = False,
) -> None:
    width = len(text) * 4 * SCALE - SCALE
    x -= width if right else width // 2 if middle else 0
    for number, letter in enumerate(text):
        for row, dots in enumerate(FONT.get(letter, ())):
            for column, dot in enumerate(dots):
                if dot == "1":
                    left, up = x + (number * 4 + column) * SCALE, y + row * SCALE
                    _fill(picture, left, up, left + SCALE, up + SCALE, INK)


def _png(picture: list[bytearray]) -> bytes:
    """The file: 8 bits a pixel, with a palette."""
    rows = b"".join(b"\0" + bytes(row) for row in picture)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", PALETTE), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
