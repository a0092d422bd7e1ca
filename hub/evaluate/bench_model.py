"""How long the language model takes in homes of several sizes, side by side in one run.

python -m hub.evaluate.bench_model 25 1000
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from hub.app import open_hub
from hub.config import Config
from hub.engines.llamacpp import LlamaModel
from hub.errors import ModelError
from hub.evaluate.bench_router import commands
from hub.evaluate.homes import generated, still_home
from hub.messages import Hypothesis, Utterance
from hub.ports import Chosen, Completion, Options
from hub.router import Context, Router
from hub.skillset import Skillset


@dataclass(slots=True)
class Times:
    """What the sentences of one home took of which the model was asked."""

    entities: int
    milliseconds: list[float] = field(default_factory=list)
    prompt_tokens: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        ordered = sorted(self.milliseconds)
        if not ordered:
            return f"{self.entities} entities: the model was not asked"
        return (
            f"{self.entities} entities: {statistics.median(ordered):.0f} ms median, "
            f"{ordered[len(ordered) * 95 // 100]:.0f} ms p95 of {len(ordered)} sentences; "
            f"{statistics.fmean(self.prompt_tokens):.0f} tokens of the prompt evaluated"
        )


class Timed:
    """A model that notes how long it takes for each prompt."""

    def __init__(self, model: LlamaModel, times: Times) -> None:
        self._model = model
        self._times = times
        self.format = model.format

    async def prime(self, prefix: str) -> None:
        await self._model.prime(prefix)

    async def complete(
        self, prompt: str, *, grammar: str | None = None, max_tokens: int = 64
    ) -> Completion:
        return await self._model.complete(prompt, grammar=grammar, max_tokens=max_tokens)

    async def choose(
        self,
        prompt: str,
        options: Options,
        *,
        width: int = 4,
        enough: float = 0.0,
        idle: Sequence[str] = (),
    ) -> tuple[Chosen, ...]:
        started = time.perf_counter()
        found = await self._model.choose(prompt, options, width=width, enough=enough, idle=idle)
        if prompt != "=>":  # which only loads the model
            self._times.milliseconds.append((time.perf_counter() - started) * 1000)
            self._times.prompt_tokens.extend(each.prompt_tokens for each in found[:1])
        return found


async def measure(sizes: Sequence[int], config: Config | None = None) -> list[Times]:
    """The model tier alone, the same sentences in each home in turn: other programs slow all down
    alike, and no home has the longer names.

    Each home has a model of its own, as in life: what is said in one makes nothing quicker in the
    other. Raises ModelError if no language model of Hearth's own is installed."""
    settings = config or Config()
    all_times = [Times(size) for size in sizes]
    async with AsyncExitStack() as stack:
        homes = [await still_home(generated(size)) for size in sizes]
        routers = []
        for home, times in zip(homes, all_times, strict=True):
            hub = await stack.enter_async_context(open_hub(settings, remember=False))
            model = hub.language_model
            if not isinstance(model, LlamaModel):
                raise ModelError("no language model is installed: hearth models")
            router = Router(
                home,
                Skillset.load(settings, home).specs(),
                model=Timed(model, times),
                settings=settings.router,
                languages=("en",),
                without=("phrases", "sentences", "fuzzy"),
            )
            await router.prepare()
            await router.prime()
            routers.append(router)
        # A larger home has all that a smaller one has: the same is said in each.
        for text in commands(min(homes, key=lambda home: len(home.entities))):
            for router, home in zip(routers, homes, strict=True):
                area = next(iter(home.areas.values())).name
                await router.route(Utterance((Hypothesis(text, -0.2),)), Context(area=area))
        for home in homes:
            await home.close()
    return all_times


def main() -> None:
    """Print the figures for homes of the sizes given."""
    for times in asyncio.run(measure([*map(int, sys.argv[1:] or ("25", "1000"))])):
        print(times)


if __name__ == "__main__":
    main()
