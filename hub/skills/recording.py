"""What a tool does by means of the hub's services, and how that is taken back: timers, the volume,
what is kept, what is planned. Each stands in the place of the service for one run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from hub.timers.appointment import Appointment, When
from hub.timers.timer import Timer

Back = Callable[[], Awaitable[object]]
"""Takes one thing back."""
_MISSING = object()


class _Recording:
    """A service of which some doings are noted in `back`, the last one last."""

    def __init__(self, service: Any, back: list[Back]) -> None:
        self._service = service
        self._back = back

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


class RecordingSpeaker(_Recording):
    """The hub's volume."""

    async def set_volume(self, volume: float) -> None:
        before = self._service.volume
        await self._service.set_volume(volume)
        self._back.append(lambda: self._service.set_volume(before))

    async def set_muted(self, muted: bool) -> None:
        before = self._service.muted
        await self._service.set_muted(muted)
        self._back.append(lambda: self._service.set_muted(before))


class RecordingStore(_Recording):
    """What a skill keeps."""

    async def put(self, key: str, value: Any) -> None:
        before = await self._service.get(key, _MISSING)
        await self._service.put(key, value)
        self._back.append(lambda: self._as_before(key, before))

    async def delete(self, key: str) -> None:
        before = await self._service.get(key, _MISSING)
        await self._service.delete(key)
        self._back.append(lambda: self._as_before(key, before))

    async def _as_before(self, key: str, before: Any) -> None:
        if before is _MISSING:
            await self._service.delete(key)
        else:
            await self._service.put(key, before)


class RecordingSchedule(_Recording):
    """What a skill has planned."""

    async def after(self, delay: timedelta, tool: str, /, **arguments: Any) -> str:
        return self._planned(await self._service.after(delay, tool, **arguments))

    async def at(self, moment: datetime, tool: str, /, **arguments: Any) -> str:
        return self._planned(await self._service.at(moment, tool, **arguments))

    async def every(self, interval: timedelta, tool: str, /, **arguments: Any) -> str:
        return self._planned(await self._service.every(interval, tool, **arguments))

    async def cancel(self, id: str) -> bool:
        found = [each for each in await self._service.planned() if each.id == id]
        done = bool(await self._service.cancel(id))
        if done and found:
            was = found[0]

            async def again() -> None:
                if was.every is not None:
                    await self._service.every(was.every, was.tool, **was.arguments)
                else:
                    await self._service.at(was.at, was.tool, **was.arguments)

            self._back.append(again)
        return done

    def _planned(self, id: str) -> str:
        self._back.append(lambda: self._service.cancel(id))
        return id


class RecordingTimers(_Recording):
    """The hub's timers."""

    async def start(self, seconds: float, **more: Any) -> Timer:
        timer: Timer = await self._service.start(seconds, **more)
        self._back.append(lambda: self._if_there(timer.id, self._service.cancel))
        return timer

    async def change(self, timer: Timer, seconds: float) -> Timer:
        changed: Timer = await self._service.change(timer, seconds)
        self._back.append(
            lambda: self._if_there(timer.id, lambda t: self._service.change(t, -seconds))
        )
        return changed

    async def pause(self, timer: Timer) -> Timer:
        paused: Timer = await self._service.pause(timer)
        self._back.append(lambda: self._if_there(timer.id, self._service.resume))
        return paused

    async def resume(self, timer: Timer) -> Timer:
        resumed: Timer = await self._service.resume(timer)
        self._back.append(lambda: self._if_there(timer.id, self._service.pause))
        return resumed

    async def cancel(self, *timers: Timer) -> None:
        left = [(timer, self._service.left(timer)) for timer in timers]
        await self._service.cancel(*timers)

        async def again() -> None:
            for timer, seconds in left:
                if seconds <= 0:
                    continue  # it rang already
                back = await self._service.start(
                    seconds,
                    name=timer.name,
                    command=timer.command,
                    area=timer.area,
                    language=timer.language,
                )
                if timer.paused:
                    await self._service.pause(back)

        if left:
            self._back.append(again)

    async def _if_there(self, id: str, act: Callable[[Timer], Awaitable[object]]) -> None:
        for timer in self._service.all():
            if timer.id == id:
                await act(timer)


class RecordingAgenda(_Recording):
    """Alarms, reminders, and commands for later."""

    async def add(self, kind: str, when: When, text: str = "", **more: Any) -> Appointment:
        made: Appointment = await self._service.add(kind, when, text, **more)
        self._back.append(lambda: self._gone(made))
        return made

    async def cancel(self, *several: Appointment) -> None:
        await self._service.cancel(*several)
        self._back.append(lambda: self._again(*several))

    async def skip(self, what: Appointment, at: datetime) -> None:
        await self._service.skip(what, at)

        async def as_before() -> None:
            await self._gone(what)
            await self._again(what)

        self._back.append(as_before)

    async def _gone(self, what: Appointment) -> None:
        there = [each for each in self._service.all() if each.id == what.id]
        await self._service.cancel(*there)

    async def _again(self, *several: Appointment) -> None:
        for what in several:
            made = await self._service.add(
                what.kind,
                what.when,
                what.text,
                area=what.area,
                language=what.language,
                person=what.person,
            )
            for moment in what.skip:
                await self._service.skip(made, moment)


RECORDING: dict[str, type[_Recording]] = {
    "agenda": RecordingAgenda,
    "schedule": RecordingSchedule,
    "speaker": RecordingSpeaker,
    "store": RecordingStore,
    "timers": RecordingTimers,
}
"""Service -> what stands in its place."""
