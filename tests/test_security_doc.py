"""What SECURITY.md promises is tested: every test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(test_\w+)::(test_\w+)`")


def rows() -> list[list[str]]:
    """The table of threats: number, threat, guard, test, control."""
    lines = re.findall(r"^\| \d+ \|.*\|$", TEXT, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@cache
def there_are_in(module: str) -> frozenset[str]:
    path = ROOT / "tests" / f"{module}.py"
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_every_test_that_is_named_is_there() -> None:
    named = NAMED.findall(TEXT)
    assert len(named) >= 60
    missing = [f"{module}::{name}" for module, name in named if name not in there_are_in(module)]
    assert missing == []


def test_each_threat_has_a_guard_a_test_and_a_control() -> None:
    found = rows()
    assert [int(row[0]) for row in found] == list(range(1, len(found) + 1))
    assert len(found) >= 25
    for row in found:
        assert len(row) == 5, row
        _, threat, guard, test, control = row
        assert threat and guard and NAMED.search(test), row
        assert NAMED.search(control) or control.startswith("same"), row


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target
    assert (ROOT / "scripts" / "sbom").exists()
