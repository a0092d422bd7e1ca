"""The likeliest things and tools for an utterance, however it was spelt, in milliseconds.

Names share words ('Kitchen' is in twenty of them), so words are compared, not names: each
different word of the home once, by spelling (`rapidfuzz`) and by sound (`jellyfish`). What that
says of each entity is added up in arrays, so the time hardly grows with the size of a home. A word
that many names share says little and weighs little (inverse document frequency); a word like
'louder' names nothing and yet speaks of a kind of device (`hints`).
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hub.home.model import Area, Entity, Floor, normal
from hub.messages import ToolSpec
from hub.router.hints import hints
from hub.router.likeness import Likeness
from hub.router.places import Places, spellings
from hub.router.words import Words

LEAST = 0.1
"""Weight of a word that every name has."""
KIND_WEIGHT, ROOM_WEIGHT, HERE_WEIGHT, HINT_WEIGHT = 0.35, 0.35, 0.35, 0.35
"""What 'light', 'kitchen', being in the kitchen, and 'brighter' add to a thing's likelihood."""
ELSEWHERE_WEIGHT = 0.1
"""What being in the person's room adds where another one was named."""
NAME_POWER = 1.5
"""Half a name is less than half as likely to mean it: 'make' is half of a coffee maker."""
PLACE_SAID = 0.6
"""How much of a place's name must have been said for it to be a candidate."""
WHOLLY_SAID = 0.9
"""How much of a place's name must have been said for it to be what was said."""
MOST_PLACES = 4
MOST_NEARBY = 3
NEARBY = 0.5
"""0-1: what must speak for a thing in the person's room for it to be a candidate for sure."""
MOST_GROUPS = 3
MOST_PARTS = 3
SMALL = 1e-6

Scores = NDArray[np.float32]


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
    hint: float = 0.0
    """How much the other words speak of its domain."""
    room_said: bool = False
    """Some room was named."""

    @property
    def score(self) -> float:
        """For ordering only; may be above 1."""
        here = ELSEWHERE_WEIGHT if self.room_said else HERE_WEIGHT
        return float(
            self.name**NAME_POWER
            + KIND_WEIGHT * self.kind
            + ROOM_WEIGHT * self.room
            + here * self.here * max(self.kind, self.name, self.hint)
            + HINT_WEIGHT * self.hint
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
    """Entities, then groups of them."""
    tools: tuple[tuple[ToolSpec, float], ...] = ()
    """With the weight of their own words among those that were said."""
    areas: tuple[str, ...] = ()
    """Ids of the areas that were named."""
    floors: tuple[str, ...] = ()


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

    def words(self, key: str) -> frozenset[str]:
        """All words in the names of a thing."""
        return frozenset(word for name in self.names[key] for word in name)

    def said(self, key: str, alike: Mapping[str, float]) -> float:
        """How much of the best name of a thing was said, 0-1, by the weight of its words."""
        best = 0.0
        for name in self.names[key]:
            weights = [self.weight(word) for word in name]
            heard = sum(
                weight * alike.get(word, 0.0) for weight, word in zip(weights, name, strict=True)
            )
            best = max(best, heard / sum(weights))
        return best


class _Names:
    """Which part of which name a word is, for all names of all entities at once."""

    def __init__(self, index: _Index, order: Mapping[str, int]) -> None:
        owners: list[int] = []
        rows: dict[str, list[int]] = defaultdict(list)
        shares: dict[str, list[float]] = defaultdict(list)
        weights = {word: index.weight(word) for word in index.owners}
        for key, names in index.names.items():
            for name in names:
                total = sum(weights[word] for word in name)
                for word in name:
                    rows[word].append(len(owners))
                    shares[word].append(weights[word] / total)
                owners.append(order[key])
        self._owners = np.array(owners, np.int32)
        self._rows = {word: np.array(found, np.int32) for word, found in rows.items()}
        self._shares = {word: np.array(found, np.float32) for word, found in shares.items()}
        self._count = len(order)

    def said(self, alike: Mapping[str, float]) -> Scores:
        """For each entity, how much of its best name was said."""
        heard = np.zeros(len(self._owners), np.float32)
        for word, likeness in alike.items():
            if word in self._rows:
                # A word that stands in a name twice is in its row twice.
                np.add.at(heard, self._rows[word], self._shares[word] * likeness)
        best = np.zeros(self._count, np.float32)
        np.maximum.at(best, self._owners, np.minimum(heard, 1))
        return best


@dataclass(frozen=True, slots=True)
class _Evidence:
    """All entities with what an utterance says of them, as arrays."""

    name: Scores
    kind: Scores
    room: Scores
    here: Scores
    hint: Scores
    room_said: bool

    @property
    def score(self) -> Scores:
        """See `Thing.score`."""
        here = ELSEWHERE_WEIGHT if self.room_said else HERE_WEIGHT
        return (  # type: ignore[no-any-return]
            self.name**NAME_POWER
            + KIND_WEIGHT * self.kind
            + ROOM_WEIGHT * self.room
            + here * self.here * np.maximum(np.maximum(self.kind, self.name), self.hint)
            + HINT_WEIGHT * self.hint
        )


class Retriever:
    """Finds things and tools of one home in one language."""

    def __init__(self, places: Places, words: Words) -> None:
        self._places = places
        self._words = words
        self._keys = list(places.entities)
        order = {key: number for number, key in enumerate(self._keys)}
        self._index_names(order)
        self._index_kinds(order)
        self._index_tools()
        self._hints = hints(places, words)
        self.known = self._hints.keys()
        """Words of commands, in normal form."""
        self._likeness = Likeness(
            {*self._entities.owners, *self._areas.owners, *self._floors.owners}
            | {word for kind in self._kinds for word in kind.split()},
            words.language,
            self._hints,
        )

    def _index_names(self, order: Mapping[str, int]) -> None:
        self._entities, self._areas, self._floors = _Index(), _Index(), _Index()
        for entity in self._places.entities.values():
            self._entities.add(entity.entity_id, spellings(entity.names))
        self._add_places(self._areas, self._places.areas)
        self._add_places(self._floors, self._places.floors)
        self._names = _Names(self._entities, order)
        numbers = {area: number for number, area in enumerate(self._places.areas)}
        self._area_numbers = numbers
        self._area_of = np.array(
            [
                numbers.get(entity.area_id or "", len(numbers))
                for entity in self._places.entities.values()
            ],
            np.int32,
        )

    @staticmethod
    def _add_places(index: _Index, places: Mapping[str, Area] | Mapping[str, Floor]) -> None:
        for key, place in places.items():
            index.add(key, spellings(place.names))

    def _index_kinds(self, order: Mapping[str, int]) -> None:
        kinds: dict[str, list[int]] = defaultdict(list)
        domains: dict[str, list[int]] = defaultdict(list)
        same: dict[str, int] = defaultdict(int)
        for entity in self._places.entities.values():
            number = order[entity.entity_id]
            for kind in self._words.kinds_of(entity.domain, entity.device_class, entity.name):
                kinds[kind].append(number)
            domains[entity.domain].append(number)
            same[_kind(entity)] += 1
        self._kinds = {kind: np.array(found, np.int32) for kind, found in kinds.items()}
        self._domains = {domain: np.array(found, np.int32) for domain, found in domains.items()}
        self._same = same

    def _index_tools(self) -> None:
        self._tools = _Index()
        self._specs = {
            f"{tool.name}#{number}": tool
            for number, tool in enumerate(
                tool for several in self._places.tools.values() for tool in several
            )
        }
        for key, tool in self._specs.items():
            self._tools.add(key, [tool.description, *tool.examples])
        small = (self._words.before, self._words.after, self._words.fillers, self._words.dangling)
        self._small = {w for phrases in small for phrase in phrases for w in phrase.split()}

    def find(
        self,
        texts: Sequence[str],
        area: str | None,
        *,
        things: int = 8,
        tools: int = 5,
        groups: int = MOST_GROUPS,
    ) -> Found:
        """What the texts (all hypotheses of one utterance) may mean; `area` is the room's id.

        At most so many things, of which so many may be groups."""
        said = list(dict.fromkeys(token for text in texts for token in _tokens(text)))
        alike = self._likeness.of(said)
        evidence = self._weigh(alike, said, area)
        together = self._groups(evidence, area)[: min(groups, things // 2)]
        chosen = self._best(evidence, texts, area, things - len(together))
        found = [self._thing(number, evidence) for number in chosen]
        domains = {thing.domain for thing in found}
        return Found(
            (*found, *together),
            tuple(self._ranked_tools(set(said), domains)[:tools]),
            self._said(self._areas, alike),
            self._said(self._floors, alike),
        )

    def _weigh(
        self, alike: Mapping[str, float], said: Sequence[str], here: str | None
    ) -> _Evidence:
        count = len(self._keys)
        kind, hint = np.zeros(count, np.float32), np.zeros(count, np.float32)
        for name, members in self._kinds.items():
            if likeness := min((alike.get(word, 0.0) for word in name.split()), default=0.0):
                kind[members] = np.maximum(kind[members], likeness)
        for domain, weight in self._hinted(said).items():
            if domain in self._domains:
                hint[self._domains[domain]] = weight
        rooms = np.zeros(len(self._area_numbers) + 1, np.float32)
        for key in {key for word in alike for key in self._areas.owners.get(word, ())}:
            rooms[self._area_numbers[key]] = self._areas.said(key, alike)
        near = np.zeros(len(rooms), np.float32)
        if here in self._area_numbers:
            near[self._area_numbers[here]] = 1
        return _Evidence(
            self._names.said(alike),
            kind,
            rooms[self._area_of],
            near[self._area_of],
            hint,
            bool(rooms.max() >= PLACE_SAID),
        )

    def _hinted(self, said: Sequence[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for word in said:
            for domain, weight in self._hints.get(word, {}).items():
                found[domain] = max(found.get(domain, 0.0), weight)
        return found

    def _best(
        self, evidence: _Evidence, texts: Sequence[str], area: str | None, most: int
    ) -> list[int]:
        """Numbers of the likeliest entities. Each of several commands in a sentence has a share:
        'lock the front door and turn off the kitchen lights'."""
        rankings = [self._highest(evidence, most)]
        parts = self._parts(texts[0]) if texts else []
        for part in parts if len(parts) > 1 else ():
            said = _tokens(part)
            rankings.append(_highest(self._weigh(self._likeness.of(said), said, area).score, most))
        chosen: list[int] = []
        for row in itertools.zip_longest(*rankings[1:] or rankings):
            chosen += [number for number in row if number is not None and number not in chosen]
        nearby = self._nearby(evidence, min(MOST_NEARBY, most // 3))
        missing = [number for number in nearby if number not in chosen[:most]]
        chosen = [*chosen[: most - len(missing)], *missing]
        kept = set(chosen[:most])
        return [n for n in rankings[0] if n in kept] + [
            n for n in chosen[:most] if n not in rankings[0]
        ]

    @staticmethod
    def _nearby(evidence: _Evidence, most: int) -> list[int]:
        """Those in the person's room, where no other was named: 'set the temperature' is about
        the thermostat here, though a hundred sensors are called so."""
        meant = np.maximum(np.maximum(evidence.name, evidence.kind), evidence.hint) >= NEARBY
        here = evidence.here * meant * evidence.score
        return [] if evidence.room_said else _highest(here, most)

    def _highest(self, evidence: _Evidence, most: int) -> list[int]:
        """Numbers of the entities of the highest scores above zero. Of those that only a word
        like 'louder' speaks of, each domain has some: 'turn it up' may be music or a light."""
        score = evidence.score
        said = np.maximum(np.maximum(evidence.name, evidence.kind), evidence.room)
        hinted = (said < SMALL) & (evidence.hint > SMALL)
        if np.count_nonzero(hinted) > most:
            lists = [own for m in self._domains.values() if len(own := m[hinted[m]])]
            share = -(-most // len(lists))
            for own in lists:
                score[own[np.argsort(-score[own], kind="stable")][share:]] = 0
        return _highest(score, most)

    def _parts(self, text: str) -> list[str]:
        """The text cut at all its conjunctions."""
        words = normal(text).split()
        parts: list[list[str]] = [[]]
        place = 0
        while place < len(words):
            for phrase in self._words.conjunctions:
                length = len(phrase.split())
                if " ".join(words[place : place + length]) == phrase:
                    parts.append([])
                    place += length
                    break
            else:
                parts[-1].append(words[place])
                place += 1
        return [" ".join(part) for part in parts if part][:MOST_PARTS]

    def _thing(self, number: int, evidence: _Evidence) -> Thing:
        entity = self._places.entities[self._keys[number]]
        return Thing(
            entity.entity_id,
            entity.name,
            entity.domain,
            entity.area_id,
            entity.entity_id,
            name=float(evidence.name[number]),
            kind=float(evidence.kind[number]),
            room=float(evidence.room[number]),
            here=bool(evidence.here[number]),
            alone=self._same[_kind(entity)] == 1,
            hint=float(evidence.hint[number]),
            room_said=evidence.room_said,
        )

    def _groups(self, evidence: _Evidence, here: str | None) -> list[Thing]:
        """'The lights in the kitchen', for each kind and room that was said."""
        close = np.flatnonzero((evidence.kind > 0) & ((evidence.room > 0) | (evidence.here > 0)))
        groups: dict[tuple[str, str], Thing] = {}
        for number in close:
            entity = self._places.entities[self._keys[number]]
            area = self._places.areas.get(entity.area_id or "")
            if area is None:
                continue
            before = groups.get((area.area_id, entity.domain))
            kind = float(evidence.kind[number])
            if before is None or before.kind < kind:
                groups[area.area_id, entity.domain] = Thing(
                    f"{area.area_id}/{entity.domain}",
                    f"all in {area.name}",
                    entity.domain,
                    area.area_id,
                    None,
                    kind=kind,
                    room=float(evidence.room[number]),
                    here=area.area_id == here,
                    room_said=evidence.room_said,
                )
        return sorted(groups.values(), key=lambda thing: (-thing.score, thing.key))[:MOST_GROUPS]

    def _said(self, index: _Index, alike: Mapping[str, float]) -> tuple[str, ...]:
        """The places that were named, the surest first."""
        keys = {key for word in alike for key in index.owners.get(word, ())}
        scores = sorted(
            ((index.said(key, alike), key) for key in keys), key=lambda s: (-s[0], s[1])
        )
        whole = [index.words(key) for score, key in scores if score >= WHOLLY_SAID]
        found = (
            key
            for score, key in scores
            if score >= PLACE_SAID
            # Where there is a 'Kitchen', 'the kitchen' is not 'Kitchen 2'.
            if score >= WHOLLY_SAID
            or not any(index.words(key) & alike.keys() <= words for words in whole)
        )
        return tuple(itertools.islice(found, MOST_PLACES))

    def _ranked_tools(
        self, said: set[str], domains: Collection[str]
    ) -> list[tuple[ToolSpec, float]]:
        """The tools with the weight of their own words among those that were said."""
        weights = dict.fromkeys(self._specs, 0.0)
        for word in said - self._small:
            for key in self._tools.owners.get(word, ()):
                weights[key] += self._tools.weight(word)
        return sorted(
            ((self._specs[key], weight) for key, weight in weights.items()),
            key=lambda weighed: -weighed[1] - _service(weighed[0], domains),
        )


def _highest(score: Scores, most: int) -> list[int]:
    """The places of the highest scores above zero."""
    most = min(most, len(score))
    if not most:
        return []
    best = np.argpartition(-score, most - 1)[:most]
    ordered = sorted((-float(score[number]), int(number)) for number in best)
    return [number for negative, number in ordered if negative < -SMALL]


def _service(tool: ToolSpec, domains: Collection[str]) -> float:
    """A tool for devices is likely if such a device was found, and hardly otherwise."""
    if not tool.domains:
        return 0.0
    return 1.0 if set(domains) & set(tool.domains) else -2.0


def _tokens(text: str) -> list[str]:
    """The words, and neighbours as one word: 'bed side' may be 'bedside'."""
    words = normal(text).split()
    return [*words, *("".join(pair) for pair in itertools.pairwise(words))]


def _kind(entity: Entity) -> str:
    return f"{entity.domain}.{entity.device_class}"
