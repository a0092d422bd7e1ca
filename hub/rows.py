"""A file of JSON objects, one a line, that its owner alone can read.

Bounded: a full file takes the place of the one before it, `NAME.1`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def append(path: Path, row: Mapping[str, Any], most: int) -> None:
    """Add a row. `most`: bytes of a full file. Raises OSError."""
    line = f"{json.dumps(row)}\n".encode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        if os.fstat(descriptor).st_size + len(line) > most:
            path.replace(_previous(path))
            os.close(descriptor)
            descriptor = os.open(path, flags, 0o600)
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The rows, the oldest first."""
    for each in (_previous(path), path):
        if each.is_file():
            with each.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    with suppress(ValueError):  # the power failed in the middle of it
                        yield json.loads(line)


def remove(path: Path) -> None:
    """Forget all of them."""
    for each in (path, _previous(path)):
        each.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")
