"""Twenty of the conversations, spoken by Piper and heard by the whole hub: wake word, end of
speech, Whisper, router with all tiers, skills, replies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub.engines.piper import PiperSynthesizer
from hub.ports import Synthesizer
from tests.conversations.script import Script, read, scripts
from tests.conversations.spoken import speak
from tests.models import model_file

pytestmark = [
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

SPOKEN = [script for script in map(read, scripts()) if script.spoken]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def actors() -> AsyncIterator[dict[str, Synthesizer]]:
    """Who speaks which language. There is one voice; it has the sounds of both."""
    voice = model_file("voice", "joe", ".onnx")
    english = PiperSynthesizer(voice, variation=0.0)
    german = PiperSynthesizer(voice, variation=0.0, pace=1.15, sounds="de")
    yield {"en": english, "de": german}
    await english.close()
    await german.close()


@pytest.mark.parametrize("script", SPOKEN, ids=lambda script: script.path.stem)
async def test_a_spoken_conversation(
    script: Script, tmp_path: Path, actors: dict[str, Synthesizer]
) -> None:
    for role, name, suffix in (
        ("recognizer", "whisper-base", ".bin"),
        ("wake", "hey_jarvis", ".tflite"),
        ("language-model", "hearth-router", ".gguf"),
    ):
        model_file(role, name, suffix)
    wrong = await speak(script, tmp_path, actors)
    assert not wrong, "\n".join(["", *wrong])
