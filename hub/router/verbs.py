"""The words of the model's answers, and which tool each stands for.

One table, read by three: the codec turns calls into answers and back with it, the decoder learns
from it what may follow a verb, the training data is written with it. A verb is one common English
word (one or two tokens) whatever language is spoken. Several rows may share a verb: the domain of
the thing decides ('pause' of a player or of a vacuum). Several may share a tool: 'lock', 'open' and
'on' are all Home Assistant's HassTurnOn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Value = Literal[
    "", "percent", "number", "color", "words", "mode", "state", "query", "span", "timer"
]
"""What follows the target: nothing; 0-100; a number that was said; a colour's name; words that were
said; one of `Verb.options`; a state as Home Assistant names it; what to play, with `album:` in
front where the kind was said; a duration and a timer; which timer."""

Place = Literal["", "optional", "needed", "hub", "area", "all"]
"""Which target a verb takes: none; one or none; one; the hub itself; an area or none, which is an
argument of the tool's own; the whole house or an area."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One row: a word, and the call it is."""

    word: str
    tool: str
    domains: frozenset[str] = frozenset()
    """Domains of the things it acts on. Empty: whatever the tool acts on."""
    target: Place = ""
    value: Value = ""
    slot: str = ""
    """Argument that holds the value."""
    required: bool = True
    """Whether the value must be there."""
    options: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that the word itself gives."""
    response: str = "default"
    """Key of the reply template, where words differ in nothing else."""


def _verb(word: str, tool: str, domains: str = "", target: Place = "needed", **rest: Any) -> Verb:
    return Verb(word, tool, frozenset(domains.split()), target, **rest)


MOVING = "cover valve"
CHECKED = ("get", "is", "any", "every", "which", "count", "where")
"""Verbs of HassGetState."""
RESPONSES = ("one", "one_yesno", "any", "all", "which", "how_many", "where")

VERBS: tuple[Verb, ...] = (
    _verb("off", "everything.off", target="all", slot="area", required=False),
    _verb("lock", "locks.lock_all", target="all"),
    _verb("open", "HassTurnOn", MOVING),
    _verb("lock", "HassTurnOn", "lock"),
    _verb("run", "HassTurnOn", "scene script automation"),
    _verb("press", "HassTurnOn", "button input_button"),
    _verb("on", "HassTurnOn"),
    _verb("close", "HassTurnOff", MOVING),
    _verb("unlock", "HassTurnOff", "lock"),
    _verb("off", "HassTurnOff"),
    _verb("toggle", "HassToggle"),
    _verb("stop", "covers.stop", "cover", "optional"),
    _verb("position", "HassSetPosition", MOVING, "optional", value="percent", slot="position"),
    _verb("dim", "HassLightSet", "light", "optional", value="percent", slot="brightness"),
    _verb("color", "HassLightSet", "light", "optional", value="color", slot="color"),
    _verb("warmth", "HassLightSet", "light", "optional", value="number", slot="temperature"),
    _verb("brighter", "lights.brighter", "light", "optional"),
    _verb("darker", "lights.dimmer", "light", "optional"),
    _verb("speed", "HassFanSetSpeed", "fan", "optional", value="percent", slot="percentage"),
    _verb(
        "temp",
        "HassClimateSetTemperature",
        "climate water_heater",
        "optional",
        value="number",
        slot="temperature",
    ),
    _verb("degrees", "HassClimateGetTemperature", "climate sensor weather", "optional"),
    _verb("warmer", "climate.warmer", "climate", "optional"),
    _verb("cooler", "climate.cooler", "climate", "optional"),
    _verb(
        "mode",
        "climate.set_mode",
        "climate",
        "optional",
        value="mode",
        slot="mode",
        options=("heat", "cool", "auto", "dry", "fan_only"),
    ),
    _verb(
        "airflow", "HassClimateSetFanMode", "climate", "optional", value="words", slot="fan_mode"
    ),
    *(
        _verb(word, "HassGetState", value="state", slot="state", required=False, response=response)
        for word, response in zip(CHECKED, RESPONSES, strict=True)
    ),
    _verb(
        "tell",
        "questions.attribute",
        "climate cover fan humidifier lawn_mower light lock media_player vacuum valve water_heater",
        value="mode",
        slot="attribute",
        required=False,
        options=(
            "battery",
            "brightness",
            "color",
            "color_temp",
            "effect",
            "fan_mode",
            "humidity",
            "mode",
            "position",
            "preset",
            "setting",
            "source",
            "speed",
            "temperature",
            "volume",
        ),
    ),
    _verb("playing", "media.playing", "media_player", "optional"),
    _verb("volume", "volume.set_volume", target="hub", value="percent", slot="percent"),
    _verb("louder", "volume.louder", target="hub"),
    _verb("quieter", "volume.quieter", target="hub"),
    _verb("mute", "volume.mute", target="hub"),
    _verb("unmute", "volume.unmute", target="hub"),
    _verb(
        "volume", "HassSetVolume", "media_player", "optional", value="percent", slot="volume_level"
    ),
    *(
        row
        for word, step in (("louder", "up"), ("quieter", "down"))
        for row in (
            _verb(
                word,
                "HassSetVolumeRelative",
                "media_player",
                "optional",
                fixed={"volume_step": step},
            ),
            _verb(
                word,
                "HassSetVolumeRelative",
                "media_player",
                "optional",
                value="percent",
                slot="volume_step",
            ),
        )
    ),
    _verb("mute", "HassMediaPlayerMute", "media_player", "optional"),
    _verb("unmute", "HassMediaPlayerUnmute", "media_player", "optional"),
    _verb("pause", "HassMediaPause", "media_player", "optional"),
    _verb("pause", "vacuum.pause", "vacuum", "optional"),
    _verb("resume", "HassMediaUnpause", "media_player", "optional"),
    _verb("next", "HassMediaNext", "media_player", "optional"),
    _verb("previous", "HassMediaPrevious", "media_player", "optional"),
    _verb(
        "play",
        "HassMediaSearchAndPlay",
        "media_player",
        "optional",
        value="query",
        slot="search_query",
    ),
    _verb("vacuum", "HassVacuumStart", "vacuum", "optional"),
    _verb("dock", "HassVacuumReturnToBase", "vacuum", "optional"),
    _verb("dock", "HassLawnMowerDock", "lawn_mower", "optional"),
    _verb("clean", "HassVacuumCleanArea", "vacuum", "optional"),
    _verb("mow", "HassLawnMowerStartMowing", "lawn_mower", "optional"),
    _verb("add", "HassListAddItem", "todo", value="words", slot="item"),
    _verb("done", "HassListCompleteItem", "todo", value="words", slot="item"),
    _verb("remove", "HassListRemoveItem", "todo", value="words", slot="item"),
    _verb("shop", "HassShoppingListAddItem", target="", value="words", slot="item"),
    _verb("bought", "HassShoppingListCompleteItem", target="", value="words", slot="item"),
    _verb("later", "HassStartTimer", target="", value="timer", slot="conversation_command"),
    _verb("timer", "HassStartTimer", target="", value="timer", slot="name", required=False),
    _verb("cancel", "HassCancelTimer", target="", value="span", required=False),
    _verb("clear", "HassCancelAllTimers", target="area", slot="area", required=False),
    _verb("more", "HassIncreaseTimer", target="", value="timer", slot="start", required=False),
    _verb("less", "HassDecreaseTimer", target="", value="timer", slot="start", required=False),
    _verb("hold", "HassPauseTimer", target="", value="span", required=False),
    _verb("continue", "HassUnpauseTimer", target="", value="span", required=False),
    _verb("left", "HassTimerStatus", target="", value="span", required=False),
    _verb("time", "HassGetCurrentTime", target=""),
    _verb("date", "HassGetCurrentDate", target=""),
    _verb("weather", "HassGetWeather", "weather", "optional"),
    _verb("announce", "HassBroadcast", target="", value="words", slot="message"),
    _verb("respond", "HassRespond", target="", value="words", slot="response", required=False),
    _verb("never", "HassNevermind", target=""),
    _verb("silence", "conversation.stop", target=""),
    _verb("again", "conversation.say_again", target=""),
    _verb("thanks", "conversation.thanks", target=""),
    _verb("hello", "conversation.hello", target=""),
    _verb("help", "help.help", target="area", slot="area", required=False),
)

BY_WORD: Mapping[str, tuple[Verb, ...]] = {
    verb.word: tuple(row for row in VERBS if row.word == verb.word) for verb in VERBS
}
BY_TOOL: Mapping[str, tuple[Verb, ...]] = {
    verb.tool: tuple(row for row in VERBS if row.tool == verb.tool) for verb in VERBS
}
TWINS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "climate.setting": ("questions.attribute", {"attribute": "temperature"}),
    "media.volume": ("questions.attribute", {"attribute": "volume"}),
    "media.louder": ("HassSetVolumeRelative", {"volume_step": "up"}),
    "media.quieter": ("HassSetVolumeRelative", {"volume_step": "down"}),
    "media.go_on": ("HassMediaUnpause", {}),
    "timers.cancel_it": ("HassCancelTimer", {}),
    "timers.lasting": ("HassStartTimer", {}),
    "timers.less": ("HassDecreaseTimer", {}),
    "timers.more": ("HassIncreaseTimer", {}),
    "timers.pause_it": ("HassPauseTimer", {}),
    "timers.resume_it": ("HassUnpauseTimer", {}),
}
"""Tools that do what another does with these arguments; they are answered as that one. Of any tool
that is neither here nor has a word of its own, like those of other people's skills, the model reads
what it is for when its words were said."""

NONE, HERE, ALL, HUB = "none", "here", "all", "hub"

DOMAIN_WORDS: Mapping[str, str] = {
    "media_player": "media",
    "lawn_mower": "robot",
    "binary_sensor": "detector",
    "input_boolean": "helper",
    "input_button": "push",
    "water_heater": "boiler",
    "device_tracker": "tracker",
    "alarm_control_panel": "alarm",
    "todo": "list",
}
"""Short words for domains; all others are their own."""
DOMAINS_BY_WORD = {word: domain for domain, word in DOMAIN_WORDS.items()}

CLASS_DOMAIN: Mapping[str, str] = {
    **dict.fromkeys("awning blind curtain damper garage gate shade shutter".split(), "cover"),
    **dict.fromkeys(
        "battery_charging carbon_monoxide cold connectivity door garage_door heat light_detected "
        "lock_open motion moving occupancy opening plug presence problem running safety smoke "
        "sound tamper update vibration window".split(),
        "binary_sensor",
    ),
    **dict.fromkeys(
        "apparent_power aqi atmospheric_pressure battery carbon_dioxide current distance duration "
        "energy frequency gas humidity illuminance moisture monetary ozone pm1 pm10 pm25 power "
        "power_factor precipitation pressure speed temperature voltage volume water weight "
        "wind_speed".split(),
        "sensor",
    ),
    "outlet": "switch",
    "tv": "media_player",
    "speaker": "media_player",
    "receiver": "media_player",
}
"""Device class -> the domain that is meant when only the class is written. For verbs of covers it
is the cover's ('open window here'), whatever is said here."""


def kind_word(domain: str | None, device_class: str | None, verb: Verb | None = None) -> str:
    """The word for a kind of thing: 'light', 'blind', 'window'; `cover.window` where the class
    alone would mean another domain's."""
    if not device_class:
        return DOMAIN_WORDS.get(domain or "", domain or "")
    if domain is not None and class_domain(device_class, verb) == domain:
        return device_class
    return f"{DOMAIN_WORDS.get(domain or '', domain or '*')}.{device_class}"


def kind_of(word: str, verb: Verb | None = None) -> tuple[str | None, str | None]:
    """Domain and device class of a word for a kind; the inverse of `kind_word`."""
    domain, dot, device_class = word.partition(".")
    if dot:
        return (None if domain == "*" else DOMAINS_BY_WORD.get(domain, domain)), device_class
    of_class = class_domain(word, verb)
    if of_class is not None:
        return of_class, word
    return DOMAINS_BY_WORD.get(word, word), None


def class_domain(device_class: str, verb: Verb | None) -> str | None:
    if verb is not None and "cover" in verb.domains and device_class in COVER_CLASSES:
        return "cover"
    return CLASS_DOMAIN.get(device_class)


COVER_CLASSES = frozenset(
    "awning blind curtain damper door garage gate shade shutter window".split()
)


def rows(word: str, domain: str | None) -> tuple[Verb, ...]:
    """What a verb may mean for a thing of this domain."""
    return tuple(
        row
        for row in BY_WORD.get(word, ())
        if domain is None or not row.domains or domain in row.domains
    )
