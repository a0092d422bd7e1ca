"""Which domain a word speaks of: 'louder' of media players, 'brightness' of lights.

Learned from the sentences that there are, in every language they are in: a word of the templates
of few domains tells much, one of all of them nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from home_assistant_intents import get_intents

from hub.home.model import normal
from hub.router.places import Places
from hub.router.rules import data_language
from hub.router.words import Words

LEAST = 0.3
"""0-1: share of a word's templates that a domain must have to be hinted at."""

MOST_VALUES = 12
"""Values of a list of words like 'louder'; a longer one is of colours, classes or the like."""

_SLOT_NAME = re.compile(r"\{([^:}]*)")
_SLOT = re.compile(r"\{[^}]*\}")
_RULE = re.compile(r"<([^>]*)>")
_LETTERS = re.compile(r"[^\W\d_]+")
_NO_WORD = re.compile(r"[^\w'’]+")

Source = tuple[str, frozenset[str], frozenset[str]]
"""An intent, the domains that a template of it is for (none: all of the intent), its words."""


def hints(places: Places, words: Words) -> dict[str, dict[str, float]]:
    """Word of a command -> domain -> how much it tells of it, 0-1; of most it tells nothing."""
    served = {name: {d for t in tools for d in t.domains} for name, tools in places.tools.items()}
    counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for intent, domains, said in (*_shared(words.language), *_own(words), *_phrases(places, words)):
        meant = domains or served.get(intent, set())
        if not meant or intent not in served:
            meant = {""}  # nothing of the home: a timer, a joke
        for word in said:
            for domain in meant:
                counts[word][domain] += 1 / len(meant)
    return {word: _telling(count) for word, count in counts.items()}


@cache
def spelled(language: str) -> Mapping[str, str]:
    """Words of the shared sentences -> with their accents, where they have any."""
    code = data_language(language)
    loaded = (get_intents(code) if code else None) or {}
    texts = [
        *_rules(loaded).values(),
        *(_values(content) for content in (loaded.get("lists") or {}).values()),
        *(
            sentence
            for content in (loaded.get("intents") or {}).values()
            for block in content.get("data", ())
            for sentence in block.get("sentences", ())
        ),
    ]
    words = {word.casefold() for text in texts for word in _LETTERS.findall(_SLOT.sub(" ", text))}
    return {normal(word): word for word in sorted(words) if normal(word) != word}


def _telling(count: Mapping[str, float]) -> dict[str, float]:
    total = sum(count.values())
    return {d: n / total for d, n in count.items() if d and n / total >= LEAST}


@cache
def _shared(language: str) -> tuple[Source, ...]:
    code = data_language(language)
    return tuple(_sources((get_intents(code) if code else None) or {}, {}))


def _own(words: Words) -> Iterator[Source]:
    rules = _rules(get_intents(data_language(words.language) or "") or {})
    return _sources(words.sentences, rules)


def _phrases(places: Places, words: Words) -> Iterator[Source]:
    base = words.language.split("-")[0]
    for name, tools in places.tools.items():
        for tool in tools:
            for phrase in tool.phrases.get(words.language) or tool.phrases.get(base) or ():
                yield name, frozenset(tool.domains), frozenset(_spoken(phrase, {}))


def _sources(loaded: Mapping[str, Any], rules: Mapping[str, str]) -> Iterator[Source]:
    known = {**rules, **_rules(loaded)}
    lists = {name: _values(content) for name, content in (loaded.get("lists") or {}).items()}
    for intent, content in (loaded.get("intents") or {}).items():
        for block in content.get("data", ()):
            domains = _listed((block.get("slots") or {}).get("domain")) or _listed(
                (block.get("requires_context") or {}).get("domain")
            )
            for sentence in block.get("sentences", ()):
                listed = (_SLOT_NAME.match(slot) for slot in _SLOT.findall(sentence))
                values = [lists.get(found.group(1), "") for found in listed if found]
                said = (*_spoken(sentence, known), *(w for v in values for w in _words(v)))
                yield intent, frozenset(domains), frozenset(said)


def _rules(loaded: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(text) for name, text in (loaded.get("expansion_rules") or {}).items()}


def _values(content: Mapping[str, Any]) -> str:
    """What can be said for a list of a few words; nothing for numbers and free text."""
    values = content.get("values") or ()
    texts = [v if isinstance(v, str) else str(v.get("in", "")) for v in values]
    return re.sub(r"[\[\]]", "", " | ".join(texts)) if len(texts) <= MOST_VALUES else ""


def _listed(value: Any) -> Collection[str]:
    if isinstance(value, str):
        return (value,)
    return [str(each) for each in value] if isinstance(value, list | tuple) else ()


def _spoken(template: str, rules: Mapping[str, str], depth: int = 0) -> Iterable[str]:
    """The words of a template and of the rules in it."""
    found: set[str] = set()
    if depth < 4:
        for rule in _RULE.findall(template):
            found |= set(_spoken(rules.get(rule.split(":")[0], ""), rules, depth + 1))
    # 'light[s]' is two words; elsewhere brackets stand between words.
    text = _SLOT.sub(" ", _RULE.sub(" ", template))
    found |= set(_words(re.sub(r"\[[^\]]*\]", "", text))) | set(_words(re.sub(r"[\[\]]", "", text)))
    return found


def _words(text: str) -> Iterator[str]:
    for part in _NO_WORD.split(text):
        yield from normal(part).split()
