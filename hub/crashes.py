"""How often the hub has ended without meaning to: after the third time within five minutes it
starts without what it can do without, so that it does the rest.

A start is noted in `starts.json`, and taken out again when the hub ends as it should, has run for
a while, or names what somebody has to mend first (a setting, a model that is missing). What is left
there of starts of before were crashes: killed by the watchdog, for want of memory, by a fault of
its own.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from pathlib import Path

from hub.errors import reason

log = logging.getLogger(__name__)

FILE = "starts.json"
WITHIN = 300.0
"""Seconds in which crashes count together."""
TOO_OFTEN = 3
STEADY = 600.0
"""Seconds after which a start was a good one."""

SAFE = "safe mode"
WITHOUT = "without added skills and language model"
"""How that is called where it is shown, and what it means."""

SAID = {
    "en": "I have crashed {count} times in five minutes. "
    "I go on without added skills and without the language model.",
    "de": "Ich bin {count} Mal in fünf Minuten abgestürzt. "
    "Ich mache ohne zusätzliche Skills und ohne das Sprachmodell weiter.",
}


class Starts:
    """The starts of one hub; `folder` is that of its data. A folder that cannot be written costs
    nothing but this."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._own: float | None = None
        self._before: list[float] = []

    def begin(self, now: float | None = None) -> int:
        """Note this start; how many of before, lately, have ended in a crash. `now`: seconds since
        the epoch."""
        now = time.time() if now is None else now
        before = [at for at in self._read() if abs(now - at) < WITHIN]
        self._own = now
        self._before = before
        self._write([*before, now])
        return len(before)

    def not_a_crash(self) -> None:
        """This start was ended by what somebody has to mend. Crashes of before still count."""
        if self._own is not None:
            self._own = None
            self._write(self._before)

    def good(self) -> None:
        """The hub has ended as it should, or runs well: nothing is held against it."""
        if self._own is not None:
            self._own = None
            self._write([])

    def _read(self) -> list[float]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return []
        if not isinstance(found, list):
            return []
        return [float(at) for at in found[-20:] if isinstance(at, int | float) and abs(at) < 1e12]

    def _write(self, starts: list[float]) -> None:
        try:
            if not starts:
                with suppress(FileNotFoundError):
                    self._path.unlink()
                return
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            coming = self._path.with_suffix(".coming")
            coming.write_text(json.dumps(starts), encoding="utf-8")
            coming.replace(self._path)
        except OSError as error:
            log.warning("%s: %s", self._path, reason(error))


def said(count: int, language: str) -> str:
    """What is said aloud about it."""
    return SAID.get(language.partition("-")[0], SAID["en"]).format(count=count)
