"""A device for tests that ESPHome itself has compiled: real firmware, as a program for this
machine.

It takes ESPHome in an environment of its own, a Python of at least 3.12, a compiler and a minute;
then it is kept in the user's cache."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

VERSION = "2026.10.0"
"""The first that compiles for this machine without a network."""
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
    """The device's program; made if it is not there yet. The test is skipped where it cannot be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearth"
    folder = cache / f"test-esphome-host-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "program"
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not made.exists():
            if missing := [name for name in ("g++", "ninja") if not shutil.which(name)]:
                pytest.skip(f"there is no {' and no '.join(missing)} to compile a device with")
            esphome = _esphome(folder)
            (folder / "node.yaml").write_text(NODE)
            _run(esphome, "compile", "node.yaml", cwd=folder)
            [found] = folder.glob(".esphome/build/*/.pioenvs/*/program")
            shutil.copy(found, made.with_suffix(".part"))
            made.with_suffix(".part").replace(made)
    return made


def _esphome(folder: Path) -> Path:
    python = next(_pythons(), None)
    if python is None:
        pytest.skip(f"ESPHome {VERSION} needs a Python of at least 3.12, and there is none")
    complete = folder / "venv/complete"
    if not complete.exists():
        _run(python, "-m", "venv", "--clear", folder / "venv", cwd=folder)
        pip = folder / "venv/bin/pip"
        _run(pip, "install", "--quiet", "--no-compile", f"esphome=={VERSION}", cwd=folder)
        complete.touch()
    return folder / "venv/bin/esphome"


def _pythons() -> Iterator[Path]:
    for minor in (12, 13, 14):
        found = shutil.which(f"python3.{minor}")
        # One of pyenv's that is not switched on is there, and does nothing.
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            yield Path(found)
        versions = (Path.home() / ".pyenv/versions").glob(f"3.{minor}.*/bin/python")
        yield from sorted(versions)


def _run(*command: Path | str, cwd: Path) -> None:
    path = f"{cwd / 'venv/bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
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
