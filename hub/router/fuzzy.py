"""Misspelt and compound commands in English, by `gazetteer-matcher`.

It explains every word of a sentence or rejects the sentence, and takes no close spelling as
permission to act. Hearth is stricter than its defaults: no word may stay unexplained except those
known to mean nothing, because a word nobody understood may be the one that matters ('not', 'in
ten minutes', a room that does not exist).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from gazetteer_matcher import GazetteerMatcher, TargetReference
from gazetteer_matcher.config import package_data_path
from home_assistant_intents import get_intent_info
from rapidfuzz import process
from rapidfuzz.fuzz import ratio
from yaml import safe_load

from hub.home.model import normal
from hub.router.context import Target, Targets
from hub.router.numbers import numbers
from hub.router.places import TARGET_SLOTS, Places
from hub.router.reading import Parsed
from hub.router.words import Words

LANGUAGE = "en"

LARGEST_NUMBER = 1000
"""In words; the default of 10,000 takes most of the time of building (digits have no limit)."""


LONG, NEAR = 4, 65.0
"""Letters of a word, and likeness (0-100) to any that the matcher knows, without which it can
never be explained (its own limits are 76 and more). In a home of 5,000 devices the matcher takes
0.1 s to find that out."""
HUNDREDS = ("hundred", "thousand")
MOST_STRANGE = 4
"""Words that the matcher does not know, however much they are like others: a sentence with more of
them is no misspelt command, and takes the longest."""


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """What the matcher makes of a text."""

    parsed: tuple[Parsed, ...] = ()
    """Accepted, in the order said; none if rejected."""
    guesses: tuple[str, ...] = ()
    """What was understood by likeness: `'kichen'→Kitchen`."""
    distance: float = 0.0
    """How far the spelling had to stretch, 0-1."""
    ambiguous: bool = False
    reason: str = ""
    """Why it was rejected."""
    code: str = ""
    """The kind of rejection."""
    entity: str | None = None
    """Id of the one entity that a rejected text named."""


class FuzzyRules:
    """The matcher for one home."""

    def __init__(self, places: Places, words: Words) -> None:
        """Takes about 0.2 s the first time, then 20 ms: build it off the event loop."""
        self._matcher = GazetteerMatcher(
            vocabulary=_vocabulary(words.fillers),
            intents={name: info for name, info in _intents().items() if name in places.tools},
            home=_home(places),
        )
        self._places = places
        self._people = words.people
        named = (*_home(places)["entities"].values(), *_home(places)["areas"].values())
        names = [name for thing in named for name in (thing["name"], *thing["aliases"])]
        names += [name for floor in places.floors.values() for name in floor.names]
        texts = [*names, *words.fillers]
        self._known = _vocabulary_words() | {w for t in texts for w in normal(t).split()}
        self._choices = tuple(self._known)
        self._kinds: dict[str, set[str]] = {}
        for kind, called in words.kinds.items():
            for word in called:
                self._kinds.setdefault(word, set()).add(kind.partition(".")[0])
        self._lock = frozenset(words.actions.get("lock", ()))
        self._foreign = lru_cache(maxsize=1024)(self._unlike)

    def _unlike(self, word: str) -> bool:
        """Whether nothing that the matcher knows is anywhere near a word."""
        if len(word) < LONG or word in self._known or _counts(word):
            return False
        return process.extractOne(word, self._choices, scorer=ratio, score_cutoff=NEAR) is None

    def read(self, text: str, area: str | None, targets: Targets | None) -> Fuzzy:
        """Understand a text; `area` is the id of the person's room."""
        said = normal(text).split()
        for word in said:
            if word in self._people or self._foreign(word):
                return Fuzzy(reason=f"unexplained: {word!r}", code="unexplained")
        strange = [word for word in said if word not in self._known and not _counts(word)]
        if len(strange) > MOST_STRANGE:
            return Fuzzy(reason=f"unexplained: {', '.join(strange)}", code="unexplained")
        result = self._matcher.interpret(
            text, context_area=area, previous_targets=_references(targets)
        )
        if not result.accepted:
            named = {str(span.value) for span in result.spans if span.tag == "name"}
            return Fuzzy(
                ambiguous=result.ambiguous,
                reason=f"{result.rejection_code}: {result.reason}",
                code=result.rejection_code or "",
                entity=named.pop() if len(named) == 1 else None,
            )
        if any(self._unfounded(frame) for frame in result.frames):
            return Fuzzy(reason="the action was guessed, and nothing was named")
        if any(self._mistaken(frame) for frame in result.frames):
            return Fuzzy(reason="a thing of another kind was named", code="unexplained")
        names = [frame.slots.get("name") for frame in result.frames]
        locks = any(frame.response_key == "lock" for frame in result.frames)
        if locks and self._only_named(said, names):
            return Fuzzy(reason="'lock' is but a part of a name")
        return Fuzzy(
            parsed=tuple(
                (frame.intent, dict(frame.slots), frame.response_key or "default")
                for frame in result.frames
            ),
            guesses=tuple(
                dict.fromkeys(g for frame in result.frames for g in self._guessed(frame))
            ),
            distance=max((frame.fuzzy_distance for frame in result.frames), default=0.0),
        )

    @staticmethod
    def _unfounded(frame: Any) -> bool:
        """A guessed action on something that was not said: 'reply' is no 'replay' in this room."""
        spoken = any(frame.slot_options[s].spans for s in TARGET_SLOTS if s in frame.slot_options)
        return frame.action_span.source.startswith("fuzzy") and not spoken

    def _mistaken(self, frame: Any) -> bool:
        """Whether a name was guessed for one that ends with a word for another kind of thing: the
        'garden heater' is no Garden Gate."""
        for option in frame.slot_options.values():
            entity = self._places.entities.get(str(option.value))
            if entity is None:
                continue
            for span in option.spans:
                last = normal(span.text).split()[-1:]
                kinds = self._kinds.get(last[0], set()) if last else set()
                if span.source.startswith("fuzzy") and kinds and entity.domain not in kinds:
                    return True
        return False

    def _only_named(self, said: Sequence[str], names: Sequence[Any]) -> bool:
        """Whether 'lock' was said but in the names of things, so that nothing is to be locked."""
        things = {self._places.entities[str(n)] for n in names if str(n) in self._places.entities}
        parts = [word for thing in things for word in normal(thing.name).split()]
        return all(0 < said.count(word) <= parts.count(word) for word in self._lock)

    def _guessed(self, frame: Any) -> Iterator[str]:
        """Each part of a frame that was understood by likeness."""
        if frame.action_span.source.startswith("fuzzy"):
            yield f"{frame.action_span.text!r}→{frame.action}"
        for option in frame.slot_options.values():
            for span in option.spans:
                if span.source.startswith("fuzzy"):
                    shown = self._matcher.display_name(option.slot, option.value)
                    yield f"{span.text!r}→{shown}"


def _counts(word: str) -> bool:
    """Whether a word is a number, or a part of one: the matcher knows these by themselves."""
    return word.isdigit() or word in HUNDREDS or bool(numbers(word, LANGUAGE))


@cache
def _intents() -> dict[str, Any]:
    return get_intent_info() or {}


@cache
def _packaged_vocabulary() -> dict[str, Any]:
    text = package_data_path("vocabulary.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = safe_load(text)
    return loaded


@cache
def _vocabulary_words() -> frozenset[str]:
    """All words in the matcher's own vocabulary, whatever they are for."""

    def texts(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            for key, each in value.items():
                yield from (*texts(key), *texts(each))
        elif isinstance(value, list | tuple):
            for each in value:
                yield from texts(each)

    return frozenset(w for text in texts(_packaged_vocabulary()) for w in normal(text).split())


@cache
def _vocabulary(fillers: tuple[str, ...]) -> dict[str, Any]:
    vocabulary = copy.deepcopy(_packaged_vocabulary())
    vocabulary["skip_phrases"] = [*vocabulary["skip_phrases"], *fillers]
    vocabulary["numbers"]["max_cardinal"] = LARGEST_NUMBER
    vocabulary["acceptance"] = {
        "max_unexplained_important_tokens": 0,
        "max_unexplained_unimportant_tokens": 0,
    }
    return vocabulary


def _home(places: Places) -> dict[str, Any]:
    """The home in the matcher's form."""
    return {
        "floors": {
            f.floor_id: {"name": f.name, "aliases": list(f.aliases)} for f in places.floors.values()
        },
        "areas": {
            a.area_id: {"name": a.name, "aliases": list(a.aliases), "floor": a.floor_id}
            for a in places.areas.values()
        },
        "entities": {
            e.entity_id: _without_none(
                {
                    "name": e.name,
                    "aliases": list(e.aliases),
                    "domain": e.domain,
                    "area": e.area_id,
                    "device_class": e.device_class,
                }
            )
            for e in places.entities.values()
        },
    }


def _without_none(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value is not None}


def _references(targets: Targets | None) -> Sequence[TargetReference]:
    return [_reference(thing) for thing in targets.things] if targets else ()


def _reference(thing: Target) -> TargetReference:
    kind = _without_none({"domain": thing.domain, "device_class": thing.device_class})
    if thing.entity:
        return TargetReference.for_entity(thing.entity)
    if thing.area:
        return TargetReference.for_area(thing.area, **kind)
    if thing.floor:
        return TargetReference.for_floor(thing.floor, **kind)
    return TargetReference(slots=kind, scope="home")
