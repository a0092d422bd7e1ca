"""What `hearth bench` does not let pass."""

from __future__ import annotations

from typing import Any

import pytest

from hub.evaluate.bench import not_met

RIGHT = {"commands": 32, "right": 32}


def result(ratio: float = 1.1, **parts: Any) -> dict[str, Any]:
    return {"ratios": {"four_satellites_vs_one": ratio}, **parts}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (result(), []),
        (result(satellites=RIGHT), []),
        (result(satellites={"commands": 32, "right": 31}), ["of 32 commands 31"]),
        (result(2.6, satellites=RIGHT), ["2.60 times as long"]),
        (result(float("nan"), satellites=RIGHT), ["nan times as long"]),
        (result(wakes={"made": {"false_wakes": 1}}), []),
        (
            result(wakes={"made": {"false_wakes": 1}, "recordings": {"false_wakes": 1}}),
            ["woke 2 times by mistake"],
        ),
    ],
)
def test_what_a_hub_must_do_on_any_machine(found: dict[str, Any], told: list[str]) -> None:
    missed = not_met(found)
    assert len(missed) == len(told)
    assert all(part in line for part, line in zip(told, missed, strict=True))
