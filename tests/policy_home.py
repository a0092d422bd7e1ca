"""A home that has one of everything that voice must not just open, and some harmless things."""

from __future__ import annotations

from typing import Any

EVIL_HOME: dict[str, Any] = {
    "areas": [
        {"id": "kitchen", "name": "Kitchen"},
        {"id": "hall", "name": "Hall"},
        {"id": "garage", "name": "Garage"},
    ],
    "entities": [
        {"id": "lock.front_door", "name": "Front Door", "area": "hall", "state": "locked"},
        {
            "id": "cover.garage_door",
            "name": "Garage Door",
            "area": "garage",
            "state": "closed",
            "attributes": {"device_class": "garage", "current_position": 0},
        },
        {
            "id": "cover.gate",
            "name": "Driveway",
            "area": "garage",
            "state": "closed",
            "attributes": {"device_class": "gate", "current_position": 0},
        },
        {
            "id": "cover.kitchen_window",
            "name": "Kitchen Window",
            "area": "kitchen",
            "state": "closed",
            "attributes": {"device_class": "window", "current_position": 0},
        },
        {
            "id": "cover.blind",
            "name": "Kitchen Blind",
            "area": "kitchen",
            "state": "closed",
            "attributes": {"device_class": "blind", "current_position": 0},
        },
        {"id": "switch.garage_door", "name": "Garage Door Relay", "area": "garage", "state": "off"},
        {"id": "light.garage_door", "name": "Garage Door", "area": "hall", "state": "off"},
        {
            "id": "alarm_control_panel.house",
            "name": "House Alarm",
            "area": "hall",
            "state": "armed_away",
        },
        {"id": "valve.water", "name": "Water Valve", "area": "kitchen", "state": "closed"},
        {"id": "switch.oven", "name": "Oven", "area": "kitchen", "state": "off"},
        {"id": "switch.heater", "name": "Heater", "area": "hall", "state": "off"},
        {"id": "siren.roof", "name": "Roof Siren", "area": "hall", "state": "off"},
        {
            "id": "climate.hall",
            "name": "Hall Thermostat",
            "area": "hall",
            "state": "heat",
            "attributes": {"temperature": 20, "min_temp": 5, "max_temp": 35},
        },
        {"id": "button.gate", "name": "Gate Opener", "area": "garage", "state": "unknown"},
        {
            "id": "light.kitchen",
            "name": "Kitchen Light",
            "area": "kitchen",
            "state": "off",
            "attributes": {"supported_color_modes": ["brightness"]},
        },
        {"id": "switch.kettle", "name": "Kettle", "area": "kitchen", "state": "off"},
        {"id": "fan.hall", "name": "Hall Fan", "area": "hall", "state": "off"},
        {
            "id": "media_player.radio",
            "name": "Radio",
            "area": "kitchen",
            "state": "playing",
            "attributes": {"volume_level": 0.3},
        },
        {"id": "vacuum.robot", "name": "Robot", "area": "hall", "state": "docked"},
    ],
}
