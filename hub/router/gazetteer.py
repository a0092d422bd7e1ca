"""A tolerant reading of commands, word by word, in languages that have a lexicon.

What `gazetteer-matcher` does for English (`fuzzy`): every word of a sentence must have a meaning, in
whatever order they stand, or nothing is done. Names, rooms and kinds of things come from the home;
the rest of the words, and the ways in which they make a command, from `data/<language>.
gazetteer.toml`. Compounds of a room and a kind ('Küchenlicht') are taken apart; particles are told
from prepositions by what follows them ('mach das Licht an', 'an der Wand').
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import Any

from hub.home.model import Entity, normal
from hub.router import lexicon as lex
from hub.router.clean import COMMA
from hub.router.compound import together
from hub.router.context import Context
from hub.router.lexicon import Frame, Lexicon
from hub.router.likeness import COMPOUNDING, LINKS, SHORTEST_PART
from hub.router.places import Places, spellings
from hub.router.reading import Reading
from hub.router.readings import EXPLAINED_QUALITY, from_matches, narrowed
from hub.router.rules import ANYTHING, FULL, NOWHERE, Match, spoken_rooms
from hub.router.words import Words

MOST_WORDS = 20
"""Longer sentences are stories."""
MOST_CALLS = 4
"""Things that one sentence may name."""
LONGEST_OPEN = 3
"""Words of what is not known: the name of a timer."""
LONGEST_NAME = 6
SHORTEST_STEM = 3
"""Letters of a name or kind that may end otherwise."""
CLASSED = ("cover", "binary_sensor")
"""Domains whose kinds are told by the device class."""
SMALL = frozenset([lex.IDLE, lex.ARTICLE, lex.PREPOSITION])
WORD = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+|[%°,]")
GROUPS = {"which": "which", "how_many": "how_many", "all_q": "all"}
"""Tags of a question -> key of its answer."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a sentence that mean something together."""

    text: str
    tags: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    """Ids of what is called so."""
    kinds: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    word: str = ""
    """The word for the kind."""

    @property
    def known(self) -> bool:
        return bool(self.tags or self.names or self.kinds or self.areas or self.floors)


@dataclass(frozen=True, slots=True)
class Roles:
    """What the pieces of a sentence are in one frame."""

    things: tuple[Piece, ...]
    areas: tuple[str, ...]
    floors: tuple[str, ...]
    plain: tuple[Piece, ...]
    rest: tuple[int, ...]
    """Places of pieces that the frame has no use for."""


class Gazetteer:
    """The words of one home, in one language with a lexicon."""

    def __init__(self, places: Places, words: Words, known: Lexicon) -> None:
        """Takes milliseconds, and a tenth of a second in a home of thousands of devices."""
        self._places = places
        self._words = words
        self._lexicon = known
        self._names: dict[str, list[str]] = {}
        self._loose: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for entity in places.entities.values():
            for name in spellings(entity.names):
                self._add(self._names, normal(name), entity.entity_id)
                said = tuple(normal(name).split())
                if len(said) > 1:
                    self._loose.setdefault(said[0], []).append((said, entity.entity_id))
        self._areas: dict[str, list[str]] = {}
        for area in places.areas.values():
            for name in spoken_rooms(area, places, words):
                self._add(self._areas, normal(name), area.area_id)
        self._floors: dict[str, list[str]] = {}
        for floor in places.floors.values():
            for name in spellings(floor.names):
                self._add(self._floors, normal(name), floor.floor_id)
        self._rooms = {name.replace(" ", ""): name for name in (*self._areas, *self._floors)}
        self._all = frozenset(words.all)
        self._here = frozenset(
            normal(phrase) for phrase in (*words.in_here, *words.here, *known.here)
        )
        self._whole = frozenset(normal(phrase) for phrase in known.whole)
        self._against = frozenset((*words.negations, *words.nots, *words.later))
        self._it = frozenset((*words.singular, *words.plural))
        self._compounding = words.language.split("-")[0] in COMPOUNDING
        self._single = lru_cache(maxsize=2048)(self._one)

    @staticmethod
    def _add(table: dict[str, list[str]], name: str, key: str) -> None:
        if name and key not in (known := table.setdefault(name, [])):
            known.append(key)

    def read(self, text: str, context: Context) -> Reading | None:
        """What a text asks for; None if some word of it has no meaning there."""
        tokens = WORD.findall(text)
        if not tokens or len(tokens) > MOST_WORDS:
            return None
        plain = [normal(token) or token for token in tokens]
        if self._forbids(plain):
            return None
        pieces = self._settled(list(self._pieces(tokens, plain)))
        unknown = sum(not piece.known for piece in pieces)
        if unknown > LONGEST_OPEN:
            return None
        said = frozenset(tag for piece in pieces for tag in piece.tags)
        found: list[Reading] = []
        for frame in self._lexicon.frames:
            if unknown and not frame.open:
                continue
            if not all(need & said for need in frame.needs):
                continue
            if reading := self._framed(frame, pieces, text, context):
                if reading.doable and self._names_one(reading):
                    return reading
                found.append(reading)
        return next((r for r in found if r.doable), found[0] if found else None)

    @staticmethod
    def _names_one(reading: Reading) -> bool:
        """Whether it is about something by its name: better than by its kind."""
        return bool(reading.question) or any("name" in call.arguments for call in reading.calls)

    def _forbids(self, plain: Sequence[str]) -> bool:
        """Whether there is a word that turns a command round, or puts it off."""
        whole = f" {' '.join(plain)} "
        return any(f" {phrase} " in whole for phrase in self._against)

    def _pieces(self, tokens: Sequence[str], plain: Sequence[str]) -> Iterator[Piece]:
        """The sentence in pieces, the longest first at each place."""
        place = 0
        while place < len(tokens):
            if loose := self._loosely(plain, place):
                length, found = loose
                yield Piece(" ".join(tokens[place : place + length]), names=found)
                place += length
                continue
            numbered = self._number(plain, place)
            if numbered:
                length, tags = numbered
                yield Piece(" ".join(tokens[place : place + length]), tags)
                place += length
                continue
            for length in range(min(LONGEST_NAME, len(tokens) - place), 0, -1):
                said = " ".join(plain[place : place + length])
                text = " ".join(tokens[place : place + length])
                if length == 1:
                    yield from (replace(each, text=each.text or text) for each in self._single(said))
                    place += 1
                    break
                piece = self._exact(said)
                if piece.known:
                    yield replace(piece, text=text)
                    place += length
                    break

    def _loosely(self, plain: Sequence[str], place: int) -> tuple[int, tuple[str, ...]] | None:
        """A name of several words with small words between them: 'Rollladen an der Terrasse'."""
        best: tuple[int, tuple[str, ...]] | None = None
        for said, key in self._loose.get(plain[place], ()):
            position, wanted = place + 1, 1
            while wanted < len(said) and position < len(plain):
                if plain[position] == said[wanted]:
                    wanted += 1
                elif not SMALL & self._lexicon.phrases.get(plain[position], {}).keys():
                    break
                position += 1
            length = position - place
            if wanted < len(said):
                continue
            if best is None or length > best[0]:
                best = length, (key,)
            elif length == best[0] and key not in best[1]:
                best = length, (*best[1], key)
        return best

    def _number(self, plain: Sequence[str], place: int) -> tuple[int, dict[str, Any]] | None:
        """A number, with its unit if it has one; lengths of time as a whole."""
        value, length = self._value(plain, place)
        if value is None:
            return None
        unit = self._unit(plain, place + length)
        if unit is None:
            other = " ".join(plain[place : place + length]) in self._lexicon.phrases
            return None if other else (length, {lex.NUMBER: value})  # 'eine', 'halbe'
        length += unit[1]
        if unit[0] not in lex.TIMES:
            return length, {unit[0]: value}
        total = _time(value, unit[0])
        smallest = lex.TIMES.index(unit[0])
        while True:
            skip = int(plain[place + length : place + length + 1] in ([self._and], [COMMA]))
            more, count = self._value(plain, place + length + skip)
            after = self._unit(plain, place + length + skip + count) if more is not None else None
            if more is None or after is None or after[0] not in lex.TIMES:
                return length, {lex.LENGTH: total}
            if lex.TIMES.index(after[0]) <= smallest:
                return length, {lex.LENGTH: total}
            smallest = lex.TIMES.index(after[0])
            total = tuple(a + b for a, b in zip(total, _time(more, after[0]), strict=True))
            length += skip + count + after[1]

    @property
    def _and(self) -> str:
        return min(self._words.conjunctions, key=len, default="")

    def _value(self, plain: Sequence[str], place: int) -> tuple[float | None, int]:
        """The number at a place, and how many words it has."""
        if place >= len(plain):
            return None, 0
        two = " ".join(plain[place : place + 2])
        if " " in two and two in self._lexicon.numbers:
            return self._lexicon.numbers[two], 2
        word = plain[place]
        if word[0].isdigit():
            return float(word.replace(",", ".").replace(" ", ".")), 1
        if word in self._lexicon.numbers:
            return self._lexicon.numbers[word], 1
        if "one" in self._lexicon.phrases.get(word, {}):
            return 1.0, 1
        return None, 0

    def _unit(self, plain: Sequence[str], place: int) -> tuple[str, int] | None:
        for length in (2, 1):
            if place + length <= len(plain):
                found = self._lexicon.phrases.get(" ".join(plain[place : place + length]), {})
                if lex.UNIT in found:
                    return str(found[lex.UNIT]), length
        return None

    def _exact(self, said: str) -> Piece:
        """What a phrase means as it is."""
        tags = {lex.AND: None} if said == COMMA else dict(self._lexicon.phrases.get(said, {}))
        if said in self._all or said in self._whole:
            tags["all"] = None
        if said in self._here:
            tags["here"] = None
        if said in self._it:
            tags["it"] = None
        if said in self._words.fillers or said in self._words.after:
            tags[lex.IDLE] = None
        return Piece(
            "",
            tags,
            tuple(self._names.get(said, ())),
            self._lexicon.kinds.get(said, ()),
            tuple(self._areas.get(said, ())),
            tuple(self._floors.get(said, ())),
            said,
        )

    def _one(self, word: str) -> tuple[Piece, ...]:
        """What one word means: as it is, with another ending, or in its parts."""
        piece = self._exact(word)
        if piece.known:
            return (piece,)
        for ending in self._lexicon.endings:
            stem = word.removesuffix(ending)
            if stem == word or len(stem) < SHORTEST_STEM:
                continue
            found = replace(self._exact(stem), tags={})
            if found.known:
                return (found,)
        return self._parts(word) if self._compounding else (piece,)

    def _parts(self, word: str) -> tuple[Piece, ...]:
        """'Küchenlicht': a room, and what is there; 'Nudeltimer': a name, and what it is of."""
        for cut in range(len(word) - SHORTEST_PART + 1, 1, -1):
            head, tail = word[:cut], self._exact(word[cut:])
            if len(tail.word) < SHORTEST_PART - 1:
                continue
            kept = {tag: value for tag, value in tail.tags.items() if tag in self._lexicon.nouns}
            thing = replace(tail, tags=kept, names=(), areas=(), floors=(), text=word[cut:])
            if not thing.known:
                continue
            if "timer" in kept:
                room = self._room(head)
                return (room or Piece(head.capitalize()), thing)
            if "list" in kept and (names := self._names.get(head) or self._names.get(head[:-1])):
                return (Piece(head, names=tuple(names)), thing)
            if room := self._room(head):
                return (room, thing)
        return (Piece(""),)

    def _room(self, head: str) -> Piece | None:
        """The room or floor that stands in front in a compound."""
        for link in LINKS:
            stem = head.removesuffix(link)
            if head.endswith(link) and stem in self._rooms:
                name = self._rooms[stem]
                areas, floors = self._areas.get(name, ()), self._floors.get(name, ())
                return Piece(head, areas=tuple(areas), floors=tuple(floors), word=name)
        return None

    def _settled(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces, each particle told from the preposition or article that it may be, too."""
        settled = list(pieces)
        for place in range(len(pieces) - 1, -1, -1):
            piece = pieces[place]
            small = {lex.PREPOSITION, lex.ARTICLE} & piece.tags.keys()
            moving = piece.tags.keys() & self._lexicon.particles
            if not small or not moving:
                continue
            after = settled[place + 1] if place + 1 < len(settled) else None
            leads = after is not None and _begins_noun(after, self._lexicon.nouns)
            tags = {
                tag: value
                for tag, value in piece.tags.items()
                if (tag in small or tag == "one") == leads
            }
            settled[place] = replace(piece, tags=tags)
        return settled

    def _framed(
        self, frame: Frame, pieces: Sequence[Piece], text: str, context: Context
    ) -> Reading | None:
        """The reading of a sentence as one frame."""
        roles = self._roles(frame, pieces)
        if roles is None or not _needed(frame, roles.plain):
            return None
        slots = dict(frame.slots)
        if not self._valued(frame, pieces, roles, slots):
            return None
        if roles.rest and not self._named_so(frame, pieces, roles, slots):
            return None
        area = self._places.area_id(context.area)
        if not frame.domains:
            calls = self._of_none(frame, roles)
        else:
            calls = self._targets(frame, roles, area)
        if frame.open == "item" and not roles.rest:
            return None
        if not calls or len(calls) > MOST_CALLS:
            return None
        return self._reading(frame, calls, slots, roles, text, context)

    def _roles(self, frame: Frame, pieces: Sequence[Piece]) -> Roles | None:
        """What each piece is; None if the sentence cannot be of this frame."""
        allowed = {lex.IDLE, lex.ARTICLE, lex.PREPOSITION, *frame.takes}
        allowed = allowed.union(*frame.needs)
        if not frame.asks and not frame.told:
            allowed |= {lex.VERB, lex.PLEASE}
        if frame.domains:
            allowed |= {"all", "here"}
        if frame.open:
            allowed |= {"named", "call"}
        own = frame.takes.union(*frame.needs)
        things: list[Piece] = []
        areas: list[str] = []
        floors: list[str] = []
        plain: list[Piece] = []
        rest: list[int] = []
        joints = 0
        for number, piece in enumerate(pieces):
            if lex.AND in piece.tags and not piece.tags.keys() & (allowed - {lex.IDLE}):
                joints += 1
                continue
            thing = self._thing(frame, piece)
            if thing is None and piece.tags.keys() & own:
                plain.append(piece)  # 'in die Garage zurück'
                continue
            place = bool(piece.areas or piece.floors) and (bool(frame.domains) or frame.room)
            if place and (thing is None or _led(pieces, number)):
                areas += piece.areas[:1]
                floors += piece.floors[:1] if not piece.areas else ()
            elif thing is not None:
                things.append(thing)
            elif piece.tags.keys() & allowed:
                plain.append(piece)
            elif "it" in piece.tags and frame.domains and not things:
                things.append(replace(piece, names=(), kinds=()))
            else:
                rest.append(number)
        if rest and not frame.open:
            return None
        several = max(len(things), len(areas), len(floors))
        if (joints and several < 2 and not frame.open) or (len(things) > 1 and not joints):
            if not (len(things) > 1 and not joints and self._same_kind(things)):
                return None
        if frame.first and not (pieces[0].tags.keys() & frame.needs[0]):
            return None
        return Roles(
            tuple(things),
            tuple(dict.fromkeys(areas)),
            tuple(dict.fromkeys(floors)),
            tuple(plain),
            tuple(rest),
        )

    def _thing(self, frame: Frame, piece: Piece) -> Piece | None:
        """The piece as a thing that the frame is for."""
        names = tuple(key for key in piece.names if self._serves(frame, self._places.entities[key]))
        if names:
            return replace(piece, names=names, kinds=())
        kinds = tuple(kind for kind in piece.kinds if kind.split(".")[0] in frame.domains)
        return replace(piece, names=(), kinds=kinds) if kinds and not frame.named else None

    @staticmethod
    def _serves(frame: Frame, entity: Entity) -> bool:
        fits = not frame.classes or entity.device_class in frame.classes
        return entity.domain in frame.domains and fits

    def _valued(
        self, frame: Frame, pieces: Sequence[Piece], roles: Roles, slots: dict[str, Any]
    ) -> bool:
        """Put the values that were said into the slots; False if one was said twice."""
        seen = set()
        for piece in roles.plain:
            for tag, slot in frame.values.items():
                if tag not in piece.tags:
                    continue
                if slot in seen:
                    return False
                seen.add(slot)
                value = piece.tags[tag]
                if isinstance(value, float):
                    value = int(value) if value.is_integer() else value
                slots[slot] = -value if frame.negative and not isinstance(value, str) else value
        return self._timed(frame, pieces, slots)

    def _timed(self, frame: Frame, pieces: Sequence[Piece], slots: dict[str, Any]) -> bool:
        """Put lengths of time into the slots: how long, or how long a timer was to begin with."""
        lengths = [n for n, piece in enumerate(pieces) if lex.LENGTH in piece.tags]
        if not lengths:
            return True
        most = 2 if frame.lengths == "both" else 1
        if frame.lengths is None or len(lengths) > most:
            return False
        start = lengths if frame.lengths == "start" else []
        if len(lengths) == 2:
            # 'Verkürze den 20 Minuten Timer um 5 Minuten', 'den Timer für 20 Minuten um ...'
            start = [n for n in lengths if n + 1 < len(pieces) and "timer" in pieces[n + 1].tags]
            start = start or lengths[:1]
        for number in lengths:
            prefix = "start_" if number in start else ""
            for unit, value in zip(lex.TIMES, pieces[number].tags[lex.LENGTH], strict=True):
                if value:
                    slots[f"{prefix}{unit}"] = int(value)
        return True

    def _named_so(
        self, frame: Frame, pieces: Sequence[Piece], roles: Roles, slots: dict[str, Any]
    ) -> bool:
        """Take words that are not known for the name of a timer, where that is said: directly in
        front of the word for it, or behind 'for' or 'called'."""
        first, last = roles.rest[0], roles.rest[-1]
        run = pieces[first : last + 1]
        if frame.open != "name":  # an item of a list may be anything, and several things
            slots[str(frame.open)] = " ".join(piece.text for piece in run)
            return all(
                number in roles.rest or {lex.AND, *SMALL} & pieces[number].tags.keys()
                for number in range(first, last + 1)
            )
        if last - first + 1 != len(roles.rest) or any(piece.tags for piece in run):
            return False
        before = pieces[first - 1].tags.keys() if first else set()
        if lex.ARTICLE in before and first > 1:
            before = before | pieces[first - 2].tags.keys()
        after = pieces[last + 1].tags.keys() if last + 1 < len(pieces) else set()
        if "timer" not in after and not {lex.PREPOSITION, "named", "call"} & set(before):
            return False
        slots["name"] = " ".join(piece.text for piece in run)
        return True

    def _of_none(self, frame: Frame, roles: Roles) -> list[list[dict[str, Any]]]:
        """The one call of what is no device."""
        if roles.things or len(roles.areas) > 1 or roles.floors:
            return []
        return [[{"area": area} for area in roles.areas] or [{}]]

    def _targets(
        self, frame: Frame, roles: Roles, area: str | None
    ) -> list[list[dict[str, Any]]]:
        """For each thing that is meant, the slots for it: several ways if it may be several."""
        tags = {tag for piece in roles.plain for tag in piece.tags}
        scopes: list[dict[str, Any]] = [{"area": key} for key in roles.areas]
        scopes += [{"floor": key} for key in roles.floors]
        if frame.inside:
            return self._inside(roles, scopes, tags, area)
        if not scopes and "here" in tags and area:
            scopes = [{"area": area, "here": True}]
        everywhere = "all" in tags and not scopes
        named = [piece for piece in roles.things if piece.names]
        things = named if named and self._same_kind(roles.things) else list(roles.things)
        if not things:
            return self._spread(frame, scopes, everywhere, area)
        found: list[list[dict[str, Any]]] = []
        for thing, scope in product(things, scopes or [{}]):
            if "it" in thing.tags and not thing.names and not thing.kinds:
                found.append([{"name": ANYTHING + domain} for domain in sorted(frame.domains)])
            elif thing.names:
                found += self._by_name(thing, scope, several=len(scopes) > 1, area=area)
            else:
                found += self._by_kind(frame, thing, scope, everywhere, area)
        return found

    def _same_kind(self, things: Sequence[Piece]) -> bool:
        """Whether kinds are said of what is named, too: 'the heating, the Tado'."""
        domains = {self._places.entities[key].domain for piece in things for key in piece.names}
        kinds = {kind.split(".")[0] for piece in things for kind in piece.kinds}
        named = [piece for piece in things if piece.names]
        return len(named) == 1 and bool(kinds) and kinds <= domains

    def _by_name(
        self, thing: Piece, scope: Mapping[str, Any], *, several: bool, area: str | None
    ) -> list[list[dict[str, Any]]]:
        """What is called so, there; of several things the one in the person's room."""
        said = {key: value for key, value in scope.items() if key != "here"}
        fitting = [key for key in thing.names if self._places.entities_for({**said, "name": key})]
        if not fitting:
            return [] if several else [[{"name": key, **said} for key in thing.names]]
        here = [key for key in fitting if self._places.entities[key].area_id == area]
        chosen = here if len(here) == 1 else fitting
        return [[{"name": key, **({} if several else said)} for key in chosen]]

    def _by_kind(
        self,
        frame: Frame,
        thing: Piece,
        scope: Mapping[str, Any],
        everywhere: bool,
        area: str | None,
    ) -> list[list[dict[str, Any]]]:
        """The things of a kind in a room, on a floor, or where the person is."""
        for kind in sorted(thing.kinds, key=lambda kind: "." not in kind):
            domain, _, device_class = kind.partition(".")
            slots = {"domain": domain}
            if device_class and domain in CLASSED:
                slots["device_class"] = device_class
            said = {key: value for key, value in scope.items() if key != "here"}
            if frame.classes and slots.get("device_class") not in frame.classes:
                continue
            if not self._places.entities_for({**slots, **said}):
                if own := self._so_called(thing, domain, said):
                    return own
                continue
            if frame.plainly:
                del slots["domain"]
            if scope or everywhere or frame.asks:
                return [[{**slots, **scope}]]
            return [[{**slots, **self._near(slots, domain, area)}]]
        domain, _, device_class = thing.kinds[0].partition(".")
        slots = {} if frame.plainly else {"domain": domain}
        if device_class and domain in CLASSED:
            slots["device_class"] = device_class
        # The home has none: the skills can say so.
        return [] if frame.classes else [[{**slots, **scope}]]

    def _so_called(
        self, thing: Piece, domain: str, said: Mapping[str, Any]
    ) -> list[list[dict[str, Any]]]:
        """Things whose name tells their kind, where no class does."""
        pool = self._places.entities_for({"domain": domain, **said})
        own = [
            entity
            for entity in pool
            if thing.word in self._words.kinds_of(domain, entity.device_class, entity.name)
            and any(normal(name).endswith(thing.word) for name in entity.names)
        ]
        return [[{"name": entity.entity_id} for entity in own]] if own else []

    def _near(self, slots: Mapping[str, Any], domain: str, area: str | None) -> dict[str, Any]:
        """Where a thing is of which no room was said: here, or wherever the only one is."""
        wanted = {"domain": domain, **slots}
        if area and self._places.entities_for({**wanted, "area": area}):
            return {"area": area, "here": True}
        if len(self._places.entities_for(wanted)) == 1:
            return {}
        return {"area": NOWHERE, "here": True}

    def _spread(
        self,
        frame: Frame,
        scopes: Sequence[Mapping[str, Any]],
        everywhere: bool,
        area: str | None,
    ) -> list[list[dict[str, Any]]]:
        """What is meant where no thing was said."""
        if frame.spread is None:
            return [[{}]] if frame.free and not scopes and not everywhere else []
        slots = {} if frame.plainly else {"domain": frame.spread}
        if scopes:
            return [[{**slots, **scope}] for scope in scopes]
        if frame.free:
            return [[{}]]
        if everywhere or not frame.alone:
            return []
        return [[{**slots, **self._near(slots, frame.spread, area)}]]

    @staticmethod
    def _inside(
        roles: Roles, scopes: Sequence[Mapping[str, Any]], tags: set[str], area: str | None
    ) -> list[list[dict[str, Any]]]:
        """What is done to a room, perhaps by what was named."""
        rooms = [dict(scope) for scope in scopes if "area" in scope]
        if not rooms and "here" in tags:
            rooms = [{"area": area or NOWHERE, "here": True}]
        if not rooms or len(rooms) != max(1, len(scopes)) or len(roles.things) > 1:
            return []
        names = roles.things[0].names if roles.things else ()
        if len(names) > 1:
            return []
        return [[{**({"name": names[0]} if names else {}), **room}] for room in rooms]

    def _reading(
        self,
        frame: Frame,
        calls: Sequence[Sequence[Mapping[str, Any]]],
        slots: Mapping[str, Any],
        roles: Roles,
        text: str,
        context: Context,
    ) -> Reading | None:
        """One reading of all the calls; None if one of them cannot be done."""
        tags = {tag for piece in roles.plain for tag in piece.tags}
        response = frame.response
        if "state" in slots and frame.asks:
            named = all("name" in way for ways in calls for way in ways)
            group = next((key for tag, key in GROUPS.items() if tag in tags), None)
            response = group or ("one_yesno" if named else "any")
        said = " ".join(piece.text for piece in roles.things if "it" in piece.tags)
        found = []
        for ways in calls:
            matches = [_match(frame, {**way, **slots}, response, said) for way in ways]
            reading = from_matches(
                matches, self._places, self._words, context, whole="all" in tags
            )
            if reading is None or (len(calls) > 1 and not reading.doable):
                return None
            found.append(narrowed(reading, text, self._places, self._words))
        if len(found) > 1 and any(reading.question for reading in found):
            return None
        read = found[0] if len(found) == 1 else together(found)
        why = f"every word explained: {frame.intent}"
        return replace(read, quality=EXPLAINED_QUALITY, why=why)


def _match(frame: Frame, slots: Mapping[str, Any], response: str, said: str) -> Match:
    kept = {slot: value for slot, value in slots.items() if slot != "here"}
    return Match(
        tier="rules",
        intent=frame.intent,
        slots=kept,
        response=response,
        template="",
        distance=FULL,
        said=said,
        here=bool(slots.get("here")),
        bare=False,
        wildcards=0,
        rank=(0,),
    )


def _needed(frame: Frame, plain: Sequence[Piece]) -> bool:
    """Whether each need is met, by a piece of its own."""

    def met(needs: Sequence[frozenset[str]], left: Sequence[int]) -> bool:
        if not needs:
            return True
        return any(
            met(needs[1:], [other for other in left if other != number])
            for number in left
            if plain[number].tags.keys() & needs[0]
        )

    return met(frame.needs, range(len(plain)))


def _led(pieces: Sequence[Piece], number: int) -> bool:
    """Whether a preposition stands in front, with or without an article."""
    before = pieces[max(0, number - 2) : number]
    if not before:
        return False
    last = before[-1].tags
    if lex.PREPOSITION in last:
        return True
    return lex.ARTICLE in last and len(before) == 2 and lex.PREPOSITION in before[0].tags


def _begins_noun(piece: Piece, nouns: frozenset[str]) -> bool:
    """Whether a piece is what a preposition or an article stands in front of."""
    valued = {lex.NUMBER, "percent", "degrees", "kelvin", lex.LENGTH, "level", "colour", "white"}
    small = lex.ARTICLE in piece.tags and lex.PREPOSITION not in piece.tags
    named = bool(piece.names or piece.kinds or piece.areas or piece.floors) or not piece.known
    return named or small or bool(piece.tags.keys() & (valued | nouns))


def _time(value: float, unit: str) -> tuple[int, ...]:
    """A length in hours, minutes and seconds: one and a half hours are ninety minutes."""
    place = lex.TIMES.index(unit)
    if not float(value).is_integer() and place < len(lex.TIMES) - 1:
        value, place = value * 60, place + 1
    return tuple(int(value) if number == place else 0 for number in range(len(lex.TIMES)))
