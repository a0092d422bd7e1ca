"""`hearth routines`, with a hub behind it that has one routine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from hub import routines_cli
from hub.routines.routine import from_plain, to_plain

NIGHT = {
    "name": "good night",
    "when": [{"at": "22:30", "on": "weekends"}],
    "do": ["lock the doors"],
}


class Hub:
    """What answers: it keeps plain routines by name."""

    def __init__(self) -> None:
        self.kept = {"good night": to_plain(from_plain(NIGHT))}

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "list":
            rows = [
                {"id": "1", "enabled": True, "text": "It locks.", **p} for p in self.kept.values()
            ]
            return {"routines": rows}
        if request["do"] == "show":
            return {"routine": self.kept[request["name"]], "text": ""}
        if request["do"] == "remove":
            return {"done": self.kept.pop(request["name"])["name"]}
        assert request["do"] == "put"
        for plain in request["routines"]:
            self.kept[plain["name"]] = to_plain(from_plain(plain))
        return {"done": [plain["name"] for plain in request["routines"]]}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub()
    monkeypatch.setattr(routines_cli, "_answer", made.answer)
    return made


def run(*arguments: str) -> str:
    result = CliRunner().invoke(routines_cli.routines_app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_what_export_prints_import_takes(hub: Hub, tmp_path: Path) -> None:
    text = run("export")
    (plain,) = yaml.safe_load(text)
    assert from_plain(plain) == from_plain(NIGHT)
    assert "id" not in plain and "text" not in plain
    file = tmp_path / "routines.yaml"
    file.write_text(text.replace("good night", "sleep"), encoding="utf-8")
    run("import", str(file))
    assert from_plain(hub.kept["sleep"]).when == from_plain(NIGHT).when


def test_times_and_days_as_people_write_them(hub: Hub, tmp_path: Path) -> None:
    """YAML reads 22:30 as a number and `on` as a truth."""
    file = tmp_path / "r.yaml"
    file.write_text(
        "name: late\nwhen:\n- at: 22:30\n  on: [friday]\n- device: light.a\n  becomes: on\n"
        "do: [lock the doors]\n",
        encoding="utf-8",
    )
    run("import", str(file))
    at, becomes = from_plain(hub.kept["late"]).when
    assert (at.at.isoformat("minutes"), at.days) == ("22:30", (4,))  # type: ignore[union-attr]
    assert becomes.to == ("on",)  # type: ignore[union-attr]


def test_a_name_changed_in_the_editor_renames_it(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/good night/bed time/' \"$1\"\n", encoding="utf-8")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    run("edit", "good night")
    assert list(hub.kept) == ["bed time"]
