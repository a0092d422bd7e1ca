"""Puts back what was done: by the skill's own function, or by the states of before.

What would let somebody in is never put back: a door that was just locked stays locked, whoever
says 'undo that'.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.cause import because, cause
from hub.home.guarded import lets_in, unknown
from hub.home.hands import Hands
from hub.home.model import Entity, Home, State
from hub.messages import Outcome

SWITCHED = ("fan", "humidifier", "input_boolean", "light", "remote", "siren", "switch")
"""Domains of which 'on' and 'off' are services."""
SETTLED = {
    "input_number": ("set_value", "value"),
    "input_select": ("select_option", "option"),
    "input_text": ("set_value", "value"),
    "number": ("set_value", "value"),
    "select": ("select_option", "option"),
    "text": ("set_value", "value"),
}
"""Domain -> the service that sets its state, and the name of the value."""
COLOURS = {
    "color_temp": "color_temp_kelvin",
    "hs": "hs_color",
    "rgb": "rgb_color",
    "xy": "xy_color",
}
"""Colour mode of a light -> the attribute that has its colour."""

Step = tuple[str, Mapping[str, Any]]
"""A service and its data."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done, and how it is undone."""

    what: str
    """Name of the tool."""
    undo: Callable[[], Awaitable[bool]]
    """Undoes it as far as that is possible; whether all of it was undone."""


class RememberingHands(Hands):
    """Hands that keep how each device was before."""

    def __init__(self, home: Home, timeout: float) -> None:
        super().__init__(home, timeout)
        self.before: dict[str, State] = {}
        self._cause = cause()

    async def call(self, service: str, entities: Sequence[Entity], /, **data: Any) -> list[Outcome]:
        for entity in entities:
            self.before.setdefault(entity.entity_id, self.state(entity))
        # A pack asks from a task of its own, which knows nothing of the turn.
        with because(self._cause):
            return await super().call(service, entities, **data)

    def changed(self) -> dict[str, State]:
        """The devices that are not as before."""
        done = {outcome.entity_id for outcome in self.outcomes if outcome.error is None}
        return {key: before for key, before in self.before.items() if key in done}


async def put_back(home: Home, before: Mapping[str, State], patience: float) -> bool:
    """Bring devices into their states of before. Whether all are so now."""
    hands = Hands(home, patience)
    whole = True
    for entity_id, state in before.items():
        entity = home.entities.get(entity_id)
        steps = restoring(entity, state, home.state(entity_id)) if entity else None
        if entity is None or steps is None:
            whole = False
            continue
        for service, data in steps:
            outcomes = await hands.call(service, [entity], **data)
            whole = whole and all(outcome.error is None for outcome in outcomes)
    return whole


def restoring(entity: Entity, before: State, now: State) -> list[Step] | None:
    """What brings a device back; nothing if it is as before, None if it cannot or must not be."""
    if before == now:
        return []
    domain = entity.domain
    if not before.available or not now.available:
        return None
    if _would_open(entity, before):
        return None
    if domain in SWITCHED:
        return _switched(domain, before)
    if domain in SETTLED:
        service, name = SETTLED[domain]
        return [(f"{domain}.{service}", {name: before.state})]
    if domain == "cover":
        return _cover(entity, before)
    if domain == "climate":
        return _climate(before)
    if domain == "media_player":
        return _player(before, now)
    if domain == "lock" and before.state == "locked":
        return [("lock.lock", {})]
    return None


def _would_open(entity: Entity, before: State) -> bool:
    """Whether the state of before is one that lets somebody in."""
    if entity.domain == "lock":
        return before.state != "locked"
    if entity.domain in ("alarm_control_panel", "button", "scene", "script", "automation", "valve"):
        return True
    guarded = bool(entity.guarded) or unknown(entity.domain, entity.guarded)
    may = guarded or lets_in(entity.domain, entity.device_class, entity.names)
    return may and before.state not in ("closed", "off", "locked")


def _switched(domain: str, before: State) -> list[Step]:
    if before.state == "off":
        return [(f"{domain}.turn_off", {})]
    data: dict[str, Any] = {}
    if domain == "light":
        if before.attributes.get("brightness") is not None:
            data["brightness"] = before.attributes["brightness"]
        name = COLOURS.get(str(before.attributes.get("color_mode")), "")
        if before.attributes.get(name) is not None:
            data[name] = before.attributes[name]
    steps: list[Step] = [(f"{domain}.turn_on", data)]
    if domain == "fan" and before.attributes.get("percentage") is not None:
        steps.append(("fan.set_percentage", {"percentage": before.attributes["percentage"]}))
    if domain == "humidifier" and before.attributes.get("humidity") is not None:
        steps.append(("humidifier.set_humidity", {"humidity": before.attributes["humidity"]}))
    return steps


def _cover(entity: Entity, before: State) -> list[Step]:
    position = before.attributes.get("current_position")
    if position is not None and entity.can(4) and 0 < position < 100:
        return [("cover.set_cover_position", {"position": position})]
    return [(f"cover.{'close' if before.state in ('closed', 'closing') else 'open'}_cover", {})]


def _climate(before: State) -> list[Step]:
    steps: list[Step] = [("climate.set_hvac_mode", {"hvac_mode": before.state})]
    if before.attributes.get("temperature") is not None and before.state != "off":
        warmth = {"temperature": before.attributes["temperature"]}
        steps.append(("climate.set_temperature", warmth))
    return steps


def _player(before: State, now: State) -> list[Step]:
    steps: list[Step] = []
    if before.state != now.state:
        service = {
            "off": "turn_off",
            "paused": "media_pause",
            "playing": "media_play",
            "idle": "media_stop",
        }.get(before.state, "turn_on")
        steps.append((f"media_player.{service}", {}))
    volume = before.attributes.get("volume_level")
    if volume is not None and volume != now.attributes.get("volume_level"):
        steps.append(("media_player.volume_set", {"volume_level": volume}))
    muted = before.attributes.get("is_volume_muted")
    if muted is not None and muted != now.attributes.get("is_volume_muted"):
        steps.append(("media_player.volume_mute", {"is_volume_muted": muted}))
    return steps
