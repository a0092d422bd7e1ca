"""What goes on in the rooms, for whoever looks: who listens, thinks or speaks, and how loud it is.

Rooms only note it. Nothing is measured, and nobody is woken, while nobody looks: a level is taken
from the sound for a short while after `look` was called, and then no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, Protocol
from weakref import WeakSet

Doing = Literal["away", "asleep", "listening", "thinking", "speaking"]
"""`asleep` waits for the wake word; `away` has no sound to listen to."""

LOOKED = 2.0
"""Seconds for which levels are taken after somebody has looked."""
FADING = 0.4
"""Seconds for which the loudest sample counts."""
LOUDEST = 32768


class Here:
    """One room. `area`: its name, None for a hub that knows of no room."""

    def __init__(self, activity: Activity, area: str | None) -> None:
        self.area = area
        self.doing: Doing = "away"
        self.trouble = ""
        """Why nothing can be heard there, if that is known."""
        self._activity = activity
        self._peak = 0
        self._at = 0.0

    def now(self, doing: Doing) -> None:
        """Note what is done from now on."""
        if doing == "asleep":
            self.trouble = ""
        if doing != self.doing:
            self.doing = doing
            self._activity.tell()

    def lost(self, why: str) -> None:
        """Note that there is no sound, and why."""
        self.trouble = why
        self.doing = "away"
        self._activity.tell()

    def hear(self, frame: bytes) -> None:
        """Take a frame of 16-bit samples."""
        if not self._activity.looked_at:
            return
        # Every fourth sample shows a peak well enough.
        samples = memoryview(frame).cast("h")[::4]
        peak = max(max(samples, default=0), -min(samples, default=0))
        now = time.monotonic()
        if peak >= self._peak or now - self._at > FADING:
            self._peak, self._at = peak, now

    @property
    def level(self) -> float:
        """0-1: the loudest sample of just now; 0 if nobody looked."""
        return self._peak / LOUDEST if time.monotonic() - self._at < 2 * FADING else 0.0


class Listens(Protocol):
    """Who takes the sound of a room."""

    @property
    def stalled_since(self) -> float | None:
        """Since when sound waits that it should take, on the monotonic clock; None: it does."""


class Activity:
    """All rooms in which somebody may speak."""

    def __init__(self) -> None:
        self._listeners: WeakSet[Listens] = WeakSet()
        self._rooms: dict[str | None, Here] = {}
        self._watchers: list[Callable[[], None]] = []
        self._until = 0.0

    def room(self, area: str | None) -> Here:
        """The room of this name."""
        return self._rooms.setdefault(area, Here(self, area))

    @property
    def rooms(self) -> list[Here]:
        return list(self._rooms.values())

    def follow(self, listener: Listens) -> None:
        """Note who listens in a room, for as long as it is there."""
        self._listeners.add(listener)

    @property
    def stalled_since(self) -> float | None:
        """Since when sound waits in some room that nobody takes, though it is listened to; on the
        monotonic clock."""
        since = (listener.stalled_since for listener in self._listeners)
        return min((moment for moment in since if moment is not None), default=None)

    def look(self) -> None:
        """Somebody looks: levels are taken for a moment."""
        self._until = time.monotonic() + LOOKED

    @property
    def looked_at(self) -> bool:
        return time.monotonic() < self._until

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call `watcher` whenever a room does something else; the result ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def tell(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()
