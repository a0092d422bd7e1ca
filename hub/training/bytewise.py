"""The network with products of 8-bit numbers: twice as fast where the processor has VNNI.

A matrix W is kept as whole numbers with a scale for each row, values as whole numbers with a scale
for each token. A few inputs of a matrix are far larger than the others, and would leave those no
digits: before, they are shrunk, and the columns of W widened, by factors that are found once from
what the model reads (SmoothQuant, arXiv 2211.10438). The way back uses the same whole numbers, so
the gradient is that of what was computed.

What is between two products is one compiled function each (torch.compile; without a C++ compiler
the same in steps). Validation and export never see the rough numbers.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hub.training.lora import GROUPS, Adapter, Attention, Base, Network
from hub.training.pack import Row

BALANCE = 0.6
"""0-1: how much of the digits the values get, against the weights. 0.5 to 0.65 differ little: the
logits are off by 10 %, the gradient by an angle whose cosine is 0.97 to 0.99; without, 0.94."""
TINY = 1e-30
Matrix = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Bytes:
    """A matrix: `numbers * scale[:, None] * shrink`."""

    numbers: Tensor
    scale: Tensor
    shrink: Tensor

    def forth(self, numbers: Tensor) -> Tensor:
        return torch._int_mm(numbers, self.numbers.T)

    def back(self, numbers: Tensor) -> Tensor:
        return torch._int_mm(numbers, self.numbers)


class ByteNetwork(Network):
    """`learn` is rough and fast, `logits` exact; `calibrate` comes before the first `learn`."""

    def __init__(self, base: Base, adapter: Adapter) -> None:
        self._bytes: dict[Matrix, Bytes] = {}
        self._shrink: dict[Matrix, Tensor] = {}
        self._largest: dict[Matrix, Tensor] | None = None
        self._exact = False
        self._scratch = threading.local()
        super().__init__(base, adapter)

    def calibrate(self, rows: Sequence[Row]) -> None:
        """Find how much the inputs of each matrix are shrunk, and compile.

        With an adapter that adds nothing the same rows give the same factors."""
        self._largest = {}
        for row in rows:
            super().logits(row)
        for key, largest in self._largest.items():
            weight = self._base[key].abs().amax(0).clamp_(min=TINY)
            self._shrink[key] = weight ** (1 - BALANCE) / largest.clamp_(min=1e-5) ** BALANCE
        self._largest = None
        for layer in range(self.shape.layers):
            self._merge(layer)
        self.learn(rows[0], self.adapter.views(torch.zeros_like(self.adapter.vector)), 1.0)

    def _through(self, layer: int, group: str, x: Tensor) -> Tensor:
        if self._largest is not None:
            largest = x.abs().amax(0)
            before = self._largest.get((layer, group), largest)
            self._largest[layer, group] = torch.maximum(largest, before)
        return super()._through(layer, group, x)

    def merge(self, pool: Any = None) -> None:
        self._exact = False
        super().merge(pool)

    def exactly(self, pool: Any = None) -> None:
        """Make ready for `logits`, after the adapter has changed."""
        self._exact = True
        super().merge(pool)

    def _merge(self, layer: int) -> None:
        if self._exact or not self._shrink:
            super()._merge(layer)
            return
        for group in GROUPS:
            key = layer, group
            base = self._base[key]
            merged = self._room(base)
            self._add(layer, group, merged)
            numbers, scale = compiled(rows_as_bytes)(merged, self._shrink[key].reciprocal())
            self._bytes[key] = Bytes(numbers, scale.flatten(), self._shrink[key])

    def _room(self, like: Tensor) -> Tensor:
        """A matrix for this thread to compute in: fresh memory would be slower."""
        rooms = self._scratch.__dict__.setdefault("rooms", {})
        if like.shape not in rooms:
            rooms[like.shape] = torch.empty_like(like)
        room: Tensor = rooms[like.shape]
        return room

    # --- forth and back --------------------------------------------------------------------------

    def learn(self, row: Row, gradient: dict[tuple[int, str, str], Tensor], weight: float) -> float:
        first, last = self.adapter.frozen, self.shape.layers - 1
        turns, kept = self._turns(row), []
        x = self._embedding[row.tokens]
        state = compiled(norm_bytes)(x, self._bytes[0, "qkv"].shrink, self.shape.epsilon)
        for layer in range(self.shape.layers):
            x, state, used = self._pass(layer, x, state, row, turns)
            if layer >= first:
                kept.append(used)
        dx, loss = self._head_back(x, row, weight)
        numbers, scale = compiled(rows_as_bytes)(dx, self._bytes[last, "down"].scale)
        for layer in range(last, first - 1, -1):
            dx, numbers, scale = self._pass_back(
                layer, dx, numbers, scale, kept[layer - first], row, gradient
            )
        return loss

    def _pass(
        self, layer: int, x: Tensor, state: _Normed, row: Row, turns: Tensor
    ) -> tuple[Tensor, _Normed, _Passed]:
        qkv, out, gate_up, down = (self._bytes[layer, group] for group in GROUPS)
        epsilon = self.shape.epsilon
        normed, inverse, numbers, scale = state
        values = compiled(as_numbers)(qkv.forth(numbers), scale, qkv.scale)
        self._rotate(values, turns)
        attention = Attention(self.shape, row, values)
        mixed = attention.forward()
        numbers, scale = compiled(rows_as_bytes)(mixed, out.shrink)
        x, *normed2 = compiled(add_norm_bytes)(
            x, out.forth(numbers), scale, out.scale, gate_up.shrink, epsilon
        )
        sums, sums_scale = gate_up.forth(normed2[2]), normed2[3]
        numbers, scale = compiled(active_bytes)(sums, sums_scale, gate_up.scale, down.shrink)
        following = self._bytes.get((layer + 1, "qkv"), qkv)
        x, *after = compiled(add_norm_bytes)(
            x, down.forth(numbers), scale, down.scale, following.shrink, epsilon
        )
        used = _Passed(
            normed, inverse, attention, mixed, normed2[0], normed2[1], sums, sums_scale, turns
        )
        return x, tuple(after), used

    def _pass_back(
        self,
        layer: int,
        dx: Tensor,
        numbers: Tensor,
        scale: Tensor,
        kept: _Passed,
        row: Row,
        gradient: dict[tuple[int, str, str], Tensor],
    ) -> tuple[Tensor, Tensor, Tensor]:
        qkv, out, gate_up, down = (self._bytes[layer, group] for group in GROUPS)
        inner, dsums, numbers, more = compiled(active_back)(
            kept.sums, kept.scale, gate_up.scale, down.back(numbers), scale, down.shrink
        )
        self._learn(layer, "down", inner, dx, gradient)
        self._learn(layer, "gate_up", kept.normed2, dsums, gradient)
        dx, numbers, scale = compiled(norm_back)(
            dx, gate_up.back(numbers), more, gate_up.shrink, kept.normed2, kept.inverse2, out.scale
        )
        self._learn(layer, "out", kept.mixed, dx, gradient)
        dmixed = compiled(as_numbers)(out.back(numbers), scale, out.shrink)
        dqkv = kept.attention.backward(dmixed)
        self._rotate(dqkv, kept.turns.conj())
        self._learn(layer, "qkv", kept.normed, dqkv, gradient)
        if layer == self.adapter.frozen:
            return dx, numbers, scale
        numbers, scale = compiled(rows_as_bytes)(dqkv, qkv.scale)
        lower = self._bytes[layer - 1, "down"].scale
        result: tuple[Tensor, Tensor, Tensor] = compiled(norm_back)(
            dx, qkv.back(numbers), scale, qkv.shrink, kept.normed, kept.inverse, lower
        )
        return result


_Normed = tuple[Tensor, ...]
"""Normed values, what they were multiplied with, their bytes and the bytes' scales."""


@dataclass(slots=True)
class _Passed:
    """What the way back needs of a layer."""

    normed: Tensor
    inverse: Tensor
    attention: Attention
    mixed: Tensor
    normed2: Tensor
    inverse2: Tensor
    sums: Tensor
    """What came out of gate and up, as whole numbers."""
    scale: Tensor
    turns: Tensor


# --- between two products ------------------------------------------------------------------------


def rows_as_bytes(x: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers of at most 127 for `x * factor`, and the scale of each row."""
    x = x * factor
    scale = x.abs().amax(1, keepdim=True) * (1 / 127) + TINY
    return (x / scale).round().to(torch.int8), scale


def as_numbers(sums: Tensor, scale: Tensor, factor: Tensor) -> Tensor:
    """What the sums of a product of whole numbers stand for."""
    return sums.float() * scale * factor


def norm_bytes(x: Tensor, shrink: Tensor, epsilon: float) -> _Normed:
    inverse = torch.rsqrt(x.square().mean(1, keepdim=True) + epsilon)
    normed = x * inverse
    return normed, inverse, *rows_as_bytes(normed, shrink)


def add_norm_bytes(
    x: Tensor, sums: Tensor, scale: Tensor, factor: Tensor, shrink: Tensor, epsilon: float
) -> _Normed:
    x = x + as_numbers(sums, scale, factor)
    return x, *norm_bytes(x, shrink, epsilon)


def active_bytes(
    sums: Tensor, scale: Tensor, factor: Tensor, shrink: Tensor
) -> tuple[Tensor, Tensor]:
    gate, up = as_numbers(sums, scale, factor).chunk(2, 1)
    return rows_as_bytes(gate * torch.sigmoid(gate) * up, shrink)


def active_back(
    sums: Tensor, scale: Tensor, factor: Tensor, dsums: Tensor, dscale: Tensor, shrink: Tensor
) -> _Normed:
    gate, up = as_numbers(sums, scale, factor).chunk(2, 1)
    d = as_numbers(dsums, dscale, shrink)
    share = torch.sigmoid(gate)
    active = gate * share
    dgate_up = torch.cat([d * up * (share + active * (1 - share)), d * active], 1)
    return active * up, dgate_up, *rows_as_bytes(dgate_up, factor)


def norm_back(
    dx: Tensor,
    sums: Tensor,
    scale: Tensor,
    shrink: Tensor,
    normed: Tensor,
    inverse: Tensor,
    factor: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    dy = as_numbers(sums, scale, shrink)
    along = (dy * normed).mean(1, keepdim=True)
    dx = dx + (dy - normed * along) * inverse
    return dx, *rows_as_bytes(dx, factor)


_COMPILED: dict[Callable[..., Any], Callable[..., Any]] = {}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one loop over its rows, if this machine has a compiler."""
    if function not in _COMPILED:
        there = shutil.which(os.environ.get("CXX", "g++")) is not None
        _COMPILED[function] = torch.compile(function, dynamic=True) if there else function
    return _COMPILED[function]
