"""Numbers and units as they are said aloud."""

from __future__ import annotations

import re
from typing import Any

from hub.language import has_words, words

NUMBER_WITH_UNIT = re.compile(
    r"(?<![\w.,])(-?\d+(?:[.,]\d+)?)\s*([°%µa-zA-Z][°%µ³²/a-zA-Z]*)(?!\w)"
)
"""A number and what might be its unit; only units that the language knows are replaced."""


def number(value: Any, language: str) -> str:
    """A number as it is said: at most one decimal for what is measured, none that is zero."""
    try:
        rounded = round(float(value), 1)
    except (TypeError, ValueError):
        return str(value)
    text = f"{rounded:.1f}".removesuffix(".0")
    return text.replace(".", words(language)["decimal"]) if text != "-0" else "0"


def speakable(text: str, language: str) -> str:
    """`21.5 °C` -> `21.5 degrees Celsius`; text without units stays as it is."""
    units = words(language)["units"] if has_words(language) else {}

    def spoken(match: re.Match[str]) -> str:
        if match[2] not in units:
            return match[0]
        one, many = units[match[2]]
        amount = match[1].replace(",", ".")
        return f"{number(amount, language)} {one if float(amount) == 1 else many}"

    return NUMBER_WITH_UNIT.sub(spoken, text)


def sentence(text: str) -> str:
    """With a capital at the beginning and a full stop at the end."""
    text = " ".join(text.split())
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?…" else f"{text}."
