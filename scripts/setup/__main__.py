"""Make everything be there that Hearth needs: `python scripts/setup run` or `... test`.

It is started by scripts/run and scripts/test with any Python that will do. That one makes the
virtual environment; the environment's own Python then does the rest. When all is as it was left
the last time, it only looks, which takes a tenth of a second.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import llama
import system
from show import SetupFailed, Step, run, step

HERE = Path(__file__).resolve().parents[2]
VENV = Path(os.environ.get("HEARTH_VENV") or HERE / ".venv").expanduser().absolute()
PYTHON = VENV / "bin/python"
LOCKS = HERE / "requirements"
STAMP = VENV / "hearth-setup.json"
KINDS = {"run": ["run"], "test": ["run", "test"]}
"""What is wanted -> what is there once it is."""


def main(kind: str) -> None:
    if _ready(kind):
        return
    with _alone():
        if _ready(kind):
            return
        if not _is_venv_python():
            if not _usable():
                _make_venv(kind)
            _go_on_with(PYTHON)
        if find_spec("pip") is None:  # it was interrupted while it was made
            _go_on_with(Path(sys.base_prefix) / "bin/python3")
        wheel = llama.kept(LOCKS / "llama.lock")
        wanted = system.missing(compiler=wheel is None, **_for_tests(kind))
        system.install(wanted, _again(kind))
        if kind == "test":
            system.install_browser(_again(kind))
        _install(kind, wheel)


def _for_tests(kind: str) -> dict[str, bool]:
    """What the system has to bring for tests alone; a virtual sound card for all of them."""
    tests = kind == "test"
    full = tests and bool(os.environ.get("HEARTH_TEST_FULL"))
    return {"broker": tests, "tracer": tests, "sound": full}


def _again(kind: str) -> str:
    full = kind == "test" and os.environ.get("HEARTH_TEST_FULL")
    return f"{HERE}/scripts/{kind}" + (" --full" if full else "")


def _go_on_with(python: Path) -> None:
    os.execv(python, [str(python), *sys.orig_argv[1:]])


def _usable() -> bool:
    """Whether the environment is one that works."""
    test = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([PYTHON, "-c", test], capture_output=True).returncode == 0
    except OSError:
        return False


def _is_venv_python() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def _ready(kind: str) -> bool:
    """Whether everything is as it was left the last time."""
    if not _is_venv_python():
        return False
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return stamp.get(kind) == _digest(kind) and not system.missing(**_for_tests(kind))


def _digest(kind: str) -> str:
    """Changes when something has to be done."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text())
    about = {
        "python": sys.version,
        "checkout": str(HERE),
        "lock": (LOCKS / f"{kind}.lock").read_text(),
        "project": project["project"],
        "llama": str(llama.folder(LOCKS / "llama.lock")),
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time. The lock is on the folder around the environment, and ends with the
    process."""
    VENV.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(VENV.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another set-up is at work; waiting for it", file=sys.stderr)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_venv(kind: str) -> None:
    wanted = system.missing(
        venv=True, compiler=llama.kept(LOCKS / "llama.lock") is None, **_for_tests(kind)
    )
    system.install(wanted, _again(kind))
    if VENV.exists() and not (VENV / "pyvenv.cfg").exists() and any(VENV.iterdir()):
        raise SetupFailed(f"{VENV} is no virtual environment; name another in HEARTH_VENV.")
    remedy = f"Mend that, then run again:\n    {_again(kind)}"
    make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    with step(f"virtual environment with Python {sys.version.split()[0]}") as line:
        if find_spec("ensurepip"):
            run(line, make, remedy=remedy)
        else:  # Debian's Python without python3-venv, but with python3-pip
            pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "pip"]
            run(line, [*make, "--without-pip"], remedy=remedy)
            run(line, pip, remedy=remedy)


def _install(kind: str, wheel: Path | None) -> None:
    remedy = (
        f"Look at the network and at `{PYTHON} -m pip config list`, then run again:\n"
        f"    {_again(kind)}"
    )

    def pip(line: Step, *arguments: str | Path) -> None:
        environment = {
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            "PIP_USER": "0",
        }
        command = [PYTHON, "-m", "pip", "install", "--no-deps", *arguments]
        run(line, command, remedy=remedy, env=environment, detail=_package)

    STAMP.unlink(missing_ok=True)
    with step("Python packages") as line:
        exact = ["--require-hashes", "--only-binary", ":all:"]
        pip(line, *exact, "-r", LOCKS / f"{kind}.lock")
    wheel = wheel or llama.build(LOCKS, _again(kind))
    with step("Hearth") as line:
        pip(line, "--force-reinstall", "--no-index", wheel)
        test = [str(PYTHON), "-c", "import llama_cpp as l; l.llama_print_system_info()"]
        run(line, test, remedy=f"Remove {wheel}, then run again:\n    {_again(kind)}")
        pip(line, "--no-build-isolation", "--no-index", "--editable", HERE)
    STAMP.write_text(json.dumps({each: _digest(each) for each in KINDS[kind]}))


def _package(said: str) -> str | None:
    """The package that pip is at."""
    words = said.split()
    if words[:1] == ["Collecting"] and len(words) > 1:
        return words[1].partition("=")[0]
    return "installing" if said.startswith("Installing") else None


if __name__ == "__main__":
    if sys.argv[1:] not in (["run"], ["test"]):
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except SetupFailed as failure:
        sys.exit(f"\n{failure}")
    except KeyboardInterrupt:
        sys.exit(130)
