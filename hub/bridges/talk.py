"""Conversations with those who are not in the room.

Each has a memory of its own, apart from that of the room: a 'yes' from a phone never answers what
was asked aloud in the kitchen, nor the other way round. Turns of one conversation come one after
another; of those that wait there are few, and whoever comes after them is told so.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hub.bridges.requests import Refused
from hub.cause import Source, caused
from hub.pipeline import Assistant

T = TypeVar("T")

CONVERSATIONS = 32
"""Conversations that are remembered; the one that was quiet for longest is forgotten first."""
WAITING = 4
"""Turns of one conversation at a time: one that is done, the others wait."""
MOST_WAITING = 16
"""Turns of all of them."""


@dataclass(slots=True)
class _Line:
    """One conversation, and who waits in it."""

    assistant: Assistant
    turns: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Talk:
    """Conversations by their names. `new` makes an assistant that remembers nothing yet; `source`
    is where they come from, for the history."""

    def __init__(self, new: Callable[[], Assistant], source: Source = "phone") -> None:
        self._new = new
        self._source = source
        self._lines: OrderedDict[str, _Line] = OrderedDict()

    async def turn(self, conversation: str, run: Callable[[Assistant], Awaitable[T]]) -> T:
        """Have a turn when those before it are over. Raises Refused if they are too many."""
        line = self._line(conversation)
        line.turns += 1
        try:
            async with line.lock:
                with caused(self._source):
                    return await run(line.assistant)
        finally:
            line.turns -= 1

    def _line(self, conversation: str) -> _Line:
        line = self._lines.get(conversation)
        if sum(each.turns for each in self._lines.values()) >= MOST_WAITING or (
            line is not None and line.turns >= WAITING
        ):
            raise Refused("busy: too much was said at once; say it again in a moment")
        if line is None:
            line = self._lines[conversation] = _Line(self._new())
            self._forget()
        self._lines.move_to_end(conversation)
        return line

    def _forget(self) -> None:
        quiet = [key for key, line in self._lines.items() if not line.turns][:-1]
        for key in quiet[: max(0, len(self._lines) - CONVERSATIONS)]:
            del self._lines[key]
