"""Phrases whose parts may be said in any order: "(get|make) me ([{size}];{drink};[{milk}])".

What stands in the brackets with semicolons (hassil's notation for permutations) is filled in like
a form: each part once at most, in any order, the optional ones or not, with small words ('and',
'with a') between them. Hassil would try every order by itself, and misses the sentence at the
first word that it does not know. Here all ways to lay the parts over the sentence are compared at
once, by how much of its sound they explain: `matches` takes only what explains all of it, `near`
also gives those that explain most, to be weighed against what was heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice, product
from typing import Any

import numpy as np
from hassil import Sentence, SlotList, TextSlotList
from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    TextChunk,
)
from hassil.intents import RangeSlotList
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from hub.home.model import normal
from hub.language.spellout import spellout
from hub.router.misheard import _COARSE, sound
from hub.router.words import Words

MOST_SAID = 4000
"""Ways to say one part of a form: with more it is left to hassil."""
MOST_NUMBERS = 200
"""Numbers of a range that are spelt out."""
LONGEST = 8
"""Words of a stretch that may be one part."""
ALIKE = 0.5
"""0-1: likeness of sounds from which a stretch may be a part."""
MOST_ALIKE = 4
"""Ways to say a part that are looked at for one stretch."""
MOST_KEPT = 8
"""Ways to have come to the same place of the sentence with the same parts."""
MOST_WAYS = 24
"""Ways to fill in a form that are told."""
LONGEST_HEAD = 6
"""Words that may be the beginning of a form."""
HEADLESS = 3.0
"""Sounds that a sentence without the form's beginning lacks."""
MOST_UNLIKE, MOST_DOUBTED = 0.3, 0.4
"""Share of the sounds of a sentence that may be left unexplained; and before it is heard again."""
UNKNOWN = 1.5
"""Times its sounds that a word costs which nothing explains."""
MOST_EXAMPLES, MOST_SENTENCES = 2, 8
"""Sentences for a second hearing: of those that the tool tells, and made of the form's words."""
LONGEST_NUMBER = 6
"""Digits of a number that is put into words."""

Arguments = tuple[tuple[str, Any], ...]
"""Parameters with their values, in the order of their names."""


@dataclass(frozen=True, slots=True)
class Said:
    """One way to say a part."""

    text: str
    """In normal form, with numbers in words."""
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of information that a form has room for."""

    said: tuple[Said, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class Form:
    """A phrase with parts in any order."""

    key: str
    """Which tool it is of."""
    phrase: str
    heads: tuple[Said, ...]
    parts: tuple[Part, ...]
    tails: tuple[Said, ...]
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """One way to fill in a form."""

    form: Form
    arguments: Arguments
    text: str
    """The sentence as it would have been said."""
    unlike: float
    """Sounds of what was heard that must have been others, or are explained by nothing."""
    explained: int
    """Letters of the words that were known."""


def form(
    key: str,
    phrase: str,
    sentence: Sentence,
    lists: Mapping[str, SlotList],
    language: str,
    examples: Sequence[str] = (),
) -> Form | None:
    """The form that a phrase is; None if it is none, or too large: then it is hassil's. `examples`
    are whole sentences for the tool."""
    top = sentence.expression
    items = top.items if isinstance(top, Group) and type(top).__name__ == "Sequence" else [top]
    places = [n for n, item in enumerate(items) if isinstance(item, Permutation)]
    if len(places) != 1:
        return None
    (place,) = places
    permuted = items[place]
    assert isinstance(permuted, Permutation)
    try:
        heads = _said(_Row(items[:place]), lists, language)
        tails = _said(_Row(items[place + 1 :]), lists, language)
        parts = tuple(_part(item, lists, language) for item in permuted.items)
    except _Unbounded:
        return None
    return Form(key, phrase, heads, parts, tails, tuple(examples[:MOST_EXAMPLES]))


class _Unbounded(Exception):
    """What can be said for a part cannot be listed."""


@dataclass(frozen=True, slots=True)
class _Row:
    items: Sequence[Expression]


def _part(item: Expression, lists: Mapping[str, SlotList], language: str) -> Part:
    said = _said(item, lists, language)
    return Part(tuple(one for one in said if one.text), any(not one.text for one in said))


def _said(
    item: Expression | _Row, lists: Mapping[str, SlotList], language: str
) -> tuple[Said, ...]:
    """All ways to say it, each once. Raises _Unbounded."""
    found: dict[tuple[str, Arguments], None] = {}
    for text, arguments in islice(_ways(item, lists, language), MOST_SAID + 1):
        found[_worded(text, language), tuple(sorted(arguments.items()))] = None
    if len(found) > MOST_SAID:
        raise _Unbounded
    return tuple(Said(text, arguments) for text, arguments in found)


def _ways(
    item: Expression | _Row, lists: Mapping[str, SlotList], language: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(item, TextChunk):
        yield item.text, {}
    elif isinstance(item, Alternative):
        for one in item.items:
            yield from _ways(one, lists, language)
    elif isinstance(item, ListReference):
        values = lists.get(item.list_name)
        if isinstance(values, TextSlotList):
            for value in values.values:
                for text, _ in _ways(value.text_in, lists, language):
                    yield text, {item.slot_name: value.value_out}
        elif isinstance(values, RangeSlotList) and values.stop - values.start < MOST_NUMBERS:
            for number in range(values.start, values.stop + 1, values.step):
                yield str(number), {item.slot_name: number}
        else:
            raise _Unbounded
    elif isinstance(item, _Row) or (isinstance(item, Group) and not isinstance(item, Permutation)):
        several = [list(islice(_ways(one, lists, language), MOST_SAID)) for one in item.items]
        for chosen in product(*several):
            together: dict[str, Any] = {}
            for _, arguments in chosen:
                together |= arguments
            yield "".join(text for text, _ in chosen), together
    elif isinstance(item, Sentence):
        yield from _ways(item.expression, lists, language)
    else:
        raise _Unbounded


class Forms:
    """All forms of a language, to be laid over sentences."""

    def __init__(self, forms: Iterable[Form], words: Words) -> None:
        self._language = words.language
        self._laid = [_Laid(one, words) for one in _together(forms)]
        self.keys = frozenset(laid.key for laid in self._laid)
        """The tools that have forms."""

    def __bool__(self) -> bool:
        return bool(self._laid)

    def matches(self, text: str) -> list[Filled]:
        """The ways to fill in a form that explain every word, the best first."""
        tokens = [token for token, _ in _tokens(text, self._language)]
        found = [one for laid in self._laid for one in laid.exact(tokens)]
        return sorted(found, key=lambda one: -one.explained)

    def meaning(self, key: str, text: str) -> Arguments | None:
        """What a part of a tool's form says; None if it has no such part."""
        said = _worded(text, self._language)
        for laid in self._laid:
            if laid.key == key and (found := laid.meaning(said)) is not None:
                return found
        return None

    def near(self, text: str) -> list[Filled]:
        """The ways to fill in a form that explain most of the sound, the likeliest first."""
        tokens = _tokens(text, self._language)
        found = [one for laid in self._laid for one in laid.near(tokens)]
        return sorted(found, key=lambda one: one.unlike)[:MOST_WAYS]

    def like(self, text: str) -> tuple[str, ...]:
        """Sentences with the words of the form that a text is nearest to, for a second hearing;
        none, if it is near to no form."""
        tokens = _tokens(text, self._language)
        nearest = [
            (found[0].unlike, place)
            for place, laid in enumerate(self._laid)
            if (found := laid.near(tokens, MOST_DOUBTED))
        ]
        return self._laid[min(nearest)[1]].sentences if nearest else ()


def _together(forms: Iterable[Form]) -> list[Form]:
    """The forms of a tool that differ in their beginnings only, as one."""
    found: dict[Any, Form] = {}
    for one in forms:
        same = (one.key, one.parts, one.tails)
        before = found.get(same)
        heads = tuple(dict.fromkeys((*before.heads, *one.heads))) if before else one.heads
        found[same] = replace(before or one, heads=heads)
    return list(found.values())


@dataclass(slots=True)
class _Way:
    """How far a sentence is explained."""

    cost: float
    arguments: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    explained: int = 0

    def further(self, cost: float, said: str, one: Said | None = None) -> _Way:
        return _Way(
            self.cost + cost,
            {**self.arguments, **dict(one.arguments)} if one else self.arguments,
            (*self.words, said) if said else self.words,
            self.explained + (len(one.text) if one else 0),
        )


Place = tuple[int, frozenset[int]]
"""Words that are explained, and the parts that were used for it."""


class _Laid:
    """One form with its sounds."""

    def __init__(self, form: Form, words: Words) -> None:
        self._form = form
        self._language = words.language
        self._small = words.joining
        self._said = [(n, one) for n, part in enumerate(form.parts) for one in part.said]
        self._fine = [sound(one.text, self._language) for _, one in self._said]
        self._coarse = [coarse(code) for code in self._fine]
        self._exact: dict[str, list[tuple[int, Said]]] = {}
        for number, one in self._said:
            self._exact.setdefault(one.text, []).append((number, one))
        self._heads = {one.text: one for one in form.heads}
        self._tails = {one.text: one for one in form.tails}
        self._longest = max((len(one.text.split()) for _, one in self._said), default=0)
        self._needed = frozenset(n for n, part in enumerate(form.parts) if not part.optional)
        self.sentences = (*form.examples, *self._sentences())

    @property
    def key(self) -> str:
        return self._form.key

    def meaning(self, text: str) -> Arguments | None:
        """What the part says that is said so."""
        found = self._exact.get(text)
        return found[0][1].arguments if found else None

    def _sentences(self) -> Iterator[str]:
        """Sentences that have all words of the parts among them: each takes of every part what has
        the most new words."""
        covered: set[str] = set()
        for _ in range(MOST_SENTENCES):
            chosen = []
            for part in self._form.parts:
                fresh = max(part.said, key=lambda one: _fresh(one.text, covered))
                if set(fresh.text.split()) - covered:
                    chosen.append(fresh.text)
                    covered |= set(fresh.text.split())
            if not chosen:
                return
            yield " ".join(chosen)

    def exact(self, tokens: Sequence[str]) -> Iterator[Filled]:
        """Every word is known."""
        ends = [n for n in range(len(tokens) + 1) if " ".join(tokens[n:]) in self._tails]
        for length in range(min(LONGEST_HEAD, len(tokens)), -1, -1):
            head = self._heads.get(" ".join(tokens[:length]))
            if head is None:
                continue
            for end in ends:
                way = self._exactly(tokens[length:end], _Way(0.0, {}, (), len(head.text)))
                if way is not None:
                    arguments = tuple(sorted({**dict(head.arguments), **way.arguments}.items()))
                    text = " ".join(tokens)
                    yield Filled(self._form, arguments, text, 0.0, way.explained)
                    return

    def _exactly(self, tokens: Sequence[str], begun: _Way) -> _Way | None:
        """The way with the longest parts; small words between them are passed over."""
        best: dict[Place, _Way] = {(0, frozenset()): begun}
        for start in range(len(tokens)):
            for used, way in [(used, way) for (at, used), way in best.items() if at == start]:
                if tokens[start] in self._small:
                    _better(best, (start + 1, used), way)
                for end in range(start + 1, min(len(tokens), start + self._longest) + 1):
                    for number, one in self._exact.get(" ".join(tokens[start:end]), ()):
                        if number not in used and not _clash(way, one):
                            _better(best, (end, used | {number}), way.further(0.0, "", one))
        done = [
            way
            for (at, used), way in best.items()
            if at == len(tokens) and used >= self._needed and used
        ]
        return max(done, key=lambda way: way.explained, default=None)

    def near(self, spoken: Sequence[tuple[str, str]], most: float = MOST_UNLIKE) -> list[Filled]:
        """The sounds are like those of the form."""
        tokens = [token for token, _ in spoken]
        if not tokens or not self._said:
            return []
        lengths = [len(sound(token, self._language)) for token in tokens]
        stretches = self._stretches(tokens)
        kept: dict[Place, dict[Arguments, _Way]] = {}
        for length, (cost, head) in enumerate(self._begun(tokens)):
            said = head.text if cost else _as_spoken(spoken, 0, length)
            _keep(kept, (length, frozenset()), _Way(0.0).further(cost, said, head))
        for start in range(len(tokens)):
            for used in [used for at, used in kept if at == start]:
                for way in list(kept[start, used].values()):
                    if tokens[start] in self._small:
                        passed = way.further(0.0, spoken[start][1])
                    else:
                        passed = way.further(UNKNOWN * lengths[start], "")
                    _keep(kept, (start + 1, used), passed)
                    for end, number, one, unlike in stretches[start]:
                        if number not in used and not _clash(way, one):
                            said = one.text if unlike else _as_spoken(spoken, start, end)
                            longer = way.further(unlike, said, one)
                            _keep(kept, (end, used | {number}), longer)
        most *= sum(lengths)
        found = [
            Filled(
                self._form,
                tuple(sorted(way.arguments.items())),
                " ".join(filter(None, way.words)),
                way.cost,
                way.explained,
            )
            for (at, used), ways in kept.items()
            if at == len(tokens) and used >= self._needed and used
            for way in ways.values()
            if way.cost <= most
        ]
        return _distinct(sorted(found, key=lambda one: one.unlike))

    def _begun(self, tokens: Sequence[str]) -> Iterator[tuple[float, Said]]:
        """For each number of first words the likeliest beginning, and how unlike it is."""
        texts = list(self._heads)
        none = self._heads.get("")
        yield (0.0, none) if none else (HEADLESS, self._heads[min(texts, key=len)])
        firsts = [" ".join(tokens[:n]) for n in range(1, min(LONGEST_HEAD, len(tokens)) + 1)]
        changed = _unlike(firsts, texts, self._language)
        for row in range(len(firsts)):
            column = int(changed[row].argmin())
            yield float(changed[row, column]), self._heads[texts[column]]

    def _stretches(self, tokens: Sequence[str]) -> list[list[tuple[int, int, Said, float]]]:
        """For each word the parts that may begin there: end, part, how it is said, unlikeness."""
        spans = [
            (start, end)
            for start in range(len(tokens))
            for end in range(start + 1, min(len(tokens), start + LONGEST) + 1)
        ]
        fine = [sound(" ".join(tokens[a:b]), self._language) for a, b in spans]
        changed = _changed(fine, self._fine)
        changed = (changed + _changed([coarse(c) for c in fine], self._coarse)) / 2
        longest = np.maximum.outer([len(c) for c in fine], [len(c) for c in self._fine])
        near = changed <= (1 - ALIKE) * longest
        found: list[list[tuple[int, int, Said, float]]] = [[] for _ in tokens]
        for row, (start, end) in enumerate(spans):
            taken: dict[int, int] = {}
            columns = np.flatnonzero(near[row])
            for column in columns[np.argsort(changed[row, columns], kind="stable")]:
                number, one = self._said[column]
                taken[number] = taken.get(number, 0) + 1
                if taken[number] <= MOST_ALIKE:
                    found[start].append((end, number, one, float(changed[row, column])))
        return found


def _better(best: dict[Place, _Way], place: Place, way: _Way) -> None:
    if place not in best or best[place].explained < way.explained:
        best[place] = way


def _keep(kept: dict[Place, dict[Arguments, _Way]], place: Place, way: _Way) -> None:
    """The cheapest ways to a place, each with other arguments."""
    ways = kept.setdefault(place, {})
    same = tuple(sorted(way.arguments.items()))
    if same in ways and ways[same].cost <= way.cost:
        return
    ways[same] = way
    if len(ways) > MOST_KEPT:
        del ways[max(ways, key=lambda each: ways[each].cost)]


def _clash(way: _Way, one: Said) -> bool:
    """Whether a part says something of what another one has said already."""
    return any(name in way.arguments for name, _ in one.arguments)


def _distinct(found: Sequence[Filled]) -> list[Filled]:
    known: dict[Arguments, Filled] = {}
    for one in found:
        known.setdefault(one.arguments, one)
    return list(known.values())[:MOST_WAYS]


def _unlike(said: Sequence[str], known: Sequence[str], language: str) -> Any:
    fine, other = [sound(s, language) for s in said], [sound(k, language) for k in known]
    rough = _changed([coarse(c) for c in fine], [coarse(c) for c in other])
    return (_changed(fine, other) + rough) / 2


def _changed(said: Sequence[str], known: Sequence[str]) -> Any:
    return process.cdist(said, known, scorer=Levenshtein.distance, dtype=np.float32)


def _fresh(text: str, covered: set[str]) -> tuple[int, int]:
    words = set(text.split())
    return len(words - covered), -len(words)


def _tokens(text: str, language: str) -> list[tuple[str, str]]:
    """The words of a text in normal form, with numbers in words, each with how it is written; what
    is one word in writing ('16oz') is written at the first."""
    found = []
    for written in text.split():
        several = _worded(written, language).split()
        found += [(word, "" if number else written) for number, word in enumerate(several)]
    return found


def _as_spoken(spoken: Sequence[tuple[str, str]], start: int, end: int) -> str:
    """Some of the words as they are written; in normal form where that cuts a written word."""
    whole = end > start and spoken[start][1] and (end == len(spoken) or spoken[end][1])
    return " ".join(filter(None, (one[1 if whole else 0] for one in spoken[start:end])))


_NUMBER = re.compile(r"\d+")


def _worded(text: str, language: str) -> str:
    """A text in normal form with its numbers in words: '16oz' is 'sixteen oz'."""
    spelt = _NUMBER.sub(lambda found: f" {_spelt(found[0], language)} ", normal(text))
    return " ".join(normal(spelt).split())


@cache
def _spelt(digits: str, language: str) -> str:
    if len(digits) > LONGEST_NUMBER:
        return digits
    try:
        engine = spellout(language.split("-")[0])
        return engine.format_number(int(digits)).text
    except ValueError:  # a language without such rules
        return digits


def coarse(code: str) -> str:
    """The sounds that noise leaves apart."""
    return code.translate(_COARSE)
