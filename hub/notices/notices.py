"""Watches the home for what somebody wants to be told of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from hub.config import NoticeSettings
from hub.errors import StorageError
from hub.home.model import Entity, Home, normal
from hub.keeping import on_disk
from hub.messages import StateChange
from hub.routines import wording
from hub.routines.making import FINISHED, OUTSIDE, words_of
from hub.skill import Where
from hub.timers.book import Notes
from hub.timers.clock import Time
from hub.timers.waiting import full
from hub.timers.wording import duration

log = logging.getLogger(__name__)

KEY = "notices"
KINDS = ("danger", "windows", "batteries", "appliances")
EVERY = 60.0
"""Seconds between looks at what has been open for long."""
MORE = 10.0
"""Percent that a battery must have gained before it is told of again."""

DANGERS = {
    "moisture": ("Water at the {name}!", "Wasser: {name}!"),
    "smoke": ("Smoke at the {name}!", "Rauch: {name}!"),
    "gas": ("Gas at the {name}!", "Gas: {name}!"),
    "carbon_monoxide": ("Carbon monoxide at the {name}!", "Kohlenmonoxid: {name}!"),
}
OPENINGS = frozenset({"door", "garage_door", "opening", "window"})
APPLIANCES = frozenset(
    "washing machine washer dishwasher dryer tumble waschmaschine trockner spulmaschine "
    "geschirrspuler bread oven backofen".split()
)
"""Words in the names of what finishes, in normal form."""

SAY: Mapping[str, tuple[str, str]] = {
    "open": ("The {name} has been open for {length}, and it is {degrees} degrees outside.",
             "{name} ist seit {length} offen, und draußen sind es {degrees} Grad."),
    "battery": ("The battery of the {name} is low.", "Die Batterie von {name} ist fast leer."),
    "finished": ("The {name} has finished.", "{name} ist fertig."),
    "on_danger": ("I will tell you of water, smoke and gas at once.",
                  "Bei Wasser, Rauch und Gas melde ich mich sofort."),
    "on_windows": ("I will tell you when a window or door is open for {length} at frost.",
                   "Ich melde mich, wenn bei Frost ein Fenster oder eine Tür {length} offen ist."),
    "on_batteries": ("I will tell you when a battery is low.",
                     "Ich melde mich, wenn eine Batterie fast leer ist."),
    "on_appliances": ("I will tell you when an appliance has finished.",
                      "Ich melde mich, wenn ein Gerät fertig ist."),
    "off": ("All right, I will not tell you of that any more.",
            "In Ordnung, davon sage ich nichts mehr."),
    "nothing": ("You are told of nothing unasked.", "Ungefragt melde ich nichts."),
    "no_outside": ("But I know no temperature outside.",
                   "Aber ich kenne keine Außentemperatur."),
}  # fmt: skip


class Announce(Protocol):
    """As `hub.skills.aloud.Aloud.announce`."""

    def __call__(
        self, text: str, *, language: str, area: str | None = None, urgent: bool = False
    ) -> None: ...


def say(key: str, language: str, **values: object) -> str:
    return wording.pick(SAY[key], language).format(**values)


class Notices:
    """What is watched for. `settings` say what is wanted; so may people."""

    def __init__(
        self,
        home: Home,
        time: Time,
        settings: NoticeSettings,
        notes: Notes | None = None,
        *,
        language: str = "en",
    ) -> None:
        self._home = home
        self._time = time
        self._settings = settings
        self._notes = notes
        self._language = language
        self._wanted: dict[str, bool] = {}
        """What people have said, by kind; it goes before the settings."""
        self._told: set[str] = set()
        """What was told of, and is still so."""
        self._open: dict[str, float] = {}
        """Windows and doors, and since when they are open (the steady clock)."""
        self._announce: Announce | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Remember what was wanted. What cannot be read is logged."""
        if self._notes is None:
            return
        try:
            known = (await self._notes.load()).get(KEY, {})
        except StorageError as error:
            log.error("which notices were wanted cannot be read: %s", error)
            return
        wanted = dict(known.get("wanted", {}))
        self._wanted = {kind: bool(wanted[kind]) for kind in KINDS if kind in wanted}
        self._told = {str(each) for each in known.get("told", ())}

    async def close(self) -> None:
        self._stop()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._notes is not None:
            await self._notes.close()

    def begin(self, announce: Announce) -> None:
        """From now on. What is dangerous, or low, already is told of, too."""
        self._announce = announce
        self._stop()
        self._stop = self._home.watch(self._changed)
        if self._task is None:
            self._task = asyncio.create_task(self._look_again(), name="notices")

    def _keep(self) -> None:
        if self._notes is not None:
            self._notes.put(KEY, {"wanted": self._wanted, "told": sorted(self._told)})

    def wants(self, kind: str) -> bool:
        """Whether somebody wants to be told of such a thing."""
        return self._wanted.get(kind, bool(getattr(self._settings, kind)))

    # --- for the skill ---------------------------------------------------------------------------

    async def want(self, kind: str, wanted: bool, where: Where) -> str:
        """Tell of a kind of thing from now on, or no more; what is said to that."""
        language = where.language
        self._wanted[kind] = wanted
        self._keep()
        await on_disk(self._notes)
        if not wanted:
            return say("off", language)
        length = duration(self._settings.open_minutes * 60, language)
        told = say(f"on_{kind}", language, length=length)
        if kind == "windows" and self.outside() is None:
            told = f"{told} {say('no_outside', language)}"
        self._look()
        return told

    def all(self, where: Where) -> str:
        """What is told of."""
        language = where.language
        length = duration(self._settings.open_minutes * 60, language)
        told = [say(f"on_{kind}", language, length=length) for kind in KINDS if self.wants(kind)]
        return " ".join(told) or say("nothing", language)

    # --- watching --------------------------------------------------------------------------------

    def _changed(self, change: StateChange) -> None:
        entity = self._home.entities.get(change.entity_id)
        if entity is None:
            return
        self._at(entity, change.state)
        fresh = change.before not in (None, "unknown", "unavailable", change.state)
        if fresh and self.wants("appliances") and _finishes(entity, change):
            self._tell(say("finished", self._language, name=entity.name))

    def _at(self, entity: Entity, state: str) -> None:
        """What a state is worth saying."""
        if entity.domain == "binary_sensor" and entity.device_class in DANGERS:
            self._danger(entity, state)
        elif entity.device_class == "battery":
            self._battery(entity, state)
        elif entity.domain == "binary_sensor" and entity.device_class in OPENINGS:
            if state == "on":
                self._open.setdefault(entity.entity_id, self._time.steady())
            else:
                self._open.pop(entity.entity_id, None)
                self._is_over(f"open {entity.entity_id}")

    def _danger(self, entity: Entity, state: str) -> None:
        key = f"danger {entity.entity_id}"
        if state == "off":
            self._is_over(key)
        elif state == "on" and self.wants("danger") and self._first(key):
            text = wording.pick(DANGERS[entity.device_class or ""], self._language)
            self._tell(text.format(name=entity.name), urgent=True)

    def _battery(self, entity: Entity, state: str) -> None:
        key = f"battery {entity.entity_id}"
        level = _number(state)
        if entity.domain == "binary_sensor":
            low, well = state == "on", state == "off"
        elif entity.domain == "sensor" and level is not None:
            low = level <= self._settings.battery_percent
            well = level >= self._settings.battery_percent + MORE
        else:
            return
        if well:
            self._is_over(key)
        elif low and self.wants("batteries") and self._first(key):
            self._tell(say("battery", self._language, name=_owner(entity)))

    def _first(self, key: str) -> bool:
        if key in self._told or self._announce is None:
            return False
        self._told.add(key)
        self._keep()
        return True

    def _is_over(self, key: str) -> None:
        if key in self._told:
            self._told.discard(key)
            self._keep()

    def _tell(self, text: str, *, urgent: bool = False) -> None:
        if self._announce is not None:
            self._announce(text, language=self._language, urgent=urgent)

    async def _look_again(self) -> None:
        while True:
            self._look()
            await full(self._time, EVERY)

    def _look(self) -> None:
        for entity in tuple(self._home.entities.values()):
            self._at(entity, self._home.state(entity.entity_id).state)
        outside = self.outside() if self.wants("windows") else None
        if outside is None or outside[1] > self._settings.frost:
            return
        least = self._settings.open_minutes * 60
        for id, since in tuple(self._open.items()):
            found = self._home.entities.get(id)
            seconds = self._time.steady() - since
            if found is None or seconds < least or not self._first(f"open {id}"):
                continue
            length = duration(round(seconds / 300) * 300, self._language)
            degrees = wording.number(round(outside[0], 1), self._language)
            self._tell(say("open", self._language, name=found.name, length=length, degrees=degrees))

    def outside(self) -> tuple[float, float] | None:
        """The temperature outside as it is told, and in degrees Celsius; None if nobody knows."""
        for entity in self._home.entities.values():
            measures = entity.domain == "sensor" and entity.device_class == "temperature"
            if measures and self._is_outside(entity):
                state = self._home.state(entity.entity_id)
                unit = str(state.attributes.get("unit_of_measurement", ""))
                if (value := _number(state.state)) is not None:
                    return value, _celsius(value, unit)
        for entity in self._home.entities.values():
            if entity.domain == "weather":
                told: Mapping[str, Any] = self._home.state(entity.entity_id).attributes
                value = _number(told.get("temperature"))
                if value is not None:
                    return value, _celsius(value, str(told.get("temperature_unit", "")))
        return None

    def _is_outside(self, entity: Entity) -> bool:
        area = self._home.area_of(entity)
        words = words_of(entity) | (set(normal(area.name).split()) if area else set())
        return bool(words & OUTSIDE)


def _finishes(entity: Entity, change: StateChange) -> bool:
    """Whether an appliance has just finished."""
    if entity.domain not in ("binary_sensor", "sensor") or not words_of(entity) & APPLIANCES:
        return False
    if entity.domain == "binary_sensor" and entity.device_class in (None, "running", "power"):
        return change.before == "on" and change.state == "off"
    if entity.domain != "sensor" or entity.device_class not in (None, "enum"):
        return False
    return change.state in FINISHED and change.before not in FINISHED


def _owner(entity: Entity) -> str:
    """What a battery is of: 'Front Door' of 'Front Door Battery'."""
    drop = ("battery", "batterie", "level", "batteriestand", "ladestand")
    kept = [word for word in entity.name.split() if word.casefold() not in drop]
    return " ".join(kept) or entity.name


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _celsius(value: float, unit: str) -> float:
    return (value - 32) / 1.8 if "F" in unit else value
