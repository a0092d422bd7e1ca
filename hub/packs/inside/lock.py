"""The locks that a process can put on itself: limits of the kernel, and Landlock.

The second layer: what bubblewrap or systemd keeps out is kept out here once more, by other means.
"""

from __future__ import annotations

import ctypes
import os
import resource
import stat
from collections.abc import Sequence
from contextlib import suppress

MB = 1024 * 1024
SPARE_MB = 48
"""Address space of the interpreter itself, besides what the pack may use."""
RUNTIME_MB = 256
"""Data of another runtime, besides: Node.js maps 150 MB before it runs a line."""
STACK = 2 * MB
"""Bytes; also of each thread."""
LARGEST_FILE = 4 * MB
CPU_SECONDS = 300
"""Of the whole life of the process; the hub's limits for each call are far tighter."""
THREADS = 24
RUNTIME_THREADS = 64
FILES = 64
RUNTIME_FILES = 256
NICE = 5

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION = 1
"""Flag that asks for Landlock's version."""
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
RIGHTS_OF_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Landlock's version -> all rights about files that it knows."""
TCP = 0b11
"""Binding and connecting, since version 4."""
SCOPES = 0b11
"""Abstract unix sockets and signals to processes outside, since version 6."""
READ = EXECUTE | READ_FILE | READ_DIR


def limit(memory_mb: int, *, own_python: bool) -> None:
    """Limit memory, processes, files and time of this process and its children for good."""
    os.nice(NICE)
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: LARGEST_FILE,
        resource.RLIMIT_NOFILE: FILES if own_python else RUNTIME_FILES,
        resource.RLIMIT_NPROC: THREADS if own_python else RUNTIME_THREADS,
        resource.RLIMIT_STACK: STACK,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    if own_python:
        limits[resource.RLIMIT_AS] = (memory_mb + SPARE_MB) * MB
    else:
        # Other runtimes reserve far more addresses than they will ever use.
        limits[resource.RLIMIT_DATA] = (memory_mb + RUNTIME_MB) * MB
    for kind, most in limits.items():
        with suppress(ValueError, OSError):  # less was allowed already
            resource.setrlimit(kind, (most, most))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("start", ctypes.c_char_p))


def filter_calls(program: bytes) -> None:
    """Allow only the system calls of a program for seccomp, for good. Raises OSError."""
    found = _Program(len(program) // 8, program)
    libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(found), 0, 0):
        raise OSError(ctypes.get_errno(), "the filter of system calls is refused")


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """What the kernel has; 0 for none."""
    return max(0, int(libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION)))


def landlock(
    readable: Sequence[str] = ("/",),
    writable: Sequence[str] = ("/tmp", "/scratch", "/dev/null"),
    *,
    tcp: bool = False,
) -> int:
    """Allow only reading below `readable` and writing below `writable`, no TCP (but with `tcp`),
    and no signals to others. Returns Landlock's version, 0 where the kernel has none: then nothing
    is changed."""
    system = libc()
    version = landlock_version()
    if not version:
        return 0
    rights = RIGHTS_OF_ABI[max(known for known in RIGHTS_OF_ABI if known <= version)]
    fields = [rights]
    if version >= 4:
        fields.append(0 if tcp else TCP)
    if version >= 6:
        fields.append(SCOPES)
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    ruleset = system.syscall(
        CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(ctypes.sizeof(attributes)), 0
    )
    if ruleset < 0:
        return 0
    try:
        for paths, allowed in ((readable, READ), (writable, rights & ~EXECUTE)):
            for path in paths:
                _allow(system, ruleset, path, allowed)
        system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return int(version) if system.syscall(RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= WRITE_FILE | READ_FILE | EXECUTE
        rule = _Beneath(rights, parent)
        libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
