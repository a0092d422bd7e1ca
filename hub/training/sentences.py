"""Sentence templates of all sources in one form, to be drawn from at random.

Three sources: the shared sentences of `home-assistant-intents`, the phrases of Hearth's own skills,
and the files `data/<language>.yaml`, `data/<language>-*.yaml` and `data/_base-<language>.yaml`
beside this module, which are written for the training. The format of the last is Home Assistant's
with a few keys more; `data/_format.yaml` is an example with all of them. In short:

    intents: {HassTurnOn: {data: [{sentences: [...], slots: {...}, requires_context: {domain: ...},
              response: ..., kind: indirect, place: here}]}}
    lists, expansion_rules            as Home Assistant's
    wrappers, question_wrappers       "could you {command}"
    joins, corrections, cancellations "{first} and {second}", "{first}, no, {second}", "{first}, no"
    follow_ups                        sentences with `change: name|area`, or an `intent:`
    skills                            description, parameters, sentences, values
    held_out: true                    at a block or a skill: for validation alone

What is wrong in a file is logged with its line and left out. `python -m hub.training.sentences en`
tells it, too, and prints some sentences.
"""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from hassil import parse_sentence
from hassil.errors import HassilError
from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    TextChunk,
)
from hassil.parser import ParseError
from home_assistant_intents import get_intents

from hub.messages import ToolSpec
from hub.router.rules import data_language
from hub.router.verbs import BY_TOOL, TWINS
from hub.router.words import words as router_words
from hub.training.homes import kept

log = logging.getLogger(__name__)

Source = Literal["shared", "own", "phrase"]

DEEPEST = 12
"""Expansion rules within expansion rules."""

QUESTIONS = frozenset(
    "HassGetState HassClimateGetTemperature questions.attribute climate.setting media.volume "
    "media.playing HassGetWeather HassGetCurrentTime HassGetCurrentDate HassTimerStatus".split()
)
TIMERS = frozenset(
    "HassStartTimer HassCancelTimer HassCancelAllTimers HassIncreaseTimer HassDecreaseTimer "
    "HassPauseTimer HassUnpauseTimer HassTimerStatus".split()
)
"""Tools whose `name` is the name of a timer."""

ALIASES: Mapping[str, str] = {
    "shopping_list_item": "item",
    "todo_list_item": "item",
    "search_query": "query",
    "conversation_command": "timer_command",
    "fan_speed": "percentage",
    "volume": "volume_level",
    "color_temperature": "kelvin",
    "timer_hours": "hours",
    "timer_minutes": "minutes",
    "timer_seconds": "seconds",
    "start_hours": "hours",
    "start_minutes": "minutes",
    "start_seconds": "seconds",
    "volume_step_up": "volume_step",
}
"""Lists that are filled like another."""

NUMBERS = frozenset(
    "brightness position percentage volume_level volume_step volume_step_down percent temperature "
    "kelvin hours minutes seconds room_temperature number".split()
)
"""Lists of numbers, whose values are chosen as people choose them."""

WORDS = frozenset("item message response query timer_name timer_command zone".split())
"""Lists of words that are kept as they were said."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A slot to be filled."""

    listed: str
    slot: str


class Node:
    """A part of a template."""

    def draw(self, dice: random.Random, into: list[str | Ref]) -> None:
        raise NotImplementedError

    def refs(self) -> tuple[frozenset[str], frozenset[str]]:
        """Slots that are always there, and those that may be."""
        raise NotImplementedError


class _Text(Node):
    def __init__(self, text: str) -> None:
        self._text = text

    def draw(self, dice: random.Random, into: list[str | Ref]) -> None:
        into.append(self._text)

    def refs(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(), frozenset()


class _Slot(Node):
    def __init__(self, ref: Ref) -> None:
        self._ref = ref

    def draw(self, dice: random.Random, into: list[str | Ref]) -> None:
        into.append(self._ref)

    def refs(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset([self._ref.slot]), frozenset([self._ref.slot])


class _Series(Node):
    def __init__(self, parts: Sequence[Node], *, shuffled: bool = False) -> None:
        self._parts = list(parts)
        self._shuffled = shuffled

    def draw(self, dice: random.Random, into: list[str | Ref]) -> None:
        parts = self._parts
        if self._shuffled:
            parts = dice.sample(parts, len(parts))
        for part in parts:
            part.draw(dice, into)
            if self._shuffled:
                into.append(" ")

    def refs(self) -> tuple[frozenset[str], frozenset[str]]:
        found = [part.refs() for part in self._parts]
        none: frozenset[str] = frozenset()
        return none.union(*(m for m, _ in found)), none.union(*(m for _, m in found))


class _Choice(Node):
    def __init__(self, parts: Sequence[Node]) -> None:
        self._parts = list(parts)

    def draw(self, dice: random.Random, into: list[str | Ref]) -> None:
        self._parts[int(dice.random() * len(self._parts))].draw(dice, into)

    def refs(self) -> tuple[frozenset[str], frozenset[str]]:
        found = [part.refs() for part in self._parts]
        must = found[0][0].intersection(*(m for m, _ in found))
        return must, must.union(*(m for _, m in found))


Values = Sequence[tuple[Node, Any]]
"""Ways to say the members of a list, with what each stands for."""


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence, and the call that it is."""

    node: Node = field(repr=False)
    text: str
    tool: str
    """`none` for what is not to be acted on."""
    source: Source
    slots: Mapping[str, Any] = field(default_factory=dict)
    response: str = "default"
    domains: frozenset[str] | None = None
    """Of the thing that is named; None: what the tool serves."""
    classes: frozenset[str] | None = None
    here: bool = False
    """It is about the speaker's room."""
    whole: bool = False
    """Without a place it is about the whole house."""
    kind: str = ""
    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    lists: Mapping[str, Values] = field(default_factory=dict, repr=False)
    held_out: bool = False
    """Marked as unlike the others, to be used for validation alone."""

    @property
    def question(self) -> bool:
        return self.tool in QUESTIONS


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What may be said after a command: the same of another thing or place, or another call."""

    template: Template
    change: Literal["", "name", "area"] = ""
    domains: frozenset[str] | None = None
    """Of the thing that the earlier command was about."""
    after: frozenset[str] | None = None
    """Tools of the earlier command."""


@dataclass(frozen=True, slots=True)
class SkillSentences:
    """An invented tool with what is said for it."""

    spec: ToolSpec
    templates: tuple[Template, ...]
    held_out: bool = False


@dataclass(slots=True)
class Book:
    """All templates of a language."""

    language: str
    templates: list[Template] = field(default_factory=list)
    lists: dict[str, Values] = field(default_factory=dict)
    wrappers: list[Node] = field(default_factory=list)
    question_wrappers: list[Node] = field(default_factory=list)
    joins: list[Node] = field(default_factory=list)
    corrections: list[Node] = field(default_factory=list)
    cancellations: list[Node] = field(default_factory=list)
    follow_ups: list[FollowUp] = field(default_factory=list)
    skills: list[SkillSentences] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def values(self, template: Template, ref: Ref) -> Values | None:
        """The members of a slot's list; None for numbers and names."""
        name = ALIASES.get(ref.listed, ref.listed)
        own = template.lists.get(ref.listed) or template.lists.get(name)
        return own or self.lists.get(ref.listed) or self.lists.get(name)


@cache
def book(language: str, specs: tuple[ToolSpec, ...] | None = None) -> Book:
    """Everything that can be said in a language. `specs`: tools with phrases, of the skills."""
    found = Book(language)
    _Shared(found).load()
    for path in _own_files(language):
        _Own(found, path).load()
    return found


def _own_files(language: str) -> list[Path]:
    folder = Path(str(files("hub.training").joinpath("data")))
    patterns = (f"_base-{language}.yaml", f"{language}.yaml", f"{language}-*.yaml")
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


# --- compiling -----------------------------------------------------------------------------------


class _Compiler:
    """Templates of one source, with its expansion rules."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = dict(rules)
        self._compiled: dict[str, Node] = {}

    def sentence(self, text: str, depth: int = 0) -> Node:
        """Raises ValueError for what is no template."""
        try:
            parsed = parse_sentence(text)
        except (HassilError, ParseError, AssertionError, IndexError) as error:
            raise ValueError(f"is no sentence template: {error}") from error
        return self._node(parsed.expression, depth)

    def _node(self, expression: Expression, depth: int) -> Node:
        if depth > DEEPEST:
            raise ValueError("has expansion rules that refer to each other")
        if isinstance(expression, TextChunk):
            return _Text(expression.original_text)
        if isinstance(expression, ListReference):
            if expression.is_inline_range:
                return _Slot(Ref("number", expression.slot_name))
            return _Slot(Ref(expression.list_name, expression.slot_name))
        if isinstance(expression, RuleReference):
            return self._rule(expression.rule_name, depth)
        assert isinstance(expression, Group)
        parts = [self._node(item, depth) for item in expression.items]
        if isinstance(expression, Alternative):
            return _Choice(parts)
        return _Series(parts, shuffled=isinstance(expression, Permutation))

    def _rule(self, name: str, depth: int) -> Node:
        if name not in self._compiled:
            if name not in self._rules:
                raise ValueError(f"refers to the rule <{name}>, which there is not")
            self._compiled[name] = self.sentence(self._rules[name], depth + 1)
        return self._compiled[name]


def _frozen(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        value = value.get("value")
    return frozenset([value] if isinstance(value, str) else [str(each) for each in value or ()])


class _Loader:
    """What the sources have in common."""

    source: Source

    def __init__(self, found: Book) -> None:
        self.book = found
        self.compiler = _Compiler({})

    def wrong(self, what: str) -> None:
        self.book.problems.append(what)
        log.warning("%s", what)

    def add_lists(self, given: Mapping[str, Any], where: str) -> dict[str, Values]:
        found: dict[str, Values] = {}
        for name, content in given.items():
            values = content.get("values") if isinstance(content, Mapping) else content
            if values is None:
                continue  # numbers, or words from elsewhere
            members: list[tuple[Node, Any]] = []
            for value in values:
                said = value.get("in") if isinstance(value, Mapping) else value
                out = value.get("out", said) if isinstance(value, Mapping) else None
                try:
                    members.append((self.compiler.sentence(str(said)), out))
                except ValueError as error:
                    self.wrong(f"{where}: '{said}' of the list {name} {error}")
            found[name] = members
        return found

    def block(self, tool: str, block: Mapping[str, Any], where: str) -> Iterator[Template]:
        """The templates of one block of an intent."""
        context = block.get("requires_context") or {}
        slots = dict(block.get("slots") or {})
        near = context.get("area")
        here = block.get("place") == "here" or (isinstance(near, Mapping) and "slot" in near)
        try:
            lists = self.add_lists(block.get("lists") or {}, where)
        except AttributeError:
            self.wrong(f"{where}: `lists` must map names to values")
            lists = {}
        for text in block.get("sentences") or ():
            try:
                node = self.compiler.sentence(str(text))
            except ValueError as error:
                self.wrong(f"{self.line(where, str(text))}: '{text}' {error}")
                continue
            must, may = node.refs()
            yield Template(
                node,
                str(text),
                tool,
                self.source,
                slots,
                str(block.get("response", "default")),
                _frozen(context.get("domain")),
                _frozen(context.get("device_class")),
                here,
                self.whole(tool, block, here),
                str(block.get("kind", "")),
                must,
                may,
                lists,
                bool(block.get("held_out")),
            )

    def whole(self, tool: str, block: Mapping[str, Any], here: bool) -> bool:
        """Whether a sentence without a place is about the whole house."""
        slots = block.get("slots") or {}
        return not here and (slots.get("name") == "all" or tool in QUESTIONS)

    def line(self, where: str, text: str) -> str:
        return where


class _Shared(_Loader):
    """Home Assistant's sentences, with those that the router adds to them."""

    source: Source = "shared"

    def load(self) -> None:
        language = self.book.language
        code = data_language(language)
        loaded = (get_intents(code) if code else None) or {}
        more = router_words(language)
        rules = {**(loaded.get("expansion_rules") or {}), "scale": "celsius"}
        self.compiler = _Compiler(rules)
        self.book.lists.update(self._words())
        self.book.lists.update(self.add_lists(loaded.get("lists") or {}, f"{language}.json"))
        self._intents(loaded.get("intents") or {}, f"{language}.json")
        own_rules = more.sentences.get("expansion_rules") or {}
        self.compiler = _Compiler({**rules, **more.rules, **own_rules})
        self.book.lists |= self.add_lists(more.sentences.get("lists") or {}, "own lists")
        self._intents(more.sentences.get("intents") or {}, f"{language}.sentences.yaml")

    def _words(self) -> dict[str, Values]:
        text = files("hub.training").joinpath("data", "_words.yaml").read_text(encoding="utf-8")
        given = yaml.safe_load(text).get(self.book.language) or {}
        plain = _Compiler({})
        return {
            name: [
                (_Text(str(value)) if _literal(value) else plain.sentence(value), None)
                for value in values
            ]
            for name, values in given.items()
        }

    def _intents(self, intents: Mapping[str, Any], where: str) -> None:
        for tool, content in intents.items():
            if tool not in BY_TOOL:
                continue
            for block in content["data"]:
                self.book.templates += self.block(tool, block, where)

    def whole(self, tool: str, block: Mapping[str, Any], here: bool) -> bool:
        return not here


def _literal(value: Any) -> bool:
    return not set("[](){}<>|") & set(str(value))


class _Own(_Loader):
    """A file of this package."""

    source: Source = "own"

    def __init__(self, found: Book, path: Path) -> None:
        super().__init__(found)
        self._path = path
        self._text = path.read_text(encoding="utf-8")

    def load(self) -> None:
        try:
            loaded = yaml.safe_load(self._text) or {}
        except yaml.YAMLError as error:
            self.wrong(f"{self._path.name}: {error}")
            return
        shared = get_intents(data_language(self.book.language) or "en") or {}
        rules = {**(shared.get("expansion_rules") or {}), **(loaded.get("expansion_rules") or {})}
        self.compiler = _Compiler({name: str(rule) for name, rule in rules.items()})
        name = self._path.name
        for listed, values in self.add_lists(loaded.get("lists") or {}, name).items():
            before = self.book.lists.get(listed) or ()
            extended = listed in WORDS and before
            self.book.lists[listed] = [*before, *values] if extended else values
        for tool, content in (loaded.get("intents") or {}).items():
            self._intent(tool, content)
        for key in ("wrappers", "question_wrappers", "joins", "corrections", "cancellations"):
            needed = ("first", "second") if key in ("joins", "corrections") else ("first",)
            needed = ("command",) if "wrappers" in key else needed
            getattr(self.book, key).extend(self._frames(key, loaded.get(key) or (), needed))
        for entry in loaded.get("follow_ups") or ():
            self.book.follow_ups += self._follow_ups(entry)
        for entry in loaded.get("skills") or ():
            self._skill(entry)

    def line(self, where: str, text: str) -> str:
        for number, line in enumerate(self._text.splitlines(), 1):
            if text and text in line:
                return f"{self._path.name}:{number}"
        return where

    def _intent(self, tool: str, content: Any) -> None:
        where = f"{self._path.name}: intents.{tool}"
        if tool != "none" and tool not in BY_TOOL and tool not in TWINS:
            self.wrong(f"{self.line(where, f'{tool}:')}: {tool} is no tool of hub/router/verbs.py")
            return
        data = content.get("data") if isinstance(content, Mapping) else None
        if not isinstance(data, list):
            self.wrong(f"{where}: there must be `data:` with a list of blocks")
            return
        for block in data:
            if not isinstance(block, Mapping) or not isinstance(block.get("sentences"), list):
                self.wrong(f"{where}: a block must have `sentences:` with a list")
                continue
            for template in self.block(tool, block, where):
                if problem := self._unknown(template):
                    self.wrong(f"{self.line(where, template.text)}: '{template.text}' {problem}")
                else:
                    self.book.templates.append(template)

    def _unknown(self, template: Template) -> str:
        """What of a template cannot be filled."""
        for ref in _all_refs(template.node):
            known = ref.listed in ("name", "area", "floor") or self.book.values(template, ref)
            if not known and ALIASES.get(ref.listed, ref.listed) not in NUMBERS:
                return f"has the slot {{{ref.listed}}}, for which there is no list"
        return ""

    def _frames(self, key: str, texts: Iterable[Any], needed: Sequence[str]) -> Iterator[Node]:
        for text in texts:
            try:
                node = self.compiler.sentence(str(text))
            except ValueError as error:
                self.wrong(f"{self.line(self._path.name, str(text))}: '{text}' {error}")
                continue
            if not set(needed) <= node.refs()[0]:
                self.wrong(
                    f"{self.line(self._path.name, str(text))}: '{text}' of {key} lacks "
                    + " or ".join(f"{{{slot}}}" for slot in needed)
                )
                continue
            yield node

    def _follow_ups(self, entry: Mapping[str, Any]) -> Iterator[FollowUp]:
        where = f"{self._path.name}: follow_ups"
        change = entry.get("change", "")
        tool = entry.get("intent", "")
        if change not in ("", "name", "area") or (not change and not tool):
            self.wrong(f"{where}: {entry.get('sentences')} needs `change: name|area` or `intent:`")
            return
        if tool and tool != "none" and tool not in BY_TOOL and tool not in TWINS:
            self.wrong(f"{where}: {tool} is no tool of hub/router/verbs.py")
            return
        for template in self.block(tool, entry, where):
            if problem := self._unknown(template):
                self.wrong(f"{self.line(where, template.text)}: '{template.text}' {problem}")
                continue
            yield FollowUp(
                template, change, _frozen(entry.get("domains")), _frozen(entry.get("after"))
            )

    def _skill(self, entry: Mapping[str, Any]) -> None:
        where = self.line(self._path.name, str(entry.get("description", "")))
        try:
            spec = _spec(entry)
        except (KeyError, TypeError, AttributeError) as error:
            self.wrong(f"{where}: skills: {error!r} in {entry}")
            return
        lists = self.add_lists(entry.get("values") or {}, where)
        found: list[Template] = []
        for text in entry.get("sentences") or ():
            try:
                node = self.compiler.sentence(str(text))
            except ValueError as error:
                self.wrong(f"{self.line(where, str(text))}: '{text}' {error}")
                continue
            template = Template(
                node,
                str(text),
                spec.name,
                "own",
                must=node.refs()[0],
                may=node.refs()[1],
                lists=lists,
            )
            if problem := self._unfit(template, spec):
                self.wrong(f"{self.line(where, str(text))}: '{text}' {problem}")
                continue
            found.append(template)
        if found:
            marked = bool(entry.get("held_out"))
            self.book.skills.append(SkillSentences(spec, tuple(found), marked))

    def _unfit(self, template: Template, spec: ToolSpec) -> str:
        properties = spec.parameters["properties"]
        for ref in _all_refs(template.node):
            schema = properties.get(ref.slot)
            if ref.listed in ("area", "name", "floor"):
                continue
            if schema is None:
                return f"has the slot {{{ref.slot}}}, which is no parameter"
            fills = "enum" in schema or schema.get("type") in ("integer", "number", "boolean")
            if not fills and not self.book.values(template, ref):
                return f"has the slot {{{ref.listed}}}, for which there are no `values:`"
        return ""


def _spec(entry: Mapping[str, Any]) -> ToolSpec:
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, given in (entry.get("parameters") or {}).items():
        schema = dict(given)
        if not schema.pop("optional", False):
            required.append(name)
        properties[name] = schema
    description = str(entry["description"])
    name = "skill." + description.lower().replace(" ", "_")
    domains = tuple(_frozen(entry.get("domains")) or ())
    schema = {"type": "object", "properties": properties, "required": required}
    return ToolSpec(name, description, schema, "training", domains)


def _all_refs(node: Node) -> list[Ref]:
    if isinstance(node, _Slot):
        return [node._ref]
    parts: Sequence[Node] = getattr(node, "_parts", ())
    return [ref for part in parts for ref in _all_refs(part)]


def phrases(found: Book, specs: Iterable[ToolSpec]) -> None:
    """Add the phrases of skills to a book, but for those that hold only in some talk: "pause it"
    says nothing of a timer unless one was spoken of."""
    loader = _Phrases(found)
    for spec in specs:
        if not spec.about:
            loader.add(spec)


class _Phrases(_Loader):
    source: Source = "phrase"

    def add(self, spec: ToolSpec) -> None:
        language = self.book.language
        if spec.name not in BY_TOOL and spec.name not in TWINS:
            return
        lists: dict[str, Values] = {}
        for name, schema in spec.parameters.get("properties", {}).items():
            told = schema.get("said", {}).get(language)
            if told:
                lists[name] = [
                    (self.compiler.sentence(text), value) for text, value in told.items()
                ]
        for text in spec.phrases.get(language, ()):
            node = self.compiler.sentence(text)
            must, may = node.refs()
            slots = {}
            if spec.name == "questions.attribute" and not {"attribute", "how"} & must:
                # The skill finds out by itself; the model should say what was asked.
                if "temperature" in text or "Grad" in text:
                    slots["attribute"] = "temperature"
                elif "far" in text:
                    slots["attribute"] = "position"
            self.book.templates.append(
                Template(
                    node,
                    text,
                    spec.name,
                    "phrase",
                    slots,
                    domains=frozenset(spec.domains) or None,
                    must=must,
                    may=may,
                    lists=lists,
                    here=True,
                )
            )


def in_part(text: str, marked: bool, held_out: bool) -> bool:
    """Whether a sentence or a skill is for this stream; `marked`: as held out, in its file."""
    return held_out if marked else kept(text, held_out)


def main(arguments: Sequence[str]) -> None:
    """Print what is wrong in the files of a language, and some sentences."""
    dice = random.Random(1)
    for language in arguments or ("en",):
        found = book(language)
        own = [template for template in found.templates if template.source == "own"]
        print(f"{language}: {len(found.templates)} templates, {len(own)} of them our own,")
        print(f"{len(found.skills)} skills, {len(found.follow_ups)} follow-ups")
        for problem in found.problems:
            print(f"  {problem}")
        for template in dice.sample(own, min(20, len(own))):
            drawn: list[str | Ref] = []
            template.node.draw(dice, drawn)
            text = "".join(part if isinstance(part, str) else f"{{{part.slot}}}" for part in drawn)
            print(f"  {template.tool}: {' '.join(text.split())}")


if __name__ == "__main__":
    main(sys.argv[1:])
