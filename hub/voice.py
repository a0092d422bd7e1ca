"""The hub's voice: sentences become sound, one being made while the one before it is heard."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any

from hub.errors import EngineError
from hub.messages import Audio
from hub.ports import AudioSink, SoundCache, Synthesizer
from hub.speech import clean, pieces, sentences

log = logging.getLogger(__name__)

QUIET = 2.0
"""Seconds without speech after which replies are prepared."""

Scale = Callable[[Audio, float], Audio]
"""The same sound at a volume of 0-1."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """How it went."""

    first_audio_ms: float | None = None
    """Milliseconds from the request to the first sound; None if none was made."""
    cached: bool = False
    """The first sound needed no synthesis."""
    interrupted: bool = False


class Voice:
    """Speaks, one thing after another.

    `sounds` keeps what was spoken for the next time; `scale` makes it softer; `idle` tells whether
    the machine has nothing better to do than to prepare replies.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        sink: AudioSink,
        *,
        sounds: SoundCache | None = None,
        scale: Scale | None = None,
        volume: float = 1.0,
        idle: Callable[[], bool] = lambda: True,
    ) -> None:
        self._synthesizer = synthesizer
        self._sink = sink
        self._sounds = sounds
        self._scale = scale
        self._idle = idle
        self._volume = volume
        self.limit: Callable[[float], float] = lambda volume: volume
        """How loud it is now, where `volume` was chosen: softer at night."""
        self.turned: Callable[[float], None] = lambda volume: None
        """Told when somebody sets the volume, for a loudspeaker that has one of its own."""
        self._muted = False
        self._one_at_a_time = asyncio.Lock()
        self._speaking: set[asyncio.Task[Any]] = set()
        self._storing: set[asyncio.Task[None]] = set()
        self._last_spoken = 0.0

    @property
    def speaking(self) -> bool:
        """Whether it speaks, or is about to."""
        return bool(self._speaking)

    @property
    def volume(self) -> float:
        """0-1. A change is heard from the next sentence on."""
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self.follow(volume)
        self.turned(self._volume)

    def follow(self, volume: float) -> None:
        """Somebody has turned the loudspeaker's own knob."""
        self._volume = min(1.0, max(0.0, volume))

    @property
    def muted(self) -> bool:
        """Muted, it says nothing, and is done at once."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted
        if muted:
            self.stop()

    async def say(
        self,
        text: str,
        *,
        language: str = "en",
        begun: Callable[[float], None] | None = None,
    ) -> Spoken:
        """Speak a reply; returns when it was heard or stopped.

        `begun` is told the milliseconds it took when the first sound goes out. Raises EngineError
        if the voice fails, AudioError if the loudspeaker does; what was heard before stays heard.
        """
        started = time.perf_counter()
        spoken = Spoken()
        if self._silent:
            return spoken

        def first(cached: bool) -> None:
            nonlocal spoken
            milliseconds = (time.perf_counter() - started) * 1000
            spoken = Spoken(milliseconds, cached)
            if begun:
                begun(milliseconds)

        finished = await self._run(self._speak(text, language, first))
        return spoken if finished else replace(spoken, interrupted=True)

    async def play(self, audio: Audio) -> bool:
        """Play a sound at the volume of speech. False if it was stopped."""
        return await self._run(self._play(audio))

    async def ring(self, audio: Audio, volume: float) -> bool:
        """Play a sound that must be heard, at a volume of its own (0-1), also when muted. False if
        it was stopped. Raises AudioError."""

        async def play() -> None:
            async with self._one_at_a_time:
                await self._sink.play(self._scale(audio, volume) if self._scale else audio)

        return await self._run(play())

    def stop(self) -> bool:
        """Silence at once, what waits to be said too. False if there was nothing to silence."""
        for task in self._speaking:
            task.cancel()
        return bool(self._speaking)

    async def prepare(self, texts: Iterable[str], *, language: str = "en") -> int:
        """Synthesize replies that are said often, while nobody needs the machine.

        Returns how many sentences were new. Run it as a task of its own; cancelling it is fine."""
        made = 0
        wanted = dict.fromkeys(s for text in texts for s in sentences(clean(text, language)))
        for sentence in wanted:
            if self._sounds is None or await self._known(sentence):
                continue
            await self._rest()
            started = time.monotonic()
            try:
                audio = await self._synthesizer.synthesize(sentence)
            except EngineError as error:
                log.warning("%r was not prepared: %s", sentence, error)
                continue
            await self._sounds.put(self._synthesizer.name, sentence, audio)
            made += 1
            await asyncio.sleep(min(1.0, time.monotonic() - started))  # at most half of the time
        return made

    async def close(self) -> None:
        """Stop, and finish storing what was spoken. The synthesizer and the sink stay open."""
        self.stop()
        await asyncio.gather(*self._speaking, *self._storing, return_exceptions=True)

    async def _rest(self) -> None:
        """Wait until it was quiet for a while and the machine is idle."""
        while True:
            quiet = time.monotonic() - self._last_spoken >= QUIET
            if quiet and not self._speaking and self._idle():
                return
            await asyncio.sleep(QUIET / 4)

    async def _run(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do it as something that `stop` can end. False if it did."""
        task = asyncio.create_task(work)
        self._speaking.add(task)
        try:
            await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            return False
        finally:
            self._speaking.discard(task)
            self._last_spoken = time.monotonic()
        return True

    async def _speak(self, text: str, language: str, first: Callable[[bool], None]) -> None:
        async with self._one_at_a_time, aclosing(self._made(text, language)) as sounds:
            coming = asyncio.create_task(_next(sounds))
            try:
                begun = False
                while not self._silent and (made := await coming):
                    audio, cached = made
                    coming = asyncio.create_task(_next(sounds))
                    if not begun:
                        begun = True
                        first(cached)
                    await self._sink.play(self._scaled(audio))
            finally:
                coming.cancel()
                with suppress(asyncio.CancelledError, EngineError):
                    await coming

    async def _play(self, audio: Audio) -> None:
        async with self._one_at_a_time:
            if not self._silent:
                await self._sink.play(self._scaled(audio))

    async def _made(self, text: str, language: str) -> AsyncGenerator[tuple[Audio, bool]]:
        """The sounds of a text in order, and whether they were kept from before."""
        for number, sentence in enumerate(sentences(clean(text, language))):
            if whole := await self._known(sentence):
                yield whole, True
                continue
            parts = pieces(sentence, first=number == 0, language=language)
            for part in parts:
                if len(parts) > 1 and (kept := await self._known(part)):
                    yield kept, True
                    continue
                audio = await self._synthesizer.synthesize(part)
                self._store(part, audio)
                if audio.pcm:
                    yield audio, False

    async def _known(self, text: str) -> Audio | None:
        if self._sounds is None:
            return None
        return await self._sounds.get(self._synthesizer.name, text)

    def _store(self, text: str, audio: Audio) -> None:
        """Beside the speaking, which does not wait for a disk."""
        if self._sounds is not None and audio.pcm:
            task = asyncio.create_task(self._sounds.put(self._synthesizer.name, text, audio))
            self._storing.add(task)
            task.add_done_callback(self._storing.discard)

    @property
    def _silent(self) -> bool:
        return self._muted or self._volume <= 0.0

    def _scaled(self, audio: Audio) -> Audio:
        return self._scale(audio, self.limit(self._volume)) if self._scale else audio


async def _next(
    sounds: AsyncIterator[tuple[Audio, bool]],
) -> tuple[Audio, bool] | None:
    return await anext(sounds, None)
