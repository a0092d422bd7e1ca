"""Memory and processor time of the hub and its engines, for `hearth doctor` and `hearth bench`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psutil

MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Usage:
    """One process."""

    name: str
    pid: int
    rss: float
    """MB in memory, shared libraries and mapped model files included."""
    pss: float
    """MB in memory, with what is shared divided among those who share it: these may be added up.
    Where the system does not tell (it is Linux that does), the same as `rss`."""
    cpu_seconds: float
    """Processor time since the process began."""
    threads: int


def usage(workers: Mapping[str, int | None]) -> list[Usage]:
    """This process, called `hub`, and each worker, by name and process id.

    A worker that is not up is left out."""
    pids = {"hub": psutil.Process().pid, **workers}
    found = (_usage(name, pid) for name, pid in pids.items() if pid is not None)
    return [one for one in found if one is not None]


def total_pss(usages: Iterable[Usage]) -> float:
    """MB of them all together."""
    return sum(one.pss for one in usages)


def _usage(name: str, pid: int) -> Usage | None:
    try:
        process = psutil.Process(pid)
        memory = process.memory_full_info()
        times = process.cpu_times()
        return Usage(
            name=name,
            pid=pid,
            rss=memory.rss / MEGABYTE,
            pss=getattr(memory, "pss", memory.rss) / MEGABYTE,
            cpu_seconds=times.user + times.system,
            threads=process.num_threads(),
        )
    except psutil.NoSuchProcess:  # it ended in between
        return None
