"""A line of JSON-RPC 2.0 between the hub and a pack: MCP's stdio transport, bounded.

Both sides use it: the hub, which believes nothing that comes in, and the inside of the sandbox,
where 25 MB and 300 ms are all there is; hence nothing but the standard library here. (The `mcp`
library brings pydantic and anyio: 45 MB and a second.)

A message is one line. What is longer, deeper or no JSON-RPC at all is a `LinkError`: whoever
sends such a thing is not asked for more, and the link is closed. Requests go both ways; each side
numbers its own. Ending the wait for an answer tells the other side (`notifications/cancelled`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

LONGEST = 1024 * 1024
"""Bytes in a line."""
DEEPEST = 24
"""Levels of lists and objects within each other."""
MOST_AT_ONCE = 16
"""Requests of the other side that are being answered at a time."""
ABANDONED = 64
"""Requests that nobody waits for any more and whose answers may still come."""
LONGEST_METHOD = 100

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
DENIED = -32001
"""Of our own: it was not granted."""
BUSY = -32002
"""Of our own: too much at a time."""

Params = Mapping[str, Any]


class LinkError(Exception):
    """The other side sent what is no message of the protocol, or too much of it."""


class LinkClosed(Exception):
    """The other side is gone."""


class RemoteError(Exception):
    """The other side answered with an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


@dataclass(slots=True)
class Rate:
    """A bucket that fills by `per_second` up to `burst`: how much may come."""

    per_second: float
    burst: float
    _level: float = -1.0
    _at: float = 0.0

    def allows(self, amount: float = 1.0, now: float | None = None) -> bool:
        """Take out this much, if that much is in it."""
        at = time.monotonic() if now is None else now
        if self._level < 0:
            self._level, self._at = self.burst, at
        self._level = min(self.burst, self._level + (at - self._at) * self.per_second)
        self._at = at
        if self._level < amount:
            return False
        self._level -= amount
        return True


def encode(message: Params) -> bytes:
    """A message as a line. Raises ValueError for what JSON cannot hold, or a line too long."""
    text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    line = text.encode("utf-8") + b"\n"
    if len(line) > LONGEST:
        raise ValueError(f"a message of {len(line)} bytes is longer than {LONGEST}")
    return line


def decode(line: bytes) -> dict[str, Any]:
    """The message in a line. Raises LinkError."""
    try:
        text = line.decode("utf-8")
        message = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise LinkError(f"no JSON: {type(error).__name__}") from error
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise LinkError("no JSON-RPC 2.0 message")
    if _too_deep(message, DEEPEST):
        raise LinkError(f"more than {DEEPEST} levels deep")
    if "\\ud" in text.casefold():
        # Half of a pair of surrogates is no text: whatever writes it out later would fail.
        try:
            json.dumps(message, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise LinkError("no Unicode text") from error
    method, number = message.get("method"), message.get("id")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int | str)):
        raise LinkError("an id is a number or a text")
    if method is not None:
        if not isinstance(method, str) or not 0 < len(method) <= LONGEST_METHOD:
            raise LinkError("a method is a short text")
        if not isinstance(message.get("params", {}), dict):
            raise LinkError("params are an object")
    elif ("result" in message) == ("error" in message):
        raise LinkError("neither a request nor an answer")
    elif "error" in message and not _is_error(message["error"]):
        raise LinkError("an error has a code and a message")
    return message


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # 1e999
        raise ValueError("a number is too large")
    return number


def _is_error(error: Any) -> bool:
    return (
        isinstance(error, dict)
        and isinstance(error.get("code"), int)
        and isinstance(error.get("message"), str)
    )


def _too_deep(value: Any, left: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if left == 0:
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(_too_deep(one, left - 1) for one in inner)


Handler = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Answers a request. Raises RemoteError to refuse; what else it raises is told by name only."""
Listener = Callable[[str, dict[str, Any]], None]
"""Is told of a notification."""


async def _nothing(method: str, params: dict[str, Any]) -> Any:
    raise RemoteError(METHOD_NOT_FOUND, f"there is no {method[:60]}")


class Link:
    """One end of a line. `serve` reads it until the other side hangs up or breaks the rules.

    `rate` limits what the other side may send by itself, in messages, and `volume` all of it, in
    bytes; None where it is the hub, which is trusted. `strict` makes an answer to what was never
    asked a LinkError."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        handler: Handler = _nothing,
        listener: Listener | None = None,
        rate: Rate | None = None,
        volume: Rate | None = None,
        strict: bool = False,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._listener = listener
        self._rate = rate
        self._volume = volume
        self._strict = strict
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._abandoned: deque[int] = deque(maxlen=ABANDONED)
        self._answering: dict[int | str, asyncio.Task[None]] = {}
        self._closed = False
        self.received = 0
        """Bytes that came in."""

    @property
    def closed(self) -> bool:
        return self._closed

    async def request(
        self, method: str, params: Params | None = None, *, within: float | None = None
    ) -> Any:
        """Ask the other side. Raises RemoteError if it refuses, LinkClosed if it is gone, and
        TimeoutError after `within` seconds."""
        if self._closed:
            raise LinkClosed("the link is closed")
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        line = encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}})
        self._waiting[number] = future
        try:
            async with asyncio.timeout(within):
                await self._write(line)
                return await future
        except (TimeoutError, asyncio.CancelledError):
            self._abandoned.append(number)
            with suppress(LinkClosed):
                self.notify("notifications/cancelled", {"requestId": number})
            raise
        finally:
            self._waiting.pop(number, None)

    def notify(self, method: str, params: Params | None = None) -> None:
        """Tell the other side something. Raises LinkClosed if it is gone."""
        if self._closed or self._writer.is_closing():
            raise LinkClosed("the link is closed")
        self._writer.write(encode({"jsonrpc": "2.0", "method": method, "params": params or {}}))

    async def serve(self) -> None:
        """Take what comes until the end of the line. Raises LinkError where it is not to be
        trusted any further; then, too, whoever waits for an answer gets LinkClosed."""
        try:
            while (line := await self._line()) is not None:
                self._take(decode(line))
        finally:
            self.close()

    def close(self) -> None:
        """Hang up. Whoever waits for an answer gets LinkClosed."""
        self._closed = True
        self._writer.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LinkClosed("the other side is gone"))
        for task in self._answering.values():
            task.cancel()

    async def _line(self) -> bytes | None:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as error:
            raise LinkError(f"a line of more than {LONGEST} bytes") from error
        except (ConnectionError, OSError):
            return None
        self.received += len(line)
        if self._volume is not None and not self._volume.allows(len(line)):
            raise LinkError("more bytes than anybody needs")
        return line

    def _take(self, message: dict[str, Any]) -> None:
        method, number = message.get("method"), message.get("id")
        # An answer was asked for.
        if method is not None and self._rate is not None and not self._rate.allows():
            raise LinkError("more messages than anybody needs")
        if method is None:
            self._answered(message)
        elif number is not None:
            self._asked(number, method, message.get("params", {}))
        elif method == "notifications/cancelled":
            self._cancelled(message.get("params", {}).get("requestId"))
        elif self._listener is not None:
            self._listener(method, message.get("params", {}))

    def _answered(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        future = self._waiting.get(number) if isinstance(number, int) else None
        if future is None:
            if self._strict and number not in self._abandoned:
                raise LinkError("an answer to what was never asked")
            with suppress(ValueError):
                self._abandoned.remove(number)  # type: ignore[arg-type]
        elif future.done():
            if self._strict:
                raise LinkError("a second answer")
        elif "error" in message:
            error = message["error"]
            future.set_exception(RemoteError(error["code"], error["message"], error.get("data")))
        else:
            future.set_result(message["result"])

    def _asked(self, number: int | str, method: str, params: dict[str, Any]) -> None:
        if number in self._answering:
            raise LinkError("two requests of one number")
        if len(self._answering) >= MOST_AT_ONCE:
            self._send_soon({"id": number, "error": {"code": BUSY, "message": "too much at once"}})
            return
        task = asyncio.create_task(self._answer(number, method, params), name=f"link-{method}")
        self._answering[number] = task
        task.add_done_callback(lambda _: self._answering.pop(number, None))

    def _cancelled(self, number: Any) -> None:
        if isinstance(number, int | str) and (task := self._answering.get(number)) is not None:
            task.cancel()

    async def _answer(self, number: int | str, method: str, params: dict[str, Any]) -> None:
        try:
            answer = {"result": await self._handler(method, params)}
        except RemoteError as error:
            told = {"code": error.code, "message": str(error)}
            answer = {"error": told if error.data is None else {**told, "data": error.data}}
        # Whatever goes wrong while one request is answered costs that request.
        except Exception as error:
            answer = {"error": {"code": INTERNAL_ERROR, "message": type(error).__name__}}
        try:
            line = encode({"jsonrpc": "2.0", "id": number, **answer})
        except ValueError as error:
            told = {"code": INTERNAL_ERROR, "message": f"no answer: {error}"}
            line = encode({"jsonrpc": "2.0", "id": number, "error": told})
        with suppress(LinkClosed):
            await self._write(line)

    def _send_soon(self, message: Params) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode({"jsonrpc": "2.0", **message}))

    async def _write(self, line: bytes) -> None:
        if self._closed or self._writer.is_closing():
            raise LinkClosed("the link is closed")
        try:
            self._writer.write(line)
            await self._writer.drain()
        except (ConnectionError, OSError) as error:
            raise LinkClosed(f"the other side is gone: {error}") from error
