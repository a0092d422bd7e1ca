"""The command line, as a person or another program uses it. No models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app, main
from hub.errors import HearthError

runner = CliRunner()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has folders of its own, and no settings but its own."""
    file = tmp_path / "hearth.toml"
    lines = [f'{name} = "{tmp_path / name}"' for name in ("data", "cache", "runtime")]
    file.write_text("\n".join(["[hub]", *lines, '[router]\nmodel = ""', ""]))
    monkeypatch.setenv("HEARTH_CONFIG", str(file))
    return tmp_path


def hearth(*arguments: str, stdin: str | None = None) -> Result:
    result = runner.invoke(app, arguments, input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_say_prints_one_object_a_turn_with_all_its_parts() -> None:
    [turn] = lines(hearth("say", "--json", "turn", "on", "the", "hallway", "light"))
    assert {
        "turn",
        "heard",
        "hypotheses",
        "language",
        "tier",
        "calls",
        "outcomes",
        "reply",
        "expects_answer",
        "stages_ms",
    } <= set(turn)
    assert turn["outcomes"] == [{"entity_id": "light.hallway", "state": "on", "confirmed": True}]


def test_states_are_still_there_for_the_next_command() -> None:
    hearth("say", "turn on the hallway light")
    states = {row["entity_id"]: row["state"] for row in lines(hearth("devices", "--json"))}
    assert states["light.hallway"] == "on"


def test_lines_of_standard_input_are_one_conversation() -> None:
    hearth("trust", "pin", "set", stdin="4826\n")
    turns = lines(hearth("say", "--json", stdin="unlock the front door\n\n4 8 2 6\n"))
    assert [turn["expects_answer"] for turn in turns] == [True, False]
    assert "4826" not in json.dumps(turns)
    assert turns[1]["outcomes"][0] == {
        "entity_id": "lock.front_door",
        "state": "unlocked",
        "confirmed": True,
    }


def test_trust_lists_what_is_opened_by_a_pin_and_what_was_decided(folders: Path) -> None:
    """As a person finds out why the door stays locked, and changes that."""
    assert "I do not unlock" in hearth("say", "unlock the front door").stdout
    rows = {row["entity_id"]: row for row in lines(hearth("trust", "--json"))}
    assert rows["lock.front_door"]["class"] == "R3"
    assert rows["lock.front_door"]["why"] == "unlocking lets somebody in"
    assert rows["lock.front_door"]["first"] == "a PIN or a tap"
    assert "light.hallway" not in rows
    assert "light.hallway" in hearth("trust", "--all", "--json").stdout
    with pytest.raises(HearthError, match="4 to 12 digits"):
        hearth("trust", "pin", "set", stdin="12\n")
    hearth("trust", "pin", "set", stdin="4826\n")
    hearth("trust", "allow", "Front Door", "pin")
    rows = {row["entity_id"]: row for row in lines(hearth("trust", "--json"))}
    assert rows["lock.front_door"]["first"] == "the PIN"
    hearth("trust", "allow", "Front Door", "no")
    assert "must not be used by voice" in hearth("say", "unlock the front door").stdout
    [decided] = lines(hearth("trust", "decisions", "--json"))
    assert decided["decision"] == "refused"
    kept = folders / "data" / "decisions.jsonl"
    kept.write_text(kept.read_text().replace("refused", "done", 1))
    with pytest.raises(HearthError, match="somebody has changed or removed"):
        hearth("trust", "decisions")
    hearth("trust", "pin", "remove")
    assert "No PIN is set" in hearth("trust").stdout


def test_the_room_is_where_the_speaker_is() -> None:
    [turn] = lines(hearth("say", "--json", "--area", "kitchen", "turn on the lights"))
    changed = {outcome["entity_id"] for outcome in turn["outcomes"]}
    assert changed == {"light.kitchen_ceiling", "light.kitchen_counter"}


def test_a_room_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(HearthError, match=r"no room 'Attic'.*Kitchen"):
        hearth("say", "--area", "Attic", "turn on the lights")


def test_a_language_that_is_not_set_up_is_named() -> None:
    with pytest.raises(HearthError, match="'fr' is none of the languages"):
        hearth("say", "--language", "fr", "bonjour")


def test_another_home_is_used_and_not_mixed_with_the_own(tmp_path: Path) -> None:
    home = tmp_path / "flat.yaml"
    home.write_text(
        "areas:\n  - {id: den, name: Den}\n"
        "entities:\n  - {id: light.den, name: Den Lamp, area: den, state: 'off'}\n"
    )
    [turn] = lines(hearth("say", "--json", "--home", str(home), "turn on the den lamp"))
    assert turn["outcomes"] == [{"entity_id": "light.den", "state": "on", "confirmed": True}]
    assert "light.den" not in hearth("devices", "--json").stdout


def test_devices_and_skills_are_shown_for_people_too() -> None:
    assert "Hallway Light" in hearth("devices").stdout
    assert "lights" in hearth("skills").stdout


def test_skills_are_listed_with_schema_and_examples() -> None:
    rows = lines(hearth("skills", "--json"))
    light_set = next(row for row in rows if row["tool"] == "HassLightSet")
    assert light_set["parameters"]["properties"]["brightness"]["maximum"] == 100
    assert light_set["examples"]


def test_a_broken_skill_is_named_and_the_others_work(folders: Path) -> None:
    skill = folders / "mine" / "broken"
    skill.mkdir(parents=True)
    (skill / "skill.py").write_text("from hub.skill import tool\n\nraise RuntimeError('oh no')\n")
    file = folders / "hearth.toml"
    file.write_text(file.read_text() + f'[skills]\nfolders = ["{folders / "mine"}"]\n')
    result = hearth("skills")
    assert "broken" in result.stderr and "skill.py:3" in result.stderr
    assert "lights" in result.stdout


def test_a_wrong_setting_ends_with_its_place_and_no_traceback(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folders / "hearth.toml").write_text("[wake]\nmicrophone = 3\n")
    monkeypatch.setattr("sys.argv", ["hearth", "devices"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 78
    said = capsys.readouterr().err
    assert "hearth.toml:2" in said.replace("\n", "") and "Traceback" not in said


def test_a_missing_model_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"RIFF")
    monkeypatch.setattr("sys.argv", ["hearth", "hear", str(sound)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "hearth models fetch" in capsys.readouterr().err.replace("\n", " ")


def test_the_settings_are_printed_with_their_meaning() -> None:
    printed = hearth("config").stdout
    assert "[listen]" in printed and "# Seconds of silence" in printed


COMMANDS = ["", "say", "hear", "run", "devices", "skills", "doctor", "bench", "eval", "config"]
COMMANDS += ["models", *(f"models {what}" for what in ("list", "fetch", "verify", "remove"))]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str) -> None:
    shown = hearth(*command.split(), "--help").stdout
    assert "Usage" in shown and "Examples" in shown
    assert f"hearth {command}".strip() in shown.partition("Examples")[2]


def test_a_shell_completes_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_HEARTH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "hearth de")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert runner.invoke(app, [], prog_name="hearth").stdout.split() == ["devices"]


def test_a_narrow_terminal_tears_no_line_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    shown = hearth("say", "--details", "turn on the hallway light").stdout
    assert "HassTurnOn(name=Hallway Light)" in shown
