"""What devices do when a Home Assistant service is called: services, attributes and ranges as in
its documentation of the integrations (`light`, `cover`, `climate` ...).

Each function changes one `Device` in place and returns the state it shows on its way (a cover is
`opening` for a while), or None if it is there at once. `scene` and `script` are not here: they act
on other devices, which only the home can reach.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import webcolors

from hub.errors import DeviceError

OFF_HIDES: Mapping[str, tuple[str, ...]] = {
    "light": ("brightness", "color_mode", "color_temp_kelvin", "hs_color", "rgb_color", "effect"),
    "media_player": (
        "volume_level",
        "is_volume_muted",
        "media_title",
        "media_artist",
        "media_content_id",
        "media_content_type",
        "source",
    ),
}
"""Attributes that are not reported while the device is off."""

COLOUR_MODES = frozenset({"hs", "rgb", "rgbw", "rgbww", "xy"})


@dataclass(slots=True)
class Device:
    """A simulated device: what it is, and what it does now."""

    entity_id: str
    name: str
    domain: str
    features: int | None
    state: str
    attributes: dict[str, Any] = field(default_factory=dict)
    """With what an off device remembers and does not report."""

    def can(self, feature: int) -> bool:
        return self.features is None or bool(self.features & feature)

    def reported(self) -> dict[str, Any]:
        """The attributes as the device reports them in its state."""
        if self.state != "off":
            return dict(self.attributes)
        hidden = OFF_HIDES.get(self.domain, ())
        return {key: value for key, value in self.attributes.items() if key not in hidden}


Data = Mapping[str, Any]
Behaviour = Callable[[Device, str, Data], str | None]


def act(device: Device, service: str, data: Data) -> str | None:
    """Let a device do what a service asks. Returns the state it shows on its way, or None.

    Raises DeviceError for a service its domain does not have, or data outside the range."""
    behaviour = BEHAVIOURS.get(device.domain)
    if behaviour is None:
        raise DeviceError(f"{device.entity_id} cannot be told anything")
    trial = replace(device, attributes=dict(device.attributes))
    meanwhile = behaviour(trial, service, data)
    device.state, device.attributes = trial.state, trial.attributes
    return meanwhile


def _unknown(device: Device, service: str) -> DeviceError:
    return DeviceError(f"there is no service {device.domain}.{service} ({device.entity_id})")


def _number(device: Device, data: Data, key: str, low: float, high: float) -> float:
    try:
        value = float(data[key])
    except (KeyError, TypeError, ValueError):
        raise DeviceError(f"{device.entity_id}: '{key}' must be a number") from None
    if not low <= value <= high:
        raise DeviceError(f"{device.entity_id}: {key} is {value:g}, not within {low:g}-{high:g}")
    return value


def _choice(device: Device, data: Data, key: str, choices: Iterable[str] | None) -> str:
    value = data.get(key)
    if not isinstance(value, str) or (choices is not None and value not in choices):
        known = "" if choices is None else f"; it knows {', '.join(choices)}"
        raise DeviceError(f"{device.entity_id}: {key} cannot be {value!r}{known}")
    return value


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


# --- on and off ------------------------------------------------------------------------------


def _switch(device: Device, service: str, data: Data) -> str | None:
    match service:
        case "turn_on":
            device.state = "on"
        case "turn_off":
            device.state = "off"
        case "toggle":
            device.state = "off" if device.state == "on" else "on"
        case _:
            raise _unknown(device, service)
    return None


def _light(device: Device, service: str, data: Data) -> str | None:
    if service == "toggle":
        service = "turn_off" if device.state == "on" else "turn_on"
    if service == "turn_off":
        device.state = "off"
        return None
    if service != "turn_on":
        raise _unknown(device, service)
    dimmable, colours, whites = _abilities(device)
    level = _brightness(device, data)
    if level == 0:
        device.state = "off"
        return None
    device.state = "on"
    if dimmable:
        device.attributes["brightness"] = level or device.attributes.get("brightness") or 255
    if (hue := _hue(device, data)) is not None and colours:
        device.attributes |= {
            "color_mode": "hs",
            "hs_color": hue,
            "rgb_color": _rgb(hue),
        }
        device.attributes.pop("color_temp_kelvin", None)
    elif (kelvin := _kelvin(device, data)) is not None and whites:
        device.attributes |= {"color_mode": "color_temp", "color_temp_kelvin": kelvin}
        device.attributes.pop("hs_color", None)
        device.attributes.pop("rgb_color", None)
    elif "color_mode" not in device.attributes:
        modes = device.attributes.get("supported_color_modes") or ["brightness"]
        device.attributes["color_mode"] = modes[-1]
    if effect := data.get("effect"):
        device.attributes["effect"] = effect
    return None


def _abilities(device: Device) -> tuple[bool, bool, bool]:
    """Whether a light can be dimmed, show colours, and shades of white."""
    modes = set(device.attributes.get("supported_color_modes") or ("hs", "color_temp"))
    return modes != {"onoff"}, bool(modes & COLOUR_MODES), "color_temp" in modes


def _brightness(device: Device, data: Data) -> int | None:
    """Brightness asked for, 0-255; None if nothing was said about it."""
    now = int(device.attributes.get("brightness") or 255)
    before = now if device.state == "on" else 0
    if "brightness_pct" in data:
        return round(_number(device, data, "brightness_pct", 0, 100) * 2.55)
    if "brightness" in data:
        return round(_number(device, data, "brightness", 0, 255))
    if "brightness_step_pct" in data:
        step = _number(device, data, "brightness_step_pct", -100, 100) * 2.55
        return round(min(255, max(0, before + step)))
    if "brightness_step" in data:
        step = _number(device, data, "brightness_step", -255, 255)
        return round(min(255, max(0, before + step)))
    return None


def _hue(device: Device, data: Data) -> tuple[float, float] | None:
    """Hue 0-360 and saturation 0-100 asked for."""
    if "hs_color" in data:
        hue, saturation = data["hs_color"]
        return float(hue), float(saturation)
    rgb = data.get("rgb_color")
    if name := data.get("color_name"):
        try:
            rgb = webcolors.name_to_rgb(str(name).replace(" ", "").lower())
        except ValueError:
            raise DeviceError(f"{device.entity_id}: there is no colour '{name}'") from None
    if rgb is None:
        return None
    if len(rgb) != 3 or not all(0 <= part <= 255 for part in rgb):
        raise DeviceError(f"{device.entity_id}: rgb_color needs three numbers 0-255, not {rgb}")
    hue, saturation, _ = colorsys.rgb_to_hsv(*(part / 255 for part in rgb))
    return round(hue * 360, 3), round(saturation * 100, 3)


def _rgb(hue: tuple[float, float]) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue[0] / 360, hue[1] / 100, 1)
    return round(red * 255), round(green * 255), round(blue * 255)


def _kelvin(device: Device, data: Data) -> int | None:
    """Colour temperature asked for, brought into the lamp's range as lamps do."""
    if "color_temp_kelvin" not in data:
        return None
    low = float(device.attributes.get("min_color_temp_kelvin", 2000))
    high = float(device.attributes.get("max_color_temp_kelvin", 6535))
    return round(min(high, max(low, _number(device, data, "color_temp_kelvin", 500, 40000))))


def _fan(device: Device, service: str, data: Data) -> str | None:
    speed = device.attributes.get("percentage") or 0
    step = float(device.attributes.get("percentage_step") or 100 / 3)
    match service:
        case "turn_on" | "set_percentage":
            if "percentage" in data:
                speed = round(_number(device, data, "percentage", 0, 100))
            elif service == "set_percentage":
                _number(device, data, "percentage", 0, 100)
            else:
                speed = speed or 100
            if mode := data.get("preset_mode"):
                device.attributes["preset_mode"] = mode
        case "turn_off":
            speed = 0
        case "toggle":
            speed = 0 if device.state == "on" else speed or 100
        case "increase_speed":
            speed = round(min(100, speed + float(data.get("percentage_step") or step)))
        case "decrease_speed":
            speed = round(max(0, speed - float(data.get("percentage_step") or step)))
        case "oscillate":
            device.attributes["oscillating"] = bool(data.get("oscillating"))
            return None
        case "set_direction":
            device.attributes["direction"] = _choice(
                device, data, "direction", ("forward", "reverse")
            )
            return None
        case "set_preset_mode":
            device.attributes["preset_mode"] = _choice(
                device, data, "preset_mode", device.attributes.get("preset_modes")
            )
            speed = speed or 100
        case _:
            raise _unknown(device, service)
    device.state = "on" if speed else "off"
    if device.can(1):
        device.attributes["percentage"] = speed
    return None


def _humidifier(device: Device, service: str, data: Data) -> str | None:
    if service == "set_humidity":
        low = device.attributes.get("min_humidity", 0)
        high = device.attributes.get("max_humidity", 100)
        device.attributes["humidity"] = round(_number(device, data, "humidity", low, high))
        return None
    if service == "set_mode":
        modes = device.attributes.get("available_modes")
        device.attributes["mode"] = _choice(device, data, "mode", modes)
        return None
    return _switch(device, service, data)


# --- what opens and closes -------------------------------------------------------------------


def _opening(kind: str) -> Behaviour:
    """Covers and valves: the same states, with services that name the kind."""

    def behave(device: Device, service: str, data: Data) -> str | None:
        now = device.attributes.get("current_position")
        if now is None:
            now = 0 if device.state in ("closed", "closing") else 100
        if service in (f"toggle_{kind}", "toggle"):
            service = f"close_{kind}" if device.state in ("open", "opening") else f"open_{kind}"
        if service in ("turn_on", "turn_off"):  # homeassistant.turn_on opens, in that integration
            service = f"open_{kind}" if service == "turn_on" else f"close_{kind}"
        if service == f"open_{kind}":
            wanted = 100
        elif service == f"close_{kind}":
            wanted = 0
        elif service == f"set_{kind}_position":
            wanted = round(_number(device, data, "position", 0, 100))
        elif service == f"stop_{kind}":
            wanted = now
        elif service in ("open_cover_tilt", "close_cover_tilt", "set_cover_tilt_position"):
            tilt = {"open_cover_tilt": 100, "close_cover_tilt": 0}.get(service)
            device.attributes["current_tilt_position"] = (
                round(_number(device, data, "tilt_position", 0, 100)) if tilt is None else tilt
            )
            return None
        else:
            raise _unknown(device, service)
        device.state = "open" if wanted else "closed"
        if device.can(4) or "current_position" in device.attributes:
            device.attributes["current_position"] = wanted
        if wanted == now:
            return None
        return "opening" if wanted > now else "closing"

    return behave


def _lock(device: Device, service: str, data: Data) -> str | None:
    match service:
        case "lock":
            moving, wanted = "locking", "locked"
        case "unlock":
            moving, wanted = "unlocking", "unlocked"
        case "open":
            moving, wanted = "opening", "open"
        case _:
            raise _unknown(device, service)
    already = device.state == wanted
    device.state = wanted
    return None if already else moving


# --- warmth ----------------------------------------------------------------------------------

WARMEST_ROOM, WARMEST_WATER = 45, 75
"""Degrees Celsius above which no room and no tap is: what says more counts in Fahrenheit."""
FAHRENHEIT_ROOM, FAHRENHEIT_WATER = (45, 95), (110, 140)
"""Home Assistant's usual limits, in degrees Fahrenheit."""


def _climate(device: Device, service: str, data: Data) -> str | None:
    attributes = device.attributes
    modes = attributes.get("hvac_modes") or ["off", "heat", "cool", "heat_cool", "auto"]
    match service:
        case "set_temperature":
            if mode := data.get("hvac_mode"):
                device.state = _choice(device, {"hvac_mode": mode}, "hvac_mode", modes)
            usual = FAHRENHEIT_ROOM if _fahrenheit(attributes, WARMEST_ROOM) else (7, 35)
            low = attributes.get("min_temp", usual[0])
            high = attributes.get("max_temp", usual[1])
            given = [k for k in ("temperature", "target_temp_low", "target_temp_high") if k in data]
            if not given:
                _number(device, data, "temperature", low, high)
            for key in given:
                attributes[key] = _number(device, data, key, low, high)
        case "set_hvac_mode":
            device.state = _choice(device, data, "hvac_mode", modes)
        case "set_fan_mode":
            known = attributes.get("fan_modes")
            attributes["fan_mode"] = _choice(device, data, "fan_mode", known)
        case "set_preset_mode":
            known = attributes.get("preset_modes")
            attributes["preset_mode"] = _choice(device, data, "preset_mode", known)
        case "set_humidity":
            attributes["humidity"] = round(_number(device, data, "humidity", 0, 100))
        case "turn_on":
            if device.state == "off":
                device.state = next((mode for mode in modes if mode != "off"), "auto")
        case "turn_off":
            device.state = "off"
        case "toggle":
            return _climate(device, "turn_on" if device.state == "off" else "turn_off", data)
        case _:
            raise _unknown(device, service)
    attributes["hvac_action"] = _hvac_action(device)
    return None


def _fahrenheit(attributes: Mapping[str, Any], warmest: float) -> bool:
    """Whether a device that may not name its unit counts in degrees Fahrenheit: what it measures
    or keeps would be too hot in degrees Celsius."""
    unit = str(attributes.get("temperature_unit") or attributes.get("unit_of_measurement") or "")
    if unit:
        return unit.upper().endswith("F")
    told = (
        attributes.get(key) for key in ("temperature", "current_temperature", "target_temp_low")
    )
    return any(isinstance(value, int | float) and value > warmest for value in told)


def _hvac_action(device: Device) -> str:
    if device.state in ("off", "fan_only", "dry"):
        return {"fan_only": "fan", "dry": "drying"}.get(device.state, "off")
    now, wanted = (device.attributes.get(key) for key in ("current_temperature", "temperature"))
    if now is None or wanted is None:
        return "idle"
    if wanted > now and device.state != "cool":
        return "heating"
    return "cooling" if wanted < now and device.state != "heat" else "idle"


def _water_heater(device: Device, service: str, data: Data) -> str | None:
    modes = device.attributes.get("operation_list") or ["off", "eco", "electric", "performance"]
    match service:
        case "set_temperature":
            usual = FAHRENHEIT_WATER if _fahrenheit(device.attributes, WARMEST_WATER) else (40, 60)
            low = device.attributes.get("min_temp", usual[0])
            high = device.attributes.get("max_temp", usual[1])
            device.attributes["temperature"] = _number(device, data, "temperature", low, high)
        case "set_operation_mode":
            device.state = _choice(device, data, "operation_mode", modes)
        case "turn_on":
            if device.state == "off":
                device.state = next((mode for mode in modes if mode != "off"), "eco")
        case "turn_off":
            device.state = "off"
        case _:
            raise _unknown(device, service)
    return None


# --- sound and pictures ----------------------------------------------------------------------


def _media_player(device: Device, service: str, data: Data) -> str | None:
    attributes = device.attributes
    level = float(attributes.get("volume_level", 0.5))
    match service:
        case "turn_on":
            device.state = "idle" if device.state in ("off", "standby") else device.state
        case "turn_off":
            device.state = "off"
        case "toggle":
            device.state = "idle" if device.state in ("off", "standby") else "off"
        case "media_play":
            device.state = "playing"
        case "media_pause":
            device.state = "paused" if device.state == "playing" else device.state
        case "media_play_pause":
            device.state = "paused" if device.state == "playing" else "playing"
        case "media_stop":
            device.state = "idle"
        case "media_next_track" | "media_previous_track":
            step = 1 if service == "media_next_track" else -1
            attributes["media_track"] = max(1, attributes.get("media_track", 1) + step)
            device.state = "playing"
        case "volume_set":
            attributes["volume_level"] = _number(device, data, "volume_level", 0, 1)
        case "volume_up":
            attributes["volume_level"] = round(min(1.0, level + 0.1), 2)
        case "volume_down":
            attributes["volume_level"] = round(max(0.0, level - 0.1), 2)
        case "volume_mute":
            attributes["is_volume_muted"] = bool(data.get("is_volume_muted", True))
        case "play_media":
            attributes["media_content_id"] = str(data.get("media_content_id", ""))
            attributes["media_content_type"] = str(data.get("media_content_type", "music"))
            attributes["media_title"] = attributes["media_content_id"]
            device.state = "playing"
        case "select_source":
            attributes["source"] = _choice(device, data, "source", attributes.get("source_list"))
        case "shuffle_set":
            attributes["shuffle"] = bool(data.get("shuffle"))
        case "repeat_set":
            attributes["repeat"] = _choice(device, data, "repeat", ("off", "one", "all"))
        case _:
            raise _unknown(device, service)
    return None


# --- what moves about ------------------------------------------------------------------------


def _vacuum(device: Device, service: str, data: Data) -> str | None:
    match service:
        case "start" | "turn_on" | "clean_spot":
            device.state = "cleaning"
            device.attributes.pop("cleaning_areas", None)
        case "clean_area":
            areas = data.get("cleaning_area_id") or ()
            device.attributes["cleaning_areas"] = [areas] if isinstance(areas, str) else list(areas)
            device.state = "cleaning"
        case "pause":
            device.state = "paused" if device.state in ("cleaning", "returning") else device.state
        case "stop":
            device.state = "idle" if device.state in ("cleaning", "returning") else device.state
        case "return_to_base" | "turn_off":
            already = device.state == "docked"
            device.state = "docked"
            return None if already else "returning"
        case "set_fan_speed":
            speeds = device.attributes.get("fan_speed_list")
            device.attributes["fan_speed"] = _choice(device, data, "fan_speed", speeds)
        case "locate":
            pass
        case _:
            raise _unknown(device, service)
    return None


def _lawn_mower(device: Device, service: str, data: Data) -> str | None:
    match service:
        case "start_mowing":
            device.state = "mowing"
        case "pause":
            device.state = "paused"
        case "dock":
            already = device.state == "docked"
            device.state = "docked"
            return None if already else "returning"
        case _:
            raise _unknown(device, service)
    return None


# --- the rest --------------------------------------------------------------------------------


def _button(device: Device, service: str, data: Data) -> str | None:
    if service != "press":
        raise _unknown(device, service)
    device.state = _now()
    return None


def _todo(device: Device, service: str, data: Data) -> str | None:
    """Items are kept as `todo_items`; the state is how many are still to be done."""
    items: list[dict[str, Any]] = [
        {"summary": item, "status": "needs_action"} if isinstance(item, str) else dict(item)
        for item in device.attributes.get("todo_items") or ()
    ]
    wanted = str(data.get("item", "")).strip()
    found = next((i for i in items if i["summary"].casefold() == wanted.casefold()), None)
    told = sum(item.get("status") != "completed" for item in items)
    # A list may tell how many items it has, and not which.
    untold = max(0, int(device.state) - told) if device.state.isdecimal() else 0
    match service:
        case "add_item":
            if not wanted:
                raise DeviceError(f"{device.entity_id}: 'item' must not be empty")
            items.append({"summary": wanted, "status": "needs_action"})
        case "update_item" | "remove_item":
            if found is None:
                raise DeviceError(f"{device.entity_id}: there is no item '{wanted}'")
            if service == "remove_item":
                items.remove(found)
            else:
                found["summary"] = str(data.get("rename") or found["summary"])
                found["status"] = str(data.get("status") or found["status"])
        case _:
            raise _unknown(device, service)
    device.attributes["todo_items"] = items
    device.state = str(untold + sum(item.get("status") != "completed" for item in items))
    return None


def _value(device: Device, service: str, data: Data) -> str | None:
    if service != "set_value":
        raise _unknown(device, service)
    low, high = device.attributes.get("min", 0), device.attributes.get("max", 100)
    device.state = f"{_number(device, data, 'value', low, high):g}"
    return None


def _select(device: Device, service: str, data: Data) -> str | None:
    if service != "select_option":
        raise _unknown(device, service)
    device.state = _choice(device, data, "option", device.attributes.get("options"))
    return None


BEHAVIOURS: Mapping[str, Behaviour] = {
    "automation": _switch,
    "button": _button,
    "climate": _climate,
    "cover": _opening("cover"),
    "fan": _fan,
    "humidifier": _humidifier,
    "input_boolean": _switch,
    "input_button": _button,
    "input_number": _value,
    "input_select": _select,
    "lawn_mower": _lawn_mower,
    "light": _light,
    "lock": _lock,
    "media_player": _media_player,
    "number": _value,
    "remote": _switch,
    "select": _select,
    "siren": _switch,
    "switch": _switch,
    "todo": _todo,
    "vacuum": _vacuum,
    "valve": _opening("valve"),
    "water_heater": _water_heater,
}
"""Domain -> what its devices do. Others (sensors, cameras, weather) can only be read."""
