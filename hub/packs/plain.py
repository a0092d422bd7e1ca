"""Text of packs, before anybody sees, hears or logs it."""

from __future__ import annotations

import unicodedata
from typing import Any

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that are not seen, or turn and hide what stands beside them."""


def one_line(text: Any, most: int) -> str:
    """In one line, without what cannot be seen, and no longer than `most` characters; empty for
    what is no text."""
    if not isinstance(text, str):
        return ""
    # What is cut off is not looked at: it may be a megabyte.
    shown = "".join(
        " " if character in "\n\r\t" else character
        for character in text[: most * 4]
        if character in "\n\r\t" or unicodedata.category(character) not in HIDDEN
    )
    line = " ".join(shown.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
