"""A real Home Assistant for tests, installed once and booted once in a run of pytest.

It is installed from PyPI into a virtual environment of its own under ~/.cache/hearth, guarded by
a file lock, so that several pytest processes may want it at once; each of them boots one of its
own, with a configuration folder that is thrown away. $HEARTH_TEST_HOMEASSISTANT names another
version than the one below, $HEARTH_TEST_HOMEASSISTANT_PYTHON the Python it is to run on.

Tests that change what others look at put it back.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import functools
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests import homeassistant_current

VERSION = os.environ.get("HEARTH_TEST_HOMEASSISTANT") or "2024.3.3"
"""The newest that runs on Python 3.11, which is the oldest that Hearth runs on."""
OLDER_PYTHON = (3, 13)
"""From this Python on, VERSION has no wheels."""

INTEGRATIONS = tuple(
    "api auth automation config conversation demo input_boolean input_number logger mqtt "
    "onboarding scene script system_log template websocket_api wyoming zeroconf".split()
)
"""What tests may use; and everything that Home Assistant loads on its own account."""

CONFIGURATION = """\
homeassistant:
  name: Test Home
  latitude: 52.3731
  longitude: 4.8903
  elevation: 2
  unit_system: metric
  time_zone: UTC
  currency: EUR
  country: NL
  internal_url: http://127.0.0.1:{port}
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
websocket_api:
auth:
config:
onboarding:
conversation:
logger:
  default: warning
demo:
mqtt:
input_boolean: !include input_boolean.yaml
automation: !include automations.yaml
script: !include scripts.yaml
scene: !include scenes.yaml
"""

FILES = {
    "input_boolean.yaml": "guest_mode:\n  name: Guest mode\n",
    "automations.yaml": "[]\n",
    "scripts.yaml": """\
good_night:
  alias: Good night
  sequence:
    - service: light.turn_off
      target:
        entity_id: light.kitchen_lights
let_in:
  alias: Let the cat in
  sequence:
    - service: lock.unlock
      target:
        entity_id: lock.front_door
""",
    "scenes.yaml": """\
- id: movie
  name: Movie time
  entities:
    light.kitchen_lights: "off"
- id: leaving
  name: Leaving
  entities:
    lock.front_door: locked
- id: arriving
  name: Arriving
  entities:
    lock.front_door: unlocked
""",
}


class Refused(Exception):
    """Home Assistant answered a request with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class HomeAssistant:
    """A running Home Assistant with the demo integration, an owner, and a long-lived token.

    What a test does here is what somebody else in the household does: it goes past Hearth."""

    def __init__(self, python: Path, folder: Path, version: str) -> None:
        self.folder = folder
        self.version = version
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "output.log"
        self._write_configuration()

    def start(self) -> None:
        """Boot it, and return when it runs; the first time it gets an owner and a token."""
        command = [self._python, "-m", "homeassistant", "-c", self.folder]
        # uv has not compiled what it installed: the first boot does, and each other one is quicker.
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--skip-pip", "--ignore-os-check"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=kept,
            )
        if not self.token:
            self._until(lambda: self.request("GET", "/api/onboarding"), "answers")
            self.token = self._onboard()
        self._until(lambda: self.request("GET", "/api/config")["state"] == "RUNNING", "runs")

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, *, gently: bool = True) -> None:
        """End it; without gentleness as a power cut does."""
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM if gently else signal.SIGKILL)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def request(self, method: str, path: str, data: Any = None, *, token: str | None = None) -> Any:
        """Something over its REST API, with the owner's token. Raises Refused, OSError."""
        given = self.token if token is None else token
        headers = {"Content-Type": "application/json"}
        if given:
            headers["Authorization"] = f"Bearer {given}"
        return self._request(method, path, json.dumps(data).encode() if data else None, headers)

    def call(self, service: str, **data: Any) -> None:
        """Call a service, such as `light.turn_on`, as somebody with a dashboard does."""
        self.request("POST", f"/api/services/{service.replace('.', '/')}", data)

    def state(self, entity_id: str) -> str:
        return str(self.request("GET", f"/api/states/{entity_id}")["state"])

    def command(self, name: str, /, *, token: str | None = None, **data: Any) -> Any:
        """One command over its WebSocket API. Raises Refused."""
        url = f"ws://127.0.0.1:{self.port}/api/websocket"
        with connect(url, max_size=None) as socket:
            socket.recv()
            socket.send(json.dumps({"type": "auth", "access_token": token or self.token}))
            answer = json.loads(socket.recv())
            if answer["type"] != "auth_ok":
                raise Refused(401, str(answer))
            socket.send(json.dumps({"id": 1, "type": name, **data}))
            result = json.loads(socket.recv())
        if not result["success"]:
            raise Refused(400, f"{name}: {result['error']}")
        return result["result"]

    def new_token(self, name: str) -> str:
        """Another long-lived token of the owner's; `revoke` takes it back."""
        return str(self.command("auth/long_lived_access_token", client_name=name, lifespan=1))

    def revoke(self, name: str) -> None:
        for token in self.command("auth/refresh_tokens"):
            if token["client_name"] == name:
                self.command("auth/delete_refresh_token", refresh_token_id=token["id"])

    def token_of_a_guest(self) -> str:
        """An access token of somebody who is no administrator."""
        client = f"{self.url}/"
        groups = ["system-users"]
        user = self.command("config/auth/create", name="Guest", group_ids=groups)["user"]
        login = {"username": "guest", "password": "another password"}
        named = "config/auth_provider/homeassistant/create"
        self.command(named, user_id=user["id"], **login)
        about = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
        flow = self.request("POST", "/auth/login_flow", about)["flow_id"]
        done = self.request("POST", f"/auth/login_flow/{flow}", {"client_id": client, **login})
        return self._access(done["result"])

    def write(self, name: str, text: str) -> None:
        """Change a file of its configuration; it has to be told to read it again."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def restore(self, name: str) -> None:
        """Give a file of its configuration the content it had at first."""
        self.write(name, FILES[name])

    def _write_configuration(self) -> None:
        self.write("configuration.yaml", CONFIGURATION.format(port=self.port))
        for name in FILES:
            self.restore(name)
        # Of all that a person is led through at the first start only the owner is left: setting
        # up the rest wants packages and the internet.
        (self.folder / ".storage").mkdir()
        done = {"done": ["core_config", "analytics", "integration"]}
        onboarding = {"version": 4, "minor_version": 1, "key": "onboarding", "data": done}
        self.write(".storage/onboarding", json.dumps(onboarding))

    def _onboard(self) -> str:
        """Make the owner; their long-lived token."""
        client = f"{self.url}/"
        owner = {"name": "Owner", "username": "owner", "password": "a password", "language": "en"}
        code = self.request("POST", "/api/onboarding/users", {"client_id": client, **owner})
        access = self._access(code["auth_code"])
        with suppress(Refused):  # an older one does not know the command
            # From 2026 on what YAML says of HTTP is on trial, and reverted unless confirmed.
            self.command("http/config/promote", token=access)
        data = {"client_name": "tests", "lifespan": 365}
        return str(self.command("auth/long_lived_access_token", token=access, **data))

    def _access(self, code: str) -> str:
        """The access token, for half an hour, that a login ends with."""
        form = {"grant_type": "authorization_code", "code": code, "client_id": f"{self.url}/"}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode(form).encode()
        return str(self._request("POST", "/auth/token", body, kind)["access_token"])

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                text = response.read().decode()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")[:500]) from None
        return json.loads(text) if text[:1] in ("{", "[", '"') else text

    def _until(self, happens: Callable[[], Any], what: str, seconds: float = 60) -> None:
        """Try until it succeeds. A process that starts has nothing to wait for but itself."""
        limit = time.monotonic() + seconds
        while True:
            try:
                if happens():
                    return
            except (OSError, Refused):
                pass
            if not self.runs or time.monotonic() > limit:
                said = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise RuntimeError(f"Home Assistant {self.version} never {what}:\n{said}")
            time.sleep(0.05)


class Between:
    """A proxy in front of it: with encryption, or a network in which everything gets lost."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.dark = False
        """Whatever is sent is lost, and nobody is told."""
        self._to = port
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Between:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.close()
        for way in tuple(self._ways):
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        for ends in ((reader, back), (there, writer)):
            way = asyncio.create_task(self._passed(*ends))
            self._ways.add(way)
            way.add_done_callback(self._ways.discard)

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self.dark:
                    writer.write(data)
        finally:
            writer.close()


@functools.cache
def booted() -> HomeAssistant:
    """A Home Assistant that runs, as it is after its first boot and what tests did to it since;
    for fixtures. The same for the whole process; it ends with it."""
    python = installed(VERSION)
    folder = Path(tempfile.mkdtemp(prefix="hearth-homeassistant-"))
    running = HomeAssistant(python, folder, VERSION)

    def end() -> None:
        running.stop(gently=False)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    running.start()
    return running


def installed(version: str) -> Path:
    """The Python of the environment that has this version, made if it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearth"
    folder = cache / f"test-homeassistant-{version}"
    elsewhere = homeassistant_current.wanted(version)
    if elsewhere:
        homeassistant_current.skip_unless_possible(version)
    python = folder / ("python" if elsewhere else "venv/bin/python")
    complete = folder / "complete"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock"):
        wanted = " ".join(INTEGRATIONS)
        if complete.exists() and complete.read_text(encoding="utf-8") == wanted:
            return python
        complete.unlink(missing_ok=True)
        try:
            if elsewhere:
                homeassistant_current.install(version, folder, python, _requirements)
            else:
                _install(version, folder)
        except subprocess.CalledProcessError as error:
            said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
            pytest.skip(f"Home Assistant {version} cannot be installed: {' '.join(said[-3:])}")
        complete.write_text(wanted, encoding="utf-8")
    return python


def _install(version: str, folder: Path) -> None:
    def run(*command: Any) -> None:
        environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        subprocess.run([*map(str, command)], check=True, capture_output=True, env=environment)

    uv = folder / "tools/bin/uv"
    if not uv.exists():
        run(sys.executable, "-m", "venv", folder / "tools")
        run(folder / "tools/bin/python", "-m", "pip", "install", "--quiet", "uv")
    venv = folder / "venv"
    python = venv / "bin/python"
    if not python.exists():  # otherwise something is added, perhaps while others run it
        run(uv, "venv", "--quiet", "--clear", "--python", _python(version), venv)
    install = (uv, "pip", "install", "--quiet", "--python", python)
    run(*install, f"homeassistant=={version}")
    package = next((venv / "lib").glob("python3.*/site-packages/homeassistant"))
    pins = package / "package_constraints.txt"
    run(*install, "--constraint", pins, *_requirements(package), *_amends(version))


def _python(version: str) -> str:
    """The Python that a version is installed for."""
    if given := os.environ.get("HEARTH_TEST_HOMEASSISTANT_PYTHON"):
        return given
    if version == "2024.3.3" and sys.version_info >= OLDER_PYTHON:
        older = shutil.which("python3.11") or shutil.which("python3.12")
        if older is None:
            pytest.skip(f"Home Assistant {version} needs Python 3.11 or 3.12")
        return older
    return sys.executable


def _amends(version: str) -> list[str]:
    """What the constraints of old releases have left open since."""
    return ["josepy<2"] if version.startswith("2024.") else []


def _requirements(package: Path) -> set[str]:
    """The packages that the integrations need, with all integrations they need in turn.

    Without those of its own defaults Home Assistant boots into a recovery mode."""
    components = package / "components"
    bootstrap = (package / "bootstrap.py").read_text(encoding="utf-8")
    defaults = re.findall(
        r"^(?:DEFAULT|CRITICAL)_INTEGRATIONS\b[^{]*\{(.*?)\}", bootstrap, re.M | re.S
    )
    todo = [*INTEGRATIONS, *re.findall(r'"(\w+)"', " ".join(defaults))]
    # The demo has a platform of most kinds of device.
    todo += [platform.stem for platform in (components / "demo").glob("*.py")]
    seen: set[str] = set()
    needed: set[str] = set()
    while todo:
        name = todo.pop()
        manifest = components / name / "manifest.json"
        if name in seen or not manifest.exists():
            continue
        seen.add(name)
        content = json.loads(manifest.read_text(encoding="utf-8"))
        needed |= set(content.get("requirements", ()))
        todo += [*content.get("dependencies", ()), *content.get("after_dependencies", ())]
    return needed


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
