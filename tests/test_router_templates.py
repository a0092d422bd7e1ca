"""Leaving out what cannot fit changes nothing of what is understood."""

from __future__ import annotations

import random
import string
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hassil import Intents, Sentence, SlotList, TextSlotList
from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    TextChunk,
)
from hassil.intents import RangeSlotList, TextSlotValue
from hassil.trie import TrieNode

from hub.evaluate.bench_router import commands
from hub.evaluate.homes import generated, still_home
from hub.router.numbers import numbers
from hub.router.phrases import phrase_rules
from hub.router.places import Places
from hub.router.rules import Grammar, home_names, sentence_rules
from hub.router.slots import Meanings, SpokenNames, listed, meant
from hub.router.templates import Templates
from hub.router.words import words
from tests.router_home import TOOLS, tool


@pytest.mark.parametrize("language", ["en", "de"])
async def test_the_same_is_understood_with_and_without_what_is_left_out(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of sentences that the templates make, with noise, and of commands as people say them."""
    home = await still_home(generated(40))
    places, said = Places(home, TOOLS), words(language)
    names = home_names(places, said)
    grammars = [
        sentence_rules(language, places, said, names),
        phrase_rules(language, TOOLS, names),
    ]
    texts = [*(commands(home)[::12] if language == "en" else ()), *OTHERS[language]]
    texts += _made(grammars, names, random.Random(7), said.fillers, count=16)
    narrowed = [[g.matches(text, "kitchen") for g in grammars] for text in texts]
    assert sum(any(found) for found in narrowed) > len(texts) / 3
    monkeypatch.setattr(Templates, "near", lambda self, *_: [*self])
    monkeypatch.setattr(Templates, "fitting", lambda self, text, near, lists: self.whole(near))

    monkeypatch.setattr(SpokenNames, "within", lambda self, _: _all_values(self))
    for text, found in zip(texts, narrowed, strict=True):
        for grammar, matches in zip(grammars, found, strict=True):
            assert {(m.rank, str(m.slots)) for m in grammar.matches(text, "kitchen")} == {
                (m.rank, str(m.slots)) for m in matches
            }, text
    await home.close()


def _made(
    grammars: Sequence[Grammar],
    names: Mapping[str, SpokenNames],
    chance: random.Random,
    fillers: Sequence[str],
    count: int,
) -> list[str]:
    """Sentences that templates make, some with a word more or less, or in capitals."""
    found = []
    for number in range(count):
        whole = [grammar for grammar in grammars if grammar._templates]
        templates = whole[number % len(whole)]._templates
        template = chance.choice([*templates])
        lists = {
            **templates.intents.slot_lists,
            **template.block.slot_lists,
            **{
                key: TextSlotList(key, _all_values(each))
                for key, each in names.items()
                if key not in template.block.slot_lists
            },
        }
        rules = {**templates.intents.expansion_rules, **template.block.expansion_rules}
        spoken = _said(template.sentence.expression, lists, rules, chance).split()
        noise = chance.random()
        if noise < 0.2:
            spoken.insert(chance.randrange(len(spoken) + 1), chance.choice(fillers))
        elif noise < 0.3:
            spoken.pop(chance.randrange(len(spoken)))
        elif noise < 0.4:
            spoken = [word.upper() for word in spoken]
        found.append(" ".join(spoken) + chance.choice(["", ".", "?"]))
    return found


def _said(
    expression: Expression,
    lists: Mapping[str, SlotList],
    rules: Mapping[str, Sentence],
    chance: random.Random,
) -> str:
    """One of the ways in which an expression can be said."""
    if isinstance(expression, TextChunk):
        return expression.text
    if isinstance(expression, RuleReference):
        return _said(rules[expression.rule_name].expression, lists, rules, chance)
    if isinstance(expression, ListReference):
        values = lists.get(expression.list_name)
        if isinstance(values, TextSlotList):
            return _said(chance.choice(values.values).text_in, lists, rules, chance)
        if isinstance(values, RangeSlotList):
            return str(chance.randint(values.start, values.stop))
        return "pizza dough"
    assert isinstance(expression, Group)
    if isinstance(expression, Alternative):
        return _said(chance.choice(expression.items), lists, rules, chance)
    items = list(expression.items)
    if isinstance(expression, Permutation):
        chance.shuffle(items)
    return "".join(_said(item, lists, rules, chance) for item in items)


OTHERS = {
    "en": [
        "set a pizza timer for five minutes",
        "add 30 seconds to the pizza timer",
        "set the living-room lamp to 50%",
        "what's the temperature in the kitchen?",
        "play bohemian rhapsody by queen",
        "who won the election",
    ],
    "de": [
        "stell einen Pizza-Timer auf fünf Minuten",
        "mach das Licht an",
        "mach das Licht in der Kitchen aus",
        "schalte das Kitchenlicht ein",
        "setz Eier auf die Einkaufsliste",
        "wie wird das Wetter morgen",
    ],
}
"""Numbers, free text, and names in the middle of words."""


def _all_values(names: SpokenNames) -> list[TextSlotValue]:
    return [value for node in names._trie.roots.values() for value in _below(node)]


def _below(node: TrieNode) -> list[TextSlotValue]:
    found = list(node.values or [])
    return found + [value for child in (node.children or {}).values() for value in _below(child)]


def test_names_are_found_wherever_they_stand_and_however_they_are_joined() -> None:
    names = SpokenNames(
        "name",
        [
            ("Küche", "kueche", {}, {}),
            ("Living Room", "living", {}, {}),
            ("light", "light.a", {"domain": "light"}, {"distance": 2}),
            ("Light", "light.b", {"domain": "light"}, {"distance": 2}),
        ],
    )
    for text in ("mach das küchenlicht an", "in der Küche"):
        assert [v.value_out for v in names.within(text)] == [Meanings(("kueche",))]
    [value] = names.within("turn on the living-room lamp")
    assert value.value_out == Meanings(("living",))
    [value] = names.within("lights on")
    assert value.value_out == Meanings(("light.a", "light.b"))
    assert not names.within("who won the election")
    assert not listed("name", [value], {"cover"}).values


def test_a_name_of_many_meanings_is_many_matches() -> None:
    assert meant({"name": Meanings(("a", "b")), "color": "red"}) == [
        {"name": "a", "color": "red"},
        {"name": "b", "color": "red"},
    ]
    assert meant({"brightness": 40}) == [{"brightness": 40}]


@pytest.mark.parametrize(
    ("domains", "sentences"),
    [
        ([], {"what time is it"}),
        (["light"], {"what time is it", "dim {name}", "[the] {name} (on|off)"}),
        (["lock"], {"what time is it", "[the] {name} (on|off)"}),
    ],
)
def test_only_templates_whose_names_were_said_are_tried(
    domains: list[str], sentences: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    intents = Intents.from_dict(
        {
            "language": "en",
            "intents": {
                "Any": {"data": [{"sentences": ["what time is it", "[the] {name} (on|off)"]}]},
                "Dim": {
                    "data": [{"sentences": ["dim {name}"], "requires_context": {"domain": "light"}}]
                },
            },
        }
    )
    names = SpokenNames("name", [("lamp", "x", {"domain": d}, {}) for d in domains])
    within = {"name": names.within("the lamp on")}
    # All words are taken for names, so that none of them is one too many for a template.
    monkeypatch.setattr("hub.router.templates._named", lambda words, *_: [True] * len(words))
    near = Templates(intents, ["name"]).near("what time is it the lamp on dim", within)
    assert {each.sentence.text for each in near} == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("the lamp on", {"[the] {name} (on|off)", "{anything} on"}),
        ("dim the lamp", {"(dim|darken) [the] {name}"}),
        ("dim the old lamp", set()),
        ("set it to 5", {"set it to {number}"}),
        ("the garden shed on", {"{anything} on"}),
    ],
)
def test_templates_without_the_words_that_were_said_are_not_tried(
    text: str, sentences: set[str]
) -> None:
    templates = [
        "[the] {name} (on|off)",
        "(dim|darken) [the] {name}",
        "{anything} on",
        "set it to {number}",
    ]
    intents = Intents.from_dict(
        {
            "language": "en",
            "intents": {"Any": {"data": [{"sentences": templates}]}},
            "lists": {"anything": {"wildcard": True}, "number": {"range": {"from": 0, "to": 9}}},
        }
    )
    names = SpokenNames("name", [("lamp", "x", {"domain": "light"}, {})])
    templates_ = Templates(intents, ["name"])
    within = {"name": names.within(text)}
    lists = {"name": listed("name", within["name"])}
    fitting = templates_.fitting(text, templates_.near(text, within), lists)
    found = fitting.intents.values() if fitting else ()
    assert {s.text for i in found for data in i.data for s in data.sentences} == sentences


def test_a_name_that_is_free_text_is_no_name_of_the_home() -> None:
    slots = {"type": "object", "properties": {"name": {"type": "string"}}}
    timer = replace(tool("timers.start", (), ["a {name} timer"]), parameters=slots)
    names = {"name": SpokenNames("name", [("lamp", "light.lamp", {"domain": "light"}, {})])}
    [match] = phrase_rules("en", [timer], names).matches("a pizza timer", None)
    assert match.slots == {"name": "pizza"}


@pytest.mark.parametrize("text", ["Işık aç", "ışık aç", "IŞIK AÇ"])
def test_the_turkish_i_is_compared_as_hassil_does(text: str) -> None:
    intents = Intents.from_dict(
        {
            "language": "tr",
            "intents": {"On": {"data": [{"sentences": ["[(ışık|lamba)] aç"]}]}},
        }
    )
    assert [
        match.intent for match in Grammar(Templates(intents, ()), {}, "rules").matches(text, None)
    ]


def test_a_thousand_letters_without_a_blank_take_little_memory() -> None:
    intents = Intents.from_dict(
        {"language": "en", "intents": {"On": {"data": [{"sentences": ["turn on the light"]}]}}}
    )
    templates = Templates(intents, ())
    letters = "".join(random.Random(3).choices(string.ascii_lowercase, k=1000))
    tracemalloc.start()
    try:
        assert not templates.near(letters, {})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000_000


def test_numbers_are_spelt_out_before_the_first_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of them take a second on a small machine."""
    count = {"type": "integer", "minimum": 3, "maximum": 241}
    slots = {"type": "object", "properties": {"count": count}}
    counting = replace(tool("count.to", (), ["zähl bis {count}"]), parameters=slots)
    counting = replace(counting, phrases={"de": ["zähl bis {count}"]})
    grammar = phrase_rules("de", [counting], {})

    def late(language: str) -> None:
        raise AssertionError(f"{language}: numbers are spelt out in a turn")

    monkeypatch.setattr("hub.router.reach.spellout", late)
    [match] = grammar.matches("zähl bis zweihundertzwölf", None)
    assert match.slots == {"count": 212}


def test_a_number_in_words_does_not_wait_until_all_of_them_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """hassil writes a thousand numbers to find out that 'lamp' is none: half a second in German."""
    said = numbers("die Lampe auf zweihundertzwölf Prozent", "de")

    def late(*_: object, **__: object) -> None:
        raise AssertionError("hassil was asked")

    monkeypatch.setattr("hub.router.numbers.is_match", late)
    assert said == ("212",)
    assert numbers("mach bitte das Licht in der Küche aus", "de") == ()


def test_hassil_gets_only_what_may_fit_of_a_template_and_of_things_it_is_for() -> None:
    """'Set the lamp to 40' is nothing for the blinds that are called 'lamp shade', and of 'set',
    'put' and 'make' only the one that was said is of use."""
    blocks = {
        "Dim": {
            "data": [
                {
                    "sentences": ["<set> [the] {name} [to] {number} [(percent|%)]"],
                    "requires_context": {"domain": "light"},
                }
            ]
        },
        "Move": {
            "data": [
                {
                    "sentences": ["<set> [the] {name} [shade] to {number}"],
                    "requires_context": {"domain": "cover"},
                }
            ]
        },
    }
    intents = Intents.from_dict(
        {
            "language": "en",
            "intents": blocks,
            "expansion_rules": {"set": "(set|put|make|(turn|bring) up)"},
            "lists": {"number": {"range": {"from": 0, "to": 100}}},
        }
    )
    named = SpokenNames(
        "name",
        [("lamp", "a", {"domain": "light"}, {}), ("the", "b", {"domain": "cover"}, {})],
    )
    templates, text = Templates(intents, ["name"]), "set the lamp to 40"
    within = {"name": named.within(text)}
    near = templates.near(text, within)
    fitting = templates.fitting(text, near, {"name": listed("name", within["name"])})
    assert fitting is not None and list(fitting.intents) == ["Dim"]
    [sentence] = fitting.intents["Dim"].data[0].sentences
    assert sentence.text == "<set> [the] {name} [to] {number} [(percent|%)]"
    assert not {"put", "make", "bring", "percent"} & {*_literals(sentence.expression)}
    matches = Grammar(templates, {"name": named}, "rules").matches(text, None)
    assert {(m.intent, m.slots["name"], m.slots["number"]) for m in matches} == {("Dim", "a", 40)}


def _literals(expression: Expression) -> list[str]:
    if isinstance(expression, TextChunk):
        return expression.text.split()
    return [w for item in getattr(expression, "items", ()) for w in _literals(item)]
