"""A device for tests that ESPHome itself has compiled: real firmware, as a program for this
machine.

It is made once, where $HEARTH_TEST_ESPHOME_PYTHON names a Python of at least 3.12 for ESPHome: that
takes a compiler, a download of 170 MB and minutes. Then it is kept in the user's cache."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

VERSION = "2026.10.0"
"""The first that compiles for this machine without a network."""
VARIABLE = "HEARTH_TEST_ESPHOME_PYTHON"
PORT = 26_053
"""It is compiled into the program."""
NAME = "hostnode"
NODE = f"""\
esphome:
  name: {NAME}
host:
  mac_address: "06:35:69:ab:f6:79"
logger:
api:
  port: {PORT}
switch:
  - platform: template
    name: Relay
    optimistic: true
"""


def program() -> Path:
    """The device's program; made if it is not there yet and the tester names a Python for that.
    Else the test is skipped."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearth"
    folder = cache / f"test-esphome-host-{VERSION}"
    made = folder / "program"
    if made.exists():
        return made
    python = os.environ.get(VARIABLE)
    if not python:
        pytest.skip(f"${VARIABLE} names no Python of at least 3.12 to make a device with")
    if missing := [name for name in ("g++", "ninja") if not shutil.which(name)]:
        pytest.skip(f"there is no {' and no '.join(missing)} to compile a device with")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not made.exists():
            esphome = _esphome(folder, python)
            (folder / "node.yaml").write_text(NODE)
            _run(esphome, "compile", "node.yaml", cwd=folder)
            [found] = folder.glob(".esphome/build/*/.pioenvs/*/program")
            shutil.copy(found, made.with_suffix(".part"))
            made.with_suffix(".part").replace(made)
    return made


def _esphome(folder: Path, python: str) -> Path:
    complete = folder / "venv/complete"
    if not complete.exists():
        _run(python, "-m", "venv", "--clear", folder / "venv", cwd=folder)
        pip = folder / "venv/bin/pip"
        _run(pip, "install", "--quiet", "--no-compile", f"esphome=={VERSION}", cwd=folder)
        complete.touch()
    return folder / "venv/bin/esphome"


def _run(*command: Path | str, cwd: Path) -> None:
    path = f"{cwd / 'venv/bin'}:{os.environ['PATH']}"
    try:
        done = subprocess.run(
            [*map(str, command)],
            cwd=cwd,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
    except OSError as error:
        pytest.skip(f"ESPHome {VERSION} could not make a device: {error}")
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()[-40:])
        pytest.skip(f"ESPHome {VERSION} could not make a device: {said}")


@asynccontextmanager
async def running(made: Path) -> AsyncIterator[None]:
    """It runs, and listens."""
    with socket.socket() as tried:
        if tried.connect_ex(("127.0.0.1", PORT)) == 0:
            pytest.skip(f"something else listens on port {PORT}")
    process = await asyncio.create_subprocess_exec(str(made), cwd=made.parent)
    try:
        async with asyncio.timeout(30):
            await _listens()
        yield
    finally:
        process.kill()
        await process.wait()


async def _listens() -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
