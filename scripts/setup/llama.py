"""llama.cpp, built once for this processor and kept as a wheel.

Its package comes as source alone, and a build made for another processor may use instructions
that this one lacks. So a wheel is kept under the processor's own instruction set and the build's
options, and used only where both are the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from show import Step, run, step

OPTIONS = ["-DLLAVA_BUILD=OFF"]
if platform.machine() == "x86_64":
    # Its code for AMX crashes on some virtual machines that claim to have AMX.
    _NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
    OPTIONS += [f"-DCMAKE_C_FLAGS='{_NO_AMX}'", f"-DCMAKE_CXX_FLAGS='{_NO_AMX}'"]

MEMORY_OF_A_JOB = 1_000_000_000
"""Bytes that one compiler may want."""


def options() -> str:
    """CMake's arguments; what the user says last wins."""
    return " ".join([*OPTIONS, os.environ.get("CMAKE_ARGS", "")]).strip()


def folder(lock: Path) -> Path:
    """Where the wheel for this processor is kept, or will be."""
    version = re.search(r"==(\S+)", lock.read_text())
    assert version is not None, lock
    libc = "-".join(platform.libc_ver())
    made_for = hashlib.sha256(f"{_instructions()}\n{options()}\n{libc}".encode())
    name = f"llama-cpp-python-{version[1]}-{platform.machine()}-{made_for.hexdigest()[:12]}"
    return _cache() / name


def kept(lock: Path) -> Path | None:
    """The wheel, if it was built before."""
    return next(iter(sorted(folder(lock).glob("*.whl"))), None)


def build(locks: Path, again: str) -> Path:
    """Build the wheel and keep it. Raises SetupFailed."""
    lock = locks / "llama.lock"
    target = folder(lock)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        if wheel := kept(lock):
            return wheel
        log = target.with_name(f"{target.name}.log")
        log.unlink(missing_ok=True)
        with (
            step("llama.cpp for this processor (some minutes, only once)") as line,
            tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as scratch,
        ):
            wheel = _built(line, locks, Path(scratch), log, again)
            target.mkdir(exist_ok=True)
            # On the same disk, so that it is there whole or not at all.
            wheel.replace(target / wheel.name)
        return target / wheel.name


def _built(line: Step, locks: Path, scratch: Path, log: Path, again: str) -> Path:
    remedy = (
        "If a compiler was killed, there was too little memory for so many at once: put\n"
        "CMAKE_BUILD_PARALLEL_LEVEL=1 before the command. If nothing could be fetched, look at\n"
        f"the network and at `pip config list`. Then run again:\n    {again}"
    )
    tools, source, out = scratch / "tools", scratch / "source", scratch / "wheel"
    environment = {
        "PATH": f"{tools / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "CMAKE_ARGS": options(),
        "CMAKE_GENERATOR": "Ninja",
        "CMAKE_BUILD_PARALLEL_LEVEL": os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", _jobs()),
        # Sources and objects want a gigabyte: temporary folders may be in memory.
        "TMPDIR": str(scratch),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_USER": "0",
    }

    def pip(*arguments: str | Path) -> None:
        command = [tools / "bin/python", "-m", "pip", *arguments]
        run(line, command, remedy=remedy, log=log, env=environment, detail=_detail)

    line.at("tools")
    # By the pip that runs here: Debian's Python cannot give a new environment one.
    run(line, [sys.executable, "-m", "venv", "--without-pip", str(tools)], remedy=remedy, log=log)
    install = [sys.executable, "-m", "pip", "--python", str(tools / "bin/python"), "install"]
    install += ["--require-hashes", "--no-deps", "-r", str(locks / "build-llama.lock")]
    run(line, install, remedy=remedy, log=log, env=environment)
    line.at("source")
    exact = ["--require-hashes", "--no-deps", "--no-build-isolation", "--no-binary", ":all:"]
    pip("download", *exact, "--dest", source, "-r", locks / "llama.lock")
    archive = next(source.iterdir())
    line.at("configuring")
    # pip's own cache would hand out a wheel that was built with other options.
    alone = ["--no-deps", "--no-build-isolation", "--no-cache-dir", "--verbose"]
    pip("wheel", *alone, "--wheel-dir", out, archive)
    return next(out.glob("*.whl"))


def _detail(said: str) -> str | None:
    """Ninja's count of steps."""
    if found := re.match(r"\s*\[(\d+)/(\d+)\]", said):
        return f"{int(found[1]) * 100 // int(found[2])} % ({found[1]} of {found[2]})"
    return None


def _jobs() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return str(max(1, min(os.cpu_count() or 1, memory // MEMORY_OF_A_JOB)))


def _cache() -> Path:
    if given := os.environ.get("HEARTH_WHEELS"):
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "hearth/wheels"


def _instructions() -> str:
    """The instruction set as the kernel names it: `flags` on x86, `Features` on ARM."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return " ".join(sorted(value.split()))
    return platform.processor()


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One build at a time, whichever checkout wants it."""
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for stray in target.parent.glob(".build-*"):  # of a build that was killed
            shutil.rmtree(stray, ignore_errors=True)
        yield
