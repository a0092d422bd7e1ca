"""A habit as a suggestion: what speaks for it in plain words, and the routine that it would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

from hub.habits.mining import GROUPS, Habit
from hub.home.model import Home
from hub.routines import wording
from hub.routines.making import Maker
from hub.routines.routine import Becomes, Clock, Comes, Draft, Routine, Step, Sun, Trigger
from hub.skill import Where
from hub.timers.wording import duration

ROUNDED = 5
"""Minutes to which a time is rounded."""

DONE: Mapping[str, tuple[str, str, str, str]] = {
    # service -> command, what was done; English, German
    "turn_on": ("turn on the {name}", "was turned on", "schalte {name} ein", "eingeschaltet"),
    "turn_off": ("turn off the {name}", "was turned off", "schalte {name} aus", "ausgeschaltet"),
    "open_cover": ("open the {name}", "was opened", "öffne {name}", "geöffnet"),
    "close_cover": ("close the {name}", "was closed", "schließe {name}", "geschlossen"),
    "lock": ("lock the {name}", "was locked", "schließe {name} ab", "abgeschlossen"),
    "start": ("start the {name}", "was started", "starte {name}", "gestartet"),
    "set_temperature": (
        "set the {name} to {temperature} degrees",
        "was set to {temperature} degrees",
        "stelle {name} auf {temperature} Grad",
        "auf {temperature} Grad gestellt",
    ),
}
DOMAINS = frozenset("light switch fan input_boolean media_player cover lock vacuum climate".split())
"""Of which a habit is offered."""

STATES = {"on": "on", "off": "off", "open": "open", "closed": "closed", "playing": "playing"}
OPENING = ("door", "window", "opening", "garage_door")
MOVING = ("motion", "occupancy", "presence")

OCCASIONS: Mapping[str, tuple[str, str]] = {
    "open": ("the {name} was opened", "{name} geöffnet wurde"),
    "closed": ("the {name} was closed", "{name} geschlossen wurde"),
    "motion": ("the {name} saw somebody", "{name} jemanden sah"),
    "on": ("the {name} was turned on", "{name} eingeschaltet wurde"),
    "off": ("the {name} was turned off", "{name} ausgeschaltet wurde"),
    "playing": ("the {name} began to play", "{name} zu spielen begann"),
    "home": ("{name} came home", "{name} nach Hause kam"),
    "left": ("{name} left", "{name} ging"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A suggestion."""

    habit: Habit
    why: str
    question: str
    routine: Routine

    @property
    def text(self) -> str:
        return f"{self.why} {self.question}"


async def offer(habit: Habit, home: Home, maker: Maker, where: Where) -> Offer | None:
    """The suggestion of a habit in the language of `where`; None for what no routine can do, or
    what would have to be asked for each time."""
    entity = home.entities.get(habit.entity_id)
    words = DONE.get(habit.service.partition(".")[2])
    if entity is None or words is None or entity.domain not in DOMAINS or entity.barred:
        return None
    data = dict(habit.data)
    temperature = data.get("temperature")
    if "temperature" in words[0] and temperature is None:
        return None
    german = wording.base(where.language) == "de"
    shown = f"{temperature:g}" if isinstance(temperature, int | float) else str(temperature)
    values = {"name": entity.name, "temperature": shown}
    command = words[2 if german else 0].format(**values)
    trigger = trigger_of(habit, home)
    if trigger is None:
        return None
    steps = await maker.steps(command, where, trigger)
    if isinstance(steps, str) or not all(step.calls for step in steps):
        return None
    draft = Draft(when=(trigger,), do=steps)
    judged = await maker.judged(draft, steps, where)
    if draft.problem or draft.warnings:
        return None
    done = words[3 if german else 1].format(**values)
    why = evidence(habit, entity.name, done, home, where.language)
    condition = wording.condition(trigger, maker.name_of, where.language)
    question = (
        f"Soll ich das von selbst tun, {condition}?"
        if german
        else f"Shall I do that by myself, {condition}?"
    )
    return Offer(habit, why, question, _routine(trigger, judged, where))


def _routine(trigger: Trigger, steps: tuple[Step, ...], where: Where) -> Routine:
    return Routine("", "", (trigger,), steps, where.language, where.area, made_by="habit")


def trigger_of(habit: Habit, home: Home) -> Trigger | None:
    """What would set it off."""
    days = tuple(sorted(GROUPS[habit.days]))
    rounded = round(habit.middle / ROUNDED) * ROUNDED
    match habit.kind:
        case "time":
            return Clock(time(rounded // 60 % 24, rounded % 60), days)
        case "sunset" | "sunrise":
            return Sun(habit.kind, rounded * 60.0, days)
    id, state = habit.occasion
    entity = home.entities.get(id)
    if entity is None:
        return None
    if entity.domain == "person":
        return Comes(id, state == "home") if state in ("home", "not_home") else None
    return Becomes(id, (state,), said=_happens(habit, home))


def _happens(habit: Habit, home: Home) -> str:
    """What it is called that an occasion does: `open`, `motion`."""
    id, state = habit.occasion
    entity = home.entities.get(id)
    if entity is None:
        return state
    if entity.domain == "person":
        return "home" if state == "home" else "left"
    if entity.device_class in OPENING and state in ("on", "off"):
        return "open" if state == "on" else "closed"
    if entity.device_class in MOVING and state == "on":
        return "motion"
    return STATES.get(state, state)


def evidence(habit: Habit, name: str, done: str, home: Home, language: str) -> str:
    """`On 9 of the last 10 weekdays the Hallway Light was turned off between 22:40 and 23:10.`"""
    german = wording.base(language) == "de"
    hits, of = habit.hits, habit.of
    if habit.kind == "after":
        happens = OCCASIONS.get(_happens(habit, home))
        entity = home.entities.get(habit.occasion[0])
        occasion = entity.name if entity else habit.occasion[0]
        if happens is None:
            happens = (f"the {{name}} became {habit.occasion[1]}", "{name} sich änderte")
        if german:
            told = happens[1].format(name=occasion)
            return f"Als zuletzt {of} Mal {told}, wurde {name} {hits} Mal gleich danach {done}."
        told = happens[0].format(name=occasion)
        return f"The last {of} times {told}, the {name} {done} right after it {hits} times."
    days = _days(habit.days, language)
    if habit.kind == "time":
        begin, end = _clock(habit.begin), _clock(habit.end)
        when = f"zwischen {begin} und {end} Uhr" if german else f"between {begin} and {end}"
    else:
        event = {"sunset": "Sonnenuntergang", "sunrise": "Sonnenaufgang"}[habit.kind]
        length = duration(abs(round(habit.middle / ROUNDED) * ROUNDED) * 60.0, language)
        side = ("vor" if habit.middle < 0 else "nach") if german else (
            "before" if habit.middle < 0 else "after"
        )  # fmt: skip
        when = f"etwa {length} {side} {event}" if german else f"about {length} {side} {habit.kind}"
    if german:
        return f"An {hits} der letzten {of} {days} wurde {name} {when} {done}."
    return f"On {hits} of the last {of} {days} the {name} {done} {when}."


def _days(group: str, language: str) -> str:
    if group.isdigit():
        name = wording.DAY_NAMES[wording.base(language)][int(group)]
        return wording.pick((f"{name}s", f"{name}e"), language)
    names = {
        "daily": ("days", "Tage"),
        "weekdays": ("weekdays", "Werktage"),
        "weekends": ("days of weekends", "Tage an Wochenenden"),
    }
    return wording.pick(names[group], language)


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24}:{minute % 60:02}"
