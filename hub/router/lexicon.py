"""What the words of a language mean in a command, and how a command is put together from them.

Each language that has one keeps it in `data/<language>.gazetteer.toml`; `gazetteer` reads sentences
with it. A word has any number of tags ('up', 'percent'), which the language's frames ask for; a
frame is one way to want something: what must be said, what may be said besides, and which call that
is. The languages differ in their words and frames, not in the code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from hub.home.model import normal
from hub.language.spellout import spellout

IDLE, ARTICLE, PREPOSITION, AND = "idle", "article", "preposition", "and"
"""Tags of words that say nothing by themselves."""
VERB, PLEASE = "do", "please"
"""Tags of verbs that say nothing without a particle (value: the ending of a command), and of what
asks for something politely."""
OWNS = "owns"
"""Tag of what stands between an owner and what is owned: the s of "the kitchen's light"."""
NUMBER, UNIT, KIND = "count", "unit", "kind"
LENGTH = "length"
"""Tag of a length of time; its value is (hours, minutes, seconds)."""
LARGEST = 100
"""Numbers up to which words are known: larger ones are said of nothing but degrees Kelvin."""
FREE = ("item", "message", "search_query", "state")
"""Arguments that take any words: an item of a list, a message to its end, what is to be played,
where somebody is."""
TIMES = ("hours", "minutes", "seconds")

Meanings = Mapping[str, Any]
"""Tag -> value; None for a tag that has none."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One way to want something."""

    intent: str
    needs: tuple[frozenset[str], ...]
    """Of each of these tags one must be said, each by another word."""
    takes: frozenset[str] = frozenset()
    """What may be said besides."""
    refuses: frozenset[str] = frozenset()
    """What must not be said: 'by', where a value is set."""
    domains: frozenset[str] = frozenset()
    """What it is for; empty: for no device."""
    classes: frozenset[str] = frozenset()
    """Only for these device classes."""
    response: str = "default"
    slots: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    """Tag -> the argument that takes its value."""
    negative: bool = False
    """Numbers are counted downwards."""
    spread: str | None = None
    """The domain that is meant where only a room is said."""
    plainly: bool = False
    """The call does without the domain: it is for nothing else."""
    alone: bool = False
    """It may be said of nothing: the room of the person is meant."""
    free: bool = False
    """It may be said of nothing, and its tool finds out by itself what is meant."""
    inside: bool = False
    """The room is what it is done to, not where the device is."""
    named: bool = False
    """Only of what is called by its name."""
    room: bool = False
    """A room may be said of what is no device."""
    open: str | None = None
    """The argument for words that are not known: `name` of a timer, or free text (FREE)."""
    lengths: str | None = None
    """What lengths of time are: `value`, of how the timer was begun (`start`), or `both`."""
    first: bool = False
    """What is needed first is what the sentence begins with."""
    last: bool = False
    """What is needed last is what it ends with."""
    asks: bool = False
    """It asks, and does nothing."""
    told: bool = False
    """It is said as a statement: 'it is too dark'."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language."""

    phrases: Mapping[str, Meanings]
    """Phrases in normal form."""
    longest: int
    """Words of the longest of them."""
    frames: tuple[Frame, ...]
    """Those last that take any words."""
    numbers: Mapping[str, float]
    kinds: Mapping[str, tuple[str, ...]]
    """Word for a kind of thing -> domains, or `domain.device_class`."""
    endings: tuple[str, ...]
    """What a name may end with besides."""
    here: tuple[str, ...]
    """What means the room of the person."""
    whole: tuple[str, ...]
    """What means the whole house."""
    particles: frozenset[str]
    """Tags of particles."""
    leading: frozenset[str]
    """Tags of words that begin a command with free text, and no free text."""
    asking: tuple[str, ...]
    """How a sentence begins that only asks or tells: 'shall'."""
    regretting: tuple[str, ...]
    """How one ends that wishes something had been done."""
    stating: tuple[str, ...]
    """Phrases with which somebody asks or tells how things are: 'the lamp still on'."""
    helping: frozenset[str]
    """Verbs that ask for nothing unless another asks in front of them."""
    telling: frozenset[str]
    """Endings of verbs that command only where a sentence begins: 'the gate opens'."""
    phrasal: bool
    """Right behind a verb a word is a particle, though a noun follows: 'turn on the lamp'."""
    apposing: bool
    """A name may stand behind what it is of: 'den Timer Nudeln'."""
    point: frozenset[str]
    """What stands before the decimals of a number in words."""
    delaying: frozenset[str]
    """What stands before the time until something is to be done: 'in (ten minutes)'."""
    visiting: tuple[str, ...]
    """What stands before somebody whose room is meant: 'bei der (Oma)'."""
    heads: tuple[str, ...]
    """Last parts of compounds that may be left out: '(Dunstabzugs)haube'."""
    storeys: Mapping[str, tuple[str, ...]]
    """`below`, `ground`, `above` -> how such floors are called; `up` and `down` -> what people say
    for the one above, and the one below."""
    declined: tuple[str, ...]
    """Endings of adjectives: '(den link)en (Rollladen)'."""
    nouns: frozenset[str]
    """Tags of nouns, which may be the last part of a compound, and stand behind a preposition."""
    ordinals: tuple[str, ...]
    """'first', 'second' and so on."""


@cache
def lexicon(language: str) -> Lexicon | None:
    """The lexicon of a language, or of its base language; None if there is none."""
    for name in dict.fromkeys((language, language.split("-")[0])):
        file = files("hub.router").joinpath("data", f"{name}.gazetteer.toml")
        if file.is_file():
            return _read(name, tomllib.loads(file.read_text(encoding="utf-8")))
    return None


def _read(language: str, table: Mapping[str, Any]) -> Lexicon:
    phrases: dict[str, dict[str, Any]] = {}
    for phrase, tag, value in _meanings(table):
        phrases.setdefault(normal(phrase) or phrase, {})[tag] = value
    kinds: dict[str, list[str]] = {}
    for key, words in table.get("kinds", {}).items():
        for word in words:
            if key not in (known := kinds.setdefault(normal(word), [])):
                known.append(key)
    frames = tuple(sorted(map(_frame, table["frame"]), key=lambda frame: frame.open in FREE))
    nouns = frozenset(table.get("nouns", ()))
    leading = frozenset(
        tag
        for frame in frames
        if frame.open in FREE and not frame.asks
        for need in frame.needs
        for tag in need
        if tag not in nouns
    )
    numbers = dict(_numbers(language, table.get("halves", {})))
    return Lexicon(
        phrases,
        max(len(phrase.split()) for phrase in phrases),
        frames,
        numbers,
        {word: tuple(keys) for word, keys in kinds.items()},
        tuple(table.get("endings", ())),
        tuple(table.get("here", ())),
        tuple(table.get("whole", ())),
        frozenset(tag for tags in table.get("particles", {}).values() for tag in tags),
        leading,
        tuple(map(normal, table.get("asking", ()))),
        tuple(map(normal, table.get("regretting", ()))),
        tuple(map(normal, table.get("stating", ()))),
        frozenset(map(normal, table.get("helping", ()))),
        frozenset(table.get("telling", ())),
        bool(table.get("phrasal")),
        bool(table.get("apposing")),
        frozenset(table.get("point", ())),
        frozenset(table.get("delaying", ())),
        tuple(map(normal, table.get("visiting", ()))),
        tuple(map(normal, table.get("heads", ()))),
        {key: tuple(map(normal, said)) for key, said in table.get("storeys", {}).items()},
        tuple(table.get("declined", ())),
        nouns,
        tuple(map(normal, table.get("ordinals", ()))),
    )


def _meanings(table: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each phrase with a tag, and what it stands for."""
    for key, tag in (
        ("idle", IDLE),
        ("articles", ARTICLE),
        ("prepositions", PREPOSITION),
        ("conjunctions", AND),
        ("please", PLEASE),
        ("helping", PLEASE),
        ("possessive", OWNS),
    ):
        yield from ((phrase, tag, None) for phrase in table.get(key, ()))
    for verb in table.get("verbs", ()):
        yield verb, VERB, None
        yield from ((form, VERB, end) for form, end in _commands(verb, table))
        asked = [f"{_stem(verb, table)}{end}" for end in table.get("second", ())]
        yield from ((f"{form} {you}", PLEASE, None) for form in asked for you in table["you"])
    yield from ((form, VERB, None) for form in table.get("irregular", ()))
    for particle, tags in table.get("particles", {}).items():
        for tag in tags:
            yield particle, tag, None
            for verb in table.get("joined", ()):
                yield from ((f"{particle}{each}{verb}", tag, None) for each in table["between"])
                stem = _stem(verb, table)
                yield from (
                    (f"{particle}{stem}{end}", tag, None) for end in table.get("second", ())
                )
    for tag, phrases in table.get("tags", {}).items():
        yield from ((phrase, tag, None) for phrase in phrases)
    for key, tag in (
        ("levels", "level"),
        ("paces", "pace"),
        ("modes", "mode"),
        ("colours", "colour"),
        ("whites", "white"),
        ("media", "media"),
    ):
        yield from ((phrase, tag, value) for phrase, value in table.get(key, {}).items())
    for unit, phrases in table.get("units", {}).items():
        yield from ((phrase, UNIT, unit) for phrase in phrases)
    for phrase, minutes in table.get("lengths", {}).items():
        yield phrase, LENGTH, (0, minutes, 0)
    yield from ((phrase, "one", 1) for phrase in table.get("ones", {}).get("words", ()))


def _commands(verb: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """'mach' and 'mache' of 'machen', with their endings."""
    stem = _stem(verb, table)
    yield from ((f"{stem}{end}", end) for end in table["commands"])


def _stem(verb: str, table: Mapping[str, Any]) -> str:
    ending = next((end for end in table["infinitives"] if verb.endswith(end)), "")
    return verb.removesuffix(ending)


def _numbers(language: str, halves: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Numbers in words, and those and a half."""
    try:
        engine = spellout(language)
    except ValueError:
        return
    for number in range(LARGEST + 1):
        word = normal(str(engine.format_number(number).text).replace("\u00ad", ""))
        yield word, float(number)
        if "ending" in halves:
            yield f"{word}{halves['ending']}", number + 0.5
    for word, value in halves.get("words", {}).items():
        yield normal(word), float(value)


def _frame(table: Mapping[str, Any]) -> Frame:
    needs = tuple(frozenset(each.split("|")) for each in table["needs"])
    known = {key: value for key, value in table.items() if key not in ("needs",)}
    for key in ("takes", "refuses", "domains", "classes"):
        known[key] = frozenset(table.get(key, ()))
    return Frame(needs=needs, **known)
