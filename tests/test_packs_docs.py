"""What docs/packs.md shows is so: its pack is one, and its commands do what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub import packs_cli
from hub.packs import description
from hub.packs.shelf import Shelf

pytestmark = pytest.mark.slow

DOCS = (Path(__file__).parent.parent / "docs" / "packs.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    [text] = re.findall(rf"```{re.escape(kind)}\n(.*?)```", DOCS, re.S)
    return str(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind, name in (("toml pack.toml", "pack.toml"), ("python skill.py", "skill.py")):
        path = tmp_path / "coffee" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(block(kind))
    return tmp_path


def test_the_commands_for_authors_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hearth.toml").write_text('[hub]\ndata = "data"\n')
    monkeypatch.setenv("HEARTH_CONFIG", str(folder / "hearth.toml"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(packs_cli, "on_installed", lambda installed: None)
    monkeypatch.setattr(packs_cli, "_attended", lambda: True)
    commands = [shlex.split(line, comments=True) for line in block("sh").splitlines()]
    assert len(commands) >= 7
    answers = {"install": "y\n3\n", "keys": "secret\nsecret\n", "remove": "y\n"}
    for command in commands:
        assert command[:2] == ["hearth", "skill"]
        typed = answers.get(command[2], "secret\n")
        result = CliRunner().invoke(packs_cli.packs_app, command[2:], input=typed)
        assert result.exit_code == 0, (command, result.output, result.exception)
    (found,) = Shelf(folder / "data" / "packs").installed()
    assert found.signed and found.usable and found.source.startswith("index:")


def test_every_key_of_a_description_is_explained() -> None:
    text = DOCS[DOCS.index("### pack.toml") :]
    for key in ("id", "version", "sdk", "risk", "mqtt", "network", "speak", "timers", "events"):
        assert f"`{key}`" in text
    for key in ("home.domains", "home.areas", "home.entities", "home.act", "memory_mb"):
        assert f"`{key}`" in text
    assert str(description.MOST_MEMORY) in text


def test_every_command_is_mentioned() -> None:
    commands = {
        command.name or command.callback.__name__  # type: ignore[union-attr]
        for command in packs_cli.packs_app.registered_commands
    }
    missing = [name for name in commands if not re.search(rf"hearth skill.*\b{name}\b", DOCS)]
    assert not missing
