"""Deeds and reasons in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.skill import Where

DID: Mapping[str, tuple[str, str]] = {
    "turn_on": ("turned on {}", "{} eingeschaltet"),
    "turn_off": ("turned off {}", "{} ausgeschaltet"),
    "toggle": ("switched {}", "{} umgeschaltet"),
    "open_cover": ("opened {}", "{} geöffnet"),
    "close_cover": ("closed {}", "{} geschlossen"),
    "stop_cover": ("stopped {}", "{} angehalten"),
    "open_valve": ("opened {}", "{} geöffnet"),
    "close_valve": ("closed {}", "{} geschlossen"),
    "lock": ("locked {}", "{} verriegelt"),
    "unlock": ("unlocked {}", "{} aufgeschlossen"),
    "media_play": ("started {}", "{} gestartet"),
    "media_pause": ("paused {}", "{} angehalten"),
    "media_stop": ("stopped {}", "{} gestoppt"),
    "start": ("started {}", "{} gestartet"),
    "return_to_base": ("sent {} back", "{} zurückgeschickt"),
    "alarm_disarm": ("disarmed {}", "{} entschärft"),
    "alarm_arm_home": ("armed {}", "{} scharf gestellt"),
    "alarm_arm_away": ("armed {}", "{} scharf gestellt"),
    "alarm_arm_night": ("armed {}", "{} scharf gestellt"),
    "add_item": ("added something to {}", "etwas zu {} hinzugefügt"),
    "remove_item": ("removed something from {}", "etwas von {} entfernt"),
    "update_item": ("changed {}", "{} geändert"),
    "press": ("pressed {}", "{} gedrückt"),
}
"""Service -> what was done, in English and German."""
UNITS: Mapping[str, tuple[str, str]] = {
    "temperature": ("{:g} degrees", "{:g} Grad"),
    "brightness_pct": ("{:g} percent", "{:g} Prozent"),
    "percentage": ("{:g} percent", "{:g} Prozent"),
    "position": ("{:g} percent", "{:g} Prozent"),
    "humidity": ("{:g} percent", "{:g} Prozent"),
}
BECAME: Mapping[str, tuple[str, str]] = {
    "on": ("was turned on", "wurde eingeschaltet"),
    "off": ("was turned off", "wurde ausgeschaltet"),
    "open": ("was opened", "wurde geöffnet"),
    "closed": ("was closed", "wurde geschlossen"),
    "locked": ("was locked", "wurde verriegelt"),
    "unlocked": ("was unlocked", "wurde aufgeschlossen"),
    "home": ("came home", "kam nach Hause"),
    "not_home": ("left", "ging weg"),
    "playing": ("began to play", "begann zu spielen"),
    "paused": ("was paused", "wurde angehalten"),
    "triggered": ("went off", "hat ausgelöst"),
    "disarmed": ("was disarmed", "wurde entschärft"),
}


def _together(parts: Sequence[str], where: Where) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {where.say('and', de='und')} {parts[-1]}"


def done(deeds: Sequence[Any], where: Where, moment: str = "") -> str:
    """'I turned on the Desk Lamp and set the Bedroom Thermostat to 19 degrees.'"""
    german = where.language.startswith("de")
    groups: dict[tuple[str, str], list[Any]] = {}
    for deed in deeds:
        groups.setdefault((deed.service.partition(".")[2], _to(deed, where)), []).append(deed)
    parts = []
    for (service, to), several in groups.items():
        names = _together([_name(deed, where) for deed in several], where)
        english, deutsch = DID.get(service, ("changed {}", "{} geändert"))
        if to:
            english, deutsch = "set {}" + f" to {to}", "{}" + f" auf {to} gestellt"
        parts.append((deutsch if german else english).format(names))
    after = f" {moment}" if moment else ""
    silent = [deed for deed in deeds if deed.after is None]
    text = where.say(
        f"I {_together(parts, where)}{after}.", de=f"Ich habe{after} {_together(parts, where)}."
    )
    if silent:
        names = _together([_name(deed, where) for deed in silent], where)
        text += where.say(
            f" I do not know what became of {names}: nothing was reported.",
            de=f" Was daraus wurde, weiß ich nicht: {names} hat nichts gemeldet.",
        )
    return text


def _name(deed: Any, where: Where) -> str:
    return where.say(f"the {deed.name}", de=deed.name)


def _to(deed: Any, where: Where) -> str:
    for key, (english, deutsch) in UNITS.items():
        value = deed.data.get(key)
        if isinstance(value, int | float):
            return where.say(english.format(value), de=deutsch.format(value))
    for key in ("hvac_mode", "preset_mode", "fan_mode", "option"):
        if deed.data.get(key):
            return str(deed.data[key])
    if isinstance(volume := deed.data.get("volume_level"), int | float):
        return where.say(f"{volume * 100:.0f} percent", de=f"{volume * 100:.0f} Prozent")
    return ""


def happened(deed: Any, now: datetime, where: Where) -> str:
    """'The Front Door was opened at 9:12.'"""
    german = where.language.startswith("de")
    moment = at_what_time(deed.at, now, where)
    door = deed.entity_id.startswith("binary_sensor.")
    states = {"on": "open", "off": "closed"} if door else {}
    state = states.get(str(deed.after), str(deed.after))
    english, deutsch = BECAME.get(state, ("was changed", "wurde geändert"))
    if to := _to(deed, where):
        english, deutsch = f"was set to {to}", f"wurde auf {to} gestellt"
    said = _when(deutsch if german else english, moment, german)
    return f"{_subject(deed, where)} {said}{_by(deed, where)}."


def _when(said: str, moment: str, german: bool) -> str:
    """'was opened at 9:12', 'wurde um 9:12 Uhr geöffnet'"""
    if not german:
        return f"{said} {moment}"
    verb, _, rest = said.partition(" ")
    return f"{verb} {moment} {rest}".strip()


def _subject(deed: Any, where: Where) -> str:
    if deed.entity_id.startswith("person."):
        return str(deed.name)
    return where.say(f"The {deed.name}", de=deed.name)


def _by(deed: Any, where: Where) -> str:
    who = {
        "timer": (", by a timer", ", durch einen Timer"),
        "routine": (", by a routine", ", durch eine Routine"),
        "skill": (", by myself", ", von selbst"),
        "phone": (", from elsewhere", ", von anderswo"),
    }.get(deed.source)
    return where.say(who[0], de=who[1]) if who else ""


def at_what_time(at: datetime, now: datetime, where: Where) -> str:
    """'just now', 'at 9:12', 'yesterday at 21:40'."""
    local = at.astimezone(now.tzinfo)
    if abs((now - local).total_seconds()) < 60:
        return where.say("just now", de="gerade eben")
    clock = f"{local.hour}:{local.minute:02}"
    days = (now.date() - local.date()).days
    if days == 0:
        return where.say(f"at {clock}", de=f"um {clock} Uhr")
    if days == 1:
        return where.say(f"yesterday at {clock}", de=f"gestern um {clock} Uhr")
    return where.say(
        f"on {local:%A} at {clock}", de=f"am {WEEKDAYS[local.weekday()]} um {clock} Uhr"
    )


WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")


def reason(turn: Any | None, deeds: Sequence[Any], where: Where) -> str:
    """Why something was done, and by what it was confirmed."""
    source = turn.source if turn is not None else deeds[0].source
    parts = [_understood(turn, source, where)]
    if deeds:
        parts.append(_confirmed(deeds, where))
    return " ".join(part for part in parts if part)


def _understood(turn: Any | None, source: str, where: Where) -> str:
    own = {
        "timer": ("Because of a timer.", "Wegen eines Timers."),
        "routine": ("Because of a routine.", "Wegen einer Routine."),
        "skill": ("A skill did that by itself.", "Das hat ein Skill von selbst getan."),
        "outside": (
            "It was not me: it was done by hand, or by another app.",
            "Das war nicht ich: Es geschah von Hand oder durch eine andere App.",
        ),
        "phone": ("It came from a program elsewhere.", "Das kam von einem Programm anderswo."),
    }.get(source)
    began = f"{where.say(own[0], de=own[1])} " if own else ""
    if turn is None:
        if own:
            return began.strip()
        return where.say(
            "Somebody said so, but the words are not kept any more.",
            de="Jemand hat es gesagt, aber die Worte sind nicht mehr da.",
        )
    heard, trace = turn.heard, turn.trace
    sure = f"{round(100 * float(trace.get('score', 0)))}"
    match trace.get("tier"):
        case "phrase":
            text = where.say(
                f"I heard “{heard}”, which is a sentence that I know.",
                de=f"Ich habe „{heard}“ gehört, und das ist ein Satz, den ich kenne.",
            )
        case "rules":
            text = where.say(
                f"I heard “{heard}”, which fits one of my rules.",
                de=f"Ich habe „{heard}“ gehört, und das passt zu einer meiner Regeln.",
            )
        case "model":
            text = where.say(
                f"I heard “{heard}”. No rule fits that; my language model took it so,"
                f" {sure} percent sure.",
                de=f"Ich habe „{heard}“ gehört. Dazu passt keine Regel; mein Sprachmodell hat es so"
                f" verstanden, zu {sure} Prozent sicher.",
            )
        case "dialogue":
            text = where.say(
                f"You answered “{heard}” to what I had asked.",
                de=f"Du hast auf meine Frage „{heard}“ geantwortet.",
            )
        case _:
            text = where.say(
                f"I heard “{heard}”, and did not understand it.",
                de=f"Ich habe „{heard}“ gehört und nicht verstanden.",
            )
            if turn.trace.get("error"):
                text += where.say(" Something went wrong.", de=" Etwas ging schief.")
    return f"{began}{text}"


def _confirmed(deeds: Sequence[Any], where: Where) -> str:
    good = [deed for deed in deeds if deed.after is not None]
    bad = [deed for deed in deeds if deed.after is None]
    parts = []
    if good:
        names = _together([_name(deed, where) for deed in good], where)
        have = "hat" if len(good) == 1 else "haben"
        parts.append(
            where.say(
                f"{names[:1].upper()}{names[1:]} reported that it was done.",
                de=f"{names} {have} gemeldet, dass es getan ist.",
            )
        )
    if bad:
        names = _together([_name(deed, where) for deed in bad], where)
        parts.append(
            where.say(
                f"{names[:1].upper()}{names[1:]} reported nothing.",
                de=f"Von {names} kam keine Meldung.",
            )
        )
    return " ".join(parts)
