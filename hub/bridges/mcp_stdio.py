"""MCP over standard input and output, which belong to the protocol alone.

Input is read by a thread of its own that nobody has to wait for: a program that is told to end
must not wait until its client has sent another line.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TextIO

from mcp.server.stdio import stdio_server

from hub import terminal
from hub.bridges.mcp import Policy, server
from hub.bridges.mcp_door import Door
from hub.errors import ConfigError

LONGEST_LINE = 256 * 1024
"""Bytes of a message. A longer one is answered as one that cannot be read."""
CHUNK = 64 * 1024
SESSION = "stdio"


class Input:
    """The lines of a file, as an asynchronous iterator."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        threading.Thread(target=self._read, name="mcp-input", daemon=True).start()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        line = await self._lines.get()
        if line is None:
            raise StopAsyncIteration
        return line

    def _read(self) -> None:
        """Read until the end. One line at most is kept, and no more of it than a message has."""
        kept, length = b"", 0
        with suppress(OSError):
            while chunk := os.read(self._number, CHUNK):
                *ended, rest = chunk.split(b"\n")
                for part in ended:
                    whole = length + len(part) <= LONGEST_LINE
                    self._hand_on((kept + part).decode(errors="replace") if whole else "too long")
                    kept, length = b"", 0
                length += len(rest)
                kept = kept + rest if length <= LONGEST_LINE else b""
        if length:
            self._hand_on(kept.decode(errors="replace"))
        self._hand_on(None)

    def _hand_on(self, line: str | None) -> None:
        if line is None or line.strip():
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._lines.put_nowait, line)


class Output:
    """A file that is written to without keeping others waiting."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    async def write(self, text: str) -> None:
        await asyncio.to_thread(self._file.write, text)

    async def flush(self) -> None:
        await asyncio.to_thread(self._file.flush)


async def serve_stdio(door: Door, output: TextIO, policy: Policy) -> None:
    """Answer on standard input and `output` until the client closes the former."""
    if sys.stdin is None:
        raise ConfigError("standard input is closed; an MCP client starts 'hearth mcp' by itself")
    own = server(door, policy, session=SESSION)
    with suppress(BrokenPipeError):
        async with stdio_server(
            Input(sys.stdin.fileno()),  # type: ignore[arg-type]
            Output(output),  # type: ignore[arg-type]
        ) as (read, write):
            await own.run(read, write, own.create_initialization_options())


def claim_output() -> TextIO:
    """Take standard output for the protocol: what anything else prints goes to standard error.

    Raises ConfigError if it is closed."""
    if sys.stdout is None:
        raise ConfigError("standard output is closed; an MCP client starts 'hearth mcp' by itself")
    sys.stdout.flush()
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", newline="\n")
    terminal.keep_for_rows()
    return output
