"""One room: its microphone and its loudspeaker, from the wake word to the end of the reply.

    wait for the wake word -> listen (and understand meanwhile) -> turn -> speak
            ^                            ^                          |        |
            |                            +--- the reply was a question <-----+
            +-------------------------------------- otherwise <--------------+

While the hub speaks it listens for its wake word, which silences it. An action that has begun is
never cut short: the turn is awaited before anything else happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from hub.config import ListenSettings
from hub.errors import AudioError, EngineError
from hub.home.model import normal
from hub.listening import Judgement, Listener, Verdict
from hub.manners import Manner, plainly
from hub.messages import Audio, Heard, Trace, Wake
from hub.pipeline import Assistant, Understood
from hub.voice import Voice

log = logging.getLogger(__name__)


class Follower(Protocol):
    """Who must know how far a turn is: a satellite that shows it, and opens its microphone only
    when it is told to. What it does is waited for."""

    async def listening(self) -> None:
        """A command, or an answer, is about to be listened for."""

    async def heard(self, text: str) -> None:
        """Somebody has spoken, and is not listened to any more."""

    async def answers(self, trace: Trace) -> None:
        """It is done, and the reply is about to be spoken."""

    async def spoken(self) -> None:
        """Nothing more is said in reply."""


class Room:
    """Turns in one room, one after the other. `earcon` plays tones by their name; `free` is set
    while nobody is talked with, for those who have something to say of their own."""

    def __init__(
        self,
        assistant: Assistant,
        listener: Listener,
        voice: Voice | None,
        settings: ListenSettings,
        *,
        area: str | None = None,
        language: str | None = None,
        earcon: Callable[[str], None] = lambda name: None,
        realtime: bool = False,
        free: asyncio.Event | None = None,
        manner: Callable[[Trace], Manner] = plainly,
        tone: Callable[[str], Audio] | None = None,
        follower: Follower | None = None,
    ) -> None:
        self._follower = follower
        self._assistant = assistant
        self._listener = listener
        self._voice = voice
        self._settings = settings
        self._area = area or assistant.area
        self._language = language
        self._earcon = earcon
        self._realtime = realtime
        self._manner = manner
        self._tone = tone
        self._free = free or asyncio.Event()
        self._free.set()
        self._here = assistant.activity.room(self._area)
        listener.onlooker = self._here.hear
        assistant.activity.follow(listener)

    async def converse(self) -> int:
        """Wait for the wake word and answer, until the sound ends; the number of turns."""
        turns = 0
        try:
            self._here.now("asleep")
            wake = await self._listener.wait_for_wake()
            while wake is not None:
                self._free.clear()
                count, wake = await self._exchange(wake)
                turns += count
                if wake is None:
                    self._free.set()
                    self._here.now("asleep")
                    wake = await self._listener.wait_for_wake()
        finally:
            self._free.set()
            self._here.now("away")
            # A microphone that stays open cannot be opened again.
            await self._listener.close()
        return turns

    async def exchange(self, wake: Wake) -> int:
        """One command, and the answers to what it makes the hub ask, after a wake word that was
        heard elsewhere; the number of turns."""
        self._free.clear()
        turns = 0
        again: Wake | None = wake
        try:
            while again is not None:
                count, again = await self._exchange(again)
                turns += count
        finally:
            self._free.set()
            self._here.now("asleep")
            await self._listener.close()
        return turns

    async def command(self) -> int:
        """Take the sound as commands without a wake word, until it ends; the number of turns."""
        turns = 0
        try:
            while not self._listener.ended:
                count, _ = await self._exchange(None)
                turns += count
        finally:
            self._here.now("away")
            await self._listener.close()
        return turns

    async def _exchange(self, wake: Wake | None) -> tuple[int, Wake | None]:
        """A command, and the answers to what it makes the hub ask.

        Returns the number of turns, and the wake word that cut off the last reply."""
        turns, timeout = 0, self._settings.start_timeout
        until = self._listener.clock + timeout
        if wake:
            self._earcon("wake")
        while True:
            self._here.now("listening")
            if self._follower is not None:
                await self._follower.listening()
            listened = await self._listener.listen(
                wake, start_timeout=timeout, judge=self._judge(wake)
            )
            if listened is None:
                if wake:
                    self._earcon("gave_up")
                return turns, None
            understood = listened.judged
            if understood is not None and _nothing_said(understood):
                # A cough, music, the wake word: nobody said anything. An answer may still come.
                timeout = until - self._listener.clock
                if turns and timeout > 0 and not self._listener.ended:
                    continue
                return turns, None
            self._here.now("thinking")
            if self._follower is not None:
                await self._follower.heard(self._words(understood))
            trace = await self._turn(listened.heard, understood)
            turns += 1
            if self._follower is not None:
                await self._follower.answers(trace)
            wake, heard_all = await self._speak(trace)
            if self._follower is not None:
                await self._follower.spoken()
            if wake is not None:
                self._earcon("wake")
            elif not (trace.reply.expects_answer and heard_all):
                return turns, None
            timeout = self._settings.start_timeout if wake else self._settings.follow_up
            until = self._listener.clock + timeout

    def _words(self, understood: Understood | None) -> str:
        """What was said, for who may see it: of a PIN nothing."""
        if understood is None or self._assistant.hears_secret(self._area):
            return ""
        return understood.utterance.text

    def _judge(self, wake: Wake | None) -> Callable[[Audio], asyncio.Future[Judgement[Understood]]]:
        async def judge(audio: Audio) -> Judgement[Understood]:
            understood = await self._assistant.understand(
                audio,
                area=self._area,
                language=self._language,
                wake=wake.phrase if wake else None,
            )
            return Judgement(verdict_of(understood), understood, understood.behind)

        return lambda audio: asyncio.ensure_future(judge(audio))

    async def _turn(self, heard: Heard, understood: Understood | None) -> Trace:
        return await self._assistant.hear(
            heard,
            understood,
            area=self._area,
            language=self._language,
            overlapped=self._realtime and understood is not None,
        )

    async def _speak(self, trace: Trace) -> tuple[Wake | None, bool]:
        """Say the reply. Returns the wake word that cut it off, and whether all was said."""
        manner = self._manner(trace)
        tone = manner.tone if self._tone is not None else None
        if self._voice is None or not (manner.words or tone):
            self._assistant.finished(trace)
            return None, True
        self._here.now("speaking")
        shown = False

        def begun(milliseconds: float) -> None:
            nonlocal shown
            shown = True
            self._assistant.finished(_with_first_audio(trace, milliseconds))

        speech: asyncio.Task[object] = asyncio.create_task(
            self._voice.play(self._tone(tone))
            if tone and self._tone is not None
            else self._voice.say(manner.words, language=trace.reply.language, begun=begun),
            name="reply",
        )
        try:
            # What says the wake word itself would cut itself off.
            phrase = normal(self._listener.phrase)
            names_it = bool(phrase) and phrase in normal(manner.words)
            listens = self._realtime and not names_it
            wake = await self._wake_during(speech) if listens else None
            if wake is not None:
                self._voice.stop()
            await speech
        except (EngineError, AudioError) as error:
            log.error("the reply could not be spoken: %s", error)
            trace = replace(trace, error=trace.error or type(error).__name__)
            wake = None
        finally:
            if not speech.done():
                self._voice.stop()
                await asyncio.wait({speech})
        if not shown:
            self._assistant.finished(trace)
        return wake, wake is None

    async def _wake_during(self, speech: asyncio.Task[object]) -> Wake | None:
        """The wake word, if it is heard before the speech has ended."""
        waiting = asyncio.create_task(self._listener.wait_for_wake(), name="barge-in")
        try:
            await asyncio.wait({speech, waiting}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else None
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.wait({waiting})


def _nothing_said(understood: Understood) -> bool:
    return understood.called or not understood.utterance.hypotheses


def verdict_of(understood: Understood) -> Verdict:
    if understood.called:
        return Verdict.CALLED
    if not understood.command:
        return Verdict.NOTHING
    if understood.answer or (understood.intent is not None and not understood.intent.doubted):
        return Verdict.COMPLETE
    return Verdict.UNFINISHED if understood.unfinished else Verdict.UNKNOWN


def _with_first_audio(trace: Trace, milliseconds: float) -> Trace:
    stages: Mapping[str, float] = trace.stages_ms
    total = stages.get("total", 0.0) + milliseconds
    return replace(trace, stages_ms={**stages, "first_audio": milliseconds, "total": total})
