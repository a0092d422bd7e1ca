"""Where the tests that are marked `models` find the real models."""

from __future__ import annotations

from pathlib import Path

import pytest

import hub.config


def model_file(role: str, name: str, suffix: str) -> Path:
    """The file of a fetched model; the test is skipped if there is none."""
    folder = hub.config.load().models / role / name
    found = sorted(folder.rglob(f"*{suffix}")) if folder.exists() else []
    if not found:
        pytest.skip(f"no {suffix} file in {folder}: `hearth models fetch` brings it")
    return found[0]
