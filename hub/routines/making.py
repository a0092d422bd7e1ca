"""From a sentence to a routine: which device, which time, which commands; and what is lacking."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rapidfuzz import fuzz

from hub.dialogue.answers import answers
from hub.dialogue.replies import Replies
from hub.errors import HearthError
from hub.home.model import Area, Entity, Home, normal
from hub.messages import Intent, Utterance
from hub.policy.classes import R0, R2, R3
from hub.router import Context, Router
from hub.routines import wording
from hub.routines.rehearsal import weighed
from hub.routines.routine import (
    DAILY,
    DAYS,
    GROUPS,
    LONGEST_NAME,
    LONGEST_WAIT,
    MOST_STEPS,
    Becomes,
    Clock,
    Comes,
    Draft,
    Phrase,
    Routine,
    Step,
    Sun,
    Trigger,
)
from hub.routines.saying import (
    Condition,
    Sentence,
    length_of,
    sentences,
    table,
    time_of,
    verbs,
)
from hub.routines.times import Place
from hub.skill import Where
from hub.skillset import Skillset

FINISHED = (
    "finished finish done complete completed end ended program_finished off idle standby ready "
    "stopped none docked inactive not_running fertig beendet aus".split()
)
"""States of an appliance that has finished, in what integrations call them."""
RUNNING_DOMAINS = ("sensor", "binary_sensor", "switch", "input_boolean", "vacuum", "lawn_mower",
                   "media_player")  # fmt: skip
IDLE_WATTS, IDLE_SECONDS = 5.0, 120.0
"""A machine that takes less power than this for so long has finished."""
LIKE = 88
"""Likeness (0-100) from which what was said is a device's name."""
MOST_ASKED = 4
OUTSIDE = frozenset("outside outdoor outdoors garden terrace draussen aussen garten".split())
"""Words of a place that is outside, in normal form."""


@dataclass(frozen=True, slots=True)
class Several:
    """More than one thing may be meant."""

    entities: tuple[Entity, ...]


class Maker:
    """Makes drafts, for one home."""

    def __init__(
        self,
        home: Home,
        router: Router,
        skillset: Callable[[], Skillset],
        place: Callable[[], Place | None],
    ) -> None:
        self._home = home
        self._router = router
        self._skillset = skillset
        self._place = place

    def name_of(self, entity_id: str) -> str:
        entity = self._home.entities.get(entity_id)
        return entity.name if entity else entity_id

    # --- the whole -------------------------------------------------------------------------------

    async def draft(self, text: str, where: Where) -> Draft:
        """What a sentence makes; its problem or question, if it has one."""
        language = where.language
        first: Draft | None = None
        for reading in sentences(text, language):
            draft = await self._drafted(reading, where)
            if not draft.problem and not draft.question:
                return draft
            if first is None or (first.problem and not draft.problem):
                first = draft
        return first or Draft(problem=wording.say("unclear", language))

    async def _drafted(self, reading: Sentence, where: Where) -> Draft:
        draft = Draft(said=reading.do, condition=reading.when)
        found = self.trigger(reading.when, where)
        language = where.language
        if isinstance(found, Several):
            names = [entity.name for entity in found.entities[:MOST_ASKED]]
            key = "whose" if reading.when.kind in ("comes", "leaves") else "which"
            draft.question = wording.say(key, language, names=wording.either(names, language))
            draft.lacking, draft.among = "device", found.entities
        elif isinstance(found, str):
            draft.problem = found
            return draft
        elif found is None:
            draft.question, draft.lacking = wording.say("time", language), "time"
        else:
            draft.when = (found,)
        if draft.when:
            await self.fill(draft, reading.do, where)
        return draft

    async def fill(self, draft: Draft, do: str, where: Where) -> None:
        """Understand what is to be done."""
        trigger = draft.when[0] if draft.when else None
        steps = await self.steps(do, where, trigger)
        if isinstance(steps, str):
            draft.question, draft.lacking = steps, "do"
            return
        if draft.lacking == "do":
            draft.question = draft.lacking = ""
        draft.do = await self.judged(draft, steps, where)

    def chosen(self, draft: Draft, entity: Entity, where: Where) -> Trigger | str:
        """The trigger, now that it is known which device is meant."""
        if draft.condition is None:
            return wording.say("unclear", where.language)
        kind, slots = draft.condition.kind, draft.condition.slots
        if kind in ("comes", "leaves"):
            return Comes(entity.entity_id, kind == "comes")
        if kind == "motion":
            return _moves(entity, slots)
        if kind == "number":
            return _passes(entity, slots)
        made = becomes(entity, slots.get("does", ""), _lasting(slots), self._home)
        return made or wording.say("cannot_tell", where.language, what=entity.name)

    async def judged(self, draft: Draft, steps: Sequence[Step], where: Where) -> tuple[Step, ...]:
        """The steps, with what is asked about noted; what must not be in a routine is the draft's
        problem."""
        language, found, warnings = where.language, [], []
        for step in steps:
            risk = R0
            for call in step.calls:
                of_call, missing = await weighed(call, self._skillset(), self._home, where)
                if missing is not None:
                    draft.problem = Replies().missing(missing, self._home, language)
                risk = max(risk, of_call)
            if risk >= R3:
                draft.problem = wording.say("unattended", language, text=step.text)
            elif risk >= R2:
                warnings.append(wording.say("careful", language, text=step.text))
                step = replace(step, allowed=True)
            found.append(step)
        draft.warnings = (*draft.warnings, *warnings)
        return tuple(found)

    def name(self, draft: Draft, taken: Collection[str]) -> str:
        """What a routine is called if nobody has said so. `taken`: names in normal form."""
        trigger = draft.when[0] if draft.when else None
        if isinstance(trigger, Phrase):
            return trigger.text[:LONGEST_NAME]
        wanted = next((step.text for step in draft.do if step.kind == "command"), "")
        if not wanted and isinstance(trigger, Becomes):
            wanted = self.name_of(trigger.entity_id)
        wanted = wanted or next((step.text for step in draft.do if step.text), "") or "routine"
        wanted = re.sub(r"\b(the|my|die|der|das|den|dem|bitte|please) ", "", wanted)
        wanted = " ".join(wanted.split()[:6])[:LONGEST_NAME].casefold()
        number, name = 1, wanted
        while normal(name) in taken:
            number += 1
            name = f"{wanted} {number}"
        return name

    def phrase_problem(self, phrase: str, language: str) -> str:
        """Why a phrase cannot set off a routine; empty if it can."""
        plain = normal(phrase)
        known = answers(language)
        if not plain or len(plain) < 2 or plain in (*known.yes, *known.no):
            return wording.say("taken", language, text=phrase)
        if self._router.means_command(phrase, language):
            return wording.say("taken", language, text=phrase)
        return ""

    # --- triggers --------------------------------------------------------------------------------

    def trigger(self, condition: Condition, where: Where) -> Trigger | Several | str | None:
        """The trigger; several devices that may be meant; why there is none; None if the time is
        lacking."""
        slots, language = condition.slots, where.language
        match condition.kind:
            case "phrase":
                phrase = slots["phrase"].strip(" \"'“”„,.!")
                return self.phrase_problem(phrase, language) or Phrase(phrase)
            case "clock":
                return self._clock(slots, language)
            case "sun":
                return self._sun(slots, language)
            case "comes" | "leaves":
                return self._comes(condition, where)
            case "number":
                return self._number(slots, where)
            case "motion":
                return self._motion(slots, where)
        return self._state(slots, where)

    def clock_at(self, said: str, slots: Mapping[str, str], language: str) -> Clock | None:
        """The time in words, on the days that were said."""
        found = time_of(said, language)
        if found is None:
            return None
        known = table(language) or {}
        days = slots.get("days", "")
        evening = re.search(known["night"], days, re.IGNORECASE) if days else None
        if evening and 1 <= found.hour < 12:
            found = found.replace(hour=found.hour + 12)
        return Clock(found, _days(days, language))

    def _clock(self, slots: Mapping[str, str], language: str) -> Clock | str | None:
        if "time" not in slots:
            return None
        return self.clock_at(slots["time"], slots, language) or wording.say("unclear", language)

    def _sun(self, slots: Mapping[str, str], language: str) -> Sun | str:
        if self._place() is None:
            return wording.say("no_place", language)
        known = table(language) or {}
        down = re.search(known["sets"], slots["event"], re.IGNORECASE)
        event = "sunset" if slots["event"] == "sunset" or down else "sunrise"
        offset = 0.0
        if "offset" in slots:
            sign = -1 if slots["side"].casefold() in ("before", "vor") else 1
            offset = sign * (length_of(slots["offset"], language) or 0.0)
        return Sun(event, offset, _days(slots.get("days", ""), language))

    def persons(self) -> list[Entity]:
        found = [e for e in self._home.entities.values() if e.domain == "person"]
        return found or [e for e in self._home.entities.values() if e.domain == "device_tracker"]

    def _comes(self, condition: Condition, where: Where) -> Comes | Several | str:
        language, persons = where.language, self.persons()
        who, comes = normal(condition.slots["who"]), condition.kind == "comes"
        if not persons:
            return wording.say("no_persons", language)
        known = table(language) or {}
        if re.fullmatch(known["nobody"], who):
            away = normal(condition.slots.get("away", ""))
            all_home = who not in ("nobody", "no one") and away.endswith("home")
            return Comes("everybody", all_home or comes)
        if who in ("somebody", "someone", "anybody", "anyone", "we", "wir", "jemand", "irgendwer",
                   "man") or "first" in who or "erste" in who:  # fmt: skip
            return Comes("anybody", comes)
        if who in ("i", "ich"):
            own = [p for p in persons if where.person and normal(where.person) in _names(p)]
            if own:
                return Comes(own[0].entity_id, comes)
            return Comes(persons[0].entity_id, comes) if len(persons) == 1 else Several((*persons,))
        named = [p for p in persons if who in _names(p) or who in words_of(p)]
        if len(named) == 1:
            return Comes(named[0].entity_id, comes)
        if named:
            return Several(tuple(named))
        return wording.say("no_device", language, what=condition.slots["who"])

    def _number(self, slots: Mapping[str, str], where: Where) -> Becomes | Several | str:
        language = where.language
        kind, what = normal(slots.get("kind", "")), slots.get("what", "")
        humid = kind.startswith(("hum", "luft", "feucht"))
        wanted = "humidity" if humid else "temperature"
        if slots.get("outside"):
            what = slots["outside"]
        area = self._home.find_area(_bare(what, language)) if what else None
        if not what and where.area:
            area = self._home.find_area(where.area)
        sensors = [
            e
            for e in self._home.entities.values()
            if e.domain == "sensor" and (e.device_class == wanted or not kind)
        ]
        if area is not None:
            classes = [e for e in sensors if e.device_class == wanted]
            found = [e for e in classes if e.area_id == area.area_id]
            if not found and wanted == "temperature":
                found = [
                    e
                    for e in self._home.entities.values()
                    if e.domain == "climate" and e.area_id == area.area_id
                ]
        elif what and normal(what) in OUTSIDE:
            found = [e for e in sensors if OUTSIDE & words_of(e)]
        elif what:
            found = self.named(f"{what} {kind}".strip(), sensors, language) or self.named(
                what, sensors, language
            )
        else:
            found = []
        if not found:
            return wording.say("no_device", language, what=what or kind or wanted)
        if len(found) > 1:
            return Several(tuple(found))
        return _passes(found[0], slots)

    def _motion(self, slots: Mapping[str, str], where: Where) -> Becomes | Several | str:
        language = where.language
        sensors = [
            e
            for e in self._home.entities.values()
            if e.domain == "binary_sensor"
            and e.device_class in ("motion", "occupancy", "presence", "moving")
        ]
        what = _bare(slots["what"], language)
        area = self._home.find_area(what)
        found = [e for e in sensors if area is not None and e.area_id == area.area_id]
        found = found or self.named(what, sensors, language)
        if not found:
            return wording.say("no_device", language, what=slots["what"])
        if len(found) > 1:
            return Several(tuple(found))
        return _moves(found[0], slots)

    def _state(self, slots: Mapping[str, str], where: Where) -> Becomes | Several | str:
        language, does = where.language, slots["does"]
        every = list(self._home.entities.values())
        found = self.named(slots["what"], every, language)
        if not found:
            return wording.say("no_device", language, what=slots["what"])
        made = [(e, becomes(e, does, _lasting(slots), self._home)) for e in found]
        able = [(entity, trigger) for entity, trigger in made if trigger is not None]
        if not able:
            return wording.say("cannot_tell", language, what=found[0].name)
        best = min(_preference(entity, does) for entity, _ in able)
        able = [each for each in able if _preference(each[0], does) == best]
        if len(able) > 1:
            here = [each for each in able if self._is_in(each[0], where.area)]
            if len(here) != 1:
                return Several(tuple(entity for entity, _ in able))
            able = here
        return able[0][1] or wording.say("cannot_tell", language, what=found[0].name)

    def _is_in(self, entity: Entity, area: str | None) -> bool:
        found = self._home.area_of(entity)
        return bool(area and found and normal(found.name) == normal(area))

    def named(self, what: str, among: Sequence[Entity], language: str) -> list[Entity]:
        """Entities of this name, or whose name has all of these words; else those nearly so."""
        said = normal(_bare(what, language))
        if not said:
            return []
        exact = [e for e in among if said in _names(e)]
        if exact:
            return exact
        words = set(said.split())
        within = []
        for entity in among:
            area = self._home.area_of(entity)
            if words <= words_of(entity) | (words_of(area) if area else set()):
                within.append(entity)
        if within:
            return within
        joined = said.replace(" ", "")
        return [
            e
            for e in among
            if any(
                fuzz.ratio(joined, name.replace(" ", "")) >= LIKE or (
                    len(joined) > 5 and joined in name.replace(" ", ""))
                for name in _names(e)
            )
        ]  # fmt: skip

    # --- what is done ----------------------------------------------------------------------------

    async def steps(
        self, do: str, where: Where, trigger: Trigger | None = None
    ) -> tuple[Step, ...] | str:
        """The steps in words; or the question what was not understood."""
        known = table(where.language) or {}
        text = " ".join(do.strip(" ,.!").split())
        cuts = [m.span() for m in re.finditer(known["and"], text, re.IGNORECASE)]
        begins = [0, *(end for _, end in cuts)]
        ends = [*(start for start, _ in cuts), len(text)]
        trouble: list[str] = []
        memory: dict[int, tuple[Step, ...] | None] = {}

        async def rest(first: int) -> tuple[Step, ...] | None:
            if first == len(begins):
                return ()
            if first in memory:
                return memory[first]
            memory[first] = None
            if first and not self._begins(text[begins[first] :], known):
                return None
            for last in range(first, len(begins)):
                part = text[begins[first] : ends[last]]
                one = await self._one(part, where, trigger, known)
                if isinstance(one, str):
                    trouble.append(one)
                    continue
                more = await rest(last + 1)
                if more is not None:
                    memory[first] = (*one, *more)
                    break
            return memory[first]

        found = await rest(0)
        if found is None or not found or len(found) > MOST_STEPS:
            return trouble[0] if trouble else wording.say("what", where.language)
        return found

    @staticmethod
    def _begins(text: str, known: Mapping[str, Any]) -> bool:
        first = normal(text.split()[0]) if text.split() else ""
        return first in verbs(known) or re.match(known["delayed"], text, re.IGNORECASE) is not None

    async def _one(
        self, part: str, where: Where, trigger: Trigger | None, known: Mapping[str, Any]
    ) -> tuple[Step, ...] | str:
        """One step, or why it is none."""
        language = where.language
        if found := re.fullmatch(known["wait"], part, re.IGNORECASE):
            seconds = length_of(found["length"], language)
            if seconds is not None:
                return (Step(kind="wait", seconds=min(seconds, LONGEST_WAIT)),)
        if found := re.fullmatch(known["delayed"], part, re.IGNORECASE):
            seconds = length_of(found["length"] or found["length2"], language)
            if seconds is not None:
                more = await self._one(found["rest"], where, trigger, known)
                wait = Step(kind="wait", seconds=min(seconds, LONGEST_WAIT))
                return more if isinstance(more, str) else (wait, *more)
        if re.fullmatch(known["tell"], part, re.IGNORECASE):
            if trigger is None or isinstance(trigger, Phrase | Clock | Sun):
                return wording.say("what", language)
            said = wording.happened(trigger, self.name_of, language)
            return (Step(said, "say"),)
        words = re.fullmatch(known["say"], part, re.IGNORECASE)
        text = next((v for v in words.groupdict().values() if v), "") if words else ""
        sure = bool(words) and re.match(r"(?:say|announce|sprich|kündige)\b", part, re.IGNORECASE)
        if text and sure:
            return (Step(_sentence(text), "say"),)
        intent = await self._understood(part, where)
        if intent is not None and intent.calls and not intent.question:
            return (Step(part, calls=intent.calls),)
        if text:
            return (Step(_sentence(text), "say"),)
        key = "ambiguous" if intent is not None and intent.question else "not_understood"
        return wording.say(key, language, text=part)

    async def _understood(self, text: str, where: Where) -> Intent | None:
        """What a command means by itself."""
        utterance = Utterance.typed(text, where.language)
        try:
            intent = await self._router.route(utterance, Context(area=where.area))
        except HearthError:
            return None
        skillset = self._skillset()
        talk = {spec.name for spec in skillset.specs() if spec.skill == "conversation"}
        making = {"routines.make"}
        if any(call.tool in talk | making for call in intent.calls):
            return None
        return intent

    async def checked(self, routine: Routine) -> Routine | str:
        """A routine that comes from a file, understood anew; or why it cannot be."""
        where = Where(routine.area, routine.language, routine.person)
        found: list[Step] = []
        for trigger in routine.when:
            phrase = trigger.text if isinstance(trigger, Phrase) else ""
            if phrase and (problem := self.phrase_problem(phrase, routine.language)):
                return problem
            if isinstance(trigger, Sun) and self._place() is None:
                return wording.say("no_place", routine.language)
            if isinstance(trigger, Becomes) and trigger.entity_id not in self._home.entities:
                return wording.say("no_device", routine.language, what=trigger.entity_id)
        for step in routine.do:
            if step.kind != "command":
                found.append(step)
                continue
            intent = await self._understood(step.text, where)
            if intent is None or not intent.calls or intent.question:
                return wording.say("not_understood", routine.language, text=step.text)
            draft = Draft()
            (judged,) = await self.judged(draft, [replace(step, calls=intent.calls)], where)
            if draft.problem:
                return draft.problem
            if judged.allowed and not step.allowed:
                told = wording.say("careful", routine.language, text=step.text)
                return f"{told} (command: {step.text}, allowed: true)"
            found.append(judged)
        return replace(routine, do=tuple(found))


def _lasting(slots: Mapping[str, str]) -> float:
    return float(slots.get("lasting", 0))


def _moves(entity: Entity, slots: Mapping[str, str]) -> Becomes:
    """The trigger for 'somebody moves' of a sensor."""
    return Becomes(entity.entity_id, ("on",), lasting=_lasting(slots), said="motion")


def _passes(entity: Entity, slots: Mapping[str, str]) -> Becomes:
    """The trigger for 'it rises above 25' of a sensor."""
    number, above = float(slots["number"]), slots["side"] == "above"
    return Becomes(
        entity.entity_id,
        above=number if above else None,
        below=None if above else number,
        lasting=_lasting(slots),
        attribute="current_temperature" if entity.domain == "climate" else "",
    )


def becomes(entity: Entity, does: str, lasting: float, home: Home) -> Becomes | None:
    """The trigger for 'it opens', 'it is finished' of a device; None if it cannot tell."""
    domain, of = entity.domain, entity.entity_id
    opening = entity.device_class in ("door", "window", "opening", "garage_door", "lock")

    def made(*to: str, before: tuple[str, ...] = (), wait: float = lasting) -> Becomes:
        return Becomes(of, to, before, lasting=wait, said=does)

    match does:
        case "finished":
            return _finishes(entity, home, lasting)
        case "unavailable":
            return made("unavailable")
        case "playing":
            return made("playing") if domain == "media_player" else None
        case "locked" | "unlocked":
            if domain == "lock":
                return made(does)
            if entity.device_class == "lock":
                return made("off" if does == "locked" else "on")
            return None
        case "open" | "closed":
            if domain in ("cover", "valve"):
                return made(does)
            if domain == "binary_sensor":
                return made("on" if does == "open" else "off") if opening else None
            return made("open", "unlocked") if domain == "lock" and does == "open" else None
        case "triggered":
            if domain == "alarm_control_panel":
                return made("triggered")
            return made("on") if domain in ("binary_sensor", "siren", "switch") else None
    off = {"media_player": ("off", "standby"), "vacuum": ("docked", "idle")}.get(domain, ("off",))
    if domain in ("cover", "lock", "sensor", "person", "scene", "script", "button", "todo"):
        return None
    if does == "off":
        return made(*off)
    on = {
        "media_player": ("on", "playing", "paused", "idle", "buffering"),
        "vacuum": ("cleaning",),
        "climate": ("heat", "cool", "heat_cool", "auto", "dry", "fan_only"),
    }.get(domain, ("on",))
    return made(*on)


def _finishes(entity: Entity, home: Home, lasting: float) -> Becomes | None:
    domain = entity.domain
    if domain not in RUNNING_DOMAINS:
        return None
    if domain == "sensor":
        if entity.device_class == "power":
            wait = max(lasting, IDLE_SECONDS)
            return Becomes(entity.entity_id, below=IDLE_WATTS, lasting=wait, said="finished")
        if entity.device_class not in (None, "enum"):
            return None
        try:
            float(home.state(entity.entity_id).state)
        except ValueError:
            pass
        else:
            return None
    to = {"vacuum": ("docked",), "lawn_mower": ("docked",), "binary_sensor": ("off",),
          "switch": ("off",), "input_boolean": ("off",),
          "media_player": ("idle", "off", "standby")}  # fmt: skip
    return Becomes(
        entity.entity_id, to.get(domain, tuple(FINISHED)), lasting=lasting, said="finished"
    )


def _preference(entity: Entity, does: str) -> int:
    """Of a device and its sensors the one that tells best: 0 is best."""
    if does == "finished":
        if entity.domain == "sensor":
            return 2 if entity.device_class == "power" else 0
        return {"binary_sensor": 1, "vacuum": 0, "lawn_mower": 0}.get(entity.domain, 3)
    if does in ("open", "closed"):
        return {"binary_sensor": 0, "cover": 1}.get(entity.domain, 2)
    return 0


def _names(entity: Entity) -> tuple[str, ...]:
    return tuple(normal(name) for name in entity.names)


def words_of(thing: Entity | Area) -> set[str]:
    """The words of its names, in normal form."""
    return {word for name in thing.names for word in normal(name).split()}


def _bare(what: str, language: str) -> str:
    known = table(language) or {}
    return re.sub(f"^(?:{known.get('article', '')})", "", what.strip(), flags=re.IGNORECASE)


def _days(said: str, language: str) -> tuple[int, ...]:
    known = table(language) or {}
    if not said:
        return DAILY
    for group in ("weekdays", "weekends"):
        if re.search(known["day"][group], said, re.IGNORECASE):
            return GROUPS[group]
    found = [n for n, day in enumerate(DAYS) if re.search(known["day"][day], said, re.IGNORECASE)]
    return tuple(found) or DAILY


def _sentence(text: str) -> str:
    text = text.strip(" ,\"'“”„")
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
