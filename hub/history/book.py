"""Turns and deeds, kept and found again. See `hub.history`."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hub.cause import Source, same_person
from hub.config import PrivacySettings
from hub.errors import StorageError
from hub.history.database import Database
from hub.history.watching import Seen, Watching
from hub.home.model import Home
from hub.messages import Trace
from hub.timers.clock import Time

log = logging.getLogger(__name__)

TIDIED = 3600.0
"""Seconds after which it is looked again for what is too old."""
GATHERED = 0.5
"""Seconds for which rows are gathered before they are written."""
MOST_GATHERED = 5000
"""Rows that wait at most, where the disk takes none; further ones are lost, which is logged."""
MOST_DEEDS = 500_000
"""Deeds that are kept at most, the oldest go first: about 90 MB."""
MOST_TURNS = 20_000
MOST_OUTSIDE = 60
"""Deeds of one device in an hour that were caused outside; further ones are not kept."""
RECENT = 32
"""Turns that are remembered where words are never kept, so that 'why did you do that?' has an
answer..."""
REMEMBERED = timedelta(minutes=15)
"""... for so long, and not over a restart."""
CHUNK = 5000
"""Deeds that are read at a time."""
LONGEST = 200
"""Letters of a value of a service's data."""
CLOSED = frozenset(
    "color_name effect fan_mode hvac_mode mode operation_mode option preset_mode swing_mode".split()
)
"""Data of services whose text is one of a few words that the device names. Any other text may be
somebody's words, and is not kept with a deed."""

FORGETTING = "memory.forget"
"""Beginning of the names of tools by which something is forgotten: what was said for that is what
nobody wants to be kept."""

TEXTS = ("input_text", "text")
"""Domains whose states are somebody's words."""

KINDS = ("turns", "deeds")
"""Of what is kept; also the names of the tables."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    token TEXT NOT NULL,
    area TEXT,
    person TEXT,
    source TEXT NOT NULL,
    trace TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS turns_at ON turns (at);
CREATE INDEX IF NOT EXISTS turns_token ON turns (token);
CREATE TABLE IF NOT EXISTS deeds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    entity_id TEXT NOT NULL,
    name TEXT NOT NULL,
    service TEXT NOT NULL,
    data TEXT NOT NULL,
    state_before TEXT,
    state_after TEXT,
    area TEXT,
    person TEXT,
    source TEXT NOT NULL,
    turn TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deeds_at ON deeds (at);
CREATE INDEX IF NOT EXISTS deeds_turn ON deeds (turn);
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that was said, and what became of it."""

    id: int
    """Counts up, also over restarts. 0 for one that is only remembered."""
    at: datetime
    """UTC."""
    token: str
    """The same as `Deed.turn` of what was done in it."""
    area: str | None
    person: str | None
    source: Source
    trace: Mapping[str, Any]
    """As `Trace.to_json` has it: heard, hypotheses, tier, score, candidates, calls, outcomes..."""

    @property
    def heard(self) -> str:
        return str(self.trace.get("heard", ""))

    @property
    def reply(self) -> str:
        return str(self.trace.get("reply", ""))

    def to_json(self) -> dict[str, Any]:
        told = {
            "id": self.id,
            "at": self.at.isoformat(timespec="milliseconds"),
            "area": self.area,
            "person": self.person,
            "source": self.source,
        }
        return told | {key: value for key, value in self.trace.items() if key != "turn"}


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done with a device, or that happened to it."""

    id: int
    at: datetime
    """UTC."""
    entity_id: str
    name: str
    """What the device was called then."""
    service: str
    """Such as `light.turn_on`. What was caused outside has the one that would have done it; what
    only happened (a door was opened) has none."""
    data: Mapping[str, Any]
    before: str | None
    """Its state before."""
    after: str | None
    """Its state afterwards; None if the device has reported nothing."""
    area: str | None
    """Where it was said; of what was caused outside, the room of the device."""
    person: str | None
    source: Source
    turn: str = ""
    """`Turn.token`, if it was done in a turn."""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "at": self.at.isoformat(timespec="milliseconds"),
            "entity_id": self.entity_id,
            "name": self.name,
            "service": self.service,
            "data": dict(self.data),
            "before": self.before,
            "after": self.after,
            "area": self.area,
            "person": self.person,
            "source": self.source,
        }


@dataclass(slots=True)
class _Gathered:
    """What is to be written."""

    turns: list[tuple[Any, ...]] = field(default_factory=list)
    deeds: dict[int, list[Any]] = field(default_factory=dict)
    follow: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.turns) + len(self.deeds) + len(self.follow)


class History:
    """What was said and done. `path` None: it is remembered until the hub ends."""

    def __init__(self, path: Path | None, settings: PrivacySettings, time: Time) -> None:
        self._database = Database(path, SCHEMA)
        self._settings = settings
        self._time = time
        self._home: Home | None = None
        self._watching: Watching | None = None
        self._gathered = _Gathered()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: Future[None] | None = None
        """What was handed over last."""
        self._tidying: asyncio.TimerHandle | None = None
        self._next = 0
        """Number of the next deed."""
        self._recent: deque[Turn] = deque(maxlen=RECENT)
        self._outside: dict[str, tuple[float, int]] = {}
        self._complained = False

    @property
    def problem(self) -> str:
        """What is wrong with the file, for a person; empty if nothing is."""
        return self._database.problem

    async def open(self) -> None:
        """Read how far it has come, and forget what is too old. A file that cannot be used is
        logged, and costs nothing else."""
        try:
            self._next = await self._database.run(_last) + 1
            await self.prune()
        except StorageError as error:
            log.error("%s; what is said and done is not kept", error)

    def watch(self, home: Home) -> None:
        """Keep what devices of this home do from now on. Turns are given to `turn`."""
        self._home = home
        self._watching = Watching(home, self._seen, self._follows, self._time.steady)
        self._watching.begin()
        self._tidying = asyncio.get_running_loop().call_later(TIDIED, self._tidy)

    def _tidy(self) -> None:
        """Forget what has become too old meanwhile."""
        self._outside.clear()
        self._tidying = asyncio.get_running_loop().call_later(TIDIED, self._tidy)
        words, deeds = self._oldest()
        self._database.begin(lambda c: _pruned(c, words, deeds)).add_done_callback(_complain)

    def _oldest(self) -> tuple[datetime, datetime]:
        """From when on words and deeds are kept; what is only remembered and older is forgotten."""
        now = self._time.now()
        words = now - timedelta(hours=self._settings.words_hours)
        while self._recent and self._recent[0].at < min(words, now - REMEMBERED):
            self._recent.popleft()
        return words, now - timedelta(days=self._settings.deeds_days)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.end()
        if self._tidying is not None:
            self._tidying.cancel()
        self._hand_over()
        await self._database.close()

    # --- what comes in ---------------------------------------------------------------------------

    def turn(self, trace: Trace) -> None:
        """An onlooker of the assistant."""
        if not trace.heard:
            return
        at = self._time.now()
        told = trace.to_json()
        if any(call.tool.startswith(FORGETTING) for call in trace.intent.calls):
            told |= {"heard": "", "hypotheses": [], "calls": [], "candidates": [], "reply": ""}
            told |= {"why": ""}
        source: Any = trace.source
        self._recent.append(Turn(0, at, trace.token, trace.area, trace.person, source, told))
        if self._settings.words_hours > 0:
            text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
            row = (at.timestamp(), trace.token, trace.area, trace.person, trace.source, text)
            self._gathered.turns.append(row)
            self._gather()

    def _seen(self, seen: Seen) -> int:
        number, self._next = self._next, self._next + 1
        at = self._time.now().timestamp()
        if self._settings.deeds_days <= 0 or self._too_often(seen, at):
            return number
        if seen.entity_id.split(".")[0] in TEXTS:
            seen = replace(seen, before=None, after=None)
        home = self._home
        entity = home.entities.get(seen.entity_id) if home else None
        area = seen.why.area
        if area is None and home is not None and entity is not None:
            own = home.area_of(entity)
            area = own.name if own else None
        self._gathered.deeds[number] = [
            number,
            at,
            seen.entity_id,
            entity.name if entity else seen.entity_id,
            seen.service,
            json.dumps(_kept(seen.data), ensure_ascii=False, separators=(",", ":")),
            seen.before,
            seen.after,
            area,
            seen.why.person,
            seen.why.source,
            seen.why.turn,
        ]
        self._gather()
        return number

    def _too_often(self, seen: Seen, at: float) -> bool:
        """Whether a device changes so often that it only fills the disk."""
        if seen.why.source != "outside":
            return False
        began, times = self._outside.get(seen.entity_id, (at, 0))
        if at - began >= 3600 or at < began:
            began, times = at, 0
        self._outside[seen.entity_id] = began, times + 1
        return times >= MOST_OUTSIDE

    def _follows(self, number: int, entity_id: str, state: str) -> None:
        if entity_id.split(".")[0] in TEXTS:
            return
        if number in self._gathered.deeds:
            self._gathered.deeds[number][7] = state
        else:
            self._gathered.follow[number] = state
            self._gather()

    def _gather(self) -> None:
        if len(self._gathered) > MOST_GATHERED:
            if not self._complained:
                log.error("history: the disk takes nothing; some of it is lost")
            self._complained = True
            self._gathered = _Gathered()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHERED, self._due)

    def _due(self) -> None:
        """Hand over, if what was handed over before is written: a disk that hangs takes no more."""
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self._timer = asyncio.get_running_loop().call_later(GATHERED, self._due)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """Have what was gathered written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not len(self._gathered):
            return
        batch, self._gathered = self._gathered, _Gathered()
        self._writing = self._database.begin(lambda connection: _write(connection, batch))
        self._writing.add_done_callback(_complain)

    # --- finding ---------------------------------------------------------------------------------

    async def flush(self) -> None:
        """Return when all that has happened is written. Raises StorageError."""
        self._hand_over()
        await self._database.run(lambda connection: None)

    def deeds(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        turn: str | None = None,
        sources: Sequence[Source] = (),
    ) -> Iterator[Deed]:
        """Deeds, the oldest first, a thousand read at a time: for whoever goes through a year of
        them, in a thread of their own. Raises StorageError."""
        self._hand_over()
        place = _seconds(since, 0.0), 0
        where, values = _deeds_where(None, until, turn, sources)
        while True:
            rows = self._database.begin(_reading(where, values, place, CHUNK)).result()
            for row in rows:
                yield _deed(row)
            if len(rows) < CHUNK:
                return
            place = rows[-1][1], rows[-1][0]

    async def done(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        turn: str | None = None,
        sources: Sequence[Source] = (),
        most: int = CHUNK,
    ) -> list[Deed]:
        """The last deeds, the oldest of them first. Raises StorageError."""
        self._hand_over()
        where, values = _deeds_where(since, until, turn, sources)
        sql = f"SELECT * FROM deeds WHERE {where} ORDER BY at DESC, id DESC LIMIT ?"
        rows = await self._database.run(lambda c: c.execute(sql, (*values, most)).fetchall())
        return [_deed(row) for row in reversed(rows)]

    async def turns(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        id: int | None = None,
        most: int = 100,
    ) -> list[Turn]:
        """The last turns, the oldest of them first; those whose words are not kept are among them
        only while the hub remembers them. Raises StorageError."""
        self._hand_over()
        sql = "SELECT * FROM turns WHERE at >= ? AND at < ? AND (? IS NULL OR id = ?)"
        values = (_seconds(since, 0.0), _seconds(until, 1e12), id, id, most)
        rows = await self._database.run(
            lambda c: c.execute(f"{sql} ORDER BY id DESC LIMIT ?", values).fetchall()
        )
        if rows or id is not None or self._settings.words_hours > 0:
            return [_turn(row) for row in reversed(rows)]
        first = since or datetime.min.replace(tzinfo=UTC)
        last = until or datetime.max.replace(tzinfo=UTC)
        self._oldest()
        return [turn for turn in self._recent if first <= turn.at < last][-most:]

    # --- forgetting ------------------------------------------------------------------------------

    async def prune(self) -> int:
        """Forget what is older than the settings say; how many rows. Raises StorageError."""
        words, deeds = self._oldest()
        self._hand_over()
        return await self._database.run(lambda c: _pruned(c, words, deeds))

    async def erase(self, person: str | None = None, *, kinds: Sequence[str] = KINDS) -> int:
        """Forget everything, or what is of one person. How many rows. Raises StorageError."""
        self._hand_over()
        self._remember(lambda turn: person is not None and not same_person(turn.person, person))
        count = await self._database.run(lambda c: _erased(c, person, kinds))
        await self._database.scrub()
        return count

    async def forget_words(self, *texts: str) -> int:
        """Forget the turns in which one of these was said or answered; how many. StorageError."""
        wanted = [text.casefold() for text in texts if text.strip()]
        if not wanted:
            return 0

        def has(told: str) -> bool:
            return any(text in told.casefold() for text in wanted)

        self._remember(lambda turn: not has(json.dumps(turn.trace, ensure_ascii=False)))
        return await self._forget(
            lambda c: [n for n, told in c.execute("SELECT id, trace FROM turns") if has(told)]
        )

    async def forget_turns(self, person: str | None = None) -> int:
        """Forget what was said, or what one person said; what was done stays. StorageError."""
        self._remember(lambda turn: person is not None and not same_person(turn.person, person))
        return await self._forget(
            lambda c: [
                n
                for n, name in c.execute("SELECT id, person FROM turns")
                if person is None or same_person(name, person)
            ]
        )

    def _remember(self, those: Callable[[Turn], bool]) -> None:
        """Of what is only remembered, go on with those."""
        self._recent = deque(filter(those, self._recent), maxlen=RECENT)

    async def _forget(self, which: Callable[[sqlite3.Connection], list[int]]) -> int:
        self._hand_over()

        def delete(connection: sqlite3.Connection) -> int:
            rows = [(number,) for number in which(connection)]
            connection.executemany("DELETE FROM turns WHERE id = ?", rows)
            return len(rows)

        count = await self._database.run(delete)
        await self._database.scrub()
        return count

    async def export(self) -> dict[str, Any]:
        """Everything, as JSON. Raises StorageError."""
        turns = await self.turns(most=MOST_TURNS)
        deeds = await self.done(most=MOST_DEEDS)
        return {
            "turns": [turn.to_json() for turn in turns],
            "deeds": [deed.to_json() for deed in deeds],
        }

    async def extent(self) -> dict[str, tuple[int, datetime | None]]:
        """Of each kind how many rows there are, and since when. Raises StorageError."""
        self._hand_over()
        return await self._database.run(_extent)


def _kept(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a service without what may be somebody's words."""
    return {
        name: value
        for name, value in data.items()
        if value is None
        or isinstance(value, bool | int | float)
        or (name in CLOSED and isinstance(value, str) and len(value) <= LONGEST)
        or (
            isinstance(value, list | tuple) and all(isinstance(each, int | float) for each in value)
        )
    }


def _complain(done: Any) -> None:
    if error := done.exception():
        log.error("%s; what was said and done is not kept", error)


def _seconds(moment: datetime | None, otherwise: float) -> float:
    return moment.timestamp() if moment is not None else otherwise


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _turn(row: Sequence[Any]) -> Turn:
    number, at, token, area, person, source, trace = row
    return Turn(number, _moment(at), token, area, person, source, json.loads(trace))


def _deed(row: Sequence[Any]) -> Deed:
    number, at, entity_id, name, service, data, *rest = row
    return Deed(number, _moment(at), entity_id, name, service, _data(data), *rest)


@lru_cache(maxsize=1024)
def _data(text: str) -> Mapping[str, Any]:
    """The data of services is much the same again and again; nobody changes it."""
    return MappingProxyType(json.loads(text))


def _deeds_where(
    since: datetime | None,
    until: datetime | None,
    turn: str | None,
    sources: Sequence[Source],
) -> tuple[str, tuple[Any, ...]]:
    where = "at < ?"
    values: tuple[Any, ...] = (_seconds(until, 1e12),)
    if since is not None:
        where, values = f"{where} AND at >= ?", (*values, since.timestamp())
    if turn is not None:
        where, values = f"{where} AND turn = ?", (*values, turn)
    if sources:
        marks = ",".join("?" * len(sources))
        where, values = f"{where} AND source IN ({marks})", (*values, *sources)
    return where, values


# --- in the thread of the database ---------------------------------------------------------------


def _last(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'deeds'").fetchone()
    return int(row[0]) if row else 0


def _write(connection: sqlite3.Connection, batch: _Gathered) -> None:
    connection.executemany(
        "INSERT INTO turns (at, token, area, person, source, trace) VALUES (?, ?, ?, ?, ?, ?)",
        batch.turns,
    )
    connection.executemany(
        f"INSERT OR REPLACE INTO deeds VALUES ({','.join('?' * 12)})", batch.deeds.values()
    )
    connection.executemany(
        "UPDATE deeds SET state_after = ? WHERE id = ?",
        [(state, number) for number, state in batch.follow.items()],
    )


def _reading(
    where: str, values: tuple[Any, ...], place: tuple[float, int], most: int
) -> Callable[[sqlite3.Connection], list[Any]]:
    # The index is by time: where to go on is told by the time alone, or each piece would be looked
    # for from the beginning. The number is for those of the same moment.
    at, number = place
    sql = (
        f"SELECT * FROM deeds WHERE at >= ? AND (at > ? OR id > ?) AND {where}"
        " ORDER BY at, id LIMIT ?"
    )
    found = (at, at, number, *values, most)
    return lambda connection: connection.execute(sql, found).fetchall()


def _pruned(connection: sqlite3.Connection, words: datetime, deeds: datetime) -> int:
    count = 0
    for table, first, most in (("turns", words, MOST_TURNS), ("deeds", deeds, MOST_DEEDS)):
        count += connection.execute(
            f"DELETE FROM {table} WHERE at < ?", (first.timestamp(),)
        ).rowcount
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        if rows > most:
            count += connection.execute(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY at, id LIMIT ?)",
                (rows - most,),
            ).rowcount
    return count


def _erased(connection: sqlite3.Connection, person: str | None, kinds: Sequence[str]) -> int:
    count = 0
    for table in kinds:
        if person is None:
            count += connection.execute(f"DELETE FROM {table}").rowcount
        else:
            found = connection.execute(f"SELECT DISTINCT person FROM {table}").fetchall()
            for (name,) in found:
                if same_person(name, person):
                    count += connection.execute(
                        f"DELETE FROM {table} WHERE person = ?", (name,)
                    ).rowcount
    return count


def _extent(connection: sqlite3.Connection) -> dict[str, tuple[int, datetime | None]]:
    found = {}
    for table in KINDS:
        rows, first = connection.execute(f"SELECT count(*), min(at) FROM {table}").fetchone()
        found[table] = rows, _moment(first) if first is not None else None
    return found
