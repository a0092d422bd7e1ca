"""SLURP's text: `*.jsonl` with `scenario`, `action` and annotated entities; no home of its own.

The sentences are played in `data/household.yaml`, a plain house with what they speak of. What is
right for a command to the home is a mapping of ours, stated here; what belongs to other scenarios
must do nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hub.devices.homefile import load
from hub.errors import ConfigError
from hub.evaluate.hass import of_the_home
from hub.evaluate.judging import Case, Ground, Judgement, TextSet, settle, told
from hub.evaluate.stage import Answer, Request
from hub.home.model import normal
from hub.ports import Inventory

HOUSEHOLD = Path(__file__).parent.parent / "data" / "household.yaml"

NEAR = ("iot", "audio", "alarm", "lists", "cooking", "weather", "datetime")
"""Scenarios near this product; only those of `iot` have a mapping."""

JUDGED = (
    "played in hub/evaluate/data/household.yaml. iot, by what is done to the home: lighton, "
    "lightoff, lightchange, lightup, lightdim: only lights are acted on, and they are then on, "
    "off, of the colour that is named (any if none is), brighter, darker; cleaning: only the "
    "vacuum, and it cleans; coffee: only the coffee machine, and it is on; wemo: one plug, lamp, "
    "fan or television, on or off. Where a room of the house is named, nothing outside of it is "
    "acted on, but by the vacuum, which goes there. The scenarios far from this product (all but "
    "iot, audio, alarm, lists, cooking, weather, datetime) are right if nothing is done; what a "
    "skill of the hub's own takes there that is about nothing of the home (a calendar, a reminder, "
    "a sum) is a wrong answer, and no wrong action"
)

SAID_IN = "Living Room"
"""Where the speaker is, if that is told."""

ROOMS: Mapping[str, str] = {
    "bed room": "Bedroom",
    "master bedroom": "Bedroom",
    "hall": "Hallway",
    "drawing hall": "Living Room",
}
"""Other words for a room of the household."""


def matches(folder: Path) -> bool:
    return any(_is_slurp(path) for path in folder.glob("*.jsonl"))


def _is_slurp(path: Path) -> bool:
    with path.open(encoding="utf-8") as file:
        return '"slurp_id"' in file.readline()


def read(folder: Path) -> Iterator[TextSet]:
    """The commands to the home, and the scenarios that are far from it; both without a room
    of the speaker, and with one."""
    inventory = load(HOUSEHOLD)
    for area in (None, SAID_IN):
        told = ", room told" if area else ""
        iot, far = _cases(folder, area, inventory)
        for name, cases in (("iot", iot), ("far", far)):
            ground = Ground("household", inventory, cases)
            yield TextSet(f"{folder.name} {name}{told}", "slurp", [ground], JUDGED)


def _cases(folder: Path, area: str | None, inventory: Inventory) -> tuple[list[Case], list[Case]]:
    iot: list[Case] = []
    far: list[Case] = []

    nothing = partial(_nothing, inventory=inventory)
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                given = json.loads(line)
                request = Request(given["sentence"], area)
                scenario, action = given["scenario"], given["action"]
            except (json.JSONDecodeError, KeyError) as error:
                raise ConfigError(f"{path}:{number}: {error!r}") from error
            if scenario == "iot":
                iot.append(Case(request, _Command(action, _entities(given), inventory), action))
            elif scenario not in NEAR:
                far.append(Case(request, nothing, scenario))
    return iot, far


def _entities(given: Mapping[str, Any]) -> dict[str, str]:
    """Type -> words of what is annotated."""
    tokens = [token["surface"] for token in given["tokens"]]
    return {
        entity["type"]: " ".join(tokens[number] for number in entity["span"])
        for entity in given.get("entities") or ()
    }


def _nothing(answer: Answer, inventory: Inventory) -> Judgement:
    if not answer.acted:
        return Judgement("right")
    home = any(of_the_home(call, answer, inventory) for call in answer.calls)
    return Judgement("wrong_action" if home else "wrong_answer", (told(answer.calls),))


class _Command:
    def __init__(self, action: str, said: Mapping[str, str], inventory: Inventory) -> None:
        self._action = action
        self._said = said
        self._kinds = {e.entity_id: (e.domain, e.device_class) for e in inventory.entities}
        names = {normal(area.name): area.area_id for area in inventory.areas}
        place = normal(said.get("house_place", ""))
        self._room = names.get(normal(ROOMS.get(place, place)))
        self._rooms = {e.entity_id: e.area for e in inventory.entities}

    def __call__(self, answer: Answer) -> Judgement:
        return settle(self._differences(answer), answer)

    def _differences(self, answer: Answer) -> Iterator[str]:
        touched = tuple(dict.fromkeys((*answer.touched, *answer.changed)))
        if not touched:
            yield f"{self._action}: nothing was done ({told(answer.routed)})"
            return
        for key in touched:
            if not self._fits(key, answer):
                state = answer.after[key]
                yield f"{self._action}: {key} is {state['state']} {told(answer.calls)}"
            elif self._room and self._rooms[key] != self._room and self._action != "cleaning":
                yield f"{key} is not in the {self._said['house_place']}"
        if self._action.startswith("wemo") and len(touched) > 1:
            yield f"{self._action}: {', '.join(touched)}"

    def _fits(self, key: str, answer: Answer) -> bool:
        domain = self._kinds[key][0]
        before, after = answer.before[key], answer.after[key]
        on = after["state"] == "on"
        bright = [float(shown["attributes"].get("brightness") or 0) for shown in (before, after)]
        match self._action:
            case "hue_lighton":
                return domain == "light" and on
            case "hue_lightoff":
                return domain == "light" and not on
            case "hue_lightup":
                return domain == "light" and on and (bright[1] > bright[0] or bright[1] >= 254)
            case "hue_lightdim":
                return domain == "light" and (bright[1] < bright[0] or not on)
            case "hue_lightchange":
                return domain == "light" and on and self._colour(answer)
            case "cleaning":
                return domain == "vacuum" and after["state"] == "cleaning"
            case "coffee":
                return key == COFFEE and on
            case "wemo_on" | "wemo_off":
                plain = domain in ("switch", "light", "fan", "media_player") and key != COFFEE
                return plain and (after["state"] in ("on", "playing", "idle")) == (
                    self._action == "wemo_on"
                )
        return False

    def _colour(self, answer: Answer) -> bool:
        """Whether what was called is the colour that was named, if it is one of ours."""
        said = normal(self._said.get("color_type", ""))
        values = [normal(str(v)) for call in answer.calls for v in call.arguments.values()]
        return said not in COLOURS or said in values


COFFEE = "switch.coffee_machine"
COLOURS = ("red", "blue", "green", "white", "yellow", "orange", "purple", "pink")
