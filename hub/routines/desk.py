"""What skills may do with routines: the `Routines` service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.errors import HearthError
from hub.routines import wording
from hub.routines.routine import Clock, Draft, Phrase, Routine, RoutineError
from hub.routines.routines import Routines
from hub.skill import Conversation, Where

TRIES = 3
"""Questions in a row about one routine."""


class RoutineDesk:
    """Makes, changes and runs routines in a conversation."""

    def __init__(self, routines: Routines) -> None:
        self.routines = routines
        self._changed = False

    async def make(self, text: str, where: Where, conversation: Conversation) -> str:
        """See `hub.skill.Routines`."""
        self._changed = False
        draft = await self.routines.maker.draft(text, where)
        return await self._finish(draft, where, conversation)

    async def _finish(self, draft: Draft, where: Where, conversation: Conversation) -> str:
        language = where.language
        for _ in range(TRIES):
            if draft.problem or not draft.question:
                break
            await self._ask(draft, where, conversation)
        if draft.problem:
            return draft.problem
        if draft.question or not draft.do:
            return wording.say("not_kept", language)
        try:
            routine = self.routines.from_draft(draft, where)
        except HearthError as error:
            return error.spoken
        parts = [wording.routine(routine, self.routines.maker.name_of, language), *draft.warnings]
        old = self.routines.find(routine.id) if routine.id else None
        if old is not None and draft.instead is None:
            phrase = next((t.text for t in draft.when if isinstance(t, Phrase)), old.name)
            parts.append(wording.say("exists", language, text=phrase))
        parts.append(wording.say("right", language))
        if not await conversation.ask(" ".join(parts), bool):
            return wording.say("not_kept", language)
        return await self.keep(routine, language, changed=draft.instead is not None)

    async def keep(self, routine: Routine, language: str, *, changed: bool = False) -> str:
        """Add it, and say so."""
        try:
            made = self.routines.add(routine)
        except HearthError as error:
            return error.spoken
        self._changed = True
        key = "kept_changed" if changed else "kept"
        told = wording.say(key, language, name=made.name)
        return told if await self.routines.flush() else f"{told} {wording.say('disk', language)}"

    async def _ask(self, draft: Draft, where: Where, conversation: Conversation) -> None:
        """Ask for what is lacking, and fill it in."""
        maker = self.routines.maker
        with self.routines.claims.expecting(where.area):
            answer = str(await conversation.ask(draft.question, str))
        match draft.lacking:
            case "time":
                await self._time(draft, answer, where)
            case "device":
                await self._device(draft, answer, where)
            case _:
                await maker.fill(draft, answer, where)

    async def _time(self, draft: Draft, answer: str, where: Where) -> None:
        slots = draft.condition.slots if draft.condition else {}
        found = self.routines.maker.clock_at(answer, slots, where.language)
        if isinstance(found, Clock):
            draft.when = (found,)
            draft.question = draft.lacking = ""
            if not draft.do:
                await self.routines.maker.fill(draft, draft.said, where)

    async def _device(self, draft: Draft, answer: str, where: Where) -> None:
        chosen = self.routines.maker.named(answer, draft.among, where.language)
        if len(chosen) != 1:
            return
        trigger = self.routines.maker.chosen(draft, chosen[0], where)
        if isinstance(trigger, str):
            draft.problem = trigger
            return
        draft.when = (trigger,)
        draft.question = draft.lacking = ""
        await self.routines.maker.fill(draft, draft.said, where)

    async def change(
        self, name: str, how: str, text: str, where: Where, conversation: Conversation
    ) -> str:
        """See `hub.skill.Routines`."""
        self._changed = False
        language = where.language
        old = self.routines.find(name)
        if old is None:
            return wording.say("unknown", language, name=name)
        draft = Draft(name=old.name, when=old.when, do=old.do, instead=old, said=text)
        steps = await self.routines.maker.steps(text, where, old.when[0] if old.when else None)
        while isinstance(steps, str):
            with self.routines.claims.expecting(where.area):
                answer = str(await conversation.ask(steps, str))
            steps = await self.routines.maker.steps(answer, where)
        if how == "less":
            gone = [call for step in steps for call in step.calls]
            texts = {step.text.casefold() for step in steps}
            left = tuple(
                step
                for step in old.do
                if step.text.casefold() not in texts
                and not (step.calls and all(call in gone for call in step.calls))
            )
            if len(left) == len(old.do):
                return wording.say("no_step", language, name=old.name)
            if not left:
                return wording.say("empty", language, name=old.name)
            draft.do = left
        else:
            judged = await self.routines.maker.judged(draft, steps, where)
            draft.do = judged if how == "replace" else (*old.do, *judged)
        return await self._finish(draft, where, conversation)

    def listed(self, where: Where) -> str:
        """All routines in one sentence."""
        language, every = where.language, self.routines.all()
        if not every:
            return wording.say("none", language)
        names = [
            f"{r.name}" if r.enabled else wording.say("off", language, name=r.name) for r in every
        ]
        key = "list_one" if len(names) == 1 else "list"
        return wording.say(key, language, count=len(names), names=wording.joined(names, language))

    def describe(self, name: str, where: Where) -> str:
        """What one does."""
        found = self.routines.find(name)
        if found is None:
            return wording.say("unknown", where.language, name=name)
        told = wording.routine(found, self.routines.maker.name_of, where.language)
        off = wording.say("is_off", where.language, name=found.name)
        return told if found.enabled else f"{told} {off}"

    async def run(self, name: str, where: Where) -> str:
        """Run one now."""
        found = self.routines.find(name)
        if found is None:
            return wording.say("unknown", where.language, name=name)
        return (await self.routines.run(found, where)).text

    async def undo(self, name: str) -> None:
        """Take back what the last run did. Raises RoutineError if not all of it was."""
        found = self.routines.find(name)
        if found is None or not await self.routines.undo(found):
            raise RoutineError(f"not all of what '{name}' did was undone")

    @property
    def changed(self) -> bool:
        """Whether the last call changed something that `take_back` undoes."""
        return self._changed

    async def remove(self, name: str, where: Where, conversation: Conversation) -> str:
        """Delete one, after a yes."""
        self._changed = False
        language, found = where.language, self.routines.find(name)
        if found is None:
            return wording.say("unknown", language, name=name)
        if not await conversation.ask(wording.say("really", language, name=found.name), bool):
            return wording.say("not_kept", language)
        self.routines.remove(found.id)
        self._changed = True
        await self.routines.flush()
        return wording.say("removed", language, name=found.name)

    async def enable(self, name: str, enabled: bool, where: Where) -> str:
        """Switch one on or off."""
        self._changed = False
        found = self.routines.find(name)
        if found is None:
            return wording.say("unknown", where.language, name=name)
        self.routines.enable(found.id, enabled)
        self._changed = True
        await self.routines.flush()
        return wording.say("enabled" if enabled else "disabled", where.language, name=found.name)

    def take_back(self) -> bool:
        """Undo the last change, if the last call made one."""
        changed, self._changed = self._changed, False
        return changed and self.routines.take_back()

    def names(self) -> Sequence[str]:
        return [routine.name for routine in self.routines.all()]

    def __deepcopy__(self, memo: Any) -> RoutineDesk:
        return self
