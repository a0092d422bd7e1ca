"""Words of each language: sentences of the hub's own, as TOML files beside this one.

What a language's file lacks is taken from English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@cache
def words(language: str) -> dict[str, Any]:
    """All entries of a language (BCP 47; `de-AT` is read as `de`), English where it has none."""
    english = _read("en")
    base = language.split("-")[0].lower()
    return english if base == "en" else _over(english, _read(base))


@cache
def has_words(language: str) -> bool:
    """Whether Hearth has words of its own in a language."""
    return (FOLDER / f"{language.split('-')[0].lower()}.toml").exists()


def names_together(names: Sequence[str], joined: str) -> str:
    """Several names in one breath: 'the lamp, the fan and the radio'. `joined`: the word for
    'and'."""
    return f"{', '.join(names[:-1])} {joined} {names[-1]}" if len(names) > 1 else "".join(names)


def _read(language: str) -> dict[str, Any]:
    path = FOLDER / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            value = _over(below, value)
        merged[key] = value
    return merged
