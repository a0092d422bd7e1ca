"""How often the hub wakes by mistake: in recordings, and in hours of made sound."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.app import open_hub, reply_sink, synthesizer
from hub.audio.pcm import frames
from hub.config import Config
from hub.errors import ConfigError
from hub.evaluate.wake import evaluate_wake
from hub.evaluate.without import sound
from hub.listening import WAKE_FRAMES
from hub.messages import SAMPLE_RATE


@dataclass(slots=True)
class Wakes:
    """What came of it."""

    phrase: str
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Made sound, by kind."""
    false: list[str] = field(default_factory=list)
    """What the hub woke by in it."""
    took: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "phrase": self.phrase,
            "hours": round(sum(self.seconds.values()) / 3600, 3),
            "hours_by_kind": {
                kind: round(seconds / 3600, 3) for kind, seconds in sorted(self.seconds.items())
            },
            "false_wakes": len(self.false),
            "woken_by": self.false,
            "took_seconds": round(self.took),
        }


async def measure(
    config: Config,
    hours: float,
    recordings: Path | None = None,
    texts: Path | None = None,
    *,
    seed: int = 1,
) -> dict[str, Any]:
    """The configured wake word, with its verifier, in so many hours of made sound as one stream,
    and in the recordings below a folder. Raises ConfigError, ModelError, EngineError."""
    found: dict[str, Any] = {}
    async with open_hub(config, ears=True, sink=reply_sink(None), remember=False) as hub:
        if hub.wake is None:
            raise ConfigError("there is no wake word; set 'micro' or 'verifier' in [wake]")
        phrase = str(getattr(hub.wake, "phrase", config.wake.micro))
        wakes = Wakes(phrase)
        never = [word for word in re.split(r"[\s_]+", phrase) if len(word) > 3]
        started = time.monotonic()
        if hours > 0:
            await hub.wake.reset()
            made = sound(hours * 3600, synthesizer(hub), never=never, texts=texts, seed=seed)
            async for stretch in made:
                stream = list(frames(stretch.pcm))
                wakes.seconds[stretch.kind.split()[0]] += len(stretch.pcm) / 2 / SAMPLE_RATE
                for start in range(0, len(stream), WAKE_FRAMES):
                    batch = b"".join(stream[start : start + WAKE_FRAMES])
                    if await hub.wake.process(batch) is not None:
                        wakes.false.append(f"{stretch.kind}: {stretch.said}")
        wakes.took = time.monotonic() - started
        found["made"] = wakes.to_json()
        if recordings is not None:
            score = await evaluate_wake(hub.wake, phrase, [recordings])
            found["recordings"] = score.to_json()
    return found
