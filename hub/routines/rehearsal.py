"""What commands would do, found out on paper: the tools run against a copy of the home that only
notes which services are called. Nothing reaches a device.

That is how a routine is judged when it is made (what lets somebody in is refused then), and how it
becomes an automation of Home Assistant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hub.home.model import Home
from hub.home.targets import Missing
from hub.home.things import Entity
from hub.messages import Call, StateChange
from hub.policy.classes import R0, R1, R2, R3, RISKS
from hub.skill import Where
from hub.skills.handling import Handler
from hub.skillset import Skillset

PATIENCE = 0.02
"""Seconds for which a tool waits for a report that will not come."""
HARMLESS = frozenset({"home", "where", "conversation", "clock", "settings", "undo"})
"""Services that a tool may have and still be run on paper."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A service call that would be made."""

    service: str
    """`light.turn_on`"""
    entities: tuple[Entity, ...]
    data: Mapping[str, Any]


class Paper(Home):
    """A copy of a home on which nothing happens."""

    def __init__(self, home: Home) -> None:
        self.__dict__.update(home.__dict__)
        self.entities = {
            key: replace(entity, barred=False) for key, entity in home.entities.items()
        }
        self.noted: list[Noted] = []

    def watch(self, watcher: Callable[[StateChange], None]) -> Callable[[], None]:
        return lambda: None

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        found = tuple(self.entities[key] for key in entity_ids if key in self.entities)
        self.noted.append(Noted(f"{domain}.{service}", found, dict(data)))


async def rehearse(call: Call, skillset: Skillset, home: Home, where: Where) -> list[Noted] | None:
    """The services that a call would use; None if only running it in earnest would tell."""
    found = await _rehearsed(call, skillset, home, where)
    return found[0] if found is not None else None


async def _rehearsed(
    call: Call, skillset: Skillset, home: Home, where: Where
) -> tuple[list[Noted], Missing | None] | None:
    """The same, and what was not found."""
    handlers = _handlers(call, skillset)
    if not handlers or any(h.foreign for h in handlers):
        return None
    if any(set(h.tool.services.values()) - HARMLESS for h in handlers):
        return None
    paper = Paper(home)
    on_paper = Skillset(handlers, paper, timeout=2.0, confirm_timeout=PATIENCE)
    try:
        done = await on_paper.perform(call, where=where, confirmed=True)
        if done.waiting is not None:
            done.waiting.drop()
    finally:
        await on_paper.close()
    return paper.noted, done.missing if not paper.noted else None


async def risk_of(call: Call, skillset: Skillset, home: Home, where: Where) -> str:
    """The class of a call, R0 to R3."""
    return (await weighed(call, skillset, home, where))[0]


async def weighed(
    call: Call, skillset: Skillset, home: Home, where: Where
) -> tuple[str, Missing | None]:
    """The same, and what was not found."""
    handlers = _handlers(call, skillset)
    tried = await _rehearsed(call, skillset, home, where)
    if tried is None:
        declared = [handler.tool.risk or R1 for handler in handlers] or [R0]
        asked = R2 if skillset.asks(call, where=where) else R0
        return max([*declared, asked], key=RISKS.index), None
    noted, missing = tried
    found = [R0 if not noted else R1]
    for each in noted:
        _, _, service = each.service.partition(".")
        for entity in each.entities:
            own = replace(entity, barred=False)
            state = home.state(entity.entity_id)
            found.append(skillset.policy.harm(own, service, each.data, state).risk)
    confirmed = [handler for handler in handlers if handler.tool.confirm]
    if confirmed and not noted:
        found.append(R3 if any(h.tool.risk == R3 for h in confirmed) else R2)
    return max(found, key=RISKS.index), missing


def _handlers(call: Call, skillset: Skillset) -> list[Handler]:
    """The tools that it may run."""
    return [h for h in skillset.handlers() if h.name == call.tool and h.tool.spoken]
