"""Calendars: what is planned, when, where, and how often; what is new, moved and cancelled.

There are the hub's own (`Calendars`: files and a CalDAV server) and Home Assistant's. A calendar
entity of Home Assistant's tells its next event in its attributes (`message`, `start_time`,
`end_time`, `location`), and is asked for the others; a source that knows more has a list of
`events` (`summary`, `start`, `end`, `location`, `description`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from hub.skill import (
    Answer,
    Calendars,
    Clock,
    Conversation,
    Entities,
    Entity,
    Home,
    Range,
    Said,
    Say,
    StorageError,
    Store,
    Where,
    as_written,
    tool,
)
from hub.skill import CalendarEvent as Event

MOST = 5
"""Of as many events it is told."""
AHEAD = 400
"""Days that are looked ahead where no day is said."""
ASKED = 90
"""Days for which Home Assistant is asked."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_NAMES = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
}

When = Literal[
    "today",
    "tonight",
    "tomorrow",
    "week",
    "next_week",
    "weekend",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
]
WHEN = Said(
    {
        "en": {
            "[(for|later)] today": "today",
            "this (morning|afternoon)": "today",
            "(tonight|this evening|today evening)": "tonight",
            "[for] tomorrow [(morning|afternoon|evening|night)]": "tomorrow",
            "[(for|in)] (this|the) [coming] week": "week",
            "[(for|in)] [the] next week": "next_week",
            "[(for|on|at)] (this|the|next) weekend": "weekend",
            **{f"[(for|on|this|next|on next)] {day}": day for day in DAYS},
        },
        "de": {
            "[für] heute": "today",
            "heute (Morgen|Vormittag|Nachmittag)": "today",
            "heute (Abend|Nacht)": "tonight",
            "[für] morgen [(früh|Vormittag|Nachmittag|Abend)]": "tomorrow",
            "[(in|für)] diese[r] Woche": "week",
            "[(in|für)] (der|die) nächste[n] Woche": "next_week",
            "[(am|für das|dieses)] Wochenende": "weekend",
            **{
                f"[(am|diesen|nächsten|für)] {said}": day
                for said, day in zip(DAY_NAMES["de"], DAYS, strict=True)
            },
        },
    }
)
MONTHS = {
    "en": "January February March April May June July August September October November"
    " December".split(),
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November"
    " Dezember".split(),
}
EVENTS = (
    "(events|event|appointments|appointment|meetings|meeting|plans|classes|class|lessons|birthdays"
    "|engagements|things)"
)
CALENDAR = "(calendar|agenda|schedule|diary|planner)"
HAVE = "(do|have) (i|we) (have|got|have to do)"


@tool(
    domains=["calendar"],
    anywhere=True,
    risk="R0",
    phrases={
        "en": [
            f"(what's|whats|what is|what do (i|we) have|what have (i|we) got|show me|read me|read"
            f"|tell me what's|tell me what is) [planned] [(on|in)] [my|our|the] [{{name}}]"
            f" {CALENDAR} [{{when}}]",
            f"(is there|do (i|we) have|have (i|we) got) (anything|something) [planned]"
            f" [(on|in) [my|our|the] [{{name}}] {CALENDAR}] [{{when}}]",
            f"(is there|do (i|we) have|have (i|we) got) (anything|something) [planned] {{when}}"
            f" [(on|in) [my|our|the] [{{name}}] {CALENDAR}]",
            f"what [(other|more)] {EVENTS} {HAVE} [(on|in) [my|our|the] [{{name}}] {CALENDAR}]"
            f" [{{when}}]",
            f"(what|which) {EVENTS} (is|are) [planned] [(on|in) [my|our|the] [{{name}}] {CALENDAR}]"
            f" [{{when}}]",
            f"(do (i|we) have|have (i|we) got|are there) [(a|any|some)] {EVENTS} [{{when}}]"
            f" [(on|in) [my|our|the] [{{name}}] {CALENDAR}]",
            "(what's|whats|what is) (happening|going on|planned|the plan) {when}",
            "(what's|whats|what is) (up|on) {when}",
            "what (do|have) (i|we) (have|got) [(planned|on)] {when}",
            "what are (my|our) plans [{when}]",
            "what (am i|are we) doing {when}",
            "(am i|are we) busy [{when}]",
            "how (busy|full) (am i|are we|is my day) [{when}]",
            f"what does my (day|week|{CALENDAR}) look like [{{when}}]",
        ],
        "de": [
            "was (steht|habe ich|haben wir|ist) [{when}] [(in|auf)] [meinem|unserem|im]"
            " (Kalender|Terminkalender) [{when}]",
            "was (steht|liegt) [{when}] an",
            "(habe ich|haben wir|gibt es) [{when}] (einen Termin|Termine|etwas vor|was vor)"
            " [{when}]",
            "(welche|was für) Termine (habe ich|haben wir|gibt es|stehen) [{when}] [an]",
        ],
    },
    examples=["what is on my calendar today"],
)
async def agenda(
    calendars: Entities,
    own: Calendars,
    home: Home,
    clock: Clock,
    where: Where,
    when: Annotated[When, WHEN] | None = None,
) -> Answer | str:
    """Tell what is planned for a day, a week, or next."""
    now = clock.now()
    planned = await _events(calendars, own, home, now, where)
    if isinstance(planned, str):
        return planned
    found = _in(planned, when, now)
    return _listed(found, now, where, when)


@tool(
    domains=["calendar"],
    anywhere=True,
    risk="R0",
    phrases={
        "en": [
            f"(when|what time) is (my|our|the) next {EVENTS}",
            f"(what's|whats|what is) (my|our|the) next {EVENTS}",
            f"(what's|whats|what is) (next|coming up) [(on|in) [my|our|the] [{{name}}] {CALENDAR}]",
            f"(when|what time) do (i|we) have (my|our|the) next {EVENTS}",
            f"where is (my|our|the) next {EVENTS}",
        ],
        "de": [
            "wann ist (mein|unser|der) nächster Termin",
            "(was|welcher) ist (mein|unser|der) nächste[r] Termin",
            "wo ist (mein|unser|der) nächste[r] Termin",
        ],
    },
    examples=["when is my next appointment"],
)
async def coming(
    calendars: Entities, own: Calendars, home: Home, clock: Clock, where: Where
) -> Answer | str:
    """Tell which event is next, when and where."""
    now = clock.now()
    planned = await _events(calendars, own, home, now, where)
    if isinstance(planned, str):
        return planned
    found = [event for event in planned if event.start >= now][:1]
    return _listed(found, now, where, None, places=True)


@tool(
    domains=["calendar"],
    anywhere=True,
    risk="R0",
    about="calendar",
    phrases={
        "en": [
            "where is (it|that|the (meeting|appointment|event))",
            "(where|when) does (it|that) (take place|start|end)",
            "(when|what time) is (it|that)",
            "how long (is|does) (it|that) [(take|last|going to take)]",
        ],
        "de": ["wo ist (das|er|es)", "wann ist (das|er|es)", "wie lange dauert (das|er|es)"],
    },
)
async def it(
    calendars: Entities, own: Calendars, home: Home, clock: Clock, where: Where
) -> Answer | str:
    """Tell more of the event that was spoken of."""
    return await coming(calendars, own, home, clock, where)


@tool(
    domains=["calendar"],
    anywhere=True,
    risk="R0",
    phrases={
        "en": [
            "(am i|are we|is (anyone|somebody|anybody|everyone)) (leaving|going out|going anywhere"
            "|away|out) [([of] the house|home)] [{when}]",
            f"(do (i|we) have|are there) [any] [{{name}}] [{CALENDAR}] {EVENTS} (away from home"
            "|outside [of] [(the house|home)]|out of the house|elsewhere) [{when}]",
            f"(do (i|we) have|are there) [any] [{{name}}] [{CALENDAR}] {EVENTS} {{when}}"
            " (away from home|outside [of] [(the house|home)]|out of the house|elsewhere)",
            "do (i|we) (need|have) to (leave|go out|go anywhere|leave the house) [{when}]",
        ],
        "de": [
            "(muss ich|müssen wir|gehe ich|gehen wir) [{when}] (weg|raus|aus dem Haus) [{when}]",
        ],
    },
)
async def away(
    calendars: Entities,
    own: Calendars,
    home: Home,
    clock: Clock,
    where: Where,
    when: Annotated[When, WHEN] | None = None,
) -> Answer | str:
    """Tell whether something is planned away from home."""
    now = clock.now()
    planned = await _events(calendars, own, home, now, where)
    if isinstance(planned, str):
        return planned
    planned = _in(planned, when or "today", now)
    found = [event for event in planned if event.location and not _at_home(event, where)]
    # Most people write no place where it goes without saying: a class, a dinner with somebody.
    found = found or [e for e in planned if not e.location and not e.whole_day]
    if not found:
        return where.say("No, nothing away from home.", de="Nein, nichts außer Haus.")
    told = _told_all(found, now, where, places=True)
    return _answer(where.say(f"Yes: {told}", de=f"Ja: {told}"))


@tool(
    domains=["calendar"],
    anywhere=True,
    risk="R0",
    phrases={
        "en": [
            "how many (times|days|nights|evenings|mornings|afternoons) [{when}] (do|am|are|will)"
            " (i|we) [(need to|have to|going to|got to|supposed to)] {query} [{when}]",
            f"how many {EVENTS} {HAVE} [{{when}}] [(on|in) [my|our|the] [{{name}}] {CALENDAR}]",
            f"how many {EVENTS} are [there] (on|in) [my|our|the] [{{name}}] {CALENDAR} [{{when}}]",
        ],
        "de": [
            "wie oft (muss ich|müssen wir) [{when}] {query}",
            "wie viele Termine (habe ich|haben wir|gibt es) [{when}]",
        ],
    },
)
async def count(
    calendars: Entities,
    own: Calendars,
    home: Home,
    clock: Clock,
    where: Where,
    query: str | None = None,
    when: Annotated[When, WHEN] | None = None,
) -> Answer | str:
    """Tell how many events there are, or how many are about something."""
    now = clock.now()
    planned = await _events(calendars, own, home, now, where)
    if isinstance(planned, str):
        return planned
    found = _in(planned, when or "week", now)
    if query:
        found = [event for event in found if _about(event, query)]
    if not found:
        return where.say("None.", de="Keine.")
    return _answer(f"{len(found)}: {_told_all(found, now, where)}")


@tool(
    domains=["calendar"],
    anywhere=True,
    risk="R0",
    phrases={
        "en": [
            "(who am i|who are we) (meeting|seeing|visiting) [(with|for)] [{query}] [{when}]",
            "(who is|who's|is (anyone|anybody|someone|somebody)) (coming|visiting|stopping by"
            "|dropping by|coming over|coming to visit|coming round) [{when}]",
            "do (i|we) (expect|have) [any] (guests|visitors|company|a visitor) [{when}]",
            "(when|what time) is (my|our|the) {query} [{when}]",
            "(when|what time) (am i|are we) (meeting|seeing|visiting|going to|having) {query}",
            "(when|what time) do (i|we) have [(my|our|the)] {query}",
            "(is|are) [there] {query} (on|in) [my|our|the] [{name}] " + CALENDAR + " [{when}]",
        ],
        "de": [
            "(wen treffe ich|mit wem bin ich verabredet) [{when}]",
            "(wer|kommt jemand) (kommt|zu Besuch) [{when}]",
            "wann (ist|habe ich) (mein|meinen|unser|der|den|das|die) {query}",
        ],
    },
)
async def about(
    calendars: Entities,
    own: Calendars,
    home: Home,
    clock: Clock,
    where: Where,
    query: str | None = None,
    when: Annotated[When, WHEN] | None = None,
) -> Answer | str:
    """Tell when something is that the calendar knows, or who is met or comes."""
    now = clock.now()
    planned = await _events(calendars, own, home, now, where)
    if isinstance(planned, str):
        return planned
    planned = [event for event in planned if event.end >= now]
    planned = _in(planned, when, now) if when else planned
    if query:
        found = [event for event in planned if _about(event, query)]
    else:
        found = [event for event in planned if _with_people(event)]
    if not found:
        return where.say(
            "I find nothing like that in the calendar.",
            de="So etwas finde ich nicht im Kalender.",
        )
    return _answer(_told_all(found[:MOST], now, where, places=True))


PART = Said(
    {
        "en": {
            "[in the] morning": "morning",
            "(at noon|at midday|around noon)": "noon",
            "[in the] afternoon": "afternoon",
            "(in the evening|evening|at night|night)": "evening",
        },
        "de": {
            "(früh|vormittag|vormittags|am Vormittag|am Morgen)": "morning",
            "(mittag|mittags|am Mittag)": "noon",
            "(nachmittag|nachmittags|am Nachmittag)": "afternoon",
            "(abend|abends|am Abend)": "evening",
        },
    }
)
Part = Annotated[Literal["morning", "noon", "afternoon", "evening"], PART]
HOURS = {"morning": (6, 12), "noon": (11, 14), "afternoon": (12, 18), "evening": (17, 24)}
"""Part of the day -> its first hour, and the one behind its last."""
HOUR = timedelta(hours=1)
Length = Annotated[timedelta, Range(5, 1440, "min")]


@tool(domains=["calendar"], anywhere=True, risk="R0", examples=["am I free on friday afternoon"])
async def free(
    calendars: Entities,
    own: Calendars,
    home: Home,
    clock: Clock,
    where: Where,
    day: date | None = None,
    part: Part | None = None,
    when: Annotated[When, WHEN] | None = None,
    moment: datetime | None = None,
) -> Answer | str | Say:
    """Tell whether nothing is planned at a time."""
    now = clock.now()
    planned = await _events(calendars, own, home, now, where)
    if isinstance(planned, str):
        return planned
    if moment is not None:
        begin, end = moment, moment + HOUR
    elif day is not None:
        begin = datetime.combine(day, time(), now.tzinfo)
        begin, end = _part_of(begin, part)
    else:
        begin, end = _stretch(when or "today", now)
        if part:
            begin, end = _part_of(begin, part)
    found = _between(planned, begin, end)
    if not found:
        return Say("free")
    return _answer(where.say("No: ", de="Nein: ") + f"{_told_all(found[:MOST], now, where)}.")


def _part_of(day: datetime, part: str | None) -> tuple[datetime, datetime]:
    first, behind = HOURS.get(part or "", (0, 24))
    return day + first * HOUR, day + behind * HOUR


@tool(
    domains=["calendar"],
    anywhere=True,
    risk="R0",
    phrases={
        "en": [
            "(what's|what is|is there anything) [planned] (on|for) {day} [{part}]",
            f"(what's|what is) on (my|our|the) {CALENDAR} [(on|for)] {{day}} [{{part}}]",
            "what (do|have) (i|we) (have|got) [(on|planned)] (on|for) {day} [{part}]",
        ],
        "de": [
            "was (steht|liegt) [am|für] {day} [{part}] an",
            "was (habe ich|haben wir) [am] {day} [{part}] vor",
            "(habe ich|haben wir) [am] {day} [{part}] [einen] (Termin|Termine|etwas vor|was vor)",
        ],
    },
)
async def on_day(
    calendars: Entities,
    own: Calendars,
    home: Home,
    clock: Clock,
    where: Where,
    day: date,
    part: Part | None = None,
) -> Answer | str:
    """Tell what is planned on a day."""
    now = clock.now()
    planned = await _events(calendars, own, home, now, where)
    if isinstance(planned, str):
        return planned
    begin, end = _part_of(datetime.combine(day, time(), now.tzinfo), part)
    found = _between(planned, begin, end)
    return _listed(found, now, where, "today")


async def undone(own: Calendars, store: Store) -> None:
    """Undo what was changed last in a calendar."""
    *left, last = await store.get("changes", []) or [""]
    await store.put("changes", left)
    if not last or not await own.put_back(last):
        raise StorageError("the change is no longer known", spoken="I cannot undo that any more.")


@tool(
    examples=["add dentist on friday at ten", "put lunch with Liza in my calendar tomorrow at one"],
    undo=undone,
    risk="R1",
    takes=timedelta(seconds=20),
)
async def add(
    own: Calendars,
    home: Home,
    clock: Clock,
    where: Where,
    store: Store,
    title: str,
    moment: datetime | None = None,
    day: date | None = None,
    length: Length | None = None,
) -> Say | str:
    """Put something into the calendar."""
    now = clock.now()
    summary = _as_said(title, where)
    if moment is not None:
        moment = _by_day(moment, where)
        start, end = moment, moment + (length or HOUR)
    elif day is not None:
        start = datetime.combine(day, time(), now.tzinfo)
        end = start + timedelta(days=1)
    else:
        return Say("when")
    whole = moment is None
    entity = None if len(own) else _writable(home)
    if entity is not None:
        change = await _create_there(entity, home, summary, start, end, whole)
        if change is None:
            return Say("not_kept")
    elif not len(own):
        return _no_calendar(where)
    else:
        try:
            change = await own.add(summary, start, end, whole_day=whole)
        except StorageError:
            return Say("not_kept")
    await _keep(change, store)
    event = Event(summary, start, end, whole)
    told = Say("added", event=_told(event, now, where, places=False))
    others = await _meanwhile(own, event)
    if others:
        return Say("added_meanwhile", event=told.values["event"], other=others[0].summary)
    return told


@tool(
    undo=undone,
    risk="R1",
    takes=timedelta(seconds=30),
    examples=["move the dentist to friday at eleven"],
)
async def move(
    own: Calendars,
    clock: Clock,
    where: Where,
    conversation: Conversation,
    store: Store,
    query: str,
    moment: datetime | None = None,
    day: date | None = None,
) -> Say | str:
    """Move an event of the calendar, after asking."""
    now = clock.now()
    event = await _meant(own, query, None, now, where, conversation)
    if not isinstance(event, Event):
        return event
    if moment is None:
        if day is None:
            return Say("when")
        moment = datetime.combine(day, event.start.time(), event.start.tzinfo)
    else:
        moment = _by_day(moment, where)
    asked = Say(
        "move_once" if event.recurs else "move",
        event=_told(event, now, where, places=False),
        to=_at(moment, event.whole_day, now, where),
    )
    if not await conversation.ask(asked, bool):
        return Say("stays")
    try:
        await _keep(await own.move(event, moment), store)
    except StorageError:
        return Say("not_kept")
    return Say("moved", event=event.summary, to=_at(moment, event.whole_day, now, where))


@tool(
    undo=undone,
    risk="R1",
    takes=timedelta(seconds=30),
    examples=["cancel my dentist appointment"],
)
async def cancel(
    own: Calendars,
    clock: Clock,
    where: Where,
    conversation: Conversation,
    store: Store,
    query: str,
    day: date | None = None,
) -> Say | str:
    """Take an event out of the calendar, after asking."""
    now = clock.now()
    event = await _meant(own, query, day, now, where, conversation)
    if not isinstance(event, Event):
        return event
    told = _told(event, now, where, places=False)
    every = False
    if event.recurs:
        once, all_ = where.say("only this one", de="nur diesen"), where.say("all", de="alle")
        neither = where.say("none", de="keinen")
        asked = Say("cancel_which", event=told)
        chosen = await conversation.ask(asked, choices=[once, all_, neither])
        if chosen == neither:
            return Say("stays")
        every = chosen == all_
    elif not await conversation.ask(Say("cancel", event=told), bool):
        return Say("stays")
    try:
        await _keep(await own.cancel(event, all_of_them=every), store)
    except StorageError:
        return Say("not_kept")
    return Say("cancelled_all" if every else "cancelled", event=event.summary)


MOST_CHANGES = 20


async def _keep(change: str, store: Store) -> None:
    """Remember a change, for `undone`."""
    await store.put("changes", [*await store.get("changes", []), change][-MOST_CHANGES:])


async def _meant(
    own: Calendars,
    query: str,
    day: date | None,
    now: datetime,
    where: Where,
    conversation: Conversation,
) -> Event | Say | str:
    """The event of the hub's own calendars that is spoken of."""
    if not len(own):
        return _no_calendar(where)
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        planned = await own.events(begin, begin + timedelta(days=AHEAD))
    except StorageError as error:
        return where.say(error.spoken, de="Der Kalender antwortet nicht.")
    found = [event for event in planned if event.end >= now and _about(event, query)]
    if day is not None:
        found = [event for event in found if event.start.date() <= day <= event.end.date()]
    titles = list(dict.fromkeys(event.summary for event in found))
    if not found:
        return Say("not_found", query=query)
    if len(titles) > 1:
        exact = [t for t in titles if t.casefold() == query.casefold()]
        chosen = exact[0] if exact else await conversation.ask(Say("which"), choices=titles[:4])
        found = [event for event in found if event.summary == chosen]
    return found[0]


async def _meanwhile(own: Calendars, event: Event) -> list[Event]:
    """What else there is at that time."""
    if event.whole_day or not len(own):
        return []
    try:
        planned = await own.events(event.start, event.end)
    except StorageError:
        return []
    return [e for e in planned if e.summary != event.summary and not e.whole_day]


def _writable(home: Home) -> Entity | None:
    """A calendar of Home Assistant's that takes new events."""
    return next(
        (each for each in home.find(domains=["calendar"]) if each.features and each.features & 1),
        None,
    )


async def _create_there(
    entity: Entity, home: Home, summary: str, start: datetime, end: datetime, whole: bool
) -> str | None:
    """Have Home Assistant keep an event; nothing to undo it by, None if it did not."""
    if whole:
        data = {"start_date": start.date().isoformat(), "end_date": end.date().isoformat()}
    else:
        data = {"start_date_time": start.isoformat(), "end_date_time": end.isoformat()}
    done = await home.call("calendar.create_event", [entity], summary=summary, **data)
    return "" if all(outcome.error is None for outcome in done) else None


def _by_day(moment: datetime, where: Where) -> datetime:
    """'At one' is in the afternoon, if it is not said to be in the night."""
    night = re.search(
        r"\b(a\.?m\.?|morning|night|nachts|morgens|früh|0\d[:.]\d\d)\b", where.said, re.IGNORECASE
    )
    return moment + 12 * HOUR if 1 <= moment.hour < 7 and not night else moment


def _as_said(title: str, where: Where) -> str:
    """The title with the capitals that it had, and one at its beginning."""
    said = as_written(title, where.said).strip(" ,.;")
    said = re.sub(r"^(?:an?|the|my|our|einen?|den|die|das|mein|meinen) ", "", said, flags=re.I)
    return said[:1].upper() + said[1:]


def _at(moment: datetime, whole_day: bool, now: datetime, where: Where) -> str:
    told = _day(Event("", moment, moment), now, where)
    told = told.removeprefix("on ").removeprefix("am ")
    return told if whole_day else f"{told} {_clock(moment, where)}"


def _answer(told: str) -> Answer:
    return Answer(facts={"told": told}, about="calendar")


def _no_calendar(where: Where) -> str:
    return where.say("I know no calendar.", de="Ich kenne keinen Kalender.")


async def _events(
    calendars: Iterable[Entity], own: Calendars, home: Home, now: datetime, where: Where
) -> list[Event] | str:
    """All events from the beginning of today on that the calendars tell, in order. A sentence
    where there is no calendar, or none that answers."""
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[Event] = []
    for calendar in calendars:
        found += await _of_entity(calendar, home, now, begin)
    try:
        found += await own.events(begin, begin + timedelta(days=AHEAD)) if len(own) else ()
    except StorageError as error:
        if not found:
            return where.say(error.spoken, de="Der Kalender antwortet nicht.")
    if not calendars and not len(own):
        return _no_calendar(where)
    return sorted(set(found), key=lambda event: (event.start, event.summary))


async def _of_entity(calendar: Entity, home: Home, now: datetime, begin: datetime) -> list[Event]:
    told = home.state(calendar).attributes
    given = list(told.get("events") or ())
    if not given:
        end = begin + timedelta(days=ASKED)
        answer = await home.ask(
            "calendar.get_events",
            calendar,
            start_date_time=begin.isoformat(),
            end_date_time=end.isoformat(),
        )
        given = list(answer.get("events") or ()) if isinstance(answer, Mapping) else []
    if not given and told.get("message"):
        given = [told]
    return [event for each in given if (event := _event(each, now))]


def _event(given: Mapping[str, Any], now: datetime) -> Event | None:
    summary = str(given.get("summary") or given.get("message") or "").strip()
    begin = given.get("start") or given.get("start_time")
    start = _moment(begin, now)
    if not summary or start is None:
        return None
    end = _moment(given.get("end") or given.get("end_time"), now) or start
    whole = bool(given.get("all_day")) or _is_date(begin)
    if whole and end <= start:
        end = start + timedelta(days=1)
    where = str(given.get("location") or "").strip()
    described = str(given.get("description") or "").strip()
    return Event(summary, start, end, whole, where, described)


def _is_date(value: Any) -> bool:
    plain = isinstance(value, date) and not isinstance(value, datetime)
    return plain or (isinstance(value, str) and len(value.strip()) == len("2026-01-01"))


def _moment(value: Any, now: datetime) -> datetime | None:
    """A time of the calendar in the zone of the hub."""
    if isinstance(value, Mapping):
        value = value.get("dateTime") or value.get("date")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        return None
    return value.astimezone(now.tzinfo) if value.tzinfo else value.replace(tzinfo=now.tzinfo)


def _in(events: Iterable[Event], when: str | None, now: datetime) -> list[Event]:
    """Those in a stretch of time; without one what comes next."""
    begin, end = _stretch(when, now)
    return _between(events, begin, end)[:50]


def _between(events: Iterable[Event], begin: datetime, end: datetime) -> list[Event]:
    return [event for event in events if event.start < end and event.end > begin]


def _stretch(when: str | None, now: datetime) -> tuple[datetime, datetime]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    monday = today - today.weekday() * day
    match when:
        case None:
            return now, now + AHEAD * day
        case "today":
            return today, today + day
        case "tonight":
            return today.replace(hour=17), today + day
        case "tomorrow":
            return today + day, today + 2 * day
        case "week":
            return today, monday + 7 * day
        case "next_week":
            return monday + 7 * day, monday + 14 * day
        case "weekend":
            return max(today, monday + 5 * day), monday + 7 * day
    ahead = (DAYS.index(when) - today.weekday()) % 7
    return today + ahead * day, today + (ahead + 1) * day


def _listed(
    found: list[Event], now: datetime, where: Where, when: str | None, *, places: bool = False
) -> Answer | str:
    if not found:
        return where.say("There is nothing in the calendar.", de="Es steht nichts im Kalender.")
    told = _told_all(found[: MOST if when else 3], now, where, places=places)
    if more := len(found[MOST:]) if when else 0:
        told += where.say(f", and {more} more", de=f", und {more} weitere")
    return _answer(told)


def _told_all(found: Iterable[Event], now: datetime, where: Where, *, places: bool = False) -> str:
    return ", ".join(_told(event, now, where, places=places) for event in found)


def _told(event: Event, now: datetime, where: Where, *, places: bool) -> str:
    """'Dinner with Liza today at 7 PM, at the Grill'."""
    said = f"{event.summary} {_day(event, now, where)}"
    if not event.whole_day:
        said += f" {_clock(event.start, where)}"
    if places and event.location:
        said += where.say(f", at {event.location}", de=f", {event.location}")
    return said


def _day(event: Event, now: datetime, where: Where) -> str:
    away = (event.start.date() - now.date()).days
    language = where.language.split("-")[0]
    if away <= 0 < (event.end.date() - now.date()).days + 1:
        return where.say("today", de="heute")
    if away == 1:
        return where.say("tomorrow", de="morgen")
    name = DAY_NAMES.get(language, DAY_NAMES["en"])[event.start.weekday()]
    if 1 < away < 7:
        return where.say(f"on {name}", de=f"am {name}")
    dated = event.start
    month = MONTHS.get(language, MONTHS["en"])[dated.month - 1]
    return where.say(
        f"on {name}, {month} {dated.day}",
        de=f"am {name}, {dated.day}. {month}",
    )


def _clock(moment: datetime, where: Where) -> str:
    minutes = f":{moment.minute:02d}" if moment.minute else ""
    half = "AM" if moment.hour < 12 else "PM"
    german = f"um {moment.hour}{minutes} Uhr"
    return where.say(f"at {(moment.hour + 11) % 12 + 1}{minutes} {half}", de=german)


def _at_home(event: Event, where: Where) -> bool:
    place = event.location.casefold()
    return place in ("home", "at home", "house", "zuhause", "zu hause", "daheim")


IDLE = frozenset(
    "a an the my our your to for of in on at with and do have need go going be some any der die das"
    " den dem mein meine zu für mit und".split()
)
"""Words that tell nothing of what an event is about."""


def _about(event: Event, query: str) -> bool:
    """Whether an event is about all that was said: 'cook' is in 'Cook Dinner'."""
    said = [word for word in _words(query) if word not in IDLE]
    own = _words(f"{event.summary} {event.description} {event.location}")
    return bool(said) and all(any(_alike(word, other) for other in own) for word in said)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _alike(one: str, other: str) -> bool:
    """The same word, be it in another form: 'class' and 'classes', 'cook' and 'cooking'."""
    shortest = min(len(one), len(other))
    return one == other or (shortest > 3 and one[:shortest] == other[:shortest])


MEETING: Callable[[str], Any] = re.compile(
    r"\b(with|w/|visits?|visitors?|meet|meets|meeting|guests?|arrives?|comes?|coming|mit|besuch"
    r"|trifft|treffen|kommt)\b",
    re.IGNORECASE,
).search


def _with_people(event: Event) -> bool:
    """Whether somebody else takes part, as far as its title tells."""
    return bool(MEETING(event.summary))
