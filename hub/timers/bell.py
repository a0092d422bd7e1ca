"""What happens when a timer runs out: a tone and a sentence, or the command it was set for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hub.messages import Trace
from hub.timers import wording
from hub.timers.book import LATE
from hub.timers.timer import Timer
from hub.voice import Voice

Turn = Callable[[str, str | None, str], Awaitable[Trace]]
"""Runs a command (text, room, language) as a turn of its own that nobody attends: one that has no
part in any conversation, so that it neither answers a question nor leaves one."""


class Bell:
    """Tells timers in the room. `tone` sounds before the sentence; `show` gets it as text. Nobody
    is interrupted: it speaks when `free` is set."""

    def __init__(
        self,
        turn: Turn,
        voice: Voice | None,
        *,
        tone: Callable[[], Awaitable[object]] | None = None,
        show: Callable[[str], None] = lambda text: None,
        free: asyncio.Event | None = None,
        done: Callable[[Timer], Awaitable[None]] | None = None,
    ) -> None:
        """`done` is told when a command has been run, before anything is said of it."""
        self._free = free
        self._done_with = done
        self._turn = turn
        self._voice = voice
        self._tone = tone
        self._show = show

    async def tell(self, timer: Timer, late: float) -> None:
        """One ring, or the command. `late`: seconds since it ran out. Raises AudioError or
        EngineError if it cannot be heard."""
        language = timer.language
        if timer.command is None:
            text = wording.rung(timer, late if late >= LATE else None, language)
        elif late >= LATE:
            ago = wording.rough(late, language)
            text = wording.not_done(timer, "late_command", language, ago=ago)
        else:
            text = await self._done(timer)
            if self._done_with is not None:
                await self._done_with(timer)
        self._show(text)
        if self._voice is None:
            return
        while self._free is not None and not self._free.is_set():
            await self._free.wait()
        if self._tone is not None:
            await self._tone()
        if text:
            await self._voice.say(text, language=language)

    async def _done(self, timer: Timer) -> str:
        """Do what it was set for, and say so. What needs a yes is not done: nobody may be there."""
        assert timer.command is not None
        trace = await self._turn(timer.command, timer.area, timer.language)
        if trace.reply.expects_answer:
            return wording.not_done(timer, "unattended", timer.language)
        if not trace.intent.understood:
            return wording.not_done(timer, "not_understood", timer.language)
        return trace.reply.text
