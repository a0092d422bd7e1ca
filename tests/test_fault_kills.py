"""kill -9 in the middle of writing: nothing that was acknowledged is lost, every file is readable.

HEARTH_KILLS=1000 .venv/bin/python -m pytest tests/test_fault_kills.py -s
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("HEARTH_KILLS", "100"))
"""Of each kind of file."""


def killed(kind: str, folder: Path, runs: int) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.kits.kills", kind, str(folder / "kept"), str(runs)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    print(kind, counts)
    return counts


@pytest.mark.slow
@pytest.mark.timeout(2000)
@pytest.mark.parametrize("kind", ["tables", "documents", "journal", "facts"])
def test_killed_while_it_writes_it_keeps_what_it_acknowledged(kind: str, tmp_path: Path) -> None:
    counts = killed(kind, tmp_path, KILLS)
    assert counts["kills"] == KILLS
    assert counts["lost"] == counts["unreadable"] == counts["set_aside"] == 0
    assert counts["acknowledged"] >= KILLS
    if kind != "facts":  # SQLite leaves no trace of it
        assert counts["in_the_middle"] > 0


@pytest.mark.slow
def test_a_file_that_is_written_in_place_is_lost(tmp_path: Path) -> None:
    counts = killed("in-place", tmp_path, 100)
    assert counts["unreadable"] > 0
