"""Sound in and out: of any length, rate and number of channels."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import time
import wave
from array import array
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hub.audio import soundcard
from hub.audio.earcons import LOUDER, NOTES, earcon
from hub.audio.files import Recording, read
from hub.audio.loudspeaker import Loudspeaker
from hub.audio.microphone import Microphone
from hub.audio.null import Nowhere
from hub.audio.pcm import Framer, frames, resampled
from hub.audio.stdin import RawStream
from hub.audio.wav_out import WavFolder
from hub.errors import AudioError
from hub.messages import SAMPLE_RATE, Audio
from hub.ports import FRAME_BYTES, FRAME_SECONDS
from tests import pulse


def tone(seconds: float, rate: int = SAMPLE_RATE, hertz: float = 440.0) -> Audio:
    count = round(seconds * rate)
    wave = (round(8000 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(count))
    return Audio(array("h", wave).tobytes(), rate)


def samples(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, "<i2").astype(float)


def pitch(audio: Audio) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples(audio.pcm)))
    return float(np.argmax(spectrum) * audio.rate / len(samples(audio.pcm)))


async def taken(source: AsyncIterator[bytes]) -> list[bytes]:
    return [frame async for frame in source]


# --- samples -------------------------------------------------------------------------------------


@given(st.binary(max_size=5 * FRAME_BYTES))
def test_frames_hold_all_samples_and_then_silence(pcm: bytes) -> None:
    cut = list(frames(pcm))
    assert all(len(frame) == FRAME_BYTES for frame in cut)
    joined = b"".join(cut)
    assert joined.startswith(pcm) and not joined[len(pcm) :].strip(b"\0")


@given(st.lists(st.binary(max_size=3000), max_size=12))
def test_blocks_of_any_length_become_the_same_frames(blocks: list[bytes]) -> None:
    framer = Framer()
    cut = [frame for block in blocks for frame in framer.add(block)] + framer.last()
    assert cut == list(frames(b"".join(blocks)))


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_another_rate_is_the_same_sound(rate: int) -> None:
    changed = resampled(tone(0.5, rate), SAMPLE_RATE)
    assert changed.seconds == pytest.approx(0.5, abs=0.001)
    assert pitch(changed) == pytest.approx(440, abs=3)


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_sound_file_of_any_kind_is_read(tmp_path: Path, form: str, rate: int) -> None:
    path = tmp_path / f"tone.{form}"
    left = samples(tone(0.5, rate).pcm) / 32768
    soundfile.write(path, np.stack([left, left / 2], axis=1), rate)
    audio = read(path)
    assert audio.rate == SAMPLE_RATE
    assert audio.seconds == pytest.approx(0.5, abs=0.1)
    assert pitch(audio) == pytest.approx(440, abs=5)
    assert np.abs(samples(audio.pcm)).max() == pytest.approx(6000, rel=0.1)  # mean of 1 and 1/2


def test_samples_of_a_wav_file_are_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(tone(0.1).pcm)
    assert read(path) == tone(0.1)


def test_an_empty_file_is_no_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 44100)
    assert read(tmp_path / "empty.wav").seconds == 0


@pytest.mark.parametrize("content", [b"", b"this is no sound", b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_no_sound_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"notes\.wav"):
        read(path)
    with pytest.raises(AudioError, match=r"missing\.wav"):
        read(tmp_path / "missing.wav")


@pytest.mark.parametrize(
    ("kind", "says"),
    [("folder", "is a folder"), ("nothing", "no such file"), ("slow", "has 8 samples a second")],
)
def test_what_cannot_be_heard_is_said(tmp_path: Path, kind: str, says: str) -> None:
    path = tmp_path / "a.wav"
    if kind == "folder":
        path.mkdir()
    elif kind == "slow":
        soundfile.write(path, np.zeros(100), 8)
    with pytest.raises(AudioError, match=says):
        read(path)


@pytest.mark.filterwarnings("error")
def test_samples_that_are_no_numbers_are_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(100, np.nan), SAMPLE_RATE, subtype="FLOAT")
    assert read(path).pcm == bytes(200)


@pytest.fixture
def nothing() -> Iterator[BinaryIO]:
    with Path(os.devnull).open("rb") as file:
        yield file


async def test_an_empty_device_is_the_end_of_the_sound(nothing: BinaryIO) -> None:
    async with asyncio.timeout(5):
        heard = b"".join(await taken(RawStream(nothing, silence=0.1).frames()))
    assert heard and not any(heard)


async def test_a_recording_ends_in_silence() -> None:
    got = b"".join(await taken(Recording(tone(0.5), silence=2.0).frames()))
    assert got.startswith(tone(0.5).pcm)
    assert len(got) / 2 / SAMPLE_RATE == pytest.approx(2.5, abs=FRAME_SECONDS)
    assert not got[len(tone(0.5).pcm) :].strip(b"\0")


@pytest.mark.parametrize("gather", [1, 5])
async def test_a_recording_can_take_as_long_as_it_sounds(gather: int) -> None:
    source = Recording(tone(0.4), realtime=True, silence=0)
    source.gather = gather
    started, arrived = time.monotonic(), []
    async for _ in source.frames():
        arrived.append(time.monotonic() - started)
    assert len(arrived) == 13
    for number, at in enumerate(arrived):
        assert at >= number // gather * gather * FRAME_SECONDS
    assert arrived[-1] < 1.0


# --- a pipe --------------------------------------------------------------------------------------


async def test_raw_samples_come_from_a_pipe_as_they_are_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        source = RawStream(stream, silence=0).frames()
        os.write(writing, bytes(range(256)) * 5)
        assert await asyncio.wait_for(anext(source), 5) == bytes(range(256)) * 4
        os.close(writing)
        rest = await taken(source)
        assert rest == [bytes(range(256)).ljust(FRAME_BYTES, b"\0")]


async def test_raw_samples_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sound.raw"
    path.write_bytes(tone(0.5).pcm)
    with path.open("rb") as stream:
        got = b"".join(await taken(RawStream(stream, silence=1.0).frames()))
    assert got.startswith(tone(0.5).pcm)
    assert len(got) / 2 / SAMPLE_RATE == pytest.approx(1.5, abs=2 * FRAME_SECONDS)


# --- where replies go ----------------------------------------------------------------------------


async def test_replies_become_numbered_wav_files(tmp_path: Path) -> None:
    said = tone(0.2, 22050)
    await WavFolder(tmp_path / "replies").play(said)
    await WavFolder(tmp_path / "replies").play(said)
    files = sorted((tmp_path / "replies").iterdir())
    assert [file.name for file in files] == ["001.wav", "002.wav"]
    content, rate = soundfile.read(files[1], dtype="int16")
    assert (content.tobytes(), rate) == (said.pcm, 22050)


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AudioError, match="file"):
        await WavFolder(tmp_path / "file" / "replies").play(tone(0.1))


async def test_nobody_hears_it_but_it_can_take_its_time() -> None:
    started = time.monotonic()
    await Nowhere().play(Audio(bytes(100 * 2 * SAMPLE_RATE)))
    assert time.monotonic() - started < 1
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await Nowhere(realtime=True).play(tone(1))


@pytest.mark.parametrize("name", sorted(NOTES.keys() - LOUDER.keys()))
def test_an_earcon_is_short_and_soft_and_does_not_click(name: str) -> None:
    audio = earcon(name)
    values = samples(audio.pcm) / 32768
    assert 0.1 < audio.seconds < 0.4
    assert 0.05 < np.abs(values).max() < 0.25
    assert np.abs(values[:20]).max() < 0.01 and np.abs(values[-20:]).max() < 0.01
    assert np.abs(np.diff(values)).max() < 0.05


def test_what_is_to_wake_somebody_is_loud_and_does_not_click_either() -> None:
    values = samples(earcon("alarm").pcm) / 32768
    assert 0.7 < np.abs(values).max() < 1
    assert np.abs(values[:20]).max() < 0.01 and np.abs(values[-20:]).max() < 0.01


# --- a sound card --------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("p")  # short: it holds a socket


@pytest.fixture
def server(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with pulse.sound_card(folder) as process:
        yield process


def likeness(heard: np.ndarray, said: np.ndarray) -> float:
    """Correlation of what was said with what was heard, wherever that is in it.

    The median of ten pieces: PulseAudio leaves out samples when the machine is busy."""
    found = []
    for piece in np.array_split(said, 10):
        size = 1 << (len(heard) + len(piece)).bit_length()
        product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(piece, size)), size)
        start = int(np.argmax(product[: len(heard) - len(piece)]))
        found.append(np.corrcoef(heard[start : start + len(piece)], piece)[0, 1])
    return float(np.median(found))


def noise(seconds: float) -> Audio:
    """Sound that resembles nothing but itself, swelling and fading."""
    count = round(seconds * SAMPLE_RATE)
    rough = np.random.default_rng(1).normal(0, 1, count + 15)
    smooth = np.convolve(rough, np.ones(16) / 4, "valid") * np.sin(np.linspace(0, np.pi, count))
    return Audio((3000 * smooth).astype("<i2").tobytes())


@pytest.mark.soundcard
@pytest.mark.slow
async def test_the_microphone_hears_what_sounds(
    server: subprocess.Popen[bytes], folder: Path
) -> None:
    await soundcard.look_again()
    said = noise(1.0)
    soundfile.write(folder / "said.wav", samples(said.pcm) / 32768, SAMPLE_RATE, "PCM_16")
    microphone, heard, player = Microphone("vmic"), [], None
    async for frame in microphone.frames():
        if player is None:
            player = await asyncio.create_subprocess_exec(
                "paplay", "--device=vmic_sink", folder / "said.wav"
            )
        heard.append(frame)
        if len(heard) * FRAME_SECONDS > 3:
            break
    assert {len(frame) for frame in heard} == {FRAME_BYTES}
    assert likeness(samples(b"".join(heard)), samples(said.pcm)) > 0.95
    assert microphone.overflows == 0


@pytest.mark.soundcard
@pytest.mark.slow
async def test_the_loudspeaker_sounds_as_long_as_it_says_and_stops_at_once(
    server: subprocess.Popen[bytes], folder: Path
) -> None:
    await soundcard.look_again()
    recording = folder / "heard.raw"
    recorder = await asyncio.create_subprocess_exec(
        "parecord", "--device=spk.monitor", "--rate=16000", "--channels=1", "--format=s16le",
        "--raw", recording,
    )  # fmt: skip
    loudspeaker = Loudspeaker("spk")
    try:
        await asyncio.sleep(0.5)
        await loudspeaker.play(tone(0.1))  # opens the device
        started = time.monotonic()
        await loudspeaker.play(noise(1.0))
        assert 1.0 <= time.monotonic() - started < 4.0  # PulseAudio may take 1.8 s to begin
        long = asyncio.create_task(loudspeaker.play(tone(5.0)))
        await asyncio.sleep(1.0)
        long.cancel()
        started = time.monotonic()
        await asyncio.wait({long})
        assert time.monotonic() - started < 1  # of four that were left
        await asyncio.sleep(0.7)
    finally:
        await loudspeaker.close()
        recorder.terminate()
        await recorder.wait()
    heard = samples(recording.read_bytes())
    assert likeness(heard, samples(noise(1.0).pcm)) > 0.95
    loud = np.abs(heard[: len(heard) // 160 * 160].reshape(-1, 160)).max(axis=1) > 500
    seconds = np.count_nonzero(loud) / 100
    assert 1.2 < seconds < 2.6  # 0.1 + 1.0 + what was played of the 5 s


@pytest.mark.soundcard
@pytest.mark.slow
async def test_a_sound_card_that_is_lost_is_told_and_found_again(
    server: subprocess.Popen[bytes], folder: Path
) -> None:
    await soundcard.look_again()
    microphone = Microphone("vmic")
    with pytest.raises(AudioError, match="microphone"):
        async for _ in microphone.frames():
            server.terminate()
    with pytest.raises(AudioError):
        await anext(Microphone("vmic").frames())
    with pulse.sound_card(folder):
        source = Microphone("vmic").frames()
        assert len(await asyncio.wait_for(anext(source), 10)) == FRAME_BYTES
        await source.aclose()


@pytest.mark.soundcard
async def test_a_device_that_is_not_there_is_told_with_those_that_are(
    server: subprocess.Popen[bytes],
) -> None:
    await soundcard.look_again()
    with pytest.raises(AudioError, match=r"'kitchen'.*'vmic'"):
        await anext(Microphone("kitchen").frames())
    with pytest.raises(AudioError, match=r"'kitchen'.*'spk'"):
        await Loudspeaker("kitchen").play(tone(0.1))
