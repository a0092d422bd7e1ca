"""How soon a reply sounds: the time from the finished sentence to the first samples of speech."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.audio.cache import SoundFolder
from hub.errors import AudioError
from hub.messages import Audio
from hub.ports import Synthesizer
from hub.voice import Voice

REPLIES = (
    "Turned on the lights",
    "The kitchen is 21.5 degrees Celsius.",
    "Yes, the Kitchen Ceiling Light and the Desk Lamp are on, but the Hallway Lamp did not answer.",
    "Turned off the fan",
    "Brightness set to 40 percent",
    "The front door is locked",
    "No, the Garage Door is closed.",
    "Which lamp do you mean, the Desk Lamp or the Floor Lamp?",
    "It is 7:42 in the morning.",
    "Timer set for 12 minutes",
    "There are 3 minutes and 20 seconds left on the pasta timer.",
    "The alarm is set for half past six tomorrow.",
    "Should I really unlock the front door?",
    "Done. The bedroom is now at 19 °C.",
    "Sorry, I did not understand that.",
    "Sorry, that device did not answer.",
    "The Washing Machine used 1.2 kWh today.",
    "Good night. I turned off 6 lights, locked the front door and set the heating to 17 degrees.",
    "There is no device called ceiling lamp in the office.",
    "The living room is 22.4 degrees Celsius and the humidity is 47 percent.",
    "I turned on the Patio Lights because you asked me to at 9:15 in the evening.",
    "Two lights are on: Kitchen Counter and Hallway.",
    "The blinds in the living room are 30 percent open, and those in the bedroom are closed.",
)
"""What a hub says, short and long."""


@dataclass(frozen=True, slots=True)
class ReplyLatency:
    """Milliseconds from `Voice.say` to the first sound, median and 95th percentile."""

    replies: int
    new_p50: float
    new_p95: float
    cached_p50: float
    cached_p95: float
    real_time_factor: float
    """Seconds of work for a second of speech, over all new replies."""

    def to_json(self) -> dict[str, Any]:
        return {
            "replies": self.replies,
            "new_ms": {"p50": round(self.new_p50, 1), "p95": round(self.new_p95, 1)},
            "cached_ms": {"p50": round(self.cached_p50, 1), "p95": round(self.cached_p95, 1)},
            "real_time_factor": round(self.real_time_factor, 3),
        }


async def reply_latency(synthesizer: Synthesizer, replies: Sequence[str] = REPLIES) -> ReplyLatency:
    """Say every reply twice: once new, and once out of a cache on disk. Nothing is heard.

    Raises EngineError if the synthesizer fails."""
    meter = _Meter(synthesizer)
    with tempfile.TemporaryDirectory() as folder:
        voice = Voice(meter, _Nowhere(), sounds=SoundFolder(Path(folder)))
        await synthesizer.synthesize("Ready.")
        new = [await _first_sound(voice, reply) for reply in replies]
        await voice.close()  # all of it is on disk now
        cached = [await _first_sound(voice, reply) for reply in replies]
    return ReplyLatency(
        len(replies),
        *_percentiles(new),
        *_percentiles(cached),
        real_time_factor=meter.worked / meter.spoken if meter.spoken else 0.0,
    )


async def _first_sound(voice: Voice, reply: str) -> float:
    spoken = await voice.say(reply)
    if spoken.first_audio_ms is None:
        raise AudioError(f"the voice found nothing to say in {reply!r}")
    return spoken.first_audio_ms


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    if len(values) < 2:
        return values[0], values[0]
    return statistics.median(values), statistics.quantiles(values, n=20, method="inclusive")[-1]


class _Meter:
    """A synthesizer that takes the time of another."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.name = synthesizer.name
        self.worked = 0.0
        self.spoken = 0.0
        self._synthesizer = synthesizer

    async def synthesize(self, text: str) -> Audio:
        started = time.perf_counter()
        audio = await self._synthesizer.synthesize(text)
        self.worked += time.perf_counter() - started
        self.spoken += audio.seconds
        return audio


class _Nowhere:
    """A loudspeaker that plays at once and unheard."""

    async def play(self, audio: Audio) -> None:
        pass

    async def close(self) -> None:
        pass
