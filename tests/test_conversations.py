"""Every conversation in tests/conversations, with rules alone and with the language model."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.conversations.play import play
from tests.conversations.script import Script, fits, read, scripts
from tests.models import model_file

FILES = [read(path) for path in scripts()]


def _of(tier: str) -> list[ParameterSet]:
    return [
        pytest.param(
            script,
            id=script.path.stem,
            marks=[pytest.mark.xfail(reason=script.pending, strict=True)] if script.pending else [],
        )
        for script in FILES
        if tier in script.tiers
    ]


@pytest.mark.parametrize("script", _of("rules"))
async def test_a_conversation_with_rules_alone(script: Script, tmp_path: Path) -> None:
    wrong = await play(script, tmp_path, model=False)
    assert not wrong, "\n".join(["", *wrong])


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.parametrize("script", _of("all"))
async def test_a_conversation_with_all_tiers(script: Script, tmp_path: Path) -> None:
    model_file("language-model", "hearth-router", ".gguf")
    wrong = await play(script, tmp_path, model=True)
    assert not wrong, "\n".join(["", *wrong])


def test_a_reply_is_looked_for_words_or_a_pattern() -> None:
    assert fits("lights", "The Lights are off.")
    assert fits(r"/lights? (are|is) off/", "The lights are off.")
    assert not fits("/^lights/", "The lights are off.")
