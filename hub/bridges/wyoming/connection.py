"""One client of the hub: its events are read, measured, and handed to whoever they are for.

Reading never waits for work: a `describe` is answered at once whatever else is going on, and who
hangs up is noticed while the work is done, which is then given up. Only a turn that has begun is
finished: half a command would be worse than an answer that nobody hears.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart
from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart
from wyoming.wake import Detect

from hub.bridges.wyoming.handling import Brain, Handling
from hub.bridges.wyoming.hearing import Hearing
from hub.bridges.wyoming.jobs import Jobs, plain
from hub.bridges.wyoming.services import Services
from hub.bridges.wyoming.speaking import Speaking
from hub.bridges.wyoming.waking import Waking
from hub.engines.wyoming_link import MalformedEvent, read_event
from hub.errors import ConfigError, HearthError

log = logging.getLogger(__name__)

S = TypeVar("S")

MOST_DATA = 64 << 10
"""Bytes of an event's data from a client."""
MOST_PAYLOAD = 1 << 20
"""Bytes of sound in one event: half a minute."""
FIRST_EVENT = 15.0
"""Seconds in which a client has to say something."""
IDLE = 300.0
"""Seconds of silence after which a client is taken for gone."""
WRITE_TIMEOUT = 30.0
"""Seconds a client may take to read what it asked for."""


TOO_OFTEN = "you ask too often; wait a few seconds"

_SOUND = ("transcribe", "detect", "audio-start", "audio-chunk", "audio-stop")
_SPEECH = ("synthesize", "synthesize-start", "synthesize-chunk", "synthesize-stop")
_GOES_ON = ("audio-chunk", "audio-stop", "synthesize-chunk", "synthesize-stop")
"""What belongs to a request that was made before."""


class Connection(AsyncEventHandler):
    """`peer` is the client as the log calls it; `refused` says why it is not served, if it is not;
    `may_ask` counts a request, and says whether it may be made now.

    `finished` is set, and `gone` told, when nothing of it is left."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        services: Services,
        brain: Brain | None,
        *,
        peer: str = "a client",
        refused: str | None = None,
        may_ask: Callable[[], bool] = lambda: True,
        gone: Callable[[Connection], None] = lambda connection: None,
    ) -> None:
        super().__init__(reader, writer)
        self.finished = asyncio.Event()
        self._services = services
        self._peer = peer
        self._refused = refused
        self._may_ask = may_ask
        self._gone = gone
        self._jobs = {name: Jobs(name, self._failed) for name in ("asr", "handle", "tts")}
        new = services.new_assistant
        self._hearing: Hearing | None = None
        self._waking: Waking | None = None
        self._handling: Handling | None = None
        self._speaking: Speaking | None = None
        if new is not None and services.recognizes:
            self._hearing = Hearing(services, new(), self.send, self._jobs["asr"])
        if services.wake is not None:
            self._waking = Waking(services, self.send, self._failed)
        if brain is not None:
            self._handling = Handling(services, brain, self.send, self._jobs["handle"])
        if services.synthesizer is not None:
            self._speaking = Speaking(services, self.send, self._jobs["tts"])
        self._ear: Hearing | Waking | None = self._hearing
        """Who gets the sound."""

    async def run(self) -> None:
        """Serve the client until it hangs up, or does what it should not."""
        try:
            if self._refused is None:
                await self._serve()
            else:
                await self.send(Error(self._refused, "refused").event())
        except MalformedEvent as error:
            log.warning("Wyoming: %s sent %s; it is not served any more", self._peer, error)
            await self._complain(f"this is not understood: {error}", "malformed")
        except TimeoutError:
            log.info("Wyoming: %s was silent for too long", self._peer)
        except OSError as error:
            log.debug("Wyoming: %s: %s", self._peer, error)
        except Exception:
            # The hub goes on for the others, whatever this one sent.
            log.exception("Wyoming: %s: this should not have happened", self._peer)
        finally:
            await self._close()

    async def _serve(self) -> None:
        patience = FIRST_EVENT
        while True:
            async with asyncio.timeout(patience):
                event = await read_event(
                    self.reader, most_data=MOST_DATA, most_payload=MOST_PAYLOAD
                )
            if event is None or not await self.handle_event(event):
                return
            patience = IDLE

    async def handle_event(self, event: Event) -> bool:
        """Raises MalformedEvent. What nobody here knows is ignored, as the protocol wants it.
        Who asks too often is hung up on."""
        kind = event.type
        if kind not in _GOES_ON and not self._may_ask():
            await self._complain(TOO_OFTEN, "refused")
            return False
        try:
            if Describe.is_type(kind):
                await self.send(self._services.info.event())
            elif Ping.is_type(kind):
                await self.send(Pong(plain(event.data, "text")).event())
            elif Transcript.is_type(kind):
                await _offered(self._handling, "commands").transcript(event)
            elif kind in _SOUND:
                await self._sound(event)
            elif kind in _SPEECH:
                await self._speech(event)
        except HearthError as error:
            await self._failed(error)
        return True

    async def _sound(self, event: Event) -> None:
        kind = event.type
        if Transcribe.is_type(kind):
            self._ear = hearing = _offered(self._hearing, "speech to text")
            hearing.asked(event)
        elif Detect.is_type(kind):
            self._ear = waking = _offered(self._waking, "wake words")
            waking.asked(event)
        elif self._ear is None:
            return
        elif AudioStart.is_type(kind):
            await self._ear.begin()
        elif AudioChunk.is_type(kind):
            await self._ear.chunk(event)
        else:
            await self._ear.end()

    async def _speech(self, event: Event) -> None:
        speaking = _offered(self._speaking, "text to speech")
        kind = event.type
        if Synthesize.is_type(kind):
            await speaking.synthesize(event)
        elif SynthesizeStart.is_type(kind):
            await speaking.start()
        elif SynthesizeChunk.is_type(kind):
            speaking.chunk(event)
        else:
            speaking.stop()

    async def send(self, event: Event) -> None:
        """Raises OSError if the client has gone, or does not read."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT):
                await async_write_event(event, self.writer)
        except TimeoutError:
            self.writer.transport.abort()
            raise ConnectionAbortedError("the client does not read") from None

    async def _failed(self, error: Exception) -> None:
        """What was asked for cannot be done: say so, and go on."""
        if isinstance(error, OSError):
            log.debug("Wyoming: %s: %s", self._peer, error)  # it has gone
        elif isinstance(error, HearthError):
            log.warning("Wyoming: %s: %s", self._peer, error)
            await self._complain(str(error), type(error).__name__)
        else:
            log.error("Wyoming: %s: this should not have happened", self._peer, exc_info=error)
            await self._complain("something went wrong in the hub; its log says what", "unexpected")

    async def _complain(self, text: str, code: str) -> None:
        with suppress(OSError):
            await self.send(Error(text, code).event())

    async def _close(self) -> None:
        for jobs in self._jobs.values():
            await jobs.close()
        if self._waking is not None:
            await self._waking.close()
        self.writer.close()
        self._gone(self)
        self.finished.set()


def _offered(service: S | None, what: str) -> S:
    """Raises ConfigError for what the hub has no engine for."""
    if service is None:
        raise ConfigError(f"this hub offers no {what}")
    return service
