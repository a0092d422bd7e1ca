"""The Piper voice in its process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from hub.engines.piper import PiperSynthesizer
from hub.errors import EngineCrashed, EngineError, ModelError
from tests.models import model_file


def voice_files(folder: Path, weights: bytes = b"weights", **settings: object) -> Path:
    voice = folder / "voice.onnx"
    voice.write_bytes(weights)
    voice.with_name("voice.onnx.json").write_text(json.dumps(settings))
    return voice


def test_a_voice_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"joe\.onnx"):
        PiperSynthesizer(tmp_path / "joe.onnx")
    voice_files(tmp_path).unlink()
    with pytest.raises(ModelError, match=r"voice\.onnx"):
        PiperSynthesizer(tmp_path / "voice.onnx")


def test_voices_that_sound_different_have_different_names(tmp_path: Path) -> None:
    names = {PiperSynthesizer(voice_files(tmp_path)).name}
    names.add(PiperSynthesizer(voice_files(tmp_path), pace=1.2).name)
    names.add(PiperSynthesizer(voice_files(tmp_path, b"other")).name)
    names.add(PiperSynthesizer(voice_files(tmp_path, noise=1)).name)
    assert len(names) == 4
    assert PiperSynthesizer(voice_files(tmp_path)).name in names


async def test_a_file_that_is_no_voice_is_an_error(tmp_path: Path) -> None:
    synthesizer = PiperSynthesizer(voice_files(tmp_path, sample_rate=1))
    try:
        with pytest.raises(EngineError, match="voice"):
            await synthesizer.start()
    finally:
        await synthesizer.close()


@pytest_asyncio.fixture
async def joe() -> AsyncIterator[PiperSynthesizer]:
    synthesizer = PiperSynthesizer(model_file("voice", "joe", ".onnx"))
    await synthesizer.start()
    yield synthesizer
    await synthesizer.close()


@pytest.mark.models
async def test_words_become_sound_of_a_plausible_length(joe: PiperSynthesizer) -> None:
    audio = await joe.synthesize("The kitchen is 21.5 degrees Celsius.")
    assert audio.rate == 22_050
    assert 1.5 < audio.seconds < 5
    samples = memoryview(audio.pcm).cast("h")
    assert max(samples) > 8_000
    assert (await joe.synthesize("...")).pcm == b""


@pytest.mark.models
async def test_a_voice_killed_in_the_middle_of_a_word_costs_one_sentence(
    joe: PiperSynthesizer,
) -> None:
    pid = joe.worker.pid
    assert pid
    process = psutil.Process(pid)
    before = process.cpu_times().user
    saying = asyncio.create_task(joe.synthesize("This takes a while, " * 12))
    async with asyncio.timeout(20):
        while process.cpu_times().user - before < 0.05:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineCrashed, match="SIGKILL"):
        await saying
    assert (await joe.synthesize("Here I am again.")).seconds > 0.5
    assert joe.worker.restarts == 1


@pytest.mark.models
async def test_between_sentences_the_voice_takes_little_memory(joe: PiperSynthesizer) -> None:
    await joe.synthesize("The kitchen ceiling light is on, and the hallway lamp did not answer.")
    await joe.synthesize("")  # answered when what the sentence took has been given back
    assert joe.worker.pid
    assert psutil.Process(joe.worker.pid).memory_info().rss < 200e6
