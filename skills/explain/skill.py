"""What was heard and done, and why, and what happened meanwhile: answers from the history."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from hub.skill import Clock, Domain, Entity, History, Home, Said, Where, tool

from .wording import at_what_time, done, happened, reason

LATELY = timedelta(minutes=15)
"""For so long what was done in a room is what 'that' means there."""
MOST = 6
"""Things that are told at once."""
OWN = ("explain.", "conversation.say_again")
"""Beginnings of the names of tools that only tell: nobody asks about these."""
DOORS = ("door", "garage_door", "gas", "moisture", "opening", "safety", "smoke", "window")
"""Classes of sensors whose changes are told; that somebody moved in a room is not."""
WEIGHTY = ("alarm_control_panel", "cover", "lock", "valve", "binary_sensor", "person")
"""Domains that are told before others."""

When = Literal["away", "today", "yesterday", "night", "morning", "hour"]
WHEN = {
    "en": {
        "(while|when) (i|we) [(was|were)] (away|out|gone|not here|not home|asleep)": "away",
        "[since] today": "today",
        "[so far] today": "today",
        "yesterday": "yesterday",
        "([(in|during|over) the]|last|over) night": "night",
        "tonight": "night",
        "this morning": "morning",
        "in the (last|past) hour": "hour",
    },
    "de": {
        "(während|als) (ich|wir) (weg|nicht da|unterwegs) (war|waren)": "away",
        "heute": "today",
        "gestern": "yesterday",
        "(heute Nacht|letzte Nacht|in der Nacht)": "night",
        "heute (früh|Morgen|Vormittag)": "morning",
        "in der letzten Stunde": "hour",
    },
}


@tool(
    phrases={
        "en": [
            "what (did|have) you [just] (do|done|did)",
            "what did you [just] (do|change) [(here|in here|there|just now)]",
            "what (was|is) that [you (did|just did)]",
            "what have you been doing",
        ],
        "de": [
            "was hast du [(gerade|eben|da|jetzt)] [(gerade|eben)] (gemacht|getan|geändert)",
            "was war das [(gerade|eben)]",
        ],
    },
    examples=["what did you do"],
)
async def what(history: History, where: Where, clock: Clock) -> str:
    """Tell what the hub did last."""
    turn = await _last(history, where)
    if turn is not None and clock.now() - turn.at <= LATELY:
        if deeds := await history.done(turn.at - LATELY, turn=turn.token):
            return done(deeds, where)
        if turn.reply:
            return where.say(
                f"I only said: “{turn.reply}”", de=f"Ich habe nur gesagt: „{turn.reply}“"
            )
    deeds = await _own(history, clock.now())
    if not deeds:
        return where.say("I have done nothing of late.", de="Ich habe zuletzt nichts getan.")
    last = deeds[-1]
    together = [d for d in deeds if d.turn == last.turn and last.at - d.at < timedelta(minutes=1)]
    return done(together, where, at_what_time(last.at, clock.now(), where))


@tool(
    phrases={
        "en": [
            "why [(did|have) you] [just] (do|done|did|say|said) (that|this|it)",
            "why (did|have) you [just] (do|done) (that|this|it)",
            "(how come|what for|why that|explain (that|yourself))",
            "why did you (turn|switch|set|open|close|lock|start|stop|play|dim)"
            " [(on|off|up|down)] {what}",
        ],
        "de": [
            "warum [hast du] das [(gerade|eben)] [(gemacht|getan|gesagt)]",
            "(wieso|weshalb) [hast du] das [(gerade|eben)] (gemacht|getan|gesagt)",
            "warum hast du {what} (angemacht|ausgemacht|eingeschaltet|ausgeschaltet|geöffnet"
            "|geschlossen|gemacht|gestellt)",
        ],
    },
    examples=["why did you do that"],
)
async def why(history: History, where: Where, clock: Clock, what: str = "") -> str:
    """Tell why the hub did what it did last."""
    deed = None
    if what:
        wanted = what.casefold()
        named = [d for d in await _own(history, clock.now()) if _named(d.name, wanted)]
        deed = named[-1] if named else None
    return await _reason(history, where, clock, deed)


async def _reason(history: History, where: Where, clock: Clock, deed: Any | None) -> str:
    now, turn = clock.now(), None
    if deed is None:
        turn = await _last(history, where)
        if turn is None or now - turn.at > LATELY:
            deeds = await _own(history, now)
            deed = deeds[-1] if deeds else None
        if deed is None and turn is None:
            return where.say("I have done nothing of late.", de="Ich habe zuletzt nichts getan.")
    if deed is not None:
        turns = await history.turns(deed.at - LATELY)
        turn = next((t for t in reversed(turns) if t.token and t.token == deed.turn), None)
        if turn is None:
            return reason(None, [deed], where)
    assert turn is not None
    return reason(turn, await history.done(turn.at - LATELY, turn=turn.token), where)


async def _own(history: History, now: datetime) -> list[Any]:
    """What the hub itself did within a day, the last at the end."""
    return [deed for deed in await history.done(now - timedelta(days=1)) if _ours(deed)]


@tool(
    phrases={
        "en": ["why (is|are) [the] {thing} (on|off|open|closed|locked|unlocked|running)"],
        "de": [
            "warum ist [(der|die|das)] {thing} (an|aus|offen|auf|zu|geschlossen|verschlossen)",
        ],
    },
    examples=["why is the desk lamp on"],
)
async def why_so(
    thing: Annotated[
        Entity,
        Domain("light", "switch", "fan", "cover", "lock", "climate", "media_player", "valve"),
    ],
    history: History,
    where: Where,
    clock: Clock,
) -> str:
    """Tell who or what brought a device into its state."""
    deeds = [
        deed
        for deed in await history.done(clock.now() - timedelta(days=7))
        if deed.entity_id == thing.entity_id
    ]
    if not deeds:
        return where.say(
            f"I do not know: of the {thing.name} I have seen nothing for a week.",
            de=f"Das weiß ich nicht: Von {thing.name} habe ich seit einer Woche nichts gesehen.",
        )
    last = deeds[-1]
    moment = at_what_time(last.at, clock.now(), where)
    if last.source == "outside":
        return where.say(
            f"It was not me: it was switched {moment}, by hand or by another app.",
            de=f"Das war nicht ich: Es wurde {moment} von Hand geschaltet, oder von einer anderen"
            " App.",
        )
    return f"{done([last], where, moment)} {await _reason(history, where, clock, last)}"


@tool(
    phrases={
        "en": [
            "what (did|have) you [just] (hear|heard|understand|understood)",
            "what do you think (i|we) said",
            "what did (i|we) [just] say",
        ],
        "de": [
            "was hast du [(gerade|eben)] (gehört|verstanden)",
            "was habe ich [(gerade|eben)] gesagt",
        ],
    },
    examples=["what did you hear"],
)
async def heard(history: History, where: Where, clock: Clock) -> str:
    """Tell what was heard last in this room."""
    turn = await _last(history, where, telling=True)
    if turn is None or not turn.heard:
        return where.say("I have not heard anything.", de="Ich habe nichts gehört.")
    others = [
        each["text"]
        for each in turn.trace.get("hypotheses", ())
        if each["text"].casefold().strip(" .?!") != turn.heard.casefold().strip(" .?!")
    ]
    text = where.say(f"I heard “{turn.heard}”.", de=f"Ich habe gehört: „{turn.heard}“.")
    if others:
        text += where.say(
            f" It may have been “{others[0]}”.", de=f" Vielleicht war es „{others[0]}“."
        )
    return text


@tool(
    phrases={
        "en": [
            "what [has] happened {when}",
            "(what's|what is|what has) (happened|new|been going on|been happening) [here] {when}",
            "did (anything|something) happen {when}",
            "what did i miss [{when}]",
        ],
        "de": [
            "was ist [(hier|so|alles)] {when} [(hier|so|alles)] passiert",
            "was war [(hier|so)] {when} [(hier|so)] los",
            "ist {when} (etwas|was) passiert",
            "was habe ich verpasst [{when}]",
        ],
    },
    examples=["what happened while I was away", "what happened today"],
)
async def meanwhile(
    history: History,
    home: Home,
    where: Where,
    clock: Clock,
    when: Annotated[When, Said(WHEN)] = "away",
) -> str:
    """Tell what happened in the home meanwhile."""
    since, until = await _span(history, when, clock.now())
    sensors = home.find(domains=["binary_sensor"])
    doors = {sensor.entity_id for sensor in sensors if sensor.device_class in DOORS}
    deeds = [deed for deed in await history.done(since, until) if _told(deed, doors)]
    if not deeds:
        return where.say(
            "Nothing happened that I know of.", de="Es ist nichts passiert, soweit ich weiß."
        )
    last = {deed.entity_id: deed for deed in deeds}
    several = sorted(
        last.values(), key=lambda deed: (deed.entity_id.split(".")[0] not in WEIGHTY, deed.at)
    )
    shown = [happened(deed, clock.now(), where) for deed in several[:MOST]]
    if left := len(several) - len(shown):
        shown.append(where.say(f"And {left} more.", de=f"Und {left} weitere."))
    return " ".join(shown)


async def _span(history: History, when: str, now: datetime) -> tuple[datetime, datetime]:
    """From when until when it is asked about. Days are those of the clock on the wall."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if when == "hour":
        return now - timedelta(hours=1), now
    if when == "yesterday":
        return midnight - timedelta(days=1), midnight
    if when == "night":
        begin = midnight - timedelta(hours=2) if now.hour < 20 else midnight + timedelta(hours=20)
        return begin, min(now, begin + timedelta(hours=10))
    if when == "morning":
        return midnight + timedelta(hours=5), min(now, midnight + timedelta(hours=12))
    if when == "away":
        left = [
            deed.at
            for deed in await history.done(now - timedelta(days=14))
            if deed.entity_id.startswith(("person.", "device_tracker.")) and deed.before == "home"
        ]
        if left:
            return left[-1].astimezone(now.tzinfo), now
        turns = [
            t for t in await history.turns(midnight - timedelta(days=1)) if t.source == "voice"
        ]
        if turns:
            return turns[-1].at.astimezone(now.tzinfo), now
    return midnight, now


def _told(deed: Any, doors: Set[str]) -> bool:
    """Whether something that happened is worth a word."""
    if deed.before == deed.after and not (deed.data and _ours(deed)):
        return False
    domain = deed.entity_id.split(".")[0]
    if domain == "binary_sensor":
        return deed.entity_id in doors
    return domain not in ("event", "input_number", "number", "select", "input_select")


async def _last(history: History, where: Where, *, telling: bool = False) -> Any | None:
    """The last turn in this room; without those in which only something was told about others."""
    turns: Sequence[Any] = await history.turns()
    for turn in reversed(turns):
        called = [call["tool"] for call in turn.trace.get("calls", ())]
        own = any(name.startswith(OWN) for name in called)
        if turn.area == where.area and turn.heard and not (own and not telling):
            return turn
    return None


def _ours(deed: Any) -> bool:
    return deed.source != "outside" and bool(deed.service)


def _named(name: str, wanted: str) -> bool:
    words = set(name.casefold().split())
    return bool(words & set(wanted.split()))
