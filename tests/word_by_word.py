"""Homes in which sentences are read word by word, without the shared sentences or with them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from hub.config import Config
from hub.devices.homefile import parse
from hub.evaluate.stage import Answer, Stage
from hub.router.lexicon import lexicon

Thing = tuple[str, str, str | None, str, str | None]
"""Id, name, room, state, device class."""


def built(
    rooms: Mapping[str, str],
    things: Sequence[Thing],
    attributes: Mapping[str, Mapping[str, Any]],
    language: str,
    *without: str,
) -> Stage:
    """A home on a stage, less some mechanisms. `attributes`: of each domain."""
    home = parse(
        {
            "areas": [{"id": key, "name": name, "floor": None} for key, name in rooms.items()],
            "entities": [
                {
                    "entity_id": key,
                    "name": name,
                    "area": area,
                    "state": state,
                    "device_class": kind,
                    "attributes": attributes.get(key.split(".")[0], {}),
                }
                for key, name, area, state, kind in things
            ],
        },
        "test",
    )
    return asyncio.run(Stage.build(home, Config(), language=language, without=("model", *without)))


def done(answer: Answer) -> dict[str, str]:
    """The states of all that was acted on."""
    return {key: answer.after[key]["state"] for key in answer.touched}


def unknown_tags(language: str) -> dict[str, frozenset[str]]:
    """Tags that a language's frames ask for, and no word of it has: by the intent."""
    known = lexicon(language)
    assert known is not None
    tags = {tag for meanings in known.phrases.values() for tag in meanings}
    tags |= {"count", "percent", "degrees", "kelvin", "length", "all", "it", "source"}
    asked = ((frame.intent, frame.takes.union(*frame.needs) - tags) for frame in known.frames)
    return {intent: unknown for intent, unknown in asked if unknown}
