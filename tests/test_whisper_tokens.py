"""Whisper's tokens: a file that lacks a pair of letters is read as if it had it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

whisper = pytest.importorskip("hub.engines.whisper", reason="Whisper is not installed")

VOCABULARY = ["Ġ", "t", "o", "Ġt", "Ġto"]


@pytest.mark.parametrize("merges", [["Ġt o"], ["Ġ t", "Ġt o"], [["Ġt", "o"]]])
def test_a_word_with_a_t_at_its_beginning_is_one_token(
    tmp_path: Path, merges: list[str] | list[list[str]]
) -> None:
    file = tmp_path / "tokenizer.json"
    model = {"type": "BPE", "vocab": {w: i for i, w in enumerate(VOCABULARY)}, "merges": merges}
    before = {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True
    }  # fmt: skip
    file.write_text(json.dumps({"version": "1.0", "model": model, "pre_tokenizer": before}))
    assert whisper._tokenizer(file).encode(" to").tokens == ["Ġto"]
