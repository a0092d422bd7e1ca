"""The kinds of devices that announce themselves: a module for each of Home Assistant's domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.devices.mqtt.component import Component, NotUnderstood
from hub.devices.mqtt.platforms.binary_sensor import BinarySensor
from hub.devices.mqtt.platforms.cover import Cover
from hub.devices.mqtt.platforms.light import light
from hub.devices.mqtt.platforms.sensor import Sensor
from hub.devices.mqtt.platforms.switch import Switch

PLATFORMS: Mapping[str, Callable[[Mapping[str, Any]], Component]] = {
    "binary_sensor": BinarySensor,
    "cover": Cover,
    "light": light,
    "sensor": Sensor,
    "switch": Switch,
}


def build(domain: str, config: Mapping[str, Any]) -> Component:
    """The component that a configuration describes: keys in their long form, `~` filled in.

    Raises NotUnderstood for a configuration that cannot work, and for a domain that Hearth has no
    use for (cameras, trackers, updates)."""
    platform = PLATFORMS.get(domain)
    if platform is None:
        raise NotUnderstood(f"devices of the kind '{domain[:50]}' are not supported")
    return platform(config)
