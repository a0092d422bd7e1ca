"""Plain functions as tools: each call in a thread of its own, in the hub and beside a pack."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


async def in_thread(work: Callable[[], Any]) -> Any:
    """The result of something that blocks. Its thread is its own and nobody waits for it: one
    that never ends takes no place from others, and does not keep the hub from ending."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if result.done():  # nobody waits any more
            return
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    def run() -> None:
        value: Any = None
        raised: BaseException | None = None
        try:
            value = context.run(work)
        except StopIteration as error:  # a future cannot hold it
            raised = RuntimeError(f"{type(error).__name__}: {error}")
        except BaseException as error:
            raised = error
        with suppress(RuntimeError):  # the hub has ended meanwhile
            loop.call_soon_threadsafe(settle, value, raised)

    threading.Thread(target=run, name="tool", daemon=True).start()
    return await result
