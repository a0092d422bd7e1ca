"""A broker for homes that have none: a Mosquitto that the hub starts, watches and ends.

It listens on this machine only. With `tls`, `certificate` and `key` in [mqtt] it is open to the
house as well, over TLS. Everybody needs a name and a password, which are made here at first:

| name            | for                       | may use                                         |
|-----------------|---------------------------|-------------------------------------------------|
| `hub`           | the hub itself            | everything                                      |
| `devices`       | all devices               | everything but the hub's own topics             |
| `phone`         | apps that talk to the hub | the hub's own topics, and read the announcements |
| `homeassistant` | Home Assistant            | everything                                      |

All files are in one folder that only the hub's user may read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hub import disk
from hub.config import MqttSettings
from hub.devices.mqtt.complaints import shown
from hub.errors import DeviceError, reason

log = logging.getLogger(__name__)

ACCOUNTS = ("hub", "devices", "phone", "homeassistant")
USUAL, USUAL_TLS = 1883, 8883
READY = 5.0
"""Seconds in which it listens; usual is 0.01."""
FAREWELL = 5.0
"""Seconds to write down what it keeps when it ends."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before it is started again when it died; each pause is twice the one before."""
STEADY = 60.0
"""Seconds after which it counts as healthy again."""
LARGEST = 4 * 1024 * 1024
"""Bytes of a message; a spoken reply has some 500,000."""
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of passwords, which people type into devices: nothing that looks like something else."""

MISSING = (
    "there is no Mosquitto on this machine to run as the hub's own broker: "
    "'sudo apt install mosquitto', or name another broker in [mqtt] host"
)

# The broker ends with the hub, even when that is killed: Linux sends the signal by itself. A
# program of its own asks for it, since nothing may run in this process between fork and exec.
_LAUNCHER = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def find(name: str) -> str | None:
    """A program of Mosquitto's; Debian has it where the path of users does not lead."""
    return shutil.which(
        name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
    )


class OwnBroker:
    """Mosquitto, supervised. `settings`: [mqtt] with `host = "own"`; `folder`: for its files."""

    def __init__(self, settings: MqttSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._passwords: dict[str, str] = {}
        self._prepared = False
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=20)
        self.port = 0
        """Of the listener on this machine."""
        self.trouble: str | None = None
        """Why it does not run, if it does not."""

    @property
    def accounts(self) -> Mapping[str, str]:
        """Name -> password, of all who may log in."""
        return dict(self._passwords)

    @property
    def abandoned(self) -> bool:
        """Nobody would start it again if it died."""
        return self._watching is not None and self._watching.done()

    @property
    def tls_port(self) -> int | None:
        """Of the listener that is open to the house, if there is one."""
        return (self._settings.port or USUAL_TLS) if self._settings.tls else None

    async def start(self) -> MqttSettings:
        """Start it; the settings with which the hub itself connects to it.

        Raises DeviceError if there is no Mosquitto, or it does not come up."""
        await self._try()
        self._watching = asyncio.create_task(self._watch(), name="mqtt-broker")
        return self._login()

    async def begin(self) -> MqttSettings:
        """As `start`, but one that does not come up is tried again and again, for as long as this
        is open; `trouble` says why it is not there yet."""
        try:
            await self._try()
        except DeviceError as error:
            self.trouble = str(error)
            self._know()
        self._watching = asyncio.create_task(self._watch(), name="mqtt-broker")
        return self._login()

    async def _try(self) -> None:
        """Start it once. Raises DeviceError."""
        program, passwd = find("mosquitto"), find("mosquitto_passwd")
        if program is None or passwd is None:
            raise DeviceError(MISSING)
        if not self._prepared:
            try:
                await asyncio.to_thread(self._prepare, passwd)
            except OSError as error:
                raise DeviceError(
                    f"the files of the hub's own MQTT broker in {self._folder} cannot be written: "
                    f"{reason(error)}"
                ) from error
            self._prepared = True
        await self._launch(program)

    def _login(self) -> MqttSettings:
        """How the hub itself comes in."""
        return self._settings.model_copy(
            update={
                "host": "127.0.0.1",
                "port": self.port,
                "user": "hub",
                "password": self._passwords["hub"],
                "transport": "tcp",
                "tls": False,
                "ca": None,
                "certificate": None,
                "key": None,
            }
        )

    def known(self) -> dict[str, object]:
        """Ports and passwords as they were made, for people; the broker need not run here.

        Raises DeviceError if it has never been started."""
        kept = self._kept()
        if "passwords" not in kept:
            raise DeviceError("the hub's own broker has never run: start 'hearth run' once")
        fixed = 0 if self._settings.tls else self._settings.port
        return {
            "port": fixed or kept.get("port"),
            "tls_port": self.tls_port,
            "passwords": kept["passwords"],
        }

    async def close(self) -> None:
        """End it, so that it has time to write down what it keeps."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        await self._end()

    # Its files.

    def _prepare(self, passwd: str) -> None:
        """Accounts, passwords, rights and settings. Raises DeviceError, OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        before = self._accounts(self._kept())
        fixed = 0 if self._settings.tls else self._settings.port
        accounts = {"port": before if fixed else self.port, "passwords": self._passwords}
        disk.replace(
            self._folder / "accounts.json", (json.dumps(accounts, indent=1) + "\n").encode()
        )
        self._write_passwords(passwd)
        disk.replace(self._folder / "acl", self._rights().encode())
        disk.replace(self._folder / "mosquitto.conf", self._configuration().encode())

    def _know(self) -> None:
        """Accounts and port although nothing of it can be written yet."""
        if self._passwords:
            return
        try:
            kept = self._kept()
        except OSError:
            kept = {}
        self._accounts(kept)

    def _accounts(self, kept: Mapping[str, object]) -> int:
        """Passwords and port: those that were kept, else new ones. What the hub has been told once
        stays as it is. The port of before, if there was one."""
        told, words = self._passwords.get("hub"), kept.get("passwords")
        known = words if isinstance(words, dict) else {}
        self._passwords = {
            name: str(known.get(name) or "".join(secrets.choice(LETTERS) for _ in range(20)))
            for name in ACCOUNTS
        }
        if told is not None:
            self._passwords["hub"] = told
        before = kept.get("port")
        before = before if isinstance(before, int) and 0 < before < 65536 else 0
        fixed = 0 if self._settings.tls else self._settings.port
        self.port = self.port or fixed or self._choose(before)
        return before

    def _kept(self) -> dict[str, object]:
        path = self._folder / "accounts.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(content, dict):
                return content
        except FileNotFoundError:
            return {}
        except ValueError:
            pass
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        log.error("%s is damaged: new passwords are made; the file is now %s", path, aside)
        return {}

    def _write_passwords(self, passwd: str) -> None:
        """Mosquitto's file, in which it has only hashes of them. They are handed over in a file
        that nobody else may read: everybody can see the arguments of a program."""
        path = self._folder / "passwords"
        words = "".join(f"{name}:{word}\n" for name, word in self._passwords.items())
        disk.replace(path, words.encode())
        done = subprocess.run(
            [passwd, "-U", str(path)], capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode:
            path.unlink()
            raise DeviceError(f"mosquitto_passwd failed: {shown(done.stderr.strip(), 200)}")
        path.chmod(0o600)

    def _rights(self) -> str:
        own, announced = self._settings.prefix.strip("/"), self._settings.discovery.strip("/")
        for name, value in (("prefix", own), ("discovery", announced)):
            if not value or set(value) & {"+", "#", "\n", "\0"}:
                raise DeviceError(f"[mqtt] {name}: {value!r} cannot be the beginning of topics")
        return f"""user hub
topic readwrite #
topic read $SYS/#

user homeassistant
topic readwrite #

user devices
topic readwrite #
topic deny {own}/#

user phone
topic readwrite {own}/#
topic read {announced}/#
"""

    def _configuration(self) -> str:
        folder = str(self._folder)
        files = [folder, str(self._settings.certificate), str(self._settings.key)]
        if any("\n" in name for name in files):
            raise DeviceError("a path for the hub's own MQTT broker has a line break in it")
        lines = [
            "per_listener_settings false",
            "allow_anonymous false",
            f"password_file {folder}/passwords",
            f"acl_file {folder}/acl",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 60",
            "persistent_client_expiration 7d",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "connection_messages false",
            f"max_packet_size {LARGEST}",
            "set_tcp_nodelay true",
        ]
        if os.geteuid() == 0:
            # It would change to a user who may not read these files.
            lines.append("user root")
        # Before the first listener this would open one more, to everybody, on the usual port.
        most = "max_connections 500"
        lines += [f"listener {self.port} 127.0.0.1", most]
        if self._settings.tls:
            certificate, key = self._settings.certificate, self._settings.key
            if certificate is None or key is None:
                raise DeviceError(
                    "[mqtt] tls: the hub's own broker is opened to the house with a certificate "
                    "only: set certificate and key, or tls = false"
                )
            lines += [
                f"listener {self.tls_port}",
                most,
                f"certfile {certificate}",
                f"keyfile {key}",
                "tls_version tlsv1.2",
            ]
        return "\n".join(lines) + "\n"

    def _choose(self, before: int) -> int:
        """A port on this machine: as before, else the usual one, else any."""
        for port in (before, USUAL):
            if port and _free(port):
                return port
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        why = f"{before or USUAL} is taken by another program"
        log.warning("the hub's own MQTT broker is on port %d: %s", port, why)
        return port

    # Its process.

    async def _launch(self, program: str) -> None:
        """Raises DeviceError if it does not come up."""
        for port, address in ((self.port, "127.0.0.1"), (self.tls_port, "")):
            if port and not _free(port, address):
                raise DeviceError(
                    f"the hub's own MQTT broker does not start: port {port} is taken by another "
                    "program: end that ('sudo systemctl disable --now mosquitto' if it is the "
                    "system's own Mosquitto), or set another [mqtt] port"
                )
        arguments = [program, "-c", str(self._folder / "mosquitto.conf")]
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        self._said.clear()
        process = await asyncio.create_subprocess_exec(
            *launcher,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._process = process
        hearing = asyncio.create_task(self._hear(process), name="mqtt-broker-log")
        try:
            async with asyncio.timeout(READY):
                while not await _answers(self.port):
                    if process.returncode is not None:
                        break
                    await asyncio.sleep(0.01)
        except TimeoutError:
            await self._end()
            raise DeviceError(
                f"the hub's own MQTT broker did not listen within {READY:g} s"
            ) from None
        except asyncio.CancelledError:
            await self._end()
            raise
        # It opens the ports one after the other, and may stumble over the second.
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await process.wait()
        if process.returncode is not None:
            await hearing
            self._process = None
            raise DeviceError(f"the hub's own MQTT broker does not start: {self._why(process)}")
        self.trouble = None

    def _why(self, process: asyncio.subprocess.Process) -> str:
        """The first error it spoke of."""
        errors = [line for line in self._said if line.startswith("Error")]
        return errors[0] if errors else f"it ended with status {process.returncode}"

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        """What it says goes into the log; what went wrong is kept."""
        assert process.stderr
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:
                continue  # A line without end.
            if not line:
                return
            text = shown(line.decode("utf-8", "replace").strip().partition(": ")[2], 200)
            self._said.append(text)
            log.debug("mosquitto: %s", text)

    async def _watch(self) -> None:
        """Start it again whenever it dies, or did not come up. Never returns; cancel it."""
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            process = self._process
            if process is not None:
                await process.wait()
                self.trouble = self._why(process)
                if time.monotonic() - began > STEADY:
                    pause = FIRST_PAUSE
                log.error(
                    "the hub's own MQTT broker died (%s); it is started again in %g s",
                    self.trouble,
                    pause,
                )
                self._process = None
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
            before = self.trouble
            try:
                await self._try()
            except DeviceError as error:
                self.trouble = str(error)
                if self.trouble != before:
                    log.error("%s", error)
            else:
                log.warning("the hub's own MQTT broker runs")

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(FAREWELL):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _free(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        # As Mosquitto does: a port whose last connections are still fading is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
