"""What strangers pack: every trick is refused whole, and shown to work on a reader who trusts.

Each sin is an archive of a good pack with one thing wrong in it. Its control shows that the sin is
one: an extractor that believes the archive writes outside, follows a link, makes a device, fills
the disk, or, on a system that compares names in another way, writes over what was checked.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import pytest

from hub.packs import archive, manifest, pack
from hub.packs.description import PackError
from tests import packs_kit

GOOD: dict[str, bytes] = {
    "pack.toml": packs_kit.description().encode(),
    "skill.py": packs_kit.SKILL.encode(),
}
EVIL = b"evil"
TEN = 10_000_000


# --- archives with a sin in them ----------------------------------------------------------------


def tar(*members: tuple[tarfile.TarInfo, bytes], good: bool = True, form: int = 1) -> bytes:
    """A tar with a pack in it, and these members behind it. `form` 1: GNU, 2: pax."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=form) as file:
        for name, content in GOOD.items() if good else ():
            file.addfile(member(name, size=len(content)), io.BytesIO(content))
        for info, content in members:
            file.addfile(info, io.BytesIO(content) if content else None)
    return out.getvalue()


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def tar_of(*names: str) -> bytes:
    return tar(*((member(name, size=len(EVIL)), EVIL) for name in names), form=2)


def zip_of(*names: str, good: bool = True, mode: int = 0, content: bytes = EVIL) -> bytes:
    return zipped([(entry(name, mode), content) for name in names], GOOD.items() if good else ())


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name  # the constructor would cut it at a NUL
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def zipped(
    entries: list[tuple[zipfile.ZipInfo, bytes]],
    good: object = None,
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, content in GOOD.items() if good is None else good:  # type: ignore[attr-defined]
            file.writestr(name, content)
        for info, content in entries:
            info.compress_type = compression
            file.writestr(info, content)
    return out.getvalue()


def link(kind: bytes, name: str, to: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=kind, linkname=to), b""


def raw_tar_name(name: bytes) -> bytes:
    """A tar whose third member has a name of these bytes."""
    content = bytearray(tar_of("x" * len(name)))
    # The GNU or ustar header of the member; its checksum is made anew.
    start = content.index(b"x" * len(name) + b"\0")
    content[start : start + len(name)] = name
    return checked(content, start)


def checked(content: bytearray, start: int) -> bytes:
    header = content[start : start + 512]
    header[148:156] = b" " * 8
    content[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return bytes(content)


def cut_zip_name() -> bytes:
    return zip_of("phrases.py~X~..toml").replace(b"~X~", b"\0X\0")


def not_utf8_zip() -> bytes:
    return zip_of("caf_.py").replace(b"caf_", b"caf\xe9")


def encrypted() -> bytes:
    content = bytearray(zip_of("secret.py"))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        start = content.rindex(mark)
        content[start + (6 if mark[2] == 3 else 8)] |= 1
    return bytes(content)


def lying_zip(size: int) -> bytes:
    """Says of a file that it has `size` bytes."""
    content = bytearray(zipped([(entry("big.txt"), b"\0" * TEN)], None, zipfile.ZIP_DEFLATED))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.rindex(mark) + offset
        content[start : start + 4] = struct.pack("<I", size)
    return bytes(content)


def overlapping_zip(times: int) -> bytes:
    """Many names of one content: a small file that unpacks to a large one."""
    content = zipped([(entry("big.txt"), b"\0" * TEN)], None, zipfile.ZIP_DEFLATED)
    start = content.rindex(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    record = content[start:end]
    local = content.rindex(b"PK\x03\x04")
    del local
    records = [record.replace(b"big.txt", b"b%02d.txt" % n) for n in range(times)]
    first = content.index(b"PK\x01\x02")
    central = content[first:start] + b"".join(records)
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, 2 + times, 2 + times, len(central))
    return content[:first] + central + bytes(tail)


def renamed_locally() -> bytes:
    """Its two directories say different names."""
    return zip_of("nice.py").replace(b"nice.py", b"evil.py", 1)


def hidden_behind_damage() -> bytes:
    content = bytearray(tar_of("first.py", "second.py"))
    start = content.index(b"first.py")
    content[start + 148 : start + 156] = b"0000000\0"
    return bytes(content)


def long_tar(size: int) -> bytes:
    """Its last member says that it has `size` bytes, and has four."""
    content = bytearray(tar_of("big.txt"))
    start = content.index(b"big.txt")
    content[start + 124 : start + 136] = b"%011o\0" % size
    return checked(content, start)


def negative_tar() -> bytes:
    content = bytearray(tar_of("big.txt"))
    start = content.index(b"big.txt")
    content[start + 124 : start + 136] = b"\xff" * 10 + b"\xfe\x00"
    return checked(content, start)


def pax(headers: dict[str, str], name: str = "phrases.py") -> bytes:
    info = member(name, size=len(EVIL))
    info.pax_headers = headers
    return tar((info, EVIL), form=2)


def sparse() -> bytes:
    """Four bytes that say they are a file of a gigabyte."""
    content = b"1\n0\n4\n".ljust(512, b"\0") + EVIL
    info = member("phrases.py", size=len(content))
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "phrases.py",
        "GNU.sparse.realsize": str(10**9),
    }
    return tar((info, content), form=2)


# --- what a reader who trusts makes of them ------------------------------------------------------


def trusting_tar(content: bytes, target: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(content)) as file:
        for info in file:
            file.extract(info, target, filter="fully_trusted")


def trusting_zip(content: bytes, target: Path) -> None:
    """As unzip was once, and as everybody writes it who does not know better."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for info in file.infolist():
            path = Path(os.path.join(target, info.filename))  # noqa: PTH118
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode):
                path.symlink_to(file.read(info).decode())
            elif info.is_dir():
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(file.read(info))
                if mode & 0o7000:
                    path.chmod(mode)


def trusting(content: bytes, target: Path) -> None:
    target.mkdir(parents=True)
    (trusting_zip if content.startswith(b"PK") else trusting_tar)(content, target)


def names_in(content: bytes) -> list[str]:
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return file.namelist()
    with tarfile.open(fileobj=io.BytesIO(content)) as tarred:
        return tarred.getnames()


Proof = Callable[[bytes, Path], bool]
"""Whether the sin works on who trusts; may use a folder."""


def writes_outside(content: bytes, place: Path) -> bool:
    target = place / "a" / "b" / "c"
    trusting(content, target)
    return any(
        path.is_file() and path.read_bytes() == EVIL and not path.is_relative_to(target)
        for path in place.rglob("*")
    )


def leaves_a_link(content: bytes, place: Path) -> bool:
    (place / "outside").write_bytes(EVIL)
    target = place / "a" / "b" / "c"
    trusting(content, target)
    return any(
        path.is_symlink() or path.lstat().st_nlink > 1
        for path in target.rglob("*")
        if path.is_symlink() or path.is_file()
    )


def leaves_no_plain_file(content: bytes, place: Path) -> bool:
    target = place / "c"
    if os.geteuid() != 0 and b"pipe" not in content:
        with tarfile.open(fileobj=io.BytesIO(content)) as file:  # only root may make one
            return any(info.isdev() for info in file)
    trusting(content, target)
    return any(not path.is_file() and not path.is_dir() for path in target.rglob("*"))


def runs_as_somebody_else(content: bytes, place: Path) -> bool:
    trusting(content, place / "c")
    return any(path.stat().st_mode & 0o6000 for path in (place / "c").rglob("*"))


def fills_the_disk(content: bytes, place: Path) -> bool:
    trusting(content, place / "c")
    files = [path for path in (place / "c").rglob("*") if path.is_file()]
    return (
        sum(path.stat().st_size for path in files) > archive.MOST_BYTES
        or len(files) > archive.MOST_FILES
    )


def meets_another(fold: Callable[[str], str]) -> Proof:
    """Two names are one on a system that compares names so: the second writes over the first."""

    def proof(content: bytes, place: Path) -> bool:
        names = names_in(content)
        return len({fold(name) for name in names}) < len(set(names)) or len(set(names)) < len(names)

    return proof


def apple(name: str) -> str:
    return normalize("NFD", name).casefold()


def compatible(name: str) -> str:
    return normalize("NFKC", name).casefold()


def windows(name: str) -> str:
    """Where a name leads on Windows: backslashes, streams, what it drops at ends."""
    parts = name.replace("\\", "/").split(":")[0].split("/")
    return "/".join(part.rstrip(". ") if part != ".." else part for part in parts).casefold()


def leads_out_on_windows(content: bytes, place: Path) -> bool:
    return any(
        ".." in name.replace("\\", "/").split("/") or name[1:2] == ":" for name in names_in(content)
    )


def is_a_device_on_windows(content: bytes, place: Path) -> bool:
    return any(
        name.split("/")[-1].split(".")[0].casefold()
        in ("con", "aux", "nul", "com1", "com¹", "lpt9")
        for name in names_in(content)
    )


def shows_something_else(content: bytes, place: Path) -> bool:
    """What a person sees of a name is not what it is."""
    return any(not name.isprintable() for name in names_in(content))


def is_read_in_two_ways(content: bytes, place: Path) -> bool:
    """A second reader finds other names or contents than the first, or none at all."""
    try:
        first = names_in(content)
    except (tarfile.TarError, zipfile.BadZipFile, UnicodeError, ValueError):
        return True
    if content.startswith(b"PK"):
        at_places = [content[start + 30 : start + 60] for start in found(content, b"PK\x03\x04")]
        return any(
            not any(place.startswith(name.encode()) for place in at_places) for name in first
        )
    blocks = (content[start : start + 100].rstrip(b"\0") for start in range(0, len(content), 512))
    others = {block for block in blocks if block.endswith(b".py")}
    return not others <= {name.encode() for name in first}


def found(content: bytes, mark: bytes) -> Iterator[int]:
    start = content.find(mark)
    while start >= 0:
        yield start
        start = content.find(mark, start + 1)


def is_not_all(content: bytes, place: Path) -> bool:
    """Who trusts takes a part of it for the whole, or falls over it with an error of another."""
    try:
        trusting(content, place / "c")
    except Exception:
        return True
    return (
        any(not path.read_bytes() for path in (place / "c").rglob("*") if path.is_file())
        or len(names_in(content)) < 3
    )


def is_not_missed(content: bytes, place: Path) -> bool:
    """Who trusts never reads as far as to see that it is damaged."""
    trusting(content, place / "c")
    try:
        gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile):
        return True
    return False


def lies_about_its_size(content: bytes, place: Path) -> bool:
    trusting(content, place / "c")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        said = file.getinfo("big.txt").file_size
    return (place / "c" / "big.txt").stat().st_size != said


def carries_more(content: bytes, place: Path) -> bool:
    """Who trusts reads it without a word about what else is in the file."""
    plain = (
        gzip.decompress(content[: content.rindex(b"\x1f\x8b")]) if content[:1] == b"\x1f" else b""
    )
    trusting(plain or content, place / "c")
    return EVIL * 3 in content or content.count(b"\x1f\x8b") > 1


def surprises(content: bytes, place: Path) -> bool:
    """A reader that knows the header makes something else of the member than one that does not."""
    with tarfile.open(fileobj=io.BytesIO(content)) as file:
        return any(info.pax_headers or info.issparse() or info.type not in b"05" for info in file)


def is_ambiguous(content: bytes, place: Path) -> bool:
    return sum(name.endswith("pack.toml") for name in names_in(content)) != 1


def needs_more(content: bytes, place: Path) -> bool:
    """Who trusts asks for a password, or unpacks with whatever library is named."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return any(
            info.flag_bits & 1 or info.compress_type not in (0, 8) for info in file.infolist()
        )


# --- the sins -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sin:
    name: str
    make: Callable[[], bytes]
    works: Proof
    says: str = ""
    """A part of the refusal, where it shall be this one."""


def both(name: str, works: Proof, *names: str, says: str = "") -> list[Sin]:
    """The same names in a tar and in a zip."""
    return [
        Sin(f"tar: {name}", lambda: tar_of(*names), works, says),
        Sin(f"zip: {name}", lambda: zip_of(*names), works, says),
    ]


LINK = stat.S_IFLNK | 0o777

SINS = [
    *both("one folder up", writes_outside, "../evil", says="leads elsewhere"),
    *both("up from within", writes_outside, "a/b", "a/../../evil", says="leads elsewhere"),
    *both("far up", writes_outside, "../../../evil", says="leads elsewhere"),
    *both("a way round", meets_another(lambda n: os.path.normpath(n)), "x/../skill.py"),
    *both("a dot in the way", meets_another(lambda n: os.path.normpath(n)), "./skill.py"),
    *both("two slashes", meets_another(lambda n: os.path.normpath(n)), "a/b.py", "a//b.py"),
    *both("twice the same", meets_another(str), "skill.py", says="same name"),
    *both("file and folder", is_not_all, "x", "x/y", says="some systems"),
    *both("backslashes", leads_out_on_windows, "..\\..\\evil"),
    *both("a drive", leads_out_on_windows, "C:\\evil.py"),
    *both("a drive without a slash", leads_out_on_windows, "C:evil.py"),
    *both("a stream", meets_another(windows), "skill.py:hidden"),
    *both("case", meets_another(apple), "Skill.py", says="same name"),
    *both("case of a folder", meets_another(lambda n: n.split("/")[0].casefold()), "A/x", "a/y"),
    *both("case of the description", meets_another(apple), "PACK.toml", says="same name"),
    *both("a decomposed letter", meets_another(apple), "caf\u00e9.py", "cafe\u0301.py"),
    *both("a ligature", meets_another(compatible), "\ufb01le.py", "file.py", says="same name"),
    *both("wide letters", meets_another(compatible), "\uff53kill.py", says="same name"),
    *both("a dot at the end", meets_another(windows), "skill.py.", says="drop"),
    *both("a space at the end", meets_another(windows), "skill.py ", says="drop"),
    *both("a device", is_a_device_on_windows, "con", says="device"),
    *both("a device with an ending", is_a_device_on_windows, "phrases/aux.toml", says="device"),
    *both("a device in superscript", is_a_device_on_windows, "com¹.txt", says="device"),
    *both("a line break", shows_something_else, "skill.py\nrm -rf", says="cannot be seen"),
    *both("orders for a terminal", shows_something_else, "\x1b[2Jx.py", says="cannot be seen"),
    *both("right to left", shows_something_else, "gpj.\u202eyp.exe", says="cannot be seen"),
    *both("no width", shows_something_else, "skill\u200b.py", says="cannot be seen"),
    *both("private letters", shows_something_else, "a\ue000.py", says="cannot be seen"),
    *both("a long name", lambda c, p: max(map(len, names_in(c))) > 200, "x" * 250, says="longer"),
    *both(
        "a deep folder", lambda c, p: any(n.count("/") > 40 for n in names_in(c)), "d/" * 50 + "x"
    ),
    *both(
        "a thousand files too many", fills_the_disk, *(f"f{n}" for n in range(3000)), says="more"
    ),
    Sin("tar: an absolute path", lambda: tar_of("/ABSOLUTE/evil"), writes_outside, "relative"),
    Sin("zip: an absolute path", lambda: zip_of("/ABSOLUTE/evil"), writes_outside, "relative"),
    Sin("tar: a link out", lambda: tar(link(b"2", "x", "../../../outside")), leaves_a_link, "link"),
    Sin(
        "tar: a link to a file", lambda: tar(link(b"2", "x", "/etc/passwd")), leaves_a_link, "link"
    ),
    Sin("tar: a link within", lambda: tar(link(b"2", "x.py", "skill.py")), leaves_a_link, "link"),
    Sin(
        "tar: through a link",
        lambda: tar(link(b"2", "x", "../.."), (member("x/evil", size=4), EVIL)),
        writes_outside,
        "link",
    ),
    Sin("tar: a hard link", lambda: tar(link(b"1", "x.py", "skill.py")), leaves_a_link, "link"),
    Sin(
        "tar: a hard link out",
        lambda: tar(link(b"1", "x", "../../../outside")),
        leaves_a_link,
        "link",
    ),
    Sin(
        "zip: a link out",
        lambda: zip_of("x", mode=LINK, content=b"/etc/passwd"),
        leaves_a_link,
        "link",
    ),
    Sin(
        "zip: through a link",
        lambda: zipped([(entry("x", LINK), b"../.."), (entry("x/evil"), EVIL)]),
        writes_outside,
    ),
    Sin(
        "tar: a pipe", lambda: tar((member("pipe", type=b"6"), b"")), leaves_no_plain_file, "device"
    ),
    Sin(
        "tar: a character device",
        lambda: tar((member("null", type=b"3", devmajor=1, devminor=3), b"")),
        leaves_no_plain_file,
        "device",
    ),
    Sin(
        "tar: a disk",
        lambda: tar((member("disk", type=b"4", devmajor=8, devminor=0), b"")),
        leaves_no_plain_file,
        "device",
    ),
    Sin(
        "zip: a pipe",
        lambda: zip_of("p", mode=stat.S_IFIFO | 0o644),
        lambda c, p: b"\0\0\xa4\x11" in c,
        "device",
    ),
    Sin(
        "zip: a character device",
        lambda: zip_of("p", mode=stat.S_IFCHR | 0o644),
        lambda c, p: b"\0\0\xa4\x21" in c,
        "device",
    ),
    Sin(
        "zip: a folder that is a file",
        lambda: zip_of("p/", mode=stat.S_IFREG | 0o644),
        lambda c, p: "p/" in names_in(c),
        "at once",
    ),
    Sin(
        "tar: a kind nobody knows",
        lambda: tar((member("x.py", type=b"Z", size=4), EVIL)),
        surprises,
    ),
    Sin(
        "tar: a contiguous file", lambda: tar((member("x.py", type=b"7", size=4), EVIL)), surprises
    ),
    Sin("tar: a sparse file", sparse, surprises, "not needed"),
    Sin("tar: a size of its own", lambda: pax({"size": "3"}), surprises),
    Sin(
        "tar: a link in its header",
        lambda: pax({"linkpath": "/etc/passwd"}),
        surprises,
        "not needed",
    ),
    Sin("tar: bytes for letters", lambda: pax({"hdrcharset": "BINARY"}), surprises, "not needed"),
    Sin(
        "tar: attributes",
        lambda: pax({"SCHILY.xattr.security.capability": "x"}),
        surprises,
        "not needed",
    ),
    Sin(
        "tar: runs as root",
        lambda: tar((member("x", mode=0o4755, size=4), EVIL)),
        runs_as_somebody_else,
        "somebody else",
    ),
    Sin(
        "tar: runs as a group",
        lambda: tar((member("x", mode=0o2755, size=4), EVIL)),
        runs_as_somebody_else,
        "somebody else",
    ),
    Sin(
        "zip: runs as root",
        lambda: zip_of("x", mode=stat.S_IFREG | 0o4755),
        runs_as_somebody_else,
        "somebody else",
    ),
    Sin("tar: a name that is not UTF-8", lambda: raw_tar_name(b"caf\xe9.py"), shows_something_else),
    Sin("zip: a name that is not UTF-8", not_utf8_zip, is_read_in_two_ways, "not UTF-8"),
    Sin(
        "zip: a name with a NUL",
        cut_zip_name,
        lambda c, p: "phrases.py" in names_in(c) and b"phrases.py\0" in c,
        "cut",
    ),
    Sin(
        "tar: a path with a NUL",
        lambda: pax({"path": "skill.py\0.txt"}),
        lambda c, p: any("\0" in name for name in names_in(c)),
        "cannot be seen",
    ),
    Sin("zip: another name inside", renamed_locally, is_read_in_two_ways),
    Sin("tar: hidden behind damage", hidden_behind_damage, is_read_in_two_ways, "follows"),
    Sin("tar: more behind its end", lambda: tar_of("x") + EVIL * 300, carries_more, "follows"),
    Sin(
        "gzip: more behind its end",
        lambda: gzip.compress(tar_of("x")) + gzip.compress(EVIL),
        lambda c, p: gzip.decompress(c).endswith(EVIL),
        "follows",
    ),
    Sin(
        "zip: something before it",
        lambda: b"#!/bin/sh\nexit\n" + zip_of("x"),
        lambda c, p: bool(names_in(b"PK" + c) or True) and zipfile.is_zipfile(io.BytesIO(c)),
        "no archive",
    ),
    Sin(
        "gzip: zeros",
        lambda: gzip.compress(tar((member("z", size=12 * TEN), b"\0" * 12 * TEN))),
        lambda c, p: len(gzip.decompress(c)) > 20 * len(c),
        "larger",
    ),
    Sin(
        "gzip: zeros behind the end",
        lambda: gzip.compress(tar_of("x") + b"\0" * 12 * TEN),
        lambda c, p: len(gzip.decompress(c)) > 20 * len(c),
        "larger",
    ),
    Sin(
        "zip: zeros",
        lambda: zipped([(entry("z"), b"\0" * 6 * TEN)], None, zipfile.ZIP_DEFLATED),
        fills_the_disk,
        "larger",
    ),
    Sin("zip: a thousandfold", lambda: overlapping_zip(9), lambda c, p: len(c) * 1000 < 9 * TEN),
    Sin("zip: smaller than it is", lambda: lying_zip(10), is_not_all),
    Sin("zip: larger than it is", lambda: lying_zip(2 * TEN), lies_about_its_size),
    Sin("tar: larger than it is", lambda: long_tar(TEN), is_not_all),
    Sin("tar: an enormous size", lambda: long_tar(8**11 - 1), is_not_all),
    Sin("tar: less than nothing", negative_tar, is_not_all),
    Sin("tar: cut", lambda: tar_of("x.py")[:1700], is_not_all),
    Sin("gzip: cut", lambda: gzip.compress(tar_of("x"))[:-20], is_not_missed, "end is missing"),
    Sin(
        "gzip: a wrong sum",
        lambda: gzip.compress(tar_of("x"))[:-8] + b"\0" * 8,
        is_not_missed,
        "damaged",
    ),
    Sin("zip: cut", lambda: zip_of("x")[:-30], is_not_all, "damaged"),
    Sin("zip: a wrong sum", lambda: zip_of("x").replace(EVIL, b"good"), is_not_all, "damaged"),
    Sin("zip: with a password", encrypted, needs_more, "encrypted"),
    Sin(
        "zip: lzma",
        lambda: zipped([(entry("x"), EVIL)], None, zipfile.ZIP_LZMA),
        needs_more,
        "unusual",
    ),
    Sin(
        "zip: bzip2",
        lambda: zipped([(entry("x"), EVIL)], None, zipfile.ZIP_BZIP2),
        needs_more,
        "unusual",
    ),
    Sin(
        "xz",
        lambda: lzma.compress(tar_of("x")),
        lambda c, p: lzma.decompress(c) == tar_of("x"),
        "no archive",
    ),
    Sin(
        "zip: two packs",
        lambda: zip_of("a/pack.toml", "b/pack.toml", good=False),
        is_ambiguous,
        "more than one",
    ),
    Sin("zip: no pack", lambda: zip_of("setup.py", good=False), is_ambiguous, "no pack.toml"),
    Sin("nothing", lambda: b"", lambda c, p: not c, "no archive"),
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("sin", SINS, ids=lambda sin: sin.name)
def test_a_hostile_archive_is_refused_whole(sin: Sin, tmp_path: Path) -> None:
    content = sin.make()
    place = tmp_path / "control"
    place.mkdir()
    if b"/ABSOLUTE/evil" in content:  # a place of this test
        content = (zip_of if content.startswith(b"PK") else tar_of)(f"{place}/evil")
    assert sin.works(content, place), "the sin does not work, so that nothing is shown"

    inner = tmp_path / "inner"
    inner.mkdir()
    before = set(tmp_path.rglob("*"))
    file = tmp_path / "bad.archive"
    file.write_bytes(content)
    with pytest.raises(PackError) as caught:
        archive.extract(file, inner / "target")
    assert sin.says in str(caught.value)
    assert "bad.archive" in str(caught.value) and str(caught.value).isprintable()
    assert set(tmp_path.rglob("*")) - before == {file}


def test_there_are_enough_sins() -> None:
    assert len({sin.name for sin in SINS}) == len(SINS) >= 60


@pytest.mark.parametrize(
    "content",
    [
        tar_of("phrases/de.toml"),
        tar((member("phrases", type=b"5"), b""), (member("phrases/de.toml", size=4), EVIL)),
        gzip.compress(tar_of("phrases/de.toml")),
        zip_of("phrases/de.toml"),
        zipped([(entry("phrases/"), b""), (entry("phrases/de.toml"), EVIL)]),
        zip_of("ü.py", "日本.txt"),
        zip_of("x.py", mode=stat.S_IFREG | 0o755),
        pax({"comment": "f" * 40, "mtime": "1.5"}),
        pax({"path": "phrases/" + "x" * 120 + ".py"}),
    ],
    ids=range(9),
)
def test_a_good_archive_is_taken(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "good.archive"
    file.write_bytes(content)
    archive.extract(file, tmp_path / "target")
    assert (tmp_path / "target" / "skill.py").read_bytes() == GOOD["skill.py"]
    assert len([path for path in (tmp_path / "target").rglob("*") if path.is_file()]) >= 3


def test_the_pack_in_a_larger_archive_is_found_and_nothing_else_is_written(tmp_path: Path) -> None:
    file = tmp_path / "package.whl"
    entries = {f"package/coffee/{name}": content for name, content in GOOD.items()}
    entries |= {
        "package/__init__.py": b"import os; os.abort()",
        "package-1.dist-info/METADATA": b"Name: package",
        "package/coffee/.git/config": b"x",
        "package/coffee/__pycache__/skill.pyc": b"x",
    }
    file.write_bytes(zipped([(entry(name), content) for name, content in entries.items()], ()))
    assert not archive.extract(file, tmp_path / "target")
    assert manifest.files(tmp_path / "target", whole=True) == ["pack.toml", "skill.py"]


def test_a_pack_of_another_form_is_not_taken_for_one_that_was_packed(tmp_path: Path) -> None:
    good = packs_kit.built(tmp_path)
    assert archive.extract(good, tmp_path / "good")
    pack.check_form(good, tmp_path / "good")
    with tarfile.open(good) as file:
        members = [(info, file.extractfile(info).read()) for info in file]  # type: ignore[union-attr]
    late = [(member(info.name, size=info.size, mode=0o644, mtime=1), c) for info, c in members]
    bare = [(member(info.name, size=info.size, mode=0o644), c) for info, c in members]
    for number, content in enumerate(
        [
            tar(*late, good=False, form=0),
            tar(*reversed(bare), good=False, form=0),
            tar(*bare, good=False, form=1),
            good.read_bytes() + b"\0" * 512,
            good.read_bytes()[:-512],
        ]
    ):
        other = tmp_path / f"other-{number}.hearth"
        other.write_bytes(content)
        assert archive.extract(other, tmp_path / f"other-{number}")
        with pytest.raises(PackError, match="is not as"):
            pack.check_form(other, tmp_path / f"other-{number}")


# --- folders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["link", "pipe", "folder link", "deep", "many"])
def test_a_folder_with_what_cannot_be_in_a_pack_is_refused(kind: str, tmp_path: Path) -> None:
    folder = packs_kit.write(tmp_path / "pack")
    match kind:
        case "link":
            (folder / "x.py").symlink_to("skill.py")
        case "folder link":
            (folder / "x").symlink_to("/etc")
        case "pipe":
            os.mkfifo(folder / "x")
        case "deep":
            (folder / ("d/" * 60)).mkdir(parents=True)
        case _:
            for number in range(archive.MOST_FILES + 1):
                (folder / f"f{number}").touch()
    with pytest.raises(PackError):
        manifest.of(folder)


def test_what_tools_leave_about_is_not_packed(tmp_path: Path) -> None:
    folder = packs_kit.write(tmp_path / "pack")
    clean = manifest.of(folder)
    (folder / ".git").mkdir()
    (folder / ".git" / "hook").symlink_to("/bin/sh")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "skill.pyc").touch()
    (folder / "skill.py~").touch()
    assert manifest.of(folder) == clean


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    one = packs_kit.write(tmp_path / "one")
    first = pack.build(one, tmp_path / "first", packs_kit.KEY)
    two = tmp_path / "two"
    for path in sorted(one.rglob("*"), reverse=True):  # in another order, at another time
        if path.is_file():
            copy = two / path.relative_to(one)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
            copy.chmod(0o777)
            os.utime(copy, (1, 1))
    second = pack.build(two, tmp_path / "second", packs_kit.KEY)
    assert first.name == second.name == "coffee-machine-1.2.0.hearth"
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != pack.build(one, tmp_path / "third").read_bytes()


def test_the_tools_of_the_system_read_what_is_packed(tmp_path: Path) -> None:
    """tar unpacks it, and sha256sum checks its manifest."""
    import subprocess

    file = packs_kit.built(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "xf", file, "-C", out], check=True)
    subprocess.run(["sha256sum", "-c", manifest.NAME], cwd=out, check=True, capture_output=True)


def test_a_pack_without_its_program_is_not_built(tmp_path: Path) -> None:
    folder = packs_kit.write(tmp_path / "pack")
    (folder / "skill.py").unlink()
    with pytest.raises(PackError, match=r"skill\.py"):
        pack.build(folder, tmp_path)


LINE = b"%b  %b\n"
SUM = b"0" * 64


@pytest.mark.parametrize(
    "content",
    [
        b"",
        LINE % (SUM, b"skill.py"),  # no pack.toml
        LINE % (SUM, b"skill.py") + LINE % (SUM, b"pack.toml"),  # not in order
        (LINE % (SUM, b"pack.toml")) * 2,
        (LINE % (SUM, b"pack.toml") + LINE % (SUM, b"skill.py"))[:-1],  # cut
        LINE % (SUM.upper().replace(b"0", b"A"), b"pack.toml"),
        LINE % (SUM, b"*pack.toml"),
        b"\\" + (LINE % (SUM, b"pack.toml")),
        LINE % (SUM, b"pack.toml") + b"\n",
        LINE % (SUM, b"MANIFEST.sha256") + LINE % (SUM, b"pack.toml"),
        LINE % (SUM, b".hidden") + LINE % (SUM, b"pack.toml"),
        LINE % (SUM, b"../x") + LINE % (SUM, b"pack.toml"),
        LINE % (SUM, b"caf\xe9") + LINE % (SUM, b"pack.toml"),
    ],
    ids=range(13),
)
def test_a_manifest_is_written_in_one_way_only(content: bytes) -> None:
    assert manifest.parse(LINE % (SUM, b"pack.toml") + LINE % (SUM, b"skill.py"))
    with pytest.raises(PackError):
        manifest.parse(content)
