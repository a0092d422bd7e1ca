"""The routines of a home: kept, set off by what happens, and run."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hub.cause import cause, caused
from hub.dialogue.replies import Replies
from hub.errors import HearthError, StorageError
from hub.home.model import Home, normal
from hub.messages import Call, StateChange
from hub.policy.classes import R3
from hub.router import Router
from hub.routines import wording
from hub.routines.claims import Claims
from hub.routines.making import Maker
from hub.routines.rehearsal import risk_of
from hub.routines.routine import (
    Becomes,
    Clock,
    Comes,
    Draft,
    Phrase,
    Routine,
    RoutineError,
    Step,
    Sun,
    Trigger,
    from_plain,
    to_plain,
)
from hub.routines.times import Place, next_clock, next_sun
from hub.skill import Where
from hub.skills.handling import Performed
from hub.skills.undo import Deed
from hub.skillset import Skillset
from hub.timers.book import Notes
from hub.timers.clock import Time
from hub.timers.waiting import full, until_set
from hub.timers.wording import duration

log = logging.getLogger(__name__)

KEY = "routines"
MOST = 100
"""Routines there may be."""
LATE = timedelta(minutes=10)
"""What should have run longer ago is not run."""
ECHO = 10.0
"""Seconds for which what a device does may be the doing of the routine that acted on it."""
DEEPEST = 4
"""Routines that set each other off."""
MOST_RUNS, WITHIN = 6, 60.0
"""Runs of one routine by devices within so many seconds: more are a sensor gone wild."""
UNKNOWN = (None, "unknown", "unavailable")

Tell = Callable[[str, str | None, str], Awaitable[None]]
"""Says a text (text, room, language) when nobody is talked with."""

_chain: ContextVar[tuple[str, ...]] = ContextVar("routines", default=())
"""Ids of the routines that led to what runs now."""


@dataclass(slots=True)
class Report:
    """What came of a run."""

    text: str = ""
    deeds: tuple[Deed, ...] = ()


@dataclass(slots=True)
class _Rest:
    """The steps behind a wait."""

    id: str
    step: int
    due: datetime
    area: str | None


@dataclass(slots=True)
class _Work:
    """A run that is going on."""

    routine: Routine
    where: Where
    attended: bool
    done: list[tuple[Call, Performed]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)


class Routines:
    """All routines. `begin` lets them be set off by what happens."""

    def __init__(
        self,
        home: Home,
        router: Router,
        skillset: Skillset,
        time: Time,
        notes: Notes | None = None,
        *,
        place: Callable[[], Place | None] = lambda: None,
        replies: Replies | None = None,
    ) -> None:
        self.home = home
        self.router = router
        self.skillset = skillset
        self.claims: Claims = router.routines or Claims()
        self.maker = Maker(home, router, lambda: self.skillset, place)
        self.place = place
        self._time = time
        self._notes = notes
        self._replies = replies or Replies()
        self._routines: dict[str, Routine] = {}
        self._numbers = itertools.count(1)
        self._dues: dict[tuple[str, int], datetime] = {}
        self._rests: list[_Rest] = []
        self._before: list[dict[str, Routine]] = []
        self._deeds: dict[str, tuple[Deed, ...]] = {}
        self._acting: list[tuple[str, ...]] = []
        self._echoes: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._values: dict[str, float] = {}
        self._lasting: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._runs: dict[str, deque[float]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._clock: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._stop: Callable[[], None] = lambda: None
        self._tell: Tell | None = None
        self._did: Callable[[str | None, Sequence[Deed]], None] = lambda area, deeds: None
        self.watchers: list[Callable[[Routine], None]] = []
        """Told of each routine that has run."""

    # --- kept ------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up what was kept. What cannot be read is logged, and costs nothing else."""
        if self._notes is None:
            return
        try:
            document = (await self._notes.load()).get(KEY, {})
        except StorageError as error:
            log.error("routines cannot be read: %s", error)
            return
        for plain in document.get("entries", ()):
            try:
                routine = from_plain(plain)
            except RoutineError as error:
                log.error("%s: it is left out", error)
                continue
            self._routines[routine.id] = routine
        self._numbers = itertools.count(int(document.get("number", 0)) + 1)
        with suppress(ValueError, TypeError, KeyError):
            for key, due in document.get("dues", {}).items():
                id, _, number = key.rpartition("#")
                self._dues[id, int(number)] = datetime.fromisoformat(due)
            self._rests = [
                _Rest(r["id"], int(r["step"]), datetime.fromisoformat(r["due"]), r["area"])
                for r in document.get("rests", ())
            ]
        self._learn()

    def _learn(self) -> None:
        """The router knows what there is now."""
        active = [routine for routine in self._routines.values() if routine.enabled]
        self.claims.know(
            (routine.name for routine in self._routines.values()),
            ((phrase, r.name, r.language) for r in active for phrase in r.phrases),
        )
        self._changed.set()

    def _keep(self) -> None:
        if self._notes is None:
            return
        number = max((int(key.rpartition("-")[2]) for key in self._routines), default=0)
        rests = [
            {"id": r.id, "step": r.step, "due": r.due.isoformat(), "area": r.area}
            for r in self._rests
        ]
        document = {
            "entries": [to_plain(routine, calls=True) for routine in self._routines.values()],
            "number": number,
            "dues": {f"{id}#{n}": due.isoformat() for (id, n), due in self._dues.items()},
            "rests": rests,
        }
        self._notes.put(KEY, document)

    async def flush(self) -> bool:
        """Whether all is on the disk."""
        if self._notes is not None:
            try:
                await self._notes.flush()
            except StorageError as error:
                log.error("routines are not kept: %s", error)
                return False
        return True

    async def close(self) -> None:
        self._stop()
        tasks = [t for t in (self._clock, *self._lasting.values(), *self._tasks) if t is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._notes is not None:
            self._keep()
            await self._notes.close()

    def all(self) -> list[Routine]:
        return list(self._routines.values())

    def find(self, name: str) -> Routine | None:
        """By its name, or the phrase that sets it off, or its id."""
        wanted = normal(name)
        for routine in self._routines.values():
            if wanted in (normal(routine.name), routine.id) or wanted in map(
                normal, routine.phrases
            ):
                return routine
        return None

    def _set(self, routine: Routine) -> None:
        self._remember()
        self._routines[routine.id] = routine
        self._forget_dues(routine.id)
        self._learn()
        self._keep()

    def _forget_dues(self, id: str) -> None:
        self._dues = {key: due for key, due in self._dues.items() if key[0] != id}

    def _remember(self) -> None:
        """How it was before a change: for undo."""
        self._before = [*self._before[-9:], dict(self._routines)]

    def take_back(self) -> bool:
        """Undo the last change."""
        if not self._before:
            return False
        before = self._before.pop()
        for id in {*before, *self._routines}:
            if before.get(id) != self._routines.get(id):
                self._forget_dues(id)
        self._routines = before
        self._learn()
        self._keep()
        return True

    def add(self, routine: Routine) -> Routine:
        """A new one, or one in place of that of its id or name. Raises RoutineError if there are
        too many."""
        old = self._routines.get(routine.id) or next(
            (r for r in self.all() if normal(r.name) == normal(routine.name)), None
        )
        if old is None and len(self._routines) >= MOST:
            text = wording.say("too_many", routine.language, count=MOST)
            raise RoutineError(f"there are {MOST} routines already", spoken=text)
        id = old.id if old else f"routine-{next(self._numbers)}"
        made = replace(routine, id=id)
        self._set(made)
        return made

    def remove(self, id: str) -> None:
        self._remember()
        self._routines.pop(id, None)
        self._forget_dues(id)
        self._rests = [rest for rest in self._rests if rest.id != id]
        self._learn()
        self._keep()

    def enable(self, id: str, enabled: bool) -> Routine:
        self._set(changed := replace(self._routines[id], enabled=enabled))
        return changed

    def new_name(self, draft: Draft) -> str:
        """A name that no other has."""
        return self.maker.name(draft, {normal(routine.name) for routine in self.all()})

    def from_draft(self, draft: Draft, where: Where, made_by: str = "voice") -> Routine:
        """What a draft without problem and question is."""
        if draft.instead is not None:
            return replace(draft.instead, when=draft.when, do=draft.do)
        phrases = [t.text for t in draft.when if isinstance(t, Phrase)]
        old = next((r for phrase in phrases for r in [self.find(phrase)] if r), None)
        name = draft.name or (old.name if old else self.new_name(draft))
        return Routine(
            old.id if old else "",
            name,
            draft.when,
            draft.do,
            where.language,
            where.area,
            made_by=made_by,
            person=where.person,
        )

    # --- set off ---------------------------------------------------------------------------------

    def begin(
        self,
        tell: Tell | None = None,
        did: Callable[[str | None, Sequence[Deed]], None] = lambda area, deeds: None,
    ) -> None:
        """From now on. `tell` says things unasked; `did` is told what can be undone in a room."""
        self._tell, self._did = tell, did
        self._stop()
        for routine in self.all():
            for trigger in routine.when:
                if isinstance(trigger, Becomes) and (value := self._value(trigger)) is not None:
                    self._values[_of(trigger)] = value
        self._stop = self.home.watch(self._on_change)
        if self._clock is None:
            self._clock = asyncio.create_task(self._keep_time(), name="routines")

    async def _keep_time(self) -> None:
        while True:
            self._plan()
            now = self._time.now()
            for key, due in list(self._dues.items()):
                if due <= now:
                    self._fire_at(key, due, now)
            for rest in [rest for rest in self._rests if rest.due <= now]:
                self._rests.remove(rest)
                self._keep()
                if now - rest.due <= LATE and rest.id in self._routines:
                    self._start(self._routines[rest.id], rest.step, rest.area)
            await self._pause()

    def _plan(self) -> None:
        """When each is due next; kept, so that a restart just then skips none."""
        now, changed = self._time.now(), False
        wanted = {
            (r.id, number): trigger
            for r in self.all()
            if r.enabled
            for number, trigger in enumerate(r.when)
            if isinstance(trigger, Clock | Sun)
        }
        for key in set(self._dues) - set(wanted):
            del self._dues[key]
            changed = True
        for key, trigger in wanted.items():
            if key not in self._dues and (due := self._next(trigger, now)) is not None:
                self._dues[key] = due
                changed = True
            elif key in self._dues and self._dues[key] > now:
                # The zone of the machine, or its clock, may have been set. What was just done,
                # before the clock was set back, is not done again.
                due = self._next(trigger, now)
                if due is None or due == self._dues[key]:
                    continue
                if due > self._dues[key] or self._next(trigger, due) != self._dues[key]:
                    self._dues[key], changed = due, True
        if changed:
            self._keep()

    def _next(self, trigger: Trigger, after: datetime) -> datetime | None:
        if isinstance(trigger, Clock):
            return next_clock(trigger, after, self._time.zone)
        if isinstance(trigger, Sun):
            return next_sun(trigger, after, self._time.zone, self.place())
        return None

    def _fire_at(self, key: tuple[str, int], due: datetime, now: datetime) -> None:
        id, number = key
        routine = self._routines[id]
        # The next one is after what is done now, also if the clock is set back meanwhile.
        following = self._next(routine.when[number], max(now, due))
        if following is None:
            del self._dues[key]
        else:
            self._dues[key] = following
        self._keep()
        if now - due > LATE:
            log.warning("the routine %s was due at %s: not run", routine.name, due)
            return
        self._start(routine)

    async def _pause(self) -> None:
        """Until the next is due, or something changes."""
        self._changed.clear()
        dues = [*self._dues.values(), *(rest.due for rest in self._rests)]
        left = max(0.0, (min(dues) - self._time.now()).total_seconds()) if dues else None
        await until_set(self._changed, self._time, left)

    def _on_change(self, change: StateChange) -> None:
        values: dict[str, float] = {}
        for routine in self.all():
            for number, trigger in enumerate(routine.when):
                if isinstance(trigger, Becomes) and trigger.entity_id == change.entity_id:
                    value = self._value(trigger, change)
                    if routine.enabled:
                        self._became(routine, number, trigger, change, value)
                    if value is not None:
                        values[_of(trigger)] = value
                elif isinstance(trigger, Comes) and routine.enabled and self._came(trigger, change):
                    self._set_off(routine, change.entity_id)
        self._values |= values  # what was before is the same for all of them

    def _value(self, trigger: Becomes, change: StateChange | None = None) -> float | None:
        if not trigger.numeric:
            return None
        now = change or self.home.state(trigger.entity_id)
        raw = now.attributes.get(trigger.attribute) if trigger.attribute else now.state
        try:
            return float(raw)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return None

    def _is_so(self, trigger: Becomes, state: str | None, value: float | None) -> bool:
        if trigger.numeric:
            return value is not None and (
                (trigger.above is None or value > trigger.above)
                and (trigger.below is None or value < trigger.below)
            )
        return state in trigger.to

    def _became(
        self,
        routine: Routine,
        number: int,
        trigger: Becomes,
        change: StateChange,
        value: float | None,
    ) -> None:
        key = (routine.id, number)
        if not self._is_so(trigger, change.state, value):
            if (task := self._lasting.pop(key, None)) is not None:
                task.cancel()
            return
        if trigger.numeric:
            before = self._values.get(_of(trigger))
            if before is None or self._is_so(trigger, None, before):
                return
        else:
            if change.before in trigger.to or change.before == change.state:
                return
            if change.before in UNKNOWN and "unavailable" not in trigger.to:
                return
            if trigger.before and change.before not in trigger.before:
                return
        if not trigger.lasting:
            self._set_off(routine, change.entity_id)
        elif key not in self._lasting:
            chain = self._chain_of(change.entity_id)
            task = asyncio.create_task(
                self._after(key, trigger.lasting, change.entity_id, chain), name=routine.id
            )
            self._lasting[key] = task

    async def _after(
        self, key: tuple[str, int], seconds: float, entity_id: str, chain: tuple[str, ...]
    ) -> None:
        await full(self._time, seconds)
        self._lasting.pop(key, None)
        routine = self._routines.get(key[0])
        if routine is not None and routine.enabled:
            self._set_off(routine, entity_id, chain)

    def _came(self, trigger: Comes, change: StateChange) -> bool:
        came = change.state == "home"
        if came != trigger.home or came == (change.before == "home"):
            return False
        if change.before in UNKNOWN or change.state in UNKNOWN:
            return False
        # Most changes end above: who lives here is looked for only at the others.
        persons = {person.entity_id for person in self.maker.persons()}
        if change.entity_id not in persons:
            return False
        if trigger.who == "anybody":
            return True
        if trigger.who == "everybody":
            states = {
                id: change.state if id == change.entity_id else self.home.state(id).state
                for id in persons
            }
            return all((state == "home") == trigger.home for state in states.values())
        return trigger.who == change.entity_id

    def _chain_of(self, entity_id: str) -> tuple[str, ...]:
        """The routines whose doing the change of a device may be."""
        found: tuple[str, ...] = self._acting[-1] if self._acting else ()
        at, chain = self._echoes.get(entity_id, (0.0, ()))
        if chain and self._time.steady() - at <= ECHO:
            found = (*found, *chain)
        return found

    def _set_off(
        self, routine: Routine, entity_id: str, chain: tuple[str, ...] | None = None
    ) -> None:
        led = self._chain_of(entity_id) if chain is None else chain
        if routine.id in led or len(led) >= DEEPEST:
            self._stop_loop(routine)
            return
        now = self._time.steady()
        times = self._runs.setdefault(routine.id, deque(maxlen=MOST_RUNS))
        if len(times) == MOST_RUNS and now - times[0] < WITHIN:
            log.warning("the routine %s is set off too often: it waits", routine.name)
            return
        times.append(now)
        self._start(routine, chain=led)

    def _stop_loop(self, routine: Routine) -> None:
        log.warning("the routine %s sets itself off: stopped", routine.name)

    def _start(
        self,
        routine: Routine,
        step: int = 0,
        area: str | None = None,
        *,
        chain: tuple[str, ...] = (),
    ) -> None:
        """Run it, with nobody there."""
        task = asyncio.create_task(self._alone(routine, step, area, chain), name=routine.id)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("routine %s", task.get_name(), exc_info=error)

    async def _alone(
        self, routine: Routine, step: int, area: str | None, chain: tuple[str, ...]
    ) -> None:
        _chain.set(chain)
        where = Where(area or routine.area, routine.language, routine.person)
        report = await self._run(routine, where, step, attended=False)
        if report.deeds:
            self._did(where.area, report.deeds)
        if report.text and self._tell is not None:
            await self._tell(report.text, where.area, routine.language)
        if routine.once and not any(rest.id == routine.id for rest in self._rests):
            self.remove(routine.id)

    # --- run -------------------------------------------------------------------------------------

    async def run(self, routine: Routine, where: Where) -> Report:
        """Run it because somebody wants it now, in the language they speak."""
        asked = Where(where.area or routine.area, where.language, where.person)
        report = await self._run(routine, asked, 0, attended=True)
        self._deeds[routine.id] = report.deeds
        return report

    async def undo(self, routine: Routine) -> bool:
        """Take back what the last run that was asked for did. Whether all of it was."""
        deeds = self._deeds.pop(routine.id, ())
        self._rests = [rest for rest in self._rests if rest.id != routine.id]
        self._keep()
        undone = [await deed.undo() for deed in reversed(deeds)]
        return bool(undone) and all(each.whole for each in undone)

    async def _run(self, routine: Routine, where: Where, first: int, attended: bool) -> Report:
        led = _chain.get()
        if routine.id in led or len(led) >= DEEPEST:
            self._stop_loop(routine)
            text = wording.say("looped", where.language, name=routine.name)
            return Report(text)
        work = _Work(routine, where, attended)
        # What somebody has just asked for is known as done in their turn.
        turn = why.turn if attended and (why := cause()) else ""
        with (
            self._in_chain((*led, routine.id)),
            caused("routine", area=where.area, person=where.person, turn=turn),
        ):
            for number, step in enumerate(routine.do[first:], first):
                if step.kind == "wait":
                    self._later(work, number, step)
                    break
                await self._step(step, work)
        self._flush(work)
        for watcher in self.watchers:
            watcher(routine)
        text = " ".join(dict.fromkeys(part for part in work.said if part))
        if attended and not text:
            text = wording.say("done", where.language)
        return Report(text, tuple(work.deeds))

    @contextmanager
    def _in_chain(self, chain: tuple[str, ...]) -> Iterator[None]:
        token = _chain.set(chain)
        self._acting.append(chain)
        try:
            yield
        finally:
            self._acting.remove(chain)
            _chain.reset(token)

    def _later(self, work: _Work, number: int, step: Step) -> None:
        routine = work.routine
        if number + 1 >= len(routine.do):
            return
        due = self._time.now() + timedelta(seconds=step.seconds)
        self._rests.append(_Rest(routine.id, number + 1, due, work.where.area))
        self._keep()
        self._changed.set()
        if work.attended:
            self._flush(work)
            length = duration(step.seconds, work.where.language)
            work.said.append(
                wording.say("began", work.where.language, name=routine.name, length=length)
            )

    async def _step(self, step: Step, work: _Work) -> None:
        if step.kind == "say":
            self._flush(work)
            work.said.append(step.text)
            return
        where = replace(work.where, language=work.routine.language)
        if work.routine.area:
            where = replace(where, area=work.routine.area)
        for call in step.calls:
            if await risk_of(call, self.skillset, self.home, where) >= R3:
                self._not_done(step, work)
                continue
            try:
                done = await self.skillset.perform(call, where=where, confirmed=step.allowed)
            except HearthError as error:
                log.error("%s: %s", work.routine.name, error)
                self._not_done(step, work)
                continue
            self._echo(done)
            if done.ask is not None:
                if done.waiting is not None:
                    done.waiting.drop()
                self._not_done(step, work)
                continue
            work.deeds += done.deeds
            work.done.append((call, done))
        if not step.calls:
            self._not_done(step, work)

    def _not_done(self, step: Step, work: _Work) -> None:
        self._flush(work)
        language = work.where.language
        work.said.append(wording.say("not_done", language, name=work.routine.name, text=step.text))

    def _echo(self, done: Performed) -> None:
        now, chain = self._time.steady(), _chain.get()
        for outcome in done.outcomes:
            self._echoes[outcome.entity_id] = now, chain
        if len(self._echoes) > 500:
            fresh = {k: v for k, v in self._echoes.items() if now - v[0] <= ECHO}
            self._echoes = fresh

    def _flush(self, work: _Work) -> None:
        """Word what was done. With nobody there, only what is an answer, or went wrong."""
        told = [each for each in work.done if work.attended or _worth_telling(each[1])]
        if told:
            work.said.append(self._replies.for_turn(told, self.home, work.where.language))
        work.done.clear()


def _worth_telling(done: Performed) -> bool:
    wrong = done.error or done.missing or done.unfit
    failed = any(outcome.error for outcome in done.outcomes)
    return bool(wrong or failed or done.answer or done.said)


def _of(trigger: Becomes) -> str:
    return f"{trigger.entity_id}#{trigger.attribute}"
