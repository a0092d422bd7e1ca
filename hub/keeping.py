"""Whether the disk has what somebody was told is kept: where it has not, the answer says so.

A tool that keeps something waits for the disk (`on_disk`). If the disk refuses, what was kept holds
until the hub ends, and the run of the tool knows of it: nobody hears "Noted" and no more. Whoever
keeps something by itself, with nobody to tell, has it in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from hub.errors import StorageError

log = logging.getLogger(__name__)

Unkept = list[str]
"""What one run of a tool could not keep, for the log."""

_unkept: ContextVar[Unkept | None] = ContextVar("unkept", default=None)


class Notes(Protocol):
    """Where something is kept."""

    async def flush(self) -> None: ...


@contextmanager
def collecting(found: Unkept | None) -> Iterator[None]:
    """What is done within, and by tasks that are begun within, tells here what was not kept."""
    before = _unkept.set(found)
    try:
        yield
    finally:
        _unkept.reset(before)


def collected() -> Unkept | None:
    """Where the run that this is a part of collects it; None outside of one."""
    return _unkept.get()


async def on_disk(notes: Notes | None) -> bool:
    """Wait until the disk has what was put there. Whether it has; if not, whoever asked for it is
    told with the answer."""
    if notes is None:
        return True
    try:
        await notes.flush()
    except StorageError as error:
        unkept(error)
        return False
    return True


def unkept(error: StorageError) -> None:
    """Something is not on the disk."""
    log.error("%s", error)
    found = _unkept.get()
    if found is not None:
        found.append(str(error))
