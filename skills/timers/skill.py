"""Timers: several at a time, with names, and commands for later."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any

from hub.skill import (
    MOVE_IT,
    Agenda,
    Answer,
    AnyTime,
    Appointment,
    Area,
    Ask,
    Call,
    Conversation,
    Range,
    Timer,
    Timers,
    Where,
    tool,
)

Hours = Annotated[int, Range(0, 100)]
Whole = Annotated[int, Range(0, 1000)]
"""Minutes or seconds."""

MOST_CHOICES = 4
TIMER = "timer"
"""What has been spoken of where 'cancel it' means a timer."""

TIME = "({hours} (hour|hours)|{minutes} (minute|minutes)|{seconds} (second|seconds))"
LONG = f"({TIME}|{{hours}} (hour|hours) [and] {{minutes}} (minute|minutes))"
ZEIT = "({hours} (Stunde|Stunden)|{minutes} (Minute|Minuten)|{seconds} (Sekunde|Sekunden))"
SET = "(set|start|create|make|put on) [(a|an|another|the|my)]"
STELLE = "(stell|stelle|starte|setz|setze|mach) [mir] [(einen|den|noch einen)]"

LENGTH = re.compile(
    "(and|or|und|oder) .*|(.* )?(hours?|minutes?|seconds?|Stunden?|Minuten?|Sekunden?)",
    re.IGNORECASE,
)
"""No name, but the rest of a length of time: 'ten minute (and thirty second) timer'."""


@tool(
    "HassStartTimer",
    phrases={
        "en": [
            f"{SET} timer [(for|of) {TIME}]",
            f"{SET} {TIME} timer",
            f"(put|set) [(a|an|another)] {TIME} timer on [for [(the|my|our)] {{name}}]",
            f"[a] timer for {LONG} for [(the|my|our)] {{name}}",
            f"{SET} timer for {LONG} for [(the|my|our)] {{name}}",
            f"{SET} {TIME} timer for [(the|my|our)] {{name}}",
            f"[(a|an|another|the|my)] {TIME} {{name}} timer",
            f"{SET} {{name}} timer [(for|of) {TIME}]",
            f"{SET} {TIME} {{name}} timer",
            f"[(a|an|another|the|my)] {{name}} timer (for|of) {TIME}",
            f"(wake me [up]|remind me) in {TIME}",
        ],
        "de": [
            f"{STELLE} Timer [(auf|für|von) {ZEIT}]",
            f"{STELLE} Wecker (auf|für|von) {ZEIT}",
            f"{STELLE} {{name}} Timer [(auf|für|von) {ZEIT}]",
            f"(weck|wecke) mich in {ZEIT}",
        ],
    },
    examples=["set a timer for five minutes", "turn off the lamp in ten minutes"],
)
async def start(
    timers: Timers,
    where: Where,
    hours: Hours = 0,
    minutes: Whole = 0,
    seconds: Whole = 0,
    name: str | None = None,
    conversation_command: str | None = None,
) -> Answer | Ask | str:
    """Start a timer, or do something later."""
    language = where.language
    if not timers.rings:
        return timers.trouble("silent", language)
    if timers.full:
        return timers.trouble("full", language)
    total = _seconds(hours, minutes, seconds)
    if name and LENGTH.fullmatch(name):
        total, name = 0, None
    if not total:
        known = {"name": name, "conversation_command": conversation_command}
        call = Call("HassStartTimer", {slot: said for slot, said in known.items() if said})
        return Ask(timers.trouble("how_long", language), lacking=call)
    command = conversation_command
    if command and (why := await timers.obstacle(command, where.area, language)):
        return timers.trouble(why, language)
    timer = await timers.start(
        total, name=name, command=command, area=where.area, language=language
    )
    said = {"hours": hours, "minutes": minutes, "seconds": seconds}
    return _answer(timers, timer, where, said, name=name, command=command)


@tool(
    phrases={
        "en": [f"[for] {TIME}", "[for] {hours} (hour|hours) [and] {minutes} (minute|minutes)"],
        "de": [f"[für] {ZEIT}", "[für] {hours} (Stunde|Stunden) [und] {minutes} (Minute|Minuten)"],
    }
)
async def lasting(
    timers: Timers,
    agenda: Agenda,
    where: Where,
    conversation: Conversation,
    hours: Hours = 0,
    minutes: Whole = 0,
    seconds: Whole = 0,
) -> Answer | Ask | str:
    """Take a length of time for that of the timer that was asked for."""
    asked = conversation.lacking
    length = {"hours": hours, "minutes": minutes, "seconds": seconds}
    if agenda.ringing():
        return await _snoozed(agenda, timers, where, _seconds(**length))
    if asked is None or asked.tool != "HassStartTimer":  # 'one minute', said to somebody else
        time = timers.duration(_seconds(**length), where.language)
        question = where.say(
            f"Shall I set a timer for {time}?", de=f"Soll ich einen Timer auf {time} stellen?"
        )
        return Ask(question, (Call("HassStartTimer", length),))
    return await start(timers, where, hours, minutes, seconds, **asked.arguments)


@tool(
    "HassCancelTimer",
    phrases={
        "en": ["(delete|clear|turn off|end) [(the|my)] [{name}] timer"],
        "de": ["(brich|breche) [(den|meinen)] [{name}] Timer ab"],
    },
    examples=["cancel the pasta timer"],
)
async def cancel(
    timers: Timers,
    where: Where,
    start_hours: Hours = 0,
    start_minutes: Whole = 0,
    start_seconds: Whole = 0,
    name: str | None = None,
    area: Area | None = None,
) -> Answer | Ask | str:
    """Cancel a timer."""
    start = _seconds(start_hours, start_minutes, start_seconds)
    found = _which(timers, where, Call("HassCancelTimer"), start, name, area)
    return await _acted(timers, where, found, timers.cancel)


@tool(
    "HassCancelAllTimers",
    phrases={
        "en": ["(cancel|stop|delete|clear) [all] [(the|my)] timers"],
        "de": ["(brich|breche) (alle|die|meine) Timer ab"],
    },
    examples=["cancel all timers"],
)
async def cancel_all(timers: Timers, where: Where, area: Area | None = None) -> Answer:
    """Cancel all timers, everywhere or in one room."""
    found = timers.find(area=area.name if area else None)
    await timers.cancel(*found)
    facts: dict[str, Any] = {"canceled": len(found)}
    return Answer(facts={**facts, "area": area.name} if area else facts)


@tool("HassIncreaseTimer", examples=["add two minutes to the timer"])
async def increase(
    timers: Timers,
    where: Where,
    hours: Hours = 0,
    minutes: Whole = 0,
    seconds: Whole = 0,
    start_hours: Hours = 0,
    start_minutes: Whole = 0,
    start_seconds: Whole = 0,
    name: str | None = None,
    area: Area | None = None,
) -> Answer | Ask | str:
    """Add time to a timer."""
    said = {"hours": hours, "minutes": minutes, "seconds": seconds}
    start = _seconds(start_hours, start_minutes, start_seconds)
    found = _which(timers, where, Call("HassIncreaseTimer", said), start, name, area)
    return await _change(timers, where, found, said, 1)


@tool(
    phrases={
        "en": [
            f"(add|give it) [(another|an extra)] {TIME} [more] [to (it|that)]",
            f"[(another|an extra)] {TIME} more",
        ],
        "de": [
            f"[(füge|gib|mach)] [ihm] [noch] {ZEIT} (dazu|hinzu|mehr|länger)",
            f"verlängere ihn um {ZEIT}",
        ],
    }
)
async def more(
    timers: Timers,
    agenda: Agenda,
    where: Where,
    hours: Hours = 0,
    minutes: Whole = 0,
    seconds: Whole = 0,
) -> Answer | Ask | str:
    """Add time to the timer that was spoken of last; to an alarm that rings."""
    if agenda.ringing():
        return await _snoozed(agenda, timers, where, _seconds(hours, minutes, seconds))
    said = {"hours": hours, "minutes": minutes, "seconds": seconds}
    found = _it(timers, where, Call("HassIncreaseTimer", said))
    return await _change(timers, where, found, said, 1)


@tool(
    phrases={
        "en": [f"take [off] {TIME} (off|from) (it|that)"],
        "de": [f"verkürze ihn um {ZEIT}"],
    }
)
async def less(
    timers: Timers, where: Where, hours: Hours = 0, minutes: Whole = 0, seconds: Whole = 0
) -> Answer | Ask | str:
    """Take time from the timer that was spoken of last."""
    said = {"hours": hours, "minutes": minutes, "seconds": seconds}
    found = _it(timers, where, Call("HassDecreaseTimer", said))
    return await _change(timers, where, found, said, -1)


@tool("HassDecreaseTimer", examples=["take one minute off the timer"])
async def decrease(
    timers: Timers,
    where: Where,
    hours: Hours = 0,
    minutes: Whole = 0,
    seconds: Whole = 0,
    start_hours: Hours = 0,
    start_minutes: Whole = 0,
    start_seconds: Whole = 0,
    name: str | None = None,
    area: Area | None = None,
) -> Answer | Ask | str:
    """Take time from a timer."""
    said = {"hours": hours, "minutes": minutes, "seconds": seconds}
    start = _seconds(start_hours, start_minutes, start_seconds)
    found = _which(timers, where, Call("HassDecreaseTimer", said), start, name, area)
    return await _change(timers, where, found, said, -1)


@tool("HassPauseTimer", examples=["pause the timer"])
async def pause(
    timers: Timers,
    where: Where,
    start_hours: Hours = 0,
    start_minutes: Whole = 0,
    start_seconds: Whole = 0,
    name: str | None = None,
    area: Area | None = None,
) -> Answer | Ask | str:
    """Pause a timer."""
    start = _seconds(start_hours, start_minutes, start_seconds)
    found = _which(timers, where, Call("HassPauseTimer"), start, name, area)
    return await _acted(timers, where, found, timers.pause)


@tool("HassUnpauseTimer", examples=["resume the timer"])
async def resume(
    timers: Timers,
    where: Where,
    start_hours: Hours = 0,
    start_minutes: Whole = 0,
    start_seconds: Whole = 0,
    name: str | None = None,
    area: Area | None = None,
) -> Answer | Ask | str:
    """Let a paused timer go on."""
    start = _seconds(start_hours, start_minutes, start_seconds)
    found = _which(timers, where, Call("HassUnpauseTimer"), start, name, area)
    return await _acted(timers, where, found, timers.resume)


@tool(
    "HassTimerStatus",
    phrases={
        "en": [
            "how (much time|long) (is|do I have) left",
            "(which|what) timers (are (running|set|there)|do I have)",
            "(are there|do I have) any timers [running]",
        ],
        "de": [
            "wie (lange|viel Zeit) (noch|bleibt noch|habe ich noch)",
            "(welche|was für) Timer (laufen|gibt es|habe ich)",
            "(laufen|gibt es) [irgendwelche] Timer",
        ],
    },
    examples=["how long is left on the timer"],
)
async def status(
    timers: Timers,
    where: Where,
    start_hours: Hours = 0,
    start_minutes: Whole = 0,
    start_seconds: Whole = 0,
    name: str | None = None,
    area: Area | None = None,
) -> Answer | str:
    """Tell how much time is left on the timers."""
    start = _seconds(start_hours, start_minutes, start_seconds)
    place = area.name if area else None
    found = timers.find(name=name, seconds=start or None, area=place)
    if not found and (name or start or area) and timers.all():
        return timers.trouble("not_found", where.language)
    if len(found) == 1:
        timers.speak_of(found[0], where.area)
    facts: dict[str, Any] = {"timers": [timers.facts(t, where.language) for t in found]}
    return Answer(facts=facts, about=TIMER if len(found) == 1 else "")


@tool(
    about=TIMER,
    phrases={
        "en": ["(pause|hold) (it|that|this)"],
        "de": ["pausiere (ihn|es|das)", "(halt|halte) (ihn|es|das) an"],
    },
)
async def pause_it(timers: Timers, where: Where) -> Answer | Ask | str:
    """Pause the timer that was spoken of last."""
    found = _it(timers, where, Call("HassPauseTimer"))
    return await _acted(timers, where, found, timers.pause)


@tool(
    about=TIMER,
    phrases={
        "en": ["(resume|unpause|continue|restart) (it|that|this)"],
        "de": ["(lass|lasse) (ihn|es) weiterlaufen", "(setz|setze) (ihn|es) fort"],
    },
)
async def resume_it(timers: Timers, where: Where) -> Answer | Ask | str:
    """Let the timer that was spoken of last go on."""
    found = _it(timers, where, Call("HassUnpauseTimer"))
    return await _acted(timers, where, found, timers.resume)


@tool(
    about=TIMER,
    phrases={
        "en": ["(cancel|stop|delete|clear|end) (it|that|this)"],
        "de": ["(brich|breche) (ihn|es|das) ab", "(stopp|stoppe|lösch|lösche) (ihn|es|das)"],
    },
)
async def cancel_it(timers: Timers, where: Where) -> Answer | Ask | str:
    """Cancel the timer that was spoken of last."""
    found = _it(timers, where, Call("HassCancelTimer"))
    return await _acted(timers, where, found, timers.cancel)


@tool(
    about=TIMER,
    phrases={
        "en": [f"(make|change|set) (it|that) [(to|for)] {TIME}"],
        "de": [f"(mach|mache|stell|stelle|ändere) (ihn|es|das) (auf|zu) {ZEIT}"],
    },
)
async def make_it(
    timers: Timers, where: Where, hours: Hours = 0, minutes: Whole = 0, seconds: Whole = 0
) -> Answer | Ask | str:
    """Let the timer that was spoken of last run for another time from now on."""
    said = {"hours": hours, "minutes": minutes, "seconds": seconds}
    found = _it(timers, where, Call("HassStartTimer", said))
    if not isinstance(found, Timer):
        return found
    total = _seconds(**said)
    if not total:
        return timers.trouble("how_long", where.language)
    changed = await timers.change(found, total - timers.left(found))
    return _answer(timers, changed, where)


# --- commands for a time, and for a while ---------------------------------------------------------

PLANNED = "planned"
"""What has been spoken of where 'cancel that' means something that was planned."""
MOST_PLANNED = 6


@tool()
async def at(
    agenda: Agenda, timers: Timers, where: Where, conversation_command: str, moment: str
) -> Answer | str:
    """Do something at a time of the day, or with the sun."""
    language = where.language
    if not agenda.rings:
        return timers.trouble("silent", language)
    if agenda.full:
        return timers.trouble("full", language)
    found = agenda.read(moment, language, "command")
    if found is None:
        return where.say(
            "Sorry, I do not understand when. That time may have gone by.",
            de="Entschuldigung, ich verstehe nicht, wann. Die Zeit ist vielleicht vorbei.",
        )
    if found.when.sun and agenda.place is None:
        return agenda.sentence("no_place", language)
    if why := await agenda.obstacle(conversation_command, where.area, language):
        return timers.trouble(why, language)
    planned = await agenda.add(
        "command",
        found.when,
        conversation_command,
        area=where.area,
        language=language,
        person=where.person,
    )
    agenda.speak_of(planned, where.area)
    time = agenda.when(planned, language)
    return _about_planned(where.say(f"I will do that {time}.", de=f"Das mache ich {time}."))


@tool(
    final={
        "en": "That goes back by itself. Say what you want instead, if it is to be now.",
        "de": "Das geht von allein zurück. Sag sonst, was du jetzt stattdessen willst.",
    }
)
async def for_a_while(
    agenda: Agenda, timers: Timers, where: Where, conversation_command: str, length: timedelta
) -> Answer | str:
    """Do something now, and put it back after a while."""
    language = where.language
    if not agenda.rings:
        return timers.trouble("silent", language)
    trace, planned = await agenda.for_a_while(
        conversation_command,
        length.total_seconds(),
        area=where.area,
        language=language,
        person=where.person,
    )
    if trace is None:
        return timers.trouble("silent", language)
    if trace.reply.expects_answer:
        return where.say(
            "For that I need a yes. Say it without the time, please.",
            de="Dafür brauche ich ein Ja. Sag es bitte ohne die Zeit.",
        )
    reply: str = trace.reply.text
    if planned is None:
        return reply
    agenda.speak_of(planned, where.area)
    time = timers.duration(length.total_seconds(), language)
    later = where.say(f"In {time} it will be as before.", de=f"In {time} ist es wieder wie vorher.")
    return _about_planned(f"{reply} {later}")


@tool(
    risk="R0",
    phrases={
        "en": [
            "(what's|what is|is (anything|something)) (planned|scheduled) [(later|at the moment)]",
            "what (have you|have i|did you|did i) (planned|scheduled|plan|schedule)",
            "what (will you|are you going to) do later",
            "(list|tell me|show me) what is planned",
        ],
        "de": [
            "was ist [(noch|alles)] geplant",
            "ist [noch] etwas geplant",
            "was (hast du|habe ich) [noch] (geplant|vor)",
            "was machst du (später|noch)",
        ],
    },
    examples=["what is planned"],
)
async def planned(agenda: Agenda, timers: Timers, where: Where) -> Answer | str:
    """Tell which commands are planned."""
    language = where.language
    found = agenda.all("command", "back")
    waiting = [timer for timer in timers.all() if timer.command]
    told = [_planned(agenda, each, where) for each in found]
    told += [f"{timer.command}, in {timers.facts(timer, language)['left']}" for timer in waiting]
    if not told:
        return where.say("Nothing is planned.", de="Es ist nichts geplant.")
    if len(found) == 1 and not waiting:
        agenda.speak_of(found[0], where.area)
    listed = "; ".join(told[:MOST_PLANNED])
    text = where.say(f"Planned: {listed}.", de=f"Geplant: {listed}.")
    if more := len(told[MOST_PLANNED:]):
        text += where.say(f" And {more} more.", de=f" Und {more} weitere.")
    return _about_planned(text) if len(found) == 1 else text


@tool(
    about=PLANNED,
    phrases={
        "en": [
            "(cancel|drop|forget|delete) (it|that|this)",
            "(don't|do not) do (it|that)",
        ],
        "de": [
            "(vergiss|lösch|lösche|streich|streiche) (es|das)",
            "(brich|breche) (es|das) ab",
            "mach das (nicht|doch nicht)",
        ],
    },
)
async def cancel_planned_it(agenda: Agenda, timers: Timers, where: Where) -> Answer | str:
    """Cancel the command that was planned last."""
    it = agenda.it(where.area)
    if it is None or it.kind not in ("command", "back"):
        return await cancel_planned(agenda, timers, where)
    return await _cancelled(agenda, [it], where)


@tool(
    about=PLANNED,
    phrases=MOVE_IT,
)
async def move_planned_it(
    agenda: Agenda, where: Where, to: Annotated[str, AnyTime()]
) -> Answer | str:
    """Give the command that was planned last another time."""
    moved = await agenda.move_it(to, where.area, where.language, "command", "back")
    if isinstance(moved, str):
        return moved
    time = agenda.when(moved, where.language)
    return _about_planned(where.say(f"I will do that {time}.", de=f"Das mache ich {time}."))


@tool(
    phrases={
        "en": [
            "(cancel|drop|forget|delete) (what is|what's|everything that is|everything) planned",
            "(cancel|delete) (the|all) planned (command|commands|things)",
            "(cancel|delete) (the|my) (plan|plans)",
        ],
        "de": [
            "(vergiss|lösch|lösche|streich|streiche) [alles] was geplant ist",
            "(vergiss|lösch|lösche|streich|streiche) (das|alles) Geplante",
        ],
    },
    examples=["cancel what is planned"],
)
async def cancel_planned(agenda: Agenda, timers: Timers, where: Where) -> Answer | str:
    """Cancel all commands that are planned."""
    found = agenda.all("command", "back")
    waiting = [timer for timer in timers.all() if timer.command]
    if not found and not waiting:
        return where.say("Nothing is planned.", de="Es ist nichts geplant.")
    await timers.cancel(*waiting)
    if found:
        return await _cancelled(agenda, found, where)
    return where.say("Nothing is planned any more.", de="Es ist nichts mehr geplant.")


async def _cancelled(agenda: Agenda, found: Sequence[Appointment], where: Where) -> str:
    told = "; ".join(_planned(agenda, each, where) for each in found[:MOST_PLANNED])
    await agenda.cancel(*found)
    return where.say(f"Cancelled: {told}.", de=f"Abgesagt: {told}.")


def _planned(agenda: Agenda, what: Appointment, where: Where) -> str:
    """'turn off the heating, today at 9 AM'"""
    if what.kind == "command":
        return agenda.told(what, where.language)
    when = agenda.when(what, where.language)
    return where.say(
        f"{what.text} until it is as before, {when}", de=f"{what.text}, wieder wie vorher {when}"
    )


def _about_planned(text: str) -> Answer:
    return Answer(facts={"told": text}, about=PLANNED)


async def _snoozed(agenda: Agenda, timers: Timers, where: Where, seconds: int) -> str:
    """'Five more minutes', said to an alarm."""
    await agenda.snooze(float(seconds), where.area)
    time = timers.duration(seconds, where.language)
    return where.say(f"Again in {time}.", de=f"Wieder in {time}.")


def _it(timers: Timers, where: Where, call: Call) -> Timer | Ask | str:
    """The timer that was spoken of last; if it is no more, the one there is."""
    return timers.it(where.area) or _which(timers, where, call, 0, None, None)


def _seconds(hours: int, minutes: int, seconds: int) -> int:
    return hours * 3600 + minutes * 60 + seconds


def _which(
    timers: Timers,
    where: Where,
    call: Call,
    seconds: int,
    name: str | None,
    area: Area | None,
) -> Timer | Ask | str:
    """The timer that is meant; a question where several are, or why there is none."""
    language = where.language
    if not timers.all():
        return timers.trouble("none", language)
    place = area.name if area else None
    found = timers.find(name=name, seconds=seconds or None, area=place, here=where.area)
    if not found:
        return timers.trouble("not_found", language)
    if len(found) == 1:
        return found[0]
    names = {timers.facts(timer, language)["label"]: timer for timer in found}
    question = timers.which(found[:MOST_CHOICES], language)
    if len(names) < len(found) or len(found) > MOST_CHOICES:
        return question
    return Ask(
        question,
        choices={
            label: (Call(call.tool, {**call.arguments, "name": timer.id}),)
            for label, timer in names.items()
        },
    )


async def _acted(
    timers: Timers,
    where: Where,
    found: Timer | Ask | str,
    act: Callable[[Timer], Awaitable[Timer | None]],
) -> Answer | Ask | str:
    """Do it to the timer that was meant; what came instead of one is said."""
    if not isinstance(found, Timer):
        return found
    return _answer(timers, await act(found) or found, where)


async def _change(
    timers: Timers,
    where: Where,
    found: Timer | Ask | str,
    said: dict[str, int],
    sign: int,
) -> Answer | Ask | str:
    if not isinstance(found, Timer):
        return found
    total = _seconds(**said)
    if not total:
        return timers.trouble("how_much", where.language)
    changed = await timers.change(found, sign * total)
    return _answer(timers, changed, where, said, total=total)


def _answer(
    timers: Timers,
    timer: Timer,
    where: Where,
    said: dict[str, int] | None = None,
    *,
    name: str | None = None,
    command: str | None = None,
    total: int | None = None,
) -> Answer:
    """The facts for the sentence, with numbers as words: the templates compare them as such."""
    timers.speak_of(timer, where.area)
    facts: dict[str, Any] = {"timer": timers.facts(timer, where.language)}
    facts |= {unit: str(amount) if amount else "" for unit, amount in (said or {}).items()}
    facts["time"] = timers.duration(timer.seconds if total is None else total, where.language)
    facts |= {k: v for k, v in (("name", name), ("conversation_command", command)) if v}
    return Answer(facts=facts, about=TIMER)
