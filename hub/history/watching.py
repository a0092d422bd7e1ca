"""Who caused what: service calls and changes of devices become deeds.

A change that follows a call which was passed on here belongs to that call, as long as the device
is on its way to what was asked for. Any other one was caused outside: by a hand at a switch, an
app, an automation elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.cause import Cause, cause
from hub.home.expect import Expectation, expected
from hub.home.model import Home, State
from hub.messages import StateChange

SOON = 10.0
"""Seconds within which a change of a device is a consequence of a call."""
SLOW = {"cover": 120.0, "valve": 120.0, "vacuum": 120.0, "lawn_mower": 120.0, "lock": 30.0}
"""The same, of domains that take their time."""
OTHERS = 3.0
"""Seconds within which changes of other devices are consequences of a scene or script."""
SETS_OTHERS = ("scene", "script", "automation", "group", "button", "input_button", "homeassistant")
"""Domains whose services may change any device."""
ON_THE_WAY = frozenset(
    "opening closing unlocking locking arming pending returning buffering jammed".split()
)
"""States that lead to another one."""
NO_STATE = (None, "unknown", "unavailable")
MOST_CALLS = 1000
"""Calls that are waited for at a time."""

DONE_TO = frozenset(
    "alarm_control_panel climate cover fan humidifier input_boolean input_number input_select"
    " lawn_mower light lock media_player number remote select siren switch vacuum valve"
    " water_heater".split()
)
"""Domains of devices of which it is told what was done to them."""
HAPPENS = frozenset("binary_sensor device_tracker event person".split())
"""Domains of which it is told what happened: what may be the reason for something."""
TOLD = DONE_TO | HAPPENS
SET: Mapping[str, tuple[str, str]] = {
    "temperature": ("climate", "set_temperature"),
    "brightness": ("light", "turn_on"),
    "percentage": ("fan", "set_percentage"),
    "humidity": ("humidifier", "set_humidity"),
    "volume_level": ("media_player", "volume_set"),
    "preset_mode": ("climate", "set_preset_mode"),
}
"""Attribute that people set -> domain and service that do it."""
SERVICES: Mapping[tuple[str, str], str] = {
    ("cover", "open"): "open_cover",
    ("cover", "closed"): "close_cover",
    ("valve", "open"): "open_valve",
    ("valve", "closed"): "close_valve",
    ("lock", "locked"): "lock",
    ("lock", "unlocked"): "unlock",
    ("media_player", "playing"): "media_play",
    ("media_player", "paused"): "media_pause",
    ("media_player", "idle"): "media_stop",
    ("media_player", "off"): "turn_off",
    ("vacuum", "cleaning"): "start",
    ("vacuum", "docked"): "return_to_base",
    ("alarm_control_panel", "disarmed"): "alarm_disarm",
    ("alarm_control_panel", "armed_home"): "alarm_arm_home",
    ("alarm_control_panel", "armed_away"): "alarm_arm_away",
    ("alarm_control_panel", "armed_night"): "alarm_arm_night",
}
"""Domain and state -> the service that leads to it."""
MODES = {
    "climate": ("set_hvac_mode", "hvac_mode"),
    "water_heater": ("set_operation_mode", "operation_mode"),
    "input_select": ("select_option", "option"),
    "select": ("select_option", "option"),
    "input_number": ("set_value", "value"),
    "number": ("set_value", "value"),
}
"""Domains whose state is a value -> the service that sets it, and its parameter."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A deed as it was seen."""

    entity_id: str
    service: str
    """Such as `light.turn_on`; empty for what only happened: a door that was opened."""
    data: Mapping[str, Any]
    before: str | None
    after: str | None
    why: Cause


@dataclass(slots=True)
class _Expected:
    """A call whose effect is waited for."""

    number: int
    until: float
    test: Expectation | None
    why: Cause
    reached: bool = False


class Watching:
    """Makes deeds of what is called and changes in a home.

    `keep` is given each deed and returns a number for it; `follow` is given that number, the
    device, and the state that it had afterwards. `steady`: seconds on a clock that only goes on."""

    def __init__(
        self,
        home: Home,
        keep: Callable[[Seen], int],
        follow: Callable[[int, str, str], None],
        steady: Callable[[], float],
    ) -> None:
        self._home = home
        self._keep = keep
        self._follow = follow
        self._steady = steady
        self._waiting: OrderedDict[str, _Expected] = OrderedDict()
        self._known: dict[str, State] = {}
        """The last state of each device in which it stays."""
        self._set_by: tuple[float, Cause] | None = None
        """Until when other devices change because of a scene, and why that was called."""
        self._stop: tuple[Callable[[], None], ...] = ()

    def begin(self) -> None:
        for entity_id in self._home.entities:
            self._known[entity_id] = self._home.state(entity_id)
        self._stop = (self._home.watch_calls(self._called), self._home.watch(self._changed))

    def end(self) -> None:
        for stop in self._stop:
            stop()
        self._stop = ()

    def _called(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        why = cause() or Cause("skill")
        now = self._steady()
        if domain in SETS_OTHERS:
            self._set_by = now + OTHERS, why
        for entity_id in entity_ids:
            entity = self._home.entities.get(entity_id)
            if entity is None:
                continue
            before = self._home.state(entity_id)
            test = expected(domain, service, data, entity, before)
            seen = Seen(entity_id, f"{domain}.{service}", data, before.state, None, why)
            if test is not None and test(before):
                seen = Seen(entity_id, seen.service, data, before.state, before.state, why)
            number = self._keep(seen)
            until = now + SLOW.get(entity.domain, SOON)
            self._waiting.pop(entity_id, None)
            self._waiting[entity_id] = _Expected(number, until, test, why)
        while len(self._waiting) > MOST_CALLS:
            self._waiting.popitem(last=False)

    def _changed(self, change: StateChange) -> None:
        entity_id = change.entity_id
        state = State(change.state, change.attributes)
        before = self._known.get(entity_id) or State(change.before or "unknown")
        if change.state not in NO_STATE and change.state not in ON_THE_WAY:
            self._known[entity_id] = state
        if change.state in NO_STATE or self._follows(entity_id, state):
            return
        entity = self._home.entities.get(entity_id)
        if entity is None or before.state in NO_STATE or change.before in NO_STATE:
            return  # it is only known again
        if change.state in ON_THE_WAY or entity.domain not in TOLD:
            return
        if found := _what(entity.domain, before, state):
            service, data = found
            why = self._of_a_scene() or Cause("outside")
            self._keep(Seen(entity_id, service, data, before.state, state.state, why))

    def _follows(self, entity_id: str, state: State) -> bool:
        """Whether a change is a consequence of a call."""
        waiting = self._waiting.get(entity_id)
        if waiting is None:
            return False
        if self._steady() > waiting.until:
            del self._waiting[entity_id]
            return False
        fits = waiting.test is None or waiting.test(state)
        if waiting.reached and not fits:
            del self._waiting[entity_id]
            return False
        waiting.reached = waiting.reached or (waiting.test is not None and fits)
        self._follow(waiting.number, entity_id, state.state)
        return True

    def _of_a_scene(self) -> Cause | None:
        if self._set_by is None:
            return None
        until, why = self._set_by
        if self._steady() > until:
            self._set_by = None
            return None
        return why


def _what(domain: str, before: State, now: State) -> tuple[str, dict[str, Any]] | None:
    """The service that would have done this, and its data; None if nothing was done."""
    if before.state != now.state:
        if domain in HAPPENS:
            return "", {}
        if domain in MODES:
            service, name = MODES[domain]
            return f"{domain}.{service}", {name: now.state}
        if named := SERVICES.get((domain, now.state)):
            return f"{domain}.{named}", {}
        service = {"on": "turn_on", "off": "turn_off"}.get(now.state, "")
        return f"{domain}.{service}" if service else "", _values(domain, now)
    for name, (of, service) in SET.items():
        value = now.attributes.get(name)
        if of == domain and value is not None and value != before.attributes.get(name):
            return f"{domain}.{service}", {name: value}
    return None


def _values(domain: str, now: State) -> dict[str, Any]:
    """What a device that was turned on is set to."""
    if now.state != "on":
        return {}
    return {
        name: now.attributes[name]
        for name, (of, _) in SET.items()
        if of == domain and now.attributes.get(name) is not None
    }
