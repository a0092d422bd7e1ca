"""Answers what a pack asks of the hub while one of its tools runs: everything is checked first.

A request names the call that it is for; outside of a call there is nothing to ask. What was
granted decides, and what the hub gave to this call is used: the same `Home`, `Store` or
`Conversation` that a skill in the hub would have been given. Each request leaves a row in the
audit log.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from hub.errors import HearthError
from hub.home.model import Entity
from hub.keeping import Unkept, collected, collecting
from hub.packs import wire
from hub.packs.audit import Audit
from hub.packs.description import PackError
from hub.packs.grants import Action, Denied, Grants
from hub.packs.link import DENIED, INTERNAL_ERROR, METHOD_NOT_FOUND, Rate, RemoteError
from hub.packs.plain import one_line
from hub.packs.process import Limit
from hub.packs.proxy import Proxy
from hub.packs.tools import plain_schema
from hub.skill import Dropped, Say, Timer
from hub.skill.kinds import plain

LONGEST_SAID = 1000
LONGEST_QUESTION = 200
LONGEST_KEY = 100
LARGEST_VALUE = 64 * 1024
LARGEST_IMAGE = 350 * 1024
"""Of a picture in base64: 256 KB."""
MOST_QUESTIONS = 10
"""Within one call."""
MOST_FIELDS = 5
"""Of one form of a foreign server; each is asked for by itself."""
MOST_SEEN = 500
"""Devices in one answer."""
HUB_SHARE, HUB_BURST = 0.2, 0.3
"""Of the hub's time that one pack may take, and seconds of it at once."""
AT_ONCE = frozenset({("home", "find"), ("home", "state"), ("home", "area"), ("home", "lets_in")})
"""What is answered without waiting for anything, so that its time can be told."""


class Mqtt(Protocol):
    """The hub's connection to its broker, as far as packs have it."""

    async def publish(self, topic: str, payload: str) -> None: ...

    async def wait(self, topic: str, within: float) -> str | None:
        """The next message on a topic, or the one that is kept there; None after `within`
        seconds."""
        ...


@dataclass(slots=True)
class Running:
    """One call that is under way."""

    tool: str
    risk: str
    given: Mapping[str, Any]
    """The services that the hub has given to it, by their names."""
    limit: Limit
    wants: frozenset[str]
    """The services that the tool asked for when it was installed."""
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    questions: int = 0
    asking: bool = False
    unkept: Unkept | None = field(default_factory=collected)
    """Where the run collects what the disk did not take."""
    guarded: Action | None = None
    """What it wanted to do that a person has to say yes to first."""


class Desk:
    """The requests of one pack."""

    def __init__(
        self,
        pack_id: str,
        tools: frozenset[str],
        grants: Grants,
        audit: Audit,
        *,
        mqtt: Mqtt | None = None,
        proxy: Proxy | None = None,
        file: Callable[[str], bytes] | None = None,
    ) -> None:
        """`file` reads a file of the pack that is as it was when it was installed; raises
        PackError."""
        self._file = file
        self.grants = grants
        self._pack = pack_id
        self._tools = tools
        self._audit = audit
        self._mqtt = mqtt
        self._proxy = proxy
        self._running: dict[str, Running] = {}
        self._announcing = Rate(1 / 10, 6)
        self._sending = Rate(1 / 60, 5)
        self._time = Rate(HUB_SHARE, HUB_BURST)

    def begin(self, running: Running) -> None:
        self._running[running.token] = running

    def end(self, running: Running) -> None:
        self._running.pop(running.token, None)

    async def answer(self, method: str, params: dict[str, Any]) -> Any:
        """Answer one request. Raises RemoteError to refuse it."""
        if method == "ping":
            return {}
        what = method.removeprefix("hearth/")
        running = self._of(method, params)
        target = _target(params)
        tool = running.tool if running else ""
        try:
            if running is None:
                raise Denied("no call is under way")
            with collecting(running.unkept):
                result = await self._done(what, params, running)
        except Denied as error:
            self._audit.note(
                self._pack, what, allowed=False, tool=tool, target=target, why=str(error)
            )
            raise RemoteError(DENIED, one_line(str(error), 300)) from None
        except Dropped:
            self._audit.note(
                self._pack, what, allowed=True, tool=tool, target=target, why="dropped"
            )
            raise RemoteError(DENIED, "there will be no answer", "dropped") from None
        except HearthError as error:
            self._audit.note(
                self._pack, what, allowed=True, tool=tool, target=target, why=str(error)
            )
            told = {"spoken": error.spoken}
            raise RemoteError(INTERNAL_ERROR, one_line(str(error), 300), told) from None
        self._audit.note(self._pack, what, allowed=True, tool=tool, target=target)
        return result

    def _of(self, method: str, params: Mapping[str, Any]) -> Running | None:
        """The call that a request is for. A foreign server has only one and does not name it; what
        is fetched is the same for all of them."""
        token = params.get("_call")
        if method == "hearth/http.fetch" and self._running:
            return next(iter(self._running.values()))
        if method == "elicitation/create":
            meta = params.get("_meta")
            own = meta.get("hearth") if isinstance(meta, dict) else None
            token = own.get("call") if isinstance(own, dict) else None
            if token is None and len(self._running) == 1:
                return next(iter(self._running.values()))
        return self._running.get(token) if isinstance(token, str) else None

    async def _done(self, what: str, params: Mapping[str, Any], running: Running) -> Any:
        if what == "elicitation/create":
            return await self._ask(params, running)
        if what == "http.fetch":
            if self._proxy is None:
                raise Denied("the network was not granted")
            return (await self._proxy.fetch(params)).to_json()
        service, _, name = what.partition(".")
        known = ACTIONS.get((service, name))
        if known is None:
            raise RemoteError(METHOD_NOT_FOUND, f"there is no {what[:60]}")
        if service == "mqtt":
            return await known(self, self._mqtt, params, running)
        if service not in running.wants:
            raise Denied(f"the tool {running.tool} did not ask for {service} when it was installed")
        if service not in running.given:
            raise Denied(f"this hub has no {service} for packs")
        begun = time.thread_time()
        result = await known(self, running.given[service], params, running)
        if (service, name) in AT_ONCE:
            # Whatever a pack asks for, most of the hub's time is left for others.
            spent = time.thread_time() - begun
            if not self._time.allows(spent):
                await asyncio.sleep(spent / HUB_SHARE)
        return result

    # --- home ------------------------------------------------------------------------------------

    async def home_call(self, home: Any, params: Mapping[str, Any], running: Running) -> Any:
        action = self.grants.action(
            params.get("service"), params.get("entities"), params.get("data", {}), running.risk
        )
        if action.asks:
            running.guarded = running.guarded or action
            raise Denied("a person is asked first; what follows is not done")
        if running.guarded:
            raise Denied("a person is asked first")
        outcomes = await home.call(action.service, list(action.entities), **action.data)
        return [wire.outcome_out(outcome) for outcome in outcomes]

    async def home_state(self, home: Any, params: Mapping[str, Any], running: Running) -> Any:
        state = home.state(self.grants.entity(params.get("entity")))
        return {
            "state": state.state,
            "attributes": plain(self.grants.attributes(state.attributes)),
        }

    async def home_find(self, home: Any, params: Mapping[str, Any], running: Running) -> Any:
        wanted: dict[str, Any] = {
            name: _text(params[name], LONGEST_KEY)
            for name in ("name", "area", "floor", "device_class")
            if params.get(name) is not None
        }
        domains = params.get("domains") or []
        if not isinstance(domains, list):
            raise Denied("domains are a list")
        wanted["domains"] = [_text(domain, LONGEST_KEY) for domain in domains[:50]]
        found = [entity for entity in home.find(**wanted) if self.grants.sees(entity)]
        return [wire.entity_out(entity) for entity in found[:MOST_SEEN]]

    async def home_lets_in(self, home: Any, params: Mapping[str, Any], running: Running) -> Any:
        return home.lets_in(self.grants.entity(params.get("entity")))

    async def home_area(self, home: Any, params: Mapping[str, Any], running: Running) -> Any:
        area = home.area(self.grants.entity(params.get("entity")))
        return plain(area) if area else None

    # --- speaking and asking ---------------------------------------------------------------------

    async def speaker_get(self, speaker: Any, name: str) -> Any:
        return getattr(speaker, name)

    async def speaker_set_volume(
        self, speaker: Any, params: Mapping[str, Any], running: Running
    ) -> Any:
        await speaker.set_volume(_number(params.get("volume"), 0, 1))

    async def speaker_set_muted(
        self, speaker: Any, params: Mapping[str, Any], running: Running
    ) -> Any:
        await speaker.set_muted(params.get("muted") is True)

    async def speaker_stop(self, speaker: Any, params: Mapping[str, Any], running: Running) -> Any:
        await speaker.stop()

    async def speaker_announce(
        self, speaker: Any, params: Mapping[str, Any], running: Running
    ) -> Any:
        if not self.grants.granted.speak:
            raise Denied("speaking by itself was not granted")
        if not self._announcing.allows():
            raise Denied("it speaks too often")
        area = params.get("area")
        await speaker.announce(
            said(params.get("text")), area=None if area is None else _text(area, LONGEST_KEY)
        )

    async def conversation_say(self, talk: Any, params: Mapping[str, Any], running: Running) -> Any:
        if not self._announcing.allows():
            raise Denied("it speaks too often")
        await talk.say(said(params.get("text")))

    async def conversation_forget(
        self, talk: Any, params: Mapping[str, Any], running: Running
    ) -> Any:
        talk.forget()

    async def _ask(self, params: Mapping[str, Any], running: Running) -> Any:
        """MCP's elicitation: a form, of which each field is asked for by itself."""
        talk = running.given.get("conversation")
        if talk is None or not hasattr(talk, "ask"):
            return {"action": "decline"}
        if running.asking:
            raise Denied("one question at a time")
        meta = params.get("_meta")
        own = meta.get("hearth") if isinstance(meta, dict) else None
        message = own.get("message") if isinstance(own, dict) else params.get("message")
        question = said(message, LONGEST_QUESTION)
        schema = params.get("requestedSchema")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        fields = list((properties or {}).items())[:MOST_FIELDS]
        content: dict[str, Any] = {}
        running.asking = True
        try:
            async with running.limit.standing_still():
                for number, (name, kind) in enumerate(fields or [("answer", {"type": "string"})]):
                    running.questions += 1
                    if running.questions > MOST_QUESTIONS:
                        raise Denied(f"more than {MOST_QUESTIONS} questions in a call")
                    label = _label(name, kind) if len(fields) > 1 else ""
                    asked: Any = question if number == 0 else label or question
                    if number == 0 and label and isinstance(question, str):
                        asked = f"{question} {label}"
                    content[name] = await talk.ask(asked, _answer_schema(kind))
        except Dropped:
            return {"action": "cancel"}
        finally:
            running.asking = False
        return {"action": "accept", "content": plain(content)}

    # --- sound, phones, the past ------------------------------------------------------------------

    async def sound(
        self, sound: Any, params: Mapping[str, Any], running: Running, name: str
    ) -> Any:
        if not self.grants.granted.sound:
            raise Denied("playing sounds was not granted")

        def seconds(key: str, most: float) -> timedelta | None:
            given = params.get(key)
            return None if given is None else timedelta(seconds=_number(given, 0, most))

        def volume() -> float:
            return _number(params.get("volume"), 0, 1)

        match name:
            case "noise":
                colour = _text(params.get("colour"), LONGEST_KEY)
                await sound.noise(colour, volume=volume(), length=seconds("length", 86400))
            case "play":
                file = _text(params.get("file"), 200)
                if self._file is None:
                    raise Denied("its files cannot be read")
                try:
                    content = await asyncio.to_thread(self._file, file)
                except PackError as error:
                    raise Denied(str(error)) from None
                await sound.play_content(
                    content,
                    file,
                    volume=volume(),
                    again=params.get("again") is True,
                    length=seconds("length", 86400),
                )
            case "fade":
                within = seconds("within", 600) or timedelta()
                return await sound.fade(volume(), within)
            case "end_after":
                return await sound.end_after(seconds("length", 86400))
            case "stop":
                return await sound.stop()
            case _:
                found = await sound.playing()
                return wire.playing_out(found) if found else None
        return None

    async def phone_send(self, phone: Any, params: Mapping[str, Any], running: Running) -> Any:
        if not self.grants.granted.phone:
            raise Denied("sending to phones was not granted")
        if not self._sending.allows():
            raise Denied("it sends too often")
        text, image = one_line(params.get("text"), LONGEST_SAID), params.get("image")
        if not text:
            raise Denied("there is nothing to send")
        content = None
        if image is not None:
            try:
                content = base64.b64decode(_text(image, LARGEST_IMAGE), validate=True)
            except binascii.Error:
                raise Denied("the picture is not in base64") from None
        await phone.send(text, content)

    async def past_hours(self, past: Any, params: Mapping[str, Any], running: Running) -> Any:
        entity = self.grants.entity(params.get("entity"))
        try:
            since = datetime.fromisoformat(_text(params.get("since"), 40))
        except ValueError:
            raise Denied("the moment is no date and time") from None
        return [wire.hour_out(hour) for hour in await past.hours(entity, since.astimezone())]

    # --- keeping and planning --------------------------------------------------------------------

    async def store_get(self, store: Any, params: Mapping[str, Any], running: Running) -> Any:
        missing = object()
        found = await store.get(_text(params.get("key"), LONGEST_KEY), missing)
        return None if found is missing else {"value": plain(found)}

    async def store_put(self, store: Any, params: Mapping[str, Any], running: Running) -> Any:
        value = params.get("value")
        if len(repr(value)) > LARGEST_VALUE:
            raise Denied(f"a value is at most {LARGEST_VALUE // 1024} KB")
        await store.put(_text(params.get("key"), LONGEST_KEY), value)

    async def store_delete(self, store: Any, params: Mapping[str, Any], running: Running) -> Any:
        await store.delete(_text(params.get("key"), LONGEST_KEY))

    async def store_keys(self, store: Any, params: Mapping[str, Any], running: Running) -> Any:
        return list(await store.keys())

    async def schedule_plan(
        self, schedule: Any, params: Mapping[str, Any], running: Running, how: str
    ) -> Any:
        tool, arguments = params.get("tool"), params.get("arguments")
        if tool not in self._tools or not isinstance(arguments, dict):
            raise Denied("only tools of its own can be planned")
        when: Any = params.get("when")
        if how == "at":
            try:
                when = datetime.fromisoformat(_text(when, 40))
            except ValueError:
                raise Denied("the moment is no date and time") from None
            if when.tzinfo is None:
                when = when.astimezone()
        else:
            when = timedelta(seconds=_number(when, 60 if how == "every" else 0, 366 * 86400))
        return await getattr(schedule, how)(when, tool, **arguments)

    async def schedule_cancel(
        self, schedule: Any, params: Mapping[str, Any], running: Running
    ) -> Any:
        return await schedule.cancel(_text(params.get("id"), LONGEST_KEY))

    async def schedule_planned(
        self, schedule: Any, params: Mapping[str, Any], running: Running
    ) -> Any:
        return [wire.planned_out(one) for one in await schedule.planned()]

    # --- timers ----------------------------------------------------------------------------------

    async def timers(
        self, timers: Any, params: Mapping[str, Any], running: Running, name: str
    ) -> Any:
        if not self.grants.granted.timers:
            raise Denied("timers were not granted")

        def timer(given: Any) -> Timer:
            found = next((one for one in timers.all() if one.id == given), None)
            if found is None:
                raise Denied("there is no such timer")
            return found  # type: ignore[no-any-return]

        def text(key: str, most: int = LONGEST_KEY) -> str:
            return _text(params.get(key), most)

        def optional(key: str) -> str | None:
            return None if params.get(key) is None else text(key)

        match name:
            case "rings" | "full" | "kept":
                return bool(getattr(timers, name))
            case "all":
                return [wire.timer_out(one) for one in timers.all()]
            case "left":
                return timers.left(timer(params.get("timer")))
            case "find":
                wanted: dict[str, Any] = {key: optional(key) for key in ("name", "area", "here")}
                if params.get("seconds") is not None:
                    wanted["seconds"] = _number(params["seconds"], 0, 366 * 86400)
                return [wire.timer_out(one) for one in timers.find(**wanted)]
            case "it":
                found = timers.it(optional("area"))
                return [wire.timer_out(found)] if found else []
            case "speak_of":
                return timers.speak_of(timer(params.get("timer")), optional("area"))
            case "start":
                if params.get("command") is not None:
                    # It would be done as if a person had said it.
                    raise Denied("a pack has no commands run later")
                if timers.full:
                    raise Denied("there are as many timers as there may be")
                seconds = _number(params.get("seconds"), 1, 366 * 86400)
                name_, area = optional("name"), optional("area")
                language = one_line(params.get("language"), 12) or "en"
                started = await timers.start(seconds, name=name_, area=area, language=language)
                return [wire.timer_out(started)]
            case "change":
                seconds = _number(params.get("seconds"), -366 * 86400, 366 * 86400)
                changed = await timers.change(timer(params.get("timer")), seconds)
                return [wire.timer_out(changed)]
            case "pause" | "resume":
                changed = await getattr(timers, name)(timer(params.get("timer")))
                return [wire.timer_out(changed)]
            case "cancel":
                ids = params.get("timers")
                if not isinstance(ids, list):
                    raise Denied("timers are a list")
                return await timers.cancel(*(timer(one) for one in ids))
            case "facts":
                return plain(timers.facts(timer(params.get("timer")), text("language", 12)))
            case "duration":
                seconds = _number(params.get("seconds"), 0, 366 * 86400)
                return timers.duration(seconds, text("language", 12))
            case "trouble":
                return timers.trouble(text("key"), text("language", 12))
            case _:
                ids = params.get("timers")
                rows = [timer(one) for one in ids] if isinstance(ids, list) else []
                return timers.which(rows, text("language", 12))

    # --- messages --------------------------------------------------------------------------------

    async def mqtt_publish(self, _: Any, params: Mapping[str, Any], running: Running) -> Any:
        topic = self.grants.topic(params.get("topic"))
        payload = params.get("payload")
        if not isinstance(payload, str) or len(payload.encode()) > LARGEST_VALUE:
            raise Denied(f"a message is text of at most {LARGEST_VALUE // 1024} KB")
        await self._broker().publish(topic, payload)

    async def mqtt_wait(self, _: Any, params: Mapping[str, Any], running: Running) -> Any:
        topic = self.grants.topic(params.get("topic"))
        return await self._broker().wait(topic, _number(params.get("within"), 0, 30))

    def _broker(self) -> Mqtt:
        if self._mqtt is None:
            raise Denied("this hub has no broker")
        return self._mqtt


Known = Callable[[Desk, Any, Mapping[str, Any], Running], Awaitable[Any]]


def _getting(name: str) -> Known:
    return lambda desk, service, params, running: desk.speaker_get(service, name)


def _sounding(name: str) -> Known:
    return lambda desk, service, params, running: desk.sound(service, params, running, name)


def _planning(how: str) -> Known:
    return lambda desk, service, params, running: desk.schedule_plan(service, params, running, how)


def _timing(name: str) -> Known:
    return lambda desk, service, params, running: desk.timers(service, params, running, name)


TIMERS = (
    "rings full kept all left find it speak_of start change pause resume cancel facts duration "
    "trouble which"
).split()

SOUNDS = ("noise", "play", "fade", "end_after", "stop", "playing")

ACTIONS: Mapping[tuple[str, str], Known] = {
    ("home", "call"): Desk.home_call,
    ("home", "state"): Desk.home_state,
    ("home", "find"): Desk.home_find,
    ("home", "lets_in"): Desk.home_lets_in,
    ("home", "area"): Desk.home_area,
    ("speaker", "volume"): _getting("volume"),
    ("speaker", "muted"): _getting("muted"),
    ("speaker", "set_volume"): Desk.speaker_set_volume,
    ("speaker", "set_muted"): Desk.speaker_set_muted,
    ("speaker", "stop"): Desk.speaker_stop,
    ("speaker", "announce"): Desk.speaker_announce,
    ("conversation", "say"): Desk.conversation_say,
    ("conversation", "forget"): Desk.conversation_forget,
    ("store", "get"): Desk.store_get,
    ("store", "put"): Desk.store_put,
    ("store", "delete"): Desk.store_delete,
    ("store", "keys"): Desk.store_keys,
    ("schedule", "after"): _planning("after"),
    ("schedule", "at"): _planning("at"),
    ("schedule", "every"): _planning("every"),
    ("schedule", "cancel"): Desk.schedule_cancel,
    ("schedule", "planned"): Desk.schedule_planned,
    ("mqtt", "publish"): Desk.mqtt_publish,
    ("mqtt", "wait"): Desk.mqtt_wait,
    ("phone", "send"): Desk.phone_send,
    ("past", "hours"): Desk.past_hours,
    **{("sound", name): _sounding(name) for name in SOUNDS},
    **{("timers", name): _timing(name) for name in TIMERS},
}
"""All that a pack may ask for, and what answers it."""


def said(text: Any, most: int = LONGEST_SAID) -> str | Say:
    """What a pack wants said: a sentence, or a key of its own languages with what is filled in.
    Raises Denied for neither."""
    if isinstance(text, dict) and isinstance(text.get("say"), str):
        values = text.get("values")
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise Denied("the values of a sentence are an object")
        shown = {key: _filled(value) for key, value in values.items() if key.isidentifier()}
        return Say(one_line(text["say"], LONGEST_KEY), **shown)
    line = one_line(text, most)
    if not line:
        raise Denied("there is nothing to say")
    return line


def _filled(value: Any) -> Any:
    """What is filled into a sentence."""
    if isinstance(value, list):
        return [_filled(one) for one in value[:20] if not isinstance(one, list | dict)]
    if isinstance(value, bool | int | float):
        return value
    return one_line(value, 200)


def _answer_schema(kind: Any) -> dict[str, Any]:
    """The schema of one field of a form, in the form that the hub has."""
    found = plain_schema(kind) if isinstance(kind, dict) else None
    return found or {"type": "string"}


def _label(name: Any, kind: Any) -> str:
    title = kind.get("title") or kind.get("description") if isinstance(kind, dict) else None
    return one_line(title, LONGEST_QUESTION) or one_line(str(name), 60)


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise Denied(f"{value!r:.60} is no text of at most {most} characters")
    return value


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Denied(f"{value!r:.60} is no number from {low:g} to {high:g}")
    return float(value)


def _target(params: Mapping[str, Any]) -> str:
    """What a request is about, for the audit log."""
    entities = params.get("entities")
    if isinstance(entities, list):
        named = ", ".join(one_line(str(one), 80) for one in entities[:10])
        return f"{one_line(params.get('service'), 60)}: {named}"
    for key in ("url", "topic", "entity", "key", "tool", "timer", "file", "colour", "message"):
        if isinstance(params.get(key), str):
            return one_line(params[key], 200)
    return ""


def visible(grants: Grants, ids: Any) -> tuple[Entity, ...]:
    """The devices of an answer; those that it may not know of are left out."""
    found = []
    for entity_id in ids[:MOST_SEEN] if isinstance(ids, list) else ():
        try:
            found.append(grants.entity(entity_id))
        except Denied:
            continue
    return tuple(found)
