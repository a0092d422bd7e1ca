"""What a recognizer writes, made into what a person says to a hub.

Whisper sets capitals and commas, keeps the wake phrase, and people are polite to machines.
"""

from __future__ import annotations

import re
import unicodedata

from rapidfuzz import fuzz

from hub.home.model import normal
from hub.router.words import Words

_NOISE = re.compile(r"[\[(*♪][^\])*♪]*[\])*♪]")
"""'[Music]', '(door closes)', '*sighs*': sounds that Whisper writes down."""
_POINTS = re.compile(
    r"(?<!\d)[.,:](?!\d)|(?<=\d)[.,:](?!\d)|(?<!\d)[.,:](?=\d)|[;!?¡¿。，、？！…\"“”„«»]+"
)
"""Punctuation, except what stands between digits ('20.5', '7:30')."""
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
_WAKE_SCORE = 78.0
"""0-100: 'Hey, Jervis' is 82 alike 'hey jarvis', 'hey charles' 67."""


def clean(text: str, words: Words, wake: str | None = None) -> str:
    """The command in a recognised sentence, in its own spelling; may be empty."""
    return " ".join(_without_politeness(addressed(text, words, wake).split(), words))


def addressed(text: str, words: Words, wake: str | None = None) -> str:
    """What was said behind the wake phrase, politeness and all."""
    phrases = (*((normal(wake),) if wake else ()), *words.wake)
    return " ".join(_without_wake(spoken(text).split(), phrases))


def spoken(text: str) -> str:
    """The text without noises and punctuation; single blanks."""
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    text = "".join(c for c in text if c.isprintable() or c.isspace())
    return " ".join(_POINTS.sub(" ", _NOISE.sub(" ", text)).split())


def _without_wake(tokens: list[str], phrases: tuple[str, ...]) -> list[str]:
    """Drop a wake phrase at the beginning, also one that was misheard a little."""
    for phrase in phrases:
        length = len(phrase.split())
        for taken in (length, length + 1, length - 1):
            if not 0 < taken < len(tokens):
                continue
            if fuzz.ratio(normal(" ".join(tokens[:taken])), phrase) >= _WAKE_SCORE:
                return tokens[taken:]
    return tokens


def _without_politeness(tokens: list[str], words: Words) -> list[str]:
    """Drop polite phrases from both ends, as long as something is left of the sentence."""
    while True:
        taken = _leading(tokens, words.before)
        if 0 < taken < len(tokens):
            tokens = tokens[taken:]
            continue
        taken = _leading([*reversed(tokens)], words.after, reverse=True)
        if 0 < taken < len(tokens):
            tokens = tokens[:-taken]
            continue
        return tokens


def _leading(tokens: list[str], phrases: tuple[str, ...], *, reverse: bool = False) -> int:
    """How many tokens the longest of the phrases takes up at the beginning."""
    for phrase in phrases:
        length = len(phrase.split())
        head = tokens[:length]
        # 'you'd' is one token but two words in normal form: count tokens, compare normal forms.
        for count in range(1, length + 1):
            taken = head[:count]
            if normal(" ".join(reversed(taken) if reverse else taken)) == phrase:
                return count
    return 0
