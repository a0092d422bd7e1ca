"""Weights in 4 bits by what they are multiplied with.

Plain rounding makes every weight equally exact. Here a block's scale is the one with which what
comes out of a matrix changes least: each weight counts by the mean square of its input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
"""Weights that share a scale."""
LEVELS = np.array(
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32
)
"""Of IQ4_NL (ggml's `kvalues_iq4nl`): what a code stands for, in scales."""
SHRINKS = np.linspace(0.8, 1.15, 8, dtype=np.float32)
"""Scales that are tried, relative to the one for which the largest weight just fits."""
ROWS = 64
"""Rows that are worked on at once: they stay in the processor's cache."""

_REACH = 2 * 160
"""More than any weight is, in half scales."""
_CODES = np.searchsorted(
    LEVELS[:-1] + LEVELS[1:], np.arange(-_REACH, _REACH + 1), side="left"
).astype(np.uint8)
"""The nearest code for each number of half scales: levels meet at whole ones."""


def iq4_nl(weights: NDArray[np.float32], importance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A matrix as its bytes in the file. `importance`: of each column."""
    counts = np.tile(importance.astype(np.float32).reshape(-1, BLOCK), (ROWS, 1))
    parts = [
        _rounded(rows.reshape(-1, BLOCK), counts[: rows.size // BLOCK]).reshape(len(rows), -1)
        for rows in np.array_split(weights, -(-len(weights) // ROWS))
    ]
    return np.concatenate(parts)


def _rounded(blocks: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.uint8]:
    peak = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    least = np.full(peak.shape, np.inf, np.float32)
    scale = np.zeros(peak.shape, np.float16)
    codes = np.full(blocks.shape, 8, np.uint8)
    weighted = blocks * counts
    for shrink in SHRINKS:
        tried = peak / LEVELS[0] * shrink
        halves = blocks * (2 / np.where(tried == 0, 1, tried))
        found = _CODES[np.ceil(halves).astype(np.int16) + _REACH]
        levels = LEVELS[found]
        # For these codes the best scale is known: least squares.
        squares = (levels * levels * counts).sum(1, keepdims=True)
        fit = ((weighted * levels).sum(1, keepdims=True) / np.maximum(squares, 1e-30)).astype(
            np.float16
        )
        error = ((blocks - levels * fit) ** 2 * counts).sum(1, keepdims=True)
        better = error < least
        np.copyto(least, error, where=better)
        np.copyto(scale, fit, where=better)
        np.copyto(codes, found, where=better)
    low, high = codes[:, : BLOCK // 2], codes[:, BLOCK // 2 :]
    return np.concatenate([scale.view(np.uint8), low | high << 4], 1)
