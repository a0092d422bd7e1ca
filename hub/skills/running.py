"""Runs tools: gives them their services, lets them ask and talk, limits their time, and takes what
they return. A skill is somebody else's code: whatever it raises costs its call, not the hub.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hub.arguments import fit
from hub.dialogue.answers import answers
from hub.errors import HearthError, SkillError
from hub.home.model import Home, normal
from hub.keeping import Unkept, collecting
from hub.language import words
from hub.messages import Outcome
from hub.policy import R0, Policy
from hub.skill import Answer, Ask, Dropped, Entities, Result, Say, Text, Tool
from hub.skill.kinds import value as as_wanted
from hub.skill.tools import as_tool
from hub.skills.handling import Handler, OfRooms, Performed, Turn
from hub.skills.languages import said
from hub.skills.recording import RECORDING, Back
from hub.skills.talk import PATIENCE, Asked, Ended, Late, Memory, Run, Talk, Told
from hub.skills.thread import in_thread
from hub.skills.undo import Deed, RememberingHands, Undone, never, put_back, worded
from hub.timers.clock import Time

log = logging.getLogger(__name__)

OF_EACH_SKILL = ("others", "past", "phone", "schedule", "settings", "sound", "store")
"""Services of which each skill has its own: `services[name].of(handler, turn)` gives it."""


@dataclass(slots=True)
class _Running:
    """A run of a tool, and what it has done so far."""

    handler: Handler
    turn: Turn
    hands: RememberingHands
    talk: Talk
    run: Run
    arguments: Mapping[str, Any]
    undo: _Undo
    unkept: Unkept
    told: int = 0
    """Outcomes that were told."""

    def outcomes(self) -> tuple[Outcome, ...]:
        """Those that were not told yet."""
        new = tuple(self.hands.outcomes[self.told :])
        self.told = len(self.hands.outcomes)
        return new

    def worded(self, text: Text) -> str:
        return said(text, self.handler.languages, self.turn.where.language)


class Runner:
    """Runs tools for one home. `timeout`: seconds that a tool has; `patience`: those in which a
    device has to report."""

    def __init__(
        self,
        home: Home,
        services: Mapping[str, Any],
        *,
        time: Time,
        timeout: float,
        patience: float,
        policy: Policy | None = None,
    ) -> None:
        self.services = dict(services)
        self.time = time
        self._policy = policy or Policy.plain()
        self._home = home
        self._timeout = timeout
        self._patience = patience
        self._tasks: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """End what is still running."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def run(
        self, handler: Handler, entities: Entities, arguments: Mapping[str, Any], turn: Turn
    ) -> Performed:
        """Run a tool until it ends, asks, or says that it takes longer."""
        tool = handler.tool
        hands = RememberingHands(self._home, self._patience, self._policy, turn.permit)
        talk = Talk(turn.memory)
        undo = _Undo(turn.memory, turn.where.language)
        try:
            services = self._given(handler, hands, talk, turn, undo)
            given: dict[str, Any] = {**services, **tool.arguments(arguments)}
        except HearthError as error:
            return failed(error)
        except ValueError as error:
            cannot = words(turn.where.language)["said"]["cannot"]
            return failed(SkillError(f"{handler.name}: {error}", spoken=cannot))
        if tool.targets:
            given[tool.targets] = entities
        unkept: Unkept = []
        with collecting(unkept):
            run = Run(_called(tool, given), talk, handler.name)
        return await self._on(_Running(handler, turn, hands, talk, run, arguments, undo, unkept))

    async def _on(self, running: _Running) -> Performed:
        """Let a run go on until there is something to tell of it."""
        turn, tool = running.turn, running.handler.tool
        limit = self._timeout if turn.later else max(self._timeout, tool.takes)
        while True:
            step = await running.run.step(limit)
            match step:
                case Ended():
                    return self._ended(running, step)
                case Asked():
                    waiting = _Suspended(self, running, step)
                    return Performed(running.outcomes(), ask=Ask(waiting.question), waiting=waiting)
                case Told() if turn.later is None:
                    log.info("%s: %s", running.handler.name, running.worded(step.text))
                case Told():
                    self._leave(running)
                    return Performed(running.outcomes(), said=running.worded(step.text))
                case Late() if turn.later is not None and tool.takes > self._timeout:
                    self._leave(running)
                    told = words(turn.where.language)["said"]["working"]
                    return Performed(running.outcomes(), said=told)
                case Late():
                    running.hands.over = True
                    await running.run.end()
                    return self._late(running, limit)

    def _leave(self, running: _Running) -> None:
        """Let a run go on by itself: its turn is over."""
        running.talk.alone = True
        self.begin(self._alone(running), running.handler.name)

    async def _alone(self, running: _Running) -> None:
        later, call = running.turn.later, running.turn.call
        assert later is not None
        limit = max(self._timeout, running.handler.tool.takes)
        until = asyncio.get_running_loop().time() + limit
        while True:
            step = await running.run.step(until - asyncio.get_running_loop().time())
            match step:
                case Told():
                    await later(call, Performed(said=running.worded(step.text)))
                case Asked():
                    step.drop()
                case Ended():
                    done = self._ended(running, step)
                    if done != Performed(deeds=done.deeds):
                        await later(call, done)
                    return
                case Late():
                    running.hands.over = True
                    await running.run.end()
                    await later(call, self._late(running, limit))
                    return

    def begin(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Something that nobody waits for, until it is done or the hub ends."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("%s", task.get_name(), exc_info=error)

    async def drop(self, running: _Running, asked: Asked) -> None:
        """A question gets no answer: let the run end by itself, and tell nobody."""
        asked.drop()
        running.talk.alone = True
        while isinstance(step := await running.run.step(self._timeout), Asked | Told):
            if isinstance(step, Asked):
                step.drop()
        running.hands.over = True
        if isinstance(step, Late):
            await running.run.end()

    # --- how it ended -----------------------------------------------------------------------

    def _ended(self, running: _Running, ended: Ended) -> Performed:
        handler, outcomes = running.handler, running.outcomes()
        running.hands.over = True
        if running.hands.held:
            return self._held(running, outcomes)
        if isinstance(ended.error, Dropped):
            return Performed(outcomes, said="", deeds=self._changes(running))
        if isinstance(ended.error, HearthError):
            return replace(failed(ended.error, outcomes), deeds=self._changes(running))
        if ended.error is not None:
            error = ended.error
            log.info("the skill %s raised", handler.skill, exc_info=error)
            folder = Path(handler.tool.function.__code__.co_filename).parent
            text = f"{place(error, folder)}: {type(error).__name__}: {error}"
            return failed(SkillError(text, spoken=_skill_failed(running)), outcomes)
        result = ended.result
        if not isinstance(result, Result):
            error = SkillError(
                f"{handler.name} returned {result!r}; a tool returns nothing, a string, Say, Ask "
                "or Answer",
                spoken=_skill_failed(running),
            )
            return failed(error, outcomes)
        if isinstance(result, Ask):
            result = replace(result, question=running.worded(result.question))
        return Performed(
            outcomes,
            said=running.worded(result) if isinstance(result, str | Say) else None,
            ask=result if isinstance(result, Ask) else None,
            answer=result if isinstance(result, Answer) else None,
            deeds=self._changes(running) if isinstance(result, Ask) else self._deeds(running),
            unkept=bool(running.unkept),
        )

    def _held(self, running: _Running, outcomes: Sequence[Outcome]) -> Performed:
        """Something has to come first; then the tool runs again. What it says of this run is not
        so."""
        return Performed(
            tuple(outcomes), deeds=self._changes(running), held=tuple(running.hands.held)
        )

    def _late(self, running: _Running, limit: float) -> Performed:
        late = SkillError(
            f"{running.handler.name} took more than {limit:g} s", spoken=_skill_failed(running)
        )
        return failed(late, running.outcomes())

    def _deeds(self, running: _Running) -> tuple[Deed, ...]:
        """How what a run did is undone: as it said itself, or its skill, or as it was before."""
        handler, undo = running.handler, running.undo
        if undo.none or undo.used:
            return ()
        if handler.tool.final:
            touched = "home" not in handler.tool.services.values() or running.hands.done().before
            return (Deed(handler.name, never(handler.tool.final)),) if touched else ()
        undoing = self.services.get("undoing")
        if undo.ways and undoing is not None:
            ways = tuple(undo.ways)

            async def by_ways() -> Undone:
                result = Undone()
                for tool, arguments in reversed(ways):
                    result += await undoing(handler, arguments, running.turn, tool)
                return result

            return (Deed(handler.name, by_ways),)
        if handler.tool.undo and undoing is not None:
            return (Deed(handler.name, lambda: undoing(handler, running.arguments, running.turn)),)
        return self._changes(running)

    def _changes(self, running: _Running) -> tuple[Deed, ...]:
        """How what a run did by means of the hub is undone."""
        done, back = running.hands.done(), tuple(running.undo.back)
        if not done.before and not done.calls and not back:
            return ()
        if running.undo.used:
            return ()  # undoing is not undone

        async def as_before() -> Undone:
            result = Undone()
            for step in reversed(back):
                try:
                    await step()
                except HearthError as error:
                    log.warning("not undone: %s", error)
                    result += Undone(False)
            return result + await put_back(self._home, done, self._patience, self._policy)

        return (Deed(running.handler.name, as_before),)

    # --- what it is given -------------------------------------------------------------------

    def _given(
        self, handler: Handler, hands: RememberingHands, talk: Talk, turn: Turn, undo: _Undo
    ) -> dict[str, Any]:
        """The services that a tool asks for. Raises SkillError for one this hub does not have."""
        known: dict[str, Any] = {
            **self.services,
            "home": hands,
            "where": turn.where,
            "conversation": talk,
            "undo": undo,
        }
        if turn.change is not None:
            known["change"] = turn.change
        given: dict[str, Any] = {}
        for parameter, service in handler.tool.services.items():
            if service not in known:
                raise SkillError(
                    f"{handler.name} needs a {service}; this hub has none",
                    spoken=words(turn.where.language)["said"]["cannot"],
                )
            found = known[service]
            if service in OF_EACH_SKILL:
                found = found.of(handler, turn)
            if isinstance(found, OfRooms):
                found = found.in_room(turn.where.area)
            if service in RECORDING and handler.tool.risk != R0:
                found = RECORDING[service](found, undo.back)
            if service == "speaker":
                found = _Speaking(found, self.services.get("aloud"), handler, turn)
            given[parameter] = found
        return given

    # --- answers ----------------------------------------------------------------------------

    def read(self, asked: Asked, readings: Sequence[str], language: str) -> tuple[str, Any] | None:
        """The first reading that is an answer to a question, and what it means."""
        return self.read_as(asked.schema, readings, language)

    def read_as(
        self, wanted: Mapping[str, Any], readings: Sequence[str], language: str
    ) -> tuple[str, Any] | None:
        """The first reading that fits the schema of an answer, and what it means."""
        if wanted.get("type") == "boolean":
            return _yes_or_no(readings, language)
        schema = {"properties": {"answer": wanted}, "required": ["answer"]}
        clock = self.services.get("clock")
        for text in readings:
            found, unfit = fit(
                schema,
                {"answer": text},
                self._home,
                language=language,
                now=clock.now() if clock else None,
            )
            if unfit is None:
                return text, found["answer"]
        return None


@dataclass(slots=True)
class _Suspended:
    """A tool that asked: see `Waiting`."""

    runner: Runner
    running: _Running
    asked: Asked
    question: str = field(init=False)
    free: bool = field(init=False)

    def __post_init__(self) -> None:
        self.question = self.running.worded(self.asked.question)
        self.free = self.asked.free
        self.runner.begin(self._expire(), f"{self.running.handler.name}-waits")

    @property
    def over(self) -> bool:
        return self.asked.future.done()

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of the answer."""
        return self.asked.schema

    async def _expire(self) -> None:
        time = self.runner.time
        until = time.steady() + PATIENCE
        while (left := until - time.steady()) > 0 and not self.over:
            await time.sleep(left)
        self.drop()

    def read(self, readings: Sequence[str], language: str) -> tuple[str, Any] | None:
        return self.runner.read(self.asked, readings, language)

    async def answer(self, value: Any) -> Performed:
        kind = self.asked.kind
        self.asked.answer(value if kind is None else as_wanted(kind, value))
        return await self.runner._on(self.running)

    def drop(self) -> None:
        if not self.over:
            self.asked.drop()
            work = self.runner.drop(self.running, self.asked)
            self.runner.begin(work, f"{self.running.handler.name}-dropped")


class _Undo:
    """The `Undo` of one run."""

    def __init__(self, memory: Memory, language: str) -> None:
        self._memory = memory
        self._language = language
        self.ways: list[tuple[Tool, Mapping[str, Any]]] = []
        """How this run says that it is undone."""
        self.back: list[Back] = []
        """How what it did to the hub's own is taken back."""
        self.none = False
        self.used = False
        """This run undoes what others did."""

    async def last(self) -> bool | None:
        undone = await self._last()
        return None if undone is None else undone.whole

    async def tell(self) -> str | None:
        undone = await self._last()
        return None if undone is None else worded(undone, self._language)

    async def _last(self) -> Undone | None:
        self.used = True
        deeds: Sequence[Deed] = self._memory.take_back()
        if not deeds:
            return None
        result = Undone()
        for deed in reversed(deeds):
            result += await deed.undo()
        return result

    def by(self, function: Any, /, **arguments: Any) -> None:
        self.ways.append((as_tool(function), arguments))

    def nothing(self) -> None:
        self.none = True


class _Speaking:
    """The `Speaker` of one run: what it announces is said in the skill's words."""

    def __init__(self, speaker: Any, aloud: Any, handler: Handler, turn: Turn) -> None:
        self._speaker, self._aloud = speaker, aloud
        self._handler, self._turn = handler, turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._speaker, name)

    async def announce(self, text: Text, *, area: str | None = None) -> None:
        where = self._turn.where
        told = said(text, self._handler.languages, where.language)
        if self._aloud is None:
            log.info("%s says: %s", self._handler.skill, told)
        else:
            self._aloud.announce(
                told, language=where.language, area=area or where.area, by=self._handler.skill
            )

    def reaches(self, area: str) -> bool:
        return self._aloud is not None and bool(self._aloud.reaches(area))


def failed(error: HearthError, outcomes: Sequence[Outcome] = ()) -> Performed:
    """What is told of an error that ended a call."""
    log.error("%s: %s", type(error).__name__, error)
    return Performed(tuple(outcomes), said=error.spoken, error=error)


def place(error: BaseException, folder: Path, path: Path | None = None) -> str:
    """File and line of the skill at which an error arose."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else str(path or folder)


def _skill_failed(running: _Running) -> str:
    template = words(running.turn.where.language)["said"]["skill_failed"]
    return str(template.format(skill=running.handler.skill))


def _yes_or_no(readings: Sequence[str], language: str) -> tuple[str, bool] | None:
    known = answers(language)
    for text in readings:
        if normal(text) in known.no:
            return text, False
    said = next(iter(readings), "")  # a yes counts in the likeliest reading only
    return (said, True) if normal(said) in known.yes else None


async def _called(tool: Tool, arguments: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(tool.function):
        return await tool.function(**arguments)
    return await in_thread(lambda: tool.function(**arguments))
