"""The wake word, found or checked by a Wyoming server on another machine of the house."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import Info, WakeModel
from wyoming.wake import Detect, Detection, NotDetected

from hub.engines.wyoming_link import Address, Link, LinkLost, asked, connect, described, parse
from hub.errors import EngineError
from hub.messages import BYTES_PER_SECOND

log = logging.getLogger(__name__)

SOUND = {"rate": 16_000, "width": 2, "channels": 1}
PATIENCE = 10.0
"""Seconds a server may be away, as when it is restarted, before that is an error."""
RETRY = 1.0
"""Seconds between two attempts to reach it meanwhile."""
OPENING = 0.3
"""Seconds of the stream that wait for a connection; then sound is let go until it is there."""
SLOW = 1.0
"""Seconds that a stretch of sound may take to be taken."""
VERIFY_TIMEOUT = 2.0
"""Seconds it may take to check a wake word: somebody waits for an answer."""
TAIL = bytes(BYTES_PER_SECOND // 2)
"""Silence after what is checked: detectors are sure only some time after the word."""
STEP = BYTES_PER_SECOND // 10


class WyomingWakeWord:
    """A `hub.wakeword.Detector`, and a `hub.wakeword.Verifier`.

    The score is 1 when the server reports the wake word, and 0 otherwise. As a detector it needs
    a connection that stays; where that breaks, sound is let go for some seconds while the server
    is looked for, and after that it is an error.
    """

    cutoff = 0.5

    def __init__(self, address: Address) -> None:
        """`address` may have an option `model`; without, it is the server's first."""
        self.address = address
        self.model = address.options.get("model") or "wake_word"
        self.phrase = self.model.replace("_", " ").title()
        self._known = False
        self._stream: _Stream | None = None
        self._opening: asyncio.Task[_Stream] | None = None
        self._away_since: float | None = None
        self._tried = 0.0

    def __str__(self) -> str:
        return f"the wake word at {self.address}"

    async def start(self) -> None:
        """See whether the server is there and knows the wake word. Raises EngineError."""
        self._take(await described(self.address))

    async def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        await self.reset()

    async def score(self, pcm: bytes) -> float:
        """1 if the wake word has been found since the last call. Raises EngineError when the
        server has been away for too long."""
        try:
            stream = await self._open()
            if stream is None:
                return 0.0
            found = await stream.hear(pcm)
        except LinkLost as error:
            await self._lost(error)
            return 0.0
        self._away_since = None
        return 1.0 if found else 0.0

    async def reset(self) -> None:
        """Forget the stream: the next one is another connection's."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def verify(self, pcm: bytes) -> float:
        """1 if the server finds the wake word in a stretch of sound, sent at once. Raises
        EngineError: some servers only hear what comes at the pace of sound."""

        async def work(link: Link) -> float:
            await link.send(*self._begin())
            for start in range(0, len(pcm + TAIL), STEP):
                piece = (pcm + TAIL)[start : start + STEP]
                await link.send(AudioChunk(**SOUND, audio=piece).event())
            await link.send(AudioStop().event())
            while True:
                event = await link.receive()
                if Detection.is_type(event.type):
                    return 1.0
                if NotDetected.is_type(event.type):
                    return 0.0

        return await asked(self.address, work, within=VERIFY_TIMEOUT)

    async def _open(self) -> _Stream | None:
        """The stream; None while it is being opened. Raises EngineError."""
        if self._stream is not None:
            return self._stream
        if self._opening is None:
            if self._away_since is not None and time.monotonic() - self._tried < RETRY:
                return None
            self._tried = time.monotonic()
            self._opening = asyncio.create_task(self._connected(), name="wyoming-wake-connect")
        await asyncio.wait({self._opening}, timeout=OPENING)
        if not self._opening.done():
            return None
        opening, self._opening = self._opening, None
        self._stream = opening.result()
        return self._stream

    async def _connected(self) -> _Stream:
        if not self._known:
            self._take(await described(self.address))
        link = await connect(self.address)
        await link.send(*self._begin())
        return _Stream(link)

    def _begin(self) -> tuple[Event, Event]:
        name = self.address.options.get("model")
        return Detect(names=[name] if name else None).event(), AudioStart(**SOUND).event()

    async def _lost(self, error: LinkLost) -> None:
        await self.reset()
        now = time.monotonic()
        if self._away_since is None:
            log.warning("nothing is listened for just now: %s", error)
            self._away_since = now
        elif now - self._away_since > PATIENCE:
            raise error

    def _take(self, info: Info) -> None:
        """What the wake word is called. Raises EngineError if the server has none."""
        models = [
            model
            for program in info.wake
            if program.installed
            for model in program.models
            if model.installed
        ]
        wanted = self.address.options.get("model")
        found = [model for model in models if wanted in (None, "", model.name)]
        if not found:
            known = ", ".join(model.name for model in models) or "none at all"
            raise EngineError(
                f"{self.address} does not know the wake word {wanted!r}; it knows {known}"
                if wanted
                else f"{self.address} offers no wake word"
            )
        self._name(found[0])
        self._known = True

    def _name(self, model: WakeModel) -> None:
        self.model = model.name
        self.phrase = model.phrase or model.name.replace("_", " ").title()


class _Stream:
    """Sound on its way to the server, and what it reports."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._found = False
        self._milliseconds = 0.0
        self._reading = asyncio.create_task(self._read(), name="wyoming-wake-read")

    async def hear(self, pcm: bytes) -> bool:
        """Send the next stretch; True if something was found lately. Raises LinkLost."""
        if self._reading.done():
            self._reading.result()
        chunk = AudioChunk(**SOUND, audio=pcm, timestamp=round(self._milliseconds))
        self._milliseconds += 1000 * len(pcm) / BYTES_PER_SECOND
        try:
            async with asyncio.timeout(SLOW):
                await self._link.send(chunk.event())
        except TimeoutError:
            raise LinkLost(f"{self._link.address} does not keep up with the sound") from None
        found, self._found = self._found, False
        return found

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError, EngineError):
            await self._reading
        self._link.close()

    async def _read(self) -> None:
        while True:
            event = await self._link.receive()
            if Detection.is_type(event.type):
                self._found = True


def wake_word(uri: str) -> WyomingWakeWord:
    """Detector or verifier at `tcp://host:port`, or `…?model=NAME`. Raises ModelError."""
    return WyomingWakeWord(parse(uri, ("model",)))
