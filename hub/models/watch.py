"""Whether models are still what was fetched, looked at once in a while by the running hub.

A card that ages turns single bits over. Sizes do not tell, and reading all of it at each start
would take a Pi half a minute; so it is read once a month, behind everything else, and what was
found is told. Nothing is repaired by itself: a model with a bit turned over mostly still works, and
without a network there is no other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from hub.errors import ModelError, reason
from hub.models.catalogue import Model
from hub.models.store import ModelStore

log = logging.getLogger(__name__)

EVERY = 30 * 24 * 3600.0
"""Seconds from one look to the next."""
FIRST = 3600.0
"""Seconds after the start before which nothing is read: it has other things to do then."""
STAMP = ".verified"
"""A file in the models' folder that is as old as the last look with nothing wrong."""


class _Ended(Exception):
    """The hub ends meanwhile."""


async def watch(store: ModelStore, models: Sequence[Model], tell: Callable[[str], None]) -> None:
    """Look at these models every now and then, for ever. `tell` is called with what is wrong, ''
    if nothing is."""
    wait = _due(store)
    while True:
        await asyncio.sleep(wait)
        wait = EVERY
        wrong = await _read(store, models)
        for problem in wrong:
            log.error("%s", problem)
        tell("; ".join(wrong))
        stamp = store.folder / STAMP
        try:
            if wrong:  # then the next start looks again, and tells again
                stamp.unlink(missing_ok=True)
            else:
                stamp.touch()
        except OSError as error:  # then the next start looks again
            log.warning("%s: %s", stamp, reason(error))


def _due(store: ModelStore) -> float:
    """Seconds until the next look."""
    try:
        since = time.time() - (store.folder / STAMP).stat().st_mtime
    except OSError:
        since = EVERY
    return min(EVERY, max(FIRST, EVERY - since))


async def _read(store: ModelStore, models: Sequence[Model]) -> list[str]:
    """What is wrong with them, read by a thread that gives way to all others."""
    ended = threading.Event()

    def goes_on(done: int, total: int) -> None:
        if ended.is_set():
            raise _Ended

    def look() -> list[str]:
        if sys.platform == "linux":  # where each thread has a niceness of its own
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        wrong: list[str] = []
        for model in models:
            with suppress(ModelError):  # one that was removed meanwhile
                wrong += store.verify(model, goes_on, mark=False)
        return wrong

    thread = ThreadPoolExecutor(1, thread_name_prefix="models")
    reading = asyncio.get_running_loop().run_in_executor(thread, look)
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        ended.set()
        with suppress(_Ended):
            await reading
        raise
    finally:
        thread.shutdown(wait=False)
