"""What counts when weights are rounded to 4 bits: the mean square of what each column of a matrix
is multiplied with, on sentences of the generator.

It is kept in a file beside the adapter, so that whoever fetches the model can round it without
sentences and without PyTorch (`hub.models.rounding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import gguf
import numpy as np
import torch
from torch import Tensor

from hub.models.merge import finish, merge
from hub.training.lora import GROUPS, Adapter, Base, Network, load
from hub.training.pack import Row

SEED = 77
"""Of the sentences: some that may be trained on."""
LEAST = 1e-4
"""Of the mean: an input that the sentences left silent is not worth nothing."""


class Watched(Network):
    """A network that remembers how large the inputs of its matrices are."""

    def __init__(self, base: Base) -> None:
        self.squares: dict[str, Tensor] = {}
        """By weight, for each column: the sum of the squares of its inputs."""
        super().__init__(base, Adapter(base.shape, 1, alpha=0.0))

    def _through(self, layer: int, group: str, x: Tensor) -> Tensor:
        norm = self._norms.get((layer, group))
        squares = (x if norm is None else x * norm).square().sum(0)
        for name in GROUPS[group]:
            key = f"blk.{layer}.{name}.weight"
            self.squares[key] = self.squares.get(key, 0.0) + squares
        return super()._through(layer, group, x)


def importance(base: Base, rows: Sequence[Row]) -> dict[str, Tensor]:
    """Of the columns of each matrix, with 1 as their mean."""
    network = Watched(base)
    with torch.inference_mode():
        for row in rows:
            network.logits(row)
    means = {name: squares / squares.mean() for name, squares in network.squares.items()}
    return {name: mean.clamp_(min=LEAST) for name, mean in means.items()}


def write(
    base: Path, adapter: Path, target: Path, rows: Sequence[Row], eight: Sequence[str] = ()
) -> None:
    """Write to `target` what counts in the base with the adapter worked in: for all matrices but
    those with a part of `eight` in their names, which are to have 8 bits.

    Raises ModelError, ValueError for another architecture, OSError."""
    with TemporaryDirectory() as folder:
        merge(base, adapter, Path(folder) / "exact.gguf", "f32")
        exact = load(Path(folder) / "exact.gguf")
    found = importance(exact, rows)
    writer = gguf.GGUFWriter(str(target), exact.shape.architecture)
    for name, columns in found.items():
        if not any(part in name for part in eight):
            writer.add_tensor(name, columns.numpy().astype(np.float16))
    finish(writer)
    writer.close()
