"""Speech to text for others: `transcribe`, sound, and a `transcript` of it.

Live sound is listened to as the room is: recognition starts in the first short pause, and what is
a whole command ends there, long before its sender has noticed a silence. A recording, which comes
faster than anybody speaks, is heard to its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from wyoming.asr import Transcribe, Transcript
from wyoming.event import Event

from hub.bridges.wyoming.jobs import Jobs, plain
from hub.bridges.wyoming.services import Services
from hub.bridges.wyoming.sound import LONGEST, WINDOW, Incoming, Intake
from hub.errors import EngineError, HearthError
from hub.listening import Judgement, Listened, Listener
from hub.messages import Audio
from hub.pipeline import Assistant, Understood
from hub.room import verdict_of

log = logging.getLogger(__name__)

UNHEARD = 0.3
"""Seconds at the end of an utterance that need not be listened to: nobody says a word in them."""

Send = Callable[[Event], Awaitable[None]]

_Heard = tuple[Listened[Understood] | None, float]
"""What was heard, or that nobody spoke; and the seconds of sound that were listened to."""


class Hearing:
    """The utterances that come over one connection."""

    def __init__(self, services: Services, assistant: Assistant, send: Send, jobs: Jobs) -> None:
        """`assistant` understands, and remembers nothing of it."""
        self._services = services
        self._assistant = assistant
        self._send = send
        self._jobs = jobs
        self._asked = Transcribe()
        self._coming: Incoming | None = None
        self._intake = Intake()

    def asked(self, event: Event) -> None:
        """A `transcribe`: what is to be known of the sound that follows."""
        self._asked = Transcribe(language=plain(event.data, "language"))

    async def begin(self) -> None:
        """An `audio-start`. What came before it is an utterance of its own."""
        if self._coming is not None:
            self._coming.end()
        self._intake, self._coming = Intake(), Incoming()
        utterance = _Utterance(self._coming, self._services, self._assistant, self._asked)
        self._asked = Transcribe()

        async def work() -> None:
            await self._send(await utterance.transcript())

        await self._jobs.put(work)

    async def chunk(self, event: Event) -> None:
        if self._coming is None or self._coming.ended.is_set():
            await self.begin()
        assert self._coming is not None
        self._coming.add(await self._intake.take(event))

    async def end(self) -> None:
        if self._coming is None or self._coming.ended.is_set():
            await self.begin()
        assert self._coming is not None
        self._coming.add(self._intake.rest())
        if self._coming.cut:
            log.info("only the first %d s of an utterance were heard", LONGEST)
        self._coming.end()


class _Utterance:
    """One utterance, from its sound to its transcript."""

    def __init__(
        self, coming: Incoming, services: Services, assistant: Assistant, asked: Transcribe
    ) -> None:
        self._coming = coming
        self._services = services
        self._assistant = assistant
        self._wanted = asked.language
        self._language = services.language(asked.language) if asked.language else None

    async def transcript(self) -> Event:
        """Raises HearthError."""
        if self._wanted and self._language is None:
            spoken = ", ".join(self._services.languages)
            raise EngineError(f"the hub is not set up for '{self._wanted}', but for {spoken}")
        understood = await self._understood()
        if understood is None:
            return Transcript("", language=self._language or self._services.languages[0]).event()
        utterance, intent = understood.utterance, understood.intent
        # Of several readings, the one that can be done: who handles it gets no more than this.
        text = intent.heard if intent is not None and intent.heard else utterance.text
        readings = [{"text": h.text, "score": h.score} for h in utterance.hypotheses]
        return Transcript(
            text, language=utterance.language, context={"hypotheses": readings}
        ).event()

    async def _understood(self) -> Understood | None:
        """None if nobody spoke. Raises HearthError."""
        if found := await self._live():
            listened, _ = found
            if listened is None:
                return None
            return listened.judged or await self._understand(listened.heard.audio)
        await self._coming.ended.wait()
        if not self._coming.pcm:
            return None
        return await self._understand(Audio(self._coming.pcm))

    async def _live(self) -> _Heard | None:
        """What was heard of live speech; None: all has to be heard."""
        coming = self._coming
        if self._services.voices is None:
            return None
        listening = asyncio.create_task(self._listened(), name="wyoming-listening")
        recording = asyncio.create_task(coming.recording.wait(), name="wyoming-recording")
        ended = asyncio.create_task(coming.ended.wait(), name="wyoming-ended")
        try:
            await asyncio.wait({recording, listening}, return_when=asyncio.FIRST_COMPLETED)
            while coming.rushing and not (recording.done() or ended.done()):
                await asyncio.wait(
                    {recording, ended}, timeout=WINDOW, return_when=asyncio.FIRST_COMPLETED
                )
            if coming.recording.is_set():
                return None
            listened, clock = listening.result()
        except HearthError as error:
            log.warning("the end of speech is left to the sender: %s", error)
            return None
        finally:
            tasks = {recording, ended, listening}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not coming.ended.is_set():
            return listened, clock
        # Who says that this is all means all of it, even where a pause seemed to be the end; and
        # may have heard somebody where no speech was found here.
        return (listened, clock) if listened and clock >= coming.seconds - UNHEARD else None

    async def _listened(self) -> _Heard:
        assert self._services.voices is not None
        voices = self._services.voices()
        listener = Listener(
            self._coming,
            None,
            voices,
            self._services.listen,
            self._services.wake_settings,
        )
        try:
            listened = await listener.listen(
                None,
                start_timeout=self._services.listen.start_timeout,
                judge=lambda audio: asyncio.ensure_future(self._judge(audio)),
            )
            return listened, listener.clock
        finally:
            await listener.close()
            with suppress(EngineError):
                await voices.reset()

    async def _judge(self, audio: Audio) -> Judgement[Understood]:
        understood = await self._understand(audio)
        return Judgement(verdict_of(understood), understood)

    async def _understand(self, audio: Audio) -> Understood:
        return await self._assistant.understand(audio, language=self._language)
