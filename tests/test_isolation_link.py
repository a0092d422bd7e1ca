"""The line between hub and pack: both ways, bounded, and closed on whoever breaks its rules."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from hub.packs.link import (
    DEEPEST,
    LONGEST,
    MOST_AT_ONCE,
    Link,
    LinkClosed,
    LinkError,
    Rate,
    RemoteError,
    decode,
    encode,
)


class Ends:
    """Two links that are connected, each served by a task."""

    def __init__(self, hub: Link, pack: Link) -> None:
        self.hub, self.pack = hub, pack
        self.serving = [asyncio.create_task(link.serve()) for link in (hub, pack)]

    async def trouble(self) -> BaseException | None:
        """What ended the hub's end."""
        (outcome,) = await asyncio.gather(self.serving[0], return_exceptions=True)
        return outcome


@asynccontextmanager
async def connected(hub: dict[str, Any] | None = None, **pack: Any) -> AsyncIterator[Ends]:
    ours, theirs = socket.socketpair()
    ends = Ends(
        Link(*await asyncio.open_connection(sock=ours, limit=LONGEST), **(hub or {})),
        Link(*await asyncio.open_connection(sock=theirs, limit=LONGEST), **pack),
    )
    try:
        yield ends
    finally:
        ends.hub.close()
        ends.pack.close()
        await asyncio.gather(*ends.serving, return_exceptions=True)


async def echo(method: str, params: dict[str, Any]) -> Any:
    if method == "fail":
        raise ValueError("the inside of a secret")
    if method == "refuse":
        raise RemoteError(-32001, "no", {"why": "not granted"})
    return {"method": method, **params}


async def test_each_side_asks_the_other() -> None:
    async with connected({"handler": echo}, handler=echo) as ends:
        assert await ends.hub.request("a", {"n": 1}) == {"method": "a", "n": 1}
        assert await ends.pack.request("b") == {"method": "b"}
        found = await asyncio.gather(*(ends.hub.request("c", {"n": n}) for n in range(10)))
        assert [one["n"] for one in found] == list(range(10))


async def test_a_refusal_says_why_and_a_mistake_only_its_name() -> None:
    async with connected(handler=echo) as ends:
        with pytest.raises(RemoteError) as refused:
            await ends.hub.request("refuse")
        assert refused.value.data == {"why": "not granted"}
        with pytest.raises(RemoteError, match="ValueError") as failed:
            await ends.hub.request("fail")
        assert "secret" not in str(failed.value)


async def test_giving_up_tells_the_other_side() -> None:
    ended = asyncio.Event()

    async def slow(method: str, params: dict[str, Any]) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.set()
            raise

    async with connected(handler=slow) as ends:
        with pytest.raises(TimeoutError):
            await ends.hub.request("slow", within=0.05)
        async with asyncio.timeout(2):
            await ended.wait()


async def test_whoever_waits_is_told_that_the_other_side_is_gone() -> None:
    async def never(method: str, params: dict[str, Any]) -> Any:
        await asyncio.Event().wait()

    async with connected(handler=never) as ends:
        waiting = asyncio.create_task(ends.hub.request("x"))
        await asyncio.sleep(0)
        ends.pack.close()
        with pytest.raises(LinkClosed):
            await waiting
        with pytest.raises(LinkClosed):
            await ends.hub.request("y")


async def test_no_more_than_so_many_requests_are_answered_at_a_time() -> None:
    begun = 0

    async def never(method: str, params: dict[str, Any]) -> Any:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()

    async with connected({"handler": never}) as ends:
        asked = [asyncio.create_task(ends.pack.request("x")) for _ in range(MOST_AT_ONCE + 4)]
        done, _ = await asyncio.wait(asked, timeout=2, return_when=asyncio.FIRST_COMPLETED)
        assert begun == MOST_AT_ONCE
        with pytest.raises(RemoteError, match="too much"):
            done.pop().result()
        for task in asked:
            task.cancel()


async def test_what_comes_unasked_is_limited_and_answers_are_not() -> None:
    async with connected({"rate": Rate(1, 20)}, handler=echo) as ends:
        for n in range(100):
            await ends.hub.request("x", {"n": n})
        for _ in range(30):
            ends.pack.notify("notifications/progress")
        assert isinstance(await ends.trouble(), LinkError)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":{},"method":"x"}',
        b'{"jsonrpc":"2.0","id":true,"method":"x"}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"x"}',
        b'{"jsonrpc":"2.0","method":7}',
        b'{"jsonrpc":"2.0","method":""}',
        b'{"jsonrpc":"2.0","method":"x","params":[]}',
        b'{"jsonrpc":"2.0","method":"x","params":{"n":NaN}}',
        b'{"jsonrpc":"2.0","method":"x","params":{"n":-Infinity}}',
        b'{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"x"}}',
        b'{"jsonrpc":"2.0","id":1,"error":"x"}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":1}}',
        b'{"jsonrpc":"2.0","id":1,"result":"\\ud800"}',
        b'{"jsonrpc":"2.0","id":1,"result":' + b"9" * 10000 + b"}",
        b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}",
        b'{"jsonrpc":"2.0","id":1,"result":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b"\xff\xfe",
    ],
    ids=lambda line: line[:60].decode(errors="replace"),
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(LinkError):
        decode(line)


@pytest.mark.slow
def test_a_hundred_thousand_damaged_lines_raise_nothing_else() -> None:
    luck = random.Random(7)
    good = [
        encode(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"a": [1, {"b": "é"}]}}
        ),
        encode({"jsonrpc": "2.0", "id": "x", "result": {"content": [{"type": "text"}]}}),
        encode({"jsonrpc": "2.0", "id": 2, "error": {"code": -1, "message": "no"}}),
    ]
    taken = 0
    for _ in range(100_000):
        line = bytearray(luck.choice(good))
        for _ in range(luck.randint(1, 3)):
            at = luck.randrange(len(line))
            match luck.randrange(3):
                case 0:
                    line[at] = luck.randrange(256)
                case 1:
                    del line[at : at + luck.randint(1, 9)]
                case _:
                    line[at:at] = luck.choice([b'"', b"{", b"]", b"\\u", b"null", b"1e999", b","])
            if not line:
                line += b" "
        with suppress(LinkError):
            message = decode(bytes(line))
            taken += 1
            assert message["jsonrpc"] == "2.0"
            encode(message)
    assert 1000 < taken < 99_000  # some damage changes a text, which is no harm


def test_what_is_sent_is_bounded_as_well() -> None:
    with pytest.raises(ValueError, match="longer"):
        encode({"x": "y" * LONGEST})
    with pytest.raises(ValueError):
        encode({"x": float("nan")})
    assert json.loads(encode({"x": "é\n"})) == {"x": "é\n"}


def test_a_rate_fills_again() -> None:
    rate = Rate(10, 2)
    assert [rate.allows(now=0.0) for _ in range(3)] == [True, True, False]
    assert rate.allows(now=0.1)
    assert not rate.allows(now=0.1)
    assert not rate.allows(5, now=100.0)
