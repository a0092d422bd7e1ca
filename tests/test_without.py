"""Hours of sound without the wake word, made while it is listened to."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hub.evaluate import without
from hub.evaluate.without import NOISE_SECONDS, sound
from hub.messages import SAMPLE_RATE, Audio


class Voice:
    """Says each sentence in a hundredth of a second."""

    name = "voice"

    def __init__(self) -> None:
        self.said: list[str] = []

    async def synthesize(self, text: str) -> Audio:
        self.said.append(text)
        return Audio(b"\1\2" * 220, 22_050)


@pytest.fixture(autouse=True)
def no_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None)


async def test_as_much_as_was_wanted_of_speech_and_noise_and_the_same_again() -> None:
    async def kinds() -> list[tuple[str, str]]:
        made = sound(50, Voice(), never=["jarvis"], seed=3)
        stretches = [stretch async for stretch in made]
        assert sum(len(each.pcm) for each in stretches) / 2 / SAMPLE_RATE >= 50
        return [(stretch.kind, stretch.said) for stretch in stretches]

    first = await kinds()
    assert {kind for kind, _ in first} == {"piper", "noise"}
    assert await kinds() == first


async def test_without_a_voice_there_is_noise() -> None:
    async for stretch in sound(1, None, never=[]):
        assert stretch.kind == "noise"
        assert len(stretch.pcm) == 2 * SAMPLE_RATE * NOISE_SECONDS


async def test_the_wake_word_is_never_said_and_own_texts_are(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("Hey Jarvis, hello.\nGood evening to all of you.\n", encoding="utf-8")
    voice = Voice()
    async for _ in sound(10, voice, never=["jarvis"], texts=texts):
        pass
    assert set(voice.said) == {"Good evening to all of you."}


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_sentences_of_a_home_are_plain_words(language: str) -> None:
    talk = without._Talk(random.Random(1), ["lamp"], None)
    sentences = [talk._sentence(language) for _ in range(200)]
    assert not set("[](){}<>|") & set("".join(sentences))
    assert any(len(sentence.split()) > 3 for sentence in sentences)
