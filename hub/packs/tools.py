"""What a pack says of its tools, made into tools of the hub: checked, cut short, renamed.

A pack cannot have a name of Home Assistant's or of another skill: its tools are `<id>.<name>`,
with the names its `pack.toml` declares and no others. Everything else is taken only in the form
that the hub knows, and left out, or refused, where it is anything else.
"""

from __future__ import annotations

import string
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeGuard

from hub.errors import SkillError
from hub.packs.description import DOMAINS, RISKS, Pack, PackTool, Permissions
from hub.packs.plain import one_line
from hub.skill import SERVICES, Tool

LONGEST_DESCRIPTION = 200
LONGEST_PHRASE = 200
LONGEST_VALUE = 60
MOST_PHRASES = 64
MOST_LANGUAGES = 40
MOST_ARGUMENTS = 16
MOST_CHOICES = 64
MOST_BRACKETS = 24
"""In a phrase: what is optional and alternative multiplies."""
MOST_EVENTS = 8
LONGEST_CALL = 60.0
"""Seconds that a tool may ask for."""
FOREIGN_CALL = 20.0
"""Seconds for a call of a server that others have written; its start is among them."""
OWN = "hearth_"
"""How the parameters begin by which the hub hands over services."""
ALWAYS = ("home", "where", "conversation")
"""Services that the hub needs for each call, whether or not the tool wants them."""
ELSEWHERE = frozenset(
    {"agenda", "clock", "facts", "history", "mqtt", "settings", "tools", "undo", "web"}
)
"""Services that the pack's own half has, that the desk has, or that are for no pack."""
TYPES = ("string", "integer", "number", "boolean")
FORMATS = ("area", "entity", "duration", "date", "time", "date-time")
CONFIRM = {
    "en": "{name} wants to do this: {description} Shall it?",
    "de": "{name} möchte Folgendes tun: {description} Soll es geschehen?",
}

Runner = Callable[..., Awaitable[Any]]


def declared(pack: Pack, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of a pack's tools, if they are those it declares. Raises SkillError."""
    names = [str(row.get("name")) for row in rows]
    if sorted(names) != sorted(pack.tools):
        extra = [name[:60] for name in names if name not in pack.tools]
        lacking = [name for name in pack.tools if name not in names]
        raise SkillError(
            f"{pack.id}: its tools are not those of its pack.toml: "
            + "; ".join(
                f"{what} {', '.join(map(ascii, which))}"
                for what, which in (("not declared:", extra), ("missing:", lacking))
                if which
            )
        )
    return names


def made(
    pack: Pack,
    granted: Permissions,
    row: Mapping[str, Any],
    runner: Callable[[str], Runner],
) -> list[Tool]:
    """The tools of one row of `tools/list`; several where a function was decorated several times.
    Raises SkillError for one that cannot be used."""
    name = str(row["name"])
    known = pack.tools[name]
    own = _own(row)
    description = one_line(row.get("description"), LONGEST_DESCRIPTION)
    if not description:
        raise SkillError(f"{pack.id}.{name}: has no description")
    parameters = _parameters(pack, name, row.get("inputSchema"))
    return [
        _tool(pack, granted, known, description, parameters, meta, runner(name)) for meta in own
    ]


def _own(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Hearth's part of the metadata; a foreign server has none."""
    meta = row.get("_meta")
    own = meta.get("hearth") if isinstance(meta, dict) else None
    if not isinstance(own, list) or not own or not all(isinstance(one, dict) for one in own):
        return [{}]
    return own[:4]


def _tool(
    pack: Pack,
    granted: Permissions,
    known: PackTool,
    description: str,
    parameters: Mapping[str, Any],
    meta: Mapping[str, Any],
    run: Runner,
) -> Tool:
    said = str(meta.get("risk", known.risk))
    if said not in RISKS or RISKS.index(said) > RISKS.index(known.risk):
        raise SkillError(
            f"{pack.id}.{known.name}: is {said!r:.20}, and its pack.toml says {known.risk}"
        )
    run.__name__ = run.__qualname__ = known.name
    asked = _texts_by_language(meta.get("confirm"))
    if known.risk in ("R2", "R3") and not asked:
        asked = {
            language: text.replace("{name}", _held(pack.name)).replace(
                "{description}", _held(description)
            )
            for language, text in CONFIRM.items()
        }
    phrases = {**_phrases(f"{pack.id}.{known.name}", meta.get("phrases")), **known.phrases}
    services = _services(meta.get("services"))
    targets = f"{OWN}targets" if isinstance(meta.get("targets"), str) else None
    return Tool(
        function=run,
        name=None,
        domains=tuple(domain for domain in _texts(meta.get("domains")) if domain in DOMAINS),
        phrases=phrases,
        examples=_texts(meta.get("examples")),
        confirm=asked,
        parameters=parameters,
        services={f"{OWN}{service}": service for service in services},
        targets=targets,
        description=description,
        classes=_texts(meta.get("classes")),
        named=meta.get("named") is True or bool(asked),
        single=meta.get("single") is True,
        anywhere=meta.get("anywhere") is True,
        about=one_line(meta.get("about"), LONGEST_VALUE),
        risk=known.risk,
        undo=next((name for name in pack.tools if name == meta.get("undo")), ""),
        takes=FOREIGN_CALL if pack.run else _seconds(meta.get("takes")),
        spoken=meta.get("spoken") is not False,
        events=_events(granted, meta.get("events")),
        schedule=_schedule(meta.get("schedule")),
    )


def bounded(pack: Pack, tool: Tool) -> Tool:
    """A tool after the files of its languages have added to it, within the same limits. Raises
    SkillError."""
    asked = _texts_by_language(dict(tool.confirm)) or {"en": "Shall I go on?"}
    return replace(
        tool,
        phrases=_phrases(
            f"{pack.id}.{tool.called}",
            {code: list(phrases) for code, phrases in tool.phrases.items()},
        ),
        examples=_texts(list(tool.examples)),
        confirm=asked if tool.confirm else {},
    )


def _held(text: str) -> str:
    """For a template: what is not to be filled in."""
    return text.replace("{", "(").replace("}", ")")


def _services(given: Any) -> list[str]:
    rows = given.values() if isinstance(given, dict) else ()
    wanted = {service for service in rows if isinstance(service, str)}
    known = {service for service in SERVICES.values() if service in wanted}
    return sorted((known | set(ALWAYS)) - ELSEWHERE)


def _texts(given: Any, most: int = MOST_PHRASES) -> tuple[str, ...]:
    if not isinstance(given, list):
        return ()
    found = (one_line(text, LONGEST_PHRASE) for text in given[:most])
    return tuple(text for text in found if text)


def _texts_by_language(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    found = {}
    for language, text in list(given.items())[:MOST_LANGUAGES]:
        shown = one_line(text, LONGEST_PHRASE)
        # It is a template: nothing but the names of devices may be filled in.
        if shown and set(_holes(shown)) <= {"names"}:
            found[one_line(language, 12)] = shown
    return found


def _holes(template: str) -> list[str]:
    try:
        return [hole for _, hole, _, _ in string.Formatter().parse(template) if hole is not None]
    except ValueError:
        return ["?"]


def too_much(phrase: str) -> str:
    """By what a phrase is too large for a pack; empty if it is not."""
    if len(phrase) > LONGEST_PHRASE:
        return f"has {len(phrase)} characters; {LONGEST_PHRASE} are allowed: make two of it"
    if (brackets := sum(phrase.count(each) for each in "[(|<")) > MOST_BRACKETS:
        return f"has {brackets} brackets and '|'; {MOST_BRACKETS} are allowed: make two of it"
    return ""


def _phrases(place: str, given: Any) -> dict[str, tuple[str, ...]]:
    """Raises SkillError for a phrase that is too large: cut short it would be another one."""
    if not isinstance(given, dict):
        return {}
    found = {}
    for language, phrases in list(given.items())[:MOST_LANGUAGES]:
        for phrase in phrases[:MOST_PHRASES] if isinstance(phrases, list) else ():
            if isinstance(phrase, str) and (why := too_much(phrase)):
                raise SkillError(f"{place}: the phrase '{one_line(phrase, 60)}' {why}")
        found[one_line(language, 12)] = _texts(phrases)
    return found


def _seconds(given: Any) -> float:
    if not _is_number(given):
        return 0.0
    return min(LONGEST_CALL, max(0.0, float(given)))


def _events(granted: Permissions, given: Any) -> tuple[Mapping[str, Any], ...]:
    """Changes that it may be told of: of domains that were granted for that."""
    found = []
    for event in given[:MOST_EVENTS] if isinstance(given, list) else ():
        if not isinstance(event, dict):
            continue
        known: dict[str, Any] = {
            key: list(_texts(event.get(key)))
            for key in ("entities", "domains", "classes", "areas", "to", "before")
            if event.get(key)
        }
        if lasting := _seconds(event.get("lasting")):
            known["lasting"] = lasting
        domains = {*known.get("domains", ()), *_domains(known.get("entities", ()))}
        if domains and domains <= set(granted.events):
            found.append(known)
    return tuple(found)


def _domains(entities: Sequence[str]) -> set[str]:
    return {entity.partition(".")[0] for entity in entities}


def _schedule(given: Any) -> tuple[Mapping[str, Any], ...]:
    found: list[Mapping[str, Any]] = []
    for when in given[:MOST_EVENTS] if isinstance(given, list) else ():
        if not isinstance(when, dict):
            continue
        every, daily, days = when.get("every"), when.get("daily"), when.get("days")
        if _is_number(every) and every >= 60:
            found.append({"every": float(every)})
        elif isinstance(daily, str) and len(daily) <= 15:
            known = [day for day in days if day in range(7)] if isinstance(days, list) else []
            found.append({"daily": daily, "days": known} if known else {"daily": daily})
    return tuple(found)


# --- arguments ---------------------------------------------------------------------------------


def _parameters(pack: Pack, name: str, given: Any) -> dict[str, Any]:
    """The schema of the arguments in the form that the hub has. An argument of any other type is
    left out, unless it must be given: then the tool cannot be used."""
    schema = given if isinstance(given, dict) else {}
    properties = schema.get("properties")
    found: dict[str, Any] = {}
    required = [one for one in schema.get("required") or () if isinstance(one, str)]
    rows = list(properties.items())[:MOST_ARGUMENTS] if isinstance(properties, dict) else []
    for key, inner in rows:
        plain = plain_schema(inner) if isinstance(inner, dict) else None
        fits = isinstance(key, str) and key.isidentifier() and not key.startswith(OWN)
        if plain is not None and fits and len(key) <= LONGEST_VALUE:
            found[key] = plain
        elif key in required:
            raise SkillError(f"{pack.id}.{name}: its argument {key!r:.60} cannot be said")
    return {
        "type": "object",
        "properties": found,
        "required": [one for one in required if one in found],
        "additionalProperties": False,
    }


def plain_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema of one value, with what of it the hub knows; None for a type that cannot be
    said."""
    choices = schema.get("enum")
    kind = schema.get("type")
    if isinstance(kind, list):  # ["string", "null"]
        kind = next((one for one in kind if one != "null"), None)
    for either in schema.get("anyOf") or () if kind is None and choices is None else ():
        if isinstance(either, dict) and either.get("type") != "null":
            return plain_schema(either)
    if isinstance(choices, list):
        if not 0 < len(choices) <= MOST_CHOICES or not all(_is_choice(one) for one in choices):
            return None
        plain: dict[str, Any] = {"enum": list(choices)}
    elif kind in TYPES:
        plain = {"type": kind}
    else:
        return None
    low, high = schema.get("minimum"), schema.get("maximum")
    if _is_number(low) and _is_number(high):  # the hub knows both or none
        plain |= {"minimum": low, "maximum": high}
    if schema.get("format") in FORMATS:
        plain["format"] = schema["format"]
    if unit := one_line(schema.get("unit"), 12):
        plain["unit"] = unit
    if description := one_line(schema.get("description"), LONGEST_DESCRIPTION):
        plain["description"] = description
    for key in ("domains", "classes"):
        if texts := _texts(schema.get(key)):
            plain[key] = list(texts)
    if isinstance(schema.get("said"), dict):
        plain["said"] = _said(schema["said"], choices or ())
    return plain


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_choice(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and one_line(value, LONGEST_VALUE) == value
    return isinstance(value, int) and not isinstance(value, bool)


def _said(given: Mapping[str, Any], choices: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """How choices are said: language -> words -> choice."""
    return {
        one_line(language, 12): {
            one_line(words, LONGEST_PHRASE): choice
            for words, choice in list(table.items())[: MOST_CHOICES * 2]
            if choice in choices
        }
        for language, table in list(given.items())[:MOST_LANGUAGES]
        if isinstance(table, dict)
    }
