"""Facts: what they are found by, whose they are, and that they can be forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.config import PrivacySettings
from hub.memory import Facts, Recall
from hub.memory.stems import stem
from hub.messages import Utterance
from tests.fakes import FakeTime

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)

TOLD = {
    "en": (
        "the bins go out on Tuesday",
        "the wifi password is hunter2",
        "the spare key is under the blue flower pot",
        "our neighbour is called Mrs Brown",
    ),
    "de": (
        "die Mülltonnen am Dienstag abgeholt werden",
        "der Ersatzschlüssel unter dem blauen Blumentopf liegt",
        "unsere Nachbarin heißt Frau Braun",
    ),
}


async def told(language: str) -> Facts:
    facts = Facts()
    for text in TOLD[language]:
        await facts.keep(text, language=language)
    return facts


@pytest.mark.parametrize(
    ("language", "question", "number"),
    [
        ("en", "when do the bins go out?", 0),
        ("en", "which day does the bin go out", 0),
        ("en", "what's the wifi password?", 1),
        ("en", "where are the spare keys", 2),
        ("en", "what is our neighbour called", 3),
        ("de", "wann werden die Mülltonnen abgeholt?", 0),
        ("de", "wann kommt die Mülltonne raus", 0),
        ("de", "wo liegen die Ersatzschlüssel", 1),
        ("de", "wie heißt die Nachbarin", 2),
    ],
)
async def test_questions_are_answered_in_other_forms_of_the_words(
    language: str, question: str, number: int
) -> None:
    facts = await told(language)
    found = await facts.find(question, language)
    assert [fact.text for fact in found] == [TOLD[language][number]]
    await facts.close()


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "when does the recycling go out"),
        ("en", "what is the alarm password"),
        ("en", "where is the spare tyre"),
        ("en", "what is the neighbour's birthday"),
        ("en", "what is out on the go"),
        ("en", ""),
        ("de", "wann kommt die Zeitung"),
        ("de", "wo ist der Blumenladen"),
        ("de", "wer ist das"),
    ],
)
async def test_it_never_guesses(language: str, question: str) -> None:
    facts = await told(language)
    assert await facts.find(question, language) == []
    await facts.close()


@pytest.mark.parametrize("text", ['"', "NEAR(", "bins*", "a OR b", "-- ; DROP TABLE facts", "𝔹 🗑️"])
async def test_no_question_breaks_the_search(text: str) -> None:
    facts = await told("en")
    await facts.find(f"when do the bins {text}", "en")
    assert len(await facts.all()) == len(TOLD["en"])
    await facts.close()


def test_forms_of_words() -> None:
    assert stem("bins", "en") == stem("bin", "en")
    assert stem("batteries", "en") == stem("battery", "en")
    assert stem("putting", "en") == stem("put", "en")
    assert stem("glass", "en") == stem("glasses", "en")
    assert stem("Tonnen".casefold(), "de") == stem("tonne", "de")
    assert stem("schlüssel", "de") == stem("schlüsseln", "de")


async def test_a_new_place_takes_the_place_of_the_old_one_and_can_be_taken_back() -> None:
    facts = Facts()
    await facts.keep("in the garage", kind="place", subject="the drill")
    moved, before = await facts.keep("under the bed", kind="place", subject="my drill")
    assert [fact.text for fact in before] == ["in the garage"]
    assert [fact.text for fact in await facts.all()] == ["under the bed"]
    assert await facts.take_back(moved.id)
    assert [fact.text for fact in await facts.all()] == ["in the garage"]
    await facts.close()


async def test_facts_of_a_person_are_told_to_that_person_alone() -> None:
    facts = Facts()
    await facts.keep("my locker number is 12", owner="Sam", teller="Sam")
    await facts.keep("the bins go out on Tuesday", teller="Sam")
    question = "what is my locker number"
    assert await facts.find(question, "en", "sam")
    assert not await facts.find(question, "en", "Kim")
    assert not await facts.find(question, "en")
    assert await facts.find("when do the bins go out", "en", "Kim")
    await facts.close()


async def test_a_person_s_own_wishes_come_before_the_household_s() -> None:
    facts = Facts()
    await facts.keep("", kind="preference", area="Bedroom", value={"temperature": 21})
    await facts.keep("", kind="preference", area="Bedroom", owner="Sam", value={"temperature": 18})
    await facts.keep("", kind="preference", value={"brightness": 40})
    assert await facts.preferences("Bedroom") == {"temperature": 21, "brightness": 40}
    assert await facts.preferences("Bedroom", "Sam") == {"temperature": 18, "brightness": 40}
    assert await facts.preferences("Kitchen", "Sam") == {"brightness": 40}
    await facts.close()


async def test_facts_outlive_the_hub_and_their_time_may_be_limited(tmp_path: Path) -> None:
    time = FakeTime(NOON)
    path = tmp_path / "memory.db"
    facts = Facts(path, PrivacySettings(), time)
    await facts.keep("the bins go out on Tuesday", source="phone", teller="Sam", area="Kitchen")
    await facts.close()
    facts = Facts(path, PrivacySettings(facts_days=30), time)
    (fact,) = await facts.all()
    assert (fact.at, fact.teller, fact.source, fact.area) == (NOON, "Sam", "phone", "Kitchen")
    time.set_clock(days=31)
    assert await facts.all() == []
    await facts.close()
    assert b"bins" not in path.read_bytes()


async def test_what_is_forgotten_is_in_no_byte_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    facts = Facts(path)
    for number in range(50):
        await facts.keep(f"fact number {number} is about quuxtor{number}")
    await facts.keep("zorgblat sings")

    def there() -> bool:
        every = b"".join(each.read_bytes() for each in path.parent.iterdir())
        return b"zorgblat" in every

    assert there()
    (fact,) = await facts.find("who is zorgblat", "en")
    await facts.forget([fact])
    assert not there()
    assert len(await facts.all()) == 50
    await facts.close()


@pytest.mark.parametrize(
    ("said", "answered"),
    [("when do the bins go out", True), ("bins out", False), ("when does the sun set", False)],
)
async def test_only_questions_that_a_fact_answers_are_for_the_memory(
    said: str, answered: bool
) -> None:
    facts = await told("en")
    intent = await Recall(facts)(Utterance.typed(said))
    assert (intent is not None) == answered
    await facts.close()
