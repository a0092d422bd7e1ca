"""What a house full of packs does to the commands that come with the hub: fifty packs with three
hundred tools, as people write them, and the same sentences with and without them.

    python -m hub.evaluate.many_packs              route times side by side, in one run
    python -m hub.evaluate.many_packs FOLDER       the packs as files, for `[skills] folders`
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.config import Config
from hub.evaluate.bench_router import ROUNDS, commands, processor_ms
from hub.evaluate.homes import generated, still_home
from hub.home.model import Home
from hub.messages import Hypothesis, Intent, Utterance
from hub.router import Context, Router
from hub.skillset import Skillset

APPLIANCES = (
    "aquarium", "sauna", "pool pump", "greenhouse", "pet feeder", "sprinkler", "3D printer",
    "wine cooler", "beehive", "telescope", "hot tub", "smart mirror", "rain barrel",
    "bread maker", "air fryer", "rice cooker", "weather balloon", "solar panel", "wallbox",
    "bird feeder", "cat flap", "dog collar", "baby monitor", "milk frother", "ice maker",
)  # fmt: skip
SUBJECTS = (
    "recipe book", "train timetable", "football league", "lottery", "stock portfolio",
    "bus line", "cinema programme", "vocabulary trainer", "star map", "tide table",
    "pollen count", "school menu", "chess club", "bicycle route", "museum guide",
    "joke collection", "bedtime story", "family chronicle", "garden diary", "wine list",
    "record collection", "parcel tracker", "waste calendar", "car park", "library card",
)  # fmt: skip

APPLIANCE = '''"""Looks after the {thing}."""

from hub.skill import Minutes, Percent, tool


@tool(phrases=["(start|run|switch on) [the|my] {thing}"], examples=["start the {thing}"])
def start() -> str:
    """Start the {thing}."""
    return "The {thing} runs."


@tool(phrases=["(stop|switch off|shut down) [the|my] {thing}"], examples=["stop the {thing}"])
def stop() -> str:
    """Stop the {thing}."""
    return "The {thing} has stopped."


@tool(phrases=["(set|turn) [the|my] {thing} to {{level}} percent"])
def level(level: Percent) -> str:
    """Set how strongly the {thing} works."""
    return f"{{level}} percent."


@tool(phrases=["run [the|my] {thing} for {{minutes}} minutes"])
def run_for(minutes: Minutes) -> str:
    """Run the {thing} for a while."""
    return f"For {{minutes}} minutes."


@tool(phrases=["(how is|what is [up] with|is everything all right with) [the|my] {thing}"])
def status() -> str:
    """How the {thing} is."""
    return "All is well."


@tool(phrases=["(add|put) {{note}} (in|on) the {thing} log", "note {{note}} for the {thing}"])
def log(note: str) -> str:
    """Write something in the log of the {thing}."""
    return "Noted."
'''
SUBJECT = '''"""Knows the {thing}."""

from typing import Literal

from hub.skill import tool


@tool(phrases=["(search|look in) the {thing} for {{query}}", "find {{query}} in the {thing}"])
def search(query: str) -> str:
    """Search the {thing}."""
    return "Nothing found."


@tool(phrases=["what is new in the {thing}", "read [me] the {thing}"])
def news() -> str:
    """What is new in the {thing}."""
    return "Nothing new."


@tool(phrases=["what is (on|in) the {thing} {{day}}"])
def on_day(day: Literal["today", "tomorrow", "tonight"]) -> str:
    """What the {thing} says of a day."""
    return "Nothing."


@tool(phrases=["remind me of the {thing}"])
def remind() -> str:
    """Bring the {thing} to mind."""
    return "I will."


@tool(phrases=["how many {{things}} are there in the {thing}"])
def count(things: str) -> str:
    """Count things in the {thing}."""
    return "Twelve."


@tool(phrases=["open the {thing}", "show [me] the {thing}"])
def show() -> str:
    """Open the {thing}."""
    return "Here it is."
'''


def write(folder: Path) -> None:
    """The packs, each a folder with a `skill.py`."""
    for things, text in ((APPLIANCES, APPLIANCE), (SUBJECTS, SUBJECT)):
        for thing in things:
            pack = folder / thing.lower().replace(" ", "_").replace("3d", "three_d")
            pack.mkdir(parents=True, exist_ok=True)
            (pack / "skill.py").write_text(text.format(thing=thing), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Compared:
    """The same commands without and with the packs."""

    tools: int
    """Tools of the packs."""
    alone: float
    """Milliseconds of processor time, median."""
    among: float
    changed: tuple[str, ...]
    """Commands that are understood otherwise."""
    asked: int
    """Commands that were tried."""

    def __str__(self) -> str:
        return (
            f"{self.tools} tools of packs: {self.alone:.1f} -> {self.among:.1f} ms median "
            f"({self.among / self.alone:.2f} times); {len(self.changed)} of {self.asked} commands "
            "are understood otherwise"
        )


async def compare(entities: int = 25, more: Sequence[str] = ()) -> Compared:
    """Commands for a generated home, and `more` sentences, with and without the packs."""
    home = await still_home(generated(entities))
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        bundled = Config()
        folders = (*bundled.skills.folders, Path(folder))
        settings = bundled.skills.model_copy(update={"folders": folders})
        both = [
            await _router(home, bundled),
            await _router(home, bundled.model_copy(update={"skills": settings})),
        ]
    context = Context(area=next(iter(home.areas.values())).name)
    times: tuple[list[float], list[float]] = ([], [])
    changed = []
    asked = [*commands(home), *more]
    for text in asked:
        utterance = Utterance((Hypothesis(text, -0.2),))
        found: list[Intent | None] = []
        for (router, _), taken in zip(both, times, strict=True):
            taken.append(min(processor_ms(router, utterance, context) for _ in range(ROUNDS)))
            found.append(router.quick(utterance, context))
        first, second = (intent.calls if intent else () for intent in found)
        if first and first != second:
            changed.append(text)
        await asyncio.sleep(0)
    await home.close()
    return Compared(
        both[1][1] - both[0][1],
        statistics.median(times[0]),
        statistics.median(times[1]),
        tuple(changed),
        len(asked),
    )


async def _router(home: Home, config: Config) -> tuple[Router, int]:
    skills = Skillset.load(config, home)
    if skills.problems:
        raise skills.problems[0]
    tools = skills.specs()
    router = Router(home, tools, model=None, settings=config.router, languages=("en",))
    await router.prepare()
    return router, len(tools)


if __name__ == "__main__":
    if sys.argv[1:]:
        write(Path(sys.argv[1]))
    else:
        compared = asyncio.run(compare())
        print(compared, *compared.changed, sep="\n")
