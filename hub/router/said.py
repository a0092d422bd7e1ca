"""One text as it was said, and what can be taken from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hub.home.model import normal
from hub.messages import Utterance
from hub.router.clean import addressed, clauses, clean, collapsed
from hub.router.context import Context, Target, Targets
from hub.router.places import Places
from hub.router.words import Words, words

DOUBT = 0.7
"""A hypothesis whose mean log-probability is this far behind the first is not considered."""
MOST_LETTERS, MOST_WORDS = 2000, 40
"""Longer texts are no commands: the first before, the second after repeated phrases are dropped."""
LONGEST_VERB = 3
"""Words at the beginning of a command that may go for the next thing, too: 'turn off'."""


@dataclass(frozen=True, slots=True)
class Said:
    """One hypothesis, cleaned."""

    command: str
    """Without politeness."""
    all: str
    """With it, in case a skill's phrase is made of it: 'can you hear me'."""
    prompted: bool = False
    """As in `Hypothesis`: nothing is guessed from it."""
    clauses: str = ""
    """The command with its commas as words of their own, if it has any."""


def sayings(utterance: Utterance, language: str, context: Context) -> list[Said]:
    """The hypotheses worth a try, the likeliest first."""
    first = utterance.hypotheses[0].score if utterance.hypotheses else 0.0
    near = [h for h in utterance.hypotheses if first - h.score <= DOUBT]
    known = words(language)
    said = (
        Said(
            clean(text, known, context.wake),
            addressed(text, known, context.wake),
            prompted,
            clauses(text, known, context.wake),
        )
        for text, prompted in (
            (collapsed(h.text), h.prompted) for h in near if len(h.text) <= MOST_LETTERS
        )
        if len(text.split()) <= MOST_WORDS
    )
    return [each for each in dict.fromkeys(said) if each.command]


def without_all(text: str, known: Words) -> str | None:
    """The text without its word for everything; None if it has none, or is about this room."""
    tokens = text.split()
    plain = [normal(token) for token in tokens]
    whole = f" {' '.join(plain)} "
    said = [phrase for phrase in known.all if f" {phrase} " in whole]
    if not said or known.here & set(plain):
        return None
    for phrase in said:
        length = len(phrase.split())
        for start in range(len(tokens)):
            rest = f"{' '.join(plain[start:])} "
            if any(rest.startswith(f"{fully} ") for fully in known.fully):
                continue  # 'all the way up'
            if rest.startswith(f"{phrase} "):
                return " ".join([*tokens[:start], *tokens[start + length :]])
    return None


def without_here(text: str, known: Words) -> str | None:
    """The text without its word for the person's room at the end; None if it has none."""
    return without_end(text, known.in_here)


def without_end(text: str, phrases: Sequence[str]) -> str | None:
    """The text without one of these phrases at its end; None if it has none."""
    tokens = text.split()
    for phrase in phrases:
        count = len(phrase.split())
        if len(tokens) > count and normal(" ".join(tokens[-count:])) == phrase:
            return " ".join(tokens[:-count])
    return None


def without_middle(text: str, phrases: Sequence[str]) -> str | None:
    """The text without one of these phrases in its middle; None if it has none. The second word
    counts as the beginning: 'is there a light on'."""
    tokens = text.split()
    plain = [normal(token) for token in tokens]
    for phrase in phrases:
        count = len(phrase.split())
        for start in range(2, len(tokens) - count):
            if " ".join(plain[start : start + count]) == phrase:
                return " ".join([*tokens[:start], *tokens[start + count :]])
    return None


def many_lights(text: str, known: Words) -> bool:
    """Whether lights are spoken of as several, and not those in this room."""
    said = set(normal(text).split())
    return bool(known.many & said) and not known.here & said


def begins(whole: str, text: str) -> bool:
    """Whether a text is the beginning of another: nothing is weighed for the rest, so that it
    always seems likelier."""
    return f"{normal(whole)} ".startswith(f"{normal(text)} ")


def the_one(part: str, last: Targets, places: Places, known: Words) -> str:
    """'The one in the hall' after a light was spoken of: 'the light in the hall'."""
    thing = last.things[-1] if last.things else Target()
    entity = places.entities.get(thing.entity or "")
    domain = entity.domain if entity else thing.domain
    kinds = known.kinds.get(domain or "", ())
    for phrase in known.ones:
        if kinds and normal(part).startswith(f"{phrase} "):
            return " ".join(["the", kinds[0], *part.split()[len(phrase.split()) :]])
    return part


def inherited(verbs: Sequence[str], part: str, known: Words) -> Iterator[str]:
    """A part of a sentence with what it has in common with the first: its verb ('turn off'), the
    verb and what goes with it at the end ('turn - off'), or its end ('on the shopping list')."""
    counts = range(1, min(LONGEST_VERB, len(verbs) - 1) + 1)
    for count in counts:
        yield " ".join([*verbs[:count], part])
    if len(verbs) > 2 and normal(verbs[-1]) in known.acting:
        for count in counts:
            yield " ".join([*verbs[:count], part, verbs[-1]])
    for start in range(len(verbs) - 2, 1, -1):
        if normal(verbs[start]) in known.linking:
            yield " ".join([part, *verbs[start:]])
