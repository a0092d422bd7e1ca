"""The hub of a soak: `hearth run` as it is, which tells how it is when it gets SIGUSR1.

Started by `hub.evaluate.soak`, with the file for that as its only argument.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

from hub.config import load
from hub.engines.worker import Worker
from hub.service import serve

KINDS = 400
"""Of the kinds of objects there are the most of, how many are told."""


def measured() -> dict[str, object]:
    """What only the process itself knows of itself, after all garbage is gone."""
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(type(each).__qualname__ for each in objects)
    workers = [each for each in objects if isinstance(each, Worker)]
    tasks = Counter(task.get_name().rstrip("0123456789") for task in asyncio.all_tasks())
    return {
        "tasks": sum(tasks.values()),
        "threads": threading.active_count(),
        "objects": sum(kinds.values()),
        "workers": {str(worker.pid): worker.name for worker in workers if worker.pid},
        "named_tasks": dict(tasks),
        "kinds": dict(kinds.most_common(KINDS)),
    }


async def run(told: Path) -> None:
    """Serve until the end, and write what is measured to `told`, whole or not at all."""

    def tell() -> None:
        coming = told.with_suffix(".coming")
        coming.write_text(json.dumps(measured()), encoding="utf-8")
        coming.replace(told)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell)
    await serve(load(), ears=False)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
