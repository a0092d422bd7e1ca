"""What was trained as a GGUF file: the adapter, to lie beside the model it was trained for, or to
be worked into it (`hub.models.merge`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import torch

from hub.models.merge import ALPHA, Kind, add_tensor, finish
from hub.training.lora import GROUPS, Adapter, Shape


@dataclass(frozen=True)
class Trained:
    """The part of a checkpoint that is used."""

    adapter: Adapter
    progress: dict[str, Any]


def trained(checkpoint: Path) -> Trained:
    """Read a checkpoint."""
    state = torch.load(checkpoint, weights_only=True)
    settings = state["settings"]
    adapter = Adapter(
        Shape(**state["shape"]),
        settings["rank"],
        alpha=settings["alpha"],
        frozen=settings["frozen"],
    )
    adapter.vector.copy_(state["vector"])
    return Trained(adapter, state["progress"])


def write_adapter(adapter: Adapter, path: Path, *, kind: Kind = "f16", name: str = "") -> None:
    """Rows that are too short for the kind are written in 16 bits."""
    writer = gguf.GGUFWriter(str(path), adapter.shape.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(ALPHA, adapter.alpha)
    if name:
        writer.add_name(name)
    for layer in range(adapter.frozen, adapter.shape.layers):
        for group in GROUPS:
            a, b = adapter.parts[layer, group, "a"], adapter.parts[layer, group, "b"]
            for weight, rows, ranks in adapter.slices(group):
                add_tensor(writer, f"blk.{layer}.{weight}.weight.lora_a", a[ranks].numpy(), kind)
                add_tensor(writer, f"blk.{layer}.{weight}.weight.lora_b", b[rows].numpy(), kind)
    finish(writer)
    writer.close()
