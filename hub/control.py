"""The door of the running hub for commands on the same machine: a Unix socket, one JSON a line.

    {"say": TEXT, "area": ROOM|null, "language": CODE|null}   -> one turn, as `hearth say --json`
    {"watch": true}                                           -> {"turn": ...} and {"change": ...}
                                                                 as they happen
    {"devices": true}                                         -> the home, with all states
    {"edit": "rename", "device": ID|NAME, "words": [TEXT]}     -> the device as it is now
    {"mcp": {"do": ...}}                                       -> see hub/bridges/mcp_door.py
    {"health": true}                                          -> device sources, and what is wrong
    {"packs": true}                                           -> use the packs on the shelf as they
                                                                 are now; those that cannot be
    {"privacy": {"erase": ID, "person": NAME|null}}           -> the hub puts itself away, erases
                                                                 files and comes back; {"done": ID}
                                                                 then tells what was erased

Only the user who runs the hub can open it (mode 0600 in a folder of mode 0700).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.errors import ConfigError, HearthError, reason
from hub.home.edit import edit
from hub.home.wire import row, to_json
from hub.messages import StateChange, Trace
from hub.pipeline import Assistant

if TYPE_CHECKING:
    from hub.bridges.mcp_door import HomeDoor

SOCKET = "hearth.sock"
LONGEST_LINE = 64 * 1024
"""Bytes of a request, at most."""
BEHIND = 1000
"""Events kept for a watcher that does not read; further ones are lost to it."""


class ControlServer:
    """Answers on the socket while the hub runs."""

    def __init__(
        self,
        folder: Path,
        assistant: Assistant,
        take_packs: Callable[[], Awaitable[Sequence[str]]] | None = None,
        *,
        doors: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]] | None = None,
    ) -> None:
        """`doors`: what answers further requests, `{name: {…}}`, by the name."""
        self._path = folder / SOCKET
        self._assistant = assistant
        self._take_packs = take_packs
        self._doors = dict(doors or {})
        self._server: asyncio.Server | None = None
        self._door: HomeDoor | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the door. Raises ConfigError where there can be none."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            await self._listen()
        except OSError as error:
            raise ConfigError(
                f"{self._path}: 'hearth say' cannot reach the hub there: {reason(error)}; "
                "name another folder in [hub] runtime"
            ) from error

    async def _listen(self) -> None:
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._client, self._path, limit=LONGEST_LINE
            )
        finally:
            os.umask(mask)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for client in tuple(self._clients):
            client.cancel()
            with suppress(asyncio.CancelledError):
                await client
        self._path.unlink(missing_ok=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            while line := await reader.readline():
                async for answer in self._answers(line, reader):
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
        except (ConnectionError, ValueError):
            pass  # gone, or a line longer than LONGEST_LINE
        except asyncio.CancelledError:
            pass  # the door is closed; asyncio would complain of a client that was cancelled
        finally:
            self._clients.discard(task)
            writer.close()

    async def _answers(
        self, line: bytes, reader: asyncio.StreamReader
    ) -> AsyncIterator[dict[str, Any]]:
        try:
            request = unbroken(json.loads(line))
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            yield {"error": 'a request is one line of JSON, such as {"say": "good night"}'}
        elif isinstance(request.get("say"), str):
            yield await self._said(request)
        elif request.get("watch"):
            async for event in self._events(reader):
                yield event
        elif request.get("devices"):
            yield {"home": to_json(self._assistant.home)}
        elif isinstance(request.get("edit"), str):
            yield await self._edited(request)
        elif isinstance(request.get("mcp"), dict):
            yield await self._for_a_program(request["mcp"])
        elif request.get("health"):
            yield {"sources": self._sources()}
        elif request.get("packs") and self._take_packs is not None:
            yield {"problems": list(await self._take_packs())}
        elif name := next(
            (name for name in self._doors if isinstance(request.get(name), dict)), ""
        ):
            yield await self._doors[name](request[name])
        else:
            yield {"error": "known requests are say, watch, devices, edit, mcp, health and packs"}

    async def _said(self, request: dict[str, Any]) -> dict[str, Any]:
        area, language = request.get("area"), request.get("language")
        if not all(given is None or isinstance(given, str) for given in (area, language)):
            return {"error": "'area' and 'language' are text or null"}
        if language is not None and language not in self._assistant.languages:
            known = ", ".join(self._assistant.languages)
            return {"error": f"'{language}' is none of the languages of this hub: {known}"}
        try:
            trace = await self._assistant.say(request["say"], area=area, language=language)
        except HearthError as error:
            return {"error": str(error)}
        self._assistant.finished(trace)
        return trace.to_json()

    async def _edited(self, request: dict[str, Any]) -> dict[str, Any]:
        device, words = request.get("device"), request.get("words", [])
        texts = isinstance(words, list) and all(isinstance(word, str) for word in words)
        if not isinstance(device, str) or not texts:
            return {"error": "'device' is text, and 'words' a list of texts"}
        home = self._assistant.home
        try:
            changed = row(home, edit(home, device, request["edit"], words))
            await home.kept()
            return {"device": changed}
        except HearthError as error:
            return {"error": str(error)}

    async def _for_a_program(self, request: dict[str, Any]) -> dict[str, Any]:
        """A request of `hearth mcp`; its library is loaded only where it is used."""
        from hub.bridges.mcp_door import HomeDoor, answer

        if self._door is None:
            self._door = HomeDoor(self._assistant)
        return await answer(self._door, request)

    def _sources(self) -> dict[str, Any]:
        return {
            name: trouble and {"reason": trouble.reason, "seconds": round(trouble.seconds)}
            for name, trouble in self._assistant.home.troubles.items()
        }

    async def _events(self, reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(BEHIND)

        def on_turn(trace: Trace) -> None:
            with suppress(asyncio.QueueFull):
                queue.put_nowait({"turn": trace.to_json()})

        def on_change(change: StateChange) -> None:
            with suppress(asyncio.QueueFull):
                queue.put_nowait(
                    {
                        "change": {
                            "entity_id": change.entity_id,
                            "before": change.before,
                            "state": change.state,
                            "attributes": dict(change.attributes),
                        }
                    }
                )

        gone = asyncio.create_task(reader.read(), name="control-watcher-gone")
        ends = (self._assistant.watch(on_turn), self._assistant.home.watch(on_change))
        try:
            while not gone.done():
                event = asyncio.create_task(queue.get(), name="control-next-event")
                await asyncio.wait({event, gone}, return_when=asyncio.FIRST_COMPLETED)
                if event.done():
                    yield event.result()
                else:
                    event.cancel()
        finally:
            gone.cancel()
            for end in ends:
                end()


async def requests(folder: Path, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]] | None:
    """Send a request to the running hub; its answers, or None if no hub is running.

    Raises HearthError for one that is longer than the hub takes."""
    try:
        reader, writer = await asyncio.open_unix_connection(folder / SOCKET, limit=2**24)
    except (OSError, ValueError):
        return None

    async def answers() -> AsyncIterator[dict[str, Any]]:
        try:
            while line := await reader.readline():
                yield _answer(line, folder)
        except ConnectionError:
            return  # the hub has ended
        finally:
            writer.close()

    line = json.dumps(request).encode() + b"\n"
    if len(line) > LONGEST_LINE:
        writer.close()
        raise HearthError(f"this is too long for one request, which has {LONGEST_LINE >> 10} KiB")
    with suppress(ConnectionError):
        writer.write(line)
        await writer.drain()
    return answers()


def _answer(line: bytes, folder: Path) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise HearthError(f"{folder / SOCKET}: what answers there is no hub; remove it")
    return answer


def unbroken(content: Any) -> Any:
    """JSON with a question mark for each half of a pair of surrogates, which is left of an emoji
    that was cut: no file takes one."""
    return json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


async def ask(folder: Path, request: dict[str, Any]) -> dict[str, Any] | None:
    """The first answer of the running hub; None if no hub is running."""
    answers = await requests(folder, request)
    return await anext(answers, None) if answers is not None else None
