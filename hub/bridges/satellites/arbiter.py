"""One answers, where several rooms hear the same wake word."""

from __future__ import annotations

import array
import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.messages import Wake
from hub.ports import WakeWord

WINDOW = 0.3
"""Seconds in which others may have heard it, too: over a network streams are late by less."""
LOUDNESS_SECONDS = 1.5
"""How far back it is looked at how loud it was."""
BYTES = round(LOUDNESS_SECONDS * 16_000) * 2


@dataclass(slots=True)
class _Claim:
    room: str
    phrase: str
    clearness: float
    settled: asyncio.Future[str] = field(compare=False)


class Arbiter:
    """Decides which room answers: the one where it was heard most clearly. With a single room
    nobody waits. Another wake word is another person, who is answered, too."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._rooms: set[str] = set()
        self._open: dict[str, list[_Claim]] = {}

    def join(self, room: str) -> Callable[[], None]:
        """A room takes part until the result is called."""
        self._rooms.add(room)
        return lambda: self._rooms.discard(room)

    async def wins(self, room: str, phrase: str, clearness: float) -> bool:
        """Whether this room is the one to answer."""
        if self._rooms <= {room}:
            return True
        claim = _Claim(room, phrase, clearness, asyncio.get_running_loop().create_future())
        claims = self._open.setdefault(phrase, [])
        claims.append(claim)
        if len(claims) == 1:
            asyncio.get_running_loop().call_later(self._window, self._settle, phrase)
        return await claim.settled == room

    def _settle(self, phrase: str) -> None:
        claims = self._open.pop(phrase, [])
        best = max(claims, key=lambda claim: claim.clearness)
        for claim in claims:
            if not claim.settled.done():
                claim.settled.set_result(best.room)


class OneOfSeveral:
    """A `WakeWord` of one room that fires only where it was heard best."""

    def __init__(self, wake: WakeWord, room: str, arbiter: Arbiter) -> None:
        self._wake = wake
        self._room = room
        self._arbiter = arbiter
        self._recent = bytearray()
        self.phrase: str = getattr(wake, "phrase", "")

    async def process(self, pcm: bytes) -> Wake | None:
        self._recent += pcm
        del self._recent[:-BYTES]
        wake = await self._wake.process(pcm)
        if wake is None:
            return None
        clearness = wake.score * (1 + loudness(bytes(self._recent)))
        return wake if await self._arbiter.wins(self._room, wake.phrase, clearness) else None

    async def reset(self) -> None:
        self._recent.clear()
        await self._wake.reset()


def loudness(pcm: bytes) -> float:
    """0-1: how loud 16-bit samples are, 0 at -60 dB of full scale and 1 at 0 dB."""
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    if not samples:
        return 0.0
    power = sum(sample * sample for sample in samples) / len(samples)
    decibels = 10 * math.log10(max(power, 1.0) / 32768**2)
    return min(1.0, max(0.0, 1 + decibels / 60))
