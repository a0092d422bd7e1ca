"""What is said of timers. In a language without words of Hearth's own: what home-assistant-intents
has, and where that has nothing, as little as can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.dialogue.responses import field_error
from hub.dialogue.speakable import sentence, speakable
from hub.language import has_words, names_together, words
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
    """Why a command was not done at its time: `late_command`, `unattended` or `not_understood`."""
    command = timer.command or ""
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
