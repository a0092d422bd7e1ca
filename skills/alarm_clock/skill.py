"""The alarm clock: alarms for once and for some days of the week, snooze, and leaving one out.

The alarm panel of a house is another skill (`alarm`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Annotated

from hub.skill import (
    MOVE_IT,
    Agenda,
    Answer,
    AnyTime,
    Appointment,
    Ask,
    Conversation,
    When,
    Where,
    tool,
)

ALARM = "alarm"
"""What has been spoken of where 'cancel it' means an alarm."""
SNOOZE = timedelta(minutes=10)
LONGEST_SNOOZE = timedelta(hours=2)
MOST = 6
"""Of as many alarms it is told."""
_OCLOCK = re.compile(r"o['’ ]?clock$", re.IGNORECASE)
_ONE = re.compile(r"^(?:the|den|der|das)\s+|\s+(?:one|alarm|wecker)$", re.IGNORECASE)
"""'The seven o'clock one'"""
_OWNER = re.compile(r"['’]?s$")
"""'Tomorrow's'"""
AHEAD = timedelta(days=8)
"""In which a time is looked for that is to be left out."""

SET = "(set|create|make|add|put on) [me] [(a|an|the|my|another|a new)]"
STELLE = "(stell|stelle|mach|mache|setz|setze) [mir] [(einen|den|meinen|noch einen)]"
CANCEL = "(cancel|delete|remove|clear|drop)"
LOESCH = "(lösch|lösche|streich|streiche)"


@tool(
    phrases={
        "en": [
            "(wake me [up]|get me up) [at] {when}",
            f"{SET} alarm [clock] (for|at|to) {{when}}",
            f"{SET} {{when}} alarm [clock]",
            "(set|create|make|add) [me] (a|an|my|another|a new) alarm [clock]",
            "[an] alarm (for|at) {when}",
        ],
        "de": [
            "(weck|wecke) mich [auf] [{when}]",
            f"{STELLE} Wecker (auf|für|um) {{when}}",
            f"{STELLE} Wecker {{when}}",
            f"{STELLE} Wecker",
            "Wecker (auf|für|um) {when}",
        ],
    },
    examples=["wake me at seven", "set an alarm for 6:30 every weekday"],
)
async def wake(
    agenda: Agenda, where: Where, conversation: Conversation, when: str | None = None
) -> Answer | Ask | str:
    """Set an alarm, for once or for days of the week."""
    if (why := _impossible(agenda, where)) is not None:
        return why
    question = where.say("For what time?", de="Für wie viel Uhr?")
    said = when or str(await conversation.ask(question))
    found = agenda.read(said, where.language, "alarm")
    if found is None or found.vague:  # 'tomorrow' alone is no time to be woken at
        clock = str(await conversation.ask(question))
        found = agenda.read(f"{said} {clock}" if found else clock, where.language, "alarm")
    if found is None or found.vague:
        return where.say(
            "Sorry, I do not understand for when.", de="Entschuldigung, ich verstehe nicht, wann."
        )
    if found.when.sun and agenda.place is None:
        return agenda.sentence("no_place", where.language)
    same = [each for each in agenda.all("alarm") if each.when == found.when and not each.skip]
    if same and not found.when.seconds:
        told = agenda.when(same[0], where.language)
        return _about(
            where.say(
                f"There is an alarm {told} already.", de=f"Es gibt {told} schon einen Wecker."
            )
        )
    alarm = await agenda.add(
        "alarm",
        found.when,
        area=where.area,
        language=where.language,
        person=where.person,
    )
    agenda.speak_of(alarm, where.area)
    told = agenda.when(alarm, where.language)
    return _about(where.say(f"Alarm set {told}.", de=f"Der Wecker klingelt {told}."))


@tool(
    risk="R0",
    phrases={
        "en": [
            "(which|what) alarms (do (i|we) have|are (set|there|on))",
            "(are there|do (i|we) have) [any] alarms [set]",
            "(when|what time) is (my|the) [next] alarm [set for]",
            "(when|what time) (does|will) (my|the) [next] alarm (ring|go off)",
            "how (long|much longer) [is it|do i have] (until|till|to|before) (my|the) [next] alarm"
            " [(rings|goes off|is due|will ring|will go off)]",
            "how (long|much longer) (can|may) i sleep",
            "(list|tell me|read [me]|what are) (my|the|all [my]) alarms",
            "(when|what time) (do|will) (i|you) (get|wake) (up|me [up]) [tomorrow]",
            "is (my|the|an) alarm set",
        ],
        "de": [
            "(welche|was für) Wecker (habe ich|haben wir|gibt es|sind gestellt|klingeln)",
            "(habe ich|gibt es|ist) [(ein|einen|mein)] Wecker [gestellt]",
            "wann klingelt (mein|der) [nächster] Wecker",
            "wie lange [ist es|dauert es] [noch] bis (zum|zu meinem) [nächsten] Wecker",
            "wie lange [ist es|dauert es] [noch] bis (mein|der) [nächster] Wecker klingelt",
            "wie lange kann ich [noch] schlafen",
            "(auf|für) wann ist (mein|der) Wecker gestellt",
            "wann (weckst du mich|werde ich geweckt)",
        ],
    },
    examples=["which alarms do I have"],
)
async def alarms(agenda: Agenda, where: Where) -> Answer | str:
    """Tell which alarms are set."""
    found = agenda.all("alarm")
    if not found:
        return _none(where)
    if len(found) == 1:
        agenda.speak_of(found[0], where.area)
    told = _joined([agenda.when(each, where.language) for each in found[:MOST]], where)
    count, more = len(found), len(found) - MOST
    text = where.say(
        f"You have {'an alarm' if count == 1 else f'{count} alarms'}: {told}.",
        de=f"Du hast {'einen' if count == 1 else count} Wecker: {told}.",
    )
    if more > 0:
        text += where.say(f" And {more} more.", de=f" Und {more} weitere.")
    return Answer(facts={"told": text}, about=ALARM) if len(found) == 1 else text


@tool(
    phrases={
        "en": [
            f"{CANCEL} (my|the|this) [next] alarm [clock]",
            f"{CANCEL} [(my|the)] {{when}} alarm [clock]",
            f"{CANCEL} [(my|the)] alarm [clock] (for|at|on|of) {{when}}",
            "turn off (my|the) {when} o'clock alarm",
            "do not wake me [up]",
            "don't wake me [up]",
        ],
        "de": [
            f"{LOESCH} (meinen|den) [nächsten] Wecker",
            f"{LOESCH} (meinen|den) Wecker (für|um|auf|am|von) {{when}}",
            f"{LOESCH} (meinen|den) {{when}} Wecker",
            "(schalt|schalte|stell|stelle) (meinen|den) Wecker (um|für) {when} (aus|ab)",
            "(weck|wecke) mich nicht",
        ],
    },
    examples=["cancel the seven o'clock alarm"],
)
async def cancel(
    agenda: Agenda, where: Where, conversation: Conversation, when: str | None = None
) -> Answer | Ask | str:
    """Cancel an alarm; of one that rings only the ringing."""
    if when is None and await agenda.stop(where.area):
        return ""
    found = _meant(agenda, where, when)
    if isinstance(found, str):
        return found
    if len(found) > 1:
        told = _joined([agenda.when(each, where.language) for each in found], where, "or")
        question = where.say(f"Which one: {told}?", de=f"Welchen: {told}?")
        chosen = _ONE.sub("", str(await conversation.ask(question)))
        found = _meant(agenda, where, chosen)
        if isinstance(found, str):
            return found
        if len(found) > 1:
            return where.say("I have left them all.", de="Ich habe alle gelassen.")
    return await _cancelled(agenda, found[0], where)


@tool(
    about=ALARM,
    phrases={
        "en": ["(cancel|delete|remove|clear) (it|that|this)"],
        "de": ["(lösch|lösche|streich|streiche) (ihn|es|das)"],
    },
)
async def cancel_it(agenda: Agenda, where: Where, conversation: Conversation) -> Answer | Ask | str:
    """Cancel the alarm that was spoken of last; of one that rings only the ringing."""
    if await agenda.stop(where.area):
        return ""
    it = agenda.it(where.area)
    if it is None or it.kind != "alarm":
        return await cancel(agenda, where, conversation)
    return await _cancelled(agenda, it, where)


@tool(
    about=ALARM,
    phrases=MOVE_IT,
)
async def move_it(agenda: Agenda, where: Where, to: Annotated[str, AnyTime()]) -> Answer | str:
    """Give the alarm that was spoken of last another time."""
    moved = await agenda.move_it(to, where.area, where.language, "alarm")
    if isinstance(moved, str):
        return moved
    time = agenda.when(moved, where.language)
    return _about(where.say(f"Alarm set {time}.", de=f"Der Wecker klingelt {time}."))


@tool(
    phrases={
        "en": [f"{CANCEL} (all [of] [(my|the)]|my|the) alarms"],
        "de": [f"{LOESCH} (alle|meine|die|alle meine) Wecker"],
    },
    examples=["cancel all alarms"],
)
async def cancel_all(agenda: Agenda, where: Where) -> str:
    """Cancel all alarms."""
    found = agenda.all("alarm")
    if not found:
        return _none(where)
    await agenda.cancel(*found)
    count = len(found)
    return where.say(
        f"Cancelled {count} {'alarm' if count == 1 else 'alarms'}.",
        de=f"{count} Wecker gelöscht.",
    )


@tool(
    phrases={
        "en": [
            "snooze [(it|that|the alarm)]",
            "snooze [(it|that|the alarm)] for {length}",
            "(let me sleep|give me) [another|a] {length} [more] [sleep]",
            "(wake me again|again) in {length}",
        ],
        "de": [
            "(schlummern|snooze)",
            "(noch|lass mich noch) {length} (schlafen|schlummern)",
            "(weck|wecke) mich in {length} (wieder|noch einmal|nochmal)",
            "(schlummern|snooze) [für] {length}",
        ],
    },
    examples=["snooze for ten minutes"],
    final={
        "en": "An alarm that was put off rings again. Say 'cancel the alarm' if it need not.",
        "de": "Ein verschobener Wecker klingelt wieder. Lösch ihn, wenn er das nicht soll.",
    },
)
async def snooze(agenda: Agenda, where: Where, length: timedelta | None = None) -> str:
    """Let the alarm that rings ring again later."""
    length = min(length or SNOOZE, LONGEST_SNOOZE)
    if not await agenda.snooze(length.total_seconds(), where.area):
        return where.say("No alarm is ringing.", de="Es klingelt kein Wecker.")
    minutes = max(1, round(length.total_seconds() / 60))
    return where.say(
        f"Again in {minutes} {'minute' if minutes == 1 else 'minutes'}.",
        de=f"Wieder in {minutes} {'Minute' if minutes == 1 else 'Minuten'}.",
    )


@tool(
    phrases={
        "en": [
            "(stop|end|silence|quit) (my|the|this|that) alarm [clock]",
            "(turn|switch|shut) off (my alarm|the alarm clock)",
            "(i'm|i am|we're|we are) (awake|up) [now]",
        ],
        "de": [
            "(stopp|stoppe|beende) (meinen|den) Wecker",
            "(mach|mache|schalt|schalte|stell|stelle) (meinen|den) Wecker (aus|ab)",
            "Wecker (aus|ab|stopp)",
            "ich bin (wach|auf|aufgestanden)",
        ],
    },
    examples=["stop the alarm"],
    final={
        "en": "An alarm that was stopped has rung. Ask me to wake you again, if you like.",
        "de": "Ein gestoppter Wecker hat geklingelt. Bitte mich sonst, dich wieder zu wecken.",
    },
)
async def stop(agenda: Agenda, where: Where) -> str:
    """Silence the alarm that rings."""
    if await agenda.stop(where.area):
        return ""
    if agenda.all("alarm"):
        return where.say(
            "No alarm is ringing. To remove one, say 'cancel my alarm'.",
            de="Es klingelt kein Wecker. Um einen zu löschen, sag 'lösche meinen Wecker'.",
        )
    return where.say("No alarm is ringing.", de="Es klingelt kein Wecker.")


@tool(
    about=ALARM,
    phrases={
        "en": [
            "(turn|switch|shut) off (it|that|this|the alarm)",
            "(turn|switch|shut) (it|that|this|the alarm) off",
            "(stop|end|silence) (it|that|this)",
        ],
        "de": [
            "(mach|mache|schalt|schalte|stell|stelle) (ihn|das|es|den Alarm) (aus|ab)",
            "(stopp|stoppe|beende) (ihn|das|es|den Alarm)",
        ],
    },
)
async def stop_it(agenda: Agenda, where: Where, conversation: Conversation) -> Answer | Ask | str:
    """Silence the alarm that rings; cancel the one that was spoken of last."""
    return await cancel_it(agenda, where, conversation)


@tool(
    phrases={
        "en": [
            "(skip|leave out|suspend) (my|the) [next] alarm [clock]",
            "(skip|leave out|suspend) [(my|the)] {day} alarm [clock]",
            "(skip|leave out|suspend) (my|the) alarm [clock] [(for|on)] {day}",
            "(do not|don't) wake me [up] [(on|this)] {day}",
            "no alarm [on] {day}",
        ],
        "de": [
            "(überspring|überspringe) (meinen|den) [nächsten] Wecker",
            "(überspring|überspringe|lass|lasse) (meinen|den) Wecker [(am|für)] {day} [(aus|weg)]",
            "(weck|wecke) mich [am] {day} nicht",
            "{day} [(keinen|kein)] Wecker",
        ],
    },
    examples=["skip tomorrow's alarm"],
)
async def skip(agenda: Agenda, where: Where, day: str | None = None) -> str:
    """Leave out an alarm once."""
    found = agenda.all("alarm")
    if not found:
        return _none(where)
    now = agenda.now()
    if day is None:
        at = agenda.next_time(found[0])
        chosen = [(found[0], at)] if at is not None else []
    else:
        meant = agenda.read(_OWNER.sub("", day), where.language, "alarm")
        if meant is None or meant.when.wall is None:
            return where.say(
                "Sorry, I do not understand which day.",
                de="Entschuldigung, ich verstehe nicht, welchen Tag.",
            )
        on = meant.when.wall.date()
        chosen = [
            (alarm, at)
            for alarm in found
            for at in agenda.times(alarm, max(now + AHEAD, meant.when.wall + timedelta(days=1)))
            if at.date() == on and at not in alarm.skip
        ]
    if not chosen:
        return where.say("There is no alarm then.", de="Da gibt es keinen Wecker.")
    for alarm, at in chosen:
        await agenda.skip(alarm, at)
    left = agenda.all("alarm")
    told = _joined([_at(agenda, at, where) for _, at in chosen], where)
    text = where.say(f"No alarm {told}.", de=f"Kein Wecker {told}.")
    if left and (coming := agenda.next_time(left[0])) is not None:
        following = _at(agenda, coming, where)
        text += where.say(
            f" The next one is {following}.", de=f" Der nächste klingelt {following}."
        )
    return text


# --- what they have in common ---------------------------------------------------------------------


def _impossible(agenda: Agenda, where: Where) -> str | None:
    if not agenda.rings:
        return where.say(
            "Sorry, I can only wake you while the hub is running. Start it with 'hearth run'.",
            de="Entschuldigung, ich kann nur wecken, solange der Hub läuft. "
            "Starte ihn mit 'hearth run'.",
        )
    if agenda.full:
        return agenda.sentence("full", where.language)
    return None


def _meant(agenda: Agenda, where: Where, when: str | None) -> Sequence[Appointment] | str:
    """The alarms that are meant, at least one; or why there is none."""
    found = agenda.all("alarm")
    if not found:
        return _none(where)
    if when is None:
        return found
    said = _OCLOCK.sub("", when).strip()
    meant = agenda.read(said, where.language, "alarm")
    if meant is None or meant.when.wall is None:
        return where.say(
            "Sorry, I do not understand which alarm.",
            de="Entschuldigung, ich verstehe nicht, welchen Wecker.",
        )
    wall = meant.when.wall
    fitting = [each for each in found if meant.vague or _clock(agenda, each) == wall.time()]
    if not fitting and not meant.vague:  # 'the seven o'clock alarm', of one in the evening
        other = (wall + timedelta(hours=12)).time()
        fitting = [each for each in found if _clock(agenda, each) == other]
    if meant.vague:
        fitting = [e for e in fitting if (at := agenda.next_time(e)) and at.date() == wall.date()]
    if meant.when.rule:
        fitting = [each for each in fitting if each.when.rule == meant.when.rule]
    if not fitting:
        return where.say("There is no alarm then.", de="So einen Wecker gibt es nicht.")
    return fitting


async def _cancelled(agenda: Agenda, alarm: Appointment, where: Where) -> str:
    told = agenda.when(alarm, where.language)
    await agenda.cancel(alarm)
    return where.say(f"Cancelled the alarm {told}.", de=f"Den Wecker {told} gibt es nicht mehr.")


def _clock(agenda: Agenda, alarm: Appointment) -> time | None:
    wall = alarm.when.wall if not alarm.when.sun else agenda.next_time(alarm)
    return wall.time() if wall is not None else None


def _at(agenda: Agenda, at: datetime, where: Where) -> str:
    """'tomorrow at 7 AM'"""
    return agenda.said_when(When(wall=at), where.language)


def _joined(texts: Sequence[str], where: Where, by: str = "and") -> str:
    word = where.say(by, de={"and": "und", "or": "oder"}[by])
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}" if len(texts) > 1 else "".join(texts)


def _none(where: Where) -> str:
    return where.say("No alarm is set.", de="Es ist kein Wecker gestellt.")


def _about(text: str) -> Answer:
    return Answer(facts={"told": text}, about=ALARM)
