"""What was trained as files that llama.cpp runs: the adapter alone, or a whole model.

    adapter-f16.gguf, adapter-q8_0.gguf     <- beside the model that `hearth models` fetches
    model-q8_0.gguf, model-q4_0.gguf        <- with the adapter worked into the weights

A whole model keeps the metadata of the file that it was made from, above all its tokenizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray

from hub.training.lora import GROUPS, Adapter, Base, Shape

KINDS = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
    "q4_0": gguf.GGMLQuantizationType.Q4_0,
    "q4_1": gguf.GGMLQuantizationType.Q4_1,
}
FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
    "q4_1": gguf.LlamaFileType.MOSTLY_Q4_1,
}


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


def write_adapter(adapter: Adapter, path: Path, *, kind: str = "f16", name: str = "") -> None:
    """`kind`: one of KINDS. Rows that are too short for it are written in 16 bits."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, adapter.alpha)
    if name:
        writer.add_name(name)
    for layer in range(adapter.frozen, adapter.shape.layers):
        for group in GROUPS:
            a, b = adapter.parts[layer, group, "a"], adapter.parts[layer, group, "b"]
            for weight, rows, ranks in adapter.slices(group):
                _add(writer, f"blk.{layer}.{weight}.weight.lora_a", a[ranks].numpy(), kind)
                _add(writer, f"blk.{layer}.{weight}.weight.lora_b", b[rows].numpy(), kind)
    _close(writer)


def merged(base: Base, adapter: Adapter) -> dict[str, torch.Tensor]:
    """The weights with the adapter worked in."""
    found = dict(base.weights)
    for layer in range(adapter.frozen, adapter.shape.layers):
        for group in GROUPS:
            a, b = adapter.parts[layer, group, "a"], adapter.parts[layer, group, "b"]
            for weight, rows, ranks in adapter.slices(group):
                key = f"blk.{layer}.{weight}"
                found[key] = torch.addmm(found[key], b[rows], a[ranks], alpha=adapter.scale)
    return found


def write_model(
    weights: dict[str, torch.Tensor], source: Path, path: Path, *, kind: str, name: str = ""
) -> None:
    """`source`: the GGUF file whose metadata the new one gets. The embedding, which is the output,
    too, has 8 bits where the others have 4; scales stay as they are."""
    reader = gguf.GGUFReader(str(source))
    writer = gguf.GGUFWriter(str(path), "llama")
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type"):
            continue
        if key == "general.name" and name:
            continue
        values = field.types
        if values[0] == gguf.GGUFValueType.ARRAY:
            writer.add_key_value(key, field.contents(), values[0], sub_type=values[-1])
        else:
            writer.add_key_value(key, field.contents(), values[0])
    if name:
        writer.add_name(name)
    writer.add_file_type(FILE_TYPES[kind])
    for tensor in reader.tensors:
        values = weights[tensor.name.removesuffix(".weight")].numpy()
        own = "q8_0" if kind in ("q4_0", "q4_1") and tensor.name == "token_embd.weight" else kind
        _add(writer, tensor.name, values, own)
    _close(writer)


def _add(writer: gguf.GGUFWriter, name: str, values: NDArray[np.float32], kind: str) -> None:
    chosen = KINDS[kind]
    if values.ndim < 2:
        chosen = KINDS["f32"]
    elif kind.startswith("q") and values.shape[-1] % gguf.GGML_QUANT_SIZES[chosen][0]:
        chosen = KINDS["f16"]
    data = gguf.quantize(np.ascontiguousarray(values), chosen)
    writer.add_tensor(name, data, raw_dtype=chosen)


def _close(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
