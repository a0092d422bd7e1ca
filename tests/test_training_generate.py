"""The training data: what is taught can be said at run time, and means what it says."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import pytest

from hub.messages import Call
from hub.training.answers import allows, canonical
from hub.training.chosen import domains_there, index, tools
from hub.training.generate import Maker, samples
from hub.training.grammar import agree, gender
from hub.training.homes import Builder, kept
from hub.training.noise import Piece, distort
from hub.training.samples import Item, Sample
from hub.training.sentences import Book, _Own, book

pytestmark = pytest.mark.slow

pytest.importorskip("unicode_rbnf")


def some(count: int, seed: int = 1, *, held_out: bool = False) -> list[Sample]:
    return list(itertools.islice(samples(seed, held_out=held_out), count))


@pytest.fixture(scope="module")
def taught() -> list[Sample]:
    return some(60)


def items(taught: list[Sample]) -> list[Item]:
    return [item for sample in taught for item in sample.items]


def test_the_same_seed_gives_the_same_data(taught: list[Sample]) -> None:
    assert some(5) == taught[:5]
    assert some(5, seed=2) != taught[:5]


def test_a_sample_is_one_home_with_several_different_items(taught: list[Sample]) -> None:
    for sample in taught:
        assert 8 <= len(sample.items) <= 24
        assert len({item.prompt for item in sample.items}) == len(sample.items)
        assert sample.home.endswith("\n")
        for item in sample.items:
            assert item.prompt.endswith("=>") and item.prompt.startswith("[")


def test_every_answer_is_about_what_is_listed(taught: list[Sample]) -> None:
    for sample in taught:
        ids = set(re.findall(r"\b([A-Z])\b(?=[:,\n])", sample.home))
        for item in sample.items:
            verb, _, rest = item.answer.partition(" ")
            if re.fullmatch("[A-Z]", rest.split(" ")[0]) and verb not in ("shop", "later"):
                assert rest.split(" ")[0].rstrip(";") in ids, (sample.home, item)


def test_what_is_taught_may_be_answered_at_run_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words of the whole sentence and all the tools, as the tuned tier asks for it."""
    import random

    from hub.router.codec import read, write
    from hub.router.options import options
    from hub.training import generate, speaker

    checked: list[str] = []

    def also_in_full(self, answer, calls, pieces, text):  # type: ignore[no-untyped-def]
        if not quick(self, answer, calls, pieces, text):
            return False
        listing = self._scene.listing
        allowed = options(
            listing, text, self._language, (*tools(), *self._scene.tools), domains_there()
        )
        assert allows(allowed, f" {answer}\n"), (text, answer)
        told = read(answer, listing)
        assert told is not None and write(told, listing) == answer
        checked.append(answer)
        return True

    quick = speaker.Speaker._allowed
    monkeypatch.setattr(speaker.Speaker, "_allowed", also_in_full)
    monkeypatch.setattr(generate, "LANGUAGES", {"en": 1, "de": 1})
    maker = Maker(random.Random(7), held_out=False)
    while len(checked) < 150:
        maker.sample()


def test_all_kinds_and_verbs_are_taught() -> None:
    many = items(some(260, seed=3))
    kinds = Counter(item.kind for item in many)
    assert {
        "device",
        "area",
        "query",
        "multi",
        "follow-up",
        "none",
        "timer",
        "list",
    } <= kinds.keys()
    assert 0.1 < (kinds["none"] + kinds["half"]) / len(many) < 0.3
    verbs = {item.answer.split()[0] for item in many}
    assert {
        "on",
        "off",
        "open",
        "close",
        "lock",
        "unlock",
        "dim",
        "color",
        "temp",
        "is",
        "get",
    } <= verbs
    assert 0.35 < Counter(item.language for item in many)["en"] / len(many) < 0.65


def test_validation_shares_no_names_and_no_sentences_with_training() -> None:
    for language in ("en", "de"):
        ours = {
            t.text
            for by in index(language, False).by_shape.values()
            for ts in by.values()
            for t in ts
        }
        theirs = {
            t.text
            for by in index(language, True).by_shape.values()
            for ts in by.values()
            for t in ts
        }
        shared = ours & theirs
        assert len(shared) < 0.25 * len(theirs), "only where there are too few to keep some apart"
    assert not kept("Kitchen", True) or not kept("Kitchen", False)
    assert some(3, held_out=True) != some(3)


def test_one_meaning_has_one_answer() -> None:
    import random

    homes = (Builder(random.Random(n), "en", held_out=False).scene() for n in range(100))
    scene = next(home for home in homes if home.of(["light"]) and home.areas)
    lamp = next(thing for thing in scene.of(["light"]))
    named = Call("HassTurnOn", {"name": lamp.key, "domain": "light", "area": "area.0"})
    assert canonical(named, scene).arguments == {"name": lamp.key}
    placed = Call("HassLightSet", {"area": "area.0", "domain": "light", "brightness": 40})
    assert canonical(placed, scene).arguments == {"area": "area.0", "brightness": 40}
    kind = Call("HassTurnOff", {"area": "area.0", "domain": "light"})
    assert canonical(kind, scene).arguments == {"area": "area.0", "domain": "light"}


def test_slips_leave_alone_what_is_copied_into_the_answer() -> None:
    import random

    for seed in range(200):
        pieces = [
            Piece("add "), Piece("washing powder", "free"), Piece(" to the "),
            Piece("shopping list", "name"), Piece(" in "), Piece("forty", "number"),
        ]  # fmt: skip
        distort(pieces, "en", random.Random(seed))
        assert pieces[1].text == "washing powder"
        assert pieces[5].text == "forty"


@pytest.mark.parametrize(
    ("before", "noun", "said"),
    [
        ("schalte der ", "Stehlampe", "schalte die "),
        ("schalte das ", "Fernseher", "schalte den "),
        ("Licht im ", "Küche", "Licht in der "),
        ("Licht in der ", "Büro", "Licht im "),
        ("vom ", "Stehlampe", "von der "),
        ("mach den ", "Henry", "mach "),
    ],
)
def test_german_articles_fit(before: str, noun: str, said: str) -> None:
    role = "area" if before.startswith("Licht") else "name"
    pieces = [Piece(before), Piece(noun, role)]  # type: ignore[arg-type]
    agree(pieces, "de")
    assert pieces[0].text == said
    assert gender("Küche Deckenlampe") == "f"


def test_a_mistake_in_a_file_is_told_with_its_line_and_the_rest_is_used(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "en.yaml"
    path.write_text(
        "intents:\n"
        "  HassTurnOn:\n"
        "    data:\n"
        "      - sentences:\n"
        "          - 'start [the {name}'\n"
        "          - 'start the {name}'\n"
        "          - 'start the {gizmo}'\n"
        "  HassFly:\n"
        "    data: []\n",
        encoding="utf-8",
    )
    found = Book("en")
    _Own(found, path).load()
    assert [template.text for template in found.templates] == ["start the {name}"]
    problems = "\n".join(found.problems)
    assert "en.yaml:5" in problems and "en.yaml:7" in problems and "HassFly" in problems


def test_the_files_of_sentences_have_no_mistakes() -> None:
    for language in ("en", "de", "fr", "es", "nl", "it", "pt", "pl", "sv"):
        assert book(language).problems == []
