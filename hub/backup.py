"""A backup of all that the hub keeps, as one file; and the way back.

The file is a SecureTar archive of version 3, the form that Home Assistant's backups have: Argon2id
makes a key of the password, libsodium's secretstream encrypts and proves each part. In it are the
settings and the data folder, without the models, which can be fetched again.

A hub may run meanwhile: each of its files is whole at every moment, and databases are copied by
SQLite itself. To restore, no hub may run. All that is restored lies ready, whole and on the disk,
before anything takes its place; from then on the rest is done by whoever comes next, so that a
power cut in the middle leaves the new, not a mixture. What was there before is kept in a folder
of its own.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nacl.exceptions import CryptoError
from packaging.version import InvalidVersion, Version
from securetar import (
    InvalidPasswordError,
    SecureTarArchive,
    SecureTarError,
)

from hub import __version__
from hub.errors import StorageError, reason

FORMAT = 1
ABOUT = "backup.json"
DATA, SETTINGS = "data.tar.gz", "settings.tar.gz"
SETTINGS_NAME = "hearth.toml"

LEFT_OUT = ("hub.lock", "models", "run")
"""Of the data folder: what can be fetched again, or is about a process that runs."""
OLD = "before-restore-"
COMING = ".restore-coming"
"""What is being unpacked; it means nothing yet."""
READY = ".restore-ready"
"""What is whole, and takes its place now."""
PLAN, MOVED = "plan.json", "moved"
"""What is to be done with it, and that what was there before is out of the way."""
SQLITE = b"SQLite format 3\x00"
BESIDE_SQLITE = ("-journal", "-shm", "-wal")

LARGEST = 2 * 1024**3
"""Bytes that a backup may unpack to."""
MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself, readable without its password."""

    created: str
    """UTC, ISO 8601"""
    version: str
    """Of the hub that made it."""
    encrypted: bool
    settings: bool
    """Whether it has the settings, too."""

    def document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "created": self.created,
            "hearth": self.version,
            "encrypted": self.encrypted,
            "settings": self.settings,
        }


@dataclass(frozen=True, slots=True)
class Restored:
    about: About
    files: int
    kept: Path | None
    """Where that is which was there before; None if nothing was."""


def name(now: datetime) -> str:
    """`hearth-2026-11-27-113000.tar`"""
    return f"hearth-{now:%Y-%m-%d-%H%M%S}.tar"


def make(path: Path, data: Path, settings: Path | None, password: str | None) -> int:
    """Write a backup, whole or not at all. `settings`: the settings file, if there is one.
    `password` None: anybody who has the file can read it. Returns how many files are in it.

    Raises StorageError."""
    coming = path.with_name(f".{path.name}.part")
    with_settings = settings is not None and settings.is_file()
    about = About(
        datetime.now(UTC).isoformat(timespec="seconds"),
        __version__,
        password is not None,
        with_settings,
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        coming.unlink(missing_ok=True)
        coming.touch(mode=0o600, exist_ok=False)
        with SecureTarArchive(coming, "w", password=password) as archive:
            text = json.dumps(about.document(), indent=2).encode()
            entry = tarfile.TarInfo(ABOUT)
            entry.size, entry.mode = len(text), 0o600
            archive.tar.addfile(entry, io.BytesIO(text))
            with archive.create_tar(DATA, gzip=True) as inner:
                count = _add_all(inner, data)
            if with_settings:
                assert settings is not None
                with archive.create_tar(SETTINGS, gzip=True) as inner:
                    inner.add(settings, SETTINGS_NAME, filter=_plain)
        _forced(coming)
        coming.replace(path)
        _forced(path.parent)
    except (OSError, SecureTarError, sqlite3.Error) as error:
        with suppress(OSError):
            coming.unlink(missing_ok=True)
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise StorageError(f"{path}: the backup could not be written: {why}") from error
    return count


def thin_out(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest backups that `name` named in a folder. Returns those removed.
    Raises StorageError."""
    found = sorted(folder.glob("hearth-????-??-??-??????.tar"))
    gone = found[:-keep] if keep else []
    for each in gone:
        try:
            each.unlink()
        except OSError as error:
            raise StorageError(f"{each}: cannot be removed: {reason(error)}") from error
    return gone


def about(path: Path) -> About:
    """What a backup says of itself. Raises StorageError for a file that is none, or one of a
    newer hub."""
    with _opened(path, None) as archive:
        return _about(path, archive.tar)


def restore(path: Path, data: Path, settings: Path | None, password: str | None) -> Restored:
    """Put back what is in a backup; the caller holds the lock on the data folder. `settings`:
    where the settings go; None leaves them.

    Raises StorageError, with everything as it was: for a wrong password, a damaged file, one that
    is no backup, or one of a newer hub."""
    finish(data)
    if settings is not None and not os.access(_existing(settings), os.W_OK):
        raise StorageError(
            f"{settings}: this user may not write it: restore as root, or --without-settings"
        )
    coming = data / COMING
    shutil.rmtree(coming, ignore_errors=True)
    try:
        (coming / "data").mkdir(mode=0o700, parents=True)
        with _opened(path, password) as archive:
            known = _about(path, archive.tar)
            if known.encrypted and password is None:
                raise StorageError(f"{path}: it is encrypted: its password is needed")
            files = _unpack_all(
                path, archive, coming, settings=settings is not None, encrypted=known.encrypted
            )
        plan = {"old": f"{OLD}{datetime.now():%Y%m%d-%H%M%S-%f}", "settings": str(settings or "")}
        (coming / PLAN).write_text(json.dumps(plan), encoding="utf-8")
        _forced_below(coming)
        coming.rename(data / READY)
        _forced(data)
    except (OSError, tarfile.TarError, EOFError) as error:
        why = reason(error) if isinstance(error, OSError) and error.errno else "it is damaged"
        raise StorageError(f"{path}: cannot be restored: {why}") from error
    finally:
        shutil.rmtree(coming, ignore_errors=True)
    return Restored(known, files, finish(data))


def finish(data: Path) -> Path | None:
    """Go on with a restore of which all lies ready, also one that was interrupted then. Returns the
    folder with what was there before, if there was something. Raises StorageError."""
    ready = data / READY
    if not ready.is_dir():
        return None
    try:
        plan = json.loads((ready / PLAN).read_text(encoding="utf-8"))
        old, moved = data / str(plan["old"]), ready / MOVED
        if not moved.exists():
            old.mkdir(mode=0o700, exist_ok=True)
            for each in _restorable(data):
                each.rename(old / each.name)
            moved.touch()
            _forced(ready)
        for each in sorted((ready / "data").iterdir()):
            each.rename(data / each.name)
        _owned_as(data)
        if plan["settings"] and (ready / SETTINGS_NAME).is_file():
            _put_settings(ready / SETTINGS_NAME, Path(plan["settings"]))
        _forced(data)
        shutil.rmtree(ready)
        if not any(old.iterdir()):
            old.rmdir()
            return None
    except (OSError, ValueError, KeyError) as error:
        why = reason(error) if isinstance(error, OSError) else "its plan makes no sense"
        raise StorageError(f"{data}: what is restored cannot take its place: {why}") from error
    return old


def _restorable(data: Path) -> list[Path]:
    """What a backup of this folder has, or would have."""
    return [each for each in sorted(data.iterdir()) if not _left_out(each.name)]


def _left_out(name: str) -> bool:
    return (
        name in (*LEFT_OUT, COMING, READY)
        or name.startswith(OLD)
        or name.endswith((".tmp", ".part"))
    )


def _add_all(inner: tarfile.TarFile, data: Path) -> int:
    count = 0
    if not data.is_dir():
        return 0
    with TemporaryDirectory(prefix="hearth-backup-") as scratch:
        for file, within in _files(data):
            try:
                source = _of_database(file, Path(scratch)) if _is_database(file) else file
                inner.add(source, within, recursive=False, filter=_plain)
            except FileNotFoundError:  # it was removed since; so it is not kept
                continue
            count += 1
    return count


def _files(data: Path) -> Iterator[tuple[Path, str]]:
    """Regular files, with their names in the backup."""
    for top in _restorable(data):
        inside = sorted(top.rglob("*")) if top.is_dir() and not top.is_symlink() else [top]
        for each in inside:
            if each.name.endswith((".tmp", *BESIDE_SQLITE)) or each.is_symlink():
                continue
            if each.is_file():
                yield each, str(each.relative_to(data))


def _is_database(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(SQLITE)) == SQLITE


def _of_database(file: Path, scratch: Path) -> Path:
    """A copy of a database as it is at one moment, whoever writes to it."""
    copy = scratch / "copy.db"
    copy.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without who owns it: it is restored elsewhere, perhaps for another user."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o700 if entry.mode & stat.S_IXUSR else 0o600
    return entry


def _opened(path: Path, password: str | None) -> SecureTarArchive:
    if not path.is_file():
        raise StorageError(f"{path}: there is no such file")
    try:
        with tarfile.open(path) as tried:
            tried.next()
    except (tarfile.TarError, EOFError) as error:
        raise StorageError(f"{path}: this is no backup of Hearth's") from error
    return SecureTarArchive(path, "r", password=password)


def _about(path: Path, archive: tarfile.TarFile) -> About:
    """The first entry."""
    try:
        entry = archive.next()
        file = archive.extractfile(entry) if entry and entry.name == ABOUT else None
        found = json.loads(file.read(10_000)) if file else {}
        known = int(found["format"])
        made_by = Version(found["hearth"])
        result = About(
            str(found["created"]),
            str(made_by),
            bool(found["encrypted"]),
            bool(found["settings"]),
        )
    except (KeyError, TypeError, ValueError, InvalidVersion, tarfile.TarError) as error:
        raise StorageError(f"{path}: this is no backup of Hearth's") from error
    if known > FORMAT or made_by > Version(__version__):
        raise StorageError(
            f"{path}: it was made by Hearth {made_by}, and this is {__version__}: "
            "update Hearth first"
        )
    return result


def _part(archive: SecureTarArchive, member: tarfile.TarInfo, encrypted: bool) -> Any:
    return archive.extract_tar(member) if encrypted else archive.tar.extractfile(member)


def _unpack_all(
    path: Path, archive: SecureTarArchive, coming: Path, *, settings: bool, encrypted: bool
) -> int:
    files, names = 0, set()
    for member in archive.tar:
        if member.name not in (DATA, SETTINGS):
            continue
        names.add(member.name)
        if member.name == SETTINGS and not settings:
            continue
        folder = coming / "data" if member.name == DATA else coming
        wanted = _data if member.name == DATA else _settings
        refused: StorageError | None = None
        try:
            with (
                _part(archive, member, encrypted) as stream,
                tarfile.open(fileobj=stream, mode="r|gz") as inner,
            ):
                try:
                    files += _unpack(path, inner, folder, wanted)
                except StorageError as error:  # closing what was not read to the end fails, too
                    refused = error
                while not refused and stream.read(1024 * 1024):  # the end proves all of it
                    pass
        except InvalidPasswordError as error:
            raise StorageError(f"{path}: this is not its password") from error
        except (SecureTarError, CryptoError, tarfile.ReadError, zlib.error) as error:
            damaged = StorageError(f"{path}: it is damaged: nothing was changed")
            raise refused or damaged from error
        if refused:
            raise refused
    if DATA not in names:
        raise StorageError(f"{path}: it is damaged: there is no data in it")
    return files


def _data(name: str) -> bool:
    parts = Path(name).parts
    return bool(parts) and ".." not in parts and parts[0] != "/" and not _left_out(parts[0])


def _settings(name: str) -> bool:
    return name == SETTINGS_NAME


def _unpack(path: Path, inner: tarfile.TarFile, folder: Path, wanted: Callable[[str], bool]) -> int:
    files = size = 0
    for entry in inner:
        if not entry.isreg() or not wanted(entry.name):
            raise StorageError(f"{path}: '{entry.name[:100]}' in it is nothing of Hearth's")
        files, size = files + 1, size + entry.size
        if size > LARGEST or files > MOST_FILES:
            raise StorageError(f"{path}: it holds more than any hub keeps")
        try:
            inner.extract(entry, folder, filter="data")
        except tarfile.FilterError as error:
            raise StorageError(f"{path}: '{entry.name[:100]}' in it is nothing of Hearth's") from (
                error
            )
        (folder / entry.name).chmod(0o700 if entry.mode & stat.S_IXUSR else 0o600)
    return files


def _existing(path: Path) -> Path:
    """The folder that there is, in which a file would be made."""
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    return folder


def _put_settings(text: Path, settings: Path) -> None:
    """In the place of those that there are, which stay beside."""
    if settings.is_file():
        if settings.read_bytes() == text.read_bytes():
            return
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        shutil.copy2(settings, settings.with_name(f"{settings.name}.{OLD}{stamp}"))
    settings.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = settings.with_name(f".{settings.name}.part")
    shutil.copyfile(text, new)
    before = settings if settings.exists() else settings.parent
    found = before.stat()
    new.chmod(stat.S_IMODE(found.st_mode) if settings.exists() else 0o600)
    if os.geteuid() == 0:
        os.chown(new, found.st_uid, found.st_gid)
    _forced(new)
    new.replace(settings)
    _forced(settings.parent)


def _owned_as(data: Path) -> None:
    """Restored by root, it still belongs to the user of the hub."""
    if os.geteuid() != 0:
        return
    owner = data.stat()
    for each in data.iterdir():
        for file in (each, *each.rglob("*")) if each.name != "models" else ():
            os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _forced_below(folder: Path) -> None:
    for each in sorted(folder.rglob("*"), reverse=True):
        _forced(each)
    _forced(folder)


def _forced(path: Path) -> None:
    """To the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
