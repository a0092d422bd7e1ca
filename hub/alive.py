"""Whether the hub still does what it is there for, or only seems to.

An event loop may turn while nobody listens any more, or while a task that must live as long as the
hub has ended. Only a new start mends that, and a new start is the last resort: it is asked for when
such a thing has lasted, and never for what others mend (a microphone that is muted or was pulled
out, a broker that is away, an engine that died or cannot be loaded).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from hub.activity import Activity

log = logging.getLogger(__name__)

PERIODS = 3
"""Of the watchdog, for which something has to be wrong before it is not fed any more."""
EARLY = 600.0
"""Seconds after the start. A task that ended so soon would most likely do so again: that is told,
and nothing is restarted for it, or a fault would make of one lost device source a lost hub."""


class Alive:
    """Watches a hub. `abandoned` names what should live as long as the hub, and has ended;
    `patience`: seconds for which something may be wrong."""

    def __init__(
        self,
        activity: Activity,
        abandoned: Callable[[], Iterable[str]],
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._activity = activity
        self._abandoned = abandoned
        self._patience = patience
        self._clock = clock
        self._began = clock()
        self._ended: dict[str, float] = {}
        """What has ended, and when that was seen."""
        self._told = ""

    def ill(self) -> str:
        """What is wrong that only a restart mends, in one line; '' if nothing is."""
        wrong = self._deaf() or self._lost()
        if wrong and wrong != self._told:
            log.critical("not well, the watchdog is not fed: %s", wrong)
        self._told = wrong
        return wrong

    def _deaf(self) -> str:
        since = self._activity.stalled_since
        stalled = since is not None and self._clock() - since >= self._patience
        return "sound comes, and nobody listens to it" if stalled else ""

    def _lost(self) -> str:
        now = self._clock()
        names = set(self._abandoned())
        for name in names - self._ended.keys():
            log.error("%s has ended, which should never happen", name)
        self._ended = {name: self._ended.get(name, now) for name in names}
        lasting = sorted(
            name
            for name, at in self._ended.items()
            if at - self._began >= EARLY and now - at >= self._patience
        )
        return f"ended: {', '.join(lasting)}" if lasting else ""
