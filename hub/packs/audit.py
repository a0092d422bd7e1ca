"""What packs did and what was refused to them: one JSON object a line, a file for each pack.

    {"at": "2026-11-27T07:30:00+00:00", "tool": "order", "what": "home.call", "allowed": false,
     "target": "lock.front_door", "why": "not granted"}

Readable by the owner alone. Bounded: a full file takes the place of the one before it, so a pack
that asks without end can push out only its own past.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub.errors import reason

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
LONGEST = 300


class Audit:
    """`folder` None keeps nothing, for tests and trials."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def note(
        self,
        pack: str,
        what: str,
        *,
        allowed: bool,
        tool: str = "",
        target: str = "",
        why: str = "",
    ) -> None:
        """Keep one row. A disk that is full costs the row and a line in the log, no more."""
        if self._folder is None:
            return
        row = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "tool": tool[:LONGEST],
            "what": what[:LONGEST],
            "allowed": allowed,
            "target": target[:LONGEST],
            "why": why[:LONGEST],
        }
        line = json.dumps({key: value for key, value in row.items() if value != ""})
        try:
            self._append(self._path(pack), f"{line}\n".encode())
        except OSError as error:
            log.error("what %s does cannot be noted: %s", pack, reason(error))

    def rows(self, pack: str) -> Iterator[dict[str, Any]]:
        """What was kept of a pack, the oldest first."""
        path = self._path(pack)
        for each in (path.with_name(f"{path.name}.1"), path):
            if each.is_file():
                with each.open(encoding="utf-8", errors="replace") as file:
                    for line in file:
                        try:
                            yield json.loads(line)
                        except ValueError:
                            continue  # the power failed in the middle of it

    def forget(self, pack: str) -> None:
        """Remove what was kept, with the pack."""
        path = self._path(pack)
        for each in (path, path.with_name(f"{path.name}.1")):
            each.unlink(missing_ok=True)

    def _path(self, pack: str) -> Path:
        return (self._folder or Path()) / f"{pack}.jsonl"

    def _append(self, path: Path, line: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(descriptor).st_size + len(line) > MOST_BYTES:
                path.replace(path.with_name(f"{path.name}.1"))
                os.close(descriptor)
                descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
