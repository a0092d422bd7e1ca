"""What skills do by themselves: at changes of devices, by the clock, and what is said of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from hub.cause import caused
from hub.home.model import Entity, Home, normal
from hub.messages import Call, StateChange
from hub.skill import Change, Where
from hub.skills.handling import Handler, Later, Performed
from hub.skills.plan import Entry, Planner
from hub.skillset import Skillset
from hub.timers.clock import Time

log = logging.getLogger(__name__)

MOST_AT_ONCE = 4
"""Runs of one skill at the same time."""


class Alone:
    """Runs tools that nobody asked for just now. `later` words and says what they return."""

    def __init__(
        self,
        skillset: Skillset,
        home: Home,
        planner: Planner,
        time: Time,
        later: Callable[[Where], Later],
        where: Where,
    ) -> None:
        self._skillset = skillset
        self._home = home
        self._planner = planner
        self._time = time
        self._later = later
        self._where = where
        self._running: dict[str, set[asyncio.Task[None]]] = {}
        self._events: list[tuple[Handler, Mapping[str, Any]]] = []
        self._stop: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """From now on. Again, when there are other skills than before."""
        self._stop()
        handlers = self._skillset.handlers()
        self._events = [(handler, event) for handler in handlers for event in handler.tool.events]
        if self._events:
            self._stop = self._home.watch(self._changed)
        self._planner.begin(self._due, handlers, self._where)

    async def close(self) -> None:
        self._stop()
        await self._planner.close()
        for tasks in self._running.values():
            for task in tuple(tasks):
                task.cancel()

    async def _due(self, entry: Entry) -> None:
        await self._run(entry.skill, entry.tool, entry.where, arguments=entry.arguments)

    def _changed(self, change: StateChange) -> None:
        entity = self._home.entities.get(change.entity_id)
        if entity is None or change.before == change.state:
            return
        for handler, event in self._events:
            if self._fits(event, entity, change):
                self._begin(handler, event, entity, change)

    def _fits(self, event: Mapping[str, Any], entity: Entity, change: StateChange) -> bool:
        area = self._home.area_of(entity)
        places = {normal(name) for name in area.names} if area else set()
        return (
            _among(entity.entity_id, event.get("entities"))
            and _among(entity.domain, event.get("domains"))
            and _among(entity.device_class, event.get("classes"))
            and _among(change.state, event.get("to"))
            and _among(change.before, event.get("before"))
            and (not event.get("areas") or bool(places & set(map(normal, event["areas"]))))
            # What was not known before has not changed, unless that is what is waited for.
            and (change.before not in (None, "unknown", "unavailable") or "before" in event)
            and (change.state not in ("unknown", "unavailable") or "to" in event)
        )

    def _begin(
        self, handler: Handler, event: Mapping[str, Any], entity: Entity, change: StateChange
    ) -> None:
        running = self._running.setdefault(handler.skill, set())
        if len(running) >= MOST_AT_ONCE:
            log.warning("the skill %s is busy: %s is not told", handler.skill, change.entity_id)
            return
        told = Change(entity, change.state, change.before, change.attributes)
        task = asyncio.create_task(
            self._at_change(handler, told, float(event.get("lasting", 0))), name=handler.name
        )
        running.add(task)
        task.add_done_callback(running.discard)

    async def _at_change(self, handler: Handler, change: Change, lasting: float) -> None:
        if lasting and not await self._lasts(change, lasting):
            return
        area = self._home.area_of(change.entity)
        where = Where(area.name if area else self._where.area, self._where.language)
        await self._run(handler.skill, handler.tool.called, where, change=change)

    async def _lasts(self, change: Change, seconds: float) -> bool:
        """Whether a device stays as it is for so long."""
        left = asyncio.Event()

        def watch(other: StateChange) -> None:
            if other.entity_id == change.entity.entity_id and other.state != change.state:
                left.set()

        stop = self._home.watch(watch)
        try:
            until = self._time.steady() + seconds
            while not left.is_set() and self._time.steady() < until:
                await self._time.sleep(until - self._time.steady())
            return not left.is_set()
        finally:
            stop()

    async def _run(
        self,
        skill: str,
        function: str,
        where: Where,
        *,
        arguments: Mapping[str, Any] | None = None,
        change: Change | None = None,
    ) -> None:
        with caused("skill", area=where.area):
            done = await self._skillset.run_alone(
                skill, function, where=where, arguments=arguments, change=change
            )
        if done.waiting is not None:
            done.waiting.drop()  # nobody is talked with
        elif done.said or done.answer:
            text = Performed(said=done.said, answer=done.answer)
            await self._later(where)(Call(f"{skill}.{function}"), text)


def _among(value: str | None, wanted: Any) -> bool:
    return not wanted or value in wanted
