"""Makes packs of a few lines, and runs them with and without walls."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import importlib.util
import json
import os
import sys
import textwrap
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest_asyncio

from hub.errors import HearthError
from hub.home.hands import Hands
from hub.home.model import Home
from hub.packs import description, sandbox, wire
from hub.packs.description import PackError
from hub.packs.process import PackProcess
from hub.packs.remote import Packs
from hub.packs.shelf import Installed
from hub.packs.tools import OWN
from hub.skill import Answer, Ask, Call, Dropped, Entities, Say, Where, collect
from tests.fakes import House

ROOT = Path(__file__).parents[2]

PYTHON = os.path.realpath(sys.executable)

PRELUDE = """
import ctypes, fcntl, json, mmap, os, resource, signal, socket, stat, struct, subprocess, sys
import threading, time
from hub.skill import *

libc = ctypes.CDLL(None, use_errno=True)


def system(name, *arguments):
    found = libc.syscall(CALLS[name], *arguments)
    if found < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return found


def line():
    '''The way to the hub: the one pipe that can be written to and is no log.'''
    for number in range(3, 60):
        try:
            kind = os.fstat(number).st_mode
            writes = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        except OSError:
            continue
        if stat.S_ISFIFO(kind) and writes:
            return number
    raise RuntimeError("there is no line")


def tell(message):
    '''Say something to the hub behind the host's back.'''
    content = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\\n"
    os.set_blocking(line(), True)
    while content:
        content = content[os.write(line(), content):]
"""

CALLS = (
    "add_key bpf capget capset io_uring_setup mount perf_event_open process_vm_readv ptrace shmctl "
    "shmget umount2 unshare userfaultfd"
).split()

TOOL = '''
@tool(phrases=["sin"]{more})
{prefix}def sin({services}hint: str = "{{}}") -> str:
    """Sin."""
    at = json.loads(hint)
{body}
    return "worked"
'''

UNWALLED = """
import os, sys
os.chdir({folder!r})
sys.path.append({root!r})
from hub.packs.inside.host import main
main()
"""


@dataclass(frozen=True)
class Permitted:
    """What a pack of the kit was granted, as it stands in pack.toml."""

    table: Mapping[str, Any] = field(default_factory=dict)
    risk: str = "R1"


def code(body: str, *, services: str = "", more: str = "") -> str:
    """A skill.py whose one tool has this body. With services it is a coroutine."""
    tool = TOOL.format(
        more=f", {more}" if more else "",
        prefix="async " if "await " in body or "async " in body else "",
        services=f"{services}, " if services else "",
        body=textwrap.indent(textwrap.dedent(body).strip(), "    "),
    )
    return f"{PRELUDE}\nCALLS = {system_calls()!r}\n{tool}"


@cache
def system_calls() -> dict[str, int]:
    """Numbers of system calls on this processor."""
    library = ctypes.CDLL("libseccomp.so.2")
    return {name: library.seccomp_syscall_resolve_name(name.encode()) for name in CALLS}


def write(
    place: Path,
    skill: str,
    permitted: Permitted = Permitted(),
    *,
    pack_id: str = "evil",
    tools: Sequence[str] = ("sin",),
) -> Path:
    """A pack in a folder of its own."""
    folder = place / pack_id
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f'id = "{pack_id}"',
        f'name = "{pack_id.capitalize()}"',
        'version = "1.0"',
        'sdk = ">=1,<2"',
        'licence = "CC0-1.0"',
        'description = "It sins."',
        f'risk = "{permitted.risk}"',
    ]
    for tool in tools:
        lines += [f"[tools.{tool}]", f'risk = "{permitted.risk}"']
    lines += ["[permissions]", *_toml(permitted.table)]
    (folder / "pack.toml").write_text("\n".join(lines))
    (folder / "skill.py").write_text(skill)
    return folder


def _toml(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


def rows(folder: Path) -> list[dict[str, Any]]:
    """What the host says of the tools of a pack: nothing in the packs of this kit sins before one
    is called."""
    spec = importlib.util.spec_from_file_location(f"kit_{folder.name}", folder / "skill.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        tools = collect(module)
    finally:
        del sys.modules[spec.name]
    found: dict[str, list[Any]] = {}
    for tool in tools:
        found.setdefault(tool.called, []).append(tool)
    made = [
        {
            "name": name,
            "description": several[0].description,
            "inputSchema": several[0].parameters,
            "_meta": {"hearth": [wire.tool_out(tool) for tool in several]},
        }
        for name, several in found.items()
    ]
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


class Shelf:
    """Packs as they lie there; what `hub.packs.shelf` does for whole packs, for one file."""

    def __init__(self, *folders: Path, tools: Any = None) -> None:
        self._installed = [self._made(folder, tools) for folder in folders]

    def _made(self, folder: Path, tools: Any) -> Installed:
        pack = description.read(folder)
        return Installed(
            pack=pack,
            folder=folder,
            digest=self._digest(folder),
            granted=pack.permissions,
            settings={name: s.default for name, s in pack.settings.items() if s.default},
            enabled=True,
            signed=False,
            key_id=None,
            tools=rows(folder) if tools is None else tools,
        )

    def _digest(self, folder: Path) -> str:
        return hashlib.sha256((folder / "skill.py").read_bytes()).hexdigest()

    def installed(self) -> list[Installed]:
        return self._installed

    def verify(self, installed: Installed) -> None:
        if self._digest(installed.folder) != installed.digest:
            raise PackError(f"{installed.pack.id}: skill.py was changed")


class Talk:
    """A conversation in which every question has an answer."""

    last_reply: str | None = None
    lacking: Call | None = None

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []
        self.told: list[Any] = []

    async def ask(self, question: Any, kind: Any = str) -> Any:
        self.asked.append(question)
        return self.answers.pop(0) if self.answers else "yes"

    async def say(self, text: Any) -> None:
        self.told.append(text)

    def forget(self) -> None:
        pass


SERVER = """
import json, os, sys
import shared

for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] == "initialize":
        result = {"protocolVersion": asked["params"]["protocolVersion"],
                  "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}
    elif asked["method"] == "tools/list":
        result = {"tools": [{"name": "sin", "description": "Tell.",
                             "inputSchema": {"type": "object", "properties": {}}}]}
    else:
        text = f"{os.environ.get('SETTING_TOWN')} {shared.WORD} {os.environ.get('HEARTH_X')}"
        result = {"content": [{"type": "text", "text": text}]}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


def of_a_server(
    place: Path, network: str = "", *, python: str = PYTHON, pack_id: str = "coin"
) -> tuple[Path, Shelf]:
    """A pack with a [run] command, a setting, and a library of its own."""
    granted = {"network": [network]} if network else {}
    folder = write(place, "", Permitted(granted), pack_id=pack_id)
    (folder / "server.py").write_text(SERVER)
    (folder / "lib").mkdir(exist_ok=True)
    (folder / "lib" / "shared.py").write_text("WORD = 'shared'")
    with (folder / "pack.toml").open("a") as file:
        file.write('\n[settings.town]\ntype = "string"\ndefault = "Bern $HOME"\n')
        file.write(f'[run]\ncommand = ["{python}", "server.py"]\n')
    schema = {"type": "object", "properties": {}}
    row = {"name": "sin", "description": "Tell.", "inputSchema": schema}
    return folder, Shelf(folder, tools=[row])


@dataclass(frozen=True)
class Ran:
    """What became of a call."""

    said: Any = None
    error: HearthError | None = None
    dropped: bool = False

    @property
    def worked(self) -> bool:
        return self.said == "worked"


async def call(
    packs: Packs,
    home: Home,
    pack: str = "evil",
    tool: str = "sin",
    *,
    talk: Talk | None = None,
    services: Mapping[str, Any] | None = None,
    targets: Entities | None = None,
    **arguments: Any,
) -> Ran:
    """Run a tool as the skillset does: with the services it asks for."""
    handler = next(h for h in packs.handlers() if h.skill == pack and h.tool.called == tool)
    known: dict[str, Any] = {
        "home": Hands(home, 0.3),
        "where": Where("Kitchen"),
        "conversation": talk or Talk(),
        **(services or {}),
    }
    given = {
        parameter: known[service]
        for parameter, service in handler.tool.services.items()
        if service in known
    }
    if targets is not None:
        given[f"{OWN}targets"] = targets
    try:
        said: str | Say | Ask | Answer | None = await handler.tool.function(**given, **arguments)
    except HearthError as error:
        return Ran(error=error)
    except Dropped:
        return Ran(dropped=True)
    return Ran(said)


@pytest_asyncio.fixture(name="house")
async def simple_house() -> AsyncIterator[House]:
    """The built-in home, for packs to see and act on."""
    async with House() as house:
        yield house


def without_walls(monkeypatch: Any, place: str) -> None:
    """From now on the packs in a folder of this name are started as plain processes, with all that
    the hub itself may do, its environment and its open files."""
    walled, spawned = sandbox.bubblewrap, asyncio.create_subprocess_exec
    watched = PackProcess._memory

    def start(folder: Path, *rest: Any) -> sandbox.Start:
        if place not in folder.parts:
            return walled(folder, *rest)
        script = UNWALLED.format(folder=str(folder), root=str(ROOT))
        return sandbox.Start((sys.executable, "-I", "-S", "-c", script))

    async def spawn(*command: Any, **options: Any) -> Any:
        if command[0] == sys.executable:
            options |= {"env": dict(os.environ), "close_fds": False}
        return await spawned(*command, **options)

    def memory(process: PackProcess) -> int:
        return 0 if place in process.installed.folder.parts else watched(process)

    monkeypatch.setattr(sandbox, "bubblewrap", start)
    monkeypatch.setattr(PackProcess, "_memory", memory)
    monkeypatch.setattr("hub.packs.process.asyncio.create_subprocess_exec", spawn)
