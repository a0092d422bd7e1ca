"""Somebody who says a conversation aloud: Piper speaks, the hub wakes, listens and recognises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.app import open_hub
from hub.audio.files import Recording
from hub.audio.pcm import resampled
from hub.config import Config
from hub.evaluate.spoken import until_last_word
from hub.messages import SAMPLE_RATE, Audio, Trace
from hub.ports import Synthesizer
from tests.conversations.play import Clock, Mouth, Player, Threads, configured, orders_of, zone
from tests.conversations.script import Script, Step

WAKE = "Hey Jarvis, "
BEFORE, AFTER = 0.5, 2.0
"""Seconds of silence around what is said."""


@dataclass
class Speaker(Player):
    """A player whose people have voices. An answer needs no wake word; in German, which the one
    voice there is speaks with an accent that the wake word does not know, a button is pressed."""

    actors: dict[str, Synthesizer] = field(default_factory=dict)

    async def say(self, step: Step) -> None:
        assert step.say is not None
        if step.phone:
            await super().say(step)
            return
        answers = bool(self.traces) and self.traces[-1].reply.expects_answer
        language = self.script.languages[0]
        pressed = answers or language != "en"
        text = step.say if pressed else f"{WAKE}{step.say}"
        room = self.hub.room(Recording(await self.sound(text, language)), area=step.room)
        before = len(self.traces)
        await (room.command() if pressed else room.converse())
        if len(self.traces) == before:
            self.traces.append(_nothing(step))

    async def sound(self, text: str, language: str) -> Audio:
        """As a microphone gives it."""
        made = await self.actors[language].synthesize(f"{text[0].upper()}{text[1:]}.")
        said = until_last_word(resampled(made, SAMPLE_RATE))
        silence = [bytes(2 * round(SAMPLE_RATE * seconds)) for seconds in (BEFORE, AFTER)]
        return Audio(silence[0] + said.pcm + silence[1])


def _nothing(step: Step) -> Trace:
    """Nothing was heard."""
    from hub.messages import Intent, Reply

    return Trace(0, "", (), "en", Intent(why=f"not heard: {step.say}"), (), Reply("", False), {})


async def speak(script: Script, folder: Path, actors: dict[str, Synthesizer]) -> list[str]:
    """What went wrong, a line for each; the same as `play`, but all of it is heard."""
    threads, wrong, mouth, traces = Threads(), list[str](), Mouth(), list[Trace]()
    with zone(script.zone), threads.watched():
        now = datetime.astimezone(script.clock)
        clock = Clock(now, ZoneInfo(script.zone), threads)
        async with _speaker(
            script, configured(script, folder, model=True), clock, mouth, traces, actors
        ) as at_home:
            await at_home.begin()
            for number, step in enumerate(script.steps, 1):
                if step.restart is not None:
                    raise ValueError(f"{script.path.name}: no restart while somebody speaks")
                await at_home.do(step)
                wrong += [
                    f"{script.path.name} step {number} ({step.say}): {text}\n    heard as "
                    f"{traces[-1].heard if traces else ''!r}; {at_home.tell()}"
                    for text in at_home.wrong(step)
                ]
    return wrong


@asynccontextmanager
async def _speaker(
    script: Script,
    config: Config,
    clock: Clock,
    mouth: Mouth,
    traces: list[Trace],
    actors: dict[str, Synthesizer],
) -> AsyncIterator[Speaker]:
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(
            open_hub(
                config,
                ears=True,
                recognise=True,
                sink=mouth,
                time=clock,
                synthesizer=mouth,
                lasting=True,
            )
        )
        hub.assistant.watch(traces.append)
        orders, told = orders_of(hub, traces)
        yield Speaker(
            script, config, clock, mouth, hub, orders, traces=traces, told=told, actors=actors
        )
        await orders.finish()
