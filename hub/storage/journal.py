"""A journal: documents by key, kept as a line for each change.

    8c1f02aa 17 {"key":"alarm-3","document":{…}}

Each line has its checksum (CRC-32) and its number; a document of `null` takes the key away. A
change costs a line that is written at the end and forced to the disk, however much is kept. When
most lines are outdated, what counts is written to a new file, which then takes the old one's
place in one step.

A crash while a line is written leaves a part of it at the end: that change had not been promised
to anybody, and is left out. Damage anywhere else is the disk's: the file is set aside under
another name, what can still be read is used, and `damage` tells of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from hub.disk import make_folder, sync_folder, write_new
from hub.errors import StorageError, reason
from hub.storage.atomic import AtomicStorage

log = logging.getLogger(__name__)

FEW = 200
"""Lines up to which nothing is tidied up."""
OUTDATED = 4
"""Tidied up when there are this many times as many lines as documents."""

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 900.0
"""Seconds after which what the disk did not take is tried again; each time twice as long."""

FORM = 1
"""Of the files. One of a newer hub has the document `{"form": 2}` by the key `_form`."""
FORM_KEY = "_form"

T = TypeVar("T")

Document = dict[str, Any]


@dataclass(slots=True)
class Content:
    """What a file has."""

    documents: dict[str, Document] = field(default_factory=dict)
    number: int = 0
    """Of its last line."""
    lines: int = 0
    torn: bool = False
    """It ends in a part of a line."""
    damaged: list[int] = field(default_factory=list)
    """Lines (from 1) that are not as they were written, or before which some are missing."""


class Journal:
    """Documents by key in one file, which is its owner's alone (0600).

    The file is worked on in a thread of its own. Changes are on the disk when `flush` returns."""

    def __init__(self, path: Path, *, former: Path | None = None) -> None:
        """`former`: a file of `Documents` in which this was kept before; what it has is moved."""
        self._path = path
        self._former = former
        self._temporary = path.with_name(f"{path.name}.tmp")
        self._thread: ThreadPoolExecutor | None = None
        self._documents: dict[str, Document] | None = None
        self._pending: dict[str, Document | None] = {}
        self._writing = asyncio.Lock()
        """One batch at a time: of one that fails nothing takes the place of a later one."""
        self._file: int | None = None
        self._number = 0
        self._lines = 0
        self._anew = False
        """The file cannot be added to: it is written anew."""
        self._retry: asyncio.TimerHandle | None = None
        self._retrying: asyncio.Task[None] | None = None
        self._pause = FIRST_PAUSE
        self.damage = ""
        """What was found damaged, for people; empty if nothing was."""

    async def load(self) -> dict[str, Document]:
        """All documents by key. Raises StorageError when the file cannot be read."""
        return await self._in_thread(lambda: dict(self._open()))

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Keep a document, in place of the one of the same key."""
        self._pending[key] = dict(document)

    def remove(self, key: str) -> None:
        """Keep nothing by this key."""
        self._pending[key] = None

    async def flush(self) -> None:
        """Return when all changes are on the disk. Raises StorageError if they cannot be: they are
        tried again with the next ones."""
        async with self._writing:
            if not self._pending:
                return
            batch, self._pending = self._pending, {}
            try:
                await self._in_thread(lambda: self._append(batch))
            except StorageError:
                self._pending = batch | self._pending
                self._calm()
                loop = asyncio.get_running_loop()
                self._retry = loop.call_later(self._pause, self._try_again)
                self._pause = min(LONGEST_PAUSE, self._pause * 2)
                raise
            self._calm()
            if self._pause > FIRST_PAUSE:
                log.warning("%s: it can be written again, and nothing is missing", self._path)
            self._pause = FIRST_PAUSE

    def _try_again(self) -> None:
        """What the disk did not take, and nobody has changed since."""
        self._retry = None
        self._retrying = asyncio.create_task(self._tried_again(), name="journal-again")

    async def _tried_again(self) -> None:
        with suppress(StorageError):  # it was told, and is tried again later
            await self.flush()

    def _calm(self) -> None:
        """Nothing is to be tried again."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    async def tidy(self) -> None:
        """Leave nothing on the disk of what was removed or replaced. Raises StorageError."""
        await self.flush()
        await self._in_thread(self._tidied)

    async def close(self) -> None:
        """Write what is pending and end the thread."""
        try:
            await self.flush()
        except StorageError as error:
            log.error("%s", error)
        finally:
            self._calm()
            if self._retrying is not None:
                await asyncio.wait([self._retrying])
                self._calm()
            if self._thread is not None:
                await self._in_thread(self._close)
                self._thread.shutdown(wait=False)
                self._thread = None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # In the thread.

    def _open(self) -> dict[str, Document]:
        if self._documents is None:
            self._documents = self._read()
            if self._former is not None:
                self._move(self._former)
        return self._documents

    def _read(self) -> dict[str, Document]:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be read: {reason(error)}") from error
        found = parse(raw)
        form = found.documents.get(FORM_KEY, {}).get("form", FORM)
        if not isinstance(form, int) or form > FORM:
            raise StorageError(
                f"{self._path}: a newer Hearth wrote it (form {form}): install that again, or move "
                "the file away to begin afresh"
            )
        self._number, self._lines = found.number, found.lines
        self._anew = found.torn
        if found.damaged:
            self._set_aside(found)
        return found.documents

    def _set_aside(self, found: Content) -> None:
        """Keep the damaged file for whoever wants to look at it, and go on with what is left."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        aside = self._path.with_name(f"{self._path.name}.damaged-{stamp}")
        try:
            shutil.copy2(self._path, aside)
        except OSError as error:
            log.error("%s is damaged and cannot be copied: %s", self._path, reason(error))
        lines = ", ".join(map(str, found.damaged[:5]))
        self.damage = (
            f"{self._path} was damaged (line {lines}) and is now {aside}; "
            f"{len(found.documents)} entries could be read"
        )
        log.error("%s", self.damage)
        with suppress(StorageError):  # the next change tries it again
            self._rewrite(found.documents)

    def _move(self, former: Path) -> None:
        """Take over what was kept in another form. The old file goes when the new one is there."""
        assert self._documents is not None
        if not former.exists():
            return
        if not self._lines:
            tables = AtomicStorage(former).read() or {}
            for table in tables.values():
                for kept in table.values():
                    if "key" in kept:
                        rest = {name: value for name, value in kept.items() if name != "key"}
                        self._documents[str(kept["key"])] = rest
            try:
                self._rewrite(self._documents)
            except StorageError as error:  # the old file stays; the next change tries it again
                log.error("%s", error)
                return
        for path in (former, former.with_name(f"{former.name}.1")):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _append(self, batch: Mapping[str, Document | None]) -> None:
        documents = {**self._open()}
        for key, document in batch.items():
            if document is None:
                documents.pop(key, None)
            else:
                documents[key] = document
        outdated = self._lines + len(batch) > max(FEW, OUTDATED * len(documents))
        if self._anew or outdated or self._lines == 0:
            self._rewrite(documents)
        else:
            self._add(batch)
        self._documents = documents

    def _add(self, batch: Mapping[str, Document | None]) -> None:
        lines = []
        for number, (key, document) in enumerate(batch.items(), self._number + 1):
            lines.append(self._line(number, key, document))
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            _write(self._file, b"".join(lines))
            os.fsync(self._file)
        except OSError as error:
            # After a failed fsync the kernel may have dropped what was written and report success
            # the next time: only another file tells the truth.
            self._anew = True
            self._close()
            raise StorageError(
                f"{self._path}: what is new cannot be kept: {reason(error)}"
            ) from error
        self._number += len(lines)
        self._lines += len(lines)

    def _tidied(self) -> None:
        if self._lines or self._path.exists():
            self._rewrite(self._open())

    def _rewrite(self, documents: Mapping[str, Document]) -> None:
        """A new file with what counts, in place of the old one."""
        self._close()
        self._anew = True  # should it fail, nobody knows which of them is there
        lines = [
            self._line(number, key, document)
            for number, (key, document) in enumerate(documents.items(), self._number + 1)
        ]
        try:
            make_folder(self._path.parent)
            write_new(self._temporary, b"".join(lines))
            self._temporary.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            raise StorageError(
                f"{self._path}: what is new cannot be kept: {reason(error)}"
            ) from error
        self._number += len(lines)
        self._lines = len(lines)
        self._anew = False

    def _line(self, number: int, key: str, document: Document | None) -> bytes:
        try:
            return line(number, key, document)
        except (TypeError, ValueError) as error:
            raise StorageError(f"{self._path}: this cannot be kept: {error}") from error

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None


def line(number: int, key: str, document: Mapping[str, Any] | None) -> bytes:
    """One change as it stands in the file. Raises TypeError or ValueError for what is no JSON."""
    text = json.dumps({"key": key, "document": document}, ensure_ascii=False, separators=(",", ":"))
    body = f"{number} {text}".encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def parse(raw: bytes) -> Content:
    """What the bytes of a file mean."""
    found = Content()
    *whole, rest = raw.split(b"\n")
    # A power cut may leave zeros where the file had grown and nothing was written yet.
    found.torn = bool(rest)
    for place, each in enumerate(whole, 1):
        read = _parsed(each)
        if read is None:
            found.damaged.append(place)
            continue
        number, key, document = read
        if found.lines and number != found.number + 1:
            if number <= found.number:
                found.damaged.append(place)
                continue
            if not found.damaged or found.damaged[-1] != place - 1:
                found.damaged.append(place)
        found.number = number
        found.lines += 1
        if document is None:
            found.documents.pop(key, None)
        else:
            found.documents[key] = document
    return found


def _parsed(raw: bytes) -> tuple[int, str, Document | None] | None:
    """Number, key and document of a line; None if it is not as it was written."""
    checksum, _, body = raw.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        number, _, text = body.partition(b" ")
        content = json.loads(text)
        key, document = content["key"], content["document"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(key, str) or not (document is None or isinstance(document, dict)):
        return None
    return int(number), key, document


def _write(file: int, content: bytes) -> None:
    """All of it: a full disk may take a part first."""
    while content:
        content = content[os.write(file, content) :]
