"""What is understood of one text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from hub.home.model import Entity, Home, normal
from hub.messages import Call, ToolSpec
from hub.router.clean import clean
from hub.router.context import Context, Target, Targets
from hub.router.counted import Counted
from hub.router.excepting import excepting
from hub.router.fuzzy import LANGUAGE as GUESSED
from hub.router.grammars import Grammars, base, foreign_tools
from hub.router.judging import (
    LATER,
    acts,
    area_of,
    closed,
    for_devices,
    is_clear,
    no_text,
    of_forms,
)
from hub.router.leaning import Leaning
from hub.router.owners import Owners
from hub.router.parts import Parts
from hub.router.places import TARGET_SLOTS
from hub.router.planned import timed
from hub.router.reading import Reading
from hub.router.readings import QUESTIONS, from_fuzzy, from_matches, narrowed
from hub.router.recast import recasts
from hub.router.rules import Match
from hub.router.said import (
    Said,
    many_lights,
    without_all,
    without_end,
    without_here,
    without_middle,
)
from hub.router.sense import able
from hub.router.several import singly, states
from hub.router.words import words

PLAYING: Mapping[str, tuple[str, ...]] = {
    "HassMediaNext": ("playing", "paused"),
    "HassMediaPause": ("playing",),
    "HassMediaPrevious": ("playing", "paused"),
    "HassMediaUnpause": ("paused",),
    "HassSetVolume": ("playing", "on"),
    "HassSetVolumeRelative": ("playing", "on"),
    "media.louder": ("playing", "on"),
    "media.quieter": ("playing", "on"),
}
"""Tools that may be for whatever plays -> states of what they are for."""
SWEPT = ("light", "switch", "input_boolean", "fan", "media_player")
"""What 'everything' is, where some of it is to be left."""
SWEEPING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "everything.off": ("HassTurnOff", SWEPT),
    "locks.lock_all": ("HassTurnOn", ("lock",)),
}
"""Tools for all of something -> the tool for one of it, and the domains that are meant."""
RESTING = ("off", "standby", "unavailable", "unknown")
"""States of what need not be turned off."""
RECAST_QUALITY = 0.95
"""Quality of what is understood of a sentence in another form."""


class Reader:
    """What is understood of one text in one language, by phrases and by sentences, in the form in
    which it was said or in another one that means the same."""

    def __init__(
        self,
        grammars: Grammars,
        language: str,
        home: Home,
        tools: Sequence[ToolSpec],
        without: Collection[str],
    ) -> None:
        """`tools`: those that the grammars were built for. `without`: those of MECHANISMS that are
        left out."""
        self.language, self.home, self.without = language, home, without
        self.words, self.places = words(language), grammars.places
        self.phrases, self.sentences = grammars.phrases[language], grammars.sentences[language]
        self.fuzzy_rules = grammars.fuzzy if base(language) == GUESSED else None
        self.gazetteer = grammars.gazetteers.get(language)
        self.names = grammars.names[language]
        self.foreign = foreign_tools(tools)
        self.owners = Owners(self.places, self.words)
        self.counted = Counted(self.places, self.words)
        self.any_text = False
        """Whether packs may take free text."""
        self.withheld = False
        """Whether something was not understood because they may not."""
        self.parts = Parts(self, grammars.spelling.get(language))
        self.leaning = Leaning(self, tools)

    def exact(self, said: Said, context: Context) -> Iterator[Reading]:
        """What the phrases and the sentences make of one hypothesis."""
        less = without_all(said.command, self.words)
        if less is None:
            yield from self._plain(said, context, whole=False)
            return
        found = list(self._plain(said, context, whole=True))
        yield from found
        if not found:
            # 'dim all the lights', where there is a sentence for 'dim the lights'.
            for reading in self._plain(Said(less, less), context, whole=True):
                if reading.question and not reading.calls:
                    continue  # of all of them it is not asked which one
                if not reading.bare and not of_forms(reading, self.phrases):
                    yield reading

    def otherwise(self, text: str, context: Context) -> Reading | None:
        """What is understood word for word of a sentence that leans on the one before, has an
        exception, or has another form."""
        return (
            self._there(text, context)
            or self.each(text, context)
            or self._excepted(text, context)
            or self._planned(text, context)
            or self._recast(text, context)
        )

    def _there(self, text: str, context: Context) -> Reading | None:
        """'Switch the fan on in there': in the room, or on the floor, that was spoken of last."""
        last, known, places = context.targets, self.words, self.places
        if not isinstance(last, Targets) or not last.things:
            return None
        less = without_end(text, known.there) or without_middle(text, known.there)
        if less is None:
            return None
        thing = last.things[-1]
        area = area_of(thing, places)
        if area in places.areas:
            name = places.areas[area].name
            for inside in known.inside:
                if reading := self.able(f"{less} {inside} {name}", context):
                    return reading
            reading = self.able(less, replace(context, area=area))
            placed = reading and all(c.arguments.get("area") == name for c in reading.calls)
            return reading if placed else None
        if thing.floor in places.floors:
            named = f"{less} {places.floors[thing.floor].name}"
            return self.able(named, context)
        return None

    def each(self, text: str, context: Context) -> Reading | None:
        """'Are the front door and the side door locked', and 'are they locked' after that."""
        known, places = self.words, self.places
        things = context.targets.things if isinstance(context.targets, Targets) else ()
        meant = [e for thing in things if (e := places.entities.get(thing.entity or ""))]
        names = [places.full_name(entity) for entity in meant] if len(meant) == len(things) else []
        for questions in singly(text, known, names) if "compounds" not in self.without else ():
            read = [self.able(each, context) for each in questions]
            if all(read) and (asked := states([each for each in read if each])):
                return asked
        return None

    def _excepted(self, text: str, context: Context) -> Reading | None:
        """'Turn off everything except the radio'."""
        places = self.places
        if "excepting" in self.without:
            return None

        def read(part: str) -> Reading | None:
            return self.able(part, context)

        def meant(reading: Reading) -> list[Entity]:
            (call,) = reading.calls
            if call.tool in SWEEPING:
                tool, domains = SWEEPING[call.tool]
                slots = {**places.meant(call).arguments, "domain": list(domains)}
                return places.actable(tool, slots)
            if call.tool in QUESTIONS:
                return []
            slots = {k: v for k, v in places.meant(call).arguments.items() if k in TARGET_SLOTS}
            return places.actable(call.tool, slots) if slots else []

        def stirs(call: Call, entity: Entity) -> bool:
            if entity.domain not in SWEPT:
                return True
            resting = self.home.state(entity.entity_id).state in RESTING
            return {"HassTurnOff": not resting, "HassTurnOn": resting}.get(call.tool, True)

        single = {tool: one for tool, (one, _) in SWEEPING.items()}
        return excepting(text, self.words, places, read, meant, stirs, single)

    def _planned(self, text: str, context: Context) -> Reading | None:
        """'Turn off the heating at nine', 'turn on the fan for an hour'."""
        places = self.places
        for found in timed(text, self.language) if "planned" not in self.without else ():
            if found.tool not in places.tools:
                return None
            command = clean(found.command, self.words)
            able = self.able(command, context)
            if able is None:
                able = self.parts.several(command, context, inherit=True)
                # 'Turn on the fan and turn it off at nine' are two commands, one of them for nine.
                leads = text.casefold().startswith(found.time.casefold())
                if able and not leads:
                    apart = self.parts.several(command, context, inherit=False)
                    able = None if apart else able
            if able is None or able.open or not all(for_devices(c, places) for c in able.calls):
                continue
            why = f"{able.why}; {found.time!r} taken out"
            quality = able.quality - (1 - RECAST_QUALITY)
            call = Call(found.tool, replace(found, command=command).arguments)
            return Reading((call,), able.tier, quality, why)
        return None

    def _recast(self, text: str, context: Context) -> Reading | None:
        """What is understood of a sentence in another form: 'I want the lights off'."""
        forms = list(recasts(text, self.words)) if "recast" not in self.without else []
        for form in forms:
            if excepted := self._excepted(form, context):
                return replace(excepted, why=f"{excepted.why} <- recast as {form!r}")
            found = self.exact(Said(form, form), context)
            # Free text ends where the sentence ends, or what was left out was a part of it.
            whole = text.casefold().endswith(form.casefold())
            able = [r for r in found if r.doable and (whole or not r.open or closed(r, form))]
            able = [r for r in able if r.calls or r.question]
            if reading := max(able, key=lambda reading: reading.quality, default=None):
                loss = 1 - RECAST_QUALITY
                why = f"{reading.why} <- recast as {form!r}"
                return replace(reading, quality=reading.quality - loss, why=why)
        for form in forms:
            if text.casefold().endswith(form.casefold()):
                continue  # what leaves out a beginning is left to those who know asides
            reading = self.explained(form, context)
            if reading and reading.doable and reading.calls and not reading.open:
                return replace(reading, why=f"{reading.why} <- recast as {form!r}")
        return None

    def _plain(self, said: Said, context: Context, *, whole: bool) -> Iterator[Reading]:
        found = list(self._matched(said, context, whole=whole))
        yield from found
        here = without_here(said.command, self.words) if not found else None
        if here is not None and not whole:
            # Phrases of skills need no 'in here': a sentence without a room means this one, but
            # for what is done to the whole house.
            for reading in self._matched(Said(here, here), context):
                if any(call.tool in SWEEPING for call in reading.calls):
                    yield from self._within(here, context)
                    return
                if not reading.bare:
                    yield reading

    def _within(self, text: str, context: Context) -> Iterator[Reading]:
        """What is understood of a text with the name of the person's room behind it."""
        area = self.places.areas.get(self.places.area_id(context.area) or "")
        for inside in self.words.inside if area else ():
            said = f"{text} {inside} {area.name}" if area else text
            for reading in self._matched(Said(said, said), context):
                if not reading.bare and all("area" in c.arguments for c in reading.calls):
                    yield reading
                    return

    def _matched(
        self,
        said: Said,
        context: Context,
        *,
        whole: bool = False,
    ) -> Iterator[Reading]:
        places, known = self.places, self.words
        area = places.area_id(context.area)
        # 'Turn off the lights', from a person whose room is not known, means all of them.
        whole = whole or (area is None and many_lights(said.command, known))
        strange: list[list[Match]] = []
        clear = False
        for text in dict.fromkeys((said.command, said.all)):
            matches = self.phrases.matches(text, area)
            if self.foreign:
                strange.append([m for m in matches if m.intent in self.foreign])
                matches = [m for m in matches if m.intent not in self.foreign]
            if reading := from_matches(matches, places, known, context, whole=whole):
                if no_text(reading, text, known):
                    continue
                reading = self._heard(reading, text, context)
                clear = clear or is_clear(reading)
                yield self._kept_later(reading, context)
        for text in dict.fromkeys((said.command, said.all)):  # 'is the alarm okay'
            matches = self.sentences.matches(text, area)
            if reading := from_matches(matches, places, known, context, whole=whole):
                if no_text(reading, text, known):
                    continue
                reading = narrowed(reading, text, places, known)
                reading = self._heard(reading, text, context)
                clear = clear or is_clear(reading)
                yield self._kept_later(reading, context)
                break
        # A pack gets nothing that is understood without it: nobody loses 'lock the door' to one.
        for matches in strange if not clear else ():
            reading = from_matches(matches, places, known, context, whole=whole)
            if reading and reading.open and not self.any_text:
                self.withheld = True
            elif reading:
                yield self._kept_later(reading, context)

    def _heard(self, reading: Reading, text: str, context: Context) -> Reading:
        """The reading for the one player that a word for what it plays can mean: 'the music' is not
        what the television shows."""
        known, places = self.words, self.places
        if len(reading.calls) != 1 or reading.calls[0].tool not in PLAYING:
            return reading
        (call,) = reading.calls
        slots = dict(places.meant(call).arguments)
        said = set(normal(text).split())
        if "name" in slots or not said & (known.music | known.film):
            return reading
        area = slots.get("area") or places.area_id(context.area)
        sounding = [
            entity
            for entity in places.entities.values()
            if entity.domain == "media_player"
            and (now := self.home.state(entity.entity_id)).state in PLAYING[call.tool]
            and able(call, entity, now)
        ]
        here = [entity for entity in sounding if entity.area_id == area]
        heard = here or ([] if slots.get("area") else sounding)
        fitting = [e for e in heard if self._shows(e) != bool(said & known.music)]
        if len(fitting) == len(heard):
            return reading
        if not fitting:
            told = known.refusals.get("silent")
            why = f"{reading.why}, but nothing of that kind plays"
            return replace(reading, calls=(), doable=False, sentence=told, why=why)
        if len(fitting) > 1:
            return reading
        kept = {k: v for k, v in slots.items() if k not in TARGET_SLOTS}
        named = places.call(call.tool, {**kept, "name": fitting[0].entity_id}, call.response)
        target = Targets((Target(entity=fitting[0].entity_id),))
        return replace(reading, calls=(named,), targets=target)

    def _shows(self, entity: Entity) -> bool:
        """Whether it is a television, and one that plays no music."""
        told = self.home.state(entity.entity_id).attributes
        music = told.get("media_content_type") == "music" or told.get("media_artist")
        return entity.device_class == "tv" and not music

    def _kept_later(self, reading: Reading, context: Context) -> Reading:
        """The reading, if what is to be done later is a command. 'Remind me of the meeting in an
        hour' has the form of 'turn on the lamp in an hour', but nothing could be done then: the
        time belongs to its text."""
        for call in reading.calls:
            later = call.arguments.get(LATER)
            if not isinstance(later, str):
                continue
            said = Said(later, later)
            if not any(self._waits(r) for r in self.exact(said, context)):
                told = self.words.refusals.get("then")
                why = f"{reading.why}; {later!r} is not understood"
                return replace(reading, calls=(), doable=False, sentence=told, why=why)
        return reading

    def _waits(self, reading: Reading) -> bool:
        """Whether it can be done later, its free text, if any, being something to play."""
        devices = all(for_devices(call, self.places) for call in reading.calls)
        return bool(reading.calls) and (devices or not reading.open)

    def able(self, text: str, context: Context) -> Reading | None:
        """The best reading of a part of a sentence that can be done."""
        readings = self.exact(Said(text, text), context)
        able = [r for r in readings if r.doable and r.calls and not r.bare]
        if not able and (own := self.explained(text, context)):
            return own if own.calls and own.doable else None
        return max(able, key=lambda reading: reading.quality, default=None)

    def explained(self, text: str, context: Context) -> Reading | None:
        """What is understood of a text because each of its words is; nothing of one that stopped
        in the middle: 'turn off the fan in the'."""
        if normal(text).rpartition(" ")[2] in self.words.articles & self.words.dangling:
            return None
        gazetteer = self.gazetteer
        reading = gazetteer.read(text, context) if gazetteer else None
        if reading is None or no_text(reading, text, self.words):
            return None
        return self._heard(reading, text, context)

    def fuzzy(self, text: str, context: Context) -> Reading | None:
        if self.fuzzy_rules is None:
            return self.explained(text, context)
        known = context.targets if isinstance(context.targets, Targets) else None
        all_of_them = without_all(text, self.words) is not None
        area = None if all_of_them else self.places.area_id(context.area)
        found = self.fuzzy_rules.read(text, area, known)
        reading = from_fuzzy(found, self.places, self.words)
        gazetteer = self.gazetteer
        if reading and acts(reading) and gazetteer and gazetteer.tells(text):
            reading = None  # 'the lamp's on', 'the blinds closed'
        if reading and reading.doable:
            return reading
        return self.explained(text, context) or reading
