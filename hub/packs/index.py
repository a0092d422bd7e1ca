"""A catalogue of packs: one JSON file with its signature beside it, on any web server or disk.

    {"hearth_index": 1, "name": "…", "serial": 7, "key": "RW…",
     "packs": [{"id": …, "version": …, "url": "coffee-machine-1.2.0.hearth", "sha256": …,
                "key": "RW…", "name": …, "description": …, "risk": …, "licence": …, "may": […]}],
     "denied": ["bad-pack <2", "key 0123456789ABCDEF"]}

Whoever keeps an index vouches for which key is whose. What a pack may do is read from the pack
when it is installed; `may` is only to choose by.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from rapidfuzz import fuzz, utils

from hub.errors import reason
from hub.packs import description, manifest, signing, sources
from hub.packs.description import PackError
from hub.packs.pack import SUFFIX
from hub.packs.signing import PublicKey, SecretKey

FILE = "index.json"
FORM = 1
LONGEST = 4_000_000
MOST_PACKS = 10_000
LIKE = 80
"""Of 100: so much like a word of an entry must one be that is searched for."""

_TEXTS = ("id", "version", "url", "sha256", "key", "name", "description", "risk", "licence", "sdk")


@dataclass(frozen=True, slots=True)
class Entry:
    """A pack in an index."""

    id: str
    version: str
    url: str
    """Where the .hearth file is; relative to the index."""
    sha256: str
    """Of that file."""
    key: str
    """The author's public key, in a line."""
    name: str
    description: str
    risk: str
    licence: str
    sdk: str
    may: tuple[str, ...]
    """What it may do, in words."""

    @property
    def fits(self) -> bool:
        """Whether it is for this hub."""
        return SpecifierSet(self.sdk).contains(description.SDK, prereleases=True)


@dataclass(frozen=True, slots=True)
class Index:
    """What an index says."""

    place: str
    """Address or path of its file."""
    name: str
    serial: int
    """Higher in every newer one."""
    key: PublicKey
    packs: tuple[Entry, ...]
    denied: tuple[str, ...]
    """Lines for a denylist."""

    def newest(self, pack_id: str) -> Entry | None:
        """The newest version of a pack for this hub."""
        found = [entry for entry in self.packs if entry.id == pack_id and entry.fits]
        return max(found, key=lambda entry: Version(entry.version), default=None)

    def search(self, words: str) -> list[Entry]:
        """Packs for this hub by what was typed, the likeliest first; all by name without words."""
        newest = [
            entry for pack_id in {e.id for e in self.packs} if (entry := self.newest(pack_id))
        ]
        if not words.strip():
            return sorted(newest, key=lambda entry: entry.name.casefold())

        asked = utils.default_process(words).split()

        def likeness(entry: Entry) -> tuple[float, float]:
            """How much like a word of the entry the best of the words is, and all together."""
            text = utils.default_process(f"{entry.id} {entry.name} {entry.description}").split()
            each = [max(fuzz.ratio(word, other) for other in text) for word in asked]
            return max(each, default=0.0), sum(each)

        rated = [(likeness(entry), entry) for entry in newest]
        likely = [pair for pair in rated if pair[0][0] >= LIKE]
        likely.sort(key=lambda pair: (-pair[0][1], pair[1].id))
        return [entry for _, entry in likely]

    def address(self, entry: Entry) -> str:
        """Where the file of an entry is, as `sources.fetch` takes it."""
        if self.place.startswith("https://"):
            return urljoin(self.place, entry.url)
        if "://" in entry.url:
            return entry.url
        return str(Path(self.place).parent / entry.url)


def make(
    folder: Path,
    key: SecretKey,
    *,
    name: str = "",
    denied: Sequence[str] = (),
) -> Path:
    """Write an index of the signed packs in a folder, beside them. Raises PackError."""
    path = folder / FILE
    packs = []
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        with tempfile.TemporaryDirectory(prefix="hearth-index-") as staging:
            packs.append(_entry(file, Path(staging)))
    if not packs:
        raise PackError(f"{folder}: there is no signed pack (*{SUFFIX}) in it")
    content = {
        "hearth_index": FORM,
        "name": name or folder.resolve().name,
        "serial": _serial(path) + 1,
        "key": str(key.public),
        "packs": packs,
        "denied": list(denied),
    }
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
    _parse(text, str(path))  # nobody is to find out later that it cannot be read
    try:
        path.write_bytes(text)
        _beside(path).write_bytes(key.sign(text, f"index:{content['name']}"))
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}") from error
    return path


def _entry(file: Path, staging: Path) -> dict[str, Any]:
    """What an index says of a file, which must be a signed pack."""
    folder = sources.unpack(file, staging)
    pack = description.read(folder)
    listed = manifest.read(folder)
    try:
        signature = signing.read_signature(
            (folder / manifest.SIGNATURE).read_bytes(), f"{file.name}: {manifest.SIGNATURE}"
        )
        key = signing.read_public((folder / manifest.KEY).read_text("utf-8"), manifest.KEY)
    except (OSError, ValueError) as error:
        raise PackError(f"{file}: is not signed: `hearth skill pack --key`") from error
    if listed is None:
        raise PackError(f"{file}: has no {manifest.NAME}")
    manifest.check(folder, listed)
    signing.verify(listed, signature, key, file.name)
    return {
        "id": pack.id,
        "version": pack.version,
        "url": file.name,
        "sha256": sources.hash_of(file),
        "key": str(key),
        "name": pack.name,
        "description": pack.description,
        "risk": pack.risk,
        "licence": pack.licence,
        "sdk": pack.sdk,
        "may": pack.permissions.in_words(),
    }


def _serial(path: Path) -> int:
    try:
        return int(json.loads(path.read_bytes())["serial"])
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackError(
            f"{path}: is there, and cannot be read, so that nobody knows its serial number: "
            "move it away"
        ) from error


def load(place: str, staging: Path, *, key: PublicKey | None = None, serial: int = 0) -> Index:
    """Read an index from an https address or a path, and check its signature.

    `key` is the one it must be signed with; without it its own one counts, which is for the first
    time only. It may not be older than `serial`. Raises PackError."""
    if place.startswith("https://"):
        path = staging / FILE
        sources.download(place, path, LONGEST)
        sources.download(_beside_address(place), _beside(path), signing.LONGEST)
    elif "://" in place:
        raise PackError(f"{place:.100}: an index is a file, or comes over https://")
    else:
        path = Path(place).expanduser().resolve()
        if path.is_dir():
            path = path / FILE
        place = str(path)
    content, signature = _bytes(path, LONGEST), _bytes(_beside(path), signing.LONGEST)
    index = _parse(content, place)
    if key is not None and index.key != key:
        raise PackError(
            f"{place}: belongs to key {key.id}, but says that its key is {index.key.id}. If its "
            "keeper says that the key is a new one, name it with --key"
        )
    signing.verify(content, signing.read_signature(signature, f"{place}.minisig"), index.key, place)
    if index.serial < serial:
        raise PackError(f"{place}: is older than what was there before: its server holds back")
    return index


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.minisig")


def _beside_address(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(path=f"{parts.path}.minisig").geturl()


def _bytes(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}") from error
    if len(content) > most:
        raise PackError(f"{path}: is larger than {most / 1e6:.1f} MB")
    return content


def _parse(content: bytes, source: str) -> Index:
    try:
        table = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PackError(f"{source}: is no index: {error}") from error
    if not isinstance(table, dict) or table.get("hearth_index") != FORM:
        raise PackError(f"{source}: is no index, or one that needs a newer Hearth")
    packs, serial, denied = (table.get(key) for key in ("packs", "serial", "denied"))
    if not isinstance(packs, list) or len(packs) > MOST_PACKS or type(serial) is not int:
        raise PackError(f"{source}: is damaged")
    if not isinstance(denied, list) or not all(isinstance(line, str) for line in denied):
        raise PackError(f"{source}: is damaged: denied")
    return Index(
        source,
        _line(table.get("name"), f"{source}: name"),
        serial,
        signing.read_public(_line(table.get("key"), f"{source}: key"), f"{source}: key"),
        tuple(_checked(entry, f"{source}: pack {n}") for n, entry in enumerate(packs, 1)),
        tuple(_line(line, f"{source}: denied") for line in denied),
    )


def _checked(entry: Any, source: str) -> Entry:
    if not isinstance(entry, Mapping):
        raise PackError(f"{source}: is no table")
    texts = {name: _line(entry.get(name), f"{source}: {name}") for name in _TEXTS}
    may = entry.get("may")
    if not isinstance(may, list) or len(may) > description.MOST_LISTED:
        raise PackError(f"{source}: may: is no list")
    if not re.fullmatch(r"[0-9a-f]{64}", texts["sha256"]):
        raise PackError(f"{source}: sha256: is none")
    url = texts["url"]
    if (
        url.startswith(("/", "\\"))
        or ".." in url.split("/")
        or ("://" in url and not url.startswith("https://"))
    ):
        raise PackError(f"{source}: url: is neither a file beside the index nor https://")
    try:
        Version(texts["version"])
        SpecifierSet(texts["sdk"])
    except (InvalidVersion, InvalidSpecifier) as error:
        raise PackError(f"{source}: {error}") from error
    signing.read_public(texts["key"], f"{source}: key")
    return Entry(**texts, may=tuple(_line(word, f"{source}: may", 2000) for word in may))


def _line(value: Any, source: str, most: int = 400) -> str:
    if not isinstance(value, str) or len(value) > most or description.hidden(value):
        raise PackError(f"{source}: is no line of text")
    return value
