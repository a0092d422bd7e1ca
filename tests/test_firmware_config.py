"""What people flash and copy works: ESPHome takes its settings without a network, Mosquitto gives
each device its rights and no more, and what Tasmota announces becomes a device of the hub.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import aiomqtt
import pytest
import yaml

from hub.config import Config, MqttSettings
from hub.devices.mqtt import source as source_module
from hub.devices.mqtt.source import MqttHome
from tests.mqtt import MOSQUITTO, Authority, free_port, needs_mosquitto
from tests.test_mqtt_source import Follower

ROOT = Path(__file__).parents[1] / "firmware-config"
NODES = ("voice-satellite", "room-node", "relay", "sensor")
ESPHOME = "2026.10.0" if sys.version_info >= (3, 12) else "2026.6.5"
"""The newest that runs on this Python."""


def test_every_file_is_spoken_of() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    files = [path for path in ROOT.rglob("*") if path.is_file() and "esphome/." not in str(path)]
    names = {path.name for path in files if path.name not in ("README.md", "secrets.yaml")}
    assert len(names) > 15
    missing = {
        name for name in names if name not in text and not name.endswith((".tflite", ".json"))
    }
    assert not missing


# --- ESPHome -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def esphome() -> list[str]:
    """The command, without any network around it where the system allows that."""
    program = os.environ.get("HEARTH_TEST_ESPHOME") or shutil.which("esphome") or _installed()
    alone = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    can = shutil.which("unshare") and subprocess.run([*alone, "true"], capture_output=True)
    return [*(alone if can and can.returncode == 0 else []), program]


def _installed() -> str:
    """ESPHome in an environment of its own, made at the first time: it pins what it needs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearth"
    folder = cache / f"test-esphome-{ESPHOME}"
    folder.mkdir(parents=True, exist_ok=True)
    program, complete = folder / "venv/bin/esphome", folder / "complete"
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            return str(program)
        for command in (
            [sys.executable, "-m", "venv", "--clear", folder / "venv"],
            [folder / "venv/bin/python", "-m", "pip", "install", "-q", f"esphome=={ESPHOME}"],
        ):
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
            if done.returncode:
                said = " ".join(done.stderr.strip().splitlines()[-2:])
                pytest.skip(f"ESPHome {ESPHOME} cannot be installed: {said}")
        complete.touch()
    return str(program)


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    """The settings as somebody has copied them: with the example's secrets and a wake word."""
    folder = tmp_path / "esphome"
    shutil.copytree(ROOT / "esphome", folder, ignore=shutil.ignore_patterns("secrets.yaml", ".*"))
    shutil.copy(folder / "secrets.example.yaml", folder / "secrets.yaml")
    package = find_spec("pymicro_wakeword")
    assert package and package.origin
    for file in (Path(package.origin).parent / "models").glob("hey_jarvis.*"):
        shutil.copy(file, folder / "wake")
    return folder


def checked(esphome: list[str], folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    return subprocess.run(
        [*esphome, "config", f"{name}.yaml"],
        cwd=folder,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        timeout=250,
    )


@pytest.mark.slow
@pytest.mark.timeout(900)  # the first one installs ESPHome
@pytest.mark.parametrize("name", NODES)
def test_esphome_takes_the_settings_without_a_network(
    esphome: list[str], nodes: Path, name: str
) -> None:
    done = checked(esphome, nodes, name)
    assert done.returncode == 0, done.stdout[:3000] + done.stderr
    assert "Configuration is valid!" in done.stderr
    friendly = re.search(r"friendly_name: (.+)", (nodes / f"{name}.yaml").read_text())
    assert friendly and f"friendly_name: {friendly[1]}" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_wake_word_by_name_would_need_a_network(esphome: list[str], nodes: Path) -> None:
    file = nodes / "packages/voice.yaml"
    file.write_text(file.read_text().replace("wake/hey_jarvis.json", "okay_nabu"))
    assert checked(esphome, nodes, "voice-satellite").returncode != 0


def test_prepare_makes_new_secrets_and_keeps_what_is_there(tmp_path: Path, nodes: Path) -> None:
    (nodes / "secrets.yaml").unlink()
    model = nodes / "wake/hey_jarvis.json"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in (nodes / "wake").glob("hey_jarvis.*"):
        shutil.move(file, elsewhere)

    def prepare() -> dict[str, str]:
        subprocess.run([nodes / "prepare", elsewhere / model.name], check=True, capture_output=True)
        found: dict[str, str] = yaml.safe_load((nodes / "secrets.yaml").read_text())
        return found

    example = yaml.safe_load((nodes / "secrets.example.yaml").read_text())
    made = prepare()
    secret = [key for key in made if key.endswith("password") or key == "api_key"]
    own = [key for key in secret if key != "wifi_password"]
    assert len(own) == 5 and len({made[key] for key in own}) == 5
    assert not {made[key] for key in own} & set(example.values())
    assert (nodes / "secrets.yaml").stat().st_mode & 0o777 == 0o600
    assert model.exists() and model.with_suffix(".tflite").exists()
    assert prepare() == made


# --- Mosquitto -----------------------------------------------------------------------------------


class House:
    """Mosquitto with the settings of firmware-config, on other ports and in another folder."""

    def __init__(self, folder: Path, acl: str = "") -> None:
        self.folder = folder
        self.ca = folder / "ca.crt"
        self.port, self.tls_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "conf.d").mkdir(parents=True)
        self.run("certificates", "localhost", "127.0.0.1")
        (folder / "acl").write_text((ROOT / "mosquitto/acl").read_text() + acl)
        text = (ROOT / "mosquitto/mosquitto.conf").read_text()
        text = text.replace("/etc/hearth/broker", str(folder))
        text = text.replace("/var/lib/hearth-broker", str(folder))
        text = text.replace("listener 1883 ", f"listener {self.port} ")
        text = text.replace("listener 8883", f"listener {self.tls_port} 127.0.0.1")
        root = "user root\n" if os.geteuid() == 0 else ""
        (folder / "mosquitto.conf").write_text(root + text)

    def run(self, script: str, *arguments: str) -> str:
        """One of the scripts for people; what it prints."""
        done = subprocess.run(
            [ROOT / "mosquitto" / script, *arguments],
            env={**os.environ, "HEARTH_BROKER": str(self.folder)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        if os.geteuid() == 0:  # as the one who runs Mosquitto here
            shutil.chown(self.folder, "root", "root")
        return done.stdout

    def account(self, name: str) -> str:
        return self.run("account", name).strip().removeprefix(f"{name}: ")

    def start(self) -> None:
        assert MOSQUITTO
        log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")], stderr=log
        )
        end = time.monotonic() + 20
        for port in (self.port, self.tls_port):
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < end, "mosquitto does not listen"
                time.sleep(0.005)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    @asynccontextmanager
    async def client(self, name: str, password: str) -> AsyncIterator[aiomqtt.Client]:
        """A device or a program in the house: over TLS."""
        async with aiomqtt.Client(
            "localhost",
            self.tls_port,
            username=name,
            password=password,
            identifier=f"{name}-test",
            tls_params=aiomqtt.TLSParameters(ca_certs=str(self.ca)),
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as client:
            yield client


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "house")
    yield made
    made.stop()


async def heard(client: aiomqtt.Client, until: str) -> dict[str, str]:
    """All that comes up to a topic: what was said before it is there by then."""
    found: dict[str, str] = {}
    async with asyncio.timeout(20):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            found[message.topic.value] = message.payload.decode()
            if message.topic.value == until:
                break
    return found


@needs_mosquitto
async def test_a_device_has_its_own_topics_and_no_others(house: House) -> None:
    words = {name: house.account(name) for name in ("hearth", "hall-relay", "bedroom-node")}
    house.start()
    allowed = {
        "hall-relay": (
            "devices/hall-relay/light/state",
            "homeassistant/light/hall-relay/ceiling/config",
            "tele/hall-relay/LWT",
        ),
        "bedroom-node": ("hearth/v1/listen", "devices/bedroom-node/status"),
    }
    denied = {
        "hall-relay": (
            "devices/front-door/lock/command",
            "homeassistant/lock/front-door/lock/config",
            "homeassistant/lock/hall-relay/config",
            "cmnd/coffee-machine/POWER",
            "hearth/v1/say",
            "hearth/v1/mute/set",
            "zigbee2mqtt/lock/set",
        ),
        "bedroom-node": ("hearth/v1/say", "devices/hall-relay/light/command"),
    }
    async with house.client("hearth", words["hearth"]) as hub:
        await hub.subscribe("#", qos=1)
        for name in allowed:
            async with house.client(name, words[name]) as device:
                for topic in (*allowed[name], *denied[name], f"devices/{name}/end"):
                    await device.publish(topic, "x", qos=1)
            found = await heard(hub, f"devices/{name}/end")
            assert set(found) == {*allowed[name], f"devices/{name}/end"}

        async with house.client("hall-relay", words["hall-relay"]) as device:
            await device.subscribe("#", qos=1)
            for topic in ("devices/front-door/state", "hearth/v1/turn", "zigbee2mqtt/lamp",
                          "devices/hall-relay/light/command"):  # fmt: skip
                await hub.publish(topic, "x", qos=1)
            assert set(await heard(device, "devices/hall-relay/light/command")) == {
                "devices/hall-relay/light/command"
            }


@needs_mosquitto
async def test_nobody_comes_in_without_a_password_or_with_another_authority(
    house: House, tmp_path: Path
) -> None:
    word = house.account("hearth")
    house.start()
    for port in (house.port, house.tls_port):
        for user, password in ((None, None), ("hearth", "wrong"), ("nobody", word)):
            tls = aiomqtt.TLSParameters(ca_certs=str(house.ca)) if port == house.tls_port else None
            with pytest.raises(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "localhost", port, username=user, password=password, tls_params=tls
                ):
                    pass
    house.ca = Authority(tmp_path / "other").ca
    with pytest.raises(aiomqtt.MqttError, match=r"(?i)certificate"):
        async with house.client("hearth", word):
            pass


@needs_mosquitto
async def test_a_certificate_is_renewed_under_the_same_authority_and_a_password_replaced(
    house: House,
) -> None:
    before, certificate = house.ca.read_bytes(), (house.folder / "server.crt").read_bytes()
    old, new = house.account("hearth"), house.account("hearth")
    house.account("phone")
    house.run("certificates", "localhost", "127.0.0.1")
    assert house.ca.read_bytes() == before
    assert (house.folder / "server.crt").read_bytes() != certificate
    lines = (house.folder / "passwords").read_text().splitlines()
    assert sorted(line.split(":")[0] for line in lines) == ["hearth", "phone"]
    assert old not in "".join(lines) and new not in "".join(lines)
    for secret in ("server.key", "ca.key", "passwords"):
        assert (house.folder / secret).stat().st_mode & 0o077 in (0, 0o040)
    house.start()
    async with house.client("hearth", new):
        pass
    with pytest.raises(aiomqtt.MqttError):
        async with house.client("hearth", old):
            pass


@pytest.fixture
def lake(house: House, tmp_path: Path) -> Iterator[House]:
    """A second house; the bridge to it stands in the first one, where the hub is."""
    made = House(tmp_path / "lake", acl="\npattern readwrite lake/%u/#\n")
    text = (ROOT / "mosquitto/second-house.conf.example").read_text()
    for shown, real in (
        ("10.8.0.2:8883", f"localhost:{made.tls_port}"),
        ("its-password", made.account("main-house")),
        ("/etc/hearth/broker/lake-ca.crt", str(made.ca)),
        ("restart_timeout 5 60", "restart_timeout 2"),
    ):
        assert shown in text
        text = text.replace(shown, real)
    (house.folder / "conf.d/second-house.conf").write_text(text)
    yield made
    made.stop()


@pytest.mark.slow
@needs_mosquitto
async def test_a_second_house_comes_in_over_the_bridge_and_this_one_does_not_go_out(
    house: House, lake: House
) -> None:
    hub_word, relay_word = house.account("hearth"), lake.account("boat-relay")
    lake_word = lake.account("hearth")
    announced, state = "homeassistant/switch/boat-relay/pump/config", "lake/boat-relay/pump/state"
    command = "lake/boat-relay/pump/command"
    lake.start()
    async with lake.client("boat-relay", relay_word) as relay:
        await relay.publish(announced, "{}", qos=1, retain=True)
        await relay.publish(state, "OFF", qos=1, retain=True)
    house.start()
    async with house.client("hearth", hub_word) as hub:
        await hub.subscribe("#", qos=1)
        found: dict[str, str] = {}
        while not {announced, state} <= set(found):
            async with asyncio.timeout(20):
                message = await anext(aiter(hub.messages))
            found[message.topic.value] = str(message.payload)

        async with lake.client("hearth", lake_word) as there:
            await there.subscribe("#", qos=1)
            await hub.publish("homeassistant/lock/front-door/lock/config", "{}", qos=1)
            await hub.publish("devices/hall-relay/state", "ON", qos=1)
            await hub.publish(command, "ON", qos=1)
            assert set(await heard(there, command)) == {announced, state, command}

        # The line breaks: what is wanted then is not done when it stands again.
        lake.stop()
        assert (await heard(hub, "bridge/lake"))["bridge/lake"] == "0"
        await hub.publish(command, "OFF", qos=1)
        lake.start()
        async with lake.client("boat-relay", relay_word) as relay:
            await relay.subscribe("lake/boat-relay/#", qos=1)
            assert (await heard(hub, "bridge/lake"))["bridge/lake"] == "1"
            await hub.publish("lake/boat-relay/end", "x", qos=1)
            assert command not in await heard(relay, "lake/boat-relay/end")


# --- what devices announce -----------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "FIRST_WORD", 0.15)
    monkeypatch.setattr(source_module, "QUIET", 0.05)
    monkeypatch.setattr(source_module, "SETTLED", 0.05)


def tasmota(name: str) -> dict[str, str]:
    """Command -> rest, of the lines for Tasmota's console, with all of a Backlog apart."""
    found: dict[str, str] = {}
    for line in (ROOT / f"tasmota/{name}.txt").read_text().splitlines():
        parts = line.removeprefix("Backlog ").split("; ") if "Backlog" in line else [line]
        for command, _, rest in (
            part.partition(" ") for part in parts if part[:1] not in ("", "#")
        ):
            found.setdefault(command, rest)
    return found


@pytest.mark.parametrize(
    ("name", "entity", "service", "data", "command"),
    [
        ("plug", "switch.coffee_machine", "turn_on", {}, ("POWER", "ON")),
        ("light", "light.shelf_light", "turn_on", {"brightness": 128}, ("Dimmer", "50")),
    ],
)
@pytest.mark.usefixtures("quick")
@needs_mosquitto
async def test_tasmota_is_found_and_told(
    house: House,
    name: str,
    entity: str,
    service: str,
    data: dict[str, int],
    command: tuple[str, str],
) -> None:
    said = tasmota(name)
    topic = said["Topic"]
    assert said["MqttUser"] == topic
    assert len(said["Rule1"]) < 511, "Tasmota keeps no longer rules"
    rule = re.fullmatch(r"ON Mqtt#Connected DO Publish2 (\S+) (\{.*\}) ENDON", said["Rule1"])
    assert rule
    where, payload = (part.replace("%topic%", topic) for part in rule.groups())
    json.loads(payload)

    hub_word, device_word = house.account("hearth"), house.account(topic)
    house.start()
    settings = MqttSettings(
        host="localhost",
        port=house.tls_port,
        user="hearth",
        password=hub_word,
        tls=True,
        ca=house.ca,
    )
    async with house.client(topic, device_word) as device:
        await device.subscribe(f"cmnd/{topic}/#", qos=1)
        await device.publish(where, payload, qos=1, retain=True)
        await device.publish(f"tele/{topic}/LWT", "Online", qos=1, retain=True)
        await device.publish(f"stat/{topic}/POWER", "OFF", qos=1, retain=True)
        home = Follower(MqttHome(settings))
        try:
            await home.open()
            await home.until_state(entity, "off")
            domain = entity.partition(".")[0]
            await home.source.call_service(domain, service, [entity], data)
            expected = f"cmnd/{topic}/{command[0]}"
            assert (await heard(device, expected))[expected] == command[1]
            await device.publish(f"stat/{topic}/POWER", "ON", qos=1, retain=True)
            await home.until_state(entity, "on")
            await device.publish(f"tele/{topic}/LWT", "Offline", qos=1, retain=True)
            await home.until_state(entity, "unavailable")
        finally:
            await home.close()


def test_the_names_are_the_same_everywhere() -> None:
    """Prefixes and accounts in one file are those of the others, and of the hub."""
    hub = Config().mqtt
    zigbee = yaml.safe_load((ROOT / "zigbee2mqtt/configuration.yaml").read_text())
    acl = (ROOT / "mosquitto/acl").read_text()
    assert zigbee["homeassistant"]["discovery_topic"] == hub.discovery
    assert f"user {zigbee['mqtt']['user']}\ntopic readwrite {zigbee['mqtt']['base_topic']}/#" in acl
    mqtt = (ROOT / "esphome/packages/mqtt.yaml").read_text()
    assert f"discovery_prefix: {hub.discovery}\n" in mqtt
    assert "username: ${name}\n" in mqtt and "topic_prefix: devices/${name}\n" in mqtt
    node = (ROOT / "esphome/room-node.yaml").read_text()
    assert f"hub: {hub.prefix}\n" in node
    rights = acl.partition("user bedroom-node\n")[2].partition("\n\n")[0]
    for topic in re.findall(r"\$\{hub\}/(\S+)", node):
        assert f" {hub.prefix}/{topic}\n" in f"{rights}\n"


# --- sound cards and sticks ----------------------------------------------------------------------


def test_alsa_reads_the_settings_for_sound_cards(tmp_path: Path) -> None:
    shipped = Path("/usr/share/alsa/alsa.conf")
    if not shipped.exists():
        pytest.skip("ALSA is not installed")
    both = tmp_path / "asound.conf"
    both.write_text(f"<{shipped}>\n" + (ROOT / "audio/asound.conf").read_text())
    listed = subprocess.run(
        [sys.executable, "-c", _HINTS],
        env={**os.environ, "ALSA_CONFIG_PATH": str(both)},
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 0, listed.stderr
    assert {"hearth_in", "hearth_out"} <= set(listed.stdout.split("\n"))


_HINTS = """
import ctypes
alsa = ctypes.CDLL("libasound.so.2")
alsa.snd_device_name_get_hint.restype = ctypes.c_char_p
alsa.snd_device_name_get_hint.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
hints = ctypes.POINTER(ctypes.c_void_p)()
assert alsa.snd_device_name_hint(-1, b"pcm", ctypes.byref(hints)) == 0
for hint in hints:
    if not hint:
        break
    print(alsa.snd_device_name_get_hint(hint, b"NAME").decode())
"""
"""Prints the names of all devices that ALSA's own library finds in its settings."""


def test_the_rules_for_udev_are_rules() -> None:
    match = r"(SUBSYSTEM|KERNEL|ACTION|TEST|ATTRS?\{[\w/]+\})(==|!=)\"[^\"]+\""
    match += r"|TEST==\"[^\"]+\"|(SYMLINK\+?|GROUP|MODE|GOTO|LABEL|ATTR\{[\w/]+\})\+?=\"[^\"]+\""
    lines = (ROOT / "udev/80-hearth.rules").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    for rule in rules:
        assert all(re.fullmatch(match, part) for part in rule.split(", ")), rule
    wanted, there = (
        {name for rule in rules for name in re.findall(rf'{key}="(\w+)"', rule)}
        for key in ("GOTO", "LABEL")
    )
    assert wanted == there
