"""The network of the gemma3 architecture, for a comparison with the model that is shipped.

Against llama: words are multiplied by the root of the width, what attention and feed-forward give
is normed before it is added, each head of queries and keys is normed, GELU instead of SiLU, the
halves of a head are turned against each other, and most layers turn faster and see a window only.
Definition: llama.cpp's `src/models/gemma3.cpp`, whose logits are the same.

For `learn`, products are of 16-bit numbers (bfloat16) where that is wished: two and a half times as
fast on a processor with AVX512_BF16. Validation and export see 32 bits.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from hub.training.lora import GROUPS, Adapter, Attention, Base, Network, normed_back, rotations
from hub.training.pack import Row

WINDOW_BASE = 10_000.0
"""Of the rotary positions in layers that see a window; the file has that of the others."""
PERIOD = 6
"""Every so many layers, the last one sees everything."""
Gradient = dict[tuple[int, str, str], Tensor]


class GemmaNetwork(Network):
    """`short`: products of 16-bit numbers in `learn`."""

    def __init__(self, base: Base, adapter: Adapter, *, short: bool = False) -> None:
        self._short: dict[tuple[int, str], Tensor] = {}
        self._is_short = self._wants_short = False
        weights, shape = base.weights, base.shape
        layers = range(shape.layers)
        self._after = [
            (weights[f"blk.{n}.post_attention_norm"], weights[f"blk.{n}.post_ffw_norm"])
            for n in layers
        ]
        counts = {"attn_q_norm": shape.heads, "attn_k_norm": shape.shared_heads}
        self._within = [
            torch.cat([weights[f"blk.{n}.{name}"].expand(k, -1) for name, k in counts.items()])
            for n in layers
        ]
        super().__init__(base, adapter)
        self._wants_short = short
        if short:
            self._learning_head = self._head.bfloat16()
            self.merge()

    def merge(self, pool: Executor | None = None) -> None:
        self._is_short = self._wants_short
        super().merge(pool)

    def exactly(self, pool: Executor | None = None) -> None:
        self._is_short = False
        super().merge(pool)

    def _merge(self, layer: int) -> None:
        super()._merge(layer)
        if self._is_short:
            for group in GROUPS:
                self._short[layer, group] = self._merged[layer, group].bfloat16()

    # --- forth -----------------------------------------------------------------------------------

    def _words(self, row: Row) -> Tensor:
        return super()._words(row) * math.sqrt(self.shape.width)

    def _turns(self, row: Row) -> Tensor:
        """Those of layers that see a window, and of those that see everything."""
        if int(row.positions.max()) >= self.shape.window:
            raise ValueError(f"a prompt of more than {self.shape.window} tokens")
        bases = WINDOW_BASE, self.shape.base
        return torch.stack([rotations(row, self.shape.head, base) for base in bases])

    def _rotate(self, qkv: Tensor, turns: Tensor) -> None:
        """One half of each head against the other."""
        first, second = self._heads(qkv).chunk(2, -1)
        turned = torch.complex(first, second) * turns
        first.copy_(turned.real)
        second.copy_(turned.imag)

    def _heads(self, qkv: Tensor) -> Tensor:
        """A view of the queries and keys, by token and head."""
        heads, size = self.shape.heads + self.shape.shared_heads, self.shape.head
        view: Tensor = qkv[:, : heads * size].view(len(qkv), heads, size)
        return view

    def _layer(  # type: ignore[override]  # it keeps more than llama's
        self, layer: int, x: Tensor, row: Row, turns: Tensor
    ) -> tuple[Tensor, _Kept]:
        after_attention, after_feed = self._after[layer]
        turn = turns[int(layer % PERIOD == PERIOD - 1)]
        normed = self._normed(x)
        qkv = self._through(layer, "qkv", normed[0])
        heads = self._heads(qkv)
        within = self._normed(heads)
        torch.mul(within[0], self._within[layer], out=heads)
        self._rotate(qkv, turn)
        attention = Attention(self.shape, row, qkv)
        mixed = attention.forward()
        out = self._normed(self._through(layer, "out", mixed))
        x = torch.addcmul(x, out[0], after_attention)
        normed2 = self._normed(x)
        gate, up = self._through(layer, "gate_up", normed2[0]).chunk(2, 1)
        active = F.gelu(gate, approximate="tanh")
        inner = active * up
        down = self._normed(self._through(layer, "down", inner))
        x = torch.addcmul(x, down[0], after_feed)
        return x, _Kept(
            normed, within, attention, mixed, out, normed2, gate, up, active, inner, down, turn
        )

    def _through(self, layer: int, group: str, x: Tensor) -> Tensor:
        if self._is_short:
            return (x.bfloat16() @ self._short[layer, group].T).float()
        return super()._through(layer, group, x)

    # --- back ------------------------------------------------------------------------------------

    def _back(self, layer: int, group: str, dy: Tensor) -> Tensor:
        if self._is_short:
            return (dy.bfloat16() @ self._short[layer, group]).float()
        return dy @ self._merged[layer, group]

    def _layer_back(  # type: ignore[override]
        self, layer: int, dx: Tensor, kept: _Kept, row: Row, gradient: Gradient
    ) -> Tensor:
        after_attention, after_feed = self._after[layer]
        ddown = normed_back(dx * after_feed, *kept.down)
        self._learn(layer, "down", kept.inner, ddown, gradient)
        dinner = self._back(layer, "down", ddown)
        dup = dinner * kept.active
        dgate = torch.ops.aten.gelu_backward(dinner.mul_(kept.up), kept.gate, approximate="tanh")
        dgate_up = torch.cat([dgate, dup], 1)
        self._learn(layer, "gate_up", kept.normed2[0], dgate_up, gradient)
        dx = normed_back(self._back(layer, "gate_up", dgate_up), *kept.normed2).add_(dx)
        dout = normed_back(dx * after_attention, *kept.out)
        self._learn(layer, "out", kept.mixed, dout, gradient)
        dqkv = kept.attention.backward(self._back(layer, "out", dout))
        self._rotate(dqkv, kept.turn.conj())
        heads = self._heads(dqkv)
        heads.copy_(normed_back(heads * self._within[layer], *kept.within))
        self._learn(layer, "qkv", kept.normed[0], dqkv, gradient)
        if layer == self.adapter.frozen:
            return dx
        return normed_back(self._back(layer, "qkv", dqkv), *kept.normed).add_(dx)


_Normed = tuple[Tensor, Tensor]
"""Normed values, and what they were multiplied with."""


@dataclass(slots=True)
class _Kept:
    """What the way back needs of a layer."""

    normed: _Normed
    within: _Normed
    attention: Attention
    mixed: Tensor
    out: _Normed
    normed2: _Normed
    gate: Tensor
    up: Tensor
    active: Tensor
    inner: Tensor
    down: _Normed
    turn: Tensor
