"""Real devices that speak ESPHome's protocol: linux-voice-assistant in a spoken turn, and a device
that ESPHome itself has compiled for this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from hub import config
from hub.app import Hub, open_hub
from hub.audio.null import Nowhere
from hub.audio.pcm import resampled
from hub.bridges.satellites.esphome import EsphomeSatellite
from hub.bridges.satellites.esphome_link import EsphomeAddress, esphome_device
from hub.bridges.satellites.rooms import Satellites, open_satellites
from hub.engines.piper import PiperSynthesizer
from hub.errors import EngineError, ModelError
from hub.evaluate.spoken import until_last_word
from hub.messages import SAMPLE_RATE, Trace
from tests import esphome_host, pulse
from tests.esphome_device import KEY
from tests.linux_voice_assistant import LinuxVoiceAssistant, checkout
from tests.models import model_file
from tests.test_satellites import free_port

pytestmark = pytest.mark.slow

LISTENS, SPOKEN = "VOICE_ASSISTANT_STT_START", "TTS response finished"
"""What its log has."""


class Stage:
    """A hub, its satellite in the kitchen, and somebody who speaks to that."""

    def __init__(self, hub: Hub, satellites: Satellites, device: LinuxVoiceAssistant) -> None:
        self.hub = hub
        self.known = satellites.known[0]
        self.device = device
        self.traces: list[Trace] = []
        hub.assistant.watch(self.traces.append)
        self._actor = PiperSynthesizer(model_file("voice", "joe", ".onnx"), variation=0.0)

    async def say(self, text: str) -> None:
        """Into its microphone; returns when it has been said."""
        said = until_last_word(resampled(await self._actor.synthesize(text), SAMPLE_RATE))
        await pulse.say(bytes(16_000) + said.pcm + bytes(32_000))

    async def awake(self, times: int) -> None:
        """Say its wake word until it has heard that, as people do."""
        for _ in range(3):
            await self.say("Hey Jarvis.")
            with suppress(TimeoutError):
                async with asyncio.timeout(8):
                    return await self._until(lambda: self.device.log.count(LISTENS) == times)
        pytest.fail(f"it does not hear its wake word: {self.device.log[-4000:]}")

    async def until(self, happens: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Real programs in other processes: nothing tells when they are so far."""
        try:
            async with asyncio.timeout(seconds):
                await self._until(happens)
        except TimeoutError:
            pytest.fail(f"not seen: {what}; turns {self.traces}; it said {self.device.log[-4000:]}")

    async def _until(self, happens: Callable[[], bool]) -> None:
        tick = asyncio.Event()
        while not happens():
            asyncio.get_running_loop().call_later(0.1, tick.set)
            await tick.wait()
            tick.clear()

    async def close(self) -> None:
        await self._actor.close()


@asynccontextmanager
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    device = LinuxVoiceAssistant(tmp_path, free_port())
    settings = config.load()
    changed = {
        "hub": settings.hub.model_copy(update={"cache": tmp_path / "cache"}),
        "manners": config.MannersSettings(quiet=""),
        "rooms": {"Kitchen": config.RoomSettings(satellite=f"esphome://127.0.0.1:{device.port}")},
    }
    try:
        async with (
            open_hub(
                settings.model_copy(update=changed), recognise=True, sink=Nowhere(), remember=False
            ) as hub,
            open_satellites(hub) as served,
        ):
            hub.begin_timers()
            it = Stage(hub, served, device)
            running = asyncio.create_task(served.run())
            await device.start()
            try:
                await it.until(lambda: it.known.connected, "the satellite")
                yield it
            finally:
                running.cancel()
                await asyncio.wait({running})
                await device.stop()
                await it.close()
    except ModelError as error:
        pytest.skip(str(error))


@pytest.mark.models
@pytest.mark.soundcard
async def test_linux_voice_assistant_completes_spoken_turns(tmp_path: Path) -> None:
    """Its wake word is heard by it, the command by the hub, the reply by whoever stands there; and
    a question is answered without the wake word."""
    checkout()
    with pulse.sound_card(tmp_path):
        async with stage(tmp_path) as it:
            await it.until(lambda: "wake words:" in it.device.log.lower(), "that it is ready", 5)
            await it.awake(1)
            with pulse.heard(tmp_path / "reply.raw") as reply:
                await it.say("Turn on the coffee maker.")
                await it.until(lambda: it.device.log.count(SPOKEN) == 1, "a reply")
            [turn] = it.traces
            assert it.hub.home.state("switch.coffee_maker").state == "on", turn.to_json()
            assert turn.area == "Kitchen" and turn.wake is not None
            assert turn.wake.phrase.casefold() == "hey jarvis"
            assert pulse.loud(reply()) > 0.5, "the reply was not heard"

            await it.awake(2)
            await it.say("Set a timer.")
            await it.until(lambda: it.device.log.count(LISTENS) == 3, "that it listens again")
            await it.say("Five minutes.")
            await it.until(lambda: len(it.traces) == 3, "the answer")
            asked, answered = it.traces[1:]
            assert asked.reply.expects_answer and answered.wake is None
            assert [timer.seconds for timer in it.hub.timers.all()] == [300], answered.to_json()
            await it.until(lambda: it.device.log.count(SPOKEN) == 3, "the last reply")

            with pulse.heard(tmp_path / "announced.raw") as announced:
                await it.hub.voices["Kitchen"].say("Dinner is ready.")
                await it.until(lambda: it.device.log.count(SPOKEN) == 4, "an announcement")
            assert pulse.loud(announced()) > 0.5, "the announcement was not heard"


@pytest.mark.timeout(900)  # to make it, once on a machine
async def test_a_device_that_esphome_compiled_connects() -> None:
    """It is real firmware, without a voice: that is said, as is a key or a name that is wrong."""
    made = await asyncio.to_thread(esphome_host.program)
    address = EsphomeAddress("127.0.0.1", esphome_host.PORT, esphome_host.NAME)
    async with esphome_host.running(made):
        async with esphome_device(address, None) as device:
            assert device.info.esphome_version == esphome_host.VERSION
            assert [each.name for each in device.entities] == ["Relay"]
            with pytest.raises(EngineError, match=r"\('hostnode'\) is no voice satellite"):
                EsphomeSatellite(address, device)
        with pytest.raises(EngineError, match="does not encrypt, and there is a key for it"):
            async with esphome_device(address, KEY):
                pass
        wrong = EsphomeAddress("127.0.0.1", esphome_host.PORT, "kitchen-satellite")
        with pytest.raises(EngineError, match="is another device, called 'hostnode'"):
            async with esphome_device(wrong, None):
                pass
