"""How skills act on the home: ask the devices, and wait until they say that they did it.

Nothing is queued or sent again. A device that does not answer in time has not done it as far as
anybody knows, and that is what is said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import DeviceError
from hub.home.colours import rgb
from hub.home.expect import Expectation, expected
from hub.home.guarded import lets_in, unknown
from hub.home.model import Area, Entity, Home, State
from hub.home.targets import resolve
from hub.messages import Outcome, StateChange
from hub.policy import R3, RISKS, Action, Harm, Policy
from hub.skill import Entities

log = logging.getLogger(__name__)

DID_NOT_ANSWER = "did not answer"
SIGN_SECONDS = 0.5
"""Seconds for which a sign is waited for of what leaves no certain state: a scene, 'next track'."""

UNAVAILABLE = "is unavailable"
UNTOLD = "has told nothing"
REFUSED = "refused"
BARRED = "needs an explicit yes"
HELD = "is asked about first"
OVER = "was wanted too late"

TELLING = frozenset(
    {("todo", "get_items"), ("calendar", "get_events"), ("weather", "get_forecasts")}
)
"""Home Assistant's services that change nothing and answer."""

COLOURS = frozenset({"hs", "rgb", "rgbw", "rgbww", "xy"})

ABILITIES: Mapping[tuple[str, str], tuple[int, str]] = {
    ("cover", "set_cover_position"): (4, "cannot be moved to a position"),
    ("cover", "stop_cover"): (8, "cannot be stopped"),
    ("valve", "set_valve_position"): (4, "cannot be moved to a position"),
    ("fan", "set_percentage"): (1, "has no speed to set"),
    ("climate", "set_fan_mode"): (8, "has no fan mode"),
    ("media_player", "media_pause"): (1, "cannot pause"),
    ("media_player", "volume_set"): (4, "has no volume to set"),
    ("media_player", "volume_mute"): (8, "cannot be muted"),
    ("media_player", "media_previous_track"): (16, "cannot go back"),
    ("media_player", "media_next_track"): (32, "cannot skip"),
    ("vacuum", "return_to_base"): (16, "cannot go back to its base"),
    ("vacuum", "clean_area"): (16384, "cannot clean single rooms"),
}
"""Domain and service -> the bit of Home Assistant's feature set it needs, and what is said of a
device that lacks it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What was not done, because something has to come first."""

    service: str
    """`unlock`"""
    entities: tuple[Entity, ...]
    data: Mapping[str, Any]
    harm: Harm


class Hands:
    """The `Home` that one run of a tool is given. `outcomes` collects what became of it.

    `timeout`: seconds a device has to report. Whatever the run wants to do that is worse than its
    `permit` (see `hub.policy`) is not done, and is in `held`; so is all that comes after it for
    the same devices."""

    def __init__(
        self, home: Home, timeout: float, policy: Policy | None = None, permit: str = R3
    ) -> None:
        self.outcomes: list[Outcome] = []
        self.held: list[Held] = []
        self.over = False
        """The run has ended, or its time has: nothing is done any more."""
        self._home = home
        self._timeout = timeout
        self._policy = policy
        self._permit = permit

    async def call(self, service: str, entities: Sequence[Entity], /, **data: Any) -> list[Outcome]:
        """Call a service such as `light.turn_on` for all entities at once and wait, at most for
        the timeout, until each reports what was asked for.

        What goes wrong with a device is told in its outcome and stops no other."""
        domain, _, name = service.partition(".")
        if not domain or not name:
            raise DeviceError(f"'{service}' is not a service; one is named like 'light.turn_on'")
        if domain == "homeassistant":
            return await self._each_domain(name, entities, data)
        data = _settled(data)
        attempts = [_Attempt(self._home, domain, name, data, entity) for entity in entities]
        self._hold_back(domain, name, data, attempts)
        reachable = [attempt for attempt in attempts if attempt.error is None]
        by_source: dict[str, list[_Attempt]] = {}
        for attempt in reachable:
            by_source.setdefault(attempt.entity.source, []).append(attempt)
        await asyncio.gather(
            *(self._ask(domain, name, data, group) for group in by_source.values())
        )
        outcomes = [attempt.outcome() for attempt in attempts]
        self.outcomes += outcomes
        return outcomes

    def permitted(self, permit: str) -> None:
        """Somebody has said yes to what it is about to do."""
        if RISKS.index(permit) > RISKS.index(self._permit):
            self._permit = permit

    @property
    def yes_permits(self) -> str:
        """The class that a plain yes allows."""
        return (self._policy or Policy.plain()).permit(True)

    def _hold_back(
        self, domain: str, service: str, data: Mapping[str, Any], attempts: Sequence[_Attempt]
    ) -> None:
        """Leave out what must not be done, or not yet. Here everything passes, whoever wants it."""
        if self.over:
            for attempt in attempts:
                attempt.error = OVER
            return
        if self._policy is None or self._policy.off:
            return
        held: dict[Harm, list[_Attempt]] = {}
        for attempt in attempts:
            entity = attempt.entity
            if attempt.error is not None:
                continue
            if entity.domain != domain:
                attempt.error = REFUSED  # a service of another domain would pass by its class
                continue
            found = self._policy.harm(entity, service, data, self.state(entity))
            if RISKS.index(found.risk) > RISKS.index(self._permit):
                held.setdefault(found, []).append(attempt)
        for found, several in held.items():
            for attempt in several:
                attempt.error = HELD
            entities = tuple(attempt.entity for attempt in several)
            self.held.append(Held(service, entities, dict(data), found))
            action = Action(entities=entities, service=service, data=data, permit=self._permit)
            self._policy.note("held", action, found)

    async def _each_domain(
        self, service: str, entities: Sequence[Entity], data: Mapping[str, Any]
    ) -> list[Outcome]:
        """A service that all domains have, such as `turn_on`, from each domain's own."""
        by_domain: dict[str, list[Entity]] = {}
        for entity in entities:
            by_domain.setdefault(entity.domain, []).append(entity)
        done = await asyncio.gather(
            *(
                self.call(f"{domain}.{service}", group, **data)
                for domain, group in by_domain.items()
            )
        )
        return [outcome for group in done for outcome in group]

    async def _ask(
        self, domain: str, service: str, data: Mapping[str, Any], attempts: Sequence[_Attempt]
    ) -> None:
        """Ask the devices of one source, and wait for their reports."""
        news = asyncio.Event()
        waiting = {attempt.entity.entity_id for attempt in attempts}

        def watch(change: StateChange) -> None:
            if change.entity_id in waiting:
                news.set()

        stop = self._home.watch(watch)
        refused = False
        try:
            async with asyncio.timeout(self._timeout) as limit:
                ids = [attempt.entity.entity_id for attempt in attempts]
                try:
                    await self._home.call_service(domain, service, ids, data)
                except DeviceError as error:
                    log.warning("%s.%s: %s", domain, service, error)
                    refused = True
                for attempt in attempts:
                    attempt.sent = True
                if refused or not any(attempt.certain for attempt in attempts):
                    soon = asyncio.get_running_loop().time() + SIGN_SECONDS
                    limit.reschedule(min(soon, limit.when() or soon))
                while not all(attempt.settled() for attempt in attempts):
                    await news.wait()
                    news.clear()
        except TimeoutError:
            pass  # each attempt knows whether its device has reported
        finally:
            stop()
        if refused:
            for attempt in attempts:
                attempt.refuse()

    async def ask(self, service: str, entity: Entity, /, **data: Any) -> Any:
        """What a service that only tells answers of an entity; None if it cannot be asked."""
        domain, _, name = service.partition(".")
        if (domain, name) not in TELLING:
            raise DeviceError(f"'{service}' does more than to tell, or is unknown")
        try:
            async with asyncio.timeout(self._timeout):
                return await self._home.ask(domain, name, entity.entity_id, data)
        except (TimeoutError, DeviceError) as error:
            log.warning("%s of %s: %s", service, entity.entity_id, error or "no answer in time")
            return None

    def state(self, entity: Entity) -> State:
        return self._home.state(entity.entity_id)

    def lets_in(self, entity: Entity) -> bool:
        """Whether it may open a way into the house, or is not to be switched among others."""
        if self._policy is not None and self._policy.highest(entity).risk == R3:
            return True
        if entity.guarded or unknown(entity.domain, entity.guarded):
            return True
        return lets_in(entity.domain, entity.device_class, entity.names)

    def area(self, entity: Entity) -> Area | None:
        return self._home.area_of(entity)

    def find(
        self,
        *,
        name: str | None = None,
        area: str | None = None,
        floor: str | None = None,
        domains: Sequence[str] = (),
        device_class: str | None = None,
    ) -> Entities:
        """Entities that fit all that is given; none if an area or floor does not exist."""
        slots = {"name": name, "area": area, "floor": floor, "device_class": device_class}
        found = resolve(self._home, slots, domains=domains)
        several = found.missing.candidates if found.missing else ()
        if found.missing and found.missing.reason == "several":
            return Entities(several)
        return Entities(found.entities)


class _Attempt:
    """One device and what it is asked for."""

    def __init__(
        self, home: Home, domain: str, service: str, data: Mapping[str, Any], entity: Entity
    ) -> None:
        self.entity = entity
        self.sent = False
        self._home = home
        before = home.state(entity.entity_id)
        test = expected(domain, service, data, entity, before)
        self.certain = test is not None
        """Whether its state will tell that it has obeyed. If not, any change is a good sign, and
        none is no failure."""
        self._test: Expectation = test or (lambda state: state != before)
        self._already = self._test(before)
        self.error = hindrance(entity, before) or _inability(entity, service, data, before)

    def settled(self) -> bool:
        """Whether nothing more is to be waited for."""
        state = self._home.state(self.entity.entity_id)
        return state.state == "unavailable" or self._test(state)

    def refuse(self) -> None:
        """The source could not pass it on, or would not. What a device reported still counts."""
        if not self.settled():
            self.error = REFUSED

    def outcome(self) -> Outcome:
        state = self._home.state(self.entity.entity_id)
        error = self.error
        confirmed = error is None and state.available and self._test(state)
        if error is None and not confirmed:
            if state.state == "unavailable":
                error = UNAVAILABLE
            elif self.certain or not self.sent:
                error = DID_NOT_ANSWER
        return Outcome(
            self.entity.entity_id,
            self.entity.name,
            state.state,
            confirmed,
            changed=not (confirmed and self._already),
            error=error,
        )


def hindrance(entity: Entity, state: State) -> str | None:
    """Why nothing is done with a device now, whatever it is, as the end of a sentence."""
    if entity.barred:
        return BARRED
    return UNAVAILABLE if state.state == "unavailable" else None


def _settled(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data without what says nothing, and colours as numbers, which every device source
    understands. Raises DeviceError for a colour that nobody knows."""
    settled = {key: value for key, value in data.items() if value is not None}
    if name := settled.pop("color_name", None):
        colour = rgb(str(name))
        if colour is None:
            raise DeviceError(
                f"there is no colour '{name}'", spoken=f"Sorry, I do not know the colour {name}."
            )
        settled["rgb_color"] = colour
    return settled


def _inability(entity: Entity, service: str, data: Mapping[str, Any], before: State) -> str | None:
    """What a device lacks for this, as the end of a sentence."""
    if entity.domain == "light" and service == "turn_on":
        return _light_inability(data, before)
    if entity.domain == "climate" and service == "set_temperature":
        return _climate_inability(data, before)
    feature, lacks = ABILITIES.get((entity.domain, service), (0, ""))
    return lacks if feature and not entity.can(feature) else None


def _light_inability(data: Mapping[str, Any], before: State) -> str | None:
    modes = set(before.attributes.get("supported_color_modes") or ())
    if not modes:
        return None
    if modes <= {"onoff"} and {"brightness", "brightness_pct"} & set(data):
        return "cannot be dimmed"
    if "rgb_color" in data and not modes & COLOURS:
        return "cannot show colours"
    if "color_temp_kelvin" in data and "color_temp" not in modes:
        return "cannot change its shade of white"
    return None


def _climate_inability(data: Mapping[str, Any], before: State) -> str | None:
    low, high = (before.attributes.get(key) for key in ("min_temp", "max_temp"))
    wanted = data.get("temperature")
    if low is None or high is None or wanted is None or low <= wanted <= high:
        return None
    return f"goes only from {low:g} to {high:g} degrees"
