"""Calendar files (RFC 5545) as text: what is not to be changed stays as it is, letter by letter.

A file may have much that no library here understands: other components, properties of its maker,
events that are broken. So it is read with libraries, and written by taking out, putting in, or
changing single events in its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

EVENT = "VEVENT"
EMPTY = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Hearth//Hearth//EN\r\nEND:VCALENDAR\r\n"
OF_A_SERIES = ("RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID")
WHEN = ("DTSTART", "DTEND", "DURATION")

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of content: one or more lines of the file."""

    raw: str
    """As it stands there, with its ends of lines."""
    text: str
    """Unfolded."""

    @property
    def name(self) -> str:
        return re.split(r"[;:]", self.text, maxsplit=1)[0].strip().upper()

    @property
    def value(self) -> str:
        return parted(self.text)[1]


def parted(text: str) -> tuple[str, str]:
    """A line's name with its parameters, and its value; a colon in quotes parts nothing."""
    quoted = False
    for place, letter in enumerate(text):
        quoted ^= letter == '"'
        if letter == ":" and not quoted:
            return text[:place], text[place + 1 :]
    return text, ""


@dataclass(frozen=True, slots=True)
class Block:
    """An event in the text."""

    start: int
    """Number of its first line."""
    end: int
    """Behind its last one."""
    uid: str
    recurrence: str
    """Its RECURRENCE-ID as it stands there, empty for the event itself."""
    recurs: bool


def lines(text: str) -> list[Line]:
    """All lines of content; those that are folded are put together."""
    found: list[Line] = []
    for raw in (match[0] for match in _LINE.finditer(text) if match[0]):
        plain = raw.rstrip("\r\n")
        if plain[:1] in (" ", "\t") and found:
            last = found.pop()
            found.append(Line(last.raw + raw, last.text + plain[1:]))
        else:
            found.append(Line(raw, plain))
    return found


def events(content: Sequence[Line]) -> list[Block]:
    """All events of the calendar. One that is not closed is none."""
    found: list[Block] = []
    path: list[str] = []
    begun, own = 0, list[Line]()
    for number, line in enumerate(content):
        kind = line.value.strip().upper() if line.name in ("BEGIN", "END") else ""
        if line.name == "BEGIN":
            path.append(kind)
            if kind == EVENT and path[:-1] == ["VCALENDAR"]:
                begun, own = number, []
        elif line.name == "END":
            if path[-1:] != [kind]:
                path = path[: path.index(kind)] if kind in path else path
                continue
            path.pop()
            if kind == EVENT and path == ["VCALENDAR"]:
                found.append(_block(begun, number + 1, own))
        elif path[-1:] == [EVENT]:
            own.append(line)
    return found


def _block(start: int, end: int, own: Sequence[Line]) -> Block:
    names = {line.name for line in own}
    uid = next((line.value.strip() for line in own if line.name == "UID"), "")
    recurrence = next((line.text for line in own if line.name == "RECURRENCE-ID"), "")
    return Block(start, end, uid, recurrence, bool(names & {"RRULE", "RDATE"}))


def of_uid(text: str, uid: str) -> list[str]:
    """The text of all events of an id: an event, and the times of it that are other than usual."""
    content = lines(text)
    return [_text(content[b.start : b.end]) for b in events(content) if b.uid == uid]


def replaced(text: str, uid: str, blocks: Sequence[str]) -> str:
    """The calendar with these events in the place of those of an id; without any, without them.

    Raises ValueError for what is no calendar."""
    content = lines(text)
    old = [block for block in events(content) if block.uid == uid]
    gone = {number for block in old for number in range(block.start, block.end)}
    place = old[0].start if old else _end(content)
    before = [line for number, line in enumerate(content[:place]) if number not in gone]
    after = [line for n, line in enumerate(content[place:], place) if n not in gone]
    newline = "\r\n" if any(line.raw.endswith("\r\n") for line in content) else "\n"
    new = "".join(_ended(block, newline) for block in blocks)
    return _text(before) + new + _text(after)


def _end(content: Sequence[Line]) -> int:
    places = [n for n, line in enumerate(content) if line.text.strip().upper() == "END:VCALENDAR"]
    if not places:
        raise ValueError("it is no calendar: it has no END:VCALENDAR")
    return places[-1]


def _ended(block: str, newline: str) -> str:
    return newline.join(block.splitlines()) + newline


def _text(content: Sequence[Line]) -> str:
    return "".join(line.raw for line in content)


# --- one event ----------------------------------------------------------------------------------


def new(uid: str, summary: str, start: datetime, end: datetime, whole_day: bool) -> str:
    """The text of a new event."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    written = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{stamp}",
        *_when(start, end, whole_day),
        f"SUMMARY:{escaped(summary)}",
        "END:VEVENT",
    ]
    return "\r\n".join(folded(line) for line in written) + "\r\n"


def moved(block: str, start: datetime, end: datetime, whole_day: bool) -> str:
    """An event at another time."""
    return _with(block, WHEN, _when(start, end, whole_day))


def once(block: str, recurrence: str, start: datetime, end: datetime, whole_day: bool) -> str:
    """One time of an event that recurs, at another time. `recurrence`: the line that says which."""
    return _with(block, (*WHEN, *OF_A_SERIES), [recurrence, *_when(start, end, whole_day)])


def left_out(block: str, recurrence: str) -> str:
    """An event that recurs without one of its times."""
    return _with(block, (), [re.sub(r"^RECURRENCE-ID", "EXDATE", recurrence)])


def recurrence_line(block: str, moment: date | datetime) -> str:
    """The line that says which time of an event is meant, in the way in which its start is
    written."""
    started = next((line for line in lines(block) if line.name == "DTSTART"), None)
    named = parted(started.text)[0] if started else "DTSTART"
    if not isinstance(moment, datetime):
        return f"RECURRENCE-ID;VALUE=DATE:{moment:%Y%m%d}"
    if "TZID=" in named.upper():
        return f"RECURRENCE-ID{named[len('DTSTART') :]}:{moment:%Y%m%dT%H%M%S}"
    if started and started.value.strip().upper().endswith("Z"):
        return f"RECURRENCE-ID:{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"RECURRENCE-ID:{moment:%Y%m%dT%H%M%S}"


def _when(start: datetime, end: datetime, whole_day: bool) -> list[str]:
    if whole_day:
        return [f"DTSTART;VALUE=DATE:{start:%Y%m%d}", f"DTEND;VALUE=DATE:{end:%Y%m%d}"]
    return [
        f"DTSTART:{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTEND:{end.astimezone(UTC):%Y%m%dT%H%M%SZ}",
    ]


def _with(block: str, without: Sequence[str], new: Sequence[str]) -> str:
    """An event without some of its own lines, and with others; what is inside of it (alarms)
    stays."""
    kept: list[Line] = []
    depth = 0
    for line in lines(block):
        depth -= line.name == "END"
        if depth != 1 or line.name not in without or line.name in ("BEGIN", "END"):
            kept.append(line)
        depth += line.name == "BEGIN"
    newline = "\r\n" if kept[0].raw.endswith("\r\n") else "\n"
    added = "".join(newline.join(folded(text).split("\r\n")) + newline for text in new)
    return kept[0].raw + added + _text(kept[1:])


def escaped(text: str) -> str:
    """A text as a value."""
    plain = " ".join(text.split())
    return re.sub(r"([\\;,])", r"\\\1", plain)


def folded(line: str) -> str:
    """A line of at most 75 bytes, and what follows of it."""
    pieces, piece = [], ""
    for letter in line:
        if len((piece + letter).encode()) > 74:
            pieces.append(piece)
            piece = ""
        piece += letter
    return "\r\n ".join([*pieces, piece])
