"""The hub as a service: its units by systemd's own tools, and what it tells systemd meanwhile."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.control import ask
from hub.notify import Notifier

UNITS = Path(__file__).parents[1] / "systemd"
SERVICES = ("hearth", "hearth-backup", "hearth-models", "hearth-broker")
MOST_EXPOSED = 2.0

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)


def settings(unit: str) -> list[tuple[str, str]]:
    """Key and value of each line."""
    text = (UNITS / f"{unit}.service").read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z]+)=(.*)$", text, re.M)


def values(unit: str, key: str) -> list[str]:
    """All words of a setting that may stand in several lines."""
    return [word for name, value in settings(unit) if name == key for word in value.split()]


# --- the units -----------------------------------------------------------------------------------


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES)
def test_systemd_understands_every_line(unit: str, tmp_path: Path) -> None:
    for service in SERVICES:  # all, since one names the other; and nothing of it is installed here
        text = (UNITS / f"{service}.service").read_text(encoding="utf-8")
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M)
        (tmp_path / f"{service}.service").write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", f"./{unit}.service"],
        cwd=tmp_path,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
    )
    # It succeeds for keys that it does not know, too, and only speaks of them.
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or unit in line]
    assert (done.returncode, said) == (0, [])


@needs_systemd
def test_the_backup_is_made_every_night(tmp_path: Path) -> None:
    for name in ("hearth-backup.timer", "hearth-backup.service"):
        text = (UNITS / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(
            re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M)
        )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "./hearth-backup.timer"],
        cwd=tmp_path,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
    )
    said = [line for line in done.stderr.splitlines() if "hearth-backup" in line]
    assert (done.returncode, said) == (0, [])
    when = re.search(r"^OnCalendar=(.*)$", (UNITS / "hearth-backup.timer").read_text(), re.M)
    assert when is not None
    subprocess.run(["systemd-analyze", "calendar", when[1]], check=True, capture_output=True)
    # Where the password is not there it has to fail at once, and not wait for somebody.
    assert values("hearth-backup", "LoadCredential")[0].split(":")[0] == "backup_password"


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES)
def test_little_of_the_machine_is_exposed(unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(UNITS / f"{unit}.service")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found and float(found[1]) <= MOST_EXPOSED, done.stdout


@pytest.mark.parametrize("unit", ["hearth", "hearth-broker"])
def test_nothing_outside_the_house_is_reached(unit: str) -> None:
    assert values(unit, "IPAddressDeny") == ["any"]
    ranges = [ipaddress.ip_network(word) for word in values(unit, "IPAddressAllow") if "." in word
              or ":" in word]  # fmt: skip
    names = {word for word in values(unit, "IPAddressAllow") if not re.search(r"[.:]", word)}
    mdns = {"224.0.0.251/32", "ff02::fb/128"}
    assert names == {"localhost", "link-local"}
    assert all(each.is_private for each in ranges if str(each) not in mdns), ranges
    for address in ("192.168.1.5", "10.0.0.7", "172.20.1.1", "fd00::1"):
        assert any(ipaddress.ip_address(address) in each for each in ranges)


def test_the_sound_card_is_left_to_the_hub_and_no_other_device() -> None:
    assert values("hearth", "DevicePolicy") == ["closed"]
    assert values("hearth", "DeviceAllow") == ["char-alsa", "rw"]
    assert values("hearth", "SupplementaryGroups") == ["audio"]
    # It would take the sound card away, whatever is allowed besides.
    assert values("hearth", "PrivateDevices") == []


def test_secrets_reach_the_hub_as_credentials_under_the_names_that_it_looks_for() -> None:
    from hub.bridges.satellites.keys import CREDENTIAL as KEYS
    from hub.devices.homeassistant.access import CREDENTIAL as TOKEN
    from hub.devices.mqtt.access import CREDENTIAL as PASSWORD

    loaded = {word.split(":")[0] for word in values("hearth", "LoadCredential")}
    assert loaded == {TOKEN, PASSWORD, KEYS, "caldav-password"}
    # Without these the service would not start where a secret is not wanted.
    assert {word.split(":")[0] for word in values("hearth", "SetCredential")} == loaded
    assert not any(
        "TOKEN" in word or "PASSWORD" in word for word in values("hearth", "Environment")
    )


def test_an_empty_credential_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.config import MqttSettings
    from hub.devices.mqtt.access import password

    (tmp_path / "mqtt-password").write_text("\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert password(MqttSettings()) == ""


@pytest.mark.parametrize("unit", ["hearth", "hearth-models"])
def test_the_commands_of_the_units_are_commands(unit: str) -> None:
    program, *arguments = values(unit, "ExecStart")
    assert program == "/opt/hearth/current/.venv/bin/hearth"
    done = CliRunner().invoke(app, [*arguments, "--help"])
    assert done.exit_code == 0, done.output


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd is not installed")
def test_the_hub_has_a_user_of_its_own_who_may_use_the_sound_card(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("audio:x:29:\n")
    rules = UNITS / "hearth.sysusers"
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", "-"], input=rules.read_bytes(),
                   check=True, capture_output=True)  # fmt: skip
    assert re.search(r"^hearth:[^\n]*:/var/lib/hearth:\S*nologin$",
                     (tmp_path / "etc/passwd").read_text(), re.M)  # fmt: skip
    assert "audio:x:29:hearth\n" in (tmp_path / "etc/group").read_text()


# --- what the hub tells --------------------------------------------------------------------------


class Manager:
    """Stands for systemd: hears what a service tells it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def heard(self, seconds: float = 60) -> list[str]:
        """The lines of the next message. Raises TimeoutError."""
        self._socket.settimeout(seconds)
        return self._socket.recv(4096).decode().splitlines()

    async def told(self) -> list[str]:
        """The same, for a loop that turns meanwhile."""
        self._socket.setblocking(False)
        return (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode().split("\n")

    def until(self, line: str, seconds: float = 60) -> list[str]:
        """All lines up to a message that has this one."""
        lines: list[str] = []
        while line not in lines:
            lines += self.heard(seconds)
        return lines

    def silence(self) -> list[str]:
        """What there is without waiting."""
        try:
            return self.heard(0)
        except BlockingIOError:
            return []

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path / "notify.sock")
    yield listening
    listening.close()


BLOCKED = 2.0
"""Seconds for which the event loop of the hub stands still when it is sent SIGUSR1: that is where
Python runs the handlers of signals."""
STARTED = f"""
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep({BLOCKED}))
from hub.__main__ import main
main()
"""
WATCHDOG = 0.8


@pytest.fixture
def running(manager: Manager, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A hub in the hands of a service manager with an impatient watchdog."""
    lines = [f'{name} = "{tmp_path / name}"' for name in ("data", "cache", "runtime")]
    file = tmp_path / "hearth.toml"
    file.write_text("\n".join(["[hub]", *lines, "[router]", 'model = ""', ""]))
    environment = {
        **os.environ,
        "HEARTH_CONFIG": str(file),
        "NOTIFY_SOCKET": str(manager.path),
        "WATCHDOG_USEC": str(int(WATCHDOG * 1e6)),
    }
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", STARTED, "run", "--no-microphone"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield process
    process.kill()
    process.wait()


@pytest.mark.slow
def test_the_hub_is_ready_when_it_answers_and_says_so_when_it_ends(
    running: subprocess.Popen[bytes], manager: Manager, tmp_path: Path
) -> None:
    before = manager.until("READY=1")
    assert before[0] == "STATUS=starting"
    assert "WATCHDOG=1" not in before
    assert re.fullmatch(r"STATUS=\d+ devices in \d+ rooms\..*", before[-1])
    answer = asyncio.run(ask(tmp_path / "runtime", {"say": "turn on the kitchen lights"}))
    assert answer and answer["reply"]
    running.send_signal(signal.SIGTERM)
    after = manager.until("STOPPING=1")
    assert running.wait(20) == 0
    assert "READY=1" not in after


@pytest.mark.slow
def test_a_hub_whose_loop_stands_still_does_not_feed_the_watchdog(
    running: subprocess.Popen[bytes], manager: Manager
) -> None:
    manager.until("READY=1")
    manager.until("WATCHDOG=1", WATCHDOG * 4)
    running.send_signal(signal.SIGUSR1)
    began = time.monotonic()
    gaps = []
    while time.monotonic() < began + BLOCKED * 1.5:
        last = time.monotonic()
        manager.until("WATCHDOG=1", BLOCKED * 4)
        gaps.append(time.monotonic() - last)
    # systemd would have ended it in that time; and it is fed again when the loop turns.
    assert max(gaps) > max(WATCHDOG, BLOCKED * 0.8)
    assert gaps[-1] < BLOCKED / 2


async def test_stuck_threads_are_no_health(manager: Manager) -> None:
    stuck = threading.Event()
    threads = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(threads)
    notifier = Notifier(str(manager.path), watchdog=0.2)
    threads.submit(stuck.wait)
    watching = asyncio.create_task(notifier.watch(lambda: "well"))
    try:
        async with asyncio.timeout(20):
            assert await manager.told() == ["STATUS=not well: none of its threads answers"]
            stuck.set()
            assert [*await manager.told(), *await manager.told()] == ["STATUS=well", "WATCHDOG=1"]
    finally:
        stuck.set()
        watching.cancel()


def test_what_the_hub_starts_does_not_speak_for_it() -> None:
    mine = {
        "NOTIFY_SOCKET": "/run/x",
        "WATCHDOG_USEC": "60000000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    environment = {**mine, "HOME": "/root"}
    assert Notifier.from_environment(environment).watchdog == 60
    assert environment == {"HOME": "/root"}
    assert Notifier.from_environment({**mine, "WATCHDOG_PID": "1"}).watchdog is None


def test_a_name_in_the_status_gives_systemd_no_orders(manager: Manager) -> None:
    notifier = Notifier(str(manager.path))
    notifier.status("the lamp\nMAINPID=1\r\nREADY=1")
    assert manager.heard() == ["STATUS=the lamp MAINPID=1 READY=1"]
    notifier.status("the lamp MAINPID=1 READY=1")
    assert manager.silence() == []


async def test_without_systemd_and_without_its_socket_nothing_happens(tmp_path: Path) -> None:
    await Notifier().watch(lambda: "well")
    gone = Notifier(str(tmp_path / "gone.sock"))
    gone.ready("well")
    gone.stopping()


def test_a_socket_without_a_file_is_reached() -> None:
    name = f"hearth-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        Notifier(f"@{name}").ready("well")
        listening.settimeout(10)
        assert listening.recv(100) == b"READY=1\nSTATUS=well"
