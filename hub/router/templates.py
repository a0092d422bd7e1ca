"""Sentence templates, of which only those are tried that may fit a sentence at all.

A template that needs a name of the home cannot fit a sentence without one, nor one that needs a
player's name where only lights are named. One that needs a word cannot fit a sentence without it:
each is found by the words of one clause, of which a sentence must have one (an inverted index).
None can fit a sentence with a word that it does not have. And none can fit that does not reach the
end of the sentence (`reach`). That leaves out nearly all of them. Only what cannot fit is left out:
hassil decides, as it would without. One thing is not found that hassil would: a name with a filler
in the middle of it, 'the living please room'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache

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
from hassil.util import normalize_for_matching, remove_skip_words

from hub.router.reach import Parts, Reach, Scope, letters_of, parts_of
from hub.router.slots import compact

Pieces = frozenset[str] | None
"""Literal text of an expression, cut at blanks; None: it may be anything, such as a number."""
Within = Mapping[str, Sequence[TextSlotValue]]
"""The names of the home in a sentence, by list."""

DEEPEST = 20
"""Expansion rules within expansion rules."""
KEPT_PARSED = 4096
"""Phrases of skills whose parsed form is kept: a few hundred bytes each."""
KEPT_TEXTS = 64
"""Sentences that are not made matchable again for the next grammar."""
KEPT_NAMED = 128
"""Kinds of names in a sentence for which the index is not searched again."""
KEPT_WORDS = 2048
"""Words of sentences for which the index is not searched again."""


@lru_cache(KEPT_PARSED)
def parsed(text: str) -> Sentence:
    """A template as hassil has it. Raises ParseError, HassilError and others of its parser."""
    return parse_sentence(text, keep_text=True)


@lru_cache(KEPT_TEXTS)
def matchable(text: str) -> str:
    """A text as hassil compares it with templates."""
    return normalize_for_matching(text).text


def give(data: IntentData, sentences: list[Sentence]) -> None:
    """Let a block have its templates in parsed form, so that hassil does not parse them again."""
    data.__dict__["sentences"] = sentences


@dataclass(slots=True)
class Template:
    """One template."""

    intent: str
    block: IntentData
    """All templates that share their slots and context."""
    sentence: Sentence
    clauses: tuple[frozenset[str], ...]
    """Of each, one word has to be in the sentence."""
    lists: frozenset[str]
    """Of each, besides names of the home, one value has to be in the sentence."""
    domains: frozenset[str]
    """A thing that is named is of one of these domains; empty: of any."""
    parts: Parts | None = None
    data: IntentData | None = None
    """It alone, once it was of use."""

    def in_parts(self, forms: dict[Hashable, int]) -> Parts:
        """Its parts; `forms` are those of all templates that it is compared with."""
        if self.parts is None:
            self.parts = parts_of(self.sentence, forms)
        return self.parts

    def alone(self) -> IntentData:
        """A block with this template and no other."""
        if self.data is None:
            self.data = replace(self.block, sentence_texts=[self.sentence.text or ""])
            give(self.data, [self.sentence])
        return self.data


class Templates:
    """The templates of one grammar. Sets of them are numbers with a bit for each."""

    def __init__(self, intents: Intents, lists: Iterable[str]) -> None:
        """`lists` are those of names of the home."""
        self.intents = intents
        self._lists = frozenset(lists)
        self._all: list[Template] = []
        self._needing: dict[tuple[frozenset[str], frozenset[str]], int] = {}
        """Lists of which each must have a name in the sentence, and of which domain the thing must
        be (empty: any)."""
        self._having: dict[str, int] = {}
        """Piece of text -> those that have it."""
        self._any_text = 0
        """Those that may have any."""
        everywhere = _Texts(intents.expansion_rules, intents.slot_lists, self._lists)
        for name, intent in intents.intents.items():
            for data in intent.data:
                self._add(name, data, everywhere)
        self._open = (1 << len(self._all)) - 1
        """Those of this home."""
        self._found_by: dict[str, int] = {}
        """Word -> those of whose rarest clause it is."""
        self._always = 0
        """Those that need no word."""
        self._index()
        self._needed = frozenset(w for each in self._all for clause in each.clauses for w in clause)
        self._longest = max(map(len, self._needed), default=0)
        self._ignored = frozenset(
            word for phrase in intents.skip_words for word in phrase.casefold().split()
        )
        self._forms: dict[Hashable, int] = {}
        self._words = lru_cache(KEPT_WORDS)(self._word)
        self._named = lru_cache(KEPT_NAMED)(self._needed_names)

    def _add(self, intent: str, data: IntentData, everywhere: _Texts) -> None:
        texts, own = everywhere, self._lists
        if data.expansion_rules or data.slot_lists:
            own -= set(data.slot_lists)
            texts = _Texts(
                {**self.intents.expansion_rules, **data.expansion_rules},
                {**self.intents.slot_lists, **data.slot_lists},
                own,
            )
        required = _domains(data.requires_context.get("domain"))
        blocks: dict[frozenset[str], list[Template]] = {}
        for sentence in data.sentences:
            clauses = tuple(sentence.get_required_clauses(texts.rules))
            lists = texts.needed(sentence.expression)
            template = Template(intent, data, sentence, clauses, lists - own, required)
            blocks.setdefault(lists & own, []).append(template)
        for names, templates in blocks.items():
            members = ((1 << len(templates)) - 1) << len(self._all)
            key = names, required if "name" in names else frozenset()
            self._needing[key] = self._needing.get(key, 0) | members
            for template in templates:
                self._add_pieces(texts.pieces(template.sentence.expression), 1 << len(self._all))
                self._all.append(template)

    def _add_pieces(self, pieces: Pieces, bit: int) -> None:
        if pieces is None:
            self._any_text |= bit
        for piece in pieces or ():
            self._having[piece] = self._having.get(piece, 0) | bit

    def _index(self) -> None:
        """Each template is found by the clause whose words are in the fewest others."""
        frequent = Counter(w for each in self._all for clause in each.clauses for w in clause)
        for number, each in enumerate(self._all):
            if not each.clauses or self.intents.settings.ignore_whitespace:
                # Where blanks mean nothing, neither do words.
                self._always |= 1 << number
                continue
            rarest = min(each.clauses, key=lambda clause: sum(frequent[word] for word in clause))
            for word in rarest:
                self._found_by[word] = self._found_by.get(word, 0) | 1 << number

    def only(self, domains: Collection[str], intents: Collection[str]) -> Templates:
        """Those for things of some domains, and for no domain in particular, of some intents."""
        fewer = copy(self)
        within = set(domains)
        fewer._open = 0
        for number, each in enumerate(self._all):
            if each.intent in intents and (not each.block.domains or each.block.domains & within):
                fewer._open |= 1 << number
        return fewer

    def __bool__(self) -> bool:
        return bool(self._open)

    def __iter__(self) -> Iterator[Template]:
        return _members(self._all, self._open)

    def blocks(self) -> Iterator[IntentData]:
        """What belongs to the templates, such as their own lists."""
        found = {id(each.block): each.block for each in self}
        yield from found.values()

    def near(self, text: str, within: Within) -> list[Template]:
        """Those that have the words and names of a sentence, and whose own it has."""
        given = frozenset(name for name, values in within.items() if values)
        domains = frozenset(
            value.context["domain"] for value in within.get("name", ()) if value.context
        )
        near = self._named(given, domains) & self._open
        if self.intents.settings.ignore_whitespace:
            return list(_members(self._all, near))
        said = matchable(text).casefold().split()
        named = _named(said, text, within)
        found, words = self._always, set[str]()
        for word, in_name in zip(said, named, strict=True):
            parts, by_parts, begun = self._words(word)
            words |= parts
            found |= by_parts
            if not in_name:
                near &= begun
        return [
            each
            for each in _members(self._all, near & found)
            if not any(map(words.isdisjoint, each.clauses))
        ]

    def _needed_names(self, given: frozenset[str], domains: frozenset[str]) -> int:
        """Those that need names of no other lists, and of things of no other domains."""
        found = 0
        for (names, required), members in self._needing.items():
            if names <= given and (not required or required & domains):
                found |= members
        return found

    def _word(self, word: str) -> tuple[frozenset[str], int, int]:
        """What a word has in it of the words that templates need ('küchenlicht' has 'licht'), the
        templates that are found by these, and those that have the beginning of the word."""
        ends = range(1, len(word) + 1)
        # No longer parts than there are: somebody may send a thousand letters without a blank.
        starts = ((end, range(max(0, end - self._longest), end)) for end in ends)
        parts = self._needed & {word[start:end] for end, several in starts for start in several}
        found, begun = 0, self._any_text
        for part in parts:
            found |= self._found_by.get(part, 0)
        if word in self._ignored or not word.isalpha():
            # hassil reads hyphens as blanks, too, and leaves punctuation.
            return parts, found, -1
        dotted = _dotted(word)
        for end in ends:
            begun |= self._having.get(dotted[:end], 0)
        return parts, found, begun

    def fitting(
        self, text: str, near: Collection[Template], lists: Mapping[str, SlotList]
    ) -> Intents | None:
        """Those of them that may fit the whole sentence, for hassil; None if there are none.

        `lists`: the names of the home in the sentence."""
        if not near:
            return None
        plain = matchable(text)
        skipped = self._skipped(plain)
        rules, shared = self.intents.expansion_rules, {**self.intents.slot_lists, **lists}
        ways = [
            Reach(way, self.intents.language, rules, shared) for way in self._ways(plain, skipped)
        ]
        scopes: dict[int, list[Scope]] = {}
        fitting = []
        for each in near:
            key = id(each.block)
            if key not in scopes:
                scopes[key] = [way.scope(each.block, each.domains) for way in ways]
            parts = each.in_parts(self._forms)
            if any(scope.fits(parts, each.lists) for scope in scopes[key]):
                fitting.append(each)
        if not fitting:
            return None
        if len(ways) > 1:
            return replace(self.whole(fitting), skip_words=skipped)
        return self._narrowed(fitting, scopes)

    def _narrowed(
        self, fitting: Iterable[Template], scopes: Mapping[int, Sequence[Scope]]
    ) -> Intents:
        """Templates that fit, with what is of use of them in a text without words to be skipped."""
        kept: dict[str, dict[int, IntentData]] = {}
        for each in fitting:
            key = id(each.block)
            blocks = kept.setdefault(each.intent, {})
            if key not in blocks:
                blocks[key] = copy(each.block)
                give(blocks[key], [])
            blocks[key].sentences.append(scopes[key][0].narrowed(each.sentence))
        found = {name: Intent(name, list(blocks.values())) for name, blocks in kept.items()}
        return replace(self.intents, intents=found, skip_words=[])

    def whole(self, templates: Iterable[Template]) -> Intents:
        """Some of the templates as hassil takes them."""
        kept: dict[str, list[IntentData]] = {}
        for each in templates:
            kept.setdefault(each.intent, []).append(each.alone())
        found = {name: Intent(name, data) for name, data in kept.items()}
        return replace(self.intents, intents=found)

    def _skipped(self, plain: str) -> list[str]:
        """The words to be skipped that a sentence has: hassil searches for each of them."""
        if "  " in plain:
            return self.intents.skip_words  # with any of them, hassil makes it one blank
        folded = plain.casefold()
        return [word for word in self.intents.skip_words if word.strip().casefold() in folded]

    def _ways(self, plain: str, skipped: Sequence[str]) -> Iterable[str]:
        """The texts that hassil compares with templates: with and without what may be skipped."""
        if not skipped:
            return [plain]
        joined = self.intents.settings.ignore_whitespace
        return dict.fromkeys(
            (
                plain,
                remove_skip_words(plain, skipped, joined),
                remove_skip_words(plain, skipped, joined, start=False),
                remove_skip_words(plain, skipped, joined, end=False),
            )
        )


class _Texts:
    """What text expressions have in them, with the rules that they refer to."""

    def __init__(
        self, rules: Mapping[str, Sentence], lists: Mapping[str, SlotList], names: frozenset[str]
    ) -> None:
        """`names`: the lists of names of the home."""
        self.rules = dict(rules)
        self._slots = lists
        self._names = names
        self._needed: dict[str, frozenset[str]] = {}
        self._literal: dict[str, Pieces] = {}

    def needed(self, expression: Expression, depth: int = 0) -> frozenset[str]:
        """Lists without whose values an expression cannot fit."""
        if isinstance(expression, ListReference):
            return frozenset([expression.list_name])
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
            return frozenset(_dotted(expression.text.casefold()).split())
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


def _dotted(text: str) -> str:
    """With the Turkish i without a dot as `compact` has it."""
    return text.replace("ı", "i")


def _together(parts: Iterable[Pieces]) -> Pieces:
    found: set[str] = set()
    for part in parts:
        if part is None:
            return None
        found |= part
    return frozenset(found)


def _named(words: Sequence[str], text: str, within: Within) -> list[bool]:
    """Which words are names of the home, or have a part of one; all, if that cannot be told."""
    letters = [compact(word) for word in words]
    joined = "".join(letters)
    if joined != compact(text):
        return [True] * len(words)
    taken = bytearray(len(joined))
    for name in {value.text_in.text for values in within.values() for value in values}:  # type: ignore[attr-defined]
        sought = letters_of(name)
        start = joined.find(sought)
        while start >= 0:
            taken[start : start + len(sought)] = b"\x01" * len(sought)
            start = joined.find(sought, start + 1)
    found, start = [], 0
    for word in letters:
        found.append(any(taken[start : start + len(word)]))
        start += len(word)
    return found


def _members(templates: Sequence[Template], chosen: int) -> Iterator[Template]:
    """Those of a set, in their order."""
    while chosen:
        lowest = chosen & -chosen
        yield templates[lowest.bit_length() - 1]
        chosen ^= lowest


def _domains(required: object) -> frozenset[str]:
    if isinstance(required, str):
        return frozenset([required])
    if isinstance(required, list | tuple) and all(isinstance(each, str) for each in required):
        return frozenset(required)
    return frozenset()
