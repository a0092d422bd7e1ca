"""Reminders: at a time, after a while, again and again, or when somebody comes home."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time
from typing import Annotated

from hub.skill import (
    MOVE_IT,
    Agenda,
    Answer,
    AnyTime,
    Appointment,
    Ask,
    Conversation,
    Entity,
    Home,
    When,
    Where,
    tool,
)

REMINDER = "reminder"
"""What has been spoken of where 'cancel it' means a reminder."""
MOST = 6
DOORS = ("door", "garage_door", "opening")
PEOPLE = ("person", "device_tracker")
LEAVING = 600.0
"""Seconds in which a door that opens is that of somebody who leaves."""

ABOUT = {
    "en": re.compile(r"^(?:to|that|about|of|for)\s+", re.IGNORECASE),
    "de": re.compile(r"^(?:daran|an|dass|bitte)\b[,\s]*(?:dass\s+)?", re.IGNORECASE),
}
"""What stands between 'remind me' and what of."""
POINTING = {
    "en": ("it", "that", "this", "them", "these", "those"),
    "de": ("es", "das", "ihn", "sie", "dies", "die", "daran", "dran"),
}
"""Words that say nothing when the time has come: what they stand for is asked."""
BEHIND = {"de": re.compile(r"[,\s]+(?:daran|dran)$", re.IGNORECASE)}
HOME = {
    "en": re.compile(
        r"(?:as soon as|when|once)\s+(?:(?P<me>i)|(?P<name>[\w' ]+?))(?:\s+(?:get|gets|am|is|come"
        r"|comes|arrive|arrives)|'m|'s)\s+(?:back\s+)?(?:at\s+)?home(?:\s+again)?",
        re.IGNORECASE,
    ),
    "de": re.compile(
        r"(?:sobald|wenn)\s+(?:(?P<me>ich)|(?P<name>[\w ]+?))\s+(?:wieder\s+)?(?:nach\s+hause|"
        r"heim|zu\s*hause|daheim)\s*(?:komme|kommt|bin|ist|ankomme|ankommt)?",
        re.IGNORECASE,
    ),
}
"""'When I get home'."""


@tool(
    phrases={
        "en": [
            "(remind|remember) me {what}",
            "(remember|do not forget|don't forget) to {what}",
            "(do not|don't) let me forget (to|about) {what}",
            "(set|add|create|make) [me] (a|another) reminder {what}",
            "(set|add|create|make) [me] (a|another) reminder",
        ],
        "de": [
            "(erinner|erinnere) mich {what}",
            "lass mich nicht vergessen {what}",
            "(denk|denke) (daran|dran) {what}",
            "[(stell|stelle|mach|mache)] [mir] eine Erinnerung {what}",
        ],
    },
    examples=[
        "remind me to call my sister tomorrow at five",
        "remind me in ten minutes to check the oven",
        "remind me to feed the cat when I get home",
    ],
)
async def remind(
    agenda: Agenda, home: Home, where: Where, conversation: Conversation, what: str | None = None
) -> Answer | Ask | str:
    """Remind somebody of something at a time, or when they come home."""
    if (why := _impossible(agenda, where)) is not None:
        return why
    said = what or str(await conversation.ask(where.say("Of what?", de="Woran?")))
    if (coming := _home(said, where)) is not None:
        text, named = coming
        when = await _arrival(home, where, conversation, named)
        if not isinstance(when, When):
            return when
    else:
        text, found = _split(agenda, said, where)
        if found is None:
            told = str(await conversation.ask(where.say("When?", de="Wann?")))
            if (coming := _home(told, where)) is not None:
                arrival = await _arrival(home, where, conversation, coming[1])
                if not isinstance(arrival, When):
                    return arrival
                found = arrival
            elif (read := agenda.read(told, where.language)) is not None:
                found = read.when
        if found is None:
            return where.say(
                "Sorry, I do not understand when.", de="Entschuldigung, ich verstehe nicht, wann."
            )
        when = found
    if not text:
        question = where.say("What shall I remind you of?", de="Woran soll ich dich erinnern?")
        text = _cleaned(str(await conversation.ask(question)), where)
    if when.sun and agenda.place is None:
        return agenda.sentence("no_place", where.language)
    made = await agenda.add(
        "reminder",
        when,
        text,
        area=where.area,
        language=where.language,
        person=where.person,
    )
    agenda.speak_of(made, where.area)
    time, said = agenda.when(made, where.language), agenda.turned(text, where.language)
    comma = "," if when.entity else ""
    told = where.say(
        f"I will remind you {time}: {said}.", de=f"Ich erinnere dich{comma} {time}: {said}."
    )
    return _about(told)


@tool(
    risk="R0",
    phrases={
        "en": [
            "(what|which) [are] (my|the|all [my]) reminders",
            "(what|which) reminders (do (i|we) have|are (set|there))",
            "(list|tell me|read [me]) (my|the|all [my]) reminders",
            "(do i have|are there) [any] reminders",
            "what (did i ask you|do you have|are you going) to remind me (of|about)",
        ],
        "de": [
            "(was|welche) [sind] (meine|die) Erinnerungen",
            "(welche|was für) Erinnerungen (habe ich|gibt es)",
            "(habe ich|gibt es) [irgendwelche] Erinnerungen",
            "woran (erinnerst du mich|wirst du mich erinnern|sollst du mich erinnern)",
        ],
    },
    examples=["what are my reminders"],
)
async def reminders(agenda: Agenda, where: Where) -> Answer | str:
    """Tell which reminders there are."""
    found = agenda.all("reminder")
    if not found:
        return _none(where)
    if len(found) == 1:
        agenda.speak_of(found[0], where.area)
    told = "; ".join(agenda.told(each, where.language) for each in found[:MOST])
    count, more = len(found), len(found) - MOST
    text = where.say(
        f"You have {'a reminder' if count == 1 else f'{count} reminders'}: {told}.",
        de=f"Du hast {'eine Erinnerung' if count == 1 else f'{count} Erinnerungen'}: {told}.",
    )
    if more > 0:
        text += where.say(f" And {more} more.", de=f" Und {more} weitere.")
    return _about(text) if count == 1 else text


@tool(
    phrases={
        "en": [
            "(cancel|delete|remove|clear|drop) (my|the|that|this) reminder",
            "(cancel|delete|remove|clear|drop) (my|the|that) reminder (to|about|of|for|at|that)"
            " {which}",
            "(cancel|delete|remove|clear|drop) (my|the) {which} reminder",
            "(do not|don't) remind me (to|about|of|at) {which}",
        ],
        "de": [
            "(lösch|lösche|streich|streiche) (meine|die|diese) Erinnerung",
            "(lösch|lösche|streich|streiche) (meine|die) Erinnerung (an|daran|für|um|am) {which}",
            "(erinner|erinnere) mich nicht [mehr] (an|daran) {which}",
        ],
    },
    examples=["cancel the reminder to call my sister"],
)
async def cancel(
    agenda: Agenda, where: Where, conversation: Conversation, which: str | None = None
) -> Answer | Ask | str:
    """Cancel a reminder."""
    found = agenda.all("reminder")
    if not found:
        return _none(where)
    it = agenda.it(where.area)
    if which is None and it is not None and it.kind == "reminder":
        found = [it]
    elif which is not None:
        found = _fitting(agenda, found, which, where)
        if not found:
            return where.say(
                "Sorry, I find no such reminder.",
                de="Entschuldigung, so eine Erinnerung finde ich nicht.",
            )
    if len(found) > 1:
        listed = "; ".join(agenda.told(each, where.language) for each in found[:MOST])
        question = where.say(f"Which one: {listed}?", de=f"Welche: {listed}?")
        answer = str(await conversation.ask(question))
        found = _fitting(agenda, found, answer, where)
        if len(found) != 1:
            return where.say("I have left them all.", de="Ich habe alle gelassen.")
    told = agenda.told(found[0], where.language)
    await agenda.cancel(found[0])
    return where.say(f"Cancelled: {told}.", de=f"Gelöscht: {told}.")


@tool(
    about=REMINDER,
    phrases={
        "en": ["(cancel|delete|remove|clear) (it|that|this)"],
        "de": ["(lösch|lösche|streich|streiche) (sie|es|das)"],
    },
)
async def cancel_it(agenda: Agenda, where: Where, conversation: Conversation) -> Answer | Ask | str:
    """Cancel the reminder that was spoken of last."""
    return await cancel(agenda, where, conversation)


@tool(
    about=REMINDER,
    phrases=MOVE_IT,
)
async def move_it(agenda: Agenda, where: Where, to: Annotated[str, AnyTime()]) -> Answer | str:
    """Give the reminder that was spoken of last another time."""
    moved = await agenda.move_it(to, where.area, where.language, "reminder")
    if isinstance(moved, str):
        return moved
    time = agenda.when(moved, where.language)
    return _about(where.say(f"I will remind you {time}.", de=f"Ich erinnere dich {time}."))


@tool(
    phrases={
        "en": ["(cancel|delete|remove|clear|drop) (all [of] [(my|the)]|my|the) reminders"],
        "de": ["(lösch|lösche|streich|streiche) (alle|meine|die|alle meine) Erinnerungen"],
    },
    examples=["cancel all reminders"],
)
async def cancel_all(agenda: Agenda, where: Where) -> str:
    """Cancel all reminders."""
    found = agenda.all("reminder")
    if not found:
        return _none(where)
    await agenda.cancel(*found)
    count = len(found)
    return where.say(
        f"Cancelled {count} {'reminder' if count == 1 else 'reminders'}.",
        de=f"{count} {'Erinnerung' if count == 1 else 'Erinnerungen'} gelöscht.",
    )


# --- what was said --------------------------------------------------------------------------------


def _split(agenda: Agenda, said: str, where: Where) -> tuple[str, When | None]:
    """What to remind of, and when."""
    for rest, _, found in agenda.splits(said, where.language):
        return _cleaned(rest, where), found.when
    return _cleaned(said, where), None


def _cleaned(text: str, where: Where) -> str:
    code = where.language.split("-")[0]
    text = text.strip(" .,!?")
    if (before := ABOUT.get(code)) is not None:
        text = before.sub("", text)
    if (behind := BEHIND.get(code)) is not None:
        text = behind.sub("", text)
    text = re.sub(r"\s+,", ",", text).strip(" ,")
    return "" if text.casefold() in POINTING.get(code, ()) else text


def _home(said: str, where: Where) -> tuple[str, str] | None:
    """What to remind of when somebody comes home, and who: empty for who speaks."""
    pattern = HOME.get(where.language.split("-")[0])
    found = pattern.search(said) if pattern is not None else None
    if found is None:
        return None
    rest = f"{said[: found.start()]} {said[found.end() :]}"
    return _cleaned(" ".join(rest.split()), where), found["name"] or ""


async def _arrival(
    home: Home, where: Where, conversation: Conversation, named: str
) -> When | Ask | str:
    """What tells that somebody comes home: a person, or else a door, if that is wanted."""
    people = _people(home)
    wanted = named or where.person or ""
    meant = [each for each in people if _called(each, wanted)] if wanted else people
    if wanted and not meant and named:
        return where.say(
            f"Sorry, I cannot see when {named} comes home.",
            de=f"Entschuldigung, ich sehe nicht, wann {named} nach Hause kommt.",
        )
    meant = meant or people
    if len(meant) > 1:
        names = [each.name for each in meant]
        question = where.say("Who are you?", de="Wer bist du?")
        chosen = await conversation.ask(question, choices=names)
        meant = [each for each in meant if each.name == chosen]
    if meant:
        return When(entity=meant[0].entity_id, state="home")
    doors = [
        door
        for device_class in DOORS
        for door in home.find(domains=["binary_sensor"], device_class=device_class)
    ]
    front = [door for door in doors if "front" in door.name.casefold()] or doors
    if not front:
        return where.say(
            "I cannot see who is home. For that I need a person from Home Assistant, or a sensor "
            "on the front door.",
            de="Ich sehe nicht, wer zu Hause ist. Dafür brauche ich eine Person aus Home "
            "Assistant oder einen Sensor an der Haustür.",
        )
    name = front[0].name
    question = where.say(
        f"I cannot see who is home. Shall I do it when {name} opens, not before ten minutes from "
        "now?",
        de=f"Ich sehe nicht, wer zu Hause ist. Soll ich es tun, wenn {name} aufgeht, frühestens "
        "in zehn Minuten?",
    )
    if not await conversation.ask(question, bool):
        return where.say("All right.", de="In Ordnung.")
    return When(entity=front[0].entity_id, state="on", seconds=LEAVING)


def _people(home: Home) -> list[Entity]:
    """Persons; where there are none, what they carry."""
    for domain in PEOPLE:
        if found := list(home.find(domains=[domain])):
            return found
    return []


def _called(entity: Entity, name: str) -> bool:
    said = name.casefold().strip()
    return any(said == own.casefold() or said in own.casefold().split() for own in entity.names)


def _fitting(
    agenda: Agenda, found: Sequence[Appointment], said: str, where: Where
) -> list[Appointment]:
    """Those that what was said fits: by its words, or by the time."""
    words = _words(_cleaned(said, where))
    best = [each for each in found if words and words <= _words(each.text)]
    best = best or [each for each in found if words & _words(each.text)]
    if best:
        return best
    read = agenda.read(said, where.language)
    if read is None or read.when.wall is None:
        return []
    at = read.when.wall
    return [
        each
        for each in found
        if (coming := agenda.next_time(each)) is not None and _same(coming.time(), at.time())
    ]


def _same(one: time, other: time) -> bool:
    return (one.hour % 12, one.minute) == (other.hour % 12, other.minute)


IDLE = frozenset(
    "a an the my your to of about at in on and der die das den dem ein eine mein meine zu an um"
    " deine dein".split()
)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold())) - IDLE


# --- what they have in common ---------------------------------------------------------------------


def _impossible(agenda: Agenda, where: Where) -> str | None:
    if not agenda.rings:
        return where.say(
            "Sorry, I can only remind you while the hub is running. Start it with 'hearth run'.",
            de="Entschuldigung, ich kann nur erinnern, solange der Hub läuft. "
            "Starte ihn mit 'hearth run'.",
        )
    if agenda.full:
        return agenda.sentence("full", where.language)
    return None


def _none(where: Where) -> str:
    return where.say("There are no reminders.", de="Es gibt keine Erinnerungen.")


def _about(text: str) -> Answer:
    return Answer(facts={"told": text}, about=REMINDER)
