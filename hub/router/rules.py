"""Home Assistant's shared sentences (`home-assistant-intents`), matched by `hassil`.

One grammar for each language; the names of the home are slot lists in it, as in Home Assistant's
own conversation agent, but with ids as their values, so that equal names stay apart.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Literal

from hassil import (
    Intents,
    RecognizeResult,
    SlotList,
    TextSlotList,
    is_match,
    merge_dict,
    recognize_all,
)
from hassil.expression import TextChunk
from hassil.intents import IntentData, RangeFractionType, RangeSlotList, TextSlotValue
from hassil.models import MatchEntity
from hassil.parse_expression import parse_sentence
from home_assistant_intents import get_intents, get_languages

from hub.home.model import Area, Entity, normal
from hub.language import moments
from hub.router.numbers import numbers, said_numbers
from hub.router.places import Places, spellings
from hub.router.reach import beginnings
from hub.router.slots import SpokenNames, Value, listed, meant
from hub.router.templates import Templates, Within
from hub.router.words import Words
from hub.router.words import words as words_of

NOWHERE = "?"
"""Area of a person whose room is not known: what depends on it can be asked back."""
ANYTHING = "@"
"""Begins the value of a pronoun in the list of names; the domain follows."""

MEASURING = ("sensor", "binary_sensor", "weather", "person", "device_tracker", "sun", "zone")
"""Domains whose names end in common words, such as 'temperature': no part of them is a name."""
LONGEST_ARTICLE = 3
"""Letters of what may stand in front of a name and says nothing."""
LONGEST_NAME = 5
"""Words of a name from whose end parts are taken as names."""
OWNING = ("'s", "s'", "\u2019s", "s\u2019")
"""How the owner of something ends in a name."""
SHORTEST_ROOM = 3
"""Letters of a word that may stand for the whole name of a room."""
FULL, BARE, SHORT, KIND = range(4)
"""How far what was said is from a name: the name; all of it but the word for what it is ('front
door' of a 'Front Door Lock'); a part of it ('front door' of a 'Front Door Deadbolt'); only what it
is."""


@dataclass(frozen=True, slots=True)
class Match:
    """A sentence template that a text fits."""

    tier: Literal["phrase", "rules"]
    intent: str
    slots: Mapping[str, Any]
    """With ids; `area` may be NOWHERE, `name` may begin with ANYTHING."""
    response: str
    template: str
    distance: int
    """FULL, BARE, SHORT or KIND: how the name and the area were said."""
    said: str
    """The words for the name; empty without one."""
    here: bool
    """The area was not said: it is the person's."""
    bare: bool
    """Nothing but a name was said, and it is taken for 'turn it on'."""
    wildcards: int
    rank: tuple[int, ...]
    """Lower is better. As Home Assistant orders results: a name, and a long one, before a room or
    kind; then few wildcards; then many literal words. What only names a kind of thing comes behind
    the sentences that are made for that kind, but before free text."""


SCALES = {"°C": "(celsius|centigrade|c)", "°F": "(fahrenheit|f)"}
"""The home's scale of temperature may be said; the other one would be understood wrongly."""
ROOM_TEMPERATURES = {"°C": (5, 35), "°F": (41, 95)}
"""Numbers that are temperatures of a room even where no degrees are said."""


def data_language(language: str) -> str | None:
    """The language of the shared sentences that serves a BCP 47 code best, if there is one."""
    known = {code.lower(): code for code in get_languages()}
    wanted = language.replace("_", "-").lower()
    base = wanted.split("-")[0]
    for code in (wanted, base):
        if code in known:
            return known[code]
    return next((known[code] for code in sorted(known) if code.split("-")[0] == base), None)


@dataclass(frozen=True, slots=True)
class Own:
    """A slot of one block of templates that has its own part of the names."""

    data: IntentData
    slot: str
    names: str
    """Which list of names."""
    domains: frozenset[str]
    """Only names of such things; empty: all."""
    classes: frozenset[str] = frozenset()
    """Only of such device classes; empty: all."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A slot of one block of templates for a duration, a day or a time in words."""

    data: IntentData
    slot: str
    kind: moments.Kind


class Grammar:
    """Sentence templates with the slot lists they need, ready to match."""

    def __init__(
        self,
        templates: Templates,
        names: Mapping[str, SpokenNames],
        tier: Literal["phrase", "rules"],
        actions: frozenset[str] = frozenset(),
        own: Sequence[Own] = (),
        timed: Sequence[Timed] = (),
    ) -> None:
        """`actions`: words that make more of a name than a name: 'radio on'."""
        self.tier = tier
        self._actions = actions
        self._names = dict(names)
        self._own = tuple(own)
        self._timed = tuple(timed)
        self._kinds = frozenset(each.kind for each in self._timed)
        self._templates = templates
        self._language = templates.intents.language
        known = words_of(self._language)
        self._idle = known.articles | known.dangling | {*known.singular, *known.plural}
        self._warm()

    @classmethod
    def empty(cls, language: str, tier: Literal["phrase", "rules"]) -> Grammar:
        """One that no text fits."""
        intents = Intents.from_dict({"language": language, "intents": {}})
        return cls(Templates(intents, ()), {}, tier)

    def _warm(self) -> None:
        """Spell out the numbers now rather than in the first turn."""
        shared = self._templates.intents.slot_lists
        for lists in (shared, *(block.slot_lists for block in self._templates.blocks())):
            for values in lists.values():
                if isinstance(values, RangeSlotList):
                    limits = (values.start, values.stop, values.step, values.fraction_type)
                    _spell_out(self._language, *limits)
        for kind in self._kinds:
            moments.within("one hour tomorrow at seven", kind, self._language)

    def matches(self, text: str, area: str | None) -> list[Match]:
        """All templates that the text fits, the best first. `area` is the id of the room."""
        if not self._templates:
            return []
        within = {name: names.within(text) for name, names in self._names.items()}
        near = self._templates.near(text, within)
        self._fill({id(each.block) for each in near}, text, within)
        lists: dict[str, SlotList] = {n: listed(n, values) for n, values in within.items()}
        fitting = self._templates.fitting(text, near, lists)
        if fitting is None:
            return []
        results = recognize_all(
            text,
            fitting,
            slot_lists=lists,
            intent_context={"area": area or NOWHERE},
            language=self._language,
        )
        said = frozenset(normal(text).split()) & self._actions
        rooms = _numbered_rooms(within.get("area", ()), text, self._language)
        found = [
            match
            for result in results
            if not any(
                self._says_nothing(slot) or _names_two(slot, text) or _cut(slot, rooms)
                for slot in result.entities_list
            )
            for match in _matches(result, self.tier, said)
        ]
        return sorted(found, key=lambda match: match.rank)

    def _fill(self, blocks: Collection[int], text: str, within: Within) -> None:
        """Give these blocks of templates the names and times that a text has for them."""
        for own in self._own:
            if id(own.data) in blocks:
                own.data.slot_lists[own.slot] = listed(
                    own.slot, within[own.names], own.domains, own.classes
                )
        told: dict[moments.Kind, Sequence[str]] = {}
        for timed in self._timed:
            if id(timed.data) not in blocks:
                continue
            if timed.kind not in told:
                told[timed.kind] = moments.within(text, timed.kind, self._language)
            values = ((words, words) for words in told[timed.kind])
            timed.data.slot_lists[timed.slot] = TextSlotList.from_tuples(
                values, allow_template=False, name=timed.slot
            )

    def _says_nothing(self, slot: MatchEntity) -> bool:
        """Whether what was said for free text is none: 'set it timer' names no timer 'it'."""
        said = set(normal(slot.text).split())
        return slot.is_wildcard and bool(slot.text.strip()) and said <= self._idle


def _names_two(slot: MatchEntity, text: str) -> bool:
    """Whether a free name has swallowed another one, with what stands behind it: in 'set a pasta
    timer for 8 minutes and an egg timer', nothing is called 'pasta timer for 8 minutes and an egg'.
    """
    if slot.name != "name" or not slot.is_wildcard:
        return False
    said = normal(slot.text)
    behind = normal(text).partition(said)[2].split()
    return bool(behind) and behind[0] in said.split()[:-1]


def _numbered_rooms(rooms: Iterable[TextSlotValue], text: str, language: str) -> frozenset[str]:
    """What rooms are called without the number that was said: the 'studio' of 'studio 3'."""
    said = f" {normal(text)} "
    chunks = (room.text_in for room in rooms)
    names = (normal(chunk.text) for chunk in chunks if isinstance(chunk, TextChunk))
    found = (name.rpartition(" ") for name in names if f" {name} " in said)
    return frozenset(stem for stem, _, number in found if stem and numbers(number, language))


def _cut(slot: MatchEntity, rooms: Collection[str]) -> bool:
    """Whether the number behind a room was taken for something else: 'studio 3' is no studio at
    three percent."""
    return slot.name == "area" and normal(slot.text) in rooms


def sentence_rules(
    language: str, places: Places, words: Words, names: Mapping[str, SpokenNames]
) -> Grammar:
    """The shared sentences of a language for one home; the first takes about a second."""
    domains = {entity.domain for entity in places.entities.values()}
    templates = _shared(language, places.scale, tuple(names)).only(domains, places.tools)
    return Grammar(templates, names, "rules", words.acting)


@lru_cache
def _shared(language: str, scale: str, lists: tuple[str, ...]) -> Templates:
    """The shared sentences of a language for all homes, with this project's own."""
    code, words = data_language(language), words_of(language)
    loaded = (get_intents(code) if code else None) or {"language": language, "intents": {}}
    loaded.pop("responses", None)
    merge_dict(loaded, copy.deepcopy(words.sentences))
    loaded["skip_words"] = [*loaded.get("skip_words", ()), *words.fillers]
    loaded.setdefault("expansion_rules", {}).update({**words.rules, "scale": SCALES[scale]})
    low, high = ROOM_TEMPERATURES[scale]
    loaded.setdefault("lists", {})["room_temperature"] = {
        "range": {"from": low, "to": high, "fractions": "halves"}
    }
    return Templates(Intents.from_dict(loaded), lists)


@lru_cache
def _spell_out(
    language: str, start: int, stop: int, step: int, fractions: RangeFractionType | None
) -> None:
    """Write a range of numbers in words, for hassil and for what looks ahead; both keep them."""
    beginnings(language, start, stop, step)
    numbers = RangeSlotList("number", start, stop, step, fraction_type=fractions)
    template = parse_sentence("{number}")
    is_match("zero", template, slot_lists={"number": numbers}, language=language)


def _matches(
    result: RecognizeResult, tier: Literal["phrase", "rules"], actions: frozenset[str]
) -> list[Match]:
    """One match for each thing that the name in it may mean."""
    match = _match(result, tier, actions)
    several = meant(match.slots)
    return [replace(match, slots=slots) for slots in several]


def _match(
    result: RecognizeResult, tier: Literal["phrase", "rules"], actions: frozenset[str]
) -> Match:
    """The match with all that a name may mean."""
    name = result.entities.get("name")
    area = result.entities.get("area")
    distance = max(
        ((slot.metadata or {}).get("distance", FULL) for slot in (name, area) if slot), default=FULL
    )
    named = name is not None and not name.is_wildcard
    wild = [entity for entity in result.entities_list if entity.is_wildcard]
    chunks = result.text_chunks_matched
    alone = name is not None and named and actions <= set(normal(name.text).split())
    template = result.intent_sentence.text if result.intent_sentence else None
    return Match(
        tier=tier,
        intent=result.intent.name.split("#")[0],
        slots={slot: entity.value for slot, entity in result.entities.items()},
        response=result.response or "default",
        template=template or result.intent.name,
        distance=distance,
        said=name.text.strip() if name else "",
        here=area is not None and not area.text,
        bare=alone and set(result.entities) <= {"name", "domain"} and chunks <= LONGEST_ARTICLE,
        wildcards=len(wild),
        rank=(
            2 if distance == KIND else 0 if named else 3 if wild else 1,
            -len(name.text) if name and named else 0,
            distance,
            len(wild),
            -chunks,
            sum(len(entity.text) for entity in wild),
        ),
    )


@cache
def _away(distance: int) -> dict[str, Any]:
    """The metadata of a name: one for all of that distance, of which a home has ten thousand."""
    return {"distance": distance}


def home_names(places: Places, words: Words) -> dict[str, SpokenNames]:
    """The names of the home, as lists for the templates."""
    names: list[Value] = []
    taken = {
        normal(name)
        for entity in places.entities.values()
        if entity.domain not in MEASURING  # a sensor keeps nobody from locking 'the front door'
        for name in entity.names
    }
    for entity in places.entities.values():
        context = {"domain": entity.domain}
        if entity.device_class:
            context["device_class"] = entity.device_class
        own = {normal(name) for name in entity.names}
        for text, distance in spoken_names(entity, places, words).items():
            if normal(text) in taken and normal(text) not in own:
                continue  # what another thing is really called
            names.append((text, entity.entity_id, context, _away(distance)))
    for domain in sorted({entity.domain for entity in places.entities.values()}):
        for pronoun in (*words.singular, *words.plural):
            names.append((pronoun, ANYTHING + domain, {"domain": domain}, _away(FULL)))
    return {
        "name": SpokenNames("name", names),
        "spot": SpokenNames("spot", _spots(places, words)),
        "gauge": SpokenNames("gauge", _gauges(places, words)),
        "area": SpokenNames(
            "area", [v for a in places.areas.values() for v in _rooms(a, places, words)]
        ),
        "floor": SpokenNames(
            "floor",
            [(n, f.floor_id, {}, {}) for f in places.floors.values() for n in spellings(f.names)],
        ),
    }


def _spots(places: Places, words: Words) -> Iterator[Value]:
    """Where sensors are, as their names tell it: the 'kitchen sink' of a 'Kitchen Sink Leak'. Only
    for questions that say what is to be sensed there."""
    for entity in places.entities.values():
        device_class = entity.device_class
        if entity.domain not in ("sensor", "binary_sensor") or device_class is None:
            continue
        context = {"domain": entity.domain, "device_class": device_class}
        for name in spellings(entity.names):
            for ending in words.sensing.get(device_class, ()):
                if less := _before(name, ending):
                    yield less, entity.entity_id, context, _away(BARE)
                    break


def _gauges(places: Places, words: Words) -> Iterator[Value]:
    """Of those, what is no room: how hot the 'Kiln Temperature' is may be asked of the kiln."""
    rooms = {normal(n) for a in places.areas.values() for n in spoken_rooms(a, places, words)}
    return (spot for spot in _spots(places, words) if normal(spot[0]) not in rooms)


def _rooms(area: Area, places: Places, words: Words) -> list[Value]:
    found = spoken_rooms(area, places, words)
    found |= dict.fromkeys(_counted(area.names, words.language), FULL)
    return [(name, area.area_id, {}, _away(distance)) for name, distance in found.items()]


def spoken_rooms(area: Area, places: Places, words: Words) -> dict[str, int]:
    """What people call an area -> how far that is from its name: FULL or KIND.

    'Bedroom 1' and the 'Master Bedroom' are 'the bedroom', and the 'Living Room' is 'the lounge',
    unless another area is really called so.
    """
    found = dict.fromkeys(spellings(area.names), FULL)
    for name in tuple(found):
        bare = name.rstrip("0123456789 ")
        less = [bare] if bare != name else []
        less += words.same.get(normal(name), ())
        less += _ends(bare, places, words)
        less += _owners(bare, places, words)
        less += [word for alike in _alike(bare, words) for word in alike]
        for word in less:
            if normal(word) and not places.is_place(word):
                found.setdefault(word, KIND)
    return found


def _ends(name: str, places: Places, words: Words) -> Iterator[str]:
    """The last word of a room's name, if no other room's name has it: the 'Home Gym' is 'the gym'
    to those who have one."""
    *before, last = name.split() or [""]
    plain = normal(last)
    if not before or len(plain) < SHORTEST_ROOM or not words.generic or plain in words.generic:
        return
    if places.named_with(plain) <= 1 and not places.called(plain, words):
        yield last


def _owners(name: str, places: Places, words: Words) -> Iterator[str]:
    """Whose room it is, where that person has no other one: 'Lerato's (curtains)'."""
    owner = name.rpartition(" ")[0]
    if owner.endswith(OWNING):
        rooms = places.areas.values()
        others = [area for area in rooms if any(n.startswith(f"{owner} ") for n in area.names)]
        if len(others) == 1:
            article, _, bare = owner.partition(" ")
            yield from spellings([bare if normal(article) in words.articles else owner])


def _alike(name: str, words: Words) -> Iterator[list[str]]:
    """The words for a kind of room with which a name ends, in both spellings."""
    plain = normal(name)
    for alike in words.rooms.values():
        if any(plain.endswith(word) for word in alike):
            yield [spelt for word in alike for spelt in (words.spelled.get(word, word), word)]


def spoken_names(entity: Entity, places: Places, words: Words) -> dict[str, int]:
    """What people call an entity -> how far that is from its name: FULL, BARE, SHORT or KIND.

    A 'Ceiling Light' in the bedroom is also the 'Bedroom Ceiling Light'. A 'Bedroom Ceiling
    Light' is also the 'Ceiling Light', or the 'Ceiling' where a sentence says 'light' anyway; a
    'Roborock' is the 'Roborock vacuum'. And a thermostat is 'the thermostat', or 'the bedroom
    thermostat', whatever its name.
    """
    area = places.areas.get(entity.area_id) if entity.area_id else None
    rooms = [*spoken_rooms(area, places, words)] if area else []
    known = words.kinds_of(entity.domain, entity.device_class, entity.name)
    kinds = tuple(dict.fromkeys((*(words.spelled.get(kind, kind) for kind in known), *known)))
    found = dict.fromkeys(spellings(entity.names), FULL)

    placed = {part for room in rooms for part in _pieces(normal(room))}

    def another(part: str) -> bool:
        """It is a place or a piece of one ('living'), or what another kind of thing is called: the
        'TV Plug' is no TV."""
        if places.is_place(part) or normal(part) in placed or part.endswith(OWNING):
            return True  # 'Tom's' alone is none of his things
        return bool(places.called(normal(part), words) - {entity.domain})

    for name in tuple(found):
        found |= {f"{room} {name}": FULL for room in rooms if _behind(name, room) is None}
    if entity.domain in ("scene", "script"):
        # 'Good night' is a word as often as two.
        found |= {name.replace(" ", ""): FULL for name in tuple(found) if name.count(" ") == 1}
    for name in tuple(found) if entity.domain not in MEASURING else ():
        for kind in kinds:
            if (less := _before(name, kind)) and not another(less):
                found.setdefault(less, BARE)
    for name in tuple(found) if entity.domain not in MEASURING else ():
        parts = name.split()
        for cut in range(1, min(len(parts), LONGEST_NAME)):
            for part in (" ".join(parts[cut:]), " ".join(parts[:cut])):
                if normal(part) not in kinds and not another(part):
                    found.setdefault(part, SHORT)
        own = name in entity.names and parts[0].endswith(OWNING)
        if own and not places.of_owner(parts[0]):
            found |= {f"{parts[0]} {kind}": SHORT for kind in kinds if kind not in found}
    for name in tuple(found):
        for kind in kinds:
            less = _before(name, kind)
            if less is None:
                found.setdefault(f"{name} {kind}", SHORT)
            elif less and entity.domain not in MEASURING and not another(less):
                found.setdefault(less, SHORT)
    for kind in kinds:
        found.setdefault(kind, KIND)
        for room in rooms:
            found.setdefault(f"{room} {kind}", KIND)
    if words.plural_ending and entity.domain not in (*MEASURING, "lock"):
        for stem in filter(None, map(numbered, entity.names)):
            several = f"{stem}{words.plural_ending}"
            for name in (several, *(f"{room} {several}" for room in rooms)):
                found.setdefault(name, SHORT)
    # With numbers otherwise, whole names alone: all their parts would be a burden to large homes.
    for name in _counted(entity.names, words.language):
        found.setdefault(name, FULL)
    return found


def numbered(name: str) -> str | None:
    """What things are that are told apart by a number: 'sconce' of 'Sconce 1'."""
    stem, _, number = normal(name).rpartition(" ")
    return stem if stem and number.isdecimal() else None


def _counted(names: Sequence[str], language: str) -> list[str]:
    """The names in which there are numbers, with these in words instead of digits, or in digits."""
    return [way for name in spellings(names) for way in said_numbers(name, language)]


def _pieces(text: str) -> Iterator[str]:
    """All stretches of words of a text."""
    tokens = text.split()
    for start in range(len(tokens)):
        for end in range(start + 1, len(tokens) + 1):
            yield " ".join(tokens[start:end])


def _before(name: str, ending: str) -> str | None:
    """The words of a name before its ending; None if it does not end so."""
    turned = _behind(" ".join(reversed(name.split())), " ".join(reversed(ending.split())))
    return None if turned is None else " ".join(reversed(turned.split()))


def _behind(name: str, prefix: str) -> str | None:
    """The words of a name behind the first ones; None if it does not begin so."""
    if not normal(f"{name} ").startswith(normal(prefix)) or not normal(prefix):
        return None
    tokens: Sequence[str] = name.split()
    for count in range(1, len(tokens) + 1):
        if normal(" ".join(tokens[:count])) == normal(prefix):
            return " ".join(tokens[count:])
    return None
