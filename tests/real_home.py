"""What a home has for tests of the whole: a Home Assistant with a broker, lamps on that broker, and
`hearth` as the processes that people run.

Nothing here is a part of the test's own process: what the hub does has to show elsewhere.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from websockets.sync.client import ClientConnection, connect

from tests.homeassistant import HomeAssistant, Refused
from tests.mqtt import PASSWORDS, Broker

READY = "Talk to me"
"""What the hub prints when it is there."""

_numbers = itertools.count(1)


def until(what: str, is_so: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What it gives as soon as it is true. Other processes tell nobody when that is."""
    limit = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < limit, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


# --- the hub -------------------------------------------------------------------------------------


class Hearth:
    """`hearth` with settings and folders of its own."""

    def __init__(self, folder: Path, **tables: Mapping[str, Any]) -> None:
        self.folder = folder
        self.runtime = folder / "run"
        self.process: subprocess.Popen[bytes] | None = None
        self._output = folder / "output.log"
        self._file = folder / "hearth.toml"
        folders = {"data": folder / "data", "cache": folder / "cache", "runtime": self.runtime}
        own = {"hub": folders, "router": {"model": ""}}
        self.configure(**{**own, **tables, "hub": {**folders, **tables.get("hub", {})}})

    def configure(self, **tables: Mapping[str, Any]) -> None:
        """Write the settings."""
        lines = []
        for table, values in tables.items():
            lines.append(f"[{table}]")
            for key, value in values.items():
                written = value if isinstance(value, bool | int | float | list) else str(value)
                lines.append(f"{key} = {json.dumps(written)}")
        self._file.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def run(self, *arguments: str, text: str | None = None) -> tuple[int, str]:
        """A command that ends; its exit status, and all that it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "hub", *arguments],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment,
            timeout=90,
        )
        assert "Traceback" not in done.stdout, done.stdout
        return done.returncode, done.stdout

    def start(self) -> Hearth:
        """`hearth run --no-microphone`, and return when it is there."""
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", "run", "--no-microphone"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        process = self.process

        def is_there() -> bool:
            assert process.poll() is None, f"the hub has ended: {self.output}"
            return READY in self.output

        until("the hub is there", is_there, 60)
        return self

    def stop(self) -> None:
        """End it as systemd does, but with more patience (5 s are enough for it on a machine that
        does nothing else). It must end well, and without anything that nobody expected."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        assert status == 0, self.output
        assert "Traceback" not in self.output, self.output

    @property
    def output(self) -> str:
        """All that the running hub has printed."""
        return " ".join(self._output.read_text(encoding="utf-8", errors="replace").split())

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request on the control socket of the running hub, and its answer."""
        with self._connection(request) as answers:
            answer: dict[str, Any] = json.loads(next(answers))
            return answer

    def say(self, text: str, **more: Any) -> dict[str, Any]:
        """A turn, as `hearth say --json` shows it."""
        return self.ask(say=text, **more)

    def reply(self, text: str) -> str:
        return str(self.say(text)["reply"])

    @contextmanager
    def watch(self) -> Iterator[Iterator[dict[str, Any]]]:
        """All that happens from now on."""
        with self._connection({"watch": True}) as answers:
            self.ask(health=True)  # the hub looks at what came first, first
            yield (json.loads(line) for line in answers)

    def devices(self) -> list[dict[str, Any]]:
        """All that the home has."""
        found: list[dict[str, Any]] = self.ask(devices=True)["home"]["entities"]
        return found

    def state(self, entity_id: str) -> str | None:
        found = {row["entity_id"]: row["state"] for row in self.devices()}
        return found.get(entity_id)

    @contextmanager
    def _connection(self, request: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(60)
            door.connect(str(self.runtime / "hearth.sock"))
            door.sendall(json.dumps(request).encode() + b"\n")
            with door.makefile("rb") as answers:
                yield iter(answers)

    @property
    def _environment(self) -> dict[str, str]:
        left_out = ("HASS_TOKEN", "MQTT_PASSWORD")
        kept = {key: value for key, value in os.environ.items() if key not in left_out}
        # Lines are looked for in what it prints: none is to be broken.
        return {**kept, "HEARTH_CONFIG": str(self._file), "COLUMNS": "1000"}


# --- Home Assistant ------------------------------------------------------------------------------


def fresh(python: Path, version: str) -> HomeAssistant:
    """A Home Assistant that is not shared with other tests, and not started. See `removed`."""
    return HomeAssistant(python, Path(tempfile.mkdtemp(prefix="hearth-real-home-")), version)


def removed(home_assistant: HomeAssistant) -> None:
    home_assistant.stop(gently=False)
    shutil.rmtree(home_assistant.folder, ignore_errors=True)


def set_up(home_assistant: HomeAssistant, integration: str, **answers: Any) -> str:
    """Add an integration as a person does who fills in its form; the id of the entry."""
    way = "/api/config/config_entries/flow"
    step = home_assistant.request("POST", way, {"handler": integration})
    for _ in range(5):
        match step["type"]:
            case "create_entry":
                entry = step["result"]
                return str(entry["entry_id"] if isinstance(entry, dict) else entry)
            case "menu":
                given: dict[str, Any] = {"next_step_id": "broker"}
            case "form":
                assert not step.get("errors"), step
                given = _filled(step["data_schema"], answers)
            case _:
                break
        step = home_assistant.request("POST", f"{way}/{step['flow_id']}", given)
    raise AssertionError(f"{integration} is not set up: {step}")


def _filled(fields: list[dict[str, Any]], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to a form; what has to be answered besides is left as it is."""
    filled: dict[str, Any] = {}
    for field in fields:
        name = field["name"]
        if name in answers:
            filled[name] = answers[name]
        elif field.get("type") == "expandable":
            filled[name] = _filled(field["schema"], {})
        elif field.get("required"):
            filled[name] = _default(field)
    return filled


def _default(field: Mapping[str, Any]) -> Any:
    if "default" in field:
        return field["default"]
    selector = field.get("selector", {})
    if "select" in selector:
        option = selector["select"]["options"][0]
        return option["value"] if isinstance(option, dict) else option
    return False if "boolean" in selector else ""


def on_broker(home_assistant: HomeAssistant, broker: Broker) -> str:
    """Home Assistant's MQTT integration on this broker; the id of its entry."""
    login = {"username": "devices", "password": PASSWORDS["devices"]}
    return set_up(home_assistant, "mqtt", broker="127.0.0.1", port=broker.port, **login)


def entry_removed(home_assistant: HomeAssistant, entry: str) -> None:
    home_assistant.request("DELETE", f"/api/config/config_entries/entry/{entry}")


def expose(home_assistant: HomeAssistant, *entity_ids: str) -> None:
    """Let voice know of entities."""
    home_assistant.command(
        "homeassistant/expose_entity",
        assistants=["conversation"],
        entity_ids=list(entity_ids),
        should_expose=True,
    )


def known(home_assistant: HomeAssistant, entity_id: str) -> bool:
    """Whether Home Assistant has an entity, and it is there."""
    try:
        return home_assistant.state(entity_id) != "unavailable"
    except Refused:
        return False


@contextmanager
def socket_of(home_assistant: HomeAssistant) -> Iterator[ClientConnection]:
    """Its WebSocket, with the owner logged in."""
    with connect(f"ws://127.0.0.1:{home_assistant.port}/api/websocket", max_size=None) as door:
        door.recv()
        door.send(json.dumps({"type": "auth", "access_token": home_assistant.token}))
        assert json.loads(door.recv())["type"] == "auth_ok"
        yield door


@contextmanager
def service_calls(home_assistant: HomeAssistant) -> Iterator[Iterator[dict[str, Any]]]:
    """What Home Assistant is asked to do from now on, at the moment in which it is."""
    with socket_of(home_assistant) as door:
        wanted = {"id": 1, "type": "subscribe_events", "event_type": "call_service"}
        door.send(json.dumps(wanted))
        assert json.loads(door.recv())["success"]
        yield (json.loads(door.recv(timeout=20))["event"]["data"] for _ in itertools.count())


# --- devices -------------------------------------------------------------------------------------


class OnBroker:
    """Somebody on the broker: devices, and whoever else is there."""

    def __init__(self, broker: Broker) -> None:
        self.kept: dict[str, bytes] = {}
        """Topic -> what the broker keeps there, of all that was asked for."""
        self._answers: dict[str, Callable[[str], None]] = {}
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=f"devices-{next(_numbers)}"
        )
        self._client.username_pw_set("devices", PASSWORDS["devices"])
        self._client.reconnect_delay_set(0.05, 0.2)
        self._client.on_message = self._heard
        self._client.on_connect = lambda *_: self._subscribe()
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        until("a connection to the broker", self._client.is_connected)

    def __enter__(self) -> OnBroker:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: Any, *, retain: bool = False) -> None:
        """Publish text, bytes, or anything else as JSON, and wait for the broker's word."""
        given = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        self._client.publish(topic, given, qos=1, retain=retain).wait_for_publish(20)

    def hear(self, topic: str, answer: Callable[[str], None] | None = None) -> None:
        """Have `answer` called with what comes in on a topic; without it, it is `kept`."""
        self._answers[topic] = answer or (lambda text: None)
        self._subscribe()

    def lamp(self, key: str, name: str) -> Lamp:
        return Lamp(self, key, name)

    def _subscribe(self) -> None:
        for topic in self._answers:
            self._client.subscribe(topic, 1)

    def _heard(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        if message.retain:
            self.kept[message.topic] = message.payload
        elif not message.payload:
            self.kept.pop(message.topic, None)
        if answer := self._answers.get(message.topic):
            answer(message.payload.decode())


class Lamp:
    """A lamp on the broker that announces itself, and does what it is told."""

    def __init__(self, on: OnBroker, key: str, name: str) -> None:
        self.key, self.name = key, name
        self.asked: list[str] = []
        """What it was told, in order."""
        self.heeds: Callable[[str], bool] = lambda told: True
        """Whether it does what it is told just now."""
        self._on = on
        self._base = f"lamps/{key}"
        on.hear(f"{self._base}/set", self._told)
        self.announce()
        self.report("OFF")

    @property
    def state_topic(self) -> str:
        return f"{self._base}/state"

    @property
    def config_topic(self) -> str:
        return f"homeassistant/light/{self.key}/config"

    def announce(self) -> None:
        config = {
            "name": self.name,
            "unique_id": self.key,
            "object_id": self.key,
            "default_entity_id": f"light.{self.key}",  # what it is called since 2025.10
            "state_topic": self.state_topic,
            "command_topic": f"{self._base}/set",
        }
        self._on.say(self.config_topic, config, retain=True)

    def report(self, state: str) -> None:
        self._on._client.publish(self.state_topic, state, qos=1, retain=True)

    def gone(self) -> None:
        """Taken out of the home."""
        self._on.say(self.config_topic, "", retain=True)
        self._on.say(self.state_topic, "", retain=True)

    def _told(self, told: str) -> None:
        self.asked.append(told)
        if self.heeds(told):
            self.report(told)
