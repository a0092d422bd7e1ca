"""A sound card for tests: PulseAudio in user space, with a microphone and a loudspeaker."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

FULL = "HEARTH_TEST_FULL"
"""Set where everything shall be tested, and has been installed for that."""
RAW = ("--raw", "--rate=16000", "--channels=1", "--format=s16le")
"""The hub's own sound, for PulseAudio's programs."""
SCRIPT = """\
load-module module-native-protocol-unix socket={folder}/native auth-anonymous=1
load-module module-null-sink sink_name=spk rate=48000 channels=2
load-module module-null-sink sink_name=vmic_sink rate=48000 channels=1
load-module module-remap-source master=vmic_sink.monitor source_name=vmic
load-module module-null-sink sink_name=spk2 rate=48000 channels=2
load-module module-null-sink sink_name=vmic2_sink rate=48000 channels=1
load-module module-remap-source master=vmic2_sink.monitor source_name=vmic2
set-default-sink spk
set-default-source vmic
"""
ALSA = """\
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.vmic { type pulse device vmic hint { show on description "virtual mic" } }
pcm.spk { type pulse device spk hint { show on description "virtual speaker" } }
pcm.vmic2 { type pulse device vmic2 hint { show on description "another virtual mic" } }
pcm.spk2 { type pulse device spk2 hint { show on description "another virtual speaker" } }
"""


def available() -> bool:
    plugins = Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")
    programs = all(shutil.which(name) for name in ("pulseaudio", "pactl", "paplay", "parecord"))
    return programs and any(plugins)


def need() -> None:
    """Leaves out the test that asks where there is no PulseAudio; in a full run the test fails."""
    if available():
        return
    reason = "no PulseAudio (pulseaudio, pulseaudio-utils, libasound2-plugins) to be a sound card"
    if os.environ.get(FULL):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def sound_card(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """What programs play to `spk` is heard from `spk.monitor`, and what is played to `vmic_sink`
    is what they hear from `vmic`; there is another card, `spk2` and `vmic2`."""
    (folder / "test.pa").write_text(SCRIPT.format(folder=folder))
    (folder / "asound.conf").write_text(ALSA)
    changed = {
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_RUNTIME_PATH": str(folder),
        "PULSE_STATE_PATH": str(folder),
        "PULSE_SERVER": f"unix:{folder}/native",
        "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    server = subprocess.Popen(
        ["pulseaudio", "-n", f"--file={folder}/test.pa", "--daemonize=no", "--exit-idle-time=-1",
         "--use-pid-file=no", "--disable-shm=yes", f"--log-target=file:{folder}/pulse.log"],
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(100):
            if subprocess.run(["pactl", "info"], capture_output=True).returncode == 0:
                break
            time.sleep(0.05)
        yield server
    finally:
        server.terminate()
        server.wait()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def say(pcm: bytes, into: str = "vmic_sink") -> None:
    """Into the microphone: 16 kHz, 16 bits. Returns when it has been said."""
    process = await asyncio.create_subprocess_exec(
        "paplay", *RAW, f"--device={into}", stdin=asyncio.subprocess.PIPE
    )
    await process.communicate(pcm)


@contextmanager
def heard(path: Path) -> Iterator[Callable[[], bytes]]:
    """What comes out of the loudspeaker meanwhile: 16 kHz, 16 bits."""
    with path.open("wb") as file:
        command = ["parecord", *RAW, "--device=spk.monitor"]
        recording = subprocess.Popen(command, stdout=file)
        try:
            yield path.read_bytes
        finally:
            recording.terminate()
            recording.wait()


def loud(pcm: bytes) -> float:
    """Seconds in which something was to be heard."""
    samples = np.frombuffer(pcm[: len(pcm) // 1600 * 1600], "<i2").reshape(-1, 800)
    return float((np.abs(samples).max(axis=1) > 1000).sum()) * 0.05


def recorders() -> int:
    """How many programs record. (The virtual microphones do from what is played to them, too.)"""
    command = ["pactl", "list", "short", "source-outputs"]
    return subprocess.run(command, capture_output=True, check=True).stdout.count(b"protocol-native")
