"""What devices may be able to do, by the names that Home Assistant gives it."""

from __future__ import annotations

from collections.abc import Mapping

FEATURES: Mapping[str, Mapping[str, int]] = {
    "climate": {
        "TARGET_TEMPERATURE": 1,
        "TARGET_TEMPERATURE_RANGE": 2,
        "TARGET_HUMIDITY": 4,
        "FAN_MODE": 8,
        "PRESET_MODE": 16,
        "SWING_MODE": 32,
        "TURN_OFF": 128,
        "TURN_ON": 256,
    },
    "cover": {
        "OPEN": 1,
        "CLOSE": 2,
        "SET_POSITION": 4,
        "STOP": 8,
        "OPEN_TILT": 16,
        "CLOSE_TILT": 32,
        "STOP_TILT": 64,
        "SET_TILT_POSITION": 128,
    },
    "fan": {
        "SET_SPEED": 1,
        "OSCILLATE": 2,
        "DIRECTION": 4,
        "PRESET_MODE": 8,
        "TURN_OFF": 16,
        "TURN_ON": 32,
    },
    "humidifier": {"MODES": 1},
    "lawn_mower": {"START_MOWING": 1, "PAUSE": 2, "DOCK": 4},
    "light": {"EFFECT": 4, "FLASH": 8, "TRANSITION": 32},
    "lock": {"OPEN": 1},
    "media_player": {
        "PAUSE": 1,
        "SEEK": 2,
        "VOLUME_SET": 4,
        "VOLUME_MUTE": 8,
        "PREVIOUS_TRACK": 16,
        "NEXT_TRACK": 32,
        "TURN_ON": 128,
        "TURN_OFF": 256,
        "PLAY_MEDIA": 512,
        "VOLUME_STEP": 1024,
        "SELECT_SOURCE": 2048,
        "STOP": 4096,
        "CLEAR_PLAYLIST": 8192,
        "PLAY": 16384,
        "SHUFFLE_SET": 32768,
        "SELECT_SOUND_MODE": 65536,
        "BROWSE_MEDIA": 131072,
        "REPEAT_SET": 262144,
        "GROUPING": 524288,
    },
    "todo": {
        "CREATE_TODO_ITEM": 1,
        "DELETE_TODO_ITEM": 2,
        "UPDATE_TODO_ITEM": 4,
        "MOVE_TODO_ITEM": 8,
    },
    "vacuum": {
        "TURN_ON": 1,
        "TURN_OFF": 2,
        "PAUSE": 4,
        "STOP": 8,
        "RETURN_HOME": 16,
        "FAN_SPEED": 32,
        "BATTERY": 64,
        "STATUS": 128,
        "SEND_COMMAND": 256,
        "LOCATE": 512,
        "CLEAN_SPOT": 1024,
        "MAP": 2048,
        "STATE": 4096,
        "START": 8192,
        "CLEAN_AREA": 16384,
    },
    "valve": {"OPEN": 1, "CLOSE": 2, "SET_POSITION": 4, "STOP": 8},
    "water_heater": {"TARGET_TEMPERATURE": 1, "OPERATION_MODE": 2, "AWAY_MODE": 4, "ON_OFF": 8},
}
"""Bits of Home Assistant's `*EntityFeature` enumerations (home-assistant/core)."""


def bits(domain: str, *names: str) -> int:
    """The bits of these features together. Raises KeyError for one that there is not."""
    known = FEATURES[domain]
    return sum(known[name] for name in names)
