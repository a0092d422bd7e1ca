"""Small closed sets of words of a language, kept in `data/<language>.toml`.

These are the words around a command (politeness, pronouns, words a sentence cannot end with), not
the commands themselves, which come from the shared sentences. A language without a file works,
without these comforts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from hub.home.model import normal

PATTERNS = ("recast", "plain")
"""Tables of a language's file that are not lists of phrases."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language. All phrases are in the normal form of names."""

    language: str
    wake: tuple[str, ...] = ()
    """Wake phrases that may be left at the beginning."""
    before: tuple[str, ...] = ()
    """Politeness in front of a command: 'could you'."""
    after: tuple[str, ...] = ()
    """Politeness behind it: 'thank you'."""
    fillers: tuple[str, ...] = ()
    """Words that change nothing wherever they stand: 'just', 'now'."""
    hesitations: tuple[str, ...] = ()
    """What people say while they think, or to be soft: 'uh', 'sort of'. Taken out only where a
    sentence is not understood with it."""
    joining: frozenset[str] = frozenset()
    """Small words between the parts of a form: 'a', 'with', 'and'."""
    all: tuple[str, ...] = ()
    """Words that mean the whole house where no room is named: 'all'."""
    fully: tuple[str, ...] = ()
    """Phrases with one of those words that do not: 'all the way (up)'."""
    here: frozenset[str] = frozenset()
    """Words that keep even 'all' in the room the person is in."""
    owning: frozenset[str] = frozenset()
    """What stands for somebody whose thing is meant: 'her (lamp)'."""
    inside: tuple[str, ...] = ()
    """What stands in front of a room: 'in the'."""
    articles: frozenset[str] = frozenset()
    """What stands in front of a thing: 'the'."""
    adding: tuple[str, ...] = ()
    """How a sentence begins that adds to the one before: 'and', 'what about'."""
    too: tuple[str, ...] = ()
    """What makes a thing one more of the last command: '(the bedroom) too'."""
    later: tuple[str, ...] = ()
    """What puts a command off, or makes it depend on something: 'when', 'at sunset'."""
    later_numbers: frozenset[str] = frozenset()
    """What does so in front of a number: 'in (ten minutes)', 'at (7)'."""
    partly: tuple[str, ...] = ()
    """What asks for a part of what a command does: 'slightly'."""
    telling: tuple[str, ...] = ()
    """How a clause begins that only tells how things are: 'I'm (going to bed)'."""
    someone: tuple[str, ...] = ()
    """How a statement begins: 'the (dog)', 'somebody'."""
    being: frozenset[str] = frozenset()
    """What such a statement has, and a command has not: 'is', 'has'."""
    denying: frozenset[str] = frozenset()
    """Negations that such a statement may have."""
    greetings: tuple[str, ...] = ()
    """What may be said beside a command: 'good night'."""
    plural_ending: str = ""
    """What makes several of 'Sconce 1' and 'Sconce 2': 'sconces'."""
    both: frozenset[str] = frozenset()
    """Words that are true of two things only: 'both'."""
    nots: tuple[str, ...] = ()
    """What forbids the rest of a command: 'don't'."""
    corrections: Mapping[str, str] = field(default_factory=dict)
    """Beginnings that are often written wrongly -> the right ones."""
    half: str | None = None
    """What makes a number a half more: 'and a half'."""
    durations: frozenset[str] = frozenset()
    """Units of time: 'hours'."""
    fractions: Mapping[str, int] = field(default_factory=dict)
    """Parts of a whole in words -> per cent: 'a third'."""
    to_fraction: tuple[str, ...] = ()
    """What stands before such a part: '(dim it) to (a third)'."""
    of_fraction: tuple[str, ...] = ()
    """What may stand behind it: 'of the brightness'."""
    hundred: str | None = None
    """How a number above a hundred is said: 'a hundred and (fifty)'."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Sentences for what is not done: `what`, `unable` and `unknown` (with `{name}`),
    `later`, `partly`, `then`, `nothing`, `which`, `percent`."""
    recast: tuple[tuple[str, str], ...] = ()
    """Patterns of other ways to say a command (regular expressions for a whole text), and the form
    that the templates know. What a group `aside` matches is left out."""
    excepting: tuple[str, ...] = ()
    """What stands before what is left out: 'except'."""
    leaving: tuple[str, ...] = ()
    """What may stand behind it: '(but leave the lamp) on'."""
    ones: tuple[str, ...] = ()
    """What stands for the kind of thing that was spoken of: 'the one (in the hall)'."""
    lamps: frozenset[str] = frozenset()
    """Words for one light that is called so: 'lamp'."""
    any_one: frozenset[str] = frozenset()
    """With them a kind of thing in the singular is none in particular: 'any (fan)', 'fan speed'."""
    one_light: frozenset[str] = frozenset()
    """Words for one light, where the language tells it from all light of a room: 'light'."""
    main: frozenset[str] = frozenset()
    """What makes a thing the main one of its room: 'ceiling (light)'."""
    linking: frozenset[str] = frozenset()
    """What stands between a thing and where it goes: '(milk) on (the list)'."""
    spared: tuple[str, ...] = ()
    """What may be meant by what follows 'except', with `{x}` for it: 'the lights {x}'."""
    there: tuple[str, ...] = ()
    """How the room that was spoken of last is said behind a command: 'in there'."""
    more: tuple[str, ...] = ()
    """What asks for the last step once more: 'a bit more'."""
    repeating: tuple[str, ...] = ()
    """What asks for the last command once more: 'try again'."""
    preferring: tuple[str, ...] = ()
    """What makes a word a better one than that of before: '(blue) is nicer'."""
    music: frozenset[str] = frozenset()
    """Words for what is only heard: 'song'."""
    film: frozenset[str] = frozenset()
    """Words for what is seen, too: 'movie'."""
    many: frozenset[str] = frozenset()
    """Words for lights that mean several: 'lights'. Where no room is known, all of them."""
    in_here: tuple[str, ...] = ()
    """How the person's room is said behind a command: 'in here'."""
    hesitating: frozenset[str] = frozenset()
    """What is said before one knows what to say: 'um'."""
    tales: tuple[str, ...] = ()
    """How a sentence begins that only tells of something: 'did you know'."""
    own_doing: tuple[str, ...] = ()
    """How one ends: '(I will close them) myself'."""
    past: tuple[str, ...] = ()
    """The same, where it begins with one of the `subjects`: '(the gate was open) yesterday'."""
    subjects: tuple[str, ...] = ()
    """Who or what somebody tells of, at the beginning: 'we', 'the'."""
    no_text: tuple[str, ...] = ()
    no_music: frozenset[str] = frozenset()
    """What is played, and is no music: 'a game'."""
    """How no free text begins that stands in front: '(soll ich) Milch auf die Liste setzen'."""
    none: frozenset[str] = frozenset()
    """Words for none of something: '(setz) keine (Milch auf die Liste)'."""
    dangling: frozenset[str] = frozenset()
    """Words that no command ends with: 'the', 'and'."""
    openers: frozenset[str] = frozenset()
    """Beginnings that are no command alone: 'turn on'."""
    singular: tuple[str, ...] = ()
    """Pronouns for one thing: 'it'."""
    plural: tuple[str, ...] = ()
    """Pronouns for several: 'them'."""
    pointing: tuple[str, ...] = ()
    """Articles that stand for a thing where none follows: 'die (aus)'."""
    of_several: Mapping[str, str] = field(default_factory=dict)
    """How a question about several things begins, and how one about one of them: 'are', 'is'."""
    people: frozenset[str] = frozenset()
    """Words for people: what asks for them is not answered by the state of a door."""
    negations: frozenset[str] = frozenset()
    """Words that turn a command round or put it off: 'not', 'if'. Only rules may explain them."""
    overlooked: tuple[str, ...] = ()
    """Words that a model overlooks, and that change what is meant: 'upstairs', 'leave (it on)'.
    Only rules may explain them."""
    unmistakable: frozenset[str] = frozenset()
    """Words for things that a home may have, and no misspelt others: 'sauna'."""
    repairs: tuple[str, ...] = ()
    """What takes back the command before it: 'no wait', 'I mean'."""
    retracting: frozenset[str] = frozenset()
    """Of those, what takes back even words that are no command."""
    conjunctions: tuple[str, ...] = ()
    """What stands between two commands: 'and then'."""
    attached: bool = False
    """They are written together with the word behind them."""
    unspaced: bool = False
    """There are no blanks between words."""
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Domain, or `domain.device_class` -> words for one such thing: 'thermostat'."""
    sensing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Device class of sensors -> how their names end, which says what they are for."""
    plain: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Domain, or `any` -> the plainest commands, with slots `{x}`, `{n}`, `{color}`; in brackets
    what may be left out. What lets somebody in is none of them."""
    same: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The name of a room -> what it is called, too, if no other room is: 'master bedroom'."""
    rooms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """A kind of room -> the words that people use for it alike: 'lounge', 'sitting room'."""
    generic: frozenset[str] = frozenset()
    """Words at the end of a room's name that are no name for it: 'room'."""
    sentences: Mapping[str, Any] = field(default_factory=dict)
    """More sentences in hassil's form, from `<language>.sentences.yaml`."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Expansion rules that take the place of the shared sentences' own: more words for 'turn'."""
    actions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Direction (`on`, `off`, `open`, `close`, `lock`, `unlock`) -> words that ask for it."""
    acting: frozenset[str] = field(init=False)
    """All of them: 'on', 'off', 'open'."""
    questions: Mapping[str, str] = field(default_factory=dict)
    """`which` and `room`: questions to ask back; `or` between the last two choices."""

    spelled: Mapping[str, str] = field(default_factory=dict)
    """Phrases of the lists above -> with accents and umlauts, as sentences have them."""

    def __post_init__(self) -> None:
        acting = frozenset(word for said in self.actions.values() for word in said)
        object.__setattr__(self, "acting", acting)

    def kinds_of(self, domain: str, device_class: str | None, name: str) -> tuple[str, ...]:
        """Words for one thing of a kind: those of its class, or of the class its name tells
        ('TV'), or of its domain."""
        if own := self.kinds.get(f"{domain}.{device_class}"):
            return own
        said = f" {normal(name)} "
        for kind, told in self.kinds.items():
            if kind.startswith(f"{domain}.") and any(f" {word} " in said for word in told):
                return told
        return self.kinds.get(domain, ())


@cache
def words(language: str) -> Words:
    """The words of a language, or of its base language (`de` for `de-AT`)."""
    for name in dict.fromkeys((language, language.split("-")[0])):
        file = files("hub.router").joinpath("data", f"{name}.toml")
        if file.is_file():
            known = _read(name, tomllib.loads(file.read_text(encoding="utf-8")))
            more = files("hub.router").joinpath("data", f"{name}.sentences.yaml")
            sentences = yaml.safe_load(more.read_text(encoding="utf-8")) if more.is_file() else {}
            return replace(known, sentences=sentences)
    return Words(language, **_between(language))


def _between(language: str) -> dict[str, Any]:
    """What stands between two commands in a language of which no other words are known."""
    file = files("hub.router").joinpath("data", "conjunctions.toml")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    base = language.split("-")[0]
    said = table["between"].get(language) or table["between"].get(base) or ()
    return {
        "conjunctions": _phrases(said),
        "attached": base in table["written"]["before"],
        "unspaced": base in table["written"]["within"],
    }


def _read(language: str, table: Mapping[str, object]) -> Words:
    def phrases(key: str) -> tuple[str, ...]:
        return _phrases(table.get(key, ()))

    def groups(key: str) -> dict[str, tuple[str, ...]]:
        found = table.get(key, {})
        assert isinstance(found, Mapping)
        return {name: _phrases(value) for name, value in found.items()}

    def texts(key: str) -> dict[str, str]:
        found = table.get(key, {})
        assert isinstance(found, Mapping)
        return {str(name): str(text) for name, text in found.items()}

    return Words(
        language,
        wake=phrases("wake"),
        before=phrases("before"),
        after=phrases("after"),
        fillers=phrases("fillers"),
        hesitations=phrases("hesitations"),
        generic=frozenset(groups("generic").get("places", ())),
        joining=frozenset(phrases("joining")),
        hesitating=frozenset(phrases("hesitating")),
        dangling=frozenset(phrases("dangling")),
        openers=frozenset(phrases("openers")),
        singular=phrases("singular"),
        plural=phrases("plural"),
        pointing=phrases("pointing"),
        of_several={normal(key): text for key, text in texts("of_several").items()},
        people=frozenset(phrases("people")),
        negations=frozenset(phrases("negations")),
        overlooked=phrases("overlooked"),
        unmistakable=frozenset(phrases("unmistakable")),
        all=phrases("all"),
        fully=phrases("fully"),
        here=frozenset(phrases("here")),
        inside=phrases("inside"),
        articles=frozenset(phrases("articles")),
        adding=phrases("adding"),
        too=phrases("too"),
        later=phrases("later"),
        later_numbers=frozenset(phrases("later_numbers")),
        partly=phrases("partly"),
        telling=phrases("telling"),
        someone=phrases("someone"),
        being=frozenset(phrases("being")),
        denying=frozenset(phrases("denying")),
        greetings=phrases("greetings"),
        owning=frozenset(phrases("owning")),
        both=frozenset(phrases("both")),
        nots=phrases("nots"),
        corrections={normal(key): text for key, text in texts("corrections").items()},
        recast=tuple((str(each["from"]), str(each["to"])) for each in _tables(table, "recast")),
        excepting=phrases("excepting"),
        leaving=phrases("leaving"),
        ones=phrases("ones"),
        lamps=frozenset(phrases("lamps")),
        any_one=frozenset(phrases("any_one")),
        one_light=frozenset(phrases("one_light")),
        main=frozenset(phrases("main")),
        linking=frozenset(phrases("linking")),
        spared=_forms(table.get("spared", ())),
        there=phrases("there"),
        more=phrases("more"),
        repeating=phrases("repeating"),
        preferring=phrases("preferring"),
        music=frozenset(phrases("music")),
        film=frozenset(phrases("film")),
        many=frozenset(phrases("many")),
        in_here=phrases("in_here"),
        half=texts("numbers").get("half"),
        plural_ending=texts("numbers").get("plural", ""),
        hundred=texts("numbers").get("hundred"),
        durations=frozenset(phrases("durations")),
        fractions={text: int(value) for text, value in texts("fractions").items()},
        to_fraction=phrases("to_fraction"),
        of_fraction=phrases("of_fraction"),
        refusals=texts("refusals"),
        tales=phrases("tales"),
        own_doing=phrases("own_doing"),
        past=phrases("past"),
        subjects=phrases("subjects"),
        no_text=phrases("no_text"),
        no_music=frozenset(phrases("no_music")),
        none=frozenset(phrases("none")),
        retracting=frozenset(phrases("retracting")),
        conjunctions=phrases("conjunctions"),
        repairs=phrases("repairs"),
        kinds=groups("kinds"),
        sensing=groups("sensing"),
        plain={name: _forms(value) for name, value in _table(table, "plain").items()},
        same=groups("same"),
        rooms=groups("rooms"),
        actions=groups("actions"),
        rules=texts("rules"),
        questions=texts("questions"),
        spelled=dict(_spelled({key: each for key, each in table.items() if key not in PATTERNS})),
    )


def _forms(value: object) -> tuple[str, ...]:
    """Texts as they are written."""
    assert isinstance(value, Sequence)
    return tuple(str(each) for each in value)


def _tables(table: Mapping[str, object], key: str) -> Sequence[Mapping[str, object]]:
    found = table.get(key, ())
    assert isinstance(found, Sequence)
    return found


def _table(table: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = table.get(key, {})
    assert isinstance(found, Mapping)
    return found


def _spelled(value: object) -> Iterator[tuple[str, str]]:
    """Every phrase whose normal form is another one."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _spelled(each)
    elif isinstance(value, list):
        for phrase in map(str, value):
            if normal(phrase) != phrase.casefold():
                yield normal(phrase), phrase.casefold()


def _phrases(value: object) -> tuple[str, ...]:
    """Phrases in normal form, the longest first, so that the longest is found first."""
    assert isinstance(value, Sequence)
    return tuple(sorted({normal(str(item)) for item in value}, key=lambda p: (-len(p), p)))
