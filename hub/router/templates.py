"""Sentence templates, of which only those are tried that may fit a sentence at all.

A template that needs a name of the home cannot fit a sentence without one, nor one that needs a
player's name where only lights are named. That leaves out most templates, most of the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hassil import Intents, Sentence
from hassil.expression import Alternative, Expression, Group, ListReference, RuleReference
from hassil.intents import Intent, IntentData, TextSlotValue

Within = Mapping[str, Sequence[TextSlotValue]]
"""The names of the home in a sentence, by list."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Templates of an intent that need the same names."""

    intent: str
    data: IntentData
    needs: frozenset[str]
    """Lists."""
    domains: frozenset[str]
    """Of things whose name it needs, if it needs one; empty: any."""


class Templates:
    """The templates of one grammar."""

    def __init__(self, intents: Intents, lists: Sequence[str]) -> None:
        """`lists` are those of names of the home."""
        self._intents = intents
        self._lists = frozenset(lists)
        self._blocks = [
            block
            for name, intent in intents.intents.items()
            for data in intent.data
            for block in self._split(name, data)
        ]

    def fitting(self, within: Within) -> Intents:
        """Those that may fit a sentence with these names in it."""
        given = {name for name, values in within.items() if values}
        domains = {(value.context or {}).get("domain") for value in within.get("name", ())}
        kept: dict[str, list[IntentData]] = {}
        for block in self._blocks:
            named = "name" not in block.needs or not block.domains or block.domains & domains
            if named and block.needs <= given:
                kept.setdefault(block.intent, []).append(block.data)
        return replace(
            self._intents, intents={name: Intent(name, data) for name, data in kept.items()}
        )

    def _split(self, intent: str, data: IntentData) -> Iterator[_Block]:
        rules = {**self._intents.expansion_rules, **data.expansion_rules}
        groups: dict[frozenset[str], list[Sentence]] = {}
        for sentence in data.sentences:
            needs = frozenset(_needed(sentence.expression, rules)) & self._lists
            groups.setdefault(needs, []).append(sentence)
        for needs, sentences in groups.items():
            part = replace(data, sentence_texts=[sentence.text or "" for sentence in sentences])
            # Parsed already: what `sentences` would parse from the texts.
            part.__dict__["sentences"] = sentences
            yield _Block(intent, part, needs, _domains(data.requires_context.get("domain")))


def _domains(required: object) -> frozenset[str]:
    if isinstance(required, str):
        return frozenset([required])
    if isinstance(required, list | tuple) and all(isinstance(each, str) for each in required):
        return frozenset(required)
    return frozenset()


def _needed(expression: Expression, rules: Mapping[str, Sentence], depth: int = 0) -> set[str]:
    """Lists without which an expression cannot fit."""
    if isinstance(expression, ListReference):
        return {expression.list_name}
    if isinstance(expression, RuleReference):
        rule = rules.get(expression.rule_name)
        return _needed(rule.expression, rules, depth + 1) if rule and depth < 20 else set()
    if isinstance(expression, Group):
        parts = [_needed(item, rules, depth) for item in expression.items]
        if isinstance(expression, Alternative):
            return set.intersection(*parts) if parts else set()
        return set().union(*parts)
    return set()
