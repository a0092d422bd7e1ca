"""The one answer for what is meant, and whether it could be given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.messages import Call
from hub.ports import Options
from hub.router.options import ENDED
from hub.router.verbs import BY_TOOL, TWINS
from hub.training.chosen import served
from hub.training.homes import Scene

CLIMATE = frozenset(["HassClimateSetTemperature", "HassClimateGetTemperature"])
"""Tools that serve more than thermostats, which they are about where nothing else was said."""

OWN_AREA = frozenset(["HassVacuumCleanArea", "help.help"])
"""Tools whose area is not where their things are."""


def canonical(call: Call, scene: Scene) -> Call:
    """The one call that stands for all of the same meaning."""
    arguments = dict(call.arguments)
    if call.tool in TWINS:
        tool, fixed = TWINS[call.tool]
        domain = next(iter(served(call.tool)))
        call = replace(call, tool=tool)
        arguments |= dict(fixed)
        if not {"name", "domain"} & arguments.keys() and tool == "questions.attribute":
            arguments["domain"] = domain
    name = arguments.get("name")
    if isinstance(name, str) and any(thing.key == name for thing in scene.things):
        for slot in ("floor", "domain", "device_class"):
            arguments.pop(slot, None)
        if call.tool not in OWN_AREA:
            arguments.pop("area", None)
        return replace(call, arguments=arguments)
    rows = BY_TOOL.get(call.tool, ())
    domains = {domain for row in rows for domain in row.domains}
    only = all(row.target == "optional" for row in rows)
    only = only and (len(domains) == 1 or call.tool in CLIMATE)
    if only and arguments.get("domain") in domains and "device_class" not in arguments:
        shadowed = {"vacuum.pause", "HassLawnMowerDock"}
        if call.tool not in shadowed:
            del arguments["domain"]
    elif (
        call.tool in ("vacuum.pause", "HassLawnMowerDock") and {"area", "floor"} & arguments.keys()
    ):
        arguments["domain"] = next(iter(domains))
    return replace(call, arguments=arguments)


def allows(allowed: Options, text: str) -> bool:
    """Whether the automaton can spell a text."""
    seen: set[tuple[int, int]] = set()
    ahead = [(0, 0)]
    while ahead:
        state, at = ahead.pop()
        if state == ENDED:
            if at == len(text):
                return True
            continue
        if (state, at) in seen:
            continue
        seen.add((state, at))
        ahead += [
            (target, at + len(piece))
            for piece, target in allowed[state]
            if text.startswith(piece, at)
        ]
    return False


def several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
