"""Facts that people told, kept in SQLite and found by their words.

A question is answered by a fact only if nearly all that the question is about is in the fact:
`ENOUGH` of its words by weight, and one that is no everyday word. Otherwise nothing is known.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from hub.cause import cause, same_person
from hub.config import PrivacySettings
from hub.errors import StorageError
from hub.history import History
from hub.history.database import Database
from hub.memory.stems import stems
from hub.timers.clock import Time

Kind = Literal["note", "place", "preference", "name"]

ENOUGH = 0.75
"""0-1: part of what a question is about that a fact must have."""
LONGEST = 500
"""Letters of a fact."""
MOST = 5000
"""Facts that are kept."""
LATELY = timedelta(minutes=10)
"""For so long 'that' is the fact that was told or asked for last in a room."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT,
    teller TEXT,
    area TEXT,
    source TEXT NOT NULL,
    language TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    value TEXT NOT NULL
);
"""
INDEX = "CREATE VIRTUAL TABLE IF NOT EXISTS stems USING fts5(words, tokenize = 'unicode61');\n"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was told."""

    id: int
    at: datetime
    """UTC."""
    kind: Kind
    owner: str | None
    """Whose it is, None of the household."""
    teller: str | None
    """Who told it, if that was known."""
    area: str | None
    """Name of the room it is about, of a preference; else the one it was told in."""
    source: str
    """How it came here: `voice`, `phone`."""
    language: str
    subject: str
    """What it is about, where that is known: the thing that has a place."""
    text: str
    """As it was told."""
    value: Mapping[str, Any] = field(default_factory=dict)
    """Of a preference: `{"temperature": 19}`."""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "at": self.at.isoformat(timespec="seconds"),
            "kind": self.kind,
            "owner": self.owner,
            "teller": self.teller,
            "area": self.area,
            "source": self.source,
            "language": self.language,
            "subject": self.subject,
            "text": self.text,
            "value": dict(self.value),
        }


class Facts:
    """What is remembered. `path` None: until the hub ends. All of it may raise StorageError."""

    def __init__(
        self,
        path: Path | None = None,
        settings: PrivacySettings | None = None,
        time: Time | None = None,
        history: History | None = None,
    ) -> None:
        """`history`: what was said of a fact is forgotten with it."""
        self._history = history
        self._database = Database(path, SCHEMA + INDEX, name="memory", durable=True)
        self._settings = settings or PrivacySettings()
        self._time = time
        self._replaced: dict[int, tuple[Fact, ...]] = {}
        """Facts that another one has taken the place of, since the hub began."""
        self._last: dict[str | None, tuple[datetime, tuple[int, ...]]] = {}

    @property
    def problem(self) -> str:
        """What is wrong with the file, for a person; empty if nothing is."""
        return self._database.problem

    async def close(self) -> None:
        await self._database.close()

    def _now(self) -> datetime:
        return self._time.now() if self._time is not None else datetime.now(UTC)

    # --- telling ---------------------------------------------------------------------------------

    async def keep(
        self,
        text: str,
        *,
        kind: Kind = "note",
        subject: str = "",
        owner: str | None = None,
        teller: str | None = None,
        area: str | None = None,
        source: str | None = None,
        language: str = "en",
        value: Mapping[str, Any] | None = None,
    ) -> tuple[Fact, tuple[Fact, ...]]:
        """Remember something; and those facts in whose place it is: the thing was elsewhere before,
        it was liked otherwise, somebody had another name, or it was told before."""
        fact = Fact(
            0,
            self._now(),
            kind,
            owner,
            teller,
            area,
            source or (why.source if (why := cause()) else "voice"),
            language,
            subject[:LONGEST],
            text[:LONGEST],
            value or {},
        )
        number, before = await self._database.run(lambda c: _kept(c, fact))
        if before:
            await self._database.scrub()
            self._replaced[number] = before
        return replace(fact, id=number), before

    async def take_back(self, number: int) -> bool:
        """Forget a fact that was told just now, and keep again what it had replaced. Whether it was
        there."""
        before = self._replaced.get(number, ())
        there = await self._database.run(lambda c: _taken_back(c, number, before))
        self._replaced.pop(number, None)
        await self._database.scrub()
        return there

    # --- finding ---------------------------------------------------------------------------------

    async def all(self, person: str | None = None, *, everybody: bool = False) -> list[Fact]:
        """What is known of the household and of a person, or of everybody; the oldest first."""
        await self._expire()
        facts = await self._database.run(_all)
        return [fact for fact in facts if everybody or _visible(fact, person)]

    async def find(
        self,
        question: str,
        language: str,
        person: str | None = None,
        *,
        kinds: Sequence[Kind] = ("note", "place"),
    ) -> list[Fact]:
        """The facts that answer a question, the best and newest first; none if nothing does."""
        await self._expire()
        wanted = stems(question, language)
        if not any(weight == 1.0 for _, weight in wanted):
            return []
        match = " OR ".join(f'"{word}"' for word, _ in wanted)
        found = await self._database.run(lambda c: _matching(c, match))
        scored = [
            (_covered(wanted, fact), fact.at, fact)
            for fact in found
            if fact.kind in kinds and _visible(fact, person)
        ]
        good = [each for each in scored if each[0] >= ENOUGH]
        good.sort(key=lambda each: (each[0], each[1]), reverse=True)
        return [fact for _, _, fact in good]

    async def preferences(self, area: str | None, person: str | None = None) -> dict[str, Any]:
        """What is liked in a room, by the names of values: a person's own wishes before the
        household's, those of the room before those of none."""
        liked = [fact for fact in await self.all(person) if fact.kind == "preference"]
        fitting = [fact for fact in liked if fact.area in (area, None)]
        fitting.sort(key=lambda fact: (fact.area is not None, fact.owner is not None, fact.at))
        together: dict[str, Any] = {}
        for fact in fitting:
            together.update(fact.value)
        return together

    async def name(self, person: str | None = None) -> str | None:
        """What somebody wants to be called."""
        names = [fact for fact in await self.all(person) if fact.kind == "name"]
        own = [fact for fact in names if same_person(fact.owner, person)]
        return own[-1].subject if own else None

    # --- forgetting ------------------------------------------------------------------------------

    def spoke_of(self, area: str | None, facts: Sequence[Fact]) -> None:
        """In this room 'that' is now about these facts."""
        self._last[area] = self._now(), tuple(fact.id for fact in facts)

    async def last(self, area: str | None) -> list[Fact]:
        """The facts that 'that' is about in this room."""
        at, numbers = self._last.get(area, (self._now(), ()))
        if self._now() - at > LATELY or not numbers:
            return []
        return [fact for fact in await self.all(everybody=True) if fact.id in numbers]

    async def forget(self, facts: Sequence[Fact]) -> int:
        """Forget some facts, so that nothing of them is left in the file. How many."""
        numbers = [fact.id for fact in facts]
        self._replaced.clear()
        count = await self._database.run(lambda c: _deleted(c, numbers))
        await self._database.scrub()
        if self._history is not None and facts:
            await self._history.forget_words(*(fact.subject or fact.text for fact in facts))
        return count

    async def forget_everything(self, person: str | None = None) -> int:
        """Forget the household's facts, or those of one person, and what was said of late. How
        many facts."""
        if person is None:
            count = await self.forget(await self.all())
        else:
            count = await self.erase(person)
        if self._history is not None:
            await self._history.forget_turns(person)
        return count

    async def erase(self, person: str | None = None) -> int:
        """Forget everything, or what is of one person or was told by them. How many facts."""
        if person is not None:
            facts = await self.all(everybody=True)
            return await self.forget(
                [f for f in facts if same_person(f.owner, person) or same_person(f.teller, person)]
            )
        self._last.clear()
        self._replaced.clear()
        count = await self._database.run(lambda c: _deleted(c, None))
        await self._database.scrub()
        return count

    async def export(self) -> list[dict[str, Any]]:
        return [fact.to_json() for fact in await self.all(everybody=True)]

    async def _expire(self) -> None:
        if self._settings.facts_days <= 0:
            return
        first = (self._now() - timedelta(days=self._settings.facts_days)).timestamp()
        if await self._database.run(lambda c: _deleted(c, _older(c, first))):
            await self._database.scrub()


def _visible(fact: Fact, person: str | None) -> bool:
    """A person's own facts are told to that person alone."""
    return fact.owner is None or same_person(fact.owner, person)


def _covered(wanted: Sequence[tuple[str, float]], fact: Fact) -> float:
    """The part of what is asked that a fact has, 0-1; 0 if that is only everyday words."""
    has = {word for word, _ in stems(_whole(fact), fact.language)}
    total = sum(weight for _, weight in wanted)
    there = [(word, weight) for word, weight in wanted if word in has]
    if not any(weight == 1.0 for _, weight in there):
        return 0.0
    return sum(weight for _, weight in there) / total


def _whole(fact: Fact) -> str:
    return f"{fact.subject} {fact.text}" if fact.kind == "place" else fact.text


# --- in the thread of the database ---------------------------------------------------------------


def _kept(connection: sqlite3.Connection, fact: Fact) -> tuple[int, tuple[Fact, ...]]:
    before = tuple(other for other in _all(connection) if _replaced(other, fact))
    _deleted(connection, [other.id for other in before])
    (count,) = connection.execute("SELECT count(*) FROM facts").fetchone()
    if count >= MOST:
        raise StorageError(
            f"there are {MOST} facts, and no more are kept",
            spoken="I cannot remember any more; I would have to forget something first.",
        )
    return _inserted(connection, fact), before


def _taken_back(connection: sqlite3.Connection, number: int, before: Sequence[Fact]) -> bool:
    if not _deleted(connection, [number]):
        return False
    for fact in before:
        _inserted(connection, fact)
    return True


def _replaced(old: Fact, new: Fact) -> bool:
    """Whether a fact takes the place of another one."""
    if old.kind != new.kind or not same_person(old.owner, new.owner):
        return False
    if new.kind == "name":
        return True
    if new.kind == "preference":
        return old.area == new.area and set(old.value) == set(new.value)
    if new.kind == "place":
        one, other = stems(old.subject, old.language), stems(new.subject, new.language)
        return {word for word, _ in one} == {word for word, _ in other}
    return old.text.casefold() == new.text.casefold()


def _inserted(connection: sqlite3.Connection, fact: Fact) -> int:
    values = (
        fact.id or None,
        fact.at.timestamp(),
        fact.kind,
        fact.owner,
        fact.teller,
        fact.area,
        fact.source,
        fact.language,
        fact.subject,
        fact.text,
        json.dumps(dict(fact.value)),
    )
    number = connection.execute(
        f"INSERT INTO facts VALUES ({','.join('?' * 11)})", values
    ).lastrowid
    assert number is not None
    _indexed(connection, number, fact)
    return number


def _indexed(connection: sqlite3.Connection, number: int, fact: Fact) -> None:
    words = " ".join(word for word, _ in stems(_whole(fact), fact.language))
    connection.execute("INSERT INTO stems (rowid, words) VALUES (?, ?)", (number, words))


def _all(connection: sqlite3.Connection) -> list[Fact]:
    return [_fact(row) for row in connection.execute("SELECT * FROM facts ORDER BY at, id")]


def _matching(connection: sqlite3.Connection, match: str) -> list[Fact]:
    rows = connection.execute(
        "SELECT facts.* FROM stems JOIN facts ON facts.id = stems.rowid"
        " WHERE stems MATCH ? ORDER BY rank LIMIT 100",
        (match,),
    )
    return [_fact(row) for row in rows]


def _fact(row: Sequence[Any]) -> Fact:
    number, at, kind, owner, teller, area, source, language, subject, text, value = row
    moment = datetime.fromtimestamp(at, UTC)
    rest = (kind, owner, teller, area, source, language, subject, text)
    return Fact(number, moment, *rest, json.loads(value))


def _older(connection: sqlite3.Connection, first: float) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM facts WHERE at < ?", (first,))]


def _deleted(connection: sqlite3.Connection, numbers: Sequence[int] | None) -> int:
    """Delete facts, all of them if None. The index of words is made anew: what FTS5 deletes stays
    in its segments otherwise."""
    if numbers is None:
        count = connection.execute("DELETE FROM facts").rowcount
    else:
        count = connection.executemany(
            "DELETE FROM facts WHERE id = ?", [(number,) for number in numbers]
        ).rowcount
    if count > 0:
        connection.execute("DROP TABLE stems")
        connection.execute(INDEX)
        for fact in _all(connection):
            _indexed(connection, fact.id, fact)
    return max(0, count)
