"""A real satellite for tests: linux-voice-assistant from a checkout that the tester names, in an
environment of its own, with the sound card of `tests.pulse`."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

VARIABLE = "HEARTH_TEST_LINUX_VOICE_ASSISTANT"


def checkout() -> Path:
    """Where it is; the test is skipped where nobody says so."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"${VARIABLE} names no checkout of linux-voice-assistant")
    folder = Path(named)
    if not (folder / "linux_voice_assistant").is_dir():
        pytest.skip(f"${VARIABLE}: {folder} is no checkout of linux-voice-assistant")
    return folder


def python(folder: Path) -> Path:
    """The Python that has what it needs; made if it is not there yet."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted: list[str] = project["dependencies"]
    name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:10]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearth"
    made = cache / f"test-linux-voice-assistant-{name}"
    made.mkdir(parents=True, exist_ok=True)
    found = made / "bin/python"
    with (made / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if (made / "complete").exists():
            return found
        try:
            for command in (
                [sys.executable, "-m", "venv", made],
                [found, "-m", "pip", "install", "--quiet", *wanted],
            ):
                subprocess.run([*map(str, command)], check=True, capture_output=True)
        except subprocess.CalledProcessError as error:
            said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
            pytest.skip(f"linux-voice-assistant cannot be installed: {' '.join(said[-2:])}")
        (made / "complete").touch()
    return found


class LinuxVoiceAssistant:
    """It runs beside the hub, with the default microphone and loudspeaker."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._checkout = checkout()
        self._python = python(self._checkout)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [str(self._python), "-m", "linux_voice_assistant", "--debug"]
        command += ["--name", "Kitchen satellite", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--wake-model", "hey_jarvis", "--disable-peripheral-api"]
        command += ["--preferences-file", str(self._folder / "preferences.json")]
        command += ["--download-dir", str(self._folder / "downloads")]
        with (self._folder / "log.txt").open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=self._checkout, stdout=log, stderr=log
            )

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def log(self) -> str:
        path = self._folder / "log.txt"
        return path.read_text() if path.exists() else ""
