"""Wake words for others: `detect`, sound that goes on and on, and a `detection` in it.

Every stream has a detector of its own, so that no two are mixed (`hub.engines.ears_streams`). What
checks a suspicion, where there is something, is shared with the room: it takes each stretch of
sound on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wyoming.event import Event
from wyoming.wake import Detection, NotDetected

from hub.bridges.wyoming.services import Services
from hub.bridges.wyoming.sound import Intake
from hub.engines.wyoming_link import MalformedEvent
from hub.errors import ConfigError
from hub.messages import BYTES_PER_SECOND
from hub.ports import FRAME_BYTES, WakeWord

BATCH = 3 * FRAME_BYTES
"""Bytes looked through at a time: 0.1 s, as in the room."""
WAITING = 4
"""Chunks that may wait to be looked through; then no more are read from the network."""

Send = Callable[[Event], Awaitable[None]]


class Waking:
    """The streams that come over one connection."""

    def __init__(
        self, services: Services, send: Send, failed: Callable[[Exception], Awaitable[None]]
    ) -> None:
        self._services = services
        self._send = send
        self._failed = failed
        self._stream: _Stream | None = None

    def asked(self, event: Event) -> None:
        """A `detect`. Raises ConfigError for wake words that the hub does not know."""
        names = event.data.get("names")
        if names is not None and not isinstance(names, list):
            raise MalformedEvent("names of wake words that are no list")
        known = [model.name for each in self._services.info.wake for model in each.models]
        if names and not any(name in known for name in names):
            raise ConfigError(f"the wake word of this hub is {', '.join(known)}")

    async def begin(self) -> None:
        await self.close()
        assert self._services.wake is not None
        self._stream = _Stream(self._services.wake(), self._send, self._failed)

    async def chunk(self, event: Event) -> None:
        if self._stream is None:
            await self.begin()
        assert self._stream is not None
        await self._stream.chunk(event)

    async def end(self) -> None:
        if self._stream is not None:
            await self._stream.end()
            self._stream = None

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()


class _Stream:
    """One stream and its detector."""

    def __init__(
        self, wake: WakeWord, send: Send, failed: Callable[[Exception], Awaitable[None]]
    ) -> None:
        self._wake = wake
        self._send = send
        self._failed = failed
        self._intake = Intake()
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(WAITING)
        self._heard = 0
        self._task = asyncio.create_task(self._run(), name="wyoming-wake")

    async def chunk(self, event: Event) -> None:
        """Waits if the chunks of before have not been looked through."""
        await self._put(event)

    async def end(self) -> None:
        """No more sound: look through what is left."""
        await self._put(None)
        await asyncio.wait({self._task})

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _put(self, item: Event | None) -> None:
        if not self._task.done():
            putting = asyncio.ensure_future(self._queue.put(item))
            await asyncio.wait({putting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            putting.cancel()

    async def _run(self) -> None:
        try:
            await self._search()
        except Exception as error:  # told by the connection, which knows what to expect
            await self._failed(error)
        finally:
            await asyncio.shield(self._forget())

    async def _search(self) -> None:
        pending, found = bytearray(), False
        while (chunk := await self._queue.get()) is not None:
            pending += await self._intake.take(chunk)
            given = chunk.data.get("timestamp")
            timestamp = given if isinstance(given, int) else None
            while len(pending) >= BATCH:
                found = await self._look(bytes(pending[:BATCH]), timestamp) or found
                del pending[:BATCH]
        rest = bytes(pending) + self._intake.rest()
        if rest:
            found = await self._look(rest.ljust(BATCH, b"\0"), None) or found
        if not found:
            await self._send(NotDetected().event())

    async def _look(self, pcm: bytes, timestamp: int | None) -> bool:
        """`timestamp` is that of the client's chunk, in milliseconds; without, time is counted."""
        self._heard += len(pcm)
        wake = await self._wake.process(pcm)
        if wake is None:
            return False
        at = round(1000 * self._heard / BYTES_PER_SECOND) if timestamp is None else timestamp
        await self._send(Detection(name=wake.model, timestamp=at).event())
        return True

    async def _forget(self) -> None:
        try:
            await self._wake.reset()
        except Exception as error:
            await self._failed(error)
