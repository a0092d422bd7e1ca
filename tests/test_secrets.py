"""Passwords, tokens and PINs are in no output, log, trace, error or file but their own; and nobody
listens to the network who was not told to."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from hub import control
from hub.bridges.mcp_http import token_of
from hub.bridges.wyoming.server import WyomingServer
from hub.cli import app
from hub.config import Config, WyomingSettings, load
from hub.policy.pin import Pin
from hub.timers.clock import SystemTime
from tests.conftest import Household
from tests.mqtt import free_port, needs_mosquitto
from tests.test_privacy import running
from tests.test_wyoming import offered

CANARIES = ("canary-mqtt-71", "canary-token-72", "canary-key-73", "canary-dav-74", "739251",
            "canary-certain-77")  # fmt: skip
"""The last one is no secret: the control."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A home with every secret that there is, and nobody at any of its addresses."""
    file = tmp_path / "hearth.toml"
    nobody = free_port()
    file.write_text(f"""
[hub]
data = "{tmp_path}/data"
cache = "{tmp_path}/cache"
runtime = "{tmp_path}/run"
[router]
model = "chat"
[model]
url = "http://127.0.0.1:{nobody}/v1"
key = "{CANARIES[2]}"
[mqtt]
host = "127.0.0.1"
port = {nobody}
user = "hub"
password = "{CANARIES[0]}"
[homeassistant]
url = "http://127.0.0.1:{nobody}"
token = "{CANARIES[1]}"
[home]
simulated = true
[skills.settings.calendar]
url = "http://127.0.0.1:{nobody}/dav"
user = "sam"
password = "{CANARIES[3]}"
""")
    monkeypatch.setenv("HEARTH_CONFIG", str(file))
    config = load()
    config.hub.data.mkdir(mode=0o700)
    Pin(config.hub.data / "pin.json", SystemTime()).set(CANARIES[4])
    return config


COMMANDS = (
    "-vv say --json unlock the front door",
    "-vv say --json could you make it a bit cosier in here",
    "-vv say --json what is on my calendar tomorrow",
    f"-vv say --json take a note {CANARIES[5]}",
    "-vv doctor --json",
    "-vv devices --json",
    "-vv skills --json",
    "-vv history --json",
    "-vv why --json",
    "-vv trust --json",
    "-vv privacy show --json",
    "-vv satellites --json",
    "-vv routines --json",
    "config",
)


@pytest.mark.slow
def test_no_secret_is_in_any_output(
    home: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for command in COMMANDS:
        done = CliRunner().invoke(app, command.split())
        assert not isinstance(done.exception, AssertionError | TypeError), command
        said.append(f"{done.output}\n{done.exception!r}")
    CliRunner().invoke(app, ["privacy", "export", str(tmp_path / "mine.json")])
    exported = (tmp_path / "mine.json").read_text()
    everything = "\n".join([*said, caplog.text, exported])
    *secrets, control_word = CANARIES
    assert [secret for secret in secrets if secret in everything] == []
    assert control_word in everything
    # Nor in any file but the settings: the PIN is a hash, the rest is kept nowhere else.
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "hearth.toml"]
    content = b"\n".join(path.read_bytes() for path in files)
    assert [secret for secret in secrets if secret.encode() in content] == []
    assert control_word.encode() in content


def test_settings_that_are_shown_show_no_secret(home: Config) -> None:
    """As in a traceback, or where somebody logs them."""
    shown = f"{home!r} {home.mqtt!r} {home.homeassistant!r} {home.model!r}"
    assert [secret for secret in CANARIES[:3] if secret in shown] == []
    assert "127.0.0.1" in shown


# --- who listens ---------------------------------------------------------------------------------


def listening() -> set[tuple[str, int]]:
    """Addresses at which this process and what it started listens."""
    me = psutil.Process()
    found = set()
    for process in (me, *me.children(recursive=True)):
        try:
            connections = process.net_connections("inet")
        except psutil.NoSuchProcess:  # it has just ended
            continue
        for each in connections:
            tcp = each.type == socket.SOCK_STREAM
            if (tcp and each.status == psutil.CONN_LISTEN) or (not tcp and not each.raddr):
                found.add((str(each.laddr.ip), int(each.laddr.port)))
    return found


def configured(folder: Path, more: str) -> Config:
    from hub.config import parse

    return parse(
        f'[hub]\ndata = "{folder}/data"\ncache = "{folder}/cache"\nruntime = "{folder}/run"\n'
        f'[router]\nmodel = ""\n{more}'
    )


async def test_a_hub_as_it_is_installed_listens_nowhere(tmp_path: Path) -> None:
    before = listening()
    config = configured(tmp_path, "")
    async with running(config):
        assert await control.ask(config.hub.runtime, {"health": True})
        assert listening() - before == set()


@needs_mosquitto
async def test_its_broker_listens_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.devices.mqtt.broker.USUAL", free_port())
    before = listening()
    async with running(configured(tmp_path, '[mqtt]\nhost = "own"\n')):
        found = listening() - before
    assert found and {host for host, _ in found} == {"127.0.0.1"}


async def test_what_is_turned_on_listens_where_the_settings_say(house: Household) -> None:
    before, port = listening(), free_port()
    for host in ("127.0.0.1", "0.0.0.0"):
        listen = f"tcp://{host}:{port}"
        chosen = WyomingSettings(listen=listen, announce=False, clients=("192.168.1.20",))
        server = WyomingServer(offered(house), chosen)
        await server.start()
        assert listening() - before == {(host, port)}  # the control: an open door would be seen
        await server.close()


def test_a_token_for_mcp_is_made_that_nobody_can_guess(tmp_path: Path) -> None:
    tokens = {token_of(tmp_path / str(number)) for number in range(100)}
    assert len(tokens) == 100 and min(map(len, tokens)) >= 22  # 128 bits
