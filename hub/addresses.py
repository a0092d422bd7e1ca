"""Where the names of the house led last, for when nobody tells: a router that is starting, an mDNS
answer that got lost, a resolver that is gone cost no connection to a broker that stands where it
stood.

Only in memory, only for addresses of the house, and for a day: an address may be another device's
by then.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

log = logging.getLogger(__name__)

KEPT = 24 * 3600.0
"""Seconds for which an answer may stand in for one that does not come."""
MOST = 256
"""Answers that are kept."""

Rows = list[tuple[Any, ...]]
"""What `socket.getaddrinfo` returns."""


class LastKnown:
    """Answers of a resolver. `lasting`: whether an address is one that may be used again; `clock`
    counts seconds. Look-ups run in many threads."""

    def __init__(
        self, lasting: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lasting = lasting
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[float, Rows]] = {}
        self._told: set[str] = set()

    def ask(self, resolve: Callable[[], Rows], host: str, *key: Hashable) -> Rows:
        """The answer; that of before if there is none now. `key`: what else was asked. Raises what
        `resolve` raises if nothing is known."""
        try:
            rows = resolve()
        except socket.gaierror as error:
            return self._recalled(error, host, key)
        with self._lock:
            if host in self._told:
                self._told.discard(host)
                log.warning("it is known again where %s is", host)
            self._known.pop((host, *key), None)
            if all(self._lasting(str(row[4][0])) for row in rows):
                while len(self._known) >= MOST:
                    self._known.pop(next(iter(self._known)))
                self._known[host, *key] = self._clock(), rows
        return rows

    def _recalled(self, error: socket.gaierror, host: str, key: tuple[Hashable, ...]) -> Rows:
        with self._lock:
            at, rows = self._known.get((host, *key), (0.0, []))
            if not rows or self._clock() - at > KEPT:
                raise error
            if host not in self._told:
                self._told.add(host)
                log.warning(
                    "nobody tells where %s is (%s): it is looked for where it was", host, error
                )
            return rows
