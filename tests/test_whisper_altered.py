"""What is heard again is heard as other sounds, too."""

from __future__ import annotations

import numpy as np
import pytest

whisper = pytest.importorskip("hub.engines.whisper", reason="Whisper is not installed")

RATE = 16_000


def tones(*pitches: int) -> np.ndarray:
    moments = np.arange(RATE) / RATE
    return sum(0.1 * np.sin(2 * np.pi * pitch * moments) for pitch in pitches).astype(np.float32)


def level(samples: np.ndarray, pitch: float) -> float:
    moments = np.arange(len(samples)) / RATE
    return float(abs(np.mean(samples * np.exp(-2j * np.pi * pitch * moments))))


def test_the_same_words_are_brighter_and_faster() -> None:
    brighter, faster = whisper._altered(tones(500, 4000))
    gain = level(brighter, 4000) / level(brighter, 500)
    assert 20 * np.log10(gain) == pytest.approx(9, abs=0.5)  # three octaves
    assert np.abs(brighter).max() == pytest.approx(0.6, abs=0.01)
    assert len(faster) == pytest.approx(RATE / 1.1, abs=2)
    assert level(faster, 550) > 10 * level(faster, 500)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_no_sound_is_no_fault(size: int) -> None:
    for altered in whisper._altered(np.zeros(size, np.float32)):
        assert len(altered) <= max(size, 2)


def test_all_of_them_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = object.__new__(whisper.Engine)
    sounds: list[int] = []

    def encode(samples: np.ndarray, window: int) -> int:
        sounds.append(len(samples))
        return len(samples)

    monkeypatch.setattr(engine, "_encode", encode, raising=False)
    monkeypatch.setattr(engine, "_language", lambda *_: "en", raising=False)
    monkeypatch.setattr(
        engine,
        "_generate",
        lambda encoded, *_, **__: ([(f"heard in {encoded}", -0.5)], 0.0),
        raising=False,
    )
    pcm = (tones(500) * 32_000).astype("<i2").tobytes()
    narrow = engine.recognize(pcm, language="en")
    assert [each["text"] for each in narrow["hypotheses"]] == [f"heard in {RATE}"]
    wide = engine.recognize(pcm, language="en", wide=True)
    assert len(wide["hypotheses"]) == 2  # the brighter one is as long
    assert len(sounds) == 4


@pytest.mark.parametrize(("no_speech", "heard"), [(0.1, ["pause it"]), (0.5, [])])
def test_where_somebody_spoke_an_unlikely_text_is_not_the_last_word(
    monkeypatch: pytest.MonkeyPatch, no_speech: float, heard: list[str]
) -> None:
    engine = object.__new__(whisper.Engine)

    def generate(*_: object, wide: bool) -> tuple[list[tuple[str, float]], float]:
        return [("pause it", -0.9) if wide else ("paws", -2.0)], no_speech

    monkeypatch.setattr(engine, "_encode", lambda *_: 0, raising=False)
    monkeypatch.setattr(engine, "_language", lambda *_: "en", raising=False)
    monkeypatch.setattr(engine, "_generate", generate, raising=False)
    pcm = (tones(500) * 32_000).astype("<i2").tobytes()
    found = engine.recognize(pcm, language="en")["hypotheses"]
    assert [each["text"] for each in found] == heard
