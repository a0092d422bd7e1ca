"""The door of the running hub for other commands on the same machine."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub import control
from hub.control import SOCKET, ControlServer
from tests.conftest import Household

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def folder(house: Household, tmp_path: Path) -> AsyncIterator[Path]:
    server = ControlServer(tmp_path / "run", house.assistant)
    await server.start()
    yield tmp_path / "run"
    await server.close()


async def ask(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    answer = await control.ask(folder, request)
    assert answer is not None
    return answer


async def test_what_is_said_there_is_done(house: Household, folder: Path) -> None:
    turn = await ask(folder, {"say": "turn on the hallway light"})
    assert turn["outcomes"][0]["confirmed"]
    assert house["light.hallway"] == "on"


async def test_the_conversation_goes_on_between_commands(house: Household, folder: Path) -> None:
    await ask(folder, {"say": "unlock the front door"})
    await ask(folder, {"say": "yes"})
    assert house["lock.front_door"] == "unlocked"


async def test_half_an_emoji_is_in_no_name(house: Household, folder: Path) -> None:
    for words in (["Porch \ud83c"], ["Porch \udcff"]):
        edited = await ask(folder, {"edit": "rename", "device": "light.desk_lamp", "words": words})
        assert edited["device"]["name"] == "Porch ?"


async def test_a_watcher_sees_turns_and_changes(house: Household, folder: Path) -> None:
    answers = await control.requests(folder, {"watch": True})
    assert answers is not None
    first = asyncio.ensure_future(anext(answers))
    await ask(folder, {"devices": True})  # answered after the watcher was let in
    await ask(folder, {"say": "turn on the hallway light"})
    assert (await first)["change"]["entity_id"] == "light.hallway"
    assert "turn" in await anext(answers)


async def test_only_its_user_may_open_it(folder: Path) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder / SOCKET, folder)]
    assert modes == [0o600, 0o700]


async def test_without_a_hub_there_is_no_answer(tmp_path: Path) -> None:
    assert await control.ask(tmp_path, {"say": "hello"}) is None


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"[]\n",
        b"{}\n",
        b'{"say": 3}\n',
        b'{"say": "hi", "area": 5}\n',
        b'{"say": "hi", "area": "Attic"}\n',
        b"\xff\n",
    ],
)
async def test_nonsense_is_answered_with_what_is_known(folder: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(folder / SOCKET)
    writer.write(line)
    assert "error" in json.loads(await reader.readline())
    writer.close()
    assert await control.ask(folder, {"devices": True}) is not None


async def test_an_endless_line_costs_only_that_connection(folder: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(folder / SOCKET)
    writer.write(b"x" * 1_000_000)
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    assert await control.ask(folder, {"devices": True}) is not None
