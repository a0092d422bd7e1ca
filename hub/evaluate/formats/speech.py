"""Recorded commands with transcripts (`transcripts.tsv`), played in a home.

The home is `home.yaml` beside them, else `data/spoken_home.yaml`. What is right for a recording is
what its transcript does there when typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hub.devices.homefile import load
from hub.evaluate import speech
from hub.evaluate.judging import Case, Ground, Judgement, TextSet, blame, told
from hub.evaluate.stage import Answer, Request, Stage, named
from hub.evaluate.wake import mixed
from hub.messages import Audio, Call
from hub.ports import Inventory

HOME = Path(__file__).parent.parent / "data" / "spoken_home.yaml"
AREA = "Living Room"
"""Where commands are spoken in that home."""
JUDGED = (
    "played in hub/evaluate/data/spoken_home.yaml, in its living room (in `home.yaml` of the "
    "folder, if there is one): the recording leads to the same calls as its transcript, typed; a "
    "transcript that is not understood when typed counts as no action; a recording that is no "
    "command must lead to nothing"
)


async def read(
    folder: Path, clips: Sequence[speech.Clip], stage: Stage, noise: Audio | None, snr: float
) -> TextSet:
    """The recordings, in the language of the stage, as requests, clean or with noise; `stage` says
    what the typed text does."""
    cases = []
    for clip in clips:
        request = Request(clip.text, stage_area(folder), language=stage.language)
        typed = await stage.answer(request) if clip.text else None
        audio = mixed(clip.audio, noise, snr) if noise else clip.audio
        spoken = replace(request, audio=audio)
        cases.append(Case(spoken, _Same(typed, stage.inventory), clip.name))
    name = f"{folder.name}, noise at {snr:g} dB" if noise else folder.name
    ground = Ground("home", stage.inventory, cases, stage.language)
    return TextSet(name, "speech", [ground], JUDGED)


def home(folder: Path) -> Inventory:
    """The home for a folder."""
    own = folder / "home.yaml"
    return load(own if own.exists() else HOME)


def stage_area(folder: Path) -> str | None:
    """The room they are spoken in."""
    return None if (folder / "home.yaml").exists() else AREA


class _Same:
    """Whether a recording leads to what its transcript leads to."""

    def __init__(self, typed: Answer | None, inventory: Inventory) -> None:
        self._typed = typed
        self._inventory = inventory

    def __call__(self, answer: Answer) -> Judgement:
        calls = self._calls(answer)
        if self._typed is None:
            wrong = answer.acted or bool(answer.calls)
            return Judgement(blame(answer), (told(calls),)) if wrong else Judgement("right")
        wanted = self._calls(self._typed)
        if not wanted:
            return Judgement("no_action", ("not understood when typed either",))
        if calls == wanted:
            return Judgement("right")
        return Judgement(blame(answer), (f"{told(calls)}, not {told(wanted)}",))

    def _calls(self, answer: Answer) -> list[Call]:
        return [replace(named(c, self._inventory), response="default") for c in answer.routed]
