"""Attacks on a home, each made twice: with what guards against it, and without.

The second is the positive control: an attack that fails either way proves nothing. `SECURITY.md`
has the whole list; what other files test already is not here again.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import jinja2
import paho.mqtt.client as paho
import pytest
import pytest_asyncio
from aiohttp import web

from hub import control
from hub.app import open_hub
from hub.bridges.ears import Ears
from hub.bridges.wyoming.server import WyomingServer
from hub.config import Config, HomeAssistantSettings, WyomingSettings, parse
from hub.control import SOCKET, ControlServer
from hub.daily.writer import Writer
from hub.devices.homeassistant import access, rest
from hub.devices.mqtt import access as mqtt_access
from hub.devices.mqtt import connection
from hub.devices.mqtt.broker import OwnBroker
from hub.errors import DeviceError
from hub.messages import Audio, Call, Heard, Hypothesis, Utterance
from hub.policy import pin as pins
from hub.policy.pin import Pin
from hub.ports import Inventory, SourceArea, SourceEntity
from hub.router import codec
from hub.skill import Where
from tests.conftest import Household, ScriptedRecognizer
from tests.fakes import FakeSource, FakeTime, speech
from tests.mqtt import PASSWORDS, Broker, needs_mosquitto
from tests.router_home import make_router, said
from tests.test_daily_writing import Shipped
from tests.test_mqtt_broker import account, own, passes
from tests.test_policy import NOON, Home
from tests.test_privacy import running
from tests.test_router_tuned import ScriptedChooser
from tests.test_wyoming import offered


def settings(folder: Path, more: str = "") -> Config:
    return parse(
        f'[hub]\ndata = "{folder}/data"\ncache = "{folder}/cache"\nruntime = "{folder}/run"\n'
        f'[router]\nmodel = ""\n{more}'
    )


@pytest.fixture
async def at_home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path)
    async with home.house:
        await home.begin()
        yield home
        await home.assistant.skillset.close()


# --- the broker ----------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OwnBroker]:
    monkeypatch.setattr("hub.devices.mqtt.broker.USUAL", 0)
    broker = OwnBroker(own(), tmp_path / "broker")
    yield broker
    await broker.close()


@needs_mosquitto
@pytest.mark.parametrize("guarded", [True, False])
async def test_a_device_on_the_broker_gives_the_hub_no_orders(
    broker: OwnBroker, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        every = "\n".join(f"user {name}\ntopic readwrite #\n" for name in ("hub", "devices"))
        monkeypatch.setattr(broker, "_rights", lambda: every)
    await broker.start()
    assert await passes(broker, "devices", "hub", "common/x")
    assert await passes(broker, "devices", "hub", "hearth/say") is not guarded


@needs_mosquitto
@pytest.mark.parametrize("guarded", [True, False])
async def test_who_has_no_password_is_not_let_in(
    broker: OwnBroker, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        strict = broker._configuration
        loose = lambda: strict().replace("anonymous false", "anonymous true")  # noqa: E731
        monkeypatch.setattr(broker, "_configuration", loose)
    await broker.start()
    came_in = False
    with suppress(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", broker.port):
            came_in = True
    assert came_in is not guarded


@needs_mosquitto
async def test_ten_megabytes_do_not_arrive_at_the_hub_and_do_elsewhere(broker: OwnBroker) -> None:
    """What a broker without the limit passes on, a client without one takes."""
    await broker.start()
    own_limit = broker._folder / "mosquitto.conf"
    assert "max_packet_size" in own_limit.read_text()
    with pytest.raises((aiomqtt.MqttError, TimeoutError)):
        async with asyncio.timeout(5), account(broker, "devices") as sender:
            await sender.publish("common/huge", "x" * 10_000_000, qos=1)
            await sender.publish("common/huge", "y", qos=1)


@needs_mosquitto
async def test_a_broker_without_that_limit_passes_them_on(
    broker: OwnBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = broker._configuration
    loose = lambda: "\n".join(  # noqa: E731
        line for line in strict().splitlines() if "max_packet_size" not in line
    )
    monkeypatch.setattr(broker, "_configuration", loose)
    await broker.start()
    async with account(broker, "hub") as hearing, account(broker, "devices") as sender:
        await hearing.subscribe("common/huge", qos=1)
        await sender.publish("common/huge", "x" * 10_000_000, qos=1)
        async with asyncio.timeout(20):
            message = await anext(aiter(hearing.messages))
    assert len(message.payload) == 10_000_000  # type: ignore[arg-type]


@needs_mosquitto
async def test_a_client_that_queues_would_open_the_door_later(tmp_path: Path) -> None:
    """The control of the hub's commands, which are refused while the broker is away
    (`test_mqtt_source`): the usual client keeps one, and sends it when nobody expects it."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    settings = broker.settings()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(settings.user, settings.password)
    client.publish("lock/set", "UNLOCK", qos=1)  # nobody is there
    watcher = aiomqtt.Client(
        "127.0.0.1", broker.port, username=settings.user, password=settings.password
    )
    async with watcher:
        await watcher.subscribe("lock/set")
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        async with asyncio.timeout(20):
            message = await anext(aiter(watcher.messages))
    assert message.payload == b"UNLOCK"
    client.loop_stop()
    broker.kill()


@needs_mosquitto
async def test_nobody_throws_the_hub_out_by_taking_its_name(tmp_path: Path) -> None:
    """A broker ends the connection of whoever has a name that another one comes with. A device
    knows all of the hub's settings but its password."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    settings = broker.settings()

    async def taken(name: str) -> bool:
        """Whether the hub is thrown out when a device comes with this name."""
        device = aiomqtt.Client(
            "127.0.0.1",
            broker.port,
            identifier=name,
            username="devices",
            password=PASSWORDS["devices"],
            protocol=aiomqtt.ProtocolVersion.V5,
        )
        inbox: asyncio.Queue[aiomqtt.Message] = asyncio.Queue()
        try:
            async with connection.connected(settings, "home", inbox=inbox) as hub, device:
                await hub.publish("x", b"", qos=1)
        except DeviceError:
            return True
        return False

    try:
        guess = mqtt_access.identifier(settings, "home", PASSWORDS["devices"])
        assert not await taken(guess)
        assert not await taken(mqtt_access.identifier(settings, "home"))
        # The control: with the right name it does.
        own = mqtt_access.identifier(settings, "home", mqtt_access.password(settings))
        assert await taken(own)
    finally:
        broker.kill()


# --- PIN and policy ------------------------------------------------------------------------------


async def test_a_pin_that_may_be_guessed_for_ever_is_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of `test_policy`: `test_ten_thousand_guesses_are_twenty`."""
    monkeypatch.setattr(pins, "MEMORY_KIB", 8)
    monkeypatch.setattr(pins, "ROUNDS", 1)

    async def guessed() -> bool:
        pin = Pin(tmp_path / "pin.json", FakeTime(NOON))
        pin.set("4826")
        return "right" in [await pin.check(f"{guess}") for guess in range(4800, 4830)]

    assert not await guessed()
    monkeypatch.setattr(pins, "TRIES", 10**9)
    assert await guessed()


async def test_digits_that_are_no_pin_are_in_the_trace(at_home: Home) -> None:
    """The control of `test_policy`: `test_a_pin_leaves_no_trace`. Nothing hides digits as such."""
    at_home.pin.set("4826")
    await at_home.say("unlock the front door")
    await at_home.say("4826")
    await at_home.say("4826")
    asked, secret, plain = [json.dumps(trace.to_json(), default=str) for trace in at_home.traces]
    assert "4826" not in asked and "4826" not in secret
    assert "4826" in plain


async def test_undoing_a_lock_asks_for_the_pin_and_undoing_a_light_does_not(at_home: Home) -> None:
    at_home.pin.set("4826")
    at_home.house.devices.set_state("lock.front_door", "unlocked")
    await at_home.say("lock the front door")
    await at_home.say("undo that")
    await at_home.say("yes")
    assert at_home.state("lock.front_door") == "locked"
    await at_home.say("never mind")
    await at_home.say("turn on the kitchen light")
    await at_home.say("undo that")
    assert at_home.state("light.kitchen") == "off"


@pytest.mark.parametrize("person", [None, "Sam", "owner", "admin", "hub"])
async def test_nobody_s_name_is_a_key(at_home: Home, person: str | None) -> None:
    """Who is believed to speak makes no class lower; a PIN does."""
    skills = at_home.assistant.skillset
    call = Call("HassTurnOff", {"name": "lock.front_door"})
    done = await skills.perform(call, where=Where("Hall", person=person), confirmed=True)
    assert done.refused or done.waiting is not None
    if done.waiting is not None:
        done.waiting.drop()
    assert at_home.state("lock.front_door") == "locked"
    at_home.pin.set("4826")
    await at_home.say("unlock the front door")
    await at_home.say("4826")
    assert at_home.state("lock.front_door") == "unlocked"


async def test_a_thousand_devices_do_not_fill_the_prompt() -> None:
    many = Inventory(
        floors=(),
        areas=tuple(SourceArea(f"a{n}", f"Room {n}") for n in range(50)),
        entities=tuple(
            SourceEntity(f"light.l{n}", f"Lamp {n} of Somebody", "light", f"a{n % 50}")
            for n in range(1000)
        ),
    )
    model = ScriptedChooser(("none", 1.0))
    router, home = await make_router(model=model, inventory=many)  # type: ignore[arg-type]
    await said(router, "lamp 77 of somebody could do with going off i think")
    (prompt,) = model.prompts
    assert len(prompt) < 1500
    things = [
        codec.Listed("A", "entity", e.entity_id, e.name, e.domain, None, e.area)
        for e in many.entities
    ]
    assert len(codec.home(codec.Listing(tuple(things)))) > 20_000  # without a choice among them
    await home.close()


# --- models and libraries ------------------------------------------------------------------------


async def test_the_template_in_a_model_s_file_is_never_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    evil = (
        "{% for m in messages %}<|im_start|>{{ m }}{% endfor %}"
        "{{ cycler.__init__.__globals__.os.system('touch " + str(canary) + "') }}"
    )
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF" + bytes(99) + b"tokenizer.chat_template" + bytes(8) + evil.encode())
    model = Shipped("", "Dear aunt!<|im_end|>")
    assert await Writer(model, file=lambda: file).write("a greeting", "en") == "Dear aunt!"
    assert not canary.exists()
    jinja2.Template(evil).render(messages=[])  # as a program that runs templates would
    assert canary.exists()


def wheel(folder: Path, body: str) -> Path:
    """A wheel of one module (PEP 427)."""
    path = folder / "tidings-1.0-py3-none-any.whl"
    info = "tidings-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("tidings.py", body)
        made.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tidings\nVersion: 1.0\n")
        made.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        made.writestr(f"{info}/RECORD", f"tidings.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
    return path


@pytest.mark.slow
def test_an_altered_wheel_is_not_installed(tmp_path: Path) -> None:
    """As `scripts/setup` installs: with the hashes of the locks."""
    import hashlib

    good = hashlib.sha256(wheel(tmp_path, "good = True\n").read_bytes()).hexdigest()
    lock = tmp_path / "run.lock"
    lock.write_text(f"tidings==1.0 \\\n    --hash=sha256:{good}\n")
    wheel(tmp_path, "evil = True\n")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
           "--no-index", "--find-links", str(tmp_path)]  # fmt: skip

    def installed(folder: str, *how: str) -> bool:
        target = tmp_path / folder
        subprocess.run([*pip, "--target", str(target), *how], capture_output=True, check=False)
        return (target / "tidings.py").exists()

    assert not installed("guarded", "--require-hashes", "-r", str(lock))
    assert installed("loose", "tidings==1.0")
    wheel(tmp_path, "good = True\n")
    setup = (Path(__file__).parent.parent / "scripts/setup/__main__.py").read_text()
    assert '"--require-hashes", "--only-binary", ":all:"' in setup


# --- the microphone ------------------------------------------------------------------------------

LOUD = bytes(range(1, 251)) * 128
"""Sound that is found again."""


async def test_what_is_heard_is_on_no_disk(tmp_path: Path) -> None:
    def found(folder: Path) -> list[Path]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return [path for path in files if LOUD[:500] in path.read_bytes()]

    async def heard(folder: Path, more: str = "") -> list[Path]:
        recognizer = ScriptedRecognizer()
        async with open_hub(settings(folder, more)) as hub:
            hub.assistant._recognizer = recognizer
            for text in ("turn on the desk lamp", "what time is it", "wug the blick"):
                recognizer.script.append(Utterance((Hypothesis(text, 0.0),), "en"))
                await hub.assistant.hear(Heard(Audio(LOUD), 0.8, 1.0))
        return found(folder)

    assert await heard(tmp_path / "usual") == []
    until = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = await heard(tmp_path / "debug", f"[privacy]\ndebug_audio_until = {until}\n")
    assert kept  # where the owner has asked for it
    assert {path.stat().st_mode & 0o077 for path in kept} == {0}


class Device(FakeSource):
    """A microphone that holds a file open while it is heard, as a sound card does."""

    def __init__(self, path: Path) -> None:
        super().__init__(speech(3.0))
        self._path = path

    async def frames(self) -> AsyncIterator[bytes]:
        with self._path.open("rb"):
            async for frame in super().frames():
                yield frame


def opened(path: Path) -> bool:
    descriptors = Path("/proc/self/fd")
    found = []
    for each in descriptors.iterdir():
        with suppress(OSError):
            found.append(str(each.readlink()))
    return str(path) in found


async def test_a_muted_microphone_is_not_even_open(tmp_path: Path) -> None:
    card, kept = tmp_path / "pcmC0D0c", tmp_path / "microphone-muted"
    card.touch()
    ears = Ears(kept)
    frames = aiter(ears.source(Device(card)).frames())
    heard = await anext(frames)
    assert any(heard) and opened(card)  # the control: it hears, and is open
    ears.mute(True)
    assert not any(await anext(frames))
    assert not opened(card)
    again = Ears(kept)  # the hub was killed and is started anew
    frames = aiter(again.source(Device(card)).frames())
    assert again.muted and not any(await anext(frames)) and not opened(card)
    assert not again.listen()  # no button and no message opens it either
    assert not any(await anext(frames))


# --- files and secrets ---------------------------------------------------------------------------


def open_to_others(folder: Path) -> list[str]:
    """Files and folders that somebody else on the machine could read or write."""
    every = [folder, *folder.rglob("*")]
    return [
        f"{path.name} {stat.S_IMODE(path.lstat().st_mode):o}"
        for path in every
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]


@pytest.mark.parametrize("mask", [0o000, 0o022])
async def test_everything_that_is_kept_is_for_its_owner_alone(tmp_path: Path, mask: int) -> None:
    """Whatever the umask of who starts it."""
    before = os.umask(mask)
    try:
        config = settings(tmp_path)
        async with running(config):
            for text in ("remember that the bins go out on Tuesday", "set a timer for 5 minutes",
                         "wake me at seven", "create a list called x", "take a note x",
                         "turn on the desk lamp", "unlock the front door"):  # fmt: skip
                assert await control.ask(config.hub.runtime, {"say": text})
            inside = open_to_others(config.hub.runtime)
        Ears(config.hub.data / "microphone-muted").mute(True)
        Pin(config.hub.data / "pin.json", FakeTime(NOON)).set("4826")
        kept = {path.name for path in config.hub.data.rglob("*")}
        assert {"history.db", "memory.db", "timers.journal", "agenda.journal", "pin.json",
                "lists.json", "skills.json", "home.json"} <= kept  # fmt: skip
        assert inside == []
        assert open_to_others(config.hub.data) == []
        if config.hub.cache.exists():
            assert open_to_others(config.hub.cache) == []
        (config.hub.data / "careless").write_text("x")  # the control
        assert open_to_others(config.hub.data)
    finally:
        os.umask(before)


def open_folder() -> Path:
    """Not pytest's own, into which nobody else may look."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    return folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("guarded", [True, False])
async def test_another_user_of_the_machine_cannot_speak_to_the_hub(
    house: Household, guarded: bool
) -> None:
    folder = open_folder()
    server = ControlServer(folder, house.assistant)
    await server.start()
    if not guarded:
        (folder / SOCKET).chmod(0o666)
    code = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(1);"
        f" s.connect({str(folder / SOCKET)!r})"
    )
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE
    )
    _, told = await done.communicate()
    assert (b"Permission denied" in told) is guarded
    await server.close()
    shutil.rmtree(folder)


# --- Home Assistant and satellites ---------------------------------------------------------------


async def test_the_token_does_not_follow_to_another_host() -> None:
    """An impostor, or a proxy, that sends the hub elsewhere learns nothing there."""
    seen: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({"message": "API running."})

    async def here(request: web.Request) -> web.Response:
        told.append(request.headers.get("Authorization"))
        raise web.HTTPFound(f"http://localhost:{far}/api/")

    told: list[str | None] = []
    runners = []

    async def serve(handler: Any) -> int:
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        return port

    far = await serve(elsewhere)
    near = await serve(here)
    given = HomeAssistantSettings(url=f"http://127.0.0.1:{near}", token="canary-token")
    async with rest.opened(access.access(given)) as session:
        with suppress(DeviceError):
            await session.configuration()
    assert told == ["Bearer canary-token"]  # the control: where it was set, it is shown
    assert not [header for header in seen if header]
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("clients", "host", "served"),
    [
        ([], "192.168.1.20", False),
        ([], "127.0.0.1", True),
        (["192.168.1.20"], "192.168.1.20", True),
        (["192.168.1.20"], "::ffff:192.168.1.20", True),
        (["192.168.1.20"], "192.168.1.21", False),
        (["192.168.7.0/24"], "192.168.7.3", True),
        (["192.168.7.0/24"], "192.168.8.3", False),
        (["192.168.7.0/24"], "127.0.0.1", True),
        (["fd00::/64"], "fd00::5%eth0", True),
        (["fd00::/64"], "192.168.1.20", False),
    ],
)
async def test_only_satellites_that_were_named_are_served(
    house: Household, clients: list[str], host: str, served: bool
) -> None:
    chosen = WyomingSettings(listen="tcp://127.0.0.1:0", clients=tuple(clients))
    made = WyomingServer(offered(house), chosen)
    assert (made._refused(host) is None) is served
