"""What sensors with numbers have told, hour by hour, for a month: lowest, mean, highest, last.

Sensors may tell something each second; what is kept of an hour is four numbers. The hour that is
not over is in memory, and goes to the disk every few minutes, all sensors in one transaction. The
mean counts how long each value was shown. While the hub is away there is nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hub.errors import StorageError
from hub.history.database import Database
from hub.home.model import Home
from hub.messages import StateChange
from hub.skill.services import Hour
from hub.timers.clock import Time
from hub.timers.waiting import full

log = logging.getLogger(__name__)

KINDS = frozenset(
    "battery carbon_dioxide energy gas humidity illuminance moisture pm25 power precipitation"
    " pressure temperature voltage volume water wind_speed".split()
)
"""Device classes of sensors that are kept."""
COUNTING = frozenset("energy gas water".split())
"""Of those, what counts on."""
DAYS = 31
MOST = 500
"""Sensors."""
SAVED = 300.0
"""Seconds after which the hour that is not over goes to the disk."""
HOUR = 3600
SCHEMA = """
CREATE TABLE IF NOT EXISTS hours (
    entity_id TEXT NOT NULL, hour INTEGER NOT NULL,
    low REAL, mean REAL, high REAL, last REAL, seconds REAL,
    PRIMARY KEY (entity_id, hour)
) WITHOUT ROWID;
"""

Row = tuple[str, int, float, float, float, float, float]


@dataclass(slots=True)
class _Now:
    """An hour that is not over."""

    hour: int
    """Its number since 1970."""
    since: float
    """When the last value was told, or the hour began."""
    low: float
    high: float
    last: float | None
    """None while the sensor is away."""
    known: float
    """What it told last."""
    area: float = 0.0
    """Values times the seconds that they were shown."""
    seconds: float = 0.0

    def until(self, moment: float) -> None:
        if self.last is not None:
            passed = max(0.0, moment - self.since)
            self.area += self.last * passed
            self.seconds += passed
        self.since = moment

    def tell(self, value: float | None, moment: float) -> None:
        self.until(moment)
        self.last = value
        if value is not None:
            self.known = value
            self.low, self.high = min(self.low, value), max(self.high, value)

    def row(self, entity_id: str, moment: float) -> Row:
        self.until(moment)
        mean = self.area / self.seconds if self.seconds else self.known
        return entity_id, self.hour, self.low, mean, self.high, self.known, self.seconds


class Pasts:
    """Keeps it, for one home. `path` None: in memory alone."""

    def __init__(self, path: Path | None, home: Home, time: Time) -> None:
        self._database = Database(path, SCHEMA, name="past")
        self._home = home
        self._time = time
        self._now: dict[str, _Now] = {}
        self._over: list[Row] = []
        """Hours that are over, and not on the disk yet."""
        self._tasks: list[asyncio.Task[None]] = []
        self._unwatch: Any = None

    async def begin(self) -> None:
        """Take what sensors tell, from now on, and go on with the hour of before."""
        self._unwatch = self._home.watch(self._changed)
        moment = self._moment()
        for entity_id in self._home.entities:
            state = self._home.state(entity_id)
            self._tell(entity_id, state.state, moment)
        hour = math.floor(moment / HOUR)
        query = "SELECT entity_id, low, mean, high, seconds FROM hours WHERE hour = ?"
        try:
            rows = await self._database.run(lambda c: c.execute(query, (hour,)).fetchall())
        except StorageError as error:
            log.error("%s", error)
            rows = []
        for entity_id, low, mean, high, seconds in rows:
            if (now := self._now.get(entity_id)) is not None and now.hour == hour:
                now.low, now.high = min(now.low, low), max(now.high, high)
                now.area, now.seconds = now.area + mean * seconds, now.seconds + seconds
        self._tasks = [asyncio.create_task(self._save_often(), name="past")]

    async def close(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._tasks:
            await self._save()
        self._tasks = []
        await self._database.close()

    def of(self, handler: Any, turn: Any) -> SkillPast:
        """The `Past` of a skill."""
        return SkillPast(self)

    async def hours(self, entity_id: str, since: datetime) -> list[Hour]:
        """The hours of a sensor, the one in which `since` lies first. Raises StorageError."""
        first = math.floor(since.timestamp() / HOUR)

        def found(connection: sqlite3.Connection) -> list[Any]:
            query = (
                "SELECT hour, low, mean, high, last FROM hours WHERE entity_id = ? AND hour >= ?"
            )
            return connection.execute(f"{query} ORDER BY hour", (entity_id, first)).fetchall()

        moment = self._moment()
        self._roll(entity_id, moment)
        self._put()  # first, so that it is among what is read
        rows = {row[0]: row for row in await self._database.run(found)}
        if (now := self._now.get(entity_id)) and now.hour >= first:
            rows[now.hour] = now.row(entity_id, moment)[1:6]
        entity = self._home.entities.get(entity_id)
        counts = entity is not None and entity.device_class in COUNTING
        return [
            Hour(
                datetime.fromtimestamp(hour * HOUR, UTC).astimezone(), low, mean, high, last, counts
            )
            for hour, low, mean, high, last in (rows[key] for key in sorted(rows))
        ]

    async def export(self) -> Any:
        """All that is kept, for whoever wants to have it."""
        await self._save()
        return await self._database.run(_exported)

    async def erase(self, person: str | None = None) -> int:
        """Forget all of it; none of it is of one `person`. The number of hours."""
        if person is not None:
            return 0
        self._now.clear()
        self._over.clear()
        count = await self._database.run(lambda c: c.execute("DELETE FROM hours").rowcount)
        await self._database.scrub()
        return int(count)

    def tell_of(self, entity_id: str, values: Iterable[tuple[datetime, float]]) -> None:
        """Let a sensor have told this, in the order of time, instead of what it tells now."""
        self._now.pop(entity_id, None)
        for at, value in values:
            self._tell(entity_id, str(value), at.timestamp())

    # --- what is told ------------------------------------------------------------------------

    def _changed(self, change: StateChange) -> None:
        self._tell(change.entity_id, change.state, self._moment())

    def _tell(self, entity_id: str, state: str, moment: float) -> None:
        self._roll(entity_id, moment)
        known, value = self._now.get(entity_id), _number(state)
        if known is not None:
            known.tell(value, moment)
        elif value is not None and len(self._now) < MOST and self._kept(entity_id):
            hour = math.floor(moment / HOUR)
            self._now[entity_id] = _Now(hour, moment, value, value, value, value)

    def _kept(self, entity_id: str) -> bool:
        entity = self._home.entities.get(entity_id)
        return entity is not None and entity.domain == "sensor" and entity.device_class in KINDS

    def _roll(self, entity_id: str, moment: float) -> None:
        """Let the hours that are over be kept: what was told last was so in them."""
        now, hour = self._now.get(entity_id), math.floor(moment / HOUR)
        if now is None or now.hour >= hour:
            return
        while now.hour < hour and now.last is not None:
            end = float((now.hour + 1) * HOUR)
            self._over.append(now.row(entity_id, end))
            value = now.last
            now = _Now(now.hour + 1, end, value, value, value, value)
        if now.last is None:  # it has been away since
            self._over.append(now.row(entity_id, now.since))
            del self._now[entity_id]
        else:
            self._now[entity_id] = now

    # --- the disk ----------------------------------------------------------------------------

    async def _save_often(self) -> None:
        while True:
            await full(self._time, SAVED)
            await self._save()

    async def _save(self) -> None:
        moment = self._moment()
        for entity_id in [*self._now]:
            self._roll(entity_id, moment)
        oldest = math.floor(moment / HOUR) - DAYS * 24
        over, self._over = self._over, []
        rows = [*over, *(now.row(entity_id, moment) for entity_id, now in self._now.items())]
        try:
            await self._database.run(lambda connection: _kept_rows(connection, rows, oldest))
        except StorageError as error:
            log.error("%s", error)

    def _put(self) -> None:
        """Beside all else; in the order of the database's one thread."""
        if over := self._over:
            self._over = []
            self._database.begin(lambda connection: _kept_rows(connection, over, None))

    def _moment(self) -> float:
        return self._time.now().timestamp()


class SkillPast:
    """The `Past` of `hub.skill`."""

    def __init__(self, pasts: Pasts) -> None:
        self._pasts = pasts

    async def of(self, entity: Any, since: datetime) -> list[tuple[datetime, float]]:
        return [(hour.at, hour.value) for hour in await self.hours(entity, since)]

    async def hours(self, entity: Any, since: datetime) -> list[Hour]:
        return await self._pasts.hours(entity.entity_id, since)


def _kept_rows(connection: sqlite3.Connection, rows: Iterable[Row], oldest: int | None) -> None:
    connection.executemany("INSERT OR REPLACE INTO hours VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    if oldest is not None:
        connection.execute("DELETE FROM hours WHERE hour < ?", (oldest,))


def _number(state: str) -> float | None:
    try:
        value = float(state)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _beginning(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR, UTC).astimezone()


def hours_in(path: Path) -> list[dict[str, Any]]:
    """All that is kept in a file, which a hub may have open. Raises StorageError."""
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            return _exported(connection)
    except sqlite3.Error as error:
        raise StorageError(f"{path}: cannot be read: {error}") from error


def _exported(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    names = ("entity_id", "hour", "low", "mean", "high", "last", "seconds")
    rows = connection.execute("SELECT * FROM hours ORDER BY entity_id, hour").fetchall()
    return [
        {**dict(zip(names, row, strict=True)), "hour": _beginning(row[1]).isoformat()}
        for row in rows
    ]
