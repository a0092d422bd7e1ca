"""K7: a disk of a few hundred KB that can be filled and freed.

With root it is a file system of its own in memory, and what is full there is truly full (ENOSPC).
Otherwise this process may write no file at all while it is full (EFBIG, by RLIMIT_FSIZE).
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE = 1024 * 1024
"""Bytes."""


class TinyDisk:
    """`folder` is on it."""

    def __init__(self, folder: Path, own: bool) -> None:
        self.folder = folder
        self._own = own
        self._ballast = folder / "ballast"
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        """Until not one byte fits any more. Shows that it is so."""
        if self._own:
            with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, self._limits[1]))
        assert not self._takes_something()

    def free(self) -> None:
        if self._own:
            self._ballast.unlink(missing_ok=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        assert self._takes_something()

    def _takes_something(self) -> bool:
        probe = self.folder / "probe"
        try:
            with probe.open("wb", buffering=0) as file:
                file.write(b"x")
        except OSError:
            return False
        finally:
            probe.unlink(missing_ok=True)
        return True


@contextmanager
def tiny_disk(at: Path) -> Iterator[TinyDisk]:
    """A disk at a path that is not there yet."""
    at.mkdir()
    own = os.geteuid() == 0 and mounted(at)
    disk = TinyDisk(at, own)
    try:
        yield disk
    finally:
        if own:
            subprocess.run(["umount", "-l", str(at)], check=False)
        else:
            disk.free()


def mounted(at: Path, *options: str) -> bool:
    """Whether a file system in memory is now at this path."""
    given = ",".join((f"size={SIZE}", "mode=700", *options))
    command = ["mount", "-t", "tmpfs", "-o", given, "none", str(at)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def read_only(at: Path, wanted: bool) -> bool:
    """Mount it again so that nothing can be written there, or so that it can. Whether that is so
    now."""
    option = "remount,ro" if wanted else "remount,rw"
    return subprocess.run(["mount", "-o", option, str(at)], capture_output=True).returncode == 0
