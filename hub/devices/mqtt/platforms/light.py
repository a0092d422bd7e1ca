"""Lights, of one of three schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.devices.mqtt.platforms.lamp import Lamp
from hub.devices.mqtt.platforms.light_default import DefaultLight
from hub.devices.mqtt.platforms.light_json import JsonLight
from hub.devices.mqtt.platforms.light_template import TemplateLight
from hub.devices.mqtt.platforms.options import Options, one_of

SCHEMAS: Mapping[str, type[Lamp]] = {
    "basic": DefaultLight,
    "default": DefaultLight,
    "json": JsonLight,
    "template": TemplateLight,
}


def light(config: Mapping[str, Any]) -> Lamp:
    schema = Options(config).word("schema", "basic")
    return SCHEMAS[one_of(schema, SCHEMAS, "'schema'")](config)
