"""Templates filled with the things, places and values of a home."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hub.home.model import normal
from hub.messages import Call
from hub.router.verbs import ALL
from hub.router.words import words as router_words
from hub.training.answers import OWN_AREA, canonical, several
from hub.training.chosen import Index, served, shape_of
from hub.training.grammar import agree
from hub.training.homes import Place, Scene, Thing, said
from hub.training.noise import Piece
from hub.training.sentences import ALIASES, NUMBERS, TIMERS, Node, Ref, SkillSentences, Template
from hub.training.values import in_words, number_for

IN_WORDS = 0.45

SOURCES: Mapping[str, float] = {"own": 6.0, "shared": 3.0, "phrase": 1.5}
"""How often a sentence is of which source, where there are several."""

BINARY = {
    "bs_open_states": frozenset("door window garage_door opening".split()),
    "bs_occupancy_states": frozenset("motion occupancy moisture smoke".split()),
}
"""Classes of binary sensors that a list of states is for."""

FITTING_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "light": frozenset("brightness color color_temp effect".split()),
    "cover": frozenset(["position"]),
    "valve": frozenset(["position"]),
    "climate": frozenset("temperature humidity mode fan_mode preset setting".split()),
    "water_heater": frozenset("temperature mode setting".split()),
    "fan": frozenset("speed preset setting".split()),
    "media_player": frozenset("volume source".split()),
    "humidifier": frozenset("humidity mode setting".split()),
    "vacuum": frozenset(["battery"]),
    "lawn_mower": frozenset(["battery"]),
    "lock": frozenset(["battery"]),
}
"""What a person would ask of a thing of a domain."""

LEFT_OUT: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "en": (
        ("HassTurnOn", "", r"\bget the lights?\b|^brighten up\b"),
        ("HassTurnOff", "", r"\bget the lights?\b"),
        ("HassTurnOff", "media_player", r"^stop\b"),
        ("HassRespond", "", r"^(hi|hello)\b|^what can i\b|^who (made|created)\b"),
        ("HassMediaPause", "", r"^stop$"),
        ("HassMediaUnpause", "", r"^play$"),
        ("HassVacuumReturnToBase", "", r"^stop\b|^turn off\b"),
        ("HassSetVolumeRelative", "", r"^i can't hear you"),
        ("volume.louder", "", r"^i can't hear you"),
    ),
    "de": (
        ("HassTurnOff", "media_player", r"^stopp"),
        ("HassRespond", "", r"^(hallo|hi|hey|moin|servus|guten)\b|^was kann ich|^wer hat dich"),
        ("HassMediaPause", "", r"^stopp?$"),
        ("HassClimateGetTemperature", "", r"gestellt$"),
        ("lights.brighter", "light", r"^dreh.* auf$"),
        ("none", "", r"^(stell|dreh) die (temperatur|heizung|lautstärke|helligkeit) (auf|im)$"),
    ),
}
"""Sentences that other templates have for another tool, and rightly so: tool, domain of the thing
(empty: any), pattern."""


class Unfit(Exception):
    """This template cannot be filled in this home."""


@dataclass(frozen=True, slots=True)
class Free:
    """A value that is what a piece of the sentence says in the end."""

    piece: Piece


@dataclass(slots=True)
class Drawn:
    """A sentence under construction, with what it asks."""

    pieces: list[Piece]
    calls: list[Call]
    room: Place | None
    kind: str
    thing: Thing | None = None
    """What it is about, if it is one thing."""
    area: Place | None = None
    template: Template | None = None


class Filler:
    """Fills templates in one home."""

    def __init__(
        self,
        dice: random.Random,
        scene: Scene,
        known: Index,
        skills: Sequence[SkillSentences],
        held_out: bool,
    ) -> None:
        self._dice = dice
        self._scene = scene
        self._known = known
        self._skills = skills
        self._held_out = held_out
        self._language = scene.language
        self._spelt = False
        """Whether the numbers of this sentence are said in words: one does not mix them."""

    def _framed(self, frame: Node, parts: Mapping[str, Sequence[Piece]]) -> list[Piece]:
        skeleton: list[str | Ref] = []
        frame.draw(self._dice, skeleton)
        pieces: list[Piece] = []
        for part in skeleton:
            if isinstance(part, str):
                pieces.append(Piece(part))
            elif part.slot in parts:
                pieces += parts[part.slot]
            else:
                pieces += self._listed_words(part)
        return pieces

    def _listed_words(self, ref: Ref) -> list[Piece]:
        values = self._known.found.lists.get(ref.listed)
        if not values:
            raise Unfit(f"no list {ref.listed}")
        return [Piece(self._say(self._dice.choice(values)[0]))]

    def _say(self, node: Node) -> str:
        parts: list[str | Ref] = []
        node.draw(self._dice, parts)
        return "".join(part for part in parts if isinstance(part, str))

    def _choose(self, found: Mapping[str, Sequence[Template]] | None) -> Template:
        if not found:
            raise Unfit("no template")
        sources = [*found]
        source = self._dice.choices(sources, [SOURCES[each] for each in sources])[0]
        return self._dice.choice(found[source])

    def _fill(
        self,
        template: Template,
        *,
        thing: Thing | None = None,
        area: Place | None = None,
        rooms: Collection[Place | None] | None = None,
        text_of_name: str | None = None,
    ) -> Drawn:
        """The sentence of a template with things of this home. Raises Unfit."""
        dice, scene = self._dice, self._scene
        self._spelt = dice.random() < IN_WORDS
        skeleton: list[str | Ref] = []
        template.node.draw(dice, skeleton)
        refs = [part for part in skeleton if isinstance(part, Ref)]
        asked = {ref.slot for ref in refs if ref.listed in ("name", "area", "floor")}
        slots: dict[str, Any] = dict(template.slots)
        floor: Place | None = None
        if "name" in asked and thing is None:
            thing = self._some_thing(template)
        if "area" in asked and area is None:
            area = (
                thing.area
                if thing and template.tool not in OWN_AREA
                else self._some_area(slots, template)
            )
            if area is None:
                raise Unfit("no area")
        if "floor" in asked:
            if not scene.floors or thing is not None:
                raise Unfit("no floor")
            floor = dice.choice(scene.floors)
        room = self._room(template, asked, slots, rooms)
        name_area = area if "area" in asked and template.tool not in OWN_AREA else None
        pieces: list[Piece] = []
        sure = True
        for part in skeleton:
            if isinstance(part, str):
                spelt = bool(pieces) and pieces[-1].text[-1:].isalpha() and part[:1].isalpha()
                # '15celsius', but 'fifteen celsius'
                pieces.append(Piece(f" {part}" if spelt and pieces[-1].role == "number" else part))
            elif part.listed == "name" and template.tool not in TIMERS:
                assert thing is not None
                if text_of_name is None:
                    told = said(dice, thing, scene, self._rivals(template), room, name_area)
                    if told is None:
                        raise Unfit("name not unique")
                    sure = told.sure
                    text = told.text
                else:
                    text = text_of_name
                pieces.append(Piece(text, "name"))
                slots["name"] = thing.key
            elif part.listed == "area":
                assert area is not None
                pieces.append(Piece(area.name, "area"))
                slots[part.slot] = area.key
            elif part.listed == "floor":
                assert floor is not None
                pieces.append(Piece(floor.name, "area"))
                slots[part.slot] = floor.key
            else:
                pieces.append(self._value(template, part, slots))
        agree(pieces, self._language)
        if _left_out(template, pieces, thing, self._language):
            raise Unfit("said for something else, too")
        everywhere = not asked and self._everywhere(pieces, template)
        call = self._call(template, slots, asked, everywhere)
        if template.tool != "none" and not asked & {"name"} and self._names_one(pieces, call):
            raise Unfit("it is the name of a thing")
        kind = "" if sure else "ambiguous"
        return Drawn(pieces, [call] if call else [], room, kind, thing, area or floor, template)

    def _rivals(self, template: Template) -> list[Thing]:
        """The things that a name in this sentence might mean."""
        if template.tool == "none":
            return list(self._scene.things)
        return self._scene.of(template.domains or served(template.tool))

    def _some_thing(self, template: Template) -> Thing:
        found = self._fitting(template, self._scene.things)
        if not found:
            raise Unfit("no such thing")
        return self._dice.choice(found)

    def _fitting(self, template: Template, things: Sequence[Thing]) -> list[Thing]:
        domains = template.domains or served(template.tool)
        classes = template.classes
        for ref_list, allowed in BINARY.items():
            if f"{{{ref_list}" in template.text:
                classes = allowed
        return [
            thing
            for thing in things
            if (not domains or thing.domain in domains)
            and (classes is None or thing.device_class in classes)
        ]

    def _some_area(self, slots: Mapping[str, Any], template: Template) -> Place | None:
        """A room that is listed and has what the sentence is about."""
        areas = list(self._scene.areas)
        if template.tool not in OWN_AREA and template.tool not in TIMERS:
            areas = [area for area in areas if self._holds(area, slots, template)]
        return self._dice.choice(areas) if areas else None

    def _holds(self, area: Place | None, slots: Mapping[str, Any], template: Template) -> bool:
        if template.tool == "everything.off" or template.tool == "help.help":
            return True
        return bool(self._kind(slots, template, area))

    def _kind(
        self, slots: Mapping[str, Any], template: Template, area: Place | None = None
    ) -> list[Thing]:
        """The things of the kind that a sentence is about."""
        given = slots.get("domain")
        domains = several(given) if given else (template.domains or served(template.tool))
        classes = several(slots.get("device_class"))
        return [
            thing
            for thing in self._scene.of(domains, area)
            if not classes or thing.device_class in classes
        ]

    def _room(
        self,
        template: Template,
        asked: Collection[str],
        slots: Mapping[str, Any],
        rooms: Collection[Place | None] | None,
    ) -> Place | None:
        """Where the speaker is."""
        dice, scene = self._dice, self._scene
        anywhere: list[Place | None] = [*scene.areas, *scene.areas, *scene.elsewhere[:2], None]
        if rooms is not None:
            anywhere = list(rooms)
        here = shape_of(template) == "here" and not {"name", "area", "floor"} & set(asked)
        if here and template.tool != "none":
            found = [r for r in anywhere if r is not None and self._holds(r, slots, template)]
            only = len(self._kind(slots, template)) == 1 and not slots.get("domain")
            if not found and only:
                found = [room for room in anywhere if room is not None]
            if not found:
                raise Unfit("nothing here")
            return dice.choice(found)
        return dice.choice(anywhere) if anywhere else None

    def _value(self, template: Template, ref: Ref, slots: dict[str, Any]) -> Piece:
        """The words for a value, which is put among the slots."""
        dice = self._dice
        name = ALIASES.get(ref.listed, ref.listed)
        slot = "attribute" if ref.slot == "how" else ref.slot
        values = self._known.found.values(template, ref)
        if values:
            node, value = dice.choice(values)
            text = self._say(node)
            if value is None:
                piece = Piece(text, "free")
                if template.tool != "none":
                    slots[slot] = Free(piece)
                return piece
            slots[slot] = self._of_several(value) if isinstance(value, list) else value
            return Piece(text)
        if name not in NUMBERS:
            raise Unfit(f"no values for {ref.listed}")
        number = number_for(name, dice)
        slots[slot] = -number if name == "volume_step_down" else number
        return Piece(self._digits(number, name), "number")

    def _digits(self, number: int, name: str) -> str:
        dice = self._dice
        words = None
        if self._spelt and (number != 1 or self._language == "en"):
            words = in_words(number, self._language, dice.randrange(2))
        return words or str(number)

    def _of_several(self, values: Sequence[Any]) -> Any:
        """Of several device classes, the one that is listed."""
        classes = {thing.device_class for thing in self._scene.things}
        return next((value for value in values if value in classes), values[0])

    def _everywhere(self, pieces: Sequence[Piece], template: Template) -> bool:
        """'All the lights' are those of the whole house, whatever the shared sentences say."""
        if shape_of(template) != "here" or not template.here or template.source == "phrase":
            return False
        words = f" {normal(text_of(pieces))} "
        every, here = all_words(self._language)
        if any(f" {word} " in words for word in here):
            return False
        return any(f" {word} " in words for word in every)

    def _names_one(self, pieces: Sequence[Piece], call: Call | None) -> bool:
        """Whether a sentence about a kind of things says the very name of one of them."""
        if call is None or call.tool in TIMERS:
            return False
        words = f" {normal(text_of(pieces))} "
        given = call.arguments.get("domain")
        domains = several(given) if given else served(call.tool)
        for thing in self._scene.of(domains):
            room = normal(thing.area.name) if thing.area else ""
            name = " ".join(thing.words)
            one_more = name == f"{room} lights" and f" {room} light " in words
            if f" {name} " in words or one_more:
                return True
        return False

    def _call(
        self,
        template: Template,
        slots: dict[str, Any],
        asked: Collection[str],
        everywhere: bool,
    ) -> Call | None:
        if template.tool == "none":
            return None
        shape = shape_of(template)
        if isinstance(slots.get("device_class"), list):
            slots["device_class"] = self._of_several(slots["device_class"])
        attribute, thing = slots.get("attribute"), slots.get("name")
        if attribute is not None and isinstance(thing, str):
            domain = thing.partition(".")[0]
            if attribute not in FITTING_ATTRIBUTES.get(domain, ()):
                raise Unfit("no such attribute")
        if (shape == "all" or everywhere) and not {"name", "area", "floor"} & set(asked):
            slots["name"] = ALL
        return canonical(Call(template.tool, slots, template.response), self._scene)


def _left_out(
    template: Template, pieces: Sequence[Piece], thing: Thing | None, language: str
) -> bool:
    """Whether the sentence would teach what others contradict."""
    text = text_of(pieces).lower()
    if template.tool == "HassGetState" and language == "en":
        asked = template.response not in ("any", "all") or text.split()[:1] in (["is"], ["are"])
        return template.source == "shared" and not asked
    if template.tool == "HassGetState" and thing is not None and thing.domain == "media_player":
        return template.slots.get("state") == "on" and text.startswith("läuft ")
    return any(
        tool == template.tool
        and (not domain or (thing is not None and thing.domain == domain))
        and re.search(pattern, text) is not None
        for tool, domain, pattern in LEFT_OUT.get(language, ())
    )


@cache
def all_words(language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words for all of the house, and words that keep even them in the room."""
    known = router_words(language)
    own = {
        "it": "tutte tutti tutta",
        "pt": "todas todos",
        "pl": "wszystkie wszystkich",
        "sv": "alla samtliga",
    }
    every = (*known.all, *own.get(language, "").split())
    return tuple(map(normal, every)), tuple(map(normal, known.here))


def text_of(pieces: Sequence[Piece]) -> str:
    return " ".join("".join(piece.text for piece in pieces).split())
