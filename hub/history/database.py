"""A SQLite file with one thread that works on it.

Everything, reading too, is done in that thread and in the order it was asked for: nothing blocks
the event loop, and what was written is seen by whoever reads next. Write-ahead log, and
`synchronous=NORMAL`: a process that is killed loses nothing that was committed and a power cut
cannot damage the file, but it may cost the last seconds. For history that is the right price: FULL
would force every lamp that is switched to an SD card by itself. What people were told is remembered
is `durable`: FULL. What is erased is overwritten (`secure_delete`), and erasing is forced to the
disk. A file of a newer version (`user_version`) is neither read nor written.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from hub.errors import StorageError, reason

log = logging.getLogger(__name__)

BESIDE = ("-wal", "-shm", "-journal")
"""Ends of the names of the files that SQLite has beside one."""

VERSION = 0
"""Of the form of the files (`PRAGMA user_version`)."""

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Database:
    """`schema`: statements that make what is not there yet. `path` None: in memory alone."""

    def __init__(
        self, path: Path | None, schema: str, *, name: str = "history", durable: bool = False
    ) -> None:
        """`durable`: what was committed outlasts a power cut, too."""
        self.path = path
        self.problem = ""
        """What is wrong with the file, or was when it was opened; for a person."""
        self._schema = schema
        self._name = name
        self._synchronous = "FULL" if durable else "NORMAL"
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    def begin(self, work: Work[T]) -> Future[T]:
        """Have something done in the thread, as one transaction. Its result may be waited for in
        any thread. It is a StorageError if the file cannot be read or written."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return self._thread.submit(self._done, work)

    async def run(self, work: Work[T]) -> T:
        """The same, waited for. Raises StorageError."""
        return await asyncio.wrap_future(self.begin(work))

    async def close(self) -> None:
        """Let what was begun end, and close the file."""
        if self._thread is not None:
            await asyncio.wrap_future(self._thread.submit(self._close))
            self._thread.shutdown(wait=False)
            self._thread = None

    async def scrub(self) -> None:
        """Leave nothing of what was deleted in the file, nor in those beside it. StorageError."""
        await self.run(self._scrubbed)

    # In the thread.

    def _done(self, work: Work[T]) -> T:
        try:
            if self._connection is None:
                self._connection = self._open()
            with self._connection:
                return work(self._connection)
        except sqlite3.Error as error:
            self.problem = f"{self.path or self._name}: {error}"
            raise StorageError(self.problem) from error
        except OSError as error:
            self.problem = f"{self.path or self._name}: {reason(error)}"
            raise StorageError(self.problem) from error

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        """The file, made if there is none. A damaged one is set aside, never emptied."""
        if self.path is None:
            return self._connected(":memory:")
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives the files beside it the mode of the file itself.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        self.path.chmod(0o600)
        try:
            return self._connected(str(self.path))
        except (sqlite3.OperationalError, sqlite3.NotSupportedError):
            raise  # locked, full, not readable, newer: that is no damage
        except sqlite3.DatabaseError as error:
            aside = self._set_aside()
            self.problem = f"{self.path} was damaged ({error}) and is now {aside}; it begins afresh"
            log.error("%s", self.problem)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            return self._connected(str(self.path))

    def _connected(self, name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(name, timeout=5)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise sqlite3.NotSupportedError(
                    f"a newer Hearth wrote it (form {version}); install that again, or move the "
                    "file away"
                )
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            connection.execute("PRAGMA secure_delete=ON")
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != ("ok",):
                raise sqlite3.DatabaseError(str(found[0] if found else "it cannot be checked"))
            connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection

    def _scrubbed(self, connection: sqlite3.Connection) -> None:
        connection.commit()  # VACUUM is no part of a transaction
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")

    def _set_aside(self) -> Path:
        assert self.path is not None
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        self.path.replace(aside)
        for end in BESIDE:
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + end).replace(aside.with_name(aside.name + end))
        return aside


def damaged(path: Path) -> list[Path]:
    """Files that were set aside as damaged: they may still hold what is to be erased."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))
