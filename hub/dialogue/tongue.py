"""Which of several languages a text is in, told by the small words of each."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from hub.dialogue.answers import answers
from hub.home.model import normal
from hub.router.words import words


def familiar(text: str, language: str) -> float:
    """0-1: the share of the words of a text that are small words of a language ('the', 'mach')."""
    said = normal(text).split()
    known = _small(language)
    return sum(word in known for word in said) / len(said) if said else 0.0


@cache
def _small(language: str) -> frozenset[str]:
    known, short = words(language), answers(language)
    phrases: Iterable[str] = (
        *known.before,
        *known.after,
        *known.fillers,
        *known.dangling,
        *known.openers,
        *known.inside,
        *known.articles,
        *known.adding,
        *known.too,
        *known.singular,
        *known.plural,
        *known.negations,
        *known.conjunctions,
        *known.all,
        *known.later,
        *known.repeating,
        *(phrase for said in known.kinds.values() for phrase in said),
        *(phrase for said in known.rooms.values() for phrase in said),
        *(phrase for said in known.actions.values() for phrase in said),
        *short.yes,
        *short.no,
        *short.polite,
        *short.idle,
    )
    return frozenset(word for phrase in phrases for word in phrase.split())
