"""Backups: all that is kept, as one encrypted file, and back; whatever happens in between."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from securetar import SecureTarArchive
from typer.testing import CliRunner

from hub import backup
from hub.cli import app
from hub.errors import StorageError

PASSWORD = "four plain words here"
CANARY = "the drill is in the garage"
SETTINGS = '[hub]\nlanguages = ["en"]\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with what a hub has in it."""
    folder = tmp_path / "data"
    (folder / "packs" / "coffee").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "models" / "whisper.bin").write_bytes(b"large")
    (folder / "run").mkdir()
    (folder / "hub.lock").touch()
    (folder / "packs" / "coffee" / "skill.py").write_text("print('coffee')")
    (folder / "home.json").write_text(json.dumps({"note": CANARY}))
    with closing(sqlite3.connect(folder / "history.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE turns (heard TEXT)")
        database.execute("INSERT INTO turns VALUES (?)", (CANARY,))
        database.commit()
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "hearth.toml"
    path.parent.mkdir()
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def made(tmp_path: Path, data: Path, settings: Path) -> Path:
    path = tmp_path / "backups" / "hearth.tar"
    backup.make(path, data, settings, PASSWORD)
    return path


def content(folder: Path) -> dict[str, bytes]:
    """What a folder keeps; of a database, what is in it."""
    found = {}
    for each in sorted(folder.rglob("*")):
        within = str(each.relative_to(folder))
        if not each.is_file() or backup._left_out(within.split("/")[0]):
            continue
        if each.suffix == ".db":
            with closing(sqlite3.connect(each)) as database:
                found[within] = repr(database.execute("SELECT * FROM turns").fetchall()).encode()
        elif not each.name.endswith(backup.BESIDE_SQLITE):
            found[within] = each.read_bytes()
    return found


def spoil(data: Path) -> None:
    """Another life of the same folder."""
    (data / "home.json").write_text("{}")
    (data / "new.json").write_text("{}")
    (data / "history.db").unlink()


def test_all_is_back_and_what_was_there_is_kept_beside(
    made: Path, data: Path, settings: Path
) -> None:
    before = content(data)
    spoil(data)
    settings.write_text("# changed\n")
    done = backup.restore(made, data, settings, PASSWORD)
    assert content(data) == before
    assert settings.read_text() == SETTINGS
    assert done.kept is not None and (done.kept / "new.json").exists()
    [old] = settings.parent.glob("hearth.toml.before-restore-*")
    assert old.read_text() == "# changed\n"
    assert (data / "models" / "whisper.bin").exists()
    assert (data / "home.json").stat().st_mode & 0o077 == 0


def test_nobody_reads_it_without_the_password(made: Path, data: Path, tmp_path: Path) -> None:
    assert CANARY.encode() not in made.read_bytes()
    assert made.stat().st_mode & 0o077 == 0
    plain = tmp_path / "plain.tar"
    backup.make(plain, data, None, None)
    with (
        tarfile.open(plain) as outer,
        tarfile.open(fileobj=outer.extractfile(backup.DATA)) as inner,
    ):
        file = inner.extractfile("home.json")
        assert file is not None and CANARY.encode() in file.read()


def test_one_without_a_password_is_restored_without(data: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.tar"
    backup.make(plain, data, None, None)
    before = content(data)
    spoil(data)
    backup.restore(plain, data, None, None)
    assert content(data) == before


def test_models_are_not_in_it(tmp_path: Path, data: Path) -> None:
    plain = tmp_path / "plain.tar"
    backup.make(plain, data, None, None)
    with (
        tarfile.open(plain) as outer,
        tarfile.open(fileobj=outer.extractfile(backup.DATA)) as inner,
    ):
        names = inner.getnames()
    assert sorted(names) == ["history.db", "home.json", "packs/coffee/skill.py"]


def test_a_database_in_use_is_copied_whole(tmp_path: Path, data: Path, settings: Path) -> None:
    with closing(sqlite3.connect(data / "history.db")) as writer:
        writer.execute("INSERT INTO turns VALUES ('said just now')")
        writer.commit()  # in the -wal file alone, while this is open
        path = tmp_path / "b.tar"
        backup.make(path, data, settings, PASSWORD)
        writer.execute("INSERT INTO turns VALUES ('after it')")
        writer.commit()
    other = tmp_path / "other"
    other.mkdir()
    backup.restore(path, other, None, PASSWORD)
    with closing(sqlite3.connect(other / "history.db")) as database:
        said = [row[0] for row in database.execute("SELECT heard FROM turns")]
    assert said == [CANARY, "said just now"]


@pytest.mark.parametrize("password", ["another one", None])
def test_without_its_password_nothing_changes(
    made: Path, data: Path, settings: Path, password: str | None
) -> None:
    spoil(data)
    before = content(data)
    with pytest.raises(StorageError, match="password"):
        backup.restore(made, data, settings, password)
    assert content(data) == before
    assert not [each for each in data.iterdir() if each.name.startswith(".restore")]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_file_changes_nothing(
    made: Path, data: Path, settings: Path, damage: str
) -> None:
    whole = made.read_bytes()
    with tarfile.open(made) as outer:
        part = outer.getmember(backup.DATA)
    flipped = bytearray(whole)
    flipped[part.offset_data + part.size // 2] ^= 1
    made.write_bytes(
        {
            "cut": whole[: part.offset_data + part.size // 2],
            "flipped": bytes(flipped),
            "empty": b"",
            "text": b"hello " * 1000,
        }[damage]
    )
    before = content(data)
    with pytest.raises(StorageError):
        backup.restore(made, data, settings, PASSWORD)
    assert content(data) == before


@pytest.mark.parametrize("sin", ["up", "absolute", "link", "lock", "device"])
def test_what_is_nothing_of_ours_is_refused(
    tmp_path: Path, data: Path, settings: Path, sin: str
) -> None:
    entry = tarfile.TarInfo("fine.json")
    if sin == "up":
        entry.name = "../outside.json"
    elif sin == "absolute":
        entry.name = str(tmp_path / "outside.json")
    elif sin == "link":
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
    elif sin == "lock":
        entry.name = "hub.lock"
    else:
        entry.type = tarfile.CHRTYPE
    path = tmp_path / "hostile.tar"
    about = backup.About("2026-01-01", "0.0.1", False, False).document()
    with SecureTarArchive(path, "w") as archive:
        text = json.dumps(about).encode()
        head = tarfile.TarInfo(backup.ABOUT)
        head.size = len(text)
        archive.tar.addfile(head, io.BytesIO(text))
        with archive.create_tar(backup.DATA, gzip=True) as inner:
            inner.addfile(entry)
    before = content(data)
    with pytest.raises(StorageError, match="nothing of Hearth's"):
        backup.restore(path, data, settings, None)
    assert content(data) == before
    assert not (tmp_path / "outside.json").exists()


def test_one_of_a_newer_hub_is_refused(
    made: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "__version__", "0.0.1")
    with pytest.raises(StorageError, match="update Hearth first"):
        backup.restore(made, data, None, PASSWORD)


class Cut(BaseException):
    """The power is gone."""


def test_a_power_cut_at_any_step_leaves_the_old_or_the_new(
    made: Path, data: Path, settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut at the first step, the second, and so on until none is left; then the next start."""
    new = content(data)
    spoil(data)
    old, start = content(data), tmp_path / "start"
    shutil.copytree(data, start)
    seen = set()
    rename = Path.rename
    for step in range(1, 100):
        shutil.rmtree(data)
        shutil.copytree(start, data)
        left = step

        def cut(self: Path, target: Path) -> Path:
            nonlocal left
            left -= 1
            if not left:
                raise Cut
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", cut)
        try:
            backup.restore(made, data, settings, PASSWORD)
            done = True
        except Cut:
            done = False
        monkeypatch.setattr(Path, "rename", rename)
        backup.finish(data)
        found = content(data)
        assert found in (old, new), f"a mixture after step {step}"
        seen.add("new" if found == new else "old")
        if done:
            break
    assert seen == {"old", "new"} and step > 5


def test_of_a_folder_only_the_newest_are_kept(tmp_path: Path) -> None:
    for day in range(1, 6):
        (tmp_path / f"hearth-2026-11-0{day}-030000.tar").touch()
    (tmp_path / "holiday.tar").touch()
    backup.thin_out(tmp_path, 2)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "hearth-2026-11-04-030000.tar",
        "hearth-2026-11-05-030000.tar",
        "holiday.tar",
    ]


def test_settings_that_cannot_be_written_are_known_beforehand(
    made: Path, data: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(data)
    before = content(data)
    monkeypatch.setattr(backup.os, "access", lambda path, mode: path != settings.parent)
    with pytest.raises(StorageError, match="as root, or --without-settings"):
        backup.restore(made, data, settings, PASSWORD)
    assert content(data) == before


# --- the commands --------------------------------------------------------------------------------


@pytest.fixture
def configured(data: Path, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.write_text(f'[hub]\ndata = "{data}"\n')
    monkeypatch.setenv("HEARTH_CONFIG", str(settings))
    secret = settings.parent / "password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    return secret


def hearth(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_backup_and_restore_as_commands(configured: Path, data: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    said = json.loads(hearth("backup", stick, "--password-file", configured, "--json"))
    assert said["files"] == 3
    before = content(data)
    spoil(data)
    hearth("restore", said["file"], "--password-file", configured, "--yes")
    assert content(data) == before


def test_a_hub_that_runs_is_not_restored_under(
    configured: Path, data: Path, tmp_path: Path
) -> None:
    import fcntl

    path = tmp_path / "b.tar"
    hearth("backup", path, "--password-file", configured)
    with (data / "hub.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match="another hub is running"):
            hearth("restore", path, "--password-file", configured, "--yes")


def test_a_password_that_others_can_read_is_refused(configured: Path, tmp_path: Path) -> None:
    configured.chmod(0o644)
    with pytest.raises(Exception, match="chmod 600"):
        hearth("backup", tmp_path / "b.tar", "--password-file", configured)
    assert not (tmp_path / "b.tar").exists()
