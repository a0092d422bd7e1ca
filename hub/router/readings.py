"""Matches of the rules become readings: what can be done here, asked back, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from hub.home.model import Entity, normal
from hub.messages import Call
from hub.router.compound import together
from hub.router.context import Context, Target, Targets
from hub.router.fuzzy import Fuzzy
from hub.router.places import TARGET_SLOTS, Places, slots_of, targets
from hub.router.reading import Reading
from hub.router.rules import ANYTHING, FULL, KIND, NOWHERE, Match, numbered
from hub.router.words import Words

MOST_CHOICES = 4
"""A question that offers more than this many things cannot be answered by ear."""

QUESTIONS = ("HassGetState", "HassClimateGetTemperature", "HassGetWeather")
"""Intents that only ask: 'all lights off' is rather a command."""
OPENINGS = ("window", "door", "garage_door", "opening")
"""Classes of covers that are sensors in most homes: they cannot be moved, only be open."""

DOORS = ("door", "garage", "gate")
"""Classes of covers that are doors of a room."""

WILDCARD_QUALITY = 0.9
"""A template with free text in it fits many sentences that were meant otherwise."""
LEAST_FREE = 0.01
"""What such a template has more, the less text is free: divided by its letters."""
EXPLAINED = "every word explained"
"""How the reason begins of what is read word by word."""
EXPLAINED_QUALITY = 0.95
"""Every word was explained, but there was no template for all of them."""
GUESS_QUALITY, GUESS_LOSS = 0.8, 0.3
"""Some word is only like one that is known; the loss is for each unit of distance."""


def from_matches(
    matches: Sequence[Match],
    places: Places,
    words: Words,
    context: Context,
    *,
    whole: bool = False,
) -> Reading | None:
    """The best reading of what the grammar found; None if it found nothing. `whole`: 'all' was
    said, which means the whole house where no room was.

    Matches of equal rank say the same about different things: a question, unless the room or
    the home leaves only one of them.
    """
    area = places.area_id(context.area)
    undoable: Reading | None = None
    # 'Pause it' after a timer was spoken of is for that, before any device.
    lately = {match.intent: places.about(match.intent) for match in matches}
    matches = [match for match in matches if lately[match.intent] in ("", context.about)]
    matches = _narrowest(matches)
    matches.sort(key=lambda match: not lately[match.intent])
    for _, group in groupby(matches, key=lambda match: (not lately[match.intent], match.rank)):
        resolved = [
            r for match in group if (r := _resolved(match, places, words, context, area, whole))
        ]
        possible = [(m, s) for m, s in resolved if _complete(s) and places.doable(m.intent, s)]
        asking = [(m, s) for m, s in resolved if not _complete(s)]
        if possible:
            return _of_equals(possible, places, words, area, whole)
        for match, slots in asking:
            if reading := _without_room(match, slots, places, words):
                return reading
        known = [(m, s) for m, s in resolved if places.accepted(m.intent, _placed(s))]
        if undoable is None and known:
            undoable = _undoable(*known[0], places)
    return undoable


def _narrowest(matches: Sequence[Match]) -> list[Match]:
    """Without questions about doors and windows alike where the same may be one about windows."""
    single = {
        m.slots["device_class"] for m in matches if isinstance(m.slots.get("device_class"), str)
    }
    return [
        match
        for match in matches
        if match.intent not in QUESTIONS
        or not isinstance(classes := match.slots.get("device_class"), list)
        or single.isdisjoint(classes)
    ]


def _placed(slots: dict[str, Any]) -> dict[str, Any]:
    """The slots without a room that is not known."""
    return {slot: value for slot, value in slots.items() if value != NOWHERE}


def _complete(slots: dict[str, Any]) -> bool:
    return slots.get("area") != NOWHERE


Resolved = tuple[Match, dict[str, Any]]
"""A match, and its slots as they are meant here."""
Options = dict[str, Resolved]
"""Id of an entity or area -> the match that means it."""


def _resolved(
    match: Match, places: Places, words: Words, context: Context, area: str | None, whole: bool
) -> Resolved | None:
    """The match with its slots as they are meant here; None if it means nothing here."""
    if match.bare and match.distance != FULL:
        return None  # 'the lights' alone is no command
    slots = _sensed(match.intent, match.slots, places)
    anywhere = places.anywhere(match.intent)
    if (whole or anywhere) and match.here:
        del slots["area"]
    name = slots.get("name")
    pronoun = isinstance(name, str) and name.startswith(ANYTHING)
    if pronoun and match.tier == "phrase" and not _things(context):
        if slots.keys() - TARGET_SLOTS and not anywhere:
            return None  # 'set it to twenty' may be the heating, the light, or the humidifier
        del slots["name"]  # 'make it brighter': the room
    elif pronoun:
        meant = _meant(str(name), match.said, places, words, context)
        if meant is None:
            return None
        del slots["name"]
        slots |= meant
    if not match.here and _no_such_door(slots, places):
        slots["device_class"] = list(DOORS)
    untargeted = not any(slots.get(slot) for slot in TARGET_SLOTS)
    if untargeted and whole and match.tier == "phrase":
        slots |= places.kind(match.intent)
    elif untargeted and not anywhere and _of_devices(match, places):
        # 'Brighter' is for this room, never for the whole house.
        within = area is not None and places.doable(match.intent, {**slots, "area": area})
        slots["area"] = area if within else NOWHERE
    return match, slots


def _no_such_door(slots: Mapping[str, Any], places: Places) -> bool:
    """Whether a door is spoken of in a room that has none, but perhaps a garage door: 'the carport
    door'."""
    door = (slots.get("domain"), slots.get("device_class")) == ("cover", "door")
    return door and slots.get("area") in places.areas and not places.entities_for(slots)


def _free(match: Match, slots: Mapping[str, Any], places: Places) -> bool:
    """Whether nothing was said of what is meant, and the tool finds out by itself."""
    return places.anywhere(match.intent) and not any(slots.get(slot) for slot in TARGET_SLOTS)


def _of_devices(match: Match, places: Places) -> bool:
    """Whether a phrase is for devices. The sentences say by themselves where they need a room."""
    return match.tier == "phrase" and places.acts_on_entities(match.intent)


def _things(context: Context) -> Sequence[Target]:
    """What was spoken of before."""
    return context.targets.things if isinstance(context.targets, Targets) else ()


def _meant(
    name: str, said: str, places: Places, words: Words, context: Context
) -> dict[str, Any] | None:
    """The slots for what 'it' means, if that is of the kind the sentence is for: what was spoken
    of, of several things the last."""
    things = _things(context)
    if not things or (len(things) > 1 and normal(said) not in words.singular):
        return None
    thing = things[-1]
    entity = places.entities.get(thing.entity or "")
    if name != ANYTHING + (entity.domain if entity else thing.domain or ""):
        return None
    return {"name": thing.entity} if thing.entity else slots_of(thing)


def _sensed(intent: str, said: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """The slots; 'are any windows open' is about those with a sensor as much as about those that
    can be moved."""
    slots = dict(said)
    if intent in QUESTIONS and slots.get("device_class") in OPENINGS:
        anywhere = {k: v for k, v in _placed(slots).items() if k not in ("area", "floor")}
        sensed = places.entities_for({**anywhere, "domain": "binary_sensor"})
        if sensed or not places.entities_for(anywhere):
            slots.pop("domain", None)
    return slots


def _of_equals(
    possible: Sequence[Resolved],
    places: Places,
    words: Words,
    area: str | None,
    whole: bool,
) -> Reading:
    """One reading of matches that rank equally."""
    # 'Turn it up' out of the blue is for what can find out by itself what is meant.
    intent = min(
        (match.intent in QUESTIONS, not _free(match, slots, places), match.intent)
        for match, slots in possible
    )[2]
    same = [(match, slots) for match, slots in possible if match.intent == intent]
    slot = "name" if any(s.get("name") in places.entities for _, s in same) else "area"
    options = {s[slot]: (m, s) for m, s in same if s.get(slot)}
    if len(options) > 1 and area:
        options = _here(options, slot, places, area) or options
    if len(options) > 1 and slot == "name":
        if room := _lights_of_one_room(options, places):
            return _lights(*next(iter(options.values())), room, places)
        if whole and all(normal(m.said) in words.many for m, _ in options.values()):
            return _lights(*next(iter(options.values())), None, places)
        if all(_means_several(m, places.entities[key], words) for key, (m, _) in options.items()):
            return together([_reading(m, s, places) for m, s in options.values()])
        options = _so_called(options, places) or options
    match, slots = next(iter(options.values())) if options else same[0]
    if len(options) > 1:
        return _question(match, [slots for _, slots in options.values()], places, words)
    return _reading(match, slots, places)


def _means_several(match: Match, entity: Entity, words: Words) -> bool:
    """Whether a thing was spoken of as one of several that are told apart by a number: 'the
    sconces'."""
    said, ending = normal(match.said), words.plural_ending
    stems = filter(None, map(numbered, entity.names)) if ending else ()
    return any(said.endswith(f"{stem}{ending}") for stem in stems)


def _here(options: Options, slot: str, places: Places, area: str) -> Options:
    """Those in the person's room."""
    return {
        key: both
        for key, both in options.items()
        if (places.entities[key].area_id if slot == "name" else key) == area
    }


def _so_called(options: Options, places: Places) -> Options:
    """Those whose name has one of the words that were said."""
    return {
        key: both
        for key, both in options.items()
        if _share_word(both[0].said, places.entities[key].name)
    }


def _lights_of_one_room(options: Options, places: Places) -> str | None:
    """Id of the room whose lights these are: 'the kitchen light' is all of them, as in the shared
    sentences."""
    if any(match.distance != KIND for match, _ in options.values()):
        return None
    rooms = {places.entities[key].area_id for key in options}
    lights = all(places.entities[key].domain == "light" for key in options)
    return rooms.pop() if lights and len(rooms) == 1 else None


def _lights(match: Match, slots: dict[str, Any], room: str | None, places: Places) -> Reading:
    """The same of all lights of a room, or of the whole house."""
    kept = {slot: value for slot, value in slots.items() if slot != "name"}
    asks = match.intent in QUESTIONS and "state" in slots
    grouped = replace(match, response="any" if asks else match.response)
    there = {"area": room} if room else {}
    return _reading(grouped, {**kept, **there, "domain": "light"}, places)


def narrowed(reading: Reading, text: str, places: Places, words: Words) -> Reading:
    """The reading with the name of the one thing that it can mean where only a room was said: the
    one sensor there for what was asked, the one thermostat beside a wine cooler, the one lamp."""
    if len(reading.calls) != 1 or not reading.doable:
        return reading
    (call,) = reading.calls
    slots = dict(places.meant(call).arguments)
    if "name" in slots or not slots.get("area"):
        return reading
    domain = slots.get("domain") or places.kind(call.tool).get("domain")
    lamp = words.lamps & set(normal(text).split()) if domain == "light" else ()
    sensed = domain in ("sensor", "binary_sensor") and "device_class" in slots
    one = domain == "fan" and _only_one(text, words)
    if not (domain == "climate" or lamp or sensed or one):
        return reading
    found = places.actable(call.tool, slots)
    if domain == "climate":
        if len(found) == 1:
            return reading
        found = [e for e in found if _is_called(e, words.kinds.get("climate", ()))]
    elif lamp:
        found = [e for e in found if _is_called(e, tuple(lamp))]
        if 1 < len(found) <= MOST_CHOICES and call.tool not in QUESTIONS:
            return one_of(reading, found, places, words, f"{reading.why}, but there are several")
    if len(found) != 1 or not isinstance(domain, str):
        return reading
    kept = {k: v for k, v in slots.items() if k not in ("area", "device_class")}
    named = {**kept, "name": found[0].entity_id, "domain": domain}
    return replace(
        reading,
        calls=(places.call(call.tool, named, call.response),),
        targets=targets([{"name": found[0].entity_id}]),
    )


def _only_one(text: str, words: Words) -> bool:
    """Whether one fan was spoken of: 'the fan', and neither 'the fans' nor 'any fan'."""
    said = set(normal(text).split())
    return bool(said & set(words.kinds.get("fan", ()))) and not said & words.any_one


def _is_called(entity: Entity, kinds: Sequence[str]) -> bool:
    """Whether a name of a thing has a word for its kind in it: 'Kitchen Thermostat'."""
    said = [f" {normal(name)} " for name in entity.names]
    # 'Stehlampe' is a lamp, too.
    return any(f"{kind} " in name for name in said for kind in kinds)


def _share_word(one: str, other: str) -> bool:
    """Whether two phrases have a word in common, be it singular in one and plural in the other."""
    pairs = ((a, b) for a in normal(one).split() for b in normal(other).split())
    return any(
        a == b or (min(len(a), len(b)) > 3 and a.rstrip("s") == b.rstrip("s")) for a, b in pairs
    )


def _reading(match: Match, slots: dict[str, Any], places: Places) -> Reading:
    return Reading(
        calls=(places.call(match.intent, slots, match.response),),
        tier=match.tier,
        quality=_quality(match),
        open=match.wildcards > 0 or match.bare,
        bare=match.bare,
        why=_why(match),
        targets=targets([_kinded(match.intent, slots, places)]),
    )


def _quality(match: Match) -> float:
    """Of two templates with free text the one that leaves less free is the better one."""
    if not match.wildcards:
        return 1.0
    return WILDCARD_QUALITY + LEAST_FREE / (1 + match.rank[-1])


def _kinded(intent: str, slots: dict[str, Any], places: Places) -> dict[str, Any]:
    """The slots with the domain that the tool is for: after 'brighter', 'it' is the lights."""
    kind = places.kind(intent)
    told = "name" in slots or "domain" in slots or not isinstance(kind.get("domain"), str)
    return slots if told or not slots.get("area") else {**slots, **kind}


def _why(match: Match) -> str:
    source = "phrase" if match.tier == "phrase" else "hassil"
    return f"{source}: {match.intent} <- {match.template}"


def _undoable(match: Match, slots: dict[str, Any], places: Places) -> Reading:
    """Understood, but the home has nothing for it: the skills can say what is missing."""
    return replace(
        _reading(match, _placed(slots), places),
        doable=False,
        targets=None,
        why=f"{_why(match)}, but the home has nothing for it",
    )


def _without_room(
    match: Match, slots: dict[str, Any], places: Places, words: Words
) -> Reading | None:
    """A sentence that depends on the room, from a person whose room is not known.

    If the whole home has one thing it can mean, that is meant."""
    anywhere = _placed(slots)
    if not places.doable(match.intent, anywhere):
        return None
    if not places.acts_on_entities(match.intent):
        return _reading(match, anywhere, places)
    found = places.actable(match.intent, anywhere)
    if len(found) == 1:
        kept = {k: v for k, v in anywhere.items() if k not in ("domain", "device_class")}
        plain = replace(match, response="default")
        return _reading(plain, {**kept, "name": found[0].entity_id}, places)
    rooms = dict.fromkeys(entity.area_id for entity in found if entity.area_id)
    if len(rooms) == 1:
        return _reading(match, {**anywhere, "area": next(iter(rooms))}, places)
    choices = {
        places.areas[room].name: (
            places.call(match.intent, {**anywhere, "area": room}, match.response),
        )
        for room in rooms
        if room in places.areas
    }
    return Reading(
        calls=(),
        tier=match.tier,
        quality=1.0,
        why=f"{_why(match)}, in a room that is not known",
        question=words.questions.get("room", "In which room?"),
        choices=choices,
    )


def _question(
    match: Match, options: Sequence[dict[str, Any]], places: Places, words: Words
) -> Reading:
    """Ask which of several equal things is meant; which room, if they are many."""
    calls = [places.call(match.intent, slots, match.response) for slots in options]
    entities = [places.entities[slots["name"]] for slots in options if "name" in slots]
    choices: dict[str, tuple[Call, ...]] = {}
    if entities and len(entities) <= MOST_CHOICES:
        labels = _labels(entities, places)
        choices = {label: (call,) for label, call in zip(labels, calls, strict=True)}
        asked = which(labels, words)
    else:
        rooms = [entity.area_id for entity in entities] or [slots["area"] for slots in options]
        for room, call in zip(rooms, calls, strict=True):
            if area := places.areas.get(room or ""):
                choices[area.name] = (*choices.get(area.name, ()), call)
        asked = words.questions.get("room", "In which room?")
    return Reading(
        calls=(),
        tier=match.tier,
        quality=1.0,
        why=f"{_why(match)}, which fits {len(options)} things",
        question=asked,
        choices=choices,
    )


def one_of(
    reading: Reading, entities: Sequence[Entity], places: Places, words: Words, why: str
) -> Reading:
    """Ask which of several things the one call of a reading is for."""
    call = reading.calls[0]
    others = {k: v for k, v in call.arguments.items() if k not in TARGET_SLOTS}
    labels = _labels(entities, places)
    choices = {
        label: (places.call(call.tool, {**others, "name": entity.entity_id}, call.response),)
        for label, entity in zip(labels, entities, strict=True)
    }
    question = which(labels, words)
    return replace(reading, calls=(), targets=None, question=question, choices=choices, why=why)


def _labels(entities: Sequence[Entity], places: Places) -> list[str]:
    """Names that tell the entities apart: with the room, or else the id."""
    named = [places.full_name(entity) for entity in entities]
    same = {name for name in named if [normal(n) for n in named].count(normal(name)) > 1}
    return [
        entity.entity_id.split(".")[-1].replace("_", " ") if name in same else name
        for name, entity in zip(named, entities, strict=True)
    ]


def which(labels: Sequence[str], words: Words) -> str:
    """'Which one: the Kitchen Light or the Bedroom Light?'"""
    offered = [words.questions.get("the", "") + label for label in labels[:MOST_CHOICES]]
    either = f" {words.questions.get('or', 'or')} "
    listed = (
        either.join(offered)
        if len(offered) < 3
        else (", ".join(offered[:-1]) + either + offered[-1])
    )
    return words.questions.get("which", "Which one: {choices}?").format(choices=listed)


def from_fuzzy(fuzzy: Fuzzy, places: Places, words: Words) -> Reading | None:
    """A reading of what the fuzzy matcher found; None if it found nothing to say."""
    if not fuzzy.parsed:
        sentence = _refused(fuzzy, places, words)
        if sentence is None:
            return None
        why = f"gazetteer: {fuzzy.reason}"
        return Reading((), "rules", 0.0, why, doable=False, sentence=sentence)
    parsed = [(i, _sensed(i, slots, places), key) for i, slots, key in fuzzy.parsed]
    if not all(places.accepted(intent, slots) for intent, slots, _ in parsed):
        return None
    calls = tuple(places.call(*each) for each in parsed)
    if any(call in calls[:number] for number, call in enumerate(calls)):
        return None  # what was said about the second thing went to the first
    missing = [i for i, slots, _ in parsed if not places.doable(i, slots)]
    what = ", ".join(f"fuzzy {guess}" for guess in fuzzy.guesses) or EXPLAINED
    said = " + ".join(intent for intent, _, _ in parsed)
    return Reading(
        calls=calls,
        tier="rules",
        quality=GUESS_QUALITY - GUESS_LOSS * fuzzy.distance if fuzzy.guesses else EXPLAINED_QUALITY,
        why=f"gazetteer: {said} <- {what}"
        + (f", but the home has nothing for {missing[0]}" if missing else ""),
        doable=not missing,
        targets=None if missing else targets(slots for _, slots, _ in parsed),
    )


REFUSALS = {
    "no_action": "what",
    "unsupported_target_action": "unable",
    "anaphora_missing_target": "which",
    "anaphora_multiple_targets": "which",
    "invalid_percentage": "percent",
}
"""Why the matcher rejects a text -> key of the sentence for it."""


def _refused(fuzzy: Fuzzy, places: Places, words: Words) -> str | None:
    """What to say about a rejection; None if nothing of use is known."""
    template = words.refusals.get(REFUSALS.get(fuzzy.code, ""))
    entity = places.entities.get(fuzzy.entity or "")
    if template is None or ("{name}" in template and entity is None):
        return None
    return template.format(name=entity.name if entity else "")
