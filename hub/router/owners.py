"""Whose things are meant: 'Maya is asleep, turn her lights off' is of Maya's lights.

A home's names tell who lives there ('Maya's Room', 'Tom's Lamp'). 'His', 'her' and 'their' are
of the person whose name was said before in the sentence, or of whose room or thing was spoken
last. Without one, 'his room' is none that is known, and never the room of who speaks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.home.model import normal
from hub.router.context import Context, Targets
from hub.router.places import Places
from hub.router.words import Words

OWNER = re.compile(r"(\w[\w-]*)['\u2019]s\b")
"""Somebody in a name; 'the boys' room' has no pronoun that is hard to understand."""
BOTH = re.compile(
    r"\b(?P<one>\w+)['\u2019]s (?P<and>and) (?P<other>\w+)['\u2019]s (?P<what>\w+(?: \w+){0,2}?)"
    r"(?=$|[,.;!?]| (?:on|off|up|down|to|in|and|at|please)\b)",
    re.IGNORECASE,
)
NOBODY = frozenset({"he", "here", "it", "let", "she", "that", "there", "what", "where", "who"})
"""What is no name before 's: 'Let's Dance'."""
OWN = re.compile(r"['\u2019]s$")


@dataclass(frozen=True, slots=True)
class Owned:
    """A text with the names of owners in place of pronouns."""

    text: str
    unknown: bool = False
    """It is about somebody's room, and nobody was named."""


class Owners:
    """The people of one home, as far as its names tell."""

    def __init__(self, places: Places, words: Words) -> None:
        self._places = places
        self._words = words
        names = [name for area in places.areas.values() for name in area.names]
        names += [name for entity in places.entities.values() for name in entity.names]
        self._names = {
            normal(found[1]): found[1]
            for name in names
            for found in OWNER.finditer(name)
            if normal(found[1]) not in NOBODY
        }
        known = (*words.kinds.values(), *words.rooms.values(), words.here)
        spoken = (*names, *(phrase for said in known for phrase in said))
        self._things = {word for phrase in spoken for word in normal(phrase).split()}
        """Words of what somebody may have in a home."""

    def resolved(self, text: str, context: Context) -> Owned:
        """The text with pronouns replaced, as far as they are of somebody who is known."""
        owning = self._words.owning
        if self._names:
            text = BOTH.sub(self._apart, text)
        tokens = text.split()
        if not owning & {normal(token) for token in tokens}:
            return Owned(text)
        owner = self._spoken_of(context)
        unknown = False
        for place, token in enumerate(tokens):
            if name := self._names.get(normal(OWN.sub("", token.rstrip(".,;:!?")))):
                owner = name
            elif normal(token) in owning and place + 1 < len(tokens):
                if owner and normal(tokens[place + 1]) in self._things:
                    tokens[place] = f"{owner}'s"
                elif normal(tokens[place + 1]) in self._words.here:
                    unknown = True
        return Owned(" ".join(tokens), unknown)

    def _apart(self, found: re.Match[str]) -> str:
        """'Leo's lights and Sam's lights' of 'Leo's and Sam's lights'."""
        both = {normal(found["one"]), normal(found["other"])} <= self._names.keys()
        told = f"{found['one']}'s {found['what']} {found['and']} {found['other']}'s {found['what']}"
        return told if both else found[0]

    def _spoken_of(self, context: Context) -> str | None:
        """Whose room or thing was spoken of last."""
        last = context.targets
        for thing in reversed(last.things) if isinstance(last, Targets) else ():
            entity = self._places.entities.get(thing.entity or "")
            area = self._places.areas.get(thing.area or "")
            for name in (*(entity.names if entity else ()), *(area.names if area else ())):
                if found := OWNER.search(name):
                    return found[1]
        return None
