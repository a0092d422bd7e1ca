"""Calls as Home Assistant names them, for scorers that know only its intents.

The hub's own tools ('brighter', 'what is playing', 'everything off') do what an intent of Home
Assistant would do with other arguments: the brightness that followed, the player that plays. What
has no such intent stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.evaluate.stage import Answer, Shown
from hub.home.model import normal
from hub.messages import Call
from hub.ports import Inventory, SourceEntity
from hub.router.verbs import TWINS

WHERE = ("name", "area", "floor", "domain", "device_class")
"""Arguments that say which devices are meant."""
SOUNDING = ("playing", "paused", "buffering", "on", "idle")


def as_hass(call: Call, answer: Answer, inventory: Inventory) -> Call:
    """The call as an intent of Home Assistant, where there is one that does the same."""
    where = {key: value for key, value in call.arguments.items() if key in WHERE}
    if change := CHANGES.get(call.tool):
        return change(call, where, answer, inventory)
    if call.tool in TWINS:
        tool, given = TWINS[call.tool]
        plain = Call(tool, {**call.arguments, **given}, call.response)
        return (
            plain if tool == call.tool or tool not in CHANGES else as_hass(plain, answer, inventory)
        )
    if call.response == "lock" and "name" in where:
        return Call(call.tool, {**call.arguments, "domain": "lock"}, call.response)
    return call


def of_the_home(call: Call, answer: Answer, inventory: Inventory) -> bool:
    """Whether a call (as `as_hass` names it) is about the home: an intent of Home Assistant, or one
    of the hub's own tools that is about a device or a place. A calendar, a sum, a reminder or the
    name of a person is not."""
    if call.tool.startswith("Hass") or answer.meant or answer.touched or answer.changed:
        return True
    where = {key: value for key, value in call.arguments.items() if key in WHERE}
    return bool(where.keys() - {"name"}) or where.get("name") in _names(inventory)


def _names(inventory: Inventory) -> set[str]:
    entities = inventory.entities
    return {name for each in entities for name in (each.entity_id, each.name, *each.aliases)}


def _state(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
    return Call("HassGetState", dict(where), call.response)


def _playing(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
    """What plays there is the state of the player that plays, or of the only one."""
    if "name" in where:
        return _state(call, where, answer, inventory)
    players = [e for e in _there(where, inventory) if e.domain == "media_player"]
    for state in SOUNDING:
        if found := [e for e in players if answer.after[e.entity_id]["state"] == state]:
            return Call("HassGetState", {"name": found[0].name, "domain": "media_player"})
    kept = {"name": players[0].name} if len(players) == 1 else dict(where)
    return Call("HassGetState", {**kept, "domain": "media_player"})


def _weather(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
    stations = [entity.name for entity in inventory.entities if entity.domain == "weather"]
    return Call("HassGetWeather", {"name": stations[0]} if len(stations) == 1 else {})


def _off(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
    return Call("HassTurnOff", dict(where) if where else {"name": "all"})


def _locked(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
    return Call("HassTurnOn", {"domain": "lock"})


def _stopped(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
    return Call("HassStopMoving", dict(where))


def _to(tool: str, slot: str, attribute: str, whole: float) -> Callable[..., Call]:
    """A step up or down is the value that the first device has after it."""

    def change(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
        for key in (*answer.touched, *answer.changed):
            value = _number(answer.after, key, attribute)
            if value is not None:
                step = round(value / whole * 100) if whole else value
                return Call(tool, {**where, slot: step}, call.response)
        return call

    return change


def _number(shown: Shown, key: str, attribute: str) -> float | None:
    value = shown[key]["attributes"].get(attribute)
    return value if isinstance(value, int | float) else None


def _humid(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
    wanted = {"humidity": call.arguments["percent"]} if "percent" in call.arguments else {}
    return Call("HassHumidifierSetpoint", {**where, **wanted}, call.response)


def _measured(call: Call, where: Mapping[str, Any], answer: Answer, inventory: Inventory) -> Call:
    """Home Assistant's intent for temperatures knows thermostats alone: where a room has none, it
    is the state of its only thermometer."""
    there = _there(where, inventory) if where.get("area") else []
    sensors = [e for e in there if e.domain == "sensor" and e.device_class == "temperature"]
    if any(e.domain == "climate" for e in there) or len(sensors) != 1:
        return call
    return Call("HassGetState", {"name": sensors[0].name, "domain": "sensor"}, call.response)


def _there(where: Mapping[str, Any], inventory: Inventory) -> list[SourceEntity]:
    """The entities of a room, or all if none is named."""
    area = where.get("area")
    if area is None:
        return list(inventory.entities)
    ids = {
        each.area_id
        for each in inventory.areas
        if normal(str(area)) in map(normal, (each.area_id, each.name))
    }
    return [entity for entity in inventory.entities if entity.area in ids]


CHANGES: Mapping[str, Callable[[Call, Mapping[str, Any], Answer, Inventory], Call]] = {
    "HassClimateGetTemperature": _measured,
    "climate.cooler": _to("HassClimateSetTemperature", "temperature", "temperature", 0),
    "climate.warmer": _to("HassClimateSetTemperature", "temperature", "temperature", 0),
    "covers.stop": _stopped,
    "everything.off": _off,
    "questions.forecast": _weather,
    "humidifiers.set_humidity": _humid,
    "lights.brighter": _to("HassLightSet", "brightness", "brightness", 255),
    "lights.dimmer": _to("HassLightSet", "brightness", "brightness", 255),
    "locks.lock_all": _locked,
    "media.playing": _playing,
    "questions.attribute": _state,
}
