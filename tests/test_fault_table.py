"""The list of faults in docs/faults.md is whole, and each test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "faults.md").read_text()
FAULTS = range(1, 63)

ROW = re.compile(
    r"^\| (?P<number>\d+) \| (?P<fault>.+?) \| (?P<promise>.+?) \| (?P<shown>.+?) \|$", re.MULTILINE
)
NAMED = re.compile(r"`(?P<file>tests/\w+\.py)(?:::(?P<name>\w+))?`")


@cache
def functions_of(file: str) -> frozenset[str]:
    """Names of the test functions of a file, also of those in its classes."""
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def missing(shown: str) -> list[str]:
    """What is wrong with the last column of a row; empty if nothing is."""
    if shown.startswith("left: ") and len(shown) > len("left: "):
        return []
    named = list(NAMED.finditer(shown))
    if not named:
        return [f"names no test: {shown}"]
    wrong = []
    file = ""
    for each in named:
        file, name = each["file"], each["name"]
        if not (ROOT / file).is_file():
            wrong.append(f"{file} is not there")
        elif name is None or name not in functions_of(file):
            wrong.append(f"{file} has no test {name}")
    return wrong


def test_every_fault_is_there_once() -> None:
    assert [int(row["number"]) for row in ROW.finditer(TABLE)] == list(FAULTS)


@pytest.mark.parametrize("row", list(ROW.finditer(TABLE)), ids=lambda row: str(row["number"]))
def test_every_test_that_is_named_exists(row: re.Match[str]) -> None:
    assert missing(row["shown"]) == []


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "left: ",
        "somewhere",
        "`tests/test_nowhere.py::test_it`",
        "`tests/test_fault_table.py`",
        "`tests/test_fault_table.py::test_that_there_is_not`",
        "`tests/test_fault_table.py::missing`",
    ],
)
def test_a_row_that_shows_nothing_is_seen(shown: str) -> None:
    assert missing(shown)
