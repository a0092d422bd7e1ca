"""Scoring: right, wrong and nothing done are told apart, in every layout that is read."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import soundfile

from hub.config import Config
from hub.errors import ConfigError, HearthError
from hub.evaluate import aloud, scorecard, speech
from hub.evaluate.formats import orders
from hub.evaluate.formats.homes import direction
from hub.evaluate.judging import alike, changes
from hub.evaluate.run import Score, Subject, limited, run, subjects
from hub.evaluate.sets import sets, texts
from hub.router.grammars import MECHANISMS
from hub.skillset import load_skill

DATA = Path(__file__).parent / "data"
RULES = Subject("rules", ("model",))
PEER = Subject("peer", peer=True)


async def scored(folder: Path, subject: Subject = RULES) -> Score:
    (chosen,) = texts(folder)
    return await run(chosen, subject, Config(), None)


def verdicts(score: Score) -> list[tuple[str, str]]:
    return [(each.case.request.text, each.judgement.verdict) for each in score.scored]


async def test_a_home_with_expected_changes() -> None:
    score = await scored(DATA / "assist")
    assert verdicts(score) == [
        ("Please turn on the kitchen light", "right"),
        ("Set the kitchen light to 50% brightness", "right"),
        ("Turn off the light", "right"),
        ("Turn off the light", "right"),
        ("Turn on the bedroom light", "wrong_action"),
        ("Let there be a spark where we cook", "no_action"),
    ]
    assert score.to_json()["by_tier"]["rules"]["right"] == 4
    assert any("light.bedroom changed" in line for line in score.failures())


async def test_sentences_of_intents_are_exact() -> None:
    score = await scored(DATA / "intents")
    assert verdicts(score) == [
        ("set the brightness to 40%", "right"),
        ("turn on the wall heater", "right"),
        ("wall heater on", "right"),
        ("let the wall heater glow a little", "no_action"),
        ("turn on the lantern", "wrong_action"),
    ]


async def test_without_the_templates_less_is_understood() -> None:
    rules, without = subjects(["rules"], peer=False, templates=True)
    assert (rules, without.label) == (RULES, "rules, templates off")
    (less,) = subjects(["all-fuzzy-model"], peer=False, templates=False)
    assert less == Subject("all without fuzzy and model", ("fuzzy", "model"))
    assert not less.needs_model
    each = subjects(["ablation"], peer=False, templates=True)
    assert [subject.without for subject in each] == [(name,) for name in MECHANISMS]
    (chosen,) = texts(DATA / "intents")
    score = await run(
        chosen, Subject("nothing", ("phrases", "sentences", "fuzzy", "model")), Config(), None
    )
    assert {verdict for _, verdict in verdicts(score)} == {"no_action"}


async def test_the_voice_benchmark_is_strict() -> None:
    score = await scored(DATA / "voice_bench")
    assert verdicts(score) == [
        ("turn on the pantry strip", "right"),
        ("turn on the shelf light", "wrong_action"),
        ("turn on the attic light", "right"),
        ("fold the moon into the drawer", "no_action"),
    ]


@pytest.mark.slow
async def test_the_peer_is_measured_in_the_same_way() -> None:
    score = await scored(DATA / "assist", PEER)
    assert ("Please turn on the kitchen light", "right") in verdicts(score)
    assert ("Let there be a spark where we cook", "no_action") in verdicts(score)
    exact = await scored(DATA / "intents", PEER)
    assert exact.count("right") >= 3


async def test_a_conversation_is_judged_turn_by_turn(tmp_path: Path) -> None:
    (tmp_path / "talk.yaml").write_text(
        """
language: en
dialogues:
  - about: it
    area: Kitchen
    states: {light.floor_lamp: {state: "on", brightness: 200}}
    turns:
      - say: turn off the floor lamp
        expect: {light.floor_lamp: "off"}
      - say: turn it on again
        expect: {light.floor_lamp: "on"}
      - say: turn it off
        expect: {light.desk_lamp: "on"}
      - say: unlock the front door
        asks: true
      - say: "yes"
        expect: {lock.front_door: unlocked}
      - say: what time is it
        calls: [HassGetCurrentTime]
""",
        encoding="utf-8",
    )
    score = await scored(tmp_path)
    assert [verdict for _, verdict in verdicts(score)] == [
        "right", "right", "wrong_action", "right", "right", "right"
    ]  # fmt: skip
    (chosen,) = texts(tmp_path)
    assert limited(chosen, 1).total == 6  # a conversation stays whole


def test_our_own_conversations_can_be_read() -> None:
    (chosen,) = texts(DATA / "dialogues")
    assert chosen.total >= 60
    assert {ground.language for ground in chosen.grounds} == {"en", "de"}


def test_a_mistake_in_a_conversation_is_named(tmp_path: Path) -> None:
    path = tmp_path / "talk.yaml"
    path.write_text("home:\ndialogues:\n  - turns:\n      - {say: hi, expects: {}}\n")
    with pytest.raises(ConfigError, match="expects"):
        list(texts(tmp_path))
    path.write_text("home:\ndialogues:\n  - turns:\n      - {say: hi, expect: {light.no: on}}\n")
    with pytest.raises(ConfigError, match=r"light\.no"):
        list(texts(tmp_path))


def test_folders_are_looked_through() -> None:
    found = {folder.name: kind for kind, folder in sets(DATA)}
    assert {found[n] for n in ("assist", "intents", "voice_bench", "dialogues")} == {"text"}
    assert found["speech"] == "wake" and found["wake"] == "wake"
    with pytest.raises(HearthError, match="no such folder"):
        sets(DATA / "nowhere")
    with pytest.raises(ConfigError, match="neither"):
        subjects(["neither"], peer=False, templates=False)


@pytest.mark.parametrize(
    ("key", "wanted", "found", "close"),
    [
        ("brightness", 128, 127, True),
        ("brightness", 128, 120, False),
        ("volume_level", 0.3, 0.31, True),
        ("volume_level", 0.3, 0.9, False),
        ("temperature", 21, 20, False),
    ],
)
def test_how_far_a_value_may_be_from_the_expected_one(
    key: str, wanted: float, found: float, close: bool
) -> None:
    shown = {"light.a": {"state": "on", "attributes": {key: found}}}
    answer = SimpleNamespace(before=shown, after=shown)
    expected = {"light.a": {"state": "on", "attributes": {key: wanted}}}
    differences = list(changes(cast(Any, answer), expected, setup={}, ignored={}))
    assert (not differences) == close, differences


def test_what_values_are_alike() -> None:
    assert alike(40, "40") and alike("Desk Lamp", "desk lamp") and alike("light", ["Light"])
    assert alike(["a", "b"], ["B", "a"]) and not alike(40, 41) and not alike("on", True)


def test_the_direction_of_a_command() -> None:
    assert direction("light.desk", "Turn on the desk light") is True
    assert direction("switch.fire", "Light the fireplace") is True
    assert direction("lock.door", "Please unlock the smart lock") is True
    assert direction("lock.door", "Lock the door") is False
    assert direction("light.desk", "Dim the desk light to 40%") is None


async def test_the_card_has_all_figures(tmp_path: Path) -> None:
    score = await scored(DATA / "assist")
    result = {**score.to_json(), "judged": score.judged, "failures": score.failures()}
    scorecard.write(tmp_path / "card.md", [result], Config(), ("rules",))
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert "| assist | rules | 6 | 66.7 % | 1 (16.7 %) |" in text
    assert "nothing else changes" in text
    assert json.dumps(score.to_json())


def test_a_grammar_becomes_a_skill(tmp_path: Path) -> None:
    assert orders.phrase("[brew, make me] [a, an] $size:size $drink:drink") == (
        "(brew|make me) [(a|an)] {size} {drink}"
    )
    (tmp_path / "tea_grammar.yaml").write_text(
        """
context:
  expressions:
    orderTea: ["[brew, make me] [a, an] $size:size $drink:drink"]
  slots: {size: [small, twelve ounce], drink: [green tea, iced tea]}
""",
        encoding="utf-8",
    )
    orders.make_skill(tmp_path, tmp_path / "skills")
    (tool,) = load_skill("machine", tmp_path / "skills" / "machine" / "skill.py")
    assert tool.parameters["properties"]["size"]["enum"] == ["small", "twelve ounce"]
    with pytest.raises(ConfigError, match="grammar"):
        orders.make_skill(DATA, tmp_path / "none")


def test_noise_that_is_made_is_always_the_same() -> None:
    assert aloud.made_noise() == aloud.made_noise()
    assert aloud.made_noise().seconds == aloud.MADE


def test_the_card_tells_what_each_mechanism_is_worth() -> None:
    def row(tiers: str, right: float, wrong: int) -> dict[str, object]:
        return {
            "set": "homes", "kind": "homes", "tiers": tiers, "sentences": 20,
            "right_percent": right, "wrong_action": wrong, "wrong_answer": 0, "no_action": 1,
            "asked": 0, "p50_ms": 1, "p95_ms": 2, "asked_model": 0, "prompt_tokens": 0,
        }  # fmt: skip

    results = [row("all", 95.0, 1), row("all without recast", 80.0, 2)]
    card = scorecard.text(results, Config())
    table = [line.strip("| ") for line in card.splitlines() if line.startswith("| ")]
    assert "nothing | 95.0 %, 1" in table
    assert "recast | 80.0 %, 2" in table
    assert not any("all without recast" in line for line in table)


def test_recordings_of_every_language_in_a_folder_are_played(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.0] * 1600, 16000)
    rows = ("a.wav\tfr\tcommand\tallume la lampe\t0.1", "a.wav\ten\tout_of_vocabulary\thm\t0.1")
    (tmp_path / "transcripts.tsv").write_text("\n".join(rows), encoding="utf-8")
    assert speech.languages(tmp_path) == ["en", "fr"]
    assert [clip.text for clip in speech.load(tmp_path, "fr")] == ["allume la lampe"]
    assert [clip.text for clip in speech.load(tmp_path, "en")] == [""]  # it is no command
