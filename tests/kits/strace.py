"""K4: programs of ours run under `strace`, which reports their system calls, or makes one fail.

Linux and strace are needed, and the right to trace. Where that is missing tests are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

CALLS = (
    "openat,write,pwrite64,fsync,fdatasync,ftruncate,close,"
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat"
)
"""All that a program can do to a file here."""
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")

_CALL = re.compile(r"^(?:\[pid\s+\d+\]\s+|\d+\s+)?(\w+)\(")


@cache
def _why_not() -> str:
    program = shutil.which("strace")
    if program is None:
        return "strace is not installed"
    tried = subprocess.run([program, "-f", "-o", "/dev/null", "true"], capture_output=True)
    return "" if tried.returncode == 0 else "this user may not trace programs"


def required() -> None:
    """Skip the test where nothing can be traced."""
    if why := _why_not():
        pytest.skip(why)


@dataclass(frozen=True)
class Run:
    """How a program ended under strace."""

    status: int
    out: str
    err: str
    log: str

    @property
    def injected(self) -> bool:
        """Whether the fault was there."""
        return "(INJECTED)" in self.log or self.status in (-9, 137)


def run(
    code: str,
    arguments: Sequence[str],
    log: Path,
    *,
    calls: str = CALLS,
    files: Sequence[Path] = (),
    fault: str = "",
) -> Run:
    """Run Python code under strace. `files`: only what is done to these counts. `fault`: 'fsync:
    error=EIO:when=2', as strace's `inject` has it."""
    options = ["-f", "-o", str(log), "-e", f"trace={calls}", "-e", "signal=none"]
    for file in files:
        options += ["-P", str(file)]
    if fault:
        options += ["-e", f"inject={fault}"]
    else:
        options += ["-xx", "-s", "10000000"]
    done = subprocess.run(
        ["strace", *options, sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return Run(done.returncode, done.stdout, done.stderr, log.read_text() if log.exists() else "")


def points(log: str) -> list[tuple[str, int]]:
    """Each call in a log, and which one of its name it is (from 1)."""
    found: list[tuple[str, int]] = []
    counts: dict[str, int] = {}
    for line in log.splitlines():
        if (match := _CALL.match(line)) and match[1] != "close":
            counts[match[1]] = counts.get(match[1], 0) + 1
            found.append((match[1], counts[match[1]]))
    return found
