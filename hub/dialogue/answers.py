"""What counts as an answer in each language: yes, no, and the words that choose."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hassil import parse_sentence
from hassil.sample import sample_expression
from home_assistant_intents import get_intents

from hub.home.model import normal
from hub.language import FOLDER, has_words, words

NEVER_MIND = "HassNevermind"
MOST_SAMPLES = 40
"""Wordings taken of one template for 'never mind'."""
SCRIPTS = {"zh-tw": "zh-Hant", "zh-hk": "zh-Hant"}
"""Languages of which another than the base language has the words."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The words of one language, in the normal form of names. All but yes and no may be empty."""

    yes: tuple[str, ...]
    no: tuple[str, ...]
    polite: frozenset[str] = frozenset()
    """Words that may stand beside a yes or a no: 'please'."""
    idle: frozenset[str] = frozenset()
    """Words that may stand beside a choice and say nothing: 'the', 'one'."""
    all: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    """'neither': none of what was offered."""
    last: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    order: tuple[tuple[str, ...], ...] = ()
    """Words for the first, for the second, and so on."""
    drop: frozenset[str] = frozenset()
    """Words that want no more of what is being talked about: 'never mind'."""


@cache
def answers(language: str) -> Answers:
    """What counts as an answer in a language (BCP 47); in one that nobody has words of, English."""
    table = _table()
    base = language.split("-")[0].lower()
    chosen = next(
        (
            code
            for code in (language, SCRIPTS.get(language.lower(), ""), base)
            if code in table["yes"]
        ),
        "en",
    )
    own = words(language) if has_words(language) else {}
    more: Mapping[str, Any] = table.get(base) or {}

    def phrases(key: str) -> tuple[str, ...]:
        return _normal(more.get(key, ()))

    return Answers(
        yes=_normal([*own.get("yes", ()), *table["yes"][chosen]]),
        no=_normal([*own.get("no", ()), *table["no"][chosen], *_never_mind(language)]),
        polite=frozenset(word for text in phrases("polite") for word in text.split()),
        idle=frozenset(word for text in phrases("idle") for word in text.split()),
        all=phrases("all"),
        both=phrases("both"),
        none=phrases("none"),
        last=phrases("last"),
        other=phrases("other"),
        order=tuple(_normal(said) for said in more.get("order", ())),
        drop=frozenset(_normal([*own.get("drop", ()), *_never_mind(language)])),
    )


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "answers.toml").read_text(encoding="utf-8"))


def _never_mind(language: str) -> Iterator[str]:
    """'Never mind', as home-assistant-intents has it in a language."""
    found = get_intents(language) or get_intents(language.split("-")[0]) or {}
    rules = {
        name: parse_sentence(text) for name, text in (found.get("expansion_rules") or {}).items()
    }
    intent = (found.get("intents") or {}).get(NEVER_MIND) or {}
    for block in intent.get("data", ()):
        for template in block["sentences"]:
            said = sample_expression(
                parse_sentence(template).expression, expansion_rules=rules, language=language
            )
            yield from itertools.islice(said, MOST_SAMPLES)


def _normal(texts: Iterable[str]) -> tuple[str, ...]:
    """In the form in which names are compared, the longest first."""
    said = {normal(text) for text in texts} - {""}
    return tuple(sorted(said, key=lambda text: (-len(text), text)))
