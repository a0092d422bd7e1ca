"""What of the hub is offered to others, and the order in which they and the room use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from wyoming.info import Info

from hub.config import ListenSettings, WakeSettings
from hub.errors import EngineError
from hub.messages import Audio, Trace, Utterance
from hub.pipeline import Assistant
from hub.ports import Recognizer, SoundCache, Synthesizer, VoiceActivity, WakeWord

COURTESY = 5.0
"""Seconds that somebody else waits for the room, at most: a conversation in it may be long."""
QUEUE = 30.0
"""Seconds after which somebody who waits for the others is told that the hub is busy."""


class Gate:
    """An engine takes one call at a time, in the order they came. So that the room waits for one
    call of the others at most, they queue up here, and begin nothing while the room is talked with.

    `free` is set while nobody talks with the hub in its own room."""

    def __init__(self, free: asyncio.Event) -> None:
        self._free = free
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """One call. Raises EngineError if too many others wait."""
        try:
            async with asyncio.timeout(QUEUE):
                await self._lock.acquire()
        except TimeoutError:
            raise EngineError("the hub is busy with others; try again in a moment") from None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(COURTESY):
                    await self._free.wait()
            yield
        finally:
            self._lock.release()


class PoliteRecognizer:
    """A `Recognizer` that lets the room go first."""

    def __init__(self, recognizer: Recognizer, gate: Gate) -> None:
        self._recognizer = recognizer
        self._gate = gate

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        async with self._gate.passed():
            return await self._recognizer.recognize(audio, language=language, names=names)


class PoliteSynthesizer:
    """A `Synthesizer` that lets the room go first."""

    def __init__(self, synthesizer: Synthesizer, gate: Gate) -> None:
        self.name = synthesizer.name
        self._synthesizer = synthesizer
        self._gate = gate

    async def synthesize(self, text: str) -> Audio:
        async with self._gate.passed():
            audio = await self._synthesizer.synthesize(text)
        self.name = self._synthesizer.name
        return audio


def named_area(context: Mapping[str, Any]) -> str | None:
    """The room that a client names in the context of its request, if it does."""
    area = context.get("area")
    return area if isinstance(area, str) else None


def area_by(
    room_of: Callable[[str], str | None],
) -> Callable[[Mapping[str, Any]], str | None]:
    """Finds the room in the context of a request: as it is named there, or else where the
    satellite or the device is that was spoken to. `room_of` knows that by the ids that Home
    Assistant sends along, from 2026 on."""

    def area(context: Mapping[str, Any]) -> str | None:
        if (named := named_area(context)) is not None:
            return named
        ids = (context.get(key) for key in ("satellite_id", "device_id"))
        return next((room for id in ids if isinstance(id, str) and (room := room_of(id))), None)

    return area


@dataclass(frozen=True, slots=True)
class Services:
    """What is offered. What is None is not, and `info` must not promise it."""

    info: Info
    """How the hub describes itself (`hub.bridges.wyoming.info`)."""
    languages: tuple[str, ...]
    """Of the hub, the main one first."""
    new_assistant: Callable[[], Assistant] | None = None
    """An assistant that remembers nothing; its recognizer, if any, is a polite one."""
    finished: Callable[[Trace], None] = lambda trace: None
    """Shows a finished turn to the hub's onlookers."""
    recognizes: bool = False
    """Whether the assistants have a recognizer."""
    synthesizer: Synthesizer | None = None
    """A polite one."""
    sounds: SoundCache | None = None
    wake: Callable[[], WakeWord] | None = None
    """A wake word for one more stream of sound."""
    voices: Callable[[], VoiceActivity] | None = None
    """Voice activity in one more stream of sound."""
    listen: ListenSettings = field(default_factory=ListenSettings)
    wake_settings: WakeSettings = field(default_factory=WakeSettings)
    area: Callable[[Mapping[str, Any]], str | None] = named_area
    """The room that the context of a request tells: `device_id` and `satellite_id` are Home
    Assistant's. It is ignored if the home has no such room."""

    def language(self, code: str | None) -> str | None:
        """The hub's language that is meant by 'en-GB' or 'en_GB'; None if the hub does not speak
        it. Without a code the main one."""
        if not code:
            return self.languages[0]
        wanted = code.replace("_", "-").lower()
        for language in self.languages:
            if language.lower() == wanted:
                return language
        main = wanted.split("-")[0]
        return next((lang for lang in self.languages if lang.lower().split("-")[0] == main), None)
