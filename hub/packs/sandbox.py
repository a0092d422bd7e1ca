"""The walls around a pack, as far as this machine has them.

Outside stands one of two: bubblewrap, started by the hub, or a systemd unit for each pack, which
the hub reaches by its socket (`systemd/hearth-pack@.socket`). Both give an empty view of files, no
devices, no network, and no other processes. Within it a filter of system calls, the limits of the
kernel and Landlock (`inside/lock.py`) hold what gets past the first. Which of them are there is
found by trying; without one of the outer two no pack starts that the owner has not written.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from hub.errors import SkillError
from hub.packs import seccomp
from hub.packs.description import Pack, Permissions
from hub.packs.inside import lock, relay

HUB = Path(__file__).parent.parent
START = "packs/inside/start.py"
SOCKETS = Path("/run/hearth/packs")
"""Where systemd listens for the packs that have a unit: `<id>.sock`."""
NOBODY = 65534
TMP_BYTES = 8 * 1024 * 1024
PROBE_SECONDS = 5.0
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

Wall = Literal["systemd", "bubblewrap"]


class NoSandbox(SkillError):
    """Nothing on this machine can keep a pack apart."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One of the walls and whether it stands, for `hearth doctor`."""

    name: str
    active: bool
    text: str
    """What it does, or why it is missing and what would bring it."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a pack is started."""

    command: tuple[str, ...]
    passed: bytes | None = None
    """The filter of system calls, to be read from the descriptor whose number takes the place of
    SECCOMP_FD."""


SECCOMP_FD = "{seccomp}"


def wall(pack_id: str = "") -> Wall | None:
    """The outer wall that a pack would get; None if there is none."""
    if pack_id and _is_socket(SOCKETS / f"{pack_id}.sock"):
        return "systemd"
    return "bubblewrap" if not bubblewrap_trouble() else None


def require(pack_id: str) -> Wall:
    """The same. Raises NoSandbox with the way out."""
    found = wall(pack_id)
    if found is None:
        raise NoSandbox(
            f"{pack_id}: nothing here can keep a pack apart from the rest: {bubblewrap_trouble()}. "
            f"Install bubblewrap, or let systemd run it (docs/isolation.md)",
            spoken="Sorry, this machine cannot run skills of others safely.",
        )
    return found


def layers() -> list[Layer]:
    """All walls, for `hearth doctor`. Tries each; takes some 20 ms the first time."""
    trouble = bubblewrap_trouble()
    units = sorted(path.stem for path in SOCKETS.glob("*.sock")) if SOCKETS.is_dir() else []
    filtered = seccomp.program() is not None
    landlock = lock.landlock_version()
    return [
        Layer(
            "systemd",
            bool(units),
            f"a unit for each of {', '.join(units)}" if units else f"no sockets in {SOCKETS}",
        ),
        Layer("bubblewrap", not trouble, trouble or "files, network, devices, processes"),
        Layer(
            "seccomp",
            filtered and not trouble,
            "system calls" if filtered else "libseccomp is missing: install libseccomp2",
        ),
        Layer(
            "landlock",
            landlock > 0,
            f"version {landlock}" if landlock else "this kernel has none",
        ),
        Layer("limits", True, "memory, processor, threads, files"),
    ]


@cache
def bubblewrap_trouble() -> str:
    """Why bubblewrap does not work here; empty if it does. Tried once."""
    if seccomp.program() is None:
        # Without the filter, a pack could start processes, and reach a virtual machine's host.
        return "libseccomp is missing: install libseccomp2"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    command = [*_walls(Path("/usr/lib"), files=_own_python()), "--", "/python/bin/python3", "-V"]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=PROBE_SECONDS, env={}, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return f"bubblewrap is refused: {said[-1] if said else f'exit {done.returncode}'}"
    return ""


def bubblewrap(
    folder: Path,
    pack: Pack,
    granted: Permissions,
    settings: Mapping[str, object] | None = None,
    door: Path | None = None,
) -> Start:
    """How a pack is started within bubblewrap, without files, network or devices. `door` is the
    socket of the hub's proxy, for a `[run]` command that was granted hosts."""
    command = pack.run.command if pack.run else ()
    files = [*_own_python(), *(_whole_system() if command else ())]
    environment = _environment(folder, settings or {} if command else {})
    if door is not None:
        files += ["--ro-bind", str(door), relay.DOOR]
        environment |= _proxied()
    program = seccomp.program(tcp=door is not None)
    if program is None:
        raise NoSandbox(f"{pack.id}: there is no filter of system calls")
    walls = _walls(folder, files=files, environment=environment, proc=bool(command))
    inside = (
        "/python/bin/python3",
        "-I",
        "-S",
        "-B",
        f"/hearth/hub/{START}",
        str(granted.memory_mb),
        # The relay must be started before new processes are refused: the launcher sets the filter.
        *((f"--web={SECCOMP_FD}",) if door is not None else ()),
        *command,
    )
    filtered = () if door is not None else ("--seccomp", SECCOMP_FD)
    return Start((*walls, *filtered, "--", *inside), program)


def _walls(
    folder: Path,
    *,
    files: Sequence[str],
    environment: Mapping[str, str] | None = None,
    proc: bool = False,
) -> list[str]:
    """bubblewrap with all its walls up to the `--`. What is mounted lies in memory and is then
    made read-only, but for a small /tmp."""
    variables = [
        part for name, value in (environment or {}).items() for part in ("--setenv", name, value)
    ]
    devices = [part for path in DEVICES for part in ("--dev-bind", path, path)]
    return [
        shutil.which("bwrap") or "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--uid",
        str(NOBODY),
        "--gid",
        str(NOBODY),
        "--hostname",
        "pack",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--clearenv",
        *variables,
        *files,
        "--ro-bind",
        str(HUB),
        "/hearth/hub",
        "--ro-bind",
        str(folder),
        "/pack",
        *devices,
        *(("--proc", "/proc") if proc else ()),
        "--size",
        str(TMP_BYTES),
        "--tmpfs",
        "/tmp",
        "--remount-ro",
        "/",
        "--chdir",
        "/pack",
    ]


def _own_python() -> list[str]:
    """The hub's interpreter at /python, its standard library, and the system's libraries."""
    base = Path(sys.base_prefix)
    found = ["--ro-bind", os.path.realpath(sys.executable), "/python/bin/python3"]
    library = Path(os.__file__).parent
    # Fedora keeps what is made for the processor in lib64.
    for path in {library, base / "lib64" / library.name}:
        if path.is_dir():
            found += ["--ro-bind", str(path), f"/python/{path.relative_to(base)}"]
    for shared in base.glob("lib/libpython*.so*"):
        found += ["--ro-bind", str(shared), f"/python/lib/{shared.name}"]
    return [*found, *_libraries()]


def _libraries() -> Iterator[str]:
    for path in map(Path, ("/usr/lib", "/usr/lib64", "/usr/local/lib")):
        if path.is_dir() and not path.is_symlink():
            yield from ("--ro-bind", str(path), str(path))
    for path in map(Path, ("/lib", "/lib32", "/lib64")):
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for path in map(Path, ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")):
        if path.exists():
            yield from ("--ro-bind", str(path.resolve()), str(path))


def _whole_system() -> Iterator[str]:
    """What other runtimes need: the programs of the system."""
    for path in ("/usr/bin", "/usr/local/bin", "/usr/share/nodejs", "/etc/alternatives"):
        if Path(path).is_dir():
            yield from ("--ro-bind", path, path)
    yield from ("--symlink", "usr/bin", "/bin")


def setting_variables(settings: Mapping[str, object]) -> dict[str, str]:
    """Settings as a command finds them in its environment."""
    return {f"SETTING_{name.upper()}": str(value) for name, value in settings.items()}


def _environment(folder: Path, settings: Mapping[str, object]) -> dict[str, str]:
    own = setting_variables(settings)
    if (folder / "lib").is_dir():
        own["PYTHONPATH"] = "/pack/lib"
    return own | {
        "PATH": "/python/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": "/python/lib",
        "MALLOC_ARENA_MAX": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _proxied() -> dict[str, str]:
    """What tells programs of the proxy."""
    address = f"http://127.0.0.1:{relay.PORT}"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    return {**dict.fromkeys(names, address), "NODE_USE_ENV_PROXY": "1"}


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
