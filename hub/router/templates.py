"""Sentence templates, of which only those are tried that may fit a sentence at all.

A template that needs a name of the home cannot fit a sentence without one, nor one that needs a
player's name where only lights are named. One that needs a word cannot fit a sentence without it,
and none can fit a sentence with a word that it does not have. That leaves out nearly all of them.
Only what cannot fit is left out: hassil decides, as it would without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

from hassil import Intents, Sentence, SlotList, TextSlotList, parse_sentence
from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    RuleReference,
    TextChunk,
)
from hassil.intents import Intent, IntentData, TextSlotValue
from hassil.util import normalize_for_matching

from hub.router.slots import compact

Within = Mapping[str, Sequence[TextSlotValue]]
"""The names of the home in a sentence, by list."""

DEEPEST = 20
"""Expansion rules within expansion rules."""
KEPT_PARSED = 4096
"""Phrases of skills whose parsed form is kept: a few hundred bytes each."""

ANY = 1
"""The piece with which all words begin: none."""

Pieces = frozenset[str] | None
"""Literal text of an expression, cut at blanks; None: it may be anything, such as a number."""


@lru_cache(KEPT_PARSED)
def parsed(text: str) -> Sentence:
    """A template as hassil has it. Raises ParseError, HassilError and others of its parser."""
    return parse_sentence(text, keep_text=True)


def give(data: IntentData, sentences: list[Sentence]) -> None:
    """Let a block have its templates in parsed form, so that hassil does not parse them again."""
    data.__dict__["sentences"] = sentences


@dataclass(slots=True)
class _Template:
    """One template. Sets are numbers with a bit for each member, to be compared quickly."""

    sentence: Sentence
    needs: int
    """Clauses of which each has to have one of its words in the sentence."""
    has: int
    """Pieces of text with which its words begin; ANY if they cannot be told."""
    data: IntentData | None = None
    """It alone, once it was of use."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Templates of an intent that need the same names."""

    intent: str
    data: IntentData
    names: frozenset[str]
    """Lists of which each must have a name in the sentence."""
    domains: frozenset[str]
    """Of things whose name it needs, if it needs one; empty: any."""
    templates: list[_Template] = field(default_factory=list)


class Templates:
    """The templates of one grammar."""

    def __init__(self, intents: Intents, lists: Iterable[str]) -> None:
        """`lists` are those of names of the home."""
        self.intents = intents
        self._lists = frozenset(lists)
        self._clauses: dict[frozenset[str], int] = {}
        self._pieces = {"": ANY}
        self._ignored = frozenset(
            word for phrase in intents.skip_words for word in phrase.casefold().split()
        )
        everywhere = _Texts(intents.expansion_rules, intents.slot_lists, self._lists)
        self._blocks = [
            block
            for name, intent in intents.intents.items()
            for data in intent.data
            for block in self._split(name, data, everywhere)
        ]

    def only(self, domains: Collection[str], intents: Collection[str]) -> Templates:
        """Those for things of some domains, and for no domain in particular, of some intents."""
        fewer = copy(self)
        within = set(domains)
        fewer._blocks = [
            block
            for block in self._blocks
            if block.intent in intents and (not block.data.domains or block.data.domains & within)
        ]
        return fewer

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def blocks(self) -> Iterator[IntentData]:
        """What belongs to the templates, such as their own lists."""
        return (block.data for block in self._blocks)

    def fitting(self, text: str, within: Within) -> Intents:
        """Those that may fit a sentence with these names in it."""
        given = {name for name, values in within.items() if values}
        domains = {(value.context or {}).get("domain") for value in within.get("name", ())}
        lacking, begun = 0, list[int]()
        # Where blanks mean nothing, neither do words.
        if not self.intents.settings.ignore_whitespace:
            plain = normalize_for_matching(text).text.casefold()
            lacking = self._lacking(plain)
            begun = self._begun(plain, text, within)
        kept: dict[str, list[IntentData]] = {}
        for block in self._blocks:
            if not block.names <= given:
                continue
            if "name" in block.names and block.domains and not block.domains & domains:
                continue
            for template in block.templates:
                if not template.needs & lacking and all(template.has & word for word in begun):
                    data = template.data = template.data or _alone(block.data, template.sentence)
                    kept.setdefault(block.intent, []).append(data)
        return replace(
            self.intents, intents={name: Intent(name, data) for name, data in kept.items()}
        )

    def _lacking(self, plain: str) -> int:
        """The clauses of which a sentence has no word, as bits."""
        found = 0
        for clause, bit in self._clauses.items():
            for word in clause:
                if word in plain:
                    break
            else:
                found |= bit
        return found

    def _begun(self, plain: str, text: str, within: Within) -> list[int]:
        """For each word of a sentence that is no name of the home and not to be skipped: the
        pieces with which it begins, as bits."""
        said = plain.split()
        named = _named(said, text, within)
        if named is None:
            return []
        found = []
        for word, in_name in zip(said, named, strict=True):
            # hassil reads hyphens as blanks, too, and leaves punctuation.
            if in_name or word in self._ignored or not word.isalpha():
                continue
            bits = ANY
            for length in range(1, len(word) + 1):
                bits |= self._pieces.get(word[:length], 0)
            found.append(bits)
        return found

    def _split(self, intent: str, data: IntentData, everywhere: _Texts) -> Iterator[_Block]:
        texts = everywhere
        if data.expansion_rules or data.slot_lists:
            texts = _Texts(
                {**self.intents.expansion_rules, **data.expansion_rules},
                {**self.intents.slot_lists, **data.slot_lists},
                self._lists - set(data.slot_lists),
            )
        blocks: dict[frozenset[str], _Block] = {}
        for sentence in data.sentences:
            names = texts.needed(sentence.expression)
            block = blocks.setdefault(
                names,
                _Block(intent, data, names, _domains(data.requires_context.get("domain"))),
            )
            clauses = sentence.get_required_clauses(texts.rules)
            pieces = texts.pieces(sentence.expression)
            block.templates.append(
                _Template(
                    sentence,
                    _bits(clauses, self._clauses),
                    ANY if pieces is None else _bits(pieces, self._pieces),
                )
            )
        yield from blocks.values()


class _Texts:
    """What text expressions have in them, with the rules that they refer to."""

    def __init__(
        self, rules: Mapping[str, Sentence], lists: Mapping[str, SlotList], names: frozenset[str]
    ) -> None:
        self.rules = dict(rules)
        self._slots = lists
        self._names = names
        self._needed: dict[str, frozenset[str]] = {}
        self._literal: dict[str, Pieces] = {}

    def needed(self, expression: Expression, depth: int = 0) -> frozenset[str]:
        """Lists of names without which an expression cannot fit."""
        if isinstance(expression, ListReference):
            return self._names & {expression.list_name}
        if isinstance(expression, RuleReference):
            name = expression.rule_name
            if name not in self._needed:
                rule = self.rules.get(name)
                known = self.needed(rule.expression, depth + 1) if rule and depth < DEEPEST else ()
                self._needed[name] = frozenset(known)
            return self._needed[name]
        if isinstance(expression, Group):
            parts = [self.needed(item, depth) for item in expression.items]
            if isinstance(expression, Alternative):
                return frozenset.intersection(*parts) if parts else frozenset()
            return frozenset().union(*parts)
        return frozenset()

    def pieces(self, expression: Expression, depth: int = 0) -> Pieces:
        """All text that an expression may have besides names of the home."""
        if isinstance(expression, TextChunk):
            return frozenset(expression.text.casefold().split())
        if isinstance(expression, ListReference):
            return self._of_list(expression.list_name, depth)
        if isinstance(expression, RuleReference):
            name = expression.rule_name
            if name not in self._literal:
                rule = self.rules.get(name)
                deeper = rule is not None and depth < DEEPEST
                self._literal[name] = (
                    self.pieces(rule.expression, depth + 1) if rule and deeper else None
                )
            return self._literal[name]
        if isinstance(expression, Group):
            return _together(self.pieces(item, depth) for item in expression.items)
        return None

    def _of_list(self, name: str, depth: int) -> Pieces:
        if name in self._names:
            return frozenset()
        key = f"{{{name}}}"
        if key not in self._literal:
            values = self._slots.get(name)
            self._literal[key] = (
                _together(self.pieces(value.text_in, depth + 1) for value in values.values)
                if isinstance(values, TextSlotList) and depth < DEEPEST
                else None
            )
        return self._literal[key]


def _together(parts: Iterable[Pieces]) -> Pieces:
    found: set[str] = set()
    for part in parts:
        if part is None:
            return None
        found |= part
    return frozenset(found)


def _alone(data: IntentData, sentence: Sentence) -> IntentData:
    part = replace(data, sentence_texts=[sentence.text or ""])
    give(part, [sentence])
    return part


Member = TypeVar("Member", str, frozenset[str])


def _bits(members: Iterable[Member], known: dict[Member, int]) -> int:
    """A set as a number; `known` gets what it does not have yet."""
    found = 0
    for member in members:
        found |= known.setdefault(member, 1 << len(known))
    return found


def _named(words: Sequence[str], text: str, within: Within) -> list[bool] | None:
    """Which words are names of the home, or have a part of one; None if that cannot be told."""
    letters = [compact(word) for word in words]
    joined = "".join(letters)
    if joined != compact(text):
        return None
    names = {value.text_in.text for values in within.values() for value in values}  # type: ignore[attr-defined]
    taken = bytearray(len(joined))
    for name in {compact(name) for name in names}:
        start = joined.find(name)
        while start >= 0:
            taken[start : start + len(name)] = b"\x01" * len(name)
            start = joined.find(name, start + 1)
    found, start = [], 0
    for word in letters:
        found.append(any(taken[start : start + len(word)]))
        start += len(word)
    return found


def _domains(required: object) -> frozenset[str]:
    if isinstance(required, str):
        return frozenset([required])
    if isinstance(required, list | tuple) and all(isinstance(each, str) for each in required):
        return frozenset(required)
    return frozenset()
