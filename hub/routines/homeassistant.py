"""Routines as automations of Home Assistant, as far as they can be.

What the commands do is found out on paper, and written as the services that they would use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hub.routines.rehearsal import rehearse
from hub.routines.routine import (
    DAILY,
    DAYS,
    Becomes,
    Clock,
    Comes,
    Phrase,
    Routine,
    Step,
    Sun,
    Trigger,
    clocked,
    signed,
)
from hub.routines.routines import Routines
from hub.skill import Where


async def automations(
    several: Sequence[Routine], routines: Routines
) -> tuple[list[dict[str, Any]], list[str]]:
    """The automations, and what of the routines they do not have."""
    made, problems = [], []
    for routine in several:
        found, trouble = await _automation(routine, routines)
        problems += [f"{routine.name}: {each}" for each in trouble]
        if found is not None:
            made.append(found)
    return made, problems


async def _automation(
    routine: Routine, routines: Routines
) -> tuple[dict[str, Any] | None, list[str]]:
    trouble: list[str] = []
    triggers = []
    days: set[tuple[int, ...]] = set()
    for trigger in routine.when:
        found = _trigger(trigger, routines, trouble)
        if found is None:
            continue
        triggers += found
        if isinstance(trigger, Clock | Sun):
            days.add(trigger.days)
    actions = []
    for step in routine.do:
        actions += await _actions(step, routine, routines, trouble)
    if not triggers or not actions:
        return None, [*trouble, "nothing is left of it"]
    condition = []
    if (
        len(days) == 1
        and (only := next(iter(days))) != DAILY
        and len(triggers) == len(routine.when)
    ):
        condition.append({"condition": "time", "weekday": [DAYS[day][:3] for day in only]})
    elif len(days) > 1:
        trouble.append("its times are of different days; as an automation it runs daily")
    name_of = routines.maker.name_of
    from hub.routines import wording

    automation = {
        "id": f"hearth_{routine.id.replace('-', '_')}",
        "alias": routine.name,
        "description": wording.routine(routine, name_of, routine.language),
        "trigger": triggers,
        "condition": condition,
        "action": actions,
        "mode": "single",
    }
    return automation, trouble


def _own(entity_id: str, routines: Routines) -> str:
    """The id that Home Assistant has for an entity."""
    try:
        return routines.home.origin(entity_id)[1]
    except KeyError:
        return entity_id


def _trigger(
    trigger: Trigger, routines: Routines, trouble: list[str]
) -> list[dict[str, Any]] | None:
    match trigger:
        case Phrase():
            return [{"platform": "conversation", "command": [_plain(trigger.text)]}]
        case Clock():
            if trigger.rule:
                trouble.append(f"the rule {trigger.rule} is not known there")
                return None
            return [{"platform": "time", "at": trigger.at.isoformat("seconds")}]
        case Sun():
            sun: dict[str, Any] = {"platform": "sun", "event": trigger.event}
            if trigger.offset:
                sun["offset"] = signed(trigger.offset)
            return [sun]
        case Becomes():
            return [_becomes(trigger, routines)]
        case Comes():
            return _comes(trigger, routines, trouble)


def _becomes(trigger: Becomes, routines: Routines) -> dict[str, Any]:
    plain: dict[str, Any] = {"entity_id": _own(trigger.entity_id, routines)}
    if trigger.numeric:
        plain["platform"] = "numeric_state"
        for name, number in (("above", trigger.above), ("below", trigger.below)):
            if number is not None:
                plain[name] = number
        if trigger.attribute:
            plain["attribute"] = trigger.attribute
    else:
        plain["platform"] = "state"
        plain["to"] = trigger.to[0] if len(trigger.to) == 1 else list(trigger.to)
        if trigger.before:
            plain["from"] = list(trigger.before)
    if trigger.lasting:
        plain["for"] = clocked(trigger.lasting)
    return plain


def _comes(trigger: Comes, routines: Routines, trouble: list[str]) -> list[dict[str, Any]] | None:
    if trigger.who == "everybody":
        zone = {"platform": "numeric_state", "entity_id": "zone.home"}
        if trigger.home:
            trouble.append("'everybody is home' is not known there")
            return None
        return [{**zone, "below": 1}]
    persons = [person.entity_id for person in routines.maker.persons()]
    ids = persons if trigger.who == "anybody" else [trigger.who]
    own = [_own(id, routines) for id in ids]
    if not own:
        return None
    side = {"to": "home"} if trigger.home else {"from": "home"}
    return [{"platform": "state", "entity_id": own, **side}]


async def _actions(
    step: Step, routine: Routine, routines: Routines, trouble: list[str]
) -> list[dict[str, Any]]:
    if step.kind == "wait":
        return [{"delay": clocked(step.seconds)}]
    if step.kind == "say":
        data = {"title": routine.name, "message": step.text}
        return [{"service": "persistent_notification.create", "data": data}]
    where = Where(routine.area, routine.language, routine.person)
    made = []
    for call in step.calls:
        noted = await rehearse(call, routines.skillset, routines.home, where)
        if not noted:
            trouble.append(f"'{step.text}' is no service of a device")
            continue
        for each in noted:
            ids = [_own(entity.entity_id, routines) for entity in each.entities]
            action: dict[str, Any] = {"service": each.service, "target": {"entity_id": ids}}
            if each.data:
                action["data"] = dict(each.data)
            made.append(action)
    return made


def _plain(phrase: str) -> str:
    """A phrase in Home Assistant's notation of sentences, which has brackets of its own."""
    return " ".join(re.sub(r"[^\w\s'-]", " ", phrase).split())
