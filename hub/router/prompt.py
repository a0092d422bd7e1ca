"""What the language model is asked, and what it may answer.

    Write what to do, or none.            <- fixed: evaluated once and kept
    light set brightness: Set the brightness, colour or colour temperature of lights.
    turn on: Turn lights on.
    ...
    Say: turn off the desk lamp           <- fixed examples
    ...
    A Worktop Strip, light, Kitchen       <- of this utterance, by retrieval
    Room: Bedroom
    Say: get the worktop strip going
    Do: turn on A                         <- the answer, within a grammar

Things have one letter, which stands in front of the name; tools are called by plain words. The
person's words come last but for the answer. The grammar (GBNF) admits only the tools and things of
this utterance, numbers and words that were said, at most `MOST_CALLS` calls, or `none`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from hub.messages import ToolSpec
from hub.router import codec
from hub.router.places import TARGET_SLOTS
from hub.router.retrieve import Thing

MOST_CALLS = 2
"""Calls in one answer."""
MOST_WORDS = 5
"""Words of a free text in an answer, all of them said by the person."""
NONE = "none"

INTRODUCTION = (
    "Someone speaks to a smart home. Write what to do with which thing, or none if it is not "
    "about a thing below.\n"
)

EXAMPLES = """\
A Desk Lamp, light, Office
B Ceiling Fan, fan, Bedroom
Say: the desk lamp can go off now
Do: turn off A

A Hall Light, light, Hall
Say: who wrote Hamlet
Do: none

A Floor Lamp, light, Den
B Sofa Lamp, light, Den
Say: get the sofa lamp going
Do: turn on B

A Garage Door, cover, Garage
Say: my car is in the garage
Do: none

"""


@dataclass(frozen=True, slots=True)
class Choice:
    """A tool as the model may call it. Several tools of one name are one choice."""

    tool: str
    label: str
    domains: frozenset[str]
    """Empty for a tool that acts on no devices."""
    parameters: Mapping[str, Mapping[str, Any]]
    required: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One call that the model wrote."""

    choice: Choice
    thing: Thing | None
    arguments: Mapping[str, Any]


def choices(tools: Iterable[ToolSpec]) -> tuple[Choice, ...]:
    """The tools by name, in the order given."""
    found: dict[str, Choice] = {}
    for tool in tools:
        properties = tool.parameters.get("properties", {})
        own = {name: schema for name, schema in properties.items() if name not in TARGET_SLOTS}
        required = frozenset(tool.parameters.get("required", ())) & own.keys()
        before = found.get(tool.name)
        found[tool.name] = Choice(
            tool.name,
            label(tool.name),
            frozenset(tool.domains) | (before.domains if before else frozenset()),
            {**(before.parameters if before else {}), **own},
            required,
        )
    return tuple(found.values())


def label(tool: str) -> str:
    """`HassTurnOn` -> `turn on`; `coffee.brew_pot` -> `coffee brew pot`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.removeprefix("Hass"))
    return " ".join(re.split(r"[\W_]+", spaced.lower())).strip()


def prefix(tools: Sequence[ToolSpec]) -> str:
    """The fixed beginning of all prompts for these tools."""
    described: dict[str, str] = {}
    for tool in tools:
        described.setdefault(label(tool.name), tool.description)
    listed = "".join(f"{name}: {text}\n" for name, text in sorted(described.items()))
    return f"{INTRODUCTION}\n{listed}\n{EXAMPLES}"


def question(things: Sequence[Thing], areas: Mapping[str, str], room: str | None, text: str) -> str:
    """The part of the prompt for one utterance; `areas` are names by id."""
    lines = [
        f"{letter} {_described(thing, areas)}\n"
        for letter, thing in zip(ascii_uppercase, things, strict=False)
    ]
    where = f"Room: {codec.label(room)}\n" if room else ""
    return "".join(lines) + f"{where}Say: {' '.join(text.split())}\nDo:"


def _described(thing: Thing, areas: Mapping[str, str]) -> str:
    area = areas.get(thing.area or "", "")
    parts = [thing.label, thing.domain, area if thing.entity else ""]
    return ", ".join(codec.label(part) for part in parts if part)


def grammar(
    offered: Sequence[Choice], things: Sequence[Thing], numbers: Sequence[str], words: Sequence[str]
) -> str | None:
    """GBNF of all answers; None if nothing but `none` could be answered."""
    calls = [rule for choice in offered if (rule := _call_rule(choice, things, numbers, words))]
    if not calls:
        return None
    more = f'( "; " call ){{0,{MOST_CALLS - 1}}}' if MOST_CALLS > 1 else ""
    return f'root ::= " " ( "{NONE}" | call {more} ) "\\n"\ncall ::= ' + " | ".join(calls) + "\n"


def _call_rule(
    choice: Choice, things: Sequence[Thing], numbers: Sequence[str], words: Sequence[str]
) -> str | None:
    parts = [_quoted(choice.label)]
    if choice.domains:
        letters = [
            _quoted(f" {letter}")
            for letter, thing in zip(ascii_uppercase, things, strict=False)
            if thing.domain in choice.domains
        ]
        if not letters:
            return None
        parts.append("( " + " | ".join(letters) + " )")
    for name, schema in choice.parameters.items():
        value = _value_rule(schema, numbers, words)
        if value is not None:
            rule = f"( {_quoted(f' {name}=')} {value} )"
            parts.append(rule if name in choice.required else f"{rule}?")
        elif name in choice.required:
            return None
    return "( " + " ".join(parts) + " )"


def _value_rule(
    schema: Mapping[str, Any], numbers: Sequence[str], words: Sequence[str]
) -> str | None:
    """What may stand for a value; None if nothing that was said can."""
    if "enum" in schema:
        return "( " + " | ".join(_quoted(str(value)) for value in schema["enum"]) + " )"
    if schema.get("type") in ("integer", "number"):
        low, high = schema.get("minimum", -1e9), schema.get("maximum", 1e9)
        fitting = [_quoted(number) for number in numbers if low <= float(number) <= high]
        return "( " + " | ".join(fitting) + " )" if fitting else None
    if schema.get("type") == "string" and words:
        one = "( " + " | ".join(_quoted(word) for word in words) + " )"
        return f'( {one} ( " " {one} ){{0,{MOST_WORDS - 1}}} )'
    return None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def parse(text: str, offered: Sequence[Choice], things: Sequence[Thing]) -> list[Answer] | None:
    """The calls in an answer, none for `none`; None if it is no answer at all."""
    written = text.strip()
    if written == NONE:
        return []
    found = [_parsed(part.strip(), offered, things) for part in written.split(";")]
    if not written or len(found) > MOST_CALLS:
        return None
    kept = [answer for answer in found if answer is not None]
    return kept if len(kept) == len(found) else None


def _parsed(part: str, offered: Sequence[Choice], things: Sequence[Thing]) -> Answer | None:
    """One call; the longest label that fits, since 'turn on' may begin another's."""
    for choice in sorted(offered, key=lambda c: -len(c.label)):
        if not f"{part} ".startswith(f"{choice.label} "):
            continue
        rest = part[len(choice.label) :].strip()
        thing = None
        if choice.domains:
            letter, _, rest = rest.partition(" ")
            place = ascii_uppercase.find(letter) if len(letter) == 1 else -1
            if not 0 <= place < len(things) or things[place].domain not in choice.domains:
                return None
            thing = things[place]
        arguments = _arguments(rest, choice)
        return None if arguments is None else Answer(choice, thing, arguments)
    return None


def _arguments(text: str, choice: Choice) -> dict[str, Any] | None:
    """`brightness=40 color=warm red` as values of the types of the schema."""
    found: dict[str, Any] = {}
    for part in re.split(r"\s(?=\w+=)", text.strip()) if text.strip() else ():
        name, separator, value = part.partition("=")
        if not separator or name not in choice.parameters or name in found or not value:
            return None
        try:
            found[name] = _typed(value, choice.parameters[name])
        except ValueError:
            return None
    return found if choice.required <= found.keys() else None


def _typed(value: str, schema: Mapping[str, Any]) -> Any:
    """Raises ValueError for what the schema does not admit."""
    if "enum" in schema:
        values = {str(member): member for member in schema["enum"]}
        if value not in values:
            raise ValueError(value)
        return values[value]
    if schema.get("type") == "integer":
        return int(float(value))
    return float(value) if schema.get("type") == "number" else value
