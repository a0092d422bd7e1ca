"""A loudspeaker that nobody hears."""

from __future__ import annotations

import asyncio

from hub.messages import Audio


class Nowhere:
    """An `AudioSink` without sound. With `realtime` a sound takes as long as it is."""

    def __init__(self, *, realtime: bool = False) -> None:
        self._realtime = realtime

    async def play(self, audio: Audio) -> None:
        if self._realtime:
            await asyncio.sleep(audio.seconds)

    async def close(self) -> None:
        """Nothing to close."""
