"""A language model with an adapter (LoRA) worked into its weights, written in few bits.

An adapter of a few megabytes comes with Hearth; the model that it was trained for is fetched. What
is made of both is faster than the two side by side, and a kind of weights can be chosen that
llama.cpp lays out anew for the processor (Q4_0, IQ4_NL, Q8_0). Formula: W + alpha / rank * B @ A,
as in the paper on LoRA (Hu et al. 2021); the file's format: ggml's docs/gguf.md.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hub.errors import ModelError
from hub.models.rounding import iq4_nl

if TYPE_CHECKING:
    import gguf

Kind = Literal["iq4_nl", "q4_0", "q4_1", "q8_0", "f16", "f32"]
"""How weights are written, by ggml's names. `iq4_nl`: those whose importance is known; the others
have eight bits."""

EMBEDDING = "token_embd.weight"
"""It is also the output, where four bits would cost answers: it has eight."""
ALPHA = "adapter.lora.alpha"
OWN = ("general.architecture", "general.file_type", "general.quantization_version")
"""Metadata that the writer writes itself."""


def merge(
    base: Path,
    adapter: Path | None,
    target: Path,
    kind: Kind,
    *,
    importance: Path | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write `target`: the model `base` with `adapter` worked in, or as it is. Takes some 20 s for
    135M, with four bits half as long again.

    `importance`: a file with a vector for each weight that is to have four bits: how much its
    columns count when it is rounded, the mean squares of its inputs (`hub.training.importance`).
    `report` is told weights done and weights in all. Raises ModelError for files that are no
    models or do not fit together, OSError."""
    import gguf

    model = _read(base)
    names = {tensor.name for tensor in model.tensors}
    learned = _learned(adapter, base, names) if adapter else {}
    counts = _importance(importance, base, names) if importance and kind == "iq4_nl" else {}
    writer = gguf.GGUFWriter(str(target), str(model.fields["general.architecture"].contents()))
    try:
        _copy_metadata(model, writer, kind)
        for number, tensor in enumerate(model.tensors):
            weights = gguf.dequantize(tensor.data, tensor.tensor_type)
            if change := learned.get(tensor.name):
                scale, a, b = change
                if (b.shape[0], a.shape[1]) != weights.shape:
                    raise ModelError(f"{adapter} is for another model than {base}: {tensor.name}")
                weights = weights + scale * (b @ a)
            if (count := counts.get(tensor.name)) is not None:
                if weights.shape[1:] != count.shape:
                    raise ModelError(
                        f"{importance} is for another model than {base}: {tensor.name}"
                    )
                nonlinear = gguf.GGMLQuantizationType.IQ4_NL
                writer.add_tensor(tensor.name, iq4_nl(weights, count), raw_dtype=nonlinear)
            else:
                four = kind in ("q4_0", "q4_1") and tensor.name == EMBEDDING
                eight = four or kind == "iq4_nl"
                add_tensor(writer, tensor.name, weights, "q8_0" if eight else kind)
            report(number + 1, len(model.tensors))
        finish(writer)
    finally:
        writer.close()


def add_tensor(
    writer: gguf.GGUFWriter, name: str, weights: NDArray[np.float32], kind: Kind
) -> None:
    """Scales stay as they are; rows that are too short for the kind have 16 bits."""
    import gguf

    chosen = gguf.GGMLQuantizationType[kind.upper()]
    if weights.ndim < 2:
        chosen = gguf.GGMLQuantizationType.F32
    elif weights.shape[-1] % gguf.GGML_QUANT_SIZES[chosen][0]:
        chosen = gguf.GGMLQuantizationType.F16
    data = gguf.quantize(np.ascontiguousarray(weights), chosen)
    writer.add_tensor(name, data, raw_dtype=chosen)


def finish(writer: gguf.GGUFWriter) -> None:
    """Write everything that was added."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()


Change = tuple[float, NDArray[np.float32], NDArray[np.float32]]
"""Scale, A and B of a weight."""


def _importance(file: Path, base: Path, names: Set[str]) -> dict[str, NDArray[np.float32]]:
    """Of the columns of the weights with these names."""
    found = {tensor.name: tensor.data.astype(np.float32) for tensor in _read(file).tensors}
    if stray := found.keys() - names:
        raise ModelError(f"{file} is for another model than {base}: no {min(stray)} in it")
    return found


def _learned(adapter: Path, base: Path, names: Set[str]) -> dict[str, Change]:
    """What an adapter changes in a model with weights of these names."""
    import gguf

    file = _read(adapter)
    if ALPHA not in file.fields:
        raise ModelError(f"{adapter} is no adapter (LoRA): it has no {ALPHA}")
    alpha = float(file.fields[ALPHA].contents())
    parts = {t.name: gguf.dequantize(t.data, t.tensor_type) for t in file.tensors}
    changed = {name.rpartition(".lora_")[0] for name in parts}
    if halves := {f"{name}.lora_{half}" for name in changed for half in "ab"} - parts.keys():
        raise ModelError(f"{adapter} is damaged: no {min(halves)} in it")
    if stray := changed - names:
        raise ModelError(f"{adapter} is for another model than {base}: no {min(stray)} in it")
    found = {}
    for name in changed:
        a, b = parts[f"{name}.lora_a"], parts[f"{name}.lora_b"]
        found[name] = (alpha / a.shape[0], a, b)
    return found


def _read(path: Path) -> gguf.GGUFReader:
    import gguf

    try:
        return gguf.GGUFReader(str(path))
    except (ValueError, IndexError, KeyError) as error:
        raise ModelError(f"{path} is no GGUF file: {error}") from error


def _copy_metadata(model: gguf.GGUFReader, writer: gguf.GGUFWriter, kind: Kind) -> None:
    """Above all the tokenizer."""
    import gguf

    for key, field in model.fields.items():
        if key.startswith("GGUF.") or key in OWN:
            continue
        value: Any = field.contents()
        if field.types[0] == gguf.GGUFValueType.ARRAY:
            writer.add_key_value(key, value, field.types[0], sub_type=field.types[-1])
        else:
            writer.add_key_value(key, value, field.types[0])
    writer.add_file_type(
        gguf.LlamaFileType[f"{'ALL' if kind == 'f32' else 'MOSTLY'}_{kind.upper()}"]
    )
    if kind not in ("f16", "f32"):
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
