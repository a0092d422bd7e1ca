"""A language model on another machine: asked over HTTP, believed only within what was offered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hub import config
from hub.app import open_language_model
from hub.engines.openai_server import OpenAIServer
from hub.errors import ConfigError, EngineError, ModelError
from tests.router_home import calls, make_router, said


class Server:
    """A real HTTP server that answers as the test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.status, self.body = 200, b"{}"
        self.headers: dict[str, str] = {}
        self.released = threading.Event()
        self.released.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, dict(self.headers), None))
                self._answer(200, b'{"data": [{"id": "tiny"}, {"id": "other"}]}')

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.path, dict(self.headers), json.loads(content)))
                outer.released.wait(20)
                self._answer(outer.status, outer.body)

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def calls(self, *wanted: tuple[str, dict[str, Any]], text: str = "") -> None:
        """Answer with these calls."""
        listed = [
            {"type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for name, arguments in wanted
        ]
        message = {"role": "assistant", "content": text, "tool_calls": listed}
        self.body = json.dumps({"choices": [{"message": message}]}).encode()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


MESSAGES = [{"role": "user", "content": "hello"}]


async def test_the_server_is_asked_as_its_api_wants(server: Server) -> None:
    server.calls(("HassTurnOn", {"name": "Lamp"}))
    model = OpenAIServer(f"{server.url}/", key="secret")
    answer = await model.chat(MESSAGES, [{"type": "function"}])
    assert answer.calls == (("HassTurnOn", {"name": "Lamp"}),)
    assert [path for path, _, _ in server.asked] == ["/v1/models", "/v1/chat/completions"]
    _, headers, body = server.asked[1]
    assert headers["Authorization"] == "Bearer secret"
    assert body["model"] == "tiny"
    assert (body["messages"], body["tools"]) == (MESSAGES, [{"type": "function"}])
    assert (body["temperature"], body["stream"]) == (0, False)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, b"still loading", r"refused \(503 Service Unavailable\): still loading"),
        (401, b'{"error": "no key"}', "no key"),
        (200, b"<html>", "not JSON"),
        (200, b"[]", "no chat completion"),
        (200, b'{"choices": []}', "no chat completion"),
        (200, b'{"choices": [{"message": {"tool_calls": [{}]}}]}', "no chat completion"),
        (
            200,
            b'{"choices": [{"message": {"tool_calls": [{"function": {"name": "x", '
            b'"arguments": "{broken"}}]}}]}',
            "no chat completion",
        ),
    ],
)
async def test_trouble_names_the_server_and_the_reason(
    server: Server, status: int, body: bytes, reason: str
) -> None:
    server.status, server.body = status, body
    with pytest.raises(EngineError, match=reason) as caught:
        await OpenAIServer(server.url, name="tiny").chat(MESSAGES, [])
    assert server.url in str(caught.value)


async def test_nobody_else_is_asked_where_a_server_sends_one_elsewhere(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Server()
    try:
        monkeypatch.setenv("http_proxy", other.url)
        server.status, server.headers = 307, {"Location": other.url}
        with pytest.raises(EngineError, match="307"):
            await OpenAIServer(server.url, name="tiny").chat(MESSAGES, [])
        assert not other.asked
    finally:
        other.close()


async def test_a_server_that_is_silent_costs_the_time_limit_and_no_more(server: Server) -> None:
    server.released.clear()
    started = time.monotonic()
    with pytest.raises(EngineError, match=r"has not answered in 0\.2 s"):
        await OpenAIServer(server.url, name="tiny", timeout=0.2).chat(MESSAGES, [])
    assert time.monotonic() - started < 2


async def test_a_server_that_is_not_there(server: Server) -> None:
    server.close()
    with pytest.raises(EngineError, match="cannot be reached"):
        await OpenAIServer(server.url).start()


@pytest.mark.parametrize("url", ["nas:8080", "ftp://nas/v1", "http://", "http://nas:port/v1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ModelError, match="no address"):
        OpenAIServer(url)


async def test_the_settings_name_the_server() -> None:
    chosen = config.parse('[model]\nurl = "http://nas:8080/v1"\nname = "qwen"\ntimeout = 4')
    async with open_language_model(chosen) as model:
        assert isinstance(model, OpenAIServer)
        assert str(model) == "qwen at http://nas:8080/v1"
    assert config.parse('[model]\nurl = ""').model.url is None
    with pytest.raises(ConfigError, match="uri"):
        config.parse('[model]\nuri = "http://nas:8080/v1"')


# --- as the last tier ----------------------------------------------------------------------------

ODD = "the worktop strip could do with going off for all i care"

Answer = Callable[..., None]


async def _asked(server: Server, text: str, area: str | None = None) -> Any:
    router, _ = await make_router(model=OpenAIServer(server.url, name="tiny"))
    return await said(router, text, area=area)


async def test_it_calls_what_was_offered(server: Server) -> None:
    server.calls(("HassTurnOff", {"name": "Kitchen Worktop Strip"}))
    intent = await _asked(server, ODD, "Bedroom")
    assert calls(intent) == [("HassTurnOff", {"name": "Worktop Strip"})]
    assert intent.tier == "model"
    body = server.asked[-1][2]
    off = next(t["function"] for t in body["tools"] if t["function"]["name"] == "HassTurnOff")
    assert "Kitchen Worktop Strip" in off["parameters"]["properties"]["name"]["enum"]
    assert "The person is in: Bedroom" in body["messages"][0]["content"]
    assert body["messages"][-1] == {"role": "user", "content": ODD}


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ([], "none"),
        ([("HassTurnOff", {"name": "Neighbour's Lamp"})], "not offered"),
        ([("rm__rf", {})], "not offered"),
        ([("HassTurnOff", {})], "not offered"),
        ([("HassTurnOff", {"domain": "light"})], "not offered"),
        ([("HassTurnOn", {"name": "Kitchen Worktop Strip"})], "opposite"),
        ([("HassLightSet", {"name": "Kitchen Worktop Strip", "brightness": 400})], "not offered"),
        ([("HassTurnOff", {"name": "Kitchen Worktop Strip"})] * 4, "not offered"),
    ],
)
async def test_nothing_else_is_done(
    server: Server, wanted: list[tuple[str, dict[str, Any]]], reason: str
) -> None:
    server.calls(*wanted, text="none")
    intent = await _asked(server, ODD)
    assert not intent.understood
    assert reason in intent.why


async def test_numbers_must_have_been_said(server: Server) -> None:
    text = "i would like a worktop strip brightness of about forty"
    server.calls(("HassLightSet", {"name": "Kitchen Worktop Strip", "brightness": 40}))
    [call] = calls(await _asked(server, text))
    assert call == ("HassLightSet", {"name": "Worktop Strip", "brightness": 40})
    server.calls(("HassLightSet", {"name": "Kitchen Worktop Strip", "brightness": 60}))
    assert not (await _asked(server, text)).understood


async def test_conditions_are_not_sent(server: Server) -> None:
    intent = await _asked(server, "don't let the worktop strip go off")
    assert not intent.calls
    assert not server.asked


async def test_a_server_that_fails_does_nothing(server: Server) -> None:
    server.status = 500
    intent = await _asked(server, ODD)
    assert not intent.understood
    assert "500" in intent.why
