"""What waits for a tap on a phone. One request at a time; after a minute it is dropped.

Whoever reaches a phone (`hub/bridges/phone.py`) attaches itself and is told what waits; the tap
comes back as `approve` or `deny`. Nothing is kept: a restart drops what waits.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.timers.clock import SystemTime, Time

PATIENCE = 60.0
"""Seconds for which a request waits."""
GLANCE = 2.0
"""Seconds for which a request must have been shown before a tap that names none counts for it: it
may have been meant for the one before."""

Decided = Literal["approved", "denied", "dropped", "busy", "away"]


@dataclass(slots=True)
class Request:
    """Something that waits for a tap."""

    id: str
    question: str
    """'Unlock the Front Door?'"""
    area: str | None
    """The room in which it was asked for."""
    since: float
    """Seconds of the steady clock."""
    future: asyncio.Future[bool] = field(repr=False)


Onlooker = Callable[["Request | None"], None]
"""Is told what waits; None when nothing does any more."""


class Approvals:
    """The requests. `ask` waits for the tap."""

    def __init__(self, time: Time | None = None) -> None:
        self._time = time or SystemTime()
        self._onlookers: list[Onlooker] = []
        self._reachable: list[Callable[[], bool]] = []
        self._request: Request | None = None
        self._numbers = itertools.count(1)

    def attach(
        self, onlooker: Onlooker, reachable: Callable[[], bool] = lambda: True
    ) -> Callable[[], None]:
        """Somebody shows what waits to a phone, `reachable` tells whether it can now. The result
        ends that."""
        self._onlookers.append(onlooker)
        self._reachable.append(reachable)

        def end() -> None:
            self._onlookers.remove(onlooker)
            self._reachable.remove(reachable)

        return end

    @property
    def reachable(self) -> bool:
        """Whether a phone can be asked now."""
        return any(reach() for reach in self._reachable)

    @property
    def waiting(self) -> Request | None:
        return self._request

    async def ask(self, question: str, *, area: str | None = None) -> Decided:
        """Show a question on the phone, and wait for the tap."""
        if not self.reachable:
            return "away"
        if self._request is not None:
            return "busy"
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        # The number tells people which it is, the rest that nobody has guessed it.
        id = f"{next(self._numbers)}-{secrets.token_hex(4)}"
        request = Request(id, question, area, self._time.steady(), future)
        self._request = request
        self._tell(request)
        try:
            return await self._decided(request)
        finally:
            self._request = None
            self._tell(None)

    async def _decided(self, request: Request) -> Decided:
        until = request.since + PATIENCE
        while (left := until - self._time.steady()) > 0:
            slept = asyncio.ensure_future(self._time.sleep(left))
            both: set[asyncio.Future[Any]] = {request.future, slept}
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                slept.cancel()
                with suppress(asyncio.CancelledError):
                    await slept
            if request.future.done():
                break
        # A tap that came when the time was over is too late, whoever looks first.
        if not request.future.done() or self._time.steady() >= until:
            return "dropped"
        return "approved" if request.future.result() else "denied"

    def approve(self, id: str | None = None) -> bool:
        """A tap. Whether there was something that it can have been meant for."""
        return self._answer(id, True)

    def deny(self, id: str | None = None) -> bool:
        return self._answer(id, False)

    def _answer(self, id: str | None, agreed: bool) -> bool:
        request = self._request
        if request is None or request.future.done():
            return False
        if id is not None and not secrets.compare_digest(id.encode(), request.id.encode()):
            return False
        hasty = id is None and self._time.steady() - request.since < GLANCE
        if agreed and hasty:
            return False
        request.future.set_result(agreed)
        return True

    def _tell(self, request: Request | None) -> None:
        for onlooker in tuple(self._onlookers):
            onlooker(request)
