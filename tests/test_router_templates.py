"""Leaving out what cannot fit changes nothing of what is understood."""

from __future__ import annotations

import pytest
from hassil import Intents

from hub.evaluate.bench_router import commands
from hub.evaluate.homes import generated, still_home
from hub.router.places import Places
from hub.router.rules import home_names, sentence_rules
from hub.router.slots import Meanings, SpokenNames, listed, meant
from hub.router.templates import Templates
from hub.router.words import words
from tests.router_home import TOOLS


async def test_the_same_is_understood_with_and_without_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = await still_home(generated(40))
    places = Places(home, TOOLS)
    said = words("en")
    grammar = sentence_rules("en", places, said, home_names(places, said))
    texts = commands(home)[::2]
    narrowed = [grammar.matches(text, "kitchen") for text in texts]
    assert sum(map(bool, narrowed)) > len(texts) / 3
    everything = grammar._intents
    monkeypatch.setattr(Templates, "fitting", lambda *_: everything)

    def within(self: SpokenNames, _: str) -> list[object]:
        return [value for node in self._trie.roots.values() for value in _below(node)]

    monkeypatch.setattr(SpokenNames, "within", within)
    for text, found in zip(texts[:12], narrowed, strict=False):
        assert {(m.rank, str(m.slots)) for m in grammar.matches(text, "kitchen")} == {
            (m.rank, str(m.slots)) for m in found
        }
    await home.close()


def _below(node: object) -> list[object]:
    children = getattr(node, "children", None) or {}
    found = list(getattr(node, "values", None) or [])
    return found + [value for child in children.values() for value in _below(child)]


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
    domains: list[str], sentences: set[str]
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
    fitting = Templates(intents, ["name"]).fitting({"name": names.within("the lamp on")})
    kept = {s.text for i in fitting.intents.values() for data in i.data for s in data.sentences}
    assert kept == sentences
