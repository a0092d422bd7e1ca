"""What devices report besides their state, in words: brightness, colour, volume, battery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.dialogue.describe import Seen, percent
from hub.dialogue.speakable import number
from hub.home.colours import name_of
from hub.home.hands import COLOURS
from hub.home.model import Entity, Home, normal
from hub.language import words

MAIN: Mapping[str, str] = {
    "climate": "temperature",
    "fan": "speed",
    "humidifier": "humidity",
    "light": "brightness",
    "media_player": "volume",
    "vacuum": "speed",
    "water_heater": "temperature",
}
"""Domain -> what 'what is it set to' asks for."""
DESCRIBED = frozenset({("climate", "mode"), ("cover", "position"), ("valve", "position")})
"""What the description of such a device tells anyway, and better."""
HIDDEN = frozenset({"brightness", "color", "color_temp", "effect", "source", "speed", "volume"})
"""What a device does not report while it is off."""


def value(entity: Entity, attribute: str, home: Home, language: str) -> str | None:
    """An attribute in words ('50 %', 'red'); None if the device does not report it."""
    state = home.state(entity.entity_id)
    seen = Seen(entity.entity_id, entity.name, entity.domain, state.state, state.attributes)
    if attribute == "battery":
        return _battery(entity, home)
    read = READERS.get(attribute)
    return read(seen, language) if read else None


def able(entity: Entity, attribute: str, home: Home) -> bool:
    """Whether a device may report an attribute at another time: when it is on."""
    if attribute not in HIDDEN:
        return False
    modes = set(home.state(entity.entity_id).attributes.get("supported_color_modes") or ())
    match entity.domain, attribute:
        case "light", "brightness":
            return modes != {"onoff"}
        case "light", "color":
            return not modes or bool(modes & COLOURS)
        case "light", "color_temp":
            return not modes or "color_temp" in modes
        case "light", "effect":
            return True
        case "fan", "speed":
            return entity.can(1)
        case "media_player", "volume":
            return entity.can(4)
        case "media_player", "source":
            return entity.can(2048)
    return False


def _percent(key: str, whole: float = 1.0) -> Callable[[Seen, str], str | None]:
    def read(seen: Seen, language: str) -> str | None:
        found = seen.attributes.get(key)
        return f"{round(found / whole * 100)} %" if isinstance(found, int | float) else None

    return read


def _plain(*keys: str) -> Callable[[Seen, str], str | None]:
    """The first of these attributes that is there, as the device names it."""

    def read(seen: Seen, language: str) -> str | None:
        found = next((v for key in keys if (v := seen.attributes.get(key)) is not None), None)
        return None if found is None else _worded(str(found), language)

    return read


def _worded(text: str, language: str) -> str:
    said = words(language)["states"].get(text)
    return said if isinstance(said, str) else text.replace("_", " ")


def _brightness(seen: Seen, language: str) -> str | None:
    level = percent(seen) if seen.domain == "light" else None
    return None if level is None else f"{level} %"


def _colour(seen: Seen, language: str) -> str | None:
    rgb = seen.attributes.get("rgb_color")
    if seen.attributes.get("color_mode") != "color_temp" and isinstance(rgb, Sequence):
        name = name_of(rgb)
        return str(words(language)["colours"].get(name, name))
    kelvin = _kelvin(seen, language)
    white = words(language)["colours"]["white"]
    return f"{white}, {kelvin}" if kelvin else None


def _kelvin(seen: Seen, language: str) -> str | None:
    found = seen.attributes.get("color_temp_kelvin")
    return f"{found} K" if found is not None else None


def _temperature(seen: Seen, language: str) -> str | None:
    """What it is set to: one temperature, or from the lower to the upper."""
    keys = ("temperature", "target_temp_low", "target_temp_high")
    found = [number(v, language) for key in keys if (v := seen.attributes.get(key)) is not None]
    return f"{' – '.join(found)} °" if found and seen.domain != "sensor" else None


def _speed(seen: Seen, language: str) -> str | None:
    found = seen.attributes.get("percentage")
    if isinstance(found, int | float):
        return f"{round(found)} %"
    return _plain("fan_speed")(seen, language)


def _mode(seen: Seen, language: str) -> str | None:
    if seen.domain in ("climate", "water_heater"):
        return _worded(seen.state, language)
    return _plain("preset_mode", "mode")(seen, language)


def _battery(entity: Entity, home: Home) -> str | None:
    """Its own battery level, or that of the sensor that goes with it: 'Front Door Battery'."""
    attributes = home.state(entity.entity_id).attributes
    level = attributes.get("battery_level", attributes.get("battery"))
    if level is not None:
        return f"{level} %"
    name = normal(entity.name)
    for other in home.entities.values():
        state = home.state(other.entity_id)
        goes_with = other.area_id == entity.area_id and normal(other.name).startswith(f"{name} ")
        if other.device_class == "battery" and other.domain == "sensor" and goes_with:
            return f"{state.state} %" if state.available else None
    return None


READERS: Mapping[str, Callable[[Seen, str], str | None]] = {
    "brightness": _brightness,
    "color": _colour,
    "color_temp": _kelvin,
    "effect": _plain("effect"),
    "fan_mode": _plain("fan_mode"),
    "humidity": _percent("humidity", 100.0),
    "mode": _mode,
    "preset": _plain("preset_mode"),
    "source": _plain("source"),
    "speed": _speed,
    "temperature": _temperature,
    "volume": _percent("volume_level"),
}


def settled(entity: Entity, attribute: str) -> str:
    """The attribute that is meant; 'setting' is another one for each kind of device."""
    return MAIN.get(entity.domain, attribute) if attribute == "setting" else attribute


def names_of(attribute: str, language: str) -> tuple[str, str]:
    """'The colour' and 'no colour'."""
    named: Any = words(language)["attributes"].get(attribute, (attribute, attribute))
    return str(named[0]), str(named[1])
