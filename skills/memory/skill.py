"""What people tell the hub to remember: facts, places of things, what they like, their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from hub.skill import Area, Ask, Call, Facts, Home, Range, Said, Undo, Where, tool

from .wording import liked, told, yours

MOST_TOLD = 6
"""Facts that are told at once."""
LONGEST_NAME = 40
NO_NAMES = frozenset(
    "a an at back before if in later on soon tomorrow tonight up when "
    "ein eine einen an morgen nicht später wenn".split()
)
"""First words of what is no name: 'call me a taxi', 'call me when dinner is ready'."""
GONE = {
    "en": "What I have forgotten is gone.",
    "de": "Was ich vergessen habe, ist weg.",
}
IN = {"into": "in", "onto": "on"}
"""Where something was put -> where it is."""

Colour = Literal["red", "orange", "yellow", "green", "blue", "purple", "pink", "white"]
COLOURS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "rot": "red",
        "orange": "orange",
        "gelb": "yellow",
        "grün": "green",
        "blau": "blue",
        "(lila|violett)": "purple",
        "(rosa|pink)": "pink",
        "weiß": "white",
    }
}


# --- facts -------------------------------------------------------------------------------------


async def untold(number: int, facts: Facts) -> None:
    """Forget what was told just now, and remember what it had replaced."""
    await facts.take_back(number)


async def _keep(facts: Facts, where: Where, undo: Undo, text: str, **more: Any) -> None:
    fact, _ = await facts.keep(
        text, teller=where.person, language=where.language, **{"area": where.area, **more}
    )
    facts.spoke_of(where.area, [fact])
    undo.by(untold, number=fact.id)


@tool(
    phrases={
        "en": [
            "[please] (remember|keep in mind|do not forget|don't forget) that {fact}",
            "[please] (remember|keep in mind) (this|the following) {fact}",
            "remember (my|our|the) {own}",
        ],
        "de": [
            "[bitte] (merk|merke) dir [bitte] [(das|folgendes)] {fact}",
            "(denk|denke) daran dass {clause}",
            "[bitte] (vergiss nicht|behalte) dass {clause}",
        ],
    },
    examples=["remember that the bins go out on Tuesday"],
    risk="R1",
)
async def remember(
    facts: Facts, where: Where, undo: Undo, fact: str = "", own: str = "", clause: str = ""
) -> str:
    """Remember something that a person tells."""
    said = fact or clause or own
    if own:
        whose = re.search(r"remember (my|our|the) ", where.said, re.I)
        said = f"{whose[1].lower() if whose else 'the'} {own}"
    said = said.strip(" .!,:;")
    clause_said = bool(clause)
    if where.language.startswith("de") and re.match(r"dass\b", said, re.I):
        said, clause_said = said[4:].strip(" ,"), True
    if not said:
        undo.nothing()
        return where.say("What shall I remember?", de="Was soll ich mir merken?")
    personal = bool(re.search(r"\b(i|i'm|my|mine|me|ich|mein\w*|mir|mich)\b", said, re.I))
    owner = where.person if personal else None
    await _keep(facts, where, undo, said, owner=owner, value={"clause": clause_said})
    shown = yours(said, where.language)
    if shown is None or (where.language.startswith("de") and not clause_said):
        return where.say("I will remember that.", de="Ich merke es mir.")
    return where.say(f"I will remember that {shown}.", de=f"Ich merke mir, dass {shown}.")


@tool(
    phrases={
        "en": [
            "(i|we) [(have|just|already)] (put|placed|stored|hid|hung) {thing} {how} {place}",
            "(i've|we've) [just] (put|placed|stored|hidden|hung) {thing} {how} {place}",
        ],
        "de": [
            "(ich habe|wir haben|ich hab) {thing} {how} {place}"
            " (gelegt|gestellt|getan|gepackt|gehängt|versteckt|geräumt|verstaut)",
        ],
    },
    examples=["I put the drill in the garage"],
    risk="R1",
)
async def put(
    thing: str,
    how: Literal[
        "in",
        "into",
        "on",
        "onto",
        "under",
        "behind",
        "next to",
        "beside",
        "above",
        "below",
        "at",
        "with",
        "inside",
        "between",
        "auf",
        "unter",
        "hinter",
        "neben",
        "über",
        "an",
        "bei",
        "zu",
        "zwischen",
        "vor",
        "ins",
        "aufs",
        "im",
    ],
    place: str,
    facts: Facts,
    where: Where,
    undo: Undo,
) -> str:
    """Remember where somebody put something."""
    how_said = IN.get(how, how)
    german = where.language.startswith("de")
    done = ""
    if german and (found := re.search(r"(\w+)[\s.!]*$", where.said)):
        done = f" {found[1]}"
    text = f"{how_said} {place}{done}"
    await _keep(facts, where, undo, text, kind="place", subject=thing)
    shown = yours(f"{thing} {text}", where.language) or f"{thing} {text}"
    return where.say(
        f"I will remember that you put {shown}.",
        de=f"Ich merke mir: Du hast {shown}.",
    )


@tool(
    phrases={
        "en": [
            "(where|whereabouts) (did|have|do) (i|we)"
            " (put|place|leave|left|store|stored|hide|hidden|keep) {question}",
            "where (is|are) (my|our) {question}",
            "do you (remember|know) (where|when|what|who|which) {question}",
            "what did (i|we) (tell you|say) about {question}",
            "what do you (know|remember) about {question}",
            "(when|which day|what day) (do|does) {question} go out",
        ],
        "de": [
            "wo (habe|hab) ich {question}"
            " (hingelegt|hingestellt|hingetan|gelassen|gelegt|versteckt)",
            "wo (ist|sind) (mein|meine|unser|unsere) {question}",
            "weißt du[,] (noch|wo|wann|was|wer) {question}",
            "was habe ich [dir] (über|von) {question} (gesagt|erzählt)",
            "was weißt du über {question}",
        ],
    },
    examples=["where did I put the drill"],
)
async def recall(question: str, facts: Facts, where: Where) -> str:
    """Answer from what people have told to remember."""
    found = list(await facts.find(question, where.language, where.person))
    if not found:
        return where.say(
            "I do not know that. Nobody has told me.",
            de="Das weiß ich nicht. Das hat mir niemand gesagt.",
        )
    facts.spoke_of(where.area, found[:1])
    return told(found[0], where)


# --- names -------------------------------------------------------------------------------------


@tool(
    phrases={
        "en": ["[please] call me {name}", "my name is {name}", "(i am|i'm) called {name}"],
        "de": ["[bitte] (nenn|nenne) mich {name}", "(ich heiße|mein Name ist) {name}"],
    },
    examples=["call me Sam"],
    risk="R1",
)
async def call_me(name: str, facts: Facts, where: Where, undo: Undo) -> str:
    """Remember what somebody wants to be called."""
    name = name.strip(" .!,")
    first = name.casefold().partition(" ")[0]
    if not name or len(name) > LONGEST_NAME or len(name.split()) > 3 or first in NO_NAMES:
        undo.nothing()
        return where.say("That is no name that I can say.", de="So kann ich niemanden nennen.")
    name = name if name != name.lower() else name.title()
    text = where.say(f"call me {name}", de=f"nenn mich {name}")
    await _keep(facts, where, undo, text, kind="name", subject=name, owner=where.person)
    return where.say(f"I will call you {name}.", de=f"Ich nenne dich {name}.")


@tool(
    phrases={
        "en": [
            "(what is|what's) my name",
            "who am i",
            "do you know (my name|who i am)",
            "what do you call me",
        ],
        "de": [
            "wie (heiße ich|ist mein Name)",
            "wer bin ich",
            "(weißt|kennst) du (wie ich heiße|wer ich bin|meinen Namen)",
            "wie nennst du mich",
        ],
    },
    examples=["what is my name"],
)
async def my_name(facts: Facts, where: Where) -> str:
    """Tell what the person wants to be called."""
    name = await facts.name(where.person)
    if name is None and where.person:
        return where.say(f"You are {where.person}.", de=f"Du bist {where.person}.")
    if name is None:
        return where.say(
            "I do not know your name. Say 'call me', and your name.",
            de="Ich kenne deinen Namen nicht. Sag: nenn mich, und deinen Namen.",
        )
    return where.say(f"You want to be called {name}.", de=f"Du willst {name} genannt werden.")


# --- what is liked -----------------------------------------------------------------------------


async def _like(
    facts: Facts, where: Where, undo: Undo, room: Area | None, value: Mapping[str, Any]
) -> str:
    area = room.name if room else where.area
    text = liked(value, area, where.language)
    owner = where.person
    await _keep(facts, where, undo, text, kind="preference", owner=owner, area=area, value=value)
    return where.say(f"I will remember that {text}.", de=f"Ich merke mir: {text}.")


@tool(
    phrases={
        "en": [
            "(i|we) (like|prefer|love) [it] [in] [the] {room} [to be] at {temperature}"
            " (degrees|degrees celsius)",
            "(i|we) (like|prefer|love) it [to be] [at] {temperature} (degrees|degrees celsius)"
            " [in [the] {room}]",
            "my (favourite|favorite|preferred) temperature [(in|for) [the] {room}]"
            " is {temperature} [degrees]",
        ],
        "de": [
            "(ich mag|wir mögen|ich hätte gern|ich habe gern) [(es|das|den|die)]"
            " [(im|in der|in dem)]"
            " {room} [(bei|mit|auf)] {temperature} Grad [warm]",
            "(ich mag|wir mögen|ich habe) es [gern] [bei|mit] {temperature} Grad [warm]"
            " [(im|in der|in dem) {room}]",
        ],
    },
    examples=["I like the bedroom at 19 degrees"],
    risk="R1",
)
async def like_warm(
    temperature: Annotated[float, Range(5, 35)],
    facts: Facts,
    where: Where,
    undo: Undo,
    room: Area | None = None,
) -> str:
    """Remember how warm somebody likes a room."""
    return await _like(facts, where, undo, room, {"temperature": temperature})


@tool(
    phrases={
        "en": [
            "(i|we) (like|prefer|love) the (light|lights|lamps) [in [the] {room}]"
            " [to be] at {brightness} percent [in [the] {room}]",
            "(i|we) (like|prefer|love) [the] {room} (light|lights) [to be] at {brightness} percent",
        ],
        "de": [
            "(ich mag|wir mögen) das Licht [(im|in der|in dem) {room}] [(bei|mit|auf)]"
            " {brightness} Prozent",
        ],
    },
    examples=["I like the lights in the bedroom at 40 percent"],
    risk="R1",
)
async def like_bright(
    brightness: Annotated[int, Range(1, 100)],
    facts: Facts,
    where: Where,
    undo: Undo,
    room: Area | None = None,
) -> str:
    """Remember how bright somebody likes a room."""
    return await _like(facts, where, undo, room, {"brightness": brightness})


@tool(
    phrases={
        "en": [
            "(i|we) (like|prefer|love) the (light|lights|lamps) [in [the] {room}] [to be] {colour}"
            " [in [the] {room}]",
        ],
        "de": ["(ich mag|wir mögen) das Licht [(im|in der|in dem) {room}] [in] {colour}"],
    },
    examples=["I like the light in the living room blue"],
    risk="R1",
)
async def like_colour(
    colour: Annotated[Colour, Said(COLOURS)],
    facts: Facts,
    where: Where,
    undo: Undo,
    room: Area | None = None,
) -> str:
    """Remember which colour of light somebody likes."""
    return await _like(facts, where, undo, room, {"colour": colour})


@tool(
    phrases={
        "en": [
            "(i|we) (like|prefer|love) the (music|volume|sound|radio|tv) [in [the] {room}]"
            " [to be] at {volume} percent [in [the] {room}]",
        ],
        "de": [
            "(ich mag|wir mögen) (die Musik|die Lautstärke|das Radio|den Fernseher)"
            " [(im|in der|in dem) {room}] [(bei|mit|auf)] {volume} Prozent",
        ],
    },
    examples=["I like the music at 20 percent"],
    risk="R1",
)
async def like_loud(
    volume: Annotated[int, Range(0, 100)],
    facts: Facts,
    where: Where,
    undo: Undo,
    room: Area | None = None,
) -> str:
    """Remember how loud somebody likes the music."""
    return await _like(facts, where, undo, room, {"volume": volume})


@tool(
    phrases={
        "en": [
            "make (it|this|everything|things) [nice and] (comfortable|cosy|cozy)"
            " [((in [the] {room})|here|in here|for me)]",
            "make [the] {room} [nice and] (comfortable|cosy|cozy)",
            "(i want it|i'd like it) (comfortable|cosy|cozy) [in [the] {room}]",
        ],
        "de": [
            "(mach|mache) (es|mir es|es mir|es uns) [hier] [(im|in der|in dem) {room}]"
            " (gemütlich|angenehm|behaglich)",
            "(mach|mache) (das|den|die) {room} (gemütlich|angenehm|behaglich)",
        ],
    },
    examples=["make it comfortable"],
)
async def comfortable(
    home: Home, facts: Facts, where: Where, room: Area | None = None
) -> str | None:
    """Make a room as somebody likes it."""
    area = room.name if room else where.area
    wishes = await facts.preferences(area, where.person)
    if not wishes:
        return where.say(
            "I do not know how you like it. Say for example: I like it at 20 degrees.",
            de="Ich weiß nicht, wie du es magst. Sag zum Beispiel: Ich mag es bei 20 Grad.",
        )
    found = 0
    for service, domain, data in _wanted(wishes):
        if area and (things := home.find(area=area, domains=[domain])):
            found += len(things)
            await home.call(service, things, **data)
    if not found:
        return where.say(
            "There is nothing here that I could set for that.",
            de="Hier gibt es nichts, was ich dafür einstellen könnte.",
        )
    return None


def _wanted(wishes: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Services, domains and data that bring about what is liked."""
    wanted: list[tuple[str, str, dict[str, Any]]] = []
    if "temperature" in wishes:
        warmth = {"temperature": wishes["temperature"]}
        wanted.append(("climate.set_temperature", "climate", warmth))
    light = {"brightness_pct": wishes.get("brightness"), "color_name": wishes.get("colour")}
    if data := {key: value for key, value in light.items() if value is not None}:
        wanted.append(("light.turn_on", "light", data))
    if "volume" in wishes:
        loud = {"volume_level": wishes["volume"] / 100}
        wanted.append(("media_player.volume_set", "media_player", loud))
    return wanted


# --- what is known, and forgetting -------------------------------------------------------------


@tool(
    phrases={
        "en": [
            "what do you (know|remember) [about (me|us)]",
            "what have (i|we) told you [to remember]",
            "what should you remember",
        ],
        "de": [
            "was weißt du [alles] über (mich|uns)",
            "was (hast|solltest) du dir [alles] (gemerkt|merken)",
        ],
    },
    examples=["what do you know about me"],
)
async def known(facts: Facts, where: Where) -> str:
    """Tell all that people have told to remember."""
    found = await facts.all(where.person)
    if not found:
        return where.say("Nobody has told me anything.", de="Niemand hat mir etwas gesagt.")
    shown = [told(fact, where) for fact in list(found)[-MOST_TOLD:]]
    if left := len(found) - len(shown):
        shown.append(
            where.say(
                f"And {left} more; 'hearth privacy show' has all of it.",
                de=f"Und {left} weitere; 'hearth privacy show' zeigt alles.",
            )
        )
    return " ".join(shown)


@tool(
    phrases={
        "en": ["forget (that|this) [again]", "forget what (i|we) [just] (said|told you)"],
        "de": ["vergiss (das|dies) [wieder]", "vergiss was ich [gerade] gesagt habe"],
    },
    examples=["forget that"],
    risk="R1",
    final=GONE,
)
async def forget_that(facts: Facts, where: Where, undo: Undo) -> str:
    """Forget what was told or asked for last."""
    found = await facts.last(where.area)
    if not found:
        undo.nothing()
        return where.say(
            "I do not know what I am to forget.", de="Ich weiß nicht, was ich vergessen soll."
        )
    await facts.forget(found)
    return where.say("I have forgotten it.", de="Ich habe es vergessen.")


@tool(
    phrases={
        "en": [
            "forget (about|what (i|we) (said|told you) about|what you know about) {thing}",
            "forget that {thing}",
            "forget where (i|we) (put|left|keep|stored) {thing}",
        ],
        "de": [
            "vergiss (das mit|die Sache mit|alles über) {thing}",
            "vergiss was (ich|wir) [dir] über {thing} gesagt (habe|haben)",
            "vergiss[,] dass {thing}",
        ],
    },
    examples=["forget about the drill"],
    risk="R1",
    final=GONE,
)
async def forget_about(
    thing: str, facts: Facts, where: Where, undo: Undo, sure: bool = False
) -> str | Ask:
    """Forget what was told about something."""
    found: Sequence[Any] = await facts.find(thing, where.language, where.person)
    if not found:
        undo.nothing()
        return where.say(
            f"I know nothing about {yours(thing, where.language) or thing}.",
            de="Darüber weiß ich nichts.",
        )
    if len(found) > 1 and not sure:
        question = where.say(
            f"I know {len(found)} things about that. Forget all of them?",
            de=f"Darüber weiß ich {len(found)} Dinge. Soll ich alle vergessen?",
        )
        return Ask(question, (Call("memory.forget_about", {"thing": thing, "sure": True}),))
    await facts.forget(found)
    return where.say("I have forgotten it.", de="Ich habe es vergessen.")


@tool(
    phrases={
        "en": [
            "forget everything [[that] (you know|i told you|i have told you|we told you)]"
            " [about (me|us)]",
            "(erase|delete|clear) (your memory|everything [that] you know [about (me|us)])",
        ],
        "de": [
            "vergiss (alles|alles was du [über (mich|uns)] weißt|alles was ich [dir] gesagt habe)",
            "lösch (dein Gedächtnis|alles was du [über (mich|uns)] weißt)",
        ],
    },
    examples=["forget everything"],
    confirm={
        "en": "Shall I forget everything that you have told me? That cannot be undone.",
        "de": "Soll ich alles vergessen, was du mir gesagt hast? Das geht nicht zurück.",
    },
    final=GONE,
)
async def forget_everything(facts: Facts, where: Where) -> str:
    """Forget all that people have told, and what was said of late."""
    await facts.forget_everything(where.person)
    return where.say("I have forgotten everything.", de="Ich habe alles vergessen.")
