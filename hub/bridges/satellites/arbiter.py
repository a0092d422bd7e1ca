"""One answers, where several rooms hear the same wake word."""

from __future__ import annotations

import array
import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.home.things import normal
from hub.messages import BYTES_PER_SECOND, Wake
from hub.ports import WakeWord

WINDOW = 0.6
"""Seconds within which it was said for rooms that heard the same: two streams that are late by up
to 0.3 s, one more and the other less, are that far apart. As long is waited for the others.
Nobody notices it: what is said after the wake word is kept meanwhile, and takes longer."""
AFTERWARDS = 3.0
"""Seconds for which a decision is kept for rooms that find the wake word later, since the hub has
much to do."""
LATELY = 10
"""Seconds over which it is looked at how soon the sound of a room comes."""
SPEECH_SECONDS = 1.5
"""How far back it is looked at how loud the wake word was."""
BYTES = round(SPEECH_SECONDS * BYTES_PER_SECOND)
ROOM_SECONDS = 4.0
"""How far back it is looked at how loud the room is by itself."""
FLOOR, CEILING = -60.0, 0.0
"""Decibels of full scale between which a room is looked at: nothing is softer than a still room."""
PART = 800
"""Samples in which loudness is looked at: 50 ms."""
STRIDE = 4
"""Every so many samples are looked at."""


@dataclass(slots=True)
class _Claim:
    room: str
    clearness: Callable[[], float]
    settled: asyncio.Future[str] = field(compare=False)


@dataclass(slots=True, eq=False)
class _Case:
    """A wake word that was heard, and by whom."""

    said: float
    """When it was said, by the clock of the event loop, as far as the first to hear it knows."""
    claims: list[_Claim] = field(default_factory=list)
    later: bool = False
    """How clearly some heard it is known only in the end."""
    winner: str | None = None
    """Who answers, once that is decided."""


class Arbiter:
    """Decides which room answers: the one where it was heard most clearly. With a single room
    nobody waits. Another wake word is another person, who is answered, too; so is the same one at
    another time."""

    def __init__(self, window: float = WINDOW, afterwards: float = AFTERWARDS) -> None:
        self._window = window
        self._afterwards = afterwards
        self._rooms: set[str] = set()
        self._cases: dict[str, list[_Case]] = {}

    def join(self, room: str) -> Callable[[], None]:
        """A room takes part until the result is called."""
        self._rooms.add(room)
        return lambda: self._rooms.discard(room)

    async def wins(
        self,
        room: str,
        phrase: str,
        clearness: float | Callable[[], float],
        said: float | None = None,
    ) -> bool:
        """Whether this room is the one to answer. `clearness`, 0-2, may be known only in the
        end. `said`: when it was said, by the clock of the event loop; None: now."""
        if self._rooms <= {room}:
            return True
        phrase = normal(phrase)  # each kind of satellite writes it in its own way
        loop = asyncio.get_running_loop()
        said = loop.time() if said is None else said
        cases = self._cases.setdefault(phrase, [])
        near = [each for each in cases if abs(each.said - said) <= self._window]
        if near:
            case = min(near, key=lambda each: abs(each.said - said))
        else:
            case = _Case(said)
            cases.append(case)
            loop.call_later(self._window, self._settle, phrase, case)
        if case.winner is not None:  # it came too late
            return False
        known = clearness if callable(clearness) else (lambda: clearness)
        claim = _Claim(room, known, loop.create_future())
        case.claims.append(claim)
        case.later |= callable(clearness)
        if not case.later and self._rooms <= {each.room for each in case.claims}:
            self._settle(phrase, case)
        return await claim.settled == room

    def _settle(self, phrase: str, case: _Case) -> None:
        if case.winner is not None:
            return
        case.winner = max(case.claims, key=lambda claim: claim.clearness()).room
        for claim in case.claims:
            if not claim.settled.done():
                claim.settled.set_result(case.winner)
        asyncio.get_running_loop().call_later(self._afterwards, self._forget, phrase, case)

    def _forget(self, phrase: str, case: _Case) -> None:
        cases = self._cases[phrase]
        cases.remove(case)
        if not cases:
            del self._cases[phrase]


class Arrival:
    """When sound came, of a stream that is looked at later than that while the hub has much to do.

    A stream brings a second of sound a second: what is behind its soonest sound of late has been
    waiting. Only lately, as clocks drift and sound may be lost."""

    def __init__(self) -> None:
        self._seconds = 0.0
        """Of sound so far."""
        self._soonest: deque[tuple[int, float]] = deque()
        """For each of the last seconds, if some came in it: what its soonest sound was behind the
        beginning."""

    def came(self, seconds: float, now: float) -> float:
        """The time at which the next `seconds` of sound were there, which is at most `now`."""
        self._seconds += seconds
        behind = now - self._seconds
        # Before a pause, as of a microphone that was muted, it tells nothing of what is behind it.
        while self._soonest and self._soonest[0][0] <= int(now) - LATELY:
            self._soonest.popleft()
        if self._soonest and self._soonest[-1][0] == int(now):
            behind = min(behind, self._soonest.pop()[1])
        self._soonest.append((int(now), behind))
        return self._seconds + min(behind for _, behind in self._soonest)


class OneOfSeveral:
    """A `WakeWord` of one room that fires only where it was heard best."""

    def __init__(self, wake: WakeWord, room: str, arbiter: Arbiter) -> None:
        self._wake = wake
        self._room = room
        self._arbiter = arbiter
        self._recent = bytearray()
        self._arrival = Arrival()
        self.phrase: str = getattr(wake, "phrase", "")

    async def process(self, pcm: bytes) -> Wake | None:
        self._recent += pcm
        del self._recent[: -round(ROOM_SECONDS * BYTES_PER_SECOND)]
        now = asyncio.get_running_loop().time()
        came = self._arrival.came(len(pcm) / BYTES_PER_SECOND, now)
        wake = await self._wake.process(pcm)
        if wake is None:
            return None
        clear = clearness(wake.score, bytes(self._recent))
        return wake if await self._arbiter.wins(self._room, wake.phrase, clear, came) else None

    def begun(self) -> None:
        """Its sound begins anew: there was none for a while."""
        self._arrival = Arrival()

    async def reset(self) -> None:
        self._recent.clear()
        self.begun()
        await self._wake.reset()


def clearness(score: float, pcm: bytes) -> float:
    """0-2: how clearly a wake word of this score (0-1) was heard at the end of the sound (16 kHz,
    16 bits).

    That is how far it stands out from the room, so that a microphone that makes everything loud is
    not taken for a near one. The score tells little of that: it is high or the wake word was
    not heard at all."""
    levels = _levels(pcm)
    if not levels:
        return score
    spoken = sorted(levels[-round(SPEECH_SECONDS * 16_000 / PART) :])
    speech = sum(spoken[len(spoken) // 2 :]) / (len(spoken) - len(spoken) // 2)
    room = sorted(levels)[len(levels) // 10]
    return 1.0 + (speech - room) / (CEILING - FLOOR) + 0.1 * (score - 1.0)


def loudness(pcm: bytes) -> float:
    """0-1: how loud 16-bit samples are, 0 at -60 dB of full scale and 1 at 0 dB."""
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    return 1 - _level(samples) / FLOOR if samples else 0.0


def _levels(pcm: bytes) -> list[float]:
    """Decibels of full scale of each part of the sound."""
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    return [
        _level(samples[start : start + PART : STRIDE]) for start in range(0, len(samples), PART)
    ]


def _level(samples: array.array[int]) -> float:
    power = sum(sample * sample for sample in samples) / len(samples)
    return min(CEILING, max(FLOOR, 10 * math.log10(max(power, 1e-9) / 32768**2)))
