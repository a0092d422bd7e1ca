"""A language model on another machine of the house, behind the API that OpenAI began with.

llama.cpp's server, Ollama, vLLM, LM Studio and many others speak it. Nothing is asked but the one
address that the settings name: no redirect is followed and no proxy used.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from hub.errors import EngineError, ModelError
from hub.ports import ChatAnswer

LARGEST = 1_000_000
"""Bytes of an answer that are read at most."""
SHOWN = 200
"""Characters of a server's complaint that are repeated."""


class OpenAIServer:
    """A `ChatModel` at an address such as `http://nas.local:8080/v1`.

    `name` is what the server calls the model; empty: the first that it lists. Seconds for
    `timeout`. Raises ModelError for what is no address.
    """

    def __init__(self, url: str, *, name: str = "", key: str = "", timeout: float = 10.0) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise ModelError(f"{url}: no address of a language model, like http://host:8080/v1")
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, port
        self._path = parts.path.rstrip("/")
        self._name, self._key, self._timeout = name, key, timeout

    def __str__(self) -> str:
        return f"{self._name or 'the model'} at {self.url}"

    async def chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> ChatAnswer:
        """See `hub.ports.ChatModel`. Raises EngineError."""
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.to_thread(self._chat, messages, tools)
        except TimeoutError:
            raise EngineError(f"{self.url} has not answered in {self._timeout:g} s") from None

    async def start(self) -> None:
        """Ask the server for its models. Raises EngineError if it cannot be used."""
        if not self._name:
            self._name = await asyncio.to_thread(self._first_model)
        else:
            await asyncio.to_thread(self._ask, "GET", "/models")

    async def close(self) -> None:
        """Nothing is kept open between two questions."""

    def _chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> ChatAnswer:
        if not self._name:
            self._name = self._first_model()
        body: dict[str, Any] = {
            "model": self._name,
            "messages": list(messages),
            "temperature": 0,
            "max_tokens": 200,
            "stream": False,
        }
        if tools:  # an empty list is refused by some
            body["tools"] = list(tools)
        answer = self._ask("POST", "/chat/completions", body)
        try:
            message = answer["choices"][0]["message"]
            calls = tuple(_call(call["function"]) for call in message.get("tool_calls") or ())
            return ChatAnswer(calls, str(message.get("content") or ""))
        except (LookupError, TypeError, AttributeError, ValueError):
            raise EngineError(f"{self.url} answered something that is no chat completion") from None

    def _first_model(self) -> str:
        try:
            return str(self._ask("GET", "/models")["data"][0]["id"])
        except (LookupError, TypeError):
            raise EngineError(
                f"{self.url} lists no model: name one in [model] name of the settings"
            ) from None

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request. Raises EngineError that says what the person can look after."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, self._path + path, data, headers)
            response = connection.getresponse()
            content = response.read(LARGEST)
        except TimeoutError:
            raise EngineError(f"{self.url} has not answered in {self._timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"{self.url} cannot be reached: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            said = " ".join(content.decode(errors="replace").split())[:SHOWN]
            raise EngineError(f"{self.url} refused ({response.status} {response.reason}): {said}")
        try:
            return json.loads(content)
        except ValueError:
            raise EngineError(f"{self.url} answered something that is not JSON") from None


def _call(function: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    given = function.get("arguments") or "{}"
    arguments = json.loads(given) if isinstance(given, str) else given
    return str(function["name"]), dict(arguments)
