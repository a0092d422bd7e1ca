"""`hearth run --demo`: a short spoken scene through the whole pipeline, without any sound card.

The hub's own voice plays the person, too: it speaks the lines, the hub hears them through wake
word, end of speech and recognition, acts on a simulated home, and answers. The home is one of its
own and forgotten afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub import terminal
from hub.app import open_hub, reply_sink, synthesizer
from hub.audio.pcm import frames, resampled
from hub.config import Config
from hub.errors import HearthError
from hub.home.view import describe_change
from hub.messages import SAMPLE_RATE, StateChange, Trace
from hub.ports import Synthesizer
from hub.terminal import escape

PAUSE = 2.0
"""Seconds of silence between the lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the person says, and why it is in the scene."""

    text: str
    remark: str


SCENE = (
    Line("Hey Jarvis, turn on the kitchen lights.", "wake word and command in one breath"),
    Line("Hey Jarvis, turn them off again.", "'them' is what was spoken of before"),
    Line(
        "Hey Jarvis, close the living room blinds and turn on the bedside lamp.",
        "two commands in one sentence",
    ),
    Line("Hey Jarvis, set the living room to twenty two degrees.", "a number in words"),
    Line("Hey Jarvis, is the front door locked?", "a question about a state"),
    Line("Hey Jarvis, please unlock the front door.", "what lets people in needs a PIN"),
    Line("Four, eight, two, six.", "an answer needs no wake word, and a PIN leaves no trace"),
    Line("Hey Jarvis, what day is it today?", "a skill without devices"),
    Line("Hey Jarvis, why is the sky so blue?", "what it cannot do, it says"),
)


PIN = "4826"
"""Of the home in the scene, which is gone after it."""


class Stage:
    """An `AudioSource`: the lines one after another, each spoken when the hub has come to it."""

    realtime = False

    def __init__(self, lines: Sequence[Line], actor: Synthesizer) -> None:
        self._lines = lines
        self._actor = actor

    async def frames(self) -> AsyncIterator[bytes]:
        silence = bytes(round(2 * SAMPLE_RATE * PAUSE))
        for line in self._lines:
            terminal.out.print(f"\n[yellow]♪ {escape(line.text)}[/] [dim]({line.remark})[/]")
            spoken = resampled(await self._actor.synthesize(line.text), SAMPLE_RATE)
            for frame in frames(spoken.pcm + silence):
                yield frame


async def play(config: Config) -> None:
    """Play the scene. Raises HearthError if fewer than six commands were understood."""
    understood = 0

    def show(trace: Trace) -> None:
        nonlocal understood
        understood += trace.intent.understood and trace.error is None
        terminal.show_turn(trace.to_json(), details=True)

    with tempfile.TemporaryDirectory(prefix="hearth-demo-") as folder:
        states = Path(folder)
        async with open_hub(
            config, ears=True, recognise=True, sink=reply_sink(None), states=states
        ) as hub:

            def changed(change: StateChange) -> None:
                terminal.out.print(f"  [dim]{escape(describe_change(hub.home, change))}[/]")

            if hub.skillset.policy.pin is not None:
                hub.skillset.policy.pin.set(PIN)
            hub.home.watch(changed)
            hub.assistant.watch(show)
            turns = await hub.room(Stage(SCENE, synthesizer(hub))).converse()
    terminal.out.print(f"\n[bold]{turns} turns, {understood} understood.[/]")
    if understood < 6:
        raise HearthError("the scene went wrong: run 'hearth doctor'")
