"""`hearth run`: the hub as a service, until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rich.markup import escape

from hub import terminal
from hub.app import Hub, describe, lock, microphone, open_hub, reply_through_loudspeaker
from hub.config import Config
from hub.control import ControlServer
from hub.errors import AudioError, EngineError, HearthError
from hub.home.view import describe_change
from hub.messages import StateChange, Trace
from hub.room import Room

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between attempts to reach a microphone that is not there."""


async def serve(config: Config, *, microphone: bool = True) -> None:
    """Run the hub. Returns after SIGINT or SIGTERM.

    Raises ConfigError, ModelError, or StorageError if another hub is running here."""
    started = time.monotonic()
    async with _until_signal() as ended, lock(config):
        sink = reply_through_loudspeaker(config) if microphone else None
        async with open_hub(config, ears=microphone, recognise=microphone, sink=sink) as hub:
            hub.assistant.watch(_show_turn)
            hub.home.watch(lambda change: _show_change(hub, change))
            control = ControlServer(config.hub.runtime, hub.assistant)
            await control.start()
            work = asyncio.create_task(_listen(hub) if microphone else asyncio.sleep(0))
            terminal.out.print(
                f"[bold]{escape(describe(hub, microphone))}[/] "
                f"[dim]({time.monotonic() - started:.1f} s; Ctrl-C ends)[/]"
            )
            try:
                await ended.wait()
            finally:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                await control.close()


@asynccontextmanager
async def _until_signal() -> AsyncIterator[asyncio.Event]:
    """An event that is set by SIGINT and SIGTERM."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        yield ended
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _listen(hub: Hub) -> None:
    """Converse for ever; a microphone that is lost is looked for again."""
    pause = FIRST_PAUSE
    complained = False
    while True:
        began = time.monotonic()
        try:
            room: Room = microphone(hub)
            await room.converse()
        except AudioError as error:
            if not complained:
                terminal.fail(f"{error} (it is looked for again and again)")
            complained = True
        except EngineError as error:
            log.error("%s", error)
            await _apologise(hub, error)
            continue
        if time.monotonic() - began > LONGEST_PAUSE:
            pause, complained = FIRST_PAUSE, False
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 2)


async def _apologise(hub: Hub, error: HearthError) -> None:
    with suppress(HearthError):
        if hub.voice is not None:
            await hub.voice.say(error.spoken)


def _show_turn(trace: Trace) -> None:
    terminal.show_turn(trace.to_json())


def _show_change(hub: Hub, change: StateChange) -> None:
    if change.before != change.state:
        terminal.out.print(f"  [dim]{escape(describe_change(hub.home, change))}[/]")
