"""What machine this is, and which settings suit it where the person has chosen none.

A profile is a handful of defaults: models, threads, how long to wait. Whatever stands in
hearth.toml wins over it, key by key; `[hub] board` names another profile, or "none" for the plain
defaults. `hearth doctor` shows what was recognised and what follows from it.

The model of a board is in the device tree (`/proc/device-tree/model`, Devicetree Specification,
2.3.2); its memory is what the kernel tells in `/proc/meminfo` (kibibytes), which is less than what
is soldered on: the GPU's part and the kernel are gone by then.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.config import Config

Key = tuple[str, str]
"""Table and key of hearth.toml."""

SMALL_MB = 3000
"""Below this a machine has 2 GB or less."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the hub runs on."""

    model: str
    """As the device tree names it; empty where there is none, as on x86."""
    architecture: str
    cores: int
    memory_mb: int
    """0 where the kernel does not tell."""
    cuda: bool
    """Whether it has a GPU with a driver for CUDA."""

    def __str__(self) -> str:
        name = self.model or self.architecture
        memory = f", {self.memory_mb / 1024:.1f} GB" if self.memory_mb else ""
        return f"{name}{memory}, {self.cores} cores{', CUDA' if self.cuda else ''}"


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings for a kind of machine."""

    name: str
    settings: Mapping[Key, Any] = field(default_factory=dict)
    english: Mapping[Key, Any] = field(default_factory=dict)
    """Besides, where nothing but English is spoken: models that know no other language."""

    def wants(self, languages: Sequence[str]) -> Mapping[Key, Any]:
        """All that it would set."""
        only = all(language.partition("-")[0].lower() == "en" for language in languages)
        return {**self.settings, **(self.english if only else {})}


_PATIENT = {
    # Each start of the recognizer takes long, so it is made once the person seems to be done.
    ("listen", "first_silence"): 0.35,
    ("listen", "complete_silence"): 0.35,
    ("listen", "silence"): 0.8,
    ("home", "confirm_timeout"): 4.0,
}
_FRUGAL = {
    **_PATIENT,
    # One core is left to the ears, which must not lose sound.
    ("recognizer", "threads"): 3,
    ("recognizer", "hypotheses"): 1,
}
_TINY = {("recognizer", "model"): "whisper-tiny"}
_ON_GPU = {("recognizer", "device"): "cuda", ("router", "device"): "cuda"}

PROFILES = {
    profile.name: profile
    for profile in (
        # Rules alone: the model would take a quarter of the memory, and many seconds for an answer.
        Profile("pi4-2gb", {**_FRUGAL, ("router", "model"): None}, _TINY),
        Profile("pi4", {**_FRUGAL, ("router", "threads"): 3}),
        Profile("pi5", {("recognizer", "threads"): 3, ("router", "threads"): 3}),
        Profile("orin-nano", {**_ON_GPU, ("recognizer", "threads"): 4, ("router", "threads"): 4}),
        Profile("small", {("recognizer", "hypotheses"): 1, ("router", "model"): None}, _TINY),
        Profile("x86"),
        Profile("arm"),
        Profile("none"),
    )
}
"""`small` is any other machine with 2 GB or less, `arm` any other ARM; `none` sets nothing."""


def read(root: Path = Path("/")) -> Machine:
    """What this machine is, by the files of its kernel (below `root`). What is not there is left
    open; nothing raises."""
    tree = root / "proc/device-tree"
    found = re.search(r"^MemTotal:\s*(\d+) kB", _text(root / "proc/meminfo"), re.M)
    drivers = ("proc/driver/nvidia/version", "dev/nvhost-gpu", "dev/nvgpu")
    return Machine(
        model=_text(tree / "model").strip("\0 \n"),
        architecture=platform.machine(),
        cores=_cores(root),
        memory_mb=int(found[1]) // 1024 if found else 0,
        cuda=any((root / driver).exists() for driver in drivers),
    )


def _cores(root: Path) -> int:
    """Those that this process may use; of another machine, those that it has."""
    if root == Path("/"):
        return len(os.sched_getaffinity(0))
    return len(re.findall(r"^processor\s*:", _text(root / "proc/cpuinfo"), re.M)) or 1


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def profile_of(machine: Machine) -> Profile:
    """The one that suits a machine best."""
    model = machine.model
    small = 0 < machine.memory_mb < SMALL_MB
    if "Raspberry Pi" in model:
        # "Raspberry Pi 400", "Raspberry Pi Compute Module 5"; "Raspberry Pi Zero 2 W" has no such.
        found = re.search(r"Raspberry Pi (?:Compute Module )?(\d)", model)
        generation = int(found[1]) if found else 0
        name = "pi5" if generation > 4 else "pi4" if generation == 4 and not small else "pi4-2gb"
    elif re.search(r"\bJetson\b|\bOrin\b", model):
        name = "orin-nano"
    elif small:
        name = "small"
    else:
        name = "arm" if machine.architecture in ("aarch64", "arm64") else "x86"
    return PROFILES[name]


def chosen(config: Config, machine: Machine | None = None) -> Profile:
    """The profile that the settings want: the named one, or the machine's own."""
    named = config.hub.board
    return profile_of(machine or read()) if named == "auto" else PROFILES[named]


def suited(config: Config, machine: Machine | None = None) -> Config:
    """Settings in which what the person has not set is as it suits the machine."""
    wanted = chosen(config, machine).wants(config.hub.languages)
    changed: dict[str, Any] = {}
    for table in {table for table, _ in wanted}:
        now = getattr(config, table)
        free = {
            key: value
            for (of, key), value in wanted.items()
            if of == table and key not in now.model_fields_set
        }
        if free:
            changed[table] = now.model_copy(update=free)
    return config.model_copy(update=changed) if changed else config


def named(config: Config, machine: Machine | None = None) -> str:
    """The machine and its profile, in few words."""
    machine = machine or read()
    return f"{machine}: profile '{chosen(config, machine).name}'"


def told(config: Config, machine: Machine | None = None) -> str:
    """One line for `hearth doctor`: the machine, the profile, and what comes of it."""
    machine = machine or read()
    wanted = chosen(config, machine).wants(config.hub.languages)
    held: list[str] = []
    own: list[str] = []
    for (table, key), value in wanted.items():
        is_so = getattr(getattr(config, table), key) == value
        (held if is_so else own).append(
            f"{table}.{key} = {'none' if value is None else value}" if is_so else f"{table}.{key}"
        )
    parts = [named(config, machine)]
    if held:
        parts.append(", ".join(held))
    elif not wanted:
        parts.append("the plain defaults")
    if own:
        parts.append(f"yours: {', '.join(own)}")
    return "; ".join(parts)
