"""Calendars of files and of a CalDAV server: what takes place, and what is to be changed.

All work on files and the network is done in one thread; what goes wrong is a StorageError with a
sentence for the person. A change is remembered with what there was before, so that it can be undone
until the hub ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from hub.daily import ics
from hub.disk import sync_folder
from hub.errors import StorageError, reason
from hub.skill import CalendarEvent

if TYPE_CHECKING:
    from icalendar import Calendar

log = logging.getLogger(__name__)

LARGEST = 20 * 1024 * 1024
"""Bytes of a calendar file."""
MOST_FILES = 100
MOST_EVENTS = 500
"""Of one question."""
MOST_CHANGES = 20
"""Changes that can still be undone."""

T = TypeVar("T")


class Place(Protocol):
    """Where calendars are. What it does takes time: it is called in a thread. Raises
    StorageError."""

    def names(self) -> list[str]: ...

    def texts(self, begin: datetime, end: datetime) -> Iterable[tuple[str, str]]:
        """Name of a calendar, and text that has all its events of a stretch of time."""
        ...

    def of_uid(self, calendar: str, uid: str) -> list[str]:
        """The text of the events of an id."""
        ...

    def put(self, calendar: str, uid: str, blocks: Sequence[str]) -> None:
        """These events in the place of those of an id."""
        ...


class Files:
    """A calendar file, or a folder of them. A file that is not there is made when something is
    put into it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: dict[Path, tuple[tuple[int, int], str]] = {}

    def names(self) -> list[str]:
        return [self._name(path) for path in self._files()]

    def texts(self, begin: datetime, end: datetime) -> Iterable[tuple[str, str]]:
        for path in self._files():
            try:
                yield self._name(path), self._text(path)
            except (OSError, ValueError) as error:
                log.error("%s: cannot be read: %s", path, reason(error))

    def of_uid(self, calendar: str, uid: str) -> list[str]:
        path = self._of_name(calendar)
        return ics.of_uid(self._whole(path), uid) if path.exists() else []

    def put(self, calendar: str, uid: str, blocks: Sequence[str]) -> None:
        path = self._of_name(calendar)
        try:
            before = self._whole(path) if path.exists() else ics.EMPTY
            _write(path, ics.replaced(before, uid, blocks))
        except (OSError, ValueError) as error:
            raise StorageError(f"{path}: nothing was changed: {reason(error)}") from error

    def _files(self) -> list[Path]:
        if self._path.is_dir():
            found = sorted(p for p in self._path.glob("*.ics") if p.is_file())
            return found[:MOST_FILES]
        return [self._path] if self._path.suffix == ".ics" and self._path.exists() else []

    def _of_name(self, calendar: str) -> Path:
        for path in self._files():
            if self._name(path) == calendar:
                return path
        if self._path.suffix == ".ics" and not self._path.is_dir():
            return self._path
        return self._path / "hearth.ics"

    def _name(self, path: Path) -> str:
        with suppress(OSError, ValueError):
            for line in ics.lines(self._text(path)[:4096]):
                if line.name == "X-WR-CALNAME" and line.value.strip():
                    return line.value.strip()
        return path.stem.replace("_", " ")

    def _text(self, path: Path) -> str:
        """The text, for reading: letters that are none are left out."""
        stat = path.stat()
        mark = stat.st_mtime_ns, stat.st_size
        known = self._read.get(path)
        if known is None or known[0] != mark:
            if stat.st_size > LARGEST:
                raise ValueError(f"it is larger than {LARGEST // 1024 // 1024} MB")
            known = mark, path.read_bytes().decode("utf-8-sig", errors="replace")
            self._read[path] = known
        return known[1]

    def _whole(self, path: Path) -> str:
        """The text, for changing it: nothing of it may be lost. Raises ValueError."""
        return path.read_bytes().decode("utf-8")


class Calendars:
    """The `Calendars` that skills are given."""

    def __init__(self, places: Sequence[Place] = (), *, write: str = "") -> None:
        """`write`: name of the calendar that new events are put into."""
        self._places = tuple(places)
        self._write = write
        self._thread: ThreadPoolExecutor | None = None
        self._parsed: dict[int, tuple[str, Calendar, frozenset[str]]] = {}
        self._changes: dict[str, _Change] = {}

    def __len__(self) -> int:
        return len(self._places)

    async def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None

    async def names(self) -> Sequence[str]:
        """See `hub.skill.Calendars`."""
        return await self._run(lambda: [name for place in self._places for name in place.names()])

    async def events(self, begin: datetime, end: datetime) -> Sequence[CalendarEvent]:
        """See `hub.skill.Calendars`."""
        return await self._run(lambda: self._events(begin, end))

    async def add(
        self, summary: str, start: datetime, end: datetime, *, whole_day: bool = False
    ) -> str:
        """See `hub.skill.Calendars`."""
        uid = f"{uuid.uuid4()}@hearth"

        def work() -> str:
            number, calendar = self._for_new()
            return self._put(number, calendar, uid, [ics.new(uid, summary, start, end, whole_day)])

        return await self._run(work)

    async def move(self, event: CalendarEvent, start: datetime) -> str:
        """See `hub.skill.Calendars`."""
        end = start + (event.end - event.start)

        def change(blocks: list[str], key: _Key) -> list[str]:
            if not event.recurs:
                return [ics.moved(block, start, end, event.whole_day) for block in blocks]
            master = _master(blocks)
            kept = [block for block in blocks if not _is_of(block, key.moment, event)]
            if master is None:  # a single time whose series is not known
                own = [block for block in blocks if block not in kept]
                return kept + [ics.moved(block, start, end, event.whole_day) for block in own]
            line = ics.recurrence_line(master, key.date())
            return [*kept, ics.once(master, line, start, end, event.whole_day)]

        return await self._run(lambda: self._change(event, change))

    async def cancel(self, event: CalendarEvent, *, all_of_them: bool = False) -> str:
        """See `hub.skill.Calendars`."""

        def change(blocks: list[str], key: _Key) -> list[str]:
            master = _master(blocks)
            if all_of_them or not event.recurs or master is None:
                return []
            line = ics.recurrence_line(master, key.date())
            kept = [b for b in blocks if not _is_of(b, key.moment, event) and b is not master]
            return [ics.left_out(master, line), *kept]

        return await self._run(lambda: self._change(event, change))

    async def put_back(self, change: str) -> bool:
        """See `hub.skill.Calendars`."""
        known = self._changes.pop(change, None)
        if known is None:
            return False
        place = self._places[known.place]
        await self._run(lambda: place.put(known.calendar, known.uid, known.before))
        return True

    # In the thread.

    def _events(self, begin: datetime, end: datetime) -> list[CalendarEvent]:
        found: list[CalendarEvent] = []
        for number, place in enumerate(self._places):
            for calendar, text in place.texts(begin, end):
                found += self._in(text, number, calendar, begin, end)
        found.sort(key=lambda event: (event.start, event.summary))
        return found[:MOST_EVENTS]

    def _in(
        self, text: str, place: int, name: str, begin: datetime, end: datetime
    ) -> list[CalendarEvent]:
        import recurring_ical_events

        zone = begin.tzinfo or UTC
        calendar, series = self._calendar(text)
        found = []
        query = recurring_ical_events.of(calendar, skip_bad_series=True)
        for occurrence in query.between(begin, end):
            try:
                event = _event(occurrence, zone, place, name, series)
            except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
                log.info("an event in %s is not understood: %s", name, error)
                continue
            if event.start < end and event.end > begin:
                found.append(event)
        return found

    def _calendar(self, text: str) -> tuple[Calendar, frozenset[str]]:
        """The text with all events that are understood, and ids of those that recur. Kept, for
        the same is asked again and again."""
        mark = hash(text)
        known = self._parsed.get(mark)
        if known is None or known[0] != text:
            if len(self._parsed) > MOST_EVENTS:  # each event of a server is a text of its own
                self._parsed.clear()
            content = ics.lines(text)
            blocks = ics.events(content)
            series = frozenset(b.uid for b in blocks if b.recurs or b.recurrence)
            known = text, _parsed(text, content, blocks), series
            self._parsed[mark] = known
        return known[1], known[2]

    def _for_new(self) -> tuple[int, str]:
        """Place and name of the calendar for what is new."""
        every = [(n, name) for n, place in enumerate(self._places) for name in place.names()]
        wanted = [each for each in every if each[1].casefold() == self._write.casefold()]
        if self._write and not wanted:
            log.warning("there is no calendar '%s' to write to", self._write)
        if found := wanted or every:
            return found[0]
        if not self._places:
            raise StorageError("there is no calendar")
        return 0, ""

    def _change(self, event: CalendarEvent, change: Callable[[list[str], _Key], list[str]]) -> str:
        key = _Key.of(event)
        blocks = self._places[key.place].of_uid(key.calendar, key.uid)
        if not blocks:
            raise StorageError(f"{event.summary} is no longer in {event.calendar}")
        return self._put(key.place, key.calendar, key.uid, change(blocks, key), blocks)

    def _put(
        self,
        number: int,
        calendar: str,
        uid: str,
        blocks: Sequence[str],
        before: Sequence[str] = (),
    ) -> str:
        self._places[number].put(calendar, uid, blocks)
        change = uuid.uuid4().hex
        self._changes[change] = _Change(number, calendar, uid, tuple(before))
        while len(self._changes) > MOST_CHANGES:
            self._changes.pop(next(iter(self._changes)))
        return change

    async def _run(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="calendars")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@dataclass(frozen=True, slots=True)
class _Change:
    place: int
    calendar: str
    uid: str
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Key:
    """Which event of which calendar it is, and which time of it; `CalendarEvent.uid` as JSON."""

    place: int
    calendar: str
    uid: str
    moment: str
    """ISO 8601 of the time that it would have by its rule."""

    @classmethod
    def of(cls, event: CalendarEvent) -> _Key:
        return cls(*json.loads(event.uid))

    def date(self) -> date | datetime:
        if len(self.moment) == len("2026-01-01"):
            return date.fromisoformat(self.moment)
        return datetime.fromisoformat(self.moment)


def opened(settings: Mapping[str, Any], otherwise: Path | None) -> Calendars:
    """The calendars that the settings of the skill `calendar` name: `files`, `url` with `user` and
    `password`, `write`. Without `files` there is one file of the hub's own, `otherwise`."""
    places: list[Place] = []
    files = str(settings.get("files") or "").strip()
    url = str(settings.get("url") or "").strip()
    if files:
        places.append(Files(Path(files).expanduser()))
    if url:
        from hub.daily.caldav_server import Server

        user, password = str(settings.get("user") or ""), str(settings.get("password") or "")
        places.append(Server(url, user, password or _credential()))
    if otherwise is not None and not places:
        places.append(Files(otherwise))
    return Calendars(places, write=str(settings.get("write") or ""))


def _credential() -> str:
    """The password that systemd or the environment has for the CalDAV server."""
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        path = Path(folder) / "caldav-password"
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError) as error:
            log.error("the credential caldav-password cannot be read: %s", reason(error))
            return ""
    return os.environ.get("CALDAV_PASSWORD", "")


def _parsed(text: str, content: Sequence[ics.Line], blocks: Sequence[ics.Block]) -> Calendar:
    """The calendar; if it is not understood as a whole, without what is not understood."""
    from icalendar import Calendar

    try:
        return Calendar.from_ical(text)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        pass
    whole = Calendar()
    for each in (*_zones(content), *((block.start, block.end) for block in blocks)):
        piece = "".join(line.raw for line in content[each[0] : each[1]])
        try:
            inner = Calendar.from_ical(f"BEGIN:VCALENDAR\r\n{piece}END:VCALENDAR\r\n")
        except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            log.info("an event is not understood, and left as it is: %s", error)
            continue
        for component in inner.subcomponents:
            whole.add_component(component)
    return whole


def _zones(content: Sequence[ics.Line]) -> list[tuple[int, int]]:
    found, begun = [], -1
    for number, line in enumerate(content):
        said = line.text.strip().upper()
        if said == "BEGIN:VTIMEZONE":
            begun = number
        elif said == "END:VTIMEZONE" and begun >= 0:
            found.append((begun, number + 1))
    return found


def _event(
    occurrence: Any, zone: tzinfo, place: int, name: str, series: frozenset[str]
) -> CalendarEvent:
    begin = occurrence["DTSTART"].dt
    end = occurrence["DTEND"].dt if "DTEND" in occurrence else begin
    whole = not isinstance(begin, datetime)
    start, stop = _local(begin, zone), _local(end, zone)
    if whole and stop <= start:
        stop = start + timedelta(days=1)
    uid = str(occurrence.get("UID") or "")
    given = occurrence.get("RECURRENCE-ID")
    moment = given.dt if given is not None and hasattr(given, "dt") else begin
    key = json.dumps([place, name, uid, moment.isoformat()])
    return CalendarEvent(
        " ".join(str(occurrence.get("SUMMARY") or "").split()),
        start,
        stop,
        whole,
        " ".join(str(occurrence.get("LOCATION") or "").split()),
        str(occurrence.get("DESCRIPTION") or "").strip(),
        name,
        key,
        uid in series,
    )


def _local(moment: Any, zone: tzinfo) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), zone)
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def _master(blocks: Sequence[str]) -> str | None:
    """The event itself, and not one of its times."""
    for block in blocks:
        found = ics.events(ics.lines(f"BEGIN:VCALENDAR\r\n{block}END:VCALENDAR\r\n"))
        if found and not found[0].recurrence:
            return block
    return None


def _is_of(block: str, moment: str, event: CalendarEvent) -> bool:
    """Whether a block is this time of an event, at another time than usual."""
    for line in ics.lines(block):
        if line.name == "RECURRENCE-ID":
            value = line.value.strip()
            wanted = datetime.fromisoformat(moment) if "T" in moment else None
            if wanted is None:
                return value == moment.replace("-", "")
            if value.endswith("Z"):
                return value == f"{wanted.astimezone(UTC):%Y%m%dT%H%M%SZ}"
            return value == f"{wanted:%Y%m%dT%H%M%S}"
    return False


def _write(path: Path, text: str) -> None:
    """Replace a file in one step; it keeps who may read it. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = path.resolve()  # what a link points to is changed, and not the link
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
