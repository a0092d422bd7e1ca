"""The list of all files of a pack with their sha256, as `sha256sum` writes and checks it.

Its own sha256 stands for the whole pack: whoever has the right manifest has the right pack.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from hub.errors import reason
from hub.packs import description
from hub.packs.archive import DEEPEST, MOST_BYTES, MOST_FILES, Names, left_out
from hub.packs.description import PackError

NAME = "MANIFEST.sha256"
SIGNATURE = "MANIFEST.sha256.minisig"
"""Where `minisign -Sm MANIFEST.sha256` puts it."""
KEY = "minisign.pub"
"""The author's public key, in the pack, so that it can be pinned when the pack is first seen."""

CHUNK = 1 << 18
LONGEST = MOST_FILES * 400

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def files(folder: Path, *, whole: bool = False) -> list[str]:
    """The pack's own files in a folder, by path, without manifest and signature; what is none of
    a pack's is passed over, or, if the `whole` folder is to be the pack, refused.

    Raises PackError for what cannot be in a pack: links, devices, names that are not the same
    everywhere, too much of it."""
    found = []
    names = Names(str(folder))
    total = 0
    for path, name in _walk(folder, "", whole):
        names.add(name)
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise PackError(f"{path}: is no plain file; a pack has no links and no devices")
        total += status.st_size
        if total > MOST_BYTES:
            raise PackError(f"{folder}: is larger than {MOST_BYTES // 10**6} MB")
        if name not in (NAME, SIGNATURE):
            found.append(name)
    return sorted(found)


def _walk(folder: Path, inner: str, whole: bool) -> Iterator[tuple[Path, str]]:
    """Every path below a folder that is not a folder, with its name in the pack."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise PackError(f"{folder}: {reason(error)}") from error
    for entry in entries:
        name = f"{inner}{entry.name}"
        if left_out(name) and not whole:
            continue
        if entry.is_dir(follow_symlinks=False):
            if name.count("/") >= DEEPEST:
                raise PackError(f"{entry.path}: is more than {DEEPEST} folders deep")
            yield from _walk(Path(entry.path), f"{name}/", whole)
        else:
            yield Path(entry.path), name


def of(folder: Path) -> bytes:
    """The manifest of what is in a folder. Raises PackError."""
    return b"".join(f"{_hash(folder / name)}  {name}\n".encode() for name in files(folder))


def digest(manifest: bytes) -> str:
    """What stands for the whole pack."""
    return hashlib.sha256(manifest).hexdigest()


def parse(manifest: bytes, source: str = NAME) -> dict[str, str]:
    """Path -> sha256. There is one way to write it; any other raises PackError."""
    try:
        text = manifest.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PackError(f"{source}: {reason(error)}") from error
    listed: dict[str, str] = {}
    names = Names(source)
    previous = ""
    if not text.endswith("\n"):
        raise PackError(f"{source}: its end is missing")
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        found = _LINE.fullmatch(line)
        if not found:
            raise PackError(f"{source}:{number}: is no line of a manifest")
        name = names.add(found[2])
        if name <= previous:
            raise PackError(f"{source}:{number}: is not in its order")
        if name in (NAME, SIGNATURE) or left_out(name):
            raise PackError(f"{source}:{number}: {name} cannot be in a manifest")
        previous, listed[name] = name, found[1]
    if description.FILE not in listed:
        raise PackError(f"{source}: {description.FILE} is not in it")
    return listed


def read(folder: Path) -> bytes | None:
    """The manifest that lies in a folder; None if there is none. Raises PackError."""
    path = folder / NAME
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}") from error
    if len(content) > LONGEST:
        raise PackError(f"{path}: is too long")
    return content


def check(folder: Path, manifest: bytes, *, whole: bool = True) -> None:
    """Compare a folder with a manifest, byte for byte: no file more, none less, none other.

    If it is not the `whole` folder that is the pack, what is none of a pack's (`left_out`) may
    lie there. Raises PackError that names the first difference."""
    listed = parse(manifest, str(folder / NAME))
    there = files(folder, whole=whole)
    for name in there:
        if name not in listed:
            raise PackError(f"{folder}: {name} is not in the manifest: it was put there later")
    _check(folder, listed)


def check_one(folder: Path, manifest: bytes, name: str) -> None:
    """Compare one file with the manifest. Raises PackError."""
    listed = parse(manifest, str(folder / NAME))
    _check(folder, {name: listed[name]})


def content(folder: Path, wanted: str, name: str, most: int = 8 * 1024 * 1024) -> bytes:
    """What is in one file of a pack, whose manifest has the digest `wanted`.

    Raises PackError if it is not in the manifest, was changed, or is too large."""
    found = read(folder)
    if found is None or digest(found) != wanted:
        raise PackError(f"{folder}: its manifest was changed")
    hashed = parse(found, str(folder / NAME)).get(name)
    if hashed is None:
        raise PackError(f"{name!r:.80} is no file of the pack")
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            held = file.read(most + 1)
    except OSError as error:
        raise PackError(f"{name}: {reason(error)}") from error
    if len(held) > most:
        raise PackError(f"{name}: is too large")
    if hashlib.sha256(held).hexdigest() != hashed:
        raise PackError(f"{folder}: {name} is not what the manifest says: it was changed")
    return held


def _check(folder: Path, listed: Mapping[str, str]) -> None:
    for name, wanted in listed.items():
        if _hash(folder / name) != wanted:
            raise PackError(f"{folder}: {name} is not what the manifest says: it was changed")


def _hash(path: Path) -> str:
    hashed = hashlib.sha256()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise PackError(f"{path}: is no plain file")
            while chunk := file.read(CHUNK):
                hashed.update(chunk)
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}") from error
    return hashed.hexdigest()
