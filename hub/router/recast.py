"""Other ways to say a command, brought into the form that the templates have.

'I want the lights off', 'can the blinds be opened', 'the lamp's brightness', 'turn it on so that
I can see': grammar that goes with any verb and any thing, and that no list of templates can hold.
Each language has its own table of patterns (`recast` in `data/<language>.toml`). What comes out of
them is only believed if phrases or sentences understand it word for word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from hub.home.model import normal
from hub.router.words import Words

MOST = 6
"""Other forms of one sentence that are tried: each costs as much as a sentence."""
DEEPEST = 2
"""Forms of forms: 'olly, I want the lamp off so that I can sleep'."""


def recasts(text: str, words: Words) -> Iterator[str]:
    """The other forms of a text, those first that change least; at most MOST."""
    seen = {text}
    level = [text]
    for _ in range(DEEPEST):
        level = [form for each in level for form in _forms(each, words) if form not in seen]
        for form in dict.fromkeys(level):
            seen.add(form)
            yield form
            if len(seen) > MOST:
                return


def _forms(text: str, words: Words) -> Iterator[str]:
    """The forms that one pattern makes of a text."""
    if less := _without(text, words.fillers):
        yield less
    for pattern, form in _compiled(words.recast):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        dropped = found.groupdict().get("aside")
        if dropped and _says_more(dropped, words):
            continue
        made = " ".join(found.expand(form).split())
        if made and made != text and not _denies_less(text, made, words):
            yield made


def _without(text: str, fillers: Sequence[str]) -> str | None:
    """The text without single words that change nothing; None if it has none."""
    idle = {word for word in fillers if " " not in word}
    tokens = text.split()
    kept = [token for token in tokens if normal(token) not in idle]
    return " ".join(kept) if kept and len(kept) < len(tokens) else None


def _says_more(aside: str, words: Words) -> bool:
    """Whether what would be left out has a condition or a negation in it."""
    plain = f" {normal(aside)} "
    return any(f" {normal(word)} " in plain for word in (*words.negations, *words.nots))


def _denies_less(text: str, made: str, words: Words) -> bool:
    """Whether a form lost a negation: 'the oven is on, don't turn it off'. One of an exception is
    not lost: 'all the lamps, just not the desk lamp'."""
    before, after = f" {normal(text)} ", f" {normal(made)} "
    if any(f" {normal(word)} " in after for word in words.excepting):
        return False
    return any(before.count(f" {w} ") > after.count(f" {w} ") for w in map(normal, words.nots))


@lru_cache
def _compiled(table: Sequence[tuple[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern, re.IGNORECASE), form) for pattern, form in table]
