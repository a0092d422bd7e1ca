"""Files of the forms that the hub keeps things in. Nobody may use them while they are erased."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from hub import past
from hub.cause import same_person
from hub.config import PrivacySettings
from hub.disk import sync_folder
from hub.errors import StorageError, reason
from hub.history import History
from hub.memory import Facts
from hub.privacy import Extent
from hub.storage.atomic import AtomicStorage
from hub.storage.journal import Journal, parse
from hub.timers.clock import SystemTime

log = logging.getLogger(__name__)

PEOPLE = ("person", "owner", "teller", "who", "made_by")
"""Names of the values that say whose something is."""
DATES = ("at", "created", "made", "since", "set_at")

Opened = TypeVar("Opened", History, Facts)


def generations(path: Path) -> list[Path]:
    """A file with its former generations, the files beside it, and what was set aside."""
    if not path.parent.is_dir():
        return []
    return sorted(
        each
        for each in path.parent.iterdir()
        if each.name == path.name
        or (each.name.startswith(path.name) and each.name[len(path.name)] in ".-")
    )


def removed(paths: Iterable[Path]) -> None:
    """Remove files, and force that to the disk. Raises StorageError."""
    folders = set()
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path}: cannot be erased: {reason(error)}") from error
        folders.add(path.parent)
    for folder in folders:
        with suppress(OSError):
            sync_folder(folder)


def size_of(files: Iterable[Path]) -> int:
    """Bytes of those files that are still there."""
    return sum(each.st_size for each in _looked_at(files))


def _looked_at(files: Iterable[Path]) -> list[os.stat_result]:
    """A running hub takes files away while they are looked at."""
    found = []
    for each in files:
        with suppress(FileNotFoundError):
            found.append(each.lstat())
    return found


def is_of(document: Any, person: str) -> bool:
    """Whether something says that it is of this person."""
    if isinstance(document, Mapping):
        return any(
            (key in PEOPLE and isinstance(value, str) and same_person(value, person))
            or is_of(value, person)
            for key, value in document.items()
        )
    return isinstance(document, list) and any(is_of(each, person) for each in document)


@dataclass(frozen=True)
class _Named:
    name: str
    path: Path
    about: str
    how_long: str

    def files(self) -> Sequence[Path]:
        return generations(self.path)


@dataclass(frozen=True)
class DocumentsFile(_Named):
    """Documents in TinyDB."""

    async def extent(self) -> Extent:
        return await asyncio.to_thread(lambda: _extent(self._rows()))

    async def export(self) -> Any:
        return await asyncio.to_thread(self._rows)

    async def erase(self, person: str | None = None) -> int:
        return await asyncio.to_thread(self._erase, person)

    def _rows(self) -> list[dict[str, Any]]:
        try:
            content = json.loads(self.path.read_bytes())
            tables = (table for name, table in content.items() if name[:1] != "_")
            return [dict(row) for table in tables for row in table.values()]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, AttributeError) as error:
            log.error("%s cannot be read: %s", self.path, error)
            return []

    def _erase(self, person: str | None) -> int:
        rows = self._rows()
        if person is None:
            removed(generations(self.path))
            return len(rows)
        content = AtomicStorage(self.path).read() or {}
        kept = {
            name: {key: row for key, row in table.items() if not is_of(row, person)}
            for name, table in content.items()
        }
        left = sum(len(table) for table in kept.values())
        if left == len(rows):
            return 0
        AtomicStorage(self.path).write(kept)
        removed(each for each in generations(self.path) if each != self.path)
        return len(rows) - left


@dataclass(frozen=True)
class JournalFile(_Named):
    """Documents in a journal."""

    async def extent(self) -> Extent:
        return _extent(await self.export())

    async def export(self) -> Any:
        return await asyncio.to_thread(self._rows)

    def _rows(self) -> list[dict[str, Any]]:
        try:
            return list(parse(self.path.read_bytes()).documents.values())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"{self.path}: cannot be read: {reason(error)}") from error

    async def erase(self, person: str | None = None) -> int:
        rows = await asyncio.to_thread(self._rows)
        if person is None:
            await asyncio.to_thread(removed, generations(self.path))
            return len(rows)
        journal = Journal(self.path)
        try:
            documents = await journal.load()
            gone = [key for key, document in documents.items() if is_of(document, person)]
            for key in gone:
                journal.remove(key)
            if gone:
                await journal.tidy()
        finally:
            await journal.close()
        if gone:
            others = [each for each in generations(self.path) if each != self.path]
            await asyncio.to_thread(removed, others)
        return len(gone)


@dataclass(frozen=True)
class HistoryFile(_Named):
    """The history: `what` is `turns` or `deeds`."""

    what: str
    settings: PrivacySettings

    async def extent(self) -> Extent:
        if not self.path.is_file():
            return Extent(0)
        async with self._opened() as history:
            return Extent(*(await history.extent())[self.what])

    async def export(self) -> Any:
        if not self.path.is_file():
            return []
        async with self._opened() as history:
            return (await history.export())[self.what]

    async def erase(self, person: str | None = None) -> int:
        if person is None or not self.path.is_file():
            count = (await self.extent()).count
            await asyncio.to_thread(removed, generations(self.path))
            return count
        async with self._opened() as history:
            return await history.erase(person, kinds=(self.what,))

    def _opened(self) -> AbstractAsyncContextManager[History]:
        return _closing(History(self.path, self.settings, SystemTime()))


@dataclass(frozen=True)
class FactsFile(_Named):
    """What people told to remember."""

    async def extent(self) -> Extent:
        return _extent(await self.export())

    async def export(self) -> Any:
        if not self.path.is_file():
            return []
        async with _closing(Facts(self.path)) as facts:
            return await facts.export()

    async def erase(self, person: str | None = None) -> int:
        if person is None:
            count = (await self.extent()).count
            await asyncio.to_thread(removed, generations(self.path))
            return count
        if not self.path.is_file():
            return 0
        async with _closing(Facts(self.path)) as facts:
            return await facts.erase(person)


@dataclass(frozen=True)
class Others(_Named):
    """Files of a form of their own: told by their names, texts with what they say. None of them
    says whose it is, so they are not erased with what is of one person."""

    patterns: Sequence[str] = ("**/*",)
    """Of the names of files in the folder that `path` is."""
    texts: Sequence[str] = (".json", ".jsonl", ".ics", ".txt", ".md", ".1")
    with_person: bool = False
    """Whether they go as a whole with what is of one person: nobody can read whose they are."""

    def files(self) -> Sequence[Path]:
        if not self.path.is_dir():
            return []
        found = {each for pattern in self.patterns for each in self.path.glob(pattern)}
        return sorted(each for each in found if each.is_file() or each.is_symlink())

    async def extent(self) -> Extent:
        files = await asyncio.to_thread(self.files)
        times = [each.st_mtime for each in _looked_at(files)]
        first = datetime.fromtimestamp(min(times), UTC) if times else None
        return Extent(len(times), first)

    async def export(self) -> Any:
        return await asyncio.to_thread(self._export)

    def _export(self) -> list[dict[str, Any]]:
        rows = []
        for each in self.files():
            row: dict[str, Any] = {"file": str(each.relative_to(self.path))}
            try:
                row["bytes"] = each.lstat().st_size
            except FileNotFoundError:
                continue
            if each.suffix in self.texts:
                with suppress(OSError):
                    row["text"] = each.read_text(encoding="utf-8", errors="replace")
            rows.append(row)
        return rows

    async def erase(self, person: str | None = None) -> int:
        if person is not None and not self.with_person:
            return 0
        files = await asyncio.to_thread(self.files)
        await asyncio.to_thread(removed, files)
        return len(files)


@dataclass(frozen=True)
class HoursFile(_Named):
    """What sensors told, by the hour."""

    async def extent(self) -> Extent:
        hours = await self.export()
        first = min((datetime.fromisoformat(row["hour"]) for row in hours), default=None)
        return Extent(len(hours), first)

    async def export(self) -> Any:
        try:
            return await asyncio.to_thread(past.hours_in, self.path)
        except StorageError as error:
            log.error("%s", error)
            return []

    async def erase(self, person: str | None = None) -> int:
        if person is not None:
            return 0  # sensors are nobody's
        count = (await self.extent()).count
        await asyncio.to_thread(removed, generations(self.path))
        return count


@asynccontextmanager
async def _closing(opened: Opened) -> AsyncIterator[Opened]:
    try:
        yield opened
    finally:
        await opened.close()


def _extent(rows: Sequence[Mapping[str, Any]]) -> Extent:
    moments = [moment for row in rows if (moment := _since(row)) is not None]
    return Extent(len(rows), min(moments, default=None))


def _since(row: Mapping[str, Any]) -> datetime | None:
    for name in DATES:
        value = row.get(name)
        with suppress(ValueError, OverflowError, OSError):
            if isinstance(value, str):
                moment = datetime.fromisoformat(value)
                return moment if moment.tzinfo else moment.astimezone()
    return None
