"""The person's own documents: found by their words, and quoted with where it stands.

What is in them is text of strangers as often as not. It is read in a process of its own, kept in an
index, and told; it is never an order, and no model gets it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from hub.daily.passages import best_sentences, query_words
from hub.skill import Passage

log = logging.getLogger(__name__)

AGAIN = 300.0
"""Seconds after which the folder is looked through again when something is looked up."""
FIRST = 3.0
"""Seconds for which the first look is waited for by whoever asks."""
LONGEST_LOOK = 1800.0
"""Seconds that one look through the folder may take; the next one goes on."""
ZIM = 4.0
"""Seconds for what Kiwix files are asked."""
LEAST = 0.4
"""Share of the wanted words that what is told has at least."""
CANDIDATES = 20
"""Passages that are looked at closely."""


class Library:
    """The `Library` that skills are given. `folder`: where the documents are, None for none;
    `index`: the file of the index."""

    def __init__(
        self,
        folder: Path | None = None,
        index: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._index = folder, index
        self._clock = clock
        self._looked: float | None = None
        self._looking: asyncio.Task[None] | None = None

    @property
    def set_up(self) -> bool:
        """See `hub.skill.Library`."""
        return self._folder is not None and self._index is not None

    def __len__(self) -> int:
        if self._folder is None or self._index is None or not self._index.exists():
            return 0
        known = sum(1 for _ in self._folder.rglob("*.zim"))
        with suppress(sqlite3.Error), closing(self._opened()) as database:
            found = database.execute("SELECT count(*) FROM files WHERE passages > 0").fetchone()
            known += int(found[0])
        return known

    async def find(self, words: str, language: str) -> Passage | None:
        """See `hub.skill.Library`."""
        if not self.set_up:
            return None
        await self.look()
        wanted = query_words(words)
        if not wanted:
            return None
        found, articles = await asyncio.gather(
            asyncio.to_thread(self._search, wanted), self._in_zim(words)
        )
        return _best([*found, *articles], wanted)

    async def look(self, *, wait: float = FIRST) -> None:
        """Look through the folder if that was long ago; the first time wait a little for it."""
        due = self._looked is None or self._clock() - self._looked > AGAIN
        first = self._looked is None
        if due and (self._looking is None or self._looking.done()):
            self._looked = self._clock()
            self._looking = asyncio.create_task(self._read(), name="documents")
        if self._looking is None or self._looking.done():
            return
        if first or await asyncio.to_thread(self.__len__) == 0:
            await asyncio.wait([self._looking], timeout=wait)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _read(self) -> None:
        """Have a process read what is new in the folder."""
        assert self._folder is not None and self._index is not None
        answer = await _child("index", str(self._folder), str(self._index), limit=LONGEST_LOOK)
        if answer.get("read") or answer.get("gone"):
            log.info("documents: %s", answer)

    async def _in_zim(self, words: str) -> list[tuple[str, str, int | None]]:
        """What the Kiwix files of the folder have. They come with an index of their own."""
        assert self._folder is not None
        if not await asyncio.to_thread(lambda folder: any(folder.rglob("*.zim")), self._folder):
            return []
        answer = await _child("zim", str(self._folder), words, limit=ZIM)
        return [(str(text), str(title), None) for text, title in answer.get("found", ())]

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._index}?mode=ro", uri=True, timeout=1.0)

    def _search(self, wanted: frozenset[str]) -> list[tuple[str, str, int | None]]:
        """Passages with all the words, then those with some of them."""
        if self._index is None or not self._index.exists():
            return []
        terms = [f'"{word}"*' for word in sorted(wanted)]
        rows: list[tuple[str, str, int | None]] = []
        asked = (
            "SELECT text, document, page FROM passages WHERE passages MATCH ?"
            " ORDER BY bm25(passages) LIMIT ?"
        )
        try:
            with closing(self._opened()) as database:
                for joint in (" AND ", " OR "):
                    if not rows:
                        rows = database.execute(asked, (joint.join(terms), CANDIDATES)).fetchall()
        except sqlite3.Error as error:
            log.error("%s: %s", self._index, error)
        return rows


def _best(found: list[tuple[str, str, int | None]], wanted: frozenset[str]) -> Passage | None:
    """The passage whose sentences have most of the words; of equal ones the first."""
    chosen, most = None, 0.0
    for place, (text, document, page) in enumerate(found):
        sentences, score = best_sentences(text, wanted)
        if sentences and score >= LEAST and score - place * 1e-3 > most:
            most = score - place * 1e-3
            chosen = Passage(sentences, document, page)
    return chosen


async def _child(*arguments: str, limit: float) -> Mapping[str, Any]:
    """What `hub.daily.reading` answers, in a process of its own; nothing if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hub.daily.reading",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(limit):
            told, _ = await process.communicate()
    except (TimeoutError, asyncio.CancelledError) as error:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise
        log.warning("documents: no answer within %g s", limit)
        return {}
    try:
        answer = json.loads(told)
    except ValueError:
        log.error("documents: reading them failed (%s)", process.returncode)
        return {}
    return answer if isinstance(answer, dict) else {}


def opened(settings: Mapping[str, Any], index: Path | None) -> Library:
    """The documents that the settings of the skill `documents` name: `folder`."""
    folder = str(settings.get("folder") or "").strip()
    return Library(Path(folder).expanduser() if folder else None, index)
