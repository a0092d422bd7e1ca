"""The hub's ears, as one can reach for them from outside: mute, listen now, and what woke it.

Both stand between parts of the core and know only their ports: `source` is a microphone that can
be muted, `wake` a wake word that can also be pressed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from pathlib import Path

from hub.disk import sync_folder
from hub.messages import Wake
from hub.ports import FRAME_BYTES, FRAME_SECONDS, AudioSource, GathersFrames, WakeWord

log = logging.getLogger(__name__)

AFTERWARDS = 20.0
"""Seconds of silence that follow when the microphone is muted, so that whatever is listened for
ends by itself; then there is nothing any more, and nobody is woken up to look at it."""
BUTTON = "button"
"""What a wake word is called that was pressed and not spoken."""


class Ears:
    """Mutes the microphone, and makes the hub listen. `kept` is a file that is there while it is
    muted, so that it stays so over a restart."""

    def __init__(self, kept: Path | None = None) -> None:
        self._kept = kept
        self._muted = asyncio.Event()
        self._open = asyncio.Event()
        self._pressed = False
        self._watchers: list[Callable[[Wake], None]] = []
        (self._muted if kept is not None and kept.exists() else self._open).set()

    @property
    def muted(self) -> bool:
        return self._muted.is_set()

    def mute(self, muted: bool) -> None:
        """Close the microphone, or open it again. It is closed before anything else is heard."""
        self._pressed = self._pressed and not muted
        on, off = (self._muted, self._open) if muted else (self._open, self._muted)
        off.clear()
        on.set()
        if self._kept is None:
            return
        try:
            if muted:
                self._kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._kept.touch(mode=0o600)
            else:
                self._kept.unlink(missing_ok=True)
            # A power cut must not open the microphone again.
            sync_folder(self._kept.parent)
        except OSError as error:
            log.error("%s: whether the microphone is muted is not kept: %s", self._kept, error)

    def listen(self) -> bool:
        """Listen now, as after the wake word. False: the microphone is muted."""
        self._pressed = not self.muted
        return self._pressed

    def watch(self, onlooker: Callable[[Wake], None]) -> Callable[[], None]:
        """Tell `onlooker` of everything that wakes the hub; the result ends that."""
        self._watchers.append(onlooker)
        return lambda: self._watchers.remove(onlooker)

    def source(self, source: AudioSource) -> AudioSource:
        """The same microphone, which can be muted."""
        return _Muted(self, source)

    def wake(self, wake: WakeWord) -> WakeWord:
        """The same wake word, which can be pressed too."""
        return _Button(self, wake)

    def _woken(self, spoken: Wake | None) -> Wake | None:
        pressed, self._pressed = self._pressed, False
        wake = spoken or (Wake(BUTTON, "", 1.0, 0.0, spoken=False) if pressed else None)
        if wake is not None:
            for onlooker in tuple(self._watchers):
                onlooker(wake)
        return wake


class _Muted:
    """An `AudioSource` whose device is closed while it is muted."""

    def __init__(self, ears: Ears, source: AudioSource) -> None:
        self.realtime = source.realtime
        self._ears = ears
        self._source = source

    @property
    def gather(self) -> int:
        return self._source.gather if isinstance(self._source, GathersFrames) else 1

    @gather.setter
    def gather(self, frames: int) -> None:
        if isinstance(self._source, GathersFrames):
            self._source.gather = frames

    async def frames(self) -> AsyncIterator[bytes]:
        while True:
            if self._ears.muted:
                async for frame in self._silence():
                    yield frame
                await self._ears._open.wait()
            frames = self._source.frames()
            async with aclosing(frames):  # type: ignore[type-var]
                async for frame in frames:
                    if self._ears.muted:
                        break
                    yield frame
                else:
                    return

    async def _silence(self) -> AsyncIterator[bytes]:
        for _ in range(round(AFTERWARDS / FRAME_SECONDS)):
            if self._ears._open.is_set():
                return
            if self.realtime:
                with suppress(TimeoutError):
                    async with asyncio.timeout(FRAME_SECONDS):
                        await self._ears._open.wait()
            yield bytes(FRAME_BYTES)


class _Button:
    """A `WakeWord` that also fires when it is pressed."""

    def __init__(self, ears: Ears, wake: WakeWord) -> None:
        self._ears = ears
        self._wake = wake
        self.phrase = getattr(wake, "phrase", "")

    async def process(self, pcm: bytes) -> Wake | None:
        return self._ears._woken(await self._wake.process(pcm))

    async def reset(self) -> None:
        await self._wake.reset()
