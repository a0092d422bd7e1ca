"""Sound beneath the voice: how it sounds, how it makes way, and how it ends."""

from __future__ import annotations

import asyncio
import io
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from hub.audio.loudspeaker import Loudspeaker, _Stream
from hub.audio.noise import COLOURS, Noise, Recorded, read_wav, recording
from hub.audio.null import Nowhere
from hub.audio.wav_out import WavFolder, wav
from hub.author.time import MovedTime
from hub.errors import AudioError
from hub.messages import Audio
from hub.packs import sandbox
from hub.packs.remote import Packs, describe
from hub.packs.shelf import Installed, Shelf
from hub.skill import Where
from hub.skill.testing import hearth_with
from hub.skills.own import SkillSounds
from hub.sound import DUCKED, FADE_OUT, SLEEP_FADE, Backdrop, Sounds
from tests import packs_kit
from tests.fakes import House
from tests.hostile_packs import kit

RATE = 48_000
WHITE_NOISE = Path(__file__).parents[1] / "examples" / "packs" / "white-noise"
needs_walls = pytest.mark.skipif(
    bool(sandbox.bubblewrap_trouble()), reason=sandbox.bubblewrap_trouble()
)


class Sink:
    """A loudspeaker whose device is the test."""

    def __init__(self) -> None:
        self.backdrop: Any = None

    async def play(self, audio: Audio) -> None:
        pass

    async def under(self, backdrop: Any) -> None:
        self.backdrop = backdrop

    async def close(self) -> None:
        pass

    def hear(self, seconds: float, *, speaking: bool = False) -> float:
        """How loud it is at the end of a while: root mean square."""
        heard = [self.backdrop.read(480, RATE, speaking) for _ in range(round(seconds * 100))]
        return float(np.sqrt(np.mean(np.concatenate(heard[-10:]) ** 2)))


def tone(seconds: float = 1.0, rate: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    count = round(seconds * rate)
    samples = (8000 * np.sin(np.arange(count) * 2 * np.pi * 440 / rate)).astype("<i2")
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.repeat(channels).tobytes()[: count * channels * width])
    return content.getvalue()


def octaves(colour: str) -> list[float]:
    """How much softer each octave is than the one below it, in decibels."""
    samples = Noise(colour, 7).read(2**18, RATE)
    power = np.abs(np.fft.rfft(samples)) ** 2
    at = np.fft.rfftfreq(2**18, 1 / RATE)

    def band(low: float) -> float:
        return float(10 * np.log10(power[(at >= low) & (at < 2 * low)].mean()))

    return [band(low) - band(2 * low) for low in (200, 400, 800, 1600, 3200)]


@pytest.mark.parametrize(("colour", "slope"), [("white", 0.0), ("pink", 3.0), ("brown", 6.0)])
def test_each_colour_falls_off_as_its_name_says(colour: str, slope: float) -> None:
    assert octaves(colour) == pytest.approx([slope] * 5, abs=0.8)


@pytest.mark.parametrize("colour", COLOURS)
def test_noise_is_as_loud_as_any_other_and_does_not_drift(colour: str) -> None:
    noise = Noise(colour, 3)
    for _ in range(3):
        part = noise.read(10 * RATE, RATE)
        assert np.sqrt(np.mean(part**2)) == pytest.approx(0.18, rel=0.2)
        assert abs(float(part.mean())) < 0.08 and np.abs(part).max() <= 1.0


# --- the backdrop --------------------------------------------------------------------------------


@pytest.fixture
def time() -> MovedTime:
    return MovedTime(datetime(2026, 3, 2, 22, 0, tzinfo=UTC))


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest_asyncio.fixture
async def sounds(sink: Sink, time: MovedTime) -> Any:
    made = Sounds(sink, time, free=asyncio.Event())
    made.free.set()
    yield made
    await made.close()


async def begin(sounds: Sounds, **more: Any) -> None:
    how = {"what": "white", "by": "noise", "volume": 0.5, "seconds": None, "words": False, **more}
    await sounds.begin(how.pop("source", Noise("white", 1)), **how)


async def test_it_begins_softly_and_a_reply_makes_it_soft(sounds: Sounds, sink: Sink) -> None:
    await begin(sounds)
    assert sink.backdrop.read(480, RATE)[:40].max() < 0.01
    loud = sink.hear(1.0)
    assert loud > 0.05
    assert sink.hear(0.3, speaking=True) == pytest.approx(loud * DUCKED, rel=0.25)
    assert sink.hear(1.0) == pytest.approx(loud, rel=0.25)


async def test_while_somebody_is_talked_with_it_is_soft(sounds: Sounds, sink: Sink) -> None:
    await begin(sounds)
    loud = sink.hear(1.0)
    sounds.free.clear()
    assert sink.hear(0.3) == pytest.approx(loud * DUCKED, rel=0.25)


async def test_what_may_have_words_is_silent_then_and_goes_on_where_it_was(
    sounds: Sounds, sink: Sink
) -> None:
    """A recording that says the wake word finds nobody who listens to what it says then."""
    source = Recorded(read_wav(tone(3.0), "a.wav"), again=False)
    await begin(sounds, source=source, words=True, what="a.wav")
    assert sink.hear(1.0) > 0.05
    sounds.free.clear()
    assert sink.hear(0.3) == 0.0
    assert sink.hear(10.0) == 0.0
    sounds.free.set()
    assert sink.hear(1.2) > 0.05
    assert not sink.backdrop.over


async def test_it_never_jumps(sounds: Sounds, sink: Sink) -> None:
    class Constant:
        finite = False

        def prepare(self, rate: int) -> None:
            pass

        def read(self, count: int, rate: int) -> Any:
            return np.ones(count, np.float32)

    await begin(sounds, source=Constant())
    heard = [sink.backdrop.read(480, RATE) for _ in range(100)]
    heard += [sink.backdrop.read(480, RATE, True) for _ in range(20)]
    await sounds.fade(1.0, 0.2)
    heard += [sink.backdrop.read(480, RATE) for _ in range(100)]
    await sounds.stop()
    heard += [sink.backdrop.read(480, RATE) for _ in range(300)]
    steps = np.abs(np.diff(np.concatenate(heard)))
    assert steps.max() < 0.001
    assert heard[-1].max() == 0.0


# --- its end -------------------------------------------------------------------------------------


async def test_a_sleep_timer_fades_it_out(sounds: Sounds, sink: Sink, time: MovedTime) -> None:
    await begin(sounds, seconds=600.0)
    loud = sink.hear(1.0)
    await time.advance(600 - SLEEP_FADE - 1)
    assert sounds.playing is not None and sink.hear(0.2) == pytest.approx(loud, rel=0.25)
    await time.advance(2)
    assert sounds.playing is None
    assert 0 < sink.hear(SLEEP_FADE / 2) < 0.7 * loud
    await time.advance(SLEEP_FADE + 2)
    assert sink.backdrop is None


async def test_stop_ends_it_soon(sounds: Sounds, sink: Sink, time: MovedTime) -> None:
    await begin(sounds)
    sink.hear(1.0)
    assert await sounds.stop()
    assert sounds.playing is None and sink.hear(FADE_OUT + 0.1) < 1e-6
    await time.advance(5)
    assert sink.backdrop is None
    assert not await sounds.stop()


async def test_what_nobody_ends_ends_after_half_a_day(
    sounds: Sounds, sink: Sink, time: MovedTime
) -> None:
    await begin(sounds)
    await time.advance(timedelta(hours=12, minutes=1).total_seconds())
    assert sink.backdrop is None


async def test_the_next_sound_takes_the_place_of_the_one_before(
    sounds: Sounds, sink: Sink, time: MovedTime
) -> None:
    await begin(sounds, seconds=60.0)
    before = sink.backdrop
    await begin(sounds, what="brown", source=Noise("brown"))
    assert sink.backdrop is not before
    await time.advance(3600)  # the first one's time does not end the second
    assert sounds.playing is not None and sounds.playing.what == "brown"


async def test_a_recording_is_let_go_of_at_its_end(
    sounds: Sounds, sink: Sink, time: MovedTime
) -> None:
    await begin(sounds, source=Recorded(read_wav(tone(0.5), "a"), again=False), words=True)
    sink.hear(1.0)
    assert sounds.playing is None
    await time.advance(2)
    assert sink.backdrop is None


# --- where it is heard ---------------------------------------------------------------------------


async def test_without_a_loudspeaker_it_says_so(time: MovedTime) -> None:
    sounds = Sounds(Nowhere(), time)
    assert not sounds.there
    with pytest.raises(AudioError, match="no loudspeaker"):
        await begin(sounds)


async def test_a_folder_of_files_has_its_beginning_and_mixes_replies(
    tmp_path: Path, time: MovedTime
) -> None:
    sink = WavFolder(tmp_path)
    sounds = Sounds(sink, time)
    await begin(sounds)
    await sink.play(Audio(bytes(2 * 16_000), 16_000))
    await sounds.close()
    await sink.play(Audio(bytes(2 * 16_000), 16_000))
    first, reply, after = (
        np.frombuffer(read_wav(path.read_bytes(), "x").pcm, "<i2")
        for path in [tmp_path / f"00{number}.wav" for number in (1, 2, 3)]
    )
    assert len(first) == 3 * 16_000 and first[-8000:].std() > 1000
    assert 0 < reply[-4000:].std() < 0.5 * first[-8000:].std()
    assert not after.any()


async def test_the_loudspeaker_mixes_it_with_what_it_says() -> None:
    class Device:
        samplerate, channels, active = RATE, 2, True

    stream = _Stream(plays=lambda sound, seconds: None)
    stream.device = Device()
    stream.backdrop = Backdrop(Noise("white", 5), 0.5, words=False, talking=lambda: False)
    data = bytearray(4 * 480)
    for _ in range(100):
        stream._fill(data, 480, None, None)
    alone = np.frombuffer(bytes(data), "<i2")
    assert (alone[::2] == alone[1::2]).all()  # both sides are one
    assert alone.std() > 1000
    playing = asyncio.create_task(stream.play(Audio(tone(0.2)[44:], 16_000)))
    async with asyncio.timeout(5):
        while stream._sound is None:  # noqa: ASYNC110 - it is prepared in a thread
            await asyncio.sleep(0.01)
    for _ in range(10):
        stream._fill(data, 480, None, None)
    mixed = np.frombuffer(bytes(data), "<i2")
    spectrum = np.abs(np.fft.rfft(mixed[::2].astype(float)))
    assert 3 <= int(spectrum[1:].argmax()) + 1 <= 6  # 440 Hz in steps of 100
    playing.cancel()
    await asyncio.wait({playing})


async def test_a_device_that_cannot_be_opened_is_told(
    monkeypatch: pytest.MonkeyPatch, time: MovedTime
) -> None:
    async def broken(self: _Stream, name: str | None) -> None:
        raise AudioError("there is no loudspeaker")

    monkeypatch.setattr(_Stream, "open", broken)
    sounds = Sounds(Loudspeaker(), time)
    with pytest.raises(AudioError, match="there is no loudspeaker"):
        await begin(sounds)
    assert sounds.playing is None


# --- files of skills -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        wav(Audio(b"", 16_000)),
        tone(61.0, 8000),
        tone(0.1, 4000),
        tone(0.1, width=1),
        tone(1.0)[:20],
        bytes(5 * 1024 * 1024),
    ],
)
def test_what_is_no_short_wav_file_is_refused(content: bytes) -> None:
    with pytest.raises(AudioError):
        read_wav(content, "x.wav")


def test_both_sides_of_a_recording_are_heard() -> None:
    assert read_wav(tone(0.5, channels=2), "x").seconds == 0.5


SKILL = '''
from datetime import timedelta
from hub.skill import Sound, tool


@tool(phrases=["play the rain"])
async def rain(sound: Sound) -> str:
    """Play rain."""
    await sound.play("rain.wav", again=True, length=timedelta(minutes=10))
    return "It rains."


@tool(phrases=["play the secret"])
async def secret(sound: Sound) -> str:
    """Play what is none of its files."""
    await sound.play("../other.wav")
    return "Heard."
'''


async def test_a_skill_plays_its_own_files_and_stop_ends_it(tmp_path: Path) -> None:
    folder = tmp_path / "weather"
    folder.mkdir()
    (folder / "skill.py").write_text(SKILL)
    (folder / "rain.wav").write_bytes(tone())
    (tmp_path / "other.wav").write_bytes(tone())
    async with hearth_with(["light.a"], skill=folder, all_skills=True) as hearth:
        assert (await hearth.say("play the rain")).text == "It rains."
        assert hearth.sound is not None and hearth.sound.what == "rain.wav"
        assert "It rains" not in (await hearth.say("play the secret")).text
        assert hearth.sound is not None and hearth.sound.what == "rain.wav"
        await hearth.say("stop")
        assert hearth.sound is None


# --- packs ---------------------------------------------------------------------------------------


PACK = '''
from hub.skill import Sound, tool


@tool(phrases=["play it"])
async def order(sound: Sound, file: str = "rain.wav") -> str:
    """Play a file."""
    await sound.play(file, again=True)
    return str((await sound.playing()).what)
'''


def shelf_in(place: Path) -> Shelf:
    def ask(installed: Installed) -> Any:
        return describe(installed, shelf.verify)

    shelf = Shelf(place / "shelf", on_installed=ask)
    return shelf


def of_pack(sounds: Sounds, pack: str = "coffee-machine") -> dict[str, Any]:
    """What the hub hands to a pack's tool."""
    handler: Any = SimpleNamespace(skill=pack, name=f"{pack}.order")
    turn: Any = SimpleNamespace(where=Where("Kitchen"))
    return {"sound": SkillSounds(sounds, Noise, recording).of(handler, turn)}


@needs_walls
async def test_a_pack_has_its_own_verified_files_if_it_may(tmp_path: Path, sounds: Sounds) -> None:
    files = {"skill.py": PACK, "rain.wav": tone()}
    may = packs_kit.built(tmp_path, files=files, permissions="sound = true", settings="")
    shelf = shelf_in(tmp_path)
    installed = packs_kit.install(shelf, may)
    async with House() as house:
        packs = Packs(shelf, house.home)
        assert not packs.problems

        async def play(file: str = "rain.wav") -> kit.Ran:
            return await kit.call(
                packs, house.home, "coffee-machine", "order", services=of_pack(sounds), file=file
            )

        assert (await play()).said == "rain.wav"
        assert sounds.playing is not None and sounds.playing.by == "coffee-machine"
        await sounds.stop()
        for elsewhere in ("../../../state.json", "/etc/passwd", "skill.py", "none.wav"):
            assert (await play(elsewhere)).error is not None
        # A file that was changed since is not played, though the pack runs already.
        path = installed.folder / "rain.wav"
        path.parent.chmod(0o700)
        path.chmod(0o600)
        path.write_bytes(tone(2.0))
        assert (await play()).error is not None
        assert sounds.playing is None
        await packs.close()


@needs_walls
async def test_a_pack_that_was_not_granted_sound_has_none(tmp_path: Path, sounds: Sounds) -> None:
    files = {"skill.py": PACK, "rain.wav": tone()}
    shelf = shelf_in(tmp_path)
    built = packs_kit.built(tmp_path, files=files, permissions="sound = true", settings="")
    installed = packs_kit.install(shelf, built, without=["sound"])
    assert not installed.granted.sound and installed.pack.permissions.sound
    async with House() as house:
        packs = Packs(shelf, house.home)
        ran = await kit.call(packs, house.home, "coffee-machine", "order", services=of_pack(sounds))
        assert ran.error is not None and sounds.playing is None
        await packs.close()


@needs_walls
async def test_the_example_plays_noise_out_of_its_sandbox(tmp_path: Path, sounds: Sounds) -> None:
    shelf = shelf_in(tmp_path)
    installed = packs_kit.install(shelf, WHITE_NOISE, unsigned=True)
    assert "play noise and sounds of its own on the loudspeaker" in " ".join(
        installed.granted.in_words()
    )
    async with House() as house:
        packs = Packs(shelf, house.home)
        given = {**of_pack(sounds, "white-noise"), "settings": {}}
        half = timedelta(minutes=30)
        ran = await kit.call(
            packs,
            house.home,
            "white-noise",
            "noise_for",
            services=given,
            length=half,
            colour="pink",
        )
        assert ran.error is None
        assert sounds.playing is not None
        assert (sounds.playing.what, sounds.playing.left) == ("pink", 1800)
        await packs.close()
