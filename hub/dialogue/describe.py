"""Devices and their states in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.dialogue.speakable import number
from hub.home.model import Entity, Home, normal
from hub.language import has_words, names_together, words

MOST_NAMES = 4
"""As many devices are named; of more only the first three."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A device and its state, as the reply templates see it."""

    entity_id: str = ""
    name: str = ""
    domain: str = ""
    state: str = "unknown"
    attributes: Mapping[str, Any] = field(default_factory=dict)
    device_class: str | None = None

    @property
    def state_with_unit(self) -> str:
        unit = self.attributes.get("unit_of_measurement")
        return f"{self.state} {unit}" if unit else self.state


def see(home: Home, entity: Entity) -> Seen:
    state = home.state(entity.entity_id)
    told = state.attributes
    if entity.domain == "weather" and not told.get("temperature_unit"):
        told = {**told, "temperature_unit": "°C"}  # the shared replies would say 'None'
    return Seen(
        entity.entity_id, entity.name, entity.domain, state.state, told, entity.device_class
    )


def names(
    things: Sequence[Entity] | Sequence[Seen], language: str, joined: str | None = None
) -> str:
    """'the Floor Lamp and the Desk Lamp', but 'Ada'; of many only some. `joined`: another word
    for 'and'."""
    known = words(language)
    if not has_words(language):
        return ", ".join(thing.name for thing in things)
    shown = [
        thing.name if thing.domain == "person" else with_article(thing.name, language)
        for thing in things
    ]
    if len(shown) > MOST_NAMES:
        left = len(shown) - MOST_NAMES + 1
        shown = [*shown[: MOST_NAMES - 1], known["more"].format(count=left)]
    return names_together(shown, joined or known["and"])


def with_article(name: str, language: str) -> str:
    """'the Floor Lamp', but 'Anna's Lamp'."""
    first = normal(name).split(" ")[0]
    if "'s " in name or "’s " in name or first in ("the", "my", "our", "all"):
        return name
    return str(words(language)["article"].format(name=name))


def plural(name: str) -> bool:
    """Whether an English name is one of several things: 'Blinds'."""
    last = normal(name).rpartition(" ")[2]
    return last.endswith("s") and not last.endswith("ss")


def condition(seen: Seen, language: str) -> str:
    """The state in words: 'on', 'unlocked', '21.5 °C'."""
    if not has_words(language):
        return seen.state_with_unit
    return state_word(seen.state, seen, language)


def state_word(state: str, seen: Seen, language: str) -> str:
    """A state of such a device in words: 'on' of a window sensor is 'open'."""
    known = words(language)["states"]
    if seen.domain == "binary_sensor" and state in ("on", "off"):
        binary = known["binary"].get(seen.device_class or "", {})
        return str(binary.get(state, known[state]))
    unit = seen.attributes.get("unit_of_measurement")
    if unit and state == seen.state and state not in ("unavailable", "unknown"):
        return f"{number(state, language)} {unit}"
    said = known.get(state)
    return said if isinstance(said, str) else state.replace("_", " ")


def value(seen: Seen, language: str) -> str:
    """A measured value with its unit. The scale of a temperature goes without saying."""
    unit = str(seen.attributes.get("unit_of_measurement") or "")
    if seen.device_class == "temperature":
        unit = "°"
    return f"{number(seen.state, language)} {unit}".strip()


def percent(seen: Seen) -> int | None:
    """How bright, how far open, how fast: 0-100; None if there is no such thing."""
    if seen.domain == "light":
        level = seen.attributes.get("brightness")
        return None if level is None else round(level / 2.55)
    key = {"cover": "current_position", "valve": "current_position", "fan": "percentage"}
    found = seen.attributes.get(key.get(seen.domain, ""))
    return round(found) if isinstance(found, int | float) else None


def room(home: Home, entity: Entity, language: str) -> str:
    """The room to speak of instead of a sensor in it: 'kitchen' for 'Kitchen Temperature'.

    '' if the name says something else, such as 'Freezer'."""
    area = home.area_of(entity)
    if area is None:
        return ""
    generic = {"temperature", "humidity", "sensor", "thermostat", "temperatur", "luftfeuchtigkeit"}
    rest = set(normal(entity.name).split()) - set(normal(area.name).split()) - generic
    if rest:
        return ""
    return area.name if "'" in area.name or language.split("-")[0] != "en" else area.name.lower()
