"""When tools run by themselves: what skills have planned, and what is said of their functions by
`@every` and `@daily`.

What was planned outlives the hub. What should have run while it was off runs at its start if that
is not long ago, and else not at all: whoever wanted the heating off at ten does not want it at
noon. Nothing runs twice for a time that was missed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from hub.errors import SkillError, StorageError
from hub.skill import Planned, Where
from hub.skill.kinds import plain
from hub.skills.handling import Handler, Turn
from hub.timers.book import Notes
from hub.timers.clock import Time
from hub.timers.waiting import until_set

log = logging.getLogger(__name__)

KEY = "planned"
MOST = 50
"""What one skill may have planned at a time."""
SHORTEST = timedelta(minutes=1)
"""Between two runs."""
LATE = timedelta(minutes=10)
"""What should have run longer ago is not run."""

Runs = Callable[["Entry"], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A run of a tool at a time."""

    id: str
    skill: str
    tool: str
    due: datetime
    """UTC"""
    every: float | None = None
    """Seconds"""
    daily: Mapping[str, Any] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    area: str | None = None
    language: str = "en"

    @property
    def where(self) -> Where:
        return Where(self.area, self.language)


class Planner:
    """All that is to run later. `begin` lets it run."""

    def __init__(self, time: Time, notes: Notes | None = None) -> None:
        self._time = time
        self._notes = notes
        self._planned: dict[str, Entry] = {}
        self._fixed: list[Entry] = []
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take up what was kept. What cannot be read is logged, and costs nothing else."""
        if self._notes is None:
            return
        try:
            document = (await self._notes.load()).get(KEY, {})
            entries = [_entry(each) for each in document.get("entries", ())]
        except (StorageError, KeyError, TypeError, ValueError) as error:
            log.error("what skills have planned cannot be read: %s", error)
            return
        self._planned = {entry.id: entry for entry in entries}
        self._numbers = itertools.count(int(document.get("number", 0)) + 1)

    def begin(self, run: Runs, handlers: Iterable[Handler], where: Where) -> None:
        """From now on things run. `where`: of what nobody has asked for in a room."""
        now = self._now()
        before = {_which(entry): entry for entry in self._fixed}
        first = [
            _first(handler, when, now, where)
            for handler in handlers
            for when in handler.tool.schedule
        ]
        # What runs every hour goes on to, whenever others come or go.
        self._fixed = [before.get(_which(entry), entry) for entry in first]
        if self._task is None:
            self._task = asyncio.create_task(self._keep(run), name="planner")
        self._changed.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._notes is not None:
            await self._notes.close()

    def of(self, handler: Handler, turn: Turn) -> SkillSchedule:
        return SkillSchedule(self, handler.skill, turn.where)

    def _now(self) -> datetime:
        return self._time.now()

    # --- for the skills -----------------------------------------------------------------------

    def planned(self, skill: str) -> list[Entry]:
        found = [entry for entry in self._planned.values() if entry.skill == skill]
        return sorted(found, key=lambda entry: entry.due)

    def add(self, skill: str, tool: str, due: datetime, **more: Any) -> str:
        """Raises SkillError if that is too much."""
        if len(self.planned(skill)) >= MOST:
            raise SkillError(f"the skill {skill} has planned {MOST} things already")
        number = next(self._numbers)
        entry = Entry(f"{skill}-{number}", skill, tool, due.astimezone(UTC), **more)
        self._planned[entry.id] = entry
        self._keep_them()
        return entry.id

    def cancel(self, skill: str, id: str) -> bool:
        entry = self._planned.get(id)
        if entry is None or entry.skill != skill:
            return False
        del self._planned[id]
        self._keep_them()
        return True

    def _keep_them(self) -> None:
        self._changed.set()
        if self._notes is not None:
            entries = [_document(entry) for entry in self._planned.values()]
            number = max((int(key.rpartition("-")[2]) for key in self._planned), default=0)
            self._notes.put(KEY, {"entries": entries, "number": number})

    # --- time ---------------------------------------------------------------------------------

    async def _keep(self, run: Runs) -> None:
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                for entry in self._due():
                    task = asyncio.create_task(run(entry), name=entry.id)
                    running.add(task)
                    task.add_done_callback(running.discard)
                await self._pause()
        finally:
            for task in running:
                task.cancel()

    async def _pause(self) -> None:
        """Until the next is due, or something changes."""
        self._changed.clear()
        dues = [entry.due for entry in (*self._planned.values(), *self._fixed)]
        left = max(0.0, (min(dues) - self._now()).total_seconds()) if dues else None
        await until_set(self._changed, self._time, left)

    def _due(self) -> list[Entry]:
        """What is to run now; it is planned anew, or forgotten."""
        now = self._now()
        found = [entry for entry in self._planned.values() if entry.due <= now]
        for entry in found:
            if entry.every is None:
                del self._planned[entry.id]
            else:
                self._planned[entry.id] = _next(entry, now)
        if found:
            self._keep_them()
        fixed = [entry for entry in self._fixed if entry.due <= now]
        self._fixed = [_next(entry, now) if entry in fixed else entry for entry in self._fixed]
        late = [entry for entry in (*found, *fixed) if now - entry.due > LATE]
        for entry in late:
            log.warning("%s of %s was due at %s: not run", entry.tool, entry.skill, entry.due)
        return [entry for entry in (*found, *fixed) if entry not in late]


class SkillSchedule:
    """The `Schedule` of one skill: see `hub.skill.Schedule`."""

    def __init__(self, planner: Planner, skill: str, where: Where) -> None:
        self._planner = planner
        self._skill = skill
        self._more = {"area": where.area, "language": where.language}

    async def after(self, delay: timedelta, tool: str, /, **arguments: Any) -> str:
        return await self.at(self._planner._now() + delay, tool, **arguments)

    async def at(self, moment: datetime, tool: str, /, **arguments: Any) -> str:
        return self._planner.add(
            self._skill, tool, moment, arguments=plain(arguments), **self._more
        )

    async def every(self, interval: timedelta, tool: str, /, **arguments: Any) -> str:
        if interval < SHORTEST:
            raise SkillError(f"the skill {self._skill}: every {interval} is too often")
        due = self._planner._now() + interval
        seconds = interval.total_seconds()
        more: dict[str, Any] = {"every": seconds, "arguments": plain(arguments), **self._more}
        return self._planner.add(self._skill, tool, due, **more)

    async def cancel(self, id: str) -> bool:
        return self._planner.cancel(self._skill, id)

    async def planned(self) -> Sequence[Planned]:
        return [
            Planned(
                entry.id,
                entry.tool,
                entry.due.astimezone(),
                timedelta(seconds=entry.every) if entry.every else None,
                entry.arguments,
            )
            for entry in self._planner.planned(self._skill)
        ]


def _first(handler: Handler, when: Mapping[str, Any], now: datetime, where: Where) -> Entry:
    """The first run of what a function says of itself."""
    entry = Entry(
        f"{handler.skill}-{handler.tool.called}",
        handler.skill,
        handler.tool.called,
        now,
        every=when.get("every"),
        daily=when if "daily" in when else None,
        area=where.area,
        language=where.language,
    )
    return _next(entry, now)


def _which(entry: Entry) -> tuple[str, str, float | None, str]:
    """What tells what a function says of itself from all else."""
    return entry.skill, entry.tool, entry.every, repr(entry.daily)


def _next(entry: Entry, now: datetime) -> Entry:
    """The same again, after now."""
    if entry.daily is None:
        assert entry.every is not None
        interval = timedelta(seconds=entry.every)
        missed = max(0, (now - entry.due) // interval)
        return replace(entry, due=entry.due + interval * (missed + 1))
    return replace(entry, due=next_daily(entry.daily, now))


def next_daily(when: Mapping[str, Any], now: datetime) -> datetime:
    """The next time of a day on the clock of the wall, in UTC."""
    at = time.fromisoformat(when["daily"])
    today = now.astimezone().date()
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        moment = datetime.combine(day, at).astimezone()
        if moment > now and day.weekday() in (when.get("days") or range(7)):
            return moment.astimezone(UTC)
    raise ValueError(f"no day for {when}")


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "skill": entry.skill,
        "tool": entry.tool,
        "due": entry.due.isoformat(),
        "every": entry.every,
        "arguments": dict(entry.arguments),
        "area": entry.area,
        "language": entry.language,
    }


def _entry(document: Mapping[str, Any]) -> Entry:
    return Entry(
        str(document["id"]),
        str(document["skill"]),
        str(document["tool"]),
        datetime.fromisoformat(document["due"]),
        document["every"],
        None,
        dict(document["arguments"]),
        document["area"],
        str(document["language"]),
    )
