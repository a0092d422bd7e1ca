"""The way to the network for servers in any language: the hub's proxy, and nothing beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from aiohttp import web

from hub.packs import sandbox
from hub.packs.remote import Packs, describe
from hub.packs.tunnel import Tunnel
from tests.fakes import House
from tests.hostile_packs import kit

walled = pytest.mark.skipif(bool(sandbox.bubblewrap_trouble()), reason=sandbox.bubblewrap_trouble())

SERVER = """
import json, os, socket, subprocess, sys, urllib.request

def tried(at):
    if at["how"] == "proxy":
        return urllib.request.urlopen(at["url"], timeout=3).read().decode()
    if at["how"] == "direct":
        socket.create_connection(("127.0.0.1", at["port"]), 2)
    if at["how"] == "udp":
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if at["how"] == "vsock":
        socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    if at["how"] == "fork":
        os.fork()
    return "worked"

for line in sys.stdin:
    m = json.loads(line)
    match m["method"]:
        case "initialize":
            told = {"protocolVersion": "2025-06-18", "capabilities": {},
                    "serverInfo": {"name": "get", "version": "1"}}
        case "tools/list":
            told = {"tools": [{"name": "get", "description": "Get.", "inputSchema": {
                "type": "object", "properties": {"at": {"type": "string"}}}}]}
        case _:
            try:
                text = tried(json.loads(m["params"]["arguments"]["at"]))
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
            told = {"content": [{"type": "text", "text": text}]}
    if "id" in m:
        print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": told}), flush=True)
"""


@pytest_asyncio.fixture
async def server() -> AsyncIterator[int]:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {request.host} {await request.text()}")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@walled
async def test_a_server_reaches_the_hosts_that_were_granted(tmp_path: Path, server: int) -> None:
    folder = kit.write(tmp_path, "", pack_id="get", tools=("get",))
    (folder / "server.py").write_text(SERVER)
    with (folder / "pack.toml").open("a") as file:
        file.write(f'\nnetwork = ["http://127.0.0.1:{server}"]\n')
        file.write('[run]\ncommand = ["python3", "server.py"]\n')
    async with House() as house:
        shelf = kit.Shelf(folder, tools=[])
        (installed,) = shelf.installed()
        rows = describe(installed, shelf.verify)
        packs = Packs(kit.Shelf(folder, tools=rows), house.home, state=tmp_path / "state")

        async def tried(**at: object) -> str:
            ran = await kit.call(packs, house.home, "get", "get", at=json.dumps(at))
            return str(ran.said or ran.error)

        try:
            url = f"http://127.0.0.1:{server}/x"
            assert await tried(how="proxy", url=url) == f"GET 127.0.0.1:{server}"
            assert "403" in await tried(how="proxy", url=f"http://localhost:{server}/")
            assert "403" in await tried(how="proxy", url="https://example.org/")
            # Beside the proxy there is nothing.
            assert "refused" in await tried(how="direct", port=server)
            assert "Error" in await tried(how="udp")
            assert "Error" in await tried(how="vsock")
            assert "Error" in await tried(how="fork")
            noted = [row for row in packs.audit.rows("get") if row["what"] == "web"]
            assert [row["allowed"] for row in noted] == [True, False, False]
            pid = packs.process("get").pid
            assert pid is not None
            relays = psutil.Process(pid).children()
            assert len(relays) == 1
        finally:
            await packs.close()
        assert not psutil.pid_exists(relays[0].pid)


class Asking:
    """A client of a tunnel."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    async def __call__(self, text: str, more: str = "") -> str:
        """What comes back until the connection ends, or what came in a second."""
        reader, writer = await asyncio.open_unix_connection(await self._tunnel.open())
        writer.write(text.replace("\n", "\r\n").encode())
        answer = b""
        if more:
            answer = await reader.readuntil(b"\r\n\r\n")
            writer.write(more.replace("\n", "\r\n").encode())
        async with asyncio.timeout(5):
            answer += await reader.read(10_000)
        writer.close()
        return answer.decode()


@pytest_asyncio.fixture
async def ask(server: int) -> AsyncIterator[Asking]:
    tunnel = Tunnel([f"http://127.0.0.1:{server}"], lambda *_: None)
    yield Asking(tunnel)
    await tunnel.close()


async def test_a_connection_is_passed_through(ask: Asking, server: int) -> None:
    answer = await ask(
        f"CONNECT 127.0.0.1:{server} HTTP/1.1\nHost: x\n\n",
        f"GET / HTTP/1.1\nHost: 127.0.0.1:{server}\nConnection: close\n\n",
    )
    assert "established" in answer
    assert f"GET 127.0.0.1:{server}" in answer


@pytest.mark.parametrize(
    "request_",
    [
        "CONNECT 127.0.0.1:1 HTTP/1.1\n\n",
        "CONNECT localhost:{port} HTTP/1.1\n\n",
        "CONNECT 127.0.0.1:{port}@evil:1 HTTP/1.1\n\n",
        "CONNECT 127.0.0.1 HTTP/1.1\n\n",
        "GET http://localhost:{port}/ HTTP/1.1\n\n",
        "GET / HTTP/1.1\nHost: 127.0.0.1:{port}\n\n",
        "GET http://127.0.0.1:{port}@evil/ HTTP/1.1\n\n",
        "GET file:///etc/passwd HTTP/1.1\n\n",
        "POST http://127.0.0.1:{port}/ HTTP/1.1\nTransfer-Encoding: chunked\n\n",
        "GET http://127.0.0.1:{port}/\n\n",
        "\n\n",
    ],
)
async def test_everything_else_is_refused(ask: Asking, server: int, request_: str) -> None:
    assert (await ask(request_.format(port=server))).startswith("HTTP/1.1 403")


async def test_a_request_cannot_hide_another(ask: Asking, server: int) -> None:
    """What follows the body, and another name of the host, are not passed on."""
    answer = await ask(
        f"POST http://127.0.0.1:{server}/ HTTP/1.1\nHost: evil\nContent-Length: 2\n\n"
        f"hiGET /second HTTP/1.1\nHost: evil\n\n"
    )
    assert f"POST 127.0.0.1:{server} hi" in answer
    assert answer.count("HTTP/1.1 200") == 1
    assert "evil" not in answer


async def test_names_are_led_where_they_may_lead(server: int) -> None:
    async def rebinding(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    tunnel = Tunnel([f"http://api.example.org:{server}"], lambda *_: None, rebinding)
    answer = await Asking(tunnel)(f"CONNECT api.example.org:{server} HTTP/1.1\n\n")
    assert answer.startswith("HTTP/1.1 502")
    door = await tunnel.open()
    assert door.parent.stat().st_mode & 0o77 == 0
    await tunnel.close()
    assert not door.parent.exists()
