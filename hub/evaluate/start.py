"""A hub that starts as `hearth run` does, says when it listens, and ends. For measuring that."""

from __future__ import annotations

import asyncio

from hub import config
from hub.app import open_hub, reply_sink
from hub.evaluate.idle import still_room


async def start() -> None:
    """Print a line when the wake word has been looked for once."""
    settings = config.load()
    async with open_hub(
        settings, ears=True, recognise=True, sink=reply_sink(None), remember=False
    ) as hub:
        await hub.room(still_room(0.1)).converse()
        print("listening", flush=True)


if __name__ == "__main__":
    asyncio.run(start())
