"""A sentence in pieces that each mean something: names, rooms, kinds, numbers and tagged words.

What `gazetteer` reads commands from. Compounds of a room and a kind ('Küchenlicht') are taken
apart; particles are told from prepositions by what follows them ('mach das Licht an', 'an der
Wand').
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from hub.home.model import normal
from hub.router import lexicon as lex
from hub.router.clean import COMMA
from hub.router.inflected import declined, storeys, visited
from hub.router.lexicon import Lexicon
from hub.router.likeness import COMPOUNDING, LINKS, SHORTEST_PART
from hub.router.numbers import said_numbers
from hub.router.places import Places, spellings
from hub.router.rules import MEASURING, spoken_rooms
from hub.router.shortened import WORD, pieces, plain, shortened
from hub.router.words import Words

LONGEST_NAME = 6
"""Words of a name or phrase."""
LAST_HOUR = 12
SHORTEST_STEM = 3
"""Letters of a name or kind that may end otherwise."""
SMALL = frozenset([lex.IDLE, lex.ARTICLE, lex.PREPOSITION])
"""Tags of words that say nothing."""
NUMERAL = re.compile(r"\d+(?:[., ]\d+)?")
"""A number in digits, in normal form too; '1a' is none."""


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


class Wording:
    """Takes the sentences of one language apart, with the names of one home."""

    def __init__(self, places: Places, words: Words, known: Lexicon) -> None:
        """Takes milliseconds, and a quarter of a second in a home of a thousand devices."""
        self._places = places
        self._words = words
        self._lexicon = known
        self._names: dict[str, list[str]] = {}
        self._loose: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        short: dict[str, list[str]] = {}
        rooms = pieces(places)
        for entity in places.entities.values():
            told = (form for name in spellings(entity.names) for form in declined(name, known))
            for name in self._counted(told):
                self._add(self._names, plain(name), entity.entity_id)
                said = tuple(plain(name).split())
                if len(said) > 1:
                    self._loose.setdefault(said[0], []).append((said, entity.entity_id))
                for less in self._counted(shortened(name, entity, rooms, known)):
                    self._add(short, less, entity.entity_id)
        for less, keys in short.items():
            called = (places.entities[key].domain for key in self._names.get(less, ()))
            if all(domain in MEASURING for domain in called):
                for key in keys:  # what is really called so goes first, if it is no sensor
                    self._add(self._names, less, key)
        self._areas: dict[str, list[str]] = {}
        for area in places.areas.values():
            for name in self._counted(spoken_rooms(area, places, words)):
                self._add(self._areas, plain(name), area.area_id)
            for owner in visited(area.names, words, known):
                if not places.is_place(owner):
                    self._add(self._areas, owner, area.area_id)
        self._floors: dict[str, list[str]] = {}
        for floor in places.floors.values():
            for name in self._counted(spellings(floor.names)):
                self._add(self._floors, plain(name), floor.floor_id)
        for floor_id, name in storeys(places, known):
            if not places.is_place(name):
                self._add(self._floors, name, floor_id)
        self._sources = {
            plain(name): source
            for source in places.sources.values()
            for name in self._counted([source])
            if not any(
                plain(name) in known for known in (known.phrases, known.kinds, known.numbers)
            )
        }
        self._rooms = {name.replace(" ", ""): name for name in (*self._areas, *self._floors)}
        self._all = frozenset(words.all)
        self._here = frozenset(
            normal(phrase) for phrase in (*words.in_here, *words.here, *known.here)
        )
        self._whole = frozenset(normal(phrase) for phrase in known.whole)
        self._it = frozenset((*words.singular, *words.plural, *words.pointing))
        self._compounding = words.language.split("-")[0] in COMPOUNDING
        self._single = lru_cache(maxsize=2048)(self._one)

    def pieces(self, text: str, most: int) -> list[Piece]:
        """The pieces of a text; none if it has more than so many words."""
        tokens = WORD.findall(text)
        if len(tokens) > most:
            return []
        plain = [normal(token) or token for token in tokens]
        for place in range(len(tokens) - 2):
            if self._value(plain, place)[1] == 1 and self._adds(plain, place + 1):
                for line in (tokens, plain):  # 'four more minutes'
                    line[place], line[place + 1] = line[place + 1], line[place]
        return self._settled(list(self._pieces(tokens, plain)))

    def _adds(self, plain: Sequence[str], place: int) -> bool:
        """Whether a word only tells that the length of time whose unit follows is added."""
        unit = self._unit(plain, place + 1)
        longer = "longer" in self._lexicon.phrases.get(plain[place], {})
        return longer and unit is not None and unit[0] in lex.TIMES

    def kinds(self, name: str) -> tuple[str, ...]:
        """The kinds of thing that the last word of a name tells: 'Haustür' is a door."""
        last = normal(name).split()[-1]
        ends = last.endswith if self._compounding else last.__eq__
        told = max(filter(ends, self._lexicon.kinds), key=len, default="")
        return self._lexicon.kinds.get(told, ())

    def _counted(self, names: Iterable[str]) -> Iterator[str]:
        """The names, and those with numbers in them with these otherwise: 'Fan 1', 'fan one'; none
        with an article: 'the heating'."""
        for name in names:
            article, _, less = name.partition(" ")
            said = less if less and normal(article) in self._words.articles else name
            yield said
            words = said.casefold().split()
            if any(word.isdecimal() or word in self._lexicon.numbers for word in words):
                yield from said_numbers(said, self._words.language)

    @staticmethod
    def _add(table: dict[str, list[str]], name: str, key: str) -> None:
        if name and key not in (known := table.setdefault(name, [])):
            known.append(key)

    def _pieces(self, tokens: Sequence[str], plain: Sequence[str]) -> Iterator[Piece]:
        """The sentence in pieces, the longest first at each place."""
        place = 0
        while place < len(tokens):
            if loose := self._loosely(plain, place):
                length, found = loose
                said = " ".join(plain[place : place + length])
                found = tuple(self._names.get(said, found))
                yield Piece(" ".join(tokens[place : place + length]), names=found)
                place += length
                continue
            numbered = self._number(plain, place)
            if numbered and not self._longer(plain, place, numbered[0]):
                length, tags = numbered
                yield Piece(" ".join(tokens[place : place + length]), tags)
                place += length
                continue
            for length in range(min(LONGEST_NAME, len(tokens) - place), 0, -1):
                said = " ".join(plain[place : place + length])
                text = " ".join(tokens[place : place + length])
                if length == 1:
                    yield from (
                        replace(each, text=each.text or text) for each in self._single(said)
                    )
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
        halved = self._halved(plain, place + length)
        length += halved
        unit = self._unit(plain, place + length)
        if unit is None:
            other = " ".join(plain[place : place + length]) in self._lexicon.phrases
            number = value + 0.5 if halved else value
            return None if other else (length, {lex.NUMBER: number})  # 'eine', 'halbe'
        length += unit[1]
        if unit[0] not in lex.TIMES:
            return length, {unit[0]: value + 0.5 if halved else value}
        end, total = self._length(plain, place + length, unit[0], value, bool(halved))
        return end - place, {lex.LENGTH: total}

    def _length(
        self, plain: Sequence[str], place: int, unit: str, value: float, halved: bool
    ) -> tuple[int, tuple[int, ...]]:
        """A length of time whose first unit ends at a place: where it ends, and how long it is."""
        behind = self._halved(plain, place)  # 'an hour and a half'
        place += behind
        total = _time(value, unit)
        if halved or behind:
            total = _sum(total, _time(0.5, unit))
        while True:
            skip = int(plain[place : place + 1] in ([self._and], [COMMA]))
            more, count = self._value(plain, place + skip)
            after = self._unit(plain, place + skip + count) if more is not None else None
            if more is None or after is None or after[0] not in lex.TIMES:
                return place, total
            if lex.TIMES.index(after[0]) <= lex.TIMES.index(unit):
                return place, total
            unit = after[0]
            total = _sum(total, _time(more, unit))
            place += skip + count + after[1]

    @property
    def _and(self) -> str:
        return min(self._words.conjunctions, key=len, default="")

    def _value(self, plain: Sequence[str], place: int) -> tuple[float | None, int]:
        """The number at a place, and how many words it has."""
        if place >= len(plain):
            return None, 0
        whole, length = self._whole_value(plain, place)
        if whole is None or not {*plain[place + length : place + length + 1]} & self._lexicon.point:
            return whole, length
        decimals, more = self._whole_value(plain, place + length + 1)
        if decimals is None or decimals not in range(10):
            return whole, length
        return whole + decimals / 10, length + 1 + more

    def _whole_value(self, plain: Sequence[str], place: int) -> tuple[float | None, int]:
        if place >= len(plain):
            return None, 0
        two = " ".join(plain[place : place + 2])
        if " " in two and two in self._lexicon.numbers:
            return self._lexicon.numbers[two], 2
        word = plain[place]
        if NUMERAL.fullmatch(word):
            return float(word.replace(",", ".").replace(" ", ".")), 1
        if word in self._lexicon.numbers:
            return self._lexicon.numbers[word], 1
        if "one" in self._lexicon.phrases.get(word, {}):
            return 1.0, 1
        return None, 0

    def _longer(self, plain: Sequence[str], place: int, length: int) -> bool:
        """Whether a longer phrase begins where a number does: 'three quarters'."""
        longest = min(LONGEST_NAME, len(plain) - place)
        return any(
            self._exact(" ".join(plain[place : place + more])).known
            for more in range(longest, length, -1)
        )

    def _halved(self, plain: Sequence[str], place: int) -> int:
        """How many words at a place make a number a half more: 'and a half'."""
        half = (self._words.half or "").split()
        return len(half) if half and [*plain[place : place + len(half)]] == half else 0

    def _unit(self, plain: Sequence[str], place: int) -> tuple[str, int] | None:
        for length in (2, 1):
            if place + length <= len(plain):
                found = self._lexicon.phrases.get(" ".join(plain[place : place + length]), {})
                if lex.UNIT in found:
                    return str(found[lex.UNIT]), length
        return None

    def _exact(self, said: str) -> Piece:
        """What a phrase means as it is."""
        tags: dict[str, Any] = (
            {lex.AND: None} if said == COMMA else dict(self._lexicon.phrases.get(said, {}))
        )
        if said in self._all or said in self._whole:
            tags["all"] = None
        if said in self._here:
            tags["here"] = None
        if said in self._sources:
            tags["source"] = self._sources[said]
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
        if self._compounding and (own := self._last_part(word) or self._first_part(word)):
            return (own,)
        return self._parts(word) if self._compounding else (piece,)

    def _last_part(self, word: str) -> Piece | None:
        """The one thing whose name ends with a word: 'Pumpe', where there is a 'Teichpumpe'."""
        if len(word) < SHORTEST_PART:
            return None
        found = {
            key
            for name, keys in self._names.items()
            for key in keys
            if name.endswith(word)
            and len(name.split()[-1]) >= len(word) + SHORTEST_STEM
            and self._places.entities[key].domain not in MEASURING
        }
        return Piece("", names=tuple(found)) if len(found) == 1 else None

    def _first_part(self, word: str) -> Piece | None:
        """The one thing whose name begins with a word, and ends with what only tells what sort of
        thing it is: 'Dunstabzug', where there is a 'Dunstabzugshaube'."""
        if len(word) < SHORTEST_PART:
            return None
        whole = {f"{word}{link}{head}" for link in LINKS for head in self._lexicon.heads}
        found = {key for name in whole for key in self._names.get(name, ())}
        return Piece("", names=tuple(found)) if len(found) == 1 else None

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
            if "timer" in kept or "media" in kept:
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
        """The pieces, each particle told from the preposition or article that it may be, too, and
        each verb from the noun."""
        settled = list(pieces)
        for place in range(len(pieces) - 1, -1, -1):
            piece = pieces[place]
            before, after = pieces[:place], [*settled[place + 1 : place + 2]]
            leads = any(
                _begins_noun(each, self._lexicon.nouns) and not self._visits(each) for each in after
            )
            moved = any(each.tags.keys() & self._lexicon.particles for each in after)
            small = {lex.PREPOSITION, lex.ARTICLE} & piece.tags.keys()
            moving = piece.tags.keys() & self._lexicon.particles
            if small and moving:
                phrasal = self._lexicon.phrasal and before and lex.VERB in before[-1].tags
                settled[place] = _without(
                    piece, moving if leads and not phrasal else {*small, "one"}
                )
            elif "it" in piece.tags and lex.ARTICLE in piece.tags:
                if leads:  # 'that lamp'
                    settled[place] = _without(piece, ["it"])
                elif not after or moved or self._alone(settled[place + 1 :]):  # 'turn that off'
                    settled[place] = _without(piece, [lex.ARTICLE])
            elif lex.NUMBER in piece.tags and before and self._hour(before[-1], piece):
                settled[place] = Piece(piece.text)  # 'at nine' is no percentage
            elif lex.OWNS in piece.tags and not (
                before
                and _named(before[-1])
                and any(_is_noun(each, self._lexicon) for each in after)
            ):
                settled[place] = Piece(piece.text)  # 'the lamp is on'
            elif piece.kinds and (acting := self._acting(piece)):
                begins = all({lex.IDLE, lex.PLEASE} & each.tags.keys() for each in before)
                moves = lex.VERB in piece.tags and moved
                here = any("here" in each.tags for each in after)
                bidden = _bidden(before, not after) and (leads or here or not after)
                if bidden or (begins and (leads or moves or here)):  # 'lock the door'
                    settled[place] = replace(piece, kinds=())
                else:  # 'the lock'
                    settled[place] = _without(piece, acting)
        return settled

    def _visits(self, piece: Piece) -> bool:
        """Whether a piece is a room with its preposition: 'bei Mehmet'."""
        begins = normal(piece.text).partition(" ")[0]
        return bool(piece.areas) and begins in self._lexicon.visiting

    def _alone(self, after: Sequence[Piece]) -> bool:
        """Whether only a particle follows, with small words in front: 'mach das (bitte aus)'."""
        rest = [piece for piece in after if lex.IDLE not in piece.tags]
        return not rest or bool(rest[0].tags.keys() & self._lexicon.particles)

    def _hour(self, before: Piece, number: Piece) -> bool:
        later = normal(before.text) in self._words.later_numbers
        return later and float(number.tags[lex.NUMBER]) <= LAST_HOUR

    def _acting(self, piece: Piece) -> set[str]:
        """What a word means that is also a word for a kind of thing, where it is a verb."""
        others = {lex.IDLE, lex.ARTICLE, lex.PREPOSITION, lex.AND, *self._lexicon.nouns}
        return {*piece.tags} - others


def _bidden(before: Sequence[Piece], last: bool) -> bool:
    """Whether something is called by its name and told what to do by the verb that follows: 'have
    Rover (vacuum the den)'; as the last word only where it is sent: 'let Rover (vacuum)'."""
    small = {lex.IDLE, lex.PLEASE, lex.ARTICLE, lex.PREPOSITION}
    heads = [piece for piece in before if not small & piece.tags.keys()]
    sent = bool(heads) and "send" in heads[0].tags
    asked = sent or any(lex.PLEASE in piece.tags for piece in before)
    return len(heads) == 1 + sent and bool(heads[-1].names) and (asked or not last)


def _without(piece: Piece, tags: Collection[str]) -> Piece:
    return replace(piece, tags={tag: value for tag, value in piece.tags.items() if tag not in tags})


def _named(piece: Piece) -> bool:
    return bool(piece.names or piece.kinds or piece.areas or piece.floors)


def _is_noun(piece: Piece, known: Lexicon) -> bool:
    """Whether a piece is something that can be owned: 'the lamp's full' tells."""
    return _named(piece) or not piece.known or bool(piece.tags.keys() & known.nouns)


def _begins_noun(piece: Piece, nouns: frozenset[str]) -> bool:
    """Whether a piece is what a preposition or an article stands in front of."""
    valued = {lex.NUMBER, "percent", "degrees", "kelvin", lex.LENGTH, "level", "colour", "white"}
    small = lex.ARTICLE in piece.tags and lex.PREPOSITION not in piece.tags
    named = _named(piece) or not piece.known
    return named or small or bool(piece.tags.keys() & (valued | nouns))


def _time(value: float, unit: str) -> tuple[int, ...]:
    """A length in hours, minutes and seconds: one and a half hours are ninety minutes."""
    place = lex.TIMES.index(unit)
    if not float(value).is_integer() and place < len(lex.TIMES) - 1:
        value, place = value * 60, place + 1
    return tuple(int(value) if number == place else 0 for number in range(len(lex.TIMES)))


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))
