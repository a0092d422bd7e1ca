"""The kinds of devices that announce themselves: a module for each of Home Assistant's domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.devices.mqtt.component import Component, NotUnderstood
from hub.devices.mqtt.platforms.alarm_control_panel import AlarmControlPanel
from hub.devices.mqtt.platforms.binary_sensor import BinarySensor
from hub.devices.mqtt.platforms.climate import Climate
from hub.devices.mqtt.platforms.cover import Cover
from hub.devices.mqtt.platforms.event import Event
from hub.devices.mqtt.platforms.fan import Fan
from hub.devices.mqtt.platforms.humidifier import Humidifier
from hub.devices.mqtt.platforms.lawn_mower import LawnMower
from hub.devices.mqtt.platforms.light import light
from hub.devices.mqtt.platforms.lock import Lock
from hub.devices.mqtt.platforms.number import Number
from hub.devices.mqtt.platforms.press import Button, Scene
from hub.devices.mqtt.platforms.select import Select
from hub.devices.mqtt.platforms.sensor import Sensor
from hub.devices.mqtt.platforms.siren import Siren
from hub.devices.mqtt.platforms.switch import Switch
from hub.devices.mqtt.platforms.text import Text
from hub.devices.mqtt.platforms.vacuum import Vacuum
from hub.devices.mqtt.platforms.valve import Valve
from hub.devices.mqtt.platforms.water_heater import WaterHeater

PLATFORMS: Mapping[str, Callable[[Mapping[str, Any]], Component]] = {
    "alarm_control_panel": AlarmControlPanel,
    "binary_sensor": BinarySensor,
    "button": Button,
    "climate": Climate,
    "cover": Cover,
    "event": Event,
    "fan": Fan,
    "humidifier": Humidifier,
    "lawn_mower": LawnMower,
    "light": light,
    "lock": Lock,
    "number": Number,
    "scene": Scene,
    "select": Select,
    "sensor": Sensor,
    "siren": Siren,
    "switch": Switch,
    "text": Text,
    "vacuum": Vacuum,
    "valve": Valve,
    "water_heater": WaterHeater,
}
"""Home Assistant's domain -> its platform."""


def build(domain: str, config: Mapping[str, Any]) -> Component:
    """The component that a configuration describes: keys in their long form, `~` filled in.

    Raises NotUnderstood for a configuration that cannot work, and for a domain that Hearth has no
    use for (cameras, trackers, updates)."""
    platform = PLATFORMS.get(domain)
    if platform is None:
        raise NotUnderstood(f"devices of the kind '{domain[:50]}' are not supported")
    return platform(config)
