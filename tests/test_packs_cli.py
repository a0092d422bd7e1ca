"""`hearth skill`: what is said before a yes, what follows it, and how a script is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub import packs_cli
from hub.errors import HearthError
from hub.packs import index as indexes
from hub.packs import signing
from hub.packs.audit import Audit
from hub.packs.shelf import Installed
from tests import packs_kit
from tests.packs_kit import KEY, OTHER_KEY, built

pytestmark = pytest.mark.slow

ID = "coffee-machine"
Hearth = Callable[..., str]


@pytest.fixture
def hearth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hearth:
    """Runs `hearth skill …`; returns what it printed, with the error at the end."""
    data = tmp_path / "hub"
    data.mkdir()
    (data / "hearth.toml").write_text('[hub]\ndata = "."\n')
    monkeypatch.setenv("HEARTH_CONFIG", str(data / "hearth.toml"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(packs_cli, "on_installed", lambda installed: None)

    def run(*arguments: object, status: int = 0, typed: str | None = None) -> str:
        monkeypatch.setattr(packs_cli, "_attended", lambda: typed is not None)
        result = CliRunner().invoke(
            packs_cli.packs_app, [str(argument) for argument in arguments], input=typed
        )
        output = result.output
        code = result.exit_code
        if isinstance(result.exception, HearthError):  # hub.cli makes a line of it
            output += f"hearth: {result.exception}"
            code = 1
        elif result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code == status, output
        return output

    return run


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_what_it_may_do_is_shown_and_asked(hearth: Hearth, tmp_path: Path) -> None:
    source = built(
        tmp_path,
        permissions='home.domains = ["light"]\nhome.act = true\nnetwork = ["https://a.example"]',
    )
    said = hearth("install", source, typed="n\n", status=1)
    for part in (
        "Coffee machine",
        "coffee-machine 1.2.0",
        "Apache-2.0",
        f"Signed with key {KEY.public.id}, which is known as its author's from now on",
        "• see and act on lights",
        "• reach https://a.example on the internet",
        "does everyday things (R1)",
        "Install it? [y/N]",
        "Nothing was changed",
    ):
        assert part in said
    assert rows(hearth("list", "--json")) == []
    assert "is installed and enabled" in hearth("install", source, typed="y\n3\n")
    (row,) = rows(hearth("list", "--json"))
    assert (row["id"], row["version"], row["settings"]) == (ID, "1.2.0", {"cups": 3})


def test_a_script_says_yes_beforehand(hearth: Hearth, tmp_path: Path) -> None:
    source = built(tmp_path)
    assert "--yes" in hearth("install", source, status=1)
    hearth("install", source, "--yes", "--set", "cups=5", "--without", "mqtt")
    (row,) = rows(hearth("info", ID, "--json"))
    assert row["settings"] == {"cups": 5}
    assert row["permissions"]["mqtt"] == [] and row["may"] == []
    assert row["usable"] and row["signed"] and row["key"] == KEY.public.id
    assert row["versions"] == ["1.2.0"] and row["tools"] == [{"name": "order", "risk": "R1"}]
    assert "is installed already" in hearth("install", source, "--yes")
    assert f"coffee-machine 1.2.0 signed with key {KEY.public.id}" in hearth("verify")


def test_an_unsigned_pack_is_marked_wherever_it_is_shown(hearth: Hearth, tmp_path: Path) -> None:
    folder = packs_kit.write(tmp_path / "pack")
    assert "--unsigned" in hearth("install", folder, "--yes", status=1)
    assert "Nobody signed it" in hearth("install", folder, "--unsigned", typed="y\n\n")
    assert "unsigned" in hearth("list")
    assert "nobody" in hearth("info", ID)
    assert rows(hearth("list", "--json"))[0]["signed"] is False


def test_what_is_asked_again_until_it_is_right(hearth: Hearth, tmp_path: Path) -> None:
    source = built(tmp_path, settings='[settings.token]\ntitle = "Token"\nsecret = true')
    said = hearth("install", source, typed="y\nmany\n99\n4\ns3cret\n")
    assert "a whole number from 1 to 12" in said and "s3cret" not in said
    (row,) = rows(hearth("settings", ID, "--json"))
    assert row["settings"] == {"cups": 4, "token": "••••"}
    for command in (("list", "--json"), ("info", ID), ("info", ID, "--json"), ("settings", ID)):
        assert "s3cret" not in hearth(*command)


def test_a_script_must_give_what_has_no_default(hearth: Hearth, tmp_path: Path) -> None:
    source = built(tmp_path, settings="[settings.token]\nsecret = true")
    assert "--set token=…" in hearth("install", source, "--yes", status=1)
    (tmp_path / "token").write_text("s3cret\n")
    hearth("install", source, "--yes", "--set", f"token=@{tmp_path / 'token'}")
    state = (tmp_path / "hub" / "packs" / "state.json").read_text()
    assert '"s3cret"' in state
    for wrong in ("sugar=1", "cups", "cups=x", "cups=99", "token=@/nowhere"):
        hearth("install", source, "--yes", "--set", wrong)  # is installed: nothing to be set
        hearth("settings", ID, wrong, status=1)


def test_settings_are_shown_changed_and_brought_back(hearth: Hearth, tmp_path: Path) -> None:
    hearth("install", built(tmp_path), "--yes")
    assert "cups = 2" in hearth("settings", ID)
    assert "cups = 7" in hearth("settings", ID, "cups=7")
    assert "cups = 2" in hearth("settings", ID, "cups=")
    assert "has no setting 'sugar'" in hearth("settings", ID, "sugar=1", status=1)


def test_an_update_that_wants_no_more_is_taken(hearth: Hearth, tmp_path: Path) -> None:
    source = built(tmp_path)
    hearth("install", source, "--yes")
    assert "is the newest" in hearth("update")
    shutil.copy(built(tmp_path, version="1.3.0"), source)
    assert "1.3.0 is installed" in hearth("update")
    assert rows(hearth("list", "--json"))[0]["version"] == "1.3.0"


def test_an_update_that_wants_more_waits_for_a_yes(hearth: Hearth, tmp_path: Path) -> None:
    hearth("install", built(tmp_path), "--yes")
    new = built(tmp_path, version="1.3.0", permissions='mqtt = ["coffee/#"]\nspeak = true')

    def version() -> str:
        return str(rows(hearth("list", "--json"))[0]["version"])

    said = hearth("update", ID, "--from", new, status=1)
    assert "wants more" in said and "• speak by itself" in said and "stays in use" in said
    assert "MQTT" not in said
    assert version() == "1.2.0"
    hearth("update", ID, "--from", new, typed="n\n", status=1)
    assert version() == "1.2.0"
    hearth("update", ID, "--from", new, typed="y\n")
    assert version() == "1.3.0"


def test_an_update_of_a_disabled_pack_does_not_enable_it(hearth: Hearth, tmp_path: Path) -> None:
    hearth("install", built(tmp_path), "--yes")
    hearth("disable", ID)
    hearth("update", ID, "--from", built(tmp_path, version="1.3.0"))
    assert rows(hearth("list", "--json"))[0]["enabled"] is False
    hearth("install", built(tmp_path, version="1.4.0"), "--yes")
    assert rows(hearth("list", "--json"))[0]["enabled"] is False
    hearth("enable", ID)
    assert rows(hearth("list", "--json"))[0]["usable"] is True


def test_an_update_that_fails_is_said_and_the_others_go_on(hearth: Hearth, tmp_path: Path) -> None:
    one = built(tmp_path)
    tea = packs_kit.description().replace(f'"{ID}"', '"tea"')
    two = built(tmp_path, files={"pack.toml": tea})
    hearth("install", one, "--yes")
    hearth("install", two, "--yes")
    one.unlink()
    shutil.copy(built(tmp_path, files={"pack.toml": tea.replace("1.2.0", "1.3.0")}), two)
    said = hearth("update", status=1)
    assert "no such file" in said and "tea 1.3.0 is installed" in said
    assert "is tea, not coffee-machine" in hearth("update", ID, "--from", two, status=1)


def test_another_key_needs_the_owners_word(hearth: Hearth, tmp_path: Path) -> None:
    hearth("install", built(tmp_path), "--yes")
    new = built(tmp_path, version="1.3.0", key=OTHER_KEY)
    said = hearth("update", ID, "--from", new, "--yes", status=1)
    assert f"hearth skill keys trust {ID} {OTHER_KEY.public}" in said
    assert KEY.public.id in hearth("keys")
    hearth("keys", "trust", ID, OTHER_KEY.public, status=1)
    (tmp_path / "new.pub").write_text(OTHER_KEY.public.to_file())
    said = hearth("keys", "trust", ID, tmp_path / "new.pub", typed="y\n")
    assert f"belongs to key {OTHER_KEY.public.id}" in said
    hearth("update", ID, "--from", new, "--yes")
    assert rows(hearth("keys", "--json")) == [
        {"for": ID, "id": OTHER_KEY.public.id, "key": str(OTHER_KEY.public)}
    ]
    hearth("remove", ID, "--yes")
    hearth("keys", "forget", ID, "--yes")
    assert "No key is known" in hearth("keys")


def test_back_to_the_version_before(hearth: Hearth, tmp_path: Path) -> None:
    old = built(tmp_path)
    hearth("install", old, "--yes")
    assert "no older version" in hearth("rollback", ID, status=1)
    hearth("install", built(tmp_path, version="1.3.0"), "--yes")
    assert "rollback" in hearth("install", old, "--yes", status=1)
    assert f"{ID} 1.2.0 is used again" in hearth("rollback", ID)


def test_what_it_may_do_can_be_narrowed(hearth: Hearth, tmp_path: Path) -> None:
    hearth("install", built(tmp_path, permissions="speak = true\ntimers = true"), "--yes")
    said = hearth("permissions", ID, "--without", "speak")
    assert "You keep from it" in said
    (row,) = rows(hearth("permissions", ID, "--json"))
    assert row["may"] == ["see, set and cancel timers"]
    assert row["may_not"] == ["speak by itself, without being asked"]
    hearth("permissions", ID, "--all")
    assert rows(hearth("permissions", ID, "--json"))[0]["may_not"] == []
    assert "is none of" in hearth("permissions", ID, "--without", "everything", status=1)
    hearth("permissions", ID, "--all", "--without", "speak", status=2)


def test_a_denied_pack_is_shown_so(hearth: Hearth, tmp_path: Path) -> None:
    source = built(tmp_path)
    hearth("install", source, "--yes")
    hearth("deny", ID, "<1.3")
    assert "denylist" in hearth("list")
    (row,) = rows(hearth("list", "--json"))
    assert row["enabled"] and not row["usable"]
    hearth("disable", ID)
    assert "denylist" in hearth("enable", ID, status=1)
    assert "is neither" in hearth("deny", "Everything", "by", "Bob", status=1)


def test_a_damaged_pack_is_said_and_can_be_removed(hearth: Hearth, tmp_path: Path) -> None:
    hearth("install", built(tmp_path), "--yes")
    (content,) = (tmp_path / "hub" / "packs" / "content").iterdir()
    (content / "pack.toml").chmod(0o644)
    (content / "pack.toml").write_text("")
    assert "was changed" in hearth("list", status=1)
    assert "was changed" in hearth("verify", status=1)
    assert "was changed" in hearth("info", ID, status=1)
    hearth("remove", ID, "--yes")
    assert "No packs are installed" in hearth("list")


def test_what_a_pack_did_is_forgotten_with_it(hearth: Hearth, tmp_path: Path) -> None:
    hearth("install", built(tmp_path), "--yes")
    folder = tmp_path / "hub" / "packs" / "state" / "audit"
    Audit(folder).note(ID, "home.find", allowed=True, target="zorgblat")
    Audit(folder).note("other", "home.find", allowed=True)
    hearth("remove", ID, "--yes")
    assert [path.name for path in folder.iterdir()] == ["other.jsonl"]


def test_nothing_of_a_pack_reaches_the_terminal_as_an_order(hearth: Hearth, tmp_path: Path) -> None:
    text = packs_kit.description().replace("Coffee machine", "[red]Coffee[/]")
    said = hearth("install", built(tmp_path, files={"pack.toml": text}), "--yes")
    assert "[red]Coffee[/]" in said


def test_the_hub_is_asked_for_tools_and_told_of_changes(
    hearth: Hearth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    told: list[None] = []

    def ask(installed: Installed) -> list[dict[str, object]]:
        asked.append(installed.pack.id)
        row = {"examples": [], "phrases": {"en": ["make [a] coffee"]}}
        return [{"name": "order", "_meta": {"hearth": [row]}}]

    monkeypatch.setattr(packs_cli, "on_installed", ask)
    monkeypatch.setattr(packs_cli, "after_change", lambda: told.append(None))
    hearth("install", built(tmp_path), "--yes", "--disabled")
    assert asked == [] and len(told) == 1
    hearth("enable", ID)
    assert asked == [ID] and len(told) == 2
    new = hearth("install", built(tmp_path, version="1.3.0"), "--yes")
    assert "It understands: make [a] coffee" in new


# --- catalogues ---


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    folder.mkdir()
    built(folder)
    indexes.make(folder, OTHER_KEY, name="Our skills")
    return folder


def test_from_a_catalogue(hearth: Hearth, catalogue: Path) -> None:
    assert "name one with --index" in hearth("search", "coffee", status=1)
    said = hearth("search", "coffee", "--index", catalogue)
    assert f"signed with key {OTHER_KEY.public.id}" in said and "Orders coffee" in said
    assert "Nothing was found" in hearth("search", "submarine")
    (row,) = rows(hearth("search", "--json"))
    assert (row["id"], row["installed"]) == (ID, None)
    hearth("install", ID, "--yes")  # the index is known by now
    assert rows(hearth("search", "--json"))[0]["installed"] == "1.2.0"
    assert rows(hearth("info", ID, "--json"))[0]["source"] == (f"index:{catalogue}/index.json#{ID}")
    assert "is the newest" in hearth("update")
    built(catalogue, version="1.3.0")
    indexes.make(catalogue, OTHER_KEY)
    assert "1.3.0 is installed" in hearth("update")
    hearth("search", "--index", catalogue, "--forget")
    assert "name one with --index" in hearth("search", status=1)


def test_a_catalogue_cannot_exchange_a_file_or_its_own_key(
    hearth: Hearth, catalogue: Path, tmp_path: Path
) -> None:
    hearth("search", "--index", catalogue)
    file = catalogue / "coffee-machine-1.2.0.hearth"
    shutil.copy(built(tmp_path, files={"skill.py": "evil"}), file)
    assert "not the file that the index speaks of" in hearth("install", ID, "--yes", status=1)
    indexes.make(catalogue, KEY)
    assert "belongs to key" in hearth("search", status=1)
    assert "belongs to key" in hearth("install", ID, "--yes", status=1)


def test_the_key_that_a_catalogue_names_is_the_one_that_counts(
    hearth: Hearth, catalogue: Path
) -> None:
    path = catalogue / "index.json"
    table = json.loads(path.read_text())
    table["packs"][0]["key"] = str(OTHER_KEY.public)
    path.write_text(json.dumps(table))
    (catalogue / "index.json.minisig").write_bytes(OTHER_KEY.sign(path.read_bytes(), "x"))
    assert "belongs to key" in hearth("install", ID, "--index", catalogue, "--yes", status=1)


def test_what_the_keeper_has_withdrawn_can_be_denied(hearth: Hearth, catalogue: Path) -> None:
    hearth("install", ID, "--index", catalogue, "--yes")
    hearth("index", catalogue, "--key", secret(catalogue), "--withdraw", f"{ID} <=1.2.0")
    assert "was withdrawn" in hearth("update")
    assert rows(hearth("list", "--json"))[0]["usable"] is True
    assert "was withdrawn" in hearth("update", "--yes")
    assert rows(hearth("list", "--json"))[0]["usable"] is False


def secret(folder: Path, key: signing.SecretKey = OTHER_KEY) -> Path:
    path = folder / "my.key"
    if not path.exists():
        key.write(path)
    return path


# --- for authors ---


def test_from_a_folder_to_an_installed_pack(hearth: Hearth, tmp_path: Path) -> None:
    """The whole way of an author, by the commands alone."""
    key = tmp_path / "keys" / "my.key"
    hearth("keys", "new", key, "--no-password")
    assert key.stat().st_mode & 0o777 == 0o600
    assert "something else has this name" in hearth("keys", "new", key, "--no-password", status=1)
    folder = packs_kit.write(tmp_path / "pack")
    said = hearth("pack", folder, "--key", key, "--to", tmp_path / "out")
    assert "signed with key" in said
    (file,) = (tmp_path / "out").glob("*.hearth")
    hearth("index", tmp_path / "out", "--key", key, "--name", "Mine")
    hearth("install", ID, "--index", tmp_path / "out", "--yes")
    hearth("pack", folder, "--key", key, "--in-place")
    hearth("remove", ID, "--yes")
    hearth("install", folder, "--yes")
    assert file.name == "coffee-machine-1.2.0.hearth"
    assert rows(hearth("list", "--json"))[0]["signed"]


def test_a_key_with_a_password(hearth: Hearth, tmp_path: Path) -> None:
    key = tmp_path / "my.key"
    assert "--no-password" in hearth("keys", "new", key, status=1)
    hearth("keys", "new", key, typed="secret\nsecret\n")
    folder = packs_kit.write(tmp_path / "pack")
    assert "nobody is here" in hearth("pack", folder, "--key", key, status=1)
    assert "password is not right" in hearth(
        "pack", folder, "--key", key, "--to", tmp_path, typed="Secret\n", status=1
    )
    hearth("pack", folder, "--key", key, "--to", tmp_path, typed="secret\n")


def test_what_cannot_be_packed_is_said(hearth: Hearth, tmp_path: Path) -> None:
    folder = packs_kit.write(tmp_path / "pack")
    (folder / "pack.toml").write_text('id = "coffee"')
    assert "pack.toml" in hearth("pack", folder, status=1)
    assert "no such file" in hearth("pack", tmp_path / "nowhere", status=1)
    hearth("pack", folder, "--in-place", status=2)
