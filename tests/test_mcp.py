"""The home for MCP clients: a real client on the other side, over standard input and over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import mcp_types as types
import pytest
import pytest_asyncio
from mcp import Client, ClientSession, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from hub.bridges import mcp_http
from hub.bridges.mcp import HOME_URI, Policy, server
from hub.bridges.mcp_door import CONFIRM_SECONDS, Done, Door, HomeDoor, answer
from hub.bridges.mcp_http import Address, serve_http, token_of
from hub.bridges.mcp_link import SocketDoor, open_door
from hub.control import ControlServer
from hub.errors import ConfigError, HearthError
from hub.home.edit import edit
from tests.conftest import Household

pytestmark = pytest.mark.asyncio(loop_scope="module")
on_its_own = pytest.mark.slow
"""Starts the command as a process."""

TOKEN = "a-token-of-the-tests-that-is-long-enough"
MODES = ("legacy", pytest.param("auto", marks=pytest.mark.slow))
"""Clients of the handshake, and those of 2026-07-28, which have no session."""

Answering = Callable[[str], types.ElicitResult]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(house: Household, clock: Clock) -> HomeDoor:
    return HomeDoor(house.assistant, clock)


class Behind:
    """A door behind which each test puts a home of its own: the server is started only once."""

    real: Door

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[tuple[str, Behind]]:
    behind = Behind()
    async with serve_http(cast(Door, behind), Address("127.0.0.1", 0), TOKEN) as url:
        yield url, behind


@pytest.fixture
def url(served: tuple[str, Behind], door: HomeDoor) -> str:
    url, behind = served
    behind.real = door
    return url


@asynccontextmanager
async def connected(
    url: str, mode: str = "legacy", person: Answering | None = None, token: str = TOKEN
) -> AsyncIterator[Client]:
    """A client over HTTP. `person` answers the questions that the client is given for them."""
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as http,
        Client(
            streamable_http_client(url, http_client=http),
            mode=mode,
            elicitation_callback=_asking(person) if person else None,
        ) as client,
    ):
        yield client


def _asking(person: Answering) -> Any:
    async def ask(context: Any, params: Any) -> types.ElicitResult:
        return person(params.message)

    return ask


def says(yes: bool, heard: list[str] | None = None) -> Answering:
    def answered(question: str) -> types.ElicitResult:
        if heard is not None:
            heard.append(question)
        return types.ElicitResult(action="accept", content={"yes": yes})

    return answered


def told(result: types.CallToolResult) -> dict[str, Any]:
    """What a program reads of a result."""
    found: dict[str, Any] = result.structured_content
    return found


def text(result: types.CallToolResult) -> str:
    """What a language model reads of it."""
    return "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))


# --- what is offered -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_the_tools_of_the_skills_are_offered_in_names_that_all_models_take(
    url: str, mode: str
) -> None:
    async with connected(url, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {"HassTurnOn", "HassLightSet", "HassGetState", "get_home", "say", "confirm"} <= set(
        tools
    )
    assert all(name.replace("_", "").replace("-", "").isalnum() for name in tools)
    slots = tools["HassTurnOn"].input_schema["properties"]
    assert {"name", "area", "floor", "domain", "device_class"} <= set(slots)
    assert {"light", "cover"} <= set(slots["domain"]["items"]["enum"])
    reads = {
        name for name, tool in tools.items() if (hints := tool.annotations) and hints.read_only_hint
    }
    assert {"get_home", "HassGetState"} <= reads
    assert not {"HassTurnOn", "say", "confirm"} & reads


async def test_schemas_are_such_as_home_assistant_can_read(url: str) -> None:
    """Each argument has a type, and nothing but what JSON schema knows."""
    async with connected(url) as client:
        tools = (await client.list_tools()).tools
    known = {"type", "enum", "minimum", "maximum", "description", "items"}
    for tool in tools:
        for name, schema in tool.input_schema["properties"].items():
            assert "type" in schema and set(schema) <= known, (tool.name, name)


@pytest.mark.parametrize("mode", MODES)
async def test_the_home_is_listed_with_its_states(house: Household, url: str, mode: str) -> None:
    await house.say("turn on the hallway light")
    async with connected(url, mode) as client:
        home = told(await client.call_tool("get_home", {}))
        kitchen = told(await client.call_tool("get_home", {"area": "Kitchen", "domain": "light"}))
        read = await client.read_resource(HOME_URI)
    devices = {device["entity_id"]: device for device in home["devices"]}
    assert devices["light.hallway"]["state"] == "on"
    assert devices["lock.front_door"]["area"] == "Hallway"
    assert {"name": "Kitchen", "floor": "Ground Floor"} in home["areas"]
    assert {device["entity_id"] for device in kitchen["devices"]} == {
        "light.kitchen_ceiling",
        "light.kitchen_counter",
    }
    assert json.loads(read.contents[0].text) == home  # type: ignore[union-attr]


# --- what is done --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_a_light_is_turned_on_and_what_it_reports_is_told(
    house: Household, url: str, mode: str
) -> None:
    async with connected(url, mode) as client:
        result = await client.call_tool("HassTurnOn", {"name": "Hallway Light"})
    assert house["light.hallway"] == "on"
    assert not result.is_error
    assert text(result) == "Turned on the Hallway Light."
    [outcome] = told(result)["outcomes"]
    assert outcome == {
        "entity_id": "light.hallway",
        "name": "Hallway Light",
        "state": "on",
        "confirmed": True,
        "changed": True,
        "error": None,
    }


async def test_numbers_may_come_as_text_and_devices_by_their_id(house: Household, url: str) -> None:
    async with connected(url) as client:
        arguments = {"name": "light.kitchen_ceiling", "brightness": "40 %"}
        result = await client.call_tool("HassLightSet", arguments)
    assert not result.is_error
    assert house.home.state("light.kitchen_ceiling").attributes["brightness"] == 102


async def test_a_device_that_does_not_answer_is_an_error_in_plain_words(
    house: Household, url: str
) -> None:
    house.devices.fault("light.hallway", ignores=True)
    async with connected(url) as client:
        result = await client.call_tool("HassTurnOn", {"name": "Hallway Light"})
    assert result.is_error
    assert "did not answer" in text(result)
    assert not told(result)["outcomes"][0]["confirmed"]


@pytest.mark.parametrize(
    ("tool", "arguments", "argument", "named"),
    [
        ("HassTurnOn", {"area": "Attic"}, "area", "Living Room"),
        ("HassTurnOn", {"floor": "Moon"}, "floor", "Upstairs"),
        ("HassTurnOn", {"colour": "red"}, "colour", "device_class"),
        ("HassTurnOn", {"name": ["a", "b"]}, "name", "text"),
        ("HassTurnOn", {"name": {"$ne": 1}}, "name", "text"),
        ("HassTurnOn", {"domain": ["camera"]}, "domain", "light"),
        ("HassTurnOn", {"name": "Hallway Lite"}, "name", "light.hallway"),
        ("HassLightSet", {"name": "Hallway Light", "brightness": 400}, "brightness", "100"),
        ("HassLightSet", {"name": "Hallway Light", "brightness": "dark"}, "brightness", "number"),
        ("HassClimateSetTemperature", {"name": "thermostat"}, "temperature", "missing"),
        ("climate_set_mode", {"mode": "boil"}, "mode", "fan_only"),
    ],
)
async def test_a_wrong_argument_is_named_with_what_it_can_be(
    url: str, tool: str, arguments: dict[str, Any], argument: str, named: str
) -> None:
    async with connected(url) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert told(result)["argument"] == argument
    assert named in text(result) or named in told(result)["allowed"]
    assert "Traceback" not in text(result)


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("say", {}, "'text' is missing"),
        ("say", {"text": 5}, "'text' is text"),
        ("say", {"text": "x" * 2000}, "at most 1000 characters"),
        ("say", {"text": "hello", "language": "xx"}, "none of the languages"),
        ("say", {"text": "hello", "area": "Attic"}, "its rooms are"),
        ("say", {"text": "hello", "room": "Attic"}, "no argument 'room'"),
        ("get_home", {"area": "Attic"}, "its rooms are"),
        ("confirm", {"confirmation": "x"}, "'yes' is true or false"),
        ("confirm", {"confirmation": "x", "yes": True}, "No question of this session"),
        ("say", {"text": "hello", "conversation": 5}, "'conversation'"),
    ],
)
async def test_so_is_one_of_the_servers_own_tools(
    url: str, tool: str, arguments: dict[str, Any], named: str
) -> None:
    async with connected(url) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert named in text(result)


async def test_a_tool_that_there_is_not_is_an_error_of_the_protocol(url: str) -> None:
    async with connected(url) as client:
        with pytest.raises(MCPError, match="Unknown tool: format_disk"):
            await client.call_tool("format_disk", {})


async def test_a_hidden_device_does_not_exist(house: Household, url: str) -> None:
    edit(house.home, "light.hallway", "hide", [])
    try:
        async with connected(url) as client:
            result = await client.call_tool("HassTurnOn", {"name": "light.hallway"})
            home = told(await client.call_tool("get_home", {}))
    finally:
        edit(house.home, "light.hallway", "reset", [])
    assert result.is_error
    assert "nothing called" in text(result)
    assert "light.hallway" not in json.dumps(home)
    assert house["light.hallway"] == "off"


# --- what a person is asked about ----------------------------------------------------------------


async def test_what_is_barred_is_neither_done_nor_asked_about(house: Household, url: str) -> None:
    edit(house.home, "lock.front_door", "deny", [])
    try:
        async with connected(url) as client:
            result = await client.call_tool("HassTurnOff", {"name": "Front Door"})
            home = told(await client.call_tool("get_home", {"domain": "lock"}))
    finally:
        edit(house.home, "lock.front_door", "reset", [])
    assert result.is_error
    assert "confirmation" not in told(result)
    assert "needs an explicit yes" in told(result)["outcomes"][0]["error"]
    assert home["devices"][0]["barred"]
    assert house["lock.front_door"] == "locked"


@pytest.mark.parametrize("mode", MODES)
async def test_the_person_is_asked_where_the_client_can_do_that(
    house: Household, url: str, mode: str
) -> None:
    heard: list[str] = []
    async with connected(url, mode, says(True, heard)) as client:
        result = await client.call_tool("HassTurnOff", {"name": "Front Door"})
    assert heard == ["Unlock the Front Door?"]
    assert house["lock.front_door"] == "unlocked"
    assert text(result) == "Unlocked the Front Door."
    assert "confirmation" not in told(result)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "given",
    [
        types.ElicitResult(action="decline"),
        types.ElicitResult(action="cancel"),
        types.ElicitResult(action="accept", content={"yes": False}),
        types.ElicitResult(action="accept", content={}),
    ],
    ids=["declined", "closed", "no", "empty"],
)
async def test_without_their_yes_nothing_is_done(
    house: Household, url: str, mode: str, given: types.ElicitResult
) -> None:
    async with connected(url, mode, lambda question: given) as client:
        await client.call_tool("HassTurnOff", {"name": "Front Door"})
        await client.call_tool("say", {"text": "unlock the front door"})
    assert house["lock.front_door"] == "locked"


@pytest.mark.parametrize("mode", MODES)
async def test_a_model_whose_person_can_be_asked_cannot_confirm_by_itself(
    house: Household, url: str, mode: str
) -> None:
    async with connected(url, mode, says(False)) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        await client.call_tool("HassTurnOff", {"name": "Front Door"})
        confirmed = await client.call_tool("confirm", {"confirmation": "x", "yes": True})
        said = await client.call_tool("say", {"text": "yes"})
    assert "confirm" not in names
    assert confirmed.is_error and "Only the person may confirm" in text(confirmed)
    assert said.is_error
    assert house["lock.front_door"] == "locked"


async def test_a_client_that_cannot_ask_gets_the_question_and_can_answer_once(
    house: Household, url: str
) -> None:
    async with connected(url) as client:
        asked = await client.call_tool("HassTurnOff", {"name": "Front Door"})
        assert house["lock.front_door"] == "locked"
        assert "Confirmation needed" in text(asked)
        assert told(asked)["confirmation_needed"] == "Unlock the Front Door?"
        yes = {"confirmation": told(asked)["confirmation"], "yes": True}
        assert yes["confirmation"] in text(asked)
        done = await client.call_tool("confirm", yes)
        assert text(done) == "Unlocked the Front Door."
        assert house["lock.front_door"] == "unlocked"
        await house.say("lock the front door")
        again = await client.call_tool("confirm", yes)
    assert again.is_error
    assert house["lock.front_door"] == "locked"


async def test_a_no_is_the_end_of_a_question(house: Household, url: str) -> None:
    async with connected(url) as client:
        asked = told(await client.call_tool("HassTurnOff", {"name": "Front Door"}))
        for yes in (False, True):
            arguments = {"confirmation": asked["confirmation"], "yes": yes}
            result = await client.call_tool("confirm", arguments)
    assert result.is_error
    assert house["lock.front_door"] == "locked"


async def test_after_a_minute_it_is_too_late(house: Household, url: str, clock: Clock) -> None:
    async with connected(url) as client:
        asked = told(await client.call_tool("HassTurnOff", {"name": "Front Door"}))
        clock.now += CONFIRM_SECONDS + 1
        arguments = {"confirmation": asked["confirmation"], "yes": True}
        result = await client.call_tool("confirm", arguments)
    assert result.is_error
    assert house["lock.front_door"] == "locked"


async def test_another_client_cannot_answer_it(house: Household, url: str) -> None:
    async with connected(url) as one, connected(url) as other:
        asked = told(await one.call_tool("HassTurnOff", {"name": "Front Door"}))
        arguments = {"confirmation": asked["confirmation"], "yes": True}
        result = await other.call_tool("confirm", arguments)
    assert result.is_error
    assert house["lock.front_door"] == "locked"


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_that_connects_anew_for_every_call_names_the_conversation(
    house: Household, url: str, mode: str
) -> None:
    """As Home Assistant's integration does."""
    async with connected(url, mode) as client:
        asked = told(await client.call_tool("HassTurnOff", {"name": "Front Door"}))
    handles = {key: asked[key] for key in ("confirmation", "conversation")}
    async with connected(url, mode) as client:
        await client.call_tool("confirm", {**handles, "yes": True})
    assert house["lock.front_door"] == "unlocked"


async def test_a_sentence_that_says_yes_opens_nothing(house: Household, url: str) -> None:
    async with connected(url) as client:
        asked = await client.call_tool("say", {"text": "unlock the front door"})
        said = await client.call_tool("say", {"text": "yes"})
        assert house["lock.front_door"] == "locked"
        arguments = {"confirmation": told(asked)["confirmation"], "yes": True}
        done = await client.call_tool("confirm", arguments)
    assert said.is_error
    assert text(done) == "Unlocked the Front Door."
    assert house["lock.front_door"] == "unlocked"


@pytest.mark.parametrize("mode", MODES)
async def test_each_of_two_questions_is_asked(house: Household, url: str, mode: str) -> None:
    heard: list[str] = []
    async with connected(url, mode, says(True, heard)) as client:
        sentence = "unlock the front door and open the garage door"
        result = await client.call_tool("say", {"text": sentence})
    assert heard == ["Unlock the Front Door?", "Open the Garage Door?"]
    assert house["lock.front_door"] == "unlocked"
    assert house["cover.garage_door"] in ("open", "opening")
    assert not result.is_error


async def test_where_only_people_are_believed_a_model_has_nothing_to_confirm_with(
    house: Household, door: HomeDoor
) -> None:
    async with Client(server(door, Policy(only_people=True)), mode="legacy") as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        result = await client.call_tool("HassTurnOff", {"name": "Front Door"})
    assert "confirm" not in names
    assert "confirmation" not in told(result)
    assert "Only a person may give it" in text(result)
    assert house["lock.front_door"] == "locked"


async def test_a_timer_unlocks_nothing_later(house: Household, url: str) -> None:
    arguments = {"seconds": 1, "conversation_command": "unlock the front door"}
    async with connected(url) as client:
        await client.call_tool("HassStartTimer", arguments)
        await client.call_tool("say", {"text": "unlock the front door in one second"})
    await asyncio.sleep(0)
    assert house["lock.front_door"] == "locked"


# --- a conversation ------------------------------------------------------------------------------


async def test_a_conversation_goes_on_and_is_the_clients_own(house: Household, url: str) -> None:
    async with connected(url) as one, connected(url) as other:
        await one.call_tool("say", {"text": "turn on the hallway light"})
        await other.call_tool("say", {"text": "turn on the coffee maker"})
        result = await one.call_tool("say", {"text": "turn it off again"})
    assert not result.is_error
    assert (house["light.hallway"], house["switch.coffee_maker"]) == ("off", "on")


async def test_without_a_session_the_conversation_is_named(house: Household, url: str) -> None:
    async with connected(url, "auto") as client:
        first = await client.call_tool("say", {"text": "turn on the hallway light"})
        lost = await client.call_tool("say", {"text": "turn it off again"})
        named = {"conversation": told(first)["conversation"]}
        found = await client.call_tool("say", {"text": "turn it off again", **named})
    assert lost.is_error
    assert not found.is_error
    assert house["light.hallway"] == "off"


async def test_a_question_with_choices_is_answered_in_the_next_sentence(
    house: Household, url: str
) -> None:
    async with connected(url) as client:
        asked = await client.call_tool("say", {"text": "what is the temperature of the light"})
        light = await client.call_tool("say", {"text": "turn on the hallway light"})
    assert "confirmation" not in told(asked)
    assert not light.is_error


class Watched(HomeDoor):
    """Tells when a sentence has come in, and when it is done."""

    def __init__(self, house: Household) -> None:
        super().__init__(house.assistant)
        self.begun, self.done = asyncio.Event(), asyncio.Event()

    async def say(self, *arguments: Any) -> Done:
        self.begun.set()
        done = await super().say(*arguments)
        self.done.set()
        return done


async def test_what_has_begun_is_done_even_if_the_client_has_left(house: Household) -> None:
    house.devices.fault("light.hallway", delay=0.2)
    door = Watched(house)
    sentence = {"text": "turn on the hallway light and turn on the coffee maker"}
    async with Client(server(door), mode="legacy") as client:
        call = asyncio.create_task(client.call_tool("say", sentence))
        await door.begun.wait()
        call.cancel()
        async with asyncio.timeout(10):
            await door.done.wait()
    assert (house["light.hallway"], house["switch.coffee_maker"]) == ("on", "on")


async def test_two_clients_at_once_are_both_served(house: Household, url: str) -> None:
    async with connected(url) as one, connected(url, "auto") as other:
        results = await asyncio.gather(
            one.call_tool("HassTurnOn", {"area": "Kitchen", "domain": ["light"]}),
            other.call_tool("HassTurnOn", {"name": "Hallway Light"}),
            one.call_tool("say", {"text": "turn on the coffee maker"}),
        )
    assert not any(result.is_error for result in results)
    on = ("light.kitchen_ceiling", "light.hallway", "switch.coffee_maker")
    assert [house[entity_id] for entity_id in on] == ["on"] * 3


# --- over HTTP -----------------------------------------------------------------------------------

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


async def status(url: str, content: bytes | None = None, **headers: str | None) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {**ACCEPT, "authorization": f"Bearer {TOKEN}", **named}
    async with httpx2.AsyncClient() as http:
        answer = await http.post(
            url,
            content=json.dumps(HELLO).encode() if content is None else content,
            headers={name: value for name, value in sent.items() if value is not None},
        )
    assert b"Traceback" not in answer.content
    return answer.status_code


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"hearth:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (basic(TOKEN), 200),
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (TOKEN, 401),
        (basic("wrong"), 401),
        ("Basic ???", 401),
    ],
)
async def test_only_the_token_lets_in(url: str, authorization: str | None, code: int) -> None:
    assert await status(url, authorization=authorization) == code


async def test_home_assistants_client_has_the_token_in_the_address(
    house: Household, url: str
) -> None:
    """Its integration is given an address and nothing else, and connects anew for every call."""
    address = url.replace("http://", f"http://hearth:{TOKEN}@")

    async def called(tool: str, arguments: dict[str, Any]) -> types.CallToolResult:
        async with (
            httpx2.AsyncClient(follow_redirects=True) as http,
            streamable_http_client(address, http_client=http) as (read, write),
            ClientSession(read, write) as session,
        ):
            started = await session.initialize()
            assert started.capabilities.tools and started.server_info.name == "hearth"
            result = await session.call_tool(tool, arguments)
            assert isinstance(result, types.CallToolResult)
            return result

    await called("HassTurnOn", {"name": "Hallway Light"})
    asked = told(await called("say", {"text": "unlock the front door"}))
    handles = {key: asked[key] for key in ("confirmation", "conversation")}
    await called("confirm", {**handles, "yes": True})
    assert house["light.hallway"] == "on"
    assert house["lock.front_door"] == "unlocked"


async def test_who_tries_tokens_is_told_to_wait_and_the_right_one_is_let_in(
    door: HomeDoor,
) -> None:
    async with serve_http(door, Address("127.0.0.1", 0), TOKEN) as url:
        codes = [await status(url, authorization="Bearer wrong") for _ in range(12)]
        assert codes == [401] * mcp_http.WRONG_TOKENS + [429] * 2
        assert await status(url) == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:8765"}, 421),
        ({"host": "localhost:8765"}, 200),
        ({"host": "192.168.1.7:8765"}, 200),
        ({"host": ""}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1.evil.example"}, 403),
        ({"origin": "http://127.0.0.1:6274"}, 200),
    ],
)
async def test_pages_of_other_places_are_sent_away(
    url: str, headers: dict[str, str], code: int
) -> None:
    assert await status(url, None, **headers) == code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'"hello"',
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "1.0", "id": 1, "method": "tools/list"}',
        b'{"jsonrpc": "2.0", "id": {}, "method": 5}',
        b"[" * 20_000,
    ],
)
@pytest.mark.parametrize("version", [None, "2026-07-28", "nonsense"])
async def test_what_is_no_message_is_refused_and_the_next_one_answered(
    url: str, content: bytes, version: str | None
) -> None:
    assert await status(url, content, mcp_protocol_version=version) in (400, 406, 422)
    assert await status(url) == 200


async def test_a_huge_message_is_refused(url: str) -> None:
    assert await status(url, b" " * (mcp_http.LARGEST_REQUEST + 1)) == 413


async def test_other_pages_there_are_none(url: str) -> None:
    assert await status(url.replace("/mcp", "/")) == 404


async def test_the_token_is_made_once_and_is_for_its_user_alone(tmp_path: Path) -> None:
    token = token_of(tmp_path / "data")
    assert len(token) >= 40
    assert token_of(tmp_path / "data") == token
    assert stat.S_IMODE((tmp_path / "data" / mcp_http.TOKEN_FILE).stat().st_mode) == 0o600


async def test_a_token_that_others_could_read_is_none(tmp_path: Path) -> None:
    token_of(tmp_path)
    (tmp_path / mcp_http.TOKEN_FILE).chmod(0o644)
    with pytest.raises(ConfigError, match="others may have read it"):
        token_of(tmp_path)


async def test_without_a_token_it_listens_on_this_machine_only(door: HomeDoor) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.7"):
        with pytest.raises(ConfigError, match="nothing but the token keeps them out"):
            async with serve_http(door, Address(host, 0), None):
                pass
    async with serve_http(door, Address("127.0.0.1", 0), None) as url:
        assert await status(url, authorization=None) == 200


async def test_a_port_that_is_taken_is_said(door: HomeDoor, url: str) -> None:
    port = int(url.rsplit(":", 1)[1].removesuffix("/mcp"))
    with pytest.raises(ConfigError, match=f"127.0.0.1:{port}"):
        async with serve_http(door, Address("127.0.0.1", port), TOKEN):
            pass


@pytest.mark.parametrize("text", ["", "8765", "127.0.0.1", "127.0.0.1:x", "a@b:1", "h:1/x"])
async def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no address to listen at"):
        Address.of(text)


# --- through the running hub ---------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def running(house: Household, tmp_path: Path) -> AsyncIterator[SocketDoor]:
    control = ControlServer(tmp_path / "run", house.assistant)
    await control.start()
    yield SocketDoor(tmp_path / "run")
    await control.close()


async def test_the_running_hub_is_asked(house: Household, running: SocketDoor) -> None:
    async with Client(server(running, session="one"), mode="legacy") as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        await client.call_tool("HassTurnOn", {"name": "Hallway Light"})
        home = told(await client.call_tool("get_home", {"area": "Hallway"}))
        asked = told(await client.call_tool("say", {"text": "unlock the front door"}))
        arguments = {"confirmation": asked["confirmation"], "yes": True}
        done = await client.call_tool("confirm", arguments)
    assert "HassLightSet" in names
    assert {d["entity_id"]: d["state"] for d in home["devices"]}["light.hallway"] == "on"
    assert text(done) == "Unlocked the Front Door."
    assert house["lock.front_door"] == "unlocked"


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"do": "reboot"},
        {"do": "say", "session": 5, "text": "hello"},
        {"do": "say", "session": "", "text": "hello"},
        {"do": "say", "session": "x" * 100, "text": "hello"},
        {"do": "say", "session": "a", "text": "hello", "area": 5},
        {"do": "call", "session": "a", "tool": "HassTurnOn", "arguments": []},
        {"do": "call", "session": "a", "tool": "format_disk", "arguments": {}},
        {"do": "home", "area": "Attic"},
    ],
)
async def test_nonsense_on_the_socket_is_answered_with_the_reason(
    door: HomeDoor, request_: dict[str, Any]
) -> None:
    assert set(await answer(door, request_)) == {"error"}


async def test_a_hub_that_has_ended_is_said(tmp_path: Path) -> None:
    with pytest.raises(HearthError, match="hearth run"):
        await SocketDoor(tmp_path).tools()
    async with Client(server(SocketDoor(tmp_path)), mode="legacy") as client:
        result = await client.call_tool("say", {"text": "hello"})
    assert result.is_error
    assert "no hub is running" in text(result)


# --- the command ---------------------------------------------------------------------------------

HOME = """\
areas:
  - {id: den, name: Den}
entities:
  - {id: light.desk, name: Desk Lamp, area: den}
  - {id: lock.den, name: Den Door, area: den}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings, a home, and a skill that prints in every way there is."""
    skill = tmp_path / "skills" / "rude"
    skill.mkdir(parents=True)
    (skill / "skill.py").write_text(
        "import os\nfrom hub.skill import tool\n\nprint('loading')\n\n\n"
        "@tool(phrases=['make noise'])\ndef noise() -> str:\n"
        '    """Print."""\n    print("printed")\n    os.write(1, b"written\\n")\n'
        '    return "That was loud."\n\n\n'
        "@tool(phrases=['break'])\ndef broken() -> str:\n"
        '    """Break."""\n    raise ValueError("secret detail")\n'
    )
    lines = [f'{name} = "{tmp_path / name}"' for name in ("data", "cache", "runtime")]
    skills = ["[skills]", f'folders = ["{skill.parent}"]']
    settings = "\n".join(["[hub]", *lines, "[router]", 'model = ""', *skills, ""])
    (tmp_path / "hearth.toml").write_text(settings)
    (tmp_path / "home.yaml").write_text(HOME)
    return tmp_path


def command(folder: Path, *arguments: str) -> StdioServerParameters:
    environment = {**os.environ, "HEARTH_CONFIG": str(folder / "hearth.toml")}
    return StdioServerParameters(
        command=sys.executable, args=["-m", "hub", "mcp", *arguments], env=environment
    )


@on_its_own
@pytest.mark.parametrize("mode", MODES)
async def test_the_command_speaks_over_standard_input(folder: Path, mode: str) -> None:
    home = ("--home", str(folder / "home.yaml"))
    async with Client(command(folder, *home), mode=mode) as client:
        on = await client.call_tool("HassTurnOn", {"name": "Desk Lamp"})
        off = await client.call_tool("say", {"text": "turn it off"})
        said = await client.call_tool("say", {"text": "turn on the desk lamp"})
        again = await client.call_tool("say", {"text": "turn it off"})
        loud = await client.call_tool("rude_noise", {})
        broken = await client.call_tool("rude_broken", {})
        door = await client.call_tool("HassTurnOff", {"name": "Den Door"})
    assert told(on)["outcomes"][0]["state"] == "on"
    assert off.is_error  # nothing was said before
    assert not said.is_error
    assert told(again)["outcomes"][0]["state"] == "off"
    assert text(loud) == "That was loud."
    assert broken.is_error
    assert "secret detail" not in text(broken) and "rude" in text(broken)
    assert "confirmation" not in (told(door) or {})  # no yes of a program opens it
    assert "hearth trust" in text(door)


async def started(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    parameters = command(folder, *arguments)
    return await asyncio.create_subprocess_exec(
        parameters.command,
        *parameters.args,
        env=parameters.env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(folder: Path, *arguments: str) -> tuple[int, bytes, bytes]:
    process = await started(folder, *arguments)
    out, err = await process.communicate()
    assert b"Traceback" not in err, err.decode()
    return process.returncode or 0, out, err


@on_its_own
async def test_nonsense_on_standard_input_is_survived_and_output_is_the_protocols(
    folder: Path,
) -> None:
    lines = [b"hello", b"{", b"[]", b"\xff", b"x" * 300_000, json.dumps(HELLO).encode()]
    initialized = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    called = {"name": "rude_noise", "arguments": {}}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": called}
    process = await started(folder, "--home", str(folder / "home.yaml"))
    assert process.stdin and process.stdout
    process.stdin.write(b"\n".join([*lines, initialized, json.dumps(call).encode(), b""]))
    first, second = [json.loads(await process.stdout.readline()) for _ in range(2)]
    process.stdin.close()
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"")
    assert first["result"]["serverInfo"]["name"] == "hearth"
    assert second["result"]["content"][0]["text"] == "That was loud."
    assert {b"loading", b"printed", b"written"} <= set(err.splitlines())


@on_its_own
async def test_it_opens_the_own_home_only_when_asked_and_keeps_its_states(folder: Path) -> None:
    async with Client(command(folder), mode="legacy") as client:
        assert not (folder / "data" / "hub.lock").exists()
        await client.call_tool("HassTurnOn", {"name": "Hallway Light"})
    async with Client(command(folder), mode="legacy") as client:
        home = told(await client.call_tool("get_home", {"area": "Hallway"}))
    states = {device["entity_id"]: device["state"] for device in home["devices"]}
    assert states["light.hallway"] == "on"


@on_its_own
async def test_it_goes_through_the_running_hub_and_not_past_it(folder: Path) -> None:
    environment = {**os.environ, "HEARTH_CONFIG": str(folder / "hearth.toml")}
    hub = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub", "run", "--no-microphone"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert hub.stdout
    while b"Talk to me" not in (line := await hub.stdout.readline()):
        assert line, "the hub has ended"
    async with Client(command(folder), mode="legacy") as client:
        on = await client.call_tool("HassTurnOn", {"name": "Hallway Light"})
        said = await client.call_tool("say", {"text": "turn off the hallway light"})
        hub.terminate()
        shown = await hub.stdout.read()
        await hub.wait()
        alone = await client.call_tool("get_home", {"area": "Hallway"})
    assert told(on)["outcomes"][0]["state"] == "on"
    assert not said.is_error and b"turn off the hallway light" in shown
    states = {device["entity_id"]: device["state"] for device in told(alone)["devices"]}
    assert states["light.hallway"] == "off"


@on_its_own
async def test_the_token_is_shown(folder: Path) -> None:
    code, out, _ = await run(folder, "--show-token")
    assert code == 0
    assert out.decode().strip() == token_of(folder / "data")


@on_its_own
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--http", "0.0.0.0:0", "--no-token"), b"nothing but the token keeps them out"),
        (("--http", "nowhere"), b"no address to listen at"),
        (("--no-token",), b"--no-token is for --http"),
        (("--http", "127.0.0.1:0", "--certificate", "x"), b"belong together"),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_a_line(
    folder: Path, arguments: tuple[str, ...], named: bytes
) -> None:
    home = ("--home", str(folder / "home.yaml"))
    code, out, err = await run(folder, *home, *arguments)
    assert code != 0
    assert out == b""
    assert named in err


@on_its_own
async def test_over_http_it_ends_with_sigterm(folder: Path) -> None:
    process = await started(folder, "--home", str(folder / "home.yaml"), "--http", "127.0.0.1:0")
    assert process.stdout
    while not (line := await process.stdout.readline()).startswith(b"MCP at "):
        assert line, "it has ended"
    url = line.split()[2].decode()
    async with connected(url, token=token_of(folder / "data")) as client:
        result = await client.call_tool("HassTurnOn", {"name": "Desk Lamp"})
    process.terminate()
    _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert told(result)["outcomes"][0]["state"] == "on"


@pytest.mark.slow
async def test_a_home_that_nobody_asks_is_given_up_for_others(folder: Path) -> None:
    from hub.app import lock
    from hub.bridges.mcp_link import OwnHome
    from hub.config import load

    settings = load(folder / "hearth.toml")
    own = OwnHome(settings, idle=0.05)
    async with own.use() as door:
        await door.call("a", "HassTurnOn", {"name": "Hallway Light"})
    async with lock(settings, patience=10):
        pass
    async with own.use() as door:
        home = await door.home("Hallway")
    await own.close()
    states = {device["entity_id"]: device["state"] for device in home["devices"]}
    assert states["light.hallway"] == "on"


async def test_a_home_that_cannot_be_opened_is_said_and_the_next_request_tries_again(
    folder: Path,
) -> None:
    from hub.config import load

    settings = load(folder / "hearth.toml")
    broken = settings.model_copy(
        update={"hub": settings.hub.model_copy(update={"languages": ("xx",)})}
    )
    async with open_door(broken) as door:
        for _ in range(2):
            with pytest.raises(HearthError, match="no language"):
                await door.tools()
