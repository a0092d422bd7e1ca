"""Puts back what was done: by the skill's own function, or by the states of before.

Going back is judged like going there (`hub.policy`): what would let somebody in, or is asked about
first, is never put back. A door that was just locked stays locked, whoever says 'undo that'; and it
is said so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.home.hands import Hands
from hub.home.model import Entity, Home, State
from hub.language import names_together, words
from hub.messages import Outcome
from hub.policy import R1, R3, RISKS, Policy

SAID: Mapping[str, Mapping[str, str]] = {
    "whole": {"en": "I have undone it.", "de": "Ich habe es rückgängig gemacht."},
    "part": {
        "en": "I could not undo all of it.",
        "de": "Ich konnte nicht alles rückgängig machen.",
    },
    "opens": {
        "en": "I left the {names} as it is now: ask for that itself.",
        "de": "{names} lasse ich, wie es jetzt ist: Sag eigens, wenn du das willst.",
    },
    "opaque": {
        "en": "How it was before the {names} I do not know.",
        "de": "Wie es vor {names} war, weiß ich nicht.",
    },
    "away": {
        "en": "The {names} did not follow.",
        "de": "{names} hat nicht reagiert.",
    },
    "other": {
        "en": "I cannot take that back on the {names}.",
        "de": "Bei {names} kann ich das nicht zurücknehmen.",
    },
}
"""What is said of what became of it; of devices why they were left."""

SWITCHED = ("fan", "humidifier", "input_boolean", "light", "remote", "siren", "switch")
"""Domains of which 'on' and 'off' are services."""
SETTLED = {
    "input_number": ("set_value", "value"),
    "input_select": ("select_option", "option"),
    "input_text": ("set_value", "value"),
    "number": ("set_value", "value"),
    "select": ("select_option", "option"),
    "text": ("set_value", "value"),
}
"""Domain -> the service that sets its state, and the name of the value."""
COLOURS = {
    "color_temp": "color_temp_kelvin",
    "hs": "hs_color",
    "rgb": "rgb_color",
    "xy": "xy_color",
}
"""Colour mode of a light -> the attribute that has its colour."""
INVERSE = {
    "media_player.media_next_track": "media_player.media_previous_track",
    "media_player.media_previous_track": "media_player.media_next_track",
    "todo.add_item": "todo.remove_item",
    "todo.remove_item": "todo.add_item",
}
"""Services that leave no state behind, and the one that takes them back with the same data."""
ARMED = {
    "armed_away": "alarm_arm_away",
    "armed_home": "alarm_arm_home",
    "armed_night": "alarm_arm_night",
    "armed_vacation": "alarm_arm_vacation",
    "armed_custom_bypass": "alarm_arm_custom_bypass",
}
CLEANS = {"cleaning": "start", "returning": "return_to_base", "docked": "return_to_base"}
MOWS = {"mowing": "start_mowing", "returning": "dock", "docked": "dock", "paused": "pause"}
EXEMPT = frozenset({"heating"})
"""Reasons for a question that are none on the way back: it was so warm a moment ago."""

Step = tuple[str, Mapping[str, Any]]
"""A service and its data."""

OPENS, OPAQUE_NOW, AWAY, OTHER = "opens", "opaque", "away", "other"
"""Why something was not put back: it would open or set off something; nobody knows what it was
like; it cannot be reached; it was something else."""


@dataclass(frozen=True, slots=True)
class Left:
    """A device that was not put back."""

    name: str
    why: str
    """One of OPENS, OPAQUE_NOW, AWAY, OTHER."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of undoing something."""

    whole: bool = True
    names: tuple[str, ...] = ()
    """Devices that were put back."""
    left: tuple[Left, ...] = ()
    sentences: tuple[Mapping[str, str], ...] = ()
    """Why something cannot be undone, by language, as the skill says it (`final`)."""

    def __add__(self, other: Undone) -> Undone:
        return Undone(
            self.whole and other.whole,
            (*self.names, *other.names),
            (*self.left, *other.left),
            (*self.sentences, *other.sentences),
        )


def worded(undone: Undone, language: str) -> str:
    """What is said of it."""
    code = language.split("-")[0]

    def text(texts: Mapping[str, str]) -> str:
        return texts.get(code) or texts.get("en") or next(iter(texts.values()), "")

    if undone.whole:
        return text(SAID["whole"])
    said = list(dict.fromkeys(text(each) for each in undone.sentences))
    why = []
    for reason in (OPENS, OPAQUE_NOW, AWAY, OTHER):
        names = list(dict.fromkeys(left.name for left in undone.left if left.why == reason))
        if names:
            listed = names_together(names, words(language)["and"])
            why.append(text(SAID[reason]).format(names=listed))
    if why or not said or undone.names:
        why.insert(0, text(SAID["part"]))
    return " ".join([*why, *said])


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done, and how it is undone."""

    what: str
    """Name of the tool."""
    undo: Callable[[], Awaitable[Undone]]
    """Undoes it as far as that is possible."""


def never(final: Mapping[str, str]) -> Callable[[], Awaitable[Undone]]:
    """For what cannot be undone."""

    async def undo() -> Undone:
        return Undone(False, sentences=(final,))

    return undo


@dataclass(frozen=True, slots=True)
class Did:
    """A service call that was made."""

    service: str
    entity_ids: tuple[str, ...]
    data: Mapping[str, Any]


@dataclass(slots=True)
class Done:
    """What one run did to devices."""

    before: dict[str, State] = field(default_factory=dict)
    """How the devices were that it touched."""
    calls: list[Did] = field(default_factory=list)
    """What leaves no state behind, the last one last."""


class RememberingHands(Hands):
    """Hands that keep how each device was before."""

    def __init__(
        self, home: Home, timeout: float, policy: Policy | None = None, permit: str = R3
    ) -> None:
        super().__init__(home, timeout, policy, permit)
        self._done = Done()

    async def call(self, service: str, entities: Sequence[Entity], /, **data: Any) -> list[Outcome]:
        for entity in entities:
            self._done.before.setdefault(entity.entity_id, self.state(entity))
        domain = service.partition(".")[0]
        told = await super().call(service, entities, **data)
        good = tuple(outcome.entity_id for outcome in told if outcome.error is None)
        if good and domain != "homeassistant" and (service in INVERSE or domain == "todo"):
            self._done.calls.append(Did(service, good, data))
        return told

    def done(self) -> Done:
        """What was done, for undoing it."""
        reached = {outcome.entity_id for outcome in self.outcomes if outcome.error is None}
        before = {key: state for key, state in self._done.before.items() if key in reached}
        return Done(before, list(self._done.calls))


async def put_back(home: Home, done: Done, patience: float, policy: Policy | None = None) -> Undone:
    """Bring devices into their states of before."""
    policy = policy or Policy.plain()
    hands = Hands(home, patience, policy, R3)
    result = Undone()
    for did in reversed(done.calls):
        result += await _taken_back(home, hands, did)
    by_calls = {entity_id for did in done.calls for entity_id in did.entity_ids}
    for entity_id, state in done.before.items():
        if entity_id in by_calls:
            continue
        entity = home.entities.get(entity_id)
        if entity is None:
            result += Undone(False, left=(Left(entity_id, AWAY),))
            continue
        result += await _restored(hands, entity, state, home.state(entity_id), policy)
    return result


async def _taken_back(home: Home, hands: Hands, did: Did) -> Undone:
    entities = [home.entities[key] for key in did.entity_ids if key in home.entities]
    service, data = did.service, dict(did.data)
    if service == "todo.update_item":
        # Of what an item was called before, only the service knows.
        if set(data) != {"item", "status"}:
            return Undone(False, left=tuple(Left(e.name, OTHER) for e in entities))
        data["status"] = "needs_action" if data["status"] == "completed" else "completed"
    elif service not in INVERSE:
        return Undone(False, left=tuple(Left(e.name, OTHER) for e in entities))
    elif service == "todo.add_item":
        data = {"item": data.get("item")}
    outcomes = await hands.call(INVERSE.get(service, service), entities, **data)
    return _told(outcomes)


async def _restored(
    hands: Hands, entity: Entity, before: State, now: State, policy: Policy
) -> Undone:
    if before == now:
        return Undone()
    if not before.available or not now.available:
        return Undone(False, left=(Left(entity.name, AWAY),))
    steps = restoring(entity, before, now)
    if steps is None:
        why = OPENS if entity.domain == "alarm_control_panel" else OPAQUE_NOW
        return Undone(False, left=(Left(entity.name, why),))
    result = Undone()
    for service, data in steps:
        found = policy.harm(entity, service.partition(".")[2], data, now)
        if RISKS.index(found.risk) > RISKS.index(R1) and found.why not in EXEMPT:
            return result + Undone(False, left=(Left(entity.name, OPENS),))
        result += _told(await hands.call(service, [entity], **data))
    return result


def _told(outcomes: Sequence[Outcome]) -> Undone:
    failed = tuple(Left(o.name, AWAY) for o in outcomes if o.error is not None)
    names = tuple(outcome.name for outcome in outcomes if outcome.error is None)
    return Undone(not failed, names, failed)


def restoring(entity: Entity, before: State, now: State) -> list[Step] | None:
    """What brings a device back; nothing if it is as before, None if nothing can."""
    if before == now:
        return []
    domain = entity.domain
    if not before.available or not now.available:
        return None
    if domain in SWITCHED:
        return _switched(domain, before)
    if domain in SETTLED:
        service, name = SETTLED[domain]
        return [(f"{domain}.{service}", {name: before.state})]
    match domain:
        case "cover" | "valve":
            return _cover(entity, before)
        case "climate" | "water_heater":
            return _climate(domain, before, now)
        case "media_player":
            return _player(before, now)
        case "lock":
            return [("lock.lock" if before.state == "locked" else "lock.unlock", {})]
        case "vacuum":
            service = CLEANS.get(before.state, "stop" if now.state == "cleaning" else "")
            return [(f"vacuum.{service}", {})] if service else []
        case "lawn_mower":
            return [(f"lawn_mower.{MOWS[before.state]}", {})] if before.state in MOWS else None
        case "alarm_control_panel" if before.state in ARMED:
            return [(f"alarm_control_panel.{ARMED[before.state]}", {})]
        case "automation":
            on = "on" if before.state == "on" else "off"
            return [] if before.state == now.state else [(f"automation.turn_{on}", {})]
    return None


def _switched(domain: str, before: State) -> list[Step]:
    if before.state == "off":
        return [(f"{domain}.turn_off", {})]
    data: dict[str, Any] = {}
    if domain == "light":
        if before.attributes.get("brightness") is not None:
            data["brightness"] = before.attributes["brightness"]
        name = COLOURS.get(str(before.attributes.get("color_mode")), "")
        if before.attributes.get(name) is not None:
            data[name] = before.attributes[name]
    steps: list[Step] = [(f"{domain}.turn_on", data)]
    if domain == "fan" and before.attributes.get("percentage") is not None:
        steps.append(("fan.set_percentage", {"percentage": before.attributes["percentage"]}))
    if domain == "humidifier" and before.attributes.get("humidity") is not None:
        steps.append(("humidifier.set_humidity", {"humidity": before.attributes["humidity"]}))
    return steps


def _cover(entity: Entity, before: State) -> list[Step]:
    position = before.attributes.get("current_position")
    if position is not None and entity.can(4) and 0 < position < 100:
        return [(f"{entity.domain}.set_{entity.domain}_position", {"position": position})]
    closed = before.state in ("closed", "closing")
    return [(f"{entity.domain}.{'close' if closed else 'open'}_{entity.domain}", {})]


def _climate(domain: str, before: State, now: State) -> list[Step]:
    steps: list[Step] = []
    if domain == "climate" and before.state != now.state:
        steps.append(("climate.set_hvac_mode", {"hvac_mode": before.state}))
    if domain == "water_heater" and before.state != now.state:
        if before.state == "off":
            steps.append(("water_heater.turn_off", {}))
        else:
            steps.append(("water_heater.set_operation_mode", {"operation_mode": before.state}))
    for name, service in CLIMATE.items():
        was = before.attributes.get(name)
        if was is not None and was != now.attributes.get(name):
            steps.append((f"{domain}.{service}", {name: was}))
    was = before.attributes.get("temperature")
    if was is not None and before.state != "off" and was != now.attributes.get("temperature"):
        steps.append((f"{domain}.set_temperature", {"temperature": was}))
    return steps


CLIMATE = {
    "fan_mode": "set_fan_mode",
    "humidity": "set_humidity",
    "preset_mode": "set_preset_mode",
    "swing_mode": "set_swing_mode",
    "away_mode": "set_away_mode",
}
"""Attribute of a thermostat -> the service that sets it."""


def _player(before: State, now: State) -> list[Step] | None:
    steps: list[Step] = []
    if before.state != now.state:
        service = {
            "off": "turn_off",
            "paused": "media_pause",
            "playing": "media_play",
            "idle": "media_stop",
        }.get(before.state, "turn_on")
        steps.append((f"media_player.{service}", {}))
    volume = before.attributes.get("volume_level")
    if volume is not None and volume != now.attributes.get("volume_level"):
        steps.append(("media_player.volume_set", {"volume_level": volume}))
    muted = before.attributes.get("is_volume_muted")
    if muted is not None and muted != now.attributes.get("is_volume_muted"):
        steps.append(("media_player.volume_mute", {"is_volume_muted": muted}))
    for name, service, value in PLAYER:
        was = before.attributes.get(name)
        if was is not None and was != now.attributes.get(name):
            steps.append((f"media_player.{service}", {value: was}))
    return steps


PLAYER = (
    ("source", "select_source", "source"),
    ("shuffle", "shuffle_set", "shuffle"),
    ("repeat", "repeat_set", "repeat"),
)
"""Attribute of a media player, the service that sets it, and the name of the value there."""
