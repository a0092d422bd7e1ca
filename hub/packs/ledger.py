"""Which packs have failed of late: they wait before they may start again, or may not at all.

A failure is a crash, a hang, a flood, or a lie. After each the pack waits longer; after three in
ten minutes it is put in quarantine, which outlasts a restart of the hub and ends when the owner
says so, or when there is another version of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.errors import SkillError, StorageError
from hub.storage import AtomicStorage

log = logging.getLogger(__name__)

WINDOW = 600.0
"""Seconds within which failures count together."""
MOST = 3
PAUSES = (0.0, 2.0)
"""Seconds before the next start, by the number of failures."""
TABLE = "failures"


class Quarantined(SkillError):
    """A pack has failed too often and is not started until somebody says so."""


class Ledger:
    """Keyed by the digest of a pack's content. `path` None remembers only until the end."""

    def __init__(self, path: Path | None, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._storage = AtomicStorage(path) if path else None
        self._now = now
        self._failures: dict[str, dict[str, Any]] = {}
        self._seen: int | None = None
        """When the file was changed that is known here."""
        self._read()

    def check(self, digest: str, name: str) -> None:
        """Raises Quarantined, or SkillError while it has to wait."""
        self._read()
        entry = self._failures.get(digest)
        if entry is None:
            return
        if entry.get("quarantined"):
            raise Quarantined(
                f"{name} has failed {MOST} times ({entry['why']}) and is in quarantine: "
                f"`hearth skill enable` lets it try again"
            )
        recent = self._recent(entry)
        if recent:
            left = PAUSES[min(len(recent), len(PAUSES)) - 1] - abs(self._now() - recent[-1])
            if left > 0:
                raise SkillError(f"{name} has just failed and may start again in {left:.1f} s")

    def failed(self, digest: str, why: str) -> bool:
        """Count a failure. Returns whether that was one too many."""
        self._read()
        entry = self._failures.setdefault(digest, {"digest": digest, "at": []})
        entry["at"] = [*self._recent(entry), self._now()][-MOST:]
        entry["why"] = why[:200]
        entry["quarantined"] = len(entry["at"]) >= MOST
        self._keep()
        return bool(entry["quarantined"])

    def quarantined(self, digest: str) -> str | None:
        """Why it is in quarantine; None if it is not."""
        self._read()
        entry = self._failures.get(digest, {})
        return str(entry.get("why", "")) if entry.get("quarantined") else None

    def release(self, digest: str) -> None:
        """Forget what was counted: the owner wants it tried again."""
        self._read()
        if self._failures.pop(digest, None) is not None:
            self._keep()

    def _recent(self, entry: dict[str, Any]) -> list[float]:
        # A clock that was set makes no failure younger or older than it helps the pack.
        return [at for at in entry["at"] if abs(self._now() - at) < WINDOW]

    def _read(self) -> None:
        """Take in what is kept, if another process has changed it: the command line releases."""
        changed = self._changed()
        if self._storage is None or changed is None or changed == self._seen:
            return
        try:
            rows = (self._storage.read() or {}).get(TABLE, {}).values()
        except StorageError as error:
            # Three failures are soon counted again.
            log.error("%s", error)
            return
        self._failures = {row["digest"]: row for row in rows if "digest" in row}
        self._seen = changed

    def _changed(self) -> int | None:
        try:
            return self._path.stat().st_mtime_ns if self._path else None
        except OSError:
            return None

    def _keep(self) -> None:
        if self._storage is None:
            return
        try:
            rows = self._failures.values()
            self._storage.write({TABLE: {str(n): row for n, row in enumerate(rows, 1)}})
            self._seen = self._changed()
        except StorageError as error:
            log.error("failures of packs are not kept: %s", error)
