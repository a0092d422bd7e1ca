"""What keeps Whisper honest: no text where nobody spoke, and no sentence said five times.

Whisper was trained on subtitles and writes what subtitles say when it hears nothing ("Thank you
for watching"); with little sound after the speech it repeats itself. Everything here is
arithmetic on text and numbers, so it needs no engine.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

TOKENS_PER_SECOND = 8.0
"""Fast English speech has about 7 Whisper tokens a second, punctuation included."""

SPARE_TOKENS = 12
"""Allowed on top, for short sounds."""

QUIET = 10 ** (-60 / 20)
"""Loudness (root mean square of the loudest 100 ms, full scale 1) below which nobody spoke."""

NEVER_SAID = frozenset(
    {
        # Subtitles that Whisper writes over silence and noise; compared after `plain`.
        "thank you for watching",
        "thanks for watching",
        "thank you so much for watching",
        "thank you very much for watching",
        "thanks for watching and see you next time",
        "please subscribe",
        "please subscribe to my channel",
        "please like and subscribe",
        "like and subscribe",
        "dont forget to like and subscribe",
        "see you in the next video",
        "ill see you in the next video",
        "see you next time",
        "untertitel der amara org community",
        "untertitel im auftrag des zdf fur funk 2017",
        "untertitelung des zdf 2020",
        "untertitelung aufgrund der amara org community",
        "vielen dank furs zuschauen",
        "vielen dank fur die aufmerksamkeit",
        "bis zum nachsten mal",
        "sous titres realises par la communaute d amara org",
        "sous titrage st 501",
        "merci d avoir regarde cette video",
        "subtitulos realizados por la comunidad de amara org",
        "subtitulos por la comunidad de amara org",
        "gracias por ver el video",
        "sottotitoli creati dalla comunita amara org",
        "sottotitoli e revisione a cura di qtss",
        "legendas pela comunidade amara org",
        "ondertitels ingediend door de amara org gemeenschap",
        "ondertiteling",
        "napisy stworzone przez spolecznosc amara org",
    }
)
"""Sentences nobody says to a hub: never an utterance, however sure the model is."""

SELDOM_SAID = frozenset(
    {
        # Real words, but also what Whisper makes of a cough: kept only if it is sure of them.
        "you",
        "thank you",
        "thank you very much",
        "thanks",
        "bye",
        "bye bye",
        "okay",
        "oh",
        "so",
        "uh",
        "um",
        "hmm",
        "mm",
        "i",
        "the",
        "and",
        "yeah",
        "im sorry",
        "im not",
        "vielen dank",
        "danke",
        "tschuss",
        "merci",
        "gracias",
        "grazie",
        "obrigado",
    }
)

_STARTS = ("subtitles by", "subtitled by", "transcribed by", "transcription by", "captions by",
           "captioning by", "copyright", "untertitel", "sous titres", "subtitulos", "sottotitoli",
           "legendas", "ondertitel", "napisy")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much speaks for there being speech."""

    no_speech: float
    """0-1, the model's own probability that there is none."""
    score: float
    """Mean log-probability of a token of the text."""
    loudness: float
    """Root mean square of the loudest 100 ms, full scale 1."""


def plain(text: str) -> str:
    """Lower case, no accents, no punctuation, single blanks: the form that lists here use."""
    text = unicodedata.normalize("NFKD", text.lower().replace("'", "").replace("’", ""))
    return " ".join(re.sub(r"[^\w\s]|_", " ", _without_accents(text)).split())


def _without_accents(text: str) -> str:
    return "".join(char for char in text if not unicodedata.combining(char))


def token_limit(seconds: float) -> int:
    """How many tokens speech of this length can have at most."""
    return SPARE_TOKENS + int(seconds * TOKENS_PER_SECOND)


def unlooped(text: str) -> str:
    """The text without repetitions: 'Lock the door. Lock the door. Lock' is said once.

    A word may be said twice ('very very', '2 2'), a group of words may not unless it is said for
    the first time. Cuts where the repetition starts; what follows a loop is never speech."""
    words = text.split()
    same = [plain(word) for word in words]
    for start in range(len(words)):
        for size in range(1, (len(words) - start) // 2 + 1):
            times = _times(same, start, size)
            enough = 4 if size == 1 else 3 if size == 2 else 2
            if times >= enough:
                rest = words[start + times * size :]
                if size > 2 or _begins(same[start : start + size], rest) or times >= 4:
                    return " ".join(words[: start + size])
    return text


def _times(words: list[str], start: int, size: int) -> int:
    """How often the group of words at `start` comes in a row."""
    group, times = words[start : start + size], 1
    while words[start + times * size : start + (times + 1) * size] == group:
        times += 1
    return times


def _begins(group: list[str], rest: list[str]) -> bool:
    return [plain(word) for word in rest] == group[: len(rest)]


def is_speech(text: str, evidence: Evidence) -> bool:
    """Whether to believe that somebody said this."""
    said = plain(text)
    if not said or evidence.loudness < QUIET:
        return False
    if said in NEVER_SAID or said.startswith(_STARTS):
        return False
    if said in SELDOM_SAID:
        return evidence.no_speech < 0.3 and evidence.score > -0.6
    if evidence.no_speech > 0.6:
        return evidence.score > -0.7
    return evidence.score > -1.6


def distinct(readings: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Best first, each text once; two that differ only in case and punctuation are one."""
    seen: dict[str, tuple[str, float]] = {}
    for text, score in sorted(readings, key=lambda reading: -reading[1]):
        if plain(text):
            seen.setdefault(plain(text), (text, score))
    return list(seen.values())
