"""Writes GGUF files small enough for tests. The format: ggml's docs/gguf.md."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 32
F32, STRING = 6, 8
"""Kinds of values."""


def write_gguf(
    path: Path, metadata: Mapping[str, str | float], tensors: Mapping[str, NDArray[np.float32]]
) -> None:
    """Tensors in row-major order, as numpy keeps them."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += _text(key)
        if isinstance(value, str):
            head += struct.pack("<I", STRING) + _text(value)
        else:
            head += struct.pack("<If", F32, value)
    offset = 0
    for name, tensor in tensors.items():
        head += _text(name) + struct.pack("<I", tensor.ndim)
        head += struct.pack(f"<{tensor.ndim}Q", *reversed(tensor.shape))
        head += struct.pack("<IQ", 0, offset)
        offset += _padded(tensor.nbytes)
    content = head.ljust(_padded(len(head)), b"\0")
    for tensor in tensors.values():
        data = tensor.astype("<f4").tobytes()
        content += data.ljust(_padded(len(data)), b"\0")
    path.write_bytes(content)


def lora(rank: int, alpha: float, shapes: Mapping[str, tuple[int, int]], seed: Any = None) -> Any:
    """Metadata and tensors of an adapter; `shapes` are (out, in) of the weights it changes.

    Without a `seed` it changes nothing: the second matrix is zero, as before training."""
    random = np.random.default_rng(seed)
    tensors = {}
    for name, (outs, ins) in shapes.items():
        tensors[f"{name}.lora_a"] = random.normal(size=(rank, ins)).astype(np.float32) / ins**0.5
        second = random.normal(size=(outs, rank)) if seed is not None else np.zeros((outs, rank))
        tensors[f"{name}.lora_b"] = second.astype(np.float32) / rank**0.5
    metadata = {
        "general.type": "adapter",
        "general.architecture": "llama",
        "adapter.type": "lora",
        "adapter.lora.alpha": alpha,
    }
    return metadata, tensors


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
