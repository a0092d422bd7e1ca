"""What lets people in: devices that must not be opened or pressed because somebody was misheard.

A device source may say so of an entity (`SourceEntity.guarded`). Where it does not, the device
class tells, and of what has none (a relay, a button, a cover of no class) its names do. What only
sets other things off, such as a script, may do anything: unless its source says that it lets
nobody in, it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

CLASSES = frozenset({"door", "garage", "gate"})
"""Device classes of covers that people come in by."""

ENTRANCES = frozenset(
    "door doors gate gates tor tür tuer türen haustür haustuer wohnungstür eingangstür "
    "garagentor hoftor gartentor einfahrtstor einfahrt rolltor".split()
)
OPENERS = frozenset("opener unlock türöffner tueroeffner toröffner türsummer buzzer".split())
GARAGE = frozenset({"garage", "carport"})
GENERIC = frozenset("button relay relais remote switch taster schalter trigger the my".split())
HARMLESS = frozenset(
    "alarm bell camera fan heater lamp lamps light lights sensor licht lichter lampe klingel "
    "kamera sensor blind blinds curtain curtains vorhang vorhänge rollo jalousie shade shades "
    "freezer ventilator heizung".split()
)
CLOSING = frozenset("close closed lock locked shut schließen zu abschließen".split())

NAMED = frozenset({"button", "cover", "input_boolean", "input_button", "scene", "script", "switch"})
"""Domains of which a name may tell."""

OVENS = frozenset(
    "backofen cooker cooktop four grill herd hob horno oven ofen range stove toaster".split()
)
HEATED = frozenset({"button", "climate", "input_boolean", "select", "switch", "water_heater"})
"""Domains in which an oven may turn up: Home Assistant has none for it."""

ELSEWHERE = frozenset(
    "fan humidifier input_number input_select light number remote select siren valve".split()
)
"""Further domains in which a relay may turn up; there a name counts that means nothing else."""
PLAINLY = frozenset("garagentor hoftor gartentor einfahrtstor rolltor".split())
DOORS = frozenset("door doors gate gates tor tür".split())

WINDOWS = frozenset("dachfenster fenster fensterantrieb skylight window windows".split())
BLINDS = frozenset(
    "awning blind blinds curtain curtains jalousie jalousien markise plissee rollo rollladen "
    "rollos rolladen shade shades shutter shutters vorhang vorhänge".split()
)
HEATERS = frozenset(
    "boiler bügeleisen fireplace grill heater heizlüfter heizofen heizstrahler iron kamin "
    "radiator sauna".split()
)
"""What gets hot at a switch, and is not to be on unseen."""
CAMERAS = frozenset("camera cameras kamera kameras".split())

OPAQUE = frozenset({"automation", "button", "input_button", "scene", "script"})
"""Domains that act on other things, which only their source can see."""


def unknown(domain: str, guarded: bool | None) -> bool:
    """Whether nobody has said what a thing leads to that may lead to anything."""
    return guarded is None and domain in OPAQUE


def lets_in(domain: str, device_class: str | None, names: Iterable[str]) -> bool:
    """Whether a device is an entrance by its class, or sounds like one that opens an entrance."""
    if domain == "cover" and device_class:
        return device_class in CLASSES
    if domain in ELSEWHERE:
        return any(_plainly(name) for name in names)
    return domain in NAMED and any(_sounds(domain, name) for name in names)


def is_window(domain: str, device_class: str | None, names: Iterable[str]) -> bool:
    """Whether a cover is a window: what comes in by it is weather, or somebody agile."""
    if domain != "cover" or device_class:
        return domain == "cover" and device_class == "window"
    return any(said & WINDOWS and not said & BLINDS for said in map(_words, names))


def is_oven(domain: str, names: Iterable[str]) -> bool:
    """Whether it may be something to cook on."""
    return domain in HEATED and any(OVENS & _words(name) for name in names)


def is_heater(domain: str, names: Iterable[str]) -> bool:
    """Whether a switch has something on it that gets hot. What is called a heater and has a
    thermostat is none of these."""
    return domain in ("input_boolean", "switch") and any(HEATERS & _words(name) for name in names)


def asked_first(domain: str, device_class: str | None, names: Iterable[str]) -> bool:
    """Whether opening it, or turning it on, is asked for first, although nobody comes in by it."""
    names = tuple(names)
    return (
        domain in ("siren", "valve")
        or is_window(domain, device_class, names)
        or is_oven(domain, names)
        or is_heater(domain, names)
    )


def is_camera(domain: str, names: Iterable[str]) -> bool:
    """Whether it is a camera, or the switch of one."""
    switch = domain in ("input_boolean", "switch")
    return domain == "camera" or (switch and any(CAMERAS & _words(name) for name in names))


def needs_yes(domain: str, device_class: str | None, names: Iterable[str]) -> bool:
    """Whether voice may act on such a thing only after somebody has said so once: what lets
    people in, alarms, and what can burn the house down."""
    names = tuple(names)
    if domain in ("alarm_control_panel", "lock") or lets_in(domain, device_class, names):
        return domain not in ("scene", "script")
    return is_oven(domain, names)


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", name.casefold()))


def _plainly(name: str) -> bool:
    """Whether a name can mean nothing but a gate or a garage door, whatever has it."""
    said = _words(name)
    if said & HARMLESS:
        return False
    garage = bool(said & GARAGE) and bool(said & DOORS)
    return garage or bool(said & (PLAINLY | OPENERS))


def _sounds(domain: str, name: str) -> bool:
    said = set(_words(name))
    if domain in ("scene", "script") and said & CLOSING and "unlock" not in said:
        return False
    if said & OPENERS:
        return True
    if said & HARMLESS:
        return False
    # 'Garage', 'Garage Relay' and 'Open Garage', but not 'Garage Socket'.
    rest = {word for word in said - GENERIC - GARAGE if not word.isdigit()}
    garage = bool(said & GARAGE) and (domain == "cover" or rest <= {"open", "öffne", "öffnen"})
    return bool(said & ENTRANCES) or garage
