"""What is said unasked, one after the other, while nobody is talked with."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

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
    ) -> None:
        """`elsewhere` gives the voice in another room, if there is one."""
        self._speak = speak
        self._elsewhere = elsewhere
        self._show = show
        self._free = free
        self._clock = clock
        self._waiting: deque[tuple[str, str, str | None]] = deque()
        self._said: dict[str, deque[float]] = {}
        self._task: asyncio.Task[None] | None = None

    def announce(
        self, text: str, *, language: str = "en", area: str | None = None, by: str = ""
    ) -> None:
        """Say it soon. Of a skill (`by`) that says too much, the rest is not said."""
        if not text or (by and not self._moderate(by)):
            return
        self._show(text, area)
        if self._speak is None and self._elsewhere(area) is None:
            return
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
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

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
