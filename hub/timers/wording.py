"""What is said of timers. In a language without words of Hearth's own: what home-assistant-intents
has, and where that has nothing, as little as can be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.dialogue.responses import field_error
from hub.dialogue.speakable import sentence, speakable
from hub.language import has_words, names_together, words
from hub.timers.appointment import WEEKDAYS, When
from hub.timers.timer import Timer

COARSE = 600.0
"""Seconds from which what is left is told without its seconds."""
ERRORS = {
    "none": "timer_not_found",
    "not_found": "timer_not_found",
    "which": "multiple_timers_matched",
    "full": "handle_error",
    "how_long": "no_intent",
    "how_much": "no_intent",
    "silent": "no_timer_support",
    "do_what": "no_intent",
    "would_ask": "handle_error",
}
"""Our key for trouble -> the sentence of home-assistant-intents."""


def duration(seconds: float, language: str) -> str:
    """`5400` -> `1 hour and 30 minutes`"""
    total = max(0, round(seconds))
    hours, minutes, rest = total // 3600, total // 60 % 60, total % 60
    parts = [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if n]
    joined = words(language)["and"] if has_words(language) else ","
    return speakable(names_together(parts or ["0 s"], joined), language)


def rough(seconds: float, language: str) -> str:
    """What is left, as a person would say it: no seconds where there are many minutes."""
    return duration(round(seconds / 60) * 60 if seconds >= COARSE else seconds, language)


def label(timer: Timer, language: str) -> str:
    """`pasta timer`, `timer for 5 minutes`"""
    known = words(language)["timers"] if has_words(language) else {}
    time = duration(timer.seconds, language)
    if timer.command is not None:
        return str(known.get("command", "{command}").format(command=timer.command))
    if timer.name is not None:
        return str(known.get("named", "{name}").format(name=timer.name))
    return str(known.get("plain", "{time}").format(time=time))


def trouble(key: str, language: str, **values: str) -> str:
    """Why nothing was done; one of ERRORS."""
    if has_words(language):
        return sentence(words(language)["timers"][key].format(**values))
    return sentence(field_error(ERRORS[key], language, {}))


def rung(timer: Timer, late: float | None, language: str) -> str:
    """What is said when it runs out. `late`: seconds ago, where that needs to be said. In a
    language without words the name, if it has one: the tone says the rest."""
    if not has_words(language):
        return sentence(timer.name or "")
    known = words(language)["timers"]
    ago = "" if late is None else rough(late if late < 3600 else round(late / 60) * 60, language)
    key = "up" if late is None else "missed"
    return sentence(known[key].format(timer=label(timer, language), ago=ago))


def not_done(timer: Timer, key: str, language: str, **values: str) -> str:
    """Why the command of a timer was not done at its time."""
    return command_not_done(timer.command or "", key, language, **values)


def command_not_done(command: str, key: str, language: str, **values: str) -> str:
    """Why a command was not done at its time: `late_command`, `unattended` or `not_understood`."""
    if not has_words(language):
        return sentence(f"{field_error('handle_error', language, {})}: {command}")
    return sentence(words(language)["timers"][key].format(command=command, **values))


def facts(timer: Timer, left: float, language: str) -> dict[str, Any]:
    """A timer for the templates of the replies, with what those of the field look for."""
    total, set_to = max(0, round(left)), round(timer.seconds)
    rounded = total if total < COARSE else round(total / 60) * 60
    return {
        "label": label(timer, language),
        "left": rough(left, language) if left > 0 else "",
        "id": timer.id,
        "name": timer.name,
        "area": timer.area,
        "is_active": not timer.paused,
        "total_seconds_left": total,
        "rounded_hours_left": rounded // 3600,
        "rounded_minutes_left": rounded // 60 % 60,
        "rounded_seconds_left": rounded % 60,
        "start_hours": set_to // 3600,
        "start_minutes": set_to // 60 % 60,
        "start_seconds": set_to % 60,
    }


def listed(timers: Sequence[Timer], language: str) -> str:
    """`the pasta timer or the timer for 5 minutes`"""
    known = words(language)
    named = [known["article"].format(name=label(timer, language)) for timer in timers]
    return names_together(named, known["or"])


# --- alarms, reminders, commands for later --------------------------------------------------------

WORKDAYS, WEEKEND = "MO,TU,WE,TH,FR", "SA,SU"
WEEK = timedelta(days=7)
TWELVE = ("en",)
"""Languages that count to twelve, twice."""


def agenda(key: str, language: str, **values: str) -> str:
    """A sentence about something that is to happen. A language without words has the English."""
    return sentence(_agenda(language)[key].format(**values))


def clock(at: datetime, language: str) -> str:
    """`7 AM`, `6:30 PM`; `7 Uhr`, `18:30 Uhr`"""
    if language.split("-")[0] in TWELVE:
        minutes = f":{at.minute:02d}" if at.minute else ""
        return f"{(at.hour + 11) % 12 + 1}{minutes} {'AM' if at.hour < 12 else 'PM'}"
    minutes = f":{at.minute:02d}" if at.minute else ""
    return f"{at.hour}{minutes} Uhr" if language.split("-")[0] == "de" else f"{at:%H:%M}"


def moment(at: datetime, now: datetime, language: str) -> str:
    """`tomorrow at 7 AM`, `on Friday at 10 AM`"""
    known = _agenda(language)
    time = known["at"].format(clock=clock(at, language))
    days = (at.date() - now.date()).days
    day = known["days"][at.weekday()]
    if days in (0, 1):
        return str(known["today" if days == 0 else "tomorrow"].format(time=time))
    if 1 < days < WEEK.days:
        return str(known["weekday"].format(day=day, time=time))
    month = known["months"][at.month - 1]
    return str(known["date"].format(day=day, number=at.day, month=month, time=time))


def rule(text: str, language: str) -> str:
    """`every weekday`, `every Monday and Thursday`, `every 2 hours`"""
    known = _agenda(language)
    parts = dict(part.split("=") for part in text.split(";"))
    count, frequency = int(parts.get("INTERVAL", 1)), parts["FREQ"]
    named = parts.get("BYDAY")
    if named == WORKDAYS:
        return str(known["workdays"])
    if named == WEEKEND:
        return str(known["weekends"])
    if named:
        names = [known["days"][WEEKDAYS.index(day)] for day in named.split(",")]
        return str(known["every"].format(days=names_together(names, _and(language))))
    if frequency == "DAILY" and count == 1:
        return str(known["daily"])
    unit = known["units"][frequency][count > 1]
    if count == 1:
        return str(known.get(f"each_{frequency}", known["every"]).format(days=unit))
    return str(known["every_n"].format(n=count, unit=unit))


def when(said: When, at: datetime | None, now: datetime, language: str, *, name: str = "") -> str:
    """When something is to happen: `tomorrow at 7 AM`, `every weekday at 6:30 AM`, `at sunset`.

    `at` is the next time on the clock of the wall, `name` that of the device that is waited for."""
    known = _agenda(language)
    if said.entity:
        key = {"home": "comes_home", "on": "opens"}.get(said.state, "turns")
        return str(known[key].format(name=name, state=said.state))
    if said.seconds:
        left = said.seconds if at is None else (at - now).total_seconds()
        return str(known["in"].format(time=rough(max(1.0, left), language)))
    repeated = rule(said.rule, language) if said.rule else ""
    if said.sun:
        event = known["sun"][said.sun]
        if said.offset:
            key = "sun_before" if said.offset < 0 else "sun_after"
            time = duration(abs(said.offset), language)
            event = known[key].format(time=time, sun=known["sun_names"][said.sun])
        day = ""
        if at is not None and (at.date() - now.date()).days == 1:
            day = str(known["tomorrow_alone"])
        return " ".join(filter(None, (repeated or day, event)))
    if at is None:
        return repeated
    if not repeated:
        return moment(at, now, language)
    if "HOURLY" in said.rule:
        return repeated
    return f"{repeated} {known['at'].format(clock=clock(at, language))}"


def turned(text: str, language: str) -> str:
    """What somebody has to do, said to them: `call my sister` -> `call your sister`"""
    known = dict(_agenda(language)["turned"]) if has_words(language) else {}
    return " ".join(known.get(word.casefold(), word) for word in text.split())


def _agenda(language: str) -> dict[str, Any]:
    known: dict[str, Any] = words(language)["agenda"]
    return known


def _and(language: str) -> str:
    return str(words(language)["and"])
