"""K6: a disk on which power cuts can be tried: what a program did to its files, and what may be
left of that.

What the program did is read from strace's log (`tests/kits/strace.py`), so it is the program itself
that is tried. The model of the disk is that of ordinary file systems: what was written to a file is
there for certain once the file was forced to the disk; before that, all of it, nothing of it, a
part of it, or its length without its content. Names (created, renamed, linked, removed) reach the
disk in their order, and for certain once the folder was forced to the disk. SQLite's tests do the
same (src/test6.c there).
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

SECTOR = 512
"""Bytes that a disk writes as a whole."""

State = dict[str, bytes]
"""Name -> content, of one folder."""


@dataclass(eq=False)
class _File:
    now: bytearray = field(default_factory=bytearray)
    kept: bytes = b""
    """What the disk has for certain."""
    dirty: bool = False

    def may_be(self) -> list[bytes]:
        """What may be left of it."""
        now = bytes(self.now)
        if not self.dirty:
            return [now]
        added = len(now) - len(self.kept)
        torn = now[: len(self.kept) + max(1, added // 2) // SECTOR * SECTOR]
        zeros = self.kept + bytes(max(0, added))
        return list(dict.fromkeys((self.kept, now, torn, zeros)))


@dataclass
class Disk:
    """One folder on it."""

    folder: PurePosixPath
    said: list[bytes] = field(default_factory=list)
    """What the program wrote to its standard output."""
    _names: dict[str, _File] = field(default_factory=dict)
    """As the program sees them."""
    _kept: dict[str, _File] = field(default_factory=dict)
    _steps: list[dict[str, _File]] = field(default_factory=list)
    """The names after each change that may not have reached the disk."""
    _open: dict[int, tuple[_File | None, int]] = field(default_factory=dict)
    """Descriptor -> file and position; None for the folder itself."""

    def states(self) -> Iterator[State]:
        """All that may be found after a power cut now."""
        for names in (self._kept, *self._steps):
            contents = [file.may_be() for file in names.values()]
            for chosen in itertools.product(*contents):
                yield dict(zip(names, chosen, strict=True))

    def do(self, call: str, arguments: list[str], result: int) -> bool:
        """One system call. Whether it changed what may be found after a power cut."""
        if result < 0:
            return False
        match call:
            case "openat":
                return self._opened(_path(arguments[1]), arguments[2], result)
            case "write" if arguments[0] == "1":
                self.said.append(_text(arguments[1])[:result])
                return True
            case "write":
                return self._written(int(arguments[0]), _text(arguments[1])[:result])
            case "fsync" | "fdatasync":
                return self._forced(int(arguments[0]))
            case "close":
                self._open.pop(int(arguments[0]), None)
            case "rename":
                return self._named(arguments[1], self._taken(arguments[0]))
            case "renameat" | "renameat2":
                return self._named(arguments[3], self._taken(arguments[1]))
            case "link":
                return self._named(arguments[1], self._names.get(self._name(arguments[0]) or ""))
            case "linkat":
                return self._named(arguments[3], self._names.get(self._name(arguments[1]) or ""))
            case "unlink" | "unlinkat":
                name = arguments[-1] if call == "unlink" else arguments[1]
                if self._taken(name) is not None:
                    self._steps.append(dict(self._names))
                    return True
            case "ftruncate" | "pwrite64":
                if int(arguments[0]) in self._open:
                    raise NotImplementedError(call)
        return False

    def _name(self, argument: str) -> str | None:
        path = _path(argument)
        return path.name if path.parent == self.folder else None

    def _opened(self, path: PurePosixPath, flags: str, number: int) -> bool:
        self._open.pop(number, None)
        if path == self.folder:
            self._open[number] = None, 0
        if path.parent != self.folder:
            return False
        file = self._names.get(path.name)
        new = file is None
        if file is None:
            file = self._names[path.name] = _File()
            self._steps.append(dict(self._names))
        if "O_TRUNC" in flags:
            file.now.clear()
            file.dirty = True
        self._open[number] = file, len(file.now) if "O_APPEND" in flags else 0
        return new

    def _written(self, number: int, content: bytes) -> bool:
        file, at = self._open.get(number, (None, 0))
        if file is None:
            return False
        file.now[at : at + len(content)] = content
        file.dirty = True
        self._open[number] = file, at + len(content)
        return True

    def _forced(self, number: int) -> bool:
        if number not in self._open:
            return False
        file, _ = self._open[number]
        if file is None:
            self._kept, self._steps = dict(self._names), []
        else:
            file.kept, file.dirty = bytes(file.now), False
        return True

    def _taken(self, argument: str) -> _File | None:
        return self._names.pop(self._name(argument) or "", None)

    def _named(self, argument: str, file: _File | None) -> bool:
        name = self._name(argument)
        if file is None or name is None:
            return False
        self._names[name] = file
        self._steps.append(dict(self._names))
        return True


_LINE = re.compile(r"^(?P<pid>\d+) +(?P<rest>.*)$")
_WHOLE = re.compile(r"^(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_BEGUN = re.compile(r"^(?P<begun>.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(?P<rest>.*)$")


def calls(log: str) -> Iterator[tuple[str, list[str], int]]:
    """The system calls of a log, in the order in which they ended."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        if not (match := _LINE.match(line)):
            continue
        pid, rest = match["pid"], match["rest"]
        if started := _BEGUN.match(rest):
            begun[pid] = started["begun"]
            continue
        if resumed := _RESUMED.match(rest):
            rest = begun.pop(pid, "") + resumed["rest"]
        if whole := _WHOLE.match(rest):
            yield whole["call"], whole["arguments"].split(", "), int(whole["result"])


def _text(argument: str) -> bytes:
    return bytes.fromhex(argument.strip('"').replace("\\x", ""))


def _path(argument: str) -> PurePosixPath:
    return PurePosixPath(os.fsdecode(_text(argument)))
