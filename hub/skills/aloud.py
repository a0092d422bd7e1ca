"""What is said unasked, one after the other, while nobody is talked with."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from hub.cause import cause
from hub.errors import HearthError

log = logging.getLogger(__name__)

MOST, WITHIN = 6, 60.0
"""Announcements of one skill within so many seconds: more are a skill gone wild."""
MOST_WAITING = 20

Speak = Callable[[str, str], Awaitable[object]]
"""Says a text in a language aloud."""


class Aloud:
    """Says things when the room is `free`. `show` gets the text and the room; `speak` is the hub's
    voice, if it has one."""

    def __init__(
        self,
        speak: Speak | None = None,
        *,
        show: Callable[[str, str | None], None] = lambda text, area: None,
        free: asyncio.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
        elsewhere: Callable[[str | None], Speak | None] = lambda area: None,
        quiet: Callable[[], float | None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`elsewhere` gives the voice in another room, if there is one. `quiet`: seconds until the
        quiet hours end that are now; None if there are none."""
        self._speak = speak
        self._elsewhere = elsewhere
        self._show = show
        self._free = free
        self._clock = clock
        self._quiet = quiet
        self._sleep = sleep
        self._held: deque[tuple[str, str, str | None]] = deque(maxlen=MOST_WAITING)
        """What waits for the end of the quiet hours."""
        self._morning: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._waiting: deque[tuple[str, str, str | None]] = deque()
        self._said: dict[str, deque[float]] = {}
        self._task: asyncio.Task[None] | None = None

    def announce(
        self,
        text: str,
        *,
        language: str = "en",
        area: str | None = None,
        by: str = "",
        urgent: bool = False,
    ) -> None:
        """Say it soon. Of a skill (`by`) that says too much, the rest is not said. In quiet hours
        it waits for their end, unless it is `urgent` or somebody asked for it just now."""
        if not text or (by and not self._moderate(by)):
            return
        self._show(text, area)
        if self._speak is None and self._elsewhere(area) is None:
            return
        if not urgent and not _asked_for() and self._quiet() is not None:
            self._held.append((text, language, area))
            if self._morning is None or self._morning.done():
                self._morning = asyncio.create_task(self._until_morning(), name="held-back")
            return
        self._say(text, language, area)

    def reaches(self, area: str) -> bool:
        """Whether a room has a voice of its own."""
        return self._elsewhere(area) is not None

    def recheck(self) -> None:
        """Quiet hours have begun or ended because somebody said so."""
        self._changed.set()

    async def _until_morning(self) -> None:
        while self._held:
            left = self._quiet()
            if left is None:
                for told in tuple(self._held):
                    self._say(*told)
                self._held.clear()
                return
            self._changed.clear()
            waits = [asyncio.ensure_future(self._sleep(left))]
            waits.append(asyncio.ensure_future(self._changed.wait()))  # type: ignore[arg-type]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()

    def _say(self, text: str, language: str, area: str | None) -> None:
        if len(self._waiting) >= MOST_WAITING:
            log.warning("too much is waiting to be said; this is not: %s", text)
            return
        self._waiting.append((text, language, area))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._say_all(), name="aloud")

    async def later(self, text: str, area: str | None, language: str) -> None:
        """Say what comes of something that was asked for before."""
        self.announce(text, language=language, area=area)

    async def close(self) -> None:
        for task in (self._task, self._morning):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def _moderate(self, by: str) -> bool:
        now = self._clock()
        times = self._said.setdefault(by, deque(maxlen=MOST))
        if len(times) == MOST and now - times[0] < WITHIN:
            log.warning("the skill %s says too much", by)
            return False
        times.append(now)
        return True

    async def _say_all(self) -> None:
        while self._waiting:
            while self._free is not None and not self._free.is_set():
                await self._free.wait()
            text, language, area = self._waiting.popleft()
            speak = self._elsewhere(area) or self._speak
            if speak is None:
                continue  # the room's voice has gone meanwhile
            try:
                await speak(text, language)
            except HearthError as error:
                log.error("not said: %s: %s", text, error)


def _asked_for() -> bool:
    """Whether somebody has asked for what is said, in words, just now."""
    known = cause()
    return known is not None and known.source in ("voice", "phone")
