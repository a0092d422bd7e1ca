"""The skills: finding them, loading them, and running their tools.

A skill is a folder with a `skill.py`. Each is loaded by its path, so that two may have files of
the same name; one that cannot be loaded is left out, with the reason in `problems`, and stops no
other. A call is run by the tools of its name: devices are found, shared out among the tools by
domain and class, arguments are checked, and what needs a 'yes' is asked for.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from hub.arguments import Unfit, fit
from hub.config import Config, PrivacySettings
from hub.daily.calendars import Calendars
from hub.daily.library import Library
from hub.daily.lists import OwnLists
from hub.daily.others import Others
from hub.daily.writer import Writer
from hub.errors import SkillError
from hub.history import History
from hub.home.hands import HELD, hindrance
from hub.home.model import Entity, Home
from hub.home.targets import SLOTS, Missing, Reason, Targets, Wanted, resolve
from hub.language import names_together, words
from hub.memory import Facts
from hub.messages import Call, Outcome, ToolSpec
from hub.policy import R0, R1, R2, R3, RISKS, Action, Harm, Policy, Verdict
from hub.policy.classes import PLAIN, called, foreseen, worst
from hub.policy.policy import OPENINGS
from hub.policy.words import EVERYTHING, deed, say, text
from hub.skill import (
    Ask,
    Change,
    Clock,
    Entities,
    Timers,
    Tool,
    Where,
    collect,
)
from hub.skills import languages
from hub.skills.handling import Handler, Later, Loudspeaker, Performed, Turn
from hub.skills.running import Runner, failed, place
from hub.skills.second import AskedForPin, locked
from hub.skills.settings import SkillSettings
from hub.skills.store import Stores
from hub.skills.talk import Memory
from hub.skills.undo import Undone
from hub.timers.clock import SystemTime, Time

__all__ = ["Handler", "Performed", "Skillset", "bundled", "load", "load_handlers", "load_skill"]

log = logging.getLogger(__name__)

CHECKOUT = Path(__file__).parent.parent / "skills"
BUNDLED = Path(__file__).parent / "bundled"
"""Where the skills that come with Hearth are: in a checkout, and in an installed wheel."""


ACTING = ("HassTurnOn", "HassTurnOff", "HassSetPosition", "HassToggle")
"""Tools that may open what the name or the source of a device says lets people in."""


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
        time: Time | None = None,
        policy: Policy | None = None,
    ) -> None:
        """`policy`: what comes before what is dangerous. Without one a yes is enough for all, as
        for a home that is not there; whoever opens a real one gives it (`hub/app.py`)."""
        self.problems = tuple(problems)
        self._home = home
        self._timeout = timeout
        self._confirm_timeout = confirm_timeout
        self._time = time or SystemTime()
        self._services = {
            "clock": SystemClock(self._time),
            "tools": self,
            "undoing": self._undo,
            "settings": SkillSettings(),
            "store": Stores(),
            "lists": OwnLists(home),
            "others": Others(self),
            "history": History(None, PrivacySettings(), self._time),
            "facts": Facts(),
            "calendars": Calendars(),
            "library": Library(),
            "writer": Writer(),
            **(services or {}),
        }
        self.policy = policy or Policy.plain()
        self._runner = Runner(
            home,
            self._services,
            time=self._time,
            timeout=timeout,
            patience=confirm_timeout,
            policy=self.policy,
        )
        self._handlers: dict[str, list[Handler]] = {}
        self.learn(handlers)

    @classmethod
    def load(
        cls,
        settings: Config,
        home: Home,
        *,
        speaker: Loudspeaker | None = None,
        clock: Clock | None = None,
        timers: Timers | None = None,
        more: Iterable[Handler] = (),
        time: Time | None = None,
        policy: Policy | None = None,
        **services: Any,
    ) -> Self:
        """All skills that the settings name and that can be loaded; the others are in
        `problems`. `more`: tools from elsewhere, `services`: further ones, by name."""
        own = SkillSettings(settings.skills.settings)
        given = {"speaker": speaker, "clock": clock, "timers": timers, "settings": own, **services}
        handlers, problems = load(settings.skills.folders, settings.skills.disabled)
        return cls(
            [*handlers, *more],
            home,
            problems=problems,
            services={name: service for name, service in given.items() if service is not None},
            timeout=settings.skills.timeout,
            confirm_timeout=settings.home.confirm_timeout,
            time=time,
            policy=policy,
        )

    def for_home(self, home: Home, **services: Any) -> Self:
        """The same skills for another home, such as a copy of it to try something on."""
        own = ("tools", "undoing", "schedule", "lists", "others")
        kept = {name: service for name, service in self._services.items() if name not in own}
        return type(self)(
            [handler for several in self._handlers.values() for handler in several],
            home,
            problems=self.problems,
            services={**kept, **services},
            timeout=self._timeout,
            confirm_timeout=self._confirm_timeout,
            policy=self.policy,
        )

    def serve(self, **services: Any) -> None:
        """Services that are there only later, by name."""
        self._services.update(services)
        self._runner.services.update(services)

    async def close(self) -> None:
        """End the tools that are still running."""
        await self._runner.close()

    def learn(self, handlers: Iterable[Handler], instead: Collection[str] = ()) -> None:
        """Add tools; those that the skills `instead` have had are forgotten."""
        kept = [handler for handler in self.handlers() if handler.skill not in instead]
        self._handlers.clear()
        for handler in [*kept, *handlers]:
            self._handlers.setdefault(handler.name, []).append(handler)
        for several in self._handlers.values():
            several.sort(key=lambda handler: not handler.tool.classes)

    def handlers(self) -> list[Handler]:
        """All tools, also those that nobody can ask for."""
        return [handler for several in self._handlers.values() for handler in several]

    def specs(self) -> list[ToolSpec]:
        """All tools that people can ask for, without their code. Tools of several skills may have
        one name; each serves its own domains."""
        return [handler.spec() for handler in self.handlers() if handler.tool.spoken]

    async def perform(
        self,
        call: Call,
        *,
        where: Where,
        confirmed: bool = False,
        conversation: Memory | None = None,
        later: Later | None = None,
    ) -> Performed:
        """Run a call. `confirmed` says that the person has answered yes to the question. `later`
        is given what a tool says after it has said that it takes longer; without it, it is waited
        for.

        Trouble that is expected does not raise: it is in the result, with a sentence for it."""
        handlers = self._spoken(call.tool)
        if not handlers:
            said = words(where.language)["said"]["cannot"]
            return failed(SkillError(f"no skill has a tool {call.tool}", spoken=said))
        turn = self._turn(handlers, call, where, confirmed, conversation, later)
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
        handlers = self._spoken(call.tool)
        if not handlers:
            return False
        if not any(handler.tool.targets for handler in handlers):
            return self._comes_first(handlers[0], Entities(()), call)
        plan = self._plan(handlers, self._turn(handlers, call, where))
        if isinstance(plan, Performed):
            return plan.ask is not None
        return any(self._comes_first(handler, found, call) for handler, found in plan)

    def delicate(self, name: str) -> bool:
        """Whether a tool never runs before somebody has said yes."""
        return any(handler.tool.risk in (R2, R3) for handler in self._spoken(name))

    def answer(
        self, schema: Mapping[str, Any], readings: Sequence[str], language: str
    ) -> tuple[str, Any] | None:
        """The first reading that fits the schema of an answer, and what it means."""
        return self._runner.read_as(schema, readings, language)

    def _turn(
        self,
        handlers: Sequence[Handler],
        call: Call,
        where: Where,
        confirmed: bool = False,
        conversation: Memory | None = None,
        later: Later | None = None,
    ) -> Turn:
        unplaced = Wanted.of(_slots(handlers, call)).unsaid and handlers[0].tool.anywhere
        return Turn(call, where, confirmed, conversation or _NoConversation(), unplaced, later)

    def _spoken(self, name: str) -> list[Handler]:
        """The tools of a name that people can ask for."""
        return [handler for handler in self._handlers.get(name, ()) if handler.tool.spoken]

    async def run_alone(
        self,
        skill: str,
        function: str,
        *,
        where: Where,
        arguments: Mapping[str, Any] | None = None,
        change: Change | None = None,
    ) -> Performed:
        """Run a tool of a skill that nobody asked for just now, by the name of its function."""
        handler = next(
            (h for h in self.handlers() if h.skill == skill and h.tool.called == function), None
        )
        if handler is None:
            return failed(SkillError(f"the skill {skill} has no tool {function}"))
        return await self._alone(handler, where=where, arguments=arguments, change=change)

    async def _alone(
        self,
        handler: Handler,
        *,
        where: Where,
        arguments: Mapping[str, Any] | None = None,
        change: Change | None = None,
    ) -> Performed:
        """What nobody asks for just now does no more than what needs no yes."""
        turn = Turn(Call(handler.name), where, True, _NoConversation(), change=change, alone=True)
        known = handler.tool.parameters["properties"]
        given = {name: value for name, value in (arguments or {}).items() if name in known}
        fitted, unfit = self._fit(handler, given, turn)
        if unfit is not None:
            return Performed(unfit=unfit)
        done = await self._runner.run(handler, Entities(()), fitted, turn)
        return self._held(handler, Entities(()), fitted, turn, done) if done.held else done

    async def _undo(
        self,
        handler: Handler,
        arguments: Mapping[str, Any],
        turn: Turn,
        way: Tool | None = None,
    ) -> Undone:
        """Undo what a tool did, by the skill's own function, or the one that it named then."""
        if way is None:
            done = await self.run_alone(
                handler.skill, handler.tool.undo, where=turn.where, arguments=arguments
            )
        else:
            own = Handler(handler.skill, way, handler.languages, handler.foreign)
            done = await self._alone(own, where=turn.where, arguments=arguments)
        return Undone(done.error is None and done.unfit is None and not done.held)

    def _fit(
        self, handler: Handler, given: Mapping[str, Any], turn: Turn
    ) -> tuple[dict[str, Any], Unfit | None]:
        return fit(
            handler.tool.parameters,
            given,
            self._home,
            language=turn.where.language,
            now=self._services["clock"].now(),
        )

    def _plan(
        self, handlers: Sequence[Handler], turn: Turn
    ) -> list[tuple[Handler, Entities]] | Performed:
        """Which tool is to do it to which devices; or why nothing is done."""
        targets = self._targets(handlers, turn)
        if turn.unplaced:
            # Whatever there is, and be it nothing: the tool knows what else is meant.
            return [(handlers[0], Entities(targets.entities, said=False))]
        if not targets.by_name:
            kept = tuple(
                e
                for e in targets.entities
                if not self._left_out(turn.call, e, by_kind=targets.by_kind)
            )
            targets = replace(targets, entities=kept)
        if targets.missing:
            return Performed(
                missing=targets.missing, ask=self._asking(handlers, targets.missing, turn)
            )
        groups, missing = _shared_out(handlers, targets, turn.call)
        if missing:
            return Performed(missing=missing)
        return [(handler, Entities(found)) for handler, found in groups]

    def _targets(self, handlers: Sequence[Handler], turn: Turn) -> Targets:
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

    async def _run(self, handler: Handler, entities: Entities, turn: Turn) -> Performed:
        """Run one tool for the devices that are its own."""
        tool, call = handler.tool, turn.call
        of_target = SLOTS if tool.targets else ()
        own = {
            name: value
            for name, value in call.arguments.items()
            if name in tool.parameters["properties"] or name not in of_target
        }
        arguments, unfit = self._fit(handler, own, turn)
        if unfit is not None:
            schema = tool.parameters["properties"].get(unfit.parameter, {})
            if schema.get("format") == "area" and not unfit.absent:
                return Performed(missing=Missing("area", area=str(unfit.value)))
            if schema.get("format") == "entity" and not unfit.absent:
                return Performed(missing=Missing("name", name=str(unfit.value)))
            return Performed(unfit=unfit)
        found = self._harm(handler, entities, call)
        if found.risk in (R2, R3) and (outcomes := self._in_vain(handler, entities, call)):
            return Performed(outcomes)
        action = self._action(handler, entities, turn)
        verdict = self.policy.judge(action, found)
        if verdict.kind != "act":
            what = _deed(handler, entities, turn)
            run = partial(self._permitted, handler, entities, arguments, turn)
            question = _question(handler, entities, found, what, turn.where.language)
            ask = Ask(question, _after_yes(entities, turn.call))
            return self._first(verdict, action, what, ask, turn, run)
        return await self._permitted(handler, entities, arguments, turn, permit=action.permit)

    async def _permitted(
        self,
        handler: Handler,
        entities: Entities,
        arguments: Mapping[str, Any],
        turn: Turn,
        permit: str = R3,
    ) -> Performed:
        """Run a tool that may do this much, and see to what it wanted to do beyond that."""
        allowed = replace(turn, permit=permit)
        done = await self._runner.run(handler, entities, arguments, allowed)
        return self._held(handler, entities, arguments, allowed, done) if done.held else done

    def _asking(self, handlers: Sequence[Handler], missing: Missing, turn: Turn) -> Ask | None:
        """A question back: which of several is meant, or whether the one with a name much like it.

        None about what may not be acted on unasked: that must be named as it is."""
        guarded = any(
            self._harm(handler, Entities((entity,)), turn.call).risk in (R2, R3)
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

    # --- what comes first -----------------------------------------------------------------------

    def _action(self, handler: Handler, entities: Entities, turn: Turn) -> Action:
        known = [foreseen(handler.name, e, turn.call.arguments) for e in entities]
        services = {each[0] for each in known if each}
        return Action(
            handler.name,
            tuple(entities),
            services.pop() if len(services) == 1 else "",
            known[0][1] if known and known[0] else {},
            handler.tool.risk,
            turn.where.area,
            turn.where.person,
            R1 if turn.alone else self.policy.permit(turn.confirmed),
        )

    def _harm(self, handler: Handler, entities: Entities, call: Call) -> Harm:
        """What a call may do, as far as that is known before: what its tool declares, and what its
        service does to these devices."""
        tool = handler.tool
        risk = max(tool.risk, R2 if tool.confirm else R0)
        declared = (
            Harm(risk, "declared") if risk in (R2, R3) else called(handler.name, call.arguments)
        )
        known = [self._foreseen(handler.name, entity, call.arguments) for entity in entities]
        if not known or None in known:
            return declared
        found = worst(each for each in known if each)
        # A tool for doors asks before it moves one; to close it, it need not.
        if found == PLAIN and tool.risk != R3 and {e.domain for e in entities} <= OPENINGS:
            return PLAIN
        return found.worse(declared)

    def _foreseen(self, tool: str, entity: Entity, arguments: Mapping[str, Any]) -> Harm | None:
        known = foreseen(tool, entity, arguments)
        if known is None:
            return None
        return self.policy.harm(entity, *known, self._home.state(entity.entity_id))

    def _in_vain(self, handler: Handler, entities: Entities, call: Call) -> tuple[Outcome, ...]:
        """What is told instead of a question, where none of the devices may or can do it anyway;
        nothing if one can. Without a known service a tool may have means of its own."""
        outcomes = []
        for entity in entities:
            state = self._home.state(entity.entity_id)
            error = hindrance(entity, state)
            known = entity.barred or foreseen(handler.name, entity, call.arguments) is not None
            if error is None or not known:
                return ()
            outcomes.append(Outcome(entity.entity_id, entity.name, state.state, False, error=error))
        return tuple(outcomes)

    def _comes_first(self, handler: Handler, entities: Entities, call: Call) -> bool:
        """Whether a call would not be done without an answer. No effects."""
        found = self._harm(handler, entities, call)
        return found.risk in (R2, R3) and not self.policy.off

    def _left_out(self, call: Call, entity: Entity, *, by_kind: bool) -> bool:
        """Whether a device is left alone by a call that does not name it."""
        if call.tool not in ACTING:
            return False
        if entity.barred:
            return True
        found = self._foreseen(call.tool, entity, call.arguments) or PLAIN
        if entity.domain == "cover" and entity.device_class is not None and found.risk == R3:
            return False  # doors and gates have a tool of their own, for one at a time
        if found.risk == R2 and found.why != "unknown":
            return not by_kind
        return found.risk in (R2, R3) and entity.domain != "lock"

    def _first(
        self,
        verdict: Verdict,
        action: Action,
        what: str,
        ask: Ask,
        turn: Turn,
        run: Callable[..., Awaitable[Performed]],
    ) -> Performed:
        """What is said instead of doing it: a question, or why not."""
        language = turn.where.language
        if turn.alone:
            return _refused(say("alone", language, what))
        if verdict.kind == "ask":
            return Performed(ask=ask)
        if verdict.kind == "refuse":
            return _refused(say(verdict.why, language, what))
        if verdict.factor == "phone":
            return self._by_phone(verdict.harm, action, what, turn, run)
        pin = self.policy.pin
        if pin is None:
            return _refused(say("no_factor", language, what))
        if minutes := locked(pin):
            return _refused(say("locked", language, minutes=minutes))
        waiting = AskedForPin(
            self.policy,
            pin,
            action,
            verdict.harm,
            what,
            run,
            language=language,
            clock=self._time.steady,
        )
        return Performed(ask=Ask(waiting.question), waiting=waiting)

    def _by_phone(
        self,
        found: Harm,
        action: Action,
        what: str,
        turn: Turn,
        run: Callable[..., Awaitable[Performed]],
    ) -> Performed:
        """Ask on the phone, and do it after a tap; nobody waits for that."""
        language, approvals = turn.where.language, self.policy.approvals
        if not approvals.reachable:
            return _refused(say("phone_away", language, what))
        if approvals.waiting is not None:
            return _refused(say("phone_busy", language))

        async def wait() -> None:
            question = say("question", language, what)
            decided = await approvals.ask(question, area=turn.where.area)
            self.policy.note(
                "done" if decided == "approved" else "dropped", action, found, f"phone: {decided}"
            )
            if decided == "approved":
                done = await run()
            else:
                done = Performed(said=say("dropped", language, what))
            if turn.later is not None:
                await turn.later(turn.call, done)

        self._runner.begin(wait(), f"{turn.call.tool}-by-phone")
        return Performed(said=say("phone", language, what))

    def _held(
        self,
        handler: Handler,
        entities: Entities,
        arguments: Mapping[str, Any],
        turn: Turn,
        done: Performed,
    ) -> Performed:
        """A tool wanted to do more than it may. What was swept along is left out; what was meant
        is asked for, and then the tool runs again."""
        kept = tuple(o for o in done.outcomes if o.error != HELD)
        if any(outcome.error is None for outcome in kept):
            return replace(done, outcomes=kept, held=())
        held = max(done.held, key=lambda each: RISKS.index(each.harm.risk))
        language = turn.where.language
        names = [entity.name for entity in held.entities]
        what = deed(held.service, names, language, held.data)
        action = Action(
            handler.name,
            held.entities,
            held.service,
            held.data,
            handler.tool.risk,
            turn.where.area,
            turn.where.person,
            turn.permit,
        )
        verdict = self.policy.judge(action, held.harm)
        run = partial(self._permitted, handler, entities, arguments, turn)
        key = "unknown" if held.harm.why == "unknown" else "question"
        question = say(key, language, what, names=_listed(held.entities, language))
        # The same call again, with a yes: its targets are found as they were.
        asked = self._first(verdict, action, what, Ask(question, (turn.call,)), turn, run)
        return replace(asked, outcomes=kept, deeds=done.deeds)


MOST_CHOICES = 4
"""Of as many devices it is asked which one is meant."""

EVERYWHERE = frozenset({"HassTurnOn", "HassTurnOff", "HassGetState"})
"""Intents that mean the whole house where no place was said: 'turn off all the lights'. Of the
others the speaker's room is meant, if it has such a thing."""


class SystemClock:
    """The `Clock` that tools are given."""

    def __init__(self, time: Time) -> None:
        self._time = time

    def now(self) -> datetime:
        return self._time.now().astimezone(self._time.zone)


class _NoConversation:
    """The memory of a call that belongs to no conversation."""

    last_reply: str | None = None
    lacking: Call | None = None

    def forget(self) -> None:
        pass

    def take_back(self) -> Sequence[Any]:
        return ()


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


def _question(handler: Handler, entities: Entities, found: Harm, what: str, language: str) -> str:
    """What is asked before a tool may run."""
    if handler.tool.confirm:
        return _confirmation(handler, entities, language)
    key = found.why if found.why in ("declared", "lets_in", "unknown") else "question"
    told = {"names": _listed(entities, language), "description": handler.tool.description}
    return say(key, language, what, **told)


def _confirmation(handler: Handler, entities: Entities, language: str) -> str:
    """The question of a tool that has one of its own."""
    asked = handler.tool.confirm
    template = asked.get(language.split("-")[0]) or next(iter(asked.values()))
    return template.format(names=_listed(entities, language))


def _listed(entities: Iterable[Entity], language: str) -> str:
    return names_together([entity.name for entity in entities], words(language)["and"])


def _deed(handler: Handler, entities: Entities, turn: Turn) -> str:
    """What would be done, in words: 'unlock the Front Door'."""
    language = turn.where.language
    if called(handler.name, turn.call.arguments).why == "everything":
        return text(EVERYTHING, language)
    known = foreseen(handler.name, entities[0], turn.call.arguments) if entities else None
    if known is None and handler.tool.confirm:
        question = _confirmation(handler, entities, language).rstrip("?")
        return question[:1].lower() + question[1:]
    if known is None:
        sentence = handler.tool.description.rstrip(".")
        return sentence[:1].lower() + sentence[1:]
    return deed(known[0], [entity.name for entity in entities], language, known[1])


def _refused(text: str) -> Performed:
    """It is not done, and that is said."""
    return Performed(said=text, refused=True)


def _after_yes(entities: Entities, call: Call) -> tuple[Call, ...]:
    """What is done after a yes: the same, about these very devices."""
    if not entities:
        return (call,)
    arguments = {k: v for k, v in call.arguments.items() if k not in SLOTS}
    return tuple(
        replace(call, arguments={**arguments, "name": entity.entity_id}) for entity in entities
    )


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
        waiting=first("waiting"),
        deeds=tuple(each for performed in done for each in performed.deeds),
        refused=any(performed.refused for performed in done),
        held=tuple(each for performed in done for each in performed.held),
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
            handlers += load_handlers(name, path)
        except SkillError as error:
            problems.append(error)
    return handlers, problems


def load_handlers(name: str, path: Path) -> list[Handler]:
    """The tools of one skill, with what it says in each language. Raises SkillError."""
    tools = load_skill(name, path)
    spoken = languages.read(path.parent)
    return [Handler(name, tool, spoken) for tool in languages.translated(tools, spoken)]


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
    for other in [each for each in sys.modules if each.startswith(f"{module_name}.")]:
        del sys.modules[other]  # its further files may have been edited, too
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
            f"{place(error, path.parent, path)}: {type(error).__name__}: {error}"
        ) from error
    tools = collect(module)
    if not tools:
        raise SkillError(f"{path}: has no function with @tool")
    return tools
