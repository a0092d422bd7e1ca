"""The skills of installed packs, as handlers for the `Skillset`: each call goes to a process.

    packs = Packs(shelf, home, state=folder)
    Skillset([*own, *packs.handlers()], home, …)
    …
    await packs.close()

What a pack does wrong costs the call that was under way one sentence. A pack that wants to do
something that lets somebody in, or that nobody can foresee, does not get to do it: the hub asks the
person in its own words, and after a yes does that one thing itself.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from hub import egress
from hub.errors import HearthError, SkillError
from hub.home.guarded import unknown
from hub.home.model import Area, Entity, Home
from hub.language import names_together, words
from hub.packs import manifest, sandbox, wire
from hub.packs.audit import Audit
from hub.packs.description import PackError
from hub.packs.desk import Desk, Mqtt, Running, said, visible
from hub.packs.grants import Action, Denied, Grants
from hub.packs.ledger import Ledger
from hub.packs.link import METHOD_NOT_FOUND, RemoteError
from hub.packs.plain import one_line
from hub.packs.process import CALL_SECONDS, IDLE_SECONDS, Limit, PackFailed, PackProcess
from hub.packs.proxy import Lookup, Proxy
from hub.packs.shelf import Installed
from hub.packs.tools import OWN, bounded, declared, made
from hub.packs.tunnel import Tunnel
from hub.skill import Answer, Ask, Call, Change, Dropped, Entities, Result, Where
from hub.skill.kinds import plain
from hub.skills import languages
from hub.skills.handling import Handler

log = logging.getLogger(__name__)

MOST_LIVE = 8
FAILURES = "failures.json"
"""In the folder of the state: which packs have failed of late."""
ASKS = {
    "en": "The skill {pack} wants to use {names}, which may let somebody in. Shall I allow that?",
    "de": "Die Erweiterung {pack} möchte {names} bedienen. Das kann jemanden hereinlassen. Soll "
    "ich das erlauben?",
}
UNKNOWN = {
    "en": "The skill {pack} wants to use {names}, and I cannot see what that does. Shall I allow "
    "that?",
    "de": "Die Erweiterung {pack} möchte {names} bedienen, und ich sehe nicht, was das tut. Soll "
    "ich das erlauben?",
}
MOST_CHOICES = 12
LONGEST_FACT = 500


class OnShelf(Protocol):
    """What is needed of `hub.packs.shelf.Shelf`."""

    def installed(self) -> list[Installed]: ...

    def verify(self, installed: Installed) -> None: ...


@dataclass(frozen=True, slots=True)
class Status:
    """How a pack is doing, for `hearth skill list` and `hearth doctor`."""

    id: str
    alive: bool
    starts: int
    quarantined: str | None
    """Why it is in quarantine; None if it is not."""
    last_words: Sequence[str]
    """The end of its log."""


@dataclass(slots=True)
class _Pack:
    installed: Installed
    process: PackProcess
    desk: Desk
    proxy: Proxy | None
    tunnel: Tunnel | None
    wants: Mapping[str, frozenset[str]]
    """Tool -> services that it asked for."""
    stay_in: Callable[[], None]
    """Ends that its hosts may be reached."""


class Packs:
    """All usable packs of a shelf. `state` is a folder for the audit log and for which packs are
    in quarantine; None keeps neither. `mqtt` is the hub's connection to its broker, if any."""

    def __init__(
        self,
        shelf: OnShelf,
        home: Home,
        *,
        state: Path | None = None,
        mqtt: Mqtt | None = None,
        lookup: Lookup | None = None,
        idle_seconds: float = IDLE_SECONDS,
        call_seconds: float = CALL_SECONDS,
        most_live: int = MOST_LIVE,
    ) -> None:
        self.audit = Audit(state / "audit" if state else None)
        self.ledger = Ledger(state / FAILURES if state else None)
        self.problems: list[SkillError] = []
        """Packs that cannot be used, and why."""
        self._shelf = shelf
        self._home = home
        self._mqtt = mqtt
        self._lookup = lookup
        self._idle_seconds = idle_seconds
        self._call_seconds = call_seconds
        self._most_live = most_live
        self._packs: dict[str, _Pack] = {}
        self._handlers: list[Handler] = []
        for installed in shelf.installed():
            if installed.usable:
                self._add(installed)

    def handlers(self) -> list[Handler]:
        """The tools of all packs. None is started for that."""
        return list(self._handlers)

    def status(self) -> list[Status]:
        return [
            Status(
                name,
                pack.process.alive,
                pack.process.starts,
                self.ledger.quarantined(pack.installed.digest),
                pack.process.last_words,
            )
            for name, pack in self._packs.items()
        ]

    def process(self, pack_id: str) -> PackProcess:
        """The process of a pack, for measurements and tests."""
        return self._packs[pack_id].process

    def release(self, pack_id: str) -> None:
        """Let a pack out of quarantine: its owner wants it tried again."""
        if pack_id in self._packs:
            self.ledger.release(self._packs[pack_id].installed.digest)

    async def close(self) -> None:
        """End all processes."""
        await self._put_away(self._packs.values())

    async def refresh(self) -> set[str]:
        """Look at the shelf again: packs that are new, changed, or gone. Those that are the same
        go on running. Returns the ids of those whose tools are others now:

            changed = await packs.refresh()
            skillset.learn([h for h in packs.handlers() if h.skill in changed], instead=changed)
        """
        before = dict(self._packs)
        usable = {one.pack.id: one for one in self._shelf.installed() if one.usable}
        same = {name for name, pack in before.items() if usable.get(name) == pack.installed}
        await self._put_away(pack for name, pack in before.items() if name not in same)
        self.problems.clear()
        self._packs = {name: before[name] for name in same}
        self._handlers = [handler for handler in self._handlers if handler.skill in same]
        for name, installed in usable.items():
            if name not in same:
                self._add(installed)
        return (before.keys() | usable.keys()) - same

    async def _put_away(self, packs: Iterable[_Pack]) -> None:
        async def end(pack: _Pack) -> None:
            await pack.process.stop()
            pack.stay_in()
            for way in (pack.proxy, pack.tunnel):
                if way is not None:
                    await way.close()

        await asyncio.gather(*(end(pack) for pack in packs))

    # --- taking in -------------------------------------------------------------------------------

    def _add(self, installed: Installed) -> None:
        pack = installed.pack
        try:
            if installed.tools is None:
                raise SkillError(f"{pack.id}: has not said what it can do yet: enable it once more")
            declared(pack, installed.tools)
            tools = [
                tool
                for row in installed.tools
                for tool in made(pack, installed.granted, row, self._runners(pack.id))
            ]
            spoken = {} if pack.run else languages.read(installed.folder)
            tools = [bounded(pack, tool) for tool in languages.translated(tools, spoken)]
        except SkillError as error:
            self.problems.append(error)
            return
        # Somebody else's words: whatever form they have costs this pack, not the hub.
        except Exception as error:
            log.info("%s", pack.id, exc_info=error)
            self.problems.append(
                SkillError(f"{pack.id}: what it says of its tools: {error!r:.200}")
            )
            return
        grants = Grants(installed.granted, self._home)
        network = installed.granted.network
        proxy = Proxy(network, self._lookup) if network else None
        tunnel = None
        if network and pack.run:
            tunnel = Tunnel(network, self._noting(pack.id), self._lookup)
        desk = Desk(
            pack.id,
            frozenset(pack.tools),
            grants,
            self.audit,
            mqtt=self._mqtt,
            proxy=proxy,
            file=partial(manifest.content, installed.folder, installed.digest),
        )
        process = PackProcess(
            installed,
            ledger=self.ledger,
            answer=desk.answer,
            verify=self._shelf.verify,
            tunnel=tunnel,
            idle_seconds=self._idle_seconds,
            call_seconds=self._call_seconds,
        )
        wants = {str(row["name"]): _wanted(row) for row in installed.tools}
        stay_in = egress.allow(urlsplit(origin).hostname or "" for origin in network)
        self._packs[pack.id] = _Pack(installed, process, desk, proxy, tunnel, wants, stay_in)
        self._handlers += [Handler(pack.id, tool, spoken, foreign=True) for tool in tools]

    def _noting(self, pack_id: str) -> Callable[[str, bool, str], None]:
        def note(target: str, allowed: bool, why: str) -> None:
            self.audit.note(pack_id, "web", allowed=allowed, target=target, why=why)

        return note

    # --- running ---------------------------------------------------------------------------------

    def _runners(self, pack_id: str) -> Callable[[str], Callable[..., Any]]:
        """What makes the functions of a pack's tools."""

        def runner(tool: str) -> Callable[..., Any]:
            async def run(**given: Any) -> Result:
                return await self._run(pack_id, tool, given)

            return run

        return runner

    async def _run(self, pack_id: str, tool: str, given: Mapping[str, Any]) -> Result:
        pack = self._packs[pack_id]
        services = {
            name.removeprefix(OWN): value for name, value in given.items() if name.startswith(OWN)
        }
        targets = services.pop("targets", None)
        arguments = {name: value for name, value in given.items() if not name.startswith(OWN)}
        where = services.get("where") or Where()
        known = pack.installed.pack.tools[tool]
        limit = Limit(self._seconds(pack, tool))
        running = Running(tool, known.risk, services, limit, pack.wants[tool])
        own = self._own(pack, running, targets, services, where)
        pack.desk.begin(running)
        try:
            await self._make_room(pack)
            sent = self._arguments(pack, arguments)
            answer = await pack.process.call(tool, sent, own, limit)
            if running.guarded:
                pack.desk.end(running)
                await self._confirmed(pack, running, running.guarded, where)
                return None
            result = self._result(pack, tool, answer)
        except PackFailed as error:
            self.audit.note(pack_id, "call", allowed=True, tool=tool, why=str(error))
            error.spoken = _failed(pack.installed, where)
            raise
        except PackError as error:
            # Its files are not those that were installed.
            self.audit.note(pack_id, "call", allowed=False, tool=tool, why=str(error))
            raise
        except Denied as error:
            self.audit.note(pack_id, "call", allowed=False, tool=tool, why=str(error))
            raise SkillError(
                f"{pack_id}.{tool}: {error}", spoken=_failed(pack.installed, where)
            ) from None
        except SkillError as error:
            if error.spoken == SkillError.spoken:
                error.spoken = _failed(pack.installed, where)
            raise
        finally:
            pack.desk.end(running)
        self.audit.note(pack_id, "call", allowed=True, tool=tool)
        return result

    def _seconds(self, pack: _Pack, tool: str) -> float:
        takes = max(
            (
                handler.tool.takes
                for handler in self._handlers
                if handler.skill == pack.installed.pack.id and handler.tool.called == tool
            ),
            default=0.0,
        )
        return max(self._call_seconds, takes - 0.5)

    def _own(
        self,
        pack: _Pack,
        running: Running,
        targets: Entities | None,
        services: Mapping[str, Any],
        where: Where,
    ) -> dict[str, Any]:
        """What Hearth's own host needs for a call besides its arguments."""
        own: dict[str, Any] = {"call": running.token, "where": wire.where_out(where)}
        if targets is not None:
            seen = [entity for entity in targets if pack.desk.grants.sees(entity)]
            own["targets"] = [wire.entity_out(entity) for entity in seen]
            own["said"] = targets.said
        talk = services.get("conversation")
        if talk is not None and "conversation" in running.wants:
            own["conversation"] = {
                "last_reply": talk.last_reply,
                "lacking": wire.call_out(talk.lacking) if talk.lacking else None,
            }
        if change := services.get("change"):
            own["change"] = wire.change_out(self._told(pack, change))
        return own

    def _told(self, pack: _Pack, change: Change) -> Change:
        """A change that a pack may be told of. Raises Denied."""
        grants, entity = pack.desk.grants, change.entity
        known = entity.entity_id in self._home.entities
        if not known or not (grants.sees(entity) or entity.domain in grants.granted.events):
            raise Denied(f"changes of {entity.entity_id} were not granted")
        return replace(change, attributes=grants.attributes(change.attributes))

    def _arguments(self, pack: _Pack, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as JSON; for a foreign server with names where it knows no devices."""
        for value in arguments.values():
            if isinstance(value, Entity) and not pack.desk.grants.sees(value):
                raise Denied(f"{value.entity_id} was not granted")
        if pack.installed.pack.run is None:
            return {name: plain(value) for name, value in arguments.items()}
        return {
            name: value.name if isinstance(value, Area | Entity) else plain(value)
            for name, value in arguments.items()
        }

    async def _make_room(self, wanted: _Pack) -> None:
        """Stop what was not used for the longest time, so that no more than so many are alive."""
        if wanted.process.alive:
            return
        live = [pack.process for pack in self._packs.values() if pack.process.alive]
        if len(live) < self._most_live:
            return
        idle = [process for process in live if process.calls == 0]
        if not idle:
            raise SkillError(f"{len(live)} packs are at work already")
        await min(idle, key=lambda process: process.used).stop()

    # --- what came back --------------------------------------------------------------------------

    def _result(self, pack: _Pack, tool: str, answer: Mapping[str, Any]) -> Result:
        """What a pack returned, in the form that the hub has. Raises SkillError."""
        meta = answer.get("_meta")
        own = meta.get("hearth") if isinstance(meta, dict) else None
        if pack.installed.pack.run is not None or not isinstance(own, dict):
            own = _foreign(answer)
        name = f"{pack.installed.pack.id}.{tool}"
        match own.get("kind"):
            case "none":
                return None
            case "say":
                try:
                    return said(own.get("text"))
                except Denied:
                    return None
            case "ask":
                return self._ask(pack, own)
            case "answer":
                return self._answer(pack, own)
            case "dropped":
                raise Dropped(f"{name}: its question was dropped")
            case "error":
                raise SkillError(
                    f"{name}: {one_line(own.get('error'), 300)}",
                    spoken=one_line(own.get("spoken"), 200) or None,
                )
        raise SkillError(f"{name}: {one_line(own.get('error'), 300) or 'it failed'}")

    def _ask(self, pack: _Pack, own: Mapping[str, Any]) -> Ask:
        question = one_line(own.get("question"), 200)
        if not question:
            raise SkillError(f"{pack.installed.pack.id}: it asks nothing")
        given = own.get("choices")
        choices = list(given.items())[:MOST_CHOICES] if isinstance(given, dict) else []
        lacking = self._calls(pack, [own["lacking"]] if own.get("lacking") else [])
        return Ask(
            question,
            self._calls(pack, own.get("yes")),
            {one_line(choice, 60): self._calls(pack, calls) for choice, calls in choices},
            lacking[0] if lacking else None,
        )

    def _calls(self, pack: _Pack, rows: Any) -> tuple[Call, ...]:
        """Calls after an answer: of the pack's own tools only."""
        calls = []
        for row in rows[:4] if isinstance(rows, list) else ():
            name = row.get("tool") if isinstance(row, dict) else None
            own = str(name).removeprefix(f"{pack.installed.pack.id}.")
            arguments = row.get("arguments") if isinstance(row, dict) else None
            if own not in pack.installed.pack.tools or not isinstance(arguments, dict):
                raise SkillError(f"{pack.installed.pack.id}: {name!r:.60} is no tool of its own")
            calls.append(Call(f"{pack.installed.pack.id}.{own}", arguments))
        return tuple(calls)

    def _answer(self, pack: _Pack, own: Mapping[str, Any]) -> Answer:
        given = own.get("facts")
        facts = {
            key: one_line(value, LONGEST_FACT) if isinstance(value, str) else value
            for key, value in (given.items() if isinstance(given, dict) else ())
            if key.isidentifier() and isinstance(value, str | int | float | bool)
        }
        return Answer(
            visible(pack.desk.grants, own.get("matched")),
            visible(pack.desk.grants, own.get("unmatched")),
            facts,
            one_line(own.get("about"), 60),
        )

    # --- what needs a yes ------------------------------------------------------------------------

    async def _confirmed(self, pack: _Pack, running: Running, action: Action, where: Where) -> None:
        """Ask about what a pack wants to do, in the hub's own words, and do it after a yes.

        Raises Dropped where nobody says so, and SkillError where nobody can be asked."""
        name, talk = pack.installed.pack.id, running.given.get("conversation")
        if talk is None or not hasattr(talk, "ask"):
            raise SkillError(f"{name}.{running.tool}: nobody can be asked about {action.service}")
        language = where.language.split("-")[0]
        blind = all(unknown(entity.domain, entity.guarded) for entity in action.asks)
        texts = UNKNOWN if blind else ASKS
        question = texts.get(language, texts["en"]).format(
            pack=pack.installed.pack.name,
            names=names_together(
                [entity.name for entity in action.asks], words(where.language)["and"]
            ),
        )
        yes = await talk.ask(question, bool) is True
        target = f"{action.service}: {', '.join(e.entity_id for e in action.entities)}"
        self.audit.note(
            name,
            "confirmation",
            allowed=yes,
            tool=running.tool,
            target=target,
            why="a person said yes" if yes else "nobody said yes",
        )
        if not yes:
            raise Dropped(f"{name}: {target}: nobody said yes")
        home = running.given["home"]
        home.permitted(home.yes_permits)
        # Where a yes is not enough, the home holds it, and the hub asks for more.
        await home.call(action.service, list(action.entities), **action.data)


def _wanted(row: Mapping[str, Any]) -> frozenset[str]:
    """The services that a tool asked for when it was installed."""
    meta = row.get("_meta")
    own = meta.get("hearth") if isinstance(meta, dict) else None
    services: set[str] = set()
    for one in own if isinstance(own, list) else ():
        given = one.get("services") if isinstance(one, dict) else None
        services |= set(map(str, given.values())) if isinstance(given, dict) else set()
    return frozenset(services)


def _foreign(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a server that knows nothing of Hearth: its texts are what is said."""
    rows = answer.get("content")
    texts = [
        one_line(row.get("text"), 1000)
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and row.get("type") == "text"
    ]
    text = " ".join(text for text in texts if text)
    if answer.get("isError") is True:
        return {"kind": "failed", "error": text}
    return {"kind": "say", "text": text} if text else {"kind": "none"}


def _failed(installed: Installed, where: Where) -> str:
    return str(words(where.language)["said"]["skill_failed"].format(skill=installed.pack.name))


def describe(installed: Installed, verify: Callable[[Installed], None]) -> list[dict[str, Any]]:
    """What a pack says of its tools, from a process that is started for that and ended: for
    `Shelf(on_installed=…)`. Checks that they are usable. Raises SkillError or PackError.

    Blocks for up to ten seconds; may be called where an event loop runs."""

    async def asked() -> list[dict[str, Any]]:
        async def nothing(method: str, params: dict[str, Any]) -> Any:
            raise RemoteError(METHOD_NOT_FOUND, "not now")

        process = PackProcess(
            installed,
            ledger=Ledger(None),
            answer=nothing,
            verify=verify,
            wall=_for_a_look,
        )
        try:
            return await process.tools()
        finally:
            await process.stop()

    rows: list[dict[str, Any]] = _elsewhere(asked)
    declared(installed.pack, rows)
    for row in rows:
        made(installed.pack, installed.granted, row, lambda name: _nobody)
    return rows


def _for_a_look(pack_id: str) -> sandbox.Wall:
    """A unit of systemd may be that of the version before, and in use: only if it must be."""
    return sandbox.require(pack_id) if sandbox.bubblewrap_trouble() else "bubblewrap"


async def _nobody(**given: Any) -> None:
    raise HearthError("this tool is only looked at")


def _elsewhere(work: Callable[[], Any]) -> Any:
    """The result of a coroutine from an event loop of its own, in a thread of its own."""
    result: list[Any] = []
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            result.append(asyncio.run(work()))
        except BaseException as error:
            trouble.append(error)

    thread = threading.Thread(target=run, name="pack")
    thread.start()
    thread.join()
    if trouble:
        raise trouble[0]
    return result[0]
