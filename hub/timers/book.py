"""All timers of a hub: which there are, when the next runs out, and that none is lost.

They are kept at every change, with the time of both clocks. After a restart within the same boot
the steady clock tells how long it took, after another boot the clock on the wall does. A timer is
forgotten when it was told, not before: a hub that is killed in between tells it after its start.
A command is forgotten as soon as it was done, whether or not that could be said; one that had begun
when the hub was killed is not done again, and that is told.

Nothing here runs while no timer does: one task sleeps until the next runs out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from rapidfuzz import fuzz

from hub.errors import HearthError, StorageError
from hub.home.model import normal
from hub.keeping import on_disk
from hub.timers import wording
from hub.timers.clock import Time, elapsed, stamp
from hub.timers.timer import Timer

log = logging.getLogger(__name__)

KEY = "timers"
"""The one document; that all are in one makes every change whole."""
MOST = 100
"""Timers at a time."""
RINGS, BETWEEN = 10, 6.0
"""How often a timer rings if nobody stops it, and the seconds of silence in between."""
LATE = 60.0
"""Seconds from which it is said how long ago a timer ran out; then it is told once."""
REMEMBERED = 180.0
"""Seconds for which 'it' means the timer that was spoken of."""
ALIKE = 80.0
"""0-100: from which the name of a timer is taken for another, since recognition mishears."""

Tell = Callable[[Timer, float], Awaitable[None]]
"""Makes one ring heard, or runs the command. Gets the seconds since the timer ran out; the timer
has `begun` if that was so before the hub was last started. Raises HearthError if nobody can have
heard it."""

Obstacle = Literal["do_what", "would_ask"]
"""Why a command would not be done when nobody attends, as `trouble` knows it: it is not understood,
or not done without an answer."""
Foresee = Callable[[str, str | None, str], Awaitable[Obstacle | None]]
"""What would be in the way of a command (text, room, language) when nobody attends."""
TimerNews = Literal["started", "updated", "cancelled", "finished"]
Watcher = Callable[[TimerNews, Timer], bool]
"""Gets what becomes of a timer; True: it is shown elsewhere, and rings there when it runs out."""
PATIENCE = 3.0
"""Seconds in which that must be known; else it is seen when its time has come."""


class Notes(Protocol):
    """Where timers are kept: one document."""

    async def load(self) -> dict[str, dict[str, Any]]: ...

    def put(self, key: str, document: Mapping[str, Any]) -> None: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...


class Timers:
    """The timers. Before `begin` they can be looked at and cancelled, and nothing rings."""

    def __init__(self, time: Time, notes: Notes | None = None) -> None:
        self._time = time
        self._notes = notes
        self._timers: dict[str, Timer] = {}
        self._number = 0
        self._spoken_of: dict[str | None, tuple[str, float]] = {}
        self._tell: Tell | None = None
        self._foresee: Foresee | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._ringing: dict[str, asyncio.Task[None]] = {}
        self._free: Callable[[str | None], asyncio.Event] | None = None
        self._sounding: set[str] = set()
        """Those that ring so that it can be heard: none that waits until somebody has spoken."""
        self._told_of: set[str] = set()
        """Those that ring, and of which somebody was told."""
        self._tried: set[str] = set()
        """Those that ran out, and that nobody could be told of."""
        self._watcher: Watcher = lambda news, timer: False
        self.kept = True
        """Whether the last change is on the disk. A timer runs all the same."""

    # --- their life -----------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up what was kept. What cannot be read is logged, and costs nothing else."""
        if self._notes is None:
            return
        try:
            document = (await self._notes.load()).get(KEY)
        except StorageError as error:
            log.error("%s", error)
            return
        if document is not None:
            self._take_up(document)

    def begin(
        self,
        tell: Tell,
        foresee: Foresee | None = None,
        free: Callable[[str | None], asyncio.Event] | None = None,
    ) -> None:
        """From now on they ring, while the event that `free` gives for their room is set. Those
        that ran out meanwhile are told at once."""
        self._tell, self._foresee, self._free = tell, foresee, free
        self._wait()

    def watch(self, watcher: Watcher) -> None:
        """From now on tell what becomes of them, in their room: there may be something that shows
        them. One that rings by itself is told of once, and does not ring here on and on."""
        self._watcher = watcher

    async def close(self) -> None:
        """Keep them as they are, and be silent."""
        begun, self._tell = self._tell is not None, None
        tasks = [*self._ringing.values(), *([self._waiting] if self._waiting else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._notes is not None:
            if begun and self._timers:
                await self._keep()  # the clock on the wall may have been set since
            await self._notes.close()

    def _take_up(self, document: Mapping[str, Any]) -> None:
        now = self._time.steady()
        try:
            since = elapsed(document, self._time)
            kept: Iterable[Mapping[str, Any]] = list(document["timers"])
        except (KeyError, TypeError, ValueError) as error:
            log.error("the timers that were kept make no sense: %r", error)
            return
        for each in kept:
            try:
                timer = Timer.from_json(each, since, now)
            except (KeyError, TypeError, ValueError) as error:
                log.error("a timer that was kept makes no sense: %r", error)
                continue
            self._timers[timer.id] = timer
            number = timer.id.rpartition("-")[2]
            self._number = max(self._number, int(number) if number.isdecimal() else 0)

    # --- looking at them ------------------------------------------------------------------------

    @property
    def rings(self) -> bool:
        """Whether somebody will be told when one runs out."""
        return self._tell is not None

    @property
    def full(self) -> bool:
        return len(self._timers) >= MOST

    def all(self) -> list[Timer]:
        """The one that runs out next first, those that are paused last."""
        return sorted(self._timers.values(), key=lambda t: (t.paused, self.left(t)))

    def left(self, timer: Timer) -> float:
        """Seconds until it rings; 0 or less when it has run out."""
        return timer.remaining(self._time.steady())

    def find(
        self,
        *,
        name: str | None = None,
        seconds: float | None = None,
        area: str | None = None,
        here: str | None = None,
    ) -> list[Timer]:
        """Those that fit all that is given: the name (or id), what it was set to, the room. Where
        several do, and one of them is in the room `here`, that is meant."""
        found = self.all()
        if name is not None:
            found = _named(name, found)
        if seconds is not None:
            found = [timer for timer in found if abs(timer.seconds - seconds) < 0.5]
        if area is not None:
            found = [timer for timer in found if timer.area == area]
        near = [timer for timer in found if here is not None and timer.area == here]
        return near if len(found) > 1 and area is None and len(near) == 1 else found

    def speak_of(self, timer: Timer, area: str | None) -> None:
        """In this room 'it' now means this timer, for a while."""
        self._spoken_of[area] = (timer.id, self._time.steady())

    def it(self, area: str | None) -> Timer | None:
        """The timer that was spoken of last in this room; None if that was too long ago."""
        key, at = self._spoken_of.get(area, ("", 0.0))
        return self._timers.get(key) if self._time.steady() - at <= REMEMBERED else None

    # --- wording, for skills ----------------------------------------------------------------------

    def facts(self, timer: Timer, language: str) -> dict[str, Any]:
        """What templates of replies can use."""
        return wording.facts(timer, self.left(timer), language)

    def duration(self, seconds: float, language: str) -> str:
        return wording.duration(seconds, language)

    def trouble(self, key: str, language: str) -> str:
        return wording.trouble(key, language)

    def which(self, timers: Sequence[Timer], language: str) -> str:
        return wording.trouble("which", language, names=wording.listed(timers, language))

    # --- changing them --------------------------------------------------------------------------

    async def start(
        self,
        seconds: float,
        *,
        name: str | None = None,
        command: str | None = None,
        area: str | None = None,
        language: str = "en",
    ) -> Timer:
        """A new timer; it is on the disk when this returns, or `kept` is False."""
        self._number += 1
        now = self._time.steady()
        timer = Timer(f"timer-{self._number}", seconds, seconds, now, name, area, language, command)
        return await self._put(timer)

    async def obstacle(self, command: str, area: str | None, language: str) -> Obstacle | None:
        """Why a command for later would not be done; what takes long to find out is taken for one
        that would."""
        return await foreseen(self._foresee, command, area, language)

    async def change(self, timer: Timer, seconds: float) -> Timer:
        """More time, or less; one that has none left rings."""
        return await self._put(timer.longer(seconds, self._time.steady()))

    async def pause(self, timer: Timer) -> Timer:
        return await self._put(timer.pause(self._time.steady()))

    async def resume(self, timer: Timer) -> Timer:
        return await self._put(timer.resume(self._time.steady()))

    async def cancel(self, *timers: Timer) -> None:
        """They will not ring, and stop ringing."""
        for timer in timers:
            self._silence(timer.id)
            if timer.id in self._timers:
                self._watcher("cancelled", timer)
            self._drop(timer.id)
        self._wait()
        await self._keep()

    async def hush(self, here: Callable[[str | None], bool] = lambda area: True) -> bool:
        """End the ringing of what was set in rooms that are meant by `here`: somebody has heard
        it. False if nothing rang."""
        rang = [self._timers[key] for key in self._ringing if key in self._timers]
        rang = [timer for timer in rang if here(timer.area)]
        rang = [timer for timer in rang if timer.command is None and timer.id in self._sounding]
        if rang:
            await self.cancel(*rang)
        return bool(rang)

    async def done(self, timer: Timer) -> None:
        """Its command has been run: it is not run again, whatever becomes of the hub meanwhile."""
        await self._forget(replace(timer, begun=True))

    def _silence(self, key: str) -> None:
        """What has begun to act is never cut short."""
        timer = self._timers.get(key)
        if timer is not None and timer.command is None and key in self._ringing:
            self._ringing.pop(key).cancel()
            self._sounding.discard(key)

    async def _put(self, timer: Timer) -> Timer:
        self._silence(timer.id)
        known = timer.id in self._timers
        self._drop(timer.id)
        self._timers[timer.id] = timer
        self._watcher("updated" if known else "started", timer)
        self._wait()
        await self._keep()
        return timer

    async def _keep(self) -> None:
        """On the disk when this returns. A disk that takes nothing costs no timer that runs."""
        if self._notes is None:
            return
        now = self._time.steady()
        document = {
            **stamp(self._time),
            "timers": [
                timer.to_json(now)
                for timer in self._timers.values()
                if timer.id not in self._told_of
            ],
        }
        self._notes.put(KEY, document)
        self.kept = await on_disk(self._notes)

    # --- running out ----------------------------------------------------------------------------

    def _wait(self) -> None:
        """Sleep until the next runs out, in place of whatever was waited for before."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self._tell is not None and self._running():
            self._waiting = asyncio.create_task(self._until_due(), name="timers")

    def _running(self) -> list[Timer]:
        return [
            timer
            for timer in self._timers.values()
            if not timer.paused and timer.id not in self._ringing and timer.id not in self._tried
        ]

    async def _until_due(self) -> None:
        while running := self._running():
            left = min(self.left(timer) for timer in running)
            if left > 0:
                await self._time.sleep(left)
                continue
            for timer in running:
                if self.left(timer) <= 0:
                    task = asyncio.create_task(self._run_out(timer), name=f"ringing-{timer.id}")
                    self._ringing[timer.id] = task

    async def _run_out(self, timer: Timer) -> None:
        """Tell it until it is told; ring on until somebody stops it, a bounded number of times."""
        mine = asyncio.current_task()
        late = -self.left(timer)
        kept, timer = timer, replace(timer, begun=True)
        once = timer.command is not None or late >= LATE
        told = False
        try:
            if not kept.begun and self._same(kept):
                self._timers[timer.id] = timer
                await self._keep()
            for number in range(RINGS):
                if number:
                    await self._time.sleep(BETWEEN)
                if timer.command is None:
                    await self._until_free(timer.area)
                    self._sounding.add(timer.id)
                heard = await self._told(kept, late)
                if heard and not told:
                    told = True
                    if timer.id not in self._told_of:
                        await self._forget(timer)
                    once = self._watcher("finished", kept) or once
                if told and once:
                    return
        finally:
            if self._ringing.get(timer.id) is mine:
                del self._ringing[timer.id]
                self._sounding.discard(timer.id)
            if self._same(timer):
                if told:
                    self._drop(timer.id)
                else:
                    self._tried.add(timer.id)

    async def _until_free(self, area: str | None) -> None:
        # Which event it is may change while it is waited for: its room may come or go.
        while self._free is not None and not (free := self._free(area)).is_set():
            await free.wait()

    def _same(self, timer: Timer) -> bool:
        return self._timers.get(timer.id) == timer

    async def _told(self, timer: Timer, late: float) -> bool:
        if self._tell is None:
            return False
        try:
            await self._tell(timer, late)
        except HearthError as error:
            log.error("%s could not be told: %s", timer.id, error)
            # A command that failed has been tried; it is not tried again.
            return timer.command is not None
        # Whatever goes wrong costs this one ring, not the other timers.
        except Exception:
            log.exception("%s could not be told", timer.id)
            return timer.command is not None
        return True

    async def _forget(self, timer: Timer) -> None:
        """It is not told again; until it is silent it can still be found."""
        if self._same(timer):
            self._told_of.add(timer.id)
            await self._keep()

    def _drop(self, key: str) -> None:
        self._timers.pop(key, None)
        self._told_of.discard(key)
        self._tried.discard(key)


async def foreseen(
    foresee: Foresee | None, command: str, area: str | None, language: str
) -> Obstacle | None:
    """What would be in the way of a command; None, too, where that cannot be known in time."""
    if foresee is None:
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            return await foresee(command, area, language)
    except (HearthError, TimeoutError):
        return None


def _named(name: str, timers: Sequence[Timer]) -> list[Timer]:
    """By id, by name, by a name much like it, by what they are to do."""
    said = normal(name)
    by_id = [timer for timer in timers if timer.id == name]
    if by_id:
        return by_id
    called = [(timer, normal(timer.name or timer.command or "")) for timer in timers]
    exact = [timer for timer, own in called if own and own == said]
    return exact or [timer for timer, own in called if own and fuzz.ratio(own, said) >= ALIKE]
