"""Taking apart what strangers have packed.

Nothing of an archive is believed: every member is looked at before the first is written, by rules
under which a name means the same file on every system, and what is written is counted, whatever
the archive says of its sizes. One bad member refuses the whole archive.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hub.errors import reason
from hub.packs import description
from hub.packs.description import PackError

MOST_BYTES = 50_000_000
"""Of all files of a pack together, of an archive, and of all that is in one."""
MOST_FILES = 2000
MOST_MEMBERS = 10_000
"""In an archive that holds a pack among other things (a wheel)."""
LONGEST_NAME = 200
DEEPEST = 12
CHUNK = 1 << 16

_WINDOWS = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE
)
_FORBIDDEN = frozenset('\\:*?"<>|')
"""Separators, drives, streams and patterns on some system."""


def left_out(name: str) -> bool:
    """Whether a path is none of a pack's: what version control, editors and Python leave about."""
    hidden = any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))
    return hidden or name.endswith((".pyc", "~"))


class Names:
    """The paths in a pack or archive, each checked by itself and against the others."""

    def __init__(self, source: str, most: int = MOST_FILES) -> None:
        self._source = source
        self._most = most
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def add(self, name: str, *, folder: bool = False) -> str:
        """The name. Raises PackError unless it is relative, says where it leads, and is told
        from every other one by any file system."""
        parts = self._checked(name).split("/")
        for number in range(1, len(parts)):
            self._add_folder("/".join(parts[:number]), name)
        if folder:
            self._add_folder(name, name)
            return name
        key = _same(name)
        if key in self._files or key in self._folders:
            other = self._files.get(key) or self._folders[key]
            raise self._wrong(name, f"has the same name as {other!r:.80} on some systems")
        self._files[key] = name
        if len(self._files) + len(self._folders) > self._most:
            raise PackError(f"{self._source}: has more than {self._most} files")
        return name

    def _add_folder(self, folder: str, name: str) -> None:
        key = _same(folder)
        other = self._folders.setdefault(key, folder)
        if other != folder or key in self._files:
            raise self._wrong(name, f"is in a folder that some systems take for {other!r:.80}")

    def _checked(self, name: str) -> str:
        if not name or name.startswith("/"):
            raise self._wrong(name, "is no relative path")
        if len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
            raise self._wrong(name, f"is longer than {LONGEST_NAME} bytes")
        if unicodedata.normalize("NFC", name) != name:
            raise self._wrong(name, "is not in the usual form of Unicode (NFC)")
        for character in name:
            if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
                raise self._wrong(name, "holds a character that cannot be seen, or is not UTF-8")
            if character in _FORBIDDEN:
                raise self._wrong(name, f"holds {character!r}")
        parts = name.split("/")
        if len(parts) > DEEPEST:
            raise self._wrong(name, f"is more than {DEEPEST} folders deep")
        for part in parts:
            if part in ("", ".", ".."):
                raise self._wrong(name, "leads elsewhere")
            if part != part.strip() or part.endswith("."):
                raise self._wrong(name, "begins or ends with a space or dot that systems drop")
            if _WINDOWS.fullmatch(part):
                raise self._wrong(name, "is the name of a device on some systems")
        return name

    def _wrong(self, name: str, why: str) -> PackError:
        return PackError(f"{self._source}: {name!a:.120}: {why}")


def _same(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    """Bytes, as the archive says."""
    read: Callable[[], Iterator[bytes]]


def extract(archive: Path, target: Path) -> bool:
    """Write the pack that is in a tar, tar.gz or zip into the folder `target`, which is made.

    The pack is at the top, or in the one folder that has a `pack.toml`; what is outside of that,
    and what is none of a pack's (`manifest.left_out`), is left. True if it may be an archive as
    `hearth skill pack` makes it, which is a tar without compression. Raises PackError, and has
    then written nothing that stays."""
    source = archive.name
    try:
        if archive.stat().st_size > MOST_BYTES + MOST_FILES * 1024:
            raise PackError(f"{source}: is larger than {MOST_BYTES // 10**6} MB")
        with archive.open("rb") as file:
            beginning = file.read(512)
            file.seek(0)
            if beginning.startswith(b"PK\x03\x04"):
                _write(_zip_members, file, source, target)
            elif beginning.startswith(b"\x1f\x8b"):
                with tempfile.TemporaryFile(prefix="unpacked-", dir=target.parent) as plain:
                    _uncompress(file, plain, source)
                    _write(_tar_members, plain, source, target)
            elif beginning[257:262] == b"ustar":
                _write(_tar_members, file, source, target)
                return True
            else:
                raise PackError(f"{source}: is no archive of a pack (tar, tar.gz or zip)")
    except OSError as error:
        raise PackError(f"{archive}: {reason(error)}") from error
    return False


_Reader = Callable[[IO[bytes], str], AbstractContextManager[list[_Member]]]


def _write(reader: _Reader, file: IO[bytes], source: str, target: Path) -> None:
    target.mkdir(mode=0o700)
    try:
        with _reported(source), reader(file, source) as members:
            _write_members(members, source, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _write_members(members: list[_Member], source: str, target: Path) -> None:
    root = _root([member.name for member in members], source)
    chosen = [
        member
        for member in members
        if member.name.startswith(root) and not left_out(member.name.removeprefix(root))
    ]
    if len(chosen) > MOST_FILES:
        raise PackError(f"{source}: has more than {MOST_FILES} files")
    if sum(member.size for member in chosen) > MOST_BYTES:
        raise PackError(f"{source}: unpacked it is larger than {MOST_BYTES // 10**6} MB")
    left = MOST_BYTES
    for member in chosen:
        path = target / member.name.removeprefix(root)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "wb") as out:
            for chunk in member.read():
                left -= len(chunk)
                if left < 0:
                    raise PackError(f"{source}: unpacked it is larger than it says")
                out.write(chunk)
            if out.tell() != member.size:
                raise PackError(f"{source}: {member.name} is not as long as it says")


def _root(names: list[str], source: str) -> str:
    """The folder of the pack, with its slash; '' for the top."""
    if description.FILE in names:
        return ""
    found = [name for name in names if name.endswith(f"/{description.FILE}")]
    if len(found) != 1:
        what = "no" if not found else "more than one"
        raise PackError(f"{source}: there is {what} {description.FILE} in it")
    return found[0].removesuffix(description.FILE)


@contextmanager
def _reported(source: str) -> Iterator[None]:
    """What the libraries say of damaged archives, as one of our errors."""
    try:
        yield
    # RuntimeError is how zipfile says that a password is wanted; the others come of numbers and
    # texts in headers that are none.
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as error:
        raise PackError(f"{source}: is damaged: {error}") from error


def _uncompress(file: IO[bytes], plain: IO[bytes], source: str) -> None:
    """Unpack the one gzip member that a file is; never more than a pack and its headers."""
    most = MOST_BYTES + MOST_MEMBERS * 1024
    unpacker = zlib.decompressobj(wbits=31)
    done = 0
    with _reported(source):
        while not unpacker.eof:
            # What did not fit into a step is in the tail.
            given = unpacker.unconsumed_tail or file.read(CHUNK)
            unpacked = unpacker.decompress(given, CHUNK)
            if not given and not unpacked:
                raise PackError(f"{source}: its end is missing")
            done += len(unpacked)
            if done > most:
                raise PackError(f"{source}: unpacked it is larger than {MOST_BYTES // 10**6} MB")
            plain.write(unpacked)
    if unpacker.unused_data or file.read(1):
        raise PackError(f"{source}: something follows its end")
    plain.seek(0)


_PAX = frozenset({"path", "comment", "mtime", "atime", "ctime"})
"""Longer headers that change nothing but the name."""


@contextmanager
def _tar_members(file: IO[bytes], source: str) -> Iterator[list[_Member]]:
    names = Names(source, MOST_MEMBERS)
    members = []
    end = 0
    with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="strict") as tar:
        for member in tar:
            shown = f"{source}: {member.name!a:.120}"
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
                raise PackError(f"{shown}: is a link, a device or the like")
            if member.issparse() or not set(member.pax_headers) <= _PAX or member.size < 0:
                raise PackError(f"{shown}: has a header that is not needed")
            if member.mode & (stat.S_ISUID | stat.S_ISGID):
                raise PackError(f"{shown}: would run as somebody else")
            if member.isdir():
                names.add(member.name.removesuffix("/"), folder=True)
            else:
                name = names.add(member.name)
                read = _reading(file, member.offset_data, member.size)
                members.append(_Member(name, member.size, read))
            end = member.offset_data + (0 if member.isdir() else member.size)
        # tarfile takes a damaged header for the end, and does not miss a cut one.
        if file.seek(0, os.SEEK_END) < end:
            raise PackError(f"{source}: its end is missing")
        file.seek(end)
        while rest := file.read(CHUNK):
            if rest.count(0) != len(rest):
                raise PackError(f"{source}: something follows its end")
        yield members


def _reading(file: IO[bytes], offset: int, size: int) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        file.seek(offset)
        left = size
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk

    return read


@contextmanager
def _zip_members(file: IO[bytes], source: str) -> Iterator[list[_Member]]:
    names = Names(source, MOST_MEMBERS)
    members = []
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            _check_zipped(info, source)
            if info.is_dir():
                names.add(info.filename.removesuffix("/"), folder=True)
            else:
                name = names.add(info.filename)
                members.append(_Member(name, info.file_size, _unzipping(archive, info)))
        yield members


def _check_zipped(info: zipfile.ZipInfo, source: str) -> None:
    name, mode = info.orig_filename, info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    shown = f"{source}: {name!a:.120}"
    # Without the flag, names are in a code page of which nobody can be sure.
    if name != info.filename or not (info.flag_bits & 0x800 or name.isascii()):
        raise PackError(f"{shown}: its name is cut, or not UTF-8")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise PackError(f"{shown}: is a link, a device or the like")
    if kind and info.is_dir() != (kind == stat.S_IFDIR):
        raise PackError(f"{shown}: is file and folder at once")
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise PackError(f"{shown}: would run as somebody else")
    if info.flag_bits & 0x1:
        raise PackError(f"{shown}: is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PackError(f"{shown}: is packed in an unusual way")


def _unzipping(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        with archive.open(info) as content:
            while chunk := content.read(CHUNK):
                yield chunk

    return read
