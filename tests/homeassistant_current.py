"""A Home Assistant for tests that wants a newer Python than this machine has: it runs on a Debian
of its own, in a folder.

Made once, in some minutes, from what apt and pip give; it takes 2 GB and needs root. Nothing of it
stays mounted: every process has its own view of the file system, which ends with it. Network and
folder of temporary files are the machine's own, so that tests need not know of it.

    python -m tests.homeassistant_current      makes it, and prints the Python it has

$HEARTH_TEST_HOMEASSISTANT names the version (`scripts/test --full`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VERSION = "2026.11.0"
"""The current release."""
SUITE = "sid"
"""Debian's suite that has the Python it wants: 3.14."""
PACKAGES = "ca-certificates python3 python3-venv python3-dev g++"
"""Some of what Home Assistant needs comes as source code."""
SOURCES = ("/etc/apt/sources.list", *map(str, sorted(Path("/etc/apt").glob("sources.list.d/*"))))

PYTHON = """\
#!/bin/sh
# The Python of a Debian of its own, on the network and with the temporary files of this machine.
# What is mounted here is seen by this process alone, and gone with it.
exec unshare --mount -- sh -c '
    root=$0 tmp=${{TMPDIR:-/tmp}}
    mkdir -p "$root$tmp" "$root/dev/shm" &&
    mount -t proc proc "$root/proc" &&
    mount -t tmpfs tmpfs "$root/dev/shm" &&
    mount --bind "$tmp" "$root$tmp" &&
    exec chroot "$root" {program} "$@"
' {root} "$@"
"""


def wanted(version: str) -> bool:
    """Whether this version needs more than the Python that runs the tests, and no other is named
    in $HEARTH_TEST_HOMEASSISTANT_PYTHON."""
    named = os.environ.get("HEARTH_TEST_HOMEASSISTANT_PYTHON")
    return _number(version) >= (2026, 3) and sys.version_info < (3, 14) and not named


def skip_unless_possible(version: str) -> None:
    """Skip the test where nobody may have a system in a folder."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"]).returncode:
        pytest.skip(f"Home Assistant {version} needs a newer Python, or root to make one")


def install(
    version: str, folder: Path, python: Path, requirements: Callable[[Path], set[str]]
) -> None:
    """Make `python`: a program that is, to whoever runs it, a Python with this version of Home
    Assistant. What is in `folder` already is used again. `requirements`: packages that are needed
    besides, from the folder of Home Assistant's own.

    Skips the test where that cannot be; raises CalledProcessError for what goes wrong."""
    root = folder / "root"
    if not root.exists():
        _debian(root)
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        if Path(f"/{name}").exists():
            shutil.copyfile(f"/{name}", root / name)
    uv = _program(folder / "uv", root, "/opt/uv/bin/uv")
    if not (root / "opt/uv/bin/uv").exists():
        system = _program(folder / "system-python", root, "/usr/bin/python3")
        _run(system, "-m", "venv", "/opt/uv")
        _run(
            _program(folder / "uv-python", root, "/opt/uv/bin/python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "uv",
        )
    if not (root / "opt/ha/pyvenv.cfg").exists():
        _run(uv, "venv", "--quiet", "--clear", "--python", "/usr/bin/python3", "/opt/ha")
    install = (uv, "pip", "install", "--quiet", "--python", "/opt/ha/bin/python")
    _run(*install, f"homeassistant=={version}")
    package = next((root / "opt/ha/lib").glob("python3.*/site-packages/homeassistant"))
    pins = f"/{(package / 'package_constraints.txt').relative_to(root)}"
    _run(*install, "--constraint", pins, *sorted(requirements(package)))
    _program(python, root, "/opt/ha/bin/python")


def _debian(root: Path) -> None:
    """Debian's smallest system, whole or not at all."""
    if shutil.which("debootstrap") is None:
        _run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "debootstrap")
    part = root.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    include = f"--include={PACKAGES.replace(' ', ',')}"
    # It mounts things, and leaves them when it is interrupted.
    alone = ("unshare", "--mount", "--")
    _run(*alone, "debootstrap", "--variant=minbase", include, SUITE, part, _mirror())
    part.rename(root)


def _mirror() -> str:
    """Where apt gets Debian from on this machine."""
    for source in map(Path, SOURCES):
        text = source.read_text(encoding="utf-8") if source.is_file() else ""
        if found := re.search(
            r"(?:^URIs:|^deb(?:\s+\[[^\]]*\])?)\s+(\S+/debian/?)(?=\s|$)", text, re.M
        ):
            return found[1]
    pytest.skip("apt knows no Debian on this machine")


def _program(path: Path, root: Path, program: str) -> Path:
    path.write_text(PYTHON.format(root=root, program=program), encoding="utf-8")
    path.chmod(0o755)
    return path


def _run(*command: Any) -> None:
    environment = {
        **os.environ,
        "DEBIAN_FRONTEND": "noninteractive",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_LINK_MODE": "copy",
        "UV_NO_CACHE": "1",
    }
    subprocess.run([*map(str, command)], check=True, capture_output=True, env=environment)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


if __name__ == "__main__":
    from tests import homeassistant

    try:
        print(homeassistant.installed(os.environ.get("HEARTH_TEST_HOMEASSISTANT") or VERSION))
    except pytest.skip.Exception as error:
        sys.exit(str(error))
