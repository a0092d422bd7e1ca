"""`hearth why` and `hearth history`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import HearthError

runner = CliRunner()


def run(*words: str) -> str:
    result = runner.invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def rows(*words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*words).splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub that was told a few things."""
    folder = tmp_path_factory.mktemp("hub")
    file = folder / "hearth.toml"
    file.write_text('[hub]\ndata = "d"\ncache = "c"\nruntime = "r"\n[router]\nmodel = ""\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEARTH_CONFIG", str(file))
        for text in ("turn on the desk lamp", "blorp the gnarf", "turn off nothing"):
            runner.invoke(app, ["say", "--area", "Office", text])
    return file


@pytest.fixture(autouse=True)
def there(lived: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_CONFIG", str(lived))
    monkeypatch.setenv("COLUMNS", "140")


def test_why_shows_tier_candidates_scores_and_what_was_done() -> None:
    told = run("why", "1")
    for part in (
        "turn 1",
        "“turn on the desk lamp”",
        "rules: the shared sentences and rules, 100% sure",
        "HassTurnOn(name=Desk Lamp)",
        "light.desk_lamp is on, confirmed",
        "considered",
        "light.turn_on",
        "voice Office",
    ):
        assert part in told, part


def test_why_is_about_the_last_turn_unless_another_is_named() -> None:
    told = run("why")
    assert "turn 3" in told
    assert "not understood" in run("why", "2")


def test_why_as_json_has_the_deeds() -> None:
    (row,) = rows("why", "1", "--json")
    assert row["tier"] == "rules"
    assert row["candidates"][0]["score"] == 1.0
    assert row["deeds"][0]["entity_id"] == "light.desk_lamp"


def test_history_of_words_and_of_deeds() -> None:
    assert "blorp the gnarf" in run("history")
    assert [row["id"] for row in rows("history", "--json")] == [1, 2, 3]
    (deed,) = rows("history", "--deeds", "--json")
    assert (deed["before"], deed["after"], deed["source"]) == ("off", "on", "voice")
    assert "Desk Lamp" in run("history", "--deeds", "--since", "2h")
    assert rows("history", "--json", "--since", "2999-01-01") == []


def test_what_is_not_there_is_said_plainly() -> None:
    with pytest.raises(HearthError, match="no such turn, or not any more: words are kept for 24"):
        run("why", "77")
    assert runner.invoke(app, ["history", "--since", "soon"]).exit_code == 2
