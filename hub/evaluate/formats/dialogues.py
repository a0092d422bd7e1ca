"""Conversations of several turns: `*.yaml` with `dialogues`.

    home: home.yaml          # beside this file; without it the built-in home
    language: en
    dialogues:
      - about: what 'it' means
        area: Kitchen        # where the person is
        states: {light.kitchen_ceiling: {state: "on"}}
        turns:
          - say: Turn the kitchen ceiling light off and open the blinds in the living room.
            expect: {light.kitchen_ceiling: "off", cover.living_room_blinds: open}
          - say: Close them again, please.
            expect: {cover.living_room_blinds: {state: closed, current_position: 0}}
          - say: What time is it?
            calls: [HassGetCurrentTime]
            reply: [o'clock, am, pm]
          - say: Turn on the lamp.
            asks: true

`expect`: the states after the turn of all that it changes; nothing else may change. Of an
attribute `up` and `down` say that it must have become more or less. `any`: the
same, several times, one of which must be. `calls`: tools that must be called, in any order, as
names or as mappings with `arguments`. `reply`: words one of which must be said. `asks`: the hub
must ask back. A turn without any of them must do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hub.devices.homefile import load
from hub.errors import ConfigError
from hub.evaluate.formats.homes import _plain, _yaml
from hub.evaluate.formats.voice_bench import fits
from hub.evaluate.judging import (
    WATCHED,
    Case,
    Ground,
    Judgement,
    TextSet,
    certain,
    changes,
    settle,
    told,
)
from hub.evaluate.stage import Answer, Request, Shown, named
from hub.ports import Inventory

JUDGED = (
    "turn by turn, in one conversation: the expected states follow and nothing else changes, the "
    "expected calls are made, the reply has an expected word, and the hub asks back where it must "
    "and only there. After a wrong turn the home is brought to where it should be"
)
TURN = ("say", "expect", "any", "calls", "reply", "asks")
DIALOGUE = ("about", "area", "states", "turns")


def matches(folder: Path) -> bool:
    return any("\ndialogues:" in p.read_text(encoding="utf-8") for p in folder.glob("*.yaml"))


def read(folder: Path) -> Iterator[TextSet]:
    grounds = [ground for path in sorted(folder.glob("*.yaml")) if (ground := _ground(path))]
    yield TextSet(folder.name, "dialogues", grounds, JUDGED)


def _ground(path: Path) -> Ground | None:
    content = _yaml(path)
    if "dialogues" not in content:
        return None
    home = content.get("home")
    inventory = load(path.parent / home if home else None)
    language = content.get("language", "en")
    cases: list[Case] = []
    for dialogue in content["dialogues"]:
        _known(dialogue, DIALOGUE, path)
        states = shown(dialogue.get("states") or {}, inventory, path)
        for number, turn in enumerate(dialogue["turns"]):
            _known(turn, TURN, path)
            area = dialogue.get("area")
            request = Request(turn["say"], area, language, states, agree=False)
            ways = [shown(way, inventory, path) for way in turn.get("any") or [turn.get("expect")]]
            judge = _Turn(turn, ways, inventory)
            group = str(dialogue.get("about", path.stem))
            cases.append(Case(request, judge, group, number > 0, certain(ways[0])))
    return Ground(path.stem, inventory, cases, language)


def _known(given: Any, keys: tuple[str, ...], path: Path) -> None:
    if not isinstance(given, Mapping) or not set(given) <= set(keys):
        wrong = given if not isinstance(given, Mapping) else sorted(set(given) - set(keys))
        raise ConfigError(f"{path}: {wrong}: known are {', '.join(keys)}")


def shown(given: Any, inventory: Inventory, path: Path) -> Shown:
    """States as `{state, attributes}`, from the short forms that people write."""
    known = {entity.entity_id for entity in inventory.entities}
    found = {}
    for key, value in (given or {}).items():
        if key not in known:
            raise ConfigError(f"{path}: there is no entity {key!r} in the home")
        flat = dict(value) if isinstance(value, Mapping) else {"state": value}
        attributes = flat.pop("attributes", {}) | {k: v for k, v in flat.items() if k != "state"}
        state = flat.get("state")
        if isinstance(state, bool):
            raise ConfigError(f"{path}: {key}: write 'on' and 'off' in quotation marks")
        found[key] = {"attributes": attributes} | ({"state": str(state)} if state else {})
    return found


class _Turn:
    def __init__(self, turn: Mapping[str, Any], ways: list[Shown], inventory: Inventory) -> None:
        self._turn = turn
        self._ways = ways
        self._inventory = inventory

    def __call__(self, answer: Answer) -> Judgement:
        found = min((list(self._states(answer, way)) for way in self._ways), key=len)
        found += self._rest(answer)
        return settle(found, answer)

    def _states(self, answer: Answer, way: Shown) -> Iterator[str]:
        yield from changes(answer, way, setup={}, ignored={})
        for key, wanted in certain(way).items():
            for name, value in wanted["attributes"].items():
                seen = answer.after[key]["attributes"].get(name)
                if name not in WATCHED and seen != value:
                    yield f"{key} {name} is {seen!r}, not {value!r}"

    def _rest(self, answer: Answer) -> Iterator[str]:
        turn = self._turn
        calls = [named(call, self._inventory) for call in answer.calls]
        if "calls" in turn:
            wanted = [
                {"name": c, "arguments": {}}
                if isinstance(c, str)
                else {"name": c["tool"], "arguments": c.get("arguments") or {}}
                for c in turn["calls"]
            ]
            if not fits(calls, wanted):
                yield f"{told(calls)}, not {turn['calls']}"
        elif not set(turn) & {"expect", "any", "reply"} and answer.acted:
            yield f"{told(calls)}, where nothing was to be done"
        reply = f" {_plain(answer.reply)} "
        if "reply" in turn and not any(f" {_plain(str(w))} " in reply for w in turn["reply"]):
            yield f"“{answer.reply}” has none of {', '.join(map(str, turn['reply']))}"
        asks = bool(turn.get("asks"))
        if asks != (answer.asked or answer.confirmed):
            yield f"asked back: “{answer.reply}”" if not asks else "did not ask back"
