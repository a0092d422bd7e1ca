"""What the operating system has to bring: found where it is, installed where that is allowed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from show import SetupFailed, run, step

SOUND = {"pulseaudio", "pulseaudio-utils", "libasound2-plugins"}


def missing(
    *,
    venv: bool = False,
    compiler: bool = False,
    broker: bool = False,
    tracer: bool = False,
    sound: bool = False,
) -> dict[str, str]:
    """Debian packages that are not there -> what they are, for who has no Debian."""
    found = {}
    if venv and not _can_make_venv():
        found[f"python3.{sys.version_info.minor}-venv"] = "Python's ensurepip module"
    if compiler and not (shutil.which("c++") or shutil.which("g++")):
        found["g++"] = "a C++ compiler"
    if not _loads("libportaudio.so.2"):
        found["libportaudio2"] = "the PortAudio library"
    if not _loads("libgomp.so.1"):
        found["libgomp1"] = "GCC's OpenMP library"
    # Skills of others run behind these walls, or not at all.
    if not shutil.which("bwrap"):
        found["bubblewrap"] = "bubblewrap"
    if not _loads("libseccomp.so.2"):
        found["libseccomp2"] = "the library libseccomp"
    if broker and not _mosquitto():
        found["mosquitto"] = "the MQTT broker Mosquitto"
    # System calls that fail are its work, and the list of addresses in scripts/soak.
    if tracer and not shutil.which("strace"):
        found["strace"] = "strace"
    if sound:
        found |= _sound_card()
    return found


def install(packages: dict[str, str], again: str) -> None:
    """Have Debian install them. Raises SetupFailed with the command for a person to run."""
    if not packages:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if not shutil.which("apt-get"):
        what = ", ".join(packages.values())
        raise SetupFailed(f"This machine lacks {what}. Install that, then run again:\n    {again}")
    if os.geteuid() == 0:
        root = []
    elif _may_sudo():
        root = ["sudo", "-n"]
    else:
        raise SetupFailed(
            "Some packages are missing that only the administrator can install. Run\n"
            f"    sudo {' '.join(command)}\nand then again\n    {again}"
        )
    remedy = f"Mend that, or install {', '.join(packages)} by hand, then run again:\n    {again}"
    options = ["-o", "DPkg::Lock::Timeout=300"]
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"Debian packages: {', '.join(packages)}") as line:
        run(line, [*root, "apt-get", "update", *options], remedy=remedy, env=environment)
        run(line, [*root, *command, *options], remedy=remedy, env=environment)
    left = missing(
        venv="venv" in " ".join(packages),
        compiler="g++" in packages,
        broker="mosquitto" in packages,
        tracer="strace" in packages,
        sound=not SOUND.isdisjoint(packages),
    )
    if left:
        raise SetupFailed(f"{', '.join(left)} is still missing after it was installed.")


def install_browser(again: str) -> None:
    """Have Debian install Chromium, with which tests look at the page. Not every system has that
    package, and not everybody may install it: then these tests are left out, and this says so."""
    if shutil.which("chromium") or shutil.which("chromium-browser"):
        return
    try:
        install({"chromium": "the browser Chromium"}, again)
    except SetupFailed as failure:
        print(
            f"{failure}\nThe tests that look at the page in Chromium are left out until then.",
            file=sys.stderr,
        )


def _can_make_venv() -> bool:
    """Debian ships ensurepip apart; its own pip can stand in."""
    return any(find_spec(name) for name in ("ensurepip", "pip"))


def _mosquitto() -> bool:
    """Debian puts it where only the administrator's shell looks."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


def _sound_card() -> dict[str, str]:
    """What is missing of a virtual sound card (tests/pulse.py)."""
    found = {}
    if not shutil.which("pulseaudio"):
        found["pulseaudio"] = "the sound server PulseAudio"
    if not all(shutil.which(name) for name in ("pactl", "paplay", "parecord")):
        found["pulseaudio-utils"] = "PulseAudio's programs pactl, paplay and parecord"
    if not any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        found["libasound2-plugins"] = "ALSA's plugin for PulseAudio"
    return found


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _may_sudo() -> bool:
    if not shutil.which("sudo"):
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
