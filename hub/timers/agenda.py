"""All that is to happen at some time: alarms, reminders, commands. None is lost, none comes twice.

Each is kept as soon as it is made. Before it rings, or is done, it is kept that it has begun, and
when it is over, that it is. A hub that is killed in between goes on with the same alarm or reminder
at its start; a command that may have been done already is not done again, and that is told.

What is for a time on the clock of the wall follows that clock, wherever it is set to (`wall.py`);
what is for a length of time follows the steady one. What came due while the hub was off is done at
its start if that is not long ago, and else told as missed; of a repeated one that is the last time
alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from hub.errors import HearthError, StorageError
from hub.home.model import Home
from hub.keeping import on_disk
from hub.messages import StateChange, Trace
from hub.timers import spoken, wording
from hub.timers.appointment import Appointment, Kind, SpokenTime, When
from hub.timers.book import REMEMBERED, Foresee, Obstacle, foreseen
from hub.timers.clock import EARLIEST, Time
from hub.timers.sun import Place, sun
from hub.timers.waiting import full, until_set
from hub.timers.wall import Wall, moment

log = logging.getLogger(__name__)

MOST = 200
"""At a time."""
LATE = 600.0
"""Seconds from which something is missed, and only told."""
RINGING = 3600.0
"""Seconds for which an alarm rings if nobody stops it."""
BETWEEN = 2.0
"""Seconds of silence between the rings of an alarm."""
POLITE = 60.0
"""Seconds for which an alarm waits until somebody has spoken."""
TRIES, AGAIN = 10, 30.0
"""How often it is tried to tell something, and the seconds between."""
REMINDED, LATER = 2, 60.0
"""How often a reminder is said if nobody takes notice, and the seconds between."""
ASTRAY = timedelta(hours=12)
"""A last time this much ahead is of a clock that was wrong."""
FURTHEST = 400
"""Days that are looked ahead for the sun."""
NOBODY = ("unknown", "unavailable")


class Pages(Protocol):
    """Where they are kept: a document each."""

    async def load(self) -> dict[str, dict[str, Any]]: ...

    def put(self, key: str, document: Mapping[str, Any]) -> None: ...

    def remove(self, key: str) -> None: ...

    async def flush(self) -> None: ...

    async def tidy(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Due:
    """Something whose time has come."""

    what: Appointment
    at: datetime
    """What the clock on the wall showed then."""
    late: float = 0.0
    """Seconds since."""
    number: int = 0
    """How many times it was told before, in this run of the hub."""
    again: bool = False
    """It had begun before the hub was ended."""
    missed: bool = False
    """That was too long ago, or nobody came: it is only told."""


Tell = Callable[[Due], Awaitable[None]]
"""Rings once, says it, or does it. Raises HearthError if nobody can have heard it."""
Act = Callable[[str, str | None, str], Awaitable[Trace]]
"""Does a command (text, room, language) that nobody attends to."""


@dataclass(frozen=True, slots=True)
class _Next:
    left: float
    """Seconds"""
    at: datetime
    """What the clock on the wall will show, or showed."""


class Agenda:
    """The appointments. Before `begin` they can be looked at and cancelled, and nothing happens.

    `place` tells where the home is, for the sun."""

    name = "agenda"
    about = "alarms, reminders, and commands for later"

    def __init__(
        self,
        time: Time,
        pages: Pages | None = None,
        *,
        home: Home | None = None,
        place: Callable[[], Place | None] = lambda: None,
    ) -> None:
        self._time = time
        self._pages = pages
        self._home = home
        self._place = place
        self.wall = Wall(time)
        self._all: dict[str, Appointment] = {}
        self._number = 0
        self._tell: Tell | None = None
        self._foresee: Foresee | None = None
        self._act: Act | None = None
        self._free: Callable[[str | None], asyncio.Event] | None = None
        self._heard_in: Callable[[str | None, str | None], bool] = lambda area, room: True
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._active: dict[str, asyncio.Task[None]] = {}
        self._sounding: set[str] = set()
        """Those that can be heard: none that waits until somebody has spoken."""
        self._echoing: dict[str, str | None] = {}
        """Reminders that were said, and are said again if nobody takes notice; with their rooms."""
        self._tried: set[str] = set()
        """Those that nobody could be told of; they are told after the next start."""
        self._stop_watching: Callable[[], None] = lambda: None
        self._cache: dict[str, tuple[Any, datetime, datetime]] = {}
        self._spoken_of: dict[str | None, tuple[str, float]] = {}
        self.kept = True
        """Whether the last change is on the disk."""

    # --- their life -----------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up what was kept. What cannot be read is logged, and costs nothing else."""
        if self._pages is None:
            return
        try:
            documents = await self._pages.load()
        except StorageError as error:
            log.error("%s", error)
            return
        for key, document in documents.items():
            try:
                what = Appointment.from_json(document, self._time)
                known = datetime.fromisoformat(document["stamp"]["at"])
            except (KeyError, TypeError, ValueError) as error:
                log.error("%s, as it was kept, makes no sense: %r", key, error)
                continue
            self.wall.not_before(known)
            self._all[what.id] = what
            number = what.id.rpartition("-")[2]
            self._number = max(self._number, int(number) if number.isdecimal() else 0)

    def begin(
        self,
        tell: Tell,
        *,
        foresee: Foresee | None = None,
        act: Act | None = None,
        free: Callable[[str | None], asyncio.Event] | None = None,
        heard_in: Callable[[str | None, str | None], bool] | None = None,
    ) -> None:
        """From now on they happen. What came due meanwhile does so at once. `free` gives, for the
        room of one, the event that is set while nobody is talked with there; `heard_in` tells
        whether what was set in one room is heard in another."""
        self._tell, self._foresee, self._act, self._free = tell, foresee, act, free
        if heard_in is not None:
            self._heard_in = heard_in
        if self._home is not None:
            self._stop_watching = self._home.watch(self._seen)
            self._look()
        if self._task is None:
            self._task = asyncio.create_task(self._keep_time(), name="agenda")
        self._changed.set()

    async def close(self) -> None:
        """Keep them as they are, and be silent."""
        self._tell = None
        self._stop_watching()
        tasks = [*self._active.values(), *([self._task] if self._task else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._pages is not None:
            await self._pages.close()

    # --- looking at them ------------------------------------------------------------------------

    @property
    def rings(self) -> bool:
        """Whether anything will happen: only a running hub can."""
        return self._tell is not None

    @property
    def full(self) -> bool:
        return len(self._all) >= MOST

    @property
    def place(self) -> Place | None:
        """Where the home is, if that is known."""
        return self._place()

    def now(self) -> datetime:
        """What the clock on the wall shows: without a zone."""
        return self.wall.local()

    def read(self, text: str, language: str, use: spoken.Use = "reminder") -> SpokenTime | None:
        """The time that words mean; None if they mean none."""
        return spoken.read(text, language, self.now(), use)

    def splits(
        self, text: str, language: str, use: spoken.Use = "reminder"
    ) -> list[tuple[str, str, SpokenTime]]:
        """Ways to take a time out of a sentence, the best first: the rest, its words, the time."""
        return spoken.splits(text, language, self.now(), use)

    def all(self, *kinds: Kind) -> list[Appointment]:
        """Those of these kinds, or all; the next one first, those without a time last."""
        found = [what for what in self._all.values() if not kinds or what.kind in kinds]
        far = float("inf")
        times = {what.id: (coming.left if (coming := self._next(what)) else far) for what in found}
        return sorted(found, key=lambda what: times[what.id])

    def next_time(self, what: Appointment) -> datetime | None:
        """What the clock on the wall will show when it happens next; None if that is not known."""
        coming = self._next(what)
        return coming.at if coming else None

    def times(self, what: Appointment, until: datetime) -> list[datetime]:
        """The times up to one on the clock of the wall, also those that are left out."""
        if what.due is not None or what.when.entity:
            at = self.next_time(what)
            return [at] if at and at <= until else []
        bare = what.changed(skip=(), begun=None)
        since = self._since(bare)
        found: list[datetime] = []
        while (pair := self._after(bare, since)) and pair[0] <= until and len(found) < MOST:
            found.append(pair[0])
            since = pair[0]
            if not what.when.repeated:
                break
        return found

    def ringing(self) -> list[Appointment]:
        """Alarms that ring now."""
        return [
            self._all[key]
            for key in self._active
            if key in self._all and self._all[key].kind == "alarm"
        ]

    def _ringing_in(self, room: str | None) -> list[Appointment]:
        every = self.ringing()
        here = [what for what in every if room is not None and self._heard_in(what.area, room)]
        return here or every

    def it(self, area: str | None) -> Appointment | None:
        """The one that was spoken of last in this room; None if that was too long ago."""
        key, at = self._spoken_of.get(area, ("", 0.0))
        return self._all.get(key) if self._time.steady() - at <= REMEMBERED else None

    def speak_of(self, what: Appointment, area: str | None) -> None:
        """In this room 'that' now means this one, for a while."""
        self._spoken_of[area] = (what.id, self._time.steady())

    # --- wording, for skills ----------------------------------------------------------------------

    def when(self, what: Appointment, language: str) -> str:
        """`tomorrow at 7 AM`, `every weekday at 6:30 AM`"""
        at, name = self.next_time(what), self._name(what.when)
        if what.due is not None and not what.when.seconds and at is not None:  # it was snoozed
            return wording.moment(at, self.now(), language)
        return wording.when(what.when, at, self.now(), language, name=name)

    def said_when(self, when: When, language: str) -> str:
        """The same of something that is not planned yet."""
        probe = Appointment("", "command", when, self.wall.now())
        return wording.when(
            when, self.next_time(probe), self.now(), language, name=self._name(when)
        )

    def told(self, what: Appointment, language: str) -> str:
        """What it is, and when: `call your sister, tomorrow at 5 PM`"""
        text = wording.turned(what.text, language) if what.kind == "reminder" else what.text
        return ", ".join(filter(None, (text, self.when(what, language))))

    def turned(self, text: str, language: str) -> str:
        """What somebody has to do, said to them: `call my sister` -> `call your sister`"""
        return wording.turned(text, language)

    def sentence(self, key: str, language: str, **values: str) -> str:
        """One of the hub's own sentences about them."""
        return wording.agenda(key, language, **values)

    def _name(self, when: When) -> str:
        entity = self._home.entities.get(when.entity) if self._home else None
        return entity.name if entity else when.entity

    # --- changing them --------------------------------------------------------------------------

    async def add(
        self,
        kind: Kind,
        when: When,
        text: str = "",
        *,
        area: str | None = None,
        language: str = "en",
        person: str | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, str] | None = None,
        skip: tuple[datetime, ...] = (),
    ) -> Appointment:
        """A new one; it is on the disk when this returns, or `kept` is False."""
        self._number += 1
        counted = when.seconds and not when.entity
        what = Appointment(
            id=f"{kind}-{self._number}",
            kind=kind,
            when=when,
            made=self.wall.now(),
            text=text,
            area=area,
            language=language,
            person=person,
            due=self._time.steady() + when.seconds if counted else None,
            away=bool(when.entity) and self._elsewhere(when),
            before=before or {},
            after=after or {},
            skip=skip,
        )
        await self._keep(what)
        return what

    async def move(self, what: Appointment, said: str, language: str) -> Appointment | None:
        """The same at the time that words mean (`spoken.instead`); None if they mean none."""
        use: spoken.Use = "command" if what.kind == "back" else what.kind
        found = spoken.instead(said, language, self.now(), use, what.when)
        if found is None:
            return None
        when, left_out = found.when, what.skip
        if left_out and when.wall and when.rule == what.when.rule:
            left_out = tuple(datetime.combine(at.date(), when.wall.time()) for at in left_out)
        # Kept before the other one goes: whenever the power fails, one of them is there.
        moved = await self.add(
            what.kind,
            when,
            what.text,
            area=what.area,
            language=what.language,
            person=what.person,
            before=what.before,
            after=what.after,
            skip=left_out,
        )
        self._silence(what.id)
        self._drop(what.id)
        await self._flush()
        return moved

    async def move_it(
        self, said: str, area: str | None, language: str, *kinds: Kind
    ) -> Appointment | str:
        """Move the one that was spoken of last in a room, if it is of these kinds; or say why it
        is not moved."""
        it = self.it(area)
        if it is None or it.kind not in kinds:
            return self.sentence("no_such", language)
        moved = await self.move(it, said, language)
        if moved is None:
            return self.sentence("no_time", language)
        self.speak_of(moved, area)
        return moved

    async def cancel(self, *several: Appointment) -> None:
        """They will not happen; those that ring are silent."""
        for what in several:
            self._silence(what.id)
            self._drop(what.id)
        await self._flush()

    async def skip(self, what: Appointment, at: datetime) -> None:
        """Leave out one time of a repeated one; a single one is cancelled."""
        if not what.when.repeated:
            await self.cancel(what)
            return
        await self._keep(what.changed(skip=tuple(sorted({*what.skip, at}))))

    async def stop(self, room: str | None = None) -> bool:
        """Somebody is awake: the alarms that ring in this room are done with, or all if none does
        there. False if none rang."""
        rang = self._ringing_in(room)
        for what in rang:
            self._silence(what.id)
            self._over(what)
        await self._flush()
        return bool(rang)

    async def snooze(self, seconds: float, room: str | None = None) -> list[Appointment]:
        """The alarms that ring in this room, or all if none does there, do so again after a
        while."""
        rang = self._ringing_in(room)
        for what in rang:
            self._silence(what.id)
            self._set(what.changed(due=self._time.steady() + seconds))
        await self._flush()
        return rang

    async def heard(self, here: Callable[[str | None], bool] = lambda area: True) -> bool:
        """Somebody has heard what was said of what was set in the rooms that are meant by `here`:
        a reminder need not be said again."""
        sounding = [self._all[key] for key in self._sounding if key in self._all]
        said = [what for what in sounding if what.kind == "reminder" and here(what.area)]
        echoing = [key for key, area in self._echoing.items() if here(area)]
        for key in (*echoing, *(what.id for what in said)):
            self._end(key)
        for what in said:
            if what.id not in echoing:
                self._over(what)
        await self._flush()
        return bool(said or echoing)

    async def done(self, key: str) -> None:
        """A command has been done: it is not done again, whatever becomes of the hub meanwhile."""
        if key in self._all:
            self._over(self._all[key])
            await self._flush()

    async def obstacle(self, command: str, area: str | None, language: str) -> Obstacle | None:
        """Why a command for later would not be done; what takes long to find out is taken for one
        that would."""
        return await foreseen(self._foresee, command, area, language)

    async def for_a_while(
        self,
        command: str,
        seconds: float,
        *,
        area: str | None = None,
        language: str = "en",
        person: str | None = None,
    ) -> tuple[Trace | None, Appointment | None]:
        """Do a command now, and put back after a while what it changed. The turn of the command,
        and what was planned: None if it changed nothing that can be put back."""
        if self._act is None or self._home is None:
            return None, None
        states = {key: self._home.state(key) for key in self._home.entities}
        trace = await self._act(command, area, language)
        done = {outcome.entity_id for outcome in trace.outcomes if outcome.error is None}
        before = {
            key: {"state": states[key].state, "attributes": dict(states[key].attributes)}
            for key in done
            if key in states and states[key] != self._home.state(key)
        }
        if not before:
            return trace, None
        after = {key: self._home.state(key).state for key in before}
        when = When(seconds=seconds)
        what = await self.add(
            "back",
            when,
            command,
            area=area,
            language=language,
            person=person,
            before=before,
            after=after,
        )
        return trace, what

    # --- for privacy ----------------------------------------------------------------------------

    async def export(self) -> list[dict[str, Any]]:
        """All of them, as they are kept."""
        return [what.to_json(self._time, self.wall.now()) for what in self.all()]

    async def erase(self, person: str | None = None) -> int:
        """Forget all, or those of one person, so that nothing of them stays on the disk."""
        gone = [w for w in self._all.values() if person is None or w.person == person]
        await self.cancel(*gone)
        if self._pages is not None:
            with suppress(StorageError):
                await self._pages.tidy()
        return len(gone)

    # --- keeping --------------------------------------------------------------------------------

    def _set(self, what: Appointment) -> None:
        self._all[what.id] = what
        self._tried.discard(what.id)
        if self._pages is not None:
            self._pages.put(what.id, what.to_json(self._time, self.wall.now()))
        self._changed.set()

    def _drop(self, key: str) -> None:
        self._all.pop(key, None)
        self._cache.pop(key, None)
        self._tried.discard(key)
        if self._pages is not None:
            self._pages.remove(key)
        self._changed.set()

    async def _keep(self, what: Appointment) -> None:
        self._set(what)
        await self._flush()

    async def _flush(self) -> None:
        self.kept = await on_disk(self._pages)

    def _over(self, what: Appointment) -> None:
        """This time of it is done with."""
        if not what.when.repeated:
            self._drop(what.id)
            return
        last = what.begun or what.last
        later = tuple(at for at in what.skip if last is None or at > last)
        self._set(what.changed(last=last, begun=None, due=None, skip=later))

    def _silence(self, key: str) -> None:
        """What has begun to act is never cut short."""
        if (what := self._all.get(key)) is not None and what.kind in ("alarm", "reminder"):
            self._end(key)

    def _end(self, key: str) -> None:
        self._sounding.discard(key)
        if (task := self._active.pop(key, None)) is not None:
            task.cancel()

    # --- when -----------------------------------------------------------------------------------

    def _next(self, what: Appointment) -> _Next | None:
        """When it happens next; None if no time is known."""
        if what.due is not None:
            left = what.due - self._time.steady()
            shown = self.wall.shows(self.wall.now() + timedelta(seconds=left))
            return _Next(left, what.begun or shown)
        if what.begun is not None:
            at = moment(what.begun, self.wall.zone)
            return _Next((at - self.wall.now()).total_seconds(), what.begun)
        if what.when.wall is None:
            return None
        known = (what, self.wall.zone, self._place() if what.when.sun else None)
        cached = self._cache.get(what.id)
        if cached is None or cached[0] != known:
            found = self._after(what, self._since(what))
            if found is None:
                return None
            cached = (known, *found)
            self._cache[what.id] = cached
        return _Next((cached[2] - self.wall.now()).total_seconds(), cached[1])

    def _since(self, what: Appointment) -> datetime:
        """Its times are those after this one, as the clock on the wall shows them."""
        if not what.when.repeated and not what.when.sun:
            return datetime.min
        made = self.wall.shows(what.made)
        return max(what.last, made) if what.last else made

    def _after(self, what: Appointment, since: datetime) -> tuple[datetime, datetime] | None:
        """The first time after one: on the clock of the wall, and in UTC."""
        zone = self.wall.zone
        for wall in _walls(what.when, since):
            if what.when.sun:
                place = self._place()
                rises = sun(what.when.sun, wall.date(), place) if place else None
                if rises is None:
                    continue
                at = rises + timedelta(seconds=what.when.offset)
                wall = self.wall.shows(at).replace(microsecond=0)
                if wall <= since:
                    continue
            else:
                at = moment(wall, zone, after=what.made)
            if wall not in what.skip:
                return wall, at
        return None

    def _latest(self, what: Appointment, coming: _Next) -> _Next:
        """Of several times of a repeated one that have gone by the last."""
        if not what.when.repeated or what.due is not None or what.begun is not None:
            return coming
        at, since = coming, coming.at
        if not what.when.sun:
            before = _before(what.when, self.wall.local())
            while before is not None and before in what.skip:
                before = _before(what.when, before - timedelta(microseconds=1))
            if before is not None and before > since:
                due = moment(before, self.wall.zone, after=what.made)
                return _Next((due - self.wall.now()).total_seconds(), before)
            return at
        while (pair := self._after(what, since)) is not None:
            left = (pair[1] - self.wall.now()).total_seconds()
            if left > 0:
                break
            at, since = _Next(left, pair[0]), pair[0]
        return at

    # --- time passes ----------------------------------------------------------------------------

    async def _keep_time(self) -> None:
        while True:
            self._changed.clear()
            left = self._look_at_all()
            await until_set(self._changed, self._time, left)

    def _look_at_all(self) -> float | None:
        """Begin what is due; the seconds until the next is."""
        lefts = []
        for what in list(self._all.values()):
            if what.id in self._active or what.id in self._tried:
                continue
            if what.last is not None and what.last - self.wall.local() > ASTRAY:
                what = what.changed(last=self.wall.local())  # of a clock that was wrong
                self._all[what.id] = what
            if what.made < EARLIEST <= self.wall.now():
                what = self._redated(what)
            coming = self._next(what)
            if coming is None:
                if what.when.wall is not None and not what.when.sun:
                    self._drop(what.id)  # its rule has ended
                continue
            if coming.left > 0:
                lefts.append(coming.left)
            else:
                self._start(what, self._latest(what, coming))
        return min(lefts, default=None)

    def _redated(self, what: Appointment) -> Appointment:
        """What was set before the clock was: its day is counted from today."""
        now, wall = self.wall.local(), what.when.wall
        when = what.when
        if wall is not None:
            ahead = (wall.date() - self.wall.shows(what.made).date()).days
            wall = datetime.combine(now.date() + timedelta(days=ahead), wall.time())
            wall += timedelta(days=wall <= now and not when.sun)
            when = replace(when, wall=wall)
        what = what.changed(when=when, made=self.wall.now(), last=None, begun=None)
        self._set(what)
        return what

    def _start(self, what: Appointment, coming: _Next) -> None:
        task = asyncio.create_task(self._happen(what, coming), name=what.id)
        self._active[what.id] = task

    async def _happen(self, what: Appointment, coming: _Next) -> None:
        mine = asyncio.current_task()
        late = max(0.0, -coming.left)
        # A snooze is no interruption.
        again = what.begun is not None and (what.due is None or bool(what.when.seconds))
        due = Due(what, coming.at, late, again=again)
        patience = RINGING if again and what.kind == "alarm" else LATE
        try:
            begun = what.changed(begun=coming.at, due=what.due if what.when.seconds else None)
            await self._keep(begun)
            due = replace(due, what=begun)
            if what.kind == "back":
                told = await self._told(due)
            elif late >= patience:
                told = await self._until_told(replace(due, missed=True))
            elif what.kind == "alarm":
                told = await self._ring(due)
            elif what.kind == "reminder":
                told = await self._remind(due)
            else:
                told = await self._told(due) or True  # it has been tried; it is not tried again
            if self._all.get(what.id) == begun:
                if told:
                    self._over(begun)
                    await self._flush()
                else:
                    self._tried.add(what.id)
        finally:
            if self._active.get(what.id) is mine:
                del self._active[what.id]
                self._sounding.discard(what.id)
            self._changed.set()

    async def _ring(self, due: Due) -> bool:
        """Ring until somebody stops it; at last it is told as missed."""
        until = self._time.steady() + RINGING
        number = 0
        while self._time.steady() < until:
            await self._until_free(due.what.area, POLITE)
            self._sounding.add(due.what.id)
            told = await self._told(replace(due, number=number))
            number += told
            await full(self._time, BETWEEN if told else AGAIN)
        log.warning("nobody stopped the alarm of %s", due.at)
        return number > 0 and await self._told(replace(due, missed=True, number=number))

    async def _remind(self, due: Due) -> bool:
        """Say it, and once more if nobody takes notice. Once it was said it is over: what is said
        again is no more than an echo."""
        if not await self._until_told(due):
            return False
        key = due.what.id
        self._over(due.what)
        await self._flush()
        self._echoing[key] = due.what.area
        try:
            for number in range(1, REMINDED):
                await full(self._time, LATER)
                await self._until_told(replace(due, number=number))
        finally:
            self._echoing.pop(key, None)
        return True

    async def _until_told(self, due: Due) -> bool:
        """Try to tell it; False if nobody could hear it."""
        for number in range(TRIES):
            if number:
                await full(self._time, AGAIN)
            await self._until_free(due.what.area)
            self._sounding.add(due.what.id)
            if await self._told(due):
                return True
            self._sounding.discard(due.what.id)
        return False

    async def _told(self, due: Due) -> bool:
        if self._tell is None:
            return False
        try:
            await self._tell(due)
        except HearthError as error:
            log.error("%s could not be told: %s", due.what.id, error)
            return False
        # Whatever goes wrong costs this one, not the others.
        except Exception:
            log.exception("%s could not be told", due.what.id)
            return False
        return True

    async def _until_free(self, area: str | None, longest: float | None = None) -> None:
        """Until nobody is talked with where it is heard; or for so many seconds at most."""
        if self._free is None:
            return
        until = None if longest is None else self._time.steady() + longest
        # Which event it is may change while it is waited for: its room may come or go.
        while not (free := self._free(area)).is_set():
            left = None if until is None else until - self._time.steady()
            if left is not None and left <= 0:
                return
            await until_set(free, self._time, left)

    # --- changes of devices ---------------------------------------------------------------------

    def _elsewhere(self, when: When) -> bool:
        """Whether a device can change into the state that is waited for."""
        if self._home is None or when.entity not in self._home.entities:
            return False
        return self._home.state(when.entity).state not in (when.state, *NOBODY)

    def _look(self) -> None:
        """What has changed while the hub was off."""
        for what in list(self._all.values()):
            if what.when.entity and self._home and what.when.entity in self._home.entities:
                self._weigh(what, self._home.state(what.when.entity).state)

    def _seen(self, change: StateChange) -> None:
        for what in list(self._all.values()):
            if what.when.entity == change.entity_id and what.id not in self._active:
                self._weigh(what, change.state)

    def _weigh(self, what: Appointment, state: str) -> None:
        if state in NOBODY or what.due is not None or what.begun is not None:
            return
        soon = (self.wall.now() - what.made).total_seconds() < what.when.seconds
        if state != what.when.state:
            if not what.away:
                self._set(what.changed(away=True))
        elif what.away and not soon:
            self._start(what, _Next(0.0, self.wall.local().replace(microsecond=0)))


@lru_cache(maxsize=64)
def _rule(rule: str, start: datetime) -> Any:
    from dateutil.rrule import rrulestr

    return rrulestr(rule, dtstart=start)


def _walls(when: When, since: datetime) -> Iterator[datetime]:
    """The times after one on the clock of the wall; of the sun the days from then on."""
    assert when.wall is not None
    if when.sun:
        day = datetime.combine(max(since, when.wall).date(), datetime.min.time())
        if not when.rule:
            yield from (day, day + timedelta(days=1))
            return
        since = day - timedelta(microseconds=1)
    if not when.rule:
        yield when.wall
        return
    rule = _rule(when.rule, when.wall)
    for _ in range(FURTHEST):
        found: datetime | None = rule.after(since)
        if found is None:
            return
        yield found
        since = found


def _before(when: When, local: datetime) -> datetime | None:
    """The last time up to one."""
    assert when.wall is not None
    found: datetime | None = _rule(when.rule, when.wall).before(local, inc=True)
    return found
