"""How long the rules take, how long their grammars take to build, and what they weigh.

python -m hub.evaluate.bench_router 25 1000
"""

from __future__ import annotations

import asyncio
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from hub.config import Config
from hub.evaluate.homes import generated, still_home
from hub.home.model import Home
from hub.messages import Hypothesis, Utterance
from hub.router import Context, Router
from hub.router.places import Places
from hub.router.retrieve import Retriever
from hub.router.words import words
from hub.skillset import Skillset

ROUNDS = 3
"""Each command is timed this often, and the best counts: other programs only add time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one home costs."""

    entities: int
    p50: float
    """Milliseconds of processor time."""
    p95: float
    unmatched_p95: float
    """Milliseconds, of what nothing understands."""
    build: float
    """Seconds of processor time until the first command can be understood."""
    megabytes: float
    """Memory taken by the grammars."""

    def __str__(self) -> str:
        return (
            f"{self.entities} entities: {self.p50:.1f} ms median, {self.p95:.1f} ms p95, "
            f"{self.unmatched_p95:.1f} ms p95 unmatched; built in {self.build:.2f} s, "
            f"{self.megabytes:.0f} MB"
        )


def rules_latency(entities: int, languages: Sequence[str] = ("en",)) -> tuple[float, float]:
    """Median and 95th percentile, in milliseconds, of phrases and rules in a generated home."""
    figures = asyncio.run(measure(entities, languages))
    return figures.p50, figures.p95


async def measure(entities: int, languages: Sequence[str] = ("en",)) -> Figures:
    """All figures for a generated home of this size."""
    home = await still_home(generated(entities))
    tools = Skillset.load(Config(), home).specs()
    process = psutil.Process()
    before, started = process.memory_info().rss, time.process_time()
    router = Router(home, tools, model=None, settings=Config().router, languages=languages)
    await router.prepare()
    build = time.process_time() - started
    megabytes = (process.memory_info().rss - before) / 1e6
    context = Context(area=next(iter(home.areas.values())).name)
    said = {text: Utterance((Hypothesis(text, -0.2),)) for text in commands(home)}
    best = dict.fromkeys(said, math.inf)
    for _ in range(ROUNDS):
        # One after the other: nothing that is kept of a sentence helps with it the next time.
        for text, utterance in said.items():
            best[text] = min(best[text], processor_ms(router, utterance, context))
            await asyncio.sleep(0)  # Ctrl-C is heard here
    times = [best[text] for text in commands(home)]
    unmatched = [best[text] for text, each in said.items() if router.quick(each, context) is None]
    await home.close()
    return Figures(
        entities,
        statistics.median(times),
        _percentile(times, 95),
        _percentile(unmatched, 95),
        build,
        megabytes,
    )


def processor_ms(router: Router, utterance: Utterance, context: Context) -> float:
    """Milliseconds of processor time."""
    started = time.process_time()
    router.quick(utterance, context)
    return (time.process_time() - started) * 1000


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Recall:
    """How surely retrieval finds what was meant, in a generated home."""

    entities: int
    recall: float
    """Share of utterances whose thing is among the candidates."""
    p50: float
    """Milliseconds of processor time."""
    p95: float

    def __str__(self) -> str:
        return (
            f"{self.entities} entities: {100 * self.recall:.1f} % of the things meant are among "
            f"{CANDIDATES} candidates; {self.p50:.2f} ms median, {self.p95:.2f} ms p95"
        )


CANDIDATES = 10
ASKED = 200
"""Things of the home that are asked for."""


async def measure_retrieval(entities: int, language: str = "en") -> Recall:
    """Every n-th thing is asked for from its room, by a name with a letter wrong."""
    home = await still_home(generated(entities))
    places = Places(home, Skillset.load(Config(), home).specs())
    retriever = Retriever(places, words(language))
    times: list[float] = []
    hits = 0
    asked = list(home.entities.values())[:: max(1, entities // ASKED)]
    for number, entity in enumerate(asked):
        text = f"do something about the {misheard(entity.name, number)} please"
        started = time.process_time()
        found = retriever.find([text], entity.area_id, things=CANDIDATES)
        times.append((time.process_time() - started) * 1000)
        hits += entity.entity_id in {thing.entity for thing in found.things}
    await home.close()
    return Recall(entities, hits / len(asked), statistics.median(times), _percentile(times, 95))


def misheard(name: str, number: int) -> str:
    """A name as a recognizer may write it: a letter of its longest word lost, doubled or
    changed."""
    parts = name.lower().split()
    place = max(range(len(parts)), key=lambda p: len(parts[p]))
    word = parts[place]
    middle = 1 + number % max(1, len(word) - 2)
    changed = (
        word[:middle] + word[middle + 1 :],
        word[:middle] + word[middle] + word[middle:],
        word[:middle] + "aeiou"[number % 5] + word[middle + 1 :],
    )
    parts[place] = changed[number % 3]
    return " ".join(parts)


SAID = (
    "Turn on the {light}.",
    "turn off the {light}",
    "Hey Jarvis, could you please switch on the {light}?",
    "set the {light} to 40 percent",
    "make the {light} blue",
    "is the {light} on",
    "turn on the {area} lights",
    "Turn off all the lights in the {area}.",
    "open the {cover}",
    "close the {area} blinds",
    "what is the temperature in the {area}",
    "set the {climate} to 21 degrees",
    "turn off the {light} and open the {cover}",
    "turn on the {misheard}",
    "the {light} should be a lot nicer than it is now",
    "turn on the the {area} blah blah",
)
"""Commands for a device or area of the home."""

OTHERS = (
    "what time is it",
    "set a timer for five minutes",
    "turn off the lights",
    "are any windows open",
    "lock the door",
    "next song",
    "volume up",
    "tell me a joke about dragons",
    "who was the first person on the moon and when did that happen",
    "I was thinking we should maybe go to the restaurant on friday with the kids and grandma",
    "remind me to call the dentist about my appointment tomorrow morning at half past nine",
    "could you look up how long the train to the airport takes from the central station",
    "what's the capital of france",
    "play the next episode of that show we watched last weekend",
    "mm hm yeah okay",
    "turn the",
    "and then she said that the kitchen light was on all night long can you believe it",
)


def commands(home: Home) -> list[str]:
    """About a hundred commands, a third of which nothing understands; always the same."""
    by_domain: dict[str, list[str]] = {}
    for entity in home.entities.values():
        by_domain.setdefault(entity.domain, []).append(entity.name)
    areas = [area.name for area in home.areas.values()]
    made = list(OTHERS)
    for number in range(5):
        chosen = {
            domain: names[number * 7 % len(names)] for domain, names in by_domain.items() if names
        }
        light = chosen["light"]
        named = {
            **chosen,
            "area": areas[number * 3 % len(areas)],
            "misheard": light.replace("i", "ea", 1).lower(),
        }
        made += [template.format_map(named) for template in SAID]
    return made


def main() -> None:
    """Print the figures for homes of the sizes given."""
    for size in map(int, sys.argv[1:] or ("25", "1000", "5000")):
        print(asyncio.run(measure(size)))
        print(asyncio.run(measure_retrieval(size)))


if __name__ == "__main__":
    main()
