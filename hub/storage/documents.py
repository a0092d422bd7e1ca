"""Documents by key, kept in TinyDB off the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from tinydb import TinyDB
from tinydb.middlewares import CachingMiddleware
from tinydb.table import Document, Table

from hub.errors import StorageError
from hub.storage.atomic import AtomicStorage

log = logging.getLogger(__name__)

COALESCE = 0.05
"""Seconds for which writes are gathered into one: a scene changes many devices at once."""

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 900.0
"""Seconds after which what the disk did not take is tried again; each time twice as long."""

T = TypeVar("T")

_caching: Any = CachingMiddleware  # has no types


class Documents:
    """One table of documents: `{"key": ..., ...}` each.

    All work on the file is done in one thread of its own, begun at the first use. `put` returns
    at once and is on the disk `COALESCE` seconds later; `flush` waits for that."""

    def __init__(self, path: Path, table: str = "states") -> None:
        self._path = path
        self._table = table
        self._thread: ThreadPoolExecutor | None = None
        self._database: TinyDB | None = None
        self._cache: Any = None
        self._ids: dict[str, int] = {}
        self._pending: dict[str, dict[str, Any]] = {}
        self._one = asyncio.Lock()
        """One batch at a time: of one that fails nothing takes the place of a later one."""
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._told = ""
        """What went wrong last, and was told: nobody wants to read it with every change."""
        self._retry: asyncio.TimerHandle | None = None
        self._pause = FIRST_PAUSE

    async def load(self) -> dict[str, dict[str, Any]]:
        """All documents by key. Raises StorageError when the file cannot be read."""
        await self.flush()
        return await self._in_thread(self._load)

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Keep a document, in place of the one of the same key, soon."""
        self._pending[key] = dict(document)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(COALESCE, self._begin_writing)

    async def flush(self) -> None:
        """Return when all that was put is on the disk. Raises StorageError if it cannot be."""
        try:
            await self._flush()
        except StorageError as error:
            self._told = str(error)
            raise

    async def _flush(self) -> None:
        self._calm()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self._write()

    async def close(self) -> None:
        """Write what is pending and end the thread."""
        try:
            await self._flush()
        except StorageError as error:
            if str(error) != self._told:
                log.error("%s", error)
        finally:
            self._calm()
            if self._thread is not None:
                if self._database is not None:
                    with suppress(StorageError):  # said already
                        await self._in_thread(self._database.close)
                    self._database = None
                self._thread.shutdown(wait=False)
                self._thread = None

    def _begin_writing(self) -> None:
        self._timer = None
        self._calm()
        if self._writing is not None and not self._writing.done():
            # The disk is slower than the changes come: write them when it is ready.
            self._timer = asyncio.get_running_loop().call_later(COALESCE, self._begin_writing)
            return
        self._writing = asyncio.create_task(self._write_logged(), name=f"writing-{self._table}")

    async def _write_logged(self) -> None:
        try:
            await self._write()
        except StorageError as error:
            if str(error) != self._told:
                log.error("%s", error)
            self._told = str(error)

    def _calm(self) -> None:
        """Nothing is to be tried again."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    async def _write(self) -> None:
        async with self._one:
            if not self._pending:
                return
            batch, self._pending = self._pending, {}
            try:
                await self._in_thread(lambda: self._save(batch))
            except StorageError:
                # To be tried again with the next change, or after a while if none comes.
                self._pending = batch | self._pending
                self._calm()
                loop = asyncio.get_running_loop()
                self._retry = loop.call_later(self._pause, self._begin_writing)
                self._pause = min(LONGEST_PAUSE, self._pause * 2)
                raise
            self._calm()
            self._pause = FIRST_PAUSE
            if self._told:
                log.warning("%s: it can be written again, and nothing is missing", self._path)
                self._told = ""

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="storage")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # In the thread.

    def _open(self) -> Table:
        if self._database is None:
            # The middleware keeps the parsed content in memory; every batch is flushed.
            self._cache = _caching(AtomicStorage)
            self._database = TinyDB(self._path, storage=self._cache)
            self._ids = {
                str(document["key"]): document.doc_id
                for document in self._database.table(self._table)
                if "key" in document  # another one is nobody's
            }
        return self._database.table(self._table)

    def _load(self) -> dict[str, dict[str, Any]]:
        documents = {
            str(document["key"]): dict(document) for document in self._open() if "key" in document
        }
        for document in documents.values():
            del document["key"]
        return documents

    def _save(self, batch: Mapping[str, Mapping[str, Any]]) -> None:
        table = self._open()
        for key, document in batch.items():
            if key in self._ids:
                table.remove(doc_ids=[self._ids[key]])
            number = self._ids.setdefault(key, max(self._ids.values(), default=0) + 1)
            table.insert(Document({"key": key, **document}, doc_id=number))
        self._cache.flush()
