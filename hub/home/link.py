"""The link to a device source: followed for as long as the home is open, and taken up again
whenever it breaks off.

A source may end or fail (a broker is restarted, a bridge is unplugged). The first attempt to
reach it again is made at once; further ones after longer and longer pauses, and meanwhile its
devices are unavailable: what they were last is nothing to answer with.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from hub.errors import DeviceError, HearthError
from hub.messages import StateChange
from hub.ports import DeviceSource, Inventory

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 4.0
"""Seconds between attempts to reach a source; each pause is twice the one before, and then up to a
quarter longer by chance: hubs and devices of a house do not all come at the same moment. A broker
that is back is in use within five seconds, however long it was away."""
LONGEST_WAIT = 600.0
"""Seconds for which a source is left alone, at most, if it asks for that."""
PATIENCE = 10.0
"""Seconds that the hub waits for a source before it starts without."""
STEADY = 60.0
"""Seconds after which a link that has held begins anew with the first attempt."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a source cannot be reached."""

    reason: str
    since: float
    """Seconds on the monotonic clock."""
    spoken: str = ""
    """What the source itself would have said about it in the room; in English."""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.since


class Link:
    """Follows one source. `found` is given what there is, `changed` what changes, and `lost` is
    called when the source cannot be reached."""

    def __init__(
        self,
        source: DeviceSource,
        *,
        found: Callable[[Inventory], None],
        changed: Callable[[StateChange], None],
        lost: Callable[[], None],
        lasting: bool = True,
    ) -> None:
        """`lasting`: there is time to try it again. A command that ends soon promises nothing."""
        self.source = source
        self._name = source.name
        self.trouble: Trouble | None = None
        self._found = found
        self._changed = changed
        self._lost = lost
        self._again_told = "; it is tried again" if lasting else ""
        self._pause = 0.0
        self._why: Exception | None = None
        """What kept the source away at the last attempt."""

    async def open(self) -> AsyncIterator[StateChange | Inventory]:
        """Take in what the source knows now; the changes from then on.

        Raises what the source raises, DeviceError if it is absent."""
        changes = self.source.changes()
        self._found(await self.source.inventory())
        return changes

    async def begin(self) -> AsyncIterator[StateChange | Inventory] | None:
        """`open` for the first time; None if the source is absent, which `keep` then mends."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.open()
        except TimeoutError:
            why: Exception = DeviceError(f"no answer within {PATIENCE:g} seconds")
        except (DeviceError, OSError) as error:
            why = error
        reason = _reason(why)
        log.error("cannot reach the device source %s: %s%s", self._name, reason, self._again_told)
        self._pause, self._why = FIRST_PAUSE, why
        self._miss(reason, why)
        return None

    async def keep(self, changes: AsyncIterator[StateChange | Inventory] | None) -> None:
        """Follow the changes, and again and again those of a source that comes back. Never
        returns; cancel it."""
        if changes is None:
            assert self.trouble is not None
            changes = await self._again(self.trouble.reason)
            log.warning("the device source %s is there", self._name)
        while True:
            began = time.monotonic()
            reason = await self._broken_off(changes)
            if time.monotonic() - began > STEADY:
                self._pause = 0.0
            log.error("lost the device source %s: %s%s", self._name, reason, self._again_told)
            changes = await self._again(reason)
            log.warning("the device source %s is back", self._name)

    async def _broken_off(self, changes: AsyncIterator[StateChange | Inventory]) -> str:
        """Hand on all changes; why there are no more."""
        while True:
            try:
                change = await anext(changes)
            except StopAsyncIteration:
                return "it tells no more changes"
            # An adapter's fault, whatever it is, costs its own devices and not the hub.
            except Exception as error:
                return _reason(error)
            if isinstance(change, Inventory):
                self._found(change)
            else:
                self._changed(change)

    async def _again(self, reason: str) -> AsyncIterator[StateChange | Inventory]:
        """Open the source anew, however long that takes."""
        while True:
            if self._pause:
                self._miss(reason, self._why)
                wait = self._why.wait if isinstance(self._why, DeviceError) else 0.0
                pause = max(self._pause, min(LONGEST_WAIT, wait))
                await asyncio.sleep(pause * random.uniform(1.0, 1.25))
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
            try:
                changes = await self.open()
            except Exception as error:  # as above
                reason, self._why = _reason(error), error
                if self.trouble is not None:
                    self._miss(reason, error)
                continue
            self.trouble = self._why = None
            return changes

    def _miss(self, reason: str, why: Exception | None) -> None:
        before = self.trouble
        since = before.since if before else time.monotonic()
        spoken = why.spoken if isinstance(why, DeviceError) else ""
        if spoken == DeviceError.spoken:
            spoken = "" if before is None else before.spoken
        self.trouble = Trouble(reason, since, spoken)
        if before is None:
            self._lost()


def _reason(error: Exception) -> str:
    """Why, in one line. What was not expected is told with its kind, and goes into the log."""
    if isinstance(error, HearthError | OSError):
        return str(error)
    log.error("a device source failed", exc_info=error)
    return f"{type(error).__name__}: {error}"
