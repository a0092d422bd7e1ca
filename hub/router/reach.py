"""How far into a text a sentence template reaches, whatever stands for its free words.

hassil tries a template by walking through it once for each way in which it can be said, which takes
up to a millisecond. Here the positions up to which a part of it may have explained a text are the
bits of one number (bit n: the first n letters), so that all ways are followed at once: a template
that does not reach the end cannot fit. Only letters and digits count, and numbers and free text may
be of any length, so that everything reaches as far as in hassil, and some things further.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from hassil import Sentence, SlotList, TextSlotList
from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    Sequence,
    TextChunk,
)
from hassil.intents import IntentData, RangeSlotList

from hub.language.spellout import spellout
from hub.router.slots import compact

KEPT_CHUNKS = 8192
"""Pieces of templates whose letters are kept: about 100 bytes each."""

letters_of = lru_cache(KEPT_CHUNKS)(compact)


@cache
def beginnings(language: str, start: int, stop: int, step: int) -> frozenset[str]:
    """The letters with which the numbers of a range begin in words: 'twenty', but not 'twentyone',
    since that is the beginning of it. Those with a fraction begin as whole ones."""
    try:
        engine = spellout(language)
    except ValueError:
        return frozenset()  # hassil knows its numbers in digits alone
    said = {
        compact(way)
        for number in range(start, stop + 1, step)
        for way in engine.format_number(number).text_by_ruleset.values()
    }
    return frozenset(
        way for way in said if not any(way[:length] in said for length in range(1, len(way)))
    )


Places = dict[int, int]
"""Length in letters -> where in the text something of that length begins, as bits."""
Span = tuple[str, int, int, int]
"""Language, first and last number and step of numbers in words."""
ANY: frozenset[str] = frozenset()
"""Things of any domain."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts that a template has, one behind the other. Many templates have parts of the
    same form, '[<the>]', which reach equally far."""

    expression: Expression
    form: int
    named: bool
    """Whether it has a list in it itself, not only by rules: then the domain matters."""


Parts = tuple[Part, ...]


def parts_of(sentence: Sentence, forms: dict[Hashable, int]) -> Parts:
    """A template in parts. `forms`: numbers of those that were seen before, to which others are
    added."""
    whole = sentence.expression
    found = []
    for item in whole.items if isinstance(whole, Sequence) else [whole]:
        form = _form(item)
        found.append(Part(item, forms.setdefault(form, len(forms)), _has_list(item)))
    return tuple(found)


def _form(expression: Expression) -> Hashable:
    """What is equal for parts of templates that are alike."""
    if isinstance(expression, TextChunk):
        return expression.text
    if isinstance(expression, Group):
        return type(expression), *map(_form, expression.items)
    if isinstance(expression, RuleReference):
        return RuleReference, expression.rule_name
    if isinstance(expression, ListReference):
        return ListReference, expression.list_name
    return id(expression)


def _has_list(expression: Expression) -> bool:
    if isinstance(expression, Group):
        return any(map(_has_list, expression.items))
    return isinstance(expression, ListReference)


class Reach:
    """One text, with all that was found out about it."""

    def __init__(
        self,
        text: str,
        language: str,
        rules: Mapping[str, Sentence],
        lists: Mapping[str, SlotList],
    ) -> None:
        """`rules` and `lists`: those that every block of templates can refer to."""
        self._language = language
        self.letters = compact(text)
        self._end = 1 << len(self.letters)
        self.everywhere = 2 * self._end - 1
        """All positions."""
        self._rules, self._lists = rules, lists
        self._numbers: dict[Span, int] = {}
        self._digits: int | None = None
        self._chunks: dict[str, tuple[int, int]] = {}
        self._values: dict[tuple[int, frozenset[str]], tuple[Places, list[Expression]]] = {}
        self._shared = Scope(self, rules, lists)

    def scope(self, data: IntentData, domains: frozenset[str] = ANY) -> Scope:
        """For the templates of a block, which may have rules and lists of its own. `domains`: a
        value of one of their lists that is for a domain must be for one of these; any, if none."""
        scope = self._shared
        if data.expansion_rules or data.slot_lists:
            scope = Scope(
                self,
                {**self._rules, **data.expansion_rules} if data.expansion_rules else self._rules,
                {**self._lists, **data.slot_lists},
            )
        return scope.within(domains) if domains else scope

    def chunk(self, text: str) -> tuple[int, int]:
        """Where literal text stands, as bits, and its length in letters."""
        found = self._chunks.get(text)
        if found is None:
            letters = letters_of(text)
            places, start = 0, self.letters.find(letters) if letters else -1
            while start >= 0:
                places |= 1 << start
                start = self.letters.find(letters, start + 1)
            found = self._chunks[text] = (places if letters else self.everywhere, len(letters))
        return found

    def values(
        self, values: TextSlotList, domains: frozenset[str] = ANY
    ) -> tuple[Places, list[Expression]]:
        """Where the values of a list stand, and those that are templates."""
        found = self._values.get((id(values), domains))
        if found is None:
            places: Places = {}
            others = []
            for value in values.values:
                domain = value.context.get("domain") if value.context and domains else None
                if domain is not None and domain not in domains:
                    continue
                if isinstance(value.text_in, TextChunk):
                    begin, length = self.chunk(value.text_in.text)
                    places[length] = places.get(length, 0) | begin
                else:
                    others.append(value.text_in)
            places = {length: begin for length, begin in places.items() if begin}
            found = self._values[id(values), domains] = places, others
        return found

    def numbers(self, values: RangeSlotList) -> int:
        """Where a number of a list may begin, as bits."""
        spoken = values.words_language or self._language
        span = spoken, values.start, values.stop, values.step
        found = self._digit() if values.digits else 0
        if values.words:
            words = self._numbers.get(span)
            if words is None:
                words = 0
                for begin in beginnings(*span):
                    words |= self.chunk(begin)[0]
                self._numbers[span] = words
            found |= words
        return found

    def _digit(self) -> int:
        """Where digits are, as bits."""
        if self._digits is None:
            self._digits = 0
            for position, letter in enumerate(self.letters):
                self._digits |= letter.isdigit() << position
        return self._digits

    def behind(self, starts: int, least: int) -> int:
        """All positions from the first of these on, at least so many letters behind it."""
        return self.everywhere & -((starts & -starts) << least)

    def whole(self, ends: int) -> bool:
        """Whether these positions have the end of the text among them."""
        return bool(ends & self._end)


class Scope:
    """The rules and lists that a template can refer to."""

    def __init__(
        self,
        reach: Reach,
        rules: Mapping[str, Sentence],
        lists: Mapping[str, SlotList],
        domains: frozenset[str] = ANY,
        whole: Scope | None = None,
    ) -> None:
        """`whole`: the same for things of all domains, whose findings about rules are shared."""
        self._reach, self._rules, self._lists = reach, rules, lists
        self._chunk = reach.chunk
        self._domains = domains
        self._whole = whole or self
        self._values: dict[str, bool] = {}
        self._known: dict[tuple[str, int], int] = {}
        self._reached: dict[tuple[Hashable, int], int] = {}
        self._parts: dict[tuple[str, int], Expression] = {}
        self._within: dict[frozenset[str], Scope] = {}

    def within(self, domains: frozenset[str]) -> Scope:
        """The same for things of some domains."""
        if domains not in self._within:
            own = Scope(self._reach, self._rules, self._lists, domains, self._whole)
            self._within[domains] = own
        return self._within[domains]

    def fits(self, parts: Parts, lists: Collection[str]) -> bool:
        """Whether a template of these parts may fit the whole text; it needs values of these
        `lists`."""
        for name in lists:
            if not self._whole._has(name):
                return False
        starts = 1
        for part in parts:
            reached = self._reached if part.named else self._whole._reached
            key = part.form, starts
            ends = reached.get(key)
            if ends is None:
                ends = reached[key] = self._ends(part.expression, starts)
            if not ends:
                return False
            starts = ends
        return self._reach.whole(starts)

    def narrowed(self, sentence: Sentence) -> Sentence:
        """A template that fits without the ways of saying it that do not reach on in this text, so
        that hassil need not walk through them, nor look for words that it must have."""
        parts = sentence.expression
        if isinstance(parts, Sequence):
            starts, items = 1, []
            for item in parts.items:
                # hassil looks whether the first and the last one are free text.
                part, starts = self._narrowed(item, starts)
                bare = isinstance(part, ListReference) and part is not item
                items.append(Sequence(items=[part]) if bare else part)
            parts = Sequence(items=items)
        return Sentence(parts, sentence.text, required_clauses=frozenset())

    def _narrowed(self, expression: Expression, starts: int) -> tuple[Expression, int]:
        """A part of a template without the alternatives in it that do not reach on from these
        positions, and where it may end."""
        if isinstance(expression, Alternative):
            ends, kept = 0, []
            for item in expression.items:
                part, reached = self._narrowed(item, starts)
                if reached:
                    ends |= reached
                    kept.append(part)
            if len(kept) == 1:
                return kept[0], ends
            return Alternative(items=kept) if ends else expression, ends
        if isinstance(expression, Sequence):
            items = []
            for item in expression.items:
                part, starts = self._narrowed(item, starts)
                if not starts:
                    return expression, 0
                items.append(part)
            return items[0] if len(items) == 1 else Sequence(items=items), starts
        if isinstance(expression, RuleReference) and expression.rule_name in self._rules:
            key = expression.rule_name, starts
            ends = self._of_rule(*key)
            if ends and key not in self._whole._parts:
                rule = self._rules[expression.rule_name].expression
                self._whole._parts[key] = self._whole._narrowed(rule, starts)[0]
            return self._whole._parts[key] if ends else expression, ends
        return expression, self._ends(expression, starts)

    def _has(self, name: str) -> bool:
        """Whether a value of a list may be somewhere in the text."""
        found = self._values.get(name)
        if found is None:
            values = self._lists.get(name)
            found = True
            if isinstance(values, TextSlotList):
                places, others = self._reach.values(values)
                found = bool(places or others)
            elif isinstance(values, RangeSlotList):
                found = bool(self._reach.numbers(values))
            self._values[name] = found
        return found

    def _ends(self, expression: Expression, starts: int) -> int:
        """Where a part of a template may end that begins at one of these positions."""
        if isinstance(expression, TextChunk):
            places, length = self._chunk(expression.text)
            return (starts & places) << length
        if isinstance(expression, Sequence):
            for item in expression.items:
                if isinstance(item, TextChunk):
                    places, length = self._chunk(item.text)
                    starts = (starts & places) << length
                else:
                    starts = self._ends(item, starts)
                if not starts:
                    return 0
            return starts
        if isinstance(expression, Alternative):
            ends = 0
            for item in expression.items:
                if isinstance(item, TextChunk):
                    places, length = self._chunk(item.text)
                    ends |= (starts & places) << length
                else:
                    ends |= self._ends(item, starts)
            return ends
        if isinstance(expression, RuleReference):
            return self._of_rule(expression.rule_name, starts)
        if isinstance(expression, ListReference):
            return self._of_list(expression, starts)
        assert isinstance(expression, Permutation)
        for _ in expression.items:  # each in any place, as if it could be there twice
            ends = 0
            for item in expression.items:
                ends |= self._ends(item, starts)
            starts = ends
        return starts

    def _of_rule(self, name: str, starts: int) -> int:
        key, whole = (name, starts), self._whole
        ends = whole._known.get(key)
        if ends is None:
            rule = self._rules.get(name)
            # hassil raises an error for a rule that is not there: let it.
            ends = whole._ends(rule.expression, starts) if rule else self._reach.behind(starts, 0)
            whole._known[key] = ends
        return ends

    def _of_list(self, reference: ListReference, starts: int) -> int:
        values = self._lists.get(reference.list_name)
        if isinstance(values, TextSlotList):
            places, others = self._reach.values(values, self._domains)
            ends = 0
            for length, begin in places.items():
                ends |= (starts & begin) << length
            for other in others:
                ends |= self._ends(other, starts)
            return ends
        if isinstance(values, RangeSlotList):
            return self._reach.behind(starts & self._reach.numbers(values), 1)
        # Free text, numbers without a list, or a list that hassil misses: let it say so.
        return self._reach.behind(starts, 0)
