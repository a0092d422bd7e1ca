"""A tolerant reading of commands, word by word, in languages that have a lexicon.

As with `gazetteer-matcher` for English (`fuzzy`), every word of a sentence must have a meaning, in
whatever order they stand, or nothing is done. `wording` finds the names, rooms and kinds of the
home and the words of `data/<language>.gazetteer.toml`; here they are laid over the language's
frames, the ways in which they make a command or a question, and `aims` finds what is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.home.model import Entity, normal
from hub.router import lexicon as lex
from hub.router.aims import Aims, Roles, of_none
from hub.router.compound import together
from hub.router.context import Context
from hub.router.lexicon import Frame, Lexicon
from hub.router.places import Places
from hub.router.reading import Reading
from hub.router.readings import EXPLAINED, EXPLAINED_QUALITY, QUESTIONS, from_matches, narrowed
from hub.router.rules import FULL, Match
from hub.router.wording import SMALL, Piece, Wording
from hub.router.words import Words

MOST_WORDS = 20
"""Longer sentences are stories."""
MOST_CALLS = 4
"""Things that one sentence may name."""
LONGEST_OPEN = 3
"""Words of what is not known: the name of a timer."""
DELAY = "HassStartTimer"
"""The tool for a command that is to be done in a while."""
SEARCH = "search_query"
"""The argument for what is to be played."""
ITEM = "item"
"""The argument for what is on a list: a room or a thing in it is a part of it."""
ZONE = "state"
"""The argument for where somebody is, which may be called like a room."""
GROUPS = {"which": "which", "how_many": "how_many", "all_q": "all"}
"""Tags of a question -> key of its answer."""


class Gazetteer:
    """Reads sentences about one home, in one language that has a lexicon."""

    def __init__(self, places: Places, words: Words, known: Lexicon) -> None:
        """Takes milliseconds, and a quarter of a second in a home of a thousand devices."""
        self._places = places
        self._words = words
        self._lexicon = known
        self._wording = Wording(places, words, known)
        self._aims = Aims(places, words)
        self._against = frozenset((*words.negations, *words.nots, *words.none, *words.later))

    def read(self, text: str, context: Context) -> Reading | None:
        """What a text asks for; None if some word of it has no meaning there."""
        pieces = self._wording.pieces(text, MOST_WORDS)
        if delayed := self._delayed(text, pieces, context):
            return delayed
        if self._forbids(text, pieces):
            return None
        unknown = sum(not piece.known for piece in pieces)
        said = frozenset(tag for piece in pieces for tag in piece.tags)
        mentions = self._mentions(text, pieces)
        found: list[Reading] = []
        for frame in self._lexicon.frames:
            if found and frame.open in lex.FREE:
                break  # free text fits anything
            if mentions and not frame.asks:
                continue
            if unknown and not (frame.open and (unknown <= LONGEST_OPEN or frame.open in lex.FREE)):
                continue
            if frame.refuses & said or not all(need & said for need in frame.needs):
                continue
            if reading := self._framed(frame, pieces, text, context):
                if reading.doable and self._names_one(reading):
                    return reading
                found.append(reading)
        return next((r for r in found if r.doable), found[0] if found else None)

    def _delayed(self, text: str, pieces: Sequence[Piece], context: Context) -> Reading | None:
        """A command with the time until it is to be done in front or behind: 'in ten minutes'."""
        for place, command in ((1, pieces[2:]), (len(pieces) - 1, pieces[:-2])):
            length = pieces[place] if 0 < place < len(pieces) else Piece("")
            before = normal(pieces[place - 1].text) if command else ""
            if before not in self._lexicon.delaying or not any(length.tags.get(lex.LENGTH, ())):
                continue
            head, _, tail = text.casefold().partition(f"{before} {length.text}".casefold())
            then = text[: len(head)].strip(" ,") or text[len(text) - len(tail) :].strip(" ,")
            reading = self.read(then, context)
            if reading is None or not reading.doable or not reading.calls or reading.open:
                continue
            if any(call.tool in QUESTIONS for call in reading.calls):
                continue
            time = zip(lex.TIMES, length.tags[lex.LENGTH], strict=True)
            slots: dict[str, Any] = {unit: int(value) for unit, value in time if value}
            slots |= {"conversation_command": then}
            if not self._places.accepted(DELAY, slots):
                continue
            call = self._places.call(DELAY, slots)
            why = f"{reading.why}; {length.text!r} taken out"
            return Reading((call,), reading.tier, reading.quality, why, open=True)
        return None

    @staticmethod
    def _names_one(reading: Reading) -> bool:
        """Whether it is about something by its name: better than by its kind."""
        return bool(reading.question) or any("name" in call.arguments for call in reading.calls)

    def _forbids(self, text: str, pieces: Sequence[Piece]) -> bool:
        """Whether there is a word that turns a command round, or puts it off: but not that in
        'which doors are not locked', nor in 'a timer for an hour'."""
        whole = f" {normal(text)} "
        timer = any("timer" in piece.tags for piece in pieces)
        for piece in pieces:
            negated = any(tag.startswith("state_") for tag in piece.tags) and " " in piece.text
            if negated or (timer and lex.LENGTH in piece.tags):
                whole = whole.replace(f" {normal(piece.text)} ", " ", 1)
        return any(f" {phrase} " in whole for phrase in self._against)

    def tells(self, text: str) -> bool:
        """Whether a text only asks or tells of what it names, so that nothing is to be done."""
        pieces = self._wording.pieces(text, MOST_WORDS)
        owned = any(lex.OWNS in self._lexicon.phrases.get(normal(p.text), {}) for p in pieces)
        owns = any(lex.OWNS in piece.tags for piece in pieces)
        return (owned and not owns) or self._mentions(text, pieces)

    def _mentions(self, text: str, pieces: Sequence[Piece]) -> bool:
        """Whether it only asks or tells of what it names: 'shall it be on', 'I should have'."""
        plain = normal(text)
        if any(f"{plain} ".startswith(f"{phrase} ") for phrase in self._lexicon.asking):
            return True
        if any(plain.endswith(f" {phrase}") for phrase in self._lexicon.regretting):
            return True
        if any(f" {phrase} " in f" {plain} " for phrase in self._lexicon.stating):
            return True
        meant = [piece for piece in pieces if lex.IDLE not in piece.tags]
        if any(piece.tags.get(lex.VERB) in self._lexicon.telling for piece in meant[1:]):
            return True
        asked = next((normal(piece.text) for piece in pieces if lex.PLEASE in piece.tags), "")
        return asked in self._lexicon.helping

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
        calls = self._aims.of(frame, roles, area) if frame.domains else of_none(roles)
        if frame.open in lex.FREE and not roles.rest:
            return None
        if not calls or len(calls) > MOST_CALLS:
            return None
        return self._reading(frame, calls, slots, roles, text, context)

    def _roles(self, frame: Frame, pieces: Sequence[Piece]) -> Roles | None:
        """What each piece is; None if the sentence cannot be of this frame."""
        allowed = {lex.IDLE, lex.ARTICLE, lex.PREPOSITION, lex.OWNS, *frame.takes}
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
        of_many = any(piece.tags.keys() & {*GROUPS, "any_q"} for piece in pieces)
        for number, piece in enumerate(pieces):
            if lex.AND in piece.tags and not piece.tags.keys() & (allowed - {lex.IDLE}):
                joints += 1
                continue
            thing = self._thing(frame, piece, of_many)
            if thing is None and piece.tags.keys() & own:
                plain.append(piece)  # 'in die Garage zurück'
                continue
            place = bool(piece.areas or piece.floors) and (bool(frame.domains) or frame.room)
            place = place and frame.open not in (ITEM, ZONE)
            if frame.open == SEARCH and (place or thing) and not _led(pieces, number):
                rest.append(number)  # 'play The Office'
            elif place and (thing is None or _led(pieces, number)):
                if len(piece.areas) > 1:
                    return None  # 'the studio', of several: which one can be asked
                areas += piece.areas
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
        if joints and several < 2 and not frame.open:
            return None
        if len(things) > 1 and not joints and not self._aims.same_kind(things):
            return None  # 'Licht aus Lampe an'
        if len(areas) + len(floors) > 1 and not joints:
            return None  # 'Mach in der Küche das Licht im Flur aus'
        if frame.first and not _begins(pieces, frame.needs[0]):
            return None
        if frame.last and not (pieces[-1].tags.keys() & frame.needs[-1]):
            return None
        return Roles(
            tuple(things),
            tuple(dict.fromkeys(areas)),
            tuple(dict.fromkeys(floors)),
            tuple(plain),
            tuple(rest),
            joints > 0,
        )

    def _thing(self, frame: Frame, piece: Piece, of_many: bool) -> Piece | None:
        """The piece as a thing that the frame is for. `of_many`: 'are all windows closed'."""
        strict = of_many and bool(piece.kinds)
        names = tuple(
            key
            for key in piece.names
            if self._serves(frame, self._places.entities[key], strict=strict)
        )
        kinds = tuple(kind for kind in piece.kinds if kind.split(".")[0] in frame.domains)
        if names:
            return replace(piece, names=names, kinds=kinds)
        return replace(piece, names=(), kinds=kinds) if kinds and not frame.named else None

    def _serves(self, frame: Frame, entity: Entity, *, strict: bool) -> bool:
        fits = not frame.classes or entity.device_class in frame.classes
        if (
            not fits and not strict and entity.device_class is None
        ):  # a sensor that is called like a window
            kinds = {kind for name in entity.names for kind in self._wording.kinds(name)}
            fits = bool(kinds & {f"{entity.domain}.{each}" for each in frame.classes})
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
                value = piece.tags[tag]
                if isinstance(value, float):
                    value = int(value) if value.is_integer() else value
                value = -value if frame.negative and not isinstance(value, str) else value
                if slot in seen and slots[slot] != value:
                    return False
                seen.add(slot)
                slots[slot] = value
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
            start = [n for n in lengths if _of_timer(pieces, n)][:1] or lengths[:1]
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
        article = first > 0 and lex.ARTICLE in pieces[first - 1].tags
        if frame.open in lex.FREE and self._commands(pieces[first]):
            return False  # 'entferne Milch auf der Liste' puts nothing there
        if frame.open == ZONE and not _led(pieces, first):
            return False  # 'is Ada tired'
        if frame.open == "message":
            slots["message"] = " ".join(piece.text for piece in pieces[first - article :])
            return True
        said = [pieces[number].tags for number in roles.rest]
        if frame.open == SEARCH and all(said):
            return False  # 'play the next one'
        if frame.open in lex.FREE and all("it" in tags for tags in said):
            return False  # 'add it to the list'
        if frame.open == SEARCH and article:  # 'die Serie Der Tatortreiniger'
            first -= not (last + 1 < len(pieces) and "media" in pieces[last + 1].tags)
        run = pieces[first : last + 1]
        if frame.open in lex.FREE:  # an item of a list may be anything, and several things
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
        told = {lex.PREPOSITION, "named", "call", *(["timer"] if self._lexicon.apposing else ())}
        if "timer" not in after and not told & set(before):
            return False
        slots["name"] = " ".join(piece.text for piece in run)
        return True

    def _commands(self, piece: Piece) -> bool:
        """Whether a piece rather begins a command than a free text."""
        return bool(piece.tags.keys() & self._lexicon.leading)

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
        whole = "all" in tags and "here" not in tags  # 'all lights in here'
        for ways in calls:
            matches = [_match(frame, {**way, **slots}, response, said) for way in ways]
            reading = from_matches(matches, self._places, self._words, context, whole=whole)
            if reading is None or (len(calls) > 1 and not reading.doable):
                return None
            found.append(narrowed(reading, text, self._places, self._words))
        if len(found) > 1 and any(reading.question for reading in found):
            return None
        read = found[0] if len(found) == 1 else together(found)
        why = f"{EXPLAINED}: {frame.intent}"
        free = frame.open in lex.FREE
        return replace(read, quality=EXPLAINED_QUALITY, why=why, open=free or read.open)


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


def _begins(pieces: Sequence[Piece], need: frozenset[str]) -> bool:
    """Whether a sentence begins with what is needed, but for what only makes it polite."""
    for piece in pieces:
        if piece.tags.keys() & need:
            return True
        if not {lex.IDLE, lex.PLEASE} & piece.tags.keys():
            return False
    return False


def _of_timer(pieces: Sequence[Piece], number: int) -> bool:
    """Whether a length of time is what a timer was set to: 'the 20 minute timer', 'the timer for
    20 minutes', but not 'the timer by 20 minutes'."""
    if number + 1 < len(pieces) and "timer" in pieces[number + 1].tags:
        return True
    before = [piece.tags.keys() for piece in pieces[max(0, number - 2) : number]]
    return len(before) == 2 and "timer" in before[0] and "by" not in before[1]


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
