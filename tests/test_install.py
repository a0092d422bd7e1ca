"""`scripts/install` in a folder that stands for the whole system, with a systemctl that only notes.

What it installs is a small checkout: the script and the units are the real ones, the set-up makes
no virtual environment but something that looks like one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SETUP = """
import os, sys
from pathlib import Path

if (Path(__file__).parents[2] / "hub/unready").exists():
    sys.exit("the network is gone")
programs = Path(os.environ["HEARTH_VENV"]) / "bin"
programs.mkdir(parents=True)
(programs / "hearth").write_text("#!/bin/sh\\necho '# Settings'\\n")
(programs / "hearth").chmod(0o755)
(programs / "python").symlink_to(sys.executable)
"""
SYSTEMCTL = """#!/bin/sh
echo "$@" >>"{log}"
case $1 in
restart) test ! -e "{root}/opt/hearth/current/hub/broken" ;;
esac
"""


class Machine:
    """A checkout, and the system that it is installed into."""

    def __init__(self, folder: Path, *, made: bool = False) -> None:
        """`made`: it lies there already, as a copy of another."""
        self.root, self.log = folder / "root", folder / "systemctl.log"
        self.checkout = folder / "checkout"
        self.systemctl = folder / "systemctl"
        self._control()
        if made:
            return
        self.root.mkdir(parents=True)
        (self.checkout / "scripts/setup").mkdir(parents=True)
        (self.checkout / "hub").mkdir()
        (self.checkout / "hub/__init__.py").write_text('__version__ = "1.0.0"\n')
        for script in ("install", "lib.sh"):
            shutil.copy(ROOT / "scripts" / script, self.checkout / "scripts")
        (self.checkout / "scripts/setup/__main__.py").write_text(SETUP)
        shutil.copytree(ROOT / "systemd", self.checkout / "systemd")
        (self.checkout / "skills").mkdir()

    def _control(self) -> None:
        self.systemctl.parent.mkdir(exist_ok=True)
        self.systemctl.write_text(SYSTEMCTL.format(log=self.log, root=self.root))
        self.systemctl.chmod(0o755)

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        terminal: int = subprocess.DEVNULL,
    ) -> tuple[int, str]:
        """`scripts/install`; its exit status and what it says."""
        self.log.write_text("")
        done = subprocess.run(
            [self.checkout / "scripts/install", *arguments],
            env={
                **os.environ,
                "DESTDIR": str(self.root),
                "HEARTH_SYSTEMCTL": str(self.systemctl),
                "HEARTH_ROOM": "1",
                **(environment or {}),
            },
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    def install(self) -> str:
        status, said = self.run()
        assert status == 0, said
        return self.current

    def change(self, name: str, text: str = "") -> None:
        """Another release in the checkout."""
        (self.checkout / name).write_text(text)

    @property
    def told(self) -> list[str]:
        """What systemctl was told by the last run."""
        return self.log.read_text().splitlines()

    @property
    def current(self) -> str:
        return (self.root / "opt/hearth/current").resolve().name

    @property
    def files(self) -> dict[str, str]:
        """All files and links of the system, with their content."""
        return {
            str(path.relative_to(self.root)): str(path.readlink())
            if path.is_symlink()
            else path.read_text(errors="replace")
            for path in self.root.rglob("*")
            if path.is_symlink() or path.is_file()
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_dry_run_does_nothing_and_says_what_would_be_done(machine: Machine) -> None:
    status, said = machine.run("--dry-run")
    assert status == 0, said
    assert machine.files == {} and machine.told == []
    for what in ("/opt/hearth/releases/1.0.0-", "hearth.toml", "hearth.service", "restart"):
        assert any(what in line for line in said.splitlines() if line.startswith("would:")), what


def test_it_installs_a_service_that_systemd_finds_and_starts_it(machine: Machine) -> None:
    release = machine.install()
    assert release.startswith("1.0.0-")
    unit = (machine.root / "etc/systemd/system/hearth.service").read_text()
    program = unit.partition("ExecStart=")[2].split()[0]
    assert os.access(f"{machine.root}{program}", os.X_OK)
    assert (machine.root / "etc/hearth/hearth.toml").read_text() == "# Settings\n"
    assert (machine.root / "etc/hearth/credentials").stat().st_mode & 0o777 == 0o700
    assert (machine.root / "var/lib/hearth").stat().st_mode & 0o777 == 0o700
    assert os.access(machine.root / "usr/local/bin/hearth", os.X_OK)
    assert machine.told == ["daemon-reload", "enable --quiet hearth.service",
                            "restart hearth.service"]  # fmt: skip


def test_once_more_changes_nothing_and_keeps_what_people_have_written(machine: Machine) -> None:
    machine.install()
    settings = machine.root / "etc/hearth/hearth.toml"
    settings.write_text('[hub]\nlanguages = ["de"]\n')
    (machine.root / "etc/systemd/system/hearth.service.d/override.conf").write_text("[Service]\n")
    before = machine.files
    machine.install()
    assert machine.files == before
    assert "daemon-reload" not in machine.told


def test_an_upgrade_keeps_the_release_of_before_and_a_copy_of_what_is_known(
    machine: Machine,
) -> None:
    first = machine.install()
    (machine.root / "var/lib/hearth/home.json").write_text("{}")
    machine.change("hub/new.py")
    second = machine.install()
    assert first != second
    assert {path.name for path in (machine.root / "opt/hearth/releases").iterdir()} == {
        first,
        second,
    }
    copy = machine.root / f"var/backups/hearth/before-{second}.tar.gz"
    assert copy.stat().st_mode & 0o077 == 0
    listed = subprocess.run(["tar", "tzf", copy], capture_output=True, text=True, check=True)
    assert {"etc/hearth/hearth.toml", "var/lib/hearth/home.json"} <= set(listed.stdout.split())

    machine.change("hub/newer.py")
    third = machine.install()
    assert {path.name for path in (machine.root / "opt/hearth/releases").iterdir()} == {
        second,
        third,
    }


def test_a_release_that_does_not_start_is_taken_back(machine: Machine) -> None:
    first = machine.install()
    unit = machine.root / "etc/systemd/system/hearth.service"
    before = unit.read_text()
    machine.change("hub/broken")
    machine.change("systemd/hearth.service", before + "# another one\n")
    status, said = machine.run()
    assert status == 1 and "as before" in said
    assert machine.current == first
    assert unit.read_text() == before
    assert machine.told[-1] == "restart hearth.service"
    # What was wrong is mended: it goes on from there.
    (machine.checkout / "hub/broken").unlink()
    assert machine.install() != first


def test_a_release_that_cannot_be_made_ready_touches_nothing_that_runs(machine: Machine) -> None:
    first = machine.install()
    machine.change("hub/unready")
    status, said = machine.run()
    assert status == 1 and "stays as it was" in said
    assert machine.current == first and machine.told == []
    (machine.checkout / "hub/unready").unlink()
    machine.change("hub/new.py")
    assert machine.install() != first


def test_back_and_forth(machine: Machine) -> None:
    assert machine.run("--rollback")[0] == 1
    first = machine.install()
    machine.change("hub/new.py")
    second = machine.install()
    for expected in (first, second):
        status, said = machine.run("--rollback")
        assert status == 0, said
        assert machine.current == expected
        assert machine.told[-1] == "restart hearth.service"


@pytest.mark.parametrize("answer", [None, "--keep-data", "--remove-data"])
def test_it_goes_and_takes_what_is_known_only_if_that_is_said(
    machine: Machine, answer: str | None
) -> None:
    machine.install()
    (machine.root / "var/lib/hearth/home.json").write_text("{}")
    status, said = machine.run("--uninstall", *([answer] if answer else []))
    assert status == 0, said
    assert machine.told[0].startswith("disable --now")
    left = set(machine.files)
    if answer == "--remove-data":
        assert left == set()
    else:
        assert left == {"etc/hearth/hearth.toml", "var/lib/hearth/home.json"}


@pytest.mark.parametrize(("answer", "gone"), [("y", True), ("", False), ("no", False)])
def test_somebody_at_a_terminal_is_asked_about_the_data(
    machine: Machine, answer: str, gone: bool
) -> None:
    machine.install()
    backup = machine.root / "var/lib/hearth-backups/hearth-2026-11-27.tar"
    backup.parent.mkdir(parents=True)
    backup.write_text("sealed")
    ours, theirs = os.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keyboard:
        keyboard.write(f"{answer}\n".encode())
        status, said = machine.run("--uninstall", terminal=theirs)
    os.close(theirs)
    assert status == 0, said
    assert "Remove them, too?" in said
    assert (machine.root / "etc/hearth/hearth.toml").exists() is not gone
    # What was saved for later is nobody's to throw away.
    assert backup.exists()
    assert (str(backup.parent) in said) is gone


def test_an_argument_that_is_misspelt_does_nothing(machine: Machine) -> None:
    status, said = machine.run("--unistall")
    assert status != 0 and "--uninstall" in said
    assert machine.files == {}


def test_a_full_disk_is_noticed_before_anything_is_made(machine: Machine) -> None:
    status, said = machine.run(environment={"HEARTH_ROOM": "999999999"})
    assert status == 1 and "999999999 MB" in said and "Make room" in said
    assert set(machine.files) <= {"opt/hearth/.lock", "etc/sysusers.d/hearth.conf"}
    assert machine.told == []


def test_the_folder_to_look_at_may_be_named_from_here(machine: Machine) -> None:
    below = os.path.relpath(machine.root / "new")
    status, said = machine.run(environment={"DESTDIR": below})
    assert status == 0, said
    assert (machine.root / "new/etc/hearth/hearth.toml").is_file()


WHEEL = "ctranslate2-4.8.5-cp311-cp311-linux_aarch64.whl"
PYTHON = """#!/bin/sh
echo "$CMAKE_ARGS | $CUDACXX | $@" >>"{log}"
case "$@" in
*"pip install"*) test ! -e "{root}/unfit" ;;
esac
"""


def jetson(machine: Machine) -> Path:
    """JetPack, as far as the script looks; what the release's Python is asked is noted."""
    (machine.root / "etc").mkdir()
    (machine.root / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 4.3\n")
    nvcc = machine.root / "usr/local/cuda/bin/nvcc"
    nvcc.parent.mkdir(parents=True)
    nvcc.write_text("#!/bin/sh\n")
    nvcc.chmod(0o755)
    wheels = machine.root / "opt/hearth/wheels"
    wheels.mkdir(parents=True)
    (wheels / WHEEL).write_text("")
    log = machine.root.parent / "python.log"
    python = PYTHON.format(log=log, root=machine.root.parent)
    setup = machine.checkout / "scripts/setup/__main__.py"
    text = setup.read_text().partition('(programs / "python")')[0]
    setup.write_text(
        text + f'(programs / "python").write_text({python!r})\n(programs / "python").chmod(0o755)\n'
        f'open({str(log)!r}, "a").write(os.environ["CMAKE_ARGS"] + "\\n")\n'
    )
    return log


def test_a_jetson_has_its_gpu_for_llama_for_whisper_and_for_the_service(machine: Machine) -> None:
    log = jetson(machine)
    machine.install()
    built, *asked = log.read_text().splitlines()
    assert built.strip() == "-DGGML_CUDA=on"
    assert any(f"pip install --quiet --no-deps --no-index --force-reinstall {machine.root}/opt/"
               f"hearth/wheels/{WHEEL}" in line for line in asked)  # fmt: skip
    opened = (machine.root / "etc/systemd/system/hearth.service.d/20-gpu.conf").read_text()
    assert "DevicePolicy=auto" in opened and "video" in opened
    before = machine.files
    machine.install()
    assert machine.files == before


def test_a_wheel_that_does_not_fit_is_named_and_nothing_that_runs_is_touched(
    machine: Machine,
) -> None:
    jetson(machine)
    first = machine.install()
    (machine.root.parent / "unfit").touch()
    machine.change("hub/new.py")
    status, said = machine.run()
    assert status == 1 and WHEEL in said and "stays as it was" in said
    assert machine.current == first and machine.told == []


def test_elsewhere_the_gpu_stays_closed(machine: Machine) -> None:
    machine.install()
    assert not (machine.root / "etc/systemd/system/hearth.service.d/20-gpu.conf").exists()


# --- interrupted ---------------------------------------------------------------------------------

KILLED = """
step=0
killed() {
    step=$((step + 1))
    echo "$step" >"$STEPS"
    [ "$step" -ne "$KILL_AT" ] || kill -9 $$
}
case $0 in
*/scripts/install) set -T; trap killed DEBUG ;;
esac
"""
"""Bash reads it first (BASH_ENV): the script is killed before a command of it."""


def killed(machine: Machine, folder: Path, step: int) -> tuple[int, int]:
    """An installation that is killed before its so manieth command; its exit status, and how many
    there were."""
    (folder / "killed.sh").write_text(KILLED)
    steps = folder / "steps"
    status, _ = machine.run(
        environment={
            "BASH_ENV": str(folder / "killed.sh"),
            "KILL_AT": str(step),
            "STEPS": str(steps),
        }
    )
    return status, int(steps.read_text())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_upgrade_killed_at_any_step_leaves_a_hub_that_starts(tmp_path: Path) -> None:
    """... the old one or the new, whole; and the next try gets through."""
    given = Machine(tmp_path / "given")
    first = given.install()
    unit = given.root / "etc/systemd/system/hearth.service"
    old_unit = unit.read_text()
    given.change("hub/new.py")
    given.change("systemd/hearth.service", old_unit + "# another one\n")

    def fresh(name: str) -> Machine:
        shutil.copytree(tmp_path / "given", tmp_path / name, symlinks=True)
        return Machine(tmp_path / name, made=True)

    whole = fresh("whole")
    status, steps = killed(whole, tmp_path, 0)
    second = whole.current
    assert status == 0 and second != first

    def tried(step: int) -> str:
        machine = fresh(f"at{step}")
        status, _ = killed(machine, machine.root.parent, step)
        assert status == -9, f"step {step} is not reached"
        left = machine.current
        release = machine.root / "opt/hearth/releases" / left
        assert (release / "complete").exists() and (release / "hub").is_dir(), step
        assert os.access(release / ".venv/bin/hearth", os.X_OK), step
        there = machine.root / "etc/systemd/system/hearth.service"
        assert there.read_text() in (old_unit, old_unit + "# another one\n"), step
        assert (machine.root / "etc/hearth/hearth.toml").read_text() == "# Settings\n", step
        if step % 3 == 0:
            status, said = machine.run()
            assert status == 0, (step, said)
            assert machine.current == second
            assert there.read_text().endswith("# another one\n")
        shutil.rmtree(machine.root.parent)
        return left

    # Every seventh of them, for time.
    with ThreadPoolExecutor(4) as several:
        seen = set(several.map(tried, range(1, steps, 7)))
    assert seen == {first, second}
