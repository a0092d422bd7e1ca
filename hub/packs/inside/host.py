"""Hosts a `skill.py` in the sandbox: an MCP server whose tools are the functions of the skill.

Two event loops: the line to the hub has the main thread, so that the hub is answered whatever a
tool does; the tools have one thread with a loop of their own, and a plain function a thread of its
own. So a service may be asked from a plain function, too, and waits there for the hub's answer.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
import socket
import stat
import sys
import threading
import traceback
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from hub.errors import HearthError
from hub.packs import wire
from hub.packs.inside.line import Line
from hub.packs.inside.services import Services
from hub.packs.link import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    LONGEST,
    METHOD_NOT_FOUND,
    Link,
    RemoteError,
)
from hub.skill import Dropped, Settings, Tool, collect
from hub.skills.thread import in_thread

VERSIONS = ("2025-06-18", "2025-11-25", "2025-03-26", "2024-11-05")
"""Of MCP, the preferred one first."""
MODULE = "skill"
FILE = "skill.py"


def main() -> None:
    incoming, outgoing = _take_standard_streams()
    # What a skill may import beside hub.skill: its own files.
    sys.path.insert(0, str(Path.cwd()))
    asyncio.run(_serve(incoming, outgoing))
    os._exit(0)  # whatever threads a tool has left behind


async def _serve(incoming: int, outgoing: int) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await _line(loop, incoming, outgoing)
    host = Host()
    link = Link(reader, writer, handler=host.answer)
    host.line = Line(link, loop)
    await link.serve()


async def _line(
    loop: asyncio.AbstractEventLoop, incoming: int, outgoing: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    one, other = os.fstat(incoming), os.fstat(outgoing)
    if stat.S_ISSOCK(one.st_mode) and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino):
        # Not as two pipes: asyncio takes what can be read at a pipe's writing end for its end.
        os.close(outgoing)
        return await asyncio.open_unix_connection(
            sock=socket.socket(fileno=incoming), limit=LONGEST
        )
    reader = asyncio.StreamReader(limit=LONGEST)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(incoming, "rb", 0)
    )
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(outgoing, "wb", 0)
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


def _take_standard_streams() -> tuple[int, int]:
    """The line to the hub, as descriptors of our own: what a skill prints goes to the log."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return incoming, outgoing


class Host:
    """Answers the hub. The skill is loaded when its tools are first asked for."""

    def __init__(self) -> None:
        self.line: Line | None = None
        self._tools: dict[str, list[Tool]] = {}
        self._settings = Settings()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="tools", daemon=True).start()

    async def answer(self, method: str, params: dict[str, Any]) -> Any:
        match method:
            case "initialize":
                return self._initialize(params)
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [self._described(tools) for tools in self._loaded().values()]}
            case "tools/call":
                return await self._call(params)
        raise RemoteError(METHOD_NOT_FOUND, f"there is no {method}")

    def _initialize(self, params: Mapping[str, Any]) -> dict[str, Any]:
        own = params.get("capabilities", {}).get("experimental", {}).get("hearth", {})
        self._settings = Settings(own.get("settings"))
        if own.get("network") and self.line is not None:
            from hub.packs.inside.web import install

            install(self.line)
        wanted = params.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "hearth-skill", "version": "1.0"},
        }

    def _loaded(self) -> dict[str, list[Tool]]:
        if not self._tools:
            try:
                for tool in collect(_module(Path(FILE))):
                    self._tools.setdefault(tool.called, []).append(tool)
            except BaseException as error:
                _log(error)
                raise RemoteError(
                    INTERNAL_ERROR, f"{FILE} cannot be loaded: {error!r:.200}"
                ) from error
        return self._tools

    def _described(self, tools: list[Tool]) -> dict[str, Any]:
        first = tools[0]
        return {
            "name": first.called,
            "description": first.description,
            "inputSchema": first.parameters,
            "_meta": {"hearth": [wire.tool_out(tool) for tool in tools]},
        }

    async def _call(self, params: Mapping[str, Any]) -> dict[str, Any]:
        tools = self._loaded().get(str(params.get("name")))
        if tools is None:
            raise RemoteError(INVALID_PARAMS, "there is no such tool")
        own = params.get("_meta", {}).get("hearth", {})
        work = self._run(tools[0], params.get("arguments", {}), own)
        try:
            result = await asyncio.wrap_future(self._elsewhere(work))
        except Dropped:
            return _told({"kind": "dropped"})
        except HearthError as error:
            return _told({"kind": "error", "spoken": error.spoken, "error": str(error)}, True)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            _log(error)
            text = f"{type(error).__name__}: {error}"
            return _told({"kind": "raised", "error": f"{_place(error)}{text}"[:500]}, True)
        return _told(wire.result_out(result))

    def _elsewhere(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _run(self, tool: Tool, given: Mapping[str, Any], own: Mapping[str, Any]) -> Any:
        assert self.line is not None
        services = Services(self.line, own, self._settings)
        arguments = {
            **{name: services.of(service) for name, service in tool.services.items()},
            **tool.arguments(given),
        }
        if tool.targets:
            arguments[tool.targets] = wire.entities_in(
                own.get("targets", ()), own.get("said", True)
            )
        try:
            if inspect.iscoroutinefunction(tool.function):
                return await tool.function(**arguments)
            return await in_thread(lambda: tool.function(**arguments))
        except (StopIteration, SystemExit, KeyboardInterrupt) as error:  # no future can hold it
            raise RuntimeError(repr(error)) from error


def _module(path: Path) -> Any:
    """The skill as a package, so that it may have further files and import them."""
    spec = importlib.util.spec_from_file_location(
        MODULE, path.absolute(), submodule_search_locations=[str(path.absolute().parent)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module


def _told(result: Mapping[str, Any], error: bool = False) -> dict[str, Any]:
    """An answer to `tools/call`, readable for any client of MCP, too."""
    text = result.get("text") or result.get("question") or result.get("error") or ""
    return {
        "content": [{"type": "text", "text": text if isinstance(text, str) else ""}],
        "isError": error,
        "_meta": {"hearth": dict(result)},
    }


def _place(error: BaseException) -> str:
    """File and line of the skill at which an error arose."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(Path.cwd())
    ]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}: " if own else ""


def _log(error: BaseException) -> None:
    traceback.print_exception(error)
