"""Routines in plain words, English and German."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hub.home.things import normal
from hub.language import names_together, words
from hub.routines.routine import (
    DAILY,
    WEEKDAYS,
    WEEKEND,
    Becomes,
    Clock,
    Comes,
    Phrase,
    Routine,
    Step,
    Sun,
    Trigger,
)
from hub.timers.wording import duration

DAY_NAMES: Mapping[str, Sequence[str]] = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
}
NAME_OF = Callable[[str], str]

STATES: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    # said -> (condition, what has happened, condition while it lasts)
    "en": {
        "finished": ("the {name} finishes", "The {name} has finished.", "has been finished"),
        "open": ("the {name} is opened", "The {name} is open.", "has been open"),
        "closed": ("the {name} is closed", "The {name} is closed.", "has been closed"),
        "locked": ("the {name} is locked", "The {name} is locked.", "has been locked"),
        "unlocked": ("the {name} is unlocked", "The {name} is unlocked.", "has been unlocked"),
        "on": ("the {name} is turned on", "The {name} is on.", "has been on"),
        "off": ("the {name} is turned off", "The {name} is off.", "has been off"),
        "playing": ("the {name} starts playing", "The {name} is playing.", "has been playing"),
        "motion": ("the {name} sees somebody", "The {name} sees somebody.", "has seen somebody"),
        "triggered": ("the {name} goes off", "The {name} has gone off.", "has been going off"),
        "unavailable": ("the {name} does not answer", "The {name} does not answer.",
                        "has not answered"),
    },
    "de": {
        "finished": ("{name} fertig ist", "{name}: fertig.", "fertig ist"),
        "open": ("{name} geöffnet wird", "{name} ist offen.", "offen ist"),
        "closed": ("{name} geschlossen wird", "{name} ist zu.", "geschlossen ist"),
        "locked": ("{name} abgeschlossen wird", "{name} ist abgeschlossen.", "abgeschlossen ist"),
        "unlocked": ("{name} aufgeschlossen wird", "{name} ist offen.", "aufgeschlossen ist"),
        "on": ("{name} eingeschaltet wird", "{name} ist an.", "an ist"),
        "off": ("{name} ausgeschaltet wird", "{name} ist aus.", "aus ist"),
        "playing": ("{name} spielt", "{name} spielt.", "spielt"),
        "motion": ("{name} jemanden sieht", "{name} sieht jemanden.", "jemanden sieht"),
        "triggered": ("{name} auslöst", "{name} hat ausgelöst.", "ausgelöst hat"),
        "unavailable": ("{name} nicht antwortet", "{name} antwortet nicht.", "nicht antwortet"),
    },
}  # fmt: skip


def base(language: str) -> str:
    """`de` or `en`: what this is worded in."""
    return "de" if language.replace("_", "-").split("-")[0].lower() == "de" else "en"


def joined(parts: Sequence[str], language: str) -> str:
    """`a, b and c`"""
    return names_together(parts, words(base(language))["and"])


def either(parts: Sequence[str], language: str) -> str:
    """`a, b or c`"""
    return names_together(parts, words(base(language))["or"])


def pick(texts: tuple[str, str], language: str) -> str:
    """The English of two texts, or the German."""
    return texts[1 if base(language) == "de" else 0]


def time_of(trigger: Clock, language: str) -> str:
    at = trigger.at
    if base(language) == "de":
        return f"{at.hour} Uhr" + (f" {at.minute}" if at.minute else "")
    half = "pm" if at.hour >= 12 else "am"
    hour = at.hour % 12 or 12
    return f"{hour}{f':{at.minute:02}' if at.minute else ''} {half}"


def days_of(days: Sequence[int], language: str) -> str:
    """`every weekday`, `on Mondays and Fridays`"""
    german = base(language) == "de"
    if tuple(days) == DAILY:
        return "jeden Tag" if german else "every day"
    if tuple(days) == WEEKDAYS:
        return "jeden Werktag" if german else "every weekday"
    if tuple(days) == WEEKEND:
        return "am Wochenende" if german else "at the weekend"
    names = [DAY_NAMES[base(language)][day] for day in days]
    if german:
        return joined([f"{name.lower()}s" for name in names], language)
    return f"on {joined([f'{name}s' for name in names], language)}"


def condition(trigger: Trigger, name_of: NAME_OF, language: str) -> str:
    """`when the Washing Machine finishes`, `every weekday at 7 am`"""
    german = base(language) == "de"
    match trigger:
        case Phrase():
            return f"wenn jemand „{trigger.text}“ sagt" if german else (
                f"when somebody says “{trigger.text}”"
            )  # fmt: skip
        case Clock():
            days = days_of(trigger.days, language)
            if trigger.rule:
                days = f"nach der Regel {trigger.rule}" if german else f"by the rule {trigger.rule}"
            return f"{days} {'um' if german else 'at'} {time_of(trigger, language)}"
        case Sun():
            return _sun(trigger, language)
        case Comes():
            return _comes(trigger, name_of, language)
        case Becomes():
            return _becomes(trigger, name_of, language)


def _sun(trigger: Sun, language: str) -> str:
    german = base(language) == "de"
    if german:
        event = "Sonnenuntergang" if trigger.event == "sunset" else "Sonnenaufgang"
    else:
        event = trigger.event
    if not trigger.offset:
        when = f"bei {event}" if german else f"at {event}"
    else:
        length = duration(abs(trigger.offset), language)
        before = trigger.offset < 0
        side = ("vor" if before else "nach") if german else ("before" if before else "after")
        when = f"{length} {side} {event}"
    return when if trigger.days == DAILY and trigger.offset else (
        f"{days_of(trigger.days, language)} {when}"
    )  # fmt: skip


def _comes(trigger: Comes, name_of: NAME_OF, language: str) -> str:
    german = base(language) == "de"
    if trigger.who == "everybody":
        if german:
            return "wenn alle da sind" if trigger.home else "wenn niemand mehr zu Hause ist"
        return "when everybody is home" if trigger.home else "when nobody is home any more"
    who = ("jemand" if german else "somebody") if trigger.who == "anybody" else name_of(trigger.who)
    if german:
        return f"wenn {who} {'nach Hause kommt' if trigger.home else 'geht'}"
    return f"when {who} {'comes home' if trigger.home else 'leaves'}"


def _becomes(trigger: Becomes, name_of: NAME_OF, language: str) -> str:
    german = base(language) == "de"
    name = name_of(trigger.entity_id)
    lasting = duration(trigger.lasting, language) if trigger.lasting else ""
    if trigger.said == "finished" or not trigger.numeric:
        known = STATES[base(language)].get(trigger.said)
        if known is None:
            state = joined([*trigger.to], language)
            plain = f"{name} auf {state} geht" if german else f"the {name} becomes {state}"
        elif lasting and trigger.said != "finished":
            return f"wenn {name} {lasting} lang {known[2]}" if german else (
                f"when the {name} {known[2]} for {lasting}"
            )  # fmt: skip
        else:
            plain = known[0].format(name=name)
        return f"wenn {plain}" if german else f"when {plain}"
    parts = []
    if trigger.above is not None:
        parts.append(f"über {number(trigger.above, language)} steigt" if german else (
            f"rises above {number(trigger.above, language)}"))  # fmt: skip
    if trigger.below is not None:
        parts.append(f"unter {number(trigger.below, language)} fällt" if german else (
            f"falls below {number(trigger.below, language)}"))  # fmt: skip
    text = joined(parts, language)
    kept = f" und {lasting} so bleibt" if german else f" and stays so for {lasting}"
    return (f"wenn {name} {text}" if german else f"when the {name} {text}") + kept * bool(lasting)


def number(value: float, language: str) -> str:
    text = f"{value:g}"
    return text.replace(".", ",") if base(language) == "de" else text


def happened(trigger: Trigger, name_of: NAME_OF, language: str) -> str:
    """What is said where only 'tell me' was said: `The Washing Machine has finished.`"""
    known = STATES[base(language)].get(trigger.said) if isinstance(trigger, Becomes) else None
    if (
        isinstance(trigger, Becomes)
        and known
        and (trigger.said == "finished" or not trigger.numeric)
    ):
        return known[1].format(name=name_of(trigger.entity_id))
    text = condition(trigger, name_of, language)
    text = text.removeprefix("when ").removeprefix("wenn ")
    if isinstance(trigger, Becomes):
        name = name_of(trigger.entity_id)
        limit = trigger.above if trigger.above is not None else trigger.below
        if base(language) == "de":
            side = "über" if trigger.above is not None else "unter"
            return f"{name} ist {side} {number(limit or 0, language)}."
        side = "above" if trigger.above is not None else "below"
        return f"The {name} is {side} {number(limit or 0, language)}."
    if isinstance(trigger, Comes) and base(language) == "de":
        who = "Jemand" if trigger.who in ("anybody", "everybody") else name_of(trigger.who)
        return f"{who} ist {'nach Hause gekommen' if trigger.home else 'gegangen'}."
    return f"{text[:1].upper()}{text[1:]}."


def step(one: Step, language: str, area: str | None = None) -> str:
    """`turn off the lights`, with the room that is meant where none was said."""
    german = base(language) == "de"
    if one.kind == "wait":
        length = duration(one.seconds, language)
        return f"{length} warten" if german else f"wait {length}"
    if one.kind == "say":
        text = one.text.removesuffix(".")
        return f"„{text}“ sagen" if german else f"say “{text}”"
    here = ""
    meant = {normal(str(call.arguments.get("area") or "")) for call in one.calls}
    if area and normal(area) in meant and normal(area) not in normal(one.text):
        here = f" ({area})" if german else f" in the {area}"
    return f"„{one.text}“{here}" if german else f"{one.text}{here}"


def steps(several: Sequence[Step], language: str, area: str | None = None) -> str:
    return joined([step(one, language, area) for one in several], language)


def routine(one: Routine, name_of: NAME_OF, language: str) -> str:
    """What it does, in one sentence."""
    several = [condition(trigger, name_of, language) for trigger in one.when]
    word = " oder " if base(language) == "de" else " or "
    when = word.join(several)
    what = steps(one.do, language, one.area)
    if not when:
        when = "nur auf Zuruf" if base(language) == "de" else "only when you run it"
    if base(language) == "de":
        return f"{when[:1].upper()}{when[1:]}: {what}."
    return f"{when[:1].upper()}{when[1:]}, I will {what}."


SAY: Mapping[str, tuple[str, str]] = {
    "right": ("Shall I remember that?", "Soll ich mir das merken?"),
    "kept": ("I will remember that as “{name}”.", "Gemerkt, als „{name}“."),
    "kept_changed": ("“{name}” is changed.", "„{name}“ ist geändert."),
    "not_kept": ("All right, I will not.", "In Ordnung, dann nicht."),
    "disk": ("I could not write it down: it is forgotten when I am restarted.",
             "Ich konnte es nicht aufschreiben: nach einem Neustart ist es vergessen."),
    "what": ("What shall I do then?", "Was soll ich dann tun?"),
    "time": ("At what time?", "Um wie viel Uhr?"),
    "which": ("Which one: {names}?", "Was davon: {names}?"),
    "whose": ("Who: {names}?", "Wer: {names}?"),
    "not_understood": ("I did not understand “{text}”. What shall I do then?",
                       "„{text}“ habe ich nicht verstanden. Was soll ich dann tun?"),
    "ambiguous": ("“{text}” leaves open what is meant. What exactly shall I do then?",
                  "„{text}“ lässt offen, was gemeint ist. Was genau soll ich dann tun?"),
    "unattended": ("“{text}” may let somebody in or take protection away. I do not put that into "
                   "a routine.",
                   "„{text}“ kann jemanden hereinlassen oder den Schutz wegnehmen. Das kommt in "
                   "keine Routine."),
    "careful": ("“{text}” I would usually ask about first.",
                "Bei „{text}“ würde ich sonst vorher fragen."),
    "no_device": ("I know no {what}.", "{what} kenne ich nicht."),
    "cannot_tell": ("I cannot see that of the {what}.", "Das sehe ich bei {what} nicht."),
    "no_persons": ("I cannot see who is at home: there are no persons in this home yet.",
                   "Ich sehe nicht, wer zu Hause ist: in diesem Zuhause gibt es noch keine "
                   "Personen."),
    "no_place": ("I do not know where this home is, so I know no sunset. Set latitude and "
                 "longitude in [home].",
                 "Ich weiß nicht, wo dieses Zuhause liegt, und damit keinen Sonnenuntergang. Trage "
                 "latitude und longitude in [home] ein."),
    "taken": ("“{text}” already means something else. Choose other words, please.",
              "„{text}“ heißt schon etwas anderes. Nimm bitte andere Worte."),
    "exists": ("There is a routine for “{text}” already; this one takes its place.",
               "Für „{text}“ gibt es schon eine Routine; diese tritt an ihre Stelle."),
    "too_many": ("There are {count} routines already, and that is enough.",
                 "Es gibt schon {count} Routinen, das reicht."),
    "none": ("There are no routines yet.", "Es gibt noch keine Routinen."),
    "unknown": ("I know no routine “{name}”.", "Eine Routine „{name}“ kenne ich nicht."),
    "list": ("{count} routines: {names}.", "{count} Routinen: {names}."),
    "list_one": ("One routine: {names}.", "Eine Routine: {names}."),
    "off": ("{name}, which is switched off", "{name}, die ausgeschaltet ist"),
    "removed": ("“{name}” is gone.", "„{name}“ ist weg."),
    "disabled": ("“{name}” is switched off.", "„{name}“ ist ausgeschaltet."),
    "enabled": ("“{name}” is switched on.", "„{name}“ ist eingeschaltet."),
    "is_off": ("“{name}” is switched off.", "„{name}“ ist ausgeschaltet."),
    "really": ("Delete the routine “{name}”?", "Die Routine „{name}“ löschen?"),
    "began": ("“{name}” goes on in {length}.", "„{name}“ geht in {length} weiter."),
    "looped": ("I have stopped the routine “{name}”: it sets itself off.",
               "Ich habe die Routine „{name}“ angehalten: sie löst sich selbst aus."),
    "not_done": ("In “{name}” I did not do “{text}”.",
                 "In „{name}“ habe ich „{text}“ nicht getan."),
    "done": ("Done.", "Erledigt."),
    "no_step": ("“{name}” does not do that.", "Das tut „{name}“ nicht."),
    "empty": ("Then nothing would be left of “{name}”. Delete it instead.",
              "Dann bliebe von „{name}“ nichts übrig. Lösche sie lieber."),
    "unclear": ("I did not understand when that is to be.",
                "Ich habe nicht verstanden, wann das sein soll."),
}  # fmt: skip


def say(key: str, language: str, **values: object) -> str:
    return pick(SAY[key], language).format(**values)
