"""The skills: finding them, loading them, and running their tools.

A skill is a folder with a `skill.py`. Each is loaded by its path, so that two may have files of
the same name; one that cannot be loaded is left out, with the reason in `problems`, and stops no
other. A call is run by the tools of its name: devices are found, shared out among the tools by
domain and class, arguments are checked, and what needs a 'yes' is asked for.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
import inspect
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self, cast

from hub.arguments import Unfit, fit
from hub.config import Config
from hub.errors import HearthError, SkillError
from hub.home.guarded import lets_in, unknown
from hub.home.hands import Hands
from hub.home.model import Entity, Home
from hub.home.targets import SLOTS, Missing, Reason, Targets, Wanted, resolve
from hub.language import names_together, words
from hub.messages import Call, Outcome, ToolSpec
from hub.skill import (
    ATTRIBUTE,
    Answer,
    Ask,
    Clock,
    Entities,
    Result,
    Speaker,
    Timers,
    Tool,
    Where,
)
from hub.skills.talk import Memory

log = logging.getLogger(__name__)

CHECKOUT = Path(__file__).parent.parent / "skills"
BUNDLED = Path(__file__).parent / "bundled"
"""Where the skills that come with Hearth are: in a checkout, and in an installed wheel."""


ACTING = ("HassTurnOn", "HassTurnOff", "HassSetPosition", "HassToggle")
"""Tools that may open what the name or the source of a device says lets people in."""
STOPPED = ("automation", "cover", "scene", "script")
"""Domains of which 'off' opens nothing."""
LETS_IN = {
    "en": "The {names} may let somebody in. Shall I go on?",
    "de": "{names}: Das kann jemanden hereinlassen. Soll ich weitermachen?",
}
UNKNOWN = {
    "en": "I cannot see what {names} does. It might let somebody in. Shall I go on?",
    "de": "{names}: Ich sehe nicht, was das tut. Es könnte jemanden hereinlassen. Weitermachen?",
}


@dataclass(frozen=True, slots=True)
class Performed:
    """What became of one call."""

    outcomes: tuple[Outcome, ...] = ()
    said: str | None = None
    """What the skill wants said."""
    ask: Ask | None = None
    """A question to ask; what it is about has not been done."""
    answer: Answer | None = None
    """Facts that are to be worded."""
    missing: Missing | None = None
    """Nothing was done, because no device was found, or more than one."""
    unfit: Unfit | None = None
    """Nothing was done, because an argument cannot be."""
    error: HearthError | None = None
    """Something went wrong; `outcomes` has what was done before."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A tool and the skill it is of."""

    skill: str
    tool: Tool

    @property
    def name(self) -> str:
        return self.tool.name or f"{self.skill}.{self.tool.function.__name__}"

    def serves(self, entity: Entity) -> bool:
        tool = self.tool
        return (not tool.domains or entity.domain in tool.domains) and (
            not tool.classes or entity.device_class in tool.classes
        )

    def spec(self) -> ToolSpec:
        tool = self.tool
        parameters = dict(tool.parameters)
        if tool.targets:
            where = {slot: {"type": "string"} for slot in ("name", "area", "floor")}
            parameters["properties"] = {**where, **parameters["properties"]}
        return ToolSpec(
            self.name,
            tool.description,
            parameters,
            self.skill,
            tool.domains,
            tool.examples,
            tool.phrases,
            tool.anywhere,
            tool.about,
        )


class Skillset:
    """All skills of a hub, for one home.

    `services` are what tools may ask for besides the home: `speaker`, `clock`, `timers`."""

    def __init__(
        self,
        handlers: Iterable[Handler],
        home: Home,
        *,
        problems: Sequence[SkillError] = (),
        services: Mapping[str, Any] | None = None,
        timeout: float = 5.0,
        confirm_timeout: float = 3.0,
    ) -> None:
        self.problems = tuple(problems)
        self._home = home
        self._timeout = timeout
        self._confirm_timeout = confirm_timeout
        self._services = {"clock": SystemClock(), "tools": self, **(services or {})}
        self._handlers: dict[str, list[Handler]] = {}
        for handler in handlers:
            self._handlers.setdefault(handler.name, []).append(handler)
        for several in self._handlers.values():
            several.sort(key=lambda handler: not handler.tool.classes)

    @classmethod
    def load(
        cls,
        settings: Config,
        home: Home,
        *,
        speaker: Speaker | None = None,
        clock: Clock | None = None,
        timers: Timers | None = None,
    ) -> Self:
        """All skills that the settings name and that can be loaded; the others are in
        `problems`."""
        given = {"speaker": speaker, "clock": clock, "timers": timers}
        handlers, problems = load(settings.skills.folders, settings.skills.disabled)
        return cls(
            handlers,
            home,
            problems=problems,
            services={name: service for name, service in given.items() if service is not None},
            timeout=settings.skills.timeout,
            confirm_timeout=settings.home.confirm_timeout,
        )

    def for_home(self, home: Home, **services: Any) -> Self:
        """The same skills for another home, such as a copy of it to try something on."""
        kept = {name: service for name, service in self._services.items() if name != "tools"}
        return type(self)(
            [handler for several in self._handlers.values() for handler in several],
            home,
            problems=self.problems,
            services={**kept, **services},
            timeout=self._timeout,
            confirm_timeout=self._confirm_timeout,
        )

    def specs(self) -> list[ToolSpec]:
        """All tools, without their code. Tools of several skills may have one name; each serves
        its own domains."""
        return [handler.spec() for several in self._handlers.values() for handler in several]

    async def perform(
        self,
        call: Call,
        *,
        where: Where,
        confirmed: bool = False,
        conversation: Memory | None = None,
    ) -> Performed:
        """Run a call. `confirmed` says that the person has answered yes to the question.

        Trouble that is expected does not raise: it is in the result, with a sentence for it."""
        handlers = self._handlers.get(call.tool)
        if not handlers:
            said = words(where.language)["said"]["cannot"]
            return _failed(SkillError(f"no skill has a tool {call.tool}", spoken=said))
        turn = self._turn(handlers, call, where, confirmed, conversation)
        if not any(handler.tool.targets for handler in handlers):
            return await self._run(handlers[0], Entities(()), turn)
        plan = self._plan(handlers, turn)
        if isinstance(plan, Performed):
            return plan
        done = await asyncio.gather(*(self._run(handler, found, turn) for handler, found in plan))
        return _together(done)

    def asks(self, call: Call, *, where: Where) -> bool:
        """Whether a call would not be done without an answer: a yes, or which device is meant.
        No effects."""
        handlers = self._handlers.get(call.tool)
        if not handlers:
            return False
        if not any(handler.tool.targets for handler in handlers):
            return bool(handlers[0].tool.confirm)
        plan = self._plan(handlers, self._turn(handlers, call, where))
        if isinstance(plan, Performed):
            return plan.ask is not None
        return any(_confirmation(handler, found) for handler, found in plan)

    def _turn(
        self,
        handlers: Sequence[Handler],
        call: Call,
        where: Where,
        confirmed: bool = False,
        conversation: Memory | None = None,
    ) -> _Turn:
        unplaced = Wanted.of(_slots(handlers, call)).unsaid and handlers[0].tool.anywhere
        return _Turn(call, where, confirmed, conversation or _NoConversation(), unplaced)

    def _plan(
        self, handlers: Sequence[Handler], turn: _Turn
    ) -> list[tuple[Handler, Entities]] | Performed:
        """Which tool is to do it to which devices; or why nothing is done."""
        targets = self._targets(handlers, turn)
        if turn.unplaced:
            # Whatever there is, and be it nothing: the tool knows what else is meant.
            return [(handlers[0], Entities(targets.entities, said=False))]
        if not targets.by_name:
            kept = tuple(e for e in targets.entities if not _unasked(turn.call.tool, e))
            targets = replace(targets, entities=kept)
        if targets.missing:
            return Performed(missing=targets.missing, ask=_asking(handlers, targets.missing, turn))
        groups, missing = _shared_out(handlers, targets, turn.call)
        if missing:
            return Performed(missing=missing)
        return [(handler, Entities(found)) for handler, found in groups]

    def _targets(self, handlers: Sequence[Handler], turn: _Turn) -> Targets:
        """The devices that are meant, among those that a tool of this name is for."""
        slots = _slots(handlers, turn.call)
        domains = {domain for handler in handlers for domain in handler.tool.domains}
        # How it was said tells the kind of device where the name alone does not: 'open the front
        # door' is a cover, 'lock the front door' a lock.
        if slots.get("name") and not slots.get("domain") and turn.call.response in domains:
            slots["domain"] = turn.call.response
        if turn.call.tool in EVERYWHERE and Wanted.of(slots).unsaid:
            return Targets(missing=Missing("unsaid"))
        return resolve(
            self._home,
            slots,
            domains=domains,
            preferred_area=turn.where.area,
            here_first=turn.call.tool not in EVERYWHERE and not turn.unplaced,
            single=any(handler.tool.single for handler in handlers),
        )

    async def _run(self, handler: Handler, entities: Entities, turn: _Turn) -> Performed:
        """Run one tool for the devices that are its own."""
        tool, call = handler.tool, turn.call
        of_target = SLOTS if tool.targets else ()
        own = {
            name: value
            for name, value in call.arguments.items()
            if name in tool.parameters["properties"] or name not in of_target
        }
        arguments, unfit = fit(tool.parameters, own, self._home)
        if unfit is not None:
            schema = tool.parameters["properties"].get(unfit.parameter, {})
            if schema.get("format") == "area" and not unfit.absent:
                return Performed(missing=Missing("area", area=str(unfit.value)))
            return Performed(unfit=unfit)
        confirm = _confirmation(handler, entities)
        # What must not be done anyway is no question.
        barred = bool(entities) and all(entity.barred for entity in entities)
        if confirm and not turn.confirmed and not barred:
            return Performed(ask=_question(confirm, entities, turn))
        hands = Hands(self._home, self._confirm_timeout)
        try:
            services = self._given(handler, hands, turn)
            if tool.targets:
                services[tool.targets] = entities
            async with asyncio.timeout(self._timeout):
                result = await _called(tool, {**services, **arguments})
        except HearthError as error:
            return _failed(error, hands.outcomes)
        except TimeoutError:
            late = SkillError(
                f"{handler.name} took more than {self._timeout:g} s",
                spoken=_skill_failed(handler, turn),
            )
            return _failed(late, hands.outcomes)
        # A skill is somebody else's code: whatever it raises costs this call, not the hub.
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if _meant_for_us(error):
                raise
            log.info("the skill %s raised", handler.skill, exc_info=error)
            failed = SkillError(
                f"{_place(error, Path(tool.function.__code__.co_filename).parent)}: "
                f"{type(error).__name__}: {error}",
                spoken=_skill_failed(handler, turn),
            )
            return _failed(failed, hands.outcomes)
        return _performed(handler, result, hands.outcomes, turn)

    def _given(self, handler: Handler, hands: Hands, turn: _Turn) -> dict[str, Any]:
        """The services that a tool asks for. Raises SkillError for one this hub does not have."""
        services = {
            **self._services,
            "home": hands,
            "where": turn.where,
            "conversation": turn.conversation,
        }
        for service in handler.tool.services.values():
            if service not in services:
                raise SkillError(
                    f"{handler.name} needs a {service}; this hub has none",
                    spoken=words(turn.where.language)["said"]["cannot"],
                )
        return {name: services[service] for name, service in handler.tool.services.items()}


MOST_CHOICES = 4
"""Of as many devices it is asked which one is meant."""

EVERYWHERE = frozenset({"HassTurnOn", "HassTurnOff", "HassGetState"})
"""Intents that mean the whole house where no place was said: 'turn off all the lights'. Of the
others the speaker's room is meant, if it has such a thing."""


@dataclass(frozen=True, slots=True)
class _Turn:
    call: Call
    where: Where
    confirmed: bool
    conversation: Memory
    unplaced: bool = False
    """Nothing was said of what is meant, and the tool finds out by itself."""


class SystemClock:
    """The `Clock` that tools are given."""

    def now(self) -> datetime:
        return datetime.now().astimezone()


class _NoConversation:
    """The `Conversation` of a call that belongs to none."""

    last_reply: str | None = None
    lacking: Call | None = None

    def forget(self) -> None:
        pass


def _slots(handlers: Sequence[Handler], call: Call) -> dict[str, Any]:
    """The arguments that say which devices are meant. One that the tool has as a parameter of
    its own ('clean the kitchen') does not."""
    own = {name for handler in handlers for name in handler.tool.parameters["properties"]}
    return {
        name: value for name, value in call.arguments.items() if name in SLOTS and name not in own
    }


def _shared_out(
    handlers: Sequence[Handler], targets: Targets, call: Call
) -> tuple[list[tuple[Handler, list[Entity]]], Missing | None]:
    """Each device to the first tool that serves it.

    A tool that asks first is for one device that was named, or the only one of a kind that was
    named: nothing is unlocked because everything was to be opened."""
    groups: dict[int, list[Entity]] = {}
    for entity in targets.entities:
        for number, handler in enumerate(handlers):
            if handler.serves(entity):
                if targets.by_name or targets.by_kind or not handler.tool.named:
                    groups.setdefault(number, []).append(entity)
                break
    missing = None
    if not targets.by_name:
        guarded = {number for number in groups if handlers[number].tool.confirm}
        several = [entity for number in sorted(guarded) for entity in groups[number]]
        if several and (len(groups) > len(guarded) or not _kind_named(handlers, guarded, call)):
            groups = {n: found for n, found in groups.items() if n not in guarded}
        elif len(several) > 1:
            missing = _missing("several", call, several)
    if not groups and not missing:
        missing = _missing("kind", call, ())
    return [(handlers[number], found) for number, found in sorted(groups.items())], missing


def _kind_named(handlers: Sequence[Handler], numbers: Iterable[int], call: Call) -> bool:
    """Whether the very kind of device was named: 'door' of a cover, 'lock'."""
    for number in numbers:
        tool = handlers[number].tool
        said = call.arguments.get("device_class" if tool.classes else "domain")
        kinds = [said] if isinstance(said, str) else said or ()
        if not set(kinds) & set(tool.classes or tool.domains):
            return False
    return True


def _missing(reason: Reason, call: Call, candidates: Iterable[Entity]) -> Missing:
    return Wanted.of(call.arguments).missing(reason, candidates)


def _lets_in(tool: str, entity: Entity) -> bool:
    """Whether a tool may open a way into the house by means of a device. Closing never does."""
    closing = tool == "HassTurnOff" and entity.domain in STOPPED
    # Doors and gates that say what they are have a tool of their own, which asks.
    known = entity.domain == "cover" and entity.device_class is not None
    opens = not known and lets_in(entity.domain, entity.device_class, entity.names)
    guarded = entity.guarded or unknown(entity.domain, entity.guarded)
    return tool in ACTING and not closing and (guarded or opens)


def _unasked(tool: str, entity: Entity) -> bool:
    """Whether a device is left alone by a tool unless somebody has named it."""
    return _lets_in(tool, entity) or (entity.barred and tool in ACTING)


def _confirmation(handler: Handler, entities: Entities) -> Mapping[str, str]:
    """The question that is asked before a tool may run; empty if it just runs."""
    if handler.tool.confirm or not any(_lets_in(handler.name, e) for e in entities):
        return handler.tool.confirm
    return UNKNOWN if all(unknown(e.domain, e.guarded) for e in entities) else LETS_IN


def _question(confirm: Mapping[str, str], entities: Entities, turn: _Turn) -> Ask:
    """The question of a tool that asks first. What is then done is about these very devices."""
    language = turn.where.language
    template = confirm.get(language.split("-")[0]) or next(iter(confirm.values()))
    names = names_together([entity.name for entity in entities], words(language)["and"])
    if not entities:
        return Ask(template.format(names=names), (turn.call,))
    arguments = {k: v for k, v in turn.call.arguments.items() if k not in SLOTS}
    yes = tuple(
        replace(turn.call, arguments={**arguments, "name": entity.entity_id}) for entity in entities
    )
    return Ask(template.format(names=names), yes)


def _asking(handlers: Sequence[Handler], missing: Missing, turn: _Turn) -> Ask | None:
    """A question back: which of several is meant, or whether the one with a name much like it.

    None about what may not be acted on unasked: that must be named as it is."""
    guarded = any(
        handler.tool.confirm or _lets_in(handler.name, entity)
        for entity in missing.candidates
        for handler in handlers
        if handler.serves(entity)
    )
    if not missing.candidates or guarded:
        return None
    known = words(turn.where.language)

    def call(entity: Entity) -> tuple[Call, ...]:
        slots = {k: v for k, v in turn.call.arguments.items() if k not in ("area", "floor")}
        return (replace(turn.call, arguments={**slots, "name": entity.entity_id}),)

    first = missing.candidates[0]
    if missing.reason == "name" and len(missing.candidates) == 1:
        name = known["article"].format(name=first.name)
        return Ask(known["said"]["did_you_mean"].format(names=name), call(first))
    names = {entity.name: call(entity) for entity in missing.candidates}
    if missing.reason == "several" and len(names) == len(missing.candidates) <= MOST_CHOICES:
        listed = names_together([known["article"].format(name=n) for n in names], known["or"])
        return Ask(known["missing"]["several"].format(names=listed), choices=names)
    return None


async def _called(tool: Tool, arguments: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(tool.function):
        return await tool.function(**arguments)
    return await _in_thread(lambda: tool.function(**arguments))


async def _in_thread(work: Callable[[], Any]) -> Any:
    """The result of something that blocks. Its thread is its own and nobody waits for it: one
    that never ends takes no place from others, and does not keep the hub from ending."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if result.done():  # nobody waits any more
            return
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    def run() -> None:
        value: Any = None
        raised: BaseException | None = None
        try:
            value = context.run(work)
        except StopIteration as error:  # a future cannot hold it
            raised = RuntimeError(f"{type(error).__name__}: {error}")
        except BaseException as error:
            raised = error
        with suppress(RuntimeError):  # the hub has ended meanwhile
            loop.call_soon_threadsafe(settle, value, raised)

    threading.Thread(target=run, name="tool", daemon=True).start()
    return await result


def _meant_for_us(error: BaseException) -> bool:
    """Whether it is the caller that was cancelled, and not the skill that raised."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and bool(task and task.cancelling())


def _skill_failed(handler: Handler, turn: _Turn) -> str:
    return str(words(turn.where.language)["said"]["skill_failed"].format(skill=handler.skill))


def _performed(
    handler: Handler, result: Any, outcomes: Sequence[Outcome], turn: _Turn
) -> Performed:
    if not isinstance(result, Result):
        error = SkillError(
            f"{handler.name} returned {result!r}; a tool returns nothing, a string, Ask or Answer",
            spoken=_skill_failed(handler, turn),
        )
        return _failed(error, outcomes)
    return Performed(
        tuple(outcomes),
        said=result if isinstance(result, str) else None,
        ask=result if isinstance(result, Ask) else None,
        answer=result if isinstance(result, Answer) else None,
    )


def _failed(error: HearthError, outcomes: Sequence[Outcome] = ()) -> Performed:
    log.error("%s: %s", type(error).__name__, error)
    return Performed(tuple(outcomes), said=error.spoken, error=error)


def _together(done: Sequence[Performed]) -> Performed:
    """What several tools did for one call."""
    if len(done) == 1:
        return done[0]

    def first(field: str) -> Any:
        return next((v for p in done if (v := getattr(p, field)) is not None), None)

    said = [performed.said for performed in done if performed.said]
    return Performed(
        tuple(outcome for performed in done for outcome in performed.outcomes),
        said=" ".join(said) or None,
        ask=first("ask"),
        answer=first("answer"),
        missing=first("missing"),
        unfit=first("unfit"),
        error=first("error"),
    )


# --- finding and loading ---------------------------------------------------------------------


def bundled() -> Path:
    """The folder with the skills that come with Hearth."""
    return BUNDLED if BUNDLED.is_dir() else CHECKOUT


def load(
    folders: Iterable[Path] = (), disabled: Iterable[str] = ()
) -> tuple[list[Handler], list[SkillError]]:
    """The tools of all skills in the bundled folder and `folders`, and what could not be loaded.

    A skill in a later folder takes the place of one of the same name."""
    found: dict[str, Path] = {}
    problems: list[SkillError] = []
    for folder in [bundled(), *folders]:
        if not folder.is_dir():
            problems.append(SkillError(f"{folder}: there is no such folder of skills"))
            continue
        for path in sorted(folder.absolute().glob("*/skill.py")):
            if not path.parent.name.startswith(("_", ".")):
                found[path.parent.name] = path
    handlers: list[Handler] = []
    for name, path in found.items():
        if name in set(disabled):
            continue
        try:
            handlers += [Handler(name, tool) for tool in load_skill(name, path)]
        except SkillError as error:
            problems.append(error)
    return handlers, problems


def load_skill(name: str, path: Path) -> list[Tool]:
    """The tools of one skill. Raises SkillError, naming file and line, if it cannot be loaded.

    The folder becomes a package of its own, so a skill may have further files and import them
    with `from . import ...`."""
    module_name = f"hearth_skill_{name}"
    spec = importlib.util.spec_from_file_location(
        module_name, path, submodule_search_locations=[str(path.parent)]
    )
    if spec is None or spec.loader is None:
        raise SkillError(f"{path}: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except SkillError:
        sys.modules.pop(module_name, None)
        raise
    # Somebody else's code: whatever it raises costs this skill, not the hub.
    except (Exception, SystemExit) as error:
        sys.modules.pop(module_name, None)
        raise SkillError(
            f"{_place(error, path.parent, path)}: {type(error).__name__}: {error}"
        ) from error
    tools = [
        tool
        for function in vars(module).values()
        if inspect.isfunction(function) and function.__module__ == module_name
        for tool in cast("list[Tool]", getattr(function, ATTRIBUTE, ()))
    ]
    if not tools:
        raise SkillError(f"{path}: has no function with @tool")
    return tools


def _place(error: BaseException, folder: Path, path: Path | None = None) -> str:
    """File and line of the skill at which an error arose."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else str(path or folder)
