"""The class of a service for a device: R0 tells, R1 acts, R2 is asked for first, R3 lets somebody
in or takes protection away.

It follows from what the device is (domain, class, and all its names) and from the direction:
locking, closing and arming never ask. No state is needed where the service tells; where it only
says 'toggle', or a position, what is not known counts as the worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hub.home.guarded import OPAQUE, is_camera, is_heater, is_oven, is_window, lets_in
from hub.home.things import Entity, State, normal

RISKS = ("R0", "R1", "R2", "R3")
R0, R1, R2, R3 = RISKS

HEATING = 3.0
"""Degrees by which the heating may be set away from what it is at, and nobody is asked."""
WATER, HOTTEST = 10.0, 60.0
"""The same for water, and degrees from which it scalds."""

PROGRAMS = frozenset({"ai_task", "assist_satellite", "conversation", "image_processing", "update"})
"""Domains that do what they are told in words, or change what runs."""
CLOSING = {
    "alarm_control_panel": frozenset(
        f"alarm_arm_{how}" for how in ("away", "home", "night", "vacation", "custom_bypass")
    ),
    "automation": frozenset({"turn_off", "reload"}),
    "cover": frozenset({"close_cover", "stop_cover", "close_cover_tilt", "stop_cover_tilt"}),
    "lock": frozenset({"lock"}),
    "scene": frozenset({"reload"}),
    "script": frozenset({"turn_off", "reload"}),
    "valve": frozenset({"close_valve", "stop_valve"}),
}
"""Domain -> services that close, lock, arm or stop."""
POSITIONS = {
    "set_cover_position": ("position", "current_position"),
    "set_cover_tilt_position": ("tilt_position", "current_tilt_position"),
    "set_valve_position": ("position", "current_position"),
}
"""Service -> where it is told to go, and the attribute that has where it is. 0 is closed."""
OFF = frozenset({"off", "unavailable", "unknown"})


@dataclass(frozen=True, slots=True)
class Harm:
    """What may come of something."""

    risk: str = R1
    why: str = "plain"
    """Why it is of this class, as `hub/policy/words.py` words it."""

    def worse(self, other: Harm) -> Harm:
        """The worse of two."""
        return other if RISKS.index(other.risk) > RISKS.index(self.risk) else self


PLAIN = Harm()


def worst(harms: Iterable[Harm]) -> Harm:
    """The worst of several; nothing is R0."""
    found = Harm(R0, "tells")
    for each in harms:
        found = found.worse(each)
    return found


def harm(
    entity: Entity,
    service: str,
    data: Mapping[str, Any] | None = None,
    state: State | None = None,
    *,
    heating: float = HEATING,
) -> Harm:
    """What a service (`open_cover`) can do by means of a device. `state`: what the device reports
    now."""
    data, state = data or {}, state or State("unknown")
    domain, names = entity.domain, known_names(entity)
    if service in CLOSING.get(domain, ()):
        return PLAIN
    if domain == "lock":
        return Harm(R3, "unlocks")
    if domain == "alarm_control_panel":
        return Harm(R2, "alarms") if service == "alarm_trigger" else Harm(R3, "disarms")
    if domain in PROGRAMS:
        return Harm(R3, "programs")
    if domain in OPAQUE:
        return _opaque(entity, names)
    if entity.guarded or _lets_in(domain, entity.device_class, names):
        return PLAIN if _closes(domain, service, data, state) else Harm(R3, "lets_in")
    if _is_camera(domain, names):
        blind = service in ("turn_off", "toggle", "disable_motion_detection")
        return Harm(R3, "blinds") if blind else PLAIN
    if domain == "valve" or _is_window(domain, entity.device_class, names):
        if _closes(domain, service, data, state):
            return PLAIN
        return Harm(R2, "opens")
    if domain == "siren" and service != "turn_off":
        return Harm(R2, "alarms")
    if domain in ("climate", "water_heater") and service == "set_temperature":
        return _warmth(domain, data, state, heating)
    if _is_hot(domain, names) and not _switches_off(service, state):
        return Harm(R2, "hot")
    return PLAIN


def known_names(entity: Entity) -> tuple[str, ...]:
    """All names of a device, also those that its source gives it: a new name makes no harmless
    thing of a garage door, nor do letters that only look otherwise."""
    return _with_plain((*entity.names, *entity.told))


@lru_cache(maxsize=8192)
def _with_plain(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *map(normal, names))))


_lets_in = lru_cache(maxsize=8192)(lets_in)
_is_window = lru_cache(maxsize=8192)(is_window)
_is_camera = lru_cache(maxsize=8192)(is_camera)


@lru_cache(maxsize=8192)
def _is_hot(domain: str, names: tuple[str, ...]) -> bool:
    return is_oven(domain, names) or is_heater(domain, names)


def _opaque(entity: Entity, names: tuple[str, ...]) -> Harm:
    """What only sets other things off counts as the worst of them; its source has looked."""
    if entity.guarded or _lets_in(entity.domain, entity.device_class, names):
        return Harm(R3, "lets_in")
    if entity.guarded is None:
        return Harm(R2, "unknown")
    return PLAIN


def _closes(domain: str, service: str, data: Mapping[str, Any], state: State) -> bool:
    """Whether an opening is only made smaller."""
    if service in POSITIONS:
        wanted, now = POSITIONS[service]
        to, at = data.get(wanted), state.attributes.get(now)
        if not isinstance(to, int | float) or isinstance(to, bool):
            return False
        return to == 0 or (isinstance(at, int | float) and to <= at)
    if service == "toggle" and domain in ("cover", "valve"):
        return state.state in ("open", "opening")
    return False


def _switches_off(service: str, state: State) -> bool:
    if service == "toggle":
        return state.state not in OFF
    return service in ("turn_off", "stop")


def _warmth(domain: str, data: Mapping[str, Any], state: State, heating: float) -> Harm:
    now = state.attributes.get("temperature")
    if not isinstance(now, int | float):
        now = state.attributes.get("current_temperature")
    limit = WATER if domain == "water_heater" else heating
    low, high = state.attributes.get("min_temp"), state.attributes.get("max_temp")
    for name in ("temperature", "target_temp_low", "target_temp_high"):
        wanted = data.get(name)
        if wanted is None:
            continue
        try:
            degrees = float(wanted)
        except (TypeError, ValueError):
            return Harm(R2, "heating")
        bounds = [each for each in (low, high) if isinstance(each, int | float)]
        if domain == "climate" and len(bounds) == 2 and not bounds[0] <= degrees <= bounds[1]:
            continue  # it cannot do that anyway, which is no question
        at = state.attributes.get(name, now)
        if not isinstance(at, int | float):
            continue  # nobody knows what it is at; then any warmth is as good as another
        if not abs(degrees - at) <= limit or (domain == "water_heater" and degrees > HOTTEST):
            return Harm(R2, "heating")
    return PLAIN


def foreseen(
    tool: str, entity: Entity, arguments: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]] | None:
    """The service and data with which a tool of this name acts on a device, if that is known
    before it runs."""
    domain = entity.domain
    match tool:
        case "HassTurnOn":
            return ON.get(domain, "turn_on"), {}
        case "HassTurnOff":
            return OFF_BY.get(domain, "turn_off"), {}
        case "HassToggle":
            return "toggle", {}
        case "HassSetPosition" if domain in ("cover", "valve"):
            return f"set_{domain}_position", {"position": _number(arguments.get("position"))}
        case "HassClimateSetTemperature":
            return "set_temperature", {"temperature": _number(arguments.get("temperature"))}
    return None


def called(tool: str, arguments: Mapping[str, Any]) -> Harm:
    """What a tool can do that has no single device: 'everything off' in the whole house."""
    if tool == "everything.off" and not arguments.get("area"):
        return Harm(R2, "everything")
    return Harm(R0, "tells")


ON = {
    "alarm_control_panel": "alarm_arm_away",
    "button": "press",
    "cover": "open_cover",
    "input_button": "press",
    "lock": "lock",
    "vacuum": "start",
    "valve": "open_valve",
}
OFF_BY = {
    "alarm_control_panel": "alarm_disarm",
    "cover": "close_cover",
    "lock": "unlock",
    "vacuum": "return_to_base",
    "valve": "close_valve",
}
"""Domain -> the service that 'turn on' and 'turn off' are there."""


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


ABOUT = {
    "alarm_control_panel": "alarm_disarm",
    "automation": "trigger",
    "button": "press",
    "camera": "turn_off",
    "climate": "set_temperature",
    "cover": "open_cover",
    "input_button": "press",
    "lock": "unlock",
    "valve": "open_valve",
    "water_heater": "set_temperature",
}


def highest(entity: Entity) -> Harm:
    """The worst that a plain command can do by means of a device; for lists."""
    data: dict[str, Any] = {}
    state = State("off")
    if entity.domain in ("climate", "water_heater"):
        data, state = {"temperature": 1000}, State("heat", {"temperature": 20})
    if _is_camera(entity.domain, known_names(entity)):
        return harm(entity, "turn_off", data, state)
    return harm(entity, ABOUT.get(entity.domain, "turn_on"), data, state)
