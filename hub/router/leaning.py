"""What leans on the sentence before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from hub.home.model import normal
from hub.messages import Call, ToolSpec
from hub.router.clean import clean
from hub.router.compound import split
from hub.router.context import Context, Targets
from hub.router.followup import added, corrected, variants
from hub.router.judging import LISTED, acts, for_devices
from hub.router.moved import moved, place_in
from hub.router.numbers import numbers
from hub.router.reading import Ranked, Reading, ranked
from hub.router.readings import EXPLAINED
from hub.router.said import Said, the_one, without_end

if TYPE_CHECKING:
    from hub.router.reader import Reader

SHORTEST_COMMAND = 3
"""Words from which a sentence that is understood by itself does not lean on the one before."""
MOST_WAYS = 10
"""Ways to lean that are tried: each costs as much as a sentence, while the person may speak."""
FEW_WORDS = 3
"""Words that may lean on a sentence whatever they are: 'all the way'."""
STEPS = (
    "climate.cooler",
    "climate.warmer",
    "lights.brighter",
    "lights.dimmer",
    "media.louder",
    "media.quieter",
    "HassMediaNext",
    "HassMediaPrevious",
    "HassSetVolumeRelative",
    "volume.louder",
    "volume.quieter",
)
"""Tools that go a step, which can be gone once more."""


class Leaning:
    """What is understood of a text after the one before: 'and in the kitchen', 'no, twenty'."""

    def __init__(self, reader: Reader, tools: Sequence[ToolSpec]) -> None:
        self.reader, self.language = reader, reader.language
        self.asking = {tool.name: tool.skill for tool in tools if not tool.domains}
        """Tools for no devices -> their skills."""
        self.words, self.places, self.names = reader.words, reader.places, reader.names
        self.without = reader.without

    def read(self, texts: Sequence[Said], context: Context) -> Ranked | None:
        """What is meant by 'and in the kitchen', or 'no, twenty', after the last sentence: the
        same of something else, or something else of the same."""
        last, known = context.targets, self.words
        if not isinstance(last, Targets) or not last.said or not texts:
            return None
        if "leaning" in self.without:
            return None
        if stepped := self._step(texts[0].command, context, last):
            return ranked(stepped, texts[0].command, 0)
        if normal(texts[0].all) in known.repeating and last.calls:
            again = Reading(last.calls, "rules", 1.0, f"once more: {last.said!r}", targets=last)
            return ranked(again, last.said, 0)
        tools = {call.tool for call in last.calls}
        more, changed = added(texts[0].all, known), corrected(texts[0].all, known)
        changed = clean(changed, known) if changed else None
        changed = without_end(changed, known.preferring) or changed if changed else None
        for part in filter(None, (clean(more, known) if more else None, changed)):
            whole = self.reader.able(part, context)
            if whole and not whole.open and len(part.split()) >= SHORTEST_COMMAND:
                # 'And turn off the lamp', 'no, turn it off' need none of the many ways to lean.
                return ranked(whole, part, 0) if part == changed else None
            if not self._leans(part):
                continue
            if there := place_in(part, self.places, known):
                why = f"{last.said!r}, in another place"
                if elsewhere := moved(last.calls, there, self.places, why):
                    return ranked(elsewhere, last.said, 0)
            for text in self._ways(part, last):
                reading = self.reader.able(text, context)
                if reading is None:
                    continue
                listed = {call.tool for call in reading.calls} <= set(LISTED)
                of_devices = all(for_devices(call, self.places) for call in reading.calls)
                if reading.why.startswith(EXPLAINED) and not of_devices:
                    continue  # 'make that ten minutes' begins no timer anew
                if reading.open and not (listed and len(part.split()) <= FEW_WORDS + 1):
                    continue
                same = reading.targets is not None and reading.targets.things == last.things
                asked = self._same_skill(last.calls, reading.calls)
                if (
                    {call.tool for call in reading.calls} <= tools
                    or (same and acts(reading))
                    or asked
                ):
                    why = f"{reading.why} <- leaning on {last.said!r}"
                    return ranked(replace(reading, why=why), text, 0)
        return None

    def _same_skill(self, before: Sequence[Call], now: Sequence[Call]) -> bool:
        """Whether two questions are for one skill: the weather now, and that of tomorrow."""
        asked = {self.asking.get(call.tool) for call in (*before, *now)}
        return len(asked) == 1 and None not in asked

    def _step(self, text: str, context: Context, last: Targets) -> Reading | None:
        """'A bit brighter' right after a lamp was spoken of: that lamp, wherever it is."""
        known, places = self.words, self.places
        if len(last.things) != 1 or not any(normal(text).startswith(f"{p} ") for p in known.partly):
            return None
        entity = places.entities.get(last.things[0].entity or "")
        reading = self.reader.able(text, context) if entity else None
        if entity is None or reading is None or len(reading.calls) != 1:
            return None
        (call,) = reading.calls
        if call.tool not in STEPS or set(call.arguments) - {"area"}:
            return None
        if entity not in places.actable(call.tool, {"name": entity.entity_id}):
            return None
        named = places.call(call.tool, {"name": entity.entity_id}, call.response)
        return replace(reading, calls=(named,), targets=Targets(last.things))

    def _leans(self, part: str) -> bool:
        """Whether words may lean on a command: they are few, or name something of the home."""
        plain = normal(part)
        return (
            len(plain.split()) <= FEW_WORDS
            or bool(numbers(plain, self.language))
            or any(f" {name} " in f" {plain} " for name in self.names)
        )

    def changed(self, text: str, context: Context) -> tuple[Reading, str] | None:
        """'All the way', or 'a bit more', right after a command: the same thing, otherwise; with
        the words that would have said so."""
        last, known = context.targets, self.words
        if "leaning" in self.without or not isinstance(last, Targets):
            return None
        if not last.said or len(text.split()) > FEW_WORDS + 1:
            return None
        if (known.dangling - known.acting) & set(normal(text).split()[-1:]):
            return None  # 'turn off all the' has not said yet what, and leans on nothing
        if normal(text) in known.more and {call.tool for call in last.calls} <= set(STEPS):
            reading = self.reader.able(last.said, context)
            return (reading, last.said) if reading else None
        part = without_end(text, known.preferring) or text
        for way in self._ways(part, last):
            reading = self.reader.able(way, context)
            if reading is None or reading.open or reading.targets is None:
                continue
            if set(reading.targets.things) <= set(last.things) and acts(reading):
                return replace(reading, why=f"{reading.why} <- leaning on {last.said!r}"), way
        return None

    def _ways(self, part: str, last: Targets) -> Iterator[str]:
        """The ways in which words may lean on what was said last; of several commands the last
        one first."""
        known = self.words
        rooms = self.places.place_names(known)
        parts: list[str] = max(split(last.said, known), key=len, default=[])
        said = dict.fromkeys((*parts[-1:], *parts[:1], last.said))
        part = the_one(part, last, self.places, known)
        # By turns, so that none of the commands before takes all the tries.
        each = zip_longest(*(variants(part, before, known, rooms) for before in said))
        ways = (way for several in each for way in several if way)
        return islice(dict.fromkeys(ways), MOST_WAYS)
