"""What packs did and what was refused to them: one JSON object a line, a file for each pack.

    {"at": "2026-11-27T07:30:00+00:00", "tool": "order", "what": "home.call", "allowed": false,
     "target": "lock.front_door", "why": "not granted"}

Readable by the owner alone. Bounded: a full file takes the place of the one before it, so a pack
that asks without end can push out only its own past.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub import rows
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
        kept = {key: value for key, value in row.items() if value != ""}
        try:
            rows.append(self._path(pack), kept, MOST_BYTES)
        except OSError as error:
            log.error("what %s does cannot be noted: %s", pack, reason(error))

    def rows(self, pack: str) -> Iterator[dict[str, Any]]:
        """What was kept of a pack, the oldest first."""
        return rows.read(self._path(pack))

    def forget(self, pack: str) -> None:
        """Remove what was kept, with the pack."""
        rows.remove(self._path(pack))

    def _path(self, pack: str) -> Path:
        return (self._folder or Path()) / f"{pack}.jsonl"
