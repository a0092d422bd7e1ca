"""A signed pack that was changed anywhere, in any way, is not taken.

What counts as taken is what `Shelf.put` would keep: the archive is unpacked, examined, and either
refused or a candidate. The control of each round is the pack itself, which is a candidate.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.packs import archive, manifest, pack, signing
from hub.packs.description import PackError
from hub.packs.shelf import Shelf
from hub.packs.signing import SecretKey
from tests import packs_kit
from tests.packs_kit import KEY, OTHER_KEY

Files = dict[str, bytes]


@dataclass
class Pack:
    """The signed pack of a round."""

    content: bytes
    """Of the file."""
    files: Files
    older: Files
    """What its author signed as an earlier version."""


def write_tar(files: Files, place: Path) -> Path:
    """As `hearth skill pack` writes it, so that only what is in it can be wrong."""
    for name, content in files.items():
        path = place / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    target = place / "changed.hearth"
    with target.open("wb") as out:
        pack.write_tar(place / "files", sorted(files), out)
    return target


def manifest_of(files: Files) -> bytes:
    rest = sorted(set(files) - {manifest.NAME, manifest.SIGNATURE})
    return b"".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n".encode() for name in rest
    )


Change = Callable[[random.Random, Pack, Path], Path]
"""Writes a changed pack somewhere in the folder: an archive, or the folder `files`."""


def flip_in_the_file(chance: random.Random, good: Pack, place: Path) -> Path:
    """One to eight bits of the file, wherever they are."""
    content = bytearray(good.content)
    for bit in chance.sample(range(8 * len(content)), chance.choice((1, 1, 1, 2, 8))):
        content[bit // 8] ^= 1 << bit % 8
    return written(place, bytes(content))


def bytes_in_the_file(chance: random.Random, good: Pack, place: Path) -> Path:
    """A few bytes exchanged, put in or taken out."""
    content = good.content
    start = chance.randrange(len(content))
    length = chance.choice((1, 2, 16, 512))
    new = chance.choice((b"", b"\0" * length, chance.randbytes(length)))
    changed = content[:start] + new + content[start + chance.choice((0, length)) :]
    return written(place, changed if changed != content else content + b"\0")


def truncate(chance: random.Random, good: Pack, place: Path) -> Path:
    return written(place, good.content[: chance.randrange(len(good.content))])


def written(place: Path, content: bytes) -> Path:
    path = place / "changed.hearth"
    path.write_bytes(content)
    return path


def flip_in_a_member(chance: random.Random, good: Pack, place: Path) -> Path:
    """A bit of a file in it; the archive is put together anew around it."""
    files = dict(good.files)
    name = chance.choice(sorted(files))
    content = bytearray(files[name])
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    files[name] = bytes(content)
    return write_tar(files, place)


def cut_a_member(chance: random.Random, good: Pack, place: Path) -> Path:
    files = dict(good.files)
    name = chance.choice(sorted(files))
    files[name] = files[name][: chance.randrange(len(files[name]))]
    return write_tar(files, place)


NAMES = (
    "extra.py", "__init__.py", "os.py", "phrases/en.toml", "skill.pyi", "hub/skill.py", "a/b/c.txt",
    "minisign.pub.1", "MANIFEST.sha256.1", "pack.toml.d/x", "sitecustomize.py",
)  # fmt: skip


def add(chance: random.Random, good: Pack, place: Path) -> Path:
    name = chance.choice(NAMES)
    return write_tar({**good.files, name: chance.randbytes(chance.randrange(40))}, place)


def add_to_the_list(chance: random.Random, good: Pack, place: Path) -> Path:
    """A file that is in the manifest, too, which is therefore another one."""
    files = {**good.files, chance.choice(NAMES): chance.randbytes(9)}
    return write_tar({**files, manifest.NAME: manifest_of(files)}, place)


def leave_out(chance: random.Random, good: Pack, place: Path) -> Path:
    files = dict(good.files)
    del files[chance.choice(sorted(set(files)))]
    return write_tar(files, place)


def rename(chance: random.Random, good: Pack, place: Path) -> Path:
    files = dict(good.files)
    name = chance.choice(sorted(files))
    other = chance.choice((*NAMES, name + "x", "x" + name, f"x/{name}"))
    files[other] = files.pop(name)
    return write_tar(files, place)


def exchange(chance: random.Random, good: Pack, place: Path) -> Path:
    """Two files take each other's name."""
    files = dict(good.files)
    one, two = chance.sample(sorted(files), 2)
    files[one], files[two] = files[two], files[one]
    return write_tar(files, place)


def change_case(chance: random.Random, good: Pack, place: Path) -> Path:
    """A name in other capital letters, alone or besides."""
    files = dict(good.files)
    name = chance.choice(sorted(files))
    letters = list(name)
    position = chance.choice([n for n, letter in enumerate(name) if letter.isalpha()])
    letters[position] = letters[position].swapcase()
    files["".join(letters)] = files[name] if chance.random() < 0.5 else b"evil"
    if chance.random() < 0.5:
        del files[name]
    return write_tar(files, place)


def link(chance: random.Random, good: Pack, place: Path) -> Path:
    """A file of it is a link: in an archive, or in a folder."""
    name = chance.choice(sorted(good.files))
    files = dict(good.files)
    content = files.pop(name)
    if chance.random() < 0.5:
        path = write_tar(files, place)
        kind = chance.choice((tarfile.SYMTYPE, tarfile.LNKTYPE))
        with tarfile.open(path, "a", format=tarfile.USTAR_FORMAT) as file:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, chance.choice(("/etc/passwd", sorted(files)[0]))
            file.addfile(info)
        return path
    write_tar(files, place)
    (place / "outside").write_bytes(content)
    target = place / "files" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(place / "outside")
    return place / "files"


def sign_anew(chance: random.Random, good: Pack, place: Path) -> Path:
    """Changed, and signed with another key, be it one that says it is the same."""
    files = {**good.files, "skill.py": good.files["skill.py"] + b"# evil\n"}
    key = chance.choice(
        (OTHER_KEY, SecretKey(KEY.number, chance.randbytes(32)), SecretKey(b"hearth-1", bytes(32)))
    )
    if chance.random() < 0.5:
        files[manifest.KEY] = key.public.to_file().encode()
    files[manifest.NAME] = manifest_of(files)
    files[manifest.SIGNATURE] = key.sign(files[manifest.NAME], "pack:coffee-machine")
    return write_tar(files, place)


def exchange_the_key(chance: random.Random, good: Pack, place: Path) -> Path:
    """Another public key, in a signature that is the author's."""
    key = SecretKey(chance.choice((KEY.number, chance.randbytes(8))), chance.randbytes(32))
    files = {**good.files, manifest.KEY: key.public.to_file().encode()}
    if chance.random() < 0.5:
        files[manifest.NAME] = manifest_of(files)
    return write_tar(files, place)


def unsign(chance: random.Random, good: Pack, place: Path) -> Path:
    """No signature at all, with or without a manifest that fits."""
    files = {**good.files, "skill.py": good.files["skill.py"] + chance.randbytes(4).hex().encode()}
    del files[manifest.SIGNATURE]
    if chance.random() < 0.5:
        files[manifest.NAME] = manifest_of(files)
    elif chance.random() < 0.5:
        del files[manifest.NAME]
    return write_tar(files, place)


def older(chance: random.Random, good: Pack, place: Path) -> Path:
    """What the author signed before: whole, or mixed with what is new."""
    if chance.random() < 0.3:
        return write_tar(good.older, place)
    files = dict(good.files)
    for name in chance.sample(sorted(files), chance.randrange(1, len(files))):
        files[name] = good.older[name]
    if files == good.files:
        files = good.older
    return write_tar(files, place)


def another_version(chance: random.Random, good: Pack, place: Path) -> Path:
    """A version that nobody signed, higher or lower."""
    text = good.files["pack.toml"].replace(
        b"1.2.0", f"{chance.randrange(9)}.{chance.randrange(9)}.1".encode()
    )
    files = {**good.files, "pack.toml": text}
    if chance.random() < 0.5:
        files[manifest.NAME] = manifest_of(files)
    return write_tar(files, place)


def more_permissions(chance: random.Random, good: Pack, place: Path) -> Path:
    wish = chance.choice((b"speak = true", b"timers = true", b"home.domains = ['lock']"))
    text = good.files["pack.toml"].replace(b"mqtt =", wish + b"\nmqtt =")
    return write_tar({**good.files, "pack.toml": text}, place)


def reorder_the_list(chance: random.Random, good: Pack, place: Path) -> Path:
    """The same manifest, written in another way."""
    lines = good.files[manifest.NAME].splitlines(keepends=True)
    match chance.randrange(4):
        case 0:
            lines.reverse()
        case 1:
            lines.append(chance.choice(lines))
        case 2:
            lines[0] = lines[0].upper() if chance.random() < 0.5 else lines[0].replace(b"  ", b" *")
        case _:
            lines[-1] = lines[-1].rstrip(b"\n") + chance.choice((b"", b"\r\n", b"\n\n"))
    return write_tar({**good.files, manifest.NAME: b"".join(lines)}, place)


def header(chance: random.Random, good: Pack, place: Path) -> Path:
    """The same files with another mode, time, owner, order or format."""
    path = place / "changed.hearth"
    names = sorted(good.files)
    what = chance.choice(("mode", "mtime", "uid", "uname", "order", "form", "folder"))
    if what == "order":
        names = [*names[1:], names[0]]
    form = tarfile.GNU_FORMAT if what == "form" else tarfile.USTAR_FORMAT
    with tarfile.open(path, "w", format=form) as file:
        if what == "folder":
            info = tarfile.TarInfo("phrases")
            info.type = tarfile.DIRTYPE
            file.addfile(info)
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(good.files[name])
            info.mode = 0o755 if what == "mode" else 0o644
            info.mtime = chance.randrange(1, 1 << 30) if what == "mtime" else 0
            info.uid = 1000 if what == "uid" else 0
            info.uname = "root" if what == "uname" else ""
            (place / "member").write_bytes(good.files[name])
            with (place / "member").open("rb") as content:
                file.addfile(info, content)
    return path


CHANGES: tuple[Change, ...] = (
    flip_in_the_file,
    bytes_in_the_file,
    truncate,
    flip_in_a_member,
    cut_a_member,
    add,
    add_to_the_list,
    leave_out,
    rename,
    exchange,
    change_case,
    link,
    sign_anew,
    exchange_the_key,
    unsign,
    older,
    another_version,
    more_permissions,
    reorder_the_list,
    header,
)


def taken(shelf: Shelf, source: Path, *, unsigned: bool) -> bool:
    """Whether it would be a candidate; any error that is not PackError fails the test."""
    with shelf.staging() as staging:
        try:
            packs_kit.examined(shelf, source, staging, unsigned=unsigned)
        except PackError:
            return False
        return True


def signed_pack(place: Path) -> tuple[Path, Pack]:
    path = packs_kit.built(place)
    archive.extract(path, place / "new")
    archive.extract(packs_kit.built(place, version="1.1.0"), place / "old")

    def files(folder: Path) -> Files:
        return {
            found.relative_to(folder).as_posix(): found.read_bytes()
            for found in folder.rglob("*")
            if found.is_file()
        }

    return path, Pack(path.read_bytes(), files(place / "new"), files(place / "old"))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "times",
    [pytest.param(100, id="100"), pytest.param(10_000, id="10000", marks=pytest.mark.slow)],
)
def test_no_change_of_a_signed_pack_is_taken(times: int, tmp_path: Path) -> None:
    path, good = signed_pack(tmp_path)
    shelf = Shelf(tmp_path / "shelf")
    assert taken(shelf, path, unsigned=False), "the control: what was not changed is taken"
    packs_kit.install(shelf, path)
    chance = random.Random(times)
    done: Counter[str] = Counter()
    for number in range(times):
        change = CHANGES[number % len(CHANGES)]
        with tempfile.TemporaryDirectory(dir=tmp_path) as place:
            changed = change(chance, good, Path(place))
            # Somebody who takes unsigned packs is not to be had either.
            unsigned = bool(number // len(CHANGES) % 2)
            assert not taken(shelf, changed, unsigned=unsigned), f"{change.__name__}, {number}"
        done[change.__name__] += 1
    assert sum(done.values()) == times and len(done) == len(CHANGES)
    assert taken(shelf, path, unsigned=False)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_without_its_guards_a_change_would_be_taken(
    change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the controls: a hub that checks neither form, list, signature nor version
    takes most of what the changes make. (Not all: what is cut cannot even be read.)"""
    _, good = signed_pack(tmp_path)
    shelf = Shelf(tmp_path / "shelf")
    monkeypatch.setattr(pack, "check_form", lambda *_: None)
    monkeypatch.setattr(manifest, "check", lambda *_, **__: None)
    monkeypatch.setattr(signing, "verify", lambda *_: None)
    monkeypatch.setattr(Shelf, "_signer", lambda *_: KEY.public)
    monkeypatch.setattr(manifest, "parse", lambda *_: {})
    chance = random.Random(1)
    count = 0
    for number in range(60):
        if count:
            break
        place = tmp_path / str(number)
        place.mkdir()
        count += taken(shelf, change(chance, good, place), unsigned=True)
        shutil.rmtree(place)
    assert count > 0
