"""A network between two programs that loses, delays, cuts and repeats what is sent.

A TCP proxy: a program connects to `port`, and what it sends arrives at `to`, or not.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress


class Network:
    """`to` is the port of who is meant, at this machine, and may be set to another at any time.

    What happens is changed while it runs: `dark` (everything gets lost, and nobody is told),
    `delay` and `jitter` (seconds), `drip` (bytes a tenth of a second), `cut_after` (bytes from the
    other end after which the connection is reset), `sent` (what becomes of the bytes that the
    program sends)."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.port = 0
        self.dark = False
        self.delay = self.jitter = 0.0
        self.drip: int | None = None
        self.cut_after: int | None = None
        self.sent: Callable[[bytes], list[bytes]] | None = None
        self.connections = 0
        """That were taken so far."""
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Network:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.close()
        self.reset()
        for way in tuple(self._ways):
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    def reset(self) -> None:
        """All connections are reset (RST)."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        for source, end, away in ((reader, back, True), (there, writer, False)):
            self._writers.add(end)
            way = asyncio.create_task(self._passed(source, end, away))
            self._ways.add(way)
            way.add_done_callback(self._ways.discard)

    async def _passed(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, away: bool
    ) -> None:
        came = 0
        try:
            while data := await reader.read(65536):
                if self.dark:
                    continue
                if self.delay or self.jitter:
                    await asyncio.sleep(self.delay + random.random() * self.jitter)
                if not away and self.cut_after is not None:
                    data = data[: self.cut_after - came]
                    came += len(data)
                parts = self.sent(data) if away and self.sent is not None else [data]
                for part in parts:
                    await self._written(part, writer)
                if not away and self.cut_after is not None and came >= self.cut_after:
                    self.reset()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            with suppress(OSError):
                writer.close()

    async def _written(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self.drip is None:
            writer.write(data)
            await writer.drain()
            return
        for start in range(0, len(data), self.drip):
            writer.write(data[start : start + self.drip])
            await writer.drain()
            await asyncio.sleep(0.1)


class Repeated:
    """What becomes of MQTT packets on a bad way: each message comes twice, and some of them in
    another order. To be the `sent` of a `Network`."""

    def __init__(self, seed: int = 1, window: int = 6) -> None:
        self._chance = random.Random(seed)
        self._window = window
        self._rest = b""
        self.messages = 0
        """Different ones that came by."""

    def __call__(self, data: bytes) -> list[bytes]:
        self._rest += data
        passed: list[bytes] = []
        held: list[bytes] = []
        for packet in self._packets():
            if packet[0] >> 4 == 3:  # PUBLISH
                self.messages += 1
                held += [packet, bytes([packet[0] | 0b1000]) + packet[1:]]  # DUP
            else:
                passed.append(packet)
        for start in range(0, len(held), self._window):
            some = held[start : start + self._window]
            self._chance.shuffle(some)
            passed += some
        return passed

    def _packets(self) -> Iterator[bytes]:
        """Whole packets, whose length is in one to four bytes after the first (section 2.1.4)."""
        while len(self._rest) >= 2:
            length, at = 0, 1
            while True:
                if at >= len(self._rest):
                    return
                length |= (self._rest[at] & 0x7F) << 7 * (at - 1)
                at += 1
                if not self._rest[at - 1] & 0x80:
                    break
            if len(self._rest) < at + length:
                return
            yield self._rest[: at + length]
            self._rest = self._rest[at + length :]
