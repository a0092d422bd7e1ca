"""What was asked for or refused: one JSON object a line, in the order in which it was decided.

    {"at": "2026-11-27T07:30:00+00:00", "risk": "R3", "decision": "refused", "tool": "HassTurnOff",
     "service": "unlock", "entities": ["lock.front_door"], "why": "unlocks", "area": "Kitchen"}

Readable by the owner alone. Bounded: a full file takes the place of the one before it. A row that
was changed or removed later is noticed. No word that was said is in it, and no PIN.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub import rows
from hub.errors import reason

log = logging.getLogger(__name__)

FILE = "decisions.jsonl"
MOST_BYTES = 128 * 1024
MOST_ENTITIES = 20
LONGEST = 200


class Audit:
    """`path` None keeps nothing: for trials, and for homes that are not there."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def note(
        self,
        decision: str,
        *,
        risk: str,
        why: str,
        tool: str = "",
        service: str = "",
        entities: Sequence[str] = (),
        area: str | None = None,
        person: str | None = None,
    ) -> None:
        """Keep one row. A disk that is full costs the row and a line in the log, no more."""
        if self._path is None:
            return
        row: dict[str, Any] = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "risk": risk,
            "decision": decision,
            "tool": tool[:LONGEST],
            "service": service[:LONGEST],
            "entities": [entity[:LONGEST] for entity in entities[:MOST_ENTITIES]],
            "why": why[:LONGEST],
            "area": area,
            "person": person,
        }
        kept = {key: value for key, value in row.items() if value not in ("", None, [])}
        try:
            rows.append(self._path, kept, MOST_BYTES)
        except OSError as error:
            log.error("what was decided cannot be noted: %s", reason(error))

    def rows(self) -> Iterator[dict[str, Any]]:
        """What was kept, the oldest first."""
        return iter(()) if self._path is None else rows.read(self._path)

    def checked(self) -> Iterator[tuple[dict[str, Any], bool]]:
        """The same, each with whether it is as it was written and follows the one before."""
        return iter(()) if self._path is None else rows.checked(self._path)
