"""Tools of which nothing is known but what they say of themselves: a pack that came a minute ago.

What such a tool has in common with an utterance is found without a model, in milliseconds: words of
one stem, or nearly of one spelling; whether both ask, tell or want something; and whether there are
words for all values that the tool needs, by their types. From that follow three things: which tools
can be meant at all, so that a language model is not tempted by the others; how much the words
themselves speak for one, and so how sure a model has to be; and, where they speak clearly for one
and for no other, a call without any model: its nearest example with other values.

It is the last resort before 'I did not understand that', for what neither phrases nor rules know.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, cast

from rapidfuzz.distance import Indel

from hub.home.model import normal
from hub.language import moments
from hub.messages import Call, ToolSpec
from hub.router.codec import own_parameters
from hub.router.numbers import numbers
from hub.skill.kinds import MOMENTS

ASKS, WANTS, TELLS, NOTES = "asks", "wants", "tells", "notes"
"""What a sentence does."""

SURE, SURE_WITH_VALUE = 0.7, 0.55
"""Share of what was said that has to be among a tool's own words for it to be called without a
model; and where a number, a day or a choice was said for one of its values, too."""
LEAST_WEIGHT = 0.8
LIKELY = 0.45
"""The same for a model to be believed although it wavers."""
WAVERING, DOUBTING, CERTAIN = 0.5, 0.65, 0.97
"""How sure a model has to be where the words speak for a tool and one of its values was said, where
they speak for it alone, and where hardly one does."""
AHEAD = 0.2
"""Weight by which one tool has to be ahead of the next."""
OTHER_WORD = 0.8
"""Weight of a word that no tool has."""
SAME_SPELLING = 0.84
"""Likeness from which two long words are one that was misheard or misspelt."""
SHORTEST_ALIKE = 6
"""Letters of such a word."""
ENDINGS = frozenset(
    "s es ed d ing n en er e em es ion ions ation ment ly y ies al t st te ten ung ungen ens ning"
    " ping ting ding ged ted ped".split()
)
"""What words of one stem may differ in, in the languages of `moods.toml`."""
MOST_FREE = 5
"""Words of free text that are taken without a model."""
GOES_ON = frozenset("is are was were ist sind war waren".split())
"""Words behind which a sentence goes on: 'my sister is on its way'."""
TELLING = ("tell", "say", "what", "how", "which", "show", "suggest", "read", "give", "when", "who")
NOTING = ("note", "remember", "write", "record", "log", "keep", "remind")
"""First words of descriptions, which are in English, of tools that tell or keep something."""


@dataclass(frozen=True, slots=True)
class _Moods:
    """The words of a language; of each kind the longest first."""

    asks: tuple[str, ...]
    wants: tuple[str, ...]
    told: tuple[str, ...]
    tells: tuple[str, ...]
    ought: tuple[str, ...]
    notes: tuple[str, ...]
    small: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool, and what follows from what it says of itself."""

    spec: ToolSpec
    own: frozenset[str]
    """Its words, as far as they say something."""
    does: set[str]


@dataclass(frozen=True, slots=True)
class Likely:
    """A tool that may be meant."""

    tool: ToolSpec
    weight: float
    """Of the words that it has in common with what was said."""
    share: float
    """0-1: those words among all that say something."""
    arguments: Mapping[str, Any] | None
    """What was said for its values; None if something it needs was not said."""
    typed: Mapping[str, Any]
    """Those of them that are no free text."""

    @property
    def sure(self) -> bool:
        """Whether the words alone are enough, if there is no other such tool."""
        least = SURE_WITH_VALUE if self.typed else SURE
        able = self.arguments is not None and self.weight >= LEAST_WEIGHT
        return able and self.share >= least

    @property
    def confidence(self) -> float:
        """How sure a model has to be of it."""
        if self.share < LIKELY or self.arguments is None:
            return CERTAIN
        return WAVERING if self.typed else DOUBTING


class Unseen:
    """The tools of packs, in one language."""

    def __init__(self, tools: Iterable[ToolSpec], language: str) -> None:
        self._language = language
        self._base = language.split("-")[0]
        self._moods = moods = _moods(self._base)
        spoken = [(tool, _vocabulary(tool, self._base)) for tool in tools]
        self._counts = Counter(word for _, own in spoken for word in own)
        self._tools = [
            _Tool(tool, own - moods.small, _done_by(tool, self._base, moods))
            for tool, own in spoken
            if moods and tool.foreign
        ]

    def __bool__(self) -> bool:
        return bool(self._tools)

    def likely(self, text: str, said_as: str = "") -> list[Likely]:
        """The tools that can be meant by a text, the likeliest first; `said_as`: as it was heard,
        with what makes no difference for rules."""
        moods = self._moods
        if moods is None:
            return []
        plain = normal(text)
        said = [word for word in plain.split() if not word.isdigit()]
        doing = _does(said_as or text, moods)
        counted = list(numbers(plain, self._language))
        alike = {word: self._alike(word) for word in said if word not in moods.small}
        found = []
        for known in self._tools:
            tool = known.spec
            if tool.domains or not _fits(known.does, doing):
                continue
            filled = self._filled(tool, text, plain, counted)
            used = {word for words in filled.values() for word in normal(words[1]).split()}
            content = [w for w in said if w in alike and w not in used]
            weights = [self._weight(alike[word], known.own) for word in content]
            weight = sum(w for w in weights if w > 0)
            if not weight and not (filled and content == []):
                continue
            other = sum(-w for w in weights if w < 0)
            needed = set(tool.parameters.get("required", ()))
            given = {name: value for name, (value, _) in filled.items()}
            schemas = own_parameters(tool)
            weight += sum(0.5 for name in given if "enum" in schemas[name])
            share = weight / (weight + other) if weight else 0.0
            typed = {name: value for name, value in given.items() if not _free_text(schemas[name])}
            able = given if needed <= given.keys() else None
            found.append(Likely(tool, weight, share, able, typed))
        return sorted(found, key=lambda each: (-(each.arguments is not None), -each.weight))

    def sure(self, likely: Sequence[Likely]) -> Call | None:
        """The call for the first of these tools, if the words alone are enough for it."""
        able = [each for each in likely if each.arguments is not None]
        if not able or not able[0].sure:
            return None
        best, *others = able
        if any(best.weight - other.weight < AHEAD for other in others):
            return None
        return Call(best.tool.name, dict(best.arguments or {}))

    # --- words -----------------------------------------------------------------------------------

    def _alike(self, word: str) -> dict[str, float]:
        """The words of tools that are like one, and how much."""
        return {other: much for other in self._counts if (much := _alike(word, other))}

    def _weight(self, alike: Mapping[str, float], own: Collection[str]) -> float:
        """How much a word speaks for a tool; below 0 if it speaks against it."""
        best = max((much for other, much in alike.items() if other in own), default=0.0)
        if not best:
            return -OTHER_WORD
        twins = sum(self._counts[other] for other, much in alike.items() if much >= best)
        return best * (0.35 + 0.65 / twins)

    # --- values ----------------------------------------------------------------------------------

    def _filled(
        self, tool: ToolSpec, text: str, plain: str, counted: Sequence[str]
    ) -> dict[str, tuple[Any, str]]:
        """Parameter -> its value, and the words for it; `counted` are the numbers in the text."""
        filled: dict[str, tuple[Any, str]] = {}
        left = list(counted)
        for name, schema in own_parameters(tool).items():
            found = self._value(tool, name, schema, text, plain, left)
            if found is not None:
                filled[name] = found
        return filled

    def _value(
        self,
        tool: ToolSpec,
        name: str,
        schema: Mapping[str, Any],
        text: str,
        plain: str,
        counted: list[str],
    ) -> tuple[Any, str] | None:
        if "enum" in schema:
            said = schema.get("said", {}).get(self._base) or {str(v): v for v in schema["enum"]}
            for words, value in said.items():
                for way in _ways(words):
                    if _stands(normal(way.replace("_", " ")), plain):
                        return value, way
            return None
        kind = schema.get("format")
        if kind in MOMENTS:
            spans = moments.within(text, cast(moments.Kind, kind), self._language)
            longest = max(spans, key=len, default=None)
            return None if longest is None else (longest, longest)
        if schema.get("type") in ("integer", "number"):
            low, high = schema.get("minimum", -1e9), schema.get("maximum", 1e9)
            for number in counted:
                if low <= float(number) <= high:
                    counted.remove(number)
                    whole = float(number).is_integer() and schema["type"] == "integer"
                    return (int(float(number)) if whole else float(number)), ""
            return None
        return self._free(tool, name, text) if _free_text(schema) else None

    def _free(self, tool: ToolSpec, name: str, text: str) -> tuple[str, str] | None:
        """Free text: what stands behind the word that stands before it in a phrase."""
        said = text.rstrip(" .!?").split()
        low = [normal(word) for word in said]
        before = [
            normal(found[1]).split()[-1:]
            for phrase in tool.phrases.get(self._base) or ()
            if (found := re.search(r"([^{}]*)\{" + re.escape(name) + r"\}\s*$", phrase))
        ]
        for word in {word for words in before for word in words}:
            if word in low[:-1]:
                place = len(low) - 1 - low[::-1].index(word)
                rest: list[str] = []
                for each in said[place + 1 :]:
                    if normal(each) in GOES_ON:
                        break
                    rest.append(each.rstrip(",;"))
                    if each != rest[-1]:
                        break
                if rest and len(rest) <= MOST_FREE:
                    return " ".join(rest), " ".join(rest)
        return None


def _free_text(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and "enum" not in schema and "format" not in schema


def _bare(phrase: str) -> str:
    """A phrase as somebody might begin it: without what is optional, the first of what is not."""
    text = re.sub(r"\[[^\[\]]*\]", " ", phrase)
    text = re.sub(r"\(([^()|]*)\|[^()]*\)", r"\1", text)
    return re.sub(r"\{[^{}]*\}", "1", text)


def _does(text: str, moods: _Moods) -> set[str]:
    """What the clauses of a sentence do."""
    clauses = [normal(part) for part in re.split(r"[,;.!?]+|\band\b|\bund\b", text)]
    return {each for clause in clauses if clause for each in _mood(clause, moods)}


def only_asks(text: str, language: str) -> bool:
    """Whether a sentence is a question and nothing besides; never where the language has no words
    for it here."""
    moods = _moods(language.split("-")[0])
    return moods is not None and _does(text, moods) == {ASKS}


def _done_by(tool: ToolSpec, language: str, moods: _Moods) -> set[str]:
    """What the sentences do that are for a tool."""
    samples = [*tool.examples, *(tool.phrases.get(language) or ())]
    does = {each for sample in samples for each in _does(_bare(sample), moods)}
    first = next(iter(normal(tool.description).split()), "")
    if first in TELLING:
        does |= {ASKS}
    elif first in NOTING:
        does |= {TELLS, NOTES}
    elif ASKS not in does or TELLS in does:
        does |= {WANTS}
    return does


def _fits(does: set[str], wanted: set[str]) -> bool:
    """Whether a tool does what a sentence wants: whoever tells something wants nothing told."""
    return bool(does & wanted) and (NOTES in does or NOTES not in wanted)


def _mood(clause: str, moods: _Moods) -> set[str]:
    if _begins(clause, moods.told):
        return {ASKS, WANTS}
    if wish := _begins(clause, moods.wants):
        rest = clause[len(wish) :].strip()
        if _begins(rest, moods.notes):
            return {NOTES, TELLS}
        return {WANTS} | ({ASKS} if _begins(rest, (*moods.told, *moods.asks)) else set())
    if _begins(clause, moods.notes):
        return {NOTES, TELLS, WANTS}
    if _begins(clause, moods.asks):
        return {ASKS}
    if _begins(clause, moods.tells):
        ought = any(_stands(word, clause) for word in moods.ought)
        return {TELLS, WANTS} if ought else {TELLS}
    return {WANTS}


def _begins(clause: str, phrases: Iterable[str]) -> str:
    """The first of these phrases with which a clause begins; empty if none."""
    return next((phrase for phrase in phrases if f"{clause} ".startswith(f"{phrase} ")), "")


def _vocabulary(tool: ToolSpec, language: str) -> frozenset[str]:
    """All words that a tool says of itself."""
    texts = [tool.description, *tool.examples, *(tool.phrases.get(language) or ())]
    for schema in tool.parameters.get("properties", {}).values():
        texts += [str(value) for value in schema.get("enum", ())]
    plain = normal(re.sub(r"\{[^{}]*\}|[\[\]()|;]", " ", " ".join(texts)))
    return frozenset(word for word in plain.split() if not word.isdigit())


@lru_cache(maxsize=50_000)
def _alike(one: str, other: str) -> float:
    """How much two words are one: 1 for the same, less for one stem or nearly one spelling."""
    if one == other:
        return 1.0
    shared = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        shared += 1
    rests = {one[shared:], other[shared:]}
    short = min(len(one), len(other))
    if shared >= 3 and shared >= short - 1 and all(r in ENDINGS or not r for r in rests):
        return 0.9
    if shared >= 5 and shared >= 0.6 * max(len(one), len(other)):
        return 0.8
    if short >= SHORTEST_ALIKE and Indel.normalized_similarity(one, other) >= SAME_SPELLING:
        return 0.7
    return 0.0


def _ways(template: str) -> list[str]:
    """Plain ways to say a word for a choice: `weiße[s]|weisse[s]`."""
    found = []
    for part in template.strip("()").split("|"):
        found += [re.sub(r"[\[\]()]", "", part), re.sub(r"\[[^\]]*\]", "", part)]
    return [way for way in dict.fromkeys(found) if way.strip()]


def _stands(words: str, plain: str) -> bool:
    return bool(words) and f" {words} " in f" {plain} "


@cache
def _moods(language: str) -> _Moods | None:
    file = files("hub.router").joinpath("data", "moods.toml")
    table = tomllib.loads(file.read_text(encoding="utf-8")).get(language)
    if table is None:
        return None
    lists = {
        key: tuple(sorted({normal(each) for each in table[key]}, key=len, reverse=True))
        for key in ("asks", "wants", "told", "tells", "ought", "notes")
    }
    return _Moods(**lists, small=frozenset(map(normal, table["small"])))
