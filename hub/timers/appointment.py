"""What is to happen at a time, or when something happens: alarms, reminders, commands. Values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self, cast, get_args

from hub.timers.clock import Time, elapsed, stamp

Kind = Literal["alarm", "reminder", "command", "back"]
"""`back` puts devices into the states of before."""

SUN = ("dawn", "sunrise", "noon", "sunset", "dusk")
"""What the sun does, as `astral` calls it."""
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""As the rules of repeated ones call them (RFC 5545), from Monday on."""


@dataclass(frozen=True, slots=True)
class When:
    """When something is to happen: on the clock of the wall, with the sun, after a while, or when
    a device changes."""

    wall: datetime | None = None
    """Without a zone: what the clock on the wall shows, the first time. With `sun` only the day."""
    rule: str = ""
    """How it is repeated (RFC 5545): 'FREQ=WEEKLY;BYDAY=MO,TU'."""
    sun: str = ""
    """One of SUN."""
    offset: float = 0.0
    """Seconds after that (before it, if negative)."""
    seconds: float = 0.0
    """So long after it was said, whatever becomes of the clock on the wall."""
    entity: str = ""
    """Id of a device at whose change it is."""
    state: str = ""
    """The state into which it changes."""

    @property
    def repeated(self) -> bool:
        return bool(self.rule)


@dataclass(frozen=True, slots=True)
class SpokenTime:
    """A time that was said."""

    when: When
    vague: bool = False
    """No time of the day was said: one was taken that is usual."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """Something that is to happen."""

    id: str
    kind: Kind
    when: When
    made: datetime
    """UTC"""
    text: str = ""
    """What to remind of, or the command, in the words of the person."""
    area: str | None = None
    """Name of the room in which it was wanted."""
    language: str = "en"
    person: str | None = None
    due: float | None = None
    """On the steady clock: when it is over, for what is counted in seconds and for a snooze."""
    last: datetime | None = None
    """The last time of a repeated one that is done with, as the clock on the wall showed it."""
    skip: tuple[datetime, ...] = ()
    """Times of a repeated one that are left out."""
    begun: datetime | None = None
    """The time that rings, or has begun to be done: should the hub end now, it goes on with it."""
    away: bool = False
    """The device has been in another state since: it can change into the one that is waited for."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """Of a `back`: entity id -> state and attributes to be put back."""
    after: Mapping[str, str] = field(default_factory=dict)
    """Of a `back`: entity id -> the state it was put into; another one is left alone."""

    def changed(self, **by: Any) -> Self:
        return replace(self, **by)

    def to_json(self, time: Time, now: datetime | None = None) -> dict[str, Any]:
        """As it is kept. `now`: the time, where the clock cannot be believed."""
        kept = {name: _plain(getattr(self, name)) for name in _NAMES}
        kept["when"] = {each.name: _plain(getattr(self.when, each.name)) for each in fields(When)}
        kept["left"] = None if self.due is None else self.due - time.steady()
        kept = {
            name: value for name, value in kept.items() if value not in (None, "", [], {}, False)
        }
        return {**kept, "stamp": stamp(time, now)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], time: Time) -> Self:
        """What was kept. Raises KeyError, TypeError or ValueError for what is none."""
        if kept["kind"] not in get_args(Kind):
            raise ValueError(f"{kept['kind']!r} is no kind of appointment")
        when = dict(kept["when"])
        when["wall"] = _moment(when.get("wall"))
        left = kept.get("left")
        due = None
        if left is not None:
            due = time.steady() + float(left) - elapsed(kept["stamp"], time)
        made = datetime.fromisoformat(str(kept["made"]))
        return cls(
            id=str(kept["id"]),
            kind=cast("Kind", kept["kind"]),
            when=When(**when),
            made=made if made.tzinfo else made.replace(tzinfo=UTC),
            text=str(kept.get("text", "")),
            area=kept.get("area"),
            language=str(kept.get("language", "en")),
            person=kept.get("person"),
            due=due,
            last=_moment(kept.get("last")),
            skip=tuple(datetime.fromisoformat(each) for each in kept.get("skip", ())),
            begun=_moment(kept.get("begun")),
            away=bool(kept.get("away")),
            before=dict(kept.get("before", {})),
            after=dict(kept.get("after", {})),
        )


_NAMES = tuple(each.name for each in fields(Appointment) if each.name not in ("when", "due"))
"""What is kept as it is."""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
