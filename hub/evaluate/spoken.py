"""Commands spoken by Piper to the built-in home, and how long the hub takes to obey."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hub.app import Hub, open_hub, reply_sink, synthesizer
from hub.audio.pcm import frames, resampled
from hub.config import Config
from hub.evaluate.resources import total_pss, usage
from hub.messages import SAMPLE_RATE, Audio, StateChange, Trace
from hub.ports import FRAME_SECONDS

COMMANDS = (
    "turn on the kitchen ceiling light",
    "turn off the floor lamp",
    "close the living room blinds",
    "turn on the coffee maker",
    "set the living room thermostat to twenty two degrees",
    "turn on the hallway light",
    "turn on the living room tv",
    "open the living room blinds",
    "set the floor lamp to fifty percent",
    "turn off the coffee maker",
    "turn off the kitchen lights",
    "start the robot vacuum",
    "set the volume of the living room tv to forty percent",
    "turn the hallway light off",
    "make the floor lamp blue",
    "turn off the living room tv",
    "switch on the kitchen counter light",
    "set the living room blinds to thirty percent",
    "turn on the lights in the kitchen",
    "set the thermostat to nineteen degrees",
    "turn on all the lights upstairs",
    "close the living room blinds",
    "turn off all lights in the living room",
    "turn off the lights upstairs",
)
"""Each changes a state of the built-in home, said one after the other."""
WAKE = "hey jarvis"
SILENCE = 1.5
"""Seconds after each command."""
QUIET = 0.02
"""Level, relative to the loudest, below which synthesised sound is no longer speech."""


def until_last_word(audio: Audio) -> Audio:
    """The sound without the silence a voice puts at its end."""
    samples = np.abs(np.frombuffer(audio.pcm, "<i2").astype(np.int32))
    loud = np.flatnonzero(samples > QUIET * samples.max(initial=1))
    end = int(loud[-1]) + 1 if len(loud) else len(samples)
    return Audio(audio.pcm[: 2 * end], audio.rate)


@dataclass(slots=True)
class Timed:
    """When a command ended, and when the home began to obey. Seconds of a monotonic clock."""

    text: str
    spoken_at: float = 0.0
    obeyed_at: float = 0.0
    trace: Trace | None = None

    @property
    def milliseconds(self) -> float | None:
        """From the end of speech to the device's change; None if nothing changed."""
        return (self.obeyed_at - self.spoken_at) * 1000 if self.obeyed_at else None


class Speaker:
    """An `AudioSource` that plays commands at the pace of speech and notes when each has ended."""

    realtime = True

    def __init__(self, spoken: Sequence[tuple[Timed, Audio]]) -> None:
        self._spoken = spoken
        self.current: Timed | None = None

    async def frames(self) -> AsyncIterator[bytes]:
        due = time.perf_counter()
        silence = bytes(2 * round(SAMPLE_RATE * SILENCE))
        for timed, audio in self._spoken:
            speech = list(frames(audio.pcm))
            self.current = timed
            for number, frame in enumerate([*speech, *frames(silence)]):
                due += FRAME_SECONDS
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if number == len(speech) - 1:
                    timed.spoken_at = due
                yield frame


async def run_commands(
    config: Config, texts: Sequence[str], *, wake: bool = True
) -> tuple[list[Timed], dict[str, float]]:
    """Speak commands to a hub in real time; what came of each, and the memory of each process
    afterwards, with the language model loaded (MB, shared parts divided)."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        async with open_hub(
            config, ears=True, recognise=True, sink=reply_sink(None), states=Path(folder)
        ) as hub:
            actor = synthesizer(hub)
            spoken = []
            for text in texts:
                said = f"{WAKE}, {text}." if wake else f"{text}."
                audio = resampled(await actor.synthesize(said), SAMPLE_RATE)
                spoken.append((Timed(text), until_last_word(audio)))
            if hub.language_model is not None:
                await hub.language_model.start()
            await _converse(hub, spoken)
            used = usage({worker.name: worker.pid for worker in hub.workers})
            memory = {one.name: round(one.pss, 1) for one in used}
            return [timed for timed, _ in spoken], memory | {"all": round(total_pss(used), 1)}


async def _converse(hub: Hub, spoken: Sequence[tuple[Timed, Audio]]) -> None:
    source = Speaker(spoken)

    def on_change(change: StateChange) -> None:
        if source.current and source.current.spoken_at and not source.current.obeyed_at:
            source.current.obeyed_at = time.perf_counter()

    def on_turn(trace: Trace) -> None:
        if source.current:
            source.current.trace = trace

    ends = (hub.home.watch(on_change), hub.assistant.watch(on_turn))
    try:
        await hub.room(source).converse()
    finally:
        for end in ends:
            end()
