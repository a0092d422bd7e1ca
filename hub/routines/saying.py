# ruff: noqa: E501 (a pattern that is broken into lines is hard to read)
"""The sentences that make routines, by their words alone: where the condition ends, and what is
to be done then.

'When the washing machine finishes tell me' begins like a question and ends like a command. What is
taken for a routine is only what has both: a condition of a known form, and something to do. Each
form is a pattern of a language; what the things in it are, `making` finds out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import cache, lru_cache
from typing import Any

from hub.home.things import normal
from hub.language.moments import read

LONGEST = 60
"""Words of a sentence that is looked at."""
ANY_DAY = datetime(2000, 1, 1)
"""Lengths and times of the day mean the same on each."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in words."""

    kind: str
    """`phrase`, `comes`, `leaves`, `sun`, `clock`, `state`, `number`, `motion`"""
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that makes a routine: what sets it off, and the words for what is done."""

    when: Condition
    do: str


NUMBER = r"(?P<number>-?\d+(?:[.,]\d+)?|[a-zäöüß-]+(?: [a-z]+)?)"

EN: Mapping[str, Any] = {
    "lead": r"(?:please )?(?:when(?:ever)?|every time(?: that)?|each time(?: that)?|as soon as|"
    r"once|always when)",
    "never": r"(?:is|was|are|were|will|do|does|did|can|could|should|shall|would|am|has|have|to)\b",
    "trail": r"(?:when(?:ever)?|every time(?: that)?|each time(?: that)?|as soon as|once)",
    "then": r"(?:,? ?then |, ?)",
    "for": r"(?: for(?: (?:more than|longer than|over|at least))? (?P<lasting>.+))?",
    "phrase": [
        r"(?:i|we|you hear|(?:some|any)(?:body|one)) says? (?P<phrase>.+)",
        r"you hear (?P<phrase>.+)",
    ],
    "comes": [
        r"(?P<who>i|we|(?:some|any)(?:body|one)|the first (?:person|one|of us)|\w+)(?:'ve| have| has)?"
        r" (?:come|comes|came|get|gets|got|arrive|arrives|arrived|return|returns)(?: back)? "
        r"(?:at )?home",
        r"(?P<who>(?:some|any)(?:body|one)) is (?:at )?home",
    ],
    "leaves": [
        r"(?P<who>i|we|(?:some|any)(?:body|one)|every(?:body|one)|all of us|the last (?:person|one|"
        r"of us)|\w+)(?: have| has)? (?:leaves?|left)(?: (?:the )?(?:house|home|flat|apartment))?",
        r"(?P<who>every(?:body|one)|nobody|no one|all of us) (?:is|are) (?P<away>gone|out|away|"
        r"(?:at )?home)",
    ],
    "sun": [
        r"the sun (?P<event>sets|rises|goes down|comes up|is down|is up)",
        r"it (?:gets|is|becomes) (?P<event>dark|light)(?: outside)?",
    ],
    "motion": [
        r"(?:there is (?:any )?(?:motion|movement)|(?:motion|movement) is (?:detected|seen)|"
        r"(?:some|any)(?:body|one) (?:moves|is)|(?:some|any)thing moves) (?:in|on|at) "
        r"(?:the )?(?P<what>.+)",
        r"(?P<what>.+) (?:detects|sees|notices) (?:motion|movement|(?:some|any)(?:body|one|thing))",
    ],
    "number": [
        r"(?:the )?(?P<kind>temperature|humidity)(?: (?:in|of|on) (?:the )?(?P<what>.+?))? "
        r"(?:is|rises|goes|gets|climbs|drops|falls|sinks) (?P<side>above|over|below|under|"
        r"higher than|lower than|more than|less than) " + NUMBER + r"(?: degrees?| percent| ?[%°].*)?",
        r"(?:the )?(?P<what>.+?) (?:is|rises|goes|gets|climbs|drops|falls|sinks) (?P<side>above|"
        r"over|below|under|higher than|lower than|more than|less than|warmer than|colder than) "
        + NUMBER
        + r"(?: degrees?| percent| watts?| ?[%°].*)?",
        r"it (?:is|gets|becomes) (?P<side>above|over|below|under|warmer than|hotter than|colder "
        r"than|cooler than|more than|less than) " + NUMBER + r"(?: degrees?| ?°.*)?"
        r"(?: (?:in|on) (?:the )?(?P<what>.+)| (?P<outside>outside))?",
    ],
    "state": [
        r"(?:the |my |our |a |an |any )?(?P<what>.+?) (?P<does>finishes|is finished|has finished|"
        r"is done|is ready|ends|is through|opens|is opened|gets opened|is open|has been open|"
        r"is left open|stays open|stands open|closes|is closed|gets closed|is shut|has been closed|"
        r"(?:turns|is turned|is switched|gets turned|comes|goes|is|has been|stays|is left) on|"
        r"(?:turns|is turned|is switched|gets turned|goes|is|has been|stays) off|starts|is running|"
        r"starts running|stops|is locked|gets locked|locks|is unlocked|gets unlocked|unlocks|rings|"
        r"goes off|is (?:not |un)available|is wet|is leaking|leaks|starts playing|is playing|plays)",
    ],
    "does": {
        "finished": r"finish|is done|is ready|ends|is through",
        "open": r"open",
        "closed": r"clos|is shut",
        "unlocked": r"unlock",
        "locked": r"lock",
        "unavailable": r"available",
        "playing": r"play",
        "triggered": r"rings|goes off|wet|leak",
        "off": r"off$|stops",
        "on": r"on$|starts|is running",
    },
    "below": r"below|under|lower|less|colder|cooler",
    "sets": r"sets|goes down|dark|is down|sunset|dusk",
    "verbs": "turn switch open close set dim brighten lock unlock start stop run play pause say "
    "tell let announce wait activate arm put make raise lower send remind show notify warn mute "
    "increase decrease heat cool clean vacuum add shut pull roll read give change skip enable "
    "disable press resume keep call".split(),
    "excluded": r"(?:please )?(?:remind (?:me|us)|wake (?:me|us)|set (?:an?|the|my) .*\b(?:alarm|timer|"
    r"reminder)|(?:add|put|create|make|set) .*\b(?:appointment|meeting|event|reminder|alarm|calendar)s?\b|"
    r"what|who|where|why|how|is|are|do|does|did|can|i|we)\b",
    "subject": r"(?:appliance|battery)s?|timers?|alarms?|appointments?|meetings?|events?|reminders?|it|that|this|there",
    "nobody": r"nobody|no one|every(?:body|one)|all of us|the last .*",
    "sunlead": r"(?:every day |each day |daily |always )?(?:(?P<offset>.+?) (?P<side>before|after) "
    r"|at |on )(?:the )?(?P<event>sunset|sunrise|dusk|dawn|sundown|sunup)",
    "ampm": {"evening": "pm", "night": "pm", "afternoon": "pm"},
    "days": r"(?:on )?(?:every|each|all) (?P<days>(?:day|morning|evening|night|afternoon|noon|weekday|"
    r"work(?:ing)? ?day|school ?day|weekend|(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
    r"(?:,? and |, | )?)+)s?)|(?:on )?(?P<days2>weekdays|workdays|weekends|(?:(?:mon|tues|wednes|"
    r"thurs|fri|satur|sun)days(?:,? and |, | )?)+)|(?P<days3>daily(?! briefing))",
    "at": r"at ",
    "day": {
        "weekdays": r"weekday|work|school",
        "weekends": r"weekend",
        "monday": "mon(?!th)",
        "tuesday": "tues",
        "wednesday": "wednes",
        "thursday": "thurs",
        "friday": "fri",
        "saturday": "satur",
        "sunday": "sun",
    },
    "night": r"evening|night|afternoon",
    "article": r"(?:the|my|our|a|an|any) ",
    "wait": r"wait (?:for )?(?P<length>.+)",
    "delayed": r"(?:after (?P<length>.+?) |(?P<length2>.+?) later,? )(?P<rest>.+)",
    "say": r"(?:say|announce)(?: that)? (?P<text>.+)|tell (?:me|us|everybody|everyone) "
    r"(?:that )?(?P<text2>(?!about\b).+)|let (?:me|us) know (?:that )?(?P<text3>.+)",
    "tell": r"(?:tell|notify|warn|inform|message) (?:me|us|everybody|everyone)(?: about (?:it|that))?|"
    r"let (?:me|us) know(?: about (?:it|that))?|say so",
    "and": r"(?:,? and then |,? and after that |,? then |,? and also |,? and |, | (?=wait ))",
    "also": r"(?:change|extend|let)(?: the)? (?P<name>.+?)(?: routine)?(?: (?:to|so that it))?"
    r"(?: should)? also (?P<do>.+)",
    "addto": r"(?:add|append) (?P<do>.+) to (?:the |my )?(?P<name>.+?)(?: routine)?",
    "replace": r"change (?:the |my )?(?P<name>.+?)(?: routine)? to (?!also\b)(?P<do>.+)",
    "less": r"(?:change (?:the )?(?P<name>.+?)(?: routine)? to no longer (?P<do>.+)|(?:take|remove|"
    r"drop) (?P<do2>.+) (?:out of|from|off) (?:the |my )?(?P<name2>.+?)(?: routine)?)",
    "named": [
        ("run", r"(?:run|start|execute|try(?: out)?|test|do|activate|trigger) (?:the |my )?"
         r"(?P<name>.+?)(?: routine)?(?: now)?"),
        ("remove", r"(?:delete|remove|forget|drop|cancel|get rid of) (?:the |my )?(?P<name>.+?)"
         r"(?: routine)?"),
        ("disable", r"(?:disable|deactivate|pause|suspend|switch off|turn off) (?:the |my )?"
         r"(?P<name>.+?)(?: routine)?"),
        ("enable", r"(?:enable|reactivate|resume|switch on|turn on) (?:the |my )?(?P<name>.+?)"
         r"(?: routine)?"),
        ("describe", r"what does (?:the |my )?(?P<name>.+?)(?: routine)? do|(?:describe|explain|"
         r"read) (?:the |my )?(?P<name2>.+?)(?: routine)?|what happens when i say (?P<name3>.+)"),
    ],
}  # fmt: skip

DE: Mapping[str, Any] = {
    "lead": r"(?:bitte )?(?:immer wenn|wenn|jedes ?mal,? wenn|sobald|sooft|immer sobald)",
    "never": r"(?:ist|war|sind|waren|wird|hat|haben|kann|soll)\b",
    "trail": r"(?:immer wenn|wenn|jedes ?mal,? wenn|sobald)",
    "then": r"(?:,? ?dann |, ?)",
    "for": "",
    "phrase": [
        r"(?:ich|wir|jemand|man) (?P<phrase>.+?) (?:sage|sag|sagen|sagt)",
        r"(?:ich|wir|jemand) (?:sage|sag|sagen|sagt) (?P<phrase>.+)",
        r"du (?P<phrase>.+?) hörst",
    ],
    "comes": [
        r"(?P<who>ich|wir|jemand|irgendwer|der erste|\w+) (?:wieder )?(?:nach hause|heim|zu hause|an)"
        r" ?(?:komme|kommen|kommt|gekommen (?:ist|bin)|ankomme|ankommt|bin|ist)",
        r"(?P<who>ich|wir|jemand|\w+) (?:heimkomme|heimkommen|heimkommt|zurückkomme|zurückkommt)",
    ],
    "leaves": [
        r"(?P<who>ich|wir|jemand|alle|der letzte|\w+) (?:(?:das haus|die wohnung) )?(?:verlasse|"
        r"verlassen|verlässt|verlassen (?:hat|haben|habe)|gehe|gehen|geht|weggehe|weggeht|weggehen)",
        r"(?P<who>alle) (?:weg|fort|aus dem haus|gegangen) sind",
        r"(?P<who>niemand|keiner) (?:mehr )?(?:zu hause|zuhause|da|daheim) ist",
    ],
    "sun": [
        r"die sonne (?P<event>untergeht|aufgeht|untergegangen ist|aufgegangen ist)",
        r"es (?P<event>dunkel|hell) (?:wird|ist)",
    ],
    "motion": [
        r"(?:sich )?(?:jemand|etwas|es) ?(?:sich )?(?:im|in der|in dem|auf der|auf dem|am) (?P<what>.+?) "
        r"(?:bewegt|ist)",
        r"(?P<what>.+?) (?:eine )?bewegung (?:erkennt|meldet|sieht|bemerkt)",
        r"(?:im|in der|auf der|auf dem|am) (?P<what>.+?) (?:eine )?bewegung (?:ist|erkannt wird)",
    ],
    "number": [
        r"(?:die )?(?P<kind>temperatur|luftfeuchtigkeit|luftfeuchte|feuchtigkeit)"
        r"(?: (?:im|in der|in dem|am|auf der|auf dem|vom|des|der) (?P<what>.+?))? (?P<side>über|unter|"
        r"höher als|niedriger als|mehr als|weniger als) " + NUMBER + r"(?: grad| prozent| ?[%°]\S*)? "
        r"(?:steigt|fällt|sinkt|ist|liegt|geht|klettert)",
        r"es (?:(?:im|in der|in dem|am|auf der|auf dem) (?P<what>.+?) |(?P<outside>draußen) )?(?P<side>"
        r"wärmer als|kälter als|kühler als|heißer als|über|unter|mehr als|weniger als) " + NUMBER +
        r"(?: grad| ?°\S*)? (?:ist|wird|hat)",
        r"(?:der |die |das )?(?P<what>.+?) (?P<side>über|unter|mehr als|weniger als) " + NUMBER +
        r"(?: grad| prozent| watt| ?[%°]\S*)? (?:steigt|fällt|sinkt|ist|liegt|geht|anzeigt|misst)",
    ],
    "state": [
        r"(?:der |die |das |dem |den |mein |meine |unser |unsere |ein |eine )?(?P<what>.+?)"
        r"(?: (?:länger als|seit|mehr als|mindestens|für)?(?: mehr als)? ?(?P<lasting>"
        r"(?:\w+ )?(?:eine |einer |ein |einem |\w+ )(?:sekunden?|minuten?|stunden?))(?: lang)?)? "
        r"(?P<does>fertig (?:ist|wird)|durch ist|beendet ist|geöffnet (?:wird|ist)|aufgeht|auf ist|"
        r"offen (?:ist|steht|bleibt)|aufgemacht wird|geschlossen (?:wird|ist)|zugeht|zu ist|"
        r"zugemacht wird|angeht|an ist|eingeschaltet (?:wird|ist)|angeschaltet (?:wird|ist)|"
        r"angemacht wird|läuft|startet|ausgeht|aus ist|ausgeschaltet (?:wird|ist)|ausgemacht wird|"
        r"stoppt|abgeschlossen (?:wird|ist)|aufgeschlossen (?:wird|ist)|klingelt|läutet|auslöst|"
        r"nicht (?:mehr )?(?:erreichbar|verfügbar) ist|nass (?:ist|wird)|spielt)",
    ],
    "does": {
        "finished": r"fertig|durch|beendet",
        "unlocked": r"aufgeschlossen",
        "locked": r"abgeschlossen",
        "open": r"geöffnet|aufgeht|auf ist|offen|aufgemacht",
        "closed": r"geschlossen|zugeht|zu ist|zugemacht",
        "unavailable": r"nicht",
        "triggered": r"klingelt|läutet|auslöst|nass",
        "playing": r"spielt",
        "off": r"aus|stoppt",
        "on": r"an|ein|läuft|startet",
    },
    "below": r"unter|niedriger|weniger|kälter|kühler",
    "sets": r"unter|dunkel|sonnenuntergang|abenddämmerung",
    "verbs": "schalte schalt mach mache öffne schließe schließ sperr sperre verriegel verriegle stell "
    "stelle dreh drehe setz setze fahr fahre starte stoppe stopp spiel spiele sag sage sprich gib "
    "melde warte dimme aktiviere aktivier deaktiviere zieh ziehe lass lies erinnere zeig zeige warne "
    "benachrichtige informiere pausiere heize lüfte reinige sauge kündige führe drück drücke".split(),
    "excluded": r"(?:bitte )?(?:erinner[e]? (?:mich|uns)|weck[e]? (?:mich|uns)|stell[e]? (?:mir )?(?:einen|"
    r"den) .*(?:wecker|timer)|was|wer|wo|warum|wie|ist|sind|hat|kann|ich|wir|trag|.*\b(?:termin|kalender))\b",
    "subject": r"(?:.* )?bei frost(?: .*)?|gerat|batterie|timer|wecker|termine?|es|das|er|sie",
    "nobody": r"niemand|keiner|alle|der letzte",
    "sunlead": r"(?:(?:jeden tag|täglich|immer) )?(?:(?P<offset>.+?) (?P<side>vor|nach) (?:dem )?|bei |"
    r"(?:zum|beim) )(?P<event>sonnenuntergang|sonnenaufgang|abenddämmerung|morgendämmerung)",
    "ampm": {"abend": "pm", "nachmittag": "pm"},
    "days": r"(?:an )?(?:jede[nmrs]?|alle) (?P<days>(?:tag|morgen|abend|nachmittag|mittag|nacht|werktag|"
    r"wochentag|arbeitstag|schultag|wochenende|(?:(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|"
    r"sonnabend)(?:,? und (?:jeden )?|, |(?= ))?)+(?:e|en|s)?)|(?:an )?(?P<days2>werktags|"
    r"wochentags|an (?:werktagen|wochentagen|wochenenden)|am wochenende|"
    r"(?:(?:(?:mon|diens|donners|frei|sams|sonn)tags|mittwochs)(?:,? und |, |(?= ))?)+)|"
    r"(?P<days3>täglich|jeden tag|morgens|abends)",
    "at": r"um ",
    "day": {
        "weekdays": r"werktag|wochentag|arbeitstag|schultag",
        "weekends": r"wochenende",
        "monday": "montag",
        "tuesday": "dienstag",
        "wednesday": "mittwoch",
        "thursday": "donnerstag",
        "friday": "freitag",
        "saturday": "samstag|sonnabend",
        "sunday": "sonntag",
    },
    "night": r"abend|nachmittag|(?<!mitter)nacht",
    "article": r"(?:der|die|das|dem|den|mein|meine|unser|unsere|ein|eine) ",
    "wait": r"warte (?P<length>.+)",
    "delayed": r"(?:nach (?P<length>.+?) |(?P<length2>.+?) später,? )(?P<rest>.+)",
    "say": r"(?:sag|sage)(?: (?:mir|uns|allen))?,? dass (?P<text>.+)|(?:sag|sage|sprich) (?!mir\b|uns\b|"
    r"bescheid\b|allen\b)(?P<text2>.+)|(?:sag|sage) (?:mir|uns|allen) (?!bescheid\b|es\b|das\b)"
    r"(?P<text3>.+)|kündige an,? (?:dass )?(?P<text4>.+)",
    "tell": r"(?:sag|sage|gib) (?:mir|uns|allen)(?: (?:bescheid|es|das))?|(?:sag|sage|gib) bescheid|"
    r"(?:benachrichtige|informiere|warne) (?:mich|uns|alle)|melde (?:es|das|dich)(?: mir)?",
    "and": r"(?:,? und dann |,? und danach |,? dann |,? und auch |,? und |, | (?=warte ))",
    "also": r"(?:ändere|erweitere) (?:die routine )?(?P<name>.+?)(?:,? (?:so,? )?dass (?:es|sie) auch|"
    r" und|,? auch|,? zusätzlich)(?: auch)? (?P<do>.+)|bei (?P<name2>.+?) auch (?P<do2>.+)",
    "addto": r"(?:füge|nimm) (?P<do>.+) (?:zu|in) (?:die |der )?(?:routine )?(?P<name>.+?) (?:hinzu|auf)",
    "replace": r"ändere (?:die routine )?(?P<name>.+?) (?:zu|in|auf) (?P<do>.+)",
    "less": r"(?:nimm|entferne|streiche) (?P<do>.+) aus (?:der )?(?:routine )?(?P<name>.+?)(?: heraus)?",
    "named": [
        ("run", r"(?:starte|führe|mach|mache|teste|probiere|probier|aktiviere) (?:die |mal )?(?:routine )?"
         r"(?P<name>.+?)(?: routine)?(?: (?:aus|durch|jetzt))?"),
        ("remove", r"(?:lösche|lösch|entferne|vergiss) (?:die )?(?:routine )?(?P<name>.+?)(?: routine)?"),
        ("disable", r"(?:deaktiviere|pausiere) (?:die )?(?:routine )?(?P<name>.+?)|(?:schalte|schalt) "
         r"(?:die )?(?:routine )?(?P<name2>.+?) (?:aus|ab)"),
        ("enable", r"(?:reaktiviere|aktiviere) (?:die )?(?:routine )?(?P<name>.+?) wieder|(?:schalte|"
         r"schalt) (?:die )?(?:routine )?(?P<name2>.+?) (?:wieder )?(?:ein|an)"),
        ("describe", r"was macht (?:die )?(?:routine )?(?P<name>.+?)|was passiert,? wenn ich "
         r"(?P<name2>.+?) sage|(?:beschreibe|lies) (?:die )?(?:routine )?(?P<name3>.+?)(?: vor)?"),
    ],
}  # fmt: skip

TABLES: Mapping[str, Mapping[str, Any]] = {"en": EN, "de": DE}


def table(language: str) -> Mapping[str, Any] | None:
    return TABLES.get(language.replace("_", "-").split("-")[0].lower())


def sentences(text: str, language: str) -> Iterator[Sentence]:
    """The ways to read a sentence as one that makes a routine, the likeliest first."""
    known = table(language)
    said = " ".join(text.strip().rstrip(".!?").split())
    if known is None or not said or len(said.split()) > LONGEST:
        return
    for each in (_leading, _trailing, _timed):
        yield from each(said, known, language)


@lru_cache(256)
def makes(text: str, language: str) -> bool:
    """Whether a sentence makes a routine."""
    known = table(language)
    if known is None or not _hint(known).search(text):
        return False
    return next(sentences(text, language), None) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _hint(known: Mapping[str, Any]) -> re.Pattern[str]:
    return _compiled(f"\\b(?:{known['trail']}|{known['lead']}|{_bare(known['days'])}|sun|dusk|dawn|"
                     "sonnen|dämmerung)")  # fmt: skip


def _bare(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def _leading(said: str, known: Mapping[str, Any], language: str) -> Iterator[Sentence]:
    """'When …, …'."""
    lead = _compiled(f"{known['lead']} (?P<rest>.+)").fullmatch(said)
    if lead is None or _compiled(known["never"]).match(lead["rest"]):
        return
    rest = lead["rest"]
    found = list(_cut(rest, known, language))
    # A comma, or 'then', tells where the condition ends; else what is done begins with a verb.
    marked = [each for each, sure in found if sure]
    yield from marked
    yield from (each for each, sure in found if not sure)


def _cut(rest: str, known: Mapping[str, Any], language: str) -> Iterator[tuple[Sentence, bool]]:
    starred = _compiled(known["then"])
    for mark in starred.finditer(rest):
        if condition := condition_of(rest[: mark.start()], language):
            yield from _with(condition, rest[mark.end() :], known, True)
    words = rest.split()
    for number in range(1, len(words)):
        if normal(words[number]) not in verbs(known):
            continue
        if condition := condition_of(" ".join(words[:number]), language):
            yield from _with(condition, " ".join(words[number:]), known, False)


def _with(
    condition: Condition, do: str, known: Mapping[str, Any], sure: bool
) -> Iterator[tuple[Sentence, bool]]:
    do = re.sub(r"^(?:please|bitte|also|auch) ", "", do.strip(" ,"), flags=re.IGNORECASE)
    if do and not _compiled(known["excluded"]).match(do):
        yield Sentence(condition, do), sure


def verbs(known: Mapping[str, Any]) -> frozenset[str]:
    """Words with which something to do begins, in normal form."""
    return _normal_verbs(tuple(known["verbs"]))


@cache
def _normal_verbs(verbs: tuple[str, ...]) -> frozenset[str]:
    return frozenset(normal(verb) for verb in verbs)


def _trailing(said: str, known: Mapping[str, Any], language: str) -> Iterator[Sentence]:
    """'Tell me when …'."""
    if normal(said.split()[0]) not in verbs(known) | {"please", "bitte"}:
        return
    for mark in _compiled(f",? {known['trail']} ").finditer(said):
        rest = said[mark.end() :]
        if _compiled(known["never"]).match(rest):
            continue
        if condition := condition_of(rest, language):
            yield from (each for each, _ in _with(condition, said[: mark.start()], known, True))


def _timed(said: str, known: Mapping[str, Any], language: str) -> Iterator[Sentence]:
    """'Every weekday at seven …', wherever it stands; 'at sunset …' at the beginning."""
    sun = _compiled(f"(?P<when>{known['sunlead']}),? (?P<do>.+)").fullmatch(said)
    found = _sun(sun.groupdict(), language) if sun else None
    if sun and found and normal(sun["do"].split()[0]) in verbs(known):
        yield from (each for each, _ in _with(found, sun["do"], known, True))
    for days in _compiled(f"(?<!\\w)(?:{known['days']})(?!\\w)").finditer(said):
        before, after = said[: days.start()].strip(" ,"), said[days.end() :].strip(" ,")
        named = days["days"] or days["days2"] or days["days3"]
        at = _compiled(f"(?P<at>{known['sunlead']})(?:,? (?P<rest>.+))?").fullmatch(after)
        if at is not None:
            if (found := _sun({**at.groupdict(), "days": named}, language)) is None:
                continue
            condition, rest = found, at["rest"] or ""
        else:
            clock, rest = _time_in(after, known, language)
            if clock is None:
                clock, before = _time_at_end(before, known, language)
            slots = {"days": named, **({"time": clock} if clock else {})}
            condition = Condition("clock", slots)
        do = " ".join(part for part in (before, rest.strip(" ,")) if part)
        # 'Start the podcast daily' asks for no time; 'every day' does.
        vague = not days["days"] and condition.kind == "clock" and "time" not in condition.slots
        if do and not vague and normal(do.split()[0]) in verbs(known):
            yield from (each for each, _ in _with(condition, do, known, True))


def _time_in(text: str, known: Mapping[str, Any], language: str) -> tuple[str | None, str]:
    """A time at the beginning of a text, and the rest."""
    at = _compiled(f"(?:{known['at']})").match(text)
    if at is None:
        return None, text
    rest = text[at.end() :]
    words = rest.split()
    for number in range(min(7, len(words)), 0, -1):
        said = " ".join(words[:number]).strip(",")
        if time_of(said, language) is not None:
            return said, " ".join(words[number:])
    return None, text


def _time_at_end(text: str, known: Mapping[str, Any], language: str) -> tuple[str | None, str]:
    for at in _compiled(f"(?:^| ){known['at']}").finditer(text):
        said = text[at.end() :].strip(" ,")
        if time_of(said, language) is not None:
            return said, text[: at.start()].strip(" ,")
    return None, text


@lru_cache(512)
def time_of(said: str, language: str) -> time | None:
    """`seven`, `half past six`: with or without its 'at'."""
    at = (table(language) or EN)["at"]
    readings = (read(text, "time", language, ANY_DAY) for text in (said, at + said))
    return next((found for found in readings if found is not None), None)


def length_of(said: str, language: str) -> float | None:
    """Seconds"""
    found = read(said, "duration", language, ANY_DAY)
    return float(found.total_seconds()) if found is not None else None


def _sun(given: Mapping[str, str | None], language: str) -> Condition | None:
    """None if how long before or after it is no length of time."""
    kept = ("event", "offset", "side", "days")
    slots = {name: value for name in kept if (value := given.get(name))}
    if "offset" in slots and length_of(slots["offset"], language) is None:
        return None
    return Condition("sun", slots)


@lru_cache(1024)
def condition_of(text: str, language: str) -> Condition | None:
    """What a condition without its 'when' says, by its form; None if it has none that is known."""
    known = table(language)
    text = " ".join(text.strip(" ,").split())
    if known is None or not text:
        return None
    for kind in ("phrase", "leaves", "comes", "sun", "motion", "number", "state"):
        for pattern in known[kind]:
            ending = known["for"] if kind in ("state", "number", "motion") else ""
            found = _compiled(pattern + ending).fullmatch(text)
            if found is None:
                continue
            slots = {name: value for name, value in found.groupdict().items() if value}
            if condition := _checked(kind, slots, known, language):
                return condition
    sun = _compiled(f"(?:it is )?{known['sunlead']}").fullmatch(text)
    return _sun(sun.groupdict(), language) if sun else None


def _checked(
    kind: str, slots: dict[str, str], known: Mapping[str, Any], language: str
) -> Condition | None:
    what = normal(slots.get("what", ""))
    if what and _compiled(known["subject"]).fullmatch(what):
        return None
    if len(what.split()) > 3 and verbs(known) & set(what.split()):
        return None  # what is done is no part of what happens
    if "lasting" in slots:
        length = length_of(slots["lasting"], language)
        if length is None:
            return None
        slots["lasting"] = str(length)
    if kind == "number":
        number = number_of(slots["number"], language)
        if number is None or (what and len(what.split()) > 6):
            return None
        slots["number"] = str(number)
        slots["side"] = "below" if _compiled(known["below"]).match(slots["side"]) else "above"
    if kind == "state":
        if len(what.split()) > 6:
            return None
        does = slots["does"].casefold()
        slots["does"] = next(name for name, p in known["does"].items() if _compiled(p).search(does))
    if kind == "sun":
        slots["event"] = "sunset" if _compiled(known["sets"]).search(slots["event"]) else "sunrise"
    if kind in ("comes", "leaves") and len(slots.get("who", "").split()) > 3:
        return None
    return Condition(kind, slots)


@lru_cache(256)
def number_of(said: str, language: str) -> float | None:
    """`25`, `twenty five`, `zweiundzwanzig`"""
    try:
        return float(said.replace(",", "."))
    except ValueError:
        pass
    bare = re.sub(r" (?:grad|prozent|watt|degrees?|percent|watts?)$", "", said.casefold())
    # Joined up, it is a number if it is one in words.
    wanted = normal(bare.replace("-", " ")).replace(" ", "")
    return _numerals(language.split("-")[0]).get(wanted)


@cache
def _numerals(language: str) -> Mapping[str, float]:
    from hub.language.spellout import spellout

    engine = spellout(language)
    found: dict[str, float] = {}
    for number in range(-40, 151):
        for text in engine.format_number(number).text_by_ruleset.values():
            said = normal(text.replace("\xad", "").replace("-", " "))
            found.setdefault(said.replace(" ", ""), float(number))
    return found
