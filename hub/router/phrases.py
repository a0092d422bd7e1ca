"""The skills' own phrases: one hassil grammar for each language, typed by the tools' schemas."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hassil import Intents, SlotList, TextSlotList, WildcardSlotList
from hassil.errors import HassilError
from hassil.intents import IntentData, RangeFractionType, RangeSlotList
from hassil.parser import ParseError

from hub.errors import SkillError
from hub.messages import ToolSpec
from hub.router.forms import Filled, Form, Forms, form
from hub.router.planned import MIDNIGHT
from hub.router.rules import FULL, Grammar, Match, Own, Timed, data_language
from hub.router.slots import SpokenNames
from hub.router.templates import Templates, give, parsed
from hub.router.words import words
from hub.skill.kinds import ANY_TIME, MOMENTS
from hub.timers import spoken

log = logging.getLogger(__name__)

HOME_LISTS = frozenset({"name", "area", "floor"})
"""Lists that every phrase may use: the names of the home."""

UNBOUNDED = (0, 1000)
"""Range of a number whose schema gives no limits."""

NAMED = {"area": "area", "entity": "name"}
"""Formats of arguments that are names of the home -> the list of these."""

TRUTH = {"en": (("on", True), ("yes", True), ("off", False), ("no", False))}


class Phrases(Grammar):
    """The templates of skills, and those of them that are filled in like forms."""

    def __init__(
        self, grammar: Grammar, forms: Forms, times: Collection[tuple[str, str]] = ()
    ) -> None:
        """`times`: tools, and those of their slots of free text that must tell a time."""
        self.__dict__.update(grammar.__dict__)
        self.forms = forms
        self._times = frozenset(times)

    def matches(self, text: str, area: str | None) -> list[Match]:
        found = [match for match in super().matches(text, area) if self._tells(match)]
        found += [_match(filled) for filled in self.forms.matches(text)]
        return sorted(found, key=lambda match: match.rank)

    def _tells(self, match: Match) -> bool:
        """Whether what must be a time is one: 'make it brighter' moves no alarm."""
        return all(
            spoken.read(str(value), self._language, MIDNIGHT) is not None
            for slot, value in match.slots.items()
            if (match.intent, slot) in self._times
        )


def _match(filled: Filled) -> Match:
    return Match(
        tier="phrase",
        intent=filled.form.key,
        slots=dict(filled.arguments),
        response="default",
        template=filled.form.phrase,
        distance=FULL,
        said="",
        here=False,
        bare=False,
        wildcards=0,
        rank=(1, 0, FULL, 0, -filled.explained, 0),
    )


def phrase_rules(
    language: str, tools: Sequence[ToolSpec], names: Mapping[str, SpokenNames]
) -> Phrases:
    """All phrases of all tools in one language, for one home.

    Phrases that cannot be used are logged and left out: `check` says what is wrong."""
    blocks: dict[str, Any] = {}
    local: dict[str, dict[str, SlotList]] = {}
    served: dict[str, ToolSpec] = {}
    forms: list[Form] = []
    for number, tool in enumerate(tools):
        usable = [p for p in _phrases(tool, language) if _usable(tool, p)]
        filled = _forms(tool, usable, language)
        forms += filled
        rest = [p for p in usable if p not in {one.phrase for one in filled}]
        sentences = [_with_articles(tool, p, language) for p in rest]
        if not sentences:
            continue
        # Several tools may bear one name (HassTurnOn of lights and of fans).
        key = f"{tool.name}#{number}"
        blocks[key] = {"data": [{"sentences": sentences}]}
        local[key] = _lists(tool, language)
        served[key] = tool
    intents = Intents.from_dict(
        {"language": data_language(language) or language, "intents": blocks}
    )
    for key, lists in local.items():
        data = intents.intents[key].data[0]
        give(data, [parsed(text) for text in data.sentence_texts])
        data.slot_lists.update(lists)
        found = {each.slot for each in _timed(served[key], data)}
        wild = {name for name, values in lists.items() if isinstance(values, WildcardSlotList)}
        data.wildcard_list_names.update(wild - found)
    own = [
        each for key, tool in served.items() for each in _own(tool, intents.intents[key].data[0])
    ]
    timed = [
        each for key, tool in served.items() for each in _timed(tool, intents.intents[key].data[0])
    ]
    grammar = Grammar(Templates(intents, names), names, "phrase", own=own, timed=timed)
    times = [
        (tool.name, name)
        for tool in served.values()
        for name, schema in tool.parameters.get("properties", {}).items()
        if schema.get("format") == ANY_TIME
    ]
    return Phrases(grammar, Forms(forms, words(language)), times)


def no_phrases(language: str) -> Phrases:
    """Phrases that no text fits."""
    return Phrases(Grammar.empty(language, "phrase"), Forms((), words(language)))


def _forms(tool: ToolSpec, phrases: Sequence[str], language: str) -> list[Form]:
    """Those of the phrases whose parts may be said in any order."""
    several = [phrase for phrase in phrases if ";" in phrase]
    lists = _lists(tool, language) if several else {}
    # What is said for it as an example is in English.
    examples = tool.examples if language.split("-")[0] == "en" else ()
    made = (
        form(tool.name, phrase, parsed(phrase), lists, language, examples) for phrase in several
    )
    return [each for each in made if each is not None]


def check(tool: ToolSpec, phrase: str) -> None:
    """Raises SkillError if a phrase is no template, or names a parameter the tool does not have."""
    where = f"{tool.name}: the phrase {phrase!r}"
    try:
        names = set(parsed(phrase).list_names())
    except (HassilError, ParseError, ValueError, AssertionError) as error:
        raise SkillError(f"{where} is not a sentence template: {error}") from error
    unknown = names - set(tool.parameters.get("properties", {})) - HOME_LISTS
    if unknown:
        raise SkillError(f"{where} names {{{min(unknown)}}}, which is no parameter of the tool")


def _usable(tool: ToolSpec, phrase: str) -> bool:
    try:
        check(tool, phrase)
    except SkillError as error:
        log.error("%s", error)
        return False
    return True


def _phrases(tool: ToolSpec, language: str) -> Sequence[str]:
    base = language.split("-")[0]
    return tool.phrases.get(language) or tool.phrases.get(base) or ()


def _with_articles(tool: ToolSpec, phrase: str, language: str) -> str:
    """Names of the home may be said with an article: 'paint {room}' is 'paint the kitchen', too."""
    articles = "|".join(sorted(words(language).articles))
    for name, schema in tool.parameters.get("properties", {}).items():
        if articles and name not in HOME_LISTS and schema.get("format") in NAMED:
            phrase = phrase.replace(f"{{{name}}}", f"[({articles})] {{{name}}}")
    return phrase


def _lists(tool: ToolSpec, language: str) -> dict[str, SlotList]:
    return {
        name: _list(name, schema, language)
        for name, schema in tool.parameters.get("properties", {}).items()
        if not _of_home(tool, name) and schema.get("format") not in NAMED
    }


def _of_home(tool: ToolSpec, name: str) -> bool:
    """Whether a parameter stands for a name of the home. The name of a timer is free text: its
    tool is for no devices, and so has no floor either."""
    own_name = name == "name" and "floor" not in tool.parameters["properties"]
    return name in HOME_LISTS and not own_name


def _own(tool: ToolSpec, data: IntentData) -> Iterator[Own]:
    """The slots for names that are not those of the whole home."""
    if tool.domains:
        yield Own(data, "name", "name", frozenset(tool.domains))
    for name, schema in tool.parameters.get("properties", {}).items():
        if name not in HOME_LISTS and (list_name := NAMED.get(schema.get("format"))):
            domains = frozenset(schema.get("domains", ()))
            yield Own(data, name, list_name, domains, frozenset(schema.get("classes", ())))


def _timed(tool: ToolSpec, data: IntentData) -> Iterator[Timed]:
    """The slots for durations, days and times: the words for one are looked for in a sentence."""
    for name, schema in tool.parameters.get("properties", {}).items():
        if schema.get("format") in MOMENTS:
            yield Timed(data, name, schema["format"])


def _list(name: str, schema: Mapping[str, Any], language: str) -> SlotList:
    """What can be said for an argument, from its JSON schema."""
    if "enum" in schema:
        if said := schema.get("said", {}).get(language.split("-")[0]):
            return TextSlotList.from_tuples(said.items(), allow_template=True, name=name)
        values = [(str(value).replace("_", " "), value) for value in schema["enum"]]
        return TextSlotList.from_tuples(values, allow_template=False, name=name)
    if schema.get("type") in ("integer", "number"):
        return RangeSlotList(
            name=name,
            start=int(schema.get("minimum", UNBOUNDED[0])),
            stop=int(schema.get("maximum", UNBOUNDED[1])),
            fraction_type=RangeFractionType.HALVES if schema["type"] == "number" else None,
        )
    if schema.get("type") == "boolean":
        said = TRUTH.get(language.split("-")[0], TRUTH["en"])
        return TextSlotList.from_tuples(said, allow_template=False, name=name)
    return WildcardSlotList(name=name)
