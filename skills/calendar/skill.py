"""Calendars: what is planned, when, where, and how often.

Home Assistant's calendar entities tell their next event in their attributes (`message`,
`start_time`, `end_time`, `location`); a source that knows more has a list of `events` (`summary`,
`start`, `end`, `location`, `description`). What is asked for beyond that is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from hub.skill import Answer, Clock, Entities, Home, Said, Where, tool

MOST = 5
"""Of as many events it is told."""
AHEAD = 3650
"""Days that are looked ahead where no day is said."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

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
                for said, day in zip(
                    (
                        "Montag",
                        "Dienstag",
                        "Mittwoch",
                        "Donnerstag",
                        "Freitag",
                        "Samstag",
                        "Sonntag",
                    ),
                    DAYS,
                    strict=True,
                )
            },
        },
    }
)
DAY_NAMES = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
}
EVENTS = (
    "(events|event|appointments|appointment|meetings|meeting|plans|classes|class|lessons|birthdays"
    "|engagements|things)"
)
CALENDAR = "(calendar|agenda|schedule|diary|planner)"
HAVE = "(do|have) (i|we) (have|got|have to do)"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a calendar, in local time."""

    summary: str
    start: datetime
    end: datetime
    whole_day: bool
    location: str
    description: str


@tool(
    domains=["calendar"],
    anywhere=True,
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
            "(am i|are we) (busy|free) [{when}]",
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
def agenda(
    calendars: Entities,
    home: Home,
    clock: Clock,
    where: Where,
    when: Annotated[When, WHEN] | None = None,
) -> Answer | str:
    """Tell what is planned for a day, a week, or next."""
    if not calendars:
        return _no_calendar(where)
    now = clock.now()
    found = _in(_events(calendars, home, now), when, now)
    return _listed(found, now, where, when)


@tool(
    domains=["calendar"],
    anywhere=True,
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
def coming(calendars: Entities, home: Home, clock: Clock, where: Where) -> Answer | str:
    """Tell which event is next, when and where."""
    if not calendars:
        return _no_calendar(where)
    now = clock.now()
    found = [event for event in _events(calendars, home, now) if event.start >= now][:1]
    return _listed(found, now, where, None, places=True)


@tool(
    domains=["calendar"],
    anywhere=True,
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
def it(calendars: Entities, home: Home, clock: Clock, where: Where) -> Answer | str:
    """Tell more of the event that was spoken of."""
    return coming(calendars, home, clock, where)


@tool(
    domains=["calendar"],
    anywhere=True,
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
def away(
    calendars: Entities,
    home: Home,
    clock: Clock,
    where: Where,
    when: Annotated[When, WHEN] | None = None,
) -> Answer | str:
    """Tell whether something is planned away from home."""
    if not calendars:
        return _no_calendar(where)
    now = clock.now()
    planned = _in(_events(calendars, home, now), when or "today", now)
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
def count(
    calendars: Entities,
    home: Home,
    clock: Clock,
    where: Where,
    query: str | None = None,
    when: Annotated[When, WHEN] | None = None,
) -> Answer | str:
    """Tell how many events there are, or how many are about something."""
    if not calendars:
        return _no_calendar(where)
    now = clock.now()
    found = _in(_events(calendars, home, now), when or "week", now)
    if query:
        found = [event for event in found if _about(event, query)]
    if not found:
        return where.say("None.", de="Keine.")
    return _answer(f"{len(found)}: {_told_all(found, now, where)}")


@tool(
    domains=["calendar"],
    anywhere=True,
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
def about(
    calendars: Entities,
    home: Home,
    clock: Clock,
    where: Where,
    query: str | None = None,
    when: Annotated[When, WHEN] | None = None,
) -> Answer | str:
    """Tell when something is that the calendar knows, or who is met or comes."""
    if not calendars:
        return _no_calendar(where)
    now = clock.now()
    planned = [event for event in _events(calendars, home, now) if event.end >= now]
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


def _answer(told: str) -> Answer:
    return Answer(facts={"told": told}, about="calendar")


def _no_calendar(where: Where) -> str:
    return where.say("I know no calendar.", de="Ich kenne keinen Kalender.")


def _events(calendars: Iterable[Any], home: Home, now: datetime) -> list[Event]:
    """All events that the calendars tell, in order."""
    found: list[Event] = []
    for calendar in calendars:
        told = home.state(calendar).attributes
        given = list(told.get("events") or ())
        if not given and told.get("message"):
            given = [told]
        found += [event for each in given if (event := _event(each, now))]
    return sorted(set(found), key=lambda event: (event.start, event.summary))


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
    return Event(summary, start, end, whole, where, str(given.get("description") or "").strip())


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
    return [event for event in events if event.start < end and event.end > begin][:50]


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
    return where.say(
        f"on {name}, {dated.strftime('%B')} {dated.day}",
        de=f"am {name}, {dated.day}.{dated.month}.",
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
