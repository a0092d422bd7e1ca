"""Synthetic training data: homes, what is said in them, and what the model shall answer.

`samples` is the whole of it. Everything is drawn from a seed; a held-out stream shares no names,
rooms, skills or sentence templates with the other. An item is kept only if `codec` can write its
answer and `options` allows it for the words that were said: what cannot be answered at run time is
not taught.

One meaning has one answer: a thing that is named stands alone (`on B`, not `on B A`); a kind is
left out where the verb acts on no other (`dim A 40`, not `dim light A 40`); no place, where none
was said and the verb can do without one (`dim 40`); `all` for questions about the whole house.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from unicode_rbnf import RbnfEngine

from hub.config import Config
from hub.home.model import Home, normal
from hub.messages import Call, ToolSpec
from hub.ports import Options
from hub.router.codec import Turn, Unsayable, home, own_parameters, read, turn, write
from hub.router.numbers import numbers
from hub.router.options import ENDED, options
from hub.router.verbs import ALL, BY_TOOL, TWINS, VERBS
from hub.router.words import words as router_words
from hub.skillset import Skillset
from hub.training.grammar import agree
from hub.training.homes import Builder, Place, Scene, Thing, said
from hub.training.noise import Piece, distort, lowered
from hub.training.samples import Item, Sample
from hub.training.sentences import (
    ALIASES,
    NUMBERS,
    TIMERS,
    Book,
    FollowUp,
    Node,
    Ref,
    SkillSentences,
    Template,
    book,
    in_part,
    phrases,
)

LANGUAGES: Mapping[str, float] = {
    "en": 50,
    "de": 20,
    "fr": 6,
    "es": 6,
    "nl": 5,
    "it": 5,
    "pt": 3,
    "pl": 2,
    "sv": 3,
}
# What cannot be said in a home is drawn again: of media and skills, less is kept than is drawn.
KINDS: Mapping[str, float] = {
    "device": 36,
    "area": 11,
    "query": 12,
    "media": 8,
    "list": 3,
    "timer": 4,
    "talk": 2.5,
    "skill": 20,
    "multi": 7,
    "correction": 3,
    "follow-up": 9,
    "none": 16,
}
SOURCES: Mapping[str, float] = {"own": 6.0, "shared": 3.0, "phrase": 1.5}
"""How often a sentence is of which source, where there are several."""

SLIPS = 0.2
"""Share of items with the slips of a recognizer or of hasty fingers."""
LOWERED = 0.35
WRAPPED = 0.22
IN_WORDS = 0.45
WITH_TURN_BEFORE = 0.1
"""Share of items that have nothing to do with the turn before them."""
PERIOD = 0.25
FEWEST, MOST = 8, 24
TRIES = 6

ON_OFF = frozenset(
    "light switch fan media_player input_boolean climate humidifier water_heater siren".split()
)
SPANS = frozenset("conversation.stop conversation.say_again".split())
AND = {"en": "and", "de": "und", "fr": "et", "es": "y", "nl": "en", "it": "e", "pt": "e"}
AND |= {"pl": "i", "sv": "och"}
NEAR_CLASSES = (frozenset("blind shade shutter".split()), frozenset("curtain shade".split()))

BINARY = {
    "bs_open_states": frozenset("door window garage_door opening".split()),
    "bs_occupancy_states": frozenset("motion occupancy moisture smoke".split()),
}
"""Classes of binary sensors that a list of states is for."""

DEVICE: Mapping[str, Mapping[tuple[str, str], float]] = {
    "light": {
        ("HassTurnOn", ""): 20,
        ("HassTurnOff", ""): 20,
        ("HassToggle", ""): 2,
        ("HassLightSet", "brightness"): 18,
        ("HassLightSet", "color"): 9,
        ("HassLightSet", "temperature"): 4,
        ("lights.brighter", ""): 6,
        ("lights.dimmer", ""): 6,
    },
    "switch": {("HassTurnOn", ""): 10, ("HassTurnOff", ""): 10, ("HassToggle", ""): 1},
    "input_boolean": {("HassTurnOn", ""): 10, ("HassTurnOff", ""): 10},
    "siren": {("HassTurnOn", ""): 5, ("HassTurnOff", ""): 5},
    "humidifier": {("HassTurnOn", ""): 5, ("HassTurnOff", ""): 5},
    "water_heater": {("HassTurnOn", ""): 5, ("HassTurnOff", ""): 5},
    "fan": {
        ("HassTurnOn", ""): 8,
        ("HassTurnOff", ""): 8,
        ("HassFanSetSpeed", ""): 8,
        ("HassToggle", ""): 1,
    },
    "cover": {
        ("HassTurnOn", ""): 10,
        ("HassTurnOff", ""): 10,
        ("HassSetPosition", ""): 7,
        ("covers.stop", ""): 2,
        ("HassToggle", ""): 1,
    },
    "valve": {("HassTurnOn", ""): 5, ("HassTurnOff", ""): 5, ("HassSetPosition", ""): 2},
    "lock": {("HassTurnOn", ""): 10, ("HassTurnOff", ""): 8},
    "climate": {
        ("HassClimateSetTemperature", ""): 14,
        ("HassTurnOn", ""): 3,
        ("HassTurnOff", ""): 4,
        ("climate.warmer", ""): 3,
        ("climate.cooler", ""): 3,
        ("climate.set_mode", ""): 5,
        ("HassClimateSetFanMode", ""): 3,
    },
    "media_player": {
        ("HassTurnOn", ""): 5,
        ("HassTurnOff", ""): 5,
        ("HassMediaPause", ""): 4,
        ("HassMediaUnpause", ""): 3,
        ("HassMediaNext", ""): 3,
        ("HassMediaPrevious", ""): 2,
        ("HassSetVolume", ""): 5,
        ("HassSetVolumeRelative", ""): 5,
        ("HassMediaPlayerMute", ""): 2,
        ("HassMediaPlayerUnmute", ""): 2,
        ("HassMediaSearchAndPlay", ""): 5,
    },
    "vacuum": {
        ("HassVacuumStart", ""): 6,
        ("HassVacuumReturnToBase", ""): 5,
        ("vacuum.pause", ""): 3,
        ("HassVacuumCleanArea", ""): 3,
    },
    "lawn_mower": {("HassLawnMowerStartMowing", ""): 5, ("HassLawnMowerDock", ""): 5},
    "scene": {("HassTurnOn", ""): 1},
    "script": {("HassTurnOn", ""): 1},
    "automation": {("HassTurnOn", ""): 1},
    "button": {("HassTurnOn", ""): 1},
    "todo": {
        ("HassListAddItem", ""): 5,
        ("HassListCompleteItem", ""): 2,
        ("HassListRemoveItem", ""): 2,
    },
    "weather": {("HassGetWeather", ""): 1},
}
"""What is asked of a thing of a domain, and how often: tool and which of its values."""

ASKED: Mapping[tuple[str, str], float] = {
    ("HassGetState", ""): 10,
    ("questions.attribute", ""): 4,
    ("HassClimateGetTemperature", ""): 2,
    ("media.playing", ""): 2,
}
"""What is asked about a thing."""

PLACED: Mapping[tuple[str, str], float] = {
    ("HassTurnOn", ""): 16,
    ("HassTurnOff", ""): 16,
    ("everything.off", ""): 3,
    ("locks.lock_all", ""): 1,
    ("HassLightSet", "brightness"): 8,
    ("HassLightSet", "color"): 5,
    ("HassLightSet", "temperature"): 3,
    ("lights.brighter", ""): 5,
    ("lights.dimmer", ""): 5,
    ("covers.stop", ""): 2,
    ("HassSetPosition", ""): 4,
    ("HassFanSetSpeed", ""): 2,
    ("HassClimateSetTemperature", ""): 6,
    ("climate.warmer", ""): 3,
    ("climate.cooler", ""): 3,
    ("climate.set_mode", ""): 1,
    ("HassClimateSetFanMode", ""): 1,
    ("HassVacuumStart", ""): 2,
    ("HassVacuumCleanArea", ""): 2,
    ("HassVacuumReturnToBase", ""): 1,
    ("vacuum.pause", ""): 1,
    ("HassLawnMowerStartMowing", ""): 2,
    ("HassLawnMowerDock", ""): 2,
}
"""What is asked of a kind of things in a place."""

QUERIES: Mapping[tuple[str, str], float] = {
    ("HassGetState", "any"): 4,
    ("HassGetState", "all"): 3,
    ("HassGetState", "which"): 4,
    ("HassGetState", "how_many"): 3,
    ("HassGetState", ""): 3,
    ("HassGetState", "where"): 1,
    ("HassClimateGetTemperature", ""): 5,
    ("climate.setting", ""): 1,
    ("media.volume", ""): 1,
    ("media.playing", ""): 2,
    ("HassGetWeather", ""): 2,
    ("questions.attribute", ""): 2,
}
MEDIA: Mapping[tuple[str, str], float] = dict.fromkeys(
    [
        ("HassMediaPause", ""),
        ("HassMediaUnpause", ""),
        ("HassMediaNext", ""),
        ("HassMediaPrevious", ""),
        ("HassMediaSearchAndPlay", ""),
        ("HassSetVolume", ""),
        ("HassSetVolumeRelative", ""),
        ("HassMediaPlayerMute", ""),
        ("HassMediaPlayerUnmute", ""),
        ("media.louder", ""),
        ("media.quieter", ""),
    ],
    1.0,
)
LISTS: Mapping[tuple[str, str], float] = {
    ("HassShoppingListAddItem", ""): 4,
    ("HassShoppingListCompleteItem", ""): 2,
}
CLOCK: Mapping[tuple[str, str], float] = {
    ("HassStartTimer", "name"): 3,
    ("HassStartTimer", ""): 6,
    ("HassStartTimer", "conversation_command"): 3,
    ("HassCancelTimer", ""): 3,
    ("HassCancelAllTimers", ""): 1,
    ("HassIncreaseTimer", ""): 2,
    ("HassDecreaseTimer", ""): 2,
    ("HassPauseTimer", ""): 1,
    ("HassUnpauseTimer", ""): 1,
    ("HassTimerStatus", ""): 2,
}
TALK: Mapping[tuple[str, str], float] = {
    ("HassGetCurrentTime", ""): 4,
    ("HassGetCurrentDate", ""): 3,
    ("HassBroadcast", ""): 3,
    ("HassRespond", ""): 0.5,
    ("HassNevermind", ""): 2,
    ("conversation.stop", ""): 1,
    ("conversation.say_again", ""): 1,
    ("conversation.thanks", ""): 2,
    ("conversation.hello", ""): 1,
    ("volume.set_volume", ""): 1,
    ("volume.louder", ""): 1,
    ("volume.quieter", ""): 1,
    ("volume.mute", ""): 0.7,
    ("volume.unmute", ""): 0.7,
    ("help.help", ""): 1,
}

FLAVOURS: Mapping[str, tuple[str, ...]] = {
    "HassLightSet": ("brightness", "color", "temperature"),
    "HassStartTimer": ("conversation_command", "name"),
}
"""Slots by which the sentences of a tool are told apart."""

GROUPED = ("any", "all", "which", "how_many", "where")
"""Questions about several things, by their response."""


# --- the tools there are -------------------------------------------------------------------------


@cache
def tools() -> tuple[ToolSpec, ...]:
    """A tool for every verb: those of the bundled skills, and others that a home may have."""
    found = list(Skillset.load(Config(), Home()).specs())
    known = {spec.name for spec in found}
    for name, rows in BY_TOOL.items():
        if name not in known:
            domains = tuple({domain for row in rows for domain in row.domains})
            found.append(ToolSpec(name, "", {}, "training", domains))
    return tuple(found)


@cache
def _specs() -> Mapping[str, list[ToolSpec]]:
    found: dict[str, list[ToolSpec]] = {}
    for spec in tools():
        found.setdefault(spec.name, []).append(spec)
    return found


@cache
def served(tool: str) -> frozenset[str]:
    """Domains of the things that a tool acts on."""
    name = TWINS[tool][0] if tool in TWINS else tool
    if name in ("HassTurnOn", "HassTurnOff", "HassToggle"):
        return ON_OFF
    if tool == "climate.setting":
        return frozenset(["climate"])
    if tool in ("media.volume", "media.louder", "media.quieter"):
        return frozenset(["media_player"])
    rows = [domain for row in BY_TOOL.get(name, ()) for domain in row.domains]
    own = [domain for spec in tools() if spec.name == name for domain in spec.domains]
    return frozenset(own or rows)


@cache
def _domains() -> frozenset[str]:
    """Every domain there is: whether the home has such a thing is not for the model to judge."""
    rows = {domain for row in VERBS for domain in row.domains}
    return frozenset(rows | {domain for spec in tools() for domain in spec.domains})


# --- the templates of a language -----------------------------------------------------------------


Shape = str
"""What a template is about: name, area, floor, here, all, none."""


@dataclass(slots=True)
class Index:
    """The templates of a language by what they ask, ready to be drawn from."""

    found: Book
    by_shape: dict[tuple[str, str, Shape], dict[str, list[Template]]]
    by_domain: dict[tuple[str, str, str], dict[str, list[Template]]]
    """Tool, flavour, domain of the thing that is named."""
    nothing: list[Template]
    skills: list[SkillSentences]
    follow_ups: list[FollowUp]


@cache
def index(language: str, held_out: bool) -> Index:
    """The part of a language's templates that is for training, or for validation."""
    found = book(language)
    if not any(template.source == "phrase" for template in found.templates):
        phrases(found, tools())
    groups: dict[tuple[str, str, Shape], list[Template]] = {}
    for template in found.templates:
        groups.setdefault((template.tool, _flavour(template), _shape(template)), []).append(
            template
        )
    result = Index(found, {}, {}, [], [], [])
    for (tool, flavour, shape), members in groups.items():
        chosen = [t for t in members if in_part(t.text, t.held_out, held_out)]
        if not chosen:  # too few to keep some apart
            chosen = [t for t in members if not t.held_out] if len(members) < 6 else []
        if tool == "none":
            result.nothing += chosen
            continue
        for template in chosen:
            by_source = result.by_shape.setdefault((tool, flavour, shape), {})
            by_source.setdefault(template.source, []).append(template)
            if shape != "name":
                continue
            for domain in template.domains or served(tool):
                named = result.by_domain.setdefault((tool, flavour, domain), {})
                named.setdefault(template.source, []).append(template)
    result.skills = [
        skill for skill in found.skills if in_part(skill.spec.description, skill.held_out, held_out)
    ]
    result.follow_ups = [
        follow
        for follow in found.follow_ups
        if in_part(follow.template.text, follow.template.held_out, held_out)
    ]
    result.follow_ups = result.follow_ups or found.follow_ups
    return result


def _flavour(template: Template) -> str:
    if template.tool == "HassGetState":
        return template.response if template.response in GROUPED else ""
    for slot in FLAVOURS.get(template.tool, ()):
        if slot in template.must or slot in template.slots:
            return slot
    return ""


def _shape(template: Template) -> Shape:
    if template.tool in TIMERS:
        return "none"
    for slot in ("name", "area", "floor"):
        if slot in template.must:
            return slot
    rows = BY_TOOL.get(TWINS[template.tool][0] if template.tool in TWINS else template.tool, ())
    if not any(row.target in ("optional", "needed") for row in rows):
        return "none"
    kinds = {"domain", "device_class"} & (template.slots.keys() | template.must)
    whole = template.whole and (kinds or template.tool == "HassGetState")
    return "all" if (whole or template.slots.get("name") == ALL) and not template.here else "here"


# --- numbers -------------------------------------------------------------------------------------

MINUTES = (1, 2, 3, 5, 5, 7, 8, 10, 10, 12, 15, 15, 20, 20, 25, 30, 40, 45, 50, 60, 90)
SECONDS = (5, 10, 15, 20, 30, 30, 40, 45, 50, 60, 90)


def _number(name: str, dice: random.Random) -> int:
    """A number as people choose it for this."""
    if name in ("temperature", "room_temperature"):
        warm = dice.randint(62, 78) if dice.random() < 0.12 else dice.randint(15, 27)
        return dice.randint(5, 90) if dice.random() < 0.04 else warm
    if name == "kelvin":
        return dice.choice((2000, 2200, 2500, 2700, 3000, 3500, 4000, 4500, 5000, 6000, 6500))
    if name == "hours":
        return dice.choice((1, 1, 2, 2, 3, 4, 5, 6, 8, 10, 12, 24))
    if name == "minutes":
        return dice.choice(MINUTES) if dice.random() < 0.8 else dice.randint(1, 60)
    if name == "seconds":
        return dice.choice(SECONDS)
    if name in ("volume_step", "volume_step_down"):
        return dice.choice((5, 10, 10, 15, 20, 25, 30))
    spread = dice.random()
    if spread < 0.55:
        return 10 * dice.randint(0 if spread < 0.02 else 1, 10)
    return 5 * dice.randint(1, 19) if spread < 0.8 else dice.randint(1, 99)


@lru_cache(maxsize=20_000)
def _in_words(number: int, language: str, variant: int) -> str | None:
    """A number as it is said, if `numbers` would find it in the sentence."""
    text = _engine(language).format_number(number).text.replace("\xad", "")
    if variant and language == "en":
        text = text.replace("-", " ")
    if variant and language == "de" and text.startswith("einhundert"):
        text = text.removeprefix("ein")
    return text if str(number) in numbers(text, language) else None


@cache
def _engine(language: str) -> RbnfEngine:
    return RbnfEngine.for_language(language)


# --- items ---------------------------------------------------------------------------------------


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


class Maker:
    """Makes the samples of one stream."""

    def __init__(self, dice: random.Random, *, held_out: bool) -> None:
        self._dice = dice
        self._held_out = held_out
        self.dropped: Counter[str] = Counter()
        """Items that were not kept, by the reason."""

    def sample(self) -> Sample | None:
        """One home and what is said in it; None if nothing came of it."""
        dice = self._dice
        language = dice.choices([*LANGUAGES], [*LANGUAGES.values()])[0]
        known = index(language, self._held_out)
        chosen = self._tools(known)
        scene = Builder(dice, language, held_out=self._held_out).scene(
            [skill.spec for skill in chosen]
        )
        spoken = [skill for skill in chosen if skill in known.skills]
        speaker = _Speaker(dice, scene, known, spoken, self._held_out)
        wanted = dice.randint(FEWEST, MOST)
        items: list[Item] = []
        for _ in range(wanted * 3):
            if len(items) >= wanted:
                break
            item = self._item(speaker)
            if item is not None and all(item.prompt != other.prompt for other in items):
                items.append(item)
        if len(items) < FEWEST:
            return None
        return Sample(home(scene.listing), tuple(items))

    def _tools(self, known: Index) -> list[SkillSentences]:
        dice = self._dice
        pool = known.skills or index("en", self._held_out).skills
        count = min(len(pool), dice.choices((0, 1, 2, 3, 4), (45, 22, 15, 10, 8))[0])
        return dice.sample(pool, count)

    def _item(self, speaker: _Speaker) -> Item | None:
        kind = self._dice.choices([*KINDS], [*KINDS.values()])[0]
        for _ in range(TRIES):
            try:
                return speaker.item(kind)
            except Unfit as reason:
                self.dropped[f"{kind}: {reason}"] += 1
        return None


class _Speaker:
    """Says things in one home."""

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
        self._kinds: Mapping[str, Callable[[], Drawn]] = {
            "device": self._device,
            "area": lambda: self._of(PLACED, "area"),
            "query": self._query,
            "media": lambda: self._of(MEDIA, "media"),
            "list": lambda: self._of(LISTS, "list"),
            "timer": lambda: self._of(CLOCK, "timer"),
            "talk": lambda: self._of(TALK, "talk"),
            "skill": self._skill,
            "multi": self._multi,
            "correction": self._correction,
            "none": self._nothing,
        }

    # --- from a sentence to an item --------------------------------------------------------------

    def item(self, kind: str) -> Item:
        """One item. Raises Unfit."""
        if kind == "follow-up":
            return self._follow_up()
        drawn = self._kinds[kind]()
        drawn.kind = drawn.kind or kind
        before = None
        if self._dice.random() < WITH_TURN_BEFORE:
            before = self._turn_before(drawn.room)
        return self._finished(drawn, before)

    def _turn_before(self, room: Place | None) -> Turn | None:
        """An earlier turn, about something else."""
        try:
            earlier = self._device() if self._dice.random() < 0.6 else self._of(PLACED, "area")
            earlier.room = room
            return self._told(earlier)
        except Unfit:
            return None

    def _finished(self, drawn: Drawn, before: Turn | None = None) -> Item:
        dice = self._dice
        if drawn.kind != "half":
            self._wrap(drawn)
        if dice.random() < SLIPS:
            distort(drawn.pieces, self._language, dice)
        if dice.random() < LOWERED:
            lowered(drawn.pieces)
        text = _text(drawn.pieces)
        if not text:
            raise Unfit("no words")
        if dice.random() >= LOWERED and drawn.kind != "half":
            if dice.random() < 0.6:
                _capital(drawn.pieces)
                text = _text(drawn.pieces)
            if dice.random() < PERIOD:
                asked = drawn.template is not None and drawn.template.question
                text += "?" if asked else "."
        answer = self._answer(drawn.calls, drawn.pieces, text)
        last = turn(Turn(text, drawn.room.name if drawn.room else None))
        prompt = f"{turn(before)}\n{last}" if before else last
        return Item(prompt, answer, drawn.kind, self._language)

    def _answer(self, calls: Sequence[Call], pieces: Sequence[Piece], text: str) -> str:
        """The answer. Raises Unfit if it could not be given."""
        listing = self._scene.listing
        settled = [_spoken(call) for call in calls]
        try:
            answer = write(settled, listing)
        except Unsayable as error:
            raise Unfit(f"unsayable: {_short(str(error))}") from error
        told = read(answer, listing)
        if told is None or write(told, listing) != answer:
            raise Unfit("not read back")
        if settled and not self._allowed(answer, settled, pieces, text):
            raise Unfit(f"not allowed: {settled[0].tool}")
        return answer

    def _allowed(
        self, answer: str, calls: Sequence[Call], pieces: Sequence[Piece], text: str
    ) -> bool:
        """Whether the engine may give this answer. Only the tools that it names are looked at, and
        of the words only those that it may have been taken from: all of both takes 10 ms."""
        known = _specs()
        specs = [spec for call in calls for spec in known.get(call.tool, ())]
        values = [piece for piece in pieces if piece.role in ("number", "free")]
        numeric = any(
            isinstance(value, int) and not isinstance(value, bool)
            for call in calls
            for value in call.arguments.values()
        )
        numbered = any(piece.role == "number" for piece in values)
        words = text if numeric and not numbered else " , ".join(_text([p]) for p in values)
        allowed = options(
            self._scene.listing, words, self._language, (*specs, *self._scene.tools), _domains()
        )
        return allows(allowed, f" {answer}\n")

    def _told(self, drawn: Drawn) -> Turn:
        """An earlier turn as it is remembered: with the room where 'here' was. Raises Unfit."""
        text = _text(drawn.pieces)
        calls = [self._placed(_spoken(call), drawn.room) for call in drawn.calls]
        try:
            answer = write(calls, self._scene.listing)
        except Unsayable as error:
            raise Unfit("unsayable before") from error
        return Turn(text, drawn.room.name if drawn.room else None, answer)

    def _placed(self, call: Call, room: Place | None) -> Call:
        row = BY_TOOL.get(call.tool, ())
        if not row or not any(r.target in ("optional", "needed") for r in row):
            return call
        arguments = dict(call.arguments)
        if any(slot in arguments for slot in ("name", "area", "floor")):
            return call
        if room is not None and room in self._scene.areas:
            return replace(call, arguments={**arguments, "area": room.key})
        return call

    def _wrap(self, drawn: Drawn) -> None:
        """'Could you ...', '... please'."""
        template = drawn.template
        if template is None or self._dice.random() >= WRAPPED or drawn.kind == "none":
            return
        if template.kind or template.tool in TALKING or not template.must & template.may:
            return
        found = self._known.found
        frames = found.question_wrappers if template.question else found.wrappers
        if frames and not (self._language == "en" and not _imperative(drawn.pieces, template)):
            drawn.pieces = self._framed(self._dice.choice(frames), {"command": drawn.pieces})

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

    # --- filling templates -----------------------------------------------------------------------

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
                pieces.append(Piece(part))
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
        domains = _several(given) if given else (template.domains or served(template.tool))
        classes = _several(slots.get("device_class"))
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
        here = _shape(template) == "here" and not {"name", "area", "floor"} & set(asked)
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
        number = _number(name, dice)
        slots[slot] = -number if name == "volume_step_down" else number
        return Piece(self._digits(number, name), "number")

    def _digits(self, number: int, name: str) -> str:
        dice = self._dice
        words = None
        if self._spelt and (number != 1 or self._language == "en"):
            words = _in_words(number, self._language, dice.randrange(2))
        return words or str(number)

    def _of_several(self, values: Sequence[Any]) -> Any:
        """Of several device classes, the one that is listed."""
        classes = {thing.device_class for thing in self._scene.things}
        return next((value for value in values if value in classes), values[0])

    def _everywhere(self, pieces: Sequence[Piece], template: Template) -> bool:
        """'All the lights' are those of the whole house, whatever the shared sentences say."""
        if _shape(template) != "here" or not template.here or template.source == "phrase":
            return False
        words = f" {normal(_text(pieces))} "
        every, here = all_words(self._language)
        if any(f" {word} " in words for word in here):
            return False
        return any(f" {word} " in words for word in every)

    def _names_one(self, pieces: Sequence[Piece], call: Call | None) -> bool:
        """Whether a sentence about a kind of things says the very name of one of them."""
        if call is None or call.tool in TIMERS:
            return False
        words = f" {normal(_text(pieces))} "
        given = call.arguments.get("domain")
        domains = _several(given) if given else served(call.tool)
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
        shape = _shape(template)
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

    # --- kinds of items --------------------------------------------------------------------------

    def _device(self) -> Drawn:
        dice = self._dice
        things = [thing for thing in self._scene.things if thing.domain in DEVICE]
        if not things:
            raise Unfit("no device")
        thing = dice.choice(things)
        return self._about(thing, DEVICE[thing.domain])

    def _about(self, thing: Thing, weights: Mapping[tuple[str, str], float]) -> Drawn:
        asks = [ask for ask in weights if (*ask, thing.domain) in self._known.by_domain]
        if not asks:
            raise Unfit(f"no template for {thing.domain}")
        ask = self._dice.choices(asks, [weights[each] for each in asks])[0]
        template = self._choose(self._known.by_domain[*ask, thing.domain])
        if not self._fitting(template, [thing]):
            raise Unfit("other class")
        return self._fill(template, thing=thing)

    def _of(self, weights: Mapping[tuple[str, str], float], kind: str) -> Drawn:
        """About a kind of things, a place, or nothing."""
        dice = self._dice
        asks = [*weights]
        tool, flavour = dice.choices(asks, [*weights.values()])[0]
        shapes = ["area", "here", "all", "floor", "none"]
        chances = [5, 4, 2, 2 if self._scene.floors else 0, 5]
        there = [
            (shape, chance)
            for shape, chance in zip(shapes, chances, strict=True)
            if chance and (tool, flavour, shape) in self._known.by_shape
        ]
        if not there:
            raise Unfit("no template")
        shape = dice.choices([s for s, _ in there], [c for _, c in there])[0]
        template = self._choose(self._known.by_shape[tool, flavour, shape])
        drawn = self._fill(template)
        if not drawn.template or not self._may_be_listed(drawn, shape):
            raise Unfit("nothing of the kind")
        return drawn

    def _may_be_listed(self, drawn: Drawn, shape: Shape) -> bool:
        """For the whole house and for floors: some such thing is listed."""
        assert drawn.template is not None
        if shape not in ("all", "floor") or drawn.template.tool in ("HassGetWeather",):
            return True
        slots = {**drawn.template.slots, **drawn.calls[0].arguments}
        return bool(self._kind(slots, drawn.template))

    def _query(self) -> Drawn:
        dice = self._dice
        if dice.random() < 0.5:
            return self._of(QUERIES, "query")
        thing = dice.choice(self._scene.things)
        return self._about(thing, {**ASKED, ("HassGetState", "where"): 3})

    def _skill(self) -> Drawn:
        if not self._skills:
            raise Unfit("no skill")
        skill = self._dice.choice(self._skills)
        return self._skill_call(skill)

    def _skill_call(self, skill: SkillSentences) -> Drawn:
        dice, scene = self._dice, self._scene
        template = dice.choice(skill.templates)
        self._spelt = dice.random() < IN_WORDS
        skeleton: list[str | Ref] = []
        template.node.draw(dice, skeleton)
        properties = skill.spec.parameters["properties"]
        pieces: list[Piece] = []
        slots: dict[str, Any] = {}
        for part in skeleton:
            if isinstance(part, str):
                pieces.append(Piece(part))
                continue
            schema = properties.get(part.slot, {})
            if part.listed == "area" or schema.get("format") == "area":
                if not scene.areas:
                    raise Unfit("no area")
                area = dice.choice(scene.areas)
                pieces.append(Piece(area.name, "area"))
                slots[part.slot] = area.key
            elif part.listed == "name":
                things = scene.of(skill.spec.domains)
                thing = dice.choice(things) if things else None
                told = said(dice, thing, scene, things, None) if thing else None
                if thing is None or told is None:
                    raise Unfit("no thing for the skill")
                pieces.append(Piece(told.text, "name"))
                slots["name"] = thing.key
            else:
                pieces.append(self._parameter(template, part, schema, slots))
        known = list(own_parameters(skill.spec))
        extra = [slot for slot in slots if slot not in known and slot != "name"]
        if extra:
            raise Unfit("slot that is no parameter")
        return Drawn(
            pieces, [Call(skill.spec.name, slots)], self._any_room(), "skill", template=template
        )

    def _parameter(
        self, template: Template, ref: Ref, schema: Mapping[str, Any], slots: dict[str, Any]
    ) -> Piece:
        dice = self._dice
        values = template.lists.get(ref.slot) or template.lists.get(ref.listed)
        kind = schema.get("type")
        if values:
            node, value = dice.choice(values)
            text = self._say(node)
            if kind == "string" and "enum" not in schema:
                piece = Piece(text, "free")
                slots[ref.slot] = Free(piece) if value is None or str(value) == text else value
                return piece
            slots[ref.slot] = text if value is None else value
            return Piece(text)
        if "enum" in schema:
            value = dice.choice(schema["enum"])
            slots[ref.slot] = value
            return Piece(str(value).replace("_", " "))
        if kind in ("integer", "number"):
            low, high = int(schema.get("minimum", 1)), int(schema.get("maximum", 100))
            number = dice.randint(low, min(high, low + 20) if dice.random() < 0.5 else high)
            number = number - number % 5 if number > 30 and number - number % 5 >= low else number
            slots[ref.slot] = number
            return Piece(self._digits(number, "number"), "number")
        if kind == "boolean":
            value = dice.random() < 0.5
            slots[ref.slot] = value
            return Piece("on" if value else "off")
        words = self._known.found.values(template, ref)
        if not words:
            raise Unfit("no words for the skill")
        piece = Piece(self._say(dice.choice(words)[0]), "free")
        slots[ref.slot] = Free(piece)
        return piece

    def _any_room(self) -> Place | None:
        return self._dice.choice([*self._scene.areas, *self._scene.elsewhere[:1], None])

    # --- several, corrected, following -----------------------------------------------------------

    def _part(self) -> Drawn:
        """One command of several."""
        if self._dice.random() < 0.7:
            return self._device()
        return self._of(PLACED, "area")

    def _multi(self) -> Drawn:
        dice = self._dice
        if dice.random() < 0.45:
            return self._both()
        first = self._part()
        second = self._part()
        if self._clash(first, second):
            raise Unfit("the same twice")
        room = self._common_room(first, second)
        frames = self._known.found.joins
        if frames and dice.random() < 0.85:
            parts = {"first": first.pieces, "second": second.pieces}
            pieces = self._framed(dice.choice(frames), parts)
        else:
            pieces = [*first.pieces, Piece(f" {AND[self._language]} "), *second.pieces]
        return Drawn(pieces, [*first.calls, *second.calls], room, "multi")

    def _clash(self, first: Drawn, second: Drawn) -> bool:
        targets = [{k: str(v) for k, v in d.calls[0].arguments.items()} for d in (first, second)]
        return targets[0] == targets[1] or first.kind == "ambiguous" or second.kind == "ambiguous"

    def _common_room(self, first: Drawn, second: Drawn) -> Place | None:
        """Both are said in one room: the one that matters to either of them."""
        here = [d for d in (first, second) if d.template and _shape(d.template) == "here"]
        if len(here) == 2 and here[0].room != here[1].room:
            raise Unfit("two rooms")
        if not here:
            return self._checked_room(first, second)
        other = second if here[0] is first else first
        return here[0].room if self._holds_in(other, here[0].room) else self._refused()

    def _checked_room(self, first: Drawn, second: Drawn) -> Place | None:
        for room in (first.room, second.room):
            if self._holds_in(first, room) and self._holds_in(second, room):
                return room
        return self._refused()

    def _refused(self) -> Place | None:
        raise Unfit("name means another here")

    def _holds_in(self, drawn: Drawn, room: Place | None) -> bool:
        """Whether a name still means the same when it is said in another room."""
        if drawn.thing is None or drawn.room == room:
            return True
        return not any(
            other.words == drawn.thing.words and other.key != drawn.thing.key
            for other in self._scene.things
        )

    def _both(self) -> Drawn:
        """'Turn on the lamp and the fan': one verb, two things."""
        dice = self._dice
        first = self._device()
        if first.thing is None or first.template is None or first.kind == "ambiguous":
            raise Unfit("no thing")
        call = first.calls[0]
        domains = first.template.domains or served(first.template.tool)
        others = [
            t
            for t in self._scene.of(domains)
            if t.key != first.thing.key and self._fitting(first.template, [t])
        ]
        if not others or any(isinstance(value, Free) for value in call.arguments.values()):
            raise Unfit("no second thing")
        other = dice.choice(others)
        told = said(dice, other, self._scene, self._rivals(first.template), first.room)
        if told is None or not told.sure or AND[self._language] in normal(told.text).split():
            raise Unfit("name not unique")
        names = [piece for piece in first.pieces if piece.role == "name"]
        places = [piece for piece in first.pieces if piece.role == "area"]
        if len(names) != 1 or places:
            raise Unfit("area said")
        article = _article(first.pieces, names[0], self._language)
        at = first.pieces.index(names[0])
        more = [Piece(f" {AND[self._language]} {article}"), Piece(told.text, "name")]
        first.pieces[at + 1 : at + 1] = more
        second = canonical(
            replace(call, arguments={**call.arguments, "name": other.key}), self._scene
        )
        return replace(first, calls=[call, second], kind="multi")

    def _correction(self) -> Drawn:
        """'Turn on the lamp, no, the fan'; 'close the blinds, no, forget it'."""
        dice = self._dice
        found = self._known.found
        if found.cancellations and dice.random() < 0.3:
            first = self._part()
            pieces = self._framed(dice.choice(found.cancellations), {"first": first.pieces})
            return Drawn(pieces, [], first.room, "correction")
        frames = found.corrections
        if not frames:
            raise Unfit("no frames for corrections")
        frame = dice.choice(frames)
        if dice.random() < 0.5:
            return self._other_name(frame)
        first, second = self._part(), self._part()
        if self._clash(first, second):
            raise Unfit("the same twice")
        room = self._common_room(first, second)
        pieces = self._framed(frame, {"first": first.pieces, "second": second.pieces})
        return Drawn(pieces, list(second.calls), room, "correction")

    def _other_name(self, frame: Node) -> Drawn:
        both = self._both()
        names = [piece for piece in both.pieces if piece.role == "name"]
        at = both.pieces.index(names[1])
        article = both.pieces[at - 1].text.replace(f" {AND[self._language]} ", "", 1)
        if both.pieces[at + 1 :] and _text(both.pieces[at + 1 :]):
            raise Unfit("words behind the name")
        parts = {"first": both.pieces[: at - 1], "second": [Piece(article), names[1]]}
        pieces = self._framed(frame, parts)
        return Drawn(pieces, both.calls[1:], both.room, "correction")

    def _follow_up(self) -> Item:
        """A sentence that is only understood from the one before."""
        dice = self._dice
        earlier = self._device() if dice.random() < 0.7 else self._of(PLACED, "area")
        if earlier.kind == "ambiguous" or not earlier.calls:
            raise Unfit("ambiguous before")
        before = self._told(earlier)
        call = read(before.answer, self._scene.listing)
        if not call or len(call) != 1:
            raise Unfit("several before")
        fitting = [f for f in self._known.follow_ups if self._follows(f, earlier, call[0])]
        if not fitting:
            raise Unfit("no follow-up")
        asking = [follow for follow in fitting if follow.template.tool != "none"]
        follow = dice.choice(asking if asking and dice.random() < 0.85 else fitting)
        drawn = self._following(follow, earlier, call[0])
        drawn.room = earlier.room
        return self._finished(drawn, before)

    def _follows(self, follow: FollowUp, earlier: Drawn, call: Call) -> bool:
        if follow.after is not None and call.tool not in follow.after:
            return False
        if follow.change == "name":
            return earlier.thing is not None
        if follow.change == "area":
            return earlier.thing is None and "area" in call.arguments
        if follow.template.tool == "none":
            return True
        domains = self._domains_of(earlier, call)
        wanted = follow.domains or follow.template.domains or served(follow.template.tool)
        return bool(domains) and domains <= wanted

    def _domains_of(self, earlier: Drawn, call: Call) -> frozenset[str]:
        if earlier.thing is not None:
            return frozenset([earlier.thing.domain])
        if domain := call.arguments.get("domain"):
            return frozenset(_several(domain))
        own = served(call.tool)
        return own if len(own) == 1 else frozenset()

    def _following(self, follow: FollowUp, earlier: Drawn, call: Call) -> Drawn:
        dice, scene = self._dice, self._scene
        template = follow.template
        if follow.change == "name":
            assert earlier.thing is not None and earlier.template is not None
            others = [
                t
                for t in self._fitting(earlier.template, scene.things)
                if t.key != earlier.thing.key
            ]
            if not others:
                raise Unfit("no other thing")
            other = dice.choice(others)
            drawn = self._fill(
                replace(template, tool=earlier.template.tool, domains=earlier.template.domains),
                thing=other,
                rooms=[earlier.room],
            )
            if drawn.kind == "ambiguous":
                raise Unfit("ambiguous")
            drawn.calls = [replace(call, arguments={**call.arguments, "name": other.key})]
        elif follow.change == "area":
            assert earlier.template is not None
            slots = {**earlier.template.slots, **call.arguments}
            areas = [
                area
                for area in scene.areas
                if area.key != call.arguments["area"] and self._holds(area, slots, earlier.template)
            ]
            if not areas:
                raise Unfit("no other area")
            area = dice.choice(areas)
            drawn = self._fill(replace(template, tool="everything.off"), area=area)
            drawn.calls = [replace(call, arguments={**call.arguments, "area": area.key})]
        elif template.tool == "none":
            drawn = self._fill(template)
        else:
            drawn = self._fill(replace(template, here=False), rooms=scene.areas)
            target = ("name", "area", "floor", "domain", "device_class")
            kept_slots = {s: v for s, v in call.arguments.items() if s in target}
            if not kept_slots:
                raise Unfit("no target before")
            own = {s: v for s, v in drawn.calls[0].arguments.items() if s != "name"}
            if "domain" not in kept_slots and "name" not in kept_slots:
                kept_slots["domain"] = next(iter(self._domains_of(earlier, call)))
            drawn.calls = [replace(drawn.calls[0], arguments={**kept_slots, **own})]
        drawn.calls = [canonical(each, scene) for each in drawn.calls]
        drawn.kind = "follow-up"
        drawn.template = replace(template, kind="follow-up")
        return drawn

    # --- nothing to be done ----------------------------------------------------------------------

    def _nothing(self) -> Drawn:
        dice = self._dice
        ways: list[tuple[float, Callable[[], Drawn]]] = [
            (55 if self._known.nothing else 0, self._talk),
            (16, self._absent_thing),
            (8, self._absent_kind),
            (5, self._absent_area),
            (4, self._impossible),
            (14, self._half),
            (5 if self._language == "en" else 0, self._negated),
            (4, self._absent_skill),
        ]
        way = dice.choices([w for _, w in ways], [c for c, _ in ways])[0]
        drawn = way()
        drawn.calls = []
        drawn.kind = "half" if way == self._half else "none"
        return drawn

    def _talk(self) -> Drawn:
        """What is not for the hub, in words of our own."""
        drawn = self._fill(self._dice.choice(self._known.nothing))
        drawn.room = self._any_room()
        return drawn

    def _absent_thing(self) -> Drawn:
        """A thing that is not listed, with a name that none of the others resembles."""
        other = Builder(self._dice, self._language, held_out=self._held_out).scene()
        listed = {w for t in self._scene.things for w in t.words} - self._scene.generic
        for thing in other.things:
            own = set(thing.words) - self._scene.generic
            if thing.domain not in DEVICE or thing.plain or not own or own & listed:
                continue
            if any(set(thing.words) <= set(t.words) for t in self._scene.things):
                continue
            asks = [a for a in DEVICE[thing.domain] if (*a, thing.domain) in self._known.by_domain]
            if not asks:
                continue
            template = self._choose(self._known.by_domain[*self._dice.choice(asks), thing.domain])
            return self._fill(
                _nameless(template), thing=thing, rooms=self._rooms(), text_of_name=thing.label
            )
        raise Unfit("no other thing")

    def _rooms(self) -> list[Place | None]:
        return [*self._scene.areas, None]

    def _absent_kind(self) -> Drawn:
        """'Close the blinds' where there are none."""
        dice = self._dice
        tool, flavour = dice.choice([*PLACED])
        shape = dice.choice(("here", "all", "area"))
        template = self._choose(self._known.by_shape.get((tool, flavour, shape)))
        given = template.slots.get("domain")
        domains = frozenset(_several(given)) if given else served(tool)
        if not domains or self._scene.of(domains) or tool in OWN_AREA:
            raise Unfit("there is one")
        if domains == {"switch"} or ("climate" in domains and self._scene.of(["sensor", "fan"])):
            raise Unfit("something near")
        area = dice.choice(self._scene.areas) if self._scene.areas else None
        return self._fill(_nameless(template), area=area, rooms=self._rooms())

    def _absent_area(self) -> Drawn:
        """A room that is not listed."""
        if not self._scene.elsewhere:
            raise Unfit("all rooms are listed")
        dice = self._dice
        tool, flavour = dice.choice([*PLACED])
        template = self._choose(self._known.by_shape.get((tool, flavour, "area")))
        if tool in OWN_AREA or tool == "everything.off":
            raise Unfit("an area of its own")
        area = dice.choice(self._scene.elsewhere)
        said_words = set(normal(area.name).split())
        listed = {w for a in self._scene.areas for w in normal(a.name).split()}
        listed |= {w for t in self._scene.things for w in t.words}
        if said_words & listed:
            raise Unfit("another is called so")
        return self._fill(_nameless(template), area=area, rooms=self._rooms())

    def _impossible(self) -> Drawn:
        """'Unlock the lamp'."""
        dice = self._dice
        tool, flavour, domain, things = dice.choice(IMPOSSIBLE)
        found = self._scene.of(things)
        if not found:
            raise Unfit("no such thing")
        template = self._choose(self._known.by_domain.get((tool, flavour, domain)))
        drawn = self._fill(_nameless(template), thing=dice.choice(found), rooms=self._rooms())
        if not any(piece.role == "name" for piece in drawn.pieces):
            raise Unfit("no name")
        return drawn

    def _half(self) -> Drawn:
        """A command that stops before its end."""
        drawn = self._device()
        names = [n for n, piece in enumerate(drawn.pieces) if piece.role == "name"]
        head = drawn.pieces[: names[0]] if names else []
        words = _text(head).lower().split()
        if len(words) < 2 or words[-1] not in DANGLING.get(self._language, ()):
            raise Unfit("not clearly a half")
        drawn.pieces = head
        return drawn

    def _negated(self) -> Drawn:
        drawn = self._device()
        if not drawn.template or not _imperative(drawn.pieces, drawn.template):
            raise Unfit("no imperative")
        before = self._dice.choice(
            ("don't ", "do not ", "please don't ", "never ", "you must not ")
        )
        drawn.pieces = [Piece(before), *drawn.pieces]
        return drawn

    def _absent_skill(self) -> Drawn:
        pool = [s for s in self._known.skills if s.spec not in self._scene.tools]
        if not pool:
            raise Unfit("no skill")
        return self._skill_call(self._dice.choice(pool))


CLIMATE = frozenset(["HassClimateSetTemperature", "HassClimateGetTemperature"])
"""Tools that serve more than thermostats, which they are about where nothing else was said."""

OWN_AREA = frozenset(["HassVacuumCleanArea", "help.help"])
"""Tools whose area is not where their things are."""

DANGLING: Mapping[str, tuple[str, ...]] = {
    "en": ("the", "my", "our", "to"),
    "de": ("die", "der", "das", "den", "dem", "meine", "meinen"),
    "fr": ("le", "la", "les"),
    "es": ("el", "la", "los", "las"),
    "nl": ("de", "het"),
    "it": ("il", "la", "le", "lo"),
    "pt": ("o", "a", "as", "os"),
}
"""Words behind which something must follow."""

TALKING = frozenset(TALK) | {"HassNevermind"}

IMPOSSIBLE = (
    ("HassTurnOff", "", "lock", ("light", "fan", "climate", "media_player", "vacuum")),
    ("HassTurnOn", "", "lock", ("light", "fan", "climate", "todo")),
    ("HassLightSet", "color", "light", ("lock", "cover", "vacuum", "climate", "fan", "todo")),
    ("HassVacuumReturnToBase", "", "vacuum", ("light", "lock", "cover", "climate")),
    ("HassListAddItem", "", "todo", ("light", "lock", "fan")),
)
"""Tool, flavour and domain of sentences that make no sense for things of these domains."""

VERBS_FIRST = frozenset(
    "turn switch set make open close dim lock unlock start stop pause play raise lower shut "
    "put add change brighten increase decrease adjust activate run press push vacuum clean "
    "skip mute unmute bring move resume begin launch give let kill flip fire power send "
    "remove take check cancel announce broadcast tell show get crank cut hit pull roll toggle "
    "enable disable find light fade boost bump drop reduce warm cool heat draw slide lift "
    "leave keep dock return mow sweep hoover mop illuminate create drop throw tint paint slow "
    "speed trigger go do use shine secure".split()
)


def _imperative(pieces: Sequence[Piece], template: Template) -> bool:
    words = _text(pieces).lower().split()
    return bool(words) and (words[0] in VERBS_FIRST or template.question)


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


def _left_out(
    template: Template, pieces: Sequence[Piece], thing: Thing | None, language: str
) -> bool:
    """Whether the sentence would teach what others contradict."""
    text = _text(pieces).lower()
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


def _nameless(template: Template) -> Template:
    """The same sentence, as one that asks nothing of this home."""
    return replace(template, tool="none", kind="none")


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


def _several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _text(pieces: Sequence[Piece]) -> str:
    return " ".join("".join(piece.text for piece in pieces).split())


def _capital(pieces: Sequence[Piece]) -> None:
    """A capital at the beginning, which is also that of what is copied from there."""
    for piece in pieces:
        if piece.text.strip():
            text = piece.text.lstrip()
            piece.text = piece.text[: len(piece.text) - len(text)] + text[:1].upper() + text[1:]
            return


def _article(pieces: Sequence[Piece], name: Piece, language: str) -> str:
    """What stands in front of a name, to be said again."""
    before = "".join(piece.text for piece in pieces[: pieces.index(name)])
    for article in {"en": ("the ", "my ", "our ")}.get(language, ()):
        if before.endswith(article):
            return article
    return ""


def _spoken(call: Call) -> Call:
    """The call with the words that were said in the end."""
    values = {
        slot: " ".join(value.piece.text.split()) if isinstance(value, Free) else value
        for slot, value in call.arguments.items()
    }
    return replace(call, arguments=values)


def _short(reason: str) -> str:
    return " ".join(word for word in reason.split() if "." not in word or word.startswith("Hass"))


def canonical(call: Call, scene: Scene) -> Call:
    """The one call that stands for all of the same meaning."""
    arguments = dict(call.arguments)
    if call.tool in TWINS:
        tool, fixed = TWINS[call.tool]
        domain = next(iter(served(call.tool)))
        call = replace(call, tool=tool)
        arguments |= dict(fixed)
        if not {"name", "domain"} & arguments.keys() and tool == "questions.attribute":
            arguments["domain"] = domain
    name = arguments.get("name")
    if isinstance(name, str) and any(thing.key == name for thing in scene.things):
        for slot in ("floor", "domain", "device_class"):
            arguments.pop(slot, None)
        if call.tool not in OWN_AREA:
            arguments.pop("area", None)
        return replace(call, arguments=arguments)
    rows = BY_TOOL.get(call.tool, ())
    domains = {domain for row in rows for domain in row.domains}
    only = all(row.target == "optional" for row in rows)
    only = only and (len(domains) == 1 or call.tool in CLIMATE)
    if only and arguments.get("domain") in domains and "device_class" not in arguments:
        shadowed = {"vacuum.pause", "HassLawnMowerDock"}
        if call.tool not in shadowed:
            del arguments["domain"]
    elif (
        call.tool in ("vacuum.pause", "HassLawnMowerDock") and {"area", "floor"} & arguments.keys()
    ):
        arguments["domain"] = next(iter(domains))
    return replace(call, arguments=arguments)


def allows(allowed: Options, text: str) -> bool:
    """Whether the automaton can spell a text."""
    seen: set[tuple[int, int]] = set()
    ahead = [(0, 0)]
    while ahead:
        state, at = ahead.pop()
        if state == ENDED:
            if at == len(text):
                return True
            continue
        if (state, at) in seen:
            continue
        seen.add((state, at))
        ahead += [
            (target, at + len(piece))
            for piece, target in allowed[state]
            if text.startswith(piece, at)
        ]
    return False


def samples(seed: int, *, held_out: bool = False) -> Iterator[Sample]:
    """Endless, and the same for the same seed and data. `held_out`: other names, rooms, skills and
    sentences than the stream that is trained on."""
    maker = Maker(random.Random(f"{seed} {held_out}"), held_out=held_out)
    while True:
        sample = maker.sample()
        if sample is not None:
            yield sample
