"""ESPHome's voice satellites as rooms of a hub. The device is scripted and speaks the real
protocol; ears, recognition and voice of the hub are scripted; all between is real."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import aiohttp
import pytest
import pytest_asyncio
from wyoming.event import async_write_event
from wyoming.info import Info
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from hub import config
from hub.app import Hub, open_hub
from hub.audio.null import Nowhere
from hub.bridges.satellites import esphome, finding, keys
from hub.bridges.satellites.esphome_link import EsphomeAddress, esphome_device, parse_esphome
from hub.bridges.satellites.rooms import Known, Satellites
from hub.bridges.wyoming.announce import Announcement
from hub.bridges.wyoming.offer import FarEars
from hub.devices.simulated import SimulatedHome
from hub.dialogue.conversation import Question
from hub.errors import AudioError, ConfigError, EngineError
from hub.evaluate.far_room import FarRoom
from hub.messages import Audio, Call, Hypothesis, Trace, Utterance
from tests.conftest import ScriptedRecognizer
from tests.esphome_device import KEY, OTHER_KEY, SPEAKER, Device, seconds_of
from tests.fakes import FakeVoices, silence, speech

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMAND = [*speech(1.0), *silence(2.0)]
ORDER = (
    "RUN_START STT_START STT_VAD_END STT_END INTENT_START INTENT_END TTS_START TTS_END RUN_END"
).split()


class Hum:
    """A voice: every sentence is a second of a tone."""

    name = "hum"

    async def synthesize(self, text: str) -> Audio:
        return Audio(b"\x00\x10\x00\xf0" * 11_025, 22_050)

    async def close(self) -> None:
        pass


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    settings = config.Config.model_validate(
        {
            "hub": {"data": folder / "data", "cache": folder / "cache"},
            "router": {"model": ""},
            "home": {"confirm_timeout": 0.3},
            "manners": {"quiet": ""},
            "suggestions": {"enabled": False},
        }
    )
    async with open_hub(settings, synthesizer=Hum(), sink=Nowhere(), remember=False) as opened:
        opened.begin_timers()
        yield opened


class House:
    """A hub with devices in its rooms."""

    def __init__(self, hub: Hub, satellites: Satellites, devices: dict[str, Device]) -> None:
        self.hub = hub
        self.satellites = satellites
        self.devices = devices
        self.recognizer = ScriptedRecognizer()
        hub.assistant._recognizer = self.recognizer
        self.traces: list[Trace] = []
        self.voices: list[FakeVoices] = []
        """Detectors that were made for their sound."""
        hub.assistant.watch(self.traces.append)

    def __getitem__(self, entity_id: str) -> str:
        return self.hub.home.state(entity_id).state

    def hears(self, *texts: str) -> None:
        self.recognizer.script += [
            Utterance((Hypothesis(text, -0.1),) if text else ()) for text in texts
        ]

    def known(self, room: str) -> Known:
        return next(each for each in self.satellites.known if each.area == room)


@pytest.fixture(autouse=True)
def soon_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """People answer later than a script does."""
    monkeypatch.setattr(esphome, "ECHO", 0.0)


@asynccontextmanager
async def house(hub: Hub, connected: bool = True, **rooms: Device) -> AsyncIterator[House]:
    """`rooms`: the device in each."""
    for device in rooms.values():
        if device.port == 0:
            await device.start()
    changed = hub.config.model_copy(
        update={
            "rooms": {
                room: config.RoomSettings(satellite=f"esphome://127.0.0.1:{device.port}")
                for room, device in rooms.items()
            }
        }
    )
    for room, device in rooms.items():
        if device.key is not None:
            keys.keep(room, device.key, hub.config.hub.data)
    hub.config, before = changed, hub.config
    made: list[FakeVoices] = []

    def voices() -> FakeVoices:
        made.append(FakeVoices())
        return made[-1]

    ears = SimpleNamespace(streams=SimpleNamespace(voices=voices, phrase=None))
    satellites = Satellites(hub, cast(FarEars, ears))
    it = House(hub, satellites, rooms)
    it.voices = made
    home = hub.home.source("simulated")
    assert isinstance(home, SimulatedHome)
    home.set_state("switch.coffee_maker", "off")
    running = asyncio.create_task(satellites.run())
    try:
        if connected:
            for device in rooms.values():
                await device.until(lambda d=device: d.subscribed, "the hub")  # type: ignore[misc]
        yield it
    finally:
        running.cancel()
        await asyncio.wait({running})
        for device in rooms.values():
            await device.stop()
        hub.config = before
        await hub.timers.cancel(*hub.timers.all())
        (hub.config.hub.data / f"{keys.CREDENTIAL}.toml").unlink(missing_ok=True)


# --- a turn ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_command_is_done_and_answered(hub: Hub, key: str | None) -> None:
    device = Device(key=key)
    async with house(hub, Kitchen=device) as it:
        it.hears("turn on the coffee maker")
        device.wake(then=COMMAND)
        await device.until(lambda: bool(device.played), "a reply")
        assert it["switch.coffee_maker"] == "on"
        assert device.names() == ORDER
        assert device.data("STT_END") == {"text": "turn on the coffee maker"}
        assert device.data("INTENT_END")["continue_conversation"] == "0"
        assert device.data("TTS_START")["text"] == it.traces[-1].reply.text
        assert it.traces[-1].area == "Kitchen"
        wake = it.traces[-1].wake
        assert wake is not None and wake.phrase == "Hey Jarvis"
        seconds, rate = seconds_of(device.played[0])
        assert rate == 48_000 and seconds >= 1
        await _soon(lambda: it.known("Kitchen").turns == 1)


async def test_what_is_said_in_pieces_is_one_sound(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sentences, of which the second is made while the first is heard."""
    monkeypatch.setattr("hub.bridges.satellites.esphome_mouth.LEAD", 0.9)  # also on a busy machine
    device = Device(formats=(("wav", 16_000, 2),))
    async with house(hub, Kitchen=device) as it:
        await it.hub.voices["Kitchen"].say("Dinner is ready. Come and eat.")
        await device.until(lambda: bool(device.played), "an announcement")
        assert len(device.announced) == 1
        seconds, rate = seconds_of(device.played[0])
        assert rate == 16_000 and seconds == pytest.approx(2, abs=0.1)


async def test_a_question_is_answered_without_the_wake_word(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        it.hears("set a timer", "five minutes")
        device.wake(then=COMMAND)
        await device.until(lambda: device.names().count("RUN_START") == 2, "that it listens again")
        assert device.data("INTENT_END")["continue_conversation"] == "1"
        device.say(COMMAND)
        await device.until(lambda: len(device.played) == 2, "two replies")
        assert device.names() == ORDER * 2
        assert "5 minutes" in it.traces[-1].reply.text
        await _soon(lambda: it.known("Kitchen").turns == 2)


async def test_nobody_says_anything(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        device.wake(then=silence(7))
        await device.until(lambda: "RUN_END" in device.names(), "the end of the run")
        assert device.names() == ["RUN_START", "STT_START", "ERROR", "RUN_END"]
        assert device.data("ERROR")["code"] == "stt-no-text-recognized"
        assert it.known("Kitchen").turns == 0
        it.hears("turn on the coffee maker")
        device.wake(then=COMMAND)
        await device.until(lambda: bool(device.played), "the next turn")


async def test_a_cough_is_no_command(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        it.hears("")
        device.wake(then=[*speech(0.3), *silence(7)])
        await device.until(lambda: "RUN_END" in device.names(), "the end of the run")
        assert "TTS_START" not in device.names() and not it.traces


async def test_a_microphone_that_sends_nothing_does_not_wait_for_ever(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esphome, "STALLED", 0.05)
    listen = hub.config.listen.model_copy(update={"start_timeout": 0.3})
    monkeypatch.setattr(hub, "config", hub.config.model_copy(update={"listen": listen}))
    device = Device()
    async with house(hub, Kitchen=device):
        device.wake()
        await device.until(lambda: "RUN_END" in device.names(), "the end of the run")
        assert device.data("ERROR")["code"] == "stt-no-text-recognized"


async def test_an_engine_that_fails_is_told(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        it.recognizer.script = [EngineError("it is broken"), EngineError("it is broken")]
        device.wake(then=COMMAND)
        await device.until(lambda: bool(device.played), "an apology")
        await device.until(lambda: "RUN_END" in device.names(), "the end of the run")


async def test_the_button_begins_a_run_without_a_wake_word(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        it.hears("turn on the coffee maker")
        device.wake("", COMMAND)
        await device.until(lambda: bool(device.played), "a reply")
        assert it["switch.coffee_maker"] == "on"


async def test_who_does_not_want_to_be_heard_is_not(hub: Hub) -> None:
    """The button again, in the middle of a sentence: nothing of it is done."""
    device = Device()
    async with house(hub, Kitchen=device) as it:
        it.hears("turn on the coffee maker")
        device.wake(then=speech(0.5))
        await device.until(lambda: "STT_START" in device.names(), "that it listens")
        device.cancel()
        await device.until(lambda: "RUN_END" in device.names(), "the end of the run")
        assert it["switch.coffee_maker"] == "off" and not it.traces
        device.wake(then=COMMAND)
        await device.until(lambda: bool(device.played), "the next turn")
        assert it["switch.coffee_maker"] == "on"


# --- speaking unasked -----------------------------------------------------------------------------


async def test_announcements_are_for_one_room_or_for_all(hub: Hub) -> None:
    kitchen, bathroom = Device(), Device("bathroom-satellite")
    async with house(hub, Kitchen=kitchen, Bathroom=bathroom) as it:
        await it.hub.voices["Kitchen"].say("Dinner is ready.")
        await kitchen.until(lambda: len(kitchen.played) == 1, "an announcement")
        assert not bathroom.announced
        await asyncio.gather(*(voice.say("Good night.") for voice in it.hub.voices.values()))
        await kitchen.until(lambda: len(kitchen.played) == 2, "an announcement to all")
        await bathroom.until(lambda: len(bathroom.played) == 1, "an announcement to all")
        assert not any(asks for _, asks in kitchen.announced + bathroom.announced)


async def test_a_question_of_the_hub_is_answered_without_the_wake_word(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        yes = (Call("HassTurnOn", {"name": "Coffee maker"}),)
        it.hub.assistant.conversation("Kitchen").ask(Question("Coffee?", {"yes": yes}, "coffee"))
        it.hears("yes")
        await it.hub.voices["Kitchen"].say("Shall I make coffee?")
        await device.until(lambda: "STT_START" in device.names(), "that it listens")
        assert [asks for _, asks in device.announced] == [True]
        device.say(COMMAND)
        await device.until(lambda: len(device.played) == 2, "a reply")
        assert it["switch.coffee_maker"] == "on"
        # What has been answered is not listened for again.
        await it.hub.voices["Kitchen"].say("Dinner is ready.")
        await device.until(lambda: len(device.played) == 3, "an announcement")
        assert [asks for _, asks in device.announced] == [True, False]


async def test_a_device_that_cannot_reach_the_hub_is_named(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bridges.satellites.esphome_mouth.FETCH_WITHIN", 0.2)
    async with house(hub, Kitchen=Device(fetches=False)) as it:
        with pytest.raises(AudioError, match="has not fetched what it was to play"):
            await it.hub.voices["Kitchen"].say("Dinner is ready.")


async def test_somebody_stops_what_is_said(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        device.pause_before_end = asyncio.Event()
        saying = asyncio.create_task(it.hub.voices["Kitchen"].say("One. Two. Three. Four. Five."))
        await device.until(lambda: device.fetching == 1, "that it fetches an announcement")
        device.silence()
        assert (await saying).interrupted


async def test_the_hub_falls_silent_at_once(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        voice = it.hub.voices["Kitchen"]
        saying = asyncio.create_task(voice.say("One. Two. Three. Four. Five."))
        await device.until(lambda: device.fetching == 1, "that it fetches an announcement")
        voice.stop()
        assert (await saying).interrupted
        await device.until(lambda: bool(device.commands), "that its player is stopped")
        assert device.commands[0].announcement
        await device.until(lambda: bool(device.played), "the end of the sound")
        assert seconds_of(device.played[0])[0] < 4  # of five


async def test_a_device_with_a_loudspeaker_alone_gets_the_samples(hub: Hub) -> None:
    device = Device(features=int(SPEAKER))
    async with house(hub, Kitchen=device) as it:
        it.hears("turn on the coffee maker")
        device.wake(then=COMMAND)
        await device.until(lambda: "RUN_END" in device.names(), "the end of the run")
        streaming = ["TTS_STREAM_START", "TTS_STREAM_END"]
        assert device.names() == [*ORDER[:-1], *streaming, "RUN_END"]
        assert len(device.streamed) / 32_000 == pytest.approx(1, abs=0.1)
        with pytest.raises(AudioError, match="plays replies only"):
            await it.hub.voices["Kitchen"].say("Dinner is ready.")


# --- sound over HTTP ------------------------------------------------------------------------------


async def test_a_sound_is_there_for_its_device_and_while_it_is_played(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        device.pause_before_end = asyncio.Event()
        saying = asyncio.create_task(it.hub.voices["Kitchen"].say("Dinner is ready."))
        await device.until(lambda: bool(device.announced), "an announcement")
        [(url, _)] = device.announced
        base, name = url.rsplit("/", 1)
        assert len(name) > 30
        async with aiohttp.ClientSession() as session:
            async with session.head(url) as there:
                assert there.status == 200
            for wrong in (f"{base}/", f"{base}/{'x' * len(name)}", f"{base}/../etc/passwd"):
                async with session.get(wrong) as other:
                    assert other.status == 404
            strangers = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
            async with (
                aiohttp.ClientSession(connector=strangers) as stranger,
                stranger.get(url) as refused,
            ):
                assert refused.status == 404
            device.pause_before_end.set()
            await saying
            await device.until(lambda: bool(device.played), "that it was heard")
            await it.hub.voices["Kitchen"].say("Again.")
            async with session.get(url) as gone:
                assert gone.status == 404


# --- more rooms, and its own voice ----------------------------------------------------------------


async def test_of_two_that_hear_it_the_louder_room_answers(hub: Hub) -> None:
    kitchen, bathroom = Device(), Device("bathroom-satellite")
    async with house(hub, Kitchen=kitchen, Bathroom=bathroom) as it:
        it.hears("what time is it")
        bathroom.wake("hey_jarvis", speech(1.0, 0.2))
        kitchen.wake("Hey Jarvis", speech(1.0))
        await kitchen.until(lambda: "STT_START" in kitchen.names(), "that it is listened to")
        kitchen.say(silence(2))
        await kitchen.until(lambda: bool(kitchen.played), "a reply")
        await bathroom.until(lambda: "RUN_END" in bathroom.names(), "that it is let go")
        assert bathroom.names() == ["RUN_END"]
        assert [trace.area for trace in it.traces] == ["Kitchen"]


async def test_its_own_voice_does_not_wake_it(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        device.pause_before_end = asyncio.Event()
        saying = asyncio.create_task(it.hub.voices["Kitchen"].say("Hey Jarvis is my name."))
        await device.until(lambda: bool(device.announced), "an announcement")
        device.wake(then=COMMAND)
        await device.until(lambda: "RUN_END" in device.names(), "that it is let go")
        device.pause_before_end.set()
        await saying
        assert device.names() == ["RUN_END"] and not it.traces


# --- its switch, its knob, its timers -------------------------------------------------------------


async def test_what_is_muted_is_not_heard_and_seen_to_be(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        it.hears("turn on the coffee maker")
        device.wake(then=speech(0.5))
        await device.until(lambda: "STT_START" in device.names(), "that it listens")
        device.mute(True)
        await device.until(lambda: "RUN_END" in device.names(), "the end of the run")
        [row] = (await it.satellites.answer({}))["satellites"]
        assert row["muted"] is True
        device.wake(then=COMMAND)
        await device.until(lambda: device.names().count("RUN_END") == 2, "that it is let go")
        assert not it.traces and it["switch.coffee_maker"] == "off"
        answer = await it.satellites.answer({"room": "kitchen", "mute": False})
        await device.until(lambda: not device.muted, "that it is not muted any more")
        assert "error" not in answer


async def test_a_hub_that_takes_no_notice_of_that_switch_does_what_it_hears(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same device, muted, sends the same sound."""
    monkeypatch.setattr(esphome, "_mutes", lambda entity: False)
    device = Device()
    async with house(hub, Kitchen=device) as it:
        it.hears("turn on the coffee maker")
        device.mute(True)
        device.wake(then=COMMAND)
        await device.until(lambda: "RUN_END" in device.names(), "the end of the run")
        assert device.muted
        assert it.traces and it["switch.coffee_maker"] == "on"


async def test_its_volume_is_that_of_the_room(hub: Hub) -> None:
    device = Device(volume=0.3)
    async with house(hub, Kitchen=device) as it:
        voice = it.hub.voices["Kitchen"]
        await _soon(lambda: voice.volume == 0.3)
        device.turn(0.7)
        await _soon(lambda: voice.volume == 0.7)
        await it.satellites.answer({"room": "kitchen", "volume": 40})
        await device.until(lambda: device.volume == pytest.approx(0.4), "the new volume")
        [row] = (await it.satellites.answer({}))["satellites"]
        assert row["volume"] == 40


async def test_it_is_told_of_the_timers_of_its_room(hub: Hub) -> None:
    kitchen, bathroom = Device(), Device("bathroom-satellite")
    async with house(hub, Kitchen=kitchen, Bathroom=bathroom) as it:
        timers = it.hub.timers
        timer = await timers.start(600, name="pasta", area="Kitchen")
        timer = await timers.change(timer, 60)
        timer = await timers.pause(timer)
        await timers.cancel(timer)
        await kitchen.until(lambda: len(kitchen.timers) == 4, "four messages")
        assert kitchen.timers == [
            (0, timer.id, "pasta", 600, 600, True),
            (1, timer.id, "pasta", 600, 660, True),
            (1, timer.id, "pasta", 600, 660, False),
            (2, timer.id, "pasta", 600, 660, False),
        ]
        assert not bathroom.timers


async def test_a_timer_is_said_once_and_then_rings_at_the_device(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        timer = await it.hub.timers.start(0.2, name="pasta", area="Kitchen")
        await device.until(lambda: len(device.timers) == 2, "that it has run out")
        assert device.timers[1][:3] == (3, timer.id, "pasta")
        await device.until(lambda: len(device.played) == len(device.announced) > 0, "what it was")
        await _soon(lambda: not it.hub.timers.all())


async def test_what_is_to_be_done_later_does_not_ring_at_the_device(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        command = "turn on the coffee maker"
        await it.hub.timers.start(0.2, command=command, area="Kitchen")
        await device.until(lambda: bool(device.played), "that it is done")
        await _soon(lambda: not it.hub.timers.all())
        assert it["switch.coffee_maker"] == "on"
        assert device.timers == []


async def test_one_that_comes_back_is_told_of_the_timers_that_run(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        await it.hub.timers.start(600, name="pasta", area="Kitchen")
        await device.until(lambda: len(device.timers) == 1, "a timer")
        device.drop()
        await device.until(lambda: len(device.timers) == 2, "the timer again")
        assert device.timers[1][2] == "pasta"


# --- connections ----------------------------------------------------------------------------------


async def test_one_that_is_lost_is_called_again(hub: Hub) -> None:
    device = Device(key=KEY)
    async with house(hub, Kitchen=device) as it:
        device.drop()
        await _soon(lambda: not it.known("Kitchen").connected)
        assert "has closed the connection" in (it.known("Kitchen").trouble or "")
        assert "Kitchen" not in it.hub.voices
        await _soon(lambda: it.known("Kitchen").connected)
        it.hears("turn on the coffee maker")
        await device.until(lambda: device.subscribed, "the hub")
        device.wake(then=COMMAND)
        await device.until(lambda: bool(device.played), "a reply")


async def test_many_turns_and_connections_take_no_more_ears(hub: Hub) -> None:
    """Each takes memory in the process of the ears, and is kept there for long."""
    device = Device()
    async with house(hub, Kitchen=device) as it:
        for count in range(1, 4):
            await device.until(lambda: device.subscribed, "the hub")
            it.hears("turn on the coffee maker")
            device.wake(then=COMMAND)
            await _soon(lambda count=count: it.known("Kitchen").turns == count)  # type: ignore[misc]
            if count == 2:
                device.drop()
                await _soon(lambda: not device.subscribed)
        assert len(it.voices) == 1


async def test_one_that_is_lost_in_a_turn_leaves_nothing_behind(hub: Hub) -> None:
    device = Device()
    async with house(hub, Kitchen=device) as it:
        device.wake(then=speech(0.5))
        await device.until(lambda: "STT_START" in device.names(), "that it listens")
        device.drop()
        await _soon(lambda: not it.known("Kitchen").connected)
        assert it.known("Kitchen").free.is_set()
        await _soon(lambda: it.known("Kitchen").connected)


@pytest.mark.parametrize(
    ("device_key", "hub_key", "why"),
    [
        (KEY, OTHER_KEY, "has another encryption key: give the one of its YAML"),
        (KEY, None, "wants encryption, and there is no key for it: give it with"),
        (None, KEY, "does not encrypt, and there is a key for it"),
    ],
)
async def test_a_key_that_does_not_fit_is_named(
    hub: Hub, device_key: str | None, hub_key: str | None, why: str
) -> None:
    device = Device(key=device_key)
    await device.start()
    try:
        with pytest.raises(EngineError, match=why) as caught:
            async with esphome_device(EsphomeAddress("127.0.0.1", device.port), hub_key):
                pass
    finally:
        await device.stop()
    assert KEY not in str(caught.value) and OTHER_KEY not in str(caught.value)


async def test_another_device_at_the_address_is_named(hub: Hub) -> None:
    device = Device("hall-satellite")
    async with house(hub, connected=False, Kitchen=device):
        with pytest.raises(EngineError, match="is another device, called 'hall-satellite'"):
            address = parse_esphome(f"esphome://127.0.0.1:{device.port}?name=kitchen-satellite")
            async with esphome_device(address, None):
                pass


async def test_a_device_that_is_no_satellite_is_named(hub: Hub) -> None:
    device = Device("porch-node", features=0)
    async with house(hub, connected=False, Kitchen=device) as it:
        await _soon(lambda: it.known("Kitchen").trouble is not None)
        assert "is no voice satellite" in (it.known("Kitchen").trouble or "")


async def test_nothing_at_the_address(hub: Hub) -> None:
    device = Device()
    await device.start()
    await device.stop()
    with pytest.raises(EngineError, match="nothing listens on this port"):
        async with esphome_device(EsphomeAddress("127.0.0.1", device.port), None):
            pass


@pytest.mark.parametrize(
    "uri", ["esphome://", "esphome://host:0", "esphome://host:99999", "esphome://host/path"]
)
async def test_an_address_that_is_none_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="no address of an ESPHome device"):
        parse_esphome(uri)


async def test_the_name_of_a_device_is_its_name_in_the_network() -> None:
    assert parse_esphome("esphome://kitchen-satellite.local").name == "kitchen-satellite"
    assert parse_esphome("esphome://192.168.1.40").name is None
    assert str(parse_esphome("esphome://[fe80::1]")) == "esphome://[fe80::1]:6053"


# --- keys -----------------------------------------------------------------------------------------


async def test_a_key_is_kept_for_the_hub_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    path = keys.keep("Living Room", KEY, tmp_path)
    keys.keep("Kitchen", OTHER_KEY, tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.key_for("living room", tmp_path) == KEY
    assert keys.key_for("Kitchen", tmp_path) == OTHER_KEY
    assert keys.key_for("Hall", tmp_path) is None


async def test_the_credential_of_systemd_counts_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "satellite-keys").write_text(f'Kitchen = "{KEY}"\n')
    keys.keep("Kitchen", OTHER_KEY, tmp_path)
    assert keys.key_for("Kitchen", tmp_path) == KEY


async def test_what_is_no_key_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="no key of ESPHome's") as caught:
        keys.keep("Kitchen", "hunter2hunter2", tmp_path)
    assert "hunter2" not in str(caught.value)
    (tmp_path / "satellite-keys.toml").write_text("Kitchen = hunter2")
    with pytest.raises(ConfigError, match="this is not TOML") as caught:
        keys.key_for("Kitchen", tmp_path)
    assert "hunter2" not in str(caught.value)


# --- the command line -----------------------------------------------------------------------------


async def test_pairing_tries_the_key_and_keeps_one_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    settings = tmp_path / "hearth.toml"
    settings.write_text(f'[hub]\ndata = "{tmp_path / "data"}"\n')
    device = Device(key=KEY)
    await device.start()

    async def pair(key: str) -> tuple[int, str]:
        arguments = ["pair", "Kitchen", f"esphome://127.0.0.1:{device.port}", "--key-file", "-"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub", "satellites", *arguments),
            env={**os.environ, "HEARTH_CONFIG": str(settings)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate(f"{key}\n".encode())
        return process.returncode or 0, " ".join(said.decode().split())

    try:
        status, said = await pair(OTHER_KEY)
        assert status == 1 and "has another encryption key" in said
        assert keys.key_for("Kitchen", tmp_path / "data") is None
        status, said = await pair(KEY)
        assert status == 0 and "Kitchen Satellite" in said and "shows timers" in said
        assert f'[rooms."Kitchen"] satellite = "esphome://127.0.0.1:{device.port}"' in said
        assert KEY not in said
        assert keys.key_for("Kitchen", tmp_path / "data") == KEY
    finally:
        await device.stop()


async def test_devices_in_the_network_are_found() -> None:
    announcing = AsyncZeroconf(interfaces=["127.0.0.1"])
    info = AsyncServiceInfo(
        finding.SERVICE,
        f"kitchen-satellite.{finding.SERVICE}",
        port=6053,
        parsed_addresses=["192.168.1.40"],
        properties={"friendly_name": "Kitchen Satellite", "api_encryption": "Noise_NNpsk0"},
    )
    try:
        await (await announcing.async_register_service(info))
        for _ in range(5):
            found = await finding.find(within=2.0, interfaces=["127.0.0.1"])
            if mine := next((each for each in found if each.name == "kitchen-satellite"), None):
                break
    finally:
        await announcing.async_close()
    assert mine is not None
    assert mine.uri == "esphome://kitchen-satellite.local"
    assert (mine.title, mine.host, mine.encrypted) == ("Kitchen Satellite", "192.168.1.40", True)


async def test_satellites_that_speak_wyoming_are_found_and_no_hub() -> None:
    satellite, engine = FarRoom("Bathroom"), await asyncio.start_server(_recognizer, "127.0.0.1", 0)
    await satellite.start()
    ports = {
        "0a1b2c": satellite.port,
        "recognizer": engine.sockets[0].getsockname()[1],
        "busy": 9,  # nobody answers there
    }
    own = Announcement("Hearth on probation", "127.0.0.1", satellite.port, interfaces=["127.0.0.1"])
    announcing = AsyncZeroconf(interfaces=["127.0.0.1"])
    try:
        own.begin()
        await own.announced()
        for name, port in ports.items():
            info = AsyncServiceInfo(
                finding.WYOMING,
                f"{name}.{finding.WYOMING}",
                port=port,
                parsed_addresses=["127.0.0.1"],
            )
            await (await announcing.async_register_service(info))
        for _ in range(5):
            found = await finding.find(within=2.0, interfaces=["127.0.0.1"])
            mine = {each.name: each for each in found if each.speaks == "wyoming"}
            told = mine["0a1b2c"].title if "0a1b2c" in mine else ""
            if set(mine) == {"0a1b2c", "busy"} and told == "Bathroom":
                break  # on a busy machine who is asked may answer too late
    finally:
        await announcing.async_close()
        await own.close()
        await satellite.close()
        engine.close()
    assert set(mine) == {"0a1b2c", "busy"}
    assert (mine["0a1b2c"].title, mine["0a1b2c"].uri) == (
        "Bathroom",
        f"tcp://127.0.0.1:{satellite.port}",
    )


async def _recognizer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A Wyoming service that is no satellite."""
    with suppress(OSError):
        await reader.readline()
        await async_write_event(Info().event(), writer)
    writer.close()


async def _soon(happens: Callable[[], bool], seconds: float = 20) -> None:
    """What nothing tells of."""
    async with asyncio.timeout(seconds):
        while not happens():
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await asyncio.Event().wait()
