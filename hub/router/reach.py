"""How far into a text a sentence template reaches, whatever stands for its free words.

hassil tries a template by walking through it once for each way in which it can be said, which takes
up to a millisecond. Here the positions up to which a part of it may have explained a text are the
bits of one number (bit n: the first n letters), so that all ways are followed at once: a template
that does not reach the end cannot fit. Only letters and digits count, and numbers and free text may
be of any length, so that everything reaches as far as in hassil, and some things further.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache, lru_cache

from hassil import Sentence, SlotList, TextSlotList
from hassil.expression import (
    Alternative,
    Expression,
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
        said = {
            compact(way)
            for number in range(start, stop + 1, step)
            for way in engine.format_number(number).text_by_ruleset.values()
        }
    except ValueError:  # no such language, or one without a single rule
        return frozenset()  # hassil knows its numbers in digits alone
    return frozenset(
        way for way in said if not any(way[:length] in said for length in range(1, len(way)))
    )


Places = dict[int, int]
"""Length in letters -> where in the text something of that length begins, as bits."""


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
        self._numbers: dict[int, int] = {}
        self._chunks: dict[str, tuple[int, int]] = {}
        self._values: dict[int, tuple[Places, list[Expression]]] = {}
        self._shared = Scope(self, rules, lists)

    def scope(self, data: IntentData) -> Scope:
        """For the templates of a block, which may have rules and lists of its own."""
        if not data.expansion_rules and not data.slot_lists:
            return self._shared
        return Scope(
            self,
            {**self._rules, **data.expansion_rules} if data.expansion_rules else self._rules,
            {**self._lists, **data.slot_lists},
        )

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

    def values(self, values: TextSlotList) -> tuple[Places, list[Expression]]:
        """Where the values of a list stand, and those that are templates."""
        found = self._values.get(id(values))
        if found is None:
            places: Places = {}
            others = []
            for value in values.values:
                if isinstance(value.text_in, TextChunk):
                    begin, length = self.chunk(value.text_in.text)
                    places[length] = places.get(length, 0) | begin
                else:
                    others.append(value.text_in)
            places = {length: begin for length, begin in places.items() if begin}
            found = self._values[id(values)] = places, others
        return found

    def numbers(self, values: RangeSlotList) -> int:
        """Where a number of a list may begin, as bits."""
        found = self._numbers.get(id(values))
        if found is None:
            found = 0
            if values.digits:
                for position, letter in enumerate(self.letters):
                    found |= letter.isdigit() << position
            spoken = values.words_language or self._language
            span = values.start, values.stop, values.step
            for begin in beginnings(spoken, *span) if values.words else ():
                found |= self.chunk(begin)[0]
            self._numbers[id(values)] = found
        return found

    def behind(self, starts: int, least: int) -> int:
        """All positions from the first of these on, at least so many letters behind it."""
        return self.everywhere & -((starts & -starts) << least)

    def whole(self, ends: int) -> bool:
        """Whether these positions have the end of the text among them."""
        return bool(ends & self._end)


class Scope:
    """The rules and lists that a template can refer to."""

    def __init__(
        self, reach: Reach, rules: Mapping[str, Sentence], lists: Mapping[str, SlotList]
    ) -> None:
        self._reach, self._rules, self._lists = reach, rules, lists
        self._chunk = reach.chunk
        self._values: dict[str, bool] = {}
        self._known: dict[tuple[str, int], int] = {}

    def fits(self, sentence: Sentence, lists: Collection[str]) -> bool:
        """Whether a template may fit the whole text; it needs values of these `lists`."""
        for name in lists:
            if not self._has(name):
                return False
        return self._reach.whole(self._ends(sentence.expression, 1))

    def _has(self, name: str) -> bool:
        """Whether a value of a list may be somewhere in the text."""
        found = self._values.get(name)
        if found is None:
            values = self._lists.get(name)
            found = True
            if isinstance(values, TextSlotList):
                places, others = self._reach.values(values)
                found = bool(places) or any(self._ends(e, self._reach.everywhere) for e in others)
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
        key = name, starts
        ends = self._known.get(key)
        if ends is None:
            rule = self._rules.get(name)
            # hassil raises an error for a rule that is not there: let it.
            ends = self._ends(rule.expression, starts) if rule else self._reach.behind(starts, 0)
            self._known[key] = ends
        return ends

    def _of_list(self, reference: ListReference, starts: int) -> int:
        values = self._lists.get(reference.list_name)
        if isinstance(values, TextSlotList):
            places, others = self._reach.values(values)
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
