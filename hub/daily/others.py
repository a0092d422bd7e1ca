"""What other skills would tell, for a skill that tells several things at once."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hub.messages import Call
from hub.skills.handling import Handler, Turn

if TYPE_CHECKING:
    from hub.skillset import Skillset

log = logging.getLogger(__name__)

TELLS = "R0"
"""Risk of tools that only tell."""


class Others:
    """The `Others` of each skill."""

    def __init__(self, skillset: Skillset) -> None:
        self._skillset = skillset

    def of(self, handler: Handler, turn: Turn) -> OthersThen:
        return OthersThen(self._skillset, handler, turn)


class OthersThen:
    """See `hub.skill.Others`."""

    def __init__(self, skillset: Skillset, handler: Handler, turn: Turn) -> None:
        self._skillset, self._handler, self._turn = skillset, handler, turn

    async def tell(self, tool: str, **arguments: Any) -> str | None:
        found = [each for each in self._skillset.handlers() if each.name == tool]
        own = any(each.skill == self._handler.skill for each in found)
        if not found or own or any(each.tool.risk != TELLS for each in found):
            log.info("%s: %s is no tool that only tells", self._handler.name, tool)
            return None
        where = replace(self._turn.where, said="")
        done = await self._skillset.perform(Call(tool, arguments), where=where)
        if done.error is not None or done.ask is not None:
            return None
        told = done.answer.facts.get("told") if done.answer is not None else done.said
        return str(told).strip() or None if told else None
