"""Several sound cards of one machine, each a room; and its own voice, which it does not hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hub import config
from hub.app import open_hub
from hub.audio import soundcard
from hub.audio.echo import EchoCanceller
from hub.audio.null import Nowhere
from hub.audio.pcm import resampled
from hub.bridges.ears import Ears
from hub.bridges.satellites import card as card_module
from hub.bridges.satellites.card import CardAddress, SoundCard, open_card
from hub.bridges.satellites.rooms import Satellites, open_satellites
from hub.engines.piper import PiperSynthesizer
from hub.errors import AudioError, ConfigError, ModelError
from hub.evaluate.spoken import until_last_word
from hub.messages import SAMPLE_RATE, Audio, Trace
from hub.ports import FRAME_BYTES
from hub.service import without_microphones
from tests import pulse
from tests.fakes import settle
from tests.models import model_file

SAID = b"\1\0" * (FRAME_BYTES // 2)
LONG, TONE = Audio(bytes(2 * SAMPLE_RATE)), Audio(bytes(SAMPLE_RATE // 2))


class Microphone:
    """Hears what the test puts in; None: it is pulled out."""

    realtime = True
    gather = 1

    def __init__(self) -> None:
        self.sound: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = 0

    async def frames(self) -> AsyncIterator[bytes]:
        try:
            while (frame := await self.sound.get()) is not None:
                yield frame
        finally:
            self.closed += 1
        raise AudioError("the microphone was lost")


class Loudspeaker:
    """Speaks until it is told that it has."""

    def __init__(self) -> None:
        self.done = asyncio.Event()

    async def play(self, audio: Audio) -> None:
        await self.done.wait()

    async def close(self) -> None: ...


async def heard(card: SoundCard, microphone: Microphone) -> bool:
    """Whether what is said now is heard."""
    microphone.sound.put_nowait(SAID)
    async with asyncio.timeout(5):
        return await anext(card.frames()) == SAID


@pytest.mark.parametrize(
    ("audio", "cancelled", "hears"), [(LONG, False, False), (TONE, False, True), (LONG, True, True)]
)
async def test_what_is_heard_while_it_speaks(audio: Audio, cancelled: bool, hears: bool) -> None:
    """Nothing; but a tone is spoken over, and with echo cancellation everything is."""
    microphone, loudspeaker = Microphone(), Loudspeaker()
    card = SoundCard(microphone, loudspeaker, listens_always=cancelled)
    running = asyncio.create_task(card.run())
    assert await heard(card, microphone)
    speaking = asyncio.create_task(card.play(audio))
    await settle()
    assert await heard(card, microphone) is hears
    loudspeaker.done.set()
    await speaking
    assert await heard(card, microphone) is hears, "the echo goes on for a moment"
    card._deaf_until = 0.0  # the moment is over
    assert await heard(card, microphone)
    microphone.sound.put_nowait(None)
    with pytest.raises(AudioError, match="lost"):
        await running


async def test_who_mutes_the_hub_mutes_its_other_microphones_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    microphone, ears = Microphone(), Ears()
    monkeypatch.setattr(card_module, "Microphone", lambda device: microphone)
    card = open_card(CardAddress("usb", None), config.AudioSettings(), ears.source)
    running = asyncio.create_task(card.run())
    assert await heard(card, microphone)
    ears.mute(True)
    assert not await heard(card, microphone)
    assert microphone.closed == 1
    ears.mute(False)
    while not await heard(card, microphone):  # silence of the time before
        pass
    microphone.sound.put_nowait(None)
    with pytest.raises(AudioError, match="lost"):
        await running


async def test_it_is_shown_that_they_are_muted() -> None:
    rooms = {
        "Kitchen": config.RoomSettings(microphone="usb"),
        "Bathroom": config.RoomSettings(satellite="tcp://10.0.0.2:10700"),
    }
    ears = Ears()
    ears.mute(True)
    async with open_hub(config.Config(rooms=rooms), remember=False) as hub:
        served = Satellites(hub, None, microphones=ears)  # type: ignore[arg-type]
        rows = (await served.answer({}))["satellites"]
        assert {row["room"]: row["muted"] for row in rows} == {"Kitchen": True, "Bathroom": None}


def test_a_hub_without_a_microphone_opens_none_in_other_rooms_either() -> None:
    rooms = {
        "Kitchen": config.RoomSettings(microphone="usb", language="de"),
        "Bathroom": config.RoomSettings(satellite="tcp://10.0.0.2:10700"),
    }
    left = without_microphones(config.Config(rooms=rooms)).rooms
    assert not left["Kitchen"].elsewhere and left["Kitchen"].language == "de"
    assert left["Bathroom"] == rooms["Bathroom"]


# --- echo cancellation ---------------------------------------------------------------------------


def talk(seconds: float, seed: int) -> np.ndarray:
    """Noise that swells and fades as speech does."""
    dice = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    syllables = np.repeat(dice.uniform(0, 1, count // 2400 + 1) ** 2, 2400)[:count]
    return np.asarray(4000 * syllables * np.convolve(dice.normal(0, 1, count), [0.5, 0.5], "same"))


def power(sound: np.ndarray) -> float:
    return float(np.mean(sound.astype(float) ** 2))


def test_the_echo_is_taken_out_and_what_a_person_says_stays() -> None:
    said, spoken = talk(10, 1), talk(10, 2)
    spoken[: 8 * SAMPLE_RATE] = 0  # a person speaks in the last two seconds
    late = round(0.25 * SAMPLE_RATE)
    echo = 0.3 * np.concatenate([np.zeros(late), said[:-late]])
    canceller = EchoCanceller()
    canceller.plays(Audio(said.astype("<i2").tobytes()))
    near = (echo + spoken).astype("<i2").tobytes()
    clean = np.frombuffer(
        b"".join(
            canceller.clean(near[start : start + FRAME_BYTES])
            for start in range(0, len(near), FRAME_BYTES)
        ),
        "<i2",
    )
    alone, both = slice(5 * SAMPLE_RATE, 8 * SAMPLE_RATE), slice(8 * SAMPLE_RATE, None)
    assert power(clean[alone]) < power(echo[alone]) / 100  # 20 dB
    assert power(clean[both]) > power(spoken[both]) / 4


def test_what_is_cut_off_is_not_waited_for() -> None:
    canceller = EchoCanceller()
    canceller.plays(LONG)
    canceller.plays(None, 0.0)
    person = talk(1, 3).astype("<i2").tobytes()
    assert power(np.frombuffer(canceller.clean(person), "<i2")) > power(talk(1, 3)) / 4


# --- rooms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("room", "says"),
    [
        ({"loudspeaker": "usb"}, "name its microphone, too"),
        ({"microphone": "usb", "satellite": "tcp://10.0.0.2:10700"}, "not both"),
    ],
)
async def test_settings_that_make_no_room_are_explained(room: dict[str, str], says: str) -> None:
    rooms = {"Kitchen": config.RoomSettings.model_validate(room)}
    settings = config.Config(rooms=rooms)
    async with open_hub(settings, remember=False) as hub:
        with pytest.raises(ConfigError, match=rf"\[rooms.Kitchen\].*{says}"):
            Satellites(hub, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("full", "ends"), [("", pytest.skip), ("1", pytest.fail)])
def test_without_a_sound_card_a_full_run_fails(
    monkeypatch: pytest.MonkeyPatch, full: str, ends: Any
) -> None:
    monkeypatch.setattr(pulse, "available", lambda: False)
    monkeypatch.setenv(pulse.FULL, full)
    with pytest.raises(ends.Exception, match="pulseaudio-utils"):
        pulse.need()


@pytest.mark.soundcard
@pytest.mark.models
@pytest.mark.slow
async def test_two_sound_cards_are_two_rooms(tmp_path: Path) -> None:
    cards = {
        "Kitchen": config.RoomSettings(microphone="vmic", loudspeaker="spk"),
        "Bathroom": config.RoomSettings(microphone="vmic2", loudspeaker="spk2"),
    }
    aloud = config.MannersSettings(quiet="")  # at night too
    settings = config.load().model_copy(update={"rooms": cards, "manners": aloud})
    actor = PiperSynthesizer(model_file("voice", "joe", ".onnx"), variation=0.0)
    traces: list[Trace] = []
    came, turned = asyncio.Event(), asyncio.Event()

    def seen(trace: Trace) -> None:
        traces.append(trace)
        turned.set()

    with pulse.sound_card(tmp_path):
        await soundcard.look_again()
        try:
            async with (
                open_hub(settings, recognise=True, sink=Nowhere(), remember=False) as hub,
                open_satellites(hub, changed=lambda known: came.set()) as served,
            ):
                hub.assistant.watch(seen)
                running = asyncio.create_task(served.run())
                async with asyncio.timeout(60):
                    while not all(known.connected for known in served.known):
                        came.clear()
                        await came.wait()
                spoken = await actor.synthesize("Hey Jarvis, turn on the light.")
                said = until_last_word(resampled(spoken, SAMPLE_RATE))
                samples = np.frombuffer(said.pcm, "<i2")
                soundfile.write(tmp_path / "said.wav", samples, SAMPLE_RATE, "PCM_16")
                recorder = await asyncio.create_subprocess_exec(
                    "parecord", "--device=spk2.monitor", "--rate=16000", "--channels=1",
                    "--format=s16le", "--raw", tmp_path / "heard.raw",
                )  # fmt: skip
                await asyncio.create_subprocess_exec(
                    "paplay", "--device=vmic2_sink", tmp_path / "said.wav"
                )
                async with asyncio.timeout(60):
                    await turned.wait()
                    await served.known[1].free.wait()
                recorder.terminate()
                await recorder.wait()
                running.cancel()
                await asyncio.wait({running})
                assert [trace.area for trace in traces] == ["Bathroom"]
                assert hub.home.state("light.bathroom").state == "on", traces[0].to_json()
        except ModelError as error:
            pytest.skip(str(error))
        finally:
            await actor.close()
    replied = np.frombuffer((tmp_path / "heard.raw").read_bytes(), "<i2")
    assert np.abs(replied).max(initial=0) > 1000, "the reply is heard from that room's loudspeaker"
