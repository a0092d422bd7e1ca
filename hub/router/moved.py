"""The same somewhere else: what was done in one room, done to what there is in another.

'And in the bedroom' after a lamp was named means the lights there; after 'the lights' as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.home.model import Area, Floor, normal
from hub.messages import Call
from hub.router.context import Targets
from hub.router.places import Places, targets
from hub.router.reading import Reading
from hub.router.readings import QUESTIONS
from hub.router.words import Words

QUALITY = 0.97


def place_in(part: str, places: Places, words: Words) -> dict[str, str] | None:
    """The slot for a room or floor, if that is all that was said: 'in the bedroom'."""
    said = normal(part)
    for before in (*words.inside, *words.articles):
        said = said.removeprefix(f"{before} ").strip()
    for slot, known in (("area", places.areas), ("floor", places.floors)):
        for key, place in known.items():
            if said in _names(place, words):
                return {slot: key}
    return None


def moved(
    calls: Sequence[Call], there: Mapping[str, str], places: Places, why: str
) -> Reading | None:
    """The same calls for what is in another place; None if nothing there can do any of them, or
    if they only ask, or are about nothing that has a place."""
    found: list[Call] = []
    slots_of_all: list[dict[str, Any]] = []
    for call in calls:
        slots = None if call.tool in QUESTIONS else _elsewhere(call, there, places)
        if slots is not None:
            found.append(places.call(call.tool, slots, call.response))
            slots_of_all.append(slots)
    meant: Targets | None = targets(slots_of_all)
    if not found or meant is None:
        return None
    return Reading(tuple(found), "rules", QUALITY, why, targets=meant)


def _elsewhere(call: Call, there: Mapping[str, str], places: Places) -> dict[str, Any] | None:
    slots = dict(places.meant(call).arguments)
    entity = places.entities.get(str(slots.pop("name", None)))
    if entity is None and not {"area", "floor"} & set(slots):
        return None
    if entity is not None:
        slots["domain"] = entity.domain
        if entity.device_class and entity.domain != "light":
            slots["device_class"] = entity.device_class
    slots = {key: value for key, value in slots.items() if key not in ("area", "floor")}
    for less in ((), ("device_class",)):
        chosen = {key: value for key, value in slots.items() if key not in less} | dict(there)
        if places.actable(call.tool, chosen):
            return chosen
    return None


def _names(place: Area | Floor, words: Words) -> set[str]:
    own = {normal(name) for name in place.names}
    return own.union(*(said for said in words.rooms.values() if own & set(said)))
