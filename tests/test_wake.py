"""The wake word: two detectors that have to agree, alone and with the real models."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from hub.audio.files import Recording, read
from hub.audio.noise import Noise
from hub.config import ListenSettings, WakeSettings
from hub.engines import ears, openwakeword
from hub.engines.worker import Worker
from hub.errors import EngineCrashed, EngineError, HearthError, ModelError
from hub.evaluate.wake import clips, evaluate_wake, mixed
from hub.listening import Judgement, Listened, Listener, Verdict
from hub.messages import SAMPLE_RATE, Audio, Wake
from hub.ports import FRAME_BYTES, FRAME_SECONDS
from hub.wakeword import Cascade, threshold
from tests.models import model_file

CLIPS = Path(__file__).parent / "data" / "wake"
BATCH = bytes(3 * FRAME_BYTES)


# --- two that have to agree ----------------------------------------------------------------------


class Scripted:
    """A detector and verifier that gives the scores of a list, then 0."""

    model, phrase, cutoff = "hey_jarvis", "Hey Jarvis", 0.95

    def __init__(self, *scores: float | Exception) -> None:
        self.scores = list(scores)
        self.heard: list[bytes] = []
        self.resets = 0

    async def score(self, pcm: bytes) -> float:
        self.heard.append(pcm)
        score = self.scores.pop(0) if self.scores else 0.0
        if isinstance(score, Exception):
            raise score
        return score

    verify = score

    async def reset(self) -> None:
        self.resets += 1


async def fired(cascade: Cascade, batches: int = 10) -> list[Wake]:
    wakes = [await cascade.process(BATCH) for _ in range(batches)]
    return [wake for wake in wakes if wake]


@pytest.mark.parametrize(
    ("micro", "verifier", "wakes"),
    [
        (0.99, 0.99, True),
        (0.99, 0.55, True),  # the sure one makes up for the other
        (0.55, 0.99, True),
        (0.99, 0.10, False),
        (0.30, 0.99, False),
        (0.70, 0.70, False),
    ],
)
async def test_detector_and_verifier_have_to_agree(
    micro: float, verifier: float, wakes: bool
) -> None:
    cascade = Cascade(Scripted(micro), Scripted(verifier))
    assert bool(await fired(cascade)) == wakes


async def test_the_verifier_is_not_asked_about_nothing() -> None:
    verifier = Scripted()
    await fired(Cascade(Scripted(0.01, 0.2, 0.4), verifier))
    assert verifier.heard == []


async def test_a_word_that_is_not_over_yet_is_verified_again() -> None:
    assert len(await fired(Cascade(Scripted(0.6, 0.99, 0.99), Scripted(0.3, 0.4, 0.9)))) == 1


async def test_the_best_of_a_word_counts_even_if_the_verifier_comes_to_it_later() -> None:
    assert len(await fired(Cascade(Scripted(0.99, 0.6), Scripted(0.2, 0.6)))) == 1


async def test_what_is_no_wake_word_is_not_verified_for_ever() -> None:
    verifier = Scripted()
    await fired(Cascade(Scripted(*[0.9] * 50), verifier), 50)
    assert len(verifier.heard) <= 4


async def test_the_verifier_hears_the_last_seconds() -> None:
    verifier = Scripted(0.0, 0.0)
    cascade = Cascade(Scripted(*[0.0] * 100, 0.99), verifier)
    await fired(cascade, 101)
    seconds = len(verifier.heard[0]) / 2 / SAMPLE_RATE
    assert 2.5 <= seconds <= 2.5 + 2 * 3 * FRAME_SECONDS


async def test_one_wake_word_wakes_once() -> None:
    scores = [0.99] * 12
    assert len(await fired(Cascade(Scripted(*scores), Scripted(*scores)), 12)) == 1


async def test_after_a_reset_the_next_one_counts_at_once() -> None:
    cascade = Cascade(detector := Scripted(*[0.99] * 4), Scripted(*[0.99] * 4))
    assert await cascade.process(BATCH)
    await cascade.reset()
    assert detector.resets == 1
    assert await cascade.process(BATCH)


async def test_each_of_them_also_works_alone() -> None:
    assert await fired(Cascade(Scripted(0.2, 0.96)))
    assert not await fired(Cascade(Scripted(0.2, 0.94)))


async def test_without_its_verifier_the_detector_decides_by_its_own_measure() -> None:
    dead = EngineError("openwakeword dies whenever it is loaded")
    assert await fired(Cascade(Scripted(0.99), Scripted(dead)))
    assert not await fired(Cascade(Scripted(0.90), Scripted(dead)))


async def test_a_crash_of_the_detector_costs_one_stretch() -> None:
    crash = EngineCrashed("ears died (SIGSEGV)")
    assert len(await fired(Cascade(Scripted(crash, 0.0, 0.99)))) == 1


@given(st.floats(0.05, 0.99), st.floats(0, 1), st.floats(0, 1))
def test_more_sensitive_never_means_a_higher_threshold(
    cutoff: float, one: float, other: float
) -> None:
    lower, higher = sorted((one, other))
    assert 0 < threshold(cutoff, higher) <= threshold(cutoff, lower) < 1
    assert threshold(cutoff, 0.5) == pytest.approx(cutoff)


# --- models that are none ------------------------------------------------------------------------


def test_a_model_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    description = tmp_path / "hello.json"
    with pytest.raises(ModelError, match=r"hello\.json"):
        ears.Ears(str(description))
    description.write_text("{}")
    with pytest.raises(ModelError, match=r"hello\.json"):
        ears.Ears(str(description))
    content = {"wake_word": "Hello", "model": "hello.tflite", "micro": {"probability_cutoff": 0.9}}
    description.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"hello\.tflite"):
        ears.Ears(str(description))
    (tmp_path / "hello.tflite").write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelError, match=r"hello\.tflite"):
        ears.Ears(str(description))


def test_a_verifier_folder_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="melspectrogram"):
        openwakeword.files_in(tmp_path)
    for name in ("melspectrogram.onnx", "embedding_model.onnx", "hello_v0.1.onnx"):
        (tmp_path / name).touch()
    assert openwakeword.files_in(tmp_path)["model"].endswith("hello_v0.1.onnx")
    assert openwakeword.OpenWakeWord(openwakeword.files_in(tmp_path)).phrase == "Hello"


# --- voice activity ------------------------------------------------------------------------------


async def test_speech_is_told_from_silence_and_noise() -> None:
    worker = ears.worker(None)
    voices = ears.Voices(worker)
    pcm = read(CLIPS / "other" / "hallway_lamp.flac").pcm
    said = await voices.process(pcm[: len(pcm) // FRAME_BYTES * FRAME_BYTES])
    assert len(said) == len(pcm) // FRAME_BYTES
    assert sum(p > 0.5 for p in said) > 0.7 * len(said)
    await voices.reset()
    noise = np.random.default_rng(1).normal(0, 500, 100 * FRAME_BYTES // 2).astype("<i2")
    assert max(await voices.process(noise.tobytes())) < 0.5
    await worker.close()


# --- the real models -----------------------------------------------------------------------------


class Real:
    """The detectors of one wake word, in their processes."""

    def __init__(self, name: str) -> None:
        description = model_file("wake", name, f"{name}.json")
        files = openwakeword.files_in(model_file("verifier", name, ".onnx").parent)
        self.worker: Worker = ears.worker(description)
        self.micro = ears.MicroWakeWord(self.worker, description)
        self.verifier = openwakeword.OpenWakeWord(files)
        self.voices = ears.Voices(self.worker)

    async def close(self) -> None:
        await self.worker.close()
        await self.verifier.close()

    def listener(self, audio: Audio) -> Listener:
        cascade = Cascade(self.micro, self.verifier)
        room = np.random.default_rng(1).normal(0, 8, 2 * SAMPLE_RATE).astype("<i2").tobytes()
        source = Recording(Audio(room + audio.pcm + room), silence=0)
        return Listener(source, cascade, self.voices, ListenSettings(), WakeSettings())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def jarvis() -> AsyncIterator[Real]:
    real = Real("hey_jarvis")
    yield real
    await real.close()


async def unknown(audio: Audio) -> Judgement[None]:
    return Judgement(Verdict.UNKNOWN, None)


@pytest.mark.models
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["kitchen_lights", "stop", "timer"])
async def test_a_command_in_one_breath_with_the_wake_word_is_heard_whole(
    jarvis: Real, name: str
) -> None:
    audio = read(CLIPS / "hey_jarvis" / f"{name}.flac")
    loud = np.flatnonzero(np.abs(np.frombuffer(audio.pcm, "<i2")) > 500) / SAMPLE_RATE
    listener = jarvis.listener(audio)
    wake = await listener.wait_for_wake()
    assert wake is not None and (wake.model, wake.phrase) == ("hey_jarvis", "Hey Jarvis")
    got: Listened[None] | None = await listener.listen(wake, start_timeout=5, judge=unknown)
    assert got is not None
    begin = got.heard.wake.at - 1.6 if got.heard.wake else 0
    end = begin + got.heard.audio.seconds
    assert begin <= 2.0 + loud[0] and end >= 2.0 + loud[-1]
    assert got.heard.speech_ended == pytest.approx(2.0 + loud[-1], abs=0.15)
    await listener.close()


@pytest.mark.models
@pytest.mark.asyncio(loop_scope="module")
async def test_the_wake_word_alone_is_followed_by_no_command(jarvis: Real) -> None:
    async def nothing(audio: Audio) -> Judgement[None]:
        return Judgement(Verdict.NOTHING, None)

    listener = jarvis.listener(read(CLIPS / "hey_jarvis" / "alone.flac"))
    wake = await listener.wait_for_wake()
    assert wake is not None
    assert await listener.listen(wake, start_timeout=1.5, judge=nothing) is None
    await listener.close()


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_each_recording_wakes_or_does_not(jarvis: Real) -> None:
    score = await evaluate_wake(Cascade(jarvis.micro, jarvis.verifier), "hey_jarvis", [CLIPS])
    assert (score.found, score.positives, score.twice) == (4, 4, [])
    assert score.false == [] and score.negatives == 6


@pytest.mark.models
@pytest.mark.asyncio(loop_scope="module")
async def test_the_verifier_refuses_what_the_detector_alone_takes_for_the_wake_word(
    jarvis: Real, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(CLIPS / "other" / "a_cheddar_block.flac", tmp_path / "other")
    lax = copy.copy(jarvis.micro)
    lax.cutoff = 0.75  # this recording scores between this and the author's 0.97
    alone, both = Cascade(lax), Cascade(lax, jarvis.verifier)
    assert (await evaluate_wake(alone, "hey_jarvis", [tmp_path])).false
    assert not (await evaluate_wake(both, "hey_jarvis", [tmp_path])).false


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_the_ears_are_back_soon_after_they_died(jarvis: Real) -> None:
    audio = read(CLIPS / "hey_jarvis" / "stop.flac")
    assert await jarvis.listener(audio).wait_for_wake()
    pid = jarvis.worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await jarvis.listener(audio).wait_for_wake()
    assert jarvis.worker.pid not in (pid, None)


@pytest.mark.models
@pytest.mark.slow
async def test_alexa_is_another_wake_word() -> None:
    real = Real("alexa")
    score = await evaluate_wake(Cascade(real.micro, real.verifier), "alexa", [CLIPS])
    assert (score.found, score.positives, score.false) == (2, 2, [])
    await real.close()


# --- scoring -------------------------------------------------------------------------------------


class Fires:
    """A WakeWord that fires as often as a list says, recording after recording."""

    def __init__(self, *times: int) -> None:
        self._times = list(times)
        self._left = 0

    async def process(self, pcm: bytes) -> Wake | None:
        self._left -= 1
        return Wake("alexa", "Alexa", 1.0, 0.0) if self._left >= 0 else None

    async def reset(self) -> None:
        self._left = self._times.pop(0)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two of the wake word and two of something else, told apart by a table; one by its folder."""
    names = ("a", "b", "c", "d")
    for path in [*(tmp_path / "set" / f"{n}.flac" for n in names), tmp_path / "alexa" / "e.flac"]:
        path.parent.mkdir(exist_ok=True)
        shutil.copy(CLIPS / "alexa" / "107.flac", path)
    rows = "".join(f"set/{n}.flac,{said}\n" for n, said in zip(names, PHRASES, strict=True))
    (tmp_path / "set.csv").write_text("file,phrase\n" + rows)
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    return tmp_path


PHRASES: Sequence[str] = ("alexa", "Alexa", "jarvis", "computer")


async def test_found_and_false_wakes_are_counted(recordings: Path) -> None:
    assert [clip.said for clip in clips(recordings)] == ["alexa", *PHRASES]
    # e (by its folder), a, b: the wake word; c, d: not
    score = await evaluate_wake(Fires(1, 0, 2, 0, 3), "alexa", [recordings])
    assert (score.positives, score.found, len(score.missed), len(score.twice)) == (3, 2, 1, 1)
    assert (score.negatives, len(score.false)) == (2, 3)
    assert "found 2 of 3" in str(score)
    assert score.to_json()["false_wakes"] == 3


async def test_a_folder_without_recordings_is_told(tmp_path: Path) -> None:
    with pytest.raises(HearthError, match="no recordings"):
        await evaluate_wake(Fires(), "alexa", [tmp_path])


def test_noise_is_mixed_in_at_its_level() -> None:
    rng = np.random.default_rng(2)
    speech = Audio(rng.normal(0, 1000, 32_000).astype("<i2").tobytes())
    noise = Audio(rng.normal(0, 50, 16_000).astype("<i2").tobytes())
    both = np.frombuffer(mixed(speech, noise, 10.0).pcm, "<i2").astype(float)
    added = both - np.frombuffer(speech.pcm, "<i2")
    assert 20 * np.log10(1000 / added.std()) == pytest.approx(10, abs=0.5)


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
async def test_the_hubs_own_noise_neither_wakes_it_nor_hides_the_wake_word(
    jarvis: Real, colour: str
) -> None:
    """Half a minute of it, and a voice that is 5 dB louder."""

    async def wakes(samples: np.ndarray) -> bool:
        await jarvis.micro.reset()
        pcm = np.clip(samples, -32768, 32767).astype("<i2").tobytes()
        listener = jarvis.listener(Audio(pcm))
        wake = await listener.wait_for_wake()
        await listener.close()
        return wake is not None

    noise = Noise(colour, 3).read(30 * SAMPLE_RATE, SAMPLE_RATE)
    assert not await wakes(noise * 32767 * 0.6)
    said = np.frombuffer(read(CLIPS / "hey_jarvis" / "stop.flac").pcm, "<i2").astype(float)
    loud = said[np.abs(said) > 500].std()
    beneath = noise[: len(said)] / noise.std() * loud / 10 ** (5 / 20)
    assert await wakes(said + beneath)
