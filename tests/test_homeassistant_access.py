"""Home Assistant cannot be reached: what is wrong is said in plain words, with the way out."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from hub.app import open_home
from hub.config import Config, HomeAssistantSettings
from hub.devices.homeassistant import HomeAssistantHome, check
from hub.devices.homeassistant.access import access, token
from hub.doctor import _home
from hub.errors import DeviceError
from tests.kits.homeassistant import TOKEN, fake_home_assistant
from tests.mqtt import Authority, free_port

SECRET = "a.secret.token"


@pytest.fixture(autouse=True)
def no_tokens_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HASS_TOKEN", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def settings(url: str, **more: Any) -> HomeAssistantSettings:
    return HomeAssistantSettings(url=url, token=SECRET, **more)


async def trouble(given: HomeAssistantSettings) -> tuple[DeviceError, DeviceError]:
    """What the hub and what the doctor says."""
    source = HomeAssistantHome(given)
    with pytest.raises(DeviceError) as told:
        await source.inventory()
    await source.close()
    with pytest.raises(DeviceError) as found:
        await check(given)
    assert SECRET not in f"{told.value} {told.value.spoken} {found.value}"
    return told.value, found.value


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Something that answers all requests; its port."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def doorkeeper(request: web.Request) -> web.StreamResponse:
    """Lets nobody in, as Home Assistant does with a wrong token."""
    if not request.path.endswith("/websocket"):
        return web.Response(status=401, text="401: Unauthorized")
    answering = web.WebSocketResponse()
    await answering.prepare(request)
    await answering.send_json({"type": "auth_required", "ha_version": "2026.11.0"})
    shown = await answering.receive_json()
    assert shown == {"type": "auth", "access_token": SECRET}
    await answering.send_json({"type": "auth_invalid", "message": "Invalid access token"})
    await answering.close()
    return answering


# --- the token -----------------------------------------------------------------------------------


def test_without_a_token_it_says_how_to_get_one() -> None:
    with pytest.raises(DeviceError, match="Long-lived access tokens") as caught:
        token(HomeAssistantSettings(url="http://there"))
    assert "ha-token" in str(caught.value) and "$HASS_TOKEN" in str(caught.value)
    assert "access token" in caught.value.spoken


def test_a_token_is_taken_from_the_settings_a_credential_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = HomeAssistantSettings(url="http://there")
    monkeypatch.setenv("HASS_TOKEN", " from the environment\n")
    assert token(without) == "from the environment"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert token(without) == "from the environment"
    (tmp_path / "ha-token").write_text("from systemd\n", encoding="utf-8")
    assert token(without) == "from systemd"
    assert token(settings("http://there")) == SECRET


def test_the_token_is_in_no_text() -> None:
    assert SECRET not in repr(access(settings("http://there")))


async def test_a_refused_token_is_named_and_stays_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with server(doorkeeper) as port:
            told, found = await trouble(settings(f"http://127.0.0.1:{port}"))
    for error in (told, found):
        assert "refuses the access token" in str(error) and "Make a new one" in str(error)
        assert error.spoken.endswith("It needs a new access token.")
    assert SECRET not in caplog.text


# --- the address ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://homeassistant.local:8123", "ws://homeassistant.local:8123/api/websocket"),
        ("http://homeassistant.local:8123/", "ws://homeassistant.local:8123/api/websocket"),
        ("https://home.example.org/lovelace/0", "wss://home.example.org/api/websocket"),
        ("wss://home.example.org/api/websocket", "wss://home.example.org/api/websocket"),
        ("http://[fd00::1]:8123", "ws://[fd00::1]:8123/api/websocket"),
    ],
)
def test_an_address_is_taken_as_people_copy_it(written: str, meant: str) -> None:
    assert access(settings(written)).websocket == meant


@pytest.mark.parametrize("written", ["", "homeassistant.local", "ftp://there", "http://there:x"])
def test_what_is_no_address_is_shown_how_to_write(written: str) -> None:
    with pytest.raises(DeviceError, match="write \\[homeassistant\\] url like"):
        access(settings(written))


async def test_nothing_listens() -> None:
    for error in await trouble(settings(f"http://127.0.0.1:{free_port()}")):
        assert "nothing listens at" in str(error)
        assert "is Home Assistant running?" in str(error)
        assert error.spoken == "Sorry, I cannot reach Home Assistant."


async def test_nobody_has_that_name() -> None:
    for error in await trouble(settings("http://nobody.invalid:8123")):
        assert "nobody in this network is called 'nobody.invalid'" in str(error)


async def test_something_else_answers() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>It works!</html>", content_type="text/html")

    async with server(page) as port:
        for error in await trouble(settings(f"http://127.0.0.1:{port}")):
            assert "is not Home Assistant" in str(error)


@pytest.mark.parametrize(
    "said", ["hello", "[]", json.dumps({"type": "auth_required"}), json.dumps({"ha_version": "1"})]
)
async def test_another_websocket_answers(said: str) -> None:
    async def chatter(request: web.Request) -> web.StreamResponse:
        answering = web.WebSocketResponse()
        await answering.prepare(request)
        await answering.send_str(said)
        await answering.send_str(said)
        await answering.close()
        return answering

    async with server(chatter) as port:
        source = HomeAssistantHome(settings(f"http://127.0.0.1:{port}"))
        with pytest.raises(DeviceError, match="is not Home Assistant"):
            await source.inventory()
        await source.close()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "has banned this machine"),
        (404, "is not Home Assistant"),
        (502, "is not running"),
    ],
)
async def test_what_stands_before_it_answers(status: int, words: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with server(answer) as port:
        source = HomeAssistantHome(settings(f"http://127.0.0.1:{port}"))
        with pytest.raises(DeviceError, match=words):
            await source.inventory()
        await source.close()


async def test_a_release_that_answers_in_another_shape() -> None:
    async def newer(request: web.Request) -> web.StreamResponse:
        answering = web.WebSocketResponse()
        await answering.prepare(request)
        await answering.send_json({"type": "auth_required", "ha_version": "2031.1.0"})
        await answering.receive_json()
        await answering.send_json({"type": "auth_ok"})
        async for message in answering:
            asked = message.json()
            result = {"state": "RUNNING"} if asked["type"] == "get_config" else [{"other": 1}]
            told = {"id": asked["id"], "type": "result", "success": True, "result": result}
            await answering.send_json(told)
            if asked["type"] == "subscribe_entities":
                await answering.send_json({"id": asked["id"], "type": "event", "event": {"a": {}}})
        return answering

    async with server(newer) as port:
        source = HomeAssistantHome(settings(f"http://127.0.0.1:{port}"))
        with pytest.raises(DeviceError, match=r"Home Assistant 2031\.1\.0 answers in a way"):
            await source.inventory()
        await source.close()


async def test_it_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.devices.homeassistant.connection.CONNECTING", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = HomeAssistantHome(settings(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(DeviceError, match="does not answer"):
            await source.inventory()
        await source.close()


# --- the certificate -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def presents(authority: Authority, host: str = "localhost", **more: int) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("server", host, **more))
    return context


async def test_a_certificate_of_an_unknown_authority(authority: Authority) -> None:
    async with server(doorkeeper, presents(authority)) as port:
        for error in await trouble(settings(f"https://localhost:{port}")):
            assert "not from an authority that this machine knows" in str(error)
            assert "[homeassistant] ca" in str(error)
            assert "certificate" in error.spoken


async def test_a_certificate_of_an_own_authority_fits(authority: Authority) -> None:
    async with server(doorkeeper, presents(authority)) as port:
        for error in await trouble(settings(f"https://localhost:{port}", ca=authority.ca)):
            assert "refuses the access token" in str(error)


async def test_a_certificate_that_does_not_have_to_fit(authority: Authority) -> None:
    async with server(doorkeeper, presents(authority)) as port:
        for error in await trouble(settings(f"https://localhost:{port}", verify=False)):
            assert "refuses the access token" in str(error)


async def test_a_certificate_for_another_name(authority: Authority) -> None:
    async with server(doorkeeper, presents(authority, "home.example.org")) as port:
        for error in await trouble(settings(f"https://localhost:{port}", ca=authority.ca)):
            assert "is for another name" in str(error)


async def test_a_certificate_that_has_run_out(authority: Authority) -> None:
    async with server(doorkeeper, presents(authority, began=30, days=-1)) as port:
        for error in await trouble(settings(f"https://localhost:{port}", ca=authority.ca)):
            assert "has expired" in str(error)


async def test_an_address_with_the_wrong_beginning(authority: Authority) -> None:
    async with server(doorkeeper) as port:
        for error in await trouble(settings(f"https://localhost:{port}")):
            assert "begin [homeassistant] url with http://" in str(error)
    async with server(doorkeeper, presents(authority)) as port:
        for error in await trouble(settings(f"http://localhost:{port}")):
            assert "begin [homeassistant] url with https://" in str(error)


async def test_an_authority_that_is_none(tmp_path: Path) -> None:
    missing = settings("https://localhost", ca=tmp_path / "none.pem")
    (tmp_path / "text.pem").write_text("hello", encoding="utf-8")
    text = settings("https://localhost", ca=tmp_path / "text.pem")
    for given, words in ((missing, "no such file"), (text, "not a certificate in PEM form")):
        for error in await trouble(given):
            assert "[homeassistant] ca:" in str(error) and words in str(error)


ASKED = {
    "auth/current_user",
    "call_service",
    "config/area_registry/list",
    "config/device_registry/list",
    "config/entity_registry/get_entries",
    "config/entity_registry/list",
    "config/floor_registry/list",
    "get_config",
    "homeassistant/expose_entity/list",
    "homeassistant/expose_new_entities/get",
    "subscribe_entities",
    "subscribe_events",
}
"""Nothing else is wanted of Home Assistant, but `automation/config`, `script/config` and
`GET /api/config/scene/config/ID` where there are such things."""


@pytest.mark.parametrize("administrator", [True, False, None])
async def test_the_doctor_warns_of_a_token_with_which_everything_can_be_done(
    tmp_path: Path, administrator: bool | None
) -> None:
    """And whatever it may do, no more is asked than is needed."""
    folders = {name: str(tmp_path / name) for name in ("data", "cache", "runtime")}
    async with fake_home_assistant() as there:
        there.administrator = administrator
        given = {"url": there.url, "token": TOKEN}
        tables = {"hub": folders, "homeassistant": given, "router": {"model": ""}}
        config = Config.model_validate(tables, strict=False)
        found = {each.part: each for each in [each async for each in _home(config)]}
        assert found["homeassistant"].health == "good"
        warned = found.get("homeassistant token")
        assert (warned is not None) is bool(administrator)
        assert warned is None or (warned.health == "weak" and "administrator" in warned.detail)
        assert TOKEN not in str(found)
        async with open_home(config) as home:
            await home.call_service("light", "turn_on", ["light.desk"], {})
        assert there.calls
    assert there.kinds <= ASKED
    assert {method for method, _ in there.paths} == {"GET"}
    assert {path for _, path in there.paths} <= {"/api/config", "/api/websocket"}
