"""What people may change about a device: its name, other names, its room, and what voice may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hub.errors import DeviceError
from hub.home.merge import Personal
from hub.home.model import Entity, Home, normal

LONGEST = 80
"""Characters of a name that can still be said."""

Edit = Callable[[Personal, Sequence[str]], Personal]


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not normal(name):
        raise DeviceError(f"'{text}' is no name that could be said")
    if len(name) > LONGEST:
        raise DeviceError(f"a name has at most {LONGEST} characters, this one has {len(name)}")
    return name


def _factor(text: str) -> str:
    if text not in ("pin", "phone", "no"):
        raise DeviceError(f"'{text}' lets nobody in; known are pin, phone and no")
    return text


EDITS: Mapping[str, Edit] = {
    "rename": lambda old, words: replace(old, name=_name(words[0]) if words else None),
    "alias": lambda old, words: replace(
        old, aliases=tuple(_name(word) for word in words) if words else None
    ),
    "area": lambda old, words: replace(old, area=_name(words[0]) if words else None),
    "hide": lambda old, words: replace(old, hidden=True),
    "show": lambda old, words: replace(old, hidden=False),
    "allow": lambda old, words: replace(old, allowed=True),
    "deny": lambda old, words: replace(old, allowed=False),
    "trust": lambda old, words: replace(old, allowed=words[0] != "no", trust=_factor(words[0])),
    "reset": lambda old, words: Personal(),
}
"""Edit -> what it changes. Without words, what the source says is taken again."""


def edit(home: Home, device: str, change: str, words: Sequence[str] = ()) -> Entity:
    """Change a device, named by its id or by what it is called. What it is now.

    Raises DeviceError for a device that there is not, a name that several have, an edit that
    nobody knows, or words that are no name."""
    apply = EDITS.get(change)
    if apply is None:
        raise DeviceError(f"'{change}' cannot be done to a device; known are {', '.join(EDITS)}")
    entity_id = find(home, device).entity_id
    home.change(entity_id, apply(home.personal(entity_id), words))
    return home.entities.get(entity_id) or home.hidden[entity_id]


def find(home: Home, device: str) -> Entity:
    """The device with an id or a name, whether voice knows of it or not. Raises DeviceError."""
    there = {**home.entities, **home.hidden}
    if device in there:
        return there[device]
    wanted = normal(device)
    found = [e for e in there.values() if wanted in {normal(name) for name in e.names}]
    if not found:
        raise DeviceError(f"there is no device '{device}'; 'hearth devices --all' lists them")
    if len(found) > 1:
        ids = ", ".join(entity.entity_id for entity in found)
        raise DeviceError(f"several devices are called '{device}'; name one by its id: {ids}")
    return found[0]
