"""What a device must report for a service call to have been obeyed.

The states and attributes are those of Home Assistant's integrations of each domain. None means
that nothing can be expected: a scene, a button or 'next track' leaves no state behind that tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.home.colours import alike
from hub.home.model import Entity, State

Expectation = Callable[[State], bool]
Data = Mapping[str, Any]

BRIGHTNESS = 3
"""Steps of 255 by which a lamp may round: a little more than one per cent."""
KELVIN = 0.06
"""Part by which a lamp may round a colour temperature: mireds are coarse."""


def expected(
    domain: str, service: str, data: Data, entity: Entity, before: State
) -> Expectation | None:
    """The test that the state of an entity passes once it has obeyed; None if there is none."""
    if service == "toggle":
        service = "turn_off" if before.state not in ("off", "closed") else "turn_on"
        if entity.domain in ("cover", "valve"):
            service = f"{'open' if service == 'turn_on' else 'close'}_{entity.domain}"
    find = DOMAINS.get(entity.domain, _on_or_off)
    return find(service, data, before)


def _is(*states: str) -> Expectation:
    return lambda state: state.state in states


def _near(attribute: str, wanted: Any, within: float) -> Expectation:
    """An attribute is a number near the one wanted."""

    def test(state: State) -> bool:
        value = state.attributes.get(attribute)
        return isinstance(value, int | float) and abs(value - float(wanted)) <= within

    return test


def _equal(attribute: str, wanted: Any) -> Expectation:
    return lambda state: state.attributes.get(attribute) == wanted


def _all(*tests: Expectation) -> Expectation:
    return lambda state: all(test(state) for test in tests)


TICKING = ("battery_", "media_position", "volume_level", "is_volume_muted", "last_")
"""Beginnings of attributes that change by themselves, or for another reason than the command."""


def _news(before: State) -> Expectation:
    """Something was reported since that the old state does not tell: what a robot or a player
    does already is no sign that it heard the next command."""

    def told(state: State) -> dict[str, Any]:
        attributes = state.attributes.items()
        return {"": state.state} | {k: v for k, v in attributes if not k.startswith(TICKING)}

    return lambda state: told(state) != told(before)


def _on_or_off(service: str, data: Data, before: State) -> Expectation | None:
    match service:
        case "turn_on":
            return lambda state: state.available and state.state not in ("off", "standby")
        case "turn_off":
            return _is("off", "standby")
    return None


def _light(service: str, data: Data, before: State) -> Expectation | None:
    if service == "turn_off":
        return _is("off")
    if service != "turn_on":
        return None
    tests = [_is("on")]
    level = data.get("brightness")
    if "brightness_pct" in data:
        level = float(data["brightness_pct"]) * 2.55
    if level is not None:
        if float(level) < 0.5:
            return _is("off")
        tests.append(_near("brightness", level, BRIGHTNESS))
    if (colour := data.get("rgb_color")) is not None:
        tests.append(lambda state: _shows(state, colour))
    if (kelvin := data.get("color_temp_kelvin")) is not None:
        low = before.attributes.get("min_color_temp_kelvin") or kelvin
        high = before.attributes.get("max_color_temp_kelvin") or kelvin
        wanted = min(high, max(low, kelvin))
        tests.append(_near("color_temp_kelvin", wanted, wanted * KELVIN))
    return _all(*tests)


def _shows(state: State, colour: Any) -> bool:
    shown = state.attributes.get("rgb_color")
    return shown is not None and len(shown) == 3 and alike(shown, colour)


def _opening(kind: str) -> Callable[[str, Data, State], Expectation | None]:
    def find(service: str, data: Data, before: State) -> Expectation | None:
        if service == f"open_{kind}":
            return lambda state: (
                state.state == "opening"
                or (
                    state.state == "open"
                    and state.attributes.get("current_position") in (None, 100)
                )
            )
        if service == f"close_{kind}":
            return _is("closed", "closing")
        if service == f"set_{kind}_position":
            return _moved(float(data["position"]), before)
        if service == f"stop_{kind}":
            return lambda state: state.state not in ("opening", "closing")
        return None

    return find


def _moved(position: float, before: State) -> Expectation:
    """It is at the position, or on its way there."""
    there = _near("current_position", position, 2)
    now = before.attributes.get("current_position")
    moving = None
    if isinstance(now, int | float) and now != position:
        moving = "opening" if position > now else "closing"
    return lambda state: there(state) or (moving is not None and state.state == moving)


def _lock(service: str, data: Data, before: State) -> Expectation | None:
    states = {"lock": ("locked",), "unlock": ("unlocked", "open"), "open": ("open", "opening")}
    return _is(*states[service]) if service in states else None


def _climate(service: str, data: Data, before: State) -> Expectation | None:
    tests: list[Expectation] = []
    for key in ("temperature", "target_temp_low", "target_temp_high"):
        if service == "set_temperature" and key in data:
            tests.append(_near(key, data[key], 0.3))
    if (mode := data.get("hvac_mode")) and service in ("set_hvac_mode", "set_temperature"):
        tests.append(_is(str(mode)))
    for attribute in ("fan_mode", "preset_mode"):
        if service == f"set_{attribute}":
            tests.append(_equal(attribute, data[attribute]))
    return _all(*tests) if tests else _on_or_off(service, data, before)


def _fan(service: str, data: Data, before: State) -> Expectation | None:
    if service in ("set_percentage", "turn_on") and "percentage" in data:
        wanted = float(data["percentage"])
        if wanted < 0.5:
            return _is("off")
        step = float(before.attributes.get("percentage_step") or 1)
        return _all(_is("on"), _near("percentage", wanted, max(1.0, step / 2)))
    return _on_or_off(service, data, before)


def _media_player(service: str, data: Data, before: State) -> Expectation | None:
    match service:
        case "play_media":
            same = _equal("media_content_id", data.get("media_content_id"))
            fresh = _news(before)
            plays = _is("playing", "buffering")
            return lambda state: plays(state) and (same(state) or fresh(state))
        case "media_play":
            return _is("playing", "buffering")
        case "media_pause":
            return _is("paused", "idle")
        case "media_stop":
            return _is("idle", "off", "standby", "on")
        case "volume_set":
            return _near("volume_level", data["volume_level"], 0.011)
        case "volume_mute":
            return _equal("is_volume_muted", data.get("is_volume_muted", True))
    return _on_or_off(service, data, before)


def _vacuum(service: str, data: Data, before: State) -> Expectation | None:
    if service == "set_fan_speed":
        return _equal("fan_speed", data["fan_speed"])
    if service in ("clean_area", "clean_spot"):
        return _all(_is("cleaning"), _cleans(data.get("cleaning_area_id"), before))
    states = {
        "start": ("cleaning",),
        "pause": ("paused",),
        "stop": ("idle", "paused", "docked"),
        "return_to_base": ("returning", "docked"),
    }
    return _is(*states[service]) if service in states else None


def _cleans(areas: Any, before: State) -> Expectation:
    """It cleans there. Not every robot tells where it is; of those that do not, only news count."""
    wanted, fresh = [areas] if isinstance(areas, str) else list(areas or ()), _news(before)

    def test(state: State) -> bool:
        told = state.attributes.get("cleaning_areas")
        return list(told) == wanted if wanted and told is not None else fresh(state)

    return test


def _lawn_mower(service: str, data: Data, before: State) -> Expectation | None:
    states = {"start_mowing": ("mowing",), "pause": ("paused",), "dock": ("returning", "docked")}
    return _is(*states[service]) if service in states else None


def _humidifier(service: str, data: Data, before: State) -> Expectation | None:
    if service == "set_humidity":
        return _near("humidity", data["humidity"], 1)
    return _on_or_off(service, data, before)


def _water_heater(service: str, data: Data, before: State) -> Expectation | None:
    if service == "set_temperature":
        return _near("temperature", data["temperature"], 0.6)
    if service == "set_operation_mode":
        return _is(str(data["operation_mode"]))
    return _on_or_off(service, data, before)


def _todo(service: str, data: Data, before: State) -> Expectation | None:
    """The state of a list is how many items are to be done."""
    step = {"add_item": 1, "remove_item": -1}.get(service)
    if step is None and data.get("status") == "completed":
        step = -1
    if step is None or not before.state.isdigit():
        return None
    if step < 0 and _done_before(str(data.get("item", "")), before):
        return None  # what is done already does not count
    wanted = int(before.state) + step
    return lambda state: state.state.isdigit() and (int(state.state) - wanted) * step >= 0


def _done_before(item: str, before: State) -> bool:
    kept = before.attributes.get("todo_items") or ()
    return any(
        isinstance(each, Mapping)
        and each.get("status") == "completed"
        and str(each.get("summary", "")).casefold() == item.casefold()
        for each in kept
    )


def _set_value(service: str, data: Data, before: State) -> Expectation | None:
    """A number or a text is its own state."""
    if service == "select_option":
        return _is(str(data["option"]))
    return (lambda state: _same(state.state, data["value"])) if service == "set_value" else None


def _same(shown: str, wanted: Any) -> bool:
    try:
        return abs(float(shown) - float(wanted)) < 1e-6
    except (TypeError, ValueError):
        return shown == str(wanted)


def _alarm(service: str, data: Data, before: State) -> Expectation | None:
    """One that waits until everybody has left is on its way."""
    if service == "alarm_disarm":
        return _is("disarmed")
    if service.startswith("alarm_arm_"):
        return _is(service.replace("alarm_arm_", "armed_"), "arming")
    return _is("triggered", "pending") if service == "alarm_trigger" else None


def _nothing(service: str, data: Data, before: State) -> Expectation | None:
    return None


DOMAINS: Mapping[str, Callable[[str, Data, State], Expectation | None]] = {
    "alarm_control_panel": _alarm,
    "button": _nothing,
    "climate": _climate,
    "cover": _opening("cover"),
    "fan": _fan,
    "humidifier": _humidifier,
    "input_button": _nothing,
    "input_number": _set_value,
    "input_select": _set_value,
    "input_text": _set_value,
    "lawn_mower": _lawn_mower,
    "light": _light,
    "lock": _lock,
    "media_player": _media_player,
    "number": _set_value,
    "scene": _nothing,
    "script": _nothing,
    "select": _set_value,
    "text": _set_value,
    "todo": _todo,
    "vacuum": _vacuum,
    "valve": _opening("valve"),
    "water_heater": _water_heater,
}
