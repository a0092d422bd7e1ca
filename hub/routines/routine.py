"""What a routine is: triggers and steps, as values, and as the plain data that is kept and shown.

The plain form is what people read and write (`hearth routines export`):

    name: good night
    when:
    - say: good night
    do:
    - turn off the lights
    - lock the doors
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

from hub.errors import HearthError
from hub.home.things import Entity
from hub.messages import Call

if TYPE_CHECKING:
    from hub.routines.saying import Condition

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKDAYS, WEEKEND, DAILY = (0, 1, 2, 3, 4), (5, 6), (0, 1, 2, 3, 4, 5, 6)
GROUPS: Mapping[str, tuple[int, ...]] = {"weekdays": WEEKDAYS, "weekends": WEEKEND, "daily": DAILY}

MOST_STEPS = 20
LONGEST_NAME = 60
LONGEST_WAIT = 24 * 3600.0
"""Seconds"""


class RoutineError(HearthError):
    """A routine makes no sense, or there is none of that name."""

    spoken = "Sorry, that routine does not work."


@dataclass(frozen=True, slots=True)
class Phrase:
    """Somebody says this."""

    text: str


@dataclass(frozen=True, slots=True)
class Clock:
    """A time on the clock of the wall, on some days of the week, or as an RFC 5545 rule says."""

    at: time
    days: tuple[int, ...] = DAILY
    """0 is Monday."""
    rule: str = ""
    """`FREQ=MONTHLY;BYMONTHDAY=1`, in place of the days."""


@dataclass(frozen=True, slots=True)
class Sun:
    """Sunset or sunrise."""

    event: str
    """`sunset` or `sunrise`"""
    offset: float = 0.0
    """Seconds after it; negative: before."""
    days: tuple[int, ...] = DAILY


@dataclass(frozen=True, slots=True)
class Becomes:
    """A device, or a sensor, gets into a state, or past a number, and stays there for a while."""

    entity_id: str
    to: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """It has been in one of these; none: anywhere else."""
    above: float | None = None
    below: float | None = None
    lasting: float = 0.0
    """Seconds"""
    said: str = ""
    """What it was called by: `finished`, `open`."""
    attribute: str = ""
    """It is an attribute, and not the state, that is above or below."""

    @property
    def numeric(self) -> bool:
        """Whether it is a number that is watched."""
        return self.above is not None or self.below is not None


@dataclass(frozen=True, slots=True)
class Comes:
    """Somebody comes home, or leaves."""

    who: str
    """A person's entity; `anybody`, `everybody`."""
    home: bool
    """Comes, or leaves."""


Trigger = Phrase | Clock | Sun | Becomes | Comes


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done."""

    text: str = ""
    """A command as it would be said, or what is said."""
    kind: str = "command"
    """`command`, `say`, `wait`"""
    seconds: float = 0.0
    calls: tuple[Call, ...] = ()
    """What the command was understood as when it was confirmed."""
    allowed: bool = False
    """It is of a kind that is asked for (R2), and somebody has said yes to it in a routine."""


@dataclass(frozen=True, slots=True)
class Routine:
    """Triggers, and what is done then."""

    id: str
    name: str
    when: tuple[Trigger, ...]
    do: tuple[Step, ...]
    language: str = "en"
    area: str | None = None
    """The room in which it was made: 'the lights' are those there."""
    enabled: bool = True
    made_by: str = "voice"
    """`voice`, `file`, `habit`"""
    person: str | None = None
    once: bool = False

    @property
    def phrases(self) -> tuple[str, ...]:
        return tuple(trigger.text for trigger in self.when if isinstance(trigger, Phrase))


@dataclass(slots=True)
class Draft:
    """A routine that is being made."""

    name: str = ""
    when: tuple[Trigger, ...] = ()
    do: tuple[Step, ...] = ()
    problem: str = ""
    """Why it cannot be made, as it is said."""
    question: str = ""
    """What is lacking, as it is asked."""
    lacking: str = ""
    """`do`, `time`: what the answer to the question is for."""
    warnings: tuple[str, ...] = ()
    """What is said before the question whether it is right."""
    said: str = field(default="", repr=False)
    """The words for what is done."""
    condition: Condition | None = field(default=None, repr=False)
    """The words for what sets it off, as they were read."""
    among: tuple[Entity, ...] = field(default=(), repr=False)
    """The devices that may be meant."""
    instead: Routine | None = None
    """The routine that it is a change of."""


# --- plain data ---------------------------------------------------------------------------------


def to_plain(routine: Routine, *, calls: bool = False) -> dict[str, Any]:
    """As people read it; with `calls` as it is kept."""
    plain: dict[str, Any] = {"name": routine.name}
    if calls:
        plain["id"] = routine.id
    plain["when"] = [trigger_to_plain(trigger) for trigger in routine.when]
    plain["do"] = [_step_to_plain(step, calls) for step in routine.do]
    plain["language"] = routine.language
    if routine.area:
        plain["room"] = routine.area
    if not routine.enabled:
        plain["enabled"] = False
    if routine.made_by != "voice":
        plain["made by"] = routine.made_by
    if routine.person:
        plain["person"] = routine.person
    if routine.once:
        plain["once"] = True
    return plain


def from_plain(plain: Any) -> Routine:
    """Raises RoutineError for what is none, with the reason."""
    if not isinstance(plain, Mapping):
        raise RoutineError("a routine has a name, 'when' and 'do'")
    known = {"name", "id", "when", "do", "language", "room", "enabled", "made by", "person", "once"}
    if unknown := set(map(str, plain)) - known:
        raise RoutineError(f"a routine has no '{min(unknown)}'; it has {', '.join(sorted(known))}")
    name = plain.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise RoutineError(f"a routine has a name of at most {LONGEST_NAME} letters")
    where = f"the routine '{name}'"
    when, do = plain.get("when") or [], plain.get("do") or []
    if not isinstance(when, Sequence) or isinstance(when, str) or not isinstance(do, Sequence):
        raise RoutineError(f"{where}: 'when' and 'do' are lists")
    if not do or isinstance(do, str) or len(do) > MOST_STEPS:
        raise RoutineError(f"{where}: 'do' has one to {MOST_STEPS} steps")
    try:
        return Routine(
            id=str(plain.get("id") or ""),
            name=" ".join(name.split()),
            when=tuple(trigger_from_plain(each) for each in when),
            do=tuple(_step_from_plain(each) for each in do),
            language=str(plain.get("language") or "en"),
            area=str(plain["room"]) if plain.get("room") else None,
            enabled=bool(plain.get("enabled", True)),
            made_by=str(plain.get("made by") or "voice"),
            person=str(plain["person"]) if plain.get("person") else None,
            once=bool(plain.get("once", False)),
        )
    except (RoutineError, ValueError, TypeError, KeyError) as error:
        raise RoutineError(f"{where}: {error}") from error


def trigger_to_plain(trigger: Trigger) -> dict[str, Any]:
    match trigger:
        case Phrase():
            return {"say": trigger.text}
        case Clock():
            plain: dict[str, Any] = {"at": trigger.at.isoformat("minutes")}
            if trigger.at.second:
                plain["at"] = trigger.at.isoformat("seconds")
            return {**plain, "rule": trigger.rule} if trigger.rule else {**plain, **_on(trigger)}
        case Sun():
            offset = {"offset": signed(trigger.offset)} if trigger.offset else {}
            days = _on(trigger) if trigger.days != DAILY else {}
            return {"sun": trigger.event, **offset, **days}
        case Becomes():
            plain = {"device": trigger.entity_id}
            for name, states in (("becomes", trigger.to), ("from", trigger.before)):
                if states:
                    plain[name] = states[0] if len(states) == 1 else list(states)
            for name, number in (("above", trigger.above), ("below", trigger.below)):
                if number is not None:
                    plain[name] = number
            if trigger.attribute:
                plain["attribute"] = trigger.attribute
            if trigger.lasting:
                plain["for"] = clocked(trigger.lasting)
            if trigger.said:
                plain["said"] = trigger.said
            return plain
        case Comes():
            return {"comes home" if trigger.home else "leaves": trigger.who}


def trigger_from_plain(plain: Any) -> Trigger:
    """Raises RoutineError for what is none."""
    if not isinstance(plain, Mapping):
        raise RoutineError(f"{plain!r} is no trigger")
    if "say" in plain:
        return Phrase(_text(plain["say"]))
    if "at" in plain:
        return _clock(plain)
    if "sun" in plain:
        if plain["sun"] not in ("sunset", "sunrise"):
            raise RoutineError("'sun' is sunset or sunrise")
        return Sun(plain["sun"], seconds(plain.get("offset", 0)), _days(plain.get("on", "daily")))
    if "device" in plain:
        found = Becomes(
            _text(plain["device"]),
            _states(plain.get("becomes")),
            _states(plain.get("from")),
            _number(plain.get("above")),
            _number(plain.get("below")),
            seconds(plain.get("for", 0)),
            str(plain.get("said") or ""),
            str(plain.get("attribute") or ""),
        )
        if not found.to and not found.numeric:
            raise RoutineError("a device 'becomes' something, or is 'above' or 'below' a number")
        return found
    for key, home in (("comes home", True), ("leaves", False)):
        if key in plain:
            return Comes(_text(plain[key]), home)
    known = "say, at, sun, device, comes home, leaves"
    raise RoutineError(f"{dict(plain)!r} is no trigger; one begins with {known}")


def _clock(plain: Mapping[Any, Any]) -> Clock:
    at = plain["at"]
    if isinstance(at, int) and not isinstance(at, bool):
        at = f"{at // 60:02}:{at % 60:02}"  # YAML 1.1 reads 07:00 as a number of minutes
    moment = time.fromisoformat(_text(at))
    rule = str(plain.get("rule") or "")
    if rule:
        from dateutil.rrule import rrulestr

        rrulestr(rule)
        if re.search(r"FREQ=(HOURLY|MINUTELY|SECONDLY)", rule, re.IGNORECASE):
            raise RoutineError("a rule is of days, weeks, months or years")
    return Clock(moment, _days(plain.get("on", "daily")), rule)


def _on(trigger: Clock | Sun) -> dict[str, Any]:
    for name, days in GROUPS.items():
        if trigger.days == days:
            return {"on": name}
    return {"on": [DAYS[day] for day in trigger.days]}


def _days(given: Any) -> tuple[int, ...]:
    if given is True:  # YAML 1.1 reads a bare 'on' as true
        return DAILY
    names = [given] if isinstance(given, str) else list(given)
    if len(names) == 1 and names[0] in GROUPS:
        return GROUPS[names[0]]
    if not names or any(name not in DAYS for name in names):
        raise RoutineError(f"'on' is {', '.join(GROUPS)}, or a list of days such as monday")
    return tuple(sorted({DAYS.index(name) for name in names}))


def _step_to_plain(step: Step, calls: bool) -> Any:
    if step.kind == "wait":
        return {"wait": clocked(step.seconds)}
    if step.kind == "say":
        return {"say": step.text}
    if not calls:
        return {"command": step.text, "allowed": True} if step.allowed else step.text
    kept = [{**call.to_json(), "response": call.response} for call in step.calls]
    return {"command": step.text, "calls": kept, "allowed": step.allowed}


def _step_from_plain(plain: Any) -> Step:
    if isinstance(plain, str) and plain.strip():
        return Step(plain.strip())
    if isinstance(plain, Mapping):
        if "wait" in plain:
            wait = seconds(plain["wait"])
            if not 0 < wait <= LONGEST_WAIT:
                raise RoutineError("'wait' is more than nothing, and a day at most")
            return Step(kind="wait", seconds=wait)
        if "say" in plain:
            return Step(_text(plain["say"]), "say")
        if "command" in plain:
            calls = tuple(
                Call(str(c["tool"]), dict(c["arguments"]), str(c.get("response", "default")))
                for c in plain.get("calls", ())
            )
            allowed = plain.get("allowed") is True
            return Step(_text(plain["command"]), calls=calls, allowed=allowed)
    raise RoutineError(f"{plain!r} is no step: one is a command, or has 'say' or 'wait'")


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise RoutineError(f"{given!r} is no text")
    return " ".join(given.split())


def _states(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    if given is True or given is False:  # YAML 1.1 reads on and off so
        return ("on" if given else "off",)
    several = [given] if isinstance(given, str) else list(given)
    return tuple(("on" if s else "off") if isinstance(s, bool) else str(s) for s in several)


def _number(given: Any) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise RoutineError(f"{given!r} is no number")
    return float(given)


def clocked(value: float) -> str:
    """`00:10:00`"""
    whole = round(abs(value))
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{clocked(value)}"


def seconds(given: Any) -> float:
    """Of `00:10:00`, `-00:30`, or a number. Raises RoutineError for what is none."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    found = re.fullmatch(r"([+-]?)(\d{1,2}):(\d{2})(?::(\d{2}))?", str(given).strip())
    if found is None:
        raise RoutineError(f"{given!r} is no length of time such as 00:10:00")
    sign, hours, minutes, rest = found.groups()
    length = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(rest or 0))
    return length.total_seconds() * (-1 if sign == "-" else 1)
