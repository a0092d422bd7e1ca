"""Synthetic homes: what one prompt lists, and how a person would call it.

The names are built from `data/_names.yaml` in the styles that are found in real homes: a plain
noun, a noun with its room, a brand, a code, a pet's name. What is listed looks as `tuned` lists
it: a few things that are alike in name, kind or place.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any
from zlib import crc32

import yaml

from hub.home.model import normal
from hub.messages import ToolSpec
from hub.router.codec import Listed, Listing, tidy
from hub.router.options import listed

HELD_OUT = 8
"""One name in so many is kept for validation."""

WEIGHTS: Mapping[str, float] = {
    "light": 30,
    "switch.outlet": 6,
    "switch": 5,
    "cover.blind": 5,
    "cover.curtain": 3,
    "cover.shutter": 3,
    "cover.shade": 1.5,
    "cover.garage": 2,
    "cover.gate": 1.2,
    "cover.awning": 1.2,
    "cover.door": 0.4,
    "cover.window": 0.8,
    "lock": 5,
    "climate": 7,
    "water_heater": 0.6,
    "humidifier": 1,
    "fan": 5,
    "media_player.tv": 3.5,
    "media_player.speaker": 4.5,
    "media_player.receiver": 0.8,
    "vacuum": 4,
    "lawn_mower": 1.8,
    "valve": 1.5,
    "scene": 3.5,
    "script": 2,
    "automation": 0.6,
    "button": 0.8,
    "input_boolean": 1,
    "sensor.temperature": 2.5,
    "sensor.humidity": 1.5,
    "sensor.battery": 0.8,
    "sensor.power": 0.6,
    "sensor.energy": 0.3,
    "sensor.illuminance": 0.3,
    "sensor.carbon_dioxide": 0.5,
    "sensor.pm25": 0.2,
    "sensor": 1,
    "binary_sensor.door": 1.6,
    "binary_sensor.window": 1.8,
    "binary_sensor.motion": 1.2,
    "binary_sensor.occupancy": 0.4,
    "binary_sensor.moisture": 0.4,
    "binary_sensor.smoke": 0.4,
    "binary_sensor.garage_door": 0.4,
    "binary_sensor.battery": 0.3,
    "person": 1.4,
    "todo": 2.5,
    "weather": 0.8,
    "siren": 0.4,
}
"""How often each kind of thing is listed."""

NO_ROOM = {"person": 1.0, "scene": 0.6, "script": 0.85, "automation": 0.9, "todo": 0.95}
NO_ROOM |= {"weather": 1.0, "input_boolean": 0.8, "lawn_mower": 0.5, "vacuum": 0.4}
"""How often a thing of a domain stands in no room; the others: seldom."""
SELDOM = 0.07

ENGLISH_NAMES = 0.1
"""How often a home whose people speak another language has English names."""

SPOTTED = frozenset("light switch cover media_player fan".split())
"""Domains whose things are called after what they stand beside: 'Sofa Lamp'."""


@dataclass(frozen=True, slots=True)
class Place:
    """A room or a floor."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Thing:
    """An entity of a synthetic home."""

    key: str
    label: str
    domain: str
    device_class: str | None
    area: Place | None
    words: tuple[str, ...]
    """The label in normal form, by words."""
    plain: bool
    """The label only says what it is: 'Lamp', 'Kitchen Light'."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The part of a home that a prompt lists."""

    language: str
    things: tuple[Thing, ...]
    areas: tuple[Place, ...]
    """All that are listed, some of which hold nothing."""
    floors: tuple[Place, ...]
    tools: tuple[ToolSpec, ...]
    elsewhere: tuple[Place, ...]
    """Rooms of the home that are not listed."""
    listing: Listing = field(repr=False)
    generic: frozenset[str] = field(repr=False)
    """Words that say what a thing is and not which."""

    def of(self, domains: Collection[str] | None, area: Place | None = None) -> list[Thing]:
        """The things of some domains, in an area if one is given."""
        return [
            thing
            for thing in self.things
            if (not domains or thing.domain in domains) and (area is None or thing.area == area)
        ]


@cache
def names(language: str) -> Mapping[str, Any]:
    """The block of a language in `_names.yaml`."""
    found: Mapping[str, Any] = _all_names()[language]
    return found


def languages() -> list[str]:
    """Languages that have names for homes."""
    return [language for language in _all_names() if language != "shared"]


@cache
def _all_names() -> Mapping[str, Any]:
    text = files("hub.training").joinpath("data", "_names.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.safe_load(text)
    return loaded


def kept(name: str, held_out: bool) -> bool:
    """Whether a name, sentence or tool belongs to this part of the data."""
    return (crc32(name.casefold().encode()) % HELD_OUT == 0) == held_out


@cache
def _pool(language: str, field_name: str, held_out: bool) -> tuple[str, ...]:
    given = [str(each) for each in names(language).get(field_name) or ()]
    return tuple(each for each in given if kept(each, held_out)) or tuple(given)


@cache
def _nouns(language: str, kind: str, held_out: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words for any such thing, and those for a certain one."""
    given = [str(noun) for noun in names(language)["things"].get(kind) or ()]
    cut = given.index("|") if "|" in given else 0
    special = given[cut + 1 :]
    own = [noun for noun in special if kept(noun, held_out)] or special
    return tuple(given[:cut]), tuple(own)


@cache
def _generic(language: str) -> frozenset[str]:
    """Words that any thing of a kind is called by."""
    every = [
        noun for kind in names(language)["things"] for noun in _nouns(language, kind, False)[0]
    ]
    return frozenset(word for noun in every for word in normal(noun).split())


@cache
def _kinds(language: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    known = [kind for kind in WEIGHTS if kind in names(language)["things"]]
    return tuple(known), tuple(WEIGHTS[kind] for kind in known)


class Builder:
    """Makes scenes of one language."""

    def __init__(self, dice: random.Random, language: str, *, held_out: bool) -> None:
        self._dice = dice
        self._language = language
        self._held_out = held_out
        english = language != "en" and dice.random() < ENGLISH_NAMES
        self._names = "en" if english else language

    def scene(self, tools: Sequence[ToolSpec] = ()) -> Scene:
        """A listing of one to ten things with their rooms."""
        dice = self._dice
        rooms = self._rooms()
        things = self._things(rooms)
        holding = list(dict.fromkeys(thing.area for thing in things if thing.area))
        empty = [room for room in rooms if room not in holding]
        named = dice.sample(empty, min(len(empty), dice.choice((0, 0, 0, 1, 1, 2))))
        areas = [*holding, *named]
        dice.shuffle(areas)
        floors = self._floors() if dice.random() < 0.25 else []
        order: list[Listed] = []
        for area in areas:
            order.append(Listed("", "area", area.key, area.name))
            order += [_listed(thing) for thing in things if thing.area == area]
        order += [_listed(thing) for thing in things if thing.area is None]
        order += [Listed("", "floor", floor.key, floor.name) for floor in floors]
        order += [Listed("", "tool", tool.name, tool=tool) for tool in tools]
        return Scene(
            self._language,
            tuple(things),
            tuple(areas),
            tuple(floors),
            tuple(tools),
            tuple(room for room in empty if room not in named),
            listed(order),
            _generic(self._names) | _generic(self._language),
        )

    def _rooms(self) -> list[Place]:
        dice = self._dice
        pool = _pool(self._names, "areas", self._held_out)
        found = dice.sample(pool, min(len(pool), dice.choice((2, 3, 4, 5, 6, 8))))
        if dice.random() < 0.12:
            who = dice.choice(_pool("shared", "people", self._held_out))
            found.append(names(self._names)["kids"].format(who))
        return [Place(f"area.{number}", name) for number, name in enumerate(dict.fromkeys(found))]

    def _floors(self) -> list[Place]:
        dice = self._dice
        pool = _pool(self._names, "floors", self._held_out)
        found = dice.sample(pool, min(len(pool), dice.choice((1, 1, 2))))
        return [Place(f"floor.{number}", name) for number, name in enumerate(found)]

    # --- things ----------------------------------------------------------------------------------

    def _things(self, rooms: Sequence[Place]) -> list[Thing]:
        """Things that are alike in kind, or in place, or in neither."""
        dice = self._dice
        kinds, weights = _kinds(self._names)
        shape = dice.choices(("kind", "room", "mixed", "few"), (28, 22, 40, 10))[0]
        count = dice.randint(1, 3) if shape == "few" else dice.randint(3, 10)
        theme = dice.choices(kinds, weights, k=dice.choice((1, 1, 2)))
        home = dice.sample(rooms, min(len(rooms), 1 if shape == "room" else dice.randint(2, 5)))
        found: list[Thing] = []
        for _ in range(count * 3):
            if len(found) >= count:
                break
            if shape == "kind" and dice.random() < 0.85:
                kind = dice.choice(theme)
            else:
                kind = dice.choices(kinds, weights)[0]
            if found and dice.random() < 0.15:
                thing = self._alike(dice.choice(found), home, len(found))
            else:
                thing = self._thing(kind, home, len(found))
            if all(
                thing.words != other.words
                or thing.area != other.area
                or thing.domain != other.domain
                for other in found
            ):
                found.append(thing)
        return found

    def _area(self, domain: str, rooms: Sequence[Place]) -> Place | None:
        if self._dice.random() < NO_ROOM.get(domain, SELDOM):
            return None
        return self._dice.choice(rooms)

    def _thing(self, kind: str, rooms: Sequence[Place], number: int) -> Thing:
        domain, _, device_class = kind.partition(".")
        area = self._area(domain, rooms)
        label, plain = self._label(kind, area)
        return self._made(label, plain, domain, device_class or None, area, number)

    def _made(
        self,
        label: str,
        plain: bool,
        domain: str,
        device_class: str | None,
        area: Place | None,
        number: int,
    ) -> Thing:
        shown = tidy(label)
        if self._dice.random() < 0.1 and domain not in ("person",):
            shown = shown.lower() if self._dice.random() < 0.5 else shown[:1] + shown[1:].lower()
        key = f"{domain}.{number}"
        classed = device_class
        if domain == "cover" and self._dice.random() < 0.15:
            classed = None  # many integrations tell no class
        return Thing(key, shown, domain, classed, area, tuple(normal(shown).split()), plain)

    def _alike(self, other: Thing, rooms: Sequence[Place], number: int) -> Thing:
        """One whose name resembles another's: its pair, or the same in another room."""
        dice = self._dice
        area, label = other.area, other.label
        sides = _pool(self._names, "sides", self._held_out)
        if other.domain in ("person", "weather"):
            return replace(other)
        if area is not None and dice.random() < 0.5:
            before, area = area.name, dice.choice(rooms)
            label = label.replace(before, area.name)
            if area.name not in label and set(normal(before).split()) & set(normal(label).split()):
                area = other.area
        else:
            label = f"{label} {dice.choice(sides)}"
        return self._made(label, False, other.domain, other.device_class, area, number)

    def _label(self, kind: str, area: Place | None) -> tuple[str, bool]:
        """A name in one of many styles, and whether it only says what the thing is."""
        dice = self._dice
        domain = kind.partition(".")[0]
        language, held = self._names, self._held_out
        people = _pool("shared", "people", held)
        if domain == "person":
            return dice.choice(people), False
        general, special = _nouns(language, kind, held)
        if domain in ("vacuum", "lawn_mower") and dice.random() < 0.5:
            return dice.choice(_pool("shared", "robots", held)), False
        if (brands := _pool("shared", kind, held)) and dice.random() < 0.35:
            label = dice.choice(brands)
            return (f"{area.name} {label}" if area and dice.random() < 0.3 else label), False
        if domain in ("light", "switch") and dice.random() < 0.06:
            return dice.choice(_pool("shared", "codes", held)), False
        plain = bool(general) and (not special or dice.random() < 0.3)
        noun = dice.choice(general if plain else special)
        if domain in ("scene", "script", "automation", "todo", "input_boolean", "weather"):
            label = _titled(noun, dice, language)
            if area and domain == "scene" and dice.random() < 0.3:
                label = f"{area.name} {label}"
            elif domain == "todo" and dice.random() < 0.12 and "owned" in names(language):
                label = names(language)["owned"].format(dice.choice(people), noun)
            return label, False
        return self._styled(noun, plain, domain, area)

    def _styled(self, noun: str, plain: bool, domain: str, area: Place | None) -> tuple[str, bool]:
        dice, language, held = self._dice, self._names, self._held_out
        known = names(language)
        shown = _titled(noun, dice, language)
        styles: dict[str, float] = {"noun": 30, "room": 34 if area else 0, "side": 9, "spot": 9}
        styles |= {"sort": 5, "owned": 4, "brand": 3, "number": 4, "behind": 4 if area else 0}
        style = dice.choices([*styles], [*styles.values()])[0]
        if style == "room" and area:
            return f"{area.name} {shown}", plain
        if style == "behind" and area:
            return f"{shown} {area.name}", plain
        if style == "side" and (sides := _pool(language, "sides", held)):
            return f"{shown} {dice.choice(sides)}", False
        spots = _pool(language, "spots", held) if domain in SPOTTED else ()
        if style == "spot" and spots:
            return self._spotted(noun, dice.choice(spots)), False
        if style == "sort" and (sorts := _pool(language, "sorts", held)):
            return f"{dice.choice(sorts)} {shown}", False
        if style == "owned" and "owned" in known and domain != "lock":
            return known["owned"].format(dice.choice(_pool("shared", "people", held)), shown), False
        if style == "brand" and domain in ("light", "switch"):
            return f"{dice.choice(_pool('shared', 'brands', held))} {shown}", False
        if style == "number":
            return f"{shown} {dice.randint(1, 9)}", False
        return shown, plain

    def _spotted(self, noun: str, spot: str) -> str:
        known = names(self._names)
        dice = self._dice
        if known.get("glued") and " " not in noun and "-" not in noun and dice.random() < 0.4:
            return f"{spot}-{noun}" if dice.random() < 0.3 else f"{spot} {noun}"
        if known.get("spot_behind"):
            return f"{_titled(noun, dice, self._names)} {spot}"
        return f"{spot} {_titled(noun, dice, self._names)}"


def _titled(noun: str, dice: random.Random, language: str) -> str:
    """As names are written in homes: 'Floor Lamp', seldom 'Floor lamp'."""
    if language == "en" and dice.random() < 0.8:
        return " ".join(word[:1].upper() + word[1:] for word in noun.split())
    return noun[:1].upper() + noun[1:]


def _listed(thing: Thing) -> Listed:
    return Listed(
        "",
        "entity",
        thing.key,
        thing.label,
        thing.domain,
        thing.device_class,
        thing.area.key if thing.area else None,
    )


# --- how a thing is called -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A name as a person says it."""

    text: str
    sure: bool = True
    """Whether only one thing can be meant."""


def said(
    dice: random.Random,
    thing: Thing,
    scene: Scene,
    rivals: Iterable[Thing],
    room: Place | None,
    place: Place | None = None,
) -> Said | None:
    """A way to call a thing among those that might be meant; None if it cannot be called so.

    `room` is the speaker's, `place` a room that the sentence names beside it."""
    others = [other for other in rivals if other.key != thing.key]
    if place is not None:
        if thing.area != place:
            return None
        others = [other for other in others if other.area == place]
    styles: list[tuple[float, Callable[[], str | None]]] = [
        (60, lambda: thing.label),
        (14, lambda: _without_room(thing)),
        (10, lambda: _with_room(dice, thing, scene.language) if place is None else None),
        (10, lambda: _shorter(dice, thing)),
        (4, lambda: _turned(thing)),
    ]
    for _ in range(4):
        style = dice.choices([s for _, s in styles], [w for w, _ in styles])[0]
        text = style()
        if text and (found := _judged(text, thing, others, scene, room)):
            return found
    return None


def _judged(
    text: str, thing: Thing, others: Sequence[Thing], scene: Scene, room: Place | None
) -> Said | None:
    """Whether these words mean this thing, and it alone."""
    words = normal(text).split()
    if not words:
        return None
    own = [other for other in others if _exactly(words, other)]
    if _exactly(words, thing):
        elsewhere = thing.area not in (None, room) and set(words) <= scene.generic
        if elsewhere and any(o.area == room and o.domain == thing.domain for o in others):
            return None  # 'the lamp' is the one here, whatever it is called
        if not own:
            return Said(text)
        near = [other for other in (thing, *own) if other.area == room and room is not None]
        if near:
            return Said(text) if near == [thing] else None
        return Said(text, sure=False)
    if own or set(words) <= scene.generic | _room_words(thing):
        return None
    fitting = [other for other in others if set(words) <= {*other.words, *_room_words(other)}]
    if not fitting:
        return Said(text)
    return None


def _exactly(words: Sequence[str], thing: Thing) -> bool:
    """Whether this is the name of a thing, with or without its room."""
    if tuple(words) == thing.words:
        return True
    room = tuple(normal(thing.area.name).split()) if thing.area else ()
    if not room:
        return False
    with_room = ((*room, *thing.words), (*thing.words, *room))
    without = thing.words[len(room) :] if thing.words[: len(room)] == room else ()
    return tuple(words) in with_room or (bool(without) and tuple(words) == without)


def _room_words(thing: Thing) -> frozenset[str]:
    return frozenset(normal(thing.area.name).split()) if thing.area else frozenset()


def _without_room(thing: Thing) -> str | None:
    """'Worktop Strip' for 'Kitchen Worktop Strip'; not 'Light' for 'Kitchen Light'."""
    if thing.area is None or thing.plain:
        return None
    room = normal(thing.area.name).split()
    words = thing.label.split()
    if [normal(word) for word in words[: len(room)]] == room and len(words) > len(room):
        return " ".join(words[len(room) :])
    return None


def _with_room(dice: random.Random, thing: Thing, language: str) -> str | None:
    if thing.area is None or set(_room_words(thing)) & set(thing.words):
        return None
    if language == "en" and dice.random() < 0.4:
        return f"{thing.label} in the {thing.area.name}"
    if language in ("en", "de", "nl", "sv"):
        return f"{thing.area.name} {thing.label}"
    return f"{thing.label} {thing.area.name}"


def _shorter(dice: random.Random, thing: Thing) -> str | None:
    words = thing.label.split()
    if len(words) < 3:
        return None
    left = dice.randrange(len(words))
    return " ".join(word for number, word in enumerate(words) if number != left)


def _turned(thing: Thing) -> str | None:
    """'left bedside lamp' for 'Bedside Lamp Left'."""
    words = thing.label.split()
    if len(words) < 2 or normal(words[-1]) not in TURNED:
        return None
    return " ".join([words[-1], *words[:-1]])


TURNED = frozenset("left right front back top bottom east west north south middle center".split())
