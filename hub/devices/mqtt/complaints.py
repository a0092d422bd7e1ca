"""Complaints about what others send, at a pace that no sender can drive up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

PER_MINUTE = 12
"""Lines that the log takes in a minute from one source of devices."""


class Complaints:
    """Warnings that are counted instead of told when there are too many of them."""

    def __init__(self, log: logging.Logger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._began = clock()
        self._told = 0
        self._untold = 0

    def tell(self, line: str) -> None:
        """Log a line, or count it. What a stranger wrote must come escaped (`shown`)."""
        now = self._clock()
        if now - self._began >= 60:
            if self._untold:
                self._log.warning("and %d more of such complaints", self._untold)
            self._began, self._told, self._untold = now, 0, 0
        if self._told < PER_MINUTE:
            self._told += 1
            self._log.warning("%s", line)
        else:
            self._untold += 1


def shown(text: str, limit: int = 100) -> str:
    """Somebody else's text for a line of the log: no line breaks or escape sequences, and not
    too long."""
    plain = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
