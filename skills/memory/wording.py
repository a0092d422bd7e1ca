"""How what was told is told again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hub.skill import Where

ENGLISH = {
    "i": "you",
    "i'm": "you're",
    "i've": "you've",
    "i'll": "you'll",
    "i'd": "you'd",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "am": "are",
    "we": "you",
    "we're": "you're",
    "we've": "you've",
    "us": "you",
    "our": "your",
    "ours": "yours",
    "ourselves": "yourselves",
}
GERMAN = {
    "mein": "dein",
    "meine": "deine",
    "meinen": "deinen",
    "meinem": "deinem",
    "meiner": "deiner",
    "meines": "deines",
    "mir": "dir",
    "mich": "dich",
    "unser": "euer",
    "unsere": "eure",
    "unseren": "euren",
    "unserem": "eurem",
    "unserer": "eurer",
    "uns": "euch",
}
COLOURS = {
    "red": "rot",
    "orange": "orange",
    "yellow": "gelb",
    "green": "grün",
    "blue": "blau",
    "purple": "lila",
    "pink": "rosa",
    "white": "weiß",
}
LIKED = {
    "temperature": ("it at {:g} degrees", "es bei {:g} Grad"),
    "brightness": ("the light at {} percent", "das Licht bei {} Prozent"),
    "volume": ("the music at {} percent", "die Musik bei {} Prozent"),
    "colour": ("the light {}", "das Licht {}"),
}
"""What may be liked, in English and German."""


def yours(text: str, language: str) -> str | None:
    """A sentence of somebody, said to them: 'my keys' are 'your keys'. None where that would take
    more grammar than is here: German verbs."""
    german = language.startswith("de")
    if german and re.search(r"\b(ich|wir)\b", text, re.I):
        return None
    words = GERMAN if german else ENGLISH

    def other(found: re.Match[str]) -> str:
        return words.get(found[0].casefold(), found[0])

    shifted = re.sub(r"[^\W\d_]+(?:'[^\W\d_]+)?", other, text)
    return shifted if german else re.sub(r"\byou was\b", "you were", shifted)


def told(fact: Any, where: Where) -> str:
    """A fact as an answer."""
    german = where.language.startswith("de")
    own = fact.teller is None or fact.teller == where.person
    text = yours(fact.text, fact.language)
    if fact.kind == "name":
        return where.say(
            f"You want to be called {fact.subject}.", de=f"Du willst {fact.subject} genannt werden."
        )
    if fact.kind == "preference":
        return _sentence(liked(fact.value, fact.area, where.language))
    if not fact.language.startswith(where.language.split("-")[0]):
        who = fact.teller or where.say("Somebody", de="Jemand")
        return where.say(f"{who} told me: {fact.text}.", de=f"{who} hat mir gesagt: {fact.text}.")
    if fact.kind == "place":
        thing = yours(fact.subject, fact.language) or fact.subject
        if german:
            return f"{'Du hast' if own else f'{fact.teller} hat'} {thing} {text or fact.text}."
        return f"{'You' if own else fact.teller} put {thing} {text or fact.text}."
    if german and fact.value.get("clause"):
        who = "Du hast" if own else f"{fact.teller} hat"
        return f"{who} mir gesagt, dass {text or fact.text}."
    if text is None:
        return f"Du hast mir gesagt: „{fact.text}“."
    if not own and text != fact.text:
        return where.say(
            f"{fact.teller} told me: {fact.text}.", de=f"{fact.teller} hat mir gesagt: {fact.text}."
        )
    return _sentence(text)


def liked(value: Mapping[str, Any], area: str | None, language: str) -> str:
    """'you like the bedroom at 19 degrees'"""
    german = language.startswith("de")
    name = next((name for name in LIKED if name in value), "colour")
    said = value.get(name, "")
    if german and name == "colour":
        said = COLOURS.get(str(said), "")
    what = LIKED[name][german].format(said)
    if german:
        return f"du magst {what}{f' (Raum: {area})' if area else ''}"
    return f"you like {what}{f' in the {area}' if area else ''}"


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
