"""Which of several things can only have been meant: what a person would see without asking.

Words often fit several things of a home. Before it is asked which one, or all lights of a room are
switched, this looks at what the home tells: whose name is exactly what was said, what can do it at
all, and what is not so already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.home.features import bits
from hub.home.model import Entity, State, normal
from hub.messages import Call
from hub.router.places import TARGET_SLOTS, Places, targets
from hub.router.reading import Reading
from hub.router.readings import QUESTIONS
from hub.router.words import Words

States = Callable[[str], State]
"""The state of an entity, by its id."""

NEEDED: Mapping[str, Mapping[str, int]] = {
    "HassClimateSetTemperature": {
        "climate": bits("climate", "TARGET_TEMPERATURE", "TARGET_TEMPERATURE_RANGE"),
        "water_heater": bits("water_heater", "TARGET_TEMPERATURE"),
    },
    "HassFanSetSpeed": {"fan": bits("fan", "SET_SPEED")},
    "HassMediaNext": {"media_player": bits("media_player", "NEXT_TRACK")},
    "HassMediaPause": {"media_player": bits("media_player", "PAUSE")},
    "HassMediaPlayerMute": {"media_player": bits("media_player", "VOLUME_MUTE")},
    "HassMediaPlayerUnmute": {"media_player": bits("media_player", "VOLUME_MUTE")},
    "HassMediaPrevious": {"media_player": bits("media_player", "PREVIOUS_TRACK")},
    "HassSetPosition": {
        "cover": bits("cover", "SET_POSITION"),
        "valve": bits("valve", "SET_POSITION"),
    },
    "HassSetVolume": {"media_player": bits("media_player", "VOLUME_SET")},
    "HassSetVolumeRelative": {"media_player": bits("media_player", "VOLUME_SET")},
    "media.louder": {"media_player": bits("media_player", "VOLUME_SET")},
    "media.quieter": {"media_player": bits("media_player", "VOLUME_SET")},
}
"""Tool -> domain -> the bits of Home Assistant's feature set of which a device needs one."""
DIMMING = ("lights.brighter", "lights.dimmer")
COLOURS = frozenset({"hs", "rgb", "rgbw", "rgbww", "xy"})
"""Colour modes of lights that have any colour."""
RESTING = {"cover": ("closed",), "valve": ("closed",)}
"""Domain -> states in which there is nothing to turn off or close."""
OFF = ("off", "standby", "idle", "docked")
"""The same of all others."""
LONGEST_PLURAL = 2
"""Letters that a word has more where it means several."""


def able(call: Call, entity: Entity, state: State) -> bool:
    """Whether a device can do what a call asks of it, as far as it tells."""
    needed = NEEDED.get(call.tool, {}).get(entity.domain)
    if needed is not None:
        return entity.can(needed)
    modes = {str(mode) for mode in state.attributes.get("supported_color_modes") or ()}
    if entity.domain != "light" or not modes:
        return True
    if call.tool in DIMMING or call.arguments.get("brightness") is not None:
        return modes != {"onoff"}
    if call.arguments.get("color") is not None:
        return bool(modes & COLOURS)
    return call.arguments.get("temperature") is None or bool(modes & {"color_temp", *COLOURS})


def resting(entity: Entity, state: State) -> bool:
    """Whether a device is off or closed."""
    return state.state in RESTING.get(entity.domain, OFF)


def stirs(call: Call, entity: Entity, state: State) -> bool:
    """Whether there is something to turn off or close; True where that is not known. Of what is
    turned on this tells nothing: who wants light may have some already."""
    if call.tool != "HassTurnOff" or entity.domain == "lock" or not state.available:
        return True
    return not resting(entity, state)


class Sense:
    """Knows the things of one home and their states."""

    def __init__(self, places: Places, states: States) -> None:
        self._places = places
        self._states = states

    def settled(self, reading: Reading, text: str, words: Words) -> Reading:
        """The reading without a question that the home answers, and for the one light of a room
        that 'the light' is."""
        if reading.question and len(reading.choices) > 1 and not reading.calls:
            return self._answered(reading, text, words)
        return self._one_light(reading, text, words)

    def _answered(self, reading: Reading, text: str, words: Words) -> Reading:
        """The reading of the only choice that makes sense, if there is one."""
        choices = dict(reading.choices)
        meant = {label: list(self._meant(calls)) for label, calls in choices.items()}
        if not all(meant.values()):
            return reading
        if exact := self._exact(meant, text, words):
            return self._taken(reading, choices[exact], "called exactly so")
        if self._several(meant, text, words):
            return self._all_there(reading, meant, text, words)
        for why, fits in (("the only one that can", able), ("the only one that is not so", stirs)):
            fitting = {
                label: chosen
                for label, pairs in meant.items()
                if (chosen := [(c, e) for c, e in pairs if fits(c, e, self._states(e.entity_id))])
            }
            if len(fitting) != 1:
                continue
            ((label, chosen),) = fitting.items()
            if len(chosen) == 1:
                return self._taken(reading, (self._named(*chosen[0]),), why)
            one = self._one_light(self._taken(reading, choices[label], why), text, words)
            if any("name" in call.arguments for call in one.calls):
                return one
        return reading

    def _taken(self, reading: Reading, calls: tuple[Call, ...], why: str) -> Reading:
        return replace(
            reading,
            calls=calls,
            question=None,
            choices={},
            why=f"{reading.why}; {why}",
            targets=targets(self._slots(call) for call in calls),
        )

    def _slots(self, call: Call) -> dict[str, Any]:
        slots = self._places.meant(call).arguments
        return {slot: value for slot, value in slots.items() if slot in TARGET_SLOTS}

    def _meant(self, calls: Sequence[Call]) -> Iterator[tuple[Call, Entity]]:
        for call in calls:
            for entity in self._places.actable(call.tool, self._slots(call)):
                yield call, entity

    def _exact(
        self, meant: Mapping[str, Sequence[tuple[Call, Entity]]], text: str, words: Words
    ) -> str | None:
        """The choice whose own name is all that was said of any of them: 'the light in the
        bedroom' is the Bedroom Light, where there is a Guest Bedroom Light."""
        said = set(normal(text).split())
        known = {label: self._words(pairs) for label, pairs in meant.items()}
        told = said & set().union(*(own | around for own, around in known.values()))
        found = [label for label, (own, _) in known.items() if own and own == told]
        return found[0] if len(found) == 1 else None

    def _several(
        self, meant: Mapping[str, Sequence[tuple[Call, Entity]]], text: str, words: Words
    ) -> bool:
        """Whether several things were spoken of: 'the curtains', of a left and a right curtain."""
        pairs = [pair for both in meant.values() for pair in both]
        singular = {word for _, e in pairs for word in normal(e.name).split()}
        for _, e in pairs:
            singular |= set(words.kinds_of(e.domain, e.device_class, e.name))
        said = set(normal(text).split())
        return bool(said & words.many) or any(
            word.startswith(one) and 0 < len(word) - len(one) <= LONGEST_PLURAL
            for word in said
            for one in singular
            if len(one) > LONGEST_PLURAL
        )

    def _all_there(
        self,
        reading: Reading,
        meant: Mapping[str, Sequence[tuple[Call, Entity]]],
        text: str,
        words: Words,
    ) -> Reading:
        """All of several lights that are in one room, and called so: 'the bedside lamps' of
        Tom's and Priya's bedside lamp. Of other things it is asked."""
        pairs = [pair for both in meant.values() for pair in both]
        rooms = {entity.area_id for _, entity in pairs}
        lights = all(entity.domain == "light" for _, entity in pairs)
        many = set(normal(text).split()) & words.many
        if not many or not lights or len(rooms) != 1 or None in rooms:
            return reading
        calls = tuple(self._named(call, entity) for call, entity in pairs)
        return self._taken(reading, calls, "all that are called so")

    def _words(self, pairs: Sequence[tuple[Call, Entity]]) -> tuple[set[str], set[str]]:
        """The words of a thing's own name, and those of the room it is in."""
        if len(pairs) != 1:
            return set(), {w for _, e in pairs for w in normal(self._places.full_name(e)).split()}
        (_, entity) = pairs[0]
        area = self._places.areas.get(entity.area_id or "")
        return set(normal(entity.name).split()), set(normal(area.name).split() if area else ())

    def _one_light(self, reading: Reading, text: str, words: Words) -> Reading:
        """'The bedroom light' is not its nightstand lamp."""
        said = set(normal(text).split())
        if len(reading.calls) != 1 or not said & words.one_light or said & words.many:
            return reading
        if any(f" {phrase} " in f" {normal(text)} " for phrase in words.all):
            return reading
        (call,) = reading.calls
        slots = self._slots(call)
        if call.tool in QUESTIONS or "name" in slots or "area" not in slots:
            return reading
        lights = self._places.actable(call.tool, slots)
        if len(lights) < 2 or any(light.domain != "light" for light in lights):
            return reading
        light = self._main(lights, said, words)
        if light is None:
            return reading
        dark = [e for e in lights if resting(e, self._states(e.entity_id))]
        others = len(dark) < len(lights)
        if call.tool != "HassTurnOn" and light in dark and others:
            return reading  # what is on was meant
        return self._taken(reading, (self._named(call, light),), "the one called a light")

    def _named(self, call: Call, entity: Entity) -> Call:
        """The same for one thing."""
        kept = {k: v for k, v in call.arguments.items() if k == "domain" or k not in TARGET_SLOTS}
        response = call.response if "name" in call.arguments else "default"
        return self._places.call(call.tool, {**kept, "name": entity.entity_id}, response)

    def _main(self, lights: Sequence[Entity], said: set[str], words: Words) -> Entity | None:
        """The one light of a room that is just a light: with nothing in its name but what was
        said, what the room is called, and what makes it the main one."""
        found = []
        for light in lights:
            area = self._places.areas.get(light.area_id or "")
            room = set(normal(area.name).split() if area else ())
            own = set(normal(light.name).split())
            if own & words.one_light and own - room - words.main <= said:
                found.append(light)
        return found[0] if len(found) == 1 else None
