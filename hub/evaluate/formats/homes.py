"""Sets of home-assistant-datasets: homes (`HOME/_fixtures.yaml`) with sentences (`HOME/*.yaml`).

Three kinds of test, told apart by their keys: `expect_changes` (the states that must follow, in
`assist` and `assist-mini`; our own sets have `up` and `down` for attributes), `expect_response`
(words one of which the reply must have, in `questions`), and `entity_id` (the device that is
meant, in `device-actions`). `language` in the fixtures is that of the sentences (English without).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from hub.devices.homefile import LOADER, parse
from hub.errors import ConfigError
from hub.evaluate.judging import Case, Ground, Judgement, TextSet, changes, settle, told
from hub.evaluate.stage import Answer, Request
from hub.home.model import normal
from hub.ports import Inventory

JUDGED = {
    "changes": "the expected changes happen in the simulated home and nothing else changes "
    "(states the calls would lead to; a question before unlocking is answered with yes)",
    "response": "the reply contains one of the accepted words, and nothing in the home changes",
    "entity": "exactly the device that is meant is acted on, or asked to do what it cannot; where "
    "the words tell a direction (on, open, unlock, start / off, close, lock, stop) its state "
    "afterwards must agree, and where they have one number, an argument must be that number; a "
    "media player that is meant plays before (is paused, before resume), as all others do in these "
    "homes; the room is not told",
    "entity-room": "as above, said in the room of the device",
}


def matches(folder: Path) -> bool:
    return any(folder.glob("*/_fixtures.yaml")) and not (folder / "intents.yaml").exists()


def read(folder: Path) -> Iterator[TextSet]:
    """The set of a folder; device-actions twice, without and with the room."""
    grounds = {kind: [] for kind in JUDGED}  # type: dict[str, list[Ground]]
    for fixtures in sorted(folder.glob("*/_fixtures.yaml")):
        content = _yaml(fixtures)
        inventory = parse(content, str(fixtures))
        rooms = _rooms(content, inventory)
        language = str(content.get("language") or "en")
        cases: dict[str, list[Case]] = {kind: [] for kind in JUDGED}
        for file in sorted(fixtures.parent.glob("[!_]*.yaml")):
            given = _yaml(file)
            for test in given.get("tests") or ():
                for kind, case in _cases(test, inventory, rooms, language, _group(given, file)):
                    cases[kind].append(case)
        for kind, found in cases.items():
            if found:
                grounds[kind].append(Ground(fixtures.parent.name, inventory, found, language))
    for kind, several in grounds.items():
        if several:
            name = f"{folder.name}, room told" if kind == "entity-room" else folder.name
            yield TextSet(name, "homes", several, JUDGED[kind])


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path}: is not a mapping")
    return dict(content)


def _group(content: Mapping[str, Any], file: Path) -> str:
    category = content.get("category", file.stem)
    return str(category[0] if isinstance(category, list) else category)


def _rooms(content: Mapping[str, Any], inventory: Inventory) -> dict[str, str]:
    """Id of a device -> name of its area."""
    names = {area.area_id: area.name for area in inventory.areas}
    return {
        device["id"]: names.get(device["area"], device["area"])
        for device in content.get("devices") or []
        if device.get("area")
    }


def _cases(
    test: Mapping[str, Any],
    inventory: Inventory,
    rooms: Mapping[str, str],
    language: str,
    group: str,
) -> Iterator[tuple[str, Case]]:
    setup = {key: dict(value) for key, value in (test.get("setup") or {}).items()}
    area = rooms.get(str(test.get("context_device")))
    now = test.get("context_now")
    moment = datetime.fromisoformat(str(now)) if now else None
    for sentence in test["sentences"]:
        request = Request(sentence, area, language, setup, moment)
        if "entity_id" in test:
            entity = _meant(str(test["entity_id"]), test.get("area"), inventory)
            states = _begins(entity, sentence)
            judge = _Entity(entity, sentence)
            yield "entity", Case(Request(sentence, None, language, states), judge, group)
            where = _area(entity, inventory)
            yield "entity-room", Case(Request(sentence, where, language, states), judge, group)
        elif "expect_response" in test:
            yield "response", Case(request, _Response(tuple(test["expect_response"])), group)
        else:
            expected = test.get("expect_changes") or {}
            ignored = test.get("ignore_changes") or {}
            yield "changes", Case(request, _Changes(expected, setup, ignored), group)


class _Changes:
    def __init__(
        self,
        expected: Mapping[str, Any],
        setup: Mapping[str, Any],
        ignored: Mapping[str, Any],
    ) -> None:
        self._expected = expected
        self._setup = setup
        self._ignored = ignored

    def __call__(self, answer: Answer) -> Judgement:
        found = changes(answer, self._expected, setup=self._setup, ignored=self._ignored)
        return settle(found, answer)


class _Response:
    def __init__(self, accepted: tuple[str, ...]) -> None:
        self._accepted = tuple(map(str, accepted))

    def __call__(self, answer: Answer) -> Judgement:
        reply = f" {_plain(answer.reply)} "
        found = []
        if not any(f" {_plain(word)} " in reply for word in self._accepted):
            found.append(f"“{answer.reply}” has none of {', '.join(self._accepted)}")
        if answer.changed:
            found.append(f"{', '.join(answer.changed)} changed")
        return settle(found, answer)


def _plain(text: str) -> str:
    """Words alone: '55 %' and '55%' are the same."""
    return normal(text.replace("%", " percent "))


ON = ("on", "open", "unlock", "start", "activate", "light", "run", "play", "resume", "unpause")
OFF = (
    "off", "close", "shut", "lock", "stop", "deactivate", "extinguish", "pause", "dock", "return",
)  # fmt: skip
ON_STATES = frozenset(
    {"on", "open", "opening", "unlocked", "playing", "cleaning", "heat", "cool", "auto",
     "heat_cool", "dry", "fan_only"}
)  # fmt: skip


class _Entity:
    """The device that is meant, and what the words tell of what is to become of it."""

    def __init__(self, entity: str, sentence: str) -> None:
        self._entity = entity
        numbers = re.findall(r"\d+(?:\.\d+)?", sentence)
        named = {*re.findall(r"\d+", entity)}
        self._number = float(numbers[0]) if len(numbers) == 1 and numbers[0] not in named else None
        counted = self._number is not None or "halfway" in normal(sentence).split()
        self._on = None if counted else direction(entity, sentence)

    def __call__(self, answer: Answer) -> Judgement:
        touched = {*answer.meant, *answer.changed}
        right = touched == {self._entity}
        return settle(self._differences(answer, touched), answer, right_entity=right)

    def _differences(self, answer: Answer, touched: set[str]) -> Iterator[str]:
        if touched != {self._entity}:
            shown = ", ".join(sorted(touched)) or f"nothing ({told(answer.routed)})"
            yield f"acted on {shown}, not on {self._entity}"
            return
        state = str(answer.after[self._entity]["state"])
        done = self._entity in answer.touched
        if done and self._on is not None and (state in ON_STATES) != self._on:
            yield f"{self._entity} is {state}"
        values = [value for call in answer.calls for value in call.arguments.values()]
        if self._number is not None and not any(_equals(value, self._number) for value in values):
            yield f"no argument is {self._number:g}: {told(answer.calls)}"


def direction(entity: str, sentence: str) -> bool | None:
    """What the words tell of the state that must follow: True for on, open, unlocked, running."""
    said = normal(sentence).split()
    tells = [word for word in said if word in ON or word in OFF]
    if "light" in tells and said[0] != "light":  # 'light the fireplace', not 'the light'
        tells = [word for word in tells if word != "light"]
    if entity.startswith("lock."):
        tells = [word for word in tells if word in ("lock", "unlock")]
        if "smart lock" in normal(sentence) and len(tells) > 1:
            tells = tells[:1]
    ways = {word in ON for word in tells}
    return ways.pop() if len(ways) == 1 else None


def _meant(entity: str, area: str | None, inventory: Inventory) -> str:
    """The entity of this id in this room: some homes have an id twice, and the second one got a
    number when the home was read."""
    rooms = {each.area_id: each.name for each in inventory.areas}
    same = [
        known
        for known in inventory.entities
        if re.fullmatch(rf"{re.escape(entity)}(_\d+)?", known.entity_id)
    ]
    here = [known.entity_id for known in same if known.area and rooms[known.area] == area]
    return entity if entity in here or not here else here[0]


def _equals(value: Any, number: float) -> bool:
    return isinstance(value, int | float) and abs(value - number) < 0.01


def _begins(entity: str, sentence: str) -> dict[str, dict[str, Any]]:
    """A media player that is spoken to plays, or it would not be spoken to so."""
    if not entity.startswith("media_player."):
        return {}
    words = normal(sentence).split()
    if {"on", "start"} & set(words):
        return {}
    resumes = {"play", "resume", "unpause", "continue"} & set(words)
    # 'Play the next song' is said while one plays.
    state = "paused" if resumes and not {"next", "previous"} & set(words) else "playing"
    attributes = {"volume_level": 0.5, "media_title": "A Song"}
    return {entity: {"state": state, "attributes": attributes}}


def _area(entity: str, inventory: Inventory) -> str | None:
    names = {area.area_id: area.name for area in inventory.areas}
    for known in inventory.entities:
        if known.entity_id == entity and known.area:
            return names.get(known.area)
    return None
