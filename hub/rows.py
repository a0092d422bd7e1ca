"""A file of JSON objects, one a line, that its owner alone can read.

Bounded: a full file takes the place of the one before it, `NAME.1`. Each row carries the hash of
the row before, and one of that and itself (`chain`): what is changed or taken out later breaks it.
Whoever can write the file can also make all hashes anew, or cut off its end: it shows what an
editor did, and not what a program that knows of it did.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CHAIN = "chain"
_DIGITS = 20
_TAIL = 64 * 1024
"""Bytes of the end of a file in which the last row is looked for."""


def append(path: Path, row: Mapping[str, Any], most: int) -> None:
    """Add a row. `most`: bytes of a full file. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while not _appended(path, row, most):
        pass


def _appended(path: Path, row: Mapping[str, Any], most: int) -> bool:
    """False if there is another file at `path` since it was opened, or has to be."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        # A command may note something beside the hub: its row comes before or after.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        here = os.fstat(descriptor)
        try:
            if not os.path.samestat(here, path.stat()):
                return False
        except FileNotFoundError:  # it has just become the one before, or was removed
            return False
        before, torn = _end(descriptor)
        if here.st_size == 0 and _previous(path).is_file():
            with _previous(path).open("rb") as file:
                before, _ = _end(file.fileno())
        line = b"\n" * torn + _line(row, before)
        if here.st_size and here.st_size + len(line) > most:
            path.replace(_previous(path))
            return False
        os.write(descriptor, line)
        return True
    finally:
        os.close(descriptor)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The rows, the oldest first."""
    for row, _ in checked(path):
        yield row


def checked(path: Path) -> Iterator[tuple[dict[str, Any], bool]]:
    """The rows, the oldest first, each with whether it is as it was written and follows the one
    before. What is older than the oldest, and rows of before there was a chain, cannot be known."""
    before: str | None = None
    for each in (_previous(path), path):
        if each.is_file():
            with each.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    row = _parsed(line)
                    if row is None:  # the power failed in the middle of it
                        continue
                    after, own = _links(row)
                    row.pop(CHAIN, None)
                    if own is None:  # of before there was a chain: then so are all before it
                        fits = before is None
                    else:
                        fits = own == _hash(row, after) and before in (None, after)
                    yield row, fits
                    before = own if own is not None else before


def remove(path: Path) -> None:
    """Forget all of them."""
    for each in (path, _previous(path)):
        each.unlink(missing_ok=True)


def _line(row: Mapping[str, Any], before: str) -> bytes:
    return f"{json.dumps({**row, CHAIN: f'{before}:{_hash(row, before)}'})}\n".encode()


def _links(row: Mapping[str, Any]) -> tuple[str, str | None]:
    """The hash of the row before, and that of this one; None: it has none."""
    after, colon, own = str(row.get(CHAIN, "")).partition(":")
    return after, own if colon else None


def _hash(row: Mapping[str, Any], before: str) -> str:
    return hashlib.sha256(f"{before}{json.dumps(row)}".encode()).hexdigest()[:_DIGITS]


def _end(descriptor: int) -> tuple[str, bool]:
    """The hash of the last row, and whether the power failed in the middle of the last line."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _TAIL, max(0, size - _TAIL))
    for line in reversed(tail.splitlines()):
        if row := _parsed(line):
            return _links(row)[1] or "", not tail.endswith(b"\n")
    return "", bool(tail) and not tail.endswith(b"\n")


def _parsed(line: str | bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")
