"""The services that a tool is given in the sandbox: each asks the hub, which checks it.

They are what `hub.skill` promises. What cannot be offered to a pack raises SkillError when it is
used, with the reason.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.errors import SkillError
from hub.packs import wire
from hub.packs.inside.line import Line
from hub.skill import (
    Area,
    Call,
    Entities,
    Entity,
    Hour,
    Outcome,
    Planned,
    Playing,
    Settings,
    State,
    Text,
    Timer,
)
from hub.skill.kinds import plain, schema, value


class Services:
    """The services of one call. `own` is what the hub sent along with it."""

    def __init__(self, line: Line, own: Mapping[str, Any], settings: Settings) -> None:
        self._own = own
        desk = _Desk(line, own.get("call"))
        self._made: dict[str, Any] = {
            "home": _Home(desk),
            "speaker": _Speaker(desk),
            "conversation": _Conversation(desk, own.get("conversation") or {}),
            "clock": _Clock(),
            "timers": _Timers(desk),
            "store": _Store(desk),
            "schedule": _Schedule(desk),
            "mqtt": _Mqtt(desk),
            "web": _Web(desk),
            "sound": _Sound(desk),
            "phone": _Phone(desk),
            "past": _Past(desk),
            "settings": settings,
        }

    def of(self, name: str) -> Any:
        """The service of a name. Raises SkillError for one that packs cannot have."""
        if name == "where":
            return wire.where_in(self._own.get("where") or {})
        if name == "change":
            if not self._own.get("change"):
                raise SkillError("this tool is run at a change, and there was none")
            return wire.change_in(self._own["change"])
        if name not in self._made:
            raise SkillError(f"the service '{name}' is not for packs")
        return self._made[name]


class _Desk:
    """Where a call's requests go out; the hub is told which call each is for."""

    def __init__(self, line: Line, call: Any) -> None:
        self._line = line
        self._call = call

    def ask(self, method: str, /, **params: Any) -> Any:
        return self._line.ask(f"hearth/{method}", {**params, "_call": self._call})

    async def want(self, method: str, /, **params: Any) -> Any:
        return await self._line.want(f"hearth/{method}", {**params, "_call": self._call})

    async def elicit(self, message: Any, wanted: Mapping[str, Any]) -> Any:
        params = {
            "message": message if isinstance(message, str) else "",
            "requestedSchema": wanted,
            "_meta": {"hearth": {"call": self._call, "message": message}},
        }
        return await self._line.want("elicitation/create", params)


class _Home:
    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def call(self, service: str, entities: Sequence[Entity], /, **data: Any) -> list[Outcome]:
        rows = await self._desk.want(
            "home.call",
            service=service,
            entities=[entity.entity_id for entity in entities],
            data=plain(data),
        )
        return [wire.outcome_in(row) for row in rows]

    def state(self, entity: Entity) -> State:
        return wire.state_in(self._desk.ask("home.state", entity=entity.entity_id))

    def find(self, **wanted: Any) -> Entities:
        return wire.entities_in(self._desk.ask("home.find", **plain(wanted)))

    def lets_in(self, entity: Entity) -> bool:
        return bool(self._desk.ask("home.lets_in", entity=entity.entity_id))

    def area(self, entity: Entity) -> Area | None:
        return wire.area_in(self._desk.ask("home.area", entity=entity.entity_id))


class _Speaker:
    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    @property
    def volume(self) -> float:
        return float(self._desk.ask("speaker.volume"))

    @property
    def muted(self) -> bool:
        return bool(self._desk.ask("speaker.muted"))

    async def set_volume(self, volume: float) -> None:
        await self._desk.want("speaker.set_volume", volume=volume)

    async def set_muted(self, muted: bool) -> None:
        await self._desk.want("speaker.set_muted", muted=muted)

    async def stop(self) -> None:
        await self._desk.want("speaker.stop")

    async def announce(self, text: Text, *, area: str | None = None) -> None:
        await self._desk.want("speaker.announce", text=wire.text_out(text), area=area)


class _Conversation:
    def __init__(self, desk: _Desk, told: Mapping[str, Any]) -> None:
        self._desk = desk
        self.last_reply: str | None = told.get("last_reply")
        lacking = told.get("lacking")
        self.lacking: Call | None = wire.call_in(lacking) if lacking else None

    async def ask(self, question: Text, kind: Any = str, *, choices: Sequence[str] = ()) -> Any:
        wanted = {"enum": list(choices)} if choices else schema(kind, "the answer")
        answer = await self._desk.elicit(
            wire.text_out(question),
            {"type": "object", "properties": {"answer": wanted}, "required": ["answer"]},
        )
        if not isinstance(answer, dict) or answer.get("action") != "accept":
            from hub.skill import Dropped

            raise Dropped("the question was dropped")
        given = answer.get("content", {}).get("answer")
        return given if choices else value(kind, given)

    async def say(self, text: Text) -> None:
        await self._desk.want("conversation.say", text=wire.text_out(text))

    def forget(self) -> None:
        self._desk.ask("conversation.forget")


class _Clock:
    def now(self) -> datetime:
        return datetime.now().astimezone()


class _Timers:
    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    @property
    def rings(self) -> bool:
        return bool(self._desk.ask("timers.rings"))

    @property
    def full(self) -> bool:
        return bool(self._desk.ask("timers.full"))

    @property
    def kept(self) -> bool:
        return bool(self._desk.ask("timers.kept"))

    def all(self) -> Sequence[Timer]:
        return wire.timers_in(self._desk.ask("timers.all"))

    def left(self, timer: Timer) -> float:
        return float(self._desk.ask("timers.left", timer=timer.id))

    def find(self, **wanted: Any) -> Sequence[Timer]:
        return wire.timers_in(self._desk.ask("timers.find", **wanted))

    def speak_of(self, timer: Timer, area: str | None) -> None:
        self._desk.ask("timers.speak_of", timer=timer.id, area=area)

    def it(self, area: str | None) -> Timer | None:
        found = wire.timers_in(self._desk.ask("timers.it", area=area))
        return found[0] if found else None

    async def obstacle(self, command: str, area: str | None, language: str) -> str | None:
        raise SkillError("a pack has no commands run later")

    async def start(self, seconds: float, **wanted: Any) -> Timer:
        rows = await self._desk.want("timers.start", seconds=seconds, **wanted)
        return wire.timers_in(rows)[0]

    async def change(self, timer: Timer, seconds: float) -> Timer:
        rows = await self._desk.want("timers.change", timer=timer.id, seconds=seconds)
        return wire.timers_in(rows)[0]

    async def pause(self, timer: Timer) -> Timer:
        return wire.timers_in(await self._desk.want("timers.pause", timer=timer.id))[0]

    async def resume(self, timer: Timer) -> Timer:
        return wire.timers_in(await self._desk.want("timers.resume", timer=timer.id))[0]

    async def cancel(self, *timers: Timer) -> None:
        await self._desk.want("timers.cancel", timers=[timer.id for timer in timers])

    def facts(self, timer: Timer, language: str) -> dict[str, Any]:
        return dict(self._desk.ask("timers.facts", timer=timer.id, language=language))

    def duration(self, seconds: float, language: str) -> str:
        return str(self._desk.ask("timers.duration", seconds=seconds, language=language))

    def trouble(self, key: str, language: str) -> str:
        return str(self._desk.ask("timers.trouble", key=key, language=language))

    def which(self, timers: Sequence[Timer], language: str) -> str:
        ids = [timer.id for timer in timers]
        return str(self._desk.ask("timers.which", timers=ids, language=language))


class _Store:
    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def get(self, key: str, default: Any = None) -> Any:
        found = await self._desk.want("store.get", key=key)
        return found["value"] if found else default

    async def put(self, key: str, value: Any) -> None:
        await self._desk.want("store.put", key=key, value=value)

    async def delete(self, key: str) -> None:
        await self._desk.want("store.delete", key=key)

    async def keys(self) -> Sequence[str]:
        return list(await self._desk.want("store.keys"))


class _Schedule:
    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def after(self, delay: timedelta, tool: str, /, **arguments: Any) -> str:
        return await self._plan("after", delay.total_seconds(), tool, arguments)

    async def at(self, moment: datetime, tool: str, /, **arguments: Any) -> str:
        return await self._plan("at", moment.isoformat(), tool, arguments)

    async def every(self, interval: timedelta, tool: str, /, **arguments: Any) -> str:
        return await self._plan("every", interval.total_seconds(), tool, arguments)

    async def cancel(self, id: str) -> bool:
        return bool(await self._desk.want("schedule.cancel", id=id))

    async def planned(self) -> Sequence[Planned]:
        return [wire.planned_in(row) for row in await self._desk.want("schedule.planned")]

    async def _plan(self, how: str, when: Any, tool: str, arguments: Mapping[str, Any]) -> str:
        given = plain(arguments)
        return str(await self._desk.want(f"schedule.{how}", when=when, tool=tool, arguments=given))


class _Mqtt:
    """Messages on the topics that were granted."""

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def publish(self, topic: str, payload: str) -> None:
        await self._desk.want("mqtt.publish", topic=topic, payload=payload)

    async def wait(self, topic: str, within: float = 5.0) -> str | None:
        """The next message on a topic, or the one that is kept there; None if there is none."""
        return await self._desk.want("mqtt.wait", topic=topic, within=within)  # type: ignore[no-any-return]


class _Web:
    """The hosts that were granted, through the hub."""

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
    ) -> Any:
        """`{"status": 200, "headers": {…}, "body": base64}`"""
        sent = None if body is None else base64.b64encode(body.encode()).decode()
        return await self._desk.want(
            "http.fetch", url=url, method=method, headers=dict(headers or {}), body=sent
        )


class _Sound:
    """Sound beneath what the hub says."""

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def noise(
        self, colour: str = "white", *, volume: float = 0.5, length: timedelta | None = None
    ) -> None:
        await self._desk.want("sound.noise", colour=colour, volume=volume, length=_seconds(length))

    async def play(
        self,
        file: str,
        *,
        volume: float = 0.5,
        again: bool = False,
        length: timedelta | None = None,
    ) -> None:
        await self._desk.want(
            "sound.play", file=file, volume=volume, again=again, length=_seconds(length)
        )

    async def fade(self, volume: float, within: timedelta = timedelta(seconds=1)) -> bool:
        seconds = _seconds(within)
        return bool(await self._desk.want("sound.fade", volume=volume, within=seconds))

    async def end_after(self, length: timedelta | None) -> bool:
        return bool(await self._desk.want("sound.end_after", length=_seconds(length)))

    async def stop(self) -> bool:
        return bool(await self._desk.want("sound.stop"))

    async def playing(self) -> Playing | None:
        found = await self._desk.want("sound.playing")
        return wire.playing_in(found) if found else None


class _Phone:
    """The phones of the home."""

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def send(self, text: str, image: bytes | None = None) -> None:
        coded = None if image is None else base64.b64encode(image).decode()
        await self._desk.want("phone.send", text=text, image=coded)


class _Past:
    """What sensors have told."""

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def of(self, entity: Entity, since: datetime) -> Sequence[tuple[datetime, float]]:
        return [(hour.at, hour.value) for hour in await self.hours(entity, since)]

    async def hours(self, entity: Entity, since: datetime) -> Sequence[Hour]:
        moment = since.astimezone().isoformat()
        rows = await self._desk.want("past.hours", entity=entity.entity_id, since=moment)
        return [wire.hour_in(row) for row in rows]


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
