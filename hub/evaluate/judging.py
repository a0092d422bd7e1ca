"""Right or not, and if not, in which way: they are not equally bad."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from hub.evaluate.stage import Answer, Request, Shown, acts
from hub.home.model import normal
from hub.messages import Call
from hub.ports import Inventory

Verdict = Literal["right", "wrong_action", "wrong_answer", "no_action", "asked"]
"""`wrong_action`: the home was acted on, and not as it should have been. `wrong_answer`: a wrong
question was answered. `no_action`: nothing was done. `asked`: the hub asked back."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

TOLERANCE = 2.0
"""Units by which a number may differ from the expected one: 50 % of 255 is 127 or 128."""
FINER: Mapping[str, float] = {"media_track": 0, "temperature": 0.1, "volume_level": 0.02}
"""Attributes in other units -> by how much they may differ."""

WATCHED = (
    "brightness",
    "color_temp_kelvin",
    "current_position",
    "humidity",
    "is_volume_muted",
    "media_track",
    "oscillating",
    "percentage",
    "preset_mode",
    "rgb_color",
    "source",
    "temperature",
    "volume_level",
)
"""Attributes that must not change unless that is expected."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of one answer."""

    verdict: Verdict
    differences: tuple[str, ...] = ()
    """What is not as expected."""
    notes: Mapping[str, bool] = field(default_factory=dict)
    """Further questions with a yes or no, counted for the set."""


@dataclass(frozen=True, slots=True)
class Case:
    """One request with what must become of it."""

    request: Request
    judge: Callable[[Answer], Judgement]
    group: str = ""
    """Part of the set, told apart in the score: an intent, a domain."""
    follows: bool = False
    """Said in the same conversation as the case before it."""
    then: Shown = field(default_factory=dict)
    """States into which the home is brought afterwards, so that one mistake counts once."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A home and the cases that take place in it."""

    label: str
    inventory: Inventory
    cases: Sequence[Case]
    language: str = "en"


@dataclass(frozen=True, slots=True)
class TextSet:
    """Sentences whose meaning is known, and the homes they are said in."""

    name: str
    kind: str
    grounds: Sequence[Ground]
    judged: str
    """One paragraph: what counts as right."""
    templates: bool = False
    """It was written for the shared sentence templates: to be run without them, too."""

    @property
    def total(self) -> int:
        return sum(len(ground.cases) for ground in self.grounds)


def settle(differences: Iterable[str], answer: Answer, **notes: bool) -> Judgement:
    """Right if there are no differences; else in which way it is not."""
    found = tuple(differences)
    return Judgement("right" if not found else blame(answer), found, notes)


def blame(answer: Answer) -> Verdict:
    """The kind of an answer that is not right, by what it did to the home."""
    if answer.acted:
        return "wrong_action"
    if answer.asked:
        return "asked"
    return "wrong_answer" if answer.calls else "no_action"


def blame_routed(answer: Answer) -> Verdict:
    """The same by what was understood, whether this home has it or not."""
    if any(acts(call) for call in answer.routed):
        return "wrong_action"
    if answer.asked and not answer.routed:
        return "asked"
    return "wrong_answer" if answer.routed else "no_action"


def told(calls: Iterable[Call]) -> str:
    """Calls in one line, for a person."""
    shown = (
        f"{call.tool}({', '.join(f'{k}={v}' for k, v in call.arguments.items())})" for call in calls
    )
    return " + ".join(shown) or "nothing"


def alike(one: Any, other: Any, tolerance: float = 0.01) -> bool:
    """Whether two values mean the same: numbers nearly, texts by their letters, lists as sets.
    A text stands for the list with it alone."""
    if isinstance(one, list | tuple) or isinstance(other, list | tuple):
        return _items(one) == _items(other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    first, second = _number(one), _number(other)
    if first is not None and second is not None:
        return abs(first - second) <= tolerance
    return normal(str(one)) == normal(str(other))


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _items(value: Any) -> list[str]:
    return sorted(normal(str(v)) for v in (value if isinstance(value, list | tuple) else [value]))


def changes(
    answer: Answer, expected: Shown, *, setup: Shown, ignored: Mapping[str, Any]
) -> Iterator[str]:
    """How the states that followed differ from those that should have: each entity that is not
    named must be as it was, and what is RELATIVE must have become more or less."""
    for entity, now in answer.after.items():
        wanted = expected.get(entity)
        if wanted is None:
            if entity.partition(".")[0] not in MOMENTS and _moved(answer.before[entity], now):
                yield f"{entity} changed"
            continue
        flat = {**(wanted.get("attributes") or {}), "state": wanted.get("state")}
        begun = setup.get(entity, {})
        given = {**(begun.get("attributes") or {}), "state": begun.get("state")}
        for key, value in flat.items():
            if key != "state" and value in RELATIVE:
                was, seen = _of(answer.before[entity], key), _of(now, key)
                less, more = (was, seen) if value == "up" else (seen, was)
                if seen is None or not (less or 0) < (more or 0):
                    yield f"{entity} {key} went from {was!r} to {seen!r}, not {value}"
                continue
            # What is expected to stay as it was set up, but is no state of a device that runs
            # (a brightness of 0 in a light that is on), says nothing about the command.
            stays = key != "state" and given.get(key) == value
            if stays or key in (ignored.get(entity) or ()) or key not in ("state", *WATCHED):
                continue
            found = _of(now, key)
            if value is not None and not _close(value, found, FINER.get(key, TOLERANCE)):
                yield f"{entity} {key} is {found!r}, not {value!r}"


RELATIVE = ("up", "down")
"""Values of an attribute that must have become more, or less."""


def certain(expected: Shown) -> Shown:
    """The states without what is only known to be more or less."""
    return {
        key: {
            **wanted,
            "attributes": {
                name: value
                for name, value in (wanted.get("attributes") or {}).items()
                if value not in RELATIVE
            },
        }
        for key, wanted in expected.items()
    }


def _of(shown: Mapping[str, Any], key: str) -> Any:
    return shown["state"] if key == "state" else shown["attributes"].get(key)


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return any(
        not _close(_of(before, key), _of(after, key), FINER.get(key, TOLERANCE))
        for key in ("state", *WATCHED)
    )


MOMENTS = ("button", "event", "input_button", "scene")
"""Domains whose state is the moment at which they were last used."""


def _close(one: Any, other: Any, tolerance: float = TOLERANCE) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_close, one, other))
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    numbers = numbers and not isinstance(one, bool) and not isinstance(other, bool)
    return abs(one - other) <= tolerance if numbers else str(one) == str(other)
