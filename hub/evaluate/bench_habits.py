"""How long it takes, and how much memory, to find the habits in a year of a household."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

SCRIPT = """
import json, resource, time
from datetime import UTC, datetime, timedelta, time as clock
from hub.evaluate.household import START, ZONE, household, minute_of_sun, PLANTED
from hub.habits.mining import habits
history = household({seed})
now = datetime.combine(START + timedelta(days=365), clock(12), UTC)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began, worked = time.perf_counter(), time.process_time()
found = habits(iter(history), now, ZONE, minute_of_sun)
print(json.dumps({{
    "deeds": len(history),
    "seconds": time.perf_counter() - began,
    "cpu_seconds": time.process_time() - worked,
    "memory_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    "found": sorted(h.entity_id for h in found),
    "planted": sorted(PLANTED),
}}))
"""


async def habits(seed: int = 0) -> dict[str, Any]:
    """The figures, from a process of its own. Raises RuntimeError if that fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SCRIPT.format(seed=seed),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, trouble = await process.communicate()
    if process.returncode:
        raise RuntimeError(trouble.decode(errors="replace")[-500:])
    figures: dict[str, Any] = json.loads(told)
    return figures
