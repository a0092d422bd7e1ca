"""The likeliest things and tools for an utterance, however it was spelt, in milliseconds.

Names share words ('Kitchen' is in twenty of them), so words are compared, not names: each
different word of the home once, by spelling (`rapidfuzz`) and by sound (`jellyfish`). The work
grows with the vocabulary of a home, hardly with its size. A word that many names share says little
and weighs little (inverse document frequency).
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jellyfish import metaphone
from rapidfuzz import fuzz, process

from hub.home.model import Entity, normal
from hub.messages import ToolSpec
from hub.router.places import Places, spellings
from hub.router.words import Words

ALIKE = 76.0
"""0-100: from which likeness two words may be the same one, misheard."""
SOUNDS_ALIKE = 0.85
"""Likeness of two words of the same sound: 'lite' and 'light'."""
LEAST = 0.1
"""Weight of a word that every name has."""
HALF_ALIKE = 60.0
"""0-100: likeness that words of one sound need, since a sound has no vowels: 'like', 'lock'."""
SHORTEST_SOUND = 3
"""Letters of a word from which its sound says something."""
KIND_WEIGHT, ROOM_WEIGHT, HERE_WEIGHT = 0.35, 0.35, 0.15
"""What 'light', 'kitchen', and being in the kitchen add to a thing's likelihood."""


@dataclass(frozen=True, slots=True)
class Thing:
    """An entity, or all entities of a domain in an area, with the evidence for it. All 0-1."""

    key: str
    """Entity id, or `area/domain`."""
    label: str
    domain: str
    area: str | None
    """Id of its area."""
    entity: str | None
    """Entity id; None for a group."""
    name: float = 0.0
    """How much of its name was said."""
    kind: float = 0.0
    """Whether it was said what it is."""
    room: float = 0.0
    """How much of its area's name was said."""
    here: bool = False
    """It is where the person is."""
    alone: bool = False
    """The only one of its kind in the home."""

    @property
    def score(self) -> float:
        """For ordering only; may be above 1."""
        return (
            self.name
            + KIND_WEIGHT * self.kind
            + ROOM_WEIGHT * self.room
            + HERE_WEIGHT * self.here * (self.kind or self.name)
        )

    @property
    def evidence(self) -> float:
        """0-1: how surely the words mean this: by its name, or by its kind and place."""
        place = 1.0 if self.alone or (self.here and not self.room) else self.room
        return max(self.name, min(self.kind, place))


@dataclass(frozen=True, slots=True)
class Found:
    """What may have been meant, the likeliest first."""

    things: tuple[Thing, ...] = ()
    tools: tuple[tuple[ToolSpec, float], ...] = ()
    """With the weight of their own words among those that were said."""


@dataclass(slots=True)
class _Index:
    """Words with where they stand."""

    owners: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    names: dict[str, list[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, key: str, names: Iterable[str]) -> None:
        for name in names:
            parts = tuple(normal(name).split())
            if parts and parts not in self.names[key]:
                self.names[key].append(parts)
                for part in parts:
                    self.owners[part].add(key)

    def weight(self, word: str) -> float:
        """Inverse document frequency: 1 for a word of one thing alone, near 0 for one of all."""
        owners = max(1, len(self.owners.get(word, ())))
        return LEAST + (1 - LEAST) * math.log(1 + len(self.names) / owners) / math.log(
            1 + max(1, len(self.names))
        )


class Retriever:
    """Finds things and tools of one home in one language."""

    def __init__(self, places: Places, words: Words) -> None:
        self._places = places
        self._words = words
        self._entities, self._areas, self._tools = _Index(), _Index(), _Index()
        for entity in places.entities.values():
            self._entities.add(entity.entity_id, spellings(entity.names))
        for area in places.areas.values():
            self._areas.add(area.area_id, spellings(area.names))
        self._specs = {
            f"{tool.name}#{number}": tool
            for number, tool in enumerate(t for several in places.tools.values() for t in several)
        }
        for key, tool in self._specs.items():
            self._tools.add(key, [tool.description, *tool.examples])
        self._small = {
            word
            for phrases in (words.before, words.after, words.fillers, words.dangling)
            for phrase in phrases
            for word in phrase.split()
        }
        self._kinds: dict[str, set[str]] = defaultdict(set)
        self._of_kind: dict[str, list[str]] = defaultdict(list)
        for entity in places.entities.values():
            for kind in words.kinds_of(entity.domain, entity.device_class, entity.name):
                self._kinds[kind].add(entity.entity_id)
            self._of_kind[_kind(entity)].append(entity.entity_id)
        self._vocabulary = tuple(
            {*self._entities.owners, *self._areas.owners, *_single(self._kinds)}
        )
        self._sounds: dict[str, list[str]] = defaultdict(list)
        for word in self._vocabulary:
            if len(word) >= SHORTEST_SOUND and (sound := metaphone(word)):
                self._sounds[sound].append(word)

    def find(
        self, texts: Sequence[str], area: str | None, *, things: int = 8, tools: int = 5
    ) -> Found:
        """What the texts (all hypotheses of one utterance) may mean; `area` is the room's id."""
        said = tuple(dict.fromkeys(token for text in texts for token in _tokens(text)))
        alike = self._alike(said)
        found = sorted(
            self._things(alike, set(said), area), key=lambda thing: (-thing.score, thing.key)
        )[:things]
        domains = {thing.domain for thing in found}
        ranked = sorted(
            self._weighed(set(said)),
            key=lambda weighed: -weighed[1] - _service(weighed[0], domains),
        )
        return Found(tuple(found), tuple(ranked[:tools]))

    def _alike(self, said: Sequence[str]) -> dict[str, float]:
        """Each word of the home that is like one that was said -> how alike, 0-1."""
        best: dict[str, float] = {}
        for token in said:
            if len(token) < SHORTEST_SOUND:
                if token in self._entities.owners or token in self._areas.owners:
                    best[token] = 1.0
                continue
            for word, score, _ in process.extract(
                token, self._vocabulary, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=None
            ):
                best[word] = max(best.get(word, 0.0), score / 100)
            for word in self._sounds.get(metaphone(token), ()):
                if fuzz.ratio(token, word) >= HALF_ALIKE:
                    best[word] = max(best.get(word, 0.0), SOUNDS_ALIKE)
        return best

    def _things(
        self, alike: Mapping[str, float], said: set[str], here: str | None
    ) -> Iterable[Thing]:
        rooms = {
            key: self._said(self._areas, key, alike)
            for key in {owner for word in alike for owner in self._areas.owners.get(word, ())}
        }
        kinds = self._kinds_said(alike)
        keys = {owner for word in alike for owner in self._entities.owners.get(word, ())}
        for key in keys | kinds.keys():
            entity = self._places.entities[key]
            yield Thing(
                key,
                entity.name,
                entity.domain,
                entity.area_id,
                key,
                name=self._said(self._entities, key, alike),
                kind=kinds.get(key, 0.0),
                room=rooms.get(entity.area_id or "", 0.0),
                here=entity.area_id is not None and entity.area_id == here,
                alone=len(self._of_kind[_kind(entity)]) == 1,
            )
        yield from self._groups(kinds, rooms, here)

    def _groups(
        self, kinds: Mapping[str, float], rooms: Mapping[str, float], here: str | None
    ) -> Iterable[Thing]:
        """'The lights in the kitchen', for each kind and room that was said."""
        groups: dict[tuple[str, str], float] = {}
        for key, likeness in kinds.items():
            entity = self._places.entities[key]
            area = entity.area_id
            if area and (area in rooms or area == here):
                group = (area, entity.domain)
                groups[group] = max(groups.get(group, 0.0), likeness)
        for (area, domain), likeness in groups.items():
            yield Thing(
                f"{area}/{domain}",
                f"all in {self._places.areas[area].name}" if area in self._places.areas else area,
                domain,
                area,
                None,
                kind=likeness,
                room=rooms.get(area, 0.0),
                here=area == here,
            )

    def _kinds_said(self, alike: Mapping[str, float]) -> dict[str, float]:
        """Entity -> how surely it was said what it is."""
        found: dict[str, float] = {}
        for kind, keys in self._kinds.items():
            likeness = min((alike.get(word, 0.0) for word in kind.split()), default=0.0)
            if likeness:
                for key in keys:
                    found[key] = max(found.get(key, 0.0), likeness)
        return found

    def _said(self, index: _Index, key: str, alike: Mapping[str, float]) -> float:
        """How much of the best name of a thing was said, 0-1, by the weight of its words."""
        best = 0.0
        for name in index.names[key]:
            weights = [index.weight(word) for word in name]
            heard = sum(
                weight * alike.get(word, 0.0) for weight, word in zip(weights, name, strict=True)
            )
            best = max(best, heard / sum(weights))
        return best

    def _weighed(self, said: set[str]) -> Iterable[tuple[ToolSpec, float]]:
        """The tools with the weight of their own words among those that were said."""
        telling = said - self._small
        for key, tool in self._specs.items():
            own = {word for text in self._tools.names[key] for word in text}
            yield tool, sum(self._tools.weight(word) for word in telling & own)


def _service(tool: ToolSpec, domains: set[str]) -> float:
    """A tool for devices is likely if such a device was found, and hardly otherwise."""
    if not tool.domains:
        return 0.0
    return 1.0 if domains & set(tool.domains) else -2.0


def _tokens(text: str) -> list[str]:
    """The words, and neighbours as one word: 'bed side' may be 'bedside'."""
    words = normal(text).split()
    return [*words, *("".join(pair) for pair in itertools.pairwise(words))]


def _kind(entity: Entity) -> str:
    return f"{entity.domain}.{entity.device_class}"


def _single(kinds: Iterable[str]) -> set[str]:
    return {word for kind in kinds for word in kind.split()}
