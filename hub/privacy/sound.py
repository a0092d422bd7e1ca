"""Sound that is kept for a search for faults: only until a moment in the settings, and marked.

Nothing else in the hub ever writes what was heard to a disk.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.audio.wav_out import wav
from hub.config import Config
from hub.errors import reason
from hub.messages import Audio, Trace
from hub.timers.clock import Time

log = logging.getLogger(__name__)

FOLDER = "debug-audio"
MOST = 500
"""Recordings at a time; the oldest make room."""


def warning(config: Config, now: datetime) -> str:
    """What people are told while sound is kept; empty if it is not."""
    until = config.privacy.debug_audio_until
    if until is None or until <= now:
        return ""
    return (
        f"what is heard is kept as sound in {config.hub.data / FOLDER} until "
        f"{until:%Y-%m-%d %H:%M} ([privacy] debug_audio_until), and then deleted"
    )


class DebugSound:
    """Keeps what was heard, if and as long as the settings say so."""

    def __init__(self, folder: Path, until: datetime | None, time: Time) -> None:
        self._folder = folder / FOLDER
        self._until = until
        self._time = time
        self._ending: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def on(self) -> bool:
        return self._until is not None and self._time.now() < self._until

    async def begin(self) -> None:
        """Delete what is past its time now, and the rest at its time."""
        if not self.on:
            await asyncio.to_thread(self._delete)
            return
        assert self._until is not None
        left = (self._until - self._time.now()).total_seconds()
        self._ending = asyncio.get_running_loop().call_later(min(left, 3600) + 1, self._look)

    def _look(self) -> None:
        self._begin(self.begin())

    async def close(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def keep(self, audio: Audio, trace: Trace) -> None:
        """What was heard in a turn."""
        if self.on:
            name = f"{self._time.now():%Y%m%d-%H%M%S-%f}-{trace.token or 'turn'}.wav"
            self._begin(asyncio.to_thread(self._write, self._folder / name, audio))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write(self, path: Path, audio: Audio) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in sorted(self._folder.glob("*.wav"))[: -MOST + 1]:
                old.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(wav(audio))
        except OSError as error:
            log.error("%s: sound is not kept: %s", path, reason(error))

    def _delete(self) -> None:
        if self._folder.is_dir():
            shutil.rmtree(self._folder, ignore_errors=True)
            log.warning("%s: the sound that was kept there is deleted", self._folder)
