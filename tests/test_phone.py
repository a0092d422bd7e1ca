"""The hub as a device on a real broker: what a phone, Home Assistant or Node-RED see of it."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import wave
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hub import config
from hub.app import _Speaker, open_hub
from hub.audio.noise import Noise
from hub.audio.null import Nowhere
from hub.audio.wav_out import wav
from hub.bridges import phone as phone_module
from hub.bridges.announcement import Abilities, Announcement, Form, form_for
from hub.bridges.ears import Ears
from hub.bridges.phone import PhoneBridge
from hub.bridges.talk import WAITING, Talk
from hub.bridges.topics import Topics
from hub.devices.mqtt.connection import connected
from hub.devices.mqtt.discovery import place, read
from hub.devices.mqtt.platforms import build
from hub.engines.piper import PiperSynthesizer
from hub.errors import ModelError
from hub.home.model import Home
from hub.messages import Audio, Hypothesis, Utterance, Wake
from hub.pipeline import Assistant
from hub.places import Places
from hub.ports import FRAME_BYTES, Recognizer
from hub.router import Router
from hub.skillset import Skillset
from hub.sound import Sounds
from hub.timers.agenda import Agenda
from hub.timers.book import Timers
from hub.voice import Voice
from tests.conftest import Household
from tests.fakes import WAKE, FakeSource, FakeTime, FakeWakeWord, frame, silence, speech
from tests.kits.network import Network, Repeated
from tests.models import model_file
from tests.mqtt import Broker, needs_mosquitto

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_mosquitto]

LAMP = "light.hallway"


# --- the hub's side ------------------------------------------------------------------------------


class Singer:
    """A Synthesizer: each character is a hundredth of a second of sound."""

    name = "singer"

    def __init__(self) -> None:
        self.sung: list[str] = []

    async def synthesize(self, text: str) -> Audio:
        self.sung.append(text)
        return Audio(b"\1\0" * 220 * len(text), 22_050)


class Listeners:
    """An AudioSink."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Audio] = asyncio.Queue()

    async def play(self, audio: Audio) -> None:
        self.heard.put_nowait(audio)

    async def under(self, backdrop: Any) -> None:
        self.backdrop = backdrop

    async def close(self) -> None:
        pass


@dataclass
class Parts:
    """A hub that has everything; the recognizer is scripted."""

    home: Home
    router: Router
    skillset: Skillset
    assistant: Assistant
    recognizer: Recognizer
    time: FakeTime
    synthesizer: Singer = field(default_factory=Singer)
    sink: Listeners = field(default_factory=Listeners)
    free: asyncio.Event = field(default_factory=asyncio.Event)
    voices: dict[str, Voice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.voice = Voice(self.synthesizer, self.sink, volume=0.8)
        self.sounds = Sounds(self.sink, self.time, volume=lambda: self.voice.volume)
        timers, agenda = Timers(self.time), Agenda(self.time)
        self.speaker = _Speaker(Places(self.voice), timers, agenda, self.sounds)
        self.free.set()


@pytest.fixture
def hub(house: Household) -> Parts:
    assistant = house.assistant
    return Parts(
        house.home,
        assistant.router,
        assistant.skillset,
        assistant,
        house.recognizer,
        FakeTime(datetime(2026, 1, 1, tzinfo=UTC)),
    )


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.kill()


numbers = itertools.count(1)


# --- the other side ------------------------------------------------------------------------------


class Phone:
    """Somebody else on the broker, who hears everything."""

    def __init__(self, client: aiomqtt.Client, topics: Topics) -> None:
        self._client = client
        self._kept: dict[str, deque[aiomqtt.Message]] = defaultdict(deque)
        self.topics = topics

    async def publish(self, topic: str, payload: Any, *, retain: bool = False, **more: Any) -> None:
        """Text, bytes, or anything else as JSON; `more` are properties of MQTT 5."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for name, value in more.items():
            setattr(properties, name, value)
        text = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        await self._client.publish(topic, text, qos=1, retain=retain, properties=properties)

    async def message(self, topic: str, *, seconds: float = 5.0) -> aiomqtt.Message:
        """The next message on a topic."""
        async with asyncio.timeout(seconds):
            while not self._kept[topic]:
                message = await anext(aiter(self._client.messages))
                self._kept[message.topic.value].append(message)
        return self._kept[topic].popleft()

    async def message_with(self, topic: str) -> tuple[bytes, str, bytes]:
        """Payload, content type and correlation data of the next message on a topic."""
        message = await self.message(topic)
        more: Any = message.properties
        return message.payload, more.ContentType, more.CorrelationData

    async def text(self, topic: str, *, seconds: float = 5.0) -> str:
        payload = (await self.message(topic, seconds=seconds)).payload
        assert isinstance(payload, bytes)
        return payload.decode()

    async def json(self, topic: str, *, seconds: float = 5.0) -> dict[str, Any]:
        content = json.loads(await self.text(topic, seconds=seconds))
        assert isinstance(content, dict)
        return content

    async def say(self, content: Any, **more: Any) -> dict[str, Any]:
        """Say it, and the turn that comes of it."""
        await self.publish(self.topics.say, content, **more)
        return await self.json(self.topics.turn)

    async def until(self, topic: str, text: str) -> None:
        while await self.text(topic) != text:
            pass

    def heard_nothing_on(self, topic: str) -> bool:
        return not self._kept[topic]


@dataclass
class Side:
    bridge: PhoneBridge
    phone: Phone
    ears: Ears
    running: asyncio.Task[None]

    @property
    def topics(self) -> Topics:
        return self.bridge.topics

    async def end(self) -> None:
        self.running.cancel()
        await asyncio.wait({self.running})


@asynccontextmanager
async def outside(broker: Broker, topics: Topics) -> AsyncIterator[Phone]:
    async with aiomqtt.Client(
        "127.0.0.1",
        broker.port,
        username="devices",
        password="dev-secret",
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as client:
        await client.subscribe(f"{topics.prefix}/#", qos=1)
        await client.subscribe(f"{topics.discovery}/#", qos=1)
        yield Phone(client, topics)


@asynccontextmanager
async def running(
    broker: Broker,
    hub: Parts,
    *,
    form: Callable[[], Form] = lambda: Form.DEVICE,
    before: Callable[[Phone], Any] | None = None,
    settings: dict[str, Any] | None = None,
    rooms: Sequence[str] = (),
    health: Callable[[], dict[str, Any]] | None = None,
) -> AsyncIterator[Side]:
    """A hub with topics of its own on the broker, and somebody who looks at them."""
    number = next(numbers)
    given = {"prefix": f"hearth{number}", "discovery": f"discovery{number}", **(settings or {})}
    ears = Ears()
    bridge = PhoneBridge(
        hub,
        broker.settings(**given),
        ears=ears,
        form=form,
        spread=0.01,
        rooms=rooms,
        health=health,
    )
    async with outside(broker, bridge.topics) as phone:
        if before is not None:
            await before(phone)
        task = asyncio.create_task(bridge.run())
        side = Side(bridge, phone, ears, task)
        try:
            await phone.until(bridge.topics.volume, "80")  # the last it says of itself
            yield side
        finally:
            await side.end()


def recording(seconds: float = 1.0, *, rate: int = 16_000, channels: int = 1) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\1\0" * round(seconds * rate) * channels)
    return content.getvalue()


def hears(house: Household, *texts: str) -> None:
    """What the recognizer makes of the next recordings."""
    house.recognizer.script += [Utterance((Hypothesis(text, -0.1),)) for text in texts]


# --- how it is -----------------------------------------------------------------------------------


async def test_how_the_hub_is_stands_on_the_broker_and_is_told_when_it_changes(
    hub: Parts, broker: Broker
) -> None:
    """With the templates of the announcement, evaluated as those of any device are."""
    healthy = {"state": "ok", "troubles": [], "memory_mb": 200, "restarts": 1}
    now = dict(healthy)
    async with running(broker, hub, health=lambda: dict(now)) as side:
        topics = side.topics
        config = json.loads((await side.phone.message(topics.device_config)).payload)
        problem, memory = (config["components"][key] for key in ("problem", "memory"))
        assert problem["state_topic"] == memory["state_topic"] == topics.health
        first = await side.phone.text(topics.health)
        assert json.loads(first) == healthy
        shown = build("binary_sensor", problem)
        shown.receive(topics.health, first)
        assert shown.state == "off"
        now |= {"memory_mb": 225}  # no news for itself
        await side.phone.say("hello")
        now |= {"state": "trouble", "troubles": [{"what": "engine ears", "why": "it died"}]}
        side.bridge.rooms_changed()
        second = await side.phone.text(topics.health)
        assert json.loads(second)["troubles"] == [{"what": "engine ears", "why": "it died"}]
        shown.receive(topics.health, second)
        assert shown.state == "on"
        async with outside(broker, topics) as later:  # who comes later finds it there
            message = await later.message(topics.health)
            assert message.retain
            assert json.loads(message.payload)["state"] == "trouble"


# --- text ----------------------------------------------------------------------------------------


async def test_what_a_phone_says_is_done_and_answered(
    house: Household, hub: Parts, broker: Broker
) -> None:
    async with running(broker, hub) as side:
        turn = await side.phone.say({"text": "turn on the hallway light", "id": "a1"})
        assert house[LAMP] == "on"
        assert turn["id"] == "a1"
        assert turn["text"] == "turn on the hallway light"
        assert turn["reply"]
        assert turn["tier"] == "rules"
        assert turn["outcomes"][0] == {"entity_id": LAMP, "state": "on", "confirmed": True}
        assert turn["ms"] > 0


async def test_plain_text_will_do(house: Household, hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        assert (await side.phone.say("turn on the hallway light"))["reply"]
        assert house[LAMP] == "on"


async def test_home_assistants_sensors_show_the_turn(hub: Parts, broker: Broker) -> None:
    """With the templates of the announcement, evaluated as those of any device are."""
    async with running(broker, hub) as side:
        topics = side.topics
        announced = read(
            place(topics.device_config, topics.discovery),  # type: ignore[arg-type]
            (await side.phone.message(topics.device_config)).payload,
        )
        sensors = {
            each.key: build(each.domain, each.config)
            for each in announced.announced
            if each.domain == "sensor"
        }
        await side.phone.publish(topics.say, {"text": "turn on the hallway light"})
        payload = await side.phone.text(topics.turn)
        for key in ("heard", "answered"):
            sensors[key].receive(topics.turn, payload)
        assert sensors["heard"].state == "turn on the hallway light"
        assert sensors["answered"].state == json.loads(payload)["reply"]


async def test_the_answer_comes_where_it_is_wanted(hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        answers = f"{side.topics.replies}node-red"
        await side.phone.publish(
            side.topics.say, "hello", ResponseTopic=answers, CorrelationData=b"\0\1"
        )
        payload, kind, correlation = await side.phone.message_with(answers)
        assert json.loads(payload)["text"] == "hello"
        assert (kind, correlation) == ("application/json", b"\0\1")


async def test_it_answers_nowhere_else(hub: Parts, broker: Broker) -> None:
    """Otherwise whoever may talk with it could write wherever it may."""
    async with running(broker, hub) as side:
        lock = f"{side.topics.discovery}/lock/set"
        await side.phone.publish(side.topics.say, "hello", ResponseTopic=lock)
        assert side.topics.replies in (await side.phone.json(side.topics.error))["error"]
        await side.phone.say("hello")
        assert side.phone.heard_nothing_on(lock)


async def test_what_is_guarded_is_asked_for_in_the_same_conversation(
    house: Household, hub: Parts, broker: Broker
) -> None:
    async with running(broker, hub) as side:
        anna = {"conversation": "anna"}
        turn = await side.phone.say({"text": "unlock the front door", **anna})
        assert turn["expects_answer"]
        assert house["lock.front_door"] == "locked"
        await side.phone.say({"text": "yes", "conversation": "ben"})
        assert house["lock.front_door"] == "locked"
        await house.say("yes")
        await side.phone.say({"text": "yes", **anna})
        assert house["lock.front_door"] == "unlocked"


async def until_waiting(side: Side) -> dict[str, Any]:
    """What waits for a tap, as a phone sees it."""
    while not (shown := await side.phone.json(side.topics.approval))["id"]:
        pass
    return shown


async def test_a_tap_on_the_phone_opens_the_door_that_was_asked_for(
    house: Household, hub: Parts, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = hub.skillset.policy
    monkeypatch.setattr(policy, "plain_yes", False)
    async with running(broker, hub) as side:
        assert (await side.phone.json(side.topics.approval))["id"] is None
        await side.phone.publish(side.topics.approve, "PRESS")
        assert "nothing waits" in (await side.phone.json(side.topics.error))["error"]

        asked = await side.phone.say("unlock the front door")
        assert asked["reply"].startswith("I have asked on your phone whether to unlock")
        shown = await until_waiting(side)
        assert shown["question"] == "Unlock the Front Door?"
        await side.phone.publish(side.topics.approve, "1-00000000")
        assert "nothing waits" in (await side.phone.json(side.topics.error))["error"]
        await side.phone.publish(side.topics.deny, shown["id"])
        assert (await side.phone.json(side.topics.approval))["id"] is None
        assert house["lock.front_door"] == "locked"

        await side.phone.say("unlock the front door")
        shown = await until_waiting(side)
        opened = changed_to(house, "lock.front_door", "unlocked")
        await side.phone.publish(side.topics.approve, shown["id"])
        await opened
        assert (await side.phone.json(side.topics.approval))["id"] is None


async def changed_to(house: Household, entity_id: str, state: str) -> None:
    """Return when a device is so."""
    async with asyncio.timeout(5):
        while house[entity_id] != state:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_question_in_the_room_is_not_answered_by_a_phone(
    house: Household, hub: Parts, broker: Broker
) -> None:
    async with running(broker, hub) as side:
        await house.say("unlock the front door")
        await side.phone.say("yes")
        assert house["lock.front_door"] == "locked"


async def test_turns_in_the_room_are_told_too(house: Household, hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        trace = await house.say("turn on the hallway light", area="Kitchen")
        house.assistant.finished(trace)
        turn = await side.phone.json(side.topics.turn)
        assert (turn["text"], turn["area"], turn["id"]) == (trace.heard, "Kitchen", None)
        event = await side.phone.json(side.topics.event)
        assert event["event_type"] == "turn"
        assert event["reply"] == trace.reply.text


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        (b"", "no text"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"text": "hi"', "JSON"),
        (b"[1, 2]", "object"),
        (b'{"text": 3}', "'text'"),
        (b'{"langauge": "de", "text": "hi"}', "'langauge'"),
        (b'{"text": "hi", "area": "Attic"}', "Attic"),
        (b'{"text": "hi", "language": "xx"}', "'xx'"),
        (b'{"text": "hi", "id": {}}', "'id'"),
        (json.dumps({"text": "x" * 1001}).encode(), "1,000"),
        (b"[" * 100_000, "JSON"),
    ],
)
async def test_what_makes_no_sense_is_answered_with_what_is_wrong(
    hub: Parts, broker: Broker, payload: bytes, names: str
) -> None:
    async with running(broker, hub) as side:
        answers = f"{side.topics.replies}me"
        await side.phone.publish(side.topics.say, payload, ResponseTopic=answers)
        assert names in (await side.phone.json(answers))["error"]
        error = await side.phone.json(side.topics.error)
        assert names in error["error"]
        assert error["topic"] == side.topics.say
        assert (await side.phone.say("hello"))["text"] == "hello"


async def test_an_error_names_the_request(hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        await side.phone.publish(side.topics.say, {"id": "7", "text": "hi", "volume": 3})
        assert (await side.phone.json(side.topics.error))["id"] == "7"
        await side.phone.publish(side.topics.say, {"id": "8", "text": "hi", "area": "Attic"})
        assert (await side.phone.json(side.topics.error))["id"] == "8"


async def test_what_the_broker_keeps_is_not_done(
    house: Household, hub: Parts, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def before(phone: Phone) -> None:
        await phone.publish(phone.topics.say, "turn on the hallway light", retain=True)
        await phone.publish(phone.topics.set(phone.topics.mute), "ON", retain=True)

    with caplog.at_level(logging.WARNING):
        async with running(broker, hub, before=before) as side:
            assert (await side.phone.say("hello"))["text"] == "hello"
            assert house[LAMP] == "off"
            assert not side.ears.muted
    assert any(side.topics.say in message for message in caplog.messages)


# --- push to talk --------------------------------------------------------------------------------


async def test_a_recording_is_answered_in_json_and_in_sound(
    house: Household, hub: Parts, broker: Broker
) -> None:
    hears(house, "turn on the hallway light")
    async with running(broker, hub) as side:
        answers = f"{side.topics.replies}me"
        await side.phone.publish(
            side.topics.audio,
            recording(1.5, rate=44_100, channels=2),
            ResponseTopic=answers,
            CorrelationData=b"42",
            UserProperty=[("id", "a2"), ("area", "Kitchen")],
        )
        payload, *words = await side.phone.message_with(answers)
        reply, *sound = await side.phone.message_with(answers)
        turn = json.loads(payload)
        assert house[LAMP] == "on"
        assert (turn["id"], turn["area"]) == ("a2", "Kitchen")
        assert words == ["application/json", b"42"]
        assert sound == ["audio/wav", b"42"]
        with wave.open(io.BytesIO(reply)) as file:
            assert file.getframerate() == 22_050
            assert file.getnframes() == 220 * len(turn["reply"])
        assert hub.sink.heard.empty()  # who is elsewhere hears it there


async def test_without_mqtt_5_the_answer_comes_under_the_name_of_the_caller(
    house: Household, hub: Parts, broker: Broker
) -> None:
    hears(house, "unlock the front door", "yes")
    async with running(broker, hub, settings={"version": "3.1.1"}) as side:
        for _ in range(2):
            await side.phone.publish(f"{side.topics.audio}/annas-phone", recording())
            turn = await side.phone.json(side.topics.audio_turn("annas-phone"))
            reply = (await side.phone.message(side.topics.audio_reply("annas-phone"))).payload
            assert turn["id"] == "annas-phone"
            assert reply.startswith(b"RIFF")
        assert house["lock.front_door"] == "unlocked"


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        (b"", "not a WAV"),
        (b"OggS" + bytes(100), "not a WAV"),
        (b"RIFF\0\0\0\0WAVE" + bytes(100), "cannot be read"),
        (recording(0.0), "empty"),
        (recording(31.0), "30 s"),
        (recording(1.0, rate=1000), "1000 samples"),
        (recording(24.0, rate=44_100), "2 MB"),
    ],
)
async def test_what_is_no_recording_is_refused(
    hub: Parts, broker: Broker, payload: bytes, names: str
) -> None:
    async with running(broker, hub) as side:
        await side.phone.publish(f"{side.topics.audio}/me", payload)
        answer = await side.phone.json(side.topics.audio_turn("me"))
        assert names in answer["error"]
        assert answer["id"] == "me"


async def test_a_payload_of_ten_megabytes_does_not_get_in(hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        await side.phone.publish(side.topics.say, bytes(10_000_000))
        assert (await side.phone.say("hello"))["text"] == "hello"


async def test_who_says_too_much_at_once_is_told_so(
    house: Household, hub: Parts, broker: Broker
) -> None:
    hears(house, *["turn on the hallway light"] * WAITING)
    hub.free.clear()  # somebody talks in the room, and goes first
    async with running(broker, hub) as side:
        answers = f"{side.topics.replies}me"
        for number in range(WAITING + 2):
            await side.phone.publish(
                side.topics.audio,
                recording(),
                ResponseTopic=answers,
                UserProperty=[("id", str(number))],
            )
        refused = [await side.phone.json(answers) for _ in range(2)]
        assert [each["id"] for each in refused] == [str(WAITING), str(WAITING + 1)]
        assert all("busy" in each["error"] for each in refused)
        assert (await side.phone.say({"text": "hello", "conversation": "ben"}))["text"] == "hello"
        hub.free.set()
        for number in range(WAITING):
            while "text" not in (turn := json.loads(await _words(side.phone, answers))):
                pass
            assert turn["id"] == str(number)


async def _words(phone: Phone, topic: str) -> bytes:
    """The next message there that is no sound."""
    while (message := await phone.message(topic)).payload.startswith(b"RIFF"):
        pass
    return bytes(message.payload)


async def test_conversations_are_not_remembered_without_end(house: Household) -> None:
    made: list[Assistant] = []

    def new() -> Assistant:
        made.append(house.assistant)
        return house.assistant

    talk = Talk(new)

    async def run(assistant: Assistant) -> int:
        return len(made)

    for number in range(100):
        await talk.turn(str(number), run)
    assert await talk.turn("99", run) == 100
    assert await talk.turn("0", run) == 101


# --- the room, from outside ----------------------------------------------------------------------


async def test_the_microphone_is_muted_and_opened(hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        topics = side.topics
        await side.phone.until(topics.mute, "OFF")
        await side.phone.publish(topics.set(topics.mute), "ON")
        await side.phone.until(topics.mute, "ON")
        assert side.ears.muted
        await side.phone.publish(topics.listen, "PRESS")
        assert "muted" in (await side.phone.json(topics.error))["error"]
        await side.phone.publish(topics.set(topics.mute), "OFF")
        await side.phone.until(topics.mute, "OFF")
        await side.phone.publish(topics.set(topics.mute), "perhaps")
        assert "'perhaps'" in (await side.phone.json(topics.error))["error"]
        assert not side.ears.muted


async def test_the_volume_is_set_and_followed(house: Household, hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        topics = side.topics
        await side.phone.publish(topics.set(topics.volume), "35")
        await side.phone.until(topics.volume, "35")
        assert hub.voice.volume == 0.35
        hub.voice.volume = 0.5  # somebody has said so
        house.assistant.finished(await house.say("hello"))
        await side.phone.until(topics.volume, "50")
        for nonsense in ("loud", "101", "nan", "-1"):
            await side.phone.publish(topics.set(topics.volume), nonsense)
            assert nonsense in (await side.phone.json(topics.error))["error"]
        assert hub.voice.volume == 0.5


async def test_a_sound_beneath_follows_the_volume_and_the_stop_button(
    hub: Parts, broker: Broker
) -> None:
    await hub.sounds.begin(
        Noise("white", 7), what="rain", by="noise", volume=1.0, seconds=None, words=False
    )

    def loudness() -> float:
        heard = [hub.sink.backdrop.read(480, 48_000, False) for _ in range(500)]
        return float(np.sqrt(np.mean(np.concatenate(heard[-10:]) ** 2)))

    before = loudness()
    async with running(broker, hub) as side:
        await side.phone.publish(side.topics.set(side.topics.volume), "35")
        await side.phone.until(side.topics.volume, "35")
        assert 0 < loudness() < 0.7 * before
        await side.phone.publish(side.topics.stop, "PRESS")
        await side.phone.say("hello")  # by then the order before it is done
        assert hub.sounds.playing is None


async def test_an_announcement_is_spoken_when_nobody_talks(hub: Parts, broker: Broker) -> None:
    hub.free.clear()
    async with running(broker, hub) as side:
        await side.phone.publish(
            side.topics.announce,
            {"text": "Dinner is ready."},
            ResponseTopic=f"{side.topics.replies}me",
        )
        await side.phone.say("hello")
        assert hub.sink.heard.empty()
        hub.free.set()
        async with asyncio.timeout(5):
            await hub.sink.heard.get()
        assert hub.synthesizer.sung == ["Dinner is ready."]
        assert (await side.phone.json(f"{side.topics.replies}me"))["announced"]


async def test_an_announcement_that_nobody_hears_is_not_called_announced(
    hub: Parts, broker: Broker
) -> None:
    hub.voice.muted = True
    async with running(broker, hub) as side:
        await side.phone.publish(side.topics.announce, "Dinner is ready.")
        assert "muted" in (await side.phone.json(side.topics.error))["error"]


async def test_there_is_no_announcement_where_there_is_no_loudspeaker(
    hub: Parts, broker: Broker
) -> None:
    hub.assistant.area = "Kitchen"
    async with running(broker, hub) as side:
        await side.phone.publish(side.topics.announce, {"text": "Dinner.", "area": "Bedroom"})
        assert "Bedroom" in (await side.phone.json(side.topics.error))["error"]
        await side.phone.publish(side.topics.announce, {"text": "Dinner.", "area": "kitchen"})
        async with asyncio.timeout(5):
            await hub.sink.heard.get()


async def test_what_wakes_it_and_what_rings_are_events(hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        wake = side.ears.wake(FakeWakeWord())
        await wake.process(frame(WAKE))
        assert await side.phone.json(side.topics.event) == {
            "event_type": "wake",
            "wake_word": "Hey Jarvis",
            "area": None,
        }
        await side.phone.publish(side.topics.listen, "PRESS")
        await side.phone.say("hello")  # after it
        assert await wake.process(frame(0)) is not None
        await side.phone.json(side.topics.event)
        assert (await side.phone.json(side.topics.event))["wake_word"] == "button"
        side.bridge.rang("Your pasta timer has run out.")
        event = await side.phone.json(side.topics.event)
        assert event == {"event_type": "timer", "text": "Your pasta timer has run out."}


async def test_what_comes_twice_and_out_of_order_is_done_once(
    house: Household, hub: Parts, broker: Broker
) -> None:
    """A way that loses acknowledgements delivers each message of QoS 1 again."""
    async with running(broker, hub) as side:
        repeated = Repeated()
        async with Network(broker.port) as network:
            network.sent = repeated
            async with aiomqtt.Client(
                "127.0.0.1", network.port, username="devices", password="dev-secret",
                protocol=aiomqtt.ProtocolVersion.V5,
            ) as bad:  # fmt: skip
                answered: Counter[str] = Counter()
                for start in range(0, 200, 8):
                    ids = [f"n{number}" for number in range(start, start + 8)]
                    await asyncio.gather(
                        *(
                            bad.publish(
                                side.topics.say,
                                json.dumps(
                                    {"text": "what is 2 times 3", "id": id, "conversation": id[-1]}
                                ),
                                qos=1,
                            )
                            for id in ids
                        )
                    )
                    while not all(answered[id] for id in ids):
                        answered[(await side.phone.json(side.topics.turn))["id"]] += 1
        assert repeated.messages == 200
        # The same words with another id, or without one, are another request.
        await side.phone.say({"text": "what is 2 times 3", "id": "again"})
        await side.phone.say({"text": "what is 2 times 3"})
        await side.phone.say({"text": "what is 2 times 3"})
        assert side.phone.heard_nothing_on(side.topics.turn)
        assert len(answered) == 200 and set(answered.values()) == {1}


async def test_commands_by_phone_and_by_voice_at_the_same_time_are_all_done_in_order(
    house: Household, hub: Parts, broker: Broker
) -> None:
    """Two hundred of them, each waiting for the one before of its own."""
    seen: dict[str, list[str]] = defaultdict(list)
    stop = house.home.watch(lambda change: seen[change.entity_id].append(change.state))
    await house.say("turn off the hallway light and turn off the garage light")
    seen.clear()
    orders = ["on", "off"] * 50

    async def by_phone(phone: Phone) -> list[str]:
        replies = []
        for number, order in enumerate(orders):
            content = {"text": f"turn {order} the hallway light", "id": f"order {number}"}
            await phone.publish(side.topics.say, content)
            while (turn := await phone.json(side.topics.turn))["id"] != content["id"]:
                continue
            replies.append(turn["reply"])
        return replies

    async def by_voice() -> list[str]:
        traces = []
        for order in orders:
            traces.append(await house.hear(f"turn {order} the garage light"))
            house.assistant.finished(traces[-1])
        return [trace.reply.text for trace in traces]

    try:
        async with running(broker, hub) as side:
            phone, voice = await asyncio.gather(by_phone(side.phone), by_voice())
    finally:
        stop()
    assert seen["light.hallway"] == orders and seen["light.garage"] == orders
    for replies in (phone, voice):
        assert len(replies) == 100
        assert all(reply.startswith("Turned o") for reply in replies)


# --- there, away, there again --------------------------------------------------------------------


async def test_it_says_goodbye(hub: Parts, broker: Broker) -> None:
    async with running(broker, hub) as side:
        await side.phone.until(side.topics.status, "online")
        await side.end()
        await side.phone.until(side.topics.status, "offline")


async def test_a_hub_that_is_torn_away_is_offline_and_comes_back(
    hub: Parts,
    broker: Broker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clients: list[Any] = []

    @asynccontextmanager
    async def kept(*arguments: Any, **more: Any) -> AsyncIterator[Any]:
        async with connected(*arguments, **more) as client:
            clients.append(client)
            yield client

    monkeypatch.setattr(phone_module, "connected", kept)
    monkeypatch.setattr(phone_module, "FIRST_PAUSE", 0.01)
    with caplog.at_level(logging.WARNING):
        async with running(broker, hub) as side:
            await side.phone.until(side.topics.status, "online")
            clients[0].abort()
            await side.phone.until(side.topics.status, "offline")
            await side.phone.until(side.topics.status, "online")
            await side.phone.until(side.topics.volume, "80")
            assert (await side.phone.say("hello"))["text"] == "hello"
    told = [message for message in caplog.messages if "broker" in message]
    assert len(told) == 2
    assert "back" in told[1]


async def test_a_broker_that_is_restarted_knows_it_again(
    hub: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_module, "FIRST_PAUSE", 0.01)
    broker = Broker(tmp_path)
    broker.start()
    try:
        async with running(broker, hub) as side:
            broker.kill()
            with pytest.raises(aiomqtt.MqttError):
                await side.phone.until(side.topics.status, "")
            broker.start()
            async with outside(broker, side.topics) as phone:
                await phone.until(side.topics.volume, "80")
                assert await phone.json(side.topics.device_config)
                assert (await phone.say("hello"))["text"] == "hello"
    finally:
        broker.kill()


async def test_it_says_that_it_is_there_if_somebody_says_it_is_not(
    hub: Parts, broker: Broker
) -> None:
    async with running(broker, hub) as side:
        await side.phone.until(side.topics.status, "online")
        await side.phone.publish(side.topics.status, "offline", retain=True)
        await side.phone.until(side.topics.status, "offline")
        await side.phone.until(side.topics.status, "online")


async def test_a_turn_does_not_wait_for_a_broker_that_is_away(
    house: Household, hub: Parts, tmp_path: Path
) -> None:
    broker = Broker(tmp_path)  # never started
    bridge = PhoneBridge(hub, broker.settings())
    task = asyncio.create_task(bridge.run())
    trace = await house.say("turn on the hallway light")
    for _ in range(1000):
        house.assistant.finished(trace)
    assert house[LAMP] == "on"
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})


# --- introducing itself --------------------------------------------------------------------------


async def test_it_introduces_itself_again_when_home_assistant_has_started(
    hub: Parts, broker: Broker
) -> None:
    async with running(broker, hub) as side:
        first = await side.phone.json(side.topics.device_config)
        await side.phone.publish(side.topics.birth, "online")
        assert await side.phone.json(side.topics.device_config) == first


@pytest.mark.parametrize("form", Form)
async def test_either_form_announces_the_same_entities(
    hub: Parts, broker: Broker, form: Form
) -> None:
    """As our own reader of such announcements sees them."""
    async with running(broker, hub, form=lambda: form) as side:
        topics = side.topics
        announcement = side.bridge._announcement
        seen, own = [], f"{topics.device}_"
        for publication in announcement.publications(form):
            message = await side.phone.message(publication.topic)
            where = place(publication.topic, topics.discovery)
            assert where is not None
            reading = read(where, message.payload)
            assert not reading.faults
            for each in reading.announced:
                assert [source.topic for source in each.availability] == [topics.status]
                assert each.device is not None and each.device.name == "Hearth"
                assert each.device.is_hub
                seen.append((each.domain, (each.unique_id or "").removeprefix(own)))
        assert sorted(seen) == [
            ("button", "approve"),
            ("button", "deny"),
            ("button", "listen"),
            ("button", "stop"),
            ("event", "activity"),
            ("image", "picture"),
            ("notify", "announce"),
            ("number", "volume"),
            ("sensor", "answered"),
            ("sensor", "approval"),
            ("sensor", "heard"),
            ("switch", "mute"),
            ("text", "say"),
        ]


# --- rooms elsewhere -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", Form)
async def test_a_satellite_is_a_device_of_its_own_in_its_room(
    hub: Parts, broker: Broker, form: Form
) -> None:
    async with running(broker, hub, form=lambda: form, rooms=["Bedroom"]) as side:
        room = side.topics.room("Bedroom")
        seen = []
        for publication in side.bridge._devices[1].publications(form):
            payload = await side.phone.text(publication.topic)
            where = place(publication.topic, side.topics.discovery)
            assert where is not None
            reading = read(where, payload.encode())
            assert not reading.faults
            for each in reading.announced:
                assert each.device is not None and each.device.name == "Bedroom"
                assert each.device.is_hub  # no hub takes it for a device of the home
                seen.append((each.domain, (each.unique_id or "").removeprefix(f"{room.device}_")))
            whole = json.loads(payload)["device"]
            assert (whole["suggested_area"], whole["via_device"]) == ("Bedroom", room.via)
        assert sorted(seen) == [
            ("binary_sensor", "connected"),
            ("notify", "announce"),
            ("number", "volume"),
            ("sensor", "answered"),
            ("sensor", "heard"),
            ("text", "say"),
        ]
        assert await side.phone.text(room.connected) == "offline"
        hub.voices["Bedroom"] = Voice(hub.synthesizer, Listeners(), volume=0.5)
        side.bridge.rooms_changed()
        assert await side.phone.text(room.connected) == "online"
        assert await side.phone.text(room.volume) == "50"
        await side.phone.publish(room.set(room.volume), "30")
        assert await side.phone.text(room.volume) == "30"
        assert hub.voices["Bedroom"].volume == 0.3
        assert hub.voice.volume == 0.8


async def test_what_is_said_in_a_room_is_told_on_its_topic(hub: Parts, broker: Broker) -> None:
    async with running(broker, hub, rooms=["Bedroom"]) as side:
        room = side.topics.room("Bedroom")
        await side.phone.say({"text": "turn on the light", "area": "Kitchen"})
        await side.phone.say({"text": "turn off the light", "area": "Bedroom"})
        told = await side.phone.json(room.turn)
        assert (told["text"], told["area"]) == ("turn off the light", "Bedroom")
        assert side.phone.heard_nothing_on(room.turn)


async def test_an_announcement_is_for_one_room_or_for_all(hub: Parts, broker: Broker) -> None:
    hub.assistant.area = "Kitchen"
    bedroom = Listeners()
    hub.voices["Bedroom"] = Voice(Singer(), bedroom)
    async with running(broker, hub, rooms=["Bedroom"]) as side:
        answers = f"{side.topics.replies}me"

        async def announced(content: dict[str, Any]) -> tuple[int, int]:
            await side.phone.publish(side.topics.announce, content, ResponseTopic=answers)
            assert (await side.phone.json(answers))["announced"]
            heard = hub.sink.heard.qsize(), bedroom.heard.qsize()
            while not bedroom.heard.empty():
                bedroom.heard.get_nowait()
            while not hub.sink.heard.empty():
                hub.sink.heard.get_nowait()
            return heard

        assert await announced({"text": "Dinner.", "area": "Bedroom"}) == (0, 1)
        assert await announced({"text": "Dinner.", "area": "Kitchen"}) == (1, 0)
        assert await announced({"text": "Dinner."}) == (1, 1)
        assert await announced({"text": "Dinner.", "area": ["bedroom", "Kitchen"]}) == (1, 1)
        assert await announced({"text": "Dinner.", "area": ["Bedroom", "bedroom"]}) == (0, 1)
        for rooms, named in (
            (["Kitchen", "Attic"], "Attic"),
            ([], "'area'"),
            (["Hallway"], "Hall"),
        ):
            content = {"text": "Dinner.", "area": rooms}
            await side.phone.publish(side.topics.announce, content, ResponseTopic=answers)
            assert named in (await side.phone.json(answers))["error"]
            assert hub.sink.heard.empty() and bedroom.heard.empty()


async def test_a_satellite_of_before_is_taken_back(hub: Parts, broker: Broker) -> None:
    async def before(phone: Phone) -> None:
        room = phone.topics.room("Attic")
        await phone.publish(room.connected, "online", retain=True)
        await phone.publish(room.device_config, {"components": {}}, retain=True)

    async with running(broker, hub, before=before, rooms=["Bedroom"]) as side:
        room = side.topics.room("Attic")
        await side.phone.until(room.device_config, "")
        await side.phone.until(room.connected, "")
        async with outside(broker, side.topics) as later:
            await later.until(side.topics.volume, "80")
            assert later.heard_nothing_on(room.device_config)


async def test_what_it_does_not_have_is_not_announced() -> None:
    topics = Topics("hearth", "homeassistant", "1")
    announcement = Announcement(topics, Abilities(), name="Hearth", version="1")
    [whole] = announcement.publications(Form.DEVICE)
    components = json.loads(whole.payload)["components"]
    assert components["mute"] == {"platform": "switch"}  # which takes away an earlier one
    single = [publication.topic for publication in announcement.publications(Form.ENTITIES)]
    assert not any("mute" in topic or "volume" in topic for topic in single)


async def test_one_form_makes_room_for_the_other(hub: Parts, broker: Broker) -> None:
    """Home Assistant is never shown both at once: the first lets go, and is cleared afterwards."""
    forms = [Form.ENTITIES, Form.DEVICE]
    async with running(broker, hub, form=lambda: forms[0]) as side:
        topics = side.topics
        heard = topics.entity_config("sensor", "heard")
        assert (await side.phone.json(heard))["unique_id"] == f"{topics.device}_heard"
        forms.pop(0)
        side.bridge.introduce()
        assert await side.phone.json(heard) == {"migrate_discovery": True}
        assert (await side.phone.json(topics.device_config))["components"]["heard"]
        assert await side.phone.text(heard) == ""


async def test_an_announcement_of_before_is_cleared_at_the_next_start(
    hub: Parts, broker: Broker
) -> None:
    async def before(phone: Phone) -> None:
        old = Announcement(phone.topics, Abilities(True, True), name="Old", version="0")
        for publication in old.publications(Form.ENTITIES):
            await phone.publish(publication.topic, publication.payload, retain=True)
        gone = phone.topics.entity_config("siren", "gone")
        await phone.publish(gone, {"unique_id": "gone"}, retain=True)

    async with (
        running(broker, hub, before=before) as side,
        outside(broker, side.topics) as later,
    ):
        await later.until(side.topics.volume, "80")
        assert await later.json(side.topics.device_config)
        for domain, key in (("sensor", "heard"), ("siren", "gone")):
            assert later.heard_nothing_on(side.topics.entity_config(domain, key))


@pytest.mark.parametrize(
    ("version", "form"),
    [
        ("2024.3.3", Form.ENTITIES),
        ("2024.10.4", Form.ENTITIES),
        ("2024.11.0", Form.DEVICE),
        ("2026.11.0b2", Form.DEVICE),
        (None, Form.DEVICE),
    ],
)
async def test_the_form_fits_home_assistant(version: str | None, form: Form) -> None:
    assert form_for(version) is form


# --- ears ----------------------------------------------------------------------------------------


async def test_a_muted_microphone_is_closed(tmp_path: Path) -> None:
    kept = tmp_path / "run" / "muted"
    ears = Ears(kept)
    source = FakeSource([*speech(1.0), *silence(1.0)])
    frames = aiter(ears.source(source).frames())
    assert await anext(frames) == frame(950)
    ears.mute(True)
    for _ in range(100):
        assert await anext(frames) == bytes(FRAME_BYTES)
    assert Ears(kept).muted
    ears.mute(False)
    assert source.opened == 1
    assert await anext(frames) == frame(950)
    assert source.opened == 2
    assert not Ears(kept).muted


async def test_nothing_comes_from_a_microphone_that_stays_muted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.bridges.ears.AFTERWARDS", 0.1)
    ears = Ears()
    ears.mute(True)
    source = FakeSource(speech(0.1))
    frames = aiter(ears.source(source).frames())
    for _ in range(3):
        await anext(frames)
    waiting = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    assert not waiting.done() and source.opened == 0
    ears.mute(False)
    assert await waiting == frame(950)


async def test_a_press_wakes_it_once() -> None:
    ears, woken = Ears(), list[Wake]()
    ears.watch(woken.append)
    wake = ears.wake(FakeWakeWord())
    assert await wake.process(frame(0)) is None
    assert ears.listen()
    assert await wake.process(frame(0)) is not None
    assert await wake.process(frame(0)) is None
    assert [each.model for each in woken] == ["button"]


async def test_a_name_of_a_caller_is_no_way_into_other_topics() -> None:
    topics = Topics("hearth", "homeassistant", "1")
    assert topics.caller("hearth/v1/audio/annas-phone") == "annas-phone"
    for topic in ("hearth/v1/audio/a b", "hearth/v1/audio/a/b", "hearth/v1/audio/", "x"):
        assert topics.caller(topic) is None


# --- the real models -----------------------------------------------------------------------------


@pytest.mark.models
@pytest.mark.slow
async def test_a_recording_is_understood_and_answered_by_the_real_models(
    broker: Broker, tmp_path: Path
) -> None:
    settings = config.load()
    own = settings.hub.model_copy(update={"cache": tmp_path})
    router = settings.router.model_copy(update={"model": None})
    settings = settings.model_copy(update={"hub": own, "router": router})
    actor = PiperSynthesizer(model_file("voice", "joe", ".onnx"), variation=0.0)
    try:
        opened = open_hub(settings, recognise=True, sink=Nowhere(), remember=False)
        async with opened as whole:
            bridge = PhoneBridge(whole, broker.settings(prefix="hearth-models"))
            async with outside(broker, bridge.topics) as phone:
                running = asyncio.create_task(bridge.run())
                await phone.until(bridge.topics.status, "online")
                said = await actor.synthesize("Turn on the hallway light.")
                await phone.publish(f"{bridge.topics.audio}/me", wav(said))
                turn = await phone.json(bridge.topics.audio_turn("me"), seconds=60)
                assert whole.home.state(LAMP).state == "on", turn
                reply = await phone.message(bridge.topics.audio_reply("me"), seconds=60)
                with wave.open(io.BytesIO(reply.payload)) as file:
                    assert file.getnframes() > file.getframerate() / 2
                running.cancel()
                await asyncio.wait({running})
    except ModelError as error:
        pytest.skip(str(error))
    finally:
        await actor.close()
