"""The packs on this machine: what is installed, what each may do, and that it is still the same.

    packs/content/DIGEST/   a pack, read-only, named after what is in it
    packs/state.json        which of them are used, settings, pinned keys, what was there before
    packs/denied.txt        what may not be used, one a line; the owner's own
    packs/staging/          what is being looked at; emptied by whoever comes next

What a pack is, is decided by its content alone: whoever can write the state can choose among what
is there, but not change it.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from hub.disk import sync_folder
from hub.errors import reason
from hub.packs import description, manifest, signing
from hub.packs.description import HomeGrant, Pack, PackError, Permissions, Setting, Value
from hub.packs.pack import check_complete, own_program
from hub.packs.signing import PublicKey, Signature
from hub.storage import AtomicStorage

MOST_KEPT = 5
"""Versions of a pack that stay for `rollback`, the used one among them."""

FORGOTTEN = 86_400.0
"""Seconds after which nobody waits any more for what is in the staging folder."""

WITHHELD = ("home", "act", "mqtt", "network", "speak", "timers", "sound", "phone", "events")
"""What the owner may keep from a pack though it asks for it."""

ToolMetadata = Mapping[str, Any]
"""A tool as MCP's `tools/list` gives it: name, description, inputSchema, _meta."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Installed:
    """A pack on the shelf, in the version that is used."""

    pack: Pack
    folder: Path
    """Its content, content-addressed and read-only."""
    digest: str
    """sha256 (hex) of its manifest, which holds the sha256 of every file."""
    granted: Permissions
    """What the owner said yes to; never more than the pack asks for."""
    settings: Mapping[str, Value]
    """With the defaults for what was not given."""
    enabled: bool
    """Whether the owner wants it used. A pack that is `refused` is not, all the same."""
    signed: bool
    key_id: str | None
    """Of the key it is signed with, as minisign prints it (16 hex digits)."""
    source: str = ""
    """Where it came from, and updates are looked for."""
    refused: str = ""
    """Why it may not be used though it is enabled: the owner's denylist, a setting that is
    missing. Empty if it may."""
    tools: Sequence[ToolMetadata] | None = None
    """What `on_installed` told of it; None if it has not been asked yet."""
    key: str = ""
    """The public key, in a line."""

    @property
    def usable(self) -> bool:
        return self.enabled and not self.refused


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pack that has been fetched and checked, and waits for a yes."""

    pack: Pack
    folder: Path
    manifest: bytes
    digest: str
    signature: Signature | None
    key: PublicKey | None
    """That it is signed with: the pinned one, or, if it is the first, its own."""
    source: str
    before: Installed | None
    """What it would take the place of."""
    first_key: bool
    """The key is seen for the first time, and would be pinned."""

    @property
    def more(self) -> list[str]:
        """What it may do that the one before may not, in words; everything if there is none."""
        if self.before is None:
            return self.pack.permissions.in_words()
        words = self.pack.permissions.beyond(self.before.pack.permissions)
        if self.pack.risk > self.before.pack.risk:
            words.append(f"do things of class {self.pack.risk}, not only {self.before.pack.risk}")
        return words


@dataclass(frozen=True, slots=True)
class Denied:
    """A line of the denylist."""

    line: str
    pack: str = ""
    versions: SpecifierSet | None = None
    key: str = ""
    digest: str = ""

    def applies(self, pack: Pack, key_id: str | None, digest: str) -> bool:
        if self.pack:
            return pack.id == self.pack and (
                self.versions is None or self.versions.contains(pack.version, prereleases=True)
            )
        return self.key == key_id if self.key else self.digest == digest


OnInstalled = Callable[[Installed], Sequence[ToolMetadata] | None]
"""Starts a pack once, when it is enabled for the first time, and returns its tools. PackError or
SkillError that it raises refuse the pack."""


class Shelf:
    """`folder` is `packs` in the hub's data folder; it is made when it is first written to.

    Any number of processes may read; those that change something take turns."""

    def __init__(self, folder: Path, on_installed: OnInstalled | None = None) -> None:
        self.folder = folder
        self._on_installed = on_installed
        self._turn = threading.RLock()
        self._open: dict[str, Document] | None = None

    # --- for the hub ------------------------------------------------------------------------

    def installed(self) -> list[Installed]:
        """All packs, by id. One that is damaged is left out: see `problems`.

        Raises StorageError when the state cannot be read."""
        return [found for found in self._all() if isinstance(found, Installed)]

    def problems(self) -> list[PackError]:
        """What keeps packs from being used that are on the shelf."""
        return [found for found in self._all() if isinstance(found, PackError)]

    def ids(self) -> list[str]:
        """Of all packs, the damaged ones among them."""
        return sorted(self._state()["packs"])

    def get(self, pack_id: str) -> Installed:
        """One of them. Raises PackError if there is none of that id, or it is damaged."""
        state = self._state()
        return self._installed(pack_id, self._entry(state, pack_id), state)

    def verify(self, installed: Installed) -> None:
        """Hash all of it again, and check its signature against its key and the denylist.

        To be called before each start. Raises PackError."""
        content = self._manifest(installed.folder, installed.digest)
        manifest.check(installed.folder, content)
        if installed.signed:
            path = installed.folder / manifest.SIGNATURE
            signature = signing.read_signature(_content(path), str(path))
            key = signing.read_public(installed.key, f"the key of {installed.pack.id}")
            signing.verify(content, signature, key, str(path))
        elif (installed.folder / manifest.SIGNATURE).exists():
            raise PackError(f"{installed.folder}: a signature was put there later")
        if why := self.denied(installed.pack, installed.key_id, installed.digest):
            raise PackError(why)

    def keep_tools(self, installed: Installed, tools: Sequence[ToolMetadata]) -> None:
        """Keep what a pack said of its tools beside its entry, for this very content (digest)."""
        with self._changed() as state:
            state["tools"][installed.digest] = {"tools": [dict(tool) for tool in tools]}

    # --- taking a pack in -------------------------------------------------------------------

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """An empty folder to fetch into, private, on the same disk."""
        place = self.folder / "staging"
        try:
            _make_private(self.folder, place)
            folder = Path(tempfile.mkdtemp(dir=place))
        except OSError as error:
            raise PackError(f"{place}: {reason(error)}") from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def examine(
        self,
        folder: Path,
        source: str,
        *,
        key: PublicKey | None = None,
        unsigned: bool = False,
    ) -> Candidate:
        """Check what was fetched, without running or keeping any of it.

        `key` is one that the owner has from elsewhere; otherwise the pinned one counts, and for a
        pack that was never here its own. `unsigned` takes what nobody signed, if nobody ever did.
        Raises PackError: damaged, another key, an older version, denied."""
        pack = description.read(folder)
        check_complete(folder, pack)
        listed = manifest.read(folder)
        signature = self._signature(folder)
        if listed is None:
            if signature is not None:
                raise PackError(f"{folder}: is signed, but {manifest.NAME} is missing")
            listed = manifest.of(folder)
        manifest.check(folder, listed, whole=False)
        pinned, newest = self._pinned(pack.id)
        signer = None
        if signature is not None:
            signer = self._signer(folder, pack, signature, key, pinned)
            signing.verify(listed, signature, signer, f"{pack}: {manifest.SIGNATURE}")
        elif wanted := key or pinned:
            raise PackError(
                f"{pack} is not signed, but should be, with the key {wanted.id}: it was changed, "
                "or its author forgot to"
            )
        elif not unsigned:
            raise PackError(
                f"{pack} is not signed: nobody can tell who made it, or whether it was changed on "
                "the way. Ask its author to sign it; --unsigned takes it all the same"
            )
        found = Candidate(
            pack,
            folder,
            listed,
            manifest.digest(listed),
            signature,
            signer,
            source,
            self._before(pack.id),
            first_key=signer is not None and pinned is None,
        )
        if why := self.denied(pack, signer.id if signer else None, found.digest):
            raise PackError(why)
        self._check_version(found, newest)
        self._check_source(found)
        return found

    def put(
        self,
        candidate: Candidate,
        *,
        settings: Mapping[str, Value] | None = None,
        without: Iterable[str] | None = None,
        enabled: bool = True,
    ) -> Installed:
        """Keep a candidate, in place of the version before: the owner has said yes to it.

        `settings` are those to be changed. Raises PackError, with all as it was before."""
        pack = candidate.pack
        with self._changed() as state:
            # What was examined may have been overtaken by another command.
            if _agreed(self._before(pack.id, state)) != _agreed(candidate.before):
                raise PackError(f"{pack.id} has just been changed by somebody else: try again")
            entry = state["packs"].get(pack.id) or {"versions": [], "settings": {}, "without": []}
            self._place(candidate)
            version = {
                "digest": candidate.digest,
                "version": pack.version,
                "key": str(candidate.key) if candidate.key else "",
                "source": candidate.source,
            }
            others = [v for v in entry["versions"] if v["digest"] != candidate.digest]
            kept = _fitting(pack, entry["settings"])
            entry = {
                **entry,
                "versions": [*others, version][-MOST_KEPT:],
                "used": candidate.digest,
                "settings": {**kept, **_checked(pack, settings or {})},
                "without": sorted(_withheld(entry["without"] if without is None else without)),
                "enabled": enabled,
            }
            state["packs"][pack.id] = entry
            pin = state["keys"].get(pack.id, {})
            state["keys"][pack.id] = {
                "public": version["key"] or pin.get("public", ""),
                "newest": str(max(Version(pack.version), Version(pin.get("newest", "0")))),
            }
            found = self._installed(pack.id, entry, state)
            self.verify(found)
            if enabled:
                found = self._asked(found, state)
        self._sweep()
        return found

    # --- changing what is there -------------------------------------------------------------

    def set_enabled(self, pack_id: str, enabled: bool) -> Installed:
        """Use a pack, or leave it. Raises PackError for one that may not be used."""
        with self._changed() as state:
            entry = self._entry(state, pack_id)
            entry["enabled"] = enabled
            found = self._installed(pack_id, entry, state)
            if enabled:
                if found.refused:
                    raise PackError(found.refused)
                self.verify(found)
                found = self._asked(found, state)
        return found

    def remove(self, pack_id: str) -> None:
        """Take a pack away with its settings. Its key stays pinned, and its version known: what
        comes back under its name must be its author's, and not older."""
        with self._changed() as state:
            entry = self._entry(state, pack_id)
            del state["packs"][pack_id]
            if not any(version["key"] for version in entry["versions"]):
                state["keys"].pop(pack_id, None)
        self._sweep()

    def rollback(self, pack_id: str) -> Installed:
        """Use the version before the one that is used. Raises PackError if there is none."""
        with self._changed() as state:
            entry = self._entry(state, pack_id)
            digests = [version["digest"] for version in entry["versions"]]
            position = digests.index(entry["used"])
            if not position:
                raise PackError(f"{pack_id}: there is no older version here")
            entry["used"] = digests[position - 1]
            found = self._installed(pack_id, entry, state)
            entry["settings"] = _fitting(found.pack, entry["settings"])
            found = self._installed(pack_id, entry, state)
            self.verify(found)
            if found.usable:
                found = self._asked(found, state)
        return found

    def versions(self, pack_id: str) -> list[str]:
        """Those that are here, the newest last."""
        entry = self._entry(self._state(), pack_id)
        return [str(version["version"]) for version in entry["versions"]]

    def set_settings(self, pack_id: str, values: Mapping[str, Value | None]) -> Installed:
        """Change settings; None brings the default back. Raises PackError for a wrong one."""
        with self._changed() as state:
            entry = self._entry(state, pack_id)
            pack = self._installed(pack_id, entry, state).pack
            given = _checked(pack, {k: v for k, v in values.items() if v is not None})
            kept = {k: v for k, v in entry["settings"].items() if k not in values}
            _checked(pack, dict.fromkeys(values, None), only_names=True)
            entry["settings"] = {**kept, **given}
            return self._installed(pack_id, entry, state)

    def withhold(self, pack_id: str, what: Iterable[str]) -> Installed:
        """Keep these of `WITHHELD` from a pack, and give it all else that it asks for."""
        with self._changed() as state:
            entry = self._entry(state, pack_id)
            entry["without"] = sorted(_withheld(what))
            return self._installed(pack_id, entry, state)

    # --- keys and the denylist ----------------------------------------------------------------

    def keys(self) -> dict[str, PublicKey]:
        """Pack id -> the key that is pinned for it, also of packs that were removed."""
        return {
            pack_id: signing.read_public(pin["public"], f"the key of {pack_id}")
            for pack_id, pin in sorted(self._state()["keys"].items())
            if pin.get("public")
        }

    def trust(self, pack_id: str, key: PublicKey) -> None:
        """Pin another key for a pack: from now on only what that has signed is taken."""
        with self._changed() as state:
            pin = state["keys"].get(pack_id, {"newest": "0"})
            state["keys"][pack_id] = {**pin, "public": str(key)}

    def forget_key(self, pack_id: str) -> None:
        """Know nothing more of a pack that was removed. Raises PackError if it is still here."""
        with self._changed() as state:
            if pack_id in state["packs"]:
                raise PackError(f"{pack_id} is installed; `hearth skill remove {pack_id}` first")
            if state["keys"].pop(pack_id, None) is None:
                raise PackError(f"no key is known for {pack_id}")

    def indexes(self) -> dict[str, tuple[PublicKey, int]]:
        """Address or path of each index that was looked into -> its key, its serial number."""
        return {
            place: (signing.read_public(known["public"], place), int(known["serial"]))
            for place, known in sorted(self._state()["indexes"].items())
        }

    def remember_index(self, place: str, key: PublicKey, serial: int) -> None:
        """Pin the key of an index, and take nothing older of it from now on."""
        if self.indexes().get(place) == (key, serial):
            return
        with self._changed() as state:
            state["indexes"][place] = {"public": str(key), "serial": serial}

    def forget_index(self, place: str) -> None:
        """Look into an index no more. Raises PackError if it is none of those."""
        with self._changed() as state:
            if state["indexes"].pop(place, None) is None:
                known = ", ".join(sorted(state["indexes"])) or "none"
                raise PackError(f"{place:.100} is no index that is looked into; those are: {known}")

    @property
    def denylist(self) -> Path:
        return self.folder / "denied.txt"

    def denied(self, pack: Pack, key_id: str | None, digest: str) -> str:
        """Why a pack is on the denylist; empty if it is not."""
        try:
            for denied in self.denials():
                if denied.applies(pack, key_id, digest):
                    return f"{pack} is on the denylist: '{denied.line}' in {self.denylist}"
        except PackError as error:
            return str(error)  # what it was to keep out nobody knows
        return ""

    def denials(self) -> list[Denied]:
        """The denylist. Raises PackError for a line that cannot be understood."""
        try:
            text = self.denylist.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise PackError(f"{self.denylist}: {reason(error)}") from error
        lines = ((n, line.partition("#")[0].strip()) for n, line in enumerate(text.split("\n"), 1))
        return [_denied(line, f"{self.denylist}:{number}") for number, line in lines if line]

    def denial(self, line: str) -> Denied:
        """What a line of a denylist means. Raises PackError."""
        return _denied(line.strip(), "the denylist")

    def deny(self, line: str) -> Denied:
        """Add to the denylist: `ID`, `ID <1.3`, `key KEYID` or `sha256 DIGEST`."""
        denied = self.denial(line)
        with self._locked():
            try:
                old = self.denylist.read_text("utf-8") if self.denylist.exists() else ""
                new = self.denylist.with_suffix(".new")
                new.unlink(missing_ok=True)
                end = "" if not old or old.endswith("\n") else "\n"
                with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
                    f.write(f"{old}{end}{denied.line}\n")
                    f.flush()
                    os.fsync(f.fileno())
                new.replace(self.denylist)
            except (OSError, ValueError) as error:
                raise PackError(f"{self.denylist}: {reason(error)}") from error
        return denied

    # --- within -------------------------------------------------------------------------------

    def _all(self) -> list[Installed | PackError]:
        state = self._state()
        found: list[Installed | PackError] = []
        for pack_id in sorted(state["packs"]):
            try:
                found.append(self._installed(pack_id, state["packs"][pack_id], state))
            except PackError as error:
                found.append(error)
            except (KeyError, TypeError, ValueError, StopIteration) as error:
                found.append(PackError(f"{pack_id}: what is kept of it is damaged: {error}"))
        return found

    def _installed(self, pack_id: str, entry: Document, state: dict[str, Document]) -> Installed:
        digest = str(entry["used"])
        version = next(v for v in entry["versions"] if v["digest"] == digest)
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise PackError(f"{pack_id}: what is kept of it is damaged")
        folder = self.folder / "content" / digest
        # Small enough to be done for every pack: the description is the one that was agreed to.
        manifest.check_one(folder, self._manifest(folder, digest), description.FILE)
        pack = description.read(folder)
        if pack.id != pack_id:
            raise PackError(f"{folder}: is {pack.id}, not {pack_id}")
        line = str(version["key"])
        key = signing.read_public(line, f"the key of {pack_id}") if line else None
        settings = {**_defaults(pack), **_fitting(pack, entry["settings"])}
        refused = self.denied(pack, key.id if key else None, digest)
        if missing := [name for name in pack.settings if name not in settings]:
            refused = refused or (
                f"{pack_id} needs {', '.join(missing)}: `hearth skill settings {pack_id} "
                f"{missing[0]}=…`"
            )
        known = state["tools"].get(digest)
        return Installed(
            pack=pack,
            folder=folder,
            digest=digest,
            granted=_narrowed(pack.permissions, entry["without"]),
            settings=settings,
            enabled=bool(entry["enabled"]),
            signed=key is not None,
            key_id=key.id if key else None,
            source=str(version["source"]),
            refused=refused,
            tools=known["tools"] if known else None,
            key=line,
        )

    def _asked(self, found: Installed, state: dict[str, Document]) -> Installed:
        """A pack with its tools, for which it is started if it never was."""
        if found.tools is None and self._on_installed is not None and found.usable:
            tools = self._on_installed(found)
            if tools is not None:
                state["tools"][found.digest] = {"tools": [dict(tool) for tool in tools]}
            if known := state["tools"].get(found.digest):
                found = replace(found, tools=known["tools"])
        return found

    def _before(self, pack_id: str, state: dict[str, Document] | None = None) -> Installed | None:
        state = state or self._state()
        entry = state["packs"].get(pack_id)
        return self._installed(pack_id, entry, state) if entry else None

    def _entry(self, state: dict[str, Document], pack_id: str) -> Document:
        entry = state["packs"].get(pack_id)
        if entry is None:
            known = ", ".join(sorted(state["packs"])) or "none"
            raise PackError(f"there is no pack {pack_id!r:.60}; installed: {known}")
        found: Document = entry
        return found

    def _manifest(self, folder: Path, digest: str) -> bytes:
        content = manifest.read(folder)
        if content is None or manifest.digest(content) != digest:
            raise PackError(f"{folder}: was changed since it was installed: install it again")
        return content

    def _signature(self, folder: Path) -> Signature | None:
        path = folder / manifest.SIGNATURE
        if not path.exists() and not path.is_symlink():
            return None
        return signing.read_signature(_content(path), manifest.SIGNATURE)

    def _pinned(self, pack_id: str) -> tuple[PublicKey | None, Version]:
        pin = self._state()["keys"].get(pack_id, {})
        line = pin.get("public", "")
        key = signing.read_public(line, f"the key of {pack_id}") if line else None
        return key, Version(pin.get("newest", "0"))

    def _signer(
        self,
        folder: Path,
        pack: Pack,
        signature: Signature,
        given: PublicKey | None,
        pinned: PublicKey | None,
    ) -> PublicKey:
        """The key that must have signed a pack."""
        path = folder / manifest.KEY
        own = None
        if path.exists():
            own = signing.read_public(_content(path).decode("utf-8", "replace"), manifest.KEY)
        if given is not None and pinned is not None and given != pinned:
            raise _another_key(pack, pinned, given)
        wanted = given or pinned
        if wanted is None:
            if own is None:
                raise PackError(
                    f"{pack}: the key of its author is neither in it ({manifest.KEY}) nor known: "
                    "ask for it, and name it with --key"
                )
            return own
        if signature.number != wanted.number or (own is not None and own != wanted):
            raise _another_key(pack, wanted, own)
        return wanted

    def _check_version(self, candidate: Candidate, newest: Version) -> None:
        pack, before = candidate.pack, candidate.before
        version = Version(pack.version)
        if version < newest:
            raise PackError(
                f"{pack} is older than {newest}, which was here already; "
                f"`hearth skill rollback {pack.id}` goes back to a version that was used before"
            )
        if (
            candidate.signature is not None
            and before is not None
            and before.signed
            and version == Version(before.pack.version)
            and candidate.digest != before.digest
        ):
            raise PackError(
                f"{pack} is not what was installed as {pack.version}: its author has to give it "
                "another version"
            )

    def _check_source(self, candidate: Candidate) -> None:
        """Settings and a yes that were given to one stranger are not handed to another."""
        before = candidate.before
        remote = "://" in candidate.source or candidate.source.startswith("pip:")
        if before and candidate.key is None and remote and candidate.source != before.source:
            raise PackError(
                f"{candidate.pack.id} is here from {before.source}, and unsigned: "
                f"`hearth skill remove {candidate.pack.id}` before you take one from elsewhere"
            )

    def _place(self, candidate: Candidate) -> None:
        """The content of a candidate in its place, whole or not at all."""
        place = self.folder / "content" / candidate.digest
        listed = manifest.parse(candidate.manifest)
        with self.staging() as staging:
            copy = staging / "copy"
            try:
                for name in (*listed, manifest.NAME, manifest.SIGNATURE):
                    source = candidate.folder / name
                    if name == manifest.NAME:
                        content = candidate.manifest
                    elif name == manifest.SIGNATURE and candidate.signature is None:
                        continue
                    else:
                        content = _content(source)
                    _write(copy / name, content)
                manifest.check(copy, candidate.manifest)
                _make_read_only(copy, own_program(candidate.pack))
                _make_private(place.parent)
                if place.exists():  # of an earlier time, perhaps damaged since
                    _delete(place)
                # A folder that may not be written cannot be moved.
                copy.chmod(0o755)
                copy.rename(place)
                place.chmod(0o555)
                sync_folder(place.parent)
            except OSError as error:
                raise PackError(f"{place}: {reason(error)}") from error

    def _sweep(self) -> None:
        """Delete content that no version of any pack is, and what a command that was killed has
        left in the staging folder."""
        with self._locked():
            for folder in self._folders("staging"):
                if folder.lstat().st_mtime < time.time() - FORGOTTEN:
                    _delete(folder)
            state = self._state()
            used = {v["digest"] for entry in state["packs"].values() for v in entry["versions"]}
            for folder in self._folders("content"):
                if folder.name not in used:
                    _delete(folder)

    def _folders(self, name: str) -> list[Path]:
        place = self.folder / name
        return list(place.iterdir()) if place.is_dir() else []

    def _storage(self) -> AtomicStorage:
        return AtomicStorage(self.folder / "state.json")

    def _state(self) -> dict[str, Document]:
        """Table -> key -> document. Nothing is made where nothing was ever kept."""
        tables = self._storage().read() if (self.folder / "state.json").exists() else None
        state: dict[str, Document] = {name: {} for name in ("packs", "keys", "tools", "indexes")}
        for name, table in (tables or {}).items():
            state[name] = {
                str(document["key"]): {k: v for k, v in document.items() if k != "key"}
                for document in table.values()
                if "key" in document
            }
        return state

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Document]]:
        """The state, kept when nothing was raised meanwhile."""
        with self._turn:
            if self._open is not None:  # `on_installed` keeps something, too
                yield self._open
                return
            try:
                with self._locked():
                    self._open = state = self._state()
                    yield state
                    self._keep(state)
            finally:
                self._open = None

    def _keep(self, state: dict[str, Document]) -> None:
        used = {v["digest"] for entry in state["packs"].values() for v in entry["versions"]}
        state["tools"] = {k: v for k, v in state["tools"].items() if k in used}
        tables = {
            name: {
                str(number): {"key": key, **document}
                for number, (key, document) in enumerate(table.items(), 1)
            }
            for name, table in state.items()
        }
        self._storage().write(tables)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            _make_private(self.folder)
            _check_owner(self.folder)
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise PackError(f"{self.folder}: {reason(error)}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _another_key(pack: Pack, wanted: PublicKey, own: PublicKey | None) -> PackError:
    other = f"key {own.id}" if own else "another key"
    command = f"`hearth skill keys trust {pack.id} {own or 'KEY'}`"
    return PackError(
        f"{pack} is signed with {other}, but {pack.id} belongs to key {wanted.id}. If its author "
        f"says, where you know them from, that the key is a new one: {command}. Otherwise it is "
        "somebody else's"
    )


def _agreed(installed: Installed | None) -> tuple[str, Permissions] | None:
    return (installed.digest, installed.granted) if installed else None


def _denied(line: str, source: str) -> Denied:
    if found := re.fullmatch(r"key ([0-9A-Fa-f]{16})", line):
        return Denied(line, key=found[1].upper())
    if found := re.fullmatch(r"sha256 ([0-9a-f]{64})", line):
        return Denied(line, digest=found[1])
    if found := re.fullmatch(r"([a-z0-9]+(?:-[a-z0-9]+)*)(?:\s*([=<>!~].*))?", line):
        try:
            versions = SpecifierSet(found[2]) if found[2] else None
        except InvalidSpecifier as error:
            raise PackError(f"{source}: {found[2]!r:.60} is no range of versions") from error
        return Denied(line, pack=found[1], versions=versions)
    raise PackError(
        f"{source}: {line!r:.80} is neither 'ID', 'ID <1.3', 'key KEYID' nor 'sha256 DIGEST'"
    )


def _withheld(names: Iterable[str]) -> set[str]:
    found = set(names)
    for name in found:
        if name not in WITHHELD:
            raise PackError(f"{name!r:.40} is none of {', '.join(WITHHELD)}")
    return found


def _narrowed(asked: Permissions, without: Sequence[str]) -> Permissions:
    home = replace(asked.home, act=False) if "act" in without else asked.home
    return replace(
        asked,
        home=HomeGrant() if "home" in without else home,
        mqtt=() if "mqtt" in without else asked.mqtt,
        network=() if "network" in without else asked.network,
        speak=asked.speak and "speak" not in without,
        timers=asked.timers and "timers" not in without,
        sound=asked.sound and "sound" not in without,
        phone=asked.phone and "phone" not in without,
        events=() if "events" in without or "home" in without else asked.events,
    )


def _setting(pack: Pack, name: str) -> Setting:
    if name not in pack.settings:
        known = ", ".join(pack.settings) or "none"
        raise PackError(f"{pack.id} has no setting {name!r:.40}; it has: {known}")
    return pack.settings[name]


def _checked(
    pack: Pack, values: Mapping[str, Value | None], *, only_names: bool = False
) -> dict[str, Value]:
    found = {name: (_setting(pack, name), value) for name, value in values.items()}
    if only_names:
        return {}
    return {name: setting.check(value) for name, (setting, value) in found.items()}


def _defaults(pack: Pack) -> dict[str, Value]:
    return {n: s.default for n, s in pack.settings.items() if s.default is not None}


def _fitting(pack: Pack, values: Mapping[str, Any]) -> dict[str, Value]:
    """Those that this version of a pack still takes."""
    fitting = {}
    for name, value in values.items():
        try:
            fitting[name] = _setting(pack, name).check(value)
        except PackError:
            continue
    return fitting


def _content(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read()
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}") from error


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _make_private(*folders: Path) -> None:
    """Folders that only the hub's user can look into."""
    for folder in folders:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _owner(folder: Path) -> int:
    return folder.stat().st_uid


def _check_owner(folder: Path) -> None:
    """What root writes there the hub could not read. Raises PackError."""
    owner = _owner(folder)
    if os.geteuid() == 0 and owner != 0:
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise PackError(f"{folder} belongs to {name}: `sudo -u {name} hearth skill …`")


def _make_read_only(folder: Path, program: str | None) -> None:
    """What a pack runs directly may be run; nothing may be written."""
    for path in sorted(folder.rglob("*"), reverse=True):
        executable = path.is_dir() or path.relative_to(folder).as_posix() == program
        path.chmod(0o555 if executable else 0o444)
    folder.chmod(0o555)


def _delete(folder: Path) -> None:
    """Delete a folder that may not be written to."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
