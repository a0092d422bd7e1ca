"""A home that is not there: devices that behave as Home Assistant's do, from a file.

For trying Hearth without hardware, for demonstrations, and for tests. Devices can be made to fail
the way real ones do (`fault`): unplugged, slow, or deaf.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Collection,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from hub.devices import homefile
from hub.devices.behaviour import Device, act
from hub.errors import DeviceError, StorageError
from hub.home.guarded import asked_first, lets_in
from hub.messages import StateChange
from hub.ports import Inventory

log = logging.getLogger(__name__)

TRANSITION = 0.25
"""Seconds a moving thing (cover, lock, a vacuum on its way home) takes, unless told otherwise."""

UNLOCKING = ("lock.unlock", "lock.open", "cover.toggle")
CLOSING = frozenset({"cover.close_cover", "cover.stop_cover", "lock.lock"})
"""Services in a script after which nobody comes in."""


class States(Protocol):
    """Where the states are kept while the hub is not running: entity id -> document."""

    async def load(self) -> Mapping[str, Mapping[str, Any]]: ...

    def put(self, key: str, document: Mapping[str, Any]) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a device."""

    unavailable: bool = False
    """It is unplugged: it reports `unavailable`, and nothing reaches it."""
    ignores: bool = False
    """It takes commands and does nothing."""
    delay: float = 0.0
    """Seconds before it does what it is told."""


@dataclass(frozen=True, slots=True)
class _Move:
    """A device on its way to the state it already has in `Device`."""

    task: asyncio.Task[None]
    started: float
    shows: str
    origin: int | None
    """Position it started from, if it has one."""


class _Copies(Mapping[str, Device]):
    """Devices of their own, like others, each copied when it is first used."""

    def __init__(self, like: Mapping[str, Device]) -> None:
        self._like = like
        self._own: dict[str, Device] = {}

    def __getitem__(self, key: str) -> Device:
        if key not in self._own:
            like = self._like[key]
            self._own[key] = replace(like, attributes=dict(like.attributes))
        return self._own[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._like)

    def __len__(self) -> int:
        return len(self._like)


class SimulatedHome:
    """A `DeviceSource` that simulates the devices of an inventory.

    `transition`: seconds that moving things take; 0 for none. `states` keeps what the devices did
    over a restart."""

    name = "simulated"

    def __init__(
        self,
        inventory: Inventory,
        *,
        states: States | None = None,
        transition: float = TRANSITION,
    ) -> None:
        self._inventory = inventory
        self._store = states
        self._transition = transition
        self._loaded = states is None
        self._loading = asyncio.Lock()
        self._faults: dict[str, Fault] = {}
        self._listeners: set[asyncio.Queue[StateChange | None]] = set()
        self._moving: dict[str, _Move] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._names = {e.entity_id: (e.name, *e.aliases) for e in inventory.entities}
        self._guarded = {e.entity_id for e in inventory.entities if e.guarded}
        self._devices: Mapping[str, Device] = {
            entity.entity_id: Device(
                entity.entity_id,
                entity.name,
                entity.domain,
                entity.features,
                entity.state,
                dict(entity.attributes or {}),
            )
            for entity in inventory.entities
        }
        self._shown = {key: device.state for key, device in self._devices.items()}
        self._told: dict[str, StateChange] = {}

    def fork(self) -> SimulatedHome:
        """The same devices as they are now, without their faults and what they are about to do;
        nothing is kept of what they do. A device is copied when it is first used."""
        home = copy(self)
        home._devices, home._shown = _Copies(self._devices), dict(self._shown)
        home._store, home._loaded = None, True
        home._faults, home._moving, home._told = {}, {}, {}
        home._listeners, home._tasks = set(), set()
        return home

    @property
    def stirred(self) -> Collection[str]:
        """Devices that reported anything since the beginning."""
        return self._told.keys()

    @classmethod
    def from_file(
        cls,
        path: Path | None = None,
        *,
        states: States | None = None,
        transition: float = TRANSITION,
    ) -> SimulatedHome:
        """The home in a file (see `homefile`); without one the built-in home.

        Raises ConfigError when the file cannot be read or makes no sense."""
        return cls(homefile.load(path), states=states, transition=transition)

    async def inventory(self) -> Inventory:
        await self._load()
        entities = tuple(
            replace(
                entity,
                state=self._shown[entity.entity_id],
                attributes=self._reported(entity.entity_id),
                guarded=entity.guarded or self._leads(entity.entity_id),
                allowed=True,  # nothing can happen
            )
            for entity in self._inventory.entities
        )
        return replace(self._inventory, entities=entities)

    def _leads(self, entity_id: str) -> bool | None:
        """Whether a scene or script lets somebody in; None if it does what is asked for first."""
        if self._lets_in(entity_id):
            return True
        content = self._device(entity_id).attributes
        wanted = dict(content.get("entities") or {})
        steps = [repr(step) for step in content.get("sequence") or ()]
        if not wanted and not steps:
            return False  # nearly all: without this, a home of thousands takes minutes
        for key, device in self._devices.items():
            told = device.attributes.get("device_class")
            if not asked_first(device.domain, told, self._names.get(key, (device.name,))):
                continue
            if key in wanted and not _closes(wanted[key]):
                return None
            named = re.compile(rf"{re.escape(key)}(?!\w)")
            if any(named.search(step) and "turn_off" not in step for step in steps):
                return None
        return False

    def _lets_in(self, entity_id: str, above: frozenset[str] = frozenset()) -> bool:
        """Whether a scene or script may open a way into the house, itself or by way of another
        one. `above`: those that led to it. What is not plainly closing counts as opening."""
        content = self._device(entity_id).attributes
        above |= {entity_id}
        return any(
            self._entrance(key, above) and not _closes(wanted)
            for key, wanted in dict(content.get("entities") or {}).items()
        ) or any(self._step_lets_in(repr(step), above) for step in content.get("sequence") or ())

    def _step_lets_in(self, step: str, above: frozenset[str]) -> bool:
        """The same for a step of a script, as text: it may have any of Home Assistant's forms."""
        if any(service in step for service in UNLOCKING):
            return True
        meant = [key for key in self._devices if re.search(rf"{re.escape(key)}(?!\w)", step)]
        entrances = [key for key in meant if self._entrance(key, above)]
        # A step may close one thing and open another: all it does must be closing.
        services = set(re.findall(r"\b[a-z_]+\.[a-z_]+\b", step)) - set(meant)
        return bool(entrances) and not (services and services <= CLOSING)

    def _entrance(self, entity_id: str, above: frozenset[str]) -> bool:
        """Whether people may come in by a device, or by what a scene or script does."""
        device = self._devices.get(entity_id)
        if device is None:
            return entity_id.startswith(("lock.", "cover."))
        if device.domain in ("scene", "script"):
            return entity_id not in above and self._lets_in(entity_id, above)
        names = self._names.get(entity_id, (device.name,))
        guarded = device.domain == "lock" or entity_id in self._guarded
        return guarded or lets_in(device.domain, device.attributes.get("device_class"), names)

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        """As Home Assistant's: all devices at once; those that are unavailable are passed over.

        Raises DeviceError for an unknown entity, one of another domain, an unknown service, or
        data outside its range."""
        await self._load()
        devices = [self._device(entity_id) for entity_id in entity_ids]
        for device in devices:
            if domain not in (device.domain, "homeassistant"):
                raise DeviceError(f"{domain}.{service} is not for {device.entity_id}")
        for device in devices:
            fault = self._faults.get(device.entity_id, Fault())
            if fault.unavailable or fault.ignores:
                continue
            if fault.delay:
                self._spawn(self._later(fault.delay, device, service, data))
            else:
                await self._do(device, service, data)

    def changes(self) -> AsyncIterator[StateChange]:
        queue: asyncio.Queue[StateChange | None] = asyncio.Queue()
        self._listeners.add(queue)
        return self._listen(queue)

    async def close(self) -> None:
        tasks = [*self._tasks, *(move.task for move in self._moving.values())]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        for queue in self._listeners:
            queue.put_nowait(None)
        if self._store is not None:
            await self._store.close()

    # What a person or the weather does, and what goes wrong.

    def set_state(self, entity_id: str, state: str, **attributes: Any) -> None:
        """Something happened at the device itself: a hand on the switch, a door that opened.

        Raises DeviceError for an unknown entity."""
        self.become(entity_id, state, attributes)

    def become(self, entity_id: str, state: str, attributes: Mapping[str, Any]) -> None:
        """`set_state` with attributes of whatever names. Raises DeviceError likewise."""
        device = self._device(entity_id)
        self._halt(device)
        device.state = state
        device.attributes |= attributes
        self._show(device)

    def fault(
        self,
        entity_id: str,
        *,
        unavailable: bool = False,
        ignores: bool = False,
        delay: float = 0.0,
    ) -> None:
        """Break a device, or repair it (no arguments). Raises DeviceError if there is none."""
        device = self._device(entity_id)
        self._faults[entity_id] = Fault(unavailable, ignores, delay)
        self._show(device)

    def state(self, entity_id: str) -> str:
        """What the device reports. Raises DeviceError if there is none."""
        self._device(entity_id)
        return self._shown[entity_id]

    def attributes(self, entity_id: str) -> dict[str, Any]:
        """What the device reports. Raises DeviceError if there is none."""
        self._device(entity_id)
        return self._reported(entity_id)

    def _device(self, entity_id: str) -> Device:
        try:
            return self._devices[entity_id]
        except KeyError:
            raise DeviceError(f"there is no entity {entity_id}") from None

    async def _do(self, device: Device, service: str, data: Mapping[str, Any]) -> None:
        match device.domain, service:
            case "scene", "turn_on":
                await self._scene(device)
            case "script", "turn_on" | "toggle":
                await self._script(device)
            case _:
                self._act(device, service, data)

    def _act(self, device: Device, service: str, data: Mapping[str, Any]) -> None:
        self._halt(device)
        origin = device.attributes.get("current_position")
        meanwhile = act(device, service, data)
        if meanwhile and self._transition:
            task = asyncio.create_task(self._arrive(device), name=f"moving-{device.entity_id}")
            self._moving[device.entity_id] = _Move(task, time.monotonic(), meanwhile, origin)
        self._show(device)

    async def _arrive(self, device: Device) -> None:
        await asyncio.sleep(self._transition)
        del self._moving[device.entity_id]
        self._show(device)

    def _halt(self, device: Device) -> None:
        """Stop a device on its way; one with a position is then somewhere in between."""
        move = self._moving.pop(device.entity_id, None)
        if move is None:
            return
        move.task.cancel()
        goal = device.attributes.get("current_position")
        if move.origin is not None and goal is not None:
            way = min(1.0, (time.monotonic() - move.started) / self._transition)
            position = round(move.origin + (goal - move.origin) * way)
            device.attributes["current_position"] = position
            device.state = "open" if position else "closed"

    async def _later(
        self, delay: float, device: Device, service: str, data: Mapping[str, Any]
    ) -> None:
        await asyncio.sleep(delay)
        await self._do(device, service, data)

    async def _scene(self, scene: Device) -> None:
        """Bring every device of a scene into the state it has there."""
        wanted: Mapping[str, Any] = scene.attributes.get("entities") or {}
        for entity_id, state in wanted.items():
            for domain, service, data in _steps(entity_id, state):
                await self.call_service(domain, service, [entity_id], data)
        scene.state = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._show(scene)

    async def _script(self, script: Device) -> None:
        """Call the services of a script's `sequence`, one after the other."""
        script.state = "on"
        self._show(script)
        for step in script.attributes.get("sequence") or ():
            domain, _, service = str(step.get("action") or step.get("service")).partition(".")
            target = step.get("target") or {}
            given = target.get("entity_id") or step.get("entity_id") or []
            ids = [given] if isinstance(given, str) else list(given)
            await self.call_service(domain, service, ids, step.get("data") or {})
        script.state = "off"
        script.attributes["last_triggered"] = datetime.now(UTC).isoformat(timespec="seconds")
        self._show(script)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine, name="simulated-slow-device")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _reported(self, entity_id: str) -> dict[str, Any]:
        if self._faults.get(entity_id, Fault()).unavailable:
            return {}
        reported = self._devices[entity_id].reported()
        move = self._moving.get(entity_id)
        if move is not None and move.origin is not None:
            reported["current_position"] = move.origin
        return {k: v for k, v in reported.items() if k not in ("entities", "sequence")}

    def _show(self, device: Device) -> None:
        """Tell the listeners what a device now reports, if that is new, and keep it."""
        key = device.entity_id
        before, move = self._shown[key], self._moving.get(key)
        unavailable = self._faults.get(key, Fault()).unavailable
        shown = "unavailable" if unavailable else move.shows if move else device.state
        self._shown[key] = shown
        change = StateChange(key, shown, self._reported(key), before)
        told = self._told.get(key)
        if told and (told.state, told.attributes) == (change.state, change.attributes):
            return
        self._told[key] = change
        for queue in self._listeners:
            queue.put_nowait(change)
        if self._store is not None:
            self._store.put(key, {"state": device.state, "attributes": dict(device.attributes)})

    async def _listen(
        self, queue: asyncio.Queue[StateChange | None]
    ) -> AsyncGenerator[StateChange, None]:
        try:
            while (change := await queue.get()) is not None:
                yield change
        finally:
            self._listeners.discard(queue)

    async def _load(self) -> None:
        """Take up the states in which the home was left."""
        async with self._loading:
            if self._loaded or self._store is None:
                return
            try:
                kept = await self._store.load()
            except StorageError as error:
                log.error("%s; the home begins as its file says", error)
                kept = {}
            for key, document in kept.items():
                state, attributes = document.get("state"), document.get("attributes")
                device = self._devices.get(key)
                if device is None:
                    continue
                if not isinstance(state, str) or not isinstance(attributes, dict):
                    log.error("the state kept for %s makes no sense; its file's is taken", key)
                    continue
                device.state = state
                device.attributes |= attributes
                self._shown[key] = state
            self._loaded = True


Step = tuple[str, str, Mapping[str, Any]]

SERVICES: Mapping[tuple[str, str], str] = {
    ("cover", "open"): "open_cover",
    ("cover", "closed"): "close_cover",
    ("valve", "open"): "open_valve",
    ("valve", "closed"): "close_valve",
    ("lock", "locked"): "lock",
    ("lock", "unlocked"): "unlock",
    ("media_player", "playing"): "media_play",
    ("media_player", "paused"): "media_pause",
    ("vacuum", "cleaning"): "start",
    ("vacuum", "docked"): "return_to_base",
}
"""Domain and state -> the service that leads there; elsewhere turn_on and turn_off."""

LIGHT_DATA = ("brightness", "brightness_pct", "color_temp_kelvin", "rgb_color", "hs_color")


def _steps(entity_id: str, wanted: Any) -> list[Step]:
    """The service calls that bring an entity into the state a scene gives it."""
    given = dict(wanted) if isinstance(wanted, Mapping) else {"state": wanted}
    domain = entity_id.partition(".")[0]
    state = given.pop("state", "on")
    state = {True: "on", False: "off"}.get(state, state) if isinstance(state, bool) else str(state)
    if domain == "light":
        data = {key: value for key, value in given.items() if key in LIGHT_DATA}
        return [(domain, f"turn_{state}", data if state == "on" else {})]
    if domain in ("cover", "valve") and "current_position" in given:
        service = f"set_{domain}_position"
        return [(domain, service, {"position": given["current_position"]})]
    if domain == "climate":
        steps: list[Step] = [(domain, "set_hvac_mode", {"hvac_mode": state})]
        if "temperature" in given:
            steps.append((domain, "set_temperature", {"temperature": given["temperature"]}))
        return steps
    steps = [(domain, SERVICES.get((domain, state), f"turn_{state}"), {})]
    if domain == "media_player" and "volume_level" in given:
        steps.append((domain, "volume_set", {"volume_level": given["volume_level"]}))
    if domain == "fan" and "percentage" in given:
        steps.append((domain, "set_percentage", {"percentage": given["percentage"]}))
    return steps


def _closes(wanted: Any) -> bool:
    """Whether what a scene wants of a device keeps people out."""
    state = wanted.get("state") if isinstance(wanted, Mapping) else wanted
    position = wanted.get("current_position", 0) if isinstance(wanted, Mapping) else 0
    # YAML reads an unquoted off as False.
    return state in ("locked", "closed", "off", False) and position == 0
