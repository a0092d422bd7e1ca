"""A systemd of its own: process 1 of namespaces of its own, with units that a test gives it.

Nothing of the machine is touched: its files are seen through an overlay whose changes are in
memory, its devices are a handful, its network is a loopback device alone, and its control groups
are a branch of the machine's. The Python of the tests, and those settings of the kernel that all
share, can only be read. Of the units of the machine it knows none, nor of a Hearth that is
installed there.

The script that sets this up ends before its first change where it is not process 1 of namespaces of
its own, and before systemd where its root is not that overlay; commands are only run in there if
what they would join is such a process. All of it ends with whoever started it.

In there the checkout is `/opt/hearth/current`, with the Python that runs the tests, as
`scripts/install` would have it: a service sees no homes and no `/tmp` of others.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SYSTEMD = Path("/usr/lib/systemd/systemd")
UNITS = "/run/units"
RELEASE, PYTHON = "/opt/hearth/current", "/opt/python"

KINDS = ("mnt", "pid", "net", "uts", "ipc", "cgroup")
"""Namespaces that are its own."""
TARGETS = ("sysinit", "basic", "shutdown", "sockets", "timers", "paths", "slices", "network-online")
DEVICES = "null zero full random urandom tty"

BEFORE = """
set -e
mkdir {group} 2>/dev/null || true
echo $$ >{group}/cgroup.procs
exec unshare --mount --pid --fork --kill-child --uts --ipc --net --cgroup sh -e {inside}
"""
INSIDE = """
[ $$ = 1 ]
for kind in {kinds}; do
    own=$(readlink /proc/self/ns/$kind)
    case " {ours} " in *" $own "*) exit 1 ;; esac
done
mount --make-rprivate /
ip link set lo up
for address in {addresses}; do ip address add $address/32 dev lo; done
mount -t tmpfs tmpfs /mnt
mkdir /mnt/up /mnt/work /mnt/root /mnt/up2 /mnt/work2
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/root
cd /mnt/root
for place in etc/hearth var/lib/hearth var/cache/hearth; do
    if [ -d $place ]; then mount -t tmpfs -o mode=755 tmpfs $place; fi
done
mkdir -p opt
mount -t tmpfs -o mode=755 tmpfs opt
mkdir -p .{release} .{python}
mount -t overlay overlay -o lowerdir={checkout},upperdir=/mnt/up2,workdir=/mnt/work2 .{release}
mount -o bind,ro {base} .{python}
{libraries}
mount -t proc proc proc
for place in sys/fs sys/kernel sys/vm sysrq-trigger; do  # bubblewrap writes to sys/user
    if [ -e proc/$place ]; then mount -o bind,ro proc/$place proc/$place; fi
done
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
touch dev/console
mount --bind {console} dev/console
for name in {devices}; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm dev/mqueue dev/hugepages
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mkdir -p run/systemd/system .{units}
cp -r {given}/. .{units}
cp {wrapper} run/hearth
mkdir old
pivot_root . old
cd /
umount -l /old
grep -q ' / / .* overlay .*,upperdir=/mnt/up,' /proc/self/mountinfo
# Not before: links of the checkout lead into the overlay from here on.
if [ -L {release}/.venv ]; then rm {release}/.venv; fi
mkdir -p {release}/.venv/bin
rm -f {release}/.venv/bin/hearth
mv /run/hearth {release}/.venv/bin/hearth
rm -f /etc/machine-id
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test SYSTEMD_UNIT_PATH={units} \\
    SYSTEMD_LOG_TARGET=console /usr/lib/systemd/systemd --unit=nest.target --show-status=no
"""
WRAPPER = """#!/bin/sh
export PYTHONPATH={path} LD_LIBRARY_PATH={python}/lib
exec {python}/bin/python3 -B -c 'from hub.__main__ import main; main()' "$@"
"""


LIBRARIES = [Path(path) for path in sys.path if path.endswith("-packages") and Path(path).is_dir()]
PLACES = [f"/opt/libraries/{number}" for number in range(len(LIBRARIES))]
PYTHONPATH = ":".join([RELEASE, *PLACES])
IN_PYTHON = ["env", "-C", RELEASE, f"LD_LIBRARY_PATH={PYTHON}/lib", f"PYTHONPATH={PYTHONPATH}",
             f"{PYTHON}/bin/python3", "-B"]  # fmt: skip
"""The beginning of a command: the Python that runs the tests, with all that it knows."""


class Nest:
    """A systemd with the units in `folder/units`; what it says is in `folder/said`."""

    def __init__(self, folder: Path, *, addresses: tuple[str, ...] = ()) -> None:
        self.folder, self.addresses = folder, addresses
        self.units = folder / "units"
        self.units.mkdir()
        for target in TARGETS:
            self.unit(f"{target}.target", "[Unit]\nDefaultDependencies=no\n")
        self.unit("nest.target", "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n")
        self._group = _control_groups() / f"hearth-test-{os.getpid()}-{id(self):x}"
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def unit(self, name: str, text: str) -> None:
        """Give it a unit, or a drop-in (`hearth.service.d/test.conf`)."""
        path = self.units / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def inside(self, console: str) -> str:
        """The script that sets all of it up, once it is in its namespaces."""
        wrapper = self.folder / "hearth"
        wrapper.write_text(WRAPPER.format(path=PYTHONPATH, python=PYTHON))
        wrapper.chmod(0o755)
        return INSIDE.format(
            kinds=" ".join(KINDS),
            ours=" ".join(namespaces("self")),
            addresses=" ".join(self.addresses),
            checkout=shlex.quote(str(ROOT)),
            release=RELEASE,
            base=shlex.quote(sys.base_prefix),
            python=PYTHON,
            wrapper=shlex.quote(str(wrapper)),
            console=console,
            libraries="\n".join(
                f"mkdir -p .{place}\nmount -o bind,ro {shlex.quote(str(library))} .{place}"
                for library, place in zip(LIBRARIES, PLACES, strict=True)
            ),
            devices=DEVICES,
            units=UNITS,
            given=shlex.quote(str(self.units)),
        )

    def start(self) -> None:
        """Until its own target is reached."""
        inside = self.folder / "inside"
        master, slave = os.openpty()  # systemd speaks to terminals alone
        inside.write_text(self.inside(os.ttyname(slave)))
        before = BEFORE.format(group=self._group, inside=shlex.quote(str(inside)))
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "sh", "-c", before],
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        threading.Thread(target=self._listen, args=(master,), daemon=True).start()
        limit = time.monotonic() + 120
        while not self._reached():
            assert self._process.poll() is None and time.monotonic() < limit, self.said
            time.sleep(0.05)

    def _listen(self, console: int) -> None:
        with (self.folder / "said").open("wb", buffering=0) as said, suppress(OSError):
            while heard := os.read(console, 65536):  # an error tells that nobody has it any more
                said.write(heard.replace(b"\r\n", b"\n"))
        os.close(console)

    def _reached(self) -> bool:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = children.read_text().split() if children.exists() else []
        self._pid = int(pids[0]) if pids and apart(int(pids[0])) else 0
        return bool(self._pid) and self.ask("systemctl", "is-active", "nest.target")[0] == 0

    def ask(self, *command: str, seconds: float = 600) -> tuple[int, str]:
        """Run a command in there; its exit status and what it says."""
        # Elsewhere it would be a command to the machine itself.
        assert self._process is not None and self._process.poll() is None, self.said
        assert apart(self._pid), self.said
        done = subprocess.run(
            ["nsenter", f"--target={self._pid}", "--mount", "--pid", "--net", "--ipc", *command],
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd="/",
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def do(self, *command: str) -> str:
        """The same, for what has to succeed."""
        status, said = self.ask(*command)
        assert status == 0, f"{shlex.join(command)}: {said}\n{self.said[-4000:]}"
        return said

    def tells(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        said = self.do("systemctl", "show", unit, *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in said.splitlines())

    @property
    def said(self) -> str:
        """What systemd and its services have said."""
        file = self.folder / "said"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self) -> None:
        """End it with all that it started."""
        if self._process is None:
            return
        if apart(self._pid):
            os.kill(self._pid, signal.SIGKILL)  # the namespace of processes goes with its first
        else:
            self._process.kill()  # and unshare takes its child along
        self._process.wait(60)
        self._process = None
        for group in sorted(self._group.rglob("*"), reverse=True):
            if group.is_dir():
                _remove(group)
        _remove(self._group)


def namespaces(pid: str) -> list[str]:
    """Those that a process is in. Raises OSError."""
    return [str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in KINDS]


def apart(pid: int) -> bool:
    """Whether a process is process 1 of namespaces of its own."""
    try:
        own = not set(namespaces(str(pid))) & set(namespaces("self"))
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return own and bool(re.search(r"^NSpid:.*\t1$", status, re.M))


def _remove(group: Path) -> None:
    """What ended a moment ago may still be in it."""
    limit = time.monotonic() + 5
    while group.is_dir() and time.monotonic() < limit:
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.02)


def _control_groups() -> Path:
    """Where the second version of control groups is."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise FileNotFoundError("there are no control groups of the second version")


@cache
def trouble() -> str:
    """Why there can be none here; empty if there can. Tried once."""
    if os.geteuid() != 0:
        return "a nested systemd needs root"
    for program in ("unshare", "nsenter", "setpriv", "pivot_root", "ip", str(SYSTEMD)):
        if shutil.which(program) is None:
            return f"there is no {program}"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "this kernel has no overlay file system"
    try:
        with tempfile.TemporaryDirectory() as folder:
            nest = Nest(Path(folder))
            try:
                nest.start()
            finally:
                nest.stop()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        return f"a nested systemd does not start: {str(error)[-200:]}"
    return ""
