"""What people ask a home for, and how often: the weights of the training data."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES: Mapping[str, float] = {
    "en": 50,
    "de": 20,
    "fr": 6,
    "es": 6,
    "nl": 5,
    "it": 5,
    "pt": 3,
    "pl": 2,
    "sv": 3,
}

# What cannot be said in a home is drawn again: of media and skills, less is kept than is drawn.
KINDS: Mapping[str, float] = {
    "device": 36,
    "area": 11,
    "query": 12,
    "media": 8,
    "list": 3,
    "timer": 4,
    "talk": 2.5,
    "skill": 20,
    "multi": 7,
    "correction": 3,
    "follow-up": 9,
    "none": 16,
}

DEVICE: Mapping[str, Mapping[tuple[str, str], float]] = {
    "light": {
        ("HassTurnOn", ""): 20,
        ("HassTurnOff", ""): 20,
        ("HassToggle", ""): 2,
        ("HassLightSet", "brightness"): 18,
        ("HassLightSet", "color"): 9,
        ("HassLightSet", "temperature"): 4,
        ("lights.brighter", ""): 6,
        ("lights.dimmer", ""): 6,
    },
    "switch": {("HassTurnOn", ""): 10, ("HassTurnOff", ""): 10, ("HassToggle", ""): 1},
    "input_boolean": {("HassTurnOn", ""): 10, ("HassTurnOff", ""): 10},
    "siren": {("HassTurnOn", ""): 5, ("HassTurnOff", ""): 5},
    "humidifier": {("HassTurnOn", ""): 5, ("HassTurnOff", ""): 5},
    "water_heater": {("HassTurnOn", ""): 5, ("HassTurnOff", ""): 5},
    "fan": {
        ("HassTurnOn", ""): 8,
        ("HassTurnOff", ""): 8,
        ("HassFanSetSpeed", ""): 8,
        ("HassToggle", ""): 1,
    },
    "cover": {
        ("HassTurnOn", ""): 10,
        ("HassTurnOff", ""): 10,
        ("HassSetPosition", ""): 7,
        ("covers.stop", ""): 2,
        ("HassToggle", ""): 1,
    },
    "valve": {("HassTurnOn", ""): 5, ("HassTurnOff", ""): 5, ("HassSetPosition", ""): 2},
    "lock": {("HassTurnOn", ""): 10, ("HassTurnOff", ""): 8},
    "climate": {
        ("HassClimateSetTemperature", ""): 14,
        ("HassTurnOn", ""): 3,
        ("HassTurnOff", ""): 4,
        ("climate.warmer", ""): 3,
        ("climate.cooler", ""): 3,
        ("climate.set_mode", ""): 5,
        ("HassClimateSetFanMode", ""): 3,
    },
    "media_player": {
        ("HassTurnOn", ""): 5,
        ("HassTurnOff", ""): 5,
        ("HassMediaPause", ""): 4,
        ("HassMediaUnpause", ""): 3,
        ("HassMediaNext", ""): 3,
        ("HassMediaPrevious", ""): 2,
        ("HassSetVolume", ""): 5,
        ("HassSetVolumeRelative", ""): 5,
        ("HassMediaPlayerMute", ""): 2,
        ("HassMediaPlayerUnmute", ""): 2,
        ("HassMediaSearchAndPlay", ""): 5,
    },
    "vacuum": {
        ("HassVacuumStart", ""): 6,
        ("HassVacuumReturnToBase", ""): 5,
        ("vacuum.pause", ""): 3,
        ("HassVacuumCleanArea", ""): 3,
    },
    "lawn_mower": {("HassLawnMowerStartMowing", ""): 5, ("HassLawnMowerDock", ""): 5},
    "scene": {("HassTurnOn", ""): 1},
    "script": {("HassTurnOn", ""): 1},
    "automation": {("HassTurnOn", ""): 1},
    "button": {("HassTurnOn", ""): 1},
    "todo": {
        ("HassListAddItem", ""): 5,
        ("HassListCompleteItem", ""): 2,
        ("HassListRemoveItem", ""): 2,
    },
    "weather": {("HassGetWeather", ""): 1},
}
"""What is asked of a thing of a domain, and how often: tool and which of its values."""

ASKED: Mapping[tuple[str, str], float] = {
    ("HassGetState", ""): 10,
    ("questions.attribute", ""): 4,
    ("HassClimateGetTemperature", ""): 2,
    ("media.playing", ""): 2,
}
"""What is asked about a thing."""

PLACED: Mapping[tuple[str, str], float] = {
    ("HassTurnOn", ""): 16,
    ("HassTurnOff", ""): 16,
    ("everything.off", ""): 3,
    ("locks.lock_all", ""): 1,
    ("HassLightSet", "brightness"): 8,
    ("HassLightSet", "color"): 5,
    ("HassLightSet", "temperature"): 3,
    ("lights.brighter", ""): 5,
    ("lights.dimmer", ""): 5,
    ("covers.stop", ""): 2,
    ("HassSetPosition", ""): 4,
    ("HassFanSetSpeed", ""): 2,
    ("HassClimateSetTemperature", ""): 6,
    ("climate.warmer", ""): 3,
    ("climate.cooler", ""): 3,
    ("climate.set_mode", ""): 1,
    ("HassClimateSetFanMode", ""): 1,
    ("HassVacuumStart", ""): 2,
    ("HassVacuumCleanArea", ""): 2,
    ("HassVacuumReturnToBase", ""): 1,
    ("vacuum.pause", ""): 1,
    ("HassLawnMowerStartMowing", ""): 2,
    ("HassLawnMowerDock", ""): 2,
}
"""What is asked of a kind of things in a place."""

QUERIES: Mapping[tuple[str, str], float] = {
    ("HassGetState", "any"): 4,
    ("HassGetState", "all"): 3,
    ("HassGetState", "which"): 4,
    ("HassGetState", "how_many"): 3,
    ("HassGetState", ""): 3,
    ("HassGetState", "where"): 1,
    ("HassClimateGetTemperature", ""): 5,
    ("climate.setting", ""): 1,
    ("media.volume", ""): 1,
    ("media.playing", ""): 2,
    ("HassGetWeather", ""): 2,
    ("questions.attribute", ""): 2,
}

MEDIA: Mapping[tuple[str, str], float] = dict.fromkeys(
    [
        ("HassMediaPause", ""),
        ("HassMediaUnpause", ""),
        ("HassMediaNext", ""),
        ("HassMediaPrevious", ""),
        ("HassMediaSearchAndPlay", ""),
        ("HassSetVolume", ""),
        ("HassSetVolumeRelative", ""),
        ("HassMediaPlayerMute", ""),
        ("HassMediaPlayerUnmute", ""),
        ("media.louder", ""),
        ("media.quieter", ""),
    ],
    1.0,
)

LISTS: Mapping[tuple[str, str], float] = {
    ("HassShoppingListAddItem", ""): 4,
    ("HassShoppingListCompleteItem", ""): 2,
}

CLOCK: Mapping[tuple[str, str], float] = {
    ("HassStartTimer", "name"): 3,
    ("HassStartTimer", ""): 6,
    ("HassStartTimer", "conversation_command"): 3,
    ("HassCancelTimer", ""): 3,
    ("HassCancelAllTimers", ""): 1,
    ("HassIncreaseTimer", ""): 2,
    ("HassDecreaseTimer", ""): 2,
    ("HassPauseTimer", ""): 1,
    ("HassUnpauseTimer", ""): 1,
    ("HassTimerStatus", ""): 2,
}

TALK: Mapping[tuple[str, str], float] = {
    ("HassGetCurrentTime", ""): 4,
    ("HassGetCurrentDate", ""): 3,
    ("HassBroadcast", ""): 3,
    ("HassRespond", ""): 0.5,
    ("HassNevermind", ""): 2,
    ("conversation.stop", ""): 1,
    ("conversation.say_again", ""): 1,
    ("conversation.thanks", ""): 2,
    ("conversation.hello", ""): 1,
    ("volume.set_volume", ""): 1,
    ("volume.louder", ""): 1,
    ("volume.quieter", ""): 1,
    ("volume.mute", ""): 0.7,
    ("volume.unmute", ""): 0.7,
    ("help.help", ""): 1,
}
