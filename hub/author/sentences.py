"""Sentences of a template: what people would say for a tool."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from hassil import SlotList, TextSlotList, parse_sentence
from hassil.expression import Expression, Permutation
from hassil.expression import Sequence as Sequence_
from hassil.sample import sample_expression

from hub.home.model import Home
from hub.skill.kinds import MOMENTS
from hub.skills.handling import Handler

MOST_LOOKED_AT = 400
"""Ways to say a template of which some are chosen."""

MOMENTS_SAID: Mapping[str, Mapping[str, Sequence[str]]] = {
    "en": {
        "duration": ("ten minutes", "an hour and a half", "30 seconds"),
        "date": ("tomorrow", "next friday"),
        "time": ("half past seven", "8:15"),
        "date-time": ("tomorrow at nine", "in ten minutes"),
    },
    "de": {
        "duration": ("zehn Minuten", "anderthalb Stunden"),
        "date": ("morgen", "nächsten Freitag"),
        "time": ("halb acht", "8 Uhr 15"),
        "date-time": ("morgen um neun", "in zehn Minuten"),
    },
}
FREE = {"en": ("the blue bicycle", "soup"), "de": ("das blaue Fahrrad", "Suppe")}


def sentences(
    handler: Handler, template: str, language: str, home: Home, most: int = 4
) -> list[str]:
    """Some ways to say a template, always the same, with values of the tool's parameters."""
    sentence = parse_sentence(template)
    lists = {name: _list(name, handler, language, home) for name in sentence.list_names()}
    if any(not values.values for values in lists.values()):
        return []  # the home has nothing of the kind
    slots: dict[str, SlotList] = dict(lists)
    top = sentence.expression
    items = top.items if isinstance(top, Sequence_) else [top]
    if any(isinstance(item, Permutation) for item in items):
        return _in_some_order(items, slots, language, random.Random(template), most)
    said = sample_expression(sentence.expression, slot_lists=slots, language=language)
    found = list(dict.fromkeys(" ".join(text.split()) for text in islice(said, MOST_LOOKED_AT)))
    chosen = random.Random(template).sample(found, min(most, len(found)))
    return sorted(chosen, key=found.index)


def _in_some_order(
    items: Sequence[Expression],
    slots: dict[str, SlotList],
    language: str,
    chance: random.Random,
    most: int,
) -> list[str]:
    """Sentences of a template whose parts come in any order: all orders would be too many."""

    def said(item: Expression) -> str:
        ways = sample_expression(item, slot_lists=slots, language=language)
        return chance.choice([*islice(ways, MOST_LOOKED_AT)])

    found: dict[str, None] = {}
    for _ in range(most):
        words = []
        for item in items:
            parts = list(item.items) if isinstance(item, Permutation) else [item]
            chance.shuffle(parts)
            words += [said(part) for part in parts]
        found[" ".join(" ".join(words).split())] = None
    return list(found)


def _list(name: str, handler: Handler, language: str, home: Home) -> TextSlotList:
    schema = handler.tool.parameters["properties"].get(name, {})
    values = _values(name, schema, handler, language.split("-")[0], home)
    return TextSlotList.from_tuples(((text, text) for text in values), name=name)


def _values(
    name: str, schema: Mapping[str, Any], handler: Handler, language: str, home: Home
) -> Iterable[str]:
    tool = handler.tool
    kind = schema.get("format")
    if kind in MOMENTS:
        return MOMENTS_SAID.get(language, MOMENTS_SAID["en"])[kind]
    if kind == "area" or (name == "area" and not schema):
        return [area.name for area in home.areas.values()][:3]
    if name == "floor" and not schema:
        return [floor.name for floor in home.floors.values()][:2]
    if kind == "entity" or (name == "name" and tool.targets):
        domains = schema.get("domains") or tool.domains
        classes = schema.get("classes") or tool.classes
        return [
            entity.name
            for entity in home.entities.values()
            if (not domains or entity.domain in domains)
            and (not classes or entity.device_class in classes)
        ][:3]
    if "enum" in schema:
        said = schema.get("said", {}).get(language)
        return list(said) if said else [str(each).replace("_", " ") for each in schema["enum"]]
    if schema.get("type") in ("integer", "number"):
        low, high = int(schema.get("minimum", 1)), int(schema.get("maximum", 20))
        return dict.fromkeys(str(n) for n in (low + (high - low) // 3, min(high, low + 2)))
    if schema.get("type") == "boolean":
        return ("on", "off")
    return FREE.get(language, FREE["en"])
