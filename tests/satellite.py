"""A real Wyoming satellite for tests: `wyoming-satellite` in an environment of its own, with
programs in the place of a sound card, or with the sound card of `tests.pulse`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pulse

VERSION = "1.0.0"

MICROPHONE = """\
import pathlib, sys, time
said, at = pathlib.Path(sys.argv[1]), time.monotonic()
block = 2048
while True:
    pcm = b""
    if said.exists():
        pcm = said.read_bytes()
        said.unlink()
    pcm = pcm or bytes(block)
    for start in range(0, len(pcm), block):
        part = pcm[start : start + block]
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        at += len(part) / 32000
        time.sleep(max(0, at - time.monotonic()))
"""
"""Plays a file into the room, in the pace of sound, when it appears; else the room is silent."""

WAKE = """\
import array, sys
quiet = 0
while part := sys.stdin.buffer.read(2048):
    loud = max(array.array("h", part)) > 1500
    if loud and quiet > 8:
        print("ok_nabu", flush=True)
    quiet = 0 if loud else quiet + 1
"""
"""Takes the first sound after half a second of silence for a wake word."""


def python() -> Path:
    """The Python that has wyoming-satellite; made if it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearth"
    folder = cache / f"test-wyoming-satellite-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    found = folder / "bin/python"
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            return found
        try:
            for command in (
                [sys.executable, "-m", "venv", folder],
                [found, "-m", "pip", "install", "--quiet", f"wyoming-satellite=={VERSION}"],
            ):
                subprocess.run([*map(str, command)], check=True, capture_output=True)
        except subprocess.CalledProcessError as error:
            said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
            pytest.skip(f"wyoming-satellite cannot be installed: {' '.join(said[-2:])}")
        (folder / "complete").touch()
    return found


class RealSatellite:
    """A satellite in a room of its own. `wakes_itself`: it listens for the wake word."""

    def __init__(self, folder: Path, port: int, *, wakes_itself: bool = False) -> None:
        self.port = port
        self._folder = folder
        self._wakes_itself = wakes_itself
        self._process: asyncio.subprocess.Process | None = None
        self._said = folder / "said.pcm"
        self._heard = folder / "heard.pcm"

    @property
    def _microphone(self) -> str:
        return f"{sys.executable} {self._folder}/microphone.py {self._said}"

    @property
    def _loudspeaker(self) -> str:
        return f"sh -c 'cat >> {self._heard}'"

    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "microphone.py").write_text(MICROPHONE)
        (self._folder / "wake.py").write_text(WAKE)
        command = [str(python()), "-m", "wyoming_satellite", "--name", "test"]
        command += ["--uri", f"tcp://127.0.0.1:{self.port}", "--no-zeroconf"]
        command += ["--mic-command", self._microphone, "--mic-command-rate", "16000"]
        command += ["--snd-command", self._loudspeaker]
        command += ["--snd-command-rate", "22050"]
        if self._wakes_itself:
            command += ["--wake-command", f"{sys.executable} {self._folder}/wake.py"]
            command += ["--wake-word-name", "ok_nabu"]
        log = (self._folder / "log.txt").open("a")
        self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        log.close()

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def say(self, pcm: bytes) -> None:
        """Somebody speaks in its room: 16 kHz, 16 bits."""
        coming = self._said.with_suffix(".coming")
        coming.write_bytes(pcm)
        coming.replace(self._said)

    @property
    def played(self) -> int:
        """Bytes of sound that came out of its loudspeaker so far."""
        return self._heard.stat().st_size if self._heard.exists() else 0

    @property
    def log(self) -> str:
        return (self._folder / "log.txt").read_text()


class CardSatellite(RealSatellite):
    """One that records from a sound card and plays on it, with the programs of PulseAudio: speak
    to it with `pulse.say`, and listen with `pulse.heard`. It needs `pulse.sound_card`."""

    @property
    def _microphone(self) -> str:
        return " ".join(["parec", *pulse.RAW, "--latency-msec=20", "--device=vmic"])

    @property
    def _loudspeaker(self) -> str:
        form = "--rate=22050 --channels=1 --format=s16le"
        return f"paplay --raw {form} --latency-msec=20 --device=spk"
