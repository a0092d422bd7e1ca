"""The voice benchmark: `test_cases/TIER/*.ndjson` with `inventories/TIER/*.yaml`, scored strictly
as its notes on scoring ask."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hub.devices.homefile import parse
from hub.errors import ConfigError
from hub.evaluate.formats.homes import _yaml
from hub.evaluate.hass import as_hass
from hub.evaluate.judging import Case, Ground, Judgement, TextSet, alike, settle, told
from hub.evaluate.stage import Answer, Request, named
from hub.messages import Call
from hub.ports import Inventory

JUDGED = (
    "strict: response type, number of calls, tool names and arguments all right for the expected "
    "calls or one of the accepted alternatives, no tool that Home Assistant does not have. "
    "Arguments: expected ones must be there, numbers within 0.01, texts without case, lists as "
    "sets, a text for a list of one; arguments besides are allowed, as in the source's scorer. "
    "Calls that find nothing to act on are none; the hub's own tools count as the intent that does "
    "the same"
)

QUERIES = frozenset(
    {
        "HassGetState",
        "HassClimateGetTemperature",
        "HassGetWeather",
        "HassGetCurrentTime",
        "HassGetCurrentDate",
    }
)

OWN = "Hass"
"""All tools of Home Assistant begin so."""


def matches(folder: Path) -> bool:
    return (folder / "test_cases").is_dir() and (folder / "inventories").is_dir()


def read(folder: Path) -> Iterator[TextSet]:
    """One set for each size of home."""
    for tier in sorted(path for path in (folder / "test_cases").iterdir() if path.is_dir()):
        merged: dict[str, list[Any]] = {}
        for part in sorted((folder / "inventories" / tier.name).glob("*.yaml")):
            for key, things in _yaml(part).items():
                if part.name != "combined.yaml" and isinstance(things, list):
                    merged.setdefault(key, []).extend(things)
        inventory = parse(merged, str(folder / "inventories" / tier.name))
        cases = [case for path in sorted(tier.glob("*.ndjson")) for case in _cases(path, inventory)]
        ground = Ground(tier.name, inventory, cases)
        yield TextSet(f"{folder.name} {tier.name}", "voice-bench", [ground], JUDGED)


def _cases(path: Path, inventory: Inventory) -> Iterator[Case]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path}:{number}: {error}") from error
        accepted = [given["expected_tool_calls"]]
        accepted += [a["tool_calls"] for a in given.get("alternative_expected_tool_calls") or ()]
        kind = given["expected_response_type"]
        yield Case(Request(given["utterance"]), _Strict(kind, accepted, inventory), kind)


class _Strict:
    def __init__(
        self, kind: str, accepted: Sequence[Sequence[Mapping[str, Any]]], inventory: Inventory
    ) -> None:
        self._kind = kind
        self._accepted = accepted
        self._inventory = inventory

    def __call__(self, answer: Answer) -> Judgement:
        calls = [
            as_hass(named(call, self._inventory), answer, self._inventory) for call in answer.calls
        ]
        literal = not any(self._differences(calls, answer)) and self._literal(calls, answer)
        return settle(self._differences(calls, answer), answer, right_with_type_literally=literal)

    def _differences(self, calls: Sequence[Call], answer: Answer) -> Iterator[str]:
        invented = [call.tool for call in calls if not call.tool.startswith(OWN)]
        if invented:
            yield f"{', '.join(invented)}: no tool of Home Assistant"
        if not any(fits(calls, expected) for expected in self._accepted):
            yield f"{told(calls)}, not {self._told()}"
        elif not self._type(calls, answer):
            yield f"{told(calls)} is not of the type {self._kind}"

    def _type(self, calls: Sequence[Call], answer: Answer) -> bool:
        """The source's check. Where an alternative has calls of its own, it is of that type."""
        match self._kind:
            case "action_done":
                return bool(calls) or [] in list(map(list, self._accepted))
            case "query_response":
                return any(call.tool in QUERIES for call in calls)
            case "text_response" if not calls:
                return bool(answer.reply.strip())
        return not calls or any(fits(calls, expected) for expected in self._accepted[1:])

    def _literal(self, calls: Sequence[Call], answer: Answer) -> bool:
        """The type without regard to what the alternatives allow."""
        if self._kind in ("action_done", "query_response"):
            return bool(calls) and self._type(calls, answer)
        return not calls and self._type(calls, answer)

    def _told(self) -> str:
        return " or ".join(
            told(Call(call["name"], call["arguments"]) for call in expected)
            for expected in self._accepted[:2]
        )


def fits(calls: Sequence[Call], expected: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the calls are the expected ones, in any order."""
    if len(calls) != len(expected):
        return False
    return any(
        all(_fits(call, wanted) for call, wanted in zip(order, expected, strict=True))
        for order in itertools.permutations(calls)
    )


def _fits(call: Call, wanted: Mapping[str, Any]) -> bool:
    return call.tool == wanted["name"] and all(
        _argument(call.arguments, key, value) for key, value in wanted["arguments"].items()
    )


def _argument(arguments: Mapping[str, Any], key: str, value: Any) -> bool:
    several = key.endswith("_any_of")
    name = key.removesuffix("_any_of")
    if name not in arguments:
        return False
    return any(alike(arguments[name], each) for each in (value if several else [value]))
