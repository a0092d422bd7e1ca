"""The model while it is trained: frozen weights, a low-rank addition to each (LoRA), gradients.

Written out by hand rather than left to autograd, which on two cores costs more than the products:
the gradient of a frozen weight is never computed, nothing is kept that is not needed again, and
every operation runs in one thread, so that two rows are computed at once without waiting for each
other. Names, order and rotary layout of the weights are those of the GGUF file; nothing is
converted on the way in or out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hub.training.pack import IGNORED, Row

GROUPS = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "out": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}
"""Weights that are applied to the same values are one matrix here."""
NORMED = {"qkv": "attn_norm", "gate_up": "ffn_norm"}
"""Scales that are part of the matrix behind them here."""
ARCHITECTURES = ("llama", "gemma3")
"""That can be read; the second is computed by `hub.training.gemma`."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a model."""

    layers: int
    width: int
    inner: int
    heads: int
    shared_heads: int
    """Heads of keys and values."""
    base: float
    """Of the rotary positions."""
    epsilon: float
    vocabulary: int
    architecture: str = "llama"
    head_size: int = 0
    """0: the width divided by the heads."""
    window: int = 0
    """Tokens that a layer with a sliding window sees; 0: there is none."""

    @property
    def head(self) -> int:
        return self.head_size or self.width // self.heads

    def outputs(self, name: str) -> int:
        """Rows of the weight of this name."""
        if name in ("attn_k", "attn_v"):
            return self.shared_heads * self.head
        if name == "attn_q":
            return self.heads * self.head
        return self.inner if name in ("ffn_gate", "ffn_up") else self.width

    def inputs(self, name: str) -> int:
        """Columns of the weight of this name."""
        if name == "attn_output":
            return self.heads * self.head
        return self.inner if name == "ffn_down" else self.width


@dataclass(frozen=True)
class Base:
    """The frozen weights, as 32-bit numbers."""

    shape: Shape
    weights: dict[str, Tensor]
    """By their names in the file, without `.weight`."""


def load(path: Path) -> Base:
    """Read and dequantize a GGUF file. Raises ValueError if it is of another architecture."""
    reader = gguf.GGUFReader(str(path))
    architecture = str(reader.fields["general.architecture"].contents())
    if architecture not in ARCHITECTURES:
        raise ValueError(f"{path}: {architecture} is none of {', '.join(ARCHITECTURES)}")

    def value(name: str, default: int | None = None) -> Any:
        field = reader.fields.get(f"{architecture}.{name}")
        if field is None and default is None:
            raise ValueError(f"{path}: no {architecture}.{name}")
        return field.contents() if field else default

    weights = {
        tensor.name.removesuffix(".weight"): torch.from_numpy(
            np.array(gguf.dequantize(tensor.data, tensor.tensor_type), np.float32)
        )
        for tensor in reader.tensors
        if tensor.name.endswith(".weight")
    }
    if "output" in weights:
        raise ValueError(f"{path}: a model with an output matrix of its own")
    shape = Shape(
        layers=value("block_count"),
        width=value("embedding_length"),
        inner=value("feed_forward_length"),
        heads=value("attention.head_count"),
        shared_heads=value("attention.head_count_kv"),
        base=value("rope.freq_base"),
        epsilon=value("attention.layer_norm_rms_epsilon"),
        vocabulary=len(weights["token_embd"]),
        architecture=architecture,
        head_size=value("attention.key_length", 0),
        window=value("attention.sliding_window", 0),
    )
    return Base(shape, weights)


class Adapter:
    """What is learned: for each weight W of the upper layers, A and B with W + scale * B A.

    All numbers are parts of one vector, so that optimizer and checkpoint need not know them."""

    def __init__(self, shape: Shape, rank: int, *, alpha: float, frozen: int = 0) -> None:
        """`frozen`: lower layers to which nothing is added."""
        self.shape, self.rank, self.alpha, self.frozen = shape, rank, alpha, frozen
        self.vector = torch.zeros(sum(math.prod(size) for _, size in self._sizes()))
        self.parts = self.views(self.vector)

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    def start(self, seed: int) -> None:
        """A by chance, B zero: nothing is added yet."""
        chance = torch.Generator().manual_seed(seed)
        for (_layer, _group, side), part in self.parts.items():
            if side == "a":
                bound = 1 / math.sqrt(part.shape[1])
                part.uniform_(-bound, bound, generator=chance)
            else:
                part.zero_()

    def views(self, vector: Tensor) -> dict[tuple[int, str, str], Tensor]:
        """A vector of this form as matrices, by layer, group and `a` or `b`.

        `a` holds the group's A one above the other, `b` its B the same way."""
        found, start = {}, 0
        for key, size in self._sizes():
            end = start + math.prod(size)
            found[key] = vector[start:end].view(size)
            start = end
        return found

    def _sizes(self) -> Iterator[tuple[tuple[int, str, str], tuple[int, int]]]:
        for layer in range(self.frozen, self.shape.layers):
            for group, names in GROUPS.items():
                yield (layer, group, "a"), (self.rank * len(names), self.shape.inputs(names[0]))
                rows = sum(self.shape.outputs(name) for name in names)
                yield (layer, group, "b"), (rows, self.rank)

    def slices(self, group: str) -> Iterator[tuple[str, slice, slice]]:
        """For each weight of a group: its name, its rows in the matrix and `b`, those in `a`."""
        start = 0
        for index, name in enumerate(GROUPS[group]):
            end = start + self.shape.outputs(name)
            yield name, slice(start, end), slice(index * self.rank, (index + 1) * self.rank)
            start = end


class Network:
    """The weights with what was learned so far, and the passes forth and back.

    `merge` must be called after the adapter has changed. Any number of threads may compute rows
    between that, each with a gradient of its own."""

    def __init__(self, base: Base, adapter: Adapter) -> None:
        self.shape, self.adapter = base.shape, adapter
        self._embedding = base.weights["token_embd"]
        self._head = self._learning_head = self._embedding * base.weights["output_norm"]
        self._norms: dict[tuple[int, str], Tensor] = {}
        self._base: dict[tuple[int, str], Tensor] = {}
        self._merged: dict[tuple[int, str], Tensor] = {}
        for layer in range(self.shape.layers):
            for group, names in GROUPS.items():
                matrix = torch.cat([base.weights[f"blk.{layer}.{name}"] for name in names])
                if group in NORMED:
                    norm = base.weights[f"blk.{layer}.{NORMED[group]}"]
                    self._norms[layer, group] = norm
                    matrix *= norm
                self._base[layer, group] = matrix
                fixed = layer < adapter.frozen
                self._merged[layer, group] = matrix if fixed else torch.empty_like(matrix)
        self.merge()

    def merge(self, pool: Executor | None = None) -> None:
        """Take over what the adapter holds now."""
        layers = range(self.adapter.frozen, self.shape.layers)
        for _ in pool.map(self._merge, layers) if pool else map(self._merge, layers):
            pass

    def exactly(self, pool: Executor | None = None) -> None:
        """Make ready for `logits`; `merge` must be called before `learn` then."""
        self.merge(pool)

    def _merge(self, layer: int) -> None:
        for group in GROUPS:
            self._add(layer, group, self._merged[layer, group])

    def _add(self, layer: int, group: str, merged: Tensor) -> None:
        """Compute a matrix with what the adapter adds to it."""
        if layer < self.adapter.frozen:
            merged.copy_(self._base[layer, group])
            return
        a, b = self.adapter.parts[layer, group, "a"], self.adapter.parts[layer, group, "b"]
        if (layer, group) in self._norms:
            a = a * self._norms[layer, group]
        base, scale = self._base[layer, group], self.adapter.scale
        for _, rows, ranks in self.adapter.slices(group):
            torch.addmm(base[rows], b[rows], a[ranks], alpha=scale, out=merged[rows])

    # --- forth -----------------------------------------------------------------------------------

    def logits(self, row: Row) -> Tensor:
        """What the model expects after each of the row's asked tokens."""
        x, _ = self._forward(row, keep=False)
        normed, _ = self._normed(x[row.asked])
        return normed @ self._head.T

    def learn(self, row: Row, gradient: dict[tuple[int, str, str], Tensor], weight: float) -> float:
        """Add the gradient of `weight` times the sum of the losses of the row's asked tokens.

        `gradient`: views of a vector, see `Adapter.views`. Gives the sum of the losses."""
        x, kept = self._forward(row, keep=True)
        dx, loss = self._head_back(x, row, weight)
        for layer in reversed(range(self.adapter.frozen, self.shape.layers)):
            dx = self._layer_back(layer, dx, kept[layer - self.adapter.frozen], row, gradient)
        return loss

    def _head_back(self, x: Tensor, row: Row, weight: float) -> tuple[Tensor, float]:
        """The gradient of what came out of the layers, and the loss."""
        normed, inverse = self._normed(x[row.asked])
        head = self._learning_head
        shares = (normed.to(head.dtype) @ head.T).float()
        places = torch.arange(len(row.asked))
        shares -= shares.logsumexp(1, keepdim=True)
        loss = -float(shares[places, row.expected].sum())
        shares.exp_()
        shares[places, row.expected] -= 1
        shares *= weight
        dx = torch.zeros_like(x)
        dx[row.asked] = normed_back((shares.to(head.dtype) @ head).float(), normed, inverse)
        return dx, loss

    def _forward(self, row: Row, *, keep: bool) -> tuple[Tensor, list[_Kept]]:
        x = self._words(row)
        turns = self._turns(row)
        kept = []
        for layer in range(self.shape.layers):
            x, used = self._layer(layer, x, row, turns)
            if keep and layer >= self.adapter.frozen:
                kept.append(used)
        return x, kept

    def _words(self, row: Row) -> Tensor:
        return self._embedding[row.tokens]

    def _layer(self, layer: int, x: Tensor, row: Row, turns: Tensor) -> tuple[Tensor, _Kept]:
        normed, inverse = self._normed(x)
        qkv = self._through(layer, "qkv", normed)
        self._rotate(qkv, turns)
        attention = Attention(self.shape, row, qkv)
        mixed = attention.forward()
        x = x + self._through(layer, "out", mixed)
        normed2, inverse2 = self._normed(x)
        gate_up = self._through(layer, "gate_up", normed2)
        gate, up = gate_up[:, : self.shape.inner], gate_up[:, self.shape.inner :]
        active = F.silu(gate)
        inner = active * up
        x = x + self._through(layer, "down", inner)
        used = _Kept(
            normed, inverse, attention, mixed, normed2, inverse2, gate, up, active, inner, turns
        )
        return x, used

    def _through(self, layer: int, group: str, x: Tensor) -> Tensor:
        return x @ self._merged[layer, group].T

    def _turns(self, row: Row) -> Tensor:
        return rotations(row, self.shape.head, self.shape.base)

    def _rotate(self, qkv: Tensor, turns: Tensor) -> None:
        heads = self.shape.heads + self.shape.shared_heads
        turned = qkv[:, : heads * self.shape.head].view(len(qkv), heads, -1, 2)
        torch.view_as_complex(turned).mul_(turns)

    def _normed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of unit mean square, and what they were multiplied with."""
        mean = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1])
        inverse = mean.add_(self.shape.epsilon).rsqrt_()
        return x * inverse, inverse

    # --- back ------------------------------------------------------------------------------------

    def _layer_back(
        self,
        layer: int,
        dx: Tensor,
        kept: _Kept,
        row: Row,
        gradient: dict[tuple[int, str, str], Tensor],
    ) -> Tensor:
        merged, inner = self._merged, self.shape.inner
        self._learn(layer, "down", kept.inner, dx, gradient)
        dinner = dx @ merged[layer, "down"]
        dgate_up = torch.empty(len(dx), 2 * inner)
        torch.mul(dinner, kept.active, out=dgate_up[:, inner:])
        dgate_up[:, :inner] = torch.ops.aten.silu_backward(dinner.mul_(kept.up), kept.gate)
        self._learn(layer, "gate_up", kept.normed2, dgate_up, gradient)
        dnormed = dgate_up @ merged[layer, "gate_up"]
        dx = normed_back(dnormed, kept.normed2, kept.inverse2).add_(dx)
        self._learn(layer, "out", kept.mixed, dx, gradient)
        dqkv = kept.attention.backward(dx @ merged[layer, "out"])
        self._rotate(dqkv, kept.turns.conj())
        self._learn(layer, "qkv", kept.normed, dqkv, gradient)
        if layer == self.adapter.frozen:
            return dx
        return normed_back(dqkv @ merged[layer, "qkv"], kept.normed, kept.inverse).add_(dx)

    def _learn(
        self,
        layer: int,
        group: str,
        x: Tensor,
        dy: Tensor,
        gradient: dict[tuple[int, str, str], Tensor],
    ) -> None:
        """The gradients of A and B, without that of W: the rank is what is between them."""
        a, b = self.adapter.parts[layer, group, "a"], self.adapter.parts[layer, group, "b"]
        norm = self._norms.get((layer, group))
        within = x @ (a if norm is None else a * norm).T
        behind = torch.empty_like(within)
        scale, db = self.adapter.scale, gradient[layer, group, "b"]
        for _, rows, ranks in self.adapter.slices(group):
            torch.mm(dy[:, rows], b[rows], out=behind[:, ranks])
            db[rows].addmm_(dy[:, rows].T, within[:, ranks], alpha=scale)
        da = behind.T @ x
        gradient[layer, group, "a"].add_(da if norm is None else da.mul_(norm), alpha=scale)


@dataclass(slots=True)
class _Kept:
    """What the way back needs of a layer."""

    normed: Tensor
    inverse: Tensor
    attention: Attention
    mixed: Tensor
    normed2: Tensor
    inverse2: Tensor
    gate: Tensor
    up: Tensor
    active: Tensor
    inner: Tensor
    turns: Tensor


def rotations(row: Row, size: int, base: float) -> Tensor:
    """The rotation of each position in a head of this size, as complex numbers."""
    half = size // 2
    speeds = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = row.positions[:, None].double() * speeds
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)[:, None]


def normed_back(dy: Tensor, normed: Tensor, inverse: Tensor) -> Tensor:
    along = torch.linalg.vecdot(dy, normed).div_(dy.shape[-1]).unsqueeze_(-1)
    return torch.addcmul(dy, normed, along, value=-1).mul_(inverse)


class Attention:
    """Attention within a row: the home looks at itself, an item at the home and itself.

    Tensors are [shared heads, tokens * heads of each, size of a head]. What an item sees of itself
    is computed in a rectangle of items by their longest one, `Row.padded`."""

    def __init__(self, shape: Shape, row: Row, qkv: Tensor) -> None:
        self._shape, self._row = shape, row
        self._each = shape.heads // shape.shared_heads
        size, shared, total = shape.head, shape.shared_heads, len(qkv)
        own = shape.heads * size
        q = qkv[:, :own].view(total, shared, self._each, size)
        self._q = q.permute(1, 0, 2, 3).reshape(shared, total * self._each, size)
        self._q *= size**-0.5
        kv = qkv[:, own:].view(total, 2, shared, size).permute(1, 2, 0, 3).contiguous()
        self._k, self._v = kv[0], kv[1]
        self._split = row.home * self._each

    def forward(self) -> Tensor:
        row, k, v = self._row, self._k, self._v
        near, own = (k[:, : row.home], v[:, : row.home]), (k[:, row.home :], v[:, row.home :])
        q_home, q_items = self._q[:, : self._split], self._q[:, self._split :]
        # the home
        scores = q_home @ near[0].mT
        causal = torch.full((row.home, row.home), IGNORED).triu_(1)
        scores.view(-1, row.home, self._each, row.home).add_(causal[:, None])
        self._home = scores.softmax(-1)
        # the items: scores for the home and for themselves are one distribution
        q, k, v = (self._rectangle(values) for values in (q_items, *own))
        self._own = q, k, v
        longest = row.padded.shape[1]
        scores = q @ k.mT
        causal = torch.full((longest, longest), IGNORED).triu_(1)
        scores.view(-1, longest, self._each, longest).add_(causal[:, None])
        both = torch.cat([q_items @ near[0].mT, self._flat(scores)], 2).softmax(-1)
        self._to_home = both[..., : row.home]
        self._to_own = self._rectangle(both[..., row.home :], drop=True)
        mixed = torch.cat(
            [self._home @ near[1], self._to_home @ near[1] + self._flat(self._to_own @ v)], 1
        )
        self._mixed = mixed
        return self._columns(mixed)

    def backward(self, dmixed: Tensor) -> Tensor:
        """The gradient of q, k and v from that of what came out."""
        shape, home, split = self._shape, self._row.home, self._split
        size, shared, total = shape.head, shape.shared_heads, len(dmixed)
        d = dmixed.view(total, shared, self._each, size).permute(1, 0, 2, 3)
        d = d.reshape(shared, total * self._each, size)
        along = torch.linalg.vecdot(d, self._mixed).unsqueeze_(2)
        k, v = self._k[:, :home], self._v[:, :home]
        dq = torch.empty_like(self._q)
        dk, dv = torch.empty_like(self._k), torch.empty_like(self._v)
        # the home
        dscores = (d[:, :split] @ v.mT).sub_(along[:, :split]).mul_(self._home)
        torch.matmul(dscores, k, out=dq[:, :split])
        # the items
        d_items, along = d[:, split:], along[:, split:]
        dhome = (d_items @ v.mT).sub_(along).mul_(self._to_home)
        q, own_k, own_v = self._own
        d_own = self._rectangle(d_items)
        downs = (d_own @ own_v.mT).sub_(self._rectangle(along)).mul_(self._to_own)
        dq[:, split:] = dhome @ k + self._flat(downs @ own_k)
        dk[:, home:] = self._flat(downs.mT @ q, each=1)
        dv[:, home:] = self._flat(self._to_own.mT @ d_own, each=1)
        # what all looked at
        dk[:, :home] = dscores.mT @ self._q[:, :split] + dhome.mT @ self._q[:, split:]
        dv[:, :home] = self._home.mT @ d[:, :split] + self._to_home.mT @ d_items
        result = torch.empty(total, (shape.heads + 2 * shared) * size)
        own = shape.heads * size
        result[:, :own] = self._columns(dq.mul_(size**-0.5))
        end = own + shared * size
        result[:, own:end].view(total, shared, size).copy_(dk.transpose(0, 1))
        result[:, end:].view(total, shared, size).copy_(dv.transpose(0, 1))
        return result

    def _columns(self, values: Tensor) -> Tensor:
        """Back to a line for each token."""
        shared, _, size = values.shape
        columns = values.view(shared, -1, self._each, size).transpose(0, 1)
        return columns.reshape(-1, shared * self._each * size)

    def _rectangle(self, values: Tensor, *, drop: bool = False) -> Tensor:
        """Values of the items' tokens as a rectangle.

        `drop`: zero where there is no token."""
        row = self._row
        count, longest = row.padded.shape
        shared, _, size = values.shape
        items = len(row) - row.home
        each = values.shape[1] // items
        values = values.reshape(shared, items, each * size)
        if drop:
            found = values.new_zeros(shared, count * longest, each * size)
            found.index_copy_(1, row.unpadded, values)
        else:
            found = values.index_select(1, row.padded.flatten())
        return found.view(shared * count, longest * each, size)

    def _flat(self, values: Tensor, *, each: int = 0) -> Tensor:
        """From a rectangle to the items' tokens."""
        row, shared = self._row, self._shape.shared_heads
        count, longest = row.padded.shape
        each, size = each or self._each, values.shape[-1]
        found = values.view(shared, count * longest, each * size)
        return found.index_select(1, row.unpadded).view(shared, -1, size)
