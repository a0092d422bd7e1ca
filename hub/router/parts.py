"""Several commands in one sentence, commands taken back, and misspelt ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hub.home.model import normal
from hub.messages import Call
from hub.router.clean import COMMA, clean, points_back
from hub.router.compound import repairs, split, together
from hub.router.context import Context, Target
from hub.router.judging import (
    acts,
    asks_and_acts,
    is_place,
    room_of,
    says_room,
    taken_back,
    turned_to_act,
    unfounded,
)
from hub.router.leaning import STEPS
from hub.router.places import TARGET_SLOTS
from hub.router.reading import Reading
from hub.router.readings import GUESS_LOSS, GUESS_QUALITY
from hub.router.said import LONGEST_VERB, Said, inherited, many_lights
from hub.router.spelling import Spelling

if TYPE_CHECKING:
    from hub.router.reader import Reader

LONGEST_SLIP = 5
"""Words that are said anew after a slip of the tongue."""


class Parts:
    """What is understood of a text in parts, or with a part of it put right."""

    def __init__(self, reader: Reader, spelling: Spelling | None) -> None:
        self.reader, self.spelling = reader, spelling
        self.words, self.places, self.without = reader.words, reader.places, reader.without

    def clauses(self, said: Said, context: Context) -> Reading | None:
        """Several commands with commas between them."""
        if not said.clauses:
            return None
        parts = {normal(part) for part in said.clauses.split(f" {COMMA} ")}
        if parts & self.words.retracting:
            return None  # 'raise the blind, sorry, lower it' is one command
        return self.several(said.clauses, context, inherit=True)

    def told(self, said: Said, context: Context) -> Reading | None:
        """A command about what was told of before it: 'the garage is still open, close it'."""
        known = self.words
        *_, before, last = ["", "", *said.clauses.split(f" {COMMA} ")] if said.clauses else ["", ""]
        if not before or not points_back(last, known):
            return None
        tokens = before.split()
        for place in range(1, len(tokens)):
            if normal(tokens[place]) not in known.being:
                continue
            question = [tokens[place], *tokens[:place], *tokens[place + 1 :]]
            said_so = " ".join(question)
            asked = self.reader.able(said_so, context) or self.reader.each(said_so, context)
            if asked is None or asked.targets is None or acts(asked):
                continue
            then = self.reader.able(last, replace(context, targets=asked.targets))
            if then is not None and acts(then) and not then.open:
                return replace(then, why=f"{then.why} <- told of: {before!r}")
        return None

    def several(self, text: str, context: Context, *, inherit: bool) -> Reading | None:
        """Several commands in one sentence, each understood by itself, and able to speak of what
        the one before it was about. `inherit`: a part may go without the verb of the first."""
        known = self.words
        for parts in split(text, known) if "compounds" not in self.without else ():
            understood: list[Reading] = []
            here = context
            for each in parts:
                part = clean(each, known)
                room = room_of(understood, self.places)
                done = parts[: len(understood)]
                told = room and says_room(done, room, self.places, known)
                if here.area is None and told and many_lights(part, known):
                    here = replace(here, area=room)  # 'close the bedroom blinds, dim the lights'
                # 'The back kitchen' is a room there, and no wish to go back in the kitchen.
                room_alone = bool(understood) and is_place(part, self.places, known)
                reading = None if room_alone else self.reader.able(part, here)
                if reading and turned_to_act(understood, reading, part, known):
                    reading = None
                verbs = parts[0].split() if inherit and understood and not reading else []
                if set(known.nots) & set(normal(parts[0]).split()):
                    verbs = []  # 'I don't want, that you turn it on'
                for whole in inherited(verbs, part, known):
                    reading = reading or self.reader.able(whole, here)
                if reading is None and (room := room_of(understood, self.places)):
                    # 'Close the bedroom blinds and dim the lights': those there.
                    there = replace(here, area=room)
                    ways = [" ".join([*verbs[:n], part]) for n in range(room_alone, len(verbs))]
                    tried = (self.reader.able(way, there) for way in ways)
                    reading = next(filter(None, tried), None)
                reading = reading or self.reader.otherwise(part, here)
                reading = reading and self._same_thing(understood, reading, part)
                if reading is None or turned_to_act(understood, reading, part, known):
                    break
                understood.append(reading)
                here = replace(here, targets=understood[-1].targets or here.targets)
            if len(understood) == len(parts):
                return together(_wishes(understood, parts))
        return None

    def _same_thing(self, understood: list[Reading], reading: Reading, part: str) -> Reading:
        """The reading of a part that says no thing and no room, for the thing of the part before:
        'the floor lamp warmer and a bit dimmer' is no wish for the other lamps."""
        last = understood[-1].targets if understood else None
        thing = self.places.entities.get(last.things[-1].entity or "") if last else None
        if thing is None or len(reading.calls) != 1 or reading.question:
            return reading
        (call,) = reading.calls
        steps = call.tool.partition(".")[0] == f"{thing.domain}s"  # tools of the skill for it
        if not steps or "name" in call.arguments:
            return reading
        said = f" {normal(part)} "
        words = {*self.places.said(self.words), *self.words.here, *self.words.many}
        if any(f" {word} " in said for word in words):
            return reading
        kept = {k: v for k, v in call.arguments.items() if k not in TARGET_SLOTS}
        same = self.places.call(call.tool, {**kept, "name": thing.entity_id}, call.response)
        return replace(reading, calls=(same,), targets=understood[-1].targets)

    def guess(self, text: str, context: Context) -> Reading | None:
        """What the fuzzy matcher makes of it, or it as several commands."""
        if repaired := self._repaired(text, context):
            return repaired
        if several := self.several(text, context, inherit=False):
            return several
        fuzzy = self.reader.fuzzy(text, context)
        if fuzzy and fuzzy.doable and not asks_and_acts(fuzzy):
            return fuzzy
        several = self.several(text, context, inherit=True)
        several = several or self._respelt(text, context)
        return several or (None if fuzzy and asks_and_acts(fuzzy) else fuzzy)

    def _respelt(self, text: str, context: Context) -> Reading | None:
        """What is understood once misspelt words are put right, whole or in parts."""
        spelling = self.spelling
        for way in spelling.variants(text) if spelling else ():
            right = clean(way.text, self.words)  # 'turn of the lihgt'
            reading = self.reader.able(right, context) or self.several(right, context, inherit=True)
            if reading is not None and not unfounded(reading):
                guessed = ", ".join(f"fuzzy {guess}" for guess in way.guesses)
                return replace(
                    reading,
                    quality=GUESS_QUALITY - GUESS_LOSS * way.distance,
                    why=f"{reading.why} <- {guessed}",
                )
        return None

    def _repaired(self, text: str, context: Context) -> Reading | None:
        """'Turn on the lamp, no, the fan': a command that was taken back for another one, which
        may go without its verb."""
        known = self.words
        for before, after in repairs(text, known):
            verbs = before.split()
            taken = self.reader.able(before, context)
            if taken is None:
                alone = self.reader.able(after, context)
                if alone and taken_back(text, before, after, known):
                    return alone  # 'drop the blind, sorry, open the blind halfway'
                # 'Turn on the light in the guest, sorry, in the hall'.
                for count in range(len(verbs) - 1, max(1, len(verbs) - LONGEST_SLIP), -1):
                    whole = " ".join([*verbs[:count], after])
                    if reading := self.reader.able(whole, context):
                        return reading
                continue
            there = replace(context, targets=taken.targets or context.targets)
            if reading := self.reader.able(after, there):
                return reading
            for count in range(1, min(LONGEST_VERB, len(verbs) - 1) + 1):
                whole = " ".join([*verbs[:count], after])
                if reading := self.reader.able(whole, context):
                    return reading
            # 'Turn the lamp on, no, the fan'.
            if normal(verbs[-1]) in known.acting:
                whole = " ".join([verbs[0], after, verbs[-1]])
                if reading := self.reader.able(whole, context):
                    return reading
        return None


def _wishes(readings: Sequence[Reading], parts: Sequence[str]) -> list[Reading]:
    """The readings of parts, each wish once: 'it is too loud, make it quieter' is one, but 'louder
    and louder' are two."""
    kept = [readings[0]]
    for place in range(1, len(parts)):
        before, reading = kept[-1], readings[place]
        ways = {_way(call) for each in (before, reading) for call in each.calls}
        steps = len(ways) == 1 and None not in ways
        same = before.calls == reading.calls or (steps and _things(before) == _things(reading))
        if not same or normal(parts[place]) == normal(parts[place - 1]):
            kept.append(reading)
    return kept


def _way(call: Call) -> str | None:
    """In which direction a call goes a step, whatever its tool; None if it goes none. 'Next' is
    another deed each time."""
    if call.tool == "HassSetVolumeRelative":
        return {"up": "louder", "down": "quieter"}.get(str(call.arguments.get("volume_step")))
    return call.tool.partition(".")[2] or None if call.tool in STEPS else None


def _things(reading: Reading) -> tuple[Target, ...]:
    return reading.targets.things if reading.targets else ()
