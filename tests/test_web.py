"""The page's server, asked as programs ask it: who gets in, and what is done there."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from hub import doctor
from hub.bridges import requests
from hub.bridges.seeing.snapshot import Seeing
from hub.bridges.web.access import FILE, TRIES, Password
from hub.bridges.web.door import WebDoor
from hub.bridges.web.parts import Parts
from hub.bridges.web.site import open_site
from hub.control import ControlServer
from hub.errors import ConfigError
from tests.mqtt import Authority
from tests.web import PASSWORD, House, open_house

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened


class Visitor:
    """Somebody who has logged in."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self.client = client
        self.url = url
        self.secret = "login"
        self.cookies: list[str] = []
        """As the server has set them."""

    async def send(
        self,
        path: str,
        content: Any = None,
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> tuple[int, Any]:
        given = {
            "Origin": self.url,
            "Content-Type": "application/json",
            "X-Hearth-Session": self.secret,
            **(headers or {}),
        }
        async with self.client.request(
            method,
            f"{self.url}/api/{path}",
            data=body if body is not None else json.dumps(content or {}),
            headers={name: value for name, value in given.items() if value is not None},
        ) as response:
            text = await response.text()
            self.cookies += response.headers.getall("Set-Cookie", [])
            return response.status, json.loads(text) if text.startswith("{") else text

    async def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        async with self.client.get(f"{self.url}/api/{path}", headers=headers) as response:
            return response.status, await response.json()

    async def do(self, path: str, **content: Any) -> Any:
        status, told = await self.send(path, content)
        assert status == 200, told
        return told

    async def log_in(self) -> None:
        assert (await self.send("login", {"password": PASSWORD}))[0] == 200
        self.secret = (await self.get("session"))[1]["secret"]


@asynccontextmanager
async def stranger(house: House) -> AsyncIterator[Visitor]:
    jar = aiohttp.CookieJar(unsafe=True)  # which takes cookies of addresses, as browsers do
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        yield Visitor(client, house.url)


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(house: House) -> AsyncIterator[Visitor]:
    async with stranger(house) as visitor:
        await visitor.log_in()
        yield visitor


# --- who gets in ---------------------------------------------------------------------------------

SHOWN = "home history why waiting lists skills routines privacy status live".split()
DONE = (
    "say logout approval mute device timer item undo volume stop routine pack export erase".split()
)


async def test_without_a_session_nothing_is_shown_and_nothing_done(house: House) -> None:
    async with stranger(house) as visitor:
        for path in SHOWN:
            assert (await visitor.get(path))[0] == 401, path
        for path in DONE:
            status, _ = await visitor.send(path, {"id": "light.lamp", "do": "on"})
            assert status == 401, path
        assert house.state("light.lamp") == "off"
        status, told = await visitor.get("session")
        assert (status, told) == (200, {"in": False, "locked": 0})


FORGED: list[tuple[str, dict[str, Any]]] = [
    ("GET", {"Host": "evil.example"}),
    ("GET", {"Host": "evil.example:8780"}),
    ("GET", {"Host": "127.0.0.1.evil.example"}),
    ("GET", {"Host": "localhost.evil.example"}),
    ("GET", {"Host": "10.9.8.7"}),
    ("GET", {"Host": "[::2]"}),
    ("GET", {"Host": "0.0.0.0"}),
    ("GET", {"Host": "evil.example@127.0.0.1x"}),
    ("GET", {"Host": "[::1"}),
    ("GET", {"Origin": "http://evil.example"}),
    ("GET", {"Origin": "null"}),
    ("GET", {"Sec-Fetch-Site": "cross-site"}),
    ("GET", {"Sec-Fetch-Site": "same-site"}),
    ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}),
    ("POST", {"Host": "evil.example"}),
    ("POST", {"Host": "evil.example", "Origin": "http://evil.example"}),
    ("POST", {"Origin": "http://evil.example"}),
    ("POST", {"Origin": "https://127.0.0.1"}),
    ("POST", {"Origin": "http://127.0.0.1"}),
    ("POST", {"Origin": "http://127.0.0.1:1"}),
    ("POST", {"Origin": "null"}),
    ("POST", {"Origin": ""}),
    ("POST", {"Origin": "http://["}),
    ("POST", {"Sec-Fetch-Site": "cross-site"}),
    ("POST", {"X-Hearth-Session": ""}),
    ("POST", {"X-Hearth-Session": "login"}),
    ("POST", {"Content-Type": "text/plain"}),
    ("POST", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("POST", {"Content-Type": "multipart/form-data; boundary=x"}),
    ("PUT", {}),
    ("DELETE", {}),
    ("PATCH", {}),
    ("OPTIONS", {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}),
    ("HEAD", {}),
    ("TRACE", {}),
]


@pytest.mark.parametrize(("method", "headers"), FORGED, ids=lambda value: str(value)[:60])
async def test_what_was_forged_is_refused_though_the_cookie_is_there(
    house: House, visitor: Visitor, method: str, headers: dict[str, Any]
) -> None:
    path = "home" if method == "GET" else "device"
    if house.state("light.lamp") != "off":  # the one before was not refused
        await visitor.do("device", id="light.lamp", do="off")
    if method == "GET":
        async with visitor.client.get(f"{visitor.url}/api/{path}", headers=headers) as response:
            status, answered = response.status, response.headers
    else:
        content = {"id": "light.lamp", "do": "on"}
        status, _ = await visitor.send(path, content, method=method, headers=headers)
        answered = None
    assert 400 <= status < 500
    assert answered is None or "Access-Control-Allow-Origin" not in answered
    assert house.state("light.lamp") == "off"


async def test_the_same_request_unforged_is_done(house: House, visitor: Visitor) -> None:
    """Or the test above would show nothing."""
    await visitor.do("device", id="light.lamp", do="on")
    assert house.state("light.lamp") == "on"
    await visitor.do("device", id="light.lamp", do="off")


async def test_a_link_from_elsewhere_opens_the_page_and_no_more(visitor: Visitor) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with visitor.client.get(f"{visitor.url}/", headers=headers) as response:
        assert response.status == 200


async def test_the_secret_of_another_session_is_none(house: House, visitor: Visitor) -> None:
    async with stranger(house) as other:
        await other.log_in()
        visitor.secret = other.secret
    assert (await visitor.send("device", {"id": "light.lamp", "do": "on"}))[0] == 403


async def test_a_session_that_is_over_is_over_for_its_cookie(house: House) -> None:
    async with stranger(house) as visitor:
        await visitor.log_in()
        [cookie] = visitor.cookies
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
        assert (await visitor.get("home"))[0] == 200
        await visitor.do("logout")
        assert (await visitor.get("home"))[0] == 401


async def test_a_page_that_was_left_open_is_told_no_more_after_logging_out(house: House) -> None:
    async def told(*, out: bool) -> str:
        async with stranger(house) as visitor:
            await visitor.log_in()
            async with visitor.client.get(f"{visitor.url}/api/live") as stream:
                await stream.content.readuntil(b"\n\n")
                if out:
                    await visitor.do("logout")
                house.hub.assistant.finished(await house.hub.assistant.say("are any lights on"))
                async with asyncio.timeout(60):
                    return (await stream.content.readline()).decode()

    assert "are any lights on" in await told(out=False)
    assert await told(out=True) == ""


@pytest.mark.parametrize(
    "body", ["", "[]", "3", '"on"', "{", "[" * 5000, "\x00", '{"id": NaN', "null"]
)
async def test_nonsense_is_answered_with_a_sentence(visitor: Visitor, body: str) -> None:
    status, told = await visitor.send("device", body=body)
    assert status == 400
    assert "JSON" in told["error"]


async def test_what_is_too_long_is_not_read(visitor: Visitor) -> None:
    status, _ = await visitor.send("say", {"text": "x" * 200_000})
    assert status == 413
    status, told = await visitor.send("say", {"text": "x" * 2000})
    assert (status, "1000 characters" in told["error"]) == (400, True)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("device", {"id": "light.nowhere", "do": "on"}),
        ("device", {"id": ["light.lamp"], "do": "on"}),
        ("device", {"id": "light.lamp", "do": "explode"}),
        ("device", {"id": "light.lamp", "do": "temperature", "value": 20}),
        ("device", {"id": "light.lamp", "do": "brightness", "value": "much"}),
        ("device", {"id": "light.lamp", "do": "brightness", "value": True}),
        ("device", {"id": "light.lamp", "do": "brightness", "value": float("nan")}),
        ("device", {"id": "light.lamp", "do": "brightness", "value": float("inf")}),
        ("device", {"id": "light.lamp", "do": "brightness", "value": 10**400}),
        ("timer", {"id": "timer-99", "do": "cancel"}),
        ("item", {"id": "light.lamp", "do": "done", "item": "milk"}),
        ("item", {"id": "todo.shopping", "do": "done", "item": 3}),
        ("approval", {"id": "1-abc", "agreed": True}),
        ("mute", {"muted": "yes"}),
        ("volume", {"percent": "loud"}),
        ("routine", {"do": "remove", "name": "x"}),
        ("routine", {"do": "run", "name": "no such routine"}),
        ("pack", {"id": "../../etc", "enabled": True}),
    ],
)
async def test_what_cannot_be_done_is_said(visitor: Visitor, path: str, content: Any) -> None:
    status, told = await visitor.send(path, content)
    assert status == 400
    assert told["error"]


async def test_half_an_emoji_does_not_keep_anything_from_being_kept(
    house: House, visitor: Visitor
) -> None:
    """A text field that takes so many characters and no more cuts it there."""
    await visitor.do("item", id="todo.shopping", do="add", item="bread \ud83c")
    kept = house.hub.home.state("todo.shopping").attributes["todo_items"]
    assert "bread ?" in [each["summary"] for each in kept]
    await visitor.do("item", id="todo.shopping", do="remove", item="bread ?")
    assert house.hub.history is not None
    house.hub.assistant.finished(await house.hub.assistant.say("brew spo\ud83con tea"))
    await house.hub.history.flush()
    assert requests.say(b'{"text": "good night \\ud83c"}').text == "good night ?"  # over MQTT
    rows = (await visitor.get("history"))[1]["rows"]
    assert rows[0]["heard"] == "brew spo on tea"


@pytest.mark.parametrize("id", ["", "x", "-1", "9" * 40, "\u0663", "0"])
async def test_a_turn_that_is_none_has_no_why(visitor: Visitor, id: str) -> None:
    status, told = await visitor.get(f"why?id={id}")
    assert (status, "no such turn" in told["error"]) == (400, True)


async def test_files_are_those_of_the_page(visitor: Visitor) -> None:
    for name in ("app.js", "style.css", "icon.svg"):
        async with visitor.client.get(f"{visitor.url}/static/{name}") as response:
            assert response.status == 200
    for name in ("..%2faccess.py", "%2e%2e/access.py", "/etc/passwd", "x.js", "index.html%00"):
        async with visitor.client.get(f"{visitor.url}/static/{name}") as response:
            assert response.status == 404


async def test_every_answer_says_what_the_browser_may_do(visitor: Visitor) -> None:
    for path in ("", "static/app.js", "static/none", "api/home", "api/none"):
        async with visitor.client.get(f"{visitor.url}/{path}") as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Cache-Control"] == "no-store"
            assert "aiohttp" not in response.headers["Server"]


async def test_the_page_asks_nobody_else_for_anything(visitor: Visitor) -> None:
    for name in ("", "static/app.js", "static/views.js", "static/style.css", "static/texts.js"):
        async with visitor.client.get(f"{visitor.url}/{name}") as response:
            text = await response.text()
        found = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not found
        assert not re.search(r"\son\w+=|<script>|<style|style=|innerHTML|eval\(", text)


async def test_no_secret_is_shown(house: House, visitor: Visitor) -> None:
    kept = (house.folder / "data" / FILE).read_text().strip()
    cookie = visitor.cookies[0].partition(";")[0].partition("=")[2]
    for path in SHOWN[:-1]:
        _, told = await visitor.get(path)
        text = json.dumps(told)
        assert kept not in text and PASSWORD not in text and cookie not in text


async def test_after_five_wrong_passwords_the_right_one_does_not_help(house: House) -> None:
    """From that address; on a page of its own, since all tests have one address."""
    parts = Parts(house.hub, house.seeing)
    password = Password(house.folder / "data" / FILE)
    async with open_site(parts, password) as url, aiohttp.ClientSession() as client:
        visitor = Visitor(client, url.rstrip("/"))
        for _ in range(TRIES):
            status, told = await visitor.send("login", {"password": "an honest guess"})
            assert (status, told["error"]) == (403, "wrong")
        status, told = await visitor.send("login", {"password": PASSWORD})
        assert (status, told["error"]) == (429, "locked")
        assert 200 < told["locked"] <= 300
        assert (await visitor.get("session"))[1]["locked"] > 200


async def test_https_has_a_cookie_that_only_https_may_set(house: House) -> None:
    authority = Authority(house.folder / "authority")
    certificate, key = authority.issue("web")

    def parts(**paths: Any) -> Parts:
        web = house.hub.config.web.model_copy(update=paths)
        config = house.hub.config.model_copy(update={"web": web})
        return Parts(replace(house.hub, config=config), house.seeing)

    password = Password(house.folder / "data" / FILE)
    async with open_site(parts(certificate=certificate, key=key), password) as url:
        assert url.startswith("https://")
        jar = aiohttp.CookieJar(unsafe=True)
        connector = aiohttp.TCPConnector(ssl=False)
        async with aiohttp.ClientSession(cookie_jar=jar, connector=connector) as client:
            visitor = Visitor(client, url.rstrip("/"))
            await visitor.log_in()
            [cookie] = visitor.cookies
            assert cookie.startswith("__Host-hearth=")
            assert "Secure" in cookie and "HttpOnly" in cookie
    for wrong in ({"certificate": certificate}, {"certificate": certificate, "key": certificate}):
        with pytest.raises(ConfigError, match=r"\[web\] certificate"):
            async with open_site(parts(**wrong), password):
                pass


async def test_there_is_a_page_while_there_is_a_password(house: House) -> None:
    password = Password(house.folder / "data" / FILE)
    door = WebDoor(Parts(house.hub, Seeing(house.hub)))
    running = asyncio.create_task(door.run())
    config = house.hub.config
    server = ControlServer(config.hub.runtime, house.hub.assistant, doors={"web": door.answer})
    await server.start()
    try:
        first = (await door.answer({"changed": True}))["url"]
        assert (await doctor.page(config)).detail == first
        async with aiohttp.ClientSession() as client, client.get(first) as response:
            assert response.status == 200
        password.remove()
        assert "hearth web password" in (await doctor.page(config)).detail
        assert (await door.answer({"changed": True}))["url"] == ""
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get(first)
    finally:
        await server.close()
        running.cancel()
        await asyncio.wait({running})
        password.set(PASSWORD)


# --- what is done --------------------------------------------------------------------------------


async def test_a_tap_is_a_turn_with_its_why_and_can_be_undone(
    house: House, visitor: Visitor
) -> None:
    told = await visitor.do("device", id="light.lamp", do="on", language="de")
    assert (told["outcome"], told["undo"]) == ("done", True)
    assert house.state("light.lamp") == "on"
    row = (await visitor.get("history"))[1]["rows"][0]
    assert (row["heard"], row["source"], row["outcome"]) == ("Reading Lamp: an", "phone", "done")
    why = (await visitor.get(f"why?id={row['id']}"))[1]
    assert why["why"] == "chosen on a screen"
    assert why["deeds"][0]["after"] == "on"
    await visitor.do("undo")
    assert house.state("light.lamp") == "off"


async def test_what_lets_somebody_in_waits_for_a_tap_on_an_open_page(
    house: House, visitor: Visitor
) -> None:
    told = await visitor.do("device", id="lock.front", do="unlock")
    assert house.state("lock.front") == "locked"  # no page is open, and there is no PIN
    assert not told["asks"]
    async with visitor.client.get(f"{visitor.url}/api/live") as stream:
        events = aiter(stream.content)

        async def request() -> dict[str, Any] | None:
            while True:
                line = (await anext(events)).decode()
                if line.startswith("data:") and "approval" in (news := json.loads(line[5:])):
                    found: dict[str, Any] | None = news["approval"]
                    return found

        assert await request() is None
        await visitor.do("device", id="lock.front", do="unlock")
        waiting = await request()
        assert waiting is not None and "Front Door" in waiting["question"]
        assert house.state("lock.front") == "locked"
        await visitor.do("approval", id=waiting["id"], agreed=False)
        assert await request() is None
        assert house.state("lock.front") == "locked"
        await visitor.do("device", id="lock.front", do="unlock")
        waiting = await request()
        assert waiting is not None
        await visitor.do("approval", id=waiting["id"], agreed=True)
        while house.state("lock.front") != "unlocked":
            await anext(events)
    await visitor.do("device", id="lock.front", do="lock")
    assert house.state("lock.front") == "locked"


async def test_with_a_pin_it_is_the_pin_and_it_stands_nowhere(
    house: House, visitor: Visitor
) -> None:
    pin = house.hub.skillset.policy.pin
    assert pin is not None
    pin.set("4712")
    try:
        told = await visitor.do("device", id="lock.front", do="unlock")
        assert told["asks"]["kind"] == "pin"
        assert (await visitor.do("say", text="9988"))["asks"]["kind"] == "pin"  # once more
        assert house.state("lock.front") == "locked"
        await visitor.do("say", text="4712")
        assert house.state("lock.front") == "unlocked"
        text = json.dumps((await visitor.get("history"))[1])
        assert "4712" not in text and "9988" not in text
    finally:
        pin.remove()
        await visitor.do("device", id="lock.front", do="lock")


async def test_what_is_asked_here_is_answered_here_alone(house: House, visitor: Visitor) -> None:
    told = await visitor.do("say", text="turn everything off")
    assert told["asks"]["kind"] == "yes"
    async with stranger(house) as other:
        await other.log_in()
        assert (await other.do("say", text="yes"))["outcome"] == "not_understood"
    assert house.hub.assistant.conversation(None).question is None


async def test_timers_lists_and_reminders(house: House, visitor: Visitor) -> None:
    await visitor.do("say", text="set a pasta timer for ten minutes")
    await visitor.do("say", text="remind me tomorrow at nine to water the plants")
    waiting = (await visitor.get("waiting"))[1]
    [timer], [reminder] = waiting["timers"], waiting["agenda"]
    assert timer["left"] > 590 and "pasta" in timer["label"]
    assert "water the plants" in reminder["text"]
    await visitor.do("timer", id=timer["id"], do="pause")
    assert (await visitor.get("waiting"))[1]["timers"][0]["paused"]
    await visitor.do("timer", id=timer["id"], do="resume")
    await visitor.do("timer", id=timer["id"], do="more")
    assert (await visitor.get("waiting"))[1]["timers"][0]["left"] > 640
    await visitor.do("timer", id=timer["id"], do="cancel")
    await visitor.do("timer", id=reminder["id"], do="cancel")
    assert (await visitor.get("waiting"))[1] == {"timers": [], "agenda": []}

    async def on_list(item: str) -> dict[str, Any] | None:
        [known] = [
            each for each in (await visitor.get("lists"))[1]["lists"] if "Shopping" in each["name"]
        ]
        return next((each for each in known["items"] if each["text"] == item), None)

    await visitor.do("item", id="todo.shopping", do="add", item="rye bread")
    assert await on_list("rye bread") == {"text": "rye bread", "done": False}
    await visitor.do("item", id="todo.shopping", do="done", item="rye bread")
    assert await on_list("rye bread") == {"text": "rye bread", "done": True}
    await visitor.do("undo")
    assert await on_list("rye bread") == {"text": "rye bread", "done": False}
    await visitor.do("item", id="todo.shopping", do="remove", item="rye bread")
    assert await on_list("rye bread") is None


async def test_the_microphone_is_muted(house: House, visitor: Visitor) -> None:
    await visitor.do("mute", muted=True)
    assert house.ears.muted
    assert (await visitor.get("home"))[1]["hub"][0]["doing"] == "muted"
    await visitor.do("mute", muted=False)
    assert not house.ears.muted


async def test_taking_along_and_erasing_want_the_password_once_more(
    house: House, visitor: Visitor
) -> None:
    for path in ("export", "erase"):
        assert (await visitor.send(path, {}))[0] == 400
        assert (await visitor.send(path, {"password": "an honest guess"}))[0] == 403
    assert house.eraser.wanted == []
    await visitor.do("device", id="light.lamp", do="off")
    taken = await visitor.do("export", password=PASSWORD)
    assert any("Reading Lamp" in json.dumps(turn) for turn in taken["turns"])
    await visitor.do("erase", password=PASSWORD, person="Sam")
    await visitor.do("erase", password=PASSWORD, person=None)
    assert house.eraser.wanted == ["Sam", None]
